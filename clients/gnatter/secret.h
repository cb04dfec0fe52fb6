/* secret.h — what a person types in. Main thread. */
#ifndef GNATTER_SECRET_H
#define GNATTER_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Ask on the terminal; echo false: what is typed is not shown. usual: what an empty line stands
 * for, or NULL. Owned by the caller; NULL if nothing was given, or there is no terminal (said). */
char *ask(const char *question, const char *usual, bool echo);

/* One line of standard input without its end, at most `max` bytes. NULL if there is none or it is
 * longer, said. */
char *line_of_stdin(size_t max);

#endif
