/* screen_internal.h — what screen.c and screen_key.c share. */
#ifndef GNATTER_UI_SCREEN_INTERNAL_H
#define GNATTER_UI_SCREEN_INTERNAL_H

/* Have the terminal say more of its keys than it does by itself, and where pasted text begins and
 * ends. */
void screen_keys_begin(void);
void screen_keys_end(void);

#endif
