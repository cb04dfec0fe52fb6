/* kind.c — from the calls of kind.h to the row of the kind, and what is common to the rows: reading
 * the registration, what may be told, what has expired, and memory. */
#include "bridge/push/kind.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/push/kind_ops.h"
#include "bridge/push/payload.h"

struct push_kinds {
	void *self[PUSH_KIND_COUNT]; /* NULL: not set up */
};

static const struct push_ops *const table[PUSH_KIND_COUNT] = {
	[PUSH_FCM] = &push_fcm,
	[PUSH_APNS] = &push_apns,
	[PUSH_WEBPUSH] = &push_webpush,
	[PUSH_WEBHOOK] = &push_webhook,
	[PUSH_MQTT] = &push_mqtt,
};

void push_job_free(struct push_job *j)
{
	http_request_free(&j->http);
	buf_free(&j->topic);
	buf_free(&j->payload);
	j->attempt = (struct push_attempt){0};
}

enum push_step push_end(struct push_result *result, enum push_verdict verdict, const char *fmt, ...)
{
	char reason[sizeof(result->reason)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	push_result_set(result, verdict, "%s", reason);
	return PUSH_END;
}

enum err push_conf_wrong(char *why, size_t why_size, enum err e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, why_size, fmt, args);
	va_end(args);
	return e;
}

enum err push_conf_url(const char *option, const char *url, char *why, size_t why_size)
{
	struct endpoint e;
	const char *wrong = "";

	if (!endpoint_parse(&e, url, strlen(url), &wrong))
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST, "%s: %s", option, wrong);
	if (!e.https && !endpoint_is_loopback(&e))
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST,
			"%s: only https may leave this machine", option);
	return ERR_OK;
}

enum err push_conf_base(const char *option, const char *url, char *why, size_t why_size)
{
	const size_t len = strlen(url);

	if (strchr(url, '?') || (len && url[len - 1] == '/'))
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST,
			"%s: the URL must not have a query or end with /", option);
	return push_conf_url(option, url, why, why_size);
}

enum err push_kinds_create(
	struct push_kinds **out, const struct conf *conf, char *why, size_t why_size)
{
	struct push_kinds *k = calloc(1, sizeof(*k));
	enum err e = k ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	if (why_size)
		why[0] = '\0';
	for (size_t i = PUSH_FCM; e == ERR_OK && i < PUSH_KIND_COUNT; i++)
		e = table[i]->create(&k->self[i], conf, why, why_size);
	if (e == ERR_OK) {
		*out = k;
		return ERR_OK;
	}
	if (e == ERR_NOMEM)
		push_conf_wrong(why, why_size, e, "push: out of memory");
	push_kinds_destroy(k);
	return e;
}

void push_kinds_destroy(struct push_kinds *k)
{
	if (!k)
		return;
	for (size_t i = PUSH_FCM; i < PUSH_KIND_COUNT; i++) {
		if (k->self[i])
			table[i]->destroy(k->self[i]);
	}
	free(k);
}

bool push_kinds_configured(const struct push_kinds *k, enum push_kind_id kind)
{
	return (unsigned)kind < PUSH_KIND_COUNT && k->self[kind];
}

struct bytes push_kinds_vapid_key(const struct push_kinds *k)
{
	const void *self = k->self[PUSH_WEBPUSH];

	return self ? push_webpush_key_of(self) : (struct bytes){"", 0};
}

struct bytes push_kinds_apns_topics(const struct push_kinds *k)
{
	const void *self = k->self[PUSH_APNS];

	return self ? push_apns_topics_of(self) : (struct bytes){"", 0};
}

void push_endpoint(const struct registration *r, struct buf *out)
{
	struct push_target t;

	if (push_target_read(&t, r->kind, r->data) != ERR_OK) {
		const char *name = push_kind_name(r->kind);

		buf_str(out, name ? name : "none");
		return;
	}
	table[r->kind]->endpoint(&t, out);
	push_target_finish(&t);
}

static void reset(struct push_job *j, const struct registration *r)
{
	http_request_reset(&j->http);
	buf_reset(&j->topic);
	buf_reset(&j->payload);
	j->attempt = (struct push_attempt){.kind = r->kind, .set_ms = r->set_ms};
}

static bool failed(const struct push_job *j)
{
	return j->http.url.failed || j->http.headers.failed || j->http.body.failed ||
	       j->topic.failed || j->payload.failed;
}

/* The target was read: the kind does the rest. */
static enum push_step prepare(struct push_kinds *k, const struct push_note *note,
	const struct registration *r, const struct push_target *t, int64_t now_ms,
	struct push_job *job, struct push_result *result)
{
	const struct push_note view = payload_view(note, note->preview && r->preview);
	const struct push_order o = {.view = &view, .target = t, .now_ms = now_ms};
	enum push_step step = table[r->kind]->prepare(k->self[r->kind], &o, job, result);

	if (failed(job))
		return push_end(result, PUSH_RETRY, "out of memory");
	return step;
}

enum push_step push_prepare(struct push_kinds *k, const struct push_note *note,
	const struct registration *r, int64_t now_ms, struct push_job *job,
	struct push_result *result)
{
	struct push_target t;
	enum push_step step;
	enum err e;

	assert(note->collapse.len >= 1 && note->collapse.len <= PUSH_COLLAPSE_MAX);
	assert(note->text.len <= PUSH_TEXT_MAX);
	reset(job, r);
	if (!push_kinds_configured(k, r->kind))
		return push_end(result, PUSH_DROP, "this server is not set up for such pushes");
	if (note->expires_ms <= now_ms)
		return push_end(result, PUSH_DROP, "expired");
	e = push_target_read(&t, r->kind, r->data);
	if (e == ERR_NOMEM)
		return push_end(result, PUSH_RETRY, "out of memory");
	if (e != ERR_OK)
		return push_end(result, PUSH_UNREGISTER, "the stored registration is damaged");
	step = prepare(k, note, r, &t, now_ms, job, result);
	push_target_finish(&t);
	return step;
}

void push_classify(struct push_kinds *k, const struct push_attempt *a,
	const struct http_response *response, int64_t now_ms, struct push_result *result)
{
	assert(push_kinds_configured(k, a->kind));
	table[a->kind]->classify(k->self[a->kind], a, response, now_ms, result);
}

bool push_token_due(const struct push_kinds *k, enum push_kind_id kind, int64_t now_ms)
{
	return push_kinds_configured(k, kind) && table[kind]->token_due &&
	       table[kind]->token_due(k->self[kind], now_ms);
}

enum err push_token_request(
	struct push_kinds *k, enum push_kind_id kind, int64_t now_ms, struct http_request *out)
{
	http_request_reset(out);
	if (!push_token_due(k, kind, now_ms))
		return ERR_BUSY;
	return table[kind]->token_request(k->self[kind], now_ms, out);
}

void push_token_response(struct push_kinds *k, enum push_kind_id kind,
	const struct http_response *response, int64_t now_ms, struct push_result *result)
{
	assert(push_kinds_configured(k, kind) && table[kind]->token_response);
	table[kind]->token_response(k->self[kind], response, now_ms, result);
}
