/* presence_gone_test.c — P6: nobody stays shown online who is not, whatever way he went; and who is
 * there stays shown. Each way is timed until a friend who watches sees it; after it nobody is shown
 * a ghost anywhere. What happens when the server's own processes die is in presence_restart_test.c.
 *
 * One instance for all. Each test has users of its own: u<n>, and a friend of that user, f<n>, who
 * watches.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"
#include "tests/support/raw.h"
#include "tests/support/token.h"

enum { PAIRS = 17, GRACE_MS = 300, SWEEP_MS = 7000 }; /* how seldom the broker looks for silence */

static struct instance *in;
static const char *user, *friend, *topic;
static struct client *watcher;

static void setup(void **state)
{
	(void)state;
	in = people_instance(PAIRS, GRACE_MS);
}

/* The pair n, both offline by now, with the friend watching. */
static void people(int n)
{
	user = case_printf("u%d", n);
	friend = case_printf("f%d", n);
	topic = case_printf("presence/%s", user);
	watcher = people_watch(in, friend, user);
	people_wait(watcher, user, false);
}

/* The watcher sees that the user is gone, soon enough after it happened; nobody sees a ghost. */
static void expect_gone(const char *how, int64_t since_ms, int64_t window_ms)
{
	people_expect_gone_within(
		in, watcher, friend, user, how, since_ms, window_ms + GRACE_MS + 2000);
}

static double counter(const char *name)
{
	return (double)json_num(json_from(CTL_OK(in, "stats", "--json")), name);
}

/* --- clients that vanish ------------------------------------------------------------------- */

/* A real client in a process of its own, with a retained last will. */
static struct proc *app(const char *who)
{
	struct proc *p = case_alloc(sizeof(*p));
	const char *argv[] = {"mosquitto_sub", "-p", case_printf("%d", in->port), "-k", "5", "-u",
		who, "-P", token_mint(&in->keys, &(struct token){.sub = who}), "-i",
		case_printf("%s:phone", who), "-t", case_printf("user/%s/#", who), "--will-topic",
		case_printf("presence/%s/phone", who), "--will-payload", "offline", "--will-retain",
		NULL};

	proc_start(p, argv, &(struct proc_spec){.log = case_printf("%s/app.out", in->root)});
	return p;
}

static void test_client_killed(void **state)
{
	struct proc *p;
	int64_t since;

	(void)state;
	people(0);
	p = app(user);
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	proc_kill(p);
	expect_gone("SIGKILL of the client", since, 0);
}

static void test_clean_disconnect_without_offline(void **state)
{
	struct client *c;
	int64_t since;

	(void)state;
	people(1);
	c = people_device(in, user, "phone", 5);
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_close(c);
	expect_gone("DISCONNECT without a word", since, 0);
}

static void without_will(int n, int version)
{
	struct client *c;
	int64_t since;

	people(n);
	c = version == 5 ? client_5(in, user, "phone") : client_3(in, user, "phone");
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_drop(c);
	expect_gone(case_printf("a lost socket without a will (MQTT %d)", version), since, 0);
}

static void test_no_will_mqtt3(void **state)
{
	(void)state;
	without_will(2, 4);
}

static void test_no_will_mqtt5(void **state)
{
	(void)state;
	without_will(3, 5);
}

/* A will that says the opposite. */
static void test_will_that_lies(void **state)
{
	struct client *c;
	int64_t since;

	(void)state;
	people(4);
	c = client_open(in, &(struct client_opts){.user = user,
				    .device = "phone",
				    .will_topic = case_printf("%s/phone", topic),
				    .will_payload = "online",
				    .will_retain = true});
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_drop(c);
	expect_gone("a lost socket whose will says online", since, 0);
}

/* Thrown out by the broker in the middle of a packet that is larger than any may be. */
static void test_packet_too_large(void **state)
{
	enum { TOO_LARGE = 5 << 20 };
	char *payload = case_alloc(TOO_LARGE);
	struct client *c;
	int64_t since;

	(void)state;
	memset(payload, 'x', TOO_LARGE);
	people(14);
	c = people_device(in, user, "phone", 4);
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	assert_int_equal(
		client_publish(c, &(struct publish){.topic = case_printf("%s/phone", topic),
					  .payload = payload,
					  .len = TOO_LARGE,
					  .qos = 1,
					  .retain = true}),
		-1);
	expect_gone("a packet that is too large", since, 0);
}

/* The same from the grave, long after it was said that the device is gone. */
static void test_late_will_that_lies(void **state)
{
	static const char word[] = "{\"state\":\"online\",\"text\":\"not offline\"}";
	struct message *kept;
	struct client *c;
	int64_t since;

	(void)state;
	people(16);
	c = client_open(in, &(struct client_opts){.user = user,
				    .device = "phone",
				    .persistent = true,
				    .session_expiry_s = 60,
				    .will_topic = case_printf("%s/phone", topic),
				    .will_payload = word,
				    .will_retain = true,
				    .will_delay_s = 2});
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_drop(c);
	expect_gone("a lost socket with a late will that says online", since, 0);
	while (case_now_ms() < since + 3500) /* the broker looks at wills once a second */
		case_pause_ms(10);
	kept = people_retained(in, user, case_printf("%s/phone", topic));
	if (kept)
		assert_string_equal(kept->payload, "offline");
	expect_gone("after that will", since, 12000);
}

/* A will of more than such a message may have is refused and counted, and the server speaks. */
static void test_will_too_large(void **state)
{
	char *will = case_printf("{\"state\":\"busy\",\"text\":\"%01024d\"}", 0);
	double refused = counter("plugin~refused_access");
	struct client *c;
	struct message *kept;
	int64_t since;

	(void)state;
	people(15);
	c = client_open(in, &(struct client_opts){.user = user,
				    .device = "phone",
				    .will_topic = case_printf("%s/phone", topic),
				    .will_payload = will,
				    .will_retain = true});
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_drop(c);
	expect_gone("a lost socket whose will is too large", since, 0);
	kept = people_retained(in, user, case_printf("%s/phone", topic));
	assert_non_null(kept);
	assert_string_equal(kept->payload, "offline");
	assert_true(counter("plugin~refused_access") > refused);
}

/* A session that outlives the connection is not somebody who is there. */
static void test_persistent_session(void **state)
{
	struct client *c;
	int64_t since;

	(void)state;
	people(5);
	c = client_open(
		in, &(struct client_opts){
			    .user = user, .device = "phone", .version = 4, .persistent = true});
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_drop(c);
	expect_gone("a lost socket of a persistent session", since, 0);
}

static void test_kicked(void **state)
{
	struct client *c, *boss = client_5(in, "boss", "desk");
	int64_t since;

	(void)state;
	people(6);
	c = people_device(in, user, "phone", 4);
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_requestf(boss, "kick", "{\"user\":\"%s\"}", user);
	client_wait_closed(c);
	expect_gone("a kick", since, 0);
}

static void test_disabled(void **state)
{
	struct client *c, *boss = client_5(in, "boss", "desk");
	struct message *m;
	int64_t since;

	(void)state;
	people(7);
	c = people_device(in, user, "phone", 5);
	people_wait_says(watcher, user, 1, NULL, NULL);
	since = case_now_ms();
	client_requestf(boss, "user.disable", "{\"user\":\"%s\"}", user);
	client_wait_closed(c);
	m = people_wait(watcher, user, false);
	printf("presence: disabling seen after %.1f s\n", (double)(m->arrived_ms - since) / 1000);
	assert_true(m->arrived_ms - since < GRACE_MS + (case_patience_ms() / 10));
	m = people_retained(in, friend, topic);
	assert_true(!m || !strstr(m->payload, "\"online\":true"));
}

/* An account that goes leaves nothing, and the next of that name is not there yet. */
static void test_removed(void **state)
{
	struct client *c, *boss = client_5(in, "boss", "desk");
	struct message *m;

	(void)state;
	people(8);
	c = people_device(in, user, "phone", 5);
	people_wait_says(watcher, user, 1, NULL, NULL);
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", user);
	client_wait_closed(c);
	case_pause_ms(3 * GRACE_MS);
	client_barrier(watcher);
	m = client_last(watcher, topic);
	assert_true(m->len == 0 || strstr(m->payload, "\"online\":false"));
	assert_null(people_retained(in, friend, topic));
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", user);
	assert_null(people_retained(in, friend, topic));
	assert_null(people_retained(in, user, case_printf("%s/phone", topic)));
	/* the admin sees everything: nothing is there but the look just now */
	case_pause_ms(3 * GRACE_MS);
	m = people_retained(in, "boss", topic);
	assert_true(!m || !strstr(m->payload, "\"online\":true"));
}

/* --- takeover ------------------------------------------------------------------------------ */

static void takeover(int n, bool second_speaks)
{
	struct client *first, *second;
	size_t mark;

	people(n);
	first = people_device(in, user, "phone", 5);
	people_wait_says(watcher, user, 1, NULL, NULL);
	mark = client_mark(watcher);
	second = second_speaks ? people_device(in, user, "phone", 5) : client_5(in, user, "phone");
	client_wait_closed(first);
	people_expect_stays(watcher, user, 1, 4 * GRACE_MS);
	client_none(watcher, mark, topic, "\"online\":false");
	client_none(watcher, mark, topic, "\"devices\":2");
	client_drop(second);
	expect_gone("the end of a connection that took over", case_now_ms(), 0);
}

static void test_takeover(void **state)
{
	(void)state;
	takeover(9, true);
}

/* The will of the one that was taken over is not a word of the one that is there. */
static void test_takeover_by_a_silent_one(void **state)
{
	(void)state;
	takeover(10, false);
}

/* --- silence ------------------------------------------------------------------------------- */

static struct raw *quiet_client(const char *who)
{
	struct raw *r = case_alloc(sizeof(*r));
	struct raw_connect c = {.client = case_printf("%s:phone", who),
		.user = who,
		.password = token_mint(&in->keys, &(struct token){.sub = who}),
		.version = 4,
		.keepalive_s = 2};

	assert_true(raw_open(r, in->port, 0));
	assert_int_equal(raw_connect(r, &c, case_patience_ms()), 0);
	return r;
}

struct silent {
	const char *user, *friend, *how;
	struct client *watcher;
	int keepalive_s;
};

static void watch_silent(struct silent *s, int n, const char *how, int keepalive_s)
{
	people(n);
	*s = (struct silent){user, friend, how, watcher, keepalive_s};
}

static bool is_shown_online(const struct silent *s)
{
	const struct message *m = client_last(s->watcher, case_printf("presence/%s", s->user));

	return strstr(m->payload, "\"online\":true") != NULL;
}

/* Frozen clients, all at once since it takes long: a process stopped by a signal, and one that has
 * a socket and says nothing. A third does nothing but ping and stays. */
static void test_frozen(void **state)
{
	struct silent stopped, mute, pinging;
	struct proc *p;
	struct raw *muted, *alive;
	int64_t since, until;

	(void)state;
	watch_silent(&pinging, 11, "a client that pings", 2);
	watch_silent(&stopped, 12, "SIGSTOP of a client with keep-alive 5 s", 5);
	watch_silent(&mute, 13, "silence of a client with keep-alive 2 s", 2);
	alive = quiet_client(pinging.user);
	muted = quiet_client(mute.user);
	p = app(stopped.user);
	people_wait_says(pinging.watcher, pinging.user, 1, NULL, NULL);
	people_wait_says(mute.watcher, mute.user, 1, NULL, NULL);
	people_wait_says(stopped.watcher, stopped.user, 1, NULL, NULL);
	since = case_now_ms();
	until = since + 20000 + case_patience_ms();
	kill(p->pid, SIGSTOP);
	while ((is_shown_online(&stopped) || is_shown_online(&mute)) && case_now_ms() < until) {
		assert_true(raw_ping(alive));
		case_pause_ms(400);
	}
	printf("presence: who pings is online after %.1f s of keep-alive 2 s\n",
		(double)(case_now_ms() - since) / 1000);
	assert_true(case_now_ms() - since > 2 * 2000);
	client_none(
		pinging.watcher, 1, case_printf("presence/%s", pinging.user), "\"online\":false");
	assert_true(is_shown_online(&pinging));
	for (size_t k = 0; k < 2; k++) {
		const struct silent *s = k ? &mute : &stopped;

		user = s->user;
		friend = s->friend;
		watcher = s->watcher;
		expect_gone(s->how, since, s->keepalive_s * 1500 + SWEEP_MS);
	}
	raw_close(alive);
	raw_close(muted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_client_killed),
		SYSTEM(test_clean_disconnect_without_offline),
		SYSTEM(test_no_will_mqtt3),
		SYSTEM(test_no_will_mqtt5),
		SYSTEM(test_will_that_lies),
		SYSTEM(test_late_will_that_lies),
		SYSTEM(test_packet_too_large),
		SYSTEM(test_will_too_large),
		SYSTEM(test_persistent_session),
		SYSTEM(test_kicked),
		SYSTEM(test_disabled),
		SYSTEM(test_removed),
		SYSTEM(test_takeover),
		SYSTEM(test_takeover_by_a_silent_one),
		SYSTEM(test_frozen),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
