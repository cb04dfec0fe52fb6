/* values_test.c — values byte for byte, and what is refused. */
#include "persist/values.h"

#include "tests/unit/persist/encoded.h"
#include "tests/unit/persist/scratch.h"

/* Decoders by one name each, over any value. */
static enum err any_state(struct bytes v)
{
	struct chat_state s;

	return chat_state_decode(&s, v);
}

static enum err any_mark(struct bytes v)
{
	struct mark m;

	return mark_decode(&m, v);
}

static enum err any_user(struct bytes v)
{
	struct user u;
	enum err e = user_decode(&u, v);

	assert_true(u.role < ROLE_COUNT);
	assert_true(
		e != ERR_OK || (u.hash.len <= PASSWORD_HASH_MAX && u.name.len <= TITLE_BYTES_MAX));
	return e;
}

static enum err any_chat(struct bytes v)
{
	struct chat c;
	enum err e = chat_decode(&c, v);

	assert_true(c.kind <= KIND_CHANNEL);
	assert_true(e != ERR_OK || (c.by.len <= NAME_USER_MAX && c.title.len <= TITLE_BYTES_MAX));
	return e;
}

static enum err any_member(struct bytes v)
{
	struct member m;

	return member_decode(&m, v);
}

static enum err any_contact(struct bytes v)
{
	struct contact c;
	enum err e = contact_decode(&c, v);

	assert_true(e != ERR_OK || c.name.len <= TITLE_BYTES_MAX);
	return e;
}

static enum err any_revoked(struct bytes v)
{
	struct revoked r;

	return revoked_decode(&r, v);
}

static enum err any_session(struct bytes v)
{
	struct session s;
	enum err e = session_decode(&s, v);

	assert_true(e != ERR_OK || s.device.len <= NAME_DEVICE_MAX);
	return e;
}

static enum err any_device(struct bytes v)
{
	struct device d;
	enum err e = device_decode(&d, v);

	assert_true(d.state < STATE_COUNT);
	assert_true(e != ERR_OK || (d.text.len <= STATE_TEXT_MAX && d.name.len <= DEVICE_NAME_MAX &&
					   d.kind.len <= DEVICE_KIND_MAX));
	return e;
}

static enum err any_seen(struct bytes v)
{
	struct seen s;

	return seen_decode(&s, v);
}

static enum err any_story(struct bytes v)
{
	struct story s;
	enum err e = story_decode(&s, v);

	assert_true(e != ERR_OK || s.payload.len <= STORY_BYTES_MAX);
	return e;
}

static enum err any_registration(struct bytes v)
{
	struct push_registration r;
	enum err e = push_registration_decode(&r, v);

	assert_true(r.preview < PREVIEW_COUNT);
	assert_true(e != ERR_OK || (r.kind > 0 && r.data.len <= PUSH_DATA_MAX));
	return e;
}

static enum err any_owner(struct bytes v)
{
	struct push_owner o;
	enum err e = push_owner_decode(&o, v);

	assert_true(
		e != ERR_OK || (o.user.len <= NAME_USER_MAX && o.device.len <= NAME_DEVICE_MAX));
	return e;
}

static enum err any_prefs(struct bytes v)
{
	struct push_prefs p;
	enum err e = push_prefs_decode(&p, v);

	assert_true(e != ERR_OK ||
		    (p.from < DAY_MINUTES && p.to < DAY_MINUTES &&
			    p.utc_offset >= -UTC_OFFSET_MAX && p.utc_offset <= UTC_OFFSET_MAX));
	return e;
}

static enum err any_entry(struct bytes v)
{
	struct reader r = reader_of(v.data, v.len);
	struct push_entry e;

	while (push_entry_next(&e, &r))
		assert_true(e.chat.len > 0 && e.first > 0 && e.first <= e.last && e.n > 0);
	return v.len == 0 || r.failed || r.at != r.end ? ERR_CORRUPT : ERR_OK;
}

static void test_values_chat_state(void **state)
{
	struct chat_state in = {.seq = 9, .ts = 0x0102030405060708, .n = 3, .visible = 8}, out;
	struct buf b = {0};

	(void)state;
	chat_state_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\1"
				   "\11\0\0\0\0\0\0\0"
				   "\10\7\6\5\4\3\2\1"
				   "\3\0\0\0\0\0\0\0"
				   "\10\0\0\0\0\0\0\0"));
	assert_int_equal(chat_state_decode(&out, of(&b)), ERR_OK);
	assert_memory_equal(&in, &out, sizeof(in));
	abuse(&b, any_state);
	buf_reset(&b);
	in.n = 10; /* more messages than seqs */
	chat_state_encode(&b, &in);
	assert_int_equal(chat_state_decode(&out, of(&b)), ERR_CORRUPT);
	buf_free(&b);
}

static void test_values_mark(void **state)
{
	struct mark in = {.delivered = 9, .read = 7, .read_n = 5, .ts = 1}, out;
	struct buf b = {0};

	(void)state;
	mark_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\1"
				   "\11\0\0\0\0\0\0\0"
				   "\7\0\0\0\0\0\0\0"
				   "\5\0\0\0\0\0\0\0"
				   "\1\0\0\0\0\0\0\0"));
	assert_int_equal(mark_decode(&out, of(&b)), ERR_OK);
	assert_memory_equal(&in, &out, sizeof(in));
	abuse(&b, any_mark);
	buf_free(&b);
}

#define USER_1             \
	"\1\1"             \
	"\5\0\0\0\0\0\0\0" \
	"\6\0\0\0\0\0\0\0" \
	"\12\0$argon2id$"  \
	"\5\0Alice"

static void test_values_user(void **state)
{
	struct user in = {.disabled = true,
			    .role = ROLE_ADMIN,
			    .created = 5,
			    .valid_after_ms = 6,
			    .hash = text("$argon2id$"),
			    .name = text("Alice"),
			    .about = text("me"),
			    .avatar = text("pic"),
			    .privacy = {VISIBLE_NOBODY, VISIBLE_EVERYONE, VISIBLE_CONTACTS,
				    VISIBLE_NOBODY},
			    .receipts_hidden = true},
		    out;
	struct buf b = {0};

	(void)state;
	user_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\2" USER_1 "\2\0\1\2\1"
				   "\2\0me"
				   "\3\0pic"));
	assert_int_equal(user_decode(&out, of(&b)), ERR_OK);
	assert_true(out.disabled && out.role == ROLE_ADMIN && out.created == 5 &&
		    out.valid_after_ms == 6 && out.receipts_hidden);
	assert_memory_equal(out.privacy, in.privacy, sizeof(in.privacy));
	assert_bytes(out.hash, in.hash);
	assert_bytes(out.name, in.name);
	assert_bytes(out.about, in.about);
	assert_bytes(out.avatar, in.avatar);
	abuse(&b, any_user);
	buf_free(&b);
}

/* As it was before there was a profile: read with the defaults. */
static void test_values_user_version_1(void **state)
{
	static const uint8_t defaults[PRIVACY_COUNT] = {
		VISIBLE_CONTACTS, VISIBLE_CONTACTS, VISIBLE_CONTACTS, VISIBLE_CONTACTS};
	struct user out;
	struct buf b = {0};

	(void)state;
	buf_put(&b, "\1" USER_1, sizeof("\1" USER_1) - 1);
	assert_int_equal(user_decode(&out, of(&b)), ERR_OK);
	assert_true(out.disabled && out.role == ROLE_ADMIN && out.created == 5 &&
		    out.valid_after_ms == 6 && !out.receipts_hidden);
	assert_bytes(out.name, text("Alice"));
	assert_memory_equal(out.privacy, defaults, sizeof(defaults));
	assert_int_equal(out.about.len, 0);
	assert_int_equal(out.avatar.len, 0);
	abuse(&b, any_user);
	buf_free(&b);
}

static void test_values_chat(void **state)
{
	struct chat in = {.kind = KIND_CHANNEL,
			    .created = 5,
			    .members = 7,
			    .admins = 1,
			    .by = text("alice"),
			    .title = text("Lobby")},
		    out;
	struct buf b = {0};

	(void)state;
	chat_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\1\2"
				   "\5\0\0\0\0\0\0\0"
				   "\7\0\0\0"
				   "\1\0\0\0"
				   "\5\0alice"
				   "\5\0Lobby"));
	assert_int_equal(chat_decode(&out, of(&b)), ERR_OK);
	assert_true(out.kind == KIND_CHANNEL && out.created == 5 && out.members == 7 &&
		    out.admins == 1);
	assert_bytes(out.by, in.by);
	assert_bytes(out.title, in.title);
	abuse(&b, any_chat);
	buf_free(&b);
}

static void test_values_member(void **state)
{
	struct member in = {.admin = true, .since = 5, .since_seq = 6}, out;
	struct buf b = {0};

	(void)state;
	member_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\1\1"
				   "\5\0\0\0\0\0\0\0"
				   "\6\0\0\0\0\0\0\0"));
	assert_int_equal(member_decode(&out, of(&b)), ERR_OK);
	assert_true(out.admin && out.since == 5 && out.since_seq == 6);
	abuse(&b, any_member);
	buf_free(&b);
}

static void test_values_contact_revoked_seen(void **state)
{
	struct contact contact;
	struct revoked revoked;
	struct seen seen;
	struct buf b = {0};

	(void)state;
	contact_encode(&b, &(struct contact){.since = 5, .name = text("Mum")});
	assert_bytes(of(&b), BYTES("\1"
				   "\5\0\0\0\0\0\0\0"
				   "\3\0Mum"));
	assert_int_equal(contact_decode(&contact, of(&b)), ERR_OK);
	assert_int_equal(contact.since, 5);
	assert_bytes(contact.name, text("Mum"));
	abuse(&b, any_contact);

	buf_reset(&b);
	revoked_encode(&b, &(struct revoked){.at = 7, .back = true});
	assert_bytes(of(&b), BYTES("\1"
				   "\7\0\0\0\0\0\0\0"
				   "\1"));
	assert_int_equal(revoked_decode(&revoked, of(&b)), ERR_OK);
	assert_true(revoked.at == 7 && revoked.back);
	abuse(&b, any_revoked);

	buf_reset(&b);
	seen_encode(&b, &(struct seen){.last_seen = 258});
	assert_bytes(of(&b), BYTES("\1"
				   "\2\1\0\0\0\0\0\0"));
	assert_int_equal(seen_decode(&seen, of(&b)), ERR_OK);
	assert_int_equal(seen.last_seen, 258);
	abuse(&b, any_seen);
	buf_free(&b);
}

static void test_values_session(void **state)
{
	struct session out;
	struct buf b = {0};

	(void)state;
	session_encode(&b, &(struct session){.since = 5, .device = text("tab"), .ephemeral = true});
	assert_bytes(of(&b), BYTES("\1"
				   "\5\0\0\0\0\0\0\0"
				   "\3\0tab"
				   "\1"));
	assert_int_equal(session_decode(&out, of(&b)), ERR_OK);
	assert_true(out.since == 5 && out.ephemeral);
	assert_bytes(out.device, text("tab"));
	abuse(&b, any_session);
	buf_free(&b);
}

static void test_values_device(void **state)
{
	struct device in = {.first = 5,
			      .last_seen = 6,
			      .shown = true,
			      .ephemeral = true,
			      .state = STATE_BUSY,
			      .state_ts = 7,
			      .text = text("at lunch"),
			      .name = text("Tab"),
			      .kind = text("ios")},
		      out;
	struct buf b = {0};

	(void)state;
	device_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\1"
				   "\5\0\0\0\0\0\0\0"
				   "\6\0\0\0\0\0\0\0"
				   "\1\0\1\3"
				   "\7\0\0\0\0\0\0\0"
				   "\10\0at lunch"
				   "\3\0Tab"
				   "\3\0ios"));
	assert_int_equal(device_decode(&out, of(&b)), ERR_OK);
	assert_true(out.first == 5 && out.last_seen == 6 && out.shown && !out.speaks &&
		    out.ephemeral && out.state == STATE_BUSY && out.state_ts == 7);
	assert_bytes(out.text, in.text);
	assert_bytes(out.name, in.name);
	assert_bytes(out.kind, in.kind);
	abuse(&b, any_device);
	buf_reset(&b);
	in.state = STATE_COUNT;
	device_encode(&b, &in);
	assert_int_equal(device_decode(&out, of(&b)), ERR_CORRUPT);
	buf_free(&b);
}

static void test_values_story(void **state)
{
	static char large[STORY_BYTES_MAX + 1];
	struct story out;
	struct buf b = {0};

	(void)state;
	story_encode(&b, &(struct story){.expires = 5, .payload = text("{}")});
	assert_bytes(of(&b), BYTES("\1"
				   "\5\0\0\0\0\0\0\0"
				   "\2\0{}"));
	assert_int_equal(story_decode(&out, of(&b)), ERR_OK);
	assert_int_equal(out.expires, 5);
	assert_bytes(out.payload, text("{}"));
	abuse(&b, any_story);
	for (size_t over = 0; over < 2; over++) {
		buf_reset(&b);
		story_encode(&b, &(struct story){.payload = {large, STORY_BYTES_MAX + over}});
		assert_int_equal(story_decode(&out, of(&b)), over ? ERR_CORRUPT : ERR_OK);
	}
	buf_free(&b);
}

static void test_values_mark_told(void **state)
{
	struct mark in = {.delivered = 9,
		.read = 7,
		.read_n = 6,
		.ts = 4,
		.told = {.at = 5, .delivered = 8, .read = 7, .pending = true}};
	struct mark plain = {.delivered = 9, .read = 7, .read_n = 6, .ts = 4}, out;
	struct told told = mark_told(&plain);
	struct buf b = {0};

	(void)state;
	mark_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\2"
				   "\11\0\0\0\0\0\0\0"
				   "\7\0\0\0\0\0\0\0"
				   "\6\0\0\0\0\0\0\0"
				   "\4\0\0\0\0\0\0\0"
				   "\5\0\0\0\0\0\0\0"
				   "\10\0\0\0\0\0\0\0"
				   "\7\0\0\0\0\0\0\0"
				   "\1"));
	assert_int_equal(mark_decode(&out, of(&b)), ERR_OK);
	assert_true(out.ts == 4 && out.told.at == 5 && out.told.delivered == 8);
	assert_true(out.told.read == 7 && out.told.pending);
	told = mark_told(&out);
	assert_true(told.at == 5 && told.delivered == 8 && told.pending);
	abuse(&b, any_mark);
	buf_free(&b);
	/* one that nobody needs to be told of */
	told = mark_told(&plain);
	assert_true(told.at == 4 && told.delivered == 9 && told.read == 7 && !told.pending);
}

static void test_values_mute(void **state)
{
	const struct {
		struct bytes value;
		enum err err;
		struct mute mute;
	} cases[] = {
		{BYTES("\5\0\0\0\0\0\0\0"), ERR_OK, {5, false}},
		{BYTES("\5\0\0\0\0\0\0\0\0"), ERR_OK, {5, false}},
		{BYTES("\5\0\0\0\0\0\0\0\1"), ERR_OK, {5, true}},
		{BYTES("\377\377\377\377\377\377\377\377"), ERR_OK, {UINT64_MAX, false}},
		{BYTES("\5\0\0\0\0\0\0\0\2"), ERR_CORRUPT, {0}},
		{BYTES("\5\0\0\0\0\0\0\0\1\0"), ERR_CORRUPT, {0}},
		{BYTES("\5\0\0\0\0\0\0"), ERR_CORRUPT, {0}},
		{BYTES(""), ERR_CORRUPT, {0}},
	};
	struct mute m = {.until = 5};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(mute_decode(&m, cases[i].value), cases[i].err);
		if (cases[i].err == ERR_OK)
			assert_true(m.until == cases[i].mute.until &&
				    m.mentions == cases[i].mute.mentions);
	}
	mute_encode(&b, &(struct mute){.until = 5}); /* as it always was */
	assert_bytes(of(&b), cases[0].value);
	buf_reset(&b);
	mute_encode(&b, &(struct mute){.until = 5, .mentions = true});
	assert_bytes(of(&b), cases[2].value);
	buf_free(&b);
}

static void test_values_push_registration(void **state)
{
	static char large[PUSH_DATA_MAX + 1];
	struct push_registration in = {
		.set_ms = 5, .kind = 3, .preview = PREVIEW_AS_USER, .data = text("{}")};
	struct push_registration out;
	struct buf b = {0};

	(void)state;
	push_registration_encode(&b, &in);
	assert_bytes(of(&b), BYTES("\1"
				   "\5\0\0\0\0\0\0\0"
				   "\3\2"
				   "\2\0{}"));
	assert_int_equal(push_registration_decode(&out, of(&b)), ERR_OK);
	assert_true(out.set_ms == 5 && out.kind == 3 && out.preview == PREVIEW_AS_USER);
	assert_bytes(out.data, in.data);
	abuse(&b, any_registration);
	for (size_t over = 0; over < 2; over++) {
		buf_reset(&b);
		in.data = (struct bytes){large, PUSH_DATA_MAX + over};
		push_registration_encode(&b, &in);
		assert_int_equal(
			push_registration_decode(&out, of(&b)), over ? ERR_CORRUPT : ERR_OK);
	}
	buf_free(&b);
}

static void test_values_push_owner_and_entry(void **state)
{
	struct push_owner owner;
	struct push_entry entry;
	struct buf b = {0};
	struct reader r;

	(void)state;
	push_owner_encode(&b, &(struct push_owner){text("alice"), text("tab")});
	assert_bytes(of(&b), BYTES("\1\5\0alice\3\0tab"));
	assert_int_equal(push_owner_decode(&owner, of(&b)), ERR_OK);
	assert_bytes(owner.user, text("alice"));
	assert_bytes(owner.device, text("tab"));
	abuse(&b, any_owner);
	buf_reset(&b);
	push_entry_encode(&b, &(struct push_entry){text("lobby"), 7, 9, 6, 8});
	assert_bytes(of(&b), BYTES("\5\0lobby"
				   "\7\0\0\0\0\0\0\0"
				   "\11\0\0\0\0\0\0\0"
				   "\6\0\0\0\0\0\0\0"
				   "\10\0\0\0\0\0\0\0"));
	r = reader_of(b.data, b.len);
	assert_true(push_entry_next(&entry, &r));
	assert_bytes(entry.chat, text("lobby"));
	assert_true(entry.first == 7 && entry.last == 9 && entry.n == 6 && entry.ts == 8);
	assert_false(push_entry_next(&entry, &r) || r.failed);
	abuse(&b, any_entry);
	buf_free(&b);
}

static void test_values_push_prefs(void **state)
{
	static const struct {
		struct push_prefs p;
		enum err err;
	} cases[] = {
		{{0}, ERR_OK},
		{{.mentions = true, .hidden = true}, ERR_OK},
		{{.quiet = true, .from = 1439, .to = 0, .utc_offset = 840}, ERR_OK},
		{{.quiet = true, .from = 0, .to = 1439, .utc_offset = -840}, ERR_OK},
		{{.quiet = true, .from = 1440, .to = 0}, ERR_CORRUPT},
		{{.quiet = true, .from = 0, .to = 1440}, ERR_CORRUPT},
		{{.quiet = true, .from = 1, .to = 2, .utc_offset = 841}, ERR_CORRUPT},
		{{.quiet = true, .from = 1, .to = 2, .utc_offset = -841}, ERR_CORRUPT},
		{{.quiet = true, .from = 7, .to = 7}, ERR_CORRUPT},
		{{.from = 7, .to = 8}, ERR_CORRUPT},
	};
	struct push_prefs out;
	struct buf b = {0};

	(void)state;
	push_prefs_encode(&b, &(struct push_prefs){.quiet = true,
				      .mentions = true,
				      .from = 0x0102,
				      .to = 3,
				      .utc_offset = -2});
	assert_bytes(of(&b), BYTES("\1\3"
				   "\2\1"
				   "\3\0"
				   "\376\377"));
	assert_int_equal(push_prefs_decode(&out, of(&b)), ERR_OK);
	assert_true(out.quiet && out.mentions && !out.hidden);
	assert_true(out.from == 0x0102 && out.to == 3 && out.utc_offset == -2);
	abuse(&b, any_prefs);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_reset(&b);
		push_prefs_encode(&b, &cases[i].p);
		assert_int_equal(push_prefs_decode(&out, of(&b)), cases[i].err);
	}
	assert_int_equal(push_prefs_decode(&out, BYTES("\1\10\0\0\0\0\0\0")), ERR_CORRUPT);
	buf_free(&b);
}

/* Strings at both sides of their bounds. */
static void test_values_string_bounds(void **state)
{
	static char long_text[TITLE_BYTES_MAX + 1];
	static const struct {
		size_t hash, name, about, avatar;
		enum err want;
	} cases[] = {
		{0, 0, 0, 0, ERR_OK},
		{PASSWORD_HASH_MAX, TITLE_BYTES_MAX, ABOUT_BYTES_MAX, AVATAR_BYTES_MAX, ERR_OK},
		{PASSWORD_HASH_MAX + 1, 0, 0, 0, ERR_CORRUPT},
		{0, TITLE_BYTES_MAX + 1, 0, 0, ERR_CORRUPT},
		{0, 0, ABOUT_BYTES_MAX + 1, 0, ERR_CORRUPT},
		{0, 0, 0, AVATAR_BYTES_MAX + 1, ERR_CORRUPT},
	};

	(void)state;
	memset(long_text, 't', sizeof(long_text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct user u = {.hash = {long_text, cases[i].hash},
				    .name = {long_text, cases[i].name},
				    .about = {long_text, cases[i].about},
				    .avatar = {long_text, cases[i].avatar}},
			    out;
		struct buf b = {0};

		user_encode(&b, &u);
		assert_int_equal(user_decode(&out, of(&b)), cases[i].want);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_chat_state),
		cmocka_unit_test(test_values_mark),
		cmocka_unit_test(test_values_user),
		cmocka_unit_test(test_values_user_version_1),
		cmocka_unit_test(test_values_chat),
		cmocka_unit_test(test_values_member),
		cmocka_unit_test(test_values_contact_revoked_seen),
		cmocka_unit_test(test_values_session),
		cmocka_unit_test(test_values_device),
		cmocka_unit_test(test_values_story),
		cmocka_unit_test(test_values_mark_told),
		cmocka_unit_test(test_values_mute),
		cmocka_unit_test(test_values_push_registration),
		cmocka_unit_test(test_values_push_owner_and_entry),
		cmocka_unit_test(test_values_push_prefs),
		cmocka_unit_test(test_values_string_bounds),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
