/* raw.c — see raw.h. */
#include "tests/support/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/case.h"

bool raw_open(struct raw *r, int port, int receive_buffer)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;

	*r = (struct raw){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .version = 4};
	if (r->fd < 0)
		return false;
	if (receive_buffer)
		setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(r->fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return true;
	raw_close(r);
	return false;
}

bool raw_open_unix(struct raw *r, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	*r = (struct raw){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .version = 5};
	if (r->fd < 0)
		return false;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(r->fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return true;
	raw_close(r);
	return false;
}

void raw_close(struct raw *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_free(&r->in);
	r->in = (struct buf){0};
}

bool raw_write(struct raw *r, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(r->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* --- making packets -------------------------------------------------------------------------- */

static void put_u16(struct buf *b, size_t v)
{
	buf_u8(b, (uint8_t)(v >> 8));
	buf_u8(b, (uint8_t)v);
}

static void put_string(struct buf *b, const char *s)
{
	put_u16(b, strlen(s));
	buf_str(b, s);
}

static void put_varint(struct buf *b, size_t v)
{
	do {
		uint8_t digit = v & 0x7f;

		v >>= 7;
		buf_u8(b, v ? digit | 0x80 : digit);
	} while (v);
}

void raw_packet(struct buf *b, uint8_t first, const struct buf *body)
{
	buf_u8(b, first);
	put_varint(b, body->len);
	buf_put(b, body->data, body->len);
}

void raw_publish(struct buf *b, int version, const char *topic, const void *payload, size_t len,
	int qos, uint16_t mid, bool dup)
{
	struct buf body = {0};

	put_string(&body, topic);
	if (qos)
		put_u16(&body, mid);
	if (version == 5)
		buf_u8(&body, 0); /* no properties */
	buf_put(&body, payload, len);
	raw_packet(b, (uint8_t)(0x30 | (dup ? 8 : 0) | qos << 1), &body);
	buf_free(&body);
}

static void put_connect(struct buf *b, const struct raw_connect *c)
{
	struct buf body = {0}, props = {0};
	uint8_t flags = (uint8_t)((c->persistent ? 0 : 2) | (c->user ? 0x80 : 0) |
				  (c->password ? 0x40 : 0));

	put_string(&body, "MQTT");
	buf_u8(&body, (uint8_t)c->version);
	buf_u8(&body, flags);
	put_u16(&body, c->keepalive_s ? c->keepalive_s : 60);
	if (c->version == 5) {
		if (c->persistent)
			buf_put(&props, "\x11\x00\x00\x0e\x10", 5); /* session expiry: an hour */
		if (c->receive_max) {
			buf_u8(&props, 0x21);
			put_u16(&props, c->receive_max);
		}
		put_varint(&body, props.len);
		buf_put(&body, props.data, props.len);
	}
	put_string(&body, c->client ? c->client : "");
	if (c->user)
		put_string(&body, c->user);
	if (c->password)
		put_string(&body, c->password);
	raw_packet(b, 0x10, &body);
	buf_free(&body);
	buf_free(&props);
}

/* --- reading packets ------------------------------------------------------------------------- */

/* Length of the whole packet at the start of b, 0 if that cannot be told yet; *header gets where
 * its body starts. */
static size_t packet_len(const struct buf *b, size_t *header)
{
	size_t len = 0;

	for (size_t i = 1; i < b->len && i <= 4; i++) {
		uint8_t digit = (uint8_t)b->data[i];

		len |= (size_t)(digit & 0x7f) << (7 * (i - 1));
		if (!(digit & 0x80)) {
			*header = i + 1;
			return len + i + 1;
		}
	}
	return 0;
}

static int fill(struct raw *r, int timeout_ms)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	ssize_t n;
	char *room;

	if (poll(&p, 1, timeout_ms) == 0)
		return 0;
	room = buf_reserve(&r->in, 65536);
	if (!room)
		return -1;
	n = recv(r->fd, room, 65536, 0);
	if (n <= 0)
		return n < 0 && errno == EINTR ? 1 : -1;
	r->in.len += (size_t)n;
	return 1;
}

/* The packet handed out last stays at the front of r->in with its length in `used` until now. */
static void drop_front(struct raw *r, size_t n)
{
	memmove(r->in.data, r->in.data + n, r->in.len - n);
	r->in.len -= n;
}

int raw_read(struct raw *r, struct raw_packet *p, int timeout_ms)
{
	int64_t until = case_now_ms() + timeout_ms;
	size_t header = 0, len;

	if (r->fd < 0)
		return -1;
	if (r->used) {
		drop_front(r, r->used);
		r->used = 0;
	}
	while ((len = packet_len(&r->in, &header)) == 0 || len > r->in.len) {
		int64_t left = until - case_now_ms();
		int got = fill(r, left > 0 ? (int)left : 0);

		if (got <= 0)
			return got;
	}
	*p = (struct raw_packet){.type = (uint8_t)r->in.data[0] >> 4,
		.flags = r->in.data[0] & 0x0f,
		.body = {r->in.data + header, len - header}};
	r->used = len;
	return 1;
}

int raw_connect(struct raw *r, const struct raw_connect *c, int timeout_ms)
{
	struct buf b = {0};
	struct raw_packet p;
	bool sent;

	r->version = c->version;
	put_connect(&b, c);
	sent = raw_write(r, b.data, b.len);
	buf_free(&b);
	if (!sent || raw_read(r, &p, timeout_ms) != 1 || p.type != RAW_CONNACK || p.body.len < 2)
		return -1;
	return (uint8_t)p.body.data[1];
}

int raw_subscribe(struct raw *r, const char *filter, int qos, int timeout_ms)
{
	struct buf body = {0}, b = {0};
	struct raw_packet p;
	bool sent;

	put_u16(&body, 1);
	if (r->version == 5)
		buf_u8(&body, 0);
	put_string(&body, filter);
	buf_u8(&body, (uint8_t)qos);
	raw_packet(&b, 0x82, &body);
	sent = raw_write(r, b.data, b.len);
	buf_free(&body);
	buf_free(&b);
	while (sent && raw_read(r, &p, timeout_ms) == 1) {
		if (p.type == RAW_SUBACK && p.body.len > 0)
			return (uint8_t)p.body.data[p.body.len - 1];
	}
	return -1;
}

static size_t get_u16(struct bytes b, size_t at)
{
	return at + 2 <= b.len ? (size_t)((uint8_t)b.data[at] << 8 | (uint8_t)b.data[at + 1])
			       : SIZE_MAX / 2;
}

bool raw_message(const struct raw *r, const struct raw_packet *p, struct raw_message *out)
{
	size_t topic = get_u16(p->body, 0), at = 2 + topic;

	if (p->type != RAW_PUBLISH || at > p->body.len)
		return false;
	*out = (struct raw_message){.topic = {p->body.data + 2, topic}, .qos = p->flags >> 1 & 3};
	if (out->qos) {
		out->mid = (uint16_t)get_u16(p->body, at);
		at += 2;
	}
	if (r->version == 5 && at < p->body.len) {
		size_t props = 0, shift = 0;
		uint8_t digit;

		do {
			digit = (uint8_t)p->body.data[at++];
			props |= (size_t)(digit & 0x7f) << shift;
			shift += 7;
		} while (digit & 0x80 && at < p->body.len && shift < 28);
		at += props;
	}
	if (at > p->body.len)
		return false;
	out->payload = (struct bytes){p->body.data + at, p->body.len - at};
	return true;
}

bool raw_ack(struct raw *r, uint16_t mid)
{
	uint8_t ack[4] = {0x40, 2, (uint8_t)(mid >> 8), (uint8_t)mid};

	return raw_write(r, ack, sizeof(ack));
}

bool raw_ping(struct raw *r)
{
	static const uint8_t ping[2] = {0xc0, 0};

	return raw_write(r, ping, sizeof(ping));
}

bool raw_wait_closed(struct raw *r, int timeout_ms)
{
	int64_t until = case_now_ms() + timeout_ms;

	while (case_now_ms() < until) {
		r->in.len = 0;
		r->used = 0;
		if (fill(r, 50) < 0)
			return true;
	}
	return false;
}
