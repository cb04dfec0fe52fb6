/* registrations_test.c — registrations, the index of their addresses and their number, in step with
 * each other whatever happens.
 */
#include "bridge/engine/registrations.h"
#include "bridge/push/check.h"
#include "persist/keys.h"
#include "persist/values.h"

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
	struct registration_former former; /* of the last put */
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

static void settle_one(void *ctx, struct bytes key, struct bytes value)
{
	memory_set(ctx, TABLE_STORE, key, value);
}

/* Commit. */
static void settle(struct world *w)
{
	assert_false(batch_failed(w->batch));
	batch_writes(w->batch, TABLE_STORE, settle_one, &w->base);
	batch_clear(w->batch);
}

static int teardown(void **state)
{
	struct world *w = *state;

	batch_destroy(w->batch);
	memory_base_finish(&w->base);
	free(w);
	return 0;
}

static void put(struct world *w, const char *user, const char *device, uint64_t ts,
	enum push_kind_id kind, const char *data)
{
	struct push_registration r = {
		.set_ms = ts, .kind = (uint8_t)kind, .preview = PREVIEW_ON, .data = text(data)};

	assert_int_equal(
		registration_put(w->batch, text(user), text(device), &r, &w->former), ERR_OK);
}

static bool take(struct world *w, const char *user, const char *device, uint64_t set_ms)
{
	bool removed;

	assert_int_equal(
		registration_remove(w->batch, text(user), text(device), set_ms, &removed), ERR_OK);
	return removed;
}

/* Its set_ms; 0 if it is not registered. */
static uint64_t set_at(struct world *w, const char *user, const char *device)
{
	struct push_registration r;
	enum err err = registration_get(w->batch, text(user), text(device), &r);

	assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
	return err == ERR_OK ? r.set_ms : 0;
}

static bool count_key(void *ctx, struct bytes key, struct bytes value)
{
	(void)key;
	(void)value;
	++*(uint64_t *)ctx;
	return true;
}

/* So many registrations, so many of them with an address; and the number says so. */
static void expect(struct world *w, uint64_t all, uint64_t addresses)
{
	uint64_t count, keys = 0, owners = 0;

	assert_int_equal(registrations_count(w->batch, &count), ERR_OK);
	batch_each(w->batch, TABLE_STORE, text("g"), text(""), count_key, &keys);
	batch_each(w->batch, TABLE_STORE, text("y"), text(""), count_key, &owners);
	assert_int_equal(keys, all);
	assert_int_equal(count, all);
	assert_int_equal(owners, addresses);
}

static void test_registration_put_again(void **state)
{
	struct world *w = *state;

	expect(w, 0, 0);
	put(w, "alice", "tab", 100, PUSH_FCM, "a");
	expect(w, 1, 1);
	put(w, "alice", "tab", 200, PUSH_FCM, "a");
	assert_int_equal(w->former.user_len, 0);
	assert_int_equal(set_at(w, "alice", "tab"), 200);
	put(w, "alice", "tab", 200, PUSH_FCM, "b"); /* in the same millisecond */
	assert_int_equal(set_at(w, "alice", "tab"), 201);
	put(w, "alice", "tab", 150, PUSH_APNS, "b");
	assert_int_equal(set_at(w, "alice", "tab"), 202);
	settle(w);
	expect(w, 1, 1);
	put(w, "alice", "tab", 300, PUSH_MQTT, "{}");
	expect(w, 1, 0);
	put(w, "alice", "phone", 300, PUSH_FCM, "b");
	put(w, "bob", "phone", 300, PUSH_WEBPUSH, "b"); /* the same data, but of another kind */
	assert_int_equal(w->former.user_len, 0);
	expect(w, 3, 2);
}

/* Removed by number, or whatever it is. */
static void test_registration_remove(void **state)
{
	struct world *w = *state;

	assert_false(take(w, "alice", "tab", 0));
	put(w, "alice", "tab", 100, PUSH_FCM, "a");
	settle(w);
	assert_false(take(w, "alice", "tab", 99));
	assert_false(take(w, "alice", "phone", 100));
	expect(w, 1, 1);
	assert_true(take(w, "alice", "tab", 100));
	assert_false(take(w, "alice", "tab", 100));
	expect(w, 0, 0);
	settle(w);
	expect(w, 0, 0);
	put(w, "alice", "tab", 100, PUSH_MQTT, "{}");
	assert_true(take(w, "alice", "tab", 0));
	expect(w, 0, 0);
}

static void test_registration_moves(void **state)
{
	struct world *w = *state;

	put(w, "alice", "phone", 100, PUSH_FCM, "a");
	put(w, "bob", "phone", 100, PUSH_FCM, "b");
	settle(w);
	put(w, "bob", "phone", 200, PUSH_FCM, "a"); /* alice's phone is bob's now */
	assert_true(bytes_equal(text("alice"), w->former.user, w->former.user_len));
	assert_true(bytes_equal(text("phone"), w->former.device, w->former.device_len));
	assert_int_equal(set_at(w, "alice", "phone"), 0);
	assert_int_equal(set_at(w, "bob", "phone"), 200);
	expect(w, 1, 1);
	put(w, "carol", "x", 200, PUSH_FCM, "b"); /* which nobody has any more */
	assert_int_equal(w->former.user_len, 0);
	put(w, "carol", "y", 200, PUSH_FCM, "b"); /* the app was installed anew */
	assert_true(bytes_equal(text("x"), w->former.device, w->former.device_len));
	expect(w, 2, 2);
	/* The old one's end does not take the new one's address along. */
	assert_false(take(w, "carol", "x", 0));
	settle(w);
	put(w, "dave", "z", 300, PUSH_FCM, "b");
	assert_true(bytes_equal(text("carol"), w->former.user, w->former.user_len));
	expect(w, 2, 2);
}

/* A gateway has the devices of many. */
static void test_registration_shared_data(void **state)
{
	struct world *w = *state;

	put(w, "alice", "phone", 100, PUSH_MQTT, "{}");
	put(w, "bob", "phone", 100, PUSH_MQTT, "{}");
	put(w, "bob", "tab", 100, PUSH_WEBHOOK, "{\"url\":\"https://h\"}");
	put(w, "carol", "tab", 100, PUSH_WEBHOOK, "{\"url\":\"https://h\"}");
	assert_int_equal(w->former.user_len, 0);
	expect(w, 4, 0);
	settle(w);
	expect(w, 4, 0);
}

static void test_registrations_forget(void **state)
{
	struct world *w = *state;

	put(w, "alice", "a", 100, PUSH_FCM, "a");
	put(w, "alice", "b", 100, PUSH_MQTT, "{}");
	put(w, "ali", "a", 100, PUSH_FCM, "c");
	settle(w);
	put(w, "alice", "c", 100, PUSH_FCM, "d"); /* not committed yet */
	assert_int_equal(registrations_forget(w->batch, text("alice")), ERR_OK);
	expect(w, 1, 1);
	assert_int_equal(registrations_forget(w->batch, text("alice")), ERR_OK);
	settle(w);
	expect(w, 1, 1);
	assert_int_equal(set_at(w, "ali", "a"), 100);
}

static void damage(struct world *w, struct key k, const char *value)
{
	batch_put(w->batch, TABLE_STORE, key_bytes(&k), text(value));
}

static void test_registrations_damaged(void **state)
{
	struct world *w = *state;
	struct push_registration r = {.set_ms = 1, .kind = PUSH_FCM, .data = text("a")};
	bool removed;
	uint64_t count;

	damage(w, key_registration(text("alice"), text("tab")), "nonsense");
	assert_int_equal(registration_remove(w->batch, text("alice"), text("tab"), 0, &removed),
		ERR_CORRUPT);
	assert_int_equal(registration_put(w->batch, text("alice"), text("tab"), &r, &w->former),
		ERR_CORRUPT);
	assert_int_equal(registrations_forget(w->batch, text("alice")), ERR_CORRUPT);
	put(w, "bob", "tab", 1, PUSH_FCM, "a");
	damage(w, key_meta("registrations"), "short");
	assert_int_equal(registrations_count(w->batch, &count), ERR_CORRUPT);
	assert_int_equal(
		registration_remove(w->batch, text("bob"), text("tab"), 0, &removed), ERR_CORRUPT);
}

/* Fewer than none are never counted. */
static void test_registrations_count_too_low(void **state)
{
	struct world *w = *state;
	struct key k = key_meta("registrations");
	bool removed;

	put(w, "bob", "tab", 1, PUSH_FCM, "a");
	batch_delete(w->batch, TABLE_STORE, key_bytes(&k));
	assert_int_equal(
		registration_remove(w->batch, text("bob"), text("tab"), 0, &removed), ERR_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_registration_put_again),
		TEST(test_registration_remove),
		TEST(test_registration_moves),
		TEST(test_registration_shared_data),
		TEST(test_registrations_forget),
		TEST(test_registrations_damaged),
		TEST(test_registrations_count_too_low),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
