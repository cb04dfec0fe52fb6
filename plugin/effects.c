/* effects.c — see effects.h. */
#include "effects.h"

#include <stdio.h>
#include <string.h>

#include "expel.h"
#include "plugin.h"
#include "wire/effect.h"

#define TOPIC_MAX 1024

static bool topic_ok(struct bytes t)
{
	return t.len > 0 && t.len <= TOPIC_MAX && !memchr(t.data, '\0', t.len) &&
	       !memchr(t.data, '+', t.len) && !memchr(t.data, '#', t.len);
}

static bool name_fits(struct bytes name, size_t max)
{
	return name.len <= max && (name.len == 0 || !memchr(name.data, '\0', name.len));
}

static bool has_topic(enum effect_type type)
{
	return type == EFFECT_PUBLISH || type == EFFECT_ANSWER || type == EFFECT_HIDE;
}

bool effects_valid(struct reader effects, uint32_t count)
{
	struct effect e;

	for (uint32_t i = 0; i < count; i++) {
		if (effect_decode(&e, &effects) != ERR_OK || !name_fits(e.user, NAME_USER_MAX) ||
			!name_fits(e.client, NAME_CLIENT_MAX))
			return false;
		if (e.type == EFFECT_MESSAGE &&
			name_chat_kind(e.chat.data, e.chat.len, NULL) == CHAT_NONE)
			return false;
		if (has_topic(e.type) && !topic_ok(e.topic))
			return false;
		if (e.type == EFFECT_HIDE && e.level >= VISIBLE_COUNT)
			return false;
	}
	return effects.at == effects.end;
}

static enum err publish(const struct outgoing *o)
{
	return broker_publish(o) ? ERR_OK : ERR_NOMEM;
}

static enum err message(struct plugin *p, const struct effect *e)
{
	char topic[sizeof("chat//msg") + NAME_CHAT_MAX];

	(void)p;
	snprintf(topic, sizeof(topic), "chat/%.*s/msg", (int)e->chat.len, e->chat.data);
	return publish(&(struct outgoing){.topic = topic, .payload = e->payload, .qos = 1});
}

static void copy(char *out, struct bytes b)
{
	memcpy(out, b.data, b.len);
	out[b.len] = '\0';
}

static enum err publish_any(struct plugin *p, const struct effect *e)
{
	char topic[TOPIC_MAX + 1];

	(void)p;
	copy(topic, e->topic);
	return publish(&(struct outgoing){.topic = topic,
		.payload = e->payload,
		.qos = e->qos,
		.retain = e->retain,
		.expiry = e->expiry});
}

static enum err hide(struct plugin *p, const struct effect *e)
{
	struct audience to = {e->user, (enum visibility)e->level};
	char topic[TOPIC_MAX + 1];

	copy(topic, e->topic);
	if (!access_hide(p->access, topic, &to))
		return ERR_NOMEM;
	return publish(&(struct outgoing){.topic = topic, .payload = e->payload, .qos = 1});
}

/* May what is addressed to this client id reach that user alone? By the connection that has it now;
 * without one, only if it is a device of the user's, whose session the broker may be keeping. */
static bool belongs(const struct plugin *p, const char *client, struct bytes user)
{
	const struct conn *conn = conns_client(p->conns, client);

	if (conn)
		return !conn->closing && bytes_equal(user, conn->id.user, conn->id.user_len);
	return strncmp(client, user.data, user.len) == 0 && client[user.len] == ':';
}

static enum err answer(struct plugin *p, const struct effect *e)
{
	char client[NAME_CLIENT_MAX + 1], topic[TOPIC_MAX + 1];

	copy(client, e->client);
	copy(topic, e->topic);
	if (e->user.len == 0 || !belongs(p, client, e->user)) {
		p->counters->answers_undelivered++;
		return ERR_OK;
	}
	p->answered = conns_client(p->conns, client);
	return publish(&(struct outgoing){.client = client,
		.topic = topic,
		.payload = e->payload,
		.correlation = e->correlation,
		.qos = 1});
}

/* Close at once; but who asked for it himself is to hear the answer, which is on its way. */
static bool kick(struct plugin *p, const struct effect *e)
{
	char client[NAME_CLIENT_MAX + 1];

	copy(client, e->client);
	if (!expel_choose(p, e->user, e->client))
		return false;
	if (e->client.len > 0 && p->answered && conns_client(p->conns, client) == p->answered)
		return true;
	expel_close(p);
	return false;
}

enum err effects_perform(struct plugin *p, struct reader *effects, bool *wait)
{
	struct effect e;
	enum err result = effect_decode(&e, effects);

	*wait = false;
	if (result != ERR_OK)
		return result;
	switch (e.type) {
	case EFFECT_MESSAGE:
		result = message(p, &e);
		break;
	case EFFECT_PUBLISH:
		result = publish_any(p, &e);
		break;
	case EFFECT_ANSWER:
		result = answer(p, &e);
		break;
	case EFFECT_KICK:
		*wait = kick(p, &e);
		break;
	case EFFECT_EXPEL:
		*wait = expel_choose_queued(p, e.user);
		break;
	case EFFECT_HIDE:
		result = hide(p, &e);
		break;
	case EFFECT_TYPE_END:
		break;
	}
	if (result == ERR_OK)
		p->counters->effects_performed++;
	return result;
}
