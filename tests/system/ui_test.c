/* ui_test.c — the full-screen client, as a person sees it: the first start, a chat with others,
 * ticks, what is read, what happens without a connection. Others use libmosquitto, and see the
 * same.
 *
 * One instance for all but those that stop it; each test talks in a group of its own.
 */
#include <cjson/cJSON.h>
#include <signal.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/mqttjs.h"
#include "tests/support/person.h"

#define STORED    " \xe2\x9c\x93"
#define DELIVERED " \xe2\x9c\x93\xe2\x9c\x93"
#define READ      " \xe2\x9c\x93\xe2\x9c\x93\xe2\x9c\x93"
#define QUEUED    " \xe2\x80\xa6"

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create_ws(instance_people);
	instance_start(in);
}

/* A group of alice, bob and carol, of whom carol is a client that listens. */
static struct client *group(const char *chat)
{
	struct client *carol = client_5(in, "carol", "foreign");

	client_requestf(
		carol, "chat.create", "{\"chat\":\"%s\",\"members\":[\"alice\",\"bob\"]}", chat);
	client_subscribe_ok(carol, case_printf("chat/%s/#", chat), 1);
	return carol;
}

static void go_to(struct tmux *t, const char *chat)
{
	tmux_wait(t, chat);
	person_say(t, case_printf("/chat %s", chat));
	tmux_wait_row(t, 0, chat);
}

static void test_ui_first_start(void **state)
{
	struct client *eve = client_5(in, "eve", "foreign");
	struct tmux *dave;

	(void)state;
	client_subscribe_ok(eve, "chat/dave:eve/#", 1);
	dave = person(in, "dave");
	tmux_wait(dave, "Welcome, dave. You have no chats yet.");
	tmux_wait(dave, "/dm USER");
	tmux_wait(dave, "/help");
	person_say(dave, "hello?");
	tmux_wait(dave, "No chat is open");
	tmux_key(dave, "C-u");
	person_say(dave, "/dm nobody");
	tmux_wait(dave, "Refused");
	person_say(dave, "/dm eve");
	tmux_wait_row(dave, 0, "eve");
	person_say(dave, "hello eve");
	tmux_wait(dave, "dave: hello eve" STORED);
	client_take(eve, "chat/dave:eve/msg", "\"text\":\"hello eve\"");
	client_send(eve, "dave:eve", "hello dave");
	tmux_wait(dave, "eve: hello dave");
	person_quit(dave);
	/* The second start shows at once what the first one kept. */
	dave = person(in, "dave");
	tmux_wait(dave, "eve: hello dave");
	person_quit(dave);
}

static void test_ui_chat_of_three(void **state)
{
	struct client *carol = group("three");
	struct tmux *alice = person(in, "alice"), *bob = person(in, "bob");
	struct mqttjs *web;

	(void)state;
	go_to(alice, "three");
	go_to(bob, "three");
	tmux_wait(alice, "three \xc2\xb7 3 members");
	person_say(alice, "one for all");
	tmux_wait(bob, "alice: one for all");
	client_take(carol, "chat/three/msg", "one for all");
	/* Bob has read it, Carol not even got it, as far as the server knows. */
	tmux_wait(alice, "one for all" STORED);
	assert_false(tmux_holds(alice, "one for all" DELIVERED));
	client_publish(carol,
		&(struct publish){
			.topic = "chat/three/ack", .payload = "{\"delivered\":2}", .qos = 1});
	tmux_wait(alice, "one for all" DELIVERED);
	assert_false(tmux_holds(alice, "one for all" READ));
	client_publish(carol,
		&(struct publish){.topic = "chat/three/ack", .payload = "{\"read\":2}", .qos = 1});
	tmux_wait(alice, "one for all" READ);
	client_send(carol, "three", "{\"text\":\"and so say I\",\"ref\":2}");
	tmux_wait(alice, "\xe2\x94\x82 alice: one for all");
	tmux_wait(alice, "and so say I");
	tmux_wait(bob, "and so say I");
	client_send(carol, "three", "{\"type\":\"edit\",\"ref\":3,\"text\":\"and so say we\"}");
	tmux_wait(bob, "and so say we (edited)");
	client_send(carol, "three", "{\"type\":\"reaction\",\"ref\":2,\"text\":\"+1\"}");
	tmux_wait(bob, "[+1]");
	client_send(carol, "three", "{\"type\":\"delete\",\"ref\":3}");
	tmux_wait(alice, "(deleted)");
	tmux_wait_gone(alice, "and so say");
	/* And bob once more, on a web page. */
	web = mqttjs_open(in, &(struct mqttjs_opts){.user = "bob", .device = "web"});
	assert_int_equal(mqttjs_subscribe(web, "chat/three/msg", 1), 1);
	mqttjs_send(web, "three", "from a web page");
	tmux_wait(alice, "bob: from a web page");
	tmux_wait(bob, "bob: from a web page");
	person_say(alice, "all for one");
	mqttjs_take(web, "chat/three/msg", "all for one");
	person_quit(alice);
	person_quit(bob);
}

static void test_ui_typing_and_presence(void **state)
{
	struct client *carol = group("talk");
	struct tmux *alice = person(in, "alice");

	(void)state;
	go_to(alice, "talk");
	client_publish(carol, &(struct publish){.topic = "chat/talk/typing/carol", .payload = "1"});
	tmux_wait_row(alice, 0, "carol is typing");
	client_send(carol, "talk", "done");
	tmux_wait(alice, "carol: done");
	tmux_wait_gone(alice, "carol is typing");
	client_subscribe_ok(carol, "chat/talk/typing/alice", 0);
	tmux_type(alice, "slowly");
	client_take(carol, "chat/talk/typing/alice", NULL);
	tmux_key(alice, "C-u");
	/* Carol shows her presence to her contacts. */
	client_request(carol, "contact.add", "{\"user\":\"alice\"}");
	client_send(carol, "alice:carol", "just us");
	tmux_wait(alice, "just us");
	go_to(alice, "carol");
	tmux_wait_row(alice, 0, "carol \xc2\xb7 online");
	client_close(carol);
	tmux_wait_row(alice, 0, "carol \xc2\xb7 last seen");
	person_quit(alice);
}

/* Read is what was on the screen, no more; and a row says where it begins. */
static void test_ui_read_when_seen(void **state)
{
	struct client *carol = group("unread");
	struct tmux *alice = person(in, "alice");
	size_t mark;

	(void)state;
	go_to(alice, "unread");
	client_take(carol, "chat/unread/mark/alice", "\"read\":1");
	client_request(carol, "chat.create", "{\"chat\":\"elsewhere\",\"members\":[\"alice\"]}");
	go_to(alice, "elsewhere");
	client_barrier(carol);
	mark = client_mark(carol);
	for (int i = 1; i <= 60; i++)
		client_sendf(carol, "unread", "number %d", i);
	tmux_wait(alice, "(60)");
	client_barrier(carol);
	client_none(carol, mark, "chat/unread/mark/alice", "\"read\"");
	go_to(alice, "unread");
	tmux_wait(alice, "not read yet");
	tmux_wait_row(alice, 21, "number 20");
	client_take(carol, "chat/unread/mark/alice", "\"read\"");
	client_barrier(carol);
	client_none(carol, mark, "chat/unread/mark/alice", "\"read\":61");
	person_key(alice, "PageDown", 3);
	tmux_wait_row(alice, -3, "number 60");
	client_take(carol, "chat/unread/mark/alice", "\"read\":61");
	tmux_wait_gone(alice, "(60)");
	person_quit(alice);
}

static void test_ui_offline_and_back(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *bob;
	struct tmux *alice;

	(void)state;
	instance_start(i);
	bob = client_5(i, "bob", "foreign");
	client_send(bob, "lobby", "before");
	alice = person(i, "alice");
	tmux_wait(alice, "bob: before");
	instance_stop_broker(i);
	tmux_wait_row(alice, -3, "Offline");
	person_say(alice, "while away");
	tmux_wait(alice, "while away" QUEUED);
	tmux_wait_row(alice, -3, "1 message waits to be sent");
	person_say(alice, "and again");
	tmux_wait_row(alice, -3, "2 messages wait to be sent");
	/* What waits outlives the program. */
	person_quit(alice);
	alice = person(i, "alice");
	tmux_wait(alice, "bob: before");
	tmux_wait(alice, "and again" QUEUED);
	instance_start_broker(i);
	tmux_wait(alice, "while away" STORED);
	tmux_wait(alice, "and again" STORED);
	tmux_wait_gone(alice, "Offline");
	bob = client_5(i, "bob", "foreign");
	json_expect_num(client_request(bob, "unread", "{\"chat\":\"lobby\"}"), "unread", 2);
	person_quit(alice);
}

/* The first chat opens by itself when it is known: what was typed before that stays. */
static void test_ui_typed_before_the_first_chat(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct tmux *alice = person(i, "alice");

	(void)state;
	tmux_wait(alice, "Welcome, alice.");
	tmux_wait_row(alice, -3, "Offline");
	assert_false(tmux_holds(alice, "You have no chats"));
	tmux_type(alice, "hello all");
	tmux_wait_row(alice, -1, "> hello all");
	instance_start(i);
	tmux_wait_row(alice, 0, "Lobby");
	tmux_wait_row(alice, -1, "> hello all");
	tmux_key(alice, "Enter");
	tmux_wait(alice, "alice: hello all" STORED);
	person_quit(alice);
}

/* What the server refuses is said, stays until it is taken away, and nothing else waits for it. */
static void test_ui_refused(void **state)
{
	struct client *carol = group("refusal");
	struct tmux *alice = person(in, "alice");

	(void)state;
	go_to(alice, "refusal");
	client_request(carol, "member.remove", "{\"chat\":\"refusal\",\"user\":\"alice\"}");
	tmux_wait_row(alice, 0, "no member any more");
	person_say(alice, "am I in?");
	tmux_wait(alice, "You are no member of this chat any more");
	tmux_key(alice, "C-u");
	person_quit(alice);
}

/* The terminal is gone: so is the program. */
static void test_ui_hangup(void **state)
{
	struct tmux *t = person(in, "alice");

	(void)state;
	tmux_close(t);
	assert_int_equal(tmux_wait_end(t), 0);
}

static void test_ui_signals(void **state)
{
	struct tmux *t = person(in, "alice");

	(void)state;
	assert_int_equal(kill(tmux_pid(t), SIGTERM), 0);
	assert_int_equal(tmux_wait_end(t), 0);
	t = person(in, "alice");
	tmux_type(t, "not sent");
	tmux_key(t, "C-c");
	tmux_wait(t, "Once more leaves");
	tmux_key(t, "C-c");
	assert_int_equal(tmux_wait_end(t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_ui_first_start),
		SYSTEM(test_ui_chat_of_three),
		SYSTEM(test_ui_typing_and_presence),
		SYSTEM(test_ui_read_when_seen),
		SYSTEM(test_ui_offline_and_back),
		SYSTEM(test_ui_typed_before_the_first_chat),
		SYSTEM(test_ui_refused),
		SYSTEM(test_ui_hangup),
		SYSTEM(test_ui_signals),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
