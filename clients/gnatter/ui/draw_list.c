/* draw_list.c — the list of chats, two rows each: name and time or what is unread; the preview. */
#include <stdio.h>
#include <string.h>

#include "clients/gnatter/ui/layout.h"
#include "clients/gnatter/ui/ui_internal.h"

#define ROWS_EACH 2

struct shown {
	char name[600];
	bool online;
};

static bool look(void *ctx, const struct gnatter_profile *p)
{
	struct shown *s = ctx;

	s->online = p->presence.online;
	if (*p->alias)
		snprintf(s->name, sizeof s->name, "%s", p->alias);
	return false;
}

static struct shown shown_of(struct ui *ui, const struct chat_entry *e)
{
	struct shown s = {.online = false};

	snprintf(s.name, sizeof s.name, "%s", chats_name(e));
	if (e->kind == GNATTER_PAIR) {
		watch_want(&ui->watch, ui->g, e->peer);
		gnatter_profile(ui->g, e->peer, look, &s);
	}
	return s;
}

static void right_side(const struct chat_entry *e, char out[32], enum style *style)
{
	*style = STYLE_DIM;
	if (e->unread) {
		snprintf(out, 32, e->unread > 9999 ? "(9999+)" : "(%llu)",
			(unsigned long long)e->unread);
		*style = e->muted ? STYLE_DIM : STYLE_UNREAD;
	} else {
		layout_when(out, e->ts_ms, wall_ms());
	}
}

static void draw_name(struct ui *ui, const struct chat_entry *e, unsigned y, unsigned width)
{
	struct shown s = shown_of(ui, e);
	struct rows *r = draw_row(ui);
	enum style style;
	char right[32];
	unsigned n;

	right_side(e, right, &style);
	n = (unsigned)strlen(right);
	rows_put(r, STYLE_UNREAD, s.online ? "\xe2\x97\x8f" : " ");
	rows_put_cut(r,
		e->gone     ? STYLE_DIM
		: e->unread ? STYLE_ME
			    : STYLE_TEXT,
		s.name, width > n + 3 ? width - n - 3 : 1);
	rows_pad(r, STYLE_TEXT, width > n + 1 ? width - n - 1 : 0);
	if (rows_column(r) + n < width)
		rows_put(r, style, right);
	draw_put(ui, y, 0, width, strcmp(e->chat, ui->chat) == 0);
}

static void preview(struct ui *ui, const struct chat_entry *e, struct buf *b)
{
	if (e->gone) {
		buf_str(b, "(left)");
		return;
	}
	if (typing_say(&ui->typing, e->chat, clock_ms(), b) || !*e->preview_type)
		return;
	if (strcmp(e->preview_from, gnatter_user(ui->g)) == 0)
		buf_str(b, "you: ");
	else if (e->kind != GNATTER_PAIR)
		buf_printf(b, "%s: ", e->preview_from);
	layout_summary(b, e->preview_type, e->preview_text);
}

static void draw_preview(struct ui *ui, const struct chat_entry *e, unsigned y, unsigned width)
{
	struct rows *r = draw_row(ui);
	struct buf b = {0};

	preview(ui, e, &b);
	buf_put(&b, "", 1);
	rows_put(r, STYLE_TEXT, "  ");
	if (!b.failed)
		rows_put_cut(r, STYLE_DIM, b.data, width - 3);
	buf_free(&b);
	draw_put(ui, y, 0, width, strcmp(e->chat, ui->chat) == 0);
}

/* The open chat stays on the screen. */
static void scroll_list(struct ui *ui, unsigned fit)
{
	size_t at = chats_find(&ui->chats, ui->chat);

	if (ui->chats.n <= fit || fit == 0) {
		ui->list_top = 0;
		return;
	}
	if (ui->list_top > ui->chats.n - fit)
		ui->list_top = ui->chats.n - fit;
	if (at < ui->list_top)
		ui->list_top = at;
	else if (at < ui->chats.n && at >= ui->list_top + fit)
		ui->list_top = at + 1 - fit;
}

void draw_list(struct ui *ui, struct area a)
{
	unsigned fit = a.rows / ROWS_EACH;

	scroll_list(ui, fit);
	for (unsigned i = 0; i < fit && ui->list_top + i < ui->chats.n; i++) {
		const struct chat_entry *e = ui->chats.entries[ui->list_top + i];

		draw_name(ui, e, a.y + i * ROWS_EACH, a.columns);
		draw_preview(ui, e, a.y + i * ROWS_EACH + 1, a.columns);
	}
}
