/* store.c
 *
 * Everything is written in batches by one thread and read by any. Before LevelDB is let near a
 * folder, store_check() has read it and found nothing wrong: leveldb_open() itself rotates its log,
 * replays and deletes files, and would leave its traces in a folder that is not ours.
 *
 * Settings, and what they are for (docs/storage.md has the numbers):
 *   bloom filter     most sends ask for a dedupe key that is not there: no disk read for that
 *   paranoid checks  compaction verifies checksums, so damage is found and not copied on; a log
 *                    with a hole in it is refused. A log that merely ends in the middle of a write,
 *                    as after a power cut, is recovered (see recover())
 *   checksums        every read verifies the blocks it takes from disk
 *   snappy           messages are JSON and shrink to about half
 */
#include "persist/store.h"

#include <assert.h>
#include <errno.h>
#include <leveldb/c.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "persist/folder.h"
#include "persist/keys.h"
#include "persist/known.h"
#include "persist/recent.h"
#include "persist/store_check.h"

#define BLOCK_SIZE   ((size_t)16 << 10)
#define KEEP_BYTES   ((size_t)256 << 10) /* of store_write's memory, about */
#define RELIEF_BYTES ((size_t)1 << 20)   /* about: less is not worth a table of its own */
#define RECENT_SHARE 16 /* recent.h may hold this part of the cache's size, beside it; */
#define KNOWN_SHARE  8  /* known.h this */
#define EXTRA_BYTES  ((size_t)1 << 20) /* of extra values: what is left of more is cleared away */
#define FOLDER_MODE  0750

/* With both cores taken by others, writes wait 0.02 s at most for compaction at 5, as at 0; at 7 it
 * falls behind and they wait 1 s, at 10 they wait 8 s. */
#define COMPACTION_NICE 5

struct store {
	leveldb_t *db;
	leveldb_options_t *options;
	leveldb_cache_t *cache;
	leveldb_filterpolicy_t *bloom;
	leveldb_readoptions_t *reading;
	leveldb_writeoptions_t *writing, *writing_synced;
	leveldb_writebatch_t *writes; /* store_write's, kept for its memory */
	struct recent *recent;
	struct known *known;
	atomic_size_t written; /* bytes, about, since store_relieve() last did something */
	size_t extra;          /* bytes of store_write's extra values so far */
	struct key extra_key;  /* of the last of them */
	pthread_t relief;
	bool relieving; /* relief is to be joined */
	_Atomic uint64_t version;
	char path[];
};

struct store_snapshot {
	const leveldb_snapshot_t *at;
	leveldb_readoptions_t *reading;
};

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

/* Take LevelDB's error text, NULL for none, and put it into a sentence. */
static enum err explain(
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

/* ---- opening ----------------------------------------------------------------------------- */

static void free_parts(struct store *s)
{
	if (s->db)
		leveldb_close(s->db);
	leveldb_options_destroy(s->options);
	if (s->cache)
		leveldb_cache_destroy(s->cache);
	if (s->bloom)
		leveldb_filterpolicy_destroy(s->bloom);
	leveldb_readoptions_destroy(s->reading);
	leveldb_writeoptions_destroy(s->writing);
	leveldb_writeoptions_destroy(s->writing_synced);
	leveldb_writebatch_destroy(s->writes);
	recent_destroy(s->recent);
	known_destroy(s->known);
	free(s);
}

/* LevelDB is C++: where memory runs out it ends the program, so its creators never give NULL. */
static struct store *make_parts(const char *path, const struct conf *conf)
{
	size_t size = strlen(path) + 1;
	struct store *s = calloc(1, sizeof(*s) + size);

	if (!s)
		return NULL;
	memcpy(s->path, path, size);
	s->recent = recent_create((size_t)conf->store_cache_size / RECENT_SHARE);
	s->known = known_create((size_t)conf->store_cache_size / KNOWN_SHARE);
	if (!s->recent || !s->known) {
		recent_destroy(s->recent);
		known_destroy(s->known);
		free(s);
		return NULL;
	}
	s->cache = leveldb_cache_create_lru((size_t)conf->store_cache_size);
	if (conf->store_bloom_bits > 0)
		s->bloom = leveldb_filterpolicy_create_bloom((int)conf->store_bloom_bits);
	s->options = leveldb_options_create();
	leveldb_options_set_cache(s->options, s->cache);
	leveldb_options_set_filter_policy(s->options, s->bloom);
	leveldb_options_set_write_buffer_size(s->options, (size_t)conf->store_write_buffer_size);
	leveldb_options_set_max_open_files(s->options, (int)conf->store_open_files_max);
	leveldb_options_set_block_size(s->options, BLOCK_SIZE);
	leveldb_options_set_compression(s->options, leveldb_snappy_compression);
	leveldb_options_set_paranoid_checks(s->options, 1);
	s->reading = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(s->reading, 1);
	s->writing = leveldb_writeoptions_create();
	s->writing_synced = leveldb_writeoptions_create();
	leveldb_writeoptions_set_sync(s->writing_synced, 1);
	s->writes = leveldb_writebatch_create();
	return s;
}

/* The last commit before a power cut may be half in the log. Strict as it is told to be, LevelDB
 * would refuse that log; store_check() has made sure that nothing stands behind the torn end. So it
 * is opened once without being strict, which writes the log's good part into a table. */
static enum err recover(struct store *s, char *why, size_t why_size)
{
	char *error = NULL;
	leveldb_t *db;

	leveldb_options_set_paranoid_checks(s->options, 0);
	db = leveldb_open(s->options, s->path, &error);
	leveldb_options_set_paranoid_checks(s->options, 1);
	if (error)
		return explain(s, error, "recovered", why, why_size);
	leveldb_close(db);
	return ERR_OK;
}

static enum err check_schema(struct store *s, char *why, size_t why_size)
{
	struct key key = key_meta("schema");
	struct bytes value;
	struct reader r;
	uint32_t schema;
	enum err e = store_get(s, NULL, key_bytes(&key), &value);

	if (e == ERR_NOT_FOUND) {
		snprintf(why, why_size, "the store %s is damaged: it has no schema version",
			s->path);
		return ERR_CORRUPT;
	}
	if (e != ERR_OK) {
		snprintf(why, why_size, "the store %s cannot be read: %s", s->path, err_text(e));
		return e;
	}
	r = reader_of(value.data, value.len);
	schema = read_u32(&r);
	free((char *)(uintptr_t)value.data);
	if (r.failed || r.at != r.end || schema != STORE_SCHEMA) {
		store_check_schema_sentence(s->path, schema, why, why_size);
		return ERR_CORRUPT;
	}
	return ERR_OK;
}

static enum err put_schema(struct store *s, char *why, size_t why_size)
{
	struct key key = key_meta("schema");
	struct buf value = {0};
	char *error = NULL;

	buf_u32(&value, STORE_SCHEMA);
	if (value.failed) {
		snprintf(why, why_size, "out of memory");
		return ERR_NOMEM;
	}
	leveldb_put(s->db, s->writing_synced, key.data, key.len, value.data, value.len, &error);
	buf_free(&value);
	return explain(s, error, "made", why, why_size);
}

static enum err open_existing(struct store *s, char *why, size_t why_size)
{
	bool torn;
	char *error = NULL;
	enum err e = store_check(s->path, &torn, why, why_size);

	if (e == ERR_OK && torn)
		e = recover(s, why, why_size);
	if (e != ERR_OK)
		return e;
	s->db = leveldb_open(s->options, s->path, &error);
	if (error)
		return explain(s, error, "opened", why, why_size);
	return check_schema(s, why, why_size);
}

/* The marker comes last: a folder without it is no store, so one made half way is none either. */
static enum err make_new(struct store *s, char *why, size_t why_size)
{
	char *error = NULL;
	bool made;
	enum err e = folder_claim(s->path, FOLDER_MODE, "store", &made, why, why_size);

	if (e != ERR_OK)
		return e;
	leveldb_options_set_create_if_missing(s->options, 1);
	leveldb_options_set_error_if_exists(s->options, 1);
	s->db = leveldb_open(s->options, s->path, &error);
	e = explain(s, error, "made", why, why_size);
	if (e == ERR_OK)
		e = put_schema(s, why, why_size);
	if (e == ERR_OK)
		e = store_check_mark(s->path, why, why_size);
	if (e == ERR_OK)
		return ERR_OK;
	if (s->db)
		leveldb_close(s->db);
	s->db = NULL;
	folder_abandon(s->path, made);
	return e;
}

struct opening {
	struct store *s;
	enum store_mode mode;
	char *why;
	size_t why_size;
	enum err result;
};

/* LevelDB compacts on a thread of its own, which the first one to need it starts, with its
 * priority. Here that is this thread, of low priority: the broker and the commits come first on a
 * full machine. The range that is compacted is empty. */
static void *open_quietly(void *arg)
{
	static const char nothing[] = {0};
	struct opening *o = arg;

	setpriority(PRIO_PROCESS, 0, COMPACTION_NICE);
	o->result = o->mode == STORE_CREATE ? make_new(o->s, o->why, o->why_size)
					    : open_existing(o->s, o->why, o->why_size);
	if (o->result == ERR_OK)
		leveldb_compact_range(o->s->db, nothing, 1, nothing, 1);
	return NULL;
}

enum err store_open(struct store **out, const char *path, const struct conf *conf,
	enum store_mode mode, char *why, size_t why_size)
{
	struct store *s = make_parts(path, conf);
	struct opening o = {s, mode, why, why_size, ERR_OK};
	pthread_t opener;
	enum err e;

	*out = NULL;
	if (!s) {
		snprintf(why, why_size, "out of memory");
		return ERR_NOMEM;
	}
	if (pthread_create(&opener, NULL, open_quietly, &o) != 0) {
		free_parts(s);
		snprintf(why, why_size, "no thread can be started");
		return ERR_LIMIT;
	}
	pthread_join(opener, NULL);
	e = o.result;
	if (e != ERR_OK) {
		free_parts(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

/* ---- giving memory back ------------------------------------------------------------------- */

static void end_relief(struct store *s)
{
	if (s->relieving)
		pthread_join(s->relief, NULL);
	s->relieving = false;
}

/* Write what is in memory into a table, which compacting a range begins with; in this one there is
 * no key. */
static void write_out(struct store *s)
{
	static const char nothing[] = "\xff\xff";

	leveldb_compact_range(s->db, nothing, sizeof(nothing) - 1, nothing, sizeof(nothing) - 1);
}

static void *relieve(void *ctx)
{
	struct store *s = ctx;

	write_out(s);
	recent_forget(s->recent);
	malloc_trim(0);
	return NULL;
}

bool store_relieve(struct store *s)
{
	if (s->written < RELIEF_BYTES)
		return false;
	end_relief(s);
	s->relieving = pthread_create(&s->relief, NULL, relieve, s) == 0;
	if (s->relieving)
		s->written = 0;
	return s->relieving;
}

/* Of a large value that was written with every commit of an import, all versions stand in the
 * table, one behind the other, and whoever comes to the keys before them reads through all. LevelDB
 * drops them where it merges two tables that have the key: so the last one is written once more as
 * it is, into a table that overlaps with the other. If anything fails it is as it was. */
static void clear_extra(struct store *s)
{
	struct bytes key = key_bytes(&s->extra_key);
	char *error = NULL, *value;
	size_t len;

	write_out(s);
	value = leveldb_get(s->db, s->reading, key.data, key.len, &len, &error);
	if (!error && value)
		leveldb_put(s->db, s->writing_synced, key.data, key.len, value, len, &error);
	else if (!error)
		leveldb_delete(s->db, s->writing, key.data, key.len, &error);
	if (!error)
		leveldb_compact_range(s->db, key.data, key.len, key.data, key.len);
	leveldb_free(error);
	leveldb_free(value);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	end_relief(s);
	if (s->extra >= EXTRA_BYTES)
		clear_extra(s);
	free_parts(s);
}

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
		return explain(s, error, NULL, NULL, 0);
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
	return explain(s, error, NULL, NULL, 0);
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
	char *error = NULL;

	leveldb_writebatch_clear(s->writes);
	batch_writes(b, TABLE_STORE, on_write, s->writes);
	if (extra_key.len) {
		on_write(s->writes, extra_key, extra_value);
		memcpy(s->extra_key.data, extra_key.data, extra_key.len);
		s->extra_key.len = extra_key.len;
		s->extra += extra_value.len;
	}
	leveldb_write(s->db, sync ? s->writing_synced : s->writing, s->writes, &error);
	written(s, b);
	s->written += batch_bytes(b);
	if (batch_bytes(b) > KEEP_BYTES) {
		leveldb_writebatch_destroy(s->writes);
		s->writes = leveldb_writebatch_create();
	}
	s->version++;
	return explain(s, error, "written", why, why_size);
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
	char *error = NULL;

	if (w->count == 0)
		return ERR_OK;
	leveldb_write(w->s->db, w->s->writing, w->batch, &error);
	leveldb_writebatch_clear(w->batch);
	w->count = 0;
	return explain(w->s, error, "written", why, why_size);
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
