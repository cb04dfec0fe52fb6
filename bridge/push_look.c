/* push_look.c — see push_look.h. */
#include "bridge/push_look.h"

#include "persist/keys.h"
#include "wire/mention.h"

#include <stdlib.h>
#include <string.h>

#define NOTHING ((struct bytes){NULL, 0})

void push_look_init(
	struct push_look *l, const struct query_source *src, const unsigned char key[PUSH_LOOK_KEY])
{
	memcpy(l->key, key, sizeof(l->key));
	l->src = *src;
	l->q = (struct query){.src = &l->src};
}

static void give_back(struct bytes value)
{
	free((void *)(uintptr_t)value.data);
}

static enum err get(struct push_look *l, const struct key *k, struct bytes *value)
{
	return store_get(l->src.store, NULL, key_bytes(k), value);
}

enum err push_look_mute(struct push_look *l, struct bytes user, struct bytes chat, uint64_t now_ms,
	struct mute *out)
{
	struct key k = key_mute(user, chat);
	struct bytes v;
	enum err err = get(l, &k, &v);

	*out = (struct mute){0};
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = mute_decode(out, v);
	give_back(v);
	if (err != ERR_OK || out->until <= now_ms)
		*out = (struct mute){0};
	return err;
}

enum err push_look_prefs(struct push_look *l, struct bytes user, struct push_prefs *out)
{
	struct key k = key_push_prefs(user);
	struct bytes v;
	enum err err = get(l, &k, &v);

	*out = (struct push_prefs){0};
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = push_prefs_decode(out, v);
	give_back(v);
	return err;
}

enum err push_look_registration(struct push_look *l, struct bytes user, struct bytes device,
	struct push_registration *out, struct buf *kept)
{
	struct key k = key_registration(user, device);
	struct bytes v;
	enum err err = get(l, &k, &v);

	if (err != ERR_OK)
		return err;
	err = push_registration_decode(out, v);
	buf_reset(kept);
	if (err == ERR_OK)
		buf_put(kept, out->data.data, out->data.len);
	give_back(v);
	out->data = (struct bytes){kept->data, kept->len};
	return err == ERR_OK && kept->failed ? ERR_NOMEM : err;
}

/* --- who is there
 * --------------------------------------------------------------------------------- */

/* A device has one client id, and that one connection: to look for it among the user's would mean
 * to walk past all that LevelDB keeps of connections that ended a short while ago. */
enum err push_look_connected(
	struct push_look *l, struct bytes user, struct bytes device, uint64_t *since)
{
	char client[NAME_USER_MAX + 1 + NAME_DEVICE_MAX];
	struct session s;
	struct key k;
	struct bytes v;
	enum err err;

	*since = 0;
	if (user.len > NAME_USER_MAX || device.len > NAME_DEVICE_MAX)
		return ERR_CORRUPT;
	memcpy(client, user.data, user.len);
	client[user.len] = ':';
	memcpy(client + user.len + 1, device.data, device.len);
	k = key_session(user, (struct bytes){client, user.len + 1 + device.len});
	err = get(l, &k, &v);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = session_decode(&s, v);
	if (err == ERR_OK)
		*since = s.since;
	give_back(v);
	return err;
}

static bool count_to_2(void *ctx, struct bytes key, struct bytes value)
{
	size_t *count = ctx;

	(void)key;
	(void)value;
	return ++*count < 2;
}

enum err push_look_devices(struct push_look *l, struct bytes user, size_t *out)
{
	struct key prefix = key_devices(user);

	*out = 0;
	return store_each(l->src.store, NULL, key_bytes(&prefix), NOTHING, false, count_to_2, out);
}

enum err push_look_registrations(struct push_look *l, uint64_t *out)
{
	struct key k = key_meta("registrations");
	struct reader r;
	struct bytes v;
	enum err err = get(l, &k, &v);

	*out = 0;
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	r = reader_of(v.data, v.len);
	*out = read_u64(&r);
	give_back(v);
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

/* --- mentions
 * ------------------------------------------------------------------------------------- */

static enum err is_admin(struct push_look *l, struct bytes chat, struct bytes user, bool *yes)
{
	struct member m;
	enum err err = query_member(&l->q, chat, user, &m);

	*yes = err == ERR_OK && m.admin;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err push_look_mentions(
	struct push_look *l, struct bytes chat, struct bytes user, struct bytes message, bool *yes)
{
	struct bytes text = {NULL, 0};
	struct bytes from = {NULL, 0};
	struct json_object o;
	enum err err;

	*yes = false;
	if (message.len == 0 || !memchr(message.data, '@', message.len))
		return ERR_OK;
	err = json_parse(&o, message.data, message.len);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? err : ERR_CORRUPT;
	if (json_string(&o, "text", 0, SIZE_MAX, &text) == ERR_OK && text.len > 0 &&
		json_string(&o, "from", 1, NAME_USER_MAX, &from) == ERR_OK) {
		*yes = mention_of(text, user);
		if (!*yes && mention_of_all(text))
			err = is_admin(l, chat, from, yes);
	}
	json_finish(&o);
	return err;
}

struct search {
	struct push_look *look;
	struct bytes chat, user;
	uint64_t first, found;
	size_t left;
	enum err err;
};

static bool on_message(void *ctx, struct bytes key, struct bytes value)
{
	struct search *s = ctx;
	uint64_t seq = key_message_seq(key);
	bool yes = false;

	if (seq < s->first)
		return false;
	if (s->left-- == 0) {
		s->found = seq;
		return false;
	}
	s->err = push_look_mentions(s->look, s->chat, s->user, value, &yes);
	if (yes)
		s->found = seq;
	return s->err == ERR_OK && !yes;
}

enum err push_look_mention(struct push_look *l, struct bytes chat, struct bytes user,
	uint64_t first, uint64_t last, uint64_t *out)
{
	struct search s = {l, chat, user, first, 0, PUSH_MENTION_MESSAGES, ERR_OK};
	struct key prefix = key_messages(chat);
	struct key from = key_message(chat, last);
	enum err err = store_each(
		l->src.store, NULL, key_bytes(&prefix), key_bytes(&from), true, on_message, &s);

	*out = s.found;
	return err == ERR_OK ? s.err : err;
}
