/* record.c — fuzz frames and records: a frame is tried first, then bare records.
 *
 * A record that decodes encodes to the same bytes: there is one form.
 */
#include <string.h>

#include "fuzz.h"
#include "wire/record.h"

/* Decode up to count records; returns how many there were. */
static uint32_t check_records(struct bytes in, uint32_t count)
{
	uint32_t n;

	for (n = 0; n < count; n++) {
		struct record r;
		uint32_t size;
		char *again;

		if (record_decode(&r, in.data, in.len, &size) != ERR_OK)
			break;
		must(size <= in.len && record_size(&r) == size);
		again = malloc(size);
		must(again != NULL);
		record_encode(&r, again);
		must(memcmp(again, in.data, size) == 0);
		free(again);
		in.data += size;
		in.len -= size;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char header[FRAME_HEADER];
	struct frame f;

	if (frame_decode(&f, (const char *)data, size) == ERR_OK) {
		frame_encode_header(&f, header);
		must(memcmp(header, data, FRAME_HEADER) == 0);
		must(f.records.len == size - FRAME_HEADER);
		check_records(f.records, f.count);
	}
	check_records((struct bytes){(const char *)data, size}, UINT32_MAX);
	return 0;
}
