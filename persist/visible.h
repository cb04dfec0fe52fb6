/* visible.h — who may see what of whom: one rule, for the plugin (live) and the bridge (answers).
 *
 * A user sees everything of himself. Of another he sees what that one's privacy says, as `everyone`
 * or as one of the other's contacts; nothing of one who has blocked him, or whose account is
 * disabled. Contacts and blocks that are older than the account they name were made for another
 * one, who had that name before, and do not count.
 */
#ifndef GNATTER_PERSIST_VISIBLE_H
#define GNATTER_PERSIST_VISIBLE_H

#include "persist/directory.h"
#include "persist/values.h"

/* Who looks. created: of the account, ms; 0 if not known, then any contact or block counts. */
struct viewer {
	struct bytes user;
	uint64_t created;
};

/* Has `owner` blocked the viewer? ERR_OK with *yes set, ERR_IO, ERR_CORRUPT. */
enum err visible_blocked(
	struct directory_reader *r, struct bytes owner, const struct viewer *v, bool *yes);

/* May the viewer see that of the owner, whose account is *u (its strings may be lent from r)?
 * ERR_OK with *yes set, ERR_IO, ERR_CORRUPT. Refreshes nothing: all on the state that r looks at.
 */
enum err visible(struct directory_reader *r, struct bytes owner, const struct user *u,
	enum privacy what, const struct viewer *v, bool *yes);

/* As api/privacy.set has them: "presence", ...; "everyone", ... */
const char *privacy_name(enum privacy what);
const char *visibility_name(enum visibility level);

#endif
