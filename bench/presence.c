/* presence.c
 *
 * A ring of users: contacts of each are the --contacts that stand next to it, half of them on
 * either side, so that everybody sees exactly those whom it watches. contacts_run makes them
 * through api/contact.add, one request at a time for each user, all users at once.
 *
 * presence_run: everybody connects, evenly spread over --seconds, with a last will, subscribes to
 * presence/<contact> of its contacts and, when that is granted, says `online`. It is over when
 * everybody has seen every contact online; then they stay until SIGTERM, so that a measurement
 * beside it can end before all of them leave at once. Latency is the time from when both the one
 * who watches and the one who is watched were there (as they see it) to the message that says so.
 *
 * Checked: everybody sees every contact online, nobody is seen online who has not come, nothing on
 * the errors topic.
 */
#include "bench/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/hist.h"
#include "bench/net.h"
#include "bench/people.h"
#include "bench/report.h"
#include "bench/stop.h"

#define METHOD     "api/contact.add"
#define STEP_NS    NS_PER_MS
#define TOPIC_SIZE 256

struct one {
	char *topic, *own;     /* presence/<user>, presence/<user>/<device>; owned */
	struct mqtt_will will; /* says on `own` that it is gone */
	uint32_t seen;         /* a bit for each contact */
	unsigned asked;        /* contacts added */
	int64_t ready_ns;      /* signed in and subscribed; 0: not yet */
};

struct crowd {
	const struct options *o;
	struct net net;
	struct people people;
	struct one *list;
	unsigned count, contacts;

	uint64_t arrived, answered;
	uint64_t seen; /* pairs */
	int64_t heard_ns, last_ready_ns, last_seen_ns;
	struct hist latency;
	uint64_t stale; /* seen online before they came */
	bool failed;
};

static void fail(struct crowd *w, const struct conn *c, const struct mqtt_in *m)
{
	if (!w->failed)
		fprintf(stderr, "load: CHECK FAILED: %s got on %.*s: %.*s\n", c->login.client,
			(int)m->topic.len, m->topic.data,
			(int)(m->payload.len < 300 ? m->payload.len : 300), m->payload.data);
	w->failed = true;
}

/* Contact k of user i. */
static unsigned contact_of(const struct crowd *w, unsigned i, unsigned k)
{
	unsigned half = w->contacts / 2;
	unsigned ahead = k < half ? k + 1 : w->count - (k - half + 1);

	return (i + ahead) % w->count;
}

static bool contains(struct bytes payload, const char *text)
{
	return memmem(payload.data, payload.len, text, strlen(text)) != NULL;
}

static bool is_errors(const struct crowd *w, const struct conn *c, struct bytes topic)
{
	const char *errors = w->people.list[c->index].errors;

	return errors && bytes_equal(topic, errors, strlen(errors));
}

static void prepare(struct crowd *w, const struct options *o)
{
	w->o = o;
	w->contacts = (unsigned)o->contacts;
	people_make(&w->people, o, (unsigned)o->groups, (unsigned)o->members);
	w->count = w->people.count;
	if (w->contacts % 2 || w->count <= w->contacts)
		die("--contacts must be even, and less than there are users");
	w->list = die_alloc(w->count, sizeof(*w->list));
	w->net.address = net_resolve(o->host, o->port);
	w->net.version = (enum mqtt_version)o->version;
	w->net.qos = (unsigned)o->qos;
	w->net.gather_ns = o->gather_ns;
	w->net.ctx = w;
	net_init(&w->net, w->count);
	for (unsigned i = 0; i < w->count; i++) {
		struct person *p = &w->people.list[i];

		if (!p->user)
			die("this work needs --user");
		w->net.conns[i].login = (struct mqtt_login){p->client, p->user, p->password, 0};
	}
}

static void finish(struct crowd *w)
{
	net_finish(&w->net);
	for (unsigned i = 0; i < w->count; i++) {
		free(w->list[i].topic);
		free(w->list[i].own);
	}
	free(w->list);
	people_finish(&w->people);
}

/* --- making contacts -----------------------------------------------------------------------------
 */

static void add_contact(struct crowd *w, struct conn *c)
{
	struct one *one = &w->list[c->index];
	char request[TOPIC_SIZE];
	int len = snprintf(request, sizeof(request), "{\"user\":\"%s\"}",
		w->people.list[contact_of(w, c->index, one->asked++)].user);
	struct mqtt_out m = {.topic = {METHOD, strlen(METHOD)},
		.qos = (unsigned)w->o->qos,
		.payload_len = (size_t)len};
	char *at = net_publish(&w->net, c, &m);

	if (at)
		memcpy(at, request, (size_t)len);
}

static void on_answer(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	struct crowd *w = ctx;

	if (!contains(m->payload, "\"ok\":true"))
		fail(w, c, m);
	w->heard_ns = w->net.now_ns;
	w->answered++;
	if (w->list[c->index].asked < w->contacts)
		add_contact(w, c);
}

int contacts_run(const struct options *o)
{
	static struct crowd w; /* large, and one is enough */
	struct report r;
	int64_t start_ns;
	bool ok;

	prepare(&w, o);
	w.net.on_message = on_answer;
	if (!net_connect(&w.net))
		die("%s", w.net.why);
	start_ns = w.heard_ns = clock_ns();
	for (unsigned i = 0; i < w.count; i++)
		add_contact(&w, &w.net.conns[i]);
	while (w.answered < (uint64_t)w.count * w.contacts && !w.failed &&
		clock_ns() < w.heard_ns + o->patience_ns &&
		net_wait(&w.net, w.heard_ns + o->patience_ns))
		;
	ok = w.answered == (uint64_t)w.count * w.contacts && !w.failed && !w.net.failed;
	if (w.net.failed)
		fprintf(stderr, "load: CHECK FAILED: %s\n", w.net.why);
	report_begin(&r, o->json, o->command, o->target);
	report_number(&r, "contacts", "", (double)w.answered);
	report_number(&r, "seconds", "s", (double)(w.heard_ns - start_ns) / (double)NS_PER_S);
	report_end(&r, ok);
	finish(&w);
	return ok ? 0 : 1;
}

/* --- being there ---------------------------------------------------------------------------------
 */

static char *topic_of(const char *user, const char *device)
{
	char topic[TOPIC_SIZE];
	int len = snprintf(topic, sizeof(topic), "presence/%s%s%s", user, device ? "/" : "",
		device ? device : "");
	char *copy = len > 0 && (size_t)len < sizeof(topic) ? strdup(topic) : NULL;

	if (!copy)
		die("no topic of presence for %s", user);
	return copy;
}

static void prepare_topics(struct crowd *w)
{
	for (unsigned i = 0; i < w->count; i++) {
		const struct person *p = &w->people.list[i];
		const char *device = strchr(p->client, ':');
		struct one *one = &w->list[i];

		if (!device)
			die("this work needs client ids of the form user:device");
		one->topic = topic_of(p->user, NULL);
		one->own = topic_of(p->user, device + 1);
		one->will = (struct mqtt_will){one->own, "offline"};
		w->net.conns[i].will = &one->will;
	}
	for (unsigned i = 0; i < w->count; i++) {
		struct conn *c = &w->net.conns[i];

		for (unsigned k = 0; k < w->contacts; k++)
			c->filters[c->filter_count++] = w->list[contact_of(w, i, k)].topic;
		if (w->people.list[i].errors)
			c->filters[c->filter_count++] = w->people.list[i].errors;
	}
}

static void on_ready(void *ctx, struct conn *c)
{
	static const char online[] = "online";
	struct crowd *w = ctx;
	struct one *one = &w->list[c->index];
	struct mqtt_out m = {.topic = {one->own, strlen(one->own)},
		.qos = 1,
		.retain = true,
		.payload_len = sizeof(online) - 1};
	char *at = net_publish(&w->net, c, &m);

	one->ready_ns = w->last_ready_ns = w->heard_ns = w->net.now_ns;
	if (at)
		memcpy(at, online, sizeof(online) - 1);
}

static void see(struct crowd *w, const struct conn *c, unsigned k)
{
	const struct one *watched = &w->list[contact_of(w, c->index, k)];
	struct one *one = &w->list[c->index];
	int64_t from_ns = one->ready_ns > watched->ready_ns ? one->ready_ns : watched->ready_ns;

	if (w->net.conns[watched - w->list].state == CONN_NEW)
		w->stale++;
	if (one->seen & 1u << k)
		return;
	one->seen |= 1u << k;
	w->seen++;
	w->last_seen_ns = w->net.now_ns;
	/* 0: the message was faster than the answer to one of the two */
	hist_add(&w->latency,
		one->ready_ns && watched->ready_ns ? (uint64_t)(w->net.now_ns - from_ns) : 0);
}

static void on_presence(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	struct crowd *w = ctx;
	bool online = contains(m->payload, "\"online\":true");

	if (is_errors(w, c, m->topic)) {
		fail(w, c, m);
		return;
	}
	w->arrived++;
	w->heard_ns = w->net.now_ns;
	for (unsigned k = 0; online && k < w->contacts; k++)
		if (bytes_equal(m->topic, c->filters[k], strlen(c->filters[k])))
			see(w, c, k);
}

/* Everybody comes when it is his turn. */
static void arrive(struct crowd *w, int64_t start_ns)
{
	double step_ns = (double)w->o->duration_ns / w->count;

	while (w->net.ready < w->count && !w->failed) {
		int64_t now_ns = clock_ns();
		double due = step_ns > 0 ? (double)(now_ns - start_ns) / step_ns + 1 : w->count;

		if (now_ns > w->heard_ns + w->o->patience_ns)
			break;
		if (!net_open(&w->net, due < w->count ? (unsigned)due : w->count) ||
			!net_wait(&w->net, now_ns + STEP_NS))
			break;
	}
}

static void see_all(struct crowd *w)
{
	while (w->seen < (uint64_t)w->count * w->contacts && !w->failed &&
		clock_ns() < w->heard_ns + w->o->patience_ns &&
		net_wait(&w->net, w->heard_ns + w->o->patience_ns))
		;
}

static bool check(const struct crowd *w)
{
	uint64_t missing = (uint64_t)w->count * w->contacts - w->seen;

	if (w->net.failed)
		fprintf(stderr, "load: CHECK FAILED: %s\n", w->net.why);
	if (w->net.ready < w->count)
		fprintf(stderr, "load: CHECK FAILED: only %u of %u users came\n", w->net.ready,
			w->count);
	if (missing)
		fprintf(stderr, "load: CHECK FAILED: %llu contacts were not seen online\n",
			(unsigned long long)missing);
	if (w->stale)
		fprintf(stderr, "load: CHECK FAILED: %llu times somebody was online who was not\n",
			(unsigned long long)w->stale);
	return !w->failed && !w->net.failed && w->net.ready == w->count && !missing && !w->stale;
}

int presence_run(const struct options *o)
{
	static struct crowd w; /* large, and one is enough */
	struct report r;
	int64_t start_ns, cpu_ns;
	double seconds;
	bool ok;

	stop_on_sigterm();
	prepare(&w, o);
	prepare_topics(&w);
	w.net.on_message = on_presence;
	w.net.on_ready = on_ready;
	cpu_ns = clock_cpu_ns();
	start_ns = w.heard_ns = clock_ns();
	arrive(&w, start_ns);
	see_all(&w);
	ok = check(&w);
	seconds = (double)(clock_ns() - start_ns) / (double)NS_PER_S;
	report_begin(&r, o->json, o->command, o->target);
	report_number(&r, "users", "", w.net.ready);
	report_number(&r, "arrived", "", (double)w.arrived);
	report_number(&r, "came_s", "s", (double)(w.last_ready_ns - start_ns) / (double)NS_PER_S);
	report_number(&r, "after_last_ms", "ms",
		(double)(w.last_seen_ns - w.last_ready_ns) / (double)NS_PER_MS);
	report_latency(&r, &w.latency);
	report_number(&r, "own_cpu", "cores",
		(double)(clock_cpu_ns() - cpu_ns) / (double)NS_PER_S / seconds);
	report_end(&r, ok);
	fflush(stdout);
	while (ok && !stop_wanted() && net_wait(&w.net, clock_ns() + NS_PER_S))
		;
	finish(&w);
	return ok ? 0 : 1;
}
