/* reply.c — see reply.h. */
#include "bridge/push/reply.h"

#include "bridge/push/http.h"

#include "bridge/push/libcurl.h"
#include <stdio.h>
#include <string.h>

void reply_reset(struct reply *r)
{
	buf_reset(&r->headers);
	buf_reset(&r->body);
	r->head_bytes = 0;
	r->head_too_long = false;
	r->head_ended = false;
	r->cut = false;
}

void reply_free(struct reply *r)
{
	buf_free(&r->headers);
	buf_free(&r->body);
}

/* RFC 9110, section 5.6.2. */
static bool is_token(struct bytes name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] == '\0' || !strchr(allowed, name.data[i]))
			return false;
	}
	return name.len > 0;
}

/* No control characters. */
static bool is_value(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes b)
{
	while (b.len > 0 && is_space(b.data[0])) {
		b.data++;
		b.len--;
	}
	while (b.len > 0 && is_space(b.data[b.len - 1]))
		b.len--;
	return b;
}

static void keep_header(struct buf *headers, struct bytes name, struct bytes value)
{
	if (headers->len + name.len + value.len + 3 > HTTP_HEADERS_MAX)
		return;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		buf_u8(headers, (uint8_t)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c));
	}
	buf_put(headers, ": ", 2);
	buf_put(headers, value.data, value.len);
	buf_u8(headers, '\n');
}

bool reply_header(struct reply *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	struct bytes name = {line, colon ? (size_t)(colon - line) : 0}, value;

	r->head_bytes += len;
	r->head_too_long = r->head_bytes > REPLY_HEAD_MAX;
	if (r->head_too_long)
		return false;
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		buf_reset(&r->headers);
		r->head_ended = false;
		return true;
	}
	r->head_ended |= len <= 2 && trim((struct bytes){line, len}).len == 0;
	if (!colon || r->body.len > 0)
		return true;
	value = trim((struct bytes){colon + 1, len - name.len - 1});
	if (is_token(name) && is_value(value))
		keep_header(&r->headers, name, value);
	return !r->headers.failed;
}

bool reply_body(struct reply *r, const char *data, size_t len)
{
	size_t room = HTTP_BODY_MAX - r->body.len;

	r->cut = len > room;
	buf_put(&r->body, data, r->cut ? room : len);
	return !r->cut && !r->body.failed;
}

struct bytes reply_find(struct bytes headers, const char *name)
{
	const char *at = headers.data, *end = at ? at + headers.len : NULL;
	size_t len = strlen(name);

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)(stop - at);

		if (line >= len + 2 && memcmp(at, name, len) == 0 && at[len] == ':')
			return (struct bytes){at + len + 2, line - len - 2};
		at = stop + 1;
	}
	return (struct bytes){0};
}

bool reply_whole(const struct reply *r)
{
	struct bytes value =
		reply_find((struct bytes){r->headers.data, r->headers.len}, "content-length");
	char text[16];

	snprintf(text, sizeof(text), "%zu", r->body.len);
	return r->head_ended && bytes_equal(value, text, strlen(text));
}

/* RFC 9110, section 5.6.7: all three forms begin with the name of a day, which keeps away what else
 * libcurl takes for a date. -1: it is none. */
static int64_t date_ms_of(struct bytes value)
{
	char text[64];
	time_t t;

	if (value.len == 0 || value.len >= sizeof(text) || !strchr("MTWFS", value.data[0]))
		return -1;
	memcpy(text, value.data, value.len);
	text[value.len] = '\0';
	t = libcurl()->getdate(text, NULL);
	return t < 0 || t > INT64_MAX / 1000 ? -1 : (int64_t)t * 1000;
}

int64_t reply_date_ms(struct bytes headers)
{
	return date_ms_of(reply_find(headers, "date"));
}

/* Digits only; -1 if it is something else. */
static int64_t seconds_ms_of(struct bytes value)
{
	int64_t ms = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return -1;
		if (ms <= HTTP_RETRY_AFTER_MAX)
			ms = ms * 10 + (value.data[i] - '0') * 1000;
	}
	return value.len > 0 ? ms : -1;
}

int64_t reply_retry_after_ms(struct bytes headers, int64_t now_ms)
{
	struct bytes value = reply_find(headers, "retry-after");
	int64_t ms = seconds_ms_of(value), at = date_ms_of(value);

	if (at >= 0) {
		int64_t date_ms = reply_date_ms(headers);

		ms = at - (date_ms >= 0 ? date_ms : now_ms);
		if (ms < 0)
			ms = 0;
	}
	return ms > HTTP_RETRY_AFTER_MAX ? HTTP_RETRY_AFTER_MAX : ms;
}
