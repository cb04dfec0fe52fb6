/* sdk.h — clients of the SDK for tests: what their callbacks say, kept in a list and judged.
 *
 * Whatever a test is about, of each client the following is checked when it passes: no message is
 * told twice or out of order, each step of what was sent at most once and none after a later one.
 * A client that is opened again goes on with the same list.
 *
 * Functions belong to the main thread. Clients are destroyed when the test is over.
 */
#ifndef GNATTER_TESTS_SDK_H
#define GNATTER_TESTS_SDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/sdk/gnatter.h"

struct client;
struct instance;
struct sdk;

enum sdk_kind {
	SDK_ANY,
	SDK_STATUS,
	SDK_MESSAGE,
	SDK_CHAT,
	SDK_SENT,
	SDK_MARK,
	SDK_TYPING,
	SDK_PRESENCE,
	SDK_EVENT,
	SDK_ANSWER, /* of sdk_answer() */
};

/* Something that was told; what does not belong to its kind is NULL or 0. The same as a pattern:
 * NULL, 0 and false match anything; seq, delivered, read: at least. */
struct sdk_seen {
	enum sdk_kind kind;
	const char *chat, *user, *id, *type, *code;
	const char *text; /* also: a status' reason, an event's topic, an answer's sentence */
	const char *json; /* of an event or an answer; an address */
	uint64_t seq;     /* of a status: retry_in_ms */
	uint64_t ref, delivered, read;
	enum gnatter_tick tick;
	enum gnatter_state state;
	bool online, offline, unauthorized;
	int64_t at_ms; /* on the clock of case_now_ms() */
};

/* Options for a client of that instance, with a token for an hour and short waits. */
struct gnatter_options sdk_options(struct instance *i, const char *user, const char *device);

/* The same with a file below the instance's folder. */
struct gnatter_options sdk_options_file(struct instance *i, const char *user, const char *device);

/* Make a client; its callbacks (but for on_token) and ctx are taken. sdk_try() returns the error.
 * What a test wants to do inside of a callback it does in `hook`: called in the client's thread for
 * everything that is kept, with what was kept. */
typedef void sdk_hook_fn(void *ctx, struct sdk *s, const struct sdk_seen *e);
struct sdk *sdk_open(const struct gnatter_options *o);
enum gnatter_error sdk_try(struct sdk **out, const struct gnatter_options *o);
void sdk_hook(struct sdk *s, sdk_hook_fn *hook, void *ctx);

/* Make and connect. */
struct sdk *sdk_connect(const struct gnatter_options *o);
struct sdk *sdk_online(struct instance *i, const char *user, const char *device); /* and synced */

/* Destroy; make the same again (with these options, or the former ones) and go on. */
void sdk_close(struct sdk *s);
void sdk_reopen(struct sdk *s, const struct gnatter_options *o);

/* The client; NULL while it is closed. */
struct gnatter *sdk_g(struct sdk *s);

/* Wait for the first that matches, from `from` on; fails the test when none comes. Until the test
 * is over. */
const struct sdk_seen *sdk_wait(struct sdk *s, size_t from, struct sdk_seen want);
/* The first that is there; NULL if there is none. How many are there. */
const struct sdk_seen *sdk_find(struct sdk *s, size_t from, struct sdk_seen want);
size_t sdk_count(struct sdk *s, size_t from, struct sdk_seen want);
void sdk_wait_count(struct sdk *s, size_t from, struct sdk_seen want, size_t n);

/* How many there are: a place to go on from. */
size_t sdk_mark(struct sdk *s);

/* Wait until its state is that. */
void sdk_wait_state(struct sdk *s, enum gnatter_state state);
void sdk_wait_synced(struct sdk *s);

/* Wait until nothing waits in the outbox (what was refused may be there). */
void sdk_wait_sent(struct sdk *s);
size_t sdk_waiting(struct sdk *s);

/* Send, which must be taken; the id. */
const char *sdk_send(struct sdk *s, const char *chat, const char *text);

/* For requests, with the client as ctx: kept as SDK_ANSWER. sdk_ask() waits for the answer. */
gnatter_answer_fn sdk_answer;
const struct sdk_seen *sdk_ask(struct sdk *s, const char *method, const char *json);

/* A row of gnatter_chats(); of what is not there only `chat` is set, to NULL. Strings until the
 * test is over. */
struct gnatter_chat sdk_chat(struct sdk *s, const char *chat);

/* A message in the cache; `chat` is NULL if it is not there. Until the test is over. */
struct gnatter_message sdk_message(struct sdk *s, const char *chat, uint64_t seq);

/* Wait until the cache reaches the chat's seq as c sees it; page back to the first message; then
 * every message, the reactions, and what is said of the chat must be as c, of the same user, gets
 * them from the server. */
void sdk_expect_same(struct sdk *s, struct client *c, const char *chat);

/* Wait until role, title, marks and the unread count are as the server has them; then the rest of
 * the chat's row must be so, too. */
void sdk_wait_row(struct sdk *s, struct client *c, const char *chat);

#endif
