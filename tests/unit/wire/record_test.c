/* record_test.c — records and frames: round trips, the bytes themselves, and every way to be
 * damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/record.h"

#define BYTES(s)                   \
	{                          \
		(s), sizeof(s) - 1 \
	} /* an initializer */

static const struct record full = {
	.type = RECORD_SEND,
	.flags = 2 | RECORD_MQTT5 | RECORD_PERSISTS | RECORD_SECRET,
	.number = 0x1122334455667788u,
	.ts = 1732240000123u,
	.role = ROLE_ADMIN,
	.user = BYTES("alice"),
	.client = BYTES("alice:phone"),
	.device = BYTES("phone"),
	.target = BYTES("lobby"),
	.response = BYTES("reply/send"),
	.correlation = BYTES("\0\1\2"),
	.payload = BYTES("hello"),
};

static char *encode(const struct record *r, uint32_t *size)
{
	char *data;

	*size = record_size(r);
	data = malloc(*size);
	assert_non_null(data);
	memset(data, 0x55, *size);
	record_encode(r, data);
	return data;
}

static void expect_bytes(struct bytes a, struct bytes b)
{
	assert_true(bytes_equal(a, b.data, b.len));
}

static void expect_record(const struct record *a, const struct record *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->flags, b->flags);
	assert_true(a->number == b->number);
	assert_true(a->ts == b->ts);
	assert_int_equal(a->role, b->role);
	expect_bytes(a->user, b->user);
	expect_bytes(a->client, b->client);
	expect_bytes(a->device, b->device);
	expect_bytes(a->target, b->target);
	expect_bytes(a->response, b->response);
	expect_bytes(a->correlation, b->correlation);
	expect_bytes(a->payload, b->payload);
}

/* Payloads of 0 to 16 bytes pass through every length of padding. */
static void test_record_round_trip(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 16; len++) {
		struct record r = full, back;
		uint32_t size, got;
		char *data;

		r.payload = (struct bytes){"0123456789abcdef", len};
		data = encode(&r, &size);
		assert_int_equal(size % 8, 0);
		assert_int_equal(record_decode(&back, data, size, &got), ERR_OK);
		assert_int_equal(got, size);
		expect_record(&back, &r);
		free(data);
	}
}

static void test_record_of_every_type_empty(void **state)
{
	(void)state;
	for (int type = 1; type < RECORD_TYPE_END; type++) {
		struct record r = {.type = (enum record_type)type, .number = 1}, back;
		uint32_t size, got;
		char *data = encode(&r, &size);

		assert_int_equal(size, 48);
		assert_int_equal(record_decode(&back, data, size, &got), ERR_OK);
		expect_record(&back, &r);
		free(data);
	}
}

/* The format is a promise to spools on disk. */
static void test_record_bytes(void **state)
{
	(void)state;
	static const struct record r = {
		.type = RECORD_ACK,
		.flags = 1 | RECORD_MQTT5,
		.number = 7,
		.ts = 0x0102,
		.role = ROLE_SERVICE,
		.user = BYTES("u"),
		.client = BYTES("cc"),
		.device = BYTES("d"),
		.target = BYTES("t"),
		.response = BYTES("r"),
		.correlation = BYTES("k"),
		.payload = BYTES("pay"),
	};
	static const char want[] = "\x38\0\0\0\2\5\0\0"
				   "\7\0\0\0\0\0\0\0"
				   "\2\1\0\0\0\0\0\0"
				   "\2\1\0u\2\0cc\1\0d\1\0t\1\0r\1\0k\3\0\0\0pay\0\0\0\0";
	uint32_t size;
	char *data = encode(&r, &size);

	assert_int_equal(size, 56);
	assert_memory_equal(data, want, size - 4);
	assert_memory_equal(data + size - 4, "\0\0\0\0", 4);
	free(data);
}

static void test_record_every_truncation(void **state)
{
	(void)state;
	uint32_t size, got;
	char *data = encode(&full, &size);

	for (uint32_t len = 0; len < size; len++) {
		char *cut = exact_copy(data, len);
		struct record r;

		assert_int_equal(record_decode(&r, cut, len, &got), ERR_CORRUPT);
		free(cut);
	}
	free(data);
}

/* The same, with a size that says what is there: the parts must not reach beyond it. */
static void test_record_every_shorter_size(void **state)
{
	(void)state;
	uint32_t size, got;
	char *data = encode(&full, &size);

	for (uint32_t len = 4; len < size; len++) {
		char *cut = exact_copy(data, len);
		struct record r;

		cut[0] = (char)len;
		assert_int_equal(record_decode(&r, cut, len, &got), ERR_CORRUPT);
		free(cut);
	}
	free(data);
}

static void test_record_damaged_bytes(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		char value;
	} cases[] = {
		{0, 0}, /* size */
		{0, 40},
		{0, 103},
		{3, 1},
		{3, '\xff'},
		{4, 0}, /* type */
		{4, RECORD_TYPE_END},
		{4, '\xff'},
		{5, 0x03}, /* QoS */
		{5, 0x20}, /* unknown flags */
		{5, '\x80'},
		{6, 1}, /* reserved */
		{7, 1},
		{24, ROLE_COUNT}, /* role */
		{24, '\xff'},
		{25, '\xff'}, /* length of user */
		{26, '\x7f'},
	};
	uint32_t size, got;
	struct record r;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *data = encode(&full, &size);

		assert_int_equal(record_decode(&r, data, size, &got), ERR_OK);
		data[cases[i].at] = cases[i].value;
		assert_int_equal(record_decode(&r, data, size, &got), ERR_CORRUPT);
		free(data);
	}
}

/* Padding is zero, and no longer than it must be. */
static void test_record_padding(void **state)
{
	(void)state;
	struct record r = {.type = RECORD_SEND, .number = 1}; /* 41 bytes, 7 of padding */
	char longer[56] = {0};
	uint32_t size, got;
	char *data = encode(&r, &size);

	memcpy(longer, data, size);
	longer[0] = 56;
	assert_int_equal(record_decode(&r, longer, sizeof(longer), &got), ERR_CORRUPT);
	for (uint32_t at = 41; at < size; at++) {
		data[at] = 1;
		assert_int_equal(record_decode(&r, data, size, &got), ERR_CORRUPT);
		data[at] = 0;
	}
	assert_int_equal(record_decode(&r, data, size, &got), ERR_OK);
	free(data);
}

static void test_record_size_at_borders(void **state)
{
	(void)state;
	static char data[1 << 16];
	struct bytes *parts[6];
	struct record r = {.type = RECORD_SEND};

	parts[0] = &r.user;
	parts[1] = &r.client;
	parts[2] = &r.device;
	parts[3] = &r.target;
	parts[4] = &r.response;
	parts[5] = &r.correlation;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		*parts[i] = (struct bytes){data, UINT16_MAX};
		assert_int_equal(record_size(&r), (41 + UINT16_MAX + 7) / 8 * 8);
		parts[i]->len++;
		assert_int_equal(record_size(&r), 0);
		parts[i]->len = 0;
	}
	r.payload = (struct bytes){data, RECORD_SIZE_MAX - 41}; /* not read: sizes only */
	assert_int_equal(record_size(&r), RECORD_SIZE_MAX);
	r.payload.len++;
	assert_int_equal(record_size(&r), 0);
	r.payload.len = SIZE_MAX;
	assert_int_equal(record_size(&r), 0);
}

/* Longest parts, with the sizes at their ends. */
static void test_record_of_longest_parts(void **state)
{
	(void)state;
	static char data[UINT16_MAX];
	struct record r = full, back;
	uint32_t size, got;
	char *encoded;

	memset(data, 'x', sizeof(data));
	r.response = (struct bytes){data, UINT16_MAX};
	r.correlation = (struct bytes){data, UINT16_MAX};
	encoded = encode(&r, &size);
	assert_int_equal(record_decode(&back, encoded, size, &got), ERR_OK);
	expect_record(&back, &r);
	free(encoded);
}

/* One record after the other, as they lie in a frame. */
static void test_record_sequence(void **state)
{
	(void)state;
	struct buf b = {0};
	size_t at = 0;

	for (unsigned i = 1; i <= 5; i++) {
		struct record r = full;

		r.number = i;
		r.payload.len = i;
		record_encode(&r, buf_reserve(&b, record_size(&r)));
		b.len += record_size(&r);
	}
	for (unsigned i = 1; i <= 5; i++) {
		struct record r;
		uint32_t size;

		assert_int_equal(record_decode(&r, b.data + at, b.len - at, &size), ERR_OK);
		assert_int_equal(r.number, i);
		at += size;
	}
	assert_int_equal(at, b.len);
	buf_free(&b);
}

static void test_frame_round_trip(void **state)
{
	(void)state;
	char header[FRAME_HEADER];
	struct frame f = {.epoch = 0x1122334455667788u, .first = 99, .performed = 42}, back;
	uint32_t size;
	char *record = encode(&full, &size);
	char *data = malloc(FRAME_HEADER + size);

	assert_non_null(data);
	for (uint32_t count = 0; count <= 1; count++) {
		size_t len = FRAME_HEADER + count * size;

		f.count = count;
		f.hello = count == 0;
		frame_encode_header(&f, header);
		memcpy(data, header, FRAME_HEADER);
		memcpy(data + FRAME_HEADER, record, size);
		assert_int_equal(frame_decode(&back, data, len), ERR_OK);
		assert_true(back.epoch == f.epoch && back.first == 99 && back.performed == 42);
		assert_int_equal(back.count, count);
		assert_int_equal(back.hello, f.hello);
		assert_int_equal(back.records.len, count * size);
		assert_ptr_equal(back.records.data, data + FRAME_HEADER);
	}
	free(record);
	free(data);
}

static void test_frame_bytes(void **state)
{
	(void)state;
	static const struct frame f = {.epoch = 0x0807060504030201u,
		.first = 9,
		.count = 0x0d0c0b0a,
		.performed = 14,
		.hello = true};
	char header[FRAME_HEADER];

	frame_encode_header(&f, header);
	assert_memory_equal(header,
		"GNF1"
		"\1\2\3\4\5\6\7\10"
		"\11\0\0\0\0\0\0\0"
		"\12\13\14\15"
		"\16\0\0\0\0\0\0\0\1",
		FRAME_HEADER);
}

static void test_frame_damaged(void **state)
{
	(void)state;
	const struct frame good = {.epoch = 5, .first = 1, .count = 1};
	const size_t len = FRAME_HEADER + 48;
	char *data = exact_copy((char[FRAME_HEADER + 48]){0}, len);
	struct frame f;

	frame_encode_header(&good, data);
	assert_int_equal(frame_decode(&f, data, len), ERR_OK);
	for (size_t n = 0; n < FRAME_HEADER + 48; n++) {
		char *cut = exact_copy(data, n);

		assert_int_equal(frame_decode(&f, cut, n), ERR_CORRUPT);
		free(cut);
	}
	data[0] ^= 1; /* magic */
	assert_int_equal(frame_decode(&f, data, len), ERR_CORRUPT);
	data[0] ^= 1;
	data[3]++; /* version */
	assert_int_equal(frame_decode(&f, data, len), ERR_CORRUPT);
	data[3]--;
	data[4] = 0; /* epoch */
	assert_int_equal(frame_decode(&f, data, len), ERR_CORRUPT);
	data[4] = 5;
	data[12] = 0; /* first */
	assert_int_equal(frame_decode(&f, data, len), ERR_CORRUPT);
	data[12] = 1;
	data[20] = 0; /* count: records that nobody counts */
	assert_int_equal(frame_decode(&f, data, len), ERR_CORRUPT);
	data[20] = 2; /* more than there is room for */
	assert_int_equal(frame_decode(&f, data, len), ERR_CORRUPT);
	data[20] = 1;
	data[32] = 2; /* hello */
	assert_int_equal(frame_decode(&f, data, len), ERR_CORRUPT);
	data[32] = 1;
	assert_int_equal(frame_decode(&f, data, len), ERR_OK);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_round_trip),
		cmocka_unit_test(test_record_of_every_type_empty),
		cmocka_unit_test(test_record_bytes),
		cmocka_unit_test(test_record_every_truncation),
		cmocka_unit_test(test_record_every_shorter_size),
		cmocka_unit_test(test_record_damaged_bytes),
		cmocka_unit_test(test_record_padding),
		cmocka_unit_test(test_record_size_at_borders),
		cmocka_unit_test(test_record_of_longest_parts),
		cmocka_unit_test(test_record_sequence),
		cmocka_unit_test(test_frame_round_trip),
		cmocka_unit_test(test_frame_bytes),
		cmocka_unit_test(test_frame_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
