/* push_gather_test.c — the messages of one commit, gathered by chat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sodium.h>

#include "bridge/push_gather.h"
#include "persist/values.h"
#include "wire/hashmap.h"

static struct bytes text(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static void say(struct buf *b, const char *chat, uint64_t seq, uint64_t n, uint64_t ts)
{
	push_entry_encode(b, &(struct push_entry){text(chat), seq, seq, n, ts});
}

static void expect(
	struct reader *r, const char *chat, uint64_t first, uint64_t last, uint64_t n, uint64_t ts)
{
	struct push_entry e;

	assert_true(push_entry_next(&e, r));
	assert_true(bytes_equal(e.chat, chat, strlen(chat)));
	assert_true(e.first == first && e.last == last && e.n == n && e.ts == ts);
}

static void test_first_and_last_of_each_chat(void **state)
{
	struct buf said = {0}, got = {0};
	struct reader r;

	(void)state;
	say(&said, "lobby", 5, 4, 100);
	say(&said, "alice:bob", 1, 1, 101);
	say(&said, "lobby", 7, 5, 102);
	say(&said, "lobby", 9, 6, 103);
	say(&said, "lobb", 2, 2, 104);
	assert_int_equal(push_gather(&got, (struct bytes){said.data, said.len}, 5), ERR_OK);
	r = reader_of(got.data, got.len);
	expect(&r, "lobby", 5, 9, 4, 100);
	expect(&r, "alice:bob", 1, 1, 1, 101);
	expect(&r, "lobb", 2, 2, 2, 104);
	assert_true(r.at == r.end);
	buf_free(&said);
	buf_free(&got);
}

static void test_very_many(void **state)
{
	enum { CHATS = 3000, EACH = 5 };
	struct buf said = {0}, got = {0};
	struct push_entry e;
	struct reader r;
	size_t chats = 0;

	(void)state;
	for (uint64_t k = 0; k < EACH; k++) {
		for (unsigned c = 0; c < CHATS; c++) {
			char chat[16];

			snprintf(chat, sizeof(chat), "c%u", c);
			say(&said, chat, 10 + k, 5 + k, 1000 + k);
		}
	}
	assert_int_equal(
		push_gather(&got, (struct bytes){said.data, said.len}, CHATS * EACH), ERR_OK);
	r = reader_of(got.data, got.len);
	for (; push_entry_next(&e, &r); chats++)
		assert_true(e.first == 10 && e.last == 14 && e.n == 5 && e.ts == 1000);
	assert_false(r.failed);
	assert_int_equal(chats, CHATS);
	buf_free(&said);
	buf_free(&got);
}

static void test_what_is_no_list(void **state)
{
	struct buf said = {0}, got = {0};

	(void)state;
	say(&said, "lobby", 5, 4, 100);
	for (size_t len = 0; len < said.len; len++) {
		assert_int_equal(push_gather(&got, (struct bytes){said.data, len}, 1), ERR_CORRUPT);
		assert_int_equal(got.len, 0);
	}
	assert_int_equal(push_gather(&got, (struct bytes){said.data, said.len}, 2), ERR_CORRUPT);
	assert_int_equal(push_gather(&got, (struct bytes){said.data, 0}, 0), ERR_OK);
	buf_free(&said);
	buf_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_and_last_of_each_chat),
		cmocka_unit_test(test_very_many),
		cmocka_unit_test(test_what_is_no_list),
	};

	if (sodium_init() < 0)
		return 1;
	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
