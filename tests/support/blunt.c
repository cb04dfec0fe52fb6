/* blunt.c — see blunt.h. */
#include "tests/support/blunt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/case.h"

/* For what comes behind the head: a socket that is closed with something unread in it takes back
 * what it has said. */
#define LINGER_MS 200

struct blunt {
	struct blunt_says says;
	int fd, port;
	int stop[2]; /* a pipe: its write end closed means to end */
	pthread_t thread;
	atomic_size_t said;
};

/* Until the socket has something (or room), the time is up (-1: never) or the end has come. */
static bool ready(struct blunt *b, int fd, short events, int timeout_ms)
{
	struct pollfd p[] = {{.fd = b->stop[0], .events = POLLIN}, {.fd = fd, .events = events}};

	return poll(p, 2, timeout_ms) > 0 && p[0].revents == 0;
}

static bool stopped(struct blunt *b)
{
	struct pollfd p = {.fd = b->stop[0], .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static bool say(struct blunt *b, int fd, const char *text)
{
	for (size_t len = strlen(text); len > 0;) {
		ssize_t n = ready(b, fd, POLLOUT, -1) ? send(fd, text, len, MSG_NOSIGNAL) : -1;

		if (n < 0)
			return false;
		atomic_fetch_add(&b->said, (size_t)n);
		text += n;
		len -= (size_t)n;
	}
	return true;
}

/* Until the empty line. What comes behind it stays unread. */
static bool read_head(struct blunt *b, int fd)
{
	char last[4] = "";

	while (memcmp(last, "\r\n\r\n", 4) != 0) {
		memmove(last, last + 1, 3);
		if (!ready(b, fd, POLLIN, -1) || read(fd, &last[3], 1) != 1)
			return false;
	}
	return true;
}

static void serve(struct blunt *b, int fd)
{
	char ignored[512];

	if (!read_head(b, fd) || (b->says.first && !say(b, fd, b->says.first)))
		return;
	while (b->says.again) {
		ready(b, -1, 0, b->says.pause_ms);
		if (stopped(b) || !say(b, fd, b->says.again))
			return;
	}
	if (!b->says.stays)
		shutdown(fd, SHUT_WR);
	while (ready(b, fd, POLLIN, b->says.stays ? -1 : LINGER_MS) &&
		read(fd, ignored, sizeof(ignored)) > 0)
		;
}

static void *run(void *arg)
{
	struct blunt *b = arg;

	while (ready(b, b->fd, POLLIN, -1)) {
		int fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			continue;
		serve(b, fd);
		close(fd);
	}
	return NULL;
}

static void undo_blunt(void *arg, bool failed)
{
	struct blunt *b = arg;

	(void)failed;
	close(b->stop[1]);
	pthread_join(b->thread, NULL);
	close(b->stop[0]);
	close(b->fd);
}

struct blunt *blunt_start(const struct blunt_says *says)
{
	struct blunt *b = case_alloc(sizeof(*b));
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);

	b->says = *says;
	b->says.first = says->first ? case_printf("%s", says->first) : NULL;
	b->says.again = says->again ? case_printf("%s", says->again) : NULL;
	b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(b->fd, (struct sockaddr *)&in, sizeof(in)) != 0 || listen(b->fd, 64) != 0 ||
		getsockname(b->fd, (struct sockaddr *)&in, &len) != 0 ||
		pipe2(b->stop, O_CLOEXEC) != 0)
		case_fail("the blunt server cannot listen: %s", strerror(errno));
	b->port = ntohs(in.sin_port);
	if (pthread_create(&b->thread, NULL, run, b) != 0)
		case_fail("the blunt server does not start");
	case_defer(undo_blunt, b);
	return b;
}

const char *blunt_url(const struct blunt *b)
{
	return case_printf("http://127.0.0.1:%d/path", b->port);
}

size_t blunt_said(const struct blunt *b)
{
	return atomic_load(&((struct blunt *)(uintptr_t)b)->said);
}
