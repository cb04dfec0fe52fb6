/* link.h — the link to the bridge: records up in frames, effects down in control messages.
 *
 * Up. A frame is a run of the spool, published to the bridge's client id. It goes out at once while
 * fewer than conf.frames_in_flight are unacknowledged; otherwise records gather. Nothing is sent
 * before the bridge has greeted (CONTROL_HELLO); after it the first frame has `hello` set, and the
 * bridge must not believe any frame that came before that one: it may have been meant for its last
 * connection.
 *
 * Down. CONTROL_EFFECTS number R acknowledges all frames whose last record is not above R, and,
 * once performed, releases the records up to R. A control message is looked through before anything
 * of it is performed. One that makes no sense, or that there is no memory for, closes the bridge's
 * connection: it greets again, and what is owed comes again.
 *
 * Waiting. When someone was removed from a chat, or removes the device that he asks from,
 * connections of his may have to be closed (expel.h). What was published just before, like the
 * event that tells him, or the answer, is on its way only after the broker's next pass. So what
 * follows in that control message, and those that come meanwhile, wait for two ticks of the broker:
 * then the connections are closed, and only then the answer "removed" can go out. After
 * WAIT_BYTES_MAX of waiting they are closed at once.
 */
#ifndef GNATTER_PLUGIN_LINK_H
#define GNATTER_PLUGIN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool.h"

#define LINK_FRAMES_MAX 16

struct conn;
struct plugin;
struct waiting;

struct link {
	const void *bridge; /* the broker's connection of the bridge that greeted; NULL: none */
	struct spool_place next;             /* what the next frame begins with */
	uint64_t in_flight[LINK_FRAMES_MAX]; /* last record of each unacknowledged frame */
	size_t in_flight_count;
	uint64_t sent;  /* the highest number ever sent by this process */
	int wait_ticks; /* > 0: waiting */
	struct waiting *waiting, *waiting_last;
	size_t waiting_bytes;
};

/* Send what the window allows. Cheap when there is nothing. */
void link_flush(struct plugin *p);

/* A message on CONTROL_TOPIC. Returns what the broker is to be told; an error closes the client. */
int link_control(struct plugin *p, const struct conn *from, const void *data, size_t len);

void link_gone(struct plugin *p, const struct conn *conn);

/* In how many ms it wants the next tick at the latest; 0: whenever. */
int link_tick(struct plugin *p);

void link_finish(struct link *l);

#endif
