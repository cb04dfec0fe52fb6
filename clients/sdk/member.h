/* member.h — members of a JSON object from the server, with what stands for those that are missing.
 * Pure.
 */
#ifndef GNATTER_SDK_MEMBER_H
#define GNATTER_SDK_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* The string, lent from o; "" if there is none. */
const char *member_string(const cJSON *o, const char *name);

/* A number from 0 up to 2^53; 0 if there is none. */
uint64_t member_number(const cJSON *o, const char *name);

/* Is it true? */
bool member_true(const cJSON *o, const char *name);

#endif
