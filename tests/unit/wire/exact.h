/* exact.h — bytes in a block of just their size, so that AddressSanitizer sees a read too far. */
#ifndef TEST_WIRE_EXACT_H
#define TEST_WIRE_EXACT_H

#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* A copy of len bytes; free it. */
static inline char *exact_copy(const void *data, size_t len)
{
	char *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, data, len);
	return copy;
}

#endif
