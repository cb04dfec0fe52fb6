/* pusher_test.c — the pusher's thread, from messages in the outbox to what it hands to the broker,
 * with the test as the loop: pushes of the kind mqtt, as they need no provider.
 */
#include "bridge/pusher.h"

#include "bridge/clock.h"
#include "tests/unit/bridge/push_world.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LONG_MS  5000 /* that something takes at most */
#define QUIET_MS 300  /* in which something would have come that must not */

struct published {
	uint64_t number;
	char topic[64], payload[1024];
};

static struct {
	struct pusher *pusher;
	struct push_kinds *kinds;
	int wake_fd;
	struct published got[16];
	size_t count;
} p;

static int setup(void **state)
{
	struct world *w;

	assert_int_equal(world_setup(state), 0);
	w = *state;
	memset(&p, 0, sizeof(p));
	p.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->now = (uint64_t)clock_wall_ms();
	w->conf.push_coalesce_ms = 0;
	world_chat(w, "lobby", KIND_GROUP, "The lobby");
	world_user(w, "alice", NULL);
	world_user(w, "bob", NULL);
	world_join(w, "lobby", "alice", true);
	world_join(w, "lobby", "bob", false);
	world_register(w, "bob", "phone", PUSH_MQTT, PREVIEW_ON);
	world_settle(w);
	assert_err(push_kinds_create(&p.kinds, &w->conf, why, sizeof(why)), ERR_OK);
	return 0;
}

static void start(struct world *w)
{
	world_settle(w);
	assert_err(pusher_create(&p.pusher, w->store, w->directory, &w->conf, p.kinds, &w->stats,
			   (const unsigned char *)WORLD_KEY, p.wake_fd, why, sizeof(why)),
		ERR_OK);
	pusher_link(p.pusher, true);
}

static void stop(void)
{
	pusher_destroy(p.pusher);
	p.pusher = NULL;
}

static int teardown(void **state)
{
	stop();
	push_kinds_destroy(p.kinds);
	close(p.wake_fd);
	return world_teardown(state);
}

/* --- the loop
 * ------------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct buf *effects, uint32_t count)
{
	(void)ctx;
	(void)effects;
	(void)count;
}

static void on_publish(void *ctx, uint64_t number, const char *topic, struct bytes payload)
{
	struct published *m = &p.got[p.count++];

	(void)ctx;
	assert_true(p.count < sizeof(p.got) / sizeof(*p.got));
	m->number = number;
	snprintf(m->topic, sizeof(m->topic), "%s", topic);
	snprintf(m->payload, sizeof(m->payload), "%.*s", (int)payload.len, payload.data);
}

static void on_unregister(void *ctx, struct bytes user, struct bytes device, uint64_t set_ms)
{
	(void)ctx;
	(void)user;
	(void)device;
	(void)set_ms;
}

/* Until so many were published, or the time is over. */
static bool wait_published(size_t count, int timeout_ms)
{
	const struct pusher_handler h = {on_answer, on_publish, on_unregister, NULL};
	int64_t end = clock_now_ms() + timeout_ms;
	struct pollfd fd = {.fd = p.wake_fd, .events = POLLIN};
	uint64_t ticks;

	while (p.count < count && clock_now_ms() < end) {
		poll(&fd, 1, 10);
		if (read(p.wake_fd, &ticks, sizeof(ticks)) < 0)
			continue;
		assert_err(pusher_take(p.pusher, &h, why, sizeof(why)), ERR_OK);
	}
	return p.count >= count;
}

static const struct published *published(size_t i)
{
	if (!wait_published(i + 1, LONG_MS))
		fail_msg("no push number %zu", i);
	return &p.got[i];
}

static void assert_no_more(size_t count)
{
	if (wait_published(count + 1, QUIET_MS))
		fail_msg("one too many: %s", p.got[count].payload);
}

static void assert_holds(const struct published *m, const char *part)
{
	if (!strstr(m->payload, part))
		fail_msg("%s lacks %s", m->payload, part);
}

/* A commit with a message, and its hint. */
static void say(struct world *w, const char *text_)
{
	w->now = (uint64_t)clock_wall_ms();
	world_say(w, "lobby", "alice", text_);
	world_settle(w);
	pusher_wake(p.pusher, w->outbox);
}

static void wait_walked(struct world *w, size_t left)
{
	for (int i = 0; world_outbox(w) > left; i++) {
		assert_true(i < LONG_MS / 5);
		usleep(5000);
	}
}

/* What waits, read by somebody else when the thread has ended. */
static bool waits_after_stop(struct world *w, struct push_waiting *out)
{
	stop();
	return world_waits(w, "bob", "phone", "lobby", out);
}

/* --- the tests
 * ------------------------------------------------------------------------------------ */

static void test_pusher_publishes_once(void **state)
{
	struct world *w = *state;
	struct push_waiting left;

	w->conf.push_coalesce_ms = 60000;
	start(w);
	assert_false(wait_published(1, QUIET_MS));
	say(w, "hi");
	assert_string_equal(published(0)->topic, "push/bob");
	assert_holds(published(0), "{\"user\":\"bob\",\"device\":\"phone\",\"chat\":\"lobby\"");
	assert_holds(published(0), "\"text\":\"hi\"");
	pusher_published(p.pusher, published(0)->number, PUSHER_PUBLISHED);
	assert_no_more(1);
	assert_true(waits_after_stop(w, &left));
	assert_int_equal(left.state, PUSH_RESTING);
	assert_int_equal(left.before, 1);
	assert_int_equal(w->stats.push_mqtt_delivered, 1);
}

/* What was said before it was started, and what it had not heard of when it ended. */
static void test_pusher_starts_with_what_is_left(void **state)
{
	struct world *w = *state;

	world_say(w, "lobby", "alice", "before");
	start(w);
	assert_holds(published(0), "\"text\":\"before\"");
	stop();
	start(w);
	assert_holds(published(1), "\"text\":\"before\"");
	pusher_published(p.pusher, published(1)->number, PUSHER_PUBLISHED);
	assert_no_more(2);
}

static void test_pusher_rests(void **state)
{
	struct world *w = *state;
	int64_t delivered;

	w->conf.push_coalesce_ms = 500;
	start(w);
	say(w, "one");
	published(0);
	delivered = clock_now_ms();
	pusher_published(p.pusher, published(0)->number, PUSHER_PUBLISHED);
	say(w, "two");
	say(w, "three");
	assert_holds(published(1), "\"text\":\"three\"");
	assert_holds(published(1), "\"count\":2,\"unread\":3");
	assert_true(clock_now_ms() - delivered >= 450);
	pusher_published(p.pusher, published(1)->number, PUSHER_PUBLISHED);
	assert_no_more(2);
}

/* The store has a message whose chat the directory has not: a commit is between its two steps. */
static void test_pusher_waits_for_the_whole_commit(void **state)
{
	struct world *w = *state;

	start(w);
	say(w, "one");
	wait_walked(w, 0);
	say(w, "two"); /* walked through a moment later */
	world_chat(w, "new", KIND_GROUP, "");
	world_join(w, "new", "bob", false);
	world_say(w, "new", "alice", "welcome");
	world_commit_store(w);
	wait_walked(w, 1);
	usleep(100000);
	assert_int_equal(world_outbox(w), 1);
	world_settle(w);
	pusher_wake(p.pusher, w->outbox);
	assert_holds(published(1), "\"text\":\"welcome\"");
}

/* A mention that comes while another one is under way is not lost with it. */
static void test_pusher_mention_in_flight(void **state)
{
	struct world *w = *state;

	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	start(w);
	say(w, "@bob 1");
	assert_holds(published(0), "\"text\":\"@bob 1\"");
	say(w, "@bob 2");
	say(w, "talk");
	wait_walked(w, 0);
	pusher_published(p.pusher, published(0)->number, PUSHER_PUBLISHED);
	assert_holds(published(1), "\"text\":\"@bob 2\"");
	pusher_published(p.pusher, published(1)->number, PUSHER_PUBLISHED);
	assert_no_more(2);
}

/* So far back that it takes several looks to find it. */
static void test_pusher_mention_far_back(void **state)
{
	struct world *w = *state;

	world_mute(w, "bob", "lobby", UINT64_MAX, true);
	w->now = (uint64_t)clock_wall_ms();
	world_say(w, "lobby", "alice", "@bob, here");
	for (int i = 0; i < 3000; i++)
		world_say(w, "lobby", "alice", "talk");
	start(w);
	assert_holds(published(0), "\"text\":\"@bob, here\"");
	assert_holds(published(0), "\"mention\":true");
	pusher_published(p.pusher, published(0)->number, PUSHER_PUBLISHED);
	assert_no_more(1);
	assert_int_equal(world_count(w), 0);
}

/* All day but for the minute that is twelve hours away. */
static struct push_prefs quiet_now(void)
{
	uint16_t now = (uint16_t)(clock_wall_ms() / 60000 % DAY_MINUTES);

	return (struct push_prefs){.quiet = true,
		.mentions = true,
		.from = (uint16_t)((now + 721) % DAY_MINUTES),
		.to = (uint16_t)((now + 720) % DAY_MINUTES)};
}

/* A mention in quiet hours in which something waits already. */
static void test_pusher_mention_in_quiet_hours(void **state)
{
	struct world *w = *state;
	struct push_prefs prefs = quiet_now();
	struct push_waiting left;

	world_prefs(w, "bob", &prefs);
	start(w);
	say(w, "at night");
	assert_no_more(0);
	say(w, "wake up, @bob");
	assert_holds(published(0), "\"text\":\"wake up, @bob\"");
	pusher_published(p.pusher, published(0)->number, PUSHER_PUBLISHED);
	say(w, "good night");
	assert_no_more(1);
	assert_true(waits_after_stop(w, &left));
	assert_int_equal(left.state, PUSH_WAITING);
	assert_int_equal(left.before, 2);
	assert_true(left.due > w->now + 10 * HOUR);
}

/* They end when they are switched off, not when they would have; also for what had failed before.
 */
static void test_pusher_quiet_hours_that_end(void **state)
{
	struct world *w = *state;
	struct push_prefs prefs = quiet_now();

	start(w);
	say(w, "late in the evening");
	pusher_published(p.pusher, published(0)->number, PUSHER_UNSENT);
	world_prefs(w, "bob", &prefs);
	world_settle(w);
	assert_no_more(1);
	usleep(2000000); /* tried again by now, if it were not quiet */
	assert_no_more(1);
	pusher_prefs(p.pusher, text("bob")); /* as quiet as before */
	assert_no_more(1);
	prefs = (struct push_prefs){.mentions = true};
	world_prefs(w, "bob", &prefs);
	world_settle(w);
	pusher_prefs(p.pusher, text("alice"));
	assert_no_more(1);
	pusher_prefs(p.pusher, text("bob"));
	assert_holds(published(1), "\"text\":\"late in the evening\"");
	pusher_published(p.pusher, published(1)->number, PUSHER_PUBLISHED);
	assert_no_more(2);
}

/* Held from the last message on, not from the first. */
static void test_pusher_holds(void **state)
{
	struct world *w = *state;

	w->conf.push_hold_ms = 600;
	world_connect(w, "bob", "phone");
	start(w);
	say(w, "one");
	usleep(400000);
	say(w, "two");
	usleep(400000); /* the hold of the first is over */
	world_disconnect(w, "bob", "phone");
	world_settle(w);
	pusher_gone(p.pusher, text("bob"));
	assert_holds(published(0), "\"text\":\"two\"");
	assert_holds(published(0), "\"count\":2");
}

static void test_pusher_not_needed_after_a_hold(void **state)
{
	struct world *w = *state;
	struct push_waiting left;

	w->conf.push_hold_ms = 200;
	world_connect(w, "bob", "phone");
	start(w);
	say(w, "one");
	for (int64_t until = clock_now_ms() + 10000;
		w->stats.push_not_needed == 0 && clock_now_ms() < until;)
		usleep(1000);
	assert_int_equal(w->stats.push_not_needed, 1);
	assert_no_more(0);
	world_disconnect(w, "bob", "phone");
	world_settle(w);
	pusher_gone(p.pusher, text("bob"));
	assert_no_more(0);
	assert_false(waits_after_stop(w, &left));
}

/* Who is connected is not known while the broker is away. */
static void test_pusher_holds_while_the_broker_is_away(void **state)
{
	struct world *w = *state;
	struct push_waiting left;

	w->conf.push_hold_ms = 100;
	world_connect(w, "bob", "phone");
	start(w);
	pusher_link(p.pusher, false);
	say(w, "one");
	assert_no_more(0);
	usleep(500000);
	assert_true(waits_after_stop(w, &left));
	assert_int_equal(left.state, PUSH_HELD);
	assert_int_equal(w->stats.push_not_needed, 0);
}

/* The device has another registration since: its push goes in that one's lane. */
static void test_pusher_moves_to_the_lane(void **state)
{
	struct world *w = *state;
	struct push_whose whose = {text("bob"), text("phone"), text("lobby")};
	struct push_waiting put = {.state = PUSH_WAITING,
		.lane = push_lane(text("fcm")),
		.due = w->now - 1000,
		.since = w->now - 1000};
	struct push_waiting left;

	world_say(w, "lobby", "alice", "hi");
	push_waiting_put(w->list, &whose, NULL, &put);
	assert_int_equal(push_waiting_commit(w->list, why, sizeof(why)), ERR_OK);
	start(w);
	assert_holds(published(0), "\"text\":\"hi\"");
	assert_true(waits_after_stop(w, &left));
	assert_int_equal(left.lane, push_lane(text("mqtt")));
	assert_int_equal(world_count(w), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_pusher_publishes_once),
		TEST(test_pusher_starts_with_what_is_left),
		TEST(test_pusher_rests),
		TEST(test_pusher_waits_for_the_whole_commit),
		TEST(test_pusher_mention_in_flight),
		TEST(test_pusher_mention_far_back),
		TEST(test_pusher_mention_in_quiet_hours),
		TEST(test_pusher_quiet_hours_that_end),
		TEST(test_pusher_holds),
		TEST(test_pusher_not_needed_after_a_hold),
		TEST(test_pusher_holds_while_the_broker_is_away),
		TEST(test_pusher_moves_to_the_lane),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("pusher", tests, NULL, NULL);
}
