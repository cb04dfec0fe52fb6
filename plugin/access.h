/* access.h — who may read, write and subscribe what (docs/protocol.md has the table of topics).
 *
 * A check for each delivery is the hottest path of the whole server. The last topic is kept taken
 * apart, so that a message to 50 members is parsed once; each chat in use has a number, so that
 * what an identity may do there is found by comparing one word (facts.h).
 *
 * One thread.
 */
#ifndef GNATTER_PLUGIN_ACCESS_H
#define GNATTER_PLUGIN_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "facts.h"
#include "hides.h"
#include "identity.h"
#include "wire/topic.h"

#define BRIEF_PAYLOAD_MAX 1024 /* on chat/<c>/typing/<u> and presence/<u>/<d> */

enum verdict {
	VERDICT_DENY,
	VERDICT_ALLOW,
	VERDICT_DEFER, /* not ours: another plugin or the acl_file may allow it */
};

struct access;

/* facts is borrowed. NULL when out of memory. */
struct access *access_create(struct facts *facts);
void access_destroy(struct access *a);

/* The topic taken apart, lent until the next call of any function here. */
const struct topic *access_topic(struct access *a, const char *topic);

/* When presence was told, ms: what stands behind "ts":, with which the object ends. 0 if nothing
 * does.
 */
uint64_t presence_ts(struct bytes payload);

/* Was the last topic one of a chat? */
bool access_was_chat(const struct access *a);

/* Whom the broker asks about who has no connection now: a session that waits for its client, the
 * will of one that just went, a client that a certificate signed in. NULL if client id and user do
 * not fit together (4.1), or are a system's. Lent until the next call. */
struct identity *access_absent(struct access *a, const char *client, const char *user);

/* A message that is to be delivered. */
struct delivery {
	const char *topic;
	struct bytes payload;
	bool retain; /* it is one that is retained, now or from an earlier time */
	bool queued; /* in a session that is resumed: id could read it when it was published */
};

enum verdict access_read(struct access *a, struct identity *id, const struct delivery *d);
enum verdict access_subscribe(struct access *a, struct identity *id, const char *filter);

struct publish {
	const char *topic;
	uint32_t payload_len;
	uint8_t qos;
	bool retain;
};

/* On the topic of a presence or story a message that says nothing is about to be published, not
 * retained: to be read by those alone for whom it is, if they may see that presence or story no
 * longer. False when out of memory. */
bool access_hide(struct access *a, const char *topic, const struct audience *to);

/* Call it whenever the broker ticks. */
void access_tick(struct access *a);

enum verdict access_write(struct access *a, struct identity *id, const struct publish *p);

#endif
