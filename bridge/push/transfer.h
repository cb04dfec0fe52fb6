/* transfer.h — one request on its way: libcurl's handle for it and everything it needs meanwhile.
 *
 * A transfer is made once and used again and again: start it, run its lane, finish it.
 * One thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_TRANSFER_H
#define GNATTER_BRIDGE_PUSH_TRANSFER_H

#include "bridge/push/http.h"
#include "bridge/push/lanes.h"
#include "bridge/push/reply.h"
#include "bridge/push/url.h"

struct transfer {
	struct transfer *prev, *next; /* in whatever list the owner keeps it */
	const struct http_conf *conf; /* borrowed */
	http_done_fn *done;
	void *ctx;
	enum lane lane;
	int64_t started_ms; /* monotonic */

	CURL *easy;
	struct url url;
	struct buf lines; /* the request's headers, each NUL-terminated */
	struct curl_slist *headers;
	struct buf body;
	bool stranger, http2;

	const char *refused; /* why the URL is not gone to; NULL: it may be */
	bool reached;        /* an address was connected to, whatever others were refused */
	struct reply reply;
	char error[CURL_ERROR_SIZE];
};

/* ERR_NOMEM. *out is NULL on failure. */
enum err transfer_create(struct transfer **out, const struct http_conf *conf);

/* Must not be in a lane. NULL is fine. */
void transfer_destroy(struct transfer *t);

/* Take a request over (copied) and make t->easy ready for its lane, or set t->refused: then it is
 * not to be added to any. ERR_BAD_REQUEST for headers that are none, ERR_NOMEM. */
enum err transfer_prepare(struct transfer *t, const struct http_request *r);

/* What came of it, when libcurl has ended it with this result (anything if it was refused). Lent
 * until it is prepared again or destroyed. */
struct http_response transfer_response(struct transfer *t, CURLcode result);

#endif
