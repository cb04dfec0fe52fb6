/* webpush_crypt.c
 *
 * HKDF (RFC 5869) is two HMACs here: extract, and one block of expand, since no key is longer than
 * 32 bytes. Names are those of RFC 8291, 3.4.
 */
#include "webpush_crypt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <string.h>

#define CURVE        "P-256"
#define RECORD_SIZE  4096
#define TAG_BYTES    16
#define CEK_BYTES    16
#define NONCE_BYTES  12
#define HEADER_BYTES (WEBPUSH_SALT_BYTES + 4 + 1 + SIGN_POINT_BYTES)

#define TEXT(s) ((struct bytes){s, sizeof(s) - 1})

static struct bytes bytes_of(const unsigned char *data, size_t len)
{
	return (struct bytes){(const char *)data, len};
}

/* Was it memory that OpenSSL lacked last? */
static bool out_of_memory(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

/* A key of the curve from its public half, and its private half if there is one. NULL if it is
 * none. */
static EVP_PKEY *key_of(const unsigned char point[SIGN_POINT_BYTES], const unsigned char *scalar)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *number = scalar ? BN_bin2bn(scalar, WEBPUSH_SCALAR_BYTES, NULL) : NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (build && ctx &&
		OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, CURVE, 0) &&
		OSSL_PARAM_BLD_push_octet_string(
			build, OSSL_PKEY_PARAM_PUB_KEY, point, SIGN_POINT_BYTES) &&
		(!scalar || (number && OSSL_PARAM_BLD_push_BN(
					       build, OSSL_PKEY_PARAM_PRIV_KEY, number))))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(
			ctx, &key, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(number);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool point_of(unsigned char out[SIGN_POINT_BYTES], const EVP_PKEY *key)
{
	size_t len = 0;

	return EVP_PKEY_get_octet_string_param(
		       key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out, SIGN_POINT_BYTES, &len) == 1 &&
	       len == SIGN_POINT_BYTES;
}

/* The x of the common point. Theirs needs no other check than that of key_of(), that it lies on the
 * curve: all of its points but infinity, which has no 65 bytes, are of the one prime order. */
static bool agree(unsigned char out[WEBPUSH_SCALAR_BYTES], EVP_PKEY *mine, EVP_PKEY *theirs)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	size_t len = WEBPUSH_SCALAR_BYTES;
	bool ok = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		  EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) == 1 &&
		  EVP_PKEY_derive(ctx, out, &len) == 1 && len == WEBPUSH_SCALAR_BYTES;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* The first block of HKDF-Expand; info is followed by a 1. */
static void expand(unsigned char out[SIGN_MAC_BYTES], const unsigned char prk[SIGN_MAC_BYTES],
	struct bytes label, struct bytes more)
{
	unsigned char info[256];

	memcpy(info, label.data, label.len);
	if (more.len)
		memcpy(info + label.len, more.data, more.len);
	info[label.len + more.len] = 1;
	sign_hmac(out, bytes_of(prk, SIGN_MAC_BYTES), bytes_of(info, label.len + more.len + 1));
}

/* From the agreed secret to the key and nonce of the one record. */
static void derive(unsigned char cek[SIGN_MAC_BYTES], unsigned char nonce[SIGN_MAC_BYTES],
	const unsigned char secret[WEBPUSH_SCALAR_BYTES], const struct webpush_receiver *to,
	const unsigned char point[SIGN_POINT_BYTES], const unsigned char salt[WEBPUSH_SALT_BYTES])
{
	unsigned char points[2 * SIGN_POINT_BYTES], prk[SIGN_MAC_BYTES], ikm[SIGN_MAC_BYTES];

	memcpy(points, to->p256dh, SIGN_POINT_BYTES);
	memcpy(points + SIGN_POINT_BYTES, point, SIGN_POINT_BYTES);
	sign_hmac(prk, bytes_of(to->auth, WEBPUSH_AUTH_BYTES),
		bytes_of(secret, WEBPUSH_SCALAR_BYTES));
	expand(ikm, prk, (struct bytes){"WebPush: info", 14}, bytes_of(points, sizeof(points)));
	sign_hmac(prk, bytes_of(salt, WEBPUSH_SALT_BYTES), bytes_of(ikm, sizeof(ikm)));
	expand(cek, prk, (struct bytes){"Content-Encoding: aes128gcm", 28}, TEXT(""));
	expand(nonce, prk, (struct bytes){"Content-Encoding: nonce", 24}, TEXT(""));
	sodium_memzero(prk, sizeof(prk));
	sodium_memzero(ikm, sizeof(ikm));
}

/* Encrypt plaintext and the delimiter into out, which has room for both and the tag. */
static bool seal(unsigned char *out, const unsigned char *cek, const unsigned char *nonce,
	struct bytes plaintext)
{
	static const unsigned char last_record = 2;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0, more = 0, end = 0;
	bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, cek, nonce) == 1 &&
		  EVP_EncryptUpdate(ctx, out, &len, (const unsigned char *)plaintext.data,
			  (int)plaintext.len) == 1 &&
		  EVP_EncryptUpdate(ctx, out + len, &more, &last_record, 1) == 1 &&
		  EVP_EncryptFinal_ex(ctx, out + len + more, &end) == 1 &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + len + more) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static enum err encrypt(struct buf *out, const struct webpush_receiver *to, struct bytes plaintext,
	EVP_PKEY *mine, EVP_PKEY *theirs, const unsigned char salt[WEBPUSH_SALT_BYTES])
{
	unsigned char cek[SIGN_MAC_BYTES], nonce[SIGN_MAC_BYTES];
	unsigned char point[SIGN_POINT_BYTES], secret[WEBPUSH_SCALAR_BYTES];
	const size_t record = plaintext.len + 1 + TAG_BYTES;
	unsigned char *at = (unsigned char *)buf_reserve(out, HEADER_BYTES + record);
	bool ok;

	if (!at)
		return ERR_NOMEM;
	if (!point_of(point, mine) || !agree(secret, mine, theirs))
		return ERR_INTERNAL;
	memcpy(at, salt, WEBPUSH_SALT_BYTES);
	at += WEBPUSH_SALT_BYTES;
	memcpy(at, (const unsigned char[]){0, 0, RECORD_SIZE >> 8, RECORD_SIZE & 255}, 4);
	at[4] = SIGN_POINT_BYTES;
	memcpy(at + 5, point, SIGN_POINT_BYTES);
	derive(cek, nonce, secret, to, point, salt);
	ok = seal(at + 5 + SIGN_POINT_BYTES, cek, nonce, plaintext);
	sodium_memzero(cek, sizeof(cek));
	sodium_memzero(secret, sizeof(secret));
	if (ok)
		out->len += HEADER_BYTES + record;
	return ok ? ERR_OK : ERR_INTERNAL;
}

enum err webpush_encrypt(struct buf *out, const struct webpush_receiver *to, struct bytes plaintext,
	const struct webpush_fixed *fixed)
{
	unsigned char salt[WEBPUSH_SALT_BYTES];
	EVP_PKEY *mine, *theirs;
	enum err e;

	if (plaintext.len > WEBPUSH_PLAINTEXT_MAX)
		return ERR_TOO_LARGE;
	if (fixed)
		memcpy(salt, fixed->salt, sizeof(salt));
	else
		randombytes_buf(salt, sizeof(salt));
	mine = fixed ? key_of(fixed->point, fixed->scalar) : EVP_EC_gen(CURVE);
	theirs = key_of(to->p256dh, NULL);
	if (!theirs)
		e = out_of_memory() ? ERR_NOMEM : ERR_BAD_REQUEST;
	else
		e = mine ? encrypt(out, to, plaintext, mine, theirs, salt) : ERR_INTERNAL;
	EVP_PKEY_free(mine);
	EVP_PKEY_free(theirs);
	ERR_clear_error();
	return e;
}
