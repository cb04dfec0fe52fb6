/* store_people.c — members of chats with their marks, contacts, and other users. */
#include "clients/sdk/store_internal.h"

#include <string.h>

static bool user_ok(const char *user)
{
	return user && name_user_ok(user, strlen(user));
}

/* --- members
 * ------------------------------------------------------------------------------------- */

static enum gnatter_error put_member(
	struct store *s, const struct place *p, const struct gnatter_member *m)
{
	struct sql q;

	if (!user_ok(m->user))
		return GNATTER_EINVAL;
	sql_start(&q, s, SQL_MEMBER_PUT);
	sql_int(&q, p->id);
	sql_text(&q, m->user);
	sql_text(&q, m->role ? m->role : "member");
	sql_u64(&q, m->delivered);
	sql_u64(&q, m->read);
	return sql_run(&q);
}

/* One statement about a chat. */
static enum gnatter_error of_chat(struct store *s, enum sql_id id, const struct place *p)
{
	struct sql q;

	sql_start(&q, s, id);
	sql_int(&q, p->id);
	return sql_run(&q);
}

/* A mark that came while the list was on its way is not lost: marks grow. */
static enum gnatter_error put_members(
	struct store *s, const char *chat, const struct gnatter_member *members, size_t count)
{
	struct place p;
	enum gnatter_error e = place_load(&p, s, chat);

	if (e == GNATTER_OK)
		e = of_chat(s, SQL_MEMBERS_UNLIST, &p);
	for (size_t i = 0; i < count && e == GNATTER_OK; i++)
		e = put_member(s, &p, &members[i]);
	if (e == GNATTER_OK)
		e = of_chat(s, SQL_MEMBERS_DROP, &p);
	return e == GNATTER_OK ? of_chat(s, SQL_SET_MEMBERS, &p) : e;
}

enum gnatter_error store_put_members(
	struct store *s, const char *chat, const struct gnatter_member *members, size_t count)
{
	enum gnatter_error e;

	for (size_t i = 0; i < count; i++)
		if (!user_ok(members[i].user))
			return GNATTER_EINVAL;
	e = store_write(s);
	return e == GNATTER_OK ? store_written(s, put_members(s, chat, members, count)) : e;
}

enum gnatter_error store_members(
	struct store *s, const char *chat, gnatter_member_fn *fn, void *ctx)
{
	struct gnatter_member m;
	struct sql q;

	store_enter(s);
	sql_start(&q, s, SQL_MEMBERS);
	sql_text(&q, s->user);
	sql_text(&q, chat);
	while (sql_row(&q)) {
		m.user = sql_string(&q, 0);
		m.role = sql_string(&q, 1);
		m.delivered = sql_number(&q, 2);
		m.read = sql_number(&q, 3);
		if (q.err != GNATTER_OK || !fn(ctx, &m))
			break;
	}
	return store_leave(s, sql_end(&q));
}

static enum gnatter_error write_mark(struct store *s, enum sql_id id, const struct place *p,
	const char *user, uint64_t delivered, uint64_t read)
{
	struct sql q;

	sql_start(&q, s, id);
	sql_u64(&q, delivered);
	sql_u64(&q, read);
	sql_int(&q, p->id);
	sql_text(&q, user);
	return sql_run(&q);
}

enum gnatter_error member_mark(struct store *s, const struct place *p, const char *user,
	uint64_t delivered, uint64_t read, bool *changed)
{
	struct sql q;
	uint64_t was[2] = {0, 0};
	bool found;
	enum gnatter_error e;

	*changed = false;
	sql_start(&q, s, SQL_MARK);
	sql_int(&q, p->id);
	sql_text(&q, user);
	found = sql_row(&q);
	for (int i = 0; found && i < 2; i++)
		was[i] = sql_number(&q, i);
	e = sql_end(&q);
	if (e != GNATTER_OK || (!found && p->kind != GNATTER_PAIR))
		return e;
	grow(&delivered, was[0]);
	grow(&read, was[1]);
	*changed = delivered != was[0] || read != was[1];
	if (found && !*changed)
		return GNATTER_OK;
	return write_mark(s, found ? SQL_MARK_PUT : SQL_MARK_INSERT, p, user, delivered, read);
}

enum gnatter_error store_mark(struct store *s, const struct gnatter_mark *m, bool *changed)
{
	struct place p;
	bool ignored;
	enum gnatter_error e;

	if (!m->chat || !user_ok(m->user))
		return GNATTER_EINVAL;
	e = store_write(s);
	if (e != GNATTER_OK)
		return e;
	e = place_load(&p, s, m->chat);
	if (e == GNATTER_OK)
		e = member_mark(
			s, &p, m->user, m->delivered, m->read, changed ? changed : &ignored);
	return store_written(s, e);
}

/* --- the least marks of all others
 * --------------------------------------------------------------- */

/* Zeros if there are none. */
static enum gnatter_error least(
	struct store *s, const struct place *p, uint64_t *delivered, uint64_t *read)
{
	struct sql q;

	*delivered = *read = 0;
	sql_start(&q, s, SQL_FLOOR);
	sql_int(&q, p->id);
	sql_text(&q, s->user);
	if (sql_row(&q) && sql_number(&q, 0) > 0) {
		*delivered = sql_number(&q, 1);
		*read = sql_number(&q, 2);
	}
	return sql_end(&q);
}

static enum gnatter_error put_floor(
	struct store *s, const struct place *p, const struct store_floor *f)
{
	struct sql q;

	if (f->delivered == f->delivered_was && f->read == f->read_was)
		return GNATTER_OK;
	sql_start(&q, s, SQL_SET_FLOOR);
	sql_u64(&q, f->delivered);
	sql_u64(&q, f->read);
	sql_int(&q, p->id);
	return sql_run(&q);
}

static enum gnatter_error compute_floor(struct store *s, const char *chat, struct store_floor *out)
{
	struct place p;
	enum gnatter_error e = place_load(&p, s, chat);

	out->delivered_was = p.floor_delivered;
	out->read_was = p.floor_read;
	if (e == GNATTER_OK && p.kind != GNATTER_CHANNEL)
		e = least(s, &p, &out->delivered, &out->read);
	grow(&out->delivered, out->delivered_was);
	grow(&out->read, out->read_was);
	return e == GNATTER_OK ? put_floor(s, &p, out) : e;
}

enum gnatter_error store_floor(struct store *s, const char *chat, struct store_floor *out)
{
	enum gnatter_error e;

	*out = (struct store_floor){0};
	e = store_write(s);
	return e == GNATTER_OK ? store_written(s, compute_floor(s, chat, out)) : e;
}

/* --- contacts and other users
 * -------------------------------------------------------------------- */

static enum gnatter_error put_presence(
	struct store *s, const char *user, const struct gnatter_presence *p)
{
	struct sql q;

	sql_start(&q, s, SQL_PRESENCE_PUT);
	sql_int(&q, p->online);
	sql_text(&q, p->state ? p->state : "");
	sql_text(&q, p->text ? p->text : "");
	sql_int(&q, p->last_seen_ms);
	sql_text(&q, user);
	return sql_run(&q);
}

static enum gnatter_error put_profile(
	struct store *s, const struct gnatter_profile *p, bool presence)
{
	struct sql q;
	enum gnatter_error e;

	sql_start(&q, s, SQL_PROFILE_INSERT);
	sql_text(&q, p->user);
	e = sql_run(&q);
	if (e != GNATTER_OK)
		return e;
	sql_start(&q, s, SQL_PROFILE_PUT);
	sql_text(&q, p->alias);
	sql_int(&q, p->contact);
	sql_text(&q, p->name);
	sql_text(&q, p->about);
	sql_text(&q, p->avatar);
	sql_text(&q, p->user);
	e = sql_run(&q);
	return e == GNATTER_OK && presence ? put_presence(s, p->user, &p->presence) : e;
}

enum gnatter_error store_put_profile(
	struct store *s, const struct gnatter_profile *p, bool presence)
{
	enum gnatter_error e;

	if (!user_ok(p->user))
		return GNATTER_EINVAL;
	e = store_write(s);
	return e == GNATTER_OK ? store_written(s, put_profile(s, p, presence)) : e;
}

enum gnatter_error store_clear_contacts(struct store *s)
{
	store_enter(s);
	return store_leave(s, sql_simple(s, SQL_CONTACTS_CLEAR));
}

/* Call fn for each row that q gives. *any: there was one. */
static enum gnatter_error each_profile(struct sql *q, gnatter_profile_fn *fn, void *ctx, bool *any)
{
	struct gnatter_profile p;

	*any = false;
	while (sql_row(q)) {
		*any = true;
		p.user = sql_string(q, 0);
		p.alias = sql_string(q, 1);
		p.name = sql_string(q, 2);
		p.about = sql_string(q, 3);
		p.avatar = sql_string(q, 4);
		p.contact = sql_number(q, 5) != 0;
		p.presence.user = p.user;
		p.presence.online = sql_number(q, 6) != 0;
		p.presence.state = sql_string(q, 7);
		p.presence.text = sql_string(q, 8);
		p.presence.last_seen_ms = sql_column(q, 9);
		if (q->err != GNATTER_OK || !fn(ctx, &p))
			break;
	}
	return sql_end(q);
}

enum gnatter_error store_contacts(struct store *s, gnatter_profile_fn *fn, void *ctx)
{
	struct sql q;
	bool any;

	store_enter(s);
	sql_start(&q, s, SQL_CONTACTS);
	return store_leave(s, each_profile(&q, fn, ctx, &any));
}

enum gnatter_error store_profile(
	struct store *s, const char *user, gnatter_profile_fn *fn, void *ctx)
{
	struct sql q;
	bool any;
	enum gnatter_error e;

	store_enter(s);
	sql_start(&q, s, SQL_PROFILE);
	sql_text(&q, user);
	e = each_profile(&q, fn, ctx, &any);
	return store_leave(s, e == GNATTER_OK && !any ? GNATTER_ENOTFOUND : e);
}
