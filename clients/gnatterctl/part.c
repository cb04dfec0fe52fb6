/* part.c */
#include "clients/gnatterctl/part.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/say.h"

/* The broker allocates in the rhythm of commits: some hundred messages at once, then as many freed.
 * glibc keeps only 7 pieces of a size at hand; with more, a message costs it 0.5 us less. */
#define MALLOC_TUNED "glibc.malloc.tcache_count=500"

#define GOOD_LIFE_MS   10000
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   2000
#define STOP_MS        10000
#define FILES_MAX      (1u << 20) /* open files of a part, if the system lets it: one a connection */

/* In the child: be alone in a process group, so that Ctrl-C on the terminal reaches the supervisor
 * only, which then stops the parts in order; die with the supervisor; have many files. */
static void detach(pid_t supervisor)
{
	struct rlimit files;
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor)
		_exit(127);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	unsetenv("NOTIFY_SOCKET"); /* systemd hears from the supervisor */
	setenv("GLIBC_TUNABLES", MALLOC_TUNED, 0);
}

static void child(const struct part *p, int out, int keep_fd, pid_t supervisor)
{
	const char *argv[6] = {p->program};
	int in = open("/dev/null", O_RDONLY);

	for (size_t i = 0; i < 4; i++)
		argv[i + 1] = p->arguments[i];
	detach(supervisor);
	if (in >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(p->log.fd, STDERR_FILENO) >= 0 &&
		dup2(out >= 0 ? out : p->log.fd, STDOUT_FILENO) >= 0 &&
		fcntl(keep_fd, F_SETFD, 0) == 0)
		execv(p->program, (char *const *)argv);
	dprintf(STDERR_FILENO, "Error: cannot start %s: %s\n", p->program, strerror(errno));
	_exit(127);
}

bool part_start(struct part *p, int keep_fd)
{
	int out[2] = {-1, -1};
	pid_t supervisor = getpid();

	logfile_rotate(&p->log);
	logfile_mark(&p->log);
	p->start_at_ms = p->kill_at_ms = 0;
	p->started_ms = now_ms();
	if (p->says_ready && pipe2(out, O_CLOEXEC | O_NONBLOCK) != 0) {
		fail("cannot start the %s: %s", p->name, strerror(errno));
		return false;
	}
	p->pid = fork();
	if (p->pid == 0)
		child(p, out[1], keep_fd, supervisor);
	if (out[1] >= 0)
		close(out[1]);
	if (p->pid < 0) {
		p->pid = 0;
		fail("cannot start the %s: %s", p->name, strerror(errno));
		if (out[0] >= 0)
			close(out[0]);
		return false;
	}
	p->ready_fd = out[0];
	return true;
}

void part_ended(struct part *p)
{
	p->pid = 0;
	p->kill_at_ms = 0;
	if (p->ready_fd >= 0)
		close(p->ready_fd);
	p->ready_fd = -1;
}

void part_again(struct part *p)
{
	int64_t now = now_ms(), pause = 0;

	if (now - p->started_ms >= GOOD_LIFE_MS)
		p->deaths = 0;
	if (p->deaths > 0)
		pause = PAUSE_FIRST_MS << (p->deaths - 1 < 8 ? p->deaths - 1 : 8);
	p->deaths++;
	p->start_at_ms = now + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

void part_stop(struct part *p)
{
	p->start_at_ms = 0;
	if (p->pid == 0 || p->kill_at_ms)
		return;
	kill(p->pid, SIGTERM);
	p->kill_at_ms = now_ms() + STOP_MS;
}

bool part_ready(struct part *p)
{
	static const char word[] = "ready\n";
	char text[64];
	ssize_t n = read(p->ready_fd, text, sizeof(text) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close(p->ready_fd);
		p->ready_fd = -1;
		return false;
	}
	text[n] = '\0';
	return strstr(text, word) != NULL;
}

void part_describe(const struct part *p, char *out, size_t size)
{
	char reason[PART_REASON_MAX / 2];

	logfile_reason(&p->log, reason, sizeof(reason));
	if (WIFSIGNALED(p->status))
		snprintf(out, size, "was ended by signal %d (%s)", WTERMSIG(p->status),
			strsignal(WTERMSIG(p->status)));
	else if (*reason && WEXITSTATUS(p->status) != 0)
		snprintf(out, size, "ended: %s", reason);
	else
		snprintf(out, size, "ended with exit code %d", WEXITSTATUS(p->status));
}
