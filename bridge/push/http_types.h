/* http_types.h — a request to a provider, and its answer, as plain data.
 *
 * The kinds of push write requests and judge answers; http.h carries them.
 */
#ifndef GNATTER_BRIDGE_PUSH_HTTP_TYPES_H
#define GNATTER_BRIDGE_PUSH_HTTP_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"

/* One POST. {0} is an empty one. */
struct http_request {
	struct buf url;     /* text */
	struct buf headers; /* lines "Name: value\n" */
	struct buf body;    /* any bytes */
	bool http2;         /* insist on HTTP/2 */
	bool stranger; /* the URL came from a user, not from the operator: the guard is strict */
};

/* What came back. Everything is lent for the callback. */
struct http_response {
	int status;             /* 0: there was no answer, see error */
	struct bytes body;      /* bounded */
	struct bytes headers;   /* lines "name: value\n", names in lower case; bounded */
	bool cut;               /* the body was longer than it may be, or did not come whole */
	int64_t retry_after_ms; /* from now on, bounded to a day; -1: not said */
	int64_t date_ms;        /* of the Date header, since 1970; -1: not said */
	const char *error;      /* a sentence when status is 0 */
	bool refused;           /* the guard refused it: never to be tried again as it is */
};

/* Empty *r and keep its memory; free its memory. */
void http_request_reset(struct http_request *r);
void http_request_free(struct http_request *r);

#endif
