/* history.c — gnatter history. */
#include <time.h>

#include "clients/gnatter/pages.h"
#include "clients/gnatter/say.h"
#include "clients/gnatter/show.h"

#define LIMIT_USUAL 50
#define LIMIT_SINCE 10000
#define LIMIT_MAX   100000

struct showing {
	bool json, over;
	int code;
};

static bool show(void *ctx, const struct gnatter_message *m)
{
	struct showing *s = ctx;

	show_message(m, s->json);
	s->code = say_flush(&s->over);
	return s->code == GN_OK && !s->over;
}

static bool take_when(const struct args *a, const char *name, struct when *out, int64_t now_ms)
{
	const char *text = args_value(a, name);

	if (!text || when_parse(out, text, now_ms))
		return true;
	fail(GN_USAGE,
		"--%s takes a message's number, a date or time, or an age like 2h or 3d, not '%s'",
		name, text);
	return false;
}

int command_history(const struct args *a)
{
	struct when since, before;
	bool has_since = args_has(a, "since"), has_before = args_has(a, "before");
	struct wanted w = {.since = has_since ? &since : NULL,
		.before = has_before ? &before : NULL,
		.limit = has_since ? LIMIT_SINCE : LIMIT_USUAL};
	struct showing showing = {.json = args_has(a, "json")};
	char chat[GNATTER_CHAT_SIZE];
	int64_t now_ms = (int64_t)time(NULL) * 1000;
	struct session s;
	int code = GN_USAGE;

	session_init(&s);
	if (take_when(a, "since", &since, now_ms) && take_when(a, "before", &before, now_ms) &&
		args_number(a, "limit", 1, LIMIT_MAX, &w.limit))
		code = session_open(&s, a, SESSION_READS);
	if (code == GN_OK && !session_chat(&s, a->operand[0], chat))
		code = GN_USAGE;
	w.chat = chat;
	if (code == GN_OK)
		code = session_connect(&s);
	if (code == GN_OK)
		code = session_wait_synced(&s, false);
	if (code == GN_OK)
		code = pages_read(&s, &w, show, &showing);
	session_close(&s);
	return code == GN_OK ? showing.code : code;
}
