/* ack_test.c — the n of a read mark, whatever was sent before and after it. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/le.h"

#define ADMIN    "API $gnatterctl $gnatterctl "
#define MESSAGES 60

static int setup(void **state)
{
	struct world *w = world_create();

	world_apply(w, ADMIN "user.add {\"user\":\"alice\"}");
	world_apply(w, ADMIN "user.add {\"user\":\"bob\"}");
	world_apply(w, ADMIN "chat.create {\"chat\":\"lobby\",\"members\":[\"alice\",\"bob\"]}");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_destroy(*state);
	return 0;
}

/* The bytes of what world_dump() prints at `text`. */
static void take_bytes(const char *text, char *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned byte = (unsigned char)*text;

		if (*text == '\\') {
			assert_int_equal(sscanf(text + 1, "%2x", &byte), 1);
			text += 2;
		}
		text++;
		out[i] = (char)byte;
	}
}

/* Bob's mark in lobby. */
static void read_mark(struct world *w, uint64_t *read, uint64_t *read_n)
{
	char *dump = world_dump(w), value[25];
	const char *start = "store k\\05lobby\\03bob = ", *at = strstr(dump, start);

	*read = *read_n = 0;
	if (at) {
		take_bytes(at + strlen(start), value, sizeof(value));
		*read = le_get64(value + 9);
		*read_n = le_get64(value + 17);
	}
	free(dump);
}

/* Alice sends, so that of `counted_of_8` messages in 8 a person would count some; bob reads up to
 * some place now and then. */
static void check_n(struct world *w, unsigned counted_of_8)
{
	static const char reaction[] = "{\"type\":\"reaction\",\"ref\":2,\"text\":\"+\"}";
	uint64_t n[MESSAGES + 1] = {0}, read, read_n, last = 0;
	char line[128];

	for (uint64_t seq = 2; seq <= MESSAGES; seq++) { /* 1 is the system's: chat.created */
		bool counts = seq == 2 || (unsigned)random() % 8 < counted_of_8;

		n[seq] = n[seq - 1] + (counts ? 1 : 0);
		snprintf(line, sizeof(line), "SEND alice alice:phone lobby %s",
			counts ? "text" : reaction);
		world_apply(w, line);
		if (random() % 3 != 0)
			continue;
		last += (uint64_t)random() % (seq - last + 1);
		snprintf(line, sizeof(line), "ACK bob bob:tab lobby {\"read\":%d}", (int)last);
		world_apply(w, line);
		read_mark(w, &read, &read_n);
		assert_int_equal(read, last);
		assert_int_equal(read_n, n[last]);
	}
}

static void test_ack_n(void **state)
{
	(void)state;
	for (unsigned counted_of_8 = 0; counted_of_8 <= 8; counted_of_8++) {
		for (int round = 0; round < 20; round++) {
			void *w;

			setup(&w);
			check_n(w, counted_of_8);
			teardown(&w);
		}
	}
}

/* A chat of two outlives the account of one of them; who has the name then has no part in it. */
static void test_ack_of_a_former_owner(void **state)
{
	struct world *w;
	void *made;
	char *dump;

	(void)state;
	setup(&made);
	w = made;
	for (int i = 0; i < 5; i++)
		world_apply(w, "SEND alice alice:phone alice:bob hello");
	world_apply(w, ADMIN "user.remove {\"user\":\"bob\"}");
	world_apply(w, ADMIN "user.add {\"user\":\"bob\"}");
	assert_non_null(strstr(
		world_apply(w, "ACK? bob bob:tab alice:bob {\"delivered\":6}"), "forbidden"));
	assert_non_null(
		strstr(world_apply(w, "ACK? bob bob:tab alice:bob {\"read\":3}"), "forbidden"));
	dump = world_dump(w);
	assert_null(strstr(dump, "store k\\09alice:bob\\03bob"));
	free(dump);
	teardown(&made);
}

/* What was said stays, and its unread can be cleared; only the user's own devices hear of it. */
static void test_ack_of_a_pair_that_ended(void **state)
{
	static const char *const ends[] = {"API alice alice:phone block.add {\"user\":\"bob\"}",
		"API bob bob:tab block.add {\"user\":\"alice\"}",
		ADMIN "user.remove {\"user\":\"alice\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct world *w;
		void *made;
		const char *told;

		setup(&made);
		w = made;
		for (int k = 0; k < 3; k++)
			world_apply(w, "SEND alice alice:phone alice:bob hello");
		world_apply(w, ends[i]);
		told = world_apply(w, "ACK bob bob:tab alice:bob {\"delivered\":3,\"read\":2}");
		assert_null(strstr(told, "chat/alice:bob/mark"));
		assert_non_null(
			strstr(told, "user/bob/events {\"event\":\"mark\",\"chat\":\"alice:bob\","
				     "\"delivered\":3,\"read\":2,"));
		teardown(&made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack_n),
		cmocka_unit_test(test_ack_of_a_former_owner),
		cmocka_unit_test(test_ack_of_a_pair_that_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
