/* spool.h — the ring of records that survives the broker (wire/spoolfile.h has the format).
 *
 * One writer, one thread. A record is in the spool from the moment spool_append() returns: the file
 * is mapped shared, so what was written stays with the system when the process is killed, and no
 * system call is needed. A power cut is another matter; nothing is synced here.
 *
 * Killed at any instruction, the file is whole:
 *   append   writes the bytes of the record, then `head`: a record is there or it is not;
 *   release  writes `released`, wipes what is secret, then writes `tail`. In between, records stand
 *            at the tail whose numbers are not above `released`: spool_open() finishes the job;
 *   rewind   copies the few records that are kept to the beginning of the ring, where nothing is,
 *            then writes `base`, by which their positions mean the copies.
 */
#ifndef GNATTER_PLUGIN_SPOOL_H
#define GNATTER_PLUGIN_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/err.h"
#include "wire/record.h"
#include "wire/spoolfile.h"

/* One part of so many is kept for urgent records: connects and disconnects, of which presence is
 * made, must find room when nothing else does. */
#define SPOOL_RESERVE 16

struct spool;

/* Where a record stands, and its number; of the end: what the next one will have. */
struct spool_place {
	uint64_t pos, number;
};

/* Open the spool at path, or make one of `size` bytes (a multiple of 4096). A spool of another size
 * is made anew, keeping epoch, numbers and counters, if it is empty; else it stays as it is (then
 * spool_size() differs from size). On failure *out is NULL, the file is as it was, and why has one
 * sentence: ERR_CONFLICT (another broker has it), ERR_CORRUPT, ERR_FULL (disk), ERR_IO. */
enum err spool_open(
	struct spool **out, const char *path, uint64_t size, char *why, size_t why_size);
void spool_close(struct spool *s);

/* The largest record that surely fits into an empty ring of `size` bytes. */
uint64_t spool_record_max(uint64_t size);

uint64_t spool_size(const struct spool *s);
uint64_t spool_epoch(const struct spool *s);
struct counters *spool_counters(struct spool *s);

/* When the broker that had the spool before was alive last, ms since 1970; 0: not known. And that
 * this one is, now. */
uint64_t spool_ended(const struct spool *s);
void spool_alive(struct spool *s, uint64_t now_ms);

/* Put *r at the end. Sets r->number and r->ts (now_ms, or the last record's if that is later).
 * ERR_BUSY if there is no room, ERR_TOO_LARGE if there could never be. */
enum err spool_append(struct spool *s, struct record *r, bool urgent, uint64_t now_ms);

/* The first record kept, and the end. */
struct spool_place spool_first(const struct spool *s);
struct spool_place spool_end(const struct spool *s);

/* Records from *at on that lie in one piece: as many as fit in bytes_max, but at least one. Moves
 * *at behind them. Returns how many; 0 at the end. *run is lent until they are released. */
uint32_t spool_run(
	const struct spool *s, struct spool_place *at, uint64_t bytes_max, struct bytes *run);

/* Give up all records up to that number; it must not be above the last one's. */
void spool_release(struct spool *s, uint64_t number);

/* Give up everything and go on with number + 1, which must not be below the next number. */
void spool_skip_to(struct spool *s, uint64_t number);

/* Effects performed up to this record number. */
uint64_t spool_performed(const struct spool *s);
void spool_set_performed(struct spool *s, uint64_t number);

#endif
