/* draw_messages.c — what stands to the right: messages, a page, or what was found. */
#include "clients/gnatter/ui/ui_internal.h"

static void draw_view(struct ui *ui, struct area a)
{
	struct view *v = &ui->view;
	unsigned blank;

	view_size(v, a.columns - 1, a.rows);
	view_lay(v);
	blank = a.rows - (unsigned)v->lines_n;
	for (size_t i = 0; i < v->lines_n; i++) {
		const struct view_line *l = &v->lines[i];
		bool chosen =
			v->selected && l->item->seq == v->selected && l->rows == &l->item->rows;

		screen_row(
			a.y + blank + (unsigned)i, a.x + 1, l->rows, l->row, a.columns - 1, chosen);
	}
}

static void draw_page(struct ui *ui, struct area a)
{
	struct page *p = &ui->page;

	page_lay(ui, a.columns - 2);
	page_scroll(ui, 0, a.rows);
	for (unsigned i = 0; i < a.rows && p->top + i < p->rows.n; i++)
		screen_row(a.y + i, a.x + 1, &p->rows, p->top + i, a.columns - 1, false);
}

static void draw_found(struct ui *ui, struct area a)
{
	struct find *f = &ui->find;

	if (f->at < f->top)
		f->top = f->at;
	if (f->at >= f->top + a.rows)
		f->top = f->at + 1 - a.rows;
	for (unsigned i = 0; i < a.rows && f->top + i < f->n; i++) {
		rows_reset(&ui->scratch);
		find_lay(ui, f->top + i, a.columns - 1, &ui->scratch);
		draw_put(ui, a.y + i, a.x + 1, a.columns - 1, f->top + i == f->at);
	}
}

void draw_messages(struct ui *ui, struct area a)
{
	switch (ui->mode) {
	case MODE_CHAT:
		draw_view(ui, a);
		break;
	case MODE_PAGE:
		draw_page(ui, a);
		break;
	case MODE_FIND:
		draw_found(ui, a);
		break;
	}
}
