/* history.c
 *
 * One client with MQTT 5 asks api/history for pages of --page messages, --window of them at a time,
 * until the --count messages that the chat has are read, over and over for --seconds (0: once).
 * Each request carries a Response Topic and, as Correlation Data, which page it is.
 *
 * Checked is every answer: no error, the right number of messages, and seq without a gap.
 */
#include "bench/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/hist.h"
#include "bench/net.h"
#include "bench/people.h"
#include "bench/report.h"
#include "wire/name.h"

#define METHOD     "api/history"
#define ANSWERS    "reply/history"
#define WINDOW_MAX 1024

struct reading {
	const struct options *o;
	struct net net;
	struct people people;
	char prefix[NAME_CHAT_MAX + 32]; /* how each message in an answer begins */
	size_t prefix_len;

	uint64_t pages;               /* that the chat has */
	uint64_t asked, answered;     /* pages, through all rounds */
	int64_t end_ns;               /* ask no new round after this */
	uint64_t messages, bytes;     /* read */
	int64_t asked_ns[WINDOW_MAX]; /* by page asked, modulo */
	struct hist latency;
	bool failed;
};

static void fail(struct reading *h, const char *what, struct bytes payload)
{
	if (!h->failed)
		fprintf(stderr, "load: CHECK FAILED: %s: %.*s\n", what,
			(int)(payload.len < 300 ? payload.len : 300), payload.data);
	h->failed = true;
}

/* --- asking --------------------------------------------------------------------------------------
 */

static bool more_to_ask(const struct reading *h)
{
	return h->asked % h->pages != 0 || h->asked == 0 || clock_ns() < h->end_ns;
}

static void ask(struct reading *h)
{
	struct conn *c = &h->net.conns[0];
	char request[NAME_CHAT_MAX + 128];
	uint64_t page = h->asked;
	int len = snprintf(request, sizeof(request),
		"{\"chat\":\"%s\",\"after\":%" PRIu64 ",\"limit\":%" PRId64 "}",
		h->people.list[0].chat, page % h->pages * (uint64_t)h->o->page, h->o->page);
	struct mqtt_out m = {
		.topic = {METHOD, strlen(METHOD)},
		.response = {ANSWERS, strlen(ANSWERS)},
		.correlation = {(const char *)&page, sizeof(page)},
		.qos = (unsigned)h->o->qos,
		.payload_len = (size_t)len,
	};
	char *at = net_publish(&h->net, c, &m);

	if (!at)
		return;
	memcpy(at, request, (size_t)len);
	h->asked_ns[h->asked++ % WINDOW_MAX] = clock_ns();
}

static void ask_more(struct reading *h)
{
	while (!h->failed && !h->net.failed && h->asked - h->answered < (uint64_t)h->o->window &&
		net_may_publish(&h->net.conns[0]) && more_to_ask(h))
		ask(h);
}

static void on_acked(void *ctx, struct conn *c)
{
	(void)c;
	ask_more(ctx);
}

/* --- what is answered ----------------------------------------------------------------------------
 */

/* The messages of an answer must be first, first + 1, ... Returns how many there are. */
static uint64_t count_messages(struct reading *h, struct bytes answer, uint64_t first)
{
	const char *at = answer.data, *end = answer.data + answer.len;
	uint64_t count = 0;

	while ((at = memmem(at, (size_t)(end - at), h->prefix, h->prefix_len))) {
		uint64_t seq = 0;

		for (at += h->prefix_len; at < end && *at >= '0' && *at <= '9'; at++)
			seq = seq * 10 + (uint64_t)(*at - '0');
		if (seq != first + count) {
			fail(h, "a page of history has a gap in seq", answer);
			break;
		}
		count++;
	}
	return count;
}

static void on_message(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	struct reading *h = ctx;
	uint64_t page, first, count, due;

	(void)c;
	if (m->correlation.len != sizeof(page)) {
		fail(h, "an answer without its Correlation Data", m->payload);
		return;
	}
	memcpy(&page, m->correlation.data, sizeof(page));
	if (page >= h->asked || h->asked - page > WINDOW_MAX) {
		fail(h, "an answer to what was not asked", m->payload);
		return;
	}
	first = page % h->pages * (uint64_t)h->o->page;
	due = (uint64_t)h->o->count - first;
	if (due > (uint64_t)h->o->page)
		due = (uint64_t)h->o->page;
	count = count_messages(h, m->payload, first + 1);
	if (count != due)
		fail(h, "a page of history has not the messages it should", m->payload);
	hist_add(&h->latency, (uint64_t)(h->net.now_ns - h->asked_ns[page % WINDOW_MAX]));
	h->messages += count;
	h->bytes += m->payload.len;
	h->answered++;
	ask_more(h);
}

/* --- the course of it ----------------------------------------------------------------------------
 */

static void prepare(struct reading *h)
{
	const struct options *o = h->o;
	struct person *p;

	if (o->count == 0 || o->window > WINDOW_MAX)
		die("reading history needs --count, and a --window of %d at most", WINDOW_MAX);
	people_make(&h->people, o, 1, 1);
	p = &h->people.list[0];
	if (!p->chat || strlen(p->chat) > NAME_CHAT_MAX)
		die("reading history needs --chat");
	h->prefix_len = (size_t)snprintf(
		h->prefix, sizeof(h->prefix), "{\"chat\":\"%s\",\"seq\":", p->chat);
	h->pages = ((uint64_t)o->count + (uint64_t)o->page - 1) / (uint64_t)o->page;
	h->net.address = net_resolve(o->host, o->port);
	h->net.version = MQTT_5;
	h->net.ctx = h;
	h->net.on_message = on_message;
	h->net.on_acked = on_acked;
	net_init(&h->net, 1);
	h->net.conns[0].login = (struct mqtt_login){p->client, p->user, p->password, 0};
}

static void read_all(struct reading *h)
{
	uint64_t answered = 0;
	int64_t heard_ns = clock_ns();

	ask_more(h);
	while (!h->failed && h->answered < h->asked &&
		net_wait(&h->net, heard_ns + h->o->patience_ns)) {
		if (h->answered > answered) {
			answered = h->answered;
			heard_ns = h->net.now_ns;
		} else if (clock_ns() > heard_ns + h->o->patience_ns) {
			fail(h, "pages were not answered", (struct bytes){"", 0});
		}
	}
	if (h->net.failed)
		fail(h, h->net.why, (struct bytes){"", 0});
}

int history_run(const struct options *o)
{
	static struct reading h; /* large, and one is enough */
	int64_t start_ns, cpu_ns;
	double seconds;
	struct report r;

	h.o = o;
	prepare(&h);
	if (!net_connect(&h.net))
		die("%s", h.net.why);
	cpu_ns = clock_cpu_ns();
	start_ns = clock_ns();
	h.end_ns = start_ns + o->duration_ns;
	read_all(&h);
	seconds = (double)(clock_ns() - start_ns) / (double)NS_PER_S;

	report_begin(&r, o->json, o->command, o->target);
	report_number(&r, "messages_per_s", "/s", (double)h.messages / seconds);
	report_number(&r, "pages_per_s", "/s", (double)h.answered / seconds);
	report_latency(&r, &h.latency);
	report_number(&r, "messages", "", (double)h.messages);
	report_number(&r, "bytes", "", (double)h.bytes);
	report_number(&r, "seconds", "s", seconds);
	report_number(&r, "own_cpu", "cores",
		(double)(clock_cpu_ns() - cpu_ns) / (double)NS_PER_S / seconds);
	report_end(&r, !h.failed);
	net_finish(&h.net);
	people_finish(&h.people);
	return h.failed ? 1 : 0;
}
