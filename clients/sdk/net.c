/* net.c — see net.h. */
#include "clients/sdk/net.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/sdk/address.h"

#define SUBSCRIBE_MAX 64 /* filters in one packet */
#define INFLIGHT      64
#define BUFFERED_MAX  2000 /* what Paho keeps of what it could not send yet */

/* A publish whose end is awaited. Paho hands it through, but forgets it without a word when its
 * handle is destroyed, so all are in a list. */
struct pending {
	struct net *n;
	struct pending *next, *prev;
	uint64_t number;
};

struct net {
	MQTTAsync handle; /* NULL: there is no connection */
	char *client_id;
	net_sink_fn *sink;
	void *ctx;
	uint64_t connection; /* counts them; changed only while there is no handle */
	bool secure;
	char tls[96]; /* what TLS said, in Paho's thread */

	pthread_mutex_t lock; /* guards pending */
	struct pending *pending;
};

/* Paho's last handle takes its threads along, and another must not be made meanwhile. */
static pthread_mutex_t handles = PTHREAD_MUTEX_INITIALIZER;

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
	if (!e)
		return;
	e->connection = n->connection;
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

/* A line of OpenSSL's; the first says what it was. */
static int on_tls(const char *line, size_t len, void *ctx)
{
	struct net *n = ctx;
	const char *text = "there is no TLS";

	(void)len;
	if (strstr(line, "certificate verify failed"))
		text = "the server's certificate is not trusted";
	else if (strstr(line, "alert"))
		text = "the server did not want to speak TLS";
	if (n->tls[0] == '\0')
		snprintf(n->tls, sizeof(n->tls), "%s", text);
	return 1;
}

static const char *failure_text(const struct net *n, int reason, const char *said)
{
	const char *otherwise = "there is no answer";

	if (n->tls[0] != '\0')
		otherwise = n->tls;
	else if (said && strstr(said, "connect failure"))
		otherwise = n->secure ? "the server cannot be reached, or its certificate is for "
					"another address"
				      : "the server cannot be reached";
	return reason_text(reason, otherwise);
}

static void on_connected(void *ctx, MQTTAsync_successData5 *data)
{
	(void)data;
	give(ctx, event(NET_CONNECTED, 0, NULL));
}

static void on_connect_failed(void *ctx, MQTTAsync_failureData5 *data)
{
	int reason = data && data->reasonCode >= 0x80 ? (int)data->reasonCode
		     : data                           ? data->code
						      : 0;
	const char *said = data ? data->message : NULL;

	/* Paho gives the CONNACK's code here or there, depending on where it failed. */
	give(ctx, event(NET_FAILED, reason, failure_text(ctx, reason, said)));
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

static void forget(struct pending *p)
{
	struct net *n = p->n;

	pthread_mutex_lock(&n->lock);
	if (p->next)
		p->next->prev = p->prev;
	if (p->prev)
		p->prev->next = p->next;
	else
		n->pending = p->next;
	pthread_mutex_unlock(&n->lock);
	free(p);
}

static void settle(struct pending *p, enum net_event_kind kind, int reason)
{
	struct net_event *e = event(kind, reason, NULL);

	if (e)
		e->number = p->number;
	give(p->n, e);
	forget(p);
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

enum gnatter_error net_create(struct net **out, const char *client_id, net_sink_fn *sink, void *ctx)
{
	struct net *n = calloc(1, sizeof(*n));

	*out = NULL;
	if (!n)
		return GNATTER_ENOMEM;
	n->client_id = strdup(client_id);
	if (!n->client_id || pthread_mutex_init(&n->lock, NULL) != 0) {
		free(n->client_id);
		free(n);
		return GNATTER_ENOMEM;
	}
	n->sink = sink;
	n->ctx = ctx;
	*out = n;
	return GNATTER_OK;
}

/* A handle for one connection: what Paho has learnt of an address (that it is TLS, a WebSocket) it
 * would apply to the next one, and what it did not get acknowledged it would send again there. */
static bool open_handle(struct net *n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	MQTTAsync_createOptions o = MQTTAsync_createOptions_initializer5;
	bool ok;

	pthread_once(&once, init_paho);
	o.maxBufferedMessages = BUFFERED_MAX;
	pthread_mutex_lock(&handles);
	/* The address is given with connect; this one says only whether TLS is used. */
	ok = MQTTAsync_createWithOptions(&n->handle,
		     n->secure ? "ssl://127.0.0.1:8883" : "tcp://127.0.0.1:1883", n->client_id,
		     MQTTCLIENT_PERSISTENCE_NONE, NULL, &o) == MQTTASYNC_SUCCESS;
	pthread_mutex_unlock(&handles);
	if (!ok) {
		n->handle = NULL;
		return false;
	}
	MQTTAsync_setCallbacks(n->handle, n, on_lost, on_message, NULL);
	MQTTAsync_setDisconnected(n->handle, n, on_disconnected);
	return true;
}

void net_close(struct net *n)
{
	if (n->handle) {
		pthread_mutex_lock(&handles);
		MQTTAsync_destroy(&n->handle);
		pthread_mutex_unlock(&handles);
		n->handle = NULL;
	}
	while (n->pending)
		forget(n->pending);
	n->connection++;
}

void net_destroy(struct net *n)
{
	if (!n)
		return;
	net_close(n);
	pthread_mutex_destroy(&n->lock);
	free(n->client_id);
	free(n);
}

bool net_current(const struct net *n, const struct net_event *e)
{
	return e->connection == n->connection;
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

	net_close(n);
	n->secure = address_secure(c->address);
	n->tls[0] = '\0';
	*why = "the file of the trusted authorities cannot be read";
	if (n->secure && c->ca_file && access(c->ca_file, R_OK) != 0)
		return GNATTER_EINVAL;
	*why = "out of memory";
	if (!open_handle(n))
		return GNATTER_ENOMEM;
	ssl.ssl_error_cb = on_tls;
	ssl.ssl_error_context = n;
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
	*p = (struct pending){.n = n, .number = number};
	pthread_mutex_lock(&n->lock);
	p->next = n->pending;
	if (p->next)
		p->next->prev = p;
	n->pending = p;
	pthread_mutex_unlock(&n->lock);
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

	if (!n->handle)
		return GNATTER_ENOMEM;
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
	if (rc != MQTTASYNC_SUCCESS && pending)
		forget(pending);
	return error_of(rc);
}

enum gnatter_error net_subscribe(struct net *n, char *const *filters, size_t count)
{
	int qos[SUBSCRIBE_MAX];
	enum gnatter_error e = GNATTER_OK;

	for (size_t i = 0; i < SUBSCRIBE_MAX; i++)
		qos[i] = 1;
	for (size_t i = 0; n->handle && e == GNATTER_OK && i < count; i += SUBSCRIBE_MAX) {
		MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
		size_t some = count - i < SUBSCRIBE_MAX ? count - i : SUBSCRIBE_MAX;

		e = error_of(MQTTAsync_subscribeMany(n->handle, (int)some, filters + i, qos, &o));
	}
	return e;
}

enum gnatter_error net_unsubscribe(struct net *n, char *const *filters, size_t count)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;

	if (!n->handle)
		return GNATTER_ENOMEM;
	return error_of(MQTTAsync_unsubscribeMany(n->handle, (int)count, filters, &o));
}
