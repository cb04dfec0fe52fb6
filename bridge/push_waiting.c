/* push_waiting.c — see push_waiting.h. */
#include "bridge/push_waiting.h"

#include "wire/hashmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES_ALONE 8    /* the first ones have one endpoint each */
#define WRITES_MAX  2000 /* brought forward in one commit */
#define EACH_MS     16   /* brought forward to the same millisecond */

struct push_waiting_list {
	struct store *store;
	struct store_writes *writes;
	const struct push_clock *clock;
	struct buf scratch;
	uint64_t count;
	bool opened; /* from now on commits tell the time */
	bool failed; /* out of memory since the last commit */
};

/* --- lanes
 * ---------------------------------------------------------------------------------------- */

uint8_t push_lane(struct bytes endpoint)
{
	static const char *const alone[] = {"fcm", "apns", "apns-sandbox", "webhook", "mqtt"};

	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++)
		if (bytes_equal(endpoint, alone[i], strlen(alone[i])))
			return (uint8_t)i;
	return (uint8_t)(LANES_ALONE +
			 hash_bytes(endpoint.data, endpoint.len) % (PUSH_LANES - LANES_ALONE));
}

bool push_lane_is_shared(uint8_t lane)
{
	return lane >= LANES_ALONE;
}

static bool is_at(const struct push_waiting *p, uint8_t lane, uint64_t due)
{
	return p->lane == lane && p->due == due;
}

/* --- opening
 * -------------------------------------------------------------------------------------- */

static bool waits(const struct push_waiting *p)
{
	return p && p->state != PUSH_RESTING;
}

/* By how much the clock was set back at least, since the last commit. */
static enum err read_set_back(struct push_waiting_list *l, uint64_t *out)
{
	uint64_t now = push_clock_now(l->clock), was;
	struct key k = key_meta("push_clock");
	struct reader r;
	struct bytes v;
	enum err err = store_get(l->store, NULL, key_bytes(&k), &v);

	*out = 0;
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	r = reader_of(v.data, v.len);
	was = read_u64(&r);
	free((void *)(uintptr_t)v.data);
	if (was > now)
		*out = was - now;
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

struct opening {
	struct push_waiting_list *list;
	uint64_t set_back;
	char *why;
	size_t why_size;
	enum err err;
};

/* Nothing waits longer than it was to, when that was written. */
static bool take_over(
	void *ctx, struct bytes key, const struct push_whose *w, const struct push_waiting *p)
{
	struct opening *o = ctx;
	struct push_waiting now = *p;

	(void)key;
	o->list->count += waits(p);
	if (o->set_back == 0)
		return true;
	now.due -= now.due > o->set_back ? o->set_back : now.due;
	push_waiting_put(o->list, w, p, &now);
	if (push_waiting_writes(o->list) >= WRITES_MAX)
		o->err = push_waiting_commit(o->list, o->why, o->why_size);
	return o->err == ERR_OK;
}

/* A crash in the middle of it leaves the old time, and what was brought forward comes even sooner.
 */
static enum err take_over_all(struct push_waiting_list *l, char *why, size_t why_size)
{
	struct opening o = {.list = l, .why = why, .why_size = why_size};
	struct bytes all = {NULL, 0};
	enum err err = read_set_back(l, &o.set_back);

	if (err == ERR_OK)
		err = push_waiting_each(l, all, all, take_over, &o);
	if (err == ERR_OK)
		err = o.err;
	l->opened = true;
	return err == ERR_OK ? push_waiting_commit(l, why, why_size) : err;
}

enum err push_waiting_open(struct push_waiting_list **out, struct store *s,
	const struct push_clock *clock, char *why, size_t why_size)
{
	struct push_waiting_list *l = calloc(1, sizeof(*l));
	enum err err = ERR_NOMEM;

	*out = NULL;
	why[0] = '\0';
	if (l) {
		l->store = s;
		l->clock = clock;
		l->writes = store_writes_create(s);
	}
	if (l && l->writes)
		err = take_over_all(l, why, why_size);
	if (err == ERR_OK) {
		*out = l;
		return ERR_OK;
	}
	if (why[0] == '\0')
		snprintf(why, why_size, "pushes cannot be read: %s", err_text(err));
	push_waiting_close(l);
	return err;
}

void push_waiting_close(struct push_waiting_list *l)
{
	if (!l)
		return;
	store_writes_destroy(l->writes);
	buf_free(&l->scratch);
	free(l);
}

/* --- one of them
 * ---------------------------------------------------------------------------------- */

enum err push_waiting_get(
	struct push_waiting_list *l, const struct push_whose *w, struct push_waiting *out)
{
	struct key k = key_push_waiting(w);
	struct bytes v;
	enum err err = store_get(l->store, NULL, key_bytes(&k), &v);

	if (err != ERR_OK)
		return err;
	err = push_waiting_decode(out, v);
	free((void *)(uintptr_t)v.data);
	return err;
}

void push_waiting_put(struct push_waiting_list *l, const struct push_whose *w,
	const struct push_waiting *was, const struct push_waiting *now)
{
	struct key k = key_push_waiting(w);
	struct key due;

	buf_reset(&l->scratch);
	push_waiting_encode(&l->scratch, now);
	if (l->scratch.failed) {
		l->failed = true;
		return;
	}
	store_writes_put(l->writes, key_bytes(&k), (struct bytes){l->scratch.data, l->scratch.len});
	if (was && (was->due != now->due || was->lane != now->lane)) {
		due = key_push_due(was->lane, was->due, w);
		store_writes_delete(l->writes, key_bytes(&due));
	}
	if (!was || was->due != now->due || was->lane != now->lane) {
		due = key_push_due(now->lane, now->due, w);
		store_writes_put(l->writes, key_bytes(&due), (struct bytes){NULL, 0});
	}
	l->count += waits(now);
	l->count -= waits(was);
}

void push_waiting_delete(
	struct push_waiting_list *l, const struct push_whose *w, const struct push_waiting *was)
{
	struct key k = key_push_waiting(w);
	struct key due = key_push_due(was->lane, was->due, w);

	store_writes_delete(l->writes, key_bytes(&k));
	store_writes_delete(l->writes, key_bytes(&due));
	l->count -= waits(was);
}

void push_waiting_forget(struct push_waiting_list *l, struct bytes key)
{
	store_writes_delete(l->writes, key);
}

size_t push_waiting_writes(const struct push_waiting_list *l)
{
	return store_writes_count(l->writes);
}

/* When something was written last: how push_waiting_open() finds a clock that was set back. */
static void put_time(struct push_waiting_list *l)
{
	struct key k = key_meta("push_clock");

	buf_reset(&l->scratch);
	buf_u64(&l->scratch, push_clock_now(l->clock));
	if (l->scratch.failed)
		l->failed = true;
	else
		store_writes_put(
			l->writes, key_bytes(&k), (struct bytes){l->scratch.data, l->scratch.len});
}

enum err push_waiting_commit(struct push_waiting_list *l, char *why, size_t why_size)
{
	if (l->opened && push_waiting_writes(l) > 0)
		put_time(l);
	if (l->failed) {
		snprintf(why, why_size, "out of memory");
		return ERR_NOMEM;
	}
	return store_writes_commit(l->writes, why, why_size);
}

uint64_t push_waiting_count(const struct push_waiting_list *l)
{
	return l->count;
}

/* --- all of them
 * ---------------------------------------------------------------------------------- */

struct due_walk {
	push_due_fn *fn;
	void *ctx;
	enum err err;
};

static bool on_due(void *ctx, struct bytes key, struct bytes value)
{
	struct due_walk *d = ctx;
	struct push_whose w;
	uint64_t due;
	uint8_t lane;

	(void)value;
	d->err = key_push_due_parts(key, &lane, &due, &w);
	return d->err == ERR_OK && d->fn(d->ctx, key, due, &w);
}

enum err push_waiting_due(
	struct push_waiting_list *l, uint8_t lane, struct bytes from, push_due_fn *fn, void *ctx)
{
	struct due_walk d = {fn, ctx, ERR_OK};
	struct key prefix = key_push_lane(lane);
	enum err err = store_each(l->store, NULL, key_bytes(&prefix), from, false, on_due, &d);

	return err == ERR_OK ? d.err : err;
}

struct hastening {
	struct push_waiting_list *list;
	uint8_t lane;
	uint64_t due, now, made;
	char *why;
	size_t why_size;
	enum err err;
};

/* The entry counts, not the order: see push_sender.c. */
static bool on_hasten(void *ctx, struct bytes key, uint64_t due, const struct push_whose *w)
{
	struct hastening *h = ctx;
	struct push_waiting was, now;

	(void)key;
	if (due != h->due)
		return false;
	h->err = push_waiting_get(h->list, w, &was);
	if (h->err == ERR_NOT_FOUND || (h->err == ERR_OK && !is_at(&was, h->lane, due))) {
		h->err = ERR_OK;
		return true;
	}
	if (h->err != ERR_OK)
		return false;
	now = was;
	now.due = h->now + h->made++ / EACH_MS;
	push_waiting_put(h->list, w, &was, &now);
	if (push_waiting_writes(h->list) >= WRITES_MAX)
		h->err = push_waiting_commit(h->list, h->why, h->why_size);
	return h->err == ERR_OK;
}

enum err push_waiting_hasten(struct push_waiting_list *l, uint8_t lane, uint64_t due,
	uint64_t now_ms, char *why, size_t why_size)
{
	struct hastening h = {.list = l,
		.lane = lane,
		.due = due,
		.now = now_ms,
		.why = why,
		.why_size = why_size};
	struct key from = key_push_due_at(lane, due);
	enum err err = push_waiting_commit(l, why, why_size);

	if (err == ERR_OK)
		err = push_waiting_due(l, lane, key_bytes(&from), on_hasten, &h);
	if (err == ERR_OK)
		err = h.err;
	return err == ERR_OK ? push_waiting_commit(l, why, why_size) : err;
}

struct walk {
	push_waiting_fn *fn;
	void *ctx;
	enum err err;
};

static bool on_waiting(void *ctx, struct bytes key, struct bytes value)
{
	struct walk *walk = ctx;
	struct push_waiting p;
	struct push_whose w;

	walk->err = key_push_waiting_parts(key, &w);
	if (walk->err == ERR_OK)
		walk->err = push_waiting_decode(&p, value);
	return walk->err == ERR_OK && walk->fn(walk->ctx, key, &w, &p);
}

enum err push_waiting_each(struct push_waiting_list *l, struct bytes user, struct bytes from,
	push_waiting_fn *fn, void *ctx)
{
	struct walk walk = {fn, ctx, ERR_OK};
	struct key prefix = user.len > 0 ? key_push_waiting_user(user) : key_push_waiting_all();
	enum err err =
		store_each(l->store, NULL, key_bytes(&prefix), from, false, on_waiting, &walk);

	return err == ERR_OK ? walk.err : err;
}
