/* presence.h — many users who come within seconds, each with contacts that it watches. */
#ifndef GNATTER_BENCH_PRESENCE_H
#define GNATTER_BENCH_PRESENCE_H

#include "bench/options.h"

/* Make the contacts, once for an instance. As work_run. */
int contacts_run(const struct options *o);

/* Come and watch. As work_run. */
int presence_run(const struct options *o);

#endif
