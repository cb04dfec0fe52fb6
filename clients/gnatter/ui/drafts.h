/* drafts.h — what was begun in other chats. Pure. */
#ifndef GNATTER_UI_DRAFTS_H
#define GNATTER_UI_DRAFTS_H

#include <stddef.h>

#define DRAFTS_MAX 100 /* of more, the oldest is forgotten */

struct draft {
	char *chat, *text;
};

struct drafts {
	struct draft all[DRAFTS_MAX];
	size_t n;
};

/* Keep text for chat; "" forgets what there was. */
void drafts_keep(struct drafts *d, const char *chat, const char *text);

/* What was kept; "" if nothing. Lent until the next drafts_keep(). */
const char *drafts_get(const struct drafts *d, const char *chat);
void drafts_finish(struct drafts *d);

#endif
