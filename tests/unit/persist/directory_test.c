/* directory_test.c — LMDB behind directory.h: states and versions, two processes, damage, fullness.
 */
#include "persist/directory.h"

#include <lmdb.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/unit/persist/memory_base.h"
#include "tests/unit/persist/scratch.h"

#if defined(__SANITIZE_ADDRESS__)
#	define SANITIZED 1
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define SANITIZED 1
#	endif
#endif
#ifndef SANITIZED
#	define SANITIZED 0
#endif

#define MAP ((uint64_t)64 << 20)

static struct memory_base nothing; /* holds nothing */

/* ---- helpers
 * ------------------------------------------------------------------------------------- */

static enum err open_as(struct directory **d, uint64_t map_size, enum directory_mode mode)
{
	return directory_open(d, in_scratch("dir"), map_size, mode, why, sizeof(why));
}

static struct directory *make(uint64_t map_size)
{
	struct directory *d;

	assert_err(open_as(&d, map_size, DIRECTORY_CREATE), ERR_OK);
	return d;
}

static void put(struct directory *d, enum table t, const char *key, const char *value)
{
	struct batch *b = batch_create(&nothing.base);

	if (value)
		batch_put(b, t, text(key), text(value));
	else
		batch_delete(b, t, text(key));
	assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
}

static void check(struct directory_reader *r, enum table t, const char *key, const char *want)
{
	struct bytes value;

	assert_err(directory_get(r, t, text(key), &value), want ? ERR_OK : ERR_NOT_FOUND);
	if (want)
		assert_bytes(value, text(want));
}

static struct directory_reader *reader(struct directory *d)
{
	struct directory_reader *r;

	assert_err(directory_reader_create(&r, d), ERR_OK);
	return r;
}

/* ---- reading and writing
 * ------------------------------------------------------------------------- */

static void test_directory_write_and_reopen(void **state)
{
	struct directory *d = make(MAP);
	struct batch *b = batch_create(&nothing.base);
	struct directory_reader *r;
	uint64_t count;

	(void)state;
	put(d, TABLE_USERS, "gone", "1");
	for (enum table t = TABLE_USERS; t < TABLE_COUNT; t++) {
		char value[2] = {(char)('0' + t), '\0'};

		batch_put(b, t, text("key"), text(value));
		batch_put(b, t, text("empty"), text(""));
	}
	batch_put(b, TABLE_STORE, text("store"), text("not the directory's"));
	batch_delete(b, TABLE_USERS, text("gone"));
	batch_delete(b, TABLE_USERS, text("never there"));
	assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
	for (int i = 0; i < 4; i++) {
		r = reader(d);
		check(r, TABLE_USERS, "key", "1");
		check(r, TABLE_CHATS, "key", "2");
		check(r, TABLE_MEMBERS, "key", "3");
		check(r, TABLE_LISTS, "key", "4");
		check(r, TABLE_LISTS, "empty", "");
		check(r, TABLE_USERS, "gone", NULL);
		check(r, TABLE_USERS, "store", NULL);
		check(r, TABLE_USERS, "", NULL);
		check(r, TABLE_USERS, why, NULL);
		memset(why, 'x', sizeof(why) - 1); /* a key longer than LMDB can take */
		check(r, TABLE_USERS, why, NULL);
		assert_err(directory_count(r, TABLE_USERS, &count), ERR_OK);
		assert_int_equal(count, 2);
		directory_reader_destroy(r);
		directory_close(d);
		assert_err(open_as(&d, i == 2 ? 0 : MAP, i & 1 ? DIRECTORY_READ : DIRECTORY_WRITE),
			ERR_OK);
	}
	directory_close(d);
}

struct list {
	char keys[256];
	int stop_after;
};

static bool on_key(void *ctx, struct bytes key, struct bytes value)
{
	struct list *l = ctx;
	size_t len = strlen(l->keys);

	assert_int_equal(value.len, 1);
	snprintf(l->keys + len, sizeof(l->keys) - len, "%.*s ", (int)key.len, key.data);
	return --l->stop_after != 0;
}

static void test_directory_each_ranges(void **state)
{
	static const char *const keys[] = {"a", "ba", "bb", "bbb", "bc", "b\xff", "c"};
	static const struct {
		const char *prefix, *from;
		int stop_after;
		const char *want;
	} cases[] = {
		{"", "", 0, "a ba bb bbb bc b\xff c "},
		{"b", "", 0, "ba bb bbb bc b\xff "},
		{"b", "bb", 0, "bb bbb bc b\xff "},
		{"b", "bba", 2, "bbb bc "},
		{"b", "a", 0, "ba bb bbb bc b\xff "},
		{"b", "c", 0, ""},
		{"d", "", 0, ""},
		{"", "bc", 0, "bc b\xff c "},
	};
	struct directory *d = make(MAP);
	struct directory_reader *r = reader(d);

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		put(d, TABLE_MEMBERS, keys[i], "v");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct list l = {.stop_after = cases[i].stop_after};

		assert_err(directory_each(r, TABLE_MEMBERS, text(cases[i].prefix),
				   text(cases[i].from), on_key, &l),
			ERR_OK);
		assert_string_equal(l.keys, cases[i].want);
	}
	directory_reader_destroy(r);
	directory_close(d);
}

static void test_directory_states_and_versions(void **state)
{
	struct directory *d = make(MAP);
	struct directory_reader *r = reader(d), *other = reader(d);
	uint64_t first = directory_version(d), second;

	(void)state;
	assert_int_equal(directory_reader_version(r), 0);
	check(r, TABLE_USERS, "a", NULL);
	assert_int_equal(directory_reader_version(r), first);
	put(d, TABLE_USERS, "a", "1");
	second = directory_version(d);
	assert_true(second != first);
	assert_int_equal(directory_version(d), second);
	check(r, TABLE_USERS, "a", NULL);
	check(other, TABLE_USERS, "a", "1");
	assert_int_equal(directory_reader_version(r), first);
	assert_err(directory_refresh(r), ERR_OK);
	assert_err(directory_refresh(r), ERR_OK);
	assert_int_equal(directory_reader_version(r), second);
	check(r, TABLE_USERS, "a", "1");
	directory_rest(r);
	directory_rest(r);
	put(d, TABLE_USERS, "a", "2");
	check(r, TABLE_USERS, "a", "2"); /* refreshed by itself */
	directory_reader_destroy(other);
	directory_reader_destroy(r);
	directory_reader_destroy(NULL);
	directory_close(d);
}

static void test_directory_readers_run_out(void **state)
{
	struct directory *d = make(MAP);
	struct directory_reader *readers[200];
	enum err e = ERR_OK;
	size_t count = 0;

	(void)state;
	while (e == ERR_OK && count < 200)
		e = directory_reader_create(&readers[count++], d);
	assert_err(e, ERR_LIMIT);
	assert_null(readers[--count]);
	assert_true(count > 100);
	directory_reader_destroy(readers[--count]);
	assert_err(directory_reader_create(&readers[count], d), ERR_OK);
	for (size_t i = 0; i <= count; i++)
		directory_reader_destroy(readers[i]);
	directory_close(d);
}

/* ---- redo
 * ---------------------------------------------------------------------------------------- */

static void make_redo(struct buf *redo)
{
	struct batch *b = batch_create(&nothing.base);

	batch_put(b, TABLE_STORE, text("m"), text("message"));
	batch_put(b, TABLE_USERS, text("alice"), text("1"));
	batch_put(b, TABLE_LISTS, text("empty"), text(""));
	batch_delete(b, TABLE_MEMBERS, text("gone"));
	directory_redo_encode(redo, b);
	batch_destroy(b);
}

static void test_directory_redo_repeats(void **state)
{
	static const char want[] = "\1\3\0\0\0"
				   "\1\1\5\0alice\1\0\0\0001"
				   "\3\0\4\0gone\0\0\0\0"
				   "\4\1\5\0empty\0\0\0\0";
	struct directory *d = make(MAP);
	struct directory_reader *r = reader(d);
	struct buf redo = {0};
	uint64_t version;

	(void)state;
	make_redo(&redo);
	assert_bytes(
		((struct bytes){redo.data, redo.len}), ((struct bytes){want, sizeof(want) - 1}));
	put(d, TABLE_MEMBERS, "gone", "1");
	for (int i = 0; i < 3; i++) {
		assert_err(directory_redo(d, (struct bytes){redo.data, redo.len}, why, sizeof(why)),
			ERR_OK);
		if (i == 0)
			version = directory_version(d);
		assert_int_equal(
			directory_version(d), version); /* nothing to do: nothing written */
		assert_err(directory_refresh(r), ERR_OK);
		check(r, TABLE_USERS, "alice", "1");
		check(r, TABLE_LISTS, "empty", "");
		check(r, TABLE_MEMBERS, "gone", NULL);
	}
	buf_free(&redo);
	directory_reader_destroy(r);
	directory_close(d);
}

/* Cut off anywhere, or with any byte wrong: refused and nothing done, or a redo all the same. */
static void test_directory_redo_hostile(void **state)
{
	struct directory *d = make(MAP);
	struct directory_reader *r = reader(d);
	struct buf redo = {0};

	(void)state;
	make_redo(&redo);
	for (size_t len = 0; len < redo.len; len++) {
		char *cut = malloc(len ? len : 1);

		memcpy(cut, redo.data, len);
		assert_err(
			directory_redo(d, (struct bytes){cut, len}, why, sizeof(why)), ERR_CORRUPT);
		assert_why("last commit");
		free(cut);
	}
	assert_err(directory_refresh(r), ERR_OK);
	check(r, TABLE_USERS, "alice", NULL);
	for (size_t at = 0; at < redo.len; at++) {
		for (int wrong = 0; wrong < 256; wrong += 5) {
			char had = redo.data[at];
			enum err e;

			redo.data[at] = (char)wrong;
			e = directory_redo(
				d, (struct bytes){redo.data, redo.len}, why, sizeof(why));
			assert_true(e == ERR_OK || e == ERR_CORRUPT);
			redo.data[at] = had;
		}
	}
	buf_free(&redo);
	directory_reader_destroy(r);
	directory_close(d);
}

/* ---- room
 * ---------------------------------------------------------------------------------------- */

static void fill_batch(struct batch *b, int round, size_t writes, size_t value_size)
{
	static char value[200000];
	char key[32];

	batch_clear(b);
	for (size_t i = 0; i < writes; i++) {
		snprintf(key, sizeof(key), "%d.%zu", round * 7919 % 100003, i);
		batch_put(b, (enum table)(TABLE_USERS + i % 4), text(key),
			(struct bytes){value, value_size});
	}
}

/* What has_room() says yes to fits. In the end it says no, and nothing has failed before. */
static void test_directory_has_room(void **state)
{
	static const struct {
		size_t writes, value_size;
	} cases[] = {{2, 600}, {20, 60}, {400, 30}, {3, 50000}, {1, 200000}, {2000, 20}};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		struct directory *d = make((uint64_t)4 << 20);
		struct batch *b = batch_create(&nothing.base);
		int rounds = 0;

		for (;; rounds++) {
			fill_batch(b, rounds, cases[c].writes, cases[c].value_size);
			if (!directory_has_room(d, b))
				break;
			assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
			assert_true(rounds < 100000);
		}
		/* at least a quarter is put to use, by the crudest count */
		assert_true((size_t)rounds * cases[c].writes * (cases[c].value_size + 24) >
			    (4 << 20) / 4);
		batch_destroy(b);
		directory_close(d);
		scratch_clear();
	}
}

static void delete_batch(struct batch *b, int round, size_t writes)
{
	char key[32];

	batch_clear(b);
	for (size_t i = 0; i < writes; i++) {
		snprintf(key, sizeof(key), "%d.%zu", round * 7919 % 100003, i);
		batch_delete(b, (enum table)(TABLE_USERS + i % 4), text(key));
	}
}

/* Where has_room() says no there is still room to delete, and deleting makes room. */
static void test_directory_room_comes_back(void **state)
{
	struct directory *d = make((uint64_t)2 << 20);
	struct batch *b = batch_create(&nothing.base);
	int rounds = 0;

	(void)state;
	for (int again = 0; again < 5; again++) {
		for (;; rounds++) {
			fill_batch(b, rounds, 10, 1000);
			if (!directory_has_room(d, b))
				break;
			assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
		}
		assert_true(rounds > 10);
		while (rounds > 0) {
			delete_batch(b, --rounds, 10);
			assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
		}
	}
	batch_destroy(b);
	directory_close(d);
}

static void test_directory_full(void **state)
{
	struct directory *d = make((uint64_t)1 << 20);
	struct directory_reader *r;
	struct batch *b = batch_create(&nothing.base);
	int rounds = 0;
	enum err e;

	(void)state;
	put(d, TABLE_USERS, "first", "1");
	do {
		fill_batch(b, rounds, 10, 1000);
		e = directory_write(d, b, why, sizeof(why));
	} while (e == ERR_OK && ++rounds < 1000);
	assert_err(e, ERR_FULL);
	assert_why("directory_map_size");
	assert_false(directory_has_room(d, b));
	r = reader(d);
	check(r, TABLE_USERS, "first", "1");
	directory_reader_destroy(r);
	directory_close(d);

	/* a larger map, and it goes on */
	assert_err(open_as(&d, (uint64_t)4 << 20, DIRECTORY_WRITE), ERR_OK);
	assert_true(directory_has_room(d, b));
	assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
	directory_close(d);

	/* a smaller one than there is becomes as large as needed */
	assert_err(open_as(&d, 0, DIRECTORY_WRITE), ERR_OK);
	directory_close(d);
}

/* ---- opening
 * ------------------------------------------------------------------------------------- */

static const char *const modes[] = {"read", "write"};

/* Opening fails with that error and those words for readers and writers, and changes nothing. */
static void assert_refused(enum err want, const char *words)
{
	for (int mode = DIRECTORY_READ; mode <= DIRECTORY_WRITE; mode++) {
		struct directory *d = (struct directory *)&nothing;
		uint64_t before = fingerprint(scratch);
		enum err e = open_as(&d, MAP, (enum directory_mode)mode);

		if (e != want || !strstr(why, words) || !strstr(why, in_scratch("dir")))
			fail_msg("%s: %s (%s) instead of %s (%s)", modes[mode], err_code(e), why,
				err_code(want), words);
		assert_null(d);
		assert_true(fingerprint(scratch) == before);
	}
}

/* Full of entries, on some hundred pages, with overflow pages and a list of free ones. */
static void make_full(void)
{
	struct directory *d = make(MAP);
	struct batch *b = batch_create(&nothing.base);

	for (int i = 0; i < 30; i++) {
		fill_batch(b, i, 40, i % 10 == 0 ? 5000 : 100);
		assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
	}
	for (int i = 0; i < 10; i++) {
		delete_batch(b, i * 2, 40);
		assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
	}
	put(d, TABLE_USERS, "first", "1");
	batch_destroy(b);
	directory_close(d);
}

static void test_directory_open_not_there(void **state)
{
	(void)state;
	assert_refused(ERR_NOT_FOUND, "there is no directory");
}

static void test_directory_create_exists(void **state)
{
	struct directory *d = make(MAP);
	uint64_t before;

	(void)state;
	directory_close(d);
	before = fingerprint(scratch);
	assert_err(open_as(&d, MAP, DIRECTORY_CREATE), ERR_EXISTS);
	assert_true(fingerprint(scratch) == before);
}

static void test_directory_create_fails_clean(void **state)
{
	struct directory *d;

	(void)state;
	assert_err(
		directory_open(&d, in_scratch("no/dir"), MAP, DIRECTORY_CREATE, why, sizeof(why)),
		ERR_IO);
	assert_why("No such file");
	file_write(in_scratch("dir"), "hello", 5);
	assert_err(open_as(&d, MAP, DIRECTORY_CREATE), ERR_EXISTS);
	assert_null(d);
}

static void test_directory_file_instead_of_folder(void **state)
{
	(void)state;
	file_write(in_scratch("dir"), "hello", 5);
	assert_refused(ERR_CORRUPT, "is not a folder");
}

static void test_directory_foreign_folder(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_scratch("dir"), 0700), 0);
	assert_refused(ERR_CORRUPT, "no directory of this program");
	file_write(in_scratch("dir/letter.txt"), "hello", 5);
	assert_refused(ERR_CORRUPT, "no directory of this program");
	file_write(in_scratch("dir/data.mdb"), "", 0);
	assert_refused(ERR_CORRUPT, "cut off at byte 0");
	memset(why, 'x', sizeof(why) - 1);
	file_write(in_scratch("dir/data.mdb"), why, sizeof(why));
	assert_refused(ERR_CORRUPT, "it is no LMDB file");
}

/* An LMDB file that is sound but not ours. */
static void make_lmdb(const char *name, unsigned flags, uint32_t schema)
{
	static const char *const names[] = {
		"users", "chats", "members", "lists", "contacts", "blocks", "revoked"};
	int count = schema == DIRECTORY_SCHEMA - 1 ? 4 : 7; /* as the schema before had them */
	MDB_val key = {6, (void *)(uintptr_t) "schema"}, value = {4, &schema};
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mkdir(in_scratch("dir"), 0700), 0);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 9), 0);
	assert_int_equal(mdb_env_open(env, in_scratch("dir"), 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	for (int i = 0; i < count && name; i++)
		assert_int_equal(mdb_dbi_open(txn, names[i], MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_dbi_open(txn, name, name ? MDB_CREATE | flags : 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	unlink(in_scratch("dir/lock.mdb"));
}

static void test_directory_foreign_lmdb(void **state)
{
	(void)state;
	make_lmdb(NULL, 0, 1);
	assert_refused(ERR_CORRUPT, "something other than named databases");
	scratch_clear();
	make_lmdb("other", 0, 1);
	assert_refused(ERR_CORRUPT, "no database 'meta'");
	scratch_clear();
	make_lmdb("meta", MDB_DUPSORT, 1);
	assert_refused(ERR_CORRUPT, "foreign kind");
}

static void test_directory_schema(void **state)
{
	(void)state;
	make_lmdb("meta", 0, 3);
	assert_refused(ERR_CORRUPT, "made by a newer version (schema 3; this program knows 2)");
	scratch_clear();
	make_lmdb("meta", 0, 0);
	assert_refused(ERR_CORRUPT, "has schema 0");
	scratch_clear();
	make_lmdb("meta", 0, 1);
	assert_refused(ERR_CORRUPT, "has schema 1");
	scratch_clear();
	make_lmdb("meta", 0, 2);
	struct directory *d;
	assert_err(open_as(&d, MAP, DIRECTORY_READ), ERR_OK);
	directory_close(d);
}

static bool on_any(void *ctx, struct bytes key, struct bytes value)
{
	unsigned *sum = ctx;

	for (size_t i = 0; i < key.len; i++)
		*sum += (unsigned char)key.data[i];
	for (size_t i = 0; i < value.len; i++)
		*sum += (unsigned char)value.data[i];
	return true;
}

/* Use a directory for everything there is, after its file was tampered with. What matters is that
 * the process lives. Returns whether it could be opened. */
static bool survive(bool write)
{
	struct batch *b = batch_create(&nothing.base);
	struct directory_reader *r;
	struct directory *d;
	struct bytes value;
	unsigned sum = 0;
	enum err e = open_as(&d, MAP, write ? DIRECTORY_WRITE : DIRECTORY_READ);

	if (e != ERR_OK)
		assert_err(e, ERR_CORRUPT);
	for (int i = 0; i < 12 && e == ERR_OK && write; i++) {
		fill_batch(b, i * 3, 40, i == 3 ? 9000 : 50);
		if (directory_write(d, b, why, sizeof(why)) != ERR_OK)
			break;
		delete_batch(b, i * 2 + 1, 40);
		if (directory_write(d, b, why, sizeof(why)) != ERR_OK)
			break;
	}
	if (e == ERR_OK) {
		r = reader(d);
		for (enum table t = TABLE_USERS; t < TABLE_COUNT; t++)
			directory_each(r, t, text(""), text(""), on_any, &sum);
		for (int i = 0; i < 30; i++) {
			char key[32];

			snprintf(key, sizeof(key), "%d.%d", i * 7919 % 100003, i);
			directory_get(r, TABLE_USERS, text(key), &value);
		}
		directory_reader_destroy(r);
	}
	directory_close(d);
	batch_destroy(b);
	return e == ERR_OK;
}

static char *whole;
static size_t whole_size;

/* Remember data.mdb as it is; and put it back. */
static void keep_whole(void)
{
	int fd = open(in_scratch("dir/data.mdb"), O_RDONLY);

	whole_size = file_size(in_scratch("dir/data.mdb"));
	whole = malloc(whole_size);
	assert_int_equal(read(fd, whole, whole_size), whole_size);
	close(fd);
}

static void put_back(size_t size)
{
	file_write(in_scratch("dir/data.mdb"), whole, size);
}

static void test_directory_truncated(void **state)
{
	int opened = 0;

	(void)state;
	make_full();
	keep_whole();
	for (size_t size = 0; size < whole_size; size += 1 + whole_size / 150) {
		put_back(size);
		opened += survive(true);
		put_back(size);
		opened += survive(false);
	}
	assert_true(opened <= 2); /* where only free pages are missing at the end */
	put_back(whole_size);
	assert_true(survive(true));
	free(whole);
}

/* Bytes changed at random, some at every field of the headers of pages. */
static void test_directory_damaged(void **state)
{
	int rounds = SANITIZED ? 150 : 400, refused = 0;

	(void)state;
	make_full();
	keep_whole();
	srandom(1);
	for (int round = 0; round < rounds; round++) {
		size_t pages = whole_size / 4096, page = (size_t)random() % pages;
		size_t at =
			page * 4096 + (round % 2 ? (size_t)random() % 48 : (size_t)random() % 4096);

		put_back(whole_size);
		for (int i = 0; i < 1 + round % 3; i++) {
			char byte = (char)random();

			file_overwrite(in_scratch("dir/data.mdb"), at + (size_t)i, &byte, 1);
		}
		refused += !survive(round % 4 < 2);
	}
	assert_true(refused > rounds / 20);
	free(whole);
}

static void test_directory_garbage_page(void **state)
{
	static char garbage[4096];

	(void)state;
	make_full();
	keep_whole();
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)random();
	for (size_t page = 0; page < whole_size / 4096; page++) {
		put_back(whole_size);
		file_overwrite(in_scratch("dir/data.mdb"), page * 4096, garbage, sizeof(garbage));
		survive(page % 2);
	}
	free(whole);
}

/* ---- other processes
 * ----------------------------------------------------------------------------- */

static int write_refused(void)
{
	struct directory *d;
	char pid[64];

	snprintf(pid, sizeof(pid), "in use by another process (pid %ld)", (long)getppid());
	return open_as(&d, MAP, DIRECTORY_WRITE) == ERR_CONFLICT && strstr(why, pid) ? 0 : 1;
}

static int write_allowed(void)
{
	struct directory *d;
	enum err e = open_as(&d, MAP, DIRECTORY_WRITE);

	directory_close(d);
	return e == ERR_OK ? 0 : 1;
}

static void test_directory_one_writer(void **state)
{
	struct directory *d = make(MAP), *second;

	(void)state;
	assert_int_equal(in_child("write_refused", false), 0);
	put(d, TABLE_USERS, "a", "1");
	directory_close(d);
	assert_int_equal(in_child("write_allowed", false), 0);

	/* readers do not mind, and do not stand in a writer's way */
	assert_err(open_as(&second, 0, DIRECTORY_READ), ERR_OK);
	assert_int_equal(in_child("write_allowed", false), 0);
	directory_close(second);
}

/* What the reading process sees: both keys always say the same, and what is cached under a version
 * is true as long as the version is. Ends when the keys say "end". */
static int read_along(void)
{
	struct directory *d;
	struct directory_reader *r;
	struct bytes a, b;
	uint64_t cached_under = 0;
	char cached[16] = "";
	long last = 0;
	enum err e = open_as(&d, 0, DIRECTORY_READ);

	if (e != ERR_OK || directory_reader_create(&r, d) != ERR_OK)
		return 1;
	for (;;) {
		if (cached_under == directory_version(d)) {
			/* nothing was committed since: what is read now must be what is cached */
			if (directory_refresh(r) != ERR_OK)
				return 2;
			if (directory_reader_version(r) != cached_under)
				continue;
			if (directory_get(r, TABLE_USERS, text("a"), &a) != ERR_OK ||
				!bytes_equal(a, cached, strlen(cached)))
				return 3;
			continue;
		}
		if (directory_refresh(r) != ERR_OK ||
			directory_get(r, TABLE_USERS, text("a"), &a) != ERR_OK ||
			directory_get(r, TABLE_LISTS, text("b"), &b) != ERR_OK)
			return 4;
		if (!bytes_equal(a, b.data, b.len))
			return 5;
		cached_under = directory_reader_version(r);
		snprintf(cached, sizeof(cached), "%.*s", (int)a.len, a.data);
		if (strcmp(cached, "end") == 0)
			break;
		if (strtol(cached, NULL, 10) < last)
			return 6;
		last = strtol(cached, NULL, 10);
	}
	directory_reader_destroy(r);
	directory_close(d);
	return 0;
}

static void put_both(struct directory *d, const char *value)
{
	struct batch *b = batch_create(&nothing.base);

	batch_put(b, TABLE_USERS, text("a"), text(value));
	batch_put(b, TABLE_LISTS, text("b"), text(value));
	assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
}

static void test_directory_read_by_other_process(void **state)
{
	struct directory *d = make(MAP);
	char value[16];
	pid_t one, two;

	(void)state;
	put_both(d, "0");
	one = child_start("read_along", false);
	two = child_start("read_along", false);
	for (int i = 0; i < 500; i++) {
		snprintf(value, sizeof(value), "%d", i);
		put_both(d, value);
	}
	put_both(d, "end");
	assert_int_equal(child_end(one), 0);
	assert_int_equal(child_end(two), 0);
	directory_close(d);
}

/* A process killed while it reads leaves its place in the reader table; many do. */
static int read_and_hang(void)
{
	struct directory *d;
	struct directory_reader *r[100];
	struct bytes a;

	if (open_as(&d, 0, DIRECTORY_READ) != ERR_OK)
		return 1;
	for (int i = 0; i < 100; i++)
		if (directory_reader_create(&r[i], d) != ERR_OK ||
			directory_get(r[i], TABLE_USERS, text("a"), &a) != ERR_OK)
			return 2;
	kill(getpid(), SIGKILL);
	return 3;
}

static void test_directory_killed_readers(void **state)
{
	struct directory *d = make(MAP);
	struct directory_reader *readers[50];

	(void)state;
	put_both(d, "0");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(in_child("read_and_hang", false), 255);
		for (int j = 0; j < 50; j++)
			readers[j] = reader(d);
		for (int j = 0; j < 50; j++)
			directory_reader_destroy(readers[j]);
	}
	directory_close(d);
}

/* A reader with no address space to spare, while the directory grows beyond what it has mapped. */
static int read_growing(void)
{
	struct rlimit limit = {(rlim_t)2 << 30, (rlim_t)2 << 30};
	struct directory *d;
	struct directory_reader *r, *second;
	struct bytes a = {0};

	if (setrlimit(RLIMIT_AS, &limit) != 0 || open_as(&d, 0, DIRECTORY_READ) != ERR_OK)
		return 1;
	if (directory_reader_create(&r, d) != ERR_OK ||
		directory_reader_create(&second, d) != ERR_OK)
		return 2;
	directory_rest(second);
	close(open(in_scratch("ready"), O_WRONLY));
	for (bool end = false; !end; directory_rest(r)) {
		if (directory_refresh(r) != ERR_OK ||
			directory_get(r, TABLE_USERS, text("a"), &a) != ERR_OK)
			return 3;
		end = bytes_equal(a, "end", 3);
	}
	if (directory_get(second, TABLE_USERS, text("a"), &a) != ERR_OK ||
		!bytes_equal(a, "end", 3))
		return 4;
	directory_reader_destroy(second);
	directory_reader_destroy(r);
	directory_close(d);
	return 0;
}

static void test_directory_grows_under_reader(void **state)
{
	struct directory *d;
	struct batch *b;
	pid_t pid;

	(void)state;
	if (SANITIZED)
		skip(); /* needs all address space for itself */
	d = make((uint64_t)1 << 20);
	b = batch_create(&nothing.base);
	put_both(d, "0");
	directory_close(d);
	assert_int_equal(mkfifo(in_scratch("ready"), 0600), 0);
	pid = child_start("read_growing", false);
	close(open(in_scratch("ready"), O_RDONLY)); /* waits until the child has come so far */
	assert_err(open_as(&d, (uint64_t)64 << 20, DIRECTORY_WRITE), ERR_OK);
	for (int i = 0; i < 50; i++) {
		fill_batch(b, i, 10, 50000);
		assert_err(directory_write(d, b, why, sizeof(why)), ERR_OK);
	}
	put_both(d, "end");
	assert_int_equal(child_end(pid), 0);
	batch_destroy(b);
	directory_close(d);
}

static int no_permission(void)
{
	struct directory *d;

	for (int mode = DIRECTORY_READ; mode <= DIRECTORY_WRITE; mode++)
		if (open_as(&d, MAP, (enum directory_mode)mode) != ERR_IO ||
			!strstr(why, in_scratch("dir")) || !strstr(why, "Permission denied"))
			return 1;
	return 0;
}

static void test_directory_no_permission(void **state)
{
	static const char *const parts[] = {"dir/data.mdb", "dir/lock.mdb", "dir"};

	(void)state;
	make_full();
	assert_int_equal(chmod(scratch, 0755), 0);
	assert_int_equal(chmod(in_scratch("dir"), 0777), 0);
	assert_int_equal(chmod(in_scratch("dir/data.mdb"), 0666), 0);
	assert_int_equal(chmod(in_scratch("dir/lock.mdb"), 0666), 0);
	assert_int_equal(chmod(in_scratch("dir/writer.lock"), 0666), 0);
	assert_int_equal(in_child("write_allowed", true), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(chmod(in_scratch(parts[i]), 0), 0);
		assert_int_equal(in_child("no_permission", true), 0);
		assert_int_equal(chmod(in_scratch(parts[i]), 0777), 0);
	}
	assert_int_equal(chmod(scratch, 0700), 0);
}

static void test_directory_modes(void **state)
{
	static const char *const files[] = {"dir/data.mdb", "dir/lock.mdb", "dir/writer.lock"};
	struct stat st;
	mode_t mask = umask(077);
	struct directory *d = make(MAP);

	(void)state;
	umask(mask);
	assert_int_equal(stat(in_scratch("dir"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0770);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stat(in_scratch(files[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0660);
	}
	directory_close(d);
}

/* ---- main
 * ---------------------------------------------------------------------------------------- */

static const struct child children[] = {
	{"write_refused", write_refused},
	{"write_allowed", write_allowed},
	{"read_along", read_along},
	{"read_and_hang", read_and_hang},
	{"read_growing", read_growing},
	{"no_permission", no_permission},
	{NULL, NULL},
};

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_directory_write_and_reopen),
		IN_SCRATCH(test_directory_each_ranges),
		IN_SCRATCH(test_directory_states_and_versions),
		IN_SCRATCH(test_directory_readers_run_out),
		IN_SCRATCH(test_directory_redo_repeats),
		IN_SCRATCH(test_directory_redo_hostile),
		IN_SCRATCH(test_directory_has_room),
		IN_SCRATCH(test_directory_room_comes_back),
		IN_SCRATCH(test_directory_full),
		IN_SCRATCH(test_directory_open_not_there),
		IN_SCRATCH(test_directory_create_exists),
		IN_SCRATCH(test_directory_create_fails_clean),
		IN_SCRATCH(test_directory_file_instead_of_folder),
		IN_SCRATCH(test_directory_foreign_folder),
		IN_SCRATCH(test_directory_foreign_lmdb),
		IN_SCRATCH(test_directory_schema),
		IN_SCRATCH(test_directory_truncated),
		IN_SCRATCH(test_directory_damaged),
		IN_SCRATCH(test_directory_garbage_page),
		IN_SCRATCH(test_directory_one_writer),
		IN_SCRATCH(test_directory_read_by_other_process),
		IN_SCRATCH(test_directory_killed_readers),
		IN_SCRATCH(test_directory_grows_under_reader),
		IN_SCRATCH(test_directory_no_permission),
		IN_SCRATCH(test_directory_modes),
	};

	memory_base_init(&nothing);
	CHILD_MAIN(argc, argv, children);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
