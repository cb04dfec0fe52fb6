/* fake_bridge.h — in the daemon's place at the broker: signs in as $gnatterd with the instance's
 * key and speaks the link by hand, so that a test can say what the real daemon never would. The
 * real daemon must not run meanwhile: the broker would throw the older of the two out. */
#ifndef GNATTER_TESTS_FAKE_BRIDGE_H
#define GNATTER_TESTS_FAKE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/raw.h"
#include "wire/effect.h"
#include "wire/record.h"

struct instance;

struct fake_bridge {
	struct raw raw;
};

/* Connect; fails the test if refused. */
void fake_bridge_open(struct fake_bridge *b, struct instance *i);
void fake_bridge_close(struct fake_bridge *b);

/* Publish bytes on the control topic, at QoS 0. False if the connection has ended. */
bool fake_bridge_send(struct fake_bridge *b, const void *data, size_t len);

/* A greeting, an effects message with these encoded effects. */
void fake_bridge_hello(struct fake_bridge *b, uint64_t epoch, uint64_t number);
void fake_bridge_effects(struct fake_bridge *b, uint64_t epoch, uint64_t number, uint32_t count,
	const struct buf *effects);

/* The next frame; lent until the next call. Fails the test if none comes. */
struct frame fake_bridge_frame(struct fake_bridge *b);

/* Ask the broker for an answer (PINGREQ): true if it is alive and the connection stands. */
bool fake_bridge_alive(struct fake_bridge *b);

#endif
