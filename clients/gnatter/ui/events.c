/* events.c — see events.h. */
#include "events.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct events {
	int fd;
	pthread_mutex_t lock;
	struct event ring[EVENTS_MAX]; /* under the lock, as are the next */
	size_t first, n;
	bool all; /* there were too many */
};

struct events *events_create(void)
{
	struct events *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0 || pthread_mutex_init(&q->lock, NULL) != 0) {
		if (q->fd >= 0)
			close(q->fd);
		free(q);
		return NULL;
	}
	return q;
}

void events_destroy(struct events *q)
{
	if (!q)
		return;
	pthread_mutex_destroy(&q->lock);
	close(q->fd);
	free(q);
}

int events_fd(const struct events *q)
{
	return q->fd;
}

void events_wake(const struct events *q)
{
	int saved = errno;
	uint64_t one = 1;

	if (write(q->fd, &one, sizeof one) < 0) {
		/* It is full: whoever waits is awake. */
	}
	errno = saved;
}

static bool same(const struct event *a, const struct event *b)
{
	return a->type == b->type && a->failed == b->failed && a->number == b->number &&
	       strcmp(a->chat, b->chat) == 0 && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->text, b->text) == 0;
}

static bool is_there(const struct events *q, const struct event *e)
{
	for (size_t i = 0; i < q->n; i++) {
		if (same(&q->ring[(q->first + i) % EVENTS_MAX], e))
			return true;
	}
	return false;
}

/* What says "read it again" can be said for all at once; what is told only here cannot. */
static bool can_be_dropped(const struct event *e)
{
	return e->type != EVENT_NOTICE && e->type != EVENT_OPEN && e->type != EVENT_CAME;
}

/* Leave out those that EVENT_ALL says, too. */
static void thin_out(struct events *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct event e = q->ring[(q->first + i) % EVENTS_MAX];

		if (!can_be_dropped(&e))
			q->ring[(q->first + kept++) % EVENTS_MAX] = e;
	}
	q->n = kept;
	q->all = true;
}

void events_put(struct events *q, const struct event *e)
{
	pthread_mutex_lock(&q->lock);
	if (q->n == EVENTS_MAX && !is_there(q, e))
		thin_out(q);
	if (q->n < EVENTS_MAX && !is_there(q, e))
		q->ring[(q->first + q->n++) % EVENTS_MAX] = *e;
	pthread_mutex_unlock(&q->lock);
	events_wake(q);
}

static void copy_name(char out[EVENT_NAME_SIZE], const char *name)
{
	snprintf(out, EVENT_NAME_SIZE, "%s", name ? name : "");
}

void events_note(struct events *q, enum event_type type, const char *chat, const char *user)
{
	struct event e = {.type = type};

	copy_name(e.chat, chat);
	copy_name(e.user, user);
	events_put(q, &e);
}

bool events_take(struct events *q, struct event *out)
{
	uint64_t count;
	bool some;

	pthread_mutex_lock(&q->lock);
	some = q->n > 0 || q->all;
	if (q->all) {
		*out = (struct event){.type = EVENT_ALL};
		q->all = false;
	} else if (q->n) {
		*out = q->ring[q->first];
		q->first = (q->first + 1) % EVENTS_MAX;
		q->n--;
	} else if (read(q->fd, &count, sizeof count) < 0) {
		/* Nobody had written: it was taken before. */
	}
	pthread_mutex_unlock(&q->lock);
	return some;
}
