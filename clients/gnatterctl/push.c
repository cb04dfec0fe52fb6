/* push.c — pushes: try one for real, and see what waits. Both ask the running daemon. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/listing.h"
#include "clients/gnatterctl/say.h"

static const char *text_of(const cJSON *entry, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, name));

	return text ? text : "";
}

/* True if the provider has taken it. */
static bool print_tried(const cJSON *entry, bool json)
{
	if (json) {
		char *text = need(cJSON_PrintUnformatted(entry));

		puts(text);
		cJSON_free(text);
	} else {
		listing_cell(entry, "kind", 8);
		listing_cell(entry, "result", 10);
		listing_cell(entry, "reason", 0);
		putchar('\n');
	}
	return strcmp(text_of(entry, "result"), "delivered") == 0;
}

int command_push_test(const struct args *a)
{
	struct buf params = {0};
	struct api *api = NULL;
	cJSON *answer = NULL;
	const cJSON *tried, *entry;
	const char *error;
	struct instance in;
	int code = 1;

	buf_str(&params, "{");
	if (!put_member(&params, "user", a->operand[0]))
		goto done;
	buf_str(&params, "}");
	if (instance_open(&in, a->dir) && api_open(&api, &in))
		answer = api_call(api, "push.test", params.data, params.len);
	if (!answer)
		goto done;
	tried = cJSON_GetObjectItemCaseSensitive(answer, "tried");
	error = api_error(answer);
	if (!error && !cJSON_IsArray(tried))
		error = "the daemon's answer is not what it should be";
	if (error) {
		fail("push test: %s", error);
		goto done;
	}
	code = 0;
	cJSON_ArrayForEach(entry, tried)
	{
		if (!print_tried(entry, args_has(a, "json")))
			code = 1;
	}
done:
	cJSON_Delete(answer);
	api_close(api);
	buf_free(&params);
	return code;
}

/* Seconds from now: what waits is looked at by people. */
static void print_in(const cJSON *entry, const char *name)
{
	const cJSON *ms = cJSON_GetObjectItemCaseSensitive(entry, name);
	double s = cJSON_IsNumber(ms) ? ms->valuedouble / 1000 - (double)time(NULL) : 0;

	printf("%8.0f ", s);
}

static void print_waiting(const cJSON *entry)
{
	listing_cell(entry, "user", 16);
	listing_cell(entry, "device", 12);
	listing_cell(entry, "chat", 20);
	listing_cell(entry, "kind", 8);
	listing_cell(entry, "state", 7);
	listing_cell(entry, "attempts", 5);
	print_in(entry, "since");
	print_in(entry, "due");
	listing_cell(entry, "why", 0);
	putchar('\n');
}

int command_push_queue(const struct args *a)
{
	static const struct listing queue = {.method = "push.queue",
		.member = "pushes",
		.key = "key",
		.head = "user             device       chat                 kind     state   "
			"tries    since      due why",
		.print = print_waiting};

	return listing_run(a, &queue);
}
