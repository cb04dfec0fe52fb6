/* shell.c — see shell.h. */
#include "tests/support/shell.h"

#include <string.h>
#include <sys/stat.h>

#include "tests/support/token.h"

const char *shell_path(const struct shell *p, const char *below)
{
	return case_printf("%s/%s", p->home, below);
}

const char *shell_address(const struct shell *p)
{
	return case_printf("tcp://127.0.0.1:%d", p->in->port);
}

static const char *const *environment(const struct shell *p)
{
	const char *const *san = instance_env(p->in, false);
	const char **env = case_alloc(16 * sizeof(*env));
	size_t n = 0;

	while (san[n] && n < 8) {
		env[n] = san[n];
		n++;
	}
	env[n++] = case_printf("HOME=%s", p->home);
	env[n++] = "XDG_CONFIG_HOME=";
	env[n++] = "XDG_STATE_HOME=";
	env[n++] = "GNATTER_ACCOUNT=";
	env[n++] = "TZ=UTC";
	env[n++] = case_printf("GNATTER=%s", build_path("gnatter"));
	return env;
}

struct shell *shell_create(struct instance *i)
{
	static unsigned number;
	struct shell *p = case_alloc(sizeof(*p));

	p->in = i;
	p->home = case_printf("%s/home%u", i->root, number++);
	if (mkdir(p->home, 0700) != 0)
		case_fail("cannot make %s", p->home);
	p->env = environment(p);
	return p;
}

struct shell *shell_signed_in(struct instance *i, const char *user)
{
	struct shell *p = shell_create(i);
	const char *token = token_mint(&i->keys, &(struct token){.sub = user});
	struct run r = GN_IN(p, token, "login", shell_address(p), "--user", user, "--device",
		"desk", "--token-stdin");

	if (r.code != 0)
		case_fail("%s cannot sign in: %d %s", user, r.code, r.err);
	return p;
}

static const char *const *command(const char *const args[])
{
	const char **argv = case_alloc(32 * sizeof(*argv));
	size_t n = 0;

	argv[n++] = case_printf("%s", build_path("gnatter"));
	while (*args && n < 31)
		argv[n++] = *args++;
	return argv;
}

struct run shell_run(struct shell *p, const char *input, const char *const args[])
{
	return run_spec(command(args), input, &(struct proc_spec){.env = p->env});
}

char *shell_ok(struct shell *p, const char *const args[])
{
	struct run r = shell_run(p, NULL, args);

	if (r.code != 0 || *r.err)
		case_fail("gnatter %s %s ends with %d: %s%s", args[0], args[1] ? args[1] : "",
			r.code, r.out, r.err);
	return r.out;
}

void shell_refused(struct shell *p, int code, const char *words, const char *const args[])
{
	struct run r = shell_run(p, NULL, args);

	if (r.code != code)
		case_fail("gnatter %s should end with %d, not %d: %s%s", args[0], code, r.code,
			r.out, r.err);
	expect_sentence(&r, words);
}

struct run shell_script(struct shell *p, const char *script)
{
	return run_spec((const char *const[]){"bash", "-c", script, NULL}, NULL,
		&(struct proc_spec){.env = p->env});
}

struct proc *shell_start(struct shell *p, const char *log, const char *const args[])
{
	struct proc *proc = case_alloc(sizeof(*proc));

	proc_start(
		proc, command(args), &(struct proc_spec){.log = shell_path(p, log), .env = p->env});
	return proc;
}

struct looking {
	const char *path, *text;
	char *found;
};

static bool is_there(void *arg)
{
	struct looking *l = arg;

	l->found = slurp(l->path, NULL);
	return l->found && strstr(l->found, l->text);
}

char *shell_wait(struct shell *p, const char *log, const char *text)
{
	struct looking l = {shell_path(p, log), text, NULL};

	if (!case_wait(is_there, &l))
		case_fail("%s should hold '%s', not '%s'", log, text, l.found ? l.found : "");
	return l.found;
}
