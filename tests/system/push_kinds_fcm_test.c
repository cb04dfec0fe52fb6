/* push_kinds_fcm_test.c — pushes of the kind fcm, before a Google that refuses what Google refuses:
 * access tokens, what a message looks like, and what errors mean.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/case.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/strict.h"

#define HOUR 3599

/* As Google writes errors: the status, its name, and the details. */
#define ERROR(code, name, details)                                                        \
	"{\"error\":{\"code\":" code ",\"message\":\"Some sentence.\",\"status\":\"" name \
	"\",\"details\":[" details "]}}"
#define FCM_ERROR(code)                                                       \
	"{\"@type\":\"type.googleapis.com/google.firebase.fcm.v1.FcmError\"," \
	"\"errorCode\":\"" code "\"}"
#define BAD_FIELD(field)                                                                  \
	"{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":[{" \
	"\"field\":\"" field "\",\"description\":\"Invalid value\"}]}"

static struct instance *in;
static struct recorder *google;
static struct strict_fcm *fcm;
static struct client *alice, *desk; /* bob's, which is not registered */

static void start(int life_s)
{
	in = instance_create(instance_people);
	google = recorder_start(NULL);
	pushing_set_up(in, google, NULL);
	fcm = strict_fcm_start(google, life_s);
	instance_start(in);
	alice = client_5(in, "alice", "desk");
	desk = client_5(in, "bob", "desk");
}

static void add(const char *device)
{
	pushing_register(
		in, "bob", device, "fcm", case_printf(",\"token\":\"token:of-%s\"", device));
}

/* The n-th request to that path, from 0, once it is there. */
static const struct recorded *request_to(const char *path, size_t n)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (recorder_count_of(google, path) <= n) {
		if (case_now_ms() > until)
			case_fail("request %zu to %s does not come", n, path);
		case_pause_ms(2);
	}
	for (size_t k = 0;; k++) {
		const struct recorded *q = recorder_at(google, k);

		if (strncmp(q->target, path, strlen(path)) == 0 && n-- == 0)
			return q;
	}
}

static const struct recorded *message(size_t n)
{
	return request_to(STRICT_FCM_PATH, n);
}

/* --- access tokens ------------------------------------------------------------------------- */

static void test_fcm_token_is_asked_for_once(void **state)
{
	int64_t waited;

	(void)state;
	start(HOUR);
	for (int k = 0; k < 10; k++)
		add(case_printf("phone%d", k));
	client_send(alice, "alice:bob", "first");
	pushing_wait_stat(in, "push_fcm_delivered", 10);
	client_send(alice, "alice:bob", "second");
	pushing_wait_stat(in, "push_fcm_delivered", 20);
	assert_int_equal(strict_fcm_tokens(fcm), 1);
	assert_int_equal(recorder_count_of(google, PUSHING_TOKEN_PATH), 1);
	assert_int_equal(recorder_count_of(google, STRICT_FCM_PATH), 20);
	/* what waited for the token leaves as soon as it is there */
	waited = message(0)->at_ms - request_to(PUSHING_TOKEN_PATH, 0)->at_ms;
	assert_in_range(waited, 0, case_patience_ms() / 25);
}

static void test_fcm_token_is_renewed_when_it_is_refused(void **state)
{
	(void)state;
	start(HOUR);
	add("phone");
	client_send(alice, "alice:bob", "first");
	pushing_wait_stat(in, "push_fcm_delivered", 1);
	strict_fcm_revoke(fcm, HOUR);
	client_send(alice, "alice:bob", "second");
	pushing_wait_stat(in, "push_fcm_delivered", 2);
	assert_int_equal(strict_fcm_tokens(fcm), 2);
	assert_int_equal(recorder_count_of(google, STRICT_FCM_PATH), 3);
	json_expect_str(pushing_body(message(2)), "message.data.text", "second");
	assert_true(pushing_is_set(desk, "phone"));
}

/* Every new token is refused, too: others are not asked for without end. */
static void test_fcm_token_is_not_renewed_again_and_again(void **state)
{
	(void)state;
	start(HOUR);
	add("phone");
	recorder_answer_next(google, STRICT_FCM_PATH, 100,
		&(struct answer){.status = 401, .body = ERROR("401", "UNAUTHENTICATED", "")});
	client_send(alice, "alice:bob", "refused");
	pushing_wait_stat(in, "push_fcm_alerts", 1);
	assert_int_equal(strict_fcm_tokens(fcm), 2);
	assert_true(pushing_stat(in, "push_waiting") == 1);
	assert_non_null(strstr(instance_log(in), "push of the kind fcm is refused"));
}

/* Nothing is ever refused for it. */
static void test_fcm_token_is_renewed_when_it_ends(void **state)
{
	(void)state;
	start(2);
	add("phone");
	client_send(alice, "alice:bob", "first");
	pushing_wait_stat(in, "push_fcm_delivered", 1);
	case_pause_ms(2100);
	client_send(alice, "alice:bob", "second");
	pushing_wait_stat(in, "push_fcm_delivered", 2);
	assert_true(pushing_stat(in, "push_fcm_retried") == 0);
	assert_int_equal(strict_fcm_tokens(fcm), 2);
}

/* The very first push there is: it waits for the token like any other. */
static void test_fcm_trial_waits_for_the_token(void **state)
{
	(void)state;
	start(HOUR);
	add("phone");
	recorder_answer_next(google, PUSHING_TOKEN_PATH, 1,
		&(struct answer){.headers = "Content-Type: application/json\n",
			.body = "{\"error\":\"temporarily_unavailable\"}",
			.status = 503,
			.delay_ms = 300});
	assert_non_null(strstr(CTL(in, "push", "test", "bob").out, "503"));
	assert_int_equal(recorder_count_of(google, STRICT_FCM_PATH), 0);
	instance_stop_daemon(in);
	instance_start_daemon(in);
	instance_wait_ready(in);
	assert_non_null(strstr(CTL_OK(in, "push", "test", "bob"), "delivered"));
	json_expect_str(pushing_body(message(0)), "message.data.type", "test");
	assert_int_equal(recorder_count_of(google, PUSHING_TOKEN_PATH), 2);
}

/* A newer push replaces the older one also when the daemon has started anew since. */
static void test_fcm_collapse_key_outlives_the_daemon(void **state)
{
	const char *first;

	(void)state;
	start(HOUR);
	add("phone");
	client_send(alice, "alice:bob", "first");
	pushing_wait_stat(in, "push_fcm_delivered", 1);
	first = json_str(pushing_body(message(0)), "message.android.collapse_key");
	instance_stop_daemon(in);
	instance_start_daemon(in);
	instance_wait_ready(in);
	client_send(alice, "alice:bob", "second");
	json_expect_str(pushing_body(message(1)), "message.android.collapse_key", first);
}

static void test_fcm_pushes_wait_for_the_token_endpoint(void **state)
{
	int64_t last;

	(void)state;
	start(HOUR);
	add("phone");
	add("tablet");
	recorder_answer_next(google, PUSHING_TOKEN_PATH, 1, &(struct answer){.how = ANSWER_CLOSE});
	recorder_answer_next(google, PUSHING_TOKEN_PATH, 1,
		&(struct answer){.status = 503, .body = "try again later"});
	client_send(alice, "alice:bob", "patience");
	pushing_wait_stat(in, "push_fcm_delivered", 2);
	assert_int_equal(recorder_count_of(google, PUSHING_TOKEN_PATH), 3);
	last = request_to(PUSHING_TOKEN_PATH, 2)->at_ms;
	assert_true(last - request_to(PUSHING_TOKEN_PATH, 0)->at_ms >= 1900);
	/* once it is there they leave at once, however often there was none */
	assert_in_range(message(0)->at_ms, last, last + case_patience_ms() / 25);
	assert_in_range(message(1)->at_ms, last, last + case_patience_ms() / 25);
	assert_int_equal(recorder_count_of(google, STRICT_FCM_PATH), 2);
}

/* The operator's trouble: pushes and registrations are kept, and he is told. */
static void test_fcm_service_account_is_refused(void **state)
{
	(void)state;
	start(HOUR);
	add("phone");
	recorder_answer_next(google, PUSHING_TOKEN_PATH, 1,
		&(struct answer){.status = 400, .body = "{\"error\":\"invalid_grant\"}"});
	client_send(alice, "alice:bob", "kept");
	pushing_wait_stat(in, "push_fcm_alerts", 1);
	assert_true(pushing_stat(in, "push_waiting") == 1);
	assert_int_equal(recorder_count_of(google, STRICT_FCM_PATH), 0);
	assert_true(pushing_is_set(desk, "phone"));
	assert_non_null(strstr(instance_log(in), "invalid_grant"));
}

/* --- messages ------------------------------------------------------------------------------ */

static void test_fcm_message(void **state)
{
	struct cJSON *first, *second, *third;
	int ttl_s;

	(void)state;
	start(HOUR);
	add("phone");
	client_send(alice, "alice:bob", "hello");
	first = pushing_body(message(0));
	json_expect_str(first, "message.token", "token:of-phone");
	json_expect_str(first, "message.data.chat", "alice:bob");
	json_expect_str(first, "message.data.sender", "alice");
	json_expect_str(first, "message.data.text", "hello");
	json_expect_str(first, "message.data.seq", "1");
	json_expect_str(first, "message.data.badge", "1");
	json_expect_str(first, "message.notification.title", "alice");
	json_expect_str(first, "message.notification.body", "hello");
	json_expect_str(first, "message.android.priority", "HIGH");
	ttl_s = atoi(json_str(first, "message.android.ttl")); /* push_ttl, less the way */
	assert_in_range(ttl_s, 7 * 86400 - 60, 7 * 86400);
	json_expect_num(first, "message.android.notification.notification_count", 1);
	client_send(alice, "lobby", "you two");
	second = pushing_body(message(1));
	json_expect_str(second, "message.notification.title", "Lobby");
	json_expect_str(second, "message.notification.body", "alice: you two");
	json_expect_num(second, "message.android.notification.notification_count", 2);
	/* one collapse key for one chat */
	client_send(alice, "alice:bob", "and again");
	third = pushing_body(message(2));
	json_expect_str(third, "message.android.collapse_key",
		json_str(first, "message.android.collapse_key"));
	assert_string_not_equal(json_str(second, "message.android.collapse_key"),
		json_str(first, "message.android.collapse_key"));
}

static void test_fcm_installation_id(void **state)
{
	struct cJSON *j;

	(void)state;
	start(HOUR);
	pushing_register(in, "bob", "phone", "fcm", ",\"fid\":\"cX3-installation_id-00\"");
	client_send(alice, "alice:bob", "hello");
	j = pushing_body(message(0));
	json_expect_str(j, "message.fid", "cX3-installation_id-00");
	assert_false(json_has(j, "message.token"));
	pushing_wait_stat(in, "push_fcm_delivered", 1);
}

/* 512 bytes of text that take 3,072 in JSON, and stand in the message twice; then a title like
 * that, too. */
static void test_fcm_message_fits(void **state)
{
	static const char *const letters[] = {"\\\"", "\xf0\x9f\x98\x80", "x", "\\u0001"};
	const char *text = "";
	struct cJSON *j;

	(void)state;
	start(HOUR);
	add("phone");
	for (size_t k = 0; k < COUNT(letters); k++) {
		for (text = ""; strlen(text) < 512 * strlen(letters[k]);)
			text = case_printf("%s%s", text, letters[k]);
		client_sendf(alice, "lobby", "{\"type\":\"text\",\"text\":\"%s\"}", text);
		j = pushing_body(message(k));
		assert_in_range(strlen(json_str(j, "message.data.text")), 200, 512);
	}
	client_requestf(alice, "chat.update", "{\"chat\":\"lobby\",\"title\":\"%s\"}", text);
	client_sendf(alice, "lobby", "{\"type\":\"text\",\"text\":\"%s\"}", text);
	j = pushing_body(message(COUNT(letters)));
	assert_in_range(strlen(json_str(j, "message.data.title")), 200, 511);
	pushing_wait_stat(in, "push_fcm_delivered", COUNT(letters) + 1);
}

static void test_fcm_without_preview(void **state)
{
	const char *body;

	(void)state;
	start(HOUR);
	pushing_register(in, "bob", "phone", "fcm", ",\"token\":\"t\",\"preview\":false");
	client_send(alice, "lobby", "the secret");
	body = message(0)->body.data;
	assert_null(strstr(body, "secret"));
	assert_null(strstr(body, "alice"));
	assert_null(strcasestr(body, "lobby"));
	pushing_wait_stat(in, "push_fcm_delivered", 1);
}

/* --- errors -------------------------------------------------------------------------------- */

static void test_fcm_errors_that_end_a_registration(void **state)
{
	static const struct {
		int status;
		const char *body;
		bool ends;
	} rows[] = {
		{404, ERROR("404", "NOT_FOUND", FCM_ERROR("UNREGISTERED")), true},
		{400, ERROR("400", "INVALID_ARGUMENT", BAD_FIELD("message.token")), true},
		{400,
			ERROR("400", "INVALID_ARGUMENT",
				FCM_ERROR("INVALID_ARGUMENT") "," BAD_FIELD("message.token")),
			true},
		{403, ERROR("403", "PERMISSION_DENIED", FCM_ERROR("SENDER_ID_MISMATCH")), true},
		{400,
			ERROR("400", "INVALID_ARGUMENT",
				FCM_ERROR("INVALID_ARGUMENT") "," BAD_FIELD("message.android.ttl")),
			false},
		{400, ERROR("400", "INVALID_ARGUMENT", BAD_FIELD("message.data")), false},
		{400, "message.token", false},
		{404, ERROR("404", "NOT_FOUND", ""), false}, /* of the project */
	};
	double gone = 0, dropped = 0, alerts = 0;

	(void)state;
	start(HOUR);
	for (size_t k = 0; k < COUNT(rows); k++) {
		const char *device = case_printf("phone%zu", k);

		add(device);
		recorder_answer_next(google, STRICT_FCM_PATH, 1,
			&(struct answer){.status = rows[k].status, .body = rows[k].body});
		client_sendf(alice, "alice:bob", "number %zu", k);
		message(k);
		if (rows[k].ends)
			pushing_wait_stat(in, "push_fcm_unregistered", ++gone);
		else if (rows[k].status == 404)
			pushing_wait_stat(in, "push_fcm_alerts", ++alerts);
		else
			pushing_wait_stat(in, "push_fcm_dropped", ++dropped);
		if (rows[k].ends)
			pushing_wait_removed(desk, device);
		assert_true(pushing_is_set(desk, device) == !rows[k].ends);
		client_requestf(desk, "device.remove", "{\"device\":\"%s\"}", device);
	}
	assert_true(pushing_stat(in, "push_fcm_unregistered") == gone);
}

/* A date is in whole seconds, and both ends of the wait are cut. */
static const char *date_in(int seconds)
{
	char text[64];
	time_t t = time(NULL) + seconds;

	strftime(text, sizeof(text), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\n", gmtime(&t));
	return case_printf("%s", text);
}

static void test_fcm_errors_that_ask_to_wait(void **state)
{
	int64_t first;

	(void)state;
	start(HOUR);
	add("phone");
	recorder_answer_next(google, STRICT_FCM_PATH, 1,
		&(struct answer){.status = 429,
			.headers = "Retry-After: 3\n",
			.body = ERROR("429", "RESOURCE_EXHAUSTED", FCM_ERROR("QUOTA_EXCEEDED"))});
	client_send(alice, "alice:bob", "too many");
	first = message(0)->at_ms;
	assert_in_range(message(1)->at_ms - first, 2900, 2900 + case_patience_ms() / 4);
	pushing_wait_stat(in, "push_fcm_delivered", 1);
	recorder_answer_next(google, STRICT_FCM_PATH, 1,
		&(struct answer){.status = 503,
			.headers = date_in(5),
			.body = ERROR("503", "UNAVAILABLE", FCM_ERROR("UNAVAILABLE"))});
	client_send(alice, "alice:bob", "too busy");
	first = message(2)->at_ms;
	/* nobody else's push goes there meanwhile */
	pushing_register(in, "carol", "phone", "fcm", ",\"token\":\"carol's\"");
	client_send(alice, "alice:carol", "you wait, too");
	assert_in_range(message(3)->at_ms - first, 2900, 5000 + case_patience_ms() / 4);
	/* and when the first is through, the next does not wait any more */
	assert_in_range(message(4)->at_ms - message(3)->at_ms, 0, case_patience_ms() / 10);
	pushing_wait_stat(in, "push_fcm_delivered", 3);
	assert_true(pushing_is_set(desk, "phone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_fcm_token_is_asked_for_once),
		SYSTEM(test_fcm_token_is_renewed_when_it_is_refused),
		SYSTEM(test_fcm_token_is_not_renewed_again_and_again),
		SYSTEM(test_fcm_token_is_renewed_when_it_ends),
		SYSTEM(test_fcm_trial_waits_for_the_token),
		SYSTEM(test_fcm_collapse_key_outlives_the_daemon),
		SYSTEM(test_fcm_pushes_wait_for_the_token_endpoint),
		SYSTEM(test_fcm_service_account_is_refused),
		SYSTEM(test_fcm_message),
		SYSTEM(test_fcm_installation_id),
		SYSTEM(test_fcm_message_fits),
		SYSTEM(test_fcm_without_preview),
		SYSTEM(test_fcm_errors_that_end_a_registration),
		SYSTEM(test_fcm_errors_that_ask_to_wait),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
