/* base.c
 *
 * LMDB lends its values from the map; LevelDB gives copies, so the last one is held here until the
 * next call.
 */
#include "persist/base.h"

#include <stdlib.h>

static void let_go(struct disk_base *b)
{
	free(b->held);
	b->held = NULL;
}

static enum err get(void *ctx, enum table t, struct bytes key, struct bytes *value)
{
	struct disk_base *b = ctx;
	enum err e;

	let_go(b);
	if (t != TABLE_STORE)
		return directory_get(b->reader, t, key, value);
	e = store_get(b->store, NULL, key, value);
	if (e == ERR_OK)
		b->held = (char *)(uintptr_t)value->data;
	return e;
}

static enum err each(void *ctx, enum table t, struct bytes prefix, struct bytes from,
	base_each_fn *fn, void *fn_ctx)
{
	struct disk_base *b = ctx;

	let_go(b);
	if (t != TABLE_STORE)
		return directory_each(b->reader, t, prefix, from, fn, fn_ctx);
	return store_each(b->store, NULL, prefix, from, false, fn, fn_ctx);
}

enum err disk_base_init(struct disk_base *b, struct store *s, struct directory *d)
{
	*b = (struct disk_base){.base = {get, each, b}, .store = s};
	return directory_reader_create(&b->reader, d);
}

enum err disk_base_refresh(struct disk_base *b)
{
	let_go(b);
	return directory_refresh(b->reader);
}

void disk_base_finish(struct disk_base *b)
{
	let_go(b);
	directory_reader_destroy(b->reader);
	b->reader = NULL;
}
