/* chat_people_test.c — who hears what about whom: acknowledgements and marks, answers to a sender
 * alone, one-to-one chats, what groups and users are told of changes.
 *
 * One instance for all; each test talks in a group of its own, made by group().
 */
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"

static struct instance *in;
static struct client *alice, *bob, *carol; /* MQTT 5, 3.1.1, 5 */

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
}

/* A new group of alice (its admin), bob and carol, all three listening. Its seq 1 is the system
 * message of its creation. */
static void group(const char *chat)
{
	alice = client_5(in, "alice", "phone");
	bob = client_3(in, "bob", "phone");
	carol = client_5(in, "carol", "tablet");
	client_requestf(alice, "chat.create",
		"{\"chat\":\"%s\",\"title\":\"A title\",\"members\":[\"bob\",\"carol\"]}", chat);
	client_subscribe_ok(alice, case_printf("chat/%s/#", chat), 1);
	client_subscribe_ok(bob, case_printf("chat/%s/#", chat), 1);
	client_subscribe_ok(carol, case_printf("chat/%s/#", chat), 2);
	client_subscribe_ok(bob, "user/bob/errors", 1);
}

/* The next message in a chat that holds the text, as this client gets it. */
static struct cJSON *next(struct client *c, const char *chat, const char *text)
{
	struct message *m = client_take(c, case_printf("chat/%s/msg", chat), text);

	return json_of(m->payload, m->len);
}

static struct cJSON *mark_of(struct client *c, const char *chat, const char *user)
{
	struct message *m = client_take(c, case_printf("chat/%s/mark/%s", chat, user), NULL);

	return json_of(m->payload, m->len);
}

static void ack(struct client *c, const char *chat, const char *payload)
{
	int code = client_publish(c,
		&(struct publish){
			.topic = case_printf("chat/%s/ack", chat), .payload = payload, .qos = 1});

	assert_in_range(code, 0, 0x10);
}

/* High-water marks: merged by maximum, told to everybody when they grow, to nobody when they do
 * not. */
static void test_ack_and_mark(void **state)
{
	struct cJSON *j;
	size_t mark;

	(void)state;
	group("marks");
	for (int k = 0; k < 5; k++)
		client_send(alice, "marks", "x"); /* seq 2 to 6 */
	next(carol, "marks", "\"seq\":6,");
	ack(bob, "marks", "{\"delivered\":5,\"read\":3}");
	j = mark_of(alice, "marks", "bob");
	json_expect_str(j, "chat", "marks");
	json_expect_str(j, "user", "bob");
	json_expect_num(j, "delivered", 5);
	json_expect_num(j, "read", 3);
	assert_true(json_num(j, "ts") > 0);
	mark_of(carol, "marks", "bob");
	mark_of(bob, "marks", "bob");
	/* lower ones change nothing and tell nobody */
	client_barrier(alice);
	mark = client_mark(alice);
	ack(bob, "marks", "{\"delivered\":4,\"read\":2}");
	ack(bob, "marks", "{\"delivered\":5}");
	client_barrier(bob);
	client_barrier(alice);
	client_none(alice, mark, "chat/marks/mark/+", NULL);
	/* each grows for itself, and read is delivered */
	ack(bob, "marks", "{\"delivered\":2,\"read\":4}");
	j = mark_of(alice, "marks", "bob");
	json_expect_num(j, "delivered", 5);
	json_expect_num(j, "read", 4);
	ack(bob, "marks", "{\"read\":6}");
	j = mark_of(alice, "marks", "bob");
	json_expect_num(j, "delivered", 6);
	json_expect_num(j, "read", 6);
	/* wrong ones */
	static const char *const wrong[] = {"{\"read\":7}", "{\"delivered\":100}", "{}",
		"{\"read\":-1}", "{\"read\":\"3\"}", "{\"read\":1.5}", "hello", "", "[3]"};
	for (size_t k = 0; k < COUNT(wrong); k++) {
		struct message *m;

		ack(bob, "marks", wrong[k]);
		m = client_take(bob, "user/bob/errors", "chat/marks/ack");
		assert_non_null(strstr(m->payload, "\"bad_"));
	}
	j = client_request(alice, "chat.get", "{\"chat\":\"marks\"}");
	json_expect_num(json_find(json_at(j, "members"), "user", "bob"), "read", 6);
	json_expect_num(
		json_find(json_at(j, "members"), "user", "alice"), "read", 6); /* by sending */
	json_expect_num(json_find(json_at(j, "members"), "user", "carol"), "read", 0);
}

/* A send is answered on its Response Topic to that device alone; so is a refusal. */
static void test_response_topic(void **state)
{
	struct client *other;
	struct publish p = {.topic = "chat/answers/send",
		.payload = "{\"id\":\"i1\",\"text\":\"x\"}",
		.qos = 1,
		.response = "my/answers/here",
		.correlation = "c-0001"};
	struct message *m;
	struct cJSON *j;

	(void)state;
	group("answers");
	other = client_5(in, "alice", "other");
	client_subscribe_ok(other, "my/answers/here", 1);
	client_subscribe_ok(other, "user/alice/errors", 1);
	client_publish(alice, &p);
	m = client_take(alice, "my/answers/here", NULL);
	assert_string_equal(m->correlation, "c-0001");
	assert_int_equal(m->retain, false);
	j = json_of(m->payload, m->len);
	json_expect_str(j, "chat", "answers");
	json_expect_num(j, "seq", 2);
	json_expect_str(j, "id", "i1");
	assert_true(json_num(j, "ts") > 0);
	p.payload = "{\"id\":\"i2\"";
	client_publish(alice, &p);
	m = client_take(alice, "my/answers/here", NULL);
	assert_string_equal(m->correlation, "c-0001");
	json_expect_str(json_of(m->payload, m->len), "error.code", "bad_json");
	client_take(other, "user/alice/errors", "bad_json");
	/* QoS 0 and 2, without Correlation Data */
	p.correlation = NULL;
	p.payload = "again";
	for (p.qos = 0; p.qos <= 2; p.qos += 2) {
		client_publish(alice, &p);
		m = client_take(alice, "my/answers/here", NULL);
		assert_null(m->correlation);
		assert_true(json_num(json_of(m->payload, m->len), "seq") > 2);
	}
	client_barrier(other);
	client_none(other, 0, "my/answers/here", NULL);
}

/* MQTT 3.1.1 has no Response Topic: answers come on reply/<method>, with the request's "re" as it
 * was. */
static void test_answers_for_old_clients(void **state)
{
	static const char *const res[] = {
		"7", "\"seven\"", "\"a \\\"quoted\\\" one\"", "true", "0.5"};
	struct client *other;

	(void)state;
	group("old");
	other = client_3(in, "bob", "other");
	for (size_t k = 0; k < COUNT(res); k++) {
		struct publish p = {.topic = "api/me",
			.payload = case_printf("{\"re\":%s}", res[k]),
			.qos = (int)k % 3};
		struct message *m;

		client_publish(bob, &p);
		m = client_take(bob, "reply/me", NULL);
		assert_non_null(strstr(m->payload, case_printf("\"re\":%s", res[k])));
		json_expect_str(json_of(m->payload, m->len), "user", "bob");
	}
	client_publish(bob, &(struct publish){.topic = "api/me", .qos = 1}); /* no payload is {} */
	client_take(bob, "reply/me", "\"ok\":true");
	client_publish(bob,
		&(struct publish){
			.topic = "api/chat.get", .payload = "{\"re\":1,\"chat\":7}", .qos = 1});
	assert_non_null(
		strstr(client_take(bob, "reply/chat.get", "\"re\":1")->payload, "\"error\""));
	/* a client of MQTT 5 without a Response Topic is served the same way */
	client_publish(carol,
		&(struct publish){.topic = "api/me", .payload = "{\"re\":\"five\"}", .qos = 1});
	client_take(carol, "reply/me", "\"re\":\"five\"");
	client_barrier(other);
	client_none(other, 0, "reply/me", "seven");
}

/* A one-to-one chat needs no creation; both are told at the first message, once. */
static void test_pair(void **state)
{
	struct client *dave = client_5(in, "dave", "d"), *eve = client_3(in, "eve", "e"), *third;
	struct message *m;
	struct cJSON *j;
	size_t d, e;

	(void)state;
	third = client_5(in, "carol", "x");
	client_subscribe_ok(dave, "user/dave/events", 1);
	client_subscribe_ok(eve, "user/eve/events", 1);
	client_subscribe_ok(dave, "chat/dave:eve/msg", 1);
	client_subscribe_ok(eve, "chat/dave:eve/msg", 1);
	assert_int_equal(json_len(client_request(eve, "chats", "{}"), "chats"), 0);
	client_send(dave, "dave:eve", "only us");
	m = client_take(eve, "chat/dave:eve/msg", "only us");
	json_expect_num(json_of(m->payload, m->len), "seq", 1);
	m = client_take(eve, "user/eve/events", "\"chat.added\"");
	j = json_of(m->payload, m->len);
	json_expect_str(j, "event", "chat.added");
	json_expect_str(j, "chat", "dave:eve");
	json_expect_str(j, "kind", "pair");
	json_expect_str(j, "by", "dave");
	client_take(dave, "user/dave/events", "\"dave:eve\"");
	d = client_mark(dave);
	e = client_mark(eve);
	client_send(eve, "dave:eve", "hello to you");
	client_send(dave, "dave:eve", "and again");
	client_take(eve, "chat/dave:eve/msg", "and again");
	client_barrier(dave);
	client_barrier(eve);
	client_none(dave, d, "user/#", NULL);
	client_none(eve, e, "user/#", NULL);
	j = client_request(eve, "chats", "{}");
	json_expect_str(j, "chats.0.chat", "dave:eve");
	json_expect_str(j, "chats.0.user", "dave");
	client_refused(third, "history", "{\"chat\":\"dave:eve\"}", "forbidden");
	client_refused(
		dave, "member.add", "{\"chat\":\"dave:eve\",\"user\":\"carol\"}", "conflict");
	client_refused(dave, "chat.leave", "{\"chat\":\"dave:eve\"}", "conflict");
	client_refused(dave, "chat.create", "{\"chat\":\"dave:eve\"}", "bad_name");
	/* each deletes only his own here: there is no admin */
	client_subscribe_ok(eve, "user/eve/errors", 1);
	client_send(eve, "dave:eve", "{\"type\":\"delete\",\"ref\":1}");
	client_take(eve, "user/eve/errors", "\"forbidden\"");
}

/* What the members of a group and the one concerned are told, three ways; n stays. */
static void test_group_events(void **state)
{
	static const struct {
		const char *method, *params, *event, *user, *told;
	} steps[] = {
		{"chat.update", "{\"chat\":\"events\",\"title\":\"New title\"}", "chat.updated",
			NULL, NULL},
		{"member.add", "{\"chat\":\"events\",\"user\":\"dave\"}", "member.added", "dave",
			"chat.added"},
		{"member.role", "{\"chat\":\"events\",\"user\":\"dave\",\"role\":\"admin\"}",
			"member.role", "dave", NULL},
		{"member.remove", "{\"chat\":\"events\",\"user\":\"dave\"}", "member.removed",
			"dave", "chat.removed"},
	};
	struct client *dave = client_5(in, "dave", "d");
	struct cJSON *j;
	struct message *m;

	(void)state;
	client_subscribe_ok(dave, "user/dave/events", 1);
	group("events");
	for (size_t k = 0; k < COUNT(steps); k++) {
		client_request(alice, steps[k].method, steps[k].params);
		j = next(bob, "events", steps[k].event);
		json_expect_str(j, "type", "system");
		json_expect_str(j, "from", "alice");
		json_expect_str(j, "body.event", steps[k].event);
		json_expect_num(j, "seq", (int64_t)k + 2);
		json_expect_num(j, "n", 0);
		if (steps[k].user)
			json_expect_str(j, "body.user", steps[k].user);
		m = client_take(bob, "chat/events/info", steps[k].event);
		j = json_of(m->payload, m->len);
		json_expect_str(j, "chat", "events");
		json_expect_str(j, "event", steps[k].event);
		json_expect_str(j, "by", "alice");
		json_expect_str(j, "title", "New title");
		json_expect_str(j, "kind", "group");
		json_expect_num(j, "members", k == 1 || k == 2 ? 4 : 3);
		json_expect_num(j, "seq", (int64_t)k + 2);
		assert_int_equal(m->retain, false);
		if (steps[k].told) {
			m = client_take(dave, "user/dave/events", steps[k].told);
			json_expect_str(json_of(m->payload, m->len), "chat", "events");
			json_expect_str(json_of(m->payload, m->len), "by", "alice");
		}
	}
	assert_int_equal(history_all(alice, "events").count, 5);
}

/* Who leaves gets an answer like everybody who asks, though the connection may be closed after it.
 */
static void test_leaving(void **state)
{
	struct cJSON *j;

	(void)state;
	group("leaving");
	client_send(alice, "leaving", "one");
	client_send(alice, "leaving", "two");
	next(carol, "leaving", "two");
	client_request(carol, "chat.leave", "{\"chat\":\"leaving\"}");
	j = next(alice, "leaving", "member.left");
	json_expect_str(j, "from", "carol");
	json_expect_str(j, "body.user", "carol");
	json_expect_num(j, "seq", 4);
	client_request(
		bob, "member.remove", "{\"chat\":\"leaving\",\"user\":\"bob\"}"); /* the same */
	j = next(alice, "leaving", "member.left");
	json_expect_str(j, "from", "bob");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_ack_and_mark),
		SYSTEM(test_response_topic),
		SYSTEM(test_answers_for_old_clients),
		SYSTEM(test_pair),
		SYSTEM(test_group_events),
		SYSTEM(test_leaving),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
