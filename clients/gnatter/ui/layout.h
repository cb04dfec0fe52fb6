/* layout.h — a message in rows: time, name, text, ticks, and what was said about it. Pure. */
#ifndef GNATTER_UI_LAYOUT_H
#define GNATTER_UI_LAYOUT_H

#include "clients/gnatter/ui/item.h"

#define LAYOUT_WIDTH_MIN 16

/* Lay i out for so many columns, if it is not. */
void layout_item(struct item *i, unsigned width);

/* The lines before it: the day, if it is another than before->ts_ms's, and one before what is
 * unread. before may be NULL: then there is no line for the day unless `first` says that nothing
 * was ever said before. */
void layout_head(
	struct item *i, const struct item *before, bool first, bool unread_begins, unsigned width);

/* What m says in a few words, as in the list of chats: "[image] at the lake". Appended to out, not
 * yet safe. */
void layout_summary(struct buf *out, const char *type, const char *text);

/* The mark for a tick: "…", "·", "✓", "✓✓", "✓✓✓"; "" for none. Static. */
const char *layout_tick(enum gnatter_tick t);

/* "15:04", or for another day than today "Mon 15:04" or "2026-11-22". */
void layout_when(char out[32], int64_t ts_ms, int64_t now_ms);

#endif
