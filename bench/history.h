/* history.h — a client that reads a chat from its first message to its last, page by page. */
#ifndef GNATTER_BENCH_HISTORY_H
#define GNATTER_BENCH_HISTORY_H

#include "bench/options.h"

/* As work_run. */
int history_run(const struct options *o);

#endif
