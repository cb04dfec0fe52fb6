/* lmdb_check.h — is that data.mdb sound? Reads the file, without LMDB.
 *
 * LMDB trusts what it maps: from a damaged page it reads on wherever the bytes point, and the
 * process dies. So before it is let near, the pages are looked through here: every page that can be
 * reached from the root, and the list of free pages.
 */
#ifndef GNATTER_PERSIST_LMDB_CHECK_H
#define GNATTER_PERSIST_LMDB_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/err.h"

/* A directory of more pages than this has its leaves not read, only the pages that lead to them:
 * reading 1 GiB takes about half a second, but every start must be quick. */
#define LMDB_CHECK_PAGES_MAX ((uint64_t)1 << 18)

struct lmdb_check {
	const char *const *names; /* the named databases that there must be, NULL at the end */
	const char *schema_db;    /* name of the database and key of the value wanted in `schema` */
	const char *schema_key;
	char schema[16];   /* out */
	size_t schema_len; /* out; 0 if there is none */
};

/* Check the file behind fd as of transaction txnid, which must be pinned by a reader if anybody may
 * be writing; 0 for the newest. ERR_CORRUPT, ERR_IO or ERR_NOMEM with `what` (of what_size bytes)
 * saying what is wrong, as the end of a sentence. */
enum err lmdb_check(struct lmdb_check *c, int fd, uint64_t txnid, char *what, size_t what_size);

/* Only the header: what makes it an LMDB file at all. */
enum err lmdb_check_head(int fd, char *what, size_t what_size);

#endif
