/* chats.c — see chats.h. */
#include "chats.h"

#include <stdlib.h>
#include <string.h>

static const char *keep(char **at, const char *s)
{
	char *to = *at;
	size_t n = strlen(s) + 1;

	memcpy(to, s, n);
	*at += n;
	return to;
}

static struct chat_entry *entry_create(const struct gnatter_chat *c)
{
	const char *from[] = {c->chat, c->title, c->peer, c->role, c->preview_from, c->preview_type,
		c->preview_text};
	struct chat_entry *e;
	size_t size = sizeof *e;
	char *at;

	for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
		from[i] = from[i] ? from[i] : "";
		size += strlen(from[i]) + 1;
	}
	e = malloc(size);
	if (!e)
		return NULL;
	*e = (struct chat_entry){.kind = c->kind,
		.unread = c->unread,
		.read = c->read,
		.ts_ms = c->ts_ms,
		.muted = c->muted,
		.gone = c->gone};
	at = (char *)(e + 1);
	e->chat = keep(&at, from[0]);
	e->title = keep(&at, from[1]);
	e->peer = keep(&at, from[2]);
	e->role = keep(&at, from[3]);
	e->preview_from = keep(&at, from[4]);
	e->preview_type = keep(&at, from[5]);
	e->preview_text = keep(&at, from[6]);
	return e;
}

struct reading {
	struct chats *chats;
	bool failed;
};

static bool add(void *ctx, const struct gnatter_chat *c)
{
	struct reading *r = ctx;
	struct chats *list = r->chats;
	struct chat_entry *e = entry_create(c);

	if (e && list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct chat_entry **p = realloc(list->entries, cap * sizeof *p);

		if (!p) {
			free(e);
			e = NULL;
		} else {
			list->entries = p;
			list->cap = cap;
		}
	}
	if (e)
		list->entries[list->n++] = e;
	r->failed = !e;
	return !r->failed;
}

static void clear(struct chats *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->entries[i]);
	c->n = 0;
}

bool chats_read(struct chats *c, struct gnatter *g)
{
	struct reading r = {.chats = c};

	clear(c);
	return gnatter_chats(g, add, &r) == GNATTER_OK && !r.failed;
}

void chats_finish(struct chats *c)
{
	clear(c);
	free(c->entries);
	*c = (struct chats){0};
}

size_t chats_find(const struct chats *c, const char *chat)
{
	size_t i = 0;

	while (i < c->n && strcmp(c->entries[i]->chat, chat) != 0)
		i++;
	return i;
}

size_t chats_unread_after(const struct chats *c, size_t at)
{
	for (size_t i = 1; i <= c->n; i++) {
		const struct chat_entry *e = c->entries[(at + i) % c->n];

		if (e->unread && !e->muted)
			return (at + i) % c->n;
	}
	return c->n;
}

const char *chats_name(const struct chat_entry *e)
{
	if (e->kind == GNATTER_PAIR && *e->peer)
		return e->peer;
	return *e->title ? e->title : e->chat;
}
