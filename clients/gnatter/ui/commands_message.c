/* commands_message.c — commands about messages: the selected one, or the last that can be meant. */
#include <string.h>

#include "clients/gnatter/ui/ui_internal.h"

/* NULL, and it was said, if there is none. */
static const struct item *target(struct ui *ui, bool mine)
{
	const struct item *i = ui->view.selected ? view_find(&ui->view, ui->view.selected)
						 : view_newest(&ui->view, mine);

	if (!i)
		ui_say_bad(ui, "There is no such message here. Ctrl-Up selects one.");
	return i;
}

/* After what changed something: let go of the selection. */
static void done(struct ui *ui, enum gnatter_error e)
{
	if (!ui_check(ui, e))
		return;
	ui->view.selected = 0;
	view_touch(&ui->view);
}

void run_edit(struct ui *ui, const char *args)
{
	const struct item *i = target(ui, true);

	if (!i)
		return;
	if (!i->mine || strcmp(i->type, "text") != 0) {
		ui_say_bad(ui, "Only texts of your own can be edited.");
		return;
	}
	if (*args) {
		done(ui, gnatter_edit(ui->g, ui->chat, i->seq, args, NULL));
		return;
	}
	ui->editing = i->seq;
	editor_set(&ui->editor, i->text);
}

void run_delete(struct ui *ui, const char *args)
{
	const struct item *i = target(ui, true);

	(void)args;
	if (i)
		done(ui, gnatter_delete(ui->g, ui->chat, i->seq, NULL));
}

void run_react(struct ui *ui, const char *args)
{
	const struct item *i = target(ui, false);

	if (i)
		done(ui, gnatter_react(ui->g, ui->chat, i->seq, args, NULL));
}

void run_reply(struct ui *ui, const char *args)
{
	const struct item *i = target(ui, false);

	if (!i)
		return;
	done(ui, gnatter_reply(ui->g, ui->chat, i->seq, args, NULL));
	view_end(&ui->view);
}

/* --- what was refused ------------------------------------------------------------------------ */

#define DISCARD_MAX 100 /* at once */

struct refused {
	char ids[DISCARD_MAX][GNATTER_ID_SIZE];
	size_t n;
};

static bool collect(void *ctx, const struct gnatter_message *m)
{
	struct refused *r = ctx;

	if (m->tick == GNATTER_TICK_REFUSED && strlen(m->id) < GNATTER_ID_SIZE)
		strcpy(r->ids[r->n++], m->id);
	return r->n < DISCARD_MAX;
}

void run_discard(struct ui *ui, const char *args)
{
	struct refused r = {.n = 0};

	(void)args;
	if (*ui->chat)
		gnatter_outbox(ui->g, ui->chat, collect, &r);
	for (size_t i = 0; i < r.n; i++)
		gnatter_discard(ui->g, ui->chat, r.ids[i]);
	view_touch(&ui->view);
	if (r.n == 0)
		ui_say(ui, "Nothing was refused here.");
}
