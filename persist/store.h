/* store.h — LevelDB: messages, marks, dedupe index, owed effects, positions. No LevelDB type is
 * seen outside of store*.c.
 *
 * Threads: store_get, store_each and snapshots from any thread at once; store_write from one at a
 * time; each struct store_writes belongs to one thread, and several may commit at once.
 *
 * LevelDB has a thread and a lock of the process: fork before opening a store, not after, and open
 * a store once.
 */
#ifndef GNATTER_PERSIST_STORE_H
#define GNATTER_PERSIST_STORE_H

#include "persist/batch.h"
#include "wire/conf.h"

#define STORE_SCHEMA 1

struct store;
struct store_snapshot;

enum store_mode {
	STORE_OPEN,   /* must exist */
	STORE_CREATE, /* must not exist: an empty store is made */
};

/* Open with bloom filter, block cache, write buffer and open files as configured. On failure *out
 * is NULL, nothing on disk is changed, and why (of why_size bytes) has one sentence for the
 * operator: ERR_NOT_FOUND (no store there), ERR_EXISTS, ERR_CONFLICT (another process has it open),
 * ERR_CORRUPT (damaged, foreign, or of a schema this program does not know), ERR_IO. */
enum err store_open(struct store **out, const char *path, const struct conf *conf,
	enum store_mode mode, char *why, size_t why_size);
void store_close(struct store *s);

/* snapshot NULL: the newest state. *value is malloc'd and the caller's. ERR_NOT_FOUND, ERR_IO,
 * ERR_CORRUPT. */
enum err store_get(
	struct store *s, const struct store_snapshot *snap, struct bytes key, struct bytes *value);

/* Keys that start with prefix, from `from` on (empty: the first), in order; with reverse from the
 * last one that is <= from (empty: the last) downwards. Key and value are lent for the call of fn.
 */
enum err store_each(struct store *s, const struct store_snapshot *snap, struct bytes prefix,
	struct bytes from, bool reverse, base_each_fn *fn, void *fn_ctx);

struct store_snapshot *store_snapshot(struct store *s);
void store_snapshot_release(struct store *s, struct store_snapshot *snap);

/* How many times store_write() has written: what was read stays true while that stays the same. Any
 * thread. */
uint64_t store_version(const struct store *s);

/* Write the TABLE_STORE part of the batch, and the pair extra_key, extra_value if extra_key is not
 * empty, as one LevelDB batch; synced to disk when it returns if sync. ERR_FULL (no space), ERR_IO.
 * After a write that failed, this or that of store_writes_commit(), every other fails, too: ERR_IO.
 */
enum err store_write(struct store *s, const struct batch *b, struct bytes extra_key,
	struct bytes extra_value, bool sync, char *why, size_t why_size);

/* Writes of somebody else than the journal, who keeps keys of his own: gathered, then written as
 * one LevelDB batch that is not synced. It reaches the disk with the next commit that is, in order:
 * after a power cut all of it is there, or none of it and nothing that was written after it. */
struct store_writes;
struct store_writes *store_writes_create(struct store *s); /* NULL when out of memory */
void store_writes_destroy(struct store_writes *w);
void store_writes_put(struct store_writes *w, struct bytes key, struct bytes value); /* copied */
void store_writes_delete(struct store_writes *w, struct bytes key);
size_t store_writes_count(const struct store_writes *w);

/* Write and forget them; also when it fails. Nothing is done if there are none. */
enum err store_writes_commit(struct store_writes *w, char *why, size_t why_size);

/* Write what LevelDB holds in memory, if it is much, into a table, and give the memory back to the
 * system. For a time when things are quiet: each time makes a table, and tables are merged. It is
 * done in a thread of its own; one that is still at it is waited for. False if there was nothing to
 * do. The thread that opened it. */
bool store_relieve(struct store *s);

/* Bytes on disk, and LevelDB's own statistics as text (malloc'd, may be NULL). */
uint64_t store_disk_bytes(struct store *s);
char *store_statistics(struct store *s);

#endif
