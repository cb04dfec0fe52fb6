/* state.c — users, chats, members and marks, read and written through the batch. */
#include "bridge/engine/internal.h"

enum err state_user(struct engine *e, struct bytes user, struct user *out)
{
	struct key k = key_user(user);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_USERS, key_bytes(&k), &v);

	return err == ERR_OK ? user_decode(out, v) : err;
}

enum err state_chat(struct engine *e, struct bytes chat, struct chat *out)
{
	struct key k = key_chat(chat);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_CHATS, key_bytes(&k), &v);

	return err == ERR_OK ? chat_decode(out, v) : err;
}

enum err state_member(struct engine *e, struct bytes chat, struct bytes user, struct member *out)
{
	struct key k = key_member(chat, user);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_MEMBERS, key_bytes(&k), &v);

	return err == ERR_OK ? member_decode(out, v) : err;
}

enum err state_mark(struct engine *e, struct bytes chat, struct bytes user, struct mark *out)
{
	struct key k = key_mark(chat, user);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v);

	return err == ERR_OK ? mark_decode(out, v) : err;
}

enum err state_messages(struct engine *e, struct bytes chat, struct chat_state *out)
{
	struct key k = key_state(chat);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v);

	return err == ERR_OK ? chat_state_decode(out, v) : err;
}

enum err state_message(struct engine *e, struct bytes chat, uint64_t seq, struct bytes *out)
{
	struct key k = key_message(chat, seq);

	return batch_get(e->batch, TABLE_STORE, key_bytes(&k), out);
}

enum err state_device(struct engine *e, struct bytes user, struct bytes device, struct device *out)
{
	struct key k = key_device(user, device);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v);

	return err == ERR_OK ? device_decode(out, v) : err;
}

/* A number kept under a key of the store; 0 if there is none. */
enum err state_number(struct engine *e, const struct key *k, uint64_t *out)
{
	struct bytes v;
	struct reader r;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(k), &v);

	*out = 0;
	if (err != ERR_OK)
		return absent_is(err, ERR_OK);
	r = reader_of(v.data, v.len);
	*out = read_u64(&r);
	return r.failed || r.at != r.end ? ERR_CORRUPT : ERR_OK;
}

static void put(struct engine *e, enum table t, const struct key *k, struct buf *value)
{
	if (value->failed)
		e->out->failed = true;
	else
		batch_put(e->batch, t, key_bytes(k), (struct bytes){value->data, value->len});
}

void put_user(struct engine *e, struct bytes user, const struct user *u)
{
	struct key k = key_user(user);
	struct buf v = {0};

	user_encode(&v, u);
	put(e, TABLE_USERS, &k, &v);
	buf_free(&v);
}

void put_device(struct engine *e, struct bytes user, struct bytes device, const struct device *d)
{
	struct key k = key_device(user, device);
	struct buf v = {0};

	device_encode(&v, d);
	put(e, TABLE_STORE, &k, &v);
	buf_free(&v);
}

void put_chat(struct engine *e, struct bytes chat, const struct chat *c)
{
	struct key k = key_chat(chat);
	struct buf v = {0};

	chat_encode(&v, c);
	put(e, TABLE_CHATS, &k, &v);
	buf_free(&v);
}

void put_member(struct engine *e, struct bytes chat, struct bytes user, const struct member *m)
{
	struct key k = key_member(chat, user);
	struct key list = key_list(user, chat);
	struct buf v = {0};

	member_encode(&v, m);
	put(e, TABLE_MEMBERS, &k, &v);
	buf_reset(&v);
	put(e, TABLE_LISTS, &list, &v);
	buf_free(&v);
}

void remove_member(struct engine *e, struct bytes chat, struct bytes user)
{
	struct key k = key_member(chat, user);
	struct key list = key_list(user, chat);
	struct key mark = key_mark(chat, user);
	struct key pending = key_pending(chat, user);
	struct key mute = key_mute(user, chat);

	batch_delete(e->batch, TABLE_MEMBERS, key_bytes(&k));
	batch_delete(e->batch, TABLE_LISTS, key_bytes(&list));
	batch_delete(e->batch, TABLE_STORE, key_bytes(&mark));
	batch_delete(e->batch, TABLE_STORE, key_bytes(&mute));
	batch_delete(e->batch, TABLE_STORE, key_bytes(&pending));
}

/* The two written for every message: no allocation but the engine's own. */
void put_mark(struct engine *e, struct bytes chat, struct bytes user, const struct mark *m)
{
	struct key k = key_mark(chat, user);

	buf_reset(&e->scratch);
	mark_encode(&e->scratch, m);
	put(e, TABLE_STORE, &k, &e->scratch);
}

void put_messages(struct engine *e, struct bytes chat, const struct chat_state *s)
{
	struct key k = key_state(chat);

	buf_reset(&e->scratch);
	chat_state_encode(&e->scratch, s);
	put(e, TABLE_STORE, &k, &e->scratch);
}

void put_number(struct engine *e, const struct key *k, uint64_t n)
{
	buf_reset(&e->scratch);
	buf_u64(&e->scratch, n);
	put(e, TABLE_STORE, k, &e->scratch);
}

void put_message(struct engine *e, struct bytes chat, uint64_t seq, struct bytes message)
{
	struct key k = key_message(chat, seq);

	batch_put(e->batch, TABLE_STORE, key_bytes(&k), message);
}

static bool collect_name(void *ctx, struct bytes key, struct bytes value)
{
	struct names *n = ctx;
	struct bytes name = key_last_name(key);

	(void)value;
	buf_bytes16(&n->text, name.data, name.len);
	n->count++;
	return !n->text.failed;
}

static enum err collect(struct engine *e, enum table t, struct key prefix, struct names *out)
{
	enum err err;

	*out = (struct names){0};
	err = batch_each(
		e->batch, t, key_bytes(&prefix), (struct bytes){NULL, 0}, collect_name, out);
	if (err == ERR_OK && out->text.failed)
		err = ERR_NOMEM;
	if (err != ERR_OK)
		buf_free(&out->text);
	return err;
}

enum err state_members(struct engine *e, struct bytes chat, struct names *out)
{
	return collect(e, TABLE_MEMBERS, key_members(chat), out);
}

enum err state_chats_of(struct engine *e, struct bytes user, struct names *out)
{
	return collect(e, TABLE_LISTS, key_lists(user), out);
}

struct count {
	size_t n, max;
};

static bool count_one(void *ctx, struct bytes key, struct bytes value)
{
	struct count *c = ctx;

	(void)key;
	(void)value;
	return ++c->n < c->max;
}

enum err state_count(
	struct engine *e, enum table t, const struct key *prefix, size_t max, size_t *out)
{
	struct count c = {0, max};
	enum err err =
		batch_each(e->batch, t, key_bytes(prefix), (struct bytes){NULL, 0}, count_one, &c);

	*out = c.n;
	return err;
}

enum err state_chats_count(struct engine *e, struct bytes user, size_t max, size_t *out)
{
	struct key prefix = key_lists(user);

	return state_count(e, TABLE_LISTS, &prefix, max, out);
}

static bool collect_key(void *ctx, struct bytes key, struct bytes value)
{
	struct buf *keys = ctx;

	(void)value;
	buf_bytes16(keys, key.data, key.len);
	return !keys->failed;
}

enum err state_forget(struct engine *e, enum table t, const struct key *prefix)
{
	struct buf keys = {0};
	struct reader rd;
	struct bytes key;
	enum err err = batch_each(
		e->batch, t, key_bytes(prefix), (struct bytes){NULL, 0}, collect_key, &keys);

	if (err == ERR_OK && keys.failed)
		err = ERR_NOMEM;
	if (err == ERR_OK) {
		rd = reader_of(keys.data, keys.len);
		while ((key = read_bytes16(&rd)).len > 0)
			batch_delete(e->batch, t, key);
	}
	buf_free(&keys);
	return err;
}
