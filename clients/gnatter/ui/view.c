/* view.c — see view.h: the place in the window, and what is on the screen from there. */
#include "view.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/layout.h"
#include "clients/gnatter/ui/view_internal.h"

#define NEAR 60 /* items: what lacks before so many is asked for */

struct place {
	size_t i; /* item */
	long r;   /* row; below 0: of its head */
};

void view_init(struct view *v, const struct view_source *source)
{
	*v = (struct view){.source = *source, .follow = true, .unread_after = UINT64_MAX};
}

void view_finish(struct view *v)
{
	view_forget(v);
	free(v->items);
	free(v->lines);
	*v = (struct view){0};
}

void view_touch(struct view *v)
{
	v->gen++;
}

void view_size(struct view *v, unsigned width, unsigned height)
{
	struct view_line *lines;

	v->width = width;
	if (height > v->height) {
		lines = realloc(v->lines, height * sizeof *lines);
		if (!lines)
			return;
		v->lines = lines;
	}
	v->height = height;
	v->lines_n = 0;
}

/* --- items and places ------------------------------------------------------------------------ */

/* What waits in the outbox counts on from the last. */
static uint64_t number(const struct view *v, size_t i)
{
	return v->items[i]->seq ? v->items[i]->seq : v->last + 1 + (i + v->waiting - v->n);
}

/* The first item of that number or a later one; v->n if there is none. */
static size_t index_of(const struct view *v, uint64_t seq)
{
	size_t low = 0, high = v->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (number(v, middle) < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Not before a message of which one cannot tell, since what is before it is not here. */
static bool unread_begins(const struct view *v, size_t i)
{
	uint64_t before = i > 0 ? v->items[i - 1]->seq : v->first - 1;

	return v->unread_after != UINT64_MAX && v->items[i]->seq > v->unread_after &&
	       before <= v->unread_after;
}

static struct item *prepare(struct view *v, size_t i)
{
	struct item *it = v->items[i];

	if (!it->filled) {
		it->filled = true;
		it->width = 0;
		v->source.fill(v->source.ctx, it);
	}
	layout_item(it, v->width);
	layout_head(it, i > 0 ? v->items[i - 1] : NULL, v->at_first, unread_begins(v, i), v->width);
	return it;
}

static bool up(struct view *v, struct place *p)
{
	while (prepare(v, p->i), p->r <= -(long)v->items[p->i]->head.n) {
		size_t n = v->n;

		if (p->i > 0) {
			p->i--;
			p->r = (long)prepare(v, p->i)->rows.n - 1;
			return true;
		}
		if (!view_load_older(v))
			return false;
		p->i += v->n - n;
	}
	p->r--;
	return true;
}

static bool down(struct view *v, struct place *p)
{
	if (p->r + 1 < (long)prepare(v, p->i)->rows.n) {
		p->r++;
		return true;
	}
	while (p->i + 1 >= v->n) {
		if (v->at_last || v->gap || !view_load_newer(v))
			return false;
	}
	p->i++;
	p->r = -(long)prepare(v, p->i)->head.n;
	return true;
}

static struct place place_of_top(struct view *v)
{
	struct place p = {.i = index_of(v, v->top), .r = v->top_row};
	long rows, head;

	if (p.i == v->n) {
		p.i = v->n - 1;
		p.r = LONG_MAX;
	} else if (number(v, p.i) != v->top) {
		p.r = -1;
	}
	rows = (long)prepare(v, p.i)->rows.n;
	head = (long)v->items[p.i]->head.n;
	if (p.r >= rows)
		p.r = rows - 1;
	if (p.r < -head)
		p.r = -head;
	return p;
}

static void set_top(struct view *v, struct place p)
{
	v->follow = false;
	v->top = number(v, p.i);
	v->top_row = p.r;
}

/* --- what is on the screen ------------------------------------------------------------------- */

static void put_line(struct view *v, struct place p)
{
	const struct item *i = v->items[p.i];
	const struct rows *rows = p.r < 0 ? &i->head : &i->rows;
	size_t row = (size_t)(p.r < 0 ? (long)i->head.n + p.r : p.r);

	if (row < rows->n)
		v->lines[v->lines_n++] = (struct view_line){i, rows, row};
}

/* From there down. False if the end comes first. */
static bool fill_down(struct view *v, struct place p)
{
	v->lines_n = 0;
	do
		put_line(v, p);
	while (v->lines_n < v->height && down(v, &p));
	return v->lines_n == v->height;
}

static struct place place_of_end(struct view *v)
{
	struct place p = {.i = v->n - 1};

	p.r = (long)prepare(v, p.i)->rows.n - 1;
	for (unsigned rows = 1; rows < v->height && up(v, &p); rows++)
		;
	return p;
}

/* A screen that is not full shows the end, and then the end is followed. */
static void fill(struct view *v)
{
	struct place p;

	v->lines_n = 0;
	if (v->follow && !v->at_last)
		view_load_newest(v);
	while (v->n == 0 && view_load_older(v))
		;
	if (v->n == 0 || v->height == 0)
		return;
	if (!v->follow && fill_down(v, place_of_top(v)))
		return;
	p = place_of_end(v);
	set_top(v, p);
	v->follow = v->at_last;
	fill_down(v, p);
}

static size_t item_of_line(const struct view *v, size_t line)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->items[i] == v->lines[line].item)
			return i;
	}
	return 0;
}

void view_lay(struct view *v)
{
	size_t from, end;

	view_load_changes(v);
	for (int again = 0; again < 3; again++) {
		fill(v);
		if (v->lines_n == 0)
			return;
		from = item_of_line(v, 0);
		end = item_of_line(v, v->lines_n - 1) + 1;
		if (!view_read_again(v, from, end))
			break;
		v->lines_n = 0; /* they were of items that are gone */
	}
	if (v->lines_n == 0)
		fill(v);
	if (v->lines_n) {
		from = item_of_line(v, 0);
		end = item_of_line(v, v->lines_n - 1) + 1;
		view_trim(v, from, end);
		if (from < NEAR)
			view_load_older(v);
	}
}

uint64_t view_seen(const struct view *v)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < v->lines_n; i++) {
		const struct view_line *l = &v->lines[i];

		if (l->rows == &l->item->rows && l->row + 1 == l->rows->n && l->item->seq > seen)
			seen = l->item->seq;
	}
	/* Behind the last that is drawn there may be edits and reactions. */
	if (v->at_last && v->n > v->waiting && seen == v->items[v->n - v->waiting - 1]->seq)
		return v->last;
	return seen;
}

/* --- moving ---------------------------------------------------------------------------------- */

void view_open(struct view *v, uint64_t read, uint64_t unread)
{
	view_forget(v);
	v->selected = 0;
	v->owed = 0;
	v->follow = unread == 0;
	v->unread_after = unread ? read : UINT64_MAX;
	v->top = read + 1;
	v->top_row = -1;
	if (unread >= VIEW_PAGE / 2)
		view_load_after(v, read);
	else
		view_load_newest(v);
	v->outbox_gen = ++v->gen - 1;
}

void view_scroll(struct view *v, long rows)
{
	struct place p;

	view_lay(v);
	if (v->lines_n == 0)
		return;
	p = v->follow ? place_of_end(v) : place_of_top(v);
	for (; rows < 0 && up(v, &p); rows++)
		;
	v->owed = rows < 0 && v->lacks && !v->at_first ? rows : 0;
	for (; rows > 0 && !v->follow && down(v, &p); rows--)
		;
	set_top(v, p);
}

void view_end(struct view *v)
{
	v->owed = 0;
	v->follow = true;
	v->selected = 0;
}

void view_goto(struct view *v, uint64_t seq)
{
	struct place p;

	v->owed = 0;
	if (seq < v->first || seq > v->last)
		view_load_after(v, seq > NEAR ? seq - NEAR : 0);
	if (v->n == 0)
		return;
	v->top = seq;
	v->top_row = 0;
	p = place_of_top(v);
	for (unsigned i = 0; i < v->height / 3 && up(v, &p); i++)
		;
	set_top(v, p);
	v->selected = seq;
	v->outbox_gen = ++v->gen - 1;
}

bool view_wants(const struct view *v, uint64_t *before)
{
	*before = v->first;
	if (v->lacks && !v->at_first)
		return v->lines_n == 0 || item_of_line(v, 0) < NEAR;
	*before = v->last + VIEW_PAGE + 1;
	return v->gap && (v->lines_n == 0 || item_of_line(v, v->lines_n - 1) + NEAR > v->n);
}

void view_came(struct view *v)
{
	if (v->gap) {
		v->gap = false;
		view_load_newer(v);
		return;
	}
	v->lacks = false;
	if (v->first == 0)
		view_load_newest(v);
	else if (!view_load_older(v))
		v->at_first = true;
	if (v->first == 0)
		v->at_first = true;
	if (v->owed)
		view_scroll(v, v->owed);
}

/* --- selecting ------------------------------------------------------------------------------- */

static bool can_be_selected(const struct item *i)
{
	return i->seq && !i->deleted && strcmp(i->type, "system") != 0 &&
	       strcmp(i->type, "deleted") != 0;
}

static bool on_screen(const struct view *v, const struct item *i)
{
	for (size_t k = 0; k < v->lines_n; k++) {
		if (v->lines[k].item == i && v->lines[k].rows == &i->rows)
			return true;
	}
	return false;
}

void view_select(struct view *v, bool go_up)
{
	size_t i = v->selected ? index_of(v, v->selected) : v->n;
	struct place p = {0};

	if (go_up && i == 0 && view_load_older(v))
		i = index_of(v, v->selected);
	do {
		if (go_up ? i == 0 : i + 1 >= v->n)
			break;
		i = go_up ? i - 1 : i + 1;
	} while (!can_be_selected(v->items[i]));
	if (i >= v->n || !can_be_selected(v->items[i]) || v->items[i]->seq == v->selected) {
		if (!go_up)
			view_end(v);
		return;
	}
	v->selected = v->items[i]->seq;
	view_lay(v);
	if (on_screen(v, view_find(v, v->selected)))
		return;
	p.i = index_of(v, v->selected);
	for (unsigned k = 0; k < v->height / 2 && up(v, &p); k++)
		;
	set_top(v, p);
}

const struct item *view_find(const struct view *v, uint64_t seq)
{
	size_t i = index_of(v, seq);

	return i < v->n && v->items[i]->seq == seq ? v->items[i] : NULL;
}

const struct item *view_newest(const struct view *v, bool mine)
{
	for (size_t i = v->n; i-- > 0;) {
		if (v->items[i]->mine == mine && can_be_selected(v->items[i]))
			return v->items[i];
	}
	return NULL;
}
