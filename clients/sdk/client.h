/* client.h — what the parts of a client share. Internal.
 *
 *   client.c    made, started, stopped, freed
 *   loop.c      the client's thread: waits, hands out what came, runs what is due
 *   link.c      connected or not: addresses, token, backoff, what is said after each connect
 *   sync.c      what is missed is asked for: the list of chats, their histories, contacts
 *   room.c      the chats, in memory: how far each has been received
 *   receive.c   messages, live or from a page, into the cache, and told
 *   ticks.c     marks: others' (ticks) and one's own (acknowledgements)
 *   outbox.c    what is sent
 *   request.c   requests and their answers
 *   people.c    presence, typing, members, contacts
 *   history.c   paging back
 *   api.c       a function for each method
 *   cached.c    the functions that only read the store
 *
 * Locks. `lock` guards what is marked below and is held for moments, never while something is
 * called that may wait or take another lock. The store has its own. The rest belongs to the
 * client's thread. Callbacks are called with no lock held.
 */
#ifndef GNATTER_SDK_CLIENT_H
#define GNATTER_SDK_CLIENT_H

#include "clients/sdk/address.h"
#include "clients/sdk/backoff.h"
#include "clients/sdk/gnatter.h"
#include "clients/sdk/list.h"
#include "clients/sdk/member.h"
#include "clients/sdk/message.h"
#include "clients/sdk/net.h"
#include "clients/sdk/store.h"
#include "wire/json.h"
#include "wire/name.h"

#include <cjson/cJSON.h>
#include <pthread.h>

#define NEVER        INT64_MAX
#define SECRET_MAX   65535 /* bytes: a field of MQTT */
#define HISTORY_PAGE 1000  /* messages: what servers allow, if they were not told otherwise */

/* What an app's thread wants of the client's thread; bits. */
enum wish {
	WISH_OUTBOX = 1 << 0,
	WISH_MARKS = 1 << 1,
	WISH_PRESENCE = 1 << 2,
	WISH_RETRY = 1 << 3,
	WISH_WATCH = 1 << 4,
	WISH_LOOK = 1 << 5, /* there is a request, or somebody types */
};

/* A request, from the moment it is made until it is answered. */
struct request {
	struct request *next;
	uint64_t number;
	char *method, *payload; /* owned */
	gnatter_answer_fn *fn;  /* may be NULL */
	void *ctx;
	int64_t deadline_ms; /* on now_ms()'s clock */
	bool internal;       /* ours: of this connection only */
	bool sent;           /* on this connection */
	bool taken;          /* the broker has acknowledged it */
	bool parked;         /* that was on an earlier connection: it only waits */
};

/* A user whose presence is wanted. */
struct watch {
	char user[NAME_USER_MAX + 1];
	bool wanted, subscribed;
};

/* A chat. */
struct room {
	char *chat; /* owned */
	bool known; /* its range was begun: hi means something */
	bool gone, subscribed, listed;
	bool wants, fetching; /* history is to be asked for; was */
	bool check;           /* ask even if nothing seems to be missing */
	bool channel;
	bool members;                           /* were asked for on this connection */
	uint64_t hi, server_seq;                /* received; the last there is, as far as we know */
	uint64_t ticked_delivered, ticked_read; /* up to which ticks were told */
	uint64_t own_seq;                       /* newest of one's own */
	uint64_t first_own; /* not known yet: the first that one has sent; 0: none */
	int64_t fetch_ms;   /* not before */
	uint32_t failures;
	bool members_asked, members_again;
	int64_t typing_ms;    /* when it was said last that one types */
	struct message *held; /* that came live while history was asked for, in order */
	size_t held_count;
	size_t live; /* that came live and stand in g->live */
	struct room *next_wanting;
};

struct outgoing; /* outbox.c */
struct ack;      /* ticks.c */
struct paging;   /* history.c */
struct live;     /* receive.c */

/* What the errors topic said last of a chat that nothing may be sent to. */
struct no_access {
	char chat[GNATTER_CHAT_SIZE], code[32], message[128];
	int64_t until_ms;
};

struct gnatter {
	/* Constant from gnatter_create() on. */
	struct gnatter_options o; /* its strings are not */
	char *user, *device, *secret, *client_id, *ca_file;
	struct store *store;

	pthread_mutex_t lock;
	pthread_cond_t woken;

	/* Guarded by lock. */
	bool running, stopping, joining;
	bool closed; /* it is being destroyed: nothing is asked any more */
	pthread_t thread;
	struct net_event *first, *last; /* what came */
	size_t inbox_bytes;
	bool inbox_lost; /* messages were dropped, since there were too many */
	unsigned wishes;
	struct request *requests; /* in the order they were made */
	size_t request_count;     /* of the app's */
	uint64_t last_number;
	struct watch *watches;
	size_t watch_count;
	struct paging *paging; /* history.c: what was not begun yet */
	char *typing[16];      /* chats; owned */
	size_t typing_count;
	char state[16], text[129]; /* what the device says of itself */
	struct gnatter_status status;
	char address[ADDRESS_MAX + 1], reason[128];
	int64_t retry_ms; /* when it is tried again; 0: not waiting */

	/* The client's thread's. */
	struct net *net;
	struct addresses addresses;
	struct backoff backoff;
	bool connecting, online;
	bool token_again; /* the token was refused: a fresh one is needed */
	bool unauthorized;
	int64_t connect_ms;  /* when to try */
	int64_t synced_ms;   /* since when it has been synced; 0: it is not */
	struct room **rooms; /* sorted by name; owned */
	size_t room_count, room_cap;
	struct room *wanting_first, *wanting_last;
	unsigned fetching;
	uint32_t page;    /* messages asked for at once: the server may allow fewer than we do */
	unsigned pagings; /* of gnatter_history() under way: nothing is dropped meanwhile */
	bool listing, list_again; /* the list of chats is asked for; and once more, at list_ms */
	int64_t list_ms;
	bool contacts_asked, contacts_again; /* as of the list */
	int64_t contacts_ms;
	unsigned burst; /* messages that came live without a pause, or since the list was looked at
			 */
	int64_t burst_ms, burst_began_ms; /* the last and the first of them */
	uint64_t front;                   /* the number of the request that looks at it */
	bool synced, first_sync;
	struct outgoing *outgoing; /* on their way */
	size_t outgoing_count;
	int64_t queued_pos; /* up to which "queued" was told */
	int64_t outbox_pos; /* up to which they were published on this connection */
	struct backoff outbox_backoff;
	struct no_access no_access;
	int64_t outbox_ms, marks_ms; /* when to look */
	struct ack *acks;            /* on their way */
	size_t ack_count;
	uint64_t said_goodbye; /* the number of the last publish before the end */
	bool goodbye_taken;
	struct live *live; /* receive.c */
	size_t untrimmed;  /* bytes written since the last look at the limit */
};

/* ms on a clock that only goes forward; since 1970. */
int64_t now_ms(void);
int64_t wall_ms(void);

/* 32 random bits. */
uint32_t random_bits(void);

/* Wake the thread: with something it is to do. Any thread. */
void client_wish(struct gnatter *g, unsigned wishes);

/* Tell the log, if somebody listens. The client's thread. */
void client_log(struct gnatter *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Say a failure of the store; other errors, too. */
void client_store_failed(struct gnatter *g, const char *what, enum gnatter_error e);

/* --- loop.c */
void *loop_run(void *g);
net_sink_fn loop_sink;

/* --- link.c */
void link_run(struct gnatter *g, int64_t now);
int64_t link_due(const struct gnatter *g);
void link_connected(struct gnatter *g);
void link_offline(struct gnatter *g); /* the connection is no more: tell every part */
void link_ended(struct gnatter *g, const struct net_event *e);
void link_goodbye(struct gnatter *g); /* publishes "offline"; said_goodbye is its number */
void link_presence(struct gnatter *g);
void link_status(
	struct gnatter *g, enum gnatter_state state, const char *reason, int64_t retry_in_ms);
/* Publish; a connection that does not take it is on its way down. False then. */
bool link_publish(struct gnatter *g, const struct net_publish *p);
uint64_t link_number(struct gnatter *g);

/* --- room.c */
struct room *room_find(struct gnatter *g, const char *chat);
struct room *room_add(
	struct gnatter *g, const char *chat); /* or the one there is; NULL: no memory */
enum gnatter_error rooms_load(struct gnatter *g);
void rooms_free(struct gnatter *g);
void rooms_offline(struct gnatter *g); /* the connection has ended */
void room_drop_held(struct room *r);

/* --- sync.c */
void sync_start(struct gnatter *g);                 /* connected: everything from the start */
void sync_list(struct gnatter *g);                  /* ask for the list of chats, soon */
void sync_contacts(struct gnatter *g);              /* the same */
void sync_fetch(struct gnatter *g, struct room *r); /* its history after hi */
void sync_lost(struct gnatter *g); /* messages were dropped: look for what is missing */
void sync_came(struct gnatter *g); /* a message came live */
void sync_told(struct gnatter *g); /* what had come is taken and told */
/* user/<u>/events, user/<u>/errors: topic is the last word. */
void sync_event(struct gnatter *g, const char *topic, struct bytes payload);
void sync_expect(
	struct gnatter *g, struct room *r, uint64_t seq); /* it will come, or is asked for */
void sync_info(struct gnatter *g, const char *chat, struct bytes payload);
bool sync_smaller_pages(struct gnatter *g);
void sync_run(struct gnatter *g, int64_t now);
int64_t sync_due(const struct gnatter *g);

/* --- receive.c */
void receive_live(struct gnatter *g, const char *chat, struct bytes payload);
void receive_flush(struct gnatter *g); /* take what has come live: before anything else is done */
/* A page of history after hi: the raw list. False if nothing in it was new. */
bool receive_page(struct gnatter *g, struct room *r, struct bytes list);
void receive_held(struct gnatter *g, struct room *r);
void receive_trim(struct gnatter *g); /* keep the cache below its limit */

/* --- ticks.c */
void ticks_mark(struct gnatter *g, const char *chat, struct bytes payload);
void ticks_own(struct gnatter *g, const char *chat, uint64_t delivered, uint64_t read);
void ticks_tell(struct gnatter *g, struct room *r); /* what the marks say of one's own messages */
void ticks_run(struct gnatter *g, int64_t now);     /* acknowledge */
void ticks_soon(struct gnatter *g);                 /* there is something to acknowledge */
bool ticks_taken(struct gnatter *g, const struct net_event *e);
void ticks_offline(struct gnatter *g);

/* --- outbox.c */
enum gnatter_error outbox_begin(struct gnatter *g); /* what a former run has told of */
void outbox_tell_queued(struct gnatter *g);
void outbox_run(struct gnatter *g, int64_t now);
int64_t outbox_due(const struct gnatter *g);
void outbox_answer(struct gnatter *g, const char *id, struct bytes payload);
bool outbox_taken(struct gnatter *g, const struct net_event *e);
/* user/<u>/errors, of a message without an id. */
void outbox_error(struct gnatter *g, const char *chat, const char *code, const char *message);
void outbox_stored(
	struct gnatter *g, const char *chat, const char *id); /* its echo is in the cache */
void outbox_offline(struct gnatter *g);
/* Tell on_sent. */
void outbox_tell(struct gnatter *g, const char *chat, const char *id, uint64_t seq,
	enum gnatter_tick tick, const char *code, const char *message);

/* --- request.c */
/* Ask, of the client's own: answered with code "lost" when the connection ends. payload is copied.
 */
/* Its number; 0: out of memory, or the client is closed. */
uint64_t request_own(struct gnatter *g, const char *method, const char *payload,
	gnatter_answer_fn *fn, void *ctx);
/* Answers come in the order of the requests, and one made later was answered: ask once more what
 * was asked before that one and only asks. */
void request_again(struct gnatter *g, uint64_t before);
enum gnatter_error request_app(struct gnatter *g, const char *method, struct buf *payload,
	gnatter_answer_fn *fn, void *ctx);
void request_run(struct gnatter *g, int64_t now);
int64_t request_due(struct gnatter *g);
void request_answer(struct gnatter *g, uint64_t number, struct bytes payload);
void request_taken(struct gnatter *g, const struct net_event *e);
void request_offline(struct gnatter *g);
void request_close(struct gnatter *g); /* answer all: "closed" */

/* --- history.c */
void history_run(struct gnatter *g);
void history_close(struct gnatter *g); /* the thread has ended: answer what was not begun */

/* --- people.c */
void people_presence(struct gnatter *g, const char *user, struct bytes payload);
void people_typing(struct gnatter *g, const char *chat, const char *user);
void people_subscribe(struct gnatter *g, bool all);
void people_send_typing(struct gnatter *g);
void people_members(
	struct gnatter *g, struct room *r); /* ask for members and marks, once at a time */
/* The same, if marks of others are needed for one's own messages there and nobody asked yet. */
void people_needed(struct gnatter *g, struct room *r);
/* A row of `contacts`, or the answer of user.get. */
void people_put_contact(struct gnatter *g, const cJSON *contact, bool is_contact);

#endif
