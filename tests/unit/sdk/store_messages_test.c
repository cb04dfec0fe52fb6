/* store_messages_test.c — what is cached of messages, and what they do to chats. */
#include "kit.h"

#include <pthread.h>

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

static void expect_found(
	struct store *s, const char *chat, const char *text, uint32_t limit, const char *want)
{
	struct kit_lines l = {0};

	assert_ok(store_search(s, chat, text, limit, kit_line, &l));
	assert_string_equal(l.text, want);
}

static void test_search_whatever_the_case(void **state)
{
	struct store *s = *state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"straße", "1:Die Straße"},
		{"STRAßE", "1:Die Straße"},
		{"die ", "1:Die Straße"},
		{"ÄÖ", "2:äöÜ"},
		{"Öü", "2:äöÜ"},
		{"ПРИВЕТ", "3:Привет"},
		{"σοφος", "4:ΣΟΦΟΣ"},
		{"σοφος ", ""},
		{"%", "5:100%_a"},
		{"0%_A", "5:100%_a"},
		{"_", "5:100%_a"},
		{"%a", ""},
		{"aab", "6:aaab"},
		{"\xc3", ""},
		{"Привет!", ""},
	};
	static const char *const texts[] = {
		"Die Straße", "äöÜ", "Привет", "ΣΟΦΟΣ", "100%_a", "aaab", "\xff\xc3\xf0\x9f"};

	kit_chat(s, "lobby", 0);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		kit_append(s, "lobby", i + 1, "bob", texts[i]);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		expect_found(s, "lobby", cases[i].text, 10, cases[i].want);
		expect_found(s, NULL, cases[i].text, 10, cases[i].want);
	}
}

static void test_search_newest_first(void **state)
{
	struct store *s = *state;

	kit_chat(s, "lobby", 0);
	kit_chat(s, "other", 0);
	kit_append(s, "lobby", 1, "bob", "x one");
	kit_append(s, "lobby", 2, "bob", "x two");
	kit_append(s, "other", 1, "bob", "other x");
	kit_about(s, "lobby", 3, "bob", "edit", 1, "y one");
	kit_about(s, "lobby", 4, "bob", "reaction", 2, "x");
	kit_append(s, "lobby", 5, "bob", "x five");
	kit_about(s, "lobby", 6, "bob", "delete", 5, NULL);
	kit_append(s, "lobby", 7, "bob", NULL);
	kit_append(s, "lobby", 8, "bob", "X eight");
	expect_found(s, "lobby", "x", 10, "8:X eight 2:x two");
	expect_found(s, "lobby", "x", 1, "8:X eight");
	expect_found(s, "lobby", "x", 0, "");
	expect_found(s, "lobby", "one", 10, "1:y one");
	expect_found(s, NULL, "x", 10, "8:X eight 2:x two 1:other x");
	expect_found(s, "none", "x", 10, "");
}

static void test_own_from_this_device(void **state)
{
	struct store *s = *state;
	struct message m;
	struct kit_lines l = {0};

	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "alice", "a");
	kit_append(s, "lobby", 2, "bob", "b");
	m = kit_message("lobby", 3, "alice", "from the tab");
	m.device = "tab";
	assert_ok(store_append(s, &m));
	kit_append(s, "lobby", 4, "alice", "d");
	kit_append(s, "lobby", 5, "alice", "e");
	assert_ok(store_own(s, "lobby", 0, 4, kit_line, &l));
	assert_string_equal(l.text, "1:a 4:d");
	l = (struct kit_lines){0};
	assert_ok(store_own(s, "lobby", 1, 99, kit_line, &l));
	assert_string_equal(l.text, "4:d 5:e");
}

static void test_false_ends_it(void **state)
{
	struct store *s = *state;
	struct kit_lines l = {.most = 2};

	kit_chat(s, "lobby", 0);
	for (uint64_t seq = 1; seq <= 4; seq++)
		kit_append(s, "lobby", seq, "bob", "x");
	assert_ok(store_messages(s, "lobby", 0, 10, kit_line, &l));
	assert_string_equal(l.text, "1:x 2:x");
}

static struct store *nested;

/* Reads the same thing inside of its own rows. */
static bool read_again(void *ctx, const struct gnatter_message *m)
{
	char *out = ctx;
	struct kit_lines l = {0};

	assert_ok(store_messages(nested, "lobby", m->seq + 1, 1, kit_line, &l));
	strcat(strcat(out, l.text), " ");
	return true;
}

static void test_reading_inside_of_reading(void **state)
{
	char out[64] = "";

	nested = *state;
	kit_chat(nested, "lobby", 0);
	for (uint64_t seq = 1; seq <= 3; seq++)
		kit_append(nested, "lobby", seq, "bob", "x");
	assert_ok(store_messages(nested, "lobby", 0, 10, read_again, out));
	assert_string_equal(out, "1:x 2:x 3:x ");
}

/* A page of an unread chat ends in a tombstone: it counted when it was said. */
static void test_preview_of_one_that_came_deleted(void **state)
{
	struct store *s = *state;
	struct message m = kit_message("lobby", 2, "bob", NULL);

	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "bob", "x");
	m.type = "deleted";
	m.deleted = 3;
	assert_ok(store_append(s, &m));
	assert_int_equal(kit_row(s, "lobby").c.pub.preview_seq, 2);
	assert_string_equal(kit_row(s, "lobby").type, "deleted");
	m.seq = 3; /* of an edit: nobody counted it */
	assert_ok(store_append(s, &m));
	assert_int_equal(kit_row(s, "lobby").c.pub.preview_seq, 2);
}

static void *append_many(void *ctx)
{
	struct store *s = ctx;
	bool ok = true;

	for (int i = 0; i < 200 && ok; i++) {
		struct kit_row r;
		struct message m;

		ok = store_begin(s, false) == GNATTER_OK &&
		     store_chat(s, "lobby", kit_take_row, &r) == GNATTER_OK;
		m = kit_message("lobby", r.c.hi + 1, "bob", "x");
		ok = ok && store_append(s, &m) == GNATTER_OK && store_commit(s) == GNATTER_OK;
	}
	return ok ? s : NULL;
}

/* Between begin and commit nobody else gets in: no two take the same seq. */
static void test_transactions_of_threads(void **state)
{
	struct store *s = *state;
	pthread_t threads[3];

	kit_chat(s, "lobby", 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, append_many, s), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *ok;

		for (int j = 0; j < 50; j++) {
			struct kit_lines l = {0};

			assert_ok(store_messages(s, "lobby", 0, 5, kit_line, &l));
		}
		assert_int_equal(pthread_join(threads[i], &ok), 0);
		assert_ptr_equal(ok, s);
	}
	assert_int_equal(kit_row(s, "lobby").c.hi, 600);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_append_wants_the_next),
		WITH_STORE(test_prepend_wants_the_one_below),
		WITH_STORE(test_messages_at_borders),
		WITH_STORE(test_edit_changes_text_and_preview),
		WITH_STORE(test_edit_that_is_still_to_come),
		WITH_STORE(test_edit_from_a_page),
		WITH_STORE(test_delete_leaves_tombstones),
		WITH_STORE(test_reactions_that_hold),
		WITH_STORE(test_search_whatever_the_case),
		WITH_STORE(test_search_newest_first),
		WITH_STORE(test_own_from_this_device),
		WITH_STORE(test_false_ends_it),
		WITH_STORE(test_reading_inside_of_reading),
		WITH_STORE(test_preview_of_one_that_came_deleted),
		WITH_STORE(test_transactions_of_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
