/* internal.h — what the files of the engine share. Not for anybody else. */
#ifndef GNATTER_ENGINE_INTERNAL_H
#define GNATTER_ENGINE_INTERNAL_H

#include "bridge/engine/answer.h"
#include "bridge/engine/engine.h"
#include "bridge/engine/message.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "wire/json.h"

#define BYTES(literal) ((struct bytes){(literal), sizeof(literal) - 1})

/* --- state.c: users, chats, members and marks as the batch sees them
 * ------------------------------- Strings in what they return are lent until the next read or write
 * of the batch. ERR_NOT_FOUND if there is no such thing. */
enum err state_user(struct engine *e, struct bytes user, struct user *out);
enum err state_chat(struct engine *e, struct bytes chat, struct chat *out);
enum err state_member(struct engine *e, struct bytes chat, struct bytes user, struct member *out);
enum err state_mark(struct engine *e, struct bytes chat, struct bytes user, struct mark *out);
enum err state_messages(struct engine *e, struct bytes chat, struct chat_state *out);
enum err state_message(struct engine *e, struct bytes chat, uint64_t seq, struct bytes *out);

enum err state_device(struct engine *e, struct bytes user, struct bytes device, struct device *out);
void put_device(struct engine *e, struct bytes user, struct bytes device, const struct device *d);

enum err state_number(struct engine *e, const struct key *k, uint64_t *out);

void put_number(struct engine *e, const struct key *k, uint64_t n);
void put_user(struct engine *e, struct bytes user, const struct user *u);
void put_chat(struct engine *e, struct bytes chat, const struct chat *c);
void put_member(struct engine *e, struct bytes chat, struct bytes user, const struct member *m);
void put_mark(struct engine *e, struct bytes chat, struct bytes user, const struct mark *m);
void put_messages(struct engine *e, struct bytes chat, const struct chat_state *s);
void put_message(struct engine *e, struct bytes chat, uint64_t seq, struct bytes message);
void remove_member(struct engine *e, struct bytes chat, struct bytes user);

/* Names collected from keys of members (users) or lists (chats), so that the batch may be written
 * while they are walked. */
struct names {
	struct buf text; /* bytes16 each */
	size_t count;
};
enum err state_members(struct engine *e, struct bytes chat, struct names *out);
enum err state_chats_of(struct engine *e, struct bytes user, struct names *out);
#define NAMES_EACH(names, reader, name)                                 \
	for (reader = reader_of((names)->text.data, (names)->text.len); \
		(name = read_bytes16(&reader)).len > 0;)

/* How many keys of t start with prefix, counted up to max. */
enum err state_count(
	struct engine *e, enum table t, const struct key *prefix, size_t max, size_t *out);

/* How many chats a user is in, counted up to max. */
enum err state_chats_count(struct engine *e, struct bytes user, size_t max, size_t *out);

/* Delete every key of t that starts with prefix. */
enum err state_forget(struct engine *e, enum table t, const struct key *prefix);

/* --- requests: one call of a method
 * --------------------------------------------------------------- */
struct request {
	struct engine *e;
	const struct record *r;
	struct json_object json;
	struct bytes re;    /* the request's "re", as written; empty if none */
	bool admin;         /* the caller has the role admin */
	const char *why;    /* on failure: a sentence, static, instead of the code's own text */
	struct buf *answer; /* on success: members after {"ok":true, each with a comma before it */
	struct bytes expel; /* on success: whose connections to look at once the answer is given */
	char kick[NAME_CLIENT_MAX + 1]; /* on success: the caller's client to close then, if any */
};

typedef enum err method_fn(struct request *q);

/* Read a required name out of the request. ERR_BAD_REQUEST if absent, ERR_BAD_NAME if it is none.
 */
enum err request_user(struct request *q, const char *member, struct bytes *out);
enum err request_chat(struct request *q, const char *member, struct bytes *out);

#define DISPLAY_NAME_MAX 128 /* bytes: what somebody is called, by himself or by others */

/* api.c: is there such a member, and not null? */
bool request_has(const struct request *q, const char *member);

/* devices.c: "device" of the request. ERR_BAD_REQUEST if absent, ERR_BAD_NAME if it is no name. */
enum err request_device(struct request *q, struct bytes *out);

/* accounts.c: the account of that name, or a refusal that says that there is none. */
enum err request_find(struct request *q, struct bytes user, struct user *u);

/* accounts.c: the caller's own account. ERR_FORBIDDEN for those of the system: they have none. */
enum err request_account(struct request *q, struct user *u);

/* --- refuse.c: what a client did wrong, told to the client
 * ---------------------------------------- */

/* Is err the server's own failure, which stops it, rather than a refusal? */
bool refusal_is_fatal(enum err err);

/* Refuse a send or an ack: an error on the Response Topic, if there is one, and on user/<u>/errors.
 * why NULL: the code's own text. id: of the message, empty if none. */
void refuse(
	struct engine *e, const struct record *r, enum err err, const char *why, struct bytes id);

/* "Not there" turned into what it means here. */
static inline enum err absent_is(enum err err, enum err instead)
{
	return err == ERR_NOT_FOUND ? instead : err;
}

/* --- send.c, ack.c
 * -------------------------------------------------------------------------------- */
enum err send_apply(struct engine *e, const struct record *r);
enum err ack_apply(struct engine *e, const struct record *r);

/* Store and publish a system message: body is the inside of its "body" object. *seq may be NULL. */
enum err send_system(struct engine *e, const struct record *r, struct bytes chat, struct bytes body,
	uint64_t *seq);

/* --- groups.c, members.c, accounts.c, bulk.c: the methods
 * ----------------------------------------- */
enum err method_chat_create(struct request *q);
enum err method_chat_import(struct request *q); /* a line of import: tells nobody */
enum err method_chat_update(struct request *q);
enum err method_chat_leave(struct request *q);
enum err method_member_add(struct request *q);
enum err method_member_remove(struct request *q);
enum err method_member_role(struct request *q);
enum err method_user_add(struct request *q);
enum err method_user_remove(struct request *q);
enum err method_user_disable(struct request *q);
enum err method_user_enable(struct request *q);
enum err method_password_set(struct request *q);
enum err method_kick(struct request *q);
enum err method_contact_add(struct request *q); /* contacts.c */
enum err method_contact_remove(struct request *q);
enum err method_block_add(struct request *q);
enum err method_block_remove(struct request *q);
enum err method_profile_set(struct request *q); /* profile.c */
enum err method_privacy_set(struct request *q);
enum err method_status_post(struct request *q);
enum err method_device_set(struct request *q); /* devices.c */
enum err method_device_remove(struct request *q);
enum err method_chat_mute(struct request *q); /* groups.c */
enum err method_push_set(struct request *q);  /* push.c */
enum err method_push_remove(struct request *q);
enum err method_push_prefs(struct request *q);

/* presence.c: records of connections and of what devices say of themselves. */
enum err presence_apply(struct engine *e, const struct record *r);

/* presence.c: others may see the user's presence now, or not all of it: hint, and tell it also if
 * the daemon dies before. */
enum err presence_tell(struct engine *e, const struct record *r, struct bytes user, enum hint hint);

/* hide.c: that of the user may be seen by fewer from now on. `viewer` alone could see it before,
 * or, if that is empty, all who could while it was for `level`: they, and nobody else, are shown
 * that there is nothing. what: PRIVACY_PRESENCE or PRIVACY_STATUS. */
enum err hide(struct engine *e, const struct record *r, struct bytes user, enum privacy what,
	struct bytes viewer, enum visibility level);

/* hide.c: presence and story, of which all who could see them see nothing any more. */
enum err hide_all(
	struct engine *e, const struct record *r, struct bytes user, const struct user *u);

/* presence.c: an account goes: forget its sessions, devices, last seen, story, and what the broker
 * retains of them. */
enum err presence_forget(
	struct engine *e, const struct record *r, struct bytes user, const struct user *u);

/* profile.c: there is no story any more. */
enum err story_forget(struct engine *e, struct bytes user);

/* profile.c: has the user ever had a story? One that was taken back or has expired may stand on a
 * screen still. */
enum err story_was_told(struct engine *e, struct bytes user, bool *yes);

/* profile.c: publish the user's story, if there is one, once more: others may see it now. */
enum err story_again(struct engine *e, const struct record *r, struct bytes user);

/* devices.c: the device of a connection is remembered; its event told if it is new. */
enum err device_came(struct engine *e, const struct record *r);

/* devices.c: take back what the broker retains of what the device said of itself. */
void device_unsay(struct engine *e, struct bytes user, struct bytes device);

/* devices.c: has the device that asks a name? ERR_CONFLICT with a sentence if not. */
enum err device_named(struct request *q);

/* devices.c: the same, and was it not removed? One that was is as good as gone: ERR_FORBIDDEN. */
enum err device_check(struct request *q);

/* devices.c: the device of the record is in its user's list, from now on if it was not. */
enum err device_listed(struct engine *e, const struct record *r);

/* push.c: a message that a person counts was stored: it goes into the push outbox, if anybody is
 * registered. */
enum err push_message(struct engine *e, struct bytes chat, uint64_t seq, uint64_t n, uint64_t ts);

/* push.c: an account goes: its registrations and preferences with it. */
enum err push_forget(struct engine *e, struct bytes user);

/* contacts.c: an account goes: its contacts and revoked devices with it. Its blocks stay until the
 * name is given to another one, so that who was blocked is not told that it goes. */
enum err contacts_forget(struct engine *e, struct bytes user);
enum err blocks_forget(struct engine *e, struct bytes user);

/* contacts.c: has the owner blocked the user? */
enum err state_has_blocked(struct engine *e, struct bytes owner, struct bytes user, bool *yes);

/* contacts.c: has either of the two blocked the other? ERR_OK with *blocked set. */
enum err state_blocked(struct engine *e, struct bytes a, struct bytes b, bool *blocked);
enum err method_import(struct request *q);

/* members.c: take a user out of a group and tell everybody; `event` is member.removed or
 * member.left. The chat's last admin going makes the longest-standing member admin. */
enum err member_take_out(struct engine *e, const struct record *r, struct bytes chat,
	struct bytes user, const char *event);

/* members.c: put a user in. Checks nothing. */
enum err member_put_in(struct engine *e, const struct record *r, struct bytes chat, struct chat *c,
	const struct chat_state *s, struct bytes user, bool admin);

/* members.c: may the caller manage this group? Fills *c, whose strings are lent. */
enum err member_manager(struct request *q, struct bytes chat, struct chat *c);

/* events.c: what users and chats are told. */
void event_user(struct engine *e, const struct record *r, struct bytes user, const char *event,
	struct bytes chat, const struct chat *c);
void event_chat(struct engine *e, const struct record *r, struct bytes chat, const char *event,
	struct bytes user, const char *role, uint64_t seq);

/* What a user did himself, for all of his devices; one more member, or name NULL. */
void event_own(struct engine *e, const struct record *r, const char *event, const char *name,
	struct bytes value);

/* The same with whatever members are appended in between. */
struct buf *event_own_begin(struct engine *e, const char *event);
void event_own_end(struct engine *e, const struct record *r);
void event_of_end(
	struct engine *e, const struct record *r, struct bytes user); /* for this user's */

/* api.c */
enum err api_apply(struct engine *e, const struct record *r);

#endif
