/* badinput_test.c — bad bytes from clients: each has one code, nothing crashes, nothing accepted is
 * lost. The same for what stands between plugin and daemon is in badlink_test.c, for files and
 * disks in baddisk_test.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/raw.h"
#include "tests/support/token.h"

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_set(in, "rate_per_user", "0");
	instance_start(in);
}

#define BYTES(s) s, sizeof(s) - 1

struct row {
	const char *payload;
	size_t len;
	const char *code;
};

static const struct row payloads[] = {
	/* broken JSON */
	{BYTES("{"), "bad_json"},
	{BYTES("{\"text\":\"x\""), "bad_json"},
	{BYTES("{\"text\":\"x\"}}"), "bad_json"},
	{BYTES("{\"text\":\"x\"} {}"), "bad_json"},
	{BYTES("{\"text\":\"x\",}"), "bad_json"},
	{BYTES("{,\"text\":\"x\"}"), "bad_json"},
	{BYTES("{text:\"x\"}"), "bad_json"},
	{BYTES("{'text':'x'}"), "bad_json"},
	{BYTES("{\"text\" \"x\"}"), "bad_json"},
	{BYTES("{\"text\":\"x}"), "bad_json"},
	{BYTES("{\"text\":\"\\q\"}"), "bad_json"},
	{BYTES("{\"text\":\"\\u12\"}"), "bad_json"},
	{BYTES("{\"text\":\"x\",\"ref\":01}"), "bad_json"},
	{BYTES("{\"text\":\"x\",\"ref\":+1}"), "bad_json"},
	{BYTES("{\"text\":\"x\",\"ref\":NaN}"), "bad_json"},
	{BYTES("{\"text\":\"x\",\"a\":tru}"), "bad_json"},
	{BYTES("{\"text\":\"x\" /* c */}"), "bad_json"},
	{BYTES("{\"text\":\"raw\nline\"}"), "bad_json"},
	/* duplicate members */
	{BYTES("{\"text\":\"a\",\"text\":\"b\"}"), "bad_json"},
	{BYTES("{\"text\":\"a\",\"te\\u0078t\":\"b\"}"), "bad_json"},
	/* invalid UTF-8, in a text and in JSON */
	{BYTES("\xff"), "bad_utf8"},
	{BYTES("abc\xc3"), "bad_utf8"},
	{BYTES("\xc0\xaf overlong"), "bad_utf8"},
	{BYTES("\xed\xa0\x80 surrogate"), "bad_utf8"},
	{BYTES("\xf4\x90\x80\x80 beyond"), "bad_utf8"},
	{BYTES("{\"text\":\"\xff\"}"), "bad_utf8"},
	{BYTES("{\"text\":\"x\",\"b\xc3\":1}"), "bad_utf8"},
	/* NUL bytes, raw and escaped */
	{BYTES("a\0b"), "bad_utf8"},
	{BYTES("\0"), "bad_utf8"},
	{BYTES("{\"text\":\"a\0b\"}"), "bad_utf8"},
	{BYTES("{\"text\":\"x\"}\0"), "bad_utf8"},
	{BYTES("{\"text\":\"a\\u0000b\"}"), "bad_utf8"},
	/* wrong types */
	{BYTES("{\"text\":{}}"), "bad_request"},
	{BYTES("{\"text\":true}"), "bad_request"},
	{BYTES("{\"text\":\"x\",\"id\":[]}"), "bad_request"},
	{BYTES("{\"text\":\"x\",\"type\":1}"), "bad_request"},
	{BYTES("{\"text\":\"x\",\"ref\":\"2\"}"), "bad_request"},
	{BYTES("{\"text\":\"x\",\"ref\":1e999}"), "bad_request"},
	{BYTES("{\"text\":\"x\",\"ref\":-3}"), "bad_request"},
	{BYTES("{\"text\":\"x\",\"body\":3}"), "bad_request"},
	{BYTES(""), "bad_request"},
	/* a ref to nothing */
	{BYTES("{\"text\":\"x\",\"ref\":1000000}"), "not_found"},
	{BYTES("{\"type\":\"edit\",\"ref\":1000000,\"text\":\"x\"}"), "not_found"},
	{BYTES("{\"type\":\"delete\",\"ref\":1000000}"), "not_found"},
};

static char *repeated(const char *s, size_t times)
{
	size_t len = strlen(s);
	char *all = case_alloc(len * times + 1);

	for (size_t k = 0; k < times; k++)
		memcpy(all + k * len, s, len);
	return all;
}

static void expect_refusal(
	struct client *c5, struct client *c3, const char *chat, const struct row *r)
{
	struct publish p = {.topic = case_printf("chat/%s/send", chat),
		.payload = r->payload,
		.len = r->len,
		.qos = 1,
		.response = "answer"};
	struct message *m;

	client_publish(c5, &p);
	m = client_take(c5, "answer", NULL);
	if (!strstr(m->payload, case_printf("\"code\":\"%s\"", r->code)))
		case_fail("%.60s should be answered %s, not %s", r->payload, r->code, m->payload);
	client_publish(c3, &p);
	m = client_take(c3, "user/bob/errors", NULL);
	if (!strstr(m->payload, case_printf("\"code\":\"%s\"", r->code)))
		case_fail("%.60s should be told to be %s, not %s", r->payload, r->code, m->payload);
}

static void test_payloads_of_send(void **state)
{
	struct client *c5 = client_5(in, "alice", "five"), *c3 = client_3(in, "bob", "three"),
		      *carol = client_5(in, "carol", "c");
	struct row deep;
	size_t before;

	(void)state;
	client_request(c5, "chat.create", "{\"chat\":\"bad\",\"members\":[\"bob\",\"carol\"]}");
	client_subscribe_ok(c3, "user/bob/errors", 1);
	client_subscribe_ok(carol, "chat/bad/msg", 1);
	before = history_all(c5, "bad").count;
	for (size_t k = 0; k < COUNT(payloads); k++)
		expect_refusal(c5, c3, "bad", &payloads[k]);
	/* deep nesting: 32 levels are the most */
	for (size_t levels = 31; levels <= 33; levels++) {
		char *body = case_printf("{\"type\":\"x-deep\",\"body\":{\"a\":%s%s}}",
			repeated("[", levels - 2), repeated("]", levels - 2));
		struct cJSON *a = client_send_answered(c5, "bad", body);

		if (levels <= 32)
			assert_true(json_num(a, "seq") > 0);
		else
			json_expect_str(a, "error.code", "bad_json");
	}
	deep = (struct row){repeated("{\"a\":", 100000), 500000, "bad_json"};
	expect_refusal(c5, c3, "bad", &deep);
	deep = (struct row){case_printf("{\"body\":%s", repeated("[", 100000)), 0, "bad_json"};
	deep.len = strlen(deep.payload);
	expect_refusal(c5, c3, "bad", &deep);
	/* more members than an object may have */
	deep.payload = "{\"text\":\"x\"";
	for (int k = 0; k < 70; k++)
		deep.payload = case_printf("%s,\"m%d\":1", deep.payload, k);
	deep = (struct row){case_printf("%s}", deep.payload), 0, "limit"};
	deep.len = strlen(deep.payload);
	expect_refusal(c5, c3, "bad", &deep);
	/* none of it was stored, all of it left things as they were */
	client_send(c5, "bad", "all is well");
	client_take(carol, "chat/bad/msg", "all is well");
	assert_int_equal(history_all(c5, "bad").count, before + 3);
}

/* The same bytes as API requests and acknowledgements. */
static void test_payloads_of_api_and_ack(void **state)
{
	struct client *c5 = client_5(in, "alice", "five"), *c3 = client_3(in, "bob", "three");

	(void)state;
	client_subscribe_ok(c3, "user/bob/errors", 1);
	for (size_t k = 0; k < COUNT(payloads); k++) {
		const struct row *r = &payloads[k];
		struct publish p = {.topic = "api/history",
			.payload = r->payload,
			.len = r->len,
			.qos = 1,
			.response = "answer"};
		struct message *m;

		client_publish(c5, &p);
		m = client_take(c5, "answer", NULL);
		assert_non_null(strstr(m->payload, "{\"error\":{\"code\":\"bad_"));
		client_publish(c3, &p);
		m = client_take(c3, "reply/history", NULL);
		assert_non_null(strstr(m->payload, "{\"error\":{\"code\":\"bad_"));
		p.topic = "chat/lobby/ack";
		client_publish(c3, &p);
		m = client_take(c3, "user/bob/errors", NULL);
		assert_non_null(strstr(m->payload, "\"code\":\"bad_"));
	}
	client_barrier(c5);
}

/* Unknown chats and names that are none: refused at once, on the wire and in the API. */
static void test_unknown_chats(void **state)
{
	static const char *const chats[] = {"nowhere", "Lobby", "a:b:c", "alice:", ":alice",
		"alice:alice", "bob:alice", "alice:nobody", "-x", ".", "..", "lobby ", "lob by",
		"l\xc3\xb6zzy", "$SYS"};
	struct client *c5 = client_5(in, "alice", "five"), *c3 = client_3(in, "bob", "three");

	(void)state;
	client_subscribe_ok(c3, "user/bob/errors", 1);
	for (size_t k = 0; k < COUNT(chats); k++) {
		struct publish p = {
			.topic = case_printf("chat/%s/send", chats[k]), .payload = "x", .qos = 1};
		const char *code =
			k == 0 || k == 7 ? "forbidden" : "bad_name"; /* is it a name at all? */

		assert_int_equal(client_publish(c5, &p), 0x87);
		case_pause_ms(110); /* these errors are limited to ten a second */
		assert_int_equal(client_publish(c3, &p), 0);
		client_take(c3, "user/bob/errors", case_printf("\"code\":\"%s\"", code));
		client_refused(c5, "history", case_printf("{\"chat\":\"%s\"}", chats[k]), code);
	}
}

/* Topics that MQTT itself forbids: only bare sockets can say them. The broker closes; others notice
 * nothing. */
static void test_topics_no_library_sends(void **state)
{
	static const char *const topics[] = {"chat/+/send", "chat/#", "chat/lobby/send/#", "#", "+",
		"", "chat/l\xffzzy/send", "chat/lobby\x01/send"};
	struct client *witness = client_5(in, "alice", "witness");

	(void)state;
	for (size_t k = 0; k < COUNT(topics); k++) {
		for (int version = 4; version <= 5; version++) {
			const char *token = token_mint(&in->keys, &(struct token){.sub = "bob"});
			struct raw_connect c = {.client = "bob:raw",
				.user = "bob",
				.password = token,
				.version = version};
			struct raw r;
			struct buf b = {0};

			assert_true(raw_open(&r, in->port, 0));
			assert_int_equal(raw_connect(&r, &c, case_patience_ms()), 0);
			raw_publish(&b, version, topics[k], "x", 1, 1, 7, false);
			raw_write(&r, b.data, b.len);
			buf_free(&b);
			raw_close(&r);
		}
	}
	client_barrier(witness);
}

static long memory_kb(const struct proc *p)
{
	char *status = slurp(case_printf("/proc/%d/status", (int)p->pid), NULL);
	char *at = status ? strstr(status, "VmHWM:") : NULL;

	return at ? strtol(at + 6, NULL, 10) : 0;
}

/* 200 MB in one PUBLISH: refused before it is taken into memory. */
static void send_200_mb(int version)
{
	enum { MB = 1 << 20 };
	const char *token = token_mint(&in->keys, &(struct token){.sub = "bob"});
	struct raw_connect c = {
		.client = "bob:raw", .user = "bob", .password = token, .version = version};
	static char block[MB];
	struct buf b = {0}, body = {0};
	struct raw r;
	size_t sent = 0;

	assert_true(raw_open(&r, in->port, 0));
	assert_int_equal(raw_connect(&r, &c, case_patience_ms()), 0);
	raw_publish(&body, version, "chat/lobby/send", "", 0, 1, 7, false);
	/* the fixed header with the true length, then what raw_publish wrote behind its own */
	buf_u8(&b, 0x32);
	for (size_t left = 200u * MB + body.len - 2; left; left >>= 7)
		buf_u8(&b, (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
	buf_put(&b, body.data + 2, body.len - 2);
	assert_true(raw_write(&r, b.data, b.len));
	memset(block, 'z', sizeof(block));
	while (sent < 200 && raw_write(&r, block, sizeof(block)))
		sent++;
	assert_true(raw_wait_closed(&r, case_patience_ms()));
	raw_close(&r);
	buf_free(&b);
	buf_free(&body);
}

static void test_200_mb_payload(void **state)
{
	struct client *alice = client_5(in, "alice", "witness");
	size_t before = history_all(alice, "lobby").count;
	long memory = memory_kb(&in->broker);

	(void)state;
	send_200_mb(4);
	send_200_mb(5);
	client_barrier(alice);
	assert_int_equal(history_all(alice, "lobby").count, before);
	if (memory_kb(&in->broker) - memory > 32 * 1024)
		case_fail("the broker grew by %ld kB", memory_kb(&in->broker) - memory);
}

/* Between the largest payload and the largest packet: an answer, and the connection stays. */
static void test_3_mb_payload(void **state)
{
	struct client *c5 = client_5(in, "alice", "five"), *c3 = client_3(in, "bob", "three");
	struct publish p = {
		.topic = "chat/lobby/send", .payload = repeated("z", 3 << 20), .qos = 1};

	(void)state;
	client_subscribe_ok(c3, "user/bob/errors", 1);
	assert_int_equal(client_publish(c5, &p), 0x87);
	client_publish(c3, &p);
	client_take(c3, "user/bob/errors", "\"too_large\"");
	client_barrier(c5);
	client_barrier(c3);
}

/* Random bytes instead of packets, and packets with random bytes in them. */
static void test_noise(void **state)
{
	struct client *witness = client_5(in, "alice", "witness");
	const char *token = token_mint(&in->keys, &(struct token){.sub = "bob"});

	(void)state;
	srandom(20240229);
	for (int k = 0; k < 150; k++) {
		struct raw_connect c = {.client = "bob:noise",
			.user = "bob",
			.password = token,
			.version = 4 + k % 2};
		struct raw r;
		struct buf b = {0};

		assert_true(raw_open(&r, in->port, 0));
		if (k % 3)
			assert_int_equal(raw_connect(&r, &c, case_patience_ms()), 0);
		for (int n = 0; n < 5; n++)
			raw_publish(&b, c.version, n % 2 ? "chat/lobby/send" : "api/history",
				"{\"chat\":\"lobby\"}", 16, n % 3, (uint16_t)(n + 1), false);
		for (int n = 0; n < 4; n++)
			b.data[(size_t)random() % b.len] = (char)random();
		raw_write(&r, b.data, b.len - (size_t)random() % 8);
		buf_free(&b);
		raw_close(&r);
	}
	client_barrier(witness);
}

/* Strange properties of MQTT 5. */
static void test_mqtt5_properties(void **state)
{
	static const char *const responses[] = {"a/+/b", "#", "$SYS/x", "$CONTROL/gnatter/v1",
		"chat/lobby/msg", "user/alice/events", "chat/lobby/send", "api/me", "a"};
	struct client *alice = client_5(in, "alice", "five"), *bob = client_5(in, "bob", "five"),
		      *boss;
	size_t mark;

	(void)state;
	boss = client_open(
		in, &(struct client_opts){.user = "dave", .device = "d", .role = "admin"});
	client_subscribe_ok(boss, "#", 1);
	client_subscribe_ok(bob, "chat/lobby/#", 1);
	client_subscribe_ok(alice, "user/alice/#", 1);
	client_barrier(bob);
	mark = client_mark(bob);
	for (size_t k = 0; k < COUNT(responses); k++) {
		const char *token = token_mint(&in->keys, &(struct token){.sub = "eve"});
		struct raw_connect c = {
			.client = "eve:raw", .user = "eve", .password = token, .version = 5};
		struct buf b = {0}, body = {0};
		struct raw r;

		assert_true(raw_open(&r, in->port, 0));
		assert_int_equal(raw_connect(&r, &c, case_patience_ms()), 0);
		/* PUBLISH api/me, QoS 0, with this Response Topic */
		buf_put(&body, "\0\6api/me", 8);
		buf_u8(&body, (uint8_t)(strlen(responses[k]) + 3));
		buf_put(&body, "\x08\0", 2);
		buf_u8(&body, (uint8_t)strlen(responses[k]));
		buf_str(&body, responses[k]);
		buf_str(&body, "{}");
		raw_packet(&b, 0x30, &body);
		raw_write(&r, b.data, b.len);
		buf_free(&b);
		buf_free(&body);
		/* an answer to eve alone, or a refusal: in no case something for others */
		struct raw_packet p;
		raw_read(&r, &p, 200);
		raw_close(&r);
	}
	client_barrier(alice);
	client_barrier(bob);
	client_barrier(boss);
	client_none(bob, mark, "chat/lobby/#", NULL);
	client_none(alice, 0, "user/alice/events", "\"ok\"");
	client_none(boss, 0, "#", "\"eve\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_payloads_of_send),
		SYSTEM(test_payloads_of_api_and_ack),
		SYSTEM(test_unknown_chats),
		SYSTEM(test_topics_no_library_sends),
		SYSTEM(test_200_mb_payload),
		SYSTEM(test_3_mb_payload),
		SYSTEM(test_noise),
		SYSTEM(test_mqtt5_properties),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
