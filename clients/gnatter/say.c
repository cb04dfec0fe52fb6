/* say.c — see say.h. */
#include "clients/gnatter/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/utf8.h"

/* The characters a terminal acts on: C0, DEL, C1; and those that reorder what is shown. How many
 * bytes that one has at s; 0 if there is none. s is valid UTF-8. */
static size_t obeyed(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f)
		return 1;
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
		return 2;
	if (s[0] == 0xd8 && s[1] == 0x9c) /* U+061C */
		return 2;
	if (s[0] != 0xe2)
		return 0;
	if (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae)))
		return 3; /* U+200E, U+200F, U+2028 to U+202E */
	return s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9 ? 3 : 0; /* U+2066 to U+2069 */
}

/* One character that is fit for a terminal; returns its bytes. */
static size_t put_clean(FILE *out, const char *s)
{
	size_t bad = obeyed((const unsigned char *)s), len = 1;

	if (bad > 0) {
		fputc('?', out);
		return bad;
	}
	while (((unsigned char)s[len] & 0xc0) == 0x80)
		len++;
	fwrite(s, 1, len, out);
	return len;
}

/* Every string of ours is valid UTF-8; one that is not is shown byte for byte, without the bytes
 * that are not ASCII. */
static size_t put_one(FILE *out, const char *s, bool valid)
{
	if (!valid && (unsigned char)*s >= 0x80) {
		fputc('?', out);
		return 1;
	}
	return put_clean(out, s);
}

bool say_to_terminal(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

bool say_in_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return say_to_terminal() && (!no || !*no) && term && strcmp(term, "dumb") != 0;
}

static bool is_terminal(FILE *out)
{
	return isatty(fileno(out)) == 1;
}

void say_text(FILE *out, const char *text, int indent)
{
	bool valid = utf8_ok(text, strlen(text), NULL), clean = is_terminal(out);

	while (*text) {
		if (*text == '\n') {
			fprintf(out, "\n%*s", indent, "");
			text++;
		} else if (*text == '\t' || !clean) {
			fputc(*text++, out);
		} else {
			text += put_one(out, text, valid);
		}
	}
}

size_t say_line(FILE *out, const char *text)
{
	bool valid = utf8_ok(text, strlen(text), NULL), clean = is_terminal(out);
	size_t n = 0;

	while (*text) {
		if (strchr("\n\r\t", *text)) {
			fputc(' ', out);
			text++;
			n++;
			continue;
		}
		n += ((unsigned char)*text & 0xc0) != 0x80;
		if (clean)
			text += put_one(out, text, valid);
		else
			fputc(*text++, out);
	}
	return n;
}

int fail(int code, const char *fmt, ...)
{
	char line[2048];
	va_list args;
	bool valid;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	valid = utf8_ok(line, strlen(line), NULL);
	fflush(stdout);
	fputs("gnatter: ", stderr);
	for (const char *s = line; *s;)
		s += put_one(stderr, s, valid);
	fputc('\n', stderr);
	return code;
}

int say_flush(bool *over)
{
	static bool gone, said; /* a stream that has failed once fails for ever */

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return GN_OK;
	gone |= errno == EPIPE;
	if (over)
		*over = true;
	if (gone || said)
		return gone ? GN_OK : GN_FAILED;
	said = true;
	return fail(GN_FAILED, "cannot write to standard output: %s", strerror(errno));
}

void *need(void *p)
{
	if (!p) {
		fail(GN_FAILED, "out of memory");
		exit(GN_FAILED);
	}
	return p;
}

char *need_copy(const char *text)
{
	return need(strdup(text));
}

char *need_printf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	return need(text);
}
