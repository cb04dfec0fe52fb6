/* checks_test.c — what the load generator would notice: each way of breaking a promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/checks.h"

/* Two groups of two members, one of whom sends: senders 0 and 1; connections 0, 1 and 2, 3. Sender
 * 0 has sent three messages. */
static struct checks three_sent(bool numbered)
{
	struct checks k;

	checks_init(&k, 2, 2, 1, numbered);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(checks_sent(&k, 0), i);
	return k;
}

static void test_checks_all_well(void **state)
{
	(void)state;
	for (int numbered = 0; numbered < 2; numbered++) {
		struct checks k = three_sent(numbered);

		assert_int_equal(checks_missing(&k), 6);
		for (unsigned c = 0; c < 2; c++)
			for (uint64_t i = 0; i < 3; i++)
				assert_true(checks_delivered(&k, c, 0, i, numbered ? 41 + i : 0));
		assert_int_equal(checks_missing(&k), 0);
		assert_true(checks_report(&k, NULL));
		checks_finish(&k);
	}
}

/* Deliveries to connection 0 (after connection 1 saw 10, 11, 12), and which counter tells of it. */
static void test_checks_each_failure(void **state)
{
	static const struct {
		struct {
			unsigned sender;
			uint64_t counter, seq;
		} seen[4];
		size_t count;
		size_t counter;
		uint64_t value;
		bool fails;
	} cases[] = {
		{{{0, 0, 10}, {0, 1, 11}, {0, 2, 12}, {0, 1, 11}}, 4,
			offsetof(struct checks, repeated), 1, false},
		{{{0, 0, 10}, {0, 2, 11}}, 2, offsetof(struct checks, out_of_order), 1, true},
		{{{0, 0, 10}, {0, 1, 12}}, 2, offsetof(struct checks, seq_gaps), 1, true},
		{{{0, 0, 10}, {0, 1, 12}}, 2, offsetof(struct checks, seq_differs), 1, true},
		{{{0, 0, 10}, {0, 0, 11}}, 2, offsetof(struct checks, stored_twice), 1, true},
		{{{1, 0, 10}}, 1, offsetof(struct checks, misdelivered), 1, true},
		{{{0, 3, 10}}, 1, offsetof(struct checks, misdelivered), 1, true},
		{{{0, 1, 11}, {0, 2, 12}}, 2, offsetof(struct checks, seq_gaps), 1, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct checks k = three_sent(true);

		for (uint64_t n = 0; n < 3; n++)
			checks_delivered(&k, 1, 0, n, 10 + n);
		for (size_t n = 0; n < cases[i].count; n++)
			checks_delivered(&k, 0, cases[i].seen[n].sender, cases[i].seen[n].counter,
				cases[i].seen[n].seq);
		assert_int_equal(
			*(uint64_t *)(void *)((char *)&k + cases[i].counter), cases[i].value);
		assert_int_equal(checks_report(&k, NULL), !cases[i].fails);
		checks_finish(&k);
	}
}

/* A message of somebody else takes a seq, which is no gap. */
static void test_checks_foreign_counts_for_seq(void **state)
{
	struct checks k = three_sent(true);

	(void)state;
	for (unsigned c = 0; c < 2; c++) {
		checks_delivered(&k, c, 0, 0, 10);
		checks_foreign(&k, c, 11);
		checks_delivered(&k, c, 0, 1, 12);
		checks_delivered(&k, c, 0, 2, 13);
	}
	assert_true(checks_report(&k, NULL));
	checks_finish(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks_all_well),
		cmocka_unit_test(test_checks_each_failure),
		cmocka_unit_test(test_checks_foreign_counts_for_seq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
