/* promises_limits_test.c — P7: at every limit a refusal with a reason, never a silent drop of
 * something accepted. Each limit is set low, reached exactly (allowed) and passed by one (refused).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"

/* An instance with one option set, broker and daemon running. */
static struct instance *start_with(const char *key, const char *value)
{
	struct instance *i = instance_create(instance_people);

	instance_set(i, key, value);
	instance_start(i);
	return i;
}

static char *letters(size_t n)
{
	char *s = case_alloc(n + 1);

	memset(s, 'y', n);
	return s;
}

static int publish(struct client *c, const char *topic, const char *payload, int qos)
{
	return client_publish(c, &(struct publish){.topic = topic, .payload = payload, .qos = qos});
}

static void expect_error(struct client *c, const char *user, const char *code, const char *topic)
{
	struct message *m =
		client_take(c, case_printf("user/%s/errors", user), case_printf("\"%s\"", code));
	struct cJSON *j = json_of(m->payload, m->len);

	json_expect_str(j, "code", code);
	json_expect_str(j, "topic", topic);
	assert_true(json_str(j, "message") && *json_str(j, "message"));
}

/* Who waits for an answer need not wait until he gives up. */
static void expect_refused_answers(struct client *c5, struct client *c3)
{
	static const char *const topics[] = {"chat/lobby/send", "chat/lobby/ack", "api/me"};
	struct message *m;

	for (size_t k = 0; k < COUNT(topics); k++) {
		struct publish p = {.topic = topics[k],
			.payload = letters(2049),
			.qos = 1,
			.response = "my/answers",
			.correlation = topics[k]};

		assert_int_equal(client_publish(c5, &p), 0x87);
		m = client_take(c5, "my/answers", "error");
		json_expect_str(json_of(m->payload, m->len), "error.code", "too_large");
		assert_string_equal(m->correlation, topics[k]);
	}
	publish(c3, "api/me", letters(2049), 1);
	m = client_take(c3, "reply/me", "error");
	json_expect_str(json_of(m->payload, m->len), "error.code", "too_large");
}

static void test_p7_payload_size(void **state)
{
	static const char *const topics[] = {"chat/lobby/send", "chat/lobby/ack", "api/me"};
	struct instance *i = start_with("message_size_max", "2K");
	struct client *c5 = client_5(i, "alice", "five"), *c3 = client_3(i, "bob", "three");

	(void)state;
	client_subscribe_ok(c5, "user/alice/errors", 1);
	client_subscribe_ok(c3, "user/bob/errors", 1);
	for (size_t k = 0; k < COUNT(topics); k++) {
		for (int qos = 1; qos <= 2; qos++) {
			assert_int_equal(publish(c5, topics[k], letters(2049), qos), 0x87);
			expect_error(c5, "alice", "too_large", topics[k]);
			assert_int_equal(publish(c3, topics[k], letters(2049), qos), 0);
			expect_error(c3, "bob", "too_large", topics[k]);
		}
	}
	expect_refused_answers(c5, c3);
	assert_in_range(publish(c5, "chat/lobby/send", letters(2048), 1), 0, 0x10);
	publish(c3, "chat/lobby/send", letters(2048), 1);
	client_barrier(c3);
	client_barrier(c5);
	assert_int_equal(history_all(c5, "lobby").count, 2);
	assert_true(instance_counters(i).refused_size >= 12);
}

/* As many as the burst go through, those beyond are refused with a reason, and after a pause it
 * goes on. What was accepted is stored. */
static void test_p7_rate(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *c5, *c3;
	int refused = 0;

	(void)state;
	instance_set(i, "rate_per_user", "2");
	instance_set(i, "rate_burst", "10");
	instance_start(i);
	c5 = client_5(i, "alice", "five");
	client_subscribe_ok(c5, "user/alice/errors", 1);
	for (int k = 0; k < 40; k++) {
		int code = publish(
			c5, "chat/lobby/send", case_printf("{\"id\":\"%d\",\"text\":\"x\"}", k), 1);

		assert_true(code == 0 || code == 0x10 || code == 0x87);
		refused += code == 0x87;
	}
	assert_in_range(refused, 20, 30);
	expect_error(c5, "alice", "rate_limited", "chat/lobby/send");
	/* another user is not concerned; an old client learns it from the errors alone */
	c3 = client_3(i, "bob", "three");
	client_subscribe_ok(c3, "user/bob/errors", 1);
	for (int k = 0; k < 20; k++)
		publish(c3, "chat/lobby/send", "from bob", 1);
	expect_error(c3, "bob", "rate_limited", "chat/lobby/send");
	instance_set(i, "rate_per_user", "0");
	proc_signal(&i->broker, 1); /* SIGHUP reloads the limit */
	while (publish(c5, "chat/lobby/send", "again", 1) == 0x87)
		case_pause_ms(20);
	struct history h = history_all(c5, "lobby");
	int stored = 0;

	for (int k = 0; k < 40; k++)
		stored += (int)history_ids(&h, "alice", case_printf("%d", k));
	assert_int_equal(stored, 40 - refused);
}

/* The spool fills while the daemon is down: then sends are refused, and nothing that was accepted
 * is lost. */
static void test_p7_spool_full(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *c5, *c3;
	struct history h;
	char *text = letters(60000);
	int accepted = 0, code = 0;
	size_t mark;

	(void)state;
	instance_set(i, "message_size_max", "128K");
	instance_set(i, "frame_size_max", "128K");
	instance_set(i, "spool_size", "1M");
	instance_start(i);
	c5 = client_5(i, "alice", "five");
	c3 = client_3(i, "bob", "three");
	client_subscribe_ok(c5, "user/alice/errors", 1);
	client_subscribe_ok(c3, "user/bob/errors", 1);
	instance_kill_daemon(i);
	while (code < 0x80 && accepted < 1000) {
		code = publish(c5, "chat/lobby/send",
			case_printf("{\"id\":\"s%d\",\"text\":\"%s\"}", accepted, text), 1);
		accepted += code < 0x80;
	}
	assert_int_equal(code, 0x87);
	assert_in_range(accepted, 10, 18);
	expect_error(c5, "alice", "busy", "chat/lobby/send");
	publish(c3, "chat/lobby/send", case_printf("{\"id\":\"refused\",\"text\":\"%s\"}", text),
		1);
	expect_error(c3, "bob", "busy", "chat/lobby/send");
	assert_int_equal(publish(c5, "api/me", case_printf("{\"pad\":\"%s\"}", text), 1), 0x87);
	assert_true(instance_counters(i).refused_spool >= 3);
	/* who is connected stays, who comes may come: only publishes are refused */
	client_close(client_5(i, "carol", "phone"));
	mark = client_mark(c5);
	instance_start_daemon(i);
	instance_wait_ready(i);
	assert_in_range(publish(c5, "chat/lobby/send", "there is room again", 1), 0, 0x10);
	h = history_all(c5, "lobby");
	history_expect_once(&h, "alice", "s", (uint64_t)accepted);
	assert_int_equal(h.count, accepted + 1);
	client_none(c5, mark, "user/alice/errors", NULL);
}

static void test_p7_text_length(void **state)
{
	struct instance *i = start_with("text_chars_max", "10");
	struct client *c5 = client_5(i, "alice", "five");
	static const char
		ten[] = "0123456789",
		eleven[] = "0123456789a",
		ten_wide[] =
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
			"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";

	(void)state;
	json_expect_num(client_send_answered(c5, "lobby", ten), "seq", 1);
	json_expect_num(client_send_answered(c5, "lobby", ten_wide), "seq", 2);
	json_expect_num(
		client_send_answered(c5, "lobby", case_printf("{\"text\":\"%s\"}", ten_wide)),
		"seq", 3);
	json_expect_num(
		client_send_answered(c5, "lobby", "{\"text\":\"\\u00e4123456789\"}"), "seq", 4);
	json_expect_str(client_send_answered(c5, "lobby", eleven), "error.code", "too_large");
	json_expect_str(client_send_answered(c5, "lobby", case_printf("%sa", ten_wide)),
		"error.code", "too_large");
	json_expect_str(client_send_answered(c5, "lobby", case_printf("{\"text\":\"%s\"}", eleven)),
		"error.code", "too_large");
	json_expect_str(
		client_send_answered(c5, "lobby",
			case_printf("{\"type\":\"edit\",\"ref\":1,\"text\":\"%s\"}", eleven)),
		"error.code", "too_large");
	assert_int_equal(history_all(c5, "lobby").count, 4);
}

/* The default: 100,000 characters, in and out. */
static void test_p7_text_of_100000(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice, *bob;

	(void)state;
	instance_start(i);
	alice = client_5(i, "alice", "five");
	bob = client_3(i, "bob", "three");
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	json_expect_num(client_send_answered(alice, "lobby", letters(100000)), "seq", 1);
	assert_non_null(strstr(client_take(bob, "chat/lobby/msg", NULL)->payload, letters(100000)));
	json_expect_str(
		client_send_answered(alice, "lobby", letters(100001)), "error.code", "too_large");
}

static void test_p7_group_members(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;

	(void)state;
	instance_set(i, "group_members_max", "4");
	instance_set(i, "channel_members_max", "3");
	instance_start(i);
	alice = client_5(i, "alice", "five");
	client_request(alice, "member.add", "{\"chat\":\"lobby\",\"user\":\"dave\"}");
	client_refused(alice, "member.add", "{\"chat\":\"lobby\",\"user\":\"eve\"}", "limit");
	client_refused(alice, "member.add", "{\"chat\":\"lobby\",\"users\":[\"eve\"]}", "limit");
	client_request(alice, "chat.create",
		"{\"chat\":\"four\",\"members\":[\"bob\",\"carol\",\"dave\"]}");
	client_refused(alice, "chat.create",
		"{\"chat\":\"five\",\"members\":[\"bob\",\"carol\",\"dave\",\"eve\"]}", "limit");
	client_refused(alice, "chat.get", "{\"chat\":\"five\"}", "forbidden");
	client_request(alice, "chat.create",
		"{\"chat\":\"news\",\"kind\":\"channel\",\"members\":[\"bob\",\"carol\"]}");
	client_refused(alice, "member.add", "{\"chat\":\"news\",\"user\":\"eve\"}", "limit");
	/* a place that becomes free is free */
	client_request(alice, "member.remove", "{\"chat\":\"lobby\",\"user\":\"dave\"}");
	client_request(alice, "member.add", "{\"chat\":\"lobby\",\"user\":\"eve\"}");
	assert_int_equal(
		json_len(client_request(alice, "chat.get", "{\"chat\":\"lobby\"}"), "members"), 4);
}

static void test_p7_chats_per_user(void **state)
{
	struct instance *i = start_with("chats_per_user_max", "3");
	struct client *bob = client_5(i, "bob", "five"), *carol = client_5(i, "carol", "five");

	(void)state;
	client_request(bob, "chat.create", "{\"chat\":\"two\"}");
	client_request(bob, "chat.create", "{\"chat\":\"three\"}");
	client_refused(bob, "chat.create", "{\"chat\":\"four\"}", "limit");
	client_request(carol, "chat.create", "{\"chat\":\"hers\"}");
	client_refused(carol, "member.add", "{\"chat\":\"hers\",\"user\":\"bob\"}", "limit");
	client_request(bob, "chat.leave", "{\"chat\":\"three\"}");
	client_request(bob, "chat.create", "{\"chat\":\"four\"}");
	/* a one-to-one chat counts, but nobody can keep two people from talking by filling their
	 * lists */
	json_expect_num(client_send_answered(carol, "bob:carol", "hello"), "seq", 1);
	assert_int_equal(json_num(client_request(bob, "me", "{}"), "chats"), 4);
	client_refused(bob, "chat.create", "{\"chat\":\"five\"}", "limit");
}

static void test_p7_connections_per_user(void **state)
{
	struct instance *i = start_with("connections_per_user_max", "3");
	struct client *c[3];
	int reason;

	(void)state;
	c[0] = client_5(i, "bob", "one");
	c[1] = client_3(i, "bob", "two");
	c[2] = client_open(i, &(struct client_opts){.user = "bob", .client_id = "shell"});
	assert_null(client_try(i, &(struct client_opts){.user = "bob", .device = "four"}, &reason));
	assert_true(reason >= 0x80);
	assert_null(client_try(
		i, &(struct client_opts){.user = "bob", .device = "four", .version = 4}, &reason));
	assert_true(reason == 4 || reason == 5);
	for (int k = 0; k < 3; k++)
		assert_true(client_connected(c[k]));
	client_close(client_5(i, "alice", "one"));
	/* the same device again takes its own place */
	client_close(client_5(i, "bob", "one"));
	client_close(client_5(i, "bob", "four"));
}

static void test_p7_history_page(void **state)
{
	struct instance *i = start_with("history_page_max", "5");
	struct client *alice = client_5(i, "alice", "five");
	struct cJSON *page;

	(void)state;
	for (int k = 0; k < 12; k++)
		client_send(alice, "lobby", "x");
	client_request(alice, "history", "{\"chat\":\"lobby\",\"limit\":5}");
	client_refused(alice, "history", "{\"chat\":\"lobby\",\"limit\":6}", "bad_request");
	client_refused(alice, "history", "{\"chat\":\"lobby\",\"limit\":0}", "bad_request");
	page = client_request(alice, "history", "{\"chat\":\"lobby\",\"after\":0}");
	assert_int_equal(json_len(page, "messages"), 5);
	assert_true(json_has(page, "more"));
}

static void test_p7_id_length(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;
	char *id = letters(64);

	(void)state;
	instance_start(i);
	alice = client_5(i, "alice", "five");
	json_expect_str(client_send_answered(
				alice, "lobby", case_printf("{\"id\":\"%s\",\"text\":\"x\"}", id)),
		"id", id);
	json_expect_str(client_send_answered(
				alice, "lobby", case_printf("{\"id\":\"%sy\",\"text\":\"x\"}", id)),
		"error.code", "bad_request");
	json_expect_str(client_send_answered(alice, "lobby", "{\"id\":\"\",\"text\":\"x\"}"),
		"error.code", "bad_request");
	assert_int_equal(history_all(alice, "lobby").count, 1);
}

static void test_p7_edits(void **state)
{
	struct instance *i = start_with("edits_per_message_max", "2");
	struct client *alice = client_5(i, "alice", "five");
	static const char edit[] = "{\"type\":\"edit\",\"ref\":1,\"text\":\"changed\"}";

	(void)state;
	json_expect_num(client_send_answered(alice, "lobby", "original"), "seq", 1);
	json_expect_num(client_send_answered(alice, "lobby", edit), "seq", 2);
	json_expect_num(client_send_answered(alice, "lobby", edit), "seq", 3);
	json_expect_str(client_send_answered(alice, "lobby", edit), "error.code", "limit");
	assert_int_equal(history_all(alice, "lobby").count, 3);
}

/* Wrong passwords: so many a minute, then refused unread, also the right one; tokens are not
 * concerned. */
static void test_p7_password_throttle(void **state)
{
	struct instance *i = instance_create(NULL);
	struct client_opts wrong = {.user = "alice", .device = "d", .password = "guess"},
			   right = {.user = "alice", .device = "d", .password = "wonderland"},
			   bob = {.user = "bob", .device = "d", .password = "builder"};
	int reason;

	(void)state;
	instance_set(i, "password_memory",
		"1M"); /* or the budget of time for checking them is the limit */
	instance_import(i, instance_people);
	instance_set(i, "password_failures_per_user", "3");
	instance_set(i, "password_failures_per_address", "6");
	instance_set(i, "password_cache_ttl", "0s");
	instance_start(i);
	client_close(client_open(i, &right));
	for (int k = 0; k < 3; k++)
		assert_null(client_try(i, &wrong, &reason));
	assert_null(client_try(i, &right, &reason));
	assert_true(instance_counters(i).signins_throttled >= 1);
	client_close(client_5(i, "alice", "d"));
	client_close(client_open(i, &bob));
	/* the address, too: guesses at other names */
	for (int k = 0; k < 4; k++) {
		wrong.user = case_printf("nobody%d", k);
		assert_null(client_try(i, &wrong, &reason));
	}
	assert_null(client_try(i, &bob, &reason));
	client_close(client_5(i, "bob", "d"));
}

/* Requests that only ask: more than may wait are answered busy, each one is answered. */
static void test_p7_reads_waiting(void **state)
{
	enum { REQUESTS = 300 };
	struct instance *i = instance_create(instance_people);
	struct client *alice;
	size_t ok = 0, busy = 0;

	(void)state;
	instance_set(i, "reads_waiting_max", "2");
	instance_set(i, "read_threads", "1");
	instance_start(i);
	alice = client_3(i, "alice", "old");
	for (int k = 0; k < 200; k++)
		client_publish(alice,
			&(struct publish){.topic = "chat/lobby/send", .payload = letters(2000)});
	for (int k = 0; k < REQUESTS; k++)
		client_publish(alice,
			&(struct publish){.topic = "api/history",
				.payload = case_printf("{\"chat\":\"lobby\",\"re\":%d}", k)});
	client_wait_count(alice, "reply/history", REQUESTS);
	for (size_t k = 0; k < REQUESTS; k++) {
		struct message *m = client_take(alice, "reply/history", NULL);

		ok += strncmp(m->payload, "{\"ok\":true", 10) == 0;
		busy += strstr(m->payload, "\"busy\"") != NULL;
	}
	assert_int_equal(ok + busy, REQUESTS);
	assert_true(ok > 0 && busy > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_p7_payload_size),
		SYSTEM(test_p7_rate),
		SYSTEM(test_p7_spool_full),
		SYSTEM(test_p7_text_length),
		SYSTEM(test_p7_text_of_100000),
		SYSTEM(test_p7_group_members),
		SYSTEM(test_p7_chats_per_user),
		SYSTEM(test_p7_connections_per_user),
		SYSTEM(test_p7_history_page),
		SYSTEM(test_p7_id_length),
		SYSTEM(test_p7_edits),
		SYSTEM(test_p7_password_throttle),
		SYSTEM(test_p7_reads_waiting),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
