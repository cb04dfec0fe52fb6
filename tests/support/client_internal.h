/* client_internal.h — what the files of the test client share. Not for tests. */
#ifndef GNATTER_TESTS_CLIENT_INTERNAL_H
#define GNATTER_TESTS_CLIENT_INTERNAL_H

#include <mosquitto.h>
#include <pthread.h>
#include <time.h>

#include "tests/support/client.h"

#define CLIENT_PENDING (-2)

struct client {
	struct mosquitto *mosq; /* NULL once it is closed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closed, closing;
	int version, connack;
	int outcome[65536]; /* by message id: CLIENT_PENDING, or the code */
	struct message **messages;
	size_t count, cap;
	unsigned requests;
	char name[300];
};

/* When patience ends. */
struct timespec client_deadline(void);

/* With the lock held: wait for a change. False when patience ends. */
bool client_await(struct client *c, const struct timespec *until);

/* The outcome at a place, -1 if the connection ended first. Fails the test when nothing happens. */
int client_await_outcome(struct client *c, const int *where, const char *what);

/* With the lock held: the first message nobody has taken that matches, NULL if there is none. */
struct message *client_untaken(struct client *c, const char *filter, const char *text);

#endif
