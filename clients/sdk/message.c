/* message.c — see message.h.
 *
 * A message that is written is checked as a whole, by the reader the server uses: media and body
 * are put in as they are, and then nothing may be there that was not meant (a body like
 * `{},"id":"x"` would bring members of its own).
 */
#include "clients/sdk/message.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"
#include "wire/name.h"
#include "wire/utf8.h"

#define NUMBER_MAX     9007199254740992.0 /* 2^53 */
#define RECEIVED_MAX   (4u << 20)         /* bytes of a received message */
#define TEXT_BYTES_MAX (1u << 20)
#define TYPE_MAX       34
#define ID_MAX         64
#define MEDIA_MAX      32
#define SENT_MAX       (1u << 20)
#define TEXT_CHARS_MAX 100000

/* --- reading
 * ------------------------------------------------------------------------------------- */

/* The member of that name; NULL if it is absent or null. */
static const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	return v && !cJSON_IsNull(v) ? v : NULL;
}

/* 0 if it is absent. */
static bool take_number(const cJSON *object, const char *name, uint64_t *out)
{
	const cJSON *v = member(object, name);

	*out = 0;
	if (!v)
		return true;
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) || v->valuedouble > NUMBER_MAX)
		return false;
	*out = (uint64_t)v->valuedouble;
	return (double)*out == v->valuedouble;
}

/* NULL if it is absent. */
static bool take_string(const cJSON *object, const char *name, size_t max, const char **out)
{
	const cJSON *v = member(object, name);
	size_t len;

	*out = NULL;
	if (!v)
		return true;
	if (!cJSON_IsString(v) || !v->valuestring)
		return false;
	len = strlen(v->valuestring);
	if (len > max || !utf8_ok(v->valuestring, len, NULL))
		return false;
	*out = v->valuestring;
	return true;
}

/* A user, or the system: $gnatterctl. */
static bool from_ok(const char *s)
{
	return s && (*s == '$' ? name_user_ok(s + 1, strlen(s + 1)) : name_user_ok(s, strlen(s)));
}

static bool type_ok(const char *s)
{
	size_t len = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") : 0;

	return len > 0 && len <= TYPE_MAX && s[len] == '\0';
}

static bool media_ok(const cJSON *v)
{
	const cJSON *item;
	int count = 0;

	if (!v)
		return true;
	if (!cJSON_IsArray(v))
		return false;
	cJSON_ArrayForEach(item, v)
	{
		size_t len =
			cJSON_IsString(item) && item->valuestring ? strlen(item->valuestring) : 0;

		if (len == 0 || len > ID_MAX || ++count > MEDIA_MAX)
			return false;
	}
	return true;
}

static bool take_numbers(struct message *m, const cJSON *o)
{
	uint64_t ts;

	if (!member(o, "ts") || !take_number(o, "seq", &m->seq) || !take_number(o, "n", &m->n) ||
		!take_number(o, "ts", &ts) || !take_number(o, "ref", &m->ref) ||
		!take_number(o, "edited", &m->edited) || !take_number(o, "deleted", &m->deleted))
		return false;
	m->ts_ms = (int64_t)ts;
	return m->seq > 0;
}

/* Lent from o. */
static bool take_strings(struct message *m, const cJSON *o)
{
	if (!take_string(o, "chat", NAME_CHAT_MAX, &m->chat) ||
		!take_string(o, "from", NAME_USER_MAX + 1, &m->from) ||
		!take_string(o, "device", NAME_DEVICE_MAX, &m->device) ||
		!take_string(o, "id", ID_MAX, &m->id) ||
		!take_string(o, "type", TYPE_MAX, &m->type) ||
		!take_string(o, "text", TEXT_BYTES_MAX, &m->text))
		return false;
	return m->chat && name_chat_kind(m->chat, strlen(m->chat), NULL) != CHAT_NONE &&
	       from_ok(m->from) && type_ok(m->type) &&
	       (!m->device || name_device_ok(m->device, strlen(m->device)));
}

/* Copy what *strings lend into one block of m's. */
static bool keep(struct message *m)
{
	const char **strings[] = {
		&m->chat, &m->from, &m->device, &m->id, &m->type, &m->text, &m->media, &m->body};
	size_t size = 0;
	char *at;

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		size += *strings[i] ? strlen(*strings[i]) + 1 : 0;
	m->block = at = malloc(size);
	if (!at)
		return false;
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		if (!*strings[i])
			continue;
		size = strlen(*strings[i]) + 1;
		memcpy(at, *strings[i], size);
		*strings[i] = at;
		at += size;
	}
	return true;
}

/* A member as it was written, NUL-terminated into *out: what others have made is kept byte for
 * byte. NULL if it is absent or null. */
static bool take_raw(const struct json_object *o, const char *name, char **out)
{
	const struct json_member *m = json_get(o, name);

	*out = NULL;
	if (!m || cJSON_IsNull(m->value))
		return true;
	*out = strndup(m->raw.data, m->raw.len);
	return *out != NULL;
}

static enum gnatter_error keep_all(struct message *m, const struct json_object *o)
{
	char *media = NULL, *body = NULL;
	bool ok = take_raw(o, "media", &media) && take_raw(o, "body", &body);

	m->media = media;
	m->body = body;
	ok = ok && keep(m);
	free(media);
	free(body);
	return ok ? GNATTER_OK : GNATTER_ENOMEM;
}

static enum gnatter_error from_object(struct message *out, const struct json_object *o)
{
	struct message m = {0};
	const cJSON *body = member(o->root, "body");
	enum gnatter_error e;

	if (!take_numbers(&m, o->root) || !take_strings(&m, o->root))
		return GNATTER_EINVAL;
	if (!media_ok(member(o->root, "media")) || (body && !cJSON_IsObject(body)))
		return GNATTER_EINVAL;
	if (!m.device)
		m.device = "";
	if (!m.id)
		m.id = "";
	e = keep_all(&m, o);
	if (e == GNATTER_OK)
		*out = m;
	return e;
}

enum gnatter_error message_parse(struct message *out, const char *json, size_t len)
{
	struct json_object o;
	enum gnatter_error e;

	*out = (struct message){0};
	if (len > RECEIVED_MAX)
		return GNATTER_EINVAL;
	switch (json_parse(&o, json, len)) {
	case ERR_OK:
		break;
	case ERR_NOMEM:
		return GNATTER_ENOMEM;
	default:
		return GNATTER_EINVAL;
	}
	e = from_object(out, &o);
	json_finish(&o);
	return e;
}

void message_finish(struct message *m)
{
	free(m->block);
	*m = (struct message){0};
}

bool message_counts(const char *type)
{
	static const char *const others[] = {"edit", "delete", "reaction", "system", "deleted"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strcmp(type, others[i]) == 0)
			return false;
	return true;
}

/* --- writing
 * ------------------------------------------------------------------------------------- */

/* What may be sent, and what it needs. The last row is the application's own, x-…. */
static const struct sent_type {
	const char *name;
	bool ref, text, empty; /* needs a ref; needs a text; which may be empty */
} types[] = {
	{"text", false, true, false},
	{"image", false, false, true},
	{"file", false, false, true},
	{"location", false, false, true},
	{"contact", false, false, true},
	{"edit", true, true, false},
	{"delete", true, false, true},
	{"reaction", true, true, true},
	{"x-", false, false, true},
};
#define TYPES (sizeof(types) / sizeof(*types))

static const struct sent_type *find_type(const char *name)
{
	if (strncmp(name, "x-", 2) == 0 && name[2] != '\0')
		return type_ok(name) && strlen(name) <= 32 ? &types[TYPES - 1] : NULL;
	for (size_t i = 0; i + 1 < TYPES; i++)
		if (strcmp(name, types[i].name) == 0)
			return &types[i];
	return NULL;
}

static bool draft_ok(const struct gnatter_draft *d, const struct sent_type *t)
{
	size_t len = d->id ? strnlen(d->id, ID_MAX + 1) : 0;
	size_t chars = 0;

	if (!t || len == 0 || len > ID_MAX || !utf8_ok(d->id, len, NULL))
		return false;
	if ((t->ref && d->ref == 0) || d->ref > UINT64_C(1) << 53)
		return false;
	if (d->text && !utf8_ok(d->text, strlen(d->text), &chars))
		return false;
	return chars <= TEXT_CHARS_MAX && (!t->text || d->text) &&
	       (!t->text || t->empty || chars > 0);
}

static void put_raw(struct buf *b, const char *name, const char *raw)
{
	if (!raw)
		return;
	buf_str(b, name);
	buf_str(b, raw);
}

static void write_draft(struct buf *b, const struct gnatter_draft *d)
{
	const char *type = d->type ? d->type : "text";

	buf_str(b, "{\"id\":");
	json_put_string(b, d->id, strlen(d->id));
	buf_str(b, ",\"type\":\"");
	buf_str(b, type);
	buf_str(b, "\"");
	if (d->ref != 0) {
		buf_str(b, ",\"ref\":");
		buf_decimal(b, d->ref);
	}
	if (d->text) {
		buf_str(b, ",\"text\":");
		json_put_string(b, d->text, strlen(d->text));
	}
	put_raw(b, ",\"media\":", d->media);
	put_raw(b, ",\"body\":", d->body);
	buf_str(b, "}");
}

/* Is the value what was meant, and nothing else? NULL, none, was meant if `raw` is NULL. */
static const cJSON *meant(const struct json_object *o, const char *name, const char *raw, bool *ok)
{
	const struct json_member *m = json_get(o, name);

	if (!raw || !m)
		return NULL;
	/* Space around it is no part of it. */
	raw += strspn(raw, " \t\r\n");
	if (strncmp(raw, m->raw.data, m->raw.len) != 0 ||
		raw[m->raw.len + strspn(raw + m->raw.len, " \t\r\n")] != '\0')
		*ok = false;
	return m->value;
}

static enum gnatter_error check_written(
	const struct buf *b, const struct gnatter_draft *d, size_t start)
{
	size_t count =
		2u + (d->ref != 0) + (d->text != NULL) + (d->media != NULL) + (d->body != NULL);
	struct json_object o;
	const cJSON *media;
	const cJSON *body;
	bool ok = true;
	enum err err;

	if (b->len - start > SENT_MAX)
		return GNATTER_EINVAL;
	err = json_parse(&o, b->data + start, b->len - start);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? GNATTER_ENOMEM : GNATTER_EINVAL;
	media = meant(&o, "media", d->media, &ok);
	body = meant(&o, "body", d->body, &ok);
	ok = ok && o.count == count && (!d->media || (media && media_ok(media))) &&
	     (!d->body || (body && cJSON_IsObject(body)));
	json_finish(&o);
	return ok ? GNATTER_OK : GNATTER_EINVAL;
}

enum gnatter_error message_compose(struct buf *out, const struct gnatter_draft *d)
{
	size_t start = out->len;
	enum gnatter_error e;

	if (!draft_ok(d, find_type(d->type ? d->type : "text")))
		return GNATTER_EINVAL;
	write_draft(out, d);
	e = out->failed ? GNATTER_ENOMEM : check_written(out, d, start);
	if (e != GNATTER_OK)
		out->len = start;
	return e;
}
