/* answer.h — answers to requests, in the one form they have everywhere:
 * {"ok":true,...} or {"error":{"code","message"}}, with the request's "re" copied.
 */
#ifndef GNATTER_ENGINE_ANSWER_H
#define GNATTER_ENGINE_ANSWER_H

#include "wire/buf.h"
#include "wire/err.h"

/* Start an answer; the caller appends members, each with a comma before it, and "}". */
void answer_begin(struct buf *b, struct bytes re);

/* A whole error answer. why NULL: the code's own text. */
void answer_error(struct buf *b, enum err err, const char *why, struct bytes re);

/* The inside of an error: "code":..,"message":.. */
void answer_error_members(struct buf *b, enum err err, const char *why);

/* ,"name":"value" */
void answer_string(struct buf *b, const char *name, struct bytes value);
/* ,"name":123 */
void answer_u64(struct buf *b, const char *name, uint64_t value);
/* ,"name":true */
void answer_bool(struct buf *b, const char *name, bool value);

#endif
