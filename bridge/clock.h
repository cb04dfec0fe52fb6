/* clock.h — the two clocks, in ms. The engine uses neither: its time is the records'. */
#ifndef GNATTER_BRIDGE_CLOCK_H
#define GNATTER_BRIDGE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* For waiting: never set back. */
static inline int64_t clock_now_ms(void)
{
	return clock_ms_of(CLOCK_MONOTONIC);
}

/* Since 1970. */
static inline int64_t clock_wall_ms(void)
{
	return clock_ms_of(CLOCK_REALTIME);
}

#endif
