/* presence_internal.h — what presence.c and presence_sweep.c share. Nobody else includes it. */
#ifndef GNATTER_BRIDGE_PRESENCE_INTERNAL_H
#define GNATTER_BRIDGE_PRESENCE_INTERNAL_H

#include "bridge/presence.h"
#include "persist/keys.h"
#include "wire/hashmap.h"

struct ring {
	struct ring *next, *prev;
};

/* What is walked through after a broker's start, in this order. */
enum sweep_step { SWEEP_NONE, SWEEP_STORIES, SWEEP_SEEN, SWEEP_DEVICES };

struct sweep {
	enum sweep_step step;
	int64_t at_ms;        /* when it goes on */
	int64_t people_at_ms; /* when the grace is over, which stories do not know */
	struct key from;      /* the next key, empty at the start of a step */
};

struct presence {
	struct teller teller;
	struct directory_reader *reader;
	struct hashmap people;
	struct ring soon, grace; /* heads, each in order of time */
	struct gathered gathered;
	uint64_t latest_ts; /* of the records hinted at: what is told is never older */
	uint64_t started;   /* when the broker did, ms; 0: not known */
	struct buf scratch;
	double tokens;
	int64_t refilled_ms;
	struct sweep sweep;
};

/* --- presence.c */

/* Publish, retained; expiry in s, 0: never. Of a device that is gone and is `forgotten` with it
 * the broker is to retain nothing. */
void presence_publish(struct presence *p, const char *topic, uint32_t expiry, struct bytes payload);
void presence_publish_gone(
	struct presence *p, struct bytes user, struct bytes device, bool forgotten);

/* Tell of somebody, whatever was told before; who is told to be online, or waits to be told, needs
 * no second time. ERR_NOMEM. */
enum err presence_tell_again(struct presence *p, struct bytes user);

/* --- presence_sweep.c */

/* The broker is new: from now on, people and devices from due_ms on. */
void presence_sweep_start(struct presence *p, int64_t due_ms);

/* When did the broker start, and was a sweep under way when the daemon ended? Then it begins anew.
 * ERR_IO, ERR_CORRUPT, ERR_NOMEM. */
enum err presence_sweep_resume(struct presence *p, int64_t due_ms);

/* One page of it. There must be a sweep. */
void presence_sweep_page(struct presence *p);

#endif
