/* options.h — what `load` is told on its command line: one table, see options.c. */
#ifndef GNATTER_BENCH_OPTIONS_H
#define GNATTER_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *command; /* see load.c */

	/* where, and as whom */
	const char *host, *target;
	int64_t port, version;
	const char *user, *client, *password, *credentials, *token_key;

	/* patterns, see template.h */
	const char *chat, *publish, *subscribe, *errors, *params;

	/* the work */
	int64_t groups, members, senders, window, rate, size, qos, ack_qos, count, page;
	int64_t topics, contacts, first;
	int64_t duration_ns, warmup_ns, patience_ns, gather_ns;

	bool gnatter; /* the target: messages carry a seq, which is checked */
	bool ids, json;
};

/* Fill *o, but for command, from defaults and the arguments after the command's name. Dies on an
 * unknown option or a value out of range. Strings are lent from argv. */
void options_parse(struct options *o, int argc, char **argv);

/* Print one line per option. */
void options_help(void);

#endif
