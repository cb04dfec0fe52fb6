/* devices_test.c — the devices of one user: their list, what one does and the others hear, and one
 * that is removed.
 *
 * One instance for all, each test with a user of its own, u<n>, and a friend of that user, f<n>.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"
#include "tests/support/token.h"

enum { PAIRS = 10, GRACE_MS = 200 };

static struct instance *in, *shared;
static const char *user, *friend, *events, *pair;
static struct client *phone, *fri;

static struct instance *start(void)
{
	const char *lines = "{\"user\":\"boss\",\"role\":\"admin\"}\n";
	struct instance *i;

	for (int k = 0; k < PAIRS; k++)
		lines = case_printf("%s{\"user\":\"u%d\",\"password\":\"pw\"}\n"
				    "{\"user\":\"f%d\"}\n"
				    "{\"chat\":\"g%d\",\"members\":[\"u%d\",\"f%d\"],"
				    "\"admins\":[\"u%d\"]}\n",
			lines, k, k, k, k, k, k);
	i = instance_create(lines);
	instance_set(i, "presence_grace", case_printf("%dms", GRACE_MS));
	instance_set(i, "devices_per_user_max", "4");
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
	user = case_printf("u%d", n);
	friend = case_printf("f%d", n);
	events = case_printf("user/%s/events", user);
	pair = case_printf("%s:%s", friend, user);
	phone = client_5(in, user, "phone");
	client_subscribe_ok(phone, case_printf("user/%s/#", user), 1);
	fri = client_5(in, friend, "phone");
}

static void cast(int n)
{
	cast_in(shared, n);
}

static struct cJSON *device(struct client *asks, const char *name)
{
	struct cJSON *j = client_request(asks, "devices", "{}");

	return json_find(json_at(j, "devices"), "device", name);
}

static void test_list(void **state)
{
	struct client *tablet;
	struct cJSON *j;
	int64_t first, now = case_wall_ms();

	(void)state;
	cast(0);
	client_request(phone, "device.set", "{\"name\":\"My phone\",\"kind\":\"android\"}");
	j = device(phone, "phone");
	json_expect_str(j, "name", "My phone");
	json_expect_str(j, "kind", "android");
	assert_true(cJSON_IsTrue(json_at(j, "this")));
	assert_true(cJSON_IsTrue(json_at(j, "online")));
	assert_in_range(json_num(j, "first"), now - 60000, now + 60000);
	first = json_num(j, "first");
	assert_true(json_num(j, "last_seen") >= first);
	tablet = client_3(in, user, "tablet");
	client_close(people_script(in, user)); /* is no device to be remembered */
	people_say(tablet, user, "tablet", "{\"state\":\"away\"}");
	client_barrier(tablet);
	j = client_request(phone, "devices", "{}");
	assert_int_equal(json_len(j, "devices"), 2);
	j = device(phone, "tablet");
	assert_true(cJSON_IsTrue(json_at(j, "online")));
	assert_false(cJSON_IsTrue(json_at(j, "this")));
	json_expect_str(j, "state", "away");
	client_close(tablet);
	client_close(phone);
	phone = client_5(in, user, "phone");
	j = device(phone, "phone");
	json_expect_num(j, "first", first);
	json_expect_str(j, "name", "My phone");
	assert_true(cJSON_IsFalse(json_at(device(phone, "tablet"), "online")));
	/* a member that is missing stays */
	client_request(phone, "device.set", "{\"kind\":\"ios\"}");
	json_expect_str(device(phone, "phone"), "name", "My phone");
	json_expect_str(device(phone, "phone"), "kind", "ios");
	client_request(
		phone, "device.set", case_printf("{\"name\":\"%064d\",\"kind\":\"%032d\"}", 0, 0));
	assert_true(json_has(
		client_call(phone, "device.set", case_printf("{\"name\":\"%065d\"}", 0)), "error"));
	assert_true(json_has(
		client_call(phone, "device.set", case_printf("{\"kind\":\"%033d\"}", 0)), "error"));
	client_refused(phone, "device.set", "{\"name\":7}", "bad_request");
	assert_int_equal(strlen(json_str(device(phone, "phone"), "name")), 64);
}

/* The others hear of a device that was never there before, and of none that was. */
static void test_new_device_is_told(void **state)
{
	struct client *tablet;
	struct message *m;
	struct cJSON *j;
	size_t mark, before;

	(void)state;
	cast(1);
	client_barrier(phone);
	before = client_count(
		phone, events); /* perhaps of itself, if its subscription was in time */
	mark = client_mark(phone);
	client_close(people_script(in, user));
	tablet = client_3(in, user, "tablet");
	m = client_take(phone, events, "\"device\":\"tablet\"");
	json_expect_str(json_of(m->payload, m->len), "event", "device.added");
	j = json_of(m->payload, m->len);
	json_expect_str(j, "device", "tablet");
	assert_true(json_num(j, "ts") > 0);
	client_close(tablet);
	tablet = client_5(in, user, "tablet");
	client_barrier(tablet);
	client_barrier(phone);
	client_none(phone, mark, events, "auto");
	assert_int_equal(client_count(phone, events), before + 1);
}

/* More than are remembered: the one that was away for longest is forgotten, and may come again. */
static void test_too_many_devices(void **state)
{
	(void)state;
	cast(2);
	for (int k = 0; k < 6; k++) {
		struct client *c = client_5(in, user, case_printf("d%d", k));

		client_barrier(c);
		client_close(c);
	}
	assert_int_equal(json_len(client_request(phone, "devices", "{}"), "devices"), 4);
	assert_non_null(device(phone, "phone")); /* it is there */
	assert_null(device(phone, "d0"));
	assert_non_null(device(phone, "d5"));
	client_barrier(client_5(in, user, "d0"));
	assert_non_null(device(phone, "d0"));
}

/* --- removed -----------------------------------------------------------------------------------
 */

static struct client_opts tablet_opts(const char *password)
{
	return (struct client_opts){.user = user,
		.device = "tablet",
		.password = password,
		.persistent = true,
		.will_topic = case_printf("presence/%s/tablet", user),
		.will_payload = "offline",
		.will_retain = true};
}

static const char *token_for_tablet(void)
{
	return token_mint(&in->keys, &(struct token){.sub = user, .dev = "tablet"});
}

static void expect_refused_token(const char *token)
{
	struct client_opts o = tablet_opts(token);
	int reason = 0;

	if (client_try(in, &o, &reason))
		case_fail("the token of a removed device is still good");
	assert_true(reason == 0x86 || reason == 0x87);
}

static void test_removed_while_connected(void **state)
{
	const char *old, *plain;
	struct client_opts o;
	struct client *tablet;
	struct message *m;

	(void)state;
	cast(3);
	client_requestf(phone, "contact.add", "{\"user\":\"%s\"}", friend);
	client_subscribe_ok(fri, case_printf("presence/%s", user), 1);
	old = token_for_tablet();
	plain = token_mint(&in->keys, &(struct token){.sub = user});
	o = tablet_opts(old);
	tablet = client_open(in, &o);
	people_say(tablet, user, "tablet", "online");
	people_wait_says(fri, user, 2, NULL, NULL);
	client_requestf(phone, "device.remove", "{\"device\":\"tablet\"}");
	client_wait_closed(tablet);
	m = client_take(phone, events, "\"device.removed\"");
	json_expect_str(json_of(m->payload, m->len), "device", "tablet");
	people_wait_says(fri, user, 1, NULL, NULL);
	assert_null(device(phone, "tablet"));
	assert_null(people_retained(in, user, case_printf("presence/%s/tablet", user)));
	expect_refused_token(old);
	expect_refused_token(plain); /* one that says no device is not a way around it */
	/* the phone's are as good as ever */
	client_close(client_open(
		in, &(struct client_opts){.user = user, .device = "other", .password = plain}));
	/* somebody who may give out tokens may let it in again */
	o = tablet_opts(token_for_tablet());
	tablet = client_open(in, &o);
	client_barrier(tablet);
	client_barrier(phone);
	assert_non_null(device(phone, "tablet"));
}

static void test_removed_with_password(void **state)
{
	struct client_opts o;
	struct client *tablet;

	(void)state;
	cast(4);
	o = tablet_opts("pw");
	tablet = client_open(in, &o);
	client_requestf(phone, "device.remove", "{\"device\":\"tablet\"}");
	client_wait_closed(tablet);
	tablet = client_open(in, &o); /* whoever knows the password may make tokens, too */
	client_barrier(tablet);
	assert_non_null(device(phone, "tablet"));
}

/* What waited for it in the broker is nobody's, also when it is let in again. */
static void removed_while_away(bool restart)
{
	struct client_opts o;
	struct client *tablet;
	const char *old;

	cast_in(start(), 0);
	old = token_for_tablet();
	o = tablet_opts(old);
	tablet = client_open(in, &o);
	people_say(tablet, user, "tablet", "online");
	client_subscribe_ok(tablet, "chat/g0/msg", 1);
	client_subscribe_ok(tablet, case_printf("chat/%s/msg", pair), 1);
	client_subscribe_ok(tablet, events, 1);
	client_drop(tablet);
	while (!cJSON_IsFalse(json_at(device(phone, "tablet"), "online")))
		; /* what the broker has sent is not in its queue, and comes once more */
	client_send(fri, "g0", "queued in the group");
	json_expect_num(client_send_answered(fri, pair, "queued in the pair"), "seq", 1);
	client_requestf(phone, "device.remove", "{\"device\":\"tablet\"}");
	assert_null(people_retained(in, user, case_printf("presence/%s/tablet", user)));
	expect_refused_token(old);
	if (restart) {
		instance_stop(in);
		instance_start(in);
		fri = client_5(in, friend, "phone");
	}
	for (int tries = 0; tries < 3; tries++) { /* it may cost it one connection more */
		o = tablet_opts(token_for_tablet());
		tablet = client_open(in, &o);
		if (client_try_barrier(tablet))
			break;
		client_none(tablet, 0, "chat/#", "queued");
		if (tries == 2)
			case_fail("a device that was let in again is thrown out for ever");
	}
	client_none(tablet, 0, "chat/#", "queued");
	/* the history is open to it as to any device of the user */
	assert_int_equal(
		json_len(client_requestf(tablet, "history", "{\"chat\":\"%s\"}", pair), "messages"),
		1);
	client_subscribe_ok(tablet, case_printf("chat/%s/msg", pair), 1);
	client_send(fri, pair, "live again");
	client_take(tablet, case_printf("chat/%s/msg", pair), "live again");
	client_none(tablet, 0, "chat/#", "queued");
}

static void test_removed_while_away(void **state)
{
	(void)state;
	removed_while_away(false);
}

static void test_removed_while_away_and_restarted(void **state)
{
	(void)state;
	removed_while_away(true);
}

static void test_wrong_removals(void **state)
{
	(void)state;
	cast(7);
	client_refused(phone, "device.remove", "{}", "bad_request");
	client_refused(phone, "device.remove", "{\"device\":7}", "bad_request");
	client_refused(phone, "device.remove", "{\"device\":\"a/b\"}", "bad_name");
	client_refused(phone, "device.remove", "{\"device\":\"never-there\"}", "not_found");
	/* one's own: answered, then the connection ends */
	client_request(phone, "device.remove", "{\"device\":\"phone\"}");
	client_wait_closed(phone);
}

/* --- what the others hear ----------------------------------------------------------------------
 */

/* Everything one device does is known to the others that are there. */
static void test_others_hear(void **state)
{
	static const struct {
		const char *method, *params, *event;
	} rows[] = {
		{"contact.add", "{\"user\":\"f8\"}", "contact.added"},
		{"contact.remove", "{\"user\":\"f8\"}", "contact.removed"},
		{"block.add", "{\"user\":\"f1\"}", "block.added"},
		{"block.remove", "{\"user\":\"f1\"}", "block.removed"},
		{"profile.set", "{\"name\":\"U\"}", "profile.set"},
		{"privacy.set", "{\"status\":\"nobody\"}", "privacy.set"},
		{"chat.mute", "{\"chat\":\"g8\"}", "chat.muted"},
		{"chat.mute", "{\"chat\":\"g8\",\"until\":0}", "chat.muted"},
	};
	struct client *tablet;

	(void)state;
	cast(8);
	tablet = client_3(in, user, "tablet");
	client_subscribe_ok(tablet, "chat/g8/#", 1);
	client_subscribe_ok(tablet, events, 1);
	client_subscribe_ok(fri, "user/f8/#", 1);
	for (size_t k = 0; k < COUNT(rows); k++) {
		struct message *m;

		client_request(phone, rows[k].method, rows[k].params);
		m = client_take(tablet, events, case_printf("\"event\":\"%s\"", rows[k].event));
		assert_true(json_num(json_of(m->payload, m->len), "ts") > 0);
	}
	/* sent on one, seen on the other; read on one, read on the other */
	client_send(phone, "g8", "from my phone");
	client_take(tablet, "chat/g8/msg", "\"device\":\"phone\"");
	client_send(fri, "g8", "from a friend");
	client_take(tablet, "chat/g8/msg", "from a friend");
	client_publish(phone,
		&(struct publish){.topic = "chat/g8/ack", .payload = "{\"read\":2}", .qos = 1});
	client_take(tablet, "chat/g8/mark/u8", "\"read\":2");
	json_expect_num(client_request(tablet, "unread", "{\"chat\":\"g8\"}"), "unread", 0);
	/* none of it is for the friend */
	client_barrier(fri);
	client_none(fri, 0, "user/f8/events", "mute");
	client_none(fri, 0, "user/f8/events", "contact");
	client_none(fri, 0, "user/f8/events", "privacy");
}

static void test_mute(void **state)
{
	int64_t until = case_wall_ms() + 3600000;
	struct cJSON *j;
	struct message *m;

	(void)state;
	cast(9);
	client_requestf(phone, "chat.mute", "{\"chat\":\"g9\",\"until\":%lld}", (long long)until);
	m = client_take(phone, events, "chat.muted");
	json_expect_num(json_of(m->payload, m->len), "until", until);
	json_expect_str(json_of(m->payload, m->len), "chat", "g9");
	j = json_find(json_at(client_request(phone, "chats", "{}"), "chats"), "chat", "g9");
	json_expect_num(j, "muted", until);
	j = json_find(json_at(client_request(fri, "chats", "{}"), "chats"), "chat", "g9");
	assert_false(json_has(j, "muted")); /* kept for oneself alone */
	client_request(phone, "chat.mute", "{\"chat\":\"g9\",\"until\":0}");
	m = client_take(phone, events, "chat.muted");
	json_expect_num(json_of(m->payload, m->len), "until", 0);
	j = json_find(json_at(client_request(phone, "chats", "{}"), "chats"), "chat", "g9");
	assert_false(json_has(j, "muted"));
	client_request(phone, "chat.mute", "{\"chat\":\"g9\"}");
	m = client_take(phone, events, "chat.muted");
	assert_false(json_has(json_of(m->payload, m->len), "until"));
	j = json_find(json_at(client_request(phone, "chats", "{}"), "chats"), "chat", "g9");
	assert_true(json_has(j, "muted"));
	/* it is still delivered */
	client_subscribe_ok(phone, "chat/g9/msg", 1);
	client_send(fri, "g9", "quietly");
	client_take(phone, "chat/g9/msg", "quietly");
	client_refused(phone, "chat.mute", "{\"chat\":\"g1\"}", "forbidden");
	client_refused(phone, "chat.mute", "{\"chat\":\"g9\",\"until\":\"x\"}", "bad_request");
	client_refused(phone, "chat.mute", "{\"chat\":\"g9\",\"until\":-1}", "bad_request");
	client_refused(phone, "chat.mute", "{}", "bad_request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_list),
		SYSTEM(test_new_device_is_told),
		SYSTEM(test_too_many_devices),
		SYSTEM(test_removed_while_connected),
		SYSTEM(test_removed_with_password),
		SYSTEM(test_removed_while_away),
		SYSTEM(test_removed_while_away_and_restarted),
		SYSTEM(test_wrong_removals),
		SYSTEM(test_others_hear),
		SYSTEM(test_mute),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
