/* directory_lmdb.h — what the directory's own files share: the only ones that see LMDB's types. */
#ifndef GNATTER_PERSIST_DIRECTORY_LMDB_H
#define GNATTER_PERSIST_DIRECTORY_LMDB_H

#include <lmdb.h>
#include <pthread.h>

#include "persist/directory.h"

struct directory {
	MDB_env *env;
	MDB_dbi dbis[TABLE_COUNT];
	int writer_lock;      /* fd of writer.lock, -1 for a reader */
	unsigned commits;     /* since readers were checked */
	pthread_mutex_t lock; /* guards awake, and the map against being moved */
	size_t awake;         /* readers with a transaction going on */
	char path[];
};

/* Our error for one of LMDB's. */
enum err directory_error(int rc);

/* The same, with the sentence "the directory ... cannot be <doing>: ..." unless rc is 0. */
enum err directory_explain(
	const struct directory *d, int rc, const char *doing, char *why, size_t why_size);

#endif
