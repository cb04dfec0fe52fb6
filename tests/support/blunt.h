/* blunt.h — a server that says what it is told to, byte for byte: for answers that no decent HTTP
 * server gives.
 *
 * A thread takes one connection after another on 127.0.0.1, reads the request's head, and speaks.
 * Ends with the test. Main thread only.
 */
#ifndef GNATTER_TESTS_BLUNT_H
#define GNATTER_TESTS_BLUNT_H

#include <stdbool.h>
#include <stddef.h>

struct blunt_says {
	const char *first; /* NULL: nothing; copied, like the rest */
	const char
		*again; /* after it, again and again until the other side is gone; NULL: nothing */
	int pause_ms;   /* before each `again` */
	bool stays;     /* then keep the connection open until the other side closes it */
};

struct blunt;

struct blunt *blunt_start(const struct blunt_says *says);

/* http://127.0.0.1:port/path. Until the test is over. */
const char *blunt_url(const struct blunt *b);

/* Bytes said so far, to everybody. */
size_t blunt_said(const struct blunt *b);

#endif
