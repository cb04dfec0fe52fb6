/* servers_test.c — that the servers which tests record pushes with do what their headers say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/front.h"
#include "tests/support/recorder.h"
#include "tests/unit/push/sender.h"

static void expect_body(const struct got *g, int status, const char *body)
{
	assert_int_equal(g->status, status);
	assert_string_equal(g->body.data, body);
}

static void test_rules(void **state)
{
	struct recorder *r = recorder_start(NULL);
	struct sender *s = sender_create(NULL);

	(void)state;
	recorder_answer(r, "/", &(struct answer){.status = 201, .body = "any"});
	recorder_answer(r, "/a/", &(struct answer){.status = 202, .body = "old"});
	recorder_answer(r, "/a/", &(struct answer){.status = 203, .body = "new"});
	recorder_answer_next(r, "/a/", 2, &(struct answer){.status = 500, .body = "twice"});
	recorder_answer_next(r, "/a/", 1, &(struct answer){.status = 501, .body = "once"});
	expect_body(sender_ask(s, recorder_url(r, "/"), 0), 201, "any");
	expect_body(sender_ask(s, recorder_url(r, "/a"), 0), 201, "any");
	expect_body(sender_ask(s, recorder_url(r, "/a/b"), 0), 500, "twice");
	expect_body(sender_ask(s, recorder_url(r, "/a/"), 0), 500, "twice");
	expect_body(sender_ask(s, recorder_url(r, "/a/?b"), 0), 501, "once");
	expect_body(sender_ask(s, recorder_url(r, "/a/"), 0), 203, "new");
	assert_int_equal(recorder_count_of(r, "/a/"), 4);
}

static void echo(void *ctx, const struct recorded *request, struct answer *a)
{
	struct bytes type = recorded_value(request, "content-type");

	a->status = *(int *)ctx;
	snprintf(a->space, sizeof(a->space), "%u %s %.*s", request->number, request->body.data,
		(int)type.len, type.data);
	a->body = a->space;
}

static void test_function(void **state)
{
	struct recorder *r = recorder_start(NULL);
	struct sender *s = sender_create(NULL);
	int status = 207;

	(void)state;
	recorder_answer_by(r, "/", echo, &status);
	expect_body(sender_ask(s, recorder_url(r, "/"), 0), 207, "1 hello text/plain");
	expect_body(sender_ask(s, recorder_url(r, "/"), 0), 207, "2 hello text/plain");
}

/* A delay holds up nobody else, and is kept. */
static void test_delays(void **state)
{
	struct recorder *r = recorder_start(NULL);
	struct sender *s = sender_create(NULL);
	const struct got *slow, *slower;

	(void)state;
	recorder_answer(r, "/slow", &(struct answer){.delay_ms = 100});
	recorder_answer(r, "/slower", &(struct answer){.delay_ms = 200});
	slower = sender_post(s, recorder_url(r, "/slower"), 0);
	slow = sender_post(s, recorder_url(r, "/slow"), 0);
	sender_ask(s, recorder_url(r, "/"), 0);
	assert_int_equal(slow->times + slower->times, 0);
	sender_finish(s);
	assert_true(slow->after_ms >= 100 && slower->after_ms >= 200);
	assert_true(slow->after_ms < slower->after_ms);
}

/* Down and up again on the same port, with what hung before let go. */
static void test_stop_and_start(void **state)
{
	struct recorder *first = recorder_start(NULL), *second;
	struct sender *s = sender_create(NULL);
	const char *url = recorder_url(first, "/");
	const struct got *hangs;

	(void)state;
	recorder_answer(first, "/", &(struct answer){.how = ANSWER_HANG});
	hangs = sender_post(s, url, 0);
	while (recorder_count(first) == 0)
		assert_int_equal(http_run(s->http, 10), ERR_OK);
	recorder_stop(first);
	sender_failed(sender_wait(s, hangs), "");
	sender_failed(sender_ask(s, url, 0), "Failed to connect");
	second = recorder_start(&(struct recorder_opts){.port = recorder_port(first)});
	assert_int_equal(sender_ask(s, url, 0)->status, 200);
	assert_true(recorder_wait(second, 1, 0));
	assert_false(recorder_wait(second, 2, 1));
	assert_int_equal(recorder_count(first), 1);
	assert_string_equal(recorder_at(first, 0)->body.data, "hello");
}

static void test_front_before_unix_socket(void **state)
{
	const char *path = case_printf("/tmp/gn-recorder-%d", (int)getpid());
	struct recorder *r = recorder_start(&(struct recorder_opts){.unix_path = path});
	struct front *f = front_start(&(struct front_opts){.behind = r, .extra = "# nothing\n"});
	struct sender *s = sender_create(NULL);

	(void)state;
	recorder_answer(r, "/",
		&(struct answer){.status = 410,
			.headers = "Apns-Id: x\nDate: Tue, 14 Nov 2023 22:13:20 GMT\n",
			.body = "{}"});
	expect_body(sender_ask(s, front_url(f, "/3/device/1"), HTTP2), 410, "{}");
	assert_int_equal(sender_ask(s, front_url(f, "/"), HTTP2)->date_ms, 1700000000000);
	assert_string_equal(recorder_at(r, 0)->target, "/3/device/1");
	assert_string_equal(recorded_header(recorder_at(r, 0), "X-Protocol"), "HTTP/2.0");
	front_stop(f);
	sender_failed(sender_ask(s, front_url(f, "/"), 0), "Failed to connect");
	front_restart(f);
	assert_int_equal(sender_ask(s, front_url(f, "/"), 0)->status, 410);
}

static void test_count_only(void **state)
{
	struct recorder *r = recorder_start(&(struct recorder_opts){.count_only = true});
	struct sender *s = sender_create(NULL);
	int status = 200;

	(void)state;
	recorder_answer_by(r, "/", echo, &status);
	for (int i = 1; i <= 100; i++)
		expect_body(sender_ask(s, recorder_url(r, "/"), 0), 200,
			case_printf("%d hello text/plain", i));
	recorder_expect(r, 100);
	assert_int_equal(recorder_count(r), 100);
	assert_int_equal(recorder_count_of(r, "/"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_rules),
		SYSTEM(test_function),
		SYSTEM(test_delays),
		SYSTEM(test_stop_and_start),
		SYSTEM(test_front_before_unix_socket),
		SYSTEM(test_count_only),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
