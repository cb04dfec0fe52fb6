/* link.c — see link.h. */
#include "link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "effects.h"
#include "expel.h"
#include "plugin.h"
#include "wire/effect.h"

#define WAIT_TICKS     2
#define WAIT_BYTES_MAX (4u << 20)
#define RETRY_MS       50 /* after a lack of memory */

/* A control message, or the rest of one, that waits. */
struct waiting {
	struct waiting *next;
	size_t len, done; /* bytes; of them performed. 0: not even the header was looked at */
	uint32_t left;    /* effects, if done */
	char data[];
};

/* Frames. */

static bool send_frame(struct plugin *p, bool hello)
{
	struct link *l = &p->link;
	struct spool_place next = l->next;
	struct bytes run = {NULL, 0};
	struct frame f = {.epoch = spool_epoch(p->spool),
		.first = next.number,
		.performed = spool_performed(p->spool),
		.hello = hello};
	char *data;

	if (!hello)
		f.count = spool_run(p->spool, &next, (uint64_t)p->conf.frame_size_max, &run);
	data = mosquitto_malloc(FRAME_HEADER + run.len);
	if (!data)
		return false;
	frame_encode_header(&f, data);
	if (run.len)
		memcpy(data + FRAME_HEADER, run.data, run.len);
	if (mosquitto_broker_publish(BRIDGE_CLIENT, FRAME_TOPIC, (int)(FRAME_HEADER + run.len),
		    data, 0, false, NULL) != MOSQ_ERR_SUCCESS) {
		mosquitto_free(data);
		return false;
	}
	l->next = next;
	return true;
}

static bool may_send(const struct plugin *p)
{
	const struct link *l = &p->link;

	return l->bridge && l->in_flight_count < LINK_FRAMES_MAX &&
	       l->in_flight_count < (size_t)p->conf.frames_in_flight &&
	       l->next.number < spool_end(p->spool).number;
}

void link_flush(struct plugin *p)
{
	struct link *l = &p->link;

	while (may_send(p)) {
		uint64_t first = l->next.number;

		if (!send_frame(p, false))
			return; /* for lack of memory: the next tick tries again */
		l->in_flight[l->in_flight_count++] = l->next.number - 1;
		p->counters->frames_sent++;
		p->counters->frames_resent += first <= l->sent;
		if (l->next.number - 1 > l->sent)
			l->sent = l->next.number - 1;
	}
}

static void acknowledge(struct plugin *p, uint64_t number)
{
	struct link *l = &p->link;
	size_t n = 0;

	while (n < l->in_flight_count && l->in_flight[n] <= number)
		n++;
	l->in_flight_count -= n;
	memmove(l->in_flight, l->in_flight + n, l->in_flight_count * sizeof(*l->in_flight));
	spool_release(p->spool, number);
	roll_catch_up(p);
	link_flush(p);
}

/* Control messages. */

static bool is_ours(const struct plugin *p, const struct control *c)
{
	return c->epoch == spool_epoch(p->spool);
}

static enum err greet(struct plugin *p, const struct conn *from, const struct control *c)
{
	struct link *l = &p->link;

	l->bridge = NULL;
	if (is_ours(p, c) && c->number >= spool_end(p->spool).number) {
		mosquitto_log_printf(MOSQ_LOG_WARNING,
			"gnatter: gnatterd has stored more than this spool knows of; what is "
			"left in it is dropped, and numbers go on after %llu",
			(unsigned long long)c->number);
		spool_skip_to(p->spool, c->number);
	} else if (is_ours(p, c)) {
		spool_release(p->spool, c->number);
	}
	l->in_flight_count = 0;
	l->next = spool_first(p->spool);
	if (!send_frame(p, true))
		return ERR_NOMEM;
	l->bridge = from->key;
	p->counters->bridge_connected = 1;
	mosquitto_log_printf(MOSQ_LOG_INFO,
		"gnatter: gnatterd is connected; it gets records from %llu on",
		(unsigned long long)l->next.number);
	roll_catch_up(p);
	link_flush(p);
	return ERR_OK;
}

/* Keep a message until the wait is over: behind the others if nothing of it is done yet; the rest
 * of one that is being performed comes before them. */
static bool keep(struct link *l, struct bytes message, size_t done, uint32_t left)
{
	struct waiting *w;

	if (l->waiting_bytes + message.len > WAIT_BYTES_MAX)
		return false;
	w = malloc(sizeof(*w) + message.len);
	if (!w)
		return false;
	*w = (struct waiting){.len = message.len, .done = done, .left = left};
	memcpy(w->data, message.data, message.len);
	if (done > 0) {
		w->next = l->waiting;
		l->waiting = w;
	} else if (l->waiting) {
		l->waiting_last->next = w;
	}
	if (!w->next)
		l->waiting_last = w;
	if (!l->waiting)
		l->waiting = w;
	l->waiting_bytes += message.len;
	return true;
}

static void performed(struct plugin *p, const struct control *c)
{
	if (c->kind != CONTROL_EFFECTS || !is_ours(p, c) || !c->last)
		return;
	spool_set_performed(p->spool, c->number);
	acknowledge(p, c->number);
}

/* Perform the last `left` effects of the message. */
static enum err perform(struct plugin *p, const struct control *c, struct bytes message,
	struct reader r, uint32_t left)
{
	p->answered = NULL;
	while (left > 0) {
		bool wait;
		enum err e = effects_perform(p, &r, &wait);

		if (e != ERR_OK)
			return e;
		left--;
		if (!wait)
			continue;
		if (keep(&p->link, message, (size_t)(r.at - message.data), left)) {
			p->link.wait_ticks = WAIT_TICKS;
			return ERR_OK;
		}
		expel_close(p);
	}
	performed(p, c);
	return ERR_OK;
}

static enum err handle(struct plugin *p, const struct conn *from, struct bytes message)
{
	struct control c;

	if (control_decode(&c, message.data, message.len) != ERR_OK ||
		!effects_valid(c.effects, c.count) || c.number >= UINT64_MAX / 2)
		return ERR_CORRUPT;
	if (c.kind == CONTROL_HELLO)
		return c.count == 0 ? greet(p, from, &c) : ERR_CORRUPT;
	if (c.kind == CONTROL_EFFECTS && is_ours(p, &c)) {
		if (c.number >= p->link.next.number)
			return ERR_CORRUPT; /* of records that it was never sent */
		if (c.number <= spool_performed(p->spool)) {
			p->counters->effects_repeated++;
			if (c.last)
				acknowledge(p, c.number);
			return ERR_OK;
		}
	}
	return perform(p, &c, message, c.effects, c.count);
}

/* Waiting. */

static enum err go_on(struct plugin *p, struct waiting *w)
{
	struct bytes message = {w->data, w->len};
	struct control c;

	if (w->done == 0)
		return handle(p, NULL, message);
	if (control_decode(&c, message.data, message.len) != ERR_OK)
		return ERR_CORRUPT;
	return perform(p, &c, message, reader_of(w->data + w->done, w->len - w->done), w->left);
}

/* Close whom we wait for, and perform what waited, as far as it does not have to wait again. */
static enum err resume(struct plugin *p)
{
	struct link *l = &p->link;
	enum err e = ERR_OK;

	l->wait_ticks = 0;
	expel_close(p);
	while (e == ERR_OK && l->waiting && l->wait_ticks == 0) {
		struct waiting *w = l->waiting;

		l->waiting = w->next;
		l->waiting_bytes -= w->len;
		e = go_on(p, w);
		free(w);
	}
	return e;
}

void link_finish(struct link *l)
{
	while (l->waiting) {
		struct waiting *next = l->waiting->next;

		free(l->waiting);
		l->waiting = next;
	}
	l->waiting_bytes = 0;
	l->wait_ticks = 0;
}

/* The bridge must start over: nothing of what it sent or will send on this connection counts. */
static void give_up(struct plugin *p, enum err e)
{
	mosquitto_log_printf(MOSQ_LOG_ERR, "gnatter: closing gnatterd's connection: %s",
		e == ERR_NOMEM ? "out of memory for what it asks for"
			       : "it sent a control message that makes no sense");
	link_finish(&p->link);
	p->link.bridge = NULL;
	p->counters->bridge_connected = 0;
}

int link_control(struct plugin *p, const struct conn *from, const void *data, size_t len)
{
	struct bytes message = {data, len};
	struct control c;
	enum err e = ERR_OK;
	bool hello = control_decode(&c, data, len) == ERR_OK && c.kind == CONTROL_HELLO;

	if (!from->id.system || from->id.role != ROLE_SERVICE)
		return MOSQ_ERR_SUCCESS;
	if (!hello && p->link.bridge != from->key)
		e = ERR_CORRUPT;
	if (e == ERR_OK && p->link.wait_ticks > 0) {
		if (!hello && keep(&p->link, message, 0, 0))
			return MOSQ_ERR_SUCCESS;
		while (e == ERR_OK && p->link.wait_ticks > 0)
			e = resume(p);
	}
	if (e == ERR_OK)
		e = handle(p, from, message);
	if (e == ERR_OK)
		return MOSQ_ERR_SUCCESS;
	give_up(p, e);
	return MOSQ_ERR_PROTOCOL;
}

void link_gone(struct plugin *p, const struct conn *conn)
{
	if (p->link.bridge != conn->key)
		return;
	p->link.bridge = NULL;
	p->counters->bridge_connected = 0;
}

int link_tick(struct plugin *p)
{
	struct link *l = &p->link;

	link_flush(p);
	if (l->wait_ticks > 0 && --l->wait_ticks == 0 && resume(p) != ERR_OK) {
		give_up(p, ERR_NOMEM);
		mosquitto_kick_client_by_clientid(BRIDGE_CLIENT, false);
	}
	if (l->wait_ticks > 0)
		return 1;
	return may_send(p) ? RETRY_MS : 0;
}
