/* tmux.h — a program in a terminal: typed to, looked at, made larger and smaller.
 *
 * The terminal is a real tmux with a server of its own, whose socket lies in a folder of its own
 * and which no configuration of the machine's reaches. It speaks UTF-8, TERM is screen-256color.
 * Rows and columns count from 0. When the program has ended its last screen stays to be looked at.
 *
 * Main thread only. Ends with the test; if the test fails, the screen is printed.
 */
#ifndef GNATTER_TESTS_TMUX_H
#define GNATTER_TESTS_TMUX_H

#include <stdbool.h>

struct tmux;

struct tmux_opts {
	const char *const *argv; /* the program and its arguments, ending in NULL */
	const char *const *env;  /* "K=V" beyond our own environment, ending in NULL; NULL: none */
	const char *folder;      /* to start in; NULL: the test's */
	int columns, rows;       /* 0: 80, 24 */
};

/* Fails the test if tmux does not start. */
struct tmux *tmux_start(const struct tmux_opts *o);

/* Each key of a text; a key by tmux's name ("Enter", "Escape", "C-c", "M-Enter", "PageUp",
 * "BSpace", …); a text as a terminal pastes it: in brackets, if the program has asked for them. */
void tmux_type(struct tmux *t, const char *text);
void tmux_key(struct tmux *t, const char *key);
void tmux_paste(struct tmux *t, const char *text);

void tmux_resize(struct tmux *t, int columns, int rows);

/* The screen now: rows that end in a line feed, without the blanks behind what is written. styled:
 * with escape sequences for colours and attributes. Until the test is over. */
char *tmux_screen(struct tmux *t);
char *tmux_screen_styled(struct tmux *t);

/* One row of it. */
char *tmux_row(struct tmux *t, int row);

/* Wait until the text is somewhere on the screen; in that row (negative: from below, -1 is the
 * last); nowhere. They fail the test, with the screen, if that does not happen. */
void tmux_wait(struct tmux *t, const char *text);
void tmux_wait_row(struct tmux *t, int row, const char *text);
void tmux_wait_gone(struct tmux *t, const char *text);

/* Is it there now? */
bool tmux_holds(struct tmux *t, const char *text);

struct tmux_cursor {
	int column, row;
	bool visible;
};
struct tmux_cursor tmux_cursor(struct tmux *t);

/* The program: its process id; is it still running; wait for its end. The exit code, or 128 and the
 * signal that ended it. */
int tmux_pid(struct tmux *t);
bool tmux_running(struct tmux *t);
int tmux_wait_end(struct tmux *t);

/* Take the terminal away, as when a window is closed. The program gets SIGHUP; its end can still be
 * waited for. */
void tmux_close(struct tmux *t);

#endif
