/* base.h — store and directory as the base of a batch, on one thread. */
#ifndef GNATTER_PERSIST_BASE_H
#define GNATTER_PERSIST_BASE_H

#include "persist/batch.h"
#include "persist/directory.h"
#include "persist/store.h"

struct disk_base {
	struct base base; /* give this to batch_create */
	struct store *store;
	struct directory_reader *reader; /* owned */
	char *held;                      /* value lent by the last get */
};

/* Both must outlive it. Call disk_base_refresh before the first record after each commit. */
enum err disk_base_init(struct disk_base *b, struct store *s, struct directory *d);
enum err disk_base_refresh(struct disk_base *b);
void disk_base_finish(struct disk_base *b);

#endif
