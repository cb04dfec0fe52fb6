/* reply.h — an answer as it comes in, line by line and piece by piece, and no more of it than is
 * wanted. Pure but for the date that it is given. What stands in it was written by strangers.
 */
#ifndef GNATTER_BRIDGE_PUSH_REPLY_H
#define GNATTER_BRIDGE_PUSH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

#define REPLY_HEAD_MAX 65536 /* bytes of headers, informational ones included, that are read */

struct reply {
	struct buf headers; /* lines "name: value\n" */
	struct buf body;
	size_t head_bytes; /* read, kept or not */
	bool head_too_long;
	bool head_ended; /* by the empty line, since the last status line */
	bool cut;        /* the body is longer than what was kept */
};

/* {0} is empty. reset keeps the memory. */
void reply_reset(struct reply *r);
void reply_free(struct reply *r);

/* One header line as it came, with its line end; a status line begins a new set. Lines that are no
 * headers, or beyond HTTP_HEADERS_MAX, are left out. False: stop reading. */
bool reply_header(struct reply *r, const char *line, size_t len);

/* A piece of the body. False: stop reading, there is more than is kept, or no memory. */
bool reply_body(struct reply *r, const char *data, size_t len);

/* Is everything here that its Content-Length promises? False if it has none. */
bool reply_whole(const struct reply *r);

/* The value of a header in lines as above; data is NULL if there is none. */
struct bytes reply_find(struct bytes headers, const char *name);

/* As http.h says of Retry-After and Date; now_ms since 1970, for a date without one beside it. */
int64_t reply_retry_after_ms(struct bytes headers, int64_t now_ms);
int64_t reply_date_ms(struct bytes headers);

#endif
