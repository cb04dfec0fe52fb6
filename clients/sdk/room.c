/* room.c — the chats in memory: sorted by name, so that one is found by halving. */
#include "clients/sdk/client.h"

#include <stdlib.h>
#include <string.h>

/* The place of a chat, or where it would stand. */
static size_t place(const struct gnatter *g, const char *chat, bool *found)
{
	size_t low = 0, high = g->room_count;

	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(chat, g->rooms[middle]->chat);

		*found = order == 0;
		if (order <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}

struct room *room_find(struct gnatter *g, const char *chat)
{
	bool found;
	size_t at = place(g, chat, &found);

	return found ? g->rooms[at] : NULL;
}

static bool grow(struct gnatter *g)
{
	size_t cap = g->room_cap == 0 ? 16 : g->room_cap * 2;
	struct room **rooms;

	if (g->room_count < g->room_cap)
		return true;
	rooms = realloc(g->rooms, cap * sizeof(*rooms));
	if (!rooms)
		return false;
	g->rooms = rooms;
	g->room_cap = cap;
	return true;
}

static struct room *create(const char *chat)
{
	size_t len = strlen(chat);
	struct room *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->chat = malloc(len + 1);
	if (!r->chat) {
		free(r);
		return NULL;
	}
	memcpy(r->chat, chat, len + 1);
	return r;
}

struct room *room_add(struct gnatter *g, const char *chat)
{
	bool found;
	size_t at = place(g, chat, &found);
	struct room *r;

	if (found)
		return g->rooms[at];
	r = grow(g) ? create(chat) : NULL;
	if (!r)
		return NULL;
	memmove(g->rooms + at + 1, g->rooms + at, (g->room_count - at) * sizeof(struct room *));
	g->rooms[at] = r;
	g->room_count++;
	return r;
}

struct loading {
	struct gnatter *g;
	bool failed;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool on_stored(void *ctx, const struct store_chat *c)
{
	struct loading *l = ctx;
	struct room *r = room_add(l->g, c->pub.chat);

	l->failed = !r;
	if (!r)
		return false;
	r->known = c->known;
	r->gone = c->pub.gone;
	r->channel = c->pub.kind == GNATTER_CHANNEL;
	r->hi = c->hi;
	r->server_seq = c->pub.seq;
	r->own_seq = c->own_seq;
	r->ticked_delivered = least(c->floor_delivered, c->hi);
	r->ticked_read = least(c->floor_read, c->hi);
	return true;
}

enum gnatter_error rooms_load(struct gnatter *g)
{
	struct loading l = {.g = g};
	enum gnatter_error e = store_chats(g->store, on_stored, &l);

	return e == GNATTER_OK && l.failed ? GNATTER_ENOMEM : e;
}

void room_drop_held(struct room *r)
{
	for (size_t i = 0; i < r->held_count; i++)
		message_finish(&r->held[i]);
	free(r->held);
	r->held = NULL;
	r->held_count = 0;
}

void rooms_offline(struct gnatter *g)
{
	for (size_t i = 0; i < g->room_count; i++) {
		struct room *r = g->rooms[i];

		room_drop_held(r);
		r->subscribed = r->wants = r->fetching = r->check = false;
		r->members = r->members_asked = r->members_again = false;
		r->next_wanting = NULL;
		r->failures = 0;
		r->fetch_ms = 0;
	}
	g->wanting_first = g->wanting_last = NULL;
	g->fetching = 0;
}

void rooms_free(struct gnatter *g)
{
	for (size_t i = 0; i < g->room_count; i++) {
		room_drop_held(g->rooms[i]);
		free(g->rooms[i]->chat);
		free(g->rooms[i]);
	}
	free(g->rooms);
	g->rooms = NULL;
	g->room_count = 0;
}
