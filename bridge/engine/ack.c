/* ack.c — how far a user has got: chat/<c>/ack to the mark, and to everybody on chat/<c>/mark/<u>.
 *
 * Both marks only grow: an older value is no error, it changes nothing and tells nobody. Beside the
 * read mark stands the n of that message, so that unread is a subtraction.
 */
#include "bridge/engine/internal.h"

#include <stdio.h>

struct ack {
	int64_t delivered, read;
	const char *why;
};

static enum err parse(struct ack *a, struct bytes payload)
{
	struct json_object o;
	enum err err = json_parse(&o, payload.data, payload.len);

	if (err != ERR_OK)
		return err;
	a->delivered = a->read = -1;
	if (json_int(&o, "delivered", 0, INT64_C(1) << 53, &a->delivered) != ERR_OK ||
		json_int(&o, "read", 0, INT64_C(1) << 53, &a->read) != ERR_OK) {
		a->why = "\"delivered\" and \"read\" must be seqs: whole numbers from 0 on";
		err = ERR_BAD_REQUEST;
	} else if (a->delivered < 0 && a->read < 0) {
		a->why = "\"delivered\" or \"read\" is missing";
		err = ERR_BAD_REQUEST;
	}
	json_finish(&o);
	return err;
}

/* May the user, as of now, read here? */
static enum err check_reader(struct engine *e, const struct record *r)
{
	struct user u;
	struct member m;
	enum err err;

	if (name_chat_kind(r->target.data, r->target.len, NULL) == CHAT_NONE)
		return ERR_BAD_NAME;
	err = state_user(e, r->user, &u);
	if (err == ERR_OK && u.disabled)
		return ERR_FORBIDDEN;
	if (err == ERR_OK)
		err = state_member(e, r->target, r->user, &m);
	if (err == ERR_NOT_FOUND && name_pair_other(r->target, r->user).len > 0)
		return ERR_OK; /* nothing was said there yet */
	return absent_is(err, ERR_FORBIDDEN);
}

static void publish(struct engine *e, const struct record *r, const struct mark *m)
{
	char topic[sizeof("chat//mark/") + NAME_CHAT_MAX + NAME_USER_MAX];
	struct buf *b = &e->answer;

	buf_reset(b);
	buf_str(b, "{\"chat\":\"");
	buf_put(b, r->target.data, r->target.len);
	buf_str(b, "\"");
	answer_string(b, "user", r->user);
	answer_u64(b, "delivered", m->delivered);
	answer_u64(b, "read", m->read);
	answer_u64(b, "ts", m->ts);
	buf_str(b, "}");
	if (b->failed)
		e->out->failed = true;
	snprintf(topic, sizeof(topic), "chat/%.*s/mark/%.*s", (int)r->target.len, r->target.data,
		(int)r->user.len, r->user.data);
	outbox_publish(e->out, topic, 1, false, (struct bytes){b->data, b->len});
}

/* The n of the message with that seq; the last one's is known without looking. */
static enum err n_at(
	struct engine *e, struct bytes chat, const struct chat_state *s, uint64_t seq, uint64_t *n)
{
	struct bytes m;
	enum err err;

	*n = seq == 0 ? 0 : s->n;
	if (seq == 0 || seq == s->seq)
		return ERR_OK;
	err = state_message(e, chat, seq, &m);
	if (err == ERR_OK)
		*n = json_peek_u64(m.data, m.len, "n");
	return absent_is(err, ERR_CORRUPT);
}

static enum err merge(struct engine *e, const struct record *r, struct ack *a)
{
	struct chat_state s = {0};
	struct mark old = {0};
	struct mark m;
	enum err err = state_messages(e, r->target, &s);

	if (err == ERR_OK || err == ERR_NOT_FOUND)
		err = state_mark(e, r->target, r->user, &old);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (a->delivered > (int64_t)s.seq || a->read > (int64_t)s.seq) {
		a->why = "beyond the last message of the chat";
		return ERR_BAD_REQUEST;
	}
	m = old;
	if (a->read > (int64_t)m.read)
		m.read = (uint64_t)a->read;
	if (a->delivered > (int64_t)m.delivered)
		m.delivered = (uint64_t)a->delivered;
	if (m.delivered < m.read)
		m.delivered = m.read;
	if (m.read == old.read && m.delivered == old.delivered)
		return ERR_OK;
	if (m.read != old.read) {
		err = n_at(e, r->target, &s, m.read, &m.read_n);
		if (err != ERR_OK)
			return err;
	}
	m.ts = r->ts;
	put_mark(e, r->target, r->user, &m);
	publish(e, r, &m);
	return ERR_OK;
}

enum err ack_apply(struct engine *e, const struct record *r)
{
	struct ack a = {0};
	enum err err = parse(&a, r->payload);

	if (err == ERR_OK)
		err = check_reader(e, r);
	if (err == ERR_OK)
		err = merge(e, r, &a);
	if (err == ERR_OK || refusal_is_fatal(err))
		return err;
	refuse(e, r, err, a.why, (struct bytes){NULL, 0});
	return ERR_OK;
}
