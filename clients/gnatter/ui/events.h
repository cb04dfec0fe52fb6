/* events.h — what the client's thread tells the screen's: small notes in a queue, and a descriptor
 * to wait for.
 *
 * A note only says what has changed; the screen reads from the cache how it is now. So notes that
 * say the same are one, and where there would be more than EVENTS_MAX one says "everything".
 * events_… may be called from any thread.
 */
#ifndef GNATTER_UI_EVENTS_H
#define GNATTER_UI_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#define EVENTS_MAX      256
#define EVENT_NAME_SIZE 130
#define EVENT_TEXT_SIZE 256

enum event_type {
	EVENT_STATUS,   /* the connection */
	EVENT_CHAT,     /* chat: it, or its messages, have changed */
	EVENT_TYPING,   /* chat, user: types, now */
	EVENT_PRESENCE, /* user */
	EVENT_CAME,     /* number: the answer to a request for history; failed: none */
	EVENT_NOTICE,   /* text: to be shown; failed: it is bad news */
	EVENT_OPEN,     /* chat: it is to be opened, since it was made */
	EVENT_MEMBERS,  /* chat: an answer to a request for its members */
	EVENT_ALL       /* anything may have changed */
};

struct event {
	enum event_type type;
	bool failed;
	unsigned number; /* EVENT_CAME: of the request */
	char chat[EVENT_NAME_SIZE], user[EVENT_NAME_SIZE];
	char text[EVENT_TEXT_SIZE];
};

struct events;

/* NULL if memory or descriptors ran out. destroy: NULL is fine. */
struct events *events_create(void);
void events_destroy(struct events *q);

/* Readable when there is something to take. */
int events_fd(const struct events *q);

/* Copy *e into the queue. */
void events_put(struct events *q, const struct event *e);

/* Put one of that kind; names may be NULL. */
void events_note(struct events *q, enum event_type type, const char *chat, const char *user);

/* Wake who waits for the descriptor, with nothing to take. Safe in a signal handler. */
void events_wake(const struct events *q);

/* The oldest one. False if there is none; then the descriptor is quiet until the next. */
bool events_take(struct events *q, struct event *out);

#endif
