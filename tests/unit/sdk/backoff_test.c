/* backoff_test.c — waits double, with jitter, up to a limit. */
#include "clients/sdk/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_backoff_doubles_up_to_its_limit(void **state)
{
	static const uint32_t most[] = {500, 1000, 2000, 4000, 5000, 5000};
	struct backoff b = {500, 5000, 0}, low = b;

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
		assert_int_equal(backoff_next(&b, UINT32_MAX), most[i]);
		assert_int_equal(backoff_next(&low, 0), most[i] / 2);
	}
	backoff_reset(&b);
	assert_int_equal(backoff_next(&b, UINT32_MAX), 500);
}

static void test_backoff_never_ends(void **state)
{
	struct backoff b = {1, UINT32_MAX, UINT32_MAX - 1};

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(backoff_next(&b, UINT32_MAX), UINT32_MAX);
	assert_int_equal(b.failures, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff_doubles_up_to_its_limit),
		cmocka_unit_test(test_backoff_never_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
