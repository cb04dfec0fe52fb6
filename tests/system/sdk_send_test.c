/* sdk_send_test.c — the SDK's outbox: what was queued is stored once, in order, and told step by
 * step, whatever becomes of app, connection and server meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/mqttjs.h"
#include "tests/support/proxy.h"
#include "tests/support/sdk.h"

static struct instance *started(void)
{
	struct instance *in = instance_create(instance_people);

	instance_start(in);
	return in;
}

static void wait_tick(struct sdk *s, const char *id, enum gnatter_tick tick)
{
	sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_SENT, .id = id, .tick = tick});
}

static void wait_refused(struct sdk *s, const char *id, const char *code)
{
	const struct sdk_seen *e = sdk_wait(
		s, 0, (struct sdk_seen){.kind = SDK_SENT, .id = id, .tick = GNATTER_TICK_REFUSED});

	assert_string_equal(e->code, code);
	assert_true(*e->text);
}

static const char *queue(struct sdk *s, const char *chat, const struct gnatter_draft *d)
{
	char id[GNATTER_ID_SIZE];
	enum gnatter_error e = gnatter_send(sdk_g(s), chat, d, id);

	if (e != GNATTER_OK)
		case_fail("%s: %s", chat, gnatter_error_text(e));
	return case_printf("%s", id);
}

/* --- steps ----------------------------------------------------------------------------------- */

static void test_steps(void **state)
{
	struct instance *in = started();
	struct sdk *alice = sdk_online(in, "alice", "phone"), *bob = sdk_online(in, "bob", "phone");
	struct client *other = client_5(in, "alice", "other");
	const struct sdk_seen *m;
	const char *id;

	(void)state;
	id = sdk_send(alice, "alice:bob", "hello");
	wait_tick(alice, id, GNATTER_TICK_SENT);
	wait_tick(alice, id, GNATTER_TICK_STORED);
	m = sdk_wait(bob, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .id = id});
	assert_string_equal(m->text, "hello");
	wait_tick(alice, id, GNATTER_TICK_DELIVERED);
	assert_int_equal(gnatter_mark_read(sdk_g(bob), "alice:bob", m->seq), GNATTER_OK);
	wait_tick(alice, id, GNATTER_TICK_READ);
	assert_int_equal(sdk_message(alice, "alice:bob", 1).tick, GNATTER_TICK_READ);
	/* One's own came as a message, too. */
	assert_int_equal(sdk_count(alice, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .id = id}), 1);
	sdk_expect_same(alice, other, "alice:bob");
	sdk_wait_row(alice, other, "alice:bob");
	sdk_expect_same(bob, client_5(in, "bob", "other"), "alice:bob");
}

/* With somebody on a web page, whose library nobody here wrote: each of the steps, both ways. */
static void test_steps_with_a_web_page(void **state)
{
	struct instance *in = instance_create_ws(instance_people);
	struct mqttjs *bob;
	struct sdk *alice;
	const char *id;

	(void)state;
	instance_start(in);
	alice = sdk_online(in, "alice", "phone");
	bob = mqttjs_open(in, &(struct mqttjs_opts){.user = "bob", .device = "web"});
	assert_int_equal(mqttjs_subscribe(bob, "chat/alice:bob/#", 1), 1);
	id = sdk_send(alice, "alice:bob", "are you there?");
	mqttjs_take(bob, "chat/alice:bob/msg", "are you there?");
	wait_tick(alice, id, GNATTER_TICK_STORED);
	mqttjs_publish(bob, "chat/alice:bob/ack", "{\"delivered\":1}", 1);
	wait_tick(alice, id, GNATTER_TICK_DELIVERED);
	mqttjs_publish(bob, "chat/alice:bob/ack", "{\"read\":1}", 1);
	wait_tick(alice, id, GNATTER_TICK_READ);
	mqttjs_send(bob, "alice:bob",
		"{\"id\":\"w1\",\"text\":\"yes\",\"ref\":1,\"body\":{\"n\":12345678901234567890}}");
	sdk_wait(alice, 0,
		(struct sdk_seen){.kind = SDK_MESSAGE, .id = "w1", .text = "yes", .ref = 1});
	mqttjs_take(bob, "chat/alice:bob/mark/alice", "\"delivered\":2");
	mqttjs_send(bob, "alice:bob", "{\"type\":\"edit\",\"ref\":2,\"text\":\"yes!\"}");
	mqttjs_send(bob, "alice:bob", "{\"type\":\"reaction\",\"ref\":1,\"text\":\"+1\"}");
	sdk_wait(alice, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .type = "reaction", .ref = 1});
	assert_int_equal(gnatter_mark_read(sdk_g(alice), "alice:bob", 4), GNATTER_OK);
	mqttjs_take(bob, "chat/alice:bob/mark/alice", "\"read\":4");
	assert_int_equal(gnatter_delete(sdk_g(alice), "alice:bob", 1, NULL), GNATTER_OK);
	mqttjs_take(bob, "chat/alice:bob/msg", "\"type\":\"delete\"");
	sdk_expect_same(alice, client_5(in, "alice", "x"), "alice:bob");
}

/* In a group a tick is told when it holds of everybody. */
static void test_group_steps(void **state)
{
	struct instance *in = started();
	struct sdk *alice = sdk_online(in, "alice", "phone"), *bob = sdk_online(in, "bob", "phone");
	struct client *carol = client_3(in, "carol", "old");
	const char *id = sdk_send(alice, "lobby", "hello");

	(void)state;
	client_subscribe_ok(carol, "chat/lobby/#", 1);
	wait_tick(alice, id, GNATTER_TICK_STORED);
	sdk_wait(bob, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .id = id});
	client_take(carol, "chat/lobby/mark/bob", "\"delivered\":1");
	sdk_ask(alice, "me", NULL);
	assert_null(sdk_find(alice, 0,
		(struct sdk_seen){.kind = SDK_SENT, .id = id, .tick = GNATTER_TICK_DELIVERED}));
	client_publish(carol,
		&(struct publish){.topic = "chat/lobby/ack", .payload = "{\"read\":1}", .qos = 1});
	wait_tick(alice, id, GNATTER_TICK_DELIVERED);
	gnatter_mark_read(sdk_g(bob), "lobby", 1);
	wait_tick(alice, id, GNATTER_TICK_READ);
}

/* --- refused --------------------------------------------------------------------------------- */

static void test_refused(void **state)
{
	struct instance *in = instance_create(instance_people);
	struct sdk *alice;
	const char *chat, *ref, *large, *edit, *good, *nobody;
	char *text;

	(void)state;
	instance_set(in, "text_chars_max", "100");
	instance_start(in);
	alice = sdk_online(in, "alice", "phone");
	text = case_alloc(102);
	memset(text, 'x', 101);
	client_request(client_5(in, "bob", "x"), "chat.create", "{\"chat\":\"club\"}");
	chat = sdk_send(alice, "club", "let me in");
	nobody = sdk_send(alice, "alice:nobody", "is there anybody?");
	large = sdk_send(alice, "lobby", text);
	ref = queue(alice, "lobby", &(struct gnatter_draft){.text = "re", .ref = 99});
	edit = queue(
		alice, "lobby", &(struct gnatter_draft){.type = "edit", .text = "re", .ref = 99});
	good = sdk_send(alice, "lobby", "fine");
	wait_refused(alice, chat, "forbidden");
	wait_refused(alice, nobody, "forbidden");
	wait_refused(alice, large, "too_large");
	wait_refused(alice, ref, "not_found");
	wait_refused(alice, edit, "not_found");
	wait_tick(alice, good, GNATTER_TICK_STORED);
	sdk_wait_sent(alice);
	/* It stays until it is discarded. */
	assert_int_equal(gnatter_discard(sdk_g(alice), "lobby", ref), GNATTER_OK);
	assert_int_equal(gnatter_discard(sdk_g(alice), "lobby", ref), GNATTER_ENOTFOUND);
	assert_int_equal(gnatter_discard(sdk_g(alice), "lobby", good), GNATTER_ENOTFOUND);
	sdk_expect_same(alice, client_5(in, "alice", "x"), "lobby");
	assert_int_equal(sdk_chat(alice, "lobby").seq, 1);
}

/* What would not even be a message is refused at once. */
static void test_malformed(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct sdk *s = sdk_open(&o);
	const struct gnatter_draft wrong[] = {
		{.text = NULL},
		{.text = ""},
		{.text = "\xff"},
		{.type = "system", .text = "x"},
		{.type = "edit", .text = "x"},
		{.type = "delete"},
		{.type = "image", .media = "\"x\""},
		{.type = "image", .media = "[1]"},
		{.type = "x-own", .body = "[]"},
		{.type = "x-own", .body = "{},\"id\":\"x\""},
		{.type = "x-own", .body = "{"},
		{.id = "", .text = "x"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(gnatter_send(sdk_g(s), "lobby", &wrong[i], NULL), GNATTER_EINVAL);
	assert_int_equal(gnatter_send_text(sdk_g(s), "bob:alice", "x", NULL), GNATTER_EINVAL);
	assert_int_equal(gnatter_send_text(sdk_g(s), "a/b", "x", NULL), GNATTER_EINVAL);
	assert_int_equal(gnatter_send_text(sdk_g(s), NULL, "x", NULL), GNATTER_EINVAL);
	assert_int_equal(sdk_waiting(s), 0);
}

/* --- every kind of message ------------------------------------------------------------------- */

/* A body as deep as there may be, written as nobody would write it. */
static char *deep_body(void)
{
	char *body =
		case_printf("{ \"z\" : 1.0, \"a\":[ ], \"e\":1e2,\"u\":\"\\u00e9\\/\", \"d\":");
	int levels = 30;

	for (int i = 0; i < levels; i++)
		body = case_printf("%s[", body);
	for (int i = 0; i < levels; i++)
		body = case_printf("%s]", body);
	return case_printf("%s }", body);
}

static void test_kinds(void **state)
{
	struct instance *in = started();
	struct sdk *alice = sdk_online(in, "alice", "phone"), *bob = sdk_online(in, "bob", "phone");
	struct client *a = client_5(in, "alice", "x"), *b = client_5(in, "bob", "x");
	struct gnatter *g = sdk_g(alice);

	(void)state;
	sdk_send(alice, "lobby", "one \"quoted\" \n grüße \xf0\x9f\x98\x80");
	queue(alice, "lobby",
		&(struct gnatter_draft){
			.type = "image", .text = "look", .media = "[ \"m1\",\"m\\u0032\" ]"});
	queue(alice, "lobby", &(struct gnatter_draft){.type = "x-own.1", .body = deep_body()});
	sdk_wait_sent(alice);
	gnatter_reply(g, "lobby", 1, "two", NULL);
	gnatter_edit(g, "lobby", 1, "one, better", NULL);
	gnatter_edit(g, "lobby", 1, "one, best", NULL);
	gnatter_react(g, "lobby", 1, "+1", NULL);
	gnatter_react(g, "lobby", 1, "", NULL);
	gnatter_react(g, "lobby", 2, "-1", NULL);
	sdk_wait_sent(alice);
	gnatter_react(sdk_g(bob), "lobby", 2, "\xf0\x9f\x91\x8d", NULL);
	gnatter_edit(g, "lobby", 2, "look here", NULL);
	sdk_wait_sent(alice);
	sdk_wait_sent(bob);
	gnatter_delete(g, "lobby", 4, NULL);
	gnatter_delete(g, "lobby", 2, NULL);
	sdk_wait_sent(alice);
	sdk_expect_same(alice, a, "lobby");
	sdk_expect_same(bob, b, "lobby");
	assert_string_equal(sdk_message(bob, "lobby", 1).text, "one, best");
	assert_null(sdk_message(bob, "lobby", 4).text);
	/* And by whoever gets all of it from the history. */
	sdk_expect_same(sdk_online(in, "carol", "new"), client_5(in, "carol", "x"), "lobby");
}

/* The same with history alone: what another client wrote while one was away. */
static void test_deep_history(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options_file(in, "bob", "phone");
	struct sdk *bob = sdk_connect(&o);
	struct client *alice = client_5(in, "alice", "x");

	(void)state;
	sdk_wait_synced(bob);
	sdk_close(bob);
	client_sendf(alice, "lobby", "{\"id\":\"d\",\"type\":\"x-deep\",\"body\":%s}", deep_body());
	client_send(alice, "lobby", "after it");
	client_barrier(alice);
	sdk_reopen(bob, NULL);
	gnatter_connect(sdk_g(bob));
	sdk_wait(bob, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .text = "after it"});
	sdk_expect_same(bob, client_5(in, "bob", "x"), "lobby");
}

/* --- the outbox ------------------------------------------------------------------------------ */

/* Written over weeks without a connection; the app was closed in between. */
static void test_weeks_offline(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options_file(in, "alice", "phone");
	struct sdk *s = sdk_open(&o);
	struct client *c = client_5(in, "alice", "x");
	struct history h;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct gnatter_draft d = {
			.id = case_printf("w%d", i), .text = case_printf("%d", i)};

		queue(s, i % 2 ? "lobby" : "alice:bob", &d);
		if (i == 250)
			sdk_reopen(s, NULL);
	}
	assert_int_equal(sdk_waiting(s), 500);
	assert_int_equal(gnatter_discard(sdk_g(s), "lobby", "w7"), GNATTER_OK);
	gnatter_connect(sdk_g(s));
	sdk_wait_sent(s);
	h = history_all(c, "lobby");
	assert_int_equal(h.count, 249);
	for (size_t i = 0; i < h.count; i++)
		assert_string_equal(json_str(h.messages[i], "id"),
			case_printf("w%zu", 2 * i + (i < 3 ? 1 : 3)));
	assert_int_equal(history_all(c, "alice:bob").count, 250);
	/* Told as messages, too, although the chat was new to this device. */
	sdk_wait_count(s, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .chat = "lobby"}, 249);
	sdk_wait_count(s, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .chat = "alice:bob"}, 250);
	sdk_expect_same(s, c, "lobby");
	sdk_expect_same(s, c, "alice:bob");
}

static void test_limit(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct sdk *s, *tab;

	(void)state;
	o.outbox_max = 3;
	s = sdk_open(&o);
	queue(s, "lobby", &(struct gnatter_draft){.id = "a", .text = "a"});
	assert_int_equal(gnatter_send(sdk_g(s), "lobby",
				 &(struct gnatter_draft){.id = "a", .text = "b"}, NULL),
		GNATTER_OK); /* it waits already, and is queued once */
	sdk_send(s, "lobby", "b");
	sdk_send(s, "lobby", "c");
	assert_int_equal(gnatter_send_text(sdk_g(s), "lobby", "d", NULL), GNATTER_ELIMIT);
	gnatter_connect(sdk_g(s));
	sdk_wait_sent(s);
	sdk_send(s, "lobby", "d");
	sdk_wait_sent(s);
	/* An id that the server knows, from another device: nothing is stored. */
	tab = sdk_online(in, "alice", "tab");
	queue(tab, "lobby", &(struct gnatter_draft){.id = "a", .text = "again"});
	sdk_wait_sent(tab);
	assert_int_equal(sdk_chat(s, "lobby").seq, 4);
	sdk_expect_same(s, client_5(in, "alice", "x"), "lobby");
}

/* A group that one has just made, and what one says there at once. */
static void test_new_group(void **state)
{
	struct instance *in = started();
	struct sdk *alice = sdk_online(in, "alice", "phone"), *tab = sdk_online(in, "alice", "tab"),
		   *bob = sdk_online(in, "bob", "phone");
	struct client *c = client_5(in, "alice", "x");

	(void)state;
	for (int i = 0; i < 20; i++) {
		char *chat = case_printf("new%d", i);
		const char *id;

		sdk_ask(alice, "chat.create",
			case_printf("{\"chat\":\"%s\",\"members\":[\"bob\"]}", chat));
		id = sdk_send(alice, chat, "first");
		sdk_wait(bob, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .id = id});
		sdk_wait(alice, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .id = id});
		sdk_wait_sent(alice);
	}
	sdk_expect_same(alice, c, "new19");
	sdk_expect_same(tab, c, "new19");
}

/* --- the server in trouble ------------------------------------------------------------------- */

/* Its spool is full while the daemon is away: what is refused for the moment is sent again. */
static void test_busy(void **state)
{
	struct instance *in = instance_create(instance_people);
	struct client *c, *bob;
	struct sdk *s;
	char *text = case_alloc(20001);
	struct publish full = {.topic = "chat/alice:bob/send", .payload = text, .qos = 1};

	(void)state;
	instance_set(in, "message_size_max", "64K");
	instance_set(in, "spool_size", "1M");
	instance_start(in);
	s = sdk_online(in, "alice", "phone");
	memset(text, 'x', 20000);
	bob = client_5(in, "bob", "x");
	instance_stop_daemon(in);
	while (client_publish(bob, &full) < 0x80) /* until the spool is full */
		;
	for (int i = 0; i < 100; i++)
		queue(s, "lobby",
			&(struct gnatter_draft){.id = case_printf("b%d", i), .text = text});
	sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_EVENT, .text = "errors"});
	instance_start_daemon(in);
	sdk_wait_sent(s);
	c = client_5(in, "alice", "x");
	struct history h = history_all(c, "lobby");

	history_expect_once(&h, "alice", "b", 100);
	assert_int_equal(h.count, 100);
	assert_null(
		sdk_find(s, 0, (struct sdk_seen){.kind = SDK_SENT, .tick = GNATTER_TICK_REFUSED}));
	sdk_expect_same(s, c, "lobby");
}

/* Large ones go a few at a time. */
static void test_large(void **state)
{
	struct instance *in = started();
	struct sdk *s = sdk_online(in, "alice", "phone");
	char *text = case_alloc(100001);
	int64_t begun = case_now_ms();

	(void)state;
	memset(text, 'x', 100000);
	for (int i = 0; i < 100; i++)
		queue(s, "lobby",
			&(struct gnatter_draft){.id = case_printf("l%d", i), .text = text});
	queue(s, "lobby",
		&(struct gnatter_draft){.id = "l100",
			.text = "x",
			.body = case_printf("{\"a\":\"%s%s%s%s%s%s%s\"}", text, text, text, text,
				text, text, text)});
	sdk_wait_sent(s);
	print_message("10 MB in %lld ms\n", (long long)(case_now_ms() - begun));
	struct history h = history_all(client_5(in, "bob", "x"), "lobby");

	history_expect_once(&h, "alice", "l", 101);
}

static void test_rate(void **state)
{
	struct instance *in = instance_create(instance_people);
	struct sdk *s;

	(void)state;
	instance_set(in, "rate_per_user", "50");
	instance_set(in, "rate_burst", "60");
	instance_start(in);
	s = sdk_online(in, "alice", "phone");
	for (int i = 0; i < 200; i++)
		queue(s, "lobby",
			&(struct gnatter_draft){.id = case_printf("r%d", i), .text = "r"});
	sdk_wait_sent(s);
	sdk_wait_synced(s);
	struct history h = history_all(client_5(in, "bob", "x"), "lobby");

	history_expect_once(&h, "alice", "r", 200);
	assert_int_equal(h.count, 200);
	assert_null(
		sdk_find(s, 0, (struct sdk_seen){.kind = SDK_SENT, .tick = GNATTER_TICK_REFUSED}));
}

/* Order holds when connections break between any two bytes. */
static void test_order(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct proxy *p = proxy_start(in->port);
	struct sdk *s;

	(void)state;
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	s = sdk_connect(&o);
	sdk_wait_synced(s);
	for (int i = 0; i < 300; i++) {
		queue(s, "lobby",
			&(struct gnatter_draft){
				.id = case_printf("o%d", i), .text = case_printf("%d", i)});
		if (i % 60 == 0)
			proxy_cut_after(p, i % 120 ? PROXY_UP : PROXY_DOWN, (uint64_t)i * 10 + 50,
				PROXY_RST);
	}
	sdk_wait_sent(s);
	struct history h = history_all(client_5(in, "bob", "x"), "lobby");

	assert_int_equal(h.count, 300);
	for (size_t i = 0; i < h.count; i++)
		assert_string_equal(json_str(h.messages[i], "id"), case_printf("o%zu", i));
	assert_true(proxy_seen(p).broken > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_steps),
		SYSTEM(test_steps_with_a_web_page),
		SYSTEM(test_group_steps),
		SYSTEM(test_refused),
		SYSTEM(test_malformed),
		SYSTEM(test_kinds),
		SYSTEM(test_deep_history),
		SYSTEM(test_weeks_offline),
		SYSTEM(test_limit),
		SYSTEM(test_new_group),
		SYSTEM(test_busy),
		SYSTEM(test_large),
		SYSTEM(test_rate),
		SYSTEM(test_order),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
