/* conn.h — who is connected: by the broker's pointer, by client id, and by user.
 *
 * A connection is known by the broker's own pointer and by nothing else: while one client takes
 * over from another, two connections have one client id. The pointer is only ever compared here.
 *
 * What a user may do in a time is kept with the user, not with the connection, and stays for a
 * while after the last one went: reconnecting gives no new burst. Users without connections are
 * bounded (CONNS_IDLE_USERS); of those, the one gone for longest is forgotten first.
 *
 * One thread.
 */
#ifndef GNATTER_PLUGIN_CONN_H
#define GNATTER_PLUGIN_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"
#include "throttle.h"
#include "wire/buf.h"
#include "wire/hashmap.h"

#define CONNS_IDLE_USERS 4096
#define CONN_ADDRESS_MAX 47

/* Lists that a connection may stand in, each at most once. */
enum conn_list {
	CONN_OF_PERSON,
	CONN_UNTOLD, /* the bridge does not know of it yet: roll.h */
	CONN_DOOMED, /* to be closed: expel.h */
	CONN_LISTS
};

/* Ten thousand of these may be idle, so it is kept small; what a delivery looks at comes first. */
struct conn {
	struct node by_key;
	const void *key;     /* the broker's connection */
	uint32_t reads;      /* deliveries allowed since it signed in; stays at its maximum */
	uint32_t chat_reads; /* of those, from chats */
	uint32_t recent[2];  /* deliveries allowed in this period and in the one before */
	uint32_t period;     /* the period that recent[0] counts */
	uint32_t forgotten;  /* queued messages that the broker dropped as it resumed its session */
	bool closing;        /* we closed it, but the broker has not said yet that it is gone */
	bool mqtt5;
	bool clean;    /* asked for a new session */
	bool queues;   /* has a subscription with a QoS above 0, or may have one */
	bool replaced; /* its client id signed in again: the end of this one is told already */
	bool told;     /* the bridge knows of it */
	struct identity id;
	struct person *person;
	struct node by_client;
	struct bucket brief; /* typing and presence */
	struct {
		struct conn *next, **from; /* from NULL: not in the list */
	} in[CONN_LISTS];
	char client[]; /* client id, NUL, address, NUL, and the device's name if it is not in it */
};

/* Where it comes from; "" if that is not known. */
const char *conn_address(const struct conn *conn);

/* Put a connection at the head of a list; take it out, if it is in it. */
void conn_enter(struct conn *conn, enum conn_list list, struct conn **head);
void conn_leave(struct conn *conn, enum conn_list list);

struct ring {
	struct ring *next, *prev;
};

/* A user who is or was connected. */
struct person {
	struct node node;
	union {
		struct conn *conns; /* see person_conns() */
		struct ring idle;   /* while count is 0 */
	};
	struct bucket rate, errors;
	uint32_t count;
	unsigned char user_len;
	char user[];
};

/* The first of the connections, which are linked by CONN_OF_PERSON; NULL if there is none. */
static inline struct conn *person_conns(const struct person *person)
{
	return person->count > 0 ? person->conns : NULL;
}

struct conns;

/* NULL when out of memory. */
struct conns *conns_create(void);
void conns_destroy(struct conns *c);

/* A new connection, which must not be there yet; the names of *id are copied. NULL when out of
 * memory. address may be NULL. */
struct conn *conns_add(struct conns *c, const void *key, const struct identity *id,
	const char *client, const char *address);
void conns_remove(struct conns *c, struct conn *conn); /* out of all lists, too */

size_t conns_count(const struct conns *c);
struct conn *conns_find(const struct conns *c, const void *key);

/* The newest connection with that client id that is not replaced. */
struct conn *conns_client(const struct conns *c, const char *client);

/* NULL if no connection of that user was seen lately. */
struct person *conns_person(const struct conns *c, struct bytes user);

/* All connections, in no order. fn must not add or remove any. */
typedef void conns_each_fn(void *ctx, struct conn *conn);
void conns_each(const struct conns *c, conns_each_fn *fn, void *ctx);

#endif
