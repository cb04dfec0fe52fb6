/* rows.c — see rows.h. */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define ISOLATE     "\xe2\x81\xa8"
#define ISOLATE_END "\xe2\x81\xa9"
#define ELLIPSIS    "\xe2\x80\xa6"

void rows_free(struct rows *r)
{
	buf_free(&r->text);
	free(r->spans);
	free(r->row);
	*r = (struct rows){0};
}

void rows_reset(struct rows *r)
{
	buf_reset(&r->text);
	r->spans_n = r->n = 0;
	r->failed = false;
}

static bool room(void **array, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap ? *cap * 2 : 4;
	void *p;

	if (n < *cap)
		return true;
	p = realloc(*array, want * size);
	if (!p)
		return false;
	*array = p;
	*cap = want;
	return true;
}

void rows_begin(struct rows *r)
{
	void *p = r->row;

	if (!room(&p, &r->cap, r->n, sizeof *r->row)) {
		r->failed = true;
		return;
	}
	r->row = p;
	r->row[r->n++] = (struct row){.first = r->spans_n};
}

unsigned rows_column(const struct rows *r)
{
	return r->n ? r->row[r->n - 1].width : 0;
}

/* The span that text is added to: the last one, or a new one in another style. NULL: no memory. */
static struct span *span_of(struct rows *r, enum style style, unsigned hue)
{
	void *p = r->spans;
	struct span *last = r->spans_n ? &r->spans[r->spans_n - 1] : NULL;

	if (r->n == 0 || r->failed)
		return NULL;
	if (r->row[r->n - 1].count && last->style == style && last->hue == hue)
		return last;
	if (!room(&p, &r->spans_cap, r->spans_n, sizeof *r->spans)) {
		r->failed = true;
		return NULL;
	}
	r->spans = p;
	r->spans[r->spans_n] = (struct span){.style = style, .hue = hue, .at = r->text.len};
	r->row[r->n - 1].count++;
	return &r->spans[r->spans_n++];
}

/* Bytes that are safe already. */
static void add(
	struct rows *r, enum style style, unsigned hue, const char *s, size_t len, unsigned width)
{
	struct span *span = span_of(r, style, hue);

	if (!span)
		return;
	buf_put(&r->text, s, len);
	if (r->text.failed) {
		r->failed = true;
		return;
	}
	span->len += len;
	span->width += width;
	r->row[r->n - 1].width += width;
}

/* What is shown of s, isolated if it must be. */
static unsigned add_raw(struct rows *r, enum style style, unsigned hue, const char *s, size_t len)
{
	struct buf safe = {0};
	bool isolate = text_rtl(s, len);
	unsigned width;

	if (isolate)
		buf_str(&safe, ISOLATE);
	width = text_show_all(&safe, s, len);
	if (isolate)
		buf_str(&safe, ISOLATE_END);
	if (safe.failed)
		r->failed = true;
	else if (width)
		add(r, style, hue, safe.data, safe.len, width);
	buf_free(&safe);
	return width;
}

unsigned rows_put(struct rows *r, enum style style, const char *s)
{
	return add_raw(r, style, 0, s, strlen(s));
}

unsigned rows_put_part(struct rows *r, enum style style, const char *s, size_t len)
{
	return add_raw(r, style, 0, s, len);
}

/* How many bytes of s fit into width_max columns; leaves one for the … if it is not all. */
static size_t fitting(const char *s, size_t len, unsigned width_max)
{
	size_t at = 0, fits = 0;
	unsigned width = 0;

	while (at < len) {
		size_t n = text_cluster(s + at, len - at);

		width += text_show(NULL, s + at, n);
		if (width > width_max)
			return fits;
		at += n;
		if (width < width_max)
			fits = at;
	}
	return len;
}

static unsigned put_cut(
	struct rows *r, enum style style, unsigned hue, const char *s, unsigned width_max)
{
	size_t len = strlen(s), fits = fitting(s, len, width_max);
	unsigned width;

	if (width_max == 0)
		return 0;
	width = add_raw(r, style, hue, s, fits);
	if (fits == len)
		return width;
	add(r, style, hue, ELLIPSIS, strlen(ELLIPSIS), 1);
	return width + 1;
}

unsigned rows_put_cut(struct rows *r, enum style style, const char *s, unsigned width_max)
{
	return put_cut(r, style, 0, s, width_max);
}

unsigned rows_put_name(struct rows *r, const char *shown, const char *user, unsigned width_max)
{
	unsigned hue = 5381;

	for (const char *c = user; *c; c++)
		hue = hue * 33 + (unsigned char)*c;
	return put_cut(r, STYLE_NAME, hue, shown, width_max);
}

void rows_repeat(struct rows *r, enum style style, const char *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rows_put(r, style, s);
}

void rows_pad(struct rows *r, enum style style, unsigned width)
{
	while (rows_column(r) < width && !r->failed)
		add(r, style, 0, " ", 1, 1);
}

/* --- wrapping -------------------------------------------------------------------------------- */

struct wrap {
	struct rows *rows;
	enum style style;
	unsigned indent, width;
	const char *line; /* what of the text stands in this row: from here */
	size_t len;       /* ... so many bytes */
	unsigned columns; /* ... and so wide */
};

static void wrap_flush(struct wrap *w)
{
	if (w->len)
		add_raw(w->rows, w->style, 0, w->line, w->len);
	w->line += w->len;
	w->len = 0;
	w->columns = 0;
}

static void wrap_break(struct wrap *w)
{
	wrap_flush(w);
	rows_begin(w->rows);
	rows_pad(w->rows, STYLE_TEXT, w->indent);
}

static bool fits(const struct wrap *w, unsigned more)
{
	return rows_column(w->rows) + w->columns + more <= w->width;
}

/* Letters that can be parted from their neighbours: those that are two columns wide. */
static bool stands_alone(const char *s, size_t n)
{
	return text_show(NULL, s, n) >= 2 && *s != '\t';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Bytes and columns of the word at s: up to a space, a line break, or a letter that stands alone.
 */
static size_t word(const char *s, size_t len, unsigned *columns_out)
{
	size_t at = 0;

	*columns_out = 0;
	while (at < len && !is_space(s[at]) && s[at] != '\n' && s[at] != '\r') {
		size_t n = text_cluster(s + at, len - at);

		if (at > 0 && stands_alone(s + at, n))
			break;
		*columns_out += text_show(NULL, s + at, n);
		at += n;
		if (at == n && stands_alone(s, n))
			break;
	}
	return at;
}

/* A word that no row holds: broken where the row ends. */
static void wrap_long(struct wrap *w, const char *s, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		unsigned columns;

		n = text_cluster(s + at, len - at);
		columns = text_show(NULL, s + at, n);
		if (!fits(w, columns) && rows_column(w->rows) + w->columns > w->indent)
			wrap_break(w);
		w->len += n;
		w->columns += columns;
	}
}

static void wrap_word(struct wrap *w, const char *s, size_t len, unsigned columns)
{
	if (!fits(w, columns) && rows_column(w->rows) + w->columns > w->indent &&
		w->indent + columns <= w->width)
		wrap_break(w);
	wrap_long(w, s, len);
}

/* Spaces at the end of a row that was broken are not shown. */
static void wrap_space(struct wrap *w, char c)
{
	unsigned columns = c == '\t' ? TEXT_TAB_WIDTH : 1;

	if (!fits(w, columns)) {
		wrap_break(w);
		w->line++;
		return;
	}
	w->len++;
	w->columns += columns;
}

void rows_wrap(struct rows *r, enum style style, const char *s, unsigned indent, unsigned width)
{
	struct wrap w = {.rows = r, .style = style, .line = s};
	size_t len = strlen(s);

	w.width = width ? width : 1;
	w.indent = indent < w.width ? indent : 0;
	for (size_t at = 0, n; at < len && !r->failed; at += n) {
		unsigned columns;

		if (s[at] == '\n' || s[at] == '\r') {
			n = text_cluster(s + at, len - at);
			wrap_break(&w);
			w.line += n;
		} else if (is_space(s[at])) {
			n = 1;
			wrap_space(&w, s[at]);
		} else {
			n = word(s + at, len - at, &columns);
			wrap_word(&w, s + at, n, columns);
		}
	}
	wrap_flush(&w);
}
