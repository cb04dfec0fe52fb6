/* backoff.h — how long to wait before the next attempt: doubling, with jitter, up to a limit.
 *
 * Pure: the random number comes in. A million clients whose server was restarted must not come back
 * in the same second, so each waits somewhere between half of its time and all of it.
 */
#ifndef GNATTER_SDK_BACKOFF_H
#define GNATTER_SDK_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t min_ms, max_ms; /* 0 < min_ms <= max_ms */
	uint32_t failures;       /* since the last success; 0 at first */
};

/* Another failure: how long to wait, in ms. random: 32 random bits. */
uint32_t backoff_next(struct backoff *b, uint32_t random);

/* A success. */
void backoff_reset(struct backoff *b);

#endif
