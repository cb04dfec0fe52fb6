/* spool_map.h — the inside of the spool, for spool.c (the ring) and spool_file.c (the file). */
#ifndef GNATTER_PLUGIN_SPOOL_MAP_H
#define GNATTER_PLUGIN_SPOOL_MAP_H

#include "spool.h"

struct spool {
	int fd;                 /* holds the lock */
	struct spool_header *h; /* the mapping: header, then ring */
	char *ring;
	uint64_t size;  /* of the ring; never read from the mapping after the checks */
	uint64_t next;  /* number of the next record */
	uint64_t ended; /* see spool_ended() */
};

/* How much of the ring follows a position without a break. */
static inline uint64_t spool_rest(const struct spool *s, uint64_t pos)
{
	return s->size - (pos - s->h->base) % s->size;
}

/* After opening: check every record kept, finish a release that was cut short, and set s->next.
 * NULL, or what is wrong; then nothing was changed. */
const char *spool_recover(struct spool *s);

#endif
