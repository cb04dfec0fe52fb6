/* offline.h — gnatterd without a broker: requests from standard input, for gnatterctl.
 *
 * One JSON object a line, {"method":"user.add","user":"alice"}; one answer a line on standard
 * output, in the same order. The requests go through the same engine, journal and queries as those
 * of a running daemon, as role admin. Nobody is told by publishes: who is connected sees it in the
 * directory (access) and in the history.
 *
 * What is more than that is refused (ERR_CONFLICT) while it would be lost, or come too early: a
 * request that closes connections or changes what the broker retains, if a broker runs on the
 * instance, or if its spool holds what is not stored yet. Nothing of it is written then.
 */
#ifndef GNATTER_BRIDGE_OFFLINE_H
#define GNATTER_BRIDGE_OFFLINE_H

#include "bridge/instance.h"

/* Until the end of input. ERR_OK even if requests were refused: the answers say so. */
enum err offline_apply(struct instance *i, char *why, size_t why_size);

#endif
