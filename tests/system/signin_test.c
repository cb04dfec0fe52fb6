/* signin_test.c — who gets in: tokens of every right and wrong kind, passwords, client ids, names
 * of the system. One instance for all; the throttles are tested with the other limits.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
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

static void test_passwords(void **state)
{
	(void)state;
	expect_in("the right one", "alice", "phone", "wonderland");
	expect_in("of bob", "bob", "phone", "builder");
	expect_out("a wrong one", "alice", "phone", "wonderlanD");
	expect_out("one too short", "alice", "phone", "wonderlan");
	expect_out("one too long", "alice", "phone", "wonderland1");
	expect_out("bob's", "alice", "phone", "builder");
	expect_out("none", "alice", "phone", "");
	expect_out("of one who has none", "carol", "phone", "anything");
	expect_out("of nobody", "nobody", "phone", "anything");
	expect_out("its own hash", "alice", "phone",
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA");
}

/* The cache makes the second time cheap, and is no way around a change. */
static void test_password_cache(void **state)
{
	struct client *boss = client_open(
		in, &(struct client_opts){.user = "dave", .device = "d", .role = "admin"});

	(void)state;
	client_request(boss, "user.add", "{\"user\":\"frank\",\"password\":\"easy\"}");
	assert_true(gets_in("frank", "phone", "easy", 5));
	assert_true(gets_in("frank", "phone", "easy", 5));
	assert_false(gets_in("frank", "phone", "easier", 5));
	client_request(boss, "password.set", "{\"user\":\"frank\",\"password\":\"harder\"}");
	assert_false(gets_in("frank", "phone", "easy", 5));
	assert_true(gets_in("frank", "phone", "harder", 5));
	client_request(boss, "user.disable", "{\"user\":\"frank\"}");
	assert_false(gets_in("frank", "phone", "harder", 5));
	client_request(boss, "user.enable", "{\"user\":\"frank\"}");
	assert_true(gets_in("frank", "phone", "harder", 5));
	client_request(boss, "user.remove", "{\"user\":\"frank\"}");
	assert_false(gets_in("frank", "phone", "harder", 5));
}

/* A password that takes long to check stops the broker once, not at each sign-in. */
static void test_password_cache_spares_time(void **state)
{
	struct client_opts o = {.user = "slowpoke", .device = "phone", .password = "slow"};
	struct instance *i = instance_create(NULL);
	char hash[crypto_pwhash_STRBYTES];
	int64_t start, first, again;

	(void)state;
	instance_set(i, "password_memory", "32M");
	assert_int_equal(crypto_pwhash_str(hash, "slow", 4, 2, 128 << 20), 0);
	instance_import(i, case_printf("{\"user\":\"slowpoke\",\"hash\":\"%s\"}\n", hash));
	instance_start(i);
	start = case_now_ms();
	client_close(client_open(i, &o));
	first = case_now_ms() - start;
	start = case_now_ms();
	for (int k = 0; k < 10; k++)
		client_close(client_open(i, &o));
	again = case_now_ms() - start;
	if (again > 5 * first)
		case_fail("ten more sign-ins took %lld ms, the first %lld ms", (long long)again,
			(long long)first);
}

/* Tokens issued before valid_after are dead; those issued later are not. */
static void test_valid_after(void **state)
{
	struct client *boss = client_open(
		in, &(struct client_opts){.user = "dave", .device = "d", .role = "admin"});
	const char *before, *backend;

	(void)state;
	client_request(boss, "user.add", "{\"user\":\"grace\"}");
	before = good(&(struct token){.sub = "grace"});
	backend = token_ed25519(
		ed, claims(&(struct token){.sub = "grace", .iat_in = -1}), secret_key);
	expect_in("before the change", "grace", "phone", before);
	expect_in("before the change, backend", "grace", "phone", backend);
	client_request(boss, "password.set", "{\"user\":\"grace\",\"password\":\"new\"}");
	expect_out("issued before", "grace", "phone", before);
	expect_out("issued before, backend", "grace", "phone", backend);
	expect_in("issued after", "grace", "phone", good(&(struct token){.sub = "grace"}));
	expect_in("the password", "grace", "phone", "new");
}

static int try_id(const char *user, const char *id, int version, bool persistent)
{
	struct client_opts o = {
		.user = user, .client_id = id, .version = version, .persistent = persistent};
	int reason;
	struct client *c = client_try(in, &o, &reason);

	if (c)
		client_close(c);
	return reason;
}

static void test_client_ids(void **state)
{
	static const struct {
		const char *id;
		bool clean_ok, persistent_ok;
	} rows[] = {
		{"alice:phone", true, true},
		{"alice:Phone_2-x", true, true},
		{"alice:abcdefghijklmnopqrstuvwxyz012345", true, true},
		{"alice:abcdefghijklmnopqrstuvwxyz0123456", false, false},
		{"alice:", false, false},
		{"alice:my phone", false, false},
		{"alice:ph/one", false, false},
		{"alice:ph+one", false, false},
		{"alice:phone:2", false, false},
		{"alice:t\xc3\xa9l", false, false},
		{"bob:phone", false, false},
		{"ali:phone", false, false},
		{"alicex:phone", false, false},
		{"Alice:phone", false, false},
		{":phone", false, false},
		{":", false, false},
		{"shell", true, false},
		{"mosq-1234 (laptop)", true, false},
		{"alice", true, false},
		{"bob", true, false},
		{"$gnatterd", false, false},
		{"$gnatterctl-1", false, false},
		{"$anything", false, false},
	};

	(void)state;
	for (size_t k = 0; k < COUNT(rows); k++) {
		for (int version = 4; version <= 5; version++) {
			if ((try_id("alice", rows[k].id, version, false) == 0) != rows[k].clean_ok)
				case_fail("client id %s, clean session, MQTT %d", rows[k].id,
					version);
			if ((try_id("alice", rows[k].id, version, true) == 0) !=
				rows[k].persistent_ok)
				case_fail("client id %s, lasting session, MQTT %d", rows[k].id,
					version);
		}
	}
	/* the broker makes one up: ephemeral */
	assert_int_equal(try_id("alice", "", 5, false), 0);
	assert_int_equal(try_id("alice", "", 4, false), 0);
}

static void test_usernames(void **state)
{
	static const char *const names[] = {"", "Alice", "alice ", "al/ice", "al+ice", "#",
		"-alice", "$alice", "$SYS", "alice:phone", "\xc3\xa4lice"};

	(void)state;
	for (size_t k = 0; k < COUNT(names); k++) {
		struct client_opts o = {.user = names[k], .client_id = "shell"};
		int reason;

		if (client_try(in, &o, &reason))
			case_fail("user '%s' gets in", names[k]);
	}
	/* nobody at all */
	int reason;
	assert_null(client_try(
		in, &(struct client_opts){.client_id = "shell", .password = ""}, &reason));
	assert_null(client_try(in,
		&(struct client_opts){.client_id = "alice:phone", .password = "", .version = 4},
		&reason));
}

/* The system's names need a token of the instance's own key: no account, no backend, no user gets
 * them. */
static void test_system_names(void **state)
{
	static const char *const names[] = {"$gnatterd", "$gnatterctl", "$gnatterctl-1", "$other"};
	unsigned char other[32];

	(void)state;
	randombytes_buf(other, sizeof(other));
	for (size_t k = 0; k < COUNT(names); k++) {
		const char *id = k == 1 ? "$gnatterctl-9" : names[k];
		const char *c =
			claims(&(struct token){.sub = names[k], .role = k ? "admin" : "service"});
		const char *passwords[] = {token_hs256(hs, c, other, sizeof(other)),
			token_ed25519(ed, c, secret_key), token_unsigned("{\"alg\":\"none\"}", c),
			"password", "", good(&(struct token){.sub = "alice", .role = "admin"})};

		for (size_t p = 0; p < COUNT(passwords); p++) {
			struct client_opts o = {
				.user = names[k], .client_id = id, .password = passwords[p]};
			int reason;

			if (client_try(in, &o, &reason))
				case_fail("%s gets in with credential %zu", names[k], p);
			o.client_id = "alice:phone";
			if (client_try(in, &o, &reason))
				case_fail("%s gets in as alice:phone with credential %zu", names[k],
					p);
		}
		/* and a user with a good token of her own does not get the id */
		assert_int_not_equal(try_id("alice", id, 5, false), 0);
		assert_int_not_equal(try_id("alice", id, 4, false), 0);
	}
	/* the daemon was not disturbed by any of it */
	client_barrier(client_5(in, "alice", "phone"));
}

/* Roles: of the token if it says one, else of the account. */
static void test_roles(void **state)
{
	struct client *boss = client_open(
		in, &(struct client_opts){.user = "dave", .device = "d", .role = "admin"});
	struct client *c;

	(void)state;
	json_expect_str(client_request(boss, "me", "{}"), "role", "admin");
	client_request(boss, "user.add", "{\"user\":\"helen\",\"role\":\"admin\"}");
	c = client_5(in, "helen", "d");
	json_expect_str(client_request(c, "me", "{}"), "role", "admin");
	client_request(c, "user.list", "{}");
	client_close(c);
	c = client_open(in, &(struct client_opts){.user = "helen", .device = "d", .role = "user"});
	json_expect_str(client_request(c, "me", "{}"), "role", "user");
	client_refused(c, "user.list", "{}", "forbidden");
	c = client_5(in, "carol", "d");
	json_expect_str(client_request(c, "me", "{}"), "role", "user");
	json_expect_str(client_request(c, "me", "{}"), "device", "d");
	client_refused(c, "user.list", "{}", "forbidden");
}

/* The same device again takes over, and its own session goes on. */
static void test_takeover(void **state)
{
	struct client_opts o = {.user = "carol", .device = "same", .persistent = true};
	struct client *first = client_open(in, &o), *second, *bob = client_5(in, "bob", "d");

	(void)state;
	client_subscribe_ok(first, "chat/lobby/msg", 1);
	second = client_open(in, &o);
	client_wait_closed(first);
	client_send(bob, "lobby", "after the takeover");
	client_take(second, "chat/lobby/msg", "after the takeover");
	client_barrier(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_passwords),
		SYSTEM(test_password_cache),
		SYSTEM(test_password_cache_spares_time),
		SYSTEM(test_valid_after),
		SYSTEM(test_client_ids),
		SYSTEM(test_usernames),
		SYSTEM(test_system_names),
		SYSTEM(test_roles),
		SYSTEM(test_takeover),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
