/* promises_removed_test.c — P5: once "member removed" is answered, that member neither receives nor
 * sends, whatever connections, sessions, queues and retained topics exist.
 *
 * Bob is the one who is removed; carol stays and shows that the messages flow.
 */
#include <signal.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"
#include "tests/support/raw.h"
#include "tests/support/token.h"

static struct instance *in;
static struct client *alice, *carol;

static void begin(void)
{
	in = instance_create(instance_people);
	instance_set(in, "rate_per_user", "0");
	instance_start(in);
	alice = client_5(in, "alice", "phone");
	carol = client_5(in, "carol", "phone");
	client_subscribe_ok(carol, "chat/lobby/msg", 1);
}

static struct client *persistent(int version)
{
	return client_open(in,
		&(struct client_opts){
			.user = "bob", .device = "tablet", .version = version, .persistent = true});
}

/* Bob's tablet comes back to its session. What waits there and is not for him any more may cost him
 * the connection once more; then he comes again, as every client does. */
static struct client *back_again(int version)
{
	for (int tries = 0; tries < 3; tries++) {
		struct client *bob = persistent(version);

		if (client_try_barrier(bob))
			return bob;
		client_none(bob, 0, "chat/lobby/#", NULL);
	}
	case_fail("bob's tablet is disconnected again and again");
}

static void remove_bob(void)
{
	client_request(alice, "member.remove", "{\"chat\":\"lobby\",\"user\":\"bob\"}");
}

/* Send something and wait until a member has it. */
static void send_seen(const char *text)
{
	client_send(alice, "lobby", text);
	client_take(carol, "chat/lobby/msg", text);
}

/* Of all that a client has received of the lobby, nothing was stored after bob was removed. */
static void expect_nothing_after(struct client *c, int64_t removed_seq)
{
	size_t count = client_mark(c);

	for (size_t k = 0; k < count; k++) {
		struct message *m = client_at(c, k);

		if (strncmp(m->topic, "chat/lobby/", 11) != 0 || m->payload[0] != '{')
			continue;
		if (json_num(json_of(m->payload, m->len), "seq") >= removed_seq)
			case_fail("a removed member received %s %s", m->topic, m->payload);
	}
}

/* The seq of the message that tells of bob's removal. */
static int64_t removed_seq(void)
{
	struct message *m = client_take(carol, "chat/lobby/msg", "member.removed");

	return json_num(json_of(m->payload, m->len), "seq");
}

static void live_subscription(int version)
{
	static const char *const filters[] = {"chat/lobby/msg", "chat/lobby/#", "chat/lobby/+",
		"chat/lobby/mark/+", "chat/lobby/typing/+", "chat/lobby/info"};
	struct client *bob;
	struct load *l;
	int64_t seq;

	begin();
	bob = client_open(
		in, &(struct client_opts){.user = "bob", .device = "phone", .version = version});
	for (size_t k = 0; k < COUNT(filters); k++)
		client_subscribe_ok(bob, filters[k], 1);
	l = load_start(in, &(struct load_opts){.user = "carol",
				   .device = "l",
				   .chat = "lobby",
				   .prefix = "x",
				   .pause_us = 1000});
	client_wait_count(bob, "chat/lobby/msg", 50);
	remove_bob();
	seq = removed_seq();
	load_wait(l, 200);
	load_stop(l);
	send_seen("after the removal");
	client_publish(carol,
		&(struct publish){.topic = "chat/lobby/ack", .payload = "{\"read\":1}", .qos = 1});
	client_publish(
		carol, &(struct publish){.topic = "chat/lobby/typing/carol", .payload = "1"});
	client_barrier(carol);
	if (client_connected(bob))
		client_barrier(bob);
	expect_nothing_after(bob, seq);
	client_none(bob, 0, "#", "after the removal");
	client_none(bob, 0, "chat/lobby/typing/+", NULL);
}

static void test_p5_live_subscription_mqtt5(void **state)
{
	(void)state;
	live_subscription(5);
}

static void test_p5_live_subscription_mqtt3(void **state)
{
	(void)state;
	live_subscription(4);
}

/* What a removed member tries is refused at once: the answer is on its way, the state is committed.
 */
static void test_p5_does_not_send(void **state)
{
	struct client *bob, *bob3;
	size_t mark;

	(void)state;
	begin();
	bob = client_5(in, "bob", "phone");
	bob3 = client_3(in, "bob", "old");
	client_subscribe_ok(bob3, "user/bob/errors", 1);
	client_send(bob, "lobby", "still in");
	client_take(carol, "chat/lobby/msg", "still in");
	remove_bob();
	removed_seq();
	mark = client_mark(carol);
	assert_int_equal(
		client_publish(bob,
			&(struct publish){.topic = "chat/lobby/send", .payload = "no", .qos = 1}),
		0x87);
	assert_int_equal(client_publish(bob, &(struct publish){.topic = "chat/lobby/ack",
						     .payload = "{\"read\":1}",
						     .qos = 1}),
		0x87);
	client_publish(
		bob3, &(struct publish){.topic = "chat/lobby/send", .payload = "no", .qos = 1});
	client_take(bob3, "user/bob/errors", "\"forbidden\"");
	client_publish(bob, &(struct publish){.topic = "chat/lobby/typing/bob", .payload = "1"});
	assert_int_equal(client_subscribe(bob, "chat/lobby/msg", 1), 0x87);
	assert_int_equal(client_subscribe(bob3, "chat/lobby/msg", 1), 0x80);
	client_refused(bob, "history", "{\"chat\":\"lobby\"}", "forbidden");
	client_refused(bob, "chat.get", "{\"chat\":\"lobby\"}", "forbidden");
	client_refused(bob, "unread", "{\"chat\":\"lobby\"}", "forbidden");
	client_refused(bob3, "member.add", "{\"chat\":\"lobby\",\"user\":\"bob\"}", "forbidden");
	assert_int_equal(json_len(client_request(bob, "chats", "{}"), "chats"), 0);
	client_barrier(carol);
	client_none(carol, mark, "chat/lobby/msg", NULL);
}

/* A send that was accepted before the removal is applied before it: it is stored, never refused
 * later. */
static void test_p5_accepted_before_is_stored(void **state)
{
	size_t sent = 0;

	(void)state;
	begin();
	for (int round = 0; round < 20; round++) {
		struct client *bob = client_5(in, "bob", "phone");
		int code = client_publish(
			bob, &(struct publish){
				     .topic = "chat/lobby/send", .payload = "in time", .qos = 1});

		assert_in_range(code, 0, 0x10);
		sent++;
		remove_bob();
		client_close(bob);
		client_request(alice, "member.add", "{\"chat\":\"lobby\",\"user\":\"bob\"}");
	}
	client_wait_count(carol, "chat/lobby/msg", sent + 40);
	client_barrier(carol);
	for (size_t k = 0; k < sent; k++)
		client_take(carol, "chat/lobby/msg", "in time");
}

static void persistent_session(int version)
{
	struct client *bob;
	size_t mark;

	begin();
	bob = persistent(version);
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	client_subscribe_ok(bob, "chat/lobby/mark/+", 1);
	client_close(bob);
	/* more than can be under way at once, so that they would take all places if they were not
	 * forgotten */
	for (int k = 0; k < 150; k++)
		client_sendf(alice, "lobby", "queued %d", k);
	client_take(carol, "chat/lobby/msg", "queued 149");
	remove_bob();
	send_seen("after the removal");
	bob = back_again(version);
	client_none(bob, 0, "chat/lobby/#", NULL);
	send_seen("while bob is back");
	client_barrier(bob);
	client_none(bob, 0, "chat/lobby/#", NULL);
	/* a member again, from then on */
	client_request(alice, "member.add", "{\"chat\":\"lobby\",\"user\":\"bob\"}");
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	mark = client_mark(bob);
	send_seen("welcome back");
	client_take(bob, "chat/lobby/msg", "welcome back");
	client_none(bob, mark, "chat/lobby/msg", "after the removal");
}

static void test_p5_persistent_session_mqtt5(void **state)
{
	(void)state;
	persistent_session(5);
}

static void test_p5_persistent_session_mqtt3(void **state)
{
	(void)state;
	persistent_session(4);
}

/* The queue lies in mosquitto.db from before the removal, and the broker comes back with it. */
static void test_p5_queue_from_disk(void **state)
{
	struct client *bob;

	(void)state;
	begin();
	bob = persistent(5);
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	client_close(bob);
	send_seen("queued and saved");
	instance_stop_broker(in); /* saves */
	instance_start_broker(in);
	instance_wait_ready(in);
	alice = client_5(in, "alice", "phone");
	remove_bob();
	instance_kill_broker(in); /* saves nothing: the old file stands */
	instance_start_broker(in);
	instance_wait_ready(in);
	bob = back_again(5);
	client_none(bob, 0, "chat/lobby/#", NULL);
}

/* The same, removed by the operator while everything was stopped. */
static void test_p5_removed_while_stopped(void **state)
{
	struct client *bob;

	(void)state;
	begin();
	bob = persistent(4);
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	client_close(bob);
	send_seen("queued and saved");
	instance_stop(in);
	CTL_OK(in, "member", "remove", "lobby", "bob");
	instance_start(in);
	bob = back_again(4);
	client_none(bob, 0, "chat/lobby/#", NULL);
}

/* A consumer that has stopped reading while the broker holds megabytes for it: what lies in the
 * kernel's socket buffers has left our hands, what lies in the broker has not. */
static void frozen_consumer(int qos)
{
	enum { COUNT_SENT = 900, SIZE = 20000 };
	struct raw_connect c = {.client = "bob:frozen", .user = "bob", .version = 4};
	struct raw bob;
	struct raw_packet p;
	struct raw_message m;
	struct load *l;
	size_t got = 0, after = 0;

	begin();
	c.password = token_mint(&in->keys, &(struct token){.sub = "bob"});
	assert_true(raw_open(&bob, in->port, 4096));
	assert_int_equal(raw_connect(&bob, &c, case_patience_ms()), 0);
	assert_int_equal(raw_subscribe(&bob, "chat/lobby/msg", qos, case_patience_ms()), qos);
	l = load_start(in, &(struct load_opts){.user = "alice",
				   .device = "l",
				   .chat = "lobby",
				   .prefix = "x",
				   .size = SIZE,
				   .window = 16});
	load_wait(l, COUNT_SENT);
	load_stop(l);
	client_wait_count(carol, "chat/lobby/msg", COUNT_SENT);
	remove_bob();
	send_seen("after the removal");
	while (raw_read(&bob, &p, 500) == 1) {
		if (!raw_message(&bob, &p, &m))
			continue;
		got += memmem(m.payload.data, m.payload.len, "xxxxxxxx", 8) != NULL;
		after += memmem(m.payload.data, m.payload.len, "after the removal", 17) != NULL;
		if (m.qos == 1)
			raw_ack(&bob, m.mid);
	}
	raw_close(&bob);
	assert_int_equal(after, 0);
	/* net.ipv4.tcp_wmem lets the kernel hold 4 MB, that is some 210 of them */
	if (got > COUNT_SENT / 2)
		case_fail("a frozen consumer got %zu of %d messages after being removed", got,
			COUNT_SENT);
}

static void test_p5_frozen_consumer_qos0(void **state)
{
	(void)state;
	frozen_consumer(0);
}

static void test_p5_frozen_consumer_qos1(void **state)
{
	(void)state;
	frozen_consumer(1);
}

/* Retained messages from before the plugin was there are no way in, and none is made. */
static void test_p5_retained_topics(void **state)
{
	static const char *const filters[] = {"chat/lobby/msg", "chat/lobby/#", "chat/+/msg", "#",
		"user/alice/events", "$share/g/chat/lobby/msg"};
	struct client *bob;
	char *conf, *plain, *db;
	size_t len;

	(void)state;
	in = instance_create(instance_people);
	conf = slurp(instance_path(in, "mosquitto.conf"), NULL);
	plain = case_printf("%s/plain.conf", in->root);
	spill(plain, conf, strlen(conf));
	run((const char *const[]){"sed", "-i", "-e", "/^plugin/d", "-e",
		"s/^allow_anonymous.*/allow_anonymous true/", plain, NULL});
	run((const char *const[]){"cp", plain, instance_path(in, "mosquitto.conf"), NULL});
	instance_start_broker(in);
	bob = client_open(in, &(struct client_opts){.user = "x", .client_id = "x", .password = ""});
	client_publish(bob,
		&(struct publish){
			.topic = "chat/lobby/msg", .payload = "old", .qos = 1, .retain = true});
	client_publish(bob,
		&(struct publish){
			.topic = "user/alice/events", .payload = "old", .qos = 1, .retain = true});
	client_close(bob);
	instance_stop_broker(in);
	spill(instance_path(in, "mosquitto.conf"), conf, strlen(conf));
	instance_start(in);
	alice = client_5(in, "alice", "phone");
	remove_bob();
	bob = client_5(in, "bob", "phone");
	for (size_t k = 0; k < COUNT(filters); k++)
		assert_int_equal(client_subscribe(bob, filters[k], 1), 0x87);
	client_barrier(bob);
	client_none(bob, 0, "#", "old");
	client_close(bob);
	/* a member's retain flag on send or typing leaves nothing behind */
	client_publish(alice, &(struct publish){.topic = "chat/lobby/send",
				      .payload = "flagged",
				      .qos = 1,
				      .retain = true});
	client_publish(alice,
		&(struct publish){
			.topic = "chat/lobby/typing/alice", .payload = "flagged", .retain = true});
	client_barrier(alice);
	carol = client_5(in, "carol", "late");
	client_subscribe_ok(carol, "chat/lobby/#", 1);
	client_barrier(carol);
	client_none(carol, 0, "#", "flagged");
	/* not even where nobody may read it */
	instance_stop(in);
	db = slurp(instance_path(in, "data/broker/mosquitto.db"), &len);
	assert_non_null(db);
	assert_null(memmem(db, len, "flagged", 7));
}

static bool lobby_is_empty_for(const char *user)
{
	struct client *c = client_5(in, user, "check");
	bool none = json_len(client_request(c, "chats", "{}"), "chats") == 0;

	client_close(c);
	return none;
}

/* Leaving is removing oneself. */
static void test_p5_leaving(void **state)
{
	struct client *bob;
	int64_t seq;
	struct message *m;

	(void)state;
	begin();
	bob = client_5(in, "bob", "phone");
	client_subscribe_ok(bob, "chat/lobby/#", 1);
	client_request(bob, "chat.leave", "{\"chat\":\"lobby\"}");
	m = client_take(carol, "chat/lobby/msg", "member.left");
	seq = json_num(json_of(m->payload, m->len), "seq");
	send_seen("after leaving");
	if (client_connected(bob))
		client_barrier(bob);
	expect_nothing_after(bob, seq);
	client_close(bob);
	assert_true(lobby_is_empty_for("bob"));
}

/* A user who is disabled or removed is disconnected, on every device, and stays out. */
static void account_ends(const char *method, const char *what)
{
	struct client *bobs[3], *boss, *again;
	size_t mark;
	int reason;

	begin();
	boss = client_open(
		in, &(struct client_opts){.user = "dave", .device = "desk", .role = "admin"});
	bobs[0] = client_5(in, "bob", "phone");
	bobs[1] = client_3(in, "bob", "old");
	bobs[2] = persistent(5);
	for (size_t k = 0; k < 3; k++)
		client_subscribe_ok(bobs[k], "chat/lobby/msg", 1);
	client_request(boss, method, "{\"user\":\"bob\"}");
	for (size_t k = 0; k < 3; k++)
		client_wait_closed(bobs[k]);
	mark = client_mark(carol);
	send_seen(what);
	for (size_t k = 0; k < 3; k++)
		client_none(bobs[k], 0, "chat/lobby/msg", what);
	again = client_try(in, &(struct client_opts){.user = "bob", .device = "phone"}, &reason);
	assert_null(again);
	assert_true(reason == 0x87 || reason == 0x86);
	again = client_try(in,
		&(struct client_opts){
			.user = "bob", .device = "old", .version = 4, .password = "builder"},
		&reason);
	assert_null(again);
	assert_true(reason == 4 || reason == 5);
	client_none(carol, mark, "chat/lobby/msg", "bob\",\"text");
}

static void test_p5_disabled(void **state)
{
	struct client *boss, *bob;
	const char *old;

	(void)state;
	account_ends("user.disable", "bob is disabled");
	old = token_mint(&in->keys, &(struct token){.sub = "bob", .iat_in = -10});
	boss = client_open(
		in, &(struct client_opts){.user = "dave", .device = "desk2", .role = "admin"});
	client_request(boss, "user.enable", "{\"user\":\"bob\"}");
	int reason;
	assert_null(client_try(in,
		&(struct client_opts){.user = "bob", .device = "phone", .password = old}, &reason));
	bob = client_5(in, "bob", "phone");
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	send_seen("bob is enabled");
	client_take(bob, "chat/lobby/msg", "bob is enabled");
}

static void test_p5_account_removed(void **state)
{
	struct client *peer;

	(void)state;
	account_ends("user.remove", "bob is gone");
	/* and nobody writes to one who is not there */
	peer = client_5(in, "alice", "second");
	assert_int_equal(client_publish(peer, &(struct publish){.topic = "chat/alice:bob/send",
						      .payload = "hello?",
						      .qos = 1}),
		0x87);
}

/* The name is somebody else's now, with the same device: nothing that waits in the session is for
 * the new one. */
static void test_p5_name_given_again(void **state)
{
	struct client *bob;

	(void)state;
	begin();
	bob = persistent(5);
	client_subscribe_ok(bob, "chat/alice:bob/msg", 1);
	client_subscribe_ok(bob, "user/bob/#", 1);
	client_close(bob);
	json_expect_num(client_send_answered(alice, "alice:bob", "for the first bob"), "seq", 1);
	CTL_OK(in, "user", "remove", "bob");
	CTL_OK(in, "user", "add", "bob");
	bob = back_again(5);
	client_none(bob, 0, "chat/alice:bob/#", NULL);
	client_none(bob, 0, "user/bob/events", "chat.");
	json_expect_num(client_send_answered(alice, "alice:bob", "for the second"), "seq", 2);
	client_take(bob, "chat/alice:bob/msg", "for the second");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_p5_live_subscription_mqtt5),
		SYSTEM(test_p5_live_subscription_mqtt3),
		SYSTEM(test_p5_does_not_send),
		SYSTEM(test_p5_accepted_before_is_stored),
		SYSTEM(test_p5_persistent_session_mqtt5),
		SYSTEM(test_p5_persistent_session_mqtt3),
		SYSTEM(test_p5_queue_from_disk),
		SYSTEM(test_p5_removed_while_stopped),
		SYSTEM(test_p5_frozen_consumer_qos0),
		SYSTEM(test_p5_frozen_consumer_qos1),
		SYSTEM(test_p5_retained_topics),
		SYSTEM(test_p5_leaving),
		SYSTEM(test_p5_disabled),
		SYSTEM(test_p5_account_removed),
		SYSTEM(test_p5_name_given_again),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
