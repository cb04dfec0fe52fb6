/* send.c — a message: from chat/<c>/send to the store, and to everybody on chat/<c>/msg.
 *
 * The order of the checks is the order of the answers: what it says (draft), who says it (member),
 * was it said before (dedupe), what it refers to. Only then a seq is taken, so that there are no
 * gaps.
 */
#include "bridge/engine/internal.h"

#include <stdio.h>
#include <string.h>

/* One send under way. */
struct send {
	struct engine *e;
	const struct record *r;
	struct bytes chat, peer; /* peer: the other user of a pair */
	bool admin, opened;
	bool joins;         /* a pair that the sender has no part in yet */
	uint64_t created;   /* the sender's account, ms */
	uint64_t since_seq; /* of a pair: the sender saw nothing up to here */
	struct draft draft;
	struct chat_state state;
	char made_id[40];
	const char *why;
};

static enum err no(struct send *s, enum err err, const char *why)
{
	s->why = why;
	return err;
}

static enum err check_pair(struct send *s)
{
	struct user peer;
	struct member m;
	bool blocked = false;
	enum err err;

	s->peer = name_pair_other(s->chat, s->r->user);
	if (s->peer.len == 0)
		return no(s, ERR_FORBIDDEN, NULL);
	err = state_user(s->e, s->peer, &peer);
	if (err == ERR_OK)
		err = state_blocked(s->e, s->r->user, s->peer, &blocked);
	if (err == ERR_OK && blocked)
		err = ERR_NOT_FOUND; /* as if there were no such user */
	if (err != ERR_OK)
		return absent_is(err, ERR_FORBIDDEN);
	err = state_member(s->e, s->chat, s->r->user, &m);
	s->joins = err == ERR_NOT_FOUND;
	if (err == ERR_OK) {
		s->since_seq = m.since_seq;
		err = state_member(s->e, s->chat, s->peer, &m);
	}
	s->opened = err == ERR_OK;
	return absent_is(err, ERR_OK);
}

static enum err check_group(struct send *s)
{
	struct member m;
	struct chat c;
	enum err err = state_member(s->e, s->chat, s->r->user, &m);

	if (err != ERR_OK)
		return absent_is(err, ERR_FORBIDDEN);
	s->admin = m.admin;
	s->opened = true;
	if (m.admin)
		return ERR_OK;
	err = state_chat(s->e, s->chat, &c);
	if (err == ERR_OK && c.kind == KIND_CHANNEL)
		return no(s, ERR_FORBIDDEN, "only admins write in a channel");
	return err;
}

/* Is the sender, as of now, one who may write here? What came before in the order has been applied.
 */
static enum err check_sender(struct send *s)
{
	struct user u;
	enum chat_kind kind = name_chat_kind(s->chat.data, s->chat.len, NULL);
	enum err err;

	if (kind == CHAT_NONE)
		return no(s, ERR_BAD_NAME, NULL);
	err = state_user(s->e, s->r->user, &u);
	if (err != ERR_OK)
		return absent_is(err, ERR_FORBIDDEN);
	if (u.disabled)
		return no(s, ERR_FORBIDDEN, "the account is disabled");
	s->created = u.created;
	return kind == CHAT_PAIR ? check_pair(s) : check_group(s);
}

/* Both users of a pair learn of it at the first message, or again after one of them was removed and
 * made anew: who is new sees nothing of what was said before. */
static enum err open_pair(struct send *s)
{
	struct engine *e = s->e;
	struct bytes both[2] = {s->r->user, s->peer};
	struct chat c = {.kind = KIND_PAIR, .created = s->r->ts, .members = 2, .by = s->r->user};
	struct mark seen = {.delivered = s->state.seq,
		.read = s->state.seq,
		.read_n = s->state.n,
		.ts = s->r->ts};
	struct member m;

	for (int i = 0; i < 2; i++) {
		enum err err = state_member(e, s->chat, both[i], &m);

		if (err == ERR_OK)
			continue;
		if (err != ERR_NOT_FOUND)
			return err;
		m = (struct member){.since = s->r->ts, .since_seq = s->state.seq};
		put_member(e, s->chat, both[i], &m);
		if (s->state.seq > 0)
			put_mark(e, s->chat, both[i], &seen);
		event_user(e, s->r, both[i], "chat.added", s->chat, &c);
	}
	put_chat(e, s->chat, &c);
	return ERR_OK;
}

static void answer_stored(struct send *s, uint64_t seq, struct bytes id, uint64_t ts)
{
	struct engine *e = s->e;
	struct buf *b = &e->answer;

	if (s->r->response.len == 0)
		return;
	buf_reset(b);
	buf_str(b, "{\"chat\":\"");
	buf_put(b, s->chat.data, s->chat.len);
	buf_printf(b, "\",\"seq\":%llu", (unsigned long long)seq);
	answer_string(b, "id", id);
	answer_u64(b, "ts", ts);
	buf_str(b, "}");
	if (b->failed)
		e->out->failed = true;
	outbox_answer(e->out, s->r, s->r->response, (struct bytes){b->data, b->len});
}

/* Sent before under this id? Then that device alone gets the stored original again. */
static enum err answer_repeat(struct send *s, bool *repeated)
{
	struct engine *e = s->e;
	struct key k = key_dedupe(s->chat, s->r->user, s->draft.id);
	char topic[sizeof("chat//msg") + NAME_CHAT_MAX];
	struct bytes v;
	struct reader rd;
	uint64_t seq;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v);

	*repeated = false;
	if (err != ERR_OK)
		return absent_is(err, ERR_OK);
	rd = reader_of(v.data, v.len);
	seq = read_u64(&rd);
	err = state_message(e, s->chat, seq, &v);
	if (rd.failed || err == ERR_NOT_FOUND)
		return ERR_CORRUPT;
	if (err != ERR_OK)
		return err;
	if (json_peek_u64(v.data, v.len, "ts") < s->created)
		return ERR_OK; /* of one who had this name before */
	*repeated = true;
	snprintf(topic, sizeof(topic), "chat/%.*s/msg", (int)s->chat.len, s->chat.data);
	outbox_answer(e->out, s->r, (struct bytes){topic, strlen(topic)}, v);
	answer_stored(s, seq, s->draft.id, json_peek_u64(v.data, v.len, "ts"));
	return ERR_OK;
}

/* --- what edits, deletes, reactions and replies refer to
 * ------------------------------------------- */

static bool is_type(struct bytes t, const char *name)
{
	return bytes_equal(t, name, strlen(name));
}

/* Of that name, and not one who had it before. */
static bool is_author(const struct send *s, const struct message_facts *f)
{
	return bytes_equal(f->head.from, s->r->user.data, s->r->user.len) &&
	       f->head.ts >= s->created;
}

/* The content of the message with seq `at`, and of all its edits, gives way to tombstones. */
static enum err bury(struct send *s, uint64_t at, uint64_t deleted)
{
	struct engine *e = s->e;

	for (uint64_t next = at; next != 0;) {
		struct message_facts f;
		struct bytes m;
		struct buf grave = {0};
		struct buf copy = {0};
		enum err err = state_message(e, s->chat, next, &m);

		if (err != ERR_OK)
			return absent_is(err, ERR_CORRUPT);
		buf_put(&copy, m.data, m.len);
		err = copy.failed ? ERR_NOMEM
				  : message_read(&f, (struct bytes){copy.data, copy.len});
		if (err == ERR_OK) {
			message_write_tombstone(&grave, &f, deleted);
			put_message(e, s->chat, next, (struct bytes){grave.data, grave.len});
			/* From the original to its newest edit, and back along the edits. */
			next = next == at ? f.edited : f.prev;
			message_facts_finish(&f);
			if (grave.failed)
				err = ERR_NOMEM;
		}
		buf_free(&grave);
		buf_free(&copy);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err apply_edit(struct send *s, const struct message_facts *f, struct bytes original,
	uint64_t seq, uint64_t *prev)
{
	struct key key = key_edits(s->chat, s->draft.ref);
	struct buf edited = {0};
	uint64_t count;
	enum err err;

	if (!is_author(s, f))
		return no(s, ERR_FORBIDDEN, "only the author edits a message");
	err = state_number(s->e, &key, &count);
	if (err != ERR_OK)
		return err;
	if (count >= (uint64_t)s->e->conf->edits_per_message_max)
		return no(s, ERR_LIMIT, "the message was edited as often as allowed");
	put_number(s->e, &key, count + 1);
	*prev = f->edited;
	message_write_edited(&edited, original, seq);
	put_message(s->e, s->chat, s->draft.ref, (struct bytes){edited.data, edited.len});
	err = edited.failed ? ERR_NOMEM : ERR_OK;
	buf_free(&edited);
	return err;
}

static enum err apply_delete(struct send *s, const struct message_facts *f, uint64_t seq)
{
	if (!s->admin && !is_author(s, f))
		return no(s, ERR_FORBIDDEN, "only the author or an admin deletes a message");
	return bury(s, s->draft.ref, seq);
}

/* Check what the message refers to and do to it what is asked. *prev gets an edit's predecessor. */
static enum err apply_ref(struct send *s, uint64_t seq, uint64_t *prev)
{
	struct message_facts f;
	struct buf copy = {0};
	struct bytes m;
	enum err err;

	if (s->draft.ref > s->state.seq || s->draft.ref <= s->since_seq)
		return no(s, ERR_NOT_FOUND, "\"ref\" is the seq of no message here");
	if (s->draft.action == ACTION_NONE)
		return ERR_OK;
	err = state_message(s->e, s->chat, s->draft.ref, &m);
	if (err != ERR_OK)
		return absent_is(err, ERR_CORRUPT);
	buf_put(&copy, m.data, m.len); /* what follows reads on through the batch */
	m = (struct bytes){copy.data, copy.len};
	err = copy.failed ? ERR_NOMEM : message_read(&f, m);
	if (err == ERR_OK) {
		if (is_type(f.type, "deleted"))
			err = no(s, ERR_NOT_FOUND, "that message is deleted");
		else if (is_type(f.type, "edit") || is_type(f.type, "delete") ||
			 is_type(f.type, "system") ||
			 (is_type(f.type, "reaction") && s->draft.action != ACTION_DELETE))
			err = no(s, ERR_CONFLICT,
				"\"ref\" must be the seq of a message, not of an event");
		else if (s->draft.action == ACTION_EDIT)
			err = apply_edit(s, &f, m, seq, prev);
		else if (s->draft.action == ACTION_DELETE)
			err = apply_delete(s, &f, seq);
		message_facts_finish(&f);
	}
	buf_free(&copy);
	return err;
}

/* --- storing
 * ---------------------------------------------------------------------------------------- */

/* An id for a message that came without: unique, since record numbers and times are. */
static struct bytes make_id(struct send *s)
{
	int len = snprintf(s->made_id, sizeof(s->made_id), "%llx-%llx",
		(unsigned long long)s->r->ts, (unsigned long long)s->r->number);

	return (struct bytes){s->made_id, (size_t)len};
}

static enum err store(struct send *s)
{
	struct engine *e = s->e;
	uint64_t ts = s->r->ts > s->state.ts ? s->r->ts : s->state.ts;
	struct message_head h = {.chat = s->chat,
		.from = s->r->user,
		.device = s->r->device,
		.id = s->draft.id.len > 0 ? s->draft.id : make_id(s),
		.seq = s->state.seq + 1,
		.n = s->state.n + (s->draft.counts ? 1 : 0),
		.ts = ts};
	struct mark m = {.delivered = h.seq, .read = h.seq, .read_n = h.n, .ts = ts};
	struct buf *b = &e->message;
	enum err err = s->draft.ref != 0 ? apply_ref(s, h.seq, &h.prev) : ERR_OK;

	if (err == ERR_OK && !s->opened)
		err = e->refuse == ERR_OK ? open_pair(s) : e->refuse;
	if (err != ERR_OK)
		return err;
	s->state = (struct chat_state){.seq = h.seq,
		.ts = ts,
		.n = h.n,
		.visible = s->draft.counts ? h.seq : s->state.visible};
	buf_reset(b);
	message_write(b, &h, &s->draft);
	if (b->failed)
		return ERR_NOMEM;
	put_message(e, s->chat, h.seq, (struct bytes){b->data, b->len});
	outbox_message(e->out, s->chat, h.seq, (struct bytes){b->data, b->len});
	put_messages(e, s->chat, &s->state);
	put_mark(e, s->chat, s->r->user, &m);
	if (s->draft.id.len > 0) {
		struct key k = key_dedupe(s->chat, s->r->user, h.id);

		buf_reset(&e->scratch);
		buf_u64(&e->scratch, h.seq);
		batch_put(e->batch, TABLE_STORE, key_bytes(&k),
			(struct bytes){e->scratch.data, e->scratch.len});
	}
	if (s->draft.counts)
		err = push_message(e, s->chat, h.seq, h.n, ts);
	answer_stored(s, h.seq, h.id, ts);
	e->messages++;
	return err;
}

static enum err accept(struct send *s)
{
	bool repeated = false;
	enum err err = draft_parse(&s->draft, s->r->payload, s->e->conf, &s->why);

	if (err == ERR_OK)
		err = check_sender(s);
	if (err == ERR_OK && s->draft.id.len > 0)
		err = answer_repeat(s, &repeated);
	if (err != ERR_OK || repeated)
		return err;
	err = state_messages(s->e, s->chat, &s->state);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (s->joins)
		s->since_seq = s->state.seq;
	return store(s);
}

enum err send_apply(struct engine *e, const struct record *r)
{
	struct send s = {.e = e, .r = r, .chat = r->target};
	size_t mark = batch_mark(e->batch);
	struct outbox_mark out = outbox_mark(e->out);
	enum err err = accept(&s);

	if (err != ERR_OK && !refusal_is_fatal(err)) {
		batch_rollback(e->batch, mark);
		outbox_rollback(e->out, out);
		refuse(e, r, err, s.why, s.draft.id);
		err = ERR_OK;
	}
	draft_finish(&s.draft);
	return err;
}

enum err send_system(struct engine *e, const struct record *r, struct bytes chat, struct bytes body,
	uint64_t *seq)
{
	struct chat_state st = {0};
	struct message_head h = {.chat = chat, .from = r->user};
	struct buf *b = &e->message;
	enum err err = state_messages(e, chat, &st);

	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	st.seq++;
	st.ts = r->ts > st.ts ? r->ts : st.ts;
	h.seq = st.seq;
	h.n = st.n;
	h.ts = st.ts;
	buf_reset(b);
	message_write_system(b, &h, body);
	if (b->failed)
		return ERR_NOMEM;
	put_message(e, chat, h.seq, (struct bytes){b->data, b->len});
	outbox_message(e->out, chat, h.seq, (struct bytes){b->data, b->len});
	put_messages(e, chat, &st);
	e->messages++;
	if (seq)
		*seq = st.seq;
	return ERR_OK;
}
