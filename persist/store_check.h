/* store_check.h — is that folder a store that may be opened? Reads only.
 *
 * A store is a LevelDB folder with one more file in it, FORMAT, whose one line names schema and
 * owner: it tells our stores from other LevelDBs, and one schema from another, before LevelDB is
 * let near.
 */
#ifndef GNATTER_PERSIST_STORE_CHECK_H
#define GNATTER_PERSIST_STORE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/err.h"

/* Look through everything that opening will rely on: FORMAT, CURRENT, the manifest's checksums,
 * that every table is there at full length, the logs' checksums. *torn: the last log ends in the
 * middle of a write, as a power cut leaves it; that write is lost and was never confirmed.
 * ERR_NOT_FOUND, ERR_CONFLICT (open elsewhere), ERR_CORRUPT, ERR_IO, ERR_NOMEM, with a sentence. */
enum err store_check(const char *path, bool *torn, char *why, size_t why_size);

/* Write FORMAT, synced, which makes a fresh LevelDB a store. */
enum err store_check_mark(const char *path, char *why, size_t why_size);

/* The sentence for a schema that this program does not know. */
void store_check_schema_sentence(const char *path, uint64_t schema, char *why, size_t why_size);

#endif
