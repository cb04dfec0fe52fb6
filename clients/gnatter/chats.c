/* chats.c — gnatter chats. */
#include <stdlib.h>

#include "clients/gnatter/say.h"
#include "clients/gnatter/session.h"
#include "clients/gnatter/show.h"

struct listing {
	bool json, over;
	int code;
};

static const char *kind_name(enum gnatter_kind k)
{
	return k == GNATTER_PAIR ? "pair" : k == GNATTER_GROUP ? "group" : "channel";
}

static void show_json(const struct gnatter_chat *c)
{
	struct buf b = {0};

	show_begin(&b);
	show_string(&b, "chat", c->chat);
	show_string(&b, "kind", kind_name(c->kind));
	if (*c->title)
		show_string(&b, "title", c->title);
	if (*c->peer)
		show_string(&b, "peer", c->peer);
	if (*c->role)
		show_string(&b, "role", c->role);
	show_number(&b, "seq", c->seq);
	show_number(&b, "ts", (uint64_t)c->ts_ms);
	show_number(&b, "unread", c->unread);
	show_bool(&b, "muted", c->muted);
	if (*c->preview_text)
		show_string(&b, "preview", c->preview_text);
	show_end(&b);
	buf_free(&b);
}

/* As it is named on the command line. */
static void show_name(const struct gnatter_chat *c, size_t width)
{
	char *name = c->kind == GNATTER_PAIR ? need_printf("@%s", c->peer) : need_copy(c->chat);

	show_padded(name, width);
	free(name);
}

static void show_line(const struct gnatter_chat *c)
{
	char unread[24] = "";

	if (c->unread > 0)
		snprintf(unread, sizeof(unread), "%llu", (unsigned long long)c->unread);
	show_name(c, 20);
	printf(" %6s  %-16s  ", unread, show_time(c->ts_ms));
	say_line(stdout, *c->preview_text ? c->preview_text : c->title);
	putchar('\n');
}

static bool show(void *ctx, const struct gnatter_chat *c)
{
	struct listing *l = ctx;

	if (c->gone)
		return true;
	if (l->json)
		show_json(c);
	else
		show_line(c);
	l->code = say_flush(&l->over);
	return l->code == GN_OK && !l->over;
}

int command_chats(const struct args *a)
{
	struct listing l = {.json = args_has(a, "json")};
	struct session s;
	int code;

	session_init(&s);
	code = session_open(&s, a, SESSION_READS);
	if (code == GN_OK)
		code = session_connect(&s);
	if (code == GN_OK)
		code = session_wait_synced(&s, false);
	if (code == GN_OK)
		code = session_error(&s, gnatter_chats(s.g, show, &l));
	session_close(&s);
	return code == GN_OK ? l.code : code;
}
