/* mark.c — see mark.h. */
#include "bridge/engine/mark.h"

#include "bridge/engine/answer.h"

#include <stdio.h>

#define TOPIC_SIZE (sizeof("chat//mark/") + NAME_CHAT_MAX + NAME_USER_MAX)

static void write_chat(struct buf *b, const struct mark_of *of, const struct mark *m, bool read)
{
	buf_reset(b);
	buf_str(b, "{\"chat\":\"");
	buf_put(b, of->chat.data, of->chat.len);
	buf_str(b, "\"");
	answer_string(b, "user", of->user);
	answer_u64(b, "delivered", m->delivered);
	if (read)
		answer_u64(b, "read", m->read);
	answer_u64(b, "ts", m->ts);
	buf_str(b, "}");
}

static void write_event(struct buf *b, const struct mark_of *of, const struct mark *m)
{
	buf_reset(b);
	buf_str(b, "{\"event\":\"mark\"");
	answer_string(b, "chat", of->chat);
	answer_u64(b, "delivered", m->delivered);
	answer_u64(b, "read", m->read);
	answer_u64(b, "ts", m->ts);
	buf_str(b, "}");
}

struct told mark_tell(struct buf *b, const struct mark_of *of, const struct mark *m,
	const struct told *told, uint64_t now, mark_emit_fn *emit, void *ctx)
{
	char chat[TOPIC_SIZE], own[TOPIC_SIZE];
	bool read = m->read > told->read, delivered = m->delivered > told->delivered;
	bool event = of->own ? read || delivered : read && of->hidden;
	uint8_t qos = name_pair_other(of->chat, of->user).len > 0 ? 1 : 0;

	snprintf(chat, sizeof(chat), "chat/%.*s/mark/%.*s", (int)of->chat.len, of->chat.data,
		(int)of->user.len, of->user.data);
	snprintf(own, sizeof(own), "user/%.*s/events", (int)of->user.len, of->user.data);
	read = read && !of->hidden;
	if (!of->own && (read || delivered)) {
		write_chat(b, of, m, read);
		emit(ctx, chat, qos, (struct bytes){b->data, b->len});
	}
	if (event) {
		write_event(b, of, m);
		emit(ctx, own, 1, (struct bytes){b->data, b->len});
	}
	return (struct told){.at = now, .delivered = m->delivered, .read = m->read};
}
