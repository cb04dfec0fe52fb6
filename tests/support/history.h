/* history.h — a chat as it is stored: asked for page by page, or read from the disk of a dead
 * daemon. */
#ifndef GNATTER_TESTS_HISTORY_H
#define GNATTER_TESTS_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct client;
struct instance;

struct history {
	struct cJSON **messages; /* in order of seq; until the test is over */
	size_t count;
};

/* The whole chat through api/history, in pages; fails the test unless seq goes 1, 2, 3, … and n as
 * it must: never down, up by at most one. */
struct history history_all(struct client *c, const char *chat);

/* How many messages from `from` have this id. */
size_t history_ids(const struct history *h, const char *from, const char *id);

/* Fails the test unless each id <prefix>0 .. <prefix>count-1 from that user stands there exactly
 * once. */
void history_expect_once(
	const struct history *h, const char *from, const char *prefix, uint64_t count);

/* Wait until the chat has a seq of at least this. */
void history_wait_seq(struct client *c, const char *chat, uint64_t seq);

/* The bytes of a message, as the server writes them in a page of history: found by seq. NULL if it
 * is not there. Until the test is over. */
char *history_bytes(struct client *c, const char *chat, uint64_t seq);

/* The bytes of a message in the store of an instance whose daemon is dead; NULL if it is not there.
 * Works on a copy of the store. Until the test is over. */
char *stored_bytes(struct instance *i, const char *chat, uint64_t seq);

#endif
