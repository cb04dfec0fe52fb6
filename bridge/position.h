/* position.h — up to which record of which spool the store has applied what was accepted.
 *
 * It is written in the same batch as what the records did, so it is never ahead or behind.
 */
#ifndef GNATTER_BRIDGE_POSITION_H
#define GNATTER_BRIDGE_POSITION_H

#include "persist/batch.h"
#include "persist/store.h"

struct position {
	uint64_t epoch;  /* of the spool; 0: the store has seen none */
	uint64_t number; /* of the last record applied */
};

/* ERR_IO, ERR_CORRUPT, ERR_NOMEM. A store that has none stands at {0}. */
enum err position_load(struct position *out, struct store *s);

/* Write it with the batch; batch_failed() tells of memory. */
void position_put(struct batch *b, struct position p);

#endif
