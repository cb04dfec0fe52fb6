/* push_breaker.c — see push_breaker.h. */
#include "bridge/push_breaker.h"

#include "wire/hashmap.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MAX   5 /* in a row, and it is left alone */
#define PAUSE_MS     2000u
#define PAUSE_MAX_MS 300000u
#define BACKOFF_MS   2000u
#define BACKOFF_MAX  3600000u

struct breaker {
	struct node node;
	struct breaker *prev, *next; /* in a ring, the one that failed last is the head's prev */
	uint64_t until;              /* 0: not left alone */
	uint32_t faults;             /* in a row */
	uint32_t pauses;             /* in a row */
	bool trying;                 /* somebody asks it, to see */
	uint64_t told[PUSH_BREAKER_TOLD]; /* until when others wait; 0: free */
	size_t len;
	char endpoint[];
};

struct push_breakers {
	struct hashmap map;
	struct breaker *oldest;
};

struct push_breakers *push_breakers_create(void)
{
	struct push_breakers *b = calloc(1, sizeof(*b));

	if (b && hashmap_init(&b->map))
		return b;
	free(b);
	return NULL;
}

static struct breaker *find(const struct push_breakers *b, struct bytes endpoint, uint64_t hash)
{
	struct node *n = hashmap_first(&b->map, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct breaker *e = OF_NODE(n, struct breaker, node);

		if (bytes_equal(endpoint, e->endpoint, e->len))
			return e;
	}
	return NULL;
}

static void leave_ring(struct push_breakers *b, struct breaker *e)
{
	if (b->oldest == e)
		b->oldest = e->next == e ? NULL : e->next;
	e->prev->next = e->next;
	e->next->prev = e->prev;
}

/* As the newest. */
static void enter_ring(struct push_breakers *b, struct breaker *e)
{
	if (!b->oldest)
		b->oldest = e->prev = e->next = e;
	e->next = b->oldest;
	e->prev = b->oldest->prev;
	e->prev->next = e;
	e->next->prev = e;
}

static void forget(struct push_breakers *b, struct breaker *e)
{
	leave_ring(b, e);
	hashmap_remove(&b->map, &e->node);
	free(e);
}

void push_breakers_destroy(struct push_breakers *b)
{
	if (!b)
		return;
	while (b->oldest)
		forget(b, b->oldest);
	hashmap_finish(&b->map);
	free(b);
}

static struct breaker *add(struct push_breakers *b, struct bytes endpoint, uint64_t hash)
{
	struct breaker *e = calloc(1, sizeof(*e) + endpoint.len);

	if (!e)
		return NULL;
	if (b->map.count >= PUSH_BREAKERS_MAX)
		forget(b, b->oldest);
	e->len = endpoint.len;
	memcpy(e->endpoint, endpoint.data, endpoint.len);
	hashmap_add(&b->map, &e->node, hash);
	enter_ring(b, e);
	return e;
}

/* In place of the one that is over first. */
static uint64_t tell(struct breaker *e)
{
	uint64_t *least = e->told;

	for (size_t i = 0; i < PUSH_BREAKER_TOLD; i++) {
		if (e->told[i] == e->until)
			return e->until;
		if (e->told[i] < *least)
			least = &e->told[i];
	}
	return *least = e->until;
}

uint64_t push_breaker_until(
	struct push_breakers *b, struct bytes endpoint, uint64_t now_ms, uint64_t try_ms)
{
	struct breaker *e = find(b, endpoint, hash_bytes(endpoint.data, endpoint.len));

	if (!e || e->until == 0)
		return 0;
	if (now_ms < e->until)
		return tell(e);
	e->until = now_ms + try_ms; /* this one tries; others wait for what it finds */
	e->trying = true;
	return 0;
}

void push_breaker_failed(
	struct push_breakers *b, struct bytes endpoint, uint64_t now_ms, uint64_t until_ms)
{
	uint64_t hash = hash_bytes(endpoint.data, endpoint.len);
	struct breaker *e = find(b, endpoint, hash);
	uint64_t pause = PAUSE_MS;

	if (e) {
		leave_ring(b, e);
		enter_ring(b, e);
	} else {
		e = add(b, endpoint, hash);
	}
	if (!e)
		return; /* without memory: asked again with the next push */
	if (now_ms < e->until && !e->trying) {
		/* one of many that were on their way: it is left alone already */
		e->until = until_ms > e->until ? until_ms : e->until;
		return;
	}
	e->faults++;
	if (until_ms == 0 && e->until == 0 && e->faults < FAULTS_MAX)
		return;
	for (uint32_t i = 0; i < e->pauses && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	e->pauses++;
	e->trying = false;
	e->until = until_ms > now_ms + pause ? until_ms : now_ms + pause;
}

void push_breaker_not_asked(struct push_breakers *b, struct bytes endpoint, uint64_t now_ms)
{
	struct breaker *e = find(b, endpoint, hash_bytes(endpoint.data, endpoint.len));

	if (!e || !e->trying)
		return;
	e->until = now_ms;
	e->trying = false;
}

size_t push_breaker_good(
	struct push_breakers *b, struct bytes endpoint, uint64_t told[PUSH_BREAKER_TOLD])
{
	struct breaker *e;
	size_t count = 0;

	if (b->map.count == 0)
		return 0;
	e = find(b, endpoint, hash_bytes(endpoint.data, endpoint.len));
	if (!e)
		return 0;
	for (size_t i = 0; i < PUSH_BREAKER_TOLD; i++)
		if (e->told[i] != 0)
			told[count++] = e->told[i];
	forget(b, e);
	return count;
}

uint64_t push_breaker_open(const struct push_breakers *b, struct bytes endpoint)
{
	struct breaker *e = find(b, endpoint, hash_bytes(endpoint.data, endpoint.len));

	return e ? e->until : 0;
}

uint64_t push_backoff_ms(uint32_t attempts)
{
	uint64_t wait = BACKOFF_MS;

	for (uint32_t i = 1; i < attempts && wait < BACKOFF_MAX; i++)
		wait *= 2;
	if (wait > BACKOFF_MAX)
		wait = BACKOFF_MAX;
	return wait / 2 + randombytes_uniform((uint32_t)(wait / 2) + 1);
}
