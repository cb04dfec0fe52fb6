/* presence.c — see presence.h.
 *
 * Two queues, each in order of time: `soon`, and `grace` (where everybody waits equally long). A
 * user is in one of them or in none; in memory are those who wait and those who are told to be
 * online.
 */
#include "bridge/presence.h"

#include "bridge/clock.h"
#include "bridge/presence_view.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "wire/hashmap.h"
#include "wire/logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_ONE_TURN 256 /* users looked at */
#define BURST_MS    20  /* what may be told at once: as much as in this time */
#define TURN_MS     2   /* until the next turn when more is due */
#define SWEEP_PAGE  64

enum queue_name { NONE, SOON, GRACE, QUEUES };

struct ring {
	struct ring *next, *prev;
};

struct person {
	struct node node;
	struct ring ring; /* of the queue */
	int64_t due_ms;
	uint64_t told; /* hash of what was told; 0: nothing, or offline */
	unsigned char queue, len;
	bool again;       /* tell even if it is the same */
	bool settled;     /* the grace is over for whoever went */
	int64_t grace_ms; /* when it is, for the first who went; 0: nobody did */
	uint32_t devices; /* told to be there */
	char user[];
};

/* What is walked through after a broker's start. */
enum sweep { SWEEP_NONE, SWEEP_STORIES, SWEEP_SEEN, SWEEP_DEVICES };

struct presence {
	struct teller teller;
	struct directory_reader *reader;
	struct hashmap people;
	struct ring queues[QUEUES]; /* heads */
	struct gathered gathered;
	uint64_t latest_ts; /* of the records hinted at: what is told is never older */
	struct buf scratch;
	double tokens;
	int64_t refilled_ms;
	enum sweep sweep;
	int64_t sweep_at_ms;        /* when it goes on */
	int64_t sweep_people_at_ms; /* when the grace is over */
	struct key sweep_from;      /* the next key of the sweep, empty at its start */
};

/* --- people and queues
 * ------------------------------------------------------------------------------ */

static struct bytes name_of(const struct person *who)
{
	return (struct bytes){who->user, who->len};
}

static struct person *find(const struct presence *p, struct bytes user, uint64_t hash)
{
	struct node *n = hashmap_first(&p->people, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct person *who = OF_NODE(n, struct person, node);

		if (bytes_equal(user, who->user, who->len))
			return who;
	}
	return NULL;
}

static struct person *get(struct presence *p, struct bytes user)
{
	uint64_t hash = hash_bytes(user.data, user.len);
	struct person *who = find(p, user, hash);

	if (who || user.len > NAME_USER_MAX)
		return who;
	who = calloc(1, sizeof(*who) + user.len);
	if (!who)
		return NULL;
	who->len = (unsigned char)user.len;
	memcpy(who->user, user.data, user.len);
	hashmap_add(&p->people, &who->node, hash);
	return who;
}

static void dequeue(struct person *who)
{
	if (who->queue == NONE)
		return;
	who->ring.prev->next = who->ring.next;
	who->ring.next->prev = who->ring.prev;
	who->queue = NONE;
}

static void enqueue(struct presence *p, struct person *who, enum queue_name queue, int64_t due_ms)
{
	struct ring *head = &p->queues[queue];

	dequeue(who);
	who->queue = (unsigned char)queue;
	who->due_ms = due_ms;
	who->ring = (struct ring){head, head->prev};
	head->prev->next = &who->ring;
	head->prev = &who->ring;
}

static struct person *first(const struct presence *p, enum queue_name queue)
{
	struct ring *ring = p->queues[queue].next;

	return ring == &p->queues[queue] ? NULL : OF_NODE(ring, struct person, ring);
}

static void drop(struct presence *p, struct person *who)
{
	dequeue(who);
	hashmap_remove(&p->people, &who->node);
	free(who);
}

/* --- telling
 * ---------------------------------------------------------------------------------------- */

/* The plugin does not show what is older than the broker's start, and a clock may be set back. */
static uint64_t wall_ts(const struct presence *p)
{
	uint64_t now = (uint64_t)clock_wall_ms();

	return now > p->latest_ts ? now : p->latest_ts;
}

static void publish(struct presence *p, const char *topic, uint32_t expiry, struct bytes payload)
{
	teller_publish(&p->teller, &p->gathered, topic, true, expiry, payload);
	p->tokens -= 1;
	stats_add(&p->teller.stats->presence_told, 1);
}

static void publish_device(
	struct presence *p, struct bytes user, struct bytes device, struct bytes payload)
{
	char topic[sizeof("presence//") + NAME_USER_MAX + NAME_DEVICE_MAX];

	snprintf(topic, sizeof(topic), "presence/%.*s/%.*s", (int)user.len, user.data,
		(int)device.len, device.data);
	publish(p, topic, 0, payload);
}

static struct bytes offline(bool forget)
{
	return forget ? (struct bytes){NULL, 0} : (struct bytes){"offline", 7};
}

struct device_walk {
	struct presence *p;
	enum err err;
};

/* A device that went without saying so. */
static bool correct_device(void *ctx, struct bytes key, struct bytes value)
{
	struct device_walk *w = ctx;
	struct bytes user, device;
	struct device d;

	key_names(key, &user, &device);
	w->err = device_decode(&d, value);
	if (w->err != ERR_OK)
		return false;
	if (d.shown && d.state == STATE_OFFLINE) {
		publish_device(w->p, user, device, offline(d.ephemeral));
		later_device(w->p->teller.later, user, device, d.ephemeral, wall_ts(w->p));
	}
	return true;
}

static enum err correct_devices(struct presence *p, struct bytes user)
{
	struct device_walk w = {p, ERR_OK};
	struct key prefix = key_devices(user);
	enum err err = store_each(p->teller.store, NULL, key_bytes(&prefix),
		(struct bytes){NULL, 0}, false, correct_device, &w);

	return err == ERR_OK ? w.err : err;
}

/* What is told, but for its time: of somebody online, when he came is no news. */
static uint64_t fingerprint(struct presence *p, const struct presence_view *v, bool last_seen)
{
	uint64_t h;

	buf_reset(&p->scratch);
	presence_write(&p->scratch, v, last_seen && v->devices == 0, 0);
	h = hash_bytes(p->scratch.data, p->scratch.len);
	return h ? h : 1;
}

/* Look at the user and tell. */
static enum err tell(struct presence *p, struct person *who)
{
	char topic[sizeof("presence/") + NAME_USER_MAX];
	struct bytes user = name_of(who);
	struct presence_view v;
	struct user u;
	bool last_seen;
	uint64_t h;
	enum err err = teller_account(p->reader, user, &u);

	if (err == ERR_OK)
		err = presence_view(p->teller.store, NULL, user, &v);
	if (err == ERR_NOT_FOUND) { /* the account went, and what the broker retains with it */
		who->told = who->devices = 0;
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	if (!who->settled && who->grace_ms && v.devices < who->devices) {
		if (v.devices == 0)
			return ERR_OK;
		v.devices = who->devices; /* whose grace is not over is there */
	}
	last_seen = u.privacy[PRIVACY_LAST_SEEN] <= u.privacy[PRIVACY_PRESENCE];
	h = fingerprint(p, &v, last_seen);
	if (who->again || h != who->told) {
		buf_reset(&p->scratch);
		presence_write(&p->scratch, &v, last_seen, wall_ts(p));
		snprintf(topic, sizeof(topic), "presence/%.*s", (int)user.len, user.data);
		publish(p, topic, 0, (struct bytes){p->scratch.data, p->scratch.len});
	}
	who->told = v.devices > 0 ? h : 0;
	who->devices = v.devices;
	if (who->settled)
		err = correct_devices(p, user);
	if (v.devices == 0)
		later_offline(p->teller.later, user, wall_ts(p));
	return err == ERR_OK && p->scratch.failed ? ERR_NOMEM : err;
}

static void look_at(struct presence *p, struct person *who)
{
	enum err err;

	who->settled = who->settled || who->queue == GRACE;
	dequeue(who);
	err = tell(p, who);
	if (err != ERR_OK)
		log_line("presence of %.*s cannot be told: %s", (int)who->len, who->user,
			err_text(err));
	who->again = false;
	if (who->settled)
		who->grace_ms = 0;
	who->settled = false;
	if (who->grace_ms)
		enqueue(p, who, GRACE, who->grace_ms);
	else if (who->told == 0)
		drop(p, who);
}

/* --- hints
 * ------------------------------------------------------------------------------------------ */

struct all {
	struct presence *p;
	enum queue_name queue;
	int64_t due_ms;
	enum err err;
};

static bool add_shown(void *ctx, struct bytes key, struct bytes value)
{
	struct all *a = ctx;
	struct bytes user, nothing;
	struct person *who;

	(void)value;
	key_names(key, &user, &nothing);
	who = get(a->p, user);
	if (!who) {
		a->err = ERR_NOMEM;
		return false;
	}
	who->again = true;
	who->grace_ms = a->due_ms;
	enqueue(a->p, who, a->queue, a->due_ms);
	return true;
}

/* Everybody who may be shown as something else than offline. */
static enum err add_all(struct presence *p, enum queue_name queue, int64_t due_ms)
{
	struct all a = {p, queue, due_ms, ERR_OK};
	struct key prefix = key_shown_all();
	enum err err = store_each(p->teller.store, NULL, key_bytes(&prefix),
		(struct bytes){NULL, 0}, false, add_shown, &a);

	return err == ERR_OK ? a.err : err;
}

static void start_sweep(struct presence *p, int64_t due_ms)
{
	p->sweep = SWEEP_STORIES; /* know no grace */
	p->sweep_at_ms = 0;
	p->sweep_people_at_ms = due_ms;
	p->sweep_from = (struct key){0};
}

static void broker_is_new(struct presence *p, int64_t due_ms)
{
	enum err err = add_all(p, GRACE, due_ms);

	if (err != ERR_OK)
		log_line("not everybody's presence can be told: %s", err_text(err));
	start_sweep(p, due_ms);
}

void presence_hint(
	struct presence *p, enum hint hint, struct bytes user, uint64_t ts, int64_t now_ms)
{
	int64_t grace = now_ms + p->teller.conf->presence_grace_ms;
	struct person *who;

	if (ts > p->latest_ts)
		p->latest_ts = ts;
	if (hint == HINT_ALL) {
		broker_is_new(p, grace);
		return;
	}
	who = get(p, user);
	if (!who) {
		log_line(
			"presence of %.*s cannot be told: out of memory", (int)user.len, user.data);
		return;
	}
	who->again = who->again || hint == HINT_AGAIN;
	if (hint != HINT_WENT) {
		enqueue(p, who, SOON, now_ms);
	} else if (who->grace_ms == 0) {
		who->grace_ms = grace;
		if (who->told == 0 || who->queue == NONE)
			enqueue(p, who, GRACE, grace);
	}
}

/* A time that the engine has written down, ms; 0: none. */
static enum err load_time(struct presence *p, const char *name, uint64_t *out)
{
	struct key k = key_meta(name);
	struct bytes v;
	struct reader r;
	enum err err = store_get(p->teller.store, NULL, key_bytes(&k), &v);

	*out = 0;
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	r = reader_of(v.data, v.len);
	*out = read_u64(&r);
	free((void *)(uintptr_t)v.data);
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

/* When did the broker start, and was a sweep under way when the daemon ended? */
static enum err resume_sweep(struct presence *p, int64_t due_ms)
{
	uint64_t started, sweep = 0;
	enum err err = load_time(p, "started", &started);

	if (err == ERR_OK)
		err = load_time(p, "sweep", &sweep);
	if (started > p->latest_ts)
		p->latest_ts = started;
	if (sweep > 0)
		start_sweep(p, due_ms);
	return err;
}

enum err presence_restart(struct presence *p, int64_t now_ms)
{
	int64_t grace = now_ms + p->teller.conf->presence_grace_ms;
	enum err err = add_all(p, GRACE, grace);

	return err == ERR_OK ? resume_sweep(p, grace) : err;
}

/* --- the sweep
 * -------------------------------------------------------------------------------------- */

struct page {
	struct presence *p;
	int left;
	enum err err;
};

/* May this one be handled now? If not, the next page begins with it. */
static bool take(struct page *page, struct bytes key)
{
	if (page->left-- > 0)
		return true;
	memcpy(page->p->sweep_from.data, key.data, key.len);
	page->p->sweep_from.len = key.len;
	return false;
}

/* Somebody who is told to be online, or waits to be told, needs no second time. */
static bool sweep_seen(void *ctx, struct bytes key, struct bytes value)
{
	struct page *page = ctx;
	struct presence *p = page->p;
	struct bytes user, nothing;
	struct person *who;

	(void)value;
	if (!take(page, key))
		return false;
	key_names(key, &user, &nothing);
	if (find(p, user, hash_bytes(user.data, user.len)))
		return true;
	who = get(p, user);
	if (!who) {
		page->err = ERR_NOMEM;
		return false;
	}
	who->again = who->settled = true;
	look_at(p, who);
	return true;
}

static bool sweep_device(void *ctx, struct bytes key, struct bytes value)
{
	struct page *page = ctx;
	struct bytes user, device;
	struct device d;

	if (!take(page, key))
		return false;
	key_names(key, &user, &device);
	page->err = device_decode(&d, value);
	if (page->err == ERR_OK && d.speaks && d.state == STATE_OFFLINE)
		publish_device(page->p, user, device, offline(d.ephemeral));
	return page->err == ERR_OK;
}

static bool sweep_story(void *ctx, struct bytes key, struct bytes value)
{
	char topic[sizeof("user//status") + NAME_USER_MAX];
	struct page *page = ctx;
	uint64_t now = (uint64_t)clock_wall_ms();
	struct bytes user, nothing;
	struct story s;

	if (!take(page, key))
		return false;
	key_names(key, &user, &nothing);
	page->err = story_decode(&s, value);
	snprintf(topic, sizeof(topic), "user/%.*s/status", (int)user.len, user.data);
	if (page->err == ERR_OK && s.expires > now + 1000)
		publish(page->p, topic, (uint32_t)((s.expires - now) / 1000), s.payload);
	else if (page->err == ERR_OK)
		publish(page->p, topic, 0, (struct bytes){NULL, 0});
	return page->err == ERR_OK;
}

static void sweep_page(struct presence *p)
{
	static base_each_fn *const steps[] = {
		[SWEEP_SEEN] = sweep_seen,
		[SWEEP_DEVICES] = sweep_device,
		[SWEEP_STORIES] = sweep_story,
	};
	struct key prefix = p->sweep == SWEEP_SEEN      ? key_seen_all()
			    : p->sweep == SWEEP_DEVICES ? key_devices_all()
							: key_stories_all();
	struct page page = {p, SWEEP_PAGE, ERR_OK};
	struct key from = p->sweep_from;
	enum err err = store_each(p->teller.store, NULL, key_bytes(&prefix), key_bytes(&from),
		false, steps[p->sweep], &page);

	if (err == ERR_OK)
		err = page.err;
	if (err != ERR_OK)
		log_line("presence cannot be gone through: %s", err_text(err));
	if (err == ERR_OK && page.left < 0)
		return;
	if (p->sweep == SWEEP_DEVICES)
		later_swept(p->teller.later);
	p->sweep = p->sweep == SWEEP_DEVICES ? SWEEP_NONE : p->sweep + 1;
	p->sweep_at_ms = p->sweep_people_at_ms;
	p->sweep_from = (struct key){0};
}

/* --- the clock
 * -------------------------------------------------------------------------------------- */

static void refill(struct presence *p, int64_t now_ms)
{
	double rate = (double)p->teller.conf->presence_rate / 1000;
	double most = rate * BURST_MS > 1 ? rate * BURST_MS : 1;

	p->tokens += rate * (double)(now_ms - p->refilled_ms);
	if (p->tokens > most)
		p->tokens = most;
	p->refilled_ms = now_ms;
}

static struct person *next_due(const struct presence *p, int64_t now_ms)
{
	struct person *who = first(p, SOON);

	if (!who)
		who = first(p, GRACE);
	return who && who->due_ms <= now_ms ? who : NULL;
}

static int until_more(const struct presence *p, int64_t now_ms)
{
	const struct person *waits = first(p, GRACE);
	int64_t at = waits ? waits->due_ms : INT64_MAX;

	if (next_due(p, now_ms))
		return TURN_MS;
	if (p->sweep != SWEEP_NONE && p->sweep_at_ms < at)
		at = p->sweep_at_ms;
	if (at == INT64_MAX)
		return -1;
	return at <= now_ms ? TURN_MS : at - now_ms > 60000 ? 60000 : (int)(at - now_ms);
}

int presence_service(struct presence *p, int64_t now_ms)
{
	struct person *who;
	int looked = 0;

	refill(p, now_ms);
	while (p->tokens >= 1 && looked++ < IN_ONE_TURN && (who = next_due(p, now_ms)))
		look_at(p, who);
	if (p->tokens >= 1 && p->sweep != SWEEP_NONE && p->sweep_at_ms <= now_ms &&
		!next_due(p, now_ms))
		sweep_page(p);
	directory_rest(p->reader);
	teller_flush(&p->teller, &p->gathered);
	return until_more(p, now_ms);
}

enum err presence_create(struct presence **out, const struct teller *teller)
{
	struct presence *p = calloc(1, sizeof(*p));
	enum err err;

	*out = NULL;
	if (!p)
		return ERR_NOMEM;
	p->teller = *teller;
	for (int i = 0; i < QUEUES; i++)
		p->queues[i].next = p->queues[i].prev = &p->queues[i];
	err = hashmap_init(&p->people) ? directory_reader_create(&p->reader, teller->directory)
				       : ERR_NOMEM;
	if (err != ERR_OK) {
		presence_destroy(p);
		return err;
	}
	*out = p;
	return ERR_OK;
}

static void empty(struct hashmap *people)
{
	for (size_t i = 0; people->buckets && i <= people->mask; i++) {
		for (struct node *n = people->buckets[i], *next; n; n = next) {
			next = n->next;
			free(OF_NODE(n, struct person, node));
		}
	}
	hashmap_finish(people);
}

void presence_destroy(struct presence *p)
{
	if (!p)
		return;
	empty(&p->people);
	directory_reader_destroy(p->reader);
	buf_free(&p->gathered.effects);
	buf_free(&p->scratch);
	free(p);
}
