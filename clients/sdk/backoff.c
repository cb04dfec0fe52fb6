/* backoff.c — see backoff.h. */
#include "clients/sdk/backoff.h"

uint32_t backoff_next(struct backoff *b, uint32_t random)
{
	uint64_t wait = b->min_ms;

	for (uint32_t i = 0; i < b->failures && wait < b->max_ms; i++)
		wait *= 2;
	if (wait > b->max_ms)
		wait = b->max_ms;
	if (b->failures < UINT32_MAX)
		b->failures++;
	return (uint32_t)(wait / 2 + (wait - wait / 2) * random / UINT32_MAX);
}

void backoff_reset(struct backoff *b)
{
	b->failures = 0;
}
