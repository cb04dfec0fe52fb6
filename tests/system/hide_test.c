/* hide_test.c — a presence and a story that are seen by fewer: who loses them is shown at once that
 * there is nothing, and nobody else hears of it.
 *
 * One instance for all. Each test has users of its own: author<n>, who has a story and is there;
 * friend<n> and pest<n>, who are in the author's contacts; and other<n>, who is not. All four
 * watch.
 */
#include <cjson/cJSON.h>
#include <signal.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"

enum { CASTS = 10, WATCHERS = 4 };
enum watcher { FRIEND, PEST, OTHER, SELF };

static struct instance *in;
static const char *names[WATCHERS], *presence, *story;
static struct client *watchers[WATCHERS], *author;
static size_t marks[WATCHERS];

static void setup(void **state)
{
	const char *lines = "{\"user\":\"boss\",\"role\":\"admin\"}\n";

	(void)state;
	for (int k = 0; k < CASTS; k++)
		lines = case_printf("%s{\"user\":\"author%d\"}\n{\"user\":\"friend%d\"}\n"
				    "{\"user\":\"pest%d\"}\n{\"user\":\"other%d\"}\n",
			lines, k, k, k, k);
	in = instance_create(lines);
	instance_set(in, "presence_grace", "200ms");
	instance_start(in);
}

/* The pest's device is of MQTT 3.1.1, and keeps its session. */
static struct client *open_watcher(enum watcher w)
{
	struct client_opts o = {.user = names[w],
		.device = "watch",
		.version = w == PEST ? 4 : 5,
		.persistent = w == PEST};
	struct client *c = client_open(in, &o);

	if (w != PEST || !watchers[PEST]) {
		client_subscribe_ok(c, presence, 1);
		client_subscribe_ok(c, story, 1);
	}
	return c;
}

static struct message *wait_last(enum watcher w, const char *topic, const char *text)
{
	int64_t until = case_now_ms() + case_patience_ms();

	for (;;) {
		struct message *m = client_last(watchers[w], topic);

		if (m && (text ? strstr(m->payload, text) != NULL : m->len == 0))
			return m;
		if (case_now_ms() > until)
			case_fail("%s is not shown %s on %s", names[w], text ? text : "nothing",
				topic);
		case_pause_ms(2);
	}
}

static void wait_sees(enum watcher w)
{
	wait_last(w, presence, "\"online\":true");
	wait_last(w, story, "once upon");
}

/* From here on it counts what comes. */
static void mark(void)
{
	for (int w = 0; w < WATCHERS; w++) {
		client_barrier(watchers[w]);
		marks[w] = client_mark(watchers[w]);
	}
}

static void cast(int n)
{
	static const char *const who[WATCHERS] = {"friend", "pest", "other", "author"};

	for (int w = 0; w < WATCHERS; w++) {
		names[w] = case_printf("%s%d", who[w], n);
		watchers[w] = NULL;
	}
	presence = case_printf("presence/%s", names[SELF]);
	story = case_printf("user/%s/status", names[SELF]);
	author = client_5(in, names[SELF], "phone");
	client_requestf(author, "contact.add", "{\"user\":\"%s\"}", names[FRIEND]);
	client_requestf(author, "contact.add", "{\"user\":\"%s\"}", names[PEST]);
	client_request(author, "status.post", "{\"text\":\"once upon a time\"}");
	for (int w = 0; w < WATCHERS; w++)
		watchers[w] = open_watcher((enum watcher)w);
	wait_sees(FRIEND);
	wait_sees(PEST);
	people_wait_says(watchers[SELF], names[SELF], 2, NULL, NULL);
	people_wait_says(watchers[FRIEND], names[SELF], 2, NULL, NULL);
	people_wait_says(watchers[PEST], names[SELF], 2, NULL, NULL);
	mark();
}

static void expect_loses(enum watcher w)
{
	struct message *m = wait_last(w, presence, "{\"online\":false,\"ts\":");

	assert_null(strstr(m->payload, "last_seen"));
	assert_null(strstr(m->payload, "devices"));
	wait_last(w, story, NULL);
	assert_null(people_retained(in, names[w], presence));
	assert_null(people_retained(in, names[w], story));
}

/* Nothing came since the mark. */
static void expect_hears_nothing(enum watcher w)
{
	client_barrier(watchers[w]);
	client_none(watchers[w], marks[w], presence, NULL);
	client_none(watchers[w], marks[w], story, NULL);
}

/* And sees both as before. */
static void expect_keeps(enum watcher w)
{
	expect_hears_nothing(w);
	assert_non_null(people_retained(in, names[w], presence));
	assert_non_null(people_retained(in, names[w], story));
}

static void of(const char *method, enum watcher w)
{
	client_requestf(author, method, "{\"user\":\"%s\"}", names[w]);
}

static void test_block(void **state)
{
	(void)state;
	cast(0);
	of("block.add", PEST);
	expect_loses(PEST);
	expect_keeps(FRIEND);
	expect_keeps(SELF);
	expect_hears_nothing(OTHER);
	of("block.add", OTHER); /* who saw nothing before */
	expect_hears_nothing(OTHER);
	of("block.remove", PEST);
	wait_sees(PEST);
	expect_hears_nothing(OTHER);
}

static void test_block_of_anybody(void **state)
{
	(void)state;
	cast(1);
	client_request(
		author, "privacy.set", "{\"presence\":\"everyone\",\"status\":\"everyone\"}");
	wait_sees(OTHER);
	mark();
	of("block.add", OTHER);
	expect_loses(OTHER);
	expect_keeps(FRIEND);
	expect_keeps(PEST);
}

static void test_contact_removed(void **state)
{
	(void)state;
	cast(2);
	of("contact.remove", PEST);
	expect_loses(PEST);
	expect_keeps(FRIEND);
	expect_keeps(SELF);
	expect_hears_nothing(OTHER);
	of("contact.add", PEST);
	wait_sees(PEST);
}

static void set_privacy(const char *level)
{
	client_requestf(
		author, "privacy.set", "{\"presence\":\"%s\",\"status\":\"%s\"}", level, level);
}

static void test_privacy(void **state)
{
	(void)state;
	cast(3);
	of("block.add", PEST);
	expect_loses(PEST);
	set_privacy("everyone");
	wait_sees(OTHER);
	mark();
	set_privacy("contacts");
	expect_loses(OTHER);
	expect_keeps(FRIEND);
	expect_hears_nothing(PEST);
	mark();
	set_privacy("nobody");
	expect_loses(FRIEND);
	expect_keeps(SELF);
	expect_hears_nothing(OTHER);
	expect_hears_nothing(PEST);
}

/* Somebody who is there stays so on each screen, and is shown without it. */
static void test_last_seen(void **state)
{
	struct message *m;

	(void)state;
	cast(4);
	client_request(author, "privacy.set", "{\"last_seen\":\"nobody\"}");
	m = people_retained(in, names[FRIEND], presence);
	assert_true(!m || !strstr(m->payload, "last_seen"));
	wait_last(FRIEND, presence, "\"devices\":2,\"ts\"");
	client_none(watchers[FRIEND], marks[FRIEND], presence, "\"online\":false");
	m = people_retained(in, names[FRIEND], presence);
	assert_non_null(strstr(m->payload, "\"online\":true"));
	assert_null(strstr(m->payload, "last_seen"));
	expect_hears_nothing(OTHER);
	client_close(watchers[SELF]);
	client_close(author);
	m = people_wait(watchers[FRIEND], names[SELF], false);
	assert_null(strstr(m->payload, "last_seen"));
	m = people_retained(in, names[FRIEND], presence);
	assert_null(strstr(m->payload, "last_seen"));
}

/* Somebody who is not there is shown without it at once, and to nobody with it. */
static void test_last_seen_of_who_is_away(void **state)
{
	struct client *script;
	struct message *m;

	(void)state;
	cast(5);
	people_say(author, names[SELF], "phone", "offline");
	people_say(watchers[SELF], names[SELF], "watch", "offline");
	m = people_wait(watchers[FRIEND], names[SELF], false);
	assert_non_null(strstr(m->payload, "last_seen"));
	client_request(author, "privacy.set", "{\"last_seen\":\"nobody\"}");
	m = people_retained(in, names[FRIEND], presence);
	assert_true(!m || !strstr(m->payload, "last_seen"));
	wait_last(FRIEND, presence, "\"devices\":0,\"ts\"");
	script = people_script(in, names[FRIEND]);
	client_subscribe_ok(script, presence, 1);
	m = client_take(script, presence, "\"devices\":0,\"ts\"");
	assert_true(m->retain);
}

static void test_disabled(void **state)
{
	struct client *boss;

	(void)state;
	cast(6);
	boss = client_5(in, "boss", "phone");
	of("block.add", PEST);
	expect_loses(PEST);
	mark();
	client_requestf(boss, "user.disable", "{\"user\":\"%s\"}", names[SELF]);
	wait_last(FRIEND, presence, "{\"online\":false,\"ts\":");
	wait_last(FRIEND, story, NULL);
	expect_hears_nothing(PEST);
	expect_hears_nothing(OTHER);
	client_requestf(boss, "user.enable", "{\"user\":\"%s\"}", names[SELF]);
	wait_last(FRIEND, presence, "\"devices\":0");
	wait_last(FRIEND, story, "once upon");
	expect_hears_nothing(PEST);
	expect_hears_nothing(OTHER);
}

static void test_removed(void **state)
{
	struct client *boss;

	(void)state;
	cast(7);
	boss = client_5(in, "boss", "phone");
	of("block.add", PEST);
	expect_loses(PEST);
	mark();
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", names[SELF]);
	wait_last(FRIEND, presence, "{\"online\":false,\"ts\":");
	wait_last(FRIEND, story, NULL);
	expect_hears_nothing(PEST);
	assert_null(people_retained(in, names[FRIEND], presence));
	assert_null(people_retained(in, names[FRIEND], story));
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", names[SELF]);
	client_requestf(watchers[PEST], "user.get", "{\"user\":\"%s\"}", names[SELF]);
}

/* A session that waits gets it when its client is back, and not if it may see both again by then.
 */
static void test_who_is_away(void **state)
{
	(void)state;
	cast(8);
	for (int again = 0; again < 2; again++) {
		client_drop(watchers[PEST]);
		of("block.add", PEST);
		if (again)
			of("block.remove", PEST);
		client_barrier(author);
		watchers[PEST] = open_watcher(PEST);
		if (again) {
			wait_sees(PEST);
			client_none(watchers[PEST], 0, presence, "{\"online\":false,\"ts\":");
			continue;
		}
		expect_loses(PEST);
		of("block.remove", PEST);
		wait_sees(PEST);
	}
}

/* Asked for without waiting for an answer. */
static void ask(const char *method, const char *params)
{
	struct publish p = {.topic = case_printf("api/%s", method), .payload = params, .qos = 1};
	int code = client_publish(author, &p);

	assert_true(code == 0 || code == 0x10);
}

/* What is asked for from here on waits for the daemon, to be committed as one. */
static void gather(void)
{
	proc_signal(&in->daemon, SIGSTOP);
	for (int k = 0; k < 8; k++)
		ask("me", "{}"); /* more than there are frames in flight */
}

static void let_go(void)
{
	proc_signal(&in->daemon, SIGCONT);
	client_barrier(author);
}

/* Taken back and hidden in one commit: it stays on nobody's screen. */
static void test_story_taken_back(void **state)
{
	(void)state;
	cast(9);
	gather();
	ask("status.post", "{}");
	ask("block.add", case_printf("{\"user\":\"%s\"}", names[PEST]));
	let_go();
	expect_loses(PEST);
	wait_last(FRIEND, story, NULL);
	wait_last(SELF, story, NULL);
	expect_hears_nothing(OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_block),
		SYSTEM(test_block_of_anybody),
		SYSTEM(test_contact_removed),
		SYSTEM(test_privacy),
		SYSTEM(test_last_seen),
		SYSTEM(test_last_seen_of_who_is_away),
		SYSTEM(test_disabled),
		SYSTEM(test_removed),
		SYSTEM(test_who_is_away),
		SYSTEM(test_story_taken_back),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
