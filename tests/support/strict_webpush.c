/* strict_webpush.c — a push service (RFC 8030, 8188, 8291, 8292), as far as it refuses. */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/strict_internal.h"

#define POINT    65
#define HEAD     (16 + 4 + 1 + POINT) /* salt, record size, length of the key, key */
#define BODY_MAX 4096
#define EXP_MAX  (24 * 3600)

struct strict_webpush {
	struct strict s;
	struct jose_key *key;
	unsigned char point[POINT];
	const char *origin;
};

/* "vapid t=<JWT>, k=<key>" */
static bool take_apart(struct bytes value, struct bytes *t, struct bytes *k)
{
	struct bytes rest = strict_after(value, "vapid t=");
	const char *comma = rest.data ? memchr(rest.data, ',', rest.len) : NULL;

	if (!comma)
		return false;
	*t = (struct bytes){rest.data, (size_t)(comma - rest.data)};
	*k = strict_after((struct bytes){comma, (size_t)(rest.data + rest.len - comma)}, ", k=");
	return k->data != NULL;
}

static const char *judge_claims(const struct strict_webpush *w, const cJSON *claims)
{
	int64_t now = case_wall_ms() / 1000, exp = json_num(claims, "exp");
	const char *aud = json_str(claims, "aud"), *sub = json_str(claims, "sub");

	if (!aud || strcmp(aud, w->origin) != 0)
		return "aud is not the origin of the endpoint";
	if (exp <= now || exp > now + EXP_MAX)
		return "exp is over, or more than 24 hours ahead";
	if (!sub || (strncmp(sub, "mailto:", 7) != 0 && strncmp(sub, "https://", 8) != 0))
		return "sub is no contact";
	return NULL;
}

static const char *judge_vapid(const struct strict_webpush *w, const struct recorded *q)
{
	unsigned char point[POINT];
	struct bytes t, k;
	const char *wrong;
	struct jose j;

	if (!take_apart(recorded_value(q, "Authorization"), &t, &k))
		return "the authorization is not vapid t=..., k=...";
	if (jose_decode(point, sizeof(point), k) != POINT || memcmp(point, w->point, POINT) != 0)
		return "k is not the key that the subscription is bound to";
	if (!jose_open(&j, t, w->key, &wrong))
		return wrong;
	wrong = judge_claims(w, j.claims);
	jose_free(&j);
	return wrong;
}

static const char *judge_headers(const struct recorded *q)
{
	struct bytes topic = recorded_value(q, "Topic"), urgency = recorded_value(q, "Urgency");

	if (strcmp(q->method, "POST") != 0)
		return "the method is not POST";
	if (!is_digits(recorded_value(q, "TTL")))
		return "there is no TTL";
	if (urgency.data && !is_one_of(urgency, "very-low low normal high"))
		return "the urgency is none";
	if (topic.data && (topic.len > 32 || !is_base64url(topic)))
		return "the topic is not up to 32 characters of base64url";
	if (!is_one_of(recorded_value(q, "Content-Encoding"), "aes128gcm"))
		return "the content encoding is not aes128gcm";
	return NULL;
}

/* One record (RFC 8291, section 4), with room for a delimiter and a tag. */
static const char *judge_body(struct bytes body)
{
	const unsigned char *b = (const unsigned char *)body.data;
	size_t size;

	if (body.len < HEAD + 1 + 16)
		return "the body is no message of aes128gcm";
	size = (size_t)b[16] << 24 | (size_t)b[17] << 16 | (size_t)b[18] << 8 | b[19];
	if (b[20] != POINT || b[21] != 4 || body.len - HEAD >= size)
		return "the body is not one record of aes128gcm with a key";
	return NULL;
}

static void on_push(void *ctx, const struct recorded *q, struct answer *a)
{
	struct strict_webpush *w = ctx;
	const char *vapid = judge_vapid(w, q), *wrong = judge_headers(q);

	if (!wrong)
		wrong = judge_body(q->body);
	pthread_mutex_lock(&w->s.lock);
	if (vapid)
		strict_refuse(&w->s, a, 403, vapid, "{\"message\":\"%s\"}", vapid);
	else if (wrong)
		strict_refuse(&w->s, a, 400, wrong, "{\"message\":\"%s\"}", wrong);
	else if (q->body.len > BODY_MAX)
		strict_refuse(&w->s, a, 413, "the body is too large", "{}");
	else
		*a = (struct answer){.status = 201, .headers = "Location: /message/1\n"};
	pthread_mutex_unlock(&w->s.lock);
}

void strict_webpush_start(struct recorder *r, const char *path)
{
	struct jose_key *key = strict_key(pushing_p256_pem());
	const char *origin = recorder_url(r, "");
	struct strict_webpush *w = strict_create(sizeof(*w), r);

	w->key = key;
	w->origin = origin;
	jose_key_point(key, w->point);
	recorder_answer_by(r, path, on_push, w);
}
