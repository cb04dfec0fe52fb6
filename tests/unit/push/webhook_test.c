/* webhook_test.c — what gateways get, by HTTP and by MQTT, how it is signed, and what every answer
 * means. */
#include <openssl/hmac.h>
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

#define OWN_URL "https://my.example/hook?k=s3cret"
#define OWN     "{\"url\":\"" OWN_URL "\",\"secret\":\"0123456789abcdef\"}"

static enum push_step prepare_as(const struct push_note *note, const char *data)
{
	const struct registration r = kit_registration(PUSH_WEBHOOK, data);

	return push_prepare(kit.kinds, note, &r, KIT_NOW, &kit.job, &kit.result);
}

static enum push_step prepare(const char *data)
{
	const struct push_note note = kit_note();

	return prepare_as(&note, data);
}

/* The signature is over the second and the body, with that key. */
static void check_signature(const char *key)
{
	const char *header = kit_header(&kit.job.http, "Gnatter-Signature");
	unsigned char mac[32];
	unsigned mac_len = sizeof(mac);
	char want[128], hex[65];
	struct buf text = {0};

	buf_str(&text, "1795314821.");
	buf_put(&text, kit.job.http.body.data, kit.job.http.body.len);
	assert_non_null(HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)text.data,
		text.len, mac, &mac_len));
	snprintf(want, sizeof(want), "t=1795314821,v1=%s",
		sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac)));
	assert_non_null(header);
	assert_string_equal(header, want);
	buf_free(&text);
}

static void test_webhook_request(void **state)
{
	(void)state;
	cJSON *json;

	assert_int_equal(prepare("{}"), PUSH_SEND);
	assert_true(kit_url_is(&kit.job.http, "https://gateway.example/push?x=1"));
	assert_false(kit.job.http.stranger);
	assert_string_equal(kit_header(&kit.job.http, "Content-Type"), "application/json");
	check_signature("01234567890123456789012345678901");
	json = kit_json(&kit.job.http.body);
	assert_string_equal(kit_string(json, "kind"), "push");
	assert_string_equal(kit_string(json, "id"), kit_header(&kit.job.http, "Gnatter-Id"));
	assert_string_equal(kit_string(json, "user"), "alice");
	assert_string_equal(kit_string(json, "device"), "phone");
	assert_string_equal(kit_string(json, "push.from"), "bob");
	assert_string_equal(kit_string(json, "push.text"), "hello\nworld \xf0\x9f\x99\x82");
	assert_true(kit_number(json, "push.unread") == 3);
	cJSON_Delete(json);
}

static void test_webhook_own_url(void **state)
{
	(void)state;
	struct conf c;

	assert_int_equal(prepare(OWN), PUSH_SEND);
	assert_true(kit_url_is(&kit.job.http, OWN_URL));
	assert_true(kit.job.http.stranger);
	check_signature("0123456789abcdef");
	/* without a secret there is nothing to sign with; never the operator's key */
	assert_int_equal(prepare("{\"url\":\"" OWN_URL "\"}"), PUSH_SEND);
	assert_null(kit_header(&kit.job.http, "Gnatter-Signature"));
	assert_non_null(kit_header(&kit.job.http, "Gnatter-Id"));
	/* http, and URLs of their own, only if the operator wants it */
	assert_int_equal(prepare("{\"url\":\"http://localhost/\"}"), PUSH_END);
	assert_int_equal(kit.result.verdict, PUSH_DROP);
	kit_conf(&c);
	c.push_webhook_own = 0;
	push_kinds_destroy(kit.kinds);
	kit.kinds = kit_kinds_of(&c);
	assert_int_equal(prepare(OWN), PUSH_END);
	assert_int_equal(kit.result.verdict, PUSH_DROP);
	assert_int_equal(prepare("{}"), PUSH_SEND);
	kit_conf(&c);
	*c.push_webhook_url = '\0';
	push_kinds_destroy(kit.kinds);
	kit.kinds = kit_kinds_of(&c);
	assert_int_equal(prepare("{}"), PUSH_END);
	assert_int_equal(kit.result.verdict, PUSH_DROP);
	assert_int_equal(prepare(OWN), PUSH_SEND);
}

static char *id_of(const struct push_note *note)
{
	assert_int_equal(prepare_as(note, "{}"), PUSH_SEND);
	return strdup(kit_header(&kit.job.http, "Gnatter-Id"));
}

/* The same for each try of one push, whatever changed around it; another for another. */
static void test_webhook_id(void **state)
{
	(void)state;
	struct push_note note = kit_note(), other;
	char *id = id_of(&note), *again;

	assert_int_equal(strlen(id), 24);
	other = note;
	other.badge++;
	other.preview = false;
	again = id_of(&other);
	assert_string_equal(id, again);
	free(again);
	for (int i = 0; i < 5; i++) {
		other = note;
		other.seq += i == 0;
		other.user = kit_text(i == 1 ? "alic" : "alice");
		other.device = kit_text(i == 1 ? "ephone" : i == 2 ? "tab" : "phone");
		other.collapse = kit_text(i == 3 ? "other" : "Zm9vYmFyMTIzNDU2Nzg5MA");
		other.seq += i == 4 ? 70 : 0;
		again = id_of(&other);
		assert_string_not_equal(id, again);
		free(again);
	}
	free(id);
}

static void test_webhook_without_preview(void **state)
{
	(void)state;
	struct push_note note = kit_note();
	char want[200];

	note.preview = false;
	assert_int_equal(prepare_as(&note, "{}"), PUSH_SEND);
	snprintf(want, sizeof(want),
		"{\"kind\":\"push\",\"id\":\"%s\",\"user\":\"alice\",\"device\":\"phone\","
		"\"push\":{\"badge\":11}}",
		kit_header(&kit.job.http, "Gnatter-Id"));
	assert_true(bytes_equal(
		(struct bytes){kit.job.http.body.data, kit.job.http.body.len}, want, strlen(want)));
}

static void test_webhook_answers(void **state)
{
	(void)state;
	static const struct {
		int status;
		enum push_verdict gateway, own;
	} cases[] = {
		{200, PUSH_DELIVERED, PUSH_DELIVERED},
		{204, PUSH_DELIVERED, PUSH_DELIVERED},
		{299, PUSH_DELIVERED, PUSH_DELIVERED},
		{301, PUSH_DROP, PUSH_DROP},
		{400, PUSH_DROP, PUSH_DROP},
		{401, PUSH_ALERT, PUSH_DROP},
		{403, PUSH_ALERT, PUSH_DROP},
		{404, PUSH_DROP, PUSH_DROP},
		{408, PUSH_RETRY, PUSH_RETRY},
		{410, PUSH_UNREGISTER, PUSH_UNREGISTER},
		{413, PUSH_DROP, PUSH_DROP},
		{422, PUSH_DROP, PUSH_DROP},
		{425, PUSH_RETRY, PUSH_RETRY},
		{429, PUSH_RETRY, PUSH_RETRY},
		{500, PUSH_RETRY, PUSH_RETRY},
		{503, PUSH_RETRY, PUSH_RETRY},
		{0, PUSH_RETRY, PUSH_RETRY},
	};

	for (size_t i = 0; i < COUNT_OF(cases) * 2; i++) {
		const bool own = i % 2;
		struct http_response r = kit_answer(cases[i / 2].status, "x");

		assert_int_equal(prepare(own ? OWN : "{}"), PUSH_SEND);
		r.retry_after_ms = 3000;
		push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
		assert_int_equal(kit.result.verdict, own ? cases[i / 2].own : cases[i / 2].gateway);
		assert_int_equal(
			kit.result.retry_after_ms, kit.result.verdict == PUSH_RETRY ? 3000 : -1);
		assert_null(strstr(kit.result.reason, "s3cret"));
	}
}

static void test_webhook_refused_by_the_guard(void **state)
{
	(void)state;
	struct http_response r = kit_answer(0, NULL);

	r.refused = true;
	assert_int_equal(prepare(OWN), PUSH_SEND);
	push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
	assert_int_equal(kit.result.verdict, PUSH_DROP);
	assert_int_equal(prepare("{}"), PUSH_SEND);
	push_classify(kit.kinds, &kit.job.attempt, &r, KIT_NOW, &kit.result);
	assert_int_equal(kit.result.verdict, PUSH_ALERT);
}

static void test_webhook_endpoint(void **state)
{
	(void)state;
	struct registration r = kit_registration(PUSH_WEBHOOK, "{}");
	struct buf b = {0};

	push_endpoint(&r, &b);
	assert_true(bytes_equal((struct bytes){b.data, b.len}, "webhook", 7));
	buf_reset(&b);
	r.data = kit_text(OWN);
	push_endpoint(&r, &b);
	assert_true(bytes_equal((struct bytes){b.data, b.len}, "webhook https://my.example", 26));
	buf_free(&b);
}

static void test_mqtt_publish(void **state)
{
	(void)state;
	const struct registration r = kit_registration(PUSH_MQTT, "{}");
	static const char bare[] = "{\"user\":\"alice\",\"device\":\"phone\",\"badge\":11}";
	struct push_note note = kit_note();
	cJSON *json;

	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_PUBLISH);
	assert_true(bytes_equal(
		(struct bytes){kit.job.topic.data, kit.job.topic.len}, "push/alice", 10));
	json = kit_json(&kit.job.payload);
	assert_string_equal(kit_string(json, "user"), "alice");
	assert_string_equal(kit_string(json, "device"), "phone");
	assert_string_equal(kit_string(json, "chat"), "lobby");
	assert_true(kit_number(json, "badge") == 11);
	cJSON_Delete(json);
	note.preview = false;
	assert_int_equal(
		push_prepare(kit.kinds, &note, &r, KIT_NOW, &kit.job, &kit.result), PUSH_PUBLISH);
	assert_true(bytes_equal(
		(struct bytes){kit.job.payload.data, kit.job.payload.len}, bare, strlen(bare)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_make, kit_unmake)
	const struct CMUnitTest tests[] = {
		TEST(test_webhook_request),
		TEST(test_webhook_own_url),
		TEST(test_webhook_id),
		TEST(test_webhook_without_preview),
		TEST(test_webhook_answers),
		TEST(test_webhook_refused_by_the_guard),
		TEST(test_webhook_endpoint),
		TEST(test_mqtt_publish),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
