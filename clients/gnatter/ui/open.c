/* open.c — which chat is open, and where its messages come from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/layout.h"
#include "clients/gnatter/ui/ui_internal.h"

/* Reading the list may take as much of the time: a tenth. */
#define CHATS_SHARE 10

void ui_read_chats(struct ui *ui)
{
	int64_t begin = clock_ms(), end;

	ui->chats_stale = false;
	if (!chats_read(&ui->chats, ui->g))
		ui_say_bad(ui, "The list of chats cannot be read.");
	end = clock_ms();
	ui->chats_next_ms = end + (end - begin) * CHATS_SHARE;
	ui->dirty = true;
}

const struct chat_entry *ui_entry(const struct ui *ui)
{
	size_t i = chats_find(&ui->chats, ui->chat);

	return i < ui->chats.n ? ui->chats.entries[i] : NULL;
}

bool ui_peer(const struct ui *ui, const char *chat, char out[65])
{
	const char *colon = strchr(chat, ':'), *me = gnatter_user(ui->g);
	size_t n = colon ? (size_t)(colon - chat) : 0;

	if (!colon)
		return false;
	if (strncmp(chat, me, n) == 0 && me[n] == '\0')
		snprintf(out, 65, "%s", colon + 1);
	else
		snprintf(out, 65, "%.*s", (int)n, chat);
	return true;
}

/* --- where messages come from ---------------------------------------------------------------- */

static void source_cached(
	void *ctx, uint64_t before, uint32_t limit, gnatter_message_fn *fn, void *f)
{
	struct ui *ui = ctx;

	if (*ui->chat)
		gnatter_cached(ui->g, ui->chat, before, limit, fn, f);
}

static void source_after(void *ctx, uint64_t after, uint32_t limit, gnatter_message_fn *fn, void *f)
{
	struct ui *ui = ctx;

	if (*ui->chat)
		gnatter_cached_after(ui->g, ui->chat, after, limit, fn, f);
}

static void source_outbox(void *ctx, gnatter_message_fn *fn, void *f)
{
	struct ui *ui = ctx;

	if (*ui->chat)
		gnatter_outbox(ui->g, ui->chat, fn, f);
}

static bool quote(void *ctx, const struct gnatter_message *m)
{
	struct item *i = ctx;
	struct buf b = {0};

	if (m->seq != i->ref)
		return false;
	buf_printf(&b, "%s: ", m->from);
	layout_summary(&b, m->deleted ? "deleted" : m->type, m->deleted ? NULL : m->text);
	buf_put(&b, "", 1);
	if (!b.failed)
		i->quote = strndup(b.data, 1000);
	buf_free(&b);
	return false;
}

/* So many different ones are shown. */
#define REACTIONS_MAX 12
#define REACTION_SIZE 64

struct reactions {
	char text[REACTIONS_MAX][REACTION_SIZE];
	unsigned count[REACTIONS_MAX];
	size_t n;
	bool more;
};

static bool count_reaction(void *ctx, const struct gnatter_message *m)
{
	struct reactions *r = ctx;
	const char *text = m->text ? m->text : "";
	size_t i = 0;

	while (i < r->n && strncmp(r->text[i], text, REACTION_SIZE - 1) != 0)
		i++;
	if (i == REACTIONS_MAX) {
		r->more = true;
		return true;
	}
	if (i == r->n)
		snprintf(r->text[r->n++], REACTION_SIZE, "%s", text);
	r->count[i]++;
	return true;
}

static void source_fill(void *ctx, struct item *i)
{
	struct ui *ui = ctx;
	struct reactions r = {0};
	struct buf b = {0};

	if (i->ref)
		gnatter_cached_after(ui->g, ui->chat, i->ref - 1, 1, quote, i);
	if (i->seq == 0)
		return;
	gnatter_reactions(ui->g, ui->chat, i->seq, count_reaction, &r);
	if (r.n == 0)
		return;
	for (size_t k = 0; k < r.n; k++) {
		if (r.count[k] > 1)
			buf_printf(&b, "[%s %u] ", r.text[k], r.count[k]);
		else
			buf_printf(&b, "[%s] ", r.text[k]);
	}
	if (r.more)
		buf_str(&b, "\xe2\x80\xa6");
	buf_put(&b, "", 1);
	if (b.failed)
		buf_free(&b);
	i->reactions = b.data;
}

struct view_source ui_source(struct ui *ui)
{
	return (struct view_source){ui, source_cached, source_after, source_outbox, source_fill};
}

/* --- opening --------------------------------------------------------------------------------- */

void ui_open(struct ui *ui, const char *chat)
{
	char name[GNATTER_CHAT_SIZE];
	const struct chat_entry *e;
	bool first = *ui->chat == '\0';

	snprintf(name, sizeof name, "%s", chat);
	if (ui->mode != MODE_CHAT) {
		ui->mode = MODE_CHAT;
		complete_end(&ui->complete);
	}
	ui->dirty = true;
	if (strcmp(ui->chat, name) == 0)
		return;
	if (!first && !ui->editing)
		drafts_keep(&ui->drafts, ui->chat, editor_text(&ui->editor));
	snprintf(ui->chat, sizeof ui->chat, "%s", name);
	/* The first one may open by itself, under the hands of somebody who types. */
	if (!first || *editor_text(&ui->editor) == '\0')
		editor_set(&ui->editor, drafts_get(&ui->drafts, name));
	ui->editing = ui->marked = 0;
	ui->asked = ui->ask_failed = false;
	e = ui_entry(ui);
	view_open(&ui->view, e ? e->read : 0, e ? e->unread : 0);
	ui->members_asked = ui->members_counted = false;
	ui_ask_members(ui);
}

void ui_open_step(struct ui *ui, int step)
{
	size_t at = chats_find(&ui->chats, ui->chat), n = ui->chats.n;

	if (n == 0)
		return;
	if (at == n)
		at = 0;
	else
		at = step < 0 ? (at + n - 1) % n : (at + 1) % n;
	ui_open(ui, ui->chats.entries[at]->chat);
}

void ui_open_unread(struct ui *ui)
{
	size_t at = chats_unread_after(&ui->chats, chats_find(&ui->chats, ui->chat));

	if (at < ui->chats.n)
		ui_open(ui, ui->chats.entries[at]->chat);
	else
		ui_say(ui, "Everything is read.");
}

/* --- asking for more ------------------------------------------------------------------------- */

/* Which request it was: an answer that comes when another chat is open is for nobody. */
struct asked {
	struct ui *ui;
	unsigned number;
};

static void came(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	struct asked *asked = ctx;
	struct event e = {.type = EVENT_CAME, .failed = *a->code != '\0'};

	(void)g;
	e.number = asked->number;
	events_put(asked->ui->events, &e);
	free(asked);
}

void ui_ask_history(struct ui *ui)
{
	struct asked *asked;
	uint64_t before;

	/* Of a chat that nobody has written in yet the server knows nothing. */
	if (ui->asked || ui->ask_failed || !ui_entry(ui) || !view_wants(&ui->view, &before))
		return;
	asked = malloc(sizeof *asked);
	if (asked)
		*asked = (struct asked){ui, ++ui->ask_number};
	ui->asked = asked &&
		    gnatter_history(ui->g, ui->chat, before, VIEW_PAGE, came, asked) == GNATTER_OK;
	ui->ask_failed = !ui->asked;
	if (!ui->asked)
		free(asked);
}

void ui_history_came(struct ui *ui, const struct event *e)
{
	if (!ui->asked || e->number != ui->ask_number)
		return;
	ui->asked = false;
	ui->ask_failed = e->failed;
	if (!e->failed)
		view_came(&ui->view);
}

/* Their marks are what ticks are made of. */
void ui_ask_members(struct ui *ui)
{
	const struct chat_entry *e = ui_entry(ui);

	if (ui->members_asked || !e || e->gone)
		return;
	gnatter_members_load(ui->g, ui->chat, NULL, NULL);
	ui->members_asked = true;
}
