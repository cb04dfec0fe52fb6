/* apns_token.c */
#include "bridge/push/apns_token.h"

/* Is it so far from its making, either way, that a new one can be asked of Apple? */
static bool is_grown(const struct apns_token *t, int64_t now_ms, int64_t age_ms)
{
	return now_ms - t->made_ms >= age_ms || t->made_ms - now_ms >= APNS_TOKEN_YOUNG_MS;
}

void apns_token_finish(struct apns_token *t)
{
	sign_key_destroy(t->key);
	buf_free(&t->jwt);
	*t = (struct apns_token){0};
}

enum err apns_token_make(struct apns_token *t, int64_t now_ms)
{
	struct buf header = {0}, claims = {0};
	enum err e = ERR_NOMEM;

	if (t->jwt.len &&
		!is_grown(t, now_ms, t->trouble ? APNS_TOKEN_YOUNG_MS : APNS_TOKEN_RENEW_MS))
		return ERR_OK;
	buf_reset(&t->jwt);
	buf_printf(&header, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", t->key_id);
	buf_printf(&claims, "{\"iss\":\"%s\",\"iat\":%lld}", t->team, (long long)(now_ms / 1000));
	if (!header.failed && !claims.failed)
		e = sign_jwt(&t->jwt, t->key, (struct bytes){header.data, header.len},
			(struct bytes){claims.data, claims.len});
	buf_free(&header);
	buf_free(&claims);
	if (e != ERR_OK) {
		buf_reset(&t->jwt);
		return e;
	}
	t->number = t->number == UINT32_MAX ? 1 : t->number + 1;
	t->made_ms = now_ms;
	return ERR_OK;
}

bool apns_token_refused(struct apns_token *t, uint32_t number, bool expired, int64_t now_ms)
{
	const bool again = !t->trouble && (expired || is_grown(t, now_ms, APNS_TOKEN_YOUNG_MS));

	if (number != t->number || !t->jwt.len)
		return true;
	t->trouble = true;
	if (again)
		buf_reset(&t->jwt);
	return again;
}

void apns_token_accepted(struct apns_token *t, uint32_t number)
{
	if (number == t->number)
		t->trouble = false;
}
