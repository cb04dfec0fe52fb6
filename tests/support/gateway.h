/* gateway.h — a webhook gateway that is pushed to by very many devices: it keeps no requests, but
 * which message of which chat each device was pushed last. It answers slowly or badly as it is
 * told, goes away, and comes back at the same port.
 *
 * Main thread only. Ends with the test; if the test fails it prints what it has taken.
 */
#ifndef GNATTER_TESTS_GATEWAY_H
#define GNATTER_TESTS_GATEWAY_H

#include <stdint.h>

struct gateway;
struct instance;
struct recorder;

/* Of a hundred requests so many get no good answer, by the dice that `seed` throws. */
struct gateway_manners {
	unsigned delay_ms; /* before each answer */
	unsigned broken;   /* 503 */
	unsigned closing;  /* the connection is closed */
	unsigned limiting; /* 429, with a Retry-After of a second */
};

/* Set up for an instance that has not started, as by pushing_set_up(). */
struct gateway *gateway_start(struct instance *i, unsigned seed);

/* From now on; NULL: good answers at once. */
void gateway_behave(struct gateway *g, const struct gateway_manners *m);

/* Down: nobody listens at its port; what was under way gets no answer. */
void gateway_down(struct gateway *g);
void gateway_up(struct gateway *g);

/* Pushes that got a good answer, or were to get one when the gateway went down; those that got
 * another; of the former those whose message the device had been pushed before. */
uint64_t gateway_taken(struct gateway *g);
uint64_t gateway_refused(struct gateway *g);
uint64_t gateway_repeated(struct gateway *g);

/* The seq that the device was pushed last, of those taken; 0: none. */
uint64_t gateway_newest(struct gateway *g, const char *user, const char *device, const char *chat);

#endif
