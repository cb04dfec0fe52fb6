/* push_look.h — what the pusher asks of store and directory: who has read what, who is connected,
 * who wants which pushes. As it is now; one thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_LOOK_H
#define GNATTER_BRIDGE_PUSH_LOOK_H

#include "bridge/query.h"
#include "persist/values.h"

#define PUSH_LOOK_KEY 32

/* A reader of the state of now. */
struct push_look {
	struct query_source src;
	struct query q;                   /* for the lookups of query.h */
	unsigned char key[PUSH_LOOK_KEY]; /* what collapse ids are hashed with: the instance's */
};

/* Everything in src is borrowed; key is copied. */
void push_look_init(struct push_look *l, const struct query_source *src,
	const unsigned char key[PUSH_LOOK_KEY]);

/* Muted now? All zero if not. */
enum err push_look_mute(struct push_look *l, struct bytes user, struct bytes chat, uint64_t now_ms,
	struct mute *out);

/* All zero if there are none. */
enum err push_look_prefs(struct push_look *l, struct bytes user, struct push_prefs *out);

/* ERR_NOT_FOUND if there is none. Its data is put into *kept, whose content is replaced. */
enum err push_look_registration(struct push_look *l, struct bytes user, struct bytes device,
	struct push_registration *out, struct buf *kept);

/* Since when has the device its connection? ms; 0: it has none. */
enum err push_look_connected(
	struct push_look *l, struct bytes user, struct bytes device, uint64_t *since);

/* How many devices the user has, counted up to 2. */
enum err push_look_devices(struct push_look *l, struct bytes user, size_t *out);

/* How many registrations there are at all. */
enum err push_look_registrations(struct push_look *l, uint64_t *out);

/* The newest message from `first` to `last` that mentions the user; 0 if none does. Of more than
 * PUSH_MENTION_MESSAGES only the newest are looked at: where none of those does, the one before
 * them, as it or one before it may. */
#define PUSH_MENTION_MESSAGES 64
enum err push_look_mention(struct push_look *l, struct bytes chat, struct bytes user,
	uint64_t first, uint64_t last, uint64_t *out);

/* Does that message (its JSON) mention the user, by name or as one of all? */
enum err push_look_mentions(
	struct push_look *l, struct bytes chat, struct bytes user, struct bytes message, bool *yes);

#endif
