/* mention.c — see mention.h. */
#include "mention.h"

#include <string.h>

#include "name_class.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool in_name(char c)
{
	return (name_class(lower(c)) & CLASS_USER) != 0;
}

/* Does [at, end) begin with that user's name, and does the name end there? */
static bool is_named(const char *at, const char *end, struct bytes user)
{
	if ((size_t)(end - at) < user.len)
		return false;
	for (size_t i = 0; i < user.len; i++)
		if (lower(at[i]) != user.data[i])
			return false;
	at += user.len;
	while (at < end && (*at == '.' || *at == '-'))
		at++;
	return at == end || !in_name(*at);
}

bool mention_of(struct bytes text, struct bytes user)
{
	const char *at = text.data;
	const char *end = at + text.len;

	if (text.len == 0 || user.len == 0)
		return false;
	for (int i = 0; i < MENTION_MAX; i++) {
		const char *sign = memchr(at, '@', (size_t)(end - at));

		if (!sign)
			return false;
		at = sign + 1;
		if ((sign == text.data || !in_name(sign[-1])) && is_named(at, end, user))
			return true;
	}
	return false;
}

bool mention_of_all(struct bytes text)
{
	return mention_of(text, (struct bytes){"all", 3});
}
