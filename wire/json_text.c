/* json_text.c — JSON of our own: writing strings, and a quick look into what we wrote. */
#include <string.h>

#include "json.h"

/* How a byte is written: as it is (0), as \ and this letter, or as \u00xx ('u'). */
static const char escapes[256] = {
	[0x00] = 'u',
	[0x01] = 'u',
	[0x02] = 'u',
	[0x03] = 'u',
	[0x04] = 'u',
	[0x05] = 'u',
	[0x06] = 'u',
	[0x07] = 'u',
	['\b'] = 'b',
	['\t'] = 't',
	['\n'] = 'n',
	[0x0b] = 'u',
	['\f'] = 'f',
	['\r'] = 'r',
	[0x0e] = 'u',
	[0x0f] = 'u',
	[0x10] = 'u',
	[0x11] = 'u',
	[0x12] = 'u',
	[0x13] = 'u',
	[0x14] = 'u',
	[0x15] = 'u',
	[0x16] = 'u',
	[0x17] = 'u',
	[0x18] = 'u',
	[0x19] = 'u',
	[0x1a] = 'u',
	[0x1b] = 'u',
	[0x1c] = 'u',
	[0x1d] = 'u',
	[0x1e] = 'u',
	[0x1f] = 'u',
	['"'] = '"',
	['\\'] = '\\',
	[0x7f] = 'u',
};

static void put_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char escape[6] = {'\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15]};

	buf_put(b, escape, escapes[c] == 'u' ? 6 : 2);
}

void json_put_string(struct buf *b, const char *s, size_t len)
{
	size_t from = 0;

	buf_u8(b, '"');
	for (size_t i = 0; i < len; i++) {
		if (!escapes[(unsigned char)s[i]])
			continue;
		buf_put(b, s + from, i - from);
		put_escape(b, (unsigned char)s[i]);
		from = i + 1;
	}
	buf_put(b, s + from, len - from);
	buf_u8(b, '"');
}

/* Past the string whose opening quote stands at `at`; NULL if it does not end. */
static const char *past_string(const char *at, const char *end)
{
	const char *quote;

	at++;
	quote = memchr(at, '"', (size_t)(end - at));
	if (!quote)
		return NULL;
	if (!memchr(at, '\\', (size_t)(quote - at)))
		return quote + 1; /* nearly all of them */
	for (; at < end; at++) {
		if (*at == '\\')
			at++;
		else if (*at == '"')
			return at + 1;
	}
	return NULL;
}

/* Past the digits at `at`; *v is their number, 0 if it does not fit. */
static const char *past_number(const char *at, const char *end, uint64_t *v)
{
	bool fits = true;

	*v = 0;
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		fits = fits && !__builtin_mul_overflow(*v, 10u, v) &&
		       !__builtin_add_overflow(*v, (uint64_t)(*at - '0'), v);
	}
	if (!fits)
		*v = 0;
	return at;
}

bool json_peek_next(const char **at, const char *end, struct bytes *name, struct bytes *value)
{
	const char *start = *at, *colon, *stop;
	uint64_t v;

	if (end - start < 2 || (*start != '{' && *start != ',') || start[1] != '"')
		return false;
	colon = past_string(start + 1, end);
	if (!colon || end - colon < 2 || *colon != ':')
		return false;
	if (colon[1] == '"')
		stop = past_string(colon + 1, end);
	else
		stop = past_number(colon + 1, end, &v);
	if (!stop || stop == colon + 1)
		return false;
	*name = (struct bytes){start + 2, (size_t)(colon - 1 - (start + 2))};
	*value = (struct bytes){colon + 1, (size_t)(stop - (colon + 1))};
	*at = stop;
	return true;
}

uint64_t json_peek_u64(const char *data, size_t len, const char *name)
{
	const char *at = data, *end = data + len;
	size_t name_len = strlen(name);
	struct bytes member, value;
	uint64_t v;

	while (json_peek_next(&at, end, &member, &value)) {
		if (!bytes_equal(member, name, name_len))
			continue;
		past_number(value.data, value.data + value.len, &v);
		return v;
	}
	return 0;
}
