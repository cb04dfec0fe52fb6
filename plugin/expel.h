/* expel.h — closing connections, on the bridge's order.
 *
 * Who was removed from a chat must not get another message of it. New ones are stopped by the
 * access check of each delivery, but what the broker has queued for a connection was checked
 * before. When the client comes back the broker checks its queue again, so closing the connection
 * is the cure.
 *
 * The queue itself cannot be seen from here. A connection surely has nothing queued from a chat if
 *   - no delivery from a chat was allowed since it signed in (what was queued in the session that
 *     it resumed was checked, and so counted, then), or
 *   - fewer were allowed in all than can be under way at once: EXPEL_UNDER_WAY, below what the
 *     broker allows (max_inflight_messages, at least 20). An MQTT 5 client may ask for less with
 *     Receive Maximum, which we are not told: such a client can still get up to so many that were
 *     sent before, or
 *   - all its subscriptions have QoS 0, for which there is no queue but the socket's, and that had
 *     a minute without much to do.
 * Everybody else is closed. That clients acknowledge in time is no argument: one asleep does not.
 */
#ifndef GNATTER_PLUGIN_EXPEL_H
#define GNATTER_PLUGIN_EXPEL_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"

#define EXPEL_UNDER_WAY 16
#define EXPEL_PERIOD_MS 60000
#define EXPEL_FORGOTTEN 8

struct conn;
struct plugin;

/* A delivery was allowed. Called for each: some nanoseconds. */
void expel_count(struct conn *conn, bool from_chat, uint32_t period);

bool expel_may_have_queued(const struct conn *conn, uint32_t period);

/* Choose connections to be closed: those that may have messages queued; all of a user, or the one
 * with that client id. True if there are any. */
bool expel_choose_queued(struct plugin *p, struct bytes user);
bool expel_choose(struct plugin *p, struct bytes user, struct bytes client);
void expel_choose_one(struct plugin *p, struct conn *conn);

/* When a session is resumed the broker asks for each queued message whether it may still be read,
 * and drops those refused; but (2.0.11 to 2.0.20) it does not give back their places among those
 * under way, so that such a client gets fewer at a time, or none at all. Signing in once more
 * counts anew: a client that lost EXPEL_FORGOTTEN messages or more is closed once more, at the next
 * tick.
 *
 * The broker asks within the sign-in: expel_resuming() begins it, expel_forgot() is for each
 * refusal, and expel_resumed() for whatever happens next that is not a part of it. */
void expel_resuming(struct plugin *p, struct conn *conn);
void expel_forgot(struct plugin *p, struct conn *conn);
void expel_resumed(struct plugin *p);

/* Close those chosen. Not from within something that the closed one is doing. */
void expel_close(struct plugin *p);

#endif
