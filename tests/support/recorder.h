/* recorder.h — an HTTP server inside the test: it keeps what it is asked and answers as it is told.
 *
 * HTTP/1.1 by libmicrohttpd, on a thread of its own; an answer that waits holds up no other. Ends
 * with the test. If the test fails, the last requests are printed.
 *
 * Functions belong to the main thread, answering functions to the recorder's.
 */
#ifndef GNATTER_TESTS_RECORDER_H
#define GNATTER_TESTS_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

/* One request as it came. */
struct recorded {
	unsigned number;      /* from 1, in the order in which they were complete */
	unsigned connection;  /* from 1, in the order in which they were accepted */
	int64_t at_ms;        /* when it was complete, on the clock of case_now_ms() */
	const char *method;   /* POST */
	const char *target;   /* path and query, as sent */
	struct bytes headers; /* lines "Name: value\n" */
	struct bytes body;    /* with a NUL behind it */
};

enum answer_how {
	ANSWER_WHOLE,
	ANSWER_CLOSE, /* close the connection without an answer */
	ANSWER_HANG,  /* never answer */
	ANSWER_CUT,   /* promise one byte more than the body has, and close the connection there */
	ANSWER_DRIP,  /* headers at once, then the body byte by byte, drip_ms apart */
};

struct answer {
	enum answer_how how;
	int status;          /* 0: 200 */
	const char *headers; /* lines "Name: value\n"; NULL: none. Location: /elsewhere redirects */
	const char *body;    /* NULL: empty */
	size_t body_len;     /* 0: as far as the NUL */
	size_t more;         /* so many times 'x' after it, never all in memory */
	int delay_ms;        /* before the answer */
	int drip_ms;
	char space[1024]; /* for what a function makes up: headers and body may point here */
};

struct recorder_opts {
	int port;              /* on 127.0.0.1; 0: a free one */
	const char *unix_path; /* listen on this socket instead */
	bool tls;              /* with the certificate of certs.h */
	bool count_only;       /* keep no requests: for very many */
};

struct recorder;

/* opts NULL: plain HTTP on a free port, keeping everything. */
struct recorder *recorder_start(const struct recorder_opts *opts);

/* Close all connections and the port. Requests stay to be looked at until the test is over. */
void recorder_stop(struct recorder *r);

int recorder_port(const struct recorder *r);
const char *recorder_unix_path(const struct recorder *r); /* NULL: it listens on a port */

/* scheme://127.0.0.1:port and this path. Until the test is over. */
const char *recorder_url(const struct recorder *r, const char *path);

/* How to answer requests whose target begins so: from now on; or so many times, before those from
 * now on. The longest prefix counts. What no rule is for is answered by an empty 200. *a and what
 * it points to is copied. */
void recorder_answer(struct recorder *r, const char *prefix, const struct answer *a);
void recorder_answer_next(
	struct recorder *r, const char *prefix, unsigned times, const struct answer *a);

/* The same by a function, which fills *a, all zero. No assertions there: it runs on the recorder's
 * thread. What a points to must live until the recorder stops. */
typedef void recorder_fn(void *ctx, const struct recorded *request, struct answer *a);
void recorder_answer_by(struct recorder *r, const char *prefix, recorder_fn *fn, void *ctx);

/* Requests and connections so far. */
size_t recorder_count(struct recorder *r);
size_t recorder_connections(struct recorder *r);

/* Requests whose target begins so. Not in counting mode. */
size_t recorder_count_of(struct recorder *r, const char *prefix);

/* Wait until there are so many requests; false if they do not come in time. The second fails the
 * test. */
bool recorder_wait(struct recorder *r, size_t count, int timeout_ms);
void recorder_expect(struct recorder *r, size_t count);

/* The request at a place, from 0; fails the test if there is none. Lent until the test is over. */
const struct recorded *recorder_at(struct recorder *r, size_t place);

/* The value of a header, whatever the case of its name; NULL, or data NULL, if there is none. The
 * first lives until the test is over; the second is lent like the request, and for any thread. */
const char *recorded_header(const struct recorded *request, const char *name);
struct bytes recorded_value(const struct recorded *request, const char *name);

#endif
