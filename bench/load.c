/* load.c — the load generator: measures a broker, bare or with Gnatter, and checks what it does.
 *
 * Reading order: work.c (the main work), checks.c (what is promised), net.c (connections), mqtt.c
 * (packets); history.c, signin.c, presence.c, acks.c, chats.c, call.c and hold.c are works of their
 * own. README.md says what the numbers mean.
 */
#include <stdio.h>
#include <string.h>

#include "bench/acks.h"
#include "bench/call.h"
#include "bench/chats.h"
#include "bench/die.h"
#include "bench/history.h"
#include "bench/hold.h"
#include "bench/options.h"
#include "bench/presence.h"
#include "bench/signin.h"
#include "bench/work.h"

static const struct command {
	const char *name;
	int (*run)(const struct options *o);
	const char *help;
} commands[] = {
	{"chat", work_run, "groups in which some send and all receive: rates and latency"},
	{"fill", work_run,
		"the same with --count: write that many messages as fast as they are taken"},
	{"connect", signin_run, "clients sign in and leave, one after another"},
	{"history", history_run, "read a chat page by page through the API (Gnatter only)"},
	{"contacts", contacts_run, "make everybody a contact of those next to it (Gnatter only)"},
	{"presence", presence_run,
		"all connect within --seconds, watch their contacts, and stay until SIGTERM "
		"(Gnatter only)"},
	{"acks", acks_run,
		"acknowledge, --rate times a second, and watch the marks (Gnatter only)"},
	{"chats", chats_run, "one user asks for its list of chats, over and over (Gnatter only)"},
	{"call", call_run, "everybody asks the API for one thing, once (Gnatter only)"},
	{"hold", hold_run, "connect, subscribe to --topics topics each, and stay until SIGTERM"},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static int help(void)
{
	printf("usage: load COMMAND [OPTION VALUE]...\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].help);
	printf("\npatterns: {g} group, {m} member of the group, {i} connection, {k} topic; {g:5} "
	       "with five\n          digits; {u} user, {c} chat\n\n");
	options_help();
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;

	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
		return help();
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		options_parse(&o, argc - 2, argv + 2);
		o.command = commands[i].name;
		if (strcmp(argv[1], "fill") == 0 && o.count == 0)
			die("fill needs --count");
		return commands[i].run(&o);
	}
	die("unknown command %s; `load help` lists them", argv[1]);
}
