/* ui_internal.h — the full-screen client, taken apart. Everything here belongs to the main thread,
 * but for what is said of other threads.
 *
 *   ui.c        life, the loop: keys and events in, pictures out
 *   notes.c     the client's callbacks (its thread): events for the queue
 *   open.c      which chat is open, and where its messages come from
 *   input.c     what a key does
 *   names.c     what Tab offers
 *   send.c      a line is sent, or is a command
 *   commands.c  the table of commands, with commands_chat.c, commands_people.c and
 *               commands_message.c; ask.c: a request and what is said of its answer
 *   page.c      texts in the place of messages: help, members; find.c: what was searched
 *   draw.c      the picture, with draw_list.c, draw_messages.c and draw_bottom.c
 */
#ifndef GNATTER_UI_INTERNAL_H
#define GNATTER_UI_INTERNAL_H

#include "clients/gnatter/ui/chats.h"
#include "clients/gnatter/ui/command.h"
#include "clients/gnatter/ui/complete.h"
#include "clients/gnatter/ui/drafts.h"
#include "clients/gnatter/ui/editor.h"
#include "clients/gnatter/ui/events.h"
#include "clients/gnatter/ui/screen.h"
#include "clients/gnatter/ui/typing.h"
#include "clients/gnatter/ui/ui.h"
#include "clients/gnatter/ui/view.h"
#include "clients/gnatter/ui/watch.h"

#define UI_ROWS_MIN    6
#define UI_COLUMNS_MIN 24
#define FIND_MAX       200

enum mode {
	MODE_CHAT,
	MODE_PAGE, /* a text stands where the messages are */
	MODE_FIND  /* what was found does */
};

enum page_kind { PAGE_HELP, PAGE_WHO, PAGE_WELCOME };

struct page {
	enum page_kind kind;
	struct rows rows;
	size_t top;
	char about[64]; /* PAGE_HELP: of this command; "" of all */
	unsigned width; /* for which it was laid out; 0: not yet */
};

struct found {
	uint64_t seq;
	int64_t ts_ms;
	char *chat, *from, *text; /* owned */
};

struct find {
	struct found all[FIND_MAX]; /* the newest first */
	size_t n, at, top;
	char *what; /* owned; NULL: nothing was looked for yet */
};

struct notice {
	char text[EVENT_TEXT_SIZE];
	bool bad;
	int64_t seen_ms;  /* of clock_ms(): a key after that takes it away */
	int64_t until_ms; /* and this time does */
};

struct ui {
	struct events *events; /* any thread */
	struct gnatter *g;

	struct chats chats;
	bool chats_stale;
	int64_t chats_next_ms; /* not read again before */
	size_t list_top;
	bool list_toggled; /* hidden where there is room, shown where there is none */

	char chat[GNATTER_CHAT_SIZE]; /* that is open; "" none */
	uint64_t marked;              /* said to be read up to here */
	struct view view;
	bool members_asked, members_counted;
	unsigned members;    /* of the open chat, if they are counted */
	unsigned ask_number; /* of the last request for earlier messages */
	bool asked;          /* the server is asked for earlier messages */
	bool ask_failed;     /* and did not answer: not again before something changes */
	uint64_t editing;    /* Enter changes that message; 0: it sends a new one */

	struct editor editor, query;
	struct complete complete;
	struct drafts drafts;
	struct typing typing;
	struct watch watch;

	enum mode mode;
	struct page page;
	struct find find;
	struct notice notice;
	size_t waiting, refused; /* in the outbox */

	struct rows scratch;
	unsigned rows, columns, message_rows; /* of the screen; of it, for messages */
	bool was_offline;                     /* and is not online again yet */
	bool dirty, quit, pasting;
	struct buf pasted;
	int64_t drawn_ms;
};

/* ms of a clock that does not go back; of the one on the wall. */
int64_t clock_ms(void);
int64_t wall_ms(void);

/* --- ui.c */
void ui_say(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ui_say_bad(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Say why, if it is not OK. True if it is. */
bool ui_check(struct ui *ui, enum gnatter_error e);

/* --- open.c */
void ui_open(struct ui *ui, const char *chat);
void ui_open_step(struct ui *ui, int step); /* so many down in the list, or up */
void ui_open_unread(struct ui *ui);
struct view_source ui_source(struct ui *ui);
const struct chat_entry *ui_entry(
	const struct ui *ui); /* of the open chat; NULL: not in the list */
void ui_read_chats(struct ui *ui);

/* Of a pair's name, the other user; false if it is none. */
bool ui_peer(const struct ui *ui, const char *chat, char out[65]);

/* Ask for what the view lacks, if it does. */
void ui_ask_history(struct ui *ui);
void ui_history_came(struct ui *ui, const struct event *e);
void ui_ask_members(struct ui *ui); /* of the open chat, once */

/* --- input.c */
void ui_key(struct ui *ui, uint32_t key);

/* --- names.c: what the word at the cursor may become */
void ui_complete(struct ui *ui);

/* --- send.c */
void ui_enter(struct ui *ui);

/* --- commands.c */
extern const struct command ui_commands[];
extern const size_t ui_commands_n;

void run_help(struct ui *ui, const char *args);
void run_dm(struct ui *ui, const char *args);
void run_group(struct ui *ui, const char *args);
void run_chat(struct ui *ui, const char *args);
void run_invite(struct ui *ui, const char *args);
void run_kick(struct ui *ui, const char *args);
void run_title(struct ui *ui, const char *args);
void run_leave(struct ui *ui, const char *args);
void run_mute(struct ui *ui, const char *args);
void run_who(struct ui *ui, const char *args);
void run_contact(struct ui *ui, const char *args);
void run_block(struct ui *ui, const char *args);
void run_unblock(struct ui *ui, const char *args);
void run_away(struct ui *ui, const char *args);
void run_back(struct ui *ui, const char *args);
void run_edit(struct ui *ui, const char *args);
void run_delete(struct ui *ui, const char *args);
void run_react(struct ui *ui, const char *args);
void run_reply(struct ui *ui, const char *args);
void run_discard(struct ui *ui, const char *args);
void run_search(struct ui *ui, const char *args);
void run_quit(struct ui *ui, const char *args);

/* --- ask.c */
struct ask;

/* What is to be said when it was carried out, and which chat to open then (NULL: none). NULL if
 * memory ran out, which is said. */
struct ask *ask_create(struct ui *ui, const char *open, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The answer, with a struct ask as ctx, in the client's thread. Ends the ask. */
gnatter_answer_fn ask_answered;

/* After a call that could not begin: says so, and ends the ask. */
void ask_begun(struct ask *a, enum gnatter_error e);

/* --- page.c */
void page_open(struct ui *ui, enum page_kind kind, const char *about);
void page_close(struct ui *ui);
void page_changed(struct ui *ui);
void page_lay(struct ui *ui, unsigned width);
void page_scroll(struct ui *ui, long rows, unsigned height);
void page_finish(struct page *p);

/* --- find.c */
void find_open(struct ui *ui, const char *what);
void find_close(struct ui *ui);
void find_now(struct ui *ui);
void find_step(struct ui *ui, int step);
void find_go(struct ui *ui);
void find_lay(struct ui *ui, size_t at, unsigned width, struct rows *out);
void find_finish(struct find *f);

/* --- draw.c */
struct area {
	unsigned y, x, rows, columns;
};

void ui_draw(struct ui *ui);

void draw_list(struct ui *ui, struct area a);
void draw_messages(struct ui *ui, struct area a);

/* The lines at the bottom: how many there must be; drawn. */
unsigned draw_bottom_rows(struct ui *ui, unsigned columns, unsigned rows_max);
void draw_bottom(struct ui *ui, struct area a);

/* Begin a row in ui->scratch; draw it, filled up to the width. */
struct rows *draw_row(struct ui *ui);
void draw_put(struct ui *ui, unsigned y, unsigned x, unsigned width, bool chosen);

#endif
