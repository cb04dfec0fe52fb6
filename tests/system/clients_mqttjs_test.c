/* clients_mqttjs_test.c — MQTT.js, which web pages use, over WebSocket: what a browser can do with
 * no library of ours. */
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/mqttjs.h"

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create_ws(instance_people);
	instance_start(in);
}

static struct mqttjs *open_as(const char *user, const char *device, int version)
{
	return mqttjs_open(
		in, &(struct mqttjs_opts){.user = user, .device = device, .version = version});
}

/* Both ways between it and libmosquitto, in both versions of MQTT. */
static void test_chat(void **state)
{
	struct client *bob = client_5(in, "bob", "phone");

	(void)state;
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	for (int version = 4; version <= 5; version++) {
		struct mqttjs *alice = open_as("alice", "web", version);
		const char *text = case_printf("grüße in %d", version);

		assert_int_equal(mqttjs_subscribe(alice, "chat/lobby/msg", 1), 1);
		mqttjs_send(alice, "lobby", text);
		client_take(bob, "chat/lobby/msg", text);
		assert_int_equal(mqttjs_take(alice, "chat/lobby/msg", text).qos, 1);
		client_send(bob, "lobby", "back");
		assert_false(mqttjs_take(alice, "chat/lobby/msg", "back").retain);
		mqttjs_close(alice);
	}
}

static void test_request(void **state)
{
	struct mqttjs *alice = open_as("alice", "web", 5);

	(void)state;
	json_expect_str(mqttjs_call(alice, "me", "{}"), "user", "alice");
	json_expect_str(
		mqttjs_call(alice, "chat.get", "{\"chat\":\"none\"}"), "error.code", "forbidden");
}

/* What is refused is said with a code that MQTT.js hands on. */
static void test_refused(void **state)
{
	struct mqttjs *none, *eve = open_as("eve", "web", 5);

	(void)state;
	assert_int_equal(mqttjs_try(&none, in,
				 &(struct mqttjs_opts){
					 .user = "alice", .device = "web", .password = "wrong"}),
		0x87);
	assert_null(none);
	assert_int_equal(mqttjs_subscribe(eve, "chat/lobby/msg", 1), 0x87);
	assert_int_equal(mqttjs_publish(eve, "chat/lobby/send", "hello", 1), 0x87);
}

/* A page that is closed is gone; what was said meanwhile waits for it. */
static void test_session(void **state)
{
	struct mqttjs_opts opts = {.user = "bob", .device = "web", .persistent = true};
	struct mqttjs *bob = mqttjs_open(in, &opts);
	struct client *alice = client_5(in, "alice", "phone");

	(void)state;
	assert_int_equal(mqttjs_subscribe(bob, "chat/lobby/msg", 1), 1);
	mqttjs_kill(bob);
	client_send(alice, "lobby", "while away");
	bob = mqttjs_open(in, &opts);
	mqttjs_take(bob, "chat/lobby/msg", "while away");
	client_request(
		client_open(in,
			&(struct client_opts){.user = "alice", .device = "boss", .role = "admin"}),
		"kick", "{\"user\":\"bob\"}");
	mqttjs_wait_closed(bob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_chat),
		SYSTEM(test_request),
		SYSTEM(test_refused),
		SYSTEM(test_session),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
