/* mqttjs.h — a client that nobody here wrote: MQTT.js, run by node, over WebSocket as web pages use
 * it, or over TCP.
 *
 * Main thread only. Ends with the test; if the test fails, what it said is printed.
 */
#ifndef GNATTER_TESTS_MQTTJS_H
#define GNATTER_TESTS_MQTTJS_H

#include <stdbool.h>

struct instance;
struct mqttjs;

struct mqttjs_opts {
	const char *url;      /* NULL: ws://127.0.0.1:<the instance's port for that> */
	const char *user;     /* MQTT username, and whose token is minted */
	const char *device;   /* client id "<user>:<device>" */
	const char *password; /* NULL: a fresh token for user */
	int version;          /* 5, or 4 for MQTT 3.1.1; 0 is 5 */
	bool persistent;      /* a session that outlives the connection by an hour (version 5) */
};

/* Connected, or the test fails. mqttjs_try returns the CONNACK's code instead, 255 if there was
 * none, and in *out a client or NULL. */
struct mqttjs *mqttjs_open(struct instance *i, const struct mqttjs_opts *o);
int mqttjs_try(struct mqttjs **out, struct instance *i, const struct mqttjs_opts *o);

/* The SUBACK's code. */
int mqttjs_subscribe(struct mqttjs *m, const char *filter, int qos);

/* The acknowledgement's reason. */
int mqttjs_publish(struct mqttjs *m, const char *topic, const char *payload, int qos);

/* Text on chat/<chat>/send at QoS 1, which must be accepted. */
void mqttjs_send(struct mqttjs *m, const char *chat, const char *payload);

/* api/<method> with a Response Topic (version 5): the answer. Owned by the test. */
struct cJSON *mqttjs_call(struct mqttjs *m, const char *method, const char *params);

struct mqttjs_message {
	const char *topic, *payload;
	const char *correlation; /* NULL: none */
	int qos;
	bool retain;
};

/* Wait for a message that was not taken yet whose topic matches the filter and whose payload holds
 * the text (NULL: any). Fails the test when none comes. Until the test is over. */
struct mqttjs_message mqttjs_take(struct mqttjs *m, const char *filter, const char *text);

/* Wait until the connection has ended. */
void mqttjs_wait_closed(struct mqttjs *m);

/* DISCONNECT, and end the program; kill -9 it. */
void mqttjs_close(struct mqttjs *m);
void mqttjs_kill(struct mqttjs *m);

#endif
