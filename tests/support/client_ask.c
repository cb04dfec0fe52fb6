/* client_ask.c — sends that are answered, requests, barriers. */
#include "tests/support/client_internal.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/json.h"

struct cJSON *client_send_answered(struct client *c, const char *chat, const char *payload)
{
	char *id = case_printf("c%u", ++c->requests);
	struct publish p = {.topic = case_printf("chat/%s/send", chat),
		.payload = payload,
		.qos = 1,
		.response = case_printf("answers/%s", id),
		.correlation = id};
	struct message *m;
	int code = client_publish(c, &p);

	if (code != 0 && code != 0x10)
		case_fail("%s: sending to %s is refused with %d", c->name, chat, code);
	m = client_take(c, p.response, NULL);
	assert_non_null(m->correlation);
	assert_string_equal(m->correlation, id);
	return json_of(m->payload, m->len);
}

static struct message *call_5(
	struct client *c, const char *method, const char *params, const char *id)
{
	struct publish p = {.topic = case_printf("api/%s", method),
		.payload = params,
		.qos = 1,
		.response = case_printf("answers/%s", id),
		.correlation = id};
	struct message *m;
	int code = client_publish(c, &p);

	if (code != 0 && code != 0x10)
		case_fail("%s: api/%s is refused with %d", c->name, method, code);
	m = client_take(c, p.response, NULL);
	assert_non_null(m->correlation);
	assert_string_equal(m->correlation, id);
	return m;
}

static struct message *call_3(
	struct client *c, const char *method, const char *params, const char *id)
{
	const char *rest = strchr(params, '{') + 1;
	bool empty = rest[strspn(rest, " ")] == '}';
	struct publish p = {.topic = case_printf("api/%s", method),
		.payload = case_printf("{\"re\":\"%s\"%s%s", id, empty ? "" : ",", rest),
		.qos = 1};

	if (client_publish(c, &p) != 0)
		case_fail("%s: the connection ended at api/%s", c->name, method);
	return client_take(c, case_printf("reply/%s", method), case_printf("\"re\":\"%s\"", id));
}

struct cJSON *client_call(struct client *c, const char *method, const char *params)
{
	char *id = case_printf("q%u", ++c->requests);
	struct message *m =
		c->version == 5 ? call_5(c, method, params, id) : call_3(c, method, params, id);

	return json_of(m->payload, m->len);
}

struct cJSON *client_request(struct client *c, const char *method, const char *params)
{
	struct cJSON *a = client_call(c, method, params);

	if (!cJSON_IsTrue(cJSON_GetObjectItem(a, "ok")))
		case_fail("%s: api/%s %s is answered %s", c->name, method, params, json_text(a));
	return a;
}

struct cJSON *client_requestf(struct client *c, const char *method, const char *fmt, ...)
{
	va_list args;
	char *params;

	va_start(args, fmt);
	params = case_vprintf(fmt, args);
	va_end(args);
	return client_request(c, method, params);
}

void client_refused(struct client *c, const char *method, const char *params, const char *code)
{
	struct cJSON *a = client_call(c, method, params);
	const char *got = json_str(a, "error.code");

	if (!got || strcmp(got, code) != 0)
		case_fail("%s: api/%s %s should be refused with %s, is answered %s", c->name,
			method, params, code, json_text(a));
	assert_true(json_str(a, "error.message") && *json_str(a, "error.message"));
}

void client_barrier(struct client *c)
{
	client_call(c, "me", "{}");
}

bool client_try_barrier(struct client *c)
{
	char *id = case_printf("q%u", ++c->requests);
	bool five = c->version == 5;
	struct publish p = {.topic = "api/me",
		.payload = case_printf("{\"re\":\"%s\"}", id),
		.qos = 1,
		.response = five ? "answers/barrier" : NULL};
	const char *topic = five ? "answers/barrier" : "reply/me",
		   *text = case_printf("\"re\":\"%s\"", id);
	struct timespec until = client_deadline();
	struct message *m = NULL;
	bool in_time = true;

	if (client_publish(c, &p) < 0)
		return false;
	pthread_mutex_lock(&c->lock);
	while (!(m = client_untaken(c, topic, text)) && !c->closed && in_time)
		in_time = client_await(c, &until);
	pthread_mutex_unlock(&c->lock);
	if (!in_time)
		case_fail("%s: is connected, but does not get the answer to api/me", c->name);
	return m != NULL;
}
