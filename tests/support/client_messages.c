/* client_messages.c — subscribing and publishing, and what came. */
#include "tests/support/client_internal.h"

#include <mqtt_protocol.h>
#include <string.h>

#include "tests/support/case.h"

/* --- subscribing and publishing -------------------------------------------------------------- */

/* Nothing can have come for a message id before the call that makes it returns with the lock held.
 */
static int with_outcome(struct client *c, int rc, int mid, const char *what)
{
	if (rc == MOSQ_ERR_NO_CONN || rc == MOSQ_ERR_CONN_LOST)
		return -1;
	if (rc != MOSQ_ERR_SUCCESS)
		case_fail("%s: %s: %s", c->name, what, mosquitto_strerror(rc));
	return client_await_outcome(c, &c->outcome[mid], what);
}

int client_subscribe(struct client *c, const char *filter, int qos)
{
	int mid = 0, rc;

	pthread_mutex_lock(&c->lock);
	rc = mosquitto_subscribe(c->mosq, &mid, filter, qos);
	c->outcome[mid] = CLIENT_PENDING;
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
	c->outcome[mid] = CLIENT_PENDING;
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
		mosquitto_property_add_int32(
			&props, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, p->expiry_s);
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
	c->outcome[mid] = CLIENT_PENDING;
	pthread_mutex_unlock(&c->lock);
	mosquitto_property_free_all(&props);
	return with_outcome(c, rc, mid, case_printf("PUBLISH %s", p->topic));
}

void client_send(struct client *c, const char *chat, const char *payload)
{
	int code = client_publish(c,
		&(struct publish){
			.topic = case_printf("chat/%s/send", chat), .payload = payload, .qos = 1});

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

struct message *client_untaken(struct client *c, const char *filter, const char *text)
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
		print_error("  %s%s %.300s\n", c->messages[i]->taken ? "(taken) " : "",
			c->messages[i]->topic, c->messages[i]->payload);
}

struct message *client_take(struct client *c, const char *filter, const char *text)
{
	struct timespec until = client_deadline();
	struct message *m;
	bool in_time = true;

	pthread_mutex_lock(&c->lock);
	while (!(m = client_untaken(c, filter, text)) && !c->closed && in_time)
		in_time = client_await(c, &until);
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
		case_fail("%s: should not have received %s %s", c->name, found->topic,
			found->payload);
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

struct message *client_last(struct client *c, const char *filter)
{
	struct message *m = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = c->count; i > 0 && !m; i--) {
		if (matches(c->messages[i - 1], filter, NULL))
			m = c->messages[i - 1];
	}
	pthread_mutex_unlock(&c->lock);
	return m;
}

void client_wait_count(struct client *c, const char *filter, size_t n)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (client_count(c, filter) < n) {
		if (case_now_ms() > until || !client_connected(c))
			case_fail("%s: %zu of %zu messages came on %s", c->name,
				client_count(c, filter), n, filter);
		case_pause_ms(2);
	}
}
