/* chat_numbers.h — a number for each chat name in use, so that caches can compare one word.
 *
 * Bounded: a name that was not asked for lately loses its number. A number is never given twice, so
 * whoever remembers an old one only remembers in vain.
 */
#ifndef GNATTER_PLUGIN_CHAT_NUMBERS_H
#define GNATTER_PLUGIN_CHAT_NUMBERS_H

#include <stdint.h>

#include "wire/buf.h"

struct chat_numbers;

/* NULL when out of memory. */
struct chat_numbers *chat_numbers_create(void);
void chat_numbers_destroy(struct chat_numbers *n);

/* From 1 up. `chat` is a valid chat name. */
uint64_t chat_number(struct chat_numbers *n, struct bytes chat);

#endif
