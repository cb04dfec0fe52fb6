/* push_many_test.c — very many pushes: to a channel of 100,000, while others chat; and while a
 * provider is down, when they wait on disk and not in memory.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/gateway.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/sanitize.h"
#include "wire/buf.h"

enum { CROWD = 100000, DEVICES = 1000 };

static struct instance *in;
static struct gateway *gateway;
static struct client *editor;

/* Times and sizes that hold without sanitizers. */
static int64_t granted(int64_t n)
{
	return n * case_patience_ms() / 20000;
}

/* An instance with users m0, m1, … and so many channels c0, c1, … with all of them, which the
 * editor writes to. */
static void start(unsigned members, unsigned channels, const char *const more[])
{
	struct buf b = {0};
	int64_t began = case_now_ms();

	buf_str(&b, instance_people);
	buf_str(&b, "{\"user\":\"editor\"}\n");
	for (unsigned k = 0; k < members; k++)
		buf_printf(&b, "{\"user\":\"m%u\"}\n", k);
	for (unsigned c = 0; c < channels; c++) {
		buf_printf(&b,
			"{\"chat\":\"c%u\",\"kind\":\"channel\",\"admins\":[\"editor\"],"
			"\"members\":[\"editor\"",
			c);
		for (unsigned k = 0; k < members; k++)
			buf_printf(&b, ",\"m%u\"", k);
		buf_str(&b, "]}\n");
	}
	buf_u8(&b, '\0');
	assert_false(b.failed);
	in = instance_create(b.data);
	buf_free(&b);
	gateway = gateway_start(in, 1);
	instance_set(in, "rate_per_user", "0");
	for (size_t k = 0; more && more[k]; k += 2)
		instance_set(in, more[k], more[k + 1]);
	instance_start(in);
	editor = client_5(in, "editor", "desk");
	printf("push: %u members in %u channels served after %.1f s\n", members, channels,
		(double)(case_now_ms() - began) / 1000);
}

/* The first of them have a device that is away. */
static void register_devices(void)
{
	int64_t began = case_now_ms();

	pushing_register_many(in, "m", DEVICES, "webhook");
	client_barrier(editor);
	printf("push: %u devices registered in %.1f s\n", DEVICES,
		(double)(case_now_ms() - began) / 1000);
}

static bool nothing_waits(void *arg)
{
	(void)arg;
	return pushing_stat(in, "push_waiting") == 0;
}

/* So many pushes are taken in the end, each once, and no more. They come one after the other: a
 * push that failed is tried again after some seconds, but nothing waits for as long as an answer
 * may take (push_timeout, 15 s). */
static void expect_taken(uint64_t count)
{
	enum { GAP_MS = 10000 };
	int64_t until = case_now_ms() + granted(GAP_MS);
	uint64_t taken, was = gateway_taken(gateway);

	while ((taken = gateway_taken(gateway)) < count && case_now_ms() < until) {
		if (taken > was)
			until = case_now_ms() + granted(GAP_MS);
		was = taken;
		case_pause_ms(2);
	}
	if (taken < count || !case_wait(nothing_waits, NULL))
		case_fail("%llu pushes are taken and %.0f wait; it should be %llu, and none",
			(unsigned long long)gateway_taken(gateway),
			pushing_stat(in, "push_waiting"), (unsigned long long)count);
	assert_int_equal(gateway_taken(gateway), count);
	assert_int_equal(gateway_repeated(gateway), 0);
}

/* --- a channel of 100,000
 * -------------------------------------------------------------------------- */

enum { RATE = 200, SECONDS = 3, SENT = RATE * SECONDS };

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Alice writes to bob. */
struct couple {
	struct client *alice, *bob;
};

static struct couple open_couple(struct instance *i)
{
	struct couple c = {client_5(i, "alice", "desk"), client_5(i, "bob", "desk")};

	client_subscribe_ok(c.bob, "chat/alice:bob/msg", 1);
	return c;
}

/* How long 99 of 100 messages took at most, ms: from when they were to be sent until they were
 * there. */
static int64_t judge(struct couple *c, int64_t began)
{
	int64_t took[SENT];

	for (int k = 0; k < SENT; k++) {
		char *text = case_printf("\"%lld-%d.\"", (long long)began, k);

		took[k] = client_take(c->bob, "chat/alice:bob/msg", text)->arrived_ms -
			  (began + k * 1000 / RATE);
	}
	qsort(took, SENT, sizeof(*took), by_size);
	return took[SENT - 1 - SENT / 100];
}

/* Both chat at the same time, on the same machine and whatever else it does; and every second the
 * editor writes to the channel. */
static void measure(struct couple *beside, struct couple *apart, int64_t *with, int64_t *without)
{
	int64_t began = case_now_ms();

	for (int k = 0; k < SENT; k++) {
		int64_t early = began + k * 1000 / RATE - case_now_ms();

		if (early > 0)
			case_pause_ms((int)early);
		if (k % RATE == 0)
			client_send(editor, "c0", "to all");
		client_sendf(beside->alice, "alice:bob", "%lld-%d.", (long long)began, k);
		client_sendf(apart->alice, "alice:bob", "%lld-%d.", (long long)began, k);
	}
	*with = judge(beside, began);
	*without = judge(apart, began);
}

static void test_p8_a_channel_of_100000(void **state)
{
	enum { TRIES = 3 };
	struct instance *plain = instance_create(instance_people);
	struct couple beside, apart;
	uint64_t pushes = DEVICES;
	int64_t began, with, without;

	(void)state;
	instance_start(plain);
	start(CROWD - 1, 1, NULL); /* the editor is the last one */
	register_devices();
	began = case_now_ms();
	client_send(editor, "c0", "the first");
	expect_taken(pushes);
	printf("push: one message to %u members: %u pushes in %lld ms\n", CROWD, DEVICES,
		(long long)(case_now_ms() - began));
	beside = open_couple(in);
	apart = open_couple(plain);
	for (int k = 0; k < TRIES; k++) {
		measure(&beside, &apart, &with, &without);
		pushes += (uint64_t)DEVICES * SECONDS;
		expect_taken(pushes);
		printf("push: p99 from send to echo %lld ms beside %u pushes a second, %lld ms "
		       "apart "
		       "from them\n",
			(long long)with, DEVICES, (long long)without);
		if (with <= 3 * without + granted(20))
			return;
	}
	case_fail("the commit path notices");
}

/* --- a provider that is down
 * ----------------------------------------------------------------------- */

enum { TEXT = 2000 };

/* Of the daemon alone, without what it has mapped of files, kB. */
static long memory(void)
{
	const char *status = slurp(case_printf("/proc/%d/status", (int)in->daemon.pid), NULL);
	const char *rss = status ? strstr(status, "RssAnon:") : NULL;

	assert_non_null(rss);
	return strtol(rss + 8, NULL, 10);
}

/* A long message to all in each of those channels. */
static void write_to_all(unsigned from, unsigned to)
{
	char *text = case_alloc(TEXT + 1);

	memset(text, 'x', TEXT);
	for (unsigned c = from; c < to; c++)
		client_send(editor, case_printf("c%u", c), text);
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static bool any_is_taken(void *arg)
{
	(void)arg;
	return gateway_taken(gateway) > 0;
}

static void send_all(unsigned count)
{
	int64_t began = case_now_ms(), first;

	assert_true(case_wait(any_is_taken, NULL));
	first = case_now_ms();
	expect_taken(count);
	printf("push: a provider was asked again %.1f s after it came back, and had taken all %u "
	       "that "
	       "waited %.1f s later\n",
		(double)(first - began) / 1000, count, (double)(case_now_ms() - first) / 1000);
}

/* Were each of them kept in memory with its text, it would be three times what is granted here. */
static void test_what_waits_for_a_provider_does_so_on_disk(void **state)
{
	/* what LevelDB may keep in memory is the operator's choice */
	static const char *const small_store[] = {
		"store_write_buffer_size", "4M", "store_cache_size", "4M", NULL};
	enum { CHANNELS = 30, ALL = DEVICES * CHANNELS, GRANTED_KB = 20 * 1024 };
	long before, most = 0;
	int64_t began;

	(void)state;
	start(DEVICES, CHANNELS, sanitize_on() ? NULL : small_store);
	register_devices();
	gateway_down(gateway);
	before = memory();
	write_to_all(0, CHANNELS);
	pushing_wait_stat(in, "push_waiting", ALL);
	began = case_now_ms();
	assert_int_equal(count_lines(CTL_OK(in, "push", "queue")), 1 + ALL); /* a head, too */
	printf("push: %d that wait are listed in %lld ms\n", ALL,
		(long long)(case_now_ms() - began));
	most = memory();
	gateway_up(gateway);
	send_all(ALL);
	if (memory() > most)
		most = memory();
	printf("push: the daemon had %.1f MB, and at most %.1f MB while they waited\n",
		(double)before / 1024, (double)most / 1024);
	/* sanitizers keep what was given back */
	assert_true(sanitize_on() || most - before < GRANTED_KB);
}

static bool is_full(void)
{
	return pushing_stat(in, "push_waiting") == DEVICES;
}

/* When no more may wait messages do so themselves, and follow. */
static void test_no_more_than_may_wait(void **state)
{
	enum { CHANNELS = 20 };
	int64_t until;

	(void)state;
	start(DEVICES, CHANNELS,
		(const char *const[]){"push_waiting_max", case_printf("%d", DEVICES), NULL});
	register_devices();
	gateway_down(gateway);
	client_send(editor, "c0", "the first");
	pushing_wait_stat(in, "push_waiting", DEVICES);
	write_to_all(1, CHANNELS);
	client_barrier(editor);
	/* it looks again and again whether there is room */
	for (until = case_now_ms() + granted(1200); case_now_ms() < until;)
		assert_true(is_full());
	instance_kill_daemon(in);
	instance_start_daemon(in);
	instance_wait_ready(in);
	for (until = case_now_ms() + granted(1200); case_now_ms() < until;)
		assert_true(is_full());
	gateway_up(gateway);
	send_all(DEVICES * CHANNELS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_p8_a_channel_of_100000),
		SYSTEM(test_what_waits_for_a_provider_does_so_on_disk),
		SYSTEM(test_no_more_than_may_wait),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
