/* query_people.c — contacts, blocks, devices, chat.online.
 *
 * Who of a chat is online is where two lists meet: its members (directory) and who is connected
 * (store). Both are sorted by length and bytes of the name, so they are read like two combs: the
 * next member, the first connection at or behind it, the first member at or behind that, and so on.
 * The work is that of the shorter list, be it a few people in a group of five or a few connections
 * in a channel of 100,000; and it is bounded, whatever it finds.
 */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "bridge/presence_view.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "persist/visible.h"

#include <stdlib.h>
#include <string.h>

#define ONLINE_STEPS_MAX 5000 /* of the combs in one answer: about 12 ms */

/* "after" of the request: behind which name the list goes on; empty if it starts. */
static enum err read_after(struct query *q, size_t max, struct bytes *after)
{
	*after = (struct bytes){NULL, 0};
	if (json_string(&q->json, "after", 1, max, after) == ERR_OK)
		return ERR_OK;
	q->why = "\"after\" must be a name of the list";
	return ERR_BAD_REQUEST;
}

/* The first key behind k. */
static void step_behind(struct key *k)
{
	if (k->len > 0 && k->len < KEY_MAX)
		k->data[k->len++] = '\0';
}

struct list {
	struct query *q;
	struct viewer viewer;
	int64_t left;
	bool any, more;
	enum err err;
};

/* Begin an entry named so; false if this page is full. */
static bool begin_entry(struct list *l, const char *member, struct bytes name)
{
	struct buf *b = l->q->out;

	if (l->left == 0 || b->len > QUERY_ANSWER_MAX) {
		l->more = true;
		return false;
	}
	buf_printf(b, "%s{\"%s\":", l->any ? "," : "", member);
	json_put_string(b, name.data, name.len);
	l->any = true;
	l->left--;
	return true;
}

static bool end_entry(struct list *l)
{
	buf_str(l->q->out, "}");
	return l->err == ERR_OK;
}

static enum err end_list(struct list *l, enum err err)
{
	buf_str(l->q->out, "]");
	answer_bool(l->q->out, "more", l->more);
	return err == ERR_OK ? l->err : err;
}

/* --- contacts, blocks
 * ------------------------------------------------------------------------------- */

/* What is to be seen of a contact: nothing if the account is gone, or is not the one that was meant
 * but a later one of that name. */
static enum err put_contact(struct list *l, struct bytes user, const struct contact *c)
{
	struct user u;
	enum err err = query_user(l->q, user, &u);

	if (err != ERR_OK || c->since < u.created)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	return query_put_person(l->q, &l->viewer, user, &u);
}

static bool list_contact(void *ctx, struct bytes key, struct bytes value)
{
	struct list *l = ctx;
	struct bytes user = key_last_name(key);
	struct contact c;

	l->err = contact_decode(&c, value);
	if (l->err != ERR_OK || !begin_entry(l, "user", user))
		return false;
	answer_string(l->q->out, "alias", c.name);
	answer_u64(l->q->out, "since", c.since);
	l->err = put_contact(l, user, &c);
	return end_entry(l);
}

static bool list_block(void *ctx, struct bytes key, struct bytes value)
{
	struct list *l = ctx;
	struct reader r = reader_of(value.data, value.len);
	uint64_t since = read_u64(&r);
	struct user u;

	l->err = r.failed || r.at != r.end ? ERR_CORRUPT : ERR_OK;
	if (l->err == ERR_OK)
		l->err = query_user(l->q, key_last_name(key), &u);
	if (l->err == ERR_OK && since < u.created)
		return true; /* was for another account of that name */
	if (l->err == ERR_NOT_FOUND)
		l->err = ERR_OK; /* the account is gone; the block counts against the limit */
	if (l->err != ERR_OK || !begin_entry(l, "user", key_last_name(key)))
		return false;
	answer_u64(l->q->out, "since", since);
	return end_entry(l);
}

/* A page of what the caller has in t, where keys are the caller and another user. */
static enum err list_own(
	struct query *q, enum table t, const char *name, int64_t def, int64_t max, base_each_fn *fn)
{
	struct list l = {.q = q};
	struct key prefix = key_lists(q->r->user);
	struct key from = {0};
	struct bytes after;
	enum err err = query_limit(q, def, max, &l.left);

	if (err == ERR_OK)
		err = read_after(q, NAME_USER_MAX, &after);
	if (err == ERR_OK)
		err = query_viewer(q, &l.viewer);
	if (err != ERR_OK)
		return err;
	if (after.len > 0) {
		from = key_list(q->r->user, after);
		step_behind(&from);
	}
	buf_printf(q->out, ",\"%s\":[", name);
	err = directory_each(q->src->reader, t, key_bytes(&prefix), key_bytes(&from), fn, &l);
	return end_list(&l, err);
}

enum err query_contacts(struct query *q)
{
	return list_own(q, TABLE_CONTACTS, "contacts", 500, 500, list_contact);
}

enum err query_blocks(struct query *q)
{
	return list_own(q, TABLE_BLOCKS, "blocks", 1000, 1000, list_block);
}

/* --- devices
 * ---------------------------------------------------------------------------------------- */

/* The client id of a device of the caller. */
struct client {
	char id[NAME_USER_MAX + 1 + UINT8_MAX];
	size_t len;
};

static struct client client_of(const struct query *q, struct bytes device)
{
	struct client c = {.len = 0};
	struct bytes user = q->r->user;

	if (user.len > NAME_USER_MAX || device.len > UINT8_MAX)
		return c; /* no device has that name */
	memcpy(c.id, user.data, user.len);
	c.id[user.len] = ':';
	memcpy(c.id + user.len + 1, device.data, device.len);
	c.len = user.len + 1 + device.len;
	return c;
}

static enum err is_connected(struct query *q, const struct client *c, bool *yes)
{
	struct key k = key_session(q->r->user, (struct bytes){c->id, c->len});
	struct bytes v;
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	*yes = err == ERR_OK;
	if (err == ERR_OK)
		free((void *)(uintptr_t)v.data);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void put_push(struct buf *b, const struct push_registration *r)
{
	const char *kind = push_kind_name(r->kind);

	if (kind)
		answer_string(b, "push", (struct bytes){kind, strlen(kind)});
	else
		answer_bool(b, "push", false);
}

static bool list_device(void *ctx, struct bytes key, struct bytes value)
{
	struct list *l = ctx;
	struct buf *b = l->q->out;
	bool online = false;
	struct bytes user;
	struct bytes device;
	struct client client;
	struct device d;

	key_names(key, &user, &device);
	client = client_of(l->q, device);
	l->err = device_decode(&d, value);
	if (l->err == ERR_OK && d.ephemeral)
		return true; /* a script's */
	if (l->err == ERR_OK)
		l->err = is_connected(l->q, &client, &online);
	if (l->err != ERR_OK || !begin_entry(l, "device", device))
		return false;
	answer_string(b, "name", d.name);
	answer_string(b, "kind", d.kind);
	answer_u64(b, "first", d.first);
	answer_u64(b, "last_seen", d.last_seen);
	answer_bool(b, "online", online);
	if (online && d.state != STATE_ONLINE)
		buf_printf(b, ",\"state\":\"%s\"", presence_state_name(d.state));
	l->err = query_put_push(l->q, device, put_push);
	answer_bool(b, "this", bytes_equal(l->q->r->client, client.id, client.len));
	return end_entry(l);
}

enum err query_devices(struct query *q)
{
	struct list l = {.q = q, .left = INT64_MAX};
	struct key prefix = key_devices(q->r->user);
	struct key from = {0};
	struct bytes after;
	enum err err = read_after(q, NAME_DEVICE_MAX, &after);

	if (err != ERR_OK)
		return err;
	if (after.len > 0) {
		from = key_device(q->r->user, after);
		step_behind(&from);
	}
	buf_str(q->out, ",\"devices\":[");
	err = store_each(q->src->store, q->snap, key_bytes(&prefix), key_bytes(&from), false,
		list_device, &l);
	return end_list(&l, err);
}

/* --- chat.online
 * ------------------------------------------------------------------------------------ */

struct name {
	size_t len; /* 0: none */
	char s[NAME_USER_MAX + 1];
};

struct online {
	struct query *q;
	struct viewer viewer;
	struct bytes chat;
	struct name at;   /* the last member looked at */
	struct name jump; /* no member before this one can be online */
	struct name *found;
	size_t count;
	bool more;
};

static struct bytes name_bytes(const struct name *n)
{
	return (struct bytes){n->s, n->len};
}

static void set_name(struct name *n, struct bytes s)
{
	*n = (struct name){0};
	if (s.len == 0 || s.len > NAME_USER_MAX)
		return; /* nobody's */
	memcpy(n->s, s.data, s.len);
	n->len = s.len;
}

static bool take_member(void *ctx, struct bytes key, struct bytes value)
{
	(void)value;
	set_name(ctx, key_last_name(key));
	return false;
}

static bool take_session(void *ctx, struct bytes key, struct bytes value)
{
	struct bytes user;
	struct bytes client;

	if (value.len == 0)
		return true; /* the end of one user's */
	key_names(key, &user, &client);
	set_name(ctx, user);
	return false;
}

/* The first member at `jump`, or behind `at`; *out empty: there is none. */
static enum err next_member(struct online *o, struct name *out)
{
	struct key prefix = key_members(o->chat);
	struct key from = prefix;

	*out = (struct name){0};
	if (o->jump.len > 0) {
		from = key_member(o->chat, name_bytes(&o->jump));
	} else if (o->at.len > 0) {
		from = key_member(o->chat, name_bytes(&o->at));
		step_behind(&from);
	}
	return directory_each(o->q->src->reader, TABLE_MEMBERS, key_bytes(&prefix),
		key_bytes(&from), take_member, out);
}

/* The first user at `user` or behind who is connected; *out empty: there is none. */
static enum err next_connected(struct online *o, struct bytes user, struct name *out)
{
	struct key prefix = key_sessions_all();
	struct key from = key_sessions(user);

	*out = (struct name){0};
	return store_each(o->q->src->store, o->q->snap, key_bytes(&prefix), key_bytes(&from), false,
		take_session, out);
}

/* May the caller see that this one is there? */
static enum err may_see(struct online *o, struct bytes user, bool *yes)
{
	struct user u;
	enum err err;

	*yes = o->q->admin || bytes_equal(user, o->viewer.user.data, o->viewer.user.len);
	if (*yes)
		return ERR_OK;
	err = query_user(o->q, user, &u);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	return visible(o->q->src->reader, user, &u, PRIVACY_PRESENCE, &o->viewer, yes);
}

/* A member who is connected: online if a connection counts. */
static enum err look_at(struct online *o, const struct name *user)
{
	struct presence_view p;
	bool seen;
	enum err err = may_see(o, name_bytes(user), &seen);

	if (err != ERR_OK || !seen)
		return err;
	err = presence_view(o->q->src->store, o->q->snap, name_bytes(user), &p);
	if (err == ERR_OK && p.devices > 0)
		o->found[o->count++] = *user;
	return err;
}

static enum err find_online(struct online *o, size_t limit)
{
	for (int steps = 0;; steps++) {
		struct name member;
		enum err err = next_member(o, &member);

		if (err != ERR_OK || member.len == 0)
			return err;
		if (o->count == limit || steps == ONLINE_STEPS_MAX) {
			o->more = true;
			return ERR_OK;
		}
		o->at = member;
		err = next_connected(o, name_bytes(&member), &o->jump);
		if (err != ERR_OK || o->jump.len == 0)
			return err;
		if (bytes_equal(name_bytes(&member), o->jump.s, o->jump.len)) {
			o->jump.len = 0;
			err = look_at(o, &member);
		}
		if (err != ERR_OK)
			return err;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->s, ((const struct name *)b)->s);
}

static void put_online(struct online *o)
{
	struct buf *b = o->q->out;

	if (o->count > 0)
		qsort(o->found, o->count, sizeof(*o->found), by_name);
	buf_str(b, ",\"users\":[");
	for (size_t i = 0; i < o->count; i++) {
		if (i > 0)
			buf_str(b, ",");
		json_put_string(b, o->found[i].s, o->found[i].len);
	}
	buf_str(b, "]");
	answer_bool(b, "more", o->more);
	if (o->more)
		answer_string(b, "after", name_bytes(&o->at));
}

enum err query_chat_online(struct query *q)
{
	struct online o = {.q = q};
	struct member m;
	struct bytes after;
	int64_t limit = 0;
	enum err err = query_readable_chat(q, &o.chat, &m);

	if (err == ERR_OK)
		err = query_limit(q, 1000, 1000, &limit);
	if (err == ERR_OK)
		err = read_after(q, NAME_USER_MAX, &after);
	if (err == ERR_OK)
		err = query_viewer(q, &o.viewer);
	if (err != ERR_OK)
		return err;
	set_name(&o.at, after);
	o.found = malloc((size_t)limit * sizeof(*o.found));
	if (!o.found)
		return ERR_NOMEM;
	err = find_online(&o, (size_t)limit);
	answer_string(q->out, "chat", o.chat);
	put_online(&o);
	free(o.found);
	return err;
}
