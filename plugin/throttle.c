/* throttle.c — see throttle.h.
 *
 * Failures are counted in buckets, too: `per_minute` tokens, refilled over a minute; a failure
 * takes one, and who has none may not try. A minute has 60 s, so these buckets count sixtieths of a
 * token.
 */
#include "throttle.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "wire/hashmap.h"

#define WAYS 8

int64_t bucket_level(struct bucket *b, int64_t rate, int64_t burst, int64_t now_ms)
{
	int64_t full = burst * 1000, passed = now_ms - b->at_ms;

	if (b->at_ms == 0)
		b->milli = full;
	else if (rate > 0 && passed > (full - b->milli) / rate)
		b->milli = full;
	else
		b->milli += passed * rate;
	if (b->milli > full)
		b->milli = full;
	b->at_ms = now_ms;
	return b->milli < 0 ? -1 : b->milli / 1000;
}

bool bucket_take(struct bucket *b, int64_t rate, int64_t burst, int64_t now_ms, int64_t n)
{
	if (bucket_level(b, rate, burst, now_ms) < n)
		return false;
	b->milli -= n * 1000;
	return true;
}

void bucket_owe(struct bucket *b, int64_t rate, int64_t burst, int64_t now_ms, int64_t n)
{
	bucket_level(b, rate, burst, now_ms);
	b->milli -= n * 1000;
}

struct place {
	uint64_t key;
	struct bucket bucket; /* at_ms 0: a free place */
};

struct throttle {
	size_t mask; /* of sets */
	struct place places[];
};

struct throttle *throttle_create(size_t places)
{
	size_t sets = 1;
	struct throttle *t;

	while (sets * WAYS < places)
		sets *= 2;
	t = calloc(1, sizeof(*t) + sets * WAYS * sizeof(t->places[0]));
	if (t)
		t->mask = sets - 1;
	return t;
}

void throttle_destroy(struct throttle *t)
{
	free(t);
}

static struct place *find(struct throttle *t, uint64_t key)
{
	struct place *set = &t->places[(key & t->mask) * WAYS];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].bucket.at_ms != 0 && set[i].key == key)
			return &set[i];
	}
	return NULL;
}

/* A free place for key, or that of the fullest bucket of its set. */
static struct place *claim(struct throttle *t, uint64_t key, int64_t per_minute, int64_t now_ms)
{
	struct place *set = &t->places[(key & t->mask) * WAYS], *best = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].bucket.at_ms == 0) {
			best = &set[i];
			break;
		}
		bucket_level(&set[i].bucket, per_minute, per_minute * 60, now_ms);
		if (set[i].bucket.milli > best->bucket.milli)
			best = &set[i];
	}
	*best = (struct place){.key = key};
	return best;
}

bool throttle_open(struct throttle *t, uint64_t key, int64_t per_minute, int64_t now_ms)
{
	struct place *p = find(t, key);

	return !p || bucket_level(&p->bucket, per_minute, per_minute * 60, now_ms) >= 60;
}

void throttle_failed(struct throttle *t, uint64_t key, int64_t per_minute, int64_t now_ms)
{
	struct place *p = find(t, key);

	if (!p)
		p = claim(t, key, per_minute, now_ms);
	bucket_owe(&p->bucket, per_minute, per_minute * 60, now_ms, 60);
}

uint64_t throttle_address(const char *address)
{
	static const unsigned char v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct in_addr v4;
	struct in6_addr v6;

	if (!address)
		return hash_bytes("", 0);
	if (inet_pton(AF_INET, address, &v4) == 1)
		return hash_bytes(&v4, sizeof(v4));
	if (inet_pton(AF_INET6, address, &v6) != 1)
		return hash_bytes(address, strlen(address));
	if (memcmp(v6.s6_addr, v4_mapped, sizeof(v4_mapped)) == 0)
		return hash_bytes(v6.s6_addr + sizeof(v4_mapped), sizeof(v4));
	return hash_bytes(v6.s6_addr, 8);
}
