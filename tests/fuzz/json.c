/* json.c — fuzz json_parse, json_put_string and json_peek_u64.
 *
 * What our scanner takes, cJSON takes; a member's raw bytes are JSON by themselves and lie in the
 * input; a string that was read can be written and is read again the same.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "fuzz.h"
#include "wire/json.h"

/* {"x":value} parses, and the value is that string, if it is one. */
static void check_value(struct bytes value, const char *string)
{
	struct buf b = {0};
	struct json_object o;
	struct bytes back = {0};

	buf_str(&b, "{\"x\":");
	buf_put(&b, value.data, value.len);
	buf_str(&b, "}");
	must(!b.failed);
	must(json_parse(&o, b.data, b.len) == ERR_OK);
	must(o.count == 1 && bytes_equal(o.members[0].raw, value.data, value.len));
	if (string) {
		must(json_string(&o, "x", 0, SIZE_MAX, &back) == ERR_OK);
		must(bytes_equal(back, string, strlen(string)));
	}
	json_finish(&o);
	buf_free(&b);
}

static void check_member(const struct json_object *o, const struct json_member *m)
{
	const char *name = m->value->string, *string = m->value->valuestring;
	struct buf b = {0};
	int64_t v = 0;
	double number;
	bool flag;

	must(json_get(o, name) == m);
	check_value(m->raw, cJSON_IsString(m->value) ? string : NULL);
	if (cJSON_IsString(m->value)) {
		json_put_string(&b, string, strlen(string));
		check_value((struct bytes){b.data, b.len}, string);
		buf_free(&b);
	}
	if (json_int(o, name, INT64_MIN, INT64_MAX, &v) == ERR_OK)
		must(v <= 1LL << 53 && v >= -(1LL << 53));
	json_bool(o, name, &flag);
	json_number(m, &number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json_object o;
	enum err e = json_parse(&o, text, size);

	must(e == ERR_OK || e == ERR_BAD_JSON || e == ERR_BAD_UTF8 || e == ERR_LIMIT);
	for (size_t i = 0; e == ERR_OK && i < o.count; i++) {
		must(o.members[i].raw.data > text);
		must(o.members[i].raw.data + o.members[i].raw.len < text + size);
		check_member(&o, &o.members[i]);
	}
	if (e == ERR_OK)
		json_finish(&o);
	json_peek_u64(text, size, "seq");
	return 0;
}
