/* apns_test.c — what goes to Apple, the life of a provider token under a clock that jumps, and what
 * every answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit.h"

#define DEVICE "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
#define DATA   "{\"token\":\"" DEVICE "\"}"

static void prepare_as(const struct push_note *note, const char *data, int64_t now_ms)
{
	const struct registration r = kit_registration(PUSH_APNS, data);

	assert_int_equal(
		push_prepare(kit.kinds, note, &r, now_ms, &kit.job, &kit.result), PUSH_SEND);
}

static void prepare(int64_t now_ms)
{
	struct push_note note = kit_note();

	note.expires_ms = INT64_MAX;
	prepare_as(&note, DATA, now_ms);
}

static void test_apns_request(void **state)
{
	(void)state;
	const struct push_note note = kit_note();
	const char *bearer;
	cJSON *json;

	prepare_as(&note, DATA, KIT_NOW);
	assert_true(kit_url_is(&kit.job.http, "https://api.push.apple.com/3/device/" DEVICE));
	assert_true(kit.job.http.http2);
	assert_false(kit.job.http.stranger);
	assert_string_equal(kit_header(&kit.job.http, "apns-topic"), "org.example.chat");
	assert_string_equal(kit_header(&kit.job.http, "apns-push-type"), "alert");
	assert_string_equal(kit_header(&kit.job.http, "apns-priority"), "10");
	assert_string_equal(kit_header(&kit.job.http, "apns-expiration"), "1795318421");
	assert_string_equal(
		kit_header(&kit.job.http, "apns-collapse-id"), "Zm9vYmFyMTIzNDU2Nzg5MA");
	bearer = kit_header(&kit.job.http, "authorization");
	assert_memory_equal(bearer, "bearer ", 7);
	json = kit_jwt(bearer + 7, strlen(bearer + 7), kit_p256_pem());
	assert_string_equal(kit_string(json, "iss"), "TEAM123456");
	assert_true(kit_number(json, "iat") == KIT_NOW / 1000);
	cJSON_Delete(json);
	json = kit_json(&kit.job.http.body);
	assert_string_equal(kit_string(json, "aps.alert.title"), "The \"Lobby\"");
	assert_string_equal(kit_string(json, "aps.alert.subtitle"), "bob");
	assert_string_equal(kit_string(json, "aps.alert.body"), "hello\nworld \xf0\x9f\x99\x82");
	assert_true(kit_number(json, "aps.badge") == 11);
	assert_string_equal(kit_string(json, "aps.sound"), "default");
	assert_string_equal(kit_string(json, "aps.thread-id"), "Zm9vYmFyMTIzNDU2Nzg5MA");
	assert_true(kit_number(json, "aps.mutable-content") == 1);
	assert_string_equal(kit_string(json, "gnatter.chat"), "lobby");
	assert_true(kit_number(json, "gnatter.seq") == 7);
	assert_false(kit_has(json, "gnatter.text"));
	cJSON_Delete(json);
}

/* {"alg":"ES256","kid":"ABC1234567"} */
static void test_apns_token_header(void **state)
{
	(void)state;
	prepare(KIT_NOW);
	assert_non_null(strstr(kit_header(&kit.job.http, "authorization"),
		"bearer eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyMzQ1NjcifQ."));
}

static void test_apns_request_variants(void **state)
{
	(void)state;
	struct push_note note = kit_note();
	struct registration r;

	note.urgent = false;
	prepare_as(&note, "{\"token\":\"00ff\",\"sandbox\":true,\"topic\":\"org.example.beta\"}",
		KIT_NOW);
	assert_true(kit_url_is(&kit.job.http, "https://api.sandbox.push.apple.com/3/device/00ff"));
	assert_string_equal(kit_header(&kit.job.http, "apns-topic"), "org.example.beta");
	assert_string_equal(kit_header(&kit.job.http, "apns-priority"), "5");
	/* an app that the operator does not have */
	r = kit_registration(PUSH_APNS, "{\"token\":\"00ff\",\"topic\":\"org.example\"}");
	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_END);
	assert_int_equal(kit.result.verdict, PUSH_DROP);
}

static void test_apns_without_preview(void **state)
{
	(void)state;
	struct push_note note = kit_note();
	cJSON *json;

	note.preview = false;
	prepare_as(&note, DATA, KIT_NOW);
	json = kit_json(&kit.job.http.body);
	assert_string_equal(kit_string(json, "aps.alert.body"), "New message");
	assert_false(kit_has(json, "aps.alert.title"));
	assert_false(kit_has(json, "aps.alert.subtitle"));
	assert_true(kit_number(json, "aps.badge") == 11);
	assert_true(kit_number(json, "gnatter.badge") == 11);
	assert_false(kit_has(json, "gnatter.chat"));
	assert_false(kit_has(json, "gnatter.from"));
	cJSON_Delete(json);
}

static void test_apns_request_fits(void **state)
{
	(void)state;
	char text[PUSH_TEXT_MAX], title[4000];
	struct push_note note = kit_note();
	cJSON *json;

	memset(text, 1, sizeof(text));
	memset(title, '\\', sizeof(title));
	note.text = (struct bytes){text, sizeof(text)};
	note.title = (struct bytes){title, 1000};
	prepare_as(&note, DATA, KIT_NOW);
	assert_in_range(kit.job.http.body.len, 4085, 4096);
	json = kit_json(&kit.job.http.body);
	assert_int_equal(strlen(kit_string(json, "aps.alert.title")), 1000);
	cJSON_Delete(json);
	note.title.len = sizeof(title);
	prepare_as(&note, DATA, KIT_NOW);
	assert_in_range(kit.job.http.body.len, 4085, 4096);
	cJSON_Delete(kit_json(&kit.job.http.body));
}

/* --- the provider token --- */

static char *token_at(int64_t now_ms)
{
	prepare(now_ms);
	return strdup(kit_header(&kit.job.http, "authorization"));
}

/* Is the token at `to` the same as at `from`? */
static bool same(int64_t from, int64_t to)
{
	char *a = token_at(from), *b = token_at(to);
	bool equal = strcmp(a, b) == 0;

	free(a);
	free(b);
	return equal;
}

static void test_apns_token_age(void **state)
{
	(void)state;
	assert_true(same(KIT_NOW, KIT_NOW + 1));
	assert_true(same(KIT_NOW, KIT_NOW + 40 * KIT_MINUTE - 1));
	assert_false(same(KIT_NOW, KIT_NOW + 40 * KIT_MINUTE));
}

/* The same numbers each time (Knuth's MMIX). */
static int64_t roll(int64_t below)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)((seed >> 16) % (uint64_t)below);
}

/* Under any clock, no token is older than an hour by that clock, and none follows another in less
 * than twenty minutes of it, either way. */
static void test_apns_token_clock_jumps(void **state)
{
	(void)state;
	int64_t now = KIT_NOW, made = -1;
	char *last = strdup("");
	unsigned tokens = 0;

	for (int i = 0; i < 3000; i++) {
		int64_t dice = roll(100);
		char *token;

		now += roll(5 * KIT_MINUTE);
		if (dice < 3)
			now += roll(3 * KIT_HOUR);
		else if (dice < 6)
			now -= roll(3 * KIT_HOUR);
		token = token_at(now);
		if (strcmp(token, last) != 0) {
			assert_true(made < 0 || llabs(now - made) >= 20 * KIT_MINUTE);
			made = now;
			tokens++;
		}
		assert_true(now - made < 60 * KIT_MINUTE);
		assert_true(made - now < 20 * KIT_MINUTE);
		free(last);
		last = token;
	}
	free(last);
	assert_true(tokens > 50);
}

static void classify_at(const struct push_attempt *a, int status, const char *body, int64_t now_ms)
{
	const struct http_response r = kit_answer(status, body);

	push_classify(kit.kinds, a, &r, now_ms, &kit.result);
}

#define REASON(r) "{\"reason\":\"" r "\"}"

static void test_apns_token_expired(void **state)
{
	(void)state;
	const int64_t now = KIT_NOW + 5 * KIT_MINUTE;
	char *old = token_at(KIT_NOW), *fresh;
	struct push_attempt first = kit.job.attempt;

	/* Apple's clock says more than ours: renewed at once, although it is young */
	classify_at(&first, 403, REASON("ExpiredProviderToken"), now);
	assert_int_equal(kit.result.verdict, PUSH_RETRY);
	assert_true(kit.result.renew);
	fresh = token_at(now);
	assert_string_not_equal(old, fresh);
	/* the others that were under way with the old one try again, with the new one */
	classify_at(&first, 403, REASON("ExpiredProviderToken"), now);
	assert_true(kit.result.renew);
	assert_true(same(now, now + KIT_MINUTE));
	/* the new one is refused too: our clock is wrong, and no third one is made */
	classify_at(&kit.job.attempt, 403, REASON("ExpiredProviderToken"), now + KIT_MINUTE);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
	assert_false(kit.result.renew);
	assert_true(same(now, now + 19 * KIT_MINUTE));
	classify_at(&kit.job.attempt, 403, REASON("ExpiredProviderToken"), now + 19 * KIT_MINUTE);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
	/* but after twenty minutes */
	assert_false(same(now + 19 * KIT_MINUTE, now + 20 * KIT_MINUTE));
	free(old);
	free(fresh);
}

static void test_apns_token_invalid(void **state)
{
	(void)state;
	char *old = token_at(KIT_NOW), *fresh;

	/* a young one is not given up: Apple would mind another */
	classify_at(&kit.job.attempt, 403, REASON("InvalidProviderToken"), KIT_NOW + KIT_MINUTE);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
	assert_true(kit.result.endpoint_fault);
	assert_true(same(KIT_NOW, KIT_NOW + KIT_MINUTE));
	/* once one is accepted, an older one is */
	classify_at(&kit.job.attempt, 200, NULL, KIT_NOW + 2 * KIT_MINUTE);
	classify_at(
		&kit.job.attempt, 403, REASON("InvalidProviderToken"), KIT_NOW + 25 * KIT_MINUTE);
	assert_true(kit.result.renew);
	fresh = token_at(KIT_NOW + 25 * KIT_MINUTE);
	assert_string_not_equal(old, fresh);
	classify_at(&kit.job.attempt, 403, "", KIT_NOW + 25 * KIT_MINUTE);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
	free(old);
	free(fresh);
}

/* --- answers --- */

static void test_apns_answers(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body;
		enum push_verdict want;
		bool fault;
	} cases[] = {
		{200, "", PUSH_DELIVERED, false},
		{400, REASON("BadDeviceToken"), PUSH_UNREGISTER, false},
		{400, REASON("DeviceTokenNotForTopic"), PUSH_UNREGISTER, false},
		{400, REASON("BadCollapseId"), PUSH_DROP, false},
		{400, REASON("BadTopic"), PUSH_ALERT, false},
		{400, REASON("TopicDisallowed"), PUSH_ALERT, false},
		{400, REASON("IdleTimeout"), PUSH_RETRY, false},
		{400, REASON("PayloadEmpty"), PUSH_DROP, false},
		{400, REASON("NewInTheNextYear"), PUSH_DROP, false},
		{400, "not json", PUSH_DROP, false},
		{400, "", PUSH_DROP, false},
		{403, REASON("Forbidden"), PUSH_ALERT, true},
		{403, REASON("BadEnvironmentKeyIdInToken"), PUSH_ALERT, true},
		{403, REASON("MissingProviderToken"), PUSH_ALERT, true},
		{403, "not json", PUSH_ALERT, true},
		{404, REASON("BadPath"), PUSH_ALERT, true},
		{404, "", PUSH_ALERT, true},
		{405, REASON("MethodNotAllowed"), PUSH_ALERT, true},
		{410, "", PUSH_UNREGISTER, false},
		{410, REASON("Unregistered"), PUSH_UNREGISTER, false},
		{413, REASON("PayloadTooLarge"), PUSH_DROP, false},
		{413, "", PUSH_DROP, false},
		{429, REASON("TooManyRequests"), PUSH_RETRY, false},
		{429, "", PUSH_RETRY, false},
		{429, "{\"reason\":7}", PUSH_RETRY, false},
		{500, REASON("InternalServerError"), PUSH_RETRY, true},
		{503, REASON("ServiceUnavailable"), PUSH_RETRY, true},
		{503, REASON("Shutdown"), PUSH_RETRY, true},
		{0, NULL, PUSH_RETRY, true},
		{302, "", PUSH_DROP, false},
		{302, REASON("Unregistered"), PUSH_DROP, false},
	};

	prepare(KIT_NOW);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		classify_at(&kit.job.attempt, cases[i].status, cases[i].body, KIT_NOW);
		if (kit.result.verdict != cases[i].want ||
			kit.result.endpoint_fault != cases[i].fault)
			fail_msg("%d %s: %s (%s)", cases[i].status, cases[i].body,
				push_verdict_name(kit.result.verdict), kit.result.reason);
		assert_false(kit.result.renew);
		assert_int_equal(kit.result.retry_after_ms, -1);
	}
}

/* Too many new tokens: that is for everybody. */
static void test_apns_too_many_updates(void **state)
{
	(void)state;
	prepare(KIT_NOW);
	classify_at(&kit.job.attempt, 429, REASON("TooManyProviderTokenUpdates"), KIT_NOW);
	assert_int_equal(kit.result.verdict, PUSH_RETRY);
	assert_true(kit.result.endpoint_fault);
	assert_int_equal(kit.result.retry_after_ms, 300000);
}

static void test_apns_retry_after(void **state)
{
	(void)state;
	static const int statuses[] = {429, 500, 503};

	prepare(KIT_NOW);
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		struct http_response r = kit_answer(statuses[i], "");

		r.retry_after_ms = 12000;
		push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
		assert_int_equal(kit.result.retry_after_ms, 12000);
	}
}

/* A 410 is about the registration that was there at that time. */
static void test_apns_gone_at_border(void **state)
{
	(void)state;
	const int64_t set = KIT_NOW - KIT_HOUR;
	static const char *const names[] = {"Unregistered", "ExpiredToken"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		for (int64_t at = set - 1; at <= set + 1; at++) {
			char body[100];

			snprintf(body, sizeof(body), "{\"reason\":\"%s\",\"timestamp\":%lld}",
				names[i], (long long)at);
			prepare(KIT_NOW);
			classify_at(&kit.job.attempt, 410, body, KIT_NOW);
			assert_int_equal(
				kit.result.verdict, at >= set ? PUSH_UNREGISTER : PUSH_RETRY);
		}
	}
	classify_at(
		&kit.job.attempt, 410, "{\"reason\":\"Unregistered\",\"timestamp\":-5}", KIT_NOW);
	assert_int_equal(kit.result.verdict, PUSH_UNREGISTER);
	classify_at(&kit.job.attempt, 410, "{\"reason\":\"Unregistered\",\"timestamp\":\"x\"}",
		KIT_NOW);
	assert_int_equal(kit.result.verdict, PUSH_UNREGISTER);
}

/* A provider that says the device's token back does not get it into a log. */
static void test_apns_reason_tells_no_secret(void **state)
{
	(void)state;
	prepare(KIT_NOW);
	classify_at(&kit.job.attempt, 400, REASON(DEVICE), KIT_NOW);
	assert_null(strstr(kit.result.reason, "00fc13"));
	classify_at(&kit.job.attempt, 400, REASON("Bad\\nreason"), KIT_NOW);
	assert_null(strchr(kit.result.reason, '\n'));
}

static void test_apns_endpoint(void **state)
{
	(void)state;
	struct registration r = kit_registration(PUSH_APNS, DATA);
	struct buf b = {0};

	push_endpoint(&r, &b);
	assert_true(bytes_equal((struct bytes){b.data, b.len}, "apns", 4));
	r.data = kit_text("{\"token\":\"00\",\"sandbox\":true}");
	buf_reset(&b);
	push_endpoint(&r, &b);
	assert_true(bytes_equal((struct bytes){b.data, b.len}, "apns-sandbox", 12));
	buf_free(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_make, kit_unmake)
	const struct CMUnitTest tests[] = {
		TEST(test_apns_request),
		TEST(test_apns_token_header),
		TEST(test_apns_request_variants),
		TEST(test_apns_without_preview),
		TEST(test_apns_request_fits),
		TEST(test_apns_token_age),
		TEST(test_apns_token_clock_jumps),
		TEST(test_apns_token_expired),
		TEST(test_apns_token_invalid),
		TEST(test_apns_answers),
		TEST(test_apns_too_many_updates),
		TEST(test_apns_retry_after),
		TEST(test_apns_gone_at_border),
		TEST(test_apns_reason_tells_no_secret),
		TEST(test_apns_endpoint),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
