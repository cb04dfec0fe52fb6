/* view.h — the messages of one chat as they are looked at: a window of the cache, and a place in
 * it.
 *
 * In memory is a stretch of the chat, without gaps. It grows at both ends as somebody scrolls, and
 * shrinks at the far end when it has become too long (VIEW_ITEMS_MAX, VIEW_BYTES_MAX). Behind its
 * newest message, if that is the chat's newest, stands what waits in the outbox.
 *
 * The place is kept as a message and a row of it: the row at the top of the screen, or the end,
 * which is followed. So nothing jumps when earlier messages come in before it, new ones behind it,
 * or when the window gets another width.
 *
 * view_touch() says that something has changed in the cache, whatever it was: messages are read
 * again when they are looked at, and those that changed laid out anew.
 *
 * Where messages come from is told by a struct view_source. One thread.
 */
#ifndef GNATTER_UI_VIEW_H
#define GNATTER_UI_VIEW_H

#include "clients/gnatter/ui/item.h"

#define VIEW_PAGE       100
#define VIEW_ITEMS_MAX  3000
#define VIEW_BYTES_MAX  (32u * 1024 * 1024)
#define VIEW_OUTBOX_MAX 200 /* of what waits, so many are shown */

/* As the functions of gnatter.h of that name, of the chat that is looked at. */
struct view_source {
	void *ctx;
	void (*cached)(void *ctx, uint64_t before, uint32_t limit, gnatter_message_fn *fn, void *f);
	void (*cached_after)(
		void *ctx, uint64_t after, uint32_t limit, gnatter_message_fn *fn, void *f);
	void (*outbox)(void *ctx, gnatter_message_fn *fn, void *f);
	/* Look up what it replies to, and the reactions to it. */
	void (*fill)(void *ctx, struct item *i);
};

struct view_line {
	const struct item *item;
	const struct rows *rows; /* of which it is row `row` */
	size_t row;
};

struct view {
	struct view_source source;
	struct item **items;
	size_t n, cap;
	size_t waiting;       /* the last so many are of the outbox */
	uint64_t first, last; /* seq of what is in memory, with what is not drawn; 0: nothing */
	uint64_t last_n;      /* the n of the last */
	bool at_first;        /* nothing is before it */
	bool at_last;         /* nothing is behind it */
	bool lacks;           /* what is before it is not in the cache */
	bool gap;             /* nor is what is behind it, though there is more in the cache */
	size_t bytes;

	bool follow;           /* stays at the end */
	uint64_t top;          /* else: the message at the top of the screen, ... */
	long top_row;          /* ... and its row there; below 0 are those of its head */
	uint64_t unread_after; /* a line stands behind that one; UINT64_MAX: none */
	uint64_t selected;     /* seq of the message that commands are about; 0: none */
	long owed;             /* rows up that could not be scrolled, since they lacked */
	uint64_t gen;          /* counts changes of the cache */
	uint64_t outbox_gen;
	unsigned width, height;

	struct view_line *lines; /* what is on the screen, from view_lay() */
	size_t lines_n;
};

/* Empty. Nothing is read before view_open(). */
void view_init(struct view *v, const struct view_source *source);
void view_finish(struct view *v);

/* Another chat, or the same anew. read: how far it was read. If more is unread than the screen
 * holds, begins with the first of that; else at the end. */
void view_open(struct view *v, uint64_t read, uint64_t unread);

void view_size(struct view *v, unsigned width, unsigned height);
void view_touch(struct view *v);

/* Should somebody ask the server for VIEW_PAGE messages? *before gets the seq before which (0: the
 * newest). After view_lay(): it is so when what lacks is nearly on the screen. */
bool view_wants(const struct view *v, uint64_t *before);

/* The server has answered that: what it had is in the cache. A scroll that it kept waiting goes
 * on. */
void view_came(struct view *v);

/* Rows down, or up if below 0; to the end; to a message, which is read around if need be. */
void view_scroll(struct view *v, long rows);
void view_end(struct view *v);
void view_goto(struct view *v, uint64_t seq);

/* Select the message before the selected one (the newest, if none is), or the one behind it (none,
 * if there is none). It is scrolled to. */
void view_select(struct view *v, bool up);

/* Fill in lines: at most `height`, top to bottom. What is needed is read and laid out. */
void view_lay(struct view *v);

/* After view_lay(): up to which seq it was on the screen, to its last row. 0: nothing was. */
uint64_t view_seen(const struct view *v);

/* In memory: the message of that seq; the newest of one's own (or of others) that can be spoken of.
 * NULL if there is none. */
const struct item *view_find(const struct view *v, uint64_t seq);
const struct item *view_newest(const struct view *v, bool mine);

#endif
