/* fcm_test.c — what goes to FCM and to the token server, and what every answer of theirs means. */
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit.h"

#define SECRET_TOKEN "dev1ce:APA91b-secret"
#define DATA         "{\"token\":\"" SECRET_TOKEN "\"}"
#define GOOD_TOKEN   "{\"access_token\":\"ya29.first\",\"expires_in\":3599,\"token_type\":\"Bearer\"}"

static enum push_step prepare(int64_t now_ms)
{
	const struct push_note note = kit_note();
	const struct registration r = kit_registration(PUSH_FCM, DATA);

	return push_prepare(kit.kinds, &note, &r, now_ms, &kit.job, &kit.result);
}

/* A note that never expires, for tests in which days go by. */
static enum push_step prepare_late(int64_t now_ms)
{
	const struct registration r = kit_registration(PUSH_FCM, DATA);
	struct push_note note = kit_note();

	note.expires_ms = INT64_MAX;
	return push_prepare(kit.kinds, &note, &r, now_ms, &kit.job, &kit.result);
}

/* Ask for a token and take that answer. */
static void answer_token(int status, const char *body, int64_t now_ms)
{
	const struct http_response r = kit_answer(status, body);
	struct http_request request = {0};

	assert_int_equal(push_token_request(kit.kinds, PUSH_FCM, now_ms, &request), ERR_OK);
	push_token_response(kit.kinds, PUSH_FCM, &r, now_ms, &kit.result);
	http_request_free(&request);
}

static void get_token(int64_t now_ms)
{
	assert_int_equal(prepare_late(now_ms), PUSH_TOKEN);
	answer_token(200, GOOD_TOKEN, now_ms);
	assert_int_equal(kit.result.verdict, PUSH_DELIVERED);
}

static void test_fcm_token_request(void **state)
{
	(void)state;
	static const char start[] =
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
	struct http_request r = {0};
	cJSON *claims;

	assert_int_equal(
		push_token_request(kit.kinds, PUSH_FCM, KIT_NOW, &r), ERR_BUSY); /* no note yet */
	assert_int_equal(prepare(KIT_NOW), PUSH_TOKEN);
	assert_int_equal(push_token_request(kit.kinds, PUSH_FCM, KIT_NOW, &r), ERR_OK);
	assert_true(kit_url_is(&r, "https://oauth.example/token"));
	assert_string_equal(kit_header(&r, "Content-Type"), "application/x-www-form-urlencoded");
	assert_false(r.stranger);
	assert_memory_equal(r.body.data, start, strlen(start));
	claims = kit_jwt(r.body.data + strlen(start), r.body.len - strlen(start), kit_rsa_pem());
	assert_string_equal(kit_string(claims, "iss"), "push@chat-1.example");
	assert_string_equal(kit_string(claims, "aud"), "https://oauth.example/token");
	assert_string_equal(
		kit_string(claims, "scope"), "https://www.googleapis.com/auth/firebase.messaging");
	assert_true(kit_number(claims, "iat") == KIT_NOW / 1000);
	assert_true(kit_number(claims, "exp") == KIT_NOW / 1000 + 3600);
	cJSON_Delete(claims);
	/* while it is asked for, nobody else asks */
	assert_int_equal(prepare(KIT_NOW), PUSH_TOKEN);
	assert_false(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW));
	assert_int_equal(push_token_request(kit.kinds, PUSH_FCM, KIT_NOW, &r), ERR_BUSY);
	http_request_free(&r);
}

static void test_fcm_request(void **state)
{
	(void)state;
	cJSON *m;

	get_token(KIT_NOW);
	assert_int_equal(prepare(KIT_NOW), PUSH_SEND);
	assert_true(kit_url_is(
		&kit.job.http, "https://fcm.googleapis.com/v1/projects/chat-1/messages:send"));
	assert_string_equal(kit_header(&kit.job.http, "Authorization"), "Bearer ya29.first");
	assert_string_equal(kit_header(&kit.job.http, "Content-Type"), "application/json");
	assert_false(kit.job.http.stranger);
	m = kit_json(&kit.job.http.body);
	assert_string_equal(kit_string(m, "message.token"), SECRET_TOKEN);
	assert_false(kit_has(m, "message.fid"));
	assert_string_equal(kit_string(m, "message.notification.title"), "The \"Lobby\"");
	assert_string_equal(
		kit_string(m, "message.notification.body"), "bob: hello\nworld \xf0\x9f\x99\x82");
	assert_string_equal(kit_string(m, "message.data.chat"), "lobby");
	assert_string_equal(kit_string(m, "message.data.sender"), "bob");
	assert_string_equal(kit_string(m, "message.data.seq"), "7");
	assert_string_equal(kit_string(m, "message.data.mention"), "true");
	assert_false(kit_has(m, "message.data.from")); /* FCM keeps it for itself */
	assert_string_equal(kit_string(m, "message.android.priority"), "HIGH");
	assert_string_equal(kit_string(m, "message.android.ttl"), "3600s");
	assert_string_equal(
		kit_string(m, "message.android.collapse_key"), "Zm9vYmFyMTIzNDU2Nzg5MA");
	assert_string_equal(
		kit_string(m, "message.android.notification.tag"), "Zm9vYmFyMTIzNDU2Nzg5MA");
	assert_true(kit_number(m, "message.android.notification.notification_count") == 11);
	assert_true(kit_number(m, "message.apns.payload.aps.badge") == 11);
	assert_string_equal(
		kit_string(m, "message.apns.headers.apns-collapse-id"), "Zm9vYmFyMTIzNDU2Nzg5MA");
	assert_string_equal(kit_string(m, "message.webpush.headers.TTL"), "3600");
	cJSON_Delete(m);
}

/* All values of data are strings: FCM takes nothing else. */
static void test_fcm_data_is_strings(void **state)
{
	(void)state;
	const cJSON *v;
	cJSON *m;

	get_token(KIT_NOW);
	assert_int_equal(prepare(KIT_NOW), PUSH_SEND);
	m = kit_json(&kit.job.http.body);
	cJSON_ArrayForEach(v, cJSON_GetObjectItem(cJSON_GetObjectItem(m, "message"), "data"))
	{
		assert_true(cJSON_IsString(v));
		assert_int_not_equal(strncmp(v->string, "google", 6), 0);
		assert_int_not_equal(strncmp(v->string, "gcm", 3), 0);
	}
	cJSON_Delete(m);
}

static void test_fcm_request_variants(void **state)
{
	(void)state;
	struct registration r = kit_registration(PUSH_FCM, "{\"fid\":\"f1d\"}");
	struct push_note note = kit_note();
	cJSON *m;

	get_token(KIT_NOW);
	note.urgent = false;
	note.title = (struct bytes){0};
	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_SEND);
	m = kit_json(&kit.job.http.body);
	assert_string_equal(kit_string(m, "message.fid"), "f1d");
	assert_false(kit_has(m, "message.token"));
	assert_string_equal(kit_string(m, "message.android.priority"), "NORMAL");
	assert_string_equal(kit_string(m, "message.notification.title"), "bob");
	assert_string_equal(
		kit_string(m, "message.notification.body"), "hello\nworld \xf0\x9f\x99\x82");
	cJSON_Delete(m);
	/* no preview, of the note's or the registration's own */
	for (int i = 0; i < 2; i++) {
		note.preview = i;
		r.preview = !i;
		assert_int_equal(push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result),
			PUSH_SEND);
		m = kit_json(&kit.job.http.body);
		assert_string_equal(kit_string(m, "message.notification.body"), "New message");
		assert_false(kit_has(m, "message.notification.title"));
		assert_string_equal(kit_string(m, "message.data.badge"), "11");
		assert_null(memmem(kit.job.http.body.data, kit.job.http.body.len, "bob", 3));
		assert_null(memmem(kit.job.http.body.data, kit.job.http.body.len, "lobby", 5));
		assert_null(memmem(kit.job.http.body.data, kit.job.http.body.len, "hello", 5));
		cJSON_Delete(m);
	}
}

/* The longest of everything stays within what FCM takes. */
static void test_fcm_request_fits(void **state)
{
	(void)state;
	const struct registration r = kit_registration(PUSH_FCM, DATA);
	char text[PUSH_TEXT_MAX], title[4000];
	struct push_note note = kit_note();
	cJSON *m;

	get_token(KIT_NOW);
	memset(text, 1, sizeof(text)); /* six bytes each */
	memset(title, '"', sizeof(title));
	note.text = (struct bytes){text, sizeof(text)};
	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_SEND);
	assert_in_range(kit.job.http.body.len, 3900, 4096);
	m = kit_json(&kit.job.http.body);
	assert_string_equal(kit_string(m, "message.data.title"), "The \"Lobby\"");
	cJSON_Delete(m);
	note.title = (struct bytes){title, sizeof(title)};
	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_SEND);
	assert_in_range(kit.job.http.body.len, 3900, 4096);
	m = kit_json(&kit.job.http.body);
	assert_false(kit_has(m, "message.data.text"));
	cJSON_Delete(m);
}

/* --- the life of an access token --- */

static void test_fcm_token_is_kept_and_renewed(void **state)
{
	(void)state;
	get_token(KIT_NOW);
	assert_false(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW));
	assert_int_equal(prepare_late(KIT_NOW + 54 * KIT_MINUTE), PUSH_SEND);
	assert_false(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + 54 * KIT_MINUTE));
	/* five minutes before its end another is asked for, and this one goes on */
	assert_true(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + 56 * KIT_MINUTE));
	assert_int_equal(prepare_late(KIT_NOW + 56 * KIT_MINUTE), PUSH_SEND);
	answer_token(200, "{\"access_token\":\"ya29.second\",\"expires_in\":3599}",
		KIT_NOW + 56 * KIT_MINUTE);
	assert_int_equal(prepare_late(KIT_NOW + 56 * KIT_MINUTE), PUSH_SEND);
	assert_string_equal(kit_header(&kit.job.http, "Authorization"), "Bearer ya29.second");
	/* in its last minute it is not used */
	assert_int_equal(prepare_late(KIT_NOW + 115 * KIT_MINUTE), PUSH_TOKEN);
}

/* A token that nobody needs is not renewed. */
static void test_fcm_token_unused(void **state)
{
	(void)state;
	get_token(KIT_NOW);
	for (int64_t t = 0; t < 3 * KIT_HOUR; t += KIT_MINUTE)
		assert_false(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + t));
	assert_int_equal(prepare_late(KIT_NOW + 3 * KIT_HOUR), PUSH_TOKEN);
	assert_true(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + 3 * KIT_HOUR));
}

static void test_fcm_token_clock_jumps(void **state)
{
	(void)state;
	get_token(KIT_NOW);
	/* set back by a little: it goes on; by much: nobody knows when it ends */
	assert_int_equal(prepare_late(KIT_NOW - 4 * KIT_MINUTE), PUSH_SEND);
	assert_int_equal(prepare_late(KIT_NOW - KIT_HOUR), PUSH_TOKEN);
	assert_int_equal(prepare_late(KIT_NOW + 24 * KIT_HOUR), PUSH_TOKEN);
	assert_int_equal(prepare_late(KIT_NOW), PUSH_SEND);
	/* a wait that began in a false future does not hold things up */
	assert_int_equal(prepare_late(KIT_NOW + 24 * KIT_HOUR), PUSH_TOKEN);
	answer_token(400, "{\"error\":\"invalid_grant\"}", KIT_NOW + 24 * KIT_HOUR);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
	assert_false(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + 24 * KIT_HOUR));
	assert_true(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + 2 * KIT_HOUR));
}

/* Failing: longer waits, the reason told to each note, and an end of it. */
static void test_fcm_token_failures(void **state)
{
	(void)state;
	int64_t now = KIT_NOW, wait, last = 0;

	for (int i = 0; i < 12; i++) {
		assert_int_equal(prepare_late(now), PUSH_TOKEN);
		answer_token(i % 2 ? 500 : 0, NULL, now);
		assert_int_equal(kit.result.verdict, PUSH_RETRY);
		assert_true(kit.result.endpoint_fault);
		assert_int_equal(prepare_late(now), PUSH_END);
		assert_int_equal(kit.result.verdict, PUSH_RETRY);
		wait = kit.result.retry_after_ms;
		assert_true(wait >= last && wait >= 1000 && wait <= 5 * KIT_MINUTE);
		last = wait;
		assert_int_equal(prepare_late(now + wait - 1), PUSH_END);
		assert_int_equal(kit.result.retry_after_ms, 1);
		assert_false(push_token_due(kit.kinds, PUSH_FCM, now + wait - 1));
		now += wait;
	}
	assert_int_equal(last, 5 * KIT_MINUTE);
	get_token(now);
	assert_int_equal(prepare_late(now), PUSH_SEND);
}

static void test_fcm_token_answers(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body, *reason;
		enum push_verdict want;
	} cases[] = {
		{200, GOOD_TOKEN, "status 200", PUSH_DELIVERED},
		{200, "{\"access_token\":\"x\"}", "status 200", PUSH_DELIVERED},
		{200, "{\"access_token\":\"a b\"}", "no access token", PUSH_RETRY},
		{200, "{\"access_token\":\"a\\r\\nX: y\"}", "no access token", PUSH_RETRY},
		{200, "{\"access_token\":\"\"}", "no access token", PUSH_RETRY},
		{200, "{\"access_token\":7}", "no access token", PUSH_RETRY},
		{200, "{\"access_token\":\"x\",\"expires_in\":0}", "no access token", PUSH_RETRY},
		{200, "{\"access_token\":\"x\",\"expires_in\":\"1\"}", "no access", PUSH_RETRY},
		{200, "<html>", "no access token", PUSH_RETRY},
		{200, "", "no access token", PUSH_RETRY},
		{400, "{\"error\":\"invalid_grant\"}", "invalid_grant", PUSH_ALERT},
		{400, "{\"error\":\"x7y\"}", "refused (status 400)", PUSH_ALERT},
		{401, "{\"error\":\"invalid_client\"}", "invalid_client", PUSH_ALERT},
		{403, "", "refused (status 403)", PUSH_ALERT},
		{302, "", "refused (status 302)", PUSH_ALERT},
		{429, "", "too many", PUSH_RETRY},
		{503, "", "status 503", PUSH_RETRY},
		{0, NULL, "could not connect", PUSH_RETRY},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		push_kinds_destroy(kit.kinds);
		kit.kinds = kit_kinds();
		assert_int_equal(prepare(KIT_NOW), PUSH_TOKEN);
		answer_token(cases[i].status, cases[i].body, KIT_NOW);
		if (kit.result.verdict != cases[i].want ||
			!strstr(kit.result.reason, cases[i].reason))
			fail_msg("%d %s: %s", cases[i].status, cases[i].body, kit.result.reason);
		assert_int_equal(
			prepare(KIT_NOW), cases[i].want == PUSH_DELIVERED ? PUSH_SEND : PUSH_END);
		assert_true(cases[i].want == PUSH_DELIVERED || kit.result.verdict == cases[i].want);
	}
}

static void test_fcm_token_retry_after(void **state)
{
	(void)state;
	struct http_response r = kit_answer(503, NULL);
	struct http_request request = {0};

	assert_int_equal(prepare(KIT_NOW), PUSH_TOKEN);
	assert_int_equal(push_token_request(kit.kinds, PUSH_FCM, KIT_NOW, &request), ERR_OK);
	r.retry_after_ms = 600000;
	push_token_response(kit.kinds, PUSH_FCM, &r, KIT_NOW, &kit.result);
	assert_int_equal(kit.result.retry_after_ms, 600000);
	assert_false(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + 599999));
	assert_true(push_token_due(kit.kinds, PUSH_FCM, KIT_NOW + 600000));
	http_request_free(&request);
}

/* --- answers to notes --- */

#define ERROR(code, status, details)                                            \
	"{\"error\":{\"code\":" #code ",\"message\":\"m\",\"status\":\"" status \
	"\",\"details\":[" details "]}}"
#define FCM_ERROR(code)                                                       \
	"{\"@type\":\"type.googleapis.com/google.firebase.fcm.v1.FcmError\"," \
	"\"errorCode\":\"" code "\"}"
#define FIELD(field)                                                \
	"{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\"," \
	"\"fieldViolations\":[{\"field\":\"" field "\",\"description\":\"d\"}]}"

static void classify(int status, const char *body, int64_t retry_after_ms)
{
	struct http_response r = kit_answer(status, body);

	r.retry_after_ms = retry_after_ms;
	push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
	assert_true(strlen(kit.result.reason) > 0);
	assert_null(strstr(kit.result.reason, SECRET_TOKEN));
}

static void test_fcm_answers(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body;
		enum push_verdict want;
		bool fault;
	} cases[] = {
		{200, "{\"name\":\"projects/chat-1/messages/0:1\"}", PUSH_DELIVERED, false},
		{204, "", PUSH_DELIVERED, false},
		{404, ERROR(404, "NOT_FOUND", FCM_ERROR("UNREGISTERED")), PUSH_UNREGISTER, false},
		/* a wrong project: not one device is gone */
		{404, ERROR(404, "NOT_FOUND", ""), PUSH_ALERT, true},
		{404, "<html>not here</html>", PUSH_ALERT, true},
		{404, "", PUSH_ALERT, true},
		{400, ERROR(400, "INVALID_ARGUMENT", FIELD("message.token")), PUSH_UNREGISTER,
			false},
		{400, ERROR(400, "INVALID_ARGUMENT", FIELD("message.fid")), PUSH_UNREGISTER, false},
		{400,
			ERROR(400, "INVALID_ARGUMENT",
				FCM_ERROR("INVALID_ARGUMENT") "," FIELD("message.token")),
			PUSH_UNREGISTER, false},
		{400, ERROR(400, "INVALID_ARGUMENT", FIELD("message.data[0].value")), PUSH_DROP,
			false},
		{400, ERROR(400, "INVALID_ARGUMENT", FCM_ERROR("INVALID_ARGUMENT")), PUSH_DROP,
			false},
		/* as Google's own documentation has it */
		{400,
			"{\"error\":{\"code\":400,\"message\":\"The registration token is not a "
			"valid FCM registration token\",\"status\":\"INVALID_ARGUMENT\","
			"\"details\":[" FCM_ERROR("INVALID_ARGUMENT") "]}}",
			PUSH_UNREGISTER, false},
		{400, "nonsense", PUSH_DROP, false},
		{403, ERROR(403, "PERMISSION_DENIED", FCM_ERROR("SENDER_ID_MISMATCH")),
			PUSH_UNREGISTER, false},
		{403, ERROR(403, "PERMISSION_DENIED", ""), PUSH_ALERT, true},
		{401, ERROR(401, "UNAUTHENTICATED", FCM_ERROR("THIRD_PARTY_AUTH_ERROR")),
			PUSH_ALERT, false},
		{413, "", PUSH_DROP, false},
		{418, "", PUSH_DROP, false},
		{301, "", PUSH_DROP, false},
		{301, ERROR(404, "NOT_FOUND", FCM_ERROR("UNREGISTERED")), PUSH_DROP, false},
		{500, ERROR(500, "INTERNAL", FCM_ERROR("INTERNAL")), PUSH_RETRY, true},
		{502, "", PUSH_RETRY, true},
		{0, NULL, PUSH_RETRY, true},
		/* shapes that are not what they should be */
		{404, "{\"error\":[]}", PUSH_ALERT, true},
		{404, "{\"error\":{\"details\":{}}}", PUSH_ALERT, true},
		{404, "{\"error\":{\"details\":[7,null,\"x\",{\"@type\":7}]}}", PUSH_ALERT, true},
		{404, "{\"error\":{\"details\":[{\"errorCode\":\"UNREGISTERED\"}]}}", PUSH_ALERT,
			true},
		{400, ERROR(400, "INVALID_ARGUMENT", "{\"@type\":\"google.rpc.BadRequest\"}"),
			PUSH_DROP, false},
	};

	get_token(KIT_NOW);
	assert_int_equal(prepare(KIT_NOW), PUSH_SEND);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		classify(cases[i].status, cases[i].body, -1);
		if (kit.result.verdict != cases[i].want ||
			kit.result.endpoint_fault != cases[i].fault)
			fail_msg("%d %s: %s (%s)", cases[i].status, cases[i].body,
				push_verdict_name(kit.result.verdict), kit.result.reason);
		assert_int_equal(kit.result.retry_after_ms, -1);
		assert_false(kit.result.renew);
	}
}

static void test_fcm_retry_after(void **state)
{
	(void)state;
	get_token(KIT_NOW);
	assert_int_equal(prepare(KIT_NOW), PUSH_SEND);
	classify(429, ERROR(429, "RESOURCE_EXHAUSTED", FCM_ERROR("QUOTA_EXCEEDED")), -1);
	assert_int_equal(kit.result.verdict, PUSH_RETRY);
	assert_int_equal(kit.result.retry_after_ms, 60000);
	assert_false(kit.result.endpoint_fault);
	classify(429, "", 7000);
	assert_int_equal(kit.result.retry_after_ms, 7000);
	classify(503, ERROR(503, "UNAVAILABLE", FCM_ERROR("UNAVAILABLE")), 30000);
	assert_int_equal(kit.result.verdict, PUSH_RETRY);
	assert_int_equal(kit.result.retry_after_ms, 30000);
	classify(503, "", -1);
	assert_int_equal(kit.result.retry_after_ms, -1);
}

static void classify_401(const struct push_attempt *a, int64_t now_ms)
{
	const struct http_response r = kit_answer(401, ERROR(401, "UNAUTHENTICATED", ""));

	push_classify(kit.kinds, a, &r, now_ms, &kit.result);
}

/* A refused token is renewed once; if that is refused too, somebody has to be told. */
static void test_fcm_token_refused(void **state)
{
	(void)state;
	const int64_t now = KIT_NOW + 10 * KIT_MINUTE;
	struct push_attempt first;

	get_token(KIT_NOW);
	assert_int_equal(prepare(now), PUSH_SEND);
	first = kit.job.attempt;
	classify_401(&first, now);
	assert_int_equal(kit.result.verdict, PUSH_RETRY);
	assert_true(kit.result.renew);
	get_token(now);
	/* others that were under way with the first one: no new trouble */
	classify_401(&first, now);
	assert_true(kit.result.renew);
	assert_int_equal(prepare(now), PUSH_SEND);
	classify_401(&kit.job.attempt, now);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
	assert_false(kit.result.renew);
	assert_true(kit.result.endpoint_fault);
	assert_int_equal(prepare(now), PUSH_SEND); /* slowly tried with the same */
	/* minutes later another is tried for */
	classify_401(&kit.job.attempt, now + 5 * KIT_MINUTE);
	assert_true(kit.result.renew);
}

/* What is accepted ends the trouble. */
static void test_fcm_token_accepted(void **state)
{
	(void)state;
	const struct http_response ok = kit_answer(200, "{}");

	get_token(KIT_NOW);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(prepare(KIT_NOW), PUSH_SEND);
		push_classify(kit.kinds, &kit.job.attempt, &ok, KIT_NOW, &kit.result);
		classify_401(&kit.job.attempt, KIT_NOW);
		assert_true(kit.result.renew);
		get_token(KIT_NOW);
	}
}

static void test_fcm_refused_by_the_guard(void **state)
{
	(void)state;
	struct http_response r = kit_answer(0, NULL);

	get_token(KIT_NOW);
	assert_int_equal(prepare(KIT_NOW), PUSH_SEND);
	r.refused = true;
	push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_make, kit_unmake)
	const struct CMUnitTest tests[] = {
		TEST(test_fcm_token_request),
		TEST(test_fcm_request),
		TEST(test_fcm_data_is_strings),
		TEST(test_fcm_request_variants),
		TEST(test_fcm_request_fits),
		TEST(test_fcm_token_is_kept_and_renewed),
		TEST(test_fcm_token_unused),
		TEST(test_fcm_token_clock_jumps),
		TEST(test_fcm_token_failures),
		TEST(test_fcm_token_answers),
		TEST(test_fcm_token_retry_after),
		TEST(test_fcm_answers),
		TEST(test_fcm_retry_after),
		TEST(test_fcm_token_refused),
		TEST(test_fcm_token_accepted),
		TEST(test_fcm_refused_by_the_guard),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
