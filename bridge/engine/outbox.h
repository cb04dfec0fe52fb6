/* outbox.h — the effects of the records in one commit, in order.
 *
 * Each effect is kept encoded in two forms: `wire`, as the plugin gets it, and `owed`, as the store
 * keeps it until the plugin has performed it: there a message is only named by chat and seq.
 */
#ifndef GNATTER_ENGINE_OUTBOX_H
#define GNATTER_ENGINE_OUTBOX_H

#include <stdint.h>

#include "wire/effect.h"
#include "wire/record.h"

struct outbox_effect {
	uint64_t number;           /* of the record it came from */
	size_t wire_end, owed_end; /* where it ends in the two buffers */
};

/* What the daemon is to look at, once this is committed, and to tell in its own time. */
enum hint {
	HINT_CAME = 1, /* presence of `user`: a connection came, or fewer may see it now */
	HINT_WENT,     /* presence of `user`: somebody went, perhaps for a moment only */
	HINT_AGAIN,    /* presence of `user`: others may see it now; tell even if it is the same */
	HINT_SAID,     /* presence of `user`: a device says something new of itself */
	HINT_ALL,      /* presence of all: the broker is new */
	HINT_PREFS,    /* `user` wants something else of pushes */
	HINT_MARK,     /* the mark of `user` in `chat` is to be told */
	HINT_MARK_AGAIN, /* the same, even if it was told to his own devices alone */
	HINT_PUSH, /* there are messages to be pushed: once a commit, of nobody in particular; ts is
		      the number of the key p */
};

struct outbox {
	struct buf wire, owed;
	struct outbox_effect *effects; /* owned */
	size_t count, cap;
	struct buf reads; /* encoded records (wire/record.h) that only ask for something */
	size_t reads_count;
	struct buf hints;  /* u8 enum hint, bytes16 user, bytes16 chat, u64 ts */
	struct buf pushed; /* struct push_entry (persist/values.h) of each message to be pushed */
	size_t pushed_count;
	uint64_t number; /* of the record being applied: the engine sets it */
	bool failed;     /* out of memory */
};

/* {0} is an empty one. */
void outbox_finish(struct outbox *o);
void outbox_reset(struct outbox *o);

/* Everything is copied. outbox_publish_for: retained at QoS 1, for so many seconds. */
void outbox_message(struct outbox *o, struct bytes chat, uint64_t seq, struct bytes payload);
void outbox_publish(
	struct outbox *o, const char *topic, uint8_t qos, bool retain, struct bytes payload);
void outbox_publish_for(
	struct outbox *o, const char *topic, uint32_t expiry_s, struct bytes payload);
/* For those alone who may see what is on the topic no longer: EFFECT_HIDE. */
void outbox_hide(struct outbox *o, const char *topic, struct bytes viewer, uint8_t level,
	struct bytes payload);

void outbox_kick(struct outbox *o, struct bytes user, struct bytes client);
void outbox_expel(struct outbox *o, struct bytes user);

/* To the client that sent r alone. */
void outbox_answer(
	struct outbox *o, const struct record *r, struct bytes topic, struct bytes payload);

/* A message that a person counts, and who is away is to be pushed. */
void outbox_pushed(struct outbox *o, struct bytes chat, uint64_t seq, uint64_t n, uint64_t ts);

/* chat: of HINT_MARK. ts: of the record. Not for HINT_PUSH, which follows from `pushed`. */
void outbox_hint(
	struct outbox *o, enum hint hint, struct bytes user, struct bytes chat, uint64_t ts);

/* r is a read: to be answered outside the engine once this commit is done. */
void outbox_read(struct outbox *o, const struct record *r);

/* Take back everything since a mark. */
struct outbox_mark {
	size_t count, reads_len, reads_count, hints_len, pushed_len, pushed_count;
};
struct outbox_mark outbox_mark(const struct outbox *o);
void outbox_rollback(struct outbox *o, struct outbox_mark mark);

bool outbox_failed(const struct outbox *o);

#endif
