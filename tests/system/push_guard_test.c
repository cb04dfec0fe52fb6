/* push_guard_test.c — what users register cannot make the daemon go where it must not, nor hold up
 * what others get; and secrets stay where they belong.
 */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/certs.h"
#include "tests/support/front.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/subscriber.h"

static struct instance *in;
static struct recorder *hook; /* the operator's webhook, and FCM */
static struct client *alice;

/* Before instance_start(). apns: is there APNs, too? */
static void prepare_with(bool apns)
{
	in = instance_create(instance_people);
	hook = recorder_start(NULL);
	pushing_set_up(in, hook, apns ? front_start(&(struct front_opts){.behind = hook}) : NULL);
	instance_set(in, "push_webhook_own", "true");
}

static void prepare(void)
{
	prepare_with(false);
}

static void start(void)
{
	instance_start(in);
	alice = client_5(in, "alice", "desk");
}

static void subscribe(const char *user, const char *device, const char *endpoint)
{
	pushing_register(
		in, user, device, "webpush", subscriber_members(subscriber_create(), endpoint));
}

static void hang_up(const char *user, const char *device, const char *url)
{
	pushing_register(in, user, device, "webhook", case_printf(",\"url\":\"%s\"", url));
}

/* --- addresses ----------------------------------------------------------------------------- */

/* A port that listens on every address of this machine and sees who comes. */
struct trap {
	int port, ipv4, ipv6;
	size_t caught;
};

static void undo_trap(void *arg, bool failed)
{
	struct trap *t = arg;

	(void)failed;
	close(t->ipv4);
	close(t->ipv6);
}

static int listen_on(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	if (fd >= 0 && address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (fd >= 0 && bind(fd, address, len) == 0 && listen(fd, 100) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* On a machine without IPv6, without it. */
static struct trap *trap_set(void)
{
	struct trap *t = case_alloc(sizeof(*t));
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

	t->port = free_port();
	ipv4.sin_port = ipv6.sin6_port = htons((uint16_t)t->port);
	t->ipv4 = listen_on((struct sockaddr *)&ipv4, sizeof(ipv4));
	t->ipv6 = listen_on((struct sockaddr *)&ipv6, sizeof(ipv6));
	if (t->ipv4 < 0)
		case_fail("cannot listen on port %d: %s", t->port, strerror(errno));
	case_defer(undo_trap, t);
	return t;
}

/* How many came so far. They are sent away. */
static size_t trap_caught(struct trap *t)
{
	int fds[] = {t->ipv4, t->ipv6};

	for (size_t k = 0; k < COUNT(fds); k++) {
		for (int fd; fds[k] >= 0 && (fd = accept(fds[k], NULL, NULL)) >= 0; close(fd))
			t->caught++;
	}
	return t->caught;
}

/* This machine, as it may be written. */
static const char *const here[] = {"127.0.0.1", "localhost", "LOCALHOST", "push.localhost",
	"127.8.9.10", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", NULL};

/* And in ways that not everybody reads alike: nobody can register with these. */
static const char *const disguised[] = {"127.1", "127.0.1", "0x7f000001", "0x7f.1", "2130706433",
	"017700000001", "0177.0.0.1", "0", "127.0.0.1.", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]",
	NULL};

/* And what else is not on the Internet. */
static const char *const elsewhere[] = {"10.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1",
	"100.64.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255", "[fe80::1]", "[fd00::1]",
	"[ff02::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[::127.0.0.1]", NULL};

/* Register a device for each that is taken, as push subscription and as webhook, with https and
 * http. How many there are. */
static unsigned register_all(const char *user, const char *const hosts[], int port)
{
	static const char *const schemes[] = {"https", "http"};
	unsigned count = 0;

	for (size_t k = 0; hosts[k]; k++) {
		for (size_t s = 0; s < COUNT(schemes); s++) {
			struct client *c = client_5(in, user, case_printf("d%u", count));
			const char *url = case_printf("%s://%s:%d/x", schemes[s], hosts[k], port);
			const char *more = s == 0 ? subscriber_members(subscriber_create(), url)
						  : case_printf(",\"url\":\"%s\"", url);
			struct cJSON *j = client_call(c, "push.set",
				case_printf("{\"kind\":\"%s\"%s}", s == 0 ? "webpush" : "webhook",
					more));

			count += cJSON_IsTrue(json_at(j, "ok")) ? 1 : 0;
			client_close(c);
		}
	}
	return count;
}

static double dropped(void)
{
	return pushing_stat(in, "push_webpush_dropped") + pushing_stat(in, "push_webhook_dropped");
}

static void wait_dropped(unsigned count)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (dropped() < count) {
		if (case_now_ms() > until)
			case_fail("%u should be dropped, and %.0f are: %s", count, dropped(),
				CTL_OK(in, "push", "queue"));
		case_pause_ms(20);
	}
}

static void test_guard_addresses(void **state)
{
	struct trap *trap = trap_set();
	unsigned near, far;

	(void)state;
	prepare();
	instance_set(in, "push_allow_private", "false");
	start();
	near = register_all("bob", here, trap->port);
	far = register_all("carol", elsewhere, trap->port);
	assert_true(near >= COUNT(here) - 1 && far >= COUNT(elsewhere) - 1);
	assert_int_equal(register_all("dave", disguised, trap->port), 0);
	client_send(alice, "lobby", "into the trap");
	wait_dropped(near + far);
	assert_int_equal(trap_caught(trap), 0);
	assert_true(pushing_stat(in, "push_waiting") == 0);
	/* the trap is one, and those who want to go there can */
	instance_stop_daemon(in);
	instance_set(in, "push_allow_private", "true");
	instance_start_daemon(in);
	instance_wait_ready(in);
	client_send(alice, "alice:bob", "into the trap");
	for (int64_t until = case_now_ms() + case_patience_ms(); trap_caught(trap) < near;) {
		if (case_now_ms() > until)
			case_fail("of %u, %zu come", near, trap_caught(trap));
		case_pause_ms(5);
	}
}

static void test_guard_urls_that_are_none(void **state)
{
	static const char *const urls[] = {
		"http://push.example/x",
		"https://",
		"https:///x",
		"https://user@push.example/x",
		"https://user:word@127.0.0.1/x",
		"https://127.0.0.1#@push.example/x",
		"https://127.0.0.1\\\\@push.example/x",
		"https://push.example:0/x",
		"https://push.example:65536/x",
		"https://push.example:1x/x",
		"https://push example/x",
		"https://[fe80::1%25eth0]/x",
		"https://[::1/x",
		"https://push.example/\\r\\nX-Header: y",
		"ftp://push.example/x",
		"file:///etc/passwd",
		"gopher://127.0.0.1:6379/x",
		"//push.example/x",
		"push.example/x",
	};
	struct client *phone;

	(void)state;
	prepare();
	start();
	phone = client_5(in, "bob", "phone");
	for (size_t k = 0; k < COUNT(urls); k++) {
		client_refused(phone, "push.set",
			case_printf("{\"kind\":\"webpush\"%s}",
				subscriber_members(subscriber_create(), urls[k])),
			"bad_request");
		client_refused(phone, "push.set",
			case_printf("{\"kind\":\"webhook\",\"url\":\"%s\"}", urls[k]),
			"bad_request");
	}
}

static void test_guard_no_http(void **state)
{
	(void)state;
	prepare();
	instance_set(in, "push_allow_http", "false");
	start();
	subscribe("bob", "browser", recorder_url(hook, "/wp/1"));
	hang_up("bob", "gateway", recorder_url(hook, "/own"));
	pushing_register(in, "bob", "phone", "fcm", ",\"token\":\"t\"");
	pushing_register(in, "bob", "tablet", "webhook", "");
	client_send(alice, "alice:bob", "in the clear");
	wait_dropped(2);
	/* the operator's own are for him to mend */
	pushing_wait_stat(in, "push_fcm_alerts", 1);
	pushing_wait_stat(in, "push_webhook_alerts", 1);
	assert_int_equal(recorder_connections(hook), 0);
}

static void test_guard_redirects(void **state)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	struct recorder *good, *other;
	const char *location;

	(void)state;
	prepare();
	good = recorder_start(&(struct recorder_opts){.tls = true});
	other = recorder_start(&(struct recorder_opts){.tls = true});
	location = case_printf("Location: %s\n", recorder_url(other, "/elsewhere"));
	start();
	for (size_t k = 0; k < COUNT(statuses); k++) {
		const char *path = case_printf("/%d", statuses[k]);

		recorder_answer(
			good, path, &(struct answer){.status = statuses[k], .headers = location});
		subscribe("bob", case_printf("browser%zu", k), recorder_url(good, path));
		hang_up("bob", case_printf("gateway%zu", k), recorder_url(good, path));
	}
	/* nor within the same host, nor for the operator, whose tokens would go along */
	recorder_answer(good, "/302", &(struct answer){.status = 302, .headers = "Location: /x\n"});
	recorder_answer(hook, "/v1/", &(struct answer){.status = 307, .headers = location});
	recorder_answer_next(
		hook, PUSHING_HOOK_PATH, 1, &(struct answer){.status = 307, .headers = location});
	pushing_register(in, "bob", "phone", "fcm", ",\"token\":\"t\"");
	pushing_register(in, "bob", "tablet", "webhook", "");
	client_send(alice, "alice:bob", "go there");
	wait_dropped(2 * COUNT(statuses) + 1);
	pushing_wait_stat(in, "push_fcm_dropped", 1);
	assert_int_equal(recorder_count(good), 2 * COUNT(statuses));
	assert_int_equal(recorder_connections(other), 0);
}

/* --- answers ------------------------------------------------------------------------------- */

/* The most memory that the daemon ever had, in bytes. */
static size_t peak(void)
{
	char *status = slurp(case_printf("/proc/%d/status", (int)in->daemon.pid), NULL);
	const char *line = status ? strstr(status, "VmHWM:") : NULL;

	if (!line)
		case_fail("the system does not tell how much memory the daemon has");
	return (size_t)atol(line + 6) << 10;
}

/* A terabyte: who reads it all is not through before the test is over. */
static void test_guard_huge_answers(void **state)
{
	static const int statuses[] = {201, 404, 500};
	size_t before;

	(void)state;
	prepare();
	start();
	recorder_answer(hook, "/200", &(struct answer){.more = (size_t)1 << 40});
	subscribe("bob", "warm", recorder_url(hook, "/200"));
	client_send(alice, "alice:bob", "warm");
	pushing_wait_stat(in, "push_webpush_delivered", 1);
	before = peak();
	for (size_t k = 0; k < COUNT(statuses); k++) {
		const char *path = case_printf("/%d", statuses[k]);

		recorder_answer(hook, path,
			&(struct answer){.status = statuses[k], .more = (size_t)1 << 40});
		subscribe("bob", case_printf("d%zu", k), recorder_url(hook, path));
	}
	client_send(alice, "alice:bob", "huge");
	pushing_wait_stat(in, "push_webpush_delivered", 3);
	pushing_wait_stat(in, "push_webpush_unregistered", 1);
	pushing_wait_stat(in, "push_webpush_retried", 1);
	assert_true(peak() < before + (16 << 20));
}

/* Answers that come byte by byte: whoever gets his push from the same server does not wait for
 * them, nor does anybody else, and they end when the time for an answer is up. */
static void test_guard_slow_answers(void **state)
{
	(void)state;
	prepare();
	instance_set(in, "push_timeout", case_printf("%ds", case_patience_ms() / 5000));
	instance_set(in, "push_in_flight", "8");
	start();
	recorder_answer(hook, "/drip",
		&(struct answer){.how = ANSWER_DRIP, .more = 1000000, .drip_ms = 50});
	for (int k = 0; k < 6; k++)
		subscribe("bob", case_printf("d%d", k), recorder_url(hook, "/drip"));
	subscribe("carol", "browser", recorder_url(hook, "/carol"));
	pushing_register(in, "carol", "phone", "webhook", "");
	client_send(alice, "alice:bob", "slowly");
	recorder_expect(hook, 6);
	for (unsigned k = 1; k <= 5; k++) {
		int64_t sent = case_now_ms();

		client_sendf(alice, "alice:carol", "number %u", k);
		recorder_expect(hook, 6 + 2 * k);
		assert_true(case_now_ms() - sent < case_patience_ms() / 20);
	}
	/* each says 200 before it begins to drip: it has the push, and does not get it again */
	pushing_wait_stat(in, "push_webpush_delivered", 5 + 6);
	assert_true(pushing_stat(in, "push_webpush_retried") == 0);
	assert_int_equal(recorder_count_of(hook, "/drip"), 6);
}

/* --- secrets ------------------------------------------------------------------------------- */

#define FCM_TOKEN   "dev1ceT0ken:APA91bSecretOfFcm-0123456789"
#define APNS_TOKEN  "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
#define ENDPOINT    "/wp/secret-of-an-endpoint-4711"
#define HOOK        "/own/secret-of-a-hook-0815"
#define HOOK_SECRET "0123456789-secret-of-a-hook"
#define SAID        "what-alice-said-is-no-business-of-logs"

/* Providers that repeat what they were asked, wherever it might be picked up from. */
static void repeat(void *ctx, const struct recorded *q, struct answer *a)
{
	static const int statuses[] = {400, 403, 503, 429, 302, 200, 401};
	unsigned *count = ctx;
	struct bytes authorization = recorded_value(q, "Authorization");

	a->status = statuses[(*count)++ % COUNT(statuses)];
	a->headers =
		"X-Token: " FCM_TOKEN "\nRetry-After: " APNS_TOKEN "\nLocation: " ENDPOINT "\n";
	snprintf(a->space, sizeof(a->space),
		"{\"reason\":\"%.300s\",\"error\":{\"status\":\"" FCM_TOKEN
		"\",\"message\":\"%.*s\",\"details\":[{\"@type\":\"google.firebase.fcm.v1."
		"FcmError\",\"errorCode\":\"" FCM_TOKEN "\"}]}}",
		q->target, authorization.len > 300 ? 300 : (int)authorization.len,
		authorization.data ? authorization.data : "");
	a->body = a->space;
}

struct secrets {
	const char *list[64];
	size_t count;
};

/* A PEM's lines, but for those that are the same in all. */
static void add_pem(struct secrets *s, const char *pem)
{
	for (size_t len; *pem; pem += len + (pem[len] == '\n')) {
		len = strcspn(pem, "\n");
		if (len > 20 && pem[0] != '-' && s->count < COUNT(s->list))
			s->list[s->count++] = case_printf("%.*s", (int)len, pem);
	}
}

static void expect_silence(const struct secrets *s, const char *where, const char *text)
{
	for (size_t k = 0; k < s->count; k++) {
		if (strstr(text, s->list[k]))
			case_fail("%s tells '%s': %s", where, s->list[k], text);
	}
}

/* What an operator asks, which must show that word, and what was written meanwhile. */
static void look(const struct secrets *s, const char *when, const char *word)
{
	const char *shown[] = {
		CTL(in, "push", "test", "bob").out,
		CTL(in, "push", "test", "--json", "bob").out,
		CTL_OK(in, "push", "queue"),
		CTL_OK(in, "push", "queue", "--json"),
	};

	for (size_t k = 0; k < COUNT(shown); k++) {
		if (!strstr(shown[k], k < 2 ? "webpush" : word))
			case_fail("should hold '%s': %s", word, shown[k]);
		expect_silence(s, when, shown[k]);
	}
	expect_silence(s, "the log", instance_log(in));
}

static void test_guard_secrets(void **state)
{
	static const char *const paths[] = {
		"/v1/", "/3/device/", "/wp/", "/own/", PUSHING_HOOK_PATH};
	static unsigned counts[COUNT(paths)];
	struct subscriber *browser = subscriber_create();
	struct secrets s = {
		.list = {FCM_TOKEN, APNS_TOKEN, ENDPOINT, HOOK, HOOK_SECRET, SAID,
			subscriber_p256dh(browser), subscriber_auth(browser), pushing_webhook_key(),
			"ya29.of-the-tests", "eyJ", "v1=", "vapid t=", "bearer "},
		.count = 14};

	(void)state;
	add_pem(&s, pushing_p256_pem());
	add_pem(&s, pushing_rsa_pem());
	prepare_with(true);
	for (size_t k = 0; k < COUNT(paths); k++)
		recorder_answer_by(hook, paths[k], repeat, &counts[k]);
	start();
	pushing_register(in, "bob", "fcm", "fcm", ",\"token\":\"" FCM_TOKEN "\"");
	pushing_register(in, "bob", "apns", "apns", ",\"token\":\"" APNS_TOKEN "\"");
	pushing_register(in, "bob", "own", "webhook",
		case_printf(",\"url\":\"%s\",\"secret\":\"" HOOK_SECRET "\"",
			recorder_url(hook, HOOK)));
	pushing_register(in, "bob", "webhook", "webhook", "");
	pushing_register(in, "bob", "webpush", "webpush",
		subscriber_members(browser, recorder_url(hook, ENDPOINT)));
	client_send(alice, "alice:bob", SAID);
	for (size_t k = 0; k < COUNT(paths); k++) {
		for (int64_t until = case_now_ms() + case_patience_ms();
			recorder_count_of(hook, paths[k]) == 0; case_pause_ms(2)) {
			if (case_now_ms() > until)
				case_fail("nothing comes to %s", paths[k]);
		}
	}
	for (int k = 0; k < 7; k++)
		look(&s, "when they answer", "");
	recorder_stop(hook);
	client_send(alice, "lobby", SAID);
	for (int64_t until = case_now_ms() + case_patience_ms();
		!strstr(CTL_OK(in, "push", "queue"), "lobby") && case_now_ms() < until;)
		case_pause_ms(20);
	look(&s, "when nobody answers", "lobby");
	instance_stop_daemon(in);
	expect_silence(&s, "the log at the end", instance_log(in));
}

/* --- keys ---------------------------------------------------------------------------------- */

static const struct {
	const char *option, *name;
} keys[] = {
	{"push_fcm_account", "keys/fcm.json"},
	{"push_apns_key", "keys/apns.p8"},
	{"push_webpush_key", "keys/vapid.pem"},
	{"push_webhook_key", "keys/webhook.key"},
};

/* The daemon ends at once, with one sentence that names the option. */
static void expect_refused(const char *option, const char *words)
{
	const char *argv[] = {build_path("gnatterd"), instance_path(in, "gnatter.conf"), NULL};
	struct run r = run_spec(argv, NULL, &(struct proc_spec){.env = instance_env(in, false)});

	expect_sentence(&r, option);
	expect_sentence(&r, words);
	assert_null(strstr(r.err, "PRIVATE"));
}

static void test_guard_key_files(void **state)
{
	(void)state;
	prepare();
	for (size_t k = 0; k < COUNT(keys); k++) {
		const char *path = instance_path(in, keys[k].name);
		const char *aside = case_printf("%s.aside", path);
		size_t len;
		char *text = slurp(path, &len);

		assert_int_equal(chmod(path, 0604), 0);
		expect_refused(keys[k].option, "open to others");
		assert_int_equal(chmod(path, 0600), 0);
		spill(path, "this is no key\n", 15);
		expect_refused(keys[k].option, keys[k].name);
		spill(path, "", 0);
		expect_refused(keys[k].option, keys[k].name);
		spill(path, text, len);
		assert_int_equal(rename(path, aside), 0);
		expect_refused(keys[k].option, "cannot be read");
		assert_int_equal(rename(aside, path), 0);
	}
	/* each for another purpose */
	instance_set(in, "push_apns_key", keys[0].name);
	expect_refused("push_apns_key", "key");
	instance_set(in, "push_apns_key", keys[1].name);
	instance_set(in, "push_fcm_account", keys[1].name);
	expect_refused("push_fcm_account", "JSON");
	instance_set(in, "push_fcm_account", keys[0].name);
	instance_set(in, "push_ca_file", "/nowhere/ca.pem");
	expect_refused("push_ca_file", "/nowhere/ca.pem");
	instance_set(in, "push_ca_file", instance_path(in, "gnatter.conf"));
	expect_refused("push_ca_file", "no certificate");
	/* and with all of them as they should be it starts */
	instance_set(in, "push_ca_file", certs()->ca);
	start();
}

static bool has_libcurl(void)
{
	return strstr(slurp(case_printf("/proc/%d/maps", (int)in->daemon.pid), NULL),
		       "/libcurl.so.") != NULL;
}

/* Who pushes nothing over HTTP has none of the code that does. */
static void test_guard_libcurl_where_it_is_needed(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
	assert_false(has_libcurl());
	instance_stop(in);
	pushing_set_up(in, recorder_start(NULL), NULL);
	instance_start(in);
	assert_true(has_libcurl());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_guard_addresses),
		SYSTEM(test_guard_urls_that_are_none),
		SYSTEM(test_guard_no_http),
		SYSTEM(test_guard_redirects),
		SYSTEM(test_guard_huge_answers),
		SYSTEM(test_guard_slow_answers),
		SYSTEM(test_guard_secrets),
		SYSTEM(test_guard_key_files),
		SYSTEM(test_guard_libcurl_where_it_is_needed),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
