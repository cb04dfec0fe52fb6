/* jwt_test.c — tokens: the RFCs' vectors, tokens of our own, and forgeries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <sodium.h>

#include "exact.h"
#include "wire/buf.h"
#include "wire/jwt.h"

#define NOW    1732240000500
#define HS256  "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define EDDSA  "{\"alg\":\"EdDSA\"}"
#define TIMES  "\"iat\":1732240000,\"exp\":1732243600"
#define CLAIMS "{\"sub\":\"alice\"," TIMES "}"

static const char why_signature[] = "the token's signature is wrong";
static const char why_parts[] = "the token does not have three parts";

static struct jwt_keys keys; /* both kinds */
static unsigned char ed_secret[crypto_sign_SECRETKEYBYTES];

static int make_keys(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	memset(keys.hs256, 'k', 32);
	keys.hs256_len = 32;
	crypto_sign_keypair(keys.eddsa, ed_secret);
	keys.eddsa_set = true;
	return 0;
}

static void put_base64(struct buf *b, const void *data, size_t len)
{
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t size = sodium_base64_encoded_len(len, variant);

	sodium_bin2base64(buf_reserve(b, size), size, data, len, variant);
	b->len += size - 1;
}

/* header.payload. */
static struct buf unsigned_token(const char *header, const char *payload)
{
	struct buf b = {0};

	put_base64(&b, header, strlen(header));
	buf_u8(&b, '.');
	put_base64(&b, payload, strlen(payload));
	return b;
}

/* A whole token with an HMAC under that key. */
static char *sign_hs256(const char *header, const char *payload, const void *key, size_t key_len)
{
	struct buf b = unsigned_token(header, payload);
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_len);
	crypto_auth_hmacsha256_update(&state, (unsigned char *)b.data, b.len);
	crypto_auth_hmacsha256_final(&state, mac);
	buf_u8(&b, '.');
	put_base64(&b, mac, sizeof(mac));
	buf_u8(&b, '\0');
	return b.data;
}

static char *sign_eddsa(const char *header, const char *payload)
{
	struct buf b = unsigned_token(header, payload);
	unsigned char signature[crypto_sign_BYTES];

	crypto_sign_detached(signature, NULL, (unsigned char *)b.data, b.len, ed_secret);
	buf_u8(&b, '.');
	put_base64(&b, signature, sizeof(signature));
	buf_u8(&b, '\0');
	return b.data;
}

static char *sign(const char *header, const char *payload)
{
	return strstr(header, "EdDSA") ? sign_eddsa(header, payload)
				       : sign_hs256(header, payload, keys.hs256, keys.hs256_len);
}

/* Verify and free the token; *out may be NULL. Returns why, "" if it is good. */
static const char *verify(char *token, const struct jwt_keys *k, struct jwt *out)
{
	const char *why = NULL;
	struct jwt t;
	enum err e = jwt_verify(&t, token, k, NOW, &why);

	assert_non_null(why);
	assert_int_equal(e, *why ? ERR_UNAUTHORIZED : ERR_OK);
	if (out)
		*out = t;
	free(token);
	return why;
}

/* RFC 7515, A.1. It has neither sub nor iat: the signature passes, and the claims are found
 * wanting. */
static void test_jwt_rfc7515_a1(void **state)
{
	(void)state;
	static const char key[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
				  "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	static const char token[] =
		"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
		".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
		"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
		".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	struct jwt_keys k = {0};

	assert_int_equal(sodium_base642bin(k.hs256, sizeof(k.hs256), key, strlen(key), NULL,
				 &k.hs256_len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
		0);
	assert_int_equal(k.hs256_len, 64);
	assert_string_equal(verify(strdup(token), &k, NULL), "the token's sub is no user name");
	k.hs256[0] ^= 1;
	assert_string_equal(verify(strdup(token), &k, NULL), why_signature);
}

/* RFC 8037, A.4, with the key of A.1 (that is test 1 of RFC 8032). Its payload is no JSON. */
static void test_jwt_rfc8037_a4(void **state)
{
	(void)state;
	static const char key[] =
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
	static const char token[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
				    "hgyY0il_MGCjP0JzlnLWG1PPOt7-"
				    "09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
	struct jwt_keys k = {.eddsa_set = true};

	sodium_hex2bin(k.eddsa, sizeof(k.eddsa), key, strlen(key), NULL, NULL, NULL);
	assert_string_equal(
		verify(strdup(token), &k, NULL), "the token does not hold JSON objects");
	k.eddsa[0] ^= 1;
	assert_string_equal(verify(strdup(token), &k, NULL), why_signature);
}

static void test_jwt_claims_come_through(void **state)
{
	(void)state;
	static const char claims[] = "{\"sub\":\"alice\",\"dev\":\"phone\",\"role\":\"admin\","
				     "\"iat\":1732240000.123,\"exp\":1.7322436e9,"
				     "\"nbf\":1732239999.9996,\"aud\":[\"x\"],\"jti\":null}";
	static const char *const headers[] = {HS256, EDDSA};

	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		struct jwt t;

		assert_string_equal(verify(sign(headers[i], claims), &keys, &t), "");
		assert_string_equal(t.sub, "alice");
		assert_string_equal(t.dev, "phone");
		assert_int_equal(t.role, ROLE_ADMIN);
		assert_true(t.role_set);
		assert_int_equal(t.iat_ms, 1732240000123);
		assert_int_equal(t.exp_ms, 1732243600000);
		assert_int_equal(t.nbf_ms, 1732240000000);
		assert_int_equal(t.by_instance, i == 0);
	}
}

static void test_jwt_least_claims(void **state)
{
	(void)state;
	struct jwt t;

	assert_string_equal(verify(sign(HS256, CLAIMS), &keys, &t), "");
	assert_string_equal(t.dev, "");
	assert_false(t.role_set);
	assert_int_equal(t.role, ROLE_USER);
	assert_int_equal(t.nbf_ms, 0);
}

static void test_jwt_claims_refused(void **state)
{
	(void)state;
	static const char no_sub[] = "the token's sub is no user name";
	static const char no_dev[] = "the token's dev is no device name";
	static const char no_role[] = "the token's role is not known";
	static const char no_date[] = "a time in the token is no number of seconds since 1970";
	static const char lacks[] = "the token lacks iat or exp";
	static const char no_json[] = "the token does not hold JSON objects";
	static const struct {
		const char *claims, *why;
	} cases[] = {
		{"{" TIMES "}", no_sub},
		{"{\"sub\":null," TIMES "}", no_sub},
		{"{\"sub\":\"\"," TIMES "}", no_sub},
		{"{\"sub\":1," TIMES "}", no_sub},
		{"{\"sub\":[\"alice\"]," TIMES "}", no_sub},
		{"{\"sub\":\"Alice\"," TIMES "}", no_sub},
		{"{\"sub\":\"a b\"," TIMES "}", no_sub},
		{"{\"sub\":\"a/b\"," TIMES "}", no_sub},
		{"{\"sub\":\"$\"," TIMES "}", no_sub},
		{"{\"sub\":\"$a.b\"," TIMES "}", no_sub},
		{"{\"sub\":\"alice\",\"sub\":\"bob\"," TIMES "}", no_json},
		{"{\"sub\":\"alice\\u0000\"," TIMES "}", no_json},
		{"{\"sub\":\"alice\",\"dev\":\"a.b\"," TIMES "}", no_dev},
		{"{\"sub\":\"alice\",\"dev\":\"\"," TIMES "}", no_dev},
		{"{\"sub\":\"alice\",\"dev\":5," TIMES "}", no_dev},
		{"{\"sub\":\"alice\",\"role\":\"root\"," TIMES "}", no_role},
		{"{\"sub\":\"alice\",\"role\":\"Admin\"," TIMES "}", no_role},
		{"{\"sub\":\"alice\",\"role\":\"\"," TIMES "}", no_role},
		{"{\"sub\":\"alice\",\"role\":1," TIMES "}", no_role},
		{"{\"sub\":\"alice\",\"iat\":1732240000}", lacks},
		{"{\"sub\":\"alice\",\"exp\":1732243600}", lacks},
		{"{\"sub\":\"alice\",\"iat\":null,\"exp\":1732243600}", no_date},
		{"{\"sub\":\"alice\",\"iat\":\"1732240000\",\"exp\":1732243600}", no_date},
		{"{\"sub\":\"alice\",\"iat\":-1,\"exp\":1732243600}", no_date},
		{"{\"sub\":\"alice\",\"iat\":0,\"exp\":1732243600}", no_date},
		{"{\"sub\":\"alice\",\"iat\":1732240000,\"exp\":4e12}", no_date},
		{"{\"sub\":\"alice\",\"iat\":1732240000,\"exp\":1e999}", no_date},
		{"{\"sub\":\"alice\",\"nbf\":true," TIMES "}", no_date},
		{"[]", no_json},
		{"\"alice\"", no_json},
		{"", why_parts},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(
			verify(sign(HS256, cases[i].claims), &keys, NULL), cases[i].why);
}

static void test_jwt_times_at_borders(void **state)
{
	(void)state;
	static const struct {
		const char *times, *why; /* now is 1732240000.500 */
	} cases[] = {
		{"\"iat\":1732240000,\"exp\":1732240000.501", ""},
		{"\"iat\":1732240000,\"exp\":1732240000.5", "the token has expired"},
		{"\"iat\":1732240000,\"exp\":1732240000", "the token has expired"},
		{"\"iat\":1732240060.5,\"exp\":1732243600", ""},
		{"\"iat\":1732240060.501,\"exp\":1732243600", "the token was issued in the future"},
		{"\"iat\":1,\"exp\":3999999999999,\"nbf\":1732240000.5", ""},
		{"\"iat\":1,\"exp\":1732243600,\"nbf\":1732240000.501",
			"the token is not valid yet"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char claims[200];

		snprintf(claims, sizeof(claims), "{\"sub\":\"alice\",%s}", cases[i].times);
		assert_string_equal(verify(sign(HS256, claims), &keys, NULL), cases[i].why);
	}
}

static void test_jwt_headers_refused(void **state)
{
	(void)state;
	static const char no_alg[] = "the token names no algorithm";
	static const char other[] = "the token's algorithm is neither HS256 nor EdDSA";
	static const char no_json[] = "the token does not hold JSON objects";
	static const struct {
		const char *header, *why;
	} cases[] = {
		{"{\"alg\":\"none\"}", other},
		{"{\"alg\":\"NONE\"}", other},
		{"{\"alg\":\"hs256\"}", other},
		{"{\"alg\":\"HS256 \"}", other},
		{"{\"alg\":\"HS384\"}", other},
		{"{\"alg\":\"RS256\"}", other},
		{"{\"alg\":\"ES256\"}", other},
		{"{\"alg\":\"Ed25519\"}", other},
		{"{\"alg\":\"\"}", no_alg},
		{"{\"alg\":null}", no_alg},
		{"{\"alg\":[\"HS256\"]}", no_alg},
		{"{}", no_alg},
		{"{\"typ\":\"JWT\"}", no_alg},
		{"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
			"the token asks for an extension that is not known here"},
		{"{\"alg\":\"HS256\",\"crit\":null}",
			"the token asks for an extension that is not known here"},
		{"{\"alg\":\"none\",\"alg\":\"HS256\"}", no_json},
		{"{\"alg\":\"HS256\"} x", no_json},
		{"HS256", no_json},
		{"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\",\"jwk\":{}}", ""},
		{"{\"alg\":\"HS2\\u00356\"}", ""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(
			verify(sign(cases[i].header, CLAIMS), &keys, NULL), cases[i].why);
}

/* A token is only ever checked with the key of its algorithm, and only if there is one. */
static void test_jwt_algorithm_confusion(void **state)
{
	(void)state;
	struct jwt_keys none = {0}, hs = keys, ed = keys;

	hs.eddsa_set = false;
	ed.hs256_len = 0;
	assert_string_equal(
		verify(sign(HS256, CLAIMS), &none, NULL), "HS256 tokens are not accepted here");
	assert_string_equal(
		verify(sign(EDDSA, CLAIMS), &none, NULL), "EdDSA tokens are not accepted here");
	assert_string_equal(verify(sign(HS256, CLAIMS), &hs, NULL), "");
	assert_string_equal(verify(sign(EDDSA, CLAIMS), &ed, NULL), "");
	assert_string_equal(
		verify(sign(HS256, CLAIMS), &ed, NULL), "HS256 tokens are not accepted here");
	assert_string_equal(
		verify(sign(EDDSA, CLAIMS), &hs, NULL), "EdDSA tokens are not accepted here");
	/* the public key as an HMAC key */
	assert_string_equal(verify(sign_hs256(HS256, CLAIMS, keys.eddsa, 32), &ed, NULL),
		"HS256 tokens are not accepted here");
	assert_string_equal(
		verify(sign_hs256(HS256, CLAIMS, keys.eddsa, 32), &keys, NULL), why_signature);
	assert_string_equal(
		verify(sign_hs256(EDDSA, CLAIMS, keys.hs256, 32), &keys, NULL), why_signature);
	/* an empty key, where one was forgotten */
	assert_string_equal(verify(sign_hs256(HS256, CLAIMS, "", 0), &ed, NULL),
		"HS256 tokens are not accepted here");
}

static void test_jwt_system_names_need_the_instance(void **state)
{
	(void)state;
	static const char claims[] = "{\"sub\":\"$gnatterd\",\"role\":\"service\"," TIMES "}";
	struct jwt t;

	assert_string_equal(verify(sign(HS256, claims), &keys, &t), "");
	assert_string_equal(t.sub, "$gnatterd");
	assert_int_equal(t.role, ROLE_SERVICE);
	assert_true(t.by_instance);
	assert_string_equal(verify(sign(EDDSA, claims), &keys, NULL),
		"only the instance itself signs tokens for system names");
}

/* Change each character, cut at each place, add one: never a good token, never the same one. */
static void test_jwt_every_change_is_seen(void **state)
{
	(void)state;
	static const char *const headers[] = {HS256, EDDSA};

	for (size_t h = 0; h < COUNT_OF(headers); h++) {
		char *token = sign(headers[h], CLAIMS);
		size_t len = strlen(token);

		for (size_t at = 0; at < len; at++) {
			for (const char *c = "Aw-_.=+/ \x80"; *c; c++) {
				char *copy = exact_copy(token, len + 1);

				copy[at] = *c;
				if (strcmp(copy, token) == 0)
					free(copy);
				else
					assert_string_not_equal(verify(copy, &keys, NULL), "");
			}
			assert_string_not_equal(verify(strndup(token, at), &keys, NULL), "");
		}
		for (const char *c = "A.= \n"; *c; c++) {
			char *copy = exact_copy(token, len + 2);

			copy[len] = *c;
			copy[len + 1] = '\0';
			assert_string_not_equal(verify(copy, &keys, NULL), "");
		}
		free(token);
	}
}

/* The last character of a 32-byte signature carries two unused bits: only zeros are taken. */
static void test_jwt_base64_is_canonical(void **state)
{
	(void)state;
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *token = sign(HS256, CLAIMS);
	size_t last = strlen(token) - 1;
	long value = strchr(alphabet, token[last]) - alphabet;

	assert_int_equal(value % 4, 0);
	for (long bits = 1; bits < 4; bits++) {
		token[last] = alphabet[value + bits];
		assert_string_equal(verify(strdup(token), &keys, NULL), why_signature);
	}
	token[last] = alphabet[value];
	assert_string_equal(verify(token, &keys, NULL), "");
}

static void test_jwt_length_at_border(void **state)
{
	(void)state;
	for (size_t pad = 2920; pad < 2960; pad++) {
		char claims[4000];
		char *token;
		size_t len;

		snprintf(claims, sizeof(claims), "{\"sub\":\"alice\",\"x\":\"%0*d\"," TIMES "}",
			(int)pad, 0);
		token = sign(HS256, claims);
		len = strlen(token);
		assert_string_equal(
			verify(token, &keys, NULL), len <= JWT_MAX ? "" : "the token is too long");
	}
}

static void test_jwt_looks_like(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		bool want;
	} cases[] = {
		{"eyJhbGciOiJIUzI1NiJ9.eyJ4IjoxfQ.c2ln", true},
		{"eyJhbGciOiJub25lIn0.eyJ4IjoxfQ.", true},
		{"ewogImFsZyI6IkhTMjU2IiB9.e30.c2ln", true}, /* {, newline */
		{"", false},
		{"e", false},
		{"demo", false},
		{"my.pass.word", false},
		{"every.pass.word", false},
		{"eyes.wide", false},
		{"eyJh.eyJ4.c2ln.x", false},
		{"eyJh..c2ln", false},
		{"eyJh.eyJ4.c2ln=", false},
		{"eyJh.eyJ4.c2 n", false},
		{"eyJh.ey+4.c2ln", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(jwt_looks_like(cases[i].s), cases[i].want);
}

static void test_jwt_mint_round_trip(void **state)
{
	(void)state;
	static const struct jwt cases[] = {
		{.sub = "alice", .iat_ms = NOW, .exp_ms = NOW + 1},
		{.sub = "alice", .iat_ms = NOW - 500, .exp_ms = NOW + 500, .dev = "Phone_1-x"},
		{.sub = "a",
			.iat_ms = 1,
			.exp_ms = 3999999999999999,
			.role = ROLE_ADMIN,
			.role_set = true},
		{.sub = "$gnatterd",
			.iat_ms = NOW + 60000,
			.exp_ms = NOW + 60000,
			.role = ROLE_SERVICE,
			.role_set = true,
			.nbf_ms = NOW},
		{.sub = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			.iat_ms = NOW,
			.exp_ms = NOW + 999,
			.dev = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
			.nbf_ms = 1},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct jwt *want = &cases[i];
		char token[JWT_MAX];
		struct jwt t;

		assert_int_equal(jwt_mint(token, sizeof(token), want, &keys), ERR_OK);
		assert_true(jwt_looks_like(token));
		assert_string_equal(verify(strdup(token), &keys, &t), "");
		assert_string_equal(t.sub, want->sub);
		assert_string_equal(t.dev, want->dev);
		assert_int_equal(t.role, want->role);
		assert_int_equal(t.role_set, want->role_set);
		assert_int_equal(t.iat_ms, want->iat_ms);
		assert_int_equal(t.exp_ms, want->exp_ms);
		assert_int_equal(t.nbf_ms, want->nbf_ms);
		assert_true(t.by_instance);
	}
}

static void test_jwt_mint_writes_milliseconds(void **state)
{
	(void)state;
	const struct jwt claims = {
		.sub = "alice", .iat_ms = 1732240000007, .exp_ms = 1732243600000};
	static const char want[] = "{\"sub\":\"alice\",\"iat\":1732240000.007,\"exp\":1732243600}";
	char token[JWT_MAX], payload[200];
	char *start, *end;
	size_t len;

	assert_int_equal(jwt_mint(token, sizeof(token), &claims, &keys), ERR_OK);
	start = strchr(token, '.') + 1;
	end = strchr(start, '.');
	assert_int_equal(sodium_base642bin((unsigned char *)payload, sizeof(payload), start,
				 (size_t)(end - start), NULL, &len, NULL,
				 sodium_base64_VARIANT_URLSAFE_NO_PADDING),
		0);
	assert_true(bytes_equal((struct bytes){payload, len}, want, strlen(want)));
}

static void test_jwt_mint_every_size(void **state)
{
	(void)state;
	const struct jwt claims = {.sub = "alice", .iat_ms = NOW, .exp_ms = NOW + 1000};
	char token[JWT_MAX];
	size_t need;

	assert_int_equal(jwt_mint(token, sizeof(token), &claims, &keys), ERR_OK);
	need = strlen(token) + 1;
	for (size_t size = 0; size <= need; size++) {
		char *out = exact_copy(token, size);

		assert_int_equal(
			jwt_mint(out, size, &claims, &keys), size < need ? ERR_TOO_LARGE : ERR_OK);
		if (size)
			assert_string_equal(out, size < need ? "" : token);
		free(out);
	}
}

static void test_jwt_mint_refuses(void **state)
{
	(void)state;
	static const struct jwt bad[] = {
		{.sub = "", .iat_ms = 1, .exp_ms = 2},
		{.sub = "a\"b", .iat_ms = 1, .exp_ms = 2},
		{.sub = "Alice", .iat_ms = 1, .exp_ms = 2},
		{.sub = "alice", .dev = "a.b", .iat_ms = 1, .exp_ms = 2},
		{.sub = "alice", .iat_ms = 0, .exp_ms = 2},
		{.sub = "alice", .iat_ms = 1, .exp_ms = 0},
		{.sub = "alice", .iat_ms = 1, .exp_ms = 4000000000000000},
		{.sub = "alice", .iat_ms = 1, .exp_ms = 2, .nbf_ms = -1},
		{.sub = "alice", .iat_ms = 1, .exp_ms = 2, .role = ROLE_COUNT, .role_set = true},
	};
	struct jwt_keys none = {0};
	struct jwt good = {.sub = "alice", .iat_ms = 1, .exp_ms = 2};
	char token[JWT_MAX];

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(jwt_mint(token, sizeof(token), &bad[i], &keys), ERR_BAD_REQUEST);
	memset(good.sub, 'a', sizeof(good.sub)); /* no NUL */
	assert_int_equal(jwt_mint(token, sizeof(token), &good, &keys), ERR_BAD_REQUEST);
	good.sub[1] = '\0';
	assert_int_equal(jwt_mint(token, sizeof(token), &good, &none), ERR_BAD_REQUEST);
	assert_int_equal(jwt_mint(token, sizeof(token), &good, &keys), ERR_OK);
}

static int allocs_left = -1;

static void *failing_malloc(size_t size)
{
	return allocs_left >= 0 && allocs_left-- == 0 ? NULL : malloc(size);
}

/* Fail the 1st, 2nd, ... allocation of the parser until none fails: refused each time, no leak. */
static void test_jwt_verify_every_alloc_may_fail(void **state)
{
	(void)state;
	cJSON_Hooks hooks = {failing_malloc, free};
	const char *why = "not yet";
	int n;

	cJSON_InitHooks(&hooks);
	for (n = 0; *why; n++) {
		allocs_left = n;
		why = verify(sign(HS256, CLAIMS), &keys, NULL);
	}
	allocs_left = -1;
	cJSON_InitHooks(NULL);
	assert_true(n > 8);
}

static void test_role_names(void **state)
{
	(void)state;
	for (int r = 0; r < ROLE_COUNT; r++) {
		const char *name = role_name((enum role)r);

		assert_int_equal(role_of(name, strlen(name)), r);
		assert_int_equal(role_of(name, strlen(name) - 1), ROLE_COUNT);
	}
	assert_int_equal(role_of("", 0), ROLE_COUNT);
	assert_int_equal(role_of("users", 5), ROLE_COUNT);
	assert_string_equal(role_name(ROLE_COUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwt_rfc7515_a1),
		cmocka_unit_test(test_jwt_rfc8037_a4),
		cmocka_unit_test(test_jwt_claims_come_through),
		cmocka_unit_test(test_jwt_least_claims),
		cmocka_unit_test(test_jwt_claims_refused),
		cmocka_unit_test(test_jwt_times_at_borders),
		cmocka_unit_test(test_jwt_headers_refused),
		cmocka_unit_test(test_jwt_algorithm_confusion),
		cmocka_unit_test(test_jwt_system_names_need_the_instance),
		cmocka_unit_test(test_jwt_every_change_is_seen),
		cmocka_unit_test(test_jwt_base64_is_canonical),
		cmocka_unit_test(test_jwt_length_at_border),
		cmocka_unit_test(test_jwt_looks_like),
		cmocka_unit_test(test_jwt_mint_round_trip),
		cmocka_unit_test(test_jwt_mint_writes_milliseconds),
		cmocka_unit_test(test_jwt_mint_every_size),
		cmocka_unit_test(test_jwt_mint_refuses),
		cmocka_unit_test(test_jwt_verify_every_alloc_may_fail),
		cmocka_unit_test(test_role_names),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
