/* presence_view.h — what is to be seen of a user, there or not: merged over all connections.
 *
 * Nothing merged is stored. Connections and devices are, and a user has one or two, so the answer
 * is made each time it is asked for and cannot fall out of step with them.
 */
#ifndef GNATTER_BRIDGE_PRESENCE_VIEW_H
#define GNATTER_BRIDGE_PRESENCE_VIEW_H

#include "persist/store.h"
#include "persist/values.h"

struct presence_view {
	uint32_t connections;          /* that there are */
	uint32_t devices;              /* of them, those that count; 0: offline */
	enum presence_state state;     /* of the most available of them; STATE_OFFLINE if none */
	char text[STATE_TEXT_MAX + 1]; /* of the same one */
	uint64_t last_seen;            /* ms; 0: never */
};

/* Of one user; snap NULL: as it is now. Any thread. ERR_OK also for who was never there. ERR_IO or
 * ERR_CORRUPT: *out is all zero then. */
enum err presence_view(struct store *s, const struct store_snapshot *snap, struct bytes user,
	struct presence_view *out);

/* The JSON object that is published on presence/<user>; last_seen: it may be shown, too. */
void presence_write(struct buf *b, const struct presence_view *v, bool last_seen, uint64_t ts);

/* The same without "last_seen", "ts" and braces, each member with a comma before it. */
void presence_write_members(struct buf *b, const struct presence_view *v);

/* "online", "away", ... */
const char *presence_state_name(enum presence_state state);

#endif
