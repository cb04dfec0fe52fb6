/* push_waiting.h — the pushes that wait: one for each chat and device, on disk, in order of time.
 *
 * Nothing of it is kept in memory but how many there are, so a million of them cost nothing but
 * disk. Writes gather until push_waiting_commit(); until then reads do not see them, so that what
 * was written must be committed before it is read again. They are not synced: a commit of the
 * journal takes them along, and what a power cut loses is made again from the messages that it lost
 * with it (persist/store.h).
 *
 * Lanes. What is due is kept apart by where it goes, so that what waits for a provider that is down
 * is not walked through to find what can be sent. A kind that has one endpoint has a lane of its
 * own; those that users name share some.
 *
 * One thread: the pusher's.
 */
#ifndef GNATTER_BRIDGE_PUSH_WAITING_H
#define GNATTER_BRIDGE_PUSH_WAITING_H

#include "bridge/push_clock.h"
#include "persist/push_keys.h"
#include "persist/store.h"

struct push_waiting_list;

/* Counts what is there: a second for a million. If the clock, which is borrowed, was set back since
 * something was written last, all that waits is brought forward by as much. On failure *out is NULL
 * and why has a sentence. ERR_NOMEM, ERR_IO, ERR_FULL, ERR_CORRUPT. */
enum err push_waiting_open(struct push_waiting_list **out, struct store *s,
	const struct push_clock *clock, char *why, size_t why_size);
void push_waiting_close(struct push_waiting_list *l);

/* The lane of an endpoint's name (bridge/push/kind.h). Never two for one name in one process. */
uint8_t push_lane(struct bytes endpoint);

/* May a lane hold several endpoints? */
bool push_lane_is_shared(uint8_t lane);

/* ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. */
enum err push_waiting_get(
	struct push_waiting_list *l, const struct push_whose *w, struct push_waiting *out);

/* `was` is what push_waiting_get() gave, NULL if there was none. */
void push_waiting_put(struct push_waiting_list *l, const struct push_whose *w,
	const struct push_waiting *was, const struct push_waiting *now);
void push_waiting_delete(
	struct push_waiting_list *l, const struct push_whose *w, const struct push_waiting *was);

/* Anything else that is to be written, or not, together with them. */
void push_waiting_forget(struct push_waiting_list *l, struct bytes key);

size_t push_waiting_writes(const struct push_waiting_list *l);
enum err push_waiting_commit(struct push_waiting_list *l, char *why, size_t why_size);

/* How many wait or are held; those that rest are not counted. */
uint64_t push_waiting_count(const struct push_waiting_list *l);

/* Walk through a lane from a key on (empty: its beginning) in order of due, until fn returns false.
 * key is of the order: key_push_due_parts(). */
typedef bool push_due_fn(void *ctx, struct bytes key, uint64_t due, const struct push_whose *w);
enum err push_waiting_due(
	struct push_waiting_list *l, uint8_t lane, struct bytes from, push_due_fn *fn, void *ctx);

/* What is due in that lane at `due` is due from now on, a few of them each millisecond, so that
 * none of these holds very many. Commits before and after. ERR_IO, ERR_CORRUPT, ERR_NOMEM,
 * ERR_FULL. */
enum err push_waiting_hasten(struct push_waiting_list *l, uint8_t lane, uint64_t due,
	uint64_t now_ms, char *why, size_t why_size);

/* All of one user, or with user empty of everybody, from a key on. */
typedef bool push_waiting_fn(
	void *ctx, struct bytes key, const struct push_whose *w, const struct push_waiting *p);
enum err push_waiting_each(struct push_waiting_list *l, struct bytes user, struct bytes from,
	push_waiting_fn *fn, void *ctx);

#endif
