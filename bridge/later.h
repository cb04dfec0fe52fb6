/* later.h — what was told, or found out, outside the engine, to be written down with the next
 * commit.
 *
 * Presence and marks are told when their time has come (bridge/presence.h, bridge/marks.h), not
 * with the commit of what they follow from. That they were told is worth no commit of its own: if
 * it is lost in a crash they are told once more.
 *
 * That a device is dead to its provider is worth one: it would be pushed to again. If it is lost
 * all the same, the provider says so at the next push.
 */
#ifndef GNATTER_BRIDGE_LATER_H
#define GNATTER_BRIDGE_LATER_H

#include "bridge/engine/outbox.h"
#include "persist/batch.h"
#include "persist/values.h"

#define LATER_MANY 4096 /* entries that are worth a commit of their own */

/* {0} is an empty one. */
struct later {
	struct buf entries;
	size_t count;
	bool hurry; /* something is worth a commit of its own */
};

void later_finish(struct later *l);

/* Forget it all: what was told may be lost. */
void later_reset(struct later *l);

/* presence/<user> says offline, since ts (ms). */
void later_offline(struct later *l, struct bytes user, uint64_t ts);

/* presence/<user>/<device> says offline; or is empty, and the device not one to be remembered. */
void later_device(
	struct later *l, struct bytes user, struct bytes device, bool forget, uint64_t ts);

/* Everybody was told after a start of the broker. */
void later_swept(struct later *l);

/* The mark of user in chat was told, at `told->at`, as what it says. */
void later_mark(struct later *l, struct bytes chat, struct bytes user, const struct told *told);

/* The provider has called the registration of the device dead that has this set_ms; a newer one
 * stays. On the loop's thread, as everything here; the next core_service() commits it. */
void later_unregister(struct later *l, struct bytes user, struct bytes device, uint64_t set_ms);

/* Is it worth a commit of its own? */
bool later_due(const struct later *l);

/* Write all of it into the batch and forget it. Who was there again meanwhile, and marks that have
 * grown, stay as they are, the latter with a hint. ERR_OK, ERR_NOMEM, ERR_IO,
 * ERR_CORRUPT.
 */
enum err later_write(struct later *l, struct batch *b, struct outbox *out);

#endif
