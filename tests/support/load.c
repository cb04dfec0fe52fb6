/* load.c — see load.h. A sender's state belongs to its thread; the others see the atomic counts. */
#include "tests/support/load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/raw.h"
#include "tests/support/token.h"

#define WINDOW_MAX 64
#define SPAN       4096 /* from the first message not acknowledged to the last one sent */

/* One message under way. Its MQTT message id is its place in the window + 1. */
struct flight {
	bool used, again; /* again: a repeat of a message acknowledged before */
	uint64_t number;
};

struct load {
	pthread_t thread;
	bool joined;
	int port;
	struct load_opts o;
	char *token, *client, *text;
	struct raw raw;
	struct flight flights[WINDOW_MAX];
	uint64_t next, since_repeat;
	bool done[SPAN]; /* acknowledged, by number % SPAN, from `acked` on */
	_Atomic uint64_t acked, refused;
	const char *volatile doing; /* for a failure's message */
	atomic_bool stop, abort, ended;
};

static bool send_flight(struct load *l, size_t place, bool dup)
{
	unsigned long long number = l->flights[place].number;
	struct buf b = {0}, payload = {0};
	char topic[256];
	bool ok;

	if (l->o.chats)
		snprintf(topic, sizeof(topic), "chat/%s%llu/send", l->o.chat, number);
	else
		snprintf(topic, sizeof(topic), "chat/%s/send", l->o.chat);
	buf_printf(&payload, "{\"id\":\"%s%llu\",\"text\":\"%s\"}", l->o.prefix, number, l->text);
	raw_publish(
		&b, l->o.version, topic, payload.data, payload.len, 1, (uint16_t)(place + 1), dup);
	ok = raw_write(&l->raw, b.data, b.len);
	buf_free(&b);
	buf_free(&payload);
	return ok;
}

/* Fill the window. False if the connection broke. */
static bool send_more(struct load *l)
{
	for (size_t i = 0; i < l->o.window; i++) {
		uint64_t acked = atomic_load(&l->acked);
		bool again = l->o.repeat && l->since_repeat >= l->o.repeat && acked > 0;

		if (l->flights[i].used || atomic_load(&l->stop) || l->next - acked >= SPAN)
			continue;
		if (!again && l->o.chats && l->next == l->o.chats)
			continue;
		l->since_repeat = again ? 0 : l->since_repeat + 1;
		l->flights[i] = (struct flight){true, again, again ? acked - 1 : l->next++};
		if (!send_flight(l, i, false))
			return false;
		if (l->o.pause_us)
			case_pause_ms((int)(l->o.pause_us / 1000));
	}
	return true;
}

/* `acked` is how many from 0 on are acknowledged without a gap. */
static void count_acked(struct load *l, uint64_t number)
{
	uint64_t acked = atomic_load(&l->acked);

	l->done[number % SPAN] = true;
	while (l->done[acked % SPAN]) {
		l->done[acked % SPAN] = false;
		acked++;
	}
	atomic_store(&l->acked, acked);
}

/* A PUBACK: of MQTT 5 with a reason behind the message id, unless it is 0. */
static void on_ack(struct load *l, struct bytes body)
{
	size_t place = body.len < 2
			       ? SIZE_MAX
			       : (size_t)((uint8_t)body.data[0] << 8 | (uint8_t)body.data[1]) - 1;
	uint8_t reason = body.len > 2 ? (uint8_t)body.data[2] : 0;
	struct flight *f;

	if (place >= WINDOW_MAX || !l->flights[place].used)
		return;
	f = &l->flights[place];
	if (reason >= 0x80) {
		atomic_fetch_add(&l->refused, 1);
		case_pause_ms(10);
		send_flight(l, place, false);
		return;
	}
	if (!f->again)
		count_acked(l, f->number);
	f->used = false;
}

static bool all_acked(const struct load *l)
{
	for (size_t i = 0; i < WINDOW_MAX; i++) {
		if (l->flights[i].used)
			return false;
	}
	return true;
}

/* One connection, until it breaks or everything is done. */
static void session(struct load *l)
{
	struct raw_connect c = {.client = l->client,
		.user = l->o.user,
		.password = l->token,
		.version = l->o.version};
	struct raw_packet p;
	int got = 1;

	l->doing = "not connected";
	if (!raw_open(&l->raw, l->port, 0))
		return;
	l->doing = "not signed in";
	if (raw_connect(&l->raw, &c, 2000) != 0)
		goto out;
	l->doing = "connected";
	for (size_t i = 0; i < WINDOW_MAX; i++) {
		if (l->flights[i].used && !send_flight(l, i, true))
			goto out;
	}
	while (got >= 0 && !atomic_load(&l->abort) && !(atomic_load(&l->stop) && all_acked(l))) {
		if (!send_more(l))
			break;
		got = raw_read(&l->raw, &p, 20);
		if (got == 1 && p.type == RAW_PUBACK)
			on_ack(l, p.body);
	}
out:
	raw_close(&l->raw);
}

static void *sender(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&l->abort) && !(atomic_load(&l->stop) && all_acked(l))) {
		session(l);
		case_pause_ms(2);
	}
	atomic_store(&l->ended, true);
	return NULL;
}

static void undo_load(void *arg, bool failed)
{
	struct load *l = arg;

	(void)failed;
	load_abort(l);
	free(l->text);
	free(l);
}

struct load *load_start(struct instance *i, const struct load_opts *o)
{
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->o = *o;
	l->o.version = o->version == 5 ? 5 : 4;
	l->o.window = o->window ? o->window : 8;
	l->o.size = o->size ? o->size : 20;
	l->port = i->port;
	/* made here: the thread must not allocate from the test's memory */
	l->token = case_printf("%s", token_mint(&i->keys, &(struct token){.sub = o->user}));
	l->client = case_printf("%s:%s", o->user, o->device);
	l->text = malloc(l->o.size + 1);
	if (!l->text || l->o.window > WINDOW_MAX)
		abort();
	memset(l->text, 'x', l->o.size);
	l->text[l->o.size] = '\0';
	case_defer(undo_load, l);
	if (pthread_create(&l->thread, NULL, sender, l) != 0)
		case_fail("no thread");
	return l;
}

static bool has_ended(void *arg)
{
	return atomic_load(&((struct load *)arg)->ended);
}

void load_abort(struct load *l)
{
	atomic_store(&l->abort, true);
	if (!l->joined)
		pthread_join(l->thread, NULL);
	l->joined = true;
}

void load_stop(struct load *l)
{
	atomic_store(&l->stop, true);
	if (!case_wait(has_ended, l))
		case_fail("%s: not everything was acknowledged", l->client);
	load_abort(l);
}

uint64_t load_acked(const struct load *l)
{
	return atomic_load(&l->acked);
}

uint64_t load_refused(const struct load *l)
{
	return atomic_load(&l->refused);
}

struct goal {
	const struct load *l;
	uint64_t acked;
};

static bool reached(void *arg)
{
	const struct goal *g = arg;

	return load_acked(g->l) >= g->acked;
}

void load_wait(struct load *l, uint64_t more)
{
	struct goal g = {l, load_acked(l) + more};

	if (!case_wait(reached, &g))
		case_fail("%s: %llu messages acknowledged, then no more; %llu refused; now %s",
			l->client, (unsigned long long)load_acked(l),
			(unsigned long long)load_refused(l), l->doing);
}

const char *load_prefix(const struct load *l)
{
	return l->o.prefix;
}
