/* memory_base.h — a base for batches, in memory: a sorted array per table. Slow and obviously
 * right. */
#ifndef GNATTER_TESTS_MEMORY_BASE_H
#define GNATTER_TESTS_MEMORY_BASE_H

#include <stdlib.h>
#include <string.h>

#include "persist/batch.h"

struct memory_entry {
	char key[64];
	size_t key_len;
	char *value; /* owned */
	size_t value_len;
};

struct memory_table {
	struct memory_entry *entries;
	size_t count;
};

struct memory_base {
	struct base base;
	struct memory_table tables[TABLE_COUNT];
};

static inline int memory_compare(struct bytes a, struct bytes b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int c = common ? memcmp(a.data, b.data, common) : 0;

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline struct bytes memory_key(const struct memory_entry *e)
{
	return (struct bytes){e->key, e->key_len};
}

/* The place of key: of the first entry that is not less. */
static inline size_t memory_place(const struct memory_table *t, struct bytes key)
{
	size_t i = 0;

	while (i < t->count && memory_compare(memory_key(&t->entries[i]), key) < 0)
		i++;
	return i;
}

static inline bool memory_has(const struct memory_table *t, size_t i, struct bytes key)
{
	return i < t->count && memory_compare(memory_key(&t->entries[i]), key) == 0;
}

/* value.data NULL: delete. */
static inline void memory_set(
	struct memory_base *m, enum table table, struct bytes key, struct bytes value)
{
	struct memory_table *t = &m->tables[table];
	size_t i = memory_place(t, key);
	bool had = memory_has(t, i, key);

	if (had)
		free(t->entries[i].value);
	if (!value.data) {
		if (had)
			memmove(&t->entries[i], &t->entries[i + 1],
				(--t->count - i) * sizeof(*t->entries));
		return;
	}
	if (!had) {
		t->entries = realloc(t->entries, (t->count + 1) * sizeof(*t->entries));
		memmove(&t->entries[i + 1], &t->entries[i], (t->count++ - i) * sizeof(*t->entries));
		memcpy(t->entries[i].key, key.data, key.len);
		t->entries[i].key_len = key.len;
	}
	t->entries[i].value = malloc(value.len + 1);
	t->entries[i].value_len = value.len;
	if (value.len)
		memcpy(t->entries[i].value, value.data, value.len);
}

static inline enum err memory_get(
	void *ctx, enum table table, struct bytes key, struct bytes *value)
{
	struct memory_base *m = ctx;
	struct memory_table *t = &m->tables[table];
	size_t i = memory_place(t, key);

	if (!memory_has(t, i, key))
		return ERR_NOT_FOUND;
	*value = (struct bytes){t->entries[i].value, t->entries[i].value_len};
	return ERR_OK;
}

static inline enum err memory_each(void *ctx, enum table table, struct bytes prefix,
	struct bytes from, base_each_fn *fn, void *fn_ctx)
{
	struct memory_base *m = ctx;
	struct memory_table *t = &m->tables[table];

	for (size_t i = memory_place(t, from); i < t->count; i++) {
		struct memory_entry *e = &t->entries[i];

		if (e->key_len >= prefix.len && memcmp(e->key, prefix.data, prefix.len) == 0 &&
			!fn(fn_ctx, memory_key(e), (struct bytes){e->value, e->value_len}))
			break;
	}
	return ERR_OK;
}

static inline void memory_base_init(struct memory_base *m)
{
	*m = (struct memory_base){.base = {memory_get, memory_each, m}};
}

static inline void memory_base_finish(struct memory_base *m)
{
	for (int t = 0; t < TABLE_COUNT; t++) {
		for (size_t i = 0; i < m->tables[t].count; i++)
			free(m->tables[t].entries[i].value);
		free(m->tables[t].entries);
	}
	memory_base_init(m);
}

static inline void memory_base_copy(struct memory_base *to, const struct memory_base *from)
{
	memory_base_finish(to);
	for (int t = 0; t < TABLE_COUNT; t++)
		for (size_t i = 0; i < from->tables[t].count; i++) {
			struct memory_entry *e = &from->tables[t].entries[i];

			memory_set(to, (enum table)t, memory_key(e),
				(struct bytes){e->value, e->value_len});
		}
}

#endif
