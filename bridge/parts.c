/* parts.c — see parts.h. */
#include "bridge/parts.h"

#include "persist/keys.h"

#include <stdlib.h>

static size_t wire_start(const struct outbox *o, size_t effect)
{
	return effect == 0 ? 0 : o->effects[effect - 1].wire_end;
}

static size_t owed_start(const struct outbox *o, size_t effect)
{
	return effect == 0 ? 0 : o->effects[effect - 1].owed_end;
}

/* How many effects from `from` on fit into one part: at least one. */
static size_t fit(const struct outbox *o, size_t from)
{
	size_t start = wire_start(o, from);
	size_t n = from + 1;

	while (n < o->count && o->effects[n].wire_end - start <= PART_BYTES_MAX)
		n++;
	return n;
}

bool parts_next(struct parts *cursor, const struct outbox *o, uint64_t end, struct part *out)
{
	size_t from = cursor->effect;
	size_t to;

	if (cursor->done)
		return false;
	*out = (struct part){.number = end, .last = true};
	if (from == o->count) {
		cursor->done = true;
	} else {
		to = fit(o, from);
		out->count = (uint32_t)(to - from);
		out->wire = (struct bytes){o->wire.data + wire_start(o, from),
			o->effects[to - 1].wire_end - wire_start(o, from)};
		out->owed = (struct bytes){o->owed.data + owed_start(o, from),
			o->effects[to - 1].owed_end - owed_start(o, from)};
		cursor->effect = to;
		cursor->done = to == o->count;
		if (!cursor->done) {
			out->number = o->effects[to - 1].number;
			out->last = o->effects[to].number != out->number;
		}
	}
	cursor->index = out->number == cursor->number ? cursor->index + 1 : 0;
	cursor->number = out->number;
	out->index = cursor->index;
	return true;
}

static void write_header(struct buf *b, uint64_t epoch, uint64_t number, bool last, uint32_t count)
{
	struct control c = {.kind = CONTROL_EFFECTS,
		.last = last,
		.epoch = epoch,
		.number = number,
		.count = count};
	char *at = buf_reserve(b, CONTROL_HEADER);

	if (!at)
		return;
	control_encode_header(&c, at);
	b->len += CONTROL_HEADER;
}

void part_write_control(struct buf *b, const struct part *p, uint64_t epoch)
{
	write_header(b, epoch, p->number, p->last, p->count);
	buf_put(b, p->wire.data, p->wire.len);
}

void part_write_owed(struct buf *b, const struct part *p)
{
	buf_u8(b, p->last);
	buf_u32(b, p->count);
	buf_put(b, p->owed.data, p->owed.len);
}

static enum err restore_effect(struct buf *b, struct effect *e, struct store *s)
{
	struct bytes message = {NULL, 0};

	if (e->type == EFFECT_MESSAGE) {
		struct key k = key_message(e->chat, e->seq);
		enum err err = store_get(s, NULL, key_bytes(&k), &message);

		if (err != ERR_OK)
			return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
		e->payload = message;
	}
	effect_encode(b, e);
	free((void *)(uintptr_t)message.data);
	return ERR_OK;
}

enum err part_restore(
	struct buf *b, struct bytes owed, uint64_t epoch, uint64_t number, struct store *s)
{
	struct reader r = reader_of(owed.data, owed.len);
	bool last = read_u8(&r) != 0;
	uint32_t count = read_u32(&r);
	enum err err = r.failed ? ERR_CORRUPT : ERR_OK;

	write_header(b, epoch, number, last, count);
	for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
		struct effect e;

		err = effect_decode(&e, &r);
		if (err == ERR_OK)
			err = restore_effect(b, &e, s);
	}
	if (err == ERR_OK && b->failed)
		err = ERR_NOMEM;
	return err;
}
