/* message.h — a message as the server sends it, read; a message for the server, written.
 *
 * Pure. Strings of a struct message end in NUL and are owned by it, in one block.
 */
#ifndef GNATTER_SDK_MESSAGE_H
#define GNATTER_SDK_MESSAGE_H

#include "clients/sdk/gnatter.h"
#include "wire/buf.h"

struct message {
	const char *chat, *from, *device, *id, *type;
	const char *text, *media, *body; /* NULL: none. media and body: as written */
	uint64_t seq, n, ref, edited, deleted;
	int64_t ts_ms;
	void *block; /* owned */
};

/* Read a message as it comes on chat/<c>/msg or stands in a page of history. Everything is checked
 * (names, types, ranges: 0 < seq <= 2^53). EINVAL if it is none; ENOMEM. */
enum gnatter_error message_parse(struct message *out, const char *json, size_t len);
void message_finish(struct message *m);

/* Does a person count messages of that type? Not edit, delete, reaction, system, deleted. */
bool message_counts(const char *type);

/* The JSON for chat/<c>/send. EINVAL: id, type, text, media or body malformed (docs/protocol.md,
 * Sending), or more than 1 MB. */
enum gnatter_error message_compose(struct buf *out, const struct gnatter_draft *d);

#endif
