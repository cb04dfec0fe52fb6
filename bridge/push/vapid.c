/* vapid.c — each origin has one place where its JWT may be, by its hash; the last one there wins.
 */
#include "bridge/push/vapid.h"

#include <stdlib.h>
#include <string.h>

#include "wire/json.h"

#define RENEW_MS ((int64_t)3600000) /* a JWT with less to live is made anew */

struct place {
	struct buf origin, jwt; /* empty: nothing is kept here */
	int64_t ends_ms;
};

struct vapid {
	struct sign_key *key;
	struct buf subject, public_key;
	struct place places[VAPID_ORIGINS_MAX];
};

enum err vapid_create(struct vapid **out, struct sign_key *key, const char *subject)
{
	unsigned char point[SIGN_POINT_BYTES];
	struct vapid *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (!v) {
		sign_key_destroy(key);
		return ERR_NOMEM;
	}
	v->key = key;
	sign_key_point(key, point);
	sign_put_base64url(&v->public_key, point, sizeof(point));
	buf_str(&v->subject, subject);
	if (v->public_key.failed || v->subject.failed) {
		vapid_destroy(v);
		return ERR_NOMEM;
	}
	*out = v;
	return ERR_OK;
}

void vapid_destroy(struct vapid *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < VAPID_ORIGINS_MAX; i++) {
		buf_free(&v->places[i].origin);
		buf_free(&v->places[i].jwt);
	}
	sign_key_destroy(v->key);
	buf_free(&v->subject);
	buf_free(&v->public_key);
	free(v);
}

struct bytes vapid_public_key(const struct vapid *v)
{
	return (struct bytes){v->public_key.data, v->public_key.len};
}

/* FNV-1a. */
static struct place *place_of(struct vapid *v, struct bytes origin)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < origin.len; i++)
		h = (h ^ (unsigned char)origin.data[i]) * 0x100000001b3u;
	return &v->places[h % VAPID_ORIGINS_MAX];
}

/* Is what is kept there for this origin, and neither too old nor, the clock having been set back,
 * good for more than the RFC allows? */
static bool is_good(const struct place *p, struct bytes origin, int64_t now_ms)
{
	const int64_t left = p->ends_ms - now_ms;

	return p->jwt.len && bytes_equal(origin, p->origin.data, p->origin.len) &&
	       left >= RENEW_MS && left <= VAPID_LIFE_MS;
}

static enum err make(struct vapid *v, struct place *p, struct bytes origin, int64_t now_ms)
{
	static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
	const long long exp = (now_ms + VAPID_LIFE_MS) / 1000;
	struct buf claims = {0};
	enum err e = ERR_NOMEM;

	buf_reset(&p->jwt);
	buf_reset(&p->origin);
	buf_put(&p->origin, origin.data, origin.len);
	buf_str(&claims, "{\"aud\":");
	json_put_string(&claims, origin.data, origin.len);
	buf_printf(&claims, ",\"exp\":%lld,\"sub\":", exp);
	json_put_string(&claims, v->subject.data, v->subject.len);
	buf_u8(&claims, '}');
	if (!claims.failed && !p->origin.failed)
		e = sign_jwt(&p->jwt, v->key, (struct bytes){header, sizeof(header) - 1},
			(struct bytes){claims.data, claims.len});
	buf_free(&claims);
	if (e != ERR_OK)
		buf_reset(&p->jwt);
	p->ends_ms = now_ms + VAPID_LIFE_MS;
	return e;
}

enum err vapid_put(struct vapid *v, struct buf *out, struct bytes origin, int64_t now_ms)
{
	struct place *p = place_of(v, origin);

	if (!is_good(p, origin, now_ms)) {
		enum err e = make(v, p, origin, now_ms);

		if (e != ERR_OK)
			return e;
	}
	buf_str(out, "vapid t=");
	buf_put(out, p->jwt.data, p->jwt.len);
	buf_str(out, ", k=");
	buf_put(out, v->public_key.data, v->public_key.len);
	return out->failed ? ERR_NOMEM : ERR_OK;
}
