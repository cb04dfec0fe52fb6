/* work.c
 *
 * Closed loop: each sender has `window` messages in flight and sends the next one when its own echo
 * came back to it. The echo is what an application waits for (in Gnatter it says "stored"), and it
 * is awaited from the bare broker too, so that both carry the same deliveries for the same window.
 * An acknowledgement (PUBACK) alone lets nothing go.
 *
 * Open loop: messages are due at fixed times, whatever comes back, and their latency counts from
 * when they were due. A broker that stalls for a second shows a second, not one slow message
 * (no "coordinated omission").
 *
 * Measured is what was sent (was due) between the end of the warm-up and the end of the duration.
 * Then sending stops and all that is still to come is awaited: only a stretch of silence makes what
 * is missing lost. With a count there is no warm-up, and the time is that of the whole.
 */
#include "bench/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/checks.h"
#include "bench/clock.h"
#include "bench/die.h"
#include "bench/hist.h"
#include "bench/net.h"
#include "bench/payload.h"
#include "bench/people.h"
#include "bench/report.h"
#include "bench/stop.h"

struct sender {
	struct conn *conn;
	uint64_t due, sent; /* messages that are to be sent by now, and those that were */
};

struct work {
	const struct options *o;
	struct net net;
	struct people people;
	struct checks checks;
	struct payload_source source;
	struct hist latency;
	uint32_t run;

	struct sender *senders;
	unsigned sender_count;
	uint64_t due; /* of all senders */

	int64_t start_ns, from_ns, to_ns; /* measured is [from, to) */
	int64_t heard_ns;                 /* the last delivery */
	int64_t cpu_from_ns, cpu_to_ns;
	bool stopped; /* sending is over */

	uint64_t echoes, deliveries; /* in the measured time */
	uint64_t complaints;         /* messages on the errors topic */
	uint64_t unsent;             /* messages due that the broker did not take */
};

/* --- sending -------------------------------------------------------------------------------------
 */

static void send_one(struct work *w, struct sender *s, int64_t sent_ns)
{
	unsigned number = (unsigned)(s - w->senders);
	const char *topic = w->people.list[s->conn->index].publish;
	struct mqtt_out m = {
		.topic = {topic, strlen(topic)},
		.qos = (unsigned)w->o->qos,
		.payload_len = (size_t)w->o->size + (w->o->ids ? PAYLOAD_ID : 0),
	};
	struct marker mark;
	char *at = net_publish(&w->net, s->conn, &m);

	if (!at)
		return;
	s->sent++;
	mark = (struct marker){w->run, number, checks_sent(&w->checks, number), sent_ns};
	(w->o->ids ? payload_write_id : payload_write)(&w->source, at, (size_t)w->o->size, &mark);
}

/* May another message come due? */
static bool more_due(const struct work *w)
{
	return !w->stopped && (w->o->count == 0 || w->due < (uint64_t)w->o->count);
}

/* Open loop: when message k of all is due. */
static int64_t due_at(const struct work *w, uint64_t k)
{
	return w->start_ns + (int64_t)((double)k * ((double)NS_PER_S / (double)w->o->rate));
}

/* Send what is due on s, as far as the broker takes it. */
static void pump(struct work *w, struct sender *s)
{
	unsigned number = (unsigned)(s - w->senders);

	while (s->sent < s->due && net_may_publish(s->conn) && !w->net.failed)
		send_one(w, s,
			w->o->rate ? due_at(w, s->sent * w->sender_count + number) : w->net.now_ns);
}

static void send_due(struct work *w, struct sender *s)
{
	if (more_due(w)) {
		w->due++;
		s->due++;
	}
	pump(w, s);
}

/* Open loop: the senders take turns. Returns when the next one is due. */
static int64_t send_by_clock(struct work *w, int64_t now_ns)
{
	while (more_due(w) && due_at(w, w->due) <= now_ns)
		send_due(w, &w->senders[w->due % w->sender_count]);
	return more_due(w) ? due_at(w, w->due) : INT64_MAX;
}

static struct sender *sender_of(struct work *w, const struct conn *c)
{
	unsigned members = w->checks.members, senders = w->checks.senders;
	unsigned member = c->index % members;

	return member < senders ? &w->senders[c->index / members * senders + member] : NULL;
}

static void on_acked(void *ctx, struct conn *c)
{
	struct work *w = ctx;
	struct sender *s = sender_of(w, c);

	if (s)
		pump(w, s);
}

/* --- receiving -----------------------------------------------------------------------------------
 */

/* The number behind "seq": of a message of Gnatter's; 0 if there is none. */
static uint64_t find_seq(struct bytes payload)
{
	const char *at = memmem(payload.data, payload.len, "\"seq\":", 6);
	const char *end = payload.data + payload.len;
	uint64_t seq = 0;

	if (!at)
		return 0;
	for (at += 6; at < end && *at >= '0' && *at <= '9'; at++)
		seq = seq * 10 + (uint64_t)(*at - '0');
	return seq;
}

static void complain(struct work *w, const struct conn *c, const struct mqtt_in *m)
{
	if (w->complaints++ == 0)
		fprintf(stderr, "load: CHECK FAILED: %s got on %.*s: %.*s\n", c->login.client,
			(int)m->topic.len, m->topic.data,
			(int)(m->payload.len < 300 ? m->payload.len : 300), m->payload.data);
}

static void on_message(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	struct work *w = ctx;
	int64_t now_ns = w->net.now_ns;
	bool in_time = now_ns >= w->from_ns && now_ns < w->to_ns;
	const char *errors = w->people.list[c->index].errors;
	struct marker mark;
	struct sender *s;
	uint64_t seq;

	if (errors && bytes_equal(m->topic, errors, strlen(errors))) {
		complain(w, c, m);
		return;
	}
	seq = w->o->gnatter ? find_seq(m->payload) : 0;
	if (!payload_find(m->payload.data, m->payload.len, &mark) || mark.run != w->run ||
		mark.sender >= w->sender_count) {
		checks_foreign(&w->checks, c->index, seq);
		return;
	}
	if (!checks_delivered(&w->checks, c->index, mark.sender, mark.counter, seq))
		return;
	w->heard_ns = now_ns;
	w->deliveries += in_time;
	if (mark.sent_ns >= w->from_ns && mark.sent_ns < w->to_ns)
		hist_add(&w->latency, (uint64_t)(now_ns - mark.sent_ns));
	s = &w->senders[mark.sender];
	if (s->conn != c)
		return;
	w->echoes += in_time;
	if (w->o->rate == 0)
		send_due(w, s);
}

/* --- the course of it ----------------------------------------------------------------------------
 */

static void prepare(struct work *w)
{
	const struct options *o = w->o;
	unsigned groups = (unsigned)o->groups, members = (unsigned)o->members;

	people_make(&w->people, o, groups, members);
	checks_init(&w->checks, groups, members, (unsigned)o->senders, o->gnatter);
	w->run = (uint32_t)(clock_ns() >> 10) & 0xffffff;
	payload_init(&w->source, (uint64_t)clock_ns());
	w->net.address = net_resolve(o->host, o->port);
	w->net.version = (enum mqtt_version)o->version;
	w->net.qos = (unsigned)o->qos;
	w->net.gather_ns = o->gather_ns;
	w->net.ctx = w;
	w->net.on_message = on_message;
	w->net.on_acked = on_acked;
	net_init(&w->net, w->people.count);
	for (unsigned i = 0; i < w->people.count; i++) {
		struct person *p = &w->people.list[i];
		struct conn *c = &w->net.conns[i];

		if (!p->publish || !p->subscribe)
			die("this work needs --chat, or --publish and --subscribe");
		c->login = (struct mqtt_login){p->client, p->user, p->password, 0};
		c->filters[c->filter_count++] = p->subscribe;
		if (p->errors)
			c->filters[c->filter_count++] = p->errors;
	}
	w->sender_count = groups * (unsigned)o->senders;
	w->senders = die_alloc(w->sender_count, sizeof(*w->senders));
	for (unsigned i = 0; i < w->people.count; i++)
		if (sender_of(w, &w->net.conns[i]))
			sender_of(w, &w->net.conns[i])->conn = &w->net.conns[i];
}

static void start(struct work *w)
{
	const struct options *o = w->o;

	w->start_ns = w->heard_ns = w->net.now_ns = clock_ns();
	w->from_ns = w->start_ns + (o->count ? 0 : o->warmup_ns);
	w->to_ns = o->count ? INT64_MAX : w->from_ns + o->duration_ns;
	if (o->rate)
		return;
	for (int64_t i = 0; i < o->window; i++)
		for (unsigned s = 0; s < w->sender_count; s++)
			send_due(w, &w->senders[s]);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What is due and could not be sent will not be: at such a rate it would never end. */
static void give_up_unsent(struct work *w)
{
	w->unsent = w->o->rate ? w->due - w->checks.sent : 0;
	for (unsigned i = 0; i < w->sender_count; i++)
		w->senders[i].due = w->senders[i].sent;
	if (w->unsent)
		fprintf(stderr,
			"load: CHECK FAILED: the broker did not take %llu messages that were due\n",
			(unsigned long long)w->unsent);
}

/* Until sending is over: the time is up, all of a count was sent, or somebody wants it to end.
 * Looks around once a second even where nothing happens. */
static void run(struct work *w)
{
	int64_t now_ns = w->start_ns;

	while (!w->net.failed && now_ns < w->to_ns && now_ns < w->heard_ns + w->o->patience_ns) {
		int64_t until_ns = earlier(w->to_ns, (now_ns / NS_PER_S + 1) * NS_PER_S);

		if (w->cpu_from_ns == 0 && now_ns >= w->from_ns)
			w->cpu_from_ns = clock_cpu_ns();
		if (w->cpu_from_ns == 0)
			until_ns = earlier(until_ns, w->from_ns);
		if (w->o->rate)
			until_ns = earlier(until_ns, send_by_clock(w, now_ns));
		if (!more_due(w) && w->checks.sent == w->due)
			break;
		net_wait(&w->net, until_ns);
		now_ns = clock_ns();
		if (stop_wanted())
			w->to_ns = earlier(w->to_ns, now_ns);
	}
	w->cpu_to_ns = clock_cpu_ns();
	w->stopped = true;
	give_up_unsent(w);
}

/* Wait for what is still to come. */
static void drain(struct work *w)
{
	while (!w->net.failed && checks_missing(&w->checks) > 0) {
		int64_t until_ns = w->heard_ns + w->o->patience_ns;

		if (clock_ns() >= until_ns)
			break;
		net_wait(&w->net, until_ns);
	}
	if (w->o->count) {
		w->to_ns = w->heard_ns;
		w->cpu_to_ns = clock_cpu_ns();
	}
}

static void report(const struct work *w, bool ok)
{
	const struct options *o = w->o;
	double seconds = (double)(w->to_ns - w->from_ns) / (double)NS_PER_S;
	struct report r;

	report_begin(&r, o->json, o->command, o->target);
	report_number(&r, "sends_per_s", "/s", (double)w->echoes / seconds);
	report_number(&r, "deliveries_per_s", "/s", (double)w->deliveries / seconds);
	report_latency(&r, &w->latency);
	report_number(&r, "sent", "", (double)w->checks.sent);
	report_number(&r, "delivered", "", (double)w->checks.delivered);
	report_number(&r, "repeated", "", (double)w->checks.repeated);
	report_number(&r, "seconds", "s", seconds);
	report_number(&r, "own_cpu", "cores",
		(double)(w->cpu_to_ns - w->cpu_from_ns) / (double)NS_PER_S / seconds);
	report_end(&r, ok);
}

int work_run(const struct options *o)
{
	static struct work w; /* large, and one is enough */
	bool ok;

	w.o = o;
	stop_on_sigterm();
	prepare(&w);
	if (!net_connect(&w.net))
		die("%s", w.net.why);
	start(&w);
	run(&w);
	drain(&w);
	if (w.net.failed)
		fprintf(stderr, "load: CHECK FAILED: %s\n", w.net.why);
	ok = checks_report(&w.checks, stderr) && !w.net.failed && w.complaints == 0 &&
	     w.unsent == 0;
	report(&w, ok);
	net_finish(&w.net);
	checks_finish(&w.checks);
	people_finish(&w.people);
	payload_finish(&w.source);
	free(w.senders);
	return ok ? 0 : 1;
}
