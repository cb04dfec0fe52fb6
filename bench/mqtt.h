/* mqtt.h — as much of MQTT 3.1.1 and 5 as a client needs that loads a broker.
 *
 * Pure: bytes in, bytes out. A packet is appended to a buffer in one piece with one reservation,
 * and a payload is written by its maker straight into the place where it is sent from; a packet
 * read is lent from the bytes it came in. It must cost far less than the broker it measures: about
 * 40 ns a message each way.
 */
#ifndef GNATTER_BENCH_MQTT_H
#define GNATTER_BENCH_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

#define MQTT_TOPIC_MAX 65535
#define MQTT_BODY_MAX  268435455

enum mqtt_version { MQTT_311 = 4, MQTT_5 = 5 };

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK = 2,
	MQTT_PUBLISH = 3,
	MQTT_PUBACK = 4,
	MQTT_PUBREC = 5,
	MQTT_PUBREL = 6,
	MQTT_PUBCOMP = 7,
	MQTT_SUBSCRIBE = 8,
	MQTT_SUBACK = 9,
	MQTT_PINGREQ = 12,
	MQTT_PINGRESP = 13,
	MQTT_DISCONNECT = 14,
};

/* --- writing: appended to b; when memory runs out b->failed is set -------------------------------
 */

struct mqtt_login {
	const char *client, *user, *password; /* user, password: NULL for none */
	uint16_t keepalive_s;
};

/* A last will, at QoS 1 and retained. */
struct mqtt_will {
	const char *topic, *payload;
};

/* CONNECT, with a clean session. */
void mqtt_put_connect(struct buf *b, enum mqtt_version version, const struct mqtt_login *login);

/* The same with a last will; NULL for none. */
void mqtt_put_connect_will(struct buf *b, enum mqtt_version version, const struct mqtt_login *login,
	const struct mqtt_will *will);

/* SUBSCRIBE to count filters. */
void mqtt_put_subscribe(struct buf *b, enum mqtt_version version, uint16_t id,
	const char *const *filters, size_t count, unsigned qos);

struct mqtt_out {
	struct bytes topic;
	struct bytes response, correlation; /* MQTT 5; empty for none */
	unsigned qos;
	bool retain;
	uint16_t id; /* for QoS 1 and 2 */
	size_t payload_len;
};

/* PUBLISH without its payload, whose payload_len bytes are counted: the caller fills them in at the
 * returned place before the next write. NULL if failed or too large. */
char *mqtt_put_publish(struct buf *b, enum mqtt_version version, const struct mqtt_out *p);

/* PUBACK, PUBREC, PUBREL or PUBCOMP. */
void mqtt_put_ack(struct buf *b, enum mqtt_type type, uint16_t id);

/* PINGREQ or DISCONNECT. */
void mqtt_put_empty(struct buf *b, enum mqtt_type type);

/* --- reading -------------------------------------------------------------------------------------
 */

struct mqtt_packet {
	enum mqtt_type type;
	uint8_t flags;
	struct bytes body;
};

enum mqtt_scan { MQTT_WHOLE, MQTT_PARTIAL, MQTT_MALFORMED };

/* Look at the start of data. WHOLE: *p is a packet and *size the bytes it takes. PARTIAL: *size is
 * how many it will take, 0 if that is not known yet. */
enum mqtt_scan mqtt_scan(struct mqtt_packet *p, size_t *size, const char *data, size_t len);

struct mqtt_connack {
	uint8_t reason;       /* 0: accepted */
	uint16_t receive_max; /* messages that may be unacknowledged towards the broker */
};

struct mqtt_in {
	struct bytes topic, payload;
	struct bytes correlation; /* MQTT 5 */
	unsigned qos;
	bool dup;
	uint16_t id;
};

struct mqtt_ack {
	uint16_t id;
	uint8_t reason; /* the worst one, of a SUBACK; below 0x80 is success */
};

/* Each is false if the packet is malformed. */
bool mqtt_get_connack(
	struct mqtt_connack *out, const struct mqtt_packet *p, enum mqtt_version version);
bool mqtt_get_publish(struct mqtt_in *out, const struct mqtt_packet *p, enum mqtt_version version);
bool mqtt_get_ack(struct mqtt_ack *out, const struct mqtt_packet *p);
bool mqtt_get_suback(struct mqtt_ack *out, const struct mqtt_packet *p, enum mqtt_version version);

#endif
