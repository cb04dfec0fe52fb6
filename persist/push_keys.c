/* push_keys.c — see push_keys.h. */
#include "persist/push_keys.h"

#include <string.h>

#define VALUE_VERSION 1

/* Letters and numbers come first, and fit. */
static void put_byte(struct key *k, uint8_t byte)
{
	k->data[k->len++] = (char)byte;
}

/* An empty key, as one with a name that did not fit is, stays empty. */
static void put_name(struct key *k, struct bytes name)
{
	if (k->len == 0 || name.len > UINT8_MAX || name.len + 1 > sizeof(k->data) - k->len) {
		k->len = 0;
		return;
	}
	put_byte(k, (uint8_t)name.len);
	if (name.len > 0)
		memcpy(k->data + k->len, name.data, name.len);
	k->len += name.len;
}

static struct key begin(char letter)
{
	struct key k;

	k.len = 0;
	put_byte(&k, (uint8_t)letter);
	return k;
}

static void put_whose(struct key *k, const struct push_whose *w)
{
	put_name(k, w->user);
	put_name(k, w->device);
	put_name(k, w->chat);
}

struct key key_push_waiting(const struct push_whose *w)
{
	struct key k = begin('i');

	put_whose(&k, w);
	return k;
}

struct key key_push_waiting_user(struct bytes user)
{
	struct key k = begin('i');

	put_name(&k, user);
	return k;
}

struct key key_push_waiting_all(void)
{
	return begin('i');
}

struct key key_push_due_at(uint8_t lane, uint64_t due)
{
	struct key k = key_push_lane(lane);

	for (int shift = 56; shift >= 0; shift -= 8)
		put_byte(&k, (uint8_t)(due >> shift));
	return k;
}

struct key key_push_due(uint8_t lane, uint64_t due, const struct push_whose *w)
{
	struct key k = key_push_due_at(lane, due);

	put_whose(&k, w);
	return k;
}

struct key key_push_lane(uint8_t lane)
{
	struct key k = begin('z');

	put_byte(&k, lane);
	return k;
}

struct key key_push_due_all(void)
{
	return begin('z');
}

static struct bytes read_name(struct reader *r)
{
	return read_bytes(r, read_u8(r));
}

static enum err read_whose(struct reader *r, struct push_whose *w)
{
	w->user = read_name(r);
	w->device = read_name(r);
	w->chat = read_name(r);
	return r->failed || r->at != r->end || w->user.len == 0 || w->device.len == 0 ||
			       w->chat.len == 0
		       ? ERR_CORRUPT
		       : ERR_OK;
}

enum err key_push_waiting_parts(struct bytes key, struct push_whose *w)
{
	struct reader r = reader_of(key.data, key.len);

	return read_u8(&r) == 'i' ? read_whose(&r, w) : ERR_CORRUPT;
}

enum err key_push_due_parts(struct bytes key, uint8_t *lane, uint64_t *due, struct push_whose *w)
{
	struct reader r = reader_of(key.data, key.len);
	bool ours = read_u8(&r) == 'z';

	*lane = read_u8(&r);
	*due = read_u64_be(&r);
	return ours ? read_whose(&r, w) : ERR_CORRUPT;
}

void push_waiting_encode(struct buf *b, const struct push_waiting *p)
{
	buf_u8(b, VALUE_VERSION);
	buf_u8(b, (uint8_t)p->state);
	buf_u8(b, p->lane);
	buf_u32(b, p->attempts);
	buf_u64(b, p->due);
	buf_u64(b, p->since);
	buf_u64(b, p->before);
	buf_u64(b, p->mention);
}

enum err push_waiting_decode(struct push_waiting *p, struct bytes v)
{
	struct reader r = reader_of(v.data, v.len);
	bool known = read_u8(&r) == VALUE_VERSION;
	uint8_t state = read_u8(&r);

	p->state = state < PUSH_STATES ? (enum push_state)state : PUSH_RESTING;
	p->lane = read_u8(&r);
	p->attempts = read_u32(&r);
	p->due = read_u64(&r);
	p->since = read_u64(&r);
	p->before = read_u64(&r);
	p->mention = read_u64(&r);
	return known && state < PUSH_STATES && p->lane < PUSH_LANES && !r.failed && r.at == r.end
		       ? ERR_OK
		       : ERR_CORRUPT;
}
