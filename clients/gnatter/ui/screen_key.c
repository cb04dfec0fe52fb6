/* screen_key.c — keys, as terminals say them. */
#include <curses.h>
#include <stdio.h>
#include <wchar.h>

#include "clients/gnatter/ui/screen.h"
#include "clients/gnatter/ui/screen_internal.h"

#define OURS 2000 /* codes of keys that curses has no name for */

struct sequence {
	const char *bytes;
	uint32_t key;
};

/* What xterm and those who follow it send; terminfo does not tell of it everywhere. */
static const struct sequence sequences[] = {
	{"\033[200~", UI_KEY_PASTE_BEGIN},
	{"\033[201~", UI_KEY_PASTE_END},
	{"\033[1;3A", UI_KEY_CHAT_UP},
	{"\033[1;3B", UI_KEY_CHAT_DOWN},
	{"\033\033[A", UI_KEY_CHAT_UP},
	{"\033\033[B", UI_KEY_CHAT_DOWN},
	{"\033[1;5A", UI_KEY_SELECT_UP},
	{"\033[1;5B", UI_KEY_SELECT_DOWN},
	{"\033[1;2A", UI_KEY_SELECT_UP},
	{"\033[1;2B", UI_KEY_SELECT_DOWN},
	{"\033[1;5C", UI_KEY_WORD_RIGHT},
	{"\033[1;5D", UI_KEY_WORD_LEFT},
	{"\033[1;3C", UI_KEY_WORD_RIGHT},
	{"\033[1;3D", UI_KEY_WORD_LEFT},
	{"\033[1;5H", UI_KEY_TOP},
	{"\033[1;5F", UI_KEY_BOTTOM},
};

static const struct {
	int code;
	uint32_t key;
} codes[] = {
	{KEY_UP, UI_KEY_UP},
	{KEY_DOWN, UI_KEY_DOWN},
	{KEY_SR, UI_KEY_SELECT_UP},
	{KEY_SF, UI_KEY_SELECT_DOWN},
	{KEY_LEFT, UI_KEY_LEFT},
	{KEY_RIGHT, UI_KEY_RIGHT},
	{KEY_HOME, UI_KEY_HOME},
	{KEY_END, UI_KEY_END},
	{KEY_PPAGE, UI_KEY_PAGE_UP},
	{KEY_NPAGE, UI_KEY_PAGE_DOWN},
	{KEY_DC, UI_KEY_DELETE},
	{KEY_BACKSPACE, UI_KEY_BACKSPACE},
	{KEY_ENTER, UI_KEY_ENTER},
	{KEY_BTAB, UI_KEY_TAB},
};

static void say(const char *s)
{
	fputs(s, stdout);
	fflush(stdout);
}

void screen_keys_begin(void)
{
	for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++)
		define_key(sequences[i].bytes, OURS + (int)i);
	say("\033[?2004h");
}

void screen_keys_end(void)
{
	say("\033[?2004l");
}

static uint32_t of_code(int code)
{
	if (code >= OURS && code < OURS + (int)(sizeof sequences / sizeof *sequences))
		return sequences[code - OURS].key;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (codes[i].code == code)
			return codes[i].key;
	}
	return KEY_OF_CURSES;
}

static uint32_t of_character(wint_t c)
{
	switch (c) {
	case '\r':
		return UI_KEY_ENTER;
	case '\t':
		return UI_KEY_TAB;
	case 0x7f:
	case '\b':
		return UI_KEY_BACKSPACE;
	default:
		return (uint32_t)c;
	}
}

/* Escape and a key soon after it are Alt and that key. */
static uint32_t after_escape(void)
{
	wint_t c;
	int r = get_wch(&c);

	if (r == ERR)
		return UI_KEY_ESCAPE;
	if (r == KEY_CODE_YES) {
		uint32_t key = of_code((int)c);

		if (key == UI_KEY_UP)
			return UI_KEY_CHAT_UP;
		return key == UI_KEY_DOWN ? UI_KEY_CHAT_DOWN : key;
	}
	return c == 27 ? UI_KEY_ESCAPE : UI_KEY_ALT | of_character(c);
}

uint32_t screen_key(void)
{
	wint_t c;

	switch (get_wch(&c)) {
	case OK:
		return c == 27 ? after_escape() : of_character(c);
	case KEY_CODE_YES:
		return of_code((int)c);
	default:
		return UI_KEY_NONE;
	}
}
