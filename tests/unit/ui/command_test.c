/* command_test.c — lines that begin with a slash, what was begun, and what Tab makes of it. */
#include "clients/gnatter/ui/command.c"
#include "clients/gnatter/ui/complete.c"
#include "clients/gnatter/ui/drafts.c"
#include "clients/gnatter/ui/typing.c"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct command table[] = {
	{.name = "mute"}, {.name = "mutex"}, {.name = "who"}, {.name = "write"}};

static void test_command_is(void **state)
{
	(void)state;
	assert_true(command_is("/help"));
	assert_true(command_is("/react /x/"));
	assert_false(command_is("help"));
	assert_false(command_is("/"));
	assert_false(command_is("/ x"));
	assert_false(command_is("//help"));
	assert_false(command_is("/etc/passwd"));
	assert_false(command_is(""));
}

static void test_command_find(void **state)
{
	static const struct {
		const char *line;
		int found; /* -1: none, -2: several */
		const char *args;
	} cases[] = {
		{"/mute", 0, ""},
		{"/mute  8h mentions", 0, "8h mentions"},
		{"/mutex", 1, ""},
		{"/mut", -2, ""},
		{"/w", -2, ""},
		{"/wh\tx", 2, "x"},
		{"/nothing", -1, ""},
		{"/whoever", -1, ""},
		{"/", -1, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *args;
		bool many;
		const struct command *c = command_find(table, 4, cases[i].line, &args, &many);

		assert_ptr_equal(c, cases[i].found < 0 ? NULL : &table[cases[i].found]);
		if (c || cases[i].found == -2)
			assert_int_equal(many, cases[i].found == -2);
		assert_string_equal(args, cases[i].args);
	}
}

static void test_command_word(void **state)
{
	const char *s = "  one  two-is-long\n";
	char word[5];

	(void)state;
	assert_true(command_word(&s, word, sizeof word));
	assert_string_equal(word, "one");
	assert_true(command_word(&s, word, sizeof word));
	assert_string_equal(word, "two-");
	assert_false(command_word(&s, word, sizeof word));
}

static void test_command_span(void **state)
{
	static const struct {
		const char *s;
		long long ms; /* 0: none */
	} cases[] = {{"30m", 1800000}, {"8h", 28800000}, {"2d", 172800000}, {"1w", 604800000},
		{"3660d", 3660 * 86400000LL}, {"3661d", 0}, {"0m", 0}, {"-1h", 0}, {"h", 0},
		{"8", 0}, {"8x", 0}, {"8hh", 0}, {"", 0}, {"99999999999999999999w", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		long long ms = 0;

		assert_int_equal(command_span(cases[i].s, &ms), cases[i].ms != 0);
		if (cases[i].ms)
			assert_int_equal(ms, cases[i].ms);
	}
}

/* --- Tab ------------------------------------------------------------------------------------- */

static void test_complete_rank(void **state)
{
	(void)state;
	assert_int_equal(complete_rank("", "bob"), 0);
	assert_int_equal(complete_rank("bo", "bob"), 0);
	assert_int_equal(complete_rank("BO", "bob"), 1);
	assert_int_equal(complete_rank("smith", "bob.smith"), 2);
	assert_int_equal(complete_rank("bs", "bob.smith"), 3);
	assert_int_equal(complete_rank("bobby", "bob"), -1);
	assert_int_equal(complete_rank("x", "bob"), -1);
}

static void test_complete_round(void **state)
{
	struct complete c = {0};

	(void)state;
	complete_begin(&c, "bo", 2, 5);
	assert_null(complete_next(&c));
	complete_offer(&c, "rambo");
	complete_offer(&c, "bob");
	complete_offer(&c, "Bo");
	complete_offer(&c, "boris");
	complete_offer(&c, "bob");
	complete_offer(&c, "alice");
	assert_int_equal(c.n, 4);
	assert_string_equal(complete_next(&c), "bob");
	assert_string_equal(complete_next(&c), "boris");
	assert_string_equal(complete_next(&c), "Bo");
	assert_string_equal(complete_next(&c), "rambo");
	assert_string_equal(complete_next(&c), "bob");
	assert_true(c.active);
	complete_end(&c);
	assert_false(c.active);
}

/* Of very many the likeliest are kept. */
static void test_complete_limit(void **state)
{
	struct complete c = {0};
	char name[32];

	(void)state;
	complete_begin(&c, "a", 1, 0);
	for (int i = 0; i < 3 * COMPLETE_MAX; i++) {
		snprintf(name, sizeof name, "xa%d", i);
		complete_offer(&c, name);
	}
	complete_offer(&c, "alice");
	assert_int_equal(c.n, COMPLETE_MAX);
	assert_string_equal(complete_next(&c), "alice");
	complete_end(&c);
}

/* --- what was begun, who types --------------------------------------------------------------- */

static void test_drafts(void **state)
{
	struct drafts d = {0};
	char chat[32];

	(void)state;
	drafts_keep(&d, "lobby", "half a");
	drafts_keep(&d, "team", "other");
	drafts_keep(&d, "lobby", "half a sentence");
	assert_string_equal(drafts_get(&d, "lobby"), "half a sentence");
	drafts_keep(&d, "lobby", "");
	assert_string_equal(drafts_get(&d, "lobby"), "");
	for (int i = 0; i < DRAFTS_MAX; i++) {
		snprintf(chat, sizeof chat, "c%d", i);
		drafts_keep(&d, chat, "x");
	}
	assert_int_equal(d.n, DRAFTS_MAX);
	assert_string_equal(drafts_get(&d, "team"), "");
	drafts_finish(&d);
	assert_int_equal(d.n, 0);
}

static void says(const struct typing *t, int64_t now, const char *expected)
{
	struct buf b = {0};

	assert_int_equal(typing_say(t, "lobby", now, &b), *expected != '\0');
	buf_put(&b, "", 1);
	assert_string_equal(b.data, expected);
	buf_free(&b);
}

static void test_typing(void **state)
{
	struct typing t = {0};
	char user[32];

	(void)state;
	says(&t, 0, "");
	assert_int_equal(typing_next(&t, 0), INT64_MAX);
	typing_note(&t, "team", "dave", 900);
	typing_note(&t, "lobby", "bob", 1000);
	says(&t, 1000, "bob is typing\xe2\x80\xa6");
	typing_note(&t, "lobby", "carol", 2000);
	says(&t, 2000, "bob and carol are typing\xe2\x80\xa6");
	typing_note(&t, "lobby", "bob", 3000);
	says(&t, 3000, "carol and bob are typing\xe2\x80\xa6");
	says(&t, 2000 + TYPING_FOR_MS, "bob is typing\xe2\x80\xa6");
	typing_done(&t, "lobby", "bob");
	says(&t, 2000 + TYPING_FOR_MS, "");
	assert_int_equal(typing_next(&t, 900 + TYPING_FOR_MS), 2000 + TYPING_FOR_MS);
	for (int i = 0; i < 2 * TYPING_MAX; i++) {
		snprintf(user, sizeof user, "u%d", i);
		typing_note(&t, "lobby", user, 9000);
	}
	says(&t, 9000, "u64 and 63 others are typing\xe2\x80\xa6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_is),
		cmocka_unit_test(test_command_find),
		cmocka_unit_test(test_command_word),
		cmocka_unit_test(test_command_span),
		cmocka_unit_test(test_complete_rank),
		cmocka_unit_test(test_complete_round),
		cmocka_unit_test(test_complete_limit),
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_typing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
