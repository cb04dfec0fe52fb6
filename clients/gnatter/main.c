/* main.c — gnatter, the chat client of the command line.
 *
 * In reading order:
 *
 *   main.c       the table of commands, --help, dispatch
 *   args.c       the rest of a command line
 *   say.c        errors, and text that a terminal cannot obey
 *   config.c     an account: configuration, token, where things are stored
 *   session.c    a command's client: made, connected, waited for
 *   login.c      login and logout, with secret.c, which asks people
 *   send.c       send and flush
 *   history.c    history; pages.c fetches, when.c reads times, show.c prints
 *   tail.c, who.c, chats.c
 *                a command each
 *   full.c       no command: the full-screen client, in ui/
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/gnatter/args.h"
#include "clients/gnatter/full.h"
#include "clients/gnatter/say.h"
#include "clients/sdk/gnatter.h"

#define TIMEOUT_OPTION                                                                  \
	{                                                                               \
		"timeout", 0, "SECONDS", "how long to wait for the server at most (15)" \
	}
#define JSON_OPTION                                                     \
	{                                                               \
		"json", 0, NULL, "one JSON object a line, for programs" \
	}

static const struct option_row login_options[] = {
	{"user", 'u', "USER", "who signs in"},
	{"device", 0, "NAME", "what this device is called (the machine's name)"},
	{"ca-file", 0, "FILE", "trust the authorities in this PEM file, not the system's"},
	{"token-stdin", 0, NULL, "read the token from standard input, one line"},
	{"password-stdin", 0, NULL, "read the password from standard input, one line"},
	TIMEOUT_OPTION,
	{0},
};
static const struct option_row logout_options[] = {
	{"discard", 0, NULL, "even if messages wait to be sent: throw them away"},
	{0},
};
static const struct option_row send_options[] = {
	{"reply", 'r', "SEQ", "as a reply to the message with this number"},
	{"no-wait", 0, NULL, "only put it into the outbox; the next send or flush sends it"},
	{"json", 0, NULL, "print the message's number and id as JSON"},
	TIMEOUT_OPTION,
	{0},
};
static const struct option_row flush_options[] = {TIMEOUT_OPTION, {0}};
static const struct option_row tail_options[] = {
	{"lines", 'n', "N", "begin with the last N messages (10)"},
	JSON_OPTION,
	TIMEOUT_OPTION,
	{0},
};
static const struct option_row history_options[] = {
	{"since", 0, "WHEN",
		"from here on: a message's number, a date or time, or an age (2h, 3d)"},
	{"before", 0, "WHEN", "only what is before"},
	{"limit", 'n', "N", "the newest N of these (50, with --since 10000)"},
	JSON_OPTION,
	TIMEOUT_OPTION,
	{0},
};
static const struct option_row list_options[] = {JSON_OPTION, TIMEOUT_OPTION, {0}};

// clang-format off
static const struct command commands[] = {
	{"login", "[ADDRESS]", 0, 1, "sign in, and remember it", login_options, command_login,
		"ADDRESS is like ssl://chat.example:8883, or tcp://, ws:// or wss://. What is missing is asked for on the\n"
		"terminal. The token or password is kept in a file that only its owner can read.\n"},
	{"logout", "", 0, 0, "forget the token, and what was stored here", logout_options, command_logout, NULL},
	{"send", "CHAT TEXT...", 2, ARGS_MAX, "send a message, and wait until it is stored", send_options, command_send,
		"CHAT is a group or channel, or @USER. TEXT '-' is standard input. Without a connection the message waits\n"
		"in the outbox, and the exit code is 3.\n"},
	{"flush", "", 0, 0, "send what waits in the outbox", flush_options, command_flush, NULL},
	{"tail", "CHAT", 1, 1, "print what is said, as it is said, until interrupted", tail_options, command_tail, NULL},
	{"history", "CHAT", 1, 1, "print what was said", history_options, command_history, NULL},
	{"who", "[CHAT|@USER]", 0, 1, "say who is online: in a chat, a user, the contacts", list_options, command_who, NULL},
	{"chats", "", 0, 0, "list the chats, the newest first", list_options, command_chats, NULL},
};
// clang-format on
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage(FILE *out)
{
	fputs("usage: gnatter [--account NAME] [COMMAND ...]\n\n"
	      "Without a command it is a client that fills the terminal.\n\n",
		out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %-12s  %s\n", commands[i].name, commands[i].operands,
			commands[i].help);
	fputs("\ngnatter COMMAND --help tells more about one, gnatter(1) everything.\n"
	      "gnatter --version prints the version.\n",
		out);
}

static void usage_of(const struct command *c)
{
	printf("usage: gnatter %s%s%s%s\n\n  %s\n", c->name, c->options->name ? " [OPTION]..." : "",
		*c->operands ? " " : "", c->operands, c->help);
	if (c->options->name)
		putchar('\n');
	for (const struct option_row *o = c->options; o->name; o++) {
		char letter[] = {'-', o->letter, ',', ' ', '\0'};
		int used = printf("  %s--%s%s%s", o->letter ? letter : "", o->name,
			o->value ? " " : "", o->value ? o->value : "");

		printf("%*s%s\n", used < 24 ? 24 - used : 1, "", o->help);
	}
	if (c->more)
		printf("\n%s", c->more);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int dispatch(const char *account, char *const argv[], int argc)
{
	static struct args a;
	int code = GN_USAGE, flushed;

	a.account = account;
	a.command = find(argv[0]);
	if (!a.command)
		return fail(GN_USAGE, "there is no command '%s'; see gnatter --help", argv[0]);
	if (args_parse(&a, argv + 1, argc - 1)) {
		if (a.help) {
			usage_of(a.command);
			code = GN_OK;
		} else {
			code = a.command->run(&a);
		}
	}
	flushed = say_flush(NULL);
	return code == GN_OK ? flushed : code;
}

static int help(char *const argv[], int argc)
{
	const struct command *c = argc > 0 ? find(argv[0]) : NULL;

	if (argc > 0 && !c)
		return fail(GN_USAGE, "there is no command '%s'; see gnatter --help", argv[0]);
	if (c)
		usage_of(c);
	else
		usage(stdout);
	return say_flush(NULL);
}

int main(int argc, char *argv[])
{
	const char *account = getenv(ARGS_ACCOUNT_ENV);
	int i = 1;

	signal(SIGPIPE, SIG_IGN); /* who writes sees it; see say_flush() */
	for (; i < argc; i++) {
		if (strncmp(argv[i], "--account=", 10) == 0)
			account = argv[i] + 10;
		else if (strcmp(argv[i], "--account") == 0 && i + 1 < argc)
			account = argv[++i];
		else
			break;
	}
	if (i == argc && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return full_screen(account ? account : "", NULL);
	if (i == argc) {
		usage(stderr);
		return GN_USAGE;
	}
	if (strcmp(argv[i], "--version") == 0) {
		printf("gnatter %s\n", gnatter_version());
		return say_flush(NULL);
	}
	if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
		strcmp(argv[i], "help") == 0)
		return help(argv + i + 1, argc - i - 1);
	return dispatch(account ? account : "", argv + i, argc - i);
}
