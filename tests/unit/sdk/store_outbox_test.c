/* store_outbox_test.c — what is to be sent, in its order, and what was refused. */
#include "kit.h"

static enum gnatter_error queue(struct store *s, const char *chat, const char *id)
{
	struct gnatter_draft d = {.id = id, .text = id, .ref = 3, .body = "{\"a\":1}"};

	return store_queue(s, chat, &d, "{\"id\":\"x\"}", T0);
}

struct ids {
	char text[512];
	int64_t last;
	struct store_outgoing o;
};

static bool take_id(void *ctx, const struct store_outgoing *o)
{
	struct ids *ids = ctx;

	snprintf(
		ids->text + strlen(ids->text), sizeof(ids->text) - strlen(ids->text), "%s ", o->id);
	assert_true(o->pos > ids->last);
	ids->last = o->pos;
	ids->o = *o;
	return true;
}

static int64_t expect_waiting(struct store *s, int64_t after, uint32_t limit, const char *want)
{
	struct ids ids = {.last = after};

	assert_ok(store_waiting(s, after, limit, take_id, &ids));
	assert_string_equal(ids.text, want);
	return ids.last;
}

static void expect_count(struct store *s, uint32_t want)
{
	uint32_t count = 999;

	assert_ok(store_outbox_count(s, &count));
	assert_int_equal(count, want);
}

static void test_queue_keeps_the_order(void **state)
{
	struct store *s = *state;
	int64_t first;

	expect_waiting(s, 0, 10, "");
	assert_ok(queue(s, "lobby", "b"));
	assert_ok(queue(s, "alice:bob", "a"));
	assert_ok(queue(s, "lobby", "c"));
	expect_waiting(s, 0, 10, "b a c ");
	first = expect_waiting(s, 0, 1, "b ");
	expect_waiting(s, first, 10, "a c ");
	expect_waiting(s, first, 0, "");
	expect_count(s, 3);
}

static void test_queue_refuses(void **state)
{
	struct store *s = *state;

	assert_ok(queue(s, "lobby", "a"));
	assert_int_equal(queue(s, "lobby", "a"), GNATTER_EINVAL);
	assert_int_equal(queue(s, "lobby", NULL), GNATTER_EINVAL);
	assert_int_equal(queue(s, "lobby", ""), GNATTER_EINVAL);
	expect_count(s, 1);
}

/* As for the server: an id is one of its chat. */
static void test_queue_the_same_id_in_two_chats(void **state)
{
	struct store *s = *state;
	enum gnatter_tick was;

	assert_ok(queue(s, "lobby", "a"));
	assert_ok(queue(s, "other", "a"));
	assert_ok(store_set_sent(s, "other", "a", GNATTER_TICK_SENT));
	assert_int_equal(store_set_sent(s, "other", "a", GNATTER_TICK_SENT), GNATTER_ENOTFOUND);
	assert_ok(store_unqueue(s, "lobby", "a", &was));
	assert_int_equal(was, GNATTER_TICK_QUEUED);
	assert_ok(store_unqueue(s, "other", "a", &was));
	assert_int_equal(was, GNATTER_TICK_SENT);
	expect_count(s, 0);
}

static void test_queue_has_a_limit(void **state)
{
	struct store *s = *state; /* 100 */
	char id[16];

	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		assert_ok(queue(s, "lobby", id));
	}
	assert_int_equal(queue(s, "lobby", "more"), GNATTER_ELIMIT);
	assert_ok(store_unqueue(s, "lobby", "m7", NULL));
	assert_ok(queue(s, "lobby", "more"));
	assert_int_equal(queue(s, "lobby", "much more"), GNATTER_ELIMIT);
	/* A refused one does not wait. */
	assert_ok(store_refuse(s, "lobby", "m8", "forbidden", "no"));
	assert_ok(queue(s, "lobby", "much more"));
	expect_count(s, 100);
}

static void test_refused_have_a_limit(void **state)
{
	struct store *s = *state; /* 100 */
	struct kit_lines l = {.most = 1};
	char id[16];

	for (int i = 0; i < 101; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		assert_ok(queue(s, "lobby", id));
		assert_ok(store_refuse(s, "lobby", id, "forbidden", "no"));
	}
	assert_ok(store_outbox(s, NULL, kit_line, &l));
	assert_string_equal(l.text, "0:m1"); /* m0 is gone */
	assert_int_equal(store_unqueue(s, "lobby", "m0", NULL), GNATTER_ENOTFOUND);
	assert_ok(store_unqueue(s, "lobby", "m100", NULL));
}

static void test_outgoing_goes_its_way(void **state)
{
	struct store *s = *state;
	struct ids ids = {0};
	enum gnatter_tick was;

	assert_ok(queue(s, "lobby", "a"));
	assert_ok(store_count_try(s, "lobby", "a"));
	assert_ok(store_count_try(s, "lobby", "a"));
	assert_ok(store_set_sent(s, "lobby", "a", GNATTER_TICK_SENT));
	assert_ok(store_outgoing(s, "lobby", "a", take_id, &ids));
	assert_int_equal(ids.o.tick, GNATTER_TICK_SENT);
	assert_int_equal(ids.o.tries, 2);
	expect_waiting(s, 0, 10, "a ");
	assert_int_equal(store_set_sent(s, "lobby", "a", GNATTER_TICK_READ), GNATTER_EINVAL);
	assert_ok(store_unqueue(s, "lobby", "a", &was));
	assert_int_equal(was, GNATTER_TICK_SENT);
	expect_count(s, 0);
	assert_int_equal(store_unqueue(s, "lobby", "a", &was), GNATTER_ENOTFOUND);
	assert_int_equal(store_count_try(s, "lobby", "a"), GNATTER_ENOTFOUND);
	assert_int_equal(store_set_sent(s, "lobby", "a", GNATTER_TICK_SENT), GNATTER_ENOTFOUND);
	assert_int_equal(store_refuse(s, "lobby", "a", "x", "y"), GNATTER_ENOTFOUND);
	assert_int_equal(store_outgoing(s, "lobby", "a", take_id, &ids), GNATTER_ENOTFOUND);
}

static bool look(void *ctx, const struct gnatter_message *m)
{
	int *count = ctx;

	assert_string_equal(m->chat, "lobby");
	assert_string_equal(m->from, "alice");
	assert_string_equal(m->device, "phone");
	assert_string_equal(m->type, "text");
	assert_string_equal(m->text, "a");
	assert_string_equal(m->body, "{\"a\":1}");
	assert_null(m->media);
	assert_int_equal(m->ref, 3);
	assert_int_equal(m->seq, 0);
	assert_int_equal(m->ts_ms, T0);
	assert_true(m->mine);
	assert_int_equal(m->tick, *count ? GNATTER_TICK_REFUSED : GNATTER_TICK_QUEUED);
	assert_string_equal(m->code, *count ? "forbidden" : "");
	++*count;
	return true;
}

static void test_outbox_as_messages(void **state)
{
	struct store *s = *state;
	struct kit_lines l = {0};
	int count = 0;

	assert_ok(queue(s, "lobby", "a"));
	assert_ok(queue(s, "alice:bob", "b"));
	assert_ok(store_outbox(s, "lobby", look, &count));
	assert_ok(store_refuse(s, "lobby", "a", "forbidden", "not allowed"));
	assert_ok(store_refuse(s, "lobby", "a", "forbidden", "not allowed")); /* once is enough */
	assert_ok(store_outbox(s, "lobby", look, &count));
	assert_int_equal(count, 2);
	assert_ok(store_outbox(s, NULL, kit_line, &l));
	assert_string_equal(l.text, "0:a 0:b");
	expect_waiting(s, 0, 10, "b ");
	expect_count(s, 1);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_queue_keeps_the_order),
		WITH_STORE(test_queue_refuses),
		WITH_STORE(test_queue_the_same_id_in_two_chats),
		WITH_STORE(test_queue_has_a_limit),
		WITH_STORE(test_refused_have_a_limit),
		WITH_STORE(test_outgoing_goes_its_way),
		WITH_STORE(test_outbox_as_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
