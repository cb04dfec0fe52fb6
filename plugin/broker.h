/* broker.h — the broker's plugin interface, and the little that is missing in it.
 *
 * Every call belongs on the broker's main thread.
 */
#ifndef GNATTER_PLUGIN_BROKER_H
#define GNATTER_PLUGIN_BROKER_H

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"

/* Events that 2.1 has and 2.0's header does not. A session that outlives its connection ends it
 * there with OFFLINE instead of DISCONNECT; both carry the client in the same place. 2.0 refuses to
 * register it, which is fine. */
#define BROKER_EVT_OFFLINE 28

/* What not every broker has, and is NULL where it has not: weak references. */

/* 2.1: the connection that the broker knows by this client id. */
struct mosquitto *mosquitto_client(const char *client_id) __attribute__((weak));

/* 2.0 has these, but whether it lets plugins have them depends on who built it. Debian does. */
#pragma weak mosquitto_property_identifier
#pragma weak mosquitto_property_next
#pragma weak mosquitto_property_read_binary
#pragma weak mosquitto_property_read_string

/* Can this broker be worked with? */
bool broker_suffices(void);

/* Publish a copy of payload; to one client if client is not NULL. correlation may be empty. False
 * when out of memory. It is delivered in the broker's next pass. */
struct outgoing {
	const char *client, *topic;
	struct bytes payload, correlation;
	uint8_t qos;
	bool retain;
	uint32_t expiry; /* s; 0: never */
};

bool broker_publish(const struct outgoing *o);

/* The Response Topic and Correlation Data of a message; empty and .data NULL if it has none. To be
 * freed together. False when out of memory. */
struct response {
	char *topic;
	void *correlation;
	uint16_t correlation_len;
	bool has_topic;
};

bool broker_response(struct response *out, const mosquitto_property *properties);
void broker_response_free(struct response *r);

int64_t broker_clock_ms(void); /* never runs backwards; to some milliseconds */
int64_t broker_now_ms(void);   /* since 1970 */

#endif
