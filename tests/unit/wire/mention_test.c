/* mention_test.c — who is mentioned, at every border of a name, and what a hostile text costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/mention.h"

/* In blocks of just their size. */
static bool mentions(const char *text, const char *user)
{
	char *t = exact_copy(text, strlen(text));
	char *u = exact_copy(user, strlen(user));
	bool yes = mention_of((struct bytes){t, strlen(text)}, (struct bytes){u, strlen(user)});

	free(t);
	free(u);
	return yes;
}

static void test_mention_of_at_borders(void **state)
{
	static const struct {
		const char *text, *user;
		bool want;
	} cases[] = {
		{"@alice", "alice", true},
		{"hello @alice", "alice", true},
		{"@alice, are you there?", "alice", true},
		{"(@alice)", "alice", true},
		{"@alice: look", "alice", true},
		{"@alice.", "alice", true},
		{"@alice...", "alice", true},
		{"@alice - look", "alice", true},
		{"@alice-", "alice", true},
		{"@alice.-.", "alice", true},
		{"line\n@alice\nline", "alice", true},
		{"@Alice", "alice", true},
		{"@ALICE!", "alice", true},
		{"@@alice", "alice", true},
		{"@bob @alice", "alice", true},
		{"@bob@alice", "alice", false}, /* as in an address */
		{"mail bob@alice", "alice", false},
		{"B@alice", "alice", false},
		{"9@alice", "alice", false},
		{"_@alice", "alice", false},
		{".@alice", "alice", false},
		{"-@alice", "alice", false},
		{"alice", "alice", false},
		{"@", "alice", false},
		{"", "alice", false},
		{"@alic", "alice", false},
		{"@ alice", "alice", false},
		{"@alices", "alice", false},
		{"@alice9", "alice", false},
		{"@alice_", "alice", false},
		{"@aliceA", "alice", false},
		{"@alice.b", "alice", false},
		{"@alice.b", "alice.b", true},
		{"@alice..b", "alice", false},
		{"@alice-b", "alice", false},
		{"@alice.", "alice.", true},
		{"@alice", "alice.", false},
		{"@al", "a", false},
		{"@a", "a", true},
		{"@491701234567", "491701234567", true},
		{"\xe4\xbd\xa0@alice\xe5\xa5\xbd", "alice", true}, /* no spaces there */
		{"@alice\xc3\xa9", "alice", true},
		{"@alice", "", false},
		{"@all", "all", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (mentions(cases[i].text, cases[i].user) != cases[i].want)
			fail_msg("'%s' in '%s'", cases[i].user, cases[i].text);
}

static void test_mention_of_all(void **state)
{
	(void)state;
	assert_true(mention_of_all((struct bytes){"well, @all!", 11}));
	assert_false(mention_of_all((struct bytes){"well, @allen!", 13}));
	assert_false(mention_of_all((struct bytes){NULL, 0}));
	assert_false(mention_of_all((struct bytes){"mail me@all", 11}));
}

/* A thousand @ are looked at, and no more. */
static void test_mention_of_many_signs(void **state)
{
	char text[MENTION_MAX + 16];

	(void)state;
	memset(text, '@', sizeof(text));
	memcpy(text + MENTION_MAX, "alice ", 6);
	assert_true(mention_of((struct bytes){text, sizeof(text)}, (struct bytes){"alice", 5}));
	memcpy(text + MENTION_MAX, "@alice ", 7);
	assert_false(mention_of((struct bytes){text, sizeof(text)}, (struct bytes){"alice", 5}));
}

/* Nearly the name again and again: the worst there is. */
static void test_mention_of_is_bounded(void **state)
{
	static char text[400000];
	char user[65] = "";
	struct timespec a, b;
	double best_us = 1e9;

	(void)state;
	memset(user, 'a', 64);
	memset(text, 'a', sizeof(text));
	user[63] = 'b';
	for (size_t i = 0; i + 1 < sizeof(text); i += 66)
		memcpy(text + i, " @", 2);
	for (int i = 0; i < 10; i++) {
		double us;

		clock_gettime(CLOCK_MONOTONIC, &a);
		assert_false(
			mention_of((struct bytes){text, sizeof(text)}, (struct bytes){user, 64}));
		clock_gettime(CLOCK_MONOTONIC, &b);
		us = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
		best_us = us < best_us ? us : best_us;
	}
	print_message("400 kB full of names: %.0f us\n", best_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mention_of_at_borders),
		cmocka_unit_test(test_mention_of_all),
		cmocka_unit_test(test_mention_of_many_signs),
		cmocka_unit_test(test_mention_of_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
