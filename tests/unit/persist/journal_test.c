/* journal_test.c — one commit on two stores: in order, once, and whole after a kill at any moment.
 */
#include "persist/journal.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "persist/keys.h"
#include "tests/unit/persist/memory_base.h"
#include "tests/unit/persist/scratch.h"

#define MAP ((uint64_t)64 << 20)

static struct memory_base nothing;

static struct conf conf = {
	.store_cache_size = 1 << 20,
	.store_write_buffer_size = 1 << 20,
	.store_open_files_max = 100,
	.store_bloom_bits = 10,
};

/* ---- helpers
 * ------------------------------------------------------------------------------------- */

struct pair {
	struct store *s;
	struct directory *d;
	struct journal *j;
};

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_changed = PTHREAD_COND_INITIALIZER;
static int done_count;
static enum err done_result;
static char done_why[256];
static struct journal *done_next; /* give it done_batch from within done() */
static struct batch *done_batch;

static void on_done(void *ctx, struct batch *b, enum err result, const char *sentence)
{
	(void)ctx;
	(void)b;
	pthread_mutex_lock(&done_lock);
	done_count++;
	done_result = result;
	snprintf(done_why, sizeof(done_why), "%s", sentence ? sentence : "");
	if (done_next) {
		struct journal *next = done_next;

		done_next = NULL;
		if (journal_commit(next, done_batch, true) != ERR_OK)
			done_result = ERR_CONFLICT;
	}
	pthread_cond_broadcast(&done_changed);
	pthread_mutex_unlock(&done_lock);
}

static void wait_done(int count)
{
	pthread_mutex_lock(&done_lock);
	while (done_count < count)
		pthread_cond_wait(&done_changed, &done_lock);
	pthread_mutex_unlock(&done_lock);
}

static void open_stores(struct pair *p, bool create, uint64_t map_size)
{
	assert_err(store_open(&p->s, in_scratch("store"), &conf, create ? STORE_CREATE : STORE_OPEN,
			   why, sizeof(why)),
		ERR_OK);
	assert_err(directory_open(&p->d, in_scratch("dir"), map_size,
			   create ? DIRECTORY_CREATE : DIRECTORY_WRITE, why, sizeof(why)),
		ERR_OK);
}

static void open_journal(struct pair *p)
{
	done_count = 0;
	assert_err(journal_open(&p->j, p->s, p->d, on_done, NULL, why, sizeof(why)), ERR_OK);
}

static void open_pair(struct pair *p, bool create)
{
	open_stores(p, create, MAP);
	open_journal(p);
}

static void close_pair(struct pair *p)
{
	journal_close(p->j);
	directory_close(p->d);
	store_close(p->s);
}

/* A number kept as decimal text. */
static void put_number(struct batch *b, enum table t, const char *key, long n)
{
	char value[32];

	snprintf(value, sizeof(value), "%ld", n);
	batch_put(b, t, text(key), text(value));
}

static long store_number(struct store *s, const char *key)
{
	struct bytes value;
	char number[32];

	if (store_get(s, NULL, text(key), &value) != ERR_OK)
		return -1;
	snprintf(number, sizeof(number), "%.*s", (int)value.len, value.data);
	free((char *)(uintptr_t)value.data);
	return strtol(number, NULL, 10);
}

static long directory_number(struct directory *d, enum table t, const char *key)
{
	struct directory_reader *r;
	struct bytes value;
	long n = -1;

	assert_err(directory_reader_create(&r, d), ERR_OK);
	if (directory_get(r, t, text(key), &value) == ERR_OK) {
		char number[32];

		snprintf(number, sizeof(number), "%.*s", (int)value.len, value.data);
		n = strtol(number, NULL, 10);
	}
	directory_reader_destroy(r);
	return n;
}

/* Commit number n: a counter and an entry of its own, on both sides. */
static void fill(struct batch *b, long n)
{
	char key[32];

	snprintf(key, sizeof(key), "entry%ld", n);
	batch_clear(b);
	put_number(b, TABLE_STORE, "counter", n);
	put_number(b, TABLE_STORE, key, n);
	put_number(b, TABLE_USERS, "counter", n);
	put_number(b, TABLE_LISTS, key, n);
	if (n > 1) {
		snprintf(key, sizeof(key), "entry%ld", n - 1);
		batch_delete(b, TABLE_LISTS, text(key));
	}
}

/* ---- committing
 * ---------------------------------------------------------------------------------- */

static void test_journal_commit(void **state)
{
	struct batch *b = batch_create(&nothing.base);
	struct pair p;

	(void)state;
	open_pair(&p, true);
	for (int n = 1; n <= 50; n++) {
		fill(b, n);
		assert_err(journal_commit(p.j, b, true), ERR_OK);
		wait_done(n);
		assert_int_equal(done_result, ERR_OK);
		assert_string_equal(done_why, "");
		assert_int_equal(store_number(p.s, "counter"), n);
		assert_int_equal(directory_number(p.d, TABLE_USERS, "counter"), n);
	}
	assert_int_equal(directory_number(p.d, TABLE_LISTS, "entry49"), -1);
	close_pair(&p);
	batch_destroy(b);
}

static void test_journal_empty_batch_writes_nothing(void **state)
{
	struct batch *b = batch_create(&nothing.base);
	struct pair p;
	uint64_t before;

	(void)state;
	open_pair(&p, true);
	before = fingerprint(scratch);
	assert_err(journal_commit(p.j, b, true), ERR_OK);
	wait_done(1);
	assert_err(journal_commit_wait(p.j, b, why, sizeof(why)), ERR_OK);
	assert_int_equal(done_count, 1);
	assert_true(fingerprint(scratch) == before);
	close_pair(&p);
	batch_destroy(b);
}

static void test_journal_one_at_a_time(void **state)
{
	struct batch *b = batch_create(&nothing.base), *second = batch_create(&nothing.base);
	struct pair p;
	int refused = 0;

	(void)state;
	open_pair(&p, true);
	put_number(second, TABLE_STORE, "second", 1);
	for (int n = 1; n <= 20; n++) {
		enum err e;

		fill(b, n);
		assert_err(journal_commit(p.j, b, true), ERR_OK);
		e = journal_commit_wait(p.j, second, why, sizeof(why));
		assert_true(e == ERR_OK || e == ERR_CONFLICT);
		refused += e == ERR_CONFLICT;
		wait_done(n);
	}
	assert_true(refused > 0);

	/* from within done() the next is welcome */
	done_batch = second;
	done_next = p.j;
	assert_err(journal_commit(p.j, b, true), ERR_OK);
	wait_done(22);
	assert_int_equal(done_result, ERR_OK);
	assert_int_equal(store_number(p.s, "second"), 1);
	close_pair(&p);
	batch_destroy(second);
	batch_destroy(b);
}

static void test_journal_close_waits(void **state)
{
	struct batch *b = batch_create(&nothing.base);
	struct pair p;

	(void)state;
	open_pair(&p, true);
	for (long n = 1; n <= 20; n++) {
		fill(b, n);
		assert_err(journal_commit(p.j, b, true), ERR_OK);
		journal_close(p.j);
		assert_int_equal(done_count, 1);
		assert_int_equal(directory_number(p.d, TABLE_USERS, "counter"), n);
		open_journal(&p);
	}
	close_pair(&p);
	batch_destroy(b);
}

/* ---- failing
 * ------------------------------------------------------------------------------------- */

/* The directory is full when the store has the commit already: that is said, nothing more is taken,
 * and with a larger map the commit is made whole. */
static void test_journal_fails_and_is_repaired(void **state)
{
	static char value[3000];
	struct batch *b = batch_create(&nothing.base);
	struct pair p;
	long n = 0;

	(void)state;
	open_stores(&p, true, (uint64_t)1 << 20);
	open_journal(&p);
	do {
		char key[32];

		snprintf(key, sizeof(key), "big%ld", ++n);
		fill(b, n);
		batch_put(b, TABLE_CHATS, text(key), (struct bytes){value, sizeof(value)});
		assert_err(journal_commit(p.j, b, true), ERR_OK);
		wait_done((int)n);
	} while (done_result == ERR_OK);
	assert_int_equal(done_result, ERR_FULL);
	assert_non_null(strstr(done_why, "directory_map_size"));
	assert_int_equal(store_number(p.s, "counter"), n);
	assert_int_equal(directory_number(p.d, TABLE_USERS, "counter"), n - 1);
	assert_err(journal_commit(p.j, b, true), ERR_IO);
	assert_err(journal_commit_wait(p.j, b, why, sizeof(why)), ERR_IO);
	assert_why("an earlier commit failed");
	close_pair(&p);

	/* it cannot be made whole while there is no room */
	open_stores(&p, false, (uint64_t)1 << 20);
	assert_err(journal_open(&p.j, p.s, p.d, on_done, NULL, why, sizeof(why)), ERR_FULL);
	assert_null(p.j);
	assert_why("directory_map_size");
	close_pair(&p);

	open_pair(&p, false);
	assert_int_equal(directory_number(p.d, TABLE_USERS, "counter"), n);
	close_pair(&p);
	batch_destroy(b);
}

static bool redo_is_there(struct store *s)
{
	struct key redo = key_meta("redo");
	struct bytes v;
	enum err e = store_get(s, NULL, key_bytes(&redo), &v);

	free((char *)(uintptr_t)v.data);
	return e == ERR_OK;
}

/* It stays for as long as it may be needed, and not longer. */
static void test_journal_redo_goes(void **state)
{
	struct batch *b = batch_create(&nothing.base);
	struct pair p;

	(void)state;
	open_pair(&p, true);
	for (int i = 0; i < 2; i++) {
		batch_put(b, TABLE_USERS, text("alice"), text("1"));
		assert_err(journal_commit_wait(p.j, b, why, sizeof(why)), ERR_OK);
		batch_clear(b);
		assert_true(redo_is_there(p.s));
		batch_put(b, TABLE_STORE, text("a"), text("1"));
		assert_err(journal_commit_wait(p.j, b, why, sizeof(why)), ERR_OK);
		batch_clear(b);
		assert_false(redo_is_there(p.s));
	}
	batch_put(b, TABLE_USERS, text("bob"), text("1"));
	assert_err(journal_commit_wait(p.j, b, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
	assert_true(redo_is_there(p.s));
	journal_close(p.j);
	assert_false(redo_is_there(p.s));
	p.j = NULL;
	close_pair(&p);
}

static void test_journal_redo_damaged(void **state)
{
	struct key redo = key_meta("redo");
	struct batch *b = batch_create(&nothing.base);
	struct pair p;

	(void)state;
	open_stores(&p, true, MAP);
	batch_put(b, TABLE_STORE, key_bytes(&redo), text("nonsense"));
	assert_err(store_write(p.s, b, text(""), text(""), true, why, sizeof(why)), ERR_OK);
	assert_err(journal_open(&p.j, p.s, p.d, on_done, NULL, why, sizeof(why)), ERR_CORRUPT);
	assert_null(p.j);
	assert_why("last commit");
	close_pair(&p);
	batch_destroy(b);
}

/* ---- crashing
 * ------------------------------------------------------------------------------------ */

/* The first step done and not the second, as a crash between them leaves it. */
static void test_journal_crash_between_steps(void **state)
{
	struct key redo_key = key_meta("redo");
	struct batch *b = batch_create(&nothing.base);
	struct buf redo = {0};
	struct pair p;

	(void)state;
	open_pair(&p, true);
	fill(b, 1);
	assert_err(journal_commit_wait(p.j, b, why, sizeof(why)), ERR_OK);
	close_pair(&p);
	open_stores(&p, false, MAP);
	fill(b, 2);
	directory_redo_encode(&redo, b);
	assert_err(store_write(p.s, b, key_bytes(&redo_key), (struct bytes){redo.data, redo.len},
			   true, why, sizeof(why)),
		ERR_OK);
	assert_int_equal(store_number(p.s, "counter"), 2);
	assert_int_equal(directory_number(p.d, TABLE_USERS, "counter"), 1);
	directory_close(p.d);
	store_close(p.s);
	for (int i = 0; i < 2; i++) {
		open_pair(&p, false);
		assert_int_equal(directory_number(p.d, TABLE_USERS, "counter"), 2);
		assert_int_equal(directory_number(p.d, TABLE_LISTS, "entry1"), -1);
		assert_int_equal(directory_number(p.d, TABLE_LISTS, "entry2"), 2);
		close_pair(&p);
	}
	buf_free(&redo);
	batch_destroy(b);
}

/* Commits and says so, until it is killed. */
static int commit_for_ever(void)
{
	struct batch *b = batch_create(&nothing.base);
	int ready = open(in_scratch("done"), O_WRONLY);
	struct pair p;

	open_pair(&p, false);
	for (long n = store_number(p.s, "counter") + 1;; n++) {
		fill(b, n);
		if (journal_commit_wait(p.j, b, why, sizeof(why)) != ERR_OK)
			return 1;
		if (write(ready, &n, sizeof(n)) != sizeof(n))
			return 2;
	}
}

static void pause_us(long us)
{
	nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

/* Kill it some microseconds after it has confirmed something. Returns the last commit it confirmed.
 */
static long kill_at_random(void)
{
	pid_t pid = child_start("commit_for_ever", false);
	int done = open(in_scratch("done"), O_RDONLY);
	long n, last = -1;

	for (long i = random() % 5; i >= 0; i--)
		assert_int_equal(read(done, &last, sizeof(last)), sizeof(last));
	pause_us(random() % 3000);
	kill(pid, SIGKILL);
	while (read(done, &n, sizeof(n)) == sizeof(n))
		last = n;
	close(done);
	assert_int_equal(child_end(pid), 255);
	return last;
}

static void test_journal_killed(void **state)
{
	int behind = 0;
	struct pair p;

	(void)state;
	assert_int_equal(mkfifo(in_scratch("done"), 0600), 0);
	open_pair(&p, true);
	close_pair(&p);
	for (int round = 0; round < 40; round++) {
		long confirmed = kill_at_random(), n;
		char key[32];

		open_stores(&p, false, MAP);
		n = store_number(p.s, "counter");
		assert_true(n == confirmed || n == confirmed + 1);
		behind += directory_number(p.d, TABLE_USERS, "counter") != n;
		open_journal(&p);
		assert_int_equal(directory_number(p.d, TABLE_USERS, "counter"), n);
		for (long i = 1; i <= n; i++) {
			snprintf(key, sizeof(key), "entry%ld", i);
			assert_int_equal(store_number(p.s, key), i);
			assert_int_equal(directory_number(p.d, TABLE_LISTS, key), i == n ? n : -1);
		}
		close_pair(&p);
	}
	print_message("%d of 40 kills came between the two steps\n", behind);
}

/* ---- main
 * ---------------------------------------------------------------------------------------- */

static const struct child children[] = {{"commit_for_ever", commit_for_ever}, {NULL, NULL}};

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_journal_commit),
		IN_SCRATCH(test_journal_empty_batch_writes_nothing),
		IN_SCRATCH(test_journal_one_at_a_time),
		IN_SCRATCH(test_journal_close_waits),
		IN_SCRATCH(test_journal_fails_and_is_repaired),
		IN_SCRATCH(test_journal_redo_goes),
		IN_SCRATCH(test_journal_redo_damaged),
		IN_SCRATCH(test_journal_crash_between_steps),
		IN_SCRATCH(test_journal_killed),
	};

	memory_base_init(&nothing);
	CHILD_MAIN(argc, argv, children);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
