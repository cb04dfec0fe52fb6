/* push_breaker.h — endpoints that do not answer are left alone for a while: circuit breakers.
 *
 * An endpoint (a provider, or the server behind a user's URL) that fails several times in a row is
 * not asked again before a pause, then once, and only a good answer opens it to all; each further
 * failure doubles the pause, up to five minutes. Only endpoints in trouble are remembered; of those
 * at most PUSH_BREAKERS_MAX, and of more the one that failed longest ago is forgotten.
 *
 * Pure: times are the caller's, ms. One thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_BREAKER_H
#define GNATTER_BRIDGE_PUSH_BREAKER_H

#include <stdint.h>

#include "wire/buf.h"

#define PUSH_BREAKERS_MAX 1024

struct push_breakers;

/* NULL when out of memory. */
struct push_breakers *push_breakers_create(void);
void push_breakers_destroy(struct push_breakers *b);

/* May the endpoint be asked now? 0: yes, and the caller does so and tells what came of it. Else
 * when to try again. try_ms: how long it may take until that is told. */
uint64_t push_breaker_until(
	struct push_breakers *b, struct bytes endpoint, uint64_t now_ms, uint64_t try_ms);

/* The caller did not ask it after all: somebody else may. */
void push_breaker_not_asked(struct push_breakers *b, struct bytes endpoint, uint64_t now_ms);

/* It failed. until_ms: what it has asked for itself, 0: nothing. */
void push_breaker_failed(
	struct push_breakers *b, struct bytes endpoint, uint64_t now_ms, uint64_t until_ms);

/* It answered. Gives the times until which push_breaker_until() has had others wait, who need not
 * any more, and how many they are; the last ones, if they were more than that. */
#define PUSH_BREAKER_TOLD 8
size_t push_breaker_good(
	struct push_breakers *b, struct bytes endpoint, uint64_t told[PUSH_BREAKER_TOLD]);

/* Until when is it left alone? 0: it is not. For those who ask how it is. */
uint64_t push_breaker_open(const struct push_breakers *b, struct bytes endpoint);

/* How long to wait before try number `attempts` (from 1) of one push: 2 s doubled with each, up to
 * an hour, between half and all of it by chance. ms. */
uint64_t push_backoff_ms(uint32_t attempts);

#endif
