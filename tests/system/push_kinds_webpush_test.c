/* push_kinds_webpush_test.c — pushes of the kind webpush, over TLS to a push service that refuses
 * what the RFCs let it refuse, and read by a browser's side that nobody here wrote (http_ece).
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/strict.h"
#include "tests/support/subscriber.h"

static struct instance *in;
static struct recorder *service;
static struct client *alice, *desk; /* bob's, which is not registered */

static void start_with(const struct recorder_opts *opts)
{
	in = instance_create(instance_people);
	service = recorder_start(opts);
	pushing_set_up(in, service, NULL);
	strict_webpush_start(service, STRICT_WEBPUSH_PATH);
	instance_start(in);
	alice = client_5(in, "alice", "desk");
	desk = client_5(in, "bob", "desk");
}

static void start(void)
{
	start_with(&(struct recorder_opts){.tls = true});
}

static const char *url(const char *name)
{
	return recorder_url(service, case_printf(STRICT_WEBPUSH_PATH "%s", name));
}

/* Bob's device of that name subscribes: at the endpoint of the same name. */
static struct subscriber *subscribe(const char *device)
{
	struct subscriber *s = subscriber_create();

	pushing_register(in, "bob", device, "webpush", subscriber_members(s, url(device)));
	return s;
}

static const struct recorded *push(size_t n)
{
	recorder_expect(service, n + 1);
	return recorder_at(service, n);
}

/* How requests for that endpoint are answered from now on. */
static void answer(const char *name, int status, const char *headers, const char *body)
{
	recorder_answer(service, case_printf(STRICT_WEBPUSH_PATH "%s", name),
		&(struct answer){.status = status, .headers = headers, .body = body});
}

/* --- messages ------------------------------------------------------------------------------ */

static void test_webpush_message(void **state)
{
	struct subscriber *phone, *tablet;
	struct cJSON *j;
	int ttl;

	(void)state;
	start();
	phone = subscribe("phone");
	client_send(alice, "alice:bob", "hello \xf0\x9f\x99\x82");
	j = subscriber_read(phone, push(0));
	json_expect_str(j, "chat", "alice:bob");
	json_expect_str(j, "from", "alice");
	json_expect_str(j, "text", "hello \xf0\x9f\x99\x82");
	json_expect_num(j, "seq", 1);
	json_expect_num(j, "badge", 1);
	pushing_wait_stat(in, "push_webpush_delivered", 1);
	assert_string_equal(push(0)->target, STRICT_WEBPUSH_PATH "phone");
	ttl = atoi(recorded_header(push(0), "TTL"));
	assert_in_range(ttl, 7 * 86400 - 60, 7 * 86400);
	assert_string_equal(recorded_header(push(0), "Urgency"), "high");
	/* each is encrypted for its own keys, and never twice alike */
	tablet = subscribe("tablet");
	client_send(alice, "lobby", "you two");
	for (size_t k = 1; k <= 2; k++) {
		bool is_phone = strcmp(push(k)->target, STRICT_WEBPUSH_PATH "phone") == 0;

		j = subscriber_read(is_phone ? phone : tablet, push(k));
		json_expect_str(j, "title", "Lobby");
		json_expect_num(j, "badge", 2);
		assert_memory_not_equal(push(k)->body.data, push(0)->body.data, 16); /* salt */
	}
	pushing_wait_stat(in, "push_webpush_delivered", 3);
}

static void test_webpush_topic(void **state)
{
	const char *topics[3];

	(void)state;
	start();
	subscribe("phone");
	for (size_t k = 0; k < 3; k++) {
		client_send(alice, k == 1 ? "lobby" : "alice:bob", "hello");
		topics[k] = recorded_header(push(k), "Topic");
		assert_non_null(topics[k]);
	}
	assert_string_equal(topics[2], topics[0]);
	assert_string_not_equal(topics[1], topics[0]);
}

/* Text and title of 512 bytes, which take 3,072 each in JSON. */
static void test_webpush_message_fits(void **state)
{
	struct subscriber *phone;
	const char *text = "", *got;

	(void)state;
	start();
	phone = subscribe("phone");
	for (int k = 0; k < 512; k++)
		text = case_printf("%s\\u0001", text);
	client_requestf(alice, "chat.update", "{\"chat\":\"lobby\",\"title\":\"%s\"}", text);
	client_sendf(alice, "lobby", "{\"type\":\"text\",\"text\":\"%s\"}", text);
	got = json_str(subscriber_read(phone, push(0)), "text");
	assert_in_range(strlen(got), 50, 511);
	assert_in_range(push(0)->body.len, 4000, 4096);
	pushing_wait_stat(in, "push_webpush_delivered", 1);
}

static void test_webpush_without_preview(void **state)
{
	struct subscriber *s = subscriber_create();
	struct cJSON *j;

	(void)state;
	start();
	pushing_register(in, "bob", "phone", "webpush",
		case_printf("%s,\"preview\":false", subscriber_members(s, url("phone"))));
	client_send(alice, "lobby", "the secret");
	j = subscriber_read(s, push(0));
	assert_string_equal(json_text(j), "{\"badge\":1}");
}

/* An endpoint as a push server of UnifiedPush gives it, here without TLS. ntfy wants to be asked
 * again where nobody listens yet. */
static void test_webpush_unifiedpush(void **state)
{
	struct subscriber *s = subscriber_create();

	(void)state;
	start_with(NULL);
	strict_webpush_start(service, "/up");
	recorder_answer_next(service, "/up", 1, &(struct answer){.status = 507});
	pushing_register(in, "bob", "phone", "webpush",
		subscriber_members(s, recorder_url(service, "/upGnatter0123456?up=1")));
	client_send(alice, "alice:bob", "by another way");
	json_expect_str(subscriber_read(s, push(1)), "text", "by another way");
	assert_string_equal(push(1)->target, "/upGnatter0123456?up=1");
	pushing_wait_stat(in, "push_webpush_delivered", 1);
	assert_true(pushing_is_set(desk, "phone"));
}

static void test_webpush_new_subscription_replaces(void **state)
{
	struct subscriber *old, *new = subscriber_create();

	(void)state;
	start();
	old = subscribe("phone");
	client_send(alice, "alice:bob", "to the old");
	json_expect_str(subscriber_read(old, push(0)), "text", "to the old");
	pushing_register(in, "bob", "phone", "webpush", subscriber_members(new, url("another")));
	client_send(alice, "alice:bob", "to the new");
	json_expect_str(subscriber_read(new, push(1)), "text", "to the new");
	assert_string_equal(push(1)->target, STRICT_WEBPUSH_PATH "another");
	pushing_wait_stat(in, "push_webpush_delivered", 2);
	assert_int_equal(recorder_count(service), 2);
}

/* --- answers ------------------------------------------------------------------------------- */

static void test_webpush_answers(void **state)
{
	static const struct {
		int status;
		const char *body, *stat;
		bool ends;
	} rows[] = {
		{200, NULL, "delivered", false},
		{202, NULL, "delivered", false},
		{404, NULL, "unregistered", true},
		{410, "{\"code\":410,\"errno\":106}", "unregistered", true},
		{403,
			"the VAPID credentials in the authorization header do not correspond to "
			"the "
			"credentials used to create the subscriptions.",
			"unregistered", true},
		{401, "{\"errno\":109,\"message\":\"VAPID public key mismatch\"}", "unregistered",
			true},
		{400, "{\"reason\":\"VapidPkHashMismatch\"}", "unregistered", true},
		{403, "{\"reason\":\"BadJwtToken\"}", "alerts", false},
		{400, "{\"reason\":\"BadTtl\"}", "dropped", false},
		{413, NULL, "dropped", false},
		{301, NULL, "dropped", false},
	};

	(void)state;
	start();
	for (size_t k = 0; k < COUNT(rows); k++) {
		const char *name = case_printf("phone%zu", k);
		const char *stat = case_printf("push_webpush_%s", rows[k].stat);
		double before = pushing_stat(in, stat);

		answer(name, rows[k].status, NULL, rows[k].body);
		subscribe(name);
		client_sendf(alice, "alice:bob", "number %zu", k);
		pushing_wait_stat(in, stat, before + 1);
		if (rows[k].ends)
			pushing_wait_removed(desk, name);
		if (pushing_is_set(desk, name) == rows[k].ends)
			case_fail("%d: the registration should not be as it is", rows[k].status);
		client_requestf(desk, "device.remove", "{\"device\":\"%s\"}", name);
	}
}

/* One subscription is asked to wait; others at the same service are not. */
static void test_webpush_too_many_requests(void **state)
{
	struct subscriber *carols = subscriber_create();
	int64_t first;

	(void)state;
	start();
	recorder_answer_next(service, STRICT_WEBPUSH_PATH "phone", 1,
		&(struct answer){.status = 429, .headers = "Retry-After: 3\n"});
	subscribe("phone");
	pushing_register(in, "carol", "phone", "webpush", subscriber_members(carols, url("carol")));
	client_send(alice, "alice:bob", "slow down");
	first = push(0)->at_ms;
	client_send(alice, "alice:carol", "not you");
	assert_string_equal(push(1)->target, STRICT_WEBPUSH_PATH "carol");
	assert_in_range(push(1)->at_ms - first, 0, case_patience_ms() / 10);
	assert_string_equal(push(2)->target, STRICT_WEBPUSH_PATH "phone");
	assert_in_range(push(2)->at_ms - first, 2950, 3000 + case_patience_ms() / 10);
	pushing_wait_stat(in, "push_webpush_delivered", 2);
	assert_true(pushing_is_set(desk, "phone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_webpush_message),
		SYSTEM(test_webpush_topic),
		SYSTEM(test_webpush_message_fits),
		SYSTEM(test_webpush_without_preview),
		SYSTEM(test_webpush_unifiedpush),
		SYSTEM(test_webpush_new_subscription_replaces),
		SYSTEM(test_webpush_answers),
		SYSTEM(test_webpush_too_many_requests),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
