/* recent_test.c — small values in memory: as the store has them, or not at all. */
#include "persist/recent.h"

#include "persist/keys.h"
#include "tests/unit/persist/scratch.h"

static struct bytes absent(void)
{
	return (struct bytes){NULL, 0};
}

/* Not known: *since is for recent_found(). */
static uint64_t miss(struct recent *r, struct key k)
{
	struct bytes v;
	uint64_t since;
	enum err e;

	assert_false(recent_get(r, key_bytes(&k), &e, &v, &since));
	assert_null(v.data);
	return since;
}

/* Known; want NULL: that there is none. */
static void hit(struct recent *r, struct key k, const char *want)
{
	struct bytes v;
	uint64_t since;
	enum err e;

	assert_true(recent_get(r, key_bytes(&k), &e, &v, &since));
	assert_int_equal(e, want ? ERR_OK : ERR_NOT_FOUND);
	if (want)
		assert_bytes(v, text(want));
	else
		assert_null(v.data);
	free((char *)(uintptr_t)v.data);
}

static void wrote(struct recent *r, struct key k, struct bytes value)
{
	recent_begin(r);
	recent_written(r, key_bytes(&k), value);
	recent_end(r);
}

static void found(struct recent *r, struct key k, struct bytes value, uint64_t since)
{
	recent_found(r, key_bytes(&k), value, since);
}

static void test_recent_found_and_written(void **state)
{
	struct recent *r = recent_create(1 << 16);
	struct key k = key_state(text("lobby")), other = key_mark(text("lobby"), text("bob"));

	(void)state;
	found(r, k, text("one"), miss(r, k));
	hit(r, k, "one");
	found(r, other, absent(), miss(r, other));
	hit(r, other, NULL);
	wrote(r, k, text("two"));
	hit(r, k, "two");
	wrote(r, k, text("a longer one"));
	hit(r, k, "a longer one");
	wrote(r, k, text(""));
	hit(r, k, "");
	wrote(r, k, absent());
	hit(r, k, NULL);
	wrote(r, other, text("there now"));
	hit(r, other, "there now");
	hit(r, k, NULL);
	recent_destroy(r);
}

/* What was read before something was written may be older than that. */
static void test_recent_found_too_late(void **state)
{
	struct recent *r = recent_create(1 << 16);
	struct key k = key_state(text("lobby")), other = key_state(text("other"));
	uint64_t since = miss(r, k);

	(void)state;
	wrote(r, k, text("new"));
	found(r, k, text("old"), since);
	hit(r, k, "new");
	since = miss(r, other);
	wrote(r, k, text("newer"));
	found(r, other, text("who knows"), since);
	found(r, other, text("sure"), miss(r, other));
	hit(r, other, "sure");
	recent_destroy(r);
}

static void test_recent_only_what_is_small_and_asked_often(void **state)
{
	struct recent *r = recent_create(1 << 16);
	struct key message = key_message(text("lobby"), 7),
		   k = key_device(text("bob"), text("phone"));
	char large[300];

	(void)state;
	memset(large, 'x', sizeof(large));
	found(r, message, text("{}"), miss(r, message));
	wrote(r, message, text("{}"));
	miss(r, message);
	wrote(r, k, text("small"));
	hit(r, k, "small");
	wrote(r, k, (struct bytes){large, sizeof(large)});
	miss(r, k);
	recent_destroy(r);
}

/* Up to 224 bytes of key and value together, exactly. */
static void test_recent_what_is_small(void **state)
{
	struct recent *r = recent_create(1 << 16);
	struct key k = key_device(text("bob"), text("phone"));
	static char same[301];

	(void)state;
	for (size_t len = 1; len < sizeof(same); len++) {
		same[len - 1] = (char)('a' + len % 26);
		wrote(r, k, (struct bytes){same, len});
		if (k.len + len <= 224)
			hit(r, k, same);
		else
			miss(r, k);
	}
	recent_destroy(r);
}

/* However many there are: the memory stays what it was, and what is asked for all the time stays.
 */
static void test_recent_is_bounded(void **state)
{
	enum { BYTES = 1 << 16, KEYS = 20000 };
	struct recent *r = recent_create(BYTES);
	struct key dear = key_state(text("dear"));
	int known = 0;

	(void)state;
	wrote(r, dear, text("kept"));
	for (int i = 0; i < KEYS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		wrote(r, key_state(text(name)), text("0123456789"));
		hit(r, dear, "kept");
	}
	for (int i = 0; i < KEYS; i++) {
		char name[16];
		struct key k;
		struct bytes v;
		uint64_t since;
		enum err e;

		snprintf(name, sizeof(name), "c%d", i);
		k = key_state(text(name));
		if (recent_get(r, key_bytes(&k), &e, &v, &since)) {
			assert_bytes(v, text("0123456789"));
			free((char *)(uintptr_t)v.data);
			known++;
		}
	}
	assert_in_range(known, 100, BYTES / 200);
	recent_forget(r);
	miss(r, dear);
	wrote(r, dear, text("again"));
	hit(r, dear, "again");
	recent_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recent_found_and_written),
		cmocka_unit_test(test_recent_found_too_late),
		cmocka_unit_test(test_recent_only_what_is_small_and_asked_often),
		cmocka_unit_test(test_recent_what_is_small),
		cmocka_unit_test(test_recent_is_bounded),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
