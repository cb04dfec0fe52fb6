/* privacy_test.c — who sees what of whom: contacts, the settings of privacy, profiles, names that
 * are given again. Blocks are in blocks_test.c, stories in stories_test.c.
 *
 * One instance for all. Each test has users of its own: owner<n>, whose things are looked at,
 * friend<n>, who is in the owner's contacts, and other<n>, who is not. All three are connected
 * and watch the owner.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/people.h"

enum { CASTS = 12, GRACE_MS = 200 };

static struct instance *in, *shared;
static const char *owner, *friend, *other, *topic;
static struct client *own, *fri, *oth, *boss; /* MQTT 5, 5, 3.1.1, 5 */

static struct instance *start(void)
{
	const char *lines = "{\"user\":\"boss\",\"role\":\"admin\"}\n";
	struct instance *i;

	for (int k = 0; k < CASTS; k++)
		lines = case_printf("%s{\"user\":\"owner%d\",\"name\":\"Owner %d\"}\n"
				    "{\"user\":\"friend%d\"}\n{\"user\":\"other%d\"}\n",
			lines, k, k, k, k);
	i = instance_create(lines);
	instance_set(i, "presence_grace", case_printf("%dms", GRACE_MS));
	instance_set(i, "contacts_per_user_max", "3");
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
	owner = case_printf("owner%d", n);
	friend = case_printf("friend%d", n);
	other = case_printf("other%d", n);
	topic = case_printf("presence/%s", owner);
	boss = client_5(in, "boss", case_printf("desk%d", n));
	own = people_device(in, owner, "phone", 5);
	client_requestf(own, "contact.add", "{\"user\":\"%s\"}", friend);
	fri = client_5(in, friend, "phone");
	oth = client_3(in, other, "phone");
	client_subscribe_ok(fri, topic, 1);
	client_subscribe_ok(oth, topic, 1);
}

static void cast(int n)
{
	cast_in(shared, n);
}

static void privacy(const char *json)
{
	client_request(own, "privacy.set", json);
}

/* What user.get says of the owner to one of them. */
static struct cJSON *profile(struct client *viewer)
{
	return client_requestf(viewer, "user.get", "{\"user\":\"%s\"}", owner);
}

/* Whether the members that belong together are there. */
static void expect_profile(
	struct client *viewer, bool presence, bool last_seen, bool names, bool status)
{
	const struct cJSON *j = profile(viewer);

	json_expect_str(j, "user", owner);
	if (json_has(j, "online") != presence || json_has(j, "devices") != presence ||
		json_has(j, "last_seen") != last_seen || json_has(j, "name") != names ||
		json_has(j, "status") != status)
		case_fail("of presence %d, last_seen %d, profile %d, status %d there is: %s",
			presence, last_seen, names, status, json_text(j));
}

/* The viewer was never sent anything of the owner's presence that is true. */
static void expect_blind(struct client *viewer)
{
	client_barrier(viewer);
	client_none(viewer, 0, topic, "\"devices\"");
	client_none(viewer, 0, topic, "\"online\":true");
	client_none(viewer, 0, topic, "last_seen");
}

/* The viewer is shown an offline that says nothing. */
static void expect_hidden(struct client *viewer)
{
	struct message *m = people_wait(viewer, owner, false);

	assert_memory_equal(m->payload, "{\"online\":false,\"ts\":", 21);
}

static void test_contacts_see_by_default(void **state)
{
	struct cJSON *j;

	(void)state;
	cast(0);
	j = json_at(client_request(own, "me", "{}"), "privacy");
	json_expect_str(j, "presence", "contacts");
	json_expect_str(j, "last_seen", "contacts");
	json_expect_str(j, "profile", "contacts");
	json_expect_str(j, "status", "contacts");
	assert_true(cJSON_IsTrue(json_at(j, "receipts")));
	people_wait_says(fri, owner, 1, NULL, NULL);
	assert_true(json_num(json_from(client_last(fri, topic)->payload), "last_seen") > 0);
	expect_profile(fri, true, true, true, false);
	expect_profile(oth, false, false, false, false);
	expect_blind(oth);
	assert_null(people_retained(in, other, topic));
	assert_non_null(people_retained(in, friend, topic));
	assert_non_null(people_retained(in, owner, topic)); /* of oneself one sees all */
	expect_profile(own, true, true, true, false);
	/* that the friend has a contact of the owner's is not mutual */
	client_subscribe_ok(own, case_printf("presence/%s", friend), 1);
	client_barrier(own);
	client_none(own, 0, case_printf("presence/%s", friend), NULL);
}

static void test_everyone_and_nobody(void **state)
{
	struct cJSON *j;

	(void)state;
	cast(1);
	people_wait_says(fri, owner, 1, NULL, NULL);
	j = client_request(
		own, "privacy.set", "{\"presence\":\"everyone\",\"profile\":\"nobody\"}");
	json_expect_str(j, "presence", "everyone");
	json_expect_str(j, "last_seen", "contacts");
	json_expect_str(j, "profile", "nobody");
	json_expect_str(j, "status", "contacts");
	assert_true(cJSON_IsTrue(json_at(j, "receipts")));
	people_wait_says(oth, owner, 1, NULL, NULL);
	assert_non_null(people_retained(in, other, topic));
	expect_profile(oth, true, false, false, false);
	expect_profile(fri, true, true, false, false);
	privacy("{\"presence\":\"nobody\",\"profile\":\"everyone\",\"last_seen\":\"nobody\"}");
	expect_hidden(oth);
	expect_hidden(fri);
	expect_profile(oth, false, false, true, false);
	expect_profile(fri, false, false, true, false);
	expect_profile(own, true, true, true, false);
	expect_profile(boss, true, true, true, false);
	assert_false(people_retained(in, friend, topic) &&
		     strstr(people_retained(in, friend, topic)->payload, "devices"));
	j = json_at(client_request(own, "me", "{}"), "privacy");
	json_expect_str(j, "presence", "nobody");
	json_expect_str(j, "profile", "everyone");
}

/* Less is seen at once, and more, too, without subscribing anew. */
static void test_changes_act_at_once(void **state)
{
	size_t mark;

	(void)state;
	cast(2);
	people_wait_says(fri, owner, 1, NULL, NULL);
	for (int k = 0; k < 3; k++) {
		privacy("{\"presence\":\"nobody\"}");
		expect_hidden(fri);
		/* what happens now is not for the friend */
		mark = client_mark(fri);
		people_say(own, owner, "phone",
			case_printf("{\"state\":\"busy\",\"text\":\"secret %d\"}", k));
		client_barrier(own);
		client_barrier(fri);
		client_none(fri, mark, topic, "secret");
		privacy("{\"presence\":\"contacts\"}");
		people_wait_says(fri, owner, 1, "busy", case_printf("secret %d", k));
	}
	expect_blind(oth);
	/* by the list of contacts */
	client_requestf(own, "contact.remove", "{\"user\":\"%s\"}", friend);
	expect_hidden(fri);
	assert_null(people_retained(in, friend, topic));
	client_requestf(own, "contact.add", "{\"user\":\"%s\"}", other);
	people_wait_says(oth, owner, 1, "busy", "secret 2");
	expect_hidden(fri);
	client_requestf(own, "contact.add", "{\"user\":\"%s\"}", friend);
	people_wait_says(fri, owner, 1, "busy", "secret 2");
}

/* A setting survives both being killed, and nothing slips out meanwhile. */
static void test_settings_outlive_crashes(void **state)
{
	(void)state;
	cast_in(start(), 0);
	people_wait_says(fri, owner, 1, NULL, NULL);
	privacy("{\"presence\":\"nobody\"}");
	instance_kill_daemon(in);
	instance_kill_broker(in);
	instance_start(in);
	own = people_device(in, owner, "phone", 5);
	fri = client_5(in, friend, "phone");
	client_subscribe_ok(fri, topic, 1);
	client_barrier(own);
	case_pause_ms(3 * GRACE_MS);
	expect_blind(fri);
	privacy("{\"presence\":\"contacts\"}");
	people_wait_says(fri, owner, 1, NULL, NULL);
}

/* What is published is one message for all who see it. */
static void test_last_seen_for_fewer(void **state)
{
	(void)state;
	cast(4);
	assert_true(json_has(
		json_from(people_wait_says(fri, owner, 1, NULL, NULL)->payload), "last_seen"));
	privacy("{\"presence\":\"everyone\"}");
	assert_false(json_has(
		json_from(people_wait_says(oth, owner, 1, NULL, NULL)->payload), "last_seen"));
	client_none(oth, 0, topic, "last_seen");
	expect_profile(fri, true, true, true, false);
	expect_profile(oth, true, false, false, false);
	people_say(own, owner, "phone", "offline");
	assert_false(json_has(json_from(people_wait(fri, owner, false)->payload), "last_seen"));
	/* and the other way around */
	privacy("{\"presence\":\"contacts\",\"last_seen\":\"everyone\"}");
	people_say(own, owner, "phone", "online");
	assert_true(json_has(json_from(people_wait(fri, owner, true)->payload), "last_seen"));
	client_none(oth, 0, topic, "last_seen");
	expect_profile(oth, false, true, false, false);
	/* of contacts to nobody */
	privacy("{\"last_seen\":\"nobody\"}");
	people_say(own, owner, "phone", "{\"state\":\"away\"}");
	assert_false(json_has(
		json_from(people_wait_says(fri, owner, 1, "away", NULL)->payload), "last_seen"));
	assert_false(strstr(people_retained(in, friend, topic)->payload, "last_seen") != NULL);
	expect_profile(fri, true, false, true, false);
}

/* Filters over people are for the role admin; of the devices only their user's. */
static void test_filters(void **state)
{
	const char *refused[] = {"presence/+", "presence/#", "#", "+/#", "presence/+/phone",
		case_printf("presence/owner%d/phone", 5), case_printf("presence/owner%d/#", 5),
		case_printf("presence/owner%d/+", 5), "user/+/status", "user/#",
		case_printf("user/owner%d/#", 5), case_printf("user/owner%d/events", 5),
		"$share/g/presence/owner5", "$share/g/presence/+"};
	const char *granted[] = {"presence/owner5", "user/owner5/status", "presence/not-there",
		"user/not-there/status"};

	(void)state;
	cast(5);
	for (size_t k = 0; k < COUNT(refused); k++) {
		int five = client_subscribe(fri, refused[k], 1),
		    three = client_subscribe(oth, refused[k], 1);

		if (five != 0x87 || three != 0x80)
			case_fail("%s is answered %d and %d", refused[k], five, three);
	}
	for (size_t k = 0; k < COUNT(granted); k++) {
		assert_int_equal(client_subscribe(fri, granted[k], 1), 1);
		assert_int_equal(client_subscribe(oth, granted[k], 1), 1);
	}
	client_subscribe_ok(own, "presence/owner5/#", 1);
	client_take(own, "presence/owner5/phone", "online");
	client_take(own, "presence/owner5", "\"online\":true");
	expect_blind(oth);
}

/* The admin sees everybody, also those who show themselves to nobody. */
static void test_admin_sees_all(void **state)
{
	(void)state;
	cast(6);
	privacy("{\"presence\":\"nobody\"}");
	client_subscribe_ok(boss, "presence/+", 1);
	people_wait_says(boss, owner, 1, NULL, NULL);
	people_say(own, owner, "phone", "{\"state\":\"busy\"}");
	people_wait_says(boss, owner, 1, "busy", NULL);
	assert_non_null(people_retained(in, "boss", topic));
	client_barrier(fri);
	client_none(fri, 0, topic, "busy");
	client_close(own);
	people_wait(boss, owner, false);
}

static void test_profile(void **state)
{
	static const struct {
		const char *params, *code;
	} wrong[] = {
		{"{\"name\":7}", "bad_request"},
		{"{\"about\":[]}", "bad_request"},
		{"{\"avatar\":{}}", "bad_request"},
		{"{\"name\":\"a\\u0000b\"}", "bad_utf8"},
	};
	struct cJSON *j;
	struct client *tablet;

	(void)state;
	cast(7);
	tablet = client_3(in, owner, "tablet");
	client_subscribe_ok(tablet, case_printf("user/%s/events", owner), 1);
	client_request(own, "profile.set",
		"{\"name\":\"Gr\xc3\xbcn \\\"O\\\"\",\"about\":\"Hi\",\"avatar\":\"m-1\"}");
	client_take(tablet, case_printf("user/%s/events", owner), "\"profile.set\"");
	j = profile(fri);
	json_expect_str(j, "name", "Gr\xc3\xbcn \"O\"");
	json_expect_str(j, "about", "Hi");
	json_expect_str(j, "avatar", "m-1");
	client_request(own, "profile.set", "{\"about\":\"\"}");
	j = profile(fri);
	json_expect_str(j, "name", "Gr\xc3\xbcn \"O\"");
	json_expect_str(j, "avatar", "m-1");
	assert_true(!json_str(j, "about") || !*json_str(j, "about"));
	client_request(own, "profile.set",
		case_printf("{\"name\":\"%0128d\",\"about\":\"%0512d\",\"avatar\":\"%0256d\"}", 0,
			0, 0));
	assert_int_equal(strlen(json_str(profile(fri), "about")), 512);
	assert_true(json_has(
		client_call(own, "profile.set", case_printf("{\"name\":\"%0129d\"}", 1)), "error"));
	assert_true(
		json_has(client_call(own, "profile.set", case_printf("{\"about\":\"%0513d\"}", 1)),
			"error"));
	assert_true(
		json_has(client_call(own, "profile.set", case_printf("{\"avatar\":\"%0257d\"}", 1)),
			"error"));
	for (size_t k = 0; k < COUNT(wrong); k++)
		client_refused(own, "profile.set", wrong[k].params, wrong[k].code);
	assert_int_equal(strlen(json_str(profile(fri), "name")), 128);
	j = client_request(own, "me", "{}");
	assert_int_equal(strlen(json_str(j, "avatar")), 256);
}

static void test_wrong_settings(void **state)
{
	static const char *const wrong[] = {"{\"presence\":\"all\"}", "{\"presence\":true}",
		"{\"last_seen\":7}", "{\"profile\":\"\"}", "{\"status\":[\"everyone\"]}",
		"{\"receipts\":\"no\"}", "{\"receipts\":0}",
		"{\"presence\":\"everyone\",\"status\":\"nonsense\"}"};
	struct cJSON *j;

	(void)state;
	cast(8);
	for (size_t k = 0; k < COUNT(wrong); k++)
		client_refused(own, "privacy.set", wrong[k], "bad_request");
	j = json_at(client_request(own, "me", "{}"), "privacy");
	json_expect_str(j, "presence", "contacts");
	json_expect_str(j, "status", "contacts");
	assert_true(cJSON_IsTrue(json_at(j, "receipts")));
	expect_blind(oth);
}

static void test_contacts(void **state)
{
	struct client *tablet;
	struct cJSON *j, *c;

	(void)state;
	cast(9);
	tablet = client_5(in, owner, "tablet");
	client_subscribe_ok(tablet, case_printf("user/%s/events", owner), 1);
	client_requestf(own, "contact.add", "{\"user\":\"%s\",\"alias\":\"Oth\"}", other);
	client_take(tablet, case_printf("user/%s/events", owner),
		case_printf("\"user\":\"%s\"", other));
	client_requestf(own, "contact.add", "{\"user\":\"%s\",\"alias\":\"The other\"}", other);
	j = client_request(own, "contacts", "{}");
	assert_int_equal(json_len(j, "contacts"), 2);
	assert_true(cJSON_IsFalse(json_at(j, "more")));
	c = json_find(json_at(j, "contacts"), "user", other);
	json_expect_str(c, "alias", "The other");
	assert_true(json_num(c, "since") > 0);
	assert_false(
		json_has(c, "online")); /* the other one has not taken the owner as a contact */
	c = json_find(json_at(client_request(fri, "contacts", "{}"), "contacts"), "user", owner);
	assert_null(c);
	client_requestf(fri, "contact.add", "{\"user\":\"%s\"}", owner);
	c = json_find(json_at(client_request(fri, "contacts", "{}"), "contacts"), "user", owner);
	assert_true(cJSON_IsTrue(json_at(c, "online")));
	json_expect_num(c, "devices", 2);
	json_expect_str(c, "name", "Owner 9");
	/* pages, in the server's order */
	j = client_request(own, "contacts", "{\"limit\":1}");
	assert_int_equal(json_len(j, "contacts"), 1);
	assert_true(cJSON_IsTrue(json_at(j, "more")));
	c = json_at(j, "contacts.0");
	j = client_requestf(own, "contacts", "{\"limit\":1,\"after\":\"%s\"}", json_str(c, "user"));
	assert_int_equal(json_len(j, "contacts"), 1);
	assert_string_not_equal(json_str(j, "contacts.0.user"), json_str(c, "user"));
	assert_true(cJSON_IsFalse(json_at(j, "more")));
	/* as many as may be */
	client_request(own, "contact.add", "{\"user\":\"boss\"}");
	client_refused(own, "contact.add", "{\"user\":\"other1\"}", "limit");
	client_requestf(own, "contact.add", "{\"user\":\"%s\",\"alias\":\"still\"}", other);
	client_requestf(own, "contact.remove", "{\"user\":\"%s\"}", other);
	client_take(tablet, case_printf("user/%s/events", owner), "\"contact.removed\"");
	client_request(own, "contact.add", "{\"user\":\"other1\"}");
	client_refused(own, "contact.add", "{\"user\":\"not-there\"}", "not_found");
	client_refused(own, "contact.add", "{\"user\":\"No Name\"}", "bad_name");
	client_refused(own, "contact.add", "{}", "bad_request");
	client_refused(own, "contact.add", "{\"user\":\"friend9\",\"alias\":7}", "bad_request");
	client_refused(own, "contact.remove", "{\"user\":\"not-there\"}", "not_found");
}

static void give_name_again(const char *name)
{
	client_requestf(boss, "user.remove", "{\"user\":\"%s\"}", name);
	client_requestf(boss, "user.add", "{\"user\":\"%s\"}", name);
}

/* A name that somebody else has now: the new one is nobody's contact, and has nothing of the former
 * one. */
static void test_names_given_again(void **state)
{
	struct cJSON *j;
	struct client *again;

	(void)state;
	cast(10);
	people_wait_says(fri, owner, 1, NULL, NULL);
	client_requestf(fri, "contact.add", "{\"user\":\"%s\"}", owner);
	client_request(own, "profile.set", "{\"about\":\"the first\"}");
	privacy("{\"profile\":\"everyone\",\"receipts\":false}");
	/* the friend's name */
	give_name_again(friend);
	client_wait_closed(fri);
	again = client_5(in, friend, "phone");
	client_subscribe_ok(again, topic, 1);
	people_say(own, owner, "phone", "{\"state\":\"busy\"}");
	client_barrier(own);
	expect_blind(again);
	expect_profile(again, false, false, true, false);
	assert_int_equal(json_len(client_request(again, "contacts", "{}"), "contacts"), 0);
	j = json_find(json_at(client_request(own, "contacts", "{}"), "contacts"), "user", friend);
	/* the owner's own note of that name may stay; of the new account it says nothing */
	assert_false(json_has(j, "online") || json_has(j, "name") || json_has(j, "last_seen"));
	client_requestf(own, "contact.add", "{\"user\":\"%s\"}", friend);
	people_wait_says(again, owner, 1, "busy", NULL);
	/* the owner's name */
	give_name_again(owner);
	client_wait_closed(own);
	own = client_5(in, owner, "phone");
	assert_int_equal(json_len(client_request(own, "contacts", "{}"), "contacts"), 0);
	j = client_request(own, "me", "{}");
	assert_true(!json_str(j, "about") || !*json_str(j, "about"));
	json_expect_str(j, "privacy.profile", "contacts");
	assert_true(cJSON_IsTrue(json_at(j, "privacy.receipts")));
	expect_profile(again, false, false, false, false);
	assert_null(people_retained(in, friend, topic));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_contacts_see_by_default),
		SYSTEM(test_everyone_and_nobody),
		SYSTEM(test_changes_act_at_once),
		SYSTEM(test_settings_outlive_crashes),
		SYSTEM(test_last_seen_for_fewer),
		SYSTEM(test_filters),
		SYSTEM(test_admin_sees_all),
		SYSTEM(test_profile),
		SYSTEM(test_wrong_settings),
		SYSTEM(test_contacts),
		SYSTEM(test_names_given_again),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
