/* subscriber.c — see subscriber.h. */
#include "tests/support/subscriber.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "tests/support/case.h"
#include "tests/support/json.h"
#include "tests/support/proc.h"
#include "tests/support/recorder.h"

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct subscriber {
	const char *p256dh, *auth, *secret;
};

static const char *base64url(const void *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, BASE64URL);

	return sodium_bin2base64(case_alloc(size), size, data, len, BASE64URL);
}

struct subscriber *subscriber_create(void)
{
	struct subscriber *s = case_alloc(sizeof(*s));
	unsigned char point[65], scalar[32], auth[16];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIGNUM *number = NULL;
	size_t len;

	if (!key ||
		!EVP_PKEY_get_octet_string_param(
			key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point), &len) ||
		!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) ||
		BN_bn2binpad(number, scalar, sizeof(scalar)) != (int)sizeof(scalar))
		case_fail("OpenSSL makes no keys for a subscription");
	BN_free(number);
	EVP_PKEY_free(key);
	randombytes_buf(auth, sizeof(auth));
	s->p256dh = base64url(point, sizeof(point));
	s->auth = base64url(auth, sizeof(auth));
	s->secret = base64url(scalar, sizeof(scalar));
	return s;
}

const char *subscriber_members(const struct subscriber *s, const char *endpoint)
{
	return case_printf(",\"endpoint\":\"%s\",\"keys\":{\"p256dh\":\"%s\",\"auth\":\"%s\"}",
		endpoint, s->p256dh, s->auth);
}

const char *subscriber_p256dh(const struct subscriber *s)
{
	return s->p256dh;
}

const char *subscriber_auth(const struct subscriber *s)
{
	return s->auth;
}

struct cJSON *subscriber_read(const struct subscriber *s, const struct recorded *message)
{
	const char *input = case_printf("{\"private\":\"%s\",\"auth\":\"%s\",\"body\":\"%s\"}",
		s->secret, s->auth, base64url(message->body.data, message->body.len));
	struct run r = run_in((const char *const[]){"node", "tests/npm/decrypt.js", NULL}, input);

	if (r.code != 0)
		case_fail("http_ece cannot decrypt the message: %s", r.err);
	return json_of(r.out, r.out_len);
}
