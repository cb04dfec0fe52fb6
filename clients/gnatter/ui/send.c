/* send.c — Enter: a line is sent, changes a message, or is a command. */
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/ui/ui_internal.h"

/* True if it was carried out and the line can go. */
static bool run_command(struct ui *ui, const char *line)
{
	const char *args;
	bool many;
	const struct command *c = command_find(ui_commands, ui_commands_n, line, &args, &many);

	if (!c && many)
		ui_say_bad(ui, "More than one command begins so: Tab shows them.");
	else if (!c)
		ui_say_bad(ui, "There is no such command: /help lists them. A text that begins "
			       "with a slash is written with two.");
	else if (c->required && !*args)
		ui_say_bad(ui, "/%s %s", c->name, c->args);
	if (!c || (c->required && !*args))
		return false;
	editor_set(&ui->editor, "");
	c->run(ui, args);
	return true;
}

static bool send_text(struct ui *ui, const char *text)
{
	const struct chat_entry *e = ui_entry(ui);
	enum gnatter_error error;

	if (!*ui->chat) {
		ui_say_bad(ui, "No chat is open: /dm NAME begins one.");
		return false;
	}
	if (e && e->gone) {
		ui_say_bad(ui, "You are no member of this chat any more.");
		return false;
	}
	if (ui->editing)
		error = gnatter_edit(ui->g, ui->chat, ui->editing, text, NULL);
	else if (ui->view.selected)
		error = gnatter_reply(ui->g, ui->chat, ui->view.selected, text, NULL);
	else
		error = gnatter_send_text(ui->g, ui->chat, text, NULL);
	if (!ui_check(ui, error))
		return false;
	if (!ui->editing)
		view_end(&ui->view);
	ui->editing = ui->view.selected = 0;
	view_touch(&ui->view);
	ui->chats_stale = true;
	return true;
}

/* Without the line breaks and blanks around it. Owned; NULL if nothing is left or no memory. */
static char *trimmed(const char *s)
{
	size_t n;

	while (*s == '\n')
		s++;
	n = strlen(s);
	while (n && (s[n - 1] == '\n' || s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return n ? strndup(s, n) : NULL;
}

void ui_enter(struct ui *ui)
{
	char *text = trimmed(editor_text(&ui->editor));
	bool done;

	if (!text)
		return;
	if (command_is(text)) {
		done = run_command(ui, text);
	} else {
		done = send_text(ui, text[0] == '/' && text[1] == '/' ? text + 1 : text);
		if (done)
			editor_set(&ui->editor, "");
	}
	if (done)
		editor_remember(&ui->editor, text);
	free(text);
}
