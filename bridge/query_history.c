/* query_history.c — pages of a chat: a range of stored values, joined as they are. */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "persist/keys.h"
#include "persist/values.h"

#include <string.h>

struct page {
	struct buf
		*out; /* ascending: the messages; descending: the same, in reverse, with `ends` */
	struct buf ends; /* u64 each: where a message ends in out; descending only */
	bool reverse;
	size_t start;         /* of the page in out */
	int64_t left;         /* messages that may still come */
	uint64_t floor;       /* no seq up to this one */
	uint64_t first, last; /* seqs taken; 0: none */
};

static bool take(void *ctx, struct bytes key, struct bytes value)
{
	struct page *p = ctx;
	uint64_t seq = key_message_seq(key);

	if (seq <= p->floor || p->left == 0)
		return false;
	if (p->first != 0 && p->out->len - p->start + value.len > QUERY_ANSWER_MAX)
		return false;
	if (!p->reverse && p->first != 0)
		buf_str(p->out, ",");
	buf_put(p->out, value.data, value.len);
	if (p->reverse)
		buf_u64(&p->ends, p->out->len);
	if (p->first == 0 || p->reverse)
		p->first = seq;
	if (p->last == 0 || !p->reverse)
		p->last = seq;
	p->left--;
	return true;
}

/* The messages were taken newest first: join them oldest first. */
static void turn(struct page *p, struct buf *out)
{
	size_t count = p->ends.len / sizeof(uint64_t);

	for (size_t i = count; i-- > 0;) {
		uint64_t from = 0;
		uint64_t to;
		struct reader r = reader_of(p->ends.data + i * sizeof(uint64_t), sizeof(uint64_t));

		to = read_u64(&r);
		if (i > 0) {
			r = reader_of(p->ends.data + (i - 1) * sizeof(uint64_t), sizeof(uint64_t));
			from = read_u64(&r);
		}
		buf_put(out, p->out->data + from, to - from);
		if (i > 0)
			buf_str(out, ",");
	}
}

static enum err ascend(struct query *q, struct bytes chat, struct page *p, uint64_t after)
{
	struct key prefix = key_messages(chat);
	struct key from = key_message(chat, (after > p->floor ? after : p->floor) + 1);

	p->out = q->out;
	p->start = q->out->len;
	return store_each(
		q->src->store, q->snap, key_bytes(&prefix), key_bytes(&from), false, take, p);
}

static enum err descend(struct query *q, struct bytes chat, struct page *p, uint64_t before)
{
	struct key prefix = key_messages(chat);
	struct key from = key_message(chat, before - 1);
	struct buf reversed = {0};
	enum err err;

	p->out = &reversed;
	p->reverse = true;
	err = store_each(
		q->src->store, q->snap, key_bytes(&prefix), key_bytes(&from), true, take, p);
	if (err == ERR_OK && (reversed.failed || p->ends.failed))
		err = ERR_NOMEM;
	if (err == ERR_OK)
		turn(p, q->out);
	buf_free(&reversed);
	buf_free(&p->ends);
	return err;
}

enum err query_history(struct query *q)
{
	struct page p = {0};
	struct chat_state s;
	struct member m;
	struct bytes chat;
	int64_t after = -1;
	int64_t before = -1;
	bool more;
	enum err err = query_readable_chat(q, &chat, &m);

	if (err == ERR_OK)
		err = query_limit(q, 100, q->src->conf->history_page_max, &p.left);
	if (err == ERR_OK &&
		(json_int(&q->json, "after", 0, INT64_C(1) << 53, &after) != ERR_OK ||
			json_int(&q->json, "before", 1, INT64_C(1) << 53, &before) != ERR_OK ||
			(after >= 0 && before >= 0))) {
		q->why = "\"after\" or \"before\" must be a seq, and only one of them given";
		err = ERR_BAD_REQUEST;
	}
	if (err == ERR_OK)
		err = query_state(q, chat, &s);
	if (err != ERR_OK)
		return err;
	if (name_chat_kind(chat.data, chat.len, NULL) == CHAT_PAIR)
		p.floor = m.since_seq; /* what an earlier owner of the name said is not for this one
					*/
	answer_string(q->out, "chat", chat);
	buf_str(q->out, ",\"messages\":[");
	if (after >= 0)
		err = ascend(q, chat, &p, (uint64_t)after);
	else
		err = descend(q, chat, &p, before > 0 ? (uint64_t)before : s.seq + 1);
	more = after >= 0 ? p.last != 0 && p.last < s.seq : p.first > p.floor + 1;
	buf_str(q->out, "]");
	answer_bool(q->out, "more", more);
	answer_u64(q->out, "seq", s.seq);
	return err;
}
