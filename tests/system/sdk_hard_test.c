/* sdk_hard_test.c — what goes wrong rarely, and must not go wrong for good. */
#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/sdk.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define GROUPS 60

static struct instance *started(void)
{
	struct instance *in = instance_create(instance_people);

	instance_start(in);
	return in;
}

/* An id is one of its chat, on the server and here. */
static void test_one_id_in_two_chats(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct client *c = client_5(in, "alice", "x");
	struct gnatter_draft d = {.id = "same", .text = "hello"};
	struct sdk *away = sdk_open(&o), *here = sdk_online(in, "alice", "tab");

	(void)state;
	assert_int_equal(gnatter_send(sdk_g(away), "alice:bob", &d, NULL), GNATTER_OK);
	assert_int_equal(gnatter_send(sdk_g(away), "lobby", &d, NULL), GNATTER_OK);
	assert_int_equal(gnatter_send(sdk_g(here), "lobby", &d, NULL), GNATTER_OK);
	sdk_wait_sent(here);
	gnatter_connect(sdk_g(away));
	sdk_wait_sent(away);
	sdk_wait(away, 0,
		(struct sdk_seen){
			.kind = SDK_SENT, .chat = "alice:bob", .tick = GNATTER_TICK_STORED});
	assert_int_equal(sdk_chat(away, "lobby").seq, 1);
	sdk_expect_same(away, c, "alice:bob");
}

/* The operator allows smaller pages than the library asks for. */
static void test_small_pages(void **state)
{
	struct instance *in = instance_create(instance_people);
	struct gnatter_options o;
	struct client *c;
	struct sdk *s;

	(void)state;
	instance_set(in, "history_page_max", "7");
	instance_start(in);
	c = client_5(in, "bob", "x");
	o = sdk_options_file(in, "alice", "phone");
	s = sdk_connect(&o);
	sdk_wait_synced(s);
	sdk_close(s);
	for (int i = 0; i < 30; i++)
		client_sendf(c, "lobby", "%d", i);
	sdk_reopen(s, NULL);
	gnatter_connect(sdk_g(s));
	sdk_wait_count(s, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .chat = "lobby"}, 30);
	/* And back: a device that has nothing. */
	s = sdk_online(in, "alice", "new");
	assert_int_equal(gnatter_history(sdk_g(s), "lobby", 0, 30, sdk_answer, s), GNATTER_OK);
	assert_non_null(strstr(sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_ANSWER})->json, "30"));
	assert_string_equal(sdk_message(s, "lobby", 1).text, "0");
	assert_string_equal(sdk_message(s, "lobby", 30).text, "29");
}

static char *many_groups(void)
{
	char *lines = case_alloc(GROUPS * 200 + 200);
	size_t len = (size_t)sprintf(lines, "{\"user\":\"alice\"}\n{\"user\":\"bob\"}\n");

	for (int i = 0; i < GROUPS; i++)
		len += (size_t)sprintf(lines + len,
			"{\"chat\":\"g%d\",\"title\":\"%0100d\",\"members\":[\"alice\",\"bob\"]}\n",
			i, i);
	return lines;
}

static void limit_files(rlim_t bytes)
{
	struct rlimit r = {bytes, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void lift_limit(void *arg, bool failed)
{
	(void)arg;
	(void)failed;
	limit_files(RLIM_INFINITY);
}

/* There is no room for the list of chats, and then there is. */
static void test_full_disk_and_room_again(void **state)
{
	struct instance *in = instance_create(many_groups());
	struct gnatter_options o;
	struct client *c;
	struct sdk *s;

	(void)state;
	instance_start(in);
	c = client_5(in, "bob", "x");
	o = sdk_options_file(in, "alice", "phone");
	s = sdk_open(&o);
	signal(SIGXFSZ, SIG_IGN);
	case_defer(lift_limit, NULL);
	limit_files(48 << 10);
	gnatter_connect(sdk_g(s));
	sdk_wait_state(s, GNATTER_ONLINE);
	client_sendf(c, "g7", "while it was full");
	sdk_ask(s, "me", "{}"); /* answered behind the list */
	assert_null(sdk_chat(s, "g7").chat);
	assert_null(sdk_find(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .state = GNATTER_SYNCED}));
	limit_files(RLIM_INFINITY);
	sdk_wait_synced(s);
	client_sendf(c, "g7", "now");
	sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .chat = "g7", .text = "now"});
	sdk_expect_same(s, client_5(in, "alice", "x"), "g7");
}

/* What is read last goes out before the end, though nothing is kept. */
static void test_the_last_mark(void **state)
{
	struct instance *in = started();
	struct client *c = client_5(in, "bob", "x");
	struct sdk *s = sdk_online(in, "alice", "phone");

	(void)state;
	client_subscribe_ok(c, "chat/lobby/mark/alice", 1);
	client_send(c, "lobby", "read me");
	sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .chat = "lobby"});
	assert_int_equal(gnatter_mark_read(sdk_g(s), "lobby", 1), GNATTER_OK);
	sdk_close(s);
	client_take(c, "chat/lobby/mark/alice", "\"read\":1");
}

/* Requests that no server would take, and those that nobody could answer yet. */
static void test_requests_at_the_edges(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct sdk *s = sdk_open(&o);
	char *large = case_alloc((2 << 20) + 1);

	(void)state;
	memset(large, 'x', 2 << 20);
	assert_int_equal(
		gnatter_profile_set(sdk_g(s), NULL, large, NULL, sdk_answer, s), GNATTER_EINVAL);
	assert_int_equal(gnatter_me(sdk_g(s), sdk_answer, s), GNATTER_OK);
	gnatter_connect(sdk_g(s));
	assert_non_null(
		strstr(sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_ANSWER})->json, "alice"));
	assert_int_equal(sdk_count(s, 0, (struct sdk_seen){.kind = SDK_ANSWER}), 1);
}

/* A place among those that are watched is given back, with a connection or without. */
static void test_watch_a_thousand(void **state)
{
	struct instance *in = started();
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct sdk *s = sdk_open(&o);
	char user[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		assert_int_equal(gnatter_watch(sdk_g(s), user), GNATTER_OK);
	}
	assert_int_equal(gnatter_watch(sdk_g(s), "bob"), GNATTER_ELIMIT);
	assert_int_equal(gnatter_unwatch(sdk_g(s), "u7"), GNATTER_OK);
	assert_int_equal(gnatter_unwatch(sdk_g(s), "nobody"), GNATTER_ENOTFOUND);
	assert_int_equal(gnatter_watch(sdk_g(s), "bob"), GNATTER_OK);
	client_requestf(client_5(in, "bob", "x"), "privacy.set", "{\"presence\":\"everyone\"}");
	gnatter_connect(sdk_g(s));
	sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_PRESENCE, .user = "bob", .online = true});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_one_id_in_two_chats),
		SYSTEM(test_small_pages),
		SYSTEM(test_full_disk_and_room_again),
		SYSTEM(test_the_last_mark),
		SYSTEM(test_requests_at_the_edges),
		SYSTEM(test_watch_a_thousand),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
