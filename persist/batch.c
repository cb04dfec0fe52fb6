/* batch.c
 *
 * Writes stand in a log in the order they came; keys and values lie in an arena of chunks, so that
 * nothing ever moves. A hash index (open addressing, linear probing) leads from (table, key) to the
 * first write of that key; that one knows the last write of the same key, and each later write
 * knows the one before it:
 *
 *      index ──► first write ── last ──► newest write ── previous ──► ... ──► first write
 *
 * Taking back the newest write is then a step along `previous`, or, if it was the key's first, an
 * emptied slot. Slots are emptied in the reverse order of filling only, and the index is refilled
 * in the order of writing when it grows: so no probe sequence ever has a hole, and there are no
 * tombstones.
 *
 * A put of a key written before costs a log entry and the value, but only the last value is handed
 * out by batch_writes().
 *
 * Keys of members and lists begin with a name (persist/keys.h), and are asked for by it: who is in
 * this chat? Their first writes are chained by that name, newest first, so that batch_each() looks
 * at a family and not at the whole log: an import of thousands of members asks thousands of times.
 *
 * The hash is seeded: names are chosen by users, who must not be able to choose collisions.
 */
#include "persist/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define CHUNK_SIZE       ((size_t)256 << 10)
#define KEEP_BYTES       ((size_t)4 << 20) /* of chunks, over batch_clear */
#define KEEP_ENTRIES     ((size_t)1 << 15) /* of the log and the index, likewise */
#define SLOTS_MIN        ((size_t)1 << 10)
#define NONE             UINT32_MAX
#define PENDING_ON_STACK 64
#define FAMILIES         4096

struct chunk {
	size_t size;
	char data[];
};

struct write {
	const char *key;   /* of the key's first write, for all of its writes */
	const char *value; /* NULL: delete */
	size_t value_len;
	size_t chunk, used; /* the arena before this write */
	uint32_t key_len;
	uint32_t first;    /* the first write of this key */
	uint32_t last;     /* in a first write: the newest of this key */
	uint32_t previous; /* NONE in a first write */
	uint32_t cousin;   /* in a first write: index + 1 of the one before it in its family */
	uint32_t hash;
	enum table table;
};

struct slot {
	uint32_t hash;
	uint32_t write; /* index + 1; 0: empty */
};

struct batch {
	const struct base *base;
	uint64_t seed;

	struct write *log;
	size_t count, cap;

	struct slot *slots;
	size_t mask; /* slots - 1; a power of two */
	size_t keys[TABLE_COUNT], keys_total;

	uint32_t families[FAMILIES]; /* index + 1 of the newest; 0: none */

	struct chunk **chunks;
	size_t chunk_count, chunk_cap;
	size_t chunk, used; /* where the next byte goes */

	size_t bytes;
	bool failed;
};

/* ---- hash -------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 u128;

static uint64_t fold(uint64_t a, uint64_t b)
{
	u128 product = (u128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *p, size_t len)
{
	uint64_t v = 0;

	if (len)
		memcpy(&v, p, len);
	return v;
}

/* Folded multiplication over words of 8 bytes, as in wyhash. */
static uint32_t hash_key(const struct batch *b, enum table t, struct bytes key)
{
	const uint64_t odd = 0xa0761d6478bd642full;
	uint64_t h = b->seed ^ ((uint64_t)key.len << 8 | (uint64_t)t);
	const char *p = key.data;
	size_t left = key.len;

	for (; left >= 8; p += 8, left -= 8)
		h = fold(h ^ load(p, 8), odd);
	h = fold(h ^ load(p, left), odd);
	h = fold(h ^ b->seed, odd);
	return (uint32_t)(h ^ h >> 32);
}

/* ---- arena ------------------------------------------------------------------------------- */

/* Add a chunk with room for len bytes after the present one. */
static bool chunk_add(struct batch *b, size_t len)
{
	size_t at = b->chunk_count ? b->chunk + 1 : 0;
	size_t size = len > CHUNK_SIZE ? len : CHUNK_SIZE;
	struct chunk *c;

	if (b->chunk_count == b->chunk_cap) {
		size_t cap = b->chunk_cap ? 2 * b->chunk_cap : 16;
		struct chunk **more = realloc(b->chunks, cap * sizeof(struct chunk *));

		if (!more)
			return false;
		b->chunks = more;
		b->chunk_cap = cap;
	}
	c = malloc(sizeof(*c) + size);
	if (!c)
		return false;
	c->size = size;
	memmove(&b->chunks[at + 1], &b->chunks[at], (b->chunk_count - at) * sizeof(struct chunk *));
	b->chunks[at] = c;
	b->chunk_count++;
	return true;
}

/* len bytes of the arena, never NULL unless out of memory. */
static char *take(struct batch *b, size_t len)
{
	char *p;

	if (b->chunk_count == 0 || b->chunks[b->chunk]->size - b->used < len) {
		bool next_fits =
			b->chunk + 1 < b->chunk_count && b->chunks[b->chunk + 1]->size >= len;

		if (!next_fits && !chunk_add(b, len))
			return NULL;
		if (b->chunk_count > 1)
			b->chunk++;
		b->used = 0;
	}
	p = b->chunks[b->chunk]->data + b->used;
	b->used += len;
	return p;
}

static const char *copy(struct batch *b, struct bytes v)
{
	char *p = take(b, v.len);

	if (p && v.len)
		memcpy(p, v.data, v.len);
	return p;
}

/* ---- index ------------------------------------------------------------------------------- */

static bool same_key(const struct write *w, enum table t, struct bytes key)
{
	return w->table == t && w->key_len == key.len && memcmp(w->key, key.data, key.len) == 0;
}

/* The slot of that key, or the empty one where it would go. */
static struct slot *find(const struct batch *b, enum table t, struct bytes key, uint32_t hash)
{
	size_t at = hash & b->mask;

	while (b->slots[at].write) {
		struct slot *s = &b->slots[at];

		if (s->hash == hash && same_key(&b->log[s->write - 1], t, key))
			return s;
		at = (at + 1) & b->mask;
	}
	return &b->slots[at];
}

/* Where the chain of the keys begins that begin with the same name as key; NULL if it begins with
 * none, or those of t are not chained. */
static uint32_t *family(struct batch *b, enum table t, struct bytes key)
{
	size_t len = key.len ? 1 + (size_t)(unsigned char)key.data[0] : 0;

	if (t < TABLE_MEMBERS || len == 0 || key.len < len)
		return NULL;
	return &b->families[hash_key(b, t, (struct bytes){key.data, len}) % FAMILIES];
}

static void index_add(struct batch *b, size_t write)
{
	size_t at = b->log[write].hash & b->mask;

	while (b->slots[at].write)
		at = (at + 1) & b->mask;
	b->slots[at] = (struct slot){b->log[write].hash, (uint32_t)write + 1};
}

/* Keep the index at most half full. */
static bool index_reserve(struct batch *b)
{
	size_t slots = b->slots ? b->mask + 1 : 0;
	struct slot *more;

	if (2 * (b->keys_total + 1) <= slots)
		return true;
	slots = slots ? 2 * slots : SLOTS_MIN;
	more = calloc(slots, sizeof(*more));
	if (!more)
		return false;
	free(b->slots);
	b->slots = more;
	b->mask = slots - 1;
	for (size_t i = 0; i < b->count; i++)
		if (b->log[i].previous == NONE)
			index_add(b, i);
	return true;
}

static bool log_reserve(struct batch *b)
{
	size_t cap = b->cap ? 2 * b->cap : 256;
	struct write *more;

	if (b->count < b->cap)
		return true;
	if (cap >= NONE)
		return false;
	more = realloc(b->log, cap * sizeof(*more));
	if (!more)
		return false;
	b->log = more;
	b->cap = cap;
	return true;
}

/* ---- life -------------------------------------------------------------------------------- */

/* Two processes need different seeds, not secret ones: without the kernel's bytes the clock will
 * do. */
static uint64_t make_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		seed = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)now.tv_sec;
	}
	return seed;
}

struct batch *batch_create(const struct base *base)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->base = base;
	b->seed = make_seed();
	if (!log_reserve(b) || !index_reserve(b)) {
		batch_destroy(b);
		return NULL;
	}
	return b;
}

void batch_destroy(struct batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->chunk_count; i++)
		free(b->chunks[i]);
	free(b->chunks);
	free(b->slots);
	free(b->log);
	free(b);
}

static void shrink_arena(struct batch *b)
{
	size_t kept = 0, bytes = 0;

	for (size_t i = 0; i < b->chunk_count; i++) {
		struct chunk *c = b->chunks[i];

		if (bytes + c->size > KEEP_BYTES) {
			free(c);
			continue;
		}
		bytes += c->size;
		b->chunks[kept++] = c;
	}
	b->chunk_count = kept;
	b->chunk = b->used = 0;
}

/* Smaller arrays instead of those with more than `keep` entries. If memory is too short for that,
 * the large ones stay. */
static void shrink_arrays(struct batch *b, size_t keep)
{
	struct slot *slots;
	struct write *log;

	if (b->mask + 1 > keep && (slots = calloc(SLOTS_MIN, sizeof(*slots)))) {
		free(b->slots);
		b->slots = slots;
		b->mask = SLOTS_MIN - 1;
	}
	if (b->cap > keep && (log = realloc(b->log, keep * sizeof(*log)))) {
		b->log = log;
		b->cap = keep;
	}
}

void batch_clear(struct batch *b)
{
	if (b->count * 8 < b->mask)
		batch_rollback(b, 0);
	else
		memset(b->slots, 0, (b->mask + 1) * sizeof(*b->slots));
	if (b->count > 0)
		memset(b->families, 0, sizeof(b->families));
	b->count = 0;
	b->bytes = 0;
	b->keys_total = 0;
	memset(b->keys, 0, sizeof(b->keys));
	b->failed = false;
	shrink_arena(b);
	shrink_arrays(b, KEEP_ENTRIES);
}

void batch_relieve(struct batch *b)
{
	batch_clear(b);
	while (b->chunk_count > 0)
		free(b->chunks[--b->chunk_count]);
	shrink_arrays(b, SLOTS_MIN);
}

/* ---- writing ----------------------------------------------------------------------------- */

/* value NULL: delete. */
static bool add(struct batch *b, enum table t, struct bytes key, const struct bytes *value)
{
	uint32_t hash = hash_key(b, t, key);
	uint32_t index = (uint32_t)b->count;
	struct slot *slot;
	struct write w = {.table = t, .hash = hash, .key_len = (uint32_t)key.len, .last = index};

	if (!log_reserve(b) || !index_reserve(b))
		return false;
	w.chunk = b->chunk;
	w.used = b->used;
	slot = find(b, t, key, hash);
	if (slot->write) {
		w.first = slot->write - 1;
		w.previous = b->log[w.first].last;
		w.key = b->log[w.first].key;
	} else {
		w.first = index;
		w.previous = NONE;
		w.key = copy(b, key);
		if (!w.key)
			return false;
	}
	if (value) {
		w.value = copy(b, *value);
		w.value_len = value->len;
		if (!w.value) {
			b->chunk = w.chunk;
			b->used = w.used;
			return false;
		}
	}
	if (w.previous == NONE) {
		uint32_t *newest = family(b, t, key);

		if (newest) {
			w.cousin = *newest;
			*newest = index + 1;
		}
	}
	b->log[b->count++] = w;
	if (w.previous == NONE) {
		*slot = (struct slot){hash, index + 1};
		b->keys[t]++;
		b->keys_total++;
	} else {
		b->log[w.first].last = index;
	}
	b->bytes += sizeof(w) + key.len + w.value_len;
	return true;
}

void batch_put(struct batch *b, enum table t, struct bytes key, struct bytes value)
{
	assert(t < TABLE_COUNT && key.len > 0);
	if (!add(b, t, key, &value))
		b->failed = true;
}

void batch_delete(struct batch *b, enum table t, struct bytes key)
{
	assert(t < TABLE_COUNT && key.len > 0);
	if (!add(b, t, key, NULL))
		b->failed = true;
}

size_t batch_mark(const struct batch *b)
{
	return b->count;
}

static void undo(struct batch *b)
{
	struct write *w = &b->log[b->count - 1];

	if (w->previous == NONE) {
		struct bytes key = {w->key, w->key_len};
		uint32_t *newest = family(b, w->table, key);

		*find(b, w->table, key, w->hash) = (struct slot){0, 0};
		if (newest)
			*newest = w->cousin;
		b->keys[w->table]--;
		b->keys_total--;
	} else {
		b->log[w->first].last = w->previous;
	}
	b->bytes -= sizeof(*w) + w->key_len + w->value_len;
	b->chunk = w->chunk;
	b->used = w->used;
	b->count--;
}

void batch_rollback(struct batch *b, size_t mark)
{
	assert(mark <= b->count);
	while (b->count > mark)
		undo(b);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* The newest write of the key that log[i] wrote first, as (key, value); value.data NULL: delete. */
static struct bytes newest_value(const struct batch *b, size_t i)
{
	const struct write *w = &b->log[b->log[i].last];

	return (struct bytes){w->value, w->value_len};
}

enum err batch_get(struct batch *b, enum table t, struct bytes key, struct bytes *value)
{
	assert(t < TABLE_COUNT);
	if (b->keys[t]) {
		const struct slot *slot = find(b, t, key, hash_key(b, t, key));

		if (slot->write) {
			*value = newest_value(b, slot->write - 1);
			return value->data ? ERR_OK : ERR_NOT_FOUND;
		}
	}
	return b->base->get(b->base->ctx, t, key, value);
}

struct pending {
	struct bytes key, value;
};

/* What batch_each goes through: the base's keys and, between them, the batch's own in order. */
struct merge {
	struct pending *pending;
	size_t count, at;
	base_each_fn *fn;
	void *fn_ctx;
	bool stopped;
};

static int compare(struct bytes a, struct bytes b)
{
	int c = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_pending(const void *a, const void *b)
{
	return compare(((const struct pending *)a)->key, ((const struct pending *)b)->key);
}

static bool in_range(struct bytes key, struct bytes prefix, struct bytes from)
{
	if (key.len < prefix.len || (prefix.len && memcmp(key.data, prefix.data, prefix.len) != 0))
		return false;
	return from.len == 0 || compare(key, from) >= 0;
}

/* Hand out the next pending write. False if fn wants no more. */
static bool emit(struct merge *m)
{
	struct pending *p = &m->pending[m->at++];

	if (p->value.data && !m->fn(m->fn_ctx, p->key, p->value))
		m->stopped = true;
	return !m->stopped;
}

static bool on_base_key(void *ctx, struct bytes key, struct bytes value)
{
	struct merge *m = ctx;
	int c = -1;

	while (m->at < m->count && (c = compare(m->pending[m->at].key, key)) < 0)
		if (!emit(m))
			return false;
	if (m->at < m->count && c == 0)
		return emit(m); /* hides the base's value */
	if (!m->fn(m->fn_ctx, key, value))
		m->stopped = true;
	return !m->stopped;
}

/* Pending writes in a range, found one after another. */
struct search {
	const struct batch *b;
	enum table table;
	struct bytes prefix, from;
	bool chained;
	uint32_t next; /* index + 1 in the chain; else the index to look at */
};

static struct search search_start(
	struct batch *b, enum table t, struct bytes prefix, struct bytes from)
{
	const uint32_t *newest = family(b, t, prefix);

	return (struct search){b, t, prefix, from, newest != NULL, newest ? *newest : 0};
}

/* False at the end. */
static bool search_next(struct search *s, size_t *index)
{
	while (s->chained ? s->next > 0 : s->next < s->b->count) {
		size_t i = s->chained ? s->next - 1 : s->next;
		const struct write *w = &s->b->log[i];
		struct bytes key = {w->key, w->key_len};

		s->next = s->chained ? w->cousin : s->next + 1;
		*index = i;
		if (w->table == s->table && w->previous == NONE &&
			in_range(key, s->prefix, s->from))
			return true;
	}
	return false;
}

static size_t collect(struct search s, struct pending *out)
{
	size_t n = 0;

	for (size_t i; search_next(&s, &i); n++) {
		struct bytes key = {s.b->log[i].key, s.b->log[i].key_len};

		if (out)
			out[n] = (struct pending){key, newest_value(s.b, i)};
	}
	return n;
}

enum err batch_each(struct batch *b, enum table t, struct bytes prefix, struct bytes from,
	base_each_fn *fn, void *fn_ctx)
{
	struct pending on_stack[PENDING_ON_STACK];
	struct merge m = {.pending = on_stack, .fn = fn, .fn_ctx = fn_ctx};
	struct search s = search_start(b, t, prefix, from);
	enum err e;

	assert(t < TABLE_COUNT);
	if (b->keys[t])
		m.count = collect(s, NULL);
	if (m.count == 0)
		return b->base->each(b->base->ctx, t, prefix, from, fn, fn_ctx);
	if (m.count > PENDING_ON_STACK) {
		m.pending = malloc(m.count * sizeof(*m.pending));
		if (!m.pending)
			return ERR_NOMEM;
	}
	collect(s, m.pending);
	qsort(m.pending, m.count, sizeof(*m.pending), compare_pending);

	e = b->base->each(b->base->ctx, t, prefix, from, on_base_key, &m);
	while (e == ERR_OK && !m.stopped && m.at < m.count)
		emit(&m);
	if (m.pending != on_stack)
		free(m.pending);
	return e;
}

/* ---- what it holds ----------------------------------------------------------------------- */

bool batch_failed(const struct batch *b)
{
	return b->failed;
}

bool batch_empty(const struct batch *b)
{
	return b->count == 0;
}

size_t batch_bytes(const struct batch *b)
{
	return b->bytes;
}

void batch_writes(const struct batch *b, enum table t, batch_write_fn *fn, void *ctx)
{
	if (b->keys[t] == 0)
		return;
	for (size_t i = 0; i < b->count; i++) {
		const struct write *w = &b->log[i];

		if (w->table == t && w->previous == NONE)
			fn(ctx, (struct bytes){w->key, w->key_len}, newest_value(b, i));
	}
}

bool batch_touches_directory(const struct batch *b)
{
	return b->keys_total > b->keys[TABLE_STORE];
}
