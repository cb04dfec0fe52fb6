/* ack.c — how far a user has got: chat/<c>/ack to the mark, and to everybody on chat/<c>/mark/<u>.
 *
 * Both marks only grow: an older value is no error, it changes nothing and tells nobody. Beside the
 * read mark stands the n of that message, so that unread is a subtraction. What is told is told at
 * most once in an interval; what has grown since stands in the store as pending until it is.
 */
#include "bridge/engine/internal.h"
#include "bridge/engine/mark.h"

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

/* Of two among whom nothing was said yet nobody is written down as a member. Once it was, who is
 * not one has only the name of one who was. */
static enum err check_unsaid(struct engine *e, struct bytes pair)
{
	struct chat_state s;
	enum err err = state_messages(e, pair, &s);

	return err == ERR_OK ? ERR_NOT_FOUND : absent_is(err, ERR_OK);
}

/* Who is to be told: see struct mark_of. *of has chat, user and whether he hides his receipts. */
static enum err find_audience(struct engine *e, struct mark_of *of)
{
	struct bytes other = name_pair_other(of->chat, of->user);
	struct member m;
	struct chat c;
	struct user u;
	enum err err;

	if (other.len == 0) {
		err = state_chat(e, of->chat, &c);
		of->own = err == ERR_OK && c.kind == KIND_CHANNEL;
		return err;
	}
	err = state_member(e, of->chat, other, &m);
	if (err == ERR_OK)
		err = state_user(e, other, &u);
	of->own = err == ERR_NOT_FOUND; /* gone, or another one of that name */
	of->hidden = of->hidden || (err == ERR_OK && u.receipts_hidden);
	if (err == ERR_OK)
		err = state_blocked(e, of->user, other, &of->own);
	return absent_is(err, ERR_OK);
}

/* May the user, as of now, read here? In a chat of two also when nobody may write there any more:
 * what was said before stays, and so does what he has not read of it. */
static enum err check_reader(struct engine *e, const struct record *r, struct mark_of *of)
{
	struct bytes other = name_pair_other(r->target, r->user);
	struct user u;
	struct member m;
	enum err err;

	*of = (struct mark_of){.chat = r->target, .user = r->user};
	if (name_chat_kind(r->target.data, r->target.len, NULL) == CHAT_NONE)
		return ERR_BAD_NAME;
	err = state_user(e, r->user, &u);
	if (err == ERR_OK && u.disabled)
		return ERR_FORBIDDEN;
	if (err == ERR_OK)
		of->hidden = u.receipts_hidden;
	if (err == ERR_OK)
		err = state_member(e, r->target, r->user, &m);
	if (err == ERR_NOT_FOUND && other.len > 0)
		err = check_unsaid(e, r->target);
	if (err == ERR_OK)
		err = find_audience(e, of);
	return absent_is(err, ERR_FORBIDDEN);
}

static void emit(void *ctx, const char *topic, uint8_t qos, struct bytes payload)
{
	outbox_publish(ctx, topic, qos, false, payload);
}

/* Tell the others, at once, or, if that was only just done, a little later (bridge/marks.h). */
static void tell(struct engine *e, const struct record *r, const struct mark_of *of, struct mark *m)
{
	struct key pending = key_pending(r->target, r->user);

	if (m->told.pending)
		return;
	if (r->ts < m->told.at + (uint64_t)e->conf->mark_interval_ms) {
		m->told.pending = true;
		batch_put(e->batch, TABLE_STORE, key_bytes(&pending), (struct bytes){"", 0});
		outbox_hint(e->out, HINT_MARK, r->user, r->target, r->ts);
		return;
	}
	m->told = mark_tell(&e->answer, of, m, &m->told, r->ts, emit, e->out);
	if (e->answer.failed)
		e->out->failed = true;
}

/* The n of the message with that seq, which is beyond the former mark. Each message leaves n as it
 * was or makes it one more: so the last one's is known without looking, and all others' where every
 * message since the former mark has done the one, or every one the other. To read a message takes
 * as long as all the rest of an ack. */
static enum err n_at(struct engine *e, struct bytes chat, const struct chat_state *s,
	const struct mark *old, uint64_t seq, uint64_t *n)
{
	uint64_t later = s->seq - seq, passed = seq - old->read;
	uint64_t least = s->n - (later < s->n ? later : s->n), most = old->read_n + passed;
	struct bytes m;
	enum err err;

	least = least > old->read_n ? least : old->read_n;
	most = most < s->n ? most : s->n;
	*n = least;
	if (least == most)
		return ERR_OK;
	err = state_message(e, chat, seq, &m);
	if (err == ERR_OK)
		*n = json_peek_u64(m.data, m.len, "n");
	return absent_is(err, ERR_CORRUPT);
}

static enum err merge(
	struct engine *e, const struct record *r, const struct mark_of *of, struct ack *a)
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
		err = n_at(e, r->target, &s, &old, m.read, &m.read_n);
		if (err != ERR_OK)
			return err;
	}
	m.ts = r->ts;
	m.told = mark_told(&old);
	tell(e, r, of, &m);
	put_mark(e, r->target, r->user, &m);
	return ERR_OK;
}

enum err ack_apply(struct engine *e, const struct record *r)
{
	struct ack a = {0};
	struct mark_of of;
	enum err err = parse(&a, r->payload);

	if (err == ERR_OK)
		err = check_reader(e, r, &of);
	if (err == ERR_OK)
		err = merge(e, r, &of, &a);
	if (err == ERR_OK || refusal_is_fatal(err))
		return err;
	refuse(e, r, err, a.why, (struct bytes){NULL, 0});
	return ERR_OK;
}
