/* sender.h — a sender for tests: requests go out by bridge/push/http, and what comes is kept. */
#ifndef GNATTER_TESTS_UNIT_PUSH_SENDER_H
#define GNATTER_TESTS_UNIT_PUSH_SENDER_H

#include "bridge/push/http.h"

#include "tests/support/case.h"

/* What a request was answered with. Until the test is over. */
struct got {
	unsigned times; /* called back; 0: not yet */
	int status;
	struct bytes body, headers; /* each with a NUL behind it */
	bool cut, refused;
	int64_t retry_after_ms, date_ms, after_ms; /* after_ms: from submission to the call */
	const char *error;                         /* "" if there is none */
	int64_t started_ms;
};

struct sender {
	struct http_conf conf;
	struct http *http;
};

/* conf NULL: 20 s, 256 in flight, http to loopback allowed, the authority of certs.h. Of a conf
 * given, what is 0 becomes the same; but for the flags. Destroyed when the test is over. */
struct sender *sender_create(const struct http_conf *conf);

/* Hand in; fails the test if that fails. The second: a POST of "hello" to a URL. */
const struct got *sender_submit(struct sender *s, const struct http_request *r);
enum { HTTP2 = 1, STRANGER = 2 };
const struct got *sender_post(struct sender *s, const char *url, int flags);

/* Run until everything, or this one, is called back. Fails the test if that takes too long. */
void sender_finish(struct sender *s);
const struct got *sender_wait(struct sender *s, const struct got *g);

/* Post and wait. The second expects that the guard refuses it with these words. */
const struct got *sender_ask(struct sender *s, const char *url, int flags);
void sender_refused(struct sender *s, const char *url, int flags, const char *words);

/* Fail the test unless there was no answer, for a reason with these words, and not by the guard. */
void sender_failed(const struct got *g, const char *words);

#endif
