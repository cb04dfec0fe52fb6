/* query.c — see query.h. */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "bridge/engine/api.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "persist/visible.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	query_fn *answer;
} queries[] = {
	{"me", query_me},
	{"chats", query_chats},
	{"history", query_history},
	{"unread", query_unread},
	{"chat.get", query_chat_get},
	{"user.get", query_user_get},
	{"contacts", query_contacts},
	{"blocks", query_blocks},
	{"devices", query_devices},
	{"push.get", query_push_get},
	{"chat.online", query_chat_online},
	{"user.list", query_user_list},
	{"chat.list", query_chat_list},
	{"export", query_export},
	{"stats", query_stats},
};

static query_fn *find(struct bytes method)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++)
		if (bytes_equal(method, queries[i].name, strlen(queries[i].name)))
			return queries[i].answer;
	return NULL;
}

enum err query_user(struct query *q, struct bytes user, struct user *out)
{
	struct key k = key_user(user);
	struct bytes v;
	enum err err = directory_get(q->src->reader, TABLE_USERS, key_bytes(&k), &v);

	return err == ERR_OK ? user_decode(out, v) : err;
}

enum err query_chat(struct query *q, struct bytes chat, struct chat *out)
{
	struct key k = key_chat(chat);
	struct bytes v;
	enum err err = directory_get(q->src->reader, TABLE_CHATS, key_bytes(&k), &v);

	return err == ERR_OK ? chat_decode(out, v) : err;
}

enum err query_member(struct query *q, struct bytes chat, struct bytes user, struct member *out)
{
	struct key k = key_member(chat, user);
	struct bytes v;
	enum err err = directory_get(q->src->reader, TABLE_MEMBERS, key_bytes(&k), &v);

	return err == ERR_OK ? member_decode(out, v) : err;
}

enum err query_state(struct query *q, struct bytes chat, struct chat_state *out)
{
	struct key k = key_state(chat);
	struct bytes v;
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	*out = (struct chat_state){0};
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = chat_state_decode(out, v);
	free((void *)(uintptr_t)v.data);
	return err;
}

enum err query_mark(struct query *q, struct bytes chat, struct bytes user, struct mark *out)
{
	struct key k = key_mark(chat, user);
	struct bytes v;
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	*out = (struct mark){0};
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = mark_decode(out, v);
	free((void *)(uintptr_t)v.data);
	return err;
}

/* The caller's one-to-one chat with somebody, in which nothing was said yet. Who has blocked the
 * caller is nobody. */
static bool is_pair_to_be(struct query *q, struct bytes chat)
{
	struct bytes other = name_pair_other(chat, q->r->user);
	struct viewer v;
	struct chat_state s;
	struct user u;
	bool blocked;

	return other.len > 0 && query_user(q, other, &u) == ERR_OK &&
	       query_viewer(q, &v) == ERR_OK &&
	       visible_blocked(q->src->reader, other, &v, &blocked) == ERR_OK && !blocked &&
	       query_state(q, chat, &s) == ERR_OK && s.seq == 0;
}

enum err query_readable_chat(struct query *q, struct bytes *chat, struct member *m)
{
	struct chat c;
	enum err err;

	*chat = (struct bytes){NULL, 0};
	if (json_string(&q->json, "chat", 1, NAME_CHAT_MAX, chat) != ERR_OK || chat->len == 0) {
		q->why = "\"chat\" is missing";
		return ERR_BAD_REQUEST;
	}
	if (name_chat_kind(chat->data, chat->len, NULL) == CHAT_NONE)
		return ERR_BAD_NAME;
	err = query_member(q, *chat, q->r->user, m);
	if (err != ERR_NOT_FOUND)
		return err;
	*m = (struct member){0};
	if (is_pair_to_be(q, *chat))
		return ERR_OK;
	if (!q->admin)
		return ERR_FORBIDDEN;
	return query_chat(q, *chat, &c);
}

enum err query_limit(struct query *q, int64_t def, int64_t max, int64_t *out)
{
	*out = def < max ? def : max;
	if (json_int(&q->json, "limit", 1, max, out) == ERR_OK)
		return ERR_OK;
	q->why = "\"limit\" must be a whole number from 1 to the largest page allowed";
	return ERR_BAD_REQUEST;
}

const char *query_kind_name(int kind)
{
	static const char *const names[] = {
		[KIND_PAIR] = "pair", [KIND_GROUP] = "group", [KIND_CHANNEL] = "channel"};

	return names[kind];
}

static enum err ask(struct query *q, query_fn *fn)
{
	enum err err = directory_refresh(q->src->reader);

	if (err != ERR_OK)
		return err;
	q->snap = store_snapshot(q->src->store);
	err = q->snap ? fn(q) : ERR_NOMEM;
	if (q->snap)
		store_snapshot_release(q->src->store, q->snap);
	directory_rest(q->src->reader);
	return err;
}

/* What the pusher answers comes here only where there is none. */
static enum err absent(struct query *q)
{
	if (!bytes_equal(q->r->target, "push.test", 9) &&
		!bytes_equal(q->r->target, "push.queue", 10))
		return ERR_UNKNOWN_METHOD;
	q->why = "gnatterd is not running";
	return ERR_CONFLICT;
}

void query_answer(const struct query_source *src, const struct record *r, struct buf *answer)
{
	struct query q = {.src = src, .r = r, .out = answer, .admin = r->role == ROLE_ADMIN};
	query_fn *fn = find(r->target);
	struct bytes re;
	enum err err = api_request_parse(&q.json, r, &re);
	bool parsed = err == ERR_OK;

	if (parsed) {
		answer_begin(answer, re);
		err = fn ? ask(&q, fn) : absent(&q);
	}
	if (err == ERR_OK) {
		buf_str(answer, "}");
	} else {
		buf_reset(answer);
		answer_error(answer, err, q.why, re);
	}
	if (parsed)
		json_finish(&q.json);
	stats_add(&src->stats->reads_answered, 1);
}
