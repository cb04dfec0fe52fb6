/* push_sender.h — what is due, on its way: from waiting pushes to requests, and from answers to
 * what becomes of them.
 *
 * Every endpoint has its share of what may be under way, so that one that hangs holds up no other.
 * A push stays on disk until its provider has it, or it is given up: if the daemon is killed in
 * between, it is sent again.
 *
 * One thread: the pusher's.
 */
#ifndef GNATTER_BRIDGE_PUSH_SENDER_H
#define GNATTER_BRIDGE_PUSH_SENDER_H

#include "bridge/push/kind.h"
#include "bridge/push_clock.h"
#include "bridge/push_look.h"
#include "bridge/push_waiting.h"

struct push_sender;

/* What the sender needs of the loop. */
struct push_sender_handler {
	/* Publish with QoS 1; push_sender_published() is told under that number what came of it.
	 * False: not now. */
	bool (*publish)(void *ctx, uint64_t number, struct bytes topic, struct bytes payload);
	/* A provider has called that registration dead. */
	void (*unregister)(void *ctx, struct bytes user, struct bytes device, uint64_t set_ms);
	/* What came of a trial. */
	void (*tried)(void *ctx, void *trial, const struct registration *r,
		const struct push_result *result);
	void *ctx;
};

/* Borrows everything but *look and *handler, which are copied. On failure *out is NULL and why has
 * a sentence. */
enum err push_sender_create(struct push_sender **out, const struct push_look *look,
	struct push_waiting_list *list, struct push_kinds *kinds, const struct push_clock *clock,
	const struct push_sender_handler *handler, char *why, size_t why_size);

/* What is under way stays on disk and is sent again. */
void push_sender_destroy(struct push_sender *s);

/* The broker is there since then; 0: it is gone. */
void push_sender_linked(struct push_sender *s, uint64_t since_ms);

/* Something new may be due. */
void push_sender_wake(struct push_sender *s);

/* Send what is due, and write down what is not needed any more. *next: when something will be due
 * (by the pusher's clock), UINT64_MAX if nothing is known to be. Commits. */
enum err push_sender_run(struct push_sender *s, uint64_t *next, char *why, size_t why_size);

/* Wait for answers, at most so long, and write down what they mean. Commits. */
enum err push_sender_wait(struct push_sender *s, int timeout_ms, char *why, size_t why_size);

/* Any thread: push_sender_wait() returns. */
void push_sender_interrupt(struct push_sender *s);

/* What came of a publish; number 0: of all that are not acknowledged. */
enum push_published { PUSH_PUBLISHED, PUSH_NOBODY, PUSH_UNSENT };
void push_sender_published(struct push_sender *s, uint64_t number, enum push_published result);

/* Send something to each registered device of a user, whatever it is doing, to see what its
 * provider says; handler->tried() is called for each, with trial. *count: how many there are.
 * ERR_BUSY if too much is under way. */
enum err push_sender_try(struct push_sender *s, struct bytes user, void *trial, size_t *count);

/* The lane of that registration, for push_walk_create(): ctx is the sender. */
uint8_t push_sender_lane(void *ctx, const struct push_registration *r);

/* Why does a push for that registration not leave now? NULL if nothing is known; else a sentence,
 * and *until (ms) when it is tried again. Lent until the next call of anything. */
const char *push_sender_trouble(
	struct push_sender *s, const struct push_registration *r, uint64_t *until);

#endif
