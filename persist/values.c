/* values.c
 *
 * A value is read by a reader that cannot run over and must end where the last field ends.
 */
#include "persist/values.h"

#include <string.h>

#define VALUE_VERSION     1
#define USER_VERSION      2
#define MARK_TOLD_VERSION 2

/* Start to read a value: a reader behind its version byte, failed if that is not ours. */
static struct reader open_value(struct bytes v)
{
	struct reader r = reader_of(v.data, v.len);

	if (read_u8(&r) != VALUE_VERSION)
		r.failed = true;
	return r;
}

static enum err close_value(const struct reader *r)
{
	return r->failed || r->at != r->end ? ERR_CORRUPT : ERR_OK;
}

/* A byte that is 0 or 1. */
static bool read_flag(struct reader *r)
{
	uint8_t v = read_u8(r);

	if (v > 1)
		r->failed = true;
	return v == 1;
}

static struct bytes read_string(struct reader *r, size_t max)
{
	struct bytes s = read_bytes16(r);

	if (s.len > max)
		r->failed = true;
	return s;
}

void chat_state_encode(struct buf *b, const struct chat_state *s)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, s->seq);
	buf_u64(b, s->ts);
	buf_u64(b, s->n);
	buf_u64(b, s->visible);
}

enum err chat_state_decode(struct chat_state *s, struct bytes v)
{
	struct reader r = open_value(v);

	s->seq = read_u64(&r);
	s->ts = read_u64(&r);
	s->n = read_u64(&r);
	s->visible = read_u64(&r);
	if (s->n > s->seq || s->visible > s->seq)
		return ERR_CORRUPT;
	return close_value(&r);
}

void mark_encode(struct buf *b, const struct mark *m)
{
	buf_u8(b, m->told.at ? MARK_TOLD_VERSION : VALUE_VERSION);
	buf_u64(b, m->delivered);
	buf_u64(b, m->read);
	buf_u64(b, m->read_n);
	buf_u64(b, m->ts);
	if (m->told.at == 0)
		return;
	buf_u64(b, m->told.at);
	buf_u64(b, m->told.delivered);
	buf_u64(b, m->told.read);
	buf_u8(b, m->told.pending);
}

enum err mark_decode(struct mark *m, struct bytes v)
{
	struct reader r = reader_of(v.data, v.len);
	uint8_t version = read_u8(&r);

	m->delivered = read_u64(&r);
	m->read = read_u64(&r);
	m->read_n = read_u64(&r);
	m->ts = read_u64(&r);
	m->told = (struct told){0};
	if (version == MARK_TOLD_VERSION) {
		m->told.at = read_u64(&r);
		m->told.delivered = read_u64(&r);
		m->told.read = read_u64(&r);
		m->told.pending = read_flag(&r);
	}
	if (m->read_n > m->read || version == 0 || version > MARK_TOLD_VERSION)
		return ERR_CORRUPT;
	return close_value(&r);
}

struct told mark_told(const struct mark *m)
{
	if (m->told.at != 0)
		return m->told;
	return (struct told){.at = m->ts, .delivered = m->delivered, .read = m->read};
}

void user_encode(struct buf *b, const struct user *u)
{
	buf_u8(b, USER_VERSION);
	buf_u8(b, u->disabled);
	buf_u8(b, (uint8_t)u->role);
	buf_u64(b, u->created);
	buf_u64(b, u->valid_after_ms);
	buf_bytes16(b, u->hash.data, u->hash.len);
	buf_bytes16(b, u->name.data, u->name.len);
	buf_put(b, (const char *)u->privacy, PRIVACY_COUNT);
	buf_u8(b, u->receipts_hidden);
	buf_bytes16(b, u->about.data, u->about.len);
	buf_bytes16(b, u->avatar.data, u->avatar.len);
}

/* What version 1 did not have. */
static void read_profile(struct user *u, struct reader *r)
{
	for (int i = 0; i < PRIVACY_COUNT; i++) {
		u->privacy[i] = read_u8(r);
		if (u->privacy[i] >= VISIBLE_COUNT)
			r->failed = true;
	}
	u->receipts_hidden = read_flag(r);
	u->about = read_string(r, ABOUT_BYTES_MAX);
	u->avatar = read_string(r, AVATAR_BYTES_MAX);
}

enum err user_decode(struct user *u, struct bytes v)
{
	struct reader r = reader_of(v.data, v.len);
	uint8_t version = read_u8(&r), role;

	*u = USER_NEW;
	u->disabled = read_flag(&r);
	role = read_u8(&r);
	u->role = role < ROLE_COUNT ? (enum role)role : ROLE_USER;
	u->created = read_u64(&r);
	u->valid_after_ms = read_u64(&r);
	u->hash = read_string(&r, PASSWORD_HASH_MAX);
	u->name = read_string(&r, TITLE_BYTES_MAX);
	if (version == USER_VERSION)
		read_profile(u, &r);
	if (role >= ROLE_COUNT || version == 0 || version > USER_VERSION)
		return ERR_CORRUPT;
	return close_value(&r);
}

void chat_encode(struct buf *b, const struct chat *c)
{
	buf_u8(b, VALUE_VERSION);
	buf_u8(b, (uint8_t)c->kind);
	buf_u64(b, c->created);
	buf_u32(b, c->members);
	buf_u32(b, c->admins);
	buf_bytes16(b, c->by.data, c->by.len);
	buf_bytes16(b, c->title.data, c->title.len);
}

enum err chat_decode(struct chat *c, struct bytes v)
{
	struct reader r = open_value(v);
	uint8_t kind = read_u8(&r);

	c->kind = kind <= KIND_CHANNEL ? (enum group_kind)kind : KIND_GROUP;
	c->created = read_u64(&r);
	c->members = read_u32(&r);
	c->admins = read_u32(&r);
	c->by = read_string(&r, NAME_USER_MAX);
	c->title = read_string(&r, TITLE_BYTES_MAX);
	if (kind > KIND_CHANNEL || c->admins > c->members)
		return ERR_CORRUPT;
	return close_value(&r);
}

void member_encode(struct buf *b, const struct member *m)
{
	buf_u8(b, VALUE_VERSION);
	buf_u8(b, m->admin);
	buf_u64(b, m->since);
	buf_u64(b, m->since_seq);
}

enum err member_decode(struct member *m, struct bytes v)
{
	struct reader r = open_value(v);

	m->admin = read_flag(&r);
	m->since = read_u64(&r);
	m->since_seq = read_u64(&r);
	return close_value(&r);
}

void contact_encode(struct buf *b, const struct contact *c)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, c->since);
	buf_bytes16(b, c->name.data, c->name.len);
}

enum err contact_decode(struct contact *c, struct bytes v)
{
	struct reader r = open_value(v);

	c->since = read_u64(&r);
	c->name = read_string(&r, TITLE_BYTES_MAX);
	return close_value(&r);
}

void revoked_encode(struct buf *b, const struct revoked *r)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, r->at);
	buf_u8(b, r->back);
}

enum err revoked_decode(struct revoked *out, struct bytes v)
{
	struct reader r = open_value(v);

	out->at = read_u64(&r);
	out->back = read_flag(&r);
	return close_value(&r);
}

void session_encode(struct buf *b, const struct session *s)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, s->since);
	buf_bytes16(b, s->device.data, s->device.len);
	buf_u8(b, s->ephemeral);
}

enum err session_decode(struct session *s, struct bytes v)
{
	struct reader r = open_value(v);

	s->since = read_u64(&r);
	s->device = read_string(&r, NAME_DEVICE_MAX);
	s->ephemeral = read_flag(&r);
	return close_value(&r);
}

void device_encode(struct buf *b, const struct device *d)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, d->first);
	buf_u64(b, d->last_seen);
	buf_u8(b, d->shown);
	buf_u8(b, d->speaks);
	buf_u8(b, d->ephemeral);
	buf_u8(b, (uint8_t)d->state);
	buf_u64(b, d->state_ts);
	buf_bytes16(b, d->text.data, d->text.len);
	buf_bytes16(b, d->name.data, d->name.len);
	buf_bytes16(b, d->kind.data, d->kind.len);
}

enum err device_decode(struct device *d, struct bytes v)
{
	struct reader r = open_value(v);
	uint8_t state;

	d->first = read_u64(&r);
	d->last_seen = read_u64(&r);
	d->shown = read_flag(&r);
	d->speaks = read_flag(&r);
	d->ephemeral = read_flag(&r);
	state = read_u8(&r);
	d->state = state < STATE_COUNT ? (enum presence_state)state : STATE_OFFLINE;
	d->state_ts = read_u64(&r);
	d->text = read_string(&r, STATE_TEXT_MAX);
	d->name = read_string(&r, DEVICE_NAME_MAX);
	d->kind = read_string(&r, DEVICE_KIND_MAX);
	return state >= STATE_COUNT ? ERR_CORRUPT : close_value(&r);
}

void seen_encode(struct buf *b, const struct seen *s)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, s->last_seen);
}

enum err seen_decode(struct seen *s, struct bytes v)
{
	struct reader r = open_value(v);

	s->last_seen = read_u64(&r);
	return close_value(&r);
}

void story_encode(struct buf *b, const struct story *s)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, s->expires);
	buf_bytes16(b, s->payload.data, s->payload.len);
}

enum err story_decode(struct story *s, struct bytes v)
{
	struct reader r = open_value(v);

	s->expires = read_u64(&r);
	s->payload = read_string(&r, STORY_BYTES_MAX);
	return close_value(&r);
}

/* The flags are left out while there are none: as mutes were before there were any. */
void mute_encode(struct buf *b, const struct mute *m)
{
	buf_u64(b, m->until);
	if (m->mentions)
		buf_u8(b, 1);
}

enum err mute_decode(struct mute *m, struct bytes v)
{
	struct reader r = reader_of(v.data, v.len);

	m->until = read_u64(&r);
	m->mentions = !r.failed && r.at != r.end && read_flag(&r);
	return close_value(&r);
}

void push_registration_encode(struct buf *b, const struct push_registration *r)
{
	buf_u8(b, VALUE_VERSION);
	buf_u64(b, r->set_ms);
	buf_u8(b, r->kind);
	buf_u8(b, (uint8_t)r->preview);
	buf_bytes16(b, r->data.data, r->data.len);
}

enum err push_registration_decode(struct push_registration *out, struct bytes v)
{
	struct reader r = open_value(v);
	uint8_t preview;

	out->set_ms = read_u64(&r);
	out->kind = read_u8(&r);
	preview = read_u8(&r);
	out->preview = preview < PREVIEW_COUNT ? (enum push_preview)preview : PREVIEW_OFF;
	out->data = read_string(&r, PUSH_DATA_MAX);
	return out->kind == 0 || preview >= PREVIEW_COUNT ? ERR_CORRUPT : close_value(&r);
}

void push_owner_encode(struct buf *b, const struct push_owner *o)
{
	buf_u8(b, VALUE_VERSION);
	buf_bytes16(b, o->user.data, o->user.len);
	buf_bytes16(b, o->device.data, o->device.len);
}

enum err push_owner_decode(struct push_owner *o, struct bytes v)
{
	struct reader r = open_value(v);

	o->user = read_string(&r, NAME_USER_MAX);
	o->device = read_string(&r, NAME_DEVICE_MAX);
	return close_value(&r);
}

enum { PREFS_QUIET = 1, PREFS_MENTIONS = 2, PREFS_HIDDEN = 4, PREFS_ALL = 7 };

void push_prefs_encode(struct buf *b, const struct push_prefs *p)
{
	buf_u8(b, VALUE_VERSION);
	buf_u8(b, (uint8_t)((p->quiet ? PREFS_QUIET : 0) | (p->mentions ? PREFS_MENTIONS : 0) |
			    (p->hidden ? PREFS_HIDDEN : 0)));
	buf_u16(b, p->from);
	buf_u16(b, p->to);
	buf_u16(b, (uint16_t)p->utc_offset);
}

enum err push_prefs_decode(struct push_prefs *p, struct bytes v)
{
	struct reader r = open_value(v);
	uint8_t flags = read_u8(&r);

	*p = (struct push_prefs){.quiet = flags & PREFS_QUIET,
		.mentions = flags & PREFS_MENTIONS,
		.hidden = flags & PREFS_HIDDEN};
	p->from = read_u16(&r);
	p->to = read_u16(&r);
	p->utc_offset = (int16_t)read_u16(&r);
	if (flags > PREFS_ALL || p->from >= DAY_MINUTES || p->to >= DAY_MINUTES ||
		p->utc_offset < -UTC_OFFSET_MAX || p->utc_offset > UTC_OFFSET_MAX ||
		p->quiet != (p->from != p->to))
		return ERR_CORRUPT;
	return close_value(&r);
}

void push_entry_encode(struct buf *b, const struct push_entry *e)
{
	buf_bytes16(b, e->chat.data, e->chat.len);
	buf_u64(b, e->first);
	buf_u64(b, e->last);
	buf_u64(b, e->n);
	buf_u64(b, e->ts);
}

bool push_entry_next(struct push_entry *e, struct reader *r)
{
	if (r->at == r->end)
		return false;
	e->chat = read_string(r, NAME_CHAT_MAX);
	e->first = read_u64(r);
	e->last = read_u64(r);
	e->n = read_u64(r);
	e->ts = read_u64(r);
	if (e->chat.len == 0 || e->first == 0 || e->last < e->first || e->n == 0)
		r->failed = true;
	return !r->failed;
}
