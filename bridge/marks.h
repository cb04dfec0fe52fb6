/* marks.h — telling marks that grew again too soon after they were told: when their interval is
 * over, and where many wait when it is their turn.
 *
 * The engine tells a mark at once if it was not told for a while (engine/ack.c), and else writes
 * down that it is pending and hints. What is told then is what the store says at that moment, so
 * the last value always is. What is pending when the daemon dies stands in the store, and is told
 * at the next greeting.
 *
 * One thread: the loop's. Times are of the monotonic clock, ms.
 */
#ifndef GNATTER_BRIDGE_MARKS_H
#define GNATTER_BRIDGE_MARKS_H

#include "bridge/teller.h"

struct marks;

/* ERR_NOMEM, ERR_LIMIT. */
enum err marks_create(struct marks **out, const struct teller *teller);
void marks_destroy(struct marks *m);

/* again: all of it, whatever was told before. */
void marks_hint(struct marks *m, struct bytes chat, struct bytes user, bool again, int64_t now_ms);

/* The plugin was greeted: all that is pending is due. ERR_NOMEM, ERR_IO, ERR_CORRUPT. */
enum err marks_restart(struct marks *m, int64_t now_ms);

/* Tell what is due. Returns the ms until there is more to do, -1 if nothing waits. */
int marks_service(struct marks *m, int64_t now_ms);

#endif
