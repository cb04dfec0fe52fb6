/* hides.h — who is told that he may see something no longer.
 *
 * When fewer may see a presence or a story, those who lose it, and nobody else, are shown one
 * message that says nothing: on the same topic, but not retained. It is published for all
 * subscribers; for whom it is stands here until the broker has asked about each of them, which it
 * does in its next pass. (A session that waits is asked about then, too, and once more when its
 * client is back; see access.h.)
 *
 * Bounded: what the bridge asks for between two ticks of the broker, and the same for the same ones
 * stands here once. One thread.
 */
#ifndef GNATTER_PLUGIN_HIDES_H
#define GNATTER_PLUGIN_HIDES_H

#include <stdbool.h>

#include "persist/values.h"
#include "wire/hashmap.h"

/* viewer: the only one; empty: all who could see what is for `level`. */
struct audience {
	struct bytes viewer;
	enum visibility level;
};

struct hide;

struct hides {
	struct hashmap map;
	struct hide *fresh, *old; /* of this tick, of the one before */
	unsigned tick;
};

/* False when out of memory. */
bool hides_init(struct hides *h);
void hides_finish(struct hides *h);

/* A message that says nothing is about to be published on the topic. Everything is copied. False
 * when out of memory. */
bool hides_add(struct hides *h, struct bytes topic, const struct audience *to);

/* Is that one of those for whom something was published on the topic? Takes as long however many
 * there are: the broker asks for each message and each subscriber. */
bool hides_has(const struct hides *h, struct bytes topic, const struct audience *to);

/* The broker ticks: what is older than the last tick has been asked about. */
void hides_tick(struct hides *h);

#endif
