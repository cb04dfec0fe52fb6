/* store_leveldb.h — what the store's own files share: the only ones that see LevelDB's types. */
#ifndef GNATTER_PERSIST_STORE_LEVELDB_H
#define GNATTER_PERSIST_STORE_LEVELDB_H

#include <leveldb/c.h>
#include <pthread.h>
#include <stdatomic.h>

#include "persist/keys.h"
#include "persist/known.h"
#include "persist/recent.h"
#include "persist/store.h"
#include "persist/store_compaction.h"

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
	struct compaction *compaction; /* NULL: nobody watches it */
	atomic_bool broken;            /* a write failed: none follows */
	atomic_size_t written;         /* bytes, about, since store_relieve() last did something */
	size_t extra;                  /* bytes of store_write's extra values so far */
	struct key extra_key;          /* of the last of them */
	pthread_t relief;
	bool relieving; /* relief is to be joined */
	_Atomic uint64_t version;
	char path[];
};

/* Take LevelDB's error text, NULL for none, and put it into the sentence "the store ... cannot be
 * <doing>: ..."; why may be NULL. */
enum err store_explain(
	const struct store *s, char *error, const char *doing, char *why, size_t why_size);

#endif
