/* offer.h — what this server can push with, as its operator has set it up.
 *
 * Made when the daemon starts, and lent to those who answer requests; it does not change while it
 * is lent. Any thread. NULL in its place: nobody has said, and everything is taken.
 */
#ifndef GNATTER_PUSH_OFFER_H
#define GNATTER_PUSH_OFFER_H

#include "bridge/push/check.h"

struct push_offer {
	unsigned kinds;           /* 1 << enum push_kind_id of each that is set up */
	struct bytes webpush_key; /* public key of RFC 8292, base64url; empty: none */
	struct bytes apns_topics; /* which a device may name, a space between two; empty: none */
	bool webhook_url;         /* there is a URL of the operator's */
	bool webhook_own;         /* a registration may have one of its own */
};

bool push_offered(const struct push_offer *o, enum push_kind_id kind);

/* May a device register so? The request is one that push_check() found good. ERR_OK, or
 * ERR_CONFLICT with *why a static sentence. */
enum err push_offer_check(const struct push_offer *o, enum push_kind_id kind,
	const struct json_object *request, const char **why);

#endif
