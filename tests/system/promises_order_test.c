/* promises_order_test.c — P3: one order in a chat, without gaps or repeats, the same for everybody,
 * live and in history; and the once of P4 as clients see it when nothing goes wrong. */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"

/* The messages of a chat that a client has received are exactly 1..last, in order, byte for byte
 * those of the history. */
static void expect_same_order(struct client *c, const char *chat, const struct history *h)
{
	const char *topic = case_printf("chat/%s/msg", chat);
	size_t place = 0, count = client_mark(c);

	for (size_t k = 0; k < count; k++) {
		struct message *m = client_at(c, k);

		if (strcmp(m->topic, topic) != 0)
			continue;
		assert_true(place < h->count);
		assert_string_equal(
			json_text(json_of(m->payload, m->len)), json_text(h->messages[place]));
		place++;
	}
	assert_int_equal(place, h->count);
}

static const struct load_opts senders[] = {
	{.user = "alice", .device = "l1", .chat = "lobby", .prefix = "a1-", .version = 4},
	{.user = "alice",
		.device = "l2",
		.chat = "lobby",
		.prefix = "a2-",
		.version = 5,
		.window = 1},
	{.user = "bob", .device = "l", .chat = "lobby", .prefix = "b-", .version = 5, .window = 32},
	{.user = "carol",
		.device = "l",
		.chat = "lobby",
		.prefix = "c-",
		.version = 4,
		.window = 16},
	{.user = "alice", .device = "l3", .chat = "alice:bob", .prefix = "p-", .version = 5},
	{.user = "bob", .device = "l2", .chat = "alice:bob", .prefix = "q-", .version = 4},
};

static void test_p3_several_senders(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *watchers[3];
	struct load *loads[COUNT(senders)];
	struct history lobby, pair;

	(void)state;
	instance_start(i);
	watchers[0] = client_5(i, "alice", "w");
	watchers[1] = client_3(i, "bob", "w");
	watchers[2] = client_5(i, "carol", "w");
	for (size_t k = 0; k < 3; k++)
		client_subscribe_ok(watchers[k], "chat/lobby/msg", (int)k);
	client_subscribe_ok(watchers[0], "chat/alice:bob/msg", 1);
	client_subscribe_ok(watchers[1], "chat/alice:bob/msg", 1);
	for (size_t k = 0; k < COUNT(senders); k++) {
		struct load_opts o = senders[k];

		o.pause_us = 1000;
		loads[k] = load_start(i, &o);
	}
	for (size_t k = 0; k < COUNT(senders); k++)
		load_wait(loads[k], 200);
	for (size_t k = 0; k < COUNT(senders); k++)
		load_stop(loads[k]);
	lobby = history_all(watchers[0], "lobby");
	pair = history_all(watchers[0], "alice:bob");
	for (size_t k = 0; k < COUNT(senders); k++)
		history_expect_once(k < 4 ? &lobby : &pair, senders[k].user, senders[k].prefix,
			load_acked(loads[k]));
	for (size_t k = 0; k < 3; k++)
		client_wait_count(watchers[k], "chat/lobby/msg", lobby.count);
	for (size_t k = 0; k < 2; k++)
		client_wait_count(watchers[k], "chat/alice:bob/msg", pair.count);
	for (size_t k = 0; k < 3; k++)
		expect_same_order(watchers[k], "lobby", &lobby);
	for (size_t k = 0; k < 2; k++)
		expect_same_order(watchers[k], "alice:bob", &pair);
}

/* Time and n never run backwards, and each sender's own messages keep their order. */
static void test_p3_time_and_senders_order(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *c;
	struct load *l;
	struct history h;
	int64_t ts = 0;

	(void)state;
	instance_start(i);
	l = load_start(i, &(struct load_opts){.user = "bob",
				  .device = "l",
				  .chat = "lobby",
				  .prefix = "x",
				  .version = 5,
				  .window = 16});
	load_wait(l, 500);
	load_stop(l);
	c = client_5(i, "alice", "w");
	h = history_all(c, "lobby");
	assert_int_equal(h.count, load_acked(l));
	for (size_t k = 0; k < h.count; k++) {
		json_expect_str(h.messages[k], "id", case_printf("x%zu", k));
		assert_true(json_num(h.messages[k], "ts") >= ts);
		ts = json_num(h.messages[k], "ts");
	}
	assert_true(ts <= case_wall_ms() && ts > case_wall_ms() - 600000);
}

/* A seq is taken only by what is stored: refused messages leave no gap. */
static void test_p3_refusals_leave_no_gap(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;
	struct history h;

	(void)state;
	instance_start(i);
	alice = client_5(i, "alice", "phone");
	client_subscribe_ok(alice, "user/alice/errors", 1);
	for (int k = 0; k < 5; k++) {
		client_send(alice, "lobby", "good");
		client_send(alice, "lobby",
			"{\"type\":\"edit\",\"ref\":999,\"text\":\"nothing there\"}");
		client_send(alice, "lobby", "{\"text\":");
	}
	client_wait_count(alice, "user/alice/errors", 10);
	h = history_all(alice, "lobby");
	assert_int_equal(h.count, 5);
}

/* P4, one repeat after the other: same user and chat and id is once, anything else is another
 * message. */
static void test_p4_same_id(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *phone, *tablet, *bob;
	struct cJSON *first, *again;
	struct history h;
	size_t mark;

	(void)state;
	instance_start(i);
	phone = client_5(i, "alice", "phone");
	tablet = client_3(i, "alice", "tablet");
	bob = client_5(i, "bob", "phone");
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	client_subscribe_ok(tablet, "chat/lobby/msg", 1);
	first = client_send_answered(phone, "lobby", "{\"id\":\"k\",\"text\":\"one\"}");
	client_take(bob, "chat/lobby/msg", "\"one\"");
	client_take(tablet, "chat/lobby/msg", "\"one\"");
	mark = client_mark(bob);
	again = client_send_answered(phone, "lobby", "{\"id\":\"k\",\"text\":\"two\"}");
	assert_string_equal(json_text(first), json_text(again));
	assert_non_null(strstr(client_take(phone, "chat/lobby/msg", "\"k\"")->payload, "\"one\""));
	/* from another device of the same user: the answer goes there */
	client_send(tablet, "lobby", "{\"id\":\"k\",\"text\":\"three\"}");
	assert_non_null(strstr(client_take(tablet, "chat/lobby/msg", "\"k\"")->payload, "\"one\""));
	client_barrier(bob);
	client_none(bob, mark, "chat/lobby/msg", NULL);
	/* another user, another chat */
	client_send(bob, "lobby", "{\"id\":\"k\",\"text\":\"bob's own\"}");
	client_send(phone, "alice:bob", "{\"id\":\"k\",\"text\":\"elsewhere\"}");
	client_take(bob, "chat/lobby/msg", "bob's own");
	client_barrier(phone);
	h = history_all(phone, "lobby");
	assert_int_equal(h.count, 2);
	assert_int_equal(history_ids(&h, "alice", "k"), 1);
	assert_int_equal(history_ids(&h, "bob", "k"), 1);
	assert_int_equal(history_all(phone, "alice:bob").count, 1);
}

/* The original may have been edited or deleted since: the repeat is still once, and gets what
 * stands there now. */
static void test_p4_repeat_of_deleted(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;
	struct cJSON *answer;

	(void)state;
	instance_start(i);
	alice = client_5(i, "alice", "phone");
	client_send_answered(alice, "lobby", "{\"id\":\"k\",\"text\":\"secret\"}");
	client_send_answered(alice, "lobby", "{\"id\":\"d\",\"type\":\"delete\",\"ref\":1}");
	answer = client_send_answered(alice, "lobby", "{\"id\":\"k\",\"text\":\"secret\"}");
	json_expect_num(answer, "seq", 1);
	answer = client_send_answered(
		alice, "lobby", "{\"id\":\"d\",\"type\":\"delete\",\"ref\":1}");
	json_expect_num(answer, "seq", 2);
	assert_int_equal(history_all(alice, "lobby").count, 2);
	client_none(alice, 0, "chat/lobby/msg", "secret");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_p3_several_senders),
		SYSTEM(test_p3_time_and_senders_order),
		SYSTEM(test_p3_refusals_leave_no_gap),
		SYSTEM(test_p4_same_id),
		SYSTEM(test_p4_repeat_of_deleted),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
