/* say.h — how gnatterctl speaks: one sentence an error, on stderr, and nothing a terminal could
 * obey.
 *
 * A command line tool may stop on a full heap: need() does.
 */
#ifndef GNATTERCTL_SAY_H
#define GNATTERCTL_SAY_H

#include <stddef.h>
#include <stdio.h>

/* Print "gnatterctl: <sentence>\n" on stderr. Returns 1, the exit code of a failure. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for something worth knowing that is no failure. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print text that others wrote: control characters, and so escape sequences, come out as '?'.
 * Padded with spaces to at least `width` characters. */
void print_clean(FILE *out, const char *text, size_t width);

/* p, or the end of the program if it is NULL: for the results of malloc and the like. */
void *need(void *p);

#endif
