/* store_test.c — LevelDB behind store.h: reading and writing, and what is refused, untouched. */
#include "persist/store.h"

#include <glob.h>
#include <sched.h>
#include <sys/mount.h>

#include "persist/keys.h"
#include "tests/unit/persist/scratch.h"

#define FULL_KEYS 2000

static struct conf conf = {
	.store_cache_size = 1 << 20,
	.store_write_buffer_size = 4 << 20,
	.store_open_files_max = 100,
	.store_bloom_bits = 10,
};

/* ---- a base that holds nothing
 * ------------------------------------------------------------------- */

static enum err none_get(void *ctx, enum table t, struct bytes key, struct bytes *value)
{
	(void)ctx, (void)t, (void)key, (void)value;
	return ERR_NOT_FOUND;
}

static enum err none_each(void *ctx, enum table t, struct bytes prefix, struct bytes from,
	base_each_fn *fn, void *fn_ctx)
{
	(void)ctx, (void)t, (void)prefix, (void)from, (void)fn, (void)fn_ctx;
	return ERR_OK;
}

static const struct base nothing = {none_get, none_each, NULL};

/* ---- helpers
 * ------------------------------------------------------------------------------------- */

static struct store *make(void)
{
	struct store *s;

	assert_err(
		store_open(&s, in_scratch("store"), &conf, STORE_CREATE, why, sizeof(why)), ERR_OK);
	return s;
}

static enum err reopen(struct store **s)
{
	return store_open(s, in_scratch("store"), &conf, STORE_OPEN, why, sizeof(why));
}

static void put(struct store *s, const char *key, const char *value)
{
	struct batch *b = batch_create(&nothing);

	batch_put(b, TABLE_STORE, text(key), text(value));
	assert_err(store_write(s, b, text(""), text(""), true, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
}

static void check(struct store *s, const char *key, const char *want)
{
	struct bytes value;

	assert_err(store_get(s, NULL, text(key), &value), want ? ERR_OK : ERR_NOT_FOUND);
	if (want)
		assert_bytes(value, text(want));
	free((char *)(uintptr_t)value.data);
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

/* ---- reading and writing
 * ------------------------------------------------------------------------- */

static void test_store_write_and_reopen(void **state)
{
	struct store *s = make();
	struct batch *b = batch_create(&nothing);

	(void)state;
	put(s, "gone", "1");
	batch_put(b, TABLE_STORE, text("a"), text("1"));
	batch_put(b, TABLE_STORE, text("a"), text("2"));
	batch_put(b, TABLE_STORE, text("empty"), text(""));
	batch_put(b, TABLE_USERS, text("alice"), text("not the store's"));
	batch_delete(b, TABLE_STORE, text("gone"));
	assert_err(store_write(s, b, text("extra"), text("x"), true, why, sizeof(why)), ERR_OK);
	batch_clear(b);
	batch_put(b, TABLE_STORE, text("lazy"), text("y"));
	assert_err(store_write(s, b, text(""), text(""), false, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
	for (int i = 0; i < 3; i++) {
		check(s, "a", "2");
		check(s, "empty", "");
		check(s, "extra", "x");
		check(s, "lazy", "y");
		check(s, "gone", NULL);
		check(s, "alice", NULL);
		check(s, "", NULL);
		store_close(s);
		assert_err(reopen(&s), ERR_OK);
	}
	assert_true(store_disk_bytes(s) > 0);
	char *statistics = store_statistics(s);
	assert_non_null(statistics);
	free(statistics);
	store_close(s);
}

/* What is kept in memory beside LevelDB never shows: whatever is written, read and opened again, in
 * whatever order. */
static void test_store_as_a_model(void **state)
{
	enum { KINDS = 6, EACH = 12, ROUNDS = 20000 };
	static const char *const kinds[KINDS] = {
		"s\1", "k\1", "v\1", "m\1", "d\1c\1a\2", "d\1c\1b\2"};
	char model[KINDS * EACH][8] = {{0}}; /* empty: not there */
	struct store *s = make();

	(void)state;
	srand(11);
	for (int i = 0; i < ROUNDS; i++) {
		int at = rand() % (KINDS * EACH);
		char key[16];

		snprintf(key, sizeof(key), "%s%02d", kinds[at / EACH], at % EACH);
		switch (rand() % 8) {
		case 0:
			snprintf(model[at], sizeof(model[at]), "%d", i);
			put(s, key, model[at]);
			break;
		case 1: {
			struct batch *b = batch_create(&nothing);

			batch_delete(b, TABLE_STORE, text(key));
			assert_err(store_write(s, b, text(""), text(""), false, why, sizeof(why)),
				ERR_OK);
			batch_destroy(b);
			model[at][0] = '\0';
			break;
		}
		case 2:
			if (i % 100 == 0) {
				store_close(s);
				assert_err(reopen(&s), ERR_OK);
			}
			break;
		default:
			check(s, key, model[at][0] ? model[at] : NULL);
		}
	}
	store_close(s);
}

static bool add_key(void *ctx, struct bytes key, struct bytes value)
{
	(void)key;
	*(size_t *)ctx += value.len;
	return true;
}

/* A large value that is written over and over leaves nothing of itself behind. */
static void test_store_clears_extra_values_away(void **state)
{
	enum { TIMES = 20, EACH = 200000 };
	struct store *s = make();
	struct batch *b = batch_create(&nothing);
	char *noise = malloc(EACH);
	size_t bytes = 0;

	(void)state;
	srand(3);
	for (int i = 0; i < EACH; i++)
		noise[i] = (char)rand();
	batch_put(b, TABLE_STORE, text("a"), text("1"));
	for (int i = 0; i < TIMES; i++) {
		noise[i]++;
		assert_err(store_write(s, b, text("x"), (struct bytes){noise, EACH}, true, why,
				   sizeof(why)),
			ERR_OK);
	}
	assert_true(store_disk_bytes(s) > TIMES * EACH);
	store_close(s);
	assert_err(reopen(&s), ERR_OK);
	assert_in_range(store_disk_bytes(s), EACH, 2 * EACH);
	assert_err(store_each(s, NULL, text(""), text(""), false, add_key, &bytes), ERR_OK);
	assert_in_range(bytes, EACH, EACH + 20);
	store_close(s);
	batch_destroy(b);
	free(noise);
}

/* How many compactions LevelDB's own log tells of. */
static int compactions(void)
{
	char line[512];
	FILE *f = fopen(in_scratch("store/LOG"), "r");
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, " Compacting ") || strstr(line, " Moved ");
	fclose(f);
	return n;
}

static void fill_table(struct store *s, const char *value)
{
	char key[32];
	struct batch *b = batch_create(&nothing);

	batch_put(b, TABLE_STORE, text("a"), text(value));
	for (int i = 0; i < 40000; i++) {
		snprintf(key, sizeof(key), "m%d", i * 7919 % 40000);
		batch_put(b, TABLE_STORE, text(key),
			text("0123456789012345678901234567890123456789"));
	}
	batch_put(b, TABLE_STORE, text("z"), text(value));
	assert_err(store_write(s, b, text(""), text(""), false, why, sizeof(why)), ERR_OK);
	batch_destroy(b);
	assert_true(store_relieve(s));
}

/* LevelDB compacts a file in which many looked in vain (recent.h). What is asked for with every
 * message leaves no such trace; reading a snapshot does, which shows that the test would see it. */
static void test_store_reads_do_not_compact(void **state)
{
	struct store *s = make();
	struct store_snapshot *snap;
	struct bytes v;
	char key[32];
	int before;

	(void)state;
	put(s, "s\1x", "deep");
	fill_table(s, "1");
	store_close(s); /* waits for the table */
	assert_err(reopen(&s), ERR_OK);
	fill_table(s, "2");
	store_close(s);
	assert_err(reopen(&s), ERR_OK);
	before = compactions();
	for (int i = 0; i < 5000; i++) {
		check(s, "s\1x", "deep");
		check(s, "k\1x\3bob", NULL);
		snprintf(key, sizeof(key), "d\1x\3bob\4%04d", i);
		check(s, key, NULL);
	}
	assert_int_equal(compactions(), before);
	snap = store_snapshot(s);
	for (int i = 0; compactions() == before; i++) {
		assert_in_range(i, 0, 1000000);
		for (int k = 0; k < 100; k++) {
			assert_err(store_get(s, snap, text("s\1x"), &v), ERR_OK);
			free((char *)(uintptr_t)v.data);
		}
	}
	store_snapshot_release(s, snap);
	store_close(s);
}

static size_t tables(void)
{
	glob_t found;
	size_t count = glob(in_scratch("store/*.ldb"), 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	globfree(&found);
	return count;
}

/* Much that is in memory becomes a table, and little does not; nothing is lost by it. */
static void test_store_relieve(void **state)
{
	enum { EACH = 100000, COUNT_OF_THEM = 15 };
	struct store *s = make();
	char *large = test_calloc(1, EACH + 1);
	size_t before = tables();

	(void)state;
	memset(large, 'x', EACH);
	put(s, "little", "1");
	assert_false(store_relieve(s));
	for (int i = 0; i < COUNT_OF_THEM; i++) {
		large[0] = (char)('a' + i);
		put(s, large, large);
	}
	assert_int_equal(tables(), before);
	assert_true(store_relieve(s));
	put(s, "meanwhile", "2");
	assert_false(store_relieve(s));
	store_close(s);
	assert_int_equal(tables(), before + 1);
	assert_err(reopen(&s), ERR_OK);
	for (int i = 0; i < COUNT_OF_THEM; i++) {
		large[0] = (char)('a' + i);
		check(s, large, large);
	}
	check(s, "little", "1");
	check(s, "meanwhile", "2");
	store_close(s);
	test_free(large);
}

static void test_store_each_ranges(void **state)
{
	static const char *const keys[] = {"a", "ba", "bb", "bbb", "bc", "b\xff", "b\xff\xff", "c"};
	static const struct {
		const char *prefix, *from;
		bool reverse;
		int stop_after;
		const char *want;
	} cases[] = {
		{"b", "", false, 0, "ba bb bbb bc b\xff b\xff\xff "},
		{"b", "", true, 0, "b\xff\xff b\xff bc bbb bb ba "},
		{"b", "bb", false, 0, "bb bbb bc b\xff b\xff\xff "},
		{"b", "bb", true, 0, "bb ba "},
		{"b", "bba", false, 2, "bbb bc "},
		{"b", "bba", true, 0, "bb ba "},
		{"b", "a", false, 0, "ba bb bbb bc b\xff b\xff\xff "},
		{"b", "a", true, 0, ""},
		{"b", "c", false, 0, ""},
		{"b", "c", true, 1, "b\xff\xff "},
		{"b\xff", "", true, 0, "b\xff\xff b\xff "},
		{"bb", "", true, 0, "bbb bb "},
		{"", "bc", true, 0, "bc bbb bb ba a "},
		{"a", "", false, 0, "a "},
		{"d", "", false, 0, ""},
		{"d", "", true, 0, ""},
		{"c", "", true, 0, "c "},
	};
	struct store *s = make();

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		put(s, keys[i], "v");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct list l = {.stop_after = cases[i].stop_after};

		assert_err(store_each(s, NULL, text(cases[i].prefix), text(cases[i].from),
				   cases[i].reverse, on_key, &l),
			ERR_OK);
		assert_string_equal(l.keys, cases[i].want);
	}
	store_close(s);
}

static void test_store_snapshot_stands_still(void **state)
{
	struct store *s = make();
	struct store_snapshot *snap;
	struct bytes value;
	struct list l = {.stop_after = 0};

	(void)state;
	put(s, "a1", "1");
	snap = store_snapshot(s);
	put(s, "a1", "2");
	put(s, "a2", "2");
	assert_err(store_get(s, snap, text("a1"), &value), ERR_OK);
	assert_bytes(value, text("1"));
	free((char *)(uintptr_t)value.data);
	assert_err(store_get(s, snap, text("a2"), &value), ERR_NOT_FOUND);
	assert_err(store_each(s, snap, text("a"), text(""), false, on_key, &l), ERR_OK);
	assert_string_equal(l.keys, "a1 ");
	store_snapshot_release(s, snap);
	check(s, "a1", "2");
	store_close(s);
}

/* ---- opening
 * ------------------------------------------------------------------------------------- */

/* Opening fails with that error and those words, and changes nothing. */
static void assert_refused(enum err want, const char *words)
{
	struct store *s = (struct store *)&conf;
	uint64_t before = fingerprint(scratch);

	assert_err(reopen(&s), want);
	assert_null(s);
	assert_why(words);
	assert_why(in_scratch("store"));
	assert_true(fingerprint(scratch) == before);
}

/* A store with tables, a log that holds something, and more than one edit in the manifest. Opened
 * again at the end, which leaves no table behind that is not in use; too few tables for compaction.
 */
static void make_full(void)
{
	int64_t size = conf.store_write_buffer_size;
	struct batch *b = batch_create(&nothing);
	struct store *s;
	char key[32], value[1000];

	conf.store_write_buffer_size = 1 << 20;
	s = make();
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < FULL_KEYS; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		value[snprintf(value, sizeof(value), "%d %d", i, i * i)] = ' ';
		batch_clear(b);
		batch_put(b, TABLE_STORE, text(key), (struct bytes){value, sizeof(value)});
		assert_err(store_write(s, b, text(""), text(""), false, why, sizeof(why)), ERR_OK);
	}
	batch_destroy(b);
	store_close(s);
	assert_err(reopen(&s), ERR_OK);
	put(s, "last", "1");
	store_close(s);
	conf.store_write_buffer_size = size;
}

/* The first file in the store whose name has this in it; the one with the highest name. */
static const char *part(const char *in_name)
{
	static char path[512];
	char command[600];
	FILE *out;

	snprintf(command, sizeof(command), "ls %s/store/*%s* | sort | tail -1", scratch, in_name);
	out = popen(command, "r");
	assert_non_null(out);
	assert_non_null(fgets(path, sizeof(path), out));
	pclose(out);
	path[strcspn(path, "\n")] = '\0';
	return path;
}

static void test_store_open_not_there(void **state)
{
	(void)state;
	assert_refused(ERR_NOT_FOUND, "there is no store");
}

static void test_store_create_exists(void **state)
{
	struct store *s = make();
	uint64_t before;

	(void)state;
	store_close(s);
	before = fingerprint(scratch);
	assert_err(store_open(&s, in_scratch("store"), &conf, STORE_CREATE, why, sizeof(why)),
		ERR_EXISTS);
	assert_null(s);
	assert_true(fingerprint(scratch) == before);
}

static void test_store_create_in_empty_folder(void **state)
{
	struct store *s;

	(void)state;
	assert_int_equal(mkdir(in_scratch("store"), 0700), 0);
	s = make();
	store_close(s);
	assert_err(reopen(&s), ERR_OK);
	store_close(s);
}

static void test_store_create_without_parent(void **state)
{
	struct store *s;

	(void)state;
	assert_err(store_open(&s, in_scratch("no/store"), &conf, STORE_CREATE, why, sizeof(why)),
		ERR_IO);
	assert_why("No such file");
}

static void test_store_file_instead_of_folder(void **state)
{
	struct store *s;

	(void)state;
	file_write(in_scratch("store"), "hello", 5);
	assert_refused(ERR_CORRUPT, "is not a folder");
	assert_err(store_open(&s, in_scratch("store"), &conf, STORE_CREATE, why, sizeof(why)),
		ERR_EXISTS);
}

static void test_store_foreign_folder(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_scratch("store"), 0700), 0);
	assert_refused(ERR_CORRUPT, "no store of this program");
	file_write(in_scratch("store/letter.txt"), "hello", 5);
	assert_refused(ERR_CORRUPT, "no store of this program");
}

static void test_store_foreign_leveldb(void **state)
{
	(void)state;
	make_full();
	unlink(in_scratch("store/FORMAT"));
	assert_refused(ERR_CORRUPT, "no store of this program");
}

static void test_store_schema(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"gnatter store 2\n", "made by a newer version (schema 2; this program knows 1)"},
		{"gnatter store 999999999\n", "schema 999999999"},
		{"gnatter store 0\n", "has schema 0"},
		{"gnatter store 1", "FORMAT"},
		{"gnatter store 1\n\n", "FORMAT"},
		{"gnatter store 1234567890\n", "FORMAT"},
		{"gnatter store \n", "FORMAT"},
		{"", "FORMAT"},
		{"nonsense", "FORMAT"},
	};

	(void)state;
	make_full();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		file_write(in_scratch("store/FORMAT"), cases[i].line, strlen(cases[i].line));
		assert_refused(ERR_CORRUPT, cases[i].words);
	}
}

/* The version in the store itself counts too. */
static void test_store_schema_key(void **state)
{
	struct key key = key_meta("schema");
	struct store *s = make();
	struct batch *b = batch_create(&nothing);

	(void)state;
	batch_put(b, TABLE_STORE, key_bytes(&key), (struct bytes){"\2\0\0\0", 4});
	assert_err(store_write(s, b, text(""), text(""), true, why, sizeof(why)), ERR_OK);
	store_close(s);
	assert_err(reopen(&s), ERR_CORRUPT);
	assert_why("made by a newer version (schema 2; this program knows 1)");
	batch_destroy(b);
}

static void test_store_current(void **state)
{
	static const char *const lines[] = {"", "MANIFEST-000002", "MANIFEST-999999\n",
		"../MANIFEST-000002\n", "MANIFEST-\n", "\n",
		"MANIFEST-00000000000000000000000000000000000000000000000000000000000000\n"};

	(void)state;
	make_full();
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		file_write(in_scratch("store/CURRENT"), lines[i], strlen(lines[i]));
		assert_refused(ERR_CORRUPT, "damaged");
	}
	unlink(in_scratch("store/CURRENT"));
	assert_refused(ERR_CORRUPT, "CURRENT is missing");
}

static void test_store_manifest_damaged(void **state)
{
	const char *path;
	size_t size;

	(void)state;
	make_full();
	path = part("MANIFEST-");
	size = file_size(path);
	file_overwrite(path, size / 2, "\xaa\x55\xaa\x55", 4);
	assert_refused(ERR_CORRUPT, "MANIFEST-");
	assert_int_equal(truncate(path, 0), 0);
	assert_refused(ERR_CORRUPT, "is incomplete");
	unlink(path);
	assert_refused(ERR_CORRUPT, "is missing");
}

/* The manifest cut off at any byte: opened if what is left is a state that was, else refused. */
static void test_store_manifest_truncated(void **state)
{
	size_t size, opened = 0;

	(void)state;
	make_full();
	size = file_size(part("MANIFEST-"));
	assert_int_equal(rename(in_scratch("store"), in_scratch("whole")), 0);
	for (size_t keep = 0; keep < size; keep += 1 + size / 200) {
		char command[300];
		uint64_t before;
		struct store *s;
		enum err e;

		snprintf(command, sizeof(command), "rm -rf %s/store; cp -a %s/whole %s/store",
			scratch, scratch, scratch);
		assert_int_equal(system(command), 0);
		assert_int_equal(truncate(part("MANIFEST-"), (off_t)keep), 0);
		before = fingerprint(in_scratch("store"));
		e = reopen(&s);
		if (e == ERR_OK) {
			opened++;
			store_close(s);
			continue;
		}
		assert_err(e, ERR_CORRUPT);
		assert_true(fingerprint(in_scratch("store")) == before);
	}
	assert_true(opened < 20);
}

static void test_store_table_missing_or_short(void **state)
{
	const char *path;

	(void)state;
	make_full();
	path = part(".ldb");
	assert_int_equal(truncate(path, (off_t)file_size(path) - 100), 0);
	assert_refused(ERR_CORRUPT, "bytes instead of");
	unlink(path);
	assert_refused(ERR_CORRUPT, ".ldb is missing");
}

/* Inside a table damage is found when it is read, not before. */
static void test_store_table_damaged_inside(void **state)
{
	struct store *s;
	struct bytes value;
	const char *path;
	int bad = 0;

	(void)state;
	make_full();
	path = part(".ldb");
	for (size_t at = 500; at + 8 < file_size(path) - 2000; at += 4096)
		file_overwrite(path, at, "\xde\xad\xbe\xef", 4);
	assert_err(reopen(&s), ERR_OK);
	for (int i = 0; i < FULL_KEYS; i++) {
		char key[32];
		enum err e;

		snprintf(key, sizeof(key), "key %d", i);
		e = store_get(s, NULL, text(key), &value);
		assert_true(e == ERR_OK || e == ERR_CORRUPT);
		bad += e == ERR_CORRUPT;
		free((char *)(uintptr_t)value.data);
	}
	assert_true(bad > 0);
	store_close(s);
}

static bool on_any(void *ctx, struct bytes key, struct bytes value)
{
	(void)key;
	(void)value;
	++*(int *)ctx;
	return true;
}

static void test_store_each_reports_damage(void **state)
{
	struct store *s;
	int count = 0;

	(void)state;
	make_full();
	file_overwrite(part(".ldb"), 500, "\xde\xad\xbe\xef", 4);
	assert_err(reopen(&s), ERR_OK);
	assert_err(store_each(s, NULL, text("key"), text(""), false, on_any, &count), ERR_CORRUPT);
	assert_true(count < FULL_KEYS);
	store_close(s);
}

static void test_store_log_missing(void **state)
{
	(void)state;
	make_full();
	unlink(part(".log"));
	assert_refused(ERR_CORRUPT, ".log is missing");
}

/* A store whose log holds k0 to k20, and is as long as sizes[i] after k<i>. */
static const char *make_log(size_t sizes[21], size_t value_size)
{
	struct store *s = make();
	const char *path = part(".log");
	char key[16], *value = calloc(1, value_size + 1);

	memset(value, 'v', value_size);
	for (int i = 0; i <= 20; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put(s, key, value);
		sizes[i] = file_size(path);
	}
	store_close(s);
	free(value);
	return path;
}

/* Damage with whole commits behind it is refused, wherever it stands, whatever it hits. */
static void test_store_log_damaged(void **state)
{
	static const size_t value_sizes[] = {30, 5000, 20000, 60000};
	size_t sizes[21];

	(void)state;
	for (size_t v = 0; v < sizeof(value_sizes) / sizeof(*value_sizes); v++) {
		const char *path = make_log(sizes, value_sizes[v]);

		for (size_t into = 0; into < 30; into++) {
			char had, is;
			int fd = open(path, O_RDWR);

			assert_int_equal(pread(fd, &had, 1, (off_t)(sizes[9] + into)), 1);
			is = (char)(had ^ 0x55);
			assert_int_equal(pwrite(fd, &is, 1, (off_t)(sizes[9] + into)), 1);
			assert_refused(ERR_CORRUPT, "goes on behind");
			assert_int_equal(pwrite(fd, &had, 1, (off_t)(sizes[9] + into)), 1);
			close(fd);
		}
		scratch_clear();
	}
}

/* What a power cut may leave at the end of the log loses the last commit at most, and no other. */
static void test_store_log_torn(void **state)
{
	static const struct {
		const char *what;
		size_t value_size;
		bool cut, zeros;
		long at; /* from the start of the last commit; negative: from its end */
	} cases[] = {
		{"cut in the header", 30, true, false, 3},
		{"cut in the data", 30, true, false, 20},
		{"cut at the last byte", 30, true, false, -1},
		{"cut in a record of many blocks", 60000, true, false, 40000},
		{"a byte wrong", 30, false, false, 20},
		{"a byte wrong in its length", 30, false, false, 5},
		{"a page of a large one missing", 60000, false, true, 5000},
		{"all of it zeros", 30, false, true, 0},
		{"its end zeros", 20000, false, true, 10000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static const char zeros[4096];
		size_t sizes[21], at, len;
		const char *path = make_log(sizes, cases[i].value_size);
		struct store *s;
		struct bytes value;

		at = cases[i].at < 0 ? sizes[20] - (size_t)-cases[i].at
				     : sizes[19] + (size_t)cases[i].at;
		len = sizes[20] - at < sizeof(zeros) ? sizes[20] - at : sizeof(zeros);
		if (cases[i].cut)
			assert_int_equal(truncate(path, (off_t)at), 0);
		else
			file_overwrite(
				path, at, cases[i].zeros ? zeros : "#", cases[i].zeros ? len : 1);
		for (int round = 0; round < 2; round++) {
			assert_err(reopen(&s), ERR_OK);
			assert_err(store_get(s, NULL, text("k19"), &value), ERR_OK);
			assert_int_equal(value.len, cases[i].value_size);
			free((char *)(uintptr_t)value.data);
			check(s, "k20", NULL);
			store_close(s);
		}
		scratch_clear();
	}
}

/* ---- other processes, other users, full disks
 * ---------------------------------------------------- */

static int open_in_child(void)
{
	struct store *s;
	enum err e = reopen(&s);

	if (e != ERR_OK)
		fprintf(stderr, "child: %s\n", why);
	store_close(s);
	return (int)e;
}

static int open_refused_in_child(void)
{
	struct store *s;
	enum err e = reopen(&s);
	char pid[64];

	snprintf(pid, sizeof(pid), "in use by another process (pid %ld)", (long)getppid());
	return e == ERR_CONFLICT && strstr(why, pid) ? 0 : 1;
}

static void test_store_open_twice(void **state)
{
	struct store *s = make();

	(void)state;
	assert_int_equal(in_child("open_refused_in_child", false), 0);
	put(s, "a", "1");
	check(s, "a", "1");
	store_close(s);
	assert_int_equal(in_child("open_in_child", false), ERR_OK);
}

static int no_permission_in_child(void)
{
	struct store *s;

	return reopen(&s) == ERR_IO && strstr(why, in_scratch("store")) &&
			       strstr(why, "Permission denied")
		       ? 0
		       : 1;
}

static int no_permission_to_create(void)
{
	struct store *s;

	return store_open(&s, in_scratch("new"), &conf, STORE_CREATE, why, sizeof(why)) == ERR_IO &&
			       strstr(why, "Permission denied")
		       ? 0
		       : 1;
}

static void test_store_no_permission(void **state)
{
	static const char *const parts[] = {"store/FORMAT", "store/CURRENT", "store"};

	(void)state;
	store_close(make());
	assert_int_equal(chmod(scratch, 0755), 0);
	assert_int_equal(chmod(in_scratch("store"), 0777), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(chmod(in_scratch(parts[i]), 0), 0);
		assert_int_equal(in_child("no_permission_in_child", true), 0);
		assert_int_equal(chmod(in_scratch(parts[i]), 0777), 0);
	}
	assert_int_equal(chmod(scratch, 0555), 0);
	assert_int_equal(in_child("no_permission_to_create", true), 0);
	assert_int_equal(chmod(scratch, 0700), 0);
}

/* A disk of two megabytes, in a mount namespace of the child's own. */
static int fill_disk(void)
{
	struct batch *b = batch_create(&nothing);
	struct store *s;
	enum err e = ERR_OK;
	static char value[100000];
	FILE *filler;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("tmpfs", scratch, "tmpfs", 0, "size=2m") != 0)
		return 77;
	if (store_open(&s, in_scratch("store"), &conf, STORE_CREATE, why, sizeof(why)) != ERR_OK)
		return 1;
	for (int i = 0; i < 100 && e == ERR_OK; i++) {
		char key[16];

		for (size_t j = 0; j < sizeof(value); j++)
			value[j] = (char)random();
		snprintf(key, sizeof(key), "%d", i);
		batch_clear(b);
		batch_put(b, TABLE_STORE, text(key), (struct bytes){value, sizeof(value)});
		e = store_write(s, b, text(""), text(""), true, why, sizeof(why));
	}
	if (e != ERR_FULL || !strstr(why, "No space left"))
		return 2;
	/* What came behind a write that failed half way would make the store a broken one. */
	batch_clear(b);
	batch_put(b, TABLE_STORE, text("small"), text("1"));
	if (store_write(s, b, text(""), text(""), true, why, sizeof(why)) != ERR_IO ||
		!strstr(why, "an earlier write failed"))
		return 9;
	store_close(s);
	batch_destroy(b);
	filler = fopen(in_scratch("filler"), "w");
	while (e == ERR_FULL && fwrite(value, 1000, 1, filler) == 1 && fflush(filler) == 0)
		continue;
	e = store_open(&s, in_scratch("other"), &conf, STORE_CREATE, why, sizeof(why));
	fclose(filler);
	if (e == ERR_OK || access(in_scratch("other"), F_OK) == 0)
		return 3;
	return 0;
}

static void test_store_disk_full(void **state)
{
	int rc = in_child("fill_disk", false);

	(void)state;
	if (rc == 77)
		skip();
	assert_int_equal(rc, 0);
}

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

static const struct child children[] = {
	{"open_in_child", open_in_child},
	{"open_refused_in_child", open_refused_in_child},
	{"no_permission_in_child", no_permission_in_child},
	{"no_permission_to_create", no_permission_to_create},
	{"fill_disk", fill_disk},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_store_write_and_reopen),
		IN_SCRATCH(test_store_as_a_model),
		IN_SCRATCH(test_store_reads_do_not_compact),
		IN_SCRATCH(test_store_clears_extra_values_away),
		IN_SCRATCH(test_store_relieve),
		IN_SCRATCH(test_store_each_ranges),
		IN_SCRATCH(test_store_snapshot_stands_still),
		IN_SCRATCH(test_store_open_not_there),
		IN_SCRATCH(test_store_create_exists),
		IN_SCRATCH(test_store_create_in_empty_folder),
		IN_SCRATCH(test_store_create_without_parent),
		IN_SCRATCH(test_store_file_instead_of_folder),
		IN_SCRATCH(test_store_foreign_folder),
		IN_SCRATCH(test_store_foreign_leveldb),
		IN_SCRATCH(test_store_schema),
		IN_SCRATCH(test_store_schema_key),
		IN_SCRATCH(test_store_current),
		IN_SCRATCH(test_store_manifest_damaged),
		IN_SCRATCH(test_store_manifest_truncated),
		IN_SCRATCH(test_store_table_missing_or_short),
		IN_SCRATCH(test_store_table_damaged_inside),
		IN_SCRATCH(test_store_each_reports_damage),
		IN_SCRATCH(test_store_log_missing),
		IN_SCRATCH(test_store_log_damaged),
		IN_SCRATCH(test_store_log_torn),
		IN_SCRATCH(test_store_open_twice),
		IN_SCRATCH(test_store_no_permission),
		IN_SCRATCH(test_store_disk_full),
	};

	CHILD_MAIN(argc, argv, children);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
