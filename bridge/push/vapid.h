/* vapid.h — who we are, for a push service: RFC 8292.
 *
 *   Authorization: vapid t=<JWT>, k=<public key>
 *
 * The JWT holds for one origin and 12 hours, where the RFC allows 24: so a clock may be wrong by
 * some hours. It is made once and kept for VAPID_ORIGINS_MAX origins; users choose where they are,
 * and the worst that many of them do is that JWTs are signed more often.
 */
#ifndef GNATTER_BRIDGE_PUSH_VAPID_H
#define GNATTER_BRIDGE_PUSH_VAPID_H

#include <stdint.h>

#include "bridge/push/sign.h"

#define VAPID_ORIGINS_MAX 64
#define VAPID_LIFE_MS     ((int64_t)12 * 3600000)

struct vapid;

/* The key, which *out takes over also on failure, and how to reach us (mailto: or https:), which is
 * copied. ERR_NOMEM. */
enum err vapid_create(struct vapid **out, struct sign_key *key, const char *subject);
void vapid_destroy(struct vapid *v);

/* The public key in base64url. Lent. */
struct bytes vapid_public_key(const struct vapid *v);

/* Append the header's value for an origin as endpoint_origin() writes it. ERR_NOMEM or
 * ERR_INTERNAL. */
enum err vapid_put(struct vapid *v, struct buf *out, struct bytes origin, int64_t now_ms);

#endif
