/* owed.h — what the plugin is told, and has not confirmed yet: the list of it, in memory and in the
 * store.
 *
 * Each entry is one control message (bridge/parts.h). It is written in the same batch as what it
 * tells of, and deleted with a later one, when the plugin has performed it. In between it can be
 * made again from the store.
 *
 * One thread.
 */
#ifndef GNATTER_BRIDGE_OWED_H
#define GNATTER_BRIDGE_OWED_H

#include "bridge/engine/outbox.h"
#include "persist/batch.h"
#include "persist/store.h"

struct owed_entry {
	uint64_t number; /* of the record that it follows from */
	uint32_t part;
};

/* {0} is an empty list. */
struct owed {
	struct owed_entry *entries; /* in order; owned */
	size_t count, cap;
	bool stale; /* they belong to another epoch and have been sent: the next batch deletes all
		     */
};

/* Read the list of a store into an empty one. ERR_NOMEM, ERR_IO, ERR_CORRUPT. */
enum err owed_load(struct owed *o, struct store *s);
void owed_finish(struct owed *o);

/* The next commit: delete, with the batch, what the plugin has performed, up to that record number,
 * or all if it is stale; then write what is in the outbox. `end`: see parts_next(). scratch is
 * overwritten. ERR_NOMEM; of the batch's own memory batch_failed() tells. */
enum err owed_put(struct owed *o, struct batch *b, uint64_t performed, const struct outbox *out,
	uint64_t end, struct buf *scratch);

/* Make the control message of an entry again, in `control`, which must be empty; it stays so if the
 * store has it no more. */
enum err owed_restore(
	struct buf *control, const struct owed_entry *e, uint64_t epoch, struct store *s);

#endif
