/* screen.c — see screen.h. Keys are in screen_key.c. */
#include "screen.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clients/gnatter/ui/screen_internal.h"

#define HUES 6

static bool taken, colours;

/* Names have these; the terminal's own background stays. */
static const short hues[HUES] = {
	COLOR_CYAN, COLOR_GREEN, COLOR_MAGENTA, COLOR_YELLOW, COLOR_BLUE, COLOR_RED};

enum pair { PAIR_HUE = 1, PAIR_ALERT = PAIR_HUE + HUES, PAIR_UNREAD, PAIR_READ, PAIR_FOUND };

static bool utf8_locale(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Width of letters and their bytes need UTF-8, whatever the language. */
static const char *set_locale(const char **warning)
{
	*warning = NULL;
	if (setlocale(LC_ALL, "") && utf8_locale())
		return NULL;
	if ((setlocale(LC_CTYPE, "C.UTF-8") || setlocale(LC_CTYPE, "C.utf8")) && utf8_locale()) {
		*warning = "The locale is not a UTF-8 one: taking C.UTF-8. If letters look wrong, "
			   "set LANG.";
		return NULL;
	}
	return "this system has no UTF-8 locale, not even C.UTF-8: install one, and set LANG";
}

static bool wants_colours(void)
{
	const char *no = getenv("NO_COLOR");

	return has_colors() && !(no && *no);
}

static void set_colours(void)
{
	colours = wants_colours() && start_color() == OK && COLORS >= 8 &&
		  COLOR_PAIRS > PAIR_FOUND && use_default_colors() == OK;
	if (!colours)
		return;
	for (short i = 0; i < HUES; i++)
		init_pair((short)(PAIR_HUE + i), hues[i], -1);
	init_pair(PAIR_ALERT, COLOR_RED, -1);
	init_pair(PAIR_UNREAD, COLOR_GREEN, -1);
	init_pair(PAIR_READ, COLOR_BLUE, -1);
	init_pair(PAIR_FOUND, COLOR_YELLOW, -1);
}

const char *screen_open(const char **warning)
{
	const char *why = set_locale(warning);

	if (why)
		return why;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return "standard input and output must be a terminal; for scripts there are "
		       "the commands of 'gnatter --help'";
	set_escdelay(50);
	if (!newterm(NULL, stdout, stdin))
		return "the terminal's type is not known: set TERM";
	taken = true;
	raw();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, FALSE);
	set_colours();
	screen_keys_begin();
	return NULL;
}

void screen_close(void)
{
	if (!taken)
		return;
	screen_keys_end();
	endwin();
	taken = false;
}

void screen_size(unsigned *rows, unsigned *columns)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0 &&
		is_term_resized(w.ws_row, w.ws_col))
		resizeterm(w.ws_row, w.ws_col);
	*rows = (unsigned)LINES;
	*columns = (unsigned)COLS;
}

static attr_t plain_attributes(enum style style)
{
	static const attr_t table[STYLE_COUNT] = {
		[STYLE_DIM] = A_DIM,
		[STYLE_NAME] = A_BOLD,
		[STYLE_ME] = A_BOLD,
		[STYLE_DAY] = A_DIM,
		[STYLE_UNREAD] = A_BOLD,
		[STYLE_TICK] = A_DIM,
		[STYLE_READ] = A_BOLD,
		[STYLE_ALERT] = A_REVERSE,
		[STYLE_QUOTE] = A_DIM,
		[STYLE_BAR] = A_REVERSE,
		[STYLE_CHOSEN] = A_REVERSE,
		[STYLE_FOUND] = A_BOLD | A_UNDERLINE,
	};

	return table[style];
}

static short pair_of(const struct span *s)
{
	switch (s->style) {
	case STYLE_NAME:
		return (short)(PAIR_HUE + s->hue % HUES);
	case STYLE_ALERT:
		return PAIR_ALERT;
	case STYLE_UNREAD:
		return PAIR_UNREAD;
	case STYLE_READ:
		return PAIR_READ;
	case STYLE_FOUND:
		return PAIR_FOUND;
	default:
		return 0;
	}
}

static void set_style(const struct span *s, bool chosen)
{
	attr_t attributes = plain_attributes(s->style);

	if (chosen)
		attributes = (attributes & ~(attr_t)A_DIM) | A_REVERSE;
	attr_set(attributes, colours && !chosen ? pair_of(s) : 0, NULL);
}

void screen_begin(void)
{
	erase();
}

/* The part of the span that fits. Rows are made to fit, so that this cuts only what a race with the
 * terminal's size leaves over. */
static void put_span(const struct rows *r, const struct span *s)
{
	wchar_t wide[512];
	mbstate_t state = {0};
	const char *at = r->text.data + s->at, *end = at + s->len;

	while (at < end) {
		size_t n = 0;

		while (at < end && n < sizeof wide / sizeof *wide) {
			size_t size = mbrtowc(&wide[n], at, (size_t)(end - at), &state);

			if (size == 0 || size > 4)
				return;
			at += size;
			n++;
		}
		addnwstr(wide, (int)n);
	}
}

void screen_row(
	unsigned y, unsigned x, const struct rows *r, size_t row, unsigned width, bool chosen)
{
	const struct row *w;

	if (row >= r->n || y >= (unsigned)LINES || x >= (unsigned)COLS)
		return;
	w = &r->row[row];
	if (w->width > width || x + w->width > (unsigned)COLS)
		return;
	move((int)y, (int)x);
	for (size_t i = 0; i < w->count; i++) {
		set_style(&r->spans[w->first + i], chosen);
		put_span(r, &r->spans[w->first + i]);
	}
	if (chosen) {
		attr_set(A_REVERSE, 0, NULL);
		for (unsigned i = w->width; i < width && x + i < (unsigned)COLS; i++)
			addch(' ');
	}
	attr_set(A_NORMAL, 0, NULL);
}

void screen_rule(unsigned y, unsigned x, unsigned height)
{
	attr_set(A_DIM, 0, NULL);
	mvvline_set((int)y, (int)x, WACS_VLINE, (int)height);
	attr_set(A_NORMAL, 0, NULL);
}

void screen_cursor(unsigned y, unsigned x, bool shown)
{
	curs_set(shown ? 1 : 0);
	move((int)y, (int)(x < (unsigned)COLS ? x : (unsigned)COLS - 1));
}

void screen_show(void)
{
	refresh();
}

void screen_again(void)
{
	clearok(curscr, TRUE);
}

void screen_suspend(void)
{
	screen_keys_end();
	endwin();
	raise(SIGTSTP);
	refresh();
	screen_keys_begin();
	screen_again();
}
