/* message.h — what a message looks like: read from the sender, written for everybody.
 *
 * A message is one JSON object, members in this order, those in [] only if they have something to
 * say:
 *
 *   {"chat","seq","n","from","device","ts","id","type",["ref"],["prev"],["text"],["media"],["body"],
 *    ["edited"]}
 *
 * The sender's text, media and body keep the bytes they were sent with. What replaces a deleted
 * one:
 *
 *   {"chat","seq","n","from","device","ts","id","type":"deleted","deleted":<seq of the delete>}
 */
#ifndef GNATTER_ENGINE_MESSAGE_H
#define GNATTER_ENGINE_MESSAGE_H

#include <stdbool.h>

#include "wire/buf.h"
#include "wire/conf.h"
#include "wire/err.h"
#include "wire/json.h"

#define MESSAGE_MEDIA_MAX 32

enum message_action { ACTION_NONE, ACTION_EDIT, ACTION_DELETE, ACTION_REACT };

/* What somebody asks to have sent. Strings are lent from the payload. */
struct draft {
	struct json_object json; /* holds what the rest lends from, unless plain */
	bool plain;              /* the payload is the text */
	struct bytes id;         /* empty: none given */
	struct bytes type;
	enum message_action action;
	bool counts;        /* a person would count it */
	uint64_t ref;       /* 0: none */
	struct bytes text;  /* plain: the text; else the JSON string as written; empty: none */
	struct bytes media; /* JSON as written */
	struct bytes body;  /* JSON as written */
};

/* Read a payload of chat/<c>/send. On failure *why may be set to a static sentence; d->id is set if
 * it could be read. Always end with draft_finish. */
enum err draft_parse(
	struct draft *d, struct bytes payload, const struct conf *conf, const char **why);
void draft_finish(struct draft *d);

/* "media" and "body" of an object, checked, and lent as they are written; left alone if absent. On
 * failure *why is a static sentence. */
enum err message_media(const struct json_object *o, struct bytes *media, const char **why);
enum err message_body(const struct json_object *o, struct bytes *body, const char **why);

/* What the server fills in. */
struct message_head {
	struct bytes chat, from, device, id;
	uint64_t seq, n, ts;
	uint64_t prev; /* an edit's predecessor; 0: none */
};

void message_write(struct buf *b, const struct message_head *h, const struct draft *d);

/* A system message; body is the inside of its "body" object. */
void message_write_system(struct buf *b, const struct message_head *h, struct bytes body);

/* What stands in a stored message. Strings are lent from `message`. */
struct message_facts {
	struct json_object json;
	struct message_head head;
	struct bytes type;
	uint64_t ref, prev, edited;
};

/* ERR_CORRUPT if it is no message of ours. End with message_facts_finish if ERR_OK. */
enum err message_read(struct message_facts *f, struct bytes message);
void message_facts_finish(struct message_facts *f);

/* The tombstone of a message, deleted by the event with seq `deleted`. */
void message_write_tombstone(struct buf *b, const struct message_facts *f, uint64_t deleted);

/* The seq of its newest edit, 0 if there is none: without parsing it. */
uint64_t message_edited(struct bytes message);

/* The message with "edited" pointing to seq `edited`, replacing an earlier pointer. */
void message_write_edited(struct buf *b, struct bytes message, uint64_t edited);

#endif
