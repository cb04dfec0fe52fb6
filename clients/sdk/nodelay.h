/* nodelay.h — TCP_NODELAY on Paho's socket, which Paho neither sets nor shows.
 *
 * Without it a small packet waits until the one before it was acknowledged by the other side's
 * kernel, which takes 40 ms where nothing is sent back at once: an acknowledgement followed by a
 * message does just that (measured: a message's way there and back 23 ms, with it 2 ms). Paho has
 * no option for it, so the socket is looked for: a TCP connection to the server's port on a
 * descriptor that was free when Paho began to connect.
 */
#ifndef GNATTER_SDK_NODELAY_H
#define GNATTER_SDK_NODELAY_H

#include <stdint.h>

#define NODELAY_FDS 65536 /* descriptors beyond are not looked at */

struct nodelay {
	uint16_t port;
	uint8_t used[NODELAY_FDS / 8]; /* bits: open before */
};

/* Note which descriptors are open. */
void nodelay_begin(struct nodelay *n, uint16_t port);

/* Set it. Where nothing is found, things are slower and right. */
void nodelay_end(const struct nodelay *n);

#endif
