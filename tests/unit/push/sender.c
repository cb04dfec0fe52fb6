/* sender.c — see sender.h. */
#include "tests/unit/push/sender.h"

#include <string.h>

#include "tests/support/certs.h"

static void undo_sender(void *arg, bool failed)
{
	struct sender *s = arg;

	(void)failed;
	http_destroy(s->http);
}

struct sender *sender_create(const struct http_conf *conf)
{
	struct sender *s = case_alloc(sizeof(*s));
	char why[256] = "";

	s->conf = conf ? *conf : (struct http_conf){.allow_loopback_http = true};
	if (s->conf.timeout_ms == 0)
		s->conf.timeout_ms = case_patience_ms();
	if (s->conf.in_flight_max == 0)
		s->conf.in_flight_max = 256;
	if (!s->conf.ca_file)
		s->conf.ca_file = certs()->ca;
	if (http_create(&s->http, &s->conf, why, sizeof(why)) != ERR_OK)
		case_fail("http_create: %s", why);
	case_defer(undo_sender, s);
	return s;
}

static struct bytes copy_bytes(struct bytes b)
{
	char *copy = case_alloc(b.len + 1);

	if (b.len > 0)
		memcpy(copy, b.data, b.len);
	return (struct bytes){copy, b.len};
}

static void on_done(void *ctx, const struct http_response *r)
{
	struct got *g = ctx;

	g->times++;
	g->status = r->status;
	g->body = copy_bytes(r->body);
	g->headers = copy_bytes(r->headers);
	g->cut = r->cut;
	g->refused = r->refused;
	g->retry_after_ms = r->retry_after_ms;
	g->date_ms = r->date_ms;
	g->error = r->error ? case_printf("%s", r->error) : "";
	g->after_ms = case_now_ms() - g->started_ms;
	assert_true(!r->error == (r->status != 0));
}

const struct got *sender_submit(struct sender *s, const struct http_request *r)
{
	struct got *g = case_alloc(sizeof(*g));

	g->started_ms = case_now_ms();
	assert_int_equal(http_submit(s->http, r, on_done, g), ERR_OK);
	return g;
}

const struct got *sender_post(struct sender *s, const char *url, int flags)
{
	struct http_request r = {.http2 = flags & HTTP2, .stranger = flags & STRANGER};
	const struct got *g;

	buf_str(&r.url, url);
	buf_str(&r.body, "hello");
	buf_str(&r.headers, "Content-Type: text/plain\n");
	g = sender_submit(s, &r);
	http_request_free(&r);
	return g;
}

static void run_until(struct sender *s, const struct got *g)
{
	int64_t until = case_now_ms() + 2 * s->conf.timeout_ms + case_patience_ms();

	while (g ? g->times == 0 : http_in_flight(s->http) > 0) {
		assert_int_equal(http_run(s->http, 100), ERR_OK);
		if (case_now_ms() > until)
			case_fail("%zu requests are not called back", http_in_flight(s->http));
	}
}

void sender_finish(struct sender *s)
{
	run_until(s, NULL);
}

const struct got *sender_wait(struct sender *s, const struct got *g)
{
	run_until(s, g);
	return g;
}

const struct got *sender_ask(struct sender *s, const char *url, int flags)
{
	return sender_wait(s, sender_post(s, url, flags));
}

void sender_refused(struct sender *s, const char *url, int flags, const char *words)
{
	const struct got *g = sender_ask(s, url, flags);

	if (!g->refused || g->status != 0 || !strstr(g->error, words))
		case_fail("'%.100s' should be refused because '%s', and was not: %d, %s: %s", url,
			words, g->status, g->refused ? "refused" : "not refused", g->error);
}

void sender_failed(const struct got *g, const char *words)
{
	if (g->times != 1 || g->status != 0 || g->refused || !strstr(g->error, words))
		case_fail("there should be no answer because '%s', not: %d, %s: %s", words,
			g->status, g->refused ? "refused" : "not refused", g->error);
}
