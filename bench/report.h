/* report.h — what was measured, for people (one line) or for programs (one JSON object). */
#ifndef GNATTER_BENCH_REPORT_H
#define GNATTER_BENCH_REPORT_H

#include <stdbool.h>

#include "bench/hist.h"

struct report {
	bool json;
};

void report_begin(struct report *r, bool json, const char *work, const char *target);
void report_number(struct report *r, const char *name, const char *unit, double value);

/* p50, p90, p99, p99.9 and max in ms, of a histogram of nanoseconds. */
void report_latency(struct report *r, const struct hist *h);
void report_end(struct report *r, bool ok);

#endif
