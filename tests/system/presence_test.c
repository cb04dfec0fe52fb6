/* presence_test.c — presence as devices say it and as others see it: words, states, several
 * devices, and that only changes are told. How people vanish is in presence_gone_test.c.
 *
 * One instance for all. Each test has a user of its own, u<n>, and a friend of that user, f<n>, who
 * watches.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/json.h"
#include "tests/support/people.h"

enum { PAIRS = 18, GRACE_MS = 300 };

static struct instance *in;
static const char *user, *friend, *topic;
static struct client *watcher;

static void setup(void **state)
{
	(void)state;
	in = people_instance(PAIRS, GRACE_MS);
}

/* The pair n, both offline by now, with the friend watching. */
static void people(int n)
{
	user = case_printf("u%d", n);
	friend = case_printf("f%d", n);
	topic = case_printf("presence/%s", user);
	watcher = people_watch(in, friend, user);
	people_wait(watcher, user, false);
}

/* Everything that was on its way when this is called has come. */
static void settle(void)
{
	case_pause_ms(3 * GRACE_MS);
	client_barrier(watcher);
}

/* No two messages in succession say the same, but for the times. */
static void expect_changes_only(void)
{
	const char *before = "";
	size_t count = client_mark(watcher);

	for (size_t k = 0; k < count; k++) {
		const struct message *m = client_at(watcher, k);
		struct cJSON *j;
		const char *now;

		if (strcmp(m->topic, topic) != 0)
			continue;
		j = json_of(m->payload, m->len);
		now = case_printf("%d %lld %s %s", cJSON_IsTrue(json_at(j, "online")),
			(long long)json_num(j, "devices"), json_str(j, "state"),
			json_str(j, "text"));
		if (strcmp(before, now) == 0)
			case_fail("told twice: %s", m->payload);
		before = now;
	}
}

/* From a mark on, nobody was shown offline. */
static void expect_no_flicker(size_t mark)
{
	client_none(watcher, mark, topic, "\"online\":false");
}

static void expect_recent(const struct cJSON *j, const char *member)
{
	int64_t now = case_wall_ms(), t = json_num(j, member);

	if (t < now - 60000 || t > now + 1)
		case_fail("%s should be about %lld in %s", member, (long long)now, json_text(j));
}

/* The life of a device that does all that the protocol asks for. */
static void comes_and_goes(int n, int version)
{
	struct client *c;
	struct message *m, *kept;
	struct cJSON *j;

	people(n);
	c = people_device(in, user, "phone", version);
	m = people_wait_says(watcher, user, 1, NULL, NULL);
	assert_false(m->retain);
	j = json_of(m->payload, m->len);
	expect_recent(j, "ts");
	expect_recent(j, "last_seen");
	kept = people_retained(in, friend, topic);
	assert_non_null(kept);
	assert_true(kept->retain);
	assert_string_equal(kept->payload, m->payload);
	kept = people_retained(in, user, case_printf("%s/phone", topic));
	assert_non_null(kept);
	assert_string_equal(kept->payload, "online");
	people_wait_says(watcher, user, 1, NULL, NULL); /* the look at it was a connection, too */
	people_say(c, user, "phone", "offline");
	client_close(c);
	m = people_wait_says(watcher, user, 0, NULL, NULL);
	j = json_of(m->payload, m->len);
	expect_recent(j, "last_seen");
	expect_recent(j, "ts");
	expect_changes_only();
	people_expect_gone(in, friend, user);
}

static void test_comes_and_goes_mqtt3(void **state)
{
	(void)state;
	comes_and_goes(0, 4);
}

static void test_comes_and_goes_mqtt5(void **state)
{
	(void)state;
	comes_and_goes(1, 5);
}

/* Every connection counts, whatever it says or does not say. */
static void test_without_a_word(void **state)
{
	struct client *script, *device;

	(void)state;
	people(2);
	script = people_script(in, user);
	people_wait_says(watcher, user, 1, NULL, NULL);
	device = client_3(in, user, "silent");
	people_wait_says(watcher, user, 2, NULL, NULL);
	client_close(script);
	people_wait_says(watcher, user, 1, NULL, NULL);
	client_close(device);
	people_wait_says(watcher, user, 0, NULL, NULL);
	expect_changes_only();
	people_expect_gone(in, friend, user);
}

/* Who is connected and says that he is not there does not want to be counted. */
static void test_hides_while_connected(void **state)
{
	struct client *c;

	(void)state;
	people(3);
	c = people_device(in, user, "phone", 5);
	people_wait_says(watcher, user, 1, NULL, NULL);
	people_say(c, user, "phone", "offline");
	people_wait_says(watcher, user, 0, NULL, NULL);
	people_say(c, user, "phone", "{\"state\":\"away\",\"text\":\"back soon\"}");
	people_wait_says(watcher, user, 1, "away", "back soon");
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
	expect_changes_only();
}

/* The most available of the devices speaks for all: online before busy before away. */
static void test_states_of_two_devices(void **state)
{
	struct client *phone, *desk;

	(void)state;
	people(4);
	phone = people_device(in, user, "phone", 4);
	people_say(phone, user, "phone", "{\"state\":\"busy\",\"text\":\"in a meeting\"}");
	people_wait_says(watcher, user, 1, "busy", "in a meeting");
	desk = people_device(in, user, "desk", 5);
	people_wait_says(watcher, user, 2, NULL, NULL);
	people_say(desk, user, "desk", "{\"state\":\"away\",\"text\":\"at lunch\"}");
	people_wait_says(watcher, user, 2, "busy", "in a meeting");
	people_say(phone, user, "phone", "{\"state\":\"away\"}");
	people_wait(watcher, user, true);
	people_say(phone, user, "phone", "offline");
	people_wait_says(watcher, user, 1, "away", "at lunch");
	people_say(desk, user, "desk", "{\"state\":\"online\",\"text\":\"gr\\u00fcn \\\"1\\\"\"}");
	people_wait_says(watcher, user, 1, NULL, "gr\xc3\xbcn \"1\"");
	people_say(desk, user, "desk", "{\"state\":\"online\"}");
	people_wait_says(watcher, user, 1, NULL, NULL);
	people_say(phone, user, "phone", "{\"state\":\"busy\"}");
	people_wait_says(watcher, user, 2, NULL, NULL);
	client_close(desk);
	people_wait_says(watcher, user, 1, "busy", NULL);
	client_close(phone);
	people_wait_says(watcher, user, 0, NULL, NULL);
	expect_changes_only();
	people_expect_gone(in, friend, user);
}

/* What a device said on an earlier connection does not count on the next one. */
static void test_state_of_the_last_connection(void **state)
{
	struct client *c;

	(void)state;
	people(5);
	c = people_device(in, user, "phone", 5);
	people_say(c, user, "phone", "{\"state\":\"busy\",\"text\":\"old\"}");
	people_wait_says(watcher, user, 1, "busy", "old");
	client_close(c);
	people_wait_says(watcher, user, 0, NULL, NULL);
	c = client_5(in, user, "phone");
	people_wait_says(watcher, user, 1, NULL, NULL);
	client_close(c);
}

/* Said again and again, told once; scripts that come and go show nothing but what changed. */
static void test_only_changes_are_told(void **state)
{
	struct client *phone;
	size_t mark;

	(void)state;
	people(6);
	phone = people_device(in, user, "phone", 5);
	people_wait_says(watcher, user, 1, NULL, NULL);
	for (int k = 0; k < 5; k++)
		people_say(phone, user, "phone", k % 2 ? "online" : "{\"state\":\"online\"}");
	mark = client_mark(watcher);
	for (int k = 0; k < 5; k++)
		client_close(people_script(in, user));
	settle();
	people_wait_says(watcher, user, 1, NULL, NULL);
	expect_changes_only();
	expect_no_flicker(mark);
	printf("presence: 5 scripts beside a phone that stays: %zu messages\n",
		client_mark(watcher) - mark - 1);
}

/* Short drops, one after the other, are not seen; nor are scripts alone, one after the other. */
static void test_short_absence_is_not_seen(void **state)
{
	struct client *c;
	size_t mark;

	(void)state;
	people(7);
	c = people_device(in, user, "phone", 4);
	people_wait_says(watcher, user, 1, NULL, NULL);
	mark = client_mark(watcher);
	for (int k = 0; k < 8; k++) {
		client_drop(c); /* the will says offline */
		c = people_device(in, user, "phone", 4);
	}
	settle();
	people_wait_says(watcher, user, 1, NULL, NULL);
	expect_no_flicker(mark);
	for (int k = 0; k < 8; k++) {
		client_close(c);
		c = people_script(in, user);
	}
	settle();
	expect_no_flicker(mark);
	expect_changes_only();
	client_close(c);
	people_wait_says(watcher, user, 0, NULL, NULL);
	people_expect_gone(in, friend, user);
}

/* MQTT 5: the will is held back; the server does not wait for it, and one that comes late, or is
 * taken back by a return, changes nothing. */
static void test_will_delay(void **state)
{
	struct client_opts o = {.device = "phone",
		.persistent = true,
		.session_expiry_s = 60,
		.will_payload = "offline",
		.will_retain = true,
		.will_delay_s = 2};
	struct client *c;
	size_t mark;
	int64_t dropped;

	(void)state;
	people(8);
	o.user = user;
	o.will_topic = case_printf("%s/phone", topic);
	c = client_open(in, &o);
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
	mark = client_mark(watcher);
	dropped = case_now_ms();
	client_drop(c);
	c = client_open(in, &o);
	people_say(c, user, "phone", "online");
	settle();
	expect_no_flicker(mark);
	/* gone for longer than the grace, back before the will is due */
	dropped = case_now_ms();
	client_drop(c);
	printf("presence: gone with a delayed will seen after %.1f s\n",
		(double)(people_wait_says(watcher, user, 0, NULL, NULL)->arrived_ms - dropped) /
			1000);
	c = client_open(in, &o);
	people_wait_says(watcher, user, 1, NULL, NULL);
	mark = client_mark(watcher);
	while (case_now_ms() < dropped + 3200)
		case_pause_ms(10);
	client_barrier(watcher);
	expect_no_flicker(mark);
	client_drop(c);
	people_wait_says(watcher, user, 0, NULL, NULL);
	people_expect_gone(in, friend, user);
}

/* Whatever is published there, what others see is true and well formed. */
static void test_wrong_words(void **state)
{
	static const char *const words[] = {"garbage", "{", "[]", "{}", "7", "null", "\xff\xfe",
		"{\"state\":\"sleeping\"}", "{\"state\":7}", "{\"state\":\"busy\",\"text\":7}",
		"{\"state\":\"busy\",\"text\":\"a\\u0000b\"}", "{\"text\":\"no state\"}",
		"{\"state\":\"offline\",\"online\":false,\"devices\":99}", ""};
	struct client *c;
	char *text = case_printf("%0129d", 0);

	(void)state;
	people(9);
	c = people_device(in, user, "phone", 5);
	for (size_t k = 0; k < COUNT(words); k++)
		client_publish(c, &(struct publish){.topic = case_printf("%s/phone", topic),
					  .payload = words[k],
					  .qos = 1,
					  .retain = true});
	case_pause_ms(1000); /* not to be stopped for saying too much */
	people_say(c, user, "phone", "{\"state\":\"busy\",\"text\":\"fine\"}");
	people_wait_says(watcher, user, 1, "busy", "fine");
	client_publish(
		c, &(struct publish){.topic = case_printf("%s/phone", topic),
			   .payload = case_printf("{\"state\":\"busy\",\"text\":\"%s\"}", text),
			   .qos = 1,
			   .retain = true});
	client_barrier(c);
	client_none(watcher, 0, topic, text);
	for (size_t k = 0; k < client_mark(watcher); k++) {
		const struct message *m = client_at(watcher, k);

		if (m->payload[0] == '{' && strcmp(m->topic, topic) == 0)
			assert_true(json_num(json_of(m->payload, m->len), "devices") <= 1);
	}
	/* what was refused changed nothing, and the broker retains what counts */
	client_subscribe_ok(c, case_printf("%s/phone", topic), 1);
	client_take(c, case_printf("%s/phone", topic), "{\"state\":\"busy\",\"text\":\"fine\"}");
	people_wait_says(watcher, user, 1, "busy", "fine");
	people_say(c, user, "phone", "online");
	people_wait_says(watcher, user, 1, NULL, NULL);
}

/* QoS 2 is as good: told once, retained, and what is refused is refused as a whole. */
static void at_qos_2(int n, int version)
{
	enum { WORDS = 60 };
	struct publish p = {.topic = NULL, .qos = 2, .retain = true};
	struct message *kept;
	struct client *c;
	int refused = 0;

	people(n);
	p.topic = case_printf("%s/phone", topic);
	c = people_device(in, user, "phone", version);
	people_wait_says(watcher, user, 1, NULL, NULL);
	p.payload = "{\"state\":\"busy\",\"text\":\"twice\"}";
	assert_int_equal(client_publish(c, &p), 0);
	people_wait_says(watcher, user, 1, "busy", "twice");
	kept = people_retained(in, user, p.topic);
	assert_non_null(kept);
	assert_string_equal(kept->payload, p.payload);
	client_subscribe_ok(c, case_printf("user/%s/errors", user), 1);
	for (int k = 0; k < WORDS; k++) {
		p.payload = case_printf("{\"state\":\"away\",\"text\":\"word %d\"}", k);
		refused += client_publish(c, &p) != 0;
	}
	client_take(c, case_printf("user/%s/errors", user), "\"rate_limited\"");
	if (version == 5) /* MQTT 3.1.1 cannot say so */
		assert_in_range(refused, 1, WORDS - 10);
	case_pause_ms(1000); /* not to be stopped for saying too much */
	p.payload = "online";
	assert_int_equal(client_publish(c, &p), 0);
	people_wait_says(watcher, user, 1, NULL, NULL);
	settle();
	expect_changes_only();
	client_drop(c);
	people_wait_says(watcher, user, 0, NULL, NULL);
	people_expect_gone(in, friend, user);
}

static void test_at_qos_2_mqtt3(void **state)
{
	(void)state;
	at_qos_2(16, 4);
}

static void test_at_qos_2_mqtt5(void **state)
{
	(void)state;
	at_qos_2(17, 5);
}

/* Nobody speaks for others, nor one device for another, nor anybody for the server. */
static void test_only_for_oneself(void **state)
{
	const char *topics[] = {"presence/f10/phone", "presence/u10/desk", "presence/u10",
		"presence/f10", "presence/u10/phone/x", "user/u10/status"};
	struct client *c, *c3, *boss;
	char *big = case_printf("{\"state\":\"away\",\"text\":\"x\",\"more\":\"%01024d\"}", 0);

	(void)state;
	people(10);
	c = people_device(in, user, "phone", 5);
	c3 = client_3(in, user, "old");
	boss = client_open(
		in, &(struct client_opts){.user = friend, .device = "desk", .role = "admin"});
	for (size_t k = 0; k < COUNT(topics); k++) {
		struct publish p = {
			.topic = topics[k], .payload = "online", .qos = 1, .retain = true};

		if (client_publish(c, &p) != 0x87)
			case_fail("u10:phone may publish on %s", topics[k]);
		client_publish(c3, &p);
		if (k != 0 && k != 3 && client_publish(boss, &p) != 0x87)
			case_fail("an admin may publish on %s", topics[k]);
	}
	assert_int_equal(client_publish(c, &(struct publish){.topic = "presence/u10/phone",
						   .payload = big,
						   .qos = 1,
						   .retain = true}),
		0x87);
	people_wait_says(watcher, user, 2, NULL, NULL);
	client_close(c);
	client_close(c3);
	people_wait_says(watcher, user, 0, NULL, NULL);
	people_expect_gone(in, friend, user);
}

/* Too many words are refused; what was accepted last is what is shown. */
static void test_too_many_words(void **state)
{
	enum { WORDS = 80 };
	struct client *c;
	int refused = 0, accepted = 0;
	const char *last = NULL;

	(void)state;
	people(11);
	c = people_device(in, user, "phone", 5);
	client_subscribe_ok(c, case_printf("user/%s/errors", user), 1);
	for (int k = 0; k < WORDS; k++) {
		const char *text = case_printf("word %d", k);
		int code = client_publish(c,
			&(struct publish){.topic = case_printf("%s/phone", topic),
				.payload =
					case_printf("{\"state\":\"away\",\"text\":\"%s\"}", text),
				.qos = 1,
				.retain = true});

		if (code == 0 || code == 0x10)
			last = text;
		*(code == 0 || code == 0x10 ? &accepted : &refused) += 1;
	}
	printf("presence: of %d words at once %d were accepted\n", WORDS, accepted);
	assert_in_range(accepted, 10, 40);
	assert_true(refused > 0);
	client_take(c, case_printf("user/%s/errors", user), "\"rate_limited\"");
	people_wait_says(watcher, user, 1, "away", last);
	expect_changes_only();
	client_close(c);
	people_wait_says(watcher, user, 0, NULL, NULL);
}

static void test_five_devices(void **state)
{
	struct client *c[5];

	(void)state;
	people(12);
	for (int k = 0; k < 5; k++) {
		c[k] = people_device(in, user, case_printf("d%d", k), k % 2 ? 4 : 5);
		people_wait_says(watcher, user, k + 1, NULL, NULL);
	}
	for (int k = 0; k < 5; k++) {
		client_drop(c[k]);
		people_wait_says(watcher, user, 4 - k, NULL, NULL);
	}
	expect_changes_only();
	people_expect_gone(in, friend, user);
}

/* When the user went, not when it was told. */
static void test_last_seen(void **state)
{
	struct client *c;
	struct message *m;
	struct cJSON *j;
	int64_t went;

	(void)state;
	people(13);
	c = people_device(in, user, "phone", 5);
	people_wait_says(watcher, user, 1, NULL, NULL);
	case_pause_ms(300);
	went = case_wall_ms();
	client_drop(c);
	m = people_wait_says(watcher, user, 0, NULL, NULL);
	j = json_of(m->payload, m->len);
	printf("presence: last_seen %lld ms after the end, told %lld ms after it\n",
		(long long)(json_num(j, "last_seen") - went),
		(long long)(json_num(j, "ts") - went));
	assert_in_range(json_num(j, "last_seen"), went - 100, went + GRACE_MS - 50);
	assert_true(json_num(j, "ts") >= json_num(j, "last_seen") + GRACE_MS / 2);
	j = client_requestf(watcher, "user.get", "{\"user\":\"%s\"}", user);
	assert_in_range(json_num(j, "last_seen"), went - 100, went + GRACE_MS - 50);
}

/* Devices that come and go at random around the grace: in the end it is as it is. */
static void test_at_random(void **state)
{
	struct client *c[3] = {0};
	unsigned seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10)
				       : (unsigned)case_now_ms();
	int there = 0;

	(void)state;
	printf("presence: SEED=%u\n", seed);
	people(14);
	for (int k = 0; k < 40; k++) {
		int d = rand_r(&seed) % 3;
		const char *device = case_printf("d%d", d);

		if (!c[d])
			c[d] = rand_r(&seed) % 2 ? people_device(in, user, device, 5)
						 : client_3(in, user, device);
		else {
			rand_r(&seed) % 2 ? client_drop(c[d]) : client_close(c[d]);
			c[d] = NULL;
		}
		if (rand_r(&seed) % 3 == 0)
			case_pause_ms(rand_r(&seed) % 150);
	}
	for (int d = 0; d < 3; d++)
		there += c[d] != NULL;
	people_wait_says(watcher, user, there, NULL, NULL);
	settle();
	people_wait_says(watcher, user, there, NULL, NULL);
	for (int d = 0; d < 3; d++) {
		if (c[d])
			client_drop(c[d]);
	}
	people_wait_says(watcher, user, 0, NULL, NULL);
	expect_changes_only();
	people_expect_gone(in, friend, user);
}

/* A script may be called as it likes, up to the length that a key has room for. */
static void test_longest_client_id(void **state)
{
	static char longest[257];

	(void)state;
	for (size_t len = 255; len <= 256; len++) {
		struct client_opts o = {.user = "f1", .client_id = longest};
		struct client *c;
		int reason;

		memset(longest, 'z', len);
		c = client_try(in, &o, &reason);
		if ((c != NULL) != (len == 255))
			case_fail("a client id of %zu bytes: %d", len, reason);
		if (c) {
			client_barrier(c);
			client_close(c);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_comes_and_goes_mqtt3),
		SYSTEM(test_comes_and_goes_mqtt5),
		SYSTEM(test_without_a_word),
		SYSTEM(test_hides_while_connected),
		SYSTEM(test_states_of_two_devices),
		SYSTEM(test_state_of_the_last_connection),
		SYSTEM(test_only_changes_are_told),
		SYSTEM(test_short_absence_is_not_seen),
		SYSTEM(test_will_delay),
		SYSTEM(test_wrong_words),
		SYSTEM(test_at_qos_2_mqtt3),
		SYSTEM(test_at_qos_2_mqtt5),
		SYSTEM(test_only_for_oneself),
		SYSTEM(test_too_many_words),
		SYSTEM(test_five_devices),
		SYSTEM(test_last_seen),
		SYSTEM(test_at_random),
		SYSTEM(test_longest_client_id),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
