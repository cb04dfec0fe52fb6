/* main.c — gnatterctl, the operator's command: it makes instances, runs them, keeps accounts and
 * chats.
 *
 * In reading order:
 *
 *   main.c         the table of commands, --help, dispatch
 *   args.c         the rest of a command line
 *   instance.c     the directory that is an instance
 *   programs.c     where broker, daemon and plugin lie
 *   broker_conf.c  mosquitto.conf, written and read
 *   files.c        files made and removed safely
 *   init.c         gnatterctl init
 *   run.c          gnatterctl run, with run_prepare.c and run_say.c
 *   part.c         one of the programs that run, with its log in logfile.c
 *   api.c          a request and its answer
 *   api_mqtt.c     ... when the daemon runs
 *   api_apply.c    ... when it does not
 *   accounts.c, chats.c, token.c, stats.c, import.c, export.c, push.c
 *                  a group of commands each, with listing.c for those that list
 *   password.c     passwords read from people; hasher.c hashes many on all cores
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/gnatterctl/command.h"
#include "clients/gnatterctl/say.h"
#include "wire/logline.h"
#include "wire/version.h"

#define JSON_OPTION                                                       \
	{                                                                 \
		"json", NULL, "one JSON object a line instead of a table" \
	}
#define PASSWORD_OPTIONS                                                                  \
	{"password", NULL, "ask for the password, twice, without echo"},                  \
	{                                                                                 \
		"password-stdin", NULL, "read the password from standard input, one line" \
	}

static const struct option_row none[] = {{0}};
static const struct option_row listing[] = {JSON_OPTION, {0}};
static const struct option_row init_options[] = {
	{"port", "P", "the MQTT port, on 127.0.0.1 (1883)"},
	{"ws-port", "P", "also MQTT over WebSocket, on 127.0.0.1, on this port"},
	{"demo", NULL, "add the users alice, bob and carol, password 'demo', and the group lobby"},
	{0},
};
static const struct option_row run_options[] = {
	{"hints", NULL, "once ready, show commands to try (for an instance made with --demo)"},
	{0},
};
static const struct option_row user_add_options[] = {
	{"name", "NAME", "the name to show to people"},
	{"role", "ROLE", "user (the default) or admin"},
	PASSWORD_OPTIONS,
	{0},
};
static const struct option_row password_options[] = {PASSWORD_OPTIONS, {0}};
static const struct option_row token_options[] = {
	{"device", "D", "for this device only"},
	{"ttl", "TIME", "how long it is good for: 90s, 15m, 12h, 30d (token_ttl of gnatter.conf)"},
	{"role", "ROLE", "user or admin, whatever the account's role is"},
	{0},
};
static const struct option_row chat_create_options[] = {
	{"title", "T", "the title to show to people"},
	{"kind", "KIND", "group (the default) or channel, where only admins write"},
	{"member", "USER", "a member; may stand several times"},
	{"admin", "USER", "a member who is an admin of the chat; may stand several times"},
	{0},
};
static const struct option_row member_add_options[] = {
	{"role", "ROLE", "member (the default) or admin"},
	{0},
};
static const struct option_row stats_options[] = {
	{"json", NULL, "one JSON object instead of a table"},
	{0},
};
static const struct option_row push_test_options[] = {
	{"json", NULL, "one JSON object a line instead of text"},
	{0},
};
static const struct option_row kick_options[] = {
	{"client", "ID", "only the connection with this MQTT client id"},
	{0},
};

// clang-format off
#define REACHES \
	"Without the daemon this is refused while the broker runs, or has accepted what is not stored yet.\n"

static const struct command commands[] = {
	{"init", "DIR", 1, 1, "make an instance: keys, configuration, empty stores", init_options, command_init,
		"DIR must not exist, or be empty. As root, DIR is given to its owner, or the user mosquitto, if\n"
		"that user can reach it, the plugin and the daemon. Nothing is left behind if it fails.\n"},
	{"run", "[DIR]", 0, 1, "run broker and daemon in the foreground until SIGINT or SIGTERM", run_options, command_run,
		"Prints 'ready' when both serve. A part that dies is started again. SIGHUP makes both read their\n"
		"configuration again. Their logs are DIR/log/broker.log and daemon.log. The broker is the program\n"
		"mosquitto, or what $MOSQUITTO names.\n"},
	{"user add", "USER", 1, 1, "add an account", user_add_options, command_user_add,
		"Without a password the user signs in by token only.\n"},
	{"user remove", "USER", 1, 1, "remove an account, and end its connections", none, command_user_simple, REACHES},
	{"user disable", "USER", 1, 1, "refuse the user until enabled again, and end its connections", none, command_user_simple, REACHES},
	{"user enable", "USER", 1, 1, "let a disabled user in again", none, command_user_simple, REACHES},
	{"user password", "USER", 1, 1, "set a user's password; older tokens end", password_options, command_user_password, NULL},
	{"user list", "", 0, 0, "list the accounts", listing, command_user_list, NULL},
	{"token", "USER", 1, 1, "print a token, which is a password for MQTT", token_options, command_token,
		"The token is made from the instance's key alone; the account may be added later.\n"},
	{"chat create", "CHAT", 1, 1, "create a group or a channel", chat_create_options, command_chat_create,
		"With no --admin the first member is one.\n"},
	{"chat list", "", 0, 0, "list groups and channels", listing, command_chat_list, NULL},
	{"member add", "CHAT USER", 2, 2, "make a user a member of a chat", member_add_options, command_member, NULL},
	{"member remove", "CHAT USER", 2, 2, "end a membership", none, command_member, REACHES},
	{"import", "FILE", 1, 1, "add accounts and chats from JSON lines; '-' is standard input", none, command_import,
		"One object a line:\n"
		"  {\"user\":\"alice\",\"password\":\"...\"}    or \"hash\" (argon2id), or neither; \"name\", \"role\"\n"
		"  {\"chat\":\"lobby\",\"title\":\"...\",\"members\":[\"alice\"],\"admins\":[\"bob\"]}    \"kind\"\n"
		"A line that fails is named on stderr, the others are done, and the exit code is 1.\n"},
	{"export", "", 0, 0, "print accounts and chats as JSON lines that import takes", none, command_export, NULL},
	{"stats", "", 0, 0, "print the counters of plugin and daemon", stats_options, command_stats, NULL},
	{"push test", "USER", 1, 1, "send a push to each registered device of a user, and print what its provider said", push_test_options, command_push_test,
		"The daemon must be running. The exit code is 0 if every provider has taken it.\n"},
	{"push queue", "", 0, 0, "list the pushes that wait, and why", listing, command_push_queue, "The daemon must be running.\n"},
	{"kick", "USER", 1, 1, "end the connections of a user, who may connect again", kick_options, command_kick, REACHES},
};
// clang-format on
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage_line(const struct command *c, FILE *out)
{
	fprintf(out, "  %-13s %-10s %s\n", c->words, c->operands, c->help);
}

static void usage(FILE *out)
{
	fputs("usage: gnatterctl [-d DIR] COMMAND ...\n\n"
	      "An instance is a directory that holds everything: keys, configuration, data, logs. "
	      "-d names\n"
	      "it; without -d it is $GNATTER_DIR, or the current directory if that holds a "
	      "gnatter.conf.\n\n",
		out);
	for (size_t i = 0; i < COMMANDS; i++)
		usage_line(&commands[i], out);
	fputs("\ngnatterctl COMMAND --help tells more about one.\n"
	      "gnatterctl --version says which version this is.\n",
		out);
}

static void usage_of(const struct command *c)
{
	printf("usage: gnatterctl [-d DIR] %s%s%s%s\n\n  %s\n", c->words, *c->operands ? " " : "",
		c->operands, c->options->name ? " [OPTION]..." : "", c->help);
	if (c->options->name)
		putchar('\n');
	for (const struct option_row *o = c->options; o->name; o++) {
		int used = printf(
			"  --%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");

		printf("%*s%s\n", used < 20 ? 20 - used : 1, "", o->help);
	}
	if (c->more)
		printf("\n%s", c->more);
}

/* The command whose words stand at the front of argv; *words gets how many they are. */
static const struct command *find(char *const argv[], int argc, int *words)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const char *second = strchr(commands[i].words, ' ');
		size_t len =
			second ? (size_t)(second - commands[i].words) : strlen(commands[i].words);

		if (strlen(argv[0]) != len || strncmp(commands[i].words, argv[0], len) != 0)
			continue;
		if (second && (argc < 2 || strcmp(second + 1, argv[1]) != 0))
			continue;
		*words = second ? 2 : 1;
		return &commands[i];
	}
	return NULL;
}

/* No command has these words: show those with the first one, if any. */
static int no_command(char *const argv[], int argc)
{
	size_t len = strlen(argv[0]), shown = 0;
	bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
	FILE *out = help ? stdout : stderr;

	for (size_t i = 0; i < COMMANDS; i++)
		if (strncmp(commands[i].words, argv[0], len) == 0 &&
			commands[i].words[len] == ' ') {
			if (shown++ == 0)
				fputs("usage:\n", out);
			usage_line(&commands[i], out);
		}
	if (shown > 0)
		return help ? 0 : 2;
	fail("there is no command '%s'; see gnatterctl --help", argv[0]);
	return 2;
}

static int dispatch(const char *dir, char *const argv[], int argc)
{
	struct args a = {.dir = dir};
	int words = 0, code = 2;

	a.command = find(argv, argc, &words);
	if (!a.command)
		return no_command(argv, argc);
	if (args_parse(&a, argv + words, argc - words)) {
		if (a.help) {
			usage_of(a.command);
			code = 0;
		} else {
			code = a.command->run(&a);
		}
	}
	args_finish(&a);
	if (fflush(stdout) != 0 && code == 0)
		code = fail("cannot write to standard output");
	return code;
}

int main(int argc, char *argv[])
{
	const char *dir = NULL;
	int i = 1;

	log_name("gnatterctl");
	if (sodium_init() < 0)
		return fail("libsodium does not start: no source of random numbers");
	while (i + 1 < argc && (strcmp(argv[i], "-d") == 0 || strcmp(argv[i], "--dir") == 0)) {
		dir = argv[i + 1];
		i += 2;
	}
	if (i == argc) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[i], "help") == 0 && i + 1 < argc) {
		char help[] = "--help",
		     *words[3] = {argv[i + 1], i + 2 < argc ? argv[i + 2] : help, help};

		return dispatch(NULL, words, i + 2 < argc ? 3 : 2);
	}
	if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
		strcmp(argv[i], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[i], "--version") == 0)
		return puts("gnatterctl " SERVER_VERSION) < 0;
	return dispatch(dir, argv + i, argc - i);
}
