/* chat_test.c — what a chat can do: every kind of message, edits, deletes, reactions,
 * acknowledgements, one-to-one chats, what groups and users are told; with every MQTT version, QoS
 * and client library.
 *
 * One instance for all; each test talks in a group of its own, made by group().
 */
#include <cjson/cJSON.h>
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

static void test_plain_text(void **state)
{
	static const char *const texts[] = {"hello", "x", "two\nlines\tand a tab",
		"\"quoted\" \\ and /", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x82\xac",
		" {not json: it starts with a space}", "[1,2]", "null", "\x01\x1f control"};

	(void)state;
	group("plain");
	for (size_t k = 0; k < COUNT(texts); k++) {
		struct client *from = k % 2 ? bob : alice;
		struct message *m;
		struct cJSON *j;

		client_send(from, "plain", texts[k]);
		m = client_take(carol, "chat/plain/msg", NULL);
		j = json_of(m->payload, m->len);
		json_expect_str(j, "text", texts[k]);
		json_expect_str(j, "type", "text");
		json_expect_str(j, "chat", "plain");
		json_expect_str(j, "from", k % 2 ? "bob" : "alice");
		json_expect_str(j, "device", "phone");
		json_expect_num(j, "seq", (int64_t)k + 2);
		json_expect_num(j, "n", (int64_t)k + 1);
		assert_in_range(json_num(j, "ts"), case_wall_ms() - 60000, case_wall_ms());
		assert_true(strlen(json_str(j, "id")) > 0);
		assert_string_equal(
			client_take(alice, "chat/plain/msg", NULL)->payload, m->payload);
		assert_string_equal(client_take(bob, "chat/plain/msg", NULL)->payload, m->payload);
		assert_int_equal(m->retain, false);
	}
}

/* The members in their order, to the byte. */
static void test_message_bytes(void **state)
{
	struct message *m;
	struct cJSON *j;

	(void)state;
	group("bytes");
	client_send(alice, "bytes",
		"{ \"body\" : {\"big\": 12345678901234567890.5,\"a\" :[1, 2 ]} , \"unknown\":1,"
		"\"text\":\"\\u0041 \\/ b\", "
		"\"id\":\"i-1\",\"type\":\"x-own.kind_2\",\"media\":[\"m1\" ,\"m2\"]}");
	m = client_take(bob, "chat/bytes/msg", "i-1");
	j = json_of(m->payload, m->len);
	assert_string_equal(m->payload,
		case_printf("{\"chat\":\"bytes\",\"seq\":2,\"n\":1,\"from\":\"alice\",\"device\":"
			    "\"phone\",\"ts\":%lld,"
			    "\"id\":\"i-1\",\"type\":\"x-own.kind_2\",\"text\":\"\\u0041 \\/ b\","
			    "\"media\":[\"m1\" ,\"m2\"],\"body\":{\"big\": "
			    "12345678901234567890.5,\"a\" :[1, 2 ]}}",
			(long long)json_num(j, "ts")));
}

/* What a sender claims about itself is not taken over. */
static void test_server_fills_in(void **state)
{
	struct cJSON *j;

	(void)state;
	group("claims");
	client_send(bob, "claims",
		"{\"text\":\"x\",\"from\":\"alice\",\"chat\":\"lobby\",\"seq\":77,\"n\":77,\"ts\":"
		"1,\"device\":\"other\","
		"\"edited\":5,\"deleted\":6,\"prev\":7}");
	j = next(carol, "claims", "\"text\"");
	json_expect_str(j, "from", "bob");
	json_expect_str(j, "chat", "claims");
	json_expect_num(j, "seq", 2);
	json_expect_num(j, "n", 1);
	json_expect_str(j, "device", "phone");
	assert_true(json_num(j, "ts") > 1);
	assert_false(json_has(j, "edited") || json_has(j, "deleted") || json_has(j, "prev"));
}

static void test_all_types(void **state)
{
	static const struct {
		const char *payload, *type;
		bool counts;
	} rows[] = {
		{"{\"text\":\"t\"}", "text", true},
		{"{\"type\":\"text\",\"text\":\"t\"}", "text", true},
		{"{\"type\":\"image\",\"media\":[\"m\"],\"text\":\"caption\"}", "image", true},
		{"{\"type\":\"image\",\"media\":[\"m\"]}", "image", true},
		{"{\"type\":\"file\",\"media\":[\"m\"],\"body\":{\"name\":\"a.pdf\"}}", "file",
			true},
		{"{\"type\":\"location\",\"body\":{\"lat\":1.5,\"lon\":2}}", "location", true},
		{"{\"type\":\"contact\",\"body\":{\"user\":\"eve\"}}", "contact", true},
		{"{\"type\":\"x-poll\",\"body\":{\"q\":\"lunch?\"}}", "x-poll", true},
		{"{\"type\":\"reaction\",\"ref\":2,\"text\":\"+1\"}", "reaction", false},
		{"{\"type\":\"edit\",\"ref\":2,\"text\":\"new\"}", "edit", false},
		{"{\"text\":\"a reply\",\"ref\":2}", "text", true},
		{"{\"type\":\"delete\",\"ref\":3}", "delete", false},
	};
	int64_t n = 0;

	(void)state;
	group("types");
	for (size_t k = 0; k < COUNT(rows); k++) {
		struct cJSON *j;

		client_send(alice, "types", rows[k].payload);
		j = next(bob, "types", NULL);
		n += rows[k].counts;
		json_expect_str(j, "type", rows[k].type);
		json_expect_num(j, "seq", (int64_t)k + 2);
		json_expect_num(j, "n", n);
	}
}

static void test_wrong_content(void **state)
{
	static const struct {
		const char *payload, *code;
	} rows[] = {
		{"{\"type\":\"nonsense\",\"text\":\"x\"}", "bad_request"},
		{"{\"type\":\"system\",\"text\":\"x\"}", "bad_request"},
		{"{\"type\":\"deleted\",\"text\":\"x\"}", "bad_request"},
		{"{\"type\":\"x-\",\"text\":\"x\"}", "bad_request"},
		{"{\"type\":\"x-UPPER\",\"text\":\"x\"}", "bad_request"},
		{"{\"type\":\"text\"}", "bad_request"},
		{"{}", "bad_request"},
		{"{\"text\":\"\"}", "bad_request"},
		{"{\"text\":7}", "bad_request"},
		{"{\"text\":[\"x\"]}", "bad_request"},
		{"{\"text\":\"x\",\"id\":7}", "bad_request"},
		{"{\"text\":\"x\",\"ref\":\"1\"}", "bad_request"},
		{"{\"text\":\"x\",\"ref\":-1}", "bad_request"},
		{"{\"text\":\"x\",\"ref\":1.5}", "bad_request"},
		{"{\"text\":\"x\",\"ref\":99}", "not_found"},
		{"{\"text\":\"x\",\"ref\":9007199254740993000}", "bad_request"},
		{"{\"text\":\"x\",\"body\":[]}", "bad_request"},
		{"{\"text\":\"x\",\"body\":\"b\"}", "bad_request"},
		{"{\"text\":\"x\",\"media\":\"m\"}", "bad_request"},
		{"{\"text\":\"x\",\"media\":[7]}", "bad_request"},
		{"{\"type\":\"edit\",\"text\":\"x\"}", "bad_request"},
		{"{\"type\":\"edit\",\"ref\":1,\"text\":\"x\"}", "conflict"}, /* a system message */
		{"{\"type\":\"delete\"}", "bad_request"},
		{"{\"type\":\"delete\",\"ref\":1}", "conflict"},
		{"{\"type\":\"reaction\",\"ref\":99,\"text\":\"x\"}", "not_found"},
		{"{\"type\":\"reaction\",\"text\":\"x\"}", "bad_request"},
	};
	size_t mark;

	(void)state;
	group("wrong");
	client_barrier(carol);
	mark = client_mark(carol);
	for (size_t k = 0; k < COUNT(rows); k++) {
		struct cJSON *a = client_send_answered(alice, "wrong", rows[k].payload);
		struct message *m;

		if (!json_str(a, "error.code") ||
			strcmp(json_str(a, "error.code"), rows[k].code) != 0)
			case_fail("%s should be answered %s, not %s", rows[k].payload, rows[k].code,
				json_text(a));
		/* an old client has no answer but this one */
		client_send(bob, "wrong", rows[k].payload);
		m = client_take(bob, "user/bob/errors", NULL);
		json_expect_str(json_of(m->payload, m->len), "code", rows[k].code);
		json_expect_str(json_of(m->payload, m->len), "chat", "wrong");
		json_expect_str(json_of(m->payload, m->len), "topic", "chat/wrong/send");
	}
	client_barrier(carol);
	client_none(carol, mark, "chat/wrong/msg", NULL);
	assert_int_equal(history_all(alice, "wrong").count, 1);
}

/* An edit is an event; the original stays and points to the newest one. */
static void test_edit(void **state)
{
	struct cJSON *j;
	struct history h;

	(void)state;
	group("edits");
	client_send(bob, "edits", "{\"id\":\"o\",\"text\":\"original\",\"body\":{\"edited\":1}}");
	next(carol, "edits", "original");
	client_send(bob, "edits", "{\"type\":\"edit\",\"ref\":2,\"text\":\"second\"}");
	j = next(carol, "edits", "second");
	json_expect_num(j, "ref", 2);
	json_expect_num(j, "seq", 3);
	json_expect_num(j, "n", 1);
	assert_false(json_has(j, "prev"));
	client_send(bob, "edits", "{\"type\":\"edit\",\"ref\":2,\"text\":\"third\"}");
	j = next(carol, "edits", "third");
	json_expect_num(j, "prev", 3);
	/* not by others, not even an admin; not of an event */
	json_expect_str(client_send_answered(
				alice, "edits", "{\"type\":\"edit\",\"ref\":2,\"text\":\"no\"}"),
		"error.code", "forbidden");
	client_send(bob, "edits", "{\"type\":\"edit\",\"ref\":3,\"text\":\"no\"}");
	client_take(bob, "user/bob/errors", "\"conflict\"");
	h = history_all(alice, "edits");
	assert_int_equal(h.count, 4);
	json_expect_str(h.messages[1], "text", "original");
	json_expect_num(h.messages[1], "edited", 4);
	json_expect_str(h.messages[2], "text", "second");
	/* the list of chats shows how it reads now */
	j = client_request(alice, "chats", "{\"limit\":1}");
	json_expect_str(j, "chats.0.chat", "edits");
	json_expect_str(j, "chats.0.preview.text", "third");
	json_expect_num(j, "chats.0.preview.seq", 2);
}

static void test_delete(void **state)
{
	struct history h;
	struct cJSON *j;
	char *page;

	(void)state;
	group("deletes");
	client_send(bob, "deletes",
		"{\"id\":\"d\",\"text\":\"SECRET "
		"one\",\"media\":[\"SECRETm\"],\"body\":{\"k\":\"SECRETb\"}}");
	client_send(bob, "deletes", "{\"type\":\"edit\",\"ref\":2,\"text\":\"SECRET two\"}");
	client_send(bob, "deletes", "{\"type\":\"edit\",\"ref\":2,\"text\":\"SECRET three\"}");
	client_send(carol, "deletes", "stays");
	next(alice, "deletes", "stays");
	json_expect_str(client_send_answered(carol, "deletes", "{\"type\":\"delete\",\"ref\":2}"),
		"error.code", "forbidden");
	client_send(bob, "deletes", "{\"type\":\"delete\",\"ref\":2}");
	j = next(alice, "deletes", "\"delete\"");
	json_expect_num(j, "ref", 2);
	json_expect_num(j, "seq", 6);
	json_expect_num(j, "n", 2);
	h = history_all(alice, "deletes");
	assert_int_equal(h.count, 6);
	for (size_t k = 0; k < h.count; k++) {
		page = json_text(h.messages[k]);
		if (strstr(page, "SECRET"))
			case_fail("deleted, but still in the history: %s", page);
	}
	json_expect_str(h.messages[1], "type", "deleted");
	json_expect_num(h.messages[1], "deleted", 6);
	json_expect_str(h.messages[1], "id", "d");
	json_expect_str(h.messages[1], "from", "bob");
	json_expect_num(h.messages[1], "n", 1);
	json_expect_str(h.messages[2], "type", "deleted");
	json_expect_str(h.messages[3], "type", "deleted");
	/* what is deleted can be neither deleted, edited nor reacted to again */
	client_send(bob, "deletes", "{\"type\":\"delete\",\"ref\":2}");
	client_take(bob, "user/bob/errors", "\"not_found\"");
	client_send(bob, "deletes", "{\"type\":\"edit\",\"ref\":2,\"text\":\"x\"}");
	client_take(bob, "user/bob/errors", "\"not_found\"");
	json_expect_str(client_send_answered(carol, "deletes",
				"{\"type\":\"reaction\",\"ref\":2,\"text\":\"x\"}"),
		"error.code", "not_found");
	/* an admin deletes anybody's; the list of chats does not show it either */
	json_expect_num(client_send_answered(alice, "deletes", "{\"type\":\"delete\",\"ref\":5}"),
		"seq", 7);
	h = history_all(alice, "deletes");
	assert_null(strstr(json_text(h.messages[4]), "stays"));
	assert_null(strstr(json_text(client_request(alice, "chats", "{\"limit\":1}")), "stays"));
}

static void test_reaction(void **state)
{
	struct cJSON *j;

	(void)state;
	group("reactions");
	client_send(alice, "reactions", "like this?");
	client_send(bob, "reactions",
		"{\"type\":\"reaction\",\"ref\":2,\"text\":\"\xf0\x9f\x91\x8d\"}");
	j = next(carol, "reactions", "\"type\":\"reaction\"");
	json_expect_num(j, "ref", 2);
	json_expect_num(j, "n", 1);
	json_expect_str(j, "text", "\xf0\x9f\x91\x8d");
	/* taken back: an empty one */
	client_send(bob, "reactions", "{\"type\":\"reaction\",\"ref\":2,\"text\":\"\"}");
	next(carol, "reactions", "\"text\":\"\"");
	/* a reaction can be deleted like a message */
	client_send(bob, "reactions", "{\"type\":\"delete\",\"ref\":3}");
	next(carol, "reactions", "\"delete\"");
	assert_string_equal(
		json_str(history_all(carol, "reactions").messages[2], "type"), "deleted");
}

/* Sends at each QoS from each version; deliveries at the lower of 1 and what was subscribed. */
static void test_qos(void **state)
{
	int64_t seq = 1;

	(void)state;
	group("qos");
	client_subscribe_ok(bob, "chat/qos/#", 0);
	for (int qos = 0; qos <= 2; qos++) {
		for (int v = 0; v < 2; v++) {
			char *text = case_printf("qos %d from %d", qos, v);
			struct publish p = {.topic = "chat/qos/send", .payload = text, .qos = qos};
			struct message *m;

			client_publish(v ? alice : bob, &p);
			m = client_take(carol, "chat/qos/msg", text);
			assert_int_equal(m->qos, 1);
			json_expect_num(json_of(m->payload, m->len), "seq", ++seq);
			assert_int_equal(client_take(bob, "chat/qos/msg", text)->qos, 0);
			assert_int_equal(client_take(alice, "chat/qos/msg", text)->qos, 1);
		}
	}
	client_barrier(carol);
	assert_int_equal(client_count(carol, "chat/qos/msg"), 6);
	assert_int_equal(history_all(alice, "qos").count, 7);
}

/* History is what was published, byte for byte. */
static void test_history_byte_for_byte(void **state)
{
	static const char *const payloads[] = {"plain \"text\" \\ \n \xf0\x9f\x98\x80",
		"{\"text\":\"caf\\u00e9 \\/ \\ud83d\\ude00\",\"id\":\"\\u0069d\"}",
		"{\"type\":\"x-a\",\"body\":{ \"n\":1e400, \"m\":-0.10 ,\"deep\":{\"a\":[[],{}]}}}",
		"{\"type\":\"image\",\"media\":[ \"a\" , \"b\" ],\"text\":\"t\"}",
		"{\"type\":\"reaction\",\"ref\":2,\"text\":\"+\"}",
		"{\"text\":\"]},\\\"more\\\":true\",\"ref\":3}"};
	char *live[COUNT(payloads)];

	(void)state;
	group("same");
	for (size_t k = 0; k < COUNT(payloads); k++) {
		struct message *m;

		client_send(alice, "same", payloads[k]);
		m = client_take(carol, "chat/same/msg", case_printf("\"seq\":%zu,", k + 2));
		assert_string_equal(
			client_take(bob, "chat/same/msg", case_printf("\"seq\":%zu,", k + 2))
				->payload,
			m->payload);
		live[k] = m->payload;
	}
	for (size_t k = 0; k < COUNT(payloads); k++) {
		char *stored = history_bytes(carol, "same", k + 2);

		assert_non_null(stored);
		assert_string_equal(stored, live[k]);
	}
}

/* The retain flag of a send means nothing: there is no second copy to go stale. */
static void test_retain_flag_is_ignored(void **state)
{
	struct publish p = {
		.topic = "chat/kept/send", .payload = "flagged", .qos = 1, .retain = true};
	struct client *late;

	(void)state;
	group("kept");
	assert_in_range(client_publish(alice, &p), 0, 0x10);
	client_publish(bob, &p);
	assert_false(client_take(carol, "chat/kept/msg", "flagged")->retain);
	assert_false(client_take(carol, "chat/kept/msg", "flagged")->retain);
	late = client_5(in, "carol", "late");
	client_subscribe_ok(late, "chat/kept/#", 1);
	late = client_open(
		in, &(struct client_opts){.user = "dave", .device = "late", .role = "admin"});
	client_subscribe_ok(late, "chat/#", 1);
	client_barrier(late);
	client_none(late, 0, "#", "flagged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_plain_text),
		SYSTEM(test_message_bytes),
		SYSTEM(test_server_fills_in),
		SYSTEM(test_all_types),
		SYSTEM(test_wrong_content),
		SYSTEM(test_edit),
		SYSTEM(test_delete),
		SYSTEM(test_reaction),
		SYSTEM(test_qos),
		SYSTEM(test_history_byte_for_byte),
		SYSTEM(test_retain_flag_is_ignored),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
