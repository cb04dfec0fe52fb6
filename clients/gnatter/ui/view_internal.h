/* view_internal.h — what view.c and view_load.c share. */
#ifndef GNATTER_UI_VIEW_INTERNAL_H
#define GNATTER_UI_VIEW_INTERNAL_H

#include "clients/gnatter/ui/view.h"

void view_remove(struct view *v, size_t at, size_t count);

/* A page more at that end. False if there was none. */
bool view_load_older(struct view *v);
bool view_load_newer(struct view *v);

/* Begin anew: with nothing; with the newest page; with the page behind that one. */
void view_forget(struct view *v);
void view_load_newest(struct view *v);
void view_load_after(struct view *v, uint64_t after);

/* What is new behind the last, if that is the newest, and the outbox. */
void view_load_changes(struct view *v);

/* Bring the items from..end up to date. True if something was read. */
bool view_read_again(struct view *v, size_t from, size_t end);

/* Those from..end are looked at: let go of others if there are too many. */
void view_trim(struct view *v, size_t from, size_t end);

#endif
