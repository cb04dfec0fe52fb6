/* keys_test.c — keys byte for byte, how they sort, and their parts. */
#include "persist/keys.h"

#include "tests/unit/persist/encoded.h"
#include "tests/unit/persist/scratch.h"

static void test_keys_bytes(void **state)
{
	(void)state;
	assert_key(
		key_message(text("lobby"), 0x0102030405060708), BYTES("m\5lobby\1\2\3\4\5\6\7\10"));
	assert_key(key_messages(text("lobby")), BYTES("m\5lobby"));
	assert_key(key_state(text("a:b")), BYTES("s\3a:b"));
	assert_key(key_dedupe(text("c"), text("alice"), text("id")), BYTES("d\1c\5alice\2id"));
	assert_key(key_mark(text("c"), text("alice")), BYTES("k\1c\5alice"));
	assert_key(key_marks(text("c")), BYTES("k\1c"));
	assert_key(key_owed(7, 0x0102), BYTES("o\0\0\0\0\0\0\0\7\0\0\0\0\0\0\1\2"));
	assert_key(key_owed_all(), BYTES("o"));
	assert_key(key_removed(text("alice")), BYTES("r\5alice"));
	assert_key(key_edits(text("c"), 258), BYTES("e\1c\0\0\0\0\0\0\1\2"));
	assert_key(key_meta("redo"), BYTES("x\4redo"));
	assert_key(key_user(text("alice")), BYTES("alice"));
	assert_key(key_chat(text("lobby")), BYTES("lobby"));
	assert_key(key_member(text("lobby"), text("alice")), BYTES("\5lobby\5alice"));
	assert_key(key_members(text("lobby")), BYTES("\5lobby"));
	assert_key(key_list(text("alice"), text("lobby")), BYTES("\5alice\5lobby"));
	assert_key(key_lists(text("alice")), BYTES("\5alice"));
}

static void test_keys_bytes_of_people(void **state)
{
	struct bytes alice = text("alice");

	(void)state;
	assert_key(key_session(alice, text("alice:tab")), BYTES("w\5alice\11alice:tab"));
	assert_key(key_sessions(alice), BYTES("w\5alice"));
	assert_key(key_sessions_all(), BYTES("w"));
	assert_key(key_device(alice, text("tab")), BYTES("v\5alice\3tab"));
	assert_key(key_devices(alice), BYTES("v\5alice"));
	assert_key(key_devices_all(), BYTES("v"));
	assert_key(key_seen(alice), BYTES("l\5alice"));
	assert_key(key_seen_all(), BYTES("l"));
	assert_key(key_shown(alice), BYTES("t\5alice"));
	assert_key(key_shown_all(), BYTES("t"));
	assert_key(key_story(alice), BYTES("j\5alice"));
	assert_key(key_stories_all(), BYTES("j"));
	assert_key(key_mute(alice, text("c")), BYTES("q\5alice\1c"));
	assert_key(key_mutes(alice), BYTES("q\5alice"));
	assert_key(key_pending(text("c"), alice), BYTES("h\1c\5alice"));
	assert_key(key_pending(text("c"), alice), BYTES("h\1c\5alice"));
	assert_key(key_pending_all(), BYTES("h"));
	assert_key(key_contact(alice, text("bob")), BYTES("\5alice\3bob"));
	assert_key(key_contacts(alice), BYTES("\5alice"));
	assert_key(key_block(alice, text("bob")), BYTES("\5alice\3bob"));
	assert_key(key_blocks(alice), BYTES("\5alice"));
	assert_key(key_revoked(alice, text("tab")), BYTES("\5alice\3tab"));
	assert_key(key_revoked_all(alice), BYTES("\5alice"));
}

static void test_keys_bytes_of_pushes(void **state)
{
	static const unsigned char hash[PUSH_HASH_BYTES] = "0123456789abcdef";
	struct bytes alice = text("alice");

	(void)state;
	assert_key(key_registration(alice, text("tab")), BYTES("g\5alice\3tab"));
	assert_key(key_registrations(alice), BYTES("g\5alice"));
	assert_key(key_registrations_all(), BYTES("g"));
	assert_key(key_push_owner(hash), BYTES("y0123456789abcdef"));
	assert_key(key_push_prefs(alice), BYTES("u\5alice"));
	assert_key(key_push(0x0102), BYTES("p\0\0\0\0\0\0\1\2"));
	assert_key(key_push_all(), BYTES("p"));
	assert_int_equal(key_push_number(BYTES("p\0\0\0\0\0\0\1\2")), 0x0102);
}

/* Both names, one of them, or, of what is no such key, neither. */
static void test_keys_names(void **state)
{
	const struct {
		struct bytes key, a, b;
	} cases[] = {
		{BYTES("w\5alice\3tab"), BYTES("alice"), BYTES("tab")},
		{BYTES("w\5alice"), BYTES("alice"), BYTES("")},
		{BYTES("q\0\1c"), BYTES(""), BYTES("c")},
		{BYTES("w\5alice\0"), BYTES("alice"), BYTES("")},
		{BYTES(""), BYTES(""), BYTES("")},
		{BYTES("w"), BYTES(""), BYTES("")},
		{BYTES("w\6alice"), BYTES(""), BYTES("")},
		{BYTES("w\5alice\4tab"), BYTES(""), BYTES("")},
		{BYTES("w\5alice\2tab"), BYTES(""), BYTES("")},
		{BYTES("w\377alice\3tab"), BYTES(""), BYTES("")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = cases[i].key.len;
		char *exact = malloc(len ? len : 1);
		struct bytes a, b;

		memcpy(exact, cases[i].key.data, len);
		key_names((struct bytes){exact, len}, &a, &b);
		assert_bytes(a, cases[i].a);
		assert_bytes(b, cases[i].b);
		free(exact);
	}
}

static void test_keys_sort_by_number(void **state)
{
	static const uint64_t rising[] = {
		0, 1, 255, 256, 65535, 1u << 31, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};

	(void)state;
	for (size_t i = 1; i < sizeof(rising) / sizeof(*rising); i++) {
		struct key a = key_message(text("c"), rising[i - 1]),
			   b = key_message(text("c"), rising[i]);

		assert_int_equal(a.len, b.len);
		assert_true(memcmp(a.data, b.data, a.len) < 0);
	}
}

/* One chat's keys never start like another's. */
static void test_keys_prefixes_are_apart(void **state)
{
	struct key lobby = key_messages(text("lobby")), lob = key_messages(text("lob"));
	struct key m = key_message(text("lobby"), 1);

	(void)state;
	assert_memory_equal(m.data, lobby.data, lobby.len);
	assert_memory_not_equal(m.data, lob.data, lob.len);
}

static void test_keys_overlong_is_empty(void **state)
{
	static char name[600];
	struct bytes ok = {name, 255}, bad = {name, 256}, raw = {name, KEY_MAX},
		     too = {name, KEY_MAX + 1};

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_int_equal(key_message(ok, 1).len, 1 + 256 + 8);
	assert_int_equal(key_message(bad, 1).len, 0);
	assert_int_equal(key_dedupe(text("c"), bad, text("i")).len, 0);
	assert_int_equal(key_dedupe(ok, ok, text("i")).len, 0); /* more than KEY_MAX together */
	assert_int_equal(key_member(ok, ok).len, 512);
	assert_int_equal(key_user(raw).len, KEY_MAX);
	assert_int_equal(key_user(too).len, 0);
	assert_int_equal(key_user(text("")).len, 0);
	assert_int_equal(key_state(text("")).len, 2);
}

static void test_keys_last_parts(void **state)
{
	struct key member = key_member(text("lobby"), text("alice")),
		   m = key_message(text("c"), 77);
	struct key owed = key_owed(12, 3);
	uint64_t number;
	uint32_t part;

	(void)state;
	assert_bytes(key_last_name(key_bytes(&member)), text("alice"));
	assert_int_equal(key_message_seq(key_bytes(&m)), 77);
	key_owed_parts(key_bytes(&owed), &number, &part);
	assert_int_equal(number, 12);
	assert_int_equal(part, 3);

	assert_bytes(key_last_name(BYTES("")), text(""));
	assert_bytes(key_last_name(BYTES("\5lobby")), text(""));
	assert_bytes(key_last_name(BYTES("\5lobby\6alice")), text(""));
	assert_bytes(key_last_name(BYTES("\5lobby\4alice")), text(""));
	assert_bytes(key_last_name(BYTES("\377lobby\4alice")), text(""));
	assert_int_equal(key_message_seq(BYTES("short")), 0);
	key_owed_parts(BYTES("o"), &number, &part);
	assert_int_equal(number, 0);
	assert_int_equal(part, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_bytes),
		cmocka_unit_test(test_keys_bytes_of_people),
		cmocka_unit_test(test_keys_bytes_of_pushes),
		cmocka_unit_test(test_keys_names),
		cmocka_unit_test(test_keys_sort_by_number),
		cmocka_unit_test(test_keys_prefixes_are_apart),
		cmocka_unit_test(test_keys_overlong_is_empty),
		cmocka_unit_test(test_keys_last_parts),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
