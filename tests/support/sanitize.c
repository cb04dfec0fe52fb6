/* sanitize.c
 *
 * A stock mosquitto gets the sanitizer's runtime by LD_PRELOAD, and with it a library of ours that
 * turns dlclose into nothing: leaks are looked for at exit, when a closed plugin's frames have no
 * names any more.
 *
 * Reports go into files. A leak is ours when our code comes before the broker's in its stack, seen
 * from the allocation: libraries that we call allocate for us, the broker that calls us does so for
 * itself, and leaves some of it behind at exit. Anything else that a sanitizer says counts always.
 */
#include "tests/support/sanitize.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/proc.h"

bool sanitize_on(void)
{
#ifdef __SANITIZE_ADDRESS__
	return true;
#else
	return false;
#endif
}

/* The runtime that this program itself has loaded. */
static const char *runtime_path(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[1024];
	const char *found = NULL;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *path = strchr(line, '/');

		if (path && (strstr(path, "/libasan.so") || strstr(path, "/libclang_rt.asan"))) {
			path[strcspn(path, "\n")] = '\0';
			found = case_printf("%s", path);
		}
	}
	if (f)
		fclose(f);
	return found;
}

/* What Paho loses of its own is none of ours. */
static const char *paho_leaks(const char *logs)
{
	const char *path = case_printf("%s/suppressed", logs);

	spill(path, SANITIZE_PAHO_LEAKS, strlen(SANITIZE_PAHO_LEAKS));
	return case_printf("LSAN_OPTIONS=print_suppressions=0:suppressions=%s", path);
}

const char *const *sanitize_env(const char *logs, bool preload)
{
	static const char *const none[] = {NULL};
	const char **env;
	const char *common =
		"exitcode=99:stack_trace_format='    #%n %f %S (%m)':print_stacktrace=1";

	if (!sanitize_on())
		return none;
	env = case_alloc(5 * sizeof(*env));
	env[0] = case_printf(
		"ASAN_OPTIONS=log_path=%s/asan:%s:detect_leaks=1:fast_unwind_on_malloc=%d:"
		"verify_asan_link_order=0",
		logs, common, preload ? 0 : 1);
	env[1] = case_printf("UBSAN_OPTIONS=log_path=%s/ubsan:%s", logs, common);
	/* A leak ends no stock program with an error: its report is judged by whose it is. */
	env[2] = preload ? "LSAN_OPTIONS=exitcode=0" : paho_leaks(logs);
	if (preload && runtime_path())
		env[3] = case_printf(
			"LD_PRELOAD=%s:%s", runtime_path(), build_path("tests/keep.so"));
	return env;
}

static const char *earlier(const char *a, const char *b)
{
	return !a || (b && b < a) ? b : a;
}

/* The stack of a leak, the allocation first; each frame ends in the path of its program. */
static bool stack_is_ours(const char *text, size_t len)
{
	static const char *const programs[] = {
		"/gnatter.so)", "/gnatterd)", "/gnatterctl)", "/gnatter)"};
	static const char broker[] = "/mosquitto)";
	const char *other = memmem(text, len, broker, strlen(broker)), *ours = NULL;

	for (size_t i = 0; i < COUNT(programs); i++)
		ours = earlier(ours, memmem(text, len, programs[i], strlen(programs[i])));
	return ours && earlier(ours, other) == ours;
}

/* Blocks of a leak report are set apart by empty lines. */
static bool leak_is_ours(const char *report)
{
	while (*report) {
		const char *end = strstr(report, "\n\n");
		size_t len = end ? (size_t)(end - report) : strlen(report);

		if (memmem(report, len, "leak of", 7) && stack_is_ours(report, len))
			return true;
		report += len;
		report += strspn(report, "\n");
	}
	return false;
}

static bool counts(const char *report)
{
	if (strstr(report, "ERROR: AddressSanitizer") || strstr(report, "runtime error:"))
		return true;
	return strstr(report, "ERROR: LeakSanitizer") && leak_is_ours(report);
}

char *sanitize_report(const char *logs)
{
	DIR *d = opendir(logs);
	struct dirent *e;
	char *found = NULL;

	while (d && !found && (e = readdir(d))) {
		char *text = e->d_name[0] == '.'
				     ? NULL
				     : slurp(case_printf("%s/%s", logs, e->d_name), NULL);

		if (text && counts(text))
			found = text;
	}
	if (d)
		closedir(d);
	return found;
}
