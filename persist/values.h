/* values.h — the values of store and directory, written and read in one place. Which key has which:
 * persist/keys.h.
 *
 * Values are little-endian and start with a version byte, 1 (of users 2, and 1 is still read; of
 * marks also 2, if how it was told stands there); but for messages, bare numbers, mutes, push
 * entries and redo.
 *
 * Encoders append to b, which says when memory was short. Decoders lend strings from v, and give
 * ERR_CORRUPT for what is too short, too long, of another version or out of range.
 */
#ifndef GNATTER_PERSIST_VALUES_H
#define GNATTER_PERSIST_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/err.h"
#include "wire/jwt.h"

#define TITLE_BYTES_MAX   512
#define PASSWORD_HASH_MAX 128
#define ABOUT_BYTES_MAX   512
#define AVATAR_BYTES_MAX  256
#define STATE_TEXT_MAX    128 /* bytes of the short text beside away or busy */
#define DEVICE_KIND_MAX   32  /* bytes */
#define DEVICE_NAME_MAX   64  /* bytes */
#define STORY_BYTES_MAX   4096
#define PUSH_DATA_MAX     2048      /* bytes of what a registration is made of */
#define UTC_OFFSET_MAX    (14 * 60) /* minutes, either way */
#define DAY_MINUTES       (24 * 60)

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
enum err user_decode(struct user *u, struct bytes v);
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
