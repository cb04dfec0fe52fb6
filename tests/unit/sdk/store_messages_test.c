/* store_messages_test.c — what is cached of messages, and what they do to chats. */
#include "kit.h"

static void expect_messages(struct store *s, uint64_t before, uint32_t limit, const char *want)
{
	struct kit_lines l = {0};

	assert_ok(store_messages(s, "lobby", before, limit, kit_line, &l));
	assert_string_equal(l.text, want);
}

static void expect_after(struct store *s, uint64_t after, uint32_t limit, const char *want)
{
	struct kit_lines l = {0};

	assert_ok(store_messages_after(s, "lobby", after, limit, kit_line, &l));
	assert_string_equal(l.text, want);
}

static void test_append_wants_the_next(void **state)
{
	struct store *s = *state;
	struct message m = kit_message("lobby", 1, "bob", "x");

	assert_int_equal(store_append(s, &m), GNATTER_EINVAL); /* no such chat */
	kit_chat(s, "lobby", 4);
	static const struct {
		uint64_t seq;
		enum gnatter_error want;
	} cases[] = {{4, GNATTER_EINVAL}, {6, GNATTER_EINVAL}, {5, GNATTER_OK}, {5, GNATTER_EINVAL},
		{6, GNATTER_OK}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		m = kit_message("lobby", cases[i].seq, "bob", "x");
		assert_int_equal(store_append(s, &m), cases[i].want);
	}
	assert_int_equal(kit_row(s, "lobby").c.hi, 6);
	assert_int_equal(kit_row(s, "lobby").c.lo, 4);
}

static void test_prepend_wants_the_one_below(void **state)
{
	struct store *s = *state;
	struct message m;

	kit_chat(s, "lobby", 3);
	static const struct {
		uint64_t seq;
		enum gnatter_error want;
	} cases[] = {{4, GNATTER_EINVAL}, {2, GNATTER_EINVAL}, {3, GNATTER_OK}, {3, GNATTER_EINVAL},
		{2, GNATTER_OK}, {1, GNATTER_OK}, {0, GNATTER_EINVAL}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		m = kit_message("lobby", cases[i].seq, "bob", "x");
		assert_int_equal(store_prepend(s, &m), cases[i].want);
	}
	assert_int_equal(kit_row(s, "lobby").c.lo, 0);
	expect_messages(s, 0, 10, "1:x 2:x 3:x");
}

static void test_messages_at_borders(void **state)
{
	struct store *s = *state;
	char text[8];

	kit_chat(s, "lobby", 2);
	for (uint64_t seq = 3; seq <= 7; seq++) {
		snprintf(text, sizeof(text), "%c", (int)('a' + seq));
		kit_append(s, "lobby", seq, "bob", text);
	}
	expect_messages(s, 0, 10, "3:d 4:e 5:f 6:g 7:h");
	expect_messages(s, 0, 0, "");
	expect_messages(s, 0, 1, "7:h");
	expect_messages(s, 8, 2, "6:g 7:h");
	expect_messages(s, 7, 2, "5:f 6:g");
	expect_messages(s, 4, 2, "3:d");
	expect_messages(s, 3, 2, "");
	expect_messages(s, 1, UINT32_MAX, "");
	expect_messages(s, UINT64_MAX, 1, "7:h");
	expect_after(s, 0, 2, "3:d 4:e");
	expect_after(s, 2, 2, "3:d 4:e");
	expect_after(s, 3, 1, "4:e");
	expect_after(s, 6, 9, "7:h");
	expect_after(s, 7, 9, "");
	expect_after(s, 3, 0, "");
	expect_after(s, UINT64_MAX, UINT32_MAX, "");
	assert_int_equal(store_messages(s, "none", 0, 1, kit_line, NULL), GNATTER_ENOTFOUND);
}

static void test_edit_changes_text_and_preview(void **state)
{
	struct store *s = *state;

	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "bob", "Were?");
	assert_string_equal(kit_row(s, "lobby").text, "Were?");
	kit_about(s, "lobby", 2, "bob", "edit", 1, "Where?");
	kit_about(s, "lobby", 3, "bob", "edit", 1, "Where to?");
	expect_messages(s, 2, 1, "1:Where to?");
	assert_string_equal(kit_row(s, "lobby").text, "Where to?");
	assert_int_equal(kit_row(s, "lobby").c.pub.preview_seq, 1);
}

/* A page says that there is an edit which is not here yet: an older one does not show. */
static void test_edit_that_is_still_to_come(void **state)
{
	struct store *s = *state;
	struct message m = kit_message("lobby", 1, "bob", "one");

	kit_chat(s, "lobby", 0);
	m.edited = 3;
	assert_ok(store_append(s, &m));
	expect_messages(s, 0, 1, "1:one");
	kit_about(s, "lobby", 2, "bob", "edit", 1, "two");
	expect_messages(s, 2, 1, "1:one");
	kit_about(s, "lobby", 3, "bob", "edit", 1, "three");
	expect_messages(s, 2, 1, "1:three");
}

static void test_edit_from_a_page(void **state)
{
	struct store *s = *state;
	struct message edit = kit_message("lobby", 2, "bob", "new");
	struct message m = kit_message("lobby", 1, "bob", "old");

	kit_chat(s, "lobby", 2);
	edit.type = "edit";
	edit.ref = 1;
	m.edited = 2;
	assert_ok(store_prepend(s, &edit));
	assert_ok(store_prepend(s, &m));
	expect_messages(s, 0, 10, "1:new 2:new");
}

static void test_delete_leaves_tombstones(void **state)
{
	struct store *s = *state;
	struct kit_lines l = {0};

	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "bob", "secret");
	kit_about(s, "lobby", 2, "bob", "edit", 1, "secret too");
	kit_about(s, "lobby", 3, "carol", "reaction", 1, "+1");
	kit_about(s, "lobby", 4, "bob", "delete", 1, NULL);
	expect_messages(s, 0, 10, "1:- 2:- 3:+1 4:-");
	assert_ok(store_messages(s, "lobby", 3, 1, kit_line, &l));
	assert_int_equal(l.last.deleted, 4);
	assert_int_equal(l.last.ref, 0);
	assert_int_equal(l.last.edited, 0);
	assert_string_equal(kit_row(s, "lobby").type, "deleted");
	assert_string_equal(kit_row(s, "lobby").text, "");
	/* An edit that comes late brings nothing back. */
	kit_about(s, "lobby", 5, "bob", "edit", 1, "again");
	expect_messages(s, 2, 1, "1:-");
}

static void expect_reactions(struct store *s, const char *want)
{
	struct kit_lines l = {0};

	assert_ok(store_reactions(s, "lobby", 1, kit_line, &l));
	assert_string_equal(l.text, want);
}

static void test_reactions_that_hold(void **state)
{
	struct store *s = *state;

	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "bob", "x");
	expect_reactions(s, "");
	kit_about(s, "lobby", 2, "carol", "reaction", 1, "+1");
	kit_about(s, "lobby", 3, "alice", "reaction", 1, "!");
	expect_reactions(s, "2:+1 3:!");
	kit_about(s, "lobby", 4, "carol", "reaction", 1, "-1");
	expect_reactions(s, "3:! 4:-1");
	kit_about(s, "lobby", 5, "alice", "reaction", 1, "");
	expect_reactions(s, "4:-1");
	kit_about(s, "lobby", 6, "carol", "delete", 4, NULL);
	expect_reactions(s, "2:+1");
	kit_about(s, "lobby", 7, "bob", "edit", 1, "y");
	expect_reactions(s, "2:+1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_append_wants_the_next, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(
			test_prepend_wants_the_one_below, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(test_messages_at_borders, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(
			test_edit_changes_text_and_preview, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(
			test_edit_that_is_still_to_come, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(test_edit_from_a_page, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(
			test_delete_leaves_tombstones, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(test_reactions_that_hold, kit_setup, kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
