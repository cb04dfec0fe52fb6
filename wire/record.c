/* record.c
 *
 * Encoding is on the plugin's hot path: sizes are known before, and the parts are copied once, to
 * where they stay. Decoding trusts nothing: a record is taken only if encoding its parts again
 * would give the same bytes, so what lies in the spool has one form.
 */
#include "record.h"

#include <assert.h>
#include <string.h>

#include "le.h"

#define RECORD_FLAGS (RECORD_QOS_MASK | RECORD_MQTT5 | RECORD_PERSISTS | RECORD_SECRET)
#define PARTS16      6 /* user, client, device, target, response, correlation */
#define RECORD_MIN   (RECORD_HEADER + 1 + 2 * PARTS16 + 4) /* before padding */
#define ALIGN        8

static uint32_t padded(size_t size)
{
	return (uint32_t)((size + ALIGN - 1) / ALIGN * ALIGN);
}

uint32_t record_size(const struct record *r)
{
	const size_t parts[PARTS16] = {r->user.len, r->client.len, r->device.len, r->target.len,
		r->response.len, r->correlation.len};
	size_t size = RECORD_MIN;

	for (size_t i = 0; i < PARTS16; i++) {
		if (parts[i] > UINT16_MAX)
			return 0;
		size += parts[i];
	}
	if (r->payload.len > RECORD_SIZE_MAX - size)
		return 0;
	return padded(size + r->payload.len);
}

static char *put_bytes(char *at, struct bytes b)
{
	if (b.len)
		memcpy(at, b.data, b.len);
	return at + b.len;
}

static char *put_bytes16(char *at, struct bytes b)
{
	le_put16(at, (uint16_t)b.len);
	return put_bytes(at + 2, b);
}

void record_encode(const struct record *r, char *out)
{
	uint32_t size = record_size(r);
	char *at = out + RECORD_HEADER;

	assert(size);
	le_put32(out, size);
	out[4] = (char)r->type;
	out[5] = (char)r->flags;
	le_put16(out + 6, 0);
	le_put64(out + 8, r->number);
	le_put64(out + 16, r->ts);
	*at++ = (char)r->role;
	at = put_bytes16(at, r->user);
	at = put_bytes16(at, r->client);
	at = put_bytes16(at, r->device);
	at = put_bytes16(at, r->target);
	at = put_bytes16(at, r->response);
	at = put_bytes16(at, r->correlation);
	le_put32(at, (uint32_t)r->payload.len);
	at = put_bytes(at + 4, r->payload);
	memset(at, 0, (size_t)(out + size - at));
}

/* What is left must be the padding: as long as it must be, and zero. */
static bool padding_ok(struct reader *in, uint32_t size)
{
	size_t left = (size_t)(in->end - in->at);

	if (in->failed || padded(size - left) != size)
		return false;
	while (in->at < in->end) {
		if (read_u8(in))
			return false;
	}
	return true;
}

enum err record_decode(struct record *r, const char *data, size_t len, uint32_t *size)
{
	struct reader in;
	uint8_t type, role;

	*r = (struct record){0};
	*size = 0;
	if (len < padded(RECORD_MIN))
		return ERR_CORRUPT;
	*size = le_get32(data);
	if (*size < padded(RECORD_MIN) || *size > len || *size > RECORD_SIZE_MAX || *size % ALIGN)
		return ERR_CORRUPT;
	in = reader_of(data + 4, *size - 4);
	type = read_u8(&in);
	r->flags = read_u8(&in);
	if (type == 0 || type >= RECORD_TYPE_END || (r->flags & ~RECORD_FLAGS) ||
		(r->flags & RECORD_QOS_MASK) > 2 || read_u16(&in) != 0)
		return ERR_CORRUPT;
	r->type = (enum record_type)type;
	r->number = read_u64(&in);
	r->ts = read_u64(&in);
	role = read_u8(&in);
	if (role >= ROLE_COUNT)
		return ERR_CORRUPT;
	r->role = (enum role)role;
	r->user = read_bytes16(&in);
	r->client = read_bytes16(&in);
	r->device = read_bytes16(&in);
	r->target = read_bytes16(&in);
	r->response = read_bytes16(&in);
	r->correlation = read_bytes16(&in);
	r->payload = read_bytes32(&in);
	return padding_ok(&in, *size) ? ERR_OK : ERR_CORRUPT;
}

void frame_encode_header(const struct frame *f, char out[FRAME_HEADER])
{
	le_put32(out, FRAME_MAGIC);
	le_put64(out + 4, f->epoch);
	le_put64(out + 12, f->first);
	le_put32(out + 20, f->count);
	le_put64(out + 24, f->performed);
	out[32] = (char)f->hello;
}

enum err frame_decode(struct frame *f, const char *data, size_t len)
{
	*f = (struct frame){0};
	if (len < FRAME_HEADER || le_get32(data) != FRAME_MAGIC || (unsigned char)data[32] > 1)
		return ERR_CORRUPT;
	f->epoch = le_get64(data + 4);
	f->first = le_get64(data + 12);
	f->count = le_get32(data + 20);
	f->performed = le_get64(data + 24);
	f->hello = data[32] == 1;
	f->records = (struct bytes){data + FRAME_HEADER, len - FRAME_HEADER};
	if (f->epoch == 0 || f->first == 0)
		return ERR_CORRUPT;
	if (f->count == 0 ? f->records.len != 0 : f->records.len / padded(RECORD_MIN) < f->count)
		return ERR_CORRUPT;
	return ERR_OK;
}
