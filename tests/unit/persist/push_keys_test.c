/* push_keys_test.c — keys and values of pushes that wait: byte for byte, in order, and what is
 * refused. */
#include "persist/push_keys.h"

#include "tests/unit/persist/encoded.h"

#define ALICE ((struct push_whose){text("alice"), text("tab"), text("lobby")})

static void test_push_keys_bytes(void **state)
{
	struct push_whose w = ALICE;

	(void)state;
	assert_key(key_push_waiting(&w), BYTES("i\5alice\3tab\5lobby"));
	assert_key(key_push_waiting_user(text("alice")), BYTES("i\5alice"));
	assert_key(key_push_waiting_all(), BYTES("i"));
	assert_key(key_push_due(0x21, 0x0102030405060708, &w),
		BYTES("z\x21\1\2\3\4\5\6\7\10\5alice\3tab\5lobby"));
	assert_key(key_push_lane(0x21), BYTES("z\x21"));
	assert_key(key_push_due_all(), BYTES("z"));
}

static void test_push_keys_parts(void **state)
{
	struct push_whose in = ALICE, w;
	struct key k = key_push_waiting(&in), due = key_push_due(71, UINT64_MAX - 1, &in);
	uint64_t at;
	uint8_t lane;

	(void)state;
	assert_int_equal(key_push_waiting_parts(key_bytes(&k), &w), ERR_OK);
	assert_bytes(w.user, in.user);
	assert_bytes(w.device, in.device);
	assert_bytes(w.chat, in.chat);
	w = (struct push_whose){0};
	assert_int_equal(key_push_due_parts(key_bytes(&due), &lane, &at, &w), ERR_OK);
	assert_int_equal(lane, 71);
	assert_true(at == UINT64_MAX - 1);
	assert_bytes(w.user, in.user);
	assert_bytes(w.device, in.device);
	assert_bytes(w.chat, in.chat);
}

/* The longest names that there are fit. */
static void test_push_keys_longest(void **state)
{
	static char name[KEY_MAX];
	struct push_whose in = {
		{name, NAME_USER_MAX}, {name, NAME_DEVICE_MAX}, {name, NAME_CHAT_MAX}};
	struct key k = key_push_waiting(&in), due = key_push_due(8, 7, &in);
	struct push_whose w;

	(void)state;
	assert_int_equal(k.len, 1 + 3 + NAME_USER_MAX + NAME_DEVICE_MAX + NAME_CHAT_MAX);
	assert_int_equal(due.len, k.len + 9);
	assert_int_equal(key_push_waiting_parts(key_bytes(&k), &w), ERR_OK);
	assert_int_equal(w.chat.len, NAME_CHAT_MAX);
}

/* One that would not fit is no key at all, and not that of somebody else. */
static void test_push_keys_overlong_is_empty(void **state)
{
	static char name[KEY_MAX];
	const struct {
		size_t user, device, chat;
		bool waiting, due;
	} cases[] = {
		{255, 127, 126, true, false}, /* 512 bytes */
		{255, 127, 117, true, true},
		{255, 127, 118, true, false},
		{255, 127, 127, false, false},
		{256, 1, 1, false, false},
		{1, 256, 1, false, false},
		{1, 1, 256, false, false},
		{255, 255, 1, false, false},
	};

	(void)state;
	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct push_whose w = {
			{name, cases[i].user}, {name, cases[i].device}, {name, cases[i].chat}};
		struct key due = key_push_due(1, 2, &w);
		size_t names = 3 + cases[i].user + cases[i].device + cases[i].chat;

		assert_int_equal(key_push_waiting(&w).len, cases[i].waiting ? 1 + names : 0);
		assert_int_equal(due.len, cases[i].due ? 10 + names : 0);
	}
	assert_int_equal(key_push_waiting_user((struct bytes){name, 256}).len, 0);
}

static void assert_before(const struct key *a, const struct key *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->data, b->data, common);

	assert_true(c < 0 || (c == 0 && a->len < b->len));
}

/* By lane, then by time, whatever the names are. */
static void test_push_keys_order(void **state)
{
	static const uint64_t rising[] = {
		0, 1, 255, 256, 65535, 1u << 31, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
	const struct push_whose z = {text("zoe"), text("z"), text("zoo")},
				a = {text("a"), text("a"), text("a")};
	struct key last = key_push_lane(0);

	(void)state;
	for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
		struct key prefix = key_push_lane((uint8_t)lane);

		for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++) {
			struct key early = key_push_due((uint8_t)lane, rising[i], &a),
				   late = key_push_due((uint8_t)lane, rising[i], &z);

			assert_before(&last, &early);
			assert_before(&early, &late);
			assert_memory_equal(early.data, prefix.data, prefix.len);
			last = late;
		}
	}
}

/* Nobody's keys begin like those of another. */
static void test_push_keys_prefixes_are_apart(void **state)
{
	const struct push_whose alice = ALICE;
	struct key k = key_push_waiting(&alice);
	struct key own = key_push_waiting_user(text("alice")),
		   al = key_push_waiting_user(text("al"));

	(void)state;
	assert_memory_equal(k.data, own.data, own.len);
	assert_memory_not_equal(k.data, al.data, al.len);
}

/* --- hostile ones
 * --------------------------------------------------------------------------------- */

static enum err waiting_parts(struct bytes key)
{
	struct push_whose w;

	return key_push_waiting_parts(key, &w);
}

static enum err due_parts(struct bytes key)
{
	struct push_whose w;
	uint64_t due;
	uint8_t lane;

	return key_push_due_parts(key, &lane, &due, &w);
}

/* On memory of its own, so that a sanitizer sees what reads beyond it. */
static enum err on_copy(enum err (*parts)(struct bytes), struct bytes key)
{
	char *exact = malloc(key.len ? key.len : 1);
	enum err err;

	assert_non_null(exact);
	memcpy(exact, key.data, key.len);
	err = parts((struct bytes){exact, key.len});
	free(exact);
	return err;
}

static void test_push_keys_hostile(void **state)
{
	const struct bytes bad[] = {
		BYTES(""),
		BYTES("i"),
		BYTES("g\5alice\3tab\5lobby"),
		BYTES("z\5alice\3tab\5lobby"),
		BYTES("i\5alice\3tab"),
		BYTES("i\5alice\3tab\6lobby"),
		BYTES("i\5alice\3tab\4lobby"),
		BYTES("i\5alice\3tab\5lobby\0"),
		BYTES("i\0\3tab\5lobby"),
		BYTES("i\5alice\0\5lobby"),
		BYTES("i\5alice\3tab\0"),
		BYTES("i\377alice\3tab\5lobby"),
		BYTES("z"),
		BYTES("z\1"),
		BYTES("z\1\0\0\0\0\0\0\0"),
		BYTES("z\1\0\0\0\0\0\0\0\7"),
		BYTES("z\1\0\0\0\0\0\0\0\7\5alice\3tab\6lobby"),
		BYTES("z\1\0\0\0\0\0\0\0\7\5alice\3tab\5lobby\0"),
		BYTES("z\1\0\0\0\0\0\0\0\7\0\3tab\5lobby"),
		BYTES("i\1\0\0\0\0\0\0\0\7\5alice\3tab\5lobby"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(on_copy(waiting_parts, bad[i]), ERR_CORRUPT);
		assert_int_equal(on_copy(due_parts, bad[i]), ERR_CORRUPT);
	}
}

static void test_push_keys_cut_or_grown(void **state)
{
	const struct push_whose w = ALICE;
	struct key waiting = key_push_waiting(&w), due = key_push_due(3, 77, &w);

	(void)state;
	waiting.data[waiting.len] = due.data[due.len] = 'x';
	for (size_t len = 0; len <= waiting.len + 1; len++)
		assert_int_equal(on_copy(waiting_parts, (struct bytes){waiting.data, len}),
			len == waiting.len ? ERR_OK : ERR_CORRUPT);
	for (size_t len = 0; len <= due.len + 1; len++)
		assert_int_equal(on_copy(due_parts, (struct bytes){due.data, len}),
			len == due.len ? ERR_OK : ERR_CORRUPT);
}

/* --- the value
 * ------------------------------------------------------------------------------------ */

static enum err any_waiting(struct bytes v)
{
	struct push_waiting p;
	enum err err = push_waiting_decode(&p, v);

	assert_true(p.state < PUSH_STATES);
	assert_true(err != ERR_OK || p.lane < PUSH_LANES);
	return err;
}

static void test_push_keys_waiting(void **state)
{
	struct push_waiting in = {.state = PUSH_WAITING,
				    .lane = 0x21,
				    .attempts = 0x01020304,
				    .due = 0x0102030405060708,
				    .since = 5,
				    .before = 6,
				    .mention = 7},
			    out;
	struct buf b = {0};

	(void)state;
	push_waiting_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\1\2\x21"
				   "\4\3\2\1"
				   "\10\7\6\5\4\3\2\1"
				   "\5\0\0\0\0\0\0\0"
				   "\6\0\0\0\0\0\0\0"
				   "\7\0\0\0\0\0\0\0"));
	assert_int_equal(push_waiting_decode(&out, of(&b)), ERR_OK);
	assert_true(out.state == in.state && out.lane == in.lane && out.attempts == in.attempts);
	assert_true(out.due == in.due && out.since == in.since && out.before == in.before &&
		    out.mention == in.mention);
	abuse(&b, any_waiting);
	buf_free(&b);
}

/* Numbers that an array is asked for with. */
static void test_push_keys_waiting_bounds(void **state)
{
	static const struct {
		unsigned state, lane;
		enum err want;
	} cases[] = {
		{PUSH_RESTING, 0, ERR_OK},
		{PUSH_HELD, 7, ERR_OK},
		{PUSH_WAITING, PUSH_LANES - 1, ERR_OK},
		{PUSH_WAITING, PUSH_LANES, ERR_CORRUPT},
		{PUSH_WAITING, 255, ERR_CORRUPT},
		{PUSH_STATES, 0, ERR_CORRUPT},
		{255, 0, ERR_CORRUPT},
	};
	struct push_waiting p = {.due = 1};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_reset(&b);
		push_waiting_encode(&b, &p);
		b.data[1] = (char)cases[i].state;
		b.data[2] = (char)cases[i].lane;
		assert_int_equal(any_waiting(of(&b)), cases[i].want);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push_keys_bytes),
		cmocka_unit_test(test_push_keys_parts),
		cmocka_unit_test(test_push_keys_longest),
		cmocka_unit_test(test_push_keys_overlong_is_empty),
		cmocka_unit_test(test_push_keys_order),
		cmocka_unit_test(test_push_keys_prefixes_are_apart),
		cmocka_unit_test(test_push_keys_hostile),
		cmocka_unit_test(test_push_keys_cut_or_grown),
		cmocka_unit_test(test_push_keys_waiting),
		cmocka_unit_test(test_push_keys_waiting_bounds),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("push_keys", tests, NULL, NULL);
}
