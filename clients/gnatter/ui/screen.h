/* screen.h — the terminal, by ncurses: the only file that knows it. Main thread only.
 *
 * What is drawn is text from rows.h, which is safe. Only what has changed since the last
 * screen_show() is sent.
 */
#ifndef GNATTER_UI_SCREEN_H
#define GNATTER_UI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/gnatter/ui/rows.h"

/* A key: a character of Unicode, or one of these, perhaps with KEY_ALT. */
enum {
	KEY_OF_CURSES = 0x110000, /* none of ours */
	UI_KEY_NONE,
	UI_KEY_UP,
	UI_KEY_DOWN,
	UI_KEY_LEFT,
	UI_KEY_RIGHT,
	UI_KEY_WORD_LEFT,
	UI_KEY_WORD_RIGHT,
	UI_KEY_HOME,
	UI_KEY_END,
	UI_KEY_PAGE_UP,
	UI_KEY_PAGE_DOWN,
	UI_KEY_DELETE,
	UI_KEY_BACKSPACE,
	UI_KEY_ENTER,
	UI_KEY_TAB,
	UI_KEY_ESCAPE,
	UI_KEY_CHAT_UP,
	UI_KEY_CHAT_DOWN,
	UI_KEY_SELECT_UP,
	UI_KEY_SELECT_DOWN,
	UI_KEY_TOP,
	UI_KEY_BOTTOM,
	UI_KEY_PASTE_BEGIN,
	UI_KEY_PASTE_END,
	UI_KEY_ALT = 0x200000,
};
#define UI_CTRL(letter) ((letter)&0x1f)

/* Set the locale and take the terminal. NULL on success, or why it cannot be: a sentence. *warning
 * gets one that is to be shown, or NULL. */
const char *screen_open(const char **warning);

/* Give it back as it was. May be called when it was not taken. */
void screen_close(void);

/* As large as it is now: looks whether it has changed. */
void screen_size(unsigned *rows, unsigned *columns);

/* Begin a new picture; put a row of r at a place, cut to `width` columns; fill with blanks; put the
 * cursor (hidden if shown is false); show the picture. chosen: the row is marked, from there as
 * wide. */
void screen_begin(void);
void screen_row(
	unsigned y, unsigned x, const struct rows *r, size_t row, unsigned width, bool chosen);
void screen_rule(unsigned y, unsigned x, unsigned height);
void screen_cursor(unsigned y, unsigned x, bool shown);
void screen_show(void);

/* Draw it all anew at the next screen_show(): something else wrote on the terminal. */
void screen_again(void);

/* Let the shell have the terminal, until the user comes back (Ctrl-Z). */
void screen_suspend(void);

/* The next key that was pressed; UI_KEY_NONE if there is none. */
uint32_t screen_key(void);

#endif
