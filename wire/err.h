/* err.h — every way a request, a message or a call can fail.
 *
 * One closed list. The code is what clients see in {"error":{"code","message"}} on a Response
 * Topic, on reply/<method> and on user/<u>/errors; docs/protocol.md prints the same table and a
 * test holds the two against each other.
 */
#ifndef GNATTER_WIRE_ERR_H
#define GNATTER_WIRE_ERR_H

/* Name, code on the wire, HTTP status, default text. Append only. */
// clang-format off
#define ERR_LIST(X) \
	X(OK,           "ok",             200, "success") \
	X(BAD_JSON,     "bad_json",       400, "the payload is not one well-formed JSON object") \
	X(BAD_UTF8,     "bad_utf8",       400, "the payload is not valid UTF-8, or holds a NUL") \
	X(BAD_REQUEST,  "bad_request",    400, "a member is missing, of the wrong type or out of range") \
	X(BAD_NAME,     "bad_name",       400, "not a valid user, device or chat name") \
	X(UNKNOWN_METHOD,"unknown_method",404, "there is no such method") \
	X(UNAUTHORIZED, "unauthorized",   401, "the credentials are missing, wrong or expired") \
	X(FORBIDDEN,    "forbidden",      403, "not allowed, or there is no such thing for this user") \
	X(NOT_FOUND,    "not_found",      404, "no such user, chat, member or message") \
	X(EXISTS,       "exists",         409, "it exists already") \
	X(CONFLICT,     "conflict",       409, "the present state does not allow it") \
	X(TOO_LARGE,    "too_large",      413, "larger than the configured limit") \
	X(LIMIT,        "limit",          422, "a configured limit is reached") \
	X(RATE_LIMITED, "rate_limited",   429, "too many messages in too short a time") \
	X(BUSY,         "busy",           503, "the server cannot take more now; try again") \
	X(FULL,         "full",           507, "the server's storage is full") \
	X(INTERNAL,     "internal",       500, "the server failed") \
	X(NOMEM,        "no_memory",      500, "out of memory") \
	X(IO,           "io",             500, "storage or network failure") \
	X(CORRUPT,      "corrupt",        500, "stored data is damaged or of a foreign kind")
// clang-format on

#define X(name, code, status, text) ERR_##name,
enum err { ERR_LIST(X) ERR_COUNT };
#undef X

/* Code on the wire, HTTP status, default text of e. Static; never NULL. Any thread. */
const char *err_code(enum err e);
int err_status(enum err e);
const char *err_text(enum err e);

#endif
