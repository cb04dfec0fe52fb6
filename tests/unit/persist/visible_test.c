/* visible_test.c — who may see what of whom, over a real directory: every level against everybody
 * who may look, and contacts and blocks that were meant for an earlier owner of the name.
 */
#include "persist/visible.h"

#include "persist/keys.h"
#include "persist/values.h"
#include "tests/unit/persist/memory_base.h"
#include "tests/unit/persist/scratch.h"

#define BYTES(literal) ((struct bytes){literal, sizeof(literal) - 1})
#define CREATED        100 /* ms: of the account that looks */

struct world {
	struct memory_base nothing;
	struct batch *batch;
	struct directory *directory;
	struct directory_reader *reader;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(scratch_make(state), 0);
	memory_base_init(&w->nothing);
	w->batch = batch_create(&w->nothing.base);
	assert_err(directory_open(&w->directory, in_scratch("dir"), 64u << 20, DIRECTORY_CREATE,
			   why, sizeof(why)),
		ERR_OK);
	assert_int_equal(directory_reader_create(&w->reader, w->directory), ERR_OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	directory_reader_destroy(w->reader);
	directory_close(w->directory);
	batch_destroy(w->batch);
	free(w);
	return scratch_remove(state);
}

static void settle(struct world *w)
{
	assert_err(directory_write(w->directory, w->batch, why, sizeof(why)), ERR_OK);
	batch_clear(w->batch);
	assert_int_equal(directory_refresh(w->reader), ERR_OK);
}

static void put(struct world *w, enum table t, struct key k, struct bytes value)
{
	batch_put(w->batch, t, key_bytes(&k), value);
	settle(w);
}

static void forget(struct world *w, enum table t, struct key k)
{
	batch_delete(w->batch, t, key_bytes(&k));
	settle(w);
}

/* since 0: none. */
static void set_contact(struct world *w, const char *owner, const char *user, uint64_t since)
{
	struct key k = key_contact(text(owner), text(user));
	struct buf v = {0};

	contact_encode(&v, &(struct contact){.since = since, .name = text("dear")});
	if (since == 0)
		forget(w, TABLE_CONTACTS, k);
	else
		put(w, TABLE_CONTACTS, k, (struct bytes){v.data, v.len});
	buf_free(&v);
}

static void set_block(struct world *w, const char *owner, const char *user, uint64_t since)
{
	struct key k = key_block(text(owner), text(user));
	struct buf v = {0};

	buf_u64(&v, since);
	if (since == 0)
		forget(w, TABLE_BLOCKS, k);
	else
		put(w, TABLE_BLOCKS, k, (struct bytes){v.data, v.len});
	buf_free(&v);
}

/* Does alice, made then, see that of bob, who lets `level` see it? */
static bool sees(struct world *w, enum privacy what, enum visibility level, uint64_t created)
{
	struct user bob = USER_NEW;
	struct viewer alice = {text("alice"), created};
	bool yes = level == VISIBLE_NOBODY; /* is set, whatever it was */

	for (int i = 0; i < PRIVACY_COUNT; i++) /* none of the others counts */
		bob.privacy[i] = level == VISIBLE_EVERYONE ? VISIBLE_NOBODY : VISIBLE_EVERYONE;
	bob.privacy[what] = (uint8_t)level;
	assert_int_equal(visible(w->reader, text("bob"), &bob, what, &alice, &yes), ERR_OK);
	return yes;
}

static void test_visible_by_level_and_relation(void **state)
{
	static const struct {
		uint64_t contact, block;
		bool want[VISIBLE_COUNT]; /* everyone, contacts, nobody */
	} cases[] = {
		{0, 0, {true, false, false}},
		{CREATED, 0, {true, true, false}},
		{CREATED + 1, 0, {true, true, false}},
		{CREATED - 1, 0, {true, false, false}}, /* an alice before this one */
		{0, CREATED, {false, false, false}},
		{CREATED, CREATED, {false, false, false}},
		{CREATED, CREATED - 1, {true, true, false}}, /* blocked was one before */
		{CREATED - 1, CREATED - 1, {true, false, false}},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		set_contact(w, "bob", "alice", cases[i].contact);
		set_block(w, "bob", "alice", cases[i].block);
		for (int what = 0; what < PRIVACY_COUNT; what++)
			for (int level = 0; level < VISIBLE_COUNT; level++)
				assert_int_equal(sees(w, (enum privacy)what, (enum visibility)level,
							 CREATED),
					cases[i].want[level]);
	}
}

/* Of an account that is disabled nothing is there for anybody else, whatever it lets others see. */
static void test_visible_of_one_disabled(void **state)
{
	struct world *w = *state;
	struct user u = {.disabled = true}; /* everything to everyone */
	struct viewer self = {text("bob"), CREATED}, alice = {text("alice"), CREATED};

	for (int what = 0; what < PRIVACY_COUNT; what++) {
		bool yes = true;

		assert_int_equal(
			visible(w->reader, text("bob"), &u, (enum privacy)what, &alice, &yes),
			ERR_OK);
		assert_false(yes);
		assert_int_equal(
			visible(w->reader, text("bob"), &u, (enum privacy)what, &self, &yes),
			ERR_OK);
		assert_true(yes);
	}
}

/* What the viewer has of the other, and what others have, is of no meaning. */
static void test_visible_is_not_mutual(void **state)
{
	struct world *w = *state;

	set_contact(w, "alice", "bob", CREATED);
	set_contact(w, "bob", "alic", CREATED);
	set_contact(w, "bo", "alice", CREATED);
	assert_false(sees(w, PRIVACY_PRESENCE, VISIBLE_CONTACTS, CREATED));
	set_block(w, "alice", "bob", CREATED);
	set_block(w, "bob", "alic", CREATED);
	assert_true(sees(w, PRIVACY_PRESENCE, VISIBLE_EVERYONE, CREATED));
}

/* When the account was made is not known: any contact counts, and any block. */
static void test_visible_created_unknown(void **state)
{
	struct world *w = *state;

	set_contact(w, "bob", "alice", 1);
	assert_true(sees(w, PRIVACY_STATUS, VISIBLE_CONTACTS, 0));
	set_block(w, "bob", "alice", 1);
	assert_false(sees(w, PRIVACY_STATUS, VISIBLE_CONTACTS, 0));
	assert_false(sees(w, PRIVACY_STATUS, VISIBLE_EVERYONE, 0));
}

static void test_visible_of_oneself(void **state)
{
	struct world *w = *state;
	struct user u = USER_NEW;
	struct viewer self = {text("bob"), CREATED}, namesake = {text("bobby"), CREATED};

	memset(u.privacy, VISIBLE_NOBODY, sizeof(u.privacy));
	for (int what = 0; what < PRIVACY_COUNT; what++) {
		bool yes = false;

		assert_int_equal(
			visible(w->reader, text("bob"), &u, (enum privacy)what, &self, &yes),
			ERR_OK);
		assert_true(yes);
		assert_int_equal(
			visible(w->reader, text("bob"), &u, (enum privacy)what, &namesake, &yes),
			ERR_OK);
		assert_false(yes);
	}
}

static void test_visible_blocked_by_age(void **state)
{
	struct world *w = *state;
	struct viewer alice = {text("alice"), CREATED};
	static const struct {
		uint64_t since;
		bool want;
	} cases[] = {{0, false}, {CREATED - 1, false}, {CREATED, true}, {UINT64_MAX, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool yes = !cases[i].want;

		set_block(w, "bob", "alice", cases[i].since);
		assert_int_equal(visible_blocked(w->reader, text("bob"), &alice, &yes), ERR_OK);
		assert_int_equal(yes, cases[i].want);
	}
}

/* A value that cannot be read is told, not taken for a yes or a no. */
static void test_visible_damaged(void **state)
{
	const struct bytes damaged[] = {BYTES(""), BYTES("\1"), BYTES("\2\0\0\0\0\0\0\0\0\0\0"),
		BYTES("\1\0\0\0\0\0\0\0\0\1\0")};
	struct viewer alice = {text("alice"), CREATED};
	struct user bob = USER_NEW;
	struct world *w = *state;
	bool yes;

	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		put(w, TABLE_CONTACTS, key_contact(text("bob"), text("alice")), damaged[i]);
		assert_int_equal(
			visible(w->reader, text("bob"), &bob, PRIVACY_PROFILE, &alice, &yes),
			ERR_CORRUPT);
		put(w, TABLE_BLOCKS, key_block(text("carol"), text("alice")), damaged[i]);
		assert_int_equal(
			visible(w->reader, text("carol"), &bob, PRIVACY_PROFILE, &alice, &yes),
			ERR_CORRUPT);
		assert_int_equal(
			visible_blocked(w->reader, text("carol"), &alice, &yes), ERR_CORRUPT);
	}
}

static void test_visible_names(void **state)
{
	(void)state;
	assert_string_equal(privacy_name(PRIVACY_PRESENCE), "presence");
	assert_string_equal(privacy_name(PRIVACY_LAST_SEEN), "last_seen");
	assert_string_equal(privacy_name(PRIVACY_PROFILE), "profile");
	assert_string_equal(privacy_name(PRIVACY_STATUS), "status");
	assert_string_equal(visibility_name(VISIBLE_EVERYONE), "everyone");
	assert_string_equal(visibility_name(VISIBLE_CONTACTS), "contacts");
	assert_string_equal(visibility_name(VISIBLE_NOBODY), "nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_visible_by_level_and_relation),
		TEST(test_visible_is_not_mutual),
		TEST(test_visible_created_unknown),
		TEST(test_visible_of_oneself),
		TEST(test_visible_of_one_disabled),
		TEST(test_visible_blocked_by_age),
		TEST(test_visible_damaged),
		cmocka_unit_test(test_visible_names),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("visible", tests, NULL, NULL);
}
