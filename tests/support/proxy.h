/* proxy.h — a bad network: a TCP proxy between clients and a server, on 127.0.0.1.
 *
 * It passes what comes until it is told to behave otherwise: to refuse, to swallow, to hold, to be
 * slow or narrow, to break connections, wherever it likes. A thread of its own does the work; what
 * a function asks for holds when it returns. Functions belong to the main thread. Ends with the
 * test; if the test fails it prints what it saw, and the seed of its chaos.
 */
#ifndef GNATTER_TESTS_PROXY_H
#define GNATTER_TESTS_PROXY_H

#include <stdbool.h>
#include <stdint.h>

struct proxy;

/* Ways, as bits: from client to server, from server to client. */
enum { PROXY_UP = 1, PROXY_DOWN = 2, PROXY_BOTH = 3 };

/* How a connection ends, to both sides. */
enum proxy_end { PROXY_FIN, PROXY_RST };

struct proxy_manners {
	bool refuse; /* new connections; those that are there stay */

	/* Swallow what goes these ways, a goodbye included. A connection that was there during it,
	 * or was made, is half-open from then on: nothing goes these ways over it ever again. */
	unsigned freeze;

	unsigned hold;        /* let it wait, these ways, for as long as this holds */
	unsigned delay_ms;    /* each way */
	unsigned bytes_per_s; /* each way, per connection; 0: without end */
};

/* Between whoever connects to the proxy's port and a server on that port. */
struct proxy *proxy_start(int server_port);
int proxy_port(const struct proxy *p);

/* From now on; NULL: pass everything. What waits goes by the new manners, too. */
void proxy_behave(struct proxy *p, const struct proxy_manners *m);

/* End all connections that there are, half-open ones too. What waits is lost. */
void proxy_drop(struct proxy *p, enum proxy_end how);

/* Let `bytes` more pass one way, over whichever connections, then end the one that has the next
 * byte: 0 ends it before its first. Once. */
void proxy_cut_after(struct proxy *p, unsigned way, uint64_t bytes, enum proxy_end how);

struct proxy_seen {
	uint64_t up, down;            /* bytes passed */
	uint64_t connections, broken; /* taken so far; of those ended by the proxy */
	unsigned open;                /* now, half-open ones too */
};
struct proxy_seen proxy_seen(struct proxy *p);

/* Wait until a client has connected more than `connections` times; until so many are open. Fails
 * the test if that does not happen. */
void proxy_wait_connected(struct proxy *p, uint64_t connections);
void proxy_wait_open(struct proxy *p, unsigned open);

/* All of the above at random, a few times a second, by the dice that `seed` throws, until it is
 * stopped: then everything passes again and nothing is half-open. Something passes every now and
 * then, and what is half-open is ended after at most about a second. */
void proxy_chaos_start(struct proxy *p, unsigned seed);
void proxy_chaos_stop(struct proxy *p);

#endif
