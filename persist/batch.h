/* batch.h — the writes of one commit, and a view of what the data will be with them.
 *
 * The engine reads and writes through a batch. A write goes into the batch only; a read sees the
 * batch's own writes first and the committed state below them, so that records of one frame see
 * what earlier ones wrote. Nothing reaches a disk before journal_commit().
 *
 * The state below comes through struct base: LevelDB and LMDB in the daemon (persist/base.h), maps
 * in memory in some tests.
 */
#ifndef GNATTER_PERSIST_BATCH_H
#define GNATTER_PERSIST_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/err.h"

/* STORE is LevelDB; the others are named databases of the directory (LMDB). Keys and values:
 * docs/storage.md, persist/keys.h. */
enum table {
	TABLE_STORE,
	TABLE_USERS,
	TABLE_CHATS,
	TABLE_MEMBERS, /* from here on keys begin with a name by which they are walked */
	TABLE_LISTS,
	TABLE_CONTACTS,
	TABLE_BLOCKS,
	TABLE_REVOKED,
	TABLE_COUNT
};

typedef bool base_each_fn(void *ctx, struct bytes key, struct bytes value);

/* Committed state. get: ERR_OK with *value lent until the next call of get or each on this base,
 * ERR_NOT_FOUND, or ERR_IO / ERR_CORRUPT. each: calls fn for every key that starts with prefix and
 * is
 * >= from (both may be empty), in order, until fn returns false. */
struct base {
	enum err (*get)(void *ctx, enum table t, struct bytes key, struct bytes *value);
	enum err (*each)(void *ctx, enum table t, struct bytes prefix, struct bytes from,
		base_each_fn *fn, void *fn_ctx);
	void *ctx;
};

struct batch;

/* Make an empty batch over base, which must outlive it. NULL when out of memory. */
struct batch *batch_create(const struct base *base);
void batch_destroy(struct batch *b);

/* Forget all writes; keeps memory for the next use. */
void batch_clear(struct batch *b);

/* The same, and keep none of it. */
void batch_relieve(struct batch *b);

/* Key and value are copied. A later write to the same key replaces an earlier one. Out of memory is
 * kept and reported by batch_failed(): such a batch must not be committed. */
void batch_put(struct batch *b, enum table t, struct bytes key, struct bytes value);
void batch_delete(struct batch *b, enum table t, struct bytes key);

/* Read through the batch. *value is lent until the next call on this batch. */
enum err batch_get(struct batch *b, enum table t, struct bytes key, struct bytes *value);
enum err batch_each(struct batch *b, enum table t, struct bytes prefix, struct bytes from,
	base_each_fn *fn, void *fn_ctx);

/* Take back everything since a mark: the writes of one record that failed half way. */
size_t batch_mark(const struct batch *b);
void batch_rollback(struct batch *b, size_t mark);

bool batch_failed(const struct batch *b);
bool batch_empty(const struct batch *b);
size_t batch_bytes(const struct batch *b); /* about what it holds: for limits */

/* Each key that the batch changes in t, once, with its last value, in the order of first writing.
 * value.data is NULL for a delete. */
typedef void batch_write_fn(void *ctx, struct bytes key, struct bytes value);
void batch_writes(const struct batch *b, enum table t, batch_write_fn *fn, void *ctx);
bool batch_touches_directory(const struct batch *b);

#endif
