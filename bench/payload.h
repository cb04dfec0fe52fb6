/* payload.h — the text of a message: a marker that says which one it is, and padding.
 *
 *   ~        one byte that stands nowhere else
 *   run      4 digits   made up at the start: what an earlier run left behind is told from ours
 *   sender   5 digits
 *   counter  6 digits   0, 1, 2, ... for each sender
 *   time     9 digits   when it was sent (or meant to be), ns on this machine's clock
 *   padding  up to the size wanted
 *
 * Digits are base64url, six bits each, most significant first, so that a text needs no escape in
 * JSON and stands in "text" as it was sent. The padding is base64url of a generator's output, cut
 * at random places from a pool that is far larger than a block of a store: it hardly compresses.
 */
#ifndef GNATTER_BENCH_PAYLOAD_H
#define GNATTER_BENCH_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_MARKER 25 /* bytes; the least size of a text */
#define PAYLOAD_ID     (sizeof("{\"id\":\"\",\"text\":\"\"}") - 1 + PAYLOAD_MARKER - 1)

struct marker {
	uint32_t run;     /* 24 bits */
	uint32_t sender;  /* 30 bits */
	uint64_t counter; /* 36 bits */
	int64_t sent_ns;  /* 54 bits */
};

struct payload_source {
	char *pool; /* owned */
	uint64_t state;
};

/* Fill the pool from seed. Dies if there is no memory. */
void payload_init(struct payload_source *s, uint64_t seed);
void payload_finish(struct payload_source *s);

/* Write a text of size >= PAYLOAD_MARKER bytes. */
void payload_write(struct payload_source *s, char *out, size_t size, const struct marker *m);

/* The same as the text of a JSON object with an id of the sender's own: PAYLOAD_ID bytes more. */
void payload_write_id(struct payload_source *s, char *out, size_t size, const struct marker *m);

/* Find the marker in a payload, as it was sent or inside the JSON that Gnatter made of it. False if
 * there is none. */
bool payload_find(const char *data, size_t len, struct marker *m);

#endif
