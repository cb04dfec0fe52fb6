/* proxy_link.c — one connection through the proxy: see proxy_internal.h.
 *
 * Nothing here blocks. What was read is due at a time, which is how both a delay and a narrow link
 * are made; what waits has a limit, and with it full the source is not read any more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/proxy_internal.h"

#define QUEUED_MAX (256 * 1024)
#define CHUNK_MAX  4096

static void forget_queue(struct flow *f)
{
	for (struct chunk *c = f->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	f->first = NULL;
	f->last = &f->first;
	f->queued = 0;
}

static void close_side(struct link *l, int side, enum proxy_end how)
{
	struct linger none = {.l_onoff = 1, .l_linger = 0};

	if (l->fd[side] < 0)
		return;
	if (how == PROXY_RST)
		setsockopt(l->fd[side], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(l->fd[side]);
	l->fd[side] = -1;
}

void link_end(struct proxy *p, struct link *l, enum proxy_end how)
{
	p->seen.broken += l->fd[0] >= 0 || l->fd[1] >= 0;
	close_side(l, 0, how);
	close_side(l, 1, how);
}

void link_free(struct link *l)
{
	close_side(l, 0, PROXY_FIN);
	close_side(l, 1, PROXY_FIN);
	forget_queue(&l->flow[0]);
	forget_queue(&l->flow[1]);
	free(l);
}

void link_take(struct proxy *p, int client)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)p->server_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	p->seen.connections++;
	l->fd[0] = client;
	l->fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	l->connecting = true;
	for (int way = 0; way < 2; way++) {
		l->flow[way].last = &l->flow[way].first;
		l->flow[way].swallow = p->manners.freeze & (1u << way);
	}
	if (connect(l->fd[1], (struct sockaddr *)&a, sizeof(a)) != 0 && errno != EINPROGRESS) {
		close_side(l, 0, PROXY_RST);
		close_side(l, 1, PROXY_RST);
	}
	l->next = p->links;
	p->links = l;
}

static bool held(const struct proxy *p, int way)
{
	return p->manners.hold & (1u << way);
}

/* A side is gone without a goodbye. The other one learns it unless what this one says is swallowed;
 * then what is for it has nowhere to go. */
static void side_lost(struct link *l, int side)
{
	close_side(l, side, PROXY_RST);
	if (!l->flow[side].swallow)
		close_side(l, 1 - side, PROXY_RST);
	l->flow[side].ended = true;
	l->flow[1 - side].swallow = true;
	forget_queue(&l->flow[1 - side]);
}

static int64_t due_ms(const struct proxy *p, struct flow *f, size_t len, int64_t now_ms)
{
	int64_t due = now_ms + p->manners.delay_ms;

	if (p->manners.bytes_per_s == 0)
		return due;
	if (f->free_ms < now_ms)
		f->free_ms = now_ms;
	f->free_ms += (int64_t)(len * 1000 / p->manners.bytes_per_s) + 1;
	return f->free_ms + p->manners.delay_ms;
}

static void queue(
	const struct proxy *p, struct flow *f, const char *data, size_t len, int64_t now_ms)
{
	struct chunk *c = malloc(sizeof(*c) + len);

	if (!c)
		abort();
	*c = (struct chunk){.due_ms = due_ms(p, f, len, now_ms), .len = len};
	memcpy(c->data, data, len);
	*f->last = c;
	f->last = &c->next;
	f->queued += len;
}

/* A narrow link is read in small pieces, so that what comes out is a stream and no row of blocks.
 */
static size_t piece(const struct proxy *p)
{
	unsigned rate = p->manners.bytes_per_s;

	return rate == 0 || rate / 50 >= CHUNK_MAX ? CHUNK_MAX : rate / 50 + 1;
}

static bool reads(const struct proxy *p, const struct link *l, int way)
{
	const struct flow *f = &l->flow[way];

	return l->fd[way] >= 0 && !f->ended && (way == 0 || !l->connecting) &&
	       (f->swallow || (!held(p, way) && f->queued < QUEUED_MAX));
}

static void read_way(struct proxy *p, struct link *l, int way, int64_t now_ms)
{
	char data[CHUNK_MAX];

	while (reads(p, l, way)) {
		ssize_t n = read(l->fd[way], data, piece(p));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			side_lost(l, way);
		else if (n == 0)
			l->flow[way].ended = true;
		else if (!l->flow[way].swallow)
			queue(p, &l->flow[way], data, (size_t)n, now_ms);
	}
}

/* The part of a chunk that may go: the network may break within it. False: it has broken. */
static bool allowed(struct proxy *p, struct link *l, int way, size_t *len)
{
	uint64_t left = p->cut_after[way];

	if (left == 0) {
		p->cut_after[way] = UINT64_MAX;
		link_end(p, l, p->cut_how);
		return false;
	}
	if (*len > left)
		*len = (size_t)left;
	return true;
}

static void passed(struct proxy *p, struct flow *f, int way, size_t n)
{
	struct chunk *c = f->first;

	*(way == 0 ? &p->seen.up : &p->seen.down) += n;
	if (p->cut_after[way] != UINT64_MAX)
		p->cut_after[way] -= n;
	f->queued -= n;
	c->at += n;
	if (c->at < c->len)
		return;
	f->first = c->next;
	if (!f->first)
		f->last = &f->first;
	free(c);
}

static void write_way(struct proxy *p, struct link *l, int way, int64_t now_ms)
{
	struct flow *f = &l->flow[way];

	while (!l->connecting && !held(p, way) && f->first && f->first->due_ms <= now_ms) {
		size_t len = f->first->len - f->first->at;
		ssize_t n;

		if (l->fd[1 - way] < 0 || !allowed(p, l, way, &len))
			return;
		n = send(l->fd[1 - way], f->first->data + f->first->at, len, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			side_lost(l, 1 - way);
		else
			passed(p, f, way, (size_t)n);
	}
	if (f->ended && !f->told && !f->first && !f->swallow && !held(p, way) && !l->connecting &&
		l->fd[1 - way] >= 0) {
		shutdown(l->fd[1 - way], SHUT_WR);
		f->told = true;
	}
}

static void connected(struct link *l)
{
	struct pollfd f = {.fd = l->fd[1], .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	if (poll(&f, 1, 0) <= 0)
		return;
	l->connecting = false;
	if (getsockopt(l->fd[1], SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
		return;
	close_side(l, 0, PROXY_RST);
	close_side(l, 1, PROXY_RST);
}

static bool is_over(const struct flow *f)
{
	return f->ended && (f->told || f->swallow);
}

bool link_work(struct proxy *p, struct link *l, int64_t now_ms)
{
	if (l->connecting && l->fd[1] >= 0)
		connected(l);
	for (int way = 0; way < 2; way++) {
		read_way(p, l, way, now_ms);
		write_way(p, l, way, now_ms);
	}
	return (l->fd[0] >= 0 || l->fd[1] >= 0) && !(is_over(&l->flow[0]) && is_over(&l->flow[1]));
}

short link_events(const struct proxy *p, const struct link *l, int side, int64_t now_ms)
{
	const struct flow *to = &l->flow[1 - side];
	short events = 0;

	if (reads(p, l, side))
		events |= POLLIN;
	if ((l->connecting && side == 1) ||
		(to->first && to->first->due_ms <= now_ms && !held(p, 1 - side)))
		events |= POLLOUT;
	return events;
}

int64_t link_due_ms(const struct proxy *p, const struct link *l)
{
	int64_t due = INT64_MAX;

	for (int way = 0; way < 2; way++) {
		const struct chunk *c = l->flow[way].first;

		if (c && !held(p, way) && c->due_ms < due)
			due = c->due_ms;
	}
	return due;
}

void link_reschedule(const struct proxy *p, struct link *l, int64_t now_ms)
{
	for (int way = 0; way < 2; way++) {
		struct flow *f = &l->flow[way];

		f->swallow |= p->manners.freeze & (1u << way);
		if (f->swallow)
			forget_queue(f);
		f->free_ms = 0;
		for (struct chunk *c = f->first; c; c = c->next)
			c->due_ms = due_ms(p, f, c->len, now_ms);
	}
}
