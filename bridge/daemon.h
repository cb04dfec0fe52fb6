/* daemon.h — gnatterd at work: one loop over the broker's connection, the commits, the answers to
 * reads and the signals. */
#ifndef GNATTER_BRIDGE_DAEMON_H
#define GNATTER_BRIDGE_DAEMON_H

#include "bridge/instance.h"

/* Keep SIGTERM, SIGINT and SIGHUP for the loop. Before anything starts a thread, LevelDB included:
 * a thread that does not block them would be ended by them. */
void daemon_block_signals(void);

/* Until SIGTERM or SIGINT (ERR_OK) or a failure (why has a sentence). Prints `ready` on standard
 * output once the plugin has answered; SIGHUP reloads what can be reloaded. */
enum err daemon_run(struct instance *i, char *why, size_t why_size);

#endif
