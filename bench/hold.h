/* hold.h — connections that are there and do nothing: for who wants to look at the broker. */
#ifndef GNATTER_BENCH_HOLD_H
#define GNATTER_BENCH_HOLD_H

#include "bench/options.h"

/* As work_run. */
int hold_run(const struct options *o);

#endif
