/* hasher.h — many passwords hashed at once, on all cores. */
#ifndef GNATTERCTL_HASHER_H
#define GNATTERCTL_HASHER_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>

#include "wire/conf.h"

struct hash_job {
	const char *password; /* lent */
	char hash[crypto_pwhash_STRBYTES];
	bool ok; /* false: not enough memory */
};

/* Do all jobs; returns when the last is done. */
void hash_all(struct hash_job *jobs, size_t count, const struct conf *c);

#endif
