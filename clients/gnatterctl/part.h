/* part.h — one of the programs that make up a running instance: started, watched, started again.
 *
 * A part that ends is started again at once; if it ends again before it has lived for 10 s, after
 * pauses that grow to 2 s.
 */
#ifndef GNATTERCTL_PART_H
#define GNATTERCTL_PART_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "clients/gnatterctl/logfile.h"

#define PART_REASON_MAX 1024

struct part {
	const char *name; /* "broker" */
	char program[PATH_MAX];
	const char *arguments[4]; /* after the program's name; NULL ends them */
	struct logfile log;       /* gets what it writes */
	bool says_ready;          /* ... but for its standard output, where it says "ready" */

	pid_t pid;    /* 0: it does not run */
	int ready_fd; /* where "ready" is awaited; -1 if not */
	int status;   /* of the last one that ended, as waitpid has it */
	int64_t started_ms, start_at_ms, kill_at_ms; /* the latter two 0 if nothing is planned */
	unsigned deaths;                             /* since the last good life */
	char told[PART_REASON_MAX];                  /* the last thing said about it, and when */
	int64_t told_ms;
};

/* Start it. It ends with SIGTERM should this process die, and keeps keep_fd open. */
bool part_start(struct part *p, int keep_fd);

/* It has ended with p->status: close what belonged to it. */
void part_ended(struct part *p);

/* Plan to start it again. */
void part_again(struct part *p);

/* Ask it to end; SIGKILL comes after 10 s. */
void part_stop(struct part *p);

/* It wrote to its standard output: has it said "ready"? Closes the pipe when it is over. */
bool part_ready(struct part *p);

/* How it ended, and why, as far as its log tells: "was ended by signal 9 (Killed)". */
void part_describe(const struct part *p, char *out, size_t size);

#endif
