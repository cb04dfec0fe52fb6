/* loop.c — the client's thread.
 *
 * Each turn: wait for something to come or to be due; hand out what came, in order; then let every
 * part do what is due. What comes is queued by Paho's thread (loop_sink), which must not wait, so
 * the queue has a limit: beyond it messages are dropped here and asked for again as soon as the
 * queue is empty. Answers are never dropped: there are only as many as requests are on their way.
 */
#include "clients/sdk/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INBOX_MAX  ((size_t)8 * 1024 * 1024)
#define GOODBYE_MS 1000

/* --- what comes
 * ----------------------------------------------------------------------------------- */

static size_t size_of(const struct net_event *e)
{
	return sizeof(*e) + e->payload.len + (e->topic ? strlen(e->topic) : 0);
}

static bool droppable(const struct net_event *e)
{
	return e->kind == NET_MESSAGE && strcmp(e->topic, NET_ANSWER) != 0;
}

void loop_sink(void *ctx, struct net_event *e)
{
	struct gnatter *g = ctx;

	pthread_mutex_lock(&g->lock);
	if (droppable(e) && g->inbox_bytes > INBOX_MAX) {
		g->inbox_lost = true;
		pthread_mutex_unlock(&g->lock);
		net_event_free(e);
		return;
	}
	g->inbox_bytes += size_of(e);
	if (g->last)
		g->last->next = e;
	else
		g->first = e;
	g->last = e;
	pthread_cond_broadcast(&g->woken);
	pthread_mutex_unlock(&g->lock);
}

/* The part of a topic between `prefix` and `suffix`, into out; false if it is not of that form. */
static bool between(
	const char *topic, const char *prefix, const char *suffix, char out[GNATTER_CHAT_SIZE])
{
	size_t before = strlen(prefix), behind = strlen(suffix), len = strlen(topic);

	if (len < before + behind || strncmp(topic, prefix, before) != 0 ||
		strcmp(topic + len - behind, suffix) != 0)
		return false;
	len -= before + behind;
	if (len == 0 || len >= GNATTER_CHAT_SIZE || memchr(topic + before, '/', len))
		return false;
	memcpy(out, topic + before, len);
	out[len] = 0;
	return true;
}

/* chat/<c>/mark/<u>, chat/<c>/typing/<u>: c into out; the user, or NULL if it is not of that form.
 */
static const char *of_user(const char *topic, const char *middle, char out[GNATTER_CHAT_SIZE])
{
	const char *at = strncmp(topic, "chat/", 5) == 0 ? strstr(topic, middle) : NULL;
	size_t len = at ? (size_t)(at - topic) - 5 : 0;

	if (!at || len == 0 || len >= GNATTER_CHAT_SIZE || memchr(topic + 5, '/', len))
		return NULL;
	memcpy(out, topic + 5, len);
	out[len] = 0;
	return at + strlen(middle);
}

static void on_answer(struct gnatter *g, const struct net_event *e)
{
	const char *c = e->correlation.data;

	if (e->correlation.len < 2 || e->correlation.len >= GNATTER_ID_SIZE + 1)
		return;
	if (*c == 's') {
		char id[GNATTER_ID_SIZE];

		memcpy(id, c + 1, e->correlation.len - 1);
		id[e->correlation.len - 1] = 0;
		outbox_answer(g, id, e->payload);
	} else if (*c == 'r') {
		char number[GNATTER_ID_SIZE];

		memcpy(number, c + 1, e->correlation.len - 1);
		number[e->correlation.len - 1] = 0;
		request_answer(g, strtoull(number, NULL, 10), e->payload);
	}
}

static void on_chat(struct gnatter *g, const struct net_event *e)
{
	char chat[GNATTER_CHAT_SIZE];
	const char *user;

	if (between(e->topic, "chat/", "/msg", chat))
		receive_live(g, chat, e->payload);
	else if (between(e->topic, "chat/", "/info", chat))
		sync_info(g, chat, e->payload);
	else if (of_user(e->topic, "/mark/", chat))
		ticks_mark(g, chat, e->payload);
	else if ((user = of_user(e->topic, "/typing/", chat)))
		people_typing(g, chat, user);
}

static void on_message(struct gnatter *g, const struct net_event *e)
{
	char name[GNATTER_CHAT_SIZE];

	if (strcmp(e->topic, NET_ANSWER) == 0)
		on_answer(g, e);
	else if (strncmp(e->topic, "chat/", 5) == 0)
		on_chat(g, e);
	else if (between(e->topic, "user/", "/events", name))
		sync_event(g, "events", e->payload);
	else if (between(e->topic, "user/", "/errors", name))
		sync_event(g, "errors", e->payload);
	else if (between(e->topic, "presence/", "", name))
		people_presence(g, name, e->payload);
}

static bool is_live(const struct net_event *e)
{
	char chat[GNATTER_CHAT_SIZE];

	return e->kind == NET_MESSAGE && between(e->topic, "chat/", "/msg", chat);
}

static void on_event(struct gnatter *g, const struct net_event *e)
{
	if (!is_live(e))
		receive_flush(g);
	if (!net_current(g->net, e))
		return;
	switch (e->kind) {
	case NET_CONNECTED:
		link_connected(g);
		break;
	case NET_FAILED:
	case NET_LOST:
		link_ended(g, e);
		break;
	case NET_MESSAGE:
		on_message(g, e);
		break;
	case NET_TAKEN:
	case NET_REFUSED:
	case NET_UNKNOWN:
		if (e->number == g->said_goodbye)
			g->goodbye_taken = true;
		else if (!outbox_taken(g, e) && !ticks_taken(g, e))
			request_taken(g, e);
		break;
	}
}

/* --- the thread
 * ----------------------------------------------------------------------------------- */

struct turn {
	struct net_event *events;
	unsigned wishes;
	bool stopping, lost;
};

static void wait_until(struct gnatter *g, int64_t due)
{
	struct timespec t = {
		.tv_sec = (time_t)(due / 1000), .tv_nsec = (long)(due % 1000) * 1000000};

	if (due == NEVER)
		pthread_cond_wait(&g->woken, &g->lock);
	else
		pthread_cond_timedwait(&g->woken, &g->lock, &t);
}

/* Wait, and take what is there. */
static struct turn take(struct gnatter *g, int64_t due)
{
	struct turn t;

	pthread_mutex_lock(&g->lock);
	while (!g->first && !g->wishes && !g->stopping && now_ms() < due)
		wait_until(g, due);
	t = (struct turn){g->first, g->wishes, g->stopping, g->inbox_lost};
	g->first = g->last = NULL;
	g->inbox_bytes = 0;
	g->inbox_lost = false;
	g->wishes = 0;
	pthread_mutex_unlock(&g->lock);
	return t;
}

static void hand_out(struct gnatter *g, struct net_event *events)
{
	while (events) {
		struct net_event *e = events;

		events = e->next;
		on_event(g, e);
		net_event_free(e);
	}
	receive_flush(g);
}

static void grant(struct gnatter *g, unsigned wishes)
{
	if (wishes & WISH_RETRY && !g->online && !g->connecting)
		g->connect_ms = 0;
	if (wishes & WISH_OUTBOX) {
		outbox_tell_queued(g);
		g->outbox_ms = 0;
	}
	if (wishes & WISH_MARKS)
		ticks_soon(g);
	people_send_typing(g); /* while offline it is forgotten */
	if (!g->online)
		return;
	if (wishes & WISH_PRESENCE)
		link_presence(g);
	if (wishes & WISH_WATCH)
		people_subscribe(g, false);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_due(struct gnatter *g)
{
	int64_t due = earlier(link_due(g), request_due(g));

	due = earlier(due, sync_due(g));
	due = earlier(due, outbox_due(g));
	return g->online ? earlier(due, g->marks_ms) : due;
}

static void run_all(struct gnatter *g)
{
	int64_t now = now_ms();

	link_run(g, now);
	sync_run(g, now);
	history_run(g);
	outbox_run(g, now);
	ticks_run(g, now);
	request_run(g, now);
	receive_trim(g);
}

/* "offline", and wait until the broker has it, but not for long. */
static void say_goodbye(struct gnatter *g)
{
	int64_t until = now_ms() + GOODBYE_MS;

	g->marks_ms = 0;
	ticks_run(g, now_ms());
	link_goodbye(g);
	pthread_mutex_lock(&g->lock);
	g->stopping = false; /* it would not wait */
	pthread_mutex_unlock(&g->lock);
	while (g->online && !g->goodbye_taken && now_ms() < until)
		hand_out(g, take(g, until).events);
}

static void end(struct gnatter *g)
{
	struct net_event *rest;

	if (g->online)
		say_goodbye(g);
	net_destroy(g->net); /* no event comes after this */
	g->net = NULL;
	pthread_mutex_lock(&g->lock);
	rest = g->first;
	g->first = g->last = NULL;
	g->inbox_bytes = 0;
	pthread_mutex_unlock(&g->lock);
	while (rest) {
		struct net_event *e = rest;

		rest = e->next;
		net_event_free(e);
	}
	link_offline(g);
	history_run(g);
	request_close(g);
	link_status(g, GNATTER_STOPPED, "", 0);
	pthread_mutex_lock(&g->lock);
	g->stopping = false;
	pthread_mutex_unlock(&g->lock);
}

void *loop_run(void *arg)
{
	struct gnatter *g = arg;

	for (;;) {
		struct turn t = take(g, next_due(g));

		if (t.stopping) {
			hand_out(g, t.events);
			break;
		}
		hand_out(g, t.events);
		if (t.lost)
			sync_lost(g);
		grant(g, t.wishes);
		run_all(g);
	}
	end(g);
	return NULL;
}
