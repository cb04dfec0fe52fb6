/* api_test.c — the methods of api/: what each answers, who may call it, what is wrong in which way;
 * pages; and unread numbers, which are exact.
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
#include "tests/support/token.h"

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

static struct client *who(char letter)
{
	return letter == 'a' ? alice : letter == 'b' ? bob : letter == 'e' ? eve : boss;
}

static const struct {
	char caller;
	const char *method, *params, *code;
} wrong_calls[] = {
	{'a', "nonsense", "{}", "unknown_method"},
	{'a', "chats.all", "{}", "unknown_method"},
	{'a', "history", "{}", "bad_request"},
	{'a', "history", "{\"chat\":7}", "bad_request"},
	{'a', "history", "{\"chat\":\"No Name\"}", "bad_name"},
	{'a', "history", "{\"chat\":\"a/b\"}", "bad_name"},
	{'a', "history", "{\"chat\":\"+\"}", "bad_name"},
	{'a', "history", "{\"chat\":\"bob:alice\"}", "bad_name"},
	{'a', "history", "{\"chat\":\"nowhere\"}", "forbidden"},
	{'e', "history", "{\"chat\":\"lobby\"}", "forbidden"},
	{'d', "history", "{\"chat\":\"nowhere\"}", "not_found"},
	{'a', "history", "{\"chat\":\"lobby\",\"after\":\"1\"}", "bad_request"},
	{'a', "history", "{\"chat\":\"lobby\",\"after\":-1}", "bad_request"},
	{'a', "history", "{\"chat\":\"lobby\",\"after\":1,\"before\":3}", "bad_request"},
	{'a', "history", "{\"chat\":\"lobby\",\"before\":0}", "bad_request"},
	{'a', "history", "{\"chat\":\"lobby\",\"limit\":1.5}", "bad_request"},
	{'a', "history", "{\"chat\":\"lobby\",\"limit\":1000000}", "bad_request"},
	{'a', "chats", "{\"limit\":0}", "bad_request"},
	{'a', "chats", "{\"from\":\"x\"}", "bad_request"},
	{'a', "unread", "{\"chat\":\"nowhere\"}", "forbidden"},
	{'e', "unread", "{\"chat\":\"lobby\"}", "forbidden"},
	{'a', "chat.get", "{}", "bad_request"},
	{'e', "chat.get", "{\"chat\":\"lobby\"}", "forbidden"},
	{'d', "chat.get", "{\"chat\":\"nowhere\"}", "not_found"},
	{'a', "chat.create", "{\"chat\":\"lobby\"}", "exists"},
	{'a', "chat.create", "{\"chat\":\"Lobby\"}", "bad_name"},
	{'a', "chat.create", "{\"chat\":\"-x\"}", "bad_name"},
	{'a', "chat.create", "{\"chat\":\"alice:bob\"}", "bad_name"},
	{'a', "chat.create", "{\"chat\":7}", "bad_request"},
	{'a', "chat.create", "{\"chat\":\"w1\",\"title\":7}", "bad_request"},
	{'a', "chat.create", "{\"chat\":\"w1\",\"kind\":\"pair\"}", "bad_request"},
	{'a', "chat.create", "{\"chat\":\"w1\",\"members\":\"bob\"}", "bad_request"},
	{'a', "chat.create", "{\"chat\":\"w1\",\"members\":[7]}", "bad_request"},
	{'a', "chat.create", "{\"chat\":\"w1\",\"members\":[\"nobody\"]}", "not_found"},
	{'a', "chat.create", "{\"chat\":\"w1\",\"members\":[\"B!\"]}", "bad_name"},
	{'a', "chat.get", "{\"chat\":\"w1\"}", "forbidden"}, /* none of those made it */
	{'b', "chat.update", "{\"chat\":\"lobby\",\"title\":\"x\"}", "forbidden"},
	{'a', "chat.update", "{\"chat\":\"lobby\"}", "bad_request"},
	{'a', "chat.update", "{\"chat\":\"lobby\",\"title\":[]}", "bad_request"},
	{'e', "chat.update", "{\"chat\":\"lobby\",\"title\":\"x\"}", "forbidden"},
	{'e', "chat.leave", "{\"chat\":\"lobby\"}", "forbidden"},
	{'a', "chat.leave", "{}", "bad_request"},
	{'b', "member.add", "{\"chat\":\"lobby\",\"user\":\"eve\"}", "forbidden"},
	{'e', "member.add", "{\"chat\":\"lobby\",\"user\":\"eve\"}", "forbidden"},
	{'a', "member.add", "{\"chat\":\"lobby\",\"user\":\"bob\"}", "exists"},
	{'a', "member.add", "{\"chat\":\"lobby\",\"user\":\"nobody\"}", "not_found"},
	{'a', "member.add", "{\"chat\":\"lobby\"}", "bad_request"},
	{'a', "member.add", "{\"chat\":\"lobby\",\"user\":\"E/ve\"}", "bad_name"},
	{'a', "member.add", "{\"chat\":\"lobby\",\"users\":[]}", "bad_request"},
	{'a', "member.add", "{\"chat\":\"lobby\",\"user\":\"eve\",\"role\":\"king\"}",
		"bad_request"},
	{'d', "member.add", "{\"chat\":\"nowhere\",\"user\":\"eve\"}", "not_found"},
	{'b', "member.remove", "{\"chat\":\"lobby\",\"user\":\"carol\"}", "forbidden"},
	{'a', "member.remove", "{\"chat\":\"lobby\",\"user\":\"eve\"}", "not_found"},
	{'a', "member.remove", "{\"chat\":\"lobby\"}", "bad_request"},
	{'b', "member.role", "{\"chat\":\"lobby\",\"user\":\"bob\",\"role\":\"admin\"}",
		"forbidden"},
	{'a', "member.role", "{\"chat\":\"lobby\",\"user\":\"bob\"}", "bad_request"},
	{'a', "member.role", "{\"chat\":\"lobby\",\"user\":\"eve\",\"role\":\"admin\"}",
		"not_found"},
	{'a', "member.role", "{\"chat\":\"lobby\",\"user\":\"alice\",\"role\":\"member\"}",
		"conflict"},
	{'a', "user.get", "{}", "bad_request"},
	{'a', "user.get", "{\"user\":\"nobody\"}", "not_found"},
	{'a', "user.get", "{\"user\":\"No Body\"}", "bad_name"},
	{'a', "password.set", "{}", "bad_request"},
	{'a', "password.set", "{\"password\":\"\"}", "bad_request"},
	{'a', "password.set", "{\"password\":7}", "bad_request"},
	{'a', "password.set", "{\"user\":\"bob\",\"password\":\"x\"}", "forbidden"},
	{'d', "password.set", "{\"user\":\"nobody\",\"password\":\"x\"}", "not_found"},
	{'a', "user.add", "{\"user\":\"x\"}", "forbidden"},
	{'a', "user.remove", "{\"user\":\"bob\"}", "forbidden"},
	{'b', "user.disable", "{\"user\":\"alice\"}", "forbidden"},
	{'e', "user.enable", "{\"user\":\"alice\"}", "forbidden"},
	{'a', "user.list", "{}", "forbidden"},
	{'a', "chat.list", "{}", "forbidden"},
	{'a', "kick", "{\"user\":\"bob\"}", "forbidden"},
	{'a', "import", "{\"lines\":[]}", "forbidden"},
	{'a', "export", "{}", "forbidden"},
	{'b', "stats", "{}", "forbidden"},
	{'d', "user.add", "{}", "bad_request"},
	{'d', "user.add", "{\"user\":\"alice\"}", "exists"},
	{'d', "user.add", "{\"user\":\"Alice\"}", "bad_name"},
	{'d', "user.add", "{\"user\":\"$gnatterd\"}", "bad_name"},
	{'d', "user.add", "{\"user\":\"x1\",\"hash\":\"plain\"}", "bad_request"},
	{'d', "user.add", "{\"user\":\"x1\",\"role\":\"king\"}", "bad_request"},
	{'d', "user.add", "{\"user\":\"x1\",\"disabled\":\"no\"}", "bad_request"},
	{'d', "user.get", "{\"user\":\"x1\"}", "not_found"},
	{'d', "user.remove", "{\"user\":\"nobody\"}", "not_found"},
	{'d', "user.disable", "{\"user\":\"nobody\"}", "not_found"},
	{'d', "user.enable", "{}", "bad_request"},
	{'d', "kick", "{\"user\":\"nobody\"}", "not_found"},
	{'d', "kick", "{\"user\":\"bob\",\"client\":7}", "bad_request"},
	{'d', "import", "{}", "bad_request"},
	{'d', "import", "{\"lines\":\"x\"}", "bad_request"},
	{'d', "user.list", "{\"limit\":0}", "bad_request"},
	{'d', "export", "{\"after\":7}", "bad_request"},
};

/* Every wrong call has its one code. The first letter says who calls. */
static void test_wrong_calls(void **state)
{
	(void)state;
	connect_everybody();
	for (size_t k = 0; k < COUNT(wrong_calls); k++)
		client_refused(who(wrong_calls[k].caller), wrong_calls[k].method,
			wrong_calls[k].params, wrong_calls[k].code);
	assert_int_equal(
		json_len(client_request(alice, "chat.get", "{\"chat\":\"lobby\"}"), "members"), 3);
}

static void test_me_and_user_get(void **state)
{
	struct cJSON *j;

	(void)state;
	connect_everybody();
	j = client_request(bob, "me", "{}");
	json_expect_str(j, "user", "bob");
	json_expect_str(j, "role", "user");
	json_expect_str(j, "device", "phone");
	json_expect_num(j, "chats", 1);
	j = client_request(bob, "user.get", "{\"user\":\"boss\"}");
	assert_false(json_has(j, "name")); /* he is none of the boss's contacts */
	client_request(boss, "contact.add", "{\"user\":\"bob\"}");
	j = client_request(bob, "user.get", "{\"user\":\"boss\"}");
	json_expect_str(j, "name", "The Boss");
	assert_false(json_has(j, "role") || json_has(j, "disabled") || json_has(j, "hash"));
	j = client_request(boss, "user.get", "{\"user\":\"carol\"}");
	json_expect_str(j, "role", "user");
	assert_true(cJSON_IsFalse(json_at(j, "disabled")));
	assert_true(cJSON_IsFalse(json_at(j, "password")));
	assert_false(json_has(j, "hash"));
}

static void test_chat_create(void **state)
{
	struct cJSON *j;
	const char *made;

	(void)state;
	connect_everybody();
	j = client_request(eve, "chat.create",
		"{\"chat\":\"garden\",\"title\":\"Gr\xc3\xbcn "
		"\\\"1\\\"\",\"members\":[\"bob\",\"bob\",\"eve\"],"
		"\"admins\":[\"dave\"]}");
	json_expect_str(j, "chat", "garden");
	json_expect_num(j, "seq", 1);
	j = client_request(bob, "chat.get", "{\"chat\":\"garden\"}");
	json_expect_str(j, "title", "Gr\xc3\xbcn \"1\"");
	json_expect_str(j, "kind", "group");
	json_expect_str(j, "by", "eve");
	json_expect_num(j, "count", 3);
	json_expect_str(json_find(json_at(j, "members"), "user", "bob"), "role", "member");
	json_expect_str(json_find(json_at(j, "members"), "user", "dave"), "role", "admin");
	json_expect_str(json_find(json_at(j, "members"), "user", "eve"), "role", "admin");
	/* the server makes up names that nobody has */
	made = json_str(client_request(eve, "chat.create", "{}"), "chat");
	assert_non_null(made);
	assert_string_not_equal(made, json_str(client_request(eve, "chat.create", "{}"), "chat"));
	client_send(eve, made, "hello, me");
	assert_int_equal(history_all(eve, made).count, 2);
	/* one that failed leaves nothing: no member is told, the name is free */
	client_refused(eve, "chat.create", "{\"chat\":\"half\",\"members\":[\"bob\",\"nobody\"]}",
		"not_found");
	client_request(alice, "chat.create", "{\"chat\":\"half\"}");
	client_refused(bob, "chat.get", "{\"chat\":\"half\"}", "forbidden");
	/* the role admin may look and manage everywhere */
	client_request(boss, "chat.get", "{\"chat\":\"garden\"}");
	client_request(boss, "history", "{\"chat\":\"garden\"}");
	client_request(boss, "chat.update", "{\"chat\":\"garden\",\"title\":\"Park\"}");
	client_request(boss, "member.add", "{\"chat\":\"garden\",\"user\":\"carol\"}");
	client_request(boss, "member.remove", "{\"chat\":\"garden\",\"user\":\"carol\"}");
	json_expect_str(client_request(eve, "chat.get", "{\"chat\":\"garden\"}"), "title", "Park");
}

/* Somebody can always manage a group: the last admin's leaving makes the longest member one. */
static void test_roles_in_a_group(void **state)
{
	struct cJSON *j;
	int64_t since;

	(void)state;
	connect_everybody();
	client_request(alice, "chat.create", "{\"chat\":\"heirs\"}");
	client_request(alice, "member.add", "{\"chat\":\"heirs\",\"user\":\"eve\"}");
	/* the others a millisecond later at least, so that eve is the longest-standing */
	since = json_num(client_request(alice, "me", "{}"), "ts");
	while (json_num(client_request(alice, "me", "{}"), "ts") == since)
		;
	client_request(alice, "member.add", "{\"chat\":\"heirs\",\"users\":[\"bob\",\"carol\"]}");
	client_refused(eve, "chat.update", "{\"chat\":\"heirs\",\"title\":\"x\"}", "forbidden");
	client_request(
		alice, "member.role", "{\"chat\":\"heirs\",\"user\":\"eve\",\"role\":\"admin\"}");
	client_request(eve, "chat.update", "{\"chat\":\"heirs\",\"title\":\"x\"}");
	client_request(
		alice, "member.role", "{\"chat\":\"heirs\",\"user\":\"eve\",\"role\":\"member\"}");
	client_refused(eve, "chat.update", "{\"chat\":\"heirs\",\"title\":\"y\"}", "forbidden");
	client_request(alice, "chat.leave", "{\"chat\":\"heirs\"}");
	client_refused(alice, "chat.get", "{\"chat\":\"heirs\"}", "forbidden");
	client_request(eve, "chat.update", "{\"chat\":\"heirs\",\"title\":\"mine now\"}");
	j = client_request(bob, "chat.get", "{\"chat\":\"heirs\"}");
	json_expect_num(j, "count", 3);
	/* removing oneself is leaving */
	client_request(bob, "member.remove", "{\"chat\":\"heirs\",\"user\":\"bob\"}");
	client_refused(bob, "chat.get", "{\"chat\":\"heirs\"}", "forbidden");
	/* a list of which one is wrong adds nobody */
	client_refused(eve, "member.add", "{\"chat\":\"heirs\",\"users\":[\"dave\",\"nobody\"]}",
		"not_found");
	json_expect_num(client_request(eve, "chat.get", "{\"chat\":\"heirs\"}"), "count", 2);
}

/* --- history, in pages ----------------------------------------------------------------------- */

static void expect_page(
	struct client *c, const char *params, int64_t first, int64_t last, bool more)
{
	struct cJSON *j = client_request(c, "history", params);
	size_t count = json_len(j, "messages");

	if (count != (size_t)(last - first + 1))
		case_fail("history %s has %zu messages, not %lld to %lld", params, count,
			(long long)first, (long long)last);
	for (size_t k = 0; k < count; k++)
		json_expect_num(j, case_printf("messages.%zu.seq", k), first + (int64_t)k);
	if (cJSON_IsTrue(json_at(j, "more")) != more)
		case_fail("history %s: more should be %d", params, more);
	json_expect_num(j, "seq", 50);
}

static void test_history_pages(void **state)
{
	(void)state;
	connect_everybody();
	client_request(alice, "chat.create", "{\"chat\":\"pages\",\"members\":[\"bob\"]}");
	for (int k = 2; k <= 50; k++)
		client_sendf(alice, "pages", "number %d", k);
	history_wait_seq(alice, "pages", 50);
	for (int v = 0; v < 2; v++) {
		struct client *c = v ? alice : bob;

		expect_page(c, "{\"chat\":\"pages\"}", 1, 50, false);
		expect_page(c, "{\"chat\":\"pages\",\"limit\":10}", 41, 50, true);
		expect_page(c, "{\"chat\":\"pages\",\"before\":41,\"limit\":10}", 31, 40, true);
		expect_page(c, "{\"chat\":\"pages\",\"before\":11,\"limit\":10}", 1, 10, false);
		expect_page(c, "{\"chat\":\"pages\",\"before\":6,\"limit\":10}", 1, 5, false);
		expect_page(c, "{\"chat\":\"pages\",\"before\":1}", 1, 0, false);
		expect_page(c, "{\"chat\":\"pages\",\"before\":1000,\"limit\":2}", 49, 50, true);
		expect_page(c, "{\"chat\":\"pages\",\"after\":0,\"limit\":10}", 1, 10, true);
		expect_page(c, "{\"chat\":\"pages\",\"after\":10,\"limit\":39}", 11, 49, true);
		expect_page(c, "{\"chat\":\"pages\",\"after\":40,\"limit\":10}", 41, 50, false);
		expect_page(c, "{\"chat\":\"pages\",\"after\":45,\"limit\":10}", 46, 50, false);
		expect_page(c, "{\"chat\":\"pages\",\"after\":50}", 1, 0, false);
		expect_page(c, "{\"chat\":\"pages\",\"after\":1000}", 1, 0, false);
	}
	/* large messages: a page ends early, and says so; nothing is lost between pages */
	client_request(alice, "chat.create", "{\"chat\":\"large\"}");
	for (int k = 0; k < 30; k++) {
		char *text = case_alloc(60001);

		memset(text, 'L', 60000);
		client_send(alice, "large", text);
	}
	history_wait_seq(alice, "large", 31);
	assert_int_equal(history_all(alice, "large").count, 31);
}

/* --- chats ----------------------------------------------------------------------------------- */

static void wait_next_ms(void)
{
	int64_t now = case_wall_ms();

	while (case_wall_ms() <= now)
		case_pause_ms(1);
}

static void test_chats(void **state)
{
	struct client *dave = client_5(in, "dave", "phone");
	struct cJSON *j, *page;
	const char *next = NULL;
	size_t seen = 0;

	(void)state;
	connect_everybody();
	for (int k = 0; k < 25; k++) {
		client_requestf(
			dave, "chat.create", "{\"chat\":\"d%02d\",\"title\":\"T%d\"}", k, k);
		if (k == 24)
			wait_next_ms(); /* of two in one millisecond neither is newer */
		client_sendf(dave, case_printf("d%02d", k), "in %d", k);
	}
	client_barrier(dave);
	wait_next_ms();
	client_send(dave, "d07", "newest of all");
	client_barrier(dave);
	j = client_request(dave, "chats", "{}");
	json_expect_str(j, "chats.0.chat", "d07");
	json_expect_str(j, "chats.0.title", "T7");
	json_expect_str(j, "chats.0.role", "admin");
	json_expect_str(j, "chats.0.kind", "group");
	json_expect_num(j, "chats.0.seq", 3);
	json_expect_num(j, "chats.0.n", 2);
	json_expect_num(j, "chats.0.read", 3);
	json_expect_num(j, "chats.0.delivered", 3);
	json_expect_num(j, "chats.0.unread", 0);
	json_expect_str(j, "chats.0.preview.text", "newest of all");
	json_expect_str(j, "chats.0.preview.from", "dave");
	json_expect_num(j, "chats.0.preview.seq", 3);
	json_expect_str(j, "chats.1.chat", "d24");
	for (size_t k = 0; k + 1 < json_len(j, "chats"); k++)
		assert_true(json_num(j, case_printf("chats.%zu.ts", k)) >=
			    json_num(j, case_printf("chats.%zu.ts", k + 1)));
	/* the same in pages */
	do {
		page = next ? client_requestf(dave, "chats", "{\"limit\":4,\"from\":\"%s\"}", next)
			    : client_request(dave, "chats", "{\"limit\":4}");
		for (size_t k = 0; k < json_len(page, "chats"); k++, seen++)
			json_expect_str(page, case_printf("chats.%zu.chat", k),
				json_str(j, case_printf("chats.%zu.chat", seen)));
		next = json_str(page, "next");
		assert_int_equal(cJSON_IsTrue(json_at(page, "more")), next != NULL);
	} while (next);
	assert_int_equal(seen, json_len(j, "chats"));
	/* a long text is cut for the preview, between characters */
	client_send(dave, "d01",
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
		"234567890123456789"
		"0123456789012345678901234567890123456789");
	client_barrier(dave);
	j = client_request(dave, "chats", "{\"limit\":1}");
	assert_true(strlen(json_str(j, "chats.0.preview.text")) < 150);
}

/* --- unread: exact over own sends, edits, reactions, deletes, marks, joining --------------------
 */

static void expect_unread(struct client *c, const char *chat, int64_t want, int64_t total)
{
	struct cJSON *j = client_requestf(c, "unread", "{\"chat\":\"%s\"}", chat);

	json_expect_num(j, "unread", want);
	j = client_request(c, "unread", "{}");
	json_expect_num(j, "total", total);
	json_expect_num(j, case_printf("chats.%s", chat), want ? want : -1);
	j = client_request(c, "chats", "{}");
	for (size_t k = 0; k < json_len(j, "chats"); k++) {
		if (strcmp(json_str(j, case_printf("chats.%zu.chat", k)), chat) == 0)
			json_expect_num(j, case_printf("chats.%zu.unread", k), want);
	}
}

static void ack(struct client *c, const char *chat, int64_t read)
{
	client_publish(c, &(struct publish){.topic = case_printf("chat/%s/ack", chat),
				  .payload = case_printf("{\"read\":%lld}", (long long)read),
				  .qos = 1});
}

static void test_unread(void **state)
{
	struct client *ann, *ben, *cat;

	(void)state;
	connect_everybody();
	client_request(boss, "user.add", "{\"user\":\"ann\"}");
	client_request(boss, "user.add", "{\"user\":\"ben\"}");
	client_request(boss, "user.add", "{\"user\":\"cat\"}");
	ann = client_5(in, "ann", "x");
	ben = client_3(in, "ben", "x");
	cat = client_5(in, "cat", "x");
	client_request(ann, "chat.create",
		"{\"chat\":\"count\",\"members\":[\"ben\"]}"); /* seq 1: system */
	expect_unread(ben, "count", 0, 0);
	client_send(ann, "count", "one");
	client_send(ann, "count", "two");
	client_send(ann, "count", "three"); /* seq 4, n 3 */
	expect_unread(ben, "count", 3, 3);
	expect_unread(ann, "count", 0, 0);
	client_send(ann, "count", "{\"type\":\"edit\",\"ref\":2,\"text\":\"uno\"}");
	client_send(
		ann, "count", "{\"type\":\"reaction\",\"ref\":3,\"text\":\"!\"}"); /* seq 6, n 3 */
	expect_unread(ben, "count", 3, 3);
	ack(ben, "count", 3);
	expect_unread(ben, "count", 1, 1);
	ack(ben, "count", 6);
	expect_unread(ben, "count", 0, 0);
	client_send(ann, "count", "four"); /* seq 7, n 4 */
	expect_unread(ben, "count", 1, 1);
	client_send(ben, "count", "an own send has read all"); /* seq 8, n 5 */
	expect_unread(ben, "count", 0, 0);
	expect_unread(ann, "count", 1, 1);
	ack(ann, "count", 5); /* behind the mark that her own sends made */
	expect_unread(ann, "count", 1, 1);
	/* who joins has read what was before */
	client_request(ann, "member.add", "{\"chat\":\"count\",\"user\":\"cat\"}"); /* seq 9 */
	expect_unread(cat, "count", 0, 0);
	client_send(ben, "count", "welcome"); /* seq 10, n 6 */
	expect_unread(cat, "count", 1, 1);
	expect_unread(ann, "count", 2, 2);
	/* more chats: the total is the sum */
	client_send(ben, "ben:cat", "psst");
	client_send(ben, "ben:cat", "you");
	client_barrier(ben);
	json_expect_num(client_request(cat, "unread", "{}"), "total", 3);
	expect_unread(cat, "ben:cat", 2, 3);
	/* a deleted message keeps its n: numbers never run backwards */
	client_send(ben, "count", "{\"type\":\"delete\",\"ref\":10}");
	expect_unread(cat, "count", 1, 3);
	ack(cat, "count", 11);
	expect_unread(cat, "count", 0, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_wrong_calls),
		SYSTEM(test_me_and_user_get),
		SYSTEM(test_chat_create),
		SYSTEM(test_roles_in_a_group),
		SYSTEM(test_history_pages),
		SYSTEM(test_chats),
		SYSTEM(test_unread),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
