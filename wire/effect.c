/* effect.c — the codecs of effect.h; the layout is told there. */
#include "effect.h"

#include "le.h"
#include "record.h"

#define EFFECT_MIN 3 /* bytes of the smallest: EXPEL of an empty name */

static void put16(struct buf *b, struct bytes v)
{
	buf_bytes16(b, v.data, v.len);
}

void effect_encode(struct buf *b, const struct effect *e)
{
	buf_u8(b, (uint8_t)e->type);
	switch (e->type) {
	case EFFECT_MESSAGE:
		put16(b, e->chat);
		buf_u64(b, e->seq);
		buf_bytes32(b, e->payload.data, e->payload.len);
		break;
	case EFFECT_PUBLISH:
		put16(b, e->topic);
		buf_u8(b, e->qos);
		buf_u8(b, e->retain);
		buf_u32(b, e->expiry);
		buf_bytes32(b, e->payload.data, e->payload.len);
		break;
	case EFFECT_ANSWER:
		put16(b, e->user);
		put16(b, e->client);
		put16(b, e->topic);
		put16(b, e->correlation);
		buf_bytes32(b, e->payload.data, e->payload.len);
		break;
	case EFFECT_KICK:
		put16(b, e->user);
		put16(b, e->client);
		break;
	case EFFECT_EXPEL:
		put16(b, e->user);
		break;
	case EFFECT_HIDE:
		put16(b, e->topic);
		put16(b, e->user);
		buf_u8(b, e->level);
		buf_bytes32(b, e->payload.data, e->payload.len);
		break;
	case EFFECT_TYPE_END:
		break;
	}
}

/* The parts of a publish; false if a flag has no meaning. */
static bool decode_publish(struct effect *e, struct reader *r)
{
	uint8_t retain;

	e->topic = read_bytes16(r);
	e->qos = read_u8(r);
	retain = read_u8(r);
	e->retain = retain == 1;
	e->expiry = read_u32(r);
	e->payload = read_bytes32(r);
	return e->qos <= 2 && retain <= 1;
}

void effect_encode_answer(struct buf *b, const struct record *r, struct bytes payload)
{
	effect_encode(b, &(struct effect){.type = EFFECT_ANSWER,
				 .user = r->user,
				 .client = r->client,
				 .topic = r->response,
				 .correlation = r->correlation,
				 .payload = payload});
}

enum err effect_decode(struct effect *e, struct reader *r)
{
	uint8_t type = read_u8(r);

	*e = (struct effect){.type = (enum effect_type)type};
	switch (type) {
	case EFFECT_MESSAGE:
		e->chat = read_bytes16(r);
		e->seq = read_u64(r);
		e->payload = read_bytes32(r);
		break;
	case EFFECT_PUBLISH:
		if (!decode_publish(e, r))
			return ERR_CORRUPT;
		break;
	case EFFECT_ANSWER:
		e->user = read_bytes16(r);
		e->client = read_bytes16(r);
		e->topic = read_bytes16(r);
		e->correlation = read_bytes16(r);
		e->payload = read_bytes32(r);
		break;
	case EFFECT_KICK:
		e->user = read_bytes16(r);
		e->client = read_bytes16(r);
		break;
	case EFFECT_EXPEL:
		e->user = read_bytes16(r);
		break;
	case EFFECT_HIDE:
		e->topic = read_bytes16(r);
		e->user = read_bytes16(r);
		e->level = read_u8(r);
		e->payload = read_bytes32(r);
		break;
	default:
		return ERR_CORRUPT;
	}
	return r->failed ? ERR_CORRUPT : ERR_OK;
}

void control_encode_header(const struct control *c, char out[CONTROL_HEADER])
{
	le_put32(out, CONTROL_MAGIC);
	out[4] = (char)c->kind;
	out[5] = (char)c->last;
	le_put64(out + 6, c->epoch);
	le_put64(out + 14, c->number);
	le_put32(out + 22, c->count);
}

enum err control_decode(struct control *c, const char *data, size_t len)
{
	uint8_t kind, last;

	*c = (struct control){0};
	if (len < CONTROL_HEADER || le_get32(data) != CONTROL_MAGIC)
		return ERR_CORRUPT;
	kind = (uint8_t)data[4];
	last = (uint8_t)data[5];
	if (kind == 0 || kind >= CONTROL_KIND_END || last > 1)
		return ERR_CORRUPT;
	len -= CONTROL_HEADER;
	c->kind = (enum control_kind)kind;
	c->last = last == 1;
	c->epoch = le_get64(data + 6);
	c->number = le_get64(data + 14);
	c->count = le_get32(data + 22);
	c->effects = reader_of(data + CONTROL_HEADER, len);
	if (c->count == 0 ? len != 0 : len / EFFECT_MIN < c->count)
		return ERR_CORRUPT;
	return ERR_OK;
}
