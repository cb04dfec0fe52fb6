/* args.c — the part of a command line that follows the command's words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatterctl/command.h"
#include "clients/gnatterctl/say.h"

static const struct option_row *find(const struct command *c, const char *name, size_t len)
{
	for (const struct option_row *o = c->options; o && o->name; o++)
		if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static bool refuse(const struct args *a, const char *what, const char *arg)
{
	fail("%s: %s '%s'; see gnatterctl %s --help", a->command->words, what, arg,
		a->command->words);
	return false;
}

/* One argument that starts with two dashes; *i moves on if its value is the next one. */
static bool parse_long(struct args *a, char *const argv[], int argc, int *i)
{
	const char *arg = argv[*i] + 2;
	size_t len = strcspn(arg, "=");
	const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
	const struct option_row *o = find(a->command, arg, len);
	bool is_dir = len == 3 && strncmp(arg, "dir", 3) == 0;

	if (strcmp(arg, "help") == 0) {
		a->help = true;
		return true;
	}
	if (!o && !is_dir)
		return refuse(a, "there is no option", argv[*i]);
	if (o && !o->value && value)
		return refuse(a, "this option takes no value:", argv[*i]);
	if (is_dir || o->value) {
		if (!value && *i + 1 < argc)
			value = argv[++*i];
		if (!value)
			return refuse(a, "a value is missing after", argv[*i]);
	}
	if (is_dir) {
		a->dir = value;
		return true;
	}
	if (a->given_count == ARGS_OPTIONS_MAX)
		return refuse(a, "too many options, at", argv[*i]);
	a->given[a->given_count++] = (struct given){o, value};
	return true;
}

static bool parse_short(struct args *a, char *const argv[], int argc, int *i)
{
	if (strcmp(argv[*i], "-h") == 0) {
		a->help = true;
		return true;
	}
	if (strcmp(argv[*i], "-d") != 0)
		return refuse(a, "there is no option", argv[*i]);
	if (*i + 1 == argc)
		return refuse(a, "a value is missing after", argv[*i]);
	a->dir = argv[++*i];
	return true;
}

bool args_parse(struct args *a, char *const argv[], int argc)
{
	bool only_operands = false;

	a->given = need(calloc((size_t)argc + 1, sizeof(*a->given)));
	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];

		if (!only_operands && strcmp(arg, "--") == 0) {
			only_operands = true;
		} else if (!only_operands && strncmp(arg, "--", 2) == 0) {
			if (!parse_long(a, argv, argc, &i))
				return false;
		} else if (!only_operands && arg[0] == '-' && arg[1] != '\0') {
			if (!parse_short(a, argv, argc, &i))
				return false;
		} else if (a->operands == a->command->operands_max) {
			return refuse(a, "one word too many:", arg);
		} else {
			a->operand[a->operands++] = arg;
		}
	}
	if (!a->help && a->operands < a->command->operands_min) {
		fail("%s: %s is missing; see gnatterctl %s --help", a->command->words,
			a->command->operands, a->command->words);
		return false;
	}
	return true;
}

void args_finish(struct args *a)
{
	free(a->given);
	a->given = NULL;
}

const char *args_next(const struct args *a, const char *name, size_t *at)
{
	while (*at < a->given_count) {
		const struct given *g = &a->given[(*at)++];

		if (strcmp(g->option->name, name) == 0)
			return g->value ? g->value : "";
	}
	return NULL;
}

const char *args_value(const struct args *a, const char *name)
{
	const char *value = NULL, *next;
	size_t at = 0;

	while ((next = args_next(a, name, &at)))
		value = next;
	return value;
}

bool args_has(const struct args *a, const char *name)
{
	return args_value(a, name) != NULL;
}

bool args_number(const struct args *a, const char *name, long min, long max, long *out)
{
	const char *text = args_value(a, name);
	char *end;

	if (!text)
		return true;
	errno = 0;
	*out = strtol(text, &end, 10);
	if (end == text || *end || errno || *out < min || *out > max) {
		fail("--%s takes a number from %ld to %ld, not '%s'", name, min, max, text);
		return false;
	}
	return true;
}
