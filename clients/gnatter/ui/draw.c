/* draw.c — the picture, made anew from what is in memory; curses sends what has changed of it.
 *
 *    header
 *    chats │ messages
 *    offline, if so
 *    hints, or a notice
 *    > input
 */
#include <string.h>

#include "clients/gnatter/ui/layout.h"
#include "clients/gnatter/ui/ui_internal.h"

#define LIST_FROM 60 /* columns: with less there is no room for the list */
#define LIST_MIN  20
#define LIST_MAX  32

struct rows *draw_row(struct ui *ui)
{
	rows_reset(&ui->scratch);
	rows_begin(&ui->scratch);
	return &ui->scratch;
}

void draw_put(struct ui *ui, unsigned y, unsigned x, unsigned width, bool chosen)
{
	screen_row(y, x, &ui->scratch, 0, width, chosen);
}

/* --- the header ------------------------------------------------------------------------------ */

static bool presence_of(void *ctx, const struct gnatter_profile *p)
{
	struct buf *b = ctx;
	char when[32];

	if (p->presence.online) {
		buf_str(b, *p->presence.state ? p->presence.state : "online");
	} else if (p->presence.last_seen_ms) {
		layout_when(when, p->presence.last_seen_ms, wall_ms());
		buf_printf(b, "last seen %s", when);
	}
	if (*p->presence.text)
		buf_printf(b, " (%s)", p->presence.text);
	return false;
}

static bool count_member(void *ctx, const struct gnatter_member *m)
{
	(void)m;
	++*(unsigned *)ctx;
	return true;
}

static unsigned count_members(struct ui *ui)
{
	if (!ui->members_counted) {
		ui->members = 0;
		gnatter_members(ui->g, ui->chat, count_member, &ui->members);
		ui->members_counted = true;
	}
	return ui->members;
}

static void describe_chat(struct ui *ui, struct buf *b)
{
	const struct chat_entry *e = ui_entry(ui);
	unsigned members;
	char peer[65];

	if (e && e->gone) {
		buf_str(b, "you are no member any more");
	} else if (typing_say(&ui->typing, ui->chat, clock_ms(), b)) {
		return;
	} else if (ui_peer(ui, ui->chat, peer)) {
		watch_want(&ui->watch, ui->g, peer);
		gnatter_profile(ui->g, peer, presence_of, b);
	} else {
		members = count_members(ui);
		if (members)
			buf_printf(b, "%u member%s", members, members == 1 ? "" : "s");
	}
	if (e && e->muted)
		buf_printf(b, "%smuted", b->len ? ", " : "");
}

static void put_cut(struct rows *r, const char *s, unsigned width)
{
	if (rows_column(r) < width)
		rows_put_cut(r, STYLE_BAR, s, width - rows_column(r));
}

static void draw_header(struct ui *ui, unsigned columns)
{
	struct rows *r = draw_row(ui);
	const struct chat_entry *e = ui_entry(ui);
	const char *me = gnatter_user(ui->g);
	unsigned right = (unsigned)strlen(me) + 2;
	unsigned left = columns > right + 12 ? columns - right : columns;
	struct buf b = {0};
	char peer[65];

	rows_put(r, STYLE_BAR, " ");
	if (!*ui->chat)
		put_cut(r, "Gnatter", left);
	else if (ui_peer(ui, ui->chat, peer))
		put_cut(r, peer, left);
	else
		put_cut(r, e ? chats_name(e) : ui->chat, left);
	if (*ui->chat)
		describe_chat(ui, &b);
	if (b.len && !b.failed) {
		buf_put(&b, "", 1);
		put_cut(r, " \xc2\xb7 ", left);
		if (!b.failed)
			put_cut(r, b.data, left);
	}
	buf_free(&b);
	rows_pad(r, STYLE_BAR, left);
	if (left < columns) {
		rows_put(r, STYLE_BAR, " ");
		put_cut(r, me, columns - 1);
		rows_pad(r, STYLE_BAR, columns);
	}
	draw_put(ui, 0, 0, columns, false);
}

/* --- all of it ------------------------------------------------------------------------------- */

static void draw_too_small(struct ui *ui)
{
	struct rows *r = draw_row(ui);
	struct buf b = {0};

	buf_printf(&b, "Too small: %ux%u, %dx%d needed", ui->columns, ui->rows, UI_COLUMNS_MIN,
		UI_ROWS_MIN);
	buf_put(&b, "", 1);
	if (!b.failed)
		rows_put_cut(r, STYLE_TEXT, b.data, ui->columns);
	buf_free(&b);
	draw_put(ui, 0, 0, ui->columns, false);
	screen_cursor(0, 0, false);
}

static unsigned list_width(const struct ui *ui)
{
	bool room = ui->columns >= LIST_FROM;
	unsigned width = ui->columns / 3;

	if (room == ui->list_toggled)
		return 0;
	if (!room)
		return ui->columns;
	return width < LIST_MIN ? LIST_MIN : width > LIST_MAX ? LIST_MAX : width;
}

/* What was on the screen has been read. */
static void mark_read(struct ui *ui)
{
	uint64_t seen = view_seen(&ui->view);

	if (!*ui->chat || seen <= ui->marked)
		return;
	ui->marked = seen;
	if (gnatter_mark_read(ui->g, ui->chat, seen) == GNATTER_OK)
		ui->chats_stale = true;
}

static void draw_panes(struct ui *ui, unsigned bottom)
{
	unsigned width = list_width(ui);
	struct area a = {1, 0, ui->rows - 1 - bottom, width};

	ui->message_rows = a.rows;
	if (width)
		draw_list(ui, a);
	if (width == ui->columns)
		return;
	if (width) {
		screen_rule(a.y, width, a.rows);
		width++;
	}
	a.x = width;
	a.columns = ui->columns - width;
	draw_messages(ui, a);
	if (ui->mode == MODE_CHAT) {
		mark_read(ui);
		ui_ask_history(ui);
	}
}

void ui_draw(struct ui *ui)
{
	unsigned bottom;

	screen_size(&ui->rows, &ui->columns);
	ui->dirty = false;
	ui->drawn_ms = clock_ms();
	screen_begin();
	if (ui->rows < UI_ROWS_MIN || ui->columns < UI_COLUMNS_MIN) {
		draw_too_small(ui);
		screen_show();
		return;
	}
	watch_begin(&ui->watch);
	bottom = draw_bottom_rows(ui, ui->columns, ui->rows / 2);
	draw_panes(ui, bottom);
	draw_header(ui, ui->columns);
	draw_bottom(ui, (struct area){ui->rows - bottom, 0, bottom, ui->columns});
	watch_end(&ui->watch, ui->g);
	screen_show();
}
