/* sign_test.c — signatures that OpenSSL checks, HMACs of RFC 4231, and keys that are refused. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/push/sign.h"
#include "kit.h"

static const char header[] = "{\"alg\":\"x\"}";

static struct sign_key *read_key(enum sign_algorithm algorithm, const char *pem)
{
	const char *why = "?";
	struct sign_key *k;

	if (sign_key_read(&k, algorithm, pem, strlen(pem), &why) != ERR_OK)
		fail_msg("%s", why);
	assert_string_equal(why, "");
	return k;
}

static void refuses(enum sign_algorithm algorithm, const char *pem, size_t len, const char *words)
{
	const char *why = "";
	struct sign_key *k;

	assert_int_equal(sign_key_read(&k, algorithm, pem, len, &why), ERR_BAD_REQUEST);
	assert_null(k);
	if (!strstr(why, words))
		fail_msg("\"%s\" has no \"%s\"", why, words);
}

static void check_jwt(enum sign_algorithm algorithm, const char *pem)
{
	struct sign_key *k = read_key(algorithm, pem);
	struct buf b = {0};
	cJSON *claims;

	buf_str(&b, "before ");
	assert_int_equal(
		sign_jwt(&b, k, kit_text(header), kit_text("{\"iss\":\"me\",\"n\":[1,2]}")),
		ERR_OK);
	assert_memory_equal(b.data, "before eyJhbGciOiJ4In0.", 23);
	claims = kit_jwt(b.data + 7, b.len - 7, pem);
	assert_string_equal(kit_string(claims, "iss"), "me");
	cJSON_Delete(claims);
	buf_free(&b);
	sign_key_destroy(k);
}

static void test_sign_jwt(void **state)
{
	(void)state;
	check_jwt(SIGN_RS256, kit_rsa_pem());
	/* short numbers in one of 128 signatures: the padding is met, too */
	for (int i = 0; i < 1000; i++)
		check_jwt(SIGN_ES256, kit_p256_pem());
}

/* What `openssl ecparam -genkey` and older programs write. */
static void test_sign_key_read_sec1(void **state)
{
	(void)state;
	const char *pem = kit_p256_pem();
	BIO *in = BIO_new_mem_buf(pem, -1), *out = BIO_new(BIO_s_mem());
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	char text[2048] = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
			  "-----END EC PARAMETERS-----\n";
	size_t before = strlen(text);
	int len;

	assert_true(PEM_write_bio_PrivateKey_traditional(out, key, NULL, NULL, 0, NULL, NULL));
	len = BIO_read(out, text + before, (int)(sizeof(text) - before - 1));
	assert_true(len > 0);
	assert_non_null(strstr(text, "BEGIN EC PRIVATE KEY"));
	check_jwt(SIGN_ES256, text + before);
	check_jwt(SIGN_ES256, text);
	EVP_PKEY_free(key);
	BIO_free(in);
	BIO_free(out);
}

static void test_sign_key_point(void **state)
{
	(void)state;
	struct sign_key *k = read_key(SIGN_ES256, kit_p256_pem());
	unsigned char point[SIGN_POINT_BYTES] = {0};

	sign_key_point(k, point);
	assert_int_equal(point[0], 4);
	assert_false(sodium_is_zero(point + 1, sizeof(point) - 1));
	sign_key_destroy(k);
	sign_key_destroy(NULL);
}

static void to_pem(char out[8192], EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	assert_non_null(key);
	assert_true(PEM_write_bio_PrivateKey(
		bio, key, cipher, (const unsigned char *)"secret", cipher ? 6 : 0, NULL, NULL));
	len = BIO_read(bio, out, 8191);
	assert_true(len > 0);
	out[len] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void test_sign_key_read_refuses(void **state)
{
	(void)state;
	static const char public_key[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
		"-----END PUBLIC KEY-----\n";
	char pem[8192], *big = calloc(1, 20000);

	refuses(SIGN_ES256, kit_rsa_pem(), strlen(kit_rsa_pem()), "P-256");
	refuses(SIGN_RS256, kit_p256_pem(), strlen(kit_p256_pem()), "RSA");
	refuses(SIGN_ES256, public_key, strlen(public_key), "no private key");
	refuses(SIGN_ES256, "", 0, "no private key");
	refuses(SIGN_RS256, "{}", 2, "no private key");
	to_pem(pem, EVP_EC_gen("P-384"), NULL);
	refuses(SIGN_ES256, pem, strlen(pem), "P-256");
	to_pem(pem, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	refuses(SIGN_ES256, pem, strlen(pem), "P-256");
	to_pem(pem, EVP_RSA_gen(1024), NULL);
	refuses(SIGN_RS256, pem, strlen(pem), "2048");
	to_pem(pem, EVP_EC_gen("P-256"), EVP_aes_128_cbc()); /* must not ask at the terminal */
	refuses(SIGN_ES256, pem, strlen(pem), "encrypted");
	refuses(SIGN_ES256, big, 20000, "too long");
	free(big);
}

/* Cut anywhere, with every byte changed: a key or a refusal, nothing else. */
static void test_sign_key_read_damaged(void **state)
{
	(void)state;
	const char *pem = kit_p256_pem();
	const size_t len = strlen(pem);

	for (size_t i = 0; i < len; i++) {
		char *copy = malloc(len);
		const char *why;
		struct sign_key *k;

		assert_non_null(copy);
		memcpy(copy, pem, len);
		copy[i] ^= 4;
		if (sign_key_read(&k, SIGN_ES256, copy, len, &why) == ERR_OK)
			sign_key_destroy(k);
		if (i < len - 2) /* without its last line end it is whole */
			refuses(SIGN_ES256, pem, i, "no private key");
		free(copy);
	}
}

static void test_sign_key_load(void **state)
{
	(void)state;
	static const struct {
		unsigned mode;
		enum err want;
	} cases[] = {
		{0600, ERR_OK},
		{0400, ERR_OK},
		{0640, ERR_OK}, /* a group that shares it is the operator's affair */
		{0644, ERR_BAD_REQUEST},
		{0604, ERR_BAD_REQUEST},
		{0602, ERR_BAD_REQUEST},
		{0601, ERR_BAD_REQUEST},
	};
	const char *why, *path;
	struct sign_key *k;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		path = kit_write("mode.pem", kit_p256_pem(), cases[i].mode);
		assert_int_equal(sign_key_load(&k, SIGN_ES256, path, &why), cases[i].want);
		assert_int_equal(k != NULL, cases[i].want == ERR_OK);
		if (cases[i].want != ERR_OK)
			assert_non_null(strstr(why, "chmod o-rwx"));
		sign_key_destroy(k);
		unlink(path);
	}
	assert_int_equal(sign_key_load(&k, SIGN_ES256, path, &why), ERR_IO);
	assert_int_equal(sign_key_load(&k, SIGN_ES256, "/tmp", &why), ERR_BAD_REQUEST);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(sign_key_load(&k, SIGN_ES256, path, &why), ERR_BAD_REQUEST);
	unlink(path);
}

/* RFC 4231: test cases 1, 2 and 6, whose key is longer than a block. */
static void test_sign_hmac(void **state)
{
	(void)state;
	static const char long_text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	char key[131], hex[65];
	unsigned char mac[SIGN_MAC_BYTES];

	memset(key, 0x0b, 20);
	sign_hmac(mac, (struct bytes){key, 20}, kit_text("Hi There"));
	assert_string_equal(sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac)),
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	sign_hmac(mac, kit_text("Jefe"), kit_text("what do ya want for nothing?"));
	assert_string_equal(sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac)),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	sign_hmac(mac, (struct bytes){key, sizeof(key)}, kit_text(long_text));
	assert_string_equal(sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac)),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_sign_put_base64url(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"", ""},
		{"f", "Zg"},
		{"fo", "Zm8"},
		{"foo", "Zm9v"},
		{"\xfb\xff\xfe", "-__-"},
	};
	struct buf b = {0};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		buf_reset(&b);
		sign_put_base64url(&b, cases[i].in, strlen(cases[i].in));
		assert_true(bytes_equal(
			(struct bytes){b.data, b.len}, cases[i].want, strlen(cases[i].want)));
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_jwt),
		cmocka_unit_test(test_sign_key_read_sec1),
		cmocka_unit_test(test_sign_key_point),
		cmocka_unit_test(test_sign_key_read_refuses),
		cmocka_unit_test(test_sign_key_read_damaged),
		cmocka_unit_test(test_sign_key_load),
		cmocka_unit_test(test_sign_hmac),
		cmocka_unit_test(test_sign_put_base64url),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
