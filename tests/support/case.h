/* case.h — one test: what it made is undone however it ends, and a failure comes with its logs.
 *
 * cmocka leaves a failed test by longjmp, so a test cannot clean up behind itself. Whatever has to
 * be undone is deferred here when it is made, and undone last first when the test is over. What is
 * deferred before the first test (in a group's setup) lives until the program ends.
 *
 *   int main(void)
 *   {
 *           const struct CMUnitTest tests[] = {SYSTEM(test_a), SYSTEM(test_b)};
 *
 *           return case_run_all(tests, sizeof(tests) / sizeof(*tests), NULL);
 *   }
 *
 * Environment: ONLY=pattern runs the tests whose name matches (* and ? as in a shell); KEEP=1 keeps
 * the folders of tests that passed.
 *
 * All functions belong to the main thread, which is also the only one that may assert.
 */
#ifndef GNATTER_TESTS_CASE_H
#define GNATTER_TESTS_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

typedef void case_test_fn(void **state);

struct test_case {
	case_test_fn *fn;
	unsigned seconds_max; /* 0: the default */
};

#define SYSTEM_WITHIN(f, seconds)                                       \
	{                                                               \
#		f, case_run, case_begin, case_end, &(struct test_case) \
		{                                                       \
			f, seconds                                      \
		}                                                       \
	}
#define SYSTEM(f) SYSTEM_WITHIN(f, 0)

/* For the macros above. */
void case_run(void **state);
int case_begin(void **state);
int case_end(void **state);

/* The whole of a main(): guard, tests, exit code. setup (may be NULL) runs before the first test.
 */
int case_run_all(const struct CMUnitTest *tests, size_t count, case_test_fn *setup);

/* Undo later. `failed` tells whether the test failed, so that evidence can be left in place. */
typedef void case_undo_fn(void *arg, bool failed);
void case_defer(case_undo_fn *fn, void *arg);

/* Check at the end of a test that has passed so far: fn may assert. Last first. */
typedef void case_check_fn(void *arg);
void case_verify(case_check_fn *fn, void *arg);

/* Called when a test has failed, before anything is undone: print what explains it. */
typedef void case_report_fn(void *arg);
void case_on_failure(case_report_fn *fn, void *arg);
void case_forget_report(void *arg);

/* Memory until the test is over. Never NULL. */
void *case_alloc(size_t size);
char *case_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *case_vprintf(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/* Fail the test with a sentence. */
_Noreturn void case_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Milliseconds on a clock that only goes forward; and since 1970. */
int64_t case_now_ms(void);
int64_t case_wall_ms(void);

/* How long to wait for something that is to happen; longer with sanitizers. */
int case_patience_ms(void);

/* Wait until cond(arg), asking every 2 ms. False if patience ends. */
typedef bool case_cond_fn(void *arg);
bool case_wait(case_cond_fn *cond, void *arg);

/* A pause between two looks; not a wait for anything. */
void case_pause_ms(int ms);

#endif
