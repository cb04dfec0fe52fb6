/* kind.h — how a note becomes a request to a provider, and what its answer means: for every kind of
 * push behind the same calls.
 *
 *   kind      protocol                                            file
 *   fcm       Firebase Cloud Messaging, HTTP v1                   fcm.c, oauth.c
 *   apns      Apple's push service, HTTP/2 with provider tokens   apns.c, apns_token.c
 *   webpush   RFC 8030, 8291, 8292: browsers and UnifiedPush      webpush.c, vapid.c
 *   webhook   a signed POST to a URL of the operator's or user's  webhook.c
 *   mqtt      a message on push/<user>                            mqtt.c
 *
 * For a note: push_prepare(). It gives a request to send (then the answer goes to push_classify()),
 * or a message to publish, or says what becomes of the note without either, or that the kind needs
 * a token first: push_token_request() writes the request for one, and its answer goes to
 * push_token_response().
 *
 * Pure but for randomness (Web Push keys): the time is given, in ms since 1970, and may jump.
 * Everything that comes from a provider may be anything. What a client registered can cost its own
 * notes only: a refusal that it may have caused is no fault of an endpoint (result.h) that others
 * share. Reasons tell no tokens, endpoints or keys. One thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_KIND_H
#define GNATTER_BRIDGE_PUSH_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/push/check.h"
#include "bridge/push/http_types.h"
#include "bridge/push/note.h"
#include "bridge/push/result.h"
#include "wire/conf.h"

/* Where a note goes. Lent. */
struct registration {
	enum push_kind_id kind;
	int64_t set_ms;    /* when it was set, since 1970 */
	bool preview;      /* with false, as with a note's own, nothing is told but that there is
			    * something */
	struct bytes data; /* JSON as push_check() wrote it */
};

/* What push_classify() needs to know of a request. Plain data, to be copied. */
struct push_attempt {
	enum push_kind_id kind;
	int64_t set_ms; /* of the registration */
	uint32_t token; /* which access token it carries; 0: none */
	bool stranger;  /* the URL is the user's own */
};

/* What push_prepare() writes; {0} is an empty one, and it is used again and again. */
struct push_job {
	struct http_request http; /* PUSH_SEND */
	struct push_attempt attempt;
	struct buf topic;   /* PUSH_PUBLISH: text without a NUL */
	struct buf payload; /* PUSH_PUBLISH: JSON */
};

void push_job_free(struct push_job *j);

enum push_step {
	PUSH_SEND,    /* send job->http, then push_classify() */
	PUSH_PUBLISH, /* publish job->payload on job->topic: delivered, once the broker has it */
	PUSH_TOKEN,   /* a token is needed first; the note waits for a push_token_response() */
	PUSH_END,     /* nothing is to be sent: *result says what becomes of the note */
};

struct push_kinds;

/* Make the kinds that conf sets up, reading their key files; conf is not kept. sodium_init() must
 * have succeeded. On failure *out is NULL and why has a sentence that names the option:
 * ERR_BAD_REQUEST, ERR_IO or ERR_NOMEM. */
enum err push_kinds_create(
	struct push_kinds **out, const struct conf *conf, char *why, size_t why_size);
void push_kinds_destroy(struct push_kinds *k);

/* Is the kind set up? mqtt always is. */
bool push_kinds_configured(const struct push_kinds *k, enum push_kind_id kind);

/* What clients must know to register. The public VAPID key in base64url, and the bundle ids with a
 * space between two; empty if the kind is not set up. Lent from k. */
struct bytes push_kinds_vapid_key(const struct push_kinds *k);
struct bytes push_kinds_apns_topics(const struct push_kinds *k);

/* Append a name for what r leads to: all that has it stands and falls together. "fcm", "apns",
 * "apns-sandbox", "webhook", "mqtt"; for a user's URL its origin, after "webhook " if it is one. It
 * tells no secret. */
void push_endpoint(const struct registration *r, struct buf *out);

/* Turn the note into what is to be done at now_ms. *job is overwritten; *result is set for
 * PUSH_END only. */
enum push_step push_prepare(struct push_kinds *k, const struct push_note *note,
	const struct registration *r, int64_t now_ms, struct push_job *job,
	struct push_result *result);

/* What the answer to a request means for its note. With result->renew the note is to be prepared
 * again at once; that happens at most once for each trouble with a token. */
void push_classify(struct push_kinds *k, const struct push_attempt *a,
	const struct http_response *response, int64_t now_ms, struct push_result *result);

/* Is it time to ask for a token of this kind? True when a note needs one, and some minutes before
 * one ends that was used; false while it is asked for, and for a while after it was refused. */
bool push_token_due(const struct push_kinds *k, enum push_kind_id kind, int64_t now_ms);

/* Write the request for a token into *out. ERR_BUSY if none is due; ERR_NOMEM or ERR_INTERNAL, and
 * then one is due again after a while. Each request that was written must be answered by one
 * push_token_response(), if it could not be sent by one with status 0. */
enum err push_token_request(
	struct push_kinds *k, enum push_kind_id kind, int64_t now_ms, struct http_request *out);

/* Take the answer. *result: DELIVERED (notes can go on), RETRY or ALERT. */
void push_token_response(struct push_kinds *k, enum push_kind_id kind,
	const struct http_response *response, int64_t now_ms, struct push_result *result);

#endif
