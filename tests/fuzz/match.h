/* match.h — MQTT's rule for filters, written down plainly, to hold filter_parse against. */
#ifndef TEST_FUZZ_MATCH_H
#define TEST_FUZZ_MATCH_H

#include <stdbool.h>
#include <string.h>

#include "wire/topic.h"

/* Is it a filter that a broker takes: wildcards are whole levels, # the last. */
static inline bool filter_valid(const char *f)
{
	for (const char *p = f; *p; p++) {
		bool alone = (p == f || p[-1] == '/') && (p[1] == '\0' || p[1] == '/');

		if ((*p == '+' && !alone) || (*p == '#' && (!alone || p[1])))
			return false;
	}
	return *f != '\0';
}

/* Does a valid filter without $share match the topic? */
static inline bool filter_matches(const char *f, const char *t)
{
	if ((*f == '+' || *f == '#') && *t == '$')
		return false;
	for (;;) {
		size_t level = strcspn(t, "/");

		if (*f == '#')
			return true;
		if (*f == '+')
			f++;
		else if (strncmp(f, t, level) != 0)
			return false;
		else
			f += level;
		t += level;
		if (*t == '\0')
			return *f == '\0' || strcmp(f, "/#") == 0;
		if (*f != '/')
			return false;
		f++;
		t++;
	}
}

static inline bool same(struct bytes a, struct bytes b)
{
	return bytes_equal(a, b.data, b.len);
}

/* Does what filter_parse says of the filter allow for the topic, if the filter matches it? */
static inline bool filter_covers(const char *filter, const char *name)
{
	struct filter f = filter_parse(filter);
	struct topic t = topic_parse(name);

	if (!filter_valid(filter) || *name == '\0' || strpbrk(name, "+#") ||
		!filter_matches(filter, name) || f.kind == FILTER_WIDE)
		return true;
	switch (t.kind) {
	case TOPIC_CHAT_MSG:
	case TOPIC_CHAT_INFO:
	case TOPIC_CHAT_MARK:
	case TOPIC_CHAT_TYPING:
		return f.kind == FILTER_CHAT && same(f.chat, t.chat);
	case TOPIC_USER_EVENTS:
	case TOPIC_USER_ERRORS:
		return f.kind == FILTER_USER && same(f.user, t.user) && !f.status_only;
	case TOPIC_USER_STATUS:
		return f.kind == FILTER_USER && same(f.user, t.user);
	case TOPIC_PRESENCE_DEVICE:
		return f.kind == FILTER_PRESENCE && same(f.user, t.user) && f.device_level;
	case TOPIC_PRESENCE_USER:
		return f.kind == FILTER_PRESENCE && same(f.user, t.user);
	case TOPIC_REPLY:
		return f.kind == FILTER_REPLY;
	case TOPIC_SYS:
		return f.kind == FILTER_SYS;
	case TOPIC_DOLLAR:
		return f.kind == FILTER_NOTHING;
	case TOPIC_FOREIGN:
		return f.kind == FILTER_FOREIGN;
	default: /* nobody may read it, so any kind but a foreign one will do */
		return f.kind != FILTER_FOREIGN && f.kind != FILTER_SYS;
	}
}

#endif
