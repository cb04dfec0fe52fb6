/* pusher.h — pushes for people who are away: the thread that walks, waits and sends.
 *
 *   push_walk     from messages to those who may have to be told
 *   push_waiting  what waits, on disk
 *   push_view     what a push says, found when it is sent
 *   push_sender   from what is due to a provider, and what its answer means (bridge/push/)
 *
 * The loop hands over hints and requests, and takes what is for the broker or the engine. Nothing
 * of it waits for the loop, nor the loop for it: the commit path pays one key a message.
 */
#ifndef GNATTER_BRIDGE_PUSHER_H
#define GNATTER_BRIDGE_PUSHER_H

#include "bridge/push/kind.h"
#include "bridge/stats.h"
#include "persist/directory.h"
#include "persist/store.h"
#include "wire/conf.h"

#define PUSHER_KEY 32 /* bytes */

struct pusher;

/* Starts the thread, and with it what was not sent before. key: a secret of the instance's, the
 * same with each start, which hides names in what providers see of them. wake_fd: an eventfd,
 * written to when pusher_take() has something. Everything is borrowed but *conf, of which a copy is
 * kept. On failure *out is NULL and why has a sentence. */
enum err pusher_create(struct pusher **out, struct store *s, struct directory *d,
	const struct conf *conf, struct push_kinds *kinds, struct stats *stats,
	const unsigned char key[PUSHER_KEY], int wake_fd, char *why, size_t why_size);

/* Waits for the thread, which ends at once; what is under way is sent again after the next start.
 */
void pusher_destroy(struct pusher *p);

/* --- the loop's thread: what it tells. Lost for want of memory at worst: then a push is late. */

/* There are messages to be pushed, up to that number in the outbox: all that was committed with
 * them is to be seen in store and directory. */
void pusher_wake(struct pusher *p, uint64_t number);

/* The broker is there, from now on, or gone. Until the former is said it is gone. */
void pusher_link(struct pusher *p, bool up);

/* A connection of the user has ended; of anybody, if user is empty. */
void pusher_gone(struct pusher *p, struct bytes user);

/* The user wants something else of pushes: what waits for the end of his quiet hours is looked at
 * again. */
void pusher_prefs(struct pusher *p, struct bytes user);

/* From now on with these options, as far as a reload may change them. */
void pusher_reload(struct pusher *p, const struct conf *conf);

/* Does the pusher answer that method? */
bool pusher_answers(struct bytes method);

/* Hand in such a request, an encoded record; copied. ERR_BUSY, ERR_NOMEM. */
enum err pusher_ask(struct pusher *p, struct bytes record);

/* What came of a publish: acknowledged, and there was somebody; number 0: of all of them. */
enum pusher_published { PUSHER_PUBLISHED, PUSHER_NOBODY, PUSHER_UNSENT };
void pusher_published(struct pusher *p, uint64_t number, enum pusher_published result);

/* --- what it takes */

struct pusher_handler {
	void (*answer)(void *ctx, const struct buf *effects, uint32_t count);
	void (*publish)(void *ctx, uint64_t number, const char *topic, struct bytes payload);
	void (*unregister)(void *ctx, struct bytes user, struct bytes device, uint64_t set_ms);
	void *ctx;
};

/* ERR_OK; anything else: the thread has ended, and why says why. */
enum err pusher_take(struct pusher *p, const struct pusher_handler *h, char *why, size_t why_size);

#endif
