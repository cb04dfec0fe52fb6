/* json.c
 *
 * Two passes. The first is a scanner of our own that knows RFC 8259 to the letter: it refuses what
 * cJSON would let pass (control characters in strings, numbers like 01 or 1., space that is none,
 * \u0000, a wrong escape), counts levels before anybody recurses, and notes where each member of
 * the top object stands. Then cJSON builds the values from a text known to be good, and its members
 * and the scanner's come in the same order.
 *
 * A number longer than NUMBER_MAX bytes is refused: cJSON 1.7 would cut it there.
 */
#include "json.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "utf8.h"

#define NUMBER_MAX 62
#define EXACT_MAX  9007199254740992.0 /* 2^53 */

struct scan {
	const char *at, *end;
	unsigned depth;
	enum err err; /* why a scan failed */
};

static bool fail(struct scan *s, enum err e)
{
	s->err = e;
	return false;
}

/* The next byte; 0, which no JSON has outside of strings nor inside, at the end. */
static char peek(const struct scan *s)
{
	return s->at < s->end ? *s->at : '\0';
}

static void skip_space(struct scan *s)
{
	while (s->at < s->end &&
		(*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static bool skip_char(struct scan *s, char c)
{
	if (peek(s) != c)
		return fail(s, ERR_BAD_JSON);
	s->at++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Four hex digits; -1 if they are none. */
static int hex4(struct scan *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = peek(s);

		if (is_digit(c))
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (c - 'A' + 10);
		else
			return -1;
		s->at++;
	}
	return v;
}

/* What follows "\u": one code unit, or a pair of surrogates. */
static bool scan_unicode(struct scan *s)
{
	int unit = hex4(s);

	if (unit == 0)
		return fail(s, ERR_BAD_UTF8);
	if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return fail(s, ERR_BAD_JSON);
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	if (!skip_char(s, '\\') || !skip_char(s, 'u'))
		return false;
	unit = hex4(s);
	return (unit >= 0xdc00 && unit <= 0xdfff) || fail(s, ERR_BAD_JSON);
}

static bool scan_escape(struct scan *s)
{
	switch (peek(s)) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		s->at++;
		return true;
	case 'u':
		s->at++;
		return scan_unicode(s);
	default:
		return fail(s, ERR_BAD_JSON);
	}
}

static bool scan_string(struct scan *s)
{
	if (!skip_char(s, '"'))
		return false;
	while (s->at < s->end) {
		unsigned char c = (unsigned char)*s->at++;

		if (c == '"')
			return true;
		if (c < 0x20)
			break;
		if (c == '\\' && !scan_escape(s))
			return false;
	}
	return fail(s, ERR_BAD_JSON);
}

/* At least one digit. */
static bool scan_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return fail(s, ERR_BAD_JSON);
	while (is_digit(peek(s)))
		s->at++;
	return true;
}

static bool scan_number(struct scan *s)
{
	const char *start = s->at;

	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (!scan_digits(s))
		return false;
	if (peek(s) == '.') {
		s->at++;
		if (!scan_digits(s))
			return false;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (!scan_digits(s))
			return false;
	}
	return s->at - start <= NUMBER_MAX || fail(s, ERR_BAD_JSON);
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return fail(s, ERR_BAD_JSON);
	s->at += len;
	return true;
}

static bool scan_value(struct scan *s);

/* The name of a member and its colon, up to where the value begins. */
static bool scan_name(struct scan *s)
{
	skip_space(s);
	if (!scan_string(s))
		return false;
	skip_space(s);
	if (!skip_char(s, ':'))
		return false;
	skip_space(s);
	return true;
}

/* After an element: true with *more if a comma follows, true if the bracket does. */
static bool scan_separator(struct scan *s, char close, bool *more)
{
	skip_space(s);
	*more = peek(s) == ',';
	return skip_char(s, *more ? ',' : close);
}

/* An array or object; the top one is scanned by scan_top. */
static bool scan_nested(struct scan *s, char close)
{
	bool more = true;

	s->at++;
	if (++s->depth > JSON_DEPTH_MAX)
		return fail(s, ERR_BAD_JSON);
	skip_space(s);
	if (peek(s) == close) {
		s->at++;
		more = false;
	}
	while (more) {
		if (close == '}' && !scan_name(s))
			return false;
		skip_space(s);
		if (!scan_value(s) || !scan_separator(s, close, &more))
			return false;
	}
	s->depth--;
	return true;
}

static bool scan_value(struct scan *s)
{
	switch (peek(s)) {
	case '{':
		return scan_nested(s, '}');
	case '[':
		return scan_nested(s, ']');
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

/* The top object; notes the raw bytes of its members in o. */
static bool scan_top(struct scan *s, struct json_object *o)
{
	bool more = true;

	skip_space(s);
	if (!skip_char(s, '{'))
		return false;
	s->depth = 1;
	skip_space(s);
	if (peek(s) == '}') {
		s->at++;
		more = false;
	}
	while (more) {
		const char *start;

		if (o->count == JSON_MEMBERS_MAX)
			return fail(s, ERR_LIMIT);
		if (!scan_name(s))
			return false;
		start = s->at;
		if (!scan_value(s))
			return false;
		o->members[o->count++].raw = (struct bytes){start, (size_t)(s->at - start)};
		if (!scan_separator(s, '}', &more))
			return false;
	}
	skip_space(s);
	return s->at == s->end || fail(s, ERR_BAD_JSON);
}

/* Give each member its parsed value. False if a name stands twice (or cJSON saw fewer members). */
static bool join(struct json_object *o)
{
	const struct cJSON *value = o->root->child;

	for (size_t i = 0; i < o->count; i++, value = value->next) {
		if (!value)
			return false;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(o->members[j].value->string, value->string) == 0)
				return false;
		}
		o->members[i].value = value;
	}
	return true;
}

enum err json_parse(struct json_object *o, const char *data, size_t len)
{
	struct scan s = {.err = ERR_OK};

	o->root = NULL;
	o->count = 0;
	if (len == 0)
		return ERR_BAD_JSON;
	if (!utf8_ok(data, len, NULL))
		return ERR_BAD_UTF8;
	s.at = data;
	s.end = data + len;
	if (!scan_top(&s, o))
		return s.err;
	o->root = cJSON_ParseWithLength(data, len);
	if (!o->root)
		return ERR_NOMEM;
	if (!join(o)) {
		json_finish(o);
		return ERR_BAD_JSON;
	}
	return ERR_OK;
}

void json_finish(struct json_object *o)
{
	cJSON_Delete(o->root);
	o->root = NULL;
	o->count = 0;
}

const struct json_member *json_get(const struct json_object *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++) {
		if (strcmp(o->members[i].value->string, name) == 0)
			return &o->members[i];
	}
	return NULL;
}

/* As json_get, but NULL for a null. */
static const struct json_member *get_set(const struct json_object *o, const char *name)
{
	const struct json_member *m = json_get(o, name);

	return m && !cJSON_IsNull(m->value) ? m : NULL;
}

enum err json_string(
	const struct json_object *o, const char *name, size_t min, size_t max, struct bytes *out)
{
	const struct json_member *m = get_set(o, name);
	size_t len;

	if (!m)
		return ERR_OK;
	if (!cJSON_IsString(m->value))
		return ERR_BAD_REQUEST;
	len = strlen(m->value->valuestring);
	if (len < min || len > max)
		return ERR_BAD_REQUEST;
	*out = (struct bytes){m->value->valuestring, len};
	return ERR_OK;
}

/* Is it a whole number of at most 2^53? That bound itself may have been rounded to, so it is only
 * taken as written. */
static bool is_exact(const struct json_member *m)
{
	double v = m->value->valuedouble;

	if (v > -EXACT_MAX && v < EXACT_MAX)
		return v == (double)(int64_t)v;
	return bytes_equal(m->raw, "9007199254740992", 16) ||
	       bytes_equal(m->raw, "-9007199254740992", 17);
}

enum err json_int(
	const struct json_object *o, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const struct json_member *m = get_set(o, name);
	int64_t v;

	if (!m)
		return ERR_OK;
	if (!cJSON_IsNumber(m->value) || !is_exact(m))
		return ERR_BAD_REQUEST;
	v = (int64_t)m->value->valuedouble;
	if (v < min || v > max)
		return ERR_BAD_REQUEST;
	*out = v;
	return ERR_OK;
}

enum err json_bool(const struct json_object *o, const char *name, bool *out)
{
	const struct json_member *m = get_set(o, name);

	if (!m)
		return ERR_OK;
	if (!cJSON_IsBool(m->value))
		return ERR_BAD_REQUEST;
	*out = cJSON_IsTrue(m->value);
	return ERR_OK;
}

bool json_number(const struct json_member *m, double *out)
{
	*out = cJSON_IsNumber(m->value) ? m->value->valuedouble : 0;
	return cJSON_IsNumber(m->value);
}
