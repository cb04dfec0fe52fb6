/* proxy_test.c — that the bad network is as bad as proxy.h says, and no worse. */
#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/case.h"

/* A listening server, a proxy before it, and one connection through it: both ends. */
struct wire {
	struct proxy *proxy;
	int listener, client, server;
};

static void undo_fd(void *arg, bool failed)
{
	int *fd = arg;

	(void)failed;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct wire *wire_create(void)
{
	struct wire *w = case_alloc(sizeof(*w));
	struct sockaddr_in in = loopback(0);
	socklen_t len = sizeof(in);

	w->client = w->server = -1;
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(w->listener, 16), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&in, &len), 0);
	case_defer(undo_fd, &w->listener);
	case_defer(undo_fd, &w->client);
	case_defer(undo_fd, &w->server);
	w->proxy = proxy_start(ntohs(in.sin_port));
	return w;
}

static bool has(int fd, int ms)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};

	return poll(&f, 1, ms) > 0;
}

/* 0, or the error of connect(). */
static int try_open(struct wire *w)
{
	struct sockaddr_in to = loopback(proxy_port(w->proxy));

	undo_fd(&w->client, false);
	undo_fd(&w->server, false);
	w->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connect(w->client, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
}

static struct wire *wire_open(struct wire *w)
{
	assert_int_equal(try_open(w), 0);
	assert_true(has(w->listener, case_patience_ms()));
	w->server = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(w->server >= 0);
	return w;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hears(int fd, const char *text)
{
	char got[256];
	size_t n = 0, want = strlen(text);

	while (n < want) {
		ssize_t more;

		assert_true(has(fd, case_patience_ms()));
		more = read(fd, got + n, want - n);
		assert_true(more > 0);
		n += (size_t)more;
	}
	assert_memory_equal(got, text, want);
}

/* 0 for a goodbye, ECONNRESET for none. */
static int ends(int fd)
{
	char c;
	ssize_t n;

	assert_true(has(fd, case_patience_ms()));
	n = read(fd, &c, 1);
	assert_true(n <= 0);
	return n == 0 ? 0 : errno;
}

static void expect_passing(struct wire *w)
{
	say(w->client, "ping");
	hears(w->server, "ping");
	say(w->server, "pong!");
	hears(w->client, "pong!");
}

static void test_passes(void **state)
{
	struct wire *w = wire_open(wire_create());

	(void)state;
	expect_passing(w);
	say(w->client, "last");
	shutdown(w->client, SHUT_WR);
	hears(w->server, "last");
	assert_int_equal(ends(w->server), 0);
	say(w->server, "words");
	hears(w->client, "words");
	undo_fd(&w->server, false);
	assert_int_equal(ends(w->client), 0);
	proxy_wait_open(w->proxy, 0);
	assert_int_equal(proxy_seen(w->proxy).up, 8);
	assert_int_equal(proxy_seen(w->proxy).down, 10);
	assert_int_equal(proxy_seen(w->proxy).connections, 1);
	assert_int_equal(proxy_seen(w->proxy).broken, 0);
}

static void test_refuses(void **state)
{
	struct wire *w = wire_open(wire_create());
	int there = w->client;

	(void)state;
	w->client = -1;
	proxy_behave(w->proxy, &(struct proxy_manners){.refuse = true});
	say(there, "still");
	hears(w->server, "still");
	for (int k = 0; k < 3; k++)
		assert_int_equal(try_open(w), ECONNREFUSED);
	proxy_behave(w->proxy, NULL);
	expect_passing(wire_open(w));
	assert_int_equal(proxy_seen(w->proxy).connections, 2);
	close(there);
}

/* Nobody behind it. */
static void test_no_server(void **state)
{
	struct wire *w = wire_create();

	(void)state;
	undo_fd(&w->listener, false);
	assert_int_equal(try_open(w), 0);
	assert_int_equal(ends(w->client), ECONNRESET);
	proxy_wait_open(w->proxy, 0);
}

static void test_drops(void **state)
{
	struct wire *w = wire_create();

	(void)state;
	for (int how = PROXY_FIN; how <= PROXY_RST; how++) {
		wire_open(w);
		expect_passing(w);
		proxy_drop(w->proxy, (enum proxy_end)how);
		assert_int_equal(ends(w->client), how == PROXY_RST ? ECONNRESET : 0);
		assert_int_equal(ends(w->server), how == PROXY_RST ? ECONNRESET : 0);
	}
	proxy_wait_open(w->proxy, 0);
	assert_int_equal(proxy_seen(w->proxy).broken, 2);
	expect_passing(wire_open(w));
}

/* One way is dead for ever, the other is not; nobody learns that the other end has gone. */
static void test_freezes(void **state)
{
	struct wire *w = wire_open(wire_create());

	(void)state;
	proxy_behave(w->proxy, &(struct proxy_manners){.freeze = PROXY_UP});
	say(w->client, "lost");
	say(w->server, "heard");
	hears(w->client, "heard");
	proxy_behave(w->proxy, NULL);
	say(w->client, "lost, too");
	assert_false(has(w->server, 100));
	undo_fd(&w->client, false);
	assert_false(has(w->server, 100));
	assert_int_equal(proxy_seen(w->proxy).up, 0);
	assert_int_equal(proxy_seen(w->proxy).open, 1);
	undo_fd(&w->server, false);
	proxy_wait_open(w->proxy, 0);
	expect_passing(wire_open(w));
}

static void test_freezes_new(void **state)
{
	struct wire *w = wire_create();

	(void)state;
	proxy_behave(w->proxy, &(struct proxy_manners){.freeze = PROXY_BOTH});
	wire_open(w);
	say(w->client, "a");
	say(w->server, "b");
	assert_false(has(w->server, 50));
	assert_false(has(w->client, 50));
	undo_fd(&w->server, false);
	assert_false(has(w->client, 50));
	proxy_drop(w->proxy, PROXY_RST);
	assert_int_equal(ends(w->client), ECONNRESET);
	proxy_wait_open(w->proxy, 0);
}

static void test_holds(void **state)
{
	struct wire *w = wire_open(wire_create());

	(void)state;
	proxy_behave(w->proxy, &(struct proxy_manners){.hold = PROXY_DOWN});
	say(w->client, "up");
	hears(w->server, "up");
	say(w->server, "later");
	undo_fd(&w->server, false);
	assert_false(has(w->client, 100));
	proxy_behave(w->proxy, NULL);
	hears(w->client, "later");
	assert_int_equal(ends(w->client), 0);
}

static void test_delays(void **state)
{
	struct wire *w = wire_open(wire_create());
	int64_t begin;

	(void)state;
	proxy_behave(w->proxy, &(struct proxy_manners){.delay_ms = 120});
	begin = case_now_ms();
	expect_passing(w);
	assert_in_range(case_now_ms() - begin, 240, case_patience_ms());
	say(w->client, "one");
	say(w->client, "two");
	assert_false(has(w->server, 60));
	proxy_behave(w->proxy, NULL); /* nothing waits any longer */
	hears(w->server, "onetwo");
}

static void test_narrow(void **state)
{
	struct wire *w = wire_open(wire_create());
	static char much[10000], got[sizeof(much)];
	int64_t begin = case_now_ms();

	(void)state;
	for (size_t k = 0; k < sizeof(much); k++)
		much[k] = (char)(k % 251);
	proxy_behave(w->proxy, &(struct proxy_manners){.bytes_per_s = 20000});
	assert_int_equal(send(w->client, much, sizeof(much), MSG_NOSIGNAL), sizeof(much));
	for (size_t n = 0; n < sizeof(got);) {
		ssize_t more = read(w->server, got + n, sizeof(got) - n);

		assert_in_range(more, 1, 5000);
		n += (size_t)more;
	}
	assert_memory_equal(got, much, sizeof(much));
	assert_in_range(case_now_ms() - begin, 450, case_patience_ms());
}

/* In the middle of what was said, on both sides of the border. */
static void test_cuts(void **state)
{
	struct wire *w = wire_create();

	(void)state;
	for (uint64_t n = 0; n <= 4; n++) {
		wire_open(w);
		proxy_cut_after(w->proxy, PROXY_UP, n, n % 2 ? PROXY_RST : PROXY_FIN);
		say(w->server, "other way");
		hears(w->client, "other way");
		say(w->client, "1234");
		hears(w->server, (const char *[]){"", "1", "12", "123", "1234"}[n]);
		if (n == 4) /* what is cut is the next byte */
			say(w->client, "5");
		assert_int_equal(ends(w->server), n % 2 ? ECONNRESET : 0);
		assert_int_equal(ends(w->client), n % 2 ? ECONNRESET : 0);
	}
	expect_passing(wire_open(w)); /* it was once each */
}

/* More than fits anywhere: what cannot be written is waited for, and nothing is lost. */
static void test_fills(void **state)
{
	struct wire *w = wire_open(wire_create());
	static char block[65536];
	size_t sent = 0, got = 0;

	(void)state;
	while (sent < 200 * sizeof(block)) {
		ssize_t n = send(w->client, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		assert_true(has(w->server, case_patience_ms()));
		n = read(w->server, block, sizeof(block));
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_true(got > 0); /* it did fill */
	shutdown(w->client, SHUT_WR);
	for (ssize_t n; (n = read(w->server, block, sizeof(block))) > 0;)
		got += (size_t)n;
	assert_int_equal(got, sent);
}

/* Everything comes to pass, and when it is over all is well. */
static void test_chaos(void **state)
{
	struct wire *w = wire_create();
	unsigned refused = 0, broken = 0;
	int64_t until = case_now_ms() + 3000;

	(void)state;
	proxy_chaos_start(w->proxy, 7);
	while (case_now_ms() < until) {
		struct pollfd f = {.events = POLLIN};
		int s;

		if (try_open(w) != 0) {
			refused++;
			case_pause_ms(5);
			continue;
		}
		s = has(w->listener, 100) ? accept4(w->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
		f.fd = w->client;
		while (s >= 0 && case_now_ms() < until && poll(&f, 1, 0) == 0) {
			(void)!send(s, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
			(void)!send(w->client, "y", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (has(w->client, 5) && read(w->client, &(char[16]){0}, 16) <= 0)
				break;
		}
		broken += case_now_ms() < until;
		if (s >= 0)
			close(s);
	}
	proxy_chaos_stop(w->proxy);
	assert_true(refused > 0);
	assert_true(broken > 0);
	assert_true(proxy_seen(w->proxy).broken > 0);
	while (has(w->listener, 0))
		close(accept4(w->listener, NULL, NULL, SOCK_CLOEXEC));
	expect_passing(wire_open(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_passes),
		SYSTEM(test_refuses),
		SYSTEM(test_no_server),
		SYSTEM(test_drops),
		SYSTEM(test_freezes),
		SYSTEM(test_freezes_new),
		SYSTEM(test_holds),
		SYSTEM(test_delays),
		SYSTEM(test_narrow),
		SYSTEM(test_cuts),
		SYSTEM(test_fills),
		SYSTEM(test_chaos),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
