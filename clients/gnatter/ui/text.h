/* text.h — text of strangers, made fit for a terminal: what is shown of it, and how wide that is.
 *
 * Three dangers: control characters, which command the terminal; characters that reorder what
 * stands beside them; and characters about whose width terminals disagree, so that everything to
 * the right is displaced. The first two, what is no UTF-8, and what the C library cannot place are
 * shown as U+FFFD. Of the third, only what all terminals agree on is shown: the people of
 * a family one by one, without the joiners; a hand without its colour; a heart without the selector
 * that asks for an emoji. What was said stays as it was: only what is drawn is different.
 *
 * A cluster is what a person sees as one character: a letter with its marks, a family of
 * emoji. The cursor moves by clusters.
 *
 * The locale must be a UTF-8 one. No state; any thread.
 */
#ifndef GNATTER_UI_TEXT_H
#define GNATTER_UI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

#define TEXT_REPLACEMENT 0xfffd
#define TEXT_TAB_WIDTH   4

/* The code point at s, and its bytes in *size: at least 1. What is no UTF-8 is a replacement of one
 * byte. len > 0. */
uint32_t text_decode(const char *s, size_t len, size_t *size);

/* Bytes of the cluster at s; 0 if len is 0. A line break is a cluster of its own. */
size_t text_cluster(const char *s, size_t len);

/* Where the cluster begins that ends at `at`. at > 0. */
size_t text_cluster_before(const char *s, size_t at);

/* Append what is shown of one cluster; *out may be NULL. Returns its columns. A line break is shown
 * as a space. */
unsigned text_show(struct buf *out, const char *s, size_t len);

/* The same of a whole text, as one line. */
unsigned text_show_all(struct buf *out, const char *s, size_t len);

/* Does it hold letters that are written from right to left? */
bool text_rtl(const char *s, size_t len);

/* Code points that may begin a pictograph. */
bool text_pictograph(uint32_t c);

#endif
