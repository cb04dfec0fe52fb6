/* batch_test.c — the batch against a map that does the same slowly. */
#include "persist/batch.h"

#include "tests/unit/persist/memory_base.h"
#include "tests/unit/persist/scratch.h"

/* ---- allocations that fail
 * ----------------------------------------------------------------------- */

/* The module is compiled here a second time, with these in place of the real ones. */
static int allocs_left = -1; /* -1: all succeed */

static bool alloc_fails(void)
{
	if (allocs_left < 0)
		return false;
	return allocs_left-- == 0;
}

static void *may_malloc(size_t size)
{
	return alloc_fails() ? NULL : malloc(size);
}

static void *may_calloc(size_t count, size_t size)
{
	return alloc_fails() ? NULL : calloc(count, size);
}

static void *may_realloc(void *old, size_t size)
{
	return alloc_fails() ? NULL : realloc(old, size);
}

#define malloc(size)        may_malloc(size)
#define calloc(count, size) may_calloc(count, size)
#define realloc(old, size)  may_realloc(old, size)
#include "persist/batch.c"
#undef malloc
#undef calloc
#undef realloc

/* ---- helpers
 * ------------------------------------------------------------------------------------- */

static struct memory_base below;
static struct batch *batch;

static int set_up(void **state)
{
	(void)state;
	memory_base_init(&below);
	batch = batch_create(&below.base);
	return batch ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	batch_destroy(batch);
	memory_base_finish(&below);
	return 0;
}

static void put(const char *key, const char *value)
{
	batch_put(batch, TABLE_STORE, text(key), text(value));
}

static void check(const char *key, const char *want)
{
	struct bytes value;
	enum err e = batch_get(batch, TABLE_STORE, text(key), &value);

	assert_int_equal(e, want ? ERR_OK : ERR_NOT_FOUND);
	if (want)
		assert_bytes(value, text(want));
}

struct line {
	char text[512];
	int stop_after;
};

static void line_add(struct line *l, struct bytes key, struct bytes value)
{
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "%.*s%s%.*s ", (int)key.len, key.data,
		value.data ? "=" : "-", (int)value.len, value.data ? value.data : "");
}

static bool on_each(void *ctx, struct bytes key, struct bytes value)
{
	struct line *l = ctx;

	line_add(l, key, value);
	return --l->stop_after != 0;
}

static void on_line(void *ctx, struct bytes key, struct bytes value)
{
	line_add(ctx, key, value);
}

static void check_writes(const char *want)
{
	struct line l = {0};

	batch_writes(batch, TABLE_STORE, on_line, &l);
	assert_string_equal(l.text, want);
}

/* ---- writing and reading
 * ------------------------------------------------------------------------- */

static void test_batch_put_over_base(void **state)
{
	(void)state;
	memory_set(&below, TABLE_STORE, text("a"), text("base"));
	memory_set(&below, TABLE_STORE, text("b"), text("base"));
	assert_true(batch_empty(batch));
	check("a", "base");
	put("a", "1");
	check("a", "1");
	batch_delete(batch, TABLE_STORE, text("b"));
	check("b", NULL);
	put("b", "");
	check("b", "");
	check("c", NULL);
	assert_false(batch_empty(batch));
	assert_false(batch_failed(batch));
}

static void test_batch_tables_are_apart(void **state)
{
	struct bytes value;

	(void)state;
	put("k", "store");
	assert_false(batch_touches_directory(batch));
	batch_put(batch, TABLE_USERS, text("k"), text("users"));
	assert_true(batch_touches_directory(batch));
	check("k", "store");
	assert_int_equal(batch_get(batch, TABLE_USERS, text("k"), &value), ERR_OK);
	assert_bytes(value, text("users"));
	assert_int_equal(batch_get(batch, TABLE_CHATS, text("k"), &value), ERR_NOT_FOUND);
	check_writes("k=store ");
}

static void test_batch_writes_last_value_first_order(void **state)
{
	(void)state;
	put("b", "1");
	put("a", "1");
	put("b", "2");
	batch_delete(batch, TABLE_STORE, text("c"));
	batch_delete(batch, TABLE_STORE, text("a"));
	put("b", "3");
	check_writes("b=3 a- c- ");
}

static void test_batch_rollback(void **state)
{
	size_t start = batch_mark(batch), middle;

	(void)state;
	memory_set(&below, TABLE_STORE, text("z"), text("base"));
	put("a", "1");
	put("b", "1");
	middle = batch_mark(batch);
	put("a", "2");
	put("c", "1");
	batch_delete(batch, TABLE_STORE, text("b"));
	batch_delete(batch, TABLE_STORE, text("z"));
	batch_put(batch, TABLE_USERS, text("u"), text("1"));
	check_writes("a=2 b- c=1 z- ");
	batch_rollback(batch, middle);
	check_writes("a=1 b=1 ");
	check("c", NULL);
	check("z", "base");
	assert_false(batch_touches_directory(batch));
	batch_rollback(batch, start);
	assert_true(batch_empty(batch));
	assert_int_equal(batch_bytes(batch), 0);
	check("a", NULL);
}

static void test_batch_each_merges(void **state)
{
	static const struct {
		const char *prefix, *from;
		int stop_after;
		const char *want;
	} cases[] = {
		{"", "", 0, "a=base ba=new bb=base bc=new bd=base be=new by=new c=base "},
		{"b", "", 0, "ba=new bb=base bc=new bd=base be=new by=new "},
		{"b", "bb", 0, "bb=base bc=new bd=base be=new by=new "},
		{"b", "bba", 0, "bc=new bd=base be=new by=new "},
		{"b", "bx", 0, "by=new "},
		{"b", "c", 0, ""},
		{"b", "", 1, "ba=new "},
		{"b", "", 3, "ba=new bb=base bc=new "},
		{"b", "", 5, "ba=new bb=base bc=new bd=base be=new "},
		{"x", "", 0, ""},
	};

	(void)state;
	for (const char *const *key = (const char *const[]){"a", "bb", "bd", "bh", "c", NULL}; *key;
		key++)
		memory_set(&below, TABLE_STORE, text(*key), text("base"));
	put("bc", "old");
	put("be", "new");
	put("ba", "new");
	put("bc", "new");
	put("by", "new");
	batch_delete(batch, TABLE_STORE, text("bh"));
	batch_delete(batch, TABLE_STORE, text("bi"));
	batch_put(batch, TABLE_USERS, text("bz"), text("other"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct line l = {.stop_after = cases[i].stop_after};

		assert_int_equal(batch_each(batch, TABLE_STORE, text(cases[i].prefix),
					 text(cases[i].from), on_each, &l),
			ERR_OK);
		assert_string_equal(l.text, cases[i].want);
	}
}

/* What fn is given stands still while it writes. */
static bool on_each_write(void *ctx, struct bytes key, struct bytes value)
{
	char copy[16];

	memcpy(copy, key.data, key.len);
	for (int i = 0; i < 1000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "a%d", i);
		put(name, "written by the loop");
	}
	batch_delete(batch, TABLE_STORE, key);
	assert_memory_equal(key.data, copy, key.len);
	assert_bytes(value, text("v"));
	++*(int *)ctx;
	return true;
}

static void test_batch_each_may_write(void **state)
{
	int calls = 0;

	(void)state;
	put("b1", "v");
	put("b2", "v");
	memory_set(&below, TABLE_STORE, text("b3"), text("v"));
	assert_int_equal(
		batch_each(batch, TABLE_STORE, text("b"), text(""), on_each_write, &calls), ERR_OK);
	assert_int_equal(calls, 3);
	check("b1", NULL);
	check("b3", NULL);
}

static void test_batch_large_values(void **state)
{
	static const size_t sizes[] = {0, 1, 200 << 10, 300 << 10, 5, 5 << 20, 100};
	char *big = malloc(5 << 20), key[2] = "a";
	struct bytes value;

	(void)state;
	memset(big, 'x', 5 << 20);
	for (int round = 0; round < 3; round++) {
		size_t mark = batch_mark(batch);

		for (int again = 0; again < 2; again++) {
			for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
				key[0] = (char)('a' + i);
				batch_put(batch, TABLE_STORE, text(key),
					(struct bytes){big, sizes[i]});
			}
			for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
				key[0] = (char)('a' + i);
				assert_int_equal(
					batch_get(batch, TABLE_STORE, text(key), &value), ERR_OK);
				assert_bytes(value, ((struct bytes){big, sizes[i]}));
			}
			if (again == 0)
				batch_rollback(batch, mark);
		}
		assert_true(batch_bytes(batch) > 5 << 20);
		batch_clear(batch);
		assert_true(batch_empty(batch));
		assert_int_equal(batch_bytes(batch), 0);
	}
	free(big);
}

/* Memory that one large batch needed is given back. */
static void test_batch_clear_gives_back(void **state)
{
	char key[16];

	(void)state;
	for (int i = 0; i < 300000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put(key, "0123456789012345678901234567890123456789");
	}
	assert_true(batch->mask + 1 >= 600000);
	batch_clear(batch);
	assert_true(batch->mask + 1 <= KEEP_ENTRIES);
	assert_true(batch->cap <= KEEP_ENTRIES);
	assert_true(batch->chunk_count * CHUNK_SIZE <= KEEP_BYTES);
	check("1", NULL);
	put("1", "x");
	check("1", "x");
	batch_relieve(batch);
	assert_int_equal(batch->chunk_count, 0);
	assert_true(batch->mask + 1 <= SLOTS_MIN);
	assert_true(batch->cap <= SLOTS_MIN);
	assert_true(batch_empty(batch));
	check("1", NULL);
	put("1", "y");
	check("1", "y");
}

/* ---- against the model
 * --------------------------------------------------------------------------- */

static uint32_t random_state = 1;

static uint32_t pick(uint32_t below_this)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below_this;
}

/* Few letters, so that keys meet and are prefixes of each other. As a first letter, \1 and \2 make
 * the key begin with a name, as those of members do. */
static struct bytes random_text(char *out, uint32_t max)
{
	size_t len = pick(max + 1);

	for (size_t i = 0; i < len; i++)
		out[i] = "\1\2a"[pick(3)];
	return (struct bytes){out, len};
}

static enum table random_table(void)
{
	static const enum table tables[] = {TABLE_STORE, TABLE_USERS, TABLE_MEMBERS, TABLE_LISTS};

	return tables[pick(4)];
}

struct expectation {
	const struct memory_table *table;
	struct bytes prefix, from;
	size_t at, left;
};

static bool on_expected(void *ctx, struct bytes key, struct bytes value)
{
	struct expectation *x = ctx;
	const struct memory_entry *e;

	for (;; x->at++) {
		assert_true(x->at < x->table->count);
		e = &x->table->entries[x->at];
		if (e->key_len >= x->prefix.len &&
			memcmp(e->key, x->prefix.data, x->prefix.len) == 0 &&
			memory_compare(memory_key(e), x->from) >= 0)
			break;
	}
	assert_bytes(key, memory_key(e));
	assert_bytes(value, ((struct bytes){e->value, e->value_len}));
	x->at++;
	return --x->left > 0;
}

static void check_each(const struct memory_base *model, enum table t)
{
	char a[8], b[8];
	struct expectation x = {
		.table = &model->tables[t],
		.prefix = random_text(a, 3),
		.from = random_text(b, 4),
		.left = pick(4) == 0 ? 1 + pick(5) : 1000000,
	};

	assert_int_equal(batch_each(batch, t, x.prefix, x.from, on_expected, &x), ERR_OK);
	for (; x.left > 1000 && x.at < x.table->count; x.at++) {
		const struct memory_entry *e = &x.table->entries[x.at];

		assert_false(e->key_len >= x.prefix.len &&
			     memcmp(e->key, x.prefix.data, x.prefix.len) == 0 &&
			     memory_compare(memory_key(e), x.from) >= 0);
	}
}

static void check_get(const struct memory_base *model, enum table t)
{
	char k[8];
	struct bytes key = random_text(k, 5), value, want;
	enum err e = batch_get(batch, t, key, &value);

	assert_int_equal(e, memory_get((void *)(uintptr_t)model, t, key, &want));
	if (e == ERR_OK)
		assert_bytes(value, want);
}

static enum table committing;

static void on_commit(void *ctx, struct bytes key, struct bytes value)
{
	memory_set(ctx, committing, key, value);
}

static void random_write(struct memory_base *model)
{
	char k[8], v[16];
	enum table t = random_table();
	struct bytes key = {k, 1 + random_text(k, 5).len}, value = random_text(v, 12);

	k[key.len - 1] = "\1\2a"[pick(3)];
	if (pick(4) == 0) {
		batch_delete(batch, t, key);
		memory_set(model, t, key, (struct bytes){NULL, 0});
	} else {
		batch_put(batch, t, key, value);
		memory_set(model, t, key, value);
	}
}

static void test_batch_model(void **state)
{
	struct memory_base model, marked;
	size_t mark = 0;

	(void)state;
	memory_base_init(&model);
	memory_base_init(&marked);
	for (int step = 0; step < 60000; step++) {
		uint32_t what = pick(1000);

		if (what < 600) {
			random_write(&model);
		} else if (what < 900) {
			check_get(&model, random_table());
		} else if (what < 960) {
			check_each(&model, random_table());
		} else if (what < 975) {
			mark = batch_mark(batch);
			memory_base_copy(&marked, &model);
		} else if (what < 985) {
			batch_rollback(batch, mark);
			memory_base_copy(&model, &marked);
		} else if (what < 990) {
			for (int t = 0; t < TABLE_COUNT; t++) {
				committing = (enum table)t;
				batch_writes(batch, committing, on_commit, &below);
			}
			batch_clear(batch);
			mark = 0;
			memory_base_copy(&marked, &below);
		}
	}
	assert_false(batch_failed(batch));
	memory_base_finish(&model);
	memory_base_finish(&marked);
}

/* Fail the 1st, 2nd, ... allocation until none fails. A batch that lost a write says so; none that
 * was not lost is damaged. */
static void test_batch_every_alloc_may_fail(void **state)
{
	bool failed = true;
	int n;

	(void)state;
	for (n = 0; failed; n++) {
		struct batch *b;
		char key[16], big[1000] = {0};
		struct bytes value;
		bool lost = false;

		allocs_left = n;
		b = batch_create(&below.base);
		failed = !b;
		for (int i = 0; b && i < 2000; i++) {
			size_t mark = batch_mark(b);

			snprintf(key, sizeof(key), "%d", i % 1500);
			batch_put(b, TABLE_STORE, text(key), (struct bytes){big, sizeof(big)});
			lost = lost || batch_mark(b) == mark;
		}
		allocs_left = -1;
		if (!b)
			continue;
		failed = batch_failed(b);
		assert_true(failed == lost);
		for (int i = 0; i < 1500; i++) {
			snprintf(key, sizeof(key), "%d", i);
			if (batch_get(b, TABLE_STORE, text(key), &value) == ERR_OK)
				assert_int_equal(value.len, sizeof(big));
			else
				assert_true(failed);
		}
		batch_rollback(b, 0);
		batch_clear(b);
		assert_false(batch_failed(b));
		batch_destroy(b);
	}
	assert_true(n > 10);
}

int main(void)
{
#define IN_BATCH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_BATCH(test_batch_put_over_base),
		IN_BATCH(test_batch_tables_are_apart),
		IN_BATCH(test_batch_writes_last_value_first_order),
		IN_BATCH(test_batch_rollback),
		IN_BATCH(test_batch_each_merges),
		IN_BATCH(test_batch_each_may_write),
		IN_BATCH(test_batch_large_values),
		IN_BATCH(test_batch_clear_gives_back),
		IN_BATCH(test_batch_model),
		IN_BATCH(test_batch_every_alloc_may_fail),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
