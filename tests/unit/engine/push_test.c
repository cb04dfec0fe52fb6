/* push_test.c — registrations, preferences and the push outbox, through the engine's methods: what
 * is in the store after them. What they say and tell in the usual cases stands in
 * recorded.expected.
 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ADMIN "API $gnatterctl $gnatterctl "
#define ALICE "API alice alice:phone "
#define BOB   "API bob bob:tab "
#define OK    "\"ok\":true"

#define ALICES_TOKEN "\"kind\":\"fcm\",\"token\":\"t-alice\""

static int setup(void **state)
{
	struct world *w = world_create();

	world_apply(w, ADMIN "user.add {\"user\":\"alice\"}");
	world_apply(w, ADMIN "user.add {\"user\":\"bob\"}");
	world_apply(w, ALICE "chat.create {\"chat\":\"lobby\",\"members\":[\"bob\"]}");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_destroy(*state);
	return 0;
}

/* Apply the line: something that it leads to must contain `want`. */
static void check(struct world *w, const char *line, const char *want)
{
	const char *got = world_apply(w, line);

	if (!strstr(got, want))
		fail_msg("%s\nwant: %s\n got: %s", line, want, got);
}

static void check_not(struct world *w, const char *line, const char *unwanted)
{
	const char *got = world_apply(w, line);

	if (strstr(got, unwanted))
		fail_msg("%s\nunwanted: %s\n got: %s", line, unwanted, got);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* How many keys of the store begin so. */
static size_t keys(struct world *w, const char *start)
{
	char *dump = world_dump(w);
	char line[64];
	size_t n;

	snprintf(line, sizeof(line), "\nstore %s", start);
	n = count(dump, line) + (strncmp(dump, line + 1, strlen(line) - 1) == 0);
	free(dump);
	return n;
}

static bool stored(struct world *w, const char *part)
{
	char *dump = world_dump(w);
	bool found = strstr(dump, part) != NULL;

	free(dump);
	return found;
}

/* So many are registered (fewer than 32), so many of them with an address of their own. */
static void check_registered(struct world *w, unsigned all, unsigned addresses)
{
	char number[96];

	assert_int_equal(keys(w, "g"), all);
	assert_int_equal(keys(w, "y"), addresses);
	snprintf(number, sizeof(number),
		"store x\\0dregistrations = \\%02x\\00\\00\\00\\00\\00\\00\\00\n", all);
	if (!stored(w, number) && !(all == 0 && keys(w, "x\\0dregistrations") == 0))
		fail_msg("the number of registrations is not %u", all);
}

/* --- registered
 * ------------------------------------------------------------------------------------------ */

static void test_push_set_is_kept(void **state)
{
	struct world *w = *state;

	check(w, ALICE "push.set {" ALICES_TOKEN "}", "\"push.changed\",\"device\":\"phone\"");
	assert_true(stored(w, "store g\\05alice\\05phone = \\01(h\\e5\\cf\\8b\\01\\00\\00\\01\\02"
			      "\\13\\00{\"token\":\"t-alice\"}\n"));
	check_not(w, ALICE "push.set {" ALICES_TOKEN "}", "push.changed");
	assert_true(
		stored(w, "store g\\05alice\\05phone = \\012h\\e5\\cf\\8b\\01\\00\\00\\01\\02"));
	check_not(w, ALICE "push.set {" ALICES_TOKEN ",\"preview\":true}", "push.changed");
	assert_true(stored(w, "\\cf\\8b\\01\\00\\00\\01\\01\\13\\00{"));
	check(w, ALICE "push.set {\"kind\":\"mqtt\",\"preview\":false}", "\"push\":\"mqtt\"");
	assert_true(stored(w, "\\cf\\8b\\01\\00\\00\\05\\00\\02\\00{}"));
	check_registered(w, 1, 0);
}

/* The device is in the list then, and what bounds the list bounds registrations. */
static void test_push_set_lists_the_device(void **state)
{
	struct world *w = *state;

	world_conf(w)->devices_per_user_max = 2;
	check(w, "API alice alice:a push.set {\"kind\":\"mqtt\"}", "device.added");
	check(w, "API alice alice:b push.set {\"kind\":\"fcm\",\"token\":\"b\"}", OK);
	check_registered(w, 2, 1);
	check(w, "API alice alice:c push.set {\"kind\":\"mqtt\"}", "device.removed");
	check_registered(w, 2, 1);
	check(w, "CONNECT alice alice:d", "\"device.removed\",\"device\":\"b\"");
	check_registered(w, 1, 0);
}

static void test_push_set_of_no_device(void **state)
{
	struct world *w = *state;

	check(w, "API alice script push.set {" ALICES_TOKEN "}", "no device with a name");
	check(w, "API alice script push.remove {}", "no device with a name");
	check(w, "API alice script push.remove {\"device\":\"phone\"}", OK);
	world_apply(w, "CONNECT alice alice:phone");
	check(w, ALICE "device.remove {\"device\":\"phone\"}", OK);
	check(w, ALICE "push.set {" ALICES_TOKEN "}", "this device was removed");
	check_registered(w, 0, 0);
}

static void test_push_set_refused_changes_nothing(void **state)
{
	struct world *w = *state;

	check(w, ALICE "push.set {" ALICES_TOKEN "}", OK);
	check(w, ALICE "push.set {\"kind\":\"fcm\"}", "bad_request");
	check(w, ALICE "push.set {\"kind\":\"webhook\",\"url\":\"gopher://h\"}", "bad_request");
	check(w, ALICE "push.set {\"kind\":7}", "bad_request");
	check(w, ALICE "push.remove {\"device\":7}", "bad_request");
	check_registered(w, 1, 1);
	assert_true(stored(w, "t-alice"));
}

static void test_push_set_as_offered(void **state)
{
	struct world *w = *state;
	struct push_offer offer = {.kinds = 1u << PUSH_WEBHOOK, .webhook_url = true};

	world_offer(w, &offer);
	check(w, ALICE "push.set {" ALICES_TOKEN "}", "\"conflict\"");
	check(w, ALICE "push.set {\"kind\":\"webhook\",\"url\":\"https://h\"}", "\"conflict\"");
	check(w, ALICE "push.set {\"kind\":\"webhook\"}", OK);
	check_registered(w, 1, 0);
}

static void test_push_moves_with_the_phone(void **state)
{
	struct world *w = *state;
	const char *got;

	check(w, ALICE "push.set {" ALICES_TOKEN "}", OK);
	got = world_apply(w, BOB "push.set {" ALICES_TOKEN "}");
	assert_non_null(strstr(got, "PUBLISH user/alice/events {\"event\":\"push.changed\","
				    "\"device\":\"phone\",\"push\":false,"));
	assert_non_null(strstr(got, "PUBLISH user/bob/events {\"event\":\"push.changed\","
				    "\"device\":\"tab\",\"push\":\"fcm\","));
	check_registered(w, 1, 1);
	assert_false(stored(w, "store g\\05alice"));
	/* What alice does with her old one does nothing to bob's. */
	check_not(w, ALICE "push.remove {}", "push.changed");
	check_registered(w, 1, 1);
	check(w, ADMIN "user.remove {\"user\":\"alice\"}", OK);
	check_registered(w, 1, 1);
}

static void test_push_remove(void **state)
{
	struct world *w = *state;

	check(w, ALICE "push.set {" ALICES_TOKEN "}", OK);
	check(w, "API alice alice:tab push.set {\"kind\":\"fcm\",\"token\":\"t2\"}", OK);
	check(w, ALICE "push.remove {\"device\":\"tab\"}", "\"device\":\"tab\",\"push\":false");
	check_registered(w, 1, 1);
	check(w, BOB "push.remove {\"device\":\"phone\"}", OK); /* his own of that name */
	check_registered(w, 1, 1);
	check(w, ALICE "push.remove {}", "\"device\":\"phone\",\"push\":false");
	check_not(w, ALICE "push.remove {}", "push.changed");
	check(w, ALICE "push.remove {}", OK);
	check_registered(w, 0, 0);
}

/* With the device, and with the account; not with one that is disabled for a while. */
static void test_push_goes_with_device_and_account(void **state)
{
	struct world *w = *state;

	check(w, ALICE "push.set {" ALICES_TOKEN "}", OK);
	check(w, "API alice alice:tab push.set {\"kind\":\"fcm\",\"token\":\"t2\"}", OK);
	check(w, BOB "push.set {\"kind\":\"fcm\",\"token\":\"t3\"}", OK);
	check(w, ALICE "push.prefs {\"preview\":false}", OK);
	check_registered(w, 3, 3);
	check(w, ALICE "device.remove {\"device\":\"tab\"}", OK);
	check_registered(w, 2, 2);
	check(w, ADMIN "user.disable {\"user\":\"alice\"}", OK);
	check_registered(w, 2, 2);
	check(w, ADMIN "user.remove {\"user\":\"alice\"}", OK);
	check_registered(w, 1, 1);
	assert_int_equal(keys(w, "u"), 0);
}

/* --- preferences
 * ----------------------------------------------------------------------------------------- */

static void test_push_prefs(void **state)
{
	struct world *w = *state;

	check_not(w, ALICE "push.prefs {}", "PUBLISH");
	assert_int_equal(keys(w, "u"), 0);
	check(w, ALICE "push.prefs {\"quiet\":{\"from\":\"22:00\",\"to\":\"07:00\"}}",
		"{\"event\":\"push.prefs\",\"ts\":");
	assert_true(stored(w, "store u\\05alice = \\01\\01(\\05\\a4\\01\\00\\00\n"));
	check(w, "API alice script push.prefs {\"mentions\":true}", OK);
	assert_true(stored(w, "store u\\05alice = \\01\\03(\\05\\a4\\01\\00\\00\n"));
	check(w, ALICE "push.prefs {\"mentions\":false,\"quiet\":{\"from\":\"22:00\"}}",
		"bad_request");
	assert_true(stored(w, "store u\\05alice = \\01\\03(\\05\\a4\\01\\00\\00\n"));
	check_not(w, ALICE "push.prefs {\"mentions\":true}", "PUBLISH");
	check(w, ALICE "push.prefs {\"quiet\":null,\"preview\":false}", OK);
	assert_true(stored(w, "store u\\05alice = \\01\\06\\00\\00\\00\\00\\00\\00\n"));
}

static void test_mute_but_for_mentions(void **state)
{
	struct world *w = *state;

	check(w, ALICE "chat.mute {\"chat\":\"lobby\",\"mentions\":true}",
		"\"chat\":\"lobby\",\"mentions\":true,\"ts\"");
	assert_true(
		stored(w, "store q\\05alice\\05lobby = \\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\01\n"));
	check_not(w, ALICE "chat.mute {\"chat\":\"lobby\"}", "mentions"); /* said anew each time */
	assert_true(stored(w, "store q\\05alice\\05lobby = \\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\n"));
	check_not(w, ALICE "chat.mute {\"chat\":\"lobby\",\"until\":0,\"mentions\":true}",
		"\"mentions\"");
	assert_int_equal(keys(w, "q"), 0);
}

/* --- the outbox
 * ------------------------------------------------------------------------------------------ */

/* How many messages were to be pushed so far; the newest as "PUSH chat seq n ". */
static size_t pushed(struct world *w, const char *newest)
{
	char *dump = world_dump(w);
	size_t n = count(dump, "\nPUSH ");

	if (newest && count(dump, newest) != 1)
		fail_msg("no %s in %s", newest, strstr(dump, "# hints"));
	free(dump);
	return n;
}

static void test_outbox_only_while_registered(void **state)
{
	struct world *w = *state;

	check(w, "SEND alice alice:phone lobby one", "MESSAGE");
	assert_int_equal(pushed(w, NULL), 0);
	check(w, BOB "push.set {\"kind\":\"mqtt\"}", OK);
	check(w, "SEND alice alice:phone lobby two", "MESSAGE");
	assert_int_equal(pushed(w, "PUSH lobby 3 2 "), 1);
	check(w, BOB "push.remove {}", OK);
	check(w, "SEND alice alice:phone lobby three", "MESSAGE");
	assert_int_equal(pushed(w, NULL), 1);
	check(w, BOB "push.set {\"kind\":\"mqtt\"}", OK);
	check(w, "SEND alice alice:phone lobby four", "MESSAGE");
	assert_int_equal(pushed(w, "PUSH lobby 5 4 "), 2);
}

static void test_outbox_only_what_counts(void **state)
{
	struct world *w = *state;

	check(w, BOB "push.set {\"kind\":\"mqtt\"}", OK);
	check(w, "SEND alice alice:phone lobby {\"id\":\"a\",\"text\":\"hello\"}", "MESSAGE");
	assert_int_equal(pushed(w, NULL), 1);
	check(w, "SEND alice alice:phone lobby {\"id\":\"a\",\"text\":\"hello\"}", "ANSWER");
	check(w, "SEND alice alice:phone lobby {\"type\":\"edit\",\"ref\":2,\"text\":\"e\"}",
		"MESSAGE");
	check(w, "SEND bob bob:tab lobby {\"type\":\"reaction\",\"ref\":2,\"text\":\"+1\"}",
		"MESSAGE");
	check(w, "SEND alice alice:phone lobby {\"type\":\"delete\",\"ref\":2}", "MESSAGE");
	check(w, ALICE "chat.update {\"chat\":\"lobby\",\"title\":\"T\"}", "MESSAGE");
	check(w, "SEND eve eve:x lobby let me in", "forbidden");
	assert_int_equal(pushed(w, NULL), 1);
	check(w, "SEND alice alice:phone lobby {\"type\":\"x-poll\",\"body\":{}}", "MESSAGE");
	check(w, "SEND alice alice:phone alice:bob hello", "MESSAGE");
	assert_int_equal(pushed(w, "PUSH alice:bob 1 1 "), 3);
}

/* The number of registrations is looked up once a commit; whatever changes it within one counts. */
static void test_outbox_in_one_commit(void **state)
{
	struct world *w = *state;

	free(world_run(w,
		"SEND alice alice:phone lobby one\n"
		"SEND alice alice:phone lobby two\n" BOB "push.set {\"kind\":\"mqtt\"}\n"
		"SEND alice alice:phone lobby three\n"
		"ACK bob bob:tab lobby {\"read\":3}\n"
		"SEND alice alice:phone lobby four\n" BOB "push.remove {}\n"
		"SEND alice alice:phone lobby five\n" BOB "push.set {\"kind\":\"mqtt\"}\n"
		"SEND alice alice:phone lobby six\n" ADMIN "user.remove {\"user\":\"bob\"}\n"
		"SEND alice alice:phone lobby seven\n",
		1000, 0));
	assert_int_equal(pushed(w, NULL), 3);
	check_registered(w, 0, 0);
}

/* --- all of it together
 * ---------------------------------------------------------------------------------- */

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed / 65536;
}

/* Whatever is done in whatever order, the three places agree. */
static void test_registrations_agree(void **state)
{
	static const char *const lines[] = {
		"API %s %s:%s push.set {\"kind\":\"fcm\",\"token\":\"t%u\"}",
		"API %s %s:%s push.set {\"kind\":\"fcm\",\"fid\":\"t%u\"}",
		"API %s %s:%s push.set {\"kind\":\"mqtt\",\"re\":%u}",
		"API %s %s:%s push.remove {\"re\":%u}",
		"API %s %s:%s device.remove {\"device\":\"b\",\"re\":%u}",
		"CONNECT %s %s:%s%u",
		"DISCONNECT %s %s:%s%u",
		"API $gnatterctl $gnatterctl user.remove {\"user\":\"%s\",\"re\":\"%s%s%u\"}",
		"API $gnatterctl $gnatterctl user.add {\"user\":\"%s\",\"re\":\"%s%s%u\"}",
	};
	static const char *const users[] = {"alice", "bob"}, *const devices[] = {"a", "b", "c"};
	struct world *w = *state;
	unsigned seed = 1;

	world_conf(w)->devices_per_user_max = 3;
	for (int i = 0; i < 3000; i++) {
		const char *user = users[next(&seed) % 2], *device = devices[next(&seed) % 3];
		char line[128];
		char *dump;
		size_t all, without;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), lines[next(&seed) % 9], user, user, device,
			next(&seed) % 4);
#pragma GCC diagnostic pop
		world_apply(w, line);
		dump = world_dump(w);
		all = count(dump, "\nstore g") + (strncmp(dump, "store g", 7) == 0);
		without = count(dump, "\\00\\05\\02\\02\\00{}\n"); /* mqtt */
		free(dump);
		check_registered(w, (unsigned)all, (unsigned)(all - without));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_push_set_is_kept),
		TEST(test_push_set_lists_the_device),
		TEST(test_push_set_of_no_device),
		TEST(test_push_set_refused_changes_nothing),
		TEST(test_push_set_as_offered),
		TEST(test_push_moves_with_the_phone),
		TEST(test_push_remove),
		TEST(test_push_goes_with_device_and_account),
		TEST(test_push_prefs),
		TEST(test_mute_but_for_mentions),
		TEST(test_outbox_only_while_registered),
		TEST(test_outbox_only_what_counts),
		TEST(test_outbox_in_one_commit),
		TEST(test_registrations_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
