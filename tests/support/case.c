/* case.c — see case.h. */
#include "tests/support/case.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/guard.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define SLOWER 4
#else
#	define SLOWER 1
#endif
#define SECONDS_MAX 120

struct undo {
	struct undo *next;
	case_undo_fn *fn;
	void *arg;
};

struct report {
	struct report *next;
	case_report_fn *fn;
	void *arg;
};

struct check {
	struct check *next;
	case_check_fn *fn;
	void *arg;
};

/* Last first. Of the test, or, while none runs, of the program. */
static struct undo *test_undos, *program_undos;
static struct check *test_checks, *program_checks;
static struct report *reports;
static bool in_test, passed, any_failed;

void case_defer(case_undo_fn *fn, void *arg)
{
	struct undo *u = malloc(sizeof(*u));
	struct undo **list = in_test ? &test_undos : &program_undos;

	if (!u)
		abort();
	*u = (struct undo){*list, fn, arg};
	*list = u;
}

static void undo_all(struct undo **list, bool failed)
{
	while (*list) {
		struct undo *u = *list;

		*list = u->next;
		u->fn(u->arg, failed);
		free(u);
	}
}

void case_verify(case_check_fn *fn, void *arg)
{
	struct check *c = malloc(sizeof(*c));
	struct check **list = in_test ? &test_checks : &program_checks;

	if (!c)
		abort();
	*c = (struct check){*list, fn, arg};
	*list = c;
}

static void check_all(struct check **list, bool run)
{
	while (*list) {
		struct check c = **list;

		free(*list);
		*list = c.next;
		if (run)
			c.fn(c.arg);
	}
}

void case_on_failure(case_report_fn *fn, void *arg)
{
	struct report *r = malloc(sizeof(*r));

	if (!r)
		abort();
	*r = (struct report){reports, fn, arg};
	reports = r;
}

void case_forget_report(void *arg)
{
	for (struct report **at = &reports; *at;) {
		struct report *r = *at;

		if (r->arg != arg) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		free(r);
	}
}

static void report_all(void)
{
	for (struct report *r = reports; r; r = r->next)
		r->fn(r->arg);
	fflush(NULL);
}

/* A test that hangs: say so with its logs, and leave; the guard ends what it started. */
static void on_alarm(int sig)
{
	(void)sig;
	fprintf(stderr, "the test takes too long; these are its logs so far\n");
	report_all();
	_exit(124);
}

int case_begin(void **state)
{
	struct test_case *c = *state;

	in_test = true;
	passed = false;
	alarm((c->seconds_max ? c->seconds_max : SECONDS_MAX) * SLOWER);
	return 0;
}

void case_run(void **state)
{
	struct test_case *c = *state;

	c->fn(state);
	check_all(&test_checks, true);
	passed = true;
}

int case_end(void **state)
{
	(void)state;
	if (!passed) {
		any_failed = true;
		report_all();
	}
	check_all(&test_checks, false);
	undo_all(&test_undos, !passed);
	in_test = false;
	alarm(0);
	return 0;
}

/* The group's setup, where a failing assertion is cmocka's to catch. */
static case_test_fn *group_setup;
static bool group_ready;

static int begin_group(void **state)
{
	alarm(SECONDS_MAX * SLOWER);
	if (group_setup)
		group_setup(state);
	alarm(0);
	group_ready = true;
	return 0;
}

int case_run_all(const struct CMUnitTest *tests, size_t count, case_test_fn *setup)
{
	static const struct sigaction act = {.sa_handler = on_alarm};
	static const struct sigaction ignore = {.sa_handler = SIG_IGN};
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	guard_begin();
	sigaction(SIGALRM, &act, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	group_setup = setup;
	failed = _cmocka_run_group_tests("system", tests, count, begin_group, NULL);
	if (!group_ready)
		report_all();
	any_failed |= !group_ready;
	check_all(&program_checks, !any_failed);
	undo_all(&program_undos, any_failed);
	return failed ? 1 : 0;
}

static void undo_alloc(void *arg, bool failed)
{
	(void)failed;
	free(arg);
}

void *case_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		abort();
	case_defer(undo_alloc, p);
	return p;
}

char *case_vprintf(const char *fmt, va_list args)
{
	char *s;

	if (vasprintf(&s, fmt, args) < 0)
		abort();
	case_defer(undo_alloc, s);
	return s;
}

char *case_printf(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = case_vprintf(fmt, args);
	va_end(args);
	return s;
}

void case_fail(const char *fmt, ...)
{
	va_list args;
	char *why;

	va_start(args, fmt);
	why = case_vprintf(fmt, args);
	va_end(args);
	print_error("%s\n", why);
	_fail(why, 0); /* once more, behind the logs, where the end of a long output shows it */
	abort();       /* _fail does not return */
}

int64_t case_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t case_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int case_patience_ms(void)
{
	return 20000 * SLOWER;
}

void case_pause_ms(int ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) != 0)
		;
}

bool case_wait(case_cond_fn *cond, void *arg)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (!cond(arg)) {
		if (case_now_ms() > until)
			return false;
		case_pause_ms(2);
	}
	return true;
}
