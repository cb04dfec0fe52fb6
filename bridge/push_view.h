/* push_view.h — what a push says, found at the moment when it is sent: the newest text, what is
 * unread now, and whether it is needed still.
 *
 * A look costs a bounded walk over messages. Where that does not reach one that counts (of which
 * thousands were deleted, say), the push has a title and numbers, but no message; where only a
 * mention may be told, the next look goes on where this one has ended. Neither loses a push.
 *
 * One thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_VIEW_H
#define GNATTER_BRIDGE_PUSH_VIEW_H

#include "bridge/push/kind.h"
#include "bridge/push_look.h"
#include "persist/push_keys.h"

enum push_need {
	PUSH_NEEDED,     /* *out is filled */
	PUSH_NOT_NOW,    /* quiet hours: out->later says until when */
	PUSH_HOLD,       /* the device is connected, but a message came so late that its connection
			  * may have been dead: out->later says until when that is found out */
	PUSH_LOOK_ON,    /* nothing is known yet: no message from out->mention + 1 on up to the
			  * waiting one's `mention` mentions him; look again from there */
	PUSH_NOT_NEEDED, /* it was read, or the device is back, or has no registration any more, …
			  */
};

/* A user's badge is a walk over all his chats, 1.2 us each; his pushes mostly come in a row. */
struct push_badge {
	uint64_t sum, version; /* of the store, when it was counted */
	size_t len;            /* 0: of nobody */
	char user[NAME_USER_MAX];
};

struct push_view {
	struct push_note note;            /* lent from the buffers below, and from whose */
	struct registration registration; /* the same */
	uint64_t chat_n;  /* n up to which it stands for all; not for what came after */
	uint64_t later;   /* ms since 1970 */
	uint64_t mention; /* of PUSH_LOOK_ON: a seq */
	const char *why;  /* of PUSH_NOT_NEEDED: static */
	struct buf data, title, text, from, type;
	char collapse[PUSH_COLLAPSE_MAX + 1];
	struct push_badge badge; /* that was counted last */
};

/* {0} is an empty one, to be used again and again. */
void push_view_free(struct push_view *v);

/* now_ms is the pusher's time, wall_ms the wall clock's (quiet hours), both ms since 1970. ERR_IO,
 * ERR_CORRUPT, ERR_NOMEM. */
enum err push_view_make(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, const struct push_waiting *waiting, uint64_t now_ms,
	uint64_t wall_ms, enum push_need *need);

/* A note that stands for no message, to try a registration with. */
enum err push_view_trial(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, uint64_t now_ms, enum push_need *need);

#endif
