/* daemon.h — gnatterd at work: one loop over the broker's connection, the commits, the answers to
 * reads and the signals. */
#ifndef GNATTER_BRIDGE_DAEMON_H
#define GNATTER_BRIDGE_DAEMON_H

#include "bridge/instance.h"

/* How the process works, so to be called before anything starts a thread, LevelDB included. Memory
 * that is free goes back to the system: glibc, left alone, keeps twice as much as the largest block
 * it ever saw in the heap of each thread, and a compaction's is of 16 MB. SIGTERM, SIGINT and
 * SIGHUP are kept for the loop: a thread that does not block them would be ended by them. And
 * whoever wakes (SCHED_BATCH, sched(7)) takes no processor away from the broker, whose thread all
 * clients wait for; an idle one, or the next turn on a busy one. */
void daemon_prepare(void);

/* Until SIGTERM or SIGINT (ERR_OK) or a failure (why has a sentence). Prints `ready` on standard
 * output once the plugin has answered; SIGHUP reloads what can be reloaded. */
enum err daemon_run(struct instance *i, char *why, size_t why_size);

#endif
