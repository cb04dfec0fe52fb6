/* password.h — is this the account's password? Without letting that question freeze the broker.
 *
 * A check by argon2id takes milliseconds of the broker's only thread. So, in this order:
 *   1. an address, and a user, with too many wrong passwords in the last minute is refused unread;
 *   2. a password found right lately is known again by a keyed hash of it together with the
 *      account's stored hash: a changed password is never answered from there;
 *   3. a stored hash that would take far longer than configured is refused, as is any check while
 *      more than PASSWORD_SHARE of the time went into them.
 * Whether the account exists and is enabled is the caller's to ask before, every time.
 */
#ifndef GNATTER_PLUGIN_PASSWORD_H
#define GNATTER_PLUGIN_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/conf.h"
#include "wire/err.h"

#define PASSWORD_SHARE    20  /* per cent of the time that may go into checking passwords */
#define PASSWORD_BURST_MS 500 /* of checking, at once, after a pause */
#define PASSWORD_COSTLIER 4   /* times the configured cost that a stored hash may have */

struct passwords;

/* conf is borrowed and may change between calls. NULL when out of memory. */
struct passwords *passwords_create(const struct conf *conf);
void passwords_destroy(struct passwords *p);

struct password_attempt {
	const char *user, *password, *address; /* address may be NULL */
	struct bytes hash;                     /* the account's; empty: it has no password */
};

/* ERR_OK, ERR_UNAUTHORIZED (wrong), ERR_RATE_LIMITED (not even looked at), with *why, a static
 * sentence. now_ms: of a clock that never runs backwards. */
enum err passwords_check(
	struct passwords *p, const struct password_attempt *try, int64_t now_ms, const char **why);

/* A wrong user name counts for the address like a wrong password. */
void passwords_wrong_user(struct passwords *p, const char *address, int64_t now_ms);
bool passwords_may_try(struct passwords *p, const char *address, int64_t now_ms);

#endif
