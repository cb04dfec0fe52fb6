/* operator_offline_test.c — gnatterctl while the daemon is down: what has to reach somebody waits
 * for the daemon, as long as there may be somebody; everything else is done at once. */
#include <string.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/people.h"
#include "wire/record.h"

static bool spool_is_empty(void *arg)
{
	return instance_counters(arg).spool_used == 0;
}

/* Stop the daemon when it has stored all that was accepted. */
static void stop_daemon(struct instance *i)
{
	if (!case_wait(spool_is_empty, i))
		case_fail("the spool is not emptied");
	instance_stop_daemon(i);
}

static void start_daemon(struct instance *i)
{
	instance_start_daemon(i);
	instance_wait_ready(i);
}

/* The commands that reach somebody; bob is in the lobby and not disabled, eve is disabled. */
static const char *const reaching[][5] = {
	{"user", "disable", "bob"},
	{"user", "enable", "eve"},
	{"user", "remove", "bob"},
	{"user", "remove", "dave"},
	{"member", "remove", "lobby", "bob"},
	{"kick", "bob"},
};

/* Each is refused with these words, and nothing is changed. */
static void expect_all_refused(struct instance *i, const char *words)
{
	char *before = CTL_OK(i, "export");
	struct run r;

	for (size_t k = 0; k < COUNT(reaching); k++) {
		r = ctl(i, reaching[k]);
		expect_sentence(&r, words);
		assert_string_equal(r.out, "");
		assert_string_equal(before, CTL_OK(i, "export"));
	}
}

static void expect_all_done(struct instance *i)
{
	struct run r;

	CTL_OK(i, "user", "disable", "bob");
	CTL_OK(i, "user", "enable", "bob");
	CTL_OK(i, "user", "enable", "eve");
	CTL_OK(i, "kick", "bob");
	CTL_OK(i, "member", "remove", "lobby", "bob");
	CTL_OK(i, "user", "remove", "bob");
	CTL_OK(i, "user", "remove", "dave");
	r = CTL(i, "user", "disable", "bob");
	expect_sentence(&r, "no such user");
}

static struct instance *create(void)
{
	struct instance *i = instance_create(instance_people);

	CTL_OK(i, "user", "disable", "eve"); /* no broker was ever there */
	return i;
}

/* --- a broker without its daemon ------------------------------------------------------------- */

static void test_refused_while_the_broker_runs(void **state)
{
	struct instance *i = create();
	struct client *bob;
	struct run r;

	(void)state;
	instance_start(i);
	bob = client_5(i, "bob", "phone");
	client_barrier(bob);
	stop_daemon(i);
	expect_all_refused(i, "the broker runs");
	r = CTL(i, "user", "disable", "nobody");
	expect_sentence(&r, "no such user");
	assert_true(client_connected(bob));
	start_daemon(i);
	CTL_OK(i, "user", "disable", "bob");
	client_wait_closed(bob);
	CTL_OK(i, "user", "enable", "bob");
	expect_all_done(i);
}

static void test_done_while_the_broker_runs(void **state)
{
	struct instance *i = create();
	struct client *dave;
	struct run r;

	(void)state;
	instance_start(i);
	stop_daemon(i);
	CTL_OK(i, "user", "add", "frank");
	CTL_OK(i, "chat", "create", "crew", "--member", "frank", "--admin", "dave");
	CTL_OK(i, "member", "add", "lobby", "dave");
	CTL_OK(i, "user", "list");
	CTL_OK(i, "chat", "list");
	CTL_OK(i, "token", "frank");
	r = ctl_in(i, (const char *const[]){"user", "password", "dave", "--password-stdin", NULL},
		"set later\n");
	assert_int_equal(r.code, 0);
	instance_import(i, "{\"user\":\"grace\",\"disabled\":true}\n"
			   "{\"chat\":\"club\",\"members\":[\"frank\"],\"admins\":[\"dave\"]}\n");
	dave = client_open(
		i, &(struct client_opts){.user = "dave", .device = "x", .password = "set later"});
	client_subscribe_ok(dave, "chat/crew/msg", 1);
	start_daemon(i);
	client_send(dave, "crew", "{\"id\":\"a\",\"text\":\"hello\"}");
	client_take(dave, "chat/crew/msg", "hello");
}

/* P6: who is removed is not shown online for ever. */
static void test_removed_is_shown_offline(void **state)
{
	struct instance *i = people_instance(1, 300);
	struct client *watcher = people_watch(i, "f0", "u0");
	struct client *device = people_device(i, "u0", "phone", 5);
	struct run r;

	(void)state;
	people_wait(watcher, "u0", true);
	stop_daemon(i);
	r = CTL(i, "user", "remove", "u0");
	expect_sentence(&r, "the broker runs");
	start_daemon(i);
	assert_true(client_connected(device));
	CTL_OK(i, "user", "remove", "u0");
	client_wait_closed(device);
	people_wait(watcher, "u0", false);
}

/* --- a spool that is not stored yet ---------------------------------------------------------- */

/* What bob was told is accepted comes before his removal, as it was sent before it. */
static void accepted_before_removed(bool killed)
{
	struct instance *i = create();
	struct client *alice, *bob;
	struct history h;

	instance_start(i);
	stop_daemon(i);
	bob = client_5(i, "bob", "phone");
	client_send(bob, "lobby", "{\"id\":\"k0\",\"text\":\"last words\"}");
	expect_all_refused(i, "the broker runs");
	if (killed)
		instance_kill_broker(i);
	else
		instance_stop_broker(i);
	expect_all_refused(i, "not stored yet");
	CTL_OK(i, "user", "add", "frank");
	instance_start(i);
	CTL_OK(i, "member", "remove", "lobby", "bob");
	alice = client_5(i, "alice", "phone");
	h = history_all(alice, "lobby");
	history_expect_once(&h, "bob", "k", 1);
}

static void test_accepted_before_removed(void **state)
{
	(void)state;
	accepted_before_removed(false);
}

static void test_accepted_before_removed_and_killed(void **state)
{
	(void)state;
	accepted_before_removed(true);
}

static void test_damaged_spool(void **state)
{
	struct instance *i = create();
	char *path = instance_path(i, "data/spool"), *bytes, *now;
	struct spool_header *h;
	size_t len, now_len;

	(void)state;
	instance_start(i);
	stop_daemon(i);
	instance_stop_broker(i);
	bytes = slurp(path, &len);
	h = (struct spool_header *)(void *)bytes;
	h->head = h->tail + RECORD_HEADER;
	memset(bytes + SPOOL_HEADER_SIZE + (h->tail - h->base) % h->size, 0xa5, RECORD_HEADER);
	spill(path, bytes, len);
	expect_all_refused(i, "the spool is damaged");
	CTL_OK(i, "user", "add", "frank");
	now = slurp(path, &now_len);
	assert_int_equal(now_len, len);
	assert_memory_equal(now, bytes, len);
	assert_int_equal(unlink(path), 0); /* as it says */
	expect_all_done(i);
}

/* --- nobody there ---------------------------------------------------------------------------- */

/* Both are stopped in this order by `gnatterctl run`, with people connected. */
static void test_done_with_both_stopped(void **state)
{
	struct instance *i = create();
	struct client *alice, *bob;

	(void)state;
	instance_start(i);
	alice = client_5(i, "alice", "phone");
	bob = client_5(i, "bob", "phone");
	client_subscribe_ok(alice, "chat/lobby/msg", 1);
	client_send(bob, "lobby", "hello");
	client_take(alice, "chat/lobby/msg", "hello");
	client_barrier(bob);
	stop_daemon(i);
	instance_stop_broker(i);
	expect_all_done(i);
	instance_start(i);
	assert_null(
		client_try(i, &(struct client_opts){.user = "bob", .device = "phone"}, &(int){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_refused_while_the_broker_runs),
		SYSTEM(test_done_while_the_broker_runs),
		SYSTEM(test_removed_is_shown_offline),
		SYSTEM(test_accepted_before_removed),
		SYSTEM(test_accepted_before_removed_and_killed),
		SYSTEM(test_damaged_spool),
		SYSTEM(test_done_with_both_stopped),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
