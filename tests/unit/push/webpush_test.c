/* webpush_test.c — what goes to a push service, VAPID under a clock that jumps, and what every
 * answer means. The encryption has its own test. */
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/push/vapid.h"
#include "kit.h"

/* The keys of RFC 8291, appendix A. */
#define KEYS                                                   \
	"\"keys\":{\"p256dh\":"                                \
	"\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-" \
	"AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4\","             \
	"\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}"
#define ENDPOINT   "https://Push.example:8443/s3cret/path?q=1"
#define DATA_OF(e) "{\"endpoint\":\"" e "\"," KEYS "}"

static enum push_step prepare(const char *data, int64_t now_ms)
{
	const struct registration r = kit_registration(PUSH_WEBPUSH, data);
	struct push_note note = kit_note();

	note.expires_ms = now_ms + KIT_HOUR;
	return push_prepare(kit.kinds, &note, &r, now_ms, &kit.job, &kit.result);
}

static void test_webpush_request(void **state)
{
	(void)state;
	assert_int_equal(prepare(DATA_OF(ENDPOINT), KIT_NOW), PUSH_SEND);
	assert_true(kit_url_is(&kit.job.http, ENDPOINT));
	assert_true(kit.job.http.stranger);
	assert_false(kit.job.http.http2);
	assert_string_equal(kit_header(&kit.job.http, "TTL"), "3600");
	assert_string_equal(kit_header(&kit.job.http, "Urgency"), "high");
	assert_string_equal(kit_header(&kit.job.http, "Topic"), "Zm9vYmFyMTIzNDU2Nzg5MA");
	assert_string_equal(kit_header(&kit.job.http, "Content-Encoding"), "aes128gcm");
	assert_string_equal(kit_header(&kit.job.http, "Content-Type"), "application/octet-stream");
	assert_in_range(kit.job.http.body.len, 200, 400);
	assert_int_equal(kit.job.http.body.data[20], 65);
}

static void test_webpush_request_variants(void **state)
{
	(void)state;
	struct registration r = kit_registration(PUSH_WEBPUSH, DATA_OF(ENDPOINT));
	struct push_note note = kit_note();
	char text[PUSH_TEXT_MAX], title[4000];

	note.urgent = false;
	r.preview = false;
	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_SEND);
	assert_string_equal(kit_header(&kit.job.http, "Urgency"), "normal");
	assert_int_equal(kit.job.http.body.len, strlen("{\"badge\":11}") + 103);
	/* the longest of everything */
	r.preview = true;
	memset(text, 1, sizeof(text));
	memset(title, 't', sizeof(title));
	note.text = (struct bytes){text, sizeof(text)};
	note.title = (struct bytes){title, sizeof(title)};
	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_SEND);
	assert_int_equal(kit.job.http.body.len, 4096);
}

/* The claims of the JWT in the Authorization header; checks the public key beside it. */
static cJSON *claims_of(void)
{
	static const char between[] = ", k=";
	const char *header = kit_header(&kit.job.http, "Authorization"), *end;
	struct bytes key = push_kinds_vapid_key(kit.kinds);

	assert_non_null(header);
	assert_memory_equal(header, "vapid t=", 8);
	end = strstr(header, between);
	assert_non_null(end);
	assert_true(bytes_equal(key, end + 4, strlen(end + 4)));
	assert_int_equal(key.len, 87);
	return kit_jwt(header + 8, (size_t)(end - header - 8), kit_p256_pem());
}

static void test_webpush_vapid(void **state)
{
	(void)state;
	cJSON *claims;

	assert_int_equal(prepare(DATA_OF(ENDPOINT), KIT_NOW), PUSH_SEND);
	claims = claims_of();
	assert_string_equal(kit_string(claims, "aud"), "https://push.example:8443");
	assert_string_equal(kit_string(claims, "sub"), "mailto:ops@example.org");
	assert_true(kit_number(claims, "exp") == KIT_NOW / 1000 + 12 * 3600);
	cJSON_Delete(claims);
	/* the port of https is not said, so that the audience is the origin */
	assert_int_equal(prepare(DATA_OF("https://a.example:443/x"), KIT_NOW), PUSH_SEND);
	claims = claims_of();
	assert_string_equal(kit_string(claims, "aud"), "https://a.example");
	cJSON_Delete(claims);
}

static double exp_at(int64_t now_ms)
{
	cJSON *claims;
	double exp;

	assert_int_equal(prepare(DATA_OF(ENDPOINT), now_ms), PUSH_SEND);
	claims = claims_of();
	exp = kit_number(claims, "exp");
	cJSON_Delete(claims);
	return exp;
}

/* Kept for hours; never ended, and never for more than a day ahead, wherever the clock goes. */
static void test_webpush_vapid_clock_jumps(void **state)
{
	(void)state;
	static const int64_t hours[] = {0, 1, 5, 10, 12, 24, 23, 11, 0, 1000, 999, -5, 6, 7};
	double first = exp_at(KIT_NOW);

	assert_true(exp_at(KIT_NOW + 11 * KIT_HOUR) == first);
	assert_true(exp_at(KIT_NOW + 11 * KIT_HOUR + 1) > first);
	for (size_t i = 0; i < COUNT_OF(hours); i++) {
		int64_t now = KIT_NOW + hours[i] * KIT_HOUR;
		double left = exp_at(now) - (double)(now / 1000);

		assert_true(left >= 3599 && left <= 12 * 3600);
	}
}

/* More origins than are kept: each gets its own all the same. */
static void test_webpush_vapid_many_origins(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * VAPID_ORIGINS_MAX; i++) {
		char data[600], want[64];
		cJSON *claims;

		snprintf(data, sizeof(data), "{\"endpoint\":\"https://h%d.example/x\"," KEYS "}",
			i % 100);
		snprintf(want, sizeof(want), "https://h%d.example", i % 100);
		assert_int_equal(prepare(data, KIT_NOW + i), PUSH_SEND);
		claims = claims_of();
		assert_string_equal(kit_string(claims, "aud"), want);
		cJSON_Delete(claims);
	}
}

static void test_webpush_prepare_refuses(void **state)
{
	(void)state;
	static const char bad_point[] =
		"{\"endpoint\":\"https://h/\",\"keys\":{\"p256dh\":\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV"
		"-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw8\","
		"\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}";
	struct conf c;

	assert_int_equal(prepare(bad_point, KIT_NOW), PUSH_END);
	assert_int_equal(kit.result.verdict, PUSH_UNREGISTER);
	assert_int_equal(prepare(DATA_OF("http://127.0.0.1:1/x"), KIT_NOW), PUSH_END);
	assert_int_equal(kit.result.verdict, PUSH_DROP);
	kit_conf(&c);
	c.push_allow_http = 1;
	push_kinds_destroy(kit.kinds);
	kit.kinds = kit_kinds_of(&c);
	assert_int_equal(prepare(DATA_OF("http://127.0.0.1:1/x"), KIT_NOW), PUSH_SEND);
}

static void test_webpush_answers(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body;
		enum push_verdict want;
		bool fault;
	} cases[] = {
		{200, "", PUSH_DELIVERED, false},
		{201, "", PUSH_DELIVERED, false},
		{202, "", PUSH_DELIVERED, false},
		{204, "", PUSH_DELIVERED, false},
		{404, "", PUSH_UNREGISTER, false},
		{410, "", PUSH_UNREGISTER, false},
		{400, "", PUSH_DROP, false},
		{400, "{\"reason\":\"VapidPkHashMismatch\"}", PUSH_UNREGISTER, false},
		{403, "{\"reason\":\"VapidPkHashMismatch\"}", PUSH_UNREGISTER, false},
		{403,
			"the VAPID credentials in the authorization header do not correspond to "
			"the credentials used to create the subscriptions.\n",
			PUSH_UNREGISTER, false},
		{401,
			"{\"code\":401,\"errno\":109,\"error\":\"Unauthorized\","
			"\"message\":\"VAPID public key mismatch\"}",
			PUSH_UNREGISTER, false},
		{403, "{\"reason\":\"BadJwtToken\"}", PUSH_ALERT, false},
		{403, "", PUSH_ALERT, false},
		{401, "", PUSH_ALERT, false},
		{413, "", PUSH_DROP, false},
		{413, "VAPID public key mismatch", PUSH_DROP, false},
		{415, "", PUSH_DROP, false},
		{301, "", PUSH_DROP, false},
		{307, "", PUSH_DROP, false},
		{406, "", PUSH_RETRY, false},
		{408, "", PUSH_RETRY, false},
		{429, "", PUSH_RETRY, false},
		{507, "", PUSH_RETRY, false},
		{500, "", PUSH_RETRY, true},
		{503, "", PUSH_RETRY, true},
		{0, NULL, PUSH_RETRY, true},
	};

	assert_int_equal(prepare(DATA_OF(ENDPOINT), KIT_NOW), PUSH_SEND);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_response r = kit_answer(cases[i].status, cases[i].body);

		r.retry_after_ms = 9000;
		push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
		if (kit.result.verdict != cases[i].want ||
			kit.result.endpoint_fault != cases[i].fault)
			fail_msg("%d %s: %s (%s)", cases[i].status, cases[i].body,
				push_verdict_name(kit.result.verdict), kit.result.reason);
		assert_int_equal(
			kit.result.retry_after_ms, cases[i].want == PUSH_RETRY ? 9000 : -1);
		assert_null(strstr(kit.result.reason, "s3cret"));
	}
}

static void test_webpush_refused_by_the_guard(void **state)
{
	(void)state;
	struct http_response r = kit_answer(0, NULL);

	assert_int_equal(prepare(DATA_OF(ENDPOINT), KIT_NOW), PUSH_SEND);
	r.refused = true;
	push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
	assert_int_equal(kit.result.verdict, PUSH_DROP);
	assert_false(kit.result.endpoint_fault);
}

static void test_webpush_endpoint_tells_no_secret(void **state)
{
	(void)state;
	struct registration r = kit_registration(PUSH_WEBPUSH, DATA_OF(ENDPOINT));
	struct buf b = {0};

	push_endpoint(&r, &b);
	buf_u8(&b, 0);
	assert_string_equal(b.data, "https://push.example:8443");
	r.data = kit_text("damaged");
	buf_reset(&b);
	push_endpoint(&r, &b);
	buf_u8(&b, 0);
	assert_string_equal(b.data, "webpush");
	buf_free(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_make, kit_unmake)
	const struct CMUnitTest tests[] = {
		TEST(test_webpush_request),
		TEST(test_webpush_request_variants),
		TEST(test_webpush_vapid),
		TEST(test_webpush_vapid_clock_jumps),
		TEST(test_webpush_vapid_many_origins),
		TEST(test_webpush_prepare_refuses),
		TEST(test_webpush_answers),
		TEST(test_webpush_refused_by_the_guard),
		TEST(test_webpush_endpoint_tells_no_secret),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
