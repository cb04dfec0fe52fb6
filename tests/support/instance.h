/* instance.h — a Gnatter of its own for a test: a folder, free ports, a broker, a daemon.
 *
 * Life: instance_create() (folder, `gnatterctl init`, accounts by `gnatterctl import`), perhaps
 * settings, then instance_start() (broker and daemon, each a process that the test may kill) or
 * instance_run() (both under `gnatterctl run`). At the end of a test that passed, what still runs
 * is stopped as an operator would stop it: it must end with 0, and no sanitizer may have complained
 * about anything. On failure the logs are printed and the folder stays.
 *
 * Main thread only, but for reading `dir`, `port`, `keys`.
 */
#ifndef GNATTER_TESTS_INSTANCE_H
#define GNATTER_TESTS_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/case.h"
#include "tests/support/proc.h"
#include "wire/conf.h"
#include "wire/jwt.h"
#include "wire/spoolfile.h"

struct instance {
	char root[64]; /* /tmp/gn-XXXXXX: the test's own */
	char dir[80];  /* root/i: the instance */
	int port;      /* of the listener for clients, on 127.0.0.1 */
	int ws_port;   /* the same over WebSocket; 0: there is none */
	struct jwt_keys keys;
	struct proc broker, daemon, run;
	const char *const *daemon_env; /* beyond what sanitizers need; NULL: nothing */
	int64_t daemon_file_size_max;  /* RLIMIT_FSIZE of the daemon; 0: no limit */
	const char *clock_file;        /* see instance_clock(); NULL: there is one clock */
	bool broken;                   /* the test broke it for good: do not judge how it ends */
};

/* The programs under test: from the folder two above the running test program. */
const char *build_path(const char *name);

/* Make an instance. lines: JSON lines for `gnatterctl import`, NULL for none. */
struct instance *instance_create(const char *lines);

/* The same with a listener for WebSocket. */
struct instance *instance_create_ws(const char *lines);

/* Import such lines; with settings that matter for it made before. */
void instance_import(struct instance *i, const char *lines);

/* The same without init: only the folder, the port and the environment. */
struct instance *instance_folder(void);

/* Alice, bob, carol (the group lobby, alice is its admin), dave, and eve who is in no group. */
extern const char instance_people[];

/* Set an option in gnatter.conf, or in mosquitto.conf, replacing the line that sets it now. */
void instance_set(struct instance *i, const char *key, const char *value);
void instance_set_broker(struct instance *i, const char *key, const char *value);

/* Give the instance a machine with a clock of its own, before it starts: the result says by how
 * many ms it is ahead of the test's, and takes effect as soon as it is changed. The test's tokens
 * hold for an hour of the test's time: with another, sign in with a password. Lent until the test
 * is over. */
int64_t *instance_clock(struct instance *i);

/* Start both, wait until both serve. */
void instance_start(struct instance *i);
void instance_start_broker(struct instance *i);
void instance_start_daemon(struct instance *i);

/* Start `gnatterctl run` and wait for the line "ready". */
void instance_run(struct instance *i);

/* Wait until the broker takes connections; until the daemon has answered a request. */
void instance_wait_broker(struct instance *i);
void instance_wait_ready(struct instance *i);

/* kill -9, and wait for it. */
void instance_kill_broker(struct instance *i);
void instance_kill_daemon(struct instance *i);

/* SIGTERM; each that runs must end with 0. */
void instance_stop_broker(struct instance *i);
void instance_stop_daemon(struct instance *i);
void instance_stop(struct instance *i);

/* `gnatterctl -d DIR ARGS…`; ctl_in gives it standard input. ctl_ok fails the test if it does not
 * end with 0, and returns what it printed. */
struct run ctl(struct instance *i, const char *const args[]);
struct run ctl_in(struct instance *i, const char *const args[], const char *input);
char *ctl_ok(struct instance *i, const char *const args[]);
#define CTL(i, ...)    ctl((i), (const char *const[]){__VA_ARGS__, NULL})
#define CTL_OK(i, ...) ctl_ok((i), (const char *const[]){__VA_ARGS__, NULL})

/* What sanitizers need in the environment of a program under test. Until the test is over. */
const char *const *instance_env(struct instance *i, bool preload);

/* How broker and daemon are started. */
const char *const *instance_broker_argv(struct instance *i);
const char *const *instance_daemon_argv(struct instance *i);

/* A path below the instance's folder. Until the test is over. */
char *instance_path(const struct instance *i, const char *below);

/* Everything that broker and daemon have written, for looking for a sentence. Until the test is
 * over. */
char *instance_log(const struct instance *i);

/* The plugin's counters, out of the spool. */
struct counters instance_counters(const struct instance *i);

/* A TCP port on 127.0.0.1 that nobody uses now, below those the kernel gives to clients. */
int free_port(void);

/* Can somebody connect there? */
bool port_open(int port);

#endif
