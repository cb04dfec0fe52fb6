/* push.c — pushes, as far as they are state: push.set, push.remove, push.prefs; and the outbox,
 * which names each message that a person counts (a commit makes one key of them: core.c).
 *
 * Who a message is pushed to is found out later, by somebody who may take the time: a commit costs
 * the same however many members a chat has. While nobody is registered it costs nothing at all, but
 * for looking how many there are: once a commit, since nothing else may change it than requests and
 * connections.
 */
#include "bridge/engine/internal.h"
#include "bridge/engine/registrations.h"
#include "bridge/push/prefs.h"

#include <string.h>

#define NOTHING ((struct bytes){NULL, 0})

/* --- registered, or not
 * ------------------------------------------------------------------------------ */

/* The user's devices hear what a device of his is pushed to with now; kind 0: it is not. */
static void tell_changed(struct engine *e, const struct record *r, struct bytes user,
	struct bytes device, uint8_t kind)
{
	const char *name = push_kind_name(kind);
	struct buf *b = event_own_begin(e, "push.changed");

	answer_string(b, "device", device);
	if (name)
		answer_string(b, "push", (struct bytes){name, strlen(name)});
	else
		answer_bool(b, "push", false);
	event_of_end(e, r, user);
}

static enum err read_preview(struct request *q, enum push_preview *preview)
{
	bool on = true;

	if (json_bool(&q->json, "preview", &on) != ERR_OK) {
		q->why = "\"preview\" must be true or false";
		return ERR_BAD_REQUEST;
	}
	*preview = on ? PREVIEW_ON : PREVIEW_OFF;
	if (!request_has(q, "preview"))
		*preview = PREVIEW_AS_USER;
	return ERR_OK;
}

/* What is to be registered; its data lies in the engine's `message`. */
static enum err read_registration(struct request *q, struct push_registration *out)
{
	struct buf *data = &q->e->message;
	struct bytes name = {0};
	enum push_kind_id kind;
	enum err err = json_string(&q->json, "kind", 1, 16, &name);

	kind = push_kind_of(name);
	if (err != ERR_OK || !push_kind_name(kind)) {
		q->why = "\"kind\" must be \"fcm\", \"apns\", \"webpush\", \"webhook\" or \"mqtt\"";
		return ERR_BAD_REQUEST;
	}
	err = read_preview(q, &out->preview);
	buf_reset(data);
	if (err == ERR_OK)
		err = push_check(kind, &q->json, data, &q->why);
	if (err == ERR_OK)
		err = push_offer_check(q->e->offer, kind, &q->json, &q->why);
	if (err == ERR_OK && data->failed)
		err = ERR_NOMEM;
	out->kind = (uint8_t)kind;
	out->set_ms = q->r->ts;
	out->data = (struct bytes){data->data, data->len};
	return err;
}

/* Again, as apps do at each start, is nothing new to anybody. */
enum err method_push_set(struct request *q)
{
	const struct record *r = q->r;
	struct batch *b = q->e->batch;
	struct push_registration now, old = {.kind = 0};
	struct registration_former former;
	struct user self;
	uint8_t was;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = device_check(q);
	if (err == ERR_OK)
		err = read_registration(q, &now);
	if (err == ERR_OK)
		err = device_listed(q->e, r);
	if (err == ERR_OK)
		err = absent_is(registration_get(b, r->user, r->device, &old), ERR_OK);
	was = old.kind;
	if (err == ERR_OK)
		err = registration_put(b, r->user, r->device, &now, &former);
	if (err != ERR_OK)
		return err;
	if (former.user_len > 0)
		tell_changed(q->e, r, (struct bytes){former.user, former.user_len},
			(struct bytes){former.device, former.device_len}, 0);
	if (was != now.kind)
		tell_changed(q->e, r, r->user, r->device, now.kind);
	return ERR_OK;
}

/* The device named, or the one that asks. */
static enum err read_device(struct request *q, struct bytes *out)
{
	if (request_has(q, "device"))
		return request_device(q, out);
	*out = q->r->device;
	return device_named(q);
}

enum err method_push_remove(struct request *q)
{
	struct bytes device = {0};
	struct user self;
	bool removed = false;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = read_device(q, &device);
	if (err == ERR_OK)
		err = registration_remove(q->e->batch, q->r->user, device, 0, &removed);
	if (err == ERR_OK && removed)
		tell_changed(q->e, q->r, q->r->user, device, 0);
	return err;
}

/* --- what a user wants of them
 * ----------------------------------------------------------------------- */

static enum err state_prefs(struct engine *e, struct bytes user, struct push_prefs *out)
{
	struct key k = key_push_prefs(user);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v);

	*out = (struct push_prefs){0};
	return err == ERR_OK ? push_prefs_decode(out, v) : absent_is(err, ERR_OK);
}

static bool is_same(const struct push_prefs *a, const struct push_prefs *b)
{
	return a->quiet == b->quiet && a->mentions == b->mentions && a->hidden == b->hidden &&
	       a->from == b->from && a->to == b->to && a->utc_offset == b->utc_offset;
}

enum err method_push_prefs(struct request *q)
{
	struct key k = key_push_prefs(q->r->user);
	struct push_prefs was, now;
	struct buf *v = &q->e->scratch;
	struct user self;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = state_prefs(q->e, q->r->user, &was);
	if (err != ERR_OK)
		return err;
	now = was;
	err = push_prefs_read(&q->json, &now, &q->why);
	if (err != ERR_OK)
		return err;
	push_prefs_write(q->answer, &now);
	if (is_same(&was, &now))
		return ERR_OK;
	buf_reset(v);
	push_prefs_encode(v, &now);
	if (v->failed)
		return ERR_NOMEM;
	batch_put(q->e->batch, TABLE_STORE, key_bytes(&k), (struct bytes){v->data, v->len});
	event_own(q->e, q->r, "push.prefs", NULL, NOTHING);
	outbox_hint(q->e->out, HINT_PREFS, q->r->user, NOTHING, q->r->ts);
	return ERR_OK;
}

enum err push_forget(struct engine *e, struct bytes user)
{
	struct key prefs = key_push_prefs(user);

	batch_delete(e->batch, TABLE_STORE, key_bytes(&prefs));
	return registrations_forget(e->batch, user);
}

/* --- the outbox
 * -------------------------------------------------------------------------------------- */

enum err push_message(struct engine *e, struct bytes chat, uint64_t seq, uint64_t n, uint64_t ts)
{
	enum err err = ERR_OK;

	if (!e->counted)
		err = registrations_count(e->batch, &e->registrations);
	e->counted = err == ERR_OK;
	if (err == ERR_OK && e->registrations > 0)
		outbox_pushed(e->out, chat, seq, n, ts);
	return err;
}
