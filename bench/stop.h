/* stop.h — SIGTERM ends a measurement early: what was measured until then is checked and reported.
 */
#ifndef GNATTER_BENCH_STOP_H
#define GNATTER_BENCH_STOP_H

#include <stdbool.h>

/* From now on. */
void stop_on_sigterm(void);

bool stop_wanted(void);

#endif
