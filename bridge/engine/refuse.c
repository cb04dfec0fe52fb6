/* refuse.c — what a client did wrong, told to the client. */
#include "bridge/engine/internal.h"

#include <stdio.h>

bool refusal_is_fatal(enum err err)
{
	return err == ERR_IO || err == ERR_CORRUPT || err == ERR_NOMEM;
}

/* The error's members, and what it is about. */
static void write_about(struct buf *b, const struct record *r, struct bytes id)
{
	answer_string(b, "chat", r->target);
	if (id.len > 0)
		answer_string(b, "id", id);
	buf_str(b, "}");
}

void refuse(
	struct engine *e, const struct record *r, enum err err, const char *why, struct bytes id)
{
	struct buf *b = &e->answer;
	char topic[sizeof("chat//send") + NAME_CHAT_MAX];
	int len;

	e->refused++;
	if (r->response.len > 0) {
		buf_reset(b);
		buf_str(b, "{\"error\":{");
		answer_error_members(b, err, why);
		buf_str(b, "}");
		write_about(b, r, id);
		outbox_answer(e->out, r, r->response, (struct bytes){b->data, b->len});
	}
	buf_reset(b);
	buf_str(b, "{");
	answer_error_members(b, err, why);
	len = snprintf(topic, sizeof(topic), "chat/%.*s/%s", (int)r->target.len, r->target.data,
		r->type == RECORD_ACK ? "ack" : "send");
	if (len > 0 && (size_t)len < sizeof(topic))
		answer_string(b, "topic", (struct bytes){topic, (size_t)len});
	write_about(b, r, id);
	snprintf(topic, sizeof(topic), "user/%.*s/errors", (int)r->user.len, r->user.data);
	outbox_publish(e->out, topic, 1, false, (struct bytes){b->data, b->len});
	if (b->failed)
		e->out->failed = true;
}
