/* recorder_kept.c — what the recorder was asked, to be looked at. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/support/case.h"
#include "tests/support/recorder_internal.h"

void recorder_keep(struct recorder *r, const struct recorded *seen)
{
	struct kept *k = recorder_need(calloc(1, sizeof(*k)));
	struct buf *b = &k->text;
	size_t method = strlen(seen->method) + 1, target = strlen(seen->target) + 1;
	char *at;

	buf_put(b, seen->method, method);
	buf_put(b, seen->target, target);
	buf_put(b, seen->headers.data, seen->headers.len);
	buf_u8(b, '\0');
	buf_put(b, seen->body.data, seen->body.len);
	buf_u8(b, '\0');
	at = recorder_need(b->failed ? NULL : b->data);
	k->r = *seen;
	k->r.method = at;
	k->r.target = at + method;
	k->r.headers.data = at + method + target;
	k->r.body.data = k->r.headers.data + seen->headers.len + 1;
	if (r->kept_count == r->kept_max) {
		r->kept_max = r->kept_max ? 2 * r->kept_max : 64;
		r->kept = recorder_need(realloc(r->kept, r->kept_max * sizeof(*r->kept)));
	}
	r->kept[r->kept_count++] = k;
}

void recorder_kept_free(struct recorder *r)
{
	for (size_t i = 0; i < r->kept_count; i++) {
		buf_free(&r->kept[i]->text);
		free(r->kept[i]);
	}
	free(r->kept);
}

void recorder_wait_until(struct recorder *r, int64_t due_ms)
{
	struct timespec t = {due_ms / 1000, (long)(due_ms % 1000) * 1000000};

	if (due_ms == RECORDER_NEVER)
		pthread_cond_wait(&r->changed, &r->lock);
	else
		pthread_cond_timedwait(&r->changed, &r->lock, &t);
}

size_t recorder_count(struct recorder *r)
{
	size_t count;

	pthread_mutex_lock(&r->lock);
	count = r->count;
	pthread_mutex_unlock(&r->lock);
	return count;
}

size_t recorder_connections(struct recorder *r)
{
	size_t count;

	pthread_mutex_lock(&r->lock);
	count = r->connections;
	pthread_mutex_unlock(&r->lock);
	return count;
}

size_t recorder_count_of(struct recorder *r, const char *prefix)
{
	size_t count = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->kept_count; i++)
		count += recorder_begins(r->kept[i]->r.target, prefix);
	pthread_mutex_unlock(&r->lock);
	return count;
}

bool recorder_wait(struct recorder *r, size_t count, int timeout_ms)
{
	int64_t until = case_now_ms() + timeout_ms;
	bool enough;

	pthread_mutex_lock(&r->lock);
	while (r->count < count && case_now_ms() < until)
		recorder_wait_until(r, until);
	enough = r->count >= count;
	pthread_mutex_unlock(&r->lock);
	return enough;
}

void recorder_expect(struct recorder *r, size_t count)
{
	if (!recorder_wait(r, count, case_patience_ms()))
		case_fail("%zu requests should come, and %zu did", count, recorder_count(r));
}

const struct recorded *recorder_at(struct recorder *r, size_t place)
{
	const struct recorded *found = NULL;

	pthread_mutex_lock(&r->lock);
	if (place < r->kept_count)
		found = &r->kept[place]->r;
	pthread_mutex_unlock(&r->lock);
	if (!found)
		case_fail("there is no request at place %zu", place);
	return found;
}

struct bytes recorded_value(const struct recorded *request, const char *name)
{
	const char *line = request->headers.data, *end = line + request->headers.len;
	size_t len = strlen(name);

	while (line < end) {
		size_t line_len =
			(size_t)((const char *)memchr(line, '\n', (size_t)(end - line)) - line);

		if (line_len >= len + 2 && strncasecmp(line, name, len) == 0 && line[len] == ':')
			return (struct bytes){line + len + 2, line_len - len - 2};
		line += line_len + 1;
	}
	return (struct bytes){0};
}

const char *recorded_header(const struct recorded *request, const char *name)
{
	struct bytes value = recorded_value(request, name);

	return value.data ? case_printf("%.*s", (int)value.len, value.data) : NULL;
}
