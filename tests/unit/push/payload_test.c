/* payload_test.c — what is told, what is not told without preview, and making it fit: always JSON,
 * always UTF-8, never longer, never shorter than it must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/push/payload.h"
#include "kit.h"
#include "wire/json.h"
#include "wire/utf8.h"

static void members_are(
	const struct push_note *n, bool preview, enum payload_style style, const char *want)
{
	const struct push_note view = payload_view(n, preview);
	struct buf b = {0};

	buf_str(&b, "{");
	payload_put_members(&b, &view, style);
	buf_u8(&b, 0);
	assert_string_equal(b.data + 1, want);
	buf_free(&b);
}

static void test_payload_put_members(void **state)
{
	(void)state;
	struct push_note n = kit_note();

	members_are(&n, true, PAYLOAD_JSON,
		"\"chat\":\"lobby\",\"from\":\"bob\",\"title\":\"The \\\"Lobby\\\"\","
		"\"text\":\"hello\\nworld \xf0\x9f\x99\x82\",\"type\":\"text\",\"seq\":7,\"n\":5,"
		"\"ts\":1795314820000,\"count\":2,\"unread\":3,\"badge\":11,\"mention\":true");
	members_are(&n, true, PAYLOAD_BRIEF,
		"\"chat\":\"lobby\",\"from\":\"bob\",\"type\":\"text\",\"seq\":7,\"n\":5,"
		"\"ts\":1795314820000,\"count\":2,\"unread\":3,\"badge\":11,\"mention\":true");
	members_are(&n, true, PAYLOAD_STRINGS,
		"\"chat\":\"lobby\",\"sender\":\"bob\",\"title\":\"The \\\"Lobby\\\"\","
		"\"text\":\"hello\\nworld \xf0\x9f\x99\x82\",\"type\":\"text\",\"seq\":\"7\","
		"\"n\":\"5\",\"ts\":\"1795314820000\",\"count\":\"2\",\"unread\":\"3\","
		"\"badge\":\"11\",\"mention\":\"true\"");
	n.title = n.text = (struct bytes){0};
	n.mention = false;
	members_are(&n, true, PAYLOAD_JSON,
		"\"chat\":\"lobby\",\"from\":\"bob\",\"type\":\"text\",\"seq\":7,\"n\":5,"
		"\"ts\":1795314820000,\"count\":2,\"unread\":3,\"badge\":11");
	n.from = n.type = (struct bytes){0};
	members_are(&n, true, PAYLOAD_JSON,
		"\"chat\":\"lobby\",\"seq\":7,\"n\":5,\"ts\":1795314820000,\"count\":2,"
		"\"unread\":3,\"badge\":11");
}

static void test_payload_without_preview(void **state)
{
	(void)state;
	struct push_note n = kit_note();

	members_are(&n, false, PAYLOAD_JSON, "\"badge\":11");
	members_are(&n, false, PAYLOAD_BRIEF, "\"badge\":11");
	members_are(&n, false, PAYLOAD_STRINGS, "\"badge\":\"11\"");
	n.badge = UINT64_MAX;
	members_are(&n, false, PAYLOAD_JSON, "\"badge\":2147483647");
}

static void alert_is(const struct push_note *n, bool preview, const char *title,
	const char *subtitle, const char *body)
{
	const struct push_note view = payload_view(n, preview);
	const struct payload_alert a = payload_alert_of(&view);

	assert_true(bytes_equal(a.title, title, strlen(title)));
	assert_true(bytes_equal(a.subtitle, subtitle, strlen(subtitle)));
	assert_true(bytes_equal(a.body, body, strlen(body)));
}

static void test_payload_alert_of(void **state)
{
	(void)state;
	static const struct {
		const char *type, *body;
	} words[] = {{"image", "Photo"}, {"file", "File"}, {"location", "Location"},
		{"contact", "Contact"}, {"x-poll", "New message"}, {"text", "New message"}};
	struct push_note n = kit_note();

	alert_is(&n, true, "The \"Lobby\"", "bob", "hello\nworld \xf0\x9f\x99\x82");
	alert_is(&n, false, "", "", "New message");
	/* of two: the title is who wrote */
	n.user = kit_text("alice");
	n.chat = kit_text("alice:bob");
	n.title = kit_text("Bob");
	alert_is(&n, true, "Bob", "", "hello\nworld \xf0\x9f\x99\x82");
	n.title = (struct bytes){0};
	alert_is(&n, true, "bob", "", "hello\nworld \xf0\x9f\x99\x82");
	n.text = (struct bytes){0};
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		n.type = kit_text(words[i].type);
		alert_is(&n, true, "bob", "", words[i].body);
	}
}

/* What is no UTF-8 is not told: JSON could not hold it. */
static void test_payload_view_invalid(void **state)
{
	(void)state;
	struct push_note n = kit_note();

	n.title = kit_text("a\xff");
	n.text = kit_text("cut \xf0\x9f\x99");
	n.mention = false;
	members_are(&n, true, PAYLOAD_BRIEF,
		"\"chat\":\"lobby\",\"from\":\"bob\",\"type\":\"text\",\"seq\":7,\"n\":5,"
		"\"ts\":1795314820000,\"count\":2,\"unread\":3,\"badge\":11");
	alert_is(&n, true, "bob", "", "New message");
}

static void test_payload_ttl_at_borders(void **state)
{
	(void)state;
	static const struct {
		int64_t expires_in_ms, want;
	} cases[] = {
		{-5, 1},
		{0, 1},
		{1, 1},
		{1999, 1},
		{2000, 2},
		{INT64_C(28) * 86400000, 2419200},
		{INT64_C(28) * 86400000 + 1000, 2419200},
		{INT64_C(9000000000000), 2419200},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct push_note n = {.expires_ms = KIT_NOW + cases[i].expires_in_ms};

		assert_int_equal(payload_ttl_s(&n, KIT_NOW), cases[i].want);
	}
}

static const int mark; /* what ctx points at */

/* The text twice, as FCM has it, and the title. */
static void write_twice(struct buf *out, const struct push_note *view, const void *ctx)
{
	assert_ptr_equal(ctx, &mark);
	buf_str(out, "{\"a\":");
	json_put_string(out, view->text.data, view->text.len);
	buf_str(out, ",\"b\":");
	json_put_string(out, view->text.data, view->text.len);
	buf_str(out, ",\"c\":");
	json_put_string(out, view->title.data, view->title.len);
	buf_u8(out, '}');
}

static size_t character_at(struct bytes s, size_t from)
{
	size_t len = 1;

	while (from + len < s.len && ((unsigned char)s.data[from + len] & 0xc0) == 0x80)
		len++;
	return len;
}

/* What came out holds a part of the whole that ends with a character; gives its length. */
static size_t check_part(const cJSON *json, const char *name, struct bytes whole)
{
	const char *part = kit_string(json, name);
	size_t len = strlen(part);

	assert_true(len <= whole.len && memcmp(part, whole.data, len) == 0);
	assert_true(utf8_ok(part, len, NULL));
	return len;
}

/* For every limit, and with something before it in the buffer. */
static void fits_everywhere(const struct push_note *n)
{
	const struct push_note view = payload_view(n, true);
	struct buf b = {0}, longer = {0};
	size_t full, text, title;
	cJSON *json;

	assert_true(payload_fit(&b, &view, SIZE_MAX, write_twice, &mark));
	full = b.len;
	for (size_t max = 0; max <= full + 1; max++) {
		struct push_note more = view;

		buf_reset(&b);
		buf_str(&b, "before");
		if (!payload_fit(&b, &view, max, write_twice, &mark)) {
			assert_true(max < strlen("{\"a\":\"\",\"b\":\"\",\"c\":\"\"}"));
			continue;
		}
		assert_true(b.len - 6 <= max);
		assert_memory_equal(b.data, "before", 6);
		json = kit_json(&(struct buf){.data = b.data + 6, .len = b.len - 6});
		text = check_part(json, "a", view.text);
		title = check_part(json, "c", view.title);
		assert_int_equal(check_part(json, "b", view.text), text);
		assert_true(title == view.title.len || text == 0);
		cJSON_Delete(json);
		/* one character more would not have fitted */
		more.text.len = text;
		more.title.len = title;
		if (title < view.title.len)
			more.title.len += character_at(view.title, title);
		else if (text < view.text.len)
			more.text.len += character_at(view.text, text);
		else
			continue;
		buf_reset(&longer);
		write_twice(&longer, &more, &mark);
		assert_true(longer.len > max);
	}
	buf_free(&b);
	buf_free(&longer);
}

static void test_payload_fit(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"x",
		"plain text",
		"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82 mixed \xf0\x9f\x99\x82",
		"\x01\x02\"\\\n\x1f quotes",
		"\xf0\x9f\x99\x82\xf0\x9f\x99\x82\xf0\x9f\x99\x82\xf0\x9f\x99\x82",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		for (size_t j = 0; j < COUNT_OF(texts); j++) {
			struct push_note n = kit_note();

			n.text = kit_text(texts[i]);
			n.title = kit_text(texts[j]);
			fits_everywhere(&n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_payload_put_members),
		cmocka_unit_test(test_payload_without_preview),
		cmocka_unit_test(test_payload_alert_of),
		cmocka_unit_test(test_payload_view_invalid),
		cmocka_unit_test(test_payload_ttl_at_borders),
		cmocka_unit_test(test_payload_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
