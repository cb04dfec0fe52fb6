/* operator_run_test.c — `gnatterctl run`: starts both parts, starts again what dies, ends well, and
 * says in one sentence why it cannot.
 */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"
#include "wire/version.h"

/* gnatterctl without an instance. */
static struct run program(struct instance *i, const char *const args[])
{
	const char *argv[20] = {build_path("gnatterctl")};
	size_t n = 1;

	while (*args && n < COUNT(argv) - 1)
		argv[n++] = *args++;
	return run_spec(argv, NULL, &(struct proc_spec){.env = instance_env(i, true)});
}
#define PROGRAM(i, ...) program((i), (const char *const[]){__VA_ARGS__, NULL})

static bool exists(struct instance *i, const char *below)
{
	return access(instance_path(i, below), F_OK) == 0;
}

/* --- run ---------------------------------------------------------------------------------------
 */

/* Pid of a part of an instance; 0 if it does not run. */
static pid_t part(const struct instance *i, const char *name)
{
	return proc_find(name, i->dir);
}

struct awaited {
	const struct instance *i;
	const char *name;
	pid_t not ; /* another one than this */
};

static bool part_is_there(void *arg)
{
	struct awaited *a = arg;
	pid_t pid = part(a->i, a->name);

	return pid && pid != a->not ;
}

static bool gone(void *arg)
{
	return kill(*(pid_t *)arg, 0) != 0;
}

/* The line of the text that holds `words` has the time in front, in UTC. */
static void expect_timed(const char *text, const char *words)
{
	const char *at = strstr(text, words), *line = at;
	struct tm tm = {0};
	time_t now = time(NULL), then;

	if (!at)
		case_fail("there is no '%s': %s", words, text);
	while (line > text && line[-1] != '\n')
		line--;
	if (!strptime(line, "%Y-%m-%dT%H:%M:%SZ gnatter", &tm))
		case_fail("a line has no time: %s", line);
	then = timegm(&tm);
	assert_true(then <= now && then > now - 600);
}

static void test_run_restarts_what_dies(void **state)
{
	static const char *const names[] = {"gnatterd", "mosquitto"};
	struct instance *i = instance_create(instance_people);
	struct load *l;
	struct client *alice;
	struct history h;

	(void)state;
	instance_run(i);
	assert_non_null(strstr(slurp(i->run.log, NULL), "ready\n"));
	l = load_start(i, &(struct load_opts){.user = "alice",
				  .device = "l",
				  .chat = "lobby",
				  .prefix = "r",
				  .version = 5,
				  .pause_us = 1000});
	for (int round = 0; round < 4; round++) {
		struct awaited a = {i, names[round % 2], part(i, names[round % 2])};

		assert_true(a.not > 0);
		load_wait(l, 20);
		kill(a.not, SIGKILL);
		if (!case_wait(part_is_there, &a))
			case_fail("%s is not started again", a.name);
		load_wait(l, 20);
	}
	load_stop(l);
	instance_wait_ready(i);
	alice = client_5(i, "alice", "x");
	h = history_all(alice, "lobby");
	history_expect_once(&h, "alice", "r", load_acked(l));
	expect_timed(slurp(i->run.log, NULL), "starting it again");
	expect_timed(slurp(instance_path(i, "log/daemon.log"), NULL), "version " SERVER_VERSION);
}

static void run_ends_on(int sig)
{
	struct instance *i = instance_create(instance_people);
	pid_t broker, daemon;

	instance_run(i);
	broker = part(i, "mosquitto");
	daemon = part(i, "gnatterd");
	assert_true(broker > 0 && daemon > 0);
	proc_signal(&i->run, sig);
	assert_true(proc_wait(&i->run, case_patience_ms()));
	assert_int_equal(proc_code(&i->run), 0);
	assert_true(gone(&broker) && gone(&daemon));
	assert_false(port_open(i->port));
	/* and the same data serve again */
	instance_run(i);
	client_barrier(client_5(i, "alice", "x"));
}

static void test_run_ends_on_sigterm(void **state)
{
	(void)state;
	run_ends_on(SIGTERM);
}

static void test_run_ends_on_sigint(void **state)
{
	(void)state;
	run_ends_on(SIGINT);
}

/* kill -9 of run itself takes its parts with it, and is no harm to the next run. */
static void test_run_killed(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;
	pid_t broker, daemon;

	(void)state;
	instance_run(i);
	alice = client_5(i, "alice", "x");
	client_send(alice, "lobby", "before");
	broker = part(i, "mosquitto");
	daemon = part(i, "gnatterd");
	kill(i->run.pid, SIGKILL);
	assert_true(case_wait(gone, &broker) && case_wait(gone, &daemon));
	proc_wait(&i->run, case_patience_ms());
	instance_run(i);
	alice = client_5(i, "alice", "x");
	assert_int_equal(history_all(alice, "lobby").count, 1);
}

static void test_run_twice(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct run r;

	(void)state;
	instance_run(i);
	r = PROGRAM(i, "run", i->dir);
	expect_sentence(&r, "already");
	client_barrier(client_5(i, "alice", "x"));
}

static void move_listener(struct instance *i, int from, int to)
{
	char *script = case_printf("s/^listener %d /listener %d /", from, to);

	assert_int_equal(run((const char *const[]){
				     "sed", "-i", script, instance_path(i, "mosquitto.conf"), NULL})
				 .code,
		0);
}

static void test_run_port_in_use(void **state)
{
	struct instance *i = instance_create(instance_people),
			*other = instance_create(instance_people);
	struct run r;

	(void)state;
	instance_start(other);
	move_listener(i, i->port, other->port);
	r = PROGRAM(i, "run", i->dir);
	expect_sentence(&r, case_printf("port %d", other->port));
	client_barrier(client_5(other, "alice", "x"));
	move_listener(i, other->port, i->port);
	instance_run(i);
}

static void test_run_broken_mosquitto_conf(void **state)
{
	struct instance *i = instance_create(instance_people);
	char *path = instance_path(i, "mosquitto.conf"), *good = slurp(path, NULL);
	struct run r;

	(void)state;
	instance_set_broker(i, "no_such_option", "5");
	r = PROGRAM(i, "run", i->dir);
	expect_sentence(&r, "no_such_option");
	spill(path, good, strlen(good));
	instance_set_broker(i, "plugin", "/no/such/gnatter.so");
	r = PROGRAM(i, "run", i->dir);
	expect_sentence(&r, "/no/such/gnatter.so");
	unlink(path);
	r = PROGRAM(i, "run", i->dir);
	expect_sentence(&r, "mosquitto.conf");
	r = PROGRAM(i, "run", "/no/such/instance");
	expect_sentence(&r, "/no/such/instance");
}

/* SIGHUP: a limit changes without a restart. */
static void test_run_reload(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;
	pid_t broker;

	(void)state;
	instance_run(i);
	broker = part(i, "mosquitto");
	alice = client_5(i, "alice", "x");
	client_request(alice, "history", "{\"chat\":\"lobby\",\"limit\":500}");
	instance_set(i, "history_page_max", "100");
	proc_signal(&i->run, SIGHUP);
	for (int64_t until = case_now_ms() + case_patience_ms(); case_now_ms() < until;
		case_pause_ms(5)) {
		struct cJSON *a =
			client_call(alice, "history", "{\"chat\":\"lobby\",\"limit\":500}");

		if (json_has(a, "error"))
			break;
	}
	client_refused(alice, "history", "{\"chat\":\"lobby\",\"limit\":500}", "bad_request");
	assert_int_equal(part(i, "mosquitto"), broker);
	/* a wrong file changes nothing and ends nothing */
	instance_set(i, "history_page_max", "none");
	proc_signal(&i->run, SIGHUP);
	client_barrier(alice);
	instance_set(i, "history_page_max", "100");
}

/* A damaged mosquitto.db is set aside: people sign in, history is there. */
static void test_damaged_mosquitto_db(void **state)
{
	static const char *const damages[] = {"head -c 3000 /dev/urandom > mosquitto.db",
		": > mosquitto.db", "truncate -s -7 mosquitto.db",
		"printf 'mosquitto db' > mosquitto.db"};
	struct instance *i = instance_create(instance_people);
	struct client *c;

	(void)state;
	for (size_t k = 0; k < COUNT(damages); k++) {
		instance_run(i);
		c = client_open(i, &(struct client_opts){
					   .user = "bob", .device = "tablet", .persistent = true});
		client_subscribe_ok(c, "chat/lobby/msg", 1);
		client_close(c);
		c = client_5(i, "alice", "x");
		client_send(c, "lobby", "kept");
		client_barrier(c);
		instance_stop(i);
		assert_true(exists(i, "data/broker/mosquitto.db"));
		assert_int_equal(run((const char *const[]){"sh", "-c",
					     case_printf("cd %s && %s",
						     instance_path(i, "data/broker"), damages[k]),
					     NULL})
					 .code,
			0);
	}
	instance_run(i);
	c = client_5(i, "alice", "x");
	assert_int_equal(history_all(c, "lobby").count, COUNT(damages));
	assert_int_not_equal(
		run((const char *const[]){"sh", "-c",
			    case_printf("ls %s | grep -q damaged", instance_path(i, "data/broker")),
			    NULL})
			.code,
		1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_run_restarts_what_dies),
		SYSTEM(test_run_ends_on_sigterm),
		SYSTEM(test_run_ends_on_sigint),
		SYSTEM(test_run_killed),
		SYSTEM(test_run_twice),
		SYSTEM(test_run_port_in_use),
		SYSTEM(test_run_broken_mosquitto_conf),
		SYSTEM(test_run_reload),
		SYSTEM(test_damaged_mosquitto_db),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
