/* numbers_test.c — histogram, payload and patterns of the load generator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/hist.h"
#include "bench/payload.h"
#include "bench/template.h"

/* Buckets follow each other without a hole, and the last value has one. */
static void test_hist_bucket_borders(void **state)
{
	(void)state;
	assert_int_equal(hist_bucket(0), 0);
	assert_int_equal(hist_bucket(127), 127);
	assert_int_equal(hist_bucket(128), 128);
	assert_int_equal(hist_bucket(129), 128);
	assert_int_equal(hist_bucket(130), 129);
	assert_int_equal(hist_bucket(255), 191);
	assert_int_equal(hist_bucket(256), 192);
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
}

static void test_hist_quantile(void **state)
{
	static struct hist h;

	(void)state;
	assert_int_equal(hist_quantile(&h, 0.5), 0);
	for (uint64_t v = 1; v <= 100000; v++)
		hist_add(&h, v * 1000);
	assert_in_range(hist_quantile(&h, 0.50), 50000000, 50000000 * 1.016);
	assert_in_range(hist_quantile(&h, 0.99), 99000000, 99000000 * 1.016);
	assert_int_equal(hist_quantile(&h, 1.0), 100000000);
	assert_in_range(hist_quantile(&h, 0.0), 1000, 1016);
}

/* A marker is found as it was sent, and inside the JSON that it is stored in. */
static void test_payload_round_trip(void **state)
{
	static const size_t sizes[] = {PAYLOAD_MARKER, 100, 200000};
	struct marker want = {0xabcdef, 0x3fffffff, UINT64_C(0xfffffffff), INT64_C(1) << 53}, got;
	struct payload_source source;
	static char text[200000], json[200100];

	(void)state;
	payload_init(&source, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		payload_write(&source, text, sizes[i], &want);
		for (size_t n = 1; n < sizes[i]; n++)
			assert_true(text[n] > ' ' && text[n] < '~' && text[n] != '"' &&
				    text[n] != '\\');
		snprintf(json, sizeof(json), "{\"chat\":\"a:b\",\"seq\":5,\"text\":\"%.*s\"}",
			(int)sizes[i], text);
		for (int stored = 0; stored < 2; stored++) {
			memset(&got, 0, sizeof(got));
			assert_true(payload_find(
				stored ? json : text, stored ? strlen(json) : sizes[i], &got));
			assert_int_equal(got.run, want.run);
			assert_int_equal(got.sender, want.sender);
			assert_int_equal(got.counter, want.counter);
			assert_int_equal(got.sent_ns, want.sent_ns);
		}
	}
	payload_finish(&source);
}

static void test_payload_find_none(void **state)
{
	struct marker m;

	(void)state;
	assert_false(payload_find("", 0, &m));
	assert_false(payload_find("hello", 5, &m));
	assert_false(payload_find("~AAAABBBBBCCCCCCDDDDDDDD", 24, &m));
	assert_false(payload_find("~AAAABBBBBCCCCCCDDDDDDDD!", 25, &m));
	assert_true(payload_find("~AAAABBBBBCCCCCCDDDDDDDDD", 25, &m));
}

static void test_template_fill(void **state)
{
	static const struct {
		const char *pattern, *want; /* NULL: refused */
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"{g}-{m}-{i}", "7-1-15"},
		{"u{i:5}", "u00015"},
		{"chat/{c}/send", "chat/lobby/send"},
		{"{u}", NULL},
		{"{x}", NULL},
		{"{g", NULL},
		{"{g:}", NULL},
		{"{g:99}", NULL},
		{"{", NULL},
		{"0123456789012345678901234567890", "0123456789012345678901234567890"},
		{"01234567890123456789012345678901", NULL},
	};
	struct template_values v = {.group = 7, .member = 1, .index = 15, .chat = "lobby"};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(template_fill(out, sizeof(out), cases[i].pattern, &v),
			cases[i].want != NULL);
		if (cases[i].want)
			assert_string_equal(out, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hist_bucket_borders),
		cmocka_unit_test(test_hist_quantile),
		cmocka_unit_test(test_payload_round_trip),
		cmocka_unit_test(test_payload_find_none),
		cmocka_unit_test(test_template_fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
