/* recorder_internal.h — what the files of the recorder share. Not for tests. */
#ifndef GNATTER_TESTS_RECORDER_INTERNAL_H
#define GNATTER_TESTS_RECORDER_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>

#include "tests/support/recorder.h"

#define RECORDER_NEVER INT64_MAX

struct rule {
	struct rule *next;
	char *prefix;
	bool counted; /* it goes away after `times` more answers */
	unsigned times;
	struct answer answer; /* its strings are the rule's */
	recorder_fn *fn;      /* instead of the answer, if not NULL */
	void *ctx;
};

/* A request under way. */
struct request {
	struct request *prev, *next; /* while suspended */
	int64_t due_ms;
	struct recorder *recorder;
	struct MHD_Connection *connection;
	char *target;
	struct buf headers, body;
	struct answer answer;
	struct MHD_Response *response;
	bool complete;
	bool drip_waits; /* before the next byte */
};

struct kept {
	struct recorded r;
	struct buf text; /* what r points into */
};

struct recorder {
	struct MHD_Daemon *daemon;
	struct recorder_opts opts;
	int port;
	char unix_path[108];
	pthread_t timer;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct request waiting; /* ring, by due_ms */
	struct rule *rules;     /* the newest first */
	struct kept **kept;
	size_t count, kept_count, kept_max;
	unsigned connections;
	bool stopping;
};

/* memory, or the end of the program. */
void *recorder_need(void *memory);

/* A copy with a NUL behind it. */
char *recorder_text(const char *s, size_t len);

/* Does text begin so? */
bool recorder_begins(const char *text, const char *prefix);

/* Under the lock: the rule for a target, which is counted as used; NULL if there is none. It lives
 * as long as the recorder. */
struct rule *recorder_rule(struct recorder *r, const char *target);
void recorder_rules_free(struct recorder *r);

/* Under the lock: keep a request to be looked at. */
void recorder_keep(struct recorder *r, const struct recorded *seen);
void recorder_kept_free(struct recorder *r);

/* Under the lock: until something changes or the moment comes (monotonic). */
void recorder_wait_until(struct recorder *r, int64_t due_ms);

#endif
