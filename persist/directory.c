/* directory.c
 *
 * The folder holds data.mdb and lock.mdb, LMDB's own, and writer.lock, which the one writer keeps
 * flock()ed. Named databases: users, chats, members, lists, and meta with the schema.
 *
 * How readers keep up. A reader has one LMDB transaction, reset while it rests and renewed to look
 * at the newest state; with MDB_NOTLS it belongs to the reader, not to a thread. LMDB writes a
 * commit's header with a synced write and shows the commit to new transactions when that returns.
 * The header is visible in the map from the moment it is written: so directory_version(), which
 * reads it there, may be ahead of what a refresh sees, by as long as a disk takes to sync. That is
 * why a decision must be kept under directory_reader_version().
 *
 * The map of a reading process. When the writer is started with a larger map and goes beyond the
 * reader's, renewing says MDB_MAP_RESIZED, and the reader must map anew, which it may only while no
 * other reader of the process is looking. Address space costs nothing, so a reader maps far more
 * than it needs from the start, and the case remains for those who have no address space (wake()).
 *
 * LMDB forbids two environments on one file in a process: a process that writes must use the reader
 * of its writing directory.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persist/directory_lmdb.h"
#include "wire/mapping.h"

#define LOOKS_MAX 10

struct directory_reader {
	struct directory *d;
	MDB_txn *txn;
	bool awake; /* a transaction is going on */
	uint64_t lookups;
};

/* ---- errors ------------------------------------------------------------------------------ */

enum err directory_error(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return ERR_OK;
	case MDB_NOTFOUND:
	case MDB_BAD_VALSIZE: /* an empty or overlong key is nowhere */
		return ERR_NOT_FOUND;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case MDB_READERS_FULL:
		return ERR_LIMIT;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return ERR_CORRUPT;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

enum err directory_explain(
	const struct directory *d, int rc, const char *doing, char *why, size_t why_size)
{
	if (rc == MDB_MAP_FULL)
		snprintf(why, why_size, "the directory %s is full: raise directory_map_size",
			d->path);
	else if (rc != MDB_SUCCESS)
		snprintf(why, why_size, "the directory %s cannot be %s: %s", d->path, doing,
			mdb_strerror(rc));
	return directory_error(rc);
}

void directory_close(struct directory *d)
{
	if (!d)
		return;
	assert(d->awake == 0);
	if (d->env)
		mdb_env_close(d->env);
	if (d->writer_lock >= 0)
		close(d->writer_lock);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- readers ----------------------------------------------------------------------------- */

/* LMDB takes the newest commit's number T and then copies its roots from the header page that T
 * shares with T + 2. A thread that is held up in between finds the roots of T + 2 there, possibly
 * before that is synced, and would see an older state the next time. Then T + 1 is in the map. */
static bool is_overtaken(const struct directory_reader *r)
{
	return directory_version(r->d) > mdb_txn_id(r->txn) + 1;
}

static int begin_or_renew(struct directory_reader *r)
{
	return r->txn ? mdb_txn_renew(r->txn) : mdb_txn_begin(r->d->env, NULL, MDB_RDONLY, &r->txn);
}

/* Begin a reader's transaction, or renew it. Called with d->lock held. */
static int look(struct directory_reader *r)
{
	struct directory *d = r->d;
	int rc, dead;

	for (int attempt = 0;; attempt++) {
		rc = begin_or_renew(r);
		if (rc == 0 && is_overtaken(r) && attempt < LOOKS_MAX) {
			mdb_txn_reset(r->txn);
			continue;
		}
		if (rc == 0 || attempt >= LOOKS_MAX)
			return rc;
		if (rc == MDB_READERS_FULL)
			rc = mdb_reader_check(d->env, &dead);
		else if (rc == MDB_MAP_RESIZED && d->awake == 0)
			rc = mdb_env_set_mapsize(d->env, 0);
		if (rc)
			return rc;
	}
}

static enum err wake(struct directory_reader *r)
{
	int rc;

	pthread_mutex_lock(&r->d->lock);
	rc = look(r);
	if (rc == 0)
		r->d->awake++;
	pthread_mutex_unlock(&r->d->lock);
	r->awake = rc == 0;
	return directory_error(rc);
}

void directory_rest(struct directory_reader *r)
{
	if (!r->awake)
		return;
	mdb_txn_reset(r->txn);
	r->awake = false;
	pthread_mutex_lock(&r->d->lock);
	r->d->awake--;
	pthread_mutex_unlock(&r->d->lock);
}

enum err directory_reader_create(struct directory_reader **out, struct directory *d)
{
	struct directory_reader *r = calloc(1, sizeof(*r));
	enum err e;

	*out = NULL;
	if (!r)
		return ERR_NOMEM;
	r->d = d;
	e = wake(r);
	if (e != ERR_OK) {
		free(r);
		return e;
	}
	directory_rest(r);
	*out = r;
	return ERR_OK;
}

void directory_reader_destroy(struct directory_reader *r)
{
	if (!r)
		return;
	directory_rest(r);
	mdb_txn_abort(r->txn);
	free(r);
}

uint64_t directory_version(const struct directory *d)
{
	MDB_envinfo info;

	mdb_env_info(d->env, &info);
	return info.me_last_txnid;
}

uint64_t directory_reader_version(const struct directory_reader *r)
{
	return r->awake ? mdb_txn_id(r->txn) : 0;
}

uint64_t directory_reader_lookups(const struct directory_reader *r)
{
	return r->lookups;
}

void directory_relieve(const struct directory *d)
{
	mdb_filehandle_t fd;

	if (mdb_env_get_fd(d->env, &fd) == 0)
		mapping_relieve(fd);
}

enum err directory_refresh(struct directory_reader *r)
{
	if (r->awake && mdb_txn_id(r->txn) == directory_version(r->d))
		return ERR_OK;
	directory_rest(r);
	return wake(r);
}

enum err directory_get(
	struct directory_reader *r, enum table t, struct bytes key, struct bytes *value)
{
	MDB_val k = {key.len, (void *)(uintptr_t)key.data}, v;
	int rc;

	assert(t != TABLE_STORE && t < TABLE_COUNT);
	*value = (struct bytes){NULL, 0};
	r->lookups++;
	if (!r->awake) {
		enum err e = wake(r);

		if (e != ERR_OK)
			return e;
	}
	rc = mdb_get(r->txn, r->d->dbis[t], &k, &v);
	if (rc == 0)
		*value = (struct bytes){v.mv_data, v.mv_size};
	return directory_error(rc);
}

static bool has_prefix(const MDB_val *key, struct bytes prefix)
{
	return key->mv_size >= prefix.len &&
	       (prefix.len == 0 || memcmp(key->mv_data, prefix.data, prefix.len) == 0);
}

/* The later one of prefix and from in the order of keys. */
static struct bytes start_of(struct bytes prefix, struct bytes from)
{
	size_t common = prefix.len < from.len ? prefix.len : from.len;
	int order = common ? memcmp(from.data, prefix.data, common) : 0;

	return order > 0 || (order == 0 && from.len > prefix.len) ? from : prefix;
}

enum err directory_each(struct directory_reader *r, enum table t, struct bytes prefix,
	struct bytes from, base_each_fn *fn, void *fn_ctx)
{
	struct bytes start = start_of(prefix, from);
	MDB_val key = {start.len, (void *)(uintptr_t)start.data}, value;
	MDB_cursor *cursor;
	enum err e = r->awake ? ERR_OK : wake(r);
	int rc;

	assert(t != TABLE_STORE && t < TABLE_COUNT);
	if (e != ERR_OK)
		return e;
	rc = mdb_cursor_open(r->txn, r->d->dbis[t], &cursor);
	if (rc)
		return directory_error(rc);
	rc = mdb_cursor_get(cursor, &key, &value, start.len ? MDB_SET_RANGE : MDB_FIRST);
	while (rc == 0 && has_prefix(&key, prefix) &&
		fn(fn_ctx, (struct bytes){key.mv_data, key.mv_size},
			(struct bytes){value.mv_data, value.mv_size}))
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? ERR_OK : directory_error(rc);
}

enum err directory_count(struct directory_reader *r, enum table t, uint64_t *out)
{
	MDB_stat stat;
	enum err e = r->awake ? ERR_OK : wake(r);
	int rc;

	assert(t != TABLE_STORE && t < TABLE_COUNT);
	*out = 0;
	if (e != ERR_OK)
		return e;
	rc = mdb_stat(r->txn, r->d->dbis[t], &stat);
	if (rc == 0)
		*out = stat.ms_entries;
	return directory_error(rc);
}
