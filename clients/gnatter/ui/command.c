/* command.c — see command.h. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static size_t word_len(const char *s)
{
	size_t n = 0;

	while (s[n] && !is_space(s[n]))
		n++;
	return n;
}

static const char *skip(const char *s)
{
	while (is_space(*s))
		s++;
	return s;
}

bool command_is(const char *line)
{
	size_t n = word_len(line);

	return line[0] == '/' && n > 1 && line[1] != '/' && !memchr(line + 1, '/', n - 1);
}

const struct command *command_find(
	const struct command *table, size_t n, const char *line, const char **args, bool *many)
{
	const struct command *found = NULL;
	size_t len;

	*many = false;
	line += *line == '/';
	len = word_len(line);
	*args = skip(line + len);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(table[i].name, line, len) != 0)
			continue;
		if (table[i].name[len] == '\0') {
			*many = false;
			return &table[i];
		}
		*many = found != NULL || *many;
		found = &table[i];
	}
	return *many || len == 0 ? NULL : found;
}

bool command_word(const char **s, char *out, size_t size)
{
	size_t n;

	*s = skip(*s);
	n = word_len(*s);
	if (n == 0)
		return false;
	if (n < size) {
		memcpy(out, *s, n);
		out[n] = '\0';
	} else {
		memcpy(out, *s, size - 1);
		out[size - 1] = '\0';
	}
	*s = skip(*s + n);
	return true;
}

bool command_span(const char *s, long long *ms)
{
	static const struct {
		char unit;
		long long ms;
	} units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
	const long long most = 3660 * 86400000LL;
	char *end;
	long n = *s >= '1' && *s <= '9' ? strtol(s, &end, 10) : 0;

	if (n <= 0 || n > 10000000 || end[0] == '\0' || end[1] != '\0')
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (units[i].unit == *end) {
			*ms = n * units[i].ms;
			return *ms <= most;
		}
	}
	return false;
}
