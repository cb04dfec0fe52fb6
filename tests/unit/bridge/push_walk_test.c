/* push_walk_test.c — who of a chat's members gets a push, and when: messages in the outbox, and
 * what waits after they were walked through. */
#include "bridge/push_walk.h"

#include "bridge/clock.h"
#include "tests/unit/bridge/push_world.h"

static struct push_walk *walker;

static uint8_t lane_of(void *ctx, const struct push_registration *r)
{
	(void)ctx;
	return r->kind;
}

static int setup(void **state)
{
	struct world *w;

	assert_int_equal(world_setup(state), 0);
	w = *state;
	assert_int_equal(push_walk_create(&walker, &w->look, w->list, lane_of, NULL), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	push_walk_destroy(walker);
	return world_teardown(state);
}

static enum err run(struct world *w, bool *more)
{
	return push_walk_run(walker, w->now, more, why, sizeof(why));
}

/* Once over what is there. True if there is more. */
static bool walk_page(struct world *w)
{
	bool more = false;

	world_settle(w);
	push_walk_to(walker, w->outbox);
	assert_err(run(w, &more), ERR_OK);
	assert_int_equal(push_waiting_writes(w->list), 0);
	return more;
}

/* Over all of it. Gives how many entries there are then. */
static size_t walk(struct world *w)
{
	while (walk_page(w))
		;
	assert_int_equal(world_outbox(w), 0);
	return world_count(w);
}

static void gone(struct world *w, const char *user)
{
	world_settle(w);
	assert_err(push_walk_gone(walker, text(user), w->now, why, sizeof(why)), ERR_OK);
}

static bool waits(struct world *w, const char *user, const char *device, struct push_waiting *p)
{
	return world_waits(w, user, device, "lobby", p);
}

static struct push_waiting waiting(struct world *w, const char *user, const char *device)
{
	struct push_waiting p;

	if (!waits(w, user, device, &p))
		fail_msg("nothing waits for %s:%s", user, device);
	return p;
}

/* Put down something else for that device. */
static void replace(struct world *w, const char *user, const char *device, struct push_waiting now)
{
	struct push_whose whose = {text(user), text(device), text("lobby")};
	struct push_waiting was;
	bool any = waits(w, user, device, &was);

	push_waiting_put(w->list, &whose, any ? &was : NULL, &now);
	assert_int_equal(push_waiting_commit(w->list, why, sizeof(why)), ERR_OK);
}

static void forget(struct world *w, const char *user, const char *device)
{
	struct push_whose whose = {text(user), text(device), text("lobby")};
	struct push_waiting was = waiting(w, user, device);

	push_waiting_delete(w->list, &whose, &was);
	assert_int_equal(push_waiting_commit(w->list, why, sizeof(why)), ERR_OK);
}

/* The group lobby, with alice, who is an admin, and bob and carol, who have a phone each. */
static void put_lobby(struct world *w)
{
	static const char *const names[] = {"alice", "bob", "carol"};

	world_chat(w, "lobby", KIND_GROUP, "The lobby");
	for (size_t i = 0; i < 3; i++) {
		world_user(w, names[i], NULL);
		world_join(w, "lobby", names[i], i == 0);
		if (i > 0)
			world_register(w, names[i], "phone", PUSH_FCM, PREVIEW_AS_USER);
	}
}

/* --- who
 * ------------------------------------------------------------------------------------------ */

static void test_walk_one_entry_a_chat_and_device(void **state)
{
	struct world *w = *state;
	const char *pair;
	struct push_waiting p;

	put_lobby(w);
	pair = world_pair(w, "alice", "bob");
	world_register(w, "bob", "tab", PUSH_MQTT, PREVIEW_ON);
	for (int i = 0; i < 50; i++) {
		world_sayf(w, "lobby", "alice", "number %d", i);
		w->now++;
		world_sayf(w, pair, "alice", "to you %d", i);
		w->now++;
	}
	assert_int_equal(walk(w), 5);
	p = waiting(w, "bob", "phone");
	assert_int_equal(p.state, PUSH_WAITING);
	assert_int_equal(p.lane, PUSH_FCM);
	assert_int_equal(p.attempts, 0);
	assert_int_equal(p.due, WORLD_START + 100);
	assert_int_equal(p.since, WORLD_START);
	assert_int_equal(p.before, 0);
	assert_int_equal(p.mention, 0);
	assert_int_equal(waiting(w, "bob", "tab").lane, PUSH_MQTT);
	waiting(w, "carol", "phone");
	assert_true(world_waits(w, "bob", "phone", pair, &p));
	assert_int_equal(p.since, WORLD_START + 1);
	assert_true(world_waits(w, "bob", "tab", pair, &p));
}

/* They stand for what they stand for, whatever comes after. */
static void test_walk_more_of_the_same(void **state)
{
	struct world *w = *state;
	struct push_waiting first, then;

	put_lobby(w);
	for (int i = 0; i < 7; i++)
		world_say(w, "lobby", "alice", "before they registered, or so");
	assert_int_equal(walk(w), 2);
	forget(w, "bob", "phone");
	w->now += 10;
	world_say(w, "lobby", "alice", "the eighth");
	w->now += 10;
	world_say(w, "lobby", "alice", "the ninth");
	assert_int_equal(walk(w), 2);
	first = waiting(w, "bob", "phone");
	assert_int_equal(first.before, 7);
	assert_int_equal(first.since, WORLD_START + 10);
	assert_int_equal(first.due, WORLD_START + 20);
	assert_int_equal(waiting(w, "carol", "phone").before, 0);
	w->now += HOUR;
	world_say(w, "lobby", "alice", "the tenth");
	assert_int_equal(walk(w), 2);
	then = waiting(w, "bob", "phone");
	assert_waiting(&then, &first);
}

static void test_walk_not_the_sender(void **state)
{
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	world_register(w, "bob", "tab", PUSH_FCM, PREVIEW_AS_USER);
	world_say(w, "lobby", "bob", "my own");
	world_say(w, "lobby", "bob", "and another");
	assert_int_equal(walk(w), 1);
	waiting(w, "carol", "phone");
	/* an answer is for him, and not for who gave it */
	forget(w, "carol", "phone");
	world_say(w, "lobby", "carol", "yes");
	assert_int_equal(walk(w), 2);
	waiting(w, "bob", "phone");
	waiting(w, "bob", "tab");
	assert_false(waits(w, "carol", "phone", &p));
}

static void test_walk_not_who_has_read_it(void **state)
{
	struct world *w = *state;
	uint64_t first, last;

	put_lobby(w);
	first = world_say(w, "lobby", "alice", "one");
	last = world_say(w, "lobby", "alice", "two");
	world_ack(w, "lobby", "bob", last, last);
	world_ack(w, "lobby", "carol", last, first);
	assert_int_equal(walk(w), 1);
	waiting(w, "carol", "phone");
	/* A reaction is read by nobody, and counts for nobody. */
	forget(w, "carol", "phone");
	world_ack(w, "lobby", "carol", last, last);
	world_sayf(w, "lobby", "alice", "{\"type\":\"reaction\",\"ref\":%d,\"text\":\"+\"}", 1);
	assert_int_equal(walk(w), 0);
}

static void test_walk_members_only(void **state)
{
	struct world *w = *state;

	put_lobby(w);
	world_user(w, "dave", NULL);
	world_register(w, "dave", "phone", PUSH_FCM, PREVIEW_AS_USER);
	world_say(w, "lobby", "alice", "hi");
	world_leave(w, "lobby", "carol");
	assert_int_equal(walk(w), 1);
	waiting(w, "bob", "phone");
}

static void test_walk_not_the_disabled(void **state)
{
	struct world *w = *state;
	struct user u = USER_NEW;

	put_lobby(w);
	u.disabled = true;
	world_user(w, "bob", &u);
	world_join(w, "lobby", "nobody", false); /* of whom there is no account */
	world_register(w, "nobody", "phone", PUSH_FCM, PREVIEW_AS_USER);
	world_say(w, "lobby", "alice", "hi");
	assert_int_equal(walk(w), 1);
	waiting(w, "carol", "phone");
}

static void test_walk_what_is_gone(void **state)
{
	struct world *w = *state;

	put_lobby(w);
	world_say(w, "lobby", "alice", "hi");
	world_remove_chat(w, "lobby");
	assert_int_equal(walk(w), 0);
}

/* --- mutes
 * ---------------------------------------------------------------------------------------- */

static void test_walk_muted(void **state)
{
	static const struct {
		const char *chat;
		uint64_t until;
		bool pushed;
	} cases[] = {
		{"lobby", UINT64_MAX, false},
		{"lobby", WORLD_START + 1, false},
		{"lobby", WORLD_START, true},
		{"lobby", 5, true},
		{"other", UINT64_MAX, true},
	};
	struct world *w = *state;

	put_lobby(w);
	world_unregister(w, "carol", "phone");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		world_mute(w, "bob", "lobby", 1, false);
		world_mute(w, "bob", cases[i].chat, cases[i].until, false);
		world_say(w, "lobby", "alice", "@bob, do you hear me? @all");
		assert_int_equal(walk(w), cases[i].pushed);
		if (cases[i].pushed)
			forget(w, "bob", "phone");
	}
}

/* Muted but for what mentions him. */
static void test_walk_mentions(void **state)
{
	static const struct {
		const char *from, *said;
		bool pushed;
	} cases[] = {
		{"alice", "hello", false},
		{"alice", "hello @bob", true},
		{"carol", "hello @Bob!", true},
		{"alice", "hello @bobby", false},
		{"alice", "mail alice@bob", false},
		{"alice", "hello @carol", false},
		{"alice", "hello @all", true}, /* an admin */
		{"carol", "hello @all", false},
		{"alice", "{\"type\":\"image\",\"text\":\"you \\n@bob\"}", true},
		{"alice", "{\"type\":\"image\",\"media\":[\"@bob\"]}", false},
		{"carol", "@alice and @all", false},
	};
	struct world *w = *state;

	put_lobby(w);
	world_unregister(w, "carol", "phone");
	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t seq = world_say(w, "lobby", cases[i].from, cases[i].said);

		assert_int_equal(walk(w), cases[i].pushed);
		if (!cases[i].pushed)
			continue;
		assert_int_equal(waiting(w, "bob", "phone").mention, seq);
		forget(w, "bob", "phone");
	}
}

/* The newest one counts; one that was never in this walk does not. */
static void test_walk_mentions_among_others(void **state)
{
	struct world *w = *state;
	uint64_t seq;

	put_lobby(w);
	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	world_say(w, "lobby", "alice", "@bob 1");
	seq = world_say(w, "lobby", "alice", "@bob 2");
	world_say(w, "lobby", "alice", "and so on");
	assert_int_equal(walk(w), 2);
	assert_int_equal(waiting(w, "bob", "phone").mention, seq);
	world_say(w, "lobby", "alice", "and on");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").mention, seq);
	seq = world_say(w, "lobby", "alice", "@bob 3");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").mention, seq);
	forget(w, "bob", "phone");
	world_say(w, "lobby", "alice", "on");
	assert_int_equal(walk(w), 1);
}

/* Of very many messages only the newest are looked at: whether the others hold a mention is found
 * when it is sent. */
static void test_walk_mentions_far_back(void **state)
{
	struct world *w = *state;

	put_lobby(w);
	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	world_mute(w, "carol", "lobby", UINT64_MAX, true);
	world_say(w, "lobby", "alice", "@bob");
	world_say(w, "lobby", "alice", "talk");
	world_say(w, "lobby", "alice", "@carol");
	for (int i = 1; i < PUSH_MENTION_MESSAGES; i++)
		world_say(w, "lobby", "alice", "talk");
	assert_int_equal(walk(w), 2);
	assert_int_equal(waiting(w, "carol", "phone").mention, 3);
	assert_int_equal(waiting(w, "bob", "phone").mention, 2);
	for (int i = 0; i < PUSH_MENTION_MESSAGES; i++)
		world_say(w, "lobby", "alice", "talk");
	forget(w, "bob", "phone");
	forget(w, "carol", "phone");
	assert_int_equal(walk(w), 0);
}

/* --- who is connected
 * ----------------------------------------------------------------------------- */

static void test_walk_connected_is_held(void **state)
{
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	world_register(w, "bob", "tab", PUSH_FCM, PREVIEW_AS_USER);
	world_connect(w, "bob", "phone");
	world_connect(w, "bob", "laptop");
	world_say(w, "lobby", "alice", "hi");
	assert_int_equal(walk(w), 3);
	p = waiting(w, "bob", "phone");
	assert_int_equal(p.state, PUSH_HELD);
	assert_int_equal(p.due, w->now + (uint64_t)w->conf.push_hold_ms);
	assert_int_equal(waiting(w, "bob", "tab").state, PUSH_WAITING);
	assert_int_equal(waiting(w, "bob", "tab").due, w->now);
}

static void test_gone_is_due_now(void **state)
{
	struct world *w = *state;
	struct push_waiting p;
	uint64_t held;

	put_lobby(w);
	world_register(w, "bob", "tab", PUSH_FCM, PREVIEW_AS_USER);
	world_connect(w, "bob", "phone");
	world_connect(w, "bob", "tab");
	world_connect(w, "carol", "phone");
	world_say(w, "lobby", "alice", "hi");
	assert_int_equal(walk(w), 3);
	held = waiting(w, "bob", "tab").due;
	w->now += 10000;
	world_disconnect(w, "bob", "phone");
	world_disconnect(w, "carol", "phone");
	gone(w, "bob");
	assert_int_equal(world_count(w), 3);
	p = waiting(w, "bob", "phone");
	assert_int_equal(p.state, PUSH_WAITING);
	assert_int_equal(p.due, w->now);
	assert_int_equal(p.since, WORLD_START);
	assert_int_equal(waiting(w, "bob", "tab").state, PUSH_HELD);
	assert_int_equal(waiting(w, "bob", "tab").due, held);
	assert_int_equal(waiting(w, "carol", "phone").state, PUSH_HELD);
}

/* That a connection has ended was not heard of, but the next message finds out. */
static void test_walk_finds_who_is_gone(void **state)
{
	struct world *w = *state;

	put_lobby(w);
	world_connect(w, "bob", "phone");
	world_say(w, "lobby", "alice", "hi");
	walk(w);
	world_disconnect(w, "bob", "phone");
	w->now += 5000;
	world_say(w, "lobby", "alice", "are you there?");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").state, PUSH_WAITING);
	assert_int_equal(waiting(w, "bob", "phone").due, w->now);
	assert_int_equal(waiting(w, "bob", "phone").since, WORLD_START);
}

static void test_gone_after_delivery(void **state)
{
	static const struct {
		uint64_t delivered;
		bool second; /* another device, which may be who has said so */
		bool dropped;
	} cases[] = {
		{2, false, true},
		{3, false, true}, /* the reaction, too */
		{1, false, false},
		{0, false, false},
		{3, true, false},
	};
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	world_unregister(w, "carol", "phone");
	world_say(w, "lobby", "alice", "one");
	world_say(w, "lobby", "alice", "two");
	world_say(w, "lobby", "alice", "{\"type\":\"reaction\",\"ref\":1,\"text\":\"+\"}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		world_connect(w, "bob", "phone");
		if (cases[i].second)
			world_connect(w, "bob", "tab");
		world_ack(w, "lobby", "bob", cases[i].delivered, 0);
		replace(w, "bob", "phone", (struct push_waiting){.state = PUSH_HELD, .due = 5});
		world_disconnect(w, "bob", "phone");
		gone(w, "bob");
		assert_int_equal(!waits(w, "bob", "phone", &p), cases[i].dropped);
		assert_int_equal(world_count(w), !cases[i].dropped);
	}
}

/* Everything of it that is held, whatever else stands between. */
static void test_gone_in_all_chats(void **state)
{
	static const char *const chats[] = {"lobby", "alice:bob", "bob:carol", "bob:dave"};
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	for (int i = 1; i < 4; i++)
		world_chat(w, chats[i], KIND_PAIR, "");
	for (int i = 1; i < 4; i++)
		world_join(w, chats[i], "bob", false);
	world_say(w, "lobby", "carol", "before he came");
	walk(w);
	world_connect(w, "bob", "phone");
	for (int i = 0; i < 4; i++)
		world_say(w, chats[i], "alice", "hi");
	assert_int_equal(walk(w), 5);
	world_disconnect(w, "bob", "phone");
	w->now += 5;
	gone(w, "bob");
	for (int i = 0; i < 4; i++) {
		assert_true(world_waits(w, "bob", "phone", chats[i], &p));
		assert_int_equal(p.state, PUSH_WAITING);
		assert_int_equal(p.due, i == 0 ? WORLD_START : WORLD_START + 5);
	}
}

/* The broker has started anew: all connections are gone, whosever. */
static void test_gone_all(void **state)
{
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	world_connect(w, "bob", "phone");
	world_connect(w, "carol", "phone");
	world_say(w, "lobby", "alice", "hi");
	walk(w);
	world_disconnect(w, "bob", "phone");
	world_disconnect(w, "carol", "phone");
	world_ack(w, "lobby", "carol", 1, 0);
	w->now += 5;
	gone(w, "");
	assert_int_equal(world_count(w), 1);
	assert_int_equal(waiting(w, "bob", "phone").state, PUSH_WAITING);
	assert_int_equal(waiting(w, "bob", "phone").due, w->now);
	assert_false(waits(w, "carol", "phone", &p));
}

/* What was not held does not care, and who is back already does not either. */
static void test_gone_changes_nothing_else(void **state)
{
	static const enum push_state states[] = {PUSH_RESTING, PUSH_WAITING};
	struct world *w = *state;
	struct push_waiting was = {.lane = 7, .due = WORLD_START + HOUR}, p;

	put_lobby(w);
	for (size_t i = 0; i < 2; i++) {
		was.state = states[i];
		replace(w, "bob", "phone", was);
		gone(w, "bob");
		p = waiting(w, "bob", "phone");
		assert_waiting(&p, &was);
	}
	was.state = PUSH_HELD;
	replace(w, "bob", "phone", was);
	world_connect(w, "bob", "phone");
	gone(w, "bob");
	p = waiting(w, "bob", "phone");
	assert_waiting(&p, &was);
	gone(w, "nobody");
	assert_int_equal(world_count(w), 1);
}

/* --- when
 * ----------------------------------------------------------------------------------------- */

/* One was sent a moment ago: the next one waits for its time. */
static void test_walk_after_a_rest(void **state)
{
	struct world *w = *state;
	struct push_waiting rest = {.state = PUSH_RESTING, .lane = PUSH_FCM, .before = 1}, p;

	put_lobby(w);
	world_say(w, "lobby", "alice", "one");
	walk(w);
	rest.due = w->now + 1500;
	rest.since = w->now;
	replace(w, "bob", "phone", rest);
	w->now += 700;
	world_say(w, "lobby", "alice", "two");
	world_say(w, "lobby", "alice", "three");
	walk(w);
	p = waiting(w, "bob", "phone");
	assert_int_equal(p.state, PUSH_WAITING);
	assert_int_equal(p.due, rest.due);
	assert_int_equal(p.since, w->now);
	assert_int_equal(p.before, 1);
	assert_int_equal(p.lane, PUSH_FCM);
	/* long over, though nobody has cleared it away */
	rest.before = 3;
	replace(w, "bob", "phone", rest);
	w->now += HOUR;
	world_say(w, "lobby", "alice", "four");
	walk(w);
	p = waiting(w, "bob", "phone");
	assert_int_equal(p.state, PUSH_WAITING);
	assert_int_equal(p.due, w->now);
	assert_int_equal(p.before, 3);
}

static void test_walk_after_a_rest_connected(void **state)
{
	struct world *w = *state;
	struct push_waiting rest = {.state = PUSH_RESTING, .lane = PUSH_FCM};

	put_lobby(w);
	w->conf.push_hold_ms = 1000;
	world_connect(w, "bob", "phone");
	rest.due = w->now + 1500;
	replace(w, "bob", "phone", rest);
	world_say(w, "lobby", "alice", "one");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").state, PUSH_HELD);
	assert_int_equal(waiting(w, "bob", "phone").due, rest.due);
	replace(w, "bob", "phone", rest);
	w->conf.push_hold_ms = 2000;
	world_say(w, "lobby", "alice", "two");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").due, w->now + 2000);
}

/* What was sent was as new as this: its outbox was walked through after that only. */
static void test_walk_what_was_told_already(void **state)
{
	struct world *w = *state;
	struct push_waiting rest = {.state = PUSH_RESTING, .due = WORLD_START + 2000, .before = 2};

	put_lobby(w);
	replace(w, "bob", "phone", rest);
	world_say(w, "lobby", "alice", "one");
	world_say(w, "lobby", "alice", "two");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").state, PUSH_RESTING);
	assert_int_equal(waiting(w, "carol", "phone").state, PUSH_WAITING);
	/* the first of these is not new either */
	rest.before = 3;
	replace(w, "bob", "phone", rest);
	world_say(w, "lobby", "alice", "three");
	world_say(w, "lobby", "alice", "four");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").state, PUSH_WAITING);
	assert_int_equal(waiting(w, "bob", "phone").before, 3);
}

/* In quiet hours it waits for the morning; a mention does not, if he wants it so. */
static void test_walk_mention_goes_before(void **state)
{
	const struct push_waiting put_off = {.state = PUSH_WAITING,
		.lane = PUSH_FCM,
		.due = WORLD_START + 8 * HOUR,
		.since = WORLD_START};
	static const struct {
		bool mentions;
		const char *said;
		uint32_t attempts;
		uint64_t later, due; /* after WORLD_START */
	} cases[] = {
		{true, "@bob", 0, HOUR, HOUR},
		{true, "@bob", 0, 500, 2000}, /* one was sent then: push_coalesce */
		{true, "talk", 0, HOUR, 8 * HOUR},
		{false, "@bob", 0, HOUR, 8 * HOUR},
		{true, "@bob", 1, HOUR, 8 * HOUR}, /* a try has failed */
		{true, "@bob", 0, 9 * HOUR, 8 * HOUR},
	};
	struct world *w = *state;

	put_lobby(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct push_prefs prefs = {
			.quiet = true, .mentions = cases[i].mentions, .from = 0, .to = 1};
		struct push_waiting p = put_off;
		uint64_t seq;

		world_prefs(w, "bob", &prefs);
		p.attempts = cases[i].attempts;
		replace(w, "bob", "phone", p);
		w->now = WORLD_START + cases[i].later;
		seq = world_say(w, "lobby", "alice", cases[i].said);
		walk(w);
		p = waiting(w, "bob", "phone");
		assert_int_equal(p.due, WORLD_START + cases[i].due);
		assert_int_equal(p.mention, cases[i].mentions && cases[i].said[0] == '@' ? seq : 0);
		assert_int_equal(p.since, WORLD_START);
	}
}

/* The device is registered with another provider since: what waits goes there, and need not wait
 * for what the former one has failed at. */
static void test_walk_changes_lanes(void **state)
{
	struct push_waiting was = {
		.state = PUSH_WAITING, .lane = PUSH_FCM, .attempts = 3, .due = WORLD_START + HOUR};
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	world_register(w, "bob", "phone", PUSH_MQTT, PREVIEW_ON);
	replace(w, "bob", "phone", was);
	w->now += 5000;
	world_say(w, "lobby", "alice", "hi");
	walk(w);
	p = waiting(w, "bob", "phone");
	assert_int_equal(p.lane, PUSH_MQTT);
	assert_int_equal(p.due, w->now); /* not behind what was read of that lane */
	assert_int_equal(p.attempts, 0);
	/* what is held, or rests, keeps its time */
	was.due = w->now + HOUR;
	was.state = PUSH_RESTING;
	replace(w, "bob", "phone", was);
	world_say(w, "lobby", "alice", "hi, there");
	walk(w);
	assert_int_equal(waiting(w, "bob", "phone").lane, PUSH_MQTT);
	assert_int_equal(waiting(w, "bob", "phone").due, was.due);
	/* and one that is where it belongs stays as it is */
	was.state = PUSH_WAITING;
	was.lane = PUSH_MQTT;
	replace(w, "bob", "phone", was);
	world_say(w, "lobby", "alice", "hello?");
	walk(w);
	p = waiting(w, "bob", "phone");
	assert_waiting(&p, &was);
}

/* --- the outbox
 * ----------------------------------------------------------------------------------- */

static void test_walk_expired(void **state)
{
	struct world *w = *state;
	uint64_t ttl = (uint64_t)w->conf.push_ttl_ms;

	put_lobby(w);
	world_say(w, "lobby", "alice", "old");
	w->now = WORLD_START + ttl;
	assert_int_equal(walk(w), 0);
	assert_int_equal(w->stats.push_expired, 1);
	world_say(w, "lobby", "alice", "older");
	w->now += ttl - 1;
	assert_int_equal(walk(w), 2);
	assert_int_equal(w->stats.push_expired, 1);
	/* one of each: it stands for what is left */
	forget(w, "bob", "phone");
	world_say(w, "lobby", "alice", "old");
	world_settle(w);
	w->now += ttl;
	world_say(w, "lobby", "alice", "new");
	assert_int_equal(walk(w), 2);
	assert_int_equal(w->stats.push_expired, 2);
	assert_int_equal(waiting(w, "bob", "phone").before, 3);
	assert_int_equal(waiting(w, "bob", "phone").since, w->now);
}

/* The pusher's clock is far ahead of the wall's: the younger age counts. */
static void test_walk_expired_by_no_clock(void **state)
{
	struct world *w = *state;
	uint64_t ttl = (uint64_t)w->conf.push_ttl_ms;

	put_lobby(w);
	w->now = (uint64_t)clock_wall_ms() - ttl / 2;
	world_say(w, "lobby", "alice", "hi");
	world_settle(w);
	w->now += 100 * ttl;
	assert_int_equal(walk(w), 2);
	w->now = (uint64_t)clock_wall_ms() - 2 * ttl;
	world_say(w, "lobby", "alice", "hi");
	world_settle(w);
	w->now += 100 * ttl;
	walk(w);
	assert_int_equal(w->stats.push_expired, 1);
}

/* What is not committed wholly is not looked at: the chat may be missing still. */
static void test_walk_not_beyond_the_end(void **state)
{
	struct world *w = *state;
	bool more = true;

	put_lobby(w);
	world_say(w, "lobby", "alice", "one");
	world_settle(w);
	world_say(w, "other", "alice", "in a chat that is not there yet");
	world_settle(w);
	assert_err(run(w, &more), ERR_OK);
	assert_false(more);
	assert_int_equal(world_outbox(w), 2);
	push_walk_to(walker, 1);
	push_walk_to(walker, 0); /* it never goes back */
	assert_err(run(w, &more), ERR_OK);
	assert_false(more);
	assert_int_equal(world_outbox(w), 1);
	assert_int_equal(world_count(w), 2);
	world_chat(w, "other", KIND_GROUP, "");
	world_join(w, "other", "bob", false);
	world_ack(w, "other", "bob", 0, 0);
	assert_int_equal(walk(w), 3);
}

/* All that is there when it starts was committed. */
static void test_walk_of_what_was_left(void **state)
{
	struct world *w = *state;
	bool more = true;

	put_lobby(w);
	for (int i = 0; i < 3; i++) {
		world_say(w, "lobby", "alice", "hi");
		world_settle(w);
	}
	push_walk_destroy(walker);
	assert_int_equal(push_walk_create(&walker, &w->look, w->list, lane_of, NULL), ERR_OK);
	assert_err(run(w, &more), ERR_OK);
	assert_int_equal(world_outbox(w), 0);
	assert_int_equal(world_count(w), 2);
}

/* Several commits, each with several chats: one entry for all that was said in one. */
static void test_walk_of_many_commits(void **state)
{
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	world_pair(w, "alice", "bob");
	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	for (int i = 0; i < 5; i++) {
		w->now++;
		world_sayf(w, "lobby", "alice", i == 1 ? "@bob" : "talk");
		world_say(w, "alice:bob", "alice", "to you");
		world_say(w, "lobby", "alice", "more talk");
		world_settle(w);
	}
	assert_int_equal(world_outbox(w), 5);
	assert_int_equal(walk(w), 3);
	p = waiting(w, "bob", "phone");
	assert_int_equal(p.since, WORLD_START + 1);
	assert_int_equal(p.before, 0);
	assert_int_equal(p.mention, 3);
	assert_true(world_waits(w, "bob", "phone", "alice:bob", &p));
	assert_int_equal(p.since, WORLD_START + 1);
}

static void test_walk_of_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(walk(w), 0);
	world_chat(w, "other", KIND_GROUP, "");
	world_join(w, "other", "bob", false);
	world_say(w, "other", "alice", "while nobody was ever registered");
	assert_int_equal(walk(w), 0);
	put_lobby(w);
	assert_int_equal(walk(w), 0);
}

/* The directory is looked at anew, and not kept. */
static void test_walk_sees_the_newest_directory(void **state)
{
	struct world *w = *state;
	bool more;

	put_lobby(w);
	world_user(w, "dave", NULL);
	world_register(w, "dave", "phone", PUSH_FCM, PREVIEW_ON);
	world_settle(w);
	world_join(w, "lobby", "dave", false);
	world_say(w, "lobby", "alice", "welcome");
	world_commit(w);
	push_walk_to(walker, w->outbox);
	assert_err(run(w, &more), ERR_OK);
	assert_int_equal(world_count(w), 3);
	waiting(w, "dave", "phone");
	assert_int_equal(directory_reader_version(w->reader), 0);
}

/* More than is walked through at a time: a commit in which something was said in 4096 chats. */
static void test_walk_pages(void **state)
{
	struct world *w = *state;

	put_lobby(w);
	for (int i = 0; i < 4095; i++) {
		char chat[16];

		snprintf(chat, sizeof(chat), "c%d", i);
		world_say(w, chat, "alice", "to nobody");
	}
	world_say(w, "lobby", "alice", "the first");
	world_settle(w);
	world_pair(w, "alice", "carol");
	world_say(w, "alice:carol", "alice", "the last");
	assert_true(walk_page(w));
	assert_int_equal(world_outbox(w), 1);
	assert_int_equal(world_count(w), 2);
	assert_false(walk_page(w));
	assert_int_equal(world_outbox(w), 0);
	assert_int_equal(world_count(w), 3);
}

/* At the limit messages stay where they are, and go on when there is room. */
static void test_walk_waiting_max(void **state)
{
	struct world *w = *state;
	struct push_waiting p;

	put_lobby(w);
	w->conf.push_waiting_max = 2;
	world_say(w, "lobby", "alice", "one");
	assert_int_equal(walk(w), 2);
	world_pair(w, "alice", "carol");
	world_say(w, "alice:carol", "alice", "two");
	for (int i = 0; i < 3; i++) {
		assert_true(walk_page(w));
		assert_int_equal(world_outbox(w), 1);
		assert_int_equal(world_count(w), 2);
	}
	/* one that rests is none that waits */
	replace(w, "bob", "phone", (struct push_waiting){.state = PUSH_RESTING, .due = w->now});
	assert_int_equal(walk(w), 3);
	assert_true(world_waits(w, "carol", "phone", "alice:carol", &p));
}

/* What waits for a user is due again, but not before its time, nor what has failed or is held. */
static void test_prefs_bring_forward(void **state)
{
	struct world *w = *state;
	uint64_t coalesce = (uint64_t)w->conf.push_coalesce_ms, now = w->now + HOUR;
	const struct {
		struct push_waiting was;
		uint64_t due;
	} cases[] = {
		{{.state = PUSH_WAITING, .due = now + HOUR, .since = now - HOUR}, now},
		{{.state = PUSH_WAITING, .due = now - 5, .since = now - HOUR}, now - 5},
		{{.state = PUSH_WAITING, .due = now + HOUR, .since = now - 1}, now - 1 + coalesce},
		{{.state = PUSH_WAITING, .due = now + HOUR, .since = 1, .attempts = 1}, now + HOUR},
		{{.state = PUSH_HELD, .due = now + HOUR, .since = 1}, now + HOUR},
		{{.state = PUSH_RESTING, .due = now + HOUR, .since = 1}, now + HOUR},
	};

	assert_true(coalesce > 1);
	put_lobby(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct push_waiting was = cases[i].was, want = was;

		want.due = cases[i].due;
		replace(w, "bob", "phone", was);
		replace(w, "carol", "phone", was);
		assert_err(push_walk_prefs(walker, text("bob"), now, why, sizeof(why)), ERR_OK);
		was = waiting(w, "bob", "phone");
		assert_waiting(&was, &want);
		was = waiting(w, "carol", "phone");
		assert_int_equal(was.due, cases[i].was.due);
		assert_int_equal(world_count(w), 2);
	}
}

/* The group crowd, of so many users, of whom the first ones have so many devices each. */
static void put_crowd(struct world *w, int users, int registered, int devices)
{
	char user[16], device[16];

	world_chat(w, "crowd", KIND_GROUP, "");
	world_user(w, "alice", NULL);
	world_join(w, "crowd", "alice", true);
	for (int i = 0; i < users; i++) {
		snprintf(user, sizeof(user), "u%03d", i);
		world_user(w, user, NULL);
		world_join(w, "crowd", user, false);
		for (int k = 0; i < registered && k < devices; k++) {
			snprintf(device, sizeof(device), "d%d", k);
			world_register(w, user, device, PUSH_FCM, PREVIEW_AS_USER);
		}
	}
}

static bool delete_one(
	void *ctx, struct bytes key, const struct push_whose *whose, const struct push_waiting *p)
{
	struct world *w = ctx;

	(void)key;
	push_waiting_delete(w->list, whose, p);
	return true;
}

static void deliver_all(struct world *w)
{
	assert_int_equal(push_waiting_each(w->list, text(""), text(""), delete_one, w), ERR_OK);
	assert_int_equal(push_waiting_commit(w->list, why, sizeof(why)), ERR_OK);
}

/* In the middle of a chat, too: it goes on with who comes next, and makes nothing twice, although
 * what was made has left meanwhile. */
static void keep_waiting_max(struct world *w, size_t all, size_t devices)
{
	size_t made = 0, now;
	bool more = true;

	w->conf.push_waiting_max = 10;
	world_say(w, "crowd", "alice", "hi");
	for (int k = 0; more; k++) {
		assert_true(k < 100);
		more = walk_page(w);
		now = world_count(w);
		assert_in_range(now, more ? 10 : 1, 10 + devices - 1);
		assert_int_equal(world_outbox(w), more ? 1 : 0);
		made += now;
		deliver_all(w);
	}
	assert_int_equal(made, all);
}

static void test_walk_waiting_max_by_members(void **state)
{
	put_crowd(*state, 33, 33, 3);
	keep_waiting_max(*state, 99, 3);
}

static void test_walk_waiting_max_by_registrations(void **state)
{
	put_crowd(*state, 100, 45, 1);
	keep_waiting_max(*state, 45, 1);
}

/* Nothing is forgotten then. */
static void test_walk_damaged(void **state)
{
	const struct {
		struct key key;
		const char *value;
	} cases[] = {
		{key_push(1), "\1"},
		{key_meta("registrations"), "\1"},
		{key_state(text("lobby")), "\1"},
		{key_mark(text("lobby"), text("bob")), "\1"},
		{key_mute(text("bob"), text("lobby")), "\1"},
		{key_push_prefs(text("carol")), "\1"},
		{key_registration(text("bob"), text("phone")), "\1"},
		{key_session(text("bob"), text("bob:phone")), "\1"},
		{key_message(text("lobby"), 1), "{\"n\":1,\"text\":\"@x"},
		{key_push_waiting(&(struct push_whose){text("bob"), text("phone"), text("lobby")}),
			"\1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = *state;
		bool more;

		put_lobby(w);
		world_mute(w, "bob", "lobby", UINT64_MAX, true);
		world_say(w, "lobby", "alice", "@bob");
		world_settle(w);
		batch_put(w->batch, TABLE_STORE, key_bytes(&cases[i].key), text(cases[i].value));
		world_settle(w);
		push_walk_to(walker, w->outbox);
		assert_int_equal(run(w, &more), ERR_CORRUPT);
		assert_int_equal(world_outbox(w), 1);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void test_gone_damaged(void **state)
{
	const struct key keys[] = {key_state(text("lobby")), key_mark(text("lobby"), text("bob")),
		key_session(text("bob"), text("bob:phone")),
		key_push_waiting(&(struct push_whose){text("bob"), text("z"), text("lobby")})};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct world *w = *state;

		put_lobby(w);
		world_connect(w, "bob", "phone");
		world_say(w, "lobby", "alice", "hi");
		walk(w);
		world_disconnect(w, "bob", "phone");
		batch_put(w->batch, TABLE_STORE, key_bytes(&keys[i]), text("\1"));
		world_settle(w);
		assert_int_equal(
			push_walk_gone(walker, text("bob"), w->now, why, sizeof(why)), ERR_CORRUPT);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* --- large chats
 * ---------------------------------------------------------------------------------- */

static const char *user_of(unsigned i)
{
	static char name[16];

	snprintf(name, sizeof(name), "u%u", i);
	return name;
}

/* A channel of so many members, of which the first `in` have a phone, and so have the first `out`
 * who are no members. */
static void put_channel(struct world *w, unsigned members, unsigned in, unsigned out)
{
	world_chat(w, "lobby", KIND_CHANNEL, "News");
	for (unsigned i = 0; i < members; i++) {
		world_user(w, user_of(i), NULL);
		world_join(w, "lobby", user_of(i), i == 0);
		if (i < in)
			world_register(w, user_of(i), "phone", PUSH_FCM, PREVIEW_ON);
	}
	for (unsigned i = members; i < members + out; i++)
		world_register(w, user_of(i), "phone", PUSH_FCM, PREVIEW_ON);
}

/* How many rows of the directory were looked up for one message to it. */
static uint64_t lookups_of_a_walk(struct world *w)
{
	uint64_t before;

	world_say(w, "lobby", "u0", "news");
	world_settle(w);
	before = directory_reader_lookups(w->reader);
	walk(w);
	return directory_reader_lookups(w->reader) - before;
}

static void test_walk_few_registrations(void **state)
{
	struct world *w = *state;
	struct push_waiting p;

	put_channel(w, 300, 5, 40);
	world_register(w, "u1", "tab", PUSH_MQTT, PREVIEW_ON);
	/* each who is registered is looked for among the members */
	assert_in_range(lookups_of_a_walk(w), 46, 60);
	assert_int_equal(world_count(w), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(waits(w, user_of(i), "phone", &p), i != 0);
	assert_int_equal(waiting(w, "u1", "tab").lane, PUSH_MQTT);
}

/* Both ways lead to the same. */
static void test_walk_by_members_or_registrations(void **state)
{
	static const struct {
		unsigned members, in, out;
		bool by_members;
	} cases[] = {
		{64, 2, 20, true}, /* few enough */
		{65, 2, 20, false},
		{100, 3, 96, false},
		{100, 3, 97, true},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t lookups, registered = cases[i].in + cases[i].out;

		put_channel(w, cases[i].members, cases[i].in, cases[i].out);
		lookups = lookups_of_a_walk(w);
		assert_int_equal(lookups >= registered, !cases[i].by_members);
		assert_int_equal(world_count(w), cases[i].in - 1); /* but for the author */
		for (unsigned k = 1; k < cases[i].in; k++)
			waiting(w, user_of(k), "phone");
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
		w = *state;
	}
}

/* What a message to a large channel makes due is not due all at once. */
static void test_walk_spreads(void **state)
{
	struct world *w = *state;
	size_t at[10] = {0};

	put_channel(w, 101, 101, 0);
	world_connect(w, "u1", "phone");
	world_say(w, "lobby", "u0", "news");
	assert_int_equal(walk(w), 100);
	for (unsigned i = 2; i < 101; i++) {
		uint64_t due = waiting(w, user_of(i), "phone").due;

		assert_in_range(due, w->now, w->now + 9);
		at[due - w->now]++;
	}
	for (size_t ms = 0; ms < 10; ms++)
		assert_in_range(at[ms], ms < 6 ? 15 : 0, 16);
	assert_in_range(
		waiting(w, "u1", "phone").due - (uint64_t)w->conf.push_hold_ms, w->now, w->now + 9);
	/* nor that of the next message later for it */
	forget(w, "u2", "phone");
	world_say(w, "lobby", "u0", "more news");
	walk(w);
	assert_int_equal(waiting(w, "u2", "phone").due, w->now);
}

/* --- a crash
 * -------------------------------------------------------------------------------------- */

#define CRASH_USERS 1500 /* more than is written at a time */

static unsigned puts_left;

static uint8_t lane_until_killed(void *ctx, const struct push_registration *r)
{
	(void)ctx;
	(void)r;
	if (puts_left-- == 0)
		_exit(7);
	return 9;
}

/* A walk that is killed before it puts down the next one. */
static int walk_and_die(void)
{
	struct world *w = world_in(scratch);
	struct push_walk *doomed;
	FILE *f = fopen(in_scratch("puts"), "r");
	bool more;

	if (!f || fscanf(f, "%u", &puts_left) != 1)
		return 1;
	fclose(f);
	world_open(w);
	if (push_walk_create(&doomed, &w->look, w->list, lane_until_killed, NULL) != ERR_OK ||
		push_walk_run(doomed, w->now, &more, why, sizeof(why)) != ERR_OK)
		return 2;
	return 0;
}

static void test_walk_killed(void **state)
{
	static const char *const puts[] = {"0", "1", "999", "1000", "300"};
	struct world *w = *state;
	size_t kept = 0;

	put_channel(w, CRASH_USERS, CRASH_USERS, 0);
	for (int i = 0; i < 3; i++)
		world_say(w, "lobby", "u0", "news");
	world_settle(w);
	strcpy(scratch, w->dir);
	push_walk_destroy(walker);
	for (size_t i = 0; i < sizeof(puts) / sizeof(*puts); i++) {
		size_t count;

		world_close(w);
		file_write(in_scratch("puts"), puts[i], strlen(puts[i]));
		assert_int_equal(in_child("walk_and_die", false), 7);
		world_open(w);
		count = world_count(w); /* what there is is whole */
		assert_in_range(count, kept, CRASH_USERS - 2);
		assert_int_equal(world_outbox(w), 1);
		kept = count;
	}
	assert_true(kept > 0);
	assert_int_equal(push_walk_create(&walker, &w->look, w->list, lane_of, NULL), ERR_OK);
	assert_int_equal(walk(w), CRASH_USERS - 1);
	for (unsigned i = 1; i < CRASH_USERS; i++)
		assert_int_equal(waiting(w, user_of(i), "phone").before, 0);
}

/* The same messages once more, as after a power cut that took the end of the walk. */
static void test_walk_again(void **state)
{
	struct world *w = *state;
	struct push_waiting was, p;

	put_lobby(w);
	world_say(w, "lobby", "alice", "one");
	assert_int_equal(walk(w), 2);
	was = waiting(w, "bob", "phone");
	for (int i = 0; i < 3; i++) {
		struct key k = key_push(1);
		struct buf v = {0};

		push_entry_encode(&v, &(struct push_entry){text("lobby"), 1, 1, 1, WORLD_START});
		batch_put(w->batch, TABLE_STORE, key_bytes(&k), (struct bytes){v.data, v.len});
		buf_free(&v);
		world_settle(w);
		push_walk_destroy(walker);
		assert_int_equal(
			push_walk_create(&walker, &w->look, w->list, lane_of, NULL), ERR_OK);
		w->now += 1000;
		assert_int_equal(walk(w), 2);
		p = waiting(w, "bob", "phone");
		assert_waiting(&p, &was);
	}
}

int main(int argc, char **argv)
{
	static const struct child children[] = {{"walk_and_die", walk_and_die}, {NULL, NULL}};
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_walk_one_entry_a_chat_and_device),
		TEST(test_walk_more_of_the_same),
		TEST(test_walk_not_the_sender),
		TEST(test_walk_not_who_has_read_it),
		TEST(test_walk_members_only),
		TEST(test_walk_not_the_disabled),
		TEST(test_walk_what_is_gone),
		TEST(test_walk_muted),
		TEST(test_walk_mentions),
		TEST(test_walk_mentions_among_others),
		TEST(test_walk_mentions_far_back),
		TEST(test_walk_connected_is_held),
		TEST(test_gone_is_due_now),
		TEST(test_walk_finds_who_is_gone),
		TEST(test_gone_after_delivery),
		TEST(test_gone_in_all_chats),
		TEST(test_gone_all),
		TEST(test_gone_changes_nothing_else),
		TEST(test_walk_after_a_rest),
		TEST(test_walk_after_a_rest_connected),
		TEST(test_walk_what_was_told_already),
		TEST(test_walk_mention_goes_before),
		TEST(test_walk_changes_lanes),
		TEST(test_walk_expired),
		TEST(test_walk_expired_by_no_clock),
		TEST(test_walk_not_beyond_the_end),
		TEST(test_walk_of_what_was_left),
		TEST(test_walk_of_many_commits),
		TEST(test_walk_of_nothing),
		TEST(test_walk_sees_the_newest_directory),
		TEST(test_walk_pages),
		TEST(test_prefs_bring_forward),
		TEST(test_walk_waiting_max),
		TEST(test_walk_waiting_max_by_members),
		TEST(test_walk_waiting_max_by_registrations),
		TEST(test_walk_damaged),
		TEST(test_gone_damaged),
		TEST(test_walk_few_registrations),
		TEST(test_walk_by_members_or_registrations),
		TEST(test_walk_spreads),
		TEST(test_walk_killed),
		TEST(test_walk_again),
	};

	CHILD_MAIN(argc, argv, children);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("push_walk", tests, NULL, NULL);
}
