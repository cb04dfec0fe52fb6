/* effect_test.c — effects and control messages: round trips, bytes, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/effect.h"

#define BYTES(s)                   \
	{                          \
		(s), sizeof(s) - 1 \
	} /* an initializer */

/* One of each type, and how it is written. */
static const struct {
	struct effect effect;
	struct bytes bytes;
} cases[] = {
	{{.type = EFFECT_MESSAGE, .chat = BYTES("lobby"), .seq = 0x0102, .payload = BYTES("{}")},
		BYTES("\1\5\0lobby\2\1\0\0\0\0\0\0\2\0\0\0{}")},
	{{.type = EFFECT_MESSAGE, .chat = BYTES("a:b"), .seq = 1},
		BYTES("\1\3\0a:b\1\0\0\0\0\0\0\0\0\0\0\0")},
	{{.type = EFFECT_PUBLISH,
		 .topic = BYTES("user/bob/events"),
		 .qos = 2,
		 .retain = true,
		 .expiry = 0x01020304,
		 .payload = BYTES("x")},
		BYTES("\2\17\0user/bob/events\2\1\4\3\2\1\1\0\0\0x")},
	{{.type = EFFECT_ANSWER,
		 .user = BYTES("bob"),
		 .client = BYTES("bob:tv"),
		 .topic = BYTES("r"),
		 .correlation = BYTES("\0\xff"),
		 .payload = BYTES("{}")},
		BYTES("\3\3\0bob\6\0bob:tv\1\0r\2\0\0\xff\2\0\0\0{}")},
	{{.type = EFFECT_KICK, .user = BYTES("bob"), .client = BYTES("c")},
		BYTES("\4\3\0bob\1\0c")},
	{{.type = EFFECT_KICK, .user = BYTES("bob")}, BYTES("\4\3\0bob\0\0")},
	{{.type = EFFECT_EXPEL, .user = BYTES("bob")}, BYTES("\5\3\0bob")},
	{{.type = EFFECT_HIDE,
		 .topic = BYTES("presence/bob"),
		 .user = BYTES("eve"),
		 .level = 1,
		 .payload = BYTES("{}")},
		BYTES("\6\14\0presence/bob\3\0eve\1\2\0\0\0{}")},
	{{.type = EFFECT_HIDE, .topic = BYTES("t")}, BYTES("\6\1\0t\0\0\0\0\0\0\0")},
};

static void expect_bytes(struct bytes a, struct bytes b)
{
	assert_true(bytes_equal(a, b.data, b.len));
}

static void expect_effect(const struct effect *a, const struct effect *b)
{
	assert_int_equal(a->type, b->type);
	expect_bytes(a->chat, b->chat);
	assert_true(a->seq == b->seq);
	expect_bytes(a->topic, b->topic);
	assert_int_equal(a->qos, b->qos);
	assert_int_equal(a->retain, b->retain);
	assert_int_equal(a->expiry, b->expiry);
	expect_bytes(a->user, b->user);
	expect_bytes(a->client, b->client);
	expect_bytes(a->correlation, b->correlation);
	assert_int_equal(a->level, b->level);
	expect_bytes(a->payload, b->payload);
}

static void test_effect_bytes_and_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = {0};
		struct effect back;
		struct reader r;

		effect_encode(&b, &cases[i].effect);
		assert_false(b.failed);
		expect_bytes((struct bytes){b.data, b.len}, cases[i].bytes);
		r = reader_of(b.data, b.len);
		assert_int_equal(effect_decode(&back, &r), ERR_OK);
		assert_ptr_equal(r.at, r.end);
		expect_effect(&back, &cases[i].effect);
		buf_free(&b);
	}
}

static void test_effect_every_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (size_t len = 0; len < cases[i].bytes.len; len++) {
			char *cut = exact_copy(cases[i].bytes.data, len);
			struct reader r = reader_of(cut, len);
			struct effect e;

			assert_int_equal(effect_decode(&e, &r), ERR_CORRUPT);
			free(cut);
		}
	}
}

static void test_effect_damaged(void **state)
{
	(void)state;
	static const struct bytes bad[] = {
		BYTES("\0\3\0bob"), /* no such type */
		BYTES("\7\3\0bob"), BYTES("\xff\3\0bob"), BYTES("\2\1\0t\3\0\0\0\0\0"), /* QoS 3 */
		BYTES("\2\1\0t\0\2\0\0\0\0"),         /* retain 2 */
		BYTES("\2\1\0t\0\0\xff\xff\xff\xff"), /* a length beyond the end */
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char *data = exact_copy(bad[i].data, bad[i].len);
		struct reader r = reader_of(data, bad[i].len);
		struct effect e;

		assert_int_equal(effect_decode(&e, &r), ERR_CORRUPT);
		free(data);
	}
}

static void test_effect_too_long_a_part_fails_the_buf(void **state)
{
	(void)state;
	static char data[1 << 16];
	struct effect e = {.type = EFFECT_EXPEL, .user = {data, sizeof(data)}};
	struct buf b = {0};

	effect_encode(&b, &e);
	assert_true(b.failed);
	buf_reset(&b);
	e.user.len--;
	effect_encode(&b, &e);
	assert_false(b.failed);
	buf_free(&b);
}

static void test_control_round_trip(void **state)
{
	(void)state;
	struct buf b = {0};
	struct control c = {.kind = CONTROL_EFFECTS,
			       .last = true,
			       .epoch = 77,
			       .number = 1000,
			       .count = COUNT_OF(cases)},
		       back;
	struct effect e;

	control_encode_header(&c, buf_reserve(&b, CONTROL_HEADER));
	b.len += CONTROL_HEADER;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		effect_encode(&b, &cases[i].effect);
	assert_int_equal(control_decode(&back, b.data, b.len), ERR_OK);
	assert_int_equal(back.kind, CONTROL_EFFECTS);
	assert_true(back.last && back.epoch == 77 && back.number == 1000);
	assert_int_equal(back.count, COUNT_OF(cases));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(effect_decode(&e, &back.effects), ERR_OK);
		expect_effect(&e, &cases[i].effect);
	}
	assert_int_equal(effect_decode(&e, &back.effects), ERR_CORRUPT);
	buf_free(&b);
}

static void test_control_bytes(void **state)
{
	(void)state;
	static const struct control c = {
		.kind = CONTROL_LOOSE, .epoch = 0x0102, .number = 3, .count = 4};
	char header[CONTROL_HEADER];

	control_encode_header(&c, header);
	assert_memory_equal(
		header, "GNC1\3\0\2\1\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0", CONTROL_HEADER);
}

static void test_control_damaged(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		char value;
	} bad[] = {
		{0, 'g'}, {3, '2'},                         /* magic, version */
		{4, 0}, {4, CONTROL_KIND_END}, {4, '\xff'}, /* kind */
		{5, 2}, {5, '\xff'},                        /* last */
		{22, 0}, {22, 3}, {25, '\x7f'},             /* count */
	};
	const struct control good = {.kind = CONTROL_HELLO, .count = 2};
	const size_t len = CONTROL_HEADER + 6;
	char *data = exact_copy((char[CONTROL_HEADER + 6]){0}, len);
	struct control c;

	control_encode_header(&good, data);
	assert_int_equal(control_decode(&c, data, len), ERR_OK);
	for (size_t n = 0; n < len; n++) {
		char *cut = exact_copy(data, n);

		assert_int_equal(control_decode(&c, cut, n), ERR_CORRUPT);
		free(cut);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char *copy = exact_copy(data, len);

		copy[bad[i].at] = bad[i].value;
		assert_int_equal(control_decode(&c, copy, len), ERR_CORRUPT);
		free(copy);
	}
	data[22] = 0;
	assert_int_equal(control_decode(&c, data, CONTROL_HEADER), ERR_OK);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_effect_bytes_and_round_trip),
		cmocka_unit_test(test_effect_every_truncation),
		cmocka_unit_test(test_effect_damaged),
		cmocka_unit_test(test_effect_too_long_a_part_fails_the_buf),
		cmocka_unit_test(test_control_round_trip),
		cmocka_unit_test(test_control_bytes),
		cmocka_unit_test(test_control_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
