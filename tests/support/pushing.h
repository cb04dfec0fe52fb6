/* pushing.h — an instance that pushes: keys for every kind, and providers in the test.
 *
 * The keys are made once for a test program, by openssl(1), and are worth nothing. Main thread
 * only.
 */
#ifndef GNATTER_TESTS_PUSHING_H
#define GNATTER_TESTS_PUSHING_H

#include "tests/support/client.h"
#include "tests/support/front.h"
#include "tests/support/instance.h"
#include "tests/support/recorder.h"

struct cJSON;

/* Paths below providers: FCM is asked at /v1/projects/gnatter-test/messages:send. */
#define PUSHING_TOKEN_PATH "/oauth/token"
#define PUSHING_HOOK_PATH  "/hook"
#define PUSHING_APNS_TOPIC "org.example.chat"

/* Set every kind up, before the instance starts: FCM, its tokens and the webhook at r (plain http);
 * APNs at apns, which is to be a front, or at r if it is NULL. The recorder answers requests for
 * tokens. Users' URLs may lead to this machine. push_coalesce is 0. */
void pushing_set_up(struct instance *i, struct recorder *r, const struct front *apns);

/* The webhook's key, base64, and the PEM of the VAPID key, the APNs key and FCM's account. */
const char *pushing_webhook_key(void);
const char *pushing_p256_pem(void);
const char *pushing_rsa_pem(void);

/* Register a device of that kind by push.set and leave: from now on it is away. more: members of
 * the request with a comma before each, "" for none. */
void pushing_register(struct instance *i, const char *user, const char *device, const char *kind,
	const char *more);

/* The same for many users, the device "phone" of each of <prefix>0, <prefix>1, … */
void pushing_register_many(
	struct instance *i, const char *prefix, unsigned count, const char *kind);

/* The JSON of a request's body; fails the test if it is none. Until the test is over. */
struct cJSON *pushing_body(const struct recorded *request);

/* Is that device of the asking client's user pushed to, by what `devices` says? And wait until it
 * is not; fails the test if patience ends. */
bool pushing_is_set(struct client *asks, const char *device);
void pushing_wait_removed(struct client *asks, const char *device);

/* The daemon's counter of that name, and wait until it has that value at least; fails the test if
 * patience ends. */
double pushing_stat(struct instance *i, const char *name);
void pushing_wait_stat(struct instance *i, const char *name, double at_least);

#endif
