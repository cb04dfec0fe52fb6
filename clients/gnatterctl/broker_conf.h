/* broker_conf.h — mosquitto.conf: written for a new instance, and read as far as gnatterctl must
 * know it. */
#ifndef GNATTERCTL_BROKER_CONF_H
#define GNATTERCTL_BROKER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/conf.h"

struct broker_conf_values {
	const char *dir, *user, *plugin;
	uint16_t port, ws_port; /* ws_port 0: no WebSocket */
	uint16_t bridge_port;   /* 0: the unix socket DIR/run/broker.sock */
};

/* Append the text of a mosquitto.conf. out->failed if memory ran out. */
void broker_conf_write(struct buf *out, const struct broker_conf_values *v);

/* Can the broker have a unix socket at this path? The system's limit is 107 bytes, and
 * mosquitto.conf ends a path at a space. */
bool broker_conf_socket_ok(const char *path);

#define BROKER_LISTENERS_MAX 16

struct broker_listener {
	uint16_t port;
	char address[256]; /* empty: every interface */
	bool websockets;
};

struct broker_conf {
	struct broker_listener listeners[BROKER_LISTENERS_MAX]; /* TCP only */
	size_t count;
	char plugin[CONF_PATH_MAX];      /* empty: none is named */
	char persistence[CONF_PATH_MAX]; /* the folder; empty: none */
};

/* Read the file. False if it cannot be read, said on stderr. What is wrong in it is for the broker
 * to say. */
bool broker_conf_read(struct broker_conf *c, const char *path);

/* The first listener for plain MQTT; NULL if there is none. */
const struct broker_listener *broker_conf_mqtt(const struct broker_conf *c);

/* The first listener whose port somebody else has; NULL if all are free. */
const struct broker_listener *broker_conf_port_taken(const struct broker_conf *c);

/* Is the TCP port free on that address ("" is every interface)? True also if that cannot be told.
 */
bool port_free(const char *address, uint16_t port);

#endif
