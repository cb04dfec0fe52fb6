/* editor_history.c — what was written before, the oldest given up for the newest. */
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/editor.h"

void editor_remember(struct editor *e, const char *s)
{
	char *copy;

	if (!e->history)
		e->history = calloc(EDITOR_HISTORY_MAX, sizeof *e->history);
	if (e->history && e->history_n && strcmp(e->history[e->history_n - 1], s) == 0) {
		e->browsing = e->history_n;
		return;
	}
	copy = e->history ? strdup(s) : NULL;
	if (!copy)
		return;
	if (e->history_n == EDITOR_HISTORY_MAX) {
		free(e->history[0]);
		memmove(e->history, e->history + 1, --e->history_n * sizeof *e->history);
	}
	e->history[e->history_n++] = copy;
	e->browsing = e->history_n;
}

bool editor_older(struct editor *e)
{
	if (e->browsing == 0)
		return false;
	if (e->browsing == e->history_n) {
		free(e->stash);
		e->stash = strdup(editor_text(e));
	}
	editor_set(e, e->history[--e->browsing]);
	return true;
}

bool editor_newer(struct editor *e)
{
	if (e->browsing >= e->history_n)
		return false;
	if (++e->browsing < e->history_n) {
		editor_set(e, e->history[e->browsing]);
		return true;
	}
	editor_set(e, e->stash ? e->stash : "");
	free(e->stash);
	e->stash = NULL;
	return true;
}
