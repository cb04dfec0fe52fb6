/* proxy_internal.h — what the files of the proxy share. Not for tests. */
#ifndef GNATTER_TESTS_PROXY_INTERNAL_H
#define GNATTER_TESTS_PROXY_INTERNAL_H

#include <pthread.h>
#include <stddef.h>

#include "tests/support/proxy.h"

/* Bytes that were read and wait to be written. */
struct chunk {
	struct chunk *next;
	int64_t due_ms; /* not before this */
	size_t len, at; /* at: so many are written */
	char data[];
};

/* One way of a connection. */
struct flow {
	struct chunk *first, **last;
	size_t queued;   /* bytes */
	int64_t free_ms; /* when the narrow link has room for the next chunk */
	bool swallow;    /* for ever: see freeze */
	bool ended;      /* the source says no more */
	bool told;       /* and the other side knows */
};

/* A connection: [0] is the client's side, [1] the server's; flow[0] goes up, flow[1] down. */
struct link {
	struct link *next;
	int fd[2]; /* -1: gone */
	bool connecting;
	struct flow flow[2];
};

struct proxy {
	int listener, port, server_port;
	int wake[2]; /* a pipe: something has changed */
	pthread_t thread;

	pthread_mutex_t lock; /* of all below */
	bool stop;
	struct link *links;
	struct proxy_manners manners;
	uint64_t cut_after[2]; /* bytes that may still go that way; UINT64_MAX: no cut */
	enum proxy_end cut_how;
	struct proxy_seen seen;

	bool chaos;
	unsigned seed, dice;
	int64_t chaos_due_ms, drop_due_ms; /* the next throw; what is half-open ends: 0 never */
};

/* A connection: all with the lock held. */

/* Take one that was accepted. Takes the socket. */
void link_take(struct proxy *p, int client);

/* Do all that can be done now. False: it is over, and freed by link_free(). */
bool link_work(struct proxy *p, struct link *l, int64_t now_ms);

/* What to wait for on that side: bits of poll(); and when there is something to do, whatever comes:
 * INT64_MAX if never. */
short link_events(const struct proxy *p, const struct link *l, int side, int64_t now_ms);
int64_t link_due_ms(const struct proxy *p, const struct link *l);

/* What waits is due by the manners that hold now. */
void link_reschedule(const struct proxy *p, struct link *l, int64_t now_ms);

void link_end(struct proxy *p, struct link *l, enum proxy_end how);
void link_free(struct link *l);

/* With the lock held: as the functions without _locked. */
void proxy_behave_locked(struct proxy *p, const struct proxy_manners *m);
void proxy_drop_locked(struct proxy *p, enum proxy_end how);
void proxy_cut_locked(struct proxy *p, unsigned way, uint64_t bytes, enum proxy_end how);

/* Throw the dice if it is time. Returns when it is next: INT64_MAX without chaos. */
int64_t proxy_chaos_work(struct proxy *p, int64_t now_ms);

#endif
