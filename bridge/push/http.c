/* http.c — see http.h. Transfers go from the pool to a lane, or, when their URL is refused at once,
 * to a list, and from either through a callback back into the pool.
 *
 * Invariants: every transfer is in exactly one of the three lists; busy = those in active and
 * refused <= conf.in_flight_max.
 */
#include "bridge/push/http.h"

#include "bridge/push/transfer.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_HOST 16
#define IDLE_MAX 64

/* A connection of HTTP/2 carries as many requests as the server allows; a second one helps where
 * that is a hundred. libcurl would open as many as it may: it takes a connection for full as long
 * as the server has not said how much it allows, and for none at all once it has sent a GOAWAY. */
#define PER_HOST_HTTP2 2

struct http {
	struct http_conf conf;
	char *ca_file; /* what conf.ca_file points to */
	struct lanes *lanes;
	struct transfer active, refused; /* rings */
	struct transfer *pool;           /* by next */
	size_t busy;
	bool started; /* libcurl is */
};

struct bytes http_response_header(const struct http_response *r, const char *name)
{
	return reply_find(r->headers, name);
}

/* --- rings --------------------------------------------------------------------------------- */

static void ring_init(struct transfer *ring)
{
	ring->prev = ring->next = ring;
}

static void ring_add(struct transfer *ring, struct transfer *t)
{
	t->prev = ring->prev;
	t->next = ring;
	t->prev->next = t;
	ring->prev = t;
}

static void ring_remove(struct transfer *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
}

/* --- life ---------------------------------------------------------------------------------- */

static enum err check_libcurl(char *why, size_t why_size)
{
	const curl_version_info_data *v = libcurl()->version_info(CURLVERSION_NOW);

	if ((v->features & CURL_VERSION_SSL) && (v->features & CURL_VERSION_HTTP2))
		return ERR_OK;
	snprintf(why, why_size, "libcurl %s is without TLS or HTTP/2", v->version);
	return ERR_IO;
}

/* libcurl looks into the file with the first connection only, and then every request would fail. */
static enum err check_authorities(const char *path, char *why, size_t why_size)
{
	FILE *f = fopen(path, "re");
	X509 *first;

	if (!f) {
		snprintf(why, why_size, "cannot read %s: %s", path, strerror(errno));
		return ERR_BAD_REQUEST;
	}
	first = PEM_read_X509_AUX(f, NULL, NULL, NULL);
	fclose(f);
	if (!first) {
		ERR_clear_error();
		snprintf(why, why_size, "there is no certificate in %s", path);
		return ERR_BAD_REQUEST;
	}
	X509_free(first);
	return ERR_OK;
}

static enum err take_conf(struct http *h, const struct http_conf *conf, char *why, size_t why_size)
{
	h->conf = *conf;
	if (h->conf.connections_per_host_max == 0)
		h->conf.connections_per_host_max = PER_HOST;
	if (!conf->ca_file)
		return ERR_OK;
	h->conf.ca_file = h->ca_file = strdup(conf->ca_file);
	if (!h->ca_file) {
		snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	return check_authorities(h->ca_file, why, why_size);
}

static enum err open_lanes(struct http *h)
{
	struct lanes_conf conf = {.connections_max = h->conf.in_flight_max,
		.idle_max = IDLE_MAX,
		.per_host_max = {[LANE_OPERATOR] = h->conf.connections_per_host_max,
			[LANE_HTTP2] = PER_HOST_HTTP2,
			[LANE_STRANGER] = h->conf.connections_per_host_max},
		.streams_max = h->conf.in_flight_max};

	return lanes_open(h->lanes, &conf);
}

enum err http_start(struct http *h, char *why, size_t why_size)
{
	enum err err;

	if (h->started)
		return ERR_OK;
	err = check_libcurl(why, why_size);
	if (err != ERR_OK)
		return err;
	if (libcurl()->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		snprintf(why, why_size, "libcurl does not start");
		return ERR_IO;
	}
	err = open_lanes(h);
	if (err != ERR_OK) {
		libcurl()->global_cleanup();
		snprintf(why, why_size, "cannot set up libcurl: %s", err_text(err));
	}
	h->started = err == ERR_OK;
	return err;
}

static enum err make_lanes(struct http *h, char *why, size_t why_size)
{
	enum err err = lanes_create(&h->lanes);

	if (err != ERR_OK)
		snprintf(why, why_size, "cannot wait for answers: %s", strerror(errno));
	return err;
}

enum err http_create(struct http **out, const struct http_conf *conf, char *why, size_t why_size)
{
	struct http *h = calloc(1, sizeof(*h));
	enum err err;

	assert(conf->timeout_ms > 0 && conf->in_flight_max > 0);
	*out = NULL;
	if (!h) {
		snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	ring_init(&h->active);
	ring_init(&h->refused);
	err = take_conf(h, conf, why, why_size);
	if (err == ERR_OK)
		err = make_lanes(h, why, why_size);
	if (err != ERR_OK) {
		http_destroy(h);
		return err;
	}
	*out = h;
	return ERR_OK;
}

static void destroy_ring(struct http *h, struct transfer *ring)
{
	while (ring->next != ring) {
		struct transfer *t = ring->next;

		ring_remove(t);
		if (ring == &h->active)
			lanes_remove(h->lanes, t->lane, t->easy);
		transfer_destroy(t);
	}
}

void http_destroy(struct http *h)
{
	if (!h)
		return;
	destroy_ring(h, &h->active);
	destroy_ring(h, &h->refused);
	for (struct transfer *t; (t = h->pool);) {
		h->pool = t->next;
		transfer_destroy(t);
	}
	lanes_destroy(h->lanes);
	if (h->started)
		libcurl()->global_cleanup();
	free(h->ca_file);
	free(h);
}

/* --- requests ------------------------------------------------------------------------------ */

static enum err take_from_pool(struct http *h, struct transfer **out)
{
	if (!h->pool)
		return transfer_create(out, &h->conf);
	*out = h->pool;
	h->pool = h->pool->next;
	return ERR_OK;
}

static void give_to_pool(struct http *h, struct transfer *t)
{
	t->next = h->pool;
	h->pool = t;
}

enum err http_submit(struct http *h, const struct http_request *r, http_done_fn *done, void *ctx)
{
	struct transfer *t;
	char why[128];
	enum err err;

	if (h->busy == h->conf.in_flight_max)
		return ERR_BUSY;
	err = http_start(h, why, sizeof(why));
	if (err == ERR_OK)
		err = take_from_pool(h, &t);
	if (err != ERR_OK)
		return err;
	t->done = done;
	t->ctx = ctx;
	err = transfer_prepare(t, r);
	if (err == ERR_OK && !t->refused)
		err = lanes_add(h->lanes, t->lane, t->easy);
	if (err != ERR_OK) {
		give_to_pool(h, t);
		return err;
	}
	ring_add(t->refused ? &h->refused : &h->active, t);
	h->busy++;
	return ERR_OK;
}

size_t http_in_flight(const struct http *h)
{
	return h->busy;
}

static void finish(struct http *h, struct transfer *t, CURLcode result)
{
	struct http_response r = transfer_response(t, result);

	ring_remove(t);
	h->busy--;
	t->done(t->ctx, &r);
	give_to_pool(h, t);
}

/* Only those that are there now: a callback may hand in the next. */
static void finish_refused(struct http *h)
{
	struct transfer *last = h->refused.prev;

	for (bool more = last != &h->refused; more;) {
		struct transfer *t = h->refused.next;

		more = t != last;
		finish(h, t, CURLE_OK);
	}
}

static void finish_ended(struct http *h)
{
	CURLcode result;

	for (CURL *easy; (easy = lanes_ended(h->lanes, &result));) {
		struct transfer *t = NULL;

		libcurl()->easy_getinfo(easy, CURLINFO_PRIVATE, &t);
		if (result == CURLE_OPERATION_TIMEDOUT)
			lanes_break_silent(h->lanes, easy, t->started_ms);
		lanes_remove(h->lanes, t->lane, easy);
		finish(h, t, result);
	}
}

enum err http_run(struct http *h, int timeout_ms)
{
	bool waiting = h->refused.next == &h->refused;
	enum err err = lanes_run(h->lanes, waiting ? timeout_ms : 0);

	finish_refused(h);
	finish_ended(h);
	return err;
}

void http_wake(struct http *h)
{
	lanes_wake(h->lanes);
}
