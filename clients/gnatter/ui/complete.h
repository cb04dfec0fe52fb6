/* complete.h — Tab: the names that a word may stand for, the likeliest first. Pure. */
#ifndef GNATTER_UI_COMPLETE_H
#define GNATTER_UI_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#define COMPLETE_MAX      50
#define COMPLETE_NAME_MAX 600 /* bytes with the NUL; longer names are not offered */

struct complete_name {
	char *name; /* owned */
	int rank;
};

struct complete {
	char word[COMPLETE_NAME_MAX]; /* what was written */
	size_t begin;                 /* where in the line */
	struct complete_name names[COMPLETE_MAX];
	size_t n, next;
	bool active; /* Tab was the last key */
};

/* How well a name fits: 0 it begins so, 1 but for the case of letters, 2 a part of it begins so, 3
 * it has these letters in this order; -1 not at all. */
int complete_rank(const char *word, const char *name);

/* Begin with a word; offer it names (kept if they fit; of more than COMPLETE_MAX the likeliest);
 * then the names one after the other, round and round. NULL: there are none. Lent until begun
 * anew. */
void complete_begin(struct complete *c, const char *word, size_t len, size_t begin);
void complete_offer(struct complete *c, const char *name);
const char *complete_next(struct complete *c);

/* Free the names. */
void complete_end(struct complete *c);

#endif
