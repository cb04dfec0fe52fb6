/* rows_test.c — rows: put, cut, wrapped. */
#include "clients/gnatter/ui/rows.c"
#include "clients/gnatter/ui/text.c"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The rows as one text, a line feed behind each. */
static char *drawn(const struct rows *r)
{
	struct buf b = {0};

	for (size_t i = 0; i < r->n; i++) {
		unsigned width = 0;

		for (size_t k = 0; k < r->row[i].count; k++) {
			const struct span *s = &r->spans[r->row[i].first + k];

			buf_put(&b, r->text.data + s->at, s->len);
			width += s->width;
		}
		assert_int_equal(width, r->row[i].width);
		buf_str(&b, "\n");
	}
	buf_put(&b, "", 1);
	return b.data;
}

static void check(struct rows *r, const char *expected)
{
	char *s = drawn(r);

	assert_string_equal(s, expected);
	free(s);
	rows_free(r);
}

static void test_rows_wrap(void **state)
{
	static const struct {
		const char *text, *rows;
		unsigned indent, width;
	} cases[] = {
		{"", "\n", 0, 10},
		{"one two three", "one two \nthree\n", 0, 8},
		{"one two three", "one two \nthree\n", 0, 9},
		{"one two three", "one two\nthree\n", 0, 7},
		{"one two three", "one two \n  three\n", 2, 9},
		{"0123456789", "0123\n4567\n89\n", 0, 4},
		{"ab 0123456789", "ab 0\n1234\n5678\n9\n", 0, 4},
		{"a\nb\n\nc", "a\nb\n\nc\n", 0, 10},
		{"a\r\nb", "a\nb\n", 0, 10},
		{"  indented", "  indented\n", 0, 10},
		{"\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0", "\xe4\xbd\xa0\xe5\xa5\xbd\n\xe4\xbd\xa0\n",
			0, 5},
		{"ab\xe4\xbd\xa0", "ab\n\xe4\xbd\xa0\n", 0, 3},
		{"x", "x\n", 0, 1},
		{"xyz", "x\ny\nz\n", 0, 0},
		{"xyz", "x\ny\nz\n", 5, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rows r = {0};

		rows_begin(&r);
		rows_wrap(&r, STYLE_TEXT, cases[i].text, cases[i].indent, cases[i].width);
		check(&r, cases[i].rows);
	}
}

/* No row is ever wider than it may be (but for a letter that is), and no letter is lost. */
static void test_rows_wrap_any_width(void **state)
{
	static const char text[] =
		"The \xe4\xbd\xa0\xe5\xa5\xbd fox, \xf0\x9f\x98\x80\xf0\x9f\x98\x80 "
		"jumps\tover\nthe superlongword dog.  Two  blanks.";

	(void)state;
	for (unsigned width = 2; width < 80; width++) {
		for (unsigned indent = 0; indent < 4; indent++) {
			struct rows r = {0};
			size_t letters = 0;

			rows_begin(&r);
			rows_wrap(&r, STYLE_TEXT, text, indent, width);
			for (size_t i = 0; i < r.n; i++)
				assert_true(r.row[i].width <= width ||
					    (indent < width &&
						    r.row[i].width <= indent + TEXT_TAB_WIDTH));
			for (size_t i = 0; i < r.text.len; i++)
				letters += r.text.data[i] != ' ';
			for (const char *c = text; *c; c++)
				letters -= *c != ' ' && *c != '\t' && *c != '\n';
			assert_int_equal(letters, 0);
			rows_free(&r);
		}
	}
}

static void test_rows_put_cut(void **state)
{
	static const struct {
		const char *text, *cut;
		unsigned width;
	} cases[] = {
		{"hello", "hello\n", 5},
		{"hello", "hel\xe2\x80\xa6\n", 4},
		{"hello", "\xe2\x80\xa6\n", 1},
		{"hello", "\n", 0},
		{"\xe4\xbd\xa0\xe5\xa5\xbd", "\xe4\xbd\xa0\xe2\x80\xa6\n", 3},
		{"\xe4\xbd\xa0\xe5\xa5\xbd", "\xe2\x80\xa6\n", 2},
		{"a\nb", "a b\n", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rows r = {0};
		unsigned width;

		rows_begin(&r);
		width = rows_put_cut(&r, STYLE_TEXT, cases[i].text, cases[i].width);
		assert_true(width <= cases[i].width);
		assert_int_equal(width, rows_column(&r));
		check(&r, cases[i].cut);
	}
}

/* From right to left: isolated piece by piece, at no width. */
static void test_rows_put_rtl(void **state)
{
	struct rows r = {0};

	(void)state;
	rows_begin(&r);
	rows_put(&r, STYLE_TEXT, "x ");
	assert_int_equal(rows_put(&r, STYLE_DIM, "\xd7\xa9\xd7\x9c"), 2);
	rows_put(&r, STYLE_TEXT, "!");
	check(&r, "x \xe2\x81\xa8\xd7\xa9\xd7\x9c\xe2\x81\xa9!\n");
}

/* Pieces in the same style are one; names have their colour. */
static void test_rows_spans(void **state)
{
	struct rows r = {0};

	(void)state;
	rows_put(&r, STYLE_TEXT, "before any row: nothing");
	assert_int_equal(r.n, 0);
	rows_begin(&r);
	rows_put(&r, STYLE_TEXT, "a");
	rows_put(&r, STYLE_TEXT, "b");
	rows_put_name(&r, "bob", "bob", 10);
	rows_put_name(&r, "carol", "carol", 10);
	rows_pad(&r, STYLE_BAR, 12);
	assert_int_equal(r.row[0].count, 4);
	assert_int_equal(r.spans[0].len, 2);
	assert_int_not_equal(r.spans[1].hue, r.spans[2].hue);
	assert_int_equal(rows_column(&r), 12);
	rows_repeat(&r, STYLE_BAR, "-", 3);
	check(&r, "abbobcarol  ---\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_wrap),
		cmocka_unit_test(test_rows_wrap_any_width),
		cmocka_unit_test(test_rows_put_cut),
		cmocka_unit_test(test_rows_put_rtl),
		cmocka_unit_test(test_rows_spans),
	};

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
