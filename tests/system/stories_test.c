/* stories_test.c — stories: retained for a day, seen by whom the author's privacy allows, gone when
 * they are taken back or the author goes.
 *
 * One instance for all. Each test has users of its own: author<n>, friend<n>, who is in the
 * author's contacts, and other<n>, who is not.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"

enum { CASTS = 8, DAY_S = 86400 };

static struct instance *in, *shared;
static const char *author, *friend, *other, *topic;
static struct client *aut, *fri, *oth;

static struct instance *start(void)
{
	const char *lines = "{\"user\":\"boss\",\"role\":\"admin\"}\n";
	struct instance *i;

	for (int k = 0; k < CASTS; k++)
		lines = case_printf("%s{\"user\":\"author%d\"}\n{\"user\":\"friend%d\"}\n"
				    "{\"user\":\"other%d\"}\n",
			lines, k, k, k);
	i = instance_create(lines);
	instance_set(i, "presence_grace", "300ms"); /* also before stories are published again */
	instance_start(i);
	return i;
}

static void setup(void **state)
{
	(void)state;
	shared = start();
}

static void connect_all(void)
{
	aut = client_5(in, author, "phone");
	fri = client_5(in, friend, "phone");
	oth = client_3(in, other, "phone");
	client_subscribe_ok(fri, topic, 1);
	client_subscribe_ok(oth, topic, 1);
}

static void cast_in(struct instance *i, int n)
{
	in = i;
	author = case_printf("author%d", n);
	friend = case_printf("friend%d", n);
	other = case_printf("other%d", n);
	topic = case_printf("user/%s/status", author);
	connect_all();
	client_requestf(aut, "contact.add", "{\"user\":\"%s\"}", friend);
}

static void cast(int n)
{
	cast_in(shared, n);
}

static struct cJSON *post(const char *params)
{
	return client_request(aut, "status.post", params);
}

/* Whether a new connection finds a story, with this in it. */
static bool finds(const char *viewer, const char *text)
{
	const struct message *m = people_retained(in, viewer, topic);

	return m && m->len && strstr(m->payload, text);
}

/* What a subscriber is shown when it is taken back: the empty retained message, or nothing of it.
 */
static void expect_taken_back(struct client *c)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (client_last(c, topic)->len > 0) {
		if (case_now_ms() > until)
			case_fail(
				"%s is not taken back: %s", topic, client_last(c, topic)->payload);
		case_pause_ms(2);
	}
}

static void test_post_and_take_back(void **state)
{
	struct cJSON *j;
	struct message *m;

	(void)state;
	cast(0);
	j = post("{\"text\":\"On holiday\",\"media\":[\"m1\"],\"body\":{ \"a\" : 1.50 }}");
	m = client_take(fri, topic, "On holiday");
	assert_int_equal(json_num(json_of(m->payload, m->len), "expires"), json_num(j, "expires"));
	j = json_of(m->payload, m->len);
	json_expect_str(j, "user", author);
	json_expect_str(j, "media.0", "m1");
	assert_non_null(strstr(m->payload, "\"body\":{ \"a\" : 1.50 }"));
	assert_int_equal(json_num(j, "expires") - json_num(j, "ts"), DAY_S * 1000LL);
	assert_in_range(json_num(j, "ts"), case_wall_ms() - 60000, case_wall_ms());
	m = people_retained(in, friend, topic);
	assert_non_null(m);
	assert_true(m->retain);
	assert_in_range(m->expiry_s, DAY_S - 60, DAY_S);
	j = client_requestf(fri, "user.get", "{\"user\":\"%s\"}", author);
	json_expect_str(j, "status.text", "On holiday");
	/* a new one takes its place */
	post("{\"text\":\"Back home\"}");
	m = client_take(fri, topic, "Back home");
	assert_false(json_has(json_of(m->payload, m->len), "media"));
	assert_true(finds(friend, "Back home"));
	post("{}");
	expect_taken_back(fri);
	assert_null(people_retained(in, friend, topic));
	assert_false(
		json_has(client_requestf(fri, "user.get", "{\"user\":\"%s\"}", author), "status"));
	client_barrier(oth);
	client_none(oth, 0, topic, "o"); /* the other one saw none of them */
}

static void test_who_sees_it(void **state)
{
	(void)state;
	cast(1);
	post("{\"text\":\"first story\"}");
	client_take(fri, topic, "first story");
	assert_false(finds(other, ""));
	assert_true(finds(author, "first"));
	assert_true(finds("boss", "first"));
	client_request(aut, "privacy.set", "{\"status\":\"everyone\"}");
	assert_true(finds(other, "first"));
	post("{\"text\":\"second story\"}");
	client_take(fri, topic, "second story");
	client_take(oth, topic, "second story");
	client_request(aut, "privacy.set", "{\"status\":\"nobody\"}");
	assert_false(finds(friend, ""));
	assert_false(finds(other, ""));
	post("{\"text\":\"third story\"}");
	client_barrier(aut);
	client_barrier(fri);
	client_barrier(oth);
	client_none(fri, 0, topic, "third");
	client_none(oth, 0, topic, "third");
	assert_true(finds(author, "third"));
	assert_false(
		json_has(client_requestf(fri, "user.get", "{\"user\":\"%s\"}", author), "status"));
	client_request(aut, "privacy.set", "{\"status\":\"contacts\"}");
	assert_true(finds(friend, "third"));
	assert_false(finds(other, ""));
	client_requestf(aut, "contact.remove", "{\"user\":\"%s\"}", friend);
	assert_false(finds(friend, ""));
}

static void test_blocked(void **state)
{
	(void)state;
	cast(2);
	client_request(aut, "privacy.set", "{\"status\":\"everyone\"}");
	client_requestf(aut, "block.add", "{\"user\":\"%s\"}", other);
	post("{\"text\":\"not for all\"}");
	client_take(fri, topic, "not for all");
	client_barrier(oth);
	client_none(oth, 0, topic, NULL);
	assert_false(finds(other, ""));
	client_requestf(aut, "block.remove", "{\"user\":\"%s\"}", other);
	assert_true(finds(other, "not for all"));
}

static void test_wrong_stories(void **state)
{
	static const struct {
		const char *params, *code;
	} rows[] = {
		{"{\"text\":7}", "bad_request"},
		{"{\"text\":[\"x\"]}", "bad_request"},
		{"{\"media\":\"m\"}", "bad_request"},
		{"{\"media\":[7]}", "bad_request"},
		{"{\"body\":7}", "bad_request"},
		{"{\"body\":[]}", "bad_request"},
		{"{\"media\":[]}", "bad_request"},
		{"{\"body\":{}}", "bad_request"},
		{"{\"text\":null}", "bad_request"},
		{"{\"txet\":\"misspelt\"}", "bad_request"},
	};
	struct publish p = {
		.topic = "user/author3/status", .payload = "{}", .qos = 1, .retain = true};

	(void)state;
	cast(3);
	post("{\"text\":\"a good one\"}");
	client_take(fri, topic, "a good one");
	for (size_t k = 0; k < COUNT(rows); k++)
		client_refused(aut, "status.post", rows[k].params, rows[k].code);
	client_refused(aut, "status.post", case_printf("{\"text\":\"%05000d\"}", 0), "too_large");
	client_refused(aut, "status.post",
		case_printf("{\"text\":\"%02100d\",\"body\":{\"a\":\"%02100d\"}}", 0, 0),
		"too_large");
	assert_int_equal(client_publish(aut, &p), 0x87);
	assert_true(finds(friend, "a good one"));
	post(case_printf("{\"text\":\"%03000d\"}", 0));
}

/* It is there for its day whoever is killed meanwhile. */
static void test_outlives_crashes(void **state)
{
	struct message *m;

	(void)state;
	cast_in(start(), 0);
	post("{\"text\":\"still here\"}");
	client_take(fri, topic, "still here");
	instance_kill_daemon(in);
	instance_kill_broker(in);
	instance_start(in);
	connect_all();
	client_take(fri, topic, "still here");
	m = people_retained(in, friend, topic);
	assert_non_null(m);
	assert_in_range(m->expiry_s, DAY_S - 120, DAY_S);
}

static bool nobody_finds(void *arg)
{
	(void)arg;
	return !finds(friend, "") && !finds(author, "");
}

/* What the author has taken back does not come again out of an old file of the broker's. */
static void test_taken_back_for_good(void **state)
{
	(void)state;
	cast_in(start(), 0);
	post("{\"text\":\"a slip\"}");
	client_take(fri, topic, "a slip");
	instance_stop(in); /* saves it */
	instance_start(in);
	connect_all();
	client_take(fri, topic, "a slip");
	post("{}");
	expect_taken_back(fri);
	instance_kill_broker(in); /* whose file on disk still has it */
	instance_start_broker(in);
	instance_wait_ready(in);
	assert_true(case_wait(nobody_finds, NULL));
}

/* Nor does the story of one who is gone become the story of the next of that name. */
static void test_not_the_next_ones(void **state)
{
	struct client *boss;

	(void)state;
	cast_in(start(), 0);
	post("{\"text\":\"by the first one\"}");
	client_take(fri, topic, "by the first one");
	instance_stop(in); /* saves it */
	instance_start(in);
	boss = client_5(in, "boss", "desk");
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", author);
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", author);
	people_befriend(in, author, friend);
	instance_kill_broker(in); /* whose file on disk still has it */
	instance_start_broker(in);
	instance_wait_ready(in);
	assert_true(case_wait(nobody_finds, NULL));
}

static void test_author_goes(void **state)
{
	struct client *boss;

	(void)state;
	cast(5);
	boss = client_5(in, "boss", "desk");
	client_request(aut, "privacy.set", "{\"status\":\"everyone\"}");
	post("{\"text\":\"last words\"}");
	client_take(oth, topic, "last words");
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", author);
	assert_false(finds(other, ""));
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", author);
	assert_false(finds(other, ""));
	assert_false(finds(author, ""));
	assert_false(
		json_has(client_requestf(oth, "user.get", "{\"user\":\"%s\"}", author), "status"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_post_and_take_back),
		SYSTEM(test_who_sees_it),
		SYSTEM(test_blocked),
		SYSTEM(test_wrong_stories),
		SYSTEM(test_outlives_crashes),
		SYSTEM(test_taken_back_for_good),
		SYSTEM(test_not_the_next_ones),
		SYSTEM(test_author_goes),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
