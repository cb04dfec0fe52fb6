/* say.c */
#include "clients/gnatterctl/say.h"

#include <stdarg.h>
#include <stdlib.h>

#include "wire/logline.h"

__attribute__((format(printf, 1, 0))) static void say(const char *fmt, va_list args)
{
	fflush(stdout);
	log_line_args(fmt, args);
}

int fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	return 1;
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void print_clean(FILE *out, const char *text, size_t width)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t shown = 0;

	for (; *s; s++) {
		if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) { /* U+0080 to U+009F in UTF-8 */
			s++;
			fputc('?', out);
		} else {
			fputc(*s < 0x20 || *s == 0x7f ? '?' : *s, out);
		}
		if ((*s & 0xc0) != 0x80)
			shown++;
	}
	for (; shown < width; shown++)
		fputc(' ', out);
}

void *need(void *p)
{
	if (!p) {
		fail("out of memory");
		exit(1);
	}
	return p;
}
