/* link.h — the connection to the broker. The only file of the daemon that sees libmosquitto.
 *
 * One MQTT 5 connection over the bridge's own listener (conf->broker), signed in with a token
 * minted for the purpose. It comes back by itself: at once, then with growing pauses of up to a
 * second.
 *
 * One thread: the loop's. Callbacks come out of link_service() and must not destroy the link.
 */
#ifndef GNATTER_BRIDGE_LINK_H
#define GNATTER_BRIDGE_LINK_H

#include "wire/buf.h"
#include "wire/conf.h"
#include "wire/jwt.h"

#include <stdbool.h>

struct link;

struct link_handler {
	void (*up)(void *ctx);                          /* connected: greet now */
	void (*frame)(void *ctx, struct bytes payload); /* lent for the call */
	void (*down)(void *ctx);                        /* what was sent may be lost */
	/* A link_publish() of that number is acknowledged; somebody: it has a subscriber. What was
	 * not when `down` comes will not be. */
	void (*published)(void *ctx, uint64_t number, bool somebody);
	void *ctx;
};

/* Borrows keys and handler->ctx. On failure *out is NULL and why has a sentence. */
enum err link_create(struct link **out, const struct conf *conf, const struct jwt_keys *keys,
	const struct link_handler *handler, char *why, size_t why_size);
void link_destroy(struct link *l);

/* For poll(): the socket (-1 if there is none now), and whether there is something to write. */
int link_fd(const struct link *l);
bool link_wants_write(const struct link *l);

/* Do what is due: read, write, keep alive, connect again. now_ms is of a monotonic clock. Returns
 * in how many ms it must be called again at the latest. */
int link_service(struct link *l, bool readable, bool writable, int64_t now_ms);

/* Send one control message; copied. False if there is no connection. */
bool link_send(struct link *l, struct bytes message);

/* Publish with QoS 1; copied. False if there is no connection, or LINK_PUBLISHES_MAX are not
 * acknowledged yet. MQTT 5, 3.4.2.1: the broker says so where nobody is subscribed. */
#define LINK_PUBLISHES_MAX 512
bool link_publish(struct link *l, uint64_t number, const char *topic, struct bytes payload);

/* Give the connection up and make a new one after a pause. */
void link_drop(struct link *l, int64_t now_ms);

/* Why the last attempt to connect failed; empty if it did not. */
const char *link_trouble(const struct link *l);

#endif
