/* message.c — see message.h. */
#include "bridge/engine/message.h"

#include "persist/keys.h"
#include "wire/name.h"
#include "wire/utf8.h"

#include <cjson/cJSON.h>
#include <string.h>

enum need { NEED_NOTHING, NEED_OPTIONAL, NEED_IT };

/* What senders may send. Types that start with x- are the application's own and go by the last row.
 */
static const struct message_type {
	const char *name;
	enum message_action action;
	bool counts;
	enum need ref, text;
} types[] = {
	{"text", ACTION_NONE, true, NEED_OPTIONAL, NEED_IT},
	{"image", ACTION_NONE, true, NEED_OPTIONAL, NEED_OPTIONAL},
	{"file", ACTION_NONE, true, NEED_OPTIONAL, NEED_OPTIONAL},
	{"location", ACTION_NONE, true, NEED_OPTIONAL, NEED_OPTIONAL},
	{"contact", ACTION_NONE, true, NEED_OPTIONAL, NEED_OPTIONAL},
	{"edit", ACTION_EDIT, false, NEED_IT, NEED_IT},
	{"delete", ACTION_DELETE, false, NEED_IT, NEED_NOTHING},
	{"reaction", ACTION_REACT, false, NEED_IT, NEED_IT},
	{"x-", ACTION_NONE, true, NEED_OPTIONAL, NEED_OPTIONAL},
};
#define TYPES (sizeof(types) / sizeof(*types))

static bool own_type_ok(struct bytes t)
{
	if (t.len < 3 || t.len > 32)
		return false;
	for (size_t i = 2; i < t.len; i++) {
		char c = t.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
			    c == '_'))
			return false;
	}
	return true;
}

static const struct message_type *find_type(struct bytes t)
{
	if (t.len > 2 && memcmp(t.data, "x-", 2) == 0)
		return own_type_ok(t) ? &types[TYPES - 1] : NULL;
	for (size_t i = 0; i + 1 < TYPES; i++)
		if (bytes_equal(t, types[i].name, strlen(types[i].name)))
			return &types[i];
	return NULL;
}

static enum err fail(const char **why, enum err err, const char *sentence)
{
	*why = sentence;
	return err;
}

static enum err parse_text(
	struct draft *d, const struct message_type *t, const struct conf *conf, const char **why)
{
	const struct json_member *m = json_get(&d->json, "text");
	size_t chars;

	if (!m || cJSON_IsNull(m->value))
		return t->text == NEED_IT ? fail(why, ERR_BAD_REQUEST, "\"text\" is missing")
					  : ERR_OK;
	if (t->text == NEED_NOTHING)
		return ERR_OK;
	if (!cJSON_IsString(m->value))
		return fail(why, ERR_BAD_REQUEST, "\"text\" must be a string");
	if (!utf8_ok(m->value->valuestring, strlen(m->value->valuestring), &chars))
		return fail(why, ERR_BAD_UTF8, NULL);
	if (chars > (size_t)conf->text_chars_max)
		return fail(why, ERR_TOO_LARGE, "the text has more characters than allowed");
	if (chars == 0 && t->text == NEED_IT && t->action != ACTION_REACT)
		return fail(why, ERR_BAD_REQUEST, "the text is empty");
	d->text = m->raw;
	return ERR_OK;
}

enum err message_media(const struct json_object *o, struct bytes *media, const char **why)
{
	static const char sentence[] =
		"\"media\" must be a list of at most 32 ids of 1 to 64 bytes";
	const struct json_member *m = json_get(o, "media");
	const cJSON *item;
	int count = 0;

	if (!m || cJSON_IsNull(m->value))
		return ERR_OK;
	if (!cJSON_IsArray(m->value))
		return fail(why, ERR_BAD_REQUEST, sentence);
	cJSON_ArrayForEach(item, m->value)
	{
		size_t len = cJSON_IsString(item) ? strlen(item->valuestring) : 0;

		if (len == 0 || len > 64 || ++count > MESSAGE_MEDIA_MAX)
			return fail(why, ERR_BAD_REQUEST, sentence);
	}
	*media = m->raw;
	return ERR_OK;
}

static enum err parse_ref(struct draft *d, const struct message_type *t, const char **why)
{
	int64_t ref = 0;

	if (json_int(&d->json, "ref", 1, INT64_C(1) << 53, &ref) != ERR_OK)
		return fail(why, ERR_BAD_REQUEST, "\"ref\" must be the seq of a message");
	if (t->ref == NEED_IT && ref == 0)
		return fail(why, ERR_BAD_REQUEST, "\"ref\" is missing");
	d->ref = (uint64_t)ref;
	return ERR_OK;
}

enum err message_body(const struct json_object *o, struct bytes *body, const char **why)
{
	const struct json_member *m = json_get(o, "body");

	if (!m || cJSON_IsNull(m->value))
		return ERR_OK;
	if (!cJSON_IsObject(m->value))
		return fail(why, ERR_BAD_REQUEST, "\"body\" must be an object");
	*body = m->raw;
	return ERR_OK;
}

static enum err parse_plain(
	struct draft *d, struct bytes payload, const struct conf *conf, const char **why)
{
	size_t chars;

	d->plain = true;
	d->type = (struct bytes){"text", 4};
	d->counts = true;
	d->text = payload;
	if (payload.len == 0)
		return fail(why, ERR_BAD_REQUEST, "the text is empty");
	if (!utf8_ok(payload.data, payload.len, &chars))
		return fail(why, ERR_BAD_UTF8, NULL);
	if (chars > (size_t)conf->text_chars_max)
		return fail(why, ERR_TOO_LARGE, "the text has more characters than allowed");
	return ERR_OK;
}

enum err draft_parse(
	struct draft *d, struct bytes payload, const struct conf *conf, const char **why)
{
	const struct message_type *t;
	enum err err;

	*d = (struct draft){.plain = true};
	if (payload.len == 0 || payload.data[0] != '{')
		return parse_plain(d, payload, conf, why);
	err = json_parse(&d->json, payload.data, payload.len);
	if (err != ERR_OK)
		return err;
	d->plain = false;
	if (json_string(&d->json, "id", 1, MESSAGE_ID_MAX, &d->id) != ERR_OK)
		return fail(why, ERR_BAD_REQUEST, "\"id\" must be a string of 1 to 64 bytes");
	d->type = (struct bytes){"text", 4};
	if (json_string(&d->json, "type", 1, 32, &d->type) != ERR_OK)
		return fail(why, ERR_BAD_REQUEST, "\"type\" must be a string of 1 to 32 bytes");
	t = find_type(d->type);
	if (!t)
		return fail(why, ERR_BAD_REQUEST, "there is no such type of message");
	d->action = t->action;
	d->counts = t->counts;
	err = parse_ref(d, t, why);
	if (err == ERR_OK)
		err = parse_text(d, t, conf, why);
	if (err == ERR_OK && t->action != ACTION_DELETE && t->action != ACTION_REACT)
		err = message_media(&d->json, &d->media, why);
	if (err == ERR_OK && t->action != ACTION_DELETE)
		err = message_body(&d->json, &d->body, why);
	return err;
}

void draft_finish(struct draft *d)
{
	if (!d->plain)
		json_finish(&d->json);
	d->plain = true;
}

/* {"chat":..,"seq":..,"n":..,"from":..,"device":..,"ts":..,"id":..,"type":" and no further. Names
 * need no escapes: chats, users and devices hold none of the characters that would. */
static void write_head(struct buf *b, const struct message_head *h)
{
	buf_str(b, "{\"chat\":\"");
	buf_put(b, h->chat.data, h->chat.len);
	buf_str(b, "\",\"seq\":");
	buf_decimal(b, h->seq);
	buf_str(b, ",\"n\":");
	buf_decimal(b, h->n);
	buf_str(b, ",\"from\":\"");
	buf_put(b, h->from.data, h->from.len);
	if (h->device.len > 0) {
		buf_str(b, "\",\"device\":\"");
		buf_put(b, h->device.data, h->device.len);
	}
	buf_str(b, "\",\"ts\":");
	buf_decimal(b, h->ts);
	if (h->id.len > 0) {
		buf_str(b, ",\"id\":");
		json_put_string(b, h->id.data, h->id.len);
	}
	buf_str(b, ",\"type\":\"");
}

static void write_number(struct buf *b, const char *name, uint64_t v)
{
	if (v == 0)
		return;
	buf_str(b, name);
	buf_decimal(b, v);
}

static void write_raw(struct buf *b, const char *name, struct bytes raw)
{
	if (raw.len == 0)
		return;
	buf_str(b, name);
	buf_put(b, raw.data, raw.len);
}

void message_write(struct buf *b, const struct message_head *h, const struct draft *d)
{
	write_head(b, h);
	buf_put(b, d->type.data, d->type.len);
	buf_str(b, "\"");
	write_number(b, ",\"ref\":", d->ref);
	write_number(b, ",\"prev\":", h->prev);
	if (d->plain) {
		buf_str(b, ",\"text\":");
		json_put_string(b, d->text.data, d->text.len);
	} else {
		write_raw(b, ",\"text\":", d->text);
		write_raw(b, ",\"media\":", d->media);
		write_raw(b, ",\"body\":", d->body);
	}
	buf_str(b, "}");
}

void message_write_system(struct buf *b, const struct message_head *h, struct bytes body)
{
	write_head(b, h);
	buf_str(b, "system\",\"body\":{");
	buf_put(b, body.data, body.len);
	buf_str(b, "}}");
}

static enum err read_u64_member(const struct json_object *o, const char *name, uint64_t *out)
{
	int64_t v = 0;

	if (json_int(o, name, 0, INT64_C(1) << 53, &v) != ERR_OK)
		return ERR_CORRUPT;
	*out = (uint64_t)v;
	return ERR_OK;
}

enum err message_read(struct message_facts *f, struct bytes message)
{
	struct json_object *o = &f->json;
	struct message_head *h = &f->head;

	*f = (struct message_facts){0};
	if (json_parse(o, message.data, message.len) != ERR_OK)
		return ERR_CORRUPT;
	if (json_string(o, "chat", 1, NAME_CHAT_MAX, &h->chat) != ERR_OK ||
		json_string(o, "from", 1, NAME_USER_MAX, &h->from) != ERR_OK ||
		json_string(o, "device", 1, NAME_DEVICE_MAX, &h->device) != ERR_OK ||
		json_string(o, "id", 1, MESSAGE_ID_MAX, &h->id) != ERR_OK ||
		json_string(o, "type", 1, 32, &f->type) != ERR_OK ||
		read_u64_member(o, "seq", &h->seq) != ERR_OK ||
		read_u64_member(o, "n", &h->n) != ERR_OK ||
		read_u64_member(o, "ts", &h->ts) != ERR_OK ||
		read_u64_member(o, "ref", &f->ref) != ERR_OK ||
		read_u64_member(o, "prev", &f->prev) != ERR_OK ||
		read_u64_member(o, "edited", &f->edited) != ERR_OK || h->chat.len == 0 ||
		h->from.len == 0 || f->type.len == 0 || h->seq == 0) {
		json_finish(o);
		return ERR_CORRUPT;
	}
	return ERR_OK;
}

void message_facts_finish(struct message_facts *f)
{
	json_finish(&f->json);
}

void message_write_tombstone(struct buf *b, const struct message_facts *f, uint64_t deleted)
{
	write_head(b, &f->head);
	buf_str(b, "deleted\",\"deleted\":");
	buf_decimal(b, deleted);
	buf_str(b, "}");
}

/* The pointer is always the last member: ,"edited":<digits>} . No other member of ours ends so:
 * numbers stand before text, media and body, and an object in body ends with one more brace. */
static size_t without_edited(struct bytes m)
{
	static const char tail[] = ",\"edited\":";
	size_t at = m.len - 1; /* the closing brace */

	while (at > 0 && m.data[at - 1] >= '0' && m.data[at - 1] <= '9')
		at--;
	if (at == m.len - 1 || at < sizeof(tail) - 1)
		return m.len - 1;
	at -= sizeof(tail) - 1;
	return memcmp(m.data + at, tail, sizeof(tail) - 1) == 0 ? at : m.len - 1;
}

uint64_t message_edited(struct bytes m)
{
	struct reader digits;
	uint64_t seq = 0;
	size_t end = m.len > 0 ? without_edited(m) : 0;

	if (end + 1 >= m.len)
		return 0;
	digits = reader_of(m.data + end, m.len - 1 - end);
	read_bytes(&digits, sizeof(",\"edited\":") - 1);
	while (digits.at != digits.end)
		seq = seq * 10 + (uint64_t)(read_u8(&digits) - '0');
	return seq;
}

void message_write_edited(struct buf *b, struct bytes message, uint64_t edited)
{
	buf_put(b, message.data, without_edited(message));
	write_number(b, ",\"edited\":", edited);
	buf_str(b, "}");
}
