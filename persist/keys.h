/* keys.h — keys and values of store and directory, written and read in one place.
 *
 * Keys. Strings carry their length in one byte before them (the bare names that are the keys of
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
 *              x "position"         u64 epoch, u64 number: records applied
 *              x "redo"             the directory's writes of the last commit that had any
 *              x "schema"           u32
 *   users      user                 struct user
 *   chats      chat                 struct chat (groups and channels; a pair once it is opened)
 *   members    chat user            struct member (groups and channels; also of pairs once opened)
 *   lists      user chat            empty: which chats a user is in
 *
 * Values are little-endian and start with a version byte, 1; but for messages, seqs and redo.
 */
#ifndef GNATTER_PERSIST_KEYS_H
#define GNATTER_PERSIST_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/err.h"
#include "wire/jwt.h"
#include "wire/name.h"

#define KEY_MAX           512
#define MESSAGE_ID_MAX    64
#define TITLE_BYTES_MAX   512
#define PASSWORD_HASH_MAX 128

/* A key in the making. Static storage or stack; 0 length after an overlong part. */
struct key {
	size_t len;
	char data[KEY_MAX];
};

static inline struct bytes key_bytes(const struct key *k)
{
	return (struct bytes){k->data, k->len};
}

struct key key_message(struct bytes chat, uint64_t seq);
struct key key_messages(struct bytes chat); /* prefix */
struct key key_state(struct bytes chat);
struct key key_dedupe(struct bytes chat, struct bytes user, struct bytes id);
struct key key_mark(struct bytes chat, struct bytes user);
struct key key_marks(struct bytes chat); /* prefix */
struct key key_owed(uint64_t number, uint32_t part);
struct key key_owed_all(void); /* prefix */
struct key key_removed(struct bytes user);
struct key key_edits(struct bytes chat, uint64_t seq);
struct key key_meta(const char *name);
struct key key_user(struct bytes user);
struct key key_chat(struct bytes chat);
struct key key_member(struct bytes chat, struct bytes user);
struct key key_members(struct bytes chat); /* prefix */
struct key key_list(struct bytes user, struct bytes chat);
struct key key_lists(struct bytes user); /* prefix */

/* The last part of a key of members, lists (a name), of messages (seq) or of owed (number, part).
 */
struct bytes key_last_name(struct bytes key);
uint64_t key_message_seq(struct bytes key);
void key_owed_parts(struct bytes key, uint64_t *number, uint32_t *part);

struct chat_state {
	uint64_t seq;     /* of the last message */
	uint64_t ts;      /* of the last message; never falls */
	uint64_t n;       /* messages a person counts */
	uint64_t visible; /* seq of the last message a person counts: the preview */
};

struct mark {
	uint64_t delivered, read; /* seq */
	uint64_t read_n;          /* n at the read mark */
	uint64_t ts;
};

struct user {
	bool disabled;
	enum role role;
	uint64_t created;        /* ms */
	uint64_t valid_after_ms; /* tokens issued before are dead */
	struct bytes hash;       /* argon2id string; empty: sign-in by token only */
	struct bytes name;       /* display name; may be empty */
};

enum group_kind { KIND_PAIR, KIND_GROUP, KIND_CHANNEL };

struct chat {
	enum group_kind kind;
	uint64_t created;
	uint32_t members, admins;
	struct bytes by; /* who made it */
	struct bytes title;
};

struct member {
	bool admin;
	uint64_t since;     /* ms */
	uint64_t since_seq; /* the chat's last seq when joining */
};

void chat_state_encode(struct buf *b, const struct chat_state *s);
enum err chat_state_decode(struct chat_state *s, struct bytes v);
void mark_encode(struct buf *b, const struct mark *m);
enum err mark_decode(struct mark *m, struct bytes v);
void user_encode(struct buf *b, const struct user *u);
enum err user_decode(struct user *u, struct bytes v); /* strings are lent from v */
void chat_encode(struct buf *b, const struct chat *c);
enum err chat_decode(struct chat *c, struct bytes v);
void member_encode(struct buf *b, const struct member *m);
enum err member_decode(struct member *m, struct bytes v);

#endif
