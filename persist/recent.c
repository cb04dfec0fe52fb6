/* recent.c — sets of a few places each; in a full set the one unused for longest goes.
 *
 * The places are one block of memory: the system gives its pages as they are used, and gets them
 * all back when everything is forgotten, whatever else was allocated meanwhile.
 */
#include "persist/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "persist/keys.h"
#include "wire/hashmap.h"

#define WAYS      4
#define SETS_MIN  16
#define PLACE_MAX 224 /* bytes of key and value together; longer ones are not kept */

#define ABSENT (-1) /* there is no such key */

struct place {
	uint64_t used; /* when, by recent.clock; 0: never, it is free */
	uint16_t key_len;
	int16_t value_len;
	char data[PLACE_MAX]; /* key, value */
};

struct set {
	struct place place[WAYS];
};

struct recent {
	pthread_mutex_t lock;
	uint64_t generation; /* how many times something was written */
	uint64_t clock;
	size_t mask;      /* sets - 1; a power of two */
	struct set *sets; /* NULL while there is nothing */
};

struct recent *recent_create(size_t bytes)
{
	struct recent *r = calloc(1, sizeof(*r));
	size_t sets = SETS_MIN;

	if (!r)
		return NULL;
	while (sets * 2 * sizeof(struct set) <= bytes)
		sets *= 2;
	r->mask = sets - 1;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void recent_destroy(struct recent *r)
{
	if (!r)
		return;
	free(r->sets);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void recent_forget(struct recent *r)
{
	pthread_mutex_lock(&r->lock);
	free(r->sets);
	r->sets = NULL;
	pthread_mutex_unlock(&r->lock);
}

/* The place of that key; NULL if it has none. */
static struct place *find(struct recent *r, struct set *s, struct bytes key)
{
	for (struct place *p = s->place; p < s->place + WAYS; p++) {
		if (p->used && bytes_equal(key, p->data, p->key_len)) {
			p->used = ++r->clock;
			return p;
		}
	}
	return NULL;
}

static struct place *oldest(struct set *s)
{
	struct place *p = s->place;

	for (struct place *q = p + 1; q < s->place + WAYS; q++)
		if (q->used < p->used)
			p = q;
	return p;
}

static struct set *set_of(struct recent *r, struct bytes key)
{
	return r->sets ? &r->sets[hash_bytes(key.data, key.len) & r->mask] : NULL;
}

static void put(struct recent *r, struct bytes key, struct bytes value)
{
	struct place *p;
	struct set *s;

	if (!r->sets)
		r->sets = calloc(r->mask + 1, sizeof(*r->sets));
	s = set_of(r, key);
	if (!s)
		return; /* out of memory: what is not kept is asked for again */
	p = find(r, s, key);
	if (key.len + value.len > PLACE_MAX) {
		if (p)
			p->used = 0;
		return;
	}
	if (!p)
		p = oldest(s);
	p->used = ++r->clock;
	p->key_len = (uint16_t)key.len;
	p->value_len = value.data ? (int16_t)value.len : ABSENT;
	memcpy(p->data, key.data, key.len);
	if (value.len > 0)
		memcpy(p->data + key.len, value.data, value.len);
}

/* What the caller gets: his own copy. */
static enum err copy_out(const struct place *p, struct bytes *value)
{
	size_t len = p->value_len == ABSENT ? 0 : (size_t)p->value_len;
	char *copy;

	if (p->value_len == ABSENT)
		return ERR_NOT_FOUND;
	copy = malloc(len + 1);
	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, p->data + p->key_len, len);
	*value = (struct bytes){copy, len};
	return ERR_OK;
}

bool recent_get(
	struct recent *r, struct bytes key, enum err *err, struct bytes *value, uint64_t *since)
{
	struct place *p;
	struct set *s;

	*value = (struct bytes){NULL, 0};
	*since = 0;
	if (!key_is_asked_often(key))
		return false;
	pthread_mutex_lock(&r->lock);
	*since = r->generation;
	s = set_of(r, key);
	p = s ? find(r, s, key) : NULL;
	if (p)
		*err = copy_out(p, value);
	pthread_mutex_unlock(&r->lock);
	return p != NULL;
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
