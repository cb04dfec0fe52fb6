/* chats.h — a client that asks for the list of its chats. */
#ifndef GNATTER_BENCH_CHATS_H
#define GNATTER_BENCH_CHATS_H

#include "bench/options.h"

/* As work_run. */
int chats_run(const struct options *o);

#endif
