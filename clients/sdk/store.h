/* store.h — what a client keeps: the outbox, and the cache of chats, members, messages and people.
 * The only part of the SDK that sees SQLite: store.c and store_*.c.
 *
 * One SQLite database (a file in WAL mode, or memory) with one connection and one recursive lock:
 * every function takes it, so all may be called from any thread; between store_begin() and
 * store_commit() the thread keeps it, and what it does is one transaction. Rows are lent to
 * callbacks until they return; a callback must not write.
 *
 * A chat's cached messages are one gapless range: all with lo < seq <= hi. New ones are added above
 * hi, pages of history below lo + 1, and what the limit drops is dropped at lo. hi is what this
 * device has received; it never falls, even when everything cached was dropped (lo == hi then).
 *
 * Errors are enum gnatter_error: ESTORE for whatever SQLite says, with store_why() for the log.
 * After an ESTORE inside a transaction it is rolled back by store_commit(), which then fails, too.
 */
#ifndef GNATTER_SDK_STORE_H
#define GNATTER_SDK_STORE_H

#include "clients/sdk/gnatter.h"
#include "clients/sdk/message.h"

struct store;

struct store_options {
	const char *path; /* NULL: memory */
	const char *user, *device;
	uint64_t bytes_max; /* of the whole database; the oldest messages are dropped */
	uint32_t outbox_max;
};

/* Open or make it. EINVAL, ENOMEM, ESTORE (also: its schema is of a newer version), EINUSE (another
 * process or client has it open: held by a lock on the file for as long as it is open), EOWNER.
 * close: no statement may be in use (not from a callback); NULL is fine. */
enum gnatter_error store_open(struct store **out, const struct store_options *o);
void store_close(struct store *s);

/* What went wrong last in this thread, a sentence; "" if nothing, or since the last store_open().
 * Lent until the thread's next call. s may be NULL, as it is after an opening that failed. */
const char *store_why(const struct store *s);

/* One transaction. durable: synced to the disk when it is committed; otherwise it may be lost by a
 * power cut (not by the end of the process). Does not nest. */
enum gnatter_error store_begin(struct store *s, bool durable);
enum gnatter_error store_commit(struct store *s);
void store_rollback(struct store *s);

/* Is it new: nothing was ever synced? Until store_set_synced(). */
bool store_is_new(struct store *s);
enum gnatter_error store_set_synced(struct store *s);

/* Drop oldest messages (raising their chat's lo, the chats that were written to longest ago first)
 * until the database is below bytes_max; if that is not enough, users who are no contacts. Cheap if
 * there is nothing to do. Not inside a transaction (EINVAL). */
enum gnatter_error store_trim(struct store *s);

/* --- chats (store_chats.c)
 * ------------------------------------------------------------------------- */

/* A row of `api/chats`, of which only what is public is taken: chat … preview. */
struct store_chat {
	struct gnatter_chat pub; /* unread is computed: n - read_n */
	uint64_t lo, hi;         /* the cached range; known says whether they mean anything */
	bool known;              /* it was begun: hi is set */
	uint64_t read_n;         /* n at this user's read mark */
	uint64_t told_delivered, told_read; /* the marks the server is known to have */
	uint64_t want_delivered, want_read; /* the marks it is to have */
	uint64_t own_seq; /* of the newest message of one's own that is cached; 0: none */
	uint64_t floor_delivered,
		floor_read; /* least marks of all other members, see store_floor() */
	bool members;       /* its members are loaded */
};
typedef bool store_chat_fn(void *ctx, const struct store_chat *c);

/* ENOTFOUND. fn is called with the lock held. */
enum gnatter_error store_chat(struct store *s, const char *chat, store_chat_fn *fn, void *ctx);

/* Ordered as gnatter_chats() says. */
enum gnatter_error store_chats(struct store *s, store_chat_fn *fn, void *ctx);

/* Insert or update from a row of the server's list. `gone` becomes false. *changed: something that
 * is public differs from before. Marks only grow. seq and n never fall. The preview is taken unless
 * there is one of a later message. EINVAL: no name of a chat. changed may be NULL, here and below.
 */
enum gnatter_error store_put_chat(struct store *s, const struct gnatter_chat *c, bool *changed);

/* Begin its range with nothing cached: lo = hi = seq. Once; later calls do nothing. */
enum gnatter_error store_begin_chat(struct store *s, const char *chat, uint64_t hi);

enum gnatter_error store_set_gone(struct store *s, const char *chat);
enum gnatter_error store_set_title(struct store *s, const char *chat, const char *title);
/* until_ms as in gnatter_chat_mute(). */
enum gnatter_error store_set_mute(
	struct store *s, const char *chat, int64_t until_ms, bool mentions);

/* This user's own marks as the server told them: grow only; moves read_n (the n of the cached
 * message at `read`, or of the next below it; if the range does not reach so far, read_n stays, but
 * if read >= the chat's seq it becomes the chat's n). */
enum gnatter_error store_own_marks(
	struct store *s, const char *chat, uint64_t delivered, uint64_t read, bool *changed);
/* Marks to be told: grow only, capped at the chat's seq. want_read moves read_n, and takes
 * want_delivered along. */
enum gnatter_error store_want_marks(
	struct store *s, const char *chat, uint64_t delivered, uint64_t read, bool *changed);
/* Chats with a mark that is wanted and not told (not gone ones). */
enum gnatter_error store_untold(struct store *s, store_chat_fn *fn, void *ctx);

/* --- members and their marks (store_people.c)
 * ------------------------------------------------------ */

/* Replace all members of a chat. */
enum gnatter_error store_put_members(
	struct store *s, const char *chat, const struct gnatter_member *members, size_t count);
enum gnatter_error store_members(
	struct store *s, const char *chat, gnatter_member_fn *fn, void *ctx);
/* A mark of another member: grows only. Inserts the member of a pair; of a group only changes one
 * that is loaded. *changed: it grew. */
enum gnatter_error store_mark(struct store *s, const struct gnatter_mark *m, bool *changed);

/* Compute the least marks of all other members anew (pairs and groups whose members are loaded; 0
 * if there is no other one; never falls), keep them, and give what was before. */
struct store_floor {
	uint64_t delivered_was, read_was, delivered, read;
};
enum gnatter_error store_floor(struct store *s, const char *chat, struct store_floor *out);

/* Strings NULL: stay as they are; `contact` is taken if alias is given, since a contact has one (""
 * if it is empty). p->presence is taken if `presence`. EINVAL: no user's name. */
enum gnatter_error store_put_profile(
	struct store *s, const struct gnatter_profile *p, bool presence);
/* Before all contacts are put: nobody is one. */
enum gnatter_error store_clear_contacts(struct store *s);
enum gnatter_error store_contacts(struct store *s, gnatter_profile_fn *fn, void *ctx);
enum gnatter_error store_profile(
	struct store *s, const char *user, gnatter_profile_fn *fn, void *ctx);

/* --- messages (store_messages.c)
 * ------------------------------------------------------------------- */

/* Add the next message: m->seq == hi + 1. Edits and deletes are applied to what they are about (the
 * text of a deleted one is overwritten, its edits become deleted, too). Moves seq, n, ts, preview,
 * own_seq; of one's own also own marks (a send moves them) and read_n; of another's that one's
 * marks, as store_mark() would: the server tells of them in no other way, so look at store_floor()
 * afterwards. EINVAL if it is not the next or the chat is not known (begun). */
enum gnatter_error store_append(struct store *s, const struct message *m);

/* Put a message below: m->seq == lo. lo becomes seq - 1. An edit, delete etc. that comes this way
 * has been applied by the server already (the page says `edited`, `deleted`). EINVAL if it does not
 * fit. */
enum gnatter_error store_prepend(struct store *s, const struct message *m);

/* As gnatter_cached() and gnatter_cached_after() say. ENOTFOUND: no such chat. */
enum gnatter_error store_messages(struct store *s, const char *chat, uint64_t before,
	uint32_t limit, gnatter_message_fn *fn, void *ctx);
enum gnatter_error store_messages_after(struct store *s, const char *chat, uint64_t after,
	uint32_t limit, gnatter_message_fn *fn, void *ctx);
enum gnatter_error store_reactions(
	struct store *s, const char *chat, uint64_t ref, gnatter_message_fn *fn, void *ctx);
enum gnatter_error store_search(struct store *s, const char *chat, const char *text, uint32_t limit,
	gnatter_message_fn *fn, void *ctx);
/* One's own messages sent from this device with after < seq <= upto, in order. */
enum gnatter_error store_own(struct store *s, const char *chat, uint64_t after, uint64_t upto,
	gnatter_message_fn *fn, void *ctx);

/* --- the outbox (store_outbox.c)
 * ------------------------------------------------------------------ */

struct store_outgoing {
	int64_t pos; /* its place: grows */
	const char *id, *chat;
	const char *payload;    /* the JSON that is published */
	enum gnatter_tick tick; /* QUEUED, SENT, REFUSED */
	uint32_t tries;         /* how often it was published */
};
typedef bool store_outgoing_fn(void *ctx, const struct store_outgoing *o);

/* Durable by itself: not inside a transaction (EINVAL). ELIMIT if outbox_max messages wait; EINVAL
 * if the id is there or NULL. */
enum gnatter_error store_queue(struct store *s, const char *chat, const struct gnatter_draft *d,
	const char *payload, int64_t now_ms);
/* Those that wait (not refused), in order, from the first with pos > after. */
enum gnatter_error store_waiting(
	struct store *s, int64_t after, uint32_t limit, store_outgoing_fn *fn, void *ctx);
/* An id is one of its chat. ENOTFOUND, as the next two; also if it is so already. tick: QUEUED or
 * SENT. */
enum gnatter_error store_set_sent(
	struct store *s, const char *chat, const char *id, enum gnatter_tick tick);
enum gnatter_error store_count_try(struct store *s, const char *chat, const char *id);
/* Of refused ones as many stay as may wait; then the oldest of them is forgotten. */
enum gnatter_error store_refuse(
	struct store *s, const char *chat, const char *id, const char *code, const char *message);
/* It is stored, or discarded. *was: its tick before; ENOTFOUND. */
enum gnatter_error store_unqueue(
	struct store *s, const char *chat, const char *id, enum gnatter_tick *was);
/* As messages: seq 0, ts when it was queued. chat NULL: all. */
enum gnatter_error store_outbox(
	struct store *s, const char *chat, gnatter_message_fn *fn, void *ctx);
/* How many wait (not refused). */
enum gnatter_error store_outbox_count(struct store *s, uint32_t *out);
/* ENOTFOUND. */
enum gnatter_error store_outgoing(
	struct store *s, const char *chat, const char *id, store_outgoing_fn *fn, void *ctx);

#endif
