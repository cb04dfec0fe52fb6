/* commands.c — the table of commands, which /help and Tab read, too. */
#include "clients/gnatter/ui/ui_internal.h"

const struct command ui_commands[] = {
	{"help", "[COMMAND]", "this text", false, NAMES_COMMANDS, run_help},
	{"dm", "USER [TEXT]", "write to one person", true, NAMES_USERS, run_dm},
	{"group", "NAME [USER…]", "make a group, with these users", true, NAMES_USERS, run_group},
	{"chat", "NAME", "go to a chat", true, NAMES_CHATS, run_chat},
	{"invite", "USER…", "add users to this group", true, NAMES_USERS, run_invite},
	{"kick", "USER…", "remove users from this group", true, NAMES_USERS, run_kick},
	{"title", "TEXT", "change the title of this group", true, NAMES_NONE, run_title},
	{"leave", "", "leave this group", false, NAMES_NONE, run_leave},
	{"mute", "[30m|8h|1w|off] [mentions]",
		"no pushes from this chat (for so long); 'mentions': but for those", false,
		NAMES_NONE, run_mute},
	{"who", "", "who is in this chat, who is online, who has read", false, NAMES_NONE, run_who},
	{"edit", "[TEXT]", "change your last message, or the selected one", false, NAMES_NONE,
		run_edit},
	{"delete", "", "delete your last message, or the selected one", false, NAMES_NONE,
		run_delete},
	{"react", "[EMOJI]", "react to the last message, or the selected one; nothing withdraws it",
		false, NAMES_NONE, run_react},
	{"reply", "TEXT", "reply to the last message, or the selected one", true, NAMES_NONE,
		run_reply},
	{"discard", "", "take away what was refused in this chat", false, NAMES_NONE, run_discard},
	{"search", "[TEXT]", "search in what was received", false, NAMES_NONE, run_search},
	{"contact", "USER [ALIAS]", "take a user into your contacts, who see your presence", true,
		NAMES_USERS, run_contact},
	{"block", "USER", "have nothing to do with a user", true, NAMES_USERS, run_block},
	{"unblock", "USER", "end that", true, NAMES_USERS, run_unblock},
	{"away", "[TEXT]", "say that you are away", false, NAMES_NONE, run_away},
	{"back", "", "say that you are there", false, NAMES_NONE, run_back},
	{"quit", "", "leave Gnatter", false, NAMES_NONE, run_quit},
};

const size_t ui_commands_n = sizeof ui_commands / sizeof *ui_commands;

void run_help(struct ui *ui, const char *args)
{
	page_open(ui, PAGE_HELP, *args == '/' ? args + 1 : args);
}

void run_who(struct ui *ui, const char *args)
{
	(void)args;
	if (!*ui->chat) {
		ui_say_bad(ui, "No chat is open.");
		return;
	}
	page_open(ui, PAGE_WHO, "");
}

void run_search(struct ui *ui, const char *args)
{
	find_open(ui, args);
}

void run_quit(struct ui *ui, const char *args)
{
	(void)args;
	ui->quit = true;
}
