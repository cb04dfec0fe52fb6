/* proxy.c — see proxy.h. Connections: proxy_link.c. Chance: proxy_chaos.c.
 *
 * One lock guards all. The thread holds it but for when it waits, and after each wait looks at
 * every connection whatever it was woken for: so a function of the main thread can end connections
 * by itself, and has done so when it returns.
 */
#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/proxy_internal.h"

#define OPEN_MAX 500 /* connections; beyond, they wait in the kernel */

/* --- the thread ----------------------------------------------------------------------------- */

static void accept_all(struct proxy *p)
{
	int fd;

	while (p->seen.open < OPEN_MAX && !p->manners.refuse &&
		(fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		link_take(p, fd);
		p->seen.open++;
	}
}

static void work_all(struct proxy *p, int64_t now_ms)
{
	for (struct link **at = &p->links; *at;) {
		struct link *l = *at;

		if (link_work(p, l, now_ms)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		link_free(l);
		p->seen.open--;
	}
}

/* What to wait for; how many. A socket with nothing to wait for is left out: it would tell of its
 * end again and again. */
static nfds_t gather(const struct proxy *p, struct pollfd *f, int64_t now_ms)
{
	nfds_t n = 0;

	f[n++] = (struct pollfd){.fd = p->wake[0], .events = POLLIN};
	if (p->seen.open < OPEN_MAX && !p->manners.refuse)
		f[n++] = (struct pollfd){.fd = p->listener, .events = POLLIN};
	for (const struct link *l = p->links; l; l = l->next) {
		for (int side = 0; side < 2; side++) {
			short events = link_events(p, l, side, now_ms);

			if (events)
				f[n++] = (struct pollfd){.fd = l->fd[side], .events = events};
		}
	}
	return n;
}

/* Milliseconds to wait at most; -1: until something comes. What is due already waits for room. */
static int pause_of(const struct proxy *p, int64_t chaos_ms, int64_t now_ms)
{
	int64_t due = chaos_ms;

	for (const struct link *l = p->links; l; l = l->next) {
		int64_t link_due = link_due_ms(p, l);

		if (link_due > now_ms && link_due < due)
			due = link_due;
	}
	if (due == INT64_MAX)
		return -1;
	return due <= now_ms ? 0 : (int)(due - now_ms);
}

static void *run_proxy(void *arg)
{
	struct proxy *p = arg;
	struct pollfd *f = calloc(2 + 2 * OPEN_MAX, sizeof(*f));
	char woken[64];

	if (!f)
		abort();
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		int64_t now_ms = case_now_ms(), chaos_ms = proxy_chaos_work(p, now_ms);
		nfds_t n;
		int pause;

		accept_all(p);
		work_all(p, now_ms);
		n = gather(p, f, now_ms);
		pause = pause_of(p, chaos_ms, now_ms);
		pthread_mutex_unlock(&p->lock);
		poll(f, n, pause);
		while (read(p->wake[0], woken, sizeof(woken)) > 0)
			;
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	free(f);
	return NULL;
}

static void wake(struct proxy *p)
{
	ssize_t n = write(p->wake[1], "", 1); /* full: it is awake anyway */

	(void)n;
}

/* --- life ----------------------------------------------------------------------------------- */

static void report_proxy(void *arg)
{
	struct proxy *p = arg;
	struct proxy_seen s = proxy_seen(p);

	fprintf(stderr,
		"=== the proxy on port %d passed %llu bytes up, %llu down, over %llu connections; "
		"broke %llu of them; %u are open\n",
		p->port, (unsigned long long)s.up, (unsigned long long)s.down,
		(unsigned long long)s.connections, (unsigned long long)s.broken, s.open);
	if (p->seed)
		fprintf(stderr, "the seed of its chaos: %u\n", p->seed);
}

static void undo_proxy(void *arg, bool failed)
{
	struct proxy *p = arg;

	(void)failed;
	case_forget_report(p);
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_mutex_unlock(&p->lock);
	wake(p);
	pthread_join(p->thread, NULL);
	for (struct link *l = p->links, *next; l; l = next) {
		next = l->next;
		link_free(l);
	}
	pthread_mutex_destroy(&p->lock);
	close(p->listener);
	close(p->wake[0]);
	close(p->wake[1]);
}

/* A port that was asked for by its number stays with the socket while that does not listen. */
static void listen_somewhere(struct proxy *p)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	do {
		p->port = free_port();
		in.sin_port = htons((uint16_t)p->port);
	} while (bind(p->listener, (struct sockaddr *)&in, sizeof(in)) != 0 && errno == EADDRINUSE);
	if (listen(p->listener, 64) != 0)
		case_fail("the proxy cannot listen: %s", strerror(errno));
}

struct proxy *proxy_start(int server_port)
{
	struct proxy *p = case_alloc(sizeof(*p));

	p->server_port = server_port;
	p->cut_after[0] = p->cut_after[1] = UINT64_MAX;
	listen_somewhere(p);
	pthread_mutex_init(&p->lock, NULL);
	if (pipe2(p->wake, O_CLOEXEC | O_NONBLOCK) != 0 ||
		pthread_create(&p->thread, NULL, run_proxy, p) != 0)
		case_fail("the proxy does not start");
	case_defer(undo_proxy, p);
	case_on_failure(report_proxy, p);
	return p;
}

int proxy_port(const struct proxy *p)
{
	return p->port;
}

/* --- how it behaves ------------------------------------------------------------------------- */

/* A socket that has stopped listening keeps its port, and the kernel refuses for it. */
static void refuse(struct proxy *p, bool on)
{
	if (on == p->manners.refuse)
		return;
	if (on)
		shutdown(p->listener, SHUT_RD);
	else if (listen(p->listener, 64) != 0)
		abort();
}

void proxy_behave_locked(struct proxy *p, const struct proxy_manners *m)
{
	static const struct proxy_manners good;
	int64_t now_ms = case_now_ms();

	if (!m)
		m = &good;
	refuse(p, m->refuse);
	p->manners = *m;
	for (struct link *l = p->links; l; l = l->next)
		link_reschedule(p, l, now_ms);
}

void proxy_behave(struct proxy *p, const struct proxy_manners *m)
{
	pthread_mutex_lock(&p->lock);
	proxy_behave_locked(p, m);
	pthread_mutex_unlock(&p->lock);
	wake(p);
}

void proxy_drop_locked(struct proxy *p, enum proxy_end how)
{
	for (struct link *l = p->links; l; l = l->next)
		link_end(p, l, how);
}

void proxy_drop(struct proxy *p, enum proxy_end how)
{
	pthread_mutex_lock(&p->lock);
	accept_all(p); /* those that believe to be connected */
	proxy_drop_locked(p, how);
	pthread_mutex_unlock(&p->lock);
	wake(p);
}

void proxy_cut_locked(struct proxy *p, unsigned way, uint64_t bytes, enum proxy_end how)
{
	for (unsigned k = 0; k < 2; k++) {
		if (way & (1u << k))
			p->cut_after[k] = bytes;
	}
	p->cut_how = how;
}

void proxy_cut_after(struct proxy *p, unsigned way, uint64_t bytes, enum proxy_end how)
{
	pthread_mutex_lock(&p->lock);
	proxy_cut_locked(p, way, bytes, how);
	pthread_mutex_unlock(&p->lock);
}

/* --- what it has seen ----------------------------------------------------------------------- */

struct proxy_seen proxy_seen(struct proxy *p)
{
	struct proxy_seen s;

	pthread_mutex_lock(&p->lock);
	s = p->seen;
	pthread_mutex_unlock(&p->lock);
	return s;
}

void proxy_wait_connected(struct proxy *p, uint64_t connections)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (proxy_seen(p).connections <= connections) {
		if (case_now_ms() > until)
			case_fail("there should be more than %llu connections",
				(unsigned long long)connections);
		case_pause_ms(2);
	}
}

void proxy_wait_open(struct proxy *p, unsigned open)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (proxy_seen(p).open != open) {
		if (case_now_ms() > until)
			case_fail(
				"%u connections should be open, not %u", open, proxy_seen(p).open);
		case_pause_ms(2);
	}
}
