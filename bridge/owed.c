/* owed.c — see owed.h. */
#include "bridge/owed.h"

#include "bridge/parts.h"
#include "persist/keys.h"

#include <stdlib.h>
#include <string.h>

static enum err add(struct owed *o, uint64_t number, uint32_t part)
{
	if (o->count == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 64;
		struct owed_entry *more = realloc(o->entries, cap * sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		o->entries = more;
		o->cap = cap;
	}
	o->entries[o->count++] = (struct owed_entry){number, part};
	return ERR_OK;
}

struct loading {
	struct owed *o;
	enum err err;
};

static bool load_one(void *ctx, struct bytes key, struct bytes value)
{
	struct loading *l = ctx;
	uint64_t number;
	uint32_t part;

	(void)value;
	key_owed_parts(key, &number, &part);
	l->err = add(l->o, number, part);
	return l->err == ERR_OK;
}

enum err owed_load(struct owed *o, struct store *s)
{
	struct key all = key_owed_all();
	struct loading l = {o, ERR_OK};
	enum err err =
		store_each(s, NULL, key_bytes(&all), (struct bytes){NULL, 0}, false, load_one, &l);

	return err == ERR_OK ? l.err : err;
}

void owed_finish(struct owed *o)
{
	free(o->entries);
	*o = (struct owed){0};
}

static void forget(struct owed *o, struct batch *b, uint64_t performed)
{
	size_t n = 0;

	while (n < o->count && (o->stale || o->entries[n].number <= performed)) {
		struct key k = key_owed(o->entries[n].number, o->entries[n].part);

		batch_delete(b, TABLE_STORE, key_bytes(&k));
		n++;
	}
	o->stale = false;
	o->count -= n;
	if (n > 0)
		memmove(o->entries, o->entries + n, o->count * sizeof(*o->entries));
}

enum err owed_put(struct owed *o, struct batch *b, uint64_t performed, const struct outbox *out,
	uint64_t end, struct buf *scratch)
{
	struct parts cursor = {0};
	struct part p;
	enum err err = ERR_OK;

	forget(o, b, performed);
	while (err == ERR_OK && parts_next(&cursor, out, end, &p)) {
		struct key k = key_owed(p.number, p.index);

		if (p.count == 0)
			continue;
		buf_reset(scratch);
		part_write_owed(scratch, &p);
		batch_put(
			b, TABLE_STORE, key_bytes(&k), (struct bytes){scratch->data, scratch->len});
		err = scratch->failed ? ERR_NOMEM : add(o, p.number, p.index);
	}
	return err;
}

enum err owed_restore(
	struct buf *control, const struct owed_entry *e, uint64_t epoch, struct store *s)
{
	struct key k = key_owed(e->number, e->part);
	struct bytes v;
	enum err err = store_get(s, NULL, key_bytes(&k), &v);

	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = part_restore(control, v, epoch, e->number, s);
	free((void *)(uintptr_t)v.data);
	return err;
}
