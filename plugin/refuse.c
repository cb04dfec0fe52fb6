/* refuse.c — see refuse.h. */
#include "refuse.h"

#include <stdio.h>
#include <string.h>

#include "plugin.h"
#include "wire/json.h"
#include "wire/utf8.h"

#define TOPIC_CHARS_MAX 256 /* of the topic told back */

static void put_member(struct buf *b, const char *name, const char *value, size_t len)
{
	buf_printf(b, "%c\"%s\":", b->len ? ',' : '{', name);
	json_put_string(b, value, len);
}

static void put_reason(
	struct buf *b, enum err e, const char *message, const char *topic, struct bytes chat)
{
	size_t len = strlen(topic);

	put_member(b, "code", err_code(e), strlen(err_code(e)));
	put_member(b, "message", message, strlen(message));
	if (utf8_ok(topic, len, NULL))
		put_member(b, "topic", topic, utf8_prefix(topic, len, TOPIC_CHARS_MAX));
	if (chat.len)
		put_member(b, "chat", chat.data, chat.len);
	buf_str(b, "}");
}

/* {"error":{"code":..,"message":..}}, as the bridge answers. */
static void put_answer(struct buf *b, enum err e, const char *message)
{
	buf_printf(b, "{\"error\":{\"code\":\"%s\",\"message\":", err_code(e));
	json_put_string(b, message, strlen(message));
	buf_str(b, "}}");
}

static void answer(struct conn *conn, enum err e, const char *message, const struct record *r)
{
	struct buf topic = {0}, b = {0};

	buf_put(&topic, r->response.data, r->response.len);
	buf_u8(&topic, '\0');
	put_answer(&b, e, message);
	if (!topic.failed && !b.failed)
		broker_publish(&(struct outgoing){.client = conn->client,
			.topic = topic.data,
			.payload = {b.data, b.len},
			.correlation = r->correlation,
			.qos = 1});
	buf_free(&topic);
	buf_free(&b);
}

static void tell_errors(
	struct plugin *p, struct conn *conn, enum err e, const char *message, const char *topic)
{
	char errors[sizeof("user//errors") + NAME_USER_MAX];
	struct buf b = {0};

	put_reason(&b, e, message, topic, access_topic(p->access, topic)->chat);
	snprintf(errors, sizeof(errors), "user/%s/errors", conn->id.user);
	/* Without memory for it the reason is not told; the refusal stands. */
	if (!b.failed)
		broker_publish(
			&(struct outgoing){.topic = errors, .payload = {b.data, b.len}, .qos = 1});
	buf_free(&b);
}

int refuse_record(struct plugin *p, struct conn *conn, enum err e, const char *message,
	const char *topic, const struct record *r)
{
	const char *why = message ? message : err_text(e);

	if (conn->id.system || !bucket_take(&conn->person->errors, REFUSE_PER_SECOND,
				       REFUSE_PER_SECOND, broker_clock_ms(), 1))
		return MOSQ_ERR_ACL_DENIED;
	tell_errors(p, conn, e, why, topic);
	if (r && r->response.len > 0)
		answer(conn, e, why, r);
	return MOSQ_ERR_ACL_DENIED;
}

int refuse(struct plugin *p, struct conn *conn, enum err e, const char *message, const char *topic)
{
	return refuse_record(p, conn, e, message, topic, NULL);
}
