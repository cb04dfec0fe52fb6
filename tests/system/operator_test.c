/* operator_test.c — gnatterctl: every command, with the daemon running and without. `run` has its
 * own file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"
#include "tests/support/raw.h"
#include "wire/version.h"

/* gnatterctl without an instance. */
static struct run program(struct instance *i, const char *const args[])
{
	const char *argv[20] = {build_path("gnatterctl")};
	size_t n = 1;

	while (*args && n < COUNT(argv) - 1)
		argv[n++] = *args++;
	return run_spec(argv, NULL, &(struct proc_spec){.env = instance_env(i, true)});
}
#define PROGRAM(i, ...) program((i), (const char *const[]){__VA_ARGS__, NULL})

static bool exists(struct instance *i, const char *below)
{
	return access(instance_path(i, below), F_OK) == 0;
}

static bool in_with(struct instance *i, const char *user, const char *password)
{
	struct client_opts o = {.user = user, .device = "check", .password = password};
	int reason;
	struct client *c = client_try(i, &o, &reason);

	if (c)
		client_close(c);
	return c != NULL;
}

/* --- init ------------------------------------------------------------------------------------ */

static void test_init(void **state)
{
	static const char *const parts[] = {"mosquitto.conf", "gnatter.conf", "keys/token.key",
		"data/store", "data/directory", "run", "log"};
	struct instance *i = instance_folder();
	struct run r = PROGRAM(i, "init", i->dir, "--port", case_printf("%d", i->port));
	struct stat st;

	(void)state;
	if (r.code != 0)
		case_fail("init: %s", r.err);
	for (size_t k = 0; k < COUNT(parts); k++) {
		if (!exists(i, parts[k]))
			case_fail("init makes no %s", parts[k]);
	}
	assert_int_equal(stat(instance_path(i, "keys/token.key"), &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
	assert_true(strlen(slurp(instance_path(i, "keys/token.key"), NULL)) >= 44);
	assert_non_null(
		strstr(slurp(instance_path(i, "mosquitto.conf"), NULL), "plugin_opt_config"));
	/* a second time: refused, and nothing is changed */
	char *key = slurp(instance_path(i, "keys/token.key"), NULL);
	r = PROGRAM(i, "init", i->dir);
	expect_sentence(&r, "not empty");
	assert_string_equal(key, slurp(instance_path(i, "keys/token.key"), NULL));
	r = PROGRAM(i, "init", case_printf("%s/a/b/c", i->root));
	expect_sentence(&r, "cannot make");
	r = PROGRAM(i, "init", case_printf("%s/j", i->root), "--port", "70000");
	assert_int_not_equal(r.code, 0);
	assert_int_not_equal(access(case_printf("%s/j", i->root), F_OK), 0);
	r = PROGRAM(i, "init", case_printf("%s/j", i->root), "--port", "x");
	assert_int_not_equal(r.code, 0);
}

/* --demo: people who can talk at once; --ws-port: for browsers. */
static void test_init_demo(void **state)
{
	struct instance *i = instance_folder();
	int ws = free_port();
	struct run r = PROGRAM(i, "init", i->dir, "--port", case_printf("%d", i->port), "--ws-port",
		case_printf("%d", ws), "--demo");
	static const char upgrade[] =
		"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\n"
		"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Protocol: mqtt\r\n"
		"Sec-WebSocket-Version: 13\r\n\r\n";
	struct raw web;
	char answer[64] = "";
	struct client *alice, *bob;

	(void)state;
	if (r.code != 0)
		case_fail("init: %s", r.err);
	instance_run(i);
	alice = client_open(
		i, &(struct client_opts){.user = "alice", .device = "x", .password = "demo"});
	bob = client_open(
		i, &(struct client_opts){.user = "bob", .device = "x", .password = "demo"});
	client_subscribe_ok(alice, "chat/lobby/msg", 1);
	client_send(bob, "lobby", "hello");
	client_take(alice, "chat/lobby/msg", "hello");
	json_expect_str(
		client_request(alice, "chat.get", "{\"chat\":\"lobby\"}"), "title", "Lobby");
	client_request(alice, "chat.update",
		"{\"chat\":\"lobby\",\"title\":\"Hall\"}"); /* alice is its admin */
	client_refused(bob, "chat.update", "{\"chat\":\"lobby\",\"title\":\"x\"}", "forbidden");
	assert_true(in_with(i, "carol", "demo"));
	assert_true(raw_open(&web, ws, 0));
	assert_true(raw_write(&web, upgrade, sizeof(upgrade) - 1));
	assert_true(recv(web.fd, answer, sizeof(answer) - 1, 0) > 0);
	assert_non_null(strstr(answer, "101"));
	raw_close(&web);
}

/* --- accounts and chats, online and offline ----------------------------------------------------
 */

static void accounts(struct instance *i, bool online)
{
	const char *a = online ? "online" : "offline";
	struct run r;
	char *list;

	CTL_OK(i, "user", "add", a, "--name", "An Account");
	r = ctl_in(i,
		(const char *const[]){
			"user", "add", case_printf("%s2", a), "--password-stdin", NULL},
		"secret word\n");
	assert_int_equal(r.code, 0);
	CTL_OK(i, "user", "add", case_printf("%s3", a), "--role", "admin");
	r = CTL(i, "user", "add", a);
	expect_sentence(&r, "exists");
	r = CTL(i, "user", "add", "Not A Name");
	expect_sentence(&r, "Not A Name");
	r = CTL(i, "user", "add", "a/b");
	expect_sentence(&r, "a/b");
	r = CTL(i, "user", "add", "x", "--role", "king");
	expect_sentence(&r, "role");
	list = CTL_OK(i, "user", "list");
	assert_non_null(strstr(list, a));
	assert_non_null(strstr(list, "An Account"));
	list = CTL_OK(i, "user", "list", "--json");
	for (char *line = strtok(list, "\n"); line; line = strtok(NULL, "\n"))
		assert_non_null(json_str(json_from(line), "user"));
	CTL_OK(i, "user", "disable", a);
	assert_non_null(strstr(CTL_OK(i, "user", "list"), "disabled"));
	CTL_OK(i, "user", "enable", a);
	assert_null(strstr(CTL_OK(i, "user", "list"), "disabled"));
	r = ctl_in(i, (const char *const[]){"user", "password", a, "--password-stdin", NULL},
		"set later\n");
	assert_int_equal(r.code, 0);
	CTL_OK(i, "user", "remove", case_printf("%s3", a));
	r = CTL(i, "user", "remove", case_printf("%s3", a));
	expect_sentence(&r, "no such user");
	r = CTL(i, "user", "disable", "nobody");
	expect_sentence(&r, "no such user");
}

static void chats(struct instance *i, bool online)
{
	const char *c = online ? "on-line" : "off-line";
	struct run r;

	CTL_OK(i, "chat", "create", c, "--title", "A Chat", "--member", "alice", "--member", "bob",
		"--admin", "carol");
	CTL_OK(i, "chat", "create", case_printf("%s-news", c), "--kind", "channel", "--member",
		"alice");
	r = CTL(i, "chat", "create", c);
	expect_sentence(&r, "exists");
	r = CTL(i, "chat", "create", "x", "--member", "nobody");
	expect_sentence(&r, "no user");
	r = CTL(i, "chat", "create", "No Name");
	expect_sentence(&r, "name");
	CTL_OK(i, "member", "add", c, "dave");
	r = CTL(i, "member", "add", c, "dave");
	expect_sentence(&r, "already");
	CTL_OK(i, "member", "remove", c, "bob");
	r = CTL(i, "member", "remove", c, "bob");
	expect_sentence(&r, "not a member");
	r = CTL(i, "member", "add", "nowhere", "bob");
	expect_sentence(&r, "no such");
	assert_non_null(strstr(CTL_OK(i, "chat", "list"), "A Chat"));
	assert_non_null(strstr(CTL_OK(i, "chat", "list", "--json"), case_printf("\"%s\"", c)));
}

static void test_accounts_and_chats(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *dave;
	struct cJSON *j;

	(void)state;
	accounts(i, false);
	chats(i, false);
	instance_start(i);
	accounts(i, true);
	chats(i, true);
	/* both kinds are the same to those who sign in */
	assert_true(in_with(i, "offline2", "secret word"));
	assert_true(in_with(i, "online2", "secret word"));
	assert_true(in_with(i, "offline", "set later"));
	assert_true(in_with(i, "online", "set later"));
	assert_false(in_with(i, "online", "secret word"));
	dave = client_5(i, "dave", "x");
	j = client_request(dave, "chats", "{}");
	assert_int_equal(json_len(j, "chats"), 2);
	json_expect_num(client_request(dave, "chat.get", "{\"chat\":\"off-line\"}"), "count", 3);
	json_expect_num(client_request(dave, "chat.get", "{\"chat\":\"on-line\"}"), "count", 3);
}

struct prompt {
	int fd; /* the keyboard and screen of a terminal */
	char screen[1024];
	size_t len, answered;
	const char *keys; /* typed at each prompt */
	struct proc *program;
};

/* Type when a new prompt has come; true when the program has ended. */
static bool type_at_prompt(void *arg)
{
	struct prompt *p = arg;
	ssize_t n = read(p->fd, p->screen + p->len, sizeof(p->screen) - 1 - p->len);

	if (n > 0)
		p->len += (size_t)n;
	if (p->len > p->answered && p->screen[p->len - 1] == ' ') {
		if (write(p->fd, p->keys, strlen(p->keys)) < 0)
			return true;
		p->answered = p->len;
	}
	return proc_ended(p->program);
}

/* Run gnatterctl at a terminal of its own and type `keys` at each prompt. What was on the screen.
 */
static char *at_terminal(struct instance *i, const char *const argv[], const char *keys, int *code)
{
	struct prompt *p = case_alloc(sizeof(*p));
	struct proc_spec spec = {
		.log = case_printf("%s/terminal.out", i->root), .env = instance_env(i, false)};

	p->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	p->keys = keys;
	p->program = case_alloc(sizeof(*p->program));
	if (p->fd < 0 || grantpt(p->fd) != 0 || unlockpt(p->fd) != 0)
		case_fail("no terminal: %s", strerror(errno));
	spec.tty = case_printf("%s", ptsname(p->fd));
	proc_start(p->program, argv, &spec);
	if (!case_wait(type_at_prompt, p))
		case_fail("it does not end; on the screen: %s", p->screen);
	*code = proc_code(p->program);
	close(p->fd);
	return p->screen;
}

/* A password is asked for at the terminal, twice, and not shown; it is no word of the command line.
 */
static void test_password_prompt(void **state)
{
	struct instance *i = instance_create(NULL);
	const char *add[] = {
		build_path("gnatterctl"), "-d", i->dir, "user", "add", "typed", "--password", NULL};
	char *screen;
	struct run r;
	int code;

	(void)state;
	screen = at_terminal(i, add, "open sesame\n", &code);
	if (code != 0)
		case_fail("user add --password ends with %d: %s", code, screen);
	assert_null(strstr(screen, "sesame"));
	instance_start(i);
	assert_true(in_with(i, "typed", "open sesame"));
	r = CTL(i, "user", "add", "other", "--password", "secret");
	assert_int_not_equal(r.code, 0);
	r = CTL(i, "user", "add", "other", "--password"); /* with no terminal */
	assert_int_not_equal(r.code, 0);
	r = CTL(i, "user", "list");
	assert_null(strstr(r.out, "other"));
	r = ctl_in(i, (const char *const[]){"user", "add", "other", "--password-stdin", NULL}, "");
	assert_int_not_equal(r.code, 0);
}

/* What the command changes, clients see at once. */
static void test_changes_are_seen_live(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *bob, *eve;

	(void)state;
	instance_start(i);
	bob = client_5(i, "bob", "x");
	eve = client_3(i, "eve", "x");
	client_subscribe_ok(bob, "chat/lobby/#", 1);
	client_subscribe_ok(eve, "user/eve/events", 1);
	CTL_OK(i, "member", "add", "lobby", "eve");
	client_take(eve, "user/eve/events", "chat.added");
	client_take(bob, "chat/lobby/msg", "member.added");
	client_subscribe_ok(eve, "chat/lobby/msg", 1);
	CTL_OK(i, "kick", "eve");
	client_wait_closed(eve);
	CTL_OK(i, "user", "disable", "bob");
	client_wait_closed(bob);
	assert_false(in_with(i, "bob", "builder"));
	CTL_OK(i, "user", "enable", "bob");
	assert_true(in_with(i, "bob", "builder"));
}

static void test_token(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client_opts o = {.user = "carol", .device = "phone"};
	struct client *c;
	struct run r;
	int reason;
	char *token;

	(void)state;
	token = CTL_OK(i, "token", "carol", "--device", "phone", "--ttl", "90s");
	token[strcspn(token, "\n")] = '\0';
	instance_start(i);
	o.password = token;
	client_close(client_open(i, &o));
	o.device = "tablet";
	assert_null(client_try(i, &o, &reason));
	token = CTL_OK(i, "token", "carol", "--role", "admin");
	token[strcspn(token, "\n")] = '\0';
	o.password = token;
	c = client_open(i, &o);
	json_expect_str(client_request(c, "me", "{}"), "role", "admin");
	r = CTL(i, "token", "Carol");
	expect_sentence(&r, "Carol");
	r = CTL(i, "token", "carol", "--ttl", "soon");
	expect_sentence(&r, "ttl");
	r = CTL(i, "token", "carol", "--role", "king");
	expect_sentence(&r, "role");
	r = CTL(i, "token", "carol", "--device", "my phone");
	expect_sentence(&r, "my phone");
	r = CTL(i, "token");
	assert_int_not_equal(r.code, 0);
}

/* --- import and export -------------------------------------------------------------------------
 */

static char *sorted(char *lines)
{
	return run_in((const char *const[]){"sort", NULL}, lines).out;
}

static void test_import_and_export(void **state)
{
	static const char lines[] =
		"{\"user\":\"u1\",\"password\":\"one\",\"name\":\"\xc3\x9c \\\"1\\\"\"}\n"
		"{\"user\":\"u2\",\"role\":\"admin\"}\n"
		"\n"
		"{\"user\":\"u3\",\"disabled\":true}\n"
		"{\"chat\":\"c1\",\"title\":\"T\",\"members\":[\"u1\",\"u3\"],\"admins\":[\"u2\"]}"
		"\n"
		"{\"chat\":\"c2\",\"kind\":\"channel\",\"admins\":[\"u1\"]}\n";
	struct instance *a = instance_create(lines), *b;
	char *offline, *online, *again;
	struct run r;

	(void)state;
	offline = CTL_OK(a, "export");
	instance_start(a);
	online = CTL_OK(a, "export");
	assert_string_equal(offline, online);
	assert_null(strstr(online, "\"one\"")); /* hashes, never passwords */
	/* into another one: the same people with the same passwords */
	b = instance_create(NULL);
	r = ctl_in(b, (const char *const[]){"import", "-", NULL}, online);
	if (r.code != 0)
		case_fail("import of an export: %s", r.err);
	instance_start(b);
	again = CTL_OK(b, "export");
	assert_string_equal(sorted(online), sorted(again));
	assert_true(in_with(b, "u1", "one"));
	assert_false(in_with(b, "u3", ""));
	/* a second time every line fails by its number; the good one among them is done */
	r = ctl_in(b, (const char *const[]){"import", "-", NULL},
		"{\"user\":\"u1\"}\n{\"user\":\"new\"}\nnot "
		"json\n{\"chat\":\"c3\",\"members\":[\"nobody\"]}\n[1]\n");
	assert_int_not_equal(r.code, 0);
	for (int k = 1; k <= 5; k++)
		assert_int_equal(strstr(r.err, case_printf("line %d:", k)) != NULL, k != 2);
	assert_non_null(strstr(CTL_OK(b, "user", "list"), "new"));
	r = CTL(b, "import", "/no/such/file");
	expect_sentence(&r, "/no/such/file");
	r = CTL(b, "import", b->root);
	assert_int_not_equal(r.code, 0);
}

/* A chat with more members than fit into one request: out of one instance and into another, and
 * never into another chat of that name. */
static void test_import_of_a_large_chat(void **state)
{
	enum { CROWD = 60000 };
	struct instance *a = instance_create(NULL), *b = instance_create(NULL);
	char *path = case_printf("%s/large", a->root), *out;
	FILE *f = fopen(path, "w");
	struct run r;

	(void)state;
	assert_non_null(f);
	for (int k = 0; k < CROWD; k++)
		fprintf(f, "{\"user\":\"u%05d\"}\n", k);
	fprintf(f, "{\"chat\":\"news\",\"kind\":\"channel\",\"title\":\"N \\u00e4\",\"members\":[");
	for (int k = 0; k < CROWD; k++)
		fprintf(f, "%s\"u%05d\"", k ? "," : "", k);
	fprintf(f, "],\"admins\":[\"u00007\",\"u59999\"]}\n");
	fclose(f);
	assert_non_null(strstr(CTL_OK(a, "import", path), case_printf("%d lines", CROWD + 1)));
	out = CTL_OK(a, "export");
	instance_start(b);
	r = ctl_in(b, (const char *const[]){"import", "-", NULL}, out);
	if (r.code != 0)
		case_fail("import of an export: %s", r.err);
	assert_non_null(strstr(r.out, case_printf("%d lines", CROWD + 1)));
	assert_true(strcmp(sorted(out), sorted(CTL_OK(b, "export"))) == 0);
	/* it is there already: nobody of this one gets into it */
	CTL_OK(b, "member", "remove", "news", "u00001");
	r = ctl_in(b, (const char *const[]){"import", "-", NULL}, strstr(out, "{\"chat\""));
	assert_int_not_equal(r.code, 0);
	assert_non_null(strstr(r.err, "line 1:"));
	assert_non_null(strstr(r.out, "0 lines imported, 1 failed"));
	assert_null(strstr(strstr(CTL_OK(b, "export"), "{\"chat\""), "\"u00001\""));
}

/* 100,000 lines take seconds; with the daemon and without. */
static void test_import_100000_lines(void **state)
{
	for (int online = 0; online <= 1; online++) {
		struct instance *i = instance_create(NULL);
		char *path = case_printf("%s/many", i->root);
		FILE *f = fopen(path, "w");
		int64_t start;

		assert_non_null(f);
		for (int k = 0; k < 95000; k++)
			fprintf(f, "{\"user\":\"user%d\"}\n", k);
		for (int k = 0; k < 5000; k++) {
			fprintf(f, "{\"chat\":\"group%d\",\"title\":\"Group %d\",\"members\":[", k,
				k);
			for (int m = 0; m < 10; m++)
				fprintf(f, "%s\"user%d\"", m ? "," : "",
					(k * 19 + m * 101) % 95000);
			fprintf(f, "]}\n");
		}
		fclose(f);
		if (online)
			instance_start(i);
		start = case_now_ms();
		CTL_OK(i, "import", path);
		if (case_now_ms() - start > case_patience_ms())
			case_fail("import took %lld ms", (long long)(case_now_ms() - start));
		assert_non_null(strstr(CTL_OK(i, "stats", "--json"), "\"directory.users\":95000"));
		assert_non_null(strstr(CTL_OK(i, "stats", "--json"), "\"directory.chats\":5000"));
		instance_stop(i);
	}
	(void)state;
}

static void test_stats(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;
	struct cJSON *j;

	(void)state;
	json_expect_num(json_from(CTL_OK(i, "stats", "--json")), "directory~users", 5);
	instance_start(i);
	alice = client_5(i, "alice", "x");
	for (int k = 0; k < 7; k++)
		client_send(alice, "lobby", "x");
	client_publish(
		alice, &(struct publish){.topic = "chat/nowhere/send", .payload = "x", .qos = 1});
	client_barrier(alice);
	j = json_from(CTL_OK(i, "stats", "--json"));
	json_expect_num(j, "plugin~sends_accepted", 7);
	json_expect_num(j, "plugin~refused_access", 1);
	json_expect_num(j, "plugin~bridge_connected", 1);
	json_expect_num(j, "bridge~messages_stored", 7);
	assert_true(json_num(j, "store~disk_bytes") > 0);
	assert_true(json_num(j, "plugin~signins_token") >= 2);
	assert_non_null(strstr(CTL_OK(i, "stats"), "plugin.sends_accepted"));
	assert_non_null(strstr(CTL_OK(i, "stats"), " " SERVER_VERSION "\n"));
	instance_stop(i);
	json_expect_num(json_from(CTL_OK(i, "stats", "--json")), "plugin~sends_accepted", 7);
}

/* --- usage -------------------------------------------------------------------------------------
 */

static void test_usage(void **state)
{
	static const char *const commands[] = {"init", "run", "user add", "user remove",
		"user disable", "user enable", "user list", "token", "chat create", "chat list",
		"member add", "member remove", "import", "export", "stats"};
	struct instance *i = instance_create(NULL);
	struct run r = PROGRAM(i, "--help");

	(void)state;
	assert_int_equal(r.code, 0);
	for (size_t k = 0; k < COUNT(commands); k++) {
		if (!strstr(r.out, commands[k]))
			case_fail("--help does not tell of %s", commands[k]);
	}
	r = PROGRAM(i, "init", "--help");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "--demo"));
	r = CTL(i, "dance");
	assert_int_not_equal(r.code, 0);
	assert_non_null(strstr(r.err, "dance"));
	r = CTL(i, "user", "list", "--no-such-option");
	assert_int_not_equal(r.code, 0);
	r = CTL(i, "member", "add", "lobby");
	assert_int_not_equal(r.code, 0);
	r = PROGRAM(i, "-d", "/no/such/instance", "user", "list");
	expect_sentence(&r, "/no/such/instance");
	r = PROGRAM(i, "-d", i->root, "user", "list");
	expect_sentence(&r, "no instance");
	r = program(i, (const char *const[]){NULL});
	assert_int_not_equal(r.code, 0);
}

static void test_version(void **state)
{
	struct instance *i = instance_create(NULL);
	struct run r = PROGRAM(i, "--version");

	(void)state;
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out, "gnatterctl " SERVER_VERSION "\n");
	r = run((const char *const[]){build_path("gnatterd"), "--version", NULL});
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out, "gnatterd " SERVER_VERSION "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_init),
		SYSTEM(test_init_demo),
		SYSTEM(test_accounts_and_chats),
		SYSTEM(test_password_prompt),
		SYSTEM(test_changes_are_seen_live),
		SYSTEM(test_token),
		SYSTEM(test_import_and_export),
		SYSTEM(test_import_of_a_large_chat),
		SYSTEM(test_import_100000_lines),
		SYSTEM(test_stats),
		SYSTEM(test_usage),
		SYSTEM(test_version),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
