/* api_admin_test.c — the methods of api/ about accounts, lists of people and chats in pages,
 * import.
 *
 *   alice   admin of lobby       eve    in no group         boss   role admin
 *   bob     member of lobby      dave   in no group
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"

static struct instance *in;
static struct client *alice, *bob, *eve, *boss;

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
	CTL_OK(in, "user", "add", "boss", "--role", "admin", "--name", "The Boss");
}

static void connect_everybody(void)
{
	alice = client_5(in, "alice", "phone");
	bob = client_3(in, "bob", "phone");
	eve = client_5(in, "eve", "phone");
	boss = client_5(in, "boss", "desk");
}

static void test_password_set(void **state)
{
	struct client *c;
	int reason;
	struct client_opts old = {.user = "alice", .device = "x", .password = "wonderland"},
			   new = {.user = "alice", .device = "x", .password = "looking-glass"};

	(void)state;
	connect_everybody();
	client_request(alice, "password.set", "{\"password\":\"looking-glass\"}");
	assert_null(client_try(in, &old, &reason));
	c = client_open(in, &new);
	client_request(c, "password.set", "{\"password\":\"wonderland\"}");
	client_close(c);
	assert_null(client_try(in, &new, &reason));
	client_close(client_open(in, &old));
	/* an admin sets anybody's; over MQTT 3.1.1, too */
	client_request(boss, "password.set", "{\"user\":\"carol\",\"password\":\"sea\"}");
	client_close(client_open(
		in, &(struct client_opts){.user = "carol", .device = "x", .password = "sea"}));
}

static void test_admin_accounts(void **state)
{
	struct cJSON *j;
	struct client *newt;
	int reason;

	(void)state;
	connect_everybody();
	client_request(boss, "user.add",
		"{\"user\":\"newt\",\"name\":\"N\xc3\xbct\",\"password\":\"swim\"}");
	newt = client_open(
		in, &(struct client_opts){.user = "newt", .device = "x", .password = "swim"});
	j = client_request(boss, "user.get", "{\"user\":\"newt\"}");
	json_expect_str(j, "name", "N\xc3\xbct");
	assert_true(cJSON_IsTrue(json_at(j, "password")));
	client_request(boss, "member.add", "{\"chat\":\"lobby\",\"user\":\"newt\"}");
	client_request(boss, "user.disable", "{\"user\":\"newt\"}");
	client_request(boss, "user.disable", "{\"user\":\"newt\"}"); /* twice is fine */
	client_wait_closed(newt);
	assert_null(client_try(in,
		&(struct client_opts){.user = "newt", .device = "x", .password = "swim"}, &reason));
	client_request(boss, "user.enable", "{\"user\":\"newt\"}");
	newt = client_open(
		in, &(struct client_opts){.user = "newt", .device = "x", .password = "swim"});
	client_subscribe_ok(newt, "chat/lobby/msg", 1); /* still a member */
	client_request(boss, "user.remove", "{\"user\":\"newt\"}");
	client_wait_closed(newt);
	client_refused(boss, "user.get", "{\"user\":\"newt\"}", "not_found");
	j = client_request(alice, "chat.get", "{\"chat\":\"lobby\"}");
	assert_null(strstr(json_text(j), "newt"));
	/* the name given again is somebody else */
	client_request(boss, "user.add", "{\"user\":\"newt\"}");
	newt = client_5(in, "newt", "x");
	assert_int_equal(json_len(client_request(newt, "chats", "{}"), "chats"), 0);
	assert_int_equal(client_subscribe(newt, "chat/lobby/msg", 1), 0x87);
}

/* Of a one-to-one chat, who gets a name anew sees nothing of what was said to its owner before. */
static void test_reused_name_sees_no_old_pair(void **state)
{
	struct client *c;
	struct cJSON *j;

	(void)state;
	connect_everybody();
	client_request(boss, "user.add", "{\"user\":\"oldie\"}");
	client_send(alice, "alice:oldie", "for the first oldie only");
	client_barrier(alice);
	client_request(boss, "user.remove", "{\"user\":\"oldie\"}");
	client_request(boss, "user.add", "{\"user\":\"oldie\"}");
	c = client_5(in, "oldie", "x");
	client_subscribe_ok(c, "chat/alice:oldie/msg", 1);
	client_send(alice, "alice:oldie", "for the second");
	client_take(c, "chat/alice:oldie/msg", "for the second");
	j = client_request(c, "history", "{\"chat\":\"alice:oldie\"}");
	assert_null(strstr(json_text(j), "first oldie"));
	j = client_request(c, "history", "{\"chat\":\"alice:oldie\",\"after\":0}");
	assert_null(strstr(json_text(j), "first oldie"));
	assert_int_equal(history_all(alice, "alice:oldie").count, 2);
}

static void test_kick(void **state)
{
	struct client *phone, *tablet;

	(void)state;
	connect_everybody();
	phone = client_5(in, "carol", "phone");
	tablet = client_3(in, "carol", "tablet");
	client_request(boss, "kick", "{\"user\":\"carol\",\"client\":\"carol:phone\"}");
	client_wait_closed(phone);
	client_barrier(tablet);
	phone = client_5(in, "carol", "phone"); /* may come again */
	client_request(boss, "kick", "{\"user\":\"carol\"}");
	client_wait_closed(phone);
	client_wait_closed(tablet);
	client_barrier(alice);
}

static void test_lists_in_pages(void **state)
{
	const char *after = "";
	size_t seen = 0;
	struct cJSON *j;

	(void)state;
	connect_everybody();
	for (int k = 0; k < 12; k++)
		client_requestf(boss, "user.add", "{\"user\":\"list%02d\"}", k);
	do {
		char last[80] = "";

		j = client_requestf(boss, "user.list", "{\"limit\":5,\"after\":\"%s\"}", after);
		for (size_t k = 0; k < json_len(j, "users"); k++, seen++) {
			const char *user = json_str(j, case_printf("users.%zu.user", k));

			assert_true(strcmp(user, last) > 0);
			strcpy(last, user);
		}
		after = case_printf("%s", last);
	} while (cJSON_IsTrue(json_at(j, "more")));
	assert_int_equal(
		seen, json_num(client_request(boss, "stats", "{}"), "counters.directory~users"));
}

/* A chat of many members in pages. */
static void test_members_in_pages(void **state)
{
	const char *after = NULL;
	size_t seen = 0;
	struct cJSON *j;

	(void)state;
	connect_everybody();
	client_request(boss, "chat.create",
		"{\"chat\":\"crowd\",\"kind\":\"channel\",\"members\":[\"alice\"]}");
	for (int k = 0; k < 10; k++) {
		client_requestf(boss, "user.add", "{\"user\":\"m%02d\"}", k);
		client_requestf(boss, "member.add", "{\"chat\":\"crowd\",\"user\":\"m%02d\"}", k);
	}
	do {
		j = after ? client_requestf(alice, "chat.get",
				    "{\"chat\":\"crowd\",\"limit\":4,\"after\":\"%s\"}", after)
			  : client_request(alice, "chat.get", "{\"chat\":\"crowd\",\"limit\":4}");
		seen += json_len(j, "members");
		after = json_str(j, case_printf("members.%zu.user", json_len(j, "members") - 1));
	} while (cJSON_IsTrue(json_at(j, "more")));
	assert_int_equal(seen, 12); /* boss, who made it, is one */
}

/* Import: each line for itself, by the API as by gnatterctl. */
static void test_import(void **state)
{
	struct cJSON *j;

	(void)state;
	connect_everybody();
	j = client_request(boss, "import",
		"{\"lines\":[{\"user\":\"imp1\"},{\"user\":\"alice\"},{\"user\":\"Bad "
		"Name\"},{\"user\":\"imp2\",\"role\":\"admin\"},"
		"{\"chat\":\"imps\",\"title\":\"Imps\",\"members\":[\"imp1\"],\"admins\":[\"imp2\"]"
		"},"
		"{\"chat\":\"imps2\",\"members\":[\"nobody\"]},7,{\"other\":1}]}");
	json_expect_num(j, "done", 3);
	assert_int_equal(json_len(j, "errors"), 5);
	json_expect_num(j, "errors.0.line", 1);
	json_expect_str(j, "errors.0.code", "exists");
	json_expect_num(j, "errors.1.line", 2);
	json_expect_str(j, "errors.1.code", "bad_name");
	json_expect_num(j, "errors.2.line", 5);
	json_expect_str(j, "errors.2.code", "not_found");
	json_expect_str(j, "errors.3.code", "bad_request");
	json_expect_str(j, "errors.4.code", "bad_request");
	json_expect_num(client_request(boss, "chat.get", "{\"chat\":\"imps\"}"), "count", 2);
	client_refused(boss, "chat.get", "{\"chat\":\"imps2\"}", "not_found");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_password_set),
		SYSTEM(test_admin_accounts),
		SYSTEM(test_reused_name_sees_no_old_pair),
		SYSTEM(test_kick),
		SYSTEM(test_lists_in_pages),
		SYSTEM(test_members_in_pages),
		SYSTEM(test_import),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
