/* logline.c — see logline.h. */
#include "logline.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *name = "gnatter";
static atomic_bool timed;

/* systemd says which file the journal's end is. A part that `gnatterctl run` starts has that in its
 * environment, too, though its stderr is another. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_name(const char *program)
{
	name = program;
}

void log_with_time(void)
{
	atomic_store(&timed, !is_journal());
}

static size_t put_time(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	return gmtime_r(&now, &tm) ? strftime(out, size, "%Y-%m-%dT%H:%M:%SZ ", &tm) : 0;
}

void log_line_args(const char *fmt, va_list args)
{
	char line[LOGLINE_MAX];
	size_t len = atomic_load(&timed) ? put_time(line, sizeof(line)) : 0;
	size_t room = sizeof(line) - len - 1; /* one for the newline */
	int n = snprintf(line + len, room, "%s: ", name);

	len += (size_t)n;
	room -= (size_t)n;
	n = vsnprintf(line + len, room, fmt, args);
	len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nobody is left to tell */
}

void log_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line_args(fmt, args);
	va_end(args);
}
