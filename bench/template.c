/* template.c */
#include "bench/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned number_of(char kind, const struct template_values *v)
{
	switch (kind) {
	case 'g':
		return v->group;
	case 'm':
		return v->member;
	case 'k':
		return v->topic;
	default:
		return v->index;
	}
}

/* One {...}: its text into out. Returns the bytes it takes in the pattern, 0 if it is malformed. */
static size_t fill_one(
	char *out, size_t out_size, const char *pattern, const struct template_values *v)
{
	char kind = pattern[1];
	size_t len = 2;
	long width = 1;
	unsigned number = number_of(kind, v);
	const char *text = kind == 'c' ? v->chat : v->user;
	int put;

	if (kind == '\0' || !strchr("gmikcu", kind))
		return 0;
	if (pattern[len] == ':') {
		char *end;

		width = strtol(pattern + len + 1, &end, 10);
		if (end == pattern + len + 1 || width < 1 || width > 20)
			return 0;
		len = (size_t)(end - pattern);
	}
	if (pattern[len] != '}')
		return 0;
	if (kind == 'c' || kind == 'u')
		put = text ? snprintf(out, out_size, "%s", text) : -1;
	else
		put = snprintf(out, out_size, "%0*u", (int)width, number);
	return put < 0 || (size_t)put >= out_size ? 0 : len + 1;
}

bool template_fill(char *out, size_t out_size, const char *pattern, const struct template_values *v)
{
	size_t at = 0;

	while (*pattern) {
		if (*pattern == '{') {
			size_t took = fill_one(out + at, out_size - at, pattern, v);

			if (took == 0)
				return false;
			pattern += took;
			at += strlen(out + at);
		} else if (at + 1 < out_size) {
			out[at++] = *pattern++;
		} else {
			return false;
		}
	}
	out[at] = '\0';
	return true;
}
