/* text_test.c — text of strangers: what is shown of it, and how wide. */
#include "clients/gnatter/ui/text.c"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *raw, *shown;
	unsigned width;
} cases[] = {
	{"", "", 0},
	{"plain", "plain", 5},
	{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 4},
	{"\xe4\xbd\xa0\xe5\xa5\xbd", "\xe4\xbd\xa0\xe5\xa5\xbd", 4},
	/* What commands a terminal. */
	{"\033[31mred", "\xef\xbf\xbd[31mred", 8},
	{"\033]0;title\007", "\xef\xbf\xbd]0;title\xef\xbf\xbd", 10},
	{"\xc2\x9b"
	 "2J",
		"\xef\xbf\xbd"
		"2J",
		3},
	{"\x7f", "\xef\xbf\xbd", 1},
	{"a\nb\rc\r\nd", "a b c d", 7},
	{"\t|", "    |", 5},
	/* What reorders. */
	{"\xe2\x80\xae"
	 "evil",
		"\xef\xbf\xbd"
		"evil",
		5},
	{"\xe2\x81\xa6"
	 "x\xe2\x81\xa9",
		"\xef\xbf\xbdx\xef\xbf\xbd", 3},
	{"\xe2\x80\xa8", "\xef\xbf\xbd", 1},
	/* What is no UTF-8: too long, cut off, a surrogate, beyond the last. */
	{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd", 2},
	{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd", 2},
	{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3},
	{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 4},
	{"\xff", "\xef\xbf\xbd", 1},
	/* Emoji: only what all terminals agree on. */
	{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 2},
	{"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", "\xf0\x9f\x91\x8d", 2},
	{"\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4", 1},
	{"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
		"\xf0\x9f\x91\xa8\xf0\x9f\x91\xa9\xf0\x9f\x91\xa7", 6},
	{"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", 2},
	/* Marks: those that belong, not a tower of them, none that stand on nothing. */
	{"e\xcc\x81", "e\xcc\x81", 1},
	{"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "e\xcc\x81\xcc\x81\xcc\x81", 1},
	{"\xcc\x81", "\xe2\x97\x8c\xcc\x81", 1},
	{"\xe2\x80\x8d", "", 0},
	{"a\xe2\x80\x8b"
	 "b",
		"ab", 2},
	/* Persian and Hindi need their joiners. */
	{"\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xb4", "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xb4", 3},
	{"\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d", "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d", 1},
};

static void test_text_show_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = {0};

		assert_int_equal(
			text_show_all(&b, cases[i].raw, strlen(cases[i].raw)), cases[i].width);
		buf_put(&b, "", 1);
		assert_string_equal(b.data, cases[i].shown);
		assert_int_equal(
			text_show_all(NULL, cases[i].raw, strlen(cases[i].raw)), cases[i].width);
		buf_free(&b);
	}
}

/* A NUL in the middle, which no string of the library's holds, is shown like any other. */
static void test_text_show_all_nul(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(text_show_all(&b, "a\0b", 3), 3);
	assert_memory_equal(b.data,
		"a\xef\xbf\xbd"
		"b",
		5);
	buf_free(&b);
}

/* Whatever bytes there are: nothing of C0, C1 or what reorders comes through, it is UTF-8, and the
 * columns are those that the C library counts. */
static void test_text_show_all_any_bytes(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		static const char *const pieces[] = {"\033", "\xe2\x80\xae", "\xc2\x85", "\xcc\x81",
			"\xe2\x80\x8d", "\xf0\x9f\x91\xa9", "\xf0\x9f\x8f\xbd", "\xd7\xa9", "a",
			"\xff", "\xe2", "\xf0\x9f", "\n", "\xef\xb8\x8f", "\xf3\xa0\x81\xa2", "\t"};
		struct buf raw = {0}, b = {0};
		unsigned width, sum = 0;
		size_t size;

		for (int k = 0; k < 8; k++) {
			seed = seed * 1103515245 + 12345;
			buf_str(&raw, pieces[seed >> 16 & 15]);
		}
		width = text_show_all(&b, raw.data, raw.len);
		for (size_t at = 0; at < b.len; at += size) {
			uint32_t c = text_decode(b.data + at, b.len - at, &size);

			assert_true(c != TEXT_REPLACEMENT || size == 3);
			assert_false(WITHIN(banned, c));
			assert_true(columns(c) >= 0);
			sum += (unsigned)columns(c);
		}
		assert_int_equal(sum, width);
		buf_free(&raw);
		buf_free(&b);
	}
}

static void test_text_cluster(void **state)
{
	static const struct {
		const char *s;
		size_t n;
	} first[] = {
		{"ab", 1},
		{"e\xcc\x81x", 3},
		{"\r\nx", 2},
		{"\n\xcc\x81", 1},
		{"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xa9", 8},
		{"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9z", 11},
		{"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbdz", 8},
		{"a\xe2\x80\x8d\xf0\x9f\x91\xa9", 4}, /* letters are not joined with emoji */
		{"\xff\xff", 1},
	};

	(void)state;
	assert_int_equal(text_cluster("", 0), 0);
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		size_t len = strlen(first[i].s);

		assert_int_equal(text_cluster(first[i].s, len), first[i].n);
		assert_int_equal(text_cluster_before(first[i].s, first[i].n), 0);
	}
}

/* Backwards ends where forwards does. */
static void test_text_cluster_before_long(void **state)
{
	struct buf b = {0};
	size_t at;

	(void)state;
	for (int i = 0; i < 500; i++)
		buf_str(&b, i % 3   ? "e\xcc\x81"
			    : i % 7 ? "\n"
				    : "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd");
	at = b.len;
	while (at > 0) {
		size_t begin = text_cluster_before(b.data, at);

		assert_int_equal(begin + text_cluster(b.data + begin, b.len - begin), at);
		at = begin;
	}
	buf_free(&b);
}

static void test_text_rtl(void **state)
{
	(void)state;
	assert_false(text_rtl("abc \xe4\xbd\xa0", 7));
	assert_true(text_rtl("abc \xd7\xa9", 6));
	assert_true(text_rtl("\xe2\x80\x8f", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_show_all),
		cmocka_unit_test(test_text_show_all_nul),
		cmocka_unit_test(test_text_show_all_any_bytes),
		cmocka_unit_test(test_text_cluster),
		cmocka_unit_test(test_text_cluster_before_long),
		cmocka_unit_test(test_text_rtl),
	};

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
