/* outbox.c — see outbox.h. */
#include "bridge/engine/outbox.h"

#include "persist/values.h"

#include <stdlib.h>

void outbox_finish(struct outbox *o)
{
	buf_free(&o->wire);
	buf_free(&o->owed);
	buf_free(&o->reads);
	buf_free(&o->hints);
	buf_free(&o->pushed);
	free(o->effects);
	*o = (struct outbox){0};
}

void outbox_reset(struct outbox *o)
{
	buf_reset(&o->wire);
	buf_reset(&o->owed);
	buf_reset(&o->reads);
	buf_reset(&o->hints);
	buf_reset(&o->pushed);
	o->count = 0;
	o->reads_count = 0;
	o->pushed_count = 0;
	o->failed = false;
}

static void add(struct outbox *o, const struct effect *e)
{
	struct effect owed = *e;

	if (o->count == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 256;
		struct outbox_effect *more = realloc(o->effects, cap * sizeof(*more));

		if (!more) {
			o->failed = true;
			return;
		}
		o->effects = more;
		o->cap = cap;
	}
	effect_encode(&o->wire, e);
	if (e->type == EFFECT_MESSAGE)
		owed.payload = (struct bytes){NULL, 0};
	effect_encode(&o->owed, &owed);
	o->effects[o->count++] = (struct outbox_effect){
		.number = o->number, .wire_end = o->wire.len, .owed_end = o->owed.len};
}

void outbox_message(struct outbox *o, struct bytes chat, uint64_t seq, struct bytes payload)
{
	add(o, &(struct effect){
		       .type = EFFECT_MESSAGE, .chat = chat, .seq = seq, .payload = payload});
}

void outbox_publish(
	struct outbox *o, const char *topic, uint8_t qos, bool retain, struct bytes payload)
{
	add(o, &(struct effect){.type = EFFECT_PUBLISH,
		       .topic = {topic, __builtin_strlen(topic)},
		       .qos = qos,
		       .retain = retain,
		       .payload = payload});
}

void outbox_publish_for(
	struct outbox *o, const char *topic, uint32_t expiry_s, struct bytes payload)
{
	add(o, &(struct effect){.type = EFFECT_PUBLISH,
		       .topic = {topic, __builtin_strlen(topic)},
		       .qos = 1,
		       .retain = true,
		       .expiry = expiry_s,
		       .payload = payload});
}

void outbox_hide(struct outbox *o, const char *topic, struct bytes viewer, uint8_t level,
	struct bytes payload)
{
	add(o, &(struct effect){.type = EFFECT_HIDE,
		       .topic = {topic, __builtin_strlen(topic)},
		       .user = viewer,
		       .level = level,
		       .payload = payload});
}

void outbox_hint(
	struct outbox *o, enum hint hint, struct bytes user, struct bytes chat, uint64_t ts)
{
	buf_u8(&o->hints, (uint8_t)hint);
	buf_bytes16(&o->hints, user.data, user.len);
	buf_bytes16(&o->hints, chat.data, chat.len);
	buf_u64(&o->hints, ts);
}

void outbox_kick(struct outbox *o, struct bytes user, struct bytes client)
{
	add(o, &(struct effect){.type = EFFECT_KICK, .user = user, .client = client});
}

void outbox_expel(struct outbox *o, struct bytes user)
{
	add(o, &(struct effect){.type = EFFECT_EXPEL, .user = user});
}

void outbox_answer(
	struct outbox *o, const struct record *r, struct bytes topic, struct bytes payload)
{
	add(o, &(struct effect){.type = EFFECT_ANSWER,
		       .user = r->user,
		       .client = r->client,
		       .topic = topic,
		       .correlation = r->correlation,
		       .payload = payload});
}

void outbox_pushed(struct outbox *o, struct bytes chat, uint64_t seq, uint64_t n, uint64_t ts)
{
	push_entry_encode(&o->pushed, &(struct push_entry){chat, seq, seq, n, ts});
	o->pushed_count++;
}

void outbox_read(struct outbox *o, const struct record *r)
{
	uint32_t size = record_size(r);
	char *at = size ? buf_reserve(&o->reads, size) : NULL;

	if (!at) {
		o->failed = true;
		return;
	}
	record_encode(r, at);
	o->reads.len += size;
	o->reads_count++;
}

struct outbox_mark outbox_mark(const struct outbox *o)
{
	return (struct outbox_mark){o->count, o->reads.len, o->reads_count, o->hints.len,
		o->pushed.len, o->pushed_count};
}

void outbox_rollback(struct outbox *o, struct outbox_mark mark)
{
	o->count = mark.count;
	o->wire.len = mark.count ? o->effects[mark.count - 1].wire_end : 0;
	o->owed.len = mark.count ? o->effects[mark.count - 1].owed_end : 0;
	o->reads.len = mark.reads_len;
	o->reads_count = mark.reads_count;
	o->hints.len = mark.hints_len;
	o->pushed.len = mark.pushed_len;
	o->pushed_count = mark.pushed_count;
}

bool outbox_failed(const struct outbox *o)
{
	return o->failed || o->wire.failed || o->owed.failed || o->reads.failed ||
	       o->hints.failed || o->pushed.failed;
}
