/* rows.h — rows of a screen: pieces of text that are safe to draw, each in a style.
 *
 * Text goes in as strangers wrote it and stands in here as it is drawn. Text from right to left is
 * isolated (U+2068 … U+2069), piece by piece: a terminal that orders such text does it within the
 * piece, and our columns stay where they are.
 *
 * No state beside the struct. When memory runs out `failed` is set and what is there stays valid.
 */
#ifndef GNATTER_UI_ROWS_H
#define GNATTER_UI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

enum style {
	STYLE_TEXT,
	STYLE_DIM,    /* times, previews, hints */
	STYLE_NAME,   /* somebody's name: see span.hue */
	STYLE_ME,     /* one's own */
	STYLE_DAY,    /* a line between days */
	STYLE_UNREAD, /* a line, and counts */
	STYLE_TICK,
	STYLE_READ,  /* the last tick */
	STYLE_ALERT, /* offline, refused */
	STYLE_QUOTE,
	STYLE_BAR,    /* the header, and the line of hints */
	STYLE_CHOSEN, /* the chat that is open, the message that is selected */
	STYLE_FOUND,  /* what was searched for */
	STYLE_COUNT
};

struct span {
	enum style style;
	unsigned hue; /* STYLE_NAME: any number, the same for the same name */
	size_t at, len;
	unsigned width;
};

struct row {
	size_t first, count; /* spans */
	unsigned width;
};

struct rows {
	struct buf text;
	struct span *spans;
	size_t spans_n, spans_cap;
	struct row *row;
	size_t n, cap;
	bool failed;
};

/* Empty: {0}. */
void rows_free(struct rows *r);
void rows_reset(struct rows *r);

/* Begin the next row. */
void rows_begin(struct rows *r);

/* Append to the last row, as one line: all of it; as much as fits into width_max columns, with … if
 * that is not all, in a style or in the colour of that user's name; blanks until the row is `width`
 * wide; n times s. Return the columns taken. */
unsigned rows_put(struct rows *r, enum style style, const char *s);
unsigned rows_put_part(struct rows *r, enum style style, const char *s, size_t len);
unsigned rows_put_name(struct rows *r, const char *shown, const char *user, unsigned width_max);
unsigned rows_put_cut(struct rows *r, enum style style, const char *s, unsigned width_max);
void rows_pad(struct rows *r, enum style style, unsigned width);
void rows_repeat(struct rows *r, enum style style, const char *s, unsigned n);

/* Append a text that may have line breaks, going on in further rows which are indented, so that no
 * row is wider than `width`. Breaks between words where it can. */
void rows_wrap(struct rows *r, enum style style, const char *s, unsigned indent, unsigned width);

/* Columns of the row that is being filled. */
unsigned rows_column(const struct rows *r);

#endif
