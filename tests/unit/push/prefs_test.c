/* prefs_test.c — what a user wants of pushes: read, written, and when quiet hours end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/push/prefs.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static enum err read_into(struct push_prefs *p, const char *request)
{
	struct json_object o;
	const char *why = NULL;
	enum err err;

	assert_int_equal(json_parse(&o, request, strlen(request)), ERR_OK);
	err = push_prefs_read(&o, p, &why);
	json_finish(&o);
	assert_true(err == ERR_OK || (err == ERR_BAD_REQUEST && why));
	return err;
}

static void expect(const struct push_prefs *p, const char *want)
{
	struct buf b = {0};

	push_prefs_write(&b, p);
	buf_u8(&b, 0);
	assert_false(b.failed);
	assert_string_equal(b.data, want);
	buf_free(&b);
}

/* What is missing stays. */
static void test_push_prefs_read(void **state)
{
	struct push_prefs p = {0};

	(void)state;
	expect(&p, ",\"quiet\":null,\"mentions\":false,\"preview\":true");
	assert_int_equal(read_into(&p, "{\"preview\":false}"), ERR_OK);
	expect(&p, ",\"quiet\":null,\"mentions\":false,\"preview\":false");
	assert_int_equal(
		read_into(&p, "{\"quiet\":{\"from\":\"22:00\",\"to\":\"07:05\",\"utc_offset\":-90},"
			      "\"mentions\":true}"),
		ERR_OK);
	expect(&p, ",\"quiet\":{\"from\":\"22:00\",\"to\":\"07:05\",\"utc_offset\":-90},"
		   "\"mentions\":true,\"preview\":false");
	assert_int_equal(read_into(&p, "{\"preview\":true}"), ERR_OK);
	expect(&p, ",\"quiet\":{\"from\":\"22:00\",\"to\":\"07:05\",\"utc_offset\":-90},"
		   "\"mentions\":true,\"preview\":true");
	assert_int_equal(
		read_into(&p, "{\"quiet\":{\"from\":\"00:00\",\"to\":\"23:59\"}}"), ERR_OK);
	expect(&p, ",\"quiet\":{\"from\":\"00:00\",\"to\":\"23:59\",\"utc_offset\":0},"
		   "\"mentions\":true,\"preview\":true");
	assert_int_equal(read_into(&p, "{\"quiet\":null}"), ERR_OK);
	expect(&p, ",\"quiet\":null,\"mentions\":true,\"preview\":true");
	assert_true(p.from == 0 && p.to == 0 && p.utc_offset == 0);
}

static void test_push_prefs_refused(void **state)
{
	static const char *const requests[] = {
		"{\"preview\":1}",
		"{\"mentions\":\"yes\"}",
		"{\"quiet\":false}",
		"{\"quiet\":[]}",
		"{\"quiet\":{}}",
		"{\"quiet\":{\"from\":\"22:00\"}}",
		"{\"quiet\":{\"to\":\"22:00\"}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"22:00\"}}",
		"{\"quiet\":{\"from\":\"24:00\",\"to\":\"07:00\"}}",
		"{\"quiet\":{\"from\":\"22:60\",\"to\":\"07:00\"}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"7:00\"}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"07.00\"}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"0a:00\"}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"-1:00\"}}",
		"{\"quiet\":{\"from\":\"22:00:00\",\"to\":\"07:00\"}}",
		"{\"quiet\":{\"from\":1320,\"to\":420}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"07:00\",\"utc_offset\":841}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"07:00\",\"utc_offset\":-841}}",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"07:00\",\"utc_offset\":\"60\"}}",
		"{\"quiet\":{\"from\":\"22:00\",\"from\":\"23:00\",\"to\":\"07:00\"}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct push_prefs p = {0};

		if (read_into(&p, requests[i]) == ERR_OK)
			fail_msg("taken: %s", requests[i]);
	}
}

#define DAY_MS UINT64_C(86400000)

static uint64_t at(uint64_t day, uint64_t hour, uint64_t minute, uint64_t ms)
{
	return day * DAY_MS + (hour * 60 + minute) * 60000 + ms;
}

/* Over midnight and not, west and east: each end at the minute. */
static void test_push_prefs_quiet_until(void **state)
{
	const struct push_prefs night = {.quiet = true, .from = 22 * 60, .to = 7 * 60};
	const struct push_prefs noon = {.quiet = true, .from = 12 * 60, .to = 13 * 60};
	const struct push_prefs minute = {.quiet = true, .from = 0, .to = 1};
	const struct push_prefs most = {.quiet = true, .from = 1, .to = 0};
	struct push_prefs east = night, west = night, none = night;
	const struct {
		const struct push_prefs *p;
		uint64_t now, want;
	} cases[] = {
		{&night, at(9, 21, 59, 59999), 0},
		{&night, at(9, 22, 0, 0), at(10, 7, 0, 0)},
		{&night, at(9, 23, 59, 59999), at(10, 7, 0, 0)},
		{&night, at(10, 0, 0, 0), at(10, 7, 0, 0)},
		{&night, at(10, 6, 59, 59999), at(10, 7, 0, 0)},
		{&night, at(10, 7, 0, 0), 0},
		{&night, at(10, 12, 0, 0), 0},
		{&noon, at(9, 11, 59, 59999), 0},
		{&noon, at(9, 12, 0, 0), at(9, 13, 0, 0)},
		{&noon, at(9, 12, 59, 59999), at(9, 13, 0, 0)},
		{&noon, at(9, 13, 0, 0), 0},
		{&minute, at(9, 0, 0, 30000), at(9, 0, 1, 0)},
		{&minute, at(9, 0, 1, 0), 0},
		{&most, at(9, 0, 0, 59999), 0},
		{&most, at(9, 0, 1, 0), at(10, 0, 0, 0)},
		{&most, at(9, 23, 59, 59999), at(10, 0, 0, 0)},
		{&east, at(9, 7, 59, 59999), 0}, /* 21:59 there */
		{&east, at(9, 8, 0, 0), at(9, 17, 0, 0)},
		{&east, at(9, 16, 59, 59999), at(9, 17, 0, 0)},
		{&east, at(9, 17, 0, 0), 0},
		{&west, at(9, 9, 29, 59999), 0}, /* 21:59 there, of the day before */
		{&west, at(9, 9, 30, 0), at(9, 18, 30, 0)},
		{&west, at(9, 18, 30, 0), 0},
		{&west, 0, 0},
		{&none, at(9, 23, 0, 0), 0},
	};

	(void)state;
	east.utc_offset = 14 * 60;
	west.utc_offset = -(11 * 60 + 30);
	none.quiet = false;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t got = push_prefs_quiet_until(cases[i].p, cases[i].now);

		if (got != cases[i].want)
			fail_msg("case %zu: want %llu, got %llu", i,
				(unsigned long long)cases[i].want, (unsigned long long)got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push_prefs_read),
		cmocka_unit_test(test_push_prefs_refused),
		cmocka_unit_test(test_push_prefs_quiet_until),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
