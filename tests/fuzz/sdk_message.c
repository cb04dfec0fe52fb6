/* sdk_message.c — fuzz message_parse.
 *
 * What it takes has a name of a chat, a sender and a type, a seq, and strings that are UTF-8.
 */
#include <string.h>

#include "clients/sdk/message.h"
#include "fuzz.h"
#include "wire/name.h"
#include "wire/utf8.h"

static void check(const struct message *m)
{
	const char *strings[] = {
		m->chat, m->from, m->device, m->id, m->type, m->text, m->media, m->body};

	must(m->chat && m->from && m->device && m->id && m->type);
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		must(!strings[i] || utf8_ok(strings[i], strlen(strings[i]), NULL));
	must(name_chat_kind(m->chat, strlen(m->chat), NULL) != CHAT_NONE);
	must(strlen(m->from) <= NAME_USER_MAX + 1 && *m->type && strlen(m->type) <= 34);
	must(m->seq > 0 && m->seq <= UINT64_C(1) << 53 && m->n <= UINT64_C(1) << 53);
	must(m->ref <= UINT64_C(1) << 53 && m->ts_ms >= 0);
	must(!m->media || *m->media == '[');
	must(!m->body || *m->body == '{');
	message_counts(m->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;
	enum gnatter_error e = message_parse(&m, (const char *)data, size);

	must(e == GNATTER_OK || e == GNATTER_EINVAL);
	if (e == GNATTER_OK)
		check(&m);
	else
		must(!m.block);
	message_finish(&m);
	return 0;
}
