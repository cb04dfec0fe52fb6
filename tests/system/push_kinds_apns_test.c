/* push_kinds_apns_test.c — pushes of the kind apns, through a real nginx with TLS and HTTP/2 to an
 * Apple that refuses what Apple refuses.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/case.h"
#include "tests/support/certs.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/strict.h"

#define SANDBOX "/sandbox"

static struct instance *in;
static struct recorder *apple;
static struct strict_apns *strict;
static struct front *front;
static struct client *alice, *desk; /* bob's, which is not registered */

/* more: options, name and value in turn. */
static void start_at(const struct front_opts *opts, const char *const more[])
{
	struct front_opts o = *opts;

	in = instance_create(instance_people);
	apple = recorder_start(NULL);
	o.behind = apple;
	front = front_start(&o);
	pushing_set_up(in, apple, front);
	instance_set(in, "push_apns_sandbox_url", front_url(front, SANDBOX));
	for (size_t k = 0; more && more[k]; k += 2)
		instance_set(in, more[k], more[k + 1]);
	instance_start(in);
	alice = client_5(in, "alice", "desk");
	desk = client_5(in, "bob", "desk");
}

static void start(void)
{
	start_at(&(struct front_opts){0}, NULL);
	strict = strict_apns_start(apple, "");
}

/* The token of device number n: 32 bytes in hexadecimal digits. */
static const char *token(int n)
{
	return case_printf("%064x", 0x00fc13ad + n);
}

static void add_for(const char *user, int n)
{
	pushing_register(in, user, case_printf("phone%d", n), "apns",
		case_printf(",\"token\":\"%s\"", token(n)));
}

static void add(int n)
{
	add_for("bob", n);
}

static const struct recorded *push(size_t n)
{
	recorder_expect(apple, n + 1);
	return recorder_at(apple, n);
}

static const char *header(size_t n, const char *name)
{
	const char *value = recorded_header(push(n), name);

	return value ? value : "";
}

static void next(int status, const char *headers, const char *body)
{
	recorder_answer_next(apple, STRICT_APNS_PATH, 1,
		&(struct answer){.status = status, .headers = headers, .body = body});
}

/* --- requests ------------------------------------------------------------------------------ */

static void test_apns_request(void **state)
{
	int64_t expiration;
	struct cJSON *j;

	(void)state;
	start();
	add(1);
	client_send(alice, "alice:bob", "hello");
	j = pushing_body(push(0));
	pushing_wait_stat(in, "push_apns_delivered", 1);
	assert_string_equal(push(0)->target, case_printf("/3/device/%s", token(1)));
	assert_string_equal(header(0, "X-Protocol"), "HTTP/2.0");
	assert_string_equal(header(0, "apns-topic"), PUSHING_APNS_TOPIC);
	assert_string_equal(header(0, "apns-push-type"), "alert");
	assert_string_equal(header(0, "apns-priority"), "10");
	expiration = atoll(header(0, "apns-expiration")) - time(NULL);
	assert_in_range(expiration, 7 * 86400 - 60, 7 * 86400);
	json_expect_str(j, "aps.alert.title", "alice");
	assert_false(json_has(j, "aps.alert.subtitle"));
	json_expect_str(j, "aps.alert.body", "hello");
	json_expect_str(j, "gnatter.chat", "alice:bob");
	json_expect_num(j, "gnatter.seq", 1);
	client_send(alice, "lobby", "you two");
	j = pushing_body(push(1));
	json_expect_str(j, "aps.alert.title", "Lobby");
	json_expect_str(j, "aps.alert.subtitle", "alice");
	json_expect_str(j, "aps.alert.body", "you two");
}

static void test_apns_one_connection_and_one_token(void **state)
{
	enum { DEVICES = 40, ROUNDS = 3 };

	(void)state;
	start();
	for (int k = 0; k < DEVICES; k++)
		add(k);
	for (int k = 1; k <= ROUNDS; k++) {
		client_sendf(alice, "alice:bob", "number %d", k);
		pushing_wait_stat(in, "push_apns_delivered", k * DEVICES);
	}
	for (size_t k = 1; k < ROUNDS * DEVICES; k++) {
		assert_string_equal(header(k, "X-Protocol"), "HTTP/2.0");
		assert_string_equal(header(k, "X-Connection"), header(0, "X-Connection"));
		assert_string_equal(header(k, "authorization"), header(0, "authorization"));
	}
	assert_int_equal(strict_apns_tokens(strict), 1);
	assert_int_equal(recorder_count(apple), ROUNDS * DEVICES);
}

static void test_apns_badge_counts_all_chats(void **state)
{
	(void)state;
	start();
	add(1);
	client_send(alice, "alice:bob", "one");
	json_expect_num(pushing_body(push(0)), "aps.badge", 1);
	client_send(alice, "lobby", "two");
	json_expect_num(pushing_body(push(1)), "aps.badge", 2);
	client_send(alice, "alice:bob", "three");
	json_expect_num(pushing_body(push(2)), "aps.badge", 3);
	client_publish(
		desk, &(struct publish){
			      .topic = "chat/alice:bob/ack", .payload = "{\"read\":2}", .qos = 1});
	client_barrier(desk);
	client_send(alice, "lobby", "four");
	json_expect_num(pushing_body(push(3)), "aps.badge", 2);
}

/* The same for one chat of one user, and another for every other. */
static void test_apns_collapse_id(void **state)
{
	(void)state;
	start();
	add(1);
	client_send(alice, "alice:bob", "one");
	push(0);
	client_send(alice, "lobby", "two");
	push(1);
	client_send(alice, "alice:bob", "three");
	push(2);
	add_for("carol", 2);
	client_request(desk, "chat.mute", "{\"chat\":\"lobby\"}");
	client_send(alice, "lobby", "four");
	assert_string_equal(push(3)->target, case_printf("/3/device/%s", token(2)));
	assert_string_equal(header(2, "apns-collapse-id"), header(0, "apns-collapse-id"));
	assert_string_not_equal(header(1, "apns-collapse-id"), header(0, "apns-collapse-id"));
	assert_string_not_equal(header(3, "apns-collapse-id"), header(1, "apns-collapse-id"));
	pushing_wait_stat(in, "push_apns_delivered", 4);
}

static void test_apns_sandbox_and_topics(void **state)
{
	(void)state;
	start_at(&(struct front_opts){0}, (const char *const[]){"push_apns_topic",
						  "org.example.other " PUSHING_APNS_TOPIC, NULL});
	strict = strict_apns_start(apple, SANDBOX);
	pushing_register(in, "bob", "phone", "apns",
		case_printf(",\"token\":\"%s\",\"sandbox\":true,\"topic\":\"%s\"", token(1),
			PUSHING_APNS_TOPIC));
	client_send(alice, "alice:bob", "hello");
	assert_string_equal(push(0)->target, case_printf(SANDBOX "/3/device/%s", token(1)));
	pushing_wait_stat(in, "push_apns_delivered", 1);
}

static void test_apns_without_preview(void **state)
{
	const struct recorded *q;

	(void)state;
	start();
	pushing_register(in, "bob", "phone", "apns",
		case_printf(",\"token\":\"%s\",\"preview\":false", token(1)));
	client_send(alice, "lobby", "the secret");
	q = push(0);
	json_expect_str(pushing_body(q), "aps.alert.body", "New message");
	json_expect_num(pushing_body(q), "aps.badge", 1);
	for (size_t k = 0; k < 2; k++) {
		const char *all = k == 0 ? q->body.data : q->headers.data;

		assert_null(strstr(all, "secret"));
		assert_null(strstr(all, "alice"));
		assert_null(strcasestr(all, "lobby"));
	}
}

/* Text of 512 bytes, which takes 3,072 in JSON; then a title like that, too. */
static void test_apns_payload_fits(void **state)
{
	const char *text = "";
	struct cJSON *j;

	(void)state;
	start();
	add(1);
	for (int k = 0; k < 512; k++)
		text = case_printf("%s\\u0001", text);
	client_sendf(alice, "lobby", "{\"type\":\"text\",\"text\":\"%s\"}", text);
	j = pushing_body(push(0));
	assert_int_equal(strlen(json_str(j, "aps.alert.body")), 512);
	client_requestf(alice, "chat.update", "{\"chat\":\"lobby\",\"title\":\"%s\"}", text);
	client_sendf(alice, "lobby", "{\"type\":\"text\",\"text\":\"%s\"}", text);
	j = pushing_body(push(1));
	assert_int_equal(strlen(json_str(j, "aps.alert.title")), 512);
	assert_in_range(strlen(json_str(j, "aps.alert.body")), 50, 511);
	pushing_wait_stat(in, "push_apns_delivered", 2);
}

/* --- answers ------------------------------------------------------------------------------- */

static void test_apns_gone(void **state)
{
	(void)state;
	start();
	add(1);
	/* it was gone before it registered again: the token may be good now */
	next(410, NULL,
		case_printf("{\"reason\":\"Unregistered\",\"timestamp\":%lld}",
			(long long)case_wall_ms() - 3600000));
	client_send(alice, "alice:bob", "still there");
	push(1);
	pushing_wait_stat(in, "push_apns_delivered", 1);
	assert_true(pushing_stat(in, "push_apns_unregistered") == 0);
	assert_true(pushing_is_set(desk, "phone1"));
	next(410, NULL,
		case_printf("{\"reason\":\"Unregistered\",\"timestamp\":%lld}",
			(long long)case_wall_ms() + 1));
	client_send(alice, "alice:bob", "gone");
	push(2);
	pushing_wait_stat(in, "push_apns_unregistered", 1);
	pushing_wait_removed(desk, "phone1");
}

static void test_apns_bad_device_token(void **state)
{
	static const char *const reasons[] = {"BadDeviceToken", "DeviceTokenNotForTopic"};

	(void)state;
	start();
	for (size_t k = 0; k < COUNT(reasons); k++) {
		add((int)k);
		next(400, NULL, case_printf("{\"reason\":\"%s\"}", reasons[k]));
		client_sendf(alice, "alice:bob", "number %zu", k);
		push(k);
		pushing_wait_stat(in, "push_apns_unregistered", (double)k + 1);
		pushing_wait_removed(desk, case_printf("phone%zu", k));
	}
}

/* What is wrong with one push says nothing about the device. */
static void test_apns_push_is_refused(void **state)
{
	(void)state;
	start();
	add(1);
	next(413, NULL, "{\"reason\":\"PayloadTooLarge\"}");
	client_send(alice, "alice:bob", "too large");
	push(0);
	pushing_wait_stat(in, "push_apns_dropped", 1);
	client_send(alice, "alice:bob", "not too large");
	push(1);
	pushing_wait_stat(in, "push_apns_delivered", 1);
	assert_true(pushing_is_set(desk, "phone1"));
}

static void test_apns_too_many_and_too_busy(void **state)
{
	(void)state;
	start();
	add(1);
	next(429, NULL, "{\"reason\":\"TooManyRequests\"}");
	next(503, NULL, "{\"reason\":\"ServiceUnavailable\"}");
	client_send(alice, "alice:bob", "back off");
	/* two seconds, then four, less up to a half by chance */
	assert_in_range(push(1)->at_ms - push(0)->at_ms, 950, 2000 + case_patience_ms() / 10);
	assert_in_range(push(2)->at_ms - push(1)->at_ms, 1950, 4000 + case_patience_ms() / 10);
	pushing_wait_stat(in, "push_apns_delivered", 1);
	next(503, "Retry-After: 3\n", "{\"reason\":\"Shutdown\"}");
	client_send(alice, "alice:bob", "wait");
	assert_in_range(push(4)->at_ms - push(3)->at_ms, 2950, 3000 + case_patience_ms() / 10);
	assert_true(pushing_is_set(desk, "phone1"));
}

static void test_apns_provider_token_has_ended(void **state)
{
	(void)state;
	start();
	add(1);
	client_send(alice, "alice:bob", "first");
	pushing_wait_stat(in, "push_apns_delivered", 1);
	strict_apns_expire(strict);
	client_send(alice, "alice:bob", "second");
	pushing_wait_stat(in, "push_apns_delivered", 2);
	json_expect_str(pushing_body(push(2)), "aps.alert.body", "second");
	assert_int_equal(strict_apns_tokens(strict), 2);
	assert_int_equal(recorder_count(apple), 3);
}

/* The operator's trouble. One token more might help, but Apple takes a new one after 20 minutes at
 * the earliest. */
static void test_apns_provider_token_is_refused(void **state)
{
	(void)state;
	start();
	add(1);
	next(403, NULL, "{\"reason\":\"InvalidProviderToken\"}");
	client_send(alice, "alice:bob", "kept");
	pushing_wait_stat(in, "push_apns_alerts", 1);
	assert_true(pushing_stat(in, "push_waiting") == 1);
	assert_true(pushing_is_set(desk, "phone1"));
	assert_non_null(strstr(instance_log(in), "InvalidProviderToken"));
}

/* --- connections --------------------------------------------------------------------------- */

/* It is told by `push test`, and what waits is tried again and not delivered. */
static void expect_not_delivered(const char *why)
{
	struct run r;

	add(1);
	client_send(alice, "alice:bob", "hello");
	pushing_wait_stat(in, "push_apns_retried", 1);
	r = CTL(in, "push", "test", "bob");
	assert_int_equal(r.code, 1);
	if (!strstr(r.out, why))
		case_fail("should hold '%s': %s", why, r.out);
	pushing_wait_stat(in, "push_apns_retried", 2);
	assert_true(pushing_stat(in, "push_apns_delivered") == 0);
	assert_true(pushing_stat(in, "push_waiting") == 1);
	assert_true(pushing_is_set(desk, "phone1"));
}

static void test_apns_without_http2(void **state)
{
	(void)state;
	start_at(&(struct front_opts){.http1 = true}, NULL);
	expect_not_delivered("HTTP/2");
}

static void test_apns_with_another_certificate(void **state)
{
	(void)state;
	start_at(&(struct front_opts){0},
		(const char *const[]){"push_ca_file", certs()->other_ca, NULL});
	expect_not_delivered("certificate");
	assert_int_equal(recorder_count(apple), 0);
}

/* nginx ends connections after so many requests, and restarts: nothing is lost by it. */
static void test_apns_connection_ends(void **state)
{
	enum { DEVICES = 25 };

	(void)state;
	start_at(&(struct front_opts){.per_connection = 10}, NULL);
	strict = strict_apns_start(apple, "");
	for (int k = 0; k < DEVICES; k++)
		add(k);
	client_send(alice, "alice:bob", "first");
	pushing_wait_stat(in, "push_apns_delivered", DEVICES);
	front_kill(front);
	front_restart(front);
	client_send(alice, "alice:bob", "second");
	pushing_wait_stat(in, "push_apns_delivered", 2 * DEVICES);
	assert_int_equal(strict_apns_tokens(strict), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_apns_request),
		SYSTEM(test_apns_one_connection_and_one_token),
		SYSTEM(test_apns_badge_counts_all_chats),
		SYSTEM(test_apns_collapse_id),
		SYSTEM(test_apns_sandbox_and_topics),
		SYSTEM(test_apns_without_preview),
		SYSTEM(test_apns_payload_fits),
		SYSTEM(test_apns_gone),
		SYSTEM(test_apns_bad_device_token),
		SYSTEM(test_apns_push_is_refused),
		SYSTEM(test_apns_too_many_and_too_busy),
		SYSTEM(test_apns_provider_token_has_ended),
		SYSTEM(test_apns_provider_token_is_refused),
		SYSTEM(test_apns_without_http2),
		SYSTEM(test_apns_with_another_certificate),
		SYSTEM(test_apns_connection_ends),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
