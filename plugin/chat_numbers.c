/* chat_numbers.c — sets of a few places each; in a full set the one unused for longest goes. */
#include "chat_numbers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/hashmap.h"
#include "wire/name.h"

#define SETS 1024 /* a power of two */
#define WAYS 4    /* 4096 chats: 620 kB */

struct place {
	uint64_t number; /* 0: free */
	uint64_t used;   /* when, by chat_numbers.clock */
	unsigned char len;
	char name[NAME_CHAT_MAX];
};

struct chat_numbers {
	uint64_t last, clock;
	struct place places[SETS][WAYS];
};

_Static_assert(NAME_CHAT_MAX <= UINT8_MAX, "place.len holds it");

struct chat_numbers *chat_numbers_create(void)
{
	return calloc(1, sizeof(struct chat_numbers));
}

void chat_numbers_destroy(struct chat_numbers *n)
{
	free(n);
}

uint64_t chat_number(struct chat_numbers *n, struct bytes chat)
{
	struct place *set = n->places[hash_bytes(chat.data, chat.len) % SETS], *oldest = set;

	assert(chat.len > 0 && chat.len <= NAME_CHAT_MAX);
	n->clock++;
	for (struct place *p = set; p < set + WAYS; p++) {
		if (bytes_equal(chat, p->name, p->len)) {
			p->used = n->clock;
			return p->number;
		}
		if (p->used < oldest->used)
			oldest = p;
	}
	oldest->number = ++n->last;
	oldest->used = n->clock;
	oldest->len = (unsigned char)chat.len;
	memcpy(oldest->name, chat.data, chat.len);
	return oldest->number;
}
