/* push_ask.h — push.test and push.queue: what an operator asks the pusher. On its thread. */
#ifndef GNATTER_BRIDGE_PUSH_ASK_H
#define GNATTER_BRIDGE_PUSH_ASK_H

#include "bridge/push_sender.h"
#include "wire/record.h"

struct push_asking;

/* Where answers go: encoded effects, one each. */
typedef void push_answer_fn(void *ctx, struct bytes effect);

/* Everything is borrowed but *look, which is copied. NULL when out of memory. */
struct push_asking *push_asking_create(const struct push_look *look, struct push_waiting_list *list,
	const struct push_clock *clock, push_answer_fn *fn, void *ctx);
void push_asking_destroy(struct push_asking *a);

bool push_asking_knows(struct bytes method);

/* Answer an encoded record, now or when the trials are over. */
void push_asking_record(struct push_asking *a, struct push_sender *s, struct bytes record);

/* push_sender_handler.tried. */
void push_asking_tried(struct push_asking *a, void *trial, const struct registration *r,
	const struct push_result *result);

#endif
