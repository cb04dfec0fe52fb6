/* apns_token.h — the provider token that Apple wants with each request: a JWT signed with ES256.
 *
 * Apple refuses a token of more than an hour, and more than one new token in twenty minutes. So one
 * is used for RENEW_MS, and never given up before YOUNG_MS but when Apple says that it has expired,
 * or the clock was set so far that it must be wrong: a token's age is told by the clock that made
 * it, and one made in the future has an age below zero.
 *
 * Refused tokens: the first time a new one is made and tried (if the old one is not young); if that
 * is refused too, the key is the trouble, and nothing is made until the token has grown old again.
 */
#ifndef GNATTER_BRIDGE_PUSH_APNS_TOKEN_H
#define GNATTER_BRIDGE_PUSH_APNS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/push/sign.h"

#define APNS_TOKEN_RENEW_MS ((int64_t)40 * 60000)
#define APNS_TOKEN_YOUNG_MS ((int64_t)20 * 60000)
#define APNS_NAME_MAX       32

struct apns_token {
	struct sign_key *key; /* owned */
	char key_id[APNS_NAME_MAX], team[APNS_NAME_MAX];
	struct buf jwt;  /* empty: none */
	uint32_t number; /* of the JWT, from 1; 0: there never was one */
	int64_t made_ms;
	bool trouble; /* it, or one before it, was refused and none accepted since */
};

void apns_token_finish(struct apns_token *t);

/* See that t->jwt is there and good at now_ms. ERR_NOMEM or ERR_INTERNAL. */
enum err apns_token_make(struct apns_token *t, int64_t now_ms);

/* A request with the token of that number was refused for it; expired: Apple says that it is too
 * old. True if another is to be tried at once. */
bool apns_token_refused(struct apns_token *t, uint32_t number, bool expired, int64_t now_ms);

/* A request with the token of that number was answered otherwise. */
void apns_token_accepted(struct apns_token *t, uint32_t number);

#endif
