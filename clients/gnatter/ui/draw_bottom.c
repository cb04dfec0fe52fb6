/* draw_bottom.c — the lines at the bottom: whether there is a connection, hints, the input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/layout.h"
#include "clients/gnatter/ui/ui_internal.h"

#define PROMPT      "> "
#define FIND_PROMPT "search: "

static struct editor *input_of(struct ui *ui)
{
	return ui->mode == MODE_FIND ? &ui->query : &ui->editor;
}

static const char *prompt_of(const struct ui *ui)
{
	return ui->mode == MODE_FIND ? FIND_PROMPT : PROMPT;
}

/* The line stays until there is a connection again, so that nothing moves at each attempt. */
static bool is_offline(struct ui *ui, const struct gnatter_status *s)
{
	if (s->state == GNATTER_OFFLINE)
		ui->was_offline = true;
	else if (s->state == GNATTER_ONLINE || s->state == GNATTER_SYNCED)
		ui->was_offline = false;
	return ui->was_offline;
}

unsigned draw_bottom_rows(struct ui *ui, unsigned columns, unsigned rows_max)
{
	struct gnatter_status s;
	struct rows *r = &ui->scratch;
	unsigned fixed, prompt = (unsigned)strlen(prompt_of(ui)), column;
	size_t row;

	gnatter_status(ui->g, &s);
	fixed = is_offline(ui, &s) ? 2 : 1;
	rows_reset(r);
	editor_lay(input_of(ui), columns - prompt - 1, r, &row, &column);
	return fixed + r->n < rows_max ? fixed + (unsigned)r->n : rows_max;
}

/* --- the connection -------------------------------------------------------------------------- */

static void say_waiting(const struct ui *ui, struct buf *b)
{
	if (ui->waiting == 1)
		buf_str(b, " 1 message waits to be sent.");
	else if (ui->waiting)
		buf_printf(b, " %zu messages wait to be sent.", ui->waiting);
}

/* What matters most comes first: the line may be cut. */
static void say_status(const struct ui *ui, const struct gnatter_status *s, struct buf *b)
{
	if (s->unauthorized)
		buf_str(b, "Not signed in: the server refused. 'gnatter login' signs in anew.");
	else if (s->state != GNATTER_OFFLINE)
		buf_printf(b, "Offline, trying %s.", s->address);
	else if (s->retry_in_ms > 0)
		buf_printf(b, "Offline, tries again in %lld s.",
			(long long)(s->retry_in_ms + 999) / 1000);
	else
		buf_str(b, "Offline.");
	say_waiting(ui, b);
	if (s->state == GNATTER_OFFLINE && *s->reason)
		buf_printf(b, " (%s)", s->reason);
}

static void draw_status(struct ui *ui, unsigned y, unsigned columns)
{
	struct gnatter_status s;
	struct rows *r = draw_row(ui);
	struct buf b = {0};

	gnatter_status(ui->g, &s);
	say_status(ui, &s, &b);
	buf_put(&b, "", 1);
	rows_put(r, STYLE_ALERT, " ");
	if (!b.failed)
		rows_put_cut(r, STYLE_ALERT, b.data, columns - 1);
	buf_free(&b);
	rows_pad(r, STYLE_ALERT, columns);
	draw_put(ui, y, 0, columns, false);
}

/* --- hints ----------------------------------------------------------------------------------- */

static void say_names(const struct complete *c, struct buf *b)
{
	for (size_t i = 0; i < c->n; i++)
		buf_printf(b, "%s%s", i ? "  " : "", c->names[i].name);
}

static void say_selected(struct ui *ui, struct buf *b)
{
	const struct item *i = view_find(&ui->view, ui->view.selected);

	if (!i)
		return;
	buf_printf(b, "Enter replies, /react, /edit, /delete; Escape lets go: %s: ", i->from);
	layout_summary(b, i->type, i->text);
}

static void say_found(const struct ui *ui, struct buf *b)
{
	const struct find *f = &ui->find;

	if (!f->what)
		buf_str(b, "Enter searches what was received. Escape: back");
	else if (f->n == 0)
		buf_str(b, "Nothing found. Escape: back");
	else
		buf_printf(b, "%zu of %zu%s. Up, Down; Enter: go there; Escape: back", f->at + 1,
			f->n, f->n == FIND_MAX ? " and more" : "");
}

static void say_chat(struct ui *ui, struct buf *b)
{
	if (ui->editing)
		buf_str(b, "Editing: Enter changes the message, Escape leaves it as it is");
	else if (ui->view.selected)
		say_selected(ui, b);
	else if (ui->asked)
		buf_str(b, "Asking for earlier messages\xe2\x80\xa6");
	else if (ui->ask_failed)
		buf_str(b, "Earlier messages could not be had. PgUp asks again.");
	else if (!ui->view.follow && ui->view.n)
		buf_str(b, "There are newer messages below: PgDn, Ctrl-End");
	else
		buf_str(b, "Enter send  Tab complete  Alt-\xe2\x86\x91\xe2\x86\x93 chat  PgUp/PgDn "
			   "scroll  "
			   "Ctrl-F search  /help");
}

static enum style say_hint(struct ui *ui, struct buf *b)
{
	struct gnatter_status s;

	if (ui->complete.active && ui->complete.n > 1) {
		say_names(&ui->complete, b);
		return STYLE_DIM;
	}
	if (ui->notice.until_ms > clock_ms()) {
		buf_str(b, ui->notice.text);
		return ui->notice.bad ? STYLE_ALERT : STYLE_TEXT;
	}
	gnatter_status(ui->g, &s);
	if (ui->mode == MODE_FIND)
		say_found(ui, b);
	else if (ui->mode == MODE_PAGE && ui->page.rows.n > ui->message_rows)
		buf_str(b, "PgUp, PgDn: scroll; Escape: back");
	else if (ui->mode == MODE_PAGE && ui->page.kind != PAGE_WELCOME)
		buf_str(b, "Escape: back");
	else if (s.state == GNATTER_STOPPED) /* the first picture, drawn before it is begun */
		buf_str(b, "Connecting\xe2\x80\xa6");
	else if (s.state == GNATTER_CONNECTING && !ui->was_offline)
		buf_printf(b, "Connecting to %s\xe2\x80\xa6", s.address);
	else
		say_chat(ui, b);
	return STYLE_DIM;
}

static void draw_hint(struct ui *ui, unsigned y, unsigned columns)
{
	struct rows *r = draw_row(ui);
	struct buf b = {0};
	enum style style = say_hint(ui, &b);

	buf_put(&b, "", 1);
	rows_put(r, style, " ");
	if (!b.failed)
		rows_put_cut(r, style, b.data, columns - 1);
	buf_free(&b);
	draw_put(ui, y, 0, columns, false);
}

/* --- the input ------------------------------------------------------------------------------- */

static void draw_input(struct ui *ui, struct area a)
{
	const char *prompt = prompt_of(ui);
	unsigned n = (unsigned)strlen(prompt), column;
	struct rows lines = {0};
	size_t row, top;

	editor_lay(input_of(ui), a.columns - n - 1, &lines, &row, &column);
	top = row + 1 > a.rows ? row + 1 - a.rows : 0;
	if (lines.n > a.rows && top + a.rows > lines.n)
		top = lines.n - a.rows;
	rows_put(draw_row(ui), STYLE_ME, prompt);
	draw_put(ui, a.y, 0, n, false);
	for (unsigned i = 0; i < a.rows && top + i < lines.n; i++)
		screen_row(a.y + i, n, &lines, top + i, a.columns - n, false);
	screen_cursor(a.y + (unsigned)(row - top), n + column, true);
	rows_free(&lines);
}

void draw_bottom(struct ui *ui, struct area a)
{
	if (ui->was_offline) {
		draw_status(ui, a.y++, a.columns);
		a.rows--;
	}
	draw_hint(ui, a.y++, a.columns);
	a.rows--;
	draw_input(ui, a);
}
