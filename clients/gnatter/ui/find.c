/* find.c — Ctrl-F: messages that hold a text, in the cache of all chats. */
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/layout.h"
#include "clients/gnatter/ui/text.h"
#include "clients/gnatter/ui/ui_internal.h"

static void clear(struct find *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->all[i].chat);
		free(f->all[i].from);
		free(f->all[i].text);
	}
	f->n = f->at = f->top = 0;
}

void find_finish(struct find *f)
{
	clear(f);
	free(f->what);
	f->what = NULL;
}

void find_open(struct ui *ui, const char *what)
{
	ui->mode = MODE_FIND;
	complete_end(&ui->complete);
	editor_set(&ui->query, what);
	if (*what)
		find_now(ui);
}

void find_close(struct ui *ui)
{
	find_finish(&ui->find);
	ui->mode = MODE_CHAT;
}

static bool add(void *ctx, const struct gnatter_message *m)
{
	struct find *f = ctx;
	struct found *one = &f->all[f->n];

	if (!m->text || m->seq == 0 || m->deleted || !item_is_shown(m))
		return true;
	*one = (struct found){.seq = m->seq, .ts_ms = m->ts_ms};
	one->chat = strdup(m->chat);
	one->from = strdup(m->from);
	one->text = strdup(m->text);
	f->n++;
	if (one->chat && one->from && one->text)
		return f->n < FIND_MAX;
	clear(f);
	return false;
}

void find_now(struct ui *ui)
{
	struct find *f = &ui->find;

	find_finish(f);
	f->what = strdup(editor_text(&ui->query));
	if (f->what && *f->what)
		ui_check(ui, gnatter_search(ui->g, NULL, f->what, FIND_MAX, add, f));
}

void find_step(struct ui *ui, int step)
{
	struct find *f = &ui->find;

	if (step < 0 && f->at > 0)
		f->at--;
	if (step > 0 && f->at + 1 < f->n)
		f->at++;
}

void find_go(struct ui *ui)
{
	struct find *f = &ui->find;
	char chat[GNATTER_CHAT_SIZE];
	uint64_t seq;

	if (f->at >= f->n || strlen(f->all[f->at].chat) >= sizeof chat)
		return;
	strcpy(chat, f->all[f->at].chat);
	seq = f->all[f->at].seq;
	find_close(ui);
	ui_open(ui, chat);
	view_goto(&ui->view, seq);
}

/* Where to begin, so that what was looked for can be seen in so many columns. */
static const char *near_match(const char *text, const char *what, unsigned width)
{
	const char *at = strcasestr(text, what);
	unsigned before = width / 4;

	if (!at || text_show_all(NULL, text, strlen(text)) <= width)
		return text;
	while (at > text && before-- > 0)
		at = text + text_cluster_before(text, (size_t)(at - text));
	return at;
}

static void put_match(struct rows *out, const char *text, const char *what, unsigned width)
{
	const char *at = near_match(text, what, width);

	if (at > text && width > 1) {
		rows_put(out, STYLE_DIM, "\xe2\x80\xa6");
		width--;
	}
	rows_put_cut(out, STYLE_TEXT, at, width);
}

void find_lay(struct ui *ui, size_t at, unsigned width, struct rows *out)
{
	const struct found *f = &ui->find.all[at];
	size_t c = chats_find(&ui->chats, f->chat);
	char when[32];

	layout_when(when, f->ts_ms, wall_ms());
	rows_begin(out);
	rows_put(out, STYLE_DIM, when);
	rows_put(out, STYLE_TEXT, " ");
	rows_put_cut(out, STYLE_ME, c < ui->chats.n ? chats_name(ui->chats.entries[c]) : f->chat,
		width / 4);
	rows_put(out, STYLE_TEXT, " ");
	rows_put_name(out, f->from, f->from, width / 4);
	rows_put(out, STYLE_TEXT, ": ");
	if (rows_column(out) < width)
		put_match(out, f->text, ui->find.what, width - rows_column(out));
}
