/* oauth.h — access tokens of Google for a service account: asked for with a JWT (RFC 7523) at the
 * account's token_uri (RFC 6749), kept, and renewed before they end.
 *
 * State, with the calls that change it:
 *
 *   none     no token, or one that has ended or was refused
 *   asking   oauth_request() was made; oauth_response() ends it
 *   good     a token that has a minute or more to live
 *   waiting  the last asking failed: until its time is over none is asked for
 *
 * A good token that was used is asked for anew, beside its use, when it has five minutes left.
 * Times are ms since 1970 and may jump: a token that was made in the future is not taken for good,
 * and a clock that is set back ends the waiting.
 */
#ifndef GNATTER_BRIDGE_PUSH_OAUTH_H
#define GNATTER_BRIDGE_PUSH_OAUTH_H

#include "bridge/push/http_types.h"
#include "bridge/push/result.h"
#include "wire/err.h"

struct oauth;

/* Read a service account's key file: JSON with type, project_id, private_key_id, private_key,
 * client_email and token_uri. On failure *out is NULL: ERR_BAD_REQUEST or ERR_IO with *why a static
 * sentence, or ERR_NOMEM. */
enum err oauth_create(struct oauth **out, const char *path, const char *scope, const char **why);
void oauth_destroy(struct oauth *o);

/* The account's project. Lent. */
const char *oauth_project(const struct oauth *o);

/* The token to be used at now_ms, and its number, which is never 0; empty if there is none, and
 * then one becomes due. Lent until the next call. */
struct bytes oauth_token(struct oauth *o, int64_t now_ms, uint32_t *number);

/* As push_token_due(), push_token_request() and push_token_response() say. */
bool oauth_due(const struct oauth *o, int64_t now_ms);
enum err oauth_request(struct oauth *o, int64_t now_ms, struct http_request *out);
void oauth_response(
	struct oauth *o, const struct http_response *r, int64_t now_ms, struct push_result *result);

/* Is a token neither there, nor asked for, nor due? Then *result is what the last asking came to,
 * with the time until the next. */
bool oauth_waiting(const struct oauth *o, int64_t now_ms, struct push_result *result);

/* A request with the token of that number was answered with 401. True if another token should be
 * tried at once; false if this is no trouble that another token ends. */
bool oauth_refused(struct oauth *o, uint32_t number, int64_t now_ms);

/* A request with the token of that number was answered otherwise. */
void oauth_accepted(struct oauth *o, uint32_t number);

#endif
