/* stage.h — a broker of cardboard: it calls the plugin's hooks as Mosquitto does, and writes down
 * what the plugin asks it to do. One plugin at a time. */
#ifndef GNATTER_TESTS_PLUGIN_STAGE_H
#define GNATTER_TESTS_PLUGIN_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin/broker.h"
#include "wire/buf.h"
#include "wire/effect.h"
#include "wire/jwt.h"
#include "wire/record.h"

/* A client's connection. */
struct mosquitto {
	const char *id, *user, *address;
	bool clean, websocket, gone;
	int version;
};

struct published {
	char client[64]; /* empty: for all */
	char topic[256];
	char *payload;
	size_t len;
	int qos;
	bool retain;
	uint32_t expiry;
	char correlation[64];
};

extern struct published stage_published[4096];
extern size_t stage_published_count;
extern char stage_log[8192];
extern bool stage_without_memory; /* the broker's malloc fails */
extern struct jwt_keys stage_keys;
extern int stage_events_max; /* the highest event that the broker knows: 2.0's, unless set */
extern size_t stage_freed;   /* calls of the broker's free */

/* Clients that the broker knows by id; a kick looks here. */
extern struct mosquitto *stage_clients[64];
extern size_t stage_client_count;

/* Write keys and gnatter.conf (with more lines) into the place, and load the plugin. */
int stage_load(const char *more);
int stage_load_with(const char *key, const char *value);
void stage_unload(void);
bool stage_loaded(void);

/* Events, and what the plugin answered. */
int stage_connect(struct mosquitto *c, const char *password);
int stage_signin(struct mosquitto *c, const char *user); /* with a fresh token */
void stage_disconnect(struct mosquitto *c);
int stage_acl(struct mosquitto *c, const char *topic, int access, int qos, bool retain);
/* May c read it? Presence as it is retained, anything else live; or live in any case. */
int stage_read(struct mosquitto *c, const char *topic, const char *payload);
int stage_read_live(struct mosquitto *c, const char *topic, const char *payload);
int stage_publish(struct mosquitto *c, const char *topic, const char *payload, int qos);
int stage_publish_with(struct mosquitto *c, const char *topic, struct bytes payload,
	const mosquitto_property *properties);
int stage_control(struct mosquitto *c, struct bytes message);
void stage_reload(void);
void stage_tick(void);
bool stage_has_hook(int event);
void stage_event(int event, void *data);

/* Forget what was published. */
void stage_clear(void);

/* The bridge. */
extern struct mosquitto stage_bridge;
void stage_bridge_connect(void);
int stage_hello(uint64_t epoch, uint64_t number);

/* A control message with these effects. */
int stage_effects(enum control_kind kind, uint64_t epoch, uint64_t number, bool last,
	const struct effect *effects, uint32_t count);

/* The next frame published for the bridge, from *at on; false if there is none. */
bool stage_frame(struct frame *f, size_t *at);

/* The i-th record of a frame. */
struct record stage_record(const struct frame *f, uint32_t i);

/* A published message by topic, or NULL. */
const struct published *stage_find(const char *topic);

#endif
