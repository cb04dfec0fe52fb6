/* editor.c — see editor.h. What was written before is in editor_history.c. */
#include "editor.h"

#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/text.h"
#include "wire/utf8.h"

void editor_finish(struct editor *e)
{
	for (size_t i = 0; i < e->history_n; i++)
		free(e->history[i]);
	free(e->history);
	free(e->stash);
	free(e->killed);
	buf_free(&e->text);
	*e = (struct editor){0};
}

const char *editor_text(struct editor *e)
{
	if (!buf_reserve(&e->text, 1)) {
		e->text.failed = false;
		return "";
	}
	e->text.data[e->text.len] = '\0';
	return e->text.data;
}

/* What may stand in a message. */
static bool allowed(uint32_t c, size_t size)
{
	if (c == TEXT_REPLACEMENT && size == 1)
		return false;
	return (c >= 0x20 || c == '\t' || c == '\n') && (c < 0x7f || c > 0x9f);
}

static void clean(struct buf *out, const char *s, size_t len)
{
	for (size_t at = 0, size; at < len; at += size) {
		uint32_t c = text_decode(s + at, len - at, &size);

		if (c == '\r') {
			if (at + 1 < len && s[at + 1] == '\n')
				size = 2;
			buf_str(out, "\n");
		} else if (allowed(c, size)) {
			buf_put(out, s + at, size);
		}
	}
}

static size_t characters(const char *s, size_t len)
{
	size_t n = 0;

	return len && utf8_ok(s, len, &n) ? n : 0;
}

/* Valid bytes in the place of from..to. */
static bool splice(struct editor *e, size_t from, size_t to, const char *s, size_t len)
{
	size_t rest = e->text.len - to;

	if (!buf_reserve(&e->text, len + 1)) {
		e->text.failed = false;
		return false;
	}
	memmove(e->text.data + from + len, e->text.data + to, rest);
	if (len)
		memcpy(e->text.data + from, s, len);
	e->text.len = from + len + rest;
	e->at = from + len;
	return true;
}

bool editor_insert(struct editor *e, const char *s, size_t len)
{
	struct buf b = {0};
	bool fits;

	clean(&b, s, len);
	fits = !b.failed && characters(e->text.data, e->text.len) + characters(b.data, b.len) <=
				    EDITOR_CHARS_MAX;
	if (fits && b.len)
		fits = splice(e, e->at, e->at, b.data, b.len);
	buf_free(&b);
	return fits;
}

void editor_set(struct editor *e, const char *s)
{
	e->text.len = 0;
	e->at = 0;
	editor_insert(e, s, strlen(s));
}

void editor_replace(struct editor *e, size_t from, const char *s)
{
	if (from > e->at)
		return;
	splice(e, from, e->at, "", 0);
	editor_insert(e, s, strlen(s));
}

/* --- moving ---------------------------------------------------------------------------------- */

static size_t before(const struct editor *e, size_t at)
{
	return at ? text_cluster_before(e->text.data, at) : 0;
}

static size_t after(const struct editor *e, size_t at)
{
	return at < e->text.len ? at + text_cluster(e->text.data + at, e->text.len - at) : at;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static size_t word_before(const struct editor *e)
{
	size_t at = e->at;

	while (at > 0 && is_blank(e->text.data[at - 1]))
		at--;
	while (at > 0 && !is_blank(e->text.data[at - 1]))
		at--;
	return at;
}

static size_t line_begin(const struct editor *e, size_t at)
{
	while (at > 0 && e->text.data[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct editor *e, size_t at)
{
	while (at < e->text.len && e->text.data[at] != '\n')
		at++;
	return at;
}

void editor_left(struct editor *e)
{
	e->at = before(e, e->at);
}

void editor_right(struct editor *e)
{
	e->at = after(e, e->at);
}

void editor_word_left(struct editor *e)
{
	e->at = word_before(e);
}

void editor_word_right(struct editor *e)
{
	while (e->at < e->text.len && is_blank(e->text.data[e->at]))
		e->at++;
	while (e->at < e->text.len && !is_blank(e->text.data[e->at]))
		e->at++;
}

void editor_home(struct editor *e)
{
	e->at = line_begin(e, e->at);
}

void editor_end(struct editor *e)
{
	e->at = line_end(e, e->at);
}

/* So many clusters from `from`, but not beyond the line. */
static void go_to_column(struct editor *e, size_t from, size_t clusters)
{
	size_t end = line_end(e, from);

	for (e->at = from; clusters > 0 && e->at < end; clusters--)
		e->at = after(e, e->at);
}

static size_t column_of(const struct editor *e)
{
	size_t n = 0;

	for (size_t at = line_begin(e, e->at); at < e->at; at = after(e, at))
		n++;
	return n;
}

bool editor_up(struct editor *e)
{
	size_t begin = line_begin(e, e->at);

	if (begin == 0)
		return false;
	go_to_column(e, line_begin(e, begin - 1), column_of(e));
	return true;
}

bool editor_down(struct editor *e)
{
	size_t end = line_end(e, e->at);

	if (end == e->text.len)
		return false;
	go_to_column(e, end + 1, column_of(e));
	return true;
}

/* --- taking out ------------------------------------------------------------------------------ */

void editor_backspace(struct editor *e)
{
	splice(e, before(e, e->at), e->at, "", 0);
}

void editor_delete(struct editor *e)
{
	size_t at = e->at;

	splice(e, at, after(e, at), "", 0);
}

static void kill_range(struct editor *e, size_t from, size_t to)
{
	char *s = from < to ? strndup(e->text.data + from, to - from) : NULL;

	if (s) {
		free(e->killed);
		e->killed = s;
	}
	splice(e, from, to, "", 0);
}

void editor_kill_home(struct editor *e)
{
	kill_range(e, line_begin(e, e->at), e->at);
}

void editor_kill_end(struct editor *e)
{
	size_t end = line_end(e, e->at);

	kill_range(e, e->at, end == e->at && end < e->text.len ? end + 1 : end);
}

void editor_kill_word(struct editor *e)
{
	kill_range(e, word_before(e), e->at);
}

void editor_yank(struct editor *e)
{
	if (e->killed)
		editor_insert(e, e->killed, strlen(e->killed));
}

/* --- rows ------------------------------------------------------------------------------------ */

/* A row is put in as one piece: letters that are written from right to left keep together. */
void editor_lay(
	const struct editor *e, unsigned width, struct rows *out, size_t *row, unsigned *column)
{
	const char *s = e->text.data;
	size_t from = 0, at = 0, n;
	unsigned columns = 0, w;

	*row = *column = 0;
	rows_begin(out);
	for (;; at += n, columns += w) {
		bool full;

		n = text_cluster(s + at, e->text.len - at);
		w = n ? text_show(NULL, s + at, n) : 1;
		full = columns + w > width && columns > 0;
		if (full && s && at < e->text.len && s[at] == '\n')
			full = false;
		if (full || (at > from && s[at - 1] == '\n')) {
			size_t end = s[at - 1] == '\n' ? at - 1 : at;

			rows_put_part(out, STYLE_TEXT, s + from, end - from);
			rows_begin(out);
			from = at;
			columns = 0;
		}
		if (at == e->at) {
			*row = out->n ? out->n - 1 : 0;
			*column = columns;
		}
		if (n == 0)
			break;
	}
	rows_put_part(out, STYLE_TEXT, s + from, at - from);
}
