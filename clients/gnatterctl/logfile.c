/* logfile.c */
#include "clients/gnatterctl/logfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/gnatterctl/say.h"

#define TAIL_MAX 16384 /* bytes looked at for a reason */

bool logfile_open(struct logfile *f, const char *path)
{
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (f->fd < 0) {
		fail("cannot open the log %s: %s", path, strerror(errno));
		return false;
	}
	logfile_rotate(f);
	logfile_mark(f);
	return true;
}

void logfile_close(struct logfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void logfile_mark(struct logfile *f)
{
	f->start = lseek(f->fd, 0, SEEK_END);
}

/* What the part wrote, at most its last TAIL_MAX bytes, into out, which has one byte more. */
static void read_tail(const struct logfile *f, char *out)
{
	struct stat st;
	off_t from = f->start;
	ssize_t n = 0;

	if (fstat(f->fd, &st) == 0) {
		if (from > st.st_size) /* rotated meanwhile */
			from = 0;
		if (st.st_size - from > TAIL_MAX)
			from = st.st_size - TAIL_MAX;
		n = pread(f->fd, out, TAIL_MAX, from);
	}
	n = n < 0 ? 0 : n;
	for (ssize_t i = 0; i < n; i++)
		if (out[i] == '\0')
			out[i] = '?';
	out[n] = '\0';
}

bool logfile_says(const struct logfile *f, const char *text)
{
	char *tail = need(malloc(TAIL_MAX + 1));
	bool says;

	read_tail(f, tail);
	says = strstr(tail, text) != NULL;
	free(tail);
	return says;
}

/* The line without a time in front (seconds, or 2026-01-31T12:00:00, or with a Z), without "Error:
 * " or the program's name, and without what only ends a sentence. */
static char *strip(char *line)
{
	static const char *const prefixes[] = {"Error: ", "gnatter: ", "gnatterd: "};
	size_t stamp = strspn(line, "0123456789-:TZ"), n;

	if (stamp > 8 && line[stamp] == ' ')
		line += stamp + 1;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0)
			line += strlen(prefixes[i]);
	for (n = strlen(line); n > 0 && strchr(". \r", line[n - 1]); n--)
		line[n - 1] = '\0';
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	return line;
}

/* What mosquitto says last is at times only half of it: the line before has the other half, or all.
 */
static void put_reason(char *out, size_t size, const char *before, const char *last)
{
	static const struct {
		const char *start;
		bool adds; /* to the line before */
	} halves[] = {{"Error found at", true}, {"Load error", true}, {"Plugin returned", false},
		{"Couldn't open database", false}};

	for (size_t i = 0; before && i < sizeof(halves) / sizeof(*halves); i++)
		if (strncmp(last, halves[i].start, strlen(halves[i].start)) == 0) {
			snprintf(out, size, "%s%s%s", before, halves[i].adds ? "; " : "",
				halves[i].adds ? last : "");
			return;
		}
	snprintf(out, size, "%s", last ? last : "");
}

void logfile_reason(const struct logfile *f, char *out, size_t size)
{
	char *tail = need(malloc(TAIL_MAX + 1)), *rest = tail, *line;
	const char *before = NULL, *last = NULL;

	read_tail(f, tail);
	while ((line = strsep(&rest, "\n")))
		if (strstr(line, "rror") || strstr(line, "gnatter")) {
			before = last;
			last = strip(line);
		}
	put_reason(out, size, before, last);
	free(tail);
}

void logfile_rotate(struct logfile *f)
{
	char old[PATH_SIZE + 8];
	struct stat st;
	off_t at = 0;
	int to;

	if (fstat(f->fd, &st) != 0 || st.st_size <= LOGFILE_MAX)
		return;
	snprintf(old, sizeof(old), "%s.old", f->path);
	to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	while (to >= 0 && at < st.st_size)
		if (sendfile(to, f->fd, &at, (size_t)(st.st_size - at)) <= 0)
			break;
	if (to >= 0)
		close(to);
	/* Lines written between the copy and this are lost, and so is what the disk had no room
	 * for. */
	if (ftruncate(f->fd, 0) != 0)
		note("cannot empty the log %s: %s", f->path, strerror(errno));
}
