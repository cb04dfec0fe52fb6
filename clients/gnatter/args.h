/* args.h — what a command is, and what stands on its command line.
 *
 * Each command is one row of the table in main.c. Parser, --help and dispatch walk the same rows; a
 * test holds the man page and the completions against them. A function returns the exit code and
 * has said why if that is not 0.
 */
#ifndef GNATTER_ARGS_H
#define GNATTER_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#define ARGS_MAX         1000 /* operands, and options, given at once */
#define ARGS_TIMEOUT_S   15
#define ARGS_ACCOUNT_ENV "GNATTER_ACCOUNT"

struct option_row {
	const char *name;  /* without the dashes; NULL ends the table */
	char letter;       /* 0: it has none */
	const char *value; /* what its value is called; NULL if it takes none */
	const char *help;
};

struct args;

struct command {
	const char *name;
	const char *operands; /* for the usage line */
	int operands_min, operands_max;
	const char *help; /* one line */
	const struct option_row *options;
	int (*run)(const struct args *a);
	const char *more; /* more lines for --help; may be NULL */
};

struct given {
	const struct option_row *option;
	const char *value; /* NULL if it takes none */
};

struct args {
	const struct command *command;
	const char *account;               /* "" is the usual one */
	const char *operand[ARGS_MAX + 1]; /* ends in NULL */
	int operands;
	struct given given[ARGS_MAX];
	int given_count;
	bool help;
};

/* Parse what follows the command's name into *a, whose command and account are set already. False
 * if it is wrong, said on stderr. */
bool args_parse(struct args *a, char *const argv[], int argc);

/* Was the option given; its last value, or NULL. */
bool args_has(const struct args *a, const char *name);
const char *args_value(const struct args *a, const char *name);

/* A value that is a whole number of min..max; *out stays if it was not given. False if it is none,
 * said on stderr. */
bool args_number(const struct args *a, const char *name, uint64_t min, uint64_t max, uint64_t *out);

/* --timeout in milliseconds, the usual one if it was not given. */
bool args_timeout(const struct args *a, int64_t *out_ms);

int command_login(const struct args *a);
int command_logout(const struct args *a);
int command_send(const struct args *a);
int command_flush(const struct args *a);
int command_tail(const struct args *a);
int command_history(const struct args *a);
int command_who(const struct args *a);
int command_chats(const struct args *a);

#endif
