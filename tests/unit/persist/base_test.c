/* base_test.c — batch, journal, store and directory together, against maps in memory. */
#include "persist/base.h"

#include "persist/journal.h"
#include "tests/unit/persist/memory_base.h"
#include "tests/unit/persist/scratch.h"

static struct conf conf = {
	.store_cache_size = 1 << 20,
	.store_write_buffer_size = 64 << 10, /* small: tables and compactions come soon */
	.store_open_files_max = 100,
	.store_bloom_bits = 10,
};

struct world {
	struct store *s;
	struct directory *d;
	struct journal *j;
	struct disk_base base;
	struct batch *b;
};

static void no_done(void *ctx, struct batch *b, enum err result, const char *sentence)
{
	(void)ctx, (void)b, (void)result, (void)sentence;
}

static void world_open(struct world *w, bool create)
{
	assert_err(store_open(&w->s, in_scratch("store"), &conf, create ? STORE_CREATE : STORE_OPEN,
			   why, sizeof(why)),
		ERR_OK);
	assert_err(directory_open(&w->d, in_scratch("dir"), (uint64_t)64 << 20,
			   create ? DIRECTORY_CREATE : DIRECTORY_WRITE, why, sizeof(why)),
		ERR_OK);
	assert_err(journal_open(&w->j, w->s, w->d, no_done, NULL, why, sizeof(why)), ERR_OK);
	assert_err(disk_base_init(&w->base, w->s, w->d), ERR_OK);
	w->b = batch_create(&w->base.base);
	assert_non_null(w->b);
}

static void world_close(struct world *w)
{
	batch_destroy(w->b);
	disk_base_finish(&w->base);
	journal_close(w->j);
	directory_close(w->d);
	store_close(w->s);
}

static void commit(struct world *w)
{
	assert_err(journal_commit_wait(w->j, w->b, why, sizeof(why)), ERR_OK);
	batch_clear(w->b);
	assert_err(disk_base_refresh(&w->base), ERR_OK);
}

static void test_base_reads_what_is_committed(void **state)
{
	struct bytes value;
	struct world w;

	(void)state;
	world_open(&w, true);
	for (enum table t = 0; t < TABLE_COUNT; t++) {
		assert_err(batch_get(w.b, t, text("key"), &value), ERR_NOT_FOUND);
		batch_put(w.b, t, text("key"), text("value"));
		batch_put(w.b, t, text("empty"), text(""));
	}
	commit(&w);
	for (enum table t = 0; t < TABLE_COUNT; t++) {
		assert_err(batch_get(w.b, t, text("key"), &value), ERR_OK);
		assert_bytes(value, text("value"));
		assert_err(batch_get(w.b, t, text("empty"), &value), ERR_OK);
		assert_int_equal(value.len, 0);
		assert_non_null(value.data);
	}
	world_close(&w);
}

static uint32_t pick(uint32_t below_this)
{
	return (uint32_t)random() % below_this;
}

struct comparison {
	const struct memory_table *table;
	size_t at;
};

static bool on_both(void *ctx, struct bytes key, struct bytes value)
{
	struct comparison *c = ctx;
	const struct memory_entry *e = &c->table->entries[c->at++];

	assert_bytes(key, memory_key(e));
	assert_bytes(value, ((struct bytes){e->value, e->value_len}));
	return true;
}

static void compare_all(struct world *w, const struct memory_base *model)
{
	for (enum table t = 0; t < TABLE_COUNT; t++) {
		struct comparison c = {.table = &model->tables[t]};

		/* the store's own entries do not begin with k */
		assert_err(batch_each(w->b, t, text("k"), text(""), on_both, &c), ERR_OK);
		assert_int_equal(c.at, model->tables[t].count);
	}
}

static void test_base_model(void **state)
{
	struct memory_base model;
	struct world w;
	char key[16], data[300];

	(void)state;
	memset(data, 'd', sizeof(data));
	memory_base_init(&model);
	world_open(&w, true);
	for (int step = 0; step < 6000; step++) {
		enum table t = (enum table)pick(TABLE_COUNT);
		struct bytes value = {data, pick(sizeof(data))}, got, want;

		snprintf(key, sizeof(key), "k%u", pick(200));
		switch (pick(8)) {
		case 0:
			batch_delete(w.b, t, text(key));
			memory_set(&model, t, text(key), (struct bytes){NULL, 0});
			break;
		case 1:
		case 2:
		case 3:
			batch_put(w.b, t, text(key), value);
			memory_set(&model, t, text(key), value);
			break;
		default:
			assert_err(batch_get(w.b, t, text(key), &got),
				memory_get(&model, t, text(key), &want));
			if (memory_get(&model, t, text(key), &want) == ERR_OK)
				assert_bytes(got, want);
		}
		if (step % 50 == 0)
			commit(&w);
		if (step % 500 == 0)
			compare_all(&w, &model);
		if (step % 1000 == 0) {
			commit(&w);
			world_close(&w);
			world_open(&w, false);
			compare_all(&w, &model);
		}
	}
	world_close(&w);
	memory_base_finish(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_base_reads_what_is_committed, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(test_base_model, scratch_make, scratch_remove),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
