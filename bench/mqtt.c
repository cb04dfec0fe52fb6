/* mqtt.c — reading and writing of packets, see mqtt.h.
 *
 * Numbers are big-endian. A packet is a byte of type and flags, the length of the rest in one to
 * four bytes of seven bits, and the rest. A reader (struct span) that runs over its end gives zeros
 * and remembers it, so that each packet is checked once, at the end.
 */
#include "bench/mqtt.h"

#include <string.h>

#define PROPERTY_RESPONSE_TOPIC   0x08
#define PROPERTY_CORRELATION_DATA 0x09
#define PROPERTY_RECEIVE_MAX      0x21

/* --- writing -------------------------------------------------------------------------------------
 */

static char *put_u8(char *at, unsigned v)
{
	*at = (char)v;
	return at + 1;
}

static char *put_u16(char *at, unsigned v)
{
	at[0] = (char)(v >> 8);
	at[1] = (char)v;
	return at + 2;
}

static char *put_string(char *at, const char *s, size_t len)
{
	at = put_u16(at, (unsigned)len);
	memcpy(at, s, len);
	return at + len;
}

/* A number of seven bits a byte, lowest first. */
static char *put_length(char *at, size_t v)
{
	do {
		unsigned low = v & 0x7f;

		v >>= 7;
		at = put_u8(at, v ? low | 0x80 : low);
	} while (v);
	return at;
}

/* Reserve a packet with a body of that many bytes and count it. Returns where the body goes, NULL
 * if it is too long or memory is out. */
static char *put_header(struct buf *b, enum mqtt_type type, unsigned flags, size_t body)
{
	char *start, *at;

	if (body > MQTT_BODY_MAX)
		b->failed = true;
	if (b->failed)
		return NULL;
	start = buf_reserve(b, body + 5);
	if (!start)
		return NULL;
	at = put_u8(start, (unsigned)type << 4 | flags);
	at = put_length(at, body);
	b->len += (size_t)(at - start) + body;
	return at;
}

/* A string that MQTT can carry; else the buffer fails. */
static bool fits(struct buf *b, size_t len)
{
	if (len > MQTT_TOPIC_MAX)
		b->failed = true;
	return !b->failed;
}

/* Bytes that a will takes in the body. */
static size_t will_size(enum mqtt_version version, const struct mqtt_will *will)
{
	return (version == MQTT_5 ? 1u : 0u) + 2 + strlen(will->topic) + 2 + strlen(will->payload);
}

static char *put_will(char *at, enum mqtt_version version, const struct mqtt_will *will)
{
	if (version == MQTT_5)
		at = put_length(at, 0);
	at = put_string(at, will->topic, strlen(will->topic));
	return put_string(at, will->payload, strlen(will->payload));
}

void mqtt_put_connect(struct buf *b, enum mqtt_version version, const struct mqtt_login *login)
{
	mqtt_put_connect_will(b, version, login, NULL);
}

void mqtt_put_connect_will(struct buf *b, enum mqtt_version version, const struct mqtt_login *login,
	const struct mqtt_will *will)
{
	size_t client = strlen(login->client);
	size_t user = login->user ? strlen(login->user) : 0;
	size_t password = login->password ? strlen(login->password) : 0;
	size_t body = 10u + (version == MQTT_5 ? 1u : 0u) + 2u + client;
	unsigned flags = 0x02; /* clean */
	char *at;

	if (!fits(b, client) || !fits(b, user) || !fits(b, password))
		return;
	if (will) {
		if (!fits(b, strlen(will->topic)) || !fits(b, strlen(will->payload)))
			return;
		body += will_size(version, will);
		flags |= 0x04 | 0x08 | 0x20; /* a will, QoS 1, retained */
	}
	if (login->user) {
		body += 2 + user;
		flags |= 0x80;
	}
	if (login->password) {
		body += 2 + password;
		flags |= 0x40;
	}
	at = put_header(b, MQTT_CONNECT, 0, body);
	if (!at)
		return;
	at = put_string(at, "MQTT", 4);
	at = put_u8(at, version);
	at = put_u8(at, flags);
	at = put_u16(at, login->keepalive_s);
	if (version == MQTT_5)
		at = put_length(at, 0);
	at = put_string(at, login->client, client);
	if (will)
		at = put_will(at, version, will);
	if (login->user)
		at = put_string(at, login->user, user);
	if (login->password)
		put_string(at, login->password, password);
}

void mqtt_put_subscribe(struct buf *b, enum mqtt_version version, uint16_t id,
	const char *const *filters, size_t count, unsigned qos)
{
	size_t body = 2u + (version == MQTT_5 ? 1u : 0u);
	char *at;

	for (size_t i = 0; i < count; i++) {
		if (!fits(b, strlen(filters[i])))
			return;
		body += 2 + strlen(filters[i]) + 1;
	}
	at = put_header(b, MQTT_SUBSCRIBE, 0x02, body);
	if (!at)
		return;
	at = put_u16(at, id);
	if (version == MQTT_5)
		at = put_length(at, 0);
	for (size_t i = 0; i < count; i++) {
		at = put_string(at, filters[i], strlen(filters[i]));
		at = put_u8(at, qos);
	}
}

/* Bytes of the properties of a PUBLISH, without their length. */
static size_t properties_size(const struct mqtt_out *p)
{
	return (p->response.len ? 3 + p->response.len : 0) +
	       (p->correlation.len ? 3 + p->correlation.len : 0);
}

static char *put_properties(char *at, const struct mqtt_out *p, size_t size)
{
	at = put_length(at, size);
	if (p->response.len) {
		at = put_u8(at, PROPERTY_RESPONSE_TOPIC);
		at = put_string(at, p->response.data, p->response.len);
	}
	if (p->correlation.len) {
		at = put_u8(at, PROPERTY_CORRELATION_DATA);
		at = put_string(at, p->correlation.data, p->correlation.len);
	}
	return at;
}

char *mqtt_put_publish(struct buf *b, enum mqtt_version version, const struct mqtt_out *p)
{
	char length[5], *at;
	size_t properties = 0;
	size_t body = 2u + p->topic.len + (p->qos ? 2u : 0u) + p->payload_len;

	if (!fits(b, p->topic.len) || !fits(b, p->response.len) || !fits(b, p->correlation.len))
		return NULL;
	if (version == MQTT_5) {
		properties = properties_size(p);
		body += (size_t)(put_length(length, properties) - length) + properties;
	}
	at = put_header(b, MQTT_PUBLISH, p->qos << 1 | p->retain, body);
	if (!at)
		return NULL;
	at = put_string(at, p->topic.data, p->topic.len);
	if (p->qos)
		at = put_u16(at, p->id);
	if (version == MQTT_5)
		at = put_properties(at, p, properties);
	return at;
}

void mqtt_put_ack(struct buf *b, enum mqtt_type type, uint16_t id)
{
	char *at = put_header(b, type, type == MQTT_PUBREL ? 0x02 : 0, 2);

	if (at)
		put_u16(at, id);
}

void mqtt_put_empty(struct buf *b, enum mqtt_type type)
{
	put_header(b, type, 0, 0);
}

/* --- reading -------------------------------------------------------------------------------------
 */

struct span {
	const unsigned char *at, *end;
	bool over; /* ran over the end */
};

static struct span span_of(struct bytes b)
{
	const unsigned char *at = (const unsigned char *)b.data;

	return (struct span){at, at + b.len, false};
}

static struct bytes get_bytes(struct span *s, size_t len)
{
	struct bytes b = {(const char *)s->at, len};

	if ((size_t)(s->end - s->at) < len) {
		s->over = true;
		s->at = s->end;
		return (struct bytes){"", 0};
	}
	s->at += len;
	return b;
}

static unsigned get_u8(struct span *s)
{
	struct bytes b = get_bytes(s, 1);

	return b.len ? (unsigned char)b.data[0] : 0;
}

static unsigned get_u16(struct span *s)
{
	unsigned high = get_u8(s);

	return high << 8 | get_u8(s);
}

static size_t get_length(struct span *s)
{
	size_t v = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		unsigned b = get_u8(s);

		v |= (size_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	s->over = true;
	return 0;
}

enum mqtt_scan mqtt_scan(struct mqtt_packet *p, size_t *size, const char *data, size_t len)
{
	size_t body = 0, at = 1;
	unsigned char b;

	*size = 0;
	do {
		if (at > 4)
			return MQTT_MALFORMED;
		if (at >= len)
			return MQTT_PARTIAL;
		b = (unsigned char)data[at];
		body |= (size_t)(b & 0x7f) << (7 * (at - 1));
		at++;
	} while (b & 0x80);
	*size = at + body;
	if (len - at < body)
		return MQTT_PARTIAL;
	p->type = (unsigned char)data[0] >> 4;
	p->flags = data[0] & 0x0f;
	p->body = (struct bytes){data + at, body};
	return MQTT_WHOLE;
}

struct property {
	unsigned id, number;
	struct bytes bytes; /* of those that have bytes */
};

/* How the value of each property is written: a number of so many bytes, a length of seven bits a
 * byte, bytes with their length before them, or two of those. */
enum form { FORM_NONE, FORM_U8, FORM_U16, FORM_U32, FORM_LENGTH, FORM_BYTES, FORM_PAIR };

static const unsigned char forms[] = {
	[0x01] = FORM_U8,
	[0x02] = FORM_U32,
	[0x03] = FORM_BYTES,
	[0x08] = FORM_BYTES,
	[0x09] = FORM_BYTES,
	[0x0b] = FORM_LENGTH,
	[0x11] = FORM_U32,
	[0x12] = FORM_BYTES,
	[0x13] = FORM_U16,
	[0x15] = FORM_BYTES,
	[0x16] = FORM_BYTES,
	[0x17] = FORM_U8,
	[0x18] = FORM_U32,
	[0x19] = FORM_U8,
	[0x1a] = FORM_BYTES,
	[0x1c] = FORM_BYTES,
	[0x1f] = FORM_BYTES,
	[0x21] = FORM_U16,
	[0x22] = FORM_U16,
	[0x23] = FORM_U16,
	[0x24] = FORM_U8,
	[0x25] = FORM_U8,
	[0x26] = FORM_PAIR,
	[0x27] = FORM_U32,
	[0x28] = FORM_U8,
	[0x29] = FORM_U8,
	[0x2a] = FORM_U8,
};

static bool get_property(struct property *p, struct span *s)
{
	p->id = get_u8(s);
	p->number = 0;
	p->bytes = (struct bytes){"", 0};
	switch (p->id < sizeof(forms) ? (enum form)forms[p->id] : FORM_NONE) {
	case FORM_U8:
		p->number = get_u8(s);
		break;
	case FORM_U16:
		p->number = get_u16(s);
		break;
	case FORM_U32:
		get_bytes(s, 4); /* none of those is wanted here */
		break;
	case FORM_LENGTH:
		get_length(s);
		break;
	case FORM_PAIR:
		get_bytes(s, get_u16(s));
		get_bytes(s, get_u16(s));
		break;
	case FORM_BYTES:
		p->bytes = get_bytes(s, get_u16(s));
		break;
	case FORM_NONE:
		return false;
	}
	return !s->over;
}

bool mqtt_get_connack(
	struct mqtt_connack *out, const struct mqtt_packet *p, enum mqtt_version version)
{
	struct span s = span_of(p->body), inner;
	struct property property;

	get_u8(&s);
	out->reason = (uint8_t)get_u8(&s);
	out->receive_max = UINT16_MAX;
	if (version != MQTT_5 || s.over)
		return !s.over;
	if (s.at == s.end) /* a broker that refuses the version answers in the older form */
		return out->reason != 0;
	inner = span_of(get_bytes(&s, get_length(&s)));
	while (inner.at < inner.end) {
		if (!get_property(&property, &inner))
			return false;
		if (property.id == PROPERTY_RECEIVE_MAX)
			out->receive_max = (uint16_t)property.number;
	}
	return !s.over;
}

bool mqtt_get_publish(struct mqtt_in *out, const struct mqtt_packet *p, enum mqtt_version version)
{
	struct span s = span_of(p->body), inner;
	struct property property;

	out->qos = p->flags >> 1 & 3;
	out->dup = p->flags & 0x08;
	out->topic = get_bytes(&s, get_u16(&s));
	out->id = out->qos ? (uint16_t)get_u16(&s) : 0;
	out->correlation = (struct bytes){"", 0};
	if (version == MQTT_5) {
		inner = span_of(get_bytes(&s, get_length(&s)));
		while (inner.at < inner.end) {
			if (!get_property(&property, &inner))
				return false;
			if (property.id == PROPERTY_CORRELATION_DATA)
				out->correlation = property.bytes;
		}
	}
	out->payload = (struct bytes){(const char *)s.at, (size_t)(s.end - s.at)};
	return !s.over && out->qos < 3;
}

bool mqtt_get_ack(struct mqtt_ack *out, const struct mqtt_packet *p)
{
	struct span s = span_of(p->body);

	out->id = (uint16_t)get_u16(&s);
	out->reason = s.at < s.end ? (uint8_t)get_u8(&s) : 0;
	return !s.over;
}

bool mqtt_get_suback(struct mqtt_ack *out, const struct mqtt_packet *p, enum mqtt_version version)
{
	struct span s = span_of(p->body);

	out->id = (uint16_t)get_u16(&s);
	out->reason = 0;
	if (version == MQTT_5)
		get_bytes(&s, get_length(&s));
	if (s.over || s.at == s.end)
		return false;
	while (s.at < s.end) {
		unsigned reason = get_u8(&s);

		if (reason > out->reason)
			out->reason = (uint8_t)reason;
	}
	return true;
}
