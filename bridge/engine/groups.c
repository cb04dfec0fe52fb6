/* groups.c — groups and channels: chat.create, chat.update; and of every chat: chat.mute. */
#include "bridge/engine/internal.h"

#include "wire/utf8.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static enum err read_title(struct request *q, struct bytes *title)
{
	enum err err = json_string(&q->json, "title", 0, TITLE_BYTES_MAX, title);

	if (err != ERR_OK)
		q->why = "\"title\" must be a string of at most 512 bytes";
	return err;
}

static enum err read_kind(struct request *q, enum group_kind *kind)
{
	struct bytes s = BYTES("group");

	if (json_string(&q->json, "kind", 1, 16, &s) == ERR_OK) {
		*kind = bytes_equal(s, "channel", 7) ? KIND_CHANNEL : KIND_GROUP;
		if (*kind == KIND_CHANNEL || bytes_equal(s, "group", 5))
			return ERR_OK;
	}
	q->why = "\"kind\" must be \"group\" or \"channel\"";
	return ERR_BAD_REQUEST;
}

/* The name the caller chose, or one that nobody can have chosen: of time and record number. */
static enum err read_id(struct request *q, struct bytes *chat, char made[NAME_GROUP_MAX + 1])
{
	int len;

	if (json_get(&q->json, "chat")) {
		enum err err = request_chat(q, "chat", chat);

		if (err == ERR_OK && name_chat_kind(chat->data, chat->len, NULL) == CHAT_PAIR) {
			q->why = "a one-to-one chat needs no creation";
			return ERR_BAD_NAME;
		}
		return err;
	}
	len = snprintf(made, NAME_GROUP_MAX + 1, "g%llx-%llx", (unsigned long long)q->r->ts,
		(unsigned long long)q->r->number);
	*chat = (struct bytes){made, (size_t)len};
	return ERR_OK;
}

/* A chat in the making. */
struct making {
	struct request *q;
	struct bytes chat;
	struct chat c;
	struct chat_state s; /* what was said there already */
	bool caller_in;      /* the caller is an account and becomes a member */
};

static enum err put_one(struct making *m, struct bytes user, bool admin)
{
	struct engine *e = m->q->e;
	int64_t max = m->c.kind == KIND_CHANNEL ? e->conf->channel_members_max
						: e->conf->group_members_max;
	bool blocked = false;
	struct member old;
	struct user u;
	size_t chats;
	enum err err;

	if (!name_user_ok(user.data, user.len))
		return ERR_BAD_NAME;
	err = state_member(e, m->chat, user, &old);
	if (err == ERR_OK)
		return ERR_OK; /* named twice */
	err = absent_is(err, ERR_OK);
	if (err == ERR_OK)
		err = state_user(e, user, &u);
	if (err == ERR_OK && !m->q->admin)
		err = state_has_blocked(e, user, m->q->r->user, &blocked);
	if (err == ERR_OK && blocked)
		err = ERR_NOT_FOUND; /* who has blocked the caller is not there for him */
	if (err == ERR_NOT_FOUND)
		m->q->why = "one of the members is no user";
	if (err == ERR_OK && m->c.members >= max) {
		m->q->why = "more members than allowed";
		err = ERR_LIMIT;
	}
	if (err == ERR_OK)
		err = state_chats_count(e, user, (size_t)e->conf->chats_per_user_max, &chats);
	if (err == ERR_OK && chats >= (size_t)e->conf->chats_per_user_max) {
		m->q->why = "one of the members is in as many chats as allowed";
		err = ERR_LIMIT;
	}
	if (err != ERR_OK)
		return err;
	return member_put_in(e, m->q->r, m->chat, &m->c, &m->s, user, admin);
}

static enum err put_list(struct making *m, const char *name, bool admin)
{
	const struct json_member *list = json_get(&m->q->json, name);
	const cJSON *u;
	enum err err = ERR_OK;

	if (!list || cJSON_IsNull(list->value))
		return ERR_OK;
	if (!cJSON_IsArray(list->value)) {
		m->q->why = "\"members\" and \"admins\" must be lists of users";
		return ERR_BAD_REQUEST;
	}
	cJSON_ArrayForEach(u, list->value)
	{
		/* Somebody must be admin: the first, where the caller is no member. */
		bool first = !m->caller_in && m->c.members == 0;

		if (!cJSON_IsString(u)) {
			m->q->why = "\"members\" and \"admins\" must be lists of users";
			return ERR_BAD_REQUEST;
		}
		err = put_one(
			m, (struct bytes){u->valuestring, strlen(u->valuestring)}, admin || first);
		if (err != ERR_OK)
			break;
	}
	return err;
}

static enum err put_everybody(struct making *m)
{
	enum err err = m->caller_in ? put_one(m, m->q->r->user, true) : ERR_OK;

	if (err == ERR_OK)
		err = put_list(m, "admins", true);
	if (err == ERR_OK)
		err = put_list(m, "members", false);
	return err;
}

static enum err tell_everybody(struct making *m)
{
	struct engine *e = m->q->e;
	struct names names;
	struct reader rd;
	struct bytes name;
	struct buf body = {0};
	uint64_t seq = 0;
	enum err err = state_members(e, m->chat, &names);

	if (err != ERR_OK)
		return err;
	NAMES_EACH(&names, rd, name)
	event_user(e, m->q->r, name, "chat.added", m->chat, &m->c);
	buf_free(&names.text);
	buf_str(&body, "\"event\":\"chat.created\"");
	if (m->c.title.len > 0)
		answer_string(&body, "title", m->c.title);
	err = body.failed
		      ? ERR_NOMEM
		      : send_system(e, m->q->r, m->chat, (struct bytes){body.data, body.len}, &seq);
	buf_free(&body);
	if (err == ERR_OK)
		event_chat(e, m->q->r, m->chat, "chat.created", (struct bytes){NULL, 0}, NULL, seq);
	answer_string(m->q->answer, "chat", m->chat);
	answer_u64(m->q->answer, "seq", seq);
	return err;
}

/* Make the chat with its members; nobody is told yet. made gives room for a name of our own. */
static enum err make(struct making *m, char made[NAME_GROUP_MAX + 1])
{
	struct request *q = m->q;
	struct chat old;
	enum err err = read_id(q, &m->chat, made);

	m->c = (struct chat){.created = q->r->ts, .by = q->r->user};
	if (err == ERR_OK)
		err = read_title(q, &m->c.title);
	if (err == ERR_OK)
		err = read_kind(q, &m->c.kind);
	if (err == ERR_OK) {
		err = state_chat(q->e, m->chat, &old);
		err = err == ERR_OK ? ERR_EXISTS : absent_is(err, ERR_OK);
	}
	if (err == ERR_OK)
		err = put_everybody(m);
	if (err == ERR_OK)
		put_chat(q->e, m->chat, &m->c);
	return err;
}

enum err method_chat_create(struct request *q)
{
	struct making m = {.q = q, .caller_in = q->r->user.data[0] != '$'};
	char made[NAME_GROUP_MAX + 1];
	enum err err = make(&m, made);

	return err == ERR_OK ? tell_everybody(&m) : err;
}

/* "more": true: more members for the group or channel of an earlier line. What the directory lends
 * of it does not outlast the next read. */
static enum err make_more(struct making *m, struct buf *kept)
{
	struct request *q = m->q;
	enum err err = request_chat(q, "chat", &m->chat);
	size_t title;

	if (err == ERR_OK)
		err = state_chat(q->e, m->chat, &m->c);
	if (err == ERR_OK && m->c.kind == KIND_PAIR)
		err = ERR_BAD_REQUEST;
	if (err != ERR_OK)
		return err;
	title = m->c.title.len;
	buf_put(kept, m->c.title.data, title);
	buf_put(kept, m->c.by.data, m->c.by.len);
	if (kept->failed)
		return ERR_NOMEM;
	m->c.title = (struct bytes){kept->data, title};
	m->c.by = (struct bytes){kept->data + title, kept->len - title};
	err = absent_is(state_messages(q->e, m->chat, &m->s), ERR_OK);
	if (err == ERR_OK)
		err = put_everybody(m);
	if (err == ERR_OK)
		put_chat(q->e, m->chat, &m->c);
	return err;
}

enum err method_chat_import(struct request *q)
{
	struct making m = {.q = q};
	char made[NAME_GROUP_MAX + 1];
	struct buf kept = {0};
	bool more = false;
	enum err err = json_bool(&q->json, "more", &more);

	if (err == ERR_OK)
		err = more ? make_more(&m, &kept) : make(&m, made);
	buf_free(&kept);
	return err;
}

enum err method_chat_update(struct request *q)
{
	struct bytes chat = {0};
	struct bytes title = {0};
	struct buf by = {0};
	struct buf body = {0};
	struct chat c;
	uint64_t seq = 0;
	enum err err = request_chat(q, "chat", &chat);

	if (err == ERR_OK && !json_get(&q->json, "title")) {
		q->why = "\"title\" is missing";
		return ERR_BAD_REQUEST;
	}
	if (err == ERR_OK)
		err = read_title(q, &title);
	if (err == ERR_OK)
		err = member_manager(q, chat, &c);
	if (err != ERR_OK)
		return err;
	if (bytes_equal(title, c.title.data, c.title.len))
		return ERR_OK;
	buf_put(&by, c.by.data, c.by.len);
	c.by = (struct bytes){by.data, by.len};
	c.title = title;
	put_chat(q->e, chat, &c);
	buf_str(&body, "\"event\":\"chat.updated\"");
	answer_string(&body, "title", title);
	err = body.failed || by.failed
		      ? ERR_NOMEM
		      : send_system(q->e, q->r, chat, (struct bytes){body.data, body.len}, &seq);
	if (err == ERR_OK)
		event_chat(q->e, q->r, chat, "chat.updated", (struct bytes){NULL, 0}, NULL, seq);
	buf_free(&body);
	buf_free(&by);
	return err;
}

/* May the caller read there? Of a one-to-one chat in which nothing was said yet: is there the other
 * one, as far as the caller may know? */
static enum err check_reader(struct request *q, struct bytes chat)
{
	struct bytes peer = name_pair_other(chat, q->r->user);
	struct member m;
	struct user u;
	bool blocked = false;
	enum err err = state_member(q->e, chat, q->r->user, &m);

	if (err != ERR_NOT_FOUND || peer.len == 0)
		return absent_is(err, ERR_FORBIDDEN);
	err = state_user(q->e, peer, &u);
	if (err == ERR_OK)
		err = state_blocked(q->e, q->r->user, peer, &blocked);
	return err == ERR_OK && blocked ? ERR_FORBIDDEN : absent_is(err, ERR_FORBIDDEN);
}

static void tell_muted(struct request *q, struct bytes chat, const struct mute *m)
{
	struct buf *b = event_own_begin(q->e, "chat.muted");

	answer_string(b, "chat", chat);
	if (m->until != UINT64_MAX)
		answer_u64(b, "until", m->until);
	if (m->mentions)
		answer_bool(b, "mentions", true);
	event_own_end(q->e, q->r);
}

static enum err read_mute(struct request *q, struct mute *m)
{
	int64_t until = -1; /* for ever */

	*m = (struct mute){.mentions = false};
	if (json_int(&q->json, "until", 0, INT64_C(1) << 53, &until) != ERR_OK)
		q->why = "\"until\" must be a time: ms since 1970, or 0";
	else if (json_bool(&q->json, "mentions", &m->mentions) != ERR_OK)
		q->why = "\"mentions\" must be true or false";
	else
		m->until = (uint64_t)until; /* UINT64_MAX: for ever */
	return q->why ? ERR_BAD_REQUEST : ERR_OK;
}

static enum err put_mute(
	struct engine *e, struct bytes user, struct bytes chat, const struct mute *m)
{
	struct key k = key_mute(user, chat);
	struct buf *v = &e->scratch;

	buf_reset(v);
	mute_encode(v, m);
	if (v->failed)
		return ERR_NOMEM;
	batch_put(e->batch, TABLE_STORE, key_bytes(&k), (struct bytes){v->data, v->len});
	return ERR_OK;
}

enum err method_chat_mute(struct request *q)
{
	struct bytes chat = {0};
	struct mute m;
	struct user self;
	struct key k;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = request_chat(q, "chat", &chat);
	if (err == ERR_OK)
		err = read_mute(q, &m);
	if (err == ERR_OK)
		err = check_reader(q, chat);
	if (err != ERR_OK)
		return err;
	if (m.until <= q->r->ts) {
		m = (struct mute){0};
		k = key_mute(q->r->user, chat);
		batch_delete(q->e->batch, TABLE_STORE, key_bytes(&k));
	} else {
		err = put_mute(q->e, q->r->user, chat, &m);
	}
	tell_muted(q, chat, &m);
	return err;
}
