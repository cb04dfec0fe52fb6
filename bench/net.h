/* net.h — many connections to one broker on one thread.
 *
 * One epoll loop. What a connection has to say gathers in its buffer and leaves in one write after
 * the packets that came in with one read were handled: under load a system call carries many
 * packets, idle it carries one at once. Acknowledgements of every QoS are the net's own business.
 *
 * The first thing that goes wrong anywhere (refused, closed, malformed) ends the whole measurement:
 * net_wait returns false and `why` says it.
 */
#ifndef GNATTER_BENCH_NET_H
#define GNATTER_BENCH_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/mqtt.h"

#define CONN_FILTERS_MAX 24

enum conn_state { CONN_NEW, CONN_CONNECTING, CONN_SIGNING_IN, CONN_SUBSCRIBING, CONN_READY };

struct conn {
	/* set by the owner before net_connect; strings are lent */
	struct mqtt_login login;
	const char *filters[CONN_FILTERS_MAX];
	size_t filter_count;
	const struct mqtt_will *will; /* lent; NULL for none */

	/* to read */
	unsigned index;
	enum conn_state state;
	unsigned unacked;     /* messages sent with QoS 1 or 2 and not acknowledged */
	uint16_t receive_max; /* the most that `unacked` may be */

	/* net's own */
	int fd;
	uint16_t last_id;
	bool wants_write, dirty;
	struct buf in, out;
	size_t out_at; /* bytes of out that have left */
};

struct net {
	/* set by the owner before net_init */
	struct sockaddr_in address;
	enum mqtt_version version;
	unsigned qos;      /* of subscriptions */
	int64_t gather_ns; /* pause before each look at the sockets, so that a read finds more; < 1
			      s */
	void *ctx;
	/* A message arrived; lent for the call. */
	void (*on_message)(void *ctx, struct conn *c, const struct mqtt_in *m);
	/* The connection is signed in and subscribed. NULL if nobody cares. */
	void (*on_ready)(void *ctx, struct conn *c);
	/* A message of ours was acknowledged. NULL if nobody cares. */
	void (*on_acked)(void *ctx, struct conn *c);

	/* to read */
	struct conn *conns;
	unsigned count, ready; /* connections, and those that are signed in and subscribed */
	int64_t now_ns;        /* taken after each read: when what is handled now had arrived */
	bool failed;
	char why[512];

	/* net's own */
	int epoll, timer;
	int64_t timer_ns, ping_ns;
	struct conn **dirty;
	unsigned dirty_count;
	unsigned opened, connecting;
};

/* The address of a broker: a name or an IPv4 address. Dies if it is unknown. */
struct sockaddr_in net_resolve(const char *host, int64_t port);

/* Make count connections, none of them open yet. Dies without memory or descriptors. */
void net_init(struct net *n, unsigned count);

/* Sign in and subscribe on all connections, a few at a time. False: see why. */
bool net_connect(struct net *n);

/* Begin to sign in on the first count connections, as far as a broker that is busy lets it; the
 * rest at the next call. To be called between calls of net_wait. False: see why. */
bool net_open(struct net *n, unsigned count);

/* Begin a message on c: as mqtt_put_publish, with an id chosen here. It leaves at the next
 * net_wait, or after the callback in which it is made. */
char *net_publish(struct net *n, struct conn *c, struct mqtt_out *m);

/* May c send one more, as the broker sees it? */
static inline bool net_may_publish(const struct conn *c)
{
	return c->unacked < c->receive_max;
}

/* Send what waits, then handle what happens until until_ns, at least once. Returns early after each
 * round of events. False once something failed. */
bool net_wait(struct net *n, int64_t until_ns);

/* Note a failure; the first one counts. c may be NULL. */
void net_fail(struct net *n, const struct conn *c, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Say goodbye, close and free everything. */
void net_finish(struct net *n);

#endif
