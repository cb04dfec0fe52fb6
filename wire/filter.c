/* filter.c — how wide a subscription is (topic.h, filter_parse).
 *
 * The table lists every topic that anybody may read. A filter that can match none of them matches
 * nothing, and is refused to everybody: it is a mistake or a probe. One that can is as wide as the
 * owner it names: a chat, a user, or, with a wildcard in that place, all of them.
 *
 * Subscriptions are rare beside deliveries, so this goes over the table, a level at a time.
 */
#include "topic.h"

#include <string.h>

#include "name.h"

#define LEVELS_MAX 5 /* one more than the deepest readable topic, for its '#' */

static bool chat_ok(const char *s, size_t len)
{
	return name_chat_kind(s, len, NULL) != CHAT_NONE;
}

/* A level of a readable topic: a word, or a name of some kind. */
struct expected {
	const char *word;
	bool (*name_ok)(const char *s, size_t len);
};

static const struct readable {
	enum filter_kind kind;
	const char *space; /* the first level */
	size_t depth;      /* levels below it */
	struct expected levels[3];
} table[] = {
	{FILTER_CHAT, "chat", 2, {{NULL, chat_ok}, {"msg", NULL}}},
	{FILTER_CHAT, "chat", 2, {{NULL, chat_ok}, {"info", NULL}}},
	{FILTER_CHAT, "chat", 3, {{NULL, chat_ok}, {"mark", NULL}, {NULL, name_user_ok}}},
	{FILTER_CHAT, "chat", 3, {{NULL, chat_ok}, {"typing", NULL}, {NULL, name_user_ok}}},
	{FILTER_USER, "user", 2, {{NULL, name_user_ok}, {"events", NULL}}},
	{FILTER_USER, "user", 2, {{NULL, name_user_ok}, {"errors", NULL}}},
	{FILTER_USER, "user", 2, {{NULL, name_user_ok}, {"status", NULL}}},
	{FILTER_PRESENCE, "presence", 1, {{NULL, name_user_ok}}},
	{FILTER_PRESENCE, "presence", 2, {{NULL, name_user_ok}, {NULL, name_device_ok}}},
	{FILTER_WIDE, "push", 1, {{NULL, name_user_ok}}},
	{FILTER_NOTHING, "api", 0, {{0}}},
};

struct levels {
	struct bytes at[LEVELS_MAX];
	size_t count;
	bool more; /* there are others that have no place here */
};

static struct levels split(const char *filter)
{
	struct levels l = {0};

	for (const char *end;; filter = end + 1) {
		end = strchrnul(filter, '/');
		if (l.count == LEVELS_MAX) {
			l.more = true;
			return l;
		}
		l.at[l.count++] = (struct bytes){filter, (size_t)(end - filter)};
		if (*end == '\0')
			return l;
	}
}

static bool is(struct bytes level, const char *word)
{
	return bytes_equal(level, word, strlen(word));
}

static bool is_wild(struct bytes level)
{
	return is(level, "+") || is(level, "#");
}

static bool may_be(struct bytes level, const struct expected *e)
{
	if (is(level, "+"))
		return true;
	return e->word ? is(level, e->word) : e->name_ok(level.data, level.len);
}

/* Can the filter match a topic of that row? A '#' stands for its parent level, too. */
static bool reaches(const struct levels *l, const struct readable *r)
{
	for (size_t i = 1; i < l->count; i++) {
		bool last = i + 1 == l->count && !l->more;

		if (is(l->at[i], "#"))
			return last;
		if (i > r->depth || !may_be(l->at[i], &r->levels[i - 1]))
			return false;
		if (last)
			return i == r->depth;
	}
	return r->depth == 0;
}

/* A filter that begins with a literal level of our own. */
static struct filter parse_ours(const struct levels *l)
{
	struct filter f = {.kind = FILTER_FOREIGN};

	for (const struct readable *r = table; r < table + sizeof(table) / sizeof(*table); r++) {
		if (!is(l->at[0], r->space))
			continue;
		if (f.kind == FILTER_FOREIGN)
			f.kind = FILTER_NOTHING;
		if (!reaches(l, r))
			continue;
		f.kind = r->kind;
		f.device_level = r->kind == FILTER_PRESENCE && r->depth == 2;
	}
	if (f.kind == FILTER_FOREIGN || f.kind == FILTER_NOTHING)
		return f;
	if (f.kind == FILTER_WIDE || is_wild(l->at[1]))
		return (struct filter){.kind = FILTER_WIDE};
	if (f.kind == FILTER_CHAT)
		f.chat = l->at[1];
	else
		f.user = l->at[1];
	f.status_only = f.kind == FILTER_USER && l->count == 3 && is(l->at[2], "status");
	return f;
}

struct filter filter_parse(const char *filter)
{
	struct levels l = split(filter);
	struct bytes first = l.at[0];

	if (is_wild(first))
		return (struct filter){.kind = FILTER_WIDE};
	if (is(first, "reply"))
		return (struct filter){.kind = FILTER_REPLY};
	if (first.len && first.data[0] == '$') {
		if (is(first, "$share") && l.count > 1)
			return (struct filter){.kind = FILTER_WIDE};
		return (struct filter){.kind = is(first, "$SYS") ? FILTER_SYS : FILTER_NOTHING};
	}
	/* An empty filter, and a wildcard that is only part of a level: the broker knows neither.
	 */
	if (*filter == '\0' || memchr(first.data, '+', first.len) ||
		memchr(first.data, '#', first.len))
		return (struct filter){.kind = FILTER_NOTHING};
	return parse_ours(&l);
}
