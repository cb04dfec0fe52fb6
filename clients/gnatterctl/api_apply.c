/* api_apply.c — requests while no daemon runs: `gnatterd --apply` does them, a line each.
 *
 * One request is on its way at a time. Were there more, both sides could wait in a write for the
 * other to read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/gnatterctl/api_transport.h"
#include "clients/gnatterctl/programs.h"
#include "clients/gnatterctl/say.h"

struct apply {
	struct api *api;
	int lock_fd; /* our turn at the instance */
	pid_t pid;
	FILE *in, *out;      /* the child's */
	uint32_t unanswered; /* number of the request on its way; 0 if none */
	char *line;
	size_t line_size;
};

static void child(const char *program, const char *conf, int in, int out)
{
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execl(program, program, "--apply", conf, (char *)NULL);
	fail("cannot start %s: %s", program, strerror(errno));
	_exit(127);
}

static void close_pair(const int fds[2])
{
	for (size_t i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static enum api_opened apply_open(void **state, struct api *a, const struct instance *in)
{
	struct apply *p = need(calloc(1, sizeof(*p)));
	char program[PATH_MAX], conf[PATH_SIZE];
	int to[2] = {-1, -1}, from[2] = {-1, -1};
	enum api_opened opened = API_FAILED;

	*state = p;
	p->api = a;
	p->lock_fd = -1;
	if (!programs_daemon(program) || !instance_path(in, "gnatter.conf", conf))
		goto fail;
	p->lock_fd = instance_take_turn(in);
	if (p->lock_fd < 0)
		goto fail;
	if (instance_daemon_runs(in)) { /* it came while we waited */
		opened = API_GONE;
		goto fail;
	}
	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 || (p->pid = fork()) < 0) {
		fail("cannot start %s: %s", program, strerror(errno));
		goto fail;
	}
	if (p->pid == 0)
		child(program, conf, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	p->in = need(fdopen(to[1], "w"));
	p->out = need(fdopen(from[0], "r"));
	return API_OPENED;
fail:
	close_pair(to);
	close_pair(from);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	free(p);
	*state = NULL;
	return opened;
}

/* The child ended, or cannot be talked to: what it said itself on stderr tells why, unless it had
 * no chance to. */
static bool ended(struct apply *p)
{
	int status = 0;

	if (p->pid > 0 && waitpid(p->pid, &status, 0) == p->pid) {
		p->pid = 0;
		if (WIFSIGNALED(status))
			fail("gnatterd --apply was ended by signal %d (%s)", WTERMSIG(status),
				strsignal(WTERMSIG(status)));
		else if (WEXITSTATUS(status) == 0)
			fail("gnatterd --apply ended without an answer");
	}
	return false;
}

static bool apply_wait(void *state)
{
	struct apply *p = state;
	ssize_t len = getline(&p->line, &p->line_size, p->out);

	if (len <= 0)
		return ended(p);
	api_arrived(p->api, p->unanswered, p->line, (size_t)len);
	p->unanswered = 0;
	return true;
}

static bool apply_ask(
	void *state, uint32_t number, const char *method, const char *params, size_t len)
{
	struct apply *p = state;

	if (p->unanswered && !apply_wait(p))
		return false;
	/* {"a":1} becomes {"method":"...","a":1} */
	fprintf(p->in, "{\"method\":\"%s\"", method);
	if (len > 2)
		fputc(',', p->in);
	fwrite(params + 1, 1, len - 1, p->in);
	fputc('\n', p->in);
	p->unanswered = number;
	return fflush(p->in) == 0 ? true : ended(p);
}

static void apply_close(void *state)
{
	struct apply *p = state;

	fclose(p->in); /* its end of input: it ends */
	if (p->pid > 0)
		waitpid(p->pid, NULL, 0);
	fclose(p->out);
	close(p->lock_fd);
	free(p->line);
	free(p);
}

const struct api_transport api_apply = {apply_open, apply_ask, apply_wait, apply_close};
