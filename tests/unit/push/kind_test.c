/* kind_test.c — setting the kinds up, each way to be wrong; registrations that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "bridge/push/target.h"
#include "kit.h"

static char why[256];

static enum err create(const struct conf *c)
{
	struct push_kinds *k;
	enum err e = push_kinds_create(&k, c, why, sizeof(why));

	assert_int_equal(e == ERR_OK, *why == '\0');
	assert_int_equal(e == ERR_OK, k != NULL);
	push_kinds_destroy(k);
	return e;
}

static void test_push_kinds_configured(void **state)
{
	(void)state;
	struct conf c;
	struct push_kinds *k;

	assert_int_equal(conf_defaults(&c, "/i"), ERR_OK);
	k = kit_kinds_of(&c);
	for (int kind = 0; kind <= PUSH_KIND_COUNT; kind++)
		assert_int_equal(
			push_kinds_configured(k, (enum push_kind_id)kind), kind == PUSH_MQTT);
	assert_int_equal(push_kinds_vapid_key(k).len, 0);
	assert_int_equal(push_kinds_apns_topics(k).len, 0);
	assert_false(push_token_due(k, PUSH_FCM, KIT_NOW));
	push_kinds_destroy(k);
	k = kit_kinds();
	for (int kind = PUSH_FCM; kind < PUSH_KIND_COUNT; kind++)
		assert_true(push_kinds_configured(k, (enum push_kind_id)kind));
	assert_int_equal(push_kinds_vapid_key(k).len, 87);
	assert_true(
		bytes_equal(push_kinds_apns_topics(k), "org.example.chat org.example.beta", 33));
	push_kinds_destroy(k);
	push_kinds_destroy(NULL);
}

/* An option, a value, and words of the sentence about it. */
#define AT(field) offsetof(struct conf, field)

static void test_push_kinds_create_refuses(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		const char *value, *words;
	} cases[] = {
		{AT(push_fcm_account), "/nowhere",
			"push_fcm_account /nowhere: the key file cannot"},
		{AT(push_fcm_account), "/tmp", "not a file"},
		{AT(push_fcm_url), "fcm.example", "push_fcm_url: the URL does not begin"},
		{AT(push_fcm_url), "http://fcm.example", "only https"},
		{AT(push_fcm_url), "https://fcm.example/", "end with /"},
		{AT(push_fcm_url), "https://fcm.example?x", "query"},
		{AT(push_apns_key), "/nowhere", "push_apns_key /nowhere: the key file cannot"},
		{AT(push_apns_key_id), "", "push_apns_key_id"},
		{AT(push_apns_key_id), "ABC123456", "push_apns_key_id"},
		{AT(push_apns_key_id), "ABC12345678", "push_apns_key_id"},
		{AT(push_apns_key_id), "ABC123456\"", "push_apns_key_id"},
		{AT(push_apns_team), "team123456", "push_apns_team"},
		{AT(push_apns_topic), "", "push_apns_topic"},
		{AT(push_apns_topic), " ", "push_apns_topic"},
		{AT(push_apns_topic), "a,b", "push_apns_topic"},
		{AT(push_apns_topic), "a b\"", "push_apns_topic"},
		{AT(push_apns_url), "https://", "push_apns_url"},
		{AT(push_apns_sandbox_url), "x", "push_apns_sandbox_url"},
		{AT(push_webpush_key), "/nowhere", "push_webpush_key /nowhere"},
		{AT(push_webpush_subject), "", "push_webpush_subject"},
		{AT(push_webpush_subject), "ops@example.org", "push_webpush_subject"},
		{AT(push_webpush_subject), "mailto:ops", "push_webpush_subject"},
		{AT(push_webpush_subject), "mailto:@x", "push_webpush_subject"},
		{AT(push_webpush_subject), "mailto:ops@", "push_webpush_subject"},
		{AT(push_webpush_subject), "mailto:o s@x", "push_webpush_subject"},
		{AT(push_webpush_subject), "http://x", "push_webpush_subject"},
		{AT(push_webhook_url), "ftp://x", "push_webhook_url"},
		{AT(push_webhook_url), "http://gateway.example/", "only https"},
		{AT(push_webhook_key), "", "push_webhook_key"},
		{AT(push_webhook_key), "/nowhere",
			"push_webhook_key /nowhere: the key file cannot"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf c;

		kit_conf(&c);
		strcpy((char *)&c + cases[i].at, cases[i].value);
		if (create(&c) == ERR_OK || !strstr(why, cases[i].words))
			fail_msg("%s: %s", cases[i].value, why);
	}
}

static void test_push_kinds_create_takes(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		const char *value;
	} cases[] = {
		{AT(push_fcm_url), "http://127.0.0.1:8080"},
		{AT(push_fcm_url), "https://proxy.example/fcm"},
		{AT(push_apns_url), "https://localhost:2197"},
		{AT(push_webpush_subject), "https://example.org/contact"},
		{AT(push_webhook_url), "http://[::1]:1/x"},
		{AT(push_apns_topic), "\torg.example.a\t  b "},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf c;

		kit_conf(&c);
		strcpy((char *)&c + cases[i].at, cases[i].value);
		if (create(&c) != ERR_OK)
			fail_msg("%s", why);
	}
}

/* Every key file is refused when others can read it, and when it is a key of another sort. */
static void test_push_kinds_key_files(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		const char *option;
		bool p256;
	} files[] = {
		{AT(push_fcm_account), "push_fcm_account", false},
		{AT(push_apns_key), "push_apns_key", true},
		{AT(push_webpush_key), "push_webpush_key", true},
		{AT(push_webhook_key), "push_webhook_key", false},
	};
	struct conf c;

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		char *path = (char *)&c + files[i].at;

		kit_conf(&c);
		assert_int_equal(chmod(path, 0644), 0);
		assert_int_equal(create(&c), ERR_BAD_REQUEST);
		assert_non_null(strstr(why, files[i].option));
		assert_non_null(strstr(why, "chmod o-rwx"));
		assert_int_equal(chmod(path, 0600), 0);
		strcpy(path,
			kit_write("other", files[i].p256 ? kit_rsa_pem() : kit_p256_pem(), 0600));
		assert_int_equal(create(&c), ERR_BAD_REQUEST);
		assert_non_null(strstr(why, files[i].option));
		strcpy(path, kit_write("other", "", 0600));
		assert_int_equal(create(&c), ERR_BAD_REQUEST);
	}
}

/* A service account's file with one member replaced. */
static void test_push_kinds_fcm_account(void **state)
{
	(void)state;
#define ACCOUNT(type, project, id, email, uri)                                 \
	"{\"type\":" type ",\"project_id\":" project ",\"private_key_id\":" id \
	",\"client_email\":" email ",\"token_uri\":" uri ",\"private_key\":\"x\"}"
#define T "\"service_account\""
#define U "\"https://o.example/t\""
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "not JSON"},
		{"{", "not JSON"},
		{"[]", "not JSON"},
		{"{}", "no key file of a service account"},
		{ACCOUNT("\"authorized_user\"", "\"p\"", "\"i\"", "\"e\"", U), "service account"},
		{ACCOUNT(T, "\"../x\"", "\"i\"", "\"e\"", U), "project_id"},
		{ACCOUNT(T, "7", "\"i\"", "\"e\"", U), "project_id"},
		{ACCOUNT(T, "\"p\"", "null", "\"e\"", U), "private_key_id"},
		{ACCOUNT(T, "\"p\"", "\"i\"", "\"\"", U), "client_email"},
		{ACCOUNT(T, "\"p\"", "\"i\"", "\"e\"", "\"http://o.example/t\""), "token_uri"},
		{ACCOUNT(T, "\"p\"", "\"i\"", "\"e\"", "7"), "token_uri"},
		{ACCOUNT(T, "\"p\"", "\"i\"", "\"e\"", U), "no private key"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf c;

		kit_conf(&c);
		strcpy(c.push_fcm_account, kit_write("other", cases[i].text, 0600));
		assert_int_equal(create(&c), ERR_BAD_REQUEST);
		if (!strstr(why, cases[i].words))
			fail_msg("%s\n%s", cases[i].text, why);
	}
}

/* A sentence that does not fit is cut. */
static void test_push_kinds_why_of_every_size(void **state)
{
	(void)state;
	struct conf c;

	kit_conf(&c);
	strcpy(c.push_apns_team, "x");
	for (size_t size = 0; size < 100; size++) {
		char *exact = malloc(size ? size : 1);
		struct push_kinds *k;

		assert_non_null(exact);
		assert_int_equal(push_kinds_create(&k, &c, exact, size), ERR_BAD_REQUEST);
		if (size)
			assert_true(strlen(exact) < size);
		free(exact);
	}
}

/* --- registrations --- */

#define KEYS                                                   \
	"\"keys\":{\"p256dh\":"                                \
	"\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-" \
	"AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4\","             \
	"\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}"

static const struct {
	enum push_kind_id kind;
	const char *request;
} requests[] = {
	{PUSH_FCM, "{\"kind\":\"fcm\",\"token\":\"abc:D-_e\",\"preview\":true}"},
	{PUSH_FCM, "{\"fid\":\"f1\"}"},
	{PUSH_APNS, "{\"token\":\"00FF\",\"sandbox\":true,\"topic\":\"org.example.chat\"}"},
	{PUSH_WEBPUSH, "{\"endpoint\":\"https://h/x\",\"expirationTime\":null," KEYS "}"},
	{PUSH_WEBHOOK, "{}"},
	{PUSH_WEBHOOK, "{\"url\":\"https://h/x\",\"secret\":\"0123456789abcdef\"}"},
	{PUSH_MQTT, "{}"},
};

static void check(enum push_kind_id kind, const char *request, struct buf *data)
{
	const char *wrong = "";
	struct json_object o;

	assert_int_equal(json_parse(&o, request, strlen(request)), ERR_OK);
	if (push_check(kind, &o, data, &wrong) != ERR_OK)
		fail_msg("%s: %s", request, wrong);
	json_finish(&o);
}

/* What is checked can be read; and checked again, it stays the same. */
static void test_push_target_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		struct buf data = {0}, again = {0};
		struct push_target t;

		check(requests[i].kind, requests[i].request, &data);
		assert_int_equal(
			push_target_read(&t, requests[i].kind, (struct bytes){data.data, data.len}),
			ERR_OK);
		push_target_finish(&t);
		buf_u8(&data, 0);
		check(requests[i].kind, data.data, &again);
		assert_int_equal(again.len, data.len - 1);
		assert_memory_equal(again.data, data.data, again.len);
		buf_free(&data);
		buf_free(&again);
	}
}

/* Cut anywhere, every byte changed in every way, read as another kind: read or refused. */
static void test_push_target_read_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		struct buf data = {0};
		struct push_target t;

		check(requests[i].kind, requests[i].request, &data);
		for (size_t at = 0; at < data.len; at++) {
			char *copy = malloc(data.len);

			assert_non_null(copy);
			assert_int_equal(push_target_read(&t, requests[i].kind,
						 (struct bytes){data.data, at}),
				ERR_CORRUPT);
			for (int bit = 0; bit < 8; bit++) {
				memcpy(copy, data.data, data.len);
				copy[at] = (char)(copy[at] ^ (1 << bit));
				if (push_target_read(&t, requests[i].kind,
					    (struct bytes){copy, data.len}) == ERR_OK)
					push_target_finish(&t);
			}
			free(copy);
		}
		for (int kind = -1; kind <= PUSH_KIND_COUNT; kind++) {
			if (push_target_read(&t, (enum push_kind_id)kind,
				    (struct bytes){data.data, data.len}) == ERR_OK)
				push_target_finish(&t);
		}
		buf_free(&data);
	}
}

/* What would get into a header or a URL is refused, should the store be damaged that way. */
static void test_push_target_read_hostile(void **state)
{
	(void)state;
	static const struct {
		enum push_kind_id kind;
		const char *data;
	} cases[] = {
		{PUSH_FCM, "{}"},
		{PUSH_FCM, "{\"token\":\"a\",\"fid\":\"b\"}"},
		{PUSH_FCM, "{\"token\":\"a\\nb\"}"},
		{PUSH_APNS, "{\"token\":\"00/../x\"}"},
		{PUSH_APNS, "{\"token\":\"00FF\"}"},
		{PUSH_APNS, "{\"token\":\"00\",\"topic\":\"a\\r\\nX: y\"}"},
		{PUSH_WEBPUSH, "{\"endpoint\":\"https://h/\"}"},
		{PUSH_WEBPUSH, "{" KEYS "}"},
		{PUSH_WEBPUSH, "{\"endpoint\":\"file:///x\"," KEYS "}"},
		{PUSH_WEBPUSH, "{\"endpoint\":\"https://h/\",\"keys\":[]}"},
		{PUSH_WEBPUSH, "{\"endpoint\":\"https://h/\",\"keys\":{\"p256dh\":\"\"}}"},
		{PUSH_WEBHOOK, "{\"url\":\"https://u@h/\"}"},
		{PUSH_WEBHOOK, "{\"url\":7}"},
		{PUSH_WEBHOOK, "{\"secret\":\"a b\"}"},
		{PUSH_MQTT, ""},
		{PUSH_MQTT, "[]"},
		{PUSH_MQTT, "7"},
	};
	struct push_kinds *k = kit_kinds();
	struct push_job job = {0};
	struct push_result result;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct registration r = kit_registration(cases[i].kind, cases[i].data);
		const struct push_note note = kit_note();

		if (push_prepare(k, &note, &r, KIT_NOW, &job, &result) != PUSH_END)
			fail_msg("%s", cases[i].data);
		assert_int_equal(result.verdict, PUSH_UNREGISTER);
	}
	push_job_free(&job);
	push_kinds_destroy(k);
}

/* A webhook's secret: its own borders; the rest of push_check() is tested beside it. */
static void test_push_check_secret(void **state)
{
	(void)state;
	static const struct {
		const char *request;
		bool ok;
	} cases[] = {
		{"{\"url\":\"https://h\",\"secret\":\"0123456789abcdef\"}", true},
		{"{\"url\":\"https://h\",\"secret\":\"0123456789abcde\"}", false},
		{"{\"url\":\"https://h\",\"secret\":\"0123456789abcde \"}", false},
		{"{\"url\":\"https://h\",\"secret\":\"0123456789abcde\xc3\xa9\"}", false},
		{"{\"url\":\"https://h\",\"secret\":7}", false},
		{"{\"url\":\"https://h\",\"secret\":null}", true},
		{"{\"secret\":\"0123456789abcdef\"}", false},
		{"{\"url\":\"http://h\"}", false}, /* http leads out of this machine */
		{"{\"url\":\"http://localhost:8080/x\"}", true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *wrong = "";
		struct json_object o;
		struct buf data = {0};

		assert_int_equal(
			json_parse(&o, cases[i].request, strlen(cases[i].request)), ERR_OK);
		if ((push_check(PUSH_WEBHOOK, &o, &data, &wrong) == ERR_OK) != cases[i].ok)
			fail_msg("%s: %s", cases[i].request, wrong);
		json_finish(&o);
		buf_free(&data);
	}
}

/* --- notes --- */

static void test_push_prepare_ends(void **state)
{
	(void)state;
	struct push_kinds *k = kit_kinds();
	struct registration r = kit_registration(PUSH_MQTT, "{}");
	struct push_note note = kit_note();
	struct push_job job = {0};
	struct push_result result;

	for (int64_t ahead = 0; ahead <= 1; ahead++) {
		note.expires_ms = KIT_NOW + ahead;
		assert_int_equal(push_prepare(k, &note, &r, KIT_NOW, &job, &result),
			ahead ? PUSH_PUBLISH : PUSH_END);
	}
	for (int kind = PUSH_KIND_COUNT; kind < PUSH_KIND_COUNT + 3; kind++) {
		r.kind = (enum push_kind_id)(kind % (PUSH_KIND_COUNT + 2));
		if (r.kind == PUSH_FCM)
			continue;
		assert_int_equal(push_prepare(k, &note, &r, KIT_NOW, &job, &result), PUSH_END);
		assert_int_equal(result.verdict, PUSH_DROP);
	}
	push_job_free(&job);
	push_kinds_destroy(k);
}

static void test_push_verdict_name(void **state)
{
	(void)state;
	static const char *const names[PUSH_VERDICTS] = {
		"delivered", "retry", "drop", "unregister", "alert"};

	for (int i = 0; i < PUSH_VERDICTS; i++)
		assert_string_equal(push_verdict_name((enum push_verdict)i), names[i]);
	assert_string_equal(push_verdict_name(PUSH_VERDICTS), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push_kinds_configured),
		cmocka_unit_test(test_push_kinds_create_refuses),
		cmocka_unit_test(test_push_kinds_create_takes),
		cmocka_unit_test(test_push_kinds_key_files),
		cmocka_unit_test(test_push_kinds_fcm_account),
		cmocka_unit_test(test_push_kinds_why_of_every_size),
		cmocka_unit_test(test_push_target_read),
		cmocka_unit_test(test_push_target_read_damaged),
		cmocka_unit_test(test_push_target_read_hostile),
		cmocka_unit_test(test_push_check_secret),
		cmocka_unit_test(test_push_prepare_ends),
		cmocka_unit_test(test_push_verdict_name),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
