/* reply_test.c — headers and bodies as strangers write them, without a network. */
#include "bridge/push/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bridge/push/http.h"

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define NOW_MS INT64_C(1700000000000) /* Tue, 14 Nov 2023 22:13:20 GMT */

static bool line(struct reply *r, const char *text)
{
	return reply_header(r, text, strlen(text));
}

static struct bytes lines(const struct reply *r)
{
	return (struct bytes){r->headers.data, r->headers.len};
}

static void expect_lines(const struct reply *r, const char *want)
{
	struct bytes have = lines(r);

	if (!bytes_equal(have, want, strlen(want)))
		fail_msg("kept '%.*s', not '%s'", (int)have.len, have.data ? have.data : "", want);
}

static void test_header_kept(void **state)
{
	static const struct {
		const char *line, *kept;
	} cases[] = {
		{"Apns-Id: 12\r\n", "apns-id: 12\n"},
		{"A:b\r\n", "a: b\n"},
		{"A: \t b c \t\r\n", "a: b c\n"},
		{"A:\r\n", "a: \n"},
		{"A: b: c\r\n", "a: b: c\n"},
		{"A: \xc3\xa4\xff\r\n", "a: \xc3\xa4\xff\n"},
		{"A: b\tc\n", "a: b\tc\n"},
		{"x!#$%&'*+-.^_`|~9: v\r\n", "x!#$%&'*+-.^_`|~9: v\n"},
		{"A: b", "a: b\n"},
		{"\r\n", ""},
		{"", ""},
		{":\r\n", ""},
		{": v\r\n", ""},
		{"no colon\r\n", ""},
		{"A b: c\r\n", ""},
		{"A : c\r\n", ""},
		{" A: folded\r\n", ""},
		{"\tA: folded\r\n", ""},
		{"A\x01: c\r\n", ""},
		{"\xc3\xa4: c\r\n", ""},
		{"A: b\rC: d\r\n", ""},
		{"A: b\nC: d\r\n", ""},
		{"A: b\x1b[31m\r\n", ""},
		{"A: \x7f\r\n", ""},
		{"A(b): c\r\n", ""},
	};
	struct reply r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		reply_reset(&r);
		assert_true(line(&r, cases[i].line));
		expect_lines(&r, cases[i].kept);
	}
	reply_reset(&r);
	assert_true(reply_header(&r, "A\0: b\r\n", 7));
	assert_true(reply_header(&r, "A: b\0c\r\n", 8));
	expect_lines(&r, "");
	reply_free(&r);
}

/* Informational answers come before the one that counts; trailers come after it. */
static void test_header_sets(void **state)
{
	struct reply r = {0};

	(void)state;
	line(&r, "HTTP/1.1 103 Early Hints\r\n");
	line(&r, "Retry-After: 1\r\n");
	line(&r, "\r\n");
	line(&r, "HTTP/1.1 200 OK\r\n");
	line(&r, "A: 1\r\n");
	line(&r, "a: 2\r\n");
	assert_true(reply_body(&r, "x", 1));
	assert_true(line(&r, "Trailer: 3\r\n"));
	expect_lines(&r, "a: 1\na: 2\n");
	assert_true(bytes_equal(reply_find(lines(&r), "a"), "1", 1));
	assert_null(reply_find(lines(&r), "retry-after").data);
	assert_null(reply_find(lines(&r), "").data);
	assert_null(reply_find((struct bytes){0}, "a").data);
	reply_free(&r);
}

static void test_header_bounds(void **state)
{
	struct reply r = {0};
	char text[1024];
	size_t said = 0;

	(void)state;
	snprintf(text, sizeof(text), "A: %0*d\r\n", 1000, 1);
	while (line(&r, text)) {
		said += strlen(text);
		assert_true(r.headers.len <= HTTP_HEADERS_MAX);
	}
	assert_true(said <= REPLY_HEAD_MAX && said + strlen(text) > REPLY_HEAD_MAX);
	assert_true(r.head_too_long);
	assert_true(r.headers.len > HTTP_HEADERS_MAX - 1100);
	reply_reset(&r);
	assert_true(line(&r, "A: b\r\n"));
	assert_false(r.head_too_long);
	reply_free(&r);
}

static void test_body_bounds(void **state)
{
	static const char data[HTTP_BODY_MAX + 1];
	struct reply r = {0};

	(void)state;
	assert_true(reply_body(&r, data, HTTP_BODY_MAX));
	assert_false(r.cut);
	assert_true(reply_body(&r, data, 0));
	assert_false(reply_body(&r, data, 1));
	assert_true(r.cut);
	assert_int_equal(r.body.len, HTTP_BODY_MAX);
	reply_reset(&r);
	assert_false(reply_body(&r, data, HTTP_BODY_MAX + 1));
	assert_true(r.cut);
	assert_int_equal(r.body.len, HTTP_BODY_MAX);
	reply_free(&r);
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *value, *date;
		int64_t ms;
	} cases[] = {
		{"0", NULL, 0},
		{"1", NULL, 1000},
		{"120", NULL, 120000},
		{"0120", NULL, 120000},
		{"86400", NULL, HTTP_RETRY_AFTER_MAX},
		{"86401", NULL, HTTP_RETRY_AFTER_MAX},
		{"99999999999999999999999999999999", NULL, HTTP_RETRY_AFTER_MAX},
		{"Tue, 14 Nov 2023 22:13:50 GMT", NULL, 30000},
		{"Tuesday, 14-Nov-23 22:13:50 GMT", NULL, 30000},
		{"Tue Nov 14 22:13:50 2023", NULL, 30000},
		{"Tue, 14 Nov 2023 22:13:10 GMT", NULL, 0},
		{"Tue, 14 Nov 2023 22:13:50 GMT", "Tue, 14 Nov 2023 22:13:40 GMT", 10000},
		{"Tue, 14 Nov 2023 22:13:50 GMT", "Tue, 14 Nov 2023 23:00:00 GMT", 0},
		{"Tue, 14 Nov 2023 22:13:50 GMT", "yesterday", 30000},
		{"Fri, 14 Nov 2098 22:13:50 GMT", NULL, HTTP_RETRY_AFTER_MAX},
		{"", NULL, -1},
		{"-1", NULL, -1},
		{"+1", NULL, -1},
		{"1.5", NULL, -1},
		{"1 s", NULL, -1},
		{"0x10", NULL, -1},
		{"soon", NULL, -1},
		{"Someday", NULL, -1},
		{"Tue, 99 Nov 2023 22:13:50 GMT", NULL, -1},
		{"Thu, 01 Jan 1600 00:00:00 GMT", NULL, -1},
		{"Tue, 14 Nov 2023 22:13:50 GMT and a great deal of more that is no date", NULL,
			-1},
	};
	struct reply r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];

		reply_reset(&r);
		snprintf(text, sizeof(text), "Retry-After: %s\r\n", cases[i].value);
		line(&r, text);
		snprintf(text, sizeof(text), "Date: %s\r\n", cases[i].date ? cases[i].date : "");
		if (cases[i].date)
			line(&r, text);
		if (reply_retry_after_ms(lines(&r), NOW_MS) != cases[i].ms)
			fail_msg("'%s' is %lld ms", cases[i].value,
				(long long)reply_retry_after_ms(lines(&r), NOW_MS));
	}
	reply_reset(&r);
	assert_int_equal(reply_retry_after_ms(lines(&r), NOW_MS), -1);
	assert_int_equal(reply_date_ms(lines(&r)), -1);
	line(&r, "DATE: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
	assert_int_equal(reply_date_ms(lines(&r)), NOW_MS);
	reply_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_kept),
		cmocka_unit_test(test_header_sets),
		cmocka_unit_test(test_header_bounds),
		cmocka_unit_test(test_body_bounds),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
