/* err_test.c — the tables that others rely on: errors and counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/err.h"
#include "wire/spoolfile.h"

static void test_err_rows_are_sane(void **state)
{
	(void)state;
	assert_int_equal(ERR_OK, 0);
	for (int e = 0; e < ERR_COUNT; e++) {
		const char *code = err_code((enum err)e), *text = err_text((enum err)e);

		assert_int_equal(
			strspn(code, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(code));
		assert_true(strlen(code) > 1);
		assert_true(strlen(text) > 1);
		assert_true(e == ERR_OK ? err_status((enum err)e) == 200
					: err_status((enum err)e) >= 400 &&
						  err_status((enum err)e) < 600);
	}
}

static void test_err_codes_are_unique(void **state)
{
	(void)state;
	for (int a = 0; a < ERR_COUNT; a++) {
		for (int b = 0; b < a; b++)
			assert_string_not_equal(err_code((enum err)a), err_code((enum err)b));
	}
}

static void test_counters_are_sane(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
#define X(name, help) {#name, help},
		COUNTER_LIST(X)
#undef X
	};

	assert_int_equal(sizeof(struct counters), COUNT_OF(rows) * sizeof(uint64_t));
	for (size_t a = 0; a < COUNT_OF(rows); a++) {
		assert_true(strlen(rows[a][1]) > 1);
		for (size_t b = 0; b < a; b++) {
			assert_string_not_equal(rows[a][0], rows[b][0]);
			assert_string_not_equal(rows[a][1], rows[b][1]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_rows_are_sane),
		cmocka_unit_test(test_err_codes_are_unique),
		cmocka_unit_test(test_counters_are_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
