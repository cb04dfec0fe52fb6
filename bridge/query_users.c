/* query_users.c — me, user.get, user.list. */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "bridge/presence_view.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "persist/visible.h"

#include <stdlib.h>
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

enum err query_viewer(struct query *q, struct viewer *out)
{
	struct user u;
	enum err err = query_user(q, q->r->user, &u);

	*out = (struct viewer){.user = q->r->user, .created = err == ERR_OK ? u.created : 0};
	return err == ERR_NOT_FOUND ? ERR_OK : err; /* the system has no account */
}

static enum err put_presence(
	struct query *q, struct bytes user, bool may_presence, bool may_last_seen)
{
	struct presence_view p;
	enum err err;

	if (!may_presence && !may_last_seen)
		return ERR_OK;
	err = presence_view(q->src->store, q->snap, user, &p);
	if (err != ERR_OK)
		return err;
	if (may_presence)
		presence_write_members(q->out, &p);
	if (may_last_seen && p.last_seen > 0)
		answer_u64(q->out, "last_seen", p.last_seen);
	return ERR_OK;
}

/* The story as it was published, unless its time is over. */
static enum err put_status(struct query *q, struct bytes user)
{
	struct key k = key_story(user);
	struct bytes v;
	struct story s;
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = story_decode(&s, v);
	if (err == ERR_OK && s.expires > q->r->ts && s.payload.len > 0) {
		buf_str(q->out, ",\"status\":");
		buf_put(q->out, s.payload.data, s.payload.len);
	}
	free((void *)(uintptr_t)v.data);
	return err;
}

enum err query_put_person(
	struct query *q, const struct viewer *v, struct bytes user, const struct user *u)
{
	bool may[PRIVACY_COUNT];
	enum err err = ERR_OK;

	for (int i = 0; err == ERR_OK && i < PRIVACY_COUNT; i++) {
		may[i] = q->admin;
		if (!q->admin)
			err = visible(q->src->reader, user, u, (enum privacy)i, v, &may[i]);
	}
	if (err != ERR_OK)
		return err;
	if (may[PRIVACY_PROFILE]) {
		answer_string(q->out, "name", u->name);
		answer_string(q->out, "about", u->about);
		answer_string(q->out, "avatar", u->avatar);
	}
	err = put_presence(q, user, may[PRIVACY_PRESENCE], may[PRIVACY_LAST_SEEN]);
	if (err == ERR_OK && may[PRIVACY_STATUS])
		err = put_status(q, user);
	return err;
}

static void put_privacy(struct query *q, const struct user *u)
{
	buf_str(q->out, ",\"privacy\":{");
	for (int i = 0; i < PRIVACY_COUNT; i++)
		buf_printf(q->out, "\"%s\":\"%s\",", privacy_name((enum privacy)i),
			visibility_name((enum visibility)u->privacy[i]));
	buf_printf(q->out, "\"receipts\":%s}", u->receipts_hidden ? "false" : "true");
}

enum err query_me(struct query *q)
{
	struct key prefix = key_lists(q->r->user);
	struct user u = USER_NEW;
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
	answer_string(q->out, "about", u.about);
	answer_string(q->out, "avatar", u.avatar);
	answer_string(q->out, "role", str(role_name(q->r->role)));
	answer_string(q->out, "device", q->r->device);
	answer_u64(q->out, "created", u.created);
	answer_u64(q->out, "chats", chats);
	put_privacy(q, &u);
	answer_u64(q->out, "ts", q->r->ts);
	return ERR_OK;
}

/* The user that is asked for. Who has blocked the caller is not there for him. */
static enum err find_user(
	struct query *q, struct bytes *name, struct user *u, const struct viewer *v)
{
	bool blocked = false;
	enum err err;

	if (json_string(&q->json, "user", 1, NAME_USER_MAX, name) != ERR_OK || name->len == 0) {
		q->why = "\"user\" is missing";
		return ERR_BAD_REQUEST;
	}
	if (!name_user_ok(name->data, name->len))
		return ERR_BAD_NAME;
	err = query_user(q, *name, u);
	if (err == ERR_OK && !q->admin)
		err = visible_blocked(q->src->reader, *name, v, &blocked);
	if (err == ERR_OK && blocked)
		err = ERR_NOT_FOUND;
	if (err == ERR_NOT_FOUND)
		q->why = "there is no such user";
	return err;
}

enum err query_user_get(struct query *q)
{
	struct bytes name = {0};
	struct viewer v;
	struct user u;
	enum err err = query_viewer(q, &v);

	if (err == ERR_OK)
		err = find_user(q, &name, &u, &v);
	if (err != ERR_OK)
		return err;
	answer_string(q->out, "user", name);
	err = query_put_person(q, &v, name, &u);
	if (err != ERR_OK || !q->admin)
		return err;
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
