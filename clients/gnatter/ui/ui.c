/* ui.c — see ui.h and, for the tour, ui_internal.h.
 *
 * One loop waits for keys and for notes from the client's thread, lets both change what is in
 * memory, and draws at most FRAMES times a second: over a slow line, too, nothing piles up.
 */
#include "ui.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/gnatter/ui/ui_internal.h"

#define FRAME_MS      40   /* 25 pictures a second */
#define NOTICE_MS     8000 /* so long a notice stays */
#define NOTICE_MIN_MS 1500 /* ... and so long whatever is typed */
#define SECOND_MS     1000
#define KEYS_MAX      4096 /* are read before something is drawn */

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- life ------------------------------------------------------------------------------------ */

struct ui *ui_create(void)
{
	struct ui *ui = calloc(1, sizeof *ui);
	struct view_source source;

	if (!ui)
		return NULL;
	ui->events = events_create();
	if (!ui->events) {
		free(ui);
		return NULL;
	}
	source = ui_source(ui);
	view_init(&ui->view, &source);
	return ui;
}

void ui_destroy(struct ui *ui)
{
	if (!ui)
		return;
	view_finish(&ui->view);
	chats_finish(&ui->chats);
	editor_finish(&ui->editor);
	editor_finish(&ui->query);
	complete_end(&ui->complete);
	drafts_finish(&ui->drafts);
	find_finish(&ui->find);
	page_finish(&ui->page);
	rows_free(&ui->scratch);
	buf_free(&ui->pasted);
	events_destroy(ui->events);
	free(ui);
}

/* --- notices --------------------------------------------------------------------------------- */

static void say(struct ui *ui, bool bad, const char *text)
{
	snprintf(ui->notice.text, sizeof ui->notice.text, "%s", text);
	ui->notice.bad = bad;
	ui->notice.seen_ms = clock_ms() + NOTICE_MIN_MS;
	ui->notice.until_ms = clock_ms() + NOTICE_MS;
	ui->dirty = true;
}

void ui_say(struct ui *ui, const char *format, ...)
{
	char text[EVENT_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	say(ui, false, text);
}

void ui_say_bad(struct ui *ui, const char *format, ...)
{
	char text[EVENT_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	say(ui, true, text);
}

bool ui_check(struct ui *ui, enum gnatter_error e)
{
	if (e != GNATTER_OK)
		ui_say_bad(ui, "Not done: %s.", gnatter_error_text(e));
	return e == GNATTER_OK;
}

/* --- events ---------------------------------------------------------------------------------- */

static void chat_changed(struct ui *ui, const struct event *e)
{
	ui->chats_stale = true;
	if (*e->user)
		typing_done(&ui->typing, e->chat, e->user);
	if (strcmp(e->chat, ui->chat) == 0 || e->type == EVENT_ALL)
		view_touch(&ui->view);
	ui->members_counted = false;
	if (ui->mode == MODE_PAGE)
		page_changed(ui);
}

static void event(struct ui *ui, const struct event *e)
{
	ui->dirty = true;
	switch (e->type) {
	case EVENT_STATUS:
		ui->ask_failed = false;
		ui->chats_stale = true;
		page_changed(ui);
		break;
	case EVENT_CHAT:
	case EVENT_ALL:
		chat_changed(ui, e);
		break;
	case EVENT_TYPING:
		if (strcmp(e->user, gnatter_user(ui->g)) != 0)
			typing_note(&ui->typing, e->chat, e->user, clock_ms());
		break;
	case EVENT_PRESENCE:
	case EVENT_MEMBERS:
		page_changed(ui);
		break;
	case EVENT_CAME:
		ui_history_came(ui, e);
		break;
	case EVENT_NOTICE:
		say(ui, e->failed, e->text);
		break;
	case EVENT_OPEN:
		ui_read_chats(ui);
		ui_open(ui, e->chat);
		break;
	}
}

/* --- signals --------------------------------------------------------------------------------- */

static const struct events *awake; /* whom signals wake */
static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	if (number != SIGWINCH)
		ended = 1;
	if (awake)
		events_wake(awake);
}

static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT};
#define SIGNALS (sizeof signals / sizeof *signals)

/* Before curses starts, which then leaves the size of the window to us. */
static void signals_begin(struct ui *ui, struct sigaction before[SIGNALS])
{
	struct sigaction a = {.sa_handler = on_signal};

	awake = ui->events;
	ended = 0;
	sigemptyset(&a.sa_mask);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &a, &before[i]);
}

/* A terminal that goes says so more than once: what is left to do is done all the same. */
static void signals_end(const struct sigaction before[SIGNALS])
{
	for (size_t i = 0; i < SIGNALS; i++) {
		if (ended && signals[i] == SIGHUP)
			signal(SIGHUP, SIG_IGN);
		else
			sigaction(signals[i], &before[i], NULL);
	}
	awake = NULL;
}

/* --- the loop -------------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When something changes on the screen without a key or a note. */
static int64_t next_ms(struct ui *ui, int64_t now)
{
	int64_t next = typing_next(&ui->typing, now);

	if (ui->notice.until_ms > now)
		next = sooner(next, ui->notice.until_ms);
	if (ui->was_offline)
		next = sooner(next, ui->drawn_ms + SECOND_MS);
	if (ui->chats_stale)
		next = sooner(next, ui->chats_next_ms);
	if (ui->dirty)
		next = sooner(next, ui->drawn_ms + FRAME_MS);
	return next;
}

static void wait_for_more(struct ui *ui)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = events_fd(ui->events), .events = POLLIN},
	};
	int64_t now = clock_ms(), next = next_ms(ui, now);
	int timeout = next == INT64_MAX ? -1
		      : next <= now     ? 0
					: (int)sooner(next - now, 60 * SECOND_MS);

	if (poll(fds, 2, timeout) < 0 && errno != EINTR)
		ui->quit = true;
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		ended = 1;
	if (ended)
		ui->quit = true;
	if (clock_ms() >= next)
		ui->dirty = true;
}

static void take_all(struct ui *ui)
{
	unsigned rows, columns;
	struct event e;
	uint32_t key;

	for (int i = 0; i < KEYS_MAX && !ui->quit && (key = screen_key()) != UI_KEY_NONE; i++)
		ui_key(ui, key);
	while (events_take(ui->events, &e))
		event(ui, &e);
	screen_size(&rows, &columns);
	if (rows != ui->rows || columns != ui->columns)
		ui->dirty = true;
}

static bool count_waiting(void *ctx, const struct gnatter_message *m)
{
	struct ui *ui = ctx;

	if (m->tick == GNATTER_TICK_REFUSED)
		ui->refused++;
	else
		ui->waiting++;
	return true;
}

/* The list, and what depends on it: a chat that can be opened, the welcome without one. */
static void refresh_chats(struct ui *ui)
{
	if (!ui->chats_stale || clock_ms() < ui->chats_next_ms)
		return;
	ui_read_chats(ui);
	ui->waiting = ui->refused = 0;
	gnatter_outbox(ui->g, NULL, count_waiting, ui);
	ui_ask_members(ui);
	if (*ui->chat)
		return;
	if (ui->chats.n && (ui->mode == MODE_CHAT || ui->page.kind == PAGE_WELCOME))
		ui_open(ui, ui->chats.entries[0]->chat);
	else if (ui->mode == MODE_CHAT)
		page_open(ui, PAGE_WELCOME, "");
}

static void loop(struct ui *ui)
{
	while (!ui->quit) {
		wait_for_more(ui);
		take_all(ui);
		refresh_chats(ui);
		if (!ui->quit && ui->dirty && clock_ms() >= ui->drawn_ms + FRAME_MS)
			ui_draw(ui);
	}
}

int ui_run(struct gnatter *g, const struct ui_options *o)
{
	struct sigaction before[SIGNALS];
	struct ui *ui = o->ui;
	const char *why, *warning;
	enum gnatter_error e;

	ui->g = g;
	signals_begin(ui, before);
	why = screen_open(&warning);
	if (why) {
		signals_end(before);
		fprintf(stderr, "gnatter: %s\n", why);
		return 1;
	}
	ui->chats_stale = true;
	screen_size(&ui->rows, &ui->columns);
	if (warning)
		ui_say_bad(ui, "%s", warning);
	refresh_chats(ui);
	if (o->chat)
		ui_open(ui, o->chat);
	ui_draw(ui);
	e = gnatter_connect(g);
	if (e != GNATTER_OK && e != GNATTER_EINVAL)
		ui_check(ui, e);
	loop(ui);
	screen_close();
	signals_end(before);
	return 0;
}
