/* editor_test.c — the line one writes in. */
#include "clients/gnatter/ui/editor.c"
#include "clients/gnatter/ui/editor_history.c"
#include "clients/gnatter/ui/rows.c"
#include "clients/gnatter/ui/text.c"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FAMILY "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9"

static void type(struct editor *e, const char *s)
{
	assert_true(editor_insert(e, s, strlen(s)));
}

static void is(struct editor *e, const char *text, size_t at)
{
	assert_string_equal(editor_text(e), text);
	assert_int_equal(e->at, at);
}

static void test_editor_insert_cleans(void **state)
{
	struct editor e = {0};

	(void)state;
	is(&e, "", 0);
	type(&e, "a\033[2Jb\xc2\x9b\xff\tc\r\nd\re\x7f");
	is(&e, "a[2Jb\tc\nd\ne", strlen("a[2Jb\tc\nd\ne"));
	editor_finish(&e);
}

/* The cursor goes over what is one character to people. */
static void test_editor_clusters(void **state)
{
	struct editor e = {0};

	(void)state;
	type(&e, "a" FAMILY "e\xcc\x81");
	editor_left(&e);
	assert_int_equal(e.at, 1 + strlen(FAMILY));
	editor_backspace(&e);
	is(&e, "ae\xcc\x81", 1);
	editor_delete(&e);
	is(&e, "a", 1);
	editor_delete(&e);
	editor_right(&e);
	is(&e, "a", 1);
	editor_backspace(&e);
	editor_backspace(&e);
	editor_left(&e);
	is(&e, "", 0);
	editor_finish(&e);
}

static void test_editor_words_and_lines(void **state)
{
	struct editor e = {0};

	(void)state;
	type(&e, "one two\nthree  four");
	editor_word_left(&e);
	assert_int_equal(e.at, 15);
	editor_home(&e);
	assert_int_equal(e.at, 8);
	editor_word_left(&e);
	assert_int_equal(e.at, 4);
	editor_word_right(&e);
	assert_int_equal(e.at, 7);
	assert_true(editor_down(&e));
	assert_int_equal(e.at, 15);
	assert_false(editor_down(&e));
	assert_true(editor_up(&e));
	assert_int_equal(e.at, 7);
	assert_false(editor_up(&e));
	editor_end(&e);
	assert_int_equal(e.at, 7);
	editor_finish(&e);
}

static void test_editor_kill_and_yank(void **state)
{
	struct editor e = {0};

	(void)state;
	editor_yank(&e);
	type(&e, "one two\nthree");
	editor_kill_word(&e);
	is(&e, "one two\n", 8);
	editor_yank(&e);
	editor_kill_home(&e);
	is(&e, "one two\n", 8);
	editor_kill_home(&e);
	is(&e, "one two\n", 8);
	editor_yank(&e);
	is(&e, "one two\nthree", 13);
	e.at = 3;
	editor_kill_end(&e);
	is(&e, "one\nthree", 3);
	editor_kill_end(&e);
	is(&e, "onethree", 3);
	editor_finish(&e);
}

static void test_editor_limit(void **state)
{
	struct editor e = {0};
	char *much = malloc(4 * EDITOR_CHARS_MAX + 1);

	(void)state;
	for (size_t i = 0; i < EDITOR_CHARS_MAX; i++)
		memcpy(much + 4 * i, "\xf0\x9f\x98\x80", 4);
	assert_false(editor_insert(&e, much, 4 * EDITOR_CHARS_MAX) && editor_insert(&e, "x", 1));
	assert_int_equal(e.text.len, 4 * EDITOR_CHARS_MAX);
	editor_backspace(&e);
	assert_true(editor_insert(&e, "x", 1));
	assert_false(editor_insert(&e, "x", 1));
	free(much);
	editor_finish(&e);
}

static void test_editor_history(void **state)
{
	struct editor e = {0};
	char s[32];

	(void)state;
	assert_false(editor_older(&e));
	assert_false(editor_newer(&e));
	for (int i = 0; i < EDITOR_HISTORY_MAX + 10; i++) {
		snprintf(s, sizeof s, "line %d", i);
		editor_remember(&e, s);
		editor_remember(&e, s); /* the same again is not kept twice */
	}
	type(&e, "begun");
	assert_true(editor_older(&e));
	is(&e, "line 509", 8);
	for (int i = 1; i < EDITOR_HISTORY_MAX; i++)
		assert_true(editor_older(&e));
	is(&e, "line 10", 7);
	assert_false(editor_older(&e));
	while (editor_newer(&e))
		;
	is(&e, "begun", 5);
	editor_finish(&e);
}

static void test_editor_replace(void **state)
{
	struct editor e = {0};

	(void)state;
	type(&e, "say @al now");
	e.at = 7;
	editor_replace(&e, 5, "alice");
	is(&e, "say @alice now", 10);
	editor_replace(&e, 99, "no");
	is(&e, "say @alice now", 10);
	editor_finish(&e);
}

static void test_editor_lay(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		unsigned width;
		size_t rows, row;
		unsigned column;
	} cases[] = {
		{"", 0, 10, 1, 0, 0},
		{"abc", 3, 10, 1, 0, 3},
		{"abc", 1, 10, 1, 0, 1},
		{"abcd", 4, 4, 2, 1, 0}, /* the cursor needs a place, too */
		{"abcd", 3, 4, 2, 0, 3},
		{"abcde", 4, 4, 2, 1, 0},
		{"ab\ncd", 2, 10, 2, 0, 2},
		{"ab\ncd", 3, 10, 2, 1, 0},
		{"ab\n", 3, 10, 2, 1, 0},
		{"abcd\nx", 4, 4, 2, 0, 4},
		{"abcd\nx", 6, 4, 2, 1, 1},
		{"\xe4\xbd\xa0\xe5\xa5\xbd", 3, 3, 2, 1, 0},
		{"\n\n", 1, 4, 3, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct editor e = {0};
		struct rows r = {0};
		unsigned column;
		size_t row;

		type(&e, cases[i].text);
		e.at = cases[i].at;
		editor_lay(&e, cases[i].width, &r, &row, &column);
		assert_int_equal(r.n, cases[i].rows);
		assert_int_equal(row, cases[i].row);
		assert_int_equal(column, cases[i].column);
		rows_free(&r);
		editor_finish(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_editor_insert_cleans),
		cmocka_unit_test(test_editor_clusters),
		cmocka_unit_test(test_editor_words_and_lines),
		cmocka_unit_test(test_editor_kill_and_yank),
		cmocka_unit_test(test_editor_limit),
		cmocka_unit_test(test_editor_history),
		cmocka_unit_test(test_editor_replace),
		cmocka_unit_test(test_editor_lay),
	};

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
