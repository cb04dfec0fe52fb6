/* query.h — the methods that only ask: answered from a snapshot, on any thread.
 *
 * An answer is made of what is stored, not parsed again: a page of history is a range of values,
 * joined.
 */
#ifndef GNATTER_BRIDGE_QUERY_H
#define GNATTER_BRIDGE_QUERY_H

#include "bridge/push/offer.h"
#include "bridge/stats.h"
#include "persist/directory.h"
#include "persist/store.h"
#include "wire/conf.h"
#include "wire/json.h"
#include "wire/record.h"

/* What a thread that answers has at hand. */
struct query_source {
	struct store *store;
	struct directory *directory;
	struct directory_reader *reader; /* this thread's own */
	const struct conf *conf;
	struct stats *stats;
	const struct push_offer *offer; /* NULL: all kinds of push */
};

/* Answer the request r into `answer`, which must be empty: always one whole JSON object, an error
 * of the client's or of the server's included. Check answer->failed for memory. */
void query_answer(const struct query_source *src, const struct record *r, struct buf *answer);

/* --- between query.c and query_*.c
 * ---------------------------------------------------------------------- */

#define QUERY_ANSWER_MAX (384u << 10) /* bytes, about: where a list is cut and "more" says so */

struct query {
	const struct query_source *src;
	const struct record *r;
	struct store_snapshot *snap;
	struct json_object json;
	struct buf *out; /* members of the answer, each with a comma before it */
	bool admin;
	const char *why;
};

typedef enum err query_fn(struct query *q);

query_fn query_me, query_user_get, query_user_list;                      /* query_users.c */
query_fn query_chats, query_unread, query_chat_get, query_chat_list;     /* query_chats.c */
query_fn query_history;                                                  /* query_history.c */
query_fn query_contacts, query_blocks, query_devices, query_chat_online; /* query_people.c */
query_fn query_push_get;                                                 /* query_push.c */
query_fn query_export, query_stats;                                      /* query_admin.c */

struct chat_state;
struct mark;
struct member;
struct chat;
struct user;
struct viewer;
struct push_registration;

/* ERR_NOT_FOUND if there is none. Strings are lent until the reader's next refresh. */
enum err query_user(struct query *q, struct bytes user, struct user *out);
enum err query_chat(struct query *q, struct bytes chat, struct chat *out);
enum err query_member(struct query *q, struct bytes chat, struct bytes user, struct member *out);

/* Zeros if there is none. */
enum err query_state(struct query *q, struct bytes chat, struct chat_state *out);
enum err query_mark(struct query *q, struct bytes chat, struct bytes user, struct mark *out);

/* The chat named in the request, if the caller may read there; *m is all zero for an admin who is
 * not in. */
enum err query_readable_chat(struct query *q, struct bytes *chat, struct member *m);

/* "limit" of the request: 1..max, def if absent. */
enum err query_limit(struct query *q, int64_t def, int64_t max, int64_t *out);

const char *query_kind_name(int kind);

/* query_preview.c: ,"preview":{...} of that message. */
enum err query_put_preview(struct query *q, struct bytes chat, uint64_t seq);

/* query_push.c: have fn write what a device of the caller's is pushed to with; of one that is not,
 * a registration whose kind is 0. */
typedef void push_put_fn(struct buf *b, const struct push_registration *r);
enum err query_put_push(struct query *q, struct bytes device, push_put_fn *fn);

/* query_users.c: the caller, for persist/visible.h. */
enum err query_viewer(struct query *q, struct viewer *out);

/* query_users.c: of that user, whose account is *u, what the viewer (any admin: all) may see, each
 * member with a comma before it: profile, presence, last seen, status. */
enum err query_put_person(
	struct query *q, const struct viewer *v, struct bytes user, const struct user *u);

#endif
