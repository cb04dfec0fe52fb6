/* push_sender_internal.h — what the files of the sender share: push_sender.c, push_send.c,
 * push_flight.c, push_settle.c, push_token.c and push_trial.c. Nobody else includes it.
 */
#ifndef GNATTER_BRIDGE_PUSH_SENDER_INTERNAL_H
#define GNATTER_BRIDGE_PUSH_SENDER_INTERNAL_H

#include "bridge/push/http.h"
#include "bridge/push_breaker.h"
#include "bridge/push_sender.h"
#include "bridge/push_view.h"
#include "wire/hashmap.h"

#define TRIES 16 /* trials of devices at a time */

/* How far a push told, when it was sent. */
struct said {
	uint64_t n;       /* of the chat */
	uint64_t mention; /* that the push stood for: a seq */
};

/* One push on its way. */
struct flight {
	struct node node;
	struct push_sender *sender;
	struct key key; /* names whose it is; whose lends from it */
	struct push_whose whose;
	uint8_t lane;
	struct said said;
	uint64_t number; /* of a publish; 0: it is a request */
	struct push_attempt attempt;
	struct buf endpoint;
	void *trial; /* NULL: it stands for messages */
	struct flight *next;
};

struct lane {
	size_t in_flight;
	struct key from; /* read up to here */
	uint64_t next;   /* when the next one is due; 0: look */
	uint64_t paused; /* until when nothing leaves */
	bool full;       /* it has its share under way, and there is more */
};

/* The request for an access token of a kind, while it is under way. */
struct token_wait {
	struct push_sender *sender;
	enum push_kind_id kind;
	bool asking, answered; /* answered: and trials have not been told */
};

/* A trial that waits for such a token. */
struct pending {
	struct pending *next;
	void *trial;
	enum push_kind_id kind;
	struct key key; /* names whose it is */
};

struct push_sender {
	struct push_look look;
	struct push_waiting_list *list;
	struct push_kinds *kinds;
	const struct push_clock *clock;
	struct push_sender_handler handler;
	struct http *http;
	struct push_breakers *breakers;
	struct lane lanes[PUSH_LANES];
	struct hashmap flights;   /* by key */
	struct flight *published; /* those that wait for their PUBACK */
	uint64_t last_number;
	uint64_t linked_since; /* 0: the broker is gone */
	size_t trials;         /* pending ones, too */
	size_t strangers;      /* in flight in shared lanes: those leave room for the operator's */
	struct pending *pending;
	struct token_wait tokens[PUSH_KIND_COUNT];
	struct push_view view;
	struct push_job job;
	struct http_request token;
	struct buf endpoint;
	uint64_t alerted[PUSH_KIND_COUNT]; /* when the operator was told */
	enum err err;                      /* of a callback */
	char why[256];                     /* of err, if it has a sentence */
};

/* --- push_send.c: one that is due
 * ------------------------------------------------------------------------------------------ */

enum sent {
	SENT_ON,   /* go on with the next */
	SENT_STOP, /* this lane is full, or must wait */
};

/* Send it, put it off or forget it. *err: of the stores. The reader is refreshed. */
enum sent sender_send_one(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *p, enum err *err);

/* --- push_flight.c: what is under way
 * ------------------------------------------------------------------------------------------ */

/* Is a push under way for that device and chat? Trials are none. */
bool sender_has_flight(const struct push_sender *s, const struct push_whose *whose);

/* How many more of the lane may be under way. */
size_t sender_share_left(const struct push_sender *s, const struct lane *lane);

/* Hand s->job to libcurl or to the broker, as `step` says. trial: NULL, or whose it is. ERR_BUSY if
 * there is no room, ERR_NOMEM, or what else http_submit() says of a request that it can never send.
 */
enum err sender_launch(struct push_sender *s, const struct push_whose *whose, uint8_t lane,
	const struct said *said, enum push_step step, void *trial);

/* What becomes of one that could not be launched for another reason than ERR_BUSY. */
void sender_judge_launch(struct push_result *r, enum err err);

/* Free those that are under way, whose answers nobody waits for any more. */
void sender_forget_flights(struct push_sender *s);

/* --- push_settle.c: what becomes of one
 * ------------------------------------------------------------------------------------------ */

/* Something in the lane is due then. */
void sender_expect(struct push_sender *s, uint8_t lane, uint64_t due);

/* Count it in the statistics. */
void sender_count(struct push_sender *s, enum push_kind_id kind, enum push_verdict verdict);

/* Tell the operator, once in a while. */
void sender_alert(struct push_sender *s, enum push_kind_id kind, const char *reason);

/* Write down what was found out about one that waits; it may have gone meanwhile. */
enum err sender_settle(struct push_sender *s, const struct push_whose *whose,
	const struct push_attempt *a, const struct push_result *r, const struct said *said);

/* --- push_token.c
 * ------------------------------------------------------------------------------------------ */

/* Ask for an access token, if one is due and nobody asks yet. */
void sender_fetch_token(struct push_sender *s, enum push_kind_id kind);

/* --- push_trial.c
 * ------------------------------------------------------------------------------------------ */

/* Go on with the trials that have waited for a token, if it was answered. The reader is refreshed.
 */
void sender_try_pending(struct push_sender *s);

#endif
