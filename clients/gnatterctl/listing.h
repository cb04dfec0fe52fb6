/* listing.h — lists that come in pages, as a table or as one JSON object a line. */
#ifndef GNATTERCTL_LISTING_H
#define GNATTERCTL_LISTING_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "clients/gnatterctl/command.h"

struct listing {
	const char *method;
	const char *member;                /* of the answer: the array */
	const char *key;                   /* of an entry: what the next page goes on after */
	const char *head;                  /* of the table */
	void (*print)(const cJSON *entry); /* a line of the table */
};

/* Print all of it; the exit code. */
int listing_run(const struct args *a, const struct listing *l);

/* A member of an entry as a cell of that width, with a space after it. */
void listing_cell(const cJSON *entry, const char *name, size_t width);

#endif
