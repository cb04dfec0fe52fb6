/* raw.h — MQTT over a bare socket, for what no decent library lets one do: wrong bytes, half
 * packets, a client that stops reading, a device that is cut off.
 *
 * All functions work on one thread of any kind; none of them asserts, so that load threads can use
 * them.
 */
#ifndef GNATTER_TESTS_RAW_H
#define GNATTER_TESTS_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

struct raw {
	int fd; /* -1: not connected */
	int version;
	struct buf in; /* received; `used` bytes of it are the packet handed out last */
	size_t used;
};

struct raw_packet {
	uint8_t type;  /* upper four bits of the first byte: 2 CONNACK, 3 PUBLISH, 4 PUBACK, ... */
	uint8_t flags; /* lower four */
	struct bytes body; /* lent until the next read */
};

enum { RAW_CONNACK = 2, RAW_PUBLISH = 3, RAW_PUBACK = 4, RAW_SUBACK = 9, RAW_PINGRESP = 13 };

/* TCP connection to 127.0.0.1. receive_buffer: SO_RCVBUF, 0 for the usual. False if refused. */
bool raw_open(struct raw *r, int port, int receive_buffer);
bool raw_open_unix(struct raw *r, const char *path);
void raw_close(struct raw *r);

/* All of it, or false if the connection ended. */
bool raw_write(struct raw *r, const void *data, size_t len);

/* Next packet within timeout_ms. 1 read, 0 none in time, -1 the connection ended. */
int raw_read(struct raw *r, struct raw_packet *p, int timeout_ms);

/* CONNECT and its answer: the CONNACK's code, or -1. client NULL and so on: as MQTT says. */
struct raw_connect {
	const char *client, *user, *password;
	int version; /* 4 or 5 */
	bool persistent;
	uint16_t receive_max; /* MQTT 5; 0: not said */
	uint16_t keepalive_s; /* 0: 60 */
};
int raw_connect(struct raw *r, const struct raw_connect *c, int timeout_ms);

/* Append a packet of this type and flags to b: header, remaining length, body. */
void raw_packet(struct buf *b, uint8_t first, const struct buf *body);

/* Append a PUBLISH. mid counts for QoS 1 and 2. */
void raw_publish(struct buf *b, int version, const char *topic, const void *payload, size_t len,
	int qos, uint16_t mid, bool dup);

/* Subscribe and wait for the SUBACK's code; -1 if the connection ended. */
int raw_subscribe(struct raw *r, const char *filter, int qos, int timeout_ms);

/* The parts of a PUBLISH as received. */
struct raw_message {
	struct bytes topic, payload;
	int qos;
	uint16_t mid;
};
bool raw_message(const struct raw *r, const struct raw_packet *p, struct raw_message *out);

/* PUBACK for a message at QoS 1. */
bool raw_ack(struct raw *r, uint16_t mid);

/* PINGREQ; its answer is for raw_read. */
bool raw_ping(struct raw *r);

/* Has the other side closed? Waits up to timeout_ms, throwing away what comes. */
bool raw_wait_closed(struct raw *r, int timeout_ms);

#endif
