/* push_view_test.c — what a push says at the moment when it is sent, and whether it is needed. */
#include "bridge/push_view.h"

#include "tests/unit/bridge/push_world.h"
#include "tests/unit/persist/encoded.h"
#include "wire/utf8.h"

#include <ctype.h>

#define DAY   (24 * HOUR)
#define TODAY (20000 * DAY) /* midnight, UTC */

static struct push_view view;

static int setup(void **state)
{
	struct world *w;

	assert_int_equal(world_setup(state), 0);
	w = *state;
	view = (struct push_view){0};
	world_chat(w, "lobby", KIND_GROUP, "The lobby");
	world_user(w, "alice", NULL);
	world_user(w, "bob", NULL);
	world_join(w, "lobby", "alice", true);
	world_join(w, "lobby", "bob", false);
	world_register(w, "bob", "phone", PUSH_FCM, PREVIEW_AS_USER);
	return 0;
}

static int teardown(void **state)
{
	push_view_free(&view);
	return world_teardown(state);
}

/* Of bob:phone, for what waits as told by p, with the wall clock at wall. */
static enum push_need view_at(
	struct world *w, const char *chat, const struct push_waiting *p, uint64_t wall)
{
	struct push_whose whose = {text("bob"), text("phone"), text(chat)};
	enum push_need need = PUSH_NOT_NEEDED;

	world_settle(w);
	assert_int_equal(push_view_make(&view, &w->look, &whose, p, w->now, wall, &need), ERR_OK);
	return need;
}

static enum push_need view_of(struct world *w, const char *chat)
{
	return view_at(w, chat, &(struct push_waiting){.since = w->now}, w->now);
}

static void assert_needed(struct world *w)
{
	assert_int_equal(view_of(w, "lobby"), PUSH_NEEDED);
}

static void assert_not_needed(struct world *w, const char *reason)
{
	assert_int_equal(view_of(w, "lobby"), PUSH_NOT_NEEDED);
	assert_string_equal(view.why, reason);
}

static void assert_text(const char *want)
{
	assert_bytes(view.note.text, text(want));
}

static void assert_title(const char *want)
{
	assert_bytes(view.note.title, text(want));
}

/* --- the message
 * ---------------------------------------------------------------------------------- */

static void test_view_newest(void **state)
{
	struct world *w = *state;
	const struct push_note *n = &view.note;

	world_say(w, "lobby", "alice", "one");
	world_say(w, "lobby", "alice", "two");
	w->now += 5;
	world_say(w, "lobby", "alice", "{\"type\":\"image\",\"text\":\"t\\u00e4nk\\n\\\"3\\\"\"}");
	world_say(w, "lobby", "alice", "{\"type\":\"reaction\",\"ref\":1,\"text\":\"+\"}");
	w->now += 5;
	assert_needed(w);
	assert_bytes(n->user, text("bob"));
	assert_bytes(n->device, text("phone"));
	assert_bytes(n->chat, text("lobby"));
	assert_bytes(n->from, text("alice"));
	assert_bytes(n->type, text("image"));
	assert_text("t\303\244nk\n\"3\"");
	assert_title("The lobby");
	assert_int_equal(n->seq, 3);
	assert_int_equal(n->n, 3);
	assert_int_equal(n->ts_ms, WORLD_START + 5);
	assert_int_equal(n->count, 3);
	assert_int_equal(n->unread, 3);
	assert_int_equal(n->badge, 3);
	assert_true(n->preview && n->urgent && !n->mention);
	assert_int_equal(view.chat_n, 3);
	assert_int_equal(view.registration.kind, PUSH_FCM);
	assert_int_equal(view.registration.set_ms, WORLD_START);
	assert_bytes(view.registration.data, text("{}"));
}

/* Nothing of the one before is in the next. */
static void test_view_used_again(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "a long one for @bob");
	assert_needed(w);
	assert_true(view.note.mention);
	world_say(w, "lobby", "alice", "{\"type\":\"location\",\"body\":{\"lat\":1}}");
	assert_needed(w);
	assert_false(view.note.mention);
	assert_text("");
	assert_bytes(view.note.type, text("location"));
	world_pair(w, "bob", "carol");
	world_say(w, "bob:carol", "carol", "hi");
	assert_int_equal(view_of(w, "bob:carol"), PUSH_NEEDED);
	assert_bytes(view.note.from, text("carol"));
	assert_text("hi");
	assert_bytes(view.registration.data, text("{}"));
}

static void test_view_edited(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "old");
	world_say(w, "lobby", "alice", "fisrt");
	world_say(w, "lobby", "alice", "{\"type\":\"edit\",\"ref\":2,\"text\":\"frist\"}");
	assert_needed(w);
	assert_text("frist");
	world_say(w, "lobby", "alice", "{\"type\":\"edit\",\"ref\":2,\"text\":\"first\"}");
	assert_needed(w);
	assert_text("first");
	assert_int_equal(view.note.seq, 2);
	/* another one's edit is of no concern */
	world_say(w, "lobby", "alice", "{\"type\":\"edit\",\"ref\":1,\"text\":\"older\"}");
	assert_needed(w);
	assert_text("first");
	assert_int_equal(view.note.count, 2);
}

/* The edit is not there: then it is as it was said. */
static void test_view_edit_missing(void **state)
{
	struct world *w = *state;
	struct key k = key_message(text("lobby"), 2);

	world_say(w, "lobby", "alice", "first");
	world_say(w, "lobby", "alice", "{\"type\":\"edit\",\"ref\":1,\"text\":\"second\"}");
	batch_delete(w->batch, TABLE_STORE, key_bytes(&k));
	assert_needed(w);
	assert_text("first");
}

static void test_view_deleted_are_skipped(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "one");
	world_say(w, "lobby", "alice", "two");
	world_say(w, "lobby", "alice", "{\"type\":\"reaction\",\"ref\":1,\"text\":\"+\"}");
	world_say(w, "lobby", "alice", "three");
	world_say(w, "lobby", "alice", "{\"type\":\"edit\",\"ref\":2,\"text\":\"second\"}");
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":4}");
	assert_needed(w);
	assert_text("second");
	assert_int_equal(view.note.seq, 2);
	assert_int_equal(view.chat_n, 3); /* it stands for all of them all the same */
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":2}");
	assert_needed(w);
	assert_text("one");
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":1}");
	assert_not_needed(w, "what it was about is deleted");
}

/* What came since the last push is deleted: the one before it is not told a second time. */
static void test_view_not_what_was_told(void **state)
{
	struct world *w = *state;
	struct push_waiting p = {.since = w->now, .before = 1};

	world_say(w, "lobby", "alice", "told");
	world_say(w, "lobby", "alice", "new");
	assert_int_equal(view_at(w, "lobby", &p, w->now), PUSH_NEEDED);
	assert_text("new");
	assert_int_equal(view.note.count, 1);
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":2}");
	assert_int_equal(view_at(w, "lobby", &p, w->now), PUSH_NOT_NEEDED);
	assert_string_equal(view.why, "what it was about is deleted");
}

static void say_many(struct world *w, int count, const char *payload)
{
	for (int i = 0; i < count; i++)
		world_say(w, "lobby", "alice", payload);
}

/* However much lies between: what is no message, and what was deleted. */
static void test_view_looks_past_what_does_not_count(void **state)
{
	static const char *const between[] = {
		"{\"type\":\"reaction\",\"ref\":1,\"text\":\"+\"}",
		"{\"type\":\"edit\",\"ref\":1,\"text\":\"edited\"}",
	};
	struct world *w = *state;
	uint64_t seq;

	world_say(w, "lobby", "alice", "first");
	for (size_t i = 0; i < sizeof(between) / sizeof(*between); i++) {
		say_many(w, 400, between[i]);
		seq = world_say(w, "lobby", "alice", "talk");
		world_sayf(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":%d}", (int)seq);
		assert_needed(w);
		assert_int_equal(view.note.seq, 1);
		assert_text(i == 0 ? "first" : "edited");
	}
}

/* A look has an end, and then it is told that something is there. */
static void test_view_without_a_message(void **state)
{
	struct world *w = *state;
	const struct push_note *n = &view.note;
	uint64_t seq;

	world_say(w, "lobby", "alice", "first, @bob");
	say_many(w, 1100, "{\"type\":\"reaction\",\"ref\":1,\"text\":\"+\"}");
	seq = world_say(w, "lobby", "alice", "talk");
	world_sayf(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":%d}", (int)seq);
	assert_needed(w);
	assert_title("The lobby");
	assert_text("");
	assert_int_equal(n->from.len + n->type.len, 0);
	assert_false(n->mention);
	assert_int_equal(n->seq, seq);
	assert_int_equal(n->unread, 2);
	assert_int_equal(n->count, 2);
	assert_int_equal(view.chat_n, 2);
	/* what was read or told ends the walk, before any count does */
	world_ack(w, "lobby", "bob", seq, 1);
	assert_not_needed(w, "what it was about is deleted");
}

static void test_view_text_is_cut(void **state)
{
	static const struct {
		const char *letter;
		size_t before, letters, want; /* bytes of ASCII, letters behind; bytes left */
	} cases[] = {
		{"x", 0, PUSH_TEXT_MAX - 1, PUSH_TEXT_MAX - 1},
		{"x", 0, PUSH_TEXT_MAX, PUSH_TEXT_MAX},
		{"x", 0, PUSH_TEXT_MAX + 1, PUSH_TEXT_MAX},
		{"x", 0, 4000, PUSH_TEXT_MAX},
		{"\303\244", PUSH_TEXT_MAX - 2, 1, PUSH_TEXT_MAX},
		{"\303\244", PUSH_TEXT_MAX - 1, 1, PUSH_TEXT_MAX - 1},
		{"\303\244", PUSH_TEXT_MAX, 1, PUSH_TEXT_MAX},
		{"\342\202\254", PUSH_TEXT_MAX - 3, 2, PUSH_TEXT_MAX},
		{"\342\202\254", PUSH_TEXT_MAX - 2, 2, PUSH_TEXT_MAX - 2},
		{"\342\202\254", PUSH_TEXT_MAX - 1, 2, PUSH_TEXT_MAX - 1},
		{"\360\237\230\200", PUSH_TEXT_MAX - 4, 1, PUSH_TEXT_MAX},
		{"\360\237\230\200", PUSH_TEXT_MAX - 3, 1, PUSH_TEXT_MAX - 3},
		{"\360\237\230\200", PUSH_TEXT_MAX - 1, 5, PUSH_TEXT_MAX - 1},
		{"\360\237\230\200", 0, 200, PUSH_TEXT_MAX},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char said[4100] = "";
		size_t chars;

		memset(said, 'a', cases[i].before);
		for (size_t k = 0; k < cases[i].letters; k++)
			strcat(said, cases[i].letter);
		world_say(w, "lobby", "alice", said);
		assert_needed(w);
		assert_int_equal(view.note.text.len, cases[i].want);
		assert_memory_equal(view.note.text.data, said, cases[i].want);
		assert_true(utf8_ok(view.note.text.data, view.note.text.len, &chars));
	}
}

/* An escape is one character, not the six that it is written with; an edit is cut like the rest. */
static void test_view_text_is_cut_as_read(void **state)
{
	struct world *w = *state;
	char said[4096] = "{\"type\":\"edit\",\"ref\":1,\"text\":\"";

	world_say(w, "lobby", "alice", "first");
	for (int i = 0; i < 300; i++)
		strcat(said, "\\u00e4");
	strcat(said, "\"}");
	world_say(w, "lobby", "alice", said);
	assert_needed(w);
	assert_int_equal(view.note.text.len, PUSH_TEXT_MAX);
	assert_memory_equal(view.note.text.data, "\303\244\303\244", 4);
}

/* --- is it needed?
 * -------------------------------------------------------------------------------- */

static void test_view_read(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "one");
	world_say(w, "lobby", "alice", "two");
	world_ack(w, "lobby", "bob", 2, 1);
	assert_needed(w);
	assert_text("two");
	assert_int_equal(view.note.unread, 1);
	/* the newest is deleted, and the one before it was read */
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":2}");
	assert_not_needed(w, "what it was about is deleted");
	world_ack(w, "lobby", "bob", 2, 2);
	assert_not_needed(w, "it was read");
}

static void test_view_of_his_own(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "bob", "mine");
	assert_not_needed(w, "it was read");
	world_ack(w, "lobby", "bob", 0, 0);
	assert_not_needed(w, "it is the user's own");
}

/* A connection that is younger than the message had it to fetch; of an older one it is not known
 * whether it was dead. */
static void test_view_connected(void **state)
{
	struct world *w = *state;
	uint64_t hold = (uint64_t)w->conf.push_hold_ms;

	world_connect(w, "bob", "phone");
	world_say(w, "lobby", "alice", "in the same moment");
	assert_int_equal(view_of(w, "lobby"), PUSH_HOLD);
	w->now += 1000;
	world_say(w, "lobby", "alice", "one");
	assert_int_equal(view_of(w, "lobby"), PUSH_HOLD);
	assert_int_equal(view.later, w->now + hold);
	w->now += hold - 1;
	assert_int_equal(view_of(w, "lobby"), PUSH_HOLD);
	assert_int_equal(view.later, w->now + 1);
	w->now += 1;
	assert_not_needed(w, "the device is connected");
	/* one that came while the first was held has its own time */
	world_say(w, "lobby", "alice", "two");
	assert_int_equal(view_of(w, "lobby"), PUSH_HOLD);
	assert_int_equal(view.later, w->now + hold);
	w->now += 1000;
	world_connect(w, "bob", "phone");
	assert_not_needed(w, "the device is connected");
	world_disconnect(w, "bob", "phone");
	world_connect(w, "bob", "laptop");
	world_connect(w, "bobby", "phone");
	assert_needed(w);
}

/* A client id without a device may look like one. */
static void test_view_connected_without_a_device(void **state)
{
	struct world *w = *state;
	struct key k = key_session(text("bob"), text("phone"));
	struct buf v = {0};

	session_encode(
		&v, &(struct session){.since = w->now, .device = text("phone"), .ephemeral = true});
	batch_put(w->batch, TABLE_STORE, key_bytes(&k), of(&v));
	buf_free(&v);
	world_say(w, "lobby", "alice", "hi");
	assert_needed(w);
}

/* A message of the future, by a clock that was set back meanwhile. */
static void test_view_held_no_longer_than_that(void **state)
{
	struct world *w = *state;

	world_connect(w, "bob", "phone");
	w->now += HOUR;
	world_say(w, "lobby", "alice", "one");
	w->now -= HOUR;
	assert_int_equal(view_of(w, "lobby"), PUSH_HOLD);
	assert_int_equal(view.later, w->now + (uint64_t)w->conf.push_hold_ms);
}

static void test_view_no_member(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "hi");
	assert_needed(w);
	world_leave(w, "lobby", "bob");
	assert_not_needed(w, "the user is no member any more");
}

static void test_view_no_account(void **state)
{
	struct world *w = *state;
	struct key k = key_user(text("bob"));
	struct user u = USER_NEW;

	world_say(w, "lobby", "alice", "hi");
	u.disabled = true;
	world_user(w, "bob", &u);
	assert_not_needed(w, "the account is gone or disabled");
	batch_delete(w->batch, TABLE_USERS, key_bytes(&k));
	assert_not_needed(w, "the account is gone or disabled");
}

static void test_view_no_registration(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "hi");
	world_register(w, "bob", "tab", PUSH_FCM, PREVIEW_ON);
	world_unregister(w, "bob", "phone");
	assert_not_needed(w, "the device is not registered any more");
}

static void test_view_damaged(void **state)
{
	const struct {
		struct key key;
		const char *value;
	} cases[] = {
		{key_registration(text("bob"), text("phone")), "\1"},
		{key_push_prefs(text("bob")), "\1"},
		{key_mark(text("lobby"), text("bob")), "\1"},
		{key_mute(text("bob"), text("lobby")), "\1"},
		{key_session(text("bob"), text("bob:phone")), "\1"},
		{key_state(text("lobby")), "\1"},
		{key_state(text("other")), "\1"}, /* for the badge */
		{key_message(text("lobby"), 2), "{\"n\":1,\"text\":\"x"},
		{key_message(text("lobby"), 1), "{\"n\":1,\"type\":\"text\",\"edited\":2}"},
		{key_message(text("lobby"), 1), "{\"n\":1,\"text\":\"x"},
	};
	struct push_whose whose = {text("bob"), text("phone"), text("lobby")};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = *state;
		struct push_waiting p = {.since = w->now};
		enum push_need need;

		world_chat(w, "other", KIND_GROUP, "");
		world_join(w, "other", "bob", false);
		world_say(w, "lobby", "alice", "hi");
		world_say(w, "lobby", "alice", "{\"type\":\"edit\",\"ref\":1,\"text\":\"x\"}");
		assert_needed(w);
		batch_put(w->batch, TABLE_STORE, key_bytes(&cases[i].key), text(cases[i].value));
		world_settle(w);
		assert_int_equal(push_view_make(&view, &w->look, &whose, &p, w->now, w->now, &need),
			ERR_CORRUPT);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* --- mutes and mentions
 * --------------------------------------------------------------------------- */

static enum push_need view_mention(struct world *w, uint64_t mention)
{
	struct push_waiting p = {.since = w->now, .mention = mention};

	return view_at(w, "lobby", &p, w->now);
}

static void test_view_muted(void **state)
{
	struct world *w = *state;

	world_mute(w, "bob", "lobby", w->now + 10, false);
	world_say(w, "lobby", "alice", "@bob");
	assert_int_equal(view_mention(w, 1), PUSH_NOT_NEEDED);
	assert_string_equal(view.why, "the chat is muted");
	w->now += 10;
	assert_needed(w);
}

/* Muted but for mentions: the mention is what is told. */
static void test_view_mention(void **state)
{
	struct world *w = *state;

	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	world_say(w, "lobby", "alice", "talk");
	assert_not_needed(w, "the chat is muted");
	world_say(w, "lobby", "alice", "@bob 1");
	world_say(w, "lobby", "alice", "more talk");
	assert_int_equal(view_mention(w, 2), PUSH_NEEDED);
	assert_text("@bob 1");
	assert_true(view.note.mention);
	assert_int_equal(view.note.seq, 2);
	assert_int_equal(view.note.unread, 3);
	assert_int_equal(view.note.count, 2);
	assert_int_equal(view.chat_n, 2); /* what came after is not told with it */
	world_ack(w, "lobby", "bob", 3, 2);
	assert_int_equal(view_mention(w, 2), PUSH_NOT_NEEDED);
	assert_string_equal(view.why, "the chat is muted");
}

/* One that is deleted lets nothing else through, but a mention before it. */
static void test_view_mention_deleted(void **state)
{
	struct world *w = *state;

	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	world_say(w, "lobby", "alice", "@bob 1");
	world_say(w, "lobby", "alice", "talk");
	world_say(w, "lobby", "alice", "@bob 2");
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":3}");
	assert_int_equal(view_mention(w, 3), PUSH_NEEDED);
	assert_text("@bob 1");
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":1}");
	assert_int_equal(view_mention(w, 3), PUSH_NOT_NEEDED);
	assert_string_equal(view.why, "what it was about is deleted");
}

/* Step by step, where very much was said since. */
static void test_view_mention_far_back(void **state)
{
	struct world *w = *state;
	uint64_t from, seq = 3000;
	int looks = 1;

	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	world_say(w, "lobby", "alice", "@bob");
	say_many(w, 2999, "talk");
	for (from = seq; view_mention(w, from) == PUSH_LOOK_ON; looks++) {
		assert_true(view.mention < from);
		from = view.mention;
	}
	assert_int_equal(looks, 3);
	assert_int_equal(view_mention(w, from), PUSH_NEEDED);
	assert_text("@bob");
	assert_int_equal(view.note.seq, 1);
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":1}");
	assert_int_equal(view_mention(w, from), PUSH_NOT_NEEDED);
	assert_string_equal(view.why, "what it was about is deleted");
}

static void test_view_is_mentioned(void **state)
{
	static const struct {
		const char *from, *said;
		bool mention;
	} cases[] = {
		{"alice", "hello", false},
		{"alice", "hello @BOB", true},
		{"alice", "hello @bob.b", false},
		{"alice", "hello @all", true},
		{"carol", "hello @all", false},
		{"carol", "hello @bob", true},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		world_say(w, "lobby", cases[i].from, cases[i].said);
		assert_needed(w);
		assert_int_equal(view.note.mention, cases[i].mention);
	}
}

/* --- quiet hours
 * ---------------------------------------------------------------------------------- */

static uint64_t at(unsigned hour, unsigned minute)
{
	return TODAY + hour * HOUR + minute * MINUTE;
}

static void test_view_quiet_hours(void **state)
{
	static const struct {
		uint16_t from, to; /* minutes */
		int16_t offset;
		uint64_t wall, until; /* minutes of the day; until 0: not quiet */
	} cases[] = {
		{22 * 60, 7 * 60, 0, 21 * 60 + 59, 0},
		{22 * 60, 7 * 60, 0, 22 * 60, 31 * 60},
		{22 * 60, 7 * 60, 0, 24 * 60, 31 * 60},
		{22 * 60, 7 * 60, 0, 6 * 60 + 59, 7 * 60},
		{22 * 60, 7 * 60, 0, 7 * 60, 0},
		{22 * 60, 7 * 60, 120, 20 * 60, 29 * 60},
		{22 * 60, 7 * 60, 120, 19 * 60 + 59, 0},
		{22 * 60, 7 * 60, -300, 3 * 60, 12 * 60},
		{13 * 60, 14 * 60, 0, 13 * 60 + 30, 14 * 60},
		{13 * 60, 14 * 60, 0, 22 * 60, 0},
	};
	struct world *w = *state;
	struct push_waiting p = {.since = w->now};

	world_say(w, "lobby", "alice", "@bob, wake up");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct push_prefs prefs = {.quiet = true,
			.from = cases[i].from,
			.to = cases[i].to,
			.utc_offset = cases[i].offset};
		uint64_t wall = TODAY + cases[i].wall * MINUTE + 7;
		enum push_need need;

		world_prefs(w, "bob", &prefs);
		need = view_at(w, "lobby", &p, wall);
		assert_int_equal(need, cases[i].until ? PUSH_NOT_NOW : PUSH_NEEDED);
		/* by the pusher's clock, which may say something else than the wall's */
		if (cases[i].until)
			assert_int_equal(
				view.later, w->now + (cases[i].until - cases[i].wall) * MINUTE - 7);
	}
}

/* Needless in quiet hours, too: it need not wait to be so. */
static void test_view_quiet_and_read(void **state)
{
	struct world *w = *state;
	struct push_prefs prefs = {.quiet = true, .from = 0, .to = 12 * 60};

	world_prefs(w, "bob", &prefs);
	world_say(w, "lobby", "alice", "hi");
	assert_int_equal(view_at(w, "lobby", &(struct push_waiting){0}, at(3, 0)), PUSH_NOT_NOW);
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":1}");
	assert_int_equal(view_at(w, "lobby", &(struct push_waiting){0}, at(3, 0)), PUSH_NOT_NEEDED);
	world_say(w, "lobby", "alice", "hi, there");
	world_ack(w, "lobby", "bob", 3, 3);
	assert_int_equal(view_at(w, "lobby", &(struct push_waiting){0}, at(3, 0)), PUSH_NOT_NEEDED);
}

static void test_view_quiet_but_for_mentions(void **state)
{
	struct world *w = *state;
	struct push_prefs prefs = {.quiet = true, .from = 0, .to = 12 * 60};
	struct push_waiting plain = {.since = w->now}, p = {.since = w->now, .mention = 1};

	world_prefs(w, "bob", &prefs);
	world_say(w, "lobby", "alice", "wake up, @bob");
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NOT_NOW);
	prefs.mentions = true;
	world_prefs(w, "bob", &prefs);
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NEEDED);
	/* of the newest one it is seen even if the walk did not look for it */
	assert_int_equal(view_at(w, "lobby", &plain, at(3, 0)), PUSH_NEEDED);
	/* said before something else: it is told, and the other waits */
	world_say(w, "lobby", "alice", "snore");
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NEEDED);
	assert_text("wake up, @bob");
	assert_true(view.note.mention);
	assert_int_equal(view.chat_n, 1);
	p.before = 1;
	p.mention = 0;
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NOT_NOW);
	assert_int_equal(view.later, w->now + 9 * HOUR);
	/* when they are over, it is as always */
	p.mention = 1;
	p.before = 0;
	assert_int_equal(view_at(w, "lobby", &p, at(12, 0)), PUSH_NEEDED);
	assert_text("snore");
}

/* One that is deleted or read lets nothing through: the others wait on. */
static void test_view_quiet_mention_gone(void **state)
{
	struct world *w = *state;
	struct push_prefs prefs = {.quiet = true, .mentions = true, .from = 0, .to = 12 * 60};
	struct push_waiting p = {.since = w->now, .mention = 2};

	world_prefs(w, "bob", &prefs);
	world_say(w, "lobby", "alice", "talk");
	world_say(w, "lobby", "alice", "@bob");
	world_say(w, "lobby", "alice", "more talk");
	world_ack(w, "lobby", "bob", 2, 2);
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NOT_NOW);
	world_ack(w, "lobby", "bob", 0, 0);
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":2}");
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NOT_NOW);
	assert_int_equal(view.later, w->now + 9 * HOUR);
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":1}");
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":3}");
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NOT_NEEDED);
}

/* Muted but for mentions, and quiet hours that are quiet for them, too. */
static void test_view_quiet_and_muted(void **state)
{
	struct world *w = *state;
	struct push_prefs prefs = {.quiet = true, .from = 0, .to = 12 * 60};
	struct push_waiting p = {.since = w->now, .mention = 1};

	world_prefs(w, "bob", &prefs);
	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	world_say(w, "lobby", "alice", "@bob");
	assert_int_equal(view_at(w, "lobby", &p, at(3, 0)), PUSH_NOT_NOW);
	assert_int_equal(view_at(w, "lobby", &p, at(13, 0)), PUSH_NEEDED);
}

/* --- what may be told
 * ----------------------------------------------------------------------------- */

static void test_view_preview(void **state)
{
	static const struct {
		enum push_preview registered;
		bool hidden, told;
	} cases[] = {
		{PREVIEW_AS_USER, false, true},
		{PREVIEW_AS_USER, true, false},
		{PREVIEW_ON, false, true},
		{PREVIEW_ON, true, true},
		{PREVIEW_OFF, false, false},
		{PREVIEW_OFF, true, false},
	};
	struct world *w = *state;

	world_say(w, "lobby", "alice", "hi");
	assert_needed(w);
	assert_true(view.note.preview); /* no preferences at all */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		world_register(w, "bob", "phone", PUSH_APNS, cases[i].registered);
		world_prefs(w, "bob", &(struct push_prefs){.hidden = cases[i].hidden});
		assert_needed(w);
		assert_int_equal(view.note.preview, cases[i].told);
		assert_int_equal(view.registration.preview, cases[i].told);
		assert_int_equal(view.registration.kind, PUSH_APNS);
	}
}

static void test_view_title_of_a_group(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "hi");
	assert_needed(w);
	assert_title("The lobby");
	world_chat(w, "news", KIND_CHANNEL, "");
	world_join(w, "news", "bob", false);
	world_say(w, "news", "alice", "extra!");
	assert_int_equal(view_of(w, "news"), PUSH_NEEDED);
	assert_title("news");
	world_remove_chat(w, "news");
	assert_int_equal(view_of(w, "news"), PUSH_NEEDED);
	assert_title("");
}

/* What he calls the other one, else what that one calls himself and lets him see, else the id. */
static void test_view_title_of_a_pair(void **state)
{
	static const struct {
		const char *profile;
		enum visibility visible;
		uint64_t created;
		const char *contact; /* NULL: bob has none; made at 50 */
		bool blocked;        /* alice has blocked bob */
		const char *title;
	} cases[] = {
		{"Alice A.", VISIBLE_EVERYONE, 10, "Mum", false, "Mum"},
		{"Alice A.", VISIBLE_NOBODY, 10, "Mum", false, "Mum"},
		{"Alice A.", VISIBLE_EVERYONE, 50, "Mum", false, "Mum"},
		{"Alice A.", VISIBLE_EVERYONE, 51, "Mum", false, "Alice A."}, /* another alice */
		{"Alice A.", VISIBLE_EVERYONE, 10, "", false, "Alice A."},
		{"Alice A.", VISIBLE_EVERYONE, 10, NULL, false, "Alice A."},
		{"Alice A.", VISIBLE_CONTACTS, 10, NULL, false, "alice"},
		{"Alice A.", VISIBLE_NOBODY, 10, NULL, false, "alice"},
		{"Alice A.", VISIBLE_EVERYONE, 10, NULL, true, "alice"},
		{"", VISIBLE_EVERYONE, 10, NULL, false, "alice"},
		{NULL, VISIBLE_EVERYONE, 0, NULL, false, "alice"}, /* gone */
		{NULL, VISIBLE_EVERYONE, 0, "Mum", false, "alice"},
	};
	struct world *w = *state;
	struct key contact = key_contact(text("bob"), text("alice"));
	struct key block = key_block(text("alice"), text("bob"));
	struct key account = key_user(text("alice"));

	world_pair(w, "alice", "bob");
	world_say(w, "alice:bob", "alice", "hi");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct user u = USER_NEW;

		batch_delete(w->batch, TABLE_CONTACTS, key_bytes(&contact));
		batch_delete(w->batch, TABLE_BLOCKS, key_bytes(&block));
		batch_delete(w->batch, TABLE_USERS, key_bytes(&account));
		u.created = cases[i].created;
		u.privacy[PRIVACY_PROFILE] = (uint8_t)cases[i].visible;
		u.name = text(cases[i].profile ? cases[i].profile : "");
		if (cases[i].profile)
			world_user(w, "alice", &u);
		if (cases[i].contact)
			world_contact(w, "bob", "alice", cases[i].contact, 50);
		if (cases[i].blocked)
			batch_put(w->batch, TABLE_BLOCKS, key_bytes(&block),
				(struct bytes){"\377\0\0\0\0\0\0\0", 8});
		assert_int_equal(view_of(w, "alice:bob"), PUSH_NEEDED);
		assert_title(cases[i].title);
	}
}

/* Those who are alice's contacts may see it: bob, from when she made him one. */
static void test_view_title_for_contacts(void **state)
{
	struct world *w = *state;
	struct user alice = USER_NEW, bob = USER_NEW;

	alice.name = text("Alice A.");
	alice.created = 10;
	bob.created = 60;
	world_user(w, "alice", &alice);
	world_user(w, "bob", &bob);
	world_pair(w, "alice", "bob");
	world_say(w, "alice:bob", "alice", "hi");
	world_contact(w, "alice", "bob", "", 60);
	assert_int_equal(view_of(w, "alice:bob"), PUSH_NEEDED);
	assert_title("Alice A.");
	world_contact(w, "alice", "bob", "", 59); /* another bob */
	assert_int_equal(view_of(w, "alice:bob"), PUSH_NEEDED);
	assert_title("alice");
}

/* --- numbers
 * -------------------------------------------------------------------------------------- */

static void test_view_count(void **state)
{
	static const struct {
		uint64_t before, read; /* of 5 messages with a reaction after each */
		uint64_t count, unread;
	} cases[] = {
		{0, 0, 5, 5},
		{2, 0, 3, 5},
		{2, 1, 3, 4},
		{2, 3, 2, 2},
		{4, 4, 1, 1},
		{0, 4, 1, 1},
	};
	struct world *w = *state;

	for (int i = 0; i < 5; i++) {
		world_say(w, "lobby", "alice", "talk");
		world_say(w, "lobby", "alice", "{\"type\":\"reaction\",\"ref\":1,\"text\":\"+\"}");
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct push_waiting p = {.since = w->now, .before = cases[i].before};

		world_ack(w, "lobby", "bob", 10, 2 * cases[i].read);
		assert_int_equal(view_at(w, "lobby", &p, w->now), PUSH_NEEDED);
		assert_int_equal(view.note.count, cases[i].count);
		assert_int_equal(view.note.unread, cases[i].unread);
		assert_int_equal(view.note.badge, cases[i].unread);
		assert_int_equal(view.note.seq, 9);
		assert_int_equal(view.note.n, 5);
		assert_int_equal(view.chat_n, 5);
	}
}

/* Of all chats that he is in, muted or not. */
static void test_view_badge(void **state)
{
	struct world *w = *state;

	world_user(w, "carol", NULL);
	world_pair(w, "bob", "carol");
	world_chat(w, "other", KIND_GROUP, "");
	world_chat(w, "left", KIND_GROUP, "");
	world_chat(w, "empty", KIND_GROUP, "");
	world_join(w, "other", "bob", false);
	world_join(w, "left", "bob", false);
	world_join(w, "empty", "bob", false);
	for (int i = 0; i < 3; i++) {
		world_say(w, "bob:carol", "carol", "hi");
		world_say(w, "other", "carol", "hi");
		world_say(w, "other", "carol", "hi");
		world_say(w, "left", "carol", "hi");
		world_say(w, "carol:dave", "carol", "of no concern");
	}
	world_mute(w, "bob", "other", UINT64_MAX, false);
	world_ack(w, "other", "bob", 6, 2);
	world_leave(w, "left", "bob");
	world_say(w, "lobby", "alice", "hi");
	assert_needed(w);
	assert_int_equal(view.note.badge, 3 + 4 + 1);
	assert_int_equal(view.note.unread, 1);
	world_ack(w, "bob:carol", "bob", 3, 3);
	assert_needed(w);
	assert_int_equal(view.note.badge, 4 + 1);
}

/* It is not counted again for each device, but whenever anything has happened, and for others. */
static void test_view_badge_is_kept(void **state)
{
	struct world *w = *state;
	struct push_whose carol = {text("carol"), text("tab"), text("lobby")};
	struct push_whose bob = {text("bob"), text("phone"), text("lobby")};
	struct push_waiting p = {.since = w->now};
	enum push_need need;

	world_user(w, "carol", NULL);
	world_join(w, "lobby", "carol", false);
	world_register(w, "carol", "tab", PUSH_FCM, PREVIEW_AS_USER);
	world_say(w, "lobby", "alice", "one");
	world_ack(w, "lobby", "carol", 0, 0);
	assert_needed(w);
	assert_int_equal(view.note.badge, 1);
	view.badge.sum = 100; /* as if it had been counted */
	assert_int_equal(push_view_make(&view, &w->look, &bob, &p, w->now, w->now, &need), ERR_OK);
	assert_int_equal(view.note.badge, 100);
	assert_int_equal(
		push_view_make(&view, &w->look, &carol, &p, w->now, w->now, &need), ERR_OK);
	assert_int_equal(view.note.badge, 1);
	view.badge.sum = 100;
	world_say(w, "lobby", "alice", "two");
	world_settle(w);
	assert_int_equal(
		push_view_make(&view, &w->look, &carol, &p, w->now, w->now, &need), ERR_OK);
	assert_int_equal(view.note.badge, 2);
}

/* --- collapse, expiry
 * ----------------------------------------------------------------------------- */

static void collapse_of(struct world *w, const char *user, const char *chat, char *out)
{
	struct push_whose whose = {text(user), text("phone"), text(chat)};
	enum push_need need;

	world_user(w, user, NULL);
	world_register(w, user, "phone", PUSH_MQTT, PREVIEW_ON);
	world_settle(w);
	assert_int_equal(push_view_trial(&view, &w->look, &whose, w->now, &need), ERR_OK);
	assert_int_equal(need, PUSH_NEEDED);
	assert_in_range(view.note.collapse.len, 1, PUSH_COLLAPSE_MAX);
	memcpy(out, view.note.collapse.data, view.note.collapse.len);
	out[view.note.collapse.len] = '\0';
	for (const char *c = out; *c; c++)
		assert_true(isalnum((unsigned char)*c) || *c == '-' || *c == '_');
}

/* Other devices and servers that start anew have the same: it is what replaces the push before. */
static void test_view_collapse_is_stable(void **state)
{
	struct world *w = *state;
	struct push_whose tab = {text("bob"), text("tab"), text("lobby")};
	char first[PUSH_COLLAPSE_MAX + 1];
	enum push_need need;

	collapse_of(w, "bob", "lobby", first);
	assert_string_equal(first, "esGvP9fxSslb-GlpBtIL");
	world_say(w, "lobby", "alice", "one");
	assert_needed(w);
	assert_bytes(view.note.collapse, text(first));
	world_say(w, "lobby", "alice", "two");
	world_register(w, "bob", "tab", PUSH_WEBPUSH, PREVIEW_OFF);
	world_settle(w);
	assert_int_equal(push_view_make(&view, &w->look, &tab,
				 &(struct push_waiting){.since = w->now}, w->now, w->now, &need),
		ERR_OK);
	assert_bytes(view.note.collapse, text(first));
}

/* Who has not the key cannot find names by trying them. */
static void test_view_collapse_is_keyed(void **state)
{
	struct world *w = *state;
	char first[PUSH_COLLAPSE_MAX + 1], second[PUSH_COLLAPSE_MAX + 1];

	collapse_of(w, "bob", "lobby", first);
	w->look.key[31] ^= 1;
	collapse_of(w, "bob", "lobby", second);
	assert_string_not_equal(first, second);
	w->look.key[31] ^= 1;
	collapse_of(w, "bob", "lobby", second);
	assert_string_equal(first, second);
}

static void test_view_collapse_is_opaque(void **state)
{
	static const struct {
		const char *user, *chat;
	} of[] = {{"bob", "lobby"}, {"bob", "lobb"}, {"bobl", "obby"}, {"bo", "blobby"},
		{"carol", "lobby"}, {"bob", "bob:carol"}, {"carol", "bob:carol"}};
	struct world *w = *state;
	char ids[sizeof(of) / sizeof(*of)][PUSH_COLLAPSE_MAX + 1];

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		collapse_of(w, of[i].user, of[i].chat, ids[i]);
		assert_null(strstr(ids[i], of[i].user));
		assert_null(strstr(ids[i], of[i].chat));
		assert_int_equal(strlen(ids[i]), strlen(ids[0]));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

/* So long after the newest message, by the wall clock, whichever clock makes it younger. */
static void test_view_expires(void **state)
{
	struct world *w = *state;
	struct push_waiting p = {.since = w->now};
	uint64_t wall;

	w->conf.push_ttl_ms = (int64_t)(2 * HOUR);
	world_say(w, "lobby", "alice", "old");
	w->now += HOUR;
	world_say(w, "lobby", "alice", "new");
	w->now += HOUR;
	wall = w->now;
	assert_int_equal(view_at(w, "lobby", &p, wall), PUSH_NEEDED);
	assert_int_equal(view.note.expires_ms, WORLD_START + 3 * HOUR);
	/* the wall clock is ahead: by the pusher's it is an hour old */
	wall = w->now + 5 * HOUR;
	assert_int_equal(view_at(w, "lobby", &p, wall), PUSH_NEEDED);
	assert_int_equal(view.note.expires_ms, wall + HOUR);
	/* the wall clock is behind, and the message of its future */
	wall = WORLD_START - HOUR;
	assert_int_equal(view_at(w, "lobby", &p, wall), PUSH_NEEDED);
	assert_int_equal(view.note.expires_ms, wall + 2 * HOUR);
	/* over */
	w->now += 5 * HOUR;
	wall = w->now;
	assert_int_equal(view_at(w, "lobby", &p, wall), PUSH_NEEDED);
	assert_int_equal(view.note.expires_ms, wall - 4 * HOUR);
}

/* Also of what only waits for the morning. */
static void test_view_expires_in_quiet_hours(void **state)
{
	struct world *w = *state;
	struct push_prefs prefs = {.quiet = true, .mentions = true, .from = 0, .to = 12 * 60};
	struct push_waiting p = {.since = w->now, .mention = 1};

	world_prefs(w, "bob", &prefs);
	w->now = at(3, 0);
	world_say(w, "lobby", "alice", "@bob");
	world_say(w, "lobby", "alice", "{\"type\":\"delete\",\"ref\":1}");
	world_say(w, "lobby", "alice", "talk");
	assert_int_equal(view_at(w, "lobby", &p, w->now), PUSH_NOT_NOW);
	assert_int_equal(view.note.expires_ms, w->now + (uint64_t)w->conf.push_ttl_ms);
}

/* --- a trial
 * -------------------------------------------------------------------------------------- */

static void test_view_trial(void **state)
{
	struct world *w = *state;
	struct push_whose whose = {text("bob"), text("phone"), text("-")};
	struct user u = USER_NEW;
	enum push_need need;

	/* whatever the device is doing, and at whatever time */
	world_say(w, "lobby", "alice", "hi");
	world_connect(w, "bob", "phone");
	world_prefs(w, "bob", &(struct push_prefs){.quiet = true, .hidden = true, .to = 1439});
	world_settle(w);
	assert_int_equal(push_view_trial(&view, &w->look, &whose, at(3, 0), &need), ERR_OK);
	assert_int_equal(need, PUSH_NEEDED);
	assert_true(view.note.text.len > 0 && view.note.title.len > 0 && view.note.from.len > 0);
	assert_bytes(view.note.type, text("test"));
	assert_bytes(view.note.user, text("bob"));
	assert_bytes(view.note.device, text("phone"));
	assert_int_equal(view.note.badge, 1);
	assert_false(view.note.preview);
	assert_true(view.note.expires_ms > (int64_t)at(3, 0));
	assert_int_equal(view.note.ts_ms, at(3, 0));
	assert_true(view.note.urgent);
	world_register(w, "bob", "phone", PUSH_FCM, PREVIEW_ON);
	world_settle(w);
	assert_int_equal(push_view_trial(&view, &w->look, &whose, at(3, 0), &need), ERR_OK);
	assert_true(view.note.preview);
	u.disabled = true;
	world_user(w, "bob", &u);
	world_settle(w);
	assert_int_equal(push_view_trial(&view, &w->look, &whose, at(3, 0), &need), ERR_OK);
	assert_int_equal(need, PUSH_NOT_NEEDED);
	assert_string_equal(view.why, "the account is gone or disabled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_view_newest),
		TEST(test_view_used_again),
		TEST(test_view_edited),
		TEST(test_view_edit_missing),
		TEST(test_view_deleted_are_skipped),
		TEST(test_view_not_what_was_told),
		TEST(test_view_looks_past_what_does_not_count),
		TEST(test_view_without_a_message),
		TEST(test_view_text_is_cut),
		TEST(test_view_text_is_cut_as_read),
		TEST(test_view_read),
		TEST(test_view_of_his_own),
		TEST(test_view_connected),
		TEST(test_view_connected_without_a_device),
		TEST(test_view_held_no_longer_than_that),
		TEST(test_view_no_member),
		TEST(test_view_no_account),
		TEST(test_view_no_registration),
		TEST(test_view_damaged),
		TEST(test_view_muted),
		TEST(test_view_mention),
		TEST(test_view_mention_deleted),
		TEST(test_view_mention_far_back),
		TEST(test_view_is_mentioned),
		TEST(test_view_quiet_hours),
		TEST(test_view_quiet_and_read),
		TEST(test_view_quiet_but_for_mentions),
		TEST(test_view_quiet_mention_gone),
		TEST(test_view_quiet_and_muted),
		TEST(test_view_preview),
		TEST(test_view_title_of_a_group),
		TEST(test_view_title_of_a_pair),
		TEST(test_view_title_for_contacts),
		TEST(test_view_count),
		TEST(test_view_badge),
		TEST(test_view_collapse_is_stable),
		TEST(test_view_collapse_is_keyed),
		TEST(test_view_collapse_is_opaque),
		TEST(test_view_expires),
		TEST(test_view_expires_in_quiet_hours),
		TEST(test_view_badge_is_kept),
		TEST(test_view_trial),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("push_view", tests, NULL, NULL);
}
