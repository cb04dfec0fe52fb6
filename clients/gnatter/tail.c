/* tail.c — gnatter tail: what is said in a chat, as it is said.
 *
 * The main thread prints what was there, with the lock held; from then on the client's thread
 * prints what comes. A message is in the cache before it is called back, so none is missed between
 * the two, and those that both have seen have a seq that was printed.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clients/gnatter/pages.h"
#include "clients/gnatter/say.h"
#include "clients/gnatter/show.h"

#define LIMIT_MAX 100000
#define LOOK_MS   500

/* Guarded by the session's lock. */
struct tail {
	const char *chat;
	bool json, live;
	bool over; /* nobody reads any more, or it cannot be written */
	uint64_t printed;
	int code;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static void show(struct tail *t, const struct gnatter_message *m)
{
	bool gone = false;

	t->printed = m->seq;
	show_message(m, t->json);
	t->code = say_flush(&gone);
	t->over = gone || t->code != GN_OK;
}

static bool on_earlier(void *ctx, const struct gnatter_message *m)
{
	struct tail *t = ctx;

	show(t, m);
	return !t->over;
}

static void on_message(struct session *s, const struct gnatter_message *m)
{
	struct tail *t = s->ctx;

	if (t->live && !t->over && strcmp(m->chat, t->chat) == 0 && m->seq > t->printed)
		show(t, m);
}

struct last {
	uint64_t seq;
};

static bool note_last(void *ctx, const struct gnatter_message *m)
{
	((struct last *)ctx)->seq = m->seq;
	return false;
}

/* Those that are there, then go on live. The newest was fetched in any case: it says where "from
 * now on" is. */
static int begin(struct session *s, struct tail *t, uint64_t limit)
{
	struct last first = {0};
	bool more;
	int code =
		pages_fetch(s, t->chat, 0, limit > 0 && limit < 1000 ? (uint32_t)limit : 1, &more);

	if (code != GN_OK)
		return code;
	if (limit >= 1000) {
		struct wanted w = {.chat = t->chat, .limit = limit};

		code = pages_read(s, &w, note_last, &first);
	}
	return code;
}

/* With the lock held. */
static void go_live(struct session *s, struct tail *t, uint64_t limit)
{
	struct last newest = {0};

	if (limit > 0) {
		gnatter_cached(s->g, t->chat, 0, (uint32_t)limit, on_earlier, t);
	} else {
		gnatter_cached(s->g, t->chat, 0, 1, note_last, &newest);
		t->printed = newest.seq;
	}
	t->live = true;
}

/* Until the reader is gone, or a signal came. */
static void stay(struct session *s, struct tail *t)
{
	bool over = false;

	while (!interrupted && !over) {
		struct pollfd out = {.fd = STDOUT_FILENO};

		if (poll(&out, 1, LOOK_MS) > 0)
			over = true; /* only errors and hang-ups are told */
		pthread_mutex_lock(&s->lock);
		over |= t->over;
		if (s->unauthorized) {
			t->code = session_say_offline(s);
			over = true;
		}
		pthread_mutex_unlock(&s->lock);
	}
}

static int follow(struct session *s, struct tail *t, uint64_t limit)
{
	static const struct sigaction act = {.sa_handler = on_signal};
	int code = session_connect(s);

	if (code == GN_OK)
		code = session_wait_synced(s, false);
	if (code == GN_OK)
		code = begin(s, t, limit);
	if (code != GN_OK)
		return code;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	pthread_mutex_lock(&s->lock);
	go_live(s, t, limit);
	pthread_mutex_unlock(&s->lock);
	stay(s, t);
	return t->code;
}

int command_tail(const struct args *a)
{
	struct tail t = {.json = args_has(a, "json")};
	char chat[GNATTER_CHAT_SIZE];
	struct session s;
	uint64_t limit = 10;
	int code = GN_USAGE;

	session_init(&s);
	s.on_message = on_message;
	s.ctx = &t;
	if (args_number(a, "lines", 0, LIMIT_MAX, &limit))
		code = session_open(&s, a, SESSION_READS);
	if (code == GN_OK && !session_chat(&s, a->operand[0], chat))
		code = GN_USAGE;
	t.chat = chat;
	if (code == GN_OK)
		code = follow(&s, &t, limit);
	session_close(&s);
	return code;
}
