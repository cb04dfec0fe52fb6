/* listing.c */
#include "clients/gnatterctl/listing.h"

#include <stdio.h>
#include <string.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/say.h"
#include "wire/json.h"

void listing_cell(const cJSON *entry, const char *name, size_t width)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(entry, name);
	char number[32] = "";

	if (cJSON_IsNumber(value))
		snprintf(number, sizeof(number), "%.0f", value->valuedouble);
	print_clean(stdout, cJSON_IsString(value) ? value->valuestring : number, width);
	if (width > 0)
		putchar(' ');
}

/* Print one page. False if the answer is not what it should be. *after gets the last entry's key.
 */
static bool print_page(const struct listing *l, const cJSON *answer, bool json, struct buf *after)
{
	const cJSON *entries = cJSON_GetObjectItemCaseSensitive(answer, l->member), *entry;

	if (!cJSON_IsArray(entries))
		return false;
	cJSON_ArrayForEach(entry, entries)
	{
		const cJSON *key = cJSON_GetObjectItemCaseSensitive(entry, l->key);

		if (!cJSON_IsString(key))
			return false;
		if (json) {
			char *text = need(cJSON_PrintUnformatted(entry));

			puts(text);
			cJSON_free(text);
		} else {
			l->print(entry);
		}
		if (!entry->next) {
			buf_reset(after);
			json_put_string(after, key->valuestring, strlen(key->valuestring));
			buf_u8(after, 0);
		}
	}
	return true;
}

int listing_run(const struct args *a, const struct listing *l)
{
	bool json = args_has(a, "json"), more = true;
	struct buf after = {0}, params = {0};
	struct api *api = NULL;
	struct instance in;
	int code = 1;

	if (!instance_open(&in, a->dir) || !api_open(&api, &in))
		return 1;
	while (more) {
		const char *error = NULL;
		cJSON *answer;

		buf_reset(&params);
		if (after.len > 0)
			buf_printf(&params, "{\"after\":%s}", after.data);
		else
			buf_str(&params, "{}");
		answer = api_call(api, l->method, params.data, params.len);
		if (!answer)
			goto done;
		more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "more"));
		error = api_error(answer);
		if (!error && after.len == 0 && !json)
			puts(l->head);
		if (!error && !print_page(l, answer, json, &after))
			error = "the daemon's answer is not what it should be";
		if (error)
			fail("%s: %s", a->command->words, error);
		cJSON_Delete(answer);
		if (error)
			goto done;
		more = more && after.len > 0;
	}
	code = 0;
done:
	api_close(api);
	buf_free(&after);
	buf_free(&params);
	return code;
}
