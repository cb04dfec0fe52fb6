/* jose.c — see jose.h. */
#include "tests/support/jose.h"

#include <cjson/cJSON.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX  4096
#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct jose_key {
	EVP_PKEY *key;
	bool ec;
};

static struct jose_key *key_of(EVP_PKEY *pkey)
{
	struct jose_key *k = pkey ? calloc(1, sizeof(*k)) : NULL;

	if (!k) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	k->key = pkey;
	k->ec = EVP_PKEY_is_a(pkey, "EC");
	return k;
}

struct jose_key *jose_key_pem(const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1), *between = BIO_new(BIO_s_mem());
	EVP_PKEY *private = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL), *public = NULL;

	if (private && PEM_write_bio_PUBKEY(between, private) == 1)
	public = PEM_read_bio_PUBKEY(between, NULL, NULL, NULL);
	EVP_PKEY_free(private);
	BIO_free(between);
	BIO_free(in);
	return key_of(public);
}

void jose_key_free(struct jose_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

void jose_key_point(const struct jose_key *k, unsigned char out[65])
{
	size_t len = 0;

	memset(out, 0, 65);
	EVP_PKEY_set_utf8_string_param(
		k->key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
	EVP_PKEY_get_octet_string_param(k->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out, 65, &len);
}

long jose_decode(void *out, size_t max, struct bytes text)
{
	size_t len;

	if (sodium_base642bin(out, max, text.data, text.len, NULL, &len, NULL, BASE64URL) != 0)
		return -1;
	return (long)len;
}

/* --- opening ------------------------------------------------------------------------------- */

static cJSON *object_of(struct bytes part)
{
	char text[PART_MAX];
	long len = jose_decode(text, sizeof(text), part);
	cJSON *j = len > 0 ? cJSON_ParseWithLength(text, (size_t)len) : NULL;

	if (cJSON_IsObject(j))
		return j;
	cJSON_Delete(j);
	return NULL;
}

/* R and S of an ES256 signature, 32 bytes each, as the DER that OpenSSL wants. */
static int der_of(unsigned char **out, const unsigned char *raw)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len;

	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	*out = NULL;
	len = i2d_ECDSA_SIG(sig, out);
	ECDSA_SIG_free(sig);
	return len;
}

static bool fits(const struct jose_key *k, struct bytes text, const unsigned char *sig, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool ok;

	if (k->ec)
		len = (size_t)der_of(&der, sig);
	ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->key) == 1 &&
	     EVP_DigestVerify(
		     ctx, der ? der : sig, len, (const unsigned char *)text.data, text.len) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static const char *check(struct jose *out, struct bytes token, const struct jose_key *k)
{
	const char *first = memchr(token.data, '.', token.len), *end = token.data + token.len;
	const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
	unsigned char sig[PART_MAX];
	const cJSON *alg;
	long len;

	if (!second)
		return "the token does not have three parts";
	out->header = object_of((struct bytes){token.data, (size_t)(first - token.data)});
	out->claims = object_of((struct bytes){first + 1, (size_t)(second - first - 1)});
	if (!out->header || !out->claims)
		return "a part of the token is no JSON object in base64url";
	alg = cJSON_GetObjectItemCaseSensitive(out->header, "alg");
	if (!cJSON_IsString(alg) || strcmp(alg->valuestring, k->ec ? "ES256" : "RS256") != 0)
		return "the token's alg is another";
	len = jose_decode(sig, sizeof(sig), (struct bytes){second + 1, (size_t)(end - second - 1)});
	if (len < 0 || (k->ec && len != 64))
		return "the token's signature is not as long as it must be";
	return fits(k, (struct bytes){token.data, (size_t)(second - token.data)}, sig, (size_t)len)
		       ? NULL
		       : "the token's signature does not fit";
}

bool jose_open(struct jose *out, struct bytes token, const struct jose_key *key, const char **why)
{
	*out = (struct jose){NULL, NULL};
	*why = token.data ? check(out, token, key) : "there is no token";
	if (*why)
		jose_free(out);
	return !*why;
}

void jose_free(struct jose *j)
{
	cJSON_Delete(j->header);
	cJSON_Delete(j->claims);
	*j = (struct jose){NULL, NULL};
}
