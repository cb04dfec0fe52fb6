/* jwt_keys_test.c — key files: lengths at their borders, spellings, permissions, what is no key. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "exact.h"
#include "wire/jwt.h"

/* RFC 8410, 10.1 */
#define ED_BASE64 "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
#define ED_HEX    "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
#define PEM(body) "-----BEGIN PUBLIC KEY-----\n" body "\n-----END PUBLIC KEY-----\n"

static char path[64];

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/gnatter-key-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || sodium_init() < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void write_file(const char *text, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static enum err load(
	enum err (*how)(struct jwt_keys *, const char *, const char **), struct jwt_keys *keys)
{
	const char *why = NULL;
	enum err e = how(keys, path, &why);

	assert_non_null(why);
	assert_int_equal(e == ERR_OK, *why == '\0');
	return e;
}

/* Base64 of len bytes 'k', in one line. */
static void write_hs256(size_t len, int variant, const char *after)
{
	unsigned char key[2000];
	char text[3000];

	memset(key, 'k', sizeof(key));
	sodium_bin2base64(text, sizeof(text), key, len, variant);
	strcat(text, after);
	write_file(text, strlen(text), 0600);
}

static void test_jwt_load_hs256_lengths(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		bool ok;
		size_t kept;
	} cases[] = {{0, false, 0}, {31, false, 0}, {32, true, 32}, {33, true, 33}, {63, true, 63},
		{64, true, 64}, {65, true, 32}, {1024, true, 32}, {1025, false, 0}};
	static const int variants[] = {
		sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING};
	static const char *const after[] = {"", "\n", "\r\n", " \n\n"};

	for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(variants) * COUNT_OF(after); i++) {
		size_t c = i % COUNT_OF(cases), v = i / COUNT_OF(cases) % COUNT_OF(variants);
		struct jwt_keys keys = {.hs256_len = 5};

		write_hs256(
			cases[c].len, variants[v], after[i / COUNT_OF(cases) / COUNT_OF(variants)]);
		assert_int_equal(
			load(jwt_load_hs256, &keys), cases[c].ok ? ERR_OK : ERR_BAD_REQUEST);
		assert_int_equal(keys.hs256_len, cases[c].kept);
	}
}

/* A key longer than HMAC's block signs as the whole key does. */
static void test_jwt_load_hs256_long_key_signs_the_same(void **state)
{
	(void)state;
	unsigned char key[100], want[32], got[32];
	crypto_auth_hmacsha256_state s;
	struct jwt_keys keys = {0};

	memset(key, 'k', sizeof(key));
	write_hs256(sizeof(key), sodium_base64_VARIANT_ORIGINAL, "\n");
	assert_int_equal(load(jwt_load_hs256, &keys), ERR_OK);
	crypto_auth_hmacsha256_init(&s, key, sizeof(key));
	crypto_auth_hmacsha256_final(&s, want);
	crypto_auth_hmacsha256_init(&s, keys.hs256, keys.hs256_len);
	crypto_auth_hmacsha256_final(&s, got);
	assert_memory_equal(got, want, sizeof(want));
}

/* As `openssl rand -base64 96` writes it. */
static void test_jwt_load_hs256_of_several_lines(void **state)
{
	(void)state;
	static const char text[] =
		"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr\n"
		"a2tra2tra2tra2tra2tra2tr\n";
	struct jwt_keys keys;

	write_file(text, strlen(text), 0600);
	assert_int_equal(load(jwt_load_hs256, &keys), ERR_OK);
	assert_int_equal(keys.hs256_len, 32);
}

static void test_jwt_load_hs256_refuses(void **state)
{
	(void)state;
	static const char good[] = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{"", 0},
		{"\n", 1},
		{"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s==", 45},
		{"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2t=", 44}, /* unused bits set */
		{"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=x", 45},
		{"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2_-", 44}, /* base64url */
		{"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\0", 45},
		{"\0a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", 45},
		{"# a key\na2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", 52},
	};
	struct jwt_keys keys;

	write_file(good, strlen(good), 0600);
	assert_int_equal(load(jwt_load_hs256, &keys), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		write_file(cases[i].text, cases[i].len, 0600);
		assert_int_equal(load(jwt_load_hs256, &keys), ERR_BAD_REQUEST);
		assert_int_equal(keys.hs256_len, 0);
	}
}

static void test_jwt_load_permissions(void **state)
{
	(void)state;
	static const char hs256[] = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";
	struct jwt_keys keys;

	for (mode_t others = 0; others < 8; others++) {
		write_file(hs256, strlen(hs256), 0640 | others);
		assert_int_equal(
			load(jwt_load_hs256, &keys), others == 0 ? ERR_OK : ERR_BAD_REQUEST);
		write_file(ED_BASE64, strlen(ED_BASE64), 0640 | others);
		assert_int_equal(
			load(jwt_load_eddsa, &keys), others & S_IWOTH ? ERR_BAD_REQUEST : ERR_OK);
	}
}

static void test_jwt_load_not_a_file(void **state)
{
	(void)state;
	struct jwt_keys keys;
	const char *why;

	assert_int_equal(jwt_load_hs256(&keys, "/tmp", &why), ERR_BAD_REQUEST);
	assert_int_equal(jwt_load_hs256(&keys, "/dev/zero", &why), ERR_BAD_REQUEST);
	assert_int_equal(jwt_load_hs256(&keys, "", &why), ERR_IO);
	unlink(path);
	assert_int_equal(load(jwt_load_hs256, &keys), ERR_IO);
	assert_int_equal(load(jwt_load_eddsa, &keys), ERR_IO);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(jwt_load_hs256, &keys), ERR_BAD_REQUEST);
}

static void test_jwt_load_eddsa(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{PEM(ED_BASE64), true},
		{"Public key of the backend\n" PEM(ED_BASE64), true},
		{ED_BASE64 "\n", true}, /* the PEM's inside */
		{"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n", true},
		{"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE", true},
		{PEM("Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="), false},
		{"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZg==", false}, /* 31 bytes */
		{"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuEB", false}, /* 33 bytes */
		{PEM("MCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="),
			false}, /* X25519 */
		{"-----BEGIN PUBLIC KEY-----\n" ED_BASE64, false},
		{"-----BEGIN PRIVATE KEY-----\n" ED_BASE64 "\n-----END PRIVATE KEY-----\n", false},
		{PEM(""), false},
		{PEM("!"), false},
		{"", false},
	};
	unsigned char want[32];

	sodium_hex2bin(want, sizeof(want), ED_HEX, 64, NULL, NULL, NULL);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct jwt_keys keys = {.eddsa_set = true};

		write_file(cases[i].text, strlen(cases[i].text), 0644);
		assert_int_equal(
			load(jwt_load_eddsa, &keys), cases[i].ok ? ERR_OK : ERR_BAD_REQUEST);
		assert_int_equal(keys.eddsa_set, cases[i].ok);
		if (cases[i].ok)
			assert_memory_equal(keys.eddsa, want, sizeof(want));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_path, remove_path)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_jwt_load_hs256_lengths),
		TEST(test_jwt_load_hs256_long_key_signs_the_same),
		TEST(test_jwt_load_hs256_of_several_lines),
		TEST(test_jwt_load_hs256_refuses),
		TEST(test_jwt_load_permissions),
		TEST(test_jwt_load_not_a_file),
		TEST(test_jwt_load_eddsa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
