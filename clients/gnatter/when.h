/* when.h — a place in a chat, as people say it. Pure. */
#ifndef GNATTER_WHEN_H
#define GNATTER_WHEN_H

#include <stdbool.h>
#include <stdint.h>

struct when {
	uint64_t seq;  /* 0: a time */
	int64_t ts_ms; /* of a time */
};

/* A message's number ("12"); how long before now_ms ("90s", "15m", "2h", "3d", "1w"); a date
 * ("2026-11-22", from its first second) or a time ("2026-11-22T11:40", "2026-11-22 11:40:30"), of
 * the zone of this machine, or of UTC with a Z behind it. False if it is none of these. */
bool when_parse(struct when *out, const char *text, int64_t now_ms);

/* Is a message before it? */
bool when_is_before(const struct when *w, uint64_t seq, int64_t ts_ms);

#endif
