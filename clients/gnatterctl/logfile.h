/* logfile.h — the log of a part that runs: kept small, and asked why the part ended.
 *
 * The part writes to the file itself, so that it never waits for anybody. Opened for appending, the
 * file can be emptied under it.
 */
#ifndef GNATTERCTL_LOGFILE_H
#define GNATTERCTL_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "clients/gnatterctl/instance.h"

#define LOGFILE_MAX (10 << 20) /* bytes; then what is in it becomes FILE.old */

struct logfile {
	char path[PATH_SIZE];
	int fd;
	off_t start; /* where the running part began to write */
};

/* Open or make it. False said on stderr. */
bool logfile_open(struct logfile *f, const char *path);
void logfile_close(struct logfile *f);

/* From here on the lines are a new part's. */
void logfile_mark(struct logfile *f);

/* Did the part that runs write this text? */
bool logfile_says(const struct logfile *f, const char *text);

/* The last errors that the part wrote, as one sentence without times and prefixes; empty if none.
 */
void logfile_reason(const struct logfile *f, char *out, size_t size);

/* Move what is in it to FILE.old if it is too large. */
void logfile_rotate(struct logfile *f);

#endif
