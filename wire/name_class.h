/* name_class.h — which bytes a name may hold, for name.c and topic.c alone.
 *
 * One table gives each byte the kinds of names it may stand in. Who scans a name keeps the AND of
 * its bytes' classes, so that one pass answers for all kinds at once. A NUL, '/' and ':' stand in
 * no name; they are CLASS_END, so that a scan of a topic needs no other test to stop.
 */
#ifndef GNATTER_WIRE_NAME_CLASS_H
#define GNATTER_WIRE_NAME_CLASS_H

#include <stdbool.h>
#include <stddef.h>

#include "name.h"

enum {
	CLASS_FIRST = 1, /* may begin a user or group */
	CLASS_USER = 2,
	CLASS_GROUP = 4,
	CLASS_DEVICE = 8,
	CLASS_METHOD = 16, /* of the API: api/<method> */
	CLASS_END = 32,
};

extern const unsigned char name_classes[256];

static inline unsigned name_class(char c)
{
	return name_classes[(unsigned char)c];
}

/* A run of bytes and what all of them have in common. */
struct name_part {
	const char *s;
	size_t len;
	unsigned all;
};

static inline bool part_is_user(struct name_part p)
{
	return p.len - 1 < NAME_USER_MAX && (p.all & CLASS_USER) &&
	       (name_class(*p.s) & CLASS_FIRST);
}

static inline bool part_is_group(struct name_part p)
{
	return p.len - 1 < NAME_GROUP_MAX && (p.all & CLASS_GROUP) &&
	       (name_class(*p.s) & CLASS_FIRST);
}

static inline bool part_is_device(struct name_part p)
{
	return p.len - 1 < NAME_DEVICE_MAX && (p.all & CLASS_DEVICE);
}

static inline bool part_is_method(struct name_part p)
{
	return p.len - 1 < NAME_METHOD_MAX && (p.all & CLASS_METHOD);
}

/* The part that begins at *at; *at moves to the '/', ':' or NUL that ends it. */
static inline struct name_part part_scan(const char **at)
{
	struct name_part p = {*at, 0, ~0u};
	unsigned class;

	while (!((class = name_class(p.s[p.len])) & CLASS_END)) {
		p.all &= class;
		p.len++;
	}
	*at = p.s + p.len;
	return p;
}

/* Are a and b the two users of a pair, in its order? */
bool parts_are_pair(struct name_part a, struct name_part b);

#endif
