/* work.h — the main work: groups of members, some of whom send, all of whom receive. */
#ifndef GNATTER_BENCH_WORK_H
#define GNATTER_BENCH_WORK_H

#include "bench/options.h"

/* Run the work that *o describes and print what was measured. Returns the exit status: 0, or 1 if a
 * check failed. Dies if the work could not be done. */
int work_run(const struct options *o);

#endif
