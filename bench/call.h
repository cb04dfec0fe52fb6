/* call.h — everybody asks the API for one thing, once. */
#ifndef GNATTER_BENCH_CALL_H
#define GNATTER_BENCH_CALL_H

#include "bench/options.h"

/* As work_run. */
int call_run(const struct options *o);

#endif
