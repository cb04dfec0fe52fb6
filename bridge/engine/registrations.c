/* registrations.c — see registrations.h. */
#include "bridge/engine/registrations.h"

#include "bridge/push/check.h"
#include "persist/keys.h"

#include <sodium.h>
#include <string.h>

#define NOTHING ((struct bytes){NULL, 0})

/* Where the owner of such an address stands: BLAKE2b of kind and data. */
static struct key address_key(const struct push_registration *r)
{
	unsigned char hash[PUSH_HASH_BYTES];
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, &r->kind, 1);
	crypto_generichash_update(&state, (const unsigned char *)r->data.data, r->data.len);
	crypto_generichash_final(&state, hash, sizeof(hash));
	return key_push_owner(hash);
}

static bool has_address(const struct push_registration *r)
{
	return push_kind_names_device((enum push_kind_id)r->kind);
}

enum err registration_get(
	struct batch *b, struct bytes user, struct bytes device, struct push_registration *out)
{
	struct key k = key_registration(user, device);
	struct bytes v;
	enum err err = batch_get(b, TABLE_STORE, key_bytes(&k), &v);

	return err == ERR_OK ? push_registration_decode(out, v) : err;
}

enum err registrations_count(struct batch *b, uint64_t *out)
{
	struct key k = key_meta("registrations");
	struct bytes v;
	struct reader r;
	enum err err = batch_get(b, TABLE_STORE, key_bytes(&k), &v);

	*out = 0;
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	r = reader_of(v.data, v.len);
	*out = read_u64(&r);
	return r.failed || r.at != r.end ? ERR_CORRUPT : ERR_OK;
}

/* Takes the value. */
static enum err put(struct batch *b, const struct key *k, struct buf *v)
{
	enum err err = v->failed ? ERR_NOMEM : ERR_OK;

	if (err == ERR_OK)
		batch_put(b, TABLE_STORE, key_bytes(k), (struct bytes){v->data, v->len});
	buf_free(v);
	return err;
}

/* One more, or one less. */
static enum err count_on(struct batch *b, bool more)
{
	struct key k = key_meta("registrations");
	struct buf v = {0};
	uint64_t count;
	enum err err = registrations_count(b, &count);

	if (err == ERR_OK && !more && count == 0)
		err = ERR_CORRUPT;
	if (err != ERR_OK)
		return err;
	buf_u64(&v, more ? count + 1 : count - 1);
	return put(b, &k, &v);
}

/* *r is as registration_get() gave it. */
static enum err drop(
	struct batch *b, struct bytes user, struct bytes device, const struct push_registration *r)
{
	struct key k = key_registration(user, device);

	if (has_address(r)) {
		struct key address = address_key(r);

		batch_delete(b, TABLE_STORE, key_bytes(&address));
	}
	batch_delete(b, TABLE_STORE, key_bytes(&k));
	return count_on(b, false);
}

enum err registration_remove(
	struct batch *b, struct bytes user, struct bytes device, uint64_t set_ms, bool *removed)
{
	struct push_registration r;
	enum err err = registration_get(b, user, device, &r);

	*removed = err == ERR_OK && (set_ms == 0 || r.set_ms == set_ms);
	if (*removed)
		return drop(b, user, device, &r);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Whose it is now that has the address of r; kept, since the batch is read on. */
static enum err find_owner(
	struct batch *b, const struct push_registration *r, struct registration_former *out)
{
	struct push_owner o;
	struct key k;
	struct bytes v;
	enum err err;

	*out = (struct registration_former){.user_len = 0};
	if (!has_address(r))
		return ERR_OK;
	k = address_key(r);
	err = batch_get(b, TABLE_STORE, key_bytes(&k), &v);
	if (err == ERR_OK)
		err = push_owner_decode(&o, v);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	memcpy(out->user, o.user.data, o.user.len);
	memcpy(out->device, o.device.data, o.device.len);
	out->user_len = o.user.len;
	out->device_len = o.device.len;
	return ERR_OK;
}

/* Nobody but this device has the address from now on. */
static enum err take_over(struct batch *b, struct bytes user, struct bytes device,
	const struct push_registration *r, struct registration_former *former)
{
	bool removed;
	enum err err = find_owner(b, r, former);

	if (err != ERR_OK || former->user_len == 0)
		return err;
	if (bytes_equal(user, former->user, former->user_len) &&
		bytes_equal(device, former->device, former->device_len)) {
		former->user_len = 0;
		return ERR_OK;
	}
	return registration_remove(b, (struct bytes){former->user, former->user_len},
		(struct bytes){former->device, former->device_len}, 0, &removed);
}

static enum err write(
	struct batch *b, struct bytes user, struct bytes device, const struct push_registration *r)
{
	struct key k = key_registration(user, device);
	struct buf v = {0};
	enum err err;

	push_registration_encode(&v, r);
	err = put(b, &k, &v);
	if (err != ERR_OK || !has_address(r))
		return err;
	k = address_key(r);
	v = (struct buf){0};
	push_owner_encode(&v, &(struct push_owner){.user = user, .device = device});
	return put(b, &k, &v);
}

enum err registration_put(struct batch *b, struct bytes user, struct bytes device,
	const struct push_registration *r, struct registration_former *former)
{
	struct push_registration now = *r;
	struct push_registration old;
	enum err err = take_over(b, user, device, r, former);

	if (err == ERR_OK)
		err = registration_get(b, user, device, &old);
	if (err == ERR_OK) {
		if (now.set_ms <= old.set_ms)
			now.set_ms = old.set_ms + 1;
		err = drop(b, user, device, &old);
	}
	if (err == ERR_OK || err == ERR_NOT_FOUND)
		err = write(b, user, device, &now);
	return err == ERR_OK ? count_on(b, true) : err;
}

static bool collect_device(void *ctx, struct bytes key, struct bytes value)
{
	struct buf *devices = ctx;
	struct bytes user, device;

	(void)value;
	key_names(key, &user, &device);
	buf_bytes16(devices, device.data, device.len);
	return !devices->failed;
}

enum err registrations_forget(struct batch *b, struct bytes user)
{
	struct key prefix = key_registrations(user);
	struct buf devices = {0};
	struct reader rd;
	struct bytes device;
	bool removed;
	enum err err =
		batch_each(b, TABLE_STORE, key_bytes(&prefix), NOTHING, collect_device, &devices);

	if (err == ERR_OK && devices.failed)
		err = ERR_NOMEM;
	rd = reader_of(devices.data, devices.len);
	while (err == ERR_OK && (device = read_bytes16(&rd)).len > 0)
		err = registration_remove(b, user, device, 0, &removed);
	buf_free(&devices);
	return err;
}
