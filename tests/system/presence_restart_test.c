/* presence_restart_test.c — P6 when broker and daemon are killed or stopped, each alone and both,
 * with clients that come back and such that do not, and with a mosquitto.db of former days.
 *
 * Each test has an instance of its own with two users and their friends; u0 is online, and f0
 * watches.
 */
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"

enum { GRACE_MS = 300, RESTART_MS = 5000 }; /* "within seconds of its start" */

static struct instance *in;
static const char *user, *friend;
static struct client *watcher;

/* The pair n, both offline by now, with the friend watching. */
static void watch_pair(int n)
{
	user = case_printf("u%d", n);
	friend = case_printf("f%d", n);
	watcher = people_watch(in, friend, user);
	people_wait(watcher, user, false);
}

/* The watcher sees that the user is gone; nobody sees a ghost. */
static void expect_gone(const char *how, int64_t since_ms)
{
	people_expect_gone_within(in, watcher, friend, user, how, since_ms, RESTART_MS + GRACE_MS);
}

static void start_again(bool broker, bool daemon)
{
	if (broker)
		instance_start_broker(in);
	if (daemon)
		instance_start_daemon(in);
	instance_wait_ready(in);
}

/* An instance of the test's own, to be killed. The user is online with a device and a script that
 * never come back. */
static void online_for_good(struct client **phone, struct client **script)
{
	in = people_instance(2, GRACE_MS);
	watch_pair(0);
	*phone = people_device(in, user, "phone", 5);
	*script = people_script(in, user);
	people_wait_says(watcher, user, 2, NULL, NULL);
}

static void test_broker_killed(void **state)
{
	struct client *phone, *script;
	int64_t since;

	(void)state;
	online_for_good(&phone, &script);
	instance_kill_broker(in);
	client_wait_closed(phone);
	since = case_now_ms();
	start_again(true, false);
	watcher = people_watch(in, friend, user);
	expect_gone("kill -9 and start of the broker", since);
}

/* An outage of half an hour: who was there when it began was seen last then, not at its end. */
static void test_last_seen_of_an_outage(void **state)
{
	enum { OUTAGE_MS = 30 * 60 * 1000 };
	struct client *phone, *script;
	struct message *m;
	int64_t *ahead, ended;

	(void)state;
	online_for_good(&phone, &script);
	instance_kill_broker(in);
	ended = case_wall_ms();
	instance_kill_daemon(in);
	ahead = instance_clock(in);
	*ahead = OUTAGE_MS;
	start_again(true, true);
	watcher = people_watch(in, friend, user);
	m = people_wait(watcher, user, false);
	assert_in_range(json_num(json_of(m->payload, m->len), "last_seen"), ended - 5000, ended);
	assert_in_range(json_num(json_of(m->payload, m->len), "ts"), ended + OUTAGE_MS, INT64_MAX);
}

/* The one that comes back at once is online, and is not thrown together with those that do not. */
static void test_broker_killed_client_back(void **state)
{
	struct client *phone, *script;
	int64_t since;

	(void)state;
	online_for_good(&phone, &script);
	instance_kill_broker(in);
	client_wait_closed(phone);
	since = case_now_ms();
	instance_start_broker(in);
	phone = people_device(in, user, "phone", 5);
	instance_wait_ready(in);
	watcher = people_watch(in, friend, user);
	people_expect_stays(watcher, user, 1, 4 * GRACE_MS);
	client_drop(phone);
	since = case_now_ms();
	expect_gone("the end of a client that had come back to a new broker", since);
}

/* The watcher's connection stands all the time: the broker lives. */
static void test_daemon_killed(void **state)
{
	struct client *phone, *script, *back;
	int64_t since;

	(void)state;
	online_for_good(&phone, &script);
	instance_kill_daemon(in);
	client_drop(phone);
	client_close(script);
	back = people_device(in, friend, "phone", 4); /* comes while nobody looks */
	since = case_now_ms();
	start_again(false, true);
	expect_gone("going while the daemon is dead", since);
	client_subscribe_ok(phone = people_script(in, user), case_printf("presence/%s", friend), 1);
	people_wait(phone, friend, true);
	client_close(phone);
	client_close(back);
}

/* Gone and back again while the daemon is dead: online, with one connection. */
static void test_daemon_killed_client_back(void **state)
{
	struct client *phone, *script;

	(void)state;
	online_for_good(&phone, &script);
	instance_kill_daemon(in);
	client_drop(phone);
	client_drop(script);
	phone = people_device(in, user, "phone", 4);
	start_again(false, true);
	people_expect_stays(watcher, user, 1, 4 * GRACE_MS);
	client_drop(phone);
	expect_gone("going after the daemon's new start", case_now_ms());
}

static void test_both_killed(void **state)
{
	struct client *phone, *script;
	int64_t since;

	(void)state;
	online_for_good(&phone, &script);
	instance_kill_daemon(in);
	client_close(script);
	instance_kill_broker(in);
	client_wait_closed(phone);
	since = case_now_ms();
	start_again(true, true);
	watcher = people_watch(in, friend, user);
	expect_gone("kill -9 of both", since);
}

/* The broker dies, and the daemon while the broker is down; a client comes to the new broker before
 * the daemon does. */
static void test_both_killed_client_back(void **state)
{
	struct client *phone, *script;

	(void)state;
	online_for_good(&phone, &script);
	instance_kill_broker(in);
	client_wait_closed(phone);
	instance_kill_daemon(in);
	instance_start_broker(in);
	phone = people_device(in, user, "phone", 5);
	instance_start_daemon(in);
	instance_wait_ready(in);
	watcher = people_watch(in, friend, user);
	people_expect_stays(watcher, user, 1, 4 * GRACE_MS);
	client_close(phone);
	expect_gone("going after both were killed", case_now_ms());
}

/* Stopped as an operator would: the broker saves what it retains, and comes back with it. */
static void test_stopped_while_online(void **state)
{
	struct client *phone, *script;
	int64_t since;

	(void)state;
	online_for_good(&phone, &script);
	instance_stop_broker(in);
	client_wait_closed(phone);
	since = case_now_ms();
	start_again(true, false);
	watcher = people_watch(in, friend, user);
	expect_gone("a stop of the broker", since);
	phone = people_device(in, user, "phone", 5);
	script = people_script(in, user);
	people_wait_says(watcher, user, 2, NULL, NULL);
	instance_stop(in);
	since = case_now_ms();
	start_again(true, true);
	watcher = people_watch(in, friend, user);
	expect_gone("a stop of both", since);
}

/* Keep what the broker saves now; put it back later, as a backup or a crash would:
 * when both are started again is answered. */
static void save_database(void)
{
	instance_stop(in);
	assert_int_equal(
		run((const char *const[]){"cp", "-p", instance_path(in, "data/broker/mosquitto.db"),
			    case_printf("%s/old.db", in->root), NULL})
			.code,
		0);
	start_again(true, true);
}

static int64_t put_database_back(void)
{
	int64_t began;

	instance_stop(in);
	assert_int_equal(run((const char *const[]){"cp", "-p", case_printf("%s/old.db", in->root),
				     instance_path(in, "data/broker/mosquitto.db"), NULL})
				 .code,
		0);
	began = case_now_ms();
	start_again(true, true);
	return began;
}

/* Online with a device that has no will, so that the end of the broker says nothing. */
static void online_without_will(void)
{
	struct client *phone;

	in = people_instance(2, GRACE_MS);
	watch_pair(0);
	phone = client_5(in, user, "phone");
	people_say(phone, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
}

/* A mosquitto.db from when the user was online comes back when all has long known better. */
static void test_stale_database(void **state)
{
	int64_t since;

	(void)state;
	online_without_will();
	save_database();
	watcher = people_watch(in, friend, user);
	people_wait(watcher, user, false);
	since = put_database_back();
	watcher = people_watch(in, friend, user);
	expect_gone("a mosquitto.db of former days", since);
}

/* Nothing on the topic, or an offline, for the viewer, within seconds. */
static void expect_no_ghost(const char *viewer, const char *at)
{
	int64_t until = case_now_ms() + RESTART_MS;
	const struct message *m;

	do {
		m = people_retained(in, viewer, at);
		if (!m || strcmp(m->payload, "offline") == 0 ||
			strstr(m->payload, "\"online\":false"))
			return;
		case_pause_ms(GRACE_MS / 3);
	} while (case_now_ms() < until);
	case_fail("a ghost on %s: %s", at, m->payload);
}

/* The same, when the account is somebody else's meanwhile, or nobody's. */
static void stale_account(bool again)
{
	struct client *boss;

	online_without_will();
	save_database();
	boss = client_5(in, "boss", "desk");
	client_request(boss, "user.remove", "{\"user\":\"u0\"}");
	if (again)
		client_request(boss, "user.add", "{\"user\":\"u0\"}");
	put_database_back();
	expect_no_ghost("boss", "presence/u0");
	expect_no_ghost("boss", "presence/u0/phone");
}

static void test_stale_database_account_removed(void **state)
{
	(void)state;
	stale_account(false);
}

static void test_stale_database_name_given_again(void **state)
{
	(void)state;
	stale_account(true);
}

/* A device that was removed meanwhile is not there for its own user either. */
static void test_stale_database_device_removed(void **state)
{
	struct client *desk;

	(void)state;
	online_without_will();
	save_database();
	desk = client_5(in, user, "desk");
	client_request(desk, "device.remove", "{\"device\":\"phone\"}");
	put_database_back();
	expect_no_ghost(user, "presence/u0/phone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_broker_killed),
		SYSTEM(test_last_seen_of_an_outage),
		SYSTEM(test_broker_killed_client_back),
		SYSTEM(test_daemon_killed),
		SYSTEM(test_daemon_killed_client_back),
		SYSTEM(test_both_killed),
		SYSTEM(test_both_killed_client_back),
		SYSTEM(test_stopped_while_online),
		SYSTEM(test_stale_database),
		SYSTEM(test_stale_database_account_removed),
		SYSTEM(test_stale_database_name_given_again),
		SYSTEM(test_stale_database_device_removed),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
