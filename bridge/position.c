/* position.c — see position.h. */
#include "bridge/position.h"

#include "persist/keys.h"
#include "wire/buf.h"
#include "wire/le.h"

#include <stdlib.h>

enum err position_load(struct position *out, struct store *s)
{
	struct key k = key_meta("position");
	struct bytes v;
	struct reader r;
	enum err err = store_get(s, NULL, key_bytes(&k), &v);

	*out = (struct position){0};
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	r = reader_of(v.data, v.len);
	out->epoch = read_u64(&r);
	out->number = read_u64(&r);
	free((void *)(uintptr_t)v.data);
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

void position_put(struct batch *b, struct position p)
{
	struct key k = key_meta("position");
	char value[16];

	le_put64(value, p.epoch);
	le_put64(value + 8, p.number);
	batch_put(b, TABLE_STORE, key_bytes(&k), (struct bytes){value, sizeof(value)});
}
