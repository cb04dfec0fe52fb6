/* lanes.h — libcurl's event loops: several of them, waited for as one.
 *
 * A lane has connections of its own. The operator's requests and those to users' URLs run in
 * different ones, so that no user's URL is ever sent over a connection that was opened under the
 * operator's rules: what guards addresses guards connecting, and a connection that is there already
 * is not connected again.
 *
 * One thread, but for lanes_wake().
 */
#ifndef GNATTER_BRIDGE_PUSH_LANES_H
#define GNATTER_BRIDGE_PUSH_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "bridge/push/libcurl.h"
#include "wire/err.h"

enum lane { LANE_OPERATOR, LANE_HTTP2, LANE_STRANGER, LANES };

struct lanes_conf {
	size_t connections_max; /* of a lane, at once */
	size_t idle_max;        /* of a lane, kept for later */
	size_t per_host_max[LANES];
	size_t streams_max; /* on one HTTP/2 connection, if the server allows as many */
};

struct lanes;

/* They can be waited for, but carry nothing yet. ERR_NOMEM, ERR_IO. *out is NULL on failure. */
enum err lanes_create(struct lanes **out);

/* Make libcurl's part of them, once, before the first lanes_add(). ERR_NOMEM; then nothing was
 * done.
 */
enum err lanes_open(struct lanes *l, const struct lanes_conf *conf);

/* After everything was removed. NULL is fine. */
void lanes_destroy(struct lanes *l);

/* Start a transfer; its handle is borrowed until it is removed. ERR_NOMEM. */
enum err lanes_add(struct lanes *l, enum lane lane, CURL *easy);
void lanes_remove(struct lanes *l, enum lane lane, CURL *easy);

/* Wait for something to do, at most timeout_ms (-1: for ever), and do it. ERR_IO. */
enum err lanes_run(struct lanes *l, int timeout_ms);

/* A transfer that has ended and was not told of yet, which the caller then removes; NULL if there
 * is none. */
CURL *lanes_ended(struct lanes *l, CURLcode *result);

/* A transfer that began at since_ms (monotonic) has ended for want of an answer and is not removed
 * yet. If its connection has been silent all the while, whatever waits on it waits in vain, and
 * what is sent next would, too: break it, so that libcurl makes a new one. */
void lanes_break_silent(struct lanes *l, CURL *easy, int64_t since_ms);

/* Make lanes_run() return, now or when it is called next. Any thread. */
void lanes_wake(struct lanes *l);

#endif
