/* engine.h — the state machine: records in, writes and effects out.
 *
 * Pure. No clock, randomness, network or file: time is the record's, new ids are made from it, the
 * state is read and written through a batch (persist/batch.h), what others are to see goes into an
 * outbox. The same records in the same order give the same writes and the same effects, byte for
 * byte, however they are cut into frames or commits.
 *
 * The files: send.c (messages), ack.c (marks), presence.c (connections); groups.c, members.c,
 * accounts.c, contacts.c, profile.c, devices.c, push.c, bulk.c (the methods that change something),
 * api.c (their table); message.c (what a message looks like), state.c (reading users, chats and
 * members), registrations.c (who is pushed to), events.c (what is told), answer.c, refuse.c
 * (answers and errors). Of bridge/push/ the engine has what is as pure as itself: check.c, offer.c,
 * prefs.c.
 */
#ifndef GNATTER_ENGINE_ENGINE_H
#define GNATTER_ENGINE_ENGINE_H

#include "bridge/engine/outbox.h"
#include "bridge/push/offer.h"
#include "persist/batch.h"
#include "wire/conf.h"
#include "wire/record.h"

struct engine {
	const struct conf *conf;        /* borrowed: the limits */
	struct batch *batch;            /* borrowed */
	struct outbox *out;             /* borrowed */
	struct buf message;             /* a message in the making */
	struct buf scratch;             /* a small value in the making */
	struct buf answer;              /* an answer in the making */
	enum err refuse;                /* of the record being applied */
	const struct push_offer *offer; /* borrowed; NULL: all kinds of push are taken */
	bool counted;                   /* `registrations` is what the batch has */
	uint64_t registrations;         /* devices that are pushed to */
	uint64_t messages;              /* stored since start, for the statistics */
	uint64_t refused;               /* sends and acks refused since start */
};

void engine_init(
	struct engine *e, const struct conf *conf, struct batch *batch, struct outbox *out);
void engine_finish(struct engine *e);

/* Apply one record. `refuse` is ERR_OK, or why the bridge will not have the directory changed by it
 * (the answer then says so). What the client did wrong is answered to the client and is ERR_OK
 * here; anything else (ERR_IO, ERR_CORRUPT, ERR_NOMEM) means that the record could not be applied:
 * the batch must not be committed. */
enum err engine_apply(struct engine *e, const struct record *r, enum err refuse);

#endif
