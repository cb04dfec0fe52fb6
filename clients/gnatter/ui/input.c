/* input.c — what a key does. */
#include <string.h>

#include "clients/gnatter/ui/ui_internal.h"

struct binding {
	uint32_t key;
	void (*run)(struct ui *ui);
};

static struct editor *editor_of(struct ui *ui)
{
	return ui->mode == MODE_FIND ? &ui->query : &ui->editor;
}

#define EDIT(name)                            \
	static void key_##name(struct ui *ui) \
	{                                     \
		editor_##name(editor_of(ui)); \
	}
EDIT(left)
EDIT(right)
EDIT(word_left)
EDIT(word_right)
EDIT(home)
EDIT(end)
EDIT(backspace)
EDIT(delete)
EDIT(kill_home)
EDIT(kill_end)
EDIT(kill_word)
EDIT(yank)

static void scroll(struct ui *ui, long rows)
{
	unsigned height = ui->message_rows;

	if (ui->mode == MODE_PAGE) {
		page_scroll(ui, rows, height);
	} else if (ui->mode == MODE_CHAT) {
		ui->ask_failed = false;
		view_scroll(&ui->view, rows);
	}
}

static void key_page_up(struct ui *ui)
{
	scroll(ui, 1 - (long)ui->message_rows);
}

static void key_page_down(struct ui *ui)
{
	scroll(ui, (long)ui->message_rows - 1);
}

static void key_top(struct ui *ui)
{
	const struct chat_entry *e = ui_entry(ui);

	if (e && e->read)
		view_goto(&ui->view, e->read);
}

static void key_bottom(struct ui *ui)
{
	view_end(&ui->view);
}

static void key_up(struct ui *ui)
{
	if (ui->mode == MODE_FIND)
		find_step(ui, -1);
	else if (ui->mode == MODE_PAGE)
		scroll(ui, -1);
	else if (!editor_up(&ui->editor) && !ui->editing)
		editor_older(&ui->editor);
}

static void key_down(struct ui *ui)
{
	if (ui->mode == MODE_FIND)
		find_step(ui, 1);
	else if (ui->mode == MODE_PAGE)
		scroll(ui, 1);
	else if (!editor_down(&ui->editor) && !ui->editing)
		editor_newer(&ui->editor);
}

static void key_chat_up(struct ui *ui)
{
	ui_open_step(ui, -1);
}

static void key_chat_down(struct ui *ui)
{
	ui_open_step(ui, 1);
}

static void key_select_up(struct ui *ui)
{
	if (ui->mode == MODE_CHAT && !ui->editing)
		view_select(&ui->view, true);
}

static void key_select_down(struct ui *ui)
{
	if (ui->mode == MODE_CHAT && !ui->editing)
		view_select(&ui->view, false);
}

static void key_escape(struct ui *ui)
{
	if (ui->mode == MODE_FIND) {
		find_close(ui);
	} else if (ui->mode == MODE_PAGE) {
		page_close(ui);
	} else if (ui->editing) {
		ui->editing = 0;
		editor_set(&ui->editor, "");
	} else {
		ui->view.selected = 0;
	}
	ui->notice.until_ms = 0;
}

/* What was looked for is found first, then gone to. */
static void key_enter(struct ui *ui)
{
	if (ui->mode == MODE_FIND) {
		if (ui->find.what && strcmp(ui->find.what, editor_text(&ui->query)) == 0)
			find_go(ui);
		else
			find_now(ui);
		return;
	}
	if (ui->mode == MODE_PAGE)
		page_close(ui);
	ui_enter(ui);
}

static void insert(struct ui *ui, const char *s, size_t len)
{
	if (!editor_insert(editor_of(ui), s, len))
		ui_say_bad(ui, "That is too long: a message has at most 100,000 characters.");
	if (ui->mode == MODE_CHAT && *ui->chat && editor_text(&ui->editor)[0] != '/')
		gnatter_typing(ui->g, ui->chat);
}

static void key_newline(struct ui *ui)
{
	insert(ui, "\n", 1);
}

static void key_tab(struct ui *ui)
{
	if (ui->mode != MODE_FIND)
		ui_complete(ui);
}

static void key_find(struct ui *ui)
{
	find_open(ui, "");
}

static void key_list(struct ui *ui)
{
	ui->list_toggled = !ui->list_toggled;
}

static void key_redraw(struct ui *ui)
{
	(void)ui;
	screen_again();
}

static void key_suspend(struct ui *ui)
{
	(void)ui;
	screen_suspend();
}

/* First what is written goes, then we do: what one pressed by mistake loses at most the line, and
 * Ctrl-Y or Up brings it back. */
static void key_quit(struct ui *ui)
{
	struct editor *e = editor_of(ui);

	if (e->text.len == 0) {
		ui->quit = true;
		return;
	}
	editor_remember(e, editor_text(e));
	editor_set(e, "");
	ui->editing = 0;
	ui_say(ui, "Once more leaves Gnatter. Up brings back what you wrote.");
}

static void key_delete_or_quit(struct ui *ui)
{
	struct editor *e = editor_of(ui);

	if (e->text.len == 0)
		ui->quit = true;
	else
		editor_delete(e);
}

static const struct binding bindings[] = {
	{UI_KEY_LEFT, key_left},
	{UI_CTRL('B'), key_left},
	{UI_KEY_RIGHT, key_right},
	{UI_KEY_WORD_LEFT, key_word_left},
	{UI_KEY_ALT | 'b', key_word_left},
	{UI_KEY_WORD_RIGHT, key_word_right},
	{UI_KEY_ALT | 'f', key_word_right},
	{UI_KEY_HOME, key_home},
	{UI_CTRL('A'), key_home},
	{UI_KEY_END, key_end},
	{UI_CTRL('E'), key_end},
	{UI_KEY_BACKSPACE, key_backspace},
	{UI_KEY_DELETE, key_delete},
	{UI_CTRL('D'), key_delete_or_quit},
	{UI_CTRL('U'), key_kill_home},
	{UI_CTRL('K'), key_kill_end},
	{UI_CTRL('W'), key_kill_word},
	{UI_KEY_ALT | UI_KEY_BACKSPACE, key_kill_word},
	{UI_CTRL('Y'), key_yank},
	{UI_KEY_UP, key_up},
	{UI_KEY_DOWN, key_down},
	{UI_KEY_CHAT_UP, key_chat_up},
	{UI_CTRL('P'), key_chat_up},
	{UI_KEY_CHAT_DOWN, key_chat_down},
	{UI_CTRL('N'), key_chat_down},
	{UI_KEY_ALT | 'a', ui_open_unread},
	{UI_KEY_PAGE_UP, key_page_up},
	{UI_KEY_PAGE_DOWN, key_page_down},
	{UI_KEY_TOP, key_top},
	{UI_KEY_ALT | '<', key_top},
	{UI_KEY_BOTTOM, key_bottom},
	{UI_KEY_ALT | '>', key_bottom},
	{UI_KEY_SELECT_UP, key_select_up},
	{UI_KEY_ALT | 'k', key_select_up},
	{UI_KEY_SELECT_DOWN, key_select_down},
	{UI_KEY_ALT | 'j', key_select_down},
	{UI_KEY_ESCAPE, key_escape},
	{UI_KEY_ENTER, key_enter},
	{UI_CTRL('J'), key_newline},
	{UI_KEY_ALT | UI_KEY_ENTER, key_newline},
	{UI_KEY_TAB, key_tab},
	{UI_CTRL('F'), key_find},
	{UI_CTRL('T'), key_list},
	{UI_CTRL('L'), key_redraw},
	{UI_CTRL('Z'), key_suspend},
	{UI_CTRL('C'), key_quit},
};

/* --- characters ------------------------------------------------------------------------------ */

static size_t encode(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* What is pasted goes in as one piece, whatever it holds. */
static void paste(struct ui *ui, uint32_t key)
{
	char s[4];

	if (key == UI_KEY_PASTE_END) {
		ui->pasting = false;
		if (!ui->pasted.failed)
			insert(ui, ui->pasted.data ? ui->pasted.data : "", ui->pasted.len);
		buf_free(&ui->pasted);
		return;
	}
	if (key == UI_KEY_ENTER)
		key = '\n';
	else if (key == UI_KEY_TAB)
		key = '\t';
	if (key < KEY_OF_CURSES && ui->pasted.len <= 4 * EDITOR_CHARS_MAX)
		buf_put(&ui->pasted, s, encode(s, key));
}

static bool run_binding(struct ui *ui, uint32_t key)
{
	for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++) {
		if (bindings[i].key == key) {
			bindings[i].run(ui);
			return true;
		}
	}
	return false;
}

void ui_key(struct ui *ui, uint32_t key)
{
	char s[4];

	ui->dirty = true;
	if (clock_ms() > ui->notice.seen_ms)
		ui->notice.until_ms = 0;
	if (ui->pasting) {
		paste(ui, key);
		return;
	}
	if (key == UI_KEY_PASTE_BEGIN) {
		ui->pasting = true;
		return;
	}
	if (key != UI_KEY_TAB)
		complete_end(&ui->complete);
	if (run_binding(ui, key))
		return;
	if (key > (UI_KEY_ALT | '0') && key <= (UI_KEY_ALT | '9')) {
		size_t i = key - (UI_KEY_ALT | '1');

		if (i < ui->chats.n)
			ui_open(ui, ui->chats.entries[i]->chat);
		return;
	}
	/* Escape, and soon after it a letter that has no meaning with Alt. */
	if (key & UI_KEY_ALT) {
		key_escape(ui);
		key &= ~(uint32_t)UI_KEY_ALT;
	}
	if (key >= 0x20 && key < KEY_OF_CURSES)
		insert(ui, s, encode(s, key));
}
