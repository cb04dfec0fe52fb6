/* stats.c — the counters, as the daemon tells them. */
#include <stdio.h>
#include <string.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/say.h"
#include "wire/spoolfile.h"

/* What the plugin's counters mean; the daemon's names speak for themselves. */
static const char *help_of(const char *name)
{
	static const struct {
		const char *name, *help;
	} rows[] = {
#define X(counter, text) {"plugin." #counter, text},
		COUNTER_LIST(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].help;
	return "";
}

static void print_table(const cJSON *version, const cJSON *counters)
{
	const cJSON *c;

	if (cJSON_IsString(version)) {
		print_clean(stdout, "daemon.version", 29);
		printf(" %9s", "");
		print_clean(stdout, version->valuestring, 0);
		putchar('\n');
	}
	cJSON_ArrayForEach(c, counters)
	{
		print_clean(stdout, c->string, 29);
		printf(" %15.0f", c->valuedouble);
		if (*help_of(c->string))
			printf("  %s", help_of(c->string));
		putchar('\n');
	}
}

int command_stats(const struct args *a)
{
	struct instance in;
	struct api *api = NULL;
	cJSON *answer = NULL, *counters;
	const char *error;
	int code = 1;

	if (instance_open(&in, a->dir) && api_open(&api, &in))
		answer = api_call(api, "stats", "{}", 2);
	if (answer) {
		error = api_error(answer);
		counters = cJSON_GetObjectItemCaseSensitive(answer, "counters");
		if (!error && !cJSON_IsObject(counters))
			error = "the daemon's answer is not what it should be";
		code = error ? fail("stats: %s", error) : 0;
		if (!error && args_has(a, "json")) {
			char *text = need(cJSON_PrintUnformatted(counters));

			puts(text);
			cJSON_free(text);
		} else if (!error) {
			print_table(cJSON_GetObjectItemCaseSensitive(answer, "version"), counters);
		}
	}
	cJSON_Delete(answer);
	api_close(api);
	return code;
}
