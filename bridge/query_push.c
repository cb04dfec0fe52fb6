/* query_push.c — push.get: what a user wants of pushes, what the device that asks is registered
 * with, and what there is to register with. What a device is reached by is a secret, and not told.
 */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "bridge/push/prefs.h"
#include "persist/keys.h"
#include "persist/values.h"

#include <stdlib.h>
#include <string.h>

static enum err put_prefs(struct query *q)
{
	struct key k = key_push_prefs(q->r->user);
	struct push_prefs p = {0};
	struct bytes v;
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	if (err == ERR_OK) {
		err = push_prefs_decode(&p, v);
		free((void *)(uintptr_t)v.data);
	}
	if (err == ERR_OK || err == ERR_NOT_FOUND)
		push_prefs_write(q->out, &p);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err query_put_push(struct query *q, struct bytes device, push_put_fn *fn)
{
	struct key k = key_registration(q->r->user, device);
	struct push_registration r = {.kind = 0};
	struct bytes v = {NULL, 0};
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	if (err == ERR_OK)
		err = push_registration_decode(&r, v);
	if (err == ERR_OK || err == ERR_NOT_FOUND)
		fn(q->out, &r);
	free((void *)(uintptr_t)v.data);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void put_registration(struct buf *b, const struct push_registration *r)
{
	const char *kind = push_kind_name(r->kind);

	if (!kind)
		return;
	buf_printf(b, ",\"registration\":{\"kind\":\"%s\"", kind);
	answer_u64(b, "since", r->set_ms);
	if (r->preview != PREVIEW_AS_USER)
		answer_bool(b, "preview", r->preview == PREVIEW_ON);
	buf_str(b, "}");
}

static void put_offer(struct query *q)
{
	const struct push_offer *offer = q->src->offer;
	bool first = true;

	buf_str(q->out, ",\"kinds\":[");
	for (unsigned i = PUSH_FCM; i < PUSH_KIND_COUNT; i++) {
		if (!push_offered(offer, (enum push_kind_id)i))
			continue;
		buf_printf(q->out, "%s\"%s\"", first ? "" : ",", push_kind_name(i));
		first = false;
	}
	buf_str(q->out, "]");
	if (offer && offer->webpush_key.len > 0)
		answer_string(q->out, "webpush_key", offer->webpush_key);
}

enum err query_push_get(struct query *q)
{
	bool named = q->r->client.len > 0 && memchr(q->r->client.data, ':', q->r->client.len);
	struct user self;
	enum err err = query_user(q, q->r->user, &self);

	if (err == ERR_NOT_FOUND) {
		q->why = "this is for accounts only";
		err = ERR_FORBIDDEN;
	}
	if (err == ERR_OK)
		err = put_prefs(q);
	if (err == ERR_OK && named)
		err = query_put_push(q, q->r->device, put_registration);
	if (err == ERR_OK)
		put_offer(q);
	return err;
}
