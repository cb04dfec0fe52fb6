/* access_test.c — every topic by every role and membership; what changes; what it costs. */
#include "plugin/access.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "book.h"
#include "place.h"
#include "wire/hashmap.h"
#include "wire/record.h"

static struct directory *book;
static struct counters counters;
static struct facts *facts;
static struct access *access_;

static const struct bytes something = {"x", 1};

static int setup(void **state)
{
	if (place_make(state) != 0 || sodium_init() < 0)
		return -1;
	hash_init();
	book = book_make();
	counters = (struct counters){0};
	assert_err(facts_create(&facts, book, &counters), ERR_OK);
	access_ = access_create(facts);
	assert_non_null(access_);
	return 0;
}

static int teardown(void **state)
{
	access_destroy(access_);
	facts_destroy(facts);
	directory_close(book);
	return place_remove(state);
}

/* Who asks, in the order of the letters in the tables below. */
enum who { ALICE, BOB, CAROL, DAVE, ROOT, CTL, BRIDGE, WHOS };

static struct identity who(enum who w)
{
	static const struct {
		const char *user, *device;
		bool system;
		enum role role;
	} all[WHOS] = {
		[ALICE] = {"alice", "phone", false, ROLE_USER},
		[BOB] = {"bob", "phone", false, ROLE_USER},
		[CAROL] = {"carol", "phone", false, ROLE_USER},
		[DAVE] = {"dave", "phone", false, ROLE_USER},
		[ROOT] = {"root", "phone", false, ROLE_USER},
		[CTL] = {CTL_CLIENT, "", true, ROLE_ADMIN},
		[BRIDGE] = {BRIDGE_CLIENT, "", true, ROLE_SERVICE},
	};
	struct identity id;

	identity_init(&id, all[w].user, all[w].device);
	id.system = all[w].system;
	id.role = (unsigned char)all[w].role;
	id.role_fixed = all[w].system;
	return id;
}

static char letter(enum verdict v)
{
	return "-+o"[v];
}

/* want: for each of alice, bob, carol, dave, root, gnatterctl, gnatterd: - no, + yes, o others
 * decide. */
static void expect(const char *what, const char *asked, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s %s: %s instead of %s", what, asked, got, want);
}

static void test_access_read_every_topic(void **state)
{
	static const struct {
		const char *topic, *want;
	} cases[] = {
		{"chat/lobby/msg", "++--+++"},
		{"chat/lobby/mark/alice", "++--+++"},
		{"chat/lobby/typing/bob", "++--+++"},
		{"chat/lobby/info", "++--+++"},
		{"chat/lobby/send", "-------"},
		{"chat/lobby/ack", "-------"},
		{"chat/lobby/other", "-------"},
		{"chat/news/msg", "++--+++"},
		{"chat/nowhere/msg", "----+++"},
		{"chat/alice:bob/msg", "++--+++"},
		{"chat/bob:carol/msg", "-++-+++"},
		{"chat/alice:nobody/msg", "----+++"},
		{"chat/alice:dave/msg", "+---+++"},
		{"chat/bob:alice/msg", "-------"},
		{"chat/alice:alice/msg", "-------"},
		{"chat/Lobby/msg", "-------"},
		{"chat/lobby", "-------"},
		{"chat", "-------"},
		{"user/alice/events", "+---+++"},
		{"user/alice/errors", "+---+++"},
		{"user/alice/status", "+++-+++"},
		{"user/dave/status", "----+++"},
		{"user/nobody/status", "----+++"},
		{"user/dave/events", "----+++"},
		{"user/alice/other", "-------"},
		{"presence/bob", "+++-+++"},
		{"presence/dave", "----+++"},
		{"presence/nobody", "----+++"},
		{"presence/bob/phone", "-+--+++"},
		{"presence/bob/phone/x", "-------"},
		{"api/chats", "-------"},
		{"reply/chats", "+++-+++"},
		{"$SYS/broker/uptime", "----+++"},
		{"$CONTROL/gnatter/v1", "----ooo"},
		{"$gnatter/frame", "----ooo"},
		{"home/kitchen", "ooo-ooo"},
		{"e", "ooo-ooo"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char got[WHOS + 1] = {0};

		for (enum who w = 0; w < WHOS; w++) {
			struct identity id = who(w);

			struct delivery d = {cases[i].topic, something, true, false};

			got[w] = letter(access_read(access_, &id, &d));
			assert_int_equal(letter(access_read(access_, &id, &d)), got[w]);
		}
		expect("read", cases[i].topic, got, cases[i].want);
	}
	assert_int_equal(counters.directory_failures, 0);
}

static void test_access_write_every_topic(void **state)
{
	static const struct {
		struct publish p;
		const char *want;
	} cases[] = {
		{{.topic = "chat/lobby/send", .qos = 1}, "++-----"},
		{{.topic = "chat/lobby/send", .retain = true, .payload_len = 1 << 20}, "++-----"},
		{{.topic = "chat/lobby/ack"}, "++-----"},
		{{.topic = "chat/lobby/msg"}, "-------"},
		{{.topic = "chat/lobby/info"}, "-------"},
		{{.topic = "chat/lobby/mark/alice"}, "-------"},
		{{.topic = "chat/lobby/typing/alice"}, "+------"},
		{{.topic = "chat/lobby/typing/alice", .payload_len = 1024}, "+------"},
		{{.topic = "chat/lobby/typing/alice", .payload_len = 1025}, "-------"},
		{{.topic = "chat/lobby/typing/alice", .qos = 1}, "-------"},
		{{.topic = "chat/lobby/typing/carol"}, "-------"},
		{{.topic = "chat/news/send"}, "+------"},
		{{.topic = "chat/news/ack"}, "++-----"},
		{{.topic = "chat/news/typing/alice"}, "+------"},
		{{.topic = "chat/news/typing/bob"}, "-------"},
		{{.topic = "chat/nowhere/send"}, "-------"},
		{{.topic = "chat/alice:bob/send"}, "++-----"},
		{{.topic = "chat/bob:carol/ack"}, "-++----"},
		{{.topic = "chat/alice:nobody/send"}, "-------"},
		{{.topic = "user/alice/events"}, "-------"},
		{{.topic = "user/alice/errors"}, "-------"},
		{{.topic = "user/alice/status"}, "-------"},
		{{.topic = "presence/bob"}, "-------"},
		{{.topic = "presence/bob/phone", .qos = 1, .retain = true}, "-+-----"},
		{{.topic = "presence/bob/phone", .payload_len = 1025}, "-------"},
		{{.topic = "presence/bob/tablet"}, "-------"},
		{{.topic = "presence/dave/phone"}, "-------"},
		{{.topic = "api/chats", .qos = 2}, "+++-+++"},
		{{.topic = "api/Chats"}, "-------"},
		{{.topic = "reply/chats"}, "-------"},
		{{.topic = "$SYS/broker/uptime"}, "-------"},
		{{.topic = "$CONTROL/gnatter/v1"}, "------+"},
		{{.topic = "$CONTROL/dynamic-security/v1"}, "----ooo"},
		{{.topic = "$gnatter/frame"}, "----ooo"},
		{{.topic = "home/kitchen"}, "ooo-ooo"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char got[WHOS + 1] = {0};

		for (enum who w = 0; w < WHOS; w++) {
			struct identity id = who(w);

			got[w] = letter(access_write(access_, &id, &cases[i].p));
			assert_int_equal(letter(access_write(access_, &id, &cases[i].p)), got[w]);
		}
		expect("write", cases[i].p.topic, got, cases[i].want);
	}
}

static void test_access_subscribe_every_filter(void **state)
{
	static const struct {
		const char *filter, *want;
	} cases[] = {
		{"chat/lobby/msg", "++--+++"},
		{"chat/lobby/#", "++--+++"},
		{"chat/lobby/+", "++--+++"},
		{"chat/lobby/mark/+", "++--+++"},
		{"chat/lobby/send", "-------"},
		{"chat/alice:bob/#", "++--+++"},
		{"chat/nowhere/#", "----+++"},
		{"chat/+/msg", "----+++"},
		{"chat/#", "----+++"},
		{"#", "----+++"},
		{"+/+/msg", "----+++"},
		{"$share/g/chat/lobby/msg", "----+++"},
		{"user/alice/#", "+---+++"},
		{"user/alice/events", "+---+++"},
		{"user/+/events", "----+++"},
		{"user/alice/+", "+---+++"},
		{"user/alice/status", "+++-+++"},
		{"user/dave/status", "+++-+++"},
		{"user/nobody/status", "+++-+++"},
		{"user/alice/status/#", "+---+++"},
		{"user/+/status", "----+++"},
		{"user/Alice/status", "-------"},
		{"presence/bob", "+++-+++"},
		{"presence/dave", "+++-+++"},
		{"presence/nobody", "+++-+++"},
		{"presence/bob/#", "-+--+++"},
		{"presence/bob/+", "-+--+++"},
		{"presence/bob/phone", "-+--+++"},
		{"presence/+", "----+++"},
		{"presence/#", "----+++"},
		{"presence/Bob", "-------"},
		{"api/#", "-------"},
		{"api/chats", "-------"},
		{"reply/#", "+++-+++"},
		{"reply/chats", "+++-+++"},
		{"$SYS/#", "----+++"},
		{"$CONTROL/dynamic-security/v1/response", "----ooo"},
		{"$gnatter/#", "----ooo"},
		{"e", "+++-+++"},
		{"answers/of/alice", "+++-+++"},
		{"home/+", "ooo-ooo"},
		{"home/#", "ooo-ooo"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char got[WHOS + 1] = {0};

		for (enum who w = 0; w < WHOS; w++) {
			struct identity id = who(w);

			got[w] = letter(access_subscribe(access_, &id, cases[i].filter));
		}
		expect("subscribe", cases[i].filter, got, cases[i].want);
	}
}

static bool reads_payload(struct identity *id, const char *topic, const char *payload)
{
	struct delivery d = {topic, bytes_of_text(payload), true, false};

	return access_read(access_, id, &d) == VERDICT_ALLOW;
}

static bool reads(struct identity *id, const char *topic)
{
	struct delivery d = {topic, something, true, false};

	return access_read(access_, id, &d) == VERDICT_ALLOW;
}

static bool writes(struct identity *id, const char *topic)
{
	return access_write(access_, id, &(struct publish){.topic = topic}) == VERDICT_ALLOW;
}

static void test_access_follows_the_directory_at_once(void **state)
{
	struct identity alice = who(ALICE), bob = who(BOB), root = who(ROOT);

	(void)state;
	assert_true(reads(&bob, "chat/lobby/msg") && writes(&bob, "chat/lobby/send"));
	book_forget_member(book, "lobby", "bob");
	assert_false(reads(&bob, "chat/lobby/msg") || writes(&bob, "chat/lobby/send"));
	book_member(book, "lobby", "bob", false);
	assert_true(reads(&bob, "chat/lobby/msg") && writes(&bob, "chat/lobby/send"));

	assert_false(writes(&bob, "chat/news/send"));
	book_member(book, "news", "bob", true);
	assert_true(writes(&bob, "chat/news/send"));
	book_member(book, "news", "bob", false);
	assert_false(writes(&bob, "chat/news/send"));

	book_user(book, "bob", &(struct user){.disabled = true});
	assert_false(reads(&bob, "chat/lobby/msg") || reads(&bob, "user/bob/events"));
	assert_false(writes(&bob, "api/me"));
	assert_true(reads(&alice, "chat/alice:bob/msg"));
	book_forget_user(book, "bob");
	assert_false(reads(&alice, "chat/alice:bob/msg"));
	book_user(book, "bob", &(struct user){0});
	assert_true(reads(&bob, "chat/lobby/msg"));

	assert_true(reads(&root, "chat/lobby/msg"));
	book_user(book, "root", &(struct user){.role = ROLE_USER});
	assert_false(reads(&root, "chat/lobby/msg"));
}

static void test_access_role_of_a_token_stays(void **state)
{
	struct identity bob = who(BOB);

	(void)state;
	bob.role = ROLE_ADMIN;
	bob.role_fixed = true;
	assert_true(reads(&bob, "user/alice/events"));
	book_user(book, "bob", &(struct user){.role = ROLE_USER});
	assert_true(reads(&bob, "user/alice/events"));
	assert_false(writes(&bob, "chat/alice:carol/send"));
}

/* More chats than an identity remembers, and more than have numbers. */
static void test_access_many_chats(void **state)
{
	struct identity bob = who(BOB), carol = who(CAROL);
	char topic[64], name[32];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "g%d", i * 200);
		book_chat(book, name, KIND_GROUP);
		book_member(book, name, "bob", false);
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8000; i++) {
			snprintf(topic, sizeof(topic), "chat/g%d/msg", i);
			assert_int_equal(reads(&bob, topic), i % 200 == 0);
			assert_false(reads(&carol, topic));
		}
	}
}

static void test_access_absent_by_names(void **state)
{
	struct identity *id;

	(void)state;
	id = access_absent(access_, "bob:phone", "bob");
	assert_non_null(id);
	assert_true(reads(id, "chat/lobby/msg"));
	assert_true(writes(id, "chat/lobby/send"));
	/* A will: retained, and not on its way through the spool. */
	assert_int_equal(access_write(access_, id,
				 &(struct publish){.topic = "chat/lobby/send", .retain = true}),
		VERDICT_DENY);
	assert_int_equal(access_write(access_, id,
				 &(struct publish){.topic = "presence/bob/phone", .retain = true}),
		VERDICT_ALLOW);
	id = access_absent(access_, "bob:tablet", "bob");
	assert_int_equal(access_write(access_, id,
				 &(struct publish){.topic = "presence/bob/phone", .retain = true}),
		VERDICT_DENY);
	assert_true(reads(access_absent(access_, "shell", "root"), "chat/lobby/msg"));
	assert_false(reads(access_absent(access_, "shell", "dave"), "chat/lobby/msg"));
	assert_null(access_absent(access_, "alice:phone", "bob"));
	assert_null(access_absent(access_, "$gnatterd", "$gnatterd"));
	assert_null(access_absent(access_, "x", "Bob"));
	assert_null(access_absent(access_, NULL, "bob"));
	assert_null(access_absent(access_, "x", NULL));
}

/* Without an answer from the directory everything is refused, and nothing is remembered. */
static void test_access_refuses_damaged_entries(void **state)
{
	struct identity bob = who(BOB), alice = who(ALICE), *waiting;

	(void)state;
	book_damage(book, TABLE_MEMBERS, key_member(bytes_of_text("lobby"), bytes_of_text("bob")));
	assert_false(reads(&bob, "chat/lobby/msg"));
	assert_false(reads(&bob, "chat/lobby/msg"));
	assert_int_equal(counters.directory_failures, 2);

	assert_true(reads(&bob, "presence/alice") && reads(&bob, "chat/alice:bob/msg"));
	book_damage(book, TABLE_BLOCKS, key_block(bytes_of_text("alice"), bytes_of_text("bob")));
	assert_false(reads(&bob, "presence/alice"));
	assert_false(reads(&bob, "chat/alice:bob/msg"));
	assert_false(reads(&alice, "chat/alice:bob/msg"));
	assert_int_equal(counters.directory_failures, 5);

	book_damage(book, TABLE_REVOKED, key_revoked(bytes_of_text("bob"), bytes_of_text("phone")));
	waiting = access_absent(access_, "bob:phone", "bob");
	assert_false(reads(waiting, "user/bob/events"));
	assert_false(reads(waiting, "user/bob/events"));
	assert_int_equal(counters.directory_failures, 7);
	assert_true(reads(&bob, "user/bob/events"));

	book_damage(book, TABLE_USERS, key_user(bytes_of_text("alice")));
	assert_false(reads(&bob, "user/alice/status"));
	assert_false(reads(&bob, "chat/alice:bob/msg"));
	assert_int_equal(counters.directory_failures, 9);
}

/* Of presence and story: by each one's own privacy, by contacts, by blocks. */
static void test_access_privacy(void **state)
{
	enum { EVERYONE = VISIBLE_EVERYONE, CONTACTS = VISIBLE_CONTACTS, NOBODY = VISIBLE_NOBODY };
	static const struct {
		uint8_t presence, status;
		bool contact, blocked, sees_presence, sees_status;
	} cases[] = {
		{EVERYONE, NOBODY, false, false, true, false},
		{NOBODY, EVERYONE, false, false, false, true},
		{CONTACTS, NOBODY, false, false, false, false},
		{CONTACTS, NOBODY, true, false, true, false},
		{NOBODY, CONTACTS, true, false, false, true},
		{EVERYONE, EVERYONE, false, true, false, false},
		{CONTACTS, CONTACTS, true, true, false, false},
	};
	struct identity bob = who(BOB), carol = who(CAROL), root = who(ROOT);

	(void)state;
	book_contact(book, "carol", "bob", 0); /* the other way round it means nothing */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct user u = {0};

		u.privacy[PRIVACY_PRESENCE] = cases[i].presence;
		u.privacy[PRIVACY_STATUS] = cases[i].status;
		book_user(book, "bob", &u);
		if (cases[i].contact)
			book_contact(book, "bob", "carol", 0);
		if (cases[i].blocked)
			book_block(book, "bob", "carol", 0);
		if (reads(&carol, "presence/bob") != cases[i].sees_presence ||
			reads(&carol, "user/bob/status") != cases[i].sees_status)
			fail_msg("case %zu", i);
		assert_true(reads(&bob, "presence/bob") && reads(&bob, "user/bob/status"));
		assert_true(reads(&root, "presence/bob") && reads(&root, "user/bob/status"));
		assert_false(reads(&carol, "presence/bob/phone"));
		book_forget_contact(book, "bob", "carol");
		book_forget_block(book, "bob", "carol");
	}
	assert_int_equal(counters.directory_failures, 0);
}

/* --- what is hidden */

static const char *const shown[] = {"presence/bob", "user/bob/status"};

static void set_bob(uint8_t level)
{
	struct user u = {.privacy = {level, level, level, level}};

	book_user(book, "bob", &u);
}

/* Is it shown that there is nothing? */
static bool loses(struct identity *id, const char *topic, bool queued)
{
	struct delivery d = {topic, {NULL, 0}, false, queued};

	return access_read(access_, id, &d) == VERDICT_ALLOW;
}

static void hide_from(const char *topic, const char *viewer, enum visibility level)
{
	assert_true(access_hide(access_, topic, &(struct audience){bytes_of_text(viewer), level}));
}

static void pass_by(void)
{
	access_tick(access_);
	access_tick(access_);
}

/* To one, for as long as the broker may ask about it; but not if he may see it (again). */
static void test_access_hidden_from_one(void **state)
{
	struct identity bob = who(BOB), carol = who(CAROL), alice = who(ALICE), root = who(ROOT);

	(void)state;
	for (int i = 0; i < 2; i++) {
		set_bob(VISIBLE_EVERYONE);
		book_block(book, "bob", "carol", 500);
		assert_false(loses(&carol, shown[i], false));
		hide_from(shown[i], "carol", VISIBLE_EVERYONE);
		assert_true(loses(&carol, shown[i], false) && loses(&carol, shown[i], false));
		assert_false(loses(&carol, shown[!i], false));
		access_tick(access_);
		hide_from(shown[i], "dave", VISIBLE_EVERYONE);
		assert_true(loses(&carol, shown[i], false));
		assert_false(loses(&alice, shown[i], false) || loses(&bob, shown[i], false) ||
			     loses(&root, shown[i], false));
		set_bob(VISIBLE_CONTACTS);
		assert_false(loses(&alice, shown[i], false)); /* a stranger never heard of it */
		book_forget_block(book, "bob", "carol");
		set_bob(VISIBLE_EVERYONE);
		assert_false(loses(&carol, shown[i], false));
		book_block(book, "bob", "carol", 500);
		access_tick(access_);
		assert_false(loses(&carol, shown[i], false));
		assert_true(loses(&carol, shown[i], true)); /* it is in her session */
		book_forget_block(book, "bob", "carol");
		assert_false(loses(&carol, shown[i], true));
		pass_by();
	}
	assert_false(loses(&carol, "presence/bob/phone", true));
}

static void test_access_hidden_from_all_who_could(void **state)
{
	struct identity alice = who(ALICE), carol = who(CAROL);

	(void)state;
	book_contact(book, "bob", "carol", 500);
	for (int i = 0; i < 2; i++) {
		set_bob(VISIBLE_NOBODY);
		hide_from(shown[i], "", VISIBLE_CONTACTS);
		assert_true(loses(&carol, shown[i], false));
		assert_false(loses(&alice, shown[i], false));
		hide_from(shown[i], "", VISIBLE_EVERYONE);
		assert_true(loses(&alice, shown[i], false));
		book_block(book, "bob", "alice", 500);
		assert_false(loses(&alice, shown[i], false));
		assert_false(reads(&carol, shown[i]));
		/* he is disabled: nobody sees anything */
		book_user(book, "bob", &(struct user){.disabled = true});
		assert_true(loses(&carol, shown[i], false));
		assert_false(loses(&alice, shown[i], false));
		/* and gone, with his contacts */
		book_forget_user(book, "bob");
		book_forget_contact(book, "bob", "carol");
		assert_true(loses(&carol, shown[i], false));
		assert_false(loses(&alice, shown[i], false));
		pass_by();
		hide_from(shown[i], "", VISIBLE_NOBODY);
		assert_false(loses(&carol, shown[i], false));
		book_forget_block(book, "bob", "alice");
		book_contact(book, "bob", "carol", 500);
		pass_by();
	}
	assert_int_equal(counters.directory_failures, 0);
}

/* When somebody was seen last goes to those alone who may see that, too. */
static void test_access_last_seen(void **state)
{
	static const char with[] = "{\"online\":false,\"devices\":0,\"last_seen\":5,\"ts\":6}";
	static const char without[] = "{\"online\":false,\"devices\":0,\"ts\":6}";
	static const char busy[] = "{\"online\":true,\"text\":\"\\\"last_seen\\\":\",\"ts\":6}";
	static const char online[] = "{\"online\":true,\"devices\":1,\"last_seen\":5,\"ts\":6}";
	struct user u = {.privacy = {[PRIVACY_LAST_SEEN] = VISIBLE_NOBODY}};
	struct identity bob = who(BOB), carol = who(CAROL), root = who(ROOT);

	(void)state;
	book_user(book, "bob", &u);
	assert_false(reads_payload(&carol, "presence/bob", with));
	assert_true(reads_payload(&carol, "presence/bob", without));
	assert_true(reads_payload(&carol, "presence/bob", busy));
	assert_false(reads_payload(&carol, "presence/bob", online));
	assert_true(reads_payload(&bob, "presence/bob", online));
	assert_true(reads_payload(&bob, "presence/bob", with));
	assert_true(reads_payload(&root, "presence/bob", with));
	u.privacy[PRIVACY_PRESENCE] = VISIBLE_NOBODY; /* who is to see the one only sees neither */
	u.privacy[PRIVACY_LAST_SEEN] = VISIBLE_EVERYONE;
	book_user(book, "bob", &u);
	assert_false(reads_payload(&carol, "presence/bob", with));
	set_bob(VISIBLE_EVERYONE);
	assert_true(reads_payload(&carol, "presence/bob", with));
	assert_true(reads_payload(&carol, "presence/bob", online));
}

/* A contact, or a block, from before the account was made was another one's. */
static void test_access_contacts_of_a_former_account(void **state)
{
	struct user bob = {.privacy = {[PRIVACY_PRESENCE] = VISIBLE_CONTACTS}};

	(void)state;
	book_user(book, "bob", &bob);
	book_user(book, "carol", &(struct user){.created = 1000});
	for (int known = 0; known < 2; known++) {
		struct identity carol = who(CAROL);

		carol.created = known ? 1000 : 0;
		book_contact(book, "bob", "carol", 999);
		assert_false(reads(&carol, "presence/bob"));
		book_contact(book, "bob", "carol", 1000);
		assert_true(reads(&carol, "presence/bob"));
		book_block(book, "bob", "carol", 999);
		assert_true(reads(&carol, "presence/bob"));
		assert_true(writes(&carol, "chat/bob:carol/send"));
		book_block(book, "bob", "carol", 1000);
		assert_false(reads(&carol, "presence/bob"));
		assert_false(writes(&carol, "chat/bob:carol/send"));
		book_forget_block(book, "bob", "carol");
	}
}

/* Either of the two ends it for both, and for no other chat. */
static void test_access_blocks_in_pairs(void **state)
{
	struct identity alice = who(ALICE), bob = who(BOB), carol = who(CAROL), root = who(ROOT);
	const char *by[] = {"bob", "carol"}, *whom[] = {"carol", "bob"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(writes(&bob, "chat/bob:carol/send"));
		assert_true(writes(&carol, "chat/bob:carol/send"));
		book_block(book, by[i], whom[i], 0);
		assert_false(writes(&bob, "chat/bob:carol/send"));
		assert_false(writes(&carol, "chat/bob:carol/send"));
		assert_false(writes(&carol, "chat/bob:carol/ack"));
		assert_false(reads(&bob, "chat/bob:carol/msg"));
		assert_false(reads(&carol, "chat/bob:carol/msg"));
		assert_int_equal(
			access_subscribe(access_, &carol, "chat/bob:carol/#"), VERDICT_DENY);
		assert_true(reads(&root, "chat/bob:carol/msg"));
		assert_true(writes(&alice, "chat/alice:bob/send"));
		assert_true(writes(&bob, "chat/lobby/send"));
		book_forget_block(book, by[i], whom[i]);
	}
	/* The one who is blocked is another one by now. */
	book_user(book, "carol", &(struct user){.created = 1000});
	book_block(book, "bob", "carol", 999);
	assert_true(writes(&bob, "chat/bob:carol/send") && writes(&carol, "chat/bob:carol/send"));
	book_block(book, "bob", "carol", 1000);
	assert_false(writes(&bob, "chat/bob:carol/send") || writes(&carol, "chat/bob:carol/send"));
}

/* What was said stays, and with it the right to say how far one has read; and no other. */
static void test_access_ack_of_a_pair_that_ended(void **state)
{
	struct identity alice = who(ALICE), bob = who(BOB), carol = who(CAROL);
	const struct publish will = {.topic = "chat/bob:carol/ack", .retain = true};

	(void)state;
	book_member(book, "bob:carol", "bob", false);
	book_member(book, "bob:carol", "carol", false);
	book_block(book, "bob", "carol", 0);
	assert_true(writes(&bob, "chat/bob:carol/ack") && writes(&carol, "chat/bob:carol/ack"));
	assert_false(writes(&alice, "chat/bob:carol/ack"));
	assert_false(writes(&bob, "chat/bob:carol/typing/bob"));
	assert_false(writes(&carol, "chat/bob:carol/send"));
	assert_false(reads(&bob, "chat/bob:carol/mark/carol"));
	assert_false(reads(&carol, "chat/bob:carol/mark/carol"));
	assert_false(access_write(access_, access_absent(access_, "bob:phone", "bob"), &will) ==
		     VERDICT_ALLOW);
	book_forget_block(book, "bob", "carol");
	book_forget_member(book, "bob:carol", "carol");
	book_forget_user(book, "carol");
	assert_true(writes(&bob, "chat/bob:carol/ack"));
	assert_false(writes(&bob, "chat/bob:carol/send"));
	assert_false(writes(&carol, "chat/bob:carol/ack"));
	book_user(book, "carol", &(struct user){.created = 1000});
	book_block(book, "bob", "carol", 1000);
	assert_false(writes(&carol, "chat/bob:carol/ack"));
	book_user(book, "bob", &(struct user){.disabled = true});
	assert_false(writes(&bob, "chat/bob:carol/ack"));
}

/* Who hides what he has read is told of nobody's; what was delivered is no secret. */
static void test_access_receipts_hidden(void **state)
{
	static const char delivered[] =
		"{\"chat\":\"lobby\",\"user\":\"bob\",\"delivered\":9,\"ts\":1}";
	static const char read[] = "{\"chat\":\"lobby\",\"user\":\"bob\",\"delivered\":9,"
				   "\"read\":7,\"ts\":1}";
	struct identity alice = who(ALICE), bob = who(BOB), carol = who(CAROL);

	(void)state;
	assert_true(reads_payload(&alice, "chat/lobby/mark/bob", read));
	book_user(book, "alice", &(struct user){.receipts_hidden = true});
	assert_false(reads_payload(&alice, "chat/lobby/mark/bob", read));
	assert_false(reads_payload(&alice, "chat/lobby/mark/alice", read));
	assert_true(reads_payload(&alice, "chat/lobby/mark/bob", delivered));
	assert_true(reads_payload(&alice, "chat/lobby/msg", read));
	assert_true(reads_payload(&bob, "chat/lobby/mark/alice", read));
	assert_false(reads_payload(&carol, "chat/lobby/mark/bob", delivered));
	book_user(book, "alice", &(struct user){0});
	assert_true(reads_payload(&alice, "chat/lobby/mark/bob", read));
}

/* The session of a device that was removed is there until the device signs in anew. */
static void test_access_absent_device_that_was_removed(void **state)
{
	const struct publish will = {.topic = "presence/bob/phone", .retain = true};
	struct identity here = who(BOB);

	(void)state;
	assert_true(reads(access_absent(access_, "bob:phone", "bob"), "chat/lobby/msg"));
	book_remove_device(book, "bob", "phone", 5, false);
	assert_false(reads(access_absent(access_, "bob:phone", "bob"), "chat/lobby/msg"));
	assert_false(reads(access_absent(access_, "bob:phone", "bob"), "user/bob/events"));
	assert_false(reads(access_absent(access_, "bob:phone", "bob"), "reply/me"));
	assert_int_equal(access_write(access_, access_absent(access_, "bob:phone", "bob"), &will),
		VERDICT_DENY);
	assert_true(reads(access_absent(access_, "bob:tablet", "bob"), "chat/lobby/msg"));
	assert_true(reads(access_absent(access_, "phone", "bob"), "chat/lobby/msg"));
	assert_true(reads(&here, "chat/lobby/msg"));
	book_remove_device(book, "bob", "phone", 5, true);
	assert_true(reads(access_absent(access_, "bob:phone", "bob"), "chat/lobby/msg"));
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define ROUNDS 200000

/* Prints; fails only if something is slower by an order of magnitude. */
static void test_access_cost(void **state)
{
	static struct identity members[50];
	struct identity *id;
	double start, known, asked, absent, seen;

	(void)state;
	for (size_t i = 0; i < 50; i++)
		members[i] = who(i % 2 ? ALICE : BOB);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++)
		assert_true(reads(&members[i % 50], "chat/lobby/msg"));
	known = (now_ns() - start) / ROUNDS;
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		members[0].memo = (struct memo){0};
		assert_true(reads(&members[0], "chat/lobby/msg"));
	}
	asked = (now_ns() - start) / ROUNDS;
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		id = access_absent(access_, "bob:phone", "bob");
		assert_true(reads(id, "chat/lobby/msg"));
	}
	absent = (now_ns() - start) / ROUNDS;
	book_user(
		book, "carol", &(struct user){.privacy = {[PRIVACY_PRESENCE] = VISIBLE_CONTACTS}});
	book_contact(book, "carol", "alice", 0);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++)
		assert_true(reads(&members[1], "presence/carol"));
	seen = (now_ns() - start) / ROUNDS;
	print_message("a delivery's check: %.0f ns; not asked before: %.0f ns; of a session that "
		      "waits: %.0f ns; of presence: %.0f ns\n",
		known, asked, absent, seen);
	assert_true(known < 2000 && asked < 20000 && absent < 5000 && seen < 20000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_access_read_every_topic),
		CASE(test_access_write_every_topic),
		CASE(test_access_subscribe_every_filter),
		CASE(test_access_follows_the_directory_at_once),
		CASE(test_access_role_of_a_token_stays),
		CASE(test_access_many_chats),
		CASE(test_access_absent_by_names),
		CASE(test_access_refuses_damaged_entries),
		CASE(test_access_privacy),
		CASE(test_access_hidden_from_one),
		CASE(test_access_hidden_from_all_who_could),
		CASE(test_access_last_seen),
		CASE(test_access_contacts_of_a_former_account),
		CASE(test_access_blocks_in_pairs),
		CASE(test_access_ack_of_a_pair_that_ended),
		CASE(test_access_receipts_hidden),
		CASE(test_access_absent_device_that_was_removed),
		CASE(test_access_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
