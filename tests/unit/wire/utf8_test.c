/* utf8_test.c — every code point, and every sequence of two or three bytes that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/utf8.h"

/* Encode by the definition, surrogates too; returns the length. */
static size_t encode(char out[4], unsigned c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void test_utf8_ok_takes_every_code_point(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 0x120000; c++) {
		bool want = c != 0 && (c < 0xd800 || c > 0xdfff) && c <= 0x10ffff;
		char s[4];
		size_t len = encode(s, c), chars = 0;

		if (utf8_ok(s, len, &chars) != want || chars != (want ? 1 : 0))
			fail_msg("U+%04X", c);
	}
}

/* How many sequences of len bytes with this first byte are one code point. */
static unsigned count_ok(unsigned first, size_t len)
{
	unsigned count = 0, end = len == 2 ? 256 : 65536;

	for (unsigned rest = 0; rest < end; rest++) {
		char s[3] = {(char)first, (char)rest, (char)(rest >> 8)};
		size_t chars;

		count += utf8_ok(s, len, &chars) && chars == 1;
	}
	return count;
}

/* All code points are taken (above); that no other sequence is follows from the count. */
static void test_utf8_ok_takes_nothing_else(void **state)
{
	(void)state;
	unsigned two = 0, three = 0;

	for (unsigned first = 0; first < 256; first++)
		two += count_ok(first, 2);
	for (unsigned first = 0x80; first < 256; first++)
		three += count_ok(first, 3);
	assert_int_equal(two, 0x800 - 0x80);
	assert_int_equal(three, 0x10000 - 0x800 - 0x800);
}

static void test_utf8_ok_four_byte_borders(void **state)
{
	(void)state;
	static const unsigned edge[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0xbf, 0xc0, 0xff};

	for (unsigned first = 0xee; first < 256; first++) {
		for (unsigned i = 0; i < 8 * 8 * 8; i++) {
			unsigned b = edge[i & 7], c = edge[i >> 3 & 7], d = edge[i >> 6];
			char s[4] = {(char)first, (char)b, (char)c, (char)d};
			bool tail = b >= 0x80 && b <= 0xbf && c >= 0x80 && c <= 0xbf && d >= 0x80 &&
				    d <= 0xbf;
			bool want = tail && first >= 0xf0 && first <= 0xf4 &&
				    (first != 0xf0 || b >= 0x90) && (first != 0xf4 || b <= 0x8f);
			size_t chars;

			assert_int_equal(utf8_ok(s, 4, &chars) && chars == 1, want);
		}
	}
}

/* A bad byte at every place of a text, which moves it through the steps of eight. */
static void test_utf8_ok_sees_every_place(void **state)
{
	(void)state;
	static const char text[] = "0123456789abcdef0123456789abcdef";
	const size_t len = sizeof(text) - 1;

	for (size_t at = 0; at < len; at++) {
		static const char bad[] = {'\0', '\x80', '\xff', '\xc0', '\xed'};

		for (size_t i = 0; i < sizeof(bad); i++) {
			char *s = exact_copy(text, len);

			s[at] = bad[i];
			assert_false(utf8_ok(s, len, NULL));
			free(s);
		}
	}
	for (size_t n = 0; n <= len; n++) {
		char *s = exact_copy(text, n);
		size_t chars;

		assert_true(utf8_ok(s, n, &chars));
		assert_int_equal(chars, n);
		free(s);
	}
	assert_true(utf8_ok("\x01\x01\x01\x01\x01\x01\x01\x01\x7f", 9, NULL));
}

static void test_utf8_truncated(void **state)
{
	(void)state;
	static const char *const cases[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\xa6\x9f"};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i]);

		assert_true(utf8_ok(cases[i], len, NULL));
		for (size_t n = 1; n < len; n++) {
			char *s = exact_copy(cases[i], n);

			assert_false(utf8_ok(s, n, NULL));
			free(s);
		}
	}
}

static void test_utf8_prefix(void **state)
{
	(void)state;
	static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x9f!"; /* 1, 2, 3, 4, 1 */
	static const size_t want[] = {0, 1, 3, 6, 10, 11, 11};

	for (size_t n = 0; n < COUNT_OF(want); n++)
		assert_int_equal(utf8_prefix(text, sizeof(text) - 1, n), want[n]);
	assert_int_equal(utf8_prefix(text, 0, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_ok_takes_every_code_point),
		cmocka_unit_test(test_utf8_ok_takes_nothing_else),
		cmocka_unit_test(test_utf8_ok_four_byte_borders),
		cmocka_unit_test(test_utf8_ok_sees_every_place),
		cmocka_unit_test(test_utf8_truncated),
		cmocka_unit_test(test_utf8_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
