/* api.c — requests in flight and their answers; the transports carry them. */
#include "clients/gnatterctl/api.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatterctl/api_transport.h"
#include "clients/gnatterctl/say.h"
#include "wire/json.h"
#include "wire/utf8.h"

struct api {
	const struct api_transport *transport;
	void *state;
	uint32_t asked, answered;              /* numbers of the last ones; 0 at first */
	struct bytes slots[API_IN_FLIGHT_MAX]; /* answers that came, owned, by number modulo */
};

static enum api_opened start(
	struct api **out, const struct instance *in, const struct api_transport *t)
{
	struct api *a = need(calloc(1, sizeof(*a)));
	enum api_opened opened;

	signal(SIGPIPE, SIG_IGN); /* a daemon that ends is an error to be told, not our end */
	a->transport = t;
	opened = t->open(&a->state, a, in);
	if (opened != API_OPENED) {
		free(a);
		a = NULL;
	}
	*out = a;
	return opened;
}

bool api_open(struct api **out, const struct instance *in)
{
	enum api_opened opened;

	do
		opened = start(out, in, instance_daemon_runs(in) ? &api_mqtt : &api_apply);
	while (opened == API_GONE);
	return opened == API_OPENED;
}

void api_close(struct api *a)
{
	if (!a)
		return;
	a->transport->close(a->state);
	for (size_t i = 0; i < API_IN_FLIGHT_MAX; i++)
		free((char *)a->slots[i].data);
	free(a);
}

void api_arrived(struct api *a, uint32_t number, const char *text, size_t len)
{
	struct bytes *slot = &a->slots[number % API_IN_FLIGHT_MAX];
	char *copy;

	if (number - a->answered - 1 >= a->asked - a->answered || slot->data)
		return;
	copy = need(malloc(len + 1));
	memcpy(copy, text, len);
	*slot = (struct bytes){copy, len};
}

bool api_ask(struct api *a, const char *method, const char *params, size_t len)
{
	assert(a->asked - a->answered < API_IN_FLIGHT_MAX);
	a->asked++;
	return a->transport->ask(a->state, a->asked, method, params, len);
}

cJSON *api_answer(struct api *a)
{
	struct bytes *slot = &a->slots[(a->answered + 1) % API_IN_FLIGHT_MAX];
	cJSON *answer;

	assert(a->asked != a->answered);
	while (!slot->data)
		if (!a->transport->wait(a->state))
			return NULL;
	answer = cJSON_ParseWithLength(slot->data, slot->len);
	free((char *)slot->data);
	*slot = (struct bytes){0};
	a->answered++;
	if (!cJSON_IsObject(answer)) {
		fail("the daemon's answer is no JSON object");
		cJSON_Delete(answer);
		return NULL;
	}
	return answer;
}

cJSON *api_call(struct api *a, const char *method, const char *params, size_t len)
{
	return api_ask(a, method, params, len) ? api_answer(a) : NULL;
}

const char *api_error(const cJSON *answer)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(error, "message");

	if (!error)
		return NULL;
	return cJSON_IsString(message) ? message->valuestring
				       : "the daemon refused, without a reason";
}

bool put_member(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return true;
	if (!utf8_ok(value, strlen(value), NULL)) {
		fail("'%s' is not UTF-8", name);
		return false;
	}
	buf_printf(b, "%s\"%s\":", b->len == 1 ? "" : ",", name);
	json_put_string(b, value, strlen(value));
	return true;
}

int api_do(const struct args *args, const char *method, struct buf *params, const char *what)
{
	struct instance in;
	struct api *a = NULL;
	cJSON *answer = NULL;
	const char *error;
	int code = 1;

	if (params->failed)
		need(NULL);
	if (instance_open(&in, args->dir) && api_open(&a, &in))
		answer = api_call(a, method, params->data, params->len);
	if (answer) {
		error = api_error(answer);
		code = error ? fail("%s %s: %s", args->command->words, what, error) : 0;
	}
	cJSON_Delete(answer);
	api_close(a);
	buf_free(params);
	return code;
}
