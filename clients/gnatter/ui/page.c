/* page.c — texts that stand where the messages are: help, who is here, the first words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/layout.h"
#include "clients/gnatter/ui/ui_internal.h"

static const struct {
	const char *keys, *help;
} keys[] = {
	{"Enter", "send"},
	{"Alt-Enter, Ctrl-J", "a new line in what you write"},
	{"Tab", "complete a command, @user or chat; again: the next"},
	{"Alt-Up, Alt-Down", "the chat above, below (also Ctrl-P, Ctrl-N)"},
	{"Alt-A", "the next chat with something unread"},
	{"Alt-1 … Alt-9", "that chat of the list"},
	{"Ctrl-T", "show or hide the list of chats"},
	{"PgUp, PgDn", "scroll the messages"},
	{"Ctrl-Home, Ctrl-End", "what was read last; the newest (also Alt-<, Alt->)"},
	{"Ctrl-Up, Ctrl-Down", "select a message: Enter replies to it, /edit, /delete and"},
	{"", "/react are about it, Escape lets go (also Alt-K, Alt-J)"},
	{"Up, Down", "what you wrote before"},
	{"Ctrl-F", "search; Enter goes to what was found"},
	{"Ctrl-A, -E, -B, -D", "begin, end of the line; left; delete (or leave)"},
	{"Ctrl-U, -K, -W, -Y", "cut to the begin, the end, a word; put back"},
	{"Escape", "back"},
	{"Ctrl-L", "draw the screen anew"},
	{"Ctrl-C, Ctrl-D", "leave, when nothing is written"},
};

static const char ticks[] =
	"Behind your own messages: \xe2\x80\xa6 waits to be sent, \xc2\xb7 sent, \xe2\x9c\x93 "
	"stored, "
	"\xe2\x9c\x93\xe2\x9c\x93 delivered, \xe2\x9c\x93\xe2\x9c\x93\xe2\x9c\x93 read, "
	"\xe2\x9c\x97 refused.";

static void paragraph(struct rows *r, enum style style, const char *s, unsigned width)
{
	rows_begin(r);
	rows_wrap(r, style, s, 0, width);
}

static void entry(
	struct rows *r, const char *left, const char *right, unsigned indent, unsigned width)
{
	rows_begin(r);
	rows_put(r, STYLE_TEXT, " ");
	rows_put_cut(r, STYLE_ME, left, width - 2);
	if (rows_column(r) + 2 > indent) {
		rows_begin(r);
		indent = indent < width ? indent : 2;
	}
	rows_pad(r, STYLE_TEXT, indent);
	rows_wrap(r, STYLE_TEXT, right, indent, width);
}

static void lay_command(struct rows *r, const struct command *c, unsigned width)
{
	char name[80];

	snprintf(name, sizeof name, "/%s%s%s", c->name, *c->args ? " " : "", c->args);
	entry(r, name, c->help, width >= 46 ? 22 : 4, width);
}

static void lay_help(struct ui *ui, struct rows *r, unsigned width)
{
	bool all = *ui->page.about == '\0', some = all;

	if (all)
		paragraph(r, STYLE_DIM, "Commands", width);
	for (size_t i = 0; i < ui_commands_n; i++) {
		if (!all && strcmp(ui_commands[i].name, ui->page.about) != 0)
			continue;
		lay_command(r, &ui_commands[i], width);
		some = true;
	}
	if (!some)
		paragraph(r, STYLE_ALERT, "There is no such command: /help lists them.", width);
	if (!all)
		return;
	paragraph(r, STYLE_DIM, "", width);
	paragraph(r, STYLE_DIM, "Keys", width);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		entry(r, keys[i].keys, keys[i].help, width >= 46 ? 22 : 4, width);
	paragraph(r, STYLE_DIM, "", width);
	paragraph(r, STYLE_TEXT, ticks, width);
}

static void lay_welcome(struct ui *ui, struct rows *r, unsigned width)
{
	char me[256];
	struct gnatter_status s;

	gnatter_status(ui->g, &s);
	snprintf(me, sizeof me, "Welcome, %s.%s", gnatter_user(ui->g),
		s.state == GNATTER_SYNCED ? " You have no chats yet." : "");
	paragraph(r, STYLE_ME, me, width);
	paragraph(r, STYLE_TEXT, "", width);
	entry(r, "/dm USER", "write to one person", 20, width);
	entry(r, "/group NAME", "make a group, and invite people to it", 20, width);
	entry(r, "/help", "all commands and keys", 20, width);
	entry(r, "/quit", "leave", 20, width);
	paragraph(r, STYLE_TEXT, "", width);
	paragraph(r, STYLE_DIM, "Somebody who writes to you appears here by himself.", width);
}

/* --- who is here ----------------------------------------------------------------------------- */

struct who {
	struct ui *ui;
	struct rows *rows;
	unsigned width;
	uint64_t last; /* seq of the chat */
	size_t n;
};

static bool describe(void *ctx, const struct gnatter_profile *p)
{
	struct buf *b = ctx;
	char when[32];

	if (*p->alias || *p->name)
		buf_printf(b, "%s, ", *p->alias ? p->alias : p->name);
	if (p->presence.online) {
		buf_str(b, *p->presence.state ? p->presence.state : "online");
	} else if (p->presence.last_seen_ms) {
		layout_when(when, p->presence.last_seen_ms, wall_ms());
		buf_printf(b, "last seen %s", when);
	} else {
		buf_str(b, "not online");
	}
	if (*p->presence.text)
		buf_printf(b, " (%s)", p->presence.text);
	if (*p->about)
		buf_printf(b, ", %s", p->about);
	return false;
}

static void put_user(struct who *w, const char *user, const char *role, const char *read)
{
	struct buf b = {0};

	watch_want(&w->ui->watch, w->ui->g, user);
	if (strcmp(user, gnatter_user(w->ui->g)) == 0)
		buf_str(&b, "you");
	else
		gnatter_profile(w->ui->g, user, describe, &b);
	buf_printf(&b, "%s%s%s", *role ? ", " : "", role, read);
	buf_put(&b, "", 1);
	if (!b.failed)
		entry(w->rows, user, b.len && b.data[0] == ',' ? b.data + 2 : b.data, 24, w->width);
	buf_free(&b);
}

static bool put_member(void *ctx, const struct gnatter_member *m)
{
	struct who *w = ctx;

	put_user(w, m->user, m->role, w->last && m->read >= w->last ? ", has read everything" : "");
	return ++w->n < 1000;
}

static bool last_seq(void *ctx, const struct gnatter_chat *c)
{
	*(uint64_t *)ctx = c->seq;
	return false;
}

static void lay_who(struct ui *ui, struct rows *r, unsigned width)
{
	struct who w = {.ui = ui, .rows = r, .width = width};
	char peer[65];

	gnatter_chat(ui->g, ui->chat, last_seq, &w.last);
	gnatter_members(ui->g, ui->chat, put_member, &w);
	if (w.n == 0 && ui_peer(ui, ui->chat, peer)) {
		put_user(&w, peer, "", "");
		put_user(&w, gnatter_user(ui->g), "", "");
	} else if (w.n == 0) {
		paragraph(r, STYLE_DIM, "The members are not known yet.", width);
	}
	paragraph(r, STYLE_DIM, "", width);
	paragraph(r, STYLE_DIM,
		"People show their presence to their contacts, if they have not said otherwise.",
		width);
}

/* --- all pages ------------------------------------------------------------------------------- */

static void members_came(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	struct ui *ui = ctx;

	(void)g;
	(void)a;
	events_note(ui->events, EVENT_MEMBERS, NULL, NULL);
}

void page_open(struct ui *ui, enum page_kind kind, const char *about)
{
	struct page *p = &ui->page;
	char peer[65];

	ui->mode = MODE_PAGE;
	p->kind = kind;
	p->top = 0;
	p->width = 0;
	snprintf(p->about, sizeof p->about, "%s", about);
	if (kind == PAGE_WHO && ui_peer(ui, ui->chat, peer))
		gnatter_user_get(ui->g, peer, members_came, ui);
	else if (kind == PAGE_WHO)
		gnatter_members_load(ui->g, ui->chat, members_came, ui);
}

void page_close(struct ui *ui)
{
	ui->mode = MODE_CHAT;
}

void page_changed(struct ui *ui)
{
	ui->page.width = 0;
}

void page_lay(struct ui *ui, unsigned width)
{
	struct page *p = &ui->page;

	if (p->width == width)
		return;
	p->width = width;
	rows_reset(&p->rows);
	switch (p->kind) {
	case PAGE_HELP:
		lay_help(ui, &p->rows, width);
		break;
	case PAGE_WHO:
		lay_who(ui, &p->rows, width);
		break;
	case PAGE_WELCOME:
		lay_welcome(ui, &p->rows, width);
		break;
	}
}

void page_scroll(struct ui *ui, long rows, unsigned height)
{
	struct page *p = &ui->page;
	size_t most = p->rows.n > height ? p->rows.n - height : 0;

	if (rows < 0)
		p->top = p->top > (size_t)-rows ? p->top - (size_t)-rows : 0;
	else
		p->top += (size_t)rows;
	if (p->top > most)
		p->top = most;
}

void page_finish(struct page *p)
{
	rows_free(&p->rows);
}
