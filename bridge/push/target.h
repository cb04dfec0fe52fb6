/* target.h — a registration's data, read back: where a push goes. check.h tells the forms. */
#ifndef GNATTER_BRIDGE_PUSH_TARGET_H
#define GNATTER_BRIDGE_PUSH_TARGET_H

#include "bridge/push/check.h"
#include "bridge/push/endpoint.h"
#include "bridge/push/webpush_crypt.h"

struct push_target {
	struct json_object object;        /* owned: what the rest is lent from */
	struct bytes token, fid;          /* fcm: one of them; apns: token */
	struct bytes topic;               /* apns: empty: the operator's */
	bool sandbox;                     /* apns */
	struct bytes url;                 /* webpush; webhook: empty: the operator's */
	struct bytes secret;              /* webhook: empty: none */
	struct endpoint endpoint;         /* of url */
	struct webpush_receiver receiver; /* webpush */
};

/* Read data, which is lent until push_target_finish(). ERR_OK; ERR_CORRUPT if it is not what
 * push_check() writes, ERR_NOMEM; then *t needs no finish. */
enum err push_target_read(struct push_target *t, enum push_kind_id kind, struct bytes data);
void push_target_finish(struct push_target *t);

#endif
