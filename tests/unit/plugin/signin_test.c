/* signin_test.c — who is let in: names, tokens, passwords, and what a flood of wrong ones can do.
 */
#include "plugin/signin.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "book.h"
#include "place.h"
#include "wire/hashmap.h"
#include "wire/record.h"

#define NOW  1700000000000
#define HASH crypto_pwhash_STRBYTES

static struct directory *book;
static struct counters counters;
static struct conf conf;
static struct doorkeeper door;
static int64_t clock_ms;
static char alice_hash[HASH];

static void hash_password(char out[HASH], const char *password, unsigned long long passes)
{
	assert_int_equal(crypto_pwhash_str_alg(out, password, strlen(password), passes, 8192,
				 crypto_pwhash_ALG_ARGON2ID13),
		0);
}

static void set_password(const char *user, const char *hash)
{
	book_user(book, user, &(struct user){.hash = bytes_of_text(hash)});
}

static int setup(void **state)
{
	if (place_make(state) != 0 || sodium_init() < 0)
		return -1;
	hash_init();
	book = book_make();
	conf = (struct conf){.password_memory = 8192,
		.password_passes = 1,
		.password_cache_ttl_ms = 60000,
		.password_failures_per_address = 30,
		.password_failures_per_user = 10};
	door = (struct doorkeeper){0};
	assert_err(facts_create(&door.facts, book, &counters), ERR_OK);
	door.passwords = passwords_create(&conf);
	assert_non_null(door.passwords);
	randombytes_buf(door.keys.hs256, 32);
	door.keys.hs256_len = 32;
	clock_ms = 1000;
	hash_password(alice_hash, "secret", 1);
	set_password("alice", alice_hash);
	return 0;
}

static int teardown(void **state)
{
	passwords_destroy(door.passwords);
	facts_destroy(door.facts);
	directory_close(book);
	return place_remove(state);
}

static struct signin_result result;

static enum err try_from(
	const char *address, const char *client, const char *user, const char *password)
{
	struct signin s = {client, user, password, address, true};

	return signin_check(&door, &s, NOW, clock_ms, &result);
}

static enum err try(const char *client, const char *user, const char *password)
{
	return try_from("10.0.0.1", client, user, password);
}

static char *token_of(struct jwt t)
{
	static char token[JWT_MAX];

	if (t.exp_ms == 0)
		t.exp_ms = NOW + 60000;
	if (t.iat_ms == 0)
		t.iat_ms = NOW;
	assert_int_equal(jwt_mint(token, sizeof(token), &t, &door.keys), ERR_OK);
	return token;
}

static void test_signin_names(void **state)
{
	static const struct {
		const char *client, *user;
		bool persistent, ok, ephemeral;
		const char *device;
	} cases[] = {
		{"alice:phone", "alice", false, true, false, "phone"},
		{"alice:phone", "alice", true, true, false, "phone"},
		{"mosqpub|123-x", "alice", false, true, true, "mosqpub_123-x"},
		{"mosqpub|123-x", "alice", true, false, true, ""},
		{"bob:phone", "alice", false, false, false, ""},
		{"alice:", "alice", false, false, false, ""},
		{":phone", "alice", false, false, false, ""},
		{"alice:pho/ne", "alice", false, false, false, ""},
		{"alice:a:b", "alice", false, false, false, ""},
		{"$gnatterd", "alice", false, false, false, ""},
		{"", "alice", false, false, false, ""},
		{"x", "", false, false, false, ""},
		{"x", "Alice", false, false, false, ""},
		{"x", "ali/ce", false, false, false, ""},
		{"x", NULL, false, false, false, ""},
		{NULL, "alice", false, false, false, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct signin s = {.client = cases[i].client,
			.user = cases[i].user,
			.password = "secret",
			.clean = !cases[i].persistent};
		enum err e = signin_check(&door, &s, NOW, clock_ms, &result);

		if ((e == ERR_OK) != cases[i].ok)
			fail_msg("case %zu: %s", i, result.why ? result.why : "let in");
		if (!cases[i].ok) {
			assert_non_null(result.why);
			continue;
		}
		assert_int_equal(result.id.ephemeral, cases[i].ephemeral);
		assert_string_equal(result.id.device, cases[i].device);
		assert_string_equal(result.id.user, cases[i].user);
	}
}

static void test_signin_token(void **state)
{
	struct jwt t = {.sub = "bob"};

	(void)state;
	assert_int_equal(try("bob:phone", "bob", token_of(t)), ERR_OK);
	assert_true(result.by_token && result.id.role == ROLE_USER && !result.id.role_fixed);
	assert_int_equal(try("alice:phone", "alice", token_of(t)), ERR_UNAUTHORIZED);
	assert_string_equal(result.why, "the token is another user's");

	strcpy(t.dev, "phone");
	assert_int_equal(try("bob:phone", "bob", token_of(t)), ERR_OK);
	assert_int_equal(try("phone", "bob", token_of(t)), ERR_OK);
	assert_int_equal(try("bob:tablet", "bob", token_of(t)), ERR_UNAUTHORIZED);
	assert_int_equal(try("shell", "bob", token_of(t)), ERR_UNAUTHORIZED);
	assert_string_equal(result.why, "the token is for another device");

	t = (struct jwt){.sub = "bob", .role = ROLE_ADMIN, .role_set = true};
	assert_int_equal(try("x", "bob", token_of(t)), ERR_OK);
	assert_true(result.id.role == ROLE_ADMIN && result.id.role_fixed && !result.id.system);
	t = (struct jwt){.sub = "root", .role = ROLE_USER, .role_set = true};
	assert_int_equal(try("x", "root", token_of(t)), ERR_OK);
	assert_true(result.id.role == ROLE_USER && result.id.role_fixed);
	t.role_set = false;
	assert_int_equal(try("x", "root", token_of(t)), ERR_OK);
	assert_true(result.id.role == ROLE_ADMIN && !result.id.role_fixed);

	t = (struct jwt){.sub = "bob", .exp_ms = NOW, .iat_ms = NOW - 1000};
	assert_int_equal(try("x", "bob", token_of(t)), ERR_UNAUTHORIZED);
	t = (struct jwt){.sub = "dave"};
	assert_int_equal(try("x", "dave", token_of(t)), ERR_UNAUTHORIZED);
	assert_string_equal(result.why, "the account is disabled");
	t = (struct jwt){.sub = "nobody"};
	assert_int_equal(try("x", "nobody", token_of(t)), ERR_UNAUTHORIZED);
	t = (struct jwt){.sub = "bob"};
	token_of(t);
	door.keys.hs256[0] ^= 1;
	assert_int_equal(try("x", "bob", token_of(t)), ERR_OK);
	door.keys.hs256[0] ^= 1;
}

/* Tokens are dead from the moment that is set on, to the millisecond. */
static void test_signin_token_withdrawn(void **state)
{
	struct jwt t = {.sub = "bob", .iat_ms = NOW - 5000};

	(void)state;
	book_user(book, "bob", &(struct user){.valid_after_ms = NOW - 5000});
	assert_int_equal(try("x", "bob", token_of(t)), ERR_OK);
	book_user(book, "bob", &(struct user){.valid_after_ms = NOW - 4999});
	assert_int_equal(try("x", "bob", token_of(t)), ERR_UNAUTHORIZED);
}

/* A device that was removed needs a new token, to the millisecond; a password still does. */
static void test_signin_of_a_removed_device(void **state)
{
	struct jwt old = {.sub = "bob", .iat_ms = NOW - 5000},
		   new = {.sub = "bob", .iat_ms = NOW - 4999};

	(void)state;
	assert_int_equal(try("bob:phone", "bob", token_of(old)), ERR_OK);
	assert_true(result.id.floor == 0 && !result.id.doubt);
	for (int back = 0; back < 2; back++) {
		book_remove_device(book, "bob", "phone", NOW - 4999, back);
		assert_int_equal(try("bob:phone", "bob", token_of(old)), ERR_UNAUTHORIZED);
		assert_string_equal(
			result.why, "the token was issued before this device was removed");
		assert_int_equal(try("bob:phone", "bob", token_of(new)), ERR_OK);
		assert_true(result.id.floor == NOW - 4999 && result.id.doubt);
	}
	/* Neither the user's other devices, nor a client id without a device. */
	assert_int_equal(try("bob:tablet", "bob", token_of(old)), ERR_OK);
	assert_true(result.id.floor == 0 && !result.id.doubt);
	assert_int_equal(try("phone", "bob", token_of(old)), ERR_OK);
	assert_true(result.id.floor == 0 && !result.id.doubt);

	/* But its own token helps it under no other one. */
	strcpy(old.dev, "phone");
	assert_int_equal(try("phone", "bob", token_of(old)), ERR_UNAUTHORIZED);
	strcpy(new.dev, "phone");
	assert_int_equal(try("phone", "bob", token_of(new)), ERR_OK);
	new.dev[0] = '\0';

	book_remove_device(book, "alice", "phone", NOW, false);
	assert_int_equal(try("alice:phone", "alice", "secret"), ERR_OK);
	assert_true(result.id.floor == NOW && result.id.doubt);

	book_damage(book, TABLE_REVOKED, key_revoked(bytes_of_text("bob"), bytes_of_text("pc")));
	assert_int_equal(try("bob:pc", "bob", token_of(new)), ERR_UNAUTHORIZED);
	assert_string_equal(result.why, "the directory cannot be read");
}

/* What is older than the account is not for it, whatever is known of its device. */
static void test_signin_floor_is_the_later(void **state)
{
	(void)state;
	book_user(book, "bob", &(struct user){.created = 1000});
	assert_int_equal(try("bob:phone", "bob", token_of((struct jwt){.sub = "bob"})), ERR_OK);
	assert_true(result.id.floor == 1000 && result.id.created == 1000 && !result.id.doubt);
	book_user(book, "bob", &(struct user){.created = 1000, .valid_after_ms = 1000});
	assert_int_equal(try("bob:phone", "bob", token_of((struct jwt){.sub = "bob"})), ERR_OK);
	assert_true(result.id.floor == 1000 && result.id.doubt);
	book_remove_device(book, "bob", "phone", 999, true);
	assert_int_equal(try("bob:phone", "bob", token_of((struct jwt){.sub = "bob"})), ERR_OK);
	assert_int_equal(result.id.floor, 1000);
	book_remove_device(book, "bob", "phone", 1001, true);
	assert_int_equal(try("bob:phone", "bob", token_of((struct jwt){.sub = "bob"})), ERR_OK);
	assert_int_equal(result.id.floor, 1001);
}

static void test_signin_system(void **state)
{
	struct jwt bridge = {.sub = BRIDGE_CLIENT, .role = ROLE_SERVICE, .role_set = true};
	struct jwt ctl = {.sub = CTL_CLIENT, .role = ROLE_ADMIN, .role_set = true};
	struct jwt plain = {.sub = BRIDGE_CLIENT};
	struct jwt wrong_role = {.sub = CTL_CLIENT, .role = ROLE_SERVICE, .role_set = true};
	struct signin s = {BRIDGE_CLIENT, BRIDGE_CLIENT, token_of(bridge), NULL, false};
	const char *bad[] = {"$gnatterctlx", "$gnatterd", "alice:phone", "$other", "shell"};

	(void)state;
	assert_int_equal(try(BRIDGE_CLIENT, BRIDGE_CLIENT, token_of(bridge)), ERR_OK);
	assert_true(result.id.system && result.id.role == ROLE_SERVICE && result.id.role_fixed);
	assert_int_equal(signin_check(&door, &s, NOW, clock_ms, &result), ERR_UNAUTHORIZED);
	assert_int_equal(try("$gnatterctl-1f", CTL_CLIENT, token_of(ctl)), ERR_OK);
	assert_int_equal(try("$gnatterctl", CTL_CLIENT, token_of(ctl)), ERR_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(try(bad[i], CTL_CLIENT, token_of(ctl)), ERR_UNAUTHORIZED);
	assert_int_equal(try("$gnatterd2", BRIDGE_CLIENT, token_of(bridge)), ERR_UNAUTHORIZED);
	assert_int_equal(try(BRIDGE_CLIENT, BRIDGE_CLIENT, token_of(plain)), ERR_UNAUTHORIZED);
	assert_int_equal(try(BRIDGE_CLIENT, BRIDGE_CLIENT, token_of(ctl)), ERR_UNAUTHORIZED);
	assert_int_equal(try("$gnatterctl", CTL_CLIENT, token_of(wrong_role)), ERR_UNAUTHORIZED);
	assert_int_equal(try(BRIDGE_CLIENT, BRIDGE_CLIENT, "secret"), ERR_UNAUTHORIZED);
	assert_int_equal(try(BRIDGE_CLIENT, "alice", token_of(bridge)), ERR_UNAUTHORIZED);
	assert_int_equal(try("$x", "$x", token_of(bridge)), ERR_UNAUTHORIZED);
}

static void test_signin_password(void **state)
{
	(void)state;
	assert_int_equal(try("x", "alice", "secret"), ERR_OK);
	assert_false(result.by_token);
	assert_int_equal(try("x", "alice", "Secret"), ERR_UNAUTHORIZED);
	assert_int_equal(try("x", "alice", ""), ERR_UNAUTHORIZED);
	assert_int_equal(try("x", "alice", NULL), ERR_UNAUTHORIZED);
	assert_int_equal(try("x", "bob", "secret"), ERR_UNAUTHORIZED);
	assert_string_equal(result.why, "the account has no password");
}

/* What was found right is known again, but never after the password was changed. */
static void test_signin_password_is_remembered(void **state)
{
	char other[HASH];

	(void)state;
	assert_int_equal(try("x", "alice", "secret"), ERR_OK);
	conf.password_memory = 1024; /* from now on no check would be borne */
	conf.password_passes = 0;
	assert_int_equal(try("x", "alice", "secret"), ERR_OK);
	assert_int_equal(try("x", "alice", "wrong"), ERR_UNAUTHORIZED);
	clock_ms += conf.password_cache_ttl_ms;
	assert_int_equal(try("x", "alice", "secret"), ERR_UNAUTHORIZED);

	conf.password_memory = 8192;
	conf.password_passes = 1;
	assert_int_equal(try("x", "alice", "secret"), ERR_OK);
	hash_password(other, "changed", 1);
	set_password("alice", other);
	assert_int_equal(try("x", "alice", "secret"), ERR_UNAUTHORIZED);
	assert_int_equal(try("x", "alice", "changed"), ERR_OK);
	book_user(book, "alice", &(struct user){.disabled = true, .hash = bytes_of_text(other)});
	assert_int_equal(try("x", "alice", "changed"), ERR_UNAUTHORIZED);
	set_password("bob", alice_hash);
	assert_int_equal(try("x", "bob", "secret"), ERR_OK);
}

static void test_signin_password_hash_too_costly_or_strange(void **state)
{
	static const char *const strange[] = {"x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=2$a$b",
		"$argon2id$v=19$m=4000000,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=400000,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
		"$argon2i$v=19$m=8,t=3,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=1$!!!$!!!"};
	char costly[HASH];

	(void)state;
	conf.password_failures_per_user = 1000;
	hash_password(costly, "secret", 4);
	set_password("bob", costly);
	assert_int_equal(try("x", "bob", "secret"), ERR_OK);
	hash_password(costly, "secret", 5);
	set_password("bob", costly);
	assert_int_equal(try("x", "bob", "secret"), ERR_UNAUTHORIZED);
	assert_non_null(strstr(result.why, "too long to check"));
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		set_password("bob", strange[i]);
		assert_int_equal(try("x", "bob", "secret"), ERR_UNAUTHORIZED);
	}
}

static void test_signin_throttles_a_user(void **state)
{
	char address[32];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d", i);
		assert_int_equal(try_from(address, "x", "alice", "wrong"), ERR_UNAUTHORIZED);
	}
	assert_int_equal(try_from("10.0.1.1", "x", "alice", "wrong"), ERR_RATE_LIMITED);
	assert_int_equal(try_from("10.0.1.1", "x", "alice", "secret"), ERR_RATE_LIMITED);
	assert_int_equal(
		try_from("10.0.1.1", "x", "alice", token_of((struct jwt){.sub = "alice"})), ERR_OK);
	clock_ms += 6000; /* ten a minute */
	assert_int_equal(try_from("10.0.1.1", "x", "alice", "secret"), ERR_OK);
}

static void test_signin_throttles_an_address(void **state)
{
	char user[32];

	(void)state;
	for (int i = 0; i < 30; i++) {
		snprintf(user, sizeof(user), "user%d", i);
		assert_int_equal(try_from("10.0.0.1", "x", user, "guess"), ERR_UNAUTHORIZED);
	}
	assert_int_equal(try_from("10.0.0.1", "x", "user99", "guess"), ERR_RATE_LIMITED);
	assert_int_equal(try_from("10.0.0.1", "x", "alice", "secret"), ERR_RATE_LIMITED);
	assert_int_equal(try_from("10.0.0.2", "x", "alice", "secret"), ERR_OK);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Wrong passwords from everywhere, for everybody: the time that goes into them is bounded. */
static void test_signin_flood_takes_a_share_of_the_time(void **state)
{
	char hash[HASH], name[32], address[32];
	int64_t began, spent;
	int computed = 0, refused = 0;

	(void)state;
	conf.password_memory = 4 << 20;
	conf.password_passes = 2;
	assert_int_equal(
		crypto_pwhash_str_alg(hash, "secret", 6, 2, 4 << 20, crypto_pwhash_ALG_ARGON2ID13),
		0);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		set_password(name, hash);
	}
	began = now_us();
	/* The clock moves 1 ms for each try: a flood of a thousand a second, for 4 s. */
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "user%d", i % 50);
		snprintf(address, sizeof(address), "10.%d.%d.1", i / 250, i % 250);
		conf.password_failures_per_user = 1000000;
		if (try_from(address, "x", name, "guess") == ERR_RATE_LIMITED)
			refused++;
		else
			computed++;
		clock_ms++;
	}
	spent = (now_us() - began) / 1000;
	print_message("4 s of flood: %d passwords computed, %d refused, %d ms spent\n", computed,
		refused, (int)spent);
	assert_true(refused > 0);
	assert_true(spent < PASSWORD_BURST_MS + 4000 * PASSWORD_SHARE / 100 + 1500);
}

static void test_signin_cost(void **state)
{
	char token[JWT_MAX];
	int64_t began;
	int n = 20000;

	(void)state;
	strcpy(token, token_of((struct jwt){.sub = "bob"}));
	began = now_us();
	for (int i = 0; i < n; i++)
		assert_int_equal(try("bob:phone", "bob", token), ERR_OK);
	print_message("a sign-in by token: %d ns\n", (int)((now_us() - began) * 1000 / n));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_signin_names),
		CASE(test_signin_token),
		CASE(test_signin_token_withdrawn),
		CASE(test_signin_of_a_removed_device),
		CASE(test_signin_floor_is_the_later),
		CASE(test_signin_system),
		CASE(test_signin_password),
		CASE(test_signin_password_is_remembered),
		CASE(test_signin_password_hash_too_costly_or_strange),
		CASE(test_signin_throttles_a_user),
		CASE(test_signin_throttles_an_address),
		CASE(test_signin_flood_takes_a_share_of_the_time),
		CASE(test_signin_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
