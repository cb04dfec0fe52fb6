/* front.h — a real nginx with TLS and HTTP/2, as push providers have one, before a recorder or
 * alone.
 *
 * Listens on a free port of 127.0.0.1 with the certificate of certs.h; everything of it lies below
 * a folder of its own in /tmp, which goes with it when the test is over. Works for root and for
 * everybody else. When the test fails its logs are printed. Main thread only.
 *
 * The recorder gets the request's headers and besides X-Protocol (HTTP/2.0 or HTTP/1.1) and
 * X-Connection (nginx's number of the client's connection).
 */
#ifndef GNATTER_TESTS_FRONT_H
#define GNATTER_TESTS_FRONT_H

#include <stdbool.h>
#include <stddef.h>

struct recorder;

struct front_opts {
	struct recorder *behind; /* NULL: nginx answers an empty 200 itself */
	bool early; /* it does so before it has read the request's body, and refuses that */
	bool http1; /* do not offer HTTP/2 */
	unsigned streams_max;    /* at once on a connection; 0: 1024 */
	unsigned per_connection; /* requests, then a GOAWAY; 0: without end */
	const char *extra;       /* more lines for nginx's server block */
};

struct front;

/* opts NULL: all zero. Serves when this returns. */
struct front *front_start(const struct front_opts *opts);

/* SIGTERM and wait; kill -9; start again on the same port. */
void front_stop(struct front *f);
void front_kill(struct front *f);
void front_restart(struct front *f);

/* Let it do nothing for a while: connections are taken by the kernel only. */
void front_pause(struct front *f);
void front_resume(struct front *f);

int front_port(const struct front *f);

/* https://localhost:port and this path. Until the test is over. */
const char *front_url(const struct front *f, const char *path);

/* What it has logged: requests, and on how many connections of clients; over HTTP/2. */
struct front_seen {
	size_t requests, connections, http2;
};
struct front_seen front_seen(const struct front *f);

/* The same as soon as there are so many requests: nginx logs after it has answered. Fails the test
 * if they do not come. */
struct front_seen front_seen_all(const struct front *f, size_t requests);

#endif
