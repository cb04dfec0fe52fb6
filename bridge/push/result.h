/* result.h — what becomes of a note, and why in words that tell no secret.
 *
 * A reason is made of our own words, a status, and of what a provider said only what can be no
 * secret: a word of letters, or an error of our own HTTP.
 */
#ifndef GNATTER_BRIDGE_PUSH_RESULT_H
#define GNATTER_BRIDGE_PUSH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/push/http_types.h"

enum push_verdict {
	PUSH_DELIVERED,  /* the provider has it */
	PUSH_RETRY,      /* trouble on the way or at the provider: later */
	PUSH_DROP,       /* this note can never be delivered; the registration stays */
	PUSH_UNREGISTER, /* the registration is dead, and the note with it */
	PUSH_ALERT,      /* what the operator set up is refused: keep the note, retry slowly */
	PUSH_VERDICTS
};

struct push_result {
	enum push_verdict verdict;
	int64_t retry_after_ms; /* what the provider asks for, from now; -1: nothing */
	bool renew;             /* a token was forgotten: try again at once, once */
	bool endpoint_fault;    /* whoever sends to the same endpoint would fare the same */
	char reason[128];       /* a sentence without its end; never empty */
};

/* "delivered", "retry", "drop", "unregister", "alert". Static. */
const char *push_verdict_name(enum push_verdict v);

/* Set everything: the verdict, a reason that is cut if it is long, and no more. */
__attribute__((format(printf, 3, 4))) void push_result_set(
	struct push_result *out, enum push_verdict verdict, const char *fmt, ...);

/* The same, for what everybody who sends to this endpoint would meet. */
__attribute__((format(printf, 3, 4))) void push_result_fault(
	struct push_result *out, enum push_verdict verdict, const char *fmt, ...);

/* What is the same for every provider: no answer, what the guard refused, a 2xx, a 429, a 5xx, and
 * that Retry-After is honoured in the last two. False, and *out is DROP, for any other status. */
bool push_result_common(struct push_result *out, const struct http_response *r);

/* Is the word letters and '_' only, 1 to 40 of them? Then it may stand in a reason. */
bool push_result_word_ok(const char *word);

#endif
