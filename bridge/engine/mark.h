/* mark.h — what is told of a mark: on chat/<c>/mark/<u>, or to the user's own devices alone.
 *
 * One message, with "read" if that has grown. Who hides his own receipts is not given messages that
 * hold "read" (the plugin sees to that). In a one-to-one chat, where he is the only other one,
 * there is none: the message has "delivered" alone, and "read" goes to the user's own devices.
 *
 * In a group it goes out at QoS 0: members who are not there find all marks in chat.get, and in
 * their queues those of a hundred others would take the room of messages. In a one-to-one chat it
 * waits for the other one.
 *
 * Nobody but those is told in a channel, where everybody's marks for everybody would be the square
 * of its members, and in a one-to-one chat that may not be written in.
 */
#ifndef GNATTER_ENGINE_MARK_H
#define GNATTER_ENGINE_MARK_H

#include "persist/values.h"
#include "wire/buf.h"

struct mark_of {
	struct bytes chat, user;
	bool hidden; /* the user hides his receipts, or the only other one does */
	bool own;    /* only his own devices are told */
};

typedef void mark_emit_fn(void *ctx, const char *topic, uint8_t qos, struct bytes payload);

/* Emit what has grown since *told; b is used for it, and must be checked for `failed`. Returns what
 * is told then, at `now`. */
struct told mark_tell(struct buf *b, const struct mark_of *of, const struct mark *m,
	const struct told *told, uint64_t now, mark_emit_fn *emit, void *ctx);

#endif
