/* push_walk.h — from messages to those who may have to be told: the push outbox, walked through.
 *
 * A commit leaves one key (docs/storage.md, `p`), however many messages it stored, and whatever the
 * members of their chats are. Here it becomes one waiting push for each chat and registered device,
 * if there is none already; what it says is found when it is sent. Many messages of one chat are
 * one walk over its members, and of a large one only those members are looked at, or those
 * registrations, whichever are fewer.
 *
 * A device that is connected gets its message over its connection, or so it seems: a dead one is
 * found out some time later. So a push is held for it for as long as conf->push_hold_ms, and sent
 * if the connection ends before that. (Of messages that come meanwhile: bridge/push_view.h.)
 *
 * When conf->push_waiting_max wait, the walk stops, in the middle of a chat if need be, and goes on
 * there later. A user is told as a whole: there may be so many more as he has devices, but one. A
 * daemon that is killed meanwhile begins with the chat anew, and may push some of it twice.
 *
 * One thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_WALK_H
#define GNATTER_BRIDGE_PUSH_WALK_H

#include "bridge/push_look.h"
#include "bridge/push_waiting.h"

struct push_walk;

/* The lane in which pushes for that registration wait. */
typedef uint8_t push_lane_fn(void *ctx, const struct push_registration *r);

/* Everything is borrowed, but *look, which is copied. What is in the outbox now is walked through:
 * nobody may be committing. ERR_NOMEM, ERR_IO, ERR_CORRUPT. */
enum err push_walk_create(struct push_walk **out, const struct push_look *look,
	struct push_waiting_list *list, push_lane_fn *lane, void *ctx);
void push_walk_destroy(struct push_walk *w);

/* From now on up to that number in the outbox, if it is higher than before. What stands there in
 * the store may belong to a commit whose other half, the chat or its members, is not in the
 * directory yet; that it is over is known to the loop. */
void push_walk_to(struct push_walk *w, uint64_t number);

/* Walk through what is there, up to some thousand messages, and commit. *more: there is more, or
 * there would be if conf->push_waiting_max did not hold it back. ERR_IO, ERR_CORRUPT, ERR_NOMEM,
 * ERR_FULL with a sentence in why. */
enum err push_walk_run(
	struct push_walk *w, uint64_t now_ms, bool *more, char *why, size_t why_size);

/* A connection of the user has ended, or of anybody (user empty): what is held for its device waits
 * no longer. */
enum err push_walk_gone(
	struct push_walk *w, struct bytes user, uint64_t now_ms, char *why, size_t why_size);

/* The user wants something else of pushes: what waits for him without a failed try is due as soon
 * as it may be, and is put off again if it is quiet still. */
enum err push_walk_prefs(
	struct push_walk *w, struct bytes user, uint64_t now_ms, char *why, size_t why_size);

#endif
