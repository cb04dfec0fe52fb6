/* net.c — see net.h for the idea. */
#include "bench/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/die.h"

#define EVENTS_MAX        256
#define CONNECTING_MAX    64 /* below a broker's listen backlog of 100, past which a SYN is lost */
#define CONNECT_TIMEOUT   (30 * NS_PER_S)
#define PING_INTERVAL     (20 * NS_PER_S)
#define READ_SIZE         16384
#define UNACKED_MAX       60000 /* ids must not meet themselves */
#define OUT_MAX           (64u << 20)
#define KEEPALIVE_S       60
#define DESCRIPTORS_SPARE 32

void net_fail(struct net *n, const struct conn *c, const char *fmt, ...)
{
	va_list args;
	int len = 0;

	if (n->failed)
		return;
	n->failed = true;
	if (c)
		len = snprintf(n->why, sizeof(n->why), "client %s: ", c->login.client);
	va_start(args, fmt);
	if (len >= 0 && (size_t)len < sizeof(n->why))
		vsnprintf(n->why + len, sizeof(n->why) - (size_t)len, fmt, args);
	va_end(args);
}

struct sockaddr_in net_resolve(const char *host, int64_t port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	struct sockaddr_in address;
	char service[16];
	int e;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	e = getaddrinfo(host, service, &hints, &found);
	if (e)
		die("%s: %s", host, gai_strerror(e));
	memcpy(&address, found->ai_addr, sizeof(address));
	freeaddrinfo(found);
	return address;
}

/* --- starting ------------------------------------------------------------------------------------
 */

static void raise_descriptor_limit(unsigned count)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < count + DESCRIPTORS_SPARE)
		die("%u connections need more file descriptors than the %llu allowed here", count,
			(unsigned long long)limit.rlim_cur);
}

void net_init(struct net *n, unsigned count)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	raise_descriptor_limit(count);
	n->count = count;
	n->conns = die_alloc(count, sizeof(*n->conns));
	n->dirty = die_alloc(count, sizeof(struct conn *));
	for (unsigned i = 0; i < count; i++) {
		n->conns[i].index = i;
		n->conns[i].fd = -1;
	}
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	n->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (n->epoll < 0 || n->timer < 0 || epoll_ctl(n->epoll, EPOLL_CTL_ADD, n->timer, &event))
		die("epoll: %s", strerror(errno));
	n->now_ns = clock_ns();
	n->ping_ns = n->now_ns + PING_INTERVAL;
}

static bool conn_open(struct net *n, struct conn *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		net_fail(n, c, "socket: %s", strerror(errno));
		return false;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&n->address, sizeof(n->address)) &&
		errno != EINPROGRESS) {
		net_fail(n, c, "cannot connect: %s", strerror(errno));
		return false;
	}
	if (epoll_ctl(n->epoll, EPOLL_CTL_ADD, c->fd, &event)) {
		net_fail(n, c, "epoll: %s", strerror(errno));
		return false;
	}
	c->wants_write = true;
	c->state = CONN_CONNECTING;
	n->connecting++;
	return true;
}

bool net_open(struct net *n, unsigned count)
{
	while (n->opened < count && n->connecting < CONNECTING_MAX)
		if (!conn_open(n, &n->conns[n->opened++]))
			return false;
	return true;
}

bool net_connect(struct net *n)
{
	int64_t progress_ns = clock_ns();
	unsigned ready = 0;

	while (n->ready < n->count) {
		if (!net_open(n, n->count))
			return false;
		if (!net_wait(n, progress_ns + CONNECT_TIMEOUT))
			return false;
		if (n->ready > ready) {
			ready = n->ready;
			progress_ns = n->now_ns;
		} else if (n->now_ns > progress_ns + CONNECT_TIMEOUT) {
			net_fail(n, NULL, "only %u of %u clients could sign in and subscribe",
				ready, n->count);
			return false;
		}
	}
	return true;
}

/* --- sending -------------------------------------------------------------------------------------
 */

static void mark_dirty(struct net *n, struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	n->dirty[n->dirty_count++] = c;
}

static void watch_writable(struct net *n, struct conn *c, bool wanted)
{
	struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};

	if (c->wants_write == wanted)
		return;
	c->wants_write = wanted;
	if (epoll_ctl(n->epoll, EPOLL_CTL_MOD, c->fd, &event))
		net_fail(n, c, "epoll: %s", strerror(errno));
}

static void conn_flush(struct net *n, struct conn *c)
{
	size_t len = c->out.len - c->out_at;
	ssize_t sent;

	if (c->out.failed) {
		net_fail(n, c, "out of memory");
		return;
	}
	if (c->state == CONN_CONNECTING || len == 0)
		return;
	sent = send(c->fd, c->out.data + c->out_at, len, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		net_fail(n, c, "the connection broke: %s", strerror(errno));
		return;
	}
	if (sent == (ssize_t)len) {
		buf_reset(&c->out);
		c->out_at = 0;
		watch_writable(n, c, false);
		return;
	}
	c->out_at += sent > 0 ? (size_t)sent : 0;
	if (c->out_at > c->out.len / 2) {
		c->out.len -= c->out_at;
		memmove(c->out.data, c->out.data + c->out_at, c->out.len);
		c->out_at = 0;
	}
	if (len > OUT_MAX)
		net_fail(n, c, "the broker does not take what is sent at this rate");
	watch_writable(n, c, true);
}

static void flush_dirty(struct net *n)
{
	for (unsigned i = 0; i < n->dirty_count; i++) {
		struct conn *c = n->dirty[i];

		c->dirty = false;
		if (!c->wants_write)
			conn_flush(n, c);
	}
	n->dirty_count = 0;
}

static uint16_t next_id(struct conn *c)
{
	if (++c->last_id == 0)
		c->last_id = 1;
	return c->last_id;
}

char *net_publish(struct net *n, struct conn *c, struct mqtt_out *m)
{
	char *payload;

	if (m->qos)
		m->id = next_id(c);
	payload = mqtt_put_publish(&c->out, n->version, m);
	if (!payload) {
		net_fail(n, c, "a message cannot be made: out of memory, or too large");
		return NULL;
	}
	if (m->qos)
		c->unacked++;
	mark_dirty(n, c);
	return payload;
}

/* --- what comes in -------------------------------------------------------------------------------
 */

static void start_session(struct net *n, struct conn *c)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		net_fail(n, c, "cannot connect: %s", strerror(error));
		return;
	}
	c->state = CONN_SIGNING_IN;
	c->login.keepalive_s = KEEPALIVE_S;
	mqtt_put_connect_will(&c->out, n->version, &c->login, c->will);
	conn_flush(n, c);
}

static void set_ready(struct net *n, struct conn *c)
{
	c->state = CONN_READY;
	n->connecting--;
	n->ready++;
	if (n->on_ready)
		n->on_ready(n->ctx, c);
}

static bool on_connack(struct net *n, struct conn *c, const struct mqtt_packet *p)
{
	struct mqtt_connack ack;

	if (c->state != CONN_SIGNING_IN || !mqtt_get_connack(&ack, p, n->version))
		return false;
	if (ack.reason) {
		net_fail(n, c, "sign-in refused with reason 0x%02x", ack.reason);
		return true;
	}
	c->receive_max = ack.receive_max < UNACKED_MAX ? ack.receive_max : UNACKED_MAX;
	if (c->filter_count == 0) {
		set_ready(n, c);
		return true;
	}
	c->state = CONN_SUBSCRIBING;
	mqtt_put_subscribe(&c->out, n->version, next_id(c), c->filters, c->filter_count, n->qos);
	mark_dirty(n, c);
	return true;
}

static bool on_suback(struct net *n, struct conn *c, const struct mqtt_packet *p)
{
	struct mqtt_ack ack;

	if (c->state != CONN_SUBSCRIBING || !mqtt_get_suback(&ack, p, n->version))
		return false;
	if (ack.reason >= 0x80)
		net_fail(n, c, "subscription to %s refused with reason 0x%02x", c->filters[0],
			ack.reason);
	set_ready(n, c);
	return true;
}

static bool on_publish(struct net *n, struct conn *c, const struct mqtt_packet *p)
{
	struct mqtt_in m;

	if (!mqtt_get_publish(&m, p, n->version))
		return false;
	n->on_message(n->ctx, c, &m);
	if (m.qos) {
		mqtt_put_ack(&c->out, m.qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, m.id);
		mark_dirty(n, c);
	}
	return true;
}

/* PUBACK, PUBREC, PUBREL, PUBCOMP. */
static bool on_ack(struct net *n, struct conn *c, const struct mqtt_packet *p)
{
	struct mqtt_ack ack;

	if (!mqtt_get_ack(&ack, p))
		return false;
	if (ack.reason >= 0x80 && p->type != MQTT_PUBREL) {
		net_fail(n, c, "a message was refused with reason 0x%02x", ack.reason);
		return true;
	}
	if (p->type == MQTT_PUBREC || p->type == MQTT_PUBREL) {
		mqtt_put_ack(&c->out, p->type == MQTT_PUBREC ? MQTT_PUBREL : MQTT_PUBCOMP, ack.id);
		mark_dirty(n, c);
		return true;
	}
	if (c->unacked == 0)
		return false;
	c->unacked--;
	if (n->on_acked)
		n->on_acked(n->ctx, c);
	return true;
}

static bool on_packet(struct net *n, struct conn *c, const struct mqtt_packet *p)
{
	switch (p->type) {
	case MQTT_PUBLISH:
		return on_publish(n, c, p);
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		return on_ack(n, c, p);
	case MQTT_CONNACK:
		return on_connack(n, c, p);
	case MQTT_SUBACK:
		return on_suback(n, c, p);
	case MQTT_PINGRESP:
		return true;
	case MQTT_DISCONNECT:
		net_fail(n, c, "the broker closed the session with reason 0x%02x",
			p->body.len ? (unsigned char)p->body.data[0] : 0);
		return true;
	default:
		return false;
	}
}

/* Handle every whole packet in c->in and keep the rest, with room for what is known to come. */
static void parse(struct net *n, struct conn *c)
{
	struct mqtt_packet p;
	size_t at = 0, size = 0;
	enum mqtt_scan scan = MQTT_WHOLE;

	while (!n->failed) {
		scan = mqtt_scan(&p, &size, c->in.data + at, c->in.len - at);
		if (scan != MQTT_WHOLE)
			break;
		if (!on_packet(n, c, &p))
			net_fail(n, c, "the broker sent a malformed packet of type %d", p.type);
		at += size;
	}
	if (scan == MQTT_MALFORMED)
		net_fail(n, c, "the broker sent a malformed packet");
	c->in.len -= at;
	if (at && c->in.len)
		memmove(c->in.data, c->in.data + at, c->in.len);
	if (size > c->in.len && !buf_reserve(&c->in, size - c->in.len))
		net_fail(n, c, "out of memory");
}

static void conn_read(struct net *n, struct conn *c)
{
	size_t room = c->in.cap - c->in.len;
	ssize_t got;

	if (room == 0) {
		if (!buf_reserve(&c->in, READ_SIZE)) {
			net_fail(n, c, "out of memory");
			return;
		}
		room = c->in.cap - c->in.len;
	}
	got = recv(c->fd, c->in.data + c->in.len, room, 0);
	if (got == 0) {
		net_fail(n, c, "the broker closed the connection");
		return;
	}
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			net_fail(n, c, "the connection broke: %s", strerror(errno));
		return;
	}
	n->now_ns = clock_ns();
	c->in.len += (size_t)got;
	parse(n, c);
}

/* --- the loop ------------------------------------------------------------------------------------
 */

static void set_timer(struct net *n, int64_t at_ns)
{
	struct itimerspec spec = {.it_value = {at_ns / NS_PER_S, at_ns % NS_PER_S}};

	if (n->timer_ns == at_ns)
		return;
	n->timer_ns = at_ns;
	timerfd_settime(n->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void read_timer(struct net *n)
{
	uint64_t expirations;

	if (read(n->timer, &expirations, sizeof(expirations)) > 0)
		n->timer_ns = 0;
	n->now_ns = clock_ns();
}

/* Members that only listen with QoS 0 would be taken for dead. */
static void ping_all(struct net *n)
{
	for (unsigned i = 0; i < n->count; i++) {
		if (n->conns[i].state != CONN_READY)
			continue;
		mqtt_put_empty(&n->conns[i].out, MQTT_PINGREQ);
		mark_dirty(n, &n->conns[i]);
	}
	n->ping_ns = n->now_ns + PING_INTERVAL;
}

bool net_wait(struct net *n, int64_t until_ns)
{
	struct epoll_event events[EVENTS_MAX];
	int count;

	if (n->now_ns >= n->ping_ns)
		ping_all(n);
	flush_dirty(n);
	set_timer(n, until_ns > 0 ? until_ns : 1);
	if (n->gather_ns)
		nanosleep(&(struct timespec){0, n->gather_ns}, NULL);
	count = epoll_wait(n->epoll, events, EVENTS_MAX, -1);
	for (int i = 0; i < count && !n->failed; i++) {
		struct conn *c = events[i].data.ptr;

		if (!c) {
			read_timer(n);
			continue;
		}
		if (events[i].events & EPOLLOUT) {
			if (c->state == CONN_CONNECTING)
				start_session(n, c);
			else
				conn_flush(n, c);
		}
		if (!n->failed && events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
			conn_read(n, c);
		flush_dirty(n);
	}
	return !n->failed;
}

void net_finish(struct net *n)
{
	for (unsigned i = 0; i < n->count; i++) {
		struct conn *c = &n->conns[i];

		if (c->state == CONN_READY && !n->failed) {
			mqtt_put_empty(&c->out, MQTT_DISCONNECT);
			conn_flush(n, c);
		}
		if (c->fd >= 0)
			close(c->fd);
		buf_free(&c->in);
		buf_free(&c->out);
	}
	free(n->conns);
	free(n->dirty);
	close(n->epoll);
	close(n->timer);
}
