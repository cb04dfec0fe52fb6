/* webpush_crypt_test.c — the vector of RFC 8291, appendix A; what is encrypted is decrypted by a
 * receiver written here from the RFCs; keys that are none. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/push/webpush_crypt.h"
#include "kit.h"

static void decode(unsigned char *out, size_t size, const char *text)
{
	size_t len;

	assert_int_equal(sodium_base642bin(out, size, text, strlen(text), NULL, &len, NULL,
				 sodium_base64_VARIANT_URLSAFE_NO_PADDING),
		0);
	assert_int_equal(len, size);
}

/* RFC 8291, appendix A */
#define VECTOR_BODY                                                                                \
	"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY" \
	"WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS" \
	"gSxsj_Qulcy4a-fN"

static void test_webpush_encrypt_vector(void **state)
{
	(void)state;
	struct webpush_receiver to;
	struct webpush_fixed fixed;
	struct buf body = {0};
	char *text;

	decode(to.p256dh, sizeof(to.p256dh),
		"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNt"
		"oIAiw4");
	decode(to.auth, sizeof(to.auth), "BTBZMqHH6r4Tts7J_aSIgg");
	decode(fixed.scalar, sizeof(fixed.scalar), "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
	decode(fixed.point, sizeof(fixed.point),
		"BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru"
		"3jl7A8");
	decode(fixed.salt, sizeof(fixed.salt), "DGv6ra1nlYgDCS1FRnbzlw");
	assert_int_equal(webpush_encrypt(&body, &to,
				 kit_text("When I grow up, I want to be a watermelon"), &fixed),
		ERR_OK);
	text = calloc(1, body.len * 2);
	sodium_bin2base64(text, body.len * 2, (unsigned char *)body.data, body.len,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	assert_string_equal(text, VECTOR_BODY);
	free(text);
	buf_free(&body);
}

/* A subscription, with its private half. */
struct subscriber {
	EVP_PKEY *key;
	struct webpush_receiver public;
};

static struct subscriber subscribe(void)
{
	struct subscriber s = {.key = EVP_EC_gen("P-256")};
	size_t len;

	assert_int_equal(EVP_PKEY_get_octet_string_param(s.key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
				 s.public.p256dh, sizeof(s.public.p256dh), &len),
		1);
	assert_int_equal(len, SIGN_POINT_BYTES);
	randombytes_buf(s.public.auth, sizeof(s.public.auth));
	return s;
}

static void hmac(unsigned char out[32], const unsigned char *key, size_t key_len,
	const unsigned char *text, size_t len)
{
	unsigned out_len = 32;

	assert_non_null(HMAC(EVP_sha256(), key, (int)key_len, text, len, out, &out_len));
}

/* ECDH with the point of the sender. */
static void agree(unsigned char out[32], EVP_PKEY *mine, const unsigned char *point)
{
	EVP_PKEY *peer = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
	size_t len = 32;

	assert_int_equal(EVP_PKEY_copy_parameters(peer, mine), 1);
	assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, point, SIGN_POINT_BYTES), 1);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, out, &len), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
}

/* RFC 8291, 3.4, from the receiver's side. */
static void keys_of(unsigned char cek[32], unsigned char nonce[32], const struct subscriber *s,
	const unsigned char *body)
{
	unsigned char secret[32], prk[32], ikm[32], info[14 + 65 + 65 + 1];

	agree(secret, s->key, body + 21);
	hmac(prk, s->public.auth, sizeof(s->public.auth), secret, sizeof(secret));
	memcpy(info, "WebPush: info", 14);
	memcpy(info + 14, s->public.p256dh, 65);
	memcpy(info + 14 + 65, body + 21, 65);
	info[sizeof(info) - 1] = 1;
	hmac(ikm, prk, sizeof(prk), info, sizeof(info));
	hmac(prk, body, 16, ikm, sizeof(ikm));
	hmac(cek, prk, sizeof(prk), (const unsigned char *)"Content-Encoding: aes128gcm\0\1", 29);
	hmac(nonce, prk, sizeof(prk), (const unsigned char *)"Content-Encoding: nonce\0\1", 25);
}

/* Decrypt as a browser would. Gives the length of the plaintext; -1 if it is refused. */
static int receive(unsigned char *out, const struct subscriber *s, const struct buf *b)
{
	static const unsigned char head[] = {0, 0, 16, 0, 65};
	const unsigned char *body = (const unsigned char *)b->data;
	unsigned char cek[32], nonce[32];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int record = (int)b->len - 86 - 16, len = 0, end = 0;
	bool ok;

	assert_true(record >= 1 && b->len - 86 <= 4096);
	assert_memory_equal(body + 16, head, sizeof(head));
	keys_of(cek, nonce, s, body);
	ok = EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, cek, nonce) == 1 &&
	     EVP_DecryptUpdate(ctx, out, &len, body + 86, record) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, 16, b->data + b->len - 16) == 1 &&
	     EVP_DecryptFinal_ex(ctx, out + len, &end) == 1;
	EVP_CIPHER_CTX_free(ctx);
	while (ok && len && out[len - 1] == 0)
		len--;
	return ok && len && out[len - 1] == 2 ? len - 1 : -1;
}

static void test_webpush_encrypt_round_trip(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 255, 1000, WEBPUSH_PLAINTEXT_MAX};
	unsigned char plain[WEBPUSH_PLAINTEXT_MAX + 1], back[5000];
	struct buf body = {0};

	for (size_t i = 0; i < COUNT_OF(sizes) * 10; i++) {
		struct subscriber s = subscribe();
		size_t size = sizes[i % COUNT_OF(sizes)];

		randombytes_buf(plain, size);
		buf_reset(&body);
		assert_int_equal(webpush_encrypt(&body, &s.public,
					 (struct bytes){(char *)plain, size}, NULL),
			ERR_OK);
		assert_int_equal(body.len, size + 103);
		assert_true(body.len <= WEBPUSH_BODY_MAX);
		assert_int_equal(receive(back, &s, &body), size);
		assert_memory_equal(back, plain, size);
		body.data[body.len - 1] ^= 1;
		assert_int_equal(receive(back, &s, &body), -1);
		EVP_PKEY_free(s.key);
	}
	buf_free(&body);
}

/* Each message has its own key and salt: the same text never looks the same. */
static void test_webpush_encrypt_is_fresh(void **state)
{
	(void)state;
	struct subscriber s = subscribe();
	struct buf a = {0}, b = {0};

	assert_int_equal(webpush_encrypt(&a, &s.public, kit_text("same"), NULL), ERR_OK);
	assert_int_equal(webpush_encrypt(&b, &s.public, kit_text("same"), NULL), ERR_OK);
	assert_memory_not_equal(a.data, b.data, 16);
	assert_memory_not_equal(a.data + 21, b.data + 21, 65);
	assert_memory_not_equal(a.data + 86, b.data + 86, 5);
	EVP_PKEY_free(s.key);
	buf_free(&a);
	buf_free(&b);
}

static void test_webpush_encrypt_refuses(void **state)
{
	(void)state;
	static const char plain[WEBPUSH_PLAINTEXT_MAX + 1] = "";
	struct subscriber s = subscribe();
	struct webpush_receiver bad = s.public;
	struct buf body = {0};

	buf_str(&body, "kept");
	assert_int_equal(
		webpush_encrypt(&body, &s.public, (struct bytes){plain, sizeof(plain)}, NULL),
		ERR_TOO_LARGE);
	bad.p256dh[64] ^= 1; /* no longer on the curve */
	assert_int_equal(webpush_encrypt(&body, &bad, kit_text("x"), NULL), ERR_BAD_REQUEST);
	memset(bad.p256dh + 1, 0, 64);
	assert_int_equal(webpush_encrypt(&body, &bad, kit_text("x"), NULL), ERR_BAD_REQUEST);
	memset(bad.p256dh + 1, 0xff, 64); /* beyond the field */
	assert_int_equal(webpush_encrypt(&body, &bad, kit_text("x"), NULL), ERR_BAD_REQUEST);
	memset(bad.p256dh, 0, 65); /* the point at infinity, and 64 bytes more */
	assert_int_equal(webpush_encrypt(&body, &bad, kit_text("x"), NULL), ERR_BAD_REQUEST);
	for (int first = 0; first < 256; first++) {
		bad = s.public;
		bad.p256dh[0] = (unsigned char)first;
		/* 6 and 7 are the hybrid form of the same point, which OpenSSL knows */
		if (first != 4 && first != 6 && first != 7)
			assert_int_equal(
				webpush_encrypt(&body, &bad, kit_text("x"), NULL), ERR_BAD_REQUEST);
	}
	assert_true(bytes_equal((struct bytes){body.data, body.len}, "kept", 4));
	EVP_PKEY_free(s.key);
	buf_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_webpush_encrypt_vector),
		cmocka_unit_test(test_webpush_encrypt_round_trip),
		cmocka_unit_test(test_webpush_encrypt_is_fresh),
		cmocka_unit_test(test_webpush_encrypt_refuses),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
