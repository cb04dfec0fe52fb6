/* push_test.c — who is pushed to, when, and with what: over the real broker and daemon, with a
 * webhook and MQTT gateways, which show everything. What each provider wants is in
 * push_kinds_*_test.c, where pushes may not go in push_guard_test.c.
 */
#include <cjson/cJSON.h>
#include <sodium.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/json.h"
#include "tests/support/people.h"
#include "tests/support/pushing.h"

static struct instance *in;
static struct recorder *hook;
static struct client *alice;

/* An instance with a webhook; more: options, name and value in turn. */
static void start(const char *const more[])
{
	in = instance_create(instance_people);
	hook = recorder_start(NULL);
	pushing_set_up(in, hook, NULL);
	for (size_t k = 0; more && more[k]; k += 2)
		instance_set(in, more[k], more[k + 1]);
	instance_start(in);
	alice = client_5(in, "alice", "desk");
}

/* With bob's phone registered, which is away. */
static void start_with_bob(void)
{
	start(NULL);
	pushing_register(in, "bob", "phone", "webhook", "");
}

/* And with carol's, for expect_none_before(). */
static void start_with_both(void)
{
	start_with_bob();
	pushing_register(in, "carol", "phone", "webhook", "");
}

/* The n-th push (from 0), once it is there. */
static struct cJSON *push(size_t n)
{
	recorder_expect(hook, n + 1);
	return pushing_body(recorder_at(hook, n));
}

/* What comes next is not the push that should not be: one for carol, who is always away. */
static void expect_none_before(size_t n, const char *marker)
{
	client_sendf(alice, "alice:carol", "%s", marker);
	json_expect_str(push(n), "push.text", marker);
}

static void test_a_message_is_pushed(void **state)
{
	struct cJSON *j;

	(void)state;
	start_with_bob();
	client_send(alice, "alice:bob", "hello");
	j = push(0);
	json_expect_str(j, "kind", "push");
	json_expect_str(j, "user", "bob");
	json_expect_str(j, "device", "phone");
	json_expect_str(j, "push.chat", "alice:bob");
	json_expect_str(j, "push.from", "alice");
	json_expect_str(j, "push.text", "hello");
	json_expect_num(j, "push.seq", 1);
	json_expect_num(j, "push.unread", 1);
	json_expect_num(j, "push.badge", 1);
	client_send(alice, "lobby", "you two");
	j = push(1);
	json_expect_str(j, "push.title", "Lobby");
	json_expect_num(j, "push.unread", 1);
	json_expect_num(j, "push.badge", 2);
	pushing_wait_stat(in, "push_webhook_delivered", 2);
}

/* Gnatter-Signature: t=<seconds>,v1=<hex of HMAC-SHA256 over "<t>.<body>">. */
static void test_a_webhook_is_signed(void **state)
{
	unsigned char key[64], mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state hmac;
	const struct recorded *r;
	char hex[2 * sizeof(mac) + 1];
	const char *signature, *comma;
	size_t len;

	(void)state;
	start_with_bob();
	client_send(alice, "alice:bob", "signed");
	push(0);
	r = recorder_at(hook, 0);
	signature = recorded_header(r, "Gnatter-Signature");
	assert_non_null(signature);
	comma = strchr(signature, ',');
	assert_true(strncmp(signature, "t=", 2) == 0 && comma != NULL);
	assert_int_equal(sodium_base642bin(key, sizeof(key), pushing_webhook_key(),
				 strlen(pushing_webhook_key()), NULL, &len, NULL,
				 sodium_base64_VARIANT_ORIGINAL),
		0);
	crypto_auth_hmacsha256_init(&hmac, key, len);
	crypto_auth_hmacsha256_update(
		&hmac, (const unsigned char *)signature + 2, (size_t)(comma - signature - 2));
	crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)r->body.data, r->body.len);
	crypto_auth_hmacsha256_final(&hmac, mac);
	sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
	assert_string_equal(comma, case_printf(",v1=%s", hex));
}

static void test_many_messages_are_few_pushes(void **state)
{
	struct cJSON *j;
	size_t pushes;

	(void)state;
	start((const char *const[]){"push_coalesce", "2s", NULL});
	pushing_register(in, "bob", "phone", "webhook", "");
	client_send(alice, "alice:bob", "number 1");
	json_expect_str(push(0), "push.text", "number 1");
	for (int k = 2; k <= 50; k++)
		client_sendf(alice, "alice:bob", "number %d", k);
	j = push(1);
	json_expect_str(j, "push.text", "number 50");
	json_expect_num(j, "push.unread", 50);
	json_expect_num(j, "push.count", 49);
	assert_true(recorder_at(hook, 1)->at_ms - recorder_at(hook, 0)->at_ms >= 1900);
	/* another chat has its own time */
	client_send(alice, "lobby", "elsewhere");
	json_expect_str(push(2), "push.text", "elsewhere");
	pushes = recorder_count(hook);
	assert_int_equal(pushes, 3);
}

static void test_who_is_there_is_not_pushed_to(void **state)
{
	struct client *phone;

	(void)state;
	start_with_both();
	phone = client_5(in, "bob", "phone");
	client_subscribe_ok(phone, "chat/alice:bob/msg", 1);
	client_send(alice, "alice:bob", "live");
	client_take(phone, "chat/alice:bob/msg", "live");
	expect_none_before(0, "first");
	/* delivered, as its only device says, and then it goes */
	client_publish(phone,
		&(struct publish){
			.topic = "chat/alice:bob/ack", .payload = "{\"delivered\":1}", .qos = 1});
	client_barrier(phone);
	client_close(phone);
	expect_none_before(1, "second");
	client_send(alice, "alice:bob", "away");
	json_expect_str(push(2), "push.text", "away");
}

/* A connection that was dead already when the message came: nobody has said that he got it. */
static void test_a_connection_that_was_dead_is_made_up_for(void **state)
{
	struct client *phone;

	(void)state;
	start_with_bob();
	phone = client_5(in, "bob", "phone");
	client_send(alice, "alice:bob", "into the void");
	client_barrier(alice);
	assert_int_equal(recorder_count(hook), 0);
	client_drop(phone);
	json_expect_str(push(0), "push.text", "into the void");
}

static void test_only_the_devices_that_are_away(void **state)
{
	struct client *desk;

	(void)state;
	start_with_both();
	pushing_register(in, "bob", "desk", "webhook", "");
	desk = client_5(in, "bob", "desk");
	client_send(alice, "alice:bob", "to the phone");
	json_expect_str(push(0), "device", "phone");
	expect_none_before(1, "nothing to the desk");
	/* his own message, from the desk, is not pushed to his phone */
	client_send(desk, "alice:bob", "my own");
	client_barrier(desk);
	expect_none_before(2, "nothing of his own");
}

static void test_what_is_read_meanwhile_is_not_pushed(void **state)
{
	struct client *desk;

	(void)state;
	start_with_both();
	desk = client_5(in, "bob", "desk");
	recorder_answer_next(hook, PUSHING_HOOK_PATH, 1,
		&(struct answer){.status = 503, .headers = "Retry-After: 3\n"});
	client_send(alice, "alice:bob", "busy");
	push(0);
	client_publish(
		desk, &(struct publish){
			      .topic = "chat/alice:bob/ack", .payload = "{\"read\":1}", .qos = 1});
	client_barrier(desk);
	pushing_wait_stat(in, "push_not_needed", 1);
	assert_int_equal(recorder_count(hook), 1);
}

static void test_a_device_that_is_back_gets_none(void **state)
{
	(void)state;
	start_with_bob();
	recorder_answer_next(hook, PUSHING_HOOK_PATH, 1,
		&(struct answer){.status = 503, .headers = "Retry-After: 3\n"});
	client_send(alice, "alice:bob", "busy");
	push(0);
	client_5(in, "bob", "phone");
	pushing_wait_stat(in, "push_not_needed", 1);
	assert_int_equal(recorder_count(hook), 1);
}

static void test_failures_are_tried_again(void **state)
{
	struct cJSON *j;

	(void)state;
	start_with_bob();
	recorder_answer_next(hook, PUSHING_HOOK_PATH, 1, &(struct answer){.how = ANSWER_CLOSE});
	recorder_answer_next(hook, PUSHING_HOOK_PATH, 1,
		&(struct answer){.status = 429, .headers = "Retry-After: 3\n"});
	client_send(alice, "alice:bob", "first");
	push(0);
	j = push(1);
	json_expect_str(j, "push.text", "first");
	client_send(alice, "alice:bob", "second");
	j = push(2);
	assert_true(recorder_at(hook, 2)->at_ms - recorder_at(hook, 1)->at_ms >= 2900);
	json_expect_str(j, "push.text", "second");
	json_expect_num(j, "push.count", 2);
	pushing_wait_stat(in, "push_webhook_retried", 2);
}

static void test_what_comes_while_one_is_on_its_way(void **state)
{
	(void)state;
	start_with_bob();
	recorder_answer_next(hook, PUSHING_HOOK_PATH, 1, &(struct answer){.delay_ms = 500});
	client_send(alice, "alice:bob", "first");
	json_expect_str(push(0), "push.text", "first");
	client_send(alice, "alice:bob", "second");
	json_expect_str(push(1), "push.text", "second");
	json_expect_num(push(1), "push.count", 1);
	assert_true(recorder_at(hook, 1)->at_ms - recorder_at(hook, 0)->at_ms >= 490);
}

static void test_mutes_and_mentions(void **state)
{
	struct client *desk;

	(void)state;
	start_with_both();
	desk = client_5(in, "bob", "desk");
	client_request(desk, "chat.mute", "{\"chat\":\"alice:bob\"}");
	client_send(alice, "alice:bob", "sssh @bob");
	expect_none_before(0, "he wants to hear nothing");
	client_request(desk, "chat.mute", "{\"chat\":\"alice:bob\",\"mentions\":true}");
	client_send(alice, "alice:bob", "not this");
	expect_none_before(1, "nor that");
	client_send(alice, "alice:bob", "look here, @bob!");
	json_expect_str(push(2), "push.text", "look here, @bob!");
	assert_true(cJSON_IsTrue(json_at(push(2), "push.mention")));
	client_request(desk, "chat.mute", "{\"chat\":\"alice:bob\",\"until\":0}");
	client_send(alice, "alice:bob", "anything");
	json_expect_str(push(3), "push.text", "anything");
}

/* What was said before its end is not made up for. */
static void test_a_mute_that_ends(void **state)
{
	struct client *desk;
	int64_t until;

	(void)state;
	start_with_both();
	desk = client_5(in, "bob", "desk");
	until = case_wall_ms() + case_patience_ms() / 10;
	client_requestf(
		desk, "chat.mute", "{\"chat\":\"alice:bob\",\"until\":%lld}", (long long)until);
	client_send(alice, "alice:bob", "too early");
	expect_none_before(0, "while it is muted");
	while (case_wall_ms() < until)
		case_pause_ms(5);
	expect_none_before(1, "when it is over");
	client_send(alice, "alice:bob", "now");
	json_expect_str(push(2), "push.text", "now");
	json_expect_num(push(2), "push.unread", 2);
}

/* One comes while another is on its way. */
static void test_a_mention_is_not_forgotten(void **state)
{
	struct client *desk;

	(void)state;
	start_with_bob();
	desk = client_5(in, "bob", "desk");
	client_request(desk, "chat.mute", "{\"chat\":\"alice:bob\",\"mentions\":true}");
	recorder_answer_next(hook, PUSHING_HOOK_PATH, 1, &(struct answer){.delay_ms = 500});
	client_send(alice, "alice:bob", "one, @bob");
	json_expect_str(push(0), "push.text", "one, @bob");
	client_send(alice, "alice:bob", "two, @bob");
	client_send(alice, "alice:bob", "and three");
	json_expect_str(push(1), "push.text", "two, @bob");
	/* and it is not told again when he is told more */
	client_send(alice, "lobby", "elsewhere");
	json_expect_str(push(2), "push.text", "elsewhere");
}

/* But for one minute, which is twelve hours away; mentions wake him. */
static void sleep_all_day(struct client *c)
{
	client_requestf(c, "push.prefs",
		"{\"quiet\":{\"from\":\"00:01\",\"to\":\"00:00\",\"utc_offset\":%d},"
		"\"mentions\":true}",
		(int)(720 - case_wall_ms() / 60000 % 1440));
}

static void test_quiet_hours(void **state)
{
	struct client *desk;
	struct cJSON *j;

	(void)state;
	start_with_both();
	desk = client_5(in, "bob", "desk");
	sleep_all_day(desk);
	client_send(alice, "alice:bob", "at night");
	expect_none_before(0, "he sleeps");
	j = client_request(client_open(in,
				   &(struct client_opts){
					   .user = "alice", .client_id = "admin", .role = "admin"}),
		"push.queue", "{}");
	json_expect_num(j, "waiting", 1);
	json_expect_str(j, "pushes.0.user", "bob");
	assert_true(json_num(j, "pushes.0.due") > case_wall_ms());
	client_send(alice, "alice:bob", "wake up, @bob");
	client_send(alice, "lobby", "@bob: here, too");
	json_expect_str(push(1), "push.text", "@bob: here, too");
}

/* What waits for them to be over goes when they are. */
static void test_quiet_hours_switched_off(void **state)
{
	struct client *desk;

	(void)state;
	start_with_both();
	desk = client_5(in, "bob", "desk");
	sleep_all_day(desk);
	client_send(alice, "alice:bob", "at night");
	client_send(alice, "lobby", "in another chat");
	expect_none_before(1, "he sleeps"); /* carol hears of the lobby, too */
	client_request(desk, "push.prefs", "{\"quiet\":null}");
	push(3);
	assert_int_equal(recorder_count(hook), 4);
}

static void test_without_preview(void **state)
{
	struct cJSON *j;

	(void)state;
	start(NULL);
	pushing_register(in, "bob", "phone", "webhook", ",\"preview\":false");
	client_send(alice, "alice:bob", "a secret");
	j = push(0);
	json_expect_num(j, "push.badge", 1);
	assert_false(json_has(j, "push.text") || json_has(j, "push.title") ||
		     json_has(j, "push.chat") || json_has(j, "push.from"));
	assert_null(strstr(recorder_at(hook, 0)->body.data, "alice"));
}

static void test_what_is_no_message_is_not_pushed(void **state)
{
	(void)state;
	start((const char *const[]){"push_coalesce", "1s", NULL});
	pushing_register(in, "carol", "phone", "webhook", "");
	pushing_register(in, "bob", "phone", "webhook", "");
	client_send(alice, "alice:bob", "mispelt");
	json_expect_str(push(0), "push.text", "mispelt");
	client_send(alice, "alice:bob", "{\"type\":\"edit\",\"ref\":1,\"text\":\"misspelt\"}");
	client_send(alice, "alice:bob", "{\"type\":\"reaction\",\"ref\":1,\"text\":\"!\"}");
	expect_none_before(1, "no edits, no reactions");
	/* what is deleted before it leaves is not told */
	client_send(alice, "alice:bob", "too early");
	client_send(alice, "alice:bob", "never mind");
	client_send(alice, "alice:bob", "{\"type\":\"delete\",\"ref\":5}");
	json_expect_str(push(2), "push.text", "too early");
}

static void test_registrations_end(void **state)
{
	struct client *desk;
	struct cJSON *j;

	(void)state;
	start_with_both();
	pushing_register(in, "bob", "tablet", "webhook", "");
	desk = client_5(in, "bob", "desk");
	client_request(desk, "device.remove", "{\"device\":\"tablet\"}");
	recorder_answer_next(hook, PUSHING_HOOK_PATH, 1, &(struct answer){.status = 410});
	client_send(alice, "alice:bob", "gone");
	json_expect_str(push(0), "device", "phone");
	pushing_wait_stat(in, "push_webhook_unregistered", 1);
	do
		j = client_request(desk, "devices", "{}");
	while (cJSON_IsString(
		json_at(json_find(json_at(j, "devices"), "device", "phone"), "push")));
	client_send(alice, "alice:bob", "nobody hears");
	expect_none_before(1, "indeed");
}

static void test_an_mqtt_gateway(void **state)
{
	struct client *gateway, *bob;
	struct message *m;

	(void)state;
	start(NULL);
	pushing_register(in, "bob", "phone", "mqtt", "");
	bob = client_5(in, "bob", "desk");
	assert_true(client_subscribe(bob, "push/bob", 1) >= 0x80);
	assert_true(client_subscribe(bob, "push/#", 1) >= 0x80);
	assert_int_equal(client_publish(bob,
				 &(struct publish){.topic = "push/bob", .payload = "{}", .qos = 1}),
		0x87);
	/* nobody is there to take it: it waits */
	client_send(alice, "alice:bob", "by the broker");
	pushing_wait_stat(in, "push_mqtt_retried", 1);
	gateway = client_open(in,
		&(struct client_opts){.user = "dave", .client_id = "gateway", .role = "service"});
	client_subscribe_ok(gateway, "push/+", 1);
	m = client_take(gateway, "push/bob", "by the broker");
	json_expect_str(json_of(m->payload, m->len), "device", "phone");
	pushing_wait_stat(in, "push_mqtt_delivered", 1);
	/* each once, also when one follows the other */
	for (int k = 2; k <= 20; k++) {
		client_sendf(alice, "alice:bob", "number %d", k);
		client_take(gateway, "push/bob", case_printf("\"seq\":%d,", k));
	}
	pushing_wait_stat(in, "push_mqtt_delivered", 20);
	client_send(alice, "lobby", "the last one");
	client_take(gateway, "push/bob", "the last one");
	assert_int_equal(client_count(gateway, "push/bob"), 21);
}

static void test_trying_and_looking(void **state)
{
	struct run r;

	(void)state;
	start_with_bob();
	assert_non_null(strstr(CTL_OK(in, "push", "test", "bob"), "delivered"));
	json_expect_str(push(0), "push.type", "test");
	recorder_answer(hook, PUSHING_HOOK_PATH, &(struct answer){.status = 503});
	r = CTL(in, "push", "test", "bob");
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.out, "503"));
	r = CTL(in, "push", "test", "carol");
	expect_sentence(&r, "no registered device");
	r = CTL(in, "push", "test", "nobody");
	expect_sentence(&r, "no registered device");
	client_send(alice, "alice:bob", "stuck");
	pushing_wait_stat(in, "push_webhook_retried", 2);
	assert_non_null(strstr(CTL_OK(in, "push", "queue"), "alice:bob"));
	instance_stop_daemon(in);
	r = CTL(in, "push", "queue");
	expect_sentence(&r, "not running");
	r = CTL(in, "push", "test", "bob");
	expect_sentence(&r, "not running");
}

/* One provider hangs, another is down: nobody else waits for them. */
static void test_a_dead_provider_holds_nobody_up(void **state)
{
	struct recorder *gone = recorder_start(NULL);
	int port = recorder_port(gone);

	(void)state;
	recorder_stop(gone);
	start((const char *const[]){"push_in_flight", "4", "push_webhook_own", "true", NULL});
	recorder_answer(hook, "/v1/", &(struct answer){.how = ANSWER_HANG});
	pushing_register(in, "carol", "phone", "webhook", "");
	for (int k = 0; k < 8; k++) {
		pushing_register(in, "bob", case_printf("f%d", k), "fcm",
			case_printf(",\"token\":\"token-%d\"", k));
		pushing_register(in, "bob", case_printf("w%d", k), "webhook",
			case_printf(",\"url\":\"http://127.0.0.1:%d/%d\"", port, k));
	}
	client_send(alice, "alice:bob", "to the dead");
	pushing_wait_stat(in, "push_waiting", 8);
	for (int k = 0; k < 10; k++) {
		size_t n = recorder_count_of(hook, PUSHING_HOOK_PATH);
		int64_t sent = case_now_ms();

		client_sendf(alice, "alice:carol", "to the living %d", k);
		while (recorder_count_of(hook, PUSHING_HOOK_PATH) == n)
			case_pause_ms(1);
		assert_true(case_now_ms() - sent < case_patience_ms() / 10);
	}
}

/* What waits for one provider does not go on waiting for it when the device has another. */
static void test_a_device_that_changes_its_kind(void **state)
{
	(void)state;
	start(NULL);
	recorder_answer(hook, PUSHING_HOOK_PATH,
		&(struct answer){.status = 503, .headers = "Retry-After: 3600\n"});
	pushing_register(in, "bob", "phone", "webhook", "");
	pushing_register(in, "carol", "phone", "webhook", "");
	client_send(alice, "alice:carol", "in vain");
	pushing_wait_stat(in, "push_webhook_retried", 1);
	client_send(alice, "alice:bob", "waits");
	pushing_wait_stat(in, "push_waiting", 2);
	pushing_register(in, "bob", "phone", "fcm", ",\"token\":\"bobs-token\"");
	client_send(alice, "alice:bob", "goes another way");
	pushing_wait_stat(in, "push_fcm_delivered", 1);
	assert_int_equal(recorder_count_of(hook, PUSHING_HOOK_PATH), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_a_message_is_pushed),
		SYSTEM(test_a_webhook_is_signed),
		SYSTEM(test_many_messages_are_few_pushes),
		SYSTEM(test_who_is_there_is_not_pushed_to),
		SYSTEM(test_a_connection_that_was_dead_is_made_up_for),
		SYSTEM(test_only_the_devices_that_are_away),
		SYSTEM(test_what_is_read_meanwhile_is_not_pushed),
		SYSTEM(test_a_device_that_is_back_gets_none),
		SYSTEM(test_failures_are_tried_again),
		SYSTEM(test_what_comes_while_one_is_on_its_way),
		SYSTEM(test_mutes_and_mentions),
		SYSTEM(test_a_mute_that_ends),
		SYSTEM(test_a_mention_is_not_forgotten),
		SYSTEM(test_quiet_hours),
		SYSTEM(test_quiet_hours_switched_off),
		SYSTEM(test_without_preview),
		SYSTEM(test_what_is_no_message_is_not_pushed),
		SYSTEM(test_registrations_end),
		SYSTEM(test_an_mqtt_gateway),
		SYSTEM(test_trying_and_looking),
		SYSTEM(test_a_dead_provider_holds_nobody_up),
		SYSTEM(test_a_device_that_changes_its_kind),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
