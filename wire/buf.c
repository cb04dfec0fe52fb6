/* buf.c
 *
 * Growth doubles, so that a message built of many small writes costs few allocations. `failed` is
 * sticky on purpose: encoders write without looking, and their caller looks once.
 */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "le.h"

#define CAP_FIRST 64

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

static bool grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : CAP_FIRST;
	char *data;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	data = realloc(b->data, cap);
	if (!data)
		return false;
	b->data = data;
	b->cap = cap;
	return true;
}

char *buf_reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return NULL;
	if (more > (size_t)PTRDIFF_MAX - b->len ||
		((more > b->cap - b->len || !b->data) && !grow(b, b->len + more))) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->len;
}

void buf_u16(struct buf *b, uint16_t v)
{
	char raw[2];

	le_put16(raw, v);
	buf_put(b, raw, sizeof(raw));
}

void buf_u32(struct buf *b, uint32_t v)
{
	char raw[4];

	le_put32(raw, v);
	buf_put(b, raw, sizeof(raw));
}

void buf_u64(struct buf *b, uint64_t v)
{
	char raw[8];

	le_put64(raw, v);
	buf_put(b, raw, sizeof(raw));
}

void buf_u64_be(struct buf *b, uint64_t v)
{
	buf_u64(b, __builtin_bswap64(v));
}

void buf_bytes16(struct buf *b, const void *d, size_t len)
{
	if (len > UINT16_MAX) {
		b->failed = true;
		return;
	}
	buf_u16(b, (uint16_t)len);
	buf_put(b, d, len);
}

void buf_bytes32(struct buf *b, const void *d, size_t len)
{
	if (len > UINT32_MAX) {
		b->failed = true;
		return;
	}
	buf_u32(b, (uint32_t)len);
	buf_put(b, d, len);
}

void buf_decimal(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_put(b, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int len;
	char *at;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0) {
		b->failed = true;
		return;
	}
	at = buf_reserve(b, (size_t)len + 1);
	if (!at)
		return;
	va_start(args, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, args);
	va_end(args);
	b->len += (size_t)len;
}

struct reader reader_of(const void *data, size_t len)
{
	const char *at = len ? data : "";

	return (struct reader){at, at + len, false};
}

/* The next len bytes, or NULL and `failed`. A failed reader stays at its end. */
static const char *take(struct reader *r, size_t len)
{
	const char *at = r->at;

	if (len > (size_t)(r->end - at)) {
		r->at = r->end;
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return at;
}

uint8_t read_u8(struct reader *r)
{
	const char *at = take(r, 1);

	return at ? (uint8_t)*at : 0;
}

uint16_t read_u16(struct reader *r)
{
	const char *at = take(r, 2);

	return at ? le_get16(at) : 0;
}

uint32_t read_u32(struct reader *r)
{
	const char *at = take(r, 4);

	return at ? le_get32(at) : 0;
}

uint64_t read_u64(struct reader *r)
{
	const char *at = take(r, 8);

	return at ? le_get64(at) : 0;
}

uint64_t read_u64_be(struct reader *r)
{
	return __builtin_bswap64(read_u64(r));
}

struct bytes read_bytes(struct reader *r, size_t len)
{
	const char *at = take(r, len);

	return at ? (struct bytes){at, len} : (struct bytes){r->end, 0};
}

struct bytes read_bytes16(struct reader *r)
{
	return read_bytes(r, read_u16(r));
}

struct bytes read_bytes32(struct reader *r)
{
	return read_bytes(r, read_u32(r));
}
