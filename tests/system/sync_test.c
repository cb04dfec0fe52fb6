/* sync_test.c — coming back after long: everything that was missed in two round trips; and what is
 * never stored: typing. And the large: a channel of many, and who of a chat is there.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"

enum { CHATS = 50, EACH = 200, CROWD = 99999 };

static struct instance *in;

/* Text that grows by pieces. */
struct lines {
	char *text;
	size_t len, cap;
};

static void undo_lines(void *arg, bool failed)
{
	(void)failed;
	free(arg);
}

static void lines_add(struct lines *l, const char *piece)
{
	size_t n = strlen(piece);

	if (l->len + n + 1 > l->cap) {
		l->cap = 2 * (l->cap + n + 1);
		l->text = realloc(l->text, l->cap);
		if (!l->text)
			abort();
	}
	memcpy(l->text + l->len, piece, n + 1);
	l->len += n;
}

/* --- coming back -------------------------------------------------------------------------------
 */

static void fifty_chats(void)
{
	struct lines l = {0};

	lines_add(&l, instance_people);
	for (int k = 0; k < CHATS; k++)
		lines_add(
			&l, case_printf("{\"chat\":\"c%d\",\"members\":[\"alice\",\"bob\"]}\n", k));
	case_defer(undo_lines, l.text);
	in = instance_create(l.text);
	instance_set(in, "rate_per_user", "0");
	instance_start(in);
}

/* Ten thousand messages, turn about, while bob is away. */
static void say_all(struct client *alice)
{
	int64_t began = case_now_ms();

	for (int m = 1; m <= EACH; m++) {
		for (int k = 0; k < CHATS; k++)
			client_sendf(alice, case_printf("c%d", k),
				"{\"id\":\"m%d\",\"text\":"
				"\"message %d of chat %d\"}",
				m, m, k);
	}
	client_barrier(alice);
	printf("sync: %d messages sent one by one in %.1f s\n", CHATS * EACH,
		(double)(case_now_ms() - began) / 1000);
}

/* A page of a chat that bob had never seen: all of it, in order. */
static void check_page(const struct message *m)
{
	struct cJSON *j = json_of(m->payload, m->len);
	int chat = atoi(m->correlation);
	const struct cJSON *one;
	int64_t seq = 0;

	json_expect_str(j, "chat", case_printf("c%d", chat));
	json_expect_num(j, "seq", EACH);
	assert_int_equal(json_len(j, "messages"), EACH);
	assert_true(cJSON_IsFalse(json_at(j, "more")));
	cJSON_ArrayForEach(one, json_at(j, "messages"))
	{
		assert_int_equal(json_num(one, "seq"), ++seq);
		json_expect_str(one, "id", case_printf("m%lld", (long long)seq));
		json_expect_str(one, "chat", case_printf("c%d", chat));
	}
}

/* The recipe: the list of chats, then every history at once. */
static void sync_all(struct client *bob)
{
	int64_t began = case_now_ms(), listed;
	struct cJSON *j = client_request(bob, "chats", "{}");
	size_t bytes = 0;

	listed = case_now_ms();
	assert_int_equal(json_len(j, "chats"), CHATS + 1); /* and the lobby */
	assert_true(cJSON_IsFalse(json_at(j, "more")));
	for (int k = 0; k < CHATS; k++) {
		const struct cJSON *c =
			json_find(json_at(j, "chats"), "chat", case_printf("c%d", k));

		json_expect_num(c, "seq", EACH);
		json_expect_num(c, "unread", EACH);
		json_expect_num(c, "preview.seq", EACH);
	}
	for (int k = 0; k < CHATS; k++) /* at QoS 0: one behind the other, no answer is awaited */
		client_publish(bob, &(struct publish){.topic = "api/history",
					    .payload = case_printf("{\"chat\":\"c%d\",\"after\":0,"
								   "\"limit\":1000}",
						    k),
					    .response = "answers/history",
					    .correlation = case_printf("%d", k)});
	client_wait_count(bob, "answers/history", CHATS);
	printf("sync: %d chats listed in %lld ms, %d messages of them in %lld ms\n", CHATS,
		(long long)(listed - began), CHATS * EACH, (long long)(case_now_ms() - listed));
	for (int k = 0; k < CHATS; k++) {
		const struct message *m = client_take(bob, "answers/history", NULL);

		bytes += m->len;
		check_page(m);
	}
	printf("sync: %zu kB of pages\n", bytes / 1024);
}

static void test_ten_thousand_missed(void **state)
{
	struct client *alice, *bob;
	struct cJSON *j;

	(void)state;
	fifty_chats();
	alice = client_5(in, "alice", "phone");
	say_all(alice);
	bob = client_5(in, "bob", "phone");
	sync_all(bob);
	json_expect_num(client_request(bob, "unread", "{}"), "total", CHATS * EACH);
	/* a new device has nothing and does the same */
	bob = client_5(in, "bob", "new");
	sync_all(bob);
	j = client_request(bob, "chat.get", "{\"chat\":\"c7\"}");
	json_expect_num(json_find(json_at(j, "members"), "user", "alice"), "read", EACH);
	/* what is missing in the middle */
	j = client_request(bob, "history", "{\"chat\":\"c7\",\"after\":150,\"limit\":1000}");
	assert_int_equal(json_len(j, "messages"), EACH - 150);
	json_expect_num(j, "messages.0.seq", 151);
}

/* --- typing ------------------------------------------------------------------------------------
 */

static void test_typing(void **state)
{
	struct client *alice, *bob, *eve, *late;
	size_t passed;
	int64_t began;

	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
	alice = client_5(in, "alice", "phone");
	bob = client_3(in, "bob", "phone");
	eve = client_5(in, "eve", "phone");
	client_subscribe_ok(bob, "chat/lobby/#", 1);
	client_subscribe_ok(alice, "user/alice/errors", 1);
	client_publish(alice,
		&(struct publish){.topic = "chat/lobby/typing/alice", .payload = "{\"on\":true}"});
	assert_int_equal(client_take(bob, "chat/lobby/typing/alice", NULL)->qos, 0);
	/* only for oneself, only where one is a member, only so much */
	assert_int_equal(client_publish(alice, &(struct publish){.topic = "chat/lobby/typing/bob",
						       .payload = "forged",
						       .qos = 1}),
		0x87);
	assert_int_equal(client_publish(eve, &(struct publish){.topic = "chat/lobby/typing/eve",
						     .payload = "stranger",
						     .qos = 1}),
		0x87);
	client_publish(alice, &(struct publish){.topic = "chat/lobby/typing/alice",
				      .payload = case_printf("%01100d", 7)});
	client_take(alice, "user/alice/errors", "chat/lobby/typing/alice");
	/* too often: refused with an error, and the chat goes on */
	began = case_now_ms();
	for (int k = 0; k < 100; k++)
		client_publish(alice,
			&(struct publish){.topic = "chat/lobby/typing/alice", .payload = "."});
	client_take(alice, "user/alice/errors", "\"rate_limited\"");
	client_send(alice, "lobby", "what I was typing");
	client_take(bob, "chat/lobby/msg", "what I was typing");
	passed = client_count(bob, "chat/lobby/typing/alice");
	printf("typing: %zu of 100 at once were passed on in %lld ms\n", passed,
		(long long)(case_now_ms() - began));
	assert_in_range(passed, 10, 22 + 5 * (size_t)(case_now_ms() - began) / 1000);
	client_none(bob, 0, "#", "forged");
	client_none(bob, 0, "#", "stranger");
	/* nothing of it is kept */
	late = client_5(in, "carol", "late");
	client_subscribe_ok(late, "chat/lobby/#", 1);
	client_barrier(late);
	client_none(late, 0, "chat/lobby/typing/+", NULL);
	assert_int_equal(history_all(late, "lobby").count, 1);
	/* after a while again */
	case_pause_ms(1100);
	client_publish(alice,
		&(struct publish){.topic = "chat/lobby/typing/alice", .payload = "once more"});
	client_take(late, "chat/lobby/typing/alice", "once more");
}

/* --- who is there ------------------------------------------------------------------------------
 */

static void test_who_is_online(void **state)
{
	struct client *alice, *bob, *carol;
	struct cJSON *j;
	const char *first;

	(void)state;
	in = instance_create(instance_people);
	instance_set(in, "presence_grace", "200ms");
	instance_start(in);
	people_befriend(in, "bob", "alice");
	people_befriend(in, "dave", "alice");
	alice = client_5(in, "alice", "phone");
	client_subscribe_ok(alice, "presence/bob", 1);
	bob = people_device(in, "bob", "phone", 4);
	carol = client_5(in, "carol", "phone");
	client_close(people_device(in, "dave", "phone", 5)); /* is not in the lobby */
	people_wait_says(alice, "bob", 1, NULL, NULL);
	/* carol has not taken alice as a contact; of herself alice may see all */
	j = client_request(alice, "chat.online", "{\"chat\":\"lobby\"}");
	assert_string_equal(json_text(json_at(j, "users")), "[\"alice\",\"bob\"]");
	assert_true(cJSON_IsFalse(json_at(j, "more")));
	client_request(carol, "privacy.set", "{\"presence\":\"everyone\"}");
	j = client_request(alice, "chat.online", "{\"chat\":\"lobby\",\"limit\":1}");
	first = json_str(j, "users.0");
	assert_int_equal(json_len(j, "users"), 1);
	assert_true(cJSON_IsTrue(json_at(j, "more")));
	j = client_requestf(alice, "chat.online", "{\"chat\":\"lobby\",\"after\":\"%s\"}",
		json_str(j, "after"));
	assert_int_equal(json_len(j, "users"), 2); /* the order is the server's */
	assert_null(strstr(json_text(json_at(j, "users")), first));
	assert_true(cJSON_IsFalse(json_at(j, "more")));
	client_drop(bob);
	people_wait_says(alice, "bob", 0, NULL, NULL);
	j = client_request(alice, "chat.online", "{\"chat\":\"lobby\"}");
	assert_string_equal(json_text(json_at(j, "users")), "[\"alice\",\"carol\"]");
	client_refused(
		client_5(in, "eve", "phone"), "chat.online", "{\"chat\":\"lobby\"}", "forbidden");
	client_refused(alice, "chat.online", "{\"chat\":\"lobby\",\"limit\":0}", "bad_request");
}

/* --- a channel of many -------------------------------------------------------------------------
 */

static void import_crowd(void)
{
	struct lines l = {0};

	lines_add(&l, "{\"user\":\"editor\"}\n");
	for (int k = 0; k < CROWD; k++)
		lines_add(&l, case_printf("{\"user\":\"m%05d\"}\n", k));
	lines_add(&l, "{\"chat\":\"news\",\"kind\":\"channel\",\"title\":\"News\",\"admins\":["
		      "\"editor\"],\"members\":[\"editor\"");
	for (int k = 0; k < CROWD; k++)
		lines_add(&l, case_printf(",\"m%05d\"", k));
	lines_add(&l, "]}\n");
	case_defer(undo_lines, l.text);
	in = instance_create(l.text);
}

static void test_channel_of_many(void **state)
{
	struct client *editor, *some[3];
	struct cJSON *j;
	int64_t began = case_now_ms();
	size_t members = 0;
	const char *after = "0"; /* before all of them */

	(void)state;
	import_crowd();
	instance_start(in);
	printf("channel: %d members imported and served after %.1f s\n", CROWD,
		(double)(case_now_ms() - began) / 1000);
	editor = client_5(in, "editor", "desk");
	some[0] = client_5(in, "m00000", "phone");
	some[1] = client_3(in, "m12345", "phone");
	some[2] = client_5(in, "m99998", "phone");
	for (size_t k = 0; k < 3; k++)
		client_subscribe_ok(some[k], "chat/news/#", 1);
	began = case_now_ms();
	client_send(editor, "news", "the news");
	for (size_t k = 0; k < 3; k++)
		client_take(some[k], "chat/news/msg", "the news");
	printf("channel: a message to %d members in %lld ms\n", CROWD,
		(long long)(case_now_ms() - began));
	/* only its admins write; everybody reads and acknowledges */
	assert_int_equal(client_publish(some[0],
				 &(struct publish){
					 .topic = "chat/news/send", .payload = "me too", .qos = 1}),
		0x87);
	client_subscribe_ok(some[1], "user/m12345/events", 1);
	client_publish(some[1],
		&(struct publish){.topic = "chat/news/ack", .payload = "{\"read\":1}", .qos = 1});
	client_take(some[1], "user/m12345/events", "\"chat\":\"news\",\"delivered\":1,\"read\":1");
	for (size_t k = 0; k < 3; k++) { /* and nobody is told of another */
		client_barrier(some[k]);
		client_none(some[k], 0, "chat/news/mark/+", NULL);
	}
	/* what a member says of himself there reaches nobody either */
	for (size_t k = 0; k < 2; k++)
		client_publish(k ? editor : some[0],
			&(struct publish){.topic = case_printf(
						  "chat/news/typing/%s", k ? "editor" : "m00000"),
				.payload = "{\"typing\":true}"});
	client_take(some[2], "chat/news/typing/editor", NULL);
	client_barrier(some[0]);
	client_barrier(some[2]);
	client_none(some[2], 0, "chat/news/typing/m00000", NULL);
	json_expect_num(client_request(some[0], "unread", "{\"chat\":\"news\"}"), "unread", 1);
	json_expect_num(client_request(some[1], "unread", "{\"chat\":\"news\"}"), "unread", 0);
	json_expect_num(client_request(some[0], "history", "{\"chat\":\"news\"}"), "seq", 1);
	/* all of them, in pages */
	began = case_now_ms();
	do {
		j = client_requestf(
			some[0], "chat.get", "{\"chat\":\"news\",\"after\":\"%s\"}", after);
		json_expect_num(j, "count", CROWD + 1);
		members += json_len(j, "members");
		after = json_str(j, case_printf("members.%zu.user", json_len(j, "members") - 1));
	} while (cJSON_IsTrue(json_at(j, "more")));
	assert_int_equal(members, CROWD + 1);
	printf("channel: %d members listed in %lld ms\n", CROWD,
		(long long)(case_now_ms() - began));
	began = case_now_ms();
	j = client_request(some[0], "chat.online", "{\"chat\":\"news\"}");
	while (cJSON_IsTrue(json_at(j, "more")))
		j = client_requestf(some[0], "chat.online", "{\"chat\":\"news\",\"after\":\"%s\"}",
			json_str(j, "after"));
	printf("channel: who of %d is online in %lld ms\n", CROWD,
		(long long)(case_now_ms() - began));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_ten_thousand_missed),
		SYSTEM(test_typing),
		SYSTEM(test_who_is_online),
		SYSTEM(test_channel_of_many),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
