/* offer.c — see offer.h. */
#include "bridge/push/offer.h"

#include <string.h>

static enum err fail(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_CONFLICT;
}

/* Is the word one of the list, whose words have a space between two? */
static bool is_listed(struct bytes list, struct bytes word)
{
	const char *at = list.data;
	const char *end = at + list.len;

	while (at < end) {
		const char *space = memchr(at, ' ', (size_t)(end - at));
		const char *stop = space ? space : end;

		if (bytes_equal(word, at, (size_t)(stop - at)))
			return true;
		at = space ? space + 1 : end;
	}
	return false;
}

bool push_offered(const struct push_offer *o, enum push_kind_id kind)
{
	return !o || (o->kinds & 1u << kind) != 0;
}

enum err push_offer_check(const struct push_offer *o, enum push_kind_id kind,
	const struct json_object *request, const char **why)
{
	struct bytes topic = {0};
	struct bytes url = {0};

	if (!push_offered(o, kind))
		return fail(why, "this server is not set up for that kind of push");
	if (!o)
		return ERR_OK;
	json_string(request, "topic", 1, PUSH_TOPIC_MAX, &topic);
	json_string(request, "url", 1, PUSH_URL_MAX, &url);
	if (kind == PUSH_APNS && topic.len > 0 && !is_listed(o->apns_topics, topic))
		return fail(why, "this server does not push to that \"topic\"");
	if (kind == PUSH_WEBHOOK && url.len > 0 && !o->webhook_own)
		return fail(why, "this server takes no \"url\" of a registration's own");
	if (kind == PUSH_WEBHOOK && url.len == 0 && !o->webhook_url)
		return fail(why, "\"url\" is missing: this server has none of its own");
	return ERR_OK;
}
