/* address.h — where the servers are, and whose turn it is. Pure. */
#ifndef GNATTER_SDK_ADDRESS_H
#define GNATTER_SDK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/sdk/gnatter.h"

#define ADDRESSES_MAX 32
#define ADDRESS_MAX   512 /* bytes of one */

struct addresses {
	char *text; /* owned: all of them, each ended by NUL */
	const char *each[ADDRESSES_MAX];
	size_t count, turn;
};

/* Take a list with spaces between: tcp://, ssl://, ws://, wss:// with a host and a port (a path,
 * too, for the last two). GNATTER_EINVAL if one is not of that form, or there is none or too many;
 * GNATTER_ENOMEM. */
enum gnatter_error addresses_init(struct addresses *a, const char *list);
void addresses_finish(struct addresses *a);

/* Whose turn it is. Lent from a. */
const char *addresses_now(const struct addresses *a);

/* The next one's. True if all have had theirs: the first is next. */
bool addresses_next(struct addresses *a);

/* Is it one with TLS? */
bool address_secure(const char *address);

/* Its port. */
uint16_t address_port(const char *address);

#endif
