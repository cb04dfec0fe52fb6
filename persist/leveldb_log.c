/* leveldb_log.c */
#include "persist/leveldb_log.h"

#include <pthread.h>

#define BLOCK  ((size_t)32 << 10)
#define HEADER ((size_t)7)

enum fragment { ZERO, FULL, FIRST, MIDDLE, LAST, FRAGMENT_END };

/* ---- CRC-32C ----------------------------------------------------------------------------- */

static uint32_t table[8][256];
static pthread_once_t table_made = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
		table[0][i] = crc;
	}
	for (int t = 1; t < 8; t++)
		for (int i = 0; i < 256; i++)
			table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 0xff];
}

/* Eight bytes a step. */
uint32_t leveldb_crc32c(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;

	pthread_once(&table_made, make_table);
	crc = ~crc;
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
					     (uint32_t)p[3] << 24);

		crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^
		      table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^ table[3][p[4]] ^
		      table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

static uint32_t masked(uint32_t crc)
{
	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* ---- walking ----------------------------------------------------------------------------- */

struct walk {
	struct leveldb_log_report *report;
	leveldb_record_fn *fn;
	void *ctx;
	struct buf record; /* fragments so far */
	bool inside;       /* FIRST seen, LAST not yet */
	bool stopped;
};

static void note_hole(struct walk *w, size_t at)
{
	if (!w->report->hole) {
		w->report->hole = true;
		w->report->hole_at = at;
	}
	w->inside = false;
}

static void hand_out(struct walk *w, struct bytes record)
{
	if (w->fn && !w->fn(w->ctx, record))
		w->stopped = true;
}

static void take_fragment(struct walk *w, size_t at, enum fragment type, struct bytes data)
{
	bool begins = type == FULL || type == FIRST;

	if (begins && w->report->hole)
		w->report->goes_on = true;
	if (begins == w->inside) { /* a record that does not end, or an end without a beginning */
		note_hole(w, at);
		if (!begins)
			return;
		w->report->goes_on = true;
	}
	w->inside = type == FIRST || type == MIDDLE;
	if (type == FULL) {
		hand_out(w, data);
		return;
	}
	if (!w->fn)
		return;
	if (type == FIRST)
		buf_reset(&w->record);
	buf_put(&w->record, data.data, data.len);
	if (w->record.failed) {
		w->report->out_of_memory = true;
		w->stopped = true;
	} else if (type == LAST) {
		hand_out(w, (struct bytes){w->record.data, w->record.len});
	}
}

/* The fragment at `at` of a block, if one stands there whole and with its checksum. */
static bool fragment_at(struct bytes block, size_t at, enum fragment *type, struct bytes *data)
{
	struct reader r = reader_of(block.data + at, block.len - at);
	uint32_t crc = read_u32(&r);
	uint16_t len = read_u16(&r);
	const char *type_at = r.at;
	uint8_t t = read_u8(&r);

	*data = read_bytes(&r, len);
	*type = (enum fragment)t;
	return !r.failed && t != ZERO && t < FRAGMENT_END &&
	       masked(leveldb_crc32c(0, type_at, 1u + len)) == crc;
}

/* Does the file end in the fragment at `at`? */
static bool cut_off(struct bytes block, size_t at, bool last)
{
	struct reader r = reader_of(block.data + at, block.len - at);
	uint16_t len;

	read_u32(&r);
	len = read_u16(&r);
	read_u8(&r);
	return last && len > (size_t)(r.end - r.at);
}

/* One block; `last` if the file ends in it. From a bad byte on, LevelDB gives up the block; here
 * the rest is searched, since what stands there was committed. */
static void walk_block(struct walk *w, size_t offset, struct bytes block, bool last)
{
	size_t at = 0, bad = SIZE_MAX;

	while (!w->stopped && at + HEADER <= block.len) {
		enum fragment type;
		struct bytes data;

		if (!fragment_at(block, at, &type, &data)) {
			if (bad == SIZE_MAX)
				bad = at;
			at++;
			continue;
		}
		if (bad != SIZE_MAX)
			note_hole(w, offset + bad);
		bad = SIZE_MAX;
		take_fragment(w, offset + at, type, data);
		at += HEADER + data.len;
	}
	if (bad != SIZE_MAX && !cut_off(block, bad, last))
		note_hole(w, offset + bad);
}

static bool all_zero(const char *at, const char *end)
{
	while (at < end && *at == 0)
		at++;
	return at == end;
}

void leveldb_log_walk(
	struct leveldb_log_report *report, struct bytes log, leveldb_record_fn *fn, void *ctx)
{
	struct walk w = {.report = report, .fn = fn, .ctx = ctx};

	*report = (struct leveldb_log_report){0};
	for (size_t at = 0; at < log.len && !w.stopped; at += BLOCK) {
		size_t left = log.len - at;

		walk_block(&w, at, (struct bytes){log.data + at, left < BLOCK ? left : BLOCK},
			left < BLOCK);
	}
	report->zeros = report->hole && all_zero(log.data + report->hole_at, log.data + log.len);
	buf_free(&w.record);
}
