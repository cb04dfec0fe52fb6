/* subscriber.h — a browser's side of Web Push: the keys of a subscription, and reading what comes.
 *
 * Messages are decrypted by the npm package http_ece, through tests/npm/decrypt.js: relative to the
 * folder that the tests run in, the top of the tree. Main thread only.
 */
#ifndef GNATTER_TESTS_SUBSCRIBER_H
#define GNATTER_TESTS_SUBSCRIBER_H

struct cJSON;
struct recorded;
struct subscriber;

/* New keys. Until the test is over, like all that is returned here. */
struct subscriber *subscriber_create(void);

/* What push.set needs besides the kind, for pushing_register(): the endpoint and the keys, with a
 * comma before each. */
const char *subscriber_members(const struct subscriber *s, const char *endpoint);

/* The keys alone, base64url: what must not be seen elsewhere. */
const char *subscriber_p256dh(const struct subscriber *s);
const char *subscriber_auth(const struct subscriber *s);

/* The JSON in a message; fails the test if it cannot be decrypted with these keys. */
struct cJSON *subscriber_read(const struct subscriber *s, const struct recorded *message);

#endif
