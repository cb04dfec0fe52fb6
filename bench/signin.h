/* signin.h — clients that sign in and leave, one after another. */
#ifndef GNATTER_BENCH_SIGNIN_H
#define GNATTER_BENCH_SIGNIN_H

#include "bench/options.h"

/* As work_run. */
int signin_run(const struct options *o);

#endif
