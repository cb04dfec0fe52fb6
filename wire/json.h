/* json.h — JSON from strangers, read strictly and kept byte for byte; JSON of our own, written.
 *
 * cJSON parses. What it lets pass is refused here: invalid UTF-8, NUL (raw or as \u0000), members
 * that stand twice in the object, more than JSON_DEPTH_MAX levels. Beside the parsed value each
 * member of the top object keeps the bytes it was written with (`raw`), so that a body with numbers
 * beyond a double, or spaces of its own, goes on as it came.
 */
#ifndef GNATTER_WIRE_JSON_H
#define GNATTER_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

#define JSON_DEPTH_MAX   32
#define JSON_MEMBERS_MAX 64

struct cJSON;

struct json_member {
	const struct cJSON *value; /* ->string is its name */
	struct bytes raw;          /* the value as written, without surrounding space */
};

struct json_object {
	struct cJSON *root; /* owned */
	struct json_member members[JSON_MEMBERS_MAX];
	size_t count;
};

/* Parse one JSON object that fills data (surrounding space is fine). data is lent and must outlive
 * *o. Fails with ERR_BAD_UTF8, ERR_BAD_JSON (not an object, malformed, duplicate member, too deep),
 * ERR_LIMIT (too many members) or ERR_NOMEM; then *o needs no finish. */
enum err json_parse(struct json_object *o, const char *data, size_t len);
void json_finish(struct json_object *o);

/* The member of that name; NULL if there is none. */
const struct json_member *json_get(const struct json_object *o, const char *name);

/* Typed access. Each returns ERR_OK when the member is absent and leaves *out as it was, and
 * ERR_BAD_REQUEST when it is of another type or outside min..max. A JSON null counts as absent.
 * Strings: min and max are bytes; the string is lent from *o. Integers are exact up to 2^53. */
enum err json_string(
	const struct json_object *o, const char *name, size_t min, size_t max, struct bytes *out);
enum err json_int(
	const struct json_object *o, const char *name, int64_t min, int64_t max, int64_t *out);
enum err json_bool(const struct json_object *o, const char *name, bool *out);

/* The member as a double. False if it is no number. */
bool json_number(const struct json_member *m, double *out);

/* Append s as a JSON string, quotes and escapes included. s must be valid UTF-8. */
void json_put_string(struct buf *b, const char *s, size_t len);

/* Walk an object this server wrote (no space in it) without parsing it: *at starts at its brace.
 * *name is without quotes, *value as written. False at the end, or at the first member whose value
 * is neither a number nor a string. */
bool json_peek_next(const char **at, const char *end, struct bytes *name, struct bytes *value);

/* Find the number behind "name": in an object this server wrote (members in a known order, no
 * space around ':'), without parsing it. Only looks at the top level before the first member whose
 * value is not a number or a string. 0 if absent. */
uint64_t json_peek_u64(const char *data, size_t len, const char *name);

#endif
