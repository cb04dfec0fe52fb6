/* list.c — see list.h. */
#include "clients/sdk/list.h"

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind a string whose opening quote is at s. */
static const char *skip_string(const char *s, const char *end)
{
	for (s++; s < end && *s != '"'; s++)
		if (*s == '\\')
			s++;
	return s < end ? s + 1 : end;
}

/* Behind a value: at the ',' or ']' that ends it. */
static const char *skip_value(const char *s, const char *end)
{
	int depth = 0;

	while (s < end) {
		if (*s == '"') {
			s = skip_string(s, end);
			continue;
		}
		if (*s == '{' || *s == '[')
			depth++;
		else if (depth > 0 && (*s == '}' || *s == ']'))
			depth--;
		else if (depth == 0 && (*s == ',' || *s == ']'))
			break;
		s++;
	}
	return s;
}

bool list_next(const char **at, const char *end, struct bytes *item)
{
	const char *s = *at, *stop;

	if (s < end && (*s == '[' || *s == ','))
		s++;
	while (s < end && space(*s))
		s++;
	if (s >= end || *s == ']')
		return false;
	stop = skip_value(s, end);
	*at = stop;
	while (stop > s && space(stop[-1]))
		stop--;
	*item = (struct bytes){s, (size_t)(stop - s)};
	return true;
}
