/* query_people_test.c — what is told of people, and to whom: a real store and directory with rows
 * written by hand, and requests as the daemon gets them.
 */
#include "bridge/presence_view.h"
#include "bridge/query.h"
#include "persist/keys.h"
#include "persist/values.h"

#include "tests/unit/persist/memory_base.h"
#include "tests/unit/persist/scratch.h"

#include <time.h>

#define NOW UINT64_C(1000000) /* ms: of every request */

#define FORBIDDEN                                                                                  \
	"{\"error\":{\"code\":\"forbidden\",\"message\":\"not allowed, or there is no such thing " \
	"for "                                                                                     \
	"this user\"}}"

struct world {
	struct conf conf;
	struct store *store;
	struct directory *directory;
	struct directory_reader *reader;
	struct stats stats;
	struct memory_base nothing;
	struct batch *batch; /* rows on their way: see settle() */
	struct buf answer;
	enum role role; /* of who asks */
	const char *client;
	const struct push_offer *offer;
};

/* ---- the world
 * ----------------------------------------------------------------------------------- */

static void open_all(struct world *w, bool create)
{
	assert_err(store_open(&w->store, in_scratch("store"), &w->conf,
			   create ? STORE_CREATE : STORE_OPEN, why, sizeof(why)),
		ERR_OK);
	assert_err(directory_open(&w->directory, in_scratch("directory"), 256u << 20,
			   create ? DIRECTORY_CREATE : DIRECTORY_WRITE, why, sizeof(why)),
		ERR_OK);
	assert_int_equal(directory_reader_create(&w->reader, w->directory), ERR_OK);
}

static void close_all(struct world *w)
{
	directory_reader_destroy(w->reader);
	directory_close(w->directory);
	store_close(w->store);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(scratch_make(state), 0);
	assert_int_equal(conf_defaults(&w->conf, scratch), ERR_OK);
	memory_base_init(&w->nothing);
	w->batch = batch_create(&w->nothing.base);
	w->client = "";
	open_all(w, true);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close_all(w);
	batch_destroy(w->batch);
	buf_free(&w->answer);
	free(w);
	return scratch_remove(state);
}

static void settle(struct world *w)
{
	struct bytes none = {NULL, 0};

	assert_err(store_write(w->store, w->batch, none, none, false, why, sizeof(why)), ERR_OK);
	assert_err(directory_write(w->directory, w->batch, why, sizeof(why)), ERR_OK);
	batch_clear(w->batch);
}

/* Takes the value. */
static void put(struct world *w, enum table t, struct key k, struct buf *v)
{
	assert_true(k.len > 0 && !v->failed);
	batch_put(w->batch, t, key_bytes(&k), (struct bytes){v->data ? v->data : "", v->len});
	buf_free(v);
}

static void put_number(struct world *w, enum table t, struct key k, uint64_t n)
{
	struct buf v = {0};

	buf_u64(&v, n);
	put(w, t, k, &v);
}

static void put_user(struct world *w, const char *user, const struct user *u)
{
	struct buf v = {0};

	user_encode(&v, u);
	put(w, TABLE_USERS, key_user(text(user)), &v);
}

/* An account with a name of its own, made at 100, whose privacy is all `level`. */
static struct user someone(const char *name, enum visibility level)
{
	struct user u = USER_NEW;

	u.created = 100;
	u.name = text(name);
	u.about = text("about me");
	u.avatar = text("face");
	memset(u.privacy, (int)level, sizeof(u.privacy));
	return u;
}

static void put_contact(struct world *w, const char *user, const char *contact, uint64_t since)
{
	struct contact c = {.since = since, .name = text("dear")};
	struct buf v = {0};

	contact_encode(&v, &c);
	put(w, TABLE_CONTACTS, key_contact(text(user), text(contact)), &v);
}

static void put_block(struct world *w, const char *user, const char *blocked, uint64_t since)
{
	put_number(w, TABLE_BLOCKS, key_block(text(user), text(blocked)), since);
}

static void put_chat(struct world *w, const char *chat, enum group_kind kind, uint32_t members)
{
	struct chat c = {.kind = kind,
		.created = 5,
		.members = members,
		.by = text("alice"),
		.title = text(kind == KIND_PAIR ? "" : "Title")};
	struct buf v = {0};

	chat_encode(&v, &c);
	put(w, TABLE_CHATS, key_chat(text(chat)), &v);
}

static void put_member(struct world *w, const char *chat, const char *user)
{
	struct member m = {.since = 7};
	struct buf v = {0};

	member_encode(&v, &m);
	put(w, TABLE_MEMBERS, key_member(text(chat), text(user)), &v);
	put(w, TABLE_LISTS, key_list(text(user), text(chat)), &v);
}

/* With the client id <user>:<device>, or, ephemeral, <device>. */
static void put_session(
	struct world *w, const char *user, const char *device, uint64_t since, bool ephemeral)
{
	struct session s = {.since = since, .device = text(device), .ephemeral = ephemeral};
	struct buf v = {0};
	char client[128];

	snprintf(client, sizeof(client), "%s%s%s", ephemeral ? "" : user, ephemeral ? "" : ":",
		device);
	session_encode(&v, &s);
	put(w, TABLE_STORE, key_session(text(user), text(client)), &v);
}

static void put_device(struct world *w, const char *user, const char *device,
	enum presence_state state, uint64_t state_ts, const char *said)
{
	struct device d = {.first = 10,
		.last_seen = 20,
		.state = state,
		.state_ts = state_ts,
		.text = text(said),
		.name = text("My phone"),
		.kind = text("ios")};
	struct buf v = {0};

	device_encode(&v, &d);
	put(w, TABLE_STORE, key_device(text(user), text(device)), &v);
}

static void put_registration(struct world *w, const char *user, const char *device,
	enum push_kind_id kind, enum push_preview preview)
{
	struct push_registration r = {.set_ms = 30,
		.kind = (uint8_t)kind,
		.preview = preview,
		.data = text("{\"token\":\"secret\"}")};
	struct buf v = {0};

	push_registration_encode(&v, &r);
	put(w, TABLE_STORE, key_registration(text(user), text(device)), &v);
}

static void put_mute(struct world *w, const char *user, const char *chat, uint64_t until)
{
	struct buf v = {0};

	mute_encode(&v, &(struct mute){.until = until, .mentions = true});
	put(w, TABLE_STORE, key_mute(text(user), text(chat)), &v);
}

static void put_seen(struct world *w, const char *user, uint64_t last_seen)
{
	struct seen s = {.last_seen = last_seen};
	struct buf v = {0};

	seen_encode(&v, &s);
	put(w, TABLE_STORE, key_seen(text(user)), &v);
}

static void put_story(struct world *w, const char *user, uint64_t expires)
{
	struct story s = {.expires = expires, .payload = text("{\"text\":\"hi\"}")};
	struct buf v = {0};

	story_encode(&v, &s);
	put(w, TABLE_STORE, key_story(text(user)), &v);
}

static void put_mark(struct world *w, const char *chat, const char *user, uint64_t seq)
{
	struct mark m = {.delivered = seq, .read = seq, .read_n = seq};
	struct buf v = {0};

	mark_encode(&v, &m);
	put(w, TABLE_STORE, key_mark(text(chat), text(user)), &v);
}

static void put_state(struct world *w, const char *chat, uint64_t seq, uint64_t ts)
{
	struct chat_state s = {.seq = seq, .ts = ts, .n = seq, .visible = seq};
	struct buf v = {0};

	chat_state_encode(&v, &s);
	put(w, TABLE_STORE, key_state(text(chat)), &v);
}

static void put_message(struct world *w, const char *chat, uint64_t seq, const char *json)
{
	struct buf v = {0};

	buf_str(&v, json);
	put(w, TABLE_STORE, key_message(text(chat), seq), &v);
}

/* ---- asking
 * -------------------------------------------------------------------------------------- */

/* The whole answer; good until the next question. */
static const char *ask(struct world *w, const char *user, const char *method, const char *payload)
{
	struct query_source src = {
		w->store, w->directory, w->reader, &w->conf, &w->stats, w->offer};
	struct record r = {.type = RECORD_API,
		.ts = NOW,
		.role = w->role,
		.user = text(user),
		.client = text(w->client),
		.device = text("phone"),
		.target = text(method),
		.payload = text(payload)};

	settle(w);
	buf_reset(&w->answer);
	query_answer(&src, &r, &w->answer);
	buf_u8(&w->answer, 0);
	assert_false(w->answer.failed);
	return w->answer.data;
}

static void asked(struct world *w, const char *user, const char *method, const char *payload,
	const char *want)
{
	assert_string_equal(ask(w, user, method, payload), want);
}

/* The answer holds these bytes. */
static void assert_has(const char *answer, const char *part)
{
	if (!strstr(answer, part))
		fail_msg("'%s' lacks '%s'", answer, part);
}

static void assert_lacks(const char *answer, const char *part)
{
	if (strstr(answer, part))
		fail_msg("'%s' has '%s'", answer, part);
}

/* alice, bob and carol, who show everything to everybody. */
static void put_three(struct world *w)
{
	static const char *const users[] = {"alice", "bob", "carol"};

	for (size_t i = 0; i < 3; i++) {
		struct user u = someone(users[i], VISIBLE_EVERYONE);

		put_user(w, users[i], &u);
	}
}

/* ---- presence
 * ------------------------------------------------------------------------------------ */

static struct presence_view view(struct world *w, const char *user)
{
	struct presence_view v;

	settle(w);
	memset(&v, 0x55, sizeof(v));
	assert_int_equal(presence_view(w->store, NULL, text(user), &v), ERR_OK);
	return v;
}

static void written(const struct presence_view *v, bool last_seen, const char *want)
{
	struct buf b = {0};

	buf_str(&b, "before");
	presence_write(&b, v, last_seen, 99);
	buf_u8(&b, 0);
	assert_string_equal(b.data + 6, want);
	buf_free(&b);
}

static void test_presence_view_nobody(void **state)
{
	struct world *w = *state;
	struct presence_view v = view(w, "bob");

	assert_int_equal(v.devices, 0);
	assert_int_equal(v.state, STATE_OFFLINE);
	assert_int_equal(v.last_seen, 0);
	written(&v, true, "{\"online\":false,\"devices\":0,\"ts\":99}");
	put_seen(w, "bob", 40);
	put_session(w, "bobby", "tab", 50, false); /* another one's */
	v = view(w, "bob");
	assert_int_equal(v.devices, 0);
	written(&v, true, "{\"online\":false,\"devices\":0,\"last_seen\":40,\"ts\":99}");
	written(&v, false, "{\"online\":false,\"devices\":0,\"ts\":99}");
}

/* One connected device each, and what it said of itself. */
static void test_presence_view_most_available(void **state)
{
	static const struct {
		const char *devices; /* of each: its state, o b a - (none: 0, no record: ?) */
		uint32_t count;
		enum presence_state want;
		const char *said;
	} cases[] = {
		{"o", 1, STATE_ONLINE, "0"}, {"b", 1, STATE_BUSY, "0"}, {"ab", 2, STATE_BUSY, "1"},
		{"ba", 2, STATE_BUSY, "0"}, {"bao", 3, STATE_ONLINE, "2"},
		{"oba", 3, STATE_ONLINE, "0"}, {"aa", 2, STATE_AWAY, "1"}, /* the newer one */
		{"b-", 1, STATE_BUSY, "0"}, /* does not want to be counted */
		{"-", 0, STATE_OFFLINE, ""}, {"b?", 2, STATE_ONLINE, ""},
		{"o?", 2, STATE_ONLINE, "0"}, {"be", 2, STATE_ONLINE, ""}, /* a script is online */
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct presence_view v;
		char user[8];

		snprintf(user, sizeof(user), "u%zu", i);
		for (size_t d = 0; cases[i].devices[d]; d++) {
			char device[2] = {(char)('0' + d), '\0'};
			char c = cases[i].devices[d];

			put_session(w, user, device, 5, c == 'e');
			if (c != '?' && c != 'e')
				put_device(w, user, device,
					c == 'o'   ? STATE_ONLINE
					: c == 'b' ? STATE_BUSY
					: c == 'a' ? STATE_AWAY
						   : STATE_OFFLINE,
					10 + d, device);
		}
		v = view(w, user);
		assert_int_equal(v.devices, cases[i].count);
		assert_int_equal(v.state, cases[i].want);
		assert_string_equal(v.text, cases[i].said);
	}
}

/* A script's client id may be the name of a device: it says nothing of that device. */
static void test_presence_view_ephemeral_is_no_device(void **state)
{
	struct world *w = *state;

	put_session(w, "bob", "phone", 5, true);
	put_device(w, "bob", "phone", STATE_OFFLINE, 6, "");
	assert_int_equal(view(w, "bob").devices, 1);
}

static void test_presence_view_last_seen_and_form(void **state)
{
	struct world *w = *state;
	char said[STATE_TEXT_MAX + 1];
	struct presence_view v;

	memset(said, 'x', STATE_TEXT_MAX);
	said[STATE_TEXT_MAX] = '\0';
	said[0] = '"';
	put_seen(w, "bob", 40);
	put_session(w, "bob", "tab", 50, false);
	put_session(w, "bob", "phone", 45, false);
	put_device(w, "bob", "tab", STATE_AWAY, 1, said);
	put_device(w, "bob", "phone", STATE_AWAY, 0, "");
	v = view(w, "bob");
	assert_int_equal(v.last_seen, 50);
	assert_string_equal(v.text, said);
	strcpy(v.text, "\"");
	written(&v, true,
		"{\"online\":true,\"devices\":2,\"state\":\"away\",\"text\":\"\\\"\","
		"\"last_seen\":50,\"ts\":99}");
	put_seen(w, "bob", 60);
	assert_int_equal(view(w, "bob").last_seen, 60);
}

/* Damage is told, and nothing half read is given. */
static void test_presence_view_damaged(void **state)
{
	struct world *w = *state;
	struct presence_view v = {.devices = 3};
	struct buf bad = {0};

	put_seen(w, "bob", 40);
	put_session(w, "bob", "tab", 50, false);
	buf_str(&bad, "\1x");
	put(w, TABLE_STORE, key_device(text("bob"), text("tab")), &bad);
	settle(w);
	assert_int_equal(presence_view(w->store, NULL, text("bob"), &v), ERR_CORRUPT);
	assert_int_equal(v.devices, 0);
	assert_int_equal(v.last_seen, 0);
}

/* The state of a snapshot, though more has been written since. */
static void test_presence_view_snapshot(void **state)
{
	struct world *w = *state;
	struct store_snapshot *snap;
	struct presence_view v;

	settle(w);
	snap = store_snapshot(w->store);
	put_session(w, "bob", "tab", 50, false);
	assert_int_equal(view(w, "bob").devices, 1);
	assert_int_equal(presence_view(w->store, snap, text("bob"), &v), ERR_OK);
	assert_int_equal(v.devices, 0);
	store_snapshot_release(w->store, snap);
}

/* ---- user.get, me
 * -------------------------------------------------------------------------------- */

#define PROFILE  ",\"name\":\"Bob\",\"about\":\"about me\",\"avatar\":\"face\""
#define PRESENCE ",\"online\":true,\"devices\":1,\"state\":\"busy\",\"text\":\"x\""
#define SEEN     ",\"last_seen\":50"
#define STATUS   ",\"status\":{\"text\":\"hi\"}"
#define BOB      "{\"ok\":true,\"user\":\"bob\""
#define ASK_BOB  "{\"user\":\"bob\"}"
#define PAIR     "{\"chat\":\"alice:bob\"}"
#define NO_SUCH  "{\"error\":{\"code\":\"not_found\",\"message\":\"there is no such user\"}}"

/* bob, of whom there is something of everything; alice, who asks. */
static void put_bob(struct world *w, enum visibility level)
{
	struct user bob = someone("Bob", level);
	struct user alice = someone("Alice", VISIBLE_CONTACTS);

	put_user(w, "bob", &bob);
	put_user(w, "alice", &alice);
	put_session(w, "bob", "tab", 50, false);
	put_device(w, "bob", "tab", STATE_BUSY, 1, "x");
	put_story(w, "bob", NOW + 1);
}

static void test_user_get_by_levels(void **state)
{
	struct world *w = *state;

	put_bob(w, VISIBLE_EVERYONE);
	asked(w, "alice", "user.get", ASK_BOB, BOB PROFILE PRESENCE SEEN STATUS "}");
	put_bob(w, VISIBLE_CONTACTS);
	asked(w, "alice", "user.get", ASK_BOB, BOB "}");
	put_contact(w, "alice", "bob", 200); /* the wrong way round */
	asked(w, "alice", "user.get", ASK_BOB, BOB "}");
	put_contact(w, "bob", "alice", 99); /* an alice before this one */
	asked(w, "alice", "user.get", ASK_BOB, BOB "}");
	put_contact(w, "bob", "alice", 100);
	asked(w, "alice", "user.get", ASK_BOB, BOB PROFILE PRESENCE SEEN STATUS "}");
	put_bob(w, VISIBLE_NOBODY);
	asked(w, "alice", "user.get", ASK_BOB, BOB "}");
	asked(w, "bob", "user.get", ASK_BOB, BOB PROFILE PRESENCE SEEN STATUS "}");
	w->role = ROLE_ADMIN;
	asked(w, "alice", "user.get", ASK_BOB,
		BOB PROFILE PRESENCE SEEN STATUS
		",\"role\":\"user\",\"disabled\":false,\"created\":100,\"password\":false}");
}

/* Each kind goes by its own setting. */
static void test_user_get_by_kinds(void **state)
{
	static const char *const want[PRIVACY_COUNT] = {[PRIVACY_PRESENCE] = PRESENCE,
		[PRIVACY_LAST_SEEN] = SEEN,
		[PRIVACY_PROFILE] = PROFILE,
		[PRIVACY_STATUS] = STATUS};
	struct world *w = *state;

	for (int i = 0; i < PRIVACY_COUNT; i++) {
		struct user bob = someone("Bob", VISIBLE_NOBODY);
		char answer[256];

		put_bob(w, VISIBLE_NOBODY);
		bob.privacy[i] = VISIBLE_EVERYONE;
		put_user(w, "bob", &bob);
		snprintf(answer, sizeof(answer), BOB "%s}", want[i]);
		asked(w, "alice", "user.get", ASK_BOB, answer);
	}
}

/* Who has blocked the caller is not there for him; an admin sees him. */
static void test_user_get_blocked(void **state)
{
	struct world *w = *state;

	put_bob(w, VISIBLE_EVERYONE);
	put_contact(w, "bob", "alice", 200);
	put_block(w, "alice", "bob", 200); /* the other way round does not matter */
	asked(w, "alice", "user.get", ASK_BOB, BOB PROFILE PRESENCE SEEN STATUS "}");
	put_block(w, "bob", "alice", 200);
	asked(w, "alice", "user.get", ASK_BOB, NO_SUCH);
	asked(w, "alice", "user.get", "{\"user\":\"nobody\"}", NO_SUCH);
	put_block(w, "bob", "alice", 99); /* meant an alice before this one */
	asked(w, "alice", "user.get", ASK_BOB, BOB PROFILE PRESENCE SEEN STATUS "}");
	put_block(w, "bob", "alice", 200);
	w->role = ROLE_ADMIN;
	assert_has(ask(w, "alice", "user.get", ASK_BOB), PROFILE PRESENCE SEEN STATUS);
	assert_has(ask(w, "$gnatterctl", "user.get", ASK_BOB), PROFILE PRESENCE SEEN STATUS);
}

/* Nor is his one-to-one chat, in which nothing was said. What was said stays. */
static void test_pair_to_be_blocked(void **state)
{
	static const char *const methods[] = {"history", "chat.get", "chat.online", "unread"};
	struct world *w = *state;

	put_bob(w, VISIBLE_EVERYONE);
	for (size_t i = 0; i < 4; i++) {
		struct key block = key_block(text("bob"), text("alice"));
		struct key mine = key_list(text("alice"), text("alice:bob"));
		struct key member = key_member(text("alice:bob"), text("alice"));

		batch_delete(w->batch, TABLE_BLOCKS, key_bytes(&block));
		batch_delete(w->batch, TABLE_LISTS, key_bytes(&mine));
		batch_delete(w->batch, TABLE_MEMBERS, key_bytes(&member));
		assert_has(ask(w, "alice", methods[i], PAIR), "{\"ok\":true");
		put_block(w, "bob", "alice", 200);
		asked(w, "alice", methods[i], PAIR, FORBIDDEN);
		assert_has(ask(w, "bob", methods[i], PAIR), "{\"ok\":true");
		put_member(w, "alice:bob", "alice");
		put_chat(w, "alice:bob", KIND_PAIR, 2);
		assert_has(ask(w, "alice", methods[i], PAIR), "{\"ok\":true");
	}
}

static void test_user_get_story_expires(void **state)
{
	struct world *w = *state;

	put_bob(w, VISIBLE_EVERYONE);
	put_story(w, "bob", NOW);
	assert_lacks(ask(w, "alice", "user.get", ASK_BOB), "status");
	put_story(w, "bob", NOW + 1);
	assert_has(ask(w, "alice", "user.get", ASK_BOB), STATUS);
}

static void test_me_tells_profile_and_privacy(void **state)
{
	struct world *w = *state;
	struct user u = someone("Alice", VISIBLE_EVERYONE);

	u.privacy[PRIVACY_LAST_SEEN] = VISIBLE_CONTACTS;
	u.privacy[PRIVACY_STATUS] = VISIBLE_NOBODY;
	u.receipts_hidden = true;
	put_user(w, "alice", &u);
	asked(w, "alice", "me", "",
		"{\"ok\":true,\"user\":\"alice\",\"name\":\"Alice\",\"about\":\"about me\","
		"\"avatar\":\"face\",\"role\":\"user\",\"device\":\"phone\",\"created\":100,"
		"\"chats\":0,\"privacy\":{\"presence\":\"everyone\",\"last_seen\":\"contacts\","
		"\"profile\":\"everyone\",\"status\":\"nobody\",\"receipts\":false},"
		"\"ts\":1000000}");
	w->role = ROLE_ADMIN;
	assert_has(ask(w, "$gnatterctl", "me", ""), "\"receipts\":true}");
}

/* ---- contacts, blocks, devices
 * ------------------------------------------------------------------- */

static void test_contacts_each_as_seen(void **state)
{
	struct world *w = *state;
	struct user dave = someone("Dave", VISIBLE_EVERYONE);

	put_bob(w, VISIBLE_EVERYONE);
	put_user(w, "dave", &dave);
	put_user(w, "erin", &dave);
	put_contact(w, "alice", "bob", 200);
	put_contact(w, "alice", "gone", 200);
	put_contact(w, "alice", "dave", 99); /* a dave before this one */
	put_contact(w, "alice", "erin", 200);
	put_block(w, "erin", "alice", 300);
	put_contact(w, "bob", "carol", 200); /* not alice's */
	asked(w, "alice", "contacts", "",
		"{\"ok\":true,\"contacts\":["
		"{\"user\":\"bob\",\"alias\":\"dear\",\"since\":200" PROFILE PRESENCE SEEN STATUS
		"},{\"user\":\"dave\",\"alias\":\"dear\",\"since\":99},"
		"{\"user\":\"erin\",\"alias\":\"dear\",\"since\":200},"
		"{\"user\":\"gone\",\"alias\":\"dear\",\"since\":200}],\"more\":false}");
	put_bob(w, VISIBLE_CONTACTS);
	assert_has(ask(w, "alice", "contacts", ""), "\"since\":200},{\"user\":\"dave\"");
}

static void test_contacts_pages(void **state)
{
	struct world *w = *state;

	put_three(w);
	put_contact(w, "alice", "bob", 200);
	put_contact(w, "alice", "carol", 200);
	assert_has(ask(w, "alice", "contacts", "{\"limit\":1}"), "\"user\":\"bob\"");
	assert_has(w->answer.data, "\"more\":true}");
	assert_lacks(w->answer.data, "carol");
	assert_has(ask(w, "alice", "contacts", "{\"limit\":1,\"after\":\"bob\"}"), "carol");
	assert_has(w->answer.data, "\"more\":false}");
	assert_lacks(w->answer.data, "bob");
	assert_has(ask(w, "alice", "contacts", "{\"limit\":501}"), "bad_request");
	assert_has(ask(w, "alice", "contacts", "{\"after\":1}"), "bad_request");
}

/* As large as they get: cut before the answer is too large for a message, and gone on with. */
static void test_contacts_bounded(void **state)
{
	static char large[STORY_BYTES_MAX + 1];
	struct world *w = *state;
	struct user u = someone("Bob", VISIBLE_EVERYONE);
	struct story s = {.expires = NOW + 1};
	char after[64] = "";
	size_t seen = 0;

	put_three(w);
	memset(large, 'x', STORY_BYTES_MAX);
	memcpy(large, "{\"text\":\"", 9);
	memcpy(large + STORY_BYTES_MAX - 2, "\"}", 2);
	s.payload = text(large);
	for (int i = 0; i < 200; i++) {
		struct buf v = {0};
		char name[16];

		snprintf(name, sizeof(name), "u%03d", i);
		put_user(w, name, &u);
		put_contact(w, "alice", name, 200);
		story_encode(&v, &s);
		put(w, TABLE_STORE, key_story(text(name)), &v);
	}
	for (int pages = 0; pages < 5; pages++) {
		char payload[96] = "";
		const char *at;

		if (after[0])
			snprintf(payload, sizeof(payload), "{\"after\":\"%s\"}", after);
		at = ask(w, "alice", "contacts", payload);
		assert_true(strlen(at) < QUERY_ANSWER_MAX + 8192);
		while ((at = strstr(at, "{\"user\":\""))) {
			at += 9;
			snprintf(after, sizeof(after), "%.4s", at);
			assert_int_equal(atoi(after + 1), seen++);
		}
		if (strstr(w->answer.data, "\"more\":false"))
			break;
	}
	assert_int_equal(seen, 200);
}

static void test_blocks_pages(void **state)
{
	struct world *w = *state;

	put_three(w);
	put_block(w, "alice", "bob", 200);
	put_block(w, "alice", "carol", 300);
	put_block(w, "alice", "gone", 300); /* has no account any more */
	put_block(w, "bob", "alice", 400);
	asked(w, "alice", "blocks", "",
		"{\"ok\":true,\"blocks\":[{\"user\":\"bob\",\"since\":200},"
		"{\"user\":\"gone\",\"since\":300},{\"user\":\"carol\",\"since\":300}],\"more\":"
		"false}");
	asked(w, "alice", "blocks", "{\"limit\":1}",
		"{\"ok\":true,\"blocks\":[{\"user\":\"bob\",\"since\":200}],\"more\":true}");
	asked(w, "alice", "blocks", "{\"after\":\"bob\"}",
		"{\"ok\":true,\"blocks\":[{\"user\":\"gone\",\"since\":300},"
		"{\"user\":\"carol\",\"since\":300}],\"more\":false}");
}

#define DEVICE(name)                                                                    \
	"{\"device\":\"" name "\",\"name\":\"My phone\",\"kind\":\"ios\",\"first\":10," \
	"\"last_seen\":20,"
#define THIS  ",\"push\":false,\"this\":true}"
#define OTHER ",\"push\":false,\"this\":false}"

static void test_devices_own_only(void **state)
{
	struct world *w = *state;
	struct buf script = {0};

	put_three(w);
	put_device(w, "alice", "a", STATE_ONLINE, 1, "");
	put_session(w, "alice", "a", 5, false);
	put_device(w, "alice", "b", STATE_BUSY, 1, "x");
	put_session(w, "alice", "b", 5, false);
	put_device(w, "alice", "c", STATE_BUSY, 1, "left over");
	put_device(w, "alice", "d", STATE_OFFLINE, 1, "");
	put_session(w, "alice", "d", 5, false);
	put_session(w, "alice", "c", 5, true); /* a script of that name is not the device */
	put_device(w, "bob", "z", STATE_ONLINE, 1, "");
	device_encode(&script, &(struct device){.ephemeral = true, .state = STATE_BUSY});
	put(w, TABLE_STORE, key_device(text("alice"), text("script")), &script);
	w->client = "alice:b";
	asked(w, "alice", "devices", "",
		"{\"ok\":true,\"devices\":[" DEVICE("a") "\"online\":true" OTHER "," DEVICE(
			"b") "\"online\":true,\"state\":\"busy\"" THIS
			     "," DEVICE("c") "\"online\":false" OTHER "," DEVICE(
				     "d") "\"online\":true,\"state\":\"offline\"" OTHER
					  "],\"more\":false}");
	asked(w, "alice", "devices", "{\"after\":\"c\"}",
		"{\"ok\":true,\"devices\":[" DEVICE(
			"d") "\"online\":true,\"state\":\"offline\"" OTHER "],\"more\":false}");
	w->client = "b"; /* a script */
	assert_lacks(ask(w, "alice", "devices", ""), "\"this\":true");
}

static void test_devices_pushed_to(void **state)
{
	struct world *w = *state;

	put_three(w);
	put_device(w, "alice", "a", STATE_ONLINE, 1, "");
	put_device(w, "alice", "b", STATE_ONLINE, 1, "");
	put_registration(w, "alice", "b", PUSH_WEBPUSH, PREVIEW_ON);
	put_registration(w, "bob", "a", PUSH_FCM, PREVIEW_ON);
	asked(w, "alice", "devices", "",
		"{\"ok\":true,\"devices\":[" DEVICE("a") "\"online\":false" OTHER "," DEVICE(
			"b") "\"online\":false,\"push\":\"webpush\",\"this\":false}"
			     "],\"more\":false}");
	put_registration(w, "alice", "b", (enum push_kind_id)77, PREVIEW_ON);
	assert_has(ask(w, "alice", "devices", "{\"after\":\"a\"}"), "\"push\":false");
	put_number(w, TABLE_STORE, key_registration(text("alice"), text("b")), 5);
	assert_has(ask(w, "alice", "devices", ""), "\"corrupt\"");
}

/* ---- push.get
 * ------------------------------------------------------------------------------------ */

#define ALL_KINDS "\"kinds\":[\"fcm\",\"apns\",\"webpush\",\"webhook\",\"mqtt\"]"
#define DEFAULTS  "{\"ok\":true,\"quiet\":null,\"mentions\":false,\"preview\":true,"

static void test_push_get(void **state)
{
	struct push_prefs prefs = {
		.quiet = true, .from = 1320, .to = 425, .utc_offset = -60, .hidden = true};
	struct world *w = *state;
	struct buf v = {0};

	put_three(w);
	w->client = "alice:phone";
	asked(w, "alice", "push.get", "", DEFAULTS ALL_KINDS "}");
	put_registration(w, "alice", "tab", PUSH_FCM, PREVIEW_ON);
	asked(w, "alice", "push.get", "", DEFAULTS ALL_KINDS "}");
	put_registration(w, "alice", "phone", PUSH_FCM, PREVIEW_AS_USER);
	asked(w, "alice", "push.get", "",
		DEFAULTS "\"registration\":{\"kind\":\"fcm\",\"since\":30}," ALL_KINDS "}");
	put_registration(w, "alice", "phone", PUSH_APNS, PREVIEW_OFF);
	push_prefs_encode(&v, &prefs);
	put(w, TABLE_STORE, key_push_prefs(text("alice")), &v);
	asked(w, "alice", "push.get", "",
		"{\"ok\":true,\"quiet\":{\"from\":\"22:00\",\"to\":\"07:05\",\"utc_offset\":-60},"
		"\"mentions\":false,\"preview\":false,"
		"\"registration\":{\"kind\":\"apns\",\"since\":30,\"preview\":false}," ALL_KINDS
		"}");
	w->client = "phone"; /* a script that is called like the device */
	assert_lacks(ask(w, "alice", "push.get", ""), "registration");
	assert_lacks(ask(w, "bob", "push.get", ""), "22:00");
	assert_has(ask(w, "$gnatterctl", "push.get", ""), "\"forbidden\"");
}

static void test_push_get_offer(void **state)
{
	struct push_offer offer = {
		.kinds = 1u << PUSH_WEBPUSH | 1u << PUSH_MQTT, .webpush_key = text("BAEC")};
	struct push_offer none = {0};
	struct world *w = *state;

	put_three(w);
	w->offer = &offer;
	asked(w, "alice", "push.get", "",
		DEFAULTS "\"kinds\":[\"webpush\",\"mqtt\"],\"webpush_key\":\"BAEC\"}");
	w->offer = &none;
	asked(w, "alice", "push.get", "", DEFAULTS "\"kinds\":[]}");
}

static void test_push_get_damaged(void **state)
{
	struct world *w = *state;

	put_three(w);
	w->client = "alice:phone";
	put_number(w, TABLE_STORE, key_registration(text("alice"), text("phone")), 5);
	assert_has(ask(w, "alice", "push.get", ""), "{\"error\":{\"code\":\"corrupt\"");
	put_number(w, TABLE_STORE, key_push_prefs(text("bob")), 5);
	assert_has(ask(w, "bob", "push.get", ""), "{\"error\":{\"code\":\"corrupt\"");
}

/* ---- chat.online
 * --------------------------------------------------------------------------------- */

#define LOBBY "{\"chat\":\"lobby\"}"

static void test_chat_online_who_may_be_seen(void **state)
{
	struct world *w = *state;
	struct user shy = someone("Shy", VISIBLE_EVERYONE);
	struct user open = someone("Open", VISIBLE_NOBODY);

	shy.privacy[PRIVACY_PRESENCE] = VISIBLE_NOBODY;
	open.privacy[PRIVACY_PRESENCE] = VISIBLE_EVERYONE;
	put_user(w, "alice", &shy);
	put_user(w, "shy", &shy);
	put_user(w, "zoe", &open);
	put_user(w, "bertie", &open);
	put_user(w, "off", &open);
	put_user(w, "angry", &open);
	put_user(w, "hidden", &open);
	put_user(w, "other", &open);
	put_chat(w, "lobby", KIND_GROUP, 7);
	for (int i = 0; i < 7; i++) {
		static const char *const members[] = {
			"alice", "shy", "zoe", "bertie", "off", "angry", "hidden"};

		put_member(w, "lobby", members[i]);
		if (strcmp(members[i], "off") != 0)
			put_session(w, members[i], "tab", 5, false);
	}
	put_session(w, "other", "tab", 5, false); /* online, and no member */
	put_device(w, "hidden", "tab", STATE_OFFLINE, 1, "");
	put_block(w, "angry", "alice", 200);
	asked(w, "alice", "chat.online", LOBBY,
		"{\"ok\":true,\"chat\":\"lobby\",\"users\":[\"alice\",\"bertie\",\"zoe\"],"
		"\"more\":false}");
	asked(w, "other", "chat.online", LOBBY, FORBIDDEN);
	w->role = ROLE_ADMIN;
	asked(w, "other", "chat.online", LOBBY,
		"{\"ok\":true,\"chat\":\"lobby\",\"users\":[\"alice\",\"angry\",\"bertie\",\"shy\","
		"\"zoe\"],\"more\":false}");
}

/* A page at a time, everybody once, whatever lies between. */
static void walk_online(struct world *w, const char *limit, size_t *pages, size_t *users)
{
	char after[NAME_USER_MAX + 1] = "";

	*pages = *users = 0;
	for (;;) {
		char payload[256];
		const char *at;

		snprintf(payload, sizeof(payload), "{\"chat\":\"lobby\"%s%s%s%s%s}", limit,
			after[0] ? ",\"after\":\"" : "", after, after[0] ? "\"" : "", "");
		at = strchr(ask(w, "alice", "chat.online", payload), '[');
		assert_non_null(at);
		++*pages;
		for (at++; *at != ']'; at += *at == ',')
			if (*at == '"' && ++*users)
				at = strchr(at + 1, '"') + 1;
		at = strstr(at, "\"after\":\"");
		if (!at)
			return;
		snprintf(after, sizeof(after), "%.*s", (int)strcspn(at + 9, "\""), at + 9);
		assert_has(w->answer.data, "\"more\":true");
		assert_true(*pages < 1000);
	}
}

static void test_chat_online_pages(void **state)
{
	struct world *w = *state;
	struct user open = someone("Open", VISIBLE_EVERYONE);
	size_t pages, users;

	put_user(w, "alice", &open);
	put_chat(w, "lobby", KIND_CHANNEL, 300);
	put_member(w, "lobby", "alice");
	for (int i = 0; i < 300; i++) {
		char name[NAME_USER_MAX + 1] = "";

		/* names of different lengths; every third connected, every fifth no member */
		snprintf(name, sizeof(name), "u%0*d", 1 + i % 7, i);
		put_user(w, name, &open);
		if (i % 5 != 0)
			put_member(w, "lobby", name);
		if (i % 3 == 0) {
			put_session(w, name, "a", 5, false);
			put_session(w, name, "b", 5, false);
		}
	}
	walk_online(w, "", &pages, &users);
	assert_int_equal(pages, 1);
	assert_int_equal(users, 80);
	walk_online(w, ",\"limit\":1", &pages, &users);
	assert_int_equal(users, 80);
	walk_online(w, ",\"limit\":7", &pages, &users);
	assert_int_equal(users, 80);
	assert_true(pages >= 12 && pages <= 13);
}

/* All connected and none of them to be seen: the work of one answer has an end. */
static void test_chat_online_work_is_bounded(void **state)
{
	struct world *w = *state;
	struct user shy = someone("Shy", VISIBLE_NOBODY);
	size_t pages, users;

	put_user(w, "alice", &shy);
	put_chat(w, "lobby", KIND_CHANNEL, 12001);
	put_member(w, "lobby", "alice");
	put_session(w, "alice", "a", 5, false);
	for (int i = 0; i < 12000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%05d", i);
		put_user(w, name, &shy);
		put_member(w, "lobby", name);
		put_session(w, name, "a", 5, false);
	}
	walk_online(w, "", &pages, &users);
	assert_int_equal(users, 1);
	assert_int_equal(pages, 3);
}

/* ---- chats, chat.get
 * ----------------------------------------------------------------------------- */

static void test_chats_muted(void **state)
{
	static const char *const chats[] = {"a", "bb", "lobby", "xx", "alice:bob"};
	struct world *w = *state;

	put_three(w);
	for (size_t i = 0; i < 5; i++) {
		put_chat(w, chats[i], i == 4 ? KIND_PAIR : KIND_GROUP, 2);
		put_member(w, chats[i], "alice");
	}
	put_number(w, TABLE_STORE, key_mute(text("alice"), text("aa")), UINT64_MAX);
	put_number(w, TABLE_STORE, key_mute(text("alice"), text("bb")), NOW + 1);
	put_number(w, TABLE_STORE, key_mute(text("alice"), text("lobby")), NOW);
	put_number(w, TABLE_STORE, key_mute(text("alice"), text("alice:bob")), UINT64_MAX);
	put_number(w, TABLE_STORE, key_mute(text("bob"), text("a")), UINT64_MAX);
	ask(w, "alice", "chats", "");
	assert_has(w->answer.data, "\"unread\":0,\"muted\":1000001},{\"chat\":\"lobby\"");
	assert_has(w->answer.data, "\"user\":\"bob\"");
	assert_has(w->answer.data, "\"unread\":0,\"muted\":true},{\"chat\":\"bb\"");
	assert_int_equal(strtol(strstr(w->answer.data, "muted") + 7, NULL, 10), 0);
	assert_null(strstr(strstr(strstr(w->answer.data, "muted") + 5, "muted") + 5, "muted"));
}

static void test_muted_but_for_mentions(void **state)
{
	struct world *w = *state;

	put_three(w);
	put_chat(w, "lobby", KIND_GROUP, 2);
	put_member(w, "lobby", "alice");
	put_member(w, "lobby", "bob");
	put_mute(w, "alice", "lobby", NOW + 1);
	assert_has(ask(w, "alice", "chats", ""), ",\"muted\":1000001,\"mentions\":true}");
	assert_has(ask(w, "alice", "chat.get", LOBBY),
		"\"n\":0,\"muted\":1000001,\"mentions\":true,\"members\":[");
	assert_lacks(ask(w, "bob", "chat.get", LOBBY), "muted");
	put_mute(w, "alice", "lobby", NOW); /* over */
	assert_lacks(ask(w, "alice", "chats", ""), "mentions");
	assert_lacks(ask(w, "alice", "chat.get", LOBBY), "muted");
	put_number(w, TABLE_STORE, key_mute(text("alice"), text("lobby")), UINT64_MAX);
	assert_has(ask(w, "alice", "chat.get", LOBBY), "\"muted\":true,\"members\"");
	batch_put(w->batch, TABLE_STORE,
		(struct bytes){"q\5alice\5lobby", sizeof("q\5alice\5lobby") - 1}, text("short"));
	assert_has(ask(w, "alice", "chat.get", LOBBY), "\"corrupt\"");
	assert_has(ask(w, "alice", "chats", ""), "\"corrupt\"");
}

#define MEMBER(user, tail) \
	"{\"user\":\"" user "\",\"role\":\"member\",\"since\":7,\"delivered\":9" tail "}"

static void test_chat_get_read_marks(void **state)
{
	struct world *w = *state;
	struct user hiding = someone("Hiding", VISIBLE_EVERYONE);

	hiding.receipts_hidden = true;
	put_three(w);
	put_user(w, "carol", &hiding);
	put_user(w, "dora", &hiding);
	put_chat(w, "lobby", KIND_GROUP, 4);
	for (int i = 0; i < 4; i++) {
		static const char *const members[] = {"alice", "bob", "carol", "dora"};

		put_member(w, "lobby", members[i]);
		put_mark(w, "lobby", members[i], 9);
	}
	put_state(w, "lobby", 9, 50);
	assert_has(ask(w, "alice", "chat.get", LOBBY),
		"\"members\":[" MEMBER("bob", ",\"read\":9") "," MEMBER("dora", "") "," MEMBER(
			"alice", ",\"read\":9") "," MEMBER("carol", "") "]");
	assert_has(ask(w, "carol", "chat.get", LOBBY),
		"\"members\":[" MEMBER("bob", "") "," MEMBER("dora", "") "," MEMBER(
			"alice", "") "," MEMBER("carol", ",\"read\":9") "]");
}

/* The preview as the answer has it, of a message in a chat of its own. */
static void previewed(struct world *w, const char *message, const char *edit, const char *want)
{
	put_chat(w, "c", KIND_GROUP, 1);
	put_member(w, "c", "alice");
	put_state(w, "c", 9, 50);
	put_message(w, "c", 9, message);
	if (edit)
		put_message(w, "c", 12, edit);
	assert_has(ask(w, "alice", "chats", ""), want);
}

#define HEAD                                                                                   \
	"{\"chat\":\"c\",\"seq\":9,\"n\":9,\"from\":\"bob\",\"device\":\"t\",\"ts\":7,\"id\":" \
	"\"\\\"\","
#define SHOWN ",\"preview\":{\"seq\":9,\"from\":\"bob\",\"type\":\"text\",\"ts\":7"

static void test_chats_preview(void **state)
{
	struct world *w = *state;

	put_three(w);
	previewed(w, HEAD "\"type\":\"text\",\"text\":\"a\\\"b\"}", NULL,
		SHOWN ",\"text\":\"a\\\"b\"}}");
	previewed(w, HEAD "\"type\":\"text\",\"text\":\"\"}", NULL, SHOWN "}}");
	previewed(w, HEAD "\"type\":\"text\",\"ref\":3,\"text\":\"x\",\"body\":{\"text\":1}}", NULL,
		SHOWN ",\"text\":\"x\"}}");
	previewed(w, HEAD "\"type\":\"text\",\"text\":\"old\",\"body\":{\"a\":[]},\"edited\":12}",
		HEAD "\"type\":\"edit\",\"ref\":9,\"text\":\"new\"}", SHOWN ",\"text\":\"new\"}}");
	previewed(w, HEAD "\"type\":\"text\",\"text\":\"old\",\"edited\":13}", NULL,
		SHOWN ",\"text\":\"old\"}}");
	previewed(w, HEAD "\"type\":\"deleted\",\"deleted\":12}", NULL,
		"\"type\":\"deleted\",\"ts\":7}}");
	previewed(w, "{\"chat\":\"c\"}", NULL, "{\"error\":{\"code\":\"corrupt\"");
}

/* 120 characters, whatever they take: one, an escape, three bytes, a pair of surrogates. */
static void test_chats_preview_is_cut(void **state)
{
	static const char *const characters[] = {
		"x", "\\n", "\\\"", "\\u00e4", "\xe2\x82\xac", "\\ud83d\\ude00", "\\uFFFD"};
	struct world *w = *state;

	put_three(w);
	for (size_t i = 0; i < sizeof(characters) / sizeof(*characters); i++) {
		for (int count = 119; count <= 121; count++) {
			struct buf message = {0}, want = {0};

			buf_str(&message, HEAD "\"type\":\"text\",\"text\":\"");
			buf_str(&want, SHOWN ",\"text\":\"");
			for (int n = 0; n < count; n++) {
				buf_str(&message, characters[i]);
				buf_str(&want, n < 120 ? characters[i] : "");
			}
			buf_put(&message, "\"}", 3);
			buf_put(&want, "\"}}", 4);
			previewed(w, message.data, NULL, want.data);
			buf_free(&message);
			buf_free(&want);
		}
	}
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A thousand chats with a message each, half of them pairs. */
static void put_thousand(struct world *w)
{
	for (int i = 0; i < 1000; i++) {
		char chat[64], message[512];

		snprintf(chat, sizeof(chat), i % 2 ? "alice:user%03d" : "group%03d", i);
		snprintf(message, sizeof(message),
			"{\"chat\":\"%s\",\"seq\":9,\"n\":9,\"from\":\"bob\",\"device\":\"tab\","
			"\"ts\":1795314821079,\"id\":\"0123456789abcdef0123456789\",\"type\":"
			"\"text\",\"text\":\"Lunch at one? It is the place round the corner, where "
			"we were last week, and the week before that as well, I think.\"}",
			chat);
		put_chat(w, chat, i % 2 ? KIND_PAIR : KIND_GROUP, 2);
		put_member(w, chat, "alice");
		put_mark(w, chat, "alice", 3);
		put_state(w, chat, 9, (uint64_t)(1000 + i * 7 % 1000));
		put_message(w, chat, 9, message);
	}
}

static void test_chats_a_thousand(void **state)
{
	struct world *w = *state;
	double best = 1e9;
	const char *at;
	int count = 0;

	put_three(w);
	put_thousand(w);
	settle(w);
	close_all(w);
	open_all(w, false); /* what was written is in tables now */
	for (int i = 0; i < 20; i++) {
		double start = now_ms();

		ask(w, "alice", "chats", "");
		if (now_ms() - start < best)
			best = now_ms() - start;
	}
	for (at = w->answer.data; (at = strstr(at, "\"preview\":{\"seq\":9,\"from\":\"bob\""));
		at++)
		count++;
	assert_int_equal(count, 1000);
	assert_has(w->answer.data, "\"more\":false");
	print_message("chats, 1,000 of them: %.2f ms, %zu bytes\n", best, w->answer.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_presence_view_nobody),
		TEST(test_presence_view_most_available),
		TEST(test_presence_view_ephemeral_is_no_device),
		TEST(test_presence_view_last_seen_and_form),
		TEST(test_presence_view_damaged),
		TEST(test_presence_view_snapshot),
		TEST(test_user_get_by_levels),
		TEST(test_user_get_by_kinds),
		TEST(test_user_get_blocked),
		TEST(test_pair_to_be_blocked),
		TEST(test_user_get_story_expires),
		TEST(test_me_tells_profile_and_privacy),
		TEST(test_contacts_each_as_seen),
		TEST(test_contacts_pages),
		TEST(test_contacts_bounded),
		TEST(test_blocks_pages),
		TEST(test_devices_own_only),
		TEST(test_devices_pushed_to),
		TEST(test_push_get),
		TEST(test_push_get_offer),
		TEST(test_push_get_damaged),
		TEST(test_chat_online_who_may_be_seen),
		TEST(test_chat_online_pages),
		TEST(test_chat_online_work_is_bounded),
		TEST(test_chats_muted),
		TEST(test_muted_but_for_mentions),
		TEST(test_chat_get_read_marks),
		TEST(test_chats_preview),
		TEST(test_chats_preview_is_cut),
		TEST(test_chats_a_thousand),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("query_people", tests, NULL, NULL);
}
