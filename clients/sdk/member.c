/* member.c — see member.h. */
#include "clients/sdk/member.h"

#define NUMBER_MAX 9007199254740992.0

const char *member_string(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) ? v->valuestring : "";
}

uint64_t member_number(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble <= NUMBER_MAX
		       ? (uint64_t)v->valuedouble
		       : 0;
}

bool member_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}
