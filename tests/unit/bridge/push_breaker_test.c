/* push_breaker_test.c — endpoints that do not answer are left alone, and asked again. */
#include "bridge/push_breaker.h"

#include "tests/unit/persist/scratch.h"
#include "wire/hashmap.h"

#include <sodium.h>

#define T0  UINT64_C(1795314821000)
#define TRY 15000u /* ms that a try may take */

static uint64_t told[PUSH_BREAKER_TOLD];

static int setup(void **state)
{
	if (sodium_init() < 0)
		return -1;
	hash_init();
	*state = push_breakers_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	push_breakers_destroy(*state);
	return 0;
}

static uint64_t ask(struct push_breakers *b, const char *endpoint, uint64_t now)
{
	return push_breaker_until(b, text(endpoint), now, TRY);
}

static void failed(struct push_breakers *b, const char *endpoint, uint64_t now)
{
	push_breaker_failed(b, text(endpoint), now, 0);
}

/* As often as it takes until it is left alone. */
static void break_it(struct push_breakers *b, const char *endpoint, uint64_t now)
{
	for (int i = 0; i < 5; i++)
		failed(b, endpoint, now);
}

static void test_breaker_five_in_a_row(void **state)
{
	struct push_breakers *b = *state;

	assert_int_equal(ask(b, "fcm", T0), 0);
	for (int i = 0; i < 4; i++) {
		failed(b, "fcm", T0 + 10);
		assert_int_equal(ask(b, "fcm", T0 + 10), 0);
		assert_int_equal(push_breaker_open(b, text("fcm")), 0);
	}
	failed(b, "fcm", T0 + 20);
	assert_int_equal(ask(b, "fcm", T0 + 20), T0 + 2020);
	assert_int_equal(ask(b, "fcm", T0 + 2019), T0 + 2020);
	assert_int_equal(push_breaker_open(b, text("fcm")), T0 + 2020);
	assert_int_equal(ask(b, "apns", T0 + 20), 0);
	assert_int_equal(ask(b, "fc", T0 + 20), 0);
}

static void test_breaker_good_between_begins_anew(void **state)
{
	struct push_breakers *b = *state;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			failed(b, "fcm", T0);
		push_breaker_good(b, text("fcm"), told);
	}
	push_breaker_good(b, text("never heard of"), told);
	assert_int_equal(ask(b, "fcm", T0), 0);
	break_it(b, "fcm", T0);
	assert_int_equal(ask(b, "fcm", T0), T0 + 2000);
}

/* After the pause one may ask; the others wait for what it finds. */
static void test_breaker_one_probe(void **state)
{
	struct push_breakers *b = *state;

	break_it(b, "fcm", T0);
	/* to be told how it is does not count as asking */
	assert_int_equal(push_breaker_open(b, text("fcm")), T0 + 2000);
	assert_int_equal(ask(b, "fcm", T0 + 2000), 0);
	assert_int_equal(ask(b, "fcm", T0 + 2000), T0 + 2000 + TRY);
	assert_int_equal(ask(b, "fcm", T0 + 1999 + TRY), T0 + 2000 + TRY);
	push_breaker_good(b, text("fcm"), told);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(b, "fcm", T0 + 3000), 0);
	assert_int_equal(push_breaker_open(b, text("fcm")), 0);
}

/* It did not ask after all: another one may, at once. */
static void test_breaker_probe_that_was_not_made(void **state)
{
	struct push_breakers *b = *state;

	push_breaker_not_asked(b, text("never heard of"), T0);
	break_it(b, "fcm", T0);
	push_breaker_not_asked(b, text("fcm"), T0); /* nobody was to ask */
	assert_int_equal(ask(b, "fcm", T0), T0 + 2000);
	assert_int_equal(ask(b, "fcm", T0 + 2000), 0);
	push_breaker_not_asked(b, text("fcm"), T0 + 2000);
	assert_int_equal(ask(b, "fcm", T0 + 2000), 0);
	assert_int_equal(ask(b, "fcm", T0 + 2000), T0 + 2000 + TRY);
	/* it fails: the pause doubles as ever */
	failed(b, "fcm", T0 + 3000);
	assert_int_equal(ask(b, "fcm", T0 + 3000), T0 + 3000 + 4000);
}

/* Those who were told to wait can be told that they need not. */
static void test_breaker_good_names_who_waits(void **state)
{
	struct push_breakers *b = *state;
	uint64_t now = T0;

	assert_int_equal(push_breaker_good(b, text("fcm"), told), 0);
	break_it(b, "fcm", T0);
	assert_int_equal(push_breaker_good(b, text("fcm"), told), 0); /* nobody was told */
	break_it(b, "fcm", T0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(b, "fcm", T0 + 1), T0 + 2000);
	assert_int_equal(ask(b, "fcm", T0 + 2000), 0);
	assert_int_equal(ask(b, "fcm", T0 + 2000), T0 + 2000 + TRY);
	assert_int_equal(push_breaker_good(b, text("fcm"), told), 2);
	assert_int_equal(told[0] + told[1], 2 * T0 + 4000 + TRY);
	assert_int_equal(push_breaker_good(b, text("fcm"), told), 0);
	/* of very many the last ones */
	break_it(b, "fcm", T0);
	for (int i = 0; i < 20; i++) {
		uint64_t until = ask(b, "fcm", now);

		now = until > 0 ? until : now;
		if (until == 0)
			failed(b, "fcm", now);
	}
	assert_int_equal(push_breaker_good(b, text("fcm"), told), PUSH_BREAKER_TOLD);
	for (size_t i = 0; i < PUSH_BREAKER_TOLD; i++)
		assert_true(told[i] > T0 + 4000);
}

/* What it found was never told: another one may ask. */
static void test_breaker_probe_that_was_lost(void **state)
{
	struct push_breakers *b = *state;

	break_it(b, "fcm", T0);
	assert_int_equal(ask(b, "fcm", T0 + 2000), 0);
	assert_int_equal(ask(b, "fcm", T0 + 2000 + TRY), 0);
	assert_int_equal(ask(b, "fcm", T0 + 2000 + TRY), T0 + 2000 + 2 * TRY);
}

static void test_breaker_pauses_double(void **state)
{
	static const uint64_t seconds[] = {2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300};
	struct push_breakers *b = *state;
	uint64_t now = T0;

	for (int i = 0; i < 4; i++)
		failed(b, "fcm", now);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		uint64_t until = now + 1000 * seconds[i];

		failed(b, "fcm", now);
		assert_int_equal(ask(b, "fcm", now), until);
		assert_int_equal(ask(b, "fcm", until - 1), until);
		assert_int_equal(ask(b, "fcm", until), 0);
		now = until + 100;
	}
	/* a good answer ends it: from the beginning */
	push_breaker_good(b, text("fcm"), told);
	break_it(b, "fcm", now);
	assert_int_equal(ask(b, "fcm", now), now + 2000);
}

/* Hundreds were under way when it broke. */
static void test_breaker_many_in_flight_count_once(void **state)
{
	struct push_breakers *b = *state;

	for (uint64_t i = 0; i < 256; i++)
		failed(b, "fcm", T0 + i);
	assert_int_equal(ask(b, "fcm", T0 + 300), T0 + 4 + 2000);
	assert_int_equal(ask(b, "fcm", T0 + 2004), 0);
	failed(b, "fcm", T0 + 2100);
	for (uint64_t i = 0; i < 256; i++)
		failed(b, "fcm", T0 + 2101 + i);
	assert_int_equal(ask(b, "fcm", T0 + 2400), T0 + 2100 + 4000);
}

/* Each of them with the same wish: it is granted, and no more. */
static void test_breaker_many_in_flight_with_a_wish(void **state)
{
	struct push_breakers *b = *state;

	for (uint64_t i = 0; i < 256; i++)
		push_breaker_failed(b, text("fcm"), T0 + i, T0 + i + 60000);
	assert_int_equal(ask(b, "fcm", T0 + 300), T0 + 255 + 60000);
	assert_int_equal(ask(b, "fcm", T0 + 255 + 60000), 0);
	failed(b, "fcm", T0 + 70000);
	assert_int_equal(ask(b, "fcm", T0 + 70000), T0 + 70000 + 4000);
}

static void test_breaker_pause_asked_for(void **state)
{
	static const struct {
		uint64_t asked, want;
	} cases[] = {
		{1, 2000},                                        /* never shorter than its own */
		{2000, 2000}, {2001, 2001}, {86400000, 86400000}, /* longer than its own ever are */
	};
	struct push_breakers *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		/* the first failure is enough */
		push_breaker_failed(b, text("fcm"), T0, T0 + cases[i].asked);
		assert_int_equal(ask(b, "fcm", T0), T0 + cases[i].want);
		assert_int_equal(ask(b, "fcm", T0 + cases[i].want), 0);
		push_breaker_good(b, text("fcm"), told);
	}
}

/* One that asks for more while it is left alone. */
static void test_breaker_pause_asked_for_later(void **state)
{
	struct push_breakers *b = *state;

	break_it(b, "fcm", T0);
	push_breaker_failed(b, text("fcm"), T0 + 10, T0 + 1000);
	assert_int_equal(ask(b, "fcm", T0 + 10), T0 + 2000);
	push_breaker_failed(b, text("fcm"), T0 + 10, T0 + 9000);
	assert_int_equal(ask(b, "fcm", T0 + 10), T0 + 9000);
	failed(b, "fcm", T0 + 20);
	assert_int_equal(ask(b, "fcm", T0 + 20), T0 + 9000);
}

/* --- at most so many
 * ------------------------------------------------------------------------------ */

static const char *numbered(unsigned i)
{
	static char name[32];

	snprintf(name, sizeof(name), "https://%u.example", i);
	return name;
}

static size_t count_open(struct push_breakers *b, unsigned endpoints)
{
	size_t count = 0;

	for (unsigned i = 0; i < endpoints; i++)
		count += push_breaker_open(b, text(numbered(i))) > 0;
	return count;
}

static void test_breaker_bound(void **state)
{
	struct push_breakers *b = *state;

	for (unsigned i = 0; i < PUSH_BREAKERS_MAX; i++)
		break_it(b, numbered(i), T0 + i);
	assert_int_equal(count_open(b, PUSH_BREAKERS_MAX), PUSH_BREAKERS_MAX);
	/* the first one has failed once more since: the second is the oldest now */
	failed(b, numbered(0), T0 + 5000);
	break_it(b, "one more", T0 + 5000);
	assert_true(push_breaker_open(b, text("one more")) > 0);
	assert_true(push_breaker_open(b, text(numbered(0))) > 0);
	assert_int_equal(push_breaker_open(b, text(numbered(1))), 0);
	assert_int_equal(ask(b, numbered(1), T0 + 5000), 0);
	assert_true(push_breaker_open(b, text(numbered(2))) > 0);
	assert_int_equal(count_open(b, PUSH_BREAKERS_MAX), PUSH_BREAKERS_MAX - 1);
}

/* However many fail, each of them once only. */
static void test_breaker_bound_of_many(void **state)
{
	struct push_breakers *b = *state;
	const unsigned all = 10 * PUSH_BREAKERS_MAX;

	for (unsigned i = 0; i < all; i++)
		push_breaker_failed(b, text(numbered(i)), T0, T0 + 1000);
	assert_int_equal(count_open(b, all), PUSH_BREAKERS_MAX);
	assert_int_equal(count_open(b, all - PUSH_BREAKERS_MAX), 0);
	for (unsigned i = 0; i < all; i++)
		push_breaker_good(b, text(numbered(i)), told);
	assert_int_equal(count_open(b, all), 0);
}

/* --- one push
 * ------------------------------------------------------------------------------------- */

static void test_backoff_bounds(void **state)
{
	static const struct {
		uint32_t attempts;
		uint64_t most;
	} cases[] = {
		{0, 2000},
		{1, 2000},
		{2, 4000},
		{3, 8000},
		{11, 2048000},
		{12, 3600000},
		{13, 3600000},
		{1000, 3600000},
		{UINT32_MAX, 3600000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t most = cases[i].most, least_seen = UINT64_MAX, most_seen = 0;

		for (int k = 0; k < 1000; k++) {
			uint64_t ms = push_backoff_ms(cases[i].attempts);

			assert_in_range(ms, most / 2, most);
			least_seen = ms < least_seen ? ms : least_seen;
			most_seen = ms > most_seen ? ms : most_seen;
		}
		/* by chance, and over all of it */
		assert_true(least_seen < most / 8 * 5 && most_seen > most / 8 * 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_breaker_five_in_a_row),
		TEST(test_breaker_good_between_begins_anew),
		TEST(test_breaker_one_probe),
		TEST(test_breaker_probe_that_was_not_made),
		TEST(test_breaker_good_names_who_waits),
		TEST(test_breaker_probe_that_was_lost),
		TEST(test_breaker_pauses_double),
		TEST(test_breaker_many_in_flight_count_once),
		TEST(test_breaker_many_in_flight_with_a_wish),
		TEST(test_breaker_pause_asked_for),
		TEST(test_breaker_pause_asked_for_later),
		TEST(test_breaker_bound),
		TEST(test_breaker_bound_of_many),
		TEST(test_backoff_bounds),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("push_breaker", tests, NULL, NULL);
}
