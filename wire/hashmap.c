/* hashmap.c — see hashmap.h. */
#include "hashmap.h"

#include <sodium.h>
#include <stdlib.h>

#define BUCKETS_FIRST 64

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

void hash_init(void)
{
	randombytes_buf(hash_key, sizeof(hash_key));
}

uint64_t hash_bytes(const void *data, size_t len)
{
	uint64_t h;

	_Static_assert(sizeof(h) == crypto_shorthash_BYTES, "one word");
	crypto_shorthash((unsigned char *)&h, data, len, hash_key);
	return h;
}

bool hashmap_init(struct hashmap *t)
{
	*t = (struct hashmap){.mask = BUCKETS_FIRST - 1};
	t->buckets = calloc(BUCKETS_FIRST, sizeof(*t->buckets));
	return t->buckets != NULL;
}

void hashmap_finish(struct hashmap *t)
{
	free(t->buckets);
	*t = (struct hashmap){0};
}

static void put(struct node **buckets, size_t mask, struct node *n)
{
	n->next = buckets[n->hash & mask];
	buckets[n->hash & mask] = n;
}

static void grow(struct hashmap *t)
{
	size_t mask = t->mask * 2 + 1;
	struct node **buckets = calloc(mask + 1, sizeof(*buckets));

	if (!buckets)
		return;
	for (size_t i = 0; i <= t->mask; i++) {
		for (struct node *n = t->buckets[i], *next; n; n = next) {
			next = n->next;
			put(buckets, mask, n);
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->mask = mask;
}

void hashmap_add(struct hashmap *t, struct node *n, uint64_t hash)
{
	if (t->count > t->mask)
		grow(t);
	n->hash = hash;
	put(t->buckets, t->mask, n);
	t->count++;
}

void hashmap_remove(struct hashmap *t, struct node *n)
{
	struct node **link = &t->buckets[n->hash & t->mask];

	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
	n->next = NULL;
	t->count--;
}
