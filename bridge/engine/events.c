/* events.c — what users hear on user/<u>/events and members on chat/<c>/info. */
#include "bridge/engine/internal.h"

#include <stdio.h>
#include <string.h>

static const char *kind_name(enum group_kind k)
{
	return k == KIND_PAIR ? "pair" : k == KIND_CHANNEL ? "channel" : "group";
}

/* Chat, kind and title: the members that every event about a chat has. */
static void write_chat(struct buf *b, struct bytes chat, const struct chat *c)
{
	answer_string(b, "chat", chat);
	if (!c)
		return;
	answer_string(b, "kind", (struct bytes){kind_name(c->kind), strlen(kind_name(c->kind))});
	if (c->title.len > 0)
		answer_string(b, "title", c->title);
}

static void publish(struct engine *e, const char *space, struct bytes name, const char *level)
{
	char topic[sizeof("user//events") + NAME_CHAT_MAX];

	snprintf(topic, sizeof(topic), "%s/%.*s/%s", space, (int)name.len, name.data, level);
	if (e->answer.failed)
		e->out->failed = true;
	else
		outbox_publish(
			e->out, topic, 1, false, (struct bytes){e->answer.data, e->answer.len});
}

void event_user(struct engine *e, const struct record *r, struct bytes user, const char *event,
	struct bytes chat, const struct chat *c)
{
	struct buf *b = &e->answer;

	buf_reset(b);
	buf_printf(b, "{\"event\":\"%s\"", event);
	write_chat(b, chat, c);
	answer_string(b, "by", r->user);
	answer_u64(b, "ts", r->ts);
	buf_str(b, "}");
	publish(e, "user", user, "events");
}

struct buf *event_own_begin(struct engine *e, const char *event)
{
	buf_reset(&e->answer);
	buf_printf(&e->answer, "{\"event\":\"%s\"", event);
	return &e->answer;
}

void event_of_end(struct engine *e, const struct record *r, struct bytes user)
{
	answer_u64(&e->answer, "ts", r->ts);
	buf_str(&e->answer, "}");
	publish(e, "user", user, "events");
}

void event_own_end(struct engine *e, const struct record *r)
{
	event_of_end(e, r, r->user);
}

void event_own(struct engine *e, const struct record *r, const char *event, const char *name,
	struct bytes value)
{
	struct buf *b = event_own_begin(e, event);

	if (name)
		answer_string(b, name, value);
	event_own_end(e, r);
}

void event_chat(struct engine *e, const struct record *r, struct bytes chat, const char *event,
	struct bytes user, const char *role, uint64_t seq)
{
	struct buf *b = &e->answer;
	struct chat c;

	if (state_chat(e, chat, &c) != ERR_OK)
		return;
	buf_reset(b);
	buf_printf(b, "{\"event\":\"%s\"", event);
	write_chat(b, chat, &c);
	answer_u64(b, "members", c.members);
	if (user.len > 0)
		answer_string(b, "user", user);
	if (role)
		answer_string(b, "role", (struct bytes){role, strlen(role)});
	answer_string(b, "by", r->user);
	answer_u64(b, "ts", r->ts);
	answer_u64(b, "seq", seq);
	buf_str(b, "}");
	publish(e, "chat", chat, "info");
}
