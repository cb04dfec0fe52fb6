/* presence.c — see presence.h.
 *
 * Two queues, each in order of time, and a user may be in both: `soon`, who is to be looked at, and
 * `grace`, where whoever went waits equally long. In memory are those who wait and those who are
 * told to be online.
 */
#include "bridge/presence_internal.h"

#include "bridge/clock.h"
#include "bridge/presence_view.h"
#include "persist/values.h"
#include "wire/logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_ONE_TURN 256 /* users looked at */
#define BURST_MS    20  /* what may be told at once: as much as in this time */
#define TURN_MS     2   /* until the next turn when more is due */

/* What the hints set:
 *   came          soon, if he is not
 *   said, again   soon, and said or again
 *   went          grace, unless somebody else of his went before and is not back (whole); and who
 *                 went before it was told that he came is not told so: no longer soon */
struct person {
	struct node node;
	struct ring soon, grace; /* next NULL: not in that queue */
	int64_t soon_ms;         /* since when */
	int64_t grace_ms;        /* until when: of the first who went and is not back */
	uint64_t told;           /* hash of what was told; 0: nothing, or offline */
	uint32_t devices;        /* told to be there */
	uint32_t connections;    /* that there were then */
	bool came;               /* told with when he came: to be left out, it is told once more */
	bool said;               /* tell in a grace, too, if all are there */
	bool again;              /* tell even if it is the same, and in a grace, too */
	bool whole;              /* all who went are back */
	unsigned char len;
	char user[];
};

#define SOON(ring)  OF_NODE(ring, struct person, soon)
#define GRACE(ring) OF_NODE(ring, struct person, grace)

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

static bool queued(const struct ring *r)
{
	return r->next != NULL;
}

static void dequeue(struct ring *r)
{
	if (!queued(r))
		return;
	r->prev->next = r->next;
	r->next->prev = r->prev;
	r->next = NULL;
}

static void enqueue(struct ring *head, struct ring *r)
{
	dequeue(r);
	*r = (struct ring){head, head->prev};
	head->prev->next = r;
	head->prev = r;
}

static void add_soon(struct presence *p, struct person *who, int64_t now_ms)
{
	if (queued(&who->soon))
		return;
	who->soon_ms = now_ms;
	enqueue(&p->soon, &who->soon);
}

static void add_grace(struct presence *p, struct person *who, int64_t until_ms)
{
	who->whole = false;
	who->grace_ms = until_ms;
	enqueue(&p->grace, &who->grace);
}

/* The first in a queue; NULL: nobody. */
static struct ring *first(const struct ring *head)
{
	return head->next == head ? NULL : head->next;
}

static void drop(struct presence *p, struct person *who)
{
	dequeue(&who->soon);
	dequeue(&who->grace);
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

void presence_publish(struct presence *p, const char *topic, uint32_t expiry, struct bytes payload)
{
	teller_publish(
		&p->teller, &p->gathered, &(struct telling){topic, 1, true, expiry, payload});
	p->tokens -= 1;
	stats_add(&p->teller.stats->presence_told, 1);
}

void presence_publish_gone(
	struct presence *p, struct bytes user, struct bytes device, bool forgotten)
{
	char topic[sizeof("presence//") + NAME_USER_MAX + NAME_DEVICE_MAX];
	struct bytes nothing = {NULL, 0}, word = {"offline", 7};

	snprintf(topic, sizeof(topic), "presence/%.*s/%.*s", (int)user.len, user.data,
		(int)device.len, device.data);
	presence_publish(p, topic, 0, forgotten ? nothing : word);
}

/* Devices that went without saying so: to be corrected, or only found. */
struct device_walk {
	struct presence *p;
	bool correct, found;
	enum err err;
};

static bool look_at_device(void *ctx, struct bytes key, struct bytes value)
{
	struct device_walk *w = ctx;
	struct bytes user, device;
	struct device d;

	key_names(key, &user, &device);
	w->err = device_decode(&d, value);
	if (w->err != ERR_OK)
		return false;
	if (!d.shown || d.state != STATE_OFFLINE)
		return true;
	w->found = true;
	if (!w->correct)
		return false;
	presence_publish_gone(w->p, user, device, d.ephemeral);
	later_device(w->p->teller.later, user, device, d.ephemeral, wall_ts(w->p));
	return true;
}

static enum err look_at_devices(struct device_walk *w, struct bytes user)
{
	struct key prefix = key_devices(user);
	enum err err = store_each(w->p->teller.store, NULL, key_bytes(&prefix),
		(struct bytes){NULL, 0}, false, look_at_device, w);

	return err == ERR_OK ? w->err : err;
}

/* Who went is back: there are as many connections as when it was told, and no device shows what it
 * does not say. */
static enum err find_whole(struct presence *p, struct person *who, const struct presence_view *v)
{
	struct device_walk w = {.p = p};
	enum err err = ERR_OK;

	who->whole = v->connections >= who->connections;
	if (who->whole)
		err = look_at_devices(&w, name_of(who));
	who->whole = who->whole && !w.found;
	return err;
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

/* In a grace: who went may be back before it is over, and what he is then he says a moment after he
 * came. Until then he is as he was told to be. */
static bool waits(const struct person *who, const struct presence_view *v, bool settled)
{
	bool fewer = v->connections < who->connections;

	if (settled || !queued(&who->grace) || who->told == 0)
		return false;
	return who->again ? v->devices == 0 && fewer : fewer || !who->said;
}

/* The time in what is told. Of who went and does not show when, it is the least that says that it
 * is of this broker's time. */
static uint64_t told_ts(const struct presence *p, const struct presence_view *v, bool last_seen)
{
	return v->devices > 0 || last_seen || !p->started ? wall_ts(p) : p->started;
}

/* Look at the user and tell; settled: who is gone is gone. */
static enum err tell(struct presence *p, struct person *who, bool settled)
{
	char topic[sizeof("presence/") + NAME_USER_MAX];
	struct device_walk correct = {.p = p, .correct = true};
	struct bytes user = name_of(who);
	struct presence_view v;
	struct user u;
	bool last_seen;
	uint64_t h;
	enum err err = teller_account(p->reader, user, &u);

	if (err == ERR_OK)
		err = presence_view(p->teller.store, NULL, user, &v);
	if (err == ERR_NOT_FOUND) { /* the account went, and what the broker retains with it */
		who->told = who->devices = who->connections = 0;
		who->again = false;
		return ERR_OK;
	}
	if (err == ERR_OK && !settled && queued(&who->grace))
		err = find_whole(p, who, &v);
	if (err != ERR_OK || waits(who, &v, settled))
		return err;
	if (!settled && queued(&who->grace) && v.devices < who->devices &&
		v.connections < who->connections)
		v.devices = who->devices; /* whose grace is not over is there */
	last_seen = u.privacy[PRIVACY_LAST_SEEN] <= u.privacy[PRIVACY_PRESENCE];
	h = fingerprint(p, &v, last_seen);
	if (who->again || h != who->told || (who->came && !last_seen)) {
		buf_reset(&p->scratch);
		presence_write(&p->scratch, &v, last_seen, told_ts(p, &v, last_seen));
		snprintf(topic, sizeof(topic), "presence/%.*s", (int)user.len, user.data);
		presence_publish(p, topic, 0, (struct bytes){p->scratch.data, p->scratch.len});
		who->again = false;
		who->came = last_seen;
	}
	who->told = v.devices > 0 ? h : 0;
	who->devices = v.devices;
	who->connections = v.connections;
	if (settled)
		err = look_at_devices(&correct, user);
	if (v.devices == 0)
		later_offline(p->teller.later, user, wall_ts(p));
	return err == ERR_OK && p->scratch.failed ? ERR_NOMEM : err;
}

static void look_at(struct presence *p, struct person *who, bool settled)
{
	enum err err;

	dequeue(&who->soon);
	err = tell(p, who, settled);
	if (err != ERR_OK)
		log_line("presence of %.*s cannot be told: %s", (int)who->len, who->user,
			err_text(err));
	who->said = false;
	if (settled)
		dequeue(&who->grace);
	if (who->told == 0 && !queued(&who->grace))
		drop(p, who);
}

enum err presence_tell_again(struct presence *p, struct bytes user)
{
	struct person *who;

	if (find(p, user, hash_bytes(user.data, user.len)))
		return ERR_OK;
	who = get(p, user);
	if (!who)
		return ERR_NOMEM;
	who->again = true;
	look_at(p, who, true);
	return ERR_OK;
}

/* --- hints
 * ------------------------------------------------------------------------------------------ */

struct all {
	struct presence *p;
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
	add_grace(a->p, who, a->due_ms);
	return true;
}

/* Everybody who may be shown as something else than offline. */
static enum err add_all(struct presence *p, int64_t due_ms)
{
	struct all a = {p, due_ms, ERR_OK};
	struct key prefix = key_shown_all();
	enum err err = store_each(p->teller.store, NULL, key_bytes(&prefix),
		(struct bytes){NULL, 0}, false, add_shown, &a);

	return err == ERR_OK ? a.err : err;
}

static void broker_is_new(struct presence *p, int64_t due_ms)
{
	enum err err = add_all(p, due_ms);

	if (err != ERR_OK)
		log_line("not everybody's presence can be told: %s", err_text(err));
	presence_sweep_start(p, due_ms);
}

void presence_hint(
	struct presence *p, enum hint hint, struct bytes user, uint64_t ts, int64_t now_ms)
{
	int64_t grace = now_ms + p->teller.conf->presence_grace_ms;
	struct person *who;

	if (ts > p->latest_ts)
		p->latest_ts = ts;
	if (hint == HINT_ALL) {
		p->started = ts;
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
	who->said = who->said || hint == HINT_SAID;
	if (hint != HINT_WENT) {
		add_soon(p, who, now_ms);
		return;
	}
	if (who->told == 0 && !who->again)
		dequeue(&who->soon);
	if (!queued(&who->grace) || who->whole)
		add_grace(p, who, grace);
}

enum err presence_restart(struct presence *p, int64_t now_ms)
{
	int64_t grace = now_ms + p->teller.conf->presence_grace_ms;
	enum err err = add_all(p, grace);

	return err == ERR_OK ? presence_sweep_resume(p, grace) : err;
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

/* The next to look at, whichever of the two queues has waited for him longer: neither starves.
 * NULL: nobody yet. */
static struct person *next_due(const struct presence *p, int64_t now_ms, bool *settled)
{
	struct ring *soon = first(&p->soon), *grace = first(&p->grace);

	*settled = grace && GRACE(grace)->grace_ms <= now_ms &&
		   (!soon || GRACE(grace)->grace_ms <= SOON(soon)->soon_ms);
	return *settled ? GRACE(grace) : soon ? SOON(soon) : NULL;
}

static int until_more(const struct presence *p, int64_t now_ms)
{
	const struct ring *waits = first(&p->grace);
	int64_t at = waits ? GRACE(waits)->grace_ms : INT64_MAX;

	if (first(&p->soon))
		return TURN_MS;
	if (p->sweep.step != SWEEP_NONE && p->sweep.at_ms < at)
		at = p->sweep.at_ms;
	if (at == INT64_MAX)
		return -1;
	return at <= now_ms ? TURN_MS : at - now_ms > 60000 ? 60000 : (int)(at - now_ms);
}

int presence_service(struct presence *p, int64_t now_ms)
{
	struct person *who;
	bool settled;
	int looked = 0;

	refill(p, now_ms);
	while (p->tokens >= 1 && looked++ < IN_ONE_TURN && (who = next_due(p, now_ms, &settled)))
		look_at(p, who, settled);
	if (p->tokens >= 1 && p->sweep.step != SWEEP_NONE && p->sweep.at_ms <= now_ms &&
		!next_due(p, now_ms, &settled))
		presence_sweep_page(p);
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
	p->soon = (struct ring){&p->soon, &p->soon};
	p->grace = (struct ring){&p->grace, &p->grace};
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
