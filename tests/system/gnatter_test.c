/* gnatter_test.c — the commands of gnatter, as a shell uses them, with the real broker and daemon.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/json.h"
#include "tests/support/people.h"
#include "tests/support/shell.h"
#include "tests/support/tmux.h"

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
}

static void test_send(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	struct client *bob = client_5(in, "bob", "phone");
	struct cJSON *said;
	struct run r;

	(void)state;
	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	client_subscribe_ok(bob, "chat/alice:bob/msg", 1);
	assert_string_equal(GN_OK_OUT(alice, "send", "lobby", "several", "words", "--", "-n"), "");
	client_take(bob, "chat/lobby/msg", "\"several words -n\"");
	r = GN_IN(alice, "first\n\nthird\n", "send", "@bob", "-");
	assert_int_equal(r.code, 0);
	client_take(bob, "chat/alice:bob/msg", "\"first\\n\\nthird\"");
	GN_OK_OUT(alice, "send", "bob:alice", "in either order");
	client_take(bob, "chat/alice:bob/msg", "either");
	said = json_from(GN_OK_OUT(alice, "send", "--json", "lobby", "number"));
	json_expect_str(said, "chat", "lobby");
	GN_OK_OUT(alice, "send", "-r", case_printf("%d", (int)json_num(said, "seq")), "lobby",
		"an answer");
	json_expect_num(json_from(client_take(bob, "chat/lobby/msg", "an answer")->payload), "ref",
		json_num(said, "seq"));
}

/* Whoever sends from a shell is not thereby online. */
static void test_not_online(void **state)
{
	struct instance *i = people_instance(1, 0);
	struct client *friend = people_device(i, "f0", "phone", 5);
	struct shell *u = shell_signed_in(i, "u0");
	struct proc *tail;

	(void)state;
	GN_OK_OUT(u, "send", "@f0", "hello");
	tail = GN_START(u, "tail", "tail", "@f0");
	shell_wait(u, "tail", "hello");
	assert_false(json_has(client_requestf(friend, "user.get", "{\"user\":\"u0\"}"), "state"));
	assert_string_equal(
		json_text(json_at(
			client_requestf(friend, "user.get", "{\"user\":\"u0\"}"), "online")),
		"false");
	assert_int_equal(proc_terminate(tail), 0);
}

/* What the server will not do has a code of its own, and its sentence is handed on. */
static void test_refused(void **state)
{
	struct shell *eve = shell_signed_in(in, "eve");

	(void)state;
	GN_REFUSES(eve, 5, "refused (forbidden): not allowed", "send", "lobby", "let me in");
	GN_REFUSES(eve, 5, "forbidden", "send", "nowhere", "x");
	GN_REFUSES(eve, 5, "forbidden", "history", "lobby");
	GN_REFUSES(eve, 5, "forbidden", "tail", "lobby");
	GN_REFUSES(eve, 5, "forbidden", "who", "lobby");
	GN_OK_OUT(eve, "flush"); /* it does not wait for ever */
	GN_OK_OUT(eve, "send", "@alice", "but this");
}

static void test_usage(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	static const char *const wrong[][6] = {
		{"sing"},
		{"send"},
		{"send", "lobby"},
		{"send", "lobby", ""},
		{"send", "Lobby", "x"},
		{"send", "@Bob", "x"},
		{"send", "@alice", "x"},
		{"send", "a:b:c", "x"},
		{"send", "lobby", "x", "--reply", "0"},
		{"send", "lobby", "x", "--reply", "-1"},
		{"send", "lobby", "x", "--replay", "1"},
		{"send", "lobby", "x", "--json=yes"},
		{"send", "lobby", "\xff"},
		{"send", "lobby", "x", "--timeout", "0"},
		{"tail"},
		{"tail", "lobby", "lobby"},
		{"tail", "lobby", "-n"},
		{"tail", "lobby", "-n", "ten"},
		{"tail", "lobby", "-x"},
		{"history", "lobby", "--since", "yesterday"},
		{"history", "lobby", "--since", "2026-02-31"},
		{"history", "lobby", "--before", "0"},
		{"history", "lobby", "--limit", "100001"},
		{"help", "sing"},
	};
	struct run r = shell_run(alice, NULL, (const char *const[]){NULL});

	(void)state;
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "usage:"));
	for (size_t k = 0; k < COUNT(wrong); k++) {
		r = shell_run(alice, NULL, wrong[k]);
		if (r.code != 2)
			case_fail("gnatter %s %s ends with %d: %s", wrong[k][0],
				wrong[k][1] ? wrong[k][1] : "", r.code, r.err);
		expect_sentence(&r, "gnatter: ");
	}
}

/* Without a connection a message waits on the disk, behind those that waited before. */
static void test_offline(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct shell *alice;
	struct client *bob;
	struct history h;
	struct run r;

	(void)state;
	instance_start(i);
	alice = shell_signed_in(i, "alice");
	instance_stop(i);
	r = GN(alice, "send", "lobby", "m0", "--timeout", "1");
	assert_int_equal(r.code, 3);
	assert_non_null(strstr(r.err, "cannot reach tcp://127.0.0.1:"));
	assert_non_null(strstr(r.err, "waits in the outbox"));
	GN_OK_OUT(alice, "send", "--no-wait", "lobby", "m1");
	GN_REFUSES(alice, 3, "cannot reach", "chats", "--timeout", "1");
	r = GN(alice, "flush", "--timeout", "1");
	assert_int_equal(r.code, 3);
	instance_start(i);
	bob = client_5(i, "bob", "phone");
	GN_OK_OUT(alice, "send", "lobby", "m2");
	h = history_all(bob, "lobby");
	assert_int_equal(h.count, 3);
	for (int k = 0; k < 3; k++)
		json_expect_str(h.messages[k], "text", case_printf("m%d", k));
	GN_OK_OUT(alice, "send", "--no-wait", "lobby", "m3");
	GN_OK_OUT(alice, "flush");
	GN_OK_OUT(alice, "flush");
	assert_int_equal(history_all(bob, "lobby").count, 4);
}

/* A token that the server takes no longer: the message is not lost. */
static void test_signed_out(void **state)
{
	struct shell *carol = shell_create(in);
	struct run r;

	(void)state;
	CTL_OK(in, "user", "add", "mallory");
	r = GN_IN(carol, ctl_ok(in, (const char *const[]){"token", "mallory", NULL}), "login",
		shell_address(carol), "--user", "mallory", "--token-stdin");
	assert_int_equal(r.code, 0);
	CTL_OK(in, "user", "disable", "mallory");
	r = GN(carol, "send", "@bob", "x");
	assert_int_equal(r.code, 4);
	assert_non_null(strstr(r.err, "does not let mallory in"));
	assert_non_null(strstr(r.err, "waits in the outbox"));
	CTL_OK(in, "user", "enable", "mallory");
	r = GN(carol, "logout");
	assert_int_equal(r.code, 1);
}

/* Many at once: nothing is lost, refused, or thrown out by another. */
static void test_at_once(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	struct proc *tails[2];
	struct proc *senders[6];
	struct client *carol = client_5(in, "carol", "phone");

	(void)state;
	GN_OK_OUT(alice, "send", "@carol", "begin");
	tails[0] = GN_START(alice, "tail0", "tail", "@carol", "--json");
	tails[1] = GN_START(alice, "tail1", "tail", "@carol", "-n", "1");
	shell_wait(alice, "tail0", "begin");
	shell_wait(alice, "tail1", "begin");
	for (size_t k = 0; k < COUNT(senders); k++)
		senders[k] = GN_START(alice, case_printf("send%zu", k), "send", "@carol",
			case_printf("at once %zu", k));
	for (size_t k = 0; k < COUNT(senders); k++) {
		assert_true(proc_wait(senders[k], case_patience_ms()));
		assert_int_equal(proc_code(senders[k]), 0);
	}
	GN_OK_OUT(alice, "send", "@carol", "end");
	shell_wait(alice, "tail0", "\"end\"");
	shell_wait(alice, "tail1", ": end");
	for (size_t k = 0; k < COUNT(senders); k++) {
		assert_non_null(
			strstr(shell_wait(alice, "tail0", "end"), case_printf("at once %zu", k)));
		assert_non_null(
			strstr(shell_wait(alice, "tail1", "end"), case_printf("at once %zu", k)));
	}
	assert_int_equal(history_all(carol, "alice:carol").count, 2 + COUNT(senders));
	assert_int_equal(proc_terminate(tails[0]), 0);
	proc_signal(tails[1], SIGINT);
	assert_true(proc_wait(tails[1], case_patience_ms()));
	assert_int_equal(proc_code(tails[1]), 0);
}

/* The full-screen client has the account's store for itself; commands do without it. */
static void test_beside_full_screen(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	const char *argv[] = {"env", case_printf("%s", build_path("gnatter")), NULL};
	struct tmux_opts opts = {.argv = argv, .env = alice->env};
	struct tmux *full = tmux_start(&opts), *second;

	(void)state;
	tmux_wait(full, "Lobby");
	GN_OK_OUT(alice, "send", "lobby", "from the shell");
	tmux_wait(full, "from the shell");
	assert_non_null(strstr(GN_OK_OUT(alice, "history", "lobby"), "from the shell"));
	GN_REFUSES(alice, 1, "still running", "logout");
	second = tmux_start(&opts);
	assert_int_equal(tmux_wait_end(second), 1);
	tmux_wait(second, "runs already");
	tmux_type(full, "/quit");
	tmux_key(full, "Enter");
	assert_int_equal(tmux_wait_end(full), 0);
	GN_OK_OUT(alice, "logout");
}

/* It comes back by itself, and has missed nothing. */
static void test_tail_reconnects(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct shell *alice;
	struct client *bob;

	(void)state;
	instance_start(i);
	alice = shell_signed_in(i, "alice");
	GN_START(alice, "tail", "tail", "lobby", "--json");
	bob = client_5(i, "bob", "phone");
	client_send(bob, "lobby", "before");
	shell_wait(alice, "tail", "\"before\"");
	instance_kill_broker(i);
	client_wait_closed(bob);
	instance_start_broker(i);
	instance_wait_ready(i);
	bob = client_5(i, "bob", "tablet");
	client_send(bob, "lobby", "after 1");
	client_send(bob, "lobby", "after 2");
	assert_non_null(strstr(shell_wait(alice, "tail", "after 2"), "after 1"));
}

/* --- history -------------------------------------------------------------------------------- */

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void test_history(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	struct client *boss = client_5(in, "alice", "phone");
	char *out;

	(void)state;
	client_request(boss, "chat.create", "{\"chat\":\"log\",\"members\":[\"bob\"]}");
	assert_string_equal(GN_OK_OUT(alice, "history", "log", "--since", "2"), "");
	for (int k = 2; k <= 1300; k++)
		client_sendf(boss, "log", "line %d", k);
	history_wait_seq(boss, "log", 1300);
	out = GN_OK_OUT(alice, "history", "log");
	assert_int_equal(lines_of(out), 50);
	assert_non_null(strstr(out, "alice: line 1251\n"));
	assert_non_null(strstr(out, "alice: line 1300\n"));
	assert_int_equal(lines_of(GN_OK_OUT(alice, "history", "log", "-n", "3")), 3);
	out = GN_OK_OUT(alice, "history", "log", "--since", "100");
	assert_int_equal(lines_of(out), 1201);
	assert_memory_equal(strstr(out, "alice:"), "alice: line 100\n", 16);
	out = GN_OK_OUT(
		alice, "history", "log", "--since", "100", "--before", "700", "--limit", "7");
	assert_int_equal(lines_of(out), 7);
	assert_memory_equal(strstr(out, "alice:"), "alice: line 693\n", 16);
	assert_int_equal(lines_of(GN_OK_OUT(alice, "history", "log", "--limit", "100000")), 1300);
}

static void test_history_times(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");

	(void)state;
	GN_OK_OUT(alice, "send", "@dave", "now");
	assert_int_equal(lines_of(GN_OK_OUT(alice, "history", "@dave", "--since", "1h")), 1);
	assert_int_equal(lines_of(GN_OK_OUT(alice, "history", "@dave", "--before", "1h")), 0);
	assert_int_equal(
		lines_of(GN_OK_OUT(alice, "history", "@dave", "--since", "2020-01-01")), 1);
	assert_int_equal(
		lines_of(GN_OK_OUT(alice, "history", "@dave", "--since", "2020-01-01T10:30Z")), 1);
	assert_int_equal(
		lines_of(GN_OK_OUT(alice, "history", "@dave", "--before", "2020-01-01 10:30:01")),
		0);
	assert_int_equal(
		lines_of(GN_OK_OUT(alice, "history", "@dave", "--since", "2100-12-31")), 0);
}

/* Edits, deletes, reactions, replies: as they are now. */
static void test_shown(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	struct client *carol = client_5(in, "carol", "phone");
	struct cJSON *j;
	char *out;

	(void)state;
	client_send(carol, "alice:carol", "{\"id\":\"w1\",\"text\":\"wrog\"}");
	history_wait_seq(carol, "alice:carol", 1);
	j = client_request(carol, "history", "{\"chat\":\"alice:carol\",\"limit\":1}");
	client_sendf(carol, "alice:carol", "{\"type\":\"edit\",\"ref\":%d,\"text\":\"right\"}",
		(int)json_num(j, "messages.0.seq"));
	client_sendf(carol, "alice:carol", "{\"type\":\"reaction\",\"ref\":%d,\"text\":\"👍\"}",
		(int)json_num(j, "messages.0.seq"));
	client_send(
		carol, "alice:carol", "{\"type\":\"image\",\"media\":[\"m1\"],\"body\":{\"w\":1}}");
	client_send(carol, "alice:carol", "bye");
	history_wait_seq(carol, "alice:carol", (uint64_t)json_num(j, "messages.0.seq") + 4);
	out = GN_OK_OUT(alice, "history", "@carol", "-n", "5");
	assert_non_null(strstr(out, "carol: right (edited)\n"));
	assert_null(strstr(out, "wrog"));
	assert_non_null(strstr(out, "carol: [reaction] (to #"));
	assert_non_null(strstr(out, "carol: [image]\n"));
	out = GN_OK_OUT(alice, "history", "@carol", "-n", "2", "--json");
	out[strcspn(out, "\n")] = '\0';
	j = json_from(out);
	json_expect_str(j, "type", "image");
	json_expect_str(j, "media.0", "m1");
	json_expect_num(j, "body.w", 1);
	assert_true(json_num(j, "ts") > 0);
}

/* --- who, chats ----------------------------------------------------------------------------- */

static void test_who(void **state)
{
	struct instance *i = people_instance(2, 0);
	struct client *f0 = people_device(i, "f0", "phone", 5);
	struct shell *u0 = shell_signed_in(i, "u0");
	struct cJSON *j;

	(void)state;
	GN_OK_OUT(u0, "send", "@f0", "hello");
	people_say(f0, "f0", "phone", "{\"state\":\"busy\",\"text\":\"in a meeting\"}");
	client_barrier(f0);
	assert_non_null(strstr(GN_OK_OUT(u0, "who", "@f0"), "online, busy: in a meeting"));
	assert_non_null(strstr(GN_OK_OUT(u0, "who"), "in a meeting"));
	j = json_from(GN_OK_OUT(u0, "who", "@f0", "--json"));
	json_expect_str(j, "user", "f0");
	json_expect_str(j, "state", "busy");
	assert_non_null(strstr(GN_OK_OUT(u0, "who", "f0:u0"), "f0"));
	assert_non_null(strstr(GN_OK_OUT(u0, "who", "@f1"), "offline"));
	assert_non_null(strstr(GN_OK_OUT(u0, "who", "--json"), "\"user\":\"f0\""));
}

static void test_chats(void **state)
{
	struct shell *bob = shell_signed_in(in, "bob");
	struct client *dave = client_5(in, "dave", "phone");
	struct cJSON *j;
	char *out;

	(void)state;
	client_send(dave, "bob:dave", "one");
	client_send(dave, "bob:dave", "two");
	history_wait_seq(dave, "bob:dave", 2);
	out = GN_OK_OUT(bob, "chats");
	assert_memory_equal(out, "@dave ", 6);
	assert_non_null(strstr(out, " 2  "));
	assert_non_null(strstr(out, "\nlobby "));
	out = GN_OK_OUT(bob, "chats", "--json");
	out[strcspn(out, "\n")] = '\0';
	j = json_from(out);
	json_expect_str(j, "chat", "bob:dave");
	json_expect_str(j, "peer", "dave");
	json_expect_num(j, "unread", 2);
	json_expect_str(j, "preview", "two");
}

/* --- what it is printed to ------------------------------------------------------------------ */

/* Who stops reading has not made an error; a full disk is one. */
static void test_closed(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	struct run r;

	(void)state;
	for (int k = 0; k < 3; k++)
		GN_OK_OUT(alice, "send", "lobby", "a line");
	r = shell_script(alice, "set -o pipefail; \"$GNATTER\" history lobby | head -n 1");
	assert_int_equal(r.code, 0);
	assert_string_equal(r.err, "");
	assert_int_equal(lines_of(r.out), 1);
	r = shell_script(alice, "set -o pipefail; \"$GNATTER\" tail lobby | head -n 1");
	assert_int_equal(r.code, 0);
	assert_string_equal(r.err, "");
	r = shell_script(alice, "\"$GNATTER\" history lobby >/dev/full");
	assert_int_equal(r.code, 1);
	expect_sentence(&r, "cannot write to standard output");
	r = shell_script(alice, "\"$GNATTER\" tail lobby >/dev/full");
	assert_int_equal(r.code, 1);
	expect_sentence(&r, "cannot write to standard output");
	r = shell_script(alice, "\"$GNATTER\" --help >&-");
	assert_int_equal(r.code, 1);
}

static const char hostile[] = "{\"text\":\"safe\\u001b[2J\\u001b]0;title\\u0007\\u009b1m\\u202egnp"
			      "\\u0008\\r\\nnext\\u007f\\ttab\"}";

/* A terminal gets nothing that it could obey; a file gets what was written; JSON is escaped. */
static void test_hostile(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	struct client *eve = client_5(in, "eve", "phone");
	const char *argv[] = {build_path("gnatter"), "history", "@eve", "-n", "1", NULL};
	struct tmux *t;
	char *out;

	(void)state;
	client_send(eve, "alice:eve", hostile);
	client_barrier(eve); /* it is stored */
	t = tmux_start(&(struct tmux_opts){.argv = argv, .env = alice->env});
	assert_int_equal(tmux_wait_end(t), 0);
	tmux_wait_row(t, 0, "eve: safe?[2J?]0;title??1m?gnp??");
	tmux_wait_row(t, 1, "    next?");
	assert_non_null(strstr(tmux_screen_styled(t), "\033[1meve"));
	out = GN_OK_OUT(alice, "history", "@eve", "-n", "1");
	assert_non_null(strstr(out, "safe\033[2J"));
	assert_null(strstr(out, "\033[1m"));
	out = GN_OK_OUT(alice, "history", "@eve", "--json", "-n", "1");
	assert_int_equal(lines_of(out), 1);
	assert_null(strchr(out, '\033'));
	assert_null(strchr(out, 0x7f));
	assert_non_null(strstr(json_str(json_from(out), "text"), "safe\033[2J"));
}

static void test_no_color(void **state)
{
	struct shell *alice = shell_signed_in(in, "alice");
	const char *argv[] = {"env", "NO_COLOR=1", build_path("gnatter"), "history", "lobby", NULL};
	struct tmux *t;

	(void)state;
	GN_OK_OUT(alice, "send", "lobby", "plain");
	t = tmux_start(&(struct tmux_opts){.argv = argv, .env = alice->env});
	assert_int_equal(tmux_wait_end(t), 0);
	tmux_wait(t, "alice: plain");
	assert_null(strchr(tmux_screen_styled(t), '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_send),
		SYSTEM(test_not_online),
		SYSTEM(test_refused),
		SYSTEM(test_usage),
		SYSTEM(test_offline),
		SYSTEM(test_signed_out),
		SYSTEM(test_at_once),
		SYSTEM(test_beside_full_screen),
		SYSTEM(test_tail_reconnects),
		SYSTEM(test_history),
		SYSTEM(test_history_times),
		SYSTEM(test_shown),
		SYSTEM(test_who),
		SYSTEM(test_chats),
		SYSTEM(test_closed),
		SYSTEM(test_hostile),
		SYSTEM(test_no_color),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
