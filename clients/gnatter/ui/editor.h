/* editor.h — the line one writes in, which may have several rows: text, a cursor, what was written
 * before. Pure.
 *
 * The cursor stands before a cluster (see text.h), never inside one. What goes in is made valid
 * first: bytes that are no UTF-8 and control characters are left out, line breaks become \n. It
 * holds at most EDITOR_CHARS_MAX characters; more is refused.
 *
 * When memory runs out an edit does nothing.
 */
#ifndef GNATTER_UI_EDITOR_H
#define GNATTER_UI_EDITOR_H

#include "clients/gnatter/ui/rows.h"

#define EDITOR_CHARS_MAX   100000
#define EDITOR_HISTORY_MAX 500

struct editor {
	struct buf text;            /* not ended by NUL: see editor_text() */
	size_t at;                  /* of the cursor, in bytes */
	char *killed;               /* what Ctrl-K, -U, -W took last; NULL: nothing */
	char **history;             /* the oldest first */
	size_t history_n, browsing; /* browsing == history_n: what is written now */
	char *stash;                /* what is written now, while the history is looked at */
};

/* Empty: {0}. */
void editor_finish(struct editor *e);

/* What it holds, ended by NUL. Lent until the next change. */
const char *editor_text(struct editor *e);
void editor_set(struct editor *e, const char *s);

/* Insert at the cursor. False if it would be too much; then nothing is. */
bool editor_insert(struct editor *e, const char *s, size_t len);

void editor_backspace(struct editor *e);
void editor_delete(struct editor *e);
void editor_left(struct editor *e);
void editor_right(struct editor *e);
void editor_word_left(struct editor *e);
void editor_word_right(struct editor *e);
void editor_home(struct editor *e); /* of the line, as are the next */
void editor_end(struct editor *e);
void editor_kill_home(struct editor *e);
void editor_kill_end(struct editor *e);
void editor_kill_word(struct editor *e);
void editor_yank(struct editor *e);

/* To the line above or below; false if there is none. */
bool editor_up(struct editor *e);
bool editor_down(struct editor *e);

/* Replace the bytes from..at by s, the cursor behind it: for completion. */
void editor_replace(struct editor *e, size_t from, const char *s);

/* Keep s, and look at what was kept: false if there is nothing further. */
void editor_remember(struct editor *e, const char *s);
bool editor_older(struct editor *e);
bool editor_newer(struct editor *e);

/* Rows of `width` columns, broken where they are full, and where the cursor stands in them. */
void editor_lay(
	const struct editor *e, unsigned width, struct rows *out, size_t *row, unsigned *column);

#endif
