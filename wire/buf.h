/* buf.h — a byte buffer that grows, and a reader that cannot run over.
 *
 * Numbers are little-endian; "bytes16" and "bytes32" are a length of that many bits and the bytes.
 * A buf never fails half way: when memory runs out `failed` is set, further writes do nothing, and
 * the owner checks once at the end. A reader past its end gives zeros and sets `failed`.
 */
#ifndef GNATTER_WIRE_BUF_H
#define GNATTER_WIRE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len, cap;
	bool failed; /* out of memory at some write */
};

/* Empty: {0}. Free with buf_free; buf_reset keeps the memory and clears `failed`. */
void buf_free(struct buf *b);
void buf_reset(struct buf *b);

/* Make room for `more` bytes and return where they start, without counting them; NULL if failed. */
char *buf_reserve(struct buf *b, size_t more);

/* What most writes are is small and fits: it is done in place. */
static inline void buf_put(struct buf *b, const void *data, size_t len)
{
	char *at = !b->failed && len < b->cap - b->len ? b->data + b->len : buf_reserve(b, len);

	if (!at || len == 0)
		return;
	memcpy(at, data, len);
	b->len += len;
}

static inline void buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_u64_be(struct buf *b, uint64_t v);                 /* for keys: sorts as the number does */
void buf_bytes16(struct buf *b, const void *d, size_t len); /* len <= 65535, else failed */
void buf_bytes32(struct buf *b, const void *d, size_t len); /* len <= UINT32_MAX, else failed */
void buf_decimal(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Bytes lent by someone else. */
struct bytes {
	const char *data;
	size_t len;
};

static inline bool bytes_equal(struct bytes a, const void *data, size_t len)
{
	return a.len == len && (len == 0 || __builtin_memcmp(a.data, data, len) == 0);
}

struct reader {
	const char *at, *end;
	bool failed;
};

struct reader reader_of(const void *data, size_t len);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
uint64_t read_u64_be(struct reader *r);
struct bytes read_bytes(struct reader *r, size_t len); /* lent from what the reader reads */
struct bytes read_bytes16(struct reader *r);
struct bytes read_bytes32(struct reader *r);

#endif
