/* screen.c — how long until a program in a terminal shows a text: from its start to the last byte
 * of it, so many times, each in a terminal of its own of 80x24.
 *
 *   screen RUNS TEXT PROGRAM [ARGUMENT]...
 *
 * Prints one line: the fastest, the middle and the slowest run, in ms. The text must be one that
 * the program writes in one piece. Each run is ended by hanging up.
 */
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/clock.h"

#define RUNS_MAX   1000
#define OUTPUT_MAX 1000000 /* bytes of a run */
#define PATIENCE   10000   /* ms */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Read until the text has come. False if it does not. */
static bool wait_for(int fd, const char *text)
{
	static char output[OUTPUT_MAX];
	size_t n = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (n == sizeof output || poll(&p, 1, PATIENCE) != 1)
			return false;
		got = read(fd, output + n, sizeof output - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		if (memmem(output, n, text, strlen(text)))
			return true;
	}
}

static bool measure(const char *text, char *const argv[], double *ms)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int64_t begin = clock_ns();
	int fd;
	pid_t pid = forkpty(&fd, NULL, NULL, &size);
	bool shown;

	if (pid < 0)
		return false;
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	shown = wait_for(fd, text);
	*ms = (double)(clock_ns() - begin) / 1e6;
	close(fd);
	waitpid(pid, NULL, 0);
	return shown;
}

int main(int argc, char *argv[])
{
	static double ms[RUNS_MAX];
	int runs = argc > 3 ? atoi(argv[1]) : 0;

	if (runs < 1 || runs > RUNS_MAX) {
		fputs("usage: screen RUNS TEXT PROGRAM [ARGUMENT]...\n", stderr);
		return 2;
	}
	for (int i = 0; i < runs; i++) {
		if (!measure(argv[2], argv + 3, &ms[i])) {
			fprintf(stderr, "screen: '%s' does not come\n", argv[2]);
			return 1;
		}
	}
	qsort(ms, (size_t)runs, sizeof *ms, compare);
	printf("first screen: %.1f ms at best, %.1f in the middle, %.1f at worst of %d\n", ms[0],
		ms[runs / 2], ms[runs - 1], runs);
	return 0;
}
