/* check_test.c — what a device may give to be pushed to, and what a server offers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/push/check.h"
#include "bridge/push/offer.h"
#include "persist/values.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* 65 bytes of which the first is 4; the same, but 5; 16 bytes. */
#define P256DH \
	"BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A"
#define BAD_POINT \
	"BQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A"
#define AUTH "AAECAwQFBgcICQoLDA0ODw"
#define KEYS "\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}"

/* The data made of a request; NULL if it is refused. To be freed. */
static char *checked(enum push_kind_id kind, const char *request)
{
	struct json_object o;
	struct buf data = {0};
	const char *why = NULL;
	enum err err;

	assert_int_equal(json_parse(&o, request, strlen(request)), ERR_OK);
	err = push_check(kind, &o, &data, &why);
	json_finish(&o);
	assert_false(data.failed);
	if (err == ERR_OK) {
		assert_true(data.len <= PUSH_DATA_MAX);
		buf_u8(&data, 0);
		return data.data;
	}
	assert_int_equal(err, ERR_BAD_REQUEST);
	assert_non_null(why);
	buf_free(&data);
	return NULL;
}

struct check_case {
	const char *request, *want; /* NULL: refused */
};

static void check_all(enum push_kind_id kind, const struct check_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *got = checked(kind, cases[i].request);
		const char *want = cases[i].want;

		if ((got == NULL) != (want == NULL) || (got && strcmp(got, want) != 0))
			fail_msg("%s\nwant: %s\n got: %s", cases[i].request,
				want ? want : "refused", got ? got : "refused");
		free(got);
	}
}

static void test_push_check_fcm(void **state)
{
	static const struct check_case cases[] = {
		{"{\"token\":\"abc:D-_e\"}", "{\"token\":\"abc:D-_e\"}"},
		{"{\"fid\":\"f1\",\"token\":null}", "{\"fid\":\"f1\"}"},
		{"{}", NULL},
		{"{\"token\":\"\"}", NULL},
		{"{\"token\":7}", NULL},
		{"{\"token\":\"a\",\"fid\":\"b\"}", NULL},
		{"{\"token\":\"a b\"}", NULL},
		{"{\"token\":\"a\\nb\"}", NULL},
		{"{\"token\":\"a\\\"b\"}", NULL},
		{"{\"token\":\"a\\\\b\"}", NULL},
		{"{\"token\":\"\xc3\xa9\"}", NULL},
		{"{\"fid\":\"a\\u007f\"}", NULL},
	};

	(void)state;
	check_all(PUSH_FCM, cases, COUNT(cases));
}

static void test_push_check_apns(void **state)
{
	static const struct check_case cases[] = {
		{"{\"token\":\"00FFab\"}", "{\"token\":\"00ffab\"}"},
		{"{\"token\":\"00ff\",\"sandbox\":false}", "{\"token\":\"00ff\"}"},
		{"{\"token\":\"00ff\",\"sandbox\":true,\"topic\":\"com.example.App\"}",
			"{\"token\":\"00ff\",\"sandbox\":true,\"topic\":\"com.example.App\"}"},
		{"{}", NULL},
		{"{\"token\":\"\"}", NULL},
		{"{\"token\":\"0\"}", NULL},
		{"{\"token\":\"000\"}", NULL},
		{"{\"token\":\"0g\"}", NULL},
		{"{\"token\":\"0`\"}", NULL},
		{"{\"token\":\"00/../x\"}", NULL},
		{"{\"token\":\"00\",\"sandbox\":\"yes\"}", NULL},
		{"{\"token\":\"00\",\"topic\":\"a b\"}", NULL},
		{"{\"token\":\"00\",\"topic\":\"a\\nb\"}", NULL},
		{"{\"token\":\"00\",\"topic\":\"\"}", NULL},
	};

	(void)state;
	check_all(PUSH_APNS, cases, COUNT(cases));
}

static void test_push_check_webpush(void **state)
{
#define WANT(endpoint) "{\"endpoint\":\"" endpoint "\"," KEYS "}"
	static const struct check_case cases[] = {
		{WANT("https://push.example/x?y=z"), WANT("https://push.example/x?y=z")},
		{WANT("http://127.0.0.1:8080/x"), WANT("http://127.0.0.1:8080/x")},
		{WANT("https://[2001:db8::1]/x"), WANT("https://[2001:db8::1]/x")},
		{WANT("https://h"), WANT("https://h")},
		/* as browsers give it, with members that do not matter; padded */
		{"{\"endpoint\":\"https://h/x\",\"expirationTime\":null,\"keys\":{\"auth\":\"" AUTH
		 "==\",\"more\":[1],\"p256dh\":\"" P256DH "=\"}}",
			WANT("https://h/x")},
		{WANT(""), NULL},
		{WANT("https://"), NULL},
		{WANT("https:///x"), NULL},
		{WANT("https://?x"), NULL},
		{WANT("https://:80/"), NULL},
		{WANT("ftp://h/x"), NULL},
		{WANT("HTTPS://h/x"), NULL},
		{WANT("//h/x"), NULL},
		{WANT("https://u:p@h/x"), NULL},
		{WANT("https://h@i"), NULL},
		{WANT("https://h/x y"), NULL},
		{WANT("https://h/x\\ny"), NULL},
		{WANT("https://h/\\u0007"), NULL},
		{WANT("https://h/\\u007f"), NULL},
		{WANT("https://h\\\\i/x"), NULL},
		{WANT("https://h/\\\"x"), NULL},
		{WANT("https://h/#x"), NULL},
		{WANT("https://h/\xc3\xa9"), NULL},
		{"{\"endpoint\":\"https://h\"}", NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":null}", NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":[]}", NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":{}}", NULL},
		{"{" KEYS "}", NULL},
		{"{\"endpoint\":7," KEYS "}", NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":{\"p256dh\":\"" BAD_POINT
		 "\",\"auth\":\"" AUTH "\"}}",
			NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":{\"p256dh\":\"" P256DH "A\",\"auth\":\"" AUTH
		 "\"}}",
			NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":{\"p256dh\":\"" P256DH
		 "==\",\"auth\":\"" AUTH "\"}}",
			NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":{\"p256dh\":\"" P256DH
		 "\",\"auth\":\"AAECAwQFBgcICQoLDA0O\"}}", /* 15 bytes */
			NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":{\"p256dh\":\"" P256DH
		 "\",\"auth\":\"AAECAwQFBgcICQoLDA0ODx\"}}", /* bits behind the last byte */
			NULL},
		{"{\"endpoint\":\"https://h\",\"keys\":{\"p256dh\":\"" P256DH
		 "\",\"auth\":\"+/ECAwQFBgcICQoLDA0ODw\"}}", /* not the base64 of URLs */
			NULL},
	};

	(void)state;
	check_all(PUSH_WEBPUSH, cases, COUNT(cases));
}

static void test_push_check_webhook_and_mqtt(void **state)
{
	static const struct check_case webhook[] = {
		{"{}", "{}"},
		{"{\"url\":null}", "{}"},
		{"{\"url\":\"https://h/x\"}", "{\"url\":\"https://h/x\"}"},
		{"{\"url\":\"\"}", NULL},
		{"{\"url\":\"file:///etc/passwd\"}", NULL},
		{"{\"url\":true}", NULL},
	};
	static const struct check_case mqtt[] = {
		{"{}", "{}"},
		{"{\"token\":\"x\"}", "{}"},
	};
	static const struct check_case none[] = {{"{}", NULL}};

	(void)state;
	check_all(PUSH_WEBHOOK, webhook, COUNT(webhook));
	check_all(PUSH_MQTT, mqtt, COUNT(mqtt));
	check_all((enum push_kind_id)0, none, COUNT(none));
	check_all(PUSH_KIND_COUNT, none, COUNT(none));
}

/* A request with so many bytes for the %s in it. */
static bool fits(enum push_kind_id kind, const char *form, char fill, size_t len)
{
	const char *at = strstr(form, "%s");
	char *request = calloc(1, strlen(form) + len);
	char *got;
	bool ok;

	assert_non_null(at);
	assert_non_null(request);
	memcpy(request, form, (size_t)(at - form));
	memset(request + (at - form), fill, len);
	strcpy(request + (at - form) + len, at + 2);
	got = checked(kind, request);
	ok = got != NULL;
	free(got);
	free(request);
	return ok;
}

static void test_push_check_lengths(void **state)
{
	static const struct {
		enum push_kind_id kind;
		const char *form;
		size_t max, over;
	} cases[] = {
		{PUSH_FCM, "{\"token\":\"%s\"}", PUSH_TOKEN_MAX, 1},
		{PUSH_FCM, "{\"fid\":\"%s\"}", PUSH_TOKEN_MAX, 1},
		{PUSH_APNS, "{\"token\":\"%s\"}", PUSH_HEX_MAX, 2},
		{PUSH_APNS, "{\"token\":\"00\",\"topic\":\"%s\"}", PUSH_TOPIC_MAX, 1},
		{PUSH_WEBPUSH, "{\"endpoint\":\"https://h/%s\"," KEYS "}", PUSH_URL_MAX - 10, 1},
		{PUSH_WEBHOOK, "{\"url\":\"https://h/%s\"}", PUSH_URL_MAX - 10, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(fits(cases[i].kind, cases[i].form, 'a', cases[i].max));
		assert_false(fits(cases[i].kind, cases[i].form, 'a', cases[i].max + cases[i].over));
	}
}

static void test_push_kinds(void **state)
{
	static const char *const names[] = {"fcm", "apns", "webpush", "webhook", "mqtt"};

	(void)state;
	for (unsigned i = 0; i < COUNT(names); i++) {
		assert_string_equal(push_kind_name(i + 1), names[i]);
		assert_int_equal(push_kind_of((struct bytes){names[i], strlen(names[i])}), i + 1);
		assert_int_equal(push_kind_names_device((enum push_kind_id)(i + 1)), i < 3);
	}
	assert_null(push_kind_name(0));
	assert_null(push_kind_name(6));
	assert_int_equal(push_kind_of((struct bytes){"FCM", 3}), 0);
	assert_int_equal(push_kind_of((struct bytes){NULL, 0}), 0);
	assert_false(push_kind_names_device((enum push_kind_id)0));
}

/* --- the offer
 * ------------------------------------------------------------------------------------------ */

static bool offered(const struct push_offer *o, enum push_kind_id kind, const char *request)
{
	struct json_object j;
	const char *why = NULL;
	enum err err;

	assert_int_equal(json_parse(&j, request, strlen(request)), ERR_OK);
	err = push_offer_check(o, kind, &j, &why);
	json_finish(&j);
	assert_true(err == ERR_OK || (err == ERR_CONFLICT && why));
	return err == ERR_OK;
}

static void test_push_offer(void **state)
{
	struct push_offer o = {.kinds = 1u << PUSH_APNS | 1u << PUSH_WEBHOOK};

	(void)state;
	for (int kind = PUSH_FCM; kind < PUSH_KIND_COUNT; kind++) {
		bool there = kind == PUSH_APNS || kind == PUSH_WEBHOOK;

		assert_true(push_offered(NULL, (enum push_kind_id)kind));
		assert_true(offered(NULL, (enum push_kind_id)kind, "{\"topic\":\"x\"}"));
		assert_int_equal(push_offered(&o, (enum push_kind_id)kind), there);
	}
	assert_false(offered(&o, PUSH_FCM, "{}"));
	assert_true(offered(&o, PUSH_APNS, "{}"));
	assert_false(offered(&o, PUSH_APNS, "{\"topic\":\"com.a\"}"));
	o.apns_topics = (struct bytes){"com.a com.b", 11};
	assert_true(offered(&o, PUSH_APNS, "{\"topic\":\"com.a\"}"));
	assert_true(offered(&o, PUSH_APNS, "{\"topic\":\"com.b\"}"));
	assert_false(offered(&o, PUSH_APNS, "{\"topic\":\"com\"}"));
	assert_false(offered(&o, PUSH_APNS, "{\"topic\":\"com.a com.b\"}"));
}

static void test_push_offer_webhook(void **state)
{
	static const struct {
		bool url, own, without, with;
	} cases[] = {
		{false, false, false, false},
		{true, false, true, false},
		{false, true, false, true},
		{true, true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct push_offer o = {.kinds = 1u << PUSH_WEBHOOK,
			.webhook_url = cases[i].url,
			.webhook_own = cases[i].own};

		assert_int_equal(offered(&o, PUSH_WEBHOOK, "{}"), cases[i].without);
		assert_int_equal(
			offered(&o, PUSH_WEBHOOK, "{\"url\":\"https://h\"}"), cases[i].with);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push_check_fcm),
		cmocka_unit_test(test_push_check_apns),
		cmocka_unit_test(test_push_check_webpush),
		cmocka_unit_test(test_push_check_webhook_and_mqtt),
		cmocka_unit_test(test_push_check_lengths),
		cmocka_unit_test(test_push_kinds),
		cmocka_unit_test(test_push_offer),
		cmocka_unit_test(test_push_offer_webhook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
