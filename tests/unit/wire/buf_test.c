/* buf_test.c — what is written reads back; nothing is read or written too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/buf.h"

static void write_all(struct buf *b)
{
	buf_u8(b, 0xfe);
	buf_u16(b, 0xfedc);
	buf_u32(b, 0xfedcba98u);
	buf_u64(b, 0xfedcba9876543210u);
	buf_u64_be(b, 0x0102030405060708u);
	buf_bytes16(b, "abc", 3);
	buf_bytes16(b, NULL, 0);
	buf_bytes32(b, "defg", 4);
	buf_put(b, "hi", 2);
}

static void read_all(struct reader *r)
{
	struct bytes v;

	assert_int_equal(read_u8(r), 0xfe);
	assert_int_equal(read_u16(r), 0xfedc);
	assert_int_equal(read_u32(r), 0xfedcba98u);
	assert_true(read_u64(r) == 0xfedcba9876543210u);
	assert_true(read_u64_be(r) == 0x0102030405060708u);
	v = read_bytes16(r);
	assert_true(bytes_equal(v, "abc", 3));
	v = read_bytes16(r);
	assert_true(bytes_equal(v, NULL, 0));
	v = read_bytes32(r);
	assert_true(bytes_equal(v, "defg", 4));
	v = read_bytes(r, 2);
	assert_true(bytes_equal(v, "hi", 2));
}

static void test_buf_round_trip(void **state)
{
	(void)state;
	static const unsigned char head[] = {0xfe, 0xdc, 0xfe, 0x98, 0xba, 0xdc, 0xfe};
	struct buf b = {0};
	struct reader r;

	write_all(&b);
	assert_false(b.failed);
	assert_memory_equal(b.data, head, sizeof(head));
	assert_memory_equal(b.data + 15, "\1\2\3\4\5\6\7\10", 8);
	r = reader_of(b.data, b.len);
	read_all(&r);
	assert_false(r.failed);
	assert_ptr_equal(r.at, r.end);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
}

/* However short the input, reading all of it ends in zeros and `failed`. */
static void test_reader_every_truncation(void **state)
{
	(void)state;
	struct buf b = {0};

	write_all(&b);
	for (size_t len = 0; len < b.len; len++) {
		char *data = exact_copy(b.data, len);
		struct reader r = reader_of(data, len);

		read_u8(&r);
		read_u16(&r);
		read_u32(&r);
		read_u64(&r);
		read_u64_be(&r);
		read_bytes16(&r);
		read_bytes16(&r);
		read_bytes32(&r);
		read_bytes(&r, 2);
		assert_true(r.failed);
		assert_int_equal(read_u64(&r), 0);
		assert_int_equal(read_bytes(&r, 1).len, 0);
		free(data);
	}
	buf_free(&b);
}

static void test_reader_of_nothing(void **state)
{
	(void)state;
	struct reader r = reader_of(NULL, 0);

	assert_int_equal(read_bytes(&r, 0).len, 0);
	assert_false(r.failed);
	assert_int_equal(read_bytes32(&r).len, 0);
	assert_true(r.failed);
}

static void test_buf_grows_and_keeps(void **state)
{
	(void)state;
	struct buf b = {0};
	char *before;

	for (unsigned i = 0; i < 10000; i++)
		buf_u8(&b, (uint8_t)i);
	assert_int_equal(b.len, 10000);
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal((uint8_t)b.data[i], (uint8_t)i);
	before = b.data;
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_non_null(buf_reserve(&b, 10000));
	assert_ptr_equal(b.data, before);
	buf_free(&b);
}

static void test_buf_reserve_does_not_count(void **state)
{
	(void)state;
	struct buf b = {0};

	assert_non_null(buf_reserve(&b, 0));
	buf_str(&b, "ab");
	memcpy(buf_reserve(&b, 1), "c", 1);
	assert_int_equal(b.len, 2);
	b.len++;
	assert_memory_equal(b.data, "abc", 3);
	buf_free(&b);
}

/* A size that no heap has: the write fails, stays failed, and what was there stays. */
static void test_buf_failed_is_sticky(void **state)
{
	(void)state;
	struct buf b = {0};

	buf_str(&b, "kept");
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_str(&b, "x");
	buf_printf(&b, "%d", 1);
	buf_decimal(&b, 1);
	assert_null(buf_reserve(&b, 1));
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "kept", 4);
	buf_reset(&b);
	buf_str(&b, "again");
	assert_false(b.failed);
	assert_int_equal(b.len, 5);
	buf_free(&b);
}

static void test_buf_bytes16_at_border(void **state)
{
	(void)state;
	static char data[65536];
	struct buf b = {0};

	buf_bytes16(&b, data, 65535);
	assert_false(b.failed);
	assert_int_equal(b.len, 65537);
	buf_bytes16(&b, data, 65536);
	assert_true(b.failed);
	assert_int_equal(b.len, 65537);
	buf_reset(&b);
	buf_bytes32(&b, data, (size_t)UINT32_MAX + 1);
	assert_true(b.failed);
	buf_free(&b);
}

static void test_buf_text(void **state)
{
	(void)state;
	struct buf b = {0};

	buf_decimal(&b, 0);
	buf_u8(&b, ' ');
	buf_decimal(&b, 9);
	buf_u8(&b, ' ');
	buf_decimal(&b, 10);
	buf_u8(&b, ' ');
	buf_decimal(&b, UINT64_MAX);
	buf_printf(&b, " %s-%03d", "x", 7);
	assert_int_equal(b.len, strlen("0 9 10 18446744073709551615 x-007"));
	assert_memory_equal(b.data, "0 9 10 18446744073709551615 x-007", b.len);
	buf_reset(&b);
	buf_printf(&b, "%0*d", 5000, 1);
	assert_int_equal(b.len, 5000);
	assert_int_equal(b.data[4999], '1');
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_round_trip),
		cmocka_unit_test(test_reader_every_truncation),
		cmocka_unit_test(test_reader_of_nothing),
		cmocka_unit_test(test_buf_grows_and_keeps),
		cmocka_unit_test(test_buf_reserve_does_not_count),
		cmocka_unit_test(test_buf_failed_is_sticky),
		cmocka_unit_test(test_buf_bytes16_at_border),
		cmocka_unit_test(test_buf_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
