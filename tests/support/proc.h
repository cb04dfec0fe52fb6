/* proc.h — child processes: started in a group of their own, watched, ended.
 *
 * Main thread only. What was started and still runs when the test is over is killed.
 */
#ifndef GNATTER_TESTS_PROC_H
#define GNATTER_TESTS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
	pid_t pid;     /* 0 while nothing runs */
	int status;    /* as of waitpid, once it has ended */
	char name[32]; /* for messages */
	char log[256]; /* path: its stdout and stderr, unless told otherwise */
};

struct proc_spec {
	const char *log;        /* file to append stdout and stderr to; required */
	const char *err;        /* stderr alone goes here, if not NULL */
	const char *in;         /* file to read stdin from; NULL: /dev/null */
	const char *tty;        /* a terminal to be in control of it; NULL: none */
	const char *const *env; /* "K=V" beyond our own environment, NULL-terminated; NULL: none */
	uid_t uid;              /* become this user and group, if > 0 */
	int64_t file_size_max;  /* RLIMIT_FSIZE, with SIGXFSZ ignored; 0: no limit */
};

/* Start argv[0] (looked up in PATH). Fails the test if it cannot. */
void proc_start(struct proc *p, const char *const argv[], const struct proc_spec *spec);

/* Has it ended? Then status is set. */
bool proc_ended(struct proc *p);

/* Wait for its end. False if it still runs after timeout_ms. */
bool proc_wait(struct proc *p, int timeout_ms);

/* Its exit code, or 128 + the signal that ended it. */
int proc_code(const struct proc *p);

/* Send a signal; kill -9 and wait; SIGTERM, then wait (fails the test if it does not end in time),
 * returns the exit code. */
void proc_signal(struct proc *p, int sig);
void proc_kill(struct proc *p);
int proc_terminate(struct proc *p);

/* A running process of that name with that text in its command line; 0 if there is none. */
pid_t proc_find(const char *name, const char *argument);

/* Run to the end, with what it printed. Strings live until the test is over. A program that does
 * not end in time is killed and has code 124. */
struct run {
	int code;
	char *out, *err;
	size_t out_len;
};
struct run run(const char *const argv[]);
struct run run_in(const char *const argv[], const char *input);
struct run run_spec(const char *const argv[], const char *input, const struct proc_spec *spec);

/* Fail the test unless the program ended with an error and one line on stderr that holds these
 * words. */
void expect_sentence(const struct run *r, const char *words);

/* The content of a file, NUL-terminated; NULL if there is none. Until the test is over. */
char *slurp(const char *path, size_t *len);
void spill(const char *path, const void *data, size_t len);

/* Write the last `lines` lines of a file to stderr under a heading. Silent if it is empty or
 * missing. */
void print_tail(const char *path, int lines);

#endif
