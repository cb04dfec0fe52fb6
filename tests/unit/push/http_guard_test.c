/* http_guard_test.c — where requests are not sent, although somebody would answer there. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bridge/push/guard.h"
#include "tests/support/certs.h"
#include "tests/support/front.h"
#include "tests/support/recorder.h"
#include "tests/unit/push/sender.h"

#define NOT_PUBLIC "not on the public Internet"

static void test_schemes_and_forms(void **state)
{
	static const char *const urls[] = {"file:///etc/passwd", "file://localhost/etc/passwd",
		"ftp://127.0.0.1/", "gopher://127.0.0.1/", "ws://127.0.0.1/", "example.net", "",
		"https://user:password@127.0.0.1/", "https://user@127.0.0.1/",
		"https://127.0.0.1/#x", "https://127.0.0.1/ x", "https://127.0.0.1\\@example.net/",
		"https://[fe80::1%25lo]/", "https://example.net:0/",
		"https://example.net/\r\nHost: other"};
	struct sender *s = sender_create(
		&(struct http_conf){.allow_loopback_http = true, .allow_private = true});

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		sender_refused(s, urls[i], 0, "URL");
		sender_refused(s, urls[i], STRANGER, "URL");
	}
}

/* A NUL within a URL must not hide the rest of it. */
static void test_url_with_nul(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct sender *s = sender_create(NULL);
	struct http_request r = {0};
	const struct got *g;

	(void)state;
	buf_str(&r.url, recorder_url(recorder, "/a"));
	buf_put(&r.url, "\0", 1);
	g = sender_submit(s, &r);
	sender_finish(s);
	assert_int_equal(g->status, 200);
	buf_put(&r.url, "b", 1);
	g = sender_submit(s, &r);
	sender_finish(s);
	assert_true(g->refused);
	http_request_free(&r);
}

static void test_plain_http(void **state)
{
	static const char *const elsewhere[] = {"http://192.168.0.1/", "http://10.0.0.1/",
		"http://8.8.8.8/", "http://0.0.0.0/", "http://[fe80::1]/", "http://[::]/"};
	struct recorder *recorder = recorder_start(NULL);
	struct sender *not = sender_create(&(struct http_conf){.allow_private = true});
	struct sender *s = sender_create(
		&(struct http_conf){.allow_loopback_http = true, .allow_private = true});
	const char *url = recorder_url(recorder, "/");

	(void)state;
	sender_refused(not, url, 0, "https");
	sender_refused(not, url, STRANGER, "https");
	assert_int_equal(recorder_connections(recorder), 0);
	for (size_t i = 0; i < COUNT(elsewhere); i++) {
		sender_refused(s, elsewhere[i], 0, "loopback");
		sender_refused(s, elsewhere[i], STRANGER, "loopback");
	}
	sender_refused(s, url, HTTP2, "HTTP/2 needs https");
	assert_int_equal(sender_ask(s, url, 0)->status, 200);
	assert_int_equal(sender_ask(s, url, STRANGER)->status, 200);
	assert_int_equal(
		sender_ask(s, case_printf("http://localhost:%d/", recorder_port(recorder)), 0)
			->status,
		200);
}

/* Every way to write 127.0.0.1 and its kin. Something listens there and would be reached. */
static void test_strangers_reach_no_loopback(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "127.1", "127.0.1", "2130706433",
		"0x7f000001", "0x7f.0x0.0x0.0x1", "017700000001", "0177.0.0.1", "0177.1",
		"%31%32%37.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "0", "[::1]", "[::]",
		"[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]",
		"[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST", "a.localhost",
		"a.b.localhost"};
	struct recorder *recorder = recorder_start(&(struct recorder_opts){.tls = true});
	struct sender *s = sender_create(NULL);
	int port = recorder_port(recorder);

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++)
		sender_refused(
			s, case_printf("https://%s:%d/", hosts[i], port), STRANGER, NOT_PUBLIC);
	assert_int_equal(recorder_connections(recorder), 0);
	assert_int_equal(sender_ask(s, case_printf("https://127.0.0.1:%d/", port), 0)->status, 200);
}

static void test_strangers_reach_nothing_private(void **state)
{
	static const char *const hosts[] = {"10.0.0.1", "172.16.0.1", "172.31.255.255",
		"192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.2.1",
		"198.51.100.1", "203.0.113.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
		"255.255.255.255", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[fe80::1]",
		"[fc00::1]", "[fd00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]",
		"[::ffff:10.0.0.1]", "[64:ff9b::10.0.0.1]", "[2002:a00:1::]", "[2001::1]",
		"[3fff::1]", "[100::1]", "[4000::1]"};
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++)
		sender_refused(s, case_printf("https://%s/", hosts[i]), STRANGER, NOT_PUBLIC);
}

/* Does the name lead to addresses none of which is public, by /etc/hosts? */
static bool leads_inside(const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	bool inside;

	if (getaddrinfo(name, NULL, &hints, &all) != 0)
		return false;
	inside = all;
	for (struct addrinfo *a = all; a; a = a->ai_next)
		inside = inside && guard_sockaddr(a->ai_addr, a->ai_addrlen) != GUARD_PUBLIC;
	freeaddrinfo(all);
	return inside;
}

/* Names that the resolver knows, not libcurl: what is judged is the address they lead to. */
static void test_names_that_lead_inside(void **state)
{
	char own[256] = "";
	const char *const names[] = {"ip6-localhost", "ip6-loopback", "localhost.localdomain", own};
	struct sender *s = sender_create(NULL);
	int found = 0;

	(void)state;
	gethostname(own, sizeof(own) - 1);
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!leads_inside(names[i]))
			continue;
		found++;
		sender_refused(s, case_printf("https://%s:1/", names[i]), STRANGER, NOT_PUBLIC);
		sender_failed(sender_ask(s, case_printf("https://%s:1/", names[i]), 0), "");
	}
	if (found == 0)
		skip();
}

/* Those that wait for the connection of the first are refused like it. */
static void test_many_strangers(void **state)
{
	struct recorder *recorder = recorder_start(&(struct recorder_opts){.tls = true});
	struct sender *s = sender_create(NULL);
	const char *url = case_printf("https://localhost:%d/", recorder_port(recorder));
	const struct got *got[200];

	(void)state;
	for (size_t i = 0; i < COUNT(got); i++)
		got[i] = sender_post(s, url, STRANGER);
	sender_finish(s);
	for (size_t i = 0; i < COUNT(got); i++)
		assert_true(got[i]->refused);
	assert_int_equal(recorder_connections(recorder), 0);
}

/* The operator's own connection stands open: it must not be lent to a stranger. */
static void test_strangers_get_no_operator_connection(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(NULL);

	(void)state;
	for (int i = 0; i < 5; i++) {
		const struct got *operator= sender_post(s, front_url(front, "/operator"), 0);

		sender_refused(s, front_url(front, "/stranger"), STRANGER, NOT_PUBLIC);
		assert_int_equal(sender_wait(s, operator)->status, 200);
		sender_refused(s, front_url(front, "/stranger"), STRANGER | HTTP2, NOT_PUBLIC);
	}
	assert_int_equal(recorder_count(recorder), 5);
	assert_int_equal(recorder_count_of(recorder, "/stranger"), 0);
}

static void test_allow_private(void **state)
{
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(&(struct http_conf){.allow_private = true});

	(void)state;
	assert_int_equal(sender_ask(s, front_url(front, "/"), STRANGER)->status, 200);
	assert_int_equal(
		sender_ask(s, case_printf("https://127.0.0.1:%d/", front_port(front)), STRANGER)
			->status,
		200);
}

/* A redirect to the inside is an answer, and nobody goes there. */
static void test_redirect_inside(void **state)
{
	struct recorder *inside = recorder_start(NULL);
	struct recorder *recorder = recorder_start(NULL);
	struct front *front = front_start(&(struct front_opts){.behind = recorder});
	struct sender *s = sender_create(
		&(struct http_conf){.allow_private = true, .allow_loopback_http = true});

	(void)state;
	recorder_answer(recorder, "/",
		&(struct answer){.status = 307,
			.headers = case_printf("Location: %s\n", recorder_url(inside, "/"))});
	assert_int_equal(sender_ask(s, front_url(front, "/"), STRANGER)->status, 307);
	assert_int_equal(recorder_connections(inside), 0);
}

static void test_certificates(void **state)
{
	struct recorder *recorder = recorder_start(&(struct recorder_opts){.tls = true});
	struct sender *trusting = sender_create(NULL);
	struct sender *other = sender_create(&(struct http_conf){.ca_file = certs()->other_ca});
	struct http_conf system = {.timeout_ms = case_patience_ms(), .in_flight_max = 1};
	struct sender with_system = {.conf = system};
	char why[256];

	(void)state;
	assert_int_equal(sender_ask(trusting, recorder_url(recorder, "/"), 0)->status, 200);
	sender_failed(sender_ask(other, recorder_url(recorder, "/"), 0), "certificate");
	assert_int_equal(http_create(&with_system.http, &system, why, sizeof(why)), ERR_OK);
	sender_failed(sender_ask(&with_system, recorder_url(recorder, "/"), 0), "certificate");
	http_destroy(with_system.http);
	/* trusted, and for another name */
	sender_failed(sender_ask(trusting,
			      case_printf("https://a.localhost:%d/", recorder_port(recorder)), 0),
		"no alternative certificate subject name matches");
	assert_int_equal(recorder_count(recorder), 1);
}

/* What is said of a failure names no path: in the path of an endpoint is its secret. */
static void test_errors_tell_no_path(void **state)
{
	static const char *const urls[] = {"https://127.0.0.1:1/secret", "file:///secret",
		"https://name.invalid/secret", "https://u@example.net/secret"};
	struct sender *s = sender_create(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		const struct got *g = sender_ask(s, urls[i], i == 0 ? 0 : STRANGER);

		assert_int_equal(g->status, 0);
		assert_true(g->error[0] != '\0');
		assert_null(strstr(g->error, "secret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_schemes_and_forms),
		SYSTEM(test_url_with_nul),
		SYSTEM(test_plain_http),
		SYSTEM(test_strangers_reach_no_loopback),
		SYSTEM(test_strangers_reach_nothing_private),
		SYSTEM(test_names_that_lead_inside),
		SYSTEM(test_many_strangers),
		SYSTEM(test_strangers_get_no_operator_connection),
		SYSTEM(test_allow_private),
		SYSTEM(test_redirect_inside),
		SYSTEM(test_certificates),
		SYSTEM(test_errors_tell_no_path),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
