/* outbox.h — the effects of the records in one commit, in order.
 *
 * Each effect is kept encoded in two forms: `wire`, as the plugin gets it, and `owed`, as the store
 * keeps it until the plugin has performed it: there a message is only named by chat and seq.
 */
#ifndef GNATTER_ENGINE_OUTBOX_H
#define GNATTER_ENGINE_OUTBOX_H

#include <stdint.h>

#include "wire/effect.h"
#include "wire/record.h"

struct outbox_effect {
	uint64_t number;           /* of the record it came from */
	size_t wire_end, owed_end; /* where it ends in the two buffers */
};

struct outbox {
	struct buf wire, owed;
	struct outbox_effect *effects; /* owned */
	size_t count, cap;
	struct buf reads; /* encoded records (wire/record.h) that only ask for something */
	size_t reads_count;
	uint64_t number; /* of the record being applied: the engine sets it */
	bool failed;     /* out of memory */
};

/* {0} is an empty one. */
void outbox_finish(struct outbox *o);
void outbox_reset(struct outbox *o);

/* Everything is copied. */
void outbox_message(struct outbox *o, struct bytes chat, uint64_t seq, struct bytes payload);
void outbox_publish(
	struct outbox *o, const char *topic, uint8_t qos, bool retain, struct bytes payload);
void outbox_kick(struct outbox *o, struct bytes user, struct bytes client);
void outbox_expel(struct outbox *o, struct bytes user);

/* To the client that sent r alone. */
void outbox_answer(
	struct outbox *o, const struct record *r, struct bytes topic, struct bytes payload);

/* r is a read: to be answered outside the engine once this commit is done. */
void outbox_read(struct outbox *o, const struct record *r);

/* Take back everything since a mark. */
struct outbox_mark {
	size_t count, reads_len, reads_count;
};
struct outbox_mark outbox_mark(const struct outbox *o);
void outbox_rollback(struct outbox *o, struct outbox_mark mark);

bool outbox_failed(const struct outbox *o);

#endif
