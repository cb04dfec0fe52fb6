/* push_clock.h — the pusher's time: ms since 1970 that never jump.
 *
 * What waits on disk waits for a time since 1970. A clock that is set while the daemon runs would
 * make all of it due at once, or leave it lying: so the clock is read once, at the start, and goes
 * on from there. Certificates, tokens and quiet hours are the wall clock's business.
 */
#ifndef GNATTER_BRIDGE_PUSH_CLOCK_H
#define GNATTER_BRIDGE_PUSH_CLOCK_H

#include "bridge/clock.h"

struct push_clock {
	int64_t offset_ms; /* from the clock that never jumps */
};

static inline struct push_clock push_clock_start(void)
{
	return (struct push_clock){clock_wall_ms() - clock_now_ms()};
}

static inline uint64_t push_clock_now(const struct push_clock *c)
{
	return (uint64_t)(clock_now_ms() + c->offset_ms);
}

/* How old is what the wall clock had called `ts`, by that or by this one? By whichever makes it
 * younger: the one may have been set since, the other have been wrong when it was read. ms. */
static inline uint64_t push_clock_age(uint64_t now_ms, uint64_t wall_ms, uint64_t ts)
{
	uint64_t earlier = now_ms < wall_ms ? now_ms : wall_ms;

	return earlier > ts ? earlier - ts : 0;
}

#endif
