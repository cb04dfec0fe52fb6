/* person.h — a person before a terminal in which gnatter runs: the real program, signed in at the
 * test's instance, with folders of its own for configuration and store.
 *
 * Main thread only. Ends with the test.
 */
#ifndef GNATTER_TESTS_PERSON_H
#define GNATTER_TESTS_PERSON_H

#include "tests/support/tmux.h"

struct client;
struct instance;

struct person_opts {
	const char *user;
	const char *device;     /* NULL: "term" */
	int columns, rows;      /* 0: 80, 24 */
	const char *const *env; /* "K=V" beyond what it needs; NULL: none */
};

/* Start it and wait for the first screen. The same user and device find their store again. */
struct tmux *person_start(struct instance *i, const struct person_opts *o);
struct tmux *person(struct instance *i, const char *user);

/* Type a line and press Enter. */
void person_say(struct tmux *t, const char *line);

/* Press a key so many times. */
void person_key(struct tmux *t, const char *key, int times);

/* Leave with /quit; it must end with 0. */
void person_quit(struct tmux *t);

/* A row of the messages: what stands right of the list, from the top; 0 is below the header. */
char *person_message(struct tmux *t, int row);

/* A group of carol, a foreign client that makes it and listens, and alice. */
struct client *person_group(struct instance *in, const char *chat);

#endif
