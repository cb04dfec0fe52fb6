/* acks.c
 *
 * Groups whose members all acknowledge, --rate times a second in all, one after another, at fixed
 * times; each acknowledgement moves both marks of its user one message further, beginning with
 * --first. All members watch the marks of their group.
 *
 * Checked: everybody gets to see the last of everybody's marks, none goes back, and nothing comes
 * on the errors topic. What is told in between is counted: the server tells at most one in an
 * interval.
 */
#include "bench/acks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/net.h"
#include "bench/people.h"
#include "bench/report.h"
#include "bench/stop.h"

#define BEHIND_MAX_NS NS_PER_S

struct seen {
	uint64_t delivered, read;
};

struct acks {
	const struct options *o;
	struct net net;
	struct people people;
	unsigned members;
	struct seen *seen; /* [connection * members + member of the group] */

	uint64_t sent;
	uint64_t arrived, backwards;
	int64_t start_ns, heard_ns;
	bool failed;
};

/* The seq that the user has acknowledged; 0 if it has not yet. */
static uint64_t last_of(const struct acks *a, unsigned user)
{
	uint64_t times = a->sent / a->people.count + (user < a->sent % a->people.count);

	return times ? (uint64_t)a->o->first + times - 1 : 0;
}

static int64_t due_at(const struct acks *a, uint64_t k)
{
	return a->start_ns + (int64_t)((double)k * ((double)NS_PER_S / (double)a->o->rate));
}

static void send_one(struct acks *a)
{
	unsigned user = (unsigned)(a->sent % a->people.count);
	uint64_t seq = (uint64_t)a->o->first + a->sent / a->people.count;
	const char *topic = a->people.list[user].publish;
	char text[64];
	int len = snprintf(
		text, sizeof(text), "{\"delivered\":%" PRIu64 ",\"read\":%" PRIu64 "}", seq, seq);
	struct mqtt_out m = {.topic = {topic, strlen(topic)},
		.qos = (unsigned)a->o->ack_qos,
		.payload_len = (size_t)len};
	char *at = net_publish(&a->net, &a->net.conns[user], &m);

	a->sent++;
	if (at)
		memcpy(at, text, (size_t)len);
}

/* --- what is seen --------------------------------------------------------------------------------
 */

static uint64_t find_number(struct bytes payload, const char *name)
{
	const char *at = memmem(payload.data, payload.len, name, strlen(name));
	const char *end = payload.data + payload.len;
	uint64_t v = 0;

	if (!at)
		return 0;
	for (at += strlen(name); at < end && *at >= '0' && *at <= '9'; at++)
		v = v * 10 + (uint64_t)(*at - '0');
	return v;
}

/* What the connection has seen of the user whose name ends the topic; NULL if it is not of the
 * group. */
static struct seen *find_seen(struct acks *a, const struct conn *c, struct bytes topic)
{
	unsigned first = c->index / a->members * a->members;
	const char *slash = memrchr(topic.data, '/', topic.len);
	const char *name = slash ? slash + 1 : topic.data;
	size_t len = (size_t)(topic.data + topic.len - name);

	for (unsigned m = 0; m < a->members; m++) {
		const char *user = a->people.list[first + m].user;

		if (strlen(user) == len && memcmp(user, name, len) == 0)
			return &a->seen[(size_t)c->index * a->members + m];
	}
	return NULL;
}

static void grow(struct acks *a, uint64_t *mark, uint64_t v)
{
	if (v < *mark)
		a->backwards++;
	else
		*mark = v;
}

static void on_message(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	struct acks *a = ctx;
	const char *errors = a->people.list[c->index].errors;
	struct seen *seen = find_seen(a, c, m->topic);
	uint64_t read = find_number(m->payload, "\"read\":");

	if (!seen || (errors && bytes_equal(m->topic, errors, strlen(errors)))) {
		if (!a->failed)
			fprintf(stderr, "load: CHECK FAILED: %s got on %.*s: %.*s\n",
				c->login.client, (int)m->topic.len, m->topic.data,
				(int)(m->payload.len < 300 ? m->payload.len : 300),
				m->payload.data);
		a->failed = true;
		return;
	}
	a->arrived++;
	a->heard_ns = a->net.now_ns;
	grow(a, &seen->delivered, find_number(m->payload, "\"delivered\":"));
	if (read)
		grow(a, &seen->read, read);
}

/* Marks whose last value somebody has not seen. */
static uint64_t count_missing(const struct acks *a)
{
	uint64_t missing = 0;

	for (unsigned i = 0; i < a->people.count; i++) {
		unsigned first = i / a->members * a->members;

		for (unsigned m = 0; m < a->members; m++) {
			const struct seen *seen = &a->seen[(size_t)i * a->members + m];
			uint64_t last = last_of(a, first + m);

			missing += seen->delivered < last || seen->read < last;
		}
	}
	return missing;
}

/* --- the course of it ----------------------------------------------------------------------------
 */

static void prepare(struct acks *a)
{
	const struct options *o = a->o;

	if (o->rate == 0)
		die("acknowledging needs --rate");
	people_make(&a->people, o, (unsigned)o->groups, (unsigned)o->members);
	a->members = (unsigned)o->members;
	a->seen = die_alloc((size_t)a->people.count * a->members, sizeof(*a->seen));
	a->net.address = net_resolve(o->host, o->port);
	a->net.version = (enum mqtt_version)o->version;
	a->net.qos = (unsigned)o->qos;
	a->net.gather_ns = o->gather_ns;
	a->net.ctx = a;
	a->net.on_message = on_message;
	net_init(&a->net, a->people.count);
	for (unsigned i = 0; i < a->people.count; i++) {
		struct person *p = &a->people.list[i];
		struct conn *c = &a->net.conns[i];

		if (!p->publish || !p->subscribe || !p->user)
			die("acknowledging needs --user and --chat");
		c->login = (struct mqtt_login){p->client, p->user, p->password, 0};
		c->filters[c->filter_count++] = p->subscribe;
		if (p->errors)
			c->filters[c->filter_count++] = p->errors;
	}
}

/* Until the time is up, or SIGTERM. */
static void run(struct acks *a)
{
	int64_t now_ns = a->start_ns, end_ns = a->start_ns + a->o->duration_ns;

	while (!stop_wanted() && now_ns < end_ns && !a->net.failed) {
		while (due_at(a, a->sent) <= now_ns && !a->net.failed)
			send_one(a);
		net_wait(&a->net, due_at(a, a->sent));
		now_ns = clock_ns();
	}
}

static void drain(struct acks *a)
{
	a->heard_ns = clock_ns();
	while (!a->net.failed && !a->failed && count_missing(a) > 0 &&
		clock_ns() < a->heard_ns + a->o->patience_ns)
		net_wait(&a->net, clock_ns() + NS_PER_S / 20);
}

static bool check(const struct acks *a, int64_t took_ns)
{
	uint64_t missing = count_missing(a);
	bool behind = due_at(a, a->sent) + BEHIND_MAX_NS < a->start_ns + took_ns;

	if (a->net.failed)
		fprintf(stderr, "load: CHECK FAILED: %s\n", a->net.why);
	if (behind)
		fprintf(stderr, "load: CHECK FAILED: that rate was not reached\n");
	if (missing)
		fprintf(stderr, "load: CHECK FAILED: %llu marks were not seen to the last\n",
			(unsigned long long)missing);
	if (a->backwards)
		fprintf(stderr, "load: CHECK FAILED: %llu marks went back\n",
			(unsigned long long)a->backwards);
	return !a->failed && !a->net.failed && !behind && !missing && !a->backwards;
}

int acks_run(const struct options *o)
{
	static struct acks a = {0};
	int64_t cpu_ns, took_ns;
	struct report r;
	bool ok;

	a.o = o;
	stop_on_sigterm();
	prepare(&a);
	if (!net_connect(&a.net))
		die("%s", a.net.why);
	fprintf(stderr, "acknowledging\n");
	cpu_ns = clock_cpu_ns();
	a.start_ns = clock_ns();
	run(&a);
	took_ns = clock_ns() - a.start_ns;
	cpu_ns = clock_cpu_ns() - cpu_ns;
	drain(&a);
	ok = check(&a, took_ns);
	report_begin(&r, o->json, o->command, o->target);
	report_number(&r, "acks_per_s", "/s", (double)a.sent * 1e9 / (double)took_ns);
	report_number(&r, "marks_per_s", "/s", (double)a.arrived * 1e9 / (double)took_ns);
	report_number(&r, "sent", "", (double)a.sent);
	report_number(&r, "last", "", (double)last_of(&a, 0));
	report_number(&r, "seconds", "s", (double)took_ns / (double)NS_PER_S);
	report_number(&r, "own_cpu", "cores", (double)cpu_ns / (double)took_ns);
	report_end(&r, ok);
	net_finish(&a.net);
	free(a.seen);
	people_finish(&a.people);
	return ok ? 0 : 1;
}
