/* typing.h — who types where. Pure: times are ms of any clock that does not go back. */
#ifndef GNATTER_UI_TYPING_H
#define GNATTER_UI_TYPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

#define TYPING_MAX    64   /* of more, the oldest are forgotten */
#define TYPING_FOR_MS 6000 /* it is said again every few seconds */

struct typing_one {
	char chat[130], user[65];
	int64_t until_ms;
};

struct typing {
	struct typing_one all[TYPING_MAX];
	size_t n;
};

void typing_note(struct typing *t, const char *chat, const char *user, int64_t now_ms);

/* They have sent it: they type no more. */
void typing_done(struct typing *t, const char *chat, const char *user);

/* Append "bob is typing…", "bob and carol are typing…", "bob and 3 others are typing…". Names are
 * not yet safe. False, and nothing, if nobody is. */
bool typing_say(const struct typing *t, const char *chat, int64_t now_ms, struct buf *out);

/* When the next one ends; INT64_MAX: nobody types. Forgets those that have. */
int64_t typing_next(struct typing *t, int64_t now_ms);

#endif
