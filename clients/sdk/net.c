/* net.c — see net.h. */
#include "clients/sdk/net.h"

#include "clients/sdk/address.h"
#include "clients/sdk/nodelay.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBSCRIBE_MAX 64 /* filters in one packet */
#define INFLIGHT      64
#define BUFFERED_MAX  2000 /* what Paho keeps of what it could not send yet */

struct net {
	MQTTAsync handle;
	net_sink_fn *sink;
	void *ctx;
	struct nodelay *nodelay; /* of the attempt that is under way; NULL: none */
};

void net_event_free(struct net_event *e)
{
	MQTTAsync_message *message = e->message;

	if (e->topic)
		MQTTAsync_free((void *)(uintptr_t)e->topic);
	if (message)
		MQTTAsync_freeMessage(&message);
	free(e);
}

/* --- events, in Paho's thread
 * ------------------------------------------------------------------------- */

static struct net_event *event(enum net_event_kind kind, int reason, const char *text)
{
	struct net_event *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->kind = kind;
	e->reason = reason;
	snprintf(e->text, sizeof(e->text), "%s", text ? text : "");
	return e;
}

static void give(struct net *n, struct net_event *e)
{
	if (e)
		n->sink(n->ctx, e);
}

/* What the user of a chat program can make something of. */
static const char *reason_text(int reason, const char *otherwise)
{
	static const struct {
		int reason;
		const char *text;
	} table[] = {
		{0x84, "the server does not speak MQTT 5"},
		{0x85, "the client id was refused"},
		{0x86, "user, token or password were refused"},
		{0x87, "user, token or password were refused"},
		{0x88, "the server is not available"},
		{0x89, "the server is busy"},
		{0x8a, "the client was banned"},
		{0x8b, "the server is shutting down"},
		{0x8d, "nothing was heard for too long"},
		{0x8e, "the same device connected elsewhere"},
		{0x98, "the server closed the connection"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].reason == reason)
			return table[i].text;
	return otherwise;
}

static void on_connected(void *ctx, MQTTAsync_successData5 *data)
{
	struct net *n = ctx;

	(void)data;
	if (n->nodelay)
		nodelay_end(n->nodelay);
	give(n, event(NET_CONNECTED, 0, NULL));
}

static void on_connect_failed(void *ctx, MQTTAsync_failureData5 *data)
{
	int reason = data && data->reasonCode >= 0x80 ? (int)data->reasonCode
		     : data                           ? data->code
						      : 0;
	const char *said = data && data->message ? data->message : "there is no answer";

	/* Paho gives the CONNACK's code here or there, depending on where it failed. */
	give(ctx, event(NET_FAILED, reason, reason_text(reason, said)));
}

static void on_lost(void *ctx, char *cause)
{
	give(ctx, event(NET_LOST, 0, cause ? cause : "the connection was lost"));
}

static void on_disconnected(void *ctx, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
	(void)properties;
	give(ctx, event(NET_LOST, (int)reason,
			  reason_text((int)reason, "the server closed the connection")));
}

static int on_message(void *ctx, char *topic, int topic_len, MQTTAsync_message *message)
{
	struct net *n = ctx;
	bool whole = topic_len == 0 || strlen(topic) == (size_t)topic_len;
	struct net_event *e = whole ? event(NET_MESSAGE, 0, NULL) : NULL;
	MQTTProperty *correlation = MQTTProperties_getProperty(
		&message->properties, MQTTPROPERTY_CODE_CORRELATION_DATA);

	if (!e) { /* a topic with a NUL in it, or no memory: the history has it */
		MQTTAsync_freeMessage(&message);
		MQTTAsync_free(topic);
		return 1;
	}
	e->topic = topic;
	e->message = message;
	e->payload = (struct bytes){message->payload, (size_t)message->payloadlen};
	if (correlation)
		e->correlation = (struct bytes){
			correlation->value.data.data, (size_t)correlation->value.data.len};
	give(n, e);
	return 1;
}

/* Paho hands a pointer through: of a number, which may come back when its net is long another
 * connection's. */
struct pending {
	struct net *n;
	uint64_t number;
};

static void settle(struct pending *p, enum net_event_kind kind, int reason)
{
	struct net_event *e = event(kind, reason, NULL);

	if (e)
		e->number = p->number;
	give(p->n, e);
	free(p);
}

static void on_taken(void *ctx, MQTTAsync_successData5 *data)
{
	(void)data;
	settle(ctx, NET_TAKEN, 0);
}

static void on_refused(void *ctx, MQTTAsync_failureData5 *data)
{
	int reason = !data ? 0 : data->code != 0 ? data->code : (int)data->reasonCode;

	/* With a code of Paho's own it was not refused, but nobody can say any more what became of
	 * it. */
	settle(ctx, reason >= 0x80 ? NET_REFUSED : NET_UNKNOWN, reason);
}

/* --- connecting
 * ----------------------------------------------------------------------------------- */

static void init_paho(void)
{
	MQTTAsync_init_options o = MQTTAsync_init_options_initializer;

	o.do_openssl_init = 1;
	MQTTAsync_global_init(&o);
}

enum gnatter_error net_create(
	struct net **out, const char *client_id, bool secure, net_sink_fn *sink, void *ctx)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	MQTTAsync_createOptions o = MQTTAsync_createOptions_initializer5;
	struct net *n = calloc(1, sizeof(*n));

	*out = NULL;
	if (!n)
		return GNATTER_ENOMEM;
	pthread_once(&once, init_paho);
	o.maxBufferedMessages = BUFFERED_MAX;
	n->sink = sink;
	n->ctx = ctx;
	/* The address is given with each connect; this one says only whether TLS is used. */
	if (MQTTAsync_createWithOptions(&n->handle,
		    secure ? "ssl://127.0.0.1:8883" : "tcp://127.0.0.1:1883", client_id,
		    MQTTCLIENT_PERSISTENCE_NONE, NULL, &o) != MQTTASYNC_SUCCESS) {
		free(n);
		return GNATTER_ENOMEM;
	}
	MQTTAsync_setCallbacks(n->handle, n, on_lost, on_message, NULL);
	MQTTAsync_setDisconnected(n->handle, n, on_disconnected);
	*out = n;
	return GNATTER_OK;
}

void net_destroy(struct net *n)
{
	if (!n)
		return;
	MQTTAsync_destroy(&n->handle);
	free(n->nodelay);
	free(n);
}

static void add_number(MQTTProperties *to, enum MQTTPropertyCodes code, uint32_t value)
{
	MQTTProperty p = {.identifier = code};

	p.value.integer4 = value;
	MQTTProperties_add(to, &p);
}

static void add_string(MQTTProperties *to, enum MQTTPropertyCodes code, const char *value)
{
	MQTTProperty p = {.identifier = code};

	p.value.data.data = (char *)(uintptr_t)value; /* it is copied */
	p.value.data.len = (int)strlen(value);
	MQTTProperties_add(to, &p);
}

enum gnatter_error net_connect(struct net *n, const struct net_connect *c, const char **why)
{
	MQTTAsync_connectOptions o = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
	MQTTProperties connect = MQTTProperties_initializer, delay = MQTTProperties_initializer;
	char *uri = (char *)(uintptr_t)c->address; /* it is copied */
	int rc;

	ssl.trustStore = c->ca_file;
	ssl.disableDefaultTrustStore = c->ca_file != NULL;
	ssl.verify = 1; /* the host's name, too */
	will.topicName = c->will_topic;
	will.message = c->will;
	will.retained = 1;
	will.qos = 1;
	add_number(&connect, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, c->session_expiry_s);
	add_number(&delay, MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL, c->will_delay_s);
	o.keepAliveInterval = (int)c->keep_alive_s;
	o.connectTimeout = (int)c->timeout_s;
	o.cleanstart = 0;
	o.maxInflight = INFLIGHT;
	o.username = c->user;
	o.password = c->secret;
	o.ssl = &ssl;
	o.will = &will;
	o.connectProperties = &connect;
	o.willProperties = &delay;
	o.serverURIs = &uri;
	o.serverURIcount = 1;
	o.onSuccess5 = on_connected;
	o.onFailure5 = on_connect_failed;
	o.context = n;
	if (!n->nodelay)
		n->nodelay = malloc(sizeof(*n->nodelay));
	if (n->nodelay)
		nodelay_begin(n->nodelay, address_port(c->address));
	rc = MQTTAsync_connect(n->handle, &o);
	MQTTProperties_free(&connect);
	MQTTProperties_free(&delay);
	*why = rc == MQTTASYNC_SUCCESS ? NULL : MQTTAsync_strerror(rc);
	if (rc != MQTTASYNC_SUCCESS && !*why)
		*why = "the connection could not be begun";
	return rc == MQTTASYNC_SUCCESS ? GNATTER_OK : GNATTER_ENOMEM;
}

/* --- publishing, subscribing
 * ---------------------------------------------------------------------- */

static enum gnatter_error error_of(int rc)
{
	return rc == MQTTASYNC_SUCCESS ? GNATTER_OK : GNATTER_ENOMEM;
}

/* Ask to be told how it ends. NULL if there is no memory. */
static struct pending *expect(struct net *n, MQTTAsync_responseOptions *o, uint64_t number)
{
	struct pending *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	*p = (struct pending){n, number};
	o->onSuccess5 = on_taken;
	o->onFailure5 = on_refused;
	o->context = p;
	return p;
}

enum gnatter_error net_publish(struct net *n, const struct net_publish *p)
{
	MQTTAsync_message message = MQTTAsync_message_initializer;
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	struct pending *pending = NULL;
	int rc;

	if (p->number > 0 && p->qos > 0) {
		pending = expect(n, &o, p->number);
		if (!pending)
			return GNATTER_ENOMEM;
	}
	message.payload = (void *)(uintptr_t)p->payload.data; /* it is copied */
	message.payloadlen = (int)p->payload.len;
	message.qos = p->qos;
	message.retained = p->retain;
	if (p->correlation) {
		add_string(&message.properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, NET_ANSWER);
		add_string(&message.properties, MQTTPROPERTY_CODE_CORRELATION_DATA, p->correlation);
	}
	rc = MQTTAsync_sendMessage(n->handle, p->topic, &message, &o);
	MQTTProperties_free(&message.properties);
	if (rc != MQTTASYNC_SUCCESS)
		free(pending);
	return error_of(rc);
}

enum gnatter_error net_subscribe(struct net *n, char *const *filters, size_t count)
{
	int qos[SUBSCRIBE_MAX];
	enum gnatter_error e = GNATTER_OK;

	for (size_t i = 0; i < SUBSCRIBE_MAX; i++)
		qos[i] = 1;
	for (size_t i = 0; e == GNATTER_OK && i < count; i += SUBSCRIBE_MAX) {
		MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
		size_t some = count - i < SUBSCRIBE_MAX ? count - i : SUBSCRIBE_MAX;

		e = error_of(MQTTAsync_subscribeMany(n->handle, (int)some, filters + i, qos, &o));
	}
	return e;
}

enum gnatter_error net_unsubscribe(struct net *n, char *const *filters, size_t count)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;

	return error_of(MQTTAsync_unsubscribeMany(n->handle, (int)count, filters, &o));
}
