/* import_split.h — a line of import about a chat with so many members that they do not fit into one
 * request, cut into several.
 */
#ifndef GNATTER_GNATTERCTL_IMPORT_SPLIT_H
#define GNATTER_GNATTERCTL_IMPORT_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/json.h"

#define SPLIT_NAMES 4000 /* in a piece: with the longest names some 270 kB */

/* Takes one piece, a line for the daemon; false: no more are wanted. The text is lent. */
typedef bool split_fn(void *ctx, const char *text, size_t len, bool first);

/* Is *line one that can be cut: a chat with a list of members? */
bool split_possible(const struct json_object *line);

/* The first piece makes the chat with its first members, admins before others; each further one
 * says "more" and brings some more. False if fn said so. */
bool split_line(const struct json_object *line, split_fn *fn, void *ctx);

#endif
