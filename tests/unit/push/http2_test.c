/* http2_test.c — many requests over few connections, to a real nginx with TLS and HTTP/2. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/certs.h"
#include "tests/support/front.h"
#include "tests/support/instance.h"
#include "tests/support/recorder.h"
#include "tests/support/sanitize.h"
#include "tests/unit/push/sender.h"

#define SHORT_MS 500

/* So many requests with always as many in flight as may be, and how they ended. */
struct flood {
	struct http *http;
	struct http_request request;
	size_t left, answered, failed;
	char error[256]; /* of the last that failed */
};

static void on_flood(void *ctx, const struct http_response *r)
{
	struct flood *f = ctx;

	f->answered += r->status == 200;
	f->failed += r->status != 200;
	if (r->status != 200)
		snprintf(f->error, sizeof(f->error), "%d %s", r->status, r->error ? r->error : "");
	if (f->left > 0 && http_submit(f->http, &f->request, on_flood, f) == ERR_OK)
		f->left--;
}

static struct flood flood(struct sender *s, const char *url, size_t count)
{
	struct flood f = {.http = s->http, .request = {.http2 = true}, .left = count};

	buf_str(&f.request.url, url);
	buf_str(&f.request.headers, "Content-Type: application/json\nAuthorization: bearer abc\n");
	buf_printf(&f.request.body, "{\"aps\":{\"alert\":\"%0200d\"}}", 1);
	while (f.left > 0 && http_submit(s->http, &f.request, on_flood, &f) == ERR_OK)
		f.left--;
	sender_finish(s);
	http_request_free(&f.request);
	return f;
}

static void test_one_connection_carries_all(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(NULL);
	struct flood f;
	struct front_seen seen;

	(void)state;
	sender_ask(s, front_url(front, "/"), HTTP2); /* now it is known how much it may carry */
	f = flood(s, front_url(front, "/3/device/x"), 2000);
	assert_int_equal(f.answered, 2000);
	seen = front_seen_all(front, 2001);
	assert_int_equal(seen.requests, 2001);
	assert_int_equal(seen.http2, 2001);
	assert_int_equal(seen.connections, 1);
	assert_int_equal(recorder_count(recorder), 2001);
	assert_string_equal(recorded_header(recorder_at(recorder, 1999), "x-protocol"), "HTTP/2.0");
	assert_string_equal(
		recorded_header(recorder_at(recorder, 1999), "authorization"), "bearer abc");
}

/* At the start as many connections as may be are opened at most, and all is answered. */
static void test_all_at_once(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(NULL);

	(void)state;
	assert_int_equal(flood(s, front_url(front, "/"), 1000).answered, 1000);
	assert_in_range(front_seen_all(front, 1000).connections, 1, 2);
}

/* They are under way together: none waits for another's answer. */
static void test_requests_overlap(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(NULL);
	int64_t began;

	(void)state;
	recorder_answer(recorder, "/", &(struct answer){.delay_ms = 200});
	sender_ask(s, front_url(front, "/"), HTTP2);
	began = case_now_ms();
	assert_int_equal(flood(s, front_url(front, "/"), 250).answered, 250);
	assert_true(case_now_ms() - began < case_patience_ms() / 4); /* in turn: 50 s */
	assert_int_equal(front_seen_all(front, 251).connections, 1);
}

/* The server allows few streams: everything is answered all the same. */
static void test_few_streams(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front =
		front_start(&(struct front_opts){.behind = recorder, .streams_max = 2});
	struct sender *s = sender_create(NULL);

	(void)state;
	recorder_answer(recorder, "/", &(struct answer){.delay_ms = 2});
	assert_int_equal(flood(s, front_url(front, "/"), 500).answered, 500);
	assert_int_equal(front_seen_all(front, 500).http2, 500);
}

/* Servers end a connection after so many requests, here as many as nginx does if not told
 * otherwise, with a GOAWAY: nothing is lost, and nothing is sent twice. */
static void test_goaway(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front =
		front_start(&(struct front_opts){.behind = recorder, .per_connection = 1000});
	struct sender *s = sender_create(NULL);
	struct flood f;
	struct front_seen seen;

	(void)state;
	f = flood(s, front_url(front, "/"), 6000);
	if (f.failed > 0)
		case_fail("%zu of 6000 failed: %s", f.failed, f.error);
	seen = front_seen_all(front, 6000);
	assert_int_equal(seen.requests, 6000);
	assert_in_range(seen.connections, 6, 12);
}

/* Servers answer before they have read the request, and refuse the rest of it: still an answer. Of
 * very few, libcurl 7.88 notices the refusal first, and the answer is lost. */
static void test_early_answers(void **state)
{
	struct front *front = front_start(&(struct front_opts){.early = true,
		.extra = "location /limit { add_header Retry-After 7 always; return 429 slowly; "
			 "}\n"});
	struct sender *s = sender_create(NULL);
	struct flood f = flood(s, front_url(front, "/"), 3000);
	const struct got *got[250];
	int lost = 0;

	(void)state;
	if (f.failed > 10)
		case_fail("%zu of 3000 failed: %s", f.failed, f.error);
	for (size_t i = 0; i < COUNT(got); i++)
		got[i] = sender_post(s, front_url(front, "/limit"), HTTP2);
	sender_finish(s);
	for (size_t i = 0; i < COUNT(got); i++) {
		if (got[i]->status == 0 && lost++ < 3)
			continue;
		assert_int_equal(got[i]->status, 429);
		assert_int_equal(got[i]->retry_after_ms, 7000);
		assert_true(got[i]->cut || bytes_equal(got[i]->body, "slowly", 6));
	}
	assert_int_equal(front_seen_all(front, 3250).requests, 3250);
}

static void test_http2_or_nothing(void **state)
{
	struct recorder *recorder = recorder_start(&(struct recorder_opts){.tls = true});
	struct front *front = front_start(&(struct front_opts){.http1 = true});
	struct sender *s = sender_create(NULL);

	(void)state;
	sender_failed(sender_ask(s, recorder_url(recorder, "/"), HTTP2), "does not speak HTTP/2");
	sender_failed(sender_ask(s, front_url(front, "/"), HTTP2), "does not speak HTTP/2");
	assert_int_equal(sender_ask(s, recorder_url(recorder, "/"), 0)->status, 200);
	assert_int_equal(sender_ask(s, front_url(front, "/"), 0)->status, 200);
}

/* Over TLS without HTTP/2 there are several connections, and a hanging request holds up no other.
 */
static void test_http1_over_tls(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder, .http1 = true});
	struct sender *s = sender_create(NULL);

	(void)state;
	recorder_answer(recorder, "/hang", &(struct answer){.how = ANSWER_HANG});
	for (int i = 0; i < 10; i++)
		sender_post(s, front_url(front, "/hang"), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(sender_ask(s, front_url(front, "/"), 0)->status, 200);
	assert_int_equal(http_in_flight(s->http), 10);
}

/* Stopping to read one answer does not harm those beside it. */
static void test_cut_body_is_only_its_own(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(NULL);
	const struct got *got[100];

	(void)state;
	recorder_answer(recorder, "/huge", &(struct answer){.body = "x", .more = 100 << 20});
	recorder_answer(recorder, "/good", &(struct answer){.body = "good", .delay_ms = 20});
	for (size_t i = 0; i < COUNT(got); i++)
		got[i] = sender_post(s, front_url(front, i % 10 ? "/good" : "/huge"), HTTP2);
	sender_finish(s);
	for (size_t i = 0; i < COUNT(got); i++) {
		assert_int_equal(got[i]->status, 200);
		assert_int_equal(got[i]->cut, i % 10 == 0);
		assert_int_equal(got[i]->body.len, i % 10 ? 4 : HTTP_BODY_MAX);
	}
	assert_int_equal(front_seen_all(front, 100).connections, 1);
}

static void test_timeout_is_only_its_own(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(&(struct http_conf){.timeout_ms = SHORT_MS});
	const struct got *hang;
	size_t answered = 0;

	(void)state;
	recorder_answer(recorder, "/hang", &(struct answer){.how = ANSWER_HANG});
	sender_ask(s, front_url(front, "/"), HTTP2);
	hang = sender_post(s, front_url(front, "/hang"), HTTP2);
	while (hang->times == 0)
		answered += sender_ask(s, front_url(front, "/"), HTTP2)->status == 200;
	sender_failed(hang, "timed out");
	assert_true(answered > 0);
	assert_int_equal(sender_ask(s, front_url(front, "/"), HTTP2)->status, 200);
	assert_int_equal(front_seen_all(front, answered + 3).connections, 1);
}

/* A connection on which nothing comes any more is given up, and not kept for the next. */
static void test_silent_connection_is_left(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(&(struct http_conf){.timeout_ms = SHORT_MS});

	(void)state;
	assert_int_equal(sender_ask(s, front_url(front, "/"), HTTP2)->status, 200);
	case_pause_ms(20); /* what came with the first answer is older than the next request */
	front_pause(front);
	sender_failed(sender_ask(s, front_url(front, "/"), HTTP2), "timed out");
	front_resume(front);
	assert_int_equal(sender_ask(s, front_url(front, "/"), HTTP2)->status, 200);
	assert_int_equal(front_seen_all(front, 3).connections, 2);
}

static void test_server_dies_and_comes_back(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(NULL);
	const struct got *got[50];

	(void)state;
	recorder_answer(recorder, "/hang", &(struct answer){.how = ANSWER_HANG});
	for (size_t i = 0; i < COUNT(got); i++)
		got[i] = sender_post(s, front_url(front, "/hang"), HTTP2);
	while (recorder_count(recorder) < COUNT(got))
		assert_int_equal(http_run(s->http, 10), ERR_OK);
	front_kill(front);
	sender_finish(s);
	for (size_t i = 0; i < COUNT(got); i++)
		sender_failed(got[i], "");
	sender_failed(sender_ask(s, front_url(front, "/"), HTTP2), "Failed to connect");
	front_restart(front);
	assert_int_equal(sender_ask(s, front_url(front, "/"), HTTP2)->status, 200);
}

/* Its own time is up before the handshake is: everything that waits for it fails together. */
static void test_no_handshake(void **state)
{
	struct front *front = front_start(NULL);
	struct sender *s = sender_create(&(struct http_conf){.timeout_ms = SHORT_MS});
	const struct got *got[100];
	int64_t began = case_now_ms();

	(void)state;
	front_pause(front);
	for (size_t i = 0; i < COUNT(got); i++)
		got[i] = sender_post(s, front_url(front, "/"), HTTP2);
	sender_finish(s);
	assert_true(case_now_ms() - began < 4 * SHORT_MS + case_patience_ms() / 10);
	for (size_t i = 0; i < COUNT(got); i++)
		sender_failed(got[i], "time");
	front_resume(front);
	assert_int_equal(sender_ask(s, front_url(front, "/"), HTTP2)->status, 200);
}

static void measure(const char *what, struct front *front, size_t count)
{
	struct sender *s = sender_create(NULL);
	int64_t began;
	double seconds;
	struct flood f;

	sender_ask(s, front_url(front, "/"), HTTP2);
	flood(s, front_url(front, "/"), count / 10);
	began = case_now_ms();
	f = flood(s, front_url(front, "/3/device/x"), count);
	seconds = (double)(case_now_ms() - began) / 1000;
	if (f.failed > 0)
		case_fail("%zu of %zu failed: %s", f.failed, count, f.error);
	print_message("%s: %.0f requests a second through one HTTP/2 connection\n", what,
		(double)count / seconds);
	assert_int_equal(front_seen_all(front, count + count / 10 + 1).connections, 1);
}

static void test_rate(void **state)
{
	size_t count = sanitize_on() ? 2000 : 20000;
	struct recorder *recorder = recorder_start(&(struct recorder_opts){.count_only = true});

	(void)state;
	measure("nginx alone", front_start(NULL), count);
	measure("nginx before a recorder", front_start(&(struct front_opts){.behind = recorder}),
		count);
	assert_int_equal(recorder_count(recorder), count + count / 10 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_one_connection_carries_all),
		SYSTEM(test_all_at_once),
		SYSTEM(test_requests_overlap),
		SYSTEM(test_few_streams),
		SYSTEM(test_goaway),
		SYSTEM(test_early_answers),
		SYSTEM(test_http2_or_nothing),
		SYSTEM(test_http1_over_tls),
		SYSTEM(test_cut_body_is_only_its_own),
		SYSTEM(test_timeout_is_only_its_own),
		SYSTEM(test_silent_connection_is_left),
		SYSTEM(test_server_dies_and_comes_back),
		SYSTEM(test_no_handshake),
		SYSTEM(test_rate),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
