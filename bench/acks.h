/* acks.h — clients that acknowledge what they read, and watch who else did. */
#ifndef GNATTER_BENCH_ACKS_H
#define GNATTER_BENCH_ACKS_H

#include "bench/options.h"

/* As work_run. */
int acks_run(const struct options *o);

#endif
