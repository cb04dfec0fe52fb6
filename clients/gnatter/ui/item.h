/* item.h — a message as the screen keeps it: a copy, and the rows it was laid out in. */
#ifndef GNATTER_UI_ITEM_H
#define GNATTER_UI_ITEM_H

#include "clients/gnatter/ui/rows.h"
#include "clients/sdk/gnatter.h"

struct item {
	uint64_t seq; /* 0: in the outbox */
	uint64_t n, ref, edited, deleted;
	int64_t ts_ms;
	bool mine;
	enum gnatter_tick tick;
	/* In one piece of memory with the item; body NULL if there is none. */
	const char *id, *from, *type, *text, *body, *code;
	size_t size; /* bytes of all that */

	/* What is known from elsewhere; owned, NULL if there is none. */
	char *quote;     /* "bob: what it replies to" */
	char *reactions; /* "👍 2  ❤ 1" */

	uint64_t gen;     /* as of which change of the cache; see view.h */
	bool filled;      /* quote and reactions were looked up */
	unsigned width;   /* for which it was laid out; 0: not yet */
	struct rows head; /* a line between days, and the one before what is unread */
	struct rows rows;
};

/* A copy, owned by the caller; NULL: out of memory. */
struct item *item_create(const struct gnatter_message *m);
void item_destroy(struct item *i);

/* Is it drawn? Edits, deletes and reactions are not: they are seen in what they are about. */
bool item_is_shown(const struct gnatter_message *m);

#endif
