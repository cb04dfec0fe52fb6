/* api.h — what the engine's methods and the bridge's reads share about requests. */
#ifndef GNATTER_ENGINE_API_H
#define GNATTER_ENGINE_API_H

#include "wire/json.h"
#include "wire/record.h"

#define API_RE_MAX 256 /* bytes of a request's "re" that are copied into the answer */

/* Parse the payload of an API request; an empty one counts as {}. *re is its "re" as written, or
 * empty. On ERR_OK end with json_finish. */
enum err api_request_parse(struct json_object *o, const struct record *r, struct bytes *re);

/* The i-th method's name; NULL after the last. */
const char *api_method_name(size_t i);

#endif
