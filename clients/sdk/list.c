/* list.c — see list.h. */
#include "clients/sdk/list.h"

#include <string.h>

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

/* Behind a value: at the ',', ']' or '}' that ends it. */
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
		else if (depth == 0 && (*s == ',' || *s == ']' || *s == '}'))
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

static const char *skip_space(const char *s, const char *end)
{
	while (s < end && space(*s))
		s++;
	return s;
}

/* At a member's name; *value: behind its colon. NULL if there is no further one. */
static const char *member(const char *s, const char *end, const char **value, size_t *len)
{
	const char *behind;

	s = skip_space(s, end);
	if (s >= end || (*s != '{' && *s != ','))
		return NULL;
	s = skip_space(s + 1, end);
	if (s >= end || *s != '"')
		return NULL;
	behind = skip_string(s, end);
	*len = (size_t)(behind - s) - 1; /* with the opening quote */
	behind = skip_space(behind, end);
	if (behind >= end || *behind != ':')
		return NULL;
	*value = skip_space(behind + 1, end);
	return s + 1;
}

bool list_member(struct bytes object, const char *name, struct bytes *value)
{
	const char *s = object.data, *end = s + object.len, *at, *name_at;
	size_t len;

	while ((name_at = member(s, end, &at, &len))) {
		s = skip_value(at, end);
		if (len != strlen(name) + 1 || memcmp(name_at, name, len - 1) != 0)
			continue;
		while (end > at && s > at && space(s[-1]))
			s--;
		*value = (struct bytes){at, (size_t)(s - at)};
		return true;
	}
	return false;
}
