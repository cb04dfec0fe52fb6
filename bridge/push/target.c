/* target.c — what push_check() let pass is checked again, but without words: the store may be
 * damaged, and headers and URLs are made of this. */
#include "bridge/push/target.h"

#include <sodium.h>
#include <string.h>

#define VISIBLE_FIRST 0x21
#define VISIBLE_LAST  0x7e

static bool is_visible(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < VISIBLE_FIRST || s.data[i] > VISIBLE_LAST)
			return false;
	}
	return true;
}

/* An optional string of visible characters. */
static bool read_text(const struct json_object *o, const char *name, size_t max, struct bytes *out)
{
	*out = (struct bytes){"", 0};
	return json_string(o, name, 1, max, out) == ERR_OK && is_visible(*out);
}

static bool read_url(struct push_target *t, const char *name)
{
	const char *why;

	return read_text(&t->object, name, PUSH_URL_MAX, &t->url) &&
	       (t->url.len == 0 || endpoint_parse(&t->endpoint, t->url.data, t->url.len, &why));
}

static bool read_fcm(struct push_target *t)
{
	return read_text(&t->object, "token", PUSH_TOKEN_MAX, &t->token) &&
	       read_text(&t->object, "fid", PUSH_TOKEN_MAX, &t->fid) &&
	       (t->token.len == 0) != (t->fid.len == 0);
}

static bool read_apns(struct push_target *t)
{
	return read_text(&t->object, "token", PUSH_HEX_MAX, &t->token) && t->token.len &&
	       strspn(t->token.data, "0123456789abcdef") == t->token.len &&
	       read_text(&t->object, "topic", PUSH_TOPIC_MAX, &t->topic) &&
	       json_bool(&t->object, "sandbox", &t->sandbox) == ERR_OK;
}

/* Base64url of just so many bytes. */
static bool read_key(
	unsigned char *out, size_t size, const struct json_object *keys, const char *name)
{
	struct bytes text;
	size_t len;

	return read_text(keys, name, 128, &text) &&
	       sodium_base642bin(out, size, text.data, text.len, NULL, &len, NULL,
		       sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
	       len == size;
}

static bool read_webpush(struct push_target *t)
{
	const struct json_member *m = json_get(&t->object, "keys");
	struct json_object keys;
	bool ok;

	if (!m || !read_url(t, "endpoint") || t->url.len == 0 ||
		json_parse(&keys, m->raw.data, m->raw.len) != ERR_OK)
		return false;
	ok = read_key(t->receiver.p256dh, sizeof(t->receiver.p256dh), &keys, "p256dh") &&
	     t->receiver.p256dh[0] == 4 &&
	     read_key(t->receiver.auth, sizeof(t->receiver.auth), &keys, "auth");
	json_finish(&keys);
	return ok;
}

static bool read_webhook(struct push_target *t)
{
	return read_url(t, "url") && read_text(&t->object, "secret", PUSH_SECRET_MAX, &t->secret);
}

static bool read_mqtt(struct push_target *t)
{
	(void)t;
	return true;
}

enum err push_target_read(struct push_target *t, enum push_kind_id kind, struct bytes data)
{
	static bool (*const readers[PUSH_KIND_COUNT])(struct push_target *) = {
		[PUSH_FCM] = read_fcm,
		[PUSH_APNS] = read_apns,
		[PUSH_WEBPUSH] = read_webpush,
		[PUSH_WEBHOOK] = read_webhook,
		[PUSH_MQTT] = read_mqtt};
	enum err e;

	*t = (struct push_target){0};
	if ((unsigned)kind >= PUSH_KIND_COUNT || !readers[kind])
		return ERR_CORRUPT;
	e = json_parse(&t->object, data.data, data.len);
	if (e != ERR_OK)
		return e == ERR_NOMEM ? e : ERR_CORRUPT;
	if (readers[kind](t))
		return ERR_OK;
	push_target_finish(t);
	return ERR_CORRUPT;
}

void push_target_finish(struct push_target *t)
{
	json_finish(&t->object);
}
