/* refuse.h — telling a client why its publish was refused.
 *
 * MQTT 5 clients get reason 0x87 in the acknowledgement, 3.1.1 clients nothing at all, QoS 0
 * nothing in any version. So the reason also goes to user/<u>/errors, as
 *   {"code":..,"message":..,"topic":..} and, for a topic of a chat, "chat":..
 * at most REFUSE_PER_SECOND times a second for a user. Who waits for an answer gets one, too, with
 * the error in it.
 */
#ifndef GNATTER_PLUGIN_REFUSE_H
#define GNATTER_PLUGIN_REFUSE_H

#include "wire/err.h"
#include "wire/record.h"

#define REFUSE_PER_SECOND 10

struct conn;
struct plugin;

/* message NULL: the default text of e. Returns what the broker is told: MOSQ_ERR_ACL_DENIED. */
int refuse(struct plugin *p, struct conn *conn, enum err e, const char *message, const char *topic);

/* The same of something that would have become *r: answers at r->response, if it has one. */
int refuse_record(struct plugin *p, struct conn *conn, enum err e, const char *message,
	const char *topic, const struct record *r);

#endif
