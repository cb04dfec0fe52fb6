/* list.h — the items of a JSON list as they were written, without parsing them. Pure.
 *
 * A page of history is taken apart with this alone: a message may have as many levels as wire/json
 * takes, and within a page it has two more.
 */
#ifndef GNATTER_SDK_LIST_H
#define GNATTER_SDK_LIST_H

#include <stdbool.h>

#include "wire/buf.h"

/* The next item. *at starts at the list's '['. False at its end. Of what is no JSON anything may
 * come, within the bytes that were given. */
bool list_next(const char **at, const char *end, struct bytes *item);

/* The value of that member of an object, as it was written; names with escapes are not found. */
bool list_member(struct bytes object, const char *name, struct bytes *value);

#endif
