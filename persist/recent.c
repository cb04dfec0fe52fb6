/* recent.c — sets of a few places each, the one used last in front; in a full set the last goes.
 *
 * Memory that runs out is no failure here: what cannot be kept is forgotten.
 */
#include "persist/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "persist/keys.h"
#include "wire/hashmap.h"

#define WAYS          4
#define SETS_MIN      16
#define ENTRY_TYPICAL 128 /* bytes, with malloc's own */
#define VALUE_MAX     256 /* bytes; longer ones, a device with long names, are not kept */

struct entry {
	uint64_t hash;
	unsigned short key_len;
	short value_len; /* ABSENT: there is no such key */
	char data[];     /* key, value */
};

#define ABSENT (-1)

struct set {
	struct entry *place[WAYS]; /* NULL from the first free one on */
};

struct recent {
	pthread_mutex_t lock;
	uint64_t generation; /* how many times something was written */
	size_t mask;         /* sets - 1; a power of two */
	struct set sets[];
};

struct recent *recent_create(size_t bytes)
{
	size_t sets = SETS_MIN;
	struct recent *r;

	while (sets * 2 * WAYS * ENTRY_TYPICAL <= bytes)
		sets *= 2;
	r = calloc(1, sizeof(*r) + sets * sizeof(struct set));
	if (!r)
		return NULL;
	r->mask = sets - 1;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void recent_destroy(struct recent *r)
{
	if (!r)
		return;
	for (size_t i = 0; i <= r->mask; i++)
		for (int w = 0; w < WAYS; w++)
			free(r->sets[i].place[w]);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Put e in front of the set; those before place `at` move one back. */
static void to_front(struct set *s, int at, struct entry *e)
{
	memmove(&s->place[1], &s->place[0], (size_t)at * sizeof(s->place[0]));
	s->place[0] = e;
}

/* The entry of that key, then in front; NULL if there is none. */
static struct entry *find(struct set *s, uint64_t hash, struct bytes key)
{
	for (int w = 0; w < WAYS && s->place[w]; w++) {
		struct entry *e = s->place[w];

		if (e->hash == hash && bytes_equal(key, e->data, e->key_len)) {
			to_front(s, w, e);
			return e;
		}
	}
	return NULL;
}

/* Take out the entry in front. */
static void drop_front(struct set *s)
{
	free(s->place[0]);
	memmove(&s->place[0], &s->place[1], (WAYS - 1) * sizeof(s->place[0]));
	s->place[WAYS - 1] = NULL;
}

static void put(struct recent *r, struct bytes key, struct bytes value)
{
	uint64_t hash = hash_bytes(key.data, key.len);
	struct set *s = &r->sets[hash & r->mask];
	struct entry *e = find(s, hash, key);
	short len = value.data ? (short)value.len : ABSENT;

	if (e && (value.len > VALUE_MAX || e->value_len != len)) {
		drop_front(s);
		e = NULL;
	}
	if (value.len > VALUE_MAX)
		return;
	if (!e) {
		e = malloc(sizeof(*e) + key.len + value.len);
		if (!e)
			return;
		*e = (struct entry){hash, (unsigned short)key.len, len};
		memcpy(e->data, key.data, key.len);
		free(s->place[WAYS - 1]);
		to_front(s, WAYS - 1, e);
	}
	if (value.len > 0)
		memcpy(e->data + key.len, value.data, value.len);
}

/* What the caller gets: his own copy. */
static enum err copy_out(const struct entry *e, struct bytes *value)
{
	size_t len = e->value_len == ABSENT ? 0 : (size_t)e->value_len;
	char *copy;

	if (e->value_len == ABSENT)
		return ERR_NOT_FOUND;
	copy = malloc(len + 1);
	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, e->data + e->key_len, len);
	*value = (struct bytes){copy, len};
	return ERR_OK;
}

bool recent_get(
	struct recent *r, struct bytes key, enum err *err, struct bytes *value, uint64_t *since)
{
	uint64_t hash;
	struct entry *e;

	*value = (struct bytes){NULL, 0};
	*since = 0;
	if (!key_is_asked_often(key))
		return false;
	hash = hash_bytes(key.data, key.len);
	pthread_mutex_lock(&r->lock);
	*since = r->generation;
	e = find(&r->sets[hash & r->mask], hash, key);
	if (e)
		*err = copy_out(e, value);
	pthread_mutex_unlock(&r->lock);
	return e != NULL;
}

void recent_found(struct recent *r, struct bytes key, struct bytes value, uint64_t since)
{
	if (!key_is_asked_often(key))
		return;
	pthread_mutex_lock(&r->lock);
	if (r->generation == since)
		put(r, key, value);
	pthread_mutex_unlock(&r->lock);
}

void recent_begin(struct recent *r)
{
	pthread_mutex_lock(&r->lock);
	r->generation++;
}

void recent_written(struct recent *r, struct bytes key, struct bytes value)
{
	if (key_is_asked_often(key))
		put(r, key, value);
}

void recent_end(struct recent *r)
{
	pthread_mutex_unlock(&r->lock);
}
