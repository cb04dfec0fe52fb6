/* sdk_test.c — the SDK's connection: addresses, credentials, TLS, WebSocket, presence, two of the
 * same device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/case.h"
#include "tests/support/certs.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/proxy.h"
#include "tests/support/sanitize.h"
#include "tests/support/sdk.h"
#include "tests/support/token.h"

static struct instance *in;
static int tls_port, wss_port;

/* Listeners with TLS, too. */
static void add_listeners(void)
{
	const struct certs *c = certs();
	char *path = instance_path(in, "mosquitto.conf"), *conf = slurp(path, NULL), *all;
	char *files = case_printf("certfile %s\nkeyfile %s\n", c->cert, c->key);

	chmod(c->key, 0644); /* for the user that the broker becomes */
	tls_port = free_port();
	wss_port = free_port();
	all = case_printf("%s\nlistener %d\n%slistener %d 127.0.0.1\nprotocol "
			  "websockets\n%s",
		conf, tls_port, files, wss_port, files);
	spill(path, all, strlen(all));
}

static void setup(void **state)
{
	(void)state;
	in = instance_create_ws(instance_people);
	instance_set(in, "presence_grace", "2s");
	add_listeners();
	instance_start(in);
}

/* It is in, and the server takes it for who it is. */
static void expect_in(struct sdk *s)
{
	sdk_wait_synced(s);
	json_expect_str(
		json_from(sdk_ask(s, "me", NULL)->json), "device", gnatter_device(sdk_g(s)));
}

/* --- addresses ------------------------------------------------------------------------------- */

static void test_token(void **state)
{
	struct sdk *s = sdk_online(in, "alice", "phone");
	size_t from = 0;

	(void)state;
	expect_in(s);
	assert_string_equal(gnatter_user(sdk_g(s)), "alice");
	sdk_wait(s, from, (struct sdk_seen){.kind = SDK_STATUS, .state = GNATTER_CONNECTING});
	sdk_wait(s, from, (struct sdk_seen){.kind = SDK_STATUS, .state = GNATTER_ONLINE});
	assert_int_equal(gnatter_disconnect(sdk_g(s)), GNATTER_OK);
	sdk_wait_state(s, GNATTER_STOPPED);
	assert_int_equal(gnatter_connect(sdk_g(s)), GNATTER_OK);
	assert_int_equal(gnatter_connect(sdk_g(s)), GNATTER_EINVAL);
	expect_in(s);
}

static void test_password(void **state)
{
	struct gnatter_options o = sdk_options(in, "bob", "phone");

	(void)state;
	o.secret = "builder";
	expect_in(sdk_connect(&o));
}

static void test_next_address(void **state)
{
	struct gnatter_options o = sdk_options(in, "alice", "next");
	struct proxy *p = proxy_start(in->port);
	struct sdk *s;

	(void)state;
	o.address = case_printf("tcp://127.0.0.1:%d tcp://127.0.0.1:%d ssl://127.0.0.1:%d",
		free_port(), proxy_port(p), tls_port);
	o.ca_file = certs()->ca;
	s = sdk_connect(&o);
	expect_in(s);
	assert_non_null(strstr(
		sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .state = GNATTER_ONLINE})
			->json,
		case_printf("%d", proxy_port(p))));
	proxy_behave(p, &(struct proxy_manners){.refuse = true});
	proxy_drop(p, PROXY_RST);
	sdk_wait(s, 0,
		(struct sdk_seen){.kind = SDK_STATUS,
			.state = GNATTER_SYNCED,
			.json = case_printf("ssl://127.0.0.1:%d", tls_port)});
	expect_in(s);
}

static void expect_address(const char *address, const char *ca)
{
	struct gnatter_options o = sdk_options(in, "alice", "way");
	struct client *foreign = client_5(in, "bob", "other");
	struct sdk *s;

	client_subscribe_ok(foreign, "chat/lobby/msg", 1);
	o.address = address;
	o.ca_file = ca;
	s = sdk_connect(&o);
	expect_in(s);
	sdk_send(s, "lobby", address);
	client_take(foreign, "chat/lobby/msg", address);
	client_send(foreign, "lobby", "back");
	sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_MESSAGE, .user = "bob", .text = "back"});
	sdk_close(s);
}

static void test_ws(void **state)
{
	(void)state;
	expect_address(case_printf("ws://127.0.0.1:%d/mqtt", in->ws_port), NULL);
	expect_address(case_printf("ws://127.0.0.1:%d", in->ws_port), NULL);
}

static void test_tls(void **state)
{
	(void)state;
	expect_address(case_printf("ssl://127.0.0.1:%d", tls_port), certs()->ca);
	expect_address(case_printf("ssl://localhost:%d", tls_port), certs()->ca);
	expect_address(case_printf("wss://localhost:%d/mqtt", wss_port), certs()->ca);
}

/* Nothing of the account may have gone to whom is not trusted, and the user learns why. */
static void expect_distrust(const char *address, const char *ca, const char *words)
{
	struct gnatter_options o = sdk_options(in, "alice", "wary");
	const struct sdk_seen *e;
	struct sdk *s;

	o.address = address;
	o.ca_file = ca;
	s = sdk_connect(&o);
	e = sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .offline = true});
	print_message("%s: %s\n", address, e->text);
	assert_non_null(strstr(e->text, words));
	assert_false(e->unauthorized);
	assert_null(sdk_find(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .state = GNATTER_ONLINE}));
	sdk_close(s);
}

static void test_tls_refused(void **state)
{
	char *tls = case_printf("ssl://127.0.0.1:%d", tls_port);

	(void)state;
	expect_distrust(tls, certs()->other_ca, "certificate is not trusted");
	expect_distrust(tls, NULL, "certificate is not trusted");
	expect_distrust(tls, "/nonexistent/ca.pem", "authorities");
	/* The same machine, by an address that does not stand in the certificate. */
	expect_distrust(case_printf("ssl://127.0.0.2:%d", tls_port), certs()->ca,
		"certificate is for another address");
	expect_distrust(
		case_printf("ssl://127.0.0.1:%d", in->port), certs()->ca, "cannot be reached");
	expect_distrust(case_printf("tcp://127.0.0.1:%d", free_port()), NULL, "cannot be reached");
}

/* --- credentials ----------------------------------------------------------------------------- */

static void test_refused(void **state)
{
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	const struct sdk_seen *e;
	struct sdk *s;

	(void)state;
	o.secret = "wrong";
	s = sdk_connect(&o);
	e = sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .offline = true});
	assert_true(e->unauthorized);
	assert_non_null(strstr(e->text, "refused"));
}

static const char *good_token;
static int tokens_asked;

static char *give_token(void *ctx, struct gnatter *g)
{
	(void)ctx;
	(void)g;
	return __atomic_fetch_add(&tokens_asked, 1, __ATOMIC_RELAXED) < 0 ? NULL
									  : strdup(good_token);
}

static char *give_later(void *ctx, struct gnatter *g)
{
	(void)ctx;
	(void)g;
	return __atomic_fetch_add(&tokens_asked, 1, __ATOMIC_RELAXED) < 2 ? NULL
									  : strdup(good_token);
}

/* A token that has run out is asked for anew, once. */
static void test_on_token(void **state)
{
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct sdk *s;

	(void)state;
	good_token = o.secret;
	tokens_asked = 0;
	o.secret = token_mint(
		&in->keys, &(struct token){.sub = "alice", .iat_in = -100, .exp_in = -50});
	o.callbacks.on_token = give_token;
	s = sdk_connect(&o);
	expect_in(s);
	assert_true(sdk_find(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .offline = true})
			    ->unauthorized);
	assert_int_equal(tokens_asked, 1);
}

/* Without a secret, before each connect; and there may be none for a while. */
static void test_only_on_token(void **state)
{
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct proxy *p = proxy_start(in->port);
	struct sdk *s;

	(void)state;
	good_token = o.secret;
	tokens_asked = 0;
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	o.secret = NULL;
	o.callbacks.on_token = give_later;
	s = sdk_connect(&o);
	expect_in(s);
	assert_int_equal(tokens_asked, 3);
	assert_true(sdk_find(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .offline = true})
			    ->unauthorized);
	proxy_drop(p, PROXY_FIN);
	sdk_wait_count(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .state = GNATTER_SYNCED}, 2);
	assert_int_equal(tokens_asked, 4);
}

/* --- presence -------------------------------------------------------------------------------- */

static struct client *watcher(const char *of)
{
	struct client *c = client_5(in, of, "watch");

	client_subscribe_ok(c, case_printf("presence/%s/+", of), 1);
	return c;
}

static void test_presence(void **state)
{
	struct client *c = watcher("alice");
	struct sdk *s = sdk_online(in, "alice", "phone");

	(void)state;
	client_take(c, "presence/alice/phone", "online");
	assert_int_equal(gnatter_presence_set(sdk_g(s), "away", "at \"lunch\""), GNATTER_OK);
	client_take(
		c, "presence/alice/phone", "{\"state\":\"away\",\"text\":\"at \\\"lunch\\\"\"}");
	assert_int_equal(gnatter_presence_set(sdk_g(s), "busy", NULL), GNATTER_OK);
	client_take(c, "presence/alice/phone", "busy");
	assert_int_equal(gnatter_presence_set(sdk_g(s), "gone", NULL), GNATTER_EINVAL);
	assert_int_equal(gnatter_disconnect(sdk_g(s)), GNATTER_OK);
	client_take(c, "presence/alice/phone", "offline");
}

/* A connection that breaks leaves a will, after its delay; one that is back before leaves none. */
static void test_will(void **state)
{
	struct client *c = watcher("bob");
	struct gnatter_options o = sdk_options(in, "bob", "phone");
	struct proxy *p = proxy_start(in->port);
	struct sdk *s;
	size_t from;

	(void)state;
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	o.will_delay_s = 1;
	s = sdk_connect(&o);
	expect_in(s);
	client_take(c, "presence/bob/phone", "online");
	from = client_mark(c);
	proxy_drop(p, PROXY_RST);
	sdk_wait_count(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .state = GNATTER_SYNCED}, 2);
	client_barrier(c);
	client_none(c, from, "presence/bob/phone", "offline");
	proxy_behave(p, &(struct proxy_manners){.refuse = true});
	proxy_drop(p, PROXY_RST);
	client_take(c, "presence/bob/phone", "offline");
}

static void test_watch(void **state)
{
	struct sdk *alice = sdk_online(in, "alice", "phone"), *bob;
	struct client *script = client_5(in, "bob", "script");
	size_t from;

	(void)state;
	client_request(script, "privacy.set", "{\"presence\":\"everyone\"}");
	client_close(script); /* or bob would be as available as it is */
	assert_int_equal(gnatter_watch(sdk_g(alice), "bob"), GNATTER_OK);
	bob = sdk_online(in, "bob", "phone");
	sdk_wait(alice, 0, (struct sdk_seen){.kind = SDK_PRESENCE, .user = "bob", .online = true});
	from = sdk_mark(alice);
	assert_int_equal(gnatter_presence_set(sdk_g(bob), "away", "out"), GNATTER_OK);
	sdk_wait(alice, from, (struct sdk_seen){.kind = SDK_PRESENCE, .user = "bob"});
	assert_int_equal(gnatter_unwatch(sdk_g(alice), "bob"), GNATTER_OK);
	assert_int_equal(gnatter_unwatch(sdk_g(alice), "carol"), GNATTER_ENOTFOUND);
	sdk_ask(alice, "me", NULL); /* behind the UNSUBSCRIBE */
	from = sdk_mark(alice);
	sdk_close(bob);
	sdk_ask(alice, "me", NULL);
	assert_null(sdk_find(alice, from, (struct sdk_seen){.kind = SDK_PRESENCE}));
}

/* --- two of the same ------------------------------------------------------------------------- */

/* Whatever the broker says of it, they throw each other out ever more seldom. */
static void test_takeover(void **state)
{
	struct gnatter_options o = sdk_options(in, "alice", "same");
	struct sdk *first, *second;

	(void)state;
	o.retry_max_ms = 60000;
	first = sdk_connect(&o);
	expect_in(first);
	second = sdk_connect(&o);
	sdk_wait(first, 0, (struct sdk_seen){.kind = SDK_STATUS, .seq = 110});
	sdk_close(first);
	expect_in(second);
}

/* --- a server that does not answer ------------------------------------------------------------ */

static void test_silent(void **state)
{
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct proxy *p = proxy_start(in->port);
	struct sdk *s;
	int64_t begun;

	(void)state;
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	o.connect_timeout_ms = 1000;
	o.keep_alive_s = 1;
	proxy_behave(p, &(struct proxy_manners){.freeze = PROXY_DOWN});
	s = sdk_connect(&o);
	sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .offline = true});
	proxy_behave(p, NULL);
	proxy_drop(p, PROXY_RST);
	expect_in(s);
	/* One that falls silent is noticed by the keep-alive. */
	proxy_behave(p, &(struct proxy_manners){.freeze = PROXY_BOTH});
	begun = case_now_ms();
	sdk_wait(s, sdk_mark(s), (struct sdk_seen){.kind = SDK_STATUS, .offline = true});
	print_message("noticed after %lld ms\n", (long long)(case_now_ms() - begun));
	proxy_behave(p, NULL);
	proxy_drop(p, PROXY_RST);
	expect_in(s);
}

/* To end it never takes long, wherever it is. */
static void test_end_anywhere(void **state)
{
	struct gnatter_options o = sdk_options(in, "alice", "phone");
	struct proxy *p = proxy_start(in->port);

	(void)state;
	o.address = case_printf("tcp://127.0.0.1:%d", proxy_port(p));
	for (int way = 0; way < 4; way++) {
		struct proxy_manners silent = {.freeze = way == 0 ? PROXY_DOWN : PROXY_BOTH},
				     closed = {.refuse = true};
		struct sdk *s;
		int64_t begun;

		proxy_behave(p, way < 2 ? &silent : way == 2 ? &closed : NULL);
		s = sdk_connect(&o);
		if (way < 2)
			proxy_wait_open(p, 1);
		if (way == 2)
			sdk_wait(s, 0, (struct sdk_seen){.kind = SDK_STATUS, .offline = true});
		if (way == 3) {
			expect_in(s);
			proxy_behave(p, &silent);
		}
		begun = case_now_ms();
		sdk_close(s);
		print_message("way %d: %lld ms\n", way, (long long)(case_now_ms() - begun));
		assert_true(case_now_ms() - begun < 3000);
		proxy_behave(p, NULL);
		proxy_drop(p, PROXY_RST);
		proxy_wait_open(p, 0);
	}
}

/* --- memory ---------------------------------------------------------------------------------- */

static bool is_done(void *log)
{
	char *text = slurp(log, NULL);

	return text && strstr(text, "done\n");
}

/* What an idle client without a file takes, with all that Paho, OpenSSL and SQLite take for it. */
static size_t heap_of(const char *address, const char *device)
{
	struct gnatter_options o = sdk_options(in, "alice", device);
	const char *argv[] = {build_path("tests/sdk_app"), address, "alice", device, o.secret, "-",
		"0", "0", "lobby", NULL};
	const char *env[] = {case_printf("CA=%s", certs()->ca), NULL};
	char *log = case_printf("%s/%s.out", in->root, device);
	struct proc p = {0};

	proc_start(&p, argv, &(struct proc_spec){.log = log, .env = env});
	assert_true(case_wait(is_done, log));
	proc_kill(&p);
	return strtoull(strstr(slurp(log, NULL), "heap ") + 5, NULL, 10);
}

static bool sanitized(void)
{
#ifdef __SANITIZE_THREAD__
	return true;
#else
	return sanitize_on();
#endif
}

static void test_memory(void **state)
{
	size_t tcp = heap_of(case_printf("tcp://127.0.0.1:%d", in->port), "small");
	size_t tls = heap_of(case_printf("ssl://127.0.0.1:%d", tls_port), "secure");

	(void)state;
	print_message("heap of an idle client: %zu bytes, with TLS %zu\n", tcp, tls);
	if (!sanitized()) /* their allocators tell nothing, or too much */
		assert_true(tcp > 0 && tcp < 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_token),
		SYSTEM(test_password),
		SYSTEM(test_next_address),
		SYSTEM(test_ws),
		SYSTEM(test_tls),
		SYSTEM(test_tls_refused),
		SYSTEM(test_refused),
		SYSTEM(test_on_token),
		SYSTEM(test_only_on_token),
		SYSTEM(test_presence),
		SYSTEM(test_will),
		SYSTEM(test_watch),
		SYSTEM(test_takeover),
		SYSTEM(test_silent),
		SYSTEM(test_end_anywhere),
		SYSTEM(test_memory),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
