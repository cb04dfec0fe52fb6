/* strict.h — push providers that refuse what the real ones refuse, each an answering function of a
 * recorder. What they know of our keys is the public half.
 *
 * A request that was refused for what is wrong with it fails the test at its end, so a test needs
 * to look only at what differs from one push to another. What is answered by recorder_answer_next()
 * is not looked at. Main thread only, after pushing_set_up().
 */
#ifndef GNATTER_TESTS_STRICT_H
#define GNATTER_TESTS_STRICT_H

#include "tests/support/recorder.h"

#define STRICT_FCM_PATH     "/v1/projects/gnatter-test/messages:send"
#define STRICT_APNS_PATH    "/3/device/"
#define STRICT_WEBPUSH_PATH "/wp/"

/* Google: access tokens for a JWT of the service account, and FCM for such a token. Tokens live
 * for life_s seconds, and are refused with 401 after that. */
struct strict_fcm;
struct strict_fcm *strict_fcm_start(struct recorder *r, int life_s);

/* Tokens given out so far are refused, and those to come live that long. */
void strict_fcm_revoke(struct strict_fcm *f, int life_s);

/* How many were given out. */
unsigned strict_fcm_tokens(struct strict_fcm *f);

/* Apple, behind a front, below that path: "" but for the sandbox. A provider token that differs
 * from the one before comes too often, unless that one was said to have ended. */
struct strict_apns;
struct strict_apns *strict_apns_start(struct recorder *r, const char *below);

/* The provider token that is used now has ended. */
void strict_apns_expire(struct strict_apns *a);

/* How many different ones came. */
unsigned strict_apns_tokens(struct strict_apns *a);

/* A push service, whose endpoints begin with that path at the recorder's own address. It does not
 * decrypt. */
void strict_webpush_start(struct recorder *r, const char *path);

#endif
