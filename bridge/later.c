/* later.c — see later.h. An entry: u8 kind, two names, and what the kind has beside. */
#include "bridge/later.h"

#include "bridge/engine/registrations.h"
#include "persist/keys.h"

enum kind { OFFLINE, DEVICE_QUIET, DEVICE_FORGOTTEN, MARK, SWEPT, UNREGISTER };

struct entry {
	enum kind kind;
	struct bytes a, b;
	struct told told;
};

void later_finish(struct later *l)
{
	buf_free(&l->entries);
	*l = (struct later){0};
}

static void add(struct later *l, const struct entry *e)
{
	buf_u8(&l->entries, (uint8_t)e->kind);
	buf_bytes16(&l->entries, e->a.data, e->a.len);
	buf_bytes16(&l->entries, e->b.data, e->b.len);
	buf_u64(&l->entries, e->told.at);
	buf_u64(&l->entries, e->told.delivered);
	buf_u64(&l->entries, e->told.read);
	l->count++;
}

void later_reset(struct later *l)
{
	buf_reset(&l->entries);
	l->count = 0;
	l->hurry = false;
}

void later_offline(struct later *l, struct bytes user, uint64_t ts)
{
	add(l, &(struct entry){.kind = OFFLINE, .a = user, .told.at = ts});
}

void later_device(struct later *l, struct bytes user, struct bytes device, bool forget, uint64_t ts)
{
	add(l, &(struct entry){.kind = forget ? DEVICE_FORGOTTEN : DEVICE_QUIET,
		       .a = user,
		       .b = device,
		       .told.at = ts});
}

void later_swept(struct later *l)
{
	add(l, &(struct entry){.kind = SWEPT});
}

void later_mark(struct later *l, struct bytes chat, struct bytes user, const struct told *told)
{
	add(l, &(struct entry){.kind = MARK, .a = chat, .b = user, .told = *told});
}

void later_unregister(struct later *l, struct bytes user, struct bytes device, uint64_t set_ms)
{
	add(l, &(struct entry){.kind = UNREGISTER, .a = user, .b = device, .told.at = set_ms});
	l->hurry = true;
}

bool later_due(const struct later *l)
{
	return l->hurry || l->count >= LATER_MANY;
}

static bool next(struct reader *r, struct entry *e)
{
	if (r->at == r->end)
		return false;
	e->kind = (enum kind)read_u8(r);
	e->a = read_bytes16(r);
	e->b = read_bytes16(r);
	e->told.at = read_u64(r);
	e->told.delivered = read_u64(r);
	e->told.read = read_u64(r);
	return !r->failed;
}

static bool see_session(void *ctx, struct bytes key, struct bytes value)
{
	(void)key;
	*(bool *)ctx = value.len > 0; /* an empty one is their end */
	return value.len == 0;
}

static enum err is_connected(struct batch *b, struct bytes user, bool *yes)
{
	struct key prefix = key_sessions(user);

	*yes = false;
	return batch_each(
		b, TABLE_STORE, key_bytes(&prefix), (struct bytes){NULL, 0}, see_session, yes);
}

static enum err write_offline(struct batch *b, const struct entry *e)
{
	struct key shown = key_shown(e->a), k = key_seen(e->a);
	struct seen seen = {0};
	struct bytes v;
	bool connected;
	enum err err = is_connected(b, e->a, &connected);

	if (err != ERR_OK || connected)
		return err;
	err = batch_get(b, TABLE_STORE, key_bytes(&k), &v);
	if (err == ERR_OK)
		err = seen_decode(&seen, v);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (seen.last_seen <= e->told.at)
		batch_delete(b, TABLE_STORE, key_bytes(&shown));
	return ERR_OK;
}

/* A device that has connected again has state online, or what it said since. */
static enum err write_device(struct batch *b, const struct entry *e)
{
	struct key k = key_device(e->a, e->b);
	struct buf value = {0};
	struct device d;
	struct bytes v;
	enum err err = batch_get(b, TABLE_STORE, key_bytes(&k), &v);

	if (err == ERR_OK)
		err = device_decode(&d, v);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	if (d.state != STATE_OFFLINE || d.last_seen > e->told.at)
		return ERR_OK;
	d.shown = false;
	device_encode(&value, &d);
	if (e->kind == DEVICE_FORGOTTEN)
		batch_delete(b, TABLE_STORE, key_bytes(&k));
	else if (!value.failed)
		batch_put(b, TABLE_STORE, key_bytes(&k), (struct bytes){value.data, value.len});
	err = value.failed ? ERR_NOMEM : ERR_OK;
	buf_free(&value);
	return err;
}

static enum err write_mark(struct batch *b, const struct entry *e, struct outbox *out)
{
	struct key k = key_mark(e->a, e->b), pending = key_pending(e->a, e->b);
	struct buf value = {0};
	struct mark m;
	struct bytes v;
	enum err err = batch_get(b, TABLE_STORE, key_bytes(&k), &v);

	if (err == ERR_OK)
		err = mark_decode(&m, v);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err; /* no member any more */
	m.told = e->told;
	m.told.pending = m.delivered != m.told.delivered || m.read != m.told.read;
	if (m.told.pending) {
		outbox_hint(out, HINT_MARK, e->b, e->a, m.told.at);
		batch_put(b, TABLE_STORE, key_bytes(&pending), (struct bytes){"", 0});
	} else {
		batch_delete(b, TABLE_STORE, key_bytes(&pending));
	}
	mark_encode(&value, &m);
	if (!value.failed)
		batch_put(b, TABLE_STORE, key_bytes(&k), (struct bytes){value.data, value.len});
	err = value.failed ? ERR_NOMEM : ERR_OK;
	buf_free(&value);
	return err;
}

enum err later_write(struct later *l, struct batch *b, struct outbox *out)
{
	struct reader r = reader_of(l->entries.data, l->entries.len);
	struct key sweep = key_meta("sweep");
	struct entry e;
	bool removed;
	enum err err = l->entries.failed ? ERR_NOMEM : ERR_OK;

	while (err == ERR_OK && next(&r, &e)) {
		switch (e.kind) {
		case OFFLINE:
			err = write_offline(b, &e);
			break;
		case DEVICE_QUIET:
		case DEVICE_FORGOTTEN:
			err = write_device(b, &e);
			break;
		case MARK:
			err = write_mark(b, &e, out);
			break;
		case SWEPT:
			batch_delete(b, TABLE_STORE, key_bytes(&sweep));
			break;
		case UNREGISTER:
			err = registration_remove(b, e.a, e.b, e.told.at, &removed);
			break;
		}
	}
	later_reset(l);
	return err;
}
