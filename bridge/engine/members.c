/* members.c — who is in a group: member.add, member.remove, member.role, chat.leave.
 *
 * Every change is told three times: to the chat as a system message, which everybody finds in the
 * history; to the members who are there on chat/<c>/info; to the one it is about on
 * user/<u>/events.
 */
#include "bridge/engine/internal.h"

#include <cjson/cJSON.h>
#include <string.h>

#define USERS_MAX 1000 /* in one request */

enum err member_manager(struct request *q, struct bytes chat, struct chat *c)
{
	struct member m;
	enum err err;

	if (name_chat_kind(chat.data, chat.len, NULL) == CHAT_PAIR) {
		q->why = "a one-to-one chat has its two members and no others";
		return ERR_CONFLICT;
	}
	if (!q->admin) {
		err = state_member(q->e, chat, q->r->user, &m);
		if (err != ERR_OK)
			return absent_is(err, ERR_FORBIDDEN);
		if (!m.admin) {
			q->why = "only the chat's admins do this";
			return ERR_FORBIDDEN;
		}
	}
	return state_chat(q->e, chat, c);
}

/* A copy of c whose strings stay when the batch is read on. */
struct kept_chat {
	struct chat c;
	struct buf text;
};

static enum err keep(struct kept_chat *k, const struct chat *c)
{
	*k = (struct kept_chat){.c = *c};
	buf_put(&k->text, c->by.data, c->by.len);
	buf_put(&k->text, c->title.data, c->title.len);
	k->c.by = (struct bytes){k->text.data, c->by.len};
	k->c.title = (struct bytes){k->text.data ? k->text.data + c->by.len : NULL, c->title.len};
	return k->text.failed ? ERR_NOMEM : ERR_OK;
}

/* "event":..,"user":..,"role":.. : the inside of a system message's body. */
static enum err tell_chat(struct engine *e, const struct record *r, struct bytes chat,
	const char *event, struct bytes user, const char *role)
{
	struct buf body = {0};
	uint64_t seq = 0;
	enum err err;

	buf_printf(&body, "\"event\":\"%s\"", event);
	answer_string(&body, "user", user);
	if (role)
		answer_string(&body, "role", (struct bytes){role, strlen(role)});
	err = body.failed ? ERR_NOMEM
			  : send_system(e, r, chat, (struct bytes){body.data, body.len}, &seq);
	buf_free(&body);
	if (err == ERR_OK)
		event_chat(e, r, chat, event, user, role, seq);
	return err;
}

/* --- in
 * ---------------------------------------------------------------------------------------------- */

enum err member_put_in(struct engine *e, const struct record *r, struct bytes chat, struct chat *c,
	const struct chat_state *s, struct bytes user, bool admin)
{
	struct member m = {.admin = admin, .since = r->ts, .since_seq = s->seq};
	struct mark mark = {.delivered = s->seq, .read = s->seq, .read_n = s->n, .ts = r->ts};

	put_member(e, chat, user, &m);
	if (s->seq > 0)
		put_mark(e, chat, user, &mark);
	c->members++;
	if (admin)
		c->admins++;
	return ERR_OK;
}

static enum err check_new(
	struct request *q, struct bytes chat, const struct chat *c, struct bytes user)
{
	const struct conf *conf = q->e->conf;
	int64_t max = c->kind == KIND_CHANNEL ? conf->channel_members_max : conf->group_members_max;
	bool blocked = false;
	size_t chats;
	struct user u;
	struct member m;
	enum err err;

	if (!name_user_ok(user.data, user.len))
		return ERR_BAD_NAME;
	err = state_member(q->e, chat, user, &m); /* all see who is one, blocked or not */
	if (err == ERR_OK)
		q->why = "the user is a member already";
	if (err != ERR_NOT_FOUND)
		return err == ERR_OK ? ERR_EXISTS : err;
	err = state_user(q->e, user, &u);
	if (err == ERR_OK && !q->admin)
		err = state_has_blocked(q->e, user, q->r->user, &blocked);
	if (err == ERR_OK && blocked)
		err = ERR_NOT_FOUND; /* who has blocked the caller is not there for him */
	if (err != ERR_OK) {
		q->why = err == ERR_NOT_FOUND ? "there is no such user" : NULL;
		return err;
	}
	if (c->members >= max) {
		q->why = "the chat has as many members as allowed";
		return ERR_LIMIT;
	}
	err = state_chats_count(q->e, user, (size_t)conf->chats_per_user_max, &chats);
	if (err == ERR_OK && chats >= (size_t)conf->chats_per_user_max) {
		q->why = "the user is in as many chats as allowed";
		return ERR_LIMIT;
	}
	return err;
}

static enum err add_one(struct request *q, struct bytes chat, struct bytes user, bool admin)
{
	struct engine *e = q->e;
	struct chat_state s = {0};
	struct kept_chat kept = {0};
	struct chat c;
	enum err err = state_chat(e, chat, &c);

	if (err == ERR_OK)
		err = keep(&kept, &c);
	if (err == ERR_OK)
		err = check_new(q, chat, &kept.c, user);
	if (err == ERR_OK)
		err = absent_is(state_messages(e, chat, &s), ERR_OK);
	admin = admin || (err == ERR_OK && kept.c.admins == 0); /* of a chat that all had left */
	if (err == ERR_OK)
		err = member_put_in(e, q->r, chat, &kept.c, &s, user, admin);
	if (err == ERR_OK) {
		put_chat(e, chat, &kept.c);
		event_user(e, q->r, user, "chat.added", chat, &kept.c);
		err = tell_chat(e, q->r, chat, "member.added", user, admin ? "admin" : "member");
	}
	buf_free(&kept.text);
	return err;
}

static enum err read_role(struct request *q, bool *admin)
{
	struct bytes role = BYTES("member");

	if (json_string(&q->json, "role", 1, 16, &role) == ERR_OK) {
		*admin = bytes_equal(role, "admin", 5);
		if (*admin || bytes_equal(role, "member", 6))
			return ERR_OK;
	}
	q->why = "\"role\" must be \"admin\" or \"member\"";
	return ERR_BAD_REQUEST;
}

static enum err add_list(struct request *q, struct bytes chat, const cJSON *users, bool admin)
{
	const cJSON *u;
	int count = 0;
	enum err err = ERR_OK;

	if (!cJSON_IsArray(users) || !users->child) {
		q->why = "\"users\" must be a list of users";
		return ERR_BAD_REQUEST;
	}
	cJSON_ArrayForEach(u, users)
	{
		if (!cJSON_IsString(u) || ++count > USERS_MAX) {
			q->why = "\"users\" must be a list of at most 1000 users";
			return ERR_BAD_REQUEST;
		}
		err = add_one(
			q, chat, (struct bytes){u->valuestring, strlen(u->valuestring)}, admin);
		if (err != ERR_OK)
			break;
	}
	return err;
}

enum err method_member_add(struct request *q)
{
	const struct json_member *users = json_get(&q->json, "users");
	struct bytes chat = {0};
	struct bytes user = {0};
	struct chat c;
	bool admin = false;
	enum err err = request_chat(q, "chat", &chat);

	if (err == ERR_OK)
		err = read_role(q, &admin);
	if (err == ERR_OK)
		err = member_manager(q, chat, &c);
	if (err == ERR_OK && users)
		return add_list(q, chat, users->value, admin);
	if (err == ERR_OK)
		err = request_user(q, "user", &user);
	return err == ERR_OK ? add_one(q, chat, user, admin) : err;
}

/* --- out
 * --------------------------------------------------------------------------------------------- */

/* The longest-standing of the members, other than `but`. */
static enum err find_heir(
	struct engine *e, struct bytes chat, struct bytes but, char heir[NAME_USER_MAX + 1])
{
	struct names names;
	struct reader rd;
	struct bytes name;
	uint64_t since = UINT64_MAX;
	enum err err = state_members(e, chat, &names);

	heir[0] = '\0';
	if (err != ERR_OK)
		return err;
	NAMES_EACH(&names, rd, name)
	{
		struct member m;

		if (bytes_equal(name, but.data, but.len))
			continue;
		err = state_member(e, chat, name, &m);
		if (err != ERR_OK)
			break;
		if (m.since < since) {
			since = m.since;
			memcpy(heir, name.data, name.len);
			heir[name.len] = '\0';
		}
	}
	buf_free(&names.text);
	return absent_is(err, ERR_CORRUPT);
}

static enum err set_role(struct engine *e, const struct record *r, struct bytes chat,
	struct kept_chat *kept, struct bytes user, struct member *m, bool admin)
{
	m->admin = admin;
	put_member(e, chat, user, m);
	kept->c.admins += admin ? 1 : -1u;
	put_chat(e, chat, &kept->c);
	return tell_chat(e, r, chat, "member.role", user, admin ? "admin" : "member");
}

/* The last admin is gone: somebody must be able to manage the chat. */
static enum err hand_over(struct engine *e, const struct record *r, struct bytes chat,
	struct kept_chat *kept, struct bytes gone)
{
	char heir[NAME_USER_MAX + 1];
	struct bytes user = {heir, 0};
	struct member m;
	enum err err = find_heir(e, chat, gone, heir);

	user.len = strlen(heir);
	if (err != ERR_OK || user.len == 0)
		return err;
	err = state_member(e, chat, user, &m);
	return err == ERR_OK ? set_role(e, r, chat, kept, user, &m, true)
			     : absent_is(err, ERR_CORRUPT);
}

enum err member_take_out(struct engine *e, const struct record *r, struct bytes chat,
	struct bytes user, const char *event)
{
	struct kept_chat kept = {0};
	struct chat c;
	struct member m;
	enum err err = state_member(e, chat, user, &m);

	if (err == ERR_OK)
		err = state_chat(e, chat, &c);
	if (err == ERR_OK)
		err = keep(&kept, &c);
	if (err == ERR_OK) {
		remove_member(e, chat, user);
		kept.c.members--;
		if (m.admin)
			kept.c.admins--;
		put_chat(e, chat, &kept.c);
		event_user(e, r, user, "chat.removed", chat, &kept.c);
		err = tell_chat(e, r, chat, event, user, NULL);
	}
	if (err == ERR_OK && m.admin && kept.c.admins == 0 && kept.c.members > 0)
		err = hand_over(e, r, chat, &kept, user);
	buf_free(&kept.text);
	return err;
}

enum err method_member_remove(struct request *q)
{
	struct bytes chat = {0};
	struct bytes user = {0};
	struct chat c;
	enum err err = request_chat(q, "chat", &chat);

	if (err == ERR_OK)
		err = request_user(q, "user", &user);
	if (err == ERR_OK && bytes_equal(user, q->r->user.data, q->r->user.len))
		return method_chat_leave(q);
	if (err == ERR_OK)
		err = member_manager(q, chat, &c);
	if (err == ERR_OK)
		err = member_take_out(q->e, q->r, chat, user, "member.removed");
	if (err == ERR_OK)
		outbox_expel(q->e->out, user);
	if (err == ERR_NOT_FOUND && !q->why)
		q->why = "the user is not a member of the chat";
	return err;
}

enum err method_chat_leave(struct request *q)
{
	struct bytes chat = {0};
	enum err err = request_chat(q, "chat", &chat);

	if (err == ERR_OK && name_chat_kind(chat.data, chat.len, NULL) == CHAT_PAIR) {
		q->why = "a one-to-one chat cannot be left";
		return ERR_CONFLICT;
	}
	if (err == ERR_OK)
		err = member_take_out(q->e, q->r, chat, q->r->user, "member.left");
	if (err == ERR_OK)
		q->expel = q->r->user; /* who asks is to hear the answer first */
	return absent_is(err, ERR_FORBIDDEN);
}

/* --- role
 * -------------------------------------------------------------------------------------------- */

enum err method_member_role(struct request *q)
{
	struct kept_chat kept = {0};
	struct bytes chat = {0};
	struct bytes user = {0};
	struct chat c;
	struct member m;
	bool admin = false;
	enum err err = request_chat(q, "chat", &chat);

	if (err == ERR_OK && !json_get(&q->json, "role")) {
		q->why = "\"role\" is missing";
		return ERR_BAD_REQUEST;
	}
	if (err == ERR_OK)
		err = read_role(q, &admin);
	if (err == ERR_OK)
		err = request_user(q, "user", &user);
	if (err == ERR_OK)
		err = member_manager(q, chat, &c);
	if (err == ERR_OK)
		err = keep(&kept, &c);
	if (err == ERR_OK) {
		err = state_member(q->e, chat, user, &m);
		if (err == ERR_NOT_FOUND)
			q->why = "the user is not a member of the chat";
	}
	if (err == ERR_OK && m.admin && !admin && kept.c.admins == 1) {
		q->why = "a chat keeps at least one admin";
		err = ERR_CONFLICT;
	}
	if (err == ERR_OK && m.admin != admin)
		err = set_role(q->e, q->r, chat, &kept, user, &m, admin);
	buf_free(&kept.text);
	return err;
}
