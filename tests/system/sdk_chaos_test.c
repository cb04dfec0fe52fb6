/* sdk_chaos_test.c — network, server and app fail at random, under users with two devices each and
 * clients that nobody here wrote. Afterwards each message that was queued is stored exactly once,
 * and every device's view is the server's.
 *
 * SEED=n throws the dice again as they fell (what the machine does meanwhile it does not repeat).
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/mqttjs.h"
#include "tests/support/proxy.h"
#include "tests/support/sdk.h"
#include "tests/support/token.h"

static const char people[] =
	"{\"user\":\"alice\"}\n{\"user\":\"bob\"}\n{\"user\":\"carol\"}\n{\"user\":\"dave\"}\n"
	"{\"chat\":\"lobby\",\"members\":[\"alice\",\"bob\",\"carol\",\"dave\"],\"admins\":"
	"[\"alice\"]}\n";

static const char *const chats[] = {"lobby", "alice:bob"};
static const char *const users[] = {"alice", "bob"}, *const devices[] = {"phone", "tab"};

#define DEVICES  4
#define LASTS_MS 12000

struct device {
	const char *user, *device, *prefix;
	struct sdk *s;
	struct proxy *proxy;
	struct proc app;
	char *log;
	int sent[COUNT(chats)];
};

static struct instance *in;
static struct device all[DEVICES];
static struct client *old; /* libmosquitto, as carol */
static struct mqttjs *web; /* MQTT.js over WebSocket, as dave */
static unsigned dice;
static int old_sent, web_sent;

static int throw(int sides)
{
	dice = dice * 1103515245u + 12345u;
	return (int)((dice >> 16) % (unsigned)sides);
}

/* --- what all three have in common ----------------------------------------------------------- */

static void join(void)
{
	old = client_open(
		in, &(struct client_opts){.user = "carol", .device = "old", .version = 4});
	client_subscribe_ok(old, "chat/lobby/msg", 1);
	web = mqttjs_open(in, &(struct mqttjs_opts){.user = "dave", .device = "web"});
	assert_int_equal(mqttjs_subscribe(web, "chat/lobby/msg", 1), 1);
}

static void begin(void)
{
	dice = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
	print_message("SEED=%u\n", dice);
	in = instance_create_ws(people);
	instance_start(in);
	old_sent = web_sent = 0;
	for (int i = 0; i < DEVICES; i++) {
		const char *user = users[i / 2], *device = devices[i % 2];

		all[i] = (struct device){.user = user,
			.device = device,
			.prefix = case_printf("%s-%s-", device, user)};
	}
	join();
}

static void foreign_send(void)
{
	if (throw(2))
		client_sendf(
			old, "lobby", "{\"id\":\"old%d\",\"text\":\"from carol\"}", old_sent++);
	else
		mqttjs_send(web, "lobby",
			case_printf("{\"id\":\"web%d\",\"text\":\"from dave\"}", web_sent++));
}

/* What an app does: mostly it writes, now and then to what was said before. What of that is refused
 * for good (an edit of somebody else's) is not asked for below. */
static void act(struct device *d)
{
	struct gnatter *g = sdk_g(d->s);
	int k = throw(COUNT(chats));
	const char *chat = chats[k];
	uint64_t seq = sdk_chat(d->s, chat).seq;
	uint64_t some = seq > 0 ? 1 + (uint64_t) throw((int)seq) : 0;
	char *text = case_printf("%s %s %d", d->user, d->device, d->sent[k]);

	switch (some > 0 ? throw(10) : 9) {
	case 0:
		gnatter_edit(g, chat, some, text, NULL);
		break;
	case 1:
		gnatter_react(g, chat, some, throw(3) ? "+1" : "", NULL);
		break;
	case 2:
		gnatter_delete(g, chat, some, NULL);
		break;
	case 3:
		gnatter_mark_read(g, chat, some);
		break;
	default:
		assert_int_equal(gnatter_send(g, chat,
					 &(struct gnatter_draft){.id = case_printf("%s%d-%d",
									 d->prefix, k, d->sent[k]),
						 .text = text,
						 .ref = throw(3) ? 0 : some,
						 .body = throw(4) ? NULL : "{ \"a\": 1.0 }"},
					 NULL),
			GNATTER_OK);
		d->sent[k]++;
	}
}

/* Everything passes again, and everything has been sent. */
static void settle(void)
{
	for (int i = 0; i < DEVICES; i++)
		gnatter_retry(sdk_g(all[i].s));
	for (int i = 0; i < DEVICES; i++) {
		sdk_wait_synced(all[i].s);
		sdk_wait_sent(all[i].s);
	}
}

/* A reply to what nobody has said is refused; here none is. */
static void expect_once(struct client *c)
{
	for (size_t k = 0; k < COUNT(chats); k++) {
		struct history h = history_all(c, chats[k]);

		for (int i = 0; i < DEVICES; i++)
			history_expect_once(&h, all[i].user,
				case_printf("%s%zu-", all[i].prefix, k), (uint64_t)all[i].sent[k]);
		if (k > 0)
			continue;
		history_expect_once(&h, "carol", "old", (uint64_t)old_sent);
		history_expect_once(&h, "dave", "web", (uint64_t)web_sent);
		print_message("%zu messages\n", h.count);
	}
}

static void expect_same(void)
{
	for (int i = 0; i < DEVICES; i++) {
		struct client *c = client_5(in, all[i].user, case_printf("check%d", i));

		for (size_t k = 0; k < COUNT(chats); k++) {
			sdk_expect_same(all[i].s, c, chats[k]);
			sdk_wait_row(all[i].s, c, chats[k]);
		}
		client_close(c);
	}
}

/* --- the network ----------------------------------------------------------------------------- */

static void connect_all(bool through_proxy)
{
	for (int i = 0; i < DEVICES; i++) {
		struct device *d = &all[i];
		struct gnatter_options o = sdk_options_file(in, d->user, d->device);

		if (through_proxy) {
			d->proxy = proxy_start(in->port);
			o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(d->proxy));
		}
		o.keep_alive_s = 2;
		o.connect_timeout_ms = 2000;
		o.from_unread = true;
		d->s = sdk_connect(&o);
	}
}

static void test_network(void **state)
{
	int64_t until;

	(void)state;
	begin();
	connect_all(true);
	for (int i = 0; i < DEVICES; i++)
		proxy_chaos_start(all[i].proxy, (unsigned) throw(30000));
	until = case_now_ms() + LASTS_MS;
	while (case_now_ms() < until) {
		act(&all[throw(DEVICES)]);
		if (!throw(10))
			foreign_send();
		case_pause_ms(throw(20));
	}
	for (int i = 0; i < DEVICES; i++)
		proxy_chaos_stop(all[i].proxy);
	settle();
	expect_once(client_5(in, "alice", "check"));
	expect_same();
}

/* --- the server ------------------------------------------------------------------------------ */

static void act_for(int ms)
{
	int64_t until = case_now_ms() + ms;

	while (case_now_ms() < until) {
		act(&all[throw(DEVICES)]);
		case_pause_ms(throw(10));
	}
}

static void kill_server(void)
{
	int which = throw(3); /* broker, daemon, both */

	if (which != 1)
		instance_kill_broker(in);
	if (which != 0)
		instance_kill_daemon(in);
	act_for(throw(500));
	if (which == 1) {
		foreign_send(); /* the broker takes what the daemon is not there for */
		instance_start_daemon(in);
		return;
	}
	instance_start_broker(in);
	if (which == 2)
		instance_start_daemon(in);
	mqttjs_kill(web);
	client_close(old);
	join();
}

static void test_server(void **state)
{
	int64_t until;

	(void)state;
	begin();
	connect_all(false);
	until = case_now_ms() + LASTS_MS;
	while (case_now_ms() < until) {
		act_for(throw(1000));
		foreign_send();
		kill_server();
	}
	instance_wait_ready(in);
	settle();
	expect_once(client_5(in, "alice", "check"));
	expect_same();
}

/* --- the app --------------------------------------------------------------------------------- */

#define EACH 400

/* Behind the last "queued". */
static int queued(const struct device *d)
{
	char *log = slurp(d->log, NULL), *at = log, *last = NULL;

	while (at && (at = strstr(at, "queued "))) {
		last = at;
		at++;
	}
	return last && strchr(last, '\n') ? atoi(last + strlen("queued ")) + 1 : 0;
}

static void start_app(struct device *d)
{
	struct gnatter_options o = sdk_options_file(in, d->user, d->device);
	const char *argv[] = {build_path("tests/sdk_app"), o.address, d->user, d->device, o.secret,
		o.store, case_printf("%d", queued(d)), case_printf("%d", EACH), chats[0], chats[1],
		NULL};

	proc_start(&d->app, argv,
		&(struct proc_spec){.log = d->log,
			.err = case_printf("%s.err", d->log),
			.env = instance_env(in, false)});
}

static bool app_done(void *arg)
{
	struct device *d = arg;
	char *log = slurp(d->log, NULL);

	if (proc_ended(&d->app))
		case_fail("%s:%s has ended by itself, with %d", d->user, d->device,
			proc_code(&d->app));
	return log && strstr(log, "done\n");
}

/* No message may be told twice, not even by two lives of the app. One that was taken when it was
 * killed may not have been told. */
static void expect_told_once(const struct device *d)
{
	char *log = slurp(d->log, NULL), *save = NULL;
	uint64_t last[COUNT(chats)] = {0};

	for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		for (size_t k = 0; k < COUNT(chats); k++) {
			size_t len = strlen(chats[k]);
			uint64_t seq;

			if (strncmp(line, "told ", 5) != 0 ||
				strncmp(line + 5, chats[k], len) != 0 || line[5 + len] != ' ')
				continue;
			seq = strtoull(line + 5 + len, NULL, 10);
			if (seq <= last[k])
				case_fail("%s:%s was told %s after %llu", d->user, d->device, line,
					(unsigned long long)last[k]);
			last[k] = seq;
		}
	}
}

static void test_app(void **state)
{
	struct client *c;
	int kills = 0;
	int64_t until;

	(void)state;
	begin();
	for (int i = 0; i < DEVICES; i++) {
		all[i].log = case_printf("%s/app%d", in->root, i);
		start_app(&all[i]);
	}
	until = case_now_ms() + LASTS_MS;
	while (case_now_ms() < until) {
		struct device *d = &all[throw(DEVICES)];

		case_pause_ms(throw(200));
		proc_kill(&d->app);
		start_app(d);
		kills++;
		if (!throw(3))
			foreign_send();
	}
	print_message("%d times killed\n", kills);
	c = client_5(in, "alice", "check");
	for (int i = 0; i < DEVICES; i++) {
		assert_true(case_wait(app_done, &all[i]));
		proc_kill(&all[i].app);
		expect_told_once(&all[i]);
	}
	for (size_t k = 0; k < COUNT(chats); k++) {
		struct history h = history_all(c, chats[k]);

		for (int i = 0; i < DEVICES; i++)
			for (int n = (int)k; n < EACH; n += (int)COUNT(chats))
				if (history_ids(&h, all[i].user,
					    case_printf("%s%d", all[i].prefix, n)) != 1)
					case_fail("%s%d is stored %zu times", all[i].prefix, n,
						history_ids(&h, all[i].user,
							case_printf("%s%d", all[i].prefix, n)));
	}
	connect_all(false);
	settle();
	expect_same();
}

/* --- threads --------------------------------------------------------------------------------- */

struct app {
	struct sdk *s;
	bool stop;
};

static bool any_message(void *ctx, const struct gnatter_message *m)
{
	(void)ctx;
	(void)m;
	return true;
}

static bool any_chat(void *ctx, const struct gnatter_chat *c)
{
	(void)ctx;
	(void)c;
	return true;
}

/* All that an app may do from any thread. */
static void *use(void *arg)
{
	struct app *a = arg;
	struct gnatter *g = sdk_g(a->s);
	struct gnatter_status st;

	while (!__atomic_load_n(&a->stop, __ATOMIC_RELAXED)) {
		gnatter_send_text(g, "lobby", "from some thread", NULL);
		gnatter_status(g, &st);
		gnatter_chats(g, any_chat, NULL);
		gnatter_cached(g, "lobby", 0, 10, any_message, NULL);
		gnatter_mark_read(g, "lobby", 1);
		gnatter_typing(g, "lobby");
		gnatter_presence_set(g, "away", "busy");
		gnatter_watch(g, "bob");
		gnatter_unwatch(g, "bob");
		gnatter_history(g, "lobby", 0, 10, NULL, NULL);
		gnatter_me(g, NULL, NULL);
		gnatter_retry(g);
		sched_yield();
	}
	return NULL;
}

static void *reconnect(void *arg)
{
	struct app *a = arg;

	while (!__atomic_load_n(&a->stop, __ATOMIC_RELAXED)) {
		gnatter_connect(sdk_g(a->s));
		case_pause_ms(50);
		gnatter_disconnect(sdk_g(a->s));
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct gnatter_options o;
	struct app a = {0};
	void *(*const parts[])(void *) = {use, use, reconnect, reconnect};
	pthread_t threads[COUNT(parts)];

	(void)state;
	begin();
	o = sdk_options(in, "alice", "many");
	a.s = sdk_open(&o);
	for (size_t i = 0; i < COUNT(parts); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, parts[i], &a), 0);
	case_pause_ms(3000); /* as long as it is to last */
	__atomic_store_n(&a.stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < COUNT(parts); i++)
		pthread_join(threads[i], NULL);
	gnatter_connect(sdk_g(a.s));
	sdk_wait_synced(a.s);
	sdk_wait_sent(a.s);
	sdk_expect_same(a.s, client_5(in, "alice", "check"), "lobby");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_network),
		SYSTEM(test_server),
		SYSTEM(test_app),
		SYSTEM(test_threads),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
