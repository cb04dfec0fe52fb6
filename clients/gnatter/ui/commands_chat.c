/* commands_chat.c — commands about chats and their members. */
#include <stdio.h>
#include <string.h>

#include "clients/gnatter/ui/ui_internal.h"

#define USERS_MAX 50 /* in one command */

struct users {
	char names[USERS_MAX][66];
	const char *list[USERS_MAX + 1];
	size_t n;
};

static bool take_users(struct ui *ui, const char *args, struct users *u)
{
	u->n = 0;
	while (*args && u->n < USERS_MAX) {
		char *name = u->names[u->n];

		if (!command_word(&args, name, sizeof u->names[0]))
			break;
		u->list[u->n++] = *name == '@' ? name + 1 : name;
	}
	u->list[u->n] = NULL;
	if (*args)
		ui_say_bad(ui, "At most %d users at once.", USERS_MAX);
	return !*args;
}

/* The open chat, if it is a group or a channel; NULL, and it was said, if not. */
static const char *group(struct ui *ui)
{
	char peer[65];

	if (*ui->chat && !ui_peer(ui, ui->chat, peer))
		return ui->chat;
	ui_say_bad(ui, *ui->chat ? "This is a chat of two: only groups have members to change."
				 : "No chat is open.");
	return NULL;
}

void run_dm(struct ui *ui, const char *args)
{
	char user[66], chat[GNATTER_CHAT_SIZE];
	const char *name = user;
	struct ask *a;

	command_word(&args, user, sizeof user);
	name += *name == '@';
	if (!gnatter_pair(chat, gnatter_user(ui->g), name)) {
		ui_say_bad(ui, "Nobody can have that name.");
		return;
	}
	if (*args) {
		if (!ui_check(ui, gnatter_send_text(ui->g, chat, args, NULL)))
			return;
		ui->chats_stale = true;
	}
	if (*args || chats_find(&ui->chats, chat) < ui->chats.n) {
		ui_open(ui, chat);
		view_touch(&ui->view);
		return;
	}
	a = ask_create(ui, chat, "Write to %s: they will hear of it at your first message.", name);
	if (a)
		ask_begun(a, gnatter_user_get(ui->g, name, ask_answered, a));
}

void run_group(struct ui *ui, const char *args)
{
	char name[66];
	struct users u;
	struct ask *a;

	command_word(&args, name, sizeof name);
	if (!take_users(ui, args, &u))
		return;
	a = ask_create(ui, name, "The group %s was made. /invite adds people.", name);
	if (a)
		ask_begun(a, gnatter_chat_create(ui->g, name, GNATTER_GROUP, NULL,
				     u.n ? u.list : NULL, ask_answered, a));
}

void run_chat(struct ui *ui, const char *args)
{
	struct complete c = {0};
	const char *best;
	size_t at = chats_find(&ui->chats, args);

	if (at < ui->chats.n) {
		ui_open(ui, args);
		return;
	}
	complete_begin(&c, args, strlen(args), 0);
	for (size_t i = 0; i < ui->chats.n; i++)
		complete_offer(&c, chats_name(ui->chats.entries[i]));
	best = complete_next(&c);
	for (size_t i = 0; best && i < ui->chats.n; i++) {
		if (strcmp(chats_name(ui->chats.entries[i]), best) == 0) {
			ui_open(ui, ui->chats.entries[i]->chat);
			break;
		}
	}
	if (!best)
		ui_say_bad(ui, "No chat is called like that. /dm and /group make new ones.");
	complete_end(&c);
}

void run_invite(struct ui *ui, const char *args)
{
	const char *chat = group(ui);
	struct users u;
	struct ask *a;

	if (!chat || !take_users(ui, args, &u))
		return;
	a = ask_create(ui, NULL, "%s %s added.", args, u.n == 1 ? "was" : "were");
	if (a)
		ask_begun(a, gnatter_member_add(ui->g, chat, u.list, NULL, ask_answered, a));
}

void run_kick(struct ui *ui, const char *args)
{
	const char *chat = group(ui);
	struct users u;
	struct ask *a;

	if (!chat || !take_users(ui, args, &u))
		return;
	for (size_t i = 0; i < u.n; i++) {
		a = ask_create(ui, NULL, "%s was removed.", u.list[i]);
		if (a)
			ask_begun(
				a, gnatter_member_remove(ui->g, chat, u.list[i], ask_answered, a));
	}
}

void run_title(struct ui *ui, const char *args)
{
	const char *chat = group(ui);
	struct ask *a = chat ? ask_create(ui, NULL, "The title was changed.") : NULL;

	if (a)
		ask_begun(a, gnatter_chat_update(ui->g, chat, args, ask_answered, a));
}

void run_leave(struct ui *ui, const char *args)
{
	const char *chat = group(ui);
	struct ask *a = chat ? ask_create(ui, NULL, "You left %s.", chat) : NULL;

	(void)args;
	if (a)
		ask_begun(a, gnatter_chat_leave(ui->g, chat, ask_answered, a));
}

/* Until when, and whether mentions count: false if args are none of it. */
static bool mute_args(const char *args, int64_t *until, bool *mentions)
{
	char word[32];
	long long span;

	*until = GNATTER_FOR_EVER;
	*mentions = false;
	while (command_word(&args, word, sizeof word)) {
		if (strcmp(word, "off") == 0)
			*until = 0;
		else if (strcmp(word, "mentions") == 0)
			*mentions = true;
		else if (command_span(word, &span))
			*until = wall_ms() + span;
		else
			return false;
	}
	return true;
}

void run_mute(struct ui *ui, const char *args)
{
	int64_t until;
	bool mentions;
	struct ask *a;

	if (!*ui->chat || !mute_args(args, &until, &mentions)) {
		ui_say_bad(ui, *ui->chat ? "/mute [30m|8h|1w|off] [mentions]" : "No chat is open.");
		return;
	}
	a = ask_create(ui, NULL,
		until == 0 ? "This chat is muted no longer."
			   : "This chat is muted. /mute off ends that.");
	if (a)
		ask_begun(a, gnatter_chat_mute(ui->g, ui->chat, until, mentions, ask_answered, a));
}
