/* roll.h — who is there: the CONNECT, DISCONNECT and BROKER_START records of which the bridge makes
 * presence.
 *
 * They may use the part of the spool that is kept for them. When even that is full, nothing is lost
 * for good: a connect that could not be told is told later, and a disconnect that could not be told
 * makes the roll start anew, with a BROKER_START ("every connection before this is gone") and a
 * CONNECT for each connection that is there then. Sessions of our own programs are not told.
 */
#ifndef GNATTER_PLUGIN_ROLL_H
#define GNATTER_PLUGIN_ROLL_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct plugin;

struct roll {
	struct conn *untold;
	bool anew;        /* a BROKER_START is to be told before anything else */
	uint64_t started; /* ts of the first one, ms; 0: not told yet */
};

/* The broker started. */
void roll_start(struct plugin *p);

void roll_connected(struct plugin *p, struct conn *conn);
void roll_gone(struct plugin *p, struct conn *conn);

/* Tell what could not be told. Cheap when there is nothing. */
void roll_catch_up(struct plugin *p);

#endif
