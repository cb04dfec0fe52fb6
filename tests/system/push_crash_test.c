/* push_crash_test.c — P8 against kill -9 and clocks that are set: every message leads to a push,
 * whatever dies under load and however its provider does meanwhile.
 *
 * "At random moments" is meant: each run draws its own. A failure prints the seed; SEED=n repeats
 * the draws, though not the machine's scheduling.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/gateway.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"
#include "tests/support/pushing.h"

enum { ROUNDS = 10, SENDERS = 6, PEOPLE = 250, CROWD = 8, IN_FLIGHT = 32 };

static struct instance *in;
static struct gateway *gateway;
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

/* --- kill -9
 * --------------------------------------------------------------------------------------- */

/* Senders s0, … write to everybody, u0, …, one message each, in a chat that it makes; alice goes on
 * and on in lobby, in which the first few are. */
static const char *make_people(void)
{
	struct buf b = {0};
	const char *lines;

	buf_str(&b, "{\"user\":\"alice\"}\n");
	for (int k = 0; k < SENDERS; k++)
		buf_printf(&b, "{\"user\":\"s%d\"}\n", k);
	for (int k = 0; k < PEOPLE; k++)
		buf_printf(&b, "{\"user\":\"u%d\"}\n", k);
	buf_str(&b, "{\"chat\":\"lobby\",\"members\":[\"alice\"");
	for (int k = 0; k < CROWD; k++)
		buf_printf(&b, ",\"u%d\"", k);
	buf_str(&b, "]}\n");
	lines = case_printf("%.*s", (int)b.len, b.data);
	buf_free(&b);
	return lines;
}

/* The daemon, the broker, or both, in either order; which is also the order in which they come
 * back. Returns how many daemons died. */
static unsigned kill_and_restart(void)
{
	int what = draw(0, 4);

	if (what == 0) {
		instance_kill_broker(in);
		instance_start_broker(in);
		return 0;
	}
	if (what == 1) {
		instance_kill_broker(in);
		instance_kill_daemon(in);
		instance_start_daemon(in);
		instance_start_broker(in);
		return 1;
	}
	instance_kill_daemon(in);
	if (what == 2) {
		instance_kill_broker(in);
		instance_start_broker(in);
	}
	case_pause_ms(draw(0, 20));
	instance_start_daemon(in);
	return 1;
}

struct expected {
	struct load *const *pairs;
	uint64_t lobby; /* its last seq */
	const char *user, *chat;
	uint64_t seq, newest;
};

/* Finds the first of whom the gateway has not heard what it should. */
static bool is_pushed(struct expected *e, const char *user, const char *chat, uint64_t seq)
{
	e->user = user;
	e->chat = chat;
	e->seq = seq;
	e->newest = gateway_newest(gateway, user, "phone", chat);
	return e->newest == seq;
}

static bool everything_is_pushed(struct expected *e)
{
	static char user[32], chat[64];

	for (unsigned k = 0; k < PEOPLE; k++) {
		snprintf(user, sizeof(user), "u%u", k);
		for (unsigned s = 0; s < SENDERS; s++) {
			snprintf(chat, sizeof(chat), "s%u:u%u", s, k);
			if (k < load_acked(e->pairs[s]) && !is_pushed(e, user, chat, 1))
				return false;
		}
		if (k < CROWD && !is_pushed(e, user, "lobby", e->lobby))
			return false;
	}
	return true;
}

/* Tries that failed several times are some time apart. */
static void wait_for_everything(struct expected *e)
{
	int64_t until = case_now_ms() + 2 * case_patience_ms();

	while (!everything_is_pushed(e)) {
		if (case_now_ms() > until) {
			struct run r = CTL(in, "push", "queue");

			case_fail(
				"%s was pushed seq %llu of %s, but should be %llu; what waits:\n%s",
				e->user, (unsigned long long)e->newest, e->chat,
				(unsigned long long)e->seq, r.out);
		}
		case_pause_ms(10);
	}
}

static uint64_t last_seq(const char *chat)
{
	return (uint64_t)json_num(client_requestf(client_5(in, "alice", "reader"), "history",
					  "{\"chat\":\"%s\",\"limit\":1}", chat),
		"seq");
}

static void start_loads(struct load *pairs[SENDERS], struct load **lobby)
{
	for (int k = 0; k < SENDERS; k++)
		pairs[k] = load_start(in, &(struct load_opts){.user = case_printf("s%d", k),
						  .device = "l",
						  .chat = case_printf("s%d:u", k),
						  .prefix = "p",
						  .chats = PEOPLE,
						  .window = 4,
						  .pause_us = 5000});
	*lobby = load_start(in, &(struct load_opts){.user = "alice",
					.device = "l",
					.chat = "lobby",
					.prefix = "l",
					.version = 5,
					.pause_us = 2000});
}

/* Every message of a chat of its own is pushed, and the last one of the chat where there are many.
 * What had been on its way to the provider when the daemon died, or when the provider did, may be
 * pushed again. */
static void through_kills(const char *how, const struct gateway_manners *manners, bool goes_away,
	const char *coalesce)
{
	struct load *pairs[SENDERS], *lobby;
	struct expected e = {.pairs = pairs};
	unsigned deaths = 0;
	uint64_t messages = 0;
	int64_t loads_over;

	draw_seed();
	in = instance_create(make_people());
	gateway = gateway_start(in, seed);
	gateway_behave(gateway, manners);
	instance_set(in, "rate_per_user", "0");
	instance_set(in, "push_coalesce", coalesce);
	instance_set(in, "push_in_flight", case_printf("%d", IN_FLIGHT));
	instance_start(in);
	pushing_register_many(in, "u", PEOPLE, "webhook");
	start_loads(pairs, &lobby);
	for (int round = 0; round < ROUNDS; round++) {
		case_pause_ms(draw(1, 250));
		if (goes_away && round % 3 == 0) {
			gateway_down(gateway);
			deaths++;
		}
		deaths += kill_and_restart();
		load_wait(lobby, 5);
		if (goes_away && round % 3 == 1)
			gateway_up(gateway);
	}
	if (goes_away && ROUNDS % 3 == 1)
		gateway_up(gateway);
	for (int k = 0; k < SENDERS; k++) {
		load_stop(pairs[k]);
		messages += load_acked(pairs[k]);
	}
	load_stop(lobby);
	gateway_behave(gateway, NULL);
	instance_wait_ready(in);
	loads_over = case_now_ms();
	e.lobby = last_seq("lobby");
	wait_for_everything(&e);
	printf("push: %s: %llu chats and one of %llu messages; %u deaths; %llu pushes taken, %llu "
	       "of "
	       "them again, %llu refused; all there %.1f s after the last message (SEED=%u)\n",
		how, (unsigned long long)messages, (unsigned long long)e.lobby, deaths,
		(unsigned long long)gateway_taken(gateway),
		(unsigned long long)gateway_repeated(gateway),
		(unsigned long long)gateway_refused(gateway),
		(double)(case_now_ms() - loads_over) / 1000, seed);
	assert_true(messages > 0);
	assert_true(gateway_repeated(gateway) <= (uint64_t)deaths * IN_FLIGHT);
}

static void test_p8_kill_9_with_a_slow_provider(void **state)
{
	(void)state;
	through_kills("provider slow", &(struct gateway_manners){.delay_ms = 50}, false, "0s");
}

static void test_p8_kill_9_with_a_failing_provider(void **state)
{
	(void)state;
	through_kills("provider failing",
		&(struct gateway_manners){.delay_ms = 5, .broken = 8, .closing = 4, .limiting = 8},
		false, "0s");
}

static void test_p8_kill_9_with_a_provider_that_is_down(void **state)
{
	(void)state;
	through_kills("provider down", &(struct gateway_manners){.delay_ms = 10}, true, "500ms");
}

/* --- connections that end with the broker
 * ---------------------------------------------------------- */

static struct client *alice;

struct arrival {
	const char *chat;
	uint64_t seq;
};

static bool has_arrived(void *arg)
{
	const struct arrival *a = arg;

	return gateway_newest(gateway, "bob", "phone", a->chat) == a->seq;
}

/* Bob is pushed that message soon, not in an hour or a day. */
static void expect_pushed(const char *chat, uint64_t seq)
{
	struct arrival a = {chat, seq};

	if (!case_wait(has_arrived, &a))
		case_fail("seq %llu of %s is not pushed; what waits:\n%s", (unsigned long long)seq,
			chat, CTL(in, "push", "queue").out);
}

/* A message goes to a connection that the broker takes along when it dies. */
static void lose_connection(const char *hold, int down_ms)
{
	in = instance_create(instance_people);
	gateway = gateway_start(in, 1);
	instance_set(in, "push_hold", hold);
	instance_start(in);
	pushing_register(in, "bob", "phone", "webhook", "");
	client_5(in, "bob", "phone");
	alice = client_5(in, "alice", "desk");
	client_send(alice, "alice:bob", "into the void");
	client_barrier(alice);
	pushing_wait_stat(in, "push_waiting", 1);
	instance_kill_broker(in);
	case_pause_ms(down_ms);
	instance_start_broker(in);
	instance_wait_ready(in);
	expect_pushed("alice:bob", 1);
}

static void test_p8_a_broker_that_dies_takes_connections_along(void **state)
{
	(void)state;
	lose_connection("1h", 0);
}

/* While it is away nobody can say that the device is gone. */
static void test_p8_a_broker_that_is_away_for_longer_than_pushes_are_held(void **state)
{
	(void)state;
	lose_connection("1s", 2500);
}

/* --- clocks that are set
 * --------------------------------------------------------------------------- */

#define DAY_MS 86400000

static int64_t *ahead; /* the instance's clock, ms; see instance_clock() */

static bool daemon_serves(void *arg)
{
	const char *out = slurp(in->daemon.log, NULL);

	(void)arg;
	return out && strstr(out, "ready");
}

/* A machine whose clock is wrong at the start and then right, and the test's from there on; bob is
 * away, and alice writes to him. */
static void start_with_clock(int64_t ahead_ms, const char *option, const char *value)
{
	in = instance_create(instance_people);
	ahead = instance_clock(in);
	gateway = gateway_start(in, 1);
	instance_set(in, option, value);
	instance_start_broker(in);
	*ahead = ahead_ms;
	instance_start_daemon(in);
	assert_true(case_wait(daemon_serves, NULL));
	*ahead = 0;
	instance_wait_ready(in);
	pushing_register(in, "bob", "phone", "webhook", "");
	alice = client_5(in, "alice", "desk");
}

static const struct gateway_manners refusing = {.limiting = 100};

/* A message that is tried again in a second or two; the gateway takes nothing from now on. */
static void send_in_vain(void)
{
	double was = pushing_stat(in, "push_webhook_retried");

	gateway_behave(gateway, &refusing);
	client_send(alice, "alice:bob", "not yet");
	pushing_wait_stat(in, "push_webhook_retried", was + 1);
}

static void set_while_stopped(int64_t to, const struct gateway_manners *manners)
{
	instance_stop_daemon(in);
	*ahead = to;
	gateway_behave(gateway, manners);
	instance_start_daemon(in);
}

static void expect_none_expired(void)
{
	assert_int_equal(pushing_stat(in, "push_expired"), 0);
	assert_int_equal(pushing_stat(in, "push_webhook_dropped"), 0);
}

/* Set while the daemon runs: what waits does so as long as it would have, what is new leaves at
 * once. */
static void test_a_clock_that_is_set(void **state)
{
	static const int64_t to[] = {DAY_MS, -DAY_MS, 0};
	uint64_t seq = 0;

	(void)state;
	start_with_clock(10 * DAY_MS, "push_ttl", "7d");
	for (unsigned k = 0; k < COUNT(to); k++) {
		send_in_vain();
		*ahead = to[k];
		gateway_behave(gateway, NULL);
		expect_pushed("alice:bob", ++seq);
		client_send(alice, "alice:bob", "at once");
		expect_pushed("alice:bob", ++seq);
	}
	expect_none_expired();
}

/* Set between a stop, or a death, and a start. */
static void test_a_clock_that_is_set_while_nobody_looks(void **state)
{
	static const int64_t to[] = {-DAY_MS, DAY_MS, 0};
	uint64_t seq = 0;

	(void)state;
	start_with_clock(0, "push_coalesce", "2s");
	for (unsigned k = 0; k < COUNT(to); k++) {
		send_in_vain();
		set_while_stopped(to[k], NULL);
		expect_pushed("alice:bob", ++seq);
		/* one was sent just now: the next one follows after a while, but not a long one */
		instance_kill_daemon(in);
		*ahead -= DAY_MS;
		instance_start_daemon(in);
		client_send(alice, "alice:bob", "soon");
		expect_pushed("alice:bob", ++seq);
	}
	expect_none_expired();
}

/* A push that waits for long is as old as the newest message it stands for. */
static void test_what_is_too_old_expires(void **state)
{
	(void)state;
	start_with_clock(0, "push_ttl", "10m");
	send_in_vain();
	set_while_stopped(6 * 60000, &refusing);
	client_send(alice, "alice:bob", "six minutes later");
	client_barrier(alice);
	set_while_stopped(11 * 60000, NULL);
	instance_wait_ready(in);
	expect_pushed("alice:bob", 2);
	expect_none_expired();
	send_in_vain();
	set_while_stopped(22 * 60000, NULL);
	instance_wait_ready(in);
	pushing_wait_stat(in, "push_expired", 1);
	client_send(alice, "lobby", "something new");
	expect_pushed("lobby", 1);
	assert_int_equal(gateway_newest(gateway, "bob", "phone", "alice:bob"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_p8_kill_9_with_a_slow_provider),
		SYSTEM(test_p8_kill_9_with_a_failing_provider),
		SYSTEM(test_p8_kill_9_with_a_provider_that_is_down),
		SYSTEM(test_p8_a_broker_that_dies_takes_connections_along),
		SYSTEM(test_p8_a_broker_that_is_away_for_longer_than_pushes_are_held),
		SYSTEM(test_a_clock_that_is_set),
		SYSTEM(test_a_clock_that_is_set_while_nobody_looks),
		SYSTEM(test_what_is_too_old_expires),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
