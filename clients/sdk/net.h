/* net.h — one MQTT 5 connection at a time, over Paho's MQTTAsync: the only file that sees Paho.
 *
 * Paho has threads of its own and holds a lock of its own while it calls us, under which nothing
 * may wait. So each thing that happens becomes a struct net_event and is handed to `sink` in Paho's
 * thread, which puts it into a queue and returns. All functions belong to one other thread.
 *
 * Each connection has a handle of its own, so nothing of one is sent on the next: what was not
 * acknowledged its owner says again. Events of a connection that was given up may still stand in
 * the owner's queue: net_current() tells them.
 */
#ifndef GNATTER_SDK_NET_H
#define GNATTER_SDK_NET_H

#include "clients/sdk/gnatter.h"
#include "wire/buf.h"

struct net;

enum net_event_kind {
	NET_CONNECTED,
	NET_FAILED,  /* the attempt to connect */
	NET_LOST,    /* the connection has ended */
	NET_MESSAGE, /* topic, payload, correlation */
	NET_TAKEN,   /* what was published or subscribed as `number` was acknowledged */
	NET_REFUSED, /* the same, with a reason of 0x80 and up */
	NET_UNKNOWN, /* it may have been sent or not: the connection ended before */
};

struct net_event {
	struct net_event *next; /* for who queues it */
	enum net_event_kind kind;
	uint64_t connection;
	uint64_t number;   /* NET_TAKEN, NET_REFUSED, NET_UNKNOWN */
	int reason;        /* an MQTT 5 reason code; below 0: Paho's error; 0: none */
	char text[96];     /* NET_FAILED, NET_LOST: why, a sentence */
	const char *topic; /* NET_MESSAGE: ends in NUL, and so do the other two */
	struct bytes payload, correlation;
	void *message; /* Paho's */
};

/* Takes the event, which is freed with net_event_free(). */
typedef void net_sink_fn(void *ctx, struct net_event *e);

enum gnatter_error net_create(
	struct net **out, const char *client_id, net_sink_fn *sink, void *ctx);

/* Give the connection up: says DISCONNECT, if connected. No event comes after it returned, and none
 * that was handed out is current any more. */
void net_close(struct net *n);
void net_destroy(struct net *n);

/* Is it of the connection that there is now? */
bool net_current(const struct net *n, const struct net_event *e);

struct net_connect {
	const char *address, *user, *secret, *ca_file; /* ca_file NULL: the system's */
	const char *will_topic, *will;                 /* retained, QoS 1 */
	uint32_t keep_alive_s, will_delay_s, session_expiry_s, timeout_s;
};

/* Begin, on a fresh connection. NET_CONNECTED or NET_FAILED comes, unless this fails: then *why is
 * a sentence. GNATTER_EINVAL: ca_file cannot be read. */
enum gnatter_error net_connect(struct net *n, const struct net_connect *c, const char **why);

struct net_publish {
	const char *topic;
	struct bytes payload;
	int qos; /* 0 or 1 */
	bool retain;
	const char *correlation; /* not NULL: with a Response Topic */
	uint64_t number;         /* of NET_TAKEN; 0: nobody wants to know */
};

/* GNATTER_ENOMEM also stands for "not connected any more": NET_LOST is on its way then. */
enum gnatter_error net_publish(struct net *n, const struct net_publish *p);
enum gnatter_error net_subscribe(struct net *n, char *const *filters, size_t count);
enum gnatter_error net_unsubscribe(struct net *n, char *const *filters, size_t count);

/* Where answers come: the topic of those events. */
#define NET_ANSWER "answer"

void net_event_free(struct net_event *e);

#endif
