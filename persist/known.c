/* known.c
 *
 * For each writer, a user in a chat, some Bloom filters, each twice as large as the one before it:
 * how many ids there will be is not known beforehand. An id is put into the last one, and looked
 * for in all.
 *
 * A writer is noted when the store is first asked for one of his ids, read from the third time on,
 * and complete when there is nothing left to read. Whatever is written from the first moment on is
 * put in, so it does not matter which part of it the readings meet: each reading sees what was
 * written before it began, and begins behind what was read before. A reading that ends after its
 * writer was forgotten and noted anew is recognised by the writer's number.
 */
#include "persist/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "wire/hashmap.h"

#define ASKED_BEFORE 3             /* reads of the store that are cheaper than reading all ids */
#define FILTER_BYTES ((size_t)256) /* the first one; a power of two */
#define BITS_PER_ID  24 /* with 12 probes a filter takes one new id of 70,000 for an old one */
#define PROBES       12
#define FILTERS_MAX  16
#define SHARE_OF_ONE 8 /* no writer takes more than this part of all */

struct filter {
	size_t ids, mask; /* mask: of a bit; bits are a power of two */
	unsigned char bits[];
};

struct writer {
	struct node node;
	struct writer *newer, *older;
	uint64_t number;
	unsigned asked;
	bool complete, too_many;
	unsigned count; /* filters */
	struct filter *filters[FILTERS_MAX];
	struct buf read; /* the last key that was read; empty before the first */
	size_t bytes;
	size_t len;
	char prefix[];
};

struct known {
	pthread_mutex_t lock;
	struct hashmap writers;
	struct writer *newest, *oldest;
	uint64_t last_number;
	size_t bytes, bytes_max;
};

struct known *known_create(size_t bytes)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k || !hashmap_init(&k->writers)) {
		free(k);
		return NULL;
	}
	k->bytes_max = bytes;
	pthread_mutex_init(&k->lock, NULL);
	return k;
}

/* ---- writers ----------------------------------------------------------------------------- */

static void unlink_writer(struct known *k, struct writer *w)
{
	*(w->newer ? &w->newer->older : &k->newest) = w->older;
	*(w->older ? &w->older->newer : &k->oldest) = w->newer;
}

static void link_newest(struct known *k, struct writer *w)
{
	w->newer = NULL;
	w->older = k->newest;
	*(k->newest ? &k->newest->newer : &k->oldest) = w;
	k->newest = w;
}

static void add_bytes(struct known *k, struct writer *w, size_t bytes)
{
	w->bytes += bytes;
	k->bytes += bytes;
}

static void drop_filters(struct known *k, struct writer *w)
{
	for (unsigned i = 0; i < w->count; i++) {
		size_t size = sizeof(struct filter) + (w->filters[i]->mask + 1) / 8;

		w->bytes -= size;
		k->bytes -= size;
		free(w->filters[i]);
	}
	w->count = 0;
}

static void forget(struct known *k, struct writer *w)
{
	drop_filters(k, w);
	k->bytes -= w->bytes;
	unlink_writer(k, w);
	hashmap_remove(&k->writers, &w->node);
	buf_free(&w->read);
	free(w);
}

void known_destroy(struct known *k)
{
	if (!k)
		return;
	while (k->newest)
		forget(k, k->newest);
	hashmap_finish(&k->writers);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static struct writer *find(const struct known *k, struct bytes prefix, uint64_t hash)
{
	struct node *n = hashmap_first(&k->writers, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct writer *w = OF_NODE(n, struct writer, node);

		if (bytes_equal(prefix, w->prefix, w->len))
			return w;
	}
	return NULL;
}

/* Whose key it is; NULL if he is not noted, or it is no key of the dedupe index. */
static struct writer *writer_of(const struct known *k, struct bytes key)
{
	struct bytes prefix = key_dedupe_writer(key);

	return prefix.len ? find(k, prefix, hash_bytes(prefix.data, prefix.len)) : NULL;
}

static struct writer *note(struct known *k, struct bytes prefix, uint64_t hash)
{
	struct writer *w = calloc(1, sizeof(*w) + prefix.len);

	if (!w)
		return NULL;
	memcpy(w->prefix, prefix.data, prefix.len);
	w->len = prefix.len;
	w->number = ++k->last_number;
	hashmap_add(&k->writers, &w->node, hash);
	link_newest(k, w);
	add_bytes(k, w, sizeof(*w) + prefix.len);
	return w;
}

/* Forget who wrote longest ago, until the rest fits; never the one who wrote last. */
static void make_room(struct known *k)
{
	while (k->bytes > k->bytes_max && k->oldest != k->newest)
		forget(k, k->oldest);
}

/* ---- filters ----------------------------------------------------------------------------- */

/* Probe i of an id is bit (a + i * b) of each filter. */
struct probes {
	size_t a, b;
};

static struct probes probes_of(struct bytes key)
{
	uint64_t hash = hash_bytes(key.data, key.len);

	return (struct probes){(size_t)(hash >> 32), (size_t)(hash | 1)};
}

static bool holds(const struct filter *f, struct probes p)
{
	for (size_t i = 0; i < PROBES; i++) {
		size_t bit = (p.a + i * p.b) & f->mask;

		if (!(f->bits[bit / 8] & 1u << bit % 8))
			return false;
	}
	return true;
}

static bool any_holds(const struct writer *w, struct probes p)
{
	for (unsigned i = w->count; i-- > 0;)
		if (holds(w->filters[i], p))
			return true;
	return false;
}

/* The filter that takes the next id. NULL: no more of this writer are kept, or out of memory. */
static struct filter *filter_with_room(struct known *k, struct writer *w)
{
	struct filter *last = w->count ? w->filters[w->count - 1] : NULL;
	size_t bytes = FILTER_BYTES << w->count;
	struct filter *f;

	if (last && (last->ids + 1) * BITS_PER_ID <= last->mask + 1)
		return last;
	if (w->count == FILTERS_MAX || w->bytes + bytes > k->bytes_max / SHARE_OF_ONE)
		return NULL;
	f = calloc(1, sizeof(*f) + bytes);
	if (!f)
		return NULL;
	f->mask = bytes * 8 - 1;
	w->filters[w->count++] = f;
	add_bytes(k, w, sizeof(*f) + bytes);
	return f;
}

static void put(struct known *k, struct writer *w, struct bytes key)
{
	struct probes p = probes_of(key);
	struct filter *f;

	if (w->too_many || any_holds(w, p))
		return;
	f = filter_with_room(k, w);
	if (!f) {
		drop_filters(k, w);
		w->complete = false;
		w->too_many = true;
		return;
	}
	for (size_t i = 0; i < PROBES; i++) {
		size_t bit = (p.a + i * p.b) & f->mask;

		f->bits[bit / 8] |= (unsigned char)(1u << bit % 8);
	}
	f->ids++;
}

/* ---- calls ------------------------------------------------------------------------------- */

bool known_absent(struct known *k, struct bytes key)
{
	struct bytes prefix = key_dedupe_writer(key);
	bool absent = false;
	struct probes p;
	struct writer *w;
	uint64_t hash;

	if (prefix.len == 0)
		return false;
	hash = hash_bytes(prefix.data, prefix.len);
	p = probes_of(key);
	pthread_mutex_lock(&k->lock);
	w = find(k, prefix, hash);
	if (w) {
		unlink_writer(k, w);
		link_newest(k, w);
		absent = w->complete && !any_holds(w, p);
	}
	pthread_mutex_unlock(&k->lock);
	return absent;
}

static void begin_reading(const struct writer *w, struct known_reading *out)
{
	struct bytes from = {w->prefix, w->len};

	if (w->read.len)
		from = (struct bytes){w->read.data, w->read.len};
	*out = (struct known_reading){.prefix = w->len, .writer = w->number};
	memcpy(out->from.data, from.data, from.len);
	out->from.len = from.len;
}

bool known_asked(struct known *k, struct bytes key, struct known_reading *out)
{
	struct bytes prefix = key_dedupe_writer(key);
	bool wanted = false;
	struct writer *w;
	uint64_t hash;

	if (prefix.len == 0)
		return false;
	hash = hash_bytes(prefix.data, prefix.len);
	pthread_mutex_lock(&k->lock);
	w = find(k, prefix, hash);
	if (!w)
		w = note(k, prefix, hash);
	if (w && !w->complete && !w->too_many && ++w->asked >= ASKED_BEFORE) {
		begin_reading(w, out);
		wanted = true;
	}
	make_room(k);
	pthread_mutex_unlock(&k->lock);
	return wanted;
}

/* The writer of a reading that is under way; NULL if he was forgotten meanwhile. */
static struct writer *reader_of_ids(const struct known *k, const struct known_reading *r)
{
	struct writer *w = writer_of(k, (struct bytes){r->from.data, r->from.len});

	return w && w->number == r->writer ? w : NULL;
}

void known_read(struct known *k, const struct known_reading *r, struct bytes key)
{
	struct writer *w;

	pthread_mutex_lock(&k->lock);
	w = reader_of_ids(k, r);
	if (w)
		put(k, w, key);
	pthread_mutex_unlock(&k->lock);
}

void known_read_end(struct known *k, const struct known_reading *r, struct bytes last, bool all)
{
	struct writer *w;

	pthread_mutex_lock(&k->lock);
	w = reader_of_ids(k, r);
	if (w && !w->too_many) {
		w->complete = all;
		if (last.len) {
			buf_reset(&w->read);
			buf_put(&w->read, last.data, last.len);
		}
		if (w->read.failed || all)
			buf_free(&w->read);
	}
	make_room(k);
	pthread_mutex_unlock(&k->lock);
}

void known_begin(struct known *k)
{
	pthread_mutex_lock(&k->lock);
}

void known_written(struct known *k, struct bytes key)
{
	struct writer *w = writer_of(k, key);

	if (w)
		put(k, w, key);
}

void known_end(struct known *k)
{
	make_room(k);
	pthread_mutex_unlock(&k->lock);
}
