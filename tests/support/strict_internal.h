/* strict_internal.h — what the strict providers have in common. */
#ifndef GNATTER_TESTS_STRICT_INTERNAL_H
#define GNATTER_TESTS_STRICT_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "tests/support/jose.h"
#include "tests/support/strict.h"

/* The first member of each. */
struct strict {
	struct recorder *recorder;
	pthread_mutex_t lock; /* of all that the recorder's thread changes */
	char complaint[256];  /* what was wrong first */
};

/* Make one of that size, all zero, which ends with the test, after its recorder. Keys that it uses
 * must have been made before, since what is made last goes first. */
void *strict_create(size_t size, struct recorder *r);

/* Answer with that status and JSON, and remember what is wrong. Returns false. Under the lock. */
bool strict_refuse(struct strict *s, struct answer *a, int status, const char *wrong,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Answer with JSON. Under the lock. */
void strict_answer(struct answer *a, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The public key of a PEM, until the test is over; fails the test if it is none. */
struct jose_key *strict_key(const char *pem);

/* Is the value one of a list with spaces between; digits only; in base64url? No if it is none. */
bool is_one_of(struct bytes value, const char *list);
bool is_digits(struct bytes value);
bool is_base64url(struct bytes value);

/* What follows a prefix, if it begins so (whatever the case of its letters); data NULL if not. */
struct bytes strict_after(struct bytes value, const char *prefix);

#endif
