/* broker.c — see broker.h. */
#include "broker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool broker_suffices(void)
{
	return mosquitto_property_identifier && mosquitto_property_next &&
	       mosquitto_property_read_binary && mosquitto_property_read_string;
}

/* False when out of memory; what was made stays for the caller to free. */
static bool add_properties(mosquitto_property **properties, const struct outgoing *o)
{
	if (o->correlation.len > 0 &&
		mosquitto_property_add_binary(properties, MQTT_PROP_CORRELATION_DATA,
			o->correlation.data, (uint16_t)o->correlation.len) != MOSQ_ERR_SUCCESS)
		return false;
	return o->expiry == 0 ||
	       mosquitto_property_add_int32(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL,
		       o->expiry) == MOSQ_ERR_SUCCESS;
}

bool broker_publish(const struct outgoing *o)
{
	mosquitto_property *properties = NULL;
	void *payload = NULL;

	/* The broker frees what it takes, and counts that against what its own malloc gave. */
	if (o->payload.len > 0) {
		payload = o->payload.len <= MQTT_MAX_PAYLOAD ? mosquitto_malloc(o->payload.len)
							     : NULL;
		if (!payload)
			return false;
		memcpy(payload, o->payload.data, o->payload.len);
	}
	if (add_properties(&properties, o) &&
		mosquitto_broker_publish(o->client, o->topic, (int)o->payload.len, payload, o->qos,
			o->retain, properties) == MOSQ_ERR_SUCCESS)
		return true;
	mosquitto_property_free_all(&properties);
	mosquitto_free(payload);
	return false;
}

bool broker_response(struct response *out, const mosquitto_property *properties)
{
	const mosquitto_property *p;
	bool correlation = false;

	*out = (struct response){0};
	for (p = properties; p; p = mosquitto_property_next(p)) {
		int id = mosquitto_property_identifier(p);

		out->has_topic = out->has_topic || id == MQTT_PROP_RESPONSE_TOPIC;
		correlation = correlation || id == MQTT_PROP_CORRELATION_DATA;
	}
	if (out->has_topic && !mosquitto_property_read_string(
				      properties, MQTT_PROP_RESPONSE_TOPIC, &out->topic, false))
		return false;
	if (correlation && !mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA,
				   &out->correlation, &out->correlation_len, false)) {
		broker_response_free(out);
		return false;
	}
	return true;
}

/* What a read gives comes from malloc in 2.0, from the broker's own malloc in 2.1. */
void broker_response_free(struct response *r)
{
	void (*release)(void *) = mosquitto_client ? mosquitto_free : free;

	if (r->topic)
		release(r->topic);
	if (r->correlation)
		release(r->correlation);
	*r = (struct response){0};
}

static int64_t ms_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t broker_clock_ms(void)
{
	return ms_of(CLOCK_MONOTONIC_COARSE);
}

int64_t broker_now_ms(void)
{
	return ms_of(CLOCK_REALTIME);
}
