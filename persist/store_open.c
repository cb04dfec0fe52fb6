/* store_open.c — a store's life: opening, giving memory back, closing.
 *
 * Before LevelDB is let near a folder, store_check() has read it and found nothing wrong:
 * leveldb_open() itself rotates its log, replays and deletes files, and would leave its traces in a
 * folder that is not ours.
 *
 * Settings, and what they are for (docs/storage.md has the numbers):
 *   bloom filter     most of what is asked for once is not there: no disk read for that
 *   paranoid checks  compaction verifies checksums, so damage is found and not copied on; a log
 *                    with a hole in it is refused. A log that merely ends in the middle of a write,
 *                    as after a power cut, is recovered (see recover())
 *   checksums        every read verifies the blocks it takes from disk
 *   snappy           messages are JSON and shrink to about half
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persist/folder.h"
#include "persist/store_check.h"
#include "persist/store_leveldb.h"

#define BLOCK_SIZE   ((size_t)16 << 10)
#define RELIEF_BYTES ((size_t)1 << 20) /* about: less is not worth a table of its own */
#define RECENT_SHARE 16 /* recent.h may hold this part of the cache's size, beside it; */
#define KNOWN_SHARE  8  /* known.h this */
#define EXTRA_BYTES  ((size_t)1 << 20) /* of extra values: what is left of more is cleared away */
#define FOLDER_MODE  0750

static void free_parts(struct store *s)
{
	compaction_end(s->compaction);
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
		return store_explain(s, error, "recovered", why, why_size);
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
	return store_explain(s, error, "made", why, why_size);
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
		return store_explain(s, error, "opened", why, why_size);
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
	e = store_explain(s, error, "made", why, why_size);
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

/* On a thread of its own: see compaction_prepare(). */
static void *open_quietly(void *arg)
{
	struct opening *o = arg;

	compaction_prepare();
	o->result = o->mode == STORE_CREATE ? make_new(o->s, o->why, o->why_size)
					    : open_existing(o->s, o->why, o->why_size);
	if (o->result == ERR_OK)
		o->s->compaction = compaction_watch(o->s->db);
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
	compaction_wake(s->compaction);
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
	compaction_wake(s->compaction);
	end_relief(s);
	if (s->extra >= EXTRA_BYTES && !s->broken)
		clear_extra(s);
	free_parts(s);
}
