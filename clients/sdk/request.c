/* request.c — requests and their answers.
 *
 * Each has a number, which is its Correlation Data. Of an app's request whose answer was lost with
 * the connection: one that only asks is asked again, and so is one that the broker did not
 * acknowledge. One that changes something and was acknowledged is or will be carried out, so it
 * waits (the broker keeps the answer for a while) until its time is over.
 */
#include "clients/sdk/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENT_MAX 64 /* on their way at a time */
#define PAYLOAD_MAX                                                                  \
	(1 << 20) /* bytes: servers take no more; far larger ones end the connection \
		   */

static bool only_asks(const char *method)
{
	static const char *const methods[] = {"me", "chats", "history", "unread", "chat.get",
		"chat.online", "user.get", "contacts", "blocks", "devices", "push.get", "chat.list",
		"user.list", "stats", "push.queue", "export"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

static void request_free(struct request *r)
{
	free(r->method);
	if (r->payload)
		explicit_bzero(r->payload, strlen(r->payload)); /* a password, perhaps */
	free(r->payload);
	free(r);
}

/* --- making one
 * ----------------------------------------------------------------------------------- */

static struct request *create(
	const char *method, const char *payload, gnatter_answer_fn *fn, void *ctx)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->method = strdup(method);
	r->payload = strdup(payload);
	r->fn = fn;
	r->ctx = ctx;
	if (r->method && r->payload)
		return r;
	request_free(r);
	return NULL;
}

/* *number: its own. */
static enum gnatter_error append(struct gnatter *g, struct request *r, uint64_t *number)
{
	struct request **at = &g->requests;
	enum gnatter_error e = GNATTER_OK;

	r->deadline_ms = now_ms() + g->o.request_timeout_ms;
	pthread_mutex_lock(&g->lock);
	if (g->closed) {
		e = GNATTER_EINVAL;
	} else if (!r->internal && g->request_count >= g->o.requests_max) {
		e = GNATTER_ELIMIT;
	} else {
		*number = r->number = ++g->last_number;
		g->request_count += !r->internal;
		while (*at)
			at = &(*at)->next;
		*at = r;
		g->wishes |= WISH_LOOK;
		pthread_cond_broadcast(&g->woken);
	}
	pthread_mutex_unlock(&g->lock);
	return e;
}

uint64_t request_own(struct gnatter *g, const char *method, const char *payload,
	gnatter_answer_fn *fn, void *ctx)
{
	struct request *r = create(method, payload, fn, ctx);
	uint64_t number = 0;

	if (!r)
		return 0;
	r->internal = true;
	if (append(g, r, &number) != GNATTER_OK)
		request_free(r);
	return number;
}

enum gnatter_error request_app(struct gnatter *g, const char *method, struct buf *payload,
	gnatter_answer_fn *fn, void *ctx)
{
	struct request *r = NULL;
	enum gnatter_error e;
	uint64_t number;

	if (payload->len > PAYLOAD_MAX) {
		buf_free(payload);
		return GNATTER_EINVAL;
	}
	buf_u8(payload, 0);
	if (!payload->failed)
		r = create(method, payload->data, fn, ctx);
	if (payload->data)
		explicit_bzero(payload->data, payload->len);
	buf_free(payload);
	if (!r)
		return GNATTER_ENOMEM;
	e = append(g, r, &number);
	if (e != GNATTER_OK)
		request_free(r);
	return e;
}

/* --- answering
 * ------------------------------------------------------------------------------------ */

static void finish(struct gnatter *g, struct request *r, const struct gnatter_answer *a)
{
	if (r->fn)
		r->fn(r->ctx, g, a);
	request_free(r);
}

static void finish_with(struct gnatter *g, struct request *r, const char *code, const char *message)
{
	finish(g, r, &(struct gnatter_answer){code, message, "{}"});
}

static void finish_all(
	struct gnatter *g, struct request *list, const char *code, const char *message)
{
	while (list) {
		struct request *r = list;

		list = r->next;
		finish_with(g, r, code, message);
	}
}

/* Take those out that `wanted` says; in their order. */
typedef bool wanted_fn(const struct request *r, const void *arg);

static struct request *take_out(struct gnatter *g, wanted_fn *wanted, const void *arg)
{
	struct request **at = &g->requests, *list = NULL, **end = &list;

	pthread_mutex_lock(&g->lock);
	while (*at) {
		struct request *r = *at;

		if (!wanted(r, arg)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->next = NULL;
		*end = r;
		end = &r->next;
		g->request_count -= !r->internal;
	}
	pthread_mutex_unlock(&g->lock);
	return list;
}

static bool has_number(const struct request *r, const void *arg)
{
	return r->number == *(const uint64_t *)arg;
}

static void finish_json(struct gnatter *g, struct request *r, const char *json, size_t len)
{
	static const char ok[] = "{\"ok\":true";
	cJSON *root;
	const cJSON *error;

	if (len >= sizeof(ok) - 1 && memcmp(json, ok, sizeof(ok) - 1) == 0) {
		finish(g, r, &(struct gnatter_answer){"", "", json});
		return;
	}
	root = cJSON_ParseWithLength(json, len);
	error = cJSON_GetObjectItemCaseSensitive(root, "error");
	if (member_true(root, "ok"))
		finish(g, r, &(struct gnatter_answer){"", "", json});
	else if (*member_string(error, "code"))
		finish(g, r,
			&(struct gnatter_answer){member_string(error, "code"),
				member_string(error, "message"), json});
	else
		finish_with(g, r, "internal", "the server's answer was none");
	cJSON_Delete(root);
}

void request_answer(struct gnatter *g, uint64_t number, struct bytes payload)
{
	struct request *r = take_out(g, has_number, &number);
	char *json = r ? malloc(payload.len + 1) : NULL;

	if (!r)
		return; /* of an earlier connection, or too late */
	if (!json) {
		finish_with(g, r, "no_memory", "out of memory");
		return;
	}
	memcpy(json, payload.data, payload.len);
	json[payload.len] = 0;
	finish_json(g, r, json, payload.len);
	free(json);
}

/* --- the client's thread
 * -------------------------------------------------------------------------- */

static bool is_late(const struct request *r, const void *arg)
{
	return r->deadline_ms <= *(const int64_t *)arg;
}

static bool is_lost(const struct request *r, const void *arg)
{
	(void)arg;
	return r->internal;
}

static bool is_any(const struct request *r, const void *arg)
{
	(void)r;
	(void)arg;
	return true;
}

static void publish(struct gnatter *g, struct request *r)
{
	char topic[sizeof("api/") + NAME_METHOD_MAX], correlation[32];

	snprintf(topic, sizeof(topic), "api/%s", r->method);
	snprintf(correlation, sizeof(correlation), "r%" PRIu64, r->number);
	r->sent = link_publish(g, &(struct net_publish){.topic = topic,
					  .payload = {r->payload, strlen(r->payload)},
					  .qos = 1,
					  .correlation = correlation,
					  .number = r->number});
}

void request_taken(struct gnatter *g, const struct net_event *e)
{
	pthread_mutex_lock(&g->lock);
	for (struct request *r = g->requests; r; r = r->next)
		if (r->number == e->number)
			r->taken = e->kind == NET_TAKEN;
	pthread_mutex_unlock(&g->lock);
}

/* The first that was not sent, if there is room. Only this thread takes requests out, so it stays.
 */
static struct request *next_unsent(struct gnatter *g)
{
	struct request *r;
	size_t sent = 0;

	pthread_mutex_lock(&g->lock);
	for (r = g->requests; r && r->sent; r = r->next)
		sent += !r->parked;
	pthread_mutex_unlock(&g->lock);
	return sent < SENT_MAX ? r : NULL;
}

void request_run(struct gnatter *g, int64_t now)
{
	struct request *r;

	finish_all(g, take_out(g, is_late, &now), "timeout", "no answer came");
	while (g->online && (r = next_unsent(g))) {
		publish(g, r);
		if (!r->sent)
			break;
	}
}

void request_again(struct gnatter *g, uint64_t before)
{
	pthread_mutex_lock(&g->lock);
	for (struct request *r = g->requests; r && r->number < before; r = r->next)
		if (r->sent && r->taken && only_asks(r->method))
			r->sent = r->taken = false;
	pthread_mutex_unlock(&g->lock);
}

int64_t request_due(struct gnatter *g)
{
	int64_t due = NEVER;

	pthread_mutex_lock(&g->lock);
	for (const struct request *r = g->requests; r; r = r->next)
		if (r->deadline_ms < due)
			due = r->deadline_ms;
	pthread_mutex_unlock(&g->lock);
	return due;
}

void request_offline(struct gnatter *g)
{
	pthread_mutex_lock(&g->lock);
	for (struct request *r = g->requests; r; r = r->next)
		if (!r->taken || only_asks(r->method))
			r->sent = false;
		else
			r->parked = true;
	pthread_mutex_unlock(&g->lock);
	finish_all(g, take_out(g, is_lost, NULL), "lost", "the connection was lost");
}

void request_close(struct gnatter *g)
{
	finish_all(g, take_out(g, is_any, NULL), "closed", "the client was disconnected");
}
