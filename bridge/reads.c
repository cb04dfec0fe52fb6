/* reads.c — see reads.h. Two queues, one lock. */
#include "bridge/reads.h"

#include "bridge/query.h"
#include "wire/effect.h"
#include "wire/record.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A request that waits, or the encoded answer to one. */
struct job {
	struct job *next;
	size_t len;
	char data[];
};

struct queue {
	struct job *first, **last;
	int64_t count;
};

struct worker {
	struct reads *reads;
	struct directory_reader *reader;
	pthread_t thread;
	bool running;
};

struct reads {
	struct store *store;
	struct directory *directory;
	struct stats *stats;
	const struct push_offer *offer;
	int wake_fd;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t more;
	struct queue waiting, answered;
	struct conf conf;
	bool stop;

	size_t count;
	struct worker workers[];
};

static void push(struct queue *q, struct job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
	q->count++;
}

static struct job *pop(struct queue *q)
{
	struct job *j = q->first;

	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->last = &q->first;
	q->count--;
	return j;
}

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->count = 0;
}

static void queue_finish(struct queue *q)
{
	for (struct job *j; (j = pop(q));)
		free(j);
}

static struct job *job_create(const void *data, size_t len)
{
	struct job *j = malloc(sizeof(*j) + len);

	if (!j)
		return NULL;
	j->len = len;
	memcpy(j->data, data, len);
	return j;
}

/* NULL if the answer was lost for want of memory: the caller's client asks again. */
static struct job *work(struct worker *w, const struct conf *conf, const struct job *request)
{
	struct query_source src = {w->reads->store, w->reads->directory, w->reader, conf,
		w->reads->stats, w->reads->offer};
	struct buf answer = {0};
	struct buf effect = {0};
	struct job *done = NULL;
	struct record r;
	uint32_t size;

	if (record_decode(&r, request->data, request->len, &size) == ERR_OK) {
		query_answer(&src, &r, &answer);
		effect_encode_answer(&effect, &r, (struct bytes){answer.data, answer.len});
		if (!answer.failed && !effect.failed)
			done = job_create(effect.data, effect.len);
	}
	buf_free(&answer);
	buf_free(&effect);
	return done;
}

static void *run(void *arg)
{
	static const uint64_t one = 1;
	struct worker *w = arg;
	struct reads *r = w->reads;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct job *request;
		struct job *answer;
		struct conf conf;

		while (!r->stop && !r->waiting.first)
			pthread_cond_wait(&r->more, &r->lock);
		if (r->stop)
			break;
		request = pop(&r->waiting);
		conf = r->conf;
		pthread_mutex_unlock(&r->lock);
		answer = work(w, &conf, request);
		free(request);
		pthread_mutex_lock(&r->lock);
		if (answer)
			push(&r->answered, answer);
		if (answer && write(r->wake_fd, &one, sizeof(one)) < 0) {
			/* the counter is full: the loop is awake already */
		}
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static enum err start(struct worker *w, struct reads *r)
{
	enum err err = directory_reader_create(&w->reader, r->directory);

	w->reads = r;
	if (err != ERR_OK)
		return err;
	w->running = pthread_create(&w->thread, NULL, run, w) == 0;
	return w->running ? ERR_OK : ERR_LIMIT;
}

enum err reads_create(struct reads **out, struct store *s, struct directory *d,
	const struct conf *conf, const struct push_offer *offer, struct stats *stats, int wake_fd,
	char *why, size_t why_size)
{
	size_t count = (size_t)conf->read_threads;
	struct reads *r = calloc(1, sizeof(*r) + count * sizeof(*r->workers));
	enum err err = r ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	if (r) {
		r->store = s;
		r->directory = d;
		r->stats = stats;
		r->offer = offer;
		r->wake_fd = wake_fd;
		r->conf = *conf;
		r->count = count;
		queue_init(&r->waiting);
		queue_init(&r->answered);
		pthread_mutex_init(&r->lock, NULL);
		pthread_cond_init(&r->more, NULL);
	}
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		err = start(&r->workers[i], r);
	if (err != ERR_OK) {
		snprintf(why, why_size, "cannot start %zu read threads: %s", count, err_text(err));
		reads_destroy(r);
		return err;
	}
	*out = r;
	return ERR_OK;
}

void reads_destroy(struct reads *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->more);
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < r->count; i++) {
		if (r->workers[i].running)
			pthread_join(r->workers[i].thread, NULL);
		directory_reader_destroy(r->workers[i].reader);
	}
	queue_finish(&r->waiting);
	queue_finish(&r->answered);
	pthread_cond_destroy(&r->more);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void reads_reload(struct reads *r, const struct conf *conf)
{
	pthread_mutex_lock(&r->lock);
	r->conf = *conf;
	pthread_mutex_unlock(&r->lock);
}

enum err reads_submit(struct reads *r, struct bytes record)
{
	struct job *j = job_create(record.data, record.len);
	enum err err = j ? ERR_OK : ERR_NOMEM;

	pthread_mutex_lock(&r->lock);
	if (j && r->waiting.count >= r->conf.reads_waiting_max)
		err = ERR_BUSY;
	if (err == ERR_OK) {
		push(&r->waiting, j);
		pthread_cond_signal(&r->more);
	}
	pthread_mutex_unlock(&r->lock);
	if (err != ERR_OK)
		free(j);
	return err;
}

uint32_t reads_take(struct reads *r, struct buf *effects, size_t bytes_max)
{
	uint32_t count = 0;

	pthread_mutex_lock(&r->lock);
	while (r->answered.first &&
		(count == 0 || effects->len + r->answered.first->len <= bytes_max)) {
		struct job *j = pop(&r->answered);

		buf_put(effects, j->data, j->len);
		free(j);
		count++;
	}
	pthread_mutex_unlock(&r->lock);
	return count;
}
