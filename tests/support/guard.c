/* guard.c
 *
 * The guard is a "child subreaper": a broker or daemon whose parent died becomes the guard's child,
 * so it finds them all, also those of `gnatterctl run` and those in process groups of their own. A
 * parent-death signal on each process would not do: the kernel forgets it when mosquitto drops
 * root.
 */
#include "tests/support/guard.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t test_pid;

static void on_signal(int sig)
{
	(void)sig;
	kill((pid_t)test_pid, SIGKILL);
}

/* The parent of a process, -1 if it is gone. */
static pid_t parent_of(pid_t pid)
{
	char path[64], state;
	int parent = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	/* pid (name) state parent: a name in these tests holds no ')' */
	if (fscanf(f, "%*d (%*[^)]) %c %d", &state, &parent) != 2)
		parent = -1;
	fclose(f);
	return (pid_t)parent;
}

static void kill_children(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (isdigit((unsigned char)e->d_name[0]) && parent_of(pid) == getpid())
			kill(pid, SIGKILL);
	}
	closedir(d);
}

/* Killing a child makes its children ours: go on until there is nobody. */
static void end_all(void)
{
	for (;;) {
		kill_children();
		if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
			return;
	}
}

void guard_begin(void)
{
	struct sigaction act = {.sa_handler = on_signal};
	int status = 0;
	pid_t pid, guard = getpid();

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid == 0) {
		prctl(PR_SET_CHILD_SUBREAPER, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != guard)
			_exit(1);
		return;
	}
	test_pid = pid;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	for (pid_t ended = 0; ended != pid;) {
		ended = waitpid(-1, &status, 0);
		if (ended < 0 && errno != EINTR)
			break;
	}
	end_all();
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
