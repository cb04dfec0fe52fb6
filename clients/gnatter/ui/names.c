/* names.c — what Tab offers: commands behind a slash, users behind an @ and as arguments, chats. */
#include <string.h>

#include "clients/gnatter/ui/ui_internal.h"

static bool offer_member(void *ctx, const struct gnatter_member *m)
{
	complete_offer(ctx, m->user);
	return true;
}

static bool offer_contact(void *ctx, const struct gnatter_profile *p)
{
	complete_offer(ctx, p->user);
	return true;
}

static void offer_users(struct ui *ui, struct complete *c)
{
	if (*ui->chat)
		gnatter_members(ui->g, ui->chat, offer_member, c);
	for (size_t i = 0; i < ui->chats.n; i++) {
		if (*ui->chats.entries[i]->peer)
			complete_offer(c, ui->chats.entries[i]->peer);
	}
	gnatter_contacts(ui->g, offer_contact, c);
	complete_offer(c, gnatter_user(ui->g));
}

static void offer(struct ui *ui, struct complete *c, enum command_names names)
{
	switch (names) {
	case NAMES_NONE:
		break;
	case NAMES_USERS:
		offer_users(ui, c);
		break;
	case NAMES_CHATS:
		for (size_t i = 0; i < ui->chats.n; i++)
			complete_offer(c, chats_name(ui->chats.entries[i]));
		break;
	case NAMES_COMMANDS:
		for (size_t i = 0; i < ui_commands_n; i++)
			complete_offer(c, ui_commands[i].name);
		break;
	}
}

/* What kind of name stands at begin. */
static enum command_names names_at(const char *line, size_t begin)
{
	const struct command *c;
	const char *args;
	bool many;

	if (!command_is(line) && strcmp(line, "/") != 0)
		return NAMES_USERS;
	if (begin <= 1)
		return NAMES_COMMANDS;
	c = command_find(ui_commands, ui_commands_n, line, &args, &many);
	return c ? c->names : NAMES_NONE;
}

static void begin(struct ui *ui)
{
	struct editor *e = &ui->editor;
	const char *line = editor_text(e);
	size_t from = e->at;
	enum command_names names;

	while (from > 0 && line[from - 1] != ' ' && line[from - 1] != '\n')
		from--;
	if (line[from] == '@' || (from == 0 && line[0] == '/'))
		from++;
	names = names_at(line, from);
	if (names == NAMES_CHATS) /* their titles may hold spaces */
		from = (size_t)(strchr(line, ' ') - line) + 1;
	if (from > e->at)
		from = e->at;
	complete_begin(&ui->complete, line + from, e->at - from, from);
	offer(ui, &ui->complete, names);
}

void ui_complete(struct ui *ui)
{
	struct complete *c = &ui->complete;
	struct editor *e = &ui->editor;
	const char *name, *line;

	if (!c->active)
		begin(ui);
	name = complete_next(c);
	if (!name)
		return;
	editor_replace(e, c->begin, name);
	line = editor_text(e);
	if (e->at == e->text.len || line[e->at] != ' ')
		editor_insert(e, " ", 1);
}
