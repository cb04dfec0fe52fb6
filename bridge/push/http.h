/* http.h — POST requests to push providers: many at a time on one thread, over few connections.
 *
 * Whoever sends hands requests in and calls http_run() in a loop; each request handed in is called
 * back once from there, with the answer or with why there is none. Requests to one origin share
 * connections, over HTTP/2 one connection carries many at a time.
 *
 * What is never done: following a redirect (a 3xx is an answer like any other), using a proxy from
 * the environment, keeping cookies, reading ~/.netrc, taking a server whose certificate does not
 * fit, decompressing, reading more than HTTP_BODY_MAX and HTTP_HEADERS_MAX bytes into memory. Only
 * https is spoken; http to a loopback address if the configuration says so. Where a user's URL may
 * lead is said in guard.h, and judged on the address that is connected to, whatever a name
 * resolves to; a connection that was made for the operator is never used for a user's URL.
 *
 * All calls belong to one thread but http_wake(). SIGPIPE must be ignored. http_start(), or else
 * the first http_submit(), starts libcurl: no other thread may be starting it at the same moment.
 *
 * Protocols: RFC 9110 (HTTP), RFC 9113 (HTTP/2), RFC 7301 (ALPN).
 */
#ifndef GNATTER_BRIDGE_PUSH_HTTP_H
#define GNATTER_BRIDGE_PUSH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/push/http_types.h"
#include "wire/buf.h"
#include "wire/err.h"

#define HTTP_BODY_MAX        16384    /* bytes of an answer's body that are kept */
#define HTTP_HEADERS_MAX     4096     /* bytes of its headers that are kept */
#define HTTP_RETRY_AFTER_MAX 86400000 /* ms; a longer Retry-After counts as this */

/* The value of a header, by its name in lower case; the first if there are several. data is NULL if
 * there is none. Lent like the response. */
struct bytes http_response_header(const struct http_response *r, const char *name);

/* May call http_submit(), but neither http_run() nor http_destroy(). */
typedef void http_done_fn(void *ctx, const struct http_response *r);

struct http_conf {
	int64_t timeout_ms;              /* > 0; for a request, from submission to the last byte */
	size_t in_flight_max;            /* > 0; requests handed in and not called back */
	size_t connections_per_host_max; /* 0: 16. To one host and port at once; where HTTP/2 is
					    insisted on it is 2 */
	bool allow_loopback_http;        /* http is spoken to loopback addresses */
	bool allow_private;              /* users' URLs may lead anywhere, too */
	const char *ca_file;             /* PEM: trust these authorities and no other; NULL: the
					    system's. Copied */
};

struct http;

/* On failure *out is NULL and why has a sentence: ERR_BAD_REQUEST (the CA file), ERR_NOMEM, ERR_IO
 * (no descriptors). */
enum err http_create(struct http **out, const struct http_conf *conf, char *why, size_t why_size);

/* Start libcurl, if it is not yet. For those who want to know early whether it can be used: ERR_IO
 * (it does not speak HTTP/2 and TLS), ERR_NOMEM, with a sentence in why. */
enum err http_start(struct http *h, char *why, size_t why_size);

/* Ends what is under way, without calling back. NULL is fine. */
void http_destroy(struct http *h);

/* Hand in a request; it is copied. done is called from a later http_run(), also when the URL is
 * refused at once. Fails with ERR_BUSY (in_flight_max), ERR_BAD_REQUEST (a header line that is
 * none), ERR_NOMEM or ERR_IO (as http_start()), and then done is not called. */
enum err http_submit(struct http *h, const struct http_request *r, http_done_fn *done, void *ctx);

/* Requests that were handed in and not called back. */
size_t http_in_flight(const struct http *h);

/* Wait until something happens, at most timeout_ms (-1: for ever), do what is to be done and call
 * back what is done. Returns when that is over, perhaps before anything was called back. ERR_IO:
 * the system refuses to wait. */
enum err http_run(struct http *h, int timeout_ms);

/* Make http_run() return, now or when it is called next. The only call for other threads. */
void http_wake(struct http *h);

#endif
