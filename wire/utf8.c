/* utf8.c
 *
 * Chat text is mostly ASCII: eight bytes are taken at once while none of them is NUL or above 0x7f.
 * Everything else goes through sequence(), which knows for each lead byte how long it is and what
 * its second byte may be (the table of Unicode 15, 3.9, D92); the others are 80..bf.
 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

static bool within(unsigned char c, unsigned low, unsigned high)
{
	return c >= low && c <= high;
}

/* Length of the valid sequence at s that begins with a byte above 0x7f; 0 if there is none. */
static size_t sequence(const unsigned char *s, size_t len)
{
	unsigned low = 0x80, high = 0xbf;
	size_t size;

	if (within(s[0], 0xc2, 0xdf)) {
		size = 2;
	} else if (within(s[0], 0xe0, 0xef)) {
		size = 3;
		low = s[0] == 0xe0 ? 0xa0 : low;   /* overlong */
		high = s[0] == 0xed ? 0x9f : high; /* surrogates */
	} else if (within(s[0], 0xf0, 0xf4)) {
		size = 4;
		low = s[0] == 0xf0 ? 0x90 : low;   /* overlong */
		high = s[0] == 0xf4 ? 0x8f : high; /* beyond U+10FFFF */
	} else {
		return 0;
	}
	if (size > len || !within(s[1], low, high))
		return 0;
	for (size_t i = 2; i < size; i++) {
		if (!within(s[i], 0x80, 0xbf))
			return 0;
	}
	return size;
}

/* Are the eight bytes at s all in 01..7f? Exact although the subtraction borrows: a borrow begins
 * at a zero byte only, which is found itself. */
static bool eight_ascii(const unsigned char *s)
{
	uint64_t word;

	memcpy(&word, s, sizeof(word));
	return !((word | (word - 0x0101010101010101u)) & 0x8080808080808080u);
}

bool utf8_ok(const char *text, size_t len, size_t *chars)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0, count = 0;

	while (i < len) {
		size_t size = 1;

		if (len - i >= 8 && eight_ascii(s + i)) {
			i += 8;
			count += 8;
			continue;
		}
		if (s[i] == 0)
			return false;
		if (s[i] > 0x7f)
			size = sequence(s + i, len - i);
		if (size == 0)
			return false;
		i += size;
		count++;
	}
	if (chars)
		*chars = count;
	return true;
}

size_t utf8_prefix(const char *s, size_t len, size_t chars_max)
{
	size_t i = 0, count = 0;

	for (; i < len; i++) {
		bool first = ((unsigned char)s[i] & 0xc0) != 0x80;

		if (first && count++ == chars_max)
			break;
	}
	return i;
}
