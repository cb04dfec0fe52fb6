/* hashmap.h — a hash table of things that carry their own node.
 *
 * The table owns only its buckets. A thing may stand in several tables, with one node for each; it
 * is found by hash, and the caller says which of equal hashes is meant. Grows by doubling, never
 * shrinks. Nothing is allocated by a lookup or a removal.
 */
#ifndef GNATTER_WIRE_HASHMAP_H
#define GNATTER_WIRE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node {
	struct node *next;
	uint64_t hash;
};

struct hashmap {
	struct node **buckets;
	size_t mask; /* buckets - 1, buckets a power of two */
	size_t count;
};

#define OF_NODE(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* False when out of memory. */
bool hashmap_init(struct hashmap *t);
void hashmap_finish(struct hashmap *t); /* what is in it stays the caller's */

/* Put n in. A table that cannot grow goes on with longer chains. */
void hashmap_add(struct hashmap *t, struct node *n, uint64_t hash);
void hashmap_remove(struct hashmap *t, struct node *n);

/* The first node with that hash, and the next one after n. NULL if there is none. */
static inline struct node *hashmap_next(struct node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

static inline struct node *hashmap_first(const struct hashmap *t, uint64_t hash)
{
	return hashmap_next(t->buckets[hash & t->mask], hash);
}

/* A hash of an address: its low bits tell little, a multiplication spreads the others. */
static inline uint64_t hash_pointer(const void *p)
{
	uint64_t h = (uint64_t)(uintptr_t)p * 0x9e3779b97f4a7c15u;

	return h ^ (h >> 32);
}

/* A keyed hash of bytes from strangers (SipHash): chains cannot be made long on purpose. The key is
 * random, made by hash_init(), which sodium_init() must precede. */
void hash_init(void);
uint64_t hash_bytes(const void *data, size_t len);

#endif
