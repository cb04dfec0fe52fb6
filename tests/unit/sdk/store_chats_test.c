/* store_chats_test.c — rows of chats, marks, members and other users. */
#include "kit.h"

/* --- chats
 * --------------------------------------------------------------------------------------- */

static bool put(struct store *s, const struct gnatter_chat *c)
{
	bool changed = false;

	assert_ok(store_put_chat(s, c, &changed));
	return changed;
}

static void test_put_chat_says_what_changed(void **state)
{
	struct store *s = *state;
	struct gnatter_chat c = {.chat = "lobby",
		.kind = GNATTER_CHANNEL,
		.title = "Lobby",
		.role = "admin",
		.seq = 7,
		.n = 5,
		.ts_ms = T0,
		.unread = 2,
		.delivered = 6,
		.read = 4,
		.preview_seq = 7,
		.preview_from = "bob",
		.preview_type = "text",
		.preview_text = "hello"};
	struct kit_row r;

	assert_true(put(s, &c));
	assert_false(put(s, &c));
	r = kit_row(s, "lobby");
	assert_int_equal(r.c.pub.kind, GNATTER_CHANNEL);
	assert_int_equal(r.c.pub.unread, 2);
	assert_int_equal(r.c.read_n, 3);
	assert_int_equal(r.c.told_read, 4);
	assert_int_equal(r.c.told_delivered, 6);
	assert_string_equal(r.title, "Lobby");
	assert_string_equal(r.text, "hello");
	assert_false(r.c.known);
	c.title = "The lobby";
	assert_true(put(s, &c));
	c.muted = true;
	assert_true(put(s, &c));
	assert_ok(store_set_gone(s, "lobby"));
	assert_true(kit_row(s, "lobby").c.pub.gone);
	assert_true(put(s, &c));
	assert_false(kit_row(s, "lobby").c.pub.gone);
}

/* An answer that was made before what came live: nothing falls. */
static void test_put_chat_never_falls(void **state)
{
	struct store *s = *state;
	struct gnatter_chat c = {.chat = "lobby",
		.seq = 7,
		.n = 5,
		.ts_ms = T0,
		.delivered = 6,
		.read = 6,
		.unread = 1,
		.preview_seq = 7,
		.preview_text = "new"};
	struct gnatter_chat old = {.chat = "lobby",
		.seq = 6,
		.n = 4,
		.ts_ms = T0 - 1,
		.delivered = 5,
		.read = 5,
		.unread = 1,
		.preview_seq = 6,
		.preview_text = "old"};

	assert_true(put(s, &c));
	assert_false(put(s, &old));
	assert_string_equal(kit_row(s, "lobby").text, "new");
	c.preview_text = "edited";
	assert_true(put(s, &c));
	assert_string_equal(kit_row(s, "lobby").text, "edited");
}

static void test_put_chat_names(void **state)
{
	struct store *s = *state;
	static const char *const bad[] = {"", "Lobby", "bob:alice", "a b", "$x"};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct gnatter_chat c = {.chat = bad[i]};

		assert_int_equal(store_put_chat(s, &c, NULL), GNATTER_EINVAL);
	}
	assert_int_equal(store_set_gone(s, "none"), GNATTER_ENOTFOUND);
	assert_int_equal(store_set_title(s, "none", "x"), GNATTER_ENOTFOUND);
	assert_int_equal(store_set_mute(s, "none", 1, true), GNATTER_ENOTFOUND);
	assert_int_equal(store_begin_chat(s, "none", 1), GNATTER_ENOTFOUND);
}

static bool take_name(void *ctx, const struct store_chat *c)
{
	strcat(ctx, c->pub.chat);
	strcat(ctx, " ");
	return true;
}

static void test_chats_newest_first_gone_last(void **state)
{
	struct store *s = *state;
	char names[256] = "";

	kit_chat(s, "a", 0);
	kit_chat(s, "b", 0);
	kit_chat(s, "c", 0);
	kit_append(s, "b", 1, "bob", "x");
	assert_ok(store_set_gone(s, "b"));
	kit_append(s, "c", 1, "bob", "x");
	assert_ok(store_chats(s, take_name, names));
	assert_string_equal(names, "c a b ");
}

static void test_begin_chat_once(void **state)
{
	struct store *s = *state;
	struct kit_row r;

	kit_chat(s, "lobby", 5);
	assert_ok(store_begin_chat(s, "lobby", 9));
	r = kit_row(s, "lobby");
	assert_true(r.c.known);
	assert_int_equal(r.c.lo, 5);
	assert_int_equal(r.c.hi, 5);
}

static void test_set_mute(void **state)
{
	struct store *s = *state;
	static const struct {
		int64_t until;
		bool mentions, muted, mentions_is;
		int64_t until_is;
	} cases[] = {
		{GNATTER_FOR_EVER, true, true, true, 0},
		{T0, false, true, false, T0},
		{0, true, false, false, 0},
	};

	kit_chat(s, "lobby", 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct gnatter_chat c;

		assert_ok(store_set_mute(s, "lobby", cases[i].until, cases[i].mentions));
		c = kit_row(s, "lobby").c.pub;
		assert_int_equal(c.muted, cases[i].muted);
		assert_int_equal(c.mentions, cases[i].mentions_is);
		assert_int_equal(c.muted_until_ms, cases[i].until_is);
	}
}

/* --- own marks, unread, preview
 * ------------------------------------------------------------------ */

static void expect_marks(struct store *s, uint64_t delivered, uint64_t read, uint64_t unread)
{
	struct gnatter_chat c = kit_row(s, "lobby").c.pub;

	assert_int_equal(c.delivered, delivered);
	assert_int_equal(c.read, read);
	assert_int_equal(c.unread, unread);
}

static void test_unread_follows_messages_and_marks(void **state)
{
	struct store *s = *state;
	bool changed;
	char names[64] = "";

	kit_chat(s, "lobby", 0);
	for (uint64_t seq = 1; seq <= 4; seq++)
		kit_append(s, "lobby", seq, "bob", "x");
	expect_marks(s, 0, 0, 4);
	assert_ok(store_want_marks(s, "lobby", 3, 2, &changed));
	assert_true(changed);
	expect_marks(s, 3, 2, 2);
	assert_ok(store_want_marks(s, "lobby", 1, 1, &changed));
	assert_false(changed);
	assert_ok(store_untold(s, take_name, names));
	assert_string_equal(names, "lobby ");
	assert_ok(store_own_marks(s, "lobby", 3, 2, &changed));
	assert_false(changed);
	names[0] = '\0';
	assert_ok(store_untold(s, take_name, names));
	assert_string_equal(names, "");
	assert_ok(store_want_marks(s, "lobby", 0, 99, &changed)); /* no more than there is */
	expect_marks(s, 4, 4, 0);
	kit_append(s, "lobby", 5, "bob", "x");
	expect_marks(s, 4, 4, 1);
	kit_append(s, "lobby", 6, "alice", "mine");
	expect_marks(s, 6, 6, 0);
	assert_int_equal(kit_row(s, "lobby").c.told_read, 6);
	assert_int_equal(kit_row(s, "lobby").c.own_seq, 6);
	kit_append(s, "lobby", 7, "bob", "x");
	assert_ok(store_set_gone(s, "lobby"));
	assert_ok(store_want_marks(s, "lobby", 7, 7, &changed));
	assert_ok(store_untold(s, take_name, names));
	assert_string_equal(names, ""); /* nobody to tell it any more */
}

/* Read elsewhere beyond what is here: what is unread is known when that has come. */
static void test_read_beyond_the_range(void **state)
{
	struct store *s = *state;
	struct gnatter_chat c = {.chat = "lobby", .seq = 9, .n = 9, .unread = 7, .read = 2};
	bool changed;

	assert_ok(store_put_chat(s, &c, NULL));
	assert_ok(store_begin_chat(s, "lobby", 3));
	assert_ok(store_own_marks(s, "lobby", 5, 5, &changed));
	assert_true(changed);
	assert_int_equal(kit_row(s, "lobby").c.pub.unread, 7);
	for (uint64_t seq = 4; seq <= 9; seq++)
		kit_append(s, "lobby", seq, "bob", "x");
	assert_int_equal(kit_row(s, "lobby").c.pub.unread, 4);
	assert_ok(store_own_marks(s, "lobby", 9, 9, &changed));
	assert_int_equal(kit_row(s, "lobby").c.pub.unread, 0);
}

static void test_preview_is_cut(void **state)
{
	struct store *s = *state;
	static const char *const chars[] = {"a", "\xc3\xa4", "\xf0\x9f\x98\x80"};
	char text[130 * 4 + 1];

	kit_chat(s, "lobby", 0);
	for (uint64_t i = 0; i < COUNT_OF(chars); i++) {
		text[0] = '\0';
		for (int j = 0; j < 130; j++)
			strcat(text, chars[i]);
		kit_append(s, "lobby", i + 1, "bob", text);
		assert_int_equal(strlen(kit_row(s, "lobby").text), 120 * strlen(chars[i]));
	}
	kit_about(s, "lobby", 4, "bob", "reaction", 1, "+1");
	assert_int_equal(kit_row(s, "lobby").c.pub.preview_seq, 3);
}

/* --- others' marks
 * ------------------------------------------------------------------------------- */

static bool mark(struct store *s, const char *chat, const char *user, uint64_t d, uint64_t r)
{
	struct gnatter_mark m = {chat, user, d, r};
	bool changed = false;

	assert_ok(store_mark(s, &m, &changed));
	return changed;
}

static void expect_floor(struct store *s, const char *chat, uint64_t delivered, uint64_t read)
{
	struct store_floor f;

	assert_ok(store_floor(s, chat, &f));
	assert_int_equal(f.delivered, delivered);
	assert_int_equal(f.read, read);
}

static enum gnatter_tick tick(struct store *s, const char *chat, uint64_t seq)
{
	struct kit_lines l = {0};

	assert_ok(store_messages(s, chat, seq + 1, 1, kit_line, &l));
	assert_int_equal(l.last.seq, seq);
	return l.last.tick;
}

static void test_ticks_of_a_pair(void **state)
{
	struct store *s = *state;

	kit_chat(s, "alice:bob", 0);
	kit_append(s, "alice:bob", 1, "alice", "x");
	assert_int_equal(tick(s, "alice:bob", 1), GNATTER_TICK_STORED);
	expect_floor(s, "alice:bob", 0, 0);
	assert_true(mark(s, "alice:bob", "bob", 1, 0));
	assert_false(mark(s, "alice:bob", "bob", 1, 0));
	assert_false(mark(s, "alice:bob", "bob", 0, 0));
	expect_floor(s, "alice:bob", 1, 0);
	assert_int_equal(tick(s, "alice:bob", 1), GNATTER_TICK_DELIVERED);
	/* His answer says by itself that he has read. */
	kit_append(s, "alice:bob", 2, "bob", "y");
	expect_floor(s, "alice:bob", 2, 2);
	assert_int_equal(tick(s, "alice:bob", 1), GNATTER_TICK_READ);
	assert_int_equal(tick(s, "alice:bob", 2), GNATTER_TICK_NONE);
}

static void test_ticks_of_a_group(void **state)
{
	struct store *s = *state;
	struct gnatter_member members[] = {
		{"alice", "admin", 9, 9}, {"bob", "member", 1, 1}, {"carol", "member", 0, 0}};

	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "alice", "x");
	assert_false(mark(s, "lobby", "bob", 1, 1)); /* who is in it is not known */
	expect_floor(s, "lobby", 0, 0);
	assert_ok(store_put_members(s, "lobby", members, 3));
	expect_floor(s, "lobby", 0, 0);
	assert_true(mark(s, "lobby", "carol", 1, 0));
	assert_false(mark(s, "lobby", "dave", 1, 1));
	expect_floor(s, "lobby", 1, 0);
	assert_int_equal(tick(s, "lobby", 1), GNATTER_TICK_DELIVERED);
	/* Carol leaves: the list without her, which knows less of bob than we do. */
	assert_true(mark(s, "lobby", "bob", 3, 2));
	assert_ok(store_put_members(s, "lobby", members, 2));
	expect_floor(s, "lobby", 3, 2);
	assert_ok(store_put_members(s, "lobby", members, 1));
	expect_floor(s, "lobby", 3, 2); /* never falls */
}

static void test_channels_have_no_ticks(void **state)
{
	struct store *s = *state;
	struct gnatter_chat c = {.chat = "news", .kind = GNATTER_CHANNEL};
	struct gnatter_member bob = {"bob", "member", 9, 9};

	assert_ok(store_put_chat(s, &c, NULL));
	assert_ok(store_begin_chat(s, "news", 0));
	kit_append(s, "news", 1, "alice", "x");
	assert_ok(store_put_members(s, "news", &bob, 1));
	expect_floor(s, "news", 0, 0);
	assert_int_equal(tick(s, "news", 1), GNATTER_TICK_STORED);
}

static bool take_member(void *ctx, const struct gnatter_member *m)
{
	char *out = ctx;

	sprintf(out + strlen(out), "%s/%s/%u/%u ", m->user, m->role, (unsigned)m->delivered,
		(unsigned)m->read);
	return true;
}

static void test_members(void **state)
{
	struct store *s = *state;
	struct gnatter_member members[] = {{"bob", NULL, 1, 0}, {"alice", "admin", 0, 0}};
	struct gnatter_member bad = {"No", "member", 0, 0};
	char out[256] = "";

	kit_chat(s, "lobby", 4);
	assert_false(kit_row(s, "lobby").c.members);
	assert_ok(store_put_members(s, "lobby", members, 2));
	assert_true(kit_row(s, "lobby").c.members);
	assert_int_equal(store_put_members(s, "lobby", &bad, 1), GNATTER_EINVAL);
	assert_int_equal(store_put_members(s, "none", members, 1), GNATTER_ENOTFOUND);
	assert_ok(store_members(s, "lobby", take_member, out));
	assert_string_equal(out, "alice/admin/4/4 bob/member/1/0 ");
}

/* --- people
 * -------------------------------------------------------------------------------------- */

static bool take_profile(void *ctx, const struct gnatter_profile *p)
{
	char *out = ctx;

	sprintf(out + strlen(out), "%s=%s/%s/%s/%d/%d/%s ", p->user, p->alias, p->name, p->about,
		p->contact, p->presence.online, p->presence.state);
	return true;
}

static void expect_profile(struct store *s, const char *user, const char *want)
{
	char out[256] = "";

	assert_ok(store_profile(s, user, take_profile, out));
	assert_string_equal(out, want);
}

static void test_profiles_keep_what_is_not_said(void **state)
{
	struct store *s = *state;
	struct gnatter_profile p = {
		.user = "bob", .alias = "Bobby", .contact = true, .name = "Bob"};
	struct gnatter_profile there = {
		.user = "bob", .presence = {.online = true, .state = "away"}};
	struct gnatter_profile no_more = {.user = "bob", .alias = ""};
	struct gnatter_profile bad = {.user = "B"};

	assert_int_equal(store_profile(s, "bob", take_profile, NULL), GNATTER_ENOTFOUND);
	assert_ok(store_put_profile(s, &p, false));
	expect_profile(s, "bob", "bob=Bobby/Bob//1/0/ ");
	assert_ok(store_put_profile(s, &there, true));
	expect_profile(s, "bob", "bob=Bobby/Bob//1/1/away ");
	there.about = "about";
	there.presence.online = false;
	assert_ok(store_put_profile(s, &there, false));
	expect_profile(s, "bob", "bob=Bobby/Bob/about/1/1/away ");
	assert_ok(store_put_profile(s, &no_more, false));
	expect_profile(s, "bob", "bob=/Bob/about/0/1/away ");
	assert_int_equal(store_put_profile(s, &bad, false), GNATTER_EINVAL);
}

static void test_contacts_by_name(void **state)
{
	struct store *s = *state;
	static const struct gnatter_profile all[] = {
		{.user = "a1", .alias = "zoe", .contact = true},
		{.user = "b1", .alias = "", .name = "Yann", .contact = true},
		{.user = "x1", .alias = "", .contact = true},
		{.user = "c1", .name = "Stranger"},
	};
	char out[512] = "";

	for (size_t i = 0; i < COUNT_OF(all); i++)
		assert_ok(store_put_profile(s, &all[i], false));
	assert_ok(store_contacts(s, take_profile, out));
	assert_string_equal(out, "x1=///1/0/ b1=/Yann//1/0/ a1=zoe///1/0/ ");
	assert_ok(store_clear_contacts(s));
	out[0] = '\0';
	assert_ok(store_contacts(s, take_profile, out));
	assert_string_equal(out, "");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_put_chat_says_what_changed),
		WITH_STORE(test_put_chat_never_falls),
		WITH_STORE(test_put_chat_names),
		WITH_STORE(test_chats_newest_first_gone_last),
		WITH_STORE(test_begin_chat_once),
		WITH_STORE(test_set_mute),
		WITH_STORE(test_unread_follows_messages_and_marks),
		WITH_STORE(test_read_beyond_the_range),
		WITH_STORE(test_preview_is_cut),
		WITH_STORE(test_ticks_of_a_pair),
		WITH_STORE(test_ticks_of_a_group),
		WITH_STORE(test_channels_have_no_ticks),
		WITH_STORE(test_members),
		WITH_STORE(test_profiles_keep_what_is_not_said),
		WITH_STORE(test_contacts_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
