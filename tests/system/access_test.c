/* access_test.c — who may publish, subscribe and receive what: every row of the table of topics,
 * for every kind of person, over MQTT 3.1.1 and 5.
 *
 *   alice   admin of lobby and of the channel news        boss   no member, role admin
 *   bob     member of both                                eve    no member of anything
 */
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"

enum who { ALICE, BOB, EVE, BOSS, PEOPLE };
enum { A = 1 << ALICE, B = 1 << BOB, E = 1 << EVE, R = 1 << BOSS, ALL = A | B | E | R };

static const char *const names[] = {"alice", "bob", "eve", "boss"};
static struct instance *in;
static struct client *people[2][PEOPLE]; /* MQTT 3.1.1, MQTT 5; device "old", "new" */

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_set(in, "rate_per_user", "0");
	instance_start(in);
	CTL_OK(in, "user", "add", "boss", "--role", "admin");
	CTL_OK(in, "chat", "create", "news", "--kind", "channel", "--admin", "alice", "--member",
		"bob");
}

/* Connections belong to the test that is running. */
static void connect_everybody(void)
{
	for (int w = 0; w < PEOPLE; w++) {
		people[0][w] = client_3(in, names[w], "old");
		people[1][w] = client_5(in, names[w], "new");
		client_subscribe_ok(people[0][w], case_printf("user/%s/errors", names[w]), 1);
	}
}

/* --- publishing ------------------------------------------------------------------------------ */

struct write_row {
	const char *topic, *payload;
	int qos;
	bool retain;
	unsigned allowed; /* who */
};

static const struct write_row writes[] = {
	{"chat/lobby/send", "hi", 1, false, A | B},
	{"chat/news/send", "hi", 1, false, A},
	{"chat/lobby/msg", "hi", 1, false, 0},
	{"chat/news/msg", "hi", 1, false, 0},
	{"chat/lobby/ack", "{\"read\":0}", 1, false, A | B},
	{"chat/news/ack", "{\"read\":0}", 1, false, A | B},
	{"chat/lobby/mark/bob", "{}", 1, false, 0},
	{"chat/lobby/mark/alice", "{}", 1, false, 0},
	{"chat/lobby/typing/bob", "1", 1, false, 0}, /* QoS 0 only */
	{"chat/lobby/info", "{}", 1, false, 0},
	{"chat/lobby", "x", 1, false, 0},
	{"chat/lobby/", "x", 1, false, 0},
	{"chat/lobby/other", "x", 1, false, 0},
	{"chat/lobby/send/more", "x", 1, false, 0},
	{"chat//send", "x", 1, false, 0},
	{"chat/nowhere/send", "x", 1, false, 0},
	{"chat/Lobby/send", "x", 1, false, 0},
	{"chat/bob:alice/send", "x", 1, false, 0},
	{"chat/alice:alice/send", "x", 1, false, 0},
	{"chat/alice:nobody/send", "x", 1, false, 0},
	{"chat/alice:bob/send", "x", 1, false, A | B},
	{"chat/carol:dave/send", "x", 1, false, 0},
	{"user/bob/events", "{}", 1, false, 0},
	{"user/bob/errors", "{}", 1, false, 0},
	{"user/bob/status", "{}", 1, true, 0},
	{"user/bob/other", "{}", 1, false, 0},
	{"presence/bob", "{}", 1, true, 0},
	{"presence/bob/old", "online", 1, true, 0}, /* see below: by that device alone */
	{"presence/bob/new/x", "online", 1, true, 0},
	{"api/me", "{}", 1, false, ALL},
	{"api/no.such.method", "{}", 1, false, ALL},
	{"api/", "{}", 1, false, 0},
	{"api/me/too", "{}", 1, false, 0},
	{"reply/me", "{}", 1, false, 0},
	{"$SYS/broker/version", "x", 1, false, 0},
	{"$CONTROL/gnatter/v1", "x", 1, false, 0},
	{"$CONTROL/dynamic-security/v1", "{}", 1, false, 0},
	{"$CONTROL/other", "x", 1, false, 0},
	{"$gnatter/frame", "x", 1, false, 0},
};

static bool row_allows(const struct write_row *r, enum who w, int version)
{
	/* the one device whose topic it is; bob's MQTT 3.1.1 connection is the device "old" */
	if (strcmp(r->topic, "presence/bob/old") == 0)
		return w == BOB && version == 4;
	return r->allowed & 1u << w;
}

static int write_row(const struct write_row *r, enum who w, int version)
{
	return client_publish(people[version - 4][w], &(struct publish){.topic = r->topic,
							      .payload = r->payload,
							      .qos = r->qos,
							      .retain = r->retain});
}

static void test_publish_mqtt5(void **state)
{
	(void)state;
	connect_everybody();
	for (size_t k = 0; k < COUNT(writes); k++) {
		for (enum who w = 0; w < PEOPLE; w++) {
			int code = write_row(&writes[k], w, 5);

			if (row_allows(&writes[k], w, 5) ? code != 0 && code != 0x10 : code != 0x87)
				case_fail(
					"%s publishing on %s: %d", names[w], writes[k].topic, code);
		}
	}
}

/* Of these the plugin does not tell: $SYS the broker refuses by itself, and an admin's word on the
 * control topics of others is left to those. */
static bool told(const struct write_row *r, enum who w)
{
	bool others = strncmp(r->topic, "$CONTROL/", 9) == 0 &&
		      strcmp(r->topic, "$CONTROL/gnatter/v1") != 0;

	return strncmp(r->topic, "$SYS", 4) != 0 && !(w == BOSS && (others || r->topic[1] == 'g'));
}

/* An old client gets a plain acknowledgement, and learns the truth on its errors topic. */
static void test_publish_mqtt3(void **state)
{
	(void)state;
	connect_everybody();
	for (size_t k = 0; k < COUNT(writes); k++) {
		case_pause_ms(130); /* of these errors each user is told ten a second */
		for (enum who w = 0; w < PEOPLE; w++) {
			assert_int_equal(write_row(&writes[k], w, 4), 0);
			if (!row_allows(&writes[k], w, 4) && told(&writes[k], w))
				client_take(people[0][w], case_printf("user/%s/errors", names[w]),
					case_printf("\"%s\"", writes[k].topic));
		}
	}
}

/* A message from the wrong one does not come out anywhere: not to members, not to the admin who
 * sees all. */
static void test_refused_publishes_reach_nobody(void **state)
{
	struct client *bob, *boss, *eve;

	(void)state;
	bob = client_5(in, "bob", "b");
	boss = client_5(in, "boss", "b");
	client_subscribe_ok(bob, "chat/lobby/#", 1);
	client_subscribe_ok(boss, "#", 1);
	for (int version = 4; version <= 5; version++) {
		eve = version == 5 ? client_5(in, "eve", "e") : client_3(in, "eve", "e");
		for (size_t k = 0; k < COUNT(writes); k++) {
			for (int qos = 0; qos <= 2; qos++) {
				if (writes[k].allowed & E)
					continue;
				client_publish(eve, &(struct publish){.topic = writes[k].topic,
							    .payload = "from eve",
							    .qos = qos,
							    .retain = qos == 1});
			}
		}
		client_publish(eve,
			&(struct publish){.topic = "chat/lobby/typing/eve", .payload = "from eve"});
		client_publish(eve,
			&(struct publish){.topic = "chat/lobby/typing/bob", .payload = "from eve"});
		client_publish(eve,
			&(struct publish){
				.topic = "presence/bob/b", .payload = "from eve", .retain = true});
		client_barrier(eve);
		client_close(eve);
	}
	client_barrier(bob);
	client_barrier(boss);
	client_none(bob, 0, "#", "from eve");
	client_none(boss, 0, "#", "from eve");
}

static void test_typing(void **state)
{
	struct client *bob = client_5(in, "bob", "t"), *alice3 = client_3(in, "alice", "t"),
		      *boss = client_5(in, "boss", "t");
	struct message *m;

	(void)state;
	client_subscribe_ok(alice3, "chat/lobby/typing/+", 1);
	client_subscribe_ok(boss, "chat/+/typing/+", 1);
	client_publish(bob, &(struct publish){.topic = "chat/lobby/typing/bob", .payload = "1"});
	m = client_take(alice3, "chat/lobby/typing/bob", "1");
	assert_int_equal(m->qos, 0);
	client_take(boss, "chat/lobby/typing/bob", "1");
	/* in another's name; with a flag that would leave it behind */
	client_publish(
		bob, &(struct publish){.topic = "chat/lobby/typing/alice", .payload = "forged"});
	client_publish(
		bob, &(struct publish){
			     .topic = "chat/lobby/typing/bob", .payload = "kept", .retain = true});
	client_barrier(bob);
	client_barrier(alice3);
	client_none(alice3, 0, "#", "forged");
	alice3 = client_3(in, "alice", "t2");
	client_subscribe_ok(alice3, "chat/lobby/typing/+", 1);
	client_barrier(alice3);
	client_none(alice3, 0, "chat/lobby/typing/+", NULL);
	/* not stored */
	client_none(alice3, 0, "chat/lobby/msg", NULL);
}

static void test_presence_of_devices(void **state)
{
	struct client *phone, *tablet, *eve, *boss;
	struct publish online = {
		.topic = "presence/bob/phone", .payload = "online", .qos = 1, .retain = true};
	struct message *m;

	(void)state;
	phone = client_open(in, &(struct client_opts){.user = "bob",
					.device = "phone",
					.will_topic = "presence/bob/phone",
					.will_payload = "offline",
					.will_retain = true});
	tablet = client_3(in, "bob", "tablet");
	eve = client_5(in, "eve", "x");
	boss = client_5(in, "boss", "x");
	assert_in_range(client_publish(phone, &online), 0, 0x10);
	assert_int_equal(client_publish(eve, &online), 0x87);
	online.payload = "forged";
	client_publish(tablet, &online); /* another device of bob's */
	client_subscribe_ok(tablet, "presence/bob/+", 1);
	client_subscribe_ok(boss, "presence/bob/phone", 1);
	m = client_take(tablet, "presence/bob/phone", NULL);
	assert_string_equal(m->payload, "online");
	assert_true(m->retain);
	assert_int_equal(client_subscribe(eve, "presence/bob/phone", 1), 0x87);
	assert_int_equal(client_subscribe(eve, "presence/bob/#", 1), 0x87);
	/* the will of a device that is cut off */
	client_drop(phone);
	client_take(tablet, "presence/bob/phone", "offline");
	client_take(boss, "presence/bob/phone", "offline");
	client_none(tablet, 0, "#", "forged");
}

/* A will is checked like a publish, but cannot pass the spool: on a chat it reaches nobody. */
static void test_wills(void **state)
{
	static const char *const topics[] = {"chat/lobby/send", "chat/lobby/msg",
		"chat/lobby/typing/bob", "user/alice/events", "presence/alice/phone",
		"$CONTROL/gnatter/v1", "presence/bob"};
	struct client *alice = client_5(in, "alice", "w"), *boss = client_5(in, "boss", "w");

	(void)state;
	client_subscribe_ok(alice, "chat/lobby/#", 1);
	client_subscribe_ok(alice, "user/alice/#", 1);
	client_subscribe_ok(boss, "#", 1);
	for (size_t k = 0; k < COUNT(topics); k++) {
		struct client_opts o = {.user = "bob",
			.device = "dying",
			.will_topic = topics[k],
			.will_payload = "last words",
			.will_retain = k % 2 == 0,
			.version = k % 3 ? 5 : 4};
		int reason;
		struct client *bob = client_try(in, &o, &reason); /* may be refused at once, too */

		if (bob)
			client_drop(bob);
	}
	client_send(alice, "lobby", "the end");
	client_take(alice, "chat/lobby/msg", "the end");
	client_barrier(boss);
	client_none(alice, 0, "#", "last words");
	client_none(boss, 0, "#", "last words");
}

/* --- subscribing ----------------------------------------------------------------------------- */

static const struct {
	const char *filter;
	unsigned allowed;
} filters[] = {
	{"chat/lobby/msg", A | B | R},
	{"chat/lobby/#", A | B | R},
	{"chat/lobby/+", A | B | R},
	{"chat/lobby/mark/+", A | B | R},
	{"chat/lobby/mark/bob", A | B | R},
	{"chat/lobby/mark/#", A | B | R},
	{"chat/lobby/typing/+", A | B | R},
	{"chat/lobby/typing/alice", A | B | R},
	{"chat/lobby/info", A | B | R},
	{"chat/news/msg", A | B | R},
	{"chat/alice:bob/msg", A | B | R},
	{"chat/alice:bob/#", A | B | R},
	{"chat/alice:eve/msg", A | E | R},
	{"chat/bob:alice/msg", 0},
	{"chat/carol:dave/msg", R},
	{"chat/Lobby/msg", 0},
	{"chat/lobby/send", 0},
	{"chat/lobby/ack", 0},
	{"chat/+/msg", R},
	{"chat/#", R},
	{"chat/+/#", R},
	{"chat/+/mark/bob", R},
	{"+/lobby/msg", R},
	{"+/lobby/#", R},
	{"+/+/+", R},
	{"+/#", R},
	{"+", R},
	{"#", R},
	{"user/alice/#", A | R},
	{"user/alice/+", A | R},
	{"user/alice/events", A | R},
	{"user/alice/errors", A | R},
	{"user/bob/events", B | R},
	{"user/bob/errors", B | R},
	{"user/eve/#", E | R},
	{"user/eve/status", ALL}, /* likewise */
	{"user/+/events", R},
	{"user/#", R},
	{"+/alice/events", R},
	{"presence/alice", ALL}, /* what comes is decided at each delivery */
	{"presence/alice/+", A | R},
	{"presence/alice/#", A | R},
	{"presence/alice/new", A | R},
	{"presence/+", R},
	{"presence/+/+", R},
	{"presence/#", R},
	{"api/me", 0},
	{"api/#", 0},
	{"reply/me", ALL},
	{"reply/+", ALL},
	{"reply/#", ALL},
	{"answers/of-mine", ALL},
	{"$SYS/broker/version", R},
	{"$SYS/#", R},
	{"$SYS/broker/clients/+", R},
	{"$share/g/chat/lobby/msg", R},
	{"$share/g/chat/+/msg", R},
	{"$share/g/#", R},
	{"$share/g/user/bob/events", R},
	{"$CONTROL/gnatter/v1", 0},
	{"$CONTROL/#", 0},
	{"$gnatter/frame", 0},
	{"$gnatter/#", 0},
};

static void test_subscribe(void **state)
{
	(void)state;
	connect_everybody();
	for (size_t k = 0; k < COUNT(filters); k++) {
		for (int w = 0; w < PEOPLE; w++) {
			for (int v = 0; v < 2; v++) {
				int code = client_subscribe(people[v][w], filters[k].filter, 1);
				bool allowed = filters[k].allowed & 1u << w;

				if (allowed ? code != 1 : code != (v ? 0x87 : 0x80))
					case_fail("%s subscribing to %s over MQTT %s: %d", names[w],
						filters[k].filter, v ? "5" : "3.1.1", code);
				client_unsubscribe(people[v][w], filters[k].filter);
			}
		}
	}
}

/* --- delivery -------------------------------------------------------------------------------- */

/* Everybody who may reads every kind of message about a chat; with the widest subscription each may
 * have. */
static void test_delivery(void **state)
{
	static const char *const widest[] = {"chat/lobby/#", "chat/lobby/#", NULL, "#"};

	(void)state;
	connect_everybody();
	for (int w = 0; w < PEOPLE; w++) {
		for (int v = 0; v < 2; v++) {
			if (widest[w])
				client_subscribe_ok(people[v][w], widest[w], 2);
			client_subscribe(people[v][w], "chat/lobby/msg", 1);
		}
	}
	client_send(people[1][ALICE], "lobby", "for members");
	client_publish(people[1][BOB],
		&(struct publish){.topic = "chat/lobby/typing/bob", .payload = "types"});
	client_request(
		people[1][ALICE], "chat.update", "{\"chat\":\"lobby\",\"title\":\"Entrance\"}");
	for (int v = 0; v < 2; v++) {
		for (int w = 0; w < PEOPLE; w++) {
			struct client *c = people[v][w];

			if (w == EVE) {
				client_barrier(c);
				client_none(c, 0, "chat/#", NULL);
				client_none(c, 0, "user/alice/#", NULL);
				continue;
			}
			client_take(c, "chat/lobby/msg", "for members");
			client_take(c, "chat/lobby/typing/bob", "types");
			client_take(c, "chat/lobby/info", "Entrance");
		}
	}
	client_publish(people[0][BOB],
		&(struct publish){.topic = "chat/lobby/ack",
			.payload = case_printf("{\"read\":%lld}",
				(long long)json_num(client_request(people[1][BOB], "history",
							    "{\"chat\":\"lobby\"}"),
					"seq")),
			.qos = 1});
	for (int v = 0; v < 2; v++) {
		client_take(people[v][ALICE], "chat/lobby/mark/bob", "\"read\"");
		client_take(people[v][BOSS], "chat/lobby/mark/bob", "\"read\"");
		client_barrier(people[v][EVE]);
		client_none(people[v][EVE], 0, "chat/#", NULL);
	}
}

/* What is for one user reaches that user's devices, and the admin who listens to everything. */
static void test_delivery_to_users(void **state)
{
	struct client *dave5 = client_5(in, "dave", "five"), *dave3 = client_3(in, "dave", "three"),
		      *bob = client_5(in, "bob", "five"), *boss = client_5(in, "boss", "five");

	(void)state;
	client_subscribe_ok(dave5, "user/dave/#", 1);
	client_subscribe_ok(dave3, "user/dave/events", 1);
	client_subscribe_ok(bob, "user/bob/#", 1);
	client_subscribe_ok(boss, "user/+/events", 1);
	client_request(bob, "chat.create", "{\"chat\":\"secret\",\"members\":[\"dave\"]}");
	client_take(dave5, "user/dave/events", "\"secret\"");
	client_take(dave3, "user/dave/events", "\"secret\"");
	client_take(bob, "user/bob/events", "\"secret\"");
	client_take(boss, "user/dave/events", "\"secret\"");
	client_barrier(bob);
	client_none(bob, 0, "user/dave/#", NULL);
	client_none(dave5, 0, "user/bob/#", NULL);
	/* her own mistake is hers alone to read */
	client_publish(
		dave3, &(struct publish){.topic = "chat/lobby/send", .payload = "x", .qos = 1});
	client_take(dave5, "user/dave/errors", "\"forbidden\"");
	client_barrier(bob);
	client_none(bob, 0, "user/dave/#", NULL);
}

/* Access follows the state of now: the same subscription is refused, allowed, refused. */
static void test_access_follows_membership(void **state)
{
	struct client *alice = client_5(in, "alice", "m"), *eve = client_5(in, "eve", "m"),
		      *eve3 = client_3(in, "eve", "m3");

	(void)state;
	client_request(alice, "chat.create", "{\"chat\":\"club\"}");
	for (int round = 0; round < 3; round++) {
		assert_int_equal(client_subscribe(eve, "chat/club/msg", 1), 0x87);
		assert_int_equal(client_subscribe(eve3, "chat/club/#", 1), 0x80);
		client_request(alice, "member.add", "{\"chat\":\"club\",\"user\":\"eve\"}");
		client_subscribe_ok(eve, "chat/club/msg", 1);
		client_subscribe_ok(eve3, "chat/club/#", 1);
		client_send(eve, "club", case_printf("round %d", round));
		client_take(eve3, "chat/club/msg", case_printf("round %d", round));
		client_unsubscribe(eve, "chat/club/msg");
		client_unsubscribe(eve3, "chat/club/#");
		client_request(alice, "member.remove", "{\"chat\":\"club\",\"user\":\"eve\"}");
		if (!client_connected(eve))
			eve = client_5(in, "eve", "m");
		if (!client_connected(eve3))
			eve3 = client_3(in, "eve", "m3");
	}
}

/* In a channel everybody reads, its admins write; who becomes admin may write from then on. */
static void test_channel(void **state)
{
	struct client *alice = client_5(in, "alice", "ch"), *bob = client_5(in, "bob", "ch"),
		      *boss = client_5(in, "boss", "ch");
	struct publish p = {.topic = "chat/news/send", .payload = "from bob", .qos = 1};

	(void)state;
	client_subscribe_ok(bob, "chat/news/msg", 1);
	client_send(alice, "news", "headline");
	client_take(bob, "chat/news/msg", "headline");
	assert_int_equal(client_publish(bob, &p), 0x87);
	assert_int_equal(client_publish(boss, &p), 0x87); /* role admin is no member */
	client_request(
		alice, "member.role", "{\"chat\":\"news\",\"user\":\"bob\",\"role\":\"admin\"}");
	assert_in_range(client_publish(bob, &p), 0, 0x10);
	client_take(bob, "chat/news/msg", "from bob");
	client_request(
		alice, "member.role", "{\"chat\":\"news\",\"user\":\"bob\",\"role\":\"member\"}");
	assert_int_equal(client_publish(bob, &p), 0x87);
	/* typing goes to everybody, too */
	client_subscribe_ok(alice, "chat/news/typing/+", 1);
	client_subscribe_ok(bob, "chat/news/typing/+", 1);
	client_publish(bob, &(struct publish){.topic = "chat/news/typing/bob", .payload = "1"});
	client_publish(alice, &(struct publish){.topic = "chat/news/typing/alice", .payload = "1"});
	client_take(bob, "chat/news/typing/alice", "1");
	client_barrier(bob);
	client_barrier(alice);
	client_none(alice, 0, "chat/news/typing/bob", NULL);
	/* reactions and acknowledgements: the first is a send, the second anybody's who reads */
	assert_int_equal(client_publish(bob, &(struct publish){.topic = "chat/news/ack",
						     .payload = "{\"read\":1}",
						     .qos = 1}) &
				 0x80,
		0);
}

/* Topics of other applications are left to other plugins: without one, nobody gets or gives
 * anything. */
static void test_foreign_topics(void **state)
{
	struct client *bob = client_5(in, "bob", "f"), *boss = client_5(in, "boss", "f"),
		      *alice = client_3(in, "alice", "f");

	(void)state;
	client_subscribe_ok(bob, "home/lamp", 1); /* any literal one may be a Response Topic */
	client_subscribe_ok(boss, "#", 1);
	assert_int_equal(
		client_publish(
			bob, &(struct publish){.topic = "home/lamp", .payload = "on", .qos = 1}),
		0x87);
	client_publish(alice,
		&(struct publish){.topic = "home/lamp", .payload = "on", .qos = 1, .retain = true});
	client_barrier(bob);
	client_barrier(boss);
	client_none(bob, 0, "home/lamp", NULL);
	client_none(boss, 0, "home/lamp", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_publish_mqtt5),
		SYSTEM(test_publish_mqtt3),
		SYSTEM(test_refused_publishes_reach_nobody),
		SYSTEM(test_typing),
		SYSTEM(test_presence_of_devices),
		SYSTEM(test_wills),
		SYSTEM(test_subscribe),
		SYSTEM(test_delivery),
		SYSTEM(test_delivery_to_users),
		SYSTEM(test_access_follows_membership),
		SYSTEM(test_channel),
		SYSTEM(test_foreign_topics),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
