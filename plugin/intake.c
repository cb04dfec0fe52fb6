/* intake.c — see intake.h.
 *
 * What is taken is not retained whatever its flag says, and nobody may read its topic: for the
 * broker it is a message without subscribers. Presence is the exception: of it the bridge gets a
 * copy.
 */
#include "intake.h"

#include <string.h>

#include "plugin.h"
#include "refuse.h"

#define RESPONSE_MAX 1024 /* bytes of a Response Topic */
#define BRIEF_BURST  4    /* times brief_rate at once */

static struct bytes bytes_of(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static bool within_rate(struct plugin *p, struct conn *conn)
{
	return conn->id.system || p->conf.rate_per_user == 0 ||
	       bucket_take(&conn->person->rate, p->conf.rate_per_user, p->conf.rate_burst,
		       broker_clock_ms(), 1);
}

/* Typing and presence: many small ones say no more than a few. */
static bool within_brief_rate(struct plugin *p, struct conn *conn)
{
	int64_t rate = p->conf.brief_rate;

	return bucket_take(&conn->brief, rate, rate * BRIEF_BURST, broker_clock_ms(), 1) &&
	       within_rate(p, conn);
}

static int refuse_rate(struct plugin *p, struct conn *conn, const char *topic)
{
	p->counters->refused_rate++;
	return refuse(p, conn, ERR_RATE_LIMITED, NULL, topic);
}

/* Requests whose payload must not stay on disk. */
static bool is_secret(struct bytes method)
{
	static const char *const secret[] = {"password.set", "user.add", "import", "push.set"};

	for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++) {
		if (bytes_equal(method, secret[i], strlen(secret[i])))
			return true;
	}
	return false;
}

static bool response_ok(const char *topic)
{
	return topic && topic[0] != '\0' && topic[0] != '$' && !strpbrk(topic, "+#") &&
	       strnlen(topic, RESPONSE_MAX + 1) <= RESPONSE_MAX;
}

static enum record_type type_of(enum topic_kind kind)
{
	switch (kind) {
	case TOPIC_CHAT_SEND:
		return RECORD_SEND;
	case TOPIC_CHAT_ACK:
		return RECORD_ACK;
	case TOPIC_PRESENCE_DEVICE:
		return RECORD_PRESENCE;
	default:
		return RECORD_API;
	}
}

/* What is common to all, but for the response. */
static struct record record_of(
	const struct conn *conn, const struct topic *t, const struct mosquitto_evt_message *e)
{
	struct record r = {
		.type = type_of(t->kind),
		.flags = (uint8_t)(e->qos | (conn->mqtt5 ? RECORD_MQTT5 : 0) |
				   (conn->clean ? 0 : RECORD_PERSISTS)),
		.role = conn->id.role,
		.user = identity_user(&conn->id),
		.client = bytes_of(conn->client),
		.device = identity_device(&conn->id),
		.target = t->kind == TOPIC_API ? t->method : t->chat,
		.payload = {e->payload, e->payloadlen},
	};

	if (t->kind == TOPIC_API && is_secret(t->method))
		r.flags |= RECORD_SECRET;
	return r;
}

static void count_accepted(struct counters *c, enum record_type type)
{
	if (type == RECORD_SEND)
		c->sends_accepted++;
	else if (type == RECORD_ACK)
		c->acks_accepted++;
	else if (type == RECORD_PRESENCE)
		c->presence_accepted++;
	else
		c->api_accepted++;
}

static int append(struct plugin *p, struct conn *conn, struct record *r, const char *topic)
{
	switch (spool_append(p->spool, r, false, (uint64_t)broker_now_ms())) {
	case ERR_OK:
		break;
	case ERR_TOO_LARGE:
		p->counters->refused_size++;
		return refuse(p, conn, ERR_TOO_LARGE, NULL, topic);
	default:
		p->counters->refused_spool++;
		return refuse(p, conn, ERR_BUSY, NULL, topic);
	}
	count_accepted(p->counters, r->type);
	link_flush(p);
	return MOSQ_ERR_SUCCESS;
}

static int take(
	struct plugin *p, struct conn *conn, const struct topic *t, struct mosquitto_evt_message *e)
{
	char reply[sizeof("reply/") + 64];
	struct record r = record_of(conn, t, e);
	struct response response;
	int rc;

	if (!broker_response(&response, e->properties))
		return refuse(p, conn, ERR_BUSY, "out of memory", e->topic);
	if (response.has_topic && !response_ok(response.topic)) {
		rc = refuse(p, conn, ERR_BAD_REQUEST,
			"the Response Topic is empty or too long, begins with $ or holds a "
			"wildcard",
			e->topic);
		broker_response_free(&response);
		return rc;
	}
	if (response.has_topic) {
		r.response = bytes_of(response.topic);
		r.correlation = (struct bytes){response.correlation, response.correlation_len};
	} else if (t->kind == TOPIC_API) {
		int len = snprintf(
			reply, sizeof(reply), "reply/%.*s", (int)t->method.len, t->method.data);

		r.response = (struct bytes){reply, (size_t)len};
	}
	rc = append(p, conn, &r, e->topic);
	broker_response_free(&response);
	return rc;
}

/* What a device says of itself goes to the broker as it is, and to the bridge. */
static int note_presence(struct plugin *p, struct conn *conn, const struct topic *t,
	const struct mosquitto_evt_message *e)
{
	struct record r = record_of(conn, t, e);

	return append(p, conn, &r, e->topic);
}

int intake(struct plugin *p, struct conn *conn, struct mosquitto_evt_message *e)
{
	const struct topic *t = access_topic(p->access, e->topic);

	switch (t->kind) {
	case TOPIC_CHAT_SEND:
	case TOPIC_CHAT_ACK:
	case TOPIC_API:
		break;
	case TOPIC_CHAT_TYPING:
		e->retain = false;
		return within_brief_rate(p, conn) ? MOSQ_ERR_SUCCESS
						  : refuse_rate(p, conn, e->topic);
	case TOPIC_PRESENCE_DEVICE:
		return within_brief_rate(p, conn) ? note_presence(p, conn, t, e)
						  : refuse_rate(p, conn, e->topic);
	default:
		return MOSQ_ERR_SUCCESS;
	}
	e->retain = false;
	if (e->payloadlen > (uint64_t)p->conf.message_size_max) {
		p->counters->refused_size++;
		return refuse(p, conn, ERR_TOO_LARGE, NULL, e->topic);
	}
	if (!within_rate(p, conn))
		return refuse_rate(p, conn, e->topic);
	return take(p, conn, t, e);
}
