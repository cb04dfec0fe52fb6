/* prefs.h — what a user wants of pushes: read from a request, written into an answer, and what
 * quiet hours mean for a moment.
 *
 *   {"quiet":{"from":"22:00","to":"07:00","utc_offset":120},"mentions":true,"preview":true}
 *
 * Pure. Quiet hours are those of a clock that is so many minutes before UTC, summer and winter: a
 * client that moves to another offset says so.
 */
#ifndef GNATTER_PUSH_PREFS_H
#define GNATTER_PUSH_PREFS_H

#include "persist/values.h"
#include "wire/json.h"

/* What the request has takes the place of what *p has; "quiet":null: no quiet hours. ERR_OK;
 * ERR_BAD_REQUEST with *why a static sentence; ERR_NOMEM. */
enum err push_prefs_read(const struct json_object *request, struct push_prefs *p, const char **why);

/* ,"quiet":{...} or null, ,"mentions":..,"preview":.. */
void push_prefs_write(struct buf *b, const struct push_prefs *p);

/* When the quiet hours end that it is in at now_ms; 0 if it is in none. ms since 1970. */
uint64_t push_prefs_quiet_until(const struct push_prefs *p, uint64_t now_ms);

#endif
