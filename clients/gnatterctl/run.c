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
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clients/gnatterctl/command.h"
#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/run.h"
#include "clients/gnatterctl/say.h"
#include "wire/logline.h"

#define READY_MS        30000 /* to serve, after which starting has failed */
#define CRASHES_MAX     5     /* before the first ready */
#define ROTATE_EVERY_MS 30000
#define REPEAT_MS       60000 /* the same failure is told once in so long */

static bool watch_signals(struct run *r)
{
	sigset_t set;
	int tty = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	r->has_terminal = tty >= 0;
	if (r->hints) /* a try-out ends with the make that started it */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
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

static void end_turn(struct run *r)
{
	if (r->turn_fd >= 0)
		close(r->turn_fd);
	r->turn_fd = -1;
}

static void become_ready(struct run *r)
{
	if (r->ready) {
		note("the daemon serves again");
		return;
	}
	end_turn(r);
	r->ready = true;
	puts("ready");
	if (r->hints)
		run_print_hints(r);
	fflush(stdout);
	run_notify_ready();
	log_with_time(); /* what is said from now on, somebody may read much later */
}

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
		run_say_cannot_start(r, p);
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
	note("broker and daemon were told to read their configuration again; their logs say what "
	     "came of it");
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
	struct run r = {
		.lock_fd = -1, .signal_fd = -1, .turn_fd = -1, .hints = args_has(a, "hints")};
	const char *dir = a->operands > 0 ? a->operand[0] : a->dir;

	umask(0027);
	r.broker.log.fd = r.daemon.log.fd = -1;
	if (!instance_open(&r.in, dir) || !run_prepare(&r) || !watch_signals(&r))
		r.code = 1;
	else
		loop(&r);
	logfile_close(&r.broker.log);
	logfile_close(&r.daemon.log);
	end_turn(&r);
	if (r.signal_fd >= 0)
		close(r.signal_fd);
	if (r.lock_fd >= 0)
		close(r.lock_fd);
	return r.code;
}
