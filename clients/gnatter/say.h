/* say.h — how gnatter speaks: one sentence an error, on stderr, and nothing a terminal could obey.
 *
 * A command line tool may stop on a full heap: need() does. Any thread, but one at a time.
 */
#ifndef GNATTER_SAY_H
#define GNATTER_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How the program ends. In the man page, too. */
enum {
	GN_OK = 0,
	GN_FAILED = 1,     /* something on this machine */
	GN_USAGE = 2,      /* the command line */
	GN_OFFLINE = 3,    /* the server could not be reached in time */
	GN_SIGNED_OUT = 4, /* no token, or the server does not take it */
	GN_REFUSED = 5,    /* the server will not do it */
};

/* Print "gnatter: <sentence>\n" on stderr. Returns code. */
int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Text that others wrote, for a terminal: whatever it could obey, and what turns the direction of
 * letters, becomes '?'. To other places it goes as it is. Line feeds stay, with `indent` blanks
 * behind each. */
void say_text(FILE *out, const char *text, int indent);

/* The same for one line: line feeds and tabs become blanks. Returns how many characters it had. */
size_t say_line(FILE *out, const char *text);

/* Is stdout a terminal; and may colours be used there (NO_COLOR is not set)? */
bool say_to_terminal(void);
bool say_in_colour(void);

/* Flush stdout. GN_OK, or GN_FAILED, said; that its reader has just gone is no failure. In both
 * cases *over says that nothing more can be written; it may be NULL. */
int say_flush(bool *over);

/* p, or the end of the program if it is NULL. */
void *need(void *p);
char *need_copy(const char *text);
char *need_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
