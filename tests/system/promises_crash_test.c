/* promises_crash_test.c — P1, P2 and P4 against kill -9: what was acknowledged is stored, once, and
 * what was seen had been stored.
 *
 * "At random moments" is meant: each run draws its own. A failure prints the seed; SEED=n repeats
 * the draws, though not the machine's scheduling.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"

static unsigned seed;

static void print_seed(void *arg)
{
	(void)arg;
	fprintf(stderr, "SEED=%u\n", seed);
}

static void draw_seed(void)
{
	seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10)
			      : (unsigned)case_now_ms();
	srandom(seed);
	case_forget_report(&seed);
	case_on_failure(print_seed, &seed);
}

static int draw(int from, int to)
{
	return from + (int)(random() % (to - from + 1));
}

static struct instance *start_without_rate_limit(void)
{
	struct instance *i = instance_create(instance_people);

	instance_set(i, "rate_per_user", "0");
	instance_start(i);
	return i;
}

/* One of the two, or both, in either order; which is also the order in which they come back. */
static void kill_and_restart(struct instance *i, struct load *l)
{
	switch (draw(0, 4)) {
	case 0:
		instance_kill_broker(i);
		instance_start_broker(i);
		break;
	case 1:
		instance_kill_daemon(i);
		instance_start_daemon(i);
		break;
	case 2: /* the broker goes on taking messages for a while */
		instance_kill_daemon(i);
		load_wait(l, (uint64_t)draw(0, 50));
		instance_start_daemon(i);
		break;
	case 3:
		instance_kill_broker(i);
		instance_kill_daemon(i);
		instance_start_daemon(i);
		instance_start_broker(i);
		break;
	default:
		instance_kill_daemon(i);
		load_wait(l, (uint64_t)draw(0, 50));
		instance_kill_broker(i);
		instance_start_broker(i);
		instance_start_daemon(i);
	}
}

static void test_p1_p4_kill_9_under_load(void **state)
{
	enum { ROUNDS = 24 };
	struct instance *i;
	struct load *loads[3];
	struct client *alice, *carol;
	struct history lobby, pair;

	(void)state;
	draw_seed();
	i = start_without_rate_limit();
	loads[0] = load_start(i, &(struct load_opts){.user = "alice",
					 .device = "l",
					 .chat = "lobby",
					 .prefix = "a",
					 .repeat = 7,
					 .pause_us = 1000});
	loads[1] = load_start(i, &(struct load_opts){.user = "bob",
					 .device = "l",
					 .chat = "lobby",
					 .prefix = "b",
					 .repeat = 5,
					 .version = 5,
					 .pause_us = 1000});
	loads[2] = load_start(i, &(struct load_opts){.user = "carol",
					 .device = "l",
					 .chat = "bob:carol",
					 .prefix = "c",
					 .version = 5,
					 .window = 64,
					 .pause_us = 1000});
	for (int round = 0; round < ROUNDS; round++) {
		case_pause_ms(draw(1, 120));
		kill_and_restart(i, loads[0]);
		for (size_t k = 0; k < COUNT(loads); k++)
			load_wait(loads[k], 5);
	}
	for (size_t k = 0; k < COUNT(loads); k++)
		load_stop(loads[k]);
	instance_wait_ready(i);
	alice = client_5(i, "alice", "reader");
	carol = client_5(i, "carol", "reader");
	lobby = history_all(alice, "lobby");
	pair = history_all(carol, "bob:carol");
	history_expect_once(&lobby, "alice", "a", load_acked(loads[0]));
	history_expect_once(&lobby, "bob", "b", load_acked(loads[1]));
	history_expect_once(&pair, "carol", "c", load_acked(loads[2]));
}

/* The repeat of a message is answered with the stored original, to that device alone, whatever died
 * in between. */
static void test_p4_repeat_after_kill_9(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *phone, *tablet, *bob;
	struct message *original, *again;
	size_t tablet_mark, bob_mark;

	(void)state;
	instance_start(i);
	phone = client_5(i, "alice", "phone");
	client_subscribe_ok(phone, "chat/lobby/msg", 1);
	client_send(phone, "lobby", "{\"id\":\"once\",\"text\":\"first words\"}");
	original = client_take(phone, "chat/lobby/msg", "\"once\"");
	instance_kill_daemon(i);
	instance_kill_broker(i);
	instance_start(i);
	client_close(phone);
	phone = client_5(i, "alice", "phone");
	tablet = client_5(i, "alice", "tablet");
	bob = client_5(i, "bob", "phone");
	client_subscribe_ok(tablet, "chat/lobby/msg", 1);
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	tablet_mark = client_mark(tablet);
	bob_mark = client_mark(bob);
	client_send(phone, "lobby", "{\"id\":\"once\",\"text\":\"other words\"}");
	again = client_take(phone, "chat/lobby/msg", "\"once\"");
	assert_string_equal(again->payload, original->payload);
	client_barrier(tablet);
	client_barrier(bob);
	client_none(tablet, tablet_mark, "chat/lobby/msg", NULL);
	client_none(bob, bob_mark, "chat/lobby/msg", NULL);
	assert_int_equal(history_all(bob, "lobby").count, 1);
}

/* P1 with nobody to pass it on: what is accepted while the daemon is dead outlives the broker, too.
 */
static void test_p1_spool_outlives_both(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct load *l;
	uint64_t acked;
	struct client *alice;
	struct history h;

	(void)state;
	instance_start(i);
	instance_kill_daemon(i);
	for (int round = 0; round < 3; round++) {
		l = load_start(i, &(struct load_opts){.user = "alice",
					  .device = "l",
					  .chat = "lobby",
					  .prefix = case_printf("r%d-", round),
					  .version = 5});
		load_wait(l, 200);
		instance_kill_broker(i);
		acked = load_acked(l);
		load_abort(l);
		instance_start_broker(i);
		instance_start_daemon(i);
		instance_wait_ready(i);
		alice = client_5(i, "alice", "reader");
		h = history_all(alice, "lobby");
		history_expect_once(&h, "alice", load_prefix(l), acked);
		instance_kill_daemon(i);
		client_close(alice);
	}
	instance_start_daemon(i);
	instance_wait_ready(i);
}

/* P2: the store of a daemon killed the moment the echo is there has the message. */
static void test_p2_echo_then_kill_9_then_disk(void **state)
{
	struct instance *i = instance_create(instance_people);

	(void)state;
	instance_start(i);
	for (int round = 1; round <= 5; round++) {
		struct client *alice = client_5(i, "alice", "phone"),
			      *bob = client_3(i, "bob", "phone");
		struct message *echo;
		char *stored;

		client_subscribe_ok(bob, "chat/lobby/msg", 1);
		client_sendf(
			alice, "lobby", "{\"id\":\"m%d\",\"text\":\"round %d\"}", round, round);
		echo = client_take(bob, "chat/lobby/msg", case_printf("\"m%d\"", round));
		instance_kill_daemon(i);
		stored = stored_bytes(i, "lobby", (uint64_t)round);
		assert_non_null(stored);
		assert_string_equal(stored, echo->payload);
		client_close(alice);
		client_close(bob);
		instance_start_daemon(i);
		instance_wait_ready(i);
	}
}

/* P2, "synced": with a disk whose syncs take a second nobody sees the message earlier. The
 * acknowledgement does not wait for the disk. */
static void test_p2_seen_after_sync(void **state)
{
	const char *env[] = {case_printf("LD_PRELOAD=%s", build_path("tests/slowsync.so")),
		"SLOWSYNC_MS=1000", NULL};
	struct instance *i = instance_create(instance_people);
	struct client *alice, *bob;
	int64_t start, acked, seen;

	(void)state;
	i->daemon_env = env;
	instance_start(i);
	alice = client_5(i, "alice", "phone");
	bob = client_5(i, "bob", "phone");
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	start = case_now_ms();
	client_send(alice, "lobby", "slowly");
	acked = case_now_ms() - start;
	client_take(bob, "chat/lobby/msg", "slowly");
	seen = case_now_ms() - start;
	assert_true(acked < 900);
	assert_true(seen >= 990);
}

/* Changes of membership write store and directory. One that was accepted is carried out once,
 * though daemon or both are killed in the middle of it: the directory says so, and the chat tells
 * it once. */
static void test_p1_changes_through_kills(void **state)
{
	enum { CHANGES = 16 };
	struct instance *i = instance_create(instance_people);

	(void)state;
	draw_seed();
	instance_start(i);
	for (int k = 0; k < CHANGES; k++) {
		struct client *alice = client_5(i, "alice", "phone");
		bool add = k % 2 == 0;
		struct publish p = {.topic = add ? "api/member.add" : "api/member.remove",
			.payload = "{\"chat\":\"lobby\",\"user\":\"eve\"}",
			.qos = 1};
		struct cJSON *members;

		assert_in_range(client_publish(alice, &p), 0, 0x10);
		if (draw(0, 1))
			case_pause_ms(draw(0, 3));
		instance_kill_daemon(i);
		if (k % 4 > 1) {
			instance_kill_broker(i);
			instance_start_broker(i);
		}
		client_close(alice);
		instance_start_daemon(i);
		instance_wait_ready(i);
		alice = client_5(i, "alice", "phone");
		members = json_at(
			client_request(alice, "chat.get", "{\"chat\":\"lobby\"}"), "members");
		assert_int_equal(json_find(members, "user", "eve") != NULL, add);
		assert_int_equal(history_all(alice, "lobby").count, k + 1);
		client_close(alice);
	}
}

/* Every seq from first to last has been seen, each for the first time in order, each time with the
 * same bytes. */
static void expect_all_seen(struct client *c, uint64_t first, uint64_t last)
{
	const struct message **seen = case_alloc((last + 1) * sizeof(*seen));
	uint64_t highest = first - 1;
	size_t count = client_mark(c);

	for (size_t k = 0; k < count; k++) {
		const struct message *m = client_at(c, k);
		int64_t seq = strncmp(m->topic, "chat/lobby/msg", 14) == 0
				      ? json_num(json_of(m->payload, m->len), "seq")
				      : 0;

		if (seq < 1 || (uint64_t)seq > last)
			continue;
		if (seen[seq]) {
			assert_string_equal(seen[seq]->payload, m->payload);
			continue;
		}
		if ((uint64_t)seq != highest + 1)
			case_fail("seq %lld was seen after %llu", (long long)seq,
				(unsigned long long)highest);
		highest = (uint64_t)seq;
		seen[seq] = m;
	}
	assert_int_equal(highest, last);
}

static bool has_seen(struct client *c, uint64_t seq)
{
	size_t n = client_mark(c);
	char *text = case_printf("\"seq\":%llu,", (unsigned long long)seq);

	while (n-- > 0) {
		if (strstr(client_at(c, n)->payload, text))
			return true;
	}
	return false;
}

static void wait_seen(struct client *c, uint64_t seq)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (!has_seen(c, seq)) {
		if (case_now_ms() > until)
			case_fail("seq %llu was not seen", (unsigned long long)seq);
		case_pause_ms(5);
	}
}

/* P2, "then seen": a subscriber who stays connected through 20 deaths of the daemon misses nothing.
 */
static void test_p2_subscriber_through_20_kills(void **state)
{
	struct instance *i;
	struct client *carol, *dave, *asker;
	struct load *a, *b;
	uint64_t last;

	(void)state;
	draw_seed();
	i = start_without_rate_limit();
	asker = client_5(i, "alice", "asker");
	client_request(asker, "member.add", "{\"chat\":\"lobby\",\"user\":\"dave\"}");
	carol = client_5(i, "carol", "phone");
	dave = client_3(i, "dave", "phone");
	client_subscribe_ok(carol, "chat/lobby/msg", 1);
	client_subscribe_ok(dave, "chat/lobby/msg", 2);
	a = load_start(i, &(struct load_opts){.user = "alice",
				  .device = "l",
				  .chat = "lobby",
				  .prefix = "a",
				  .pause_us = 1000});
	b = load_start(i, &(struct load_opts){.user = "bob",
				  .device = "l",
				  .chat = "lobby",
				  .prefix = "b",
				  .version = 5,
				  .pause_us = 1000});
	for (int round = 0; round < 20; round++) {
		size_t before = client_mark(carol);

		case_pause_ms(draw(1, 100));
		instance_kill_daemon(i);
		instance_start_daemon(i);
		client_wait_count(carol, "chat/lobby/msg", before + 5);
	}
	load_stop(a);
	load_stop(b);
	client_barrier(asker);
	last = history_all(asker, "lobby").count;
	assert_true(last >= load_acked(a) + load_acked(b));
	wait_seen(carol, last);
	wait_seen(dave, last);
	/* seq 1 told of dave's joining, when nobody was listening yet */
	expect_all_seen(carol, 2, last);
	expect_all_seen(dave, 2, last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_p1_p4_kill_9_under_load),
		SYSTEM(test_p4_repeat_after_kill_9),
		SYSTEM(test_p1_spool_outlives_both),
		SYSTEM(test_p1_changes_through_kills),
		SYSTEM(test_p2_echo_then_kill_9_then_disk),
		SYSTEM(test_p2_seen_after_sync),
		SYSTEM(test_p2_subscriber_through_20_kills),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
