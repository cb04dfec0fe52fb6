/* blocks_test.c — whoever is blocked cannot tell the one who blocked him from somebody who does not
 * exist; in groups nothing changes; and unblocking gives everything back.
 *
 * One instance for all. Each test has users of its own: owner<n>, who blocks, and pest<n>, who is
 * blocked. The owner has the pest among his contacts, so that there is something to lose.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"

enum { CASTS = 10, GRACE_MS = 200 };

static struct instance *in, *shared;
static const char *owner, *pest, *topic, *pair;
static struct client *own, *pst;

static struct instance *start(void)
{
	const char *lines = "{\"user\":\"boss\",\"role\":\"admin\"}\n";
	struct instance *i;

	for (int k = 0; k < CASTS; k++)
		lines = case_printf(
			"%s{\"user\":\"owner%d\",\"name\":\"Owner\"}\n{\"user\":\"pest%d\"}\n",
			lines, k, k);
	i = instance_create(lines);
	instance_set(i, "presence_grace", case_printf("%dms", GRACE_MS));
	instance_set(i, "blocks_per_user_max", "2");
	instance_start(i);
	return i;
}

static void setup(void **state)
{
	(void)state;
	shared = start();
}

static void connect_both(int version)
{
	own = people_device(in, owner, "phone", 5);
	pst = client_open(
		in, &(struct client_opts){.user = pest, .device = "phone", .version = version});
	client_subscribe_ok(pst, topic, 1);
	client_subscribe_ok(pst, case_printf("user/%s/#", pest), 1);
}

static void cast_in(struct instance *i, int n, int version)
{
	in = i;
	owner = case_printf("owner%d", n);
	pest = case_printf("pest%d", n);
	topic = case_printf("presence/%s", owner);
	pair = case_printf("%s:%s", owner, pest);
	connect_both(version);
	client_requestf(own, "contact.add", "{\"user\":\"%s\"}", pest);
	people_wait_says(pst, owner, 1, NULL, NULL);
}

static void cast(int n, int version)
{
	cast_in(shared, n, version);
}

static void block(void)
{
	client_requestf(own, "block.add", "{\"user\":\"%s\"}", pest);
}

static void unblock(void)
{
	client_requestf(own, "block.remove", "{\"user\":\"%s\"}", pest);
}

static int send_to(struct client *c, const char *chat, const char *text)
{
	return client_publish(
		c, &(struct publish){
			   .topic = case_printf("chat/%s/send", chat), .payload = text, .qos = 1});
}

/* --- what somebody can find out about a name ---------------------------------------------------
 */

/* The text with every occurrence of the name as a star. */
static char *without_name(const char *text, const char *name)
{
	char *out = case_printf("%s", "");
	const char *hit;

	while ((hit = strstr(text, name))) {
		out = case_printf("%s%.*s*", out, (int)(hit - text), text);
		text = hit + strlen(name);
	}
	return case_printf("%s%s", out, text);
}

/* Publishing where only the two of a chat may: the reason, and the bytes on the topic of errors. */
static char *try_publish(const char *chat, const char *what)
{
	const char *errors = case_printf("user/%s/errors", pest);
	struct publish p = {.topic = case_printf("chat/%s/%s", chat, what),
		.payload = "{\"text\":\"hello\",\"id\":\"i\",\"read\":1}",
		.qos = strncmp(what, "typing", 6) == 0 ? 0 : 1};
	int code = client_publish(pst, &p);
	const char *said = p.qos ? client_take(pst, errors, what)->payload : "";

	return case_printf("%s: %d %s\n", what, code, said);
}

static char *try_call(const char *method, const char *params)
{
	const struct cJSON *error = json_at(client_call(pst, method, params), "error");

	return case_printf("%s: %s\n", method, error ? json_text(error) : "ok");
}

static char *try_subscribe(const char *filter)
{
	return case_printf("%s: %d\n", filter, client_subscribe(pst, filter, 1));
}

/* All that the pest can try on somebody with whom he has never spoken, and what he gets. */
static char *transcript(const char *name)
{
	const char *chat = case_printf("%s:%s", name, pest);
	const char *in_chat = case_printf("{\"chat\":\"%s\"}", chat);
	const char *of_user = case_printf("{\"user\":\"%s\"}", name);
	const char *parts[] = {
		try_publish(chat, "send"),
		try_publish(chat, "ack"),
		try_publish(chat, case_printf("typing/%s", pest)),
		try_subscribe(case_printf("chat/%s/msg", chat)),
		try_subscribe(case_printf("chat/%s/#", chat)),
		try_subscribe(case_printf("presence/%s", name)),
		try_subscribe(case_printf("presence/%s/phone", name)),
		try_subscribe(case_printf("user/%s/status", name)),
		try_subscribe(case_printf("user/%s/#", name)),
		try_call("user.get", of_user),
		try_call("contact.add", of_user),
		try_call("contact.remove", of_user),
		try_call("block.add", of_user),
		try_call("block.remove", of_user),
		try_call("member.add",
			case_printf("{\"chat\":\"%s-own\",\"user\":\"%s\"}", pest, name)),
		try_call("chat.create", case_printf("{\"members\":[\"%s\"]}", name)),
		try_call("chat.create", case_printf("{\"admins\":[\"%s\"]}", name)),
		try_call("chat.mute", in_chat),
		try_call("history", in_chat),
		try_call("chat.get", in_chat),
		try_call("unread", in_chat),
		try_call("chat.online", in_chat),
	};
	char *all = case_printf("%s", "");

	for (size_t k = 0; k < COUNT(parts); k++)
		all = case_printf("%s%s", all, parts[k]);
	return without_name(all, name);
}

/* Line by line, so that a difference is seen at once. */
static void expect_same_transcript(char *blocked, char *nobody)
{
	char *save1 = NULL, *save2 = NULL;
	char *a = strtok_r(blocked, "\n", &save1), *b = strtok_r(nobody, "\n", &save2);
	bool same = true;

	for (; a && b; a = strtok_r(NULL, "\n", &save1), b = strtok_r(NULL, "\n", &save2)) {
		if (strcmp(a, b) != 0) {
			print_error("who blocked: %s\n   nobody:   %s\n", a, b);
			same = false;
		}
	}
	if (!same || a || b)
		case_fail("one who blocked is told from one who does not exist");
}

static void like_nobody(int n, int version)
{
	char *blocked, *nobody;

	cast(n, version);
	client_requestf(pst, "chat.create", "{\"chat\":\"%s-own\"}", pest);
	block();
	blocked = transcript(owner);
	nobody = transcript("owner-who-never-was");
	assert_non_null(strstr(nobody, "not_found"));
	assert_non_null(strstr(nobody, "forbidden"));
	expect_same_transcript(blocked, nobody);
}

static void test_looks_like_nobody_mqtt5(void **state)
{
	(void)state;
	like_nobody(0, 5);
}

static void test_looks_like_nobody_mqtt3(void **state)
{
	(void)state;
	like_nobody(1, 4);
}

/* --- presence ----------------------------------------------------------------------------------
 */

/* Nothing of what happens while the pest is blocked comes to him; afterwards the truth does. */
static void test_presence(void **state)
{
	struct cJSON *c;
	size_t mark;

	(void)state;
	cast(2, 5);
	client_requestf(pst, "contact.add", "{\"user\":\"%s\",\"alias\":\"O\"}", owner);
	block();
	assert_memory_equal(
		people_wait(pst, owner, false)->payload, "{\"online\":false,\"ts\":", 21);
	client_barrier(pst);
	mark = client_mark(pst);
	people_say(own, owner, "phone", "{\"state\":\"busy\",\"text\":\"not for you\"}");
	client_barrier(own);
	client_barrier(pst);
	client_none(pst, mark, topic, NULL);
	assert_null(people_retained(in, pest, topic));
	assert_null(people_retained(in, pest, case_printf("user/%s/status", owner)));
	c = json_find(json_at(client_request(pst, "contacts", "{}"), "contacts"), "user", owner);
	assert_false(c && (json_has(c, "online") || json_has(c, "last_seen") ||
				  json_has(c, "name") || json_has(c, "status")));
	client_refused(pst, "user.get", case_printf("{\"user\":\"%s\"}", owner), "not_found");
	/* not even what everybody may see */
	client_request(own, "privacy.set",
		"{\"presence\":\"everyone\",\"last_seen\":\"everyone\",\"profile\":\"everyone\"}");
	client_barrier(pst);
	client_none(pst, mark, topic, "\"devices\"");
	client_refused(pst, "user.get", case_printf("{\"user\":\"%s\"}", owner), "not_found");
	assert_null(people_retained(in, pest, topic));
	unblock();
	people_wait_says(pst, owner, 1, "busy", "not for you");
	c = json_find(json_at(client_request(pst, "contacts", "{}"), "contacts"), "user", owner);
	assert_true(cJSON_IsTrue(json_at(c, "online")));
	json_expect_str(c, "alias", "O");
}

/* --- chats -------------------------------------------------------------------------------------
 */

/* A chat that there is already: what was said stays, nothing new is said by either, and who was
 * blocked reads the same refusal as ever. */
static void test_pair_that_exists(void **state)
{
	char *refusal, *nobody;
	struct cJSON *j;
	size_t mark;

	(void)state;
	cast(3, 5);
	client_subscribe_ok(pst, case_printf("chat/%s/#", pair), 1);
	client_subscribe_ok(own, case_printf("chat/%s/#", pair), 1);
	client_subscribe_ok(own, case_printf("user/%s/errors", owner), 1);
	client_send(own, pair, "before");
	client_take(pst, case_printf("chat/%s/msg", pair), "before");
	block();
	refusal = without_name(try_publish(pair, "send"), owner);
	nobody = without_name(
		try_publish(case_printf("nobody-there:%s", pest), "send"), "nobody-there");
	assert_string_equal(refusal, nobody);
	mark = client_mark(pst);
	assert_int_equal(send_to(own, pair, "from the one who blocks"), 0x87);
	client_take(own, case_printf("user/%s/errors", owner), "chat/");
	j = client_requestf(pst, "history", "{\"chat\":\"%s\"}", pair);
	assert_int_equal(json_len(j, "messages"), 1);
	json_expect_str(j, "messages.0.text", "before");
	client_publish(
		own, &(struct publish){.topic = case_printf("chat/%s/typing/%s", pair, owner),
			     .payload = "1"});
	client_barrier(own);
	client_barrier(pst);
	client_none(pst, mark, case_printf("chat/%s/msg", pair), NULL);
	client_none(pst, mark, case_printf("chat/%s/typing/+", pair), NULL);
	unblock();
	assert_in_range(send_to(pst, pair, "after"), 0, 0x10);
	client_take(own, case_printf("chat/%s/msg", pair), "after");
	client_send(own, pair, "welcome");
	client_take(pst, case_printf("chat/%s/msg", pair), "welcome");
}

static void ack_pair(struct client *c, const char *payload)
{
	int code = client_publish(c,
		&(struct publish){
			.topic = case_printf("chat/%s/ack", pair), .payload = payload, .qos = 1});

	assert_in_range(code, 0, 0x10);
}

static void expect_unread(struct client *c, int count)
{
	json_expect_num(client_requestf(c, "unread", "{\"chat\":\"%s\"}", pair), "unread", count);
}

static void expect_own_mark(struct client *c, const char *user, const char *read)
{
	struct message *m = client_take(c, case_printf("user/%s/events", user), read);

	json_expect_str(json_of(m->payload, m->len), "event", "mark");
	json_expect_str(json_of(m->payload, m->len), "chat", pair);
}

/* What was said stays, so what is unread of it can be read: by both, and by who is left when the
 * other one is gone. Only one's own devices hear of it. */
static void test_unread_of_a_pair_that_ended(void **state)
{
	const char *marks = case_printf("chat/owner%d:pest%d/mark/+", 4, 4);
	struct client *boss;

	(void)state;
	cast(4, 5);
	client_subscribe_ok(pst, case_printf("chat/%s/#", pair), 1);
	client_subscribe_ok(own, case_printf("chat/%s/#", pair), 1);
	client_subscribe_ok(own, case_printf("user/%s/events", owner), 1);
	for (int k = 0; k < 3; k++)
		client_send(own, pair, "to the pest");
	for (int k = 0; k < 3; k++)
		client_send(pst, pair, "to the owner");
	ack_pair(own, "{\"read\":4}");
	client_take(pst, marks, "\"read\":4");
	client_send(own, pair, "one more"); /* seq 7: the owner's mark */
	expect_unread(pst, 1);
	block();
	ack_pair(pst, "{\"read\":7}");
	expect_own_mark(pst, pest, "\"read\":7");
	expect_unread(pst, 0);
	assert_null(strstr(json_text(client_request(pst, "unread", "{}")), pair));
	client_barrier(own);
	client_none(own, 0, marks, "\"read\":7");
	client_none(own, 0, case_printf("user/%s/events", owner), "\"mark\"");
	unblock();
	client_send(pst, pair, "once more");
	expect_unread(own, 1);
	block();
	ack_pair(own, "{\"read\":8}");
	expect_own_mark(own, owner, "\"read\":8");
	expect_unread(own, 0);
	client_barrier(pst);
	client_none(pst, 0, marks, "\"read\":8");
	unblock();
	/* and when the other one is gone */
	client_send(pst, pair, "farewell");
	boss = client_5(in, "boss", "desk");
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", pest);
	ack_pair(own, "{\"read\":9}");
	expect_own_mark(own, owner, "\"read\":9");
	expect_unread(own, 0);
	assert_int_equal(send_to(own, pair, "are you there?"), 0x87);
}

/* In a group they talk as before; but who is there is not told. */
static void test_groups_go_on(void **state)
{
	struct cJSON *j;

	(void)state;
	cast(5, 5);
	client_requestf(
		own, "chat.create", "{\"chat\":\"garden\",\"members\":[\"%s\",\"boss\"]}", pest);
	client_subscribe_ok(own, "chat/garden/#", 1);
	client_subscribe_ok(pst, "chat/garden/#", 1);
	block();
	client_send(pst, "garden", "from the pest");
	client_take(own, "chat/garden/msg", "from the pest");
	client_send(own, "garden", "from the owner");
	client_take(pst, "chat/garden/msg", "from the owner");
	client_publish(pst,
		&(struct publish){.topic = "chat/garden/ack", .payload = "{\"read\":3}", .qos = 1});
	client_take(own, case_printf("chat/garden/mark/%s", pest), "\"read\":3");
	client_publish(own, &(struct publish){.topic = case_printf("chat/garden/typing/%s", owner),
				    .payload = "1"});
	client_take(pst, "chat/garden/typing/+", "1");
	assert_int_equal(
		json_len(client_request(pst, "chat.get", "{\"chat\":\"garden\"}"), "members"), 3);
	j = client_request(pst, "chat.online", "{\"chat\":\"garden\"}");
	assert_null(strstr(json_text(json_at(j, "users")), owner));
	/* that one is a member is no secret among members */
	client_requestf(own, "member.role",
		"{\"chat\":\"garden\",\"user\":\"%s\",\"role\":\"admin\"}", pest);
	client_refused(pst, "member.add",
		case_printf("{\"chat\":\"garden\",\"user\":\"%s\"}", owner), "exists");
	/* the one who blocks may add the other */
	client_requestf(own, "chat.create", "{\"chat\":\"garden-2\",\"members\":[\"%s\"]}", pest);
	assert_in_range(send_to(pst, "garden-2", "here I am"), 0, 0x10);
}

/* --- the list ----------------------------------------------------------------------------------
 */

static void test_list_of_blocks(void **state)
{
	const char *events = case_printf("user/owner%d/events", 6);
	struct client *tablet;
	struct cJSON *j;
	const char *first;
	size_t mark;

	(void)state;
	cast(6, 5);
	tablet = client_3(in, owner, "tablet");
	client_subscribe_ok(tablet, events, 1);
	client_barrier(pst);
	mark = client_mark(pst);
	block();
	client_take(tablet, events, "\"block.added\"");
	block();
	client_request(own, "block.add", "{\"user\":\"pest0\"}");
	client_refused(own, "block.add", "{\"user\":\"pest1\"}", "limit");
	j = client_request(own, "blocks", "{}");
	assert_int_equal(json_len(j, "blocks"), 2);
	assert_true(json_num(json_find(json_at(j, "blocks"), "user", pest), "since") > 0);
	assert_true(cJSON_IsFalse(json_at(j, "more")));
	j = client_request(own, "blocks", "{\"limit\":1}"); /* in the server's order */
	assert_true(cJSON_IsTrue(json_at(j, "more")));
	first = json_str(j, "blocks.0.user");
	j = client_requestf(own, "blocks", "{\"limit\":1,\"after\":\"%s\"}", first);
	assert_int_equal(json_len(j, "blocks"), 1);
	assert_string_not_equal(json_str(j, "blocks.0.user"), first);
	assert_int_equal(json_len(client_request(pst, "blocks", "{}"), "blocks"), 0);
	unblock();
	client_take(tablet, events, "\"block.removed\"");
	assert_int_equal(json_len(client_request(own, "blocks", "{}"), "blocks"), 1);
	client_refused(own, "block.remove", case_printf("{\"user\":\"%s\"}", pest), "not_found");
	client_refused(own, "block.add", "{\"user\":\"not-there\"}", "not_found");
	client_refused(own, "block.add", "{\"user\":\"No Name\"}", "bad_name");
	client_refused(own, "block.add", "{}", "bad_request");
	assert_true(json_has(
		client_call(own, "block.add", case_printf("{\"user\":\"%s\"}", owner)), "error"));
	/* the one who is blocked is told nothing of it */
	client_barrier(pst);
	client_none(pst, mark, case_printf("user/%s/#", pest), NULL);
}

/* A block is not forgotten by whoever dies. */
static void test_outlives_crashes(void **state)
{
	(void)state;
	cast_in(start(), 0, 5);
	block();
	instance_kill_daemon(in);
	instance_kill_broker(in);
	instance_start(in);
	connect_both(5);
	assert_int_equal(send_to(pst, pair, "x"), 0x87);
	client_barrier(own);
	case_pause_ms(3 * GRACE_MS);
	client_barrier(pst);
	client_none(pst, 0, topic, "\"devices\"");
	unblock();
	assert_in_range(send_to(pst, pair, "x"), 0, 0x10);
	people_wait_says(pst, owner, 1, NULL, NULL);
}

/* Somebody else has the name now: he is not the one who was blocked, nor the one who blocked. */
static void test_names_given_again(void **state)
{
	struct client *boss;

	(void)state;
	cast(8, 5);
	boss = client_5(in, "boss", "desk");
	block();
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", pest);
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", pest);
	client_wait_closed(pst);
	assert_int_equal(json_len(client_request(own, "blocks", "{}"), "blocks"), 0);
	pst = client_5(in, pest, "phone");
	assert_in_range(send_to(pst, pair, "I am new here"), 0, 0x10);
	json_expect_str(
		client_requestf(pst, "user.get", "{\"user\":\"%s\"}", owner), "user", owner);
	block();
	assert_int_equal(send_to(pst, pair, "x"), 0x87);
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", owner);
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", owner);
	client_wait_closed(own);
	assert_in_range(send_to(pst, pair, "hello, new one"), 0, 0x10);
	own = client_5(in, owner, "phone");
	assert_int_equal(json_len(client_request(own, "blocks", "{}"), "blocks"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_looks_like_nobody_mqtt5),
		SYSTEM(test_looks_like_nobody_mqtt3),
		SYSTEM(test_presence),
		SYSTEM(test_pair_that_exists),
		SYSTEM(test_unread_of_a_pair_that_ended),
		SYSTEM(test_groups_go_on),
		SYSTEM(test_list_of_blocks),
		SYSTEM(test_outlives_crashes),
		SYSTEM(test_names_given_again),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
