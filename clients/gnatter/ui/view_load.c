/* view_load.c — the stretch of the chat that is in memory: read, read again, let go of. */
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/view_internal.h"

static bool view_room(struct view *v, size_t more)
{
	size_t cap = v->cap ? v->cap : 128;
	struct item **p;

	while (cap < v->n + more)
		cap *= 2;
	if (cap == v->cap)
		return true;
	p = realloc(v->items, cap * sizeof *p);
	if (!p)
		return false;
	v->items = p;
	v->cap = cap;
	return true;
}

void view_remove(struct view *v, size_t at, size_t count)
{
	for (size_t i = at; i < at + count; i++) {
		v->bytes -= v->items[i]->size;
		item_destroy(v->items[i]);
	}
	if (count == 0)
		return;
	memmove(&v->items[at], &v->items[at + count], (v->n - at - count) * sizeof *v->items);
	v->n -= count;
}

static bool view_insert(struct view *v, size_t at, struct item *const *items, size_t count)
{
	if (count == 0 || !view_room(v, count))
		return count == 0;
	memmove(&v->items[at + count], &v->items[at], (v->n - at) * sizeof *v->items);
	memcpy(&v->items[at], items, count * sizeof *items);
	v->n += count;
	for (size_t i = 0; i < count; i++)
		v->bytes += items[i]->size;
	return true;
}

/* --- a page ---------------------------------------------------------------------------------- */

struct page {
	struct view *view;
	struct item **items;
	size_t n, cap;
	uint64_t first, last; /* seq */
	uint64_t last_n;
	size_t count;      /* with what is not drawn */
	uint64_t expected; /* the seq that must come next; 0: any */
	bool forward;      /* ends at a gap, which is noted; else begins anew behind each */
	bool gap;
};

static bool page_keep(struct page *p, const struct gnatter_message *m)
{
	struct item *i = item_create(m);

	if (i && p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : VIEW_PAGE;
		struct item **items = realloc(p->items, cap * sizeof *items);

		if (!items) {
			item_destroy(i);
			return false;
		}
		p->items = items;
		p->cap = cap;
	}
	if (!i)
		return false;
	i->gen = p->view->gen;
	p->items[p->n++] = i;
	return true;
}

static void page_clear(struct page *p)
{
	for (size_t i = 0; i < p->n; i++)
		item_destroy(p->items[i]);
	p->n = 0;
	p->count = 0;
	p->first = p->last = 0;
}

/* An edit or a reaction that was deleted looks like a message that was, but nobody counted it. */
static bool counted(uint64_t n_before, bool known, const struct gnatter_message *m)
{
	return strcmp(m->type, "deleted") != 0 || !known || m->n != n_before;
}

static bool page_add(void *ctx, const struct gnatter_message *m)
{
	struct page *p = ctx;

	if (m->seq == 0)
		return true;
	if (p->expected && m->seq != p->expected) {
		p->gap = p->forward;
		if (p->gap)
			return false;
		page_clear(p);
	}
	if (item_is_shown(m) && counted(p->last_n, p->count > 0 || p->last_n, m) &&
		!page_keep(p, m))
		return false;
	if (p->count++ == 0)
		p->first = m->seq;
	p->last = m->seq;
	p->last_n = m->n;
	p->expected = m->seq + 1;
	return true;
}

static void page_finish(struct page *p)
{
	page_clear(p);
	free(p->items);
}

/* Put the page's items into the view; they are the view's then. */
static bool page_give(struct page *p, size_t at)
{
	if (!view_insert(p->view, at, p->items, p->n))
		return false;
	p->n = 0;
	return true;
}

/* --- older, newer ---------------------------------------------------------------------------- */

/* The first in memory may be an edit that was deleted: now its n can be compared. */
static void judge_first(struct view *v, uint64_t n_before)
{
	if (v->n > v->waiting && v->items[0]->seq == v->first &&
		strcmp(v->items[0]->type, "deleted") == 0 && v->items[0]->n == n_before)
		view_remove(v, 0, 1);
}

bool view_load_older(struct view *v)
{
	struct page p = {.view = v};
	bool fits;

	if (v->at_first || v->lacks || v->first == 0)
		return false;
	v->source.cached(v->source.ctx, v->first, VIEW_PAGE, page_add, &p);
	fits = p.count > 0 && p.last + 1 == v->first;
	if (fits)
		judge_first(v, p.last_n);
	if (fits && page_give(&p, 0)) {
		v->first = p.first;
		v->at_first = v->first == 1;
	} else {
		v->lacks = true;
	}
	page_finish(&p);
	return fits;
}

bool view_load_newer(struct view *v)
{
	struct page p = {.view = v, .expected = v->last + 1, .forward = true, .last_n = v->last_n};
	bool some;

	v->source.cached_after(v->source.ctx, v->last, VIEW_PAGE, page_add, &p);
	some = p.count > 0 && page_give(&p, v->n - v->waiting);
	if (some) {
		if (v->first == 0)
			v->first = p.first;
		v->last = p.last;
		v->last_n = p.last_n;
	}
	v->gap = p.gap;
	v->at_last = p.count < VIEW_PAGE && !p.gap;
	page_finish(&p);
	return some;
}

void view_forget(struct view *v)
{
	view_remove(v, 0, v->n);
	v->waiting = 0;
	v->first = v->last = v->last_n = 0;
	v->at_first = v->at_last = v->lacks = v->gap = false;
	v->lines_n = 0;
}

void view_load_newest(struct view *v)
{
	struct page p = {.view = v};

	view_forget(v);
	v->source.cached(v->source.ctx, 0, VIEW_PAGE, page_add, &p);
	if (p.count > 0 && page_give(&p, 0)) {
		v->first = p.first;
		v->last = p.last;
		v->last_n = p.last_n;
	}
	v->at_first = v->first == 1;
	v->at_last = true;
	v->lacks = v->first == 0;
	page_finish(&p);
}

/* Begin with what is behind `after`. */
void view_load_after(struct view *v, uint64_t after)
{
	view_forget(v);
	v->last = after;
	if (!view_load_newer(v) || v->first == 0) {
		view_load_newest(v);
		return;
	}
	v->at_first = v->first == 1;
}

/* --- the outbox ------------------------------------------------------------------------------ */

static bool outbox_add(void *ctx, const struct gnatter_message *m)
{
	struct page *p = ctx;

	return !item_is_shown(m) || (page_keep(p, m) && p->n < VIEW_OUTBOX_MAX);
}

static bool stored_already(const struct view *v, const char *id)
{
	for (size_t i = v->n; i-- > 0 && v->n - i < 4 * VIEW_PAGE;) {
		if (v->items[i]->mine && strcmp(v->items[i]->id, id) == 0)
			return true;
	}
	return false;
}

/* A view that stands at the end does so afterwards, too, also if it must let go of the rest. */
static void load_all_newer(struct view *v)
{
	bool was_last = v->at_last;

	if (v->first == 0) {
		view_load_newest(v);
		return;
	}
	while (was_last && view_load_newer(v) && !v->at_last && !v->gap)
		;
	if (v->gap && v->follow)
		view_load_newest(v);
}

/* What was stored while this looked may be in both: the outbox is read first, so that nothing is in
 * neither. */
void view_load_changes(struct view *v)
{
	struct page p = {.view = v};
	size_t kept = 0;

	if (v->outbox_gen == v->gen)
		return;
	v->outbox_gen = v->gen;
	v->source.outbox(v->source.ctx, outbox_add, &p);
	view_remove(v, v->n - v->waiting, v->waiting);
	v->waiting = 0;
	load_all_newer(v);
	for (size_t i = 0; i < p.n; i++) {
		p.items[i]->seq = 0;
		if (v->at_last && !stored_already(v, p.items[i]->id))
			p.items[kept++] = p.items[i];
		else
			item_destroy(p.items[i]);
	}
	p.n = kept;
	if (page_give(&p, v->n))
		v->waiting = kept;
	page_finish(&p);
}

/* --- reading again --------------------------------------------------------------------------- */

struct again {
	struct view *view;
	size_t at, end; /* items */
};

static bool again_add(void *ctx, const struct gnatter_message *m)
{
	struct again *a = ctx;
	struct view *v = a->view;
	struct item *i;

	while (a->at < a->end && v->items[a->at]->seq < m->seq)
		a->at++;
	if (a->at == a->end)
		return false;
	if (v->items[a->at]->seq != m->seq)
		return true;
	i = item_create(m);
	if (!i)
		return false;
	i->gen = v->gen;
	v->bytes += i->size - v->items[a->at]->size;
	item_destroy(v->items[a->at]);
	v->items[a->at] = i;
	return true;
}

/* Of the items from..end, read again those that are as of an earlier change. */
bool view_read_again(struct view *v, size_t from, size_t end)
{
	struct again a = {.view = v, .end = end};
	uint64_t count;

	while (end > from && v->items[end - 1]->seq == 0)
		end--;
	while (from < end && v->items[from]->gen == v->gen)
		from++;
	if (from == end)
		return false;
	a.at = from;
	a.end = end;
	count = v->items[end - 1]->seq - v->items[from]->seq + 1;
	v->source.cached_after(v->source.ctx, v->items[from]->seq - 1,
		(uint32_t)(count < 10000 ? count : 10000), again_add, &a);
	/* What the cache has forgotten meanwhile stays as it was. */
	for (size_t i = from; i < end; i++)
		v->items[i]->gen = v->gen;
	return true;
}

/* Let go of what is far from the items from..end. */
void view_trim(struct view *v, size_t from, size_t end)
{
	size_t stored = v->n - v->waiting, spare = 10 * (size_t)VIEW_PAGE;

	if (v->n <= VIEW_ITEMS_MAX && v->bytes <= VIEW_BYTES_MAX)
		return;
	if (v->bytes > VIEW_BYTES_MAX)
		spare = VIEW_PAGE;
	if (stored > end + spare) {
		size_t keep = end + spare;

		v->last = v->items[keep - 1]->seq;
		v->last_n = v->items[keep - 1]->n;
		view_remove(v, keep, v->n - keep);
		v->waiting = 0;
		v->at_last = false;
	}
	if (from > spare) {
		v->first = v->items[from - spare]->seq;
		view_remove(v, 0, from - spare);
		v->at_first = v->lacks = false;
	}
}
