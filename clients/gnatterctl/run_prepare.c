/* run_prepare.c — what must be there before broker and daemon are started, the lock above all. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/programs.h"
#include "clients/gnatterctl/run.h"
#include "clients/gnatterctl/say.h"

#define ORPHANS_S 15 /* for what an earlier run left to end */

static void on_alarm(int number)
{
	(void)number;
}

/* The lock is held. By a live `run`: refuse. By what a dead one left: wait until that has ended. */
static bool wait_for_orphans(struct run *r)
{
	struct sigaction act = {.sa_handler = on_alarm};
	char text[32] = "";
	long pid = pread(r->lock_fd, text, sizeof(text) - 1, 0) > 0 ? atol(text) : 0;
	int rc;

	if (pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM)) {
		fail("%s is being run already, by process %ld", r->in.dir, pid);
		return false;
	}
	sigaction(SIGALRM, &act, NULL);
	alarm(ORPHANS_S);
	rc = flock(r->lock_fd, LOCK_EX);
	alarm(0);
	if (rc != 0)
		fail("broker or daemon of an earlier run of %s do not end", r->in.dir);
	return rc == 0;
}

static bool lock(struct run *r)
{
	char path[PATH_SIZE], text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (!instance_path(&r->in, "run", path))
		return false;
	if (mkdir(path, 0750) != 0 && errno != EEXIST) {
		fail("cannot make the directory %s: %s", path, strerror(errno));
		return false;
	}
	if (!instance_path(&r->in, "run/gnatterctl.lock", path))
		return false;
	r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (r->lock_fd < 0) {
		fail("cannot open %s: %s", path, strerror(errno));
		return false;
	}
	if (flock(r->lock_fd, LOCK_EX | LOCK_NB) != 0 && !wait_for_orphans(r))
		return false;
	if (ftruncate(r->lock_fd, 0) != 0 || pwrite(r->lock_fd, text, (size_t)len, 0) != len) {
		fail("cannot write %s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

static bool open_log(struct run *r, struct part *p, const char *name)
{
	char path[PATH_SIZE];

	if (!instance_path(&r->in, "log", path))
		return false;
	if (mkdir(path, 0750) != 0 && errno != EEXIST) {
		fail("cannot make the directory %s: %s", path, strerror(errno));
		return false;
	}
	return instance_path(&r->in, name, path) && logfile_open(&p->log, path);
}

bool run_prepare(struct run *r)
{
	r->broker = (struct part){.name = "broker",
		.arguments = {"-c", r->broker_conf_path},
		.ready_fd = -1,
		.log.fd = -1};
	r->daemon = (struct part){.name = "daemon",
		.arguments = {r->conf_path},
		.says_ready = true,
		.ready_fd = -1,
		.log.fd = -1};
	if (!instance_path(&r->in, "mosquitto.conf", r->broker_conf_path) ||
		!instance_path(&r->in, "gnatter.conf", r->conf_path) ||
		!programs_broker(r->broker.program) || !programs_daemon(r->daemon.program) ||
		!broker_conf_read(&r->broker_conf, r->broker_conf_path))
		return false;
	if (!*r->broker_conf.plugin || access(r->broker_conf.plugin, R_OK) != 0) {
		fail("the plugin that %s names is not there to be read: %s", r->broker_conf_path,
			*r->broker_conf.plugin ? r->broker_conf.plugin : "no line 'plugin'");
		return false;
	}
	if (!lock(r))
		return false;
	r->turn_fd = instance_take_turn(&r->in);
	return r->turn_fd >= 0 && open_log(r, &r->broker, "log/broker.log") &&
	       open_log(r, &r->daemon, "log/daemon.log");
}
