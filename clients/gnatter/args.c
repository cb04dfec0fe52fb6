/* args.c — see args.h. */
#include "clients/gnatter/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/say.h"

static const struct option_row *find(const struct command *c, const char *name, size_t len)
{
	for (const struct option_row *o = c->options; o->name; o++)
		if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct option_row *find_letter(const struct command *c, char letter)
{
	for (const struct option_row *o = c->options; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static bool refuse(const struct args *a, const char *what, const char *arg)
{
	fail(GN_USAGE, "%s: %s '%s'; see gnatter %s --help", a->command->name, what, arg,
		a->command->name);
	return false;
}

static bool add(struct args *a, const struct option_row *o, const char *value, const char *arg)
{
	if (a->given_count == ARGS_MAX)
		return refuse(a, "too many options, at", arg);
	a->given[a->given_count++] = (struct given){o, value};
	return true;
}

/* An option; *i moves on if its value is the next argument. */
static bool parse_option(struct args *a, char *const argv[], int argc, int *i)
{
	const char *arg = argv[*i], *value = NULL;
	const struct option_row *o;
	bool is_account = false;

	if (arg[1] == '-') {
		size_t len = strcspn(arg + 2, "=");

		value = arg[2 + len] == '=' ? arg + 2 + len + 1 : NULL;
		o = find(a->command, arg + 2, len);
		is_account = len == 7 && strncmp(arg + 2, "account", len) == 0;
	} else {
		o = find_letter(a->command, arg[1]);
		value = arg[2] != '\0' ? arg + 2 : NULL;
	}
	if (!o && !is_account)
		return refuse(a, "there is no option", arg);
	if (o && !o->value)
		return value ? refuse(a, "this option takes no value:", arg) : add(a, o, NULL, arg);
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value)
		return refuse(a, "a value is missing after", arg);
	if (!is_account)
		return add(a, o, value, arg);
	a->account = value;
	return true;
}

bool args_parse(struct args *a, char *const argv[], int argc)
{
	bool only_operands = false;

	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];

		if (!only_operands && strcmp(arg, "--") == 0) {
			only_operands = true;
		} else if (!only_operands &&
			   (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
			a->help = true;
		} else if (!only_operands && arg[0] == '-' && arg[1] != '\0') {
			if (!parse_option(a, argv, argc, &i))
				return false;
		} else if (a->operands == a->command->operands_max) {
			return refuse(a, "one word too many:", arg);
		} else {
			a->operand[a->operands++] = arg;
		}
	}
	if (!a->help && a->operands < a->command->operands_min) {
		fail(GN_USAGE, "%s: %s is missing; see gnatter %s --help", a->command->name,
			a->command->operands, a->command->name);
		return false;
	}
	return true;
}

static const struct given *given(const struct args *a, const char *name)
{
	for (int i = a->given_count - 1; i >= 0; i--)
		if (strcmp(a->given[i].option->name, name) == 0)
			return &a->given[i];
	return NULL;
}

bool args_has(const struct args *a, const char *name)
{
	return given(a, name) != NULL;
}

const char *args_value(const struct args *a, const char *name)
{
	const struct given *g = given(a, name);

	return g ? g->value : NULL;
}

bool args_number(const struct args *a, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *text = args_value(a, name);
	unsigned long long n;
	char *end;

	if (!text)
		return true;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n < min || n > max) {
		fail(GN_USAGE, "--%s takes a number from %llu to %llu, not '%s'", name,
			(unsigned long long)min, (unsigned long long)max, text);
		return false;
	}
	*out = n;
	return true;
}

bool args_timeout(const struct args *a, int64_t *out_ms)
{
	uint64_t s = ARGS_TIMEOUT_S;

	if (!args_number(a, "timeout", 1, 86400, &s))
		return false;
	*out_ms = (int64_t)s * 1000;
	return true;
}
