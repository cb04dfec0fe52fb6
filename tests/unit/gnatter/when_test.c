/* when_test.c — numbers, ages, dates and times, right and wrong. */
#include "clients/gnatter/when.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 1795348000123 /* 2026-11-22T11:46:40.123Z */

static void expect_time(const char *text, int64_t ts_ms)
{
	struct when w;

	if (!when_parse(&w, text, NOW))
		fail_msg("'%s' should be taken", text);
	assert_int_equal(w.seq, 0);
	assert_int_equal(w.ts_ms, ts_ms);
}

static void test_when_numbers(void **state)
{
	struct when w;

	(void)state;
	assert_true(when_parse(&w, "1", NOW));
	assert_int_equal(w.seq, 1);
	assert_true(when_parse(&w, "20261122", NOW));
	assert_int_equal(w.seq, 20261122);
	assert_true(when_parse(&w, "18446744073709551615", NOW));
	assert_true(w.seq == UINT64_MAX);
}

static void test_when_ages(void **state)
{
	(void)state;
	expect_time("0s", NOW);
	expect_time("90s", NOW - 90000);
	expect_time("15m", NOW - 15 * 60000);
	expect_time("2h", NOW - 2 * 3600000);
	expect_time("3d", NOW - 3 * 86400000ll);
	expect_time("1w", NOW - 7 * 86400000ll);
	expect_time("36600d", NOW - 36600 * 86400000ll);
}

static void test_when_dates(void **state)
{
	(void)state;
	expect_time("1970-01-01", -3600000);
	expect_time("2026-11-22", 1795302000000);
	expect_time("2026-11-22T12:46", 1795348000000 - 40000);
	expect_time("2026-11-22 12:46:40", 1795348000000);
	expect_time("2026-11-22T11:46:40Z", 1795348000000);
	expect_time("2026-11-22Z", 1795305600000);
	expect_time("2024-02-29", 1709161200000);
	expect_time("2026-07-01T02:00", 1782864000000); /* summer time */
}

static void test_when_wrong(void **state)
{
	static const char *const wrong[] = {"", "0", "-1", "+1", " 1", "1 ", "abc", "h", "2x",
		"2hh", "2h ", "18446744073709551616", "36601d", "99999999999999999999s", "2026-",
		"2026-13-01", "2026-02-30", "2025-02-29", "2026-11", "2026-11-", "2026-11-22T",
		"2026-11-22T25:00", "2026-11-22T11:60", "2026-11-22T11:46:61",
		"2026-11-22T11:46:", "2026-11-22T11", "2026-11-22 11:46 Z", "2026-11-22ZZ",
		"2026/11/22", "--1", "2026--1-01", "2026-11-22T-1:00"};
	struct when w;

	(void)state;
	for (size_t k = 0; k < sizeof(wrong) / sizeof(*wrong); k++)
		if (when_parse(&w, wrong[k], NOW))
			fail_msg("'%s' should be refused, not %lld", wrong[k], (long long)w.ts_ms);
}

static void test_when_is_before(void **state)
{
	struct when seq = {.seq = 5}, ts = {.ts_ms = 5};

	(void)state;
	assert_true(when_is_before(&seq, 4, 9));
	assert_false(when_is_before(&seq, 5, 0));
	assert_true(when_is_before(&ts, 9, 4));
	assert_false(when_is_before(&ts, 0, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_numbers),
		cmocka_unit_test(test_when_ages),
		cmocka_unit_test(test_when_dates),
		cmocka_unit_test(test_when_wrong),
		cmocka_unit_test(test_when_is_before),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
