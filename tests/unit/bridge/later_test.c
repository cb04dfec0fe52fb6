/* later_test.c — a registration that its provider has called dead, taken back with the next commit.
 * What was told of presence and marks is tested where it is told (presence_test.c).
 */
#include "bridge/engine/registrations.h"
#include "bridge/later.h"
#include "bridge/push/check.h"

#include "tests/unit/persist/memory_base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct world {
	struct memory_base base;
	struct batch *batch;
	struct outbox out;
	struct later later;
};

static struct bytes text(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	memory_base_init(&w->base);
	w->batch = batch_create(&w->base.base);
	assert_non_null(w->batch);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	later_finish(&w->later);
	outbox_finish(&w->out);
	batch_destroy(w->batch);
	memory_base_finish(&w->base);
	free(w);
	return 0;
}

static void settle_one(void *ctx, struct bytes key, struct bytes value)
{
	memory_set(ctx, TABLE_STORE, key, value);
}

static void commit(struct world *w)
{
	assert_int_equal(later_write(&w->later, w->batch, &w->out), ERR_OK);
	assert_false(batch_failed(w->batch));
	batch_writes(w->batch, TABLE_STORE, settle_one, &w->base);
	batch_clear(w->batch);
}

static void put(
	struct world *w, const char *user, const char *device, uint64_t ts, const char *data)
{
	struct registration_former former;
	struct push_registration r = {.set_ms = ts, .kind = PUSH_FCM, .data = text(data)};

	assert_int_equal(registration_put(w->batch, text(user), text(device), &r, &former), ERR_OK);
}

static bool is_registered(struct world *w, const char *user, const char *device)
{
	struct push_registration r;

	return registration_get(w->batch, text(user), text(device), &r) == ERR_OK;
}

static uint64_t number(struct world *w)
{
	uint64_t n;

	assert_int_equal(registrations_count(w->batch, &n), ERR_OK);
	return n;
}

static void test_later_unregister(void **state)
{
	struct world *w = *state;

	put(w, "alice", "phone", 100, "a");
	put(w, "alice", "tab", 100, "b");
	commit(w);
	assert_false(later_due(&w->later));
	later_unregister(&w->later, text("alice"), text("phone"), 100);
	assert_true(later_due(&w->later));
	assert_true(is_registered(w, "alice", "phone")); /* until it is committed */
	commit(w);
	assert_false(later_due(&w->later));
	assert_false(is_registered(w, "alice", "phone"));
	assert_true(is_registered(w, "alice", "tab"));
	assert_int_equal(number(w), 1);
	assert_int_equal(w->base.tables[TABLE_STORE].count, 3); /* tab, its address, the number */
}

/* Registered again meanwhile, committed or in the same batch: the newer one stays. */
static void test_later_unregister_of_an_older_one(void **state)
{
	struct world *w = *state;

	put(w, "alice", "phone", 100, "a");
	commit(w);
	later_unregister(&w->later, text("alice"), text("phone"), 100);
	put(w, "alice", "phone", 200, "a");
	commit(w);
	assert_true(is_registered(w, "alice", "phone"));
	later_unregister(&w->later, text("alice"), text("phone"), 100);
	commit(w);
	assert_true(is_registered(w, "alice", "phone"));
	assert_int_equal(number(w), 1);
}

/* Twice, or of one that is gone: no harm. */
static void test_later_unregister_of_none(void **state)
{
	struct world *w = *state;

	put(w, "alice", "phone", 100, "a");
	commit(w);
	later_unregister(&w->later, text("alice"), text("phone"), 100);
	later_unregister(&w->later, text("alice"), text("phone"), 100);
	later_unregister(&w->later, text("bob"), text("phone"), 100);
	commit(w);
	assert_int_equal(number(w), 0);
	assert_int_equal(w->base.tables[TABLE_STORE].count, 1);
	later_unregister(&w->later, text("alice"), text("phone"), 100);
	assert_int_equal(later_write(&w->later, w->batch, &w->out), ERR_OK);
	assert_true(batch_empty(w->batch));
	assert_false(later_due(&w->later));
}

/* What was told may be lost, and is in no hurry; forgetting all forgets that, too. */
static void test_later_due(void **state)
{
	struct world *w = *state;

	later_offline(&w->later, text("alice"), 5);
	assert_false(later_due(&w->later));
	later_unregister(&w->later, text("alice"), text("phone"), 100);
	later_reset(&w->later);
	assert_false(later_due(&w->later));
	for (int i = 0; i < LATER_MANY; i++) {
		assert_false(later_due(&w->later));
		later_offline(&w->later, text("alice"), 5);
	}
	assert_true(later_due(&w->later));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_later_unregister),
		TEST(test_later_unregister_of_an_older_one),
		TEST(test_later_unregister_of_none),
		TEST(test_later_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
