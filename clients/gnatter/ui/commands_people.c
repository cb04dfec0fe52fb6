/* commands_people.c — commands about users, and what one says of oneself. */
#include <string.h>

#include "clients/gnatter/ui/ui_internal.h"

/* The user that args begin with, without an @. */
static const char *take_user(const char **args, char out[66])
{
	command_word(args, out, 66);
	return *out == '@' ? out + 1 : out;
}

void run_contact(struct ui *ui, const char *args)
{
	char word[66];
	const char *user = take_user(&args, word);
	struct ask *a = ask_create(ui, NULL, "%s is one of your contacts now.", user);

	if (a)
		ask_begun(
			a, gnatter_contact_add(ui->g, user, *args ? args : NULL, ask_answered, a));
}

void run_block(struct ui *ui, const char *args)
{
	char word[66];
	const char *user = take_user(&args, word);
	struct ask *a = ask_create(ui, NULL, "%s is blocked. /unblock %s ends that.", user, user);

	if (a)
		ask_begun(a, gnatter_block_add(ui->g, user, ask_answered, a));
}

void run_unblock(struct ui *ui, const char *args)
{
	char word[66];
	const char *user = take_user(&args, word);
	struct ask *a = ask_create(ui, NULL, "%s is blocked no longer.", user);

	if (a)
		ask_begun(a, gnatter_block_remove(ui->g, user, ask_answered, a));
}

void run_away(struct ui *ui, const char *args)
{
	if (strlen(args) > 128)
		ui_say_bad(ui, "That is too long: 128 bytes at most.");
	else if (ui_check(ui, gnatter_presence_set(ui->g, "away", *args ? args : NULL)))
		ui_say(ui, "You are away. /back ends that.");
}

void run_back(struct ui *ui, const char *args)
{
	(void)args;
	if (ui_check(ui, gnatter_presence_set(ui->g, "online", NULL)))
		ui_say(ui, "You are there.");
}
