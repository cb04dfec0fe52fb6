/* directory_write.c — committing to the directory; the redo, and whether there is room.
 *
 * A redo, little-endian: what one commit writes, to be done again after a crash.
 *
 *   u8 version 1
 *   u32 count
 *   count times: u8 table, u8 put (0: delete), bytes16 key, bytes32 value
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "persist/directory_lmdb.h"

#define READERS_CHECK 1000 /* commits between looks for readers that were killed */
#define REDO_VERSION  1
#define ROOM_SPARE    128 /* pages */

struct writing {
	struct directory *d;
	MDB_txn *txn;
	enum table table;
	int rc;
};

static void write_one(struct writing *w, enum table t, struct bytes key, struct bytes value)
{
	MDB_val k = {key.len, (void *)(uintptr_t)key.data};
	MDB_val v = {value.len, (void *)(uintptr_t)value.data};

	if (w->rc)
		return;
	if (value.data) {
		w->rc = mdb_put(w->txn, w->d->dbis[t], &k, &v, 0);
		return;
	}
	w->rc = mdb_del(w->txn, w->d->dbis[t], &k, NULL);
	if (w->rc == MDB_NOTFOUND)
		w->rc = 0;
}

static void on_write(void *ctx, struct bytes key, struct bytes value)
{
	struct writing *w = ctx;

	write_one(w, w->table, key, value);
}

static enum err write_begin(struct writing *w, struct directory *d, char *why, size_t why_size)
{
	int dead;

	assert(d->writer_lock >= 0);
	*w = (struct writing){.d = d};
	if (++d->commits == READERS_CHECK) {
		mdb_reader_check(d->env, &dead);
		d->commits = 0;
	}
	return directory_explain(
		d, mdb_txn_begin(d->env, NULL, 0, &w->txn), "written", why, why_size);
}

static enum err write_end(struct writing *w, char *why, size_t why_size)
{
	if (w->rc == 0)
		w->rc = mdb_txn_commit(w->txn);
	else
		mdb_txn_abort(w->txn);
	return directory_explain(w->d, w->rc, "written", why, why_size);
}

enum err directory_write(struct directory *d, const struct batch *b, char *why, size_t why_size)
{
	struct writing w;
	enum err e = write_begin(&w, d, why, why_size);

	if (e != ERR_OK)
		return e;
	for (w.table = TABLE_STORE + 1; w.table < TABLE_COUNT; w.table++)
		batch_writes(b, w.table, on_write, &w);
	return write_end(&w, why, why_size);
}

/* ---- redo -------------------------------------------------------------------------------- */

struct encoding {
	struct buf *out;
	enum table table;
	uint32_t count;
};

static void on_encode(void *ctx, struct bytes key, struct bytes value)
{
	struct encoding *e = ctx;

	buf_u8(e->out, (uint8_t)e->table);
	buf_u8(e->out, value.data != NULL);
	buf_bytes16(e->out, key.data, key.len);
	buf_bytes32(e->out, value.data, value.len);
	e->count++;
}

static void on_count(void *ctx, struct bytes key, struct bytes value)
{
	(void)key;
	(void)value;
	++*(uint32_t *)ctx;
}

void directory_redo_encode(struct buf *out, const struct batch *b)
{
	struct encoding e = {.out = out};
	uint32_t count = 0;

	for (enum table t = TABLE_STORE + 1; t < TABLE_COUNT; t++)
		batch_writes(b, t, on_count, &count);
	buf_u8(out, REDO_VERSION);
	buf_u32(out, count);
	for (e.table = TABLE_STORE + 1; e.table < TABLE_COUNT; e.table++)
		batch_writes(b, e.table, on_encode, &e);
	assert(e.count == count);
}

/* Does the directory hold this already? */
static bool is_done(const struct writing *w, enum table t, struct bytes key, struct bytes value)
{
	MDB_val k = {key.len, (void *)(uintptr_t)key.data}, v;
	int rc = mdb_get(w->txn, w->d->dbis[t], &k, &v);

	if (!value.data)
		return rc == MDB_NOTFOUND;
	return rc == 0 && bytes_equal(value, v.mv_data, v.mv_size);
}

/* Apply what r reads. Returns the number of writes that were needed; r->failed if it is no redo. */
static size_t redo_all(struct writing *w, struct reader *r)
{
	uint32_t count;
	size_t needed = 0;

	if (read_u8(r) != REDO_VERSION)
		r->failed = true;
	count = read_u32(r);
	for (uint32_t i = 0; i < count && !r->failed && w->rc == 0; i++) {
		uint8_t table = read_u8(r), put = read_u8(r);
		struct bytes key = read_bytes16(r), value = read_bytes32(r);

		if (table <= TABLE_STORE || table >= TABLE_COUNT || put > 1 || key.len == 0)
			r->failed = true;
		if (!put)
			value.data = NULL;
		if (r->failed || is_done(w, (enum table)table, key, value))
			continue;
		write_one(w, (enum table)table, key, value);
		needed++;
	}
	if (r->at != r->end && w->rc == 0)
		r->failed = true;
	return needed;
}

enum err directory_redo(struct directory *d, struct bytes redo, char *why, size_t why_size)
{
	struct reader r = reader_of(redo.data, redo.len);
	struct writing w;
	enum err e = write_begin(&w, d, why, why_size);
	size_t needed;

	if (e != ERR_OK)
		return e;
	needed = redo_all(&w, &r);
	if (needed && !r.failed)
		return write_end(&w, why, why_size);
	mdb_txn_abort(w.txn);
	if (!r.failed) /* it is there; that it was synced, too, nobody knows */
		return directory_explain(d, mdb_env_sync(d->env, 1), "synced", why, why_size);
	snprintf(why, why_size,
		"the last commit to the directory %s, as the store has it, is damaged", d->path);
	return ERR_CORRUPT;
}

/* ---- room -------------------------------------------------------------------------------- */

struct need {
	uint64_t writes, bytes, overflow; /* overflow: pages of large values */
	uint64_t page_size;
};

static void on_need(void *ctx, struct bytes key, struct bytes value)
{
	struct need *n = ctx;
	uint64_t bytes = 16 + key.len + value.len;

	n->writes++;
	if (bytes > n->page_size / 4)
		n->overflow += bytes / n->page_size + 2;
	else
		n->bytes += bytes;
}

/* Pages that the list of free pages holds; most, if not all, may be used again. */
static uint64_t free_pages(struct directory *d)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	MDB_txn *txn;
	uint64_t pages = 0, count;

	if (mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn))
		return 0;
	if (mdb_cursor_open(txn, 0, &cursor) == 0) {
		while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0 &&
			value.mv_size >= sizeof(count)) {
			memcpy(&count, value.mv_data, sizeof(count));
			pages += count;
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return pages;
}

bool directory_has_room(struct directory *d, const struct batch *b)
{
	struct need n = {0};
	uint64_t pages, used, in_map;
	MDB_envinfo info;
	MDB_stat stat;

	mdb_env_info(d->env, &info);
	mdb_env_stat(d->env, &stat);
	n.page_size = stat.ms_psize;
	used = info.me_last_pgno + 1;
	in_map = info.me_mapsize / n.page_size;
	/* Asked often, and mostly there is far more room than so many bytes could need in any case.
	 */
	if (in_map > used && in_map - used > ROOM_SPARE + batch_bytes(b) / 16)
		return true;
	for (enum table t = TABLE_STORE + 1; t < TABLE_COUNT; t++)
		batch_writes(b, t, on_need, &n);
	if (n.writes == 0)
		return true;

	/* Each write copies a leaf and may split it; together they copy no more than all pages
	 * there are, and fill new ones at least by half. On top: the paths to the roots and the
	 * list of free pages. */
	pages = used + 4 * n.bytes / n.page_size;
	if (pages > 2 * n.writes)
		pages = 2 * n.writes;
	pages += n.overflow + ROOM_SPARE;
	if (in_map > used && in_map - used >= pages)
		return true;
	return (in_map > used ? in_map - used : 0) + free_pages(d) / 2 >= pages;
}
