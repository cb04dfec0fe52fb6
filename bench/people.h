/* people.h — who the connections are: names, passwords and topics, made from patterns and files. */
#ifndef GNATTER_BENCH_PEOPLE_H
#define GNATTER_BENCH_PEOPLE_H

#include "bench/options.h"

struct person {
	char *user, *password; /* NULL: anonymous */
	char *client;
	char *chat, *publish, *subscribe, *errors; /* chat and after: NULL without a pattern */
};

struct people {
	struct person *list;     /* owned with all its strings */
	unsigned count, members; /* people, and how many of them are a group */
};

/* Make groups * members people, those of a group one after another. Dies if a pattern or a file is
 * wrong. */
void people_make(struct people *p, const struct options *o, unsigned groups, unsigned members);
/* Topic k of that person. To be freed. Dies if the pattern is wrong. */
char *people_topic(const struct people *p, const char *pattern, unsigned index, unsigned k);

void people_finish(struct people *p);

#endif
