/* shell.h — a person at a shell: a home of their own, and the program gnatter in it.
 *
 * Main thread only. What is started and still runs when the test is over is killed.
 */
#ifndef GNATTER_TESTS_SHELL_H
#define GNATTER_TESTS_SHELL_H

#include "tests/support/instance.h"

struct shell {
	struct instance *in;
	const char *home;
	const char *const *env; /* that the program runs with */
};

/* Nobody is signed in. Until the test is over. */
struct shell *shell_create(struct instance *i);

/* Signed in, with a fresh token. */
struct shell *shell_signed_in(struct instance *i, const char *user);

/* Run gnatter to its end; with that standard input. */
struct run shell_run(struct shell *p, const char *input, const char *const args[]);
#define GN(p, ...)        shell_run((p), NULL, (const char *const[]){__VA_ARGS__, NULL})
#define GN_IN(p, in, ...) shell_run((p), (in), (const char *const[]){__VA_ARGS__, NULL})

/* The same, which must end with 0 and say nothing on stderr: what it printed. */
char *shell_ok(struct shell *p, const char *const args[]);
#define GN_OK_OUT(p, ...) shell_ok((p), (const char *const[]){__VA_ARGS__, NULL})

/* The same, which must end with this code and one sentence that holds these words. */
void shell_refused(struct shell *p, int code, const char *words, const char *const args[]);
#define GN_REFUSES(p, code, words, ...) \
	shell_refused((p), (code), (words), (const char *const[]){__VA_ARGS__, NULL})

/* A shell script in which $GNATTER is the program. */
struct run shell_script(struct shell *p, const char *script);

/* Start it in the background, writing into <home>/<log>. */
struct proc *shell_start(struct shell *p, const char *log, const char *const args[]);
#define GN_START(p, log, ...) shell_start((p), (log), (const char *const[]){__VA_ARGS__, NULL})

/* Wait until that log holds the text; what it holds. */
char *shell_wait(struct shell *p, const char *log, const char *text);

/* A path below the home. */
const char *shell_path(const struct shell *p, const char *below);

/* "tcp://127.0.0.1:port". */
const char *shell_address(const struct shell *p);

#endif
