/* command.h — what a command is, and the list of them.
 *
 * Each command is one row of the table in main.c: its words, what stands after them, its options
 * and its function. Parser, --help and dispatch walk the same rows. A function returns the exit
 * code and has said why if that is not 0.
 */
#ifndef GNATTERCTL_COMMAND_H
#define GNATTERCTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#define ARGS_OPERANDS_MAX 2
#define ARGS_OPTIONS_MAX  4096 /* given at once: chat create may name many members */

struct option_row {
	const char *name;  /* without the dashes; NULL ends the table */
	const char *value; /* what its value is called; NULL if it takes none */
	const char *help;
};

struct args;

struct command {
	const char *words;    /* "user add" */
	const char *operands; /* "USER", for the usage line */
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
	const char *dir; /* -d; NULL if it was not given */
	const char *operand[ARGS_OPERANDS_MAX];
	int operands;
	struct given *given; /* owned */
	size_t given_count;
	bool help;
};

/* Parse what follows the command's words into *a, whose command and dir are set already. False if
 * it is wrong, said on stderr. */
bool args_parse(struct args *a, char *const argv[], int argc);
void args_finish(struct args *a);

/* Was the option given; its (last) value, or NULL; and each of its values in turn, with *at 0
 * first. */
bool args_has(const struct args *a, const char *name);
const char *args_value(const struct args *a, const char *name);
const char *args_next(const struct args *a, const char *name, size_t *at);

/* Parse a value that is a whole number of min..max. False if it is not, said on stderr. */
bool args_number(const struct args *a, const char *name, long min, long max, long *out);

int command_init(const struct args *a);
int command_run(const struct args *a);
int command_user_add(const struct args *a);
int command_user_simple(const struct args *a); /* remove, disable, enable */
int command_user_password(const struct args *a);
int command_user_list(const struct args *a);
int command_token(const struct args *a);
int command_chat_create(const struct args *a);
int command_chat_list(const struct args *a);
int command_member(const struct args *a); /* add, remove */
int command_import(const struct args *a);
int command_export(const struct args *a);
int command_stats(const struct args *a);
int command_push_test(const struct args *a);
int command_push_queue(const struct args *a);
int command_kick(const struct args *a);

#endif
