/* store_internal.h — what store.c, store_sql.c and store_*.c share. Nobody else includes it.
 *
 * Every function here wants the store's lock held.
 */
#ifndef GNATTER_SDK_STORE_INTERNAL_H
#define GNATTER_SDK_STORE_INTERNAL_H

#include <locale.h>
#include <pthread.h>
#include <sqlite3.h>

#include "clients/sdk/store.h"
#include "wire/name.h"

#define PREVIEW_CHARS 120

/* The statements; their SQL stands in store_sql.c, in the same order. */
enum sql_id {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_META,
	SQL_META_PUT,
	SQL_PAGE_COUNT,
	SQL_FREE_COUNT,
	SQL_VACUUM,
	SQL_TRIM_CHAT,
	SQL_TRIM_MESSAGES,
	SQL_TRIM_PROFILES,
	SQL_SET_LO,
	SQL_WRITTEN_MAX,
	SQL_CHAT,
	SQL_CHATS,
	SQL_UNTOLD,
	SQL_CHAT_INSERT,
	SQL_CHAT_UPDATE,
	SQL_CHAT_BEGIN,
	SQL_PLACE,
	SQL_PLACE_PUT,
	SQL_SET_GONE,
	SQL_SET_TITLE,
	SQL_SET_MUTE,
	SQL_SET_FLOOR,
	SQL_SET_MEMBERS,
	SQL_SET_PREVIEW,
	SQL_SET_PREVIEW_TEXT,
	SQL_N_AT,
	SQL_MEMBERS,
	SQL_MEMBERS_UNLIST,
	SQL_MEMBER_PUT,
	SQL_MEMBERS_DROP,
	SQL_MARK,
	SQL_MARK_PUT,
	SQL_MARK_INSERT,
	SQL_FLOOR,
	SQL_PROFILE,
	SQL_PROFILE_INSERT,
	SQL_PROFILE_PUT,
	SQL_PRESENCE_PUT,
	SQL_CONTACTS,
	SQL_CONTACTS_CLEAR,
	SQL_MESSAGE_PUT,
	SQL_EDIT,
	SQL_BURY,
	SQL_BURY_EDITS,
	SQL_TEXT,
	SQL_MESSAGES,
	SQL_REACTIONS,
	SQL_OWN,
	SQL_SEARCH,
	SQL_SEARCH_ALL,
	SQL_QUEUE,
	SQL_WAITING,
	SQL_OUTGOING,
	SQL_OUTBOX,
	SQL_OUTBOX_CHAT,
	SQL_OUTBOX_COUNT,
	SQL_OUTBOX_LAST,
	SQL_SET_SENT,
	SQL_COUNT_TRY,
	SQL_REFUSE,
	SQL_REFUSED_DROP,
	SQL_UNQUEUE,
	SQL_COUNT
};

struct store {
	sqlite3 *db;
	pthread_mutex_t lock;                /* recursive */
	sqlite3_stmt *statements[SQL_COUNT]; /* made when they are first used */

	bool in_transaction; /* between store_begin() and its end */
	bool durable;
	bool alone;                /* one function's own transaction, see store_write() */
	enum gnatter_error failed; /* in this transaction */

	char user[NAME_USER_MAX + 1], device[NAME_DEVICE_MAX + 1];
	uint64_t bytes_max, page_size;
	uint32_t outbox_max;

	/* What is read once, and again after a rollback. */
	bool synced;
	uint64_t written;          /* the largest chats.written */
	int64_t outbox_pos;        /* the last place that was given */
	uint32_t waiting, refused; /* in the outbox */

	locale_t letters; /* for towlower_l(); 0: ASCII only */
};

/* --- store.c
 * ------------------------------------------------------------------------------------- */

/* Take the lock; give it back, passing e through. */
void store_enter(struct store *s);
enum gnatter_error store_leave(struct store *s, enum gnatter_error e);

/* The same for a function that writes: what it does is one transaction, its own if none is open.
 * If store_write() fails the lock is not held. */
enum gnatter_error store_write(struct store *s);
enum gnatter_error store_written(struct store *s, enum gnatter_error e);

/* Note what SQLite says of rc, and that the transaction cannot be committed any more. */
enum gnatter_error store_fail(struct store *s, int rc);

/* --- store_sql.c: a statement in use
 * ------------------------------------------------------------- */

/* sql_start(), bind its parameters in order, sql_row() until it is false, sql_end(). After an error
 * the rest does nothing, and sql_end() tells it. Strings that are bound must live until then. The
 * same statement may be used again inside of its own rows. */
struct sql {
	struct store *s;
	sqlite3_stmt *st;
	enum sql_id id;
	enum gnatter_error err;
	int bound;
};

void sql_start(struct sql *q, struct store *s, enum sql_id id);
void sql_int(struct sql *q, int64_t v);
void sql_u64(struct sql *q, uint64_t v); /* more than INT64_MAX is INT64_MAX */
void sql_text(struct sql *q, const char *v);
bool sql_row(struct sql *q);
enum gnatter_error sql_end(struct sql *q);

/* Step and end. sql_run_one(): GNATTER_ENOTFOUND if no row was changed. */
enum gnatter_error sql_run(struct sql *q);
enum gnatter_error sql_run_one(struct sql *q);

/* sql_start() and sql_run(). */
enum gnatter_error sql_simple(struct store *s, enum sql_id id);

/* Columns of the row. What a damaged file may hold is made harmless: no number is negative where
 * none should be, and sql_string() is never NULL. Lent until the next row. */
int64_t sql_column(struct sql *q, int column);
uint64_t sql_number(struct sql *q, int column);
const char *sql_string(struct sql *q, int column);
const char *sql_string_or_null(struct sql *q, int column);

/* Close all statements. */
void sql_finish(struct store *s);

/* SQL function holds(text, needle): see store_search(). */
int sql_define_holds(struct store *s);

/* --- store_chats.c: the numbers of a chat
 * -------------------------------------------------------- */

struct place {
	int64_t id;
	enum gnatter_kind kind;
	bool known;
	int64_t ts;
	uint64_t seq, n, delivered, read, read_n, told_delivered, told_read, want_delivered,
		want_read, own_seq, lo, hi, written;
	uint64_t floor_delivered, floor_read, preview_seq; /* not written by place_save() */
};

/* ENOTFOUND. */
enum gnatter_error place_load(struct place *p, struct store *s, const char *chat);
enum gnatter_error place_save(const struct place *p, struct store *s);

static inline void grow(uint64_t *at, uint64_t to)
{
	if (*at < to)
		*at = to;
}

/* Write text, cut to what a preview may have, into out. */
#define PREVIEW_SIZE (4 * PREVIEW_CHARS + 1)
void store_cut(char out[PREVIEW_SIZE], const char *text);

/* --- store_people.c
 * ------------------------------------------------------------------------------ */

/* A member's marks grow; of a pair the member is inserted if need be. */
enum gnatter_error member_mark(struct store *s, const struct place *p, const char *user,
	uint64_t delivered, uint64_t read, bool *changed);

/* --- store_messages.c
 * ---------------------------------------------------------------------------- */

/* Call fn for each message that q gives, and end q. */
enum gnatter_error messages_each(struct sql *q, gnatter_message_fn *fn, void *ctx);

/* --- store_outbox.c
 * ------------------------------------------------------------------------------ */

/* Count what is in the outbox, and find its last place. */
enum gnatter_error outbox_load(struct store *s);

#endif
