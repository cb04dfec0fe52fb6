/* paho.c — see paho.h. */
#include "tests/support/paho.h"

#include <MQTTClient.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/token.h"

struct paho {
	MQTTClient client;
	int version;
	const char *id;
};

static void undo_paho(void *arg, bool failed)
{
	struct paho *p = arg;

	(void)failed;
	if (MQTTClient_isConnected(p->client)) {
		if (p->version == 5)
			MQTTClient_disconnect5(p->client, 1000, MQTTREASONCODE_SUCCESS, NULL);
		else
			MQTTClient_disconnect(p->client, 1000);
	}
	MQTTClient_destroy(&p->client);
	free(p);
}

static int connect_5(struct paho *p, const char *user, const char *token)
{
	MQTTClient_connectOptions o = MQTTClient_connectOptions_initializer5;
	MQTTResponse r;
	int code;

	o.cleanstart = 1;
	o.username = user;
	o.password = token;
	r = MQTTClient_connect5(p->client, &o, NULL, NULL);
	code = (int)r.reasonCode;
	MQTTResponse_free(r);
	return code;
}

static int connect_3(struct paho *p, const char *user, const char *token)
{
	MQTTClient_connectOptions o = MQTTClient_connectOptions_initializer;

	o.MQTTVersion = MQTTVERSION_3_1_1;
	o.cleansession = 1;
	o.username = user;
	o.password = token;
	return MQTTClient_connect(p->client, &o);
}

struct paho *paho_open(struct instance *i, const char *user, const char *device, int version)
{
	struct paho *p = calloc(1, sizeof(*p));
	MQTTClient_createOptions o = MQTTClient_createOptions_initializer;
	const char *token = token_mint(&i->keys, &(struct token){.sub = user});
	int code;

	if (!p)
		abort();
	p->version = version;
	p->id = case_printf("%s:%s", user, device);
	o.MQTTVersion = version == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	code = MQTTClient_createWithOptions(&p->client, case_printf("tcp://127.0.0.1:%d", i->port),
		p->id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &o);
	if (code != MQTTCLIENT_SUCCESS) {
		free(p);
		case_fail("paho: cannot create: %s", MQTTClient_strerror(code));
	}
	case_defer(undo_paho, p);
	code = version == 5 ? connect_5(p, user, token) : connect_3(p, user, token);
	if (code != MQTTCLIENT_SUCCESS)
		case_fail("paho: %s is refused with %d", p->id, code);
	return p;
}

void paho_subscribe(struct paho *p, const char *filter, int qos)
{
	int code;

	if (p->version == 5) {
		MQTTResponse r = MQTTClient_subscribe5(p->client, filter, qos, NULL, NULL);

		code = (int)r.reasonCode == qos ? 0 : (int)r.reasonCode;
		MQTTResponse_free(r);
	} else {
		code = MQTTClient_subscribe(p->client, filter, qos);
	}
	if (code != 0)
		case_fail("paho: %s may not subscribe to %s: %d", p->id, filter, code);
}

static void add_property(MQTTProperties *props, enum MQTTPropertyCodes code, const char *value)
{
	MQTTProperty prop = {.identifier = code};

	if (!value)
		return;
	prop.value.data.data = (char *)(uintptr_t)value;
	prop.value.data.len = (int)strlen(value);
	MQTTProperties_add(props, &prop);
}

void paho_publish(struct paho *p, const char *topic, const char *payload, int qos,
	const char *response, const char *correlation)
{
	MQTTClient_message m = MQTTClient_message_initializer;
	MQTTClient_deliveryToken token = 0;
	int code;

	m.payload = (char *)(uintptr_t)payload;
	m.payloadlen = (int)strlen(payload);
	m.qos = qos;
	if (p->version == 5) {
		MQTTResponse r;

		add_property(&m.properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, response);
		add_property(&m.properties, MQTTPROPERTY_CODE_CORRELATION_DATA, correlation);
		r = MQTTClient_publishMessage5(p->client, topic, &m, &token);
		code = (int)r.reasonCode;
		MQTTResponse_free(r);
		MQTTProperties_free(&m.properties);
	} else {
		code = MQTTClient_publishMessage(p->client, topic, &m, &token);
	}
	if (code != MQTTCLIENT_SUCCESS)
		case_fail("paho: %s cannot publish on %s: %d", p->id, topic, code);
	if (qos > 0 && MQTTClient_waitForCompletion(
			       p->client, token, (unsigned long)case_patience_ms()) != 0)
		case_fail("paho: %s: no acknowledgement of %s", p->id, topic);
}

/* One message, or NULL if none comes within 200 ms. */
static MQTTClient_message *receive(struct paho *p, char **topic)
{
	MQTTClient_message *m = NULL;
	int len = 0;

	*topic = NULL;
	MQTTClient_receive(p->client, topic, &len, &m, 200);
	return m;
}

char *paho_take(struct paho *p, const char *topic, char **correlation)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (case_now_ms() < until) {
		char *on = NULL, *found = NULL;
		MQTTClient_message *m = receive(p, &on);

		if (!m)
			continue;
		if (strcmp(on, topic) == 0) {
			MQTTProperty *prop = p->version == 5
						     ? MQTTProperties_getProperty(&m->properties,
							       MQTTPROPERTY_CODE_CORRELATION_DATA)
						     : NULL;

			found = case_printf("%.*s", m->payloadlen, (char *)m->payload);
			if (correlation)
				*correlation = prop ? case_printf("%.*s", prop->value.data.len,
							      prop->value.data.data)
						    : NULL;
		}
		MQTTClient_freeMessage(&m);
		MQTTClient_free(on);
		if (found)
			return found;
	}
	case_fail("paho: %s: nothing on %s", p->id, topic);
}
