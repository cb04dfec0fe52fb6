/* run.c — gnatterctl run: broker and daemon, in the foreground, until told to stop.
 *
 * One loop waits for signals, for the daemon's "ready", and for the next thing that is due. The
 * daemon says ready when it is linked to the plugin, which the broker allows only after all its
 * listeners are open: so that one word means that both serve. Before it, a part that ends by itself
 * cannot start, and everything ends with its reason; after it, a part that ends is started again
 * for ever.
 *
 * Parts write their logs themselves and die with this process (PR_SET_PDEATHSIG). They hold the
 * lock of the instance too: a `run` after a kill -9 of this one waits until they are gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clients/gnatterctl/broker_conf.h"
#include "clients/gnatterctl/command.h"
#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/instance.h"
#include "clients/gnatterctl/part.h"
#include "clients/gnatterctl/programs.h"
#include "clients/gnatterctl/say.h"

#define READY_MS        60000 /* for the first start */
#define ORPHANS_S       15    /* for what an earlier run left to end */
#define CRASHES_MAX     5     /* before the first ready */
#define ROTATE_EVERY_MS 30000
#define REPEAT_MS       60000 /* the same failure is told once in so long */

struct run {
	struct instance in;
	struct broker_conf broker_conf;
	char broker_conf_path[PATH_SIZE], conf_path[PATH_SIZE];
	struct part broker, daemon;
	int lock_fd, signal_fd;
	int64_t begun_ms, rotate_at_ms;
	bool has_terminal, hints;
	bool ready, stopping;
	int code;
};

/* --- before the start
 * --------------------------------------------------------------------------------- */

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

static bool prepare(struct run *r)
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
	return lock(r) && open_log(r, &r->broker, "log/broker.log") &&
	       open_log(r, &r->daemon, "log/daemon.log");
}

static bool watch_signals(struct run *r)
{
	sigset_t set;
	int tty = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	r->has_terminal = tty >= 0;
	if (tty >= 0)
		close(tty);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signal_fd < 0)
		fail("cannot watch for signals: %s", strerror(errno));
	return r->signal_fd >= 0;
}

/* --- what is said
 * ------------------------------------------------------------------------------------- */

/* Tell systemd, if it started us and wants to know. */
static void notify_ready(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int s;

	if (len < 2 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return;
	if (sendto(s, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		note("cannot tell systemd that all is ready: %s", strerror(errno));
	close(s);
}

static void print_hints(const struct run *r)
{
	const struct broker_listener *l = broker_conf_mqtt(&r->broker_conf);
	unsigned port = l ? l->port : 1883;

	printf("\nPaste these into other terminals; Ctrl-C here ends it.\n\n"
	       "  alice listens          mosquitto_sub -p %u -u alice -P demo -q 1 -t "
	       "chat/lobby/msg\n"
	       "  bob writes             mosquitto_pub -p %u -u bob -P demo -q 1 -t "
	       "chat/lobby/send "
	       "-m 'hello'\n"
	       "  alice reads it back    mosquitto_rr -p %u -u alice -P demo -q 1 -V 5 -t "
	       "api/history "
	       "-e r -m '{\"chat\":\"lobby\"}'\n\n",
		port, port, port);
}

static void become_ready(struct run *r)
{
	if (r->ready) {
		note("the daemon serves again");
		return;
	}
	r->ready = true;
	puts("ready");
	if (r->hints)
		print_hints(r);
	fflush(stdout);
	notify_ready();
}

/* The one sentence for a part that cannot start. */
static void say_cannot_start(const struct run *r, const struct part *p)
{
	const struct broker_listener *taken = NULL;
	char text[PART_REASON_MAX];

	if (p == &r->broker && logfile_says(&p->log, "Address already in use"))
		taken = broker_conf_port_taken(&r->broker_conf);
	if (taken) {
		fail("the broker cannot start: port %u%s%s is in use by another program; end that "
		     "one, or "
		     "change 'listener %u' in %s",
			taken->port, *taken->address ? " on " : "", taken->address, taken->port,
			r->broker_conf_path);
		return;
	}
	part_describe(p, text, sizeof(text));
	fail("the %s cannot start: it %s (its log is %s)", p->name, text, p->log.path);
}

/* --- what happens
 * ------------------------------------------------------------------------------------- */

static void stop(struct run *r, int code)
{
	r->stopping = true;
	if (code)
		r->code = code;
	r->broker.start_at_ms = 0;
	part_stop(&r->daemon);
	if (r->daemon.pid == 0)
		part_stop(&r->broker);
}

static void start(struct run *r, struct part *p)
{
	if (!part_start(p, r->lock_fd))
		stop(r, 1);
}

/* Did the broker end because it cannot read what it saved? Then put that aside: sessions and
 * retained messages are gone, and clients make them anew. mosquitto reads it before it says
 * "starting". */
static bool set_aside_database(struct run *r)
{
	struct part *p = &r->broker;
	bool crashed = WIFSIGNALED(p->status) &&
		       (WTERMSIG(p->status) == SIGSEGV || WTERMSIG(p->status) == SIGBUS ||
			       WTERMSIG(p->status) == SIGABRT);
	char from[PATH_SIZE + 16], to[PATH_SIZE + 64];

	if (!*r->broker_conf.persistence)
		return false;
	snprintf(from, sizeof(from), "%s/mosquitto.db", r->broker_conf.persistence);
	if (access(from, F_OK) != 0)
		return false;
	if (!logfile_says(&p->log, "Couldn't open database") &&
		!(crashed && !logfile_says(&p->log, " starting")))
		return false;
	snprintf(to, sizeof(to), "%s.damaged-%lld", from, (long long)time(NULL));
	if (rename(from, to) != 0)
		return false;
	note("the broker could not read its saved sessions; they are set aside as %s", to);
	return true;
}

/* A part has ended though nobody told it to. */
static void on_death(struct run *r, struct part *p)
{
	bool too_often = p->deaths >= CRASHES_MAX;
	char text[PART_REASON_MAX];

	if (p == &r->broker && set_aside_database(r)) {
		start(r, p);
		return;
	}
	if (!r->ready && (WIFEXITED(p->status) || too_often)) {
		say_cannot_start(r, p);
		stop(r, 1);
		return;
	}
	part_describe(p, text, sizeof(text));
	if (WIFSIGNALED(p->status) || strcmp(text, p->told) != 0 ||
		now_ms() - p->told_ms > REPEAT_MS) {
		note("the %s %s; starting it again", p->name, text);
		snprintf(p->told, sizeof(p->told), "%s", text);
		p->told_ms = now_ms();
	}
	part_again(p);
}

static void on_child(struct run *r)
{
	struct part *const parts[] = {&r->broker, &r->daemon};

	for (size_t i = 0; i < 2; i++) {
		struct part *p = parts[i];

		if (p->pid == 0 || waitpid(p->pid, &p->status, WNOHANG) != p->pid)
			continue;
		/* Its last word may have been "ready". */
		if (p->ready_fd >= 0 && part_ready(p) && !r->stopping)
			become_ready(r);
		part_ended(p);
		if (r->stopping)
			stop(r, 0); /* the next one's turn */
		else
			on_death(r, p);
	}
}

/* SIGHUP means: read the configuration again. But when the terminal has gone away, it means: end.
 */
static void on_hangup(struct run *r)
{
	int tty = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (tty >= 0)
		close(tty);
	if (r->has_terminal && tty < 0) {
		stop(r, 0);
		return;
	}
	note("broker and daemon read their configuration again");
	if (r->broker.pid)
		kill(r->broker.pid, SIGHUP);
	if (r->daemon.pid)
		kill(r->daemon.pid, SIGHUP);
}

static void on_signals(struct run *r)
{
	struct signalfd_siginfo info;

	while (read(r->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			on_child(r);
		else if (info.ssi_signo == SIGHUP)
			on_hangup(r);
		else
			stop(r, 0);
	}
}

/* Do what is due; the time until the next thing is. */
static int on_time(struct run *r)
{
	struct part *const parts[] = {&r->broker, &r->daemon};
	int64_t now = now_ms(), next = r->rotate_at_ms;

	for (size_t i = 0; i < 2; i++) {
		struct part *p = parts[i];

		if (p->start_at_ms && now >= p->start_at_ms)
			start(r, p);
		if (p->kill_at_ms && now >= p->kill_at_ms) {
			note("the %s does not end; killing it", p->name);
			kill(p->pid, SIGKILL);
			p->kill_at_ms = 0;
		}
		if (p->start_at_ms && p->start_at_ms < next)
			next = p->start_at_ms;
		if (p->kill_at_ms && p->kill_at_ms < next)
			next = p->kill_at_ms;
	}
	if (!r->ready && !r->stopping) {
		if (now - r->begun_ms >= READY_MS) {
			char reason[PART_REASON_MAX];

			logfile_reason(&r->daemon.log, reason, sizeof(reason));
			fail("the daemon does not come to serve within %d seconds%s%s",
				READY_MS / 1000, *reason ? ": " : "", reason);
			stop(r, 1);
		} else if (r->begun_ms + READY_MS < next) {
			next = r->begun_ms + READY_MS;
		}
	}
	if (now >= r->rotate_at_ms) {
		logfile_rotate(&r->broker.log);
		logfile_rotate(&r->daemon.log);
		r->rotate_at_ms = next = now + ROTATE_EVERY_MS;
	}
	return next > now ? (int)(next - now) : 0;
}

static void loop(struct run *r)
{
	r->begun_ms = now_ms();
	r->rotate_at_ms = r->begun_ms + ROTATE_EVERY_MS;
	start(r, &r->broker);
	if (!r->stopping)
		start(r, &r->daemon);
	while (!r->stopping || r->broker.pid || r->daemon.pid) {
		struct pollfd fds[2] = {{.fd = r->signal_fd, .events = POLLIN}};
		int timeout_ms = on_time(r);

		fds[1] = (struct pollfd){.fd = r->daemon.ready_fd, .events = POLLIN};
		if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR) {
			fail("cannot wait: %s", strerror(errno));
			return; /* and what runs ends with us */
		}
		if (fds[1].revents && part_ready(&r->daemon) && !r->stopping)
			become_ready(r);
		if (fds[0].revents)
			on_signals(r);
	}
}

int command_run(const struct args *a)
{
	struct run r = {.lock_fd = -1, .signal_fd = -1, .hints = args_has(a, "hints")};
	const char *dir = a->operands > 0 ? a->operand[0] : a->dir;

	umask(0027);
	r.broker.log.fd = r.daemon.log.fd = -1;
	if (!instance_open(&r.in, dir) || !prepare(&r) || !watch_signals(&r))
		r.code = 1;
	else
		loop(&r);
	logfile_close(&r.broker.log);
	logfile_close(&r.daemon.log);
	if (r.signal_fd >= 0)
		close(r.signal_fd);
	if (r.lock_fd >= 0)
		close(r.lock_fd);
	return r.code;
}
