/* parts.h — the effects of a commit, cut into control messages.
 *
 * A control message is kept well below what an MQTT packet may hold. Only the last of those for one
 * record number confirms that number to the plugin. Each is owed, and kept in the store in its
 * short form, until the plugin confirms it.
 *
 *   owed value: u8 last, u32 count, effects in their owed form (wire/effect.h)
 */
#ifndef GNATTER_BRIDGE_PARTS_H
#define GNATTER_BRIDGE_PARTS_H

#include "bridge/engine/outbox.h"
#include "persist/store.h"

#define PART_BYTES_MAX (512u << 10)

struct part {
	uint64_t number; /* of the last record whose effects are in it */
	uint32_t index;  /* among those with the same number */
	bool last;
	uint32_t count;
	struct bytes wire, owed; /* lent from the outbox */
};

/* A cursor over the parts of an outbox: {0}, then parts_next until it returns false. `end` is the
 * number of the last record applied: the last part carries it, and is there even if there are no
 * effects. */
struct parts {
	size_t effect;
	uint64_t number;
	uint32_t index;
	bool done;
};
bool parts_next(struct parts *cursor, const struct outbox *o, uint64_t end, struct part *out);

/* Write the control message of a part. */
void part_write_control(struct buf *b, const struct part *p, uint64_t epoch);

/* Write what is kept of it, and make the control message of what was kept: messages are read from
 * s. */
void part_write_owed(struct buf *b, const struct part *p);
enum err part_restore(
	struct buf *b, struct bytes owed, uint64_t epoch, uint64_t number, struct store *s);

#endif
