/* token.c — see token.h. Made from libsodium alone, so that the tests do not take the project's
 * word for what a JWT is. */
#include "tests/support/token.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/case.h"

static const char *base64(const void *data, size_t len, int variant)
{
	size_t size = sodium_base64_encoded_len(len, variant);
	char *out = case_alloc(size);

	return sodium_bin2base64(out, size, data, len, variant);
}

const char *token_base64(const void *data, size_t len)
{
	return base64(data, len, sodium_base64_VARIANT_ORIGINAL);
}

static const char *url(const void *data, size_t len)
{
	return base64(data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

const char *token_claims(const struct token *t)
{
	int64_t now_ms = case_wall_ms(), now = now_ms / 1000;
	const char *dev = t->dev ? case_printf(",\"dev\":\"%s\"", t->dev) : "";
	const char *role = t->role ? case_printf(",\"role\":\"%s\"", t->role) : "";
	const char *nbf =
		t->nbf_in ? case_printf(",\"nbf\":%lld", (long long)(now + t->nbf_in)) : "";

	/* milliseconds in iat: a token made right after a password change must be told from one
	 * before */
	return case_printf("{\"sub\":\"%s\",\"iat\":%lld.%03d,\"exp\":%lld%s%s%s}", t->sub,
		(long long)(now + t->iat_in), (int)(now_ms % 1000),
		(long long)(now + (t->exp_in ? t->exp_in : 3600)), dev, role, nbf);
}

static const char *body(const char *header, const char *claims)
{
	return case_printf("%s.%s", url(header, strlen(header)), url(claims, strlen(claims)));
}

const char *token_hs256(const char *header, const char *claims, const void *key, size_t key_len)
{
	const char *b = body(header, claims);
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, key, key_len);
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)b, strlen(b));
	crypto_auth_hmacsha256_final(&s, mac);
	return case_printf("%s.%s", b, url(mac, sizeof(mac)));
}

const char *token_ed25519(const char *header, const char *claims, const unsigned char secret[64])
{
	const char *b = body(header, claims);
	unsigned char sig[crypto_sign_BYTES];

	crypto_sign_detached(sig, NULL, (const unsigned char *)b, strlen(b), secret);
	return case_printf("%s.%s", b, url(sig, sizeof(sig)));
}

const char *token_unsigned(const char *header, const char *claims)
{
	return case_printf("%s.", body(header, claims));
}

const char *token_mint(const struct jwt_keys *keys, const struct token *t)
{
	return token_hs256("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", token_claims(t), keys->hs256,
		keys->hs256_len);
}
