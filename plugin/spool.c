/* spool.c — the ring. See spool.h for what holds when the process is killed.
 *
 * Everything here is stores into mapped memory. The order of those that matter is kept by
 * store_last(): the compiler may not move earlier writes behind it, and a kill cannot undo a store
 * that another process could have seen.
 */
#include "spool.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "spool_map.h"

#define SIZE_AT   0 /* in a record: u32, */
#define FLAGS_AT  5 /* u8 */
#define NUMBER_AT 8 /* and u64; see wire/record.h */

/* As long as the bridge keeps up, what is in use stays within the first half megabyte, or the first
 * half: in the processor's cache, and in few pages that the system writes back and the broker, at
 * the next store, has to wait for. */
#define REWIND_FROM ((uint64_t)512 << 10)
#define REWIND_KEPT 8 /* no more than one part in so many of that is copied */

static void store_last(uint64_t *at, uint64_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static char *at(const struct spool *s, uint64_t pos)
{
	return s->ring + (pos - s->h->base) % s->size;
}

static uint32_t size_at(const struct spool *s, uint64_t pos)
{
	uint32_t size;

	memcpy(&size, at(s, pos) + SIZE_AT, sizeof(size));
	return size;
}

static uint64_t number_at(const struct spool *s, uint64_t pos)
{
	uint64_t number;

	memcpy(&number, at(s, pos) + NUMBER_AT, sizeof(number));
	return number;
}

/* Where the record after pos really stands: behind a mark that skips the ring's end. */
static uint64_t skip_mark(const struct spool *s, uint64_t pos)
{
	if (pos != s->h->head && size_at(s, pos) == 0)
		return pos + spool_rest(s, pos);
	return pos;
}

uint64_t spool_record_max(uint64_t size)
{
	return (size - size / SPOOL_RESERVE) / 2;
}

uint64_t spool_size(const struct spool *s)
{
	return s->size;
}

uint64_t spool_epoch(const struct spool *s)
{
	return s->h->epoch;
}

struct counters *spool_counters(struct spool *s)
{
	return &s->h->counters;
}

uint64_t spool_ended(const struct spool *s)
{
	return s->ended;
}

void spool_alive(struct spool *s, uint64_t now_ms)
{
	s->h->alive = now_ms;
}

uint64_t spool_performed(const struct spool *s)
{
	return s->h->performed;
}

void spool_set_performed(struct spool *s, uint64_t number)
{
	assert(number < s->next);
	s->h->performed = number;
}

enum err spool_append(struct spool *s, struct record *r, bool urgent, uint64_t now_ms)
{
	struct spool_header *h = s->h;
	uint64_t size = record_size(r), head = h->head, room = s->size - (head - h->tail);
	uint64_t skip = size > spool_rest(s, head) ? spool_rest(s, head) : 0;

	if (size == 0 || size > spool_record_max(s->size))
		return ERR_TOO_LARGE;
	if (skip + size + (urgent ? 0 : s->size / SPOOL_RESERVE) > room)
		return ERR_BUSY;
	r->number = s->next;
	r->ts = now_ms > h->last_ts ? now_ms : h->last_ts;
	if (skip)
		memset(at(s, head), 0, sizeof(uint32_t));
	record_encode(r, at(s, head + skip));
	h->last_ts = r->ts;
	store_last(&h->head, head + skip + size);
	s->next++;
	h->counters.spool_used = head + skip + size - h->tail;
	return ERR_OK;
}

struct spool_place spool_first(const struct spool *s)
{
	return (struct spool_place){s->h->tail, s->h->released + 1};
}

struct spool_place spool_end(const struct spool *s)
{
	return (struct spool_place){s->h->head, s->next};
}

uint32_t spool_run(
	const struct spool *s, struct spool_place *place, uint64_t bytes_max, struct bytes *run)
{
	uint64_t head = s->h->head, start = skip_mark(s, place->pos), pos = start;
	uint64_t end = start + spool_rest(s, start);
	uint32_t count = 0;

	while (pos < head && pos < end) {
		uint32_t size = size_at(s, pos);

		if (size == 0 || (count && pos + size - start > bytes_max))
			break;
		pos += size;
		count++;
	}
	*run = (struct bytes){at(s, start), pos - start};
	place->pos = pos;
	place->number += count;
	return count;
}

static void wipe(const struct spool *s, uint64_t pos, uint32_t size)
{
	uint8_t flags;

	memcpy(&flags, at(s, pos) + FLAGS_AT, sizeof(flags));
	if (flags & RECORD_SECRET)
		explicit_bzero(at(s, pos) + RECORD_HEADER, size - RECORD_HEADER);
}

/* Step over the records up to h->released. */
static void sweep(struct spool *s)
{
	struct spool_header *h = s->h;
	uint64_t pos = h->tail;

	while (pos < h->head) {
		uint64_t record = skip_mark(s, pos);
		uint32_t size = size_at(s, record);

		if (number_at(s, record) > h->released)
			break;
		wipe(s, record, size);
		pos = record + size;
	}
	store_last(&h->tail, pos);
	h->counters.spool_used = h->head - pos;
}

static bool keeps_secret(const struct spool *s)
{
	for (uint64_t pos = s->h->tail; pos < s->h->head; pos += size_at(s, pos)) {
		if ((uint8_t)at(s, pos)[FLAGS_AT] & RECORD_SECRET)
			return true;
	}
	return false;
}

/* Begin at the front of the ring again, if little is kept and that without a break. Not with a
 * secret, of which no second copy is to be left behind. */
static void rewind_ring(struct spool *s)
{
	const struct spool_header *h = s->h;
	uint64_t kept = h->head - h->tail, start = (h->tail - h->base) % s->size;
	uint64_t from = REWIND_FROM < s->size / 2 ? REWIND_FROM : s->size / 2;

	if (start < from || kept > from / REWIND_KEPT || kept > s->size - start || keeps_secret(s))
		return;
	/* After a burst its pages go back to the system, which still has what is in them. */
	if (h->head - h->base > from + from / 4)
		madvise(s->ring + from, s->size - from, MADV_DONTNEED);
	memcpy(s->ring, at(s, h->tail), kept);
	store_last(&s->h->base, h->tail);
}

void spool_release(struct spool *s, uint64_t number)
{
	if (number <= s->h->released)
		return;
	assert(number < s->next);
	store_last(&s->h->released, number);
	sweep(s);
	rewind_ring(s);
}

void spool_skip_to(struct spool *s, uint64_t number)
{
	assert(number + 1 >= s->next);
	s->next = number + 1;
	spool_release(s, number);
}

/* Does a record stand at pos, between tail and head, as far as its header tells? */
static bool plausible(const struct spool *s, uint64_t pos)
{
	uint64_t left = s->h->head - pos, rest = spool_rest(s, pos);
	uint32_t size;

	if (left < RECORD_HEADER || rest < RECORD_HEADER)
		return false;
	size = size_at(s, pos);
	return size >= RECORD_HEADER && size % 8 == 0 && size <= rest && size <= left;
}

/* Look at every record kept, changing nothing, and set s->next. NULL, or what is wrong. Those that
 * are released may be wiped already: of them only the header counts. */
static const char *check(struct spool *s)
{
	const struct spool_header *h = s->h;
	uint64_t ts = 0;

	s->next = h->released + 1;
	for (uint64_t pos = h->tail; pos < h->head;) {
		uint64_t left;
		struct record r;
		uint32_t size;

		if (size_at(s, pos) == 0 && spool_rest(s, pos) < h->head - pos)
			pos += spool_rest(s, pos);
		if (!plausible(s, pos))
			return "holds a damaged record";
		if (s->next == h->released + 1 && number_at(s, pos) <= h->released) {
			pos += size_at(s, pos);
			continue;
		}
		left = size_at(s, pos);
		if (record_decode(&r, at(s, pos), left, &size) != ERR_OK || size != left)
			return "holds a damaged record";
		if (r.number != s->next || r.ts < ts || r.ts > h->last_ts)
			return "holds records out of order";
		ts = r.ts;
		pos += size;
		s->next++;
	}
	return h->performed < s->next ? NULL : "has a damaged header";
}

const char *spool_recover(struct spool *s)
{
	const char *wrong = check(s);

	if (!wrong)
		sweep(s);
	return wrong;
}
