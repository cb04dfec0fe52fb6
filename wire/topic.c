/* topic.c
 *
 * A topic is read once, from the left, a level at a time: what a level could be (which kinds of
 * names, how long) is known when its end is found. topic_parse runs for every delivery; nothing is
 * copied, counted twice or allocated.
 */
#include "topic.h"

#include <string.h>

#include "name_class.h"

#define IS(p, word) ((p).len == sizeof(word) - 1 && memcmp((p).s, word, sizeof(word) - 1) == 0)

static const struct topic invalid = {.kind = TOPIC_INVALID};

static struct bytes bytes_of(struct name_part p)
{
	return (struct bytes){p.s, p.len};
}

/* If a '/' stands at *at, step over it. */
static bool next_level(const char **at)
{
	if (**at != '/')
		return false;
	++*at;
	return true;
}

/* The chat name at *at; empty if there is none. */
static struct bytes scan_chat(const char **at)
{
	struct name_part a = part_scan(at), b;

	if (**at != ':')
		return part_is_group(a) ? bytes_of(a) : (struct bytes){0};
	++*at;
	b = part_scan(at);
	return parts_are_pair(a, b) ? (struct bytes){a.s, a.len + 1 + b.len} : (struct bytes){0};
}

/* <word>: the topics of a chat that end there. */
static enum topic_kind chat_kind_of(struct name_part word)
{
	if (IS(word, "msg"))
		return TOPIC_CHAT_MSG;
	if (IS(word, "send"))
		return TOPIC_CHAT_SEND;
	if (IS(word, "ack"))
		return TOPIC_CHAT_ACK;
	return IS(word, "info") ? TOPIC_CHAT_INFO : TOPIC_INVALID;
}

/* <word>/<user> */
static enum topic_kind chat_user_kind_of(struct name_part word)
{
	if (IS(word, "mark"))
		return TOPIC_CHAT_MARK;
	return IS(word, "typing") ? TOPIC_CHAT_TYPING : TOPIC_INVALID;
}

static struct topic parse_chat(const char *at)
{
	struct topic t = {.chat = scan_chat(&at)};
	struct name_part word, user;

	if (t.chat.len == 0 || !next_level(&at))
		return invalid;
	word = part_scan(&at);
	if (*at == '\0') {
		t.kind = chat_kind_of(word);
		return t.kind == TOPIC_INVALID ? invalid : t;
	}
	if (!next_level(&at))
		return invalid;
	user = part_scan(&at);
	t.kind = chat_user_kind_of(word);
	t.user = bytes_of(user);
	return *at == '\0' && part_is_user(user) && t.kind != TOPIC_INVALID ? t : invalid;
}

static enum topic_kind user_kind_of(struct name_part word)
{
	if (IS(word, "events"))
		return TOPIC_USER_EVENTS;
	if (IS(word, "errors"))
		return TOPIC_USER_ERRORS;
	return IS(word, "status") ? TOPIC_USER_STATUS : TOPIC_INVALID;
}

static struct topic parse_user(const char *at)
{
	struct name_part user = part_scan(&at), word;
	struct topic t = {.user = bytes_of(user)};

	if (!part_is_user(user) || !next_level(&at))
		return invalid;
	word = part_scan(&at);
	t.kind = user_kind_of(word);
	return *at == '\0' && t.kind != TOPIC_INVALID ? t : invalid;
}

static struct topic parse_presence(const char *at)
{
	struct name_part user = part_scan(&at), device;
	struct topic t = {.kind = TOPIC_PRESENCE_USER, .user = bytes_of(user)};

	if (!part_is_user(user))
		return invalid;
	if (*at == '\0')
		return t;
	if (!next_level(&at))
		return invalid;
	device = part_scan(&at);
	t.kind = TOPIC_PRESENCE_DEVICE;
	t.device = bytes_of(device);
	return *at == '\0' && part_is_device(device) ? t : invalid;
}

static struct topic parse_push(const char *at)
{
	struct name_part user = part_scan(&at);

	return *at == '\0' && part_is_user(user)
		       ? (struct topic){.kind = TOPIC_PUSH, .user = bytes_of(user)}
		       : invalid;
}

static struct topic parse_method(const char *at, enum topic_kind kind)
{
	struct name_part method = part_scan(&at);

	if (*at != '\0' || !part_is_method(method))
		return invalid;
	return (struct topic){.kind = kind, .method = bytes_of(method)};
}

static struct topic parse_api(const char *at)
{
	return parse_method(at, TOPIC_API);
}

/* Whatever name a client likes for its answers: nobody but the server publishes there. */
static struct topic parse_reply(const char *at)
{
	struct topic t = parse_method(at, TOPIC_REPLY);

	return t.kind == TOPIC_REPLY ? t : (struct topic){.kind = TOPIC_REPLY};
}

static struct topic parse_sys(const char *at)
{
	(void)at;
	return (struct topic){.kind = TOPIC_SYS};
}

/* First levels that are ours, the busiest first. */
static const struct space {
	const char *name;
	size_t len;
	struct topic (*parse)(const char *below);
} spaces[] = {
	{"chat", 4, parse_chat},
	{"user", 4, parse_user},
	{"presence", 8, parse_presence},
	{"reply", 5, parse_reply},
	{"api", 3, parse_api},
	{"push", 4, parse_push},
	{"$SYS", 4, parse_sys},
};

struct topic topic_parse(const char *name)
{
	for (const struct space *s = spaces; s < spaces + sizeof(spaces) / sizeof(*spaces); s++) {
		if (name[0] != s->name[0] || strncmp(name, s->name, s->len) != 0)
			continue;
		if (name[s->len] == '/')
			return s->parse(name + s->len + 1);
		if (name[s->len] == '\0')
			return s->parse == parse_sys || s->parse == parse_reply ? s->parse("")
										: invalid;
	}
	if (name[0] == '\0')
		return invalid;
	return (struct topic){.kind = name[0] == '$' ? TOPIC_DOLLAR : TOPIC_FOREIGN};
}
