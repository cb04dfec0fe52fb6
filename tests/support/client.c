/* client.c
 *
 * Two threads meet under one lock: libmosquitto's loop, which only adds messages and outcomes, and the
 * test, which waits for them. Outcomes (CONNACK, SUBACK, PUBACK) are kept by message id.
 */
#include "tests/support/client.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/token.h"

#define PENDING (-2)

struct client {
	struct mosquitto *mosq;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closed, closing, freed;
	int version, connack;
	int outcome[65536]; /* by message id: PENDING, or the code */
	struct message **messages;
	size_t count, cap;
	unsigned requests;
	char name[300];
};

/* --- on libmosquitto's thread ---------------------------------------------------------------- */

static void settle(struct client *c, int *where, int code)
{
	pthread_mutex_lock(&c->lock);
	*where = code;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void on_connect(struct mosquitto *m, void *ctx, int code, int flags, const mosquitto_property *p)
{
	struct client *c = ctx;

	(void)m, (void)flags, (void)p;
	settle(c, &c->connack, code);
}

static void on_publish(struct mosquitto *m, void *ctx, int mid, int code, const mosquitto_property *p)
{
	struct client *c = ctx;

	(void)m, (void)p;
	settle(c, &c->outcome[mid], code);
}

static void on_subscribe(
	struct mosquitto *m, void *ctx, int mid, int count, const int *codes, const mosquitto_property *p)
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

static struct message *message_create(const struct mosquitto_message *in, const mosquitto_property *props)
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
		.retain = in->retain};
	if (mosquitto_property_read_binary(props, MQTT_PROP_CORRELATION_DATA, &corr, &corr_len, false)) {
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

static struct timespec deadline(void)
{
	struct timespec t;
	int ms = case_patience_ms();

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	return t;
}

/* With the lock held: wait for a change. False when patience ends. */
static bool await(struct client *c, const struct timespec *until)
{
	return pthread_cond_timedwait(&c->changed, &c->lock, until) == 0;
}

/* The outcome at a place, -1 if the connection ended first. Fails the test when nothing happens. */
static int await_outcome(struct client *c, const int *where, const char *what)
{
	struct timespec until = deadline();
	bool in_time = true;
	int code;

	pthread_mutex_lock(&c->lock);
	while (*where == PENDING && !c->closed && in_time)
		in_time = await(c, &until);
	code = *where;
	if (code == PENDING && c->closed)
		code = -1;
	pthread_mutex_unlock(&c->lock);
	if (code == PENDING)
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
		mosquitto_will_set(c->mosq, o->will_topic, (int)strlen(o->will_payload), o->will_payload, 1,
			o->will_retain);
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
	c->connack = PENDING;
	snprintf(c->name, sizeof(c->name), "%.250s (MQTT %s)", id ? id : o->user, c->version == 4 ? "3.1.1" : "5");
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	mosquitto_lib_init();
	/* in MQTT 3.1.1 the clean flag is all there is; in 5 a session goes on from before unless it is set */
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
	rc = mosquitto_connect_bind_v5(c->mosq, "127.0.0.1", o->port ? o->port : i->port, 60, NULL, props);
	mosquitto_property_free_all(&props);
	if (rc != MOSQ_ERR_SUCCESS)
		case_fail("%s: cannot connect: %s", c->name, mosquitto_strerror(rc));
	if (pthread_create(&c->thread, NULL, loop, c) != 0)
		case_fail("no thread");
	case_defer(undo_client, c);
	*reason = await_outcome(c, &c->connack, "CONNECT");
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
		case_fail("%s %s: sign-in refused with %d", o->user, o->device ? o->device : "", reason);
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

/* --- subscribing and publishing -------------------------------------------------------------- */

/* Nothing can have come for a message id before the call that makes it returns with the lock held. */
static int with_outcome(struct client *c, int rc, int mid, const char *what)
{
	if (rc == MOSQ_ERR_NO_CONN || rc == MOSQ_ERR_CONN_LOST)
		return -1;
	if (rc != MOSQ_ERR_SUCCESS)
		case_fail("%s: %s: %s", c->name, what, mosquitto_strerror(rc));
	return await_outcome(c, &c->outcome[mid], what);
}

int client_subscribe(struct client *c, const char *filter, int qos)
{
	int mid = 0, rc;

	pthread_mutex_lock(&c->lock);
	rc = mosquitto_subscribe(c->mosq, &mid, filter, qos);
	c->outcome[mid] = PENDING;
	pthread_mutex_unlock(&c->lock);
	return with_outcome(c, rc, mid, case_printf("SUBSCRIBE %s", filter));
}

void client_subscribe_ok(struct client *c, const char *filter, int qos)
{
	int code = client_subscribe(c, filter, qos);

	if (code < 0 || code > 2)
		case_fail("%s: subscribing to %s is refused with %d", c->name, filter, code);
}

int client_unsubscribe(struct client *c, const char *filter)
{
	int mid = 0, rc;

	pthread_mutex_lock(&c->lock);
	rc = mosquitto_unsubscribe(c->mosq, &mid, filter);
	c->outcome[mid] = PENDING;
	pthread_mutex_unlock(&c->lock);
	return with_outcome(c, rc, mid, case_printf("UNSUBSCRIBE %s", filter));
}

static mosquitto_property *publish_props(const struct client *c, const struct publish *p)
{
	mosquitto_property *props = NULL;

	if (c->version != 5)
		return NULL;
	if (p->response)
		mosquitto_property_add_string(&props, MQTT_PROP_RESPONSE_TOPIC, p->response);
	if (p->correlation)
		mosquitto_property_add_binary(&props, MQTT_PROP_CORRELATION_DATA, p->correlation,
			(uint16_t)strlen(p->correlation));
	if (p->expiry_s)
		mosquitto_property_add_int32(&props, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, p->expiry_s);
	return props;
}

int client_publish(struct client *c, const struct publish *p)
{
	size_t len = p->len ? p->len : p->payload ? strlen(p->payload) : 0;
	mosquitto_property *props = publish_props(c, p);
	int mid = 0, rc;

	pthread_mutex_lock(&c->lock);
	rc = mosquitto_publish_v5(
		c->mosq, &mid, p->topic, (int)len, p->payload, p->qos, p->retain, props);
	c->outcome[mid] = PENDING;
	pthread_mutex_unlock(&c->lock);
	mosquitto_property_free_all(&props);
	return with_outcome(c, rc, mid, case_printf("PUBLISH %s", p->topic));
}

void client_send(struct client *c, const char *chat, const char *payload)
{
	int code = client_publish(c,
		&(struct publish){.topic = case_printf("chat/%s/send", chat), .payload = payload, .qos = 1});

	if (code != 0 && code != 0x10)
		case_fail("%s: sending to %s is refused with %d", c->name, chat, code);
}

void client_sendf(struct client *c, const char *chat, const char *fmt, ...)
{
	va_list args;
	char *payload;

	va_start(args, fmt);
	payload = case_vprintf(fmt, args);
	va_end(args);
	client_send(c, chat, payload);
}

/* --- receiving ------------------------------------------------------------------------------- */

static bool matches(const struct message *m, const char *filter, const char *text)
{
	bool hit = false;

	if (strcmp(filter, m->topic) != 0 &&
		(mosquitto_topic_matches_sub(filter, m->topic, &hit) != MOSQ_ERR_SUCCESS || !hit))
		return false;
	return !text || memmem(m->payload, m->len, text, strlen(text));
}

static struct message *untaken(struct client *c, const char *filter, const char *text)
{
	for (size_t i = 0; i < c->count; i++) {
		if (!c->messages[i]->taken && matches(c->messages[i], filter, text))
			return c->messages[i];
	}
	return NULL;
}

/* What did come, for the one who reads why a test failed. */
static void print_received(struct client *c)
{
	print_error("%s received %zu messages, the last of them:\n", c->name, c->count);
	for (size_t i = c->count > 20 ? c->count - 20 : 0; i < c->count; i++)
		print_error("  %s%s %.300s\n", c->messages[i]->taken ? "(taken) " : "", c->messages[i]->topic,
			c->messages[i]->payload);
}

struct message *client_take(struct client *c, const char *filter, const char *text)
{
	struct timespec until = deadline();
	struct message *m;
	bool in_time = true;

	pthread_mutex_lock(&c->lock);
	while (!(m = untaken(c, filter, text)) && !c->closed && in_time)
		in_time = await(c, &until);
	if (m)
		m->taken = true;
	pthread_mutex_unlock(&c->lock);
	if (!m) {
		print_received(c);
		case_fail("%s: nothing on %s with %s%s", c->name, filter, text ? text : "anything",
			c->closed ? " before the connection ended" : "");
	}
	return m;
}

size_t client_mark(struct client *c)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->count;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void client_none(struct client *c, size_t mark, const char *filter, const char *text)
{
	const struct message *found = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = mark; i < c->count && !found; i++) {
		if (matches(c->messages[i], filter, text))
			found = c->messages[i];
	}
	pthread_mutex_unlock(&c->lock);
	if (found)
		case_fail("%s: should not have received %s %s", c->name, found->topic, found->payload);
}

size_t client_count(struct client *c, const char *filter)
{
	size_t n = 0;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->count; i++)
		n += matches(c->messages[i], filter, NULL);
	pthread_mutex_unlock(&c->lock);
	return n;
}

struct message *client_at(struct client *c, size_t place)
{
	struct message *m;

	pthread_mutex_lock(&c->lock);
	assert_true(place < c->count);
	m = c->messages[place];
	pthread_mutex_unlock(&c->lock);
	return m;
}

void client_wait_count(struct client *c, const char *filter, size_t n)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (client_count(c, filter) < n) {
		if (case_now_ms() > until || !client_connected(c))
			case_fail("%s: %zu of %zu messages came on %s", c->name, client_count(c, filter), n, filter);
		case_pause_ms(2);
	}
}

/* --- asking ---------------------------------------------------------------------------------- */

struct cJSON *client_send_answered(struct client *c, const char *chat, const char *payload)
{
	char *id = case_printf("c%u", ++c->requests);
	struct publish p = {.topic = case_printf("chat/%s/send", chat),
		.payload = payload,
		.qos = 1,
		.response = case_printf("answers/%s", id),
		.correlation = id};
	struct message *m;
	int code = client_publish(c, &p);

	if (code != 0 && code != 0x10)
		case_fail("%s: sending to %s is refused with %d", c->name, chat, code);
	m = client_take(c, p.response, NULL);
	assert_non_null(m->correlation);
	assert_string_equal(m->correlation, id);
	return json_of(m->payload, m->len);
}

static struct message *call_5(struct client *c, const char *method, const char *params, const char *id)
{
	struct publish p = {.topic = case_printf("api/%s", method),
		.payload = params,
		.qos = 1,
		.response = case_printf("answers/%s", id),
		.correlation = id};
	struct message *m;
	int code = client_publish(c, &p);

	if (code != 0 && code != 0x10)
		case_fail("%s: api/%s is refused with %d", c->name, method, code);
	m = client_take(c, p.response, NULL);
	assert_non_null(m->correlation);
	assert_string_equal(m->correlation, id);
	return m;
}

static struct message *call_3(struct client *c, const char *method, const char *params, const char *id)
{
	const char *rest = strchr(params, '{') + 1;
	bool empty = rest[strspn(rest, " ")] == '}';
	struct publish p = {.topic = case_printf("api/%s", method),
		.payload = case_printf("{\"re\":\"%s\"%s%s", id, empty ? "" : ",", rest),
		.qos = 1};

	if (client_publish(c, &p) != 0)
		case_fail("%s: the connection ended at api/%s", c->name, method);
	return client_take(c, case_printf("reply/%s", method), case_printf("\"re\":\"%s\"", id));
}

struct cJSON *client_call(struct client *c, const char *method, const char *params)
{
	char *id = case_printf("q%u", ++c->requests);
	struct message *m = c->version == 5 ? call_5(c, method, params, id) : call_3(c, method, params, id);

	return json_of(m->payload, m->len);
}

struct cJSON *client_request(struct client *c, const char *method, const char *params)
{
	struct cJSON *a = client_call(c, method, params);

	if (!cJSON_IsTrue(cJSON_GetObjectItem(a, "ok")))
		case_fail("%s: api/%s %s is answered %s", c->name, method, params, json_text(a));
	return a;
}

struct cJSON *client_requestf(struct client *c, const char *method, const char *fmt, ...)
{
	va_list args;
	char *params;

	va_start(args, fmt);
	params = case_vprintf(fmt, args);
	va_end(args);
	return client_request(c, method, params);
}

void client_refused(struct client *c, const char *method, const char *params, const char *code)
{
	struct cJSON *a = client_call(c, method, params);
	const char *got = json_str(a, "error.code");

	if (!got || strcmp(got, code) != 0)
		case_fail("%s: api/%s %s should be refused with %s, is answered %s", c->name, method, params, code,
			json_text(a));
	assert_true(json_str(a, "error.message") && *json_str(a, "error.message"));
}

void client_barrier(struct client *c)
{
	client_call(c, "me", "{}");
}
