/* fake_broker.h — in the broker's and plugin's place at the daemon: listens on the bridge's socket
 * and sends it whatever a test wants as a frame. The real broker must not run meanwhile. */
#ifndef GNATTER_TESTS_FAKE_BROKER_H
#define GNATTER_TESTS_FAKE_BROKER_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/raw.h"
#include "wire/effect.h"

struct instance;

struct fake_broker {
	struct raw raw; /* the daemon's connection; fd -1 if there is none */
	int listener;
};

void fake_broker_open(struct fake_broker *b, struct instance *i);
void fake_broker_close(struct fake_broker *b);

/* Wait for the daemon to connect and to greet; the greeting's record number. Fails the test if it
 * does not come. */
uint64_t fake_broker_greeting(struct fake_broker *b);

/* Is somebody waiting to be taken by fake_broker_greeting()? */
bool fake_broker_called(const struct fake_broker *b);

/* Send bytes on the topic of frames. False if the connection has ended. */
bool fake_broker_frame(struct fake_broker *b, const void *data, size_t len);

/* The next control message of the daemon within timeout_ms; false if none came or the connection
 * ended. Lent until the next call. */
bool fake_broker_control(struct fake_broker *b, struct control *out, int timeout_ms);

#endif
