/* encoded.h — keys and values byte for byte, and what a decoder must refuse. */
#ifndef GNATTER_TESTS_ENCODED_H
#define GNATTER_TESTS_ENCODED_H

#include "persist/keys.h"
#include "tests/unit/persist/scratch.h"

#define BYTES(literal) ((struct bytes){literal, sizeof(literal) - 1})

UNUSED static void assert_key(struct key k, struct bytes want)
{
	assert_bytes(key_bytes(&k), want);
}

UNUSED static struct bytes of(const struct buf *b)
{
	return (struct bytes){b->data, b->len};
}

/* A value cut off anywhere, grown by a byte, of another version, or with any byte wrong: refused or
 * read, and never read beyond its end. */
UNUSED static void abuse(const struct buf *b, enum err (*decode)(struct bytes))
{
	assert_int_equal(decode(of(b)), ERR_OK);
	for (size_t len = 0; len <= b->len + 1; len++) {
		char *exact = malloc(len ? len : 1);

		memset(exact, 0, len ? len : 1);
		memcpy(exact, b->data, len < b->len ? len : b->len);
		assert_int_equal(
			decode((struct bytes){exact, len}), len == b->len ? ERR_OK : ERR_CORRUPT);
		if (len == b->len) {
			for (size_t at = 0; at < len; at++) {
				for (int wrong = 0; wrong < 256; wrong++) {
					enum err e;

					exact[at] = (char)wrong;
					e = decode((struct bytes){exact, len});
					assert_true(e == ERR_OK || e == ERR_CORRUPT);
					assert_true(
						at > 0 || wrong == b->data[0] || e == ERR_CORRUPT);
				}
				exact[at] = b->data[at];
			}
		}
		free(exact);
	}
}

#endif
