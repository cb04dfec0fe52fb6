/* login.c — gnatter login, gnatter logout. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/gnatter/say.h"
#include "clients/gnatter/secret.h"
#include "clients/gnatter/session.h"
#include "wire/name.h"

#define USUAL_ADDRESS "tcp://localhost:1883"

/* The name of this machine, as far as a device may be called so. Owned by the caller. */
static char *usual_device(void)
{
	char host[CONFIG_DEVICE_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	for (char *c = host; *c; c++)
		if (!name_device_ok(c, 1))
			*c = '-';
	return need_copy(*host ? host : "terminal");
}

static void replace(char **at, const char *value)
{
	free(*at);
	*at = need_copy(value);
}

/* What the command line says goes before what was so the last time. */
static void take_given(struct account *acc, const struct args *a)
{
	static const struct {
		const char *option;
		size_t offset;
	} rows[] = {{"user", offsetof(struct account, user)},
		{"device", offsetof(struct account, device)},
		{"ca-file", offsetof(struct account, ca_file)}};

	if (a->operands > 0)
		replace(&acc->address, a->operand[0]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *value = args_value(a, rows[i].option);

		if (value)
			replace((char **)(void *)((char *)acc + rows[i].offset), value);
	}
	if (!acc->device)
		acc->device = usual_device();
}

static bool secret_on_stdin(const struct args *a)
{
	return args_has(a, "token-stdin") || args_has(a, "password-stdin");
}

/* A person is asked for what the command line did not say; a script is not. */
static int ask_missing(struct account *acc, const struct args *a)
{
	bool person = !secret_on_stdin(a);

	if (a->operands == 0 && person) {
		char *got = ask("Address", acc->address ? acc->address : USUAL_ADDRESS, true);

		if (!got)
			return GN_USAGE;
		free(acc->address);
		acc->address = got;
	}
	if (!args_has(a, "user") && person) {
		char *got = ask("User", acc->user, true);

		if (!got)
			return GN_USAGE;
		free(acc->user);
		acc->user = got;
	}
	if (!acc->address || !acc->user)
		return fail(GN_USAGE, "login: %s is missing; see gnatter login --help",
			acc->address ? "--user" : "ADDRESS");
	acc->secret =
		person ? ask("Token or password", NULL, false) : line_of_stdin(CONFIG_SECRET_MAX);
	return acc->secret ? GN_OK : GN_USAGE;
}

/* As it would be refused when it is read again. */
static int check(const struct account *acc)
{
	if (!name_user_ok(acc->user, strlen(acc->user)))
		return fail(GN_USAGE, "'%s' is no user's name", acc->user);
	if (strlen(acc->device) > CONFIG_DEVICE_MAX ||
		!name_device_ok(acc->device, strlen(acc->device)))
		return fail(GN_USAGE,
			"'%s' is no device's name: letters, digits, '_' and '-', at most %d",
			acc->device, CONFIG_DEVICE_MAX);
	if (strpbrk(acc->address, "\r\n") || (acc->ca_file && strpbrk(acc->ca_file, "\r\n")))
		return fail(GN_USAGE, "a line feed is no part of an address, nor of a file's name");
	if (acc->ca_file && access(acc->ca_file, R_OK) != 0)
		return fail(GN_USAGE, "cannot read %s", acc->ca_file);
	return GN_OK;
}

/* A name that is found from elsewhere, too. */
static int make_absolute(struct account *acc)
{
	char *path;

	if (!acc->ca_file || *acc->ca_file == '/')
		return GN_OK;
	path = realpath(acc->ca_file, NULL);
	if (!path)
		return fail(GN_USAGE, "cannot read %s", acc->ca_file);
	free(acc->ca_file);
	acc->ca_file = path;
	return GN_OK;
}

/* Sign in for once; only what works is kept. */
static int try_and_save(struct session *s)
{
	int code = session_open_with(s, SESSION_READS);

	if (code == GN_OK)
		code = session_connect(s);
	if (code == GN_OK)
		code = session_wait_synced(s, true);
	return code == GN_OK ? account_save(&s->account) : code;
}

int command_login(const struct args *a)
{
	struct session s;
	int64_t timeout_ms = 0;
	int code = GN_USAGE;

	session_init(&s);
	if (args_timeout(a, &timeout_ms))
		code = account_load(&s.account, a->account);
	if (code == GN_OK) {
		take_given(&s.account, a);
		code = ask_missing(&s.account, a);
	}
	if (code == GN_OK)
		code = check(&s.account);
	if (code == GN_OK)
		code = make_absolute(&s.account);
	s.deadline_ms = session_now_ms() + timeout_ms;
	if (code == GN_OK)
		code = try_and_save(&s);
	if (code == GN_OK)
		printf("signed in to %s as %s\n", s.account.address, s.account.user);
	session_close(&s);
	return code;
}

/* --- logout --------------------------------------------------------------------------------- */

static bool count_waiting(void *ctx, const struct gnatter_message *m)
{
	(void)m;
	++*(unsigned *)ctx;
	return true;
}

/* How many messages wait in a store; GN_OK or what was said. */
static int waiting_in(const struct account *acc, const char *device, const char *path, unsigned *n)
{
	struct gnatter_options o;
	struct gnatter *g;
	enum gnatter_error e;

	if (access(path, F_OK) != 0)
		return GN_OK;
	gnatter_options_init(&o);
	o.address = acc->address;
	o.user = acc->user;
	o.device = device;
	o.secret = "none"; /* it does not connect */
	o.store = path;
	e = gnatter_create(&g, &o);
	if (e == GNATTER_EINUSE)
		return fail(GN_FAILED, "a gnatter of this account is still running");
	if (e == GNATTER_OK)
		e = gnatter_outbox(g, NULL, count_waiting, n);
	gnatter_destroy(g);
	return e == GNATTER_OK ? GN_OK : fail(GN_FAILED, "%s: %s", path, gnatter_error_text(e));
}

static void remove_store(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".lock"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		char *file = need_printf("%s%s", path, ends[i]);

		unlink(file);
		free(file);
	}
}

/* The account's own device, and the one that sends. */
static int forget_stores(const struct account *acc, bool discard)
{
	char *devices[2] = {need_copy(acc->device), need_printf("%s-send", acc->device)};
	char *paths[2] = {account_store(acc, devices[0]), account_store(acc, devices[1])};
	unsigned waiting = 0;
	int code = GN_OK;

	for (int i = 0; i < 2 && !discard && code == GN_OK; i++)
		code = waiting_in(acc, devices[i], paths[i], &waiting);
	if (code == GN_OK && waiting > 0)
		code = fail(GN_FAILED,
			"%u %s not been sent: gnatter flush sends them, logout --discard throws "
			"them away",
			waiting, waiting == 1 ? "message has" : "messages have");
	for (int i = 0; i < 2; i++) {
		if (code == GN_OK)
			remove_store(paths[i]);
		free(paths[i]);
		free(devices[i]);
	}
	return code;
}

int command_logout(const struct args *a)
{
	struct account acc;
	int code = account_load(&acc, a->account);

	if (code == GN_OK)
		code = account_complete(&acc);
	if (code == GN_OK)
		code = forget_stores(&acc, args_has(a, "discard"));
	if (code == GN_OK && !account_forget_secret(&acc))
		code = fail(GN_SIGNED_OUT, "nobody is signed in; see gnatter login");
	account_finish(&acc);
	return code;
}
