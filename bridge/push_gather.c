/* push_gather.c — see push_gather.h. */
#include "bridge/push_gather.h"

#include "persist/values.h"
#include "wire/hashmap.h"

#include <stdlib.h>

struct gathering {
	struct push_entry *entries; /* of each chat one, in the order in which they were named */
	size_t count;
	uint32_t *places; /* by hash of the chat: place in entries + 1; 0: none */
	size_t mask;
};

static struct push_entry *find(struct gathering *g, struct bytes chat)
{
	size_t at = hash_bytes(chat.data, chat.len) & g->mask;

	for (; g->places[at] != 0; at = (at + 1) & g->mask) {
		struct push_entry *e = &g->entries[g->places[at] - 1];

		if (bytes_equal(chat, e->chat.data, e->chat.len))
			return e;
	}
	g->places[at] = (uint32_t)++g->count;
	g->entries[g->count - 1] = (struct push_entry){.chat = chat};
	return &g->entries[g->count - 1];
}

static enum err add_all(struct gathering *g, struct bytes pushed, size_t count)
{
	struct reader r = reader_of(pushed.data, pushed.len);
	struct push_entry one;

	for (size_t i = 0; i < count; i++) {
		struct push_entry *e;

		if (!push_entry_next(&one, &r))
			return ERR_CORRUPT;
		e = find(g, one.chat);
		if (e->first == 0)
			*e = one;
		e->last = one.last;
	}
	return r.at == r.end ? ERR_OK : ERR_CORRUPT;
}

enum err push_gather(struct buf *out, struct bytes pushed, size_t count)
{
	struct gathering g = {.mask = 1};
	enum err err = ERR_NOMEM;

	while (g.mask < 2 * count)
		g.mask *= 2;
	g.places = calloc(g.mask, sizeof(*g.places));
	g.mask--;
	g.entries = malloc((count + 1) * sizeof(*g.entries));
	if (g.places && g.entries)
		err = add_all(&g, pushed, count);
	for (size_t i = 0; err == ERR_OK && i < g.count; i++)
		push_entry_encode(out, &g.entries[i]);
	free(g.places);
	free(g.entries);
	return err == ERR_OK && out->failed ? ERR_NOMEM : err;
}
