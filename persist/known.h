/* known.h — the ids that a user has given to messages of a chat, so far that an id which is new
 * need not be looked for in the store.
 *
 * Nearly every send brings an id that the store has never seen, and LevelDB counts a read that had
 * to look into several of its files, even if their Bloom filters said no, against the first of them
 * and soon compacts it away (recent.h): fifty thousand such reads a second took two thirds of a
 * core. So for those who write, their ids in that chat are read once, in order and a few at a time,
 * into Bloom filters; what is written from then on is put in as well. Once all of a user's ids in a
 * chat are in there, one that they do not know is new.
 *
 * What does not fit is forgotten, that of the user who wrote longest ago first. One with so many
 * ids in one chat that they would take an eighth of it all is asked for in the store every time.
 *
 * Any thread: all calls take a lock of their own for a microsecond or less.
 */
#ifndef GNATTER_PERSIST_KNOWN_H
#define GNATTER_PERSIST_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persist/keys.h"

#define KNOWN_STEP 256 /* keys to read at a time */

struct known;

/* Part of a user's ids that is to be read. */
struct known_reading {
	struct key from; /* the first key to read; only those that start with its first `prefix`
			    bytes */
	size_t prefix;   /* bytes */
	uint64_t writer; /* whose */
};

/* `bytes`: about what it may hold. NULL when out of memory. */
struct known *known_create(size_t bytes);
void known_destroy(struct known *k);

/* Is it certain that the store has no such key? Always false but for keys of the dedupe index. */
bool known_absent(struct known *k, struct bytes key);

/* The store was asked for that key. True if some of the user's ids are to be read now: then each of
 * the first KNOWN_STEP keys found goes to known_read(), and known_read_end() follows. */
bool known_asked(struct known *k, struct bytes key, struct known_reading *out);
void known_read(struct known *k, const struct known_reading *r, struct bytes key);

/* last: the last key that was found, empty if none; all: no key was left out behind it. */
void known_read_end(struct known *k, const struct known_reading *r, struct bytes last, bool all);

/* The key was written, by one thread at a time; known_begin() takes the lock, known_end() gives it
 * back. To be told after the write is done, and before anybody may rely on it. */
void known_begin(struct known *k);
void known_written(struct known *k, struct bytes key);
void known_end(struct known *k);

#endif
