/* people_test.c — contacts, blocks, devices, stories: limits, borders, and names that are given to
 * somebody else. What the methods say and tell in the usual cases stands in recorded.expected.
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

static int setup(void **state)
{
	struct world *w = world_create();

	world_apply(w, ADMIN "user.add {\"user\":\"alice\"}");
	world_apply(w, ADMIN "user.add {\"user\":\"bob\"}");
	world_apply(w, ADMIN "user.add {\"user\":\"carol\"}");
	world_apply(w, ADMIN "user.add {\"user\":\"dave\"}");
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

static bool stored(struct world *w, const char *part)
{
	char *dump = world_dump(w);
	bool found = strstr(dump, part) != NULL;

	free(dump);
	return found;
}

/* A request with a string of so many bytes for %s in `form`. */
static void check_length(struct world *w, const char *form, char fill, size_t len, const char *want)
{
	const char *at = strstr(form, "%s");
	char *line = malloc(strlen(form) + len);

	assert_non_null(at);
	assert_non_null(line);
	memcpy(line, form, (size_t)(at - form));
	memset(line + (at - form), fill, len);
	strcpy(line + (at - form) + len, at + 2);
	check(w, line, want);
	free(line);
}

static void test_strings_at_borders(void **state)
{
	static const struct {
		const char *form;
		size_t max;
	} cases[] = {
		{ALICE "profile.set {\"name\":\"%s\"}", 128},
		{ALICE "profile.set {\"about\":\"%s\"}", 512},
		{ALICE "profile.set {\"avatar\":\"%s\"}", 256},
		{ALICE "contact.add {\"user\":\"bob\",\"alias\":\"%s\"}", 128},
		{ALICE "device.set {\"name\":\"%s\"}", 64},
		{ALICE "device.set {\"kind\":\"%s\"}", 32},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_length(w, cases[i].form, 'x', cases[i].max, "\"ok\":true");
		check_length(w, cases[i].form, 'x', cases[i].max + 1, "\"bad_request\"");
		check_length(w, cases[i].form, 'x', 0, "\"ok\":true");
	}
}

/* --- contacts and blocks
 * ----------------------------------------------------------------------------- */

static void test_contacts_limit(void **state)
{
	struct world *w = *state;

	world_conf(w)->contacts_per_user_max = 2;
	check(w, ALICE "contact.add {\"user\":\"bob\"}", "\"ok\":true");
	check(w, ALICE "contact.add {\"user\":\"carol\"}", "\"ok\":true");
	check(w, ALICE "contact.add {\"user\":\"dave\"}", "\"limit\"");
	check(w, ALICE "contact.add {\"user\":\"bob\",\"alias\":\"B\"}", "\"ok\":true");
	check(w, ALICE "contact.remove {\"user\":\"bob\"}", "\"ok\":true");
	check(w, ALICE "contact.add {\"user\":\"dave\"}", "\"ok\":true");
	check(w, BOB "contact.add {\"user\":\"alice\"}", "\"ok\":true");
}

static void test_blocks_limit(void **state)
{
	struct world *w = *state;

	world_conf(w)->blocks_per_user_max = 1;
	check(w, ALICE "block.add {\"user\":\"bob\"}", "block.added");
	check(w, ALICE "block.add {\"user\":\"carol\"}", "\"limit\"");
	check_not(w, ALICE "block.add {\"user\":\"bob\"}", "block.added");
	check(w, ALICE "block.remove {\"user\":\"bob\"}", "block.removed");
	check(w, ALICE "block.add {\"user\":\"carol\"}", "\"ok\":true");
}

/* Bob goes, and somebody else gets his name: not whom alice has in her list. */
static void name_again(struct world *w)
{
	check(w, ADMIN "user.remove {\"user\":\"bob\"}", "KICK bob");
	check(w, ADMIN "user.add {\"user\":\"bob\"}", "\"ok\":true");
}

static void test_contact_of_a_name_given_again(void **state)
{
	struct world *w = *state;

	world_conf(w)->contacts_per_user_max = 1;
	check(w, ALICE "contact.add {\"user\":\"bob\",\"alias\":\"Bobby\"}", "\"ok\":true");
	check(w, ALICE "contact.add {\"user\":\"bob\"}", "\"ok\":true");
	assert_true(stored(w, "Bobby"));
	name_again(w);
	assert_true(stored(w, "Bobby"));
	check(w, ALICE "contact.add {\"user\":\"bob\"}", "contact.added");
	assert_false(stored(w, "Bobby"));
}

static void test_block_of_a_name_given_again(void **state)
{
	struct world *w = *state;

	check(w, ALICE "block.add {\"user\":\"bob\"}", "\"ok\":true");
	check(w, "SEND bob bob:tab alice:bob hello", "forbidden");
	check(w, "SEND alice alice:phone alice:bob hello", "forbidden");
	name_again(w);
	check(w, "SEND bob bob:tab alice:bob hello", "MESSAGE");
	check(w, "SEND alice alice:phone alice:bob hello", "MESSAGE");
	check(w, ALICE "block.add {\"user\":\"bob\"}", "block.added");
	check(w, "SEND bob bob:tab alice:bob hello", "forbidden");
}

/* The same words, be the other one blocked by him or nobody at all. */
static void check_alike(struct world *w, const char *with_bob, const char *with_nobody)
{
	char *bob = strdup(world_apply(w, with_bob));
	const char *nobody = world_apply(w, with_nobody);

	assert_non_null(bob);
	assert_string_equal(bob, nobody);
	free(bob);
}

static void test_block_looks_like_nobody(void **state)
{
	struct world *w = *state;

	check(w, BOB "block.add {\"user\":\"alice\"}", "\"ok\":true");
	check_alike(w, ALICE "contact.add {\"user\":\"bob\"}",
		ALICE "contact.add {\"user\":\"nobody\"}");
	check_alike(w, ALICE "contact.add {\"user\":\"bob\",\"alias\":1}",
		ALICE "contact.add {\"user\":\"nobody\",\"alias\":1}");
	check_alike(w, ALICE "chat.mute {\"chat\":\"alice:bob\"}",
		ALICE "chat.mute {\"chat\":\"alice:nobody\"}");
	check_alike(
		w, ALICE "block.add {\"user\":\"bob\"}", ALICE "block.add {\"user\":\"nobody\"}");
	check(w, ALICE "chat.create {\"chat\":\"club\"}", "\"ok\":true");
	check_alike(w, ALICE "member.add {\"chat\":\"club\",\"user\":\"bob\"}",
		ALICE "member.add {\"chat\":\"club\",\"user\":\"nobody\"}");
	check_alike(w, ALICE "chat.create {\"chat\":\"club2\",\"members\":[\"bob\"]}",
		ALICE "chat.create {\"chat\":\"club2\",\"members\":[\"nobody\"]}");
	check(w, "SEND alice alice:phone alice:carol to another", "MESSAGE");
}

/* Groups know no blocks. */
static void test_block_in_group(void **state)
{
	struct world *w = *state;

	check(w, ALICE "chat.create {\"chat\":\"lobby\",\"members\":[\"bob\"]}", "\"ok\":true");
	check(w, BOB "block.add {\"user\":\"alice\"}", "\"ok\":true");
	check(w, "SEND alice alice:phone lobby hello", "MESSAGE");
	check(w, "SEND bob bob:tab lobby hello", "MESSAGE");
}

/* --- devices
 * ----------------------------------------------------------------------------------------- */

static void test_devices_limit_drops_the_oldest(void **state)
{
	struct world *w = *state;

	world_conf(w)->devices_per_user_max = 2;
	world_apply(w, "CONNECT alice alice:one");
	world_apply(w, "DISCONNECT alice alice:one");
	check_not(w, "CONNECT alice alice:two", "device.removed"); /* as many as allowed */
	check_not(w, "CONNECT alice alice:one", "device.");
	check_not(w, "CONNECT alice alice:three", "device.removed"); /* all are there */
	world_apply(w, "PRESENCE alice alice:two away");
	world_apply(w, "DISCONNECT alice alice:two");
	world_apply(w, "DISCONNECT alice alice:one");
	check_not(w, "CONNECT alice alice:three", "device.removed"); /* nothing new */
	check(w, "CONNECT alice alice:four", "PUBLISH presence/alice/two (retained)");
	assert_false(stored(w, "store v\\05alice\\03two"));
	check(w, "CONNECT alice alice:two", "\"device.removed\",\"device\":\"one\"");
	assert_false(stored(w, "revoked"));
}

/* A script of the same name does not count as the device being there. */
static void test_devices_limit_and_scripts(void **state)
{
	struct world *w = *state;

	world_conf(w)->devices_per_user_max = 1;
	world_apply(w, "CONNECT alice alice:one");
	world_apply(w, "DISCONNECT alice alice:one");
	check_not(w, "CONNECT alice one", "device.");
	check(w, "CONNECT alice alice:two", "\"device.removed\",\"device\":\"one\"");
}

static void test_device_remove_is_kept_in_mind(void **state)
{
	struct world *w = *state;
	const char *got;

	world_apply(w, "CONNECT alice alice:phone");
	got = world_apply(w, ALICE "device.remove {\"device\":\"phone\"}");
	assert_non_null(strstr(got, "\"ok\":true"));
	assert_non_null(strstr(got, "KICK alice alice:phone"));
	assert_true(strstr(got, "\"ok\":true") < strstr(got, "KICK")); /* told before */
	assert_true(stored(w, "revoked \\05alice\\05phone = \\01<h\\e5\\cf\\8b\\01\\00\\00\\00\n"));
	check(w, ALICE "device.remove {\"device\":\"phone\"}", "\"not_found\"");
	check(w, ALICE "device.set {\"name\":\"still me\"}", "\"forbidden\"");
	world_apply(w, "DISCONNECT alice alice:phone");
	check(w, "CONNECT alice alice:phone", "device.added");
	assert_true(stored(w, "revoked \\05alice\\05phone = \\01<h\\e5\\cf\\8b\\01\\00\\00\\01\n"));
	check(w, ALICE "device.set {\"name\":\"me again\"}", "\"ok\":true");
	check(w, ADMIN "user.remove {\"user\":\"alice\"}", "\"ok\":true");
	assert_false(stored(w, "revoked"));
}

/* It signed in while the removal was on its way: it is not back, and leaves no trace. */
static void test_device_remove_overtakes_a_connection(void **state)
{
	static const char gone[] =
		"revoked \\05alice\\05phone = \\01<h\\e5\\cf\\8b\\01\\00\\00\\00\n";
	struct world *w = *state;

	world_apply(w, "CONNECT alice alice:phone 1");
	world_apply(w, ALICE "device.remove {\"device\":\"phone\"}");
	check_not(w, "CONNECT alice alice:phone 2", "device.added");
	assert_true(stored(w, gone));
	check(w, "PRESENCE alice alice:phone online", "PUBLISH presence/alice/phone (retained)\n");
	check_not(w, "PRESENCE alice alice:phone ", "PUBLISH presence/alice/phone");
	assert_false(stored(w, "store v\\05alice\\05phone"));
	check(w, ALICE "device.set {\"name\":\"still me\"}", "\"forbidden\"");
	world_apply(w, "DISCONNECT alice alice:phone");
	assert_false(stored(w, "alice:phone"));
	/* To the millisecond: what the plugin knew when it let this one in was the removal. */
	check(w, "CONNECT alice alice:phone 6", "device.added");
	assert_false(stored(w, gone));
}

static void test_device_set_makes_the_record(void **state)
{
	struct world *w = *state;

	check(w, ALICE "device.set {\"kind\":\"web\"}", "device.added");
	check_not(w, "CONNECT alice alice:phone", "device.added");
	assert_true(stored(w, "\\03\\00web"));
}

/* The text between a start and an end in what is stored; to be freed. */
static char *stored_between(struct world *w, const char *start, const char *end)
{
	char *dump = world_dump(w), *from = strstr(dump, start), *to, *got;

	assert_non_null(from);
	from += strlen(start);
	to = strstr(from, end);
	assert_non_null(to);
	got = strndup(from, (size_t)(to - from));
	assert_non_null(got);
	free(dump);
	return got;
}

/* The oldest is forgotten, and all tokens from before it are dead instead. */
static void test_devices_revoked_limit(void **state)
{
	struct world *w = *state;
	char line[96], *at = NULL, *alice;

	for (int i = 0; i < 1001; i++) {
		snprintf(line, sizeof(line), "CONNECT alice alice:d%d", i);
		world_apply(w, line);
		if (i == 1000) {
			at = stored_between(w, "revoked \\05alice\\02d0 = \\01", "\\00\n");
			alice = stored_between(w, "users alice = ", "\n");
			assert_null(strstr(alice, at)); /* not one before */
			free(alice);
		}
		snprintf(line, sizeof(line), ALICE "device.remove {\"device\":\"d%d\"}", i);
		check(w, line, "\"ok\":true");
	}
	assert_false(stored(w, "revoked \\05alice\\02d0 ="));
	assert_true(stored(w, "revoked \\05alice\\02d1 ="));
	assert_true(stored(w, "revoked \\05alice\\05d1000 ="));
	alice = stored_between(w, "users alice = ", "\n");
	assert_non_null(strstr(alice, at));
	free(at);
	/* One that is known to be removed makes no other one go. */
	world_apply(w, "CONNECT alice alice:d7");
	check(w, ALICE "device.remove {\"device\":\"d7\"}", "\"ok\":true");
	assert_true(stored(w, "revoked \\05alice\\02d1 ="));
	at = stored_between(w, "users alice = ", "\n");
	assert_string_equal(at, alice);
	free(at);
	free(alice);
}

/* --- stories and mutes
 * ------------------------------------------------------------------------------- */

static void test_story_at_border(void **state)
{
	struct world *w = *state;
	char *dump;
	const char *payload;
	size_t around = strlen("{\"user\":\"alice\",\"text\":\"\",\"ts\":1700000000050,"
			       "\"expires\":1700086400050}");

	check_length(w, ALICE "status.post {\"text\":\"%s\"}", 'x', 4097 - around, "\"too_large\"");
	assert_false(stored(w, "store j"));
	check_length(w, ALICE "status.post {\"text\":\"%s\"}", 'x', 4096 - around, "\"expires\"");
	dump = world_dump(w);
	payload = strstr(dump, "store j\\05alice");
	assert_non_null(payload);
	assert_non_null(strstr(payload, "\\00\\10{\"user\":\"alice\"")); /* 0x1000 bytes */
	free(dump);
}

/* Published again, for the rest of its time only; and not when that is over. */
static void test_story_again_for_the_rest(void **state)
{
	struct world *w = *state;

	world_conf(w)->status_ttl_ms = 2500;
	check(w, ALICE "status.post {\"text\":\"here\"}", "(for 3 s)");
	check(w, ALICE "privacy.set {\"status\":\"everyone\"}", "(for 3 s)");
	for (int i = 0; i < 100; i++)
		world_apply(w, ALICE "privacy.set {}");
	check(w, ALICE "privacy.set {\"status\":\"contacts\"}", "user/alice/status (everyone)");
	check(w, ALICE "contact.add {\"user\":\"bob\"}", "(for 2 s)");
	for (int i = 0; i < 145; i++)
		world_apply(w, ALICE "privacy.set {}");
	check(w, ALICE "privacy.set {\"status\":\"everyone\"}", "(for 1 s)");
	for (int i = 0; i < 10; i++)
		world_apply(w, ALICE "privacy.set {}");
	check_not(w, ALICE "privacy.set {\"status\":\"nobody\"}", "PUBLISH user/alice/status");
}

/* --- a broker that is new
 * ---------------------------------------------------------------------------- */

/* When alice was seen last, as the dump has it: ms since 1970. */
static uint64_t seen_last(struct world *w)
{
	static const char line[] = "store l\\05alice = \\01";
	char *dump = world_dump(w);
	const char *at = strstr(dump, line);
	uint64_t ms = 0;

	assert_non_null(at);
	at += sizeof(line) - 1;
	for (int i = 0; i < 8; i++) {
		unsigned byte = (unsigned char)*at++;

		if (byte == '\\') {
			assert_int_equal(sscanf(at, "%2x", &byte), 1);
			at += 2;
		}
		ms |= (uint64_t)byte << (8 * i);
	}
	free(dump);
	return ms;
}

/* Whoever was there when the broker ended was seen last then, if that is known; and not before he
 * came, nor in the future. */
static void test_seen_until_the_broker_ended(void **state)
{
	static const struct {
		const char *start; /* what it says, in records before it; */
		int ago;           /* and when alice was seen last, likewise */
	} cases[] = {{"BROKER_START   ", 0}, {"BROKER_START   0", 0}, {"BROKER_START   1", 1},
		{"BROKER_START   2", 2}, {"BROKER_START   3", 2}, {"BROKER_START   -1", 0},
		{"BROKER_START   170000000000", 2},
		{"BROKER_START   170000000028", 0}}; /* says 0: not known */
	struct world *w = *state;
	uint64_t now = 1700000000000 + 40; /* four accounts were made */

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		world_apply(w, "CONNECT alice alice:phone");
		world_apply(w, ALICE "contacts {}");
		world_apply(w, cases[i].start);
		now += 30;
		assert_int_equal(seen_last(w), now - 10 * (uint64_t)cases[i].ago);
	}
}

/* --- seen by fewer
 * ----------------------------------------------------------------------------------- */

#define PRIVACY_ALL(level)                                                     \
	ALICE "privacy.set {\"presence\":\"" level "\",\"last_seen\":\"" level \
	      "\",\"status\":\"" level "\"}"

/* Who loses sight of the story, and nobody else, is told; and only if there was one. */
static void test_story_hidden_from_fewer(void **state)
{
	struct world *w = *state;

	check(w, ALICE "contact.add {\"user\":\"carol\"}", "\"ok\":true");
	check_not(w, ALICE "contact.remove {\"user\":\"carol\"}", "user/alice/status");
	check(w, ALICE "status.post {\"text\":\"here\"}", "\"ok\":true");
	check(w, ALICE "contact.add {\"user\":\"bob\"}", "PUBLISH user/alice/status {");
	check_not(w, ALICE "contact.add {\"user\":\"bob\"}", "user/alice/status");
	check(w, ALICE "contact.remove {\"user\":\"bob\"}", "HIDE user/alice/status bob\n");
	check_not(w, PRIVACY_ALL("everyone"), "HIDE");
	check_not(w, ALICE "contact.add {\"user\":\"bob\"}", "user/alice/status");
	check_not(w, ALICE "contact.remove {\"user\":\"bob\"}", "HIDE");
	check(w, ALICE "block.add {\"user\":\"bob\"}", "HIDE user/alice/status bob\n");
	check(w, ALICE "block.remove {\"user\":\"bob\"}", "PUBLISH user/alice/status {");
	check(w, ALICE "status.post {}", "PUBLISH user/alice/status (retained)");
	check(w, ALICE "block.add {\"user\":\"bob\"}", "HIDE user/alice/status bob\n");
}

static void test_presence_hidden_from_fewer(void **state)
{
	struct world *w = *state;

	check(w, ALICE "contact.add {\"user\":\"bob\"}", "\"ok\":true");
	check(w, ALICE "contact.remove {\"user\":\"bob\"}", "HIDE presence/alice bob {");
	check_not(w, ALICE "block.add {\"user\":\"carol\"}", "HIDE"); /* is no contact */
	check(w, ALICE "contact.add {\"user\":\"carol\"}", "\"ok\":true");
	check_not(w, ALICE "contact.remove {\"user\":\"carol\"}", "HIDE"); /* is blocked */
	check(w, ALICE "contact.add {\"user\":\"bob\"}", "\"ok\":true");
	check(w, ALICE "block.add {\"user\":\"bob\"}", "HIDE presence/alice bob {");
	check_not(w, ALICE "block.add {\"user\":\"bob\"}", "HIDE");
	check(w, ALICE "block.remove {\"user\":\"bob\"}", "\"ok\":true");
	check(w, PRIVACY_ALL("nobody"), "HIDE presence/alice {");
	check_not(w, ALICE "block.add {\"user\":\"bob\"}", "HIDE");
	check_not(w, ALICE "contact.remove {\"user\":\"bob\"}", "HIDE");
	check_not(w, PRIVACY_ALL("everyone"), "HIDE");
	check(w, ALICE "block.add {\"user\":\"dave\"}", "HIDE presence/alice dave {");
	check_not(w, ALICE "privacy.set {\"last_seen\":\"nobody\"}", "HIDE");
	check(w, ALICE "privacy.set {\"presence\":\"contacts\"}", "} (everyone)\n");
	check(w, ALICE "privacy.set {\"presence\":\"nobody\"}", "} (contacts)\n");
	check_not(w, ADMIN "user.disable {\"user\":\"alice\"}", "HIDE");
}

/* Nobody of them is connected, or was: what is to be told stands in the store, should the daemon
 * die before it is. */
static void test_widened_is_to_be_told(void **state)
{
	static const char *const lines[] = {
		ALICE "contact.add {\"user\":\"bob\"}",
		ALICE "privacy.set {\"last_seen\":\"nobody\"}",
		ALICE "privacy.set {\"presence\":\"everyone\"}",
		ALICE "block.remove {\"user\":\"bob\"}",
		ADMIN "user.enable {\"user\":\"alice\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		void *made;
		struct world *w;

		setup(&made);
		w = made;
		check(w, ALICE "block.add {\"user\":\"bob\"}", "\"ok\":true");
		if (i == 4)
			check(w, ADMIN "user.disable {\"user\":\"alice\"}", "\"ok\":true");
		assert_false(stored(w, "store t\\05alice"));
		check(w, lines[i], "\"ok\":true");
		assert_true(stored(w, "store t\\05alice"));
		world_destroy(w);
	}
}

/* Bob has somebody who had alice's name before among his contacts. */
static void test_hidden_from_a_former_contact(void **state)
{
	struct world *w = *state;

	check(w, BOB "contact.add {\"user\":\"alice\"}", "\"ok\":true");
	check(w, ADMIN "user.remove {\"user\":\"alice\"}", "\"ok\":true");
	check(w, ADMIN "user.add {\"user\":\"alice\"}", "\"ok\":true");
	check_not(w, BOB "contact.remove {\"user\":\"alice\"}", "HIDE");
}

static void test_hidden_by_the_operator(void **state)
{
	struct world *w = *state;

	check(w, ALICE "status.post {\"text\":\"here\"}", "\"ok\":true");
	check(w, ADMIN "user.disable {\"user\":\"alice\"}", "} (contacts)\n");
	check(w, ADMIN "user.enable {\"user\":\"alice\"}", "PUBLISH user/alice/status {");
	check(w, ADMIN "user.disable {\"user\":\"alice\"}", "HIDE user/alice/status (contacts)\n");
	check_not(w, ADMIN "user.remove {\"user\":\"alice\"}", "HIDE"); /* is already */
	check(w, BOB "status.post {\"text\":\"here\"}", "\"ok\":true");
	check(w, ADMIN "user.remove {\"user\":\"bob\"}", "HIDE user/bob/status (contacts)\n");
}

/* Who was blocked is not to hear that the account goes; but the next one of that name blocks
 * nobody. */
static void test_blocks_of_an_account_that_goes(void **state)
{
	struct world *w = *state;

	check(w, ALICE "block.add {\"user\":\"bob\"}", "\"ok\":true");
	check(w, ADMIN "user.remove {\"user\":\"alice\"}", "\"ok\":true");
	assert_true(stored(w, "blocks \\05alice\\03bob"));
	check(w, ADMIN "user.add {\"user\":\"alice\"}", "\"ok\":true");
	assert_false(stored(w, "blocks "));
}

/* Whom one knows can be blocked, whatever he has done: blocked the caller, gone, come back. */
static void test_block_of_who_has_blocked(void **state)
{
	struct world *w = *state;

	check(w, BOB "block.add {\"user\":\"alice\"}", "\"ok\":true");
	check(w, ALICE "block.add {\"user\":\"bob\"}", "\"not_found\"");
	check(w, ALICE "block.add {\"user\":\"nobody\"}", "\"not_found\"");
	check(w, BOB "block.remove {\"user\":\"alice\"}", "\"ok\":true");
	check(w, "SEND alice alice:phone alice:bob hello", "MESSAGE");
	check(w, ALICE "contact.add {\"user\":\"carol\"}", "\"ok\":true");
	check(w, BOB "block.add {\"user\":\"alice\"}", "\"ok\":true");
	check(w, ADMIN "user.remove {\"user\":\"carol\"}", "\"ok\":true");
	check(w, ALICE "block.add {\"user\":\"bob\"}", "block.added");
	check_not(w, ALICE "block.add {\"user\":\"bob\"}", "block.added");
	check(w, ALICE "block.add {\"user\":\"carol\"}", "block.added");
	check(w, ALICE "block.add {\"user\":\"alice\"}", "\"conflict\"");
	check(w, ADMIN "user.add {\"user\":\"carol\"}", "\"ok\":true");
	check(w, ALICE "block.add {\"user\":\"carol\"}", "block.added"); /* another one */
}

static void test_mute_goes_with_the_member(void **state)
{
	struct world *w = *state;

	check(w, ALICE "chat.create {\"chat\":\"lobby\",\"members\":[\"bob\"]}", "\"ok\":true");
	check(w, BOB "chat.mute {\"chat\":\"lobby\"}", "chat.muted");
	assert_true(stored(w, "store q\\03bob\\05lobby = \\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\n"));
	check(w, ALICE "member.remove {\"chat\":\"lobby\",\"user\":\"bob\"}", "\"ok\":true");
	assert_false(stored(w, "store q"));
	check(w, BOB "chat.mute {\"chat\":\"lobby\"}", "\"forbidden\"");
	check(w, BOB "chat.mute {\"chat\":\"bob:carol\"}", "\"ok\":true"); /* nothing said yet */
	check(w, ADMIN "user.remove {\"user\":\"bob\"}", "\"ok\":true");
	assert_false(stored(w, "store q"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_strings_at_borders),
		TEST(test_contacts_limit),
		TEST(test_blocks_limit),
		TEST(test_contact_of_a_name_given_again),
		TEST(test_block_of_a_name_given_again),
		TEST(test_block_looks_like_nobody),
		TEST(test_block_in_group),
		TEST(test_devices_limit_drops_the_oldest),
		TEST(test_devices_limit_and_scripts),
		TEST(test_device_remove_is_kept_in_mind),
		TEST(test_device_remove_overtakes_a_connection),
		TEST(test_device_set_makes_the_record),
		TEST(test_devices_revoked_limit),
		TEST(test_story_at_border),
		TEST(test_story_again_for_the_rest),
		TEST(test_seen_until_the_broker_ended),
		TEST(test_story_hidden_from_fewer),
		TEST(test_widened_is_to_be_told),
		TEST(test_presence_hidden_from_fewer),
		TEST(test_hidden_from_a_former_contact),
		TEST(test_hidden_by_the_operator),
		TEST(test_blocks_of_an_account_that_goes),
		TEST(test_block_of_who_has_blocked),
		TEST(test_mute_goes_with_the_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
