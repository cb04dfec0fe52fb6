/* session.h — a command's client: made from the account, connected, waited for.
 *
 * Each command is a device of its own beside the account's, so that it disturbs neither the
 * full-screen client nor another command: send and flush are "<device>-send", whose store is a
 * file, since what it could not send must not get lost; they go one after the other. The others
 * are "<device>-sh1", "<device>-sh2" and so on, the first that no other command is now; they keep
 * nothing. None of them counts as the user being online.
 *
 * The callbacks come in the client's thread; the rest belongs to the main thread. `lock` guards
 * what both see.
 */
#ifndef GNATTER_SESSION_H
#define GNATTER_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "clients/gnatter/args.h"
#include "clients/gnatter/config.h"
#include "clients/sdk/gnatter.h"

enum session_kind {
	SESSION_READS, /* a store in memory */
	SESSION_SENDS, /* the outbox */
};

struct session {
	struct gnatter *g;
	struct account account;
	int64_t deadline_ms; /* on session_now_ms()'s clock */
	int slot;            /* an open file, locked; -1: none */

	/* Set before session_open(), or NULL. Called with the lock held. */
	void (*on_message)(struct session *s, const struct gnatter_message *m);
	void (*on_sent)(struct session *s, const struct gnatter_sent *sent);
	void *ctx;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool begun; /* the two above are there */
	enum gnatter_state state;
	bool unauthorized, tried; /* tried: an attempt has failed */
	char reason[256], address[256];
};

/* Load the account and make the client; not connected. GN_OK, or what was said. session_close() in
 * any case. */
int session_open(struct session *s, const struct args *a, enum session_kind kind);

/* The same with an account that the caller has filled in; taken. */
int session_open_with(struct session *s, enum session_kind kind);

/* Prepare *s: all zero but for what both need. */
void session_init(struct session *s);

int session_connect(struct session *s);

/* Wait until everything is there. GN_OK, GN_OFFLINE or GN_SIGNED_OUT, said. first: the first
 * attempt decides. */
int session_wait_synced(struct session *s, bool first);

/* With the lock held: wait for a change. False when the time is up. */
bool session_wait(struct session *s);

/* Say why there is no connection. GN_OFFLINE or GN_SIGNED_OUT. */
int session_say_offline(struct session *s);

void session_close(struct session *s);

/* The answer to a request: pass session_answer and &answer, then session_answered(). */
struct answer {
	struct session *session; /* to be set */
	const char *bear;        /* this code is no failure: it is for the caller; NULL: none */
	bool done;
	char *code, *message, *json; /* owned by whoever calls answer_finish() */
};
gnatter_answer_fn session_answer;

/* Wait for it, if e says that the request was made. GN_OK, or what was said. */
int session_answered(struct answer *a, enum gnatter_error e);
void answer_finish(struct answer *a);

/* What e means, said: GN_FAILED, or GN_USAGE for what cannot be meant. GN_OK of GNATTER_OK. */
int session_error(const struct session *s, enum gnatter_error e);

/* A chat as people name it: a group, "@bob" for the one with bob, or "alice:bob". False if it is
 * none, said. */
bool session_chat(const struct session *s, const char *name, char out[GNATTER_CHAT_SIZE]);

/* Milliseconds on a clock that only goes forward. */
int64_t session_now_ms(void);

#endif
