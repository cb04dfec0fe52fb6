/* room.h — applying a record only if the directory has room for what it writes.
 *
 * LMDB's map has a size. That it is full must be found out before the commit, when a request can
 * still be refused; afterwards it would stop the daemon.
 */
#ifndef GNATTER_BRIDGE_ROOM_H
#define GNATTER_BRIDGE_ROOM_H

#include "bridge/engine/engine.h"
#include "persist/directory.h"

/* engine_apply(); if the batch then has more for the directory than it has room for, what the
 * record did is taken back and the record refused with ERR_FULL. */
enum err apply_with_room(
	struct engine *e, struct directory *d, const struct record *r, enum err refuse);

#endif
