/* gnatter_login_test.c — signing in by the program gnatter, and out; who may see what it keeps. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/certs.h"
#include "tests/support/client.h"
#include "tests/support/shell.h"
#include "tests/support/tmux.h"
#include "tests/support/token.h"

static struct instance *in;
static int tls_port;

/* A copy that the user can read whom the broker becomes. */
static const char *readable(struct instance *i, const char *path, const char *name)
{
	const char *copy = instance_path(i, name);
	char *text = slurp(path, NULL);

	spill(copy, text, strlen(text));
	assert_int_equal(chmod(copy, 0644), 0);
	return copy;
}

/* Beside the usual listener one with TLS. */
static void add_tls(struct instance *i)
{
	const char *path = instance_path(i, "mosquitto.conf"), *text;

	do {
		tls_port = free_port();
	} while (tls_port == i->port);
	text = case_printf("%s\nlistener %d 127.0.0.1\ncertfile %s\nkeyfile %s\n",
		slurp(path, NULL), tls_port, readable(i, certs()->cert, "cert.pem"),
		readable(i, certs()->key, "cert.key"));
	spill(path, text, strlen(text));
}

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	add_tls(in);
	instance_start(in);
}

static int mode_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		case_fail("%s is not there", path);
	return (int)(st.st_mode & 07777);
}

static struct run login(struct shell *p, const char *how, const char *secret, const char *address)
{
	return GN_IN(p, secret, "login", address, "--user", "alice", how, "--timeout", "20");
}

static void expect_code(struct run r, int code, const char *words)
{
	assert_int_equal(r.code, code);
	expect_sentence(&r, words);
}

static void test_password(void **state)
{
	struct shell *p = shell_create(in);
	struct run r = login(p, "--password-stdin", "wonderland\n", shell_address(p));

	(void)state;
	assert_int_equal(r.code, 0);
	assert_string_equal(r.err, "");
	assert_non_null(strstr(r.out, "as alice"));
	GN_OK_OUT(p, "chats");
	assert_null(strstr(slurp(shell_path(p, ".config/gnatter/config"), NULL), "wonderland"));
}

static void test_token(void **state)
{
	struct shell *p = shell_signed_in(in, "bob");

	(void)state;
	GN_OK_OUT(p, "chats");
	assert_int_equal(mode_of(shell_path(p, ".config/gnatter/token")), 0600);
	assert_int_equal(mode_of(shell_path(p, ".config/gnatter/config")), 0600);
	assert_int_equal(mode_of(shell_path(p, ".config/gnatter")), 0700);
	assert_int_equal(mode_of(shell_path(p, ".local/state/gnatter")), 0700);
}

/* Each with one sentence and a code of its own, and nothing is kept. */
static void test_wrong(void **state)
{
	struct shell *p = shell_create(in);
	const char *expired = token_mint(
		&in->keys, &(struct token){.sub = "alice", .iat_in = -20, .exp_in = -10});

	(void)state;
	expect_code(login(p, "--password-stdin", "wrong", shell_address(p)), 4, "wrong");
	expect_code(login(p, "--token-stdin", expired, shell_address(p)), 4, "wrong");
	expect_code(
		login(p, "--password-stdin", "x", case_printf("tcp://127.0.0.1:%d", free_port())),
		3, "cannot reach");
	expect_code(login(p, "--password-stdin", "x", "http://127.0.0.1"), 1, "address");
	expect_code(login(p, "--password-stdin", "", shell_address(p)), 2, "standard input");
	expect_code(GN_IN(p, "x", "login", shell_address(p), "--user", "Al ice", "--token-stdin"),
		2, "no user's name");
	expect_code(GN_IN(p, "x", "login", shell_address(p), "--user", "alice", "--device",
			    "a device", "--token-stdin"),
		2, "no device's name");
	expect_code(GN_IN(p, "x", "login", "--token-stdin"), 2, "missing");
	assert_int_not_equal(access(shell_path(p, ".config/gnatter/token"), F_OK), 0);
	GN_REFUSES(p, 4, "nobody is signed in", "chats");
}

/* What was is kept when a later sign-in fails. */
static void test_wrong_keeps(void **state)
{
	struct shell *p = shell_signed_in(in, "alice");

	(void)state;
	expect_code(login(p, "--password-stdin", "wrong", shell_address(p)), 4, "wrong");
	GN_OK_OUT(p, "chats");
}

static void test_certificate(void **state)
{
	struct shell *p = shell_create(in);
	const char *address = case_printf("ssl://localhost:%d", tls_port);
	struct run r;

	(void)state;
	expect_code(login(p, "--password-stdin", "wonderland", address), 3, "cannot reach");
	r = GN_IN(p, "wonderland", "login", address, "--user", "alice", "--password-stdin",
		"--ca-file", certs()->other_ca);
	expect_code(r, 3, "cannot reach");
	r = GN_IN(p, "wonderland", "login", address, "--user", "alice", "--password-stdin",
		"--ca-file", certs()->ca);
	if (r.code != 0)
		case_fail("with the right authority: %d %s", r.code, r.err);
	GN_OK_OUT(p, "chats");
}

/* A token that others can read is none. */
static void test_readable(void **state)
{
	struct shell *p = shell_signed_in(in, "alice");
	const char *path = shell_path(p, ".config/gnatter/token");
	static const mode_t bad[] = {0644, 0640, 0620, 0604, 0601};

	(void)state;
	for (size_t k = 0; k < COUNT(bad); k++) {
		assert_int_equal(chmod(path, bad[k]), 0);
		GN_REFUSES(p, 4, "can be read by others", "chats");
	}
	assert_int_equal(chmod(path, 0600), 0);
	GN_OK_OUT(p, "chats");
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		GN_REFUSES(p, 4, "somebody else", "chats");
	}
	unlink(path);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	GN_REFUSES(p, 4, "cannot read", "chats");
	unlink(path);
	spill(path, "", 0);
	chmod(path, 0600);
	GN_REFUSES(p, 4, "no token", "chats");
}

/* What a hand may have written. */
static void test_config(void **state)
{
	struct shell *p = shell_signed_in(in, "alice");
	const char *path = shell_path(p, ".config/gnatter/config");
	char *good = slurp(path, NULL);
	static const char *const bad[] = {"color blue", "user", "user Alice", "device a/b"};

	(void)state;
	for (size_t k = 0; k < COUNT(bad); k++) {
		const char *text = case_printf("%s%s\n", good, bad[k]);

		spill(path, text, strlen(text));
		GN_REFUSES(p, 1, "", "chats");
	}
	good = case_printf("\n# a comment\n\t\n%s", good);
	spill(path, good, strlen(good));
	GN_OK_OUT(p, "chats");
}

/* A person is asked, and what is secret is not shown. */
static void test_asks(void **state)
{
	struct shell *p = shell_create(in);
	const char *argv[] = {build_path("gnatter"), "login", NULL};
	struct tmux *t = tmux_start(&(struct tmux_opts){.argv = argv, .env = p->env});

	(void)state;
	tmux_wait(t, "Address (tcp://localhost:1883):");
	tmux_type(t, shell_address(p));
	tmux_key(t, "Enter");
	tmux_wait(t, "User:");
	tmux_type(t, "alice");
	tmux_key(t, "Enter");
	tmux_wait(t, "Token or password:");
	tmux_type(t, "wonderland");
	tmux_key(t, "Enter");
	assert_int_equal(tmux_wait_end(t), 0);
	tmux_wait(t, "signed in to");
	assert_false(tmux_holds(t, "wonderland"));
	GN_OK_OUT(p, "chats");

	/* The next time it knows who was here; Ctrl-C changes nothing. */
	t = tmux_start(&(struct tmux_opts){.argv = argv, .env = p->env});
	tmux_wait(t, case_printf("Address (%s):", shell_address(p)));
	tmux_key(t, "Enter");
	tmux_wait(t, "User (alice):");
	tmux_key(t, "Enter");
	tmux_wait(t, "Token or password:");
	tmux_key(t, "C-c");
	assert_int_equal(tmux_wait_end(t), 2);
	GN_OK_OUT(p, "chats");
}

static void test_logout(void **state)
{
	struct shell *p = shell_signed_in(in, "alice");
	const char *store = shell_path(p, ".local/state/gnatter/alice@desk-send.db");

	(void)state;
	GN_OK_OUT(p, "send", "lobby", "sent");
	assert_int_equal(access(store, F_OK), 0);
	GN_OK_OUT(p, "send", "--no-wait", "lobby", "waits");
	GN_REFUSES(p, 1, "1 message has not been sent", "logout");
	GN_OK_OUT(p, "chats");
	GN_OK_OUT(p, "logout", "--discard");
	assert_int_not_equal(access(store, F_OK), 0);
	GN_REFUSES(p, 4, "nobody", "chats");
	GN_REFUSES(p, 4, "nobody", "logout");
}

/* Several accounts on a machine do not see each other. */
static void test_accounts(void **state)
{
	struct shell *p = shell_signed_in(in, "alice");
	struct run r = GN_IN(p, "builder", "--account", "work", "login", shell_address(p), "--user",
		"bob", "--password-stdin");

	(void)state;
	assert_int_equal(r.code, 0);
	GN_OK_OUT(p, "send", "lobby", "from alice");
	GN_OK_OUT(p, "send", "--account", "work", "lobby", "from bob");
	r = shell_script(p, "GNATTER_ACCOUNT=work \"$GNATTER\" history lobby -n 2");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "alice: from alice"));
	assert_non_null(strstr(r.out, "bob: from bob"));
	GN_OK_OUT(p, "logout", "--account=work");
	GN_REFUSES(p, 4, "nobody", "--account", "work", "chats");
	GN_REFUSES(p, 2, "an account has a name", "--account", "../x", "chats");
	GN_OK_OUT(p, "chats");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_password),
		SYSTEM(test_token),
		SYSTEM(test_wrong),
		SYSTEM(test_wrong_keeps),
		SYSTEM(test_certificate),
		SYSTEM(test_readable),
		SYSTEM(test_config),
		SYSTEM(test_asks),
		SYSTEM(test_logout),
		SYSTEM(test_accounts),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
