/* chats.c
 *
 * One client asks api/me and then api/chats, page after page until there is no more, over and over
 * for --seconds. What the daemon takes for the list is the time of the list less that of api/me for
 * each of its pages: the way there and back is the same. (It is a little less than that, since the
 * way of a large answer takes longer.)
 *
 * Before that it acknowledges what is in each of its chats, so that the list has marks to show.
 *
 * Checked is every list: no error, and --count chats in it.
 */
#include "bench/chats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/hist.h"
#include "bench/net.h"
#include "bench/people.h"
#include "bench/report.h"

#define ME     "api/me"
#define CHATS  "api/chats"
#define ENTRY  "{\"chat\":\""
#define NEXT   "\"more\":true,\"next\":\""
#define UNREAD 3 /* messages that are left unread in each chat */
#define SIZE   512

struct listing {
	const struct options *o;
	struct net net;
	struct people people;

	bool acking;  /* the list is read for the first time */
	bool in_list; /* asked was for the list, not for me */
	int64_t asked_ns, list_ns;
	uint64_t chats, pages, bytes; /* of this list so far */
	uint64_t last_pages, last_bytes;
	int64_t start_ns, end_ns, heard_ns, cpu_ns; /* cpu_ns: ours before the start */
	struct hist me, list;
	bool done, failed;
};

static void fail(struct listing *l, const char *what, struct bytes payload)
{
	if (!l->failed)
		fprintf(stderr, "load: CHECK FAILED: %s: %.*s\n", what,
			(int)(payload.len < 300 ? payload.len : 300), payload.data);
	l->failed = true;
}

static void publish(struct listing *l, const char *topic, const char *text)
{
	struct mqtt_out m = {
		.topic = {topic, strlen(topic)}, .qos = 1, .payload_len = strlen(text)};
	char *at = net_publish(&l->net, &l->net.conns[0], &m);

	if (at)
		memcpy(at, text, m.payload_len);
}

static void ask_me(struct listing *l)
{
	l->in_list = false;
	l->asked_ns = clock_ns();
	publish(l, ME, "{}");
}

/* The next page; from is empty for the first. */
static void ask_chats(struct listing *l, struct bytes from)
{
	char request[SIZE];
	int len = from.len ? snprintf(request, sizeof(request),
				     "{\"limit\":1000,\"from\":\"%.*s\"}", (int)from.len, from.data)
			   : snprintf(request, sizeof(request), "{\"limit\":1000}");

	if (len < 0 || (size_t)len >= sizeof(request)) {
		fail(l, "\"next\" is too long", from);
		return;
	}
	if (from.len == 0) {
		l->list_ns = clock_ns();
		l->chats = l->pages = l->bytes = 0;
	}
	l->in_list = true;
	publish(l, CHATS, request);
}

/* What stands from `at` up to the next quote. */
static struct bytes quoted(const char *at, const char *end)
{
	const char *quote = memchr(at, '"', (size_t)(end - at));

	return (struct bytes){at, quote ? (size_t)(quote - at) : 0};
}

static void ack(struct listing *l, struct bytes chat, unsigned long long seq)
{
	char topic[SIZE], text[SIZE];

	if (snprintf(topic, sizeof(topic), "chat/%.*s/ack", (int)chat.len, chat.data) >= SIZE)
		return;
	snprintf(text, sizeof(text), "{\"delivered\":%llu,\"read\":%llu}", seq,
		seq > UNREAD ? seq - UNREAD : 0);
	publish(l, topic, text);
}

static void take_page(struct listing *l, struct bytes page)
{
	const char *at = page.data, *end = page.data + page.len;

	while ((at = memmem(at, (size_t)(end - at), ENTRY, strlen(ENTRY)))) {
		struct bytes chat = quoted(at += strlen(ENTRY), end);
		const char *seq = memmem(at, (size_t)(end - at), "\"seq\":", 6);

		l->chats++;
		if (l->acking && seq)
			ack(l, chat, strtoull(seq + 6, NULL, 10));
	}
	l->pages++;
	l->bytes += page.len;
}

static void end_list(struct listing *l, struct bytes page)
{
	if (l->chats != (uint64_t)l->o->count)
		fail(l, "the list has not the chats it should", page);
	if (!l->acking)
		hist_add(&l->list, (uint64_t)(l->net.now_ns - l->list_ns));
	l->acking = false;
	l->last_pages = l->pages;
	l->last_bytes = l->bytes;
	if (l->net.now_ns >= l->end_ns)
		l->done = true;
	else
		ask_me(l);
}

static void on_message(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	struct listing *l = ctx;
	const char *next = memmem(m->payload.data, m->payload.len, NEXT, strlen(NEXT));

	(void)c;
	l->heard_ns = l->net.now_ns;
	if (!memmem(m->payload.data, m->payload.len, "\"ok\":true", 9)) {
		fail(l, "a request was refused", m->payload);
		return;
	}
	if (!l->in_list) {
		hist_add(&l->me, (uint64_t)(l->net.now_ns - l->asked_ns));
		ask_chats(l, (struct bytes){"", 0});
		return;
	}
	take_page(l, m->payload);
	if (next)
		ask_chats(l, quoted(next + strlen(NEXT), m->payload.data + m->payload.len));
	else
		end_list(l, m->payload);
}

static void run(struct listing *l)
{
	l->cpu_ns = clock_cpu_ns();
	l->start_ns = l->heard_ns = clock_ns();
	l->end_ns = l->start_ns + l->o->duration_ns;
	l->acking = true;
	ask_chats(l, (struct bytes){"", 0});
	while (!l->done && !l->failed && net_wait(&l->net, l->heard_ns + l->o->patience_ns))
		if (clock_ns() > l->heard_ns + l->o->patience_ns)
			fail(l, "a request was not answered", (struct bytes){"", 0});
	if (l->net.failed)
		fail(l, l->net.why, (struct bytes){"", 0});
}

static void report(struct listing *l)
{
	double me = (double)hist_quantile(&l->me, 0.5) / 1e6;
	double list = (double)hist_quantile(&l->list, 0.5) / 1e6;
	struct report r;

	report_begin(&r, l->o->json, l->o->command, l->o->target);
	report_number(&r, "daemon_ms", "ms", list - me * (double)l->last_pages);
	report_number(&r, "me_ms", "ms", me);
	report_latency(&r, &l->list);
	report_number(&r, "lists", "", (double)l->list.total);
	report_number(&r, "pages", "", (double)l->last_pages);
	report_number(&r, "bytes", "", (double)l->last_bytes);
	report_number(&r, "own_cpu", "cores",
		(double)(clock_cpu_ns() - l->cpu_ns) / (double)(clock_ns() - l->start_ns));
	report_end(&r, !l->failed);
}

int chats_run(const struct options *o)
{
	static struct listing l; /* large, and one is enough */
	struct person *p;

	l.o = o;
	people_make(&l.people, o, 1, 1);
	p = &l.people.list[0];
	if (o->count == 0)
		die("the list of chats needs --count: how many it has");
	l.net.address = net_resolve(o->host, o->port);
	l.net.version = MQTT_311;
	l.net.ctx = &l;
	l.net.on_message = on_message;
	net_init(&l.net, 1);
	l.net.conns[0].login = (struct mqtt_login){p->client, p->user, p->password, 0};
	if (!net_connect(&l.net))
		die("%s", l.net.why);
	run(&l);
	report(&l);
	net_finish(&l.net);
	people_finish(&l.people);
	return l.failed ? 1 : 0;
}
