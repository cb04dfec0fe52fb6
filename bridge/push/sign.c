/* sign.c — OpenSSL 3's EVP, behind keys that are bound to one algorithm.
 *
 * OpenSSL gives an ECDSA signature as DER; a JWT holds the two numbers themselves, 32 bytes each
 * (RFC 7518, 3.4). A passphrase is never asked for: a daemon has nobody to ask.
 */
#include "sign.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "wire/keyfile.h"

#define BASE64URL     sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define FILE_MAX      16384
#define RSA_BITS_MIN  2048
#define RSA_BITS_MAX  8192
#define SIGNATURE_MAX (RSA_BITS_MAX / 8)
#define NUMBER_BYTES  32 /* of P-256 */

struct sign_key {
	EVP_PKEY *key;
	enum sign_algorithm algorithm;
	unsigned char point[SIGN_POINT_BYTES]; /* ES256 only */
};

static enum err refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_BAD_REQUEST;
}

static int no_passphrase(char *out, int size, int writing, void *ctx)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static enum err check_rsa(const struct sign_key *k, const char **why)
{
	int bits = EVP_PKEY_get_bits(k->key);

	if (!EVP_PKEY_is_a(k->key, "RSA"))
		return refuse(why, "the key is not an RSA key");
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return refuse(why, "the key does not have 2048 to 8192 bits");
	return ERR_OK;
}

static enum err check_p256(struct sign_key *k, const char **why)
{
	char group[32] = "";
	size_t len = 0;

	if (!EVP_PKEY_is_a(k->key, "EC") ||
		!EVP_PKEY_get_group_name(k->key, group, sizeof(group), &len) ||
		strcmp(group, "prime256v1") != 0)
		return refuse(why, "the key is not on the curve P-256");
	if (!EVP_PKEY_set_utf8_string_param(
		    k->key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") ||
		!EVP_PKEY_get_octet_string_param(k->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
			k->point, sizeof(k->point), &len) ||
		len != sizeof(k->point))
		return refuse(why, "the key has no public half");
	return ERR_OK;
}

static EVP_PKEY *read_pem(const char *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

enum err sign_key_read(struct sign_key **out, enum sign_algorithm algorithm, const char *pem,
	size_t len, const char **why)
{
	struct sign_key *k;
	enum err e;

	*out = NULL;
	*why = "";
	if (len > FILE_MAX)
		return refuse(why, "the key is too long");
	k = calloc(1, sizeof(*k));
	if (!k)
		return ERR_NOMEM;
	k->algorithm = algorithm;
	k->key = read_pem(pem, len);
	if (!k->key)
		e = refuse(why, "this is no private key in PEM, or it is encrypted");
	else
		e = algorithm == SIGN_RS256 ? check_rsa(k, why) : check_p256(k, why);
	ERR_clear_error();
	if (e != ERR_OK) {
		sign_key_destroy(k);
		return e;
	}
	*out = k;
	return ERR_OK;
}

enum err sign_key_load(
	struct sign_key **out, enum sign_algorithm algorithm, const char *path, const char **why)
{
	char text[FILE_MAX + 1];
	size_t len;
	enum err e = keyfile_read(text, sizeof(text), &len, path, S_IRWXO, why);

	*out = NULL;
	if (e == ERR_OK)
		e = sign_key_read(out, algorithm, text, len, why);
	sodium_memzero(text, sizeof(text));
	return e;
}

void sign_key_destroy(struct sign_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

void sign_key_point(const struct sign_key *k, unsigned char out[SIGN_POINT_BYTES])
{
	assert(k->algorithm == SIGN_ES256);
	memcpy(out, k->point, SIGN_POINT_BYTES);
}

void sign_put_base64url(struct buf *out, const void *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, BASE64URL);
	char *at = buf_reserve(out, size);

	if (!at)
		return;
	sodium_bin2base64(at, size, data, len, BASE64URL);
	out->len += size - 1;
}

/* DER to the two numbers, each of its full length. */
static bool flatten(unsigned char out[2 * NUMBER_BYTES], const unsigned char *der, size_t len)
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool ok =
		s && BN_bn2binpad(ECDSA_SIG_get0_r(s), out, NUMBER_BYTES) == NUMBER_BYTES &&
		BN_bn2binpad(ECDSA_SIG_get0_s(s), out + NUMBER_BYTES, NUMBER_BYTES) == NUMBER_BYTES;

	ECDSA_SIG_free(s);
	return ok;
}

static bool sign(
	unsigned char out[SIGNATURE_MAX], size_t *len, const struct sign_key *k, struct bytes text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char raw[SIGNATURE_MAX];
	bool ok;

	*len = sizeof(raw);
	ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->key) == 1 &&
	     EVP_DigestSign(ctx, raw, len, (const unsigned char *)text.data, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return false;
	if (k->algorithm == SIGN_RS256) {
		memcpy(out, raw, *len);
		return true;
	}
	ok = flatten(out, raw, *len);
	*len = 2 * NUMBER_BYTES;
	return ok;
}

enum err sign_jwt(
	struct buf *out, const struct sign_key *k, struct bytes header, struct bytes claims)
{
	unsigned char signature[SIGNATURE_MAX];
	const size_t start = out->len;
	size_t len;

	sign_put_base64url(out, header.data, header.len);
	buf_u8(out, '.');
	sign_put_base64url(out, claims.data, claims.len);
	if (out->failed)
		return ERR_NOMEM;
	if (!sign(signature, &len, k, (struct bytes){out->data + start, out->len - start})) {
		ERR_clear_error();
		return ERR_INTERNAL;
	}
	buf_u8(out, '.');
	sign_put_base64url(out, signature, len);
	return out->failed ? ERR_NOMEM : ERR_OK;
}

void sign_hmac(unsigned char mac[SIGN_MAC_BYTES], struct bytes key, struct bytes text)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.data, key.len);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.data, text.len);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}
