/* keys.h — the keys of store and directory, written and read in one place. What the values hold:
 * persist/values.h.
 *
 * Strings carry their length in one byte before them (the bare names that are the keys of
 * users and chats do not), numbers are 8 bytes big-endian, so that order is useful: all messages of
 * a chat stand together, in order of seq.
 *
 *   store      m chat seq           the message, exactly the bytes published
 *              s chat               struct chat_state
 *              d chat user id       seq (dedupe)
 *              k chat user          struct mark
 *              o number part        effects owed to the plugin (encoded effects, wire/effect.h)
 *              e chat seq           u64: how often the message was edited
 *              r user               u64: when an account of that name was removed, ms
 *              w user client        struct session: a connection that is there now
 *              w user 0xff          empty: the end of those of a user who has ever been there
 *              v user device        struct device
 *              l user               struct seen
 *              t user               empty: presence/<user> may say something else than offline
 *              j user               struct story
 *              q user chat          struct mute
 *              h chat user          empty: the mark is pending (struct told)
 *              g user device        struct push_registration
 *              y hash               struct push_owner: whose registration has that address
 *              u user               struct push_prefs
 *              p number             struct push_entry, several: what a commit leaves to be pushed
 *              x "position"         u64 epoch, u64 number: records applied
 *              x "started"          u64: when the broker started last, ms
 *              x "sweep"            the same, until everybody was told after it
 *              x "registrations"    u64: how many keys g there are
 *              x "redo"             the directory's writes of the last commit that had any
 *              x "schema"           u32
 *   users      user                 struct user
 *   chats      chat                 struct chat (groups and channels; a pair once it is opened)
 *   members    chat user            struct member (groups and channels; also of pairs once opened)
 *   lists      user chat            empty: which chats a user is in
 *   contacts   user contact         struct contact
 *   blocks     user blocked         u64 since, ms
 *   revoked    user device          struct revoked: a device that was removed
 */
#ifndef GNATTER_PERSIST_KEYS_H
#define GNATTER_PERSIST_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"

#define KEY_MAX         512
#define MESSAGE_ID_MAX  64
#define PUSH_HASH_BYTES 16

/* A key in the making. Static storage or stack; 0 length after an overlong part. */
struct key {
	size_t len;
	char data[KEY_MAX];
};

/* Is it of a kind that is asked for one by one, and often: state, mark, device, seen, shown,
 * removed, session? Their values are small. */
bool key_is_asked_often(struct bytes key);

static inline struct bytes key_bytes(const struct key *k)
{
	return (struct bytes){k->data, k->len};
}

struct key key_message(struct bytes chat, uint64_t seq);
struct key key_messages(struct bytes chat); /* prefix */
struct key key_state(struct bytes chat);
struct key key_dedupe(struct bytes chat, struct bytes user, struct bytes id);
struct bytes key_dedupe_writer(struct bytes key); /* its part before the id; empty: it is none */
struct key key_mark(struct bytes chat, struct bytes user);
struct key key_marks(struct bytes chat); /* prefix */
struct key key_owed(uint64_t number, uint32_t part);
struct key key_owed_all(void); /* prefix */
struct key key_removed(struct bytes user);
struct key key_edits(struct bytes chat, uint64_t seq);
struct key key_session(struct bytes user, struct bytes client);
struct key key_sessions(struct bytes user);     /* prefix */
struct key key_sessions_all(void);              /* prefix */
struct key key_sessions_end(struct bytes user); /* behind them; its value is empty */
struct key key_device(struct bytes user, struct bytes device);
struct key key_devices(struct bytes user); /* prefix */
struct key key_devices_all(void);          /* prefix */
struct key key_seen(struct bytes user);
struct key key_seen_all(void); /* prefix */
struct key key_shown(struct bytes user);
struct key key_shown_all(void); /* prefix */
struct key key_story(struct bytes user);
struct key key_stories_all(void); /* prefix */
struct key key_mute(struct bytes user, struct bytes chat);
struct key key_mutes(struct bytes user); /* prefix */
struct key key_pending(struct bytes chat, struct bytes user);
struct key key_pending_all(void); /* prefix */
struct key key_registration(struct bytes user, struct bytes device);
struct key key_registrations(struct bytes user); /* prefix */
struct key key_registrations_all(void);          /* prefix */
struct key key_push_owner(const unsigned char hash[PUSH_HASH_BYTES]);
struct key key_push_prefs(struct bytes user);
struct key key_push(uint64_t number);
struct key key_push_all(void); /* prefix */
struct key key_meta(const char *name);
struct key key_user(struct bytes user);
struct key key_chat(struct bytes chat);
struct key key_member(struct bytes chat, struct bytes user);
struct key key_members(struct bytes chat); /* prefix */
struct key key_list(struct bytes user, struct bytes chat);
struct key key_lists(struct bytes user); /* prefix */
struct key key_contact(struct bytes user, struct bytes contact);
struct key key_contacts(struct bytes user); /* prefix */
struct key key_block(struct bytes user, struct bytes blocked);
struct key key_blocks(struct bytes user); /* prefix */
struct key key_revoked(struct bytes user, struct bytes device);
struct key key_revoked_all(struct bytes user); /* prefix */

/* The two strings of a key of the store with a letter and two strings (w, v, h, q, g), or one (then
 * *b is empty). Both empty if it is no such key. */
void key_names(struct bytes key, struct bytes *a, struct bytes *b);

/* The last part of a key of members, lists (a name), of messages (seq), of push entries (number) or
 * of owed (number, part). */
struct bytes key_last_name(struct bytes key);
uint64_t key_message_seq(struct bytes key);
uint64_t key_push_number(struct bytes key);
void key_owed_parts(struct bytes key, uint64_t *number, uint32_t *part);

#endif
