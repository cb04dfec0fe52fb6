/* push.c — fuzz push_check, push_offer_check, push_prefs_read and mention_of.
 *
 * Data made of a request is a JSON object that is itself such a request, of which the same data is
 * made; preferences that were read and written are read again the same; whoever is mentioned in a
 * text is so behind anything that ends in a space.
 */
#include <string.h>

#include "bridge/push/check.h"
#include "bridge/push/offer.h"
#include "bridge/push/prefs.h"
#include "fuzz.h"
#include "persist/values.h"
#include "wire/mention.h"

static void check_data(enum push_kind_id kind, const struct buf *data)
{
	struct json_object o;
	struct buf again = {0};
	const char *why = NULL;

	must(data->len <= PUSH_DATA_MAX);
	must(json_parse(&o, data->data, data->len) == ERR_OK);
	must(push_check(kind, &o, &again, &why) == ERR_OK);
	must(again.len == data->len && memcmp(again.data, data->data, again.len) == 0);
	json_finish(&o);
	buf_free(&again);
}

static void check_kind(enum push_kind_id kind, const struct json_object *request)
{
	static const struct push_offer all = {.kinds = ~0u,
		.webhook_url = true,
		.webhook_own = true,
		.apns_topics = {"com.example.app", 15}};
	struct buf data = {0};
	const char *why = NULL;
	enum err err = push_check(kind, request, &data, &why);

	must(!data.failed);
	must(err == ERR_OK || (err == ERR_BAD_REQUEST && why));
	if (err == ERR_OK) {
		check_data(kind, &data);
		must(push_offer_check(NULL, kind, request, &why) == ERR_OK);
		push_offer_check(&all, kind, request, &why);
	}
	buf_free(&data);
}

static void check_prefs(const struct json_object *request)
{
	struct push_prefs p = {0}, back = {0};
	struct json_object o;
	struct buf b = {0};
	const char *why = NULL;

	if (push_prefs_read(request, &p, &why) != ERR_OK) {
		must(why != NULL);
		return;
	}
	push_prefs_write(&b, &p);
	buf_str(&b, "}");
	b.data[0] = '{'; /* in the place of the comma */
	must(json_parse(&o, b.data, b.len) == ERR_OK);
	must(push_prefs_read(&o, &back, &why) == ERR_OK);
	must(back.quiet == p.quiet && back.from == p.from && back.to == p.to &&
		back.utc_offset == p.utc_offset && back.mentions == p.mentions &&
		back.hidden == p.hidden);
	json_finish(&o);
	buf_reset(&b);
	push_prefs_encode(&b, &p);
	must(push_prefs_decode(&back, (struct bytes){b.data, b.len}) == ERR_OK);
	buf_free(&b);
}

static void check_mention(const char *text, size_t size)
{
	struct buf b = {0};

	if (!mention_of((struct bytes){text, size}, (struct bytes){"alice", 5}))
		return;
	buf_str(&b, "name ");
	buf_put(&b, text, size);
	must(mention_of((struct bytes){b.data, b.len}, (struct bytes){"alice", 5}));
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json_object o;

	check_mention(text, size);
	mention_of_all((struct bytes){text, size});
	if (json_parse(&o, text, size) != ERR_OK)
		return 0;
	for (int kind = 0; kind <= PUSH_KIND_COUNT; kind++)
		check_kind((enum push_kind_id)kind, &o);
	check_prefs(&o);
	json_finish(&o);
	return 0;
}
