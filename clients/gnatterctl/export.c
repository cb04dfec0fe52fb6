/* export.c — accounts and chats as JSON lines, each as the daemon gives it, in the order that
 * import needs. */
#include <stdio.h>
#include <string.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/say.h"
#include "wire/json.h"

/* Print the lines of one answer; false if it is not what it should be, or cannot be printed. */
static bool print_lines(const cJSON *answer)
{
	const cJSON *lines = cJSON_GetObjectItemCaseSensitive(answer, "lines"), *line;

	if (!cJSON_IsArray(lines)) {
		fail("export: the daemon's answer is not what it should be");
		return false;
	}
	cJSON_ArrayForEach(line, lines)
	{
		char *text = need(cJSON_PrintUnformatted(line));
		bool ok = puts(text) >= 0;

		cJSON_free(text);
		if (!ok) {
			fail("cannot write to standard output");
			return false;
		}
	}
	return true;
}

/* The parameters that ask for what comes after this answer; false if it was the last one. */
static bool next_page(const cJSON *answer, struct buf *params)
{
	const cJSON *after = cJSON_GetObjectItemCaseSensitive(answer, "after");

	if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "more")) ||
		!cJSON_IsString(after))
		return false;
	buf_reset(params);
	buf_str(params, "{\"after\":");
	json_put_string(params, after->valuestring, strlen(after->valuestring));
	buf_str(params, "}");
	return !params->failed;
}

int command_export(const struct args *a)
{
	struct buf params = {0};
	struct api *api = NULL;
	struct instance in;
	bool more = true;
	int code = 1;

	if (!instance_open(&in, a->dir) || !api_open(&api, &in))
		return 1;
	buf_str(&params, "{}");
	while (more) {
		cJSON *answer = api_call(api, "export", params.data, params.len);
		const char *error = answer ? api_error(answer) : NULL;
		bool ok = answer && !error;

		if (error)
			fail("export: %s", error);
		ok = ok && print_lines(answer);
		more = ok && next_page(answer, &params);
		cJSON_Delete(answer);
		if (!ok)
			goto done;
	}
	code = 0;
done:
	api_close(api);
	buf_free(&params);
	return code;
}
