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
 *
 * Values are little-endian and start with a version byte, 1 (of users 2, and 1 is still read; of
 * marks also 2, if how it was told stands there); but for messages, bare numbers, mutes, push
 * entries and redo.
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
#define ABOUT_BYTES_MAX   512
#define AVATAR_BYTES_MAX  256
#define STATE_TEXT_MAX    128 /* bytes of the short text beside away or busy */
#define DEVICE_KIND_MAX   32  /* bytes */
#define DEVICE_NAME_MAX   64  /* bytes */
#define STORY_BYTES_MAX   4096
#define PUSH_DATA_MAX     2048 /* bytes of what a registration is made of */
#define PUSH_HASH_BYTES   16
#define UTC_OFFSET_MAX    (14 * 60) /* minutes, either way */
#define DAY_MINUTES       (24 * 60)

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

struct chat_state {
	uint64_t seq;     /* of the last message */
	uint64_t ts;      /* of the last message; never falls */
	uint64_t n;       /* messages a person counts */
	uint64_t visible; /* seq of the last message a person counts: the preview */
};

/* How a mark was told to others last. */
struct told {
	uint64_t at;              /* ms */
	uint64_t delivered, read; /* what was told */
	bool pending; /* it has grown since, and is to be told when its interval is over */
};

struct mark {
	uint64_t delivered, read; /* seq */
	uint64_t read_n;          /* n at the read mark */
	uint64_t ts;
	struct told told; /* at 0: as it stands, at ts; mark_told() says it in full */
};

/* What of a user may be seen, and by whom. */
enum privacy {
	PRIVACY_PRESENCE,
	PRIVACY_LAST_SEEN,
	PRIVACY_PROFILE,
	PRIVACY_STATUS,
	PRIVACY_COUNT
};
enum visibility { VISIBLE_EVERYONE, VISIBLE_CONTACTS, VISIBLE_NOBODY, VISIBLE_COUNT };

struct user {
	bool disabled;
	enum role role;
	uint64_t created;        /* ms */
	uint64_t valid_after_ms; /* tokens issued before are dead */
	struct bytes hash;       /* argon2id string; empty: sign-in by token only */
	struct bytes name;       /* display name; may be empty */
	struct bytes about, avatar;
	uint8_t privacy[PRIVACY_COUNT]; /* enum visibility of each */
	bool receipts_hidden;           /* others do not see how far this one has read */
};

/* An account with the defaults of privacy. */
#define USER_NEW                                                                         \
	((struct user){.privacy = {VISIBLE_CONTACTS, VISIBLE_CONTACTS, VISIBLE_CONTACTS, \
			       VISIBLE_CONTACTS}})

struct contact {
	uint64_t since;    /* ms */
	struct bytes name; /* what the owner calls them; may be empty */
};

struct revoked {
	uint64_t
		at; /* ms: tokens issued before are dead, what was queued before is not delivered */
	bool back;  /* it has signed in again since */
};

/* One connection. */
struct session {
	uint64_t since; /* ms */
	struct bytes device;
	bool ephemeral; /* of no device with a name of its own */
};

enum presence_state { STATE_OFFLINE, STATE_ONLINE, STATE_AWAY, STATE_BUSY, STATE_COUNT };

/* What is known of a device, connected or not. */
struct device {
	uint64_t first, last_seen; /* ms: connected for the first time; connected or gone last */
	bool shown;     /* presence/<user>/<device> may say something else than offline */
	bool speaks;    /* it has published there: the broker may retain something */
	bool ephemeral; /* of a client id without a device: to be forgotten when it goes */
	enum presence_state state; /* what it said of itself on this connection */
	uint64_t state_ts;
	struct bytes text, name, kind;
};

struct seen {
	uint64_t last_seen; /* ms: of the user on any device */
};

struct story {
	uint64_t expires;     /* ms */
	struct bytes payload; /* as published on user/<user>/status */
};

/* A chat that somebody wants to hear less of. */
struct mute {
	uint64_t until; /* ms; UINT64_MAX: for ever */
	bool mentions;  /* but of what mentions him */
};

/* What a push may say of a message. */
enum push_preview {
	PREVIEW_OFF,     /* that there is one */
	PREVIEW_ON,      /* who wrote what */
	PREVIEW_AS_USER, /* as struct push_prefs says */
	PREVIEW_COUNT
};

/* A device that is pushed to. kind and data: bridge/push/check.h. */
struct push_registration {
	uint64_t set_ms; /* never the same twice for one device: tells an older one from a newer */
	uint8_t kind;    /* enum push_kind_id, not 0 */
	enum push_preview preview;
	struct bytes data; /* JSON */
};

struct push_owner {
	struct bytes user, device;
};

/* What a user wants of pushes to all of his devices. All zero: quiet hours he has none. */
struct push_prefs {
	bool quiet;         /* from `from` to `to` pushes wait */
	bool mentions;      /* but of what mentions him */
	bool hidden;        /* no preview, where a registration does not say otherwise */
	uint16_t from, to;  /* minutes of his day, not the same; 0 if not quiet */
	int16_t utc_offset; /* minutes that his day begins before that of UTC */
};

/* Messages of one chat that may have to be pushed: to whom is found out later. A value has one for
 * each chat in which something was said in one commit. */
struct push_entry {
	struct bytes chat;
	uint64_t first, last; /* seq */
	uint64_t n, ts;       /* of the first */
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
struct told mark_told(const struct mark *m);
void user_encode(struct buf *b, const struct user *u);
enum err user_decode(struct user *u, struct bytes v); /* strings are lent from v */
void chat_encode(struct buf *b, const struct chat *c);
enum err chat_decode(struct chat *c, struct bytes v);
void member_encode(struct buf *b, const struct member *m);
enum err member_decode(struct member *m, struct bytes v);
void contact_encode(struct buf *b, const struct contact *c);
enum err contact_decode(struct contact *c, struct bytes v);
void revoked_encode(struct buf *b, const struct revoked *r);
enum err revoked_decode(struct revoked *r, struct bytes v);
void session_encode(struct buf *b, const struct session *s);
enum err session_decode(struct session *s, struct bytes v);
void device_encode(struct buf *b, const struct device *d);
enum err device_decode(struct device *d, struct bytes v);
void seen_encode(struct buf *b, const struct seen *s);
enum err seen_decode(struct seen *s, struct bytes v);
void story_encode(struct buf *b, const struct story *s);
enum err story_decode(struct story *s, struct bytes v);
void mute_encode(struct buf *b, const struct mute *m);
enum err mute_decode(struct mute *m, struct bytes v);
void push_registration_encode(struct buf *b, const struct push_registration *r);
enum err push_registration_decode(struct push_registration *r, struct bytes v);
void push_owner_encode(struct buf *b, const struct push_owner *o);
enum err push_owner_decode(struct push_owner *o, struct bytes v);
void push_prefs_encode(struct buf *b, const struct push_prefs *p);
enum err push_prefs_decode(struct push_prefs *p, struct bytes v);

/* Append one; take the next one. False at the end, and of what is none (then r->failed is set). */
void push_entry_encode(struct buf *b, const struct push_entry *e);
bool push_entry_next(struct push_entry *e, struct reader *r);

#endif
