/* prepare.h — what must happen to a record before the engine may see it.
 *
 * The engine has no randomness: a password is turned into its argon2id hash here, with a fresh
 * salt, and the record goes on with "hash" in the place of "password". Only an admin may bring a
 * hash.
 *
 * Hashing is slow on purpose, so that those who are no admins share a budget of a fifth of the
 * time: beyond it they are refused.
 */
#ifndef GNATTER_BRIDGE_PREPARE_H
#define GNATTER_BRIDGE_PREPARE_H

#include "wire/conf.h"
#include "wire/record.h"

#define PREPARE_USERS 1024
#define PREPARE_BURST 5

struct prepare {
	struct buf payload; /* of the record last prepared */
	int64_t budget_us, refilled_us;
	int64_t free_at_us[PREPARE_USERS]; /* by a hash of the user: when the last one is paid off
					    */
};

void prepare_finish(struct prepare *p);

/* Prepare r in place; its payload may then be lent from *p until the next call. What it returns
 * goes to engine_apply as `refuse`: ERR_OK, ERR_RATE_LIMITED, ERR_BAD_REQUEST, or ERR_NOMEM. */
enum err prepare_record(struct prepare *p, struct record *r, const struct conf *conf);

#endif
