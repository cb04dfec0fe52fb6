/* command.h — lines that begin with a slash, taken apart. Pure. */
#ifndef GNATTER_UI_COMMAND_H
#define GNATTER_UI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct ui;

/* What Tab offers for the arguments. */
enum command_names { NAMES_NONE, NAMES_USERS, NAMES_CHATS, NAMES_COMMANDS };

struct command {
	const char *name, *args, *help; /* args: "" if it takes none */
	bool required;                  /* at least one argument */
	enum command_names names;
	void (*run)(struct ui *ui, const char *args); /* args without space around it */
};

/* Is the line a command? One that begins with two slashes is a text that begins with one, and
 * a path like /etc/passwd is none. */
bool command_is(const char *line);

/* The command of the line: its whole name, or a beginning that no other begins with. *args gets
 * what follows. NULL if there is none, with *many if it is because several begin so. */
const struct command *command_find(
	const struct command *table, size_t n, const char *line, const char **args, bool *many);

/* Copy the word at *s into out (cut to its size) and go to the next. False if there is none. */
bool command_word(const char **s, char *out, size_t size);

/* A time to come: "30m", "8h", "2d", "1w": in ms. False if it is none, or more than 10 years. */
bool command_span(const char *s, long long *ms);

#endif
