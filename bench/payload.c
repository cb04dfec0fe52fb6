/* payload.c */
#include "bench/payload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bench/die.h"

#define POOL_SIZE (1u << 20)
#define PIECE_MAX (1u << 16) /* copied from one place */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* xorshift64*: good enough for padding, and cheap. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

void payload_init(struct payload_source *s, uint64_t seed)
{
	s->state = seed ? seed : 1;
	s->pool = die_alloc(POOL_SIZE + PIECE_MAX, 1);
	for (size_t i = 0; i < POOL_SIZE + PIECE_MAX; i++)
		s->pool[i] = digits[next_random(&s->state) >> 58];
}

void payload_finish(struct payload_source *s)
{
	free(s->pool);
	s->pool = NULL;
}

static char *put(char *at, uint64_t v, unsigned count)
{
	for (unsigned i = count; i-- > 0; v >>= 6)
		at[i] = digits[v & 63];
	return at + count;
}

static char *put_marker(char *at, const struct marker *m)
{
	at = put(at, m->run, 4);
	at = put(at, m->sender, 5);
	at = put(at, m->counter, 6);
	return put(at, (uint64_t)m->sent_ns, 9);
}

static char *put_text(char *at, const char *s)
{
	size_t len = strlen(s);

	memcpy(at, s, len);
	return at + len;
}

void payload_write(struct payload_source *s, char *out, size_t size, const struct marker *m)
{
	char *at = out, *end = out + size;

	assert(size >= PAYLOAD_MARKER);
	*at++ = '~';
	at = put_marker(at, m);
	while (at < end) {
		size_t piece = (size_t)(end - at) < PIECE_MAX ? (size_t)(end - at) : PIECE_MAX;

		memcpy(at, s->pool + (next_random(&s->state) & (POOL_SIZE - 1)), piece);
		at += piece;
	}
}

void payload_write_id(struct payload_source *s, char *out, size_t size, const struct marker *m)
{
	char *at = put_text(out, "{\"id\":\"");

	at = put_marker(at, m);
	at = put_text(at, "\",\"text\":\"");
	payload_write(s, at, size, m);
	put_text(at + size, "\"}");
}

/* The value of a digit plus one; 0 is none. A table, as branches on random digits cost ten times
 * it. */
// clang-format off
static const unsigned char values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};
// clang-format on

/* Read a number of count digits; *bad grows by what was none. */
static uint64_t get(const char *at, unsigned count, unsigned *bad)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned d = values[(unsigned char)at[i]];

		*bad |= d == 0;
		v = v << 6 | ((d - 1) & 63);
	}
	return v;
}

bool payload_find(const char *data, size_t len, struct marker *m)
{
	const char *at = memchr(data, '~', len);
	unsigned bad = 0;

	if (!at || (size_t)(data + len - at) < PAYLOAD_MARKER)
		return false;
	m->run = (uint32_t)get(at + 1, 4, &bad);
	m->sender = (uint32_t)get(at + 5, 5, &bad);
	m->counter = get(at + 10, 6, &bad);
	m->sent_ns = (int64_t)get(at + 16, 9, &bad);
	return bad == 0;
}
