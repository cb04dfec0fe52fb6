/* effect.h — what the bridge asks the plugin to do, and the control messages that carry it.
 *
 * An effect, little-endian:
 *
 *   u8 type
 *   MESSAGE     bytes16 chat, u64 seq, bytes32 payload    publish on chat/<chat>/msg, QoS 1. In the
 *               store's list of what is owed the payload is empty: it is read again by chat and seq
 *   PUBLISH     bytes16 topic, u8 qos, u8 retain, u32 expiry (s; 0: never), bytes32 payload
 *   ANSWER      bytes16 user, bytes16 client, bytes16 topic, bytes16 correlation, bytes32 payload
 *               to that client alone, if it is (still) that user's
 *   KICK        bytes16 user, bytes16 client
 *               close the user's connections; only the one with that client id if it is not empty
 *   EXPEL       bytes16 user
 *               close those of the user's connections that may have messages queued which the user
 *               may no longer read
 *   HIDE        bytes16 topic, bytes16 user, u8 level, bytes32 payload
 *               publish, QoS 1, not retained, for those alone who may see it no longer: the user,
 *               or, if that is empty, all who could while it was for that level (enum visibility of
 *               persist/values.h)
 *
 * A control message, on CONTROL_TOPIC, from the bridge's connection only:
 *
 *   u32 magic "GNC1"
 *   u8  kind      enum control_kind
 *   u8  last      of several messages for one number, only the last has 1
 *   u64 epoch     of the spool that `number` counts in; HELLO: the epoch last seen, 0 if none
 *   u64 number    EFFECTS: every record up to here is committed and its effects are in this message
 *                 or came before; HELLO: the last record applied; LOOSE: 0
 *   u32 count     of effects
 *   effects
 */
#ifndef GNATTER_WIRE_EFFECT_H
#define GNATTER_WIRE_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

#define CONTROL_MAGIC  0x31434e47u
#define CONTROL_HEADER 26

enum effect_type {
	EFFECT_MESSAGE = 1,
	EFFECT_PUBLISH = 2,
	EFFECT_ANSWER = 3,
	EFFECT_KICK = 4,
	EFFECT_EXPEL = 5,
	EFFECT_HIDE = 6,
	EFFECT_TYPE_END
};

struct effect {
	enum effect_type type;
	struct bytes chat;        /* MESSAGE */
	uint64_t seq;             /* MESSAGE */
	struct bytes topic;       /* PUBLISH, ANSWER, HIDE */
	uint8_t qos;              /* PUBLISH */
	bool retain;              /* PUBLISH */
	uint32_t expiry;          /* PUBLISH: seconds; 0: never */
	struct bytes user;        /* ANSWER, KICK, EXPEL, HIDE */
	struct bytes client;      /* ANSWER, KICK */
	struct bytes correlation; /* ANSWER */
	uint8_t level;            /* HIDE */
	struct bytes payload;     /* MESSAGE, PUBLISH, ANSWER, HIDE */
};

void effect_encode(struct buf *b, const struct effect *e);

struct record;

/* The answer to a request, to the client that sent it. */
void effect_encode_answer(struct buf *b, const struct record *r, struct bytes payload);

/* Decode the next effect. Parts are lent. ERR_CORRUPT if anything is off. */
enum err effect_decode(struct effect *e, struct reader *r);

enum control_kind {
	CONTROL_HELLO = 1,   /* first on a connection; the plugin answers with a hello frame */
	CONTROL_EFFECTS = 2, /* of records; owed until performed */
	CONTROL_LOOSE = 3,   /* effects tied to no record: answers to reads, timers */
	CONTROL_KIND_END
};

struct control {
	enum control_kind kind;
	bool last;
	uint64_t epoch, number;
	uint32_t count;
	struct reader effects; /* for effect_decode, count times */
};

/* Write the header into out; the effects follow. */
void control_encode_header(const struct control *c, char out[CONTROL_HEADER]);

/* ERR_CORRUPT if the header is off. Effects are checked as they are decoded. */
enum err control_decode(struct control *c, const char *data, size_t len);

#endif
