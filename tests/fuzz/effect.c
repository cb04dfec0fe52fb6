/* effect.c — fuzz control messages and effects: a control message is tried first, then bare
 * effects.
 *
 * An effect that decodes encodes to the same bytes.
 */
#include <string.h>

#include "fuzz.h"
#include "wire/effect.h"

static void check_effects(struct reader r, uint32_t count)
{
	struct buf b = {0};

	for (uint32_t n = 0; n < count; n++) {
		const char *start = r.at;
		struct effect e;

		if (effect_decode(&e, &r) != ERR_OK)
			break;
		buf_reset(&b);
		effect_encode(&b, &e);
		must(!b.failed && b.len == (size_t)(r.at - start));
		must(memcmp(b.data, start, b.len) == 0);
	}
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char header[CONTROL_HEADER];
	struct control c;

	if (control_decode(&c, (const char *)data, size) == ERR_OK) {
		control_encode_header(&c, header);
		must(memcmp(header, data, CONTROL_HEADER) == 0);
		check_effects(c.effects, c.count);
	}
	check_effects(reader_of(data, size), UINT32_MAX);
	return 0;
}
