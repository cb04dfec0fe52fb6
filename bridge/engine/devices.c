/* devices.c — which devices a user has: remembered when they connect, named, removed.
 *
 * A device is a client id with a name behind its colon; scripts without one leave no trace here. A
 * device that was removed is remembered as such in the directory, where the plugin looks: tokens
 * made before that moment are dead, and what was queued before it is not delivered.
 */
#include "bridge/engine/internal.h"
#include "bridge/engine/registrations.h"

#include <stdio.h>
#include <string.h>

#define NOTHING     ((struct bytes){NULL, 0})
#define REVOKED_MAX 1000 /* a user */

static bool has_name(const struct record *r)
{
	return r->client.len > 0 && memchr(r->client.data, ':', r->client.len) != NULL;
}

static enum err state_revoked(
	struct engine *e, struct bytes user, struct bytes device, struct revoked *out)
{
	struct key k = key_revoked(user, device);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_REVOKED, key_bytes(&k), &v);

	return err == ERR_OK ? revoked_decode(out, v) : err;
}

static void put_revoked(
	struct engine *e, struct bytes user, struct bytes device, const struct revoked *r)
{
	struct key k = key_revoked(user, device);
	struct buf *v = &e->scratch;

	buf_reset(v);
	revoked_encode(v, r);
	if (v->failed)
		e->out->failed = true;
	else
		batch_put(e->batch, TABLE_REVOKED, key_bytes(&k), (struct bytes){v->data, v->len});
}

void device_unsay(struct engine *e, struct bytes user, struct bytes device)
{
	char topic[sizeof("presence//") + NAME_USER_MAX + NAME_DEVICE_MAX];

	snprintf(topic, sizeof(topic), "presence/%.*s/%.*s", (int)user.len, user.data,
		(int)device.len, device.data);
	outbox_publish(e->out, topic, 1, true, NOTHING);
}

/* The record goes, and what the broker retains of the device; it is pushed to no longer. Its user's
 * others hear of it. */
static enum err forget(
	struct engine *e, const struct record *r, struct bytes device, const struct device *d)
{
	struct key k = key_device(r->user, device);
	bool speaks = d->speaks;
	bool removed;

	batch_delete(e->batch, TABLE_STORE, key_bytes(&k));
	if (speaks)
		device_unsay(e, r->user, device);
	event_own(e, r, "device.removed", "device", device);
	return registration_remove(e->batch, r->user, device, 0, &removed);
}

/* --- room for a new one
 * ------------------------------------------------------------------------------ */

/* A walk over a user's devices: how many, and which of them was there last longest ago. */
struct walk {
	struct bytes keep;    /* not this one */
	struct buf connected; /* bytes16 device each: nor one of these */
	size_t count;
	enum err err;
	char oldest[NAME_DEVICE_MAX];
	size_t oldest_len; /* 0: none that may go */
	struct device d;   /* of the oldest; its strings are not kept */
};

static bool on_session(void *ctx, struct bytes key, struct bytes value)
{
	struct walk *w = ctx;
	struct session s;

	(void)key;
	if (value.len == 0)
		return true; /* their end */
	w->err = session_decode(&s, value);
	if (w->err == ERR_OK && !s.ephemeral)
		buf_bytes16(&w->connected, s.device.data, s.device.len);
	return w->err == ERR_OK;
}

static bool is_connected(const struct walk *w, struct bytes device)
{
	struct reader rd = reader_of(w->connected.data, w->connected.len);
	struct bytes name;

	while ((name = read_bytes16(&rd)).len > 0)
		if (bytes_equal(name, device.data, device.len))
			return true;
	return false;
}

static bool on_device(void *ctx, struct bytes key, struct bytes value)
{
	struct walk *w = ctx;
	struct bytes user, device;
	struct device d;

	key_names(key, &user, &device);
	w->count++;
	w->err = device_decode(&d, value);
	if (w->err == ERR_OK && (device.len == 0 || device.len > sizeof(w->oldest)))
		w->err = ERR_CORRUPT;
	if (w->err != ERR_OK)
		return false;
	if ((w->oldest_len > 0 && d.last_seen >= w->d.last_seen) ||
		bytes_equal(device, w->keep.data, w->keep.len) || is_connected(w, device))
		return true;
	w->d = d;
	memcpy(w->oldest, device.data, device.len);
	w->oldest_len = device.len;
	return true;
}

/* A device has come to the list: where it is longer than allowed, the one that was there last
 * longest ago goes, if it is not connected. */
static enum err make_room(struct engine *e, const struct record *r)
{
	struct key sessions = key_sessions(r->user);
	struct key devices = key_devices(r->user);
	struct walk w = {.keep = r->device};
	enum err err =
		batch_each(e->batch, TABLE_STORE, key_bytes(&sessions), NOTHING, on_session, &w);

	if (err == ERR_OK && w.connected.failed)
		err = ERR_NOMEM;
	if (err == ERR_OK && w.err == ERR_OK)
		err = batch_each(
			e->batch, TABLE_STORE, key_bytes(&devices), NOTHING, on_device, &w);
	buf_free(&w.connected);
	if (err == ERR_OK)
		err = w.err;
	if (err == ERR_OK && w.oldest_len > 0 && w.count > (size_t)e->conf->devices_per_user_max)
		err = forget(e, r, (struct bytes){w.oldest, w.oldest_len}, &w.d);
	return err;
}

/* --- connected, named
 * -------------------------------------------------------------------------------- */

/* The device of the record is new. */
static enum err add(struct engine *e, const struct record *r, const struct device *d)
{
	put_device(e, r->user, r->device, d);
	event_own(e, r, "device.added", "device", r->device);
	return make_room(e, r);
}

enum err device_listed(struct engine *e, const struct record *r)
{
	struct device d = {.first = r->ts, .last_seen = r->ts, .state = STATE_ONLINE};
	struct device known;
	enum err err = state_device(e, r->user, r->device, &known);

	return err == ERR_NOT_FOUND ? add(e, r, &d) : err;
}

/* Did it sign in while the removal was on its way? Then it is about to be closed. */
static bool came_before(const struct record *r, const struct revoked *removed)
{
	struct reader rd = reader_of(r->payload.data, r->payload.len);
	uint64_t floor = read_u64(&rd);

	return !rd.failed && floor < removed->at;
}

/* Removed, and back with a new token or the password. *late: it is not. */
static enum err welcome_back(struct engine *e, const struct record *r, bool *late)
{
	struct revoked old;
	enum err err = state_revoked(e, r->user, r->device, &old);

	*late = err == ERR_OK && came_before(r, &old);
	if (err == ERR_OK && !*late && !old.back && e->refuse == ERR_OK) {
		old.back = true;
		put_revoked(e, r->user, r->device, &old);
	}
	return absent_is(err, ERR_OK);
}

enum err device_came(struct engine *e, const struct record *r)
{
	struct device d = {.first = r->ts};
	struct user u;
	bool known, late = false;
	enum err err = has_name(r) ? state_user(e, r->user, &u) : ERR_NOT_FOUND;

	if (err == ERR_OK)
		err = welcome_back(e, r, &late);
	if (err != ERR_OK || late)
		return absent_is(err, ERR_OK);
	err = state_device(e, r->user, r->device, &d);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	known = err == ERR_OK;
	d.last_seen = d.state_ts = r->ts;
	d.state = STATE_ONLINE;
	d.shown = d.speaks = true; /* or will be: a last will passes nobody here */
	d.text = NOTHING;
	if (!known)
		return add(e, r, &d);
	put_device(e, r->user, r->device, &d);
	return ERR_OK;
}

static enum err read_labels(struct request *q, struct bytes *name, struct bytes *kind)
{
	if (json_string(&q->json, "name", 0, DEVICE_NAME_MAX, name) != ERR_OK)
		q->why = "\"name\" must be a string of at most 64 bytes";
	else if (json_string(&q->json, "kind", 0, DEVICE_KIND_MAX, kind) != ERR_OK)
		q->why = "\"kind\" must be a string of at most 32 bytes";
	else if (!name->data && !kind->data)
		q->why = "\"name\" or \"kind\" is missing";
	else
		return ERR_OK;
	return ERR_BAD_REQUEST;
}

enum err device_named(struct request *q)
{
	if (has_name(q->r))
		return ERR_OK;
	q->why = "a client id without ':' is no device with a name";
	return ERR_CONFLICT;
}

enum err device_check(struct request *q)
{
	struct revoked gone;
	enum err err = device_named(q);

	if (err != ERR_OK)
		return err;
	err = state_revoked(q->e, q->r->user, q->r->device, &gone);
	if (err == ERR_OK && !gone.back) {
		q->why = "this device was removed";
		return ERR_FORBIDDEN;
	}
	return absent_is(err, ERR_OK);
}

enum err method_device_set(struct request *q)
{
	const struct record *r = q->r;
	struct device d = {.first = r->ts, .last_seen = r->ts, .state = STATE_ONLINE};
	struct bytes name = {0};
	struct bytes kind = {0};
	struct user self;
	bool known;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = read_labels(q, &name, &kind);
	if (err == ERR_OK)
		err = device_check(q);
	if (err != ERR_OK)
		return err;
	err = state_device(q->e, r->user, r->device, &d);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	known = err == ERR_OK;
	if (name.data)
		d.name = name;
	if (kind.data)
		d.kind = kind;
	if (!known)
		return add(q->e, r, &d);
	put_device(q->e, r->user, r->device, &d);
	return ERR_OK;
}

/* --- removed
 * ----------------------------------------------------------------------------------------- */

enum err request_device(struct request *q, struct bytes *out)
{
	enum err err = json_string(&q->json, "device", 1, NAME_DEVICE_MAX, out);

	if (err != ERR_OK || out->len == 0) {
		q->why = "\"device\" is missing";
		return ERR_BAD_REQUEST;
	}
	return name_device_ok(out->data, out->len) ? ERR_OK : ERR_BAD_NAME;
}

/* A walk over a user's removals: how many, and the oldest. */
struct removals {
	size_t count;
	uint64_t at;
	struct key oldest;
	enum err err;
};

static bool on_removal(void *ctx, struct bytes key, struct bytes value)
{
	struct removals *all = ctx;
	struct revoked r;

	all->err = revoked_decode(&r, value);
	if (all->err == ERR_OK && key.len > sizeof(all->oldest.data))
		all->err = ERR_CORRUPT;
	if (all->err != ERR_OK)
		return false;
	if (all->count++ > 0 && r.at >= all->at)
		return true;
	all->at = r.at;
	all->oldest.len = key.len;
	memcpy(all->oldest.data, key.data, key.len);
	return true;
}

/* A removal cannot be forgotten while a token from before it may be good, and how long that is
 * nobody knows. So where there are too many, the oldest is let go together with all that it may
 * hold off: what was issued before it is dead for every device of the user. */
static enum err forget_removal(struct engine *e, struct bytes user)
{
	struct key prefix = key_revoked_all(user);
	struct removals all = {0};
	struct user u;
	enum err err =
		batch_each(e->batch, TABLE_REVOKED, key_bytes(&prefix), NOTHING, on_removal, &all);

	if (err == ERR_OK)
		err = all.err;
	if (err != ERR_OK || all.count < REVOKED_MAX)
		return err;
	batch_delete(e->batch, TABLE_REVOKED, key_bytes(&all.oldest));
	err = state_user(e, user, &u);
	if (err == ERR_OK && u.valid_after_ms < all.at) {
		u.valid_after_ms = all.at;
		put_user(e, user, &u);
	}
	return err;
}

static enum err remember_removal(struct engine *e, const struct record *r, struct bytes device)
{
	struct revoked old;
	enum err err = state_revoked(e, r->user, device, &old);

	if (err == ERR_NOT_FOUND)
		err = forget_removal(e, r->user);
	if (err == ERR_OK)
		put_revoked(e, r->user, device, &(struct revoked){.at = r->ts});
	return err;
}

/* The connection ends after the answer, which may be for the device itself. Its end comes as a
 * record of its own, and takes the session along. */
enum err method_device_remove(struct request *q)
{
	const struct record *r = q->r;
	struct bytes device = {0};
	struct device d;
	struct user self;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = request_device(q, &device);
	if (err == ERR_OK) {
		err = state_device(q->e, r->user, device, &d);
		if (err == ERR_NOT_FOUND)
			q->why = "there is no such device";
	}
	if (err != ERR_OK)
		return err;
	err = forget(q->e, r, device, &d);
	if (err == ERR_OK)
		err = remember_removal(q->e, r, device);
	if (err != ERR_OK)
		return err;
	snprintf(q->kick, sizeof(q->kick), "%.*s:%.*s", (int)r->user.len, r->user.data,
		(int)device.len, device.data);
	return ERR_OK;
}
