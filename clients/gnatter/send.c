/* send.c — gnatter send, gnatter flush. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/gnatter/say.h"
#include "clients/gnatter/session.h"
#include "wire/buf.h"
#include "wire/json.h"

#define TEXT_MAX (400 * 1024) /* bytes: more than any server takes */

/* What becomes of messages; guarded by the session's lock. */
struct sending {
	struct session *session;
	const char *chat;
	char id[GNATTER_ID_SIZE]; /* "": all that wait */
	enum gnatter_tick tick;   /* of that one */
	uint64_t seq;
	char *refused;     /* the sentence of that one; owned */
	unsigned refusals; /* of others */
};

/* One that waited since earlier: nobody else will say it. */
static void refused_earlier(struct sending *w, const struct gnatter_sent *sent)
{
	fail(GN_REFUSED, "an earlier message to %s was refused (%s): %s", sent->chat, sent->code,
		sent->message);
	w->refusals++;
}

static void on_sent(struct session *s, const struct gnatter_sent *sent)
{
	struct sending *w = s->ctx;

	if (strcmp(sent->id, w->id) != 0) {
		if (sent->tick == GNATTER_TICK_REFUSED)
			refused_earlier(w, sent);
		return;
	}
	if (sent->tick == GNATTER_TICK_REFUSED) {
		free(w->refused);
		w->refused = need_printf("refused (%s): %s", sent->code, sent->message);
	}
	w->tick = sent->tick;
	if (sent->seq)
		w->seq = sent->seq;
}

/* What was refused and told needs no place in the outbox any more. */
struct refusals {
	char chats[32][GNATTER_CHAT_SIZE], ids[32][GNATTER_ID_SIZE];
	size_t count;
	unsigned waiting;
};

static bool see(void *ctx, const struct gnatter_message *m)
{
	struct refusals *r = ctx;

	if (m->tick != GNATTER_TICK_REFUSED) {
		r->waiting++;
	} else if (r->count < sizeof(r->ids) / sizeof(*r->ids)) {
		snprintf(r->chats[r->count], GNATTER_CHAT_SIZE, "%s", m->chat);
		snprintf(r->ids[r->count++], GNATTER_ID_SIZE, "%s", m->id);
	}
	return true;
}

/* How many still wait. */
static unsigned clean_up(struct gnatter *g)
{
	struct refusals r;

	do {
		r = (struct refusals){0};
		if (gnatter_outbox(g, NULL, see, &r) != GNATTER_OK)
			return 0;
		for (size_t i = 0; i < r.count; i++)
			if (gnatter_discard(g, r.chats[i], r.ids[i]) != GNATTER_OK)
				return r.waiting;
	} while (r.count > 0);
	return r.waiting;
}

/* --- what is sent --------------------------------------------------------------------------- */

/* Standard input to its end, without the line feed there. NULL: said. */
static char *whole_stdin(void)
{
	char *text = need(malloc(TEXT_MAX + 2));
	size_t len = 0;

	while (len <= TEXT_MAX) {
		ssize_t n = read(STDIN_FILENO, text + len, TEXT_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	while (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	if (len > 0 && len <= TEXT_MAX && strlen(text) == len)
		return text;
	fail(GN_USAGE, len == 0 ? "there is nothing on standard input to be sent"
				: "what is on standard input is too long, or no text");
	free(text);
	return NULL;
}

/* The operands behind the chat, with blanks between them. */
static char *joined(const struct args *a)
{
	struct buf b = {0};
	char *text;

	for (int i = 1; i < a->operands; i++)
		buf_printf(&b, "%s%s", i > 1 ? " " : "", a->operand[i]);
	if (b.failed)
		need(NULL);
	text = need(strndup(b.len ? b.data : "", b.len));
	buf_free(&b);
	if (*text)
		return text;
	fail(GN_USAGE, "an empty message cannot be sent");
	free(text);
	return NULL;
}

static char *text_of(const struct args *a)
{
	return a->operands == 2 && strcmp(a->operand[1], "-") == 0 ? whole_stdin() : joined(a);
}

static int print_sent(const struct sending *w)
{
	struct buf b = {0};

	buf_str(&b, "{\"chat\":");
	json_put_string(&b, w->chat, strlen(w->chat));
	buf_str(&b, ",\"id\":");
	json_put_string(&b, w->id, strlen(w->id));
	if (w->seq)
		buf_printf(&b, ",\"seq\":%llu", (unsigned long long)w->seq);
	buf_str(&b, "}\n");
	if (b.failed)
		need(NULL);
	fwrite(b.data, 1, b.len, stdout);
	buf_free(&b);
	return say_flush(NULL);
}

/* --- waiting -------------------------------------------------------------------------------- */

static bool is_stored(const struct sending *w)
{
	return w->tick >= GNATTER_TICK_STORED;
}

static int say_waiting(struct session *s, const char *what)
{
	int code = session_say_offline(s);

	fail(code, "%s in the outbox; the next gnatter send or gnatter flush sends it", what);
	return code;
}

/* Until that message is stored or refused. */
static int wait_stored(struct sending *w)
{
	struct session *s = w->session;
	bool time_left = true;
	int code = GN_OK;

	pthread_mutex_lock(&s->lock);
	while (!is_stored(w) && !w->refused && !s->unauthorized && time_left)
		time_left = session_wait(s);
	if (w->refused)
		code = fail(GN_REFUSED, "%s", w->refused);
	else if (!is_stored(w))
		code = say_waiting(s, "the message waits");
	pthread_mutex_unlock(&s->lock);
	return code;
}

static int send_it(struct sending *w, const struct args *a, const char *text, uint64_t reply)
{
	struct session *s = w->session;
	struct gnatter_draft d = {.text = text, .ref = reply};
	int code = session_error(s, gnatter_send(s->g, w->chat, &d, w->id));

	if (code != GN_OK || args_has(a, "no-wait"))
		return code;
	code = session_connect(s);
	if (code == GN_OK)
		code = wait_stored(w);
	clean_up(s->g);
	return code;
}

int command_send(const struct args *a)
{
	struct session s;
	struct sending w = {.session = &s};
	char chat[GNATTER_CHAT_SIZE], *text = NULL;
	uint64_t reply = 0;
	int code;

	session_init(&s);
	s.on_sent = on_sent;
	s.ctx = &w;
	code = args_number(a, "reply", 1, INT64_MAX, &reply) && (text = text_of(a))
		       ? session_open(&s, a, SESSION_SENDS)
		       : GN_USAGE;
	if (code == GN_OK && !session_chat(&s, a->operand[0], chat))
		code = GN_USAGE;
	w.chat = chat;
	if (code == GN_OK)
		code = send_it(&w, a, text, reply);
	if (code == GN_OK && args_has(a, "json"))
		code = print_sent(&w);
	session_close(&s);
	free(w.refused);
	free(text);
	return code;
}

/* Until nothing waits any more. */
static int wait_flushed(struct sending *w)
{
	struct session *s = w->session;
	unsigned waiting = clean_up(s->g);
	bool time_left = true;
	int code;

	pthread_mutex_lock(&s->lock);
	while (waiting > 0 && !s->unauthorized && time_left) {
		time_left = session_wait(s);
		pthread_mutex_unlock(&s->lock);
		waiting = clean_up(s->g);
		pthread_mutex_lock(&s->lock);
	}
	code = waiting > 0       ? say_waiting(s, "what could not be sent waits")
	       : w->refusals > 0 ? GN_REFUSED
				 : GN_OK;
	pthread_mutex_unlock(&s->lock);
	return code;
}

int command_flush(const struct args *a)
{
	struct session s;
	struct sending w = {.session = &s};
	int code;

	session_init(&s);
	s.on_sent = on_sent;
	s.ctx = &w;
	code = session_open(&s, a, SESSION_SENDS);
	if (code == GN_OK && clean_up(s.g) > 0) {
		code = session_connect(&s);
		if (code == GN_OK)
			code = wait_flushed(&w);
	}
	session_close(&s);
	return code;
}
