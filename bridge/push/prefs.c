/* prefs.c — see prefs.h. */
#include "bridge/push/prefs.h"

#include "bridge/engine/answer.h"

#include <cjson/cJSON.h>

#define MINUTE_MS UINT64_C(60000)

static enum err fail(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_BAD_REQUEST;
}

static int digits(const char *s)
{
	bool two = s[0] >= '0' && s[0] <= '9' && s[1] >= '0' && s[1] <= '9';

	return two ? (s[0] - '0') * 10 + s[1] - '0' : 100;
}

/* "hh:mm" as minutes of the day. */
static bool read_time(const struct json_object *o, const char *name, uint16_t *minutes)
{
	struct bytes s = {0};

	if (json_string(o, name, 5, 5, &s) != ERR_OK || s.len != 5 || s.data[2] != ':' ||
		digits(s.data) > 23 || digits(s.data + 3) > 59)
		return false;
	*minutes = (uint16_t)(digits(s.data) * 60 + digits(s.data + 3));
	return true;
}

static enum err read_hours(const struct json_object *o, struct push_prefs *p, const char **why)
{
	int64_t offset = 0;

	if (!read_time(o, "from", &p->from) || !read_time(o, "to", &p->to) || p->from == p->to)
		return fail(why, "\"from\" and \"to\" must be two times of the day, as \"22:00\"");
	if (json_int(o, "utc_offset", -UTC_OFFSET_MAX, UTC_OFFSET_MAX, &offset) != ERR_OK)
		return fail(why, "\"utc_offset\" must be minutes from -840 to 840");
	p->utc_offset = (int16_t)offset;
	p->quiet = true;
	return ERR_OK;
}

static enum err read_quiet(
	const struct json_object *request, struct push_prefs *p, const char **why)
{
	const struct json_member *m = json_get(request, "quiet");
	struct json_object o;
	enum err err;

	if (!m)
		return ERR_OK;
	p->quiet = false;
	p->from = p->to = 0;
	p->utc_offset = 0;
	if (cJSON_IsNull(m->value))
		return ERR_OK;
	err = json_parse(&o, m->raw.data, m->raw.len);
	if (err == ERR_NOMEM)
		return err;
	if (err != ERR_OK)
		return fail(why, "\"quiet\" must be an object with \"from\" and \"to\", or null");
	err = read_hours(&o, p, why);
	json_finish(&o);
	return err;
}

enum err push_prefs_read(const struct json_object *request, struct push_prefs *p, const char **why)
{
	bool preview = !p->hidden;
	enum err err = read_quiet(request, p, why);

	if (err != ERR_OK)
		return err;
	if (json_bool(request, "mentions", &p->mentions) != ERR_OK)
		return fail(why, "\"mentions\" must be true or false");
	if (json_bool(request, "preview", &preview) != ERR_OK)
		return fail(why, "\"preview\" must be true or false");
	p->hidden = !preview;
	return ERR_OK;
}

void push_prefs_write(struct buf *b, const struct push_prefs *p)
{
	if (p->quiet)
		buf_printf(b,
			",\"quiet\":{\"from\":\"%02u:%02u\",\"to\":\"%02u:%02u\","
			"\"utc_offset\":%d}",
			p->from / 60u, p->from % 60u, p->to / 60u, p->to % 60u, p->utc_offset);
	else
		buf_str(b, ",\"quiet\":null");
	answer_bool(b, "mentions", p->mentions);
	answer_bool(b, "preview", !p->hidden);
}

uint64_t push_prefs_quiet_until(const struct push_prefs *p, uint64_t now_ms)
{
	int64_t now = (int64_t)(now_ms / MINUTE_MS);
	/* With a day more, so that it is not negative. */
	int64_t minute = (now + p->utc_offset + DAY_MINUTES) % DAY_MINUTES;
	int64_t length = (p->to - p->from + DAY_MINUTES) % DAY_MINUTES;
	int64_t into = (minute - p->from + DAY_MINUTES) % DAY_MINUTES;

	if (!p->quiet || into >= length)
		return 0;
	return (uint64_t)(now + length - into) * MINUTE_MS;
}
