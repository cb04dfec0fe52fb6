/* facts.h — what the directory says of users and chats now, and what each identity remembers of it.
 *
 * Every answer is about the state that is committed at that moment. Answers are kept in struct
 * memo, but never longer than directory_version() stays the same: then nothing was committed since.
 *
 * When the directory cannot be read, every answer is no, and it is not kept. One thread.
 */
#ifndef GNATTER_PLUGIN_FACTS_H
#define GNATTER_PLUGIN_FACTS_H

#include "identity.h"
#include "persist/directory.h"
#include "persist/values.h"
#include "wire/spoolfile.h"

struct facts;

/* Counters and directory are borrowed. */
enum err facts_create(struct facts **out, struct directory *directory, struct counters *counters);
void facts_destroy(struct facts *f);

/* Let go of a state of the directory that is no longer the newest, and, after many lookups and once
 * things are quiet, of the memory that they took. Call it now and then. clock_ms never runs
 * backwards. */
void facts_rest(struct facts *f, int64_t clock_ms);

/* Read an account. ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. Parts of *u are lent until the next call. */
enum err facts_account(struct facts *f, struct bytes user, struct user *u);

/* When was the device removed? ERR_NOT_FOUND (never; *out is all 0), ERR_IO, ERR_CORRUPT. */
enum err facts_removed(
	struct facts *f, struct bytes user, struct bytes device, struct revoked *out);

/* Is there such an account, and not disabled? Brings id->role and the memo up to date. */
bool facts_account_ok(struct facts *f, struct identity *id);

/* May id read (or, with send, write to) the chat, as a member? Only after facts_account_ok() said
 * yes, with nothing in between. `number` is the chat's of chat_numbers.h. */
bool facts_chat(
	struct facts *f, struct identity *id, uint64_t number, struct bytes chat, bool send);

/* Is id written down as a member of the chat? In one of two it stays so when one has blocked the
 * other or is gone. Under the same condition. Not remembered: a lookup each time. */
bool facts_member(struct facts *f, const struct identity *id, struct bytes chat);

/* May id see both of the owner, who must have an account that is not disabled? Under the same
 * condition. Not remembered: some lookups each time, no more for two than for one. */
bool facts_visible(struct facts *f, const struct identity *id, struct bytes owner,
	enum privacy what, enum privacy also);

/* Could id see of the owner what was for that level, whatever the level is by now, and though the
 * account may be disabled? Of one that was removed: could anybody, but for those blocked? Likewise.
 */
bool facts_could_see(
	struct facts *f, const struct identity *id, struct bytes owner, enum visibility level);

#endif
