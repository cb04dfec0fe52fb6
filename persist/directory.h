/* directory.h — LMDB: accounts, chats, members. The only file that sees LMDB's types.
 *
 * One process writes (the bridge, or gnatterd at work for gnatterctl while the bridge is down), any
 * number read without locks. A reader asks for the state of now with directory_refresh() and then
 * sees one committed state until the next.
 *
 * Threads: a reader belongs to one thread at a time; directory_write is called from one thread
 * only.
 */
#ifndef GNATTER_PERSIST_DIRECTORY_H
#define GNATTER_PERSIST_DIRECTORY_H

#include "persist/batch.h"

#define DIRECTORY_SCHEMA 2

struct directory;
struct directory_reader;

enum directory_mode {
	DIRECTORY_READ,   /* must exist; read only */
	DIRECTORY_WRITE,  /* must exist; the one writer: a second one is refused (a lock file beside
			     it) */
	DIRECTORY_CREATE, /* must not exist: an empty one is made */
};

/* As store_open. map_size in bytes, 0 for what the file has (readers). Stale readers of killed
 * processes are cleared by a writer. */
enum err directory_open(struct directory **out, const char *path, uint64_t map_size,
	enum directory_mode mode, char *why, size_t why_size);
void directory_close(struct directory *d);

/* Make a reader; it holds a place in LMDB's reader table (ERR_LIMIT if that is full) until
 * destroyed. */
enum err directory_reader_create(struct directory_reader **out, struct directory *d);
void directory_reader_destroy(struct directory_reader *r);

/* Look at the newest committed state. Costs about 100 ns. ERR_IO if that fails. */
enum err directory_refresh(struct directory_reader *r);

/* Let go of the state looked at, so that a quiet reader keeps no old pages alive. */
void directory_rest(struct directory_reader *r);

/* A number that differs from any earlier one if anything was committed since; some nanoseconds,
 * needs no refresh. While a commit is being synced it is already the new one, though a refresh
 * still sees the state before. So a decision is kept under the number of the state it was made on:
 */
uint64_t directory_version(const struct directory *d);

/* The number of the state that the reader looks at, 0 if it rests. If it is not
 * directory_version(), refresh, forget what was decided, and keep new decisions under this number
 * (never under the other). */
uint64_t directory_reader_version(const struct directory_reader *r);

/* How often directory_get() was asked by this reader. */
uint64_t directory_reader_lookups(const struct directory_reader *r);

/* Let go of the pages that this process has looked at: wire/mapping.h. Any thread. */
void directory_relieve(const struct directory *d);

/* *value is lent until the next refresh or rest. ERR_NOT_FOUND, ERR_IO. Refreshes by itself if the
 * reader rests. t is not TABLE_STORE. */
enum err directory_get(
	struct directory_reader *r, enum table t, struct bytes key, struct bytes *value);
enum err directory_each(struct directory_reader *r, enum table t, struct bytes prefix,
	struct bytes from, base_each_fn *fn, void *fn_ctx);

/* Number of entries. */
enum err directory_count(struct directory_reader *r, enum table t, uint64_t *out);

/* Apply all directory writes of the batch in one synced transaction; or those written down by
 * directory_redo_encode(). Both may be repeated: the result is the same. ERR_FULL (map or disk),
 * ERR_IO. */
enum err directory_write(struct directory *d, const struct batch *b, char *why, size_t why_size);
void directory_redo_encode(struct buf *out, const struct batch *b);
enum err directory_redo(struct directory *d, struct bytes redo, char *why, size_t why_size);

/* Would the writes of b surely fit? For refusing a request before anything of it is committed. */
bool directory_has_room(struct directory *d, const struct batch *b);

#endif
