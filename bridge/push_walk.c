/* push_walk.c — see push_walk.h. */
#include "bridge/push_walk.h"

#include "bridge/push_clock.h"
#include "wire/hashmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING     ((struct bytes){NULL, 0})
#define PAGE        4096 /* chats of commits walked through at a time, about */
#define WRITES_MAX  2000 /* until they are committed */
#define FEW_MEMBERS 64   /* whatever the number of registrations */
#define EACH_MS     16   /* of one run are due in the same millisecond: see due_now() */

/* What was said in one chat. */
struct talk {
	struct node node;
	struct talk *next;
	uint64_t first, last; /* seq */
	uint64_t before;      /* n of the chat before the first */
	uint64_t since;       /* ts of the first */
	size_t len;
	char chat[];
};

struct push_walk {
	struct push_look look;
	struct push_waiting_list *list;
	push_lane_fn *lane;
	void *ctx;

	struct key next; /* to go on with in the outbox */
	uint64_t to;     /* number of the last one that may be looked at */
	struct hashmap by_chat;
	struct talk *talks, **last;
	struct buf keys; /* bytes16 each: of the outbox, walked through */
	size_t count;
	size_t made; /* in this run */
	uint64_t now;
	uint64_t registrations;
	bool full; /* no room for more: the first talk goes on with who comes after */
	char user[NAME_USER_MAX]; /* whom it has come to; empty: nobody yet */
	size_t user_len;
	enum err err; /* of the walk over the outbox */
	char *why;
	size_t why_size;
};

static bool on_last(void *ctx, struct bytes key, struct bytes value)
{
	struct push_walk *w = ctx;

	(void)value;
	w->to = key_push_number(key);
	return false;
}

/* What was left by those who ran before was committed. */
static enum err read_last(struct push_walk *w)
{
	struct key all = key_push_all();

	return store_each(w->look.src.store, NULL, key_bytes(&all), NOTHING, true, on_last, w);
}

enum err push_walk_create(struct push_walk **out, const struct push_look *look,
	struct push_waiting_list *list, push_lane_fn *lane, void *ctx)
{
	struct push_walk *w = calloc(1, sizeof(*w));
	enum err err;

	*out = NULL;
	if (!w)
		return ERR_NOMEM;
	push_look_init(&w->look, &look->src, look->key);
	w->list = list;
	w->lane = lane;
	w->ctx = ctx;
	w->last = &w->talks;
	err = hashmap_init(&w->by_chat) ? read_last(w) : ERR_NOMEM;
	if (err != ERR_OK) {
		push_walk_destroy(w);
		return err;
	}
	*out = w;
	return ERR_OK;
}

void push_walk_to(struct push_walk *w, uint64_t number)
{
	if (number > w->to)
		w->to = number;
}

static void forget_talk(struct push_walk *w)
{
	struct talk *t = w->talks;

	w->talks = t->next;
	if (!w->talks)
		w->last = &w->talks;
	hashmap_remove(&w->by_chat, &t->node);
	free(t);
	w->user_len = 0;
}

static void forget_talks(struct push_walk *w)
{
	while (w->talks)
		forget_talk(w);
}

void push_walk_destroy(struct push_walk *w)
{
	if (!w)
		return;
	forget_talks(w);
	hashmap_finish(&w->by_chat);
	buf_free(&w->keys);
	free(w);
}

/* --- the outbox
 * ----------------------------------------------------------------------------------- */

static struct talk *find_talk(struct push_walk *w, struct bytes chat, uint64_t hash)
{
	struct node *n = hashmap_first(&w->by_chat, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct talk *t = OF_NODE(n, struct talk, node);

		if (bytes_equal(chat, t->chat, t->len))
			return t;
	}
	return NULL;
}

static enum err note(struct push_walk *w, const struct push_entry *e)
{
	uint64_t hash = hash_bytes(e->chat.data, e->chat.len);
	struct talk *t = find_talk(w, e->chat, hash);

	if (t) {
		t->last = e->last > t->last ? e->last : t->last;
		return ERR_OK;
	}
	t = calloc(1, sizeof(*t) + e->chat.len);
	if (!t)
		return ERR_NOMEM;
	t->first = e->first;
	t->last = e->last;
	t->before = e->n - 1;
	t->since = e->ts;
	t->len = e->chat.len;
	memcpy(t->chat, e->chat.data, e->chat.len);
	hashmap_add(&w->by_chat, &t->node, hash);
	*w->last = t;
	w->last = &t->next;
	return ERR_OK;
}

static enum err take_entry(struct push_walk *w, const struct push_entry *e)
{
	if (push_clock_age(w->now, (uint64_t)clock_wall_ms(), e->ts) <
		(uint64_t)w->look.src.conf->push_ttl_ms)
		return note(w, e);
	stats_add(&w->look.src.stats->push_expired, 1);
	return ERR_OK;
}

/* What one commit has left. */
static bool on_key(void *ctx, struct bytes key, struct bytes value)
{
	struct reader r = reader_of(value.data, value.len);
	struct push_walk *w = ctx;
	struct push_entry e;

	if (w->count >= PAGE || key_push_number(key) > w->to)
		return false;
	while (w->err == ERR_OK && push_entry_next(&e, &r)) {
		w->err = take_entry(w, &e);
		w->count++;
	}
	if (r.failed)
		w->err = ERR_CORRUPT;
	buf_bytes16(&w->keys, key.data, key.len);
	return w->err == ERR_OK;
}

static enum err read_page(struct push_walk *w)
{
	struct key prefix = key_push_all();
	enum err err;

	buf_reset(&w->keys);
	w->count = 0;
	w->err = ERR_OK;
	err = store_each(
		w->look.src.store, NULL, key_bytes(&prefix), key_bytes(&w->next), false, on_key, w);
	if (err == ERR_OK)
		err = w->err;
	return err == ERR_OK && w->keys.failed ? ERR_NOMEM : err;
}

/* Walked through: they go with the writes that follow from them. */
static void forget_page(struct push_walk *w)
{
	struct reader r = reader_of(w->keys.data, w->keys.len);
	struct bytes key;

	while ((key = read_bytes16(&r)).len > 0) {
		push_waiting_forget(w->list, key);
		memcpy(w->next.data, key.data, key.len);
		w->next.len = key.len;
	}
}

/* --- one member of a chat
 * ------------------------------------------------------------------------- */

struct candidate {
	struct push_walk *w;
	const struct talk *t;
	struct bytes chat, user;
	uint64_t before, n; /* n of the chat before the first message, and now */
	uint64_t mention;   /* seq, if it was looked for */
	bool judged, wanted;
	enum err err;
};

/* Does the user want to hear of it, on any device? */
static enum err judge(struct candidate *c)
{
	struct push_look *look = &c->w->look;
	struct push_prefs prefs = {0};
	struct mute mute = {0};
	struct mark mark;
	struct user u;
	enum err err = query_mark(&look->q, c->chat, c->user, &mark);

	c->judged = true;
	if (err != ERR_OK || mark.read_n >= c->n)
		return err;
	err = query_user(&look->q, c->user, &u);
	if (err != ERR_OK || u.disabled)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = push_look_mute(look, c->user, c->chat, c->w->now, &mute);
	if (err == ERR_OK && mute.until == 0)
		err = push_look_prefs(look, c->user, &prefs);
	if (err == ERR_OK && (mute.mentions || (prefs.quiet && prefs.mentions)))
		err = push_look_mention(
			look, c->chat, c->user, c->t->first, c->t->last, &c->mention);
	c->wanted = err == ERR_OK && (mute.until == 0 || c->mention > 0);
	return err;
}

/* Now, or so: a lane is read on from a millisecond's beginning, and would walk again and again over
 * the ten thousand that a message to a channel makes due at once. They leave more slowly than this.
 */
static uint64_t due_now(struct push_walk *w)
{
	return w->now + w->made++ / EACH_MS;
}

/* What was put off until quiet hours are over is not to keep a mention waiting, nor to wait for
 * them when they are changed: when it is sent it is seen whether it may be. What waits after a
 * failed try keeps its time. */
static void hurry(const struct push_walk *w, struct push_waiting *p)
{
	uint64_t soonest = p->since + (uint64_t)w->look.src.conf->push_coalesce_ms;

	if (soonest < w->now)
		soonest = w->now;
	if (p->state == PUSH_WAITING && p->attempts == 0 && p->due > soonest)
		p->due = soonest;
}

/* What waits from now on for a device for which `was` waits, if anything, but for its lane. False:
 * it stays so. */
static bool next_state(const struct candidate *c, const struct push_waiting *was, bool connected,
	struct push_waiting *now)
{
	uint64_t hold = (uint64_t)c->w->look.src.conf->push_hold_ms;

	if (was)
		*now = *was;
	if (was && was->state == PUSH_RESTING && was->before >= c->n)
		return false; /* the one that was sent stood for all of it */
	if (was && was->state != PUSH_RESTING) {
		if (c->mention > was->mention) {
			now->mention = c->mention;
			hurry(c->w, now);
		}
		if (was->state == PUSH_HELD && !connected) {
			now->state = PUSH_WAITING;
			now->due = due_now(c->w);
		}
		return now->state != was->state || now->mention != was->mention;
	}
	*now = (struct push_waiting){.state = connected ? PUSH_HELD : PUSH_WAITING,
		.due = due_now(c->w) + (connected ? hold : 0),
		.since = c->t->since,
		.before = c->before,
		.mention = c->mention};
	if (was && was->due > now->due)
		now->due = was->due; /* one was sent just now */
	if (was && was->before > now->before)
		now->before = was->before;
	return true;
}

/* A push that changes lanes, as the device has another registration since, waits no longer for what
 * its former one leads to; and what was due before has been read there. */
static bool on_registration(void *ctx, struct bytes key, struct bytes value)
{
	struct candidate *c = ctx;
	struct push_whose whose = {.chat = c->chat};
	struct push_registration r;
	struct push_waiting was, now;
	uint64_t since = 0;
	bool any, moves, changes;

	key_names(key, &whose.user, &whose.device);
	c->err = push_registration_decode(&r, value);
	if (c->err == ERR_OK && !c->judged)
		c->err = judge(c);
	if (c->err != ERR_OK || !c->wanted)
		return false;
	c->err = push_waiting_get(c->w->list, &whose, &was);
	any = c->err == ERR_OK;
	if (c->err == ERR_NOT_FOUND)
		c->err = ERR_OK;
	if (c->err == ERR_OK)
		c->err = push_look_connected(&c->w->look, whose.user, whose.device, &since);
	if (c->err != ERR_OK)
		return false;
	changes = next_state(c, any ? &was : NULL, since > 0, &now);
	now.lane = c->w->lane(c->w->ctx, &r);
	moves = any && was.state == PUSH_WAITING && was.lane != now.lane;
	if (moves) {
		now.due = c->w->now;
		now.attempts = 0;
	}
	if (changes || moves)
		push_waiting_put(c->w->list, &whose, any ? &was : NULL, &now);
	return true;
}

static enum err consider(const struct candidate *of, struct bytes user)
{
	struct candidate c = *of;
	struct key prefix = key_registrations(user);
	enum err err;

	c.user = user;
	err = store_each(
		c.w->look.src.store, NULL, key_bytes(&prefix), NOTHING, false, on_registration, &c);
	if (err == ERR_OK)
		err = c.err;
	if (err == ERR_OK && push_waiting_writes(c.w->list) >= WRITES_MAX)
		err = push_waiting_commit(c.w->list, c.w->why, c.w->why_size);
	return err;
}

/* --- all members of a chat
 * ------------------------------------------------------------------------ */

/* Members and registrations stand in the same order, by user: the walk may go on over the others.
 */
static struct bytes come_to(const struct push_walk *w)
{
	return (struct bytes){w->user, w->user_len};
}

/* Whom the last run has come to is not looked at again: what was made for him may have left. */
static bool is_done(const struct push_walk *w, struct bytes user)
{
	return w->user_len > 0 && bytes_equal(user, w->user, w->user_len);
}

static bool has_room(struct push_walk *w)
{
	w->full = push_waiting_count(w->list) >= (uint64_t)w->look.src.conf->push_waiting_max;
	return !w->full;
}

/* One user, with all his devices. False: no more. */
static bool go_on_with(struct candidate *c, struct bytes user)
{
	struct push_walk *w = c->w;

	if (!has_room(w))
		return false;
	c->err = user.len <= sizeof(w->user) ? consider(c, user) : ERR_CORRUPT;
	if (c->err != ERR_OK)
		return false;
	memcpy(w->user, user.data, user.len);
	w->user_len = user.len;
	return true;
}

static bool on_member(void *ctx, struct bytes key, struct bytes value)
{
	struct candidate *c = ctx;
	struct bytes user = key_last_name(key);

	(void)value;
	return is_done(c->w, user) || go_on_with(c, user);
}

/* Of all registrations there are; those of one user stand together. */
static bool on_anybody(void *ctx, struct bytes key, struct bytes value)
{
	struct candidate *c = ctx;
	struct bytes user, device;
	struct member m;

	(void)value;
	key_names(key, &user, &device);
	if (is_done(c->w, user))
		return true;
	c->err = query_member(&c->w->look.q, c->chat, user, &m);
	if (c->err == ERR_OK)
		return go_on_with(c, user);
	if (c->err == ERR_NOT_FOUND)
		c->err = ERR_OK;
	return c->err == ERR_OK;
}

static enum err consider_all(struct candidate *c, const struct chat *chat)
{
	struct bytes from = come_to(c->w);
	struct key members = key_members(c->chat), all = key_registrations_all(), at = {.len = 0};
	enum err err;

	if (chat->members > FEW_MEMBERS && chat->members > c->w->registrations) {
		if (from.len > 0)
			at = key_registrations(from);
		err = store_each(c->w->look.src.store, NULL, key_bytes(&all), key_bytes(&at), false,
			on_anybody, c);
	} else {
		if (from.len > 0)
			at = key_member(c->chat, from);
		err = directory_each(c->w->look.src.reader, TABLE_MEMBERS, key_bytes(&members),
			key_bytes(&at), on_member, c);
	}
	return err == ERR_OK ? c->err : err;
}

static enum err expand(struct push_walk *w, const struct talk *t)
{
	struct candidate c = {.w = w, .t = t, .chat = {t->chat, t->len}, .before = t->before};
	struct chat_state s;
	struct chat chat;
	enum err err = query_chat(&w->look.q, c.chat, &chat);

	if (err == ERR_OK)
		err = query_state(&w->look.q, c.chat, &s);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	c.n = s.n;
	return consider_all(&c, &chat);
}

/* Until there is no room: then the first talk is one that goes on. */
static enum err expand_all(struct push_walk *w)
{
	enum err err = push_look_registrations(&w->look, &w->registrations);

	if (err == ERR_OK)
		err = directory_refresh(w->look.src.reader);
	while (err == ERR_OK && w->talks) {
		err = expand(w, w->talks);
		if (w->full)
			break;
		forget_talk(w);
	}
	directory_rest(w->look.src.reader);
	return err;
}

enum err push_walk_run(struct push_walk *w, uint64_t now_ms, bool *more, char *why, size_t why_size)
{
	enum err err = ERR_OK;

	*more = !has_room(w);
	w->now = now_ms;
	w->made = 0;
	w->why = why;
	w->why_size = why_size;
	if (*more)
		return ERR_OK;
	if (!w->talks)
		err = read_page(w);
	if (err == ERR_OK && w->talks)
		err = expand_all(w);
	if (err != ERR_OK) {
		forget_talks(w);
		return err;
	}
	if (!w->talks)
		forget_page(w);
	*more = w->talks || w->count >= PAGE;
	return push_waiting_commit(w->list, why, why_size);
}

/* --- all that waits for a user
 * ----------------------------------------------------------------------- */

struct gone { /* or changed */
	struct push_walk *w;
	enum err err;
};

/* Has the only device that the user has said that it got it? */
static enum err is_delivered(struct gone *g, const struct push_whose *whose, bool *yes)
{
	struct chat_state s;
	struct mark mark;
	size_t devices;
	enum err err = query_state(&g->w->look.q, whose->chat, &s);

	if (err == ERR_OK)
		err = query_mark(&g->w->look.q, whose->chat, whose->user, &mark);
	if (err == ERR_OK)
		err = push_look_devices(&g->w->look, whose->user, &devices);
	*yes = err == ERR_OK && devices < 2 && mark.delivered >= s.visible;
	return err;
}

static bool commit_some(struct gone *g)
{
	if (push_waiting_writes(g->w->list) >= WRITES_MAX)
		g->err = push_waiting_commit(g->w->list, g->w->why, g->w->why_size);
	return g->err == ERR_OK;
}

static bool on_held(
	void *ctx, struct bytes key, const struct push_whose *whose, const struct push_waiting *p)
{
	struct gone *g = ctx;
	struct push_waiting now = *p;
	bool delivered = false;
	uint64_t since = 0;

	(void)key;
	if (p->state != PUSH_HELD)
		return true;
	g->err = push_look_connected(&g->w->look, whose->user, whose->device, &since);
	if (g->err != ERR_OK || since > 0)
		return g->err == ERR_OK;
	g->err = is_delivered(g, whose, &delivered);
	if (g->err != ERR_OK)
		return false;
	now.state = PUSH_WAITING;
	now.due = g->w->now;
	if (delivered)
		push_waiting_delete(g->w->list, whose, p);
	else
		push_waiting_put(g->w->list, whose, p, &now);
	return commit_some(g);
}

static bool on_put_off(
	void *ctx, struct bytes key, const struct push_whose *whose, const struct push_waiting *p)
{
	struct gone *g = ctx;
	struct push_waiting now = *p;

	(void)key;
	hurry(g->w, &now);
	if (now.due != p->due)
		push_waiting_put(g->w->list, whose, p, &now);
	return commit_some(g);
}

static enum err each_of(struct push_walk *w, struct bytes user, push_waiting_fn *fn,
	uint64_t now_ms, char *why, size_t why_size)
{
	struct gone g = {.w = w};
	enum err err = push_waiting_commit(w->list, why, why_size); /* what was settled just now */

	w->now = now_ms;
	w->why = why;
	w->why_size = why_size;
	if (err == ERR_OK)
		err = push_waiting_each(w->list, user, NOTHING, fn, &g);
	if (err == ERR_OK)
		err = g.err;
	return err == ERR_OK ? push_waiting_commit(w->list, why, why_size) : err;
}

enum err push_walk_gone(
	struct push_walk *w, struct bytes user, uint64_t now_ms, char *why, size_t why_size)
{
	return each_of(w, user, on_held, now_ms, why, why_size);
}

enum err push_walk_prefs(
	struct push_walk *w, struct bytes user, uint64_t now_ms, char *why, size_t why_size)
{
	return each_of(w, user, on_put_off, now_ms, why, why_size);
}
