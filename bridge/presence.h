/* presence.h — telling who is there: on presence/<user>, on a change, a little late on purpose.
 *
 * The engine writes down connections and hints at users whose presence may have changed. Who came
 * is told at once; who went, after a grace, unless he is back by then. What is told is read from
 * the store at that moment, and told only if it differs from what was told last. All of it is paced
 * (conf.presence_rate), so that a region that comes back holds up no message.
 *
 * What the broker retains may be wrong when the broker or the daemon was killed:
 *   a grace after each greeting everybody is looked at again who may be shown as something else
 *   than offline (key_shown);
 *   a broker that is new may have read a mosquitto.db of minutes ago: after the grace, everybody
 *   else who was ever seen is told once more, and devices and stories with them.
 *
 * One thread: the loop's. Times are of the monotonic clock, ms.
 */
#ifndef GNATTER_BRIDGE_PRESENCE_H
#define GNATTER_BRIDGE_PRESENCE_H

#include "bridge/engine/outbox.h"
#include "bridge/teller.h"

struct presence;

/* ERR_NOMEM, ERR_LIMIT. */
enum err presence_create(struct presence **out, const struct teller *teller);
void presence_destroy(struct presence *p);

/* ts: of the record that it follows from. */
void presence_hint(
	struct presence *p, enum hint hint, struct bytes user, uint64_t ts, int64_t now_ms);

/* The plugin was greeted: what was sent before may be lost. ERR_NOMEM, ERR_IO, ERR_CORRUPT. */
enum err presence_restart(struct presence *p, int64_t now_ms);

/* Tell what is due. Returns the ms until there is more to do, -1 if nothing waits. */
int presence_service(struct presence *p, int64_t now_ms);

#endif
