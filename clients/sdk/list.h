/* list.h — the items of a JSON list as they were written, without parsing them. Pure. */
#ifndef GNATTER_SDK_LIST_H
#define GNATTER_SDK_LIST_H

#include <stdbool.h>

#include "wire/buf.h"

/* The next item. *at starts at the list's '['; the list was parsed before, so it is well-formed.
 * False at its end. */
bool list_next(const char **at, const char *end, struct bytes *item);

#endif
