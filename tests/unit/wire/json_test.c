/* json_test.c — RFC 8259 to the letter, and what this project refuses beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "exact.h"
#include "wire/json.h"

static enum err parse(const char *text, size_t len)
{
	char *data = exact_copy(text, len);
	struct json_object o;
	enum err e = json_parse(&o, data, len);

	if (e == ERR_OK)
		json_finish(&o);
	free(data);
	return e;
}

static void test_json_parse_table(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err want;
	} cases[] = {
		{"{}", ERR_OK},
		{" \t\r\n{ } \t\r\n", ERR_OK},
		{"{\"a\":1}", ERR_OK},
		{"{ \"a\" : 1 , \"b\" : [ ] , \"c\" : { } }", ERR_OK},
		{"{\"a\":[1,\"x\",true,false,null,{\"a\":[]}]}", ERR_OK},
		{"{\"\":0}", ERR_OK},
		{"", ERR_BAD_JSON},
		{" ", ERR_BAD_JSON},
		{"{", ERR_BAD_JSON},
		{"}", ERR_BAD_JSON},
		{"[]", ERR_BAD_JSON},
		{"1", ERR_BAD_JSON},
		{"\"a\"", ERR_BAD_JSON},
		{"null", ERR_BAD_JSON},
		{"{}{}", ERR_BAD_JSON},
		{"{}x", ERR_BAD_JSON},
		{"{},", ERR_BAD_JSON},
		{"{\"a\"}", ERR_BAD_JSON},
		{"{\"a\":}", ERR_BAD_JSON},
		{"{\"a\" 1}", ERR_BAD_JSON},
		{"{\"a\":1,}", ERR_BAD_JSON},
		{"{,\"a\":1}", ERR_BAD_JSON},
		{"{\"a\":1 \"b\":2}", ERR_BAD_JSON},
		{"{\"a\":[1,]}", ERR_BAD_JSON},
		{"{\"a\":[,1]}", ERR_BAD_JSON},
		{"{\"a\":[1 2]}", ERR_BAD_JSON},
		{"{\"a\":[1}", ERR_BAD_JSON},
		{"{\"a\":{\"b\":1]}", ERR_BAD_JSON},
		{"{a:1}", ERR_BAD_JSON},
		{"{'a':1}", ERR_BAD_JSON},
		{"{1:1}", ERR_BAD_JSON},
		{"{\"a\":1}//x", ERR_BAD_JSON},
		{"\xef\xbb\xbf{}", ERR_BAD_JSON}, /* a byte order mark; cJSON skips it */
		{"\v{}", ERR_BAD_JSON},           /* space to cJSON */
		{"{\f}", ERR_BAD_JSON},
		{"{\"a\":\x01"
		 "1}",
			ERR_BAD_JSON},
		/* words */
		{"{\"a\":True}", ERR_BAD_JSON},
		{"{\"a\":tru}", ERR_BAD_JSON},
		{"{\"a\":truefalse}", ERR_BAD_JSON},
		{"{\"a\":NaN}", ERR_BAD_JSON},
		{"{\"a\":Infinity}", ERR_BAD_JSON},
		{"{\"a\":nul", ERR_BAD_JSON},
		/* numbers */
		{"{\"a\":0}", ERR_OK},
		{"{\"a\":-0}", ERR_OK},
		{"{\"a\":0.5}", ERR_OK},
		{"{\"a\":1e5}", ERR_OK},
		{"{\"a\":1E+5}", ERR_OK},
		{"{\"a\":-1.25e-5}", ERR_OK},
		{"{\"a\":1e999}", ERR_OK},
		{"{\"a\":01}", ERR_BAD_JSON},
		{"{\"a\":-01}", ERR_BAD_JSON},
		{"{\"a\":00}", ERR_BAD_JSON},
		{"{\"a\":1.}", ERR_BAD_JSON},
		{"{\"a\":.5}", ERR_BAD_JSON},
		{"{\"a\":-}", ERR_BAD_JSON},
		{"{\"a\":+1}", ERR_BAD_JSON},
		{"{\"a\":1e}", ERR_BAD_JSON},
		{"{\"a\":1e+}", ERR_BAD_JSON},
		{"{\"a\":1.e5}", ERR_BAD_JSON},
		{"{\"a\":0x10}", ERR_BAD_JSON},
		{"{\"a\":1-2}", ERR_BAD_JSON},
		{"{\"a\":--1}", ERR_BAD_JSON},
		/* strings */
		{"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", ERR_OK},
		{"{\"a\":\"\x7f\"}", ERR_OK},
		{"{\"a\":\"\\u00e4\\u20AC\\uD83E\\udd9f\"}", ERR_OK},
		{"{\"a\":\"\\uffff\"}", ERR_OK},
		{"{\"a\":\"\\u0001\"}", ERR_OK},
		{"{\"a\":\"x}", ERR_BAD_JSON},
		{"{\"a\":\"x\\\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\", ERR_BAD_JSON},
		{"{\"a\":\"\\x\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\'\"}", ERR_BAD_JSON},
		{"{\"a\":\"\t\"}", ERR_BAD_JSON},
		{"{\"a\":\"\n\"}", ERR_BAD_JSON},
		{"{\"a\":\"\x1f\"}", ERR_BAD_JSON},
		{"{\"a\n\":1}", ERR_BAD_JSON},
		{"{\"a\":\"\\u00\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\u00g0\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\u\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\U0041\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\ud83e\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\ud83ex\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\ud83e\\n\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\ud83e\\u0041\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\ud83e\\ud83e\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\udd9f\"}", ERR_BAD_JSON},
		{"{\"a\":\"\\u0000\"}", ERR_BAD_UTF8},
		{"{\"\\u0000\":1}", ERR_BAD_UTF8},
		{"{\"a\":[\"x\\u0000\"]}", ERR_BAD_UTF8},
		{"{\"a\":\"\xff\"}", ERR_BAD_UTF8},
		{"{\"a\":\"\xc3\"}", ERR_BAD_UTF8},
		{"{\"a\":\"\xed\xa0\x80\"}", ERR_BAD_UTF8},
		{"{}\xff", ERR_BAD_UTF8},
		/* members that stand twice, whatever their spelling */
		{"{\"a\":1,\"a\":1}", ERR_BAD_JSON},
		{"{\"a\":1,\"b\":2,\"\\u0061\":3}", ERR_BAD_JSON},
		{"{\"\":1,\"\":1}", ERR_BAD_JSON},
		{"{\"a\":1,\"A\":1}", ERR_OK},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		enum err e = parse(cases[i].text, strlen(cases[i].text));

		if (e != cases[i].want)
			fail_msg("%s gives %s", cases[i].text, err_code(e));
	}
	assert_int_equal(parse("{\"a\":\"\0\"}", 9), ERR_BAD_UTF8);
	assert_int_equal(parse("{}\0", 3), ERR_BAD_UTF8);
}

static void test_json_parse_every_truncation(void **state)
{
	(void)state;
	static const char text[] =
		"{\"a\":[1.5e3,{\"b\":\"\\u20ac\\ud83e\\udd9f\\n\"}],\"t\":true,\"n\":null}";

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(parse(text, len), ERR_BAD_JSON);
	assert_int_equal(parse(text, sizeof(text) - 1), ERR_OK);
}

/* The top object is a level, too. */
static void test_json_depth(void **state)
{
	(void)state;
	for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
		char text[5 + 2 * JSON_DEPTH_MAX + 1] = "{\"a\":";

		memset(text + 5, '[', depth);
		memset(text + 5 + depth, ']', depth);
		text[5 + 2 * depth] = '}';
		assert_int_equal(
			parse(text, 6 + 2 * depth), depth < JSON_DEPTH_MAX ? ERR_OK : ERR_BAD_JSON);
	}
}

static void test_json_hostile_nesting(void **state)
{
	(void)state;
	const size_t len = 1 << 20;
	char *text = malloc(len);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = "{\"a\":"[i % 5];
	assert_int_equal(parse(text, len), ERR_BAD_JSON);
	memset(text + 5, '[', len - 5);
	assert_int_equal(parse(text, len), ERR_BAD_JSON);
	free(text);
}

static void test_json_members_at_border(void **state)
{
	(void)state;
	for (unsigned n = JSON_MEMBERS_MAX; n <= JSON_MEMBERS_MAX + 1; n++) {
		struct buf b = {0};

		for (unsigned i = 0; i < n; i++)
			buf_printf(&b, "%s\"m%u\":%u", i ? "," : "{", i, i);
		buf_str(&b, "}");
		assert_int_equal(parse(b.data, b.len), n <= JSON_MEMBERS_MAX ? ERR_OK : ERR_LIMIT);
		buf_free(&b);
	}
}

static void test_json_number_length_at_border(void **state)
{
	(void)state;
	for (int digits = 62; digits <= 63; digits++) {
		char text[100];
		int len = snprintf(text, sizeof(text), "{\"a\":1%0*d}", digits - 1, 0);

		assert_int_equal(parse(text, (size_t)len), digits == 62 ? ERR_OK : ERR_BAD_JSON);
	}
}

static void test_json_raw_is_as_written(void **state)
{
	(void)state;
	static const char text[] =
		" { \"n\" : 12345678901234567890.10 ,\"b\":{ \"x\" : [1 , 2] } , "
		"\"\\u0073\":\"\\u0041\", \"t\":true }";
	static const struct {
		const char *name, *raw;
	} want[] = {
		{"n", "12345678901234567890.10"},
		{"b", "{ \"x\" : [1 , 2] }"},
		{"s", "\"\\u0041\""},
		{"t", "true"},
	};
	struct json_object o;

	assert_int_equal(json_parse(&o, text, sizeof(text) - 1), ERR_OK);
	assert_int_equal(o.count, COUNT_OF(want));
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		const struct json_member *m = json_get(&o, want[i].name);

		assert_ptr_equal(m, &o.members[i]);
		assert_true(bytes_equal(m->raw, want[i].raw, strlen(want[i].raw)));
	}
	assert_null(json_get(&o, "x"));
	assert_null(json_get(&o, "N"));
	json_finish(&o);
	json_finish(&o);
}

static void test_json_string_access(void **state)
{
	(void)state;
	static const char text[] = "{\"s\":\"\\u00e4x\",\"e\":\"\",\"n\":1,\"z\":null}";
	struct bytes v = {"before", 6};
	struct json_object o;

	assert_int_equal(json_parse(&o, text, sizeof(text) - 1), ERR_OK);
	assert_int_equal(json_string(&o, "absent", 1, 9, &v), ERR_OK);
	assert_int_equal(json_string(&o, "z", 1, 9, &v), ERR_OK);
	assert_int_equal(json_string(&o, "n", 1, 9, &v), ERR_BAD_REQUEST);
	assert_int_equal(json_string(&o, "e", 1, 9, &v), ERR_BAD_REQUEST);
	assert_int_equal(json_string(&o, "s", 4, 9, &v), ERR_BAD_REQUEST);
	assert_int_equal(json_string(&o, "s", 0, 2, &v), ERR_BAD_REQUEST);
	assert_true(bytes_equal(v, "before", 6));
	assert_int_equal(json_string(&o, "s", 3, 3, &v), ERR_OK);
	assert_true(bytes_equal(v, "\xc3\xa4x", 3));
	assert_int_equal(json_string(&o, "e", 0, 9, &v), ERR_OK);
	assert_int_equal(v.len, 0);
	json_finish(&o);
}

static void test_json_int_at_borders(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		bool ok;
		int64_t want;
	} cases[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"-1", true, -1},
		{"1.0", true, 1},
		{"1e3", true, 1000},
		{"1.5", false, 0},
		{"0.1", false, 0},
		{"\"1\"", false, 0},
		{"true", false, 0},
		{"[]", false, 0},
		{"4294967296", true, 4294967296},
		{"9007199254740991", true, 9007199254740991},
		{"9007199254740992", true, 9007199254740992},
		{"9007199254740993", false, 0}, /* a double would round it down */
		{"9007199254740992.2", false, 0},
		{"-9007199254740992", true, -9007199254740992},
		{"-9007199254740993", false, 0},
		{"1e300", false, 0},
		{"-1e999", false, 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct json_object o;
		char text[64];
		int64_t v = 77;
		int len = snprintf(text, sizeof(text), "{\"v\":%s}", cases[i].value);

		assert_int_equal(json_parse(&o, text, (size_t)len), ERR_OK);
		assert_int_equal(json_int(&o, "v", INT64_MIN, INT64_MAX, &v),
			cases[i].ok ? ERR_OK : ERR_BAD_REQUEST);
		assert_int_equal(v, cases[i].ok ? cases[i].want : 77);
		json_finish(&o);
	}
}

static void test_json_int_and_bool_access(void **state)
{
	(void)state;
	static const char text[] = "{\"n\":5,\"t\":true,\"f\":false,\"z\":null}";
	struct json_object o;
	int64_t v = 77;
	bool b = true;
	double d;

	assert_int_equal(json_parse(&o, text, sizeof(text) - 1), ERR_OK);
	assert_int_equal(json_int(&o, "absent", 0, 9, &v), ERR_OK);
	assert_int_equal(json_int(&o, "z", 0, 9, &v), ERR_OK);
	assert_int_equal(json_int(&o, "n", 6, 9, &v), ERR_BAD_REQUEST);
	assert_int_equal(json_int(&o, "n", 0, 4, &v), ERR_BAD_REQUEST);
	assert_int_equal(v, 77);
	assert_int_equal(json_int(&o, "n", 5, 5, &v), ERR_OK);
	assert_int_equal(v, 5);
	assert_int_equal(json_bool(&o, "absent", &b), ERR_OK);
	assert_int_equal(json_bool(&o, "z", &b), ERR_OK);
	assert_int_equal(json_bool(&o, "n", &b), ERR_BAD_REQUEST);
	assert_true(b);
	assert_int_equal(json_bool(&o, "f", &b), ERR_OK);
	assert_false(b);
	assert_int_equal(json_bool(&o, "t", &b), ERR_OK);
	assert_true(b);
	assert_true(json_number(json_get(&o, "n"), &d) && d > 4.9 && d < 5.1);
	assert_false(json_number(json_get(&o, "t"), &d));
	json_finish(&o);
}

/* Whatever is written reads back as the same bytes. */
static void test_json_put_string_round_trip(void **state)
{
	(void)state;
	char all[256 + 8];
	size_t len = 0;
	struct buf b = {0};
	struct json_object o;
	struct bytes v = {0};

	for (int c = 1; c < 0x80; c++)
		all[len++] = (char)c;
	memcpy(all + len, "\xc3\xa4\xf0\x9f\xa6\x9f", 6);
	len += 6;
	buf_str(&b, "{\"s\":");
	json_put_string(&b, all, len);
	buf_str(&b, "}");
	assert_int_equal(json_parse(&o, b.data, b.len), ERR_OK);
	assert_int_equal(json_string(&o, "s", 0, SIZE_MAX, &v), ERR_OK);
	assert_true(bytes_equal(v, all, len));
	json_finish(&o);
	buf_free(&b);
}

static void test_json_put_string_table(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"", "\"\""},
		{"a", "\"a\""},
		{"\"", "\"\\\"\""},
		{"a\\b", "\"a\\\\b\""},
		{"\n\r\t\b\f", "\"\\n\\r\\t\\b\\f\""},
		{"\x01\x1f", "\"\\u0001\\u001f\""},
		{"a/b", "\"a/b\""},
		{"\xc3\xa4", "\"\xc3\xa4\""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = {0};

		json_put_string(&b, cases[i].in, strlen(cases[i].in));
		assert_true(bytes_equal(
			(struct bytes){b.data, b.len}, cases[i].want, strlen(cases[i].want)));
		buf_free(&b);
	}
}

static void test_json_peek_u64(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name;
		uint64_t want;
	} cases[] = {
		{"{\"chat\":\"lobby\",\"seq\":42,\"n\":7}", "seq", 42},
		{"{\"chat\":\"lobby\",\"seq\":42,\"n\":7}", "n", 7},
		{"{\"chat\":\"lobby\",\"seq\":42,\"n\":7}", "ts", 0},
		{"{\"chat\":\"lobby\",\"seq\":42,\"n\":7}", "chat", 0},
		{"{\"seq\":18446744073709551615}", "seq", UINT64_MAX},
		{"{\"seq\":18446744073709551616}", "seq", 0},
		{"{\"text\":\"a\\\"seq\\\":1\\\\\",\"seq\":3}", "seq", 3},
		{"{\"text\":\"\\\",\\\"seq\\\":1\",\"seq\":3}", "seq", 3},
		{"{\"seqs\":1,\"se\":2,\"seq\":3}", "seq", 3},
		{"{\"body\":{\"seq\":1},\"seq\":3}", "seq", 0}, /* not looked at after an object */
		{"{\"a\":true,\"seq\":3}", "seq", 0},
		{"{}", "seq", 0},
		{"", "seq", 0},
		{"[1]", "seq", 0},
		{"{\"seq\":}", "seq", 0},
		{"{\"seq\":-1}", "seq", 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].text);
		char *data = exact_copy(cases[i].text, len);

		assert_true(json_peek_u64(data, len, cases[i].name) == cases[i].want);
		free(data);
	}
}

static void test_json_peek_next(void **state)
{
	(void)state;
	static const char text[] =
		"{\"chat\":\"lo\\\"b\",\"seq\":42,\"text\":\"\",\"body\":{},\"x\":1}";
	static const char *const want[][2] = {
		{"chat", "\"lo\\\"b\""}, {"seq", "42"}, {"text", "\"\""}};
	const char *at = text, *end = text + sizeof(text) - 1;
	struct bytes name, value;

	for (size_t i = 0; i < COUNT_OF(want); i++) {
		assert_true(json_peek_next(&at, end, &name, &value));
		assert_true(bytes_equal(name, want[i][0], strlen(want[i][0])));
		assert_true(bytes_equal(value, want[i][1], strlen(want[i][1])));
	}
	assert_false(json_peek_next(&at, end, &name, &value)); /* body */
	assert_false(json_peek_next(&end, end, &name, &value));
}

static void test_json_peek_every_truncation(void **state)
{
	(void)state;
	static const char text[] = "{\"chat\":\"lo\\\"bby\",\"seq\":42,\"n\":7}";
	struct bytes name, value;

	for (size_t len = 0; len < sizeof(text); len++) {
		char *data = exact_copy(text, len);
		uint64_t v = json_peek_u64(data, len, "seq");

		assert_true(v == 0 || v == 4 || v == 42);
		json_peek_u64(data, len, "none");
		for (const char *at = data; json_peek_next(&at, data + len, &name, &value);)
			assert_true(at <= data + len);
		free(data);
	}
}

static int allocs_left = -1;

static void *failing_malloc(size_t size)
{
	return allocs_left >= 0 && allocs_left-- == 0 ? NULL : malloc(size);
}

/* Fail the 1st, 2nd, ... allocation of cJSON until none fails; the sanitizer watches for leaks. */
static void test_json_parse_every_alloc_may_fail(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":[1,{\"b\":\"x\"}],\"c\":null}";
	cJSON_Hooks hooks = {failing_malloc, free};
	enum err e = ERR_NOMEM;
	int n;

	cJSON_InitHooks(&hooks);
	for (n = 0; e != ERR_OK; n++) {
		struct json_object o;

		allocs_left = n;
		e = json_parse(&o, text, sizeof(text) - 1);
		assert_true(e == ERR_OK || e == ERR_NOMEM);
		if (e == ERR_OK)
			json_finish(&o);
	}
	allocs_left = -1;
	cJSON_InitHooks(NULL);
	assert_true(n > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_parse_table),
		cmocka_unit_test(test_json_parse_every_truncation),
		cmocka_unit_test(test_json_depth),
		cmocka_unit_test(test_json_hostile_nesting),
		cmocka_unit_test(test_json_members_at_border),
		cmocka_unit_test(test_json_number_length_at_border),
		cmocka_unit_test(test_json_raw_is_as_written),
		cmocka_unit_test(test_json_string_access),
		cmocka_unit_test(test_json_int_at_borders),
		cmocka_unit_test(test_json_int_and_bool_access),
		cmocka_unit_test(test_json_put_string_round_trip),
		cmocka_unit_test(test_json_put_string_table),
		cmocka_unit_test(test_json_peek_u64),
		cmocka_unit_test(test_json_peek_next),
		cmocka_unit_test(test_json_peek_every_truncation),
		cmocka_unit_test(test_json_parse_every_alloc_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
