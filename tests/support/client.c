/* client.c — a client's life: its thread, its connection.
 *
 * Two threads meet under one lock: libmosquitto's loop, which only adds messages and outcomes, and
 * the test, which waits for them. Outcomes (CONNACK, SUBACK, PUBACK) are kept by message id.
 */
#include "tests/support/client_internal.h"

#include <errno.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/token.h"

/* --- on libmosquitto's thread ---------------------------------------------------------------- */

static void settle(struct client *c, int *where, int code)
{
	pthread_mutex_lock(&c->lock);
	*where = code;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void on_connect(
	struct mosquitto *m, void *ctx, int code, int flags, const mosquitto_property *p)
{
	struct client *c = ctx;

	(void)m, (void)flags, (void)p;
	settle(c, &c->connack, code);
}

static void on_publish(
	struct mosquitto *m, void *ctx, int mid, int code, const mosquitto_property *p)
{
	struct client *c = ctx;

	(void)m, (void)p;
	settle(c, &c->outcome[mid], code);
}

static void on_subscribe(struct mosquitto *m, void *ctx, int mid, int count, const int *codes,
	const mosquitto_property *p)
{
	struct client *c = ctx;

	(void)m, (void)p;
	settle(c, &c->outcome[mid], count > 0 ? codes[0] : -1);
}

static void on_unsubscribe(struct mosquitto *m, void *ctx, int mid, const mosquitto_property *p)
{
	struct client *c = ctx;

	(void)m, (void)p;
	settle(c, &c->outcome[mid], 0);
}

static char *copy(const void *data, size_t len)
{
	char *s = malloc(len + 1);

	if (!s)
		abort();
	if (len)
		memcpy(s, data, len);
	s[len] = '\0';
	return s;
}

static struct message *message_create(
	const struct mosquitto_message *in, const mosquitto_property *props)
{
	struct message *m = calloc(1, sizeof(*m));
	void *corr = NULL;
	uint16_t corr_len = 0;

	if (!m)
		abort();
	*m = (struct message){.topic = copy(in->topic, strlen(in->topic)),
		.payload = copy(in->payload, (size_t)in->payloadlen),
		.len = (size_t)in->payloadlen,
		.qos = in->qos,
		.retain = in->retain,
		.arrived_ms = case_now_ms()};
	mosquitto_property_read_int32(
		props, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &m->expiry_s, false);
	if (mosquitto_property_read_binary(
		    props, MQTT_PROP_CORRELATION_DATA, &corr, &corr_len, false)) {
		m->correlation = copy(corr, corr_len);
		free(corr);
	}
	return m;
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *in,
	const mosquitto_property *props)
{
	struct client *c = ctx;
	struct message *m = message_create(in, props);

	(void)mosq;
	pthread_mutex_lock(&c->lock);
	if (c->count == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 64;
		c->messages = realloc(c->messages, c->cap * sizeof(*c->messages));
		if (!c->messages)
			abort();
	}
	c->messages[c->count++] = m;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void *loop(void *arg)
{
	struct client *c = arg;

	while (mosquitto_loop(c->mosq, 100, 1) == MOSQ_ERR_SUCCESS) {
		pthread_mutex_lock(&c->lock);
		bool end = c->closing;
		pthread_mutex_unlock(&c->lock);
		if (end)
			break;
	}
	pthread_mutex_lock(&c->lock);
	c->closed = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* --- waiting, on the main thread ------------------------------------------------------------- */

struct timespec client_deadline(void)
{
	struct timespec t;
	int ms = case_patience_ms();

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	return t;
}

/* With the lock held: wait for a change. False when patience ends. */
bool client_await(struct client *c, const struct timespec *until)
{
	return pthread_cond_timedwait(&c->changed, &c->lock, until) == 0;
}

/* The outcome at a place, -1 if the connection ended first. Fails the test when nothing happens. */
int client_await_outcome(struct client *c, const int *where, const char *what)
{
	struct timespec until = client_deadline();
	bool in_time = true;
	int code;

	pthread_mutex_lock(&c->lock);
	while (*where == CLIENT_PENDING && !c->closed && in_time)
		in_time = client_await(c, &until);
	code = *where;
	if (code == CLIENT_PENDING && c->closed)
		code = -1;
	pthread_mutex_unlock(&c->lock);
	if (code == CLIENT_PENDING)
		case_fail("%s: no answer to %s", c->name, what);
	return code;
}

/* --- life ------------------------------------------------------------------------------------ */

static void messages_free(struct client *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->messages[i]->topic);
		free(c->messages[i]->payload);
		free(c->messages[i]->correlation);
		free(c->messages[i]);
	}
	free(c->messages);
}

/* The loop is left; what was received stays readable until the test is over. */
static void client_end(struct client *c)
{
	if (!c->mosq)
		return;
	pthread_mutex_lock(&c->lock);
	c->closing = true;
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	mosquitto_destroy(c->mosq);
	c->mosq = NULL;
}

void client_close(struct client *c)
{
	if (c->mosq)
		mosquitto_disconnect(c->mosq);
	client_end(c);
}

void client_drop(struct client *c)
{
	if (c->mosq)
		shutdown(mosquitto_socket(c->mosq), SHUT_RDWR);
	client_end(c);
}

static void undo_client(void *arg, bool failed)
{
	struct client *c = arg;

	(void)failed;
	client_close(c);
	messages_free(c);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c);
}

static void set_callbacks(struct mosquitto *m)
{
	mosquitto_threaded_set(m, true);
	mosquitto_connect_v5_callback_set(m, on_connect);
	mosquitto_publish_v5_callback_set(m, on_publish);
	mosquitto_subscribe_v5_callback_set(m, on_subscribe);
	mosquitto_unsubscribe_v5_callback_set(m, on_unsubscribe);
	mosquitto_message_v5_callback_set(m, on_message);
}

static void set_will(struct client *c, const struct client_opts *o)
{
	mosquitto_property *props = NULL;

	if (o->will_delay_s)
		mosquitto_property_add_int32(
			&props, MQTT_PROP_WILL_DELAY_INTERVAL, o->will_delay_s);
	/* the properties are the library's from here */
	mosquitto_will_set_v5(c->mosq, o->will_topic, (int)strlen(o->will_payload), o->will_payload,
		1, o->will_retain, props);
}

static void set_options(struct client *c, struct instance *i, const struct client_opts *o)
{
	const char *password = o->password;

	if (!password)
		password = token_mint(&i->keys, &(struct token){.sub = o->user, .role = o->role});
	mosquitto_int_option(c->mosq, MOSQ_OPT_PROTOCOL_VERSION, c->version);
	mosquitto_int_option(c->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_max_inflight_messages_set(c->mosq, 0);
	if (o->user)
		mosquitto_username_pw_set(c->mosq, o->user, *password ? password : NULL);
	if (o->will_topic)
		set_will(c, o);
}

static const char *client_id(const struct client_opts *o)
{
	if (o->client_id)
		return o->client_id[0] ? o->client_id : NULL;
	return o->device ? case_printf("%s:%s", o->user, o->device) : NULL;
}

static struct client *client_create(struct instance *i, const struct client_opts *o)
{
	struct client *c = calloc(1, sizeof(*c));
	const char *id = client_id(o);

	if (!c)
		abort();
	c->version = o->version == 4 ? 4 : 5;
	c->connack = CLIENT_PENDING;
	snprintf(c->name, sizeof(c->name), "%.250s (MQTT %s)", id ? id : o->user,
		c->version == 4 ? "3.1.1" : "5");
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	mosquitto_lib_init();
	/* in MQTT 3.1.1 the clean flag is all there is; in 5 a session goes on from before unless
	 * it is set */
	c->mosq = mosquitto_new(id, !o->persistent || !id, c);
	if (!c->mosq)
		case_fail("mosquitto_new: %s", strerror(errno));
	set_callbacks(c->mosq);
	set_options(c, i, o);
	return c;
}

struct client *client_try(struct instance *i, const struct client_opts *o, int *reason)
{
	struct client *c = client_create(i, o);
	mosquitto_property *props = NULL;
	int rc;

	if (c->version == 5 && o->persistent)
		mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
			o->session_expiry_s ? o->session_expiry_s : 3600);
	rc = mosquitto_connect_bind_v5(
		c->mosq, "127.0.0.1", o->port ? o->port : i->port, 60, NULL, props);
	mosquitto_property_free_all(&props);
	if (rc != MOSQ_ERR_SUCCESS)
		case_fail("%s: cannot connect: %s", c->name, mosquitto_strerror(rc));
	if (pthread_create(&c->thread, NULL, loop, c) != 0)
		case_fail("no thread");
	case_defer(undo_client, c);
	*reason = client_await_outcome(c, &c->connack, "CONNECT");
	if (*reason == 0)
		return c;
	client_end(c);
	return NULL;
}

struct client *client_open(struct instance *i, const struct client_opts *o)
{
	int reason;
	struct client *c = client_try(i, o, &reason);

	if (!c)
		case_fail("%s %s: sign-in refused with %d", o->user, o->device ? o->device : "",
			reason);
	return c;
}

struct client *client_5(struct instance *i, const char *user, const char *device)
{
	return client_open(i, &(struct client_opts){.user = user, .device = device, .version = 5});
}

struct client *client_3(struct instance *i, const char *user, const char *device)
{
	return client_open(i, &(struct client_opts){.user = user, .device = device, .version = 4});
}

static bool is_closed(void *arg)
{
	return !client_connected(arg);
}

bool client_connected(const struct client *c)
{
	struct client *m = (struct client *)(uintptr_t)c;
	bool closed;

	pthread_mutex_lock(&m->lock);
	closed = m->closed;
	pthread_mutex_unlock(&m->lock);
	return !closed;
}

void client_wait_closed(struct client *c)
{
	if (!case_wait(is_closed, c))
		case_fail("%s: the connection should have been closed", c->name);
}
