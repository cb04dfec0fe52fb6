/* sdk_receive_test.c — what the SDK receives: live, after an absence, through gaps, by paging back;
 * and that an app is told of each thing once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/proc.h"
#include "tests/support/proxy.h"
#include "tests/support/sdk.h"

static struct instance *started(void)
{
	struct instance *in = instance_create(instance_people);

	instance_start(in);
	return in;
}

static void flood(struct client *c, const char *chat, int from, int count)
{
	for (int i = from; i < from + count; i++)
		client_sendf(c, chat, "{\"id\":\"f%d\",\"text\":\"flood %d\"}", i, i);
}

static struct sdk_seen message(const char *chat, const char *text)
{
	return (struct sdk_seen){.kind = SDK_MESSAGE, .chat = chat, .text = text};
}

/* --- after an absence ------------------------------------------------------------------------ */

/* A new device is told what comes from now on, and finds the rest by paging back. */
static void test_new_device(void **state)
{
	struct instance *in = started();
	struct client *bob = client_5(in, "bob", "x");
	struct sdk *s;

	(void)state;
	flood(bob, "lobby", 0, 250);
	flood(bob, "alice:bob", 0, 3);
	client_barrier(bob);
	s = sdk_online(in, "alice", "new");
	assert_int_equal(sdk_count(s, 0, message(NULL, NULL)), 0);
	client_send(bob, "lobby", "live");
	sdk_wait(s, 0, message("lobby", "live"));
	sdk_expect_same(s, client_5(in, "alice", "x"), "lobby");
	sdk_expect_same(s, client_5(in, "alice", "y"), "alice:bob");
	assert_int_equal(sdk_count(s, 0, message(NULL, NULL)), 1);
}

/* Or what is unread, if it says so. */
static void test_from_unread(void **state)
{
	struct instance *in = started();
	struct client *bob = client_5(in, "bob", "x"), *alice = client_5(in, "alice", "x");
	struct gnatter_options o = sdk_options(in, "alice", "new");
	struct sdk *s;

	(void)state;
	flood(bob, "lobby", 0, 30);
	client_barrier(bob);
	client_publish(alice,
		&(struct publish){.topic = "chat/lobby/ack", .payload = "{\"read\":20}", .qos = 1});
	client_barrier(alice);
	o.from_unread = true;
	s = sdk_connect(&o);
	sdk_wait_synced(s);
	assert_int_equal(sdk_count(s, 0, message("lobby", NULL)), 10);
	assert_int_equal(sdk_find(s, 0, message("lobby", NULL))->seq, 21);
	sdk_wait_row(s, alice, "lobby");
}

#define CHATS 50
#define EACH  200

static void make_chats(struct client *c)
{
	for (int i = 0; i < CHATS; i++)
		client_requestf(c, "chat.create",
			"{\"chat\":\"room%d\",\"members\":[\"bob\",\"carol\"]}", i);
}

/* 10,000 messages in 50 chats, in order and once, into a file. */
static void test_absence(void **state)
{
	struct instance *in = started();
	struct client *alice = client_5(in, "alice", "x"), *b;
	struct gnatter_options o = sdk_options_file(in, "bob", "phone");
	struct sdk *bob;
	int64_t begun;

	(void)state;
	make_chats(alice);
	bob = sdk_connect(&o);
	sdk_wait_synced(bob);
	sdk_close(bob);
	for (int i = 0; i < CHATS; i++)
		flood(alice, case_printf("room%d", i), 0, EACH);
	client_barrier(alice);
	sdk_reopen(bob, NULL);
	begun = case_now_ms();
	gnatter_connect(sdk_g(bob));
	sdk_wait_synced(bob);
	print_message("%d messages in %d chats: %lld ms\n", CHATS * EACH, CHATS,
		(long long)(case_now_ms() - begun));
	assert_int_equal(
		sdk_count(bob, 0,
			(struct sdk_seen){.kind = SDK_MESSAGE, .user = "alice", .type = "text"}),
		CHATS * EACH);
	b = client_5(in, "bob", "x");
	for (int i = 0; i < CHATS; i += 7) {
		char *chat = case_printf("room%d", i);

		sdk_expect_same(bob, b, chat);
		sdk_wait_row(bob, b, chat);
	}
}

/* What was edited, deleted, reacted to while one was away is applied to what is cached. */
static void test_changed_meanwhile(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options_file(in, "bob", "phone");
	struct sdk *bob = sdk_connect(&o);
	struct client *alice = client_5(in, "alice", "x"), *b = client_5(in, "bob", "x");

	(void)state;
	sdk_wait_synced(bob);
	flood(alice, "lobby", 0, 5);
	sdk_wait_count(bob, 0, message("lobby", NULL), 5);
	sdk_close(bob);
	client_send(alice, "lobby", "{\"type\":\"edit\",\"ref\":1,\"text\":\"edited\"}");
	client_send(alice, "lobby", "{\"type\":\"edit\",\"ref\":2,\"text\":\"to be deleted\"}");
	client_send(alice, "lobby", "{\"type\":\"delete\",\"ref\":2}");
	client_send(alice, "lobby", "{\"type\":\"reaction\",\"ref\":3,\"text\":\"+1\"}");
	client_send(alice, "lobby", "{\"type\":\"reaction\",\"ref\":4,\"text\":\"+1\"}");
	client_send(alice, "lobby", "{\"type\":\"delete\",\"ref\":10}");
	client_send(alice, "lobby", "{\"type\":\"delete\",\"ref\":5}");
	client_barrier(alice);
	sdk_reopen(bob, NULL);
	gnatter_connect(sdk_g(bob));
	sdk_wait_synced(bob);
	sdk_expect_same(bob, b, "lobby");
	assert_string_equal(sdk_message(bob, "lobby", 1).text, "edited");
	assert_string_equal(sdk_message(bob, "lobby", 2).type, "deleted");
}

/* --- gaps ------------------------------------------------------------------------------------ */

struct breaking {
	struct proxy *p;
	uint64_t times;
};

static bool was_broken(void *arg)
{
	struct breaking *b = arg;

	return proxy_seen(b->p).broken >= b->times;
}

/* Connections that break in the middle of what comes. */
static void test_gaps(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "bob", "phone");
	struct proxy *p = proxy_start(in->port);
	struct client *alice = client_5(in, "alice", "x");
	struct sdk *bob;

	(void)state;
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	o.session_expiry_s = 0; /* no queue: everything is to be asked for */
	bob = sdk_connect(&o);
	sdk_wait_synced(bob);
	for (int i = 0; i < 5; i++) {
		proxy_cut_after(
			p, PROXY_DOWN, (uint64_t)(3000 + i * 700), i % 2 ? PROXY_RST : PROXY_FIN);
		flood(alice, "lobby", i * 100, 100);
		assert_true(case_wait(was_broken, &(struct breaking){p, (uint64_t)i + 1}));
	}
	client_send(alice, "lobby", "the end");
	sdk_wait(bob, 0, message("lobby", "the end"));
	assert_int_equal(sdk_count(bob, 0, message("lobby", NULL)), 501);
	sdk_expect_same(bob, client_5(in, "bob", "x"), "lobby");
}

/* A broker that drops what does not fit into its queue leaves gaps within one connection, and so
 * does an app that is slower than what comes. */
static void slow(void *ctx, struct sdk *s, const struct sdk_seen *e)
{
	(void)ctx;
	(void)s;
	if (e->kind == SDK_MESSAGE && e->seq % 100 == 0)
		case_pause_ms(50);
}

static void test_overflow(void **state)
{
	struct instance *in = instance_create(instance_people);
	struct client *alice;
	struct sdk *bob;
	char *text = case_alloc(20001);

	(void)state;
	instance_set_broker(in, "max_queued_messages", "20");
	instance_set_broker(in, "max_inflight_messages", "2");
	instance_start(in);
	alice = client_5(in, "alice", "x");
	bob = sdk_online(in, "bob", "phone");
	sdk_hook(bob, slow, NULL);
	memset(text, 'x', 20000);
	for (int i = 0; i < 1000; i++)
		client_sendf(alice, "lobby", "{\"text\":\"%s\"}", text);
	client_send(alice, "lobby", "the end");
	sdk_wait(bob, 0, message("lobby", "the end"));
	assert_int_equal(sdk_count(bob, 0, message("lobby", NULL)), 1001);
}

/* What the broker drops are the newest, so that no gap shows: two under way, twenty in its queue,
 * and nobody says anything after them. */
static void test_overflow_of_the_newest(void **state)
{
	struct instance *in = instance_create(instance_people);
	struct gnatter_options o;
	struct client *alice;
	struct proxy *p;
	struct sdk *bob;

	(void)state;
	instance_set_broker(in, "max_queued_messages", "20");
	instance_set_broker(in, "max_inflight_messages", "2");
	instance_start(in);
	p = proxy_start(in->port);
	o = sdk_options(in, "bob", "phone");
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	bob = sdk_connect(&o);
	sdk_wait_synced(bob);
	alice = client_5(in, "alice", "x");
	proxy_behave(p, &(struct proxy_manners){.hold = PROXY_UP});
	flood(alice, "lobby", 0, 100);
	client_barrier(alice);
	proxy_behave(p, NULL);
	sdk_wait_count(bob, 0, message("lobby", NULL), 100);
	sdk_expect_same(bob, client_5(in, "bob", "x"), "lobby");
	assert_non_null(strstr(slurp(case_printf("%s/broker.out", in->root), NULL),
		"Outgoing messages are being dropped for client bob:phone"));
}

/* --- groups ---------------------------------------------------------------------------------- */

static void test_membership(void **state)
{
	struct instance *in = started();
	struct client *alice = client_5(in, "alice", "x");
	struct gnatter_options o = sdk_options_file(in, "dave", "phone");
	struct sdk *dave = sdk_connect(&o);
	size_t from;

	(void)state;
	sdk_wait_synced(dave);
	flood(alice, "lobby", 0, 5);
	/* Live. */
	client_request(alice, "member.add", "{\"chat\":\"lobby\",\"user\":\"dave\"}");
	sdk_wait(dave, 0, (struct sdk_seen){.kind = SDK_CHAT, .chat = "lobby"});
	client_send(alice, "lobby", "welcome");
	sdk_wait(dave, 0, message("lobby", "welcome"));
	sdk_expect_same(dave, client_5(in, "dave", "x"), "lobby");
	client_request(alice, "chat.update", "{\"chat\":\"lobby\",\"title\":\"The Lobby\"}");
	client_request(
		alice, "member.role", "{\"chat\":\"lobby\",\"user\":\"dave\",\"role\":\"admin\"}");
	sdk_wait_row(dave, client_5(in, "dave", "x"), "lobby");
	client_request(
		alice, "member.role", "{\"chat\":\"lobby\",\"user\":\"dave\",\"role\":\"member\"}");
	client_request(alice, "member.remove", "{\"chat\":\"lobby\",\"user\":\"dave\"}");
	client_send(alice, "lobby", "he is gone");
	from = sdk_mark(dave);
	while (!sdk_chat(dave, "lobby").gone)
		case_pause_ms(5);
	assert_non_null(sdk_message(dave, "lobby", 1).chat);
	/* And again, now while he is away; what was said without him is a part of the history. */
	sdk_wait_synced(dave);
	sdk_close(dave);
	client_request(alice, "member.add", "{\"chat\":\"lobby\",\"user\":\"dave\"}");
	client_send(alice, "lobby", "welcome back");
	client_barrier(alice);
	sdk_reopen(dave, NULL);
	gnatter_connect(sdk_g(dave));
	sdk_wait(dave, from, message("lobby", "welcome back"));
	sdk_expect_same(dave, client_5(in, "dave", "x"), "lobby");
	sdk_close(dave);
	client_request(alice, "member.remove", "{\"chat\":\"lobby\",\"user\":\"dave\"}");
	sdk_reopen(dave, NULL);
	gnatter_connect(sdk_g(dave));
	sdk_wait_synced(dave);
	assert_true(sdk_chat(dave, "lobby").gone);
}

/* --- paging back ----------------------------------------------------------------------------- */

static void test_small_cache(void **state)
{
	struct instance *in = started();
	struct client *bob = client_5(in, "bob", "x"), *a = client_5(in, "alice", "x");
	struct gnatter_options o = sdk_options_file(in, "alice", "phone");
	struct sdk *s;
	char *text = case_alloc(501);

	(void)state;
	memset(text, 'y', 500);
	o.cache_bytes_max = 512 * 1024;
	o.from_unread = true;
	s = sdk_connect(&o);
	sdk_wait_synced(s);
	for (int i = 0; i < 1500; i++)
		client_sendf(bob, i % 3 ? "lobby" : "alice:bob", "{\"text\":\"%d %s\"}", i, text);
	client_send(bob, "lobby", "the end");
	client_send(bob, "alice:bob", "the end");
	sdk_wait(s, 0, message("lobby", "the end"));
	sdk_wait(s, 0, message("alice:bob", "the end"));
	assert_null(sdk_message(s, "lobby", 1).chat); /* forgotten */
	sdk_expect_same(s, a, "lobby");
	sdk_expect_same(s, a, "alice:bob");
	sdk_expect_same(s, a, "lobby");
	sdk_wait_row(s, a, "lobby");
	/* Without a connection only what is there. */
	gnatter_disconnect(sdk_g(s));
	size_t from = sdk_mark(s);

	gnatter_history(sdk_g(s), "lobby", 0, 1000, sdk_answer, s);
	assert_string_equal(
		sdk_wait(s, from, (struct sdk_seen){.kind = SDK_ANSWER})->code, "closed");
	from = sdk_mark(s);
	gnatter_history(sdk_g(s), "lobby", 0, 1, sdk_answer, s);
	assert_string_equal(sdk_wait(s, from, (struct sdk_seen){.kind = SDK_ANSWER})->code, "");
}

static bool count_found(void *ctx, const struct gnatter_message *m)
{
	(void)m;
	(*(int *)ctx)++;
	return true;
}

static void test_search(void **state)
{
	struct instance *in = started();
	struct sdk *alice = sdk_online(in, "alice", "phone");
	struct client *bob = client_5(in, "bob", "x");
	int found = 0;

	(void)state;
	client_send(bob, "lobby", "Grüße aus Köln");
	client_send(bob, "alice:bob", "noch mehr GRÜSSE");
	client_send(bob, "lobby", "{\"type\":\"edit\",\"ref\":1,\"text\":\"Gruß aus KÖLN\"}");
	client_send(bob, "lobby", "the end");
	sdk_wait(alice, 0, message("lobby", "the end"));
	sdk_wait(alice, 0, message("alice:bob", NULL));
	assert_int_equal(
		gnatter_search(sdk_g(alice), NULL, "köln", 10, count_found, &found), GNATTER_OK);
	assert_int_equal(found, 1);
	found = 0;
	gnatter_search(sdk_g(alice), "alice:bob", "grüss", 10, count_found, &found);
	assert_int_equal(found, 1);
	found = 0;
	gnatter_search(sdk_g(alice), NULL, "Grüße", 10, count_found, &found);
	assert_int_equal(found, 0);
	assert_int_equal(
		gnatter_search(sdk_g(alice), NULL, "", 10, count_found, &found), GNATTER_EINVAL);
}

/* --- marks, typing, muting, people ----------------------------------------------------------- */

static void test_marks(void **state)
{
	struct instance *in = started();
	struct sdk *alice = sdk_online(in, "alice", "phone"), *tab = sdk_online(in, "alice", "tab");
	struct client *bob = client_5(in, "bob", "x"), *a = client_5(in, "alice", "x");

	(void)state;
	flood(bob, "lobby", 0, 10);
	sdk_wait_count(alice, 0, message("lobby", NULL), 10);
	sdk_wait_count(tab, 0, message("lobby", NULL), 10);
	assert_int_equal(sdk_chat(tab, "lobby").unread, 10);
	/* Read here is read there. More than there is, or less than it was, changes nothing. */
	assert_int_equal(gnatter_mark_read(sdk_g(alice), "lobby", 7), GNATTER_OK);
	assert_int_equal(gnatter_mark_read(sdk_g(alice), "lobby", 3), GNATTER_OK);
	assert_int_equal(gnatter_mark_read(sdk_g(alice), "lobby", 11), GNATTER_OK);
	assert_int_equal(gnatter_mark_read(sdk_g(alice), "nowhere", 1), GNATTER_ENOTFOUND);
	assert_int_equal(sdk_chat(alice, "lobby").unread, 3);
	sdk_wait(tab, 0, (struct sdk_seen){.kind = SDK_MARK, .user = "alice", .read = 7});
	assert_int_equal(sdk_chat(tab, "lobby").unread, 3);
	sdk_wait_row(alice, a, "lobby");
	sdk_wait_row(tab, a, "lobby");
	/* Another member's. */
	client_publish(bob,
		&(struct publish){.topic = "chat/lobby/ack", .payload = "{\"read\":10}", .qos = 1});
	flood(client_5(in, "carol", "x"), "lobby", 0, 1);
	client_publish(bob,
		&(struct publish){.topic = "chat/lobby/ack", .payload = "{\"read\":11}", .qos = 1});
	sdk_wait(alice, 0, (struct sdk_seen){.kind = SDK_MARK, .user = "bob", .read = 11});
	/* One that is not connected tells it later. */
	gnatter_disconnect(sdk_g(alice));
	gnatter_mark_read(sdk_g(alice), "lobby", 11);
	gnatter_connect(sdk_g(alice));
	sdk_wait(tab, 0, (struct sdk_seen){.kind = SDK_MARK, .user = "alice", .read = 11});
	sdk_wait_row(tab, a, "lobby");
}

/* One that acknowledges by itself only what it wants to. */
static void test_no_acknowledge(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct client *bob = client_5(in, "bob", "x");
	struct sdk *alice;

	(void)state;
	o.acknowledge = false;
	alice = sdk_connect(&o);
	sdk_wait_synced(alice);
	client_subscribe_ok(bob, "chat/lobby/#", 1);
	flood(bob, "lobby", 0, 3);
	sdk_wait_count(alice, 0, message("lobby", NULL), 3);
	assert_int_equal(gnatter_mark_delivered(sdk_g(alice), "lobby", 2), GNATTER_OK);
	client_take(bob, "chat/lobby/mark/alice", "\"delivered\":2");
	assert_int_equal(client_count(bob, "chat/lobby/mark/alice"), 1);
	assert_int_equal(sdk_chat(alice, "lobby").delivered, 2);
	assert_int_equal(sdk_chat(alice, "lobby").unread, 3);
}

static bool count_members(void *ctx, const struct gnatter_member *m)
{
	(void)m;
	(*(int *)ctx)++;
	return true;
}

static bool take_alias(void *ctx, const struct gnatter_profile *p)
{
	*(char **)ctx = case_printf("%s%s=%s;", *(char **)ctx, p->user, p->alias);
	return true;
}

struct naming {
	struct sdk *s;
	const char *all; /* of the contacts, as it is to be */
};

static bool named(void *arg)
{
	struct naming *n = arg;
	char *all = case_printf("%s", "");

	gnatter_contacts(sdk_g(n->s), take_alias, &all);
	return strcmp(all, n->all) == 0;
}

static void test_people(void **state)
{
	struct instance *in = started();
	struct sdk *alice = sdk_online(in, "alice", "phone"), *tab = sdk_online(in, "alice", "tab"),
		   *bob = sdk_online(in, "bob", "phone");
	struct client *a = client_5(in, "alice", "x");
	size_t from = sdk_mark(alice);
	int members = 0;

	(void)state;
	gnatter_members_load(sdk_g(alice), "lobby", sdk_answer, alice);
	sdk_wait(alice, from, (struct sdk_seen){.kind = SDK_ANSWER});
	gnatter_members(sdk_g(alice), "lobby", count_members, &members);
	assert_int_equal(members, 3);
	from = sdk_mark(alice);
	gnatter_members_load(sdk_g(alice), "nowhere", sdk_answer, alice);
	assert_string_equal(
		sdk_wait(alice, from, (struct sdk_seen){.kind = SDK_ANSWER})->code, "forbidden");
	/* Typing: not one's own, not too often. */
	for (int i = 0; i < 20; i++)
		gnatter_typing(sdk_g(bob), "lobby");
	sdk_wait(alice, 0, (struct sdk_seen){.kind = SDK_TYPING, .chat = "lobby", .user = "bob"});
	sdk_ask(bob, "me", NULL);
	sdk_ask(alice, "me", NULL);
	assert_int_equal(sdk_count(alice, 0, (struct sdk_seen){.kind = SDK_TYPING}), 1);
	assert_int_equal(sdk_count(bob, 0, (struct sdk_seen){.kind = SDK_TYPING}), 0);
	/* Muting and contacts reach the other device. */
	gnatter_chat_mute(sdk_g(alice), "lobby", GNATTER_FOR_EVER, true, NULL, NULL);
	sdk_wait(tab, 0, (struct sdk_seen){.kind = SDK_EVENT, .json = "chat.muted"});
	assert_true(sdk_chat(tab, "lobby").muted);
	assert_true(sdk_chat(tab, "lobby").mentions);
	sdk_wait_row(tab, a, "lobby");
	gnatter_chat_mute(sdk_g(alice), "lobby", 0, false, NULL, NULL);
	sdk_wait_count(tab, 0, (struct sdk_seen){.kind = SDK_EVENT, .json = "chat.muted"}, 2);
	assert_false(sdk_chat(tab, "lobby").muted);
	gnatter_contact_add(sdk_g(alice), "bob", "Bobby \"B\"", NULL, NULL);
	assert_true(case_wait(named, &(struct naming){tab, "bob=Bobby \"B\";"}));
	sdk_ask(alice, "contact.remove", "{\"user\":\"bob\"}");
	assert_true(case_wait(named, &(struct naming){tab, ""}));
}

/* In a channel only who writes there types: nothing is published that would be refused. */
static void test_typing_in_a_channel(void **state)
{
	struct instance *in = started();
	struct client *a = client_5(in, "alice", "x"), *b = client_5(in, "bob", "x");
	struct sdk *alice, *bob;

	(void)state;
	client_request(
		a, "chat.create", "{\"chat\":\"news\",\"kind\":\"channel\",\"members\":[\"bob\"]}");
	client_subscribe_ok(b, "user/bob/errors", 1);
	alice = sdk_online(in, "alice", "phone");
	bob = sdk_online(in, "bob", "phone");
	sdk_wait_synced(alice);
	sdk_wait_synced(bob);
	gnatter_typing(sdk_g(bob), "news");
	gnatter_typing(sdk_g(alice), "news");
	sdk_wait(bob, 0, (struct sdk_seen){.kind = SDK_TYPING, .chat = "news", .user = "alice"});
	sdk_ask(bob, "me", NULL);
	client_barrier(b);
	client_none(b, 0, "user/bob/errors", NULL);
	assert_int_equal(sdk_count(alice, 0, (struct sdk_seen){.kind = SDK_TYPING}), 0);
}

/* --- inside of callbacks --------------------------------------------------------------------- */

static void busy_app(void *ctx, struct sdk *s, const struct sdk_seen *e)
{
	struct gnatter *g = sdk_g(s);
	struct gnatter_status st;

	(void)ctx;
	if (e->kind == SDK_STATUS && e->state == GNATTER_SYNCED) {
		assert_int_equal(gnatter_disconnect(g), GNATTER_EINVAL);
		assert_int_equal(gnatter_connect(g), GNATTER_EINVAL);
	}
	gnatter_status(g, &st);
	if (e->kind != SDK_MESSAGE || strcmp(e->user, "bob") != 0)
		return;
	gnatter_mark_read(g, e->chat, e->seq);
	gnatter_send_text(g, e->chat, "an echo", NULL);
	gnatter_history(g, e->chat, 0, 10, sdk_answer, s);
	gnatter_members_load(g, e->chat, sdk_answer, s);
	gnatter_me(g, sdk_answer, s);
	gnatter_typing(g, e->chat);
	gnatter_watch(g, "bob");
	gnatter_presence_set(g, "busy", "echoing");
	gnatter_retry(g);
}

static void test_from_callbacks(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct sdk *alice = sdk_open(&o);
	struct client *bob = client_5(in, "bob", "x");

	(void)state;
	sdk_hook(alice, busy_app, NULL);
	gnatter_connect(sdk_g(alice));
	sdk_wait_synced(alice);
	flood(bob, "lobby", 0, 50);
	sdk_wait_count(alice, 0, message("lobby", "an echo"), 50);
	sdk_wait_count(alice, 0, (struct sdk_seen){.kind = SDK_ANSWER, .code = ""}, 150);
	sdk_expect_same(alice, client_5(in, "alice", "x"), "lobby");
}

/* --- requests -------------------------------------------------------------------------------- */

static void ask_again(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	sdk_answer(ctx, g, a);
	gnatter_me(g, ask_again, ctx); /* for ever, if it could */
}

static void test_requests(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct proxy *p = proxy_start(in->port);
	struct sdk *s;
	size_t from;

	(void)state;
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	o.requests_max = 10;
	o.request_timeout_ms = 1000;
	s = sdk_connect(&o);
	sdk_wait_synced(s);
	assert_string_equal(sdk_ask(s, "chat.get", "{\"chat\":\"none\"}")->code, "forbidden");
	assert_string_equal(sdk_ask(s, "no.such", "{}")->code, "unknown_method");
	assert_string_equal(sdk_ask(s, "chat.get", "{}")->code, "bad_request");
	assert_int_equal(gnatter_request(sdk_g(s), "me", "[]", NULL, NULL), GNATTER_EINVAL);
	assert_int_equal(gnatter_request(sdk_g(s), "a/b", NULL, NULL, NULL), GNATTER_EINVAL);
	/* Without a connection: as long as they may wait, and no more than there may be. */
	proxy_behave(p, &(struct proxy_manners){.refuse = true});
	proxy_drop(p, PROXY_RST);
	sdk_wait_state(s, GNATTER_OFFLINE);
	from = sdk_mark(s);
	for (int i = 0; i < 10; i++)
		assert_int_equal(gnatter_me(sdk_g(s), sdk_answer, s), GNATTER_OK);
	assert_int_equal(gnatter_me(sdk_g(s), sdk_answer, s), GNATTER_ELIMIT);
	sdk_wait_count(s, from, (struct sdk_seen){.kind = SDK_ANSWER, .code = "timeout"}, 10);
	/* One whose answer was lost is asked again. */
	from = sdk_mark(s);
	assert_int_equal(gnatter_me(sdk_g(s), sdk_answer, s), GNATTER_OK);
	proxy_behave(p, NULL);
	assert_string_equal(sdk_wait(s, from, (struct sdk_seen){.kind = SDK_ANSWER})->code, "");
	/* At the end every one is answered, and none twice. */
	proxy_behave(p, &(struct proxy_manners){.hold = PROXY_BOTH});
	from = sdk_mark(s);
	for (int i = 0; i < 5; i++)
		gnatter_me(sdk_g(s), sdk_answer, s);
	gnatter_history(sdk_g(s), "lobby", 0, 10, sdk_answer, s);
	gnatter_me(sdk_g(s), ask_again, s);
	gnatter_disconnect(sdk_g(s));
	assert_int_equal(sdk_count(s, from, (struct sdk_seen){.kind = SDK_ANSWER}), 7);
	assert_int_equal(
		sdk_count(s, from, (struct sdk_seen){.kind = SDK_ANSWER, .code = "closed"}), 6);
	sdk_close(s);
	assert_int_equal(
		sdk_count(s, from, (struct sdk_seen){.kind = SDK_ANSWER, .code = "closed"}), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_new_device),
		SYSTEM(test_from_unread),
		SYSTEM(test_absence),
		SYSTEM(test_changed_meanwhile),
		SYSTEM(test_gaps),
		SYSTEM(test_overflow),
		SYSTEM(test_overflow_of_the_newest),
		SYSTEM(test_membership),
		SYSTEM(test_small_cache),
		SYSTEM(test_search),
		SYSTEM(test_marks),
		SYSTEM(test_no_acknowledge),
		SYSTEM(test_people),
		SYSTEM(test_typing_in_a_channel),
		SYSTEM(test_from_callbacks),
		SYSTEM(test_requests),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
