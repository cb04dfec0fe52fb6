/* reply.c — fuzz the answers of push providers. Input: header lines, and after an empty line the
 * body, as a server may send them.
 *
 * However it goes: what is kept is bounded, each kept line is "name: value" in a form that cannot
 * be taken for two, and can be found; a Retry-After is between 0 and a day.
 */
#include "bridge/push/reply.h"

#include <string.h>

#include "bridge/push/http.h"
#include "fuzz.h"

static void check_line(struct bytes all, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	char *name;

	must(colon && colon > line && line + len >= colon + 2 && colon[1] == ' ');
	for (size_t i = 0; i < len; i++)
		must((unsigned char)line[i] >= 0x20 || line[i] == '\t');
	for (const char *c = line; c < colon; c++)
		must(*c > 0x20 && *c < 0x7f && (*c < 'A' || *c > 'Z'));
	name = strndup(line, (size_t)(colon - line));
	must(name && reply_find(all, name).data);
	free(name);
}

static void check(const struct reply *r)
{
	struct bytes all = {r->headers.data, r->headers.len};
	int64_t after = reply_retry_after_ms(all, INT64_C(1700000000000));

	must(all.len <= HTTP_HEADERS_MAX && r->body.len <= HTTP_BODY_MAX);
	must(after >= -1 && after <= HTTP_RETRY_AFTER_MAX);
	must(reply_date_ms(all) >= -1);
	must(!reply_whole(r) || r->head_ended);
	for (size_t at = 0; at < all.len;) {
		const char *end = memchr(all.data + at, '\n', all.len - at);

		must(end != NULL);
		check_line(all, all.data + at, (size_t)(end - all.data) - at);
		at = (size_t)(end - all.data) + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct reply r = {0};
	bool more = true;

	while (more && at < end && !r.head_ended) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) + 1 : (size_t)(end - at);

		more = reply_header(&r, at, len);
		at += len;
	}
	while (more && at < end) {
		size_t len = (size_t)(end - at) > 1000 ? 1000 : (size_t)(end - at);

		more = reply_body(&r, at, len);
		at += len;
	}
	check(&r);
	reply_free(&r);
	return 0;
}
