/* version_test.c — the SDK and the server are one release. */
#include "clients/sdk/gnatter.h"
#include "wire/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_versions_are_the_same(void **state)
{
	(void)state;
	assert_string_equal(gnatter_version(), SERVER_VERSION);
	assert_string_equal(GNATTER_VERSION, SERVER_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
