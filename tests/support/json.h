/* json.h — looking into answers. Everything lives until the test is over. */
#ifndef GNATTER_TESTS_JSON_H
#define GNATTER_TESTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

/* Parse; fails the test if it is no JSON. */
struct cJSON *json_of(const char *text, size_t len);
struct cJSON *json_from(const char *text);

/* Follow a path: names set apart by dots, numbers for places in a list: "messages.0.seq"; a ~
 * stands for a dot within a name. NULL if it leads nowhere. */
struct cJSON *json_at(const struct cJSON *j, const char *path);

/* The text at a path, NULL if there is none; the number, -1 if there is none. */
const char *json_str(const struct cJSON *j, const char *path);
int64_t json_num(const struct cJSON *j, const char *path);
size_t json_len(const struct cJSON *j, const char *path);
bool json_has(const struct cJSON *j, const char *path);

/* The object in a list whose member `name` is this text; NULL if there is none. */
struct cJSON *json_find(const struct cJSON *list, const char *name, const char *text);

/* Fail the test unless the value at the path is this. */
void json_expect_str(const struct cJSON *j, const char *path, const char *want);
void json_expect_num(const struct cJSON *j, const char *path, int64_t want);

/* As text, for messages. */
char *json_text(const struct cJSON *j);

#endif
