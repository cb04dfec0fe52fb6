/* gnatter.h — chat over MQTT: the client's side of Gnatter, for apps, gateways and devices.
 *
 * A client is one device of one user. It connects, and connects again whenever the connection ends;
 * keeps what it sends in an outbox until the server has stored it; keeps what it received in a
 * cache and asks for whatever it lacks. Outbox and cache are one SQLite file, or memory.
 *
 *   struct gnatter_options o;
 *   struct gnatter *g;
 *
 *   gnatter_options_init(&o);
 *   o.address = "tcp://localhost:1883";
 *   o.user = "alice";
 *   o.device = "phone";
 *   o.secret = token;
 *   o.store = "/home/alice/.cache/chat.db";
 *   o.callbacks.on_message = on_message;
 *   if (gnatter_create(&g, &o) == GNATTER_OK && gnatter_connect(g) == GNATTER_OK)
 *           gnatter_send_text(g, "lobby", "hello", NULL);
 *
 * THREADS. A connected client has a thread of its own, and all callbacks come from there, one at a
 * time, with no lock held. They should be short: what arrives waits meanwhile. Every function may
 * be called from any thread and from callbacks, but for gnatter_disconnect() and gnatter_destroy(),
 * which wait for that thread and must not be called from it (GNATTER_EINVAL; destroy aborts).
 * Row functions, which the reading functions call for each chat, message, member or profile, are
 * called in your thread with the store locked: copy, and return.
 *
 * STRINGS are UTF-8 and end in NUL. What a function is given is copied if it is kept. What a
 * callback is given is lent until it returns. Times are milliseconds since 1970 on the server's
 * clock unless a name says otherwise. A `seq` is a message's number in its chat, from 1 up without
 * gaps; 0 is none.
 *
 * ERRORS. A function that could not even begin returns one of enum gnatter_error. What the server
 * refuses comes later, by callback, with a `code` of docs/protocol.md ("forbidden", "not_found", …)
 * or one of this library's own: "timeout" (no answer came), "closed" (the client was disconnected
 * by its owner before), "no_memory".
 */
#ifndef GNATTER_H
#define GNATTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is declared here is all that the shared library exports. */
#pragma GCC visibility push(default)

#define GNATTER_VERSION "0.5.0"

/* The library's version, which may be another than the header's. Static. */
const char *gnatter_version(void);

enum gnatter_error {
	GNATTER_OK = 0,
	GNATTER_EINVAL,   /* an argument is missing, malformed or out of range */
	GNATTER_ENOMEM,   /* out of memory */
	GNATTER_ESTORE,   /* the store cannot be read or written: disk full, damaged, of a newer
			     version */
	GNATTER_EINUSE,   /* the store is in use by another client */
	GNATTER_EOWNER,   /* the store belongs to another user or device */
	GNATTER_ELIMIT,   /* a limit of the options is reached */
	GNATTER_ENOTFOUND /* there is no such thing in the store */
};

/* One sentence for e. Static. */
const char *gnatter_error_text(enum gnatter_error e);

struct gnatter;

/* --- what callbacks are given
 * --------------------------------------------------------------------- */

enum gnatter_state {
	GNATTER_OFFLINE,    /* not connected; tries again in retry_in_ms */
	GNATTER_CONNECTING, /* on its way */
	GNATTER_ONLINE,     /* signed in; asking for what it lacks */
	GNATTER_SYNCED,     /* has everything there is */
	GNATTER_STOPPED,    /* gnatter_connect() was not called, or gnatter_disconnect() was */
};

struct gnatter_status {
	enum gnatter_state state;
	const char *address; /* that is used, or was tried last; "" before the first */
	const char *reason;  /* why it is offline, a sentence; "" otherwise */
	bool unauthorized;   /* offline, since user, token or password were refused */
	int64_t retry_in_ms; /* offline: from now; 0 otherwise */
};

/* How far a message of one's own has come. */
enum gnatter_tick {
	GNATTER_TICK_NONE,      /* not one's own */
	GNATTER_TICK_REFUSED,   /* refused for good, with a code */
	GNATTER_TICK_QUEUED,    /* in the outbox */
	GNATTER_TICK_SENT,      /* the server has it */
	GNATTER_TICK_STORED,    /* it is on the server's disk and has its seq */
	GNATTER_TICK_DELIVERED, /* to all other members; never told of a channel */
	GNATTER_TICK_READ,      /* by all other members; never told of a channel */
};

struct gnatter_message {
	const char *chat;
	uint64_t seq;       /* 0 while it is in the outbox */
	uint64_t n;         /* how many messages a person counts, up to and with this one */
	const char *from;   /* the user who sent it */
	const char *device; /* "" of a system message */
	int64_t ts_ms;  /* when the server accepted it; of one in the outbox: when it was queued */
	const char *id; /* "" of a system message */
	const char
		*type; /* "text", "image", …, "edit", "delete", "reaction", "system", "deleted" */
	uint64_t ref;  /* the seq it is about, or that it replies to; 0: none */
	const char *text;  /* as it is after the newest edit; NULL if it has none */
	const char *media; /* a JSON list; NULL if it has none */
	const char *body;  /* a JSON object; NULL if it has none */
	uint64_t edited;   /* seq of the newest edit; 0: never */
	uint64_t deleted;  /* seq of the delete; 0: it is not deleted */
	bool mine;         /* of this user, from whichever device */
	enum gnatter_tick tick;
	const char *code; /* of GNATTER_TICK_REFUSED; "" otherwise */
};

/* A message of one's own has come further. */
struct gnatter_sent {
	const char *chat;
	const char *id;
	uint64_t seq; /* from GNATTER_TICK_STORED on */
	enum gnatter_tick tick;
	const char *code;    /* of GNATTER_TICK_REFUSED; "" otherwise */
	const char *message; /* the server's sentence for it; "" otherwise */
};

enum gnatter_kind { GNATTER_PAIR, GNATTER_GROUP, GNATTER_CHANNEL };

struct gnatter_chat {
	const char *chat;
	enum gnatter_kind kind;
	const char *title; /* of a group or channel; "" if it has none */
	const char *peer;  /* of a pair: the other user; "" otherwise */
	const char *role;  /* "admin" or "member"; "" of a pair */
	uint64_t seq, n;   /* of the last message */
	int64_t ts_ms;     /* of the last message; when it was made if there is none */
	uint64_t unread;
	uint64_t delivered, read; /* this user's marks */
	bool muted;               /* see until and mentions */
	int64_t muted_until_ms;   /* 0: for ever */
	bool mentions;            /* muted but for mentions */
	bool gone;                /* the user is no member any more; what is cached can be read */
	uint64_t preview_seq;     /* of the newest message a person counts; 0: none */
	const char *preview_from, *preview_type;
	const char *preview_text; /* at most 120 characters; "" if it has none */
};

struct gnatter_mark {
	const char *chat, *user;
	uint64_t delivered, read; /* read is 0 where the user does not tell */
};

struct gnatter_member {
	const char *user, *role; /* "admin" or "member" */
	uint64_t delivered, read;
};

struct gnatter_presence {
	const char *user;
	bool online;
	const char *state;    /* "away", "busy", or "" */
	const char *text;     /* "" if there is none */
	int64_t last_seen_ms; /* 0: not known, or not shown to this user */
};

/* A user as far as this user may see it. */
struct gnatter_profile {
	const char *user;
	const char *alias; /* this user's name for them, of a contact; "" otherwise */
	const char *name, *about, *avatar; /* "" if not known */
	bool contact;
	struct gnatter_presence presence; /* as known last */
};

/* The answer to a request. */
struct gnatter_answer {
	const char *code;    /* "" if it was carried out */
	const char *message; /* a sentence for the code; "" if it was carried out */
	const char *json;    /* what the server answered, whole; "{}" if nothing came from it */
};
typedef void gnatter_answer_fn(void *ctx, struct gnatter *g, const struct gnatter_answer *a);

/* Each may be NULL. ctx is that of the options. */
struct gnatter_callbacks {
	/* The state of the connection has changed. */
	void (*on_status)(void *ctx, struct gnatter *g, const struct gnatter_status *s);

	/* A new message, of others or of one's own (from this device, too): once each, in the order
	 * of seq within its chat, whether it came live or was asked for after an absence. Also
	 * edits, deletes and reactions, which have changed what they are about in the cache by
	 * then, and system messages. Not what gnatter_history() brings of earlier times. It is in
	 * the cache by then: after an app was killed, what it was not told any more is there. */
	void (*on_message)(void *ctx, struct gnatter *g, const struct gnatter_message *m);

	/* What gnatter_chat() says of that chat has changed, or what gnatter_members() says; not
	 * for one's own gnatter_mark_read() on this device. */
	void (*on_chat)(void *ctx, struct gnatter *g, const char *chat);

	/* A message of one's own, sent from this device, has come further. Each step is told at
	 * most once; steps may be left out (a message can be read before it is told that it was
	 * delivered). Across a restart of the app they go on where they were. */
	void (*on_sent)(void *ctx, struct gnatter *g, const struct gnatter_sent *s);

	/* Another member's marks, or one's own from another device. */
	void (*on_mark)(void *ctx, struct gnatter *g, const struct gnatter_mark *m);

	/* Somebody types, now. Comes again every few seconds while it lasts. */
	void (*on_typing)(void *ctx, struct gnatter *g, const char *chat, const char *user);

	/* Of a user that is watched: after gnatter_watch(), and at each change. */
	void (*on_presence)(void *ctx, struct gnatter *g, const struct gnatter_presence *p);

	/* Everything on user/<u>/events and user/<u>/errors, as it came: for what this library has
	 * no function for. topic is "events" or "errors". */
	void (*on_event)(void *ctx, struct gnatter *g, const char *topic, const char *json);

	/* The token is needed: before each connect if options.secret is NULL, and once after a
	 * refusal if not. Returns it, allocated with malloc(), or NULL if there is none now: then
	 * the client stays offline and asks again later. May wait (it is the client's thread), but
	 * gnatter_disconnect() waits for it, too. */
	char *(*on_token)(void *ctx, struct gnatter *g);

	/* What happens inside, for a log: a sentence without secrets. */
	void (*on_log)(void *ctx, struct gnatter *g, const char *sentence);
};

/* --- a client
 * ------------------------------------------------------------------------------------- */

struct gnatter_options {
	/* Where the servers are, one or several with spaces between them, tried in turn:
	 * tcp://host:port, ssl://host:port, ws://host:port/path, wss://host:port/path. */
	const char *address;
	const char *user;   /* required */
	const char *device; /* required; [A-Za-z0-9_-]{1,32} */
	const char *secret; /* token or password; NULL: see on_token */

	const char
		*ca_file; /* ssl, wss: PEM file of the authorities to trust; NULL: the system's */

	const char *store;        /* path of the SQLite file; NULL: memory, gone with the client */
	uint64_t cache_bytes_max; /* 64 MiB, in memory 256 kiB: what is beyond is forgotten, oldest
				   * first, and asked for again when somebody looks */
	uint32_t outbox_max;      /* 10,000 messages waiting to be sent */
	uint32_t requests_max;    /* 1,000 requests waiting for answers */

	/* Of a chat seen for the first time in a new store: call back what is unread (true), or
	 * only what comes from now on (false, the default). A program without a file that must not
	 * miss what was said while it did not run sets it, and marks as read what it has done. */
	bool from_unread;

	/* Tell the server by itself that messages were delivered. True. */
	bool acknowledge;

	uint32_t keep_alive_s;       /* 60 */
	uint32_t will_delay_s;       /* 10: a shorter absence shows nobody that one was away */
	uint32_t session_expiry_s;   /* 3600: how long the broker keeps a queue */
	uint32_t connect_timeout_ms; /* 10,000 */
	uint32_t retry_min_ms;       /* 500: after the first failure; doubles, with jitter, */
	uint32_t retry_max_ms;       /* 60,000: up to this */
	uint32_t request_timeout_ms; /* 30,000: then a request is answered "timeout" */

	struct gnatter_callbacks callbacks;
	void *ctx;
};

/* Fill in the defaults. */
void gnatter_options_init(struct gnatter_options *o);

/* Make a client in *out, owned by the caller; NULL on failure. Opens the store, and makes it with
 * mode 0600 if it is not there. Connects to nothing yet: chats and history can be read.
 * GNATTER_EINVAL, ENOMEM, ESTORE, EINUSE, EOWNER. */
enum gnatter_error gnatter_create(struct gnatter **out, const struct gnatter_options *o);

/* Disconnects, if that was not done, and frees. NULL is fine. */
void gnatter_destroy(struct gnatter *g);

/* Start the thread that connects and stays connected. GNATTER_ENOMEM; GNATTER_EINVAL if it runs. */
enum gnatter_error gnatter_connect(struct gnatter *g);

/* Say goodbye, close, and end the thread: no callback comes after it returned. Requests without
 * an answer are answered "closed" before. Takes at most about two seconds, or as
 * long as a name is being resolved. */
enum gnatter_error gnatter_disconnect(struct gnatter *g);

/* Try now, if it is waiting to try again: the app has learnt that there is a network. */
void gnatter_retry(struct gnatter *g);

/* The user and device of the options. Lent from g. */
const char *gnatter_user(const struct gnatter *g);
const char *gnatter_device(const struct gnatter *g);

/* The state now. address and reason are lent until the next call in the same thread. */
void gnatter_status(struct gnatter *g, struct gnatter_status *out);

/* --- sending
 * -------------------------------------------------------------------------------------- */

#define GNATTER_ID_SIZE 65 /* bytes of an id with its NUL */

struct gnatter_draft {
	const char *id;    /* NULL: one is made up. Sent twice with the same id is stored once */
	const char *type;  /* NULL: "text" */
	const char *text;  /* NULL: none */
	uint64_t ref;      /* 0: none */
	const char *media; /* a JSON list of ids; NULL: none */
	const char *body;  /* a JSON object, which goes on as it is; NULL: none */
};

/* Put a message into the outbox. When this returns GNATTER_OK it is on the disk (if the store is a
 * file) and will be sent, in the order of the calls of that chat, until it is stored or refused:
 * see on_sent. Chat is a group's name or a pair's, as gnatter_pair() makes it. id, if not NULL,
 * gets its id. An id that waits for that chat already is not queued again, which is GNATTER_OK;
 * one that was refused there is to be discarded before. GNATTER_EINVAL, ELIMIT (outbox_max),
 * ENOMEM, ESTORE.
 *
 * A message refused for the moment only (too many, server busy) is sent again; one sent after it
 * may then have got before it. */
enum gnatter_error gnatter_send(struct gnatter *g, const char *chat, const struct gnatter_draft *d,
	char id[GNATTER_ID_SIZE]);

/* The same for what is sent most. id may be NULL. */
enum gnatter_error gnatter_send_text(
	struct gnatter *g, const char *chat, const char *text, char id[GNATTER_ID_SIZE]);
enum gnatter_error gnatter_reply(struct gnatter *g, const char *chat, uint64_t ref,
	const char *text, char id[GNATTER_ID_SIZE]);
enum gnatter_error gnatter_edit(struct gnatter *g, const char *chat, uint64_t ref, const char *text,
	char id[GNATTER_ID_SIZE]);
enum gnatter_error gnatter_delete(
	struct gnatter *g, const char *chat, uint64_t ref, char id[GNATTER_ID_SIZE]);
/* "" withdraws one's reaction. */
enum gnatter_error gnatter_react(struct gnatter *g, const char *chat, uint64_t ref,
	const char *text, char id[GNATTER_ID_SIZE]);

/* Take a message out of the outbox: one that was refused, or that waits and was never sent.
 * GNATTER_ENOTFOUND; GNATTER_EINVAL if it may be on its way. */
enum gnatter_error gnatter_discard(struct gnatter *g, const char *chat, const char *id);

/* The name of the one-to-one chat of a and b. False if one of them is no user's name. */
#define GNATTER_CHAT_SIZE 130 /* bytes of the longest name of a chat with its NUL */
bool gnatter_pair(char out[GNATTER_CHAT_SIZE], const char *a, const char *b);

/* --- reading what is in the cache: at once, connected or not
 * -------------------------------------------- */

/* Called for each; false ends it. */
typedef bool gnatter_chat_fn(void *ctx, const struct gnatter_chat *c);
typedef bool gnatter_message_fn(void *ctx, const struct gnatter_message *m);
typedef bool gnatter_member_fn(void *ctx, const struct gnatter_member *m);
typedef bool gnatter_profile_fn(void *ctx, const struct gnatter_profile *p);

/* All chats, the one with the newest message first; those that are gone last. */
enum gnatter_error gnatter_chats(struct gnatter *g, gnatter_chat_fn *fn, void *ctx);

/* One. GNATTER_ENOTFOUND. */
enum gnatter_error gnatter_chat(
	struct gnatter *g, const char *chat, gnatter_chat_fn *fn, void *ctx);

/* Messages of a chat in the order of seq: the last `limit` before `before` (0: the newest), or,
 * with gnatter_cached_after(), the first `limit` after `after`. GNATTER_ENOTFOUND: no such chat. */
enum gnatter_error gnatter_cached(struct gnatter *g, const char *chat, uint64_t before,
	uint32_t limit, gnatter_message_fn *fn, void *ctx);
enum gnatter_error gnatter_cached_after(struct gnatter *g, const char *chat, uint64_t after,
	uint32_t limit, gnatter_message_fn *fn, void *ctx);

/* The reactions to a message that hold, by seq: the newest of each user that is not withdrawn. */
enum gnatter_error gnatter_reactions(
	struct gnatter *g, const char *chat, uint64_t ref, gnatter_message_fn *fn, void *ctx);

/* What waits in the outbox, and what was refused, in the order it was sent. chat NULL: of all. */
enum gnatter_error gnatter_outbox(
	struct gnatter *g, const char *chat, gnatter_message_fn *fn, void *ctx);

/* Messages whose text holds `text`, whatever the case of its letters; newest first. chat NULL: of
 * all. */
enum gnatter_error gnatter_search(struct gnatter *g, const char *chat, const char *text,
	uint32_t limit, gnatter_message_fn *fn, void *ctx);

/* Members as far as they were asked for: see gnatter_members_load(). */
enum gnatter_error gnatter_members(
	struct gnatter *g, const char *chat, gnatter_member_fn *fn, void *ctx);

/* Contacts by name; one user. Users who are no contacts are known once they were watched or asked
 * for. */
enum gnatter_error gnatter_contacts(struct gnatter *g, gnatter_profile_fn *fn, void *ctx);
enum gnatter_error gnatter_profile(
	struct gnatter *g, const char *user, gnatter_profile_fn *fn, void *ctx);

/* --- asking for more
 * ----------------------------------------------------------------------------- */

/* Pages back: make sure that the `limit` messages before `before` (0: the newest; at most 1000) are
 * in the cache, asking the server if they are not. Then calls done, with code "" and json
 * {"count":<how many of them are there>,"more":<whether there are still earlier ones>}; read them
 * with gnatter_cached(), in `done`: later the cache's limit may have dropped the earliest again.
 * Comes in the client's thread; at once and in this one if the client does not run, with code
 * "closed" if they are not there. */
enum gnatter_error gnatter_history(struct gnatter *g, const char *chat, uint64_t before,
	uint32_t limit, gnatter_answer_fn *done, void *ctx);

/* Ask for members and their marks (at most the first 1000). on_chat comes, too. */
enum gnatter_error gnatter_members_load(
	struct gnatter *g, const char *chat, gnatter_answer_fn *done, void *ctx);

/* --- marks, typing, presence
 * ---------------------------------------------------------------------- */

/* The user has read up to seq. Kept in the store and told when there is a connection. Less than it
 * was, or more than there is, changes nothing. GNATTER_ENOTFOUND, ESTORE. */
enum gnatter_error gnatter_mark_read(struct gnatter *g, const char *chat, uint64_t seq);

/* The same of what was delivered, if options.acknowledge is false. */
enum gnatter_error gnatter_mark_delivered(struct gnatter *g, const char *chat, uint64_t seq);

/* The user types: call it at each key, it goes out at most every 3 seconds, and not at all while
 * there is no connection, nor in a channel that the user is no admin of. */
enum gnatter_error gnatter_typing(struct gnatter *g, const char *chat);

/* What this device says of itself: state "online" (the default), "away", "busy", or "offline" (does
 * not want to be counted); text NULL or at most 128 bytes. Said again after each connect. */
enum gnatter_error gnatter_presence_set(struct gnatter *g, const char *state, const char *text);

/* Be told of a user's presence, from now on. At most 1,000 at a time (GNATTER_ELIMIT). To
 * unwatch who is not watched is GNATTER_ENOTFOUND. */
enum gnatter_error gnatter_watch(struct gnatter *g, const char *user);
enum gnatter_error gnatter_unwatch(struct gnatter *g, const char *user);

/* --- requests
 * ------------------------------------------------------------------------------------
 *
 * Each asks the method it is named for (docs/protocol.md says what is asked and answered), and
 * calls `answer` once, in the client's thread, at most request_timeout_ms later; answer may be
 * NULL. Without a connection it waits for one that long, before gnatter_connect() for that;
 * gnatter_destroy() answers "closed". One that changes something and is answered "timeout" may have
 * been carried out. Strings may be NULL where the method's member may be missing. GNATTER_EINVAL
 * (more than 1 MB, too), ENOMEM, ELIMIT (requests_max). */

/* Any method, json NULL or an object. */
enum gnatter_error gnatter_request(struct gnatter *g, const char *method, const char *json,
	gnatter_answer_fn *answer, void *ctx);

enum gnatter_error gnatter_me(struct gnatter *g, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_password_set(
	struct gnatter *g, const char *password, gnatter_answer_fn *answer, void *ctx);

/* chat NULL: the server makes up a name. users NULL or ending in NULL. */
enum gnatter_error gnatter_chat_create(struct gnatter *g, const char *chat, enum gnatter_kind kind,
	const char *title, const char *const *users, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_chat_update(struct gnatter *g, const char *chat, const char *title,
	gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_chat_leave(
	struct gnatter *g, const char *chat, gnatter_answer_fn *answer, void *ctx);
/* until_ms: a time, GNATTER_FOR_EVER, or 0: no longer. mentions: these are pushed all the same. */
#define GNATTER_FOR_EVER (-1)
enum gnatter_error gnatter_chat_mute(struct gnatter *g, const char *chat, int64_t until_ms,
	bool mentions, gnatter_answer_fn *answer, void *ctx);
/* The members who are there. after: the `after` of the page before, or NULL. */
enum gnatter_error gnatter_chat_online(struct gnatter *g, const char *chat, const char *after,
	gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_member_add(struct gnatter *g, const char *chat, const char *const *users,
	const char *role, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_member_remove(struct gnatter *g, const char *chat, const char *user,
	gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_member_role(struct gnatter *g, const char *chat, const char *user,
	const char *role, gnatter_answer_fn *answer, void *ctx);

/* What the user may see of another; kept in the cache. */
enum gnatter_error gnatter_user_get(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_contact_add(struct gnatter *g, const char *user, const char *alias,
	gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_contact_remove(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_blocks(
	struct gnatter *g, const char *after, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_block_add(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_block_remove(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_profile_set(struct gnatter *g, const char *name, const char *about,
	const char *avatar, gnatter_answer_fn *answer, void *ctx);
/* json: an object with some of presence, last_seen, profile, status, receipts. */
enum gnatter_error gnatter_privacy_set(
	struct gnatter *g, const char *json, gnatter_answer_fn *answer, void *ctx);
/* A story. text and media NULL: take it back. */
enum gnatter_error gnatter_status_post(struct gnatter *g, const char *text, const char *media,
	gnatter_answer_fn *answer, void *ctx);

enum gnatter_error gnatter_devices(
	struct gnatter *g, const char *after, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_device_set(struct gnatter *g, const char *name, const char *kind,
	gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_device_remove(
	struct gnatter *g, const char *device, gnatter_answer_fn *answer, void *ctx);

/* json: an object with `kind` and what that kind asks for. */
enum gnatter_error gnatter_push_set(
	struct gnatter *g, const char *json, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_push_remove(
	struct gnatter *g, const char *device, gnatter_answer_fn *answer, void *ctx);
/* json: an object with some of quiet, mentions, preview. */
enum gnatter_error gnatter_push_prefs(
	struct gnatter *g, const char *json, gnatter_answer_fn *answer, void *ctx);
enum gnatter_error gnatter_push_get(struct gnatter *g, gnatter_answer_fn *answer, void *ctx);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
