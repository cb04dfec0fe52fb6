/* push_gather.h — what one commit leaves for the pusher: one key, whatever was said in it.
 *
 * The engine names each message that a person counts (outbox_pushed). Of those of one chat the
 * first and the last are enough to know who may have to be told of what. Pure.
 */
#ifndef GNATTER_BRIDGE_PUSH_GATHER_H
#define GNATTER_BRIDGE_PUSH_GATHER_H

#include <stddef.h>

#include "wire/buf.h"
#include "wire/err.h"

/* Append the value of a key `p` (struct push_entry) made of count messages, in the order in which
 * they were said, as an outbox holds them. ERR_NOMEM, ERR_CORRUPT. */
enum err push_gather(struct buf *out, struct bytes pushed, size_t count);

#endif
