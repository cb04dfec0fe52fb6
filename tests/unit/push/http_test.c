/* http_test.c — requests and answers over plain HTTP: what goes out, what comes back, and every way
 * in which a server may behave badly. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/blunt.h"
#include "tests/support/instance.h"
#include "tests/support/recorder.h"
#include "tests/support/sanitize.h"
#include "tests/unit/push/sender.h"

#define SHORT_MS 300

/* A sender that is soon out of patience. */
static struct sender *impatient(void)
{
	return sender_create(
		&(struct http_conf){.timeout_ms = SHORT_MS, .allow_loopback_http = true});
}

static void expect_text(struct bytes b, const char *want)
{
	if (!bytes_equal(b, want, strlen(want)))
		case_fail("'%s' should be '%s'", b.data, want);
}

static const char *header_of(const struct got *g, const char *name)
{
	struct http_response r = {.headers = g->headers};
	struct bytes value = http_response_header(&r, name);

	return value.data ? case_printf("%.*s", (int)value.len, value.data) : NULL;
}

/* --- requests ------------------------------------------------------------------------------ */

static void test_request_arrives_whole(void **state)
{
	static const char body[] = "binary\0\xff\n bytes";
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);
	struct http_request r = {0};
	const struct recorded *got;

	(void)state;
	buf_str(&r.url, recorder_url(recorder, "/a/b%20c?d=e&f"));
	buf_str(&r.headers, "TTL: 60\nAuthorization: vapid t=x.y.z, k=abc\nX-A:no-space\n");
	buf_put(&r.body, body, sizeof(body));
	sender_submit(s, &r);
	http_request_free(&r); /* it was copied */
	sender_finish(s);
	got = recorder_at(recorder, 0);
	assert_string_equal(got->method, "POST");
	assert_string_equal(got->target, "/a/b%20c?d=e&f");
	assert_int_equal(got->body.len, sizeof(body));
	assert_memory_equal(got->body.data, body, sizeof(body));
	assert_string_equal(recorded_header(got, "ttl"), "60");
	assert_string_equal(recorded_header(got, "authorization"), "vapid t=x.y.z, k=abc");
	assert_string_equal(recorded_header(got, "x-a"), "no-space");
	assert_string_equal(recorded_header(got, "content-length"), "16");
	assert_null(recorded_header(got, "content-type"));
	assert_null(recorded_header(got, "expect"));
	assert_null(recorded_header(got, "accept-encoding"));
	assert_null(recorded_header(got, "cookie"));
}

/* Handles are used again: nothing of one request may appear in the next. */
static void test_request_leaves_nothing_behind(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);
	struct http_request r = {0};

	(void)state;
	recorder_answer_next(recorder, "/", 1,
		&(struct answer){.headers = "Set-Cookie: a=b\nRetry-After: 5\n", .body = "answer"});
	buf_str(&r.url, recorder_url(recorder, "/first"));
	buf_str(&r.headers, "Topic: secret\nContent-Type: application/json\n");
	buf_str(&r.body, "a long body");
	sender_submit(s, &r);
	sender_finish(s);
	http_request_reset(&r);
	buf_str(&r.url, recorder_url(recorder, "/second"));
	const struct got *g = sender_submit(s, &r);
	sender_finish(s);
	http_request_free(&r);
	assert_int_equal(recorder_count(recorder), 2);
	assert_string_equal(recorder_at(recorder, 1)->target, "/second");
	assert_int_equal(recorder_at(recorder, 1)->body.len, 0);
	assert_null(recorded_header(recorder_at(recorder, 1), "topic"));
	assert_null(recorded_header(recorder_at(recorder, 1), "content-type"));
	assert_null(recorded_header(recorder_at(recorder, 1), "cookie"));
	assert_int_equal(g->status, 200);
	assert_int_equal(g->body.len, 0);
	assert_int_equal(g->retry_after_ms, -1);
	assert_null(header_of(g, "set-cookie"));
}

static void on_nothing(void *ctx, const struct http_response *r)
{
	(void)ctx;
	(void)r;
	case_fail("this should not be called back");
}

static void test_request_bad_headers(void **state)
{
	static const char *const cases[] = {"A", "A: b", "A\n", "A:\n", "A: \n", ": b\n", " A: b\n",
		"A b: c\n", "A: b\r\n", "A: b\rC: d\n", "A: b\n\n", "\n", "A: b\nC\n", "A: \x01\n",
		"A: b\x7f\n"};
	struct sender *s = sender_create(NULL);
	struct http_request r = {0};

	(void)state;
	buf_str(&r.url, "http://127.0.0.1:1/");
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_reset(&r.headers);
		buf_str(&r.headers, cases[i]);
		if (http_submit(s->http, &r, on_nothing, NULL) != ERR_BAD_REQUEST)
			case_fail("header '%s' is sent", cases[i]);
	}
	buf_reset(&r.headers);
	buf_put(&r.headers, "A: b\0C: d\n", 10);
	assert_int_equal(http_submit(s->http, &r, on_nothing, NULL), ERR_BAD_REQUEST);
	r.body.failed = true;
	assert_int_equal(http_submit(s->http, &r, on_nothing, NULL), ERR_NOMEM);
	assert_int_equal(http_in_flight(s->http), 0);
	http_request_free(&r);
}

/* --- answers ------------------------------------------------------------------------------- */

static void test_answer_whole(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);
	const struct got *g;

	(void)state;
	recorder_answer(recorder, "/",
		&(struct answer){.status = 410,
			.headers = "Apns-Id: ABC\nDate: Tue, 14 Nov 2023 22:13:20 GMT\n",
			.body = "{\"reason\":\"Unregistered\"}"});
	g = sender_ask(s, recorder_url(recorder, "/"), 0);
	assert_int_equal(g->status, 410);
	assert_string_equal(g->error, "");
	expect_text(g->body, "{\"reason\":\"Unregistered\"}");
	assert_string_equal(header_of(g, "apns-id"), "ABC");
	assert_null(header_of(g, "apns"));
	assert_null(header_of(g, "Apns-Id"));
	assert_int_equal(g->date_ms, INT64_C(1700000000000));
	assert_int_equal(g->retry_after_ms, -1);
	assert_false(g->refused || g->cut);
	assert_int_equal(g->times, 1);
}

static void test_answer_every_status(void **state)
{
	static const int statuses[] = {200, 201, 202, 204, 205, 300, 301, 304, 400, 401, 403, 404,
		405, 407, 408, 410, 411, 412, 413, 417, 421, 429, 500, 502, 503, 504, 507, 511,
		599};
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		recorder_answer(recorder, "/", &(struct answer){.status = statuses[i]});
		assert_int_equal(
			sender_ask(s, recorder_url(recorder, "/"), 0)->status, statuses[i]);
		assert_int_equal(recorder_count(recorder), i + 1);
	}
}

static void test_redirect_is_an_answer(void **state)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	struct recorder *recorder = recorder_start(NULL), *other = recorder_start(NULL);
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		const struct got *g;
		const char *to = recorder_url(i % 2 ? other : recorder, "/elsewhere");

		recorder_answer(recorder, "/from",
			&(struct answer){.status = statuses[i],
				.headers = case_printf("Location: %s\n", to)});
		g = sender_ask(s, recorder_url(recorder, "/from"), 0);
		assert_int_equal(g->status, statuses[i]);
		assert_string_equal(header_of(g, "location"), to);
	}
	assert_int_equal(recorder_count_of(recorder, "/elsewhere"), 0);
	assert_int_equal(recorder_count(other), 0);
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *headers;
		int64_t ms;
	} cases[] = {
		{"Retry-After: 7\n", 7000}, {"Retry-After: 999999999999\n", HTTP_RETRY_AFTER_MAX},
		{"Date: Tue, 14 Nov 2023 22:13:20 GMT\n"
		 "Retry-After: Tue, 14 Nov 2023 22:13:29 GMT\n",
			9000},
		{"Retry-After: later\n", -1},
		{"Retry-After: Tue, 14 Nov 2023 22:13:29 GMT\n", 0}, /* of its own date: long ago */
	};
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct got *g;

		recorder_answer(recorder, "/",
			&(struct answer){.status = 503, .headers = cases[i].headers});
		g = sender_ask(s, recorder_url(recorder, "/"), 0);
		assert_int_equal(g->status, 503);
		assert_int_equal(g->retry_after_ms, cases[i].ms);
	}
}

static void test_body_limit(void **state)
{
	static const struct {
		size_t size, kept;
		bool cut;
	} cases[] = {
		{HTTP_BODY_MAX - 1, HTTP_BODY_MAX - 1, false},
		{HTTP_BODY_MAX, HTTP_BODY_MAX, false},
		{HTTP_BODY_MAX + 1, HTTP_BODY_MAX, true},
		{(size_t)100 << 30, HTTP_BODY_MAX, true},
	};
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct got *g;

		recorder_answer(recorder, "/",
			&(struct answer){
				.status = 201, .body = "begin", .more = cases[i].size - 5});
		g = sender_ask(s, recorder_url(recorder, "/"), 0);
		assert_int_equal(g->status, 201);
		assert_int_equal(g->body.len, cases[i].kept);
		assert_memory_equal(g->body.data, "beginxxxxx", 10);
		assert_int_equal(g->cut, cases[i].cut);
	}
	recorder_answer(recorder, "/", &(struct answer){.body = "whole"});
	expect_text(sender_ask(s, recorder_url(recorder, "/"), 0)->body, "whole");
}

/* --- bad servers --------------------------------------------------------------------------- */

static void test_no_answer(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);

	(void)state;
	recorder_answer(recorder, "/close", &(struct answer){.how = ANSWER_CLOSE});
	sender_failed(sender_ask(s, recorder_url(recorder, "/close"), 0), "Empty reply");
	sender_failed(sender_ask(s, case_printf("http://127.0.0.1:%d/", free_port()), 0),
		"Failed to connect");
	assert_int_equal(sender_ask(s, recorder_url(recorder, "/"), 0)->status, 200);
}

/* What stands in the head holds, although the body breaks off or does not end. */
static void test_body_that_does_not_end(void **state)
{
	static const struct {
		const char *path;
		int status;
		enum answer_how how;
	} cases[] = {{"/cut", 200, ANSWER_CUT}, {"/refused", 429, ANSWER_CUT},
		{"/drip", 201, ANSWER_DRIP}};
	static const char *const broken[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nab"};
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = impatient();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct got *g;

		recorder_answer(recorder, cases[i].path,
			&(struct answer){.how = cases[i].how,
				.status = cases[i].status,
				.headers = "Retry-After: 7\n",
				.body = "half an",
				.more = cases[i].how == ANSWER_DRIP ? 100000 : 0,
				.drip_ms = 20});
		g = sender_ask(s, recorder_url(recorder, cases[i].path), 0);
		assert_int_equal(g->status, cases[i].status);
		assert_int_equal(g->retry_after_ms, 7000);
		assert_true(g->cut);
	}
	assert_false(sender_ask(s, recorder_url(recorder, "/"), 0)->cut);
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct blunt *b = blunt_start(&(struct blunt_says){.first = broken[i]});
		const struct got *g = sender_ask(s, blunt_url(b), 0);

		if (g->status != 200 || !g->cut)
			case_fail("'%s' is taken for %d", broken[i], g->status);
	}
}

static void expect_timeout(const struct got *g)
{
	sender_failed(g, "timed out");
	assert_in_range(g->after_ms, SHORT_MS, case_patience_ms() / 2);
}

static void test_timeout(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = impatient();

	(void)state;
	recorder_answer(recorder, "/hang", &(struct answer){.how = ANSWER_HANG});
	recorder_answer(recorder, "/late", &(struct answer){.delay_ms = 3600000});
	expect_timeout(sender_ask(s, recorder_url(recorder, "/hang"), 0));
	expect_timeout(sender_ask(s, recorder_url(recorder, "/late"), 0));
	assert_int_equal(sender_ask(s, recorder_url(recorder, "/"), 0)->status, 200);
}

/* Many that hang hold up nobody else. */
static void test_timeout_of_others(void **state)
{
	struct recorder *hangs = recorder_start(NULL), *works = recorder_start(NULL);
	struct sender *s = sender_create(NULL);

	(void)state;
	recorder_answer(hangs, "/", &(struct answer){.how = ANSWER_HANG});
	for (int i = 0; i < 100; i++)
		sender_post(s, recorder_url(hangs, "/"), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(sender_ask(s, recorder_url(works, "/"), 0)->status, 200);
	assert_int_equal(http_in_flight(s->http), 100);
}

static void test_slow_headers(void **state)
{
	struct blunt *slow = blunt_start(&(struct blunt_says){
		.first = "HTTP/1.1 200 OK\r\nX: ", .again = "x", .pause_ms = 20});
	struct blunt *silent = blunt_start(&(struct blunt_says){.stays = true});
	struct sender *s = impatient();

	(void)state;
	expect_timeout(sender_ask(s, blunt_url(slow), 0));
	expect_timeout(sender_ask(s, blunt_url(silent), 0));
}

static void test_endless_headers(void **state)
{
	static const struct blunt_says cases[] = {
		{.first = "HTTP/1.1 200 OK\r\n", .again = "X-Header: and so on and on and on\r\n"},
		{.first = "", .again = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"},
		{.first = "HTTP/1.1 200 OK\r\nX: ", .again = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
	};
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct got *g = sender_ask(s, blunt_url(blunt_start(&cases[i])), 0);

		sender_failed(g, i < 2 ? "headers of the answer are too long" : "");
		assert_true(g->after_ms < case_patience_ms() / 2);
	}
}

static void test_answer_that_is_none(void **state)
{
	static const char *const cases[] = {"", "\r\n\r\n", "hello\r\n\r\n", "HTTP/1.1\r\n\r\n",
		"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 2 00\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 -200 Ok\r\nContent-Length: 0\r\n\r\n",
		"HTTP/9.9 200 Ok\r\nContent-Length: 0\r\n\r\n", "ICY 200 OK\r\n\r\n",
		"RTSP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n", "\x16\x03\x01\x02"};
	struct sender *s = impatient();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct blunt *b = blunt_start(&(struct blunt_says){.first = cases[i]});
		const struct got *g = sender_ask(s, blunt_url(b), 0);

		if (g->status != 0)
			case_fail("'%s' is taken for %d", cases[i], g->status);
		sender_failed(g, "");
	}
}

static void test_strange_answers(void **state)
{
	static const struct {
		const char *answer, *body, *a;
		int status;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nhi", "hi", "b", 200},
		{"HTTP/1.1 200 OK\nA: b\n\nhi", "hi", "b", 200},
		{"HTTP/1.0 404\r\n\r\nuntil the end", "until the end", NULL, 404},
		{"HTTP/1.1 999 Blocked\r\nContent-Length: 0\r\n\r\n", "", NULL, 999},
		{"HTTP/1.1 100 Continue\r\nA: no\r\n\r\nHTTP/1.1 201 Made\r\nA: yes\r\n\r\n", "",
			"yes", 201},
		{"HTTP/1.1 200 OK\r\nA: \x1b[31mred\r\n A: folded\r\n\r\n", "", NULL, 200},
		{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b"
		 "ab",
			"\x1f\x8b"
			"ab",
			NULL, 200},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nhi and more", "hi", "b", 200},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: "
		 "b\r\n\r\n",
			"hi", NULL, 200},
	};
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct blunt *b = blunt_start(&(struct blunt_says){.first = cases[i].answer});
		const struct got *g = sender_ask(s, blunt_url(b), 0);

		if (g->status != cases[i].status)
			case_fail("'%s' is %d: %s", cases[i].answer, g->status, g->error);
		expect_text(g->body, cases[i].body);
		if (cases[i].a)
			assert_string_equal(header_of(g, "a"), cases[i].a);
		else
			assert_null(header_of(g, "a"));
	}
}

/* --- many ---------------------------------------------------------------------------------- */

static void test_connections_are_kept_and_bounded(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(
		&(struct http_conf){.connections_per_host_max = 4, .allow_loopback_http = true});
	const struct got *last = NULL;

	(void)state;
	for (int i = 0; i < 10; i++)
		sender_ask(s, recorder_url(recorder, "/"), 0);
	assert_int_equal(recorder_connections(recorder), 1);
	recorder_answer(recorder, "/slow", &(struct answer){.delay_ms = 20});
	for (int i = 0; i < 100; i++)
		last = sender_post(s, recorder_url(recorder, "/slow"), 0);
	sender_finish(s);
	assert_int_equal(last->status, 200);
	assert_int_equal(recorder_count(recorder), 110);
	assert_in_range(recorder_connections(recorder), 2, 4);
}

static void test_in_flight_max(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s =
		sender_create(&(struct http_conf){.in_flight_max = 3, .allow_loopback_http = true});
	struct http_request r = {0};

	(void)state;
	buf_str(&r.url, recorder_url(recorder, "/"));
	for (int round = 0; round < 3; round++) {
		sender_submit(s, &r);
		sender_post(s, "file:///refused", 0);
		sender_submit(s, &r);
		assert_int_equal(http_in_flight(s->http), 3);
		assert_int_equal(http_submit(s->http, &r, on_nothing, NULL), ERR_BUSY);
		sender_finish(s);
		assert_int_equal(http_in_flight(s->http), 0);
	}
	assert_int_equal(recorder_count(recorder), 6);
	http_request_free(&r);
}

struct chain {
	struct sender *s;
	struct http_request request;
	int left, refused;
};

/* Each answer leads to the next request, also where there is room for one only. */
static void on_chain(void *ctx, const struct http_response *r)
{
	struct chain *c = ctx;

	c->refused += r->refused;
	if (--c->left == 0)
		return;
	c->request.stranger = c->left % 2;
	assert_int_equal(http_in_flight(c->s->http), 0);
	assert_int_equal(http_submit(c->s->http, &c->request, on_chain, c), ERR_OK);
}

static void test_submit_from_callback(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct chain c = {.s = sender_create(&(struct http_conf){
				  .in_flight_max = 1, .allow_loopback_http = true}),
		.left = 50};

	(void)state;
	buf_str(&c.request.url, recorder_url(recorder, "/"));
	assert_int_equal(http_submit(c.s->http, &c.request, on_chain, &c), ERR_OK);
	sender_finish(c.s);
	assert_int_equal(c.left, 0);
	assert_int_equal(c.refused, 25);
	assert_int_equal(recorder_count(recorder), 25);
	http_request_free(&c.request);
}

/* --- the loop ------------------------------------------------------------------------------ */

static void *wake_later(void *arg)
{
	case_pause_ms(50);
	http_wake(arg);
	return NULL;
}

static void test_wake(void **state)
{
	struct sender *s = sender_create(NULL);
	int64_t began = case_now_ms();
	pthread_t thread;

	(void)state;
	assert_int_equal(http_run(s->http, 30), ERR_OK); /* nothing happens: waits */
	assert_true(case_now_ms() - began >= 29);
	http_wake(s->http);
	http_wake(s->http);
	assert_int_equal(http_run(s->http, -1), ERR_OK); /* woken before */
	began = case_now_ms();
	assert_int_equal(http_run(s->http, 30), ERR_OK); /* which is forgotten then */
	assert_true(case_now_ms() - began >= 29);
	assert_int_equal(pthread_create(&thread, NULL, wake_later, s->http), 0);
	assert_int_equal(http_run(s->http, -1), ERR_OK);
	pthread_join(thread, NULL);
}

/* A name that there is not may be known not to be at once. */
static void on_ended(void *ctx, const struct http_response *r)
{
	(void)ctx;
	(void)r;
}

static void test_destroy_under_way(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct http_conf conf = {
		.timeout_ms = 3600000, .in_flight_max = 300, .allow_loopback_http = true};
	struct http_request r = {0};
	struct http *h;
	char why[256];
	int64_t began;

	(void)state;
	recorder_answer(recorder, "/", &(struct answer){.how = ANSWER_HANG});
	assert_int_equal(http_create(&h, &conf, why, sizeof(why)), ERR_OK);
	buf_str(&r.url, recorder_url(recorder, "/"));
	for (int i = 0; i < 100; i++)
		assert_int_equal(http_submit(h, &r, on_nothing, NULL), ERR_OK);
	while (recorder_count(recorder) < 10)
		assert_int_equal(http_run(h, 10), ERR_OK);
	buf_reset(&r.url);
	buf_str(&r.url, "https://name.invalid/");
	for (int i = 0; i < 10; i++)
		assert_int_equal(http_submit(h, &r, on_ended, NULL), ERR_OK);
	assert_int_equal(http_run(h, 0), ERR_OK); /* begins to ask for the name */
	buf_str(&r.url, "bad url");
	assert_int_equal(http_submit(h, &r, on_nothing, NULL), ERR_OK);
	began = case_now_ms();
	http_destroy(h);
	assert_true(case_now_ms() - began < 1000);
	http_destroy(NULL);
	http_request_free(&r);
}

static void test_create_fails(void **state)
{
	struct http_conf conf = {.timeout_ms = 1000, .in_flight_max = 1};
	struct http *h = (struct http *)&conf;
	char why[256] = "";

	(void)state;
	conf.ca_file = "/nowhere/ca.pem";
	assert_int_equal(http_create(&h, &conf, why, sizeof(why)), ERR_BAD_REQUEST);
	assert_null(h);
	assert_string_equal(why, "cannot read /nowhere/ca.pem: No such file or directory");
	conf.ca_file = "/dev/null";
	assert_int_equal(http_create(&h, &conf, why, sizeof(why)), ERR_BAD_REQUEST);
	assert_string_equal(why, "there is no certificate in /dev/null");
}

/* --- the environment ----------------------------------------------------------------------- */

static void unset(void *arg, bool failed)
{
	(void)failed;
	unsetenv(arg);
}

static void set(const char *name, const char *value)
{
	setenv(name, value, 1);
	case_defer(unset, (void *)(uintptr_t)name);
}

static void test_environment_is_ignored(void **state)
{
	struct recorder *recorder = recorder_start(NULL), *proxy = recorder_start(NULL);
	struct sender *s = sender_create(NULL);
	const char *url = recorder_url(proxy, "");
	const char *netrc = case_printf("/tmp/gn-netrc-%d", (int)getpid());

	(void)state;
	set("http_proxy", url);
	set("HTTP_PROXY", url);
	set("https_proxy", url);
	set("ALL_PROXY", url);
	set("all_proxy", url);
	spill(netrc, "machine 127.0.0.1 login a password b\n", 37);
	set("NETRC", netrc);
	assert_int_equal(sender_ask(s, recorder_url(recorder, "/"), 0)->status, 200);
	assert_int_equal(recorder_count(recorder), 1);
	assert_null(recorded_header(recorder_at(recorder, 0), "authorization"));
	assert_int_equal(recorder_connections(proxy), 0);
	remove(netrc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_request_arrives_whole),
		SYSTEM(test_request_leaves_nothing_behind),
		SYSTEM(test_request_bad_headers),
		SYSTEM(test_answer_whole),
		SYSTEM(test_answer_every_status),
		SYSTEM(test_redirect_is_an_answer),
		SYSTEM(test_retry_after),
		SYSTEM(test_body_limit),
		SYSTEM(test_no_answer),
		SYSTEM(test_body_that_does_not_end),
		SYSTEM(test_timeout),
		SYSTEM(test_timeout_of_others),
		SYSTEM(test_slow_headers),
		SYSTEM(test_endless_headers),
		SYSTEM(test_answer_that_is_none),
		SYSTEM(test_strange_answers),
		SYSTEM(test_connections_are_kept_and_bounded),
		SYSTEM(test_in_flight_max),
		SYSTEM(test_submit_from_callback),
		SYSTEM(test_wake),
		SYSTEM(test_destroy_under_way),
		SYSTEM(test_create_fails),
		SYSTEM(test_environment_is_ignored),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
