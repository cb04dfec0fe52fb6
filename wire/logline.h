/* logline.h — what a program has to say to its operator: one line on stderr.
 *
 *   gnatterd: the store is damaged
 *   2026-01-31T12:00:00Z gnatterd: connection refused; trying again
 *
 * Lines of programs that run for long have the time in front (UTC), unless stderr is systemd's
 * journal, which has its own. Control characters come out as '?': what others wrote may be part of
 * a line. Each is one write, so that lines of several programs or threads do not mix.
 */
#ifndef GNATTER_WIRE_LOGLINE_H
#define GNATTER_WIRE_LOGLINE_H

#include <stdarg.h>

#define LOGLINE_MAX 2048 /* bytes; the rest of a longer line is cut off */

/* Once, before there are threads: the program's name, lent. Until then it is "gnatter". */
void log_name(const char *program);

/* From now on with the time. Looks at stderr. */
void log_with_time(void);

/* Any thread. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_line_args(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

#endif
