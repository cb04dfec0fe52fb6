/* receipts_test.c — delivered and read: the ticks, marks merged over devices, how often they are
 * told, wrong ones, hidden ones, and that none is lost.
 *
 * One instance for all, each test with users of its own: a<n> and b<n>, who talk in a<n>:b<n>, and
 * c<n>, who is with them in the group g<n>.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"

enum { CASTS = 15, INTERVAL_MS = 250 };

static struct instance *in, *shared;
static const char *a, *b, *c, *pair, *group;
static struct client *alice, *bob, *carol;

static struct instance *start(void)
{
	const char *lines = "";
	struct instance *i;

	for (int k = 0; k < CASTS; k++)
		lines = case_printf("%s{\"user\":\"a%d\"}\n{\"user\":\"b%d\"}\n{\"user\":\"c%d\"}\n"
				    "{\"chat\":\"g%d\",\"members\":[\"a%d\",\"b%d\",\"c%d\"]}\n",
			lines, k, k, k, k, k, k, k);
	i = instance_create(lines);
	instance_set(i, "rate_per_user", "0");
	instance_start(i);
	return i;
}

static void setup(void **state)
{
	(void)state;
	shared = start();
}

static void cast_in(struct instance *i, int n)
{
	in = i;
	a = case_printf("a%d", n);
	b = case_printf("b%d", n);
	c = case_printf("c%d", n);
	pair = case_printf("a%d:b%d", n, n);
	group = case_printf("g%d", n);
	alice = client_5(in, a, "phone");
	bob = client_3(in, b, "phone");
	carol = client_5(in, c, "phone");
	client_subscribe_ok(alice, case_printf("chat/%s/#", group), 1);
	client_subscribe_ok(carol, case_printf("chat/%s/#", group), 1);
	client_subscribe_ok(alice, case_printf("chat/%s/#", pair), 1);
	client_subscribe_ok(bob, case_printf("chat/%s/#", pair), 1);
	client_subscribe_ok(bob, case_printf("user/%s/#", b), 1);
}

static void cast(int n)
{
	cast_in(shared, n);
}

/* So many messages of alice's, seq 1 to count. */
static void say(const char *chat, int count)
{
	for (int k = 0; k < count; k++)
		client_sendf(alice, chat, "message %d", k + 1);
	client_take(alice, case_printf("chat/%s/msg", chat), case_printf("\"seq\":%d,", count));
}

static void ack(struct client *from, const char *chat, const char *payload)
{
	int code = client_publish(from,
		&(struct publish){
			.topic = case_printf("chat/%s/ack", chat), .payload = payload, .qos = 1});

	if (code != 0 && code != 0x10)
		case_fail("ack %s is refused with %d", payload, code);
}

static const char *mark_topic(const char *chat, const char *user)
{
	return case_printf("chat/%s/mark/%s", chat, user);
}

/* The next mark of that kind: those of `read` have it, those of `delivered` do not. */
static struct cJSON *next_mark(struct client *to, const char *chat, const char *user, bool read)
{
	const char *text = read ? "\"read\":" : NULL;
	struct message *m;

	do
		m = client_take(to, mark_topic(chat, user), text);
	while (!read && strstr(m->payload, "\"read\":"));
	json_expect_str(json_of(m->payload, m->len), "chat", chat);
	json_expect_str(json_of(m->payload, m->len), "user", user);
	return json_of(m->payload, m->len);
}

static struct cJSON *member(struct client *asks, const char *chat, const char *user)
{
	struct cJSON *j = client_requestf(asks, "chat.get", "{\"chat\":\"%s\"}", chat);
	struct cJSON *m = json_find(json_at(j, "members"), "user", user);

	assert_non_null(m);
	return m;
}

/* --- the ticks ---------------------------------------------------------------------------------
 */

/* Sent, stored, delivered, read: from topics alone, as a client without an API would. */
static void test_four_ticks(void **state)
{
	struct message *m;
	struct cJSON *j;
	int code;

	(void)state;
	cast(0);
	code = client_publish(alice, &(struct publish){.topic = case_printf("chat/%s/send", pair),
					     .payload = "{\"id\":\"m1\",\"text\":\"hi\"}",
					     .qos = 1});
	assert_true(code == 0 || code == 0x10); /* sent */
	m = client_take(alice, case_printf("chat/%s/msg", pair), "\"m1\"");
	json_expect_num(json_of(m->payload, m->len), "seq", 1); /* stored */
	client_take(bob, case_printf("chat/%s/msg", pair), "\"m1\"");
	ack(bob, pair, "{\"delivered\":1}");
	j = next_mark(alice, pair, b, false);
	json_expect_num(j, "delivered", 1);
	assert_false(json_has(j, "read"));
	assert_true(json_num(j, "ts") > 0);
	ack(bob, pair, "{\"read\":1}");
	j = next_mark(alice, pair, b, true);
	json_expect_num(j, "delivered", 1);
	json_expect_num(j, "read", 1);
	assert_false(m->retain);
	/* her own mark went with her message, without a word */
	client_barrier(alice);
	client_none(alice, 0, mark_topic(pair, a), NULL);
	json_expect_num(member(bob, pair, a), "read", 1);
	json_expect_num(member(alice, pair, b), "read", 1);
}

/* Read takes delivered along, and both are told. */
static void test_read_at_once(void **state)
{
	(void)state;
	cast(1);
	say(group, 3);
	client_barrier(bob);
	ack(bob, group, "{\"read\":3}");
	json_expect_num(next_mark(alice, group, b, true), "read", 3);
	json_expect_num(next_mark(carol, group, b, true), "delivered", 3);
	json_expect_num(member(carol, group, b), "delivered", 3);
}

/* At QoS 0 it counts as much. */
static void test_ack_at_qos_0(void **state)
{
	(void)state;
	cast(10);
	say(pair, 2);
	client_publish(bob, &(struct publish){.topic = case_printf("chat/%s/ack", pair),
				    .payload = "{\"read\":2}",
				    .qos = 0});
	json_expect_num(next_mark(alice, pair, b, true), "read", 2);
	json_expect_num(member(alice, pair, b), "read", 2);
}

/* High-water marks over all devices of a user. */
static void test_two_devices(void **state)
{
	struct client *tablet;
	struct cJSON *j;

	(void)state;
	cast(2);
	tablet = client_5(in, b, "tablet");
	client_subscribe_ok(tablet, case_printf("chat/%s/#", pair), 1);
	say(pair, 9);
	ack(bob, pair, "{\"delivered\":5,\"read\":2}");
	json_expect_num(next_mark(alice, pair, b, true), "read", 2);
	json_expect_num(next_mark(tablet, pair, b, true), "read", 2);
	ack(tablet, pair, "{\"delivered\":3,\"read\":1}"); /* old */
	ack(tablet, pair, "{\"delivered\":9}");
	j = next_mark(alice, pair, b, false);
	while (json_num(j, "delivered") < 9)
		j = next_mark(alice, pair, b, false);
	json_expect_num(j, "delivered", 9);
	ack(tablet, pair, "{\"read\":4}");
	ack(bob, pair, "{\"read\":3}");
	j = next_mark(alice, pair, b, true);
	json_expect_num(j, "read", 4);
	json_expect_num(j, "delivered", 9);
	json_expect_num(next_mark(bob, pair, b, true), "read", 2);
	json_expect_num(next_mark(bob, pair, b, true), "read", 4);
	j = member(client_5(in, b, "third"), pair, b); /* a new device finds it */
	json_expect_num(j, "delivered", 9);
	json_expect_num(j, "read", 4);
	j = client_requestf(bob, "unread", "{\"chat\":\"%s\"}", pair);
	json_expect_num(j, "unread", 5);
}

/* --- how often ---------------------------------------------------------------------------------
 */

/* The marks of that kind that came on a topic: neither falling nor too close together. */
static void expect_spaced(struct client *to, const char *topic, bool read, int64_t last)
{
	int64_t value = 0, at = 0, ts = 0, closest = 1000000;
	size_t n = 0;

	for (size_t k = 0; k < client_mark(to); k++) {
		const struct message *m = client_at(to, k);
		struct cJSON *j;

		if (strcmp(m->topic, topic) != 0 ||
			(strstr(m->payload, "\"read\":") != NULL) != read)
			continue;
		j = json_of(m->payload, m->len);
		if (json_num(j, read ? "read" : "delivered") < value)
			case_fail("a mark went backwards: %s", m->payload);
		value = json_num(j, read ? "read" : "delivered");
		if (n > 0 && m->arrived_ms - at < closest)
			closest = m->arrived_ms - at;
		assert_true(json_num(j, "ts") >= ts);
		ts = json_num(j, "ts");
		at = m->arrived_ms;
		n++;
	}
	printf("receipts: %zu marks of %s, the closest %lld ms apart\n", n,
		read ? "read" : "delivered", (long long)closest);
	assert_int_equal(value, last);
	/* the arrival of one may be late, which brings it closer to the next */
	if (closest < INTERVAL_MS * 6 / 10)
		case_fail("marks came %lld ms apart", (long long)closest);
}

/* Waits until the newest of that kind says so. */
static void wait_mark(
	struct client *to, const char *chat, const char *user, bool read, int64_t value)
{
	while (json_num(next_mark(to, chat, user, read), read ? "read" : "delivered") < value)
		;
}

/* Two hundred in quick succession. */
static void test_many_acks(void **state)
{
	enum { ACKS = 200 };
	int64_t began, took;
	size_t n;

	(void)state;
	cast(3);
	say(group, ACKS);
	began = case_now_ms();
	for (int k = 1; k <= ACKS; k++) {
		ack(bob, group, case_printf("{\"delivered\":%d}", k));
		ack(bob, group, case_printf("{\"read\":%d}", k));
	}
	printf("receipts: %d acks in %lld ms\n", 2 * ACKS, (long long)(case_now_ms() - began));
	wait_mark(alice, group, b, true, ACKS);
	wait_mark(carol, group, b, true, ACKS);
	took = case_now_ms() - began;
	case_pause_ms(2 * INTERVAL_MS);
	client_barrier(alice);
	n = client_count(alice, mark_topic(group, b));
	printf("receipts: told in %zu messages in %lld ms\n", n, (long long)took);
	assert_true(n <= 2 * (size_t)(took / INTERVAL_MS + 2));
	expect_spaced(alice, mark_topic(group, b), true, ACKS);
	json_expect_num(member(alice, group, b), "read", ACKS);
	json_expect_num(member(alice, group, b), "delivered", ACKS);
	/* after a pause the first is told at once */
	say(pair, 1);
	began = case_now_ms();
	ack(bob, pair, "{\"read\":1}");
	wait_mark(alice, pair, b, true, 1);
	took = case_now_ms() - began;
	printf("receipts: a single ack is told after %lld ms\n", (long long)took);
	assert_true(took < INTERVAL_MS);
}

static void test_only_delivered(void **state)
{
	enum { ACKS = 100 };

	(void)state;
	cast(4);
	say(group, ACKS);
	for (int k = 1; k <= ACKS; k++) {
		ack(bob, group, case_printf("{\"delivered\":%d}", k));
		if (k % 20 == 0)
			case_pause_ms(120);
	}
	wait_mark(carol, group, b, false, ACKS);
	case_pause_ms(2 * INTERVAL_MS);
	client_barrier(carol);
	expect_spaced(carol, mark_topic(group, b), false, ACKS);
	client_none(carol, 0, mark_topic(group, b), "\"read\":");
}

/* One user's haste does not hold up another's, nor another chat's. */
static void test_each_mark_for_itself(void **state)
{
	int64_t began;

	(void)state;
	cast(5);
	say(group, 50);
	say(pair, 1);
	for (int k = 1; k <= 49; k++)
		ack(bob, group, case_printf("{\"read\":%d}", k));
	began = case_now_ms();
	ack(carol, group, "{\"read\":50}");
	ack(bob, pair, "{\"read\":1}");
	wait_mark(alice, group, c, true, 50);
	wait_mark(alice, pair, b, true, 1);
	assert_true(case_now_ms() - began < INTERVAL_MS);
	wait_mark(alice, group, b, true, 49);
}

/* --- wrong ones --------------------------------------------------------------------------------
 */

static struct client *alice_who_keeps_her_session(void)
{
	return client_open(
		in, &(struct client_opts){
			    .user = a, .device = "phone", .version = 5, .persistent = true});
}

/* Who is away finds the other one's mark of a one-to-one chat in his queue, and those of a group in
 * chat.get alone. */
static void test_marks_for_who_is_away(void **state)
{
	const char *in_pair, *in_group;
	const struct cJSON *member;
	struct message *m;

	(void)state;
	cast(14);
	in_pair = case_printf("chat/%s/mark/%s", pair, b);
	in_group = case_printf("chat/%s/mark/%s", group, b);
	client_close(alice);
	alice = alice_who_keeps_her_session();
	client_subscribe_ok(alice, case_printf("chat/%s/#", pair), 1);
	client_subscribe_ok(alice, case_printf("chat/%s/#", group), 1);
	say(pair, 1);
	say(group, 1);
	client_close(alice);
	ack(bob, group, "{\"read\":1}");
	ack(bob, pair, "{\"read\":1}");
	m = client_take(carol, in_group, "\"read\":1");
	assert_int_equal(m->qos, 0);
	m = client_take(bob, case_printf("chat/%s/mark/%s", pair, b), "\"read\":1");
	assert_int_equal(m->qos, 1);
	alice = alice_who_keeps_her_session();
	client_take(alice, in_pair, "\"read\":1");
	client_barrier(alice);
	client_none(alice, 0, in_group, NULL);
	member = json_find(
		json_at(client_requestf(alice, "chat.get", "{\"chat\":\"%s\"}", group), "members"),
		"user", b);
	json_expect_num(member, "read", 1);
}

static void test_wrong_acks(void **state)
{
	static const char *const wrong[] = {"{\"read\":6}", "{\"delivered\":6}",
		"{\"delivered\":3,\"read\":6}", "{\"delivered\":6,\"read\":3}", "{\"read\":-1}",
		"{\"delivered\":-9007199254740993}", "{\"read\":\"3\"}", "{\"read\":2.5}",
		"{\"read\":1e300}", "{\"read\":1e999}", "{\"read\":18446744073709551617}",
		"{\"read\":18446744073709551615}", "{\"read\":9223372036854775808}",
		"{\"read\":4294967298}", "{\"read\":true}", "{\"read\":null}", "{\"read\":[3]}",
		"{\"read\":{}}", "{\"read\":NaN}", "{\"delivered\":4,\"read\":\"x\"}", "{}", "[]",
		"3", "x", "", "{\"read\":3", "\xff\xfe"};
	const char *errors;
	struct cJSON *j;

	(void)state;
	cast(6);
	errors = case_printf("user/%s/errors", b);
	say(group, 5);
	for (size_t k = 0; k < COUNT(wrong); k++) {
		struct message *m;

		ack(bob, group, wrong[k]);
		m = client_take(bob, errors, NULL);
		j = json_of(m->payload, m->len);
		json_expect_str(j, "topic", case_printf("chat/%s/ack", group));
		json_expect_str(j, "chat", group);
		if (strncmp(json_str(j, "code"), "bad_", 4) != 0)
			case_fail("%s is answered %s", wrong[k], m->payload);
		if (k % 9 == 8)
			case_pause_ms(1100); /* ten errors a second are told */
	}
	client_barrier(alice);
	client_none(alice, 0, mark_topic(group, b), NULL);
	json_expect_num(member(alice, group, b), "read", 0);
	json_expect_num(member(alice, group, b), "delivered", 0);
	/* zero is where everybody begins */
	ack(bob, group, "{\"delivered\":0,\"read\":0}");
	ack(bob, group, "{\"delivered\":5,\"read\":4,\"more\":[1]}");
	j = next_mark(alice, group, b, true);
	json_expect_num(j, "read", 4);
	json_expect_num(j, "delivered", 5);
}

static void test_not_a_member(void **state)
{
	struct client *stranger;

	(void)state;
	cast(7);
	say(group, 2);
	stranger = client_5(in, "a0", "other");
	assert_int_equal(client_publish(stranger,
				 &(struct publish){.topic = case_printf("chat/%s/ack", group),
					 .payload = "{\"read\":2}",
					 .qos = 1}),
		0x87);
	assert_int_equal(client_publish(bob, &(struct publish){.topic = mark_topic(group, b),
						     .payload = "{\"read\":2}",
						     .qos = 1}),
		0);
	assert_int_equal(client_publish(carol, &(struct publish){.topic = mark_topic(group, c),
						       .payload = "{\"read\":2}",
						       .qos = 1}),
		0x87);
	client_barrier(alice);
	client_none(alice, 0, case_printf("chat/%s/mark/+", group), NULL);
}

/* --- hidden ones -------------------------------------------------------------------------------
 */

static void test_hidden(void **state)
{
	struct client *tablet;
	struct message *m;
	struct cJSON *j;

	(void)state;
	cast(8);
	tablet = client_5(in, b, "tablet");
	client_subscribe_ok(tablet, case_printf("user/%s/events", b), 1);
	client_subscribe_ok(tablet, case_printf("chat/%s/#", group), 1);
	say(group, 6);
	client_request(bob, "privacy.set", "{\"receipts\":false}");
	ack(bob, group, "{\"delivered\":2}");
	json_expect_num(next_mark(alice, group, b, false), "delivered", 2);
	ack(bob, group, "{\"read\":5}");
	/* his own devices hear of it, others of the delivery alone */
	m = client_take(tablet, case_printf("user/%s/events", b), "\"mark\"");
	j = json_of(m->payload, m->len);
	json_expect_str(j, "event", "mark");
	json_expect_str(j, "chat", group);
	json_expect_num(j, "read", 5);
	json_expect_num(j, "delivered", 5);
	client_take(bob, case_printf("user/%s/events", b), "\"mark\"");
	json_expect_num(next_mark(alice, group, b, false), "delivered", 5);
	assert_int_not_equal(json_num(member(alice, group, b), "read"), 5);
	json_expect_num(member(alice, group, b), "delivered", 5);
	json_expect_num(member(bob, group, b), "read", 5);
	json_expect_num(client_requestf(tablet, "unread", "{\"chat\":\"%s\"}", group), "unread", 1);
	/* and he sees no others' */
	ack(carol, group, "{\"delivered\":6,\"read\":6}");
	json_expect_num(next_mark(alice, group, c, true), "read", 6);
	case_pause_ms(2 * INTERVAL_MS);
	client_barrier(tablet);
	client_barrier(alice);
	client_none(tablet, 0, mark_topic(group, c), "\"read\"");
	client_none(alice, 0, mark_topic(group, b), "\"read\"");
	assert_int_not_equal(json_num(member(bob, group, c), "read"), 6);
	json_expect_num(member(bob, group, c), "delivered", 6);
	/* shown again: from now on */
	client_request(bob, "privacy.set", "{\"receipts\":true}");
	json_expect_num(member(bob, group, c), "read", 6);
	ack(tablet, group, "{\"read\":6}");
	json_expect_num(next_mark(alice, group, b, true), "read", 6);
	json_expect_num(next_mark(tablet, group, b, true), "read", 6);
	json_expect_num(member(alice, group, b), "read", 6);
}

/* In a one-to-one chat, where it is what people mean by it; also his list of chats is his own. */
static void test_hidden_in_a_pair(void **state)
{
	struct cJSON *j;

	(void)state;
	cast(9);
	client_request(bob, "privacy.set", "{\"receipts\":false}");
	say(pair, 3);
	ack(bob, pair, "{\"read\":3}");
	wait_mark(alice, pair, b, false, 3);
	client_take(bob, case_printf("user/%s/events", b), "\"mark\"");
	client_barrier(alice);
	client_none(alice, 0, mark_topic(pair, b), "\"read\"");
	assert_int_not_equal(json_num(member(alice, pair, b), "read"), 3);
	j = json_find(json_at(client_request(bob, "chats", "{}"), "chats"), "chat", pair);
	json_expect_num(j, "read", 3);
	json_expect_num(j, "unread", 0);
	/* alice's reading is not for him */
	client_send(bob, pair, "an answer");
	client_take(alice, case_printf("chat/%s/msg", pair), "an answer");
	client_subscribe_ok(alice, case_printf("user/%s/events", a), 1);
	ack(alice, pair, "{\"read\":4}");
	client_take(alice, case_printf("user/%s/events", a), "\"read\":4");
	client_barrier(bob);
	client_none(bob, 0, mark_topic(pair, a), "\"read\"");
}

/* --- crashes -----------------------------------------------------------------------------------
 */

/* What was acknowledged to the one who acknowledges is told, whoever dies right after it. */
static void test_last_mark_survives(void **state)
{
	(void)state;
	cast_in(start(), 0);
	say(group, 60);
	for (int round = 0; round < 3; round++) {
		int64_t began, upto = 20 * (round + 1);

		for (int64_t k = upto - 9; k <= upto; k++)
			ack(bob, group, case_printf("{\"read\":%lld}", (long long)k));
		instance_kill_daemon(in);
		began = case_now_ms();
		instance_start_daemon(in);
		wait_mark(carol, group, b, true, upto);
		printf("receipts: the last mark is told %.1f s after a kill of the daemon\n",
			(double)(case_now_ms() - began) / 1000);
		instance_wait_ready(in);
	}
}

/* The same with both killed: who comes back asks, or hears it. */
static void test_last_mark_survives_both(void **state)
{
	struct client *late;

	(void)state;
	cast_in(start(), 0);
	say(group, 20);
	for (int k = 1; k <= 20; k++)
		ack(bob, group, case_printf("{\"delivered\":%d,\"read\":%d}", k, k));
	instance_kill_daemon(in);
	instance_kill_broker(in);
	instance_start(in);
	late = client_5(in, a, "late");
	json_expect_num(member(late, group, b), "read", 20);
	json_expect_num(member(late, group, b), "delivered", 20);
}

/* Nobody may write to the other any more; what was said stays, and can be read. The other learns of
 * it when the block is gone. */
static void test_ack_behind_a_block(void **state)
{
	const char *events;
	size_t mark;

	(void)state;
	cast(12);
	events = case_printf("user/%s/events", b);
	say(pair, 3);
	client_requestf(alice, "block.add", "{\"user\":\"%s\"}", b);
	mark = client_mark(alice);
	ack(bob, pair, "{\"read\":2}");
	client_take(bob, events, "\"delivered\":2,\"read\":2");
	ack(bob, pair, "{\"read\":3}");
	client_take(bob, events, "\"delivered\":3,\"read\":3");
	json_expect_num(client_requestf(bob, "unread", "{\"chat\":\"%s\"}", pair), "unread", 0);
	client_barrier(alice);
	client_none(alice, mark, mark_topic(pair, b), NULL);
	client_requestf(alice, "block.remove", "{\"user\":\"%s\"}", b);
	json_expect_num(next_mark(alice, pair, b, true), "read", 3);
}

/* Nor does the end of an account leave what cannot be read; nor is a chat that never was one. */
static void test_ack_behind_a_removal(void **state)
{
	(void)state;
	cast(13);
	say(pair, 3);
	CTL_OK(in, "user", "remove", a);
	json_expect_num(client_requestf(bob, "unread", "{\"chat\":\"%s\"}", pair), "unread", 3);
	ack(bob, pair, "{\"read\":3}");
	client_take(bob, case_printf("user/%s/events", b), "\"delivered\":3,\"read\":3");
	json_expect_num(client_requestf(bob, "unread", "{\"chat\":\"%s\"}", pair), "unread", 0);
	ack(bob, case_printf("%s:nobody", b), "{\"read\":1}");
	client_take(bob, case_printf("user/%s/errors", b), "\"forbidden\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_four_ticks),
		SYSTEM(test_read_at_once),
		SYSTEM(test_ack_at_qos_0),
		SYSTEM(test_two_devices),
		SYSTEM(test_many_acks),
		SYSTEM(test_only_delivered),
		SYSTEM(test_each_mark_for_itself),
		SYSTEM(test_marks_for_who_is_away),
		SYSTEM(test_wrong_acks),
		SYSTEM(test_not_a_member),
		SYSTEM(test_hidden),
		SYSTEM(test_hidden_in_a_pair),
		SYSTEM(test_ack_behind_a_block),
		SYSTEM(test_ack_behind_a_removal),
		SYSTEM(test_last_mark_survives),
		SYSTEM(test_last_mark_survives_both),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
