/* refuse.c — what a client did wrong, told to the client. */
#include "bridge/engine/internal.h"

#include <stdio.h>

bool refusal_is_fatal(enum err err)
{
	return err == ERR_IO || err == ERR_CORRUPT || err == ERR_NOMEM;
}

/* What the refused publish was about. */
static void write_about(struct buf *b, const struct record *r, struct bytes id)
{
	if (r->target.len > 0)
		answer_string(b, "chat", r->target);
	if (id.len > 0)
		answer_string(b, "id", id);
	buf_str(b, "}");
}

static int write_topic(char *out, size_t size, const struct record *r)
{
	if (r->type == RECORD_PRESENCE)
		return snprintf(out, size, "presence/%.*s/%.*s", (int)r->user.len, r->user.data,
			(int)r->device.len, r->device.data);
	return snprintf(out, size, "chat/%.*s/%s", (int)r->target.len, r->target.data,
		r->type == RECORD_ACK ? "ack" : "send");
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
	len = write_topic(topic, sizeof(topic), r);
	if (len > 0 && (size_t)len < sizeof(topic))
		answer_string(b, "topic", (struct bytes){topic, (size_t)len});
	write_about(b, r, id);
	snprintf(topic, sizeof(topic), "user/%.*s/errors", (int)r->user.len, r->user.data);
	outbox_publish(e->out, topic, 1, false, (struct bytes){b->data, b->len});
	if (b->failed)
		e->out->failed = true;
}
