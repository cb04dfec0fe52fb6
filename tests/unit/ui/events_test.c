/* events_test.c — the queue between the client's thread and the screen's. */
#include "clients/gnatter/ui/events.c"

#include <poll.h>

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool readable(const struct events *q)
{
	struct pollfd p = {.fd = events_fd(q), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_events_same_is_one(void **state)
{
	struct events *q = events_create();
	struct event e;

	(void)state;
	assert_false(readable(q));
	assert_false(events_take(q, &e));
	for (int i = 0; i < 1000; i++) {
		events_note(q, EVENT_CHAT, "lobby", "bob");
		events_note(q, EVENT_STATUS, NULL, NULL);
	}
	assert_true(readable(q));
	assert_true(events_take(q, &e));
	assert_int_equal(e.type, EVENT_CHAT);
	assert_string_equal(e.chat, "lobby");
	assert_string_equal(e.user, "bob");
	assert_true(events_take(q, &e));
	assert_int_equal(e.type, EVENT_STATUS);
	assert_false(events_take(q, &e));
	assert_false(readable(q));
	events_destroy(q);
}

/* Too many become one that says everything; what cannot be read again stays. */
static void test_events_overflow(void **state)
{
	struct events *q = events_create();
	struct event e, notice = {.type = EVENT_NOTICE, .text = "refused"};
	char chat[32];
	int count = 0;
	bool all = false, said = false;

	(void)state;
	events_put(q, &notice);
	for (int i = 0; i < 10 * EVENTS_MAX; i++) {
		snprintf(chat, sizeof chat, "c%d", i);
		events_note(q, EVENT_CHAT, chat, NULL);
	}
	for (; events_take(q, &e); count++) {
		all |= e.type == EVENT_ALL;
		said |= e.type == EVENT_NOTICE;
	}
	assert_true(all && said);
	assert_true(count <= EVENTS_MAX + 1);
	assert_false(readable(q));
	events_destroy(q);
}

/* Nothing but notices, more than it holds: it stays bounded. */
static void test_events_full_of_notices(void **state)
{
	struct events *q = events_create();
	struct event e = {.type = EVENT_NOTICE};
	int count = 0;

	(void)state;
	for (int i = 0; i < 2 * EVENTS_MAX; i++) {
		snprintf(e.text, sizeof e.text, "%d", i);
		events_put(q, &e);
	}
	while (events_take(q, &e))
		count++;
	assert_int_equal(count, EVENTS_MAX + 1);
	events_destroy(q);
}

static void test_events_wake(void **state)
{
	struct events *q = events_create();
	struct event e;

	(void)state;
	events_wake(q);
	assert_true(readable(q));
	assert_false(events_take(q, &e));
	assert_false(readable(q));
	events_destroy(q);
	events_destroy(NULL);
}

static void *put_many(void *ctx)
{
	char chat[32];

	for (int i = 0; i < 20000; i++) {
		snprintf(chat, sizeof chat, "c%d", i % 700);
		events_note(ctx, EVENT_CHAT, chat, NULL);
	}
	events_note(ctx, EVENT_OPEN, "last", NULL);
	return NULL;
}

/* From two threads: the last is never lost. */
static void test_events_threads(void **state)
{
	struct events *q = events_create();
	pthread_t thread;
	struct event e;
	bool last = false;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_many, q), 0);
	while (!last) {
		struct pollfd p = {.fd = events_fd(q), .events = POLLIN};

		assert_int_equal(poll(&p, 1, 60000), 1);
		while (events_take(q, &e))
			last |= e.type == EVENT_OPEN;
	}
	pthread_join(thread, NULL);
	events_destroy(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_same_is_one),
		cmocka_unit_test(test_events_overflow),
		cmocka_unit_test(test_events_full_of_notices),
		cmocka_unit_test(test_events_wake),
		cmocka_unit_test(test_events_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
