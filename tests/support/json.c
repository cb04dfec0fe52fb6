/* json.c — see json.h. */
#include "tests/support/json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"

static void undo_json(void *arg, bool failed)
{
	(void)failed;
	cJSON_Delete(arg);
}

struct cJSON *json_of(const char *text, size_t len)
{
	const char *end = NULL;
	cJSON *j = cJSON_ParseWithLengthOpts(text, len, &end, false);

	if (!j)
		case_fail("this is no JSON: %.*s", (int)len, text);
	case_defer(undo_json, j);
	return j;
}

struct cJSON *json_from(const char *text)
{
	return json_of(text, strlen(text));
}

struct cJSON *json_at(const struct cJSON *j, const char *path)
{
	const cJSON *at = j;

	while (at && *path) {
		size_t n = strcspn(path, ".");
		char name[64];

		if (n >= sizeof(name))
			return NULL;
		for (size_t k = 0; k < n; k++)
			name[k] = path[k] == '~' ? '.' : path[k];
		name[n] = '\0';
		at = cJSON_IsArray(at) && isdigit((unsigned char)name[0])
			     ? cJSON_GetArrayItem(at, atoi(name))
			     : cJSON_GetObjectItemCaseSensitive(at, name);
		path += n + (path[n] == '.');
	}
	return (struct cJSON *)(uintptr_t)at;
}

const char *json_str(const struct cJSON *j, const char *path)
{
	return cJSON_GetStringValue(json_at(j, path));
}

int64_t json_num(const struct cJSON *j, const char *path)
{
	const cJSON *v = json_at(j, path);

	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : -1;
}

size_t json_len(const struct cJSON *j, const char *path)
{
	const cJSON *v = json_at(j, path);

	return v ? (size_t)cJSON_GetArraySize(v) : 0;
}

bool json_has(const struct cJSON *j, const char *path)
{
	return json_at(j, path) != NULL;
}

struct cJSON *json_find(const struct cJSON *list, const char *name, const char *text)
{
	cJSON *o;

	cJSON_ArrayForEach(o, list)
	{
		const char *got = json_str(o, name);

		if (got && strcmp(got, text) == 0)
			return o;
	}
	return NULL;
}

void json_expect_str(const struct cJSON *j, const char *path, const char *want)
{
	const char *got = json_str(j, path);

	if (!got || strcmp(got, want) != 0)
		case_fail("%s should be \"%s\" in %s", path, want, json_text(j));
}

void json_expect_num(const struct cJSON *j, const char *path, int64_t want)
{
	if (json_num(j, path) != want)
		case_fail("%s should be %lld in %s", path, (long long)want, json_text(j));
}

static void undo_text(void *arg, bool failed)
{
	(void)failed;
	cJSON_free(arg);
}

char *json_text(const struct cJSON *j)
{
	char *s = cJSON_PrintUnformatted(j);

	if (!s)
		abort();
	case_defer(undo_text, s);
	return s;
}
