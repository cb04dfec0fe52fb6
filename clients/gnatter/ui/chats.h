/* chats.h — the list of chats as the screen keeps it: a copy of what gnatter_chats() says. Main
 * thread only. */
#ifndef GNATTER_UI_CHATS_H
#define GNATTER_UI_CHATS_H

#include "clients/sdk/gnatter.h"

struct chat_entry {
	enum gnatter_kind kind;
	uint64_t unread, read;
	int64_t ts_ms;
	bool muted, gone;
	const char *chat, *title, *peer, *role; /* in one piece of memory with the entry, */
	const char *preview_from, *preview_type, *preview_text; /* as these; "" if there is none */
};

struct chats {
	struct chat_entry **entries; /* the newest first */
	size_t n, cap;
};

/* Read them all anew. False if memory ran out or the store cannot be read: then there are as many
 * as could be read. */
bool chats_read(struct chats *c, struct gnatter *g);
void chats_finish(struct chats *c);

/* Its place in the list; c->n if it is not there. */
size_t chats_find(const struct chats *c, const char *chat);

/* The first behind `at` (round and round) with something unread and not muted; c->n if there is
 * none. */
size_t chats_unread_after(const struct chats *c, size_t at);

/* What to call it: the title, the other user, or its name. Lent. */
const char *chats_name(const struct chat_entry *e);

#endif
