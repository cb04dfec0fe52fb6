/* topic.c — fuzz topics, filters and names. Input: FILTER NUL TOPIC.
 *
 * If the filter matches the topic by MQTT's rules, then filter_parse must have reckoned with it: a
 * filter for one chat matches nothing readable of another, one for nothing matches nothing
 * readable.
 */
#include <string.h>

#include "fuzz.h"
#include "match.h"
#include "wire/name.h"

static void check_names(const char *s, size_t len)
{
	size_t split = 0;
	enum chat_kind kind = name_chat_kind(s, len, &split);

	name_device_ok(s, len);
	must((kind == CHAT_GROUP) == name_group_ok(s, len));
	if (kind != CHAT_PAIR)
		return;
	must(name_user_ok(s, split) && s[split] == ':');
	must(name_user_ok(s + split + 1, len - split - 1));
}

static void check_client(const char *client, const char *user)
{
	char device[NAME_DEVICE_MAX + 1];
	bool ephemeral;

	if (name_client_split(client, user, device, &ephemeral))
		must(name_device_ok(device, strlen(device)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	size_t filter_len = nul ? (size_t)(nul - data) : size;
	char *filter = strndup((const char *)data, filter_len);
	char *topic = nul ? strndup((const char *)nul + 1, size - filter_len - 1) : strdup(filter);

	must(filter && topic);
	check_names((const char *)data, size);
	check_client(filter, topic);
	must(filter_covers(filter, topic));
	must(filter_covers(filter, filter));
	free(filter);
	free(topic);
	return 0;
}
