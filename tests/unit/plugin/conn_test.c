/* conn_test.c — connections by pointer, client id and user, against a plain list of them. */
#include "plugin/conn.h"

#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

#define KEYS 3000

static struct conn *add(struct conns *c, const void *key, const char *user, const char *client)
{
	struct identity id;

	identity_init(&id, user, "d");
	return conns_add(c, key, &id, client, "10.0.0.1");
}

static void test_conns_random(void **state)
{
	static struct conn *there[KEYS];
	struct conns *c = conns_create();
	size_t count = 0;

	(void)state;
	srandom(3);
	memset(there, 0, sizeof(there));
	for (int i = 0; i < 100000; i++) {
		size_t k = (size_t)random() % KEYS;
		char client[32], user[32];

		snprintf(user, sizeof(user), "u%zu", k % 100);
		snprintf(client, sizeof(client), "u%zu:d%zu", k % 100, k);
		assert_ptr_equal(conns_find(c, &there[k]), there[k]);
		if (there[k]) {
			conns_remove(c, there[k]);
			there[k] = NULL;
			count--;
		} else {
			there[k] = add(c, &there[k], user, client);
			count++;
		}
		assert_ptr_equal(conns_client(c, client), there[k]);
		assert_int_equal(conns_count(c), count);
	}
	for (size_t u = 0; u < 100; u++) {
		char user[32];
		size_t want = 0, got = 0;
		const struct person *p;

		snprintf(user, sizeof(user), "u%zu", u);
		for (size_t k = u; k < KEYS; k += 100)
			want += there[k] != NULL;
		p = conns_person(c, bytes_of_text(user));
		assert_int_equal(p->count, want);
		for (const struct conn *conn = p->conns; conn; conn = conn->in[CONN_OF_PERSON].next)
			got += strcmp(conn->id.user, user) == 0;
		assert_int_equal(got, want);
	}
	conns_destroy(c);
}

static void test_conns_takeover_finds_the_new_one(void **state)
{
	struct conns *c = conns_create();
	struct conn *old = add(c, "1", "alice", "alice:phone"), *new;

	(void)state;
	new = add(c, "2", "alice", "alice:phone");
	old->replaced = true;
	assert_ptr_equal(conns_client(c, "alice:phone"), new);
	assert_ptr_equal(conns_find(c, old->key), old);
	conns_remove(c, old);
	assert_ptr_equal(conns_client(c, "alice:phone"), new);
	conns_destroy(c);
}

static void test_conns_remember_users_a_while(void **state)
{
	struct conns *c = conns_create();
	struct conn *conn = add(c, "1", "alice", "x");
	char user[32];

	(void)state;
	assert_true(bucket_take(&conn->person->rate, 1, 5, 1000, 5));
	conns_remove(c, conn);
	conn = add(c, "2", "alice", "x");
	assert_false(bucket_take(&conn->person->rate, 1, 5, 1000, 1));
	conns_remove(c, conn);
	for (int i = 0; i < CONNS_IDLE_USERS; i++) {
		assert_non_null(conns_person(c, bytes_of_text("alice")));
		snprintf(user, sizeof(user), "u%d", i);
		conns_remove(c, add(c, "3", user, "x"));
	}
	assert_null(conns_person(c, bytes_of_text("alice")));
	conns_destroy(c);
}

static void test_conn_lists(void **state)
{
	struct conns *c = conns_create();
	struct conn *head = NULL, *conns[5];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		conns[i] = add(c, &conns[i], "alice", "x");
		conn_enter(conns[i], CONN_DOOMED, &head);
	}
	conn_leave(conns[2], CONN_DOOMED);
	conn_leave(conns[2], CONN_DOOMED);
	conns_remove(c, conns[4]); /* the head */
	conns_remove(c, conns[0]); /* the last */
	assert_ptr_equal(head, conns[3]);
	assert_ptr_equal(head->in[CONN_DOOMED].next, conns[1]);
	assert_null(conns[1]->in[CONN_DOOMED].next);
	conn_enter(conns[2], CONN_DOOMED, &head);
	assert_ptr_equal(head, conns[2]);
	conns_destroy(c);
}

/* The names are the connection's own, and none is kept twice that need not be. */
static void test_conn_names(void **state)
{
	static const struct {
		const char *client, *device, *address;
	} cases[] = {
		{"alice:phone", "phone", "10.0.0.1"},
		{"phone", "phone", "::1"},
		{"mosq|1-x", "mosq_1-x", "10.0.0.1"},
		{"a|", "a_", NULL},
		{"$gnatterd", "", NULL},
	};
	struct conns *c = conns_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char user[] = "alice", device[16], client[16], address[16] = "";
		struct identity id;
		struct conn *conn;

		snprintf(device, sizeof(device), "%s", cases[i].device);
		snprintf(client, sizeof(client), "%s", cases[i].client);
		snprintf(address, sizeof(address), "%s", cases[i].address ? cases[i].address : "");
		identity_init(&id, user, device);
		conn = conns_add(c, &cases[i], &id, client, cases[i].address ? address : NULL);
		memset(user, 'x', sizeof(user) - 1);
		memset(device, 'x', sizeof(device));
		memset(client, 'x', sizeof(client));
		assert_string_equal(conn->client, cases[i].client);
		assert_string_equal(conn->id.user, "alice");
		assert_string_equal(conn->id.device, cases[i].device);
		assert_string_equal(conn_address(conn), cases[i].address ? cases[i].address : "");
		memset(address, 'x', sizeof(address));
	}
	conns_destroy(c);
}

static void test_conn_address_is_cut(void **state)
{
	static char address[100];
	struct conns *c = conns_create();
	struct identity id;
	struct conn *conn;

	(void)state;
	memset(address, '1', sizeof(address) - 1);
	identity_init(&id, "alice", "x_");
	conn = conns_add(c, "1", &id, "x|", address);
	assert_int_equal(strlen(conn_address(conn)), CONN_ADDRESS_MAX);
	assert_string_equal(conn->id.device, "x_");
	conns_destroy(c);
}

#define MANY        10000
#define MEMORY_GOAL 512 /* bytes a connection */

/* Ten thousand users with a device each: what the heap gives for one of them. */
static void test_conns_memory(void **state)
{
	static char keys[MANY];
	struct conns *c = conns_create();
	size_t before = mallinfo2().uordblks, each;
	char user[16], client[32];

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		snprintf(user, sizeof(user), "user%05zu", i);
		snprintf(client, sizeof(client), "%s:phone", user);
		assert_non_null(add(c, &keys[i], user, client));
	}
	each = (mallinfo2().uordblks - before) / MANY;
	conns_destroy(c);
	if (each == 0) /* another heap: a sanitizer's */
		skip();
	print_message("a connection, its user and their places in the maps: %zu bytes\n", each);
	assert_true(each < MEMORY_GOAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conns_random),
		cmocka_unit_test(test_conns_takeover_finds_the_new_one),
		cmocka_unit_test(test_conns_remember_users_a_while),
		cmocka_unit_test(test_conn_lists),
		cmocka_unit_test(test_conn_names),
		cmocka_unit_test(test_conn_address_is_cut),
		cmocka_unit_test(test_conns_memory),
	};

	if (sodium_init() < 0)
		return 1;
	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
