/* pages.h — messages of a chat, fetched page by page from the newest back. Main thread. */
#ifndef GNATTER_PAGES_H
#define GNATTER_PAGES_H

#include <stddef.h>

#include "clients/gnatter/session.h"
#include "clients/gnatter/when.h"

struct wanted {
	const char *chat;
	const struct when *since, *before; /* NULL: from the first on; to the newest */
	uint64_t limit;                    /* the newest so many of them */
};

/* Calls fn for each in the order of seq. GN_OK, or what was said; then fn was not called. */
int pages_read(struct session *s, const struct wanted *w, gnatter_message_fn *fn, void *ctx);

/* Have the `limit` messages before `before` (0: the newest) in the cache. *more: there are earlier
 * ones. A chat in which nothing was said yet has none. GN_OK, or what was said. */
int pages_fetch(struct session *s, const char *chat, uint64_t before, uint32_t limit, bool *more);

#endif
