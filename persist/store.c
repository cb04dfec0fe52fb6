/* store.c — reading and writing: everything is written in batches by one thread and read by any. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persist/folder.h"
#include "persist/store_leveldb.h"

#define KEEP_BYTES ((size_t)256 << 10) /* of store_write's memory, about */

/* ---- errors ------------------------------------------------------------------------------ */

/* LevelDB's error text says which kind it is in its first words; strerror() of the cause is in it.
 */
static enum err kind_of(const char *text)
{
	if (strncmp(text, "Corruption", 10) == 0)
		return ERR_CORRUPT;
	if (strstr(text, "LOCK: ") && strstr(text, strerror(EAGAIN)))
		return ERR_CONFLICT; /* another process, since store_check() looked */
	if (strstr(text, strerror(ENOSPC)) || strstr(text, strerror(EDQUOT)))
		return ERR_FULL;
	return ERR_IO;
}

enum err store_explain(
	const struct store *s, char *error, const char *doing, char *why, size_t why_size)
{
	enum err e;

	if (!error)
		return ERR_OK;
	e = kind_of(error);
	if (why)
		snprintf(why, why_size, "the store %s cannot be %s: %s", s->path, doing, error);
	leveldb_free(error);
	return e;
}

struct store_snapshot {
	const leveldb_snapshot_t *at;
	leveldb_readoptions_t *reading;
};

/* ---- reading ----------------------------------------------------------------------------- */

static const leveldb_readoptions_t *reading_of(
	const struct store *s, const struct store_snapshot *snap)
{
	return snap ? snap->reading : s->reading;
}

static enum err get(
	struct store *s, const struct store_snapshot *snap, struct bytes key, struct bytes *value)
{
	char *error = NULL;

	*value = (struct bytes){NULL, 0};
	value->data =
		leveldb_get(s->db, reading_of(s, snap), key.data, key.len, &value->len, &error);
	if (error)
		return store_explain(s, error, NULL, NULL, 0);
	return value->data ? ERR_OK : ERR_NOT_FOUND;
}

struct ids {
	struct known *known;
	const struct known_reading *reading;
	struct key last;
	int count;
};

static bool on_id(void *ctx, struct bytes key, struct bytes value)
{
	struct ids *i = ctx;

	(void)value;
	known_read(i->known, i->reading, key);
	memcpy(i->last.data, key.data, key.len);
	i->last.len = key.len;
	return ++i->count < KNOWN_STEP;
}

/* Read some of a user's ids (known.h). If that fails they are asked for one by one, as before. */
static void read_ids(struct store *s, const struct known_reading *r)
{
	struct ids i = {.known = s->known, .reading = r};
	struct bytes from = key_bytes(&r->from), prefix = {from.data, r->prefix};
	enum err e = store_each(s, NULL, prefix, from, false, on_id, &i);

	known_read_end(s->known, r, key_bytes(&i.last), e == ERR_OK && i.count < KNOWN_STEP);
}

/* The newest state; see recent.h and known.h. */
static enum err get_newest(struct store *s, struct bytes key, struct bytes *value)
{
	struct known_reading ids;
	uint64_t since;
	enum err e;

	if (known_absent(s->known, key)) {
		*value = (struct bytes){NULL, 0};
		return ERR_NOT_FOUND;
	}
	if (recent_get(s->recent, key, &e, value, &since))
		return e;
	e = get(s, NULL, key, value);
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		recent_found(s->recent, key, *value, since);
	if (known_asked(s->known, key, &ids))
		read_ids(s, &ids);
	return e;
}

enum err store_get(
	struct store *s, const struct store_snapshot *snap, struct bytes key, struct bytes *value)
{
	return snap ? get(s, snap, key, value) : get_newest(s, key, value);
}

static bool has_prefix(struct bytes key, struct bytes prefix)
{
	return key.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

static int compare(struct bytes a, struct bytes b)
{
	int c = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static struct bytes key_at(const leveldb_iterator_t *it)
{
	struct bytes key;

	key.data = leveldb_iter_key(it, &key.len);
	return key;
}

/* Stand at the first key behind everything that starts with prefix, or behind the end. */
static void seek_behind(leveldb_iterator_t *it, struct bytes prefix)
{
	char next[KEY_MAX];
	size_t len = prefix.len;

	assert(len <= sizeof(next));
	while (len > 0 && (unsigned char)prefix.data[len - 1] == 0xff)
		len--;
	if (len == 0) {
		leveldb_iter_seek_to_last(it);
		if (leveldb_iter_valid(it))
			leveldb_iter_next(it);
		return;
	}
	memcpy(next, prefix.data, len);
	next[len - 1]++;
	leveldb_iter_seek(it, next, len);
}

static void step_back(leveldb_iterator_t *it)
{
	if (leveldb_iter_valid(it))
		leveldb_iter_prev(it);
	else
		leveldb_iter_seek_to_last(it);
}

static void seek_start(leveldb_iterator_t *it, struct bytes prefix, struct bytes from, bool reverse)
{
	struct bytes start = from.len && compare(from, prefix) > 0 ? from : prefix;

	if (!reverse) {
		leveldb_iter_seek(it, start.data ? start.data : "", start.len);
		return;
	}
	if (from.len == 0 || (compare(from, prefix) > 0 && !has_prefix(from, prefix))) {
		seek_behind(it, prefix);
		step_back(it);
		return;
	}
	leveldb_iter_seek(it, from.data, from.len);
	if (!leveldb_iter_valid(it) || compare(key_at(it), from) != 0)
		step_back(it);
}

enum err store_each(struct store *s, const struct store_snapshot *snap, struct bytes prefix,
	struct bytes from, bool reverse, base_each_fn *fn, void *fn_ctx)
{
	leveldb_iterator_t *it = leveldb_create_iterator(s->db, reading_of(s, snap));
	char *error = NULL;

	seek_start(it, prefix, from, reverse);
	while (leveldb_iter_valid(it)) {
		struct bytes key = key_at(it), value;

		if (!has_prefix(key, prefix))
			break;
		value.data = leveldb_iter_value(it, &value.len);
		if (!fn(fn_ctx, key, value))
			break;
		if (reverse)
			leveldb_iter_prev(it);
		else
			leveldb_iter_next(it);
	}
	leveldb_iter_get_error(it, &error);
	leveldb_iter_destroy(it);
	return store_explain(s, error, NULL, NULL, 0);
}

struct store_snapshot *store_snapshot(struct store *s)
{
	struct store_snapshot *snap = malloc(sizeof(*snap));

	if (!snap)
		return NULL;
	snap->at = leveldb_create_snapshot(s->db);
	snap->reading = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(snap->reading, 1);
	leveldb_readoptions_set_snapshot(snap->reading, snap->at);
	return snap;
}

void store_snapshot_release(struct store *s, struct store_snapshot *snap)
{
	if (!snap)
		return;
	leveldb_readoptions_destroy(snap->reading);
	leveldb_release_snapshot(s->db, snap->at);
	free(snap);
}

/* ---- writing ----------------------------------------------------------------------------- */

static void on_write(void *ctx, struct bytes key, struct bytes value)
{
	leveldb_writebatch_t *writes = ctx;

	if (value.data)
		leveldb_writebatch_put(writes, key.data, key.len, value.data, value.len);
	else
		leveldb_writebatch_delete(writes, key.data, key.len);
}

/* LevelDB appends to its log even after a write that failed half way. What then stands behind the
 * broken place could not be trusted, and store_check() would refuse it: so nothing follows. */
static enum err write_batch(
	struct store *s, leveldb_writebatch_t *batch, bool sync, char *why, size_t why_size)
{
	char *error = NULL;

	if (s->broken) {
		snprintf(why, why_size, "the store %s cannot be written: an earlier write failed",
			s->path);
		return ERR_IO;
	}
	leveldb_write(s->db, sync ? s->writing_synced : s->writing, batch, &error);
	if (error)
		s->broken = true;
	return store_explain(s, error, "written", why, why_size);
}

static void on_written(void *ctx, struct bytes key, struct bytes value)
{
	struct store *s = ctx;

	recent_written(s->recent, key, value);
	known_written(s->known, key);
}

/* The batch is in the store: those who remember hear of it. */
static void written(struct store *s, const struct batch *b)
{
	recent_begin(s->recent);
	known_begin(s->known);
	batch_writes(b, TABLE_STORE, on_written, s);
	known_end(s->known);
	recent_end(s->recent);
}

enum err store_write(struct store *s, const struct batch *b, struct bytes extra_key,
	struct bytes extra_value, bool sync, char *why, size_t why_size)
{
	enum err e;

	leveldb_writebatch_clear(s->writes);
	batch_writes(b, TABLE_STORE, on_write, s->writes);
	if (extra_key.len) {
		on_write(s->writes, extra_key, extra_value);
		memcpy(s->extra_key.data, extra_key.data, extra_key.len);
		s->extra_key.len = extra_key.len;
		s->extra += extra_value.len;
	}
	e = write_batch(s, s->writes, sync, why, why_size);
	if (e == ERR_OK)
		written(s, b);
	s->written += batch_bytes(b);
	compaction_wrote(s->compaction, batch_bytes(b));
	if (batch_bytes(b) > KEEP_BYTES) {
		leveldb_writebatch_destroy(s->writes);
		s->writes = leveldb_writebatch_create();
	}
	s->version++;
	return e;
}

uint64_t store_version(const struct store *s)
{
	return s->version;
}

struct store_writes {
	struct store *s;
	leveldb_writebatch_t *batch;
	size_t count;
};

struct store_writes *store_writes_create(struct store *s)
{
	struct store_writes *w = calloc(1, sizeof(*w));

	if (w)
		*w = (struct store_writes){s, leveldb_writebatch_create(), 0};
	return w;
}

void store_writes_destroy(struct store_writes *w)
{
	if (!w)
		return;
	leveldb_writebatch_destroy(w->batch);
	free(w);
}

void store_writes_put(struct store_writes *w, struct bytes key, struct bytes value)
{
	leveldb_writebatch_put(
		w->batch, key.data, key.len, value.data ? value.data : "", value.len);
	w->count++;
}

void store_writes_delete(struct store_writes *w, struct bytes key)
{
	leveldb_writebatch_delete(w->batch, key.data, key.len);
	w->count++;
}

size_t store_writes_count(const struct store_writes *w)
{
	return w->count;
}

enum err store_writes_commit(struct store_writes *w, char *why, size_t why_size)
{
	enum err e;

	if (w->count == 0)
		return ERR_OK;
	compaction_wake(w->s->compaction);
	e = write_batch(w->s, w->batch, false, why, why_size);
	leveldb_writebatch_clear(w->batch);
	w->count = 0;
	return e;
}

/* ---- statistics -------------------------------------------------------------------------- */

uint64_t store_disk_bytes(struct store *s)
{
	return folder_bytes(s->path);
}

char *store_statistics(struct store *s)
{
	return leveldb_property_value(s->db, "leveldb.stats");
}
