/* throttle_test.c — token buckets at their borders, and a table that strangers cannot wash out. */
#include "plugin/throttle.h"

#include <sodium.h>
#include <stdio.h>

#include "place.h"
#include "wire/hashmap.h"

static void test_bucket_take_burst_then_rate(void **state)
{
	struct bucket b = {0};
	int taken = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		taken += bucket_take(&b, 10, 20, 1000, 1);
	assert_int_equal(taken, 20);
	assert_false(bucket_take(&b, 10, 20, 1099, 1));
	assert_true(bucket_take(&b, 10, 20, 1100, 1));
	assert_false(bucket_take(&b, 10, 20, 1100, 1));
	assert_int_equal(bucket_level(&b, 10, 20, 2100), 10);
	assert_int_equal(bucket_level(&b, 10, 20, 1000000), 20);
	assert_false(bucket_take(&b, 10, 20, 1000000, 21));
	assert_true(bucket_take(&b, 10, 20, 1000000, 20));
}

static void test_bucket_of_small_rate_gains_in_small_steps(void **state)
{
	struct bucket b = {0};

	(void)state;
	assert_true(bucket_take(&b, 1, 1, 5, 1));
	for (int64_t now = 6; now < 1005; now++)
		assert_false(bucket_take(&b, 1, 1, now, 1));
	assert_true(bucket_take(&b, 1, 1, 1005, 1));
}

static void test_bucket_owe_is_paid_off(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_owe(&b, 200, 1000, 1000, 1500);
	assert_int_equal(bucket_level(&b, 200, 1000, 1000), -1);
	assert_int_equal(bucket_level(&b, 200, 1000, 3499), -1);
	assert_int_equal(bucket_level(&b, 200, 1000, 3510), 2);
}

static void test_bucket_without_end(void **state)
{
	struct bucket b = {0};

	(void)state;
	assert_true(bucket_take(&b, 1000000, 10000000, 1, 10000000));
	assert_int_equal(bucket_level(&b, 1000000, 10000000, INT64_MAX / 2), 10000000);
}

static void test_throttle_closes_and_opens(void **state)
{
	struct throttle *t = throttle_create(64);

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_true(throttle_open(t, 7, 5, 1000));
		throttle_failed(t, 7, 5, 1000);
	}
	assert_false(throttle_open(t, 7, 5, 1000));
	assert_true(throttle_open(t, 8, 5, 1000));
	assert_false(throttle_open(t, 7, 5, 12999)); /* five a minute: one each 12 s */
	assert_true(throttle_open(t, 7, 5, 13000));
	throttle_failed(t, 7, 5, 13000);
	assert_false(throttle_open(t, 7, 5, 13000));
	throttle_destroy(t);
}

/* A flood of keys that failed once each does not make one that failed often be forgotten. */
static void test_throttle_flood_of_keys(void **state)
{
	struct throttle *t = throttle_create(1024);

	(void)state;
	for (int i = 0; i < 10; i++)
		throttle_failed(t, 42, 10, 1000);
	for (uint64_t key = 100; key < 200000; key++)
		throttle_failed(t, key * 0x9e3779b97f4a7c15u, 10, 1001);
	assert_false(throttle_open(t, 42, 10, 1002));
	throttle_destroy(t);
}

static void test_throttle_address_same_host(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"2001:db8::1", "2001:db8::ffff:2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"::ffff:10.0.0.1", "::ffff:10.0.0.2", false},
		{"::ffff:10.0.0.1", "10.0.0.1", true},
		{"run/broker.sock", "run/broker.sock", true},
		{NULL, NULL, true},
		{NULL, "10.0.0.1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(throttle_address(cases[i].a) == throttle_address(cases[i].b),
			cases[i].same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket_take_burst_then_rate),
		cmocka_unit_test(test_bucket_of_small_rate_gains_in_small_steps),
		cmocka_unit_test(test_bucket_owe_is_paid_off),
		cmocka_unit_test(test_bucket_without_end),
		cmocka_unit_test(test_throttle_closes_and_opens),
		cmocka_unit_test(test_throttle_flood_of_keys),
		cmocka_unit_test(test_throttle_address_same_host),
	};

	if (sodium_init() < 0)
		return 1;
	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
