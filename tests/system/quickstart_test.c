/* quickstart_test.c — the newcomer's way: `make run`, and the three lines that it prints, pasted
 * into a shell as they are.
 *
 * Runs from the top of the source tree, as `make test` does. A build with sanitizers takes the same
 * steps without make, which must not have a sanitizer's runtime loaded.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/sanitize.h"

static const char *const no_make_above[] = {"MAKEFLAGS=", "MAKELEVEL=0", "MFLAGS=", NULL};

/* "B=<the folder that everything was built into>", as the Makefile wants it. */
static char *build_folder(void)
{
	const char *inside = build_path("gnatterd");

	return case_printf("B=%.*s", (int)(strrchr(inside, '/') - inside), inside);
}

/* Would make build nothing? What it would do is told by -n; a compiler's command has an -o. */
static bool is_up_to_date(void)
{
	const char *argv[] = {"make", "-n", build_folder(), "all", NULL};
	struct run r = run_spec(argv, NULL, &(struct proc_spec){.env = no_make_above});

	return r.code == 0 && !strstr(r.out, " -o ");
}

static void start_by_make(struct instance *i)
{
	const char *argv[] = {"make", "--no-print-directory", "run", build_folder(),
		case_printf("INSTANCE=%s", i->dir), case_printf("PORT=%d", i->port), NULL};

	proc_start(&i->run, argv,
		&(struct proc_spec){
			.log = case_printf("%s/run.out", i->root), .env = no_make_above});
}

static void start_by_hand(struct instance *i, bool first)
{
	const char *init[] = {build_path("gnatterctl"), "init", i->dir, "--demo", "--port",
		case_printf("%d", i->port), NULL};
	const char *start[] = {build_path("gnatterctl"), "run", i->dir, "--hints", NULL};
	struct proc_spec spec = {
		.log = case_printf("%s/run.out", i->root), .env = instance_env(i, true)};

	if (first)
		assert_int_equal(
			run_spec(init, NULL, &(struct proc_spec){.env = instance_env(i, false)})
				.code,
			0);
	proc_start(&i->run, start, &spec);
}

static bool has_printed_lines(void *arg)
{
	struct instance *i = arg;
	char *out = slurp(i->run.log, NULL);

	if (proc_ended(&i->run))
		case_fail("make run ended with %d", proc_code(&i->run));
	return out && strstr(out, "--password-stdin") &&
	       strchr(strstr(out, "--password-stdin"), '\n');
}

static void start(struct instance *i, bool first)
{
	remove(case_printf("%s/run.out", i->root));
	if (sanitize_on() || !is_up_to_date())
		start_by_hand(i, first);
	else
		start_by_make(i);
	if (!case_wait(has_printed_lines, i))
		case_fail("make run prints no lines to paste");
}

/* Ctrl-C, as the shell gives it to the one in the foreground. */
static void interrupt(struct instance *i)
{
	pid_t ctl = proc_find("gnatterctl", i->dir);

	assert_true(ctl > 0);
	kill(ctl, SIGINT);
	if (!proc_wait(&i->run, case_patience_ms()))
		case_fail("make run does not end on Ctrl-C");
	assert_int_equal(proc_code(&i->run), 0);
	assert_int_equal(proc_find("mosquitto", i->dir), 0);
	assert_int_equal(proc_find("gnatterd", i->dir), 0);
}

/* The printed line with this command in it, from there on. */
static char *printed(struct instance *i, const char *command)
{
	char *out = slurp(i->run.log, NULL), *at = strstr(out, command);

	assert_non_null(at);
	at[strcspn(at, "\n")] = '\0';
	assert_non_null(strstr(at, case_printf("-p %d", i->port)));
	return at;
}

static struct run paste(const char *line)
{
	return run((const char *const[]){"sh", "-c", line, NULL});
}

struct listener {
	struct proc proc;
	const char *write_line;
};

/* Bob writes until alice, who may still be on her way, has heard him. */
static bool heard(void *arg)
{
	struct listener *l = arg;
	struct run r = paste(l->write_line);
	char *out = slurp(l->proc.log, NULL);

	if (r.code != 0)
		case_fail("'%s' ends with %d: %s", l->write_line, r.code, r.err);
	return out && strstr(out, "\"text\":\"hello\"");
}

/* As far as a terminal is not needed, which her client fills then. */
static void carol_signs_in(struct instance *i)
{
	char *out = slurp(i->run.log, NULL), *line = strstr(out, "echo demo | ");
	const char *home =
		case_printf("unset XDG_CONFIG_HOME XDG_STATE_HOME; HOME=%s; export HOME;", i->root);
	struct run r;

	assert_non_null(line);
	line[strcspn(line, ";")] = '\0';
	r = paste(case_printf("%s %s", home, line));
	if (r.code != 0)
		case_fail("'%s' ends with %d: %s", line, r.code, r.err);
	r = paste(case_printf("%s %s history lobby", home, build_path("gnatter")));
	if (r.code != 0 || !strstr(r.out, "bob: hello"))
		case_fail("carol reads, with %d: %s%s", r.code, r.out, r.err);
}

static void test_make_run(void **state)
{
	struct instance *i = instance_folder();
	struct listener *l = case_alloc(sizeof(*l));
	const char *listen[] = {"sh", "-c", NULL, NULL};
	struct run r;

	(void)state;
	start(i, true);
	listen[2] = case_printf("exec stdbuf -oL %s", printed(i, "mosquitto_sub"));
	proc_start(&l->proc, listen,
		&(struct proc_spec){.log = case_printf("%s/listener.out", i->root)});
	l->write_line = printed(i, "mosquitto_pub");
	if (!case_wait(heard, l))
		case_fail("alice hears nothing");
	r = paste(printed(i, "mosquitto_rr"));
	if (r.code != 0 || !strstr(r.out, "\"text\":\"hello\"") ||
		!strstr(r.out, "\"from\":\"bob\""))
		case_fail("alice reads back, with %d: %s%s", r.code, r.out, r.err);
	interrupt(i);
	/* a second time goes on with the same data */
	start(i, false);
	r = paste(printed(i, "mosquitto_rr"));
	assert_non_null(strstr(r.out, "\"text\":\"hello\""));
	carol_signs_in(i);
	interrupt(i);
}

static void test_make_help(void **state)
{
	static const char *const targets[] = {"run", "test", "bench", "clean"};
	struct run r = run_spec((const char *const[]){"make", "--no-print-directory", "help", NULL},
		NULL, &(struct proc_spec){.env = no_make_above});

	(void)state;
	assert_int_equal(r.code, 0);
	for (size_t k = 0; k < COUNT(targets); k++)
		assert_non_null(strstr(r.out, targets[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_make_run),
		SYSTEM(test_make_help),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
