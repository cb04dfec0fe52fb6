/* client.h — a libmosquitto client for tests: MQTT 3.1.1 or 5, what it receives kept in a list.
 *
 * Each has a thread that does nothing but libmosquitto's loop; it ends when the connection ends,
 * and is not connected again by itself: a test wants to see that it was closed. Functions belong to
 * the main thread. Clients are closed when the test is over.
 */
#ifndef GNATTER_TESTS_CLIENT_H
#define GNATTER_TESTS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/record.h"

struct instance;
struct client;
struct cJSON;

struct client_opts {
	const char *user;          /* MQTT username, and whose token is minted */
	const char *device;        /* client id "<user>:<device>" */
	const char *client_id;     /* or exactly this one ("" : none) */
	const char *password;      /* NULL: a fresh token for user; "": none */
	const char *role;          /* in that token; NULL: none */
	int version;               /* 5, or 4 for MQTT 3.1.1; 0 is 5 */
	bool persistent;           /* a session that outlives the connection */
	uint32_t session_expiry_s; /* MQTT 5, with persistent; 0: an hour */
	const char *will_topic, *will_payload;
	bool will_retain;
	uint32_t will_delay_s; /* MQTT 5: Will Delay Interval */
	int port;              /* 0: the instance's */
};

struct message {
	char *topic, *payload;
	size_t len; /* of the payload, which has a NUL behind it */
	int qos;
	bool retain, taken;
	char *correlation;  /* NUL-terminated; NULL if none */
	uint32_t expiry_s;  /* MQTT 5: message expiry interval; 0 if none */
	int64_t arrived_ms; /* on the clock of case_now_ms() */
};

/* Connect; fails the test if refused. */
struct client *client_open(struct instance *i, const struct client_opts *o);

/* Connect, with the CONNACK's code in *reason: 0 and a client, or NULL and the reason (MQTT 5: 0x80
 * and up; 3.1.1: 1 to 5), or -1 if the broker closed the connection without a word. */
struct client *client_try(struct instance *i, const struct client_opts *o, int *reason);

/* The usual ones: a clean session. */
struct client *client_5(struct instance *i, const char *user, const char *device);
struct client *client_3(struct instance *i, const char *user, const char *device);

/* DISCONNECT and free. client_drop closes the socket without a word: the broker sends the will. */
void client_close(struct client *c);
void client_drop(struct client *c);

/* Has the connection ended? Waits up to patience; fails the test if it stays. */
bool client_connected(const struct client *c);
void client_wait_closed(struct client *c);

/* Subscribe, returning the SUBACK's code: 0, 1, 2, or >= 0x80 for refused. */
int client_subscribe(struct client *c, const char *filter, int qos);
void client_subscribe_ok(struct client *c, const char *filter, int qos);
int client_unsubscribe(struct client *c, const char *filter);

/* Publish and wait for the acknowledgement. Returns its reason (MQTT 5; 0 for 3.1.1 and QoS 0), or
 * -1 if the connection ended before. */
struct publish {
	const char *topic;
	const char *payload; /* text, or bytes if len is given */
	size_t len;
	int qos;
	bool retain;
	const char *response, *correlation; /* MQTT 5 */
	uint32_t expiry_s;                  /* MQTT 5: message expiry interval; 0 none */
};
int client_publish(struct client *c, const struct publish *p);

/* Text on chat/<chat>/send at QoS 1, which must be accepted. */
void client_send(struct client *c, const char *chat, const char *payload);
void client_sendf(struct client *c, const char *chat, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Send and wait for the answer on the Response Topic (MQTT 5). Owned by the test. */
struct cJSON *client_send_answered(struct client *c, const char *chat, const char *payload);

/* api/<method>, with its answer: over the Response Topic (MQTT 5) or reply/<method> (3.1.1). params
 * is a JSON object. client_request fails the test if the answer is not ok; client_call returns
 * either; client_refused expects that error code. */
struct cJSON *client_call(struct client *c, const char *method, const char *params);
struct cJSON *client_request(struct client *c, const char *method, const char *params);
struct cJSON *client_requestf(struct client *c, const char *method, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void client_refused(struct client *c, const char *method, const char *params, const char *code);

/* Wait for a message nobody has taken yet whose topic matches the filter and whose payload holds
 * the text (NULL: any). Lent until the client is closed. client_take fails the test when none
 * comes. */
struct message *client_take(struct client *c, const char *filter, const char *text);

/* Everything that was on its way to this client is here when this returns: it asks the daemon
 * something and waits for the answer, which comes after what was before it. */
void client_barrier(struct client *c);

/* The same for a client that may be shown the door meanwhile: false if its connection ended
 * instead. */
bool client_try_barrier(struct client *c);

/* After a barrier: there is no such message, taken or not, that came since `mark`. */
size_t client_mark(struct client *c);
void client_none(struct client *c, size_t mark, const char *filter, const char *text);

/* How many came; the one at a place (0 is the first ever). */
size_t client_count(struct client *c, const char *filter);
struct message *client_at(struct client *c, size_t place);

/* The newest that came on the filter, taken or not; NULL if there is none. */
struct message *client_last(struct client *c, const char *filter);

/* Wait until n messages came on the filter. */
void client_wait_count(struct client *c, const char *filter, size_t n);

#endif
