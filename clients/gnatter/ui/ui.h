/* ui.h — the full-screen client: chats to the left, messages to the right, a line to write in.
 *
 * Life: ui_create(), whose result is the ctx of the client and of which ui_callbacks() fills in the
 * callbacks, then gnatter_create(), then ui_run(), then gnatter_destroy(), then ui_destroy().
 */
#ifndef GNATTER_UI_H
#define GNATTER_UI_H

#include "clients/sdk/gnatter.h"

struct ui;

struct ui_options {
	struct ui *ui;    /* required; the ctx of the client */
	const char *chat; /* open this one; NULL: the newest */
};

/* Owned by the caller; NULL if memory ran out, or the system lets no more files be opened. */
struct ui *ui_create(void);

/* After the client is destroyed. NULL is fine. */
void ui_destroy(struct ui *ui);

/* Set the callbacks that the screen lives on; the others (on_token, on_log, on_event) stay as they
 * are. They want a struct ui as ctx. */
void ui_callbacks(struct gnatter_callbacks *out);

/* Take the terminal until the user leaves. Reads what is in the store first, draws that, and only
 * then calls gnatter_connect(), if that was not done. Returns the exit code of the program; what
 * went wrong was said on stderr. Does not disconnect. */
int ui_run(struct gnatter *g, const struct ui_options *o);

#endif
