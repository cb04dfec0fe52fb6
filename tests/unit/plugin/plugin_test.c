/* plugin_test.c — the whole plugin between a broker and a bridge of cardboard. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "book.h"
#include "place.h"
#include "plugin/roll.h"
#include "plugin/spool.h"
#include "stage.h"
#include "wire/le.h"

/* The conf of most tests: small, so that limits are near. */
#define SMALL "spool_size 1M\nmessage_size_max 64K\nframe_size_max 64K\nframes_in_flight 2\n"

static int setup_files(void **state)
{
	if (place_make(state) != 0 || sodium_init() < 0)
		return -1;
	stage_keys = (struct jwt_keys){0};
	directory_close(book_make());
	return 0;
}

static int setup(void **state)
{
	if (setup_files(state) != 0)
		return -1;
	if (stage_load(SMALL) != MOSQ_ERR_SUCCESS)
		fail_msg("%s", stage_log);
	return 0;
}

static int teardown(void **state)
{
	if (stage_loaded())
		stage_unload();
	return place_remove(state);
}

static struct mosquitto client(const char *id)
{
	return (struct mosquitto){.id = id, .address = "10.0.0.1", .clean = true, .version = 5};
}

/* Connect the bridge, which has `number` of the spool's epoch. Returns the epoch. */
static uint64_t greet(uint64_t number)
{
	struct frame f;
	size_t at = 0;

	stage_clear();
	stage_bridge_connect();
	assert_int_equal(stage_hello(0, 0), MOSQ_ERR_SUCCESS);
	assert_true(stage_frame(&f, &at));
	if (number > 0) {
		stage_clear();
		assert_int_equal(stage_hello(f.epoch, number), MOSQ_ERR_SUCCESS);
		at = 0;
		assert_true(stage_frame(&f, &at));
	}
	assert_true(f.hello);
	assert_int_equal(f.count, 0);
	return f.epoch;
}

static void acknowledge(uint64_t epoch, uint64_t number)
{
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, number, true, NULL, 0), MOSQ_ERR_SUCCESS);
}

/* Change the directory while the plugin reads it: LMDB wants another process for that. */
static void change(void (*fn)(struct directory *d))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct directory *d;

		if (directory_open(&d, in_place("data/directory"), 0, DIRECTORY_WRITE, place_why,
			    sizeof(place_why)) != ERR_OK)
			_exit(1);
		fn(d);
		directory_close(d);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Loading. */

static void refuses_to_load(int rc, const char *words)
{
	assert_int_not_equal(rc, MOSQ_ERR_SUCCESS);
	assert_false(stage_loaded());
	for (int event = 0; event < 20; event++)
		assert_false(stage_has_hook(event));
	if (strncmp(stage_log, "gnatter: ", 9) != 0 || !strstr(stage_log, words) ||
		strchr(stage_log, '\n') != stage_log + strlen(stage_log) - 1)
		fail_msg("'%s' lacks '%s', or is not one sentence", stage_log, words);
}

static void test_load_refuses_with_one_sentence(void **state)
{
	static const char byte = 'x';

	(void)state;
	assert_int_equal(stage_load(SMALL), MOSQ_ERR_SUCCESS);
	stage_unload();
	refuses_to_load(stage_load_with("cnofig", in_place("gnatter.conf")), "plugin_opt_cnofig");
	refuses_to_load(stage_load_with("config", in_place("missing.conf")), "missing.conf");
	refuses_to_load(stage_load("no_such_option 1\n"), "gnatter.conf:1:");
	place_write("keys/token.key", "short", 5);
	refuses_to_load(stage_load(SMALL), "keys/token.key");
	stage_keys.hs256_len = 0;
	assert_int_equal(stage_load(SMALL), MOSQ_ERR_SUCCESS);
	stage_unload();
	place_overwrite("data/spool", 0, &byte, 1);
	refuses_to_load(stage_load(SMALL), "the spool");
	assert_int_equal(unlink(in_place("data/spool")), 0);
	assert_int_equal(truncate(in_place("data/directory/data.mdb"), 100), 0);
	refuses_to_load(stage_load(SMALL), "data/directory");
}

static void test_load_once(void **state)
{
	void *second;

	(void)state;
	assert_int_not_equal(mosquitto_plugin_init(NULL, &second, NULL, 0), MOSQ_ERR_SUCCESS);
	assert_null(second);
	assert_true(stage_has_hook(MOSQ_EVT_MESSAGE));
}

static void test_version(void **state)
{
	(void)state;
	assert_int_equal(mosquitto_plugin_version(2, (const int[]){4, 5}), 5);
	assert_int_equal(mosquitto_plugin_version(2, (const int[]){3, 4}), -1);
}

/* Records. */

static void test_records_of_coming_and_going(void **state)
{
	struct mosquitto a = client("alice:phone"), b = client("shell"),
			 again = client("alice:phone");
	struct frame f;
	struct record r;
	size_t at = 0;

	(void)state;
	a.clean = false;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	b.version = 4;
	assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&again, "alice"), MOSQ_ERR_SUCCESS);
	stage_disconnect(&a);
	stage_disconnect(&b);
	greet(0);
	at = 1;
	assert_true(stage_frame(&f, &at));
	assert_int_equal(f.first, 1);
	assert_int_equal(f.count, 6);
	r = stage_record(&f, 0);
	assert_int_equal(r.type, RECORD_BROKER_START);
	r = stage_record(&f, 1);
	assert_int_equal(r.type, RECORD_CONNECT);
	assert_true(bytes_equal(r.user, "alice", 5) && bytes_equal(r.client, "alice:phone", 11));
	assert_true(bytes_equal(r.device, "phone", 5) && bytes_equal(r.target, "10.0.0.1", 8));
	assert_int_equal(r.flags, RECORD_MQTT5 | RECORD_PERSISTS);
	r = stage_record(&f, 2);
	assert_true(r.type == RECORD_CONNECT && bytes_equal(r.device, "shell", 5) && r.flags == 0);
	/* A takeover: the old one ends before the new one begins, and only once. */
	r = stage_record(&f, 3);
	assert_true(r.type == RECORD_DISCONNECT && bytes_equal(r.user, "alice", 5));
	r = stage_record(&f, 4);
	assert_true(r.type == RECORD_CONNECT && bytes_equal(r.user, "alice", 5));
	r = stage_record(&f, 5);
	assert_true(r.type == RECORD_DISCONNECT && bytes_equal(r.user, "bob", 3));
}

static void test_records_of_publishes(void **state)
{
	static const struct {
		const char *topic, *payload;
		int qos;
		enum record_type type;
		const char *target, *response;
		uint8_t flags;
	} cases[] = {
		{"chat/lobby/send", "hello", 2, RECORD_SEND, "lobby", "", 2},
		{"chat/alice:bob/send", "", 0, RECORD_SEND, "alice:bob", "", 0},
		{"chat/lobby/ack", "{\"read\":1}", 1, RECORD_ACK, "lobby", "", 1},
		{"api/chats", "{}", 0, RECORD_API, "chats", "reply/chats", 0},
		{"api/password.set", "{}", 1, RECORD_API, "password.set", "reply/password.set",
			1 | RECORD_SECRET},
	};
	struct mosquitto a = client("alice:phone");
	uint64_t epoch, number = 2;

	(void)state;
	a.version = 4;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct frame f;
		struct record r;
		size_t at = 0;

		stage_clear();
		assert_int_equal(stage_publish(&a, cases[i].topic, cases[i].payload, cases[i].qos),
			MOSQ_ERR_SUCCESS);
		assert_true(stage_frame(&f, &at));
		assert_true(f.epoch == epoch && !f.hello && f.count == 1 && f.first == ++number);
		r = stage_record(&f, 0);
		assert_int_equal(r.type, cases[i].type);
		assert_int_equal(r.flags, cases[i].flags);
		assert_true(bytes_equal(r.target, cases[i].target, strlen(cases[i].target)));
		assert_true(bytes_equal(r.response, cases[i].response, strlen(cases[i].response)));
		assert_true(bytes_equal(r.payload, cases[i].payload, strlen(cases[i].payload)));
		assert_true(bytes_equal(r.client, "alice:phone", 11));
		assert_int_equal(r.number, number);
		acknowledge(epoch, number);
	}
}

/* Presence of a device: a copy for the bridge, the message itself for the broker. */
static void test_records_of_presence(void **state)
{
	struct mosquitto a = client("alice:phone"), s = client("shell");
	mosquitto_property *p = NULL;
	struct frame f;
	struct record r;
	uint64_t epoch;
	size_t at = 0;

	(void)state;
	a.clean = false;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&s, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(3);
	stage_clear();
	mosquitto_property_add_string(&p, MQTT_PROP_RESPONSE_TOPIC, "$not/asked/for");
	assert_int_equal(stage_publish_with(&a, "presence/alice/phone", bytes_of_text("online"), p),
		MOSQ_ERR_SUCCESS);
	mosquitto_property_free_all(&p);
	assert_true(stage_frame(&f, &at) && f.count == 1);
	r = stage_record(&f, 0);
	assert_int_equal(r.type, RECORD_PRESENCE);
	assert_int_equal(r.flags, 1 | RECORD_MQTT5 | RECORD_PERSISTS);
	assert_true(bytes_equal(r.user, "alice", 5) && bytes_equal(r.client, "alice:phone", 11));
	assert_true(bytes_equal(r.device, "phone", 5) && bytes_equal(r.payload, "online", 6));
	assert_true(r.role == ROLE_USER && r.target.len == 0 && r.response.len == 0);
	acknowledge(epoch, 4);

	/* A script has no device. */
	assert_int_equal(stage_publish(&s, "presence/alice/shell", "", 0), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_publish(&a, "presence/alice/tablet", "x", 1), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_publish(&a, "presence/alice", "x", 1), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_acl(&a, "presence/alice/phone", MOSQ_ACL_WRITE, 1, true),
		MOSQ_ERR_SUCCESS); /* a will is asked about, and no more */
	assert_false(stage_frame(&f, &at));
}

static void test_response_topics(void **state)
{
	static char longest[1025];
	static const struct {
		const char *topic;
		bool ok;
	} cases[] = {{"e", true}, {"my/answers", true}, {longest + 1, true}, {longest, false},
		{"", false}, {"$SYS/x", false}, {"a/+", false}, {"#", false}};
	struct mosquitto a = client("alice:phone");
	struct frame f;
	uint64_t epoch, number = 2;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[1024] = '\0';
	for (size_t i = 0; i < 1024; i++)
		longest[i] = 'x';
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		mosquitto_property *p = NULL;
		struct record r;
		size_t at = 0;
		int rc;

		stage_clear();
		mosquitto_property_add_string(&p, MQTT_PROP_RESPONSE_TOPIC, cases[i].topic);
		mosquitto_property_add_binary(&p, MQTT_PROP_CORRELATION_DATA, "a\0b", 3);
		mosquitto_property_add_string(&p, MQTT_PROP_CONTENT_TYPE, "json");
		rc = stage_publish_with(&a, "chat/lobby/send", bytes_of_text("hi"), p);
		mosquitto_property_free_all(&p);
		if (cases[i].topic == longest) { /* 1024 is the most */
			assert_int_equal(rc, MOSQ_ERR_SUCCESS);
			acknowledge(epoch, ++number);
			continue;
		}
		assert_int_equal(rc, cases[i].ok ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED);
		if (!cases[i].ok) {
			assert_non_null(strstr(stage_find("user/alice/errors")->payload,
				"\"code\":\"bad_request\""));
			assert_int_equal(stage_published_count, 1); /* no answer to nowhere */
			continue;
		}
		assert_true(stage_frame(&f, &at));
		r = stage_record(&f, 0);
		assert_true(bytes_equal(r.response, cases[i].topic, strlen(cases[i].topic)));
		assert_true(bytes_equal(r.correlation, "a\0b", 3));
		acknowledge(epoch, ++number);
	}
}

/* The link. */

static void test_link_window(void **state)
{
	struct mosquitto a = client("alice:phone");
	struct frame f;
	uint64_t epoch;
	size_t at = 0;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(2);
	stage_clear();
	for (int i = 0; i < 10; i++)
		assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	assert_true(stage_frame(&f, &at) && f.first == 3 && f.count == 1);
	assert_true(stage_frame(&f, &at) && f.first == 4 && f.count == 1);
	assert_false(stage_frame(&f, &at));
	acknowledge(epoch, 3);
	assert_true(stage_frame(&f, &at) && f.first == 5 && f.count == 8 && f.performed == 3);
	acknowledge(epoch, 12);
	assert_false(stage_frame(&f, &at));
	assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	assert_true(stage_frame(&f, &at) && f.first == 13 && f.performed == 12);
}

static void test_link_frames_are_bounded(void **state)
{
	static char payload[30001];
	struct mosquitto a = client("alice:phone");
	struct frame f;
	size_t at = 1;
	uint32_t records = 0;

	(void)state;
	memset(payload, 'x', sizeof(payload) - 1);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			stage_publish(&a, "chat/lobby/send", payload, 1), MOSQ_ERR_SUCCESS);
	greet(0);
	for (uint64_t last = 2; stage_frame(&f, &at); records += f.count) {
		assert_true(f.records.len <= 65536);
		last = f.first + f.count - 1;
		acknowledge(f.epoch, last);
	}
	assert_int_equal(records, 22);
}

static void test_link_resends_after_a_reconnect(void **state)
{
	struct mosquitto a = client("alice:phone");
	struct frame f;
	uint64_t epoch;
	size_t at;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(2);
	for (int i = 0; i < 5; i++)
		assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	stage_disconnect(&stage_bridge);
	stage_clear();
	assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 0);

	stage_bridge_connect(); /* it has stored up to 4 */
	assert_int_equal(stage_hello(epoch, 4), MOSQ_ERR_SUCCESS);
	at = 0;
	assert_true(stage_frame(&f, &at) && f.hello && f.first == 5 && f.count == 0);
	assert_true(stage_frame(&f, &at) && f.first == 5 && f.count == 4);

	stage_clear(); /* it was given another store, and knows nothing */
	assert_int_equal(stage_hello(epoch ^ 1, 77), MOSQ_ERR_SUCCESS);
	at = 0;
	assert_true(stage_frame(&f, &at) && f.hello && f.first == 5);
	assert_true(stage_frame(&f, &at) && f.first == 5 && f.count == 4);

	stage_clear(); /* it knows more than the spool does */
	assert_int_equal(stage_hello(epoch, 100), MOSQ_ERR_SUCCESS);
	at = 0;
	assert_true(stage_frame(&f, &at) && f.hello && f.first == 101);
	assert_false(stage_frame(&f, &at));
	assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	assert_true(stage_frame(&f, &at) && f.first == 101 && f.count == 1);
}

/* What was accepted is there after the broker was killed. */
static void test_link_after_a_kill_of_the_broker(void **state)
{
	static char file[4096 + (1 << 20)];
	struct mosquitto a = client("alice:phone");
	struct frame f;
	uint64_t epoch;
	FILE *spool;
	size_t at = 1;

	(void)state;
	epoch = greet(0);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 5; i++)
		assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	acknowledge(epoch, 1);
	acknowledge(epoch, 2);
	spool = fopen(in_place("data/spool"), "r");
	assert_int_equal(fread(file, 1, sizeof(file), spool), sizeof(file));
	fclose(spool);
	stage_unload();
	place_write("data/spool", file, sizeof(file));

	assert_int_equal(stage_load(SMALL), MOSQ_ERR_SUCCESS);
	stage_bridge_connect();
	assert_int_equal(stage_hello(epoch, 2), MOSQ_ERR_SUCCESS);
	assert_true(stage_frame(&f, &at) && f.first == 3 && f.count == 6 && f.performed == 2);
	assert_int_equal(stage_record(&f, 4).type, RECORD_SEND);
	assert_int_equal(stage_record(&f, 5).type, RECORD_BROKER_START);
}

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A broker that starts says when the one before it ticked last; of the first one nobody knows. */
static void test_start_says_when_the_last_one_ended(void **state)
{
	uint64_t from = 0, to = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct frame f;
		struct record r;
		size_t at = 1;

		if (i > 0)
			assert_int_equal(stage_load(SMALL), MOSQ_ERR_SUCCESS);
		greet(0);
		assert_true(stage_frame(&f, &at));
		r = stage_record(&f, (uint32_t)i);
		assert_int_equal(r.type, RECORD_BROKER_START);
		assert_int_equal(r.payload.len, 8);
		assert_in_range(le_get64(r.payload.data), from, to);
		from = wall_ms();
		stage_tick();
		to = wall_ms();
		stage_unload();
		stage_clear();
	}
	assert_int_equal(stage_load(SMALL), MOSQ_ERR_SUCCESS);
}

static void test_link_without_memory_sends_later(void **state)
{
	struct mosquitto a = client("alice:phone");
	struct frame f;
	size_t at = 0;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	greet(2);
	stage_clear();
	stage_without_memory = true;
	assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	stage_tick();
	assert_false(stage_frame(&f, &at));
	stage_without_memory = false;
	stage_tick();
	assert_true(stage_frame(&f, &at) && f.first == 3);
}

static void test_link_control_that_makes_no_sense(void **state)
{
	static const char zeros[CONTROL_HEADER + 8];
	static const struct effect bad[] = {
		{.type = EFFECT_PUBLISH, .topic = {"a/+", 3}},
		{.type = EFFECT_MESSAGE, .chat = {"a/b", 3}},
		{.type = EFFECT_HIDE, .topic = {"a/#", 3}},
		{.type = EFFECT_HIDE, .topic = {"a", 1}, .level = VISIBLE_COUNT},
	};
	struct frame f;
	uint64_t epoch = greet(1);
	size_t at;

	(void)state;
	for (int i = 0; i < 10; i++) {
		int rc = 0;

		stage_log[0] = '\0';
		switch (i) {
		case 0:
			rc = stage_control(&stage_bridge, (struct bytes){"x", 1});
			break;
		case 1:
			rc = stage_control(&stage_bridge, (struct bytes){zeros, sizeof(zeros)});
			break;
		case 2:
			rc = stage_effects(CONTROL_EFFECTS, epoch, 2, true, NULL, 0);
			break;
		case 3:
		case 4:
		case 8:
		case 9:
			rc = stage_effects(
				CONTROL_LOOSE, 0, 0, true, &bad[i < 8 ? i - 3 : i - 6], 1);
			break;
		case 5:
			rc = stage_hello(epoch, UINT64_MAX);
			break;
		case 6:
			rc = stage_control(&stage_bridge, (struct bytes){NULL, 0});
			break;
		case 7:
			rc = stage_effects(CONTROL_EFFECTS, epoch, UINT64_MAX - 1, true, NULL, 0);
			break;
		}
		assert_int_equal(rc, MOSQ_ERR_PROTOCOL);
		assert_non_null(strstr(stage_log, "makes no sense"));
		/* Until it greets again nothing of it counts. */
		assert_int_equal(
			stage_effects(CONTROL_LOOSE, 0, 0, true, NULL, 0), MOSQ_ERR_PROTOCOL);
		stage_clear();
		assert_int_equal(stage_hello(epoch, 1), MOSQ_ERR_SUCCESS);
		at = 0;
		assert_true(stage_frame(&f, &at) && f.hello && f.first == 2);
	}
}

static void test_link_control_of_others_is_ignored(void **state)
{
	struct mosquitto root = client("root:x");
	struct control c = {.kind = CONTROL_HELLO, .last = true};
	char hello[CONTROL_HEADER];

	(void)state;
	control_encode_header(&c, hello);
	assert_int_equal(stage_signin(&root, "root"), MOSQ_ERR_SUCCESS);
	assert_int_equal(
		stage_acl(&root, CONTROL_TOPIC, MOSQ_ACL_WRITE, 0, false), MOSQ_ERR_ACL_DENIED);
	stage_clear();
	assert_int_equal(
		stage_control(&root, (struct bytes){hello, sizeof(hello)}), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 0);
}

/* Effects. */

#define MESSAGE(c, text)                                                         \
	{                                                                        \
		.type = EFFECT_MESSAGE, .chat = {c, sizeof(c) - 1}, .payload = { \
			text,                                                    \
			sizeof(text) - 1                                         \
		}                                                                \
	}
#define ANSWER(u, id, text)                                                                        \
	{                                                                                          \
		.type = EFFECT_ANSWER, .user = {u, sizeof(u) - 1}, .client = {id, sizeof(id) - 1}, \
		.topic = {"e", 1}, .correlation = {"c7", 2}, .payload = {                          \
			text,                                                                      \
			sizeof(text) - 1                                                           \
		}                                                                                  \
	}
#define KICK(u, id)                                                                               \
	{                                                                                         \
		.type = EFFECT_KICK, .user = {u, sizeof(u) - 1}, .client = { id, sizeof(id) - 1 } \
	}
#define EXPEL(u)                                                   \
	{                                                          \
		.type = EFFECT_EXPEL, .user = { u, sizeof(u) - 1 } \
	}

static void test_effects_publish_and_answer(void **state)
{
	static const struct effect effects[] = {
		MESSAGE("lobby", "{}"),
		{.type = EFFECT_PUBLISH,
			.topic = {"user/bob/events", 15},
			.qos = 2,
			.retain = true,
			.expiry = 86400,
			.payload = {"e", 1}},
		ANSWER("alice", "alice:phone", "yes"),
		ANSWER("bob", "alice:phone", "no"),     /* another's connection */
		ANSWER("alice", "alice:tablet", "yes"), /* away: its session may wait */
		ANSWER("alice", "shell", "no"),         /* gone for good */
		ANSWER("bob", "alice:tablet", "no"),
	};
	struct mosquitto a = client("alice:phone");
	uint64_t epoch;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(1);
	stage_clear();
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 2, true, effects, 7), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 4);
	assert_string_equal(stage_published[0].topic, "chat/lobby/msg");
	assert_true(stage_published[0].qos == 1 && stage_published[0].client[0] == '\0');
	assert_int_equal(stage_published[0].expiry, 0);
	assert_true(stage_published[1].qos == 2 && stage_published[1].retain);
	assert_int_equal(stage_published[1].expiry, 86400);
	for (int i = 2; i < 4; i++) {
		assert_string_equal(
			stage_published[i].client, i == 2 ? "alice:phone" : "alice:tablet");
		assert_string_equal(stage_published[i].correlation, "c7");
		assert_int_equal(stage_published[i].qos, 1);
	}
}

static void test_effects_once(void **state)
{
	static const struct effect effect = MESSAGE("lobby", "{}");
	struct mosquitto a = client("alice:phone");
	uint64_t epoch;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(1);
	stage_clear();
	for (int i = 0; i < 2; i++) /* two parts for one number */
		assert_int_equal(stage_effects(CONTROL_EFFECTS, epoch, 2, i == 1, &effect, 1),
			MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 2);
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 2, true, &effect, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 1, true, &effect, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 2);
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, &effect, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch ^ 1, 1, true, &effect, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 4);
}

static void test_effects_without_memory_come_again(void **state)
{
	static const struct effect effect = MESSAGE("lobby", "{}");
	struct mosquitto a = client("alice:phone");
	uint64_t epoch;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(1);
	stage_clear();
	stage_without_memory = true;
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 2, true, &effect, 1), MOSQ_ERR_PROTOCOL);
	stage_without_memory = false;
	stage_disconnect(&stage_bridge);
	stage_bridge_connect();
	assert_int_equal(stage_hello(epoch, 2), MOSQ_ERR_SUCCESS);
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 2, true, &effect, 1), MOSQ_ERR_SUCCESS);
	assert_non_null(stage_find("chat/lobby/msg"));
}

static void test_effects_kick(void **state)
{
	static const struct effect one = KICK("alice", "alice:phone"), all = KICK("alice", ""),
				   nobody = KICK("zoe", ""), bridge = KICK("$gnatterd", "");
	struct mosquitto phone = client("alice:phone"), tablet = client("alice:tablet"),
			 ws = client("alice:web"), bob = client("bob:phone");

	(void)state;
	ws.websocket = true;
	assert_int_equal(stage_signin(&phone, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&tablet, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&ws, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&bob, "bob"), MOSQ_ERR_SUCCESS);
	greet(0);
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, &one, 1), MOSQ_ERR_SUCCESS);
	assert_true(phone.gone && !tablet.gone && !ws.gone && !bob.gone);
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, &all, 1), MOSQ_ERR_SUCCESS);
	assert_true(tablet.gone && ws.gone && !bob.gone);
	/* Closed, but the broker is not done with it yet. */
	assert_int_equal(
		stage_acl(&ws, "chat/lobby/msg", MOSQ_ACL_READ, 0, false), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_publish(&ws, "chat/lobby/send", "x", 1), MOSQ_ERR_ACL_DENIED);
	stage_disconnect(&ws);
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, &nobody, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, &bridge, 1), MOSQ_ERR_SUCCESS);
	assert_false(stage_bridge.gone);
}

/* Who asked for it himself hears the answer first; what comes after it waits. */
static void test_effects_kick_of_who_asked(void **state)
{
	static const struct effect own[] = {ANSWER("alice", "alice:phone", "yes"),
		KICK("alice", "alice:phone"), MESSAGE("lobby", "{}")};
	static const struct effect other[] = {
		ANSWER("alice", "alice:tablet", "yes"), KICK("alice", "alice:phone")};
	struct mosquitto phone = client("alice:phone"), tablet = client("alice:tablet");

	(void)state;
	assert_int_equal(stage_signin(&phone, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&tablet, "alice"), MOSQ_ERR_SUCCESS);
	greet(0);
	stage_clear();
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, own, 3), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 1);
	assert_false(phone.gone);
	stage_tick();
	assert_false(phone.gone);
	stage_tick();
	assert_true(phone.gone);
	assert_non_null(stage_find("chat/lobby/msg"));
	assert_int_equal(stage_signin(&phone, "alice"), MOSQ_ERR_SUCCESS);
	phone.gone = false;
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, other, 2), MOSQ_ERR_SUCCESS);
	assert_true(phone.gone && !tablet.gone);
}

static void read_some(struct mosquitto *c, const char *topic, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(stage_acl(c, topic, MOSQ_ACL_READ, 1, false), MOSQ_ERR_SUCCESS);
}

/* Which connections are closed when their user was removed from a chat. */
static void test_effects_expel_whom(void **state)
{
	static const struct {
		int version;
		bool clean;
		int qos;         /* of its subscription */
		int chat, other; /* deliveries */
		bool closed;
	} cases[] = {
		{5, true, 1, 0, 40, false}, /* nothing from a chat */
		{5, true, 1, 16, 0, false}, /* no more than can be under way */
		{5, true, 1, 17, 0, true},
		{5, true, 1, 1, 16, true},
		{4, true, 1, 17, 0, true},
		{4, true, 0, 16, 0, false}, /* QoS 0: what was just now */
		{4, true, 0, 17, 0, true},
		{4, false, 0, 16, 0, false}, /* a session that may have other subscriptions */
		{4, false, 0, 17, 0, true},
	};
	static const struct effect expel = EXPEL("bob");

	(void)state;
	greet(0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mosquitto bob = client("bob:phone");

		bob.version = cases[i].version;
		bob.clean = cases[i].clean;
		assert_int_equal(stage_signin(&bob, "bob"), MOSQ_ERR_SUCCESS);
		assert_int_equal(
			stage_acl(&bob, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, cases[i].qos, false),
			MOSQ_ERR_SUCCESS);
		read_some(&bob, "chat/lobby/msg", cases[i].chat);
		read_some(&bob, "user/bob/events", cases[i].other);
		assert_int_equal(
			stage_effects(CONTROL_LOOSE, 0, 0, true, &expel, 1), MOSQ_ERR_SUCCESS);
		stage_tick();
		stage_tick();
		if (bob.gone != cases[i].closed)
			fail_msg("case %zu: %s", i, bob.gone ? "closed" : "not closed");
		if (!bob.gone)
			stage_disconnect(&bob);
		stage_client_count--;
	}
}

/* Nothing after an EXPEL is performed before the connection is closed. */
static void test_effects_wait_for_an_expelled_connection(void **state)
{
	static const struct effect first[] = {MESSAGE("lobby", "1"), EXPEL("bob"),
		ANSWER("alice", "alice:phone", "removed"), EXPEL("carol"), MESSAGE("lobby", "2")};
	static const struct effect second[] = {MESSAGE("lobby", "3")};
	struct mosquitto alice = client("alice:phone"), bob = client("bob:phone");
	uint64_t epoch;

	(void)state;
	assert_int_equal(stage_signin(&alice, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&bob, "bob"), MOSQ_ERR_SUCCESS);
	epoch = greet(1);
	assert_int_equal(
		stage_acl(&bob, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, 1, false), MOSQ_ERR_SUCCESS);
	read_some(&bob, "chat/lobby/msg", 20);
	stage_clear();
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 2, true, first, 5), MOSQ_ERR_SUCCESS);
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 3, true, second, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 1);
	stage_tick();
	assert_true(stage_published_count == 1 && !bob.gone);
	stage_tick();
	assert_true(bob.gone && !alice.gone);
	/* In order; the record of bob's end went out before. */
	assert_string_equal(stage_published[1].topic, FRAME_TOPIC);
	assert_string_equal(stage_published[2].payload, "removed");
	assert_memory_equal(stage_published[3].payload, "2", 1);
	assert_memory_equal(stage_published[4].payload, "3", 1);
	assert_int_equal(stage_published_count, 5);
	/* And only now they are performed. */
	stage_clear();
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 3, true, second, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 0);
}

/* Two in a row, the second found while what waited for the first is performed. */
static void test_effects_wait_twice(void **state)
{
	static const struct effect first[] = {
		EXPEL("bob"), MESSAGE("lobby", "1"), EXPEL("alice"), MESSAGE("lobby", "2")};
	static const struct effect second[] = {MESSAGE("lobby", "3")};
	struct mosquitto alice = client("alice:phone"), bob = client("bob:phone");

	(void)state;
	assert_int_equal(stage_signin(&alice, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&bob, "bob"), MOSQ_ERR_SUCCESS);
	greet(3);
	assert_int_equal(
		stage_acl(&bob, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, 1, false), MOSQ_ERR_SUCCESS);
	read_some(&bob, "chat/lobby/msg", 20);
	assert_int_equal(
		stage_acl(&alice, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, 1, false), MOSQ_ERR_SUCCESS);
	read_some(&alice, "chat/lobby/msg", 20);
	stage_clear();
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, first, 4), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, second, 1), MOSQ_ERR_SUCCESS);
	stage_tick();
	stage_tick();
	assert_true(bob.gone && !alice.gone);
	stage_tick();
	stage_tick();
	assert_true(alice.gone);
	stage_tick();
	for (size_t i = 0, seen = 0; i < stage_published_count; i++) {
		if (strcmp(stage_published[i].topic, "chat/lobby/msg") == 0)
			assert_int_equal(stage_published[i].payload[0], '1' + (int)seen++);
		if (i + 1 == stage_published_count)
			assert_int_equal(seen, 3);
	}
}

/* A greeting ends the wait at once: the bridge must not be told what is not yet performed. */
static void test_effects_wait_ends_with_a_greeting(void **state)
{
	static const struct effect effects[] = {EXPEL("bob"), MESSAGE("lobby", "1")};
	struct mosquitto bob = client("bob:phone");
	struct frame f;
	uint64_t epoch;
	size_t at = 0;

	(void)state;
	assert_int_equal(stage_signin(&bob, "bob"), MOSQ_ERR_SUCCESS);
	epoch = greet(1);
	assert_int_equal(
		stage_acl(&bob, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, 1, false), MOSQ_ERR_SUCCESS);
	read_some(&bob, "chat/lobby/msg", 20);
	assert_int_equal(
		stage_effects(CONTROL_EFFECTS, epoch, 2, true, effects, 2), MOSQ_ERR_SUCCESS);
	stage_disconnect(&stage_bridge);
	stage_bridge_connect();
	stage_clear();
	assert_int_equal(stage_hello(epoch, 2), MOSQ_ERR_SUCCESS);
	assert_true(bob.gone);
	assert_non_null(stage_find("chat/lobby/msg"));
	assert_true(stage_frame(&f, &at) && f.hello && f.performed == 2);
}

/* Limits. */

static void expect_error(const char *user, const char *code, const char *topic, const char *chat)
{
	char errors[64], want[256];
	const struct published *p;

	snprintf(errors, sizeof(errors), "user/%s/errors", user);
	p = stage_find(errors);
	assert_non_null(p);
	assert_int_equal(p->qos, 1);
	snprintf(want, sizeof(want), "{\"code\":\"%s\",\"message\":\"", code);
	if (p->len < strlen(want) || memcmp(p->payload, want, strlen(want)) != 0)
		fail_msg("%.*s", (int)p->len, p->payload);
	snprintf(want, sizeof(want),
		chat ? "\"topic\":\"%s\",\"chat\":\"%s\"}" : "\"topic\":\"%s\"}", topic, chat);
	if (!memmem(p->payload, p->len, want, strlen(want)))
		fail_msg("%.*s lacks %s", (int)p->len, p->payload, want);
	stage_clear();
}

static void test_refusals_tell_why(void **state)
{
	static char large[65538];
	struct mosquitto a = client("alice:phone"), c = client("carol:phone");

	(void)state;
	memset(large, 'x', 65537);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&c, "carol"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_publish(&c, "chat/lobby/send", "x", 1), MOSQ_ERR_ACL_DENIED);
	expect_error("carol", "forbidden", "chat/lobby/send", "lobby");
	assert_int_equal(stage_publish(&a, "chat/Lobby/send", "x", 1), MOSQ_ERR_ACL_DENIED);
	expect_error("alice", "bad_name", "chat/Lobby/send", NULL);
	assert_int_equal(stage_publish(&a, "user/bob/events", "x", 1), MOSQ_ERR_ACL_DENIED);
	expect_error("alice", "forbidden", "user/bob/events", NULL);
	assert_int_equal(stage_publish(&a, "chat/lobby/send", large, 1), MOSQ_ERR_ACL_DENIED);
	expect_error("alice", "too_large", "chat/lobby/send", "lobby");
	large[65536] = '\0';
	assert_int_equal(stage_publish(&a, "chat/lobby/send", large, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_publish(&a, "home/kitchen", "x", 1), MOSQ_ERR_PLUGIN_DEFER);
	assert_int_equal(stage_published_count, 0);
}

/* Who waits for an answer gets it, alone, where he said. */
static void test_refusals_are_answered(void **state)
{
	static char large[65538];
	struct mosquitto a = client("alice:phone");
	mosquitto_property *props = NULL;
	const struct published *p;

	(void)state;
	memset(large, 'x', 65537);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	mosquitto_property_add_string(&props, MQTT_PROP_RESPONSE_TOPIC, "my/answers");
	mosquitto_property_add_binary(&props, MQTT_PROP_CORRELATION_DATA, "7", 1);
	stage_clear();
	assert_int_equal(
		stage_publish_with(&a, "api/me", bytes_of_text(large), props), MOSQ_ERR_ACL_DENIED);
	mosquitto_property_free_all(&props);
	p = stage_find("my/answers");
	assert_string_equal(p->client, "alice:phone");
	assert_string_equal(p->correlation, "7");
	assert_int_equal(strncmp(p->payload, "{\"error\":{\"code\":\"too_large\",", 29), 0);
	stage_clear();
	assert_int_equal(stage_publish(&a, "api/me", large, 1), MOSQ_ERR_ACL_DENIED);
	assert_string_equal(stage_find("reply/me")->client, "alice:phone");
	stage_clear();
	assert_int_equal(stage_publish(&a, "chat/lobby/send", large, 1), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_published_count, 1);
}

static void test_refusals_are_told_ten_times_a_second(void **state)
{
	struct mosquitto c = client("carol:phone");

	(void)state;
	assert_int_equal(stage_signin(&c, "carol"), MOSQ_ERR_SUCCESS);
	stage_clear();
	for (int i = 0; i < 200; i++)
		assert_int_equal(stage_publish(&c, "chat/lobby/send", "x", 1), MOSQ_ERR_ACL_DENIED);
	assert_in_range(stage_published_count, 10, 30);
}

static void test_rate_of_a_user(void **state)
{
	struct mosquitto a = client("alice:phone"), t = client("alice:tablet");
	int taken = 0;

	(void)state;
	stage_unload();
	assert_int_equal(stage_load(SMALL "rate_per_user 1\nrate_burst 20\n"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&t, "alice"), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 40; i++) {
		static const char *const topics[] = {
			"chat/lobby/send", "chat/lobby/ack", "api/me", "chat/lobby/typing/alice"};

		taken += stage_publish(i % 2 ? &a : &t, topics[i % 4], "x", 0) == MOSQ_ERR_SUCCESS;
	}
	assert_in_range(taken, 20, 24);
	expect_error("alice", "rate_limited", "chat/lobby/send", "lobby");
	stage_disconnect(&a);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_ACL_DENIED);
}

/* Typing and presence have a rate of their own, each connection for itself. */
static void test_rate_of_what_is_brief(void **state)
{
	struct mosquitto a = client("alice:phone"), t = client("alice:tablet");
	int taken = 0;

	(void)state;
	stage_unload();
	assert_int_equal(stage_load(SMALL "brief_rate 1\n"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&t, "alice"), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 20; i++) {
		const char *topic = i % 2 ? "presence/alice/phone" : "chat/lobby/typing/alice";

		taken += stage_publish(&a, topic, "x", 0) == MOSQ_ERR_SUCCESS;
	}
	assert_in_range(taken, 4, 6);
	expect_error("alice", "rate_limited", "chat/lobby/typing/alice", "lobby");
	assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			stage_publish(&t, "presence/alice/tablet", "x", 0), MOSQ_ERR_SUCCESS);
}

/* The user's own rate holds for presence, too. */
static void test_rate_of_a_user_and_presence(void **state)
{
	struct mosquitto a = client("alice:phone");

	(void)state;
	stage_unload();
	assert_int_equal(stage_load(SMALL "rate_per_user 1\nrate_burst 2\n"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			stage_publish(&a, "presence/alice/phone", "x", 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_publish(&a, "presence/alice/phone", "x", 1), MOSQ_ERR_ACL_DENIED);
	expect_error("alice", "rate_limited", "presence/alice/phone", NULL);
}

static void test_connections_of_a_user(void **state)
{
	struct mosquitto a = client("alice:a"), b = client("alice:b"), c = client("alice:c"),
			 again = client("alice:b");

	(void)state;
	stage_unload();
	assert_int_equal(stage_load(SMALL "connections_per_user_max 2\n"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&b, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&c, "alice"), MOSQ_ERR_AUTH);
	assert_int_equal(stage_signin(&again, "alice"), MOSQ_ERR_SUCCESS);
	stage_disconnect(&b);
	stage_disconnect(&a);
	assert_int_equal(stage_signin(&c, "alice"), MOSQ_ERR_SUCCESS);
}

static void test_client_id_of_another_user(void **state)
{
	struct mosquitto a = client("shell"), b = client("shell"), c = client("alice:x");

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_AUTH);
	assert_int_equal(stage_signin(&c, "bob"), MOSQ_ERR_AUTH);
	stage_disconnect(&a);
	assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_SUCCESS);
}

/* What the bridge cannot be told is not shown to others either. */
static void test_full_spool_and_presence(void **state)
{
	static char payload[1001];
	struct mosquitto a = client("alice:phone");

	(void)state;
	memset(payload, 'x', sizeof(payload) - 1);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	while (stage_publish(&a, "chat/lobby/send", payload, 1) == MOSQ_ERR_SUCCESS)
		;
	stage_clear();
	assert_int_equal(
		stage_publish(&a, "presence/alice/phone", payload, 1), MOSQ_ERR_ACL_DENIED);
	expect_error("alice", "busy", "presence/alice/phone", NULL);
}

/* A full spool refuses, keeps its reserve for coming and going, and when even that is used up, the
 * roll is called anew as soon as there is room. */
static void test_full_spool_and_the_roll(void **state)
{
	static char payload[60001];
	struct mosquitto a = client("alice:phone"), c = client("carol:phone"),
			 b[2] = {client("bob:phone"), client("bob:tablet")};
	struct frame f;
	uint64_t epoch, last = 0;
	unsigned connects = 0, starts = 0, disconnects = 0;
	size_t at = 0;
	int sent = 0;

	(void)state;
	memset(payload, 'x', sizeof(payload) - 1);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(stage_signin(&b[i], "bob"), MOSQ_ERR_SUCCESS);
	while (stage_publish(&a, "chat/lobby/send", payload, 1) == MOSQ_ERR_SUCCESS)
		sent++;
	assert_in_range(sent, 14, 17);
	expect_error("alice", "busy", "chat/lobby/send", "lobby");
	for (int i = 0; i < 2000; i++) { /* far beyond the reserve */
		assert_int_equal(stage_signin(&c, "carol"), MOSQ_ERR_SUCCESS);
		stage_client_count--;
		if (i < 1999)
			stage_disconnect(&c);
	}
	assert_int_equal(stage_publish(&c, "api/me", "{}", 1), MOSQ_ERR_ACL_DENIED);
	/* Where a coming has no room, there may be some for one going, but not for two. */
	stage_disconnect(&b[0]);
	stage_disconnect(&b[1]);

	epoch = greet(0);
	at = 1;
	while (stage_frame(&f, &at)) {
		for (uint32_t i = 0; i < f.count; i++) {
			struct record r = stage_record(&f, i);

			assert_int_equal(r.number, ++last);
			sent -= r.type == RECORD_SEND;
			if (r.type == RECORD_BROKER_START) {
				starts++;
				connects = disconnects = 0;
			}
			connects += r.type == RECORD_CONNECT;
			disconnects += r.type == RECORD_DISCONNECT;
		}
		acknowledge(epoch, last);
	}
	assert_int_equal(sent, 0);
	assert_int_equal(starts, 2);
	/* After the second start: alice and carol are there. */
	assert_int_equal(connects, 2);
	assert_int_equal(disconnects, 0);
	assert_int_equal(stage_publish(&c, "api/me", "{}", 1), MOSQ_ERR_SUCCESS);
}

/* Events that are not what they seem. */

static void disable_alice(struct directory *d)
{
	book_user(d, "alice", &(struct user){.disabled = true});
}

static void test_reload_asks_again(void **state)
{
	struct mosquitto a = client("alice:phone"), b = client("bob:phone"),
			 waiting = client("bob:tablet"), ws = client("bob:web");

	(void)state;
	ws.websocket = true;
	waiting.user = ws.user = "bob";
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_SUCCESS);
	stage_reload(); /* a broker that never ticked does not say when a reload is over */
	assert_int_equal(stage_connect(&waiting, "expired"), MOSQ_ERR_AUTH);
	stage_tick();
	change(disable_alice);
	stage_reload();
	assert_int_equal(stage_connect(&a, "expired"), MOSQ_ERR_AUTH);
	assert_int_equal(stage_connect(&b, "expired"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_connect(&waiting, "expired"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_connect(&ws, "expired"), MOSQ_ERR_AUTH);
	stage_tick();
	assert_int_equal(stage_connect(&waiting, "expired"), MOSQ_ERR_AUTH);
}

static void test_reload_takes_new_options_and_keys(void **state)
{
	struct mosquitto a = client("alice:a"), b = client("alice:b");
	struct jwt_keys old = stage_keys;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	place_write("gnatter.conf", SMALL "connections_per_user_max 1\n",
		strlen(SMALL "connections_per_user_max 1\n"));
	stage_reload();
	assert_int_equal(stage_signin(&b, "alice"), MOSQ_ERR_AUTH);
	place_write("gnatter.conf", "nonsense\n", 9);
	stage_log[0] = '\0';
	stage_reload();
	assert_non_null(strstr(stage_log, "stays as it was"));
	assert_int_equal(stage_signin(&b, "alice"), MOSQ_ERR_AUTH);
	stage_disconnect(&a);
	assert_int_equal(stage_signin(&b, "alice"), MOSQ_ERR_SUCCESS);
	stage_disconnect(&b);
	place_write("keys/token.key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 44);
	stage_reload();
	assert_int_equal(stage_signin(&b, "alice"), MOSQ_ERR_AUTH);
	memcpy(stage_keys.hs256, "01234567890123456789012345678901", 32);
	assert_int_equal(stage_signin(&b, "alice"), MOSQ_ERR_SUCCESS);
	stage_keys = old;
}

/* Let in by a certificate: known from what it does first. */
static void test_connections_that_the_broker_let_in(void **state)
{
	struct mosquitto a = client("alice:phone"), bad = client("bob:phone"),
			 sys = client("$gnatterd"), d = client("dave:x"), none = client("x");

	(void)state;
	a.user = bad.user = "alice";
	sys.user = "$gnatterd";
	d.user = "dave";
	assert_int_equal(stage_publish(&a, "chat/lobby/send", "x", 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(
		stage_acl(&a, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, 1, false), MOSQ_ERR_SUCCESS);
	assert_int_equal(
		stage_acl(&a, "user/alice/events", MOSQ_ACL_READ, 1, false), MOSQ_ERR_SUCCESS);
	stage_disconnect(&a);
	for (int i = 0; i < 4; i++) {
		struct mosquitto *c = (struct mosquitto *[]){&bad, &sys, &d, &none}[i];

		assert_int_equal(stage_publish(c, "api/me", "x", 1), MOSQ_ERR_ACL_DENIED);
		assert_int_equal(
			stage_acl(c, "reply/#", MOSQ_ACL_SUBSCRIBE, 1, false), MOSQ_ERR_ACL_DENIED);
		assert_int_equal(
			stage_acl(c, "reply/me", MOSQ_ACL_READ, 1, false), MOSQ_ERR_ACL_DENIED);
		assert_int_equal(
			stage_acl(c, CONTROL_TOPIC, MOSQ_ACL_WRITE, 1, false), MOSQ_ERR_ACL_DENIED);
	}
}

/* A last will is checked when its connection is already gone, or already replaced. */
static void test_wills(void **state)
{
	struct mosquitto a = client("alice:phone"), again = client("alice:phone");

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			assert_int_equal(stage_signin(&again, "alice"), MOSQ_ERR_SUCCESS);
		else
			stage_disconnect(&a);
		stage_clear();
		assert_int_equal(stage_acl(&a, "presence/alice/phone", MOSQ_ACL_WRITE, 1, true),
			MOSQ_ERR_SUCCESS);
		assert_int_equal(stage_acl(&a, "presence/alice/tablet", MOSQ_ACL_WRITE, 1, true),
			MOSQ_ERR_ACL_DENIED);
		assert_int_equal(stage_acl(&a, "chat/lobby/send", MOSQ_ACL_WRITE, 1, true),
			MOSQ_ERR_ACL_DENIED);
		assert_int_equal(stage_acl(&a, "chat/lobby/msg", MOSQ_ACL_WRITE, 1, false),
			MOSQ_ERR_ACL_DENIED);
		assert_int_equal(stage_published_count, 0);
	}
	assert_int_equal(stage_acl(&again, "presence/alice/phone", MOSQ_ACL_WRITE, 1, true),
		MOSQ_ERR_SUCCESS);
}

static void remove_bob(struct directory *d)
{
	book_forget_member(d, "lobby", "bob");
}

static void test_membership_ends_at_once(void **state)
{
	struct mosquitto b = client("bob:phone"), waiting = client("bob:tablet");

	(void)state;
	waiting.user = "bob";
	assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_SUCCESS);
	read_some(&b, "chat/lobby/msg", 1);
	read_some(&waiting, "chat/lobby/msg", 1);
	change(remove_bob);
	assert_int_equal(
		stage_acl(&b, "chat/lobby/msg", MOSQ_ACL_READ, 1, false), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_acl(&waiting, "chat/lobby/msg", MOSQ_ACL_READ, 1, false),
		MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_publish(&b, "chat/lobby/send", "x", 1), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(
		stage_acl(&b, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, 1, false), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(
		stage_acl(&b, "chat/lobby/#", MOSQ_ACL_UNSUBSCRIBE, 1, false), MOSQ_ERR_SUCCESS);
}

static void block_carol(struct directory *d)
{
	book_block(d, "bob", "carol", 0);
}

/* Who loses sight of somebody, and nobody else, is shown that there is nothing: until the broker
 * has asked about everybody, and in a session that it asks about again. */
static void test_effects_hide(void **state)
{
	static const char nothing[] = "{\"online\":false,\"ts\":9}";
	static const struct effect effect = {.type = EFFECT_HIDE,
		.topic = {"presence/bob", 12},
		.user = {"carol", 5},
		.payload = {nothing, sizeof(nothing) - 1}};
	struct mosquitto a = client("alice:phone"), c = client("carol:phone");

	(void)state;
	c.clean = false;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_signin(&c, "carol"), MOSQ_ERR_SUCCESS);
	greet(1);
	change(block_carol);
	stage_clear();
	assert_int_equal(stage_effects(CONTROL_LOOSE, 0, 0, true, &effect, 1), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_published_count, 1);
	assert_string_equal(stage_published[0].topic, "presence/bob");
	assert_string_equal(stage_published[0].payload, nothing);
	assert_true(stage_published[0].qos == 1 && !stage_published[0].retain);
	stage_tick();
	assert_int_equal(stage_read_live(&c, "presence/bob", nothing), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_read_live(&a, "presence/bob", nothing), MOSQ_ERR_ACL_DENIED);
	stage_tick();
	assert_int_equal(stage_read_live(&c, "presence/bob", nothing), MOSQ_ERR_ACL_DENIED);
	stage_disconnect(&c);
	assert_int_equal(stage_signin(&c, "carol"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_read_live(&c, "presence/bob", nothing), MOSQ_ERR_SUCCESS);
	stage_tick();
	assert_int_equal(stage_read_live(&c, "presence/bob", nothing), MOSQ_ERR_ACL_DENIED);
}

/* Whoever is blocked sees what he sees of somebody who does not exist: to the byte. */
static void test_a_block_looks_like_nobody(void **state)
{
	static const char *const topics[] = {"chat/bob:carol/send", "chat/ben:carol/send"};
	char *told[2] = {NULL, NULL};
	struct mosquitto c = client("carol:phone");

	(void)state;
	assert_int_equal(stage_signin(&c, "carol"), MOSQ_ERR_SUCCESS);
	change(block_carol);
	for (int i = 0; i < 2; i++) {
		char *name;

		stage_clear();
		assert_int_equal(stage_publish(&c, topics[i], "x", 1), MOSQ_ERR_ACL_DENIED);
		assert_int_equal(stage_published_count, 1);
		told[i] = strdup(stage_published[0].payload);
		while ((name = strstr(told[i], i ? "ben" : "bob")))
			memset(name, '?', 3);
	}
	assert_string_equal(told[0], told[1]);
	assert_non_null(strstr(told[0], "\"code\":\"forbidden\""));
	free(told[0]);
	free(told[1]);
	for (int qos = 0; qos < 2; qos++) {
		assert_int_equal(stage_acl(&c, "chat/bob:carol/#", MOSQ_ACL_SUBSCRIBE, qos, false),
			stage_acl(&c, "chat/ben:carol/#", MOSQ_ACL_SUBSCRIBE, qos, false));
		assert_int_equal(stage_acl(&c, "presence/bob", MOSQ_ACL_SUBSCRIBE, qos, false),
			MOSQ_ERR_SUCCESS);
		assert_int_equal(stage_acl(&c, "presence/ben", MOSQ_ACL_SUBSCRIBE, qos, false),
			MOSQ_ERR_SUCCESS);
	}
	assert_int_equal(
		stage_read(&c, "presence/bob", "{\"online\":true,\"ts\":9}"), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(
		stage_read(&c, "presence/bob", "{\"online\":false,\"ts\":9}"), MOSQ_ERR_ACL_DENIED);
}

static void hide_receipts(struct directory *d)
{
	book_user(d, "alice", &(struct user){.receipts_hidden = true});
}

static void test_marks_are_given_by_what_they_say(void **state)
{
	static const char mark[] = "{\"user\":\"bob\",\"delivered\":9,\"read\":7,\"ts\":1}";
	struct mosquitto a = client("alice:phone"), waiting = client("alice:tablet");

	(void)state;
	waiting.user = "alice";
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_read(&a, "chat/lobby/mark/bob", mark), MOSQ_ERR_SUCCESS);
	change(hide_receipts);
	assert_int_equal(stage_read(&a, "chat/lobby/mark/bob", mark), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_read(&waiting, "chat/lobby/mark/bob", mark), MOSQ_ERR_ACL_DENIED);
	assert_false(a.gone);
}

static void remove_phone(struct directory *d)
{
	book_remove_device(d, "bob", "phone", 1000, false);
}

static void phone_is_back(struct directory *d)
{
	book_remove_device(d, "bob", "phone", 1000, true);
}

/* What was queued for a device before it was removed is nobody's, even when it is back. */
static void test_queue_of_a_removed_device(void **state)
{
	struct mosquitto b = client("bob:phone");
	void (*const states[])(struct directory *) = {remove_phone, phone_is_back};

	(void)state;
	b.clean = false;
	for (int i = 0; i < 2; i++) {
		change(states[i]);
		b.user = "bob";
		assert_int_equal(stage_read(&b, "chat/lobby/msg", "{\"ts\":2000}"),
			i == 0 ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_SUCCESS);
		assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_SUCCESS);
		assert_int_equal(
			stage_read(&b, "chat/lobby/msg", "{\"ts\":1000}"), MOSQ_ERR_ACL_DENIED);
		assert_int_equal(
			stage_read(&b, "chat/lobby/msg", "{\"ts\":1001}"), MOSQ_ERR_SUCCESS);
		assert_int_equal(
			stage_read(&b, "chat/lobby/typing/alice", "..."), MOSQ_ERR_ACL_DENIED);
		/* The queue is done with as soon as anything else happens. */
		assert_int_equal(stage_acl(&b, "chat/lobby/#", MOSQ_ACL_SUBSCRIBE, 1, false),
			MOSQ_ERR_SUCCESS);
		assert_int_equal(
			stage_read(&b, "chat/lobby/msg", "{\"ts\":999}"), MOSQ_ERR_SUCCESS);
		assert_int_equal(
			stage_read(&b, "chat/lobby/typing/alice", "..."), MOSQ_ERR_SUCCESS);
		stage_disconnect(&b);
	}
}

/* The connection's record says by what it was let in: by the removal, or not yet. */
static void test_record_of_a_removed_device(void **state)
{
	static const uint64_t floors[] = {0, 1000};
	struct frame f;
	size_t at = 1;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mosquitto b = client("bob:phone");

		assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_SUCCESS);
		stage_disconnect(&b);
		change(remove_phone);
	}
	greet(0);
	assert_true(stage_frame(&f, &at));
	for (int i = 0; i < 2; i++) {
		struct record r = stage_record(&f, 1 + 2 * (uint32_t)i);

		assert_int_equal(r.type, RECORD_CONNECT);
		assert_int_equal(r.payload.len, 8);
		assert_int_equal(le_get64(r.payload.data), floors[i]);
	}
}

static void make_bob_anew(struct directory *d)
{
	book_user(d, "bob", &(struct user){.created = 1000, .valid_after_ms = 1000});
}

static void test_queue_of_a_former_account(void **state)
{
	struct mosquitto b = client("bob:phone");

	(void)state;
	b.clean = false;
	change(make_bob_anew);
	assert_int_equal(stage_signin(&b, "bob"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_read(&b, "chat/lobby/msg", "{\"ts\":1000}"), MOSQ_ERR_ACL_DENIED);
	assert_int_equal(stage_read(&b, "chat/lobby/msg", "{\"ts\":1001}"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_read(&b, "chat/lobby/typing/alice", "..."), MOSQ_ERR_ACL_DENIED);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Prints; fails only if something is slower by an order of magnitude. */
static void test_cost_of_a_send(void **state)
{
	static char payload[101];
	struct mosquitto a = client("alice:phone");
	uint64_t epoch, number = 2;
	double spent = 0;

	(void)state;
	stage_unload();
	assert_int_equal(stage_load("rate_burst 10000000\n"), MOSQ_ERR_SUCCESS);
	memset(payload, 'x', sizeof(payload) - 1);
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	epoch = greet(2);
	for (int i = 0; i < 100; i++) {
		double start = now_ns();

		for (int n = 0; n < 1000; n++)
			stage_publish(&a, "chat/lobby/send", payload, 1);
		spent += now_ns() - start;
		/* Two frames of one record went out at once, the rest goes in a third. */
		acknowledge(epoch, number + 1);
		acknowledge(epoch, number + 2);
		acknowledge(epoch, number += 1000);
		stage_clear();
	}
	print_message("a send, checked and in the spool: %.0f ns\n", spent / 100000);
	assert_true(spent / 100000 < 20000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_load_refuses_with_one_sentence, setup_files, teardown),
		CASE(test_load_once),
		CASE(test_version),
		CASE(test_records_of_coming_and_going),
		CASE(test_records_of_publishes),
		CASE(test_records_of_presence),
		CASE(test_response_topics),
		CASE(test_link_window),
		CASE(test_link_frames_are_bounded),
		CASE(test_link_resends_after_a_reconnect),
		CASE(test_link_after_a_kill_of_the_broker),
		CASE(test_start_says_when_the_last_one_ended),
		CASE(test_link_without_memory_sends_later),
		CASE(test_link_control_that_makes_no_sense),
		CASE(test_link_control_of_others_is_ignored),
		CASE(test_effects_publish_and_answer),
		CASE(test_effects_once),
		CASE(test_effects_without_memory_come_again),
		CASE(test_effects_kick),
		CASE(test_effects_kick_of_who_asked),
		CASE(test_effects_expel_whom),
		CASE(test_effects_wait_for_an_expelled_connection),
		CASE(test_effects_wait_twice),
		CASE(test_effects_wait_ends_with_a_greeting),
		CASE(test_refusals_tell_why),
		CASE(test_refusals_are_answered),
		CASE(test_refusals_are_told_ten_times_a_second),
		CASE(test_rate_of_a_user),
		CASE(test_rate_of_what_is_brief),
		CASE(test_rate_of_a_user_and_presence),
		CASE(test_connections_of_a_user),
		CASE(test_client_id_of_another_user),
		CASE(test_full_spool_and_presence),
		CASE(test_full_spool_and_the_roll),
		CASE(test_reload_asks_again),
		CASE(test_reload_takes_new_options_and_keys),
		CASE(test_connections_that_the_broker_let_in),
		CASE(test_wills),
		CASE(test_membership_ends_at_once),
		CASE(test_effects_hide),
		CASE(test_a_block_looks_like_nobody),
		CASE(test_marks_are_given_by_what_they_say),
		CASE(test_queue_of_a_removed_device),
		CASE(test_record_of_a_removed_device),
		CASE(test_queue_of_a_former_account),
		CASE(test_cost_of_a_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
