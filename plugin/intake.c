/* intake.c — see intake.h.
 *
 * What is taken is not retained whatever its flag says, and nobody may read its topic: for the
 * broker it is a message without subscribers. Presence is the exception: of it the bridge gets a
 * copy.
 */
#include "intake.h"

#include <stdio.h>
#include <string.h>

#include "plugin.h"
#include "refuse.h"

#define RESPONSE_MAX 1024 /* bytes of a Response Topic */
#define BRIEF_BURST  4    /* times brief_rate at once */
#define REPLY_SIZE   (sizeof("reply/") + NAME_METHOD_MAX)

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

static int refuse_brief(struct plugin *p, struct conn *conn, const char *topic)
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

static enum err append(struct plugin *p, struct record *r)
{
	enum err e = spool_append(p->spool, r, false, (uint64_t)broker_now_ms());

	if (e == ERR_TOO_LARGE) {
		p->counters->refused_size++;
		return e;
	}
	if (e != ERR_OK) {
		p->counters->refused_spool++;
		return ERR_BUSY;
	}
	count_accepted(p->counters, r->type);
	link_flush(p);
	return ERR_OK;
}

/* May it go into the spool? What the client asks of the answer is judged last. */
static enum err check(struct plugin *p, struct conn *conn, const struct mosquitto_evt_message *e,
	const struct response *response, const char **why)
{
	if (e->payloadlen > (uint64_t)p->conf.message_size_max) {
		p->counters->refused_size++;
		return ERR_TOO_LARGE;
	}
	if (!within_rate(p, conn)) {
		p->counters->refused_rate++;
		return ERR_RATE_LIMITED;
	}
	if (!response->has_topic || response_ok(response->topic))
		return ERR_OK;
	*why = "the Response Topic is empty or too long, begins with $ or holds a wildcard";
	return ERR_BAD_REQUEST;
}

/* Where the answer goes: as the client says, if that is a topic at all; else of a request to
 * reply/<method>, which is written into `reply`. */
static void set_response(struct record *r, const struct response *response, struct buf *reply)
{
	if (response->has_topic && response_ok(response->topic)) {
		r->response = bytes_of(response->topic);
		r->correlation = (struct bytes){response->correlation, response->correlation_len};
	} else if (r->type == RECORD_API && !response->has_topic) {
		buf_str(reply, "reply/");
		buf_put(reply, r->target.data, r->target.len);
		r->response = (struct bytes){reply->data, reply->len};
	}
}

static int take(
	struct plugin *p, struct conn *conn, const struct topic *t, struct mosquitto_evt_message *e)
{
	struct record r = record_of(conn, t, e);
	struct response response;
	struct buf reply = {0};
	const char *why = NULL;
	enum err err;

	if (!broker_response(&response, e->properties))
		return refuse(p, conn, ERR_BUSY, "out of memory", e->topic);
	set_response(&r, &response, &reply);
	err = check(p, conn, e, &response, &why);
	if (err == ERR_OK && reply.failed)
		err = ERR_BUSY;
	if (err == ERR_OK)
		err = append(p, &r);
	if (err != ERR_OK)
		refuse_record(p, conn, err, why, e->topic, &r);
	buf_free(&reply);
	broker_response_free(&response);
	return err == ERR_OK ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

/* What a device says of itself goes to the broker as it is, and to the bridge. */
static int note_presence(struct plugin *p, struct conn *conn, const struct topic *t,
	const struct mosquitto_evt_message *e)
{
	struct record r = record_of(conn, t, e);
	enum err err = append(p, &r);

	return err == ERR_OK ? MOSQ_ERR_SUCCESS : refuse(p, conn, err, NULL, e->topic);
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
						  : refuse_brief(p, conn, e->topic);
	case TOPIC_PRESENCE_DEVICE:
		return within_brief_rate(p, conn) ? note_presence(p, conn, t, e)
						  : refuse_brief(p, conn, e->topic);
	default:
		return MOSQ_ERR_SUCCESS;
	}
	e->retain = false;
	return take(p, conn, t, e);
}
