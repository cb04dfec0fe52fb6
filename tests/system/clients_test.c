/* clients_test.c — clients of several kinds: mosquitto_pub, mosquitto_sub and mosquitto_rr as a
 * person types them into a shell, Paho's C library beside libmosquitto; MQTT 3.1.1 and 5; QoS 0,
 * 1, 2.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/paho.h"
#include "tests/support/token.h"

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
}

/* Run one of the mosquitto tools as a user, with the password in the account or a token. */
static struct run tool(
	const char *name, const char *user, const char *password, const char *const args[])
{
	const char *argv[40] = {name, "-h", "127.0.0.1", "-p", case_printf("%d", in->port), "-u",
		user, "-P", password};
	size_t n = 9;

	while (*args && n < COUNT(argv) - 1)
		argv[n++] = *args++;
	return run(argv);
}
#define TOOL(name, user, password, ...) \
	tool(name, user, password, (const char *const[]){__VA_ARGS__, NULL})

static const char *token(const char *user)
{
	return token_mint(&in->keys, &(struct token){.sub = user});
}

/* mosquitto_sub in the background; returns when the broker has taken its subscription. */
struct sub {
	struct proc proc;
};

static bool has_subscribed(void *arg)
{
	struct sub *s = arg;
	char *out = slurp(s->proc.log, NULL);

	return proc_ended(&s->proc) || (out && strstr(out, "Subscribed"));
}

static struct sub *sub_start(const char *user, const char *id, const char *topic, const char *count,
	const char *version, const char *qos)
{
	struct sub *s = case_alloc(sizeof(*s));
	const char *argv[] = {"stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p",
		case_printf("%d", in->port), "-u", user, "-P", token(user), "-i", id, "-t", topic,
		"-C", count, "-V", version, "-q", qos, "-d", NULL};

	proc_start(
		&s->proc, argv, &(struct proc_spec){.log = case_printf("%s/sub-%s", in->root, id)});
	if (!case_wait(has_subscribed, s) || proc_ended(&s->proc))
		case_fail("mosquitto_sub: %s", slurp(s->proc.log, NULL));
	return s;
}

/* Its output once it has got as many messages as it was told. */
static char *sub_end(struct sub *s)
{
	if (!proc_wait(&s->proc, case_patience_ms()))
		case_fail("mosquitto_sub waits for more: %s", slurp(s->proc.log, NULL));
	assert_int_equal(proc_code(&s->proc), 0);
	return slurp(s->proc.log, NULL);
}

/* Two people with nothing but mosquitto_pub and mosquitto_sub. */
static void test_pub_and_sub(void **state)
{
	static const char *const versions[] = {"mqttv311", "mqttv5"};
	static const char *const qos[] = {"0", "1", "2"};
	struct sub *subs[2];
	struct client *alice;
	size_t sent = 0, before;

	(void)state;
	alice = client_5(in, "alice", "check");
	before = history_all(alice, "lobby").count;
	subs[0] = sub_start("bob", "bob:sub", "chat/lobby/msg", "6", "mqttv311", "1");
	subs[1] = sub_start("carol", "carol:sub", "chat/lobby/#", "6", "mqttv5", "2");
	for (size_t v = 0; v < 2; v++) {
		for (size_t q = 0; q < 3; q++) {
			struct run r = TOOL("mosquitto_pub", "alice", "wonderland", "-V",
				versions[v], "-q", qos[q], "-t", "chat/lobby/send", "-m",
				case_printf("message %zu", sent));

			if (r.code != 0)
				case_fail("mosquitto_pub ends with %d: %s", r.code, r.err);
			sent++;
		}
	}
	for (size_t s = 0; s < 2; s++) {
		char *out = sub_end(subs[s]);

		for (size_t k = 0; k < sent; k++)
			assert_non_null(strstr(out, case_printf("\"text\":\"message %zu\"", k)));
	}
	assert_int_equal(history_all(alice, "lobby").count, before + sent);
}

/* A sentence for who is refused, and an exit code. */
static void test_pub_refused(void **state)
{
	struct run r;

	(void)state;
	r = TOOL("mosquitto_pub", "alice", "wrong", "-t", "chat/lobby/send", "-m", "x");
	assert_int_not_equal(r.code, 0);
	r = TOOL("mosquitto_pub", "eve", token("eve"), "-V", "5", "-q", "1", "-t",
		"chat/lobby/send", "-m", "x");
	assert_non_null(strstr(r.err, "Not authorized"));
	r = TOOL("mosquitto_sub", "eve", token("eve"), "-V", "5", "-t", "chat/lobby/msg", "-C", "1",
		"-W", "10");
	assert_non_null(strstr(r.err, "denied"));
}

/* A file as a message, and lines as messages. */
static void test_pub_from_stdin(void **state)
{
	struct sub *s = sub_start("bob", "bob:lines", "chat/lobby/msg", "3", "mqttv5", "1");
	const char *argv[] = {"mosquitto_pub", "-h", "127.0.0.1", "-p", case_printf("%d", in->port),
		"-u", "alice", "-P", "wonderland", "-q", "1", "-t", "chat/lobby/send", "-l", NULL};
	char *out;

	(void)state;
	assert_int_equal(run_in(argv, "first line\nsecond line\n{\"text\":\"third\"}\n").code, 0);
	out = sub_end(s);
	assert_non_null(strstr(out, "first line"));
	assert_non_null(strstr(out, "second line"));
	assert_non_null(strstr(out, "third"));
}

/* mosquitto_rr is a complete client of the API. */
static void test_rr(void **state)
{
	struct run r = TOOL("mosquitto_rr", "carol", token("carol"), "-V", "5", "-t", "api/chats",
		"-e", "r", "-m", "{}");
	struct cJSON *j;

	(void)state;
	if (r.code != 0)
		case_fail("mosquitto_rr ends with %d: %s", r.code, r.err);
	j = json_from(r.out);
	assert_true(json_has(j, "ok"));
	json_expect_str(j, "chats.0.chat", "lobby");
	r = TOOL("mosquitto_rr", "carol", token("carol"), "-V", "5", "-t", "api/history", "-e",
		"some/reply/topic", "-m", "{\"chat\":\"lobby\",\"limit\":1}");
	assert_non_null(strstr(r.out, "\"ok\":true"));
	r = TOOL("mosquitto_rr", "eve", token("eve"), "-V", "5", "-t", "api/history", "-e", "r",
		"-m", "{\"chat\":\"lobby\"}");
	json_expect_str(json_from(r.out), "error.code", "forbidden");
	r = TOOL("mosquitto_rr", "carol", token("carol"), "-V", "5", "-q", "1", "-t",
		"chat/lobby/send", "-e", "r", "-m", "sent by rr");
	j = json_from(r.out);
	json_expect_str(j, "chat", "lobby");
	assert_true(json_num(j, "seq") > 0);
	/* over 3.1.1 the answer comes on reply/<method> */
	r = TOOL("mosquitto_rr", "carol", token("carol"), "-V", "mqttv311", "-t", "api/me", "-e",
		"reply/me", "-m", "{\"re\":5}");
	assert_non_null(strstr(r.out, "\"re\":5"));
}

static void paho_talks(int version)
{
	struct paho *a = paho_open(in, "alice", "paho", version),
		    *b = paho_open(in, "bob", "paho", version);
	char *payload, *corr;

	paho_subscribe(b, "chat/lobby/#", 2);
	for (int qos = 0; qos <= 2; qos++) {
		char *text = case_printf("paho %d, qos %d", version, qos);

		paho_publish(a, "chat/lobby/send", text, qos, NULL, NULL);
		payload = paho_take(b, "chat/lobby/msg", NULL);
		json_expect_str(json_from(payload), "text", text);
		json_expect_str(json_from(payload), "device", "paho");
	}
	if (version == 5) {
		paho_publish(b, "api/unread", "{\"chat\":\"lobby\"}", 1, "an/answer", "corr-1");
		payload = paho_take(b, "an/answer", &corr);
		assert_string_equal(corr, "corr-1");
		paho_publish(a, "chat/lobby/send", "answer me", 1, "an/answer", "corr-2");
		payload = paho_take(a, "an/answer", &corr);
		assert_string_equal(corr, "corr-2");
		json_expect_str(json_from(payload), "chat", "lobby");
	} else {
		paho_publish(b, "api/unread", "{\"chat\":\"lobby\",\"re\":\"r1\"}", 1, NULL, NULL);
		payload = paho_take(b, "reply/unread", NULL);
		json_expect_str(json_from(payload), "re", "r1");
	}
}

static void test_paho_mqtt5(void **state)
{
	(void)state;
	paho_talks(5);
}

static void test_paho_mqtt3(void **state)
{
	(void)state;
	paho_talks(4);
}

/* All of them in one chat, each seeing the others. */
static void test_all_kinds_together(void **state)
{
	struct client *five = client_5(in, "alice", "lib5"), *three = client_3(in, "bob", "lib3");
	struct paho *paho = paho_open(in, "carol", "paho", 5);
	struct sub *s = sub_start("bob", "bob:shell", "chat/lobby/msg", "4", "mqttv5", "1");
	char *out;

	(void)state;
	client_subscribe_ok(five, "chat/lobby/msg", 1);
	client_subscribe_ok(three, "chat/lobby/msg", 2);
	paho_subscribe(paho, "chat/lobby/msg", 1);
	client_send(five, "lobby", "from libmosquitto 5");
	client_send(three, "lobby", "from libmosquitto 3");
	paho_publish(paho, "chat/lobby/send", "from paho", 1, NULL, NULL);
	TOOL("mosquitto_pub", "alice", token("alice"), "-q", "1", "-t", "chat/lobby/send", "-m",
		"from the shell");
	out = sub_end(s);
	for (int k = 0; k < 4; k++) {
		static const char *const texts[] = {
			"libmosquitto 5", "libmosquitto 3", "from paho", "the shell"};

		client_take(five, "chat/lobby/msg", texts[k]);
		client_take(three, "chat/lobby/msg", texts[k]);
		assert_non_null(strstr(out, texts[k]));
		paho_take(paho, "chat/lobby/msg", NULL);
	}
}

/* A phone that was away: its session brings what it missed, the history the same. */
static void test_session_that_lasts(void **state)
{
	for (int version = 4; version <= 5; version++) {
		struct client_opts o = {.user = "bob",
			.device = version == 4 ? "away3" : "away5",
			.version = version,
			.persistent = true};
		struct client *bob = client_open(in, &o), *alice = client_5(in, "alice", "d");

		client_subscribe_ok(bob, "chat/lobby/msg", 1);
		client_close(bob);
		for (int k = 0; k < 20; k++)
			client_sendf(alice, "lobby", "missed %d by %d", k, version);
		client_barrier(alice);
		bob = client_open(in, &o);
		for (int k = 0; k < 20; k++)
			client_take(
				bob, "chat/lobby/msg", case_printf("missed %d by %d", k, version));
		client_close(bob);
		client_close(alice);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_pub_and_sub),
		SYSTEM(test_pub_refused),
		SYSTEM(test_pub_from_stdin),
		SYSTEM(test_rr),
		SYSTEM(test_paho_mqtt5),
		SYSTEM(test_paho_mqtt3),
		SYSTEM(test_all_kinds_together),
		SYSTEM(test_session_that_lasts),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
