/* call.c
 *
 * All connect, and each publishes one request: --publish is api/<method>, --params a pattern of
 * what stands between its braces. Over when all are answered, and each with "ok".
 */
#include "bench/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/net.h"
#include "bench/people.h"
#include "bench/report.h"

struct calls {
	const struct options *o;
	struct net net;
	struct people people;
	uint64_t answered;
	int64_t heard_ns;
	bool failed;
};

static void on_answer(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	struct calls *w = ctx;

	if (!memmem(m->payload.data, m->payload.len, "\"ok\":true", 9)) {
		if (!w->failed)
			fprintf(stderr, "load: CHECK FAILED: %s got %.*s\n", c->login.client,
				(int)(m->payload.len < 300 ? m->payload.len : 300),
				m->payload.data);
		w->failed = true;
	}
	w->heard_ns = w->net.now_ns;
	w->answered++;
}

static void ask(struct calls *w, struct conn *c)
{
	char *params = people_topic(&w->people, w->o->params, c->index, 0);
	size_t len = strlen(params);
	struct mqtt_out m = {.topic = {w->o->publish, strlen(w->o->publish)},
		.qos = (unsigned)w->o->qos,
		.payload_len = len + 2};
	char *at = net_publish(&w->net, c, &m);

	if (at) {
		at[0] = '{';
		memcpy(at + 1, params, len);
		at[len + 1] = '}';
	}
	free(params);
}

static void prepare(struct calls *w, const struct options *o)
{
	if (!o->params || !o->publish || !o->user)
		die("calling needs --user, --publish and --params");
	w->o = o;
	people_make(&w->people, o, (unsigned)o->groups, (unsigned)o->members);
	w->net.address = net_resolve(o->host, o->port);
	w->net.version = (enum mqtt_version)o->version;
	w->net.qos = (unsigned)o->qos;
	w->net.gather_ns = o->gather_ns;
	w->net.ctx = w;
	w->net.on_message = on_answer;
	net_init(&w->net, w->people.count);
	for (unsigned i = 0; i < w->people.count; i++) {
		struct person *p = &w->people.list[i];

		w->net.conns[i].login = (struct mqtt_login){p->client, p->user, p->password, 0};
	}
}

int call_run(const struct options *o)
{
	struct calls w = {.failed = false};
	struct report r;
	int64_t start_ns;
	bool ok;

	prepare(&w, o);
	if (!net_connect(&w.net))
		die("%s", w.net.why);
	start_ns = w.heard_ns = clock_ns();
	for (unsigned i = 0; i < w.people.count; i++)
		ask(&w, &w.net.conns[i]);
	while (w.answered < w.people.count && !w.failed &&
		clock_ns() < w.heard_ns + o->patience_ns &&
		net_wait(&w.net, w.heard_ns + o->patience_ns))
		;
	ok = w.answered == w.people.count && !w.failed && !w.net.failed;
	if (w.net.failed)
		fprintf(stderr, "load: CHECK FAILED: %s\n", w.net.why);
	report_begin(&r, o->json, o->command, o->target);
	report_number(&r, "answers", "", (double)w.answered);
	report_number(&r, "seconds", "s", (double)(w.heard_ns - start_ns) / (double)NS_PER_S);
	report_end(&r, ok);
	net_finish(&w.net);
	people_finish(&w.people);
	return ok ? 0 : 1;
}
