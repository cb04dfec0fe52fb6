/* push_set_test.c — who is pushed to, and what users want of it: push.set, push.remove, push.prefs,
 * push.get, and mutes that mentions break through. What is pushed then is tested elsewhere.
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
#include "tests/support/pushing.h"

enum { PAIRS = 8 };

#define P256DH \
	"BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A"
#define SUBSCRIPTION                                                                          \
	"{\"kind\":\"webpush\",\"endpoint\":\"https://push.example/u%d\",\"expirationTime\":" \
	"null,\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"AAECAwQFBgcICQoLDA0ODw\"}}"

static struct instance *in, *shared;
static const char *user, *friend, *events;
static struct client *phone, *tablet, *fri;
static int pair;

static struct instance *start(void)
{
	const char *lines = "{\"user\":\"boss\",\"role\":\"admin\"}\n";
	struct instance *i;

	for (int k = 0; k < PAIRS; k++)
		lines = case_printf("%s{\"user\":\"u%d\"}\n{\"user\":\"f%d\"}\n"
				    "{\"chat\":\"g%d\",\"members\":[\"u%d\",\"f%d\"],"
				    "\"admins\":[\"u%d\"]}\n",
			lines, k, k, k, k, k, k);
	i = instance_create(lines);
	pushing_set_up(i, recorder_start(NULL), NULL);
	instance_set(i, "push_webhook_own", "true");
	instance_set(i, "devices_per_user_max", "3");
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
	pair = n;
	user = case_printf("u%d", n);
	friend = case_printf("f%d", n);
	events = case_printf("user/%s/events", user);
	phone = client_5(in, user, "phone");
	tablet = client_3(in, user, "tablet");
	client_subscribe_ok(tablet, events, 1);
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

static bool is_pushed_to(struct client *asks, const char *name)
{
	struct cJSON *push = json_at(device(asks, name), "push");

	assert_true(cJSON_IsFalse(push) || cJSON_IsString(push));
	return cJSON_IsString(push);
}

/* The tablet hears it; kind NULL: it is pushed to no longer. */
static void expect_changed(const char *name, const char *kind)
{
	struct message *m = client_take(tablet, events, "push.changed");
	struct cJSON *j = json_of(m->payload, m->len);

	json_expect_str(j, "device", name);
	if (kind)
		json_expect_str(j, "push", kind);
	else
		assert_true(cJSON_IsFalse(json_at(j, "push")));
	assert_true(json_num(j, "ts") > 0);
}

static void test_set_and_remove(void **state)
{
	struct cJSON *j;
	size_t mark;
	int64_t since;

	(void)state;
	cast(0);
	assert_false(json_has(client_request(phone, "push.get", "{}"), "registration"));
	client_request(phone, "push.set", "{\"kind\":\"mqtt\"}");
	expect_changed("phone", "mqtt");
	json_expect_str(device(tablet, "phone"), "push", "mqtt");
	assert_false(is_pushed_to(tablet, "tablet"));
	j = client_request(phone, "push.get", "{}");
	json_expect_str(j, "registration.kind", "mqtt");
	since = json_num(j, "registration.since");
	assert_in_range(since, case_wall_ms() - 60000, case_wall_ms() + 60000);
	assert_false(json_has(j, "registration.preview"));
	assert_false(json_has(client_request(tablet, "push.get", "{}"), "registration"));
	/* again, as at each start */
	mark = client_mark(tablet);
	client_request(phone, "push.set", "{\"kind\":\"mqtt\",\"preview\":false}");
	j = client_request(phone, "push.get", "{}");
	assert_true(json_num(j, "registration.since") > since);
	assert_true(cJSON_IsFalse(json_at(j, "registration.preview")));
	client_barrier(tablet);
	client_none(tablet, mark, events, "push");
	/* by another device, and twice */
	client_request(tablet, "push.remove", "{\"device\":\"phone\"}");
	expect_changed("phone", NULL);
	client_request(tablet, "push.remove", "{\"device\":\"phone\"}");
	client_request(phone, "push.remove", "{}");
	client_request(phone, "push.remove", "{\"device\":\"never-there\"}");
	assert_false(is_pushed_to(phone, "phone"));
}

/* What is registered is told to nobody, not even to the user himself. */
static void test_secrets_stay(void **state)
{
	const char *said;

	(void)state;
	cast(1);
	client_requestf(phone, "push.set", SUBSCRIPTION, pair);
	expect_changed("phone", "webpush");
	json_expect_str(client_request(phone, "push.get", "{}"), "registration.kind", "webpush");
	said = case_printf("%s%s", json_text(client_request(phone, "push.get", "{}")),
		json_text(client_request(phone, "devices", "{}")));
	assert_null(strstr(said, "push.example"));
	assert_null(strstr(said, "AAECAw"));
	client_none(tablet, 0, events, "push.example");
}

static void test_refused(void **state)
{
	static const struct {
		const char *request, *code;
	} rows[] = {
		{"{}", "bad_request"},
		{"{\"kind\":\"pager\"}", "bad_request"},
		{"{\"kind\":\"fcm\"}", "bad_request"},
		{"{\"kind\":\"fcm\",\"token\":\"a\",\"fid\":\"b\"}", "bad_request"},
		{"{\"kind\":\"apns\",\"token\":\"xyz\"}", "bad_request"},
		{"{\"kind\":\"webpush\",\"endpoint\":\"https://h/\"}", "bad_request"},
		{"{\"kind\":\"webhook\",\"url\":\"file:///etc/passwd\"}", "bad_request"},
		{"{\"kind\":\"mqtt\",\"preview\":\"no\"}", "bad_request"},
	};
	struct client *script;
	struct cJSON *j;

	(void)state;
	cast(2);
	for (size_t k = 0; k < COUNT(rows); k++)
		client_refused(phone, "push.set", rows[k].request, rows[k].code);
	client_refused(phone, "push.remove", "{\"device\":\"a/b\"}", "bad_name");
	client_refused(phone, "push.remove", "{\"device\":7}", "bad_request");
	script = people_script(in, user);
	j = client_call(script, "push.set", "{\"kind\":\"mqtt\"}");
	json_expect_str(j, "error.code", "conflict");
	assert_non_null(strstr(json_str(j, "error.message"), "no device with a name"));
	client_refused(script, "push.remove", "{}", "conflict");
	assert_false(json_has(client_request(script, "push.get", "{}"), "registration"));
	assert_false(is_pushed_to(phone, "phone"));
}

/* The phone is the friend's now, and registers as his: no push of the user's goes there. */
static void test_phone_is_handed_on(void **state)
{
	(void)state;
	cast(3);
	client_requestf(phone, "push.set", SUBSCRIPTION, pair);
	expect_changed("phone", "webpush");
	client_requestf(fri, "push.set", SUBSCRIPTION, pair);
	expect_changed("phone", NULL);
	assert_false(is_pushed_to(phone, "phone"));
	assert_true(is_pushed_to(fri, "phone"));
	/* back again, but on another device id: the app was installed anew */
	client_requestf(tablet, "push.set", SUBSCRIPTION, pair);
	expect_changed("tablet", "webpush");
	assert_false(is_pushed_to(fri, "phone"));
	assert_true(is_pushed_to(phone, "tablet"));
}

/* With the device, removed or forgotten, and with the account. */
static void test_goes_with_the_device(void **state)
{
	struct client *boss, *d;

	(void)state;
	cast(4);
	client_request(tablet, "push.set", "{\"kind\":\"mqtt\"}");
	client_requestf(phone, "push.set", SUBSCRIPTION, pair);
	client_request(phone, "device.remove", "{\"device\":\"tablet\"}");
	client_wait_closed(tablet);
	tablet = client_3(in, user, "tablet"); /* with a token of its own, made since */
	client_barrier(tablet);
	assert_false(is_pushed_to(phone, "tablet"));
	/* as many devices as are remembered, and one more */
	d = client_5(in, user, "old");
	client_request(d, "push.set", "{\"kind\":\"mqtt\"}");
	client_close(d);
	client_barrier(client_5(in, user, "new"));
	assert_null(device(phone, "old"));
	d = client_5(in, user, "old");
	assert_false(json_has(client_request(d, "push.get", "{}"), "registration"));
	/* the account: who gets its name has nothing of it */
	boss = client_5(in, "boss", "pc");
	client_request(phone, "push.prefs", "{\"preview\":false}");
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", user);
	client_wait_closed(phone);
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", user);
	phone = client_5(in, user, "phone");
	assert_false(json_has(client_request(phone, "push.get", "{}"), "registration"));
	assert_true(cJSON_IsTrue(json_at(client_request(phone, "push.get", "{}"), "preview")));
}

static void expect_quiet(struct client *c, const char *from, const char *to, int64_t offset)
{
	struct cJSON *j = client_request(c, "push.get", "{}");

	json_expect_str(j, "quiet.from", from);
	json_expect_str(j, "quiet.to", to);
	json_expect_num(j, "quiet.utc_offset", offset);
}

/* For all devices, and kept. */
static void test_preferences(void **state)
{
	struct cJSON *j;

	(void)state;
	cast_in(start(), 5);
	j = client_request(phone, "push.get", "{}");
	assert_true(cJSON_IsNull(json_at(j, "quiet")));
	assert_true(cJSON_IsFalse(json_at(j, "mentions")));
	assert_true(cJSON_IsTrue(json_at(j, "preview")));
	assert_true(json_len(j, "kinds") > 0);
	client_request(phone, "push.prefs",
		"{\"quiet\":{\"from\":\"22:00\",\"to\":\"06:30\",\"utc_offset\":-210}}");
	client_take(tablet, events, "\"push.prefs\"");
	expect_quiet(tablet, "22:00", "06:30", -210);
	j = client_request(people_script(in, user), "push.prefs", "{\"mentions\":true}");
	json_expect_str(j, "quiet.from", "22:00");
	assert_true(cJSON_IsTrue(json_at(j, "mentions")));
	client_refused(phone, "push.prefs", "{\"quiet\":{\"from\":\"22:00\"}}", "bad_request");
	client_refused(phone, "push.prefs", "{\"preview\":null,\"mentions\":1}", "bad_request");
	client_request(phone, "push.set", "{\"kind\":\"mqtt\",\"preview\":true}");
	instance_kill_daemon(in);
	instance_start_daemon(in);
	expect_quiet(phone, "22:00", "06:30", -210);
	assert_true(cJSON_IsTrue(json_at(client_request(phone, "push.get", "{}"), "mentions")));
	assert_true(is_pushed_to(phone, "phone"));
	client_request(phone, "push.prefs", "{\"quiet\":null}");
	assert_true(cJSON_IsNull(json_at(client_request(tablet, "push.get", "{}"), "quiet")));
	assert_true(cJSON_IsNull(json_at(client_request(fri, "push.get", "{}"), "quiet")));
}

static void test_muted_but_for_mentions(void **state)
{
	struct message *m;
	struct cJSON *j;

	(void)state;
	cast(6);
	client_request(phone, "chat.mute", "{\"chat\":\"g6\",\"mentions\":true}");
	m = client_take(tablet, events, "chat.muted");
	assert_true(cJSON_IsTrue(json_at(json_of(m->payload, m->len), "mentions")));
	j = json_find(json_at(client_request(tablet, "chats", "{}"), "chats"), "chat", "g6");
	assert_true(cJSON_IsTrue(json_at(j, "muted")));
	assert_true(cJSON_IsTrue(json_at(j, "mentions")));
	j = client_request(tablet, "chat.get", "{\"chat\":\"g6\"}");
	assert_true(cJSON_IsTrue(json_at(j, "muted")));
	assert_true(cJSON_IsTrue(json_at(j, "mentions")));
	j = client_request(fri, "chat.get", "{\"chat\":\"g6\"}");
	assert_false(json_has(j, "muted"));
	client_request(phone, "chat.mute", "{\"chat\":\"g6\"}");
	j = client_request(tablet, "chat.get", "{\"chat\":\"g6\"}");
	assert_true(json_has(j, "muted"));
	assert_false(json_has(j, "mentions"));
	client_request(phone, "chat.mute", "{\"chat\":\"g6\",\"until\":0,\"mentions\":true}");
	j = client_request(tablet, "chat.get", "{\"chat\":\"g6\"}");
	assert_false(json_has(j, "muted") || json_has(j, "mentions"));
	client_refused(phone, "chat.mute", "{\"chat\":\"g6\",\"mentions\":\"me\"}", "bad_request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_set_and_remove),
		SYSTEM(test_secrets_stay),
		SYSTEM(test_refused),
		SYSTEM(test_phone_is_handed_on),
		SYSTEM(test_goes_with_the_device),
		SYSTEM(test_preferences),
		SYSTEM(test_muted_but_for_mentions),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
