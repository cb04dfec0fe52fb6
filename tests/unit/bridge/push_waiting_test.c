/* push_waiting_test.c — the pushes that wait, on disk: two keys for each, always in step. */
#include "tests/unit/bridge/push_world.h"
#include "tests/unit/persist/encoded.h"

#define NOTHING ((struct bytes){NULL, 0})

static struct push_whose whose(const char *user, const char *device)
{
	return (struct push_whose){text(user), text(device), text("lobby")};
}

static void commit(struct world *w)
{
	assert_err(push_waiting_commit(w->list, why, sizeof(why)), ERR_OK);
	assert_int_equal(push_waiting_writes(w->list), 0);
}

/* was NULL: there is none yet. */
static void put(struct world *w, const char *user, const char *device,
	const struct push_waiting *was, const struct push_waiting *now)
{
	struct push_whose of = whose(user, device);

	push_waiting_put(w->list, &of, was, now);
}

static bool get(struct world *w, const char *user, const char *device, struct push_waiting *out)
{
	return world_waits(w, user, device, "lobby", out);
}

/* --- one of them
 * ---------------------------------------------------------------------------------- */

static void test_waiting_put_and_delete(void **state)
{
	struct world *w = *state;
	struct push_waiting in = {.state = PUSH_WAITING,
		.lane = 9,
		.attempts = 3,
		.due = 5000,
		.since = 1,
		.before = 2,
		.mention = 4};
	struct push_whose bob = whose("bob", "phone");
	struct push_waiting p;

	assert_false(get(w, "bob", "phone", &p));
	put(w, "bob", "phone", NULL, &in);
	commit(w);
	assert_true(get(w, "bob", "phone", &p));
	assert_waiting(&p, &in);
	assert_false(get(w, "bob", "tab", &p));
	assert_false(world_waits(w, "bob", "phone", "lob", &p));
	assert_int_equal(world_count(w), 1);
	push_waiting_delete(w->list, &bob, &in);
	commit(w);
	assert_false(get(w, "bob", "phone", &p));
	assert_int_equal(world_count(w), 0);
}

static void test_waiting_commit_makes_visible(void **state)
{
	struct world *w = *state;
	struct push_waiting first = {.state = PUSH_WAITING, .due = 5}, then = first, p;
	struct push_whose bob = whose("bob", "phone");

	put(w, "bob", "phone", NULL, &first);
	assert_int_equal(push_waiting_writes(w->list), 2);
	assert_false(get(w, "bob", "phone", &p));
	commit(w);
	then.due = 6;
	put(w, "bob", "phone", &first, &then);
	assert_true(get(w, "bob", "phone", &p));
	assert_int_equal(p.due, 5);
	commit(w);
	push_waiting_delete(w->list, &bob, &then);
	assert_true(get(w, "bob", "phone", &p));
	assert_int_equal(p.due, 6);
	commit(w);
	assert_false(get(w, "bob", "phone", &p));
	commit(w); /* of nothing */
}

/* Both keys change together, whatever it is that changes. */
static void test_waiting_moves(void **state)
{
	static const struct {
		uint8_t lane;
		uint64_t due;
		size_t writes;
	} moves[] = {
		{0, 100, 1}, /* only its value is another one */
		{0, 101, 3},
		{0, 99, 3},
		{71, 99, 3},
		{8, UINT64_MAX, 3},
		{8, UINT64_MAX, 1},
		{0, 100, 3},
	};
	struct world *w = *state;
	struct push_waiting was = {.state = PUSH_WAITING, .lane = 0, .due = 100}, p;

	put(w, "bob", "phone", NULL, &was);
	put(w, "bob", "tab", NULL, &was); /* one that stays */
	commit(w);
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		struct push_waiting now = was;

		now.lane = moves[i].lane;
		now.due = moves[i].due;
		now.attempts = (uint32_t)i + 1;
		put(w, "bob", "phone", &was, &now);
		assert_int_equal(push_waiting_writes(w->list), moves[i].writes);
		commit(w);
		assert_int_equal(world_count(w), 2);
		assert_true(get(w, "bob", "phone", &p));
		assert_waiting(&p, &now);
		was = now;
	}
}

/* Something of somebody else's, with the same commit. */
static void test_waiting_forget(void **state)
{
	struct world *w = *state;
	struct push_waiting p = {.state = PUSH_WAITING, .due = 5};

	world_chat(w, "lobby", KIND_GROUP, "");
	world_say(w, "lobby", "alice", "hi");
	world_settle(w);
	push_waiting_forget(w->list, BYTES("p\0\0\0\0\0\0\0\1"));
	put(w, "bob", "phone", NULL, &p);
	assert_int_equal(world_outbox(w), 1);
	commit(w);
	assert_int_equal(world_outbox(w), 0);
	assert_int_equal(world_count(w), 1);
}

/* --- how many
 * ------------------------------------------------------------------------------------- */

/* From each state to each other one, and from and to none. */
static void test_waiting_count(void **state)
{
	struct world *w = *state;
	struct push_whose bob = whose("bob", "phone");
	const enum push_state none = PUSH_STATES;

	for (enum push_state from = 0; from <= none; from++) {
		for (enum push_state to = 0; to <= none; to++) {
			struct push_waiting was = {.state = from, .due = 5},
					    now = {.state = to, .due = 6};

			if (from != none)
				put(w, "bob", "phone", NULL, &was);
			commit(w);
			assert_int_equal(push_waiting_count(w->list),
				from == PUSH_HELD || from == PUSH_WAITING);
			if (to != none)
				put(w, "bob", "phone", from != none ? &was : NULL, &now);
			else if (from != none)
				push_waiting_delete(w->list, &bob, &was);
			commit(w);
			assert_int_equal(
				push_waiting_count(w->list), to == PUSH_HELD || to == PUSH_WAITING);
			assert_int_equal(world_count(w), to != none);
			if (to != none)
				push_waiting_delete(w->list, &bob, &now);
			commit(w);
		}
	}
}

static void test_waiting_opened_again(void **state)
{
	struct world *w = *state;
	char user[16];

	for (unsigned i = 0; i < 300; i++) {
		struct push_waiting p = {
			.state = (enum push_state)(i % PUSH_STATES), .lane = 8, .due = i};

		snprintf(user, sizeof(user), "u%u", i);
		put(w, user, "phone", NULL, &p);
	}
	commit(w);
	put(w, "lost", "phone", NULL, &(struct push_waiting){.state = PUSH_WAITING});
	world_close(w); /* what was not committed is gone */
	world_open(w);
	assert_int_equal(push_waiting_count(w->list), 200);
	assert_int_equal(world_count(w), 300);
}

/* The clock was set back by an hour: nothing waits for longer because of that. */
static void test_waiting_clock_set_back(void **state)
{
	struct world *w = *state;
	uint64_t now = push_clock_now(&w->clock);
	struct push_waiting p = {.state = PUSH_WAITING, .lane = 9, .since = 77}, got;
	char user[16];

	for (unsigned i = 0; i < 1500; i++) { /* more than are written at a time */
		snprintf(user, sizeof(user), "u%u", i);
		p.due = now + i;
		put(w, user, "phone", NULL, &p);
	}
	p.due = 5;
	p.state = PUSH_RESTING;
	put(w, "first", "phone", NULL, &p);
	commit(w);
	for (int i = 0; i < 3; i++) { /* once only */
		world_close(w);
		w->clock.offset_ms -= i == 0 ? (int64_t)HOUR : -1;
		world_open(w);
		assert_int_equal(push_waiting_count(w->list), 1500);
		assert_int_equal(world_count(w), 1501);
		assert_true(get(w, "u7", "phone", &got));
		assert_in_range(got.due, now + 7 - HOUR, now + 7 - HOUR + 60000);
		assert_int_equal(got.since, 77);
		assert_true(get(w, "u1499", "phone", &got));
		assert_in_range(got.due, now + 1499 - HOUR, now + 1499 - HOUR + 60000);
		assert_true(get(w, "first", "phone", &got));
		assert_int_equal(got.due, 0);
	}
}

/* It went on, as clocks do, or was set forward. */
static void test_waiting_clock_not_set_back(void **state)
{
	struct world *w = *state;
	struct push_waiting p = {.state = PUSH_WAITING, .due = WORLD_START}, got;

	put(w, "bob", "phone", NULL, &p);
	commit(w);
	for (int i = 0; i < 3; i++) {
		world_close(w);
		w->clock.offset_ms += i * (int64_t)HOUR;
		world_open(w);
		assert_true(get(w, "bob", "phone", &got));
		assert_waiting(&got, &p);
		assert_int_equal(world_count(w), 1);
	}
}

/* --- lanes
 * ---------------------------------------------------------------------------------------- */

static void test_lanes(void **state)
{
	static const struct {
		const char *endpoint;
		int lane; /* -1: one of the shared */
	} cases[] = {
		{"fcm", 0},
		{"apns", 1},
		{"apns-sandbox", 2},
		{"webhook", 3},
		{"mqtt", 4},
		{"", -1},
		{"fcm ", -1},
		{"FCM", -1},
		{"mqt", -1},
		{"webhook https://a.example", -1},
		{"https://push.example", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t lane = push_lane(text(cases[i].endpoint));

		assert_int_equal(lane, push_lane(text(cases[i].endpoint)));
		assert_true(lane < PUSH_LANES);
		assert_int_equal(push_lane_is_shared(lane), cases[i].lane < 0);
		if (cases[i].lane >= 0)
			assert_int_equal(lane, cases[i].lane);
	}
}

/* Endpoints that users name spread over all of the lanes that they share. */
static void test_lanes_are_shared_evenly(void **state)
{
	size_t found[PUSH_LANES] = {0}, used = 0;
	char endpoint[64];

	(void)state;
	for (int i = 0; i < 6400; i++) {
		snprintf(endpoint, sizeof(endpoint), "https://%d.example", i);
		found[push_lane(text(endpoint))]++;
	}
	for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
		assert_true(push_lane_is_shared((uint8_t)lane) || found[lane] == 0);
		assert_in_range(found[lane], 0, 200);
		used += found[lane] > 0;
	}
	assert_int_equal(used, 64);
}

/* --- all of them
 * ---------------------------------------------------------------------------------- */

struct walked {
	char names[256]; /* user/device, with a space after each */
	struct key last;
	uint64_t due;
	size_t stop_after;
};

static bool note_one(struct walked *s, struct bytes key, const struct push_whose *of)
{
	size_t at = strlen(s->names);

	snprintf(s->names + at, sizeof(s->names) - at, "%.*s/%.*s ", (int)of->user.len,
		of->user.data, (int)of->device.len, of->device.data);
	memcpy(s->last.data, key.data, key.len);
	s->last.len = key.len;
	assert_bytes(of->chat, text("lobby"));
	return s->stop_after == 0 || --s->stop_after > 0;
}

static bool on_due(void *ctx, struct bytes key, uint64_t due, const struct push_whose *of)
{
	struct walked *s = ctx;

	assert_true(due >= s->due);
	s->due = due;
	return note_one(s, key, of);
}

static bool on_each(
	void *ctx, struct bytes key, const struct push_whose *of, const struct push_waiting *p)
{
	assert_int_equal(p->since, 77);
	return note_one(ctx, key, of);
}

static void put_some(struct world *w)
{
	static const struct {
		const char *user, *device;
		uint8_t lane;
		uint64_t due;
	} rows[] = {
		{"zoe", "phone", 9, 100},
		{"bob", "tab", 9, 256},
		{"bob", "phone", 9, 255},
		{"al", "phone", 9, 1u << 20},
		{"alice", "phone", 9, 256},
		{"carol", "phone", 8, 1},
		{"dave", "phone", 10, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		put(w, rows[i].user, rows[i].device, NULL,
			&(struct push_waiting){.state = PUSH_WAITING,
				.lane = rows[i].lane,
				.due = rows[i].due,
				.since = 77});
	commit(w);
}

static void test_waiting_due(void **state)
{
	struct world *w = *state;
	struct walked all = {0}, some = {.stop_after = 2}, others = {0}, empty = {0};

	put_some(w);
	assert_int_equal(push_waiting_due(w->list, 9, NOTHING, on_due, &all), ERR_OK);
	assert_string_equal(all.names, "zoe/phone bob/phone bob/tab alice/phone al/phone ");
	assert_int_equal(push_waiting_due(w->list, 9, NOTHING, on_due, &some), ERR_OK);
	assert_string_equal(some.names, "zoe/phone bob/phone ");
	/* on from where it stopped, with that one */
	some.names[0] = '\0';
	assert_int_equal(
		push_waiting_due(w->list, 9, key_bytes(&some.last), on_due, &some), ERR_OK);
	assert_string_equal(some.names, "bob/phone bob/tab alice/phone al/phone ");
	assert_int_equal(push_waiting_due(w->list, 8, NOTHING, on_due, &others), ERR_OK);
	assert_string_equal(others.names, "carol/phone ");
	assert_int_equal(push_waiting_due(w->list, 0, NOTHING, on_due, &empty), ERR_OK);
	assert_string_equal(empty.names, "");
}

static void test_waiting_each(void **state)
{
	struct world *w = *state;
	struct walked all = {0}, own = {0}, nobody = {0}, some = {.stop_after = 2};

	put_some(w);
	assert_int_equal(push_waiting_each(w->list, NOTHING, NOTHING, on_each, &all), ERR_OK);
	assert_string_equal(all.names, /* as keys sort: shorter names first */
		"al/phone bob/tab bob/phone zoe/phone dave/phone alice/phone carol/phone ");
	assert_int_equal(push_waiting_each(w->list, text("bob"), NOTHING, on_each, &own), ERR_OK);
	assert_string_equal(own.names, "bob/tab bob/phone ");
	assert_int_equal(push_waiting_each(w->list, text("bo"), NOTHING, on_each, &nobody), ERR_OK);
	assert_string_equal(nobody.names, "");
	assert_int_equal(push_waiting_each(w->list, NOTHING, NOTHING, on_each, &some), ERR_OK);
	assert_string_equal(some.names, "al/phone bob/tab ");
	some.names[0] = '\0';
	assert_int_equal(
		push_waiting_each(w->list, NOTHING, key_bytes(&some.last), on_each, &some), ERR_OK);
	assert_string_equal(
		some.names, "bob/tab bob/phone zoe/phone dave/phone alice/phone carol/phone ");
}

/* --- damaged
 * -------------------------------------------------------------------------------------- */

/* What is due just then in that lane, many or few, and nothing else; also what is not committed
 * yet. */
static void test_waiting_hasten(void **state)
{
	enum { MANY = 2500 }; /* more than go into one commit */
	struct push_waiting p = {.state = PUSH_WAITING, .lane = 20, .due = 9000, .attempts = 2};
	struct push_waiting other_lane = {.state = PUSH_WAITING, .lane = 21, .due = 9000};
	struct push_waiting later = {.state = PUSH_WAITING, .lane = 20, .due = 9001}, got;
	struct world *w = *state;
	char device[16];
	uint64_t last = 0;

	put(w, "alice", "phone", NULL, &other_lane);
	put(w, "alice", "tab", NULL, &later);
	for (int i = 0; i < MANY; i++) {
		snprintf(device, sizeof(device), "d%d", i);
		put(w, "bob", device, NULL, &p);
	}
	assert_err(push_waiting_hasten(w->list, 20, 9000, 500, why, sizeof(why)), ERR_OK);
	assert_int_equal(push_waiting_writes(w->list), 0);
	assert_int_equal(world_count(w), MANY + 2);
	for (int i = 0; i < MANY; i++) {
		snprintf(device, sizeof(device), "d%d", i);
		assert_true(get(w, "bob", device, &got));
		assert_in_range(got.due, 500, 500 + MANY / 16);
		assert_int_equal(got.attempts, 2);
		last = got.due > last ? got.due : last;
	}
	assert_true(last > 500 + MANY / 32); /* not all in one millisecond */
	assert_true(get(w, "alice", "phone", &got));
	assert_waiting(&got, &other_lane);
	assert_true(get(w, "alice", "tab", &got));
	assert_waiting(&got, &later);
	assert_err(push_waiting_hasten(w->list, 20, 9000, 500, why, sizeof(why)), ERR_OK);
	assert_int_equal(world_count(w), MANY + 2);
}

static void put_raw(struct world *w, struct bytes key, struct bytes value)
{
	batch_put(w->batch, TABLE_STORE, key, value);
	world_settle(w);
}

static void test_waiting_damaged(void **state)
{
	const struct {
		struct bytes key, value;
	} cases[] = {
		{BYTES("i\3bob\5phone\5lobby"), BYTES("\1")},
		{BYTES("i\3bob\5phone"), BYTES("")},
	};
	struct world *w = *state;
	struct push_whose bob = whose("bob", "phone");

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct push_waiting_list *other;
		struct push_waiting p;
		struct walked seen = {0};

		put_raw(w, cases[i].key, cases[i].value);
		assert_int_equal(push_waiting_get(w->list, &bob, &p),
			cases[i].value.len ? ERR_CORRUPT : ERR_NOT_FOUND);
		assert_int_equal(
			push_waiting_each(w->list, NOTHING, NOTHING, on_each, &seen), ERR_CORRUPT);
		assert_int_equal(push_waiting_open(&other, w->store, &w->clock, why, sizeof(why)),
			ERR_CORRUPT);
		assert_why("pushes cannot be read");
		assert_null(other);
		batch_delete(w->batch, TABLE_STORE, cases[i].key);
		world_settle(w);
	}
	put_raw(w, BYTES("z\11\0\0\0\0\0\0\0\7\3bob"), BYTES(""));
	assert_int_equal(
		push_waiting_due(w->list, 9, NOTHING, on_due, &(struct walked){0}), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		TEST(test_waiting_put_and_delete),
		TEST(test_waiting_commit_makes_visible),
		TEST(test_waiting_moves),
		TEST(test_waiting_forget),
		TEST(test_waiting_count),
		TEST(test_waiting_opened_again),
		TEST(test_waiting_clock_set_back),
		TEST(test_waiting_clock_not_set_back),
		TEST(test_lanes),
		TEST(test_lanes_are_shared_evenly),
		TEST(test_waiting_due),
		TEST(test_waiting_each),
		TEST(test_waiting_hasten),
		TEST(test_waiting_damaged),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("push_waiting", tests, NULL, NULL);
}
