/* query_users.c — me, user.get, user.list. */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "persist/keys.h"

#include <string.h>

static struct bytes str(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static bool count_key(void *ctx, struct bytes key, struct bytes value)
{
	(void)key;
	(void)value;
	++*(uint64_t *)ctx;
	return true;
}

enum err query_me(struct query *q)
{
	struct key prefix = key_lists(q->r->user);
	struct user u = {.role = q->r->role};
	uint64_t chats = 0;
	enum err err = query_user(q, q->r->user, &u);

	if (err == ERR_NOT_FOUND && q->r->user.len > 0 && q->r->user.data[0] == '$')
		err = ERR_OK; /* the system has no account */
	if (err == ERR_OK)
		err = directory_each(q->src->reader, TABLE_LISTS, key_bytes(&prefix),
			(struct bytes){NULL, 0}, count_key, &chats);
	if (err != ERR_OK)
		return err;
	answer_string(q->out, "user", q->r->user);
	answer_string(q->out, "name", u.name);
	answer_string(q->out, "role", str(role_name(q->r->role)));
	answer_string(q->out, "device", q->r->device);
	answer_u64(q->out, "created", u.created);
	answer_u64(q->out, "chats", chats);
	answer_u64(q->out, "ts", q->r->ts);
	return ERR_OK;
}

enum err query_user_get(struct query *q)
{
	struct bytes name = {0};
	struct user u;
	enum err err;

	if (json_string(&q->json, "user", 1, NAME_USER_MAX, &name) != ERR_OK || name.len == 0) {
		q->why = "\"user\" is missing";
		return ERR_BAD_REQUEST;
	}
	if (!name_user_ok(name.data, name.len))
		return ERR_BAD_NAME;
	err = query_user(q, name, &u);
	if (err == ERR_NOT_FOUND)
		q->why = "there is no such user";
	if (err != ERR_OK)
		return err;
	answer_string(q->out, "user", name);
	answer_string(q->out, "name", u.name);
	if (!q->admin)
		return ERR_OK;
	answer_string(q->out, "role", str(role_name(u.role)));
	answer_bool(q->out, "disabled", u.disabled);
	answer_u64(q->out, "created", u.created);
	answer_bool(q->out, "password", u.hash.len > 0);
	return ERR_OK;
}

struct list {
	struct query *q;
	int64_t left;
	bool any, more;
	enum err err;
};

static bool list_user(void *ctx, struct bytes key, struct bytes value)
{
	struct list *l = ctx;
	struct buf *b = l->q->out;
	struct user u;

	if (l->left == 0 || b->len > QUERY_ANSWER_MAX) {
		l->more = true;
		return false;
	}
	l->err = user_decode(&u, value);
	if (l->err != ERR_OK)
		return false;
	buf_str(b, l->any ? ",{\"user\":" : "{\"user\":");
	json_put_string(b, key.data, key.len);
	answer_string(b, "name", u.name);
	answer_string(b, "role", str(role_name(u.role)));
	answer_bool(b, "disabled", u.disabled);
	answer_u64(b, "created", u.created);
	answer_bool(b, "password", u.hash.len > 0);
	buf_str(b, "}");
	l->any = true;
	l->left--;
	return true;
}

enum err query_user_list(struct query *q)
{
	struct list l = {.q = q};
	struct bytes after = {0};
	struct key from = {0};
	enum err err = query_limit(q, 1000, 1000, &l.left);

	if (err == ERR_OK && json_string(&q->json, "after", 0, NAME_USER_MAX, &after) != ERR_OK) {
		q->why = "\"after\" must be a user";
		err = ERR_BAD_REQUEST;
	}
	if (err != ERR_OK)
		return err;
	if (after.len > 0) { /* the first key behind it */
		from = key_user(after);
		from.data[from.len++] = '\0';
	}
	buf_str(q->out, ",\"users\":[");
	err = directory_each(q->src->reader, TABLE_USERS, (struct bytes){NULL, 0}, key_bytes(&from),
		list_user, &l);
	buf_str(q->out, "]");
	answer_bool(q->out, "more", l.more);
	return err == ERR_OK ? l.err : err;
}
