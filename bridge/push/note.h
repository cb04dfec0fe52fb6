/* note.h — what a push says: the same for every kind. */
#ifndef GNATTER_BRIDGE_PUSH_NOTE_H
#define GNATTER_BRIDGE_PUSH_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"

#define PUSH_TEXT_MAX     512 /* bytes of a note's text */
#define PUSH_COLLAPSE_MAX 32

/* One push for one device. Everything is lent; strings are UTF-8. */
struct push_note {
	struct bytes user, device; /* whom it goes to */
	bool preview;              /* false: chat, from, title, text and type must not be told */
	struct bytes chat;
	struct bytes collapse; /* opaque and the same for (user, chat): what a newer push replaces.
				* 1 to PUSH_COLLAPSE_MAX characters of base64url */
	struct bytes from;     /* user name of the author; empty if no message was found to tell */
	struct bytes title;    /* of the chat; may be empty */
	struct bytes text;     /* at most PUSH_TEXT_MAX; may be empty */
	struct bytes type;     /* of the message: text, image, …; empty like from */
	uint64_t seq, n;       /* of the newest message */
	uint64_t ts_ms;        /* of the newest message, since 1970 */
	uint64_t count;        /* messages that this push stands for */
	uint64_t unread;       /* in this chat */
	uint64_t badge;        /* unread over all chats */
	bool mention;          /* the user is mentioned */
	bool urgent;           /* wake the device */
	int64_t expires_ms;    /* since 1970: from then on it is worth nothing */
};

#endif
