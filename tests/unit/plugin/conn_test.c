/* conn_test.c — connections by pointer, client id and user, against a plain list of them. */
#include "plugin/conn.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conns_random),
		cmocka_unit_test(test_conns_takeover_finds_the_new_one),
		cmocka_unit_test(test_conns_remember_users_a_while),
		cmocka_unit_test(test_conn_lists),
	};

	if (sodium_init() < 0)
		return 1;
	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
