/* offline.h — gnatterd without a broker: requests from standard input, for gnatterctl.
 *
 * One JSON object a line, {"method":"user.add","user":"alice"}; one answer a line on standard
 * output, in the same order. The requests go through the same engine, journal and queries as those
 * of a running daemon, as role admin. Nobody is told by publishes: who is connected sees it in the
 * directory (access) and in the history.
 */
#ifndef GNATTER_BRIDGE_OFFLINE_H
#define GNATTER_BRIDGE_OFFLINE_H

#include "bridge/instance.h"

/* Until the end of input. ERR_OK even if requests were refused: the answers say so. */
enum err offline_apply(struct instance *i, char *why, size_t why_size);

#endif
