/* signin_token_test.c — tokens of every right and wrong kind: times, subjects, devices, algorithms,
 * bytes. One instance for all.
 */
#include <sodium.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/token.h"

static struct instance *in;
static unsigned char public_key[32], secret_key[64]; /* of the operator's backend */
static const char *public_text;

static const char hs[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
static const char ed[] = "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}";

static void setup(void **state)
{
	char *path;

	(void)state;
	in = instance_create(NULL);
	/* cheap passwords: the broker has a budget of time for checking them, and here are many */
	instance_set(in, "password_memory", "1M");
	instance_import(in, instance_people);
	crypto_sign_keypair(public_key, secret_key);
	public_text = token_base64(public_key, sizeof(public_key));
	path = instance_path(in, "keys/backend.pub");
	spill(path, case_printf("%s\n", public_text), strlen(public_text) + 1);
	instance_set(in, "token_public_key_file", "keys/backend.pub");
	instance_set(in, "password_failures_per_user", "1000");
	instance_set(in, "password_failures_per_address", "1000");
	instance_start(in);
}

static bool gets_in(const char *user, const char *device, const char *password, int version)
{
	struct client_opts o = {
		.user = user, .device = device, .password = password, .version = version};
	int reason;
	struct client *c = client_try(in, &o, &reason);

	if (c) {
		client_barrier(c); /* and is served */
		client_close(c);
		return true;
	}
	if (version == 5 ? reason != 0x86 && reason != 0x87 : reason != 4 && reason != 5)
		case_fail("refused with %d instead of a reason for the credentials", reason);
	return false;
}

static void expect_in(const char *what, const char *user, const char *device, const char *password)
{
	for (int version = 4; version <= 5; version++) {
		if (!gets_in(user, device, password, version))
			case_fail("%s: should get in over MQTT %d", what, version);
	}
}

static void expect_out(const char *what, const char *user, const char *device, const char *password)
{
	for (int version = 4; version <= 5; version++) {
		if (gets_in(user, device, password, version))
			case_fail("%s: should be refused over MQTT %d", what, version);
	}
}

static const char *good(const struct token *t)
{
	return token_mint(&in->keys, t);
}

static const char *claims(const struct token *t)
{
	return token_claims(t);
}

static const char *hs256(const char *header, const char *c)
{
	return token_hs256(header, c, in->keys.hs256, in->keys.hs256_len);
}

static void test_tokens_accepted(void **state)
{
	(void)state;
	expect_in("a token", "alice", "phone", good(&(struct token){.sub = "alice"}));
	expect_in("for this device", "alice", "phone",
		good(&(struct token){.sub = "alice", .dev = "phone"}));
	expect_in("valid since a while", "alice", "phone",
		good(&(struct token){.sub = "alice", .nbf_in = -5}));
	expect_in("of a clock half a minute ahead", "alice", "phone",
		good(&(struct token){.sub = "alice", .iat_in = 30}));
	expect_in("signed by the backend", "alice", "phone",
		token_ed25519(ed, claims(&(struct token){.sub = "alice"}), secret_key));
	expect_in("signed by the backend, for this device", "alice", "phone",
		token_ed25519(
			ed, claims(&(struct token){.sub = "alice", .dev = "phone"}), secret_key));
	expect_in("without typ", "alice", "phone",
		hs256("{\"alg\":\"HS256\"}", claims(&(struct token){.sub = "alice"})));
}

static void test_token_times(void **state)
{
	(void)state;
	expect_out("expired", "alice", "phone",
		good(&(struct token){.sub = "alice", .iat_in = -100, .exp_in = -1}));
	expect_out("expired, by the backend", "alice", "phone",
		token_ed25519(ed,
			claims(&(struct token){.sub = "alice", .iat_in = -100, .exp_in = -1}),
			secret_key));
	expect_out("not yet valid", "alice", "phone",
		good(&(struct token){.sub = "alice", .nbf_in = 100}));
	expect_out("issued in the future", "alice", "phone",
		good(&(struct token){.sub = "alice", .iat_in = 300}));
	expect_out("without exp", "alice", "phone",
		hs256(hs, case_printf("{\"sub\":\"alice\",\"iat\":%lld}",
				  (long long)case_wall_ms() / 1000)));
	expect_out("without iat", "alice", "phone",
		hs256(hs, case_printf("{\"sub\":\"alice\",\"exp\":%lld}",
				  (long long)case_wall_ms() / 1000 + 100)));
	expect_out("exp as text", "alice", "phone",
		hs256(hs, "{\"sub\":\"alice\",\"iat\":1,\"exp\":\"9999999999\"}"));
	expect_out("exp beyond numbers", "alice", "phone",
		hs256(hs, "{\"sub\":\"alice\",\"iat\":1e999,\"exp\":1e999}"));
}

static void test_token_subjects(void **state)
{
	static const char *const wrong[] = {"{\"iat\":1,\"exp\":9999999999}",
		"{\"sub\":7,\"iat\":1,\"exp\":9999999999}",
		"{\"sub\":\"\",\"iat\":1,\"exp\":9999999999}",
		"{\"sub\":null,\"iat\":1,\"exp\":9999999999}",
		"{\"sub\":\"alice\\u0000\",\"iat\":1,\"exp\":9999999999}",
		"{\"sub\":\"bob\",\"sub\":\"alice\",\"iat\":1,\"exp\":9999999999}", "[]",
		"\"alice\"", "{", ""};

	(void)state;
	expect_out("of another user", "alice", "phone", good(&(struct token){.sub = "bob"}));
	expect_out("of another case", "alice", "phone", good(&(struct token){.sub = "Alice"}));
	expect_out("for another device", "alice", "phone",
		good(&(struct token){.sub = "alice", .dev = "tablet"}));
	expect_out("of nobody", "nobody", "phone", good(&(struct token){.sub = "nobody"}));
	expect_out("of an unknown role", "alice", "phone",
		good(&(struct token){.sub = "alice", .role = "god"}));
	for (size_t k = 0; k < COUNT(wrong); k++)
		expect_out(wrong[k], "alice", "phone", hs256(hs, wrong[k]));
}

static void test_token_algorithms(void **state)
{
	static const char *const none[] = {"{\"alg\":\"none\"}", "{\"alg\":\"None\"}",
		"{\"alg\":\"NONE\"}", "{\"alg\":\"\"}", "{\"alg\":null}", "{}",
		"{\"typ\":\"JWT\"}"};
	static const char *const headers[] = {"{\"alg\":\"HS384\"}", "{\"alg\":\"HS512\"}",
		"{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}", "{\"alg\":\"hs256\"}",
		"{\"alg\":[\"HS256\"]}", "{\"alg\":\"none\",\"alg\":\"HS256\"}", "not json", "[]"};
	const char *c = claims(&(struct token){.sub = "alice"});
	unsigned char other[32], other_public[32], other_secret[64];

	(void)state;
	randombytes_buf(other, sizeof(other));
	crypto_sign_keypair(other_public, other_secret);
	for (size_t k = 0; k < COUNT(none); k++) {
		expect_out(none[k], "alice", "phone", token_unsigned(none[k], c));
		expect_out(none[k], "alice", "phone", hs256(none[k], c));
	}
	for (size_t k = 0; k < COUNT(headers); k++)
		expect_out(headers[k], "alice", "phone", hs256(headers[k], c));
	expect_out("of another key", "alice", "phone", token_hs256(hs, c, other, sizeof(other)));
	expect_out("of an empty key", "alice", "phone", token_hs256(hs, c, "", 0));
	expect_out("HS256 with the public key", "alice", "phone",
		token_hs256(hs, c, public_key, sizeof(public_key)));
	expect_out("HS256 with the public key's text", "alice", "phone",
		token_hs256(hs, c, public_text, strlen(public_text)));
	expect_out("HS256 with the public key's file", "alice", "phone",
		token_hs256(hs, c, case_printf("%s\n", public_text), strlen(public_text) + 1));
	expect_out(
		"EdDSA of another backend", "alice", "phone", token_ed25519(ed, c, other_secret));
	expect_out("EdDSA with a symmetric signature", "alice", "phone", hs256(ed, c));
	expect_out("HS256 with an asymmetric signature", "alice", "phone",
		token_ed25519(hs, c, secret_key));
}

/* Any single changed character of a good token makes a bad one. */
static void test_token_tampered(void **state)
{
	const char *t = good(&(struct token){.sub = "alice"});
	size_t len = strlen(t);

	(void)state;
	for (size_t k = 0; k < len; k += 7) {
		char *bad = case_printf("%s", t);

		if (k == len - 1)
			break; /* the last character carries unused bits */
		bad[k] = bad[k] == 'A' ? 'B' : 'A';
		if (gets_in("alice", "phone", bad, 5))
			case_fail("gets in with character %zu changed", k);
	}
	expect_out("cut", "alice", "phone", case_printf("%.*s", (int)len - 4, t));
	expect_out("without signature", "alice", "phone",
		case_printf("%.*s", (int)(strrchr(t, '.') - t) + 1, t));
	expect_out("with a fourth part", "alice", "phone", case_printf("%s.e30", t));
	expect_out("with a line end", "alice", "phone", case_printf("%s\n", t));
	expect_out("with a space", "alice", "phone", case_printf(" %s", t));
}

static void test_token_garbage(void **state)
{
	static const char *const garbage[] = {"..", "...", "a.b.c", ".e30.", "e30.e30.",
		"e30.e30.AAAA", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9..",
		"\xff\xfe.\x80.\x81", "%n%n%n.%s.%x"};
	char *huge = case_alloc(60001), *deep = case_alloc(40001);

	(void)state;
	for (size_t k = 0; k < COUNT(garbage); k++)
		expect_out(garbage[k], "alice", "phone", garbage[k]);
	memset(huge, 'A', 60000);
	huge[20000] = huge[40000] = '.';
	expect_out("a huge one", "alice", "phone", huge);
	memset(deep, '[', 2000);
	expect_out("a deep one", "alice", "phone", hs256(hs, deep));
	expect_out("a deep header", "alice", "phone",
		hs256(deep, claims(&(struct token){.sub = "alice"})));
	expect_in("a good one after all that", "alice", "phone",
		good(&(struct token){.sub = "alice"}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_tokens_accepted),
		SYSTEM(test_token_times),
		SYSTEM(test_token_subjects),
		SYSTEM(test_token_algorithms),
		SYSTEM(test_token_tampered),
		SYSTEM(test_token_garbage),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
