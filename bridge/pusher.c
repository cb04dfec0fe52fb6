/* pusher.c — see pusher.h. Two queues, one lock: orders to the thread, and what it hands back. */
#include "bridge/pusher.h"

#include "bridge/push_ask.h"
#include "bridge/push_sender.h"
#include "bridge/push_walk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORDERS_MAX  10000 /* requests and hints that may wait for the thread */
#define WALK_MS     200   /* between two walks while messages keep coming */
#define TIMEOUT_MAX 1000  /* a look around once a second */
#define FULL_MS     500   /* until a walk looks again whether there is room */
#define BYTES_MAX   (512u << 10)

enum kind {
	ORDER_GONE,      /* data: the user */
	ORDER_PREFS,     /* data: the user */
	ORDER_ASK,       /* data: a record */
	ORDER_PUBLISHED, /* number, value */
	BACK_ANSWER,     /* data: an effect */
	BACK_PUBLISH,    /* number, data: topic, NUL, payload */
	BACK_UNREGISTER, /* number: set_ms, data: user, NUL, device */
};

struct note {
	struct note *next;
	enum kind kind;
	uint64_t number;
	unsigned value;
	size_t len;
	char data[];
};

struct notes {
	struct note *first, **last;
	size_t count;
};

struct pusher {
	pthread_mutex_t lock; /* of the next lines */
	struct notes orders, back;
	struct conf next_conf;
	bool reload, walk, stop;
	uint64_t walk_to;      /* number in the outbox */
	uint64_t linked_since; /* 0: the broker is gone */
	enum err err;          /* the thread has ended */
	char why[512];

	int wake_fd;
	pthread_t thread;
	bool running;
	struct push_sender *sender; /* its push_sender_interrupt() is for all threads */

	/* the thread's own */
	struct conf conf;
	struct push_clock clock;
	struct push_look look;
	struct directory_reader *reader;
	struct push_waiting_list *list;
	struct push_walk *walker;
	struct push_asking *asking;
	uint64_t walk_at; /* not before */
	bool walk_more;
};

/* --- queues
 * --------------------------------------------------------------------------------------- */

static void notes_init(struct notes *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->count = 0;
}

static void notes_put(struct notes *q, struct note *n)
{
	n->next = NULL;
	*q->last = n;
	q->last = &n->next;
	q->count++;
}

/* All of them, oldest first. */
static struct note *notes_take(struct notes *q)
{
	struct note *all = q->first;

	notes_init(q);
	return all;
}

static void notes_free(struct note *n)
{
	for (struct note *next; n; n = next) {
		next = n->next;
		free(n);
	}
}

/* Two parts, with a NUL between them if there is a second. NULL when out of memory. */
static struct note *note_of(enum kind kind, uint64_t number, struct bytes a, struct bytes b)
{
	struct note *n = malloc(sizeof(*n) + a.len + 1 + b.len);

	if (!n)
		return NULL;
	*n = (struct note){.kind = kind, .number = number, .len = a.len};
	if (a.len > 0)
		memcpy(n->data, a.data, a.len);
	n->data[n->len++] = '\0';
	if (b.len > 0)
		memcpy(n->data + n->len, b.data, b.len);
	n->len += b.len;
	return n;
}

static const struct bytes nothing = {NULL, 0};

/* --- orders
 * --------------------------------------------------------------------------------------- */

/* What publishes came to is never turned away: there are no more of them than are under way, and
 * each is waited for. */
static enum err order(struct pusher *p, struct note *n)
{
	enum err err = n ? ERR_OK : ERR_NOMEM;

	pthread_mutex_lock(&p->lock);
	if (n && n->kind != ORDER_PUBLISHED && p->orders.count >= ORDERS_MAX)
		err = ERR_BUSY;
	if (err == ERR_OK)
		notes_put(&p->orders, n);
	pthread_mutex_unlock(&p->lock);
	if (err != ERR_OK)
		free(n);
	else
		push_sender_interrupt(p->sender);
	return err;
}

void pusher_wake(struct pusher *p, uint64_t number)
{
	bool was;

	pthread_mutex_lock(&p->lock);
	was = p->walk;
	p->walk = true;
	p->walk_to = number;
	pthread_mutex_unlock(&p->lock);
	if (!was)
		push_sender_interrupt(p->sender);
}

void pusher_link(struct pusher *p, bool up)
{
	pthread_mutex_lock(&p->lock);
	p->linked_since = up ? push_clock_now(&p->clock) : 0;
	pthread_mutex_unlock(&p->lock);
}

void pusher_gone(struct pusher *p, struct bytes user)
{
	order(p, note_of(ORDER_GONE, 0, user, nothing));
}

void pusher_prefs(struct pusher *p, struct bytes user)
{
	order(p, note_of(ORDER_PREFS, 0, user, nothing));
}

enum err pusher_ask(struct pusher *p, struct bytes record)
{
	return order(p, note_of(ORDER_ASK, 0, record, nothing));
}

bool pusher_answers(struct bytes method)
{
	return push_asking_knows(method);
}

void pusher_published(struct pusher *p, uint64_t number, enum pusher_published result)
{
	struct note *n = note_of(ORDER_PUBLISHED, number, nothing, nothing);

	if (n)
		n->value = result;
	order(p, n);
}

void pusher_reload(struct pusher *p, const struct conf *conf)
{
	pthread_mutex_lock(&p->lock);
	p->next_conf = *conf;
	p->reload = true;
	pthread_mutex_unlock(&p->lock);
}

/* --- back
 * ----------------------------------------------------------------------------------------- */

static void wake_loop(struct pusher *p)
{
	static const uint64_t one = 1;

	if (write(p->wake_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: the loop is awake already */
	}
}

static bool give_back(struct pusher *p, struct note *n)
{
	if (!n)
		return false;
	pthread_mutex_lock(&p->lock);
	notes_put(&p->back, n);
	pthread_mutex_unlock(&p->lock);
	wake_loop(p);
	return true;
}

static void on_answer(void *ctx, struct bytes effect)
{
	give_back(ctx, note_of(BACK_ANSWER, 0, effect, nothing));
}

static bool on_publish(void *ctx, uint64_t number, struct bytes topic, struct bytes payload)
{
	return give_back(ctx, note_of(BACK_PUBLISH, number, topic, payload));
}

static void on_unregister(void *ctx, struct bytes user, struct bytes device, uint64_t set_ms)
{
	give_back(ctx, note_of(BACK_UNREGISTER, set_ms, user, device));
}

static void on_tried(
	void *ctx, void *trial, const struct registration *r, const struct push_result *result)
{
	struct pusher *p = ctx;

	push_asking_tried(p->asking, trial, r, result);
}

static struct bytes second_part(const struct note *n)
{
	size_t first = strlen(n->data) + 1;

	return (struct bytes){n->data + first, n->len - first};
}

static void hand_over(const struct note *n, const struct pusher_handler *h)
{
	struct bytes first = {n->data, strlen(n->data)};

	if (n->kind == BACK_PUBLISH)
		h->publish(h->ctx, n->number, n->data, second_part(n));
	else if (n->kind == BACK_UNREGISTER)
		h->unregister(h->ctx, first, second_part(n), n->number);
}

enum err pusher_take(struct pusher *p, const struct pusher_handler *h, char *why, size_t why_size)
{
	struct buf effects = {0};
	uint32_t count = 0;
	struct note *all;
	enum err err;

	pthread_mutex_lock(&p->lock);
	all = notes_take(&p->back);
	err = p->err;
	snprintf(why, why_size, "%s", p->why);
	pthread_mutex_unlock(&p->lock);
	for (struct note *n = all; n; n = n->next) {
		if (n->kind != BACK_ANSWER) {
			hand_over(n, h);
			continue;
		}
		buf_put(&effects, n->data, n->len - 1);
		count++;
		if (effects.len < BYTES_MAX && n->next)
			continue;
		if (!effects.failed)
			h->answer(h->ctx, &effects, count);
		buf_reset(&effects);
		count = 0;
	}
	if (count > 0 && !effects.failed)
		h->answer(h->ctx, &effects, count);
	notes_free(all);
	buf_free(&effects);
	return err;
}

/* --- the thread
 * ----------------------------------------------------------------------------------- */

static enum err obey(struct pusher *p, const struct note *n, char *why, size_t why_size)
{
	struct bytes data = {n->data, n->len - 1};
	uint64_t now = push_clock_now(&p->clock);
	enum err err;

	switch (n->kind) {
	case ORDER_GONE:
		err = push_walk_gone(p->walker, data, now, why, why_size);
		push_sender_wake(p->sender);
		return err;
	case ORDER_PREFS:
		err = push_walk_prefs(p->walker, data, now, why, why_size);
		push_sender_wake(p->sender);
		return err;
	case ORDER_ASK:
		push_asking_record(p->asking, p->sender, data);
		return ERR_OK;
	default:
		push_sender_published(p->sender, n->number, (enum push_published)n->value);
		return ERR_OK;
	}
}

static enum err obey_all(struct pusher *p, bool *stop, char *why, size_t why_size)
{
	struct note *all;
	enum err err = ERR_OK;

	pthread_mutex_lock(&p->lock);
	all = notes_take(&p->orders);
	*stop = p->stop;
	p->walk_more |= p->walk;
	push_sender_linked(p->sender, p->linked_since);
	if (p->reload)
		p->conf = p->next_conf;
	p->reload = false;
	pthread_mutex_unlock(&p->lock);
	for (struct note *n = all; err == ERR_OK && !*stop && n; n = n->next)
		err = obey(p, n, why, why_size);
	notes_free(all);
	/* what publishes came to is to be seen by what follows */
	return err == ERR_OK ? push_waiting_commit(p->list, why, why_size) : err;
}

/* While messages keep coming they are walked through together, not one by one. */
static enum err walk(struct pusher *p, char *why, size_t why_size)
{
	uint64_t now = push_clock_now(&p->clock);
	uint64_t full, to;
	enum err err;

	if (!p->walk_more || now < p->walk_at)
		return ERR_OK;
	pthread_mutex_lock(&p->lock);
	p->walk = false; /* from here on a hint is about something newer */
	to = p->walk_to;
	pthread_mutex_unlock(&p->lock);
	full = (uint64_t)p->conf.push_waiting_max;
	push_walk_to(p->walker, to);
	err = push_walk_run(p->walker, now, &p->walk_more, why, why_size);
	p->walk_at = now + (push_waiting_count(p->list) >= full ? FULL_MS : WALK_MS);
	if (p->walk_more && push_waiting_count(p->list) < full)
		p->walk_at = now;
	push_sender_wake(p->sender);
	return err;
}

static int timeout_of(const struct pusher *p, uint64_t next)
{
	uint64_t now = push_clock_now(&p->clock);

	if (p->walk_more && p->walk_at < next)
		next = p->walk_at;
	if (next <= now)
		return 0;
	return next - now < TIMEOUT_MAX ? (int)(next - now) : TIMEOUT_MAX;
}

static void tell_waiting(struct pusher *p)
{
	atomic_store_explicit(&p->look.src.stats->push_waiting, push_waiting_count(p->list),
		memory_order_relaxed);
}

static enum err turn(struct pusher *p, bool *stop, char *why, size_t why_size)
{
	uint64_t next = UINT64_MAX;
	enum err err = obey_all(p, stop, why, why_size);

	if (err != ERR_OK || *stop)
		return err;
	err = walk(p, why, why_size);
	if (err == ERR_OK)
		err = push_sender_run(p->sender, &next, why, why_size);
	tell_waiting(p);
	if (err == ERR_OK)
		err = push_sender_wait(p->sender, timeout_of(p, next), why, why_size);
	return err;
}

static void *run(void *arg)
{
	struct pusher *p = arg;
	char why[sizeof(p->why)] = "";
	bool stop = false;
	enum err err = ERR_OK;

	while (err == ERR_OK && !stop)
		err = turn(p, &stop, why, sizeof(why));
	if (err == ERR_OK)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->err = err;
	snprintf(p->why, sizeof(p->why), "pushing has failed: %s", why[0] ? why : err_text(err));
	pthread_mutex_unlock(&p->lock);
	wake_loop(p);
	return NULL;
}

/* --- create, destroy
 * ------------------------------------------------------------------------------ */

static enum err unreadable(enum err err, char *why, size_t why_size)
{
	snprintf(why, why_size, "pushes cannot be read: %s", err_text(err));
	return err;
}

static enum err build(struct pusher *p, struct push_kinds *kinds, char *why, size_t why_size)
{
	struct push_sender_handler h = {on_publish, on_unregister, on_tried, p};
	enum err err = directory_reader_create(&p->reader, p->look.src.directory);

	p->look.src.reader = p->reader;
	p->look.q = (struct query){.src = &p->look.src};
	if (err != ERR_OK)
		return unreadable(err, why, why_size);
	err = push_waiting_open(&p->list, p->look.src.store, &p->clock, why, why_size);
	if (err != ERR_OK)
		return err;
	err = push_sender_create(
		&p->sender, &p->look, p->list, kinds, &p->clock, &h, why, why_size);
	if (err != ERR_OK)
		return err;
	err = push_walk_create(&p->walker, &p->look, p->list, push_sender_lane, p->sender);
	if (err != ERR_OK)
		return unreadable(err, why, why_size);
	tell_waiting(p);
	p->asking = push_asking_create(&p->look, p->list, &p->clock, on_answer, p);
	if (p->asking)
		p->running = pthread_create(&p->thread, NULL, run, p) == 0;
	if (p->running)
		return ERR_OK;
	snprintf(why, why_size, "cannot start the thread for pushes");
	return ERR_LIMIT;
}

enum err pusher_create(struct pusher **out, struct store *s, struct directory *d,
	const struct conf *conf, struct push_kinds *kinds, struct stats *stats,
	const unsigned char key[PUSHER_KEY], int wake_fd, char *why, size_t why_size)
{
	struct pusher *p = calloc(1, sizeof(*p));
	enum err err;

	*out = NULL;
	if (!p)
		return ERR_NOMEM;
	pthread_mutex_init(&p->lock, NULL);
	notes_init(&p->orders);
	notes_init(&p->back);
	p->conf = *conf;
	p->wake_fd = wake_fd;
	p->clock = push_clock_start();
	p->walk_more = true; /* what the last one left */
	p->look.src =
		(struct query_source){.store = s, .directory = d, .conf = &p->conf, .stats = stats};
	memcpy(p->look.key, key, sizeof(p->look.key));
	err = build(p, kinds, why, why_size);
	if (err != ERR_OK) {
		pusher_destroy(p);
		return err;
	}
	*out = p;
	return ERR_OK;
}

void pusher_destroy(struct pusher *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_mutex_unlock(&p->lock);
	if (p->running) {
		push_sender_interrupt(p->sender);
		pthread_join(p->thread, NULL);
	}
	push_asking_destroy(p->asking);
	push_walk_destroy(p->walker);
	push_sender_destroy(p->sender);
	push_waiting_close(p->list);
	directory_reader_destroy(p->reader);
	notes_free(notes_take(&p->orders));
	notes_free(notes_take(&p->back));
	pthread_mutex_destroy(&p->lock);
	free(p);
}
