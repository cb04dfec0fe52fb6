/* store_search.c — messages that hold a text, whatever the case of its letters.
 *
 * Every message is looked at: an index of words would be as large as what it indexes, and finds no
 * parts of words. 100,000 messages take less than a fifth of a second.
 *
 * Letters are compared after towlower(towupper(c)), which makes one of the three small and capital
 * forms that some have. The C library knows them only in a UTF-8 locale; that one is taken from the
 * system's C.UTF-8, whatever the app has set. Without it only A-Z and a-z are the same.
 */
#include "clients/sdk/store_internal.h"

#include <string.h>
#include <wctype.h>

/* The code point at *at, which moves on. What is not UTF-8 counts byte by byte. */
static uint32_t next_char(const unsigned char **at, const unsigned char *end)
{
	const unsigned char *s = *at;
	size_t more = *s < 0xc0 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
	uint32_t c = more == 0 ? *s : *s & (0x3fu >> more);

	(*at)++;
	if ((size_t)(end - *at) < more)
		return *s;
	for (size_t i = 0; i < more; i++)
		c = c << 6 | ((*at)[i] & 0x3fu);
	*at += more;
	return c;
}

static uint32_t fold(const struct store *s, uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	if (!s->letters)
		return c;
	return (uint32_t)towlower_l(towupper_l((wint_t)c, s->letters), s->letters);
}

/* Does text begin with needle? */
static bool begins(const struct store *s, const unsigned char *text, const unsigned char *text_end,
	const unsigned char *needle, const unsigned char *needle_end)
{
	while (needle < needle_end) {
		if (text >= text_end || fold(s, next_char(&text, text_end)) !=
						fold(s, next_char(&needle, needle_end)))
			return false;
	}
	return true;
}

static bool holds(const struct store *s, const unsigned char *text, size_t len,
	const unsigned char *needle, size_t needle_len)
{
	const unsigned char *end = text + len;
	const unsigned char *needle_end = needle + needle_len;
	const unsigned char *rest = needle;
	uint32_t first;

	if (needle_len == 0)
		return true;
	first = fold(s, next_char(&rest, needle_end));
	while (text < end) {
		if (fold(s, next_char(&text, end)) == first &&
			begins(s, text, end, rest, needle_end))
			return true;
	}
	return false;
}

/* holds(text, needle) for SQL. */
static void sql_holds(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	const struct store *s = sqlite3_user_data(ctx);
	const unsigned char *text = sqlite3_value_text(values[0]);
	const unsigned char *needle = sqlite3_value_text(values[1]);

	(void)count;
	sqlite3_result_int(ctx, text && needle &&
					holds(s, text, (size_t)sqlite3_value_bytes(values[0]),
						needle, (size_t)sqlite3_value_bytes(values[1])));
}

int sql_define_holds(struct store *s)
{
	return sqlite3_create_function_v2(s->db, "holds", 2,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, s, sql_holds, NULL, NULL,
		NULL);
}

enum gnatter_error store_search(struct store *s, const char *chat, const char *text, uint32_t limit,
	gnatter_message_fn *fn, void *ctx)
{
	struct sql q;

	store_enter(s);
	if (!s->letters)
		s->letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	sql_start(&q, s, chat ? SQL_SEARCH : SQL_SEARCH_ALL);
	sql_text(&q, text);
	sql_int(&q, limit);
	if (chat)
		sql_text(&q, chat);
	return store_leave(s, messages_each(&q, fn, ctx));
}
