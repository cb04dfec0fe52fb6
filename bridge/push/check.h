/* check.h — what a device gives to be pushed to, checked and put into one form.
 *
 * Pure: the engine calls it, so it depends on nothing but its arguments. Whether the provider knows
 * the device is found out when something is sent.
 *
 *   kind      request                                  data (JSON, in this order; [] if given)
 *   fcm       token, or fid                            {"token"} or {"fid"}
 *   apns      token (hex), sandbox, topic              {"token",["sandbox":true],["topic"]}
 *   webpush   endpoint, keys {p256dh, auth}: what      {"endpoint","keys":{"p256dh","auth"}}
 *             PushSubscription.toJSON() gives
 *   webhook   url, secret                              {["url"],["secret"]}
 *   mqtt                                               {}
 *
 * Two requests that mean the same device give the same bytes.
 */
#ifndef GNATTER_PUSH_CHECK_H
#define GNATTER_PUSH_CHECK_H

#include <stdbool.h>

#include "wire/buf.h"
#include "wire/err.h"
#include "wire/json.h"

/* Numbers are kept in the store. */
enum push_kind_id {
	PUSH_FCM = 1,
	PUSH_APNS,
	PUSH_WEBPUSH,
	PUSH_WEBHOOK,
	PUSH_MQTT,
	PUSH_KIND_COUNT
};

#define PUSH_URL_MAX   1000 /* bytes of an endpoint or URL */
#define PUSH_TOKEN_MAX 1000 /* bytes of a token of FCM */
#define PUSH_HEX_MAX   200  /* digits of a token of APNs; today they are 64 */
#define PUSH_TOPIC_MAX 255  /* bytes of a bundle id */

/* Bytes of the secret that a webhook's signature is made with. */
#define PUSH_SECRET_MIN 16
#define PUSH_SECRET_MAX 256

/* "fcm", ...; NULL if there is no such kind. Static. */
const char *push_kind_name(unsigned kind);

/* The kind of that name; 0 if there is none. */
enum push_kind_id push_kind_of(struct bytes name);

/* Does the data of that kind name one device, which only one registration can mean? If not (a
 * gateway has many devices) it may be the same for several. */
bool push_kind_names_device(enum push_kind_id kind);

/* Is the request, of push.set, good? Appends the data to *data, which the caller checks for
 * `failed`: at most PUSH_DATA_MAX bytes. ERR_OK; ERR_BAD_REQUEST with *why a static sentence, also
 * of a kind that there is not; ERR_NOMEM. */
enum err push_check(enum push_kind_id kind, const struct json_object *request, struct buf *data,
	const char **why);

#endif
