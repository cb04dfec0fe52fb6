/* query_chats.c — chats, unread, chat.get, chat.list. */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "persist/visible.h"

#include <stdlib.h>
#include <string.h>

/* One of a user's chats. */
struct entry {
	char chat[NAME_CHAT_MAX + 1];
	size_t len;
	struct chat_state s;
	uint64_t ts; /* of the last message, or of joining */
	struct mute mute;
};

struct entries {
	struct query *q;
	struct entry *list; /* owned */
	size_t count, cap;
	enum err err;
};

static struct bytes entry_chat(const struct entry *e)
{
	return (struct bytes){e->chat, e->len};
}

static bool add_entry(void *ctx, struct bytes key, struct bytes value)
{
	struct entries *l = ctx;
	struct bytes chat = key_last_name(key);
	struct entry *e;

	(void)value;
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct entry *more = realloc(l->list, cap * sizeof(*more));

		if (!more) {
			l->err = ERR_NOMEM;
			return false;
		}
		l->list = more;
		l->cap = cap;
	}
	e = &l->list[l->count];
	*e = (struct entry){.len = chat.len};
	memcpy(e->chat, chat.data, chat.len);
	l->err = query_state(l->q, chat, &e->s);
	e->ts = e->s.ts;
	if (l->err == ERR_OK && e->ts == 0) {
		struct member m;

		l->err = query_member(l->q, chat, l->q->r->user, &m);
		e->ts = l->err == ERR_OK ? m.since : 0;
	}
	l->count++;
	return l->err == ERR_OK;
}

/* All chats of the caller. End with free(l->list). */
static enum err collect(struct query *q, struct entries *l)
{
	struct key prefix = key_lists(q->r->user);
	enum err err;

	*l = (struct entries){.q = q};
	err = directory_each(q->src->reader, TABLE_LISTS, key_bytes(&prefix),
		(struct bytes){NULL, 0}, add_entry, l);
	return err == ERR_OK ? l->err : err;
}

/* Mutes come in the order in which the chats were collected. */
struct mutes {
	struct entries *l;
	size_t at;
	enum err err;
};

/* Is a before b in the order of keys? */
static bool is_before(struct bytes a, struct bytes b)
{
	return a.len != b.len ? a.len < b.len : memcmp(a.data, b.data, a.len) < 0;
}

static bool take_mute(void *ctx, struct bytes key, struct bytes value)
{
	struct mutes *m = ctx;
	struct entries *l = m->l;
	struct mute mute;
	struct bytes user;
	struct bytes chat;

	key_names(key, &user, &chat);
	m->err = mute_decode(&mute, value);
	while (m->at < l->count && is_before(entry_chat(&l->list[m->at]), chat))
		m->at++;
	if (m->at < l->count && bytes_equal(chat, l->list[m->at].chat, l->list[m->at].len))
		l->list[m->at].mute = mute;
	return m->err == ERR_OK;
}

static enum err collect_mutes(struct query *q, struct entries *l)
{
	struct mutes m = {.l = l};
	struct key prefix = key_mutes(q->r->user);
	enum err err = store_each(q->src->store, q->snap, key_bytes(&prefix),
		(struct bytes){NULL, 0}, false, take_mute, &m);

	return err == ERR_OK ? m.err : err;
}

static void put_muted(struct query *q, const struct mute *m)
{
	if (m->until <= q->r->ts)
		return;
	if (m->until == UINT64_MAX)
		answer_bool(q->out, "muted", true);
	else
		answer_u64(q->out, "muted", m->until);
	if (m->mentions)
		answer_bool(q->out, "mentions", true);
}

/* Of one chat. */
static enum err query_mute(struct query *q, struct bytes chat)
{
	struct key k = key_mute(q->r->user, chat);
	struct mute m;
	struct bytes v;
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = mute_decode(&m, v);
	free((void *)(uintptr_t)v.data);
	if (err == ERR_OK)
		put_muted(q, &m);
	return err;
}

/* Newest first; names decide between equals, so that a page can go on where the last one ended. */
static int newest_first(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	if (x->ts != y->ts)
		return x->ts > y->ts ? -1 : 1;
	return strcmp(x->chat, y->chat);
}

static uint64_t unread(const struct chat_state *s, const struct mark *m)
{
	return s->n > m->read_n ? s->n - m->read_n : 0;
}

static enum err put_entry(struct query *q, const struct entry *e)
{
	struct bytes chat = entry_chat(e);
	size_t split;
	struct member me;
	struct mark m;
	struct chat c = {.kind = KIND_PAIR}; /* one of the two has nothing more to say of itself */
	enum err err = query_mark(q, chat, q->r->user, &m);

	if (err == ERR_OK)
		err = query_member(q, chat, q->r->user, &me);
	if (err == ERR_OK && name_chat_kind(chat.data, chat.len, &split) != CHAT_PAIR)
		err = query_chat(q, chat, &c);
	if (err != ERR_OK)
		return err;
	buf_str(q->out, "{\"chat\":");
	json_put_string(q->out, chat.data, chat.len);
	answer_string(q->out, "kind",
		(struct bytes){query_kind_name((int)c.kind), strlen(query_kind_name((int)c.kind))});
	if (c.kind == KIND_PAIR) {
		struct bytes a = {chat.data, split};
		struct bytes b = {chat.data + split + 1, chat.len - split - 1};

		answer_string(
			q->out, "user", bytes_equal(a, q->r->user.data, q->r->user.len) ? b : a);
	} else {
		answer_string(q->out, "title", c.title);
		answer_string(q->out, "role",
			me.admin ? (struct bytes){"admin", 5} : (struct bytes){"member", 6});
	}
	answer_u64(q->out, "seq", e->s.seq);
	answer_u64(q->out, "n", e->s.n);
	answer_u64(q->out, "ts", e->ts);
	answer_u64(q->out, "delivered", m.delivered);
	answer_u64(q->out, "read", m.read);
	answer_u64(q->out, "unread", unread(&e->s, &m));
	put_muted(q, &e->mute);
	if (e->s.visible > me.since_seq || (e->s.visible > 0 && c.kind != KIND_PAIR))
		err = query_put_preview(q, chat, e->s.visible);
	buf_str(q->out, "}");
	return err;
}

/* "from" is "<ts>:<chat>" as an answer's "next" gave it: the entry to go on with. */
static enum err read_from(struct query *q, struct entry *from, bool *given)
{
	struct bytes s = {0};
	char *end;

	*given = false;
	*from = (struct entry){0};
	if (json_string(&q->json, "from", 3, NAME_CHAT_MAX + 24, &s) == ERR_OK) {
		if (s.len == 0)
			return ERR_OK;
		from->ts = strtoull(s.data, &end, 10);
		if (end > s.data && *end == ':' && strlen(end + 1) < sizeof(from->chat)) {
			strcpy(from->chat, end + 1);
			*given = true;
			return ERR_OK;
		}
	}
	q->why = "\"from\" must be what \"next\" was";
	return ERR_BAD_REQUEST;
}

enum err query_chats(struct query *q)
{
	struct entries l = {0};
	struct entry from;
	bool given = false;
	int64_t limit;
	size_t i = 0;
	enum err err = query_limit(q, 1000, 1000, &limit);

	if (err == ERR_OK)
		err = read_from(q, &from, &given);
	if (err == ERR_OK)
		err = collect(q, &l);
	if (err == ERR_OK)
		err = collect_mutes(q, &l);
	if (err == ERR_OK && l.count > 0)
		qsort(l.list, l.count, sizeof(*l.list), newest_first);
	while (given && i < l.count && newest_first(&l.list[i], &from) < 0)
		i++;
	buf_str(q->out, ",\"chats\":[");
	for (bool first = true;
		err == ERR_OK && i < l.count && limit > 0 && q->out->len < QUERY_ANSWER_MAX;
		i++, limit--, first = false) {
		if (!first)
			buf_str(q->out, ",");
		err = put_entry(q, &l.list[i]);
	}
	buf_str(q->out, "]");
	answer_bool(q->out, "more", i < l.count);
	if (i < l.count)
		buf_printf(q->out, ",\"next\":\"%llu:%s\"", (unsigned long long)l.list[i].ts,
			l.list[i].chat);
	free(l.list);
	return err;
}

static enum err unread_of(
	struct query *q, struct bytes chat, const struct chat_state *s, uint64_t *out)
{
	struct mark m;
	enum err err = query_mark(q, chat, q->r->user, &m);

	*out = unread(s, &m);
	return err;
}

static enum err unread_one(struct query *q)
{
	struct bytes chat;
	struct member m;
	struct chat_state s;
	uint64_t n = 0;
	enum err err = query_readable_chat(q, &chat, &m);

	if (err == ERR_OK)
		err = query_state(q, chat, &s);
	if (err == ERR_OK)
		err = unread_of(q, chat, &s, &n);
	answer_string(q->out, "chat", chat);
	answer_u64(q->out, "unread", n);
	return err;
}

enum err query_unread(struct query *q)
{
	struct entries l;
	uint64_t total = 0;
	bool first = true;
	enum err err;

	if (json_get(&q->json, "chat"))
		return unread_one(q);
	err = collect(q, &l);
	buf_str(q->out, ",\"chats\":{");
	for (size_t i = 0; err == ERR_OK && i < l.count; i++) {
		uint64_t n;

		err = unread_of(q, entry_chat(&l.list[i]), &l.list[i].s, &n);
		if (err != ERR_OK || n == 0)
			continue;
		total += n;
		buf_printf(q->out, "%s\"%s\":%llu", first ? "" : ",", l.list[i].chat,
			(unsigned long long)n);
		first = false;
	}
	buf_str(q->out, "}");
	answer_u64(q->out, "total", total);
	free(l.list);
	return err;
}

/* --- chat.get, chat.list
 * --------------------------------------------------------------------------- */

struct list {
	struct query *q;
	struct bytes chat;
	bool reads_hidden; /* the caller hides what he has read, and sees no others' */
	int64_t left;
	bool any, more;
	enum err err;
};

/* Who has blocked the caller is not there for him in a chat of the two. */
static enum err is_hidden(struct list *l, struct bytes user, bool *yes)
{
	struct user self = {0};
	struct viewer v = {.user = l->q->r->user};
	enum err err = ERR_OK;

	*yes = false;
	if (name_pair_other(l->chat, l->q->r->user).len == 0)
		return ERR_OK;
	err = query_user(l->q, l->q->r->user, &self);
	v.created = self.created;
	return err == ERR_OK ? visible_blocked(l->q->src->reader, user, &v, yes) : err;
}

/* May the caller see how far that member has read? */
static enum err may_see_read(struct list *l, struct bytes user, bool *yes)
{
	struct user u;
	enum err err;

	*yes = bytes_equal(user, l->q->r->user.data, l->q->r->user.len);
	if (*yes || l->reads_hidden)
		return ERR_OK;
	err = query_user(l->q, user, &u);
	*yes = err == ERR_OK && !u.receipts_hidden;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static bool list_member(void *ctx, struct bytes key, struct bytes value)
{
	struct list *l = ctx;
	struct buf *b = l->q->out;
	struct bytes user = key_last_name(key);
	struct member m;
	struct mark mark;
	bool read = false;
	bool hidden;

	if (l->left == 0 || b->len > QUERY_ANSWER_MAX) {
		l->more = true;
		return false;
	}
	l->err = member_decode(&m, value);
	if (l->err == ERR_OK)
		l->err = is_hidden(l, user, &hidden);
	if (l->err != ERR_OK || hidden)
		return l->err == ERR_OK;
	l->err = query_mark(l->q, l->chat, user, &mark);
	if (l->err == ERR_OK)
		l->err = may_see_read(l, user, &read);
	if (l->err != ERR_OK)
		return false;
	buf_str(b, l->any ? ",{\"user\":" : "{\"user\":");
	json_put_string(b, user.data, user.len);
	answer_string(
		b, "role", m.admin ? (struct bytes){"admin", 5} : (struct bytes){"member", 6});
	answer_u64(b, "since", m.since);
	answer_u64(b, "delivered", mark.delivered);
	if (read)
		answer_u64(b, "read", mark.read);
	buf_str(b, "}");
	l->any = true;
	l->left--;
	return true;
}

static enum err hides_reads(struct query *q, bool *yes)
{
	struct user u;
	enum err err = query_user(q, q->r->user, &u);

	*yes = err == ERR_OK && u.receipts_hidden;
	return err == ERR_NOT_FOUND ? ERR_OK : err; /* the system has no account */
}

static void put_chat(struct query *q, const struct chat *c)
{
	const char *kind = query_kind_name((int)c->kind);

	answer_string(q->out, "kind", (struct bytes){kind, strlen(kind)});
	answer_string(q->out, "title", c->title);
	answer_u64(q->out, "created", c->created);
	answer_string(q->out, "by", c->by);
	answer_u64(q->out, "count", c->members);
}

enum err query_chat_get(struct query *q)
{
	struct list l = {.q = q};
	struct bytes after = {0};
	struct key prefix;
	struct key from = {0};
	struct chat_state s;
	struct member m;
	struct chat c;
	enum err err = query_readable_chat(q, &l.chat, &m);

	if (err == ERR_OK)
		err = query_limit(q, 1000, 1000, &l.left);
	if (err == ERR_OK && json_string(&q->json, "after", 1, NAME_USER_MAX, &after) != ERR_OK) {
		q->why = "\"after\" must be a user";
		err = ERR_BAD_REQUEST;
	}
	if (err == ERR_OK)
		err = query_chat(q, l.chat, &c);
	if (err == ERR_NOT_FOUND && name_pair_other(l.chat, q->r->user).len > 0) {
		c = (struct chat){.kind = KIND_PAIR, .members = 2}; /* nothing was said yet */
		err = ERR_OK;
	}
	if (err == ERR_OK)
		err = query_state(q, l.chat, &s);
	if (err == ERR_OK)
		err = hides_reads(q, &l.reads_hidden);
	if (err != ERR_OK)
		return err;
	answer_string(q->out, "chat", l.chat);
	put_chat(q, &c);
	answer_u64(q->out, "seq", s.seq);
	answer_u64(q->out, "n", s.n);
	err = query_mute(q, l.chat);
	if (err != ERR_OK)
		return err;
	buf_str(q->out, ",\"members\":[");
	prefix = key_members(l.chat);
	if (after.len > 0) {
		from = key_member(l.chat, after);
		from.data[from.len++] = '\0';
	}
	err = directory_each(q->src->reader, TABLE_MEMBERS, key_bytes(&prefix), key_bytes(&from),
		list_member, &l);
	buf_str(q->out, "]");
	answer_bool(q->out, "more", l.more);
	return err == ERR_OK ? l.err : err;
}

static bool list_chat(void *ctx, struct bytes key, struct bytes value)
{
	struct list *l = ctx;
	struct buf *b = l->q->out;
	struct chat c;

	if (l->left == 0 || b->len > QUERY_ANSWER_MAX) {
		l->more = true;
		return false;
	}
	l->err = chat_decode(&c, value);
	if (l->err != ERR_OK)
		return false;
	buf_str(b, l->any ? ",{\"chat\":" : "{\"chat\":");
	json_put_string(b, key.data, key.len);
	put_chat(l->q, &c);
	buf_str(b, "}");
	l->any = true;
	l->left--;
	return true;
}

enum err query_chat_list(struct query *q)
{
	struct list l = {.q = q};
	struct bytes after = {0};
	struct key from = {0};
	enum err err = query_limit(q, 1000, 1000, &l.left);

	if (err == ERR_OK && json_string(&q->json, "after", 1, NAME_CHAT_MAX, &after) != ERR_OK) {
		q->why = "\"after\" must be a chat";
		err = ERR_BAD_REQUEST;
	}
	if (err != ERR_OK)
		return err;
	if (after.len > 0) {
		from = key_chat(after);
		from.data[from.len++] = '\0';
	}
	buf_str(q->out, ",\"chats\":[");
	err = directory_each(q->src->reader, TABLE_CHATS, (struct bytes){NULL, 0}, key_bytes(&from),
		list_chat, &l);
	buf_str(q->out, "]");
	answer_bool(q->out, "more", l.more);
	return err == ERR_OK ? l.err : err;
}
