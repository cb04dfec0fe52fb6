/* lanes.c — see lanes.h.
 *
 * libcurl says which sockets it wants to hear of and when it wants to be called at the latest
 * (curl_multi_socket_action); an epoll hears for all lanes together. The other way, which is
 * curl_multi_poll(), looks at each transfer at each turn and knows one lane only.
 *
 * A socket's state is kept by its number, not behind a pointer in epoll's events: libcurl may close
 * one socket while it is told of another, and the event that is already here for the closed one
 * must find nothing, not freed memory.
 *
 * libcurl 7.88 now and then forgets over HTTP/2 that it wanted to be called for one of many
 * transfers, which then waits for the next event on its connection. Where none comes, it is made
 * up: when nothing has happened for NUDGE_MS, every connection is served as if it were readable.
 */
#include "bridge/push/lanes.h"

#include "bridge/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define NUDGE_MS   250

struct line {
	struct lanes *lanes;
	CURLM *multi;
	int64_t due_ms; /* when libcurl wants to be called; -1: not at all */
};

struct watched {
	struct line *line; /* NULL: nobody asked for it */
	int64_t heard_ms;  /* when something came in last, perhaps for who had the number before */
};

struct lanes {
	int epoll_fd, wake_fd;
	struct line lines[LANES];
	struct watched *sockets; /* by descriptor */
	size_t sockets_max;
	int64_t nudge_ms; /* when to nudge, if nothing happens before */
	bool open;
};

/* --- what libcurl asks for ----------------------------------------------------------------- */

static bool make_room(struct lanes *l, size_t fd)
{
	size_t max = l->sockets_max ? l->sockets_max : 64;
	struct watched *sockets;

	if (fd < l->sockets_max)
		return true;
	while (max <= fd)
		max *= 2;
	sockets = realloc(l->sockets, max * sizeof(*sockets));
	if (!sockets)
		return false;
	memset(sockets + l->sockets_max, 0, (max - l->sockets_max) * sizeof(*sockets));
	l->sockets = sockets;
	l->sockets_max = max;
	return true;
}

/* -1 fails every transfer of the lane, which is what libcurl offers for such a moment. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct line *line = ctx;
	struct lanes *l = line->lanes;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		if ((size_t)fd < l->sockets_max)
			l->sockets[fd].line = NULL;
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* may be closed already */
		return 0;
	}
	if (what != CURL_POLL_OUT)
		event.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		event.events |= EPOLLOUT;
	if (!make_room(l, (size_t)fd))
		return -1;
	l->sockets[fd].line = line;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0 &&
		epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct line *line = ctx;

	(void)multi;
	line->due_ms = timeout_ms < 0 ? -1 : clock_now_ms() + timeout_ms;
	return 0;
}

/* --- life ---------------------------------------------------------------------------------- */

static bool line_init(struct lanes *l, enum lane lane, const struct lanes_conf *conf)
{
	struct line *line = &l->lines[lane];
	CURLM *m = libcurl()->multi_init();

	line->multi = m;
	if (!m)
		return false;
	return libcurl()->multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	       libcurl()->multi_setopt(m, CURLMOPT_SOCKETDATA, line) == CURLM_OK &&
	       libcurl()->multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
	       libcurl()->multi_setopt(m, CURLMOPT_TIMERDATA, line) == CURLM_OK &&
	       libcurl()->multi_setopt(m, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK &&
	       libcurl()->multi_setopt(m, CURLMOPT_MAX_TOTAL_CONNECTIONS,
		       (long)conf->connections_max) == CURLM_OK &&
	       libcurl()->multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)conf->idle_max) == CURLM_OK &&
	       libcurl()->multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS,
		       (long)conf->per_host_max[lane]) == CURLM_OK &&
	       libcurl()->multi_setopt(
		       m, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)conf->streams_max) == CURLM_OK;
}

enum err lanes_create(struct lanes **out)
{
	struct lanes *l = calloc(1, sizeof(*l));
	struct epoll_event event = {.events = EPOLLIN};
	bool ok;

	*out = NULL;
	if (!l)
		return ERR_NOMEM;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = event.data.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ok = l->epoll_fd >= 0 && l->wake_fd >= 0 &&
	     epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &event) == 0;
	for (int i = 0; i < LANES; i++)
		l->lines[i] = (struct line){.lanes = l, .due_ms = -1};
	if (!ok) {
		lanes_destroy(l);
		return ERR_IO;
	}
	*out = l;
	return ERR_OK;
}

static void close_lines(struct lanes *l)
{
	for (int i = 0; i < LANES; i++) {
		if (l->lines[i].multi)
			libcurl()->multi_cleanup(l->lines[i].multi);
		l->lines[i].multi = NULL;
	}
}

enum err lanes_open(struct lanes *l, const struct lanes_conf *conf)
{
	l->open = true;
	for (enum lane lane = 0; lane < LANES; lane++)
		l->open = line_init(l, lane, conf) && l->open;
	if (!l->open)
		close_lines(l);
	return l->open ? ERR_OK : ERR_NOMEM;
}

void lanes_destroy(struct lanes *l)
{
	if (!l)
		return;
	close_lines(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l->sockets);
	free(l);
}

enum err lanes_add(struct lanes *l, enum lane lane, CURL *easy)
{
	l->nudge_ms = clock_now_ms() + NUDGE_MS;
	return libcurl()->multi_add_handle(l->lines[lane].multi, easy) == CURLM_OK ? ERR_OK
										   : ERR_NOMEM;
}

void lanes_remove(struct lanes *l, enum lane lane, CURL *easy)
{
	libcurl()->multi_remove_handle(l->lines[lane].multi, easy);
}

/* --- the loop ------------------------------------------------------------------------------ */

/* At most timeout_ms (-1: for ever) until `due`. */
static int sooner(int timeout_ms, int64_t due, int64_t now)
{
	int64_t left = due > now ? due - now : 0;

	return left < (timeout_ms < 0 ? INT_MAX : timeout_ms) ? (int)left : timeout_ms;
}

/* libcurl has a time that it wants to be called at as long as there is a transfer. */
static int wait_ms(const struct lanes *l, int timeout_ms)
{
	int64_t now = clock_now_ms();

	for (int i = 0; i < LANES; i++) {
		if (l->lines[i].due_ms >= 0) {
			timeout_ms = sooner(timeout_ms, l->lines[i].due_ms, now);
			timeout_ms = sooner(timeout_ms, l->nudge_ms, now);
		}
	}
	return timeout_ms;
}

static void drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) > 0)
		;
}

static void act(struct lanes *l, const struct epoll_event *event, int64_t now)
{
	int fd = event->data.fd, what = 0, running;
	struct watched *w = (size_t)fd < l->sockets_max ? &l->sockets[fd] : NULL;

	if (!w || !w->line)
		return;
	if (event->events & EPOLLIN) {
		w->heard_ms = now;
		what |= CURL_CSELECT_IN;
	}
	if (event->events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (event->events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	libcurl()->multi_socket_action(w->line->multi, fd, what, &running);
}

static void nudge(struct lanes *l)
{
	int running;

	for (size_t fd = 0; fd < l->sockets_max; fd++) {
		if (l->sockets[fd].line)
			libcurl()->multi_socket_action(
				l->sockets[fd].line->multi, (int)fd, CURL_CSELECT_IN, &running);
	}
}

static void run_timers(struct lanes *l, int64_t now)
{
	int running;

	for (int i = 0; i < LANES; i++) {
		struct line *line = &l->lines[i];

		if (line->due_ms < 0 || line->due_ms > now)
			continue;
		line->due_ms = -1;
		libcurl()->multi_socket_action(line->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

enum err lanes_run(struct lanes *l, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(l->epoll_fd, events, EVENTS_MAX, wait_ms(l, timeout_ms));
	int64_t now = clock_now_ms();

	if (count < 0 && errno != EINTR)
		return ERR_IO;
	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == l->wake_fd)
			drain(l->wake_fd);
		else
			act(l, &events[i], now);
	}
	run_timers(l, now);
	if (count <= 0 && l->nudge_ms <= now)
		nudge(l);
	if (count > 0 || l->nudge_ms <= now)
		l->nudge_ms = now + NUDGE_MS;
	return ERR_OK;
}

CURL *lanes_ended(struct lanes *l, CURLcode *result)
{
	for (int i = 0; l->open && i < LANES; i++) {
		int left;
		struct CURLMsg *message;

		while ((message = libcurl()->multi_info_read(l->lines[i].multi, &left))) {
			if (message->msg != CURLMSG_DONE)
				continue;
			*result = message->data.result;
			return message->easy_handle;
		}
	}
	return NULL;
}

void lanes_break_silent(struct lanes *l, CURL *easy, int64_t since_ms)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (libcurl()->easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd < 0)
		return;
	if ((size_t)fd < l->sockets_max && l->sockets[fd].heard_ms < since_ms)
		shutdown(fd, SHUT_RDWR);
}

void lanes_wake(struct lanes *l)
{
	static const uint64_t one = 1;

	if (write(l->wake_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: it is awake already */
	}
}
