/* load.h — senders that never give up: each a thread with one connection, sending numbered messages
 * to a chat at QoS 1, so many in flight, as fast as they are acknowledged. When the connection
 * breaks it is made again and what was not acknowledged is sent again under the same id, as a real
 * device would.
 */
#ifndef GNATTER_TESTS_LOAD_H
#define GNATTER_TESTS_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct instance;
struct load;

struct load_opts {
	const char *user, *device, *chat;
	const char *prefix; /* ids are <prefix><number>, from 0 */
	uint64_t chats;    /* so many messages, each to a chat of its own: <chat><number>; 0: all to
			      that chat, for ever */
	int version;       /* 4 or 5; 0 is 4 */
	unsigned window;   /* in flight; 0 is 8 */
	unsigned size;     /* characters of text; 0 is 20 */
	unsigned repeat;   /* send every so-manieth acknowledged message again; 0: never */
	unsigned pause_us; /* between two messages */
};

/* Runs until load_stop; ended in any case when the test is over. */
struct load *load_start(struct instance *i, const struct load_opts *o);

/* Send nothing new, wait until everything is acknowledged (the broker must be there), end. Fails
 * the test if that does not happen. */
void load_stop(struct load *l);

/* End at once. */
void load_abort(struct load *l);

/* Messages 0 to this number (not included) were acknowledged. */
uint64_t load_acked(const struct load *l);

/* Publishes refused with a reason (MQTT 5). They are tried again. */
uint64_t load_refused(const struct load *l);

/* Wait until so many more than now are acknowledged. */
void load_wait(struct load *l, uint64_t more);

const char *load_prefix(const struct load *l);

#endif
