/* presence_test.c — who is told to be there, and when, against a real store and directory, with a
 * clock of the test's own; and marks whose interval is over. */
#include "bridge/presence.h"

#include "bridge/marks.h"
#include "persist/base.h"
#include "persist/journal.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "wire/effect.h"
#include "wire/hashmap.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SAYINGS_MAX 20000

struct saying {
	char topic[96];
	char payload[160];
	uint32_t expiry;
};

struct world {
	char dir[64];
	struct conf conf;
	struct store *store;
	struct directory *directory;
	struct journal *journal;
	struct disk_base base;
	struct batch *batch;
	struct outbox out;
	struct stats stats;
	struct later later;
	struct presence *presence;
	struct marks *marks;
	struct saying *said;
	size_t count;
	int64_t now;
};

static struct bytes text(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static void on_send(void *ctx, const struct buf *effects, uint32_t count)
{
	struct world *w = ctx;
	struct reader r = reader_of(effects->data, effects->len);

	for (; count > 0; count--) {
		struct saying *s = &w->said[w->count++];
		struct effect e;

		assert_true(w->count < SAYINGS_MAX);
		assert_int_equal(effect_decode(&e, &r), ERR_OK);
		assert_int_equal(e.type, EFFECT_PUBLISH);
		assert_int_equal(e.qos, e.topic.data[0] == 'c' ? 0 : 1); /* of a group */
		snprintf(s->topic, sizeof(s->topic), "%.*s", (int)e.topic.len, e.topic.data);
		snprintf(s->payload, sizeof(s->payload), "%.*s", (int)e.payload.len,
			e.payload.len ? e.payload.data : "");
		s->expiry = e.expiry;
	}
	assert_true(r.at == r.end);
}

static void on_done(void *ctx, struct batch *b, enum err result, const char *why)
{
	(void)ctx;
	(void)b;
	(void)result;
	(void)why;
}

static void start_tellers(struct world *w)
{
	struct teller t = {.conf = &w->conf,
		.store = w->store,
		.directory = w->directory,
		.stats = &w->stats,
		.later = &w->later,
		.send = on_send,
		.ctx = w};

	assert_int_equal(presence_create(&w->presence, &t), ERR_OK);
	assert_int_equal(marks_create(&w->marks, &t), ERR_OK);
}

static void stop_tellers(struct world *w)
{
	presence_destroy(w->presence);
	marks_destroy(w->marks);
}

static void put(struct world *w, enum table t, struct key k, struct buf *v);

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct buf v = {0};
	char path[CONF_PATH_MAX + 16], why[512] = "";

	w->said = calloc(SAYINGS_MAX, sizeof(*w->said));
	strcpy(w->dir, "/tmp/gnatter-unit-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(conf_defaults(&w->conf, w->dir), ERR_OK);
	assert_int_equal(mkdir(w->conf.data_dir, 0700), 0);
	conf_store_path(&w->conf, path);
	assert_int_equal(
		store_open(&w->store, path, &w->conf, STORE_CREATE, why, sizeof(why)), ERR_OK);
	conf_directory_path(&w->conf, path);
	assert_int_equal(
		directory_open(&w->directory, path, 64u << 20, DIRECTORY_CREATE, why, sizeof(why)),
		ERR_OK);
	assert_int_equal(
		journal_open(&w->journal, w->store, w->directory, on_done, w, why, sizeof(why)),
		ERR_OK);
	assert_int_equal(disk_base_init(&w->base, w->store, w->directory), ERR_OK);
	w->batch = batch_create(&w->base.base);
	assert_non_null(w->batch);
	chat_encode(&v, &(struct chat){.kind = KIND_GROUP, .members = 2});
	put(w, TABLE_CHATS, key_chat(text("lobby")), &v);
	w->now = 1000000;
	start_tellers(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	stop_tellers(w);
	later_finish(&w->later);
	outbox_finish(&w->out);
	batch_destroy(w->batch);
	disk_base_finish(&w->base);
	journal_close(w->journal);
	directory_close(w->directory);
	store_close(w->store);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w->said);
	free(w);
	return 0;
}

/* --- what the engine would write
 * ---------------------------------------------------------------------- */

static void put(struct world *w, enum table t, struct key k, struct buf *v)
{
	batch_put(w->batch, t, key_bytes(&k), (struct bytes){v->data ? v->data : "", v->len});
	buf_free(v);
}

static void remove_key(struct world *w, struct key k)
{
	batch_delete(w->batch, TABLE_STORE, key_bytes(&k));
}

/* With what was told meanwhile, as the core does. */
static void commit(struct world *w)
{
	char why[512] = "";

	outbox_reset(&w->out);
	assert_int_equal(later_write(&w->later, w->batch, &w->out), ERR_OK);
	assert_int_equal(journal_commit_wait(w->journal, w->batch, why, sizeof(why)), ERR_OK);
	batch_clear(w->batch);
	assert_int_equal(disk_base_refresh(&w->base), ERR_OK);
}

static void add_user(struct world *w, const char *user, const struct user *u)
{
	struct buf v = {0};

	user_encode(&v, u);
	put(w, TABLE_USERS, key_user(text(user)), &v);
}

static void connect(struct world *w, const char *user, const char *client, uint64_t since)
{
	struct buf v = {0}, nothing = {0}, d = {0};
	const char *device = strchr(client, ':') + 1;

	session_encode(&v, &(struct session){.since = since, .device = text(device)});
	put(w, TABLE_STORE, key_session(text(user), text(client)), &v);
	device_encode(&d, &(struct device){.first = since,
				  .last_seen = since,
				  .state = STATE_ONLINE,
				  .shown = true,
				  .speaks = true});
	put(w, TABLE_STORE, key_device(text(user), text(device)), &d);
	put(w, TABLE_STORE, key_shown(text(user)), &nothing);
}

/* Its connection stays as it is. */
static void say(struct world *w, const char *user, const char *device, enum presence_state state)
{
	struct buf d = {0};

	device_encode(&d, &(struct device){.first = 1,
				  .last_seen = 1,
				  .state = state,
				  .shown = state != STATE_OFFLINE,
				  .speaks = true});
	put(w, TABLE_STORE, key_device(text(user), text(device)), &d);
}

static void disconnect(struct world *w, const char *user, const char *client, uint64_t ts)
{
	struct buf v = {0}, d = {0};
	const char *device = strchr(client, ':') + 1;

	remove_key(w, key_session(text(user), text(client)));
	seen_encode(&v, &(struct seen){.last_seen = ts});
	put(w, TABLE_STORE, key_seen(text(user)), &v);
	device_encode(&d, &(struct device){.first = ts,
				  .last_seen = ts,
				  .state = STATE_OFFLINE,
				  .shown = true,
				  .speaks = true});
	put(w, TABLE_STORE, key_device(text(user), text(device)), &d);
}

static void hint(struct world *w, enum hint h, const char *user)
{
	commit(w);
	presence_hint(w->presence, h, text(user), 1, w->now);
}

/* Let time pass in small steps, up to `ms` from now. */
static void pass(struct world *w, int64_t ms)
{
	for (int64_t end = w->now + ms; w->now <= end; w->now += 5) {
		presence_service(w->presence, w->now);
		marks_service(w->marks, w->now);
	}
}

/* How many were told on that topic since the last call of forget(). */
static size_t told(const struct world *w, const char *topic)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		n += strcmp(w->said[i].topic, topic) == 0;
	return n;
}

static const char *last(const struct world *w, const char *topic)
{
	for (size_t i = w->count; i-- > 0;)
		if (strcmp(w->said[i].topic, topic) == 0)
			return w->said[i].payload;
	fail_msg("nothing was told on %s", topic);
	return NULL;
}

static void forget(struct world *w)
{
	w->count = 0;
}

static bool exists(struct world *w, struct key k)
{
	struct bytes v;
	enum err err = store_get(w->store, NULL, key_bytes(&k), &v);

	if (err == ERR_OK)
		free((void *)(uintptr_t)v.data);
	return err == ERR_OK;
}

static void assert_holds(const char *payload, const char *part)
{
	if (!strstr(payload, part))
		fail_msg("%s lacks %s", payload, part);
}

/* --- the tests
 * ----------------------------------------------------------------------------------------- */

static void test_presence_at_once_and_after_a_grace(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	assert_int_equal(told(w, "presence/bob"), 1);
	assert_holds(last(w, "presence/bob"), "{\"online\":true,\"devices\":1,\"last_seen\":500,");
	disconnect(w, "bob", "bob:tab", 900);
	hint(w, HINT_WENT, "bob");
	pass(w, w->conf.presence_grace_ms - 100);
	assert_int_equal(told(w, "presence/bob"), 1);
	assert_int_equal(told(w, "presence/bob/tab"), 0);
	pass(w, 200);
	assert_int_equal(told(w, "presence/bob"), 2);
	assert_holds(last(w, "presence/bob"), "{\"online\":false,\"devices\":0,\"last_seen\":900,");
	assert_string_equal(last(w, "presence/bob/tab"), "offline");
	assert_true(exists(w, key_shown(text("bob"))));
	commit(w);
	assert_false(exists(w, key_shown(text("bob"))));
	/* The device is corrected once. */
	forget(w);
	hint(w, HINT_WENT, "bob");
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_int_equal(told(w, "presence/bob/tab"), 0);
}

static void test_presence_who_is_back_was_never_gone(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	for (int i = 0; i < 20; i++) {
		disconnect(w, "bob", "bob:tab", 900);
		hint(w, HINT_WENT, "bob");
		pass(w, w->conf.presence_grace_ms / 2);
		connect(w, "bob", "bob:tab", 1000);
		hint(w, HINT_CAME, "bob");
		pass(w, w->conf.presence_grace_ms / 2);
	}
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_int_equal(told(w, "presence/bob"), 1);
	assert_int_equal(told(w, "presence/bob/tab"), 0);
}

/* Busy, gone for a second, there again, and busy a moment later: nothing is told. But if he does
 * not say so again, that is, when the grace is over. */
static void test_presence_state_of_who_is_back(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	say(w, "bob", "tab", STATE_BUSY);
	hint(w, HINT_SAID, "bob");
	pass(w, 10);
	assert_holds(last(w, "presence/bob"), "\"state\":\"busy\"");
	forget(w);
	for (int i = 0; i < 2; i++) {
		disconnect(w, "bob", "bob:tab", 900);
		hint(w, HINT_WENT, "bob");
		pass(w, 1000);
		connect(w, "bob", "bob:tab", 1000);
		hint(w, HINT_CAME, "bob");
		pass(w, 100);
		if (i == 1)
			break;
		say(w, "bob", "tab", STATE_BUSY);
		hint(w, HINT_SAID, "bob");
		pass(w, 2 * w->conf.presence_grace_ms);
	}
	assert_int_equal(told(w, "presence/bob"), 0);
	pass(w, w->conf.presence_grace_ms);
	assert_int_equal(told(w, "presence/bob"), 1);
	assert_null(strstr(last(w, "presence/bob"), "busy"));
}

/* Back for a moment, and he does not want to be counted: that is no short absence. */
static void test_presence_of_who_hides_in_the_grace(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	disconnect(w, "bob", "bob:tab", 900);
	hint(w, HINT_WENT, "bob");
	pass(w, 1000);
	connect(w, "bob", "bob:tab", 1000);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	forget(w);
	say(w, "bob", "tab", STATE_OFFLINE);
	hint(w, HINT_SAID, "bob");
	pass(w, 10);
	assert_holds(last(w, "presence/bob"), "\"online\":false,\"devices\":0");
}

/* When he went can be read from nothing that the broker retains. */
static void test_presence_ts_does_not_say_when(void **state)
{
	struct world *w = *state;
	struct user u = USER_NEW;

	u.privacy[PRIVACY_PRESENCE] = VISIBLE_EVERYONE;
	add_user(w, "bob", &u);
	commit(w);
	presence_hint(w->presence, HINT_ALL, text(""), 77, w->now);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	disconnect(w, "bob", "bob:tab", 900);
	hint(w, HINT_WENT, "bob");
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_string_equal(last(w, "presence/bob"), "{\"online\":false,\"devices\":0,\"ts\":77}");
}

static void test_presence_last_seen_for_fewer_is_left_out(void **state)
{
	struct world *w = *state;
	struct user u = USER_NEW;

	u.privacy[PRIVACY_LAST_SEEN] = VISIBLE_NOBODY;
	add_user(w, "bob", &u);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	assert_null(strstr(last(w, "presence/bob"), "last_seen"));
	u.privacy[PRIVACY_LAST_SEEN] = VISIBLE_EVERYONE;
	add_user(w, "bob", &u);
	hint(w, HINT_AGAIN, "bob");
	pass(w, 10);
	assert_int_equal(told(w, "presence/bob"), 2);
	assert_holds(last(w, "presence/bob"), "\"last_seen\":500");
	connect(w, "bob", "bob:tab", 600); /* when he came is no news */
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	assert_int_equal(told(w, "presence/bob"), 2);
	u.privacy[PRIVACY_LAST_SEEN] = VISIBLE_NOBODY;
	add_user(w, "bob", &u);
	hint(w, HINT_CAME, "bob"); /* that it is left out from now on is */
	pass(w, 10);
	assert_int_equal(told(w, "presence/bob"), 3);
	assert_null(strstr(last(w, "presence/bob"), "last_seen"));
}

/* What was told before the daemon died, or was about to be, is told again. */
static void test_presence_after_a_kill_of_the_daemon(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	add_user(w, "carol", &USER_NEW);
	add_user(w, "dave", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	connect(w, "carol", "carol:pc", 600);
	connect(w, "dave", "dave:pc", 600);
	hint(w, HINT_CAME, "bob");
	hint(w, HINT_CAME, "carol");
	hint(w, HINT_CAME, "dave");
	pass(w, 10);
	disconnect(w, "dave", "dave:pc", 650);
	hint(w, HINT_WENT, "dave");
	pass(w, 2 * w->conf.presence_grace_ms);
	commit(w); /* that dave is offline is written down */
	disconnect(w, "carol", "carol:pc", 700);
	hint(w, HINT_WENT, "carol");
	stop_tellers(w); /* within carol's grace */
	forget(w);
	start_tellers(w);
	assert_int_equal(presence_restart(w->presence, w->now), ERR_OK);
	pass(w, w->conf.presence_grace_ms + 100);
	assert_holds(last(w, "presence/bob"), "\"online\":true");
	assert_holds(last(w, "presence/carol"), "\"online\":false");
	assert_string_equal(last(w, "presence/carol/pc"), "offline");
	assert_int_equal(told(w, "presence/dave"), 0);
}

/* A new broker may retain anything: everybody is told once more, those who are back as such. */
static void test_presence_after_a_kill_of_the_broker(void **state)
{
	struct world *w = *state;
	struct buf story = {0};

	add_user(w, "bob", &USER_NEW);
	add_user(w, "carol", &USER_NEW);
	add_user(w, "dave", &USER_NEW);
	story_encode(&story,
		&(struct story){.expires = UINT64_MAX / 2, .payload = text("{\"user\":\"dave\"}")});
	put(w, TABLE_STORE, key_story(text("dave")), &story);
	story_encode(&story, &(struct story){0});
	put(w, TABLE_STORE, key_story(text("bob")), &story);
	connect(w, "dave", "dave:pc", 100);
	hint(w, HINT_CAME, "dave");
	disconnect(w, "dave", "dave:pc", 200);
	hint(w, HINT_WENT, "dave");
	connect(w, "bob", "bob:tab", 500);
	connect(w, "carol", "carol:pc", 600);
	hint(w, HINT_CAME, "bob");
	hint(w, HINT_CAME, "carol");
	pass(w, 2 * w->conf.presence_grace_ms);
	commit(w);
	forget(w);
	disconnect(w, "bob", "bob:tab", 900);
	disconnect(w, "carol", "carol:pc", 900);
	hint(w, HINT_ALL, "");
	pass(w, 100);
	connect(w, "carol", "carol:pc", 1000);
	hint(w, HINT_CAME, "carol");
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_holds(last(w, "presence/bob"), "\"online\":false");
	assert_string_equal(last(w, "presence/bob/tab"), "offline");
	assert_holds(last(w, "presence/carol"), "\"online\":true");
	assert_int_equal(told(w, "presence/carol"), 1);
	assert_int_equal(told(w, "presence/carol/pc"), 0);
	assert_int_equal(told(w, "presence/dave"), 1);
	assert_holds(last(w, "presence/dave"), "\"online\":false,\"devices\":0,\"last_seen\":200");
	assert_string_equal(last(w, "presence/dave/pc"), "offline");
	assert_string_equal(last(w, "user/dave/status"), "{\"user\":\"dave\"}");
	assert_string_equal(last(w, "user/bob/status"), "");
}

/* The plugin shows nothing that is older than the broker's start. */
static void test_presence_is_never_older_than_its_record(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	commit(w);
	presence_hint(w->presence, HINT_CAME, text("bob"), UINT64_MAX / 4, w->now);
	pass(w, 10);
	assert_holds(last(w, "presence/bob"), "\"ts\":4611686018427387903}");
}

/* Nor after a start of the daemon with a clock that was set back. */
static void test_presence_is_never_older_than_the_broker(void **state)
{
	struct world *w = *state;
	struct buf started = {0};

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	buf_u64(&started, UINT64_MAX / 4);
	put(w, TABLE_STORE, key_meta("started"), &started);
	commit(w);
	assert_int_equal(presence_restart(w->presence, w->now), ERR_OK);
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_holds(last(w, "presence/bob"), "\"ts\":4611686018427387903}");
}

/* The grace of the first who goes is not put off by others who go after. */
static void test_presence_grace_counts_from_the_first(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:a", 500);
	connect(w, "bob", "bob:b", 500);
	connect(w, "bob", "bob:c", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	disconnect(w, "bob", "bob:a", 900);
	hint(w, HINT_WENT, "bob");
	pass(w, w->conf.presence_grace_ms - 500);
	disconnect(w, "bob", "bob:b", 950);
	hint(w, HINT_WENT, "bob");
	pass(w, 600);
	assert_string_equal(last(w, "presence/bob/a"), "offline");
	assert_holds(last(w, "presence/bob"), "\"devices\":1");
}

/* Nor is it cut short by what another device says meanwhile. */
static void test_presence_grace_is_not_cut_short(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:a", 500);
	connect(w, "bob", "bob:b", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	disconnect(w, "bob", "bob:a", 900);
	hint(w, HINT_WENT, "bob");
	pass(w, 100);
	hint(w, HINT_CAME, "bob"); /* b says something */
	hint(w, HINT_AGAIN, "bob");
	pass(w, 100);
	assert_holds(last(w, "presence/bob"), "\"devices\":2");
	assert_int_equal(told(w, "presence/bob/a"), 0);
	pass(w, w->conf.presence_grace_ms);
	assert_holds(last(w, "presence/bob"), "\"devices\":1");
	assert_string_equal(last(w, "presence/bob/a"), "offline");
}

/* Who gets the name of one who was online is told as anybody else. */
static void test_presence_of_a_name_given_again(void **state)
{
	struct world *w = *state;
	struct key k = key_user(text("bob"));

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	assert_int_equal(told(w, "presence/bob"), 1);
	remove_key(w, key_session(text("bob"), text("bob:tab")));
	batch_delete(w->batch, TABLE_USERS, key_bytes(&k));
	hint(w, HINT_AGAIN, "bob");
	pass(w, 10);
	assert_int_equal(told(w, "presence/bob"), 1);
	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 700);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	assert_int_equal(told(w, "presence/bob"), 2);
}

/* The daemon dies before everybody was told after a start of the broker. */
static void test_presence_sweep_goes_on(void **state)
{
	struct world *w = *state;
	struct key sweep = key_meta("sweep");
	struct buf since = {0};

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	disconnect(w, "bob", "bob:tab", 600);
	hint(w, HINT_WENT, "bob");
	pass(w, 2 * w->conf.presence_grace_ms);
	buf_u64(&since, 700);
	put(w, TABLE_STORE, sweep, &since); /* with the record of the start */
	commit(w);
	stop_tellers(w);
	forget(w);
	start_tellers(w);
	assert_int_equal(presence_restart(w->presence, w->now), ERR_OK);
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_holds(last(w, "presence/bob"), "\"online\":false");
	assert_true(exists(w, sweep));
	commit(w);
	assert_false(exists(w, sweep));
}

/* Told offline, written down only after he came and went once more: told again after a crash. */
static void test_presence_older_news_do_not_count(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	disconnect(w, "bob", "bob:tab", 600);
	commit(w);
	later_offline(&w->later, text("bob"), 650);
	later_device(&w->later, text("bob"), text("tab"), false, 650);
	disconnect(w, "bob", "bob:tab", 800);
	commit(w);
	assert_true(exists(w, key_shown(text("bob"))));
	assert_int_equal(presence_restart(w->presence, w->now), ERR_OK);
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_string_equal(last(w, "presence/bob/tab"), "offline");
}

/* 5,000 at once are told at the rate that is set, and all of them in the end. */
static void test_presence_is_paced(void **state)
{
	struct world *w = *state;
	char user[32], client[40];

	w->conf.presence_rate = 1000;
	for (int i = 0; i < 5000; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		snprintf(client, sizeof(client), "u%d:d", i);
		add_user(w, user, &USER_NEW);
		connect(w, user, client, 500);
	}
	commit(w);
	for (int i = 0; i < 5000; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		presence_hint(w->presence, HINT_CAME, text(user), 1, w->now);
	}
	pass(w, 1000);
	assert_in_range(w->count, 950, 1050);
	pass(w, 4200);
	assert_int_equal(w->count, 5000);
	w->conf.presence_rate = 10; /* slower than once a step */
	hint(w, HINT_AGAIN, "u1");
	hint(w, HINT_AGAIN, "u2");
	pass(w, 1000);
	assert_int_equal(w->count, 5002);
}

static void test_presence_of_an_account_that_went(void **state)
{
	struct world *w = *state;

	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	hint(w, HINT_WENT, "bob");
	pass(w, 2 * w->conf.presence_grace_ms);
	assert_int_equal(w->count, 0);
}

/* --- marks
 * --------------------------------------------------------------------------------------------- */

static void put_mark_of(struct world *w, const char *user, uint64_t delivered, uint64_t read)
{
	struct buf v = {0};

	mark_encode(&v, &(struct mark){.delivered = delivered,
				.read = read,
				.ts = 5,
				.told = {.at = 1, .delivered = 5, .read = 5, .pending = true}});
	put(w, TABLE_STORE, key_mark(text("lobby"), text(user)), &v);
}

static void put_mark(struct world *w, uint64_t delivered, uint64_t read)
{
	put_mark_of(w, "bob", delivered, read);
}

static void put_pending(struct world *w)
{
	struct buf nothing = {0};

	put(w, TABLE_STORE, key_pending(text("lobby"), text("bob")), &nothing);
}

static void test_marks_when_their_interval_is_over(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	put_mark(w, 9, 5);
	put_pending(w);
	commit(w);
	marks_hint(w->marks, text("lobby"), text("bob"), false, w->now);
	pass(w, w->conf.mark_interval_ms - 20);
	assert_int_equal(w->count, 0);
	pass(w, 40);
	assert_int_equal(w->count, 1);
	assert_string_equal(last(w, "chat/lobby/mark/bob"),
		"{\"chat\":\"lobby\",\"user\":\"bob\",\"delivered\":9,\"ts\":5}");
	commit(w);
	assert_int_equal(w->out.hints.len, 0);
	assert_false(exists(w, key_pending(text("lobby"), text("bob"))));
}

/* Where many wait they wait longer, though never more than eight intervals; and all are told. */
static void test_marks_of_a_crowd(void **state)
{
	enum { CROWD = 1100, BATCH = 25, BATCH_MS = 50, STRETCH = 8 };
	struct world *w = *state;
	int64_t interval = w->conf.mark_interval_ms, began;
	size_t told = 0;

	for (int i = 0; i < CROWD; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%d", i);
		add_user(w, name, &USER_NEW);
		put_mark_of(w, name, 9, 5);
	}
	commit(w);
	began = w->now;
	for (int i = 0; i < CROWD; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%d", i);
		marks_hint(w->marks, text("lobby"), text(name), false, w->now);
	}
	pass(w, interval - 20);
	assert_int_equal(w->count, 0);
	for (int64_t ms = interval; ms < STRETCH * interval; ms += BATCH_MS) {
		pass(w, began + ms - w->now);
		assert_int_equal(w->count, told += BATCH);
	}
	/* Nobody waits longer, but for the turns that it takes then. */
	pass(w, began + STRETCH * interval - w->now + 20);
	assert_int_equal(w->count, CROWD);
}

/* Who waits since the interval was longer does not wait so long, nor does anybody behind him. */
static void test_marks_after_a_reload(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	put_mark(w, 9, 7);
	commit(w);
	w->conf.mark_interval_ms = 10000;
	marks_hint(w->marks, text("lobby"), text("bob"), false, w->now);
	pass(w, 1000);
	assert_int_equal(w->count, 0);
	w->conf.mark_interval_ms = 250;
	pass(w, 10);
	assert_int_equal(w->count, 1);
}

/* What grows between the telling and its being written down is not forgotten. */
static void test_marks_that_grow_meanwhile(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	put_mark(w, 9, 7);
	put_pending(w);
	commit(w);
	marks_hint(w->marks, text("lobby"), text("bob"), false, w->now);
	pass(w, 2 * w->conf.mark_interval_ms);
	assert_int_equal(w->count, 1);
	put_mark(w, 10, 10);
	commit(w);
	assert_true(w->out.hints.len > 0);
	assert_true(exists(w, key_pending(text("lobby"), text("bob"))));
	stop_tellers(w);
	start_tellers(w);
	assert_int_equal(marks_restart(w->marks, w->now), ERR_OK);
	pass(w, 10);
	assert_int_equal(w->count, 2);
	assert_holds(last(w, "chat/lobby/mark/bob"), "\"delivered\":10,\"read\":10");
}

static void test_marks_of_who_hides_his_receipts(void **state)
{
	struct world *w = *state;
	struct user u = USER_NEW;

	u.receipts_hidden = true;
	add_user(w, "bob", &u);
	put_mark(w, 9, 7);
	put_pending(w);
	commit(w);
	assert_int_equal(marks_restart(w->marks, w->now), ERR_OK);
	pass(w, 10);
	assert_int_equal(w->count, 2);
	assert_null(strstr(last(w, "chat/lobby/mark/bob"), "read"));
	assert_holds(last(w, "user/bob/events"), "\"event\":\"mark\",\"chat\":\"lobby\",");
	assert_holds(last(w, "user/bob/events"), "\"read\":7");
}

/* He narrows what may be seen and goes in the same commit, and is back within the grace. */
static void test_presence_hidden_and_back_within_the_grace(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	/* one commit: block.add (the engine publishes {"online":false}, hints AGAIN), DISCONNECT */
	forget(w);
	disconnect(w, "bob", "bob:tab", 900);
	commit(w);
	presence_hint(w->presence, HINT_AGAIN, text("bob"), 900, w->now);
	presence_hint(w->presence, HINT_WENT, text("bob"), 900, w->now);
	pass(w, 1000);
	connect(w, "bob", "bob:tab", 1000);
	hint(w, HINT_CAME, "bob");
	pass(w, 4 * w->conf.presence_grace_ms);
	assert_holds(last(w, "presence/bob"), "\"online\":true");
}

/* Gone for 1 s, there for almost 4 s, gone for 0.2 s: never gone for 5 s. */
static void test_presence_two_short_drops(void **state)
{
	struct world *w = *state;

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	pass(w, 10);
	forget(w);
	disconnect(w, "bob", "bob:tab", 900);
	hint(w, HINT_WENT, "bob");
	pass(w, 1000);
	connect(w, "bob", "bob:tab", 1000);
	hint(w, HINT_CAME, "bob");
	pass(w, w->conf.presence_grace_ms - 1100);
	disconnect(w, "bob", "bob:tab", 1100);
	hint(w, HINT_WENT, "bob");
	pass(w, 200);
	connect(w, "bob", "bob:tab", 1200);
	hint(w, HINT_CAME, "bob");
	pass(w, 4 * w->conf.presence_grace_ms);
	assert_int_equal(told(w, "presence/bob"), 0);
}

/* Told; then he is removed from the chat and added to it, with a new mark, in one commit; then the
 * plugin greets: what is pending is told. */
static void test_marks_of_who_left_and_came_back(void **state)
{
	struct world *w = *state;
	struct key k = key_mark(text("lobby"), text("bob"));
	struct buf v = {0};
	struct bytes b;
	struct mark m;

	add_user(w, "bob", &USER_NEW);
	put_mark(w, 9, 5);
	put_pending(w);
	commit(w);
	assert_int_equal(marks_restart(w->marks, w->now), ERR_OK);
	pass(w, 10); /* told 9; the entry waits in later */
	remove_key(w, key_pending(text("lobby"), text("bob")));                /* remove_member() */
	mark_encode(&v, &(struct mark){.delivered = 12, .read = 12, .ts = 7}); /* member_put_in() */
	put(w, TABLE_STORE, key_mark(text("lobby"), text("bob")), &v);
	commit(w);
	forget(w);
	assert_int_equal(marks_restart(w->marks, w->now), ERR_OK);
	pass(w, 10000);
	assert_int_equal(store_get(w->store, NULL, key_bytes(&k), &b), ERR_OK);
	assert_int_equal(mark_decode(&m, b), ERR_OK);
	assert_int_equal(m.told.pending, exists(w, key_pending(text("lobby"), text("bob"))));
	free((void *)(uintptr_t)b.data);
}

/* As much is said as may be told; somebody goes meanwhile. */
static void test_presence_of_who_went_while_many_speak(void **state)
{
	struct world *w = *state;
	char name[32], client[40];
	enum { MANY = 100 };

	w->conf.presence_rate = 100;
	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	hint(w, HINT_CAME, "bob");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		snprintf(client, sizeof(client), "u%d:d", i);
		add_user(w, name, &USER_NEW);
		connect(w, name, client, 500);
	}
	commit(w);
	pass(w, 100);
	assert_int_equal(told(w, "presence/bob"), 1);
	disconnect(w, "bob", "bob:tab", 900);
	hint(w, HINT_WENT, "bob");
	w->count = 0;
	/* each of them says something else once in 0.9 s: 111 a second */
	for (int64_t end = w->now + 60000; w->now < end;) {
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "u%d", i);
			presence_hint(w->presence, HINT_AGAIN, text(name), 1, w->now);
			pass(w, 4);
			w->now += 4;
		}
	}
	assert_int_equal(told(w, "presence/bob"), 1);
}

/* bob's tab has gone; his phone speaks each 3 s; others go each second. */
static void test_presence_of_a_device_that_went_while_another_speaks(void **state)
{
	struct world *w = *state;
	char name[32], client[40];

	add_user(w, "bob", &USER_NEW);
	connect(w, "bob", "bob:tab", 500);
	connect(w, "bob", "bob:phone", 500);
	hint(w, HINT_CAME, "bob");
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		snprintf(client, sizeof(client), "u%d:d", i);
		add_user(w, name, &USER_NEW);
		connect(w, name, client, 500);
		hint(w, HINT_CAME, name);
	}
	pass(w, 100);
	disconnect(w, "bob", "bob:tab", 900);
	hint(w, HINT_WENT, "bob");
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		snprintf(client, sizeof(client), "u%d:d", i);
		pass(w, 1000);
		disconnect(w, name, client, 1000);
		hint(w, HINT_WENT, name);
		if (i % 3 == 0)
			hint(w, HINT_CAME, "bob");
		if (told(w, "presence/bob/tab")) {
			assert_in_range(i, 3, 10); /* s */
			return;
		}
	}
	fail_msg("after 60 s bob still has two devices: %s", last(w, "presence/bob"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_presence_at_once_and_after_a_grace),
		CASE(test_presence_who_is_back_was_never_gone),
		CASE(test_presence_state_of_who_is_back),
		CASE(test_presence_of_who_hides_in_the_grace),
		CASE(test_presence_ts_does_not_say_when),
		CASE(test_presence_last_seen_for_fewer_is_left_out),
		CASE(test_presence_after_a_kill_of_the_daemon),
		CASE(test_presence_after_a_kill_of_the_broker),
		CASE(test_presence_is_never_older_than_its_record),
		CASE(test_presence_is_never_older_than_the_broker),
		CASE(test_presence_grace_counts_from_the_first),
		CASE(test_presence_grace_is_not_cut_short),
		CASE(test_presence_of_a_name_given_again),
		CASE(test_presence_sweep_goes_on),
		CASE(test_presence_older_news_do_not_count),
		CASE(test_presence_is_paced),
		CASE(test_presence_of_an_account_that_went),
		CASE(test_marks_when_their_interval_is_over),
		CASE(test_marks_of_a_crowd),
		CASE(test_marks_after_a_reload),
		CASE(test_marks_that_grow_meanwhile),
		CASE(test_presence_hidden_and_back_within_the_grace),
		CASE(test_presence_two_short_drops),
		CASE(test_marks_of_who_left_and_came_back),
		CASE(test_presence_of_who_went_while_many_speak),
		CASE(test_presence_of_a_device_that_went_while_another_speaks),
		CASE(test_marks_of_who_hides_his_receipts),
	};

	if (sodium_init() < 0)
		return 1;
	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
