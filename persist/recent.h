/* recent.h — small values of the store that were read or written lately, in memory.
 *
 * Not for the time a read takes, but for what it leaves behind: LevelDB counts every read that had
 * to look into more than one of its files against the first of them, and soon compacts that file
 * away, whatever its Bloom filter said. Ten thousand reads a second of chats that nobody writes in
 * then keep a core busy with merging tables.
 *
 * Kept are values of the kinds that every message, acknowledgement and connection asks for
 * (key_is_asked_often() of keys.h); and that there is none. Whoever writes the store tells each
 * write after it is done; whoever reads says what he found, and is not believed if anything was
 * written meanwhile.
 *
 * Any thread: all calls take a lock of their own for some tens of ns.
 */
#ifndef GNATTER_PERSIST_RECENT_H
#define GNATTER_PERSIST_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/err.h"

struct recent;

/* `bytes`: about what it may hold, at least a few kB. NULL when out of memory. */
struct recent *recent_create(size_t bytes);
void recent_destroy(struct recent *r);

/* True if it is known: *err is ERR_OK, with *value malloc'd and the caller's, or ERR_NOT_FOUND; or
 * ERR_NOMEM. Else false, and *since is for recent_found(). */
bool recent_get(
	struct recent *r, struct bytes key, enum err *err, struct bytes *value, uint64_t *since);

/* What the store said, asked after recent_get(); value.data NULL: there is no such key. Copied. */
void recent_found(struct recent *r, struct bytes key, struct bytes value, uint64_t since);

/* The key was written; value.data NULL: deleted. Copied. Between begin and end, by one thread at a
 * time; begin takes the lock and end gives it back. */
void recent_begin(struct recent *r);
void recent_written(struct recent *r, struct bytes key, struct bytes value);
void recent_end(struct recent *r);

/* Forget everything, to give its memory back. */
void recent_forget(struct recent *r);

#endif
