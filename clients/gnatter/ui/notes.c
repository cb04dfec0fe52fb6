/* notes.c — the client's callbacks. They run in its thread and only put notes into the queue. */
#include <stdio.h>

#include "clients/gnatter/ui/ui_internal.h"

static void on_status(void *ctx, struct gnatter *g, const struct gnatter_status *s)
{
	struct ui *ui = ctx;

	(void)g;
	(void)s;
	events_note(ui->events, EVENT_STATUS, NULL, NULL);
}

static void on_message(void *ctx, struct gnatter *g, const struct gnatter_message *m)
{
	struct ui *ui = ctx;

	(void)g;
	events_note(ui->events, EVENT_CHAT, m->chat, m->from);
}

static void on_chat(void *ctx, struct gnatter *g, const char *chat)
{
	struct ui *ui = ctx;

	(void)g;
	events_note(ui->events, EVENT_CHAT, chat, NULL);
}

static void on_sent(void *ctx, struct gnatter *g, const struct gnatter_sent *s)
{
	struct ui *ui = ctx;
	struct event e = {.type = EVENT_NOTICE, .failed = true};

	(void)g;
	events_note(ui->events, EVENT_CHAT, s->chat, NULL);
	if (s->tick != GNATTER_TICK_REFUSED)
		return;
	snprintf(e.text, sizeof e.text, "Not sent: %s. /discard takes it away.",
		*s->message ? s->message : s->code);
	events_put(ui->events, &e);
}

static void on_mark(void *ctx, struct gnatter *g, const struct gnatter_mark *m)
{
	struct ui *ui = ctx;

	(void)g;
	events_note(ui->events, EVENT_CHAT, m->chat, NULL);
}

static void on_typing(void *ctx, struct gnatter *g, const char *chat, const char *user)
{
	struct ui *ui = ctx;

	(void)g;
	events_note(ui->events, EVENT_TYPING, chat, user);
}

static void on_presence(void *ctx, struct gnatter *g, const struct gnatter_presence *p)
{
	struct ui *ui = ctx;

	(void)g;
	events_note(ui->events, EVENT_PRESENCE, NULL, p->user);
}

void ui_callbacks(struct gnatter_callbacks *out)
{
	out->on_status = on_status;
	out->on_message = on_message;
	out->on_chat = on_chat;
	out->on_sent = on_sent;
	out->on_mark = on_mark;
	out->on_typing = on_typing;
	out->on_presence = on_presence;
}
