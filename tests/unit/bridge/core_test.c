/* core_test.c — the core against a real store and directory, with the test as the plugin: what is
 * greeted, applied once, owed, sent again, and cut into parts.
 */
#include "bridge/core.h"
#include "persist/keys.h"
#include "wire/effect.h"
#include "wire/record.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define EPOCH 0x1234u

/* A control message as it came. */
struct got {
	struct control c;
	struct buf data;
	char text[256]; /* payload of the first MESSAGE in it */
	uint64_t seq;
	uint32_t messages;
};

struct world {
	char dir[64];
	struct conf conf;
	struct store *store;
	struct directory *directory;
	struct stats stats;
	struct core *core;
	int wake_fd;
	struct got got[256];
	size_t count, reads, hints[HINT_PUSH + 1];
	bool deaf; /* nobody is there to send to */
};

static bool on_send(void *ctx, struct bytes m)
{
	struct world *w = ctx;
	struct got *g = &w->got[w->count];
	struct control c;

	if (w->deaf)
		return false;
	assert_true(w->count < sizeof(w->got) / sizeof(*w->got));
	*g = (struct got){0};
	buf_put(&g->data, m.data, m.len);
	assert_int_equal(control_decode(&g->c, g->data.data, g->data.len), ERR_OK);
	c = g->c;
	for (uint32_t i = 0; i < c.count; i++) {
		struct effect e;

		assert_int_equal(effect_decode(&e, &c.effects), ERR_OK);
		if (e.type == EFFECT_MESSAGE && g->messages++ == 0) {
			g->seq = e.seq;
			snprintf(g->text, sizeof(g->text), "%.*s", (int)e.payload.len,
				e.payload.data);
		}
	}
	w->count++;
	return true;
}

static void on_read(void *ctx, struct bytes record)
{
	struct world *w = ctx;

	(void)record;
	w->reads++;
}

static void on_hint(void *ctx, enum hint hint, struct bytes user, struct bytes chat, uint64_t ts)
{
	struct world *w = ctx;

	(void)user;
	(void)chat;
	assert_true(ts > 0);
	w->hints[hint]++;
}

static void forget(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		buf_free(&w->got[i].data);
	w->count = 0;
}

static void start(struct world *w, bool create)
{
	struct core_handler handler = {on_send, on_read, on_hint, w};
	char path[CONF_PATH_MAX + 16];
	char why[512] = "";

	conf_store_path(&w->conf, path);
	assert_int_equal(store_open(&w->store, path, &w->conf, create ? STORE_CREATE : STORE_OPEN,
				 why, sizeof(why)),
		ERR_OK);
	conf_directory_path(&w->conf, path);
	assert_int_equal(directory_open(&w->directory, path, 64u << 20,
				 create ? DIRECTORY_CREATE : DIRECTORY_WRITE, why, sizeof(why)),
		ERR_OK);
	assert_int_equal(core_create(&w->core, &w->conf, w->store, w->directory, &w->stats,
				 &handler, w->wake_fd, why, sizeof(why)),
		ERR_OK);
}

static void stop(struct world *w)
{
	core_destroy(w->core);
	directory_close(w->directory);
	store_close(w->store);
	forget(w);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->dir, "/tmp/gnatter-core-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	conf_defaults(&w->conf, w->dir);
	assert_int_equal(mkdir(w->conf.data_dir, 0700), 0);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	start(w, true);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	stop(w);
	close(w->wake_fd);
	snprintf(command, sizeof(command), "rm -r %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* Serve the core until it has sent `count` messages in all. */
static void serve(struct world *w, size_t count)
{
	char why[512];
	uint64_t n;

	while (w->count < count) {
		struct pollfd p = {.fd = w->wake_fd, .events = POLLIN};

		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(read(w->wake_fd, &n, sizeof(n)), sizeof(n));
		assert_int_equal(core_service(w->core, why, sizeof(why)), ERR_OK);
	}
}

static struct bytes str(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

/* client: with a colon, so that it is a device; or the user's name. */
static void put_record_of(struct buf *b, uint64_t number, enum record_type type, const char *user,
	const char *client, const char *target, struct bytes payload)
{
	struct record r = {.type = type,
		.number = number,
		.ts = 1700000000000 + number,
		.role = user[0] == '$' ? ROLE_ADMIN : ROLE_USER,
		.user = str(user),
		.client = str(client),
		.device = str("d"),
		.target = str(target),
		.response = str(type == RECORD_API ? "r" : ""),
		.payload = payload};
	uint32_t size = record_size(&r);
	char *at = buf_reserve(b, size);

	assert_non_null(at);
	record_encode(&r, at);
	b->len += size;
}

static void put_record(struct buf *b, uint64_t number, enum record_type type, const char *user,
	const char *target, struct bytes payload)
{
	put_record_of(b, number, type, user, user, target, payload);
}

static enum err give(struct world *w, struct frame f, const struct buf *records)
{
	struct buf b = {0};
	char header[FRAME_HEADER];
	enum err err;

	frame_encode_header(&f, header);
	buf_put(&b, header, sizeof(header));
	if (records)
		buf_put(&b, records->data, records->len);
	err = core_frame(w->core, (struct bytes){b.data, b.len});
	buf_free(&b);
	return err;
}

static void greet(struct world *w, uint64_t epoch, uint64_t first, uint64_t performed)
{
	struct frame f = {.epoch = epoch, .first = first, .performed = performed, .hello = true};

	core_link_up(w->core);
	assert_int_equal(w->got[w->count - 1].c.kind, CONTROL_HELLO);
	assert_int_equal(give(w, f, NULL), ERR_OK);
}

/* Records 1 and 2: alice and bob; 3: alice's first message to bob. */
static void give_three(struct world *w)
{
	struct buf b = {0};
	struct frame f = {.epoch = EPOCH, .first = 1, .count = 3};

	put_record(&b, 1, RECORD_API, "$gnatterctl", "user.add", str("{\"user\":\"alice\"}"));
	put_record(&b, 2, RECORD_API, "$gnatterctl", "user.add", str("{\"user\":\"bob\"}"));
	put_record(&b, 3, RECORD_SEND, "alice", "alice:bob", str("hello"));
	assert_int_equal(give(w, f, &b), ERR_OK);
	buf_free(&b);
}

/* HELLO, the bare confirmation, then the effects of the three. */
static void begin(struct world *w)
{
	greet(w, EPOCH, 1, 0);
	serve(w, 2);
	give_three(w);
	serve(w, 3);
}

static void test_core_frame_commits_then_tells(void **state)
{
	struct world *w = *state;
	struct key k = key_message(str("alice:bob"), 1);
	struct bytes v;

	begin(w);
	assert_int_equal(w->got[0].c.epoch, 0);
	assert_int_equal(w->got[1].c.kind, CONTROL_EFFECTS);
	assert_int_equal(w->got[1].c.number, 0);
	assert_int_equal(w->got[2].c.number, 3);
	assert_int_equal(w->got[2].messages, 1);
	assert_non_null(strstr(w->got[2].text, "\"text\":\"hello\""));
	assert_int_equal(store_get(w->store, NULL, key_bytes(&k), &v), ERR_OK);
	assert_int_equal(v.len, strlen(w->got[2].text));
	assert_memory_equal(v.data, w->got[2].text, v.len);
	free((void *)(uintptr_t)v.data);
}

static void test_core_frame_repeated_applies_once(void **state)
{
	struct world *w = *state;

	begin(w);
	core_link_down(w->core);
	greet(w, EPOCH, 1, 0);
	give_three(w);
	serve(w, 7); /* HELLO; the effects again; up to here; up to here, now for the frame */
	assert_int_equal(w->got[3].c.kind, CONTROL_HELLO);
	assert_int_equal(w->got[3].c.number, 3);
	assert_int_equal(w->got[4].messages, 1);
	assert_int_equal(w->got[6].c.number, 3);
	assert_int_equal(w->got[6].c.count, 0);
	assert_int_equal(w->stats.messages_stored, 1);
	assert_int_equal(w->stats.records_skipped, 3);
}

/* A frame that is not the next one: records are missing, and must not be confirmed. */
static void test_core_frame_gap(void **state)
{
	struct world *w = *state;
	struct buf b = {0};
	struct frame f = {.epoch = EPOCH, .first = 6, .count = 1};

	begin(w);
	put_record(&b, 6, RECORD_SEND, "alice", "alice:bob", str("after a gap"));
	assert_int_equal(give(w, f, &b), ERR_CORRUPT);
	buf_free(&b);
}

/* What wrote nothing, and was not told when the link broke, is applied and answered again. */
static void test_core_link_down_refusals_come_again(void **state)
{
	struct world *w = *state;
	struct buf b = {0};
	struct frame f = {.epoch = EPOCH, .first = 4, .count = 1};
	char why[512];

	begin(w);
	put_record(&b, 4, RECORD_SEND, "alice", "alice:bob", str("{broken"));
	w->deaf = true;
	assert_int_equal(give(w, f, &b), ERR_OK);
	assert_int_equal(core_service(w->core, why, sizeof(why)), ERR_OK);
	core_link_down(w->core);
	w->deaf = false;
	greet(w, EPOCH, 4, 3);
	assert_int_equal(w->got[3].c.number, 3);
	assert_int_equal(give(w, f, &b), ERR_OK);
	serve(w, 6);
	assert_int_equal(w->got[5].c.number, 4);
	assert_int_equal(w->got[5].c.count, 1);
	buf_free(&b);
}

/* Died after the commit, before the plugin heard: it hears from the next daemon. */
static void test_core_restart_sends_what_is_owed(void **state)
{
	struct world *w = *state;

	greet(w, EPOCH, 1, 0);
	serve(w, 2);
	w->deaf = true;
	give_three(w);
	while (w->stats.commits == 0) {
		char why[512];
		struct pollfd p = {.fd = w->wake_fd, .events = POLLIN};
		uint64_t n;

		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(read(w->wake_fd, &n, sizeof(n)), sizeof(n));
		assert_int_equal(core_service(w->core, why, sizeof(why)), ERR_OK);
	}
	stop(w);
	w->deaf = false;
	start(w, false);
	greet(w, EPOCH, 4, 0);
	serve(w, 3);
	assert_int_equal(w->got[0].c.epoch, EPOCH);
	assert_int_equal(w->got[0].c.number, 3);
	assert_int_equal(w->got[1].c.number, 3);
	assert_int_equal(w->got[1].messages, 1);
	assert_non_null(strstr(w->got[1].text, "\"text\":\"hello\""));
	assert_int_equal(w->got[2].c.count, 0);
}

static void test_core_restart_performed_is_not_sent_again(void **state)
{
	struct world *w = *state;

	begin(w);
	stop(w);
	start(w, false);
	greet(w, EPOCH, 4, 3);
	serve(w, 2);
	assert_int_equal(w->got[1].c.count, 0);
	assert_int_equal(w->got[1].c.number, 3);
}

/* A new spool: what is owed is sent once more, under the old epoch, and numbers begin anew. */
static void test_core_hello_new_spool(void **state)
{
	struct world *w = *state;
	struct buf b = {0};
	struct frame f = {.epoch = EPOCH + 1, .first = 1, .count = 1};

	begin(w);
	core_link_down(w->core);
	forget(w);
	greet(w, EPOCH + 1, 1, 0);
	serve(w, 3);
	assert_int_equal(w->got[1].c.epoch, EPOCH);
	assert_int_equal(w->got[1].messages, 1);
	assert_int_equal(w->got[2].c.epoch, EPOCH + 1);
	assert_int_equal(w->got[2].c.number, 0);
	put_record(&b, 1, RECORD_SEND, "bob", "alice:bob", str("again"));
	assert_int_equal(give(w, f, &b), ERR_OK);
	serve(w, 4);
	assert_int_equal(w->got[3].seq, 2);
	assert_int_equal(w->stats.owed, 1);
	buf_free(&b);
}

/* More than fits into one control message: parts, of which only the last of a number confirms it.
 */
static void test_core_large_commit_in_parts(void **state)
{
	struct world *w = *state;
	char *text = malloc(90000);
	struct buf b = {0};
	struct frame f = {.epoch = EPOCH, .first = 4, .count = 30};
	uint64_t number = 3;
	uint32_t messages = 0;

	assert_non_null(text);
	memset(text, 'x', 90000);
	begin(w);
	for (uint64_t i = 4; i < 34; i++)
		put_record(&b, i, RECORD_SEND, "alice", "alice:bob", (struct bytes){text, 90000});
	assert_int_equal(give(w, f, &b), ERR_OK);
	for (size_t at = 3; number < 33; at++) {
		serve(w, at + 1);
		assert_true(w->got[at].data.len < 700000);
		assert_true(w->got[at].c.number >= number);
		number = w->got[at].c.last ? w->got[at].c.number : number;
		messages += w->got[at].messages;
	}
	assert_int_equal(messages, 30);
	assert_true(w->count > 5);
	buf_free(&b);
	free(text);
}

static void test_core_frame_damaged(void **state)
{
	struct world *w = *state;
	struct frame other = {.epoch = EPOCH + 7, .first = 1};

	assert_int_equal(core_frame(w->core, str("GNF1")), ERR_CORRUPT);
	greet(w, EPOCH, 1, 0);
	serve(w, 2);
	assert_int_equal(give(w, other, NULL), ERR_CORRUPT);
	assert_int_equal(w->stats.messages_stored, 0);
}

static void test_core_reads_are_handed_on(void **state)
{
	struct world *w = *state;
	struct buf b = {0};
	struct frame f = {.epoch = EPOCH, .first = 4, .count = 1};
	uint64_t commits;

	begin(w);
	commits = w->stats.commits;
	put_record(&b, 4, RECORD_API, "alice", "me", str("{}"));
	assert_int_equal(give(w, f, &b), ERR_OK);
	serve(w, 4);
	assert_int_equal(w->reads, 1);
	assert_int_equal(w->got[3].c.number, 4);
	assert_int_equal(w->stats.commits, commits); /* and nothing is written for it */
	buf_free(&b);
}

/* --- pushes
 * ---------------------------------------------------------------------------------------------- */

/* Record 4: bob's device registers. Answered in one message more. */
static void register_bob(struct world *w)
{
	struct frame f = {.epoch = EPOCH, .first = 4, .count = 1};
	struct buf b = {0};
	size_t count = w->count;

	put_record_of(&b, 4, RECORD_API, "bob", "bob:d", "push.set",
		str("{\"kind\":\"fcm\",\"token\":\"t\"}"));
	assert_int_equal(give(w, f, &b), ERR_OK);
	serve(w, count + 1);
	buf_free(&b);
}

/* So many records, from number 5 on, in one frame. */
static void give_sends(struct world *w, uint32_t sends)
{
	struct frame f = {.epoch = EPOCH, .first = 5, .count = sends};
	struct buf b = {0};

	for (uint32_t i = 0; i < sends; i++)
		put_record(&b, 5 + i, RECORD_SEND, "alice", "alice:bob", str("hello"));
	assert_int_equal(give(w, f, &b), ERR_OK);
	buf_free(&b);
}

static bool count_key(void *ctx, struct bytes key, struct bytes value)
{
	(void)key;
	(void)value;
	++*(size_t *)ctx;
	return true;
}

static size_t keys(struct world *w, struct key prefix)
{
	size_t n = 0;

	assert_int_equal(store_each(w->store, NULL, key_bytes(&prefix), (struct bytes){NULL, 0},
				 false, count_key, &n),
		ERR_OK);
	return n;
}

/* One key and one hint a commit, once the messages are in the store. */
static void test_core_push_hint(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_int_equal(w->hints[HINT_PUSH], 0); /* nobody was registered */
	register_bob(w);
	assert_int_equal(w->hints[HINT_PUSH], 0);
	give_sends(w, 3);
	serve(w, 5);
	assert_int_equal(w->hints[HINT_PUSH], 1);
	assert_int_equal(keys(w, key_push_all()), 1);
}

/* The engine knows of it at the next message, and the commit needs no record. */
static void test_core_unregister_is_a_commit(void **state)
{
	struct world *w = *state;
	char why[512];
	uint64_t commits;

	begin(w);
	register_bob(w);
	assert_int_equal(keys(w, key_registrations_all()), 1);
	commits = w->stats.commits;
	later_unregister(core_later(w->core), str("bob"), str("d"), 1700000000004);
	assert_int_equal(core_service(w->core, why, sizeof(why)), ERR_OK);
	serve(w, 5);
	assert_int_equal(w->stats.commits, commits + 1);
	assert_int_equal(keys(w, key_registrations_all()), 0);
	give_sends(w, 2);
	serve(w, 6);
	assert_int_equal(keys(w, key_push_all()), 0);
	assert_int_equal(w->hints[HINT_PUSH], 0);
}

static void test_core_offer(void **state)
{
	const struct push_offer offer = {.kinds = 1u << PUSH_MQTT};
	struct world *w = *state;

	core_offer(w->core, &offer);
	begin(w);
	register_bob(w);
	assert_int_equal(keys(w, key_registrations_all()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_core_frame_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_core_link_down_refusals_come_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_core_frame_commits_then_tells, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_core_frame_repeated_applies_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_core_restart_sends_what_is_owed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_core_restart_performed_is_not_sent_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core_hello_new_spool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core_large_commit_in_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core_frame_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core_reads_are_handed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core_push_hint, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core_unregister_is_a_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core_offer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
