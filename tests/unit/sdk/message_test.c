/* message_test.c — messages from servers, good and hostile; messages for them. */
#include "kit.h"
#include "wire/json.h"

#define A16  "aaaaaaaaaaaaaaaa"
#define A64  A16 A16 A16 A16
#define HEAD "{\"chat\":\"lobby\",\"seq\":7,\"n\":5,\"from\":\"bob\",\"ts\":1795314821079,"
#define REST "\"device\":\"tab\",\"id\":\"b1\",\"type\":\"text\""

static enum gnatter_error parse(struct message *m, const char *json)
{
	size_t len = strlen(json);
	char *exact = malloc(len ? len : 1);
	enum gnatter_error e;

	assert_non_null(exact);
	memcpy(exact, json, len);
	e = message_parse(m, exact, len);
	free(exact);
	return e;
}

static void test_parse_takes_all(void **state)
{
	(void)state;
	struct message m;

	assert_ok(parse(&m,
		HEAD REST ",\"ref\":3,\"prev\":2,\"text\":\"h\\u00e4\",\"media\":[\"f1\"],"
			  "\"body\":{\"a\": 12345678901234567890},\"edited\":9,\"deleted\":0}"));
	assert_string_equal(m.chat, "lobby");
	assert_string_equal(m.from, "bob");
	assert_string_equal(m.device, "tab");
	assert_string_equal(m.id, "b1");
	assert_string_equal(m.type, "text");
	assert_string_equal(m.text, "h\xc3\xa4");
	assert_string_equal(m.media, "[\"f1\"]");
	assert_string_equal(m.body, "{\"a\": 12345678901234567890}"); /* as written */
	assert_int_equal(m.seq, 7);
	assert_int_equal(m.n, 5);
	assert_int_equal(m.ref, 3);
	assert_int_equal(m.edited, 9);
	assert_int_equal(m.deleted, 0);
	assert_int_equal(m.ts_ms, INT64_C(1795314821079));
	message_finish(&m);
	assert_null(m.block);
}

static void test_parse_system(void **state)
{
	(void)state;
	struct message m;

	assert_ok(parse(&m,
		"{\"chat\":\"alice:bob\",\"seq\":1,\"n\":0,\"from\":\"$gnatterctl\","
		"\"ts\":0,\"type\":\"system\",\"body\":{\"event\":\"x\"},\"text\":null}"));
	assert_string_equal(m.from, "$gnatterctl");
	assert_string_equal(m.device, "");
	assert_string_equal(m.id, "");
	assert_null(m.text);
	assert_null(m.media);
	message_finish(&m);
}

static void test_parse_at_borders(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		bool ok;
	} cases[] = {
		{HEAD REST "}", true},
		{HEAD REST "} ", true},
		{HEAD REST "}x", false},
		{HEAD REST, false},
		{"", false},
		{"[]", false},
		{"7", false},
		{"{}", false},
		{HEAD REST ",\"ref\":9007199254740992}", true},
		{HEAD REST ",\"ref\":9007199254740994}", false},
		{HEAD REST ",\"ref\":1e300}", false},
		{HEAD REST ",\"ref\":-1}", false},
		{HEAD REST ",\"ref\":1.5}", false},
		{HEAD REST ",\"ref\":\"1\"}", false},
		{HEAD REST ",\"text\":7}", false},
		{HEAD REST ",\"text\":\"\xff\"}", false},
		{HEAD REST ",\"text\":\"\\u0000\"}", false},
		{HEAD REST ",\"seq\":8}", false}, /* twice */
		{HEAD REST ",\"media\":{}}", false},
		{HEAD REST ",\"media\":[]}", true},
		{HEAD REST ",\"media\":[7]}", false},
		{HEAD REST ",\"media\":[\"\"]}", false},
		{HEAD REST ",\"media\":[\"" A64 "\"]}", true},
		{HEAD REST ",\"media\":[\"" A64 "a\"]}", false},
		{HEAD REST ",\"body\":[]}", false},
		{HEAD REST ",\"body\":{}}", true},
		{HEAD "\"type\":\"" A16 A16 "aa\"}", true},
		{HEAD "\"type\":\"" A16 A16 "aaa\"}", false},
		{HEAD "\"type\":\"\"}", false},
		{HEAD "\"type\":\"Text\"}", false},
		{HEAD "\"type\":7}", false},
		{HEAD "\"id\":\"1\"}", false},
		{HEAD "\"type\":\"text\",\"id\":\"" A64 "\"}", true},
		{HEAD "\"type\":\"text\",\"id\":\"" A64 "a\"}", false},
		{HEAD "\"type\":\"text\",\"device\":\"" A16 A16 "\"}", true},
		{HEAD "\"type\":\"text\",\"device\":\"" A16 A16 "a\"}", false},
		{HEAD "\"type\":\"text\",\"device\":\"a b\"}", false},
		{"{\"chat\":\"Lobby\",\"seq\":1,\"n\":1,\"from\":\"b\",\"ts\":1,\"type\":\"a\"}",
			false},
		{"{\"chat\":\"b:a\",\"seq\":1,\"n\":1,\"from\":\"b\",\"ts\":1,\"type\":\"a\"}",
			false},
		{"{\"chat\":\"a\",\"seq\":0,\"n\":1,\"from\":\"b\",\"ts\":1,\"type\":\"a\"}",
			false},
		{"{\"chat\":\"a\",\"seq\":1,\"from\":\"b\",\"ts\":1,\"type\":\"a\"}", true},
		{"{\"chat\":\"a\",\"seq\":1,\"n\":1,\"from\":\"$\",\"ts\":1,\"type\":\"a\"}",
			false},
		{"{\"chat\":\"a\",\"seq\":1,\"n\":1,\"from\":\"$" A64 "\",\"ts\":1,\"type\":\"a\"}",
			true},
		{"{\"chat\":\"a\",\"seq\":1,\"n\":1,\"from\":\"" A64 "a\",\"ts\":1,\"type\":\"a\"}",
			false},
		{"{\"chat\":\"a\",\"seq\":1,\"n\":1,\"ts\":1,\"type\":\"a\"}", false},
		{"{\"chat\":\"a\",\"seq\":1,\"n\":1,\"from\":\"b\",\"type\":\"a\"}", false},
		{"{\"seq\":1,\"n\":1,\"from\":\"b\",\"ts\":1,\"type\":\"a\"}", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct message m;
		enum gnatter_error e = parse(&m, cases[i].json);

		if (e != (cases[i].ok ? GNATTER_OK : GNATTER_EINVAL))
			fail_msg("%d for %s", e, cases[i].json);
		message_finish(&m);
	}
}

static void test_counts(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		bool counts;
	} cases[] = {{"text", true}, {"image", true}, {"x-poll", true}, {"edit", false},
		{"delete", false}, {"reaction", false}, {"system", false}, {"deleted", false}};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(message_counts(cases[i].type), cases[i].counts);
}

/* --- writing
 * ------------------------------------------------------------------------------------- */

static void test_compose_writes(void **state)
{
	(void)state;
	struct gnatter_draft d = {.id = "a\"1",
		.text = "line\n2",
		.ref = 4,
		.media = "[\"f1\", \"f2\"]",
		.body = " {\"n\": 1e400, \"x\":\"\\u00e4\"} "};
	struct buf b = {0};

	assert_ok(message_compose(&b, &d));
	buf_u8(&b, 0);
	assert_string_equal(b.data,
		"{\"id\":\"a\\\"1\",\"type\":\"text\",\"ref\":4,\"text\":\"line\\n2\","
		"\"media\":[\"f1\", \"f2\"],\"body\": {\"n\": 1e400, "
		"\"x\":\"\\u00e4\"} }");
	buf_free(&b);
}

static void test_compose_at_borders(void **state)
{
	(void)state;
	static const struct {
		struct gnatter_draft d;
		bool ok;
	} cases[] = {
		{{.id = "1", .text = "x"}, true},
		{{.id = NULL, .text = "x"}, false},
		{{.id = "", .text = "x"}, false},
		{{.id = A64, .text = "x"}, true},
		{{.id = A64 "a", .text = "x"}, false},
		{{.id = "\xff", .text = "x"}, false},
		{{.id = "1"}, false},
		{{.id = "1", .text = ""}, false},
		{{.id = "1", .text = "\xc3"}, false},
		{{.id = "1", .type = "image"}, true},
		{{.id = "1", .type = "video"}, false},
		{{.id = "1", .type = "system"}, false},
		{{.id = "1", .type = "deleted"}, false},
		{{.id = "1", .type = ""}, false},
		{{.id = "1", .type = "x-"}, false},
		{{.id = "1", .type = "x-a"}, true},
		{{.id = "1", .type = "x-A"}, false},
		{{.id = "1", .type = "x-\""}, false},
		{{.id = "1", .type = "x-" A16 "aaaaaaaaaaaaaa"}, true},
		{{.id = "1", .type = "x-" A16 "aaaaaaaaaaaaaaa"}, false},
		{{.id = "1", .type = "edit", .ref = 1, .text = "x"}, true},
		{{.id = "1", .type = "edit", .text = "x"}, false},
		{{.id = "1", .type = "edit", .ref = 1, .text = ""}, false},
		{{.id = "1", .type = "reaction", .ref = 1, .text = ""}, true},
		{{.id = "1", .type = "reaction", .ref = 1}, false},
		{{.id = "1", .type = "delete", .ref = 1}, true},
		{{.id = "1", .type = "delete"}, false},
		{{.id = "1", .text = "x", .ref = UINT64_C(1) << 53}, true},
		{{.id = "1", .text = "x", .ref = (UINT64_C(1) << 53) + 1}, false},
		{{.id = "1", .text = "x", .media = "[]"}, true},
		{{.id = "1", .text = "x", .media = "{}"}, false},
		{{.id = "1", .text = "x", .media = ""}, false},
		{{.id = "1", .text = "x", .media = "[1]"}, false},
		{{.id = "1", .text = "x", .body = "{}"}, true},
		{{.id = "1", .text = "x", .body = "[]"}, false},
		{{.id = "1", .text = "x", .body = "null"}, false},
		{{.id = "1", .text = "x", .body = "{"}, false},
		{{.id = "1", .text = "x", .body = "{}}"}, false},
		{{.id = "1", .text = "x", .body = "{},\"device\":\"y\""}, false},
		{{.id = "1", .text = "x", .body = "{},\"body\":{}"}, false},
		{{.id = "1", .text = "x", .media = "[],\"body\":{}"}, false},
		{{.id = "1", .text = "x", .media = "[],\"z\":[]", .body = "{}"}, false},
		{{.id = "1", .text = "x", .body = "{\"a\":\"\\u0000\"}"}, false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = {0};
		enum gnatter_error e;

		buf_str(&b, "kept");
		e = message_compose(&b, &cases[i].d);
		if (e != (cases[i].ok ? GNATTER_OK : GNATTER_EINVAL))
			fail_msg("%d for case %zu", e, i);
		if (!cases[i].ok)
			assert_int_equal(b.len, 4);
		buf_free(&b);
	}
}

/* n times c; free it. */
static char *many(char c, size_t n)
{
	char *s = malloc(n + 1);

	assert_non_null(s);
	memset(s, c, n);
	s[n] = '\0';
	return s;
}

static void test_compose_long(void **state)
{
	(void)state;
	static const struct {
		size_t text, body;
		bool ok;
	} cases[] = {
		{100000, 0, true}, {100001, 0, false}, {10, 1000000, true}, {10, 1048576, false}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *text = many('t', cases[i].text);
		char *body = many(' ', cases[i].body + 2);
		struct gnatter_draft d = {.id = "1", .text = text, .body = body};
		struct buf b = {0};

		body[0] = '{';
		body[cases[i].body + 1] = '}';
		assert_int_equal(
			message_compose(&b, &d), cases[i].ok ? GNATTER_OK : GNATTER_EINVAL);
		buf_free(&b);
		free(text);
		free(body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_takes_all),
		cmocka_unit_test(test_parse_system),
		cmocka_unit_test(test_parse_at_borders),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_compose_writes),
		cmocka_unit_test(test_compose_at_borders),
		cmocka_unit_test(test_compose_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
