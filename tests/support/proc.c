/* proc.c — see proc.h. */
#include "tests/support/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/case.h"

static void undo_proc(void *arg, bool failed)
{
	struct proc *p = arg;

	(void)failed;
	proc_kill(p);
}

static void child_redirect(const struct proc_spec *s)
{
	int in = open(s->in ? s->in : "/dev/null", O_RDONLY);
	int out = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	int err = s->err ? open(s->err, O_WRONLY | O_CREAT | O_APPEND, 0666) : out;

	if (in < 0 || out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	for (int fd = 3; fd < 256; fd++)
		close(fd);
}

/* Between fork and exec: nothing here may allocate, other threads may hold malloc's lock. */
static void child_become(const struct proc_spec *s, pid_t parent)
{
	struct rlimit limit = {(rlim_t)s->file_size_max, (rlim_t)s->file_size_max};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (!s->tty)
		setpgid(0, 0);
	else if (setsid() < 0 || ioctl(open(s->tty, O_RDWR), TIOCSCTTY, 0) != 0)
		_exit(126);
	child_redirect(s);
	if (s->file_size_max &&
		(setrlimit(RLIMIT_FSIZE, &limit) != 0 || signal(SIGXFSZ, SIG_IGN) == SIG_ERR))
		_exit(126);
	if (s->uid &&
		(setgroups(0, NULL) != 0 || setgid((gid_t)s->uid) != 0 || setuid(s->uid) != 0))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
}

/* Our environment with the additions before it: the first of two equal names counts for getenv, so
 * those replaced are left out. */
static char **environment(const char *const *more)
{
	size_t have = 0, added = 0, n = 0;
	char **env;

	while (environ[have])
		have++;
	while (more && more[added])
		added++;
	env = case_alloc((have + added + 1) * sizeof(*env));
	for (size_t i = 0; i < added; i++)
		env[n++] = (char *)(uintptr_t)more[i];
	for (size_t i = 0; i < have; i++) {
		size_t name = strcspn(environ[i], "=") + 1;
		bool replaced = false;

		for (size_t j = 0; j < added; j++)
			replaced |= strncmp(more[j], environ[i], name) == 0;
		if (!replaced)
			env[n++] = environ[i];
	}
	return env;
}

static pid_t spawn(const char *const argv[], const struct proc_spec *spec)
{
	char **env = environment(spec->env);
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		child_become(spec, parent);
		execvpe(argv[0], (char *const *)(uintptr_t)argv, env);
		dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		case_fail("fork: %s", strerror(errno));
	if (!spec->tty)
		setpgid(pid, pid); /* both sides do it: whoever comes first */
	return pid;
}

void proc_start(struct proc *p, const char *const argv[], const struct proc_spec *spec)
{
	const char *slash = strrchr(argv[0], '/');

	assert_int_equal(p->pid, 0);
	snprintf(p->name, sizeof(p->name), "%s", slash ? slash + 1 : argv[0]);
	snprintf(p->log, sizeof(p->log), "%s", spec->log);
	p->pid = spawn(argv, spec);
	case_defer(undo_proc, p);
}

bool proc_ended(struct proc *p)
{
	pid_t got;

	if (p->pid == 0)
		return true;
	got = waitpid(p->pid, &p->status, WNOHANG);
	if (got == p->pid || (got < 0 && errno == ECHILD))
		p->pid = 0;
	return p->pid == 0;
}

bool proc_wait(struct proc *p, int timeout_ms)
{
	int64_t until = case_now_ms() + timeout_ms;

	while (!proc_ended(p)) {
		if (case_now_ms() > until)
			return false;
		case_pause_ms(1);
	}
	return true;
}

int proc_code(const struct proc *p)
{
	return WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status);
}

void proc_signal(struct proc *p, int sig)
{
	if (!proc_ended(p))
		kill(p->pid, sig);
}

void proc_kill(struct proc *p)
{
	if (proc_ended(p))
		return;
	kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, &p->status, 0);
	p->pid = 0;
}

int proc_terminate(struct proc *p)
{
	if (p->pid == 0)
		return proc_code(p);
	proc_signal(p, SIGTERM);
	if (!proc_wait(p, case_patience_ms())) {
		proc_kill(p);
		case_fail("%s did not end on SIGTERM", p->name);
	}
	return proc_code(p);
}

static bool is_process(const char *pid, const char *name, const char *argument)
{
	char *stat = slurp(case_printf("/proc/%s/stat", pid), NULL), comm[64], state;
	size_t len = 0;
	char *line = slurp(case_printf("/proc/%s/cmdline", pid), &len);

	if (!stat || !line || sscanf(stat, "%*d (%63[^)]) %c", comm, &state) != 2)
		return false;
	return strcmp(comm, name) == 0 && state != 'Z' &&
	       memmem(line, len, argument, strlen(argument));
}

pid_t proc_find(const char *name, const char *argument)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;

	while (d && !found && (e = readdir(d))) {
		if (isdigit((unsigned char)e->d_name[0]) && is_process(e->d_name, name, argument))
			found = (pid_t)atoi(e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	size_t cap = 4096, n = 0;
	char *data;

	if (!f)
		return NULL;
	data = malloc(cap + 1);
	for (size_t got; data && (got = fread(data + n, 1, cap - n, f)) > 0;) {
		n += got;
		if (n == cap)
			data = realloc(data, (cap *= 2) + 1);
	}
	fclose(f);
	if (!data)
		abort();
	data[n] = '\0';
	if (len)
		*len = n;
	char *kept = case_alloc(n + 1);
	memcpy(kept, data, n);
	free(data);
	return kept;
}

void spill(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		case_fail("cannot write %s: %s", path, strerror(errno));
}

void print_tail(const char *path, int lines)
{
	FILE *f = fopen(path, "r");
	char *tail;
	long size;
	size_t n;

	if (!f)
		return;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	fseek(f, size > 65536 ? size - 65536 : 0, SEEK_SET);
	tail = calloc(1, 65537);
	n = tail ? fread(tail, 1, 65536, f) : 0;
	fclose(f);
	if (n > 0) {
		char *at = tail + n;

		while (at > tail && lines >= 0)
			lines -= *--at == '\n' && at + 1 < tail + n;
		fprintf(stderr, "--- %s\n%s%s", path, *at == '\n' ? at + 1 : at,
			tail[n - 1] == '\n' ? "" : "\n");
	}
	free(tail);
}

static char *temp_file(const char *what)
{
	char *path = case_printf("/tmp/gnatter-test-%s-XXXXXX", what);
	int fd = mkstemp(path);

	if (fd < 0)
		case_fail("cannot make %s: %s", path, strerror(errno));
	fchmod(fd, 0666); /* the program may run as somebody else */
	close(fd);
	return path;
}

struct run run_spec(const char *const argv[], const char *input, const struct proc_spec *spec)
{
	struct proc_spec s = *spec;
	struct proc *p = case_alloc(sizeof(*p));
	struct run r = {0};
	char *out = temp_file("out"), *err = temp_file("err"), *in = input ? temp_file("in") : NULL;

	s.log = out;
	s.err = err;
	if (input) {
		spill(in, input, strlen(input));
		s.in = in;
	}
	proc_start(p, argv, &s);
	if (proc_wait(p, case_patience_ms())) {
		r.code = proc_code(p);
	} else {
		proc_kill(p);
		r.code = 124;
	}
	r.out = slurp(out, &r.out_len);
	r.err = slurp(err, NULL);
	unlink(out);
	unlink(err);
	if (in)
		unlink(in);
	return r;
}

struct run run_in(const char *const argv[], const char *input)
{
	return run_spec(argv, input, &(struct proc_spec){0});
}

struct run run(const char *const argv[])
{
	return run_in(argv, NULL);
}

void expect_sentence(const struct run *r, const char *words)
{
	size_t len = strlen(r->err);

	if (r->code == 0 || r->code >= 124)
		case_fail("should end with an error, not with %d: %s", r->code, r->err);
	if (len < 2 || strchr(r->err, '\n') != r->err + len - 1)
		case_fail("one sentence should stand on stderr, not: %s", r->err);
	if (!strstr(r->err, words))
		case_fail("the sentence should hold '%s': %s", words, r->err);
}
