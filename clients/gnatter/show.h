/* show.h — messages and times, as lines for people or as JSON. */
#ifndef GNATTER_SHOW_H
#define GNATTER_SHOW_H

#include <stdbool.h>

#include "clients/sdk/gnatter.h"
#include "wire/buf.h"

struct cJSON;

/* One message on stdout: for people, who see what became of edits and deletes and therefore not
 * those themselves, or as one JSON object a line. */
void show_message(const struct gnatter_message *m, bool json);

/* "2026-11-22 11:40", in the zone of this machine; "" for 0. Lent until the next call. */
const char *show_time(int64_t ms);

/* Members of a JSON object: strings are escaped, so that no control character is left. `first`
 * begins the object. */
void show_string(struct buf *b, const char *name, const char *value);
void show_number(struct buf *b, const char *name, uint64_t value);
void show_bool(struct buf *b, const char *name, bool value);

/* "{", then "," before each further member; end the object and print it as a line. */
void show_begin(struct buf *b);
void show_end(struct buf *b);

/* Print text padded with blanks to `width` characters at least. */
void show_padded(const char *text, size_t width);

#endif
