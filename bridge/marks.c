/* marks.c — see marks.h.
 *
 * A list in the order of the hints is enough: they are told in that order. Where many wait they are
 * told a batch at a time and wait longer, so that more of what each user says goes into one
 * message: to tell the marks of 10,000 acknowledgements a second took a tenth of the broker's rate,
 * and to tell hundreds at once kept every chat message waiting behind them (bench/README.md).
 */
#include "bridge/marks.h"

#include "bridge/clock.h"
#include "bridge/engine/mark.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "persist/visible.h"
#include "wire/logline.h"

#include <stdlib.h>
#include <string.h>

#define IN_ONE_TURN 64 /* marks, which take a millisecond of the broker */
#define BATCH       25 /* marks */
#define BATCH_MS    50 /* from one batch to the next, unless its marks had to wait too long */
#define STRETCH_MAX 8  /* intervals that a mark waits, at most */

struct waiting {
	struct waiting *next;
	int64_t due_ms;
	unsigned char chat_len, user_len;
	bool again; /* all of it, whatever was told before */
	char names[];
};

struct marks {
	struct teller teller;
	struct directory_reader *reader;
	struct waiting *first, **last;
	int64_t batch_ms; /* when the last batch begins that marks wait for */
	unsigned batched; /* marks in it */
	struct gathered gathered;
	struct buf scratch;
};

static bool add(struct marks *m, struct bytes chat, struct bytes user, bool again, int64_t due_ms)
{
	struct waiting *w = malloc(sizeof(*w) + chat.len + user.len);

	if (!w)
		return false;
	*w = (struct waiting){.due_ms = due_ms,
		.chat_len = (unsigned char)chat.len,
		.user_len = (unsigned char)user.len,
		.again = again};
	memcpy(w->names, chat.data, chat.len);
	memcpy(w->names + chat.len, user.data, user.len);
	*m->last = w;
	m->last = &w->next;
	return true;
}

static struct waiting *pop(struct marks *m)
{
	struct waiting *w = m->first;

	m->first = w->next;
	if (!m->first)
		m->last = &m->first;
	return w;
}

/* When it is the turn of a mark that begins to wait now. */
static int64_t turn(struct marks *m, int64_t now_ms)
{
	int64_t interval = m->teller.conf->mark_interval_ms, soonest = now_ms + interval;
	int64_t latest = now_ms + STRETCH_MAX * interval;

	if (soonest >= m->batch_ms + BATCH_MS) {
		m->batch_ms = soonest;
		m->batched = 0;
	} else if (m->batched == BATCH) {
		m->batch_ms += BATCH_MS;
		m->batched = 0;
	}
	if (m->batch_ms > latest)
		m->batch_ms = latest;
	m->batched++;
	return m->batch_ms > soonest ? m->batch_ms : soonest;
}

void marks_hint(struct marks *m, struct bytes chat, struct bytes user, bool again, int64_t now_ms)
{
	if (!add(m, chat, user, again, turn(m, now_ms)))
		log_line("a mark cannot be told: out of memory");
}

struct all {
	struct marks *m;
	int64_t due_ms;
	bool failed;
};

static bool add_pending(void *ctx, struct bytes key, struct bytes value)
{
	struct all *a = ctx;
	struct bytes chat, user;

	(void)value;
	key_names(key, &chat, &user);
	a->failed = !add(a->m, chat, user, false, a->due_ms);
	return !a->failed;
}

static void drop_all(struct marks *m)
{
	while (m->first)
		free(pop(m));
}

enum err marks_restart(struct marks *m, int64_t now_ms)
{
	struct all a = {m, now_ms, false};
	struct key prefix = key_pending_all();
	enum err err;

	drop_all(m);
	m->batch_ms = 0;
	m->batched = 0;
	err = store_each(m->teller.store, NULL, key_bytes(&prefix), (struct bytes){NULL, 0}, false,
		add_pending, &a);
	return err == ERR_OK && a.failed ? ERR_NOMEM : err;
}

/* --- telling
 * ---------------------------------------------------------------------------------------- */

static void emit(void *ctx, const char *topic, uint8_t qos, struct bytes payload)
{
	struct marks *m = ctx;

	teller_publish(&m->teller, &m->gathered,
		&(struct telling){.topic = topic, .qos = qos, .payload = payload});
	stats_add(&m->teller.stats->marks_told, 1);
}

static enum err load_mark(struct marks *m, const struct key *k, struct mark *out)
{
	struct bytes v;
	enum err err = store_get(m->teller.store, NULL, key_bytes(k), &v);

	if (err != ERR_OK)
		return err;
	err = mark_decode(out, v);
	free((void *)(uintptr_t)v.data);
	return err;
}

/* Whether either of the two has blocked the other; u is the user's account, v the other's. */
static enum err find_blocked(struct marks *m, struct bytes user, const struct user *u,
	struct bytes other, const struct user *v, bool *yes)
{
	struct viewer one = {user, u->created}, two = {other, v->created};
	enum err err = visible_blocked(m->reader, other, &one, yes);

	return err == ERR_OK && !*yes ? visible_blocked(m->reader, user, &two, yes) : err;
}

static enum err find_member(struct marks *m, struct bytes chat, struct bytes user)
{
	struct key k = key_member(chat, user);
	struct bytes value;

	return directory_get(m->reader, TABLE_MEMBERS, key_bytes(&k), &value);
}

static enum err find_channel(struct marks *m, struct bytes chat, bool *yes)
{
	struct key k = key_chat(chat);
	struct bytes value;
	struct chat c;
	enum err err = directory_get(m->reader, TABLE_CHATS, key_bytes(&k), &value);

	if (err == ERR_OK)
		err = chat_decode(&c, value);
	*yes = err == ERR_OK && c.kind == KIND_CHANNEL;
	return err;
}

/* Who is to be told, as engine/ack.c has it. ERR_NOT_FOUND: nobody. */
static enum err find_audience(struct marks *m, struct mark_of *of)
{
	struct bytes other = name_pair_other(of->chat, of->user);
	struct user u, v;
	enum err err = teller_account(m->reader, of->user, &u);

	if (err != ERR_OK)
		return err;
	of->hidden = u.receipts_hidden;
	if (other.len == 0)
		return find_channel(m, of->chat, &of->own);
	err = find_member(m, of->chat, other);
	if (err == ERR_OK)
		err = teller_account(m->reader, other, &v);
	of->own = err == ERR_NOT_FOUND;
	of->hidden = of->hidden || (err == ERR_OK && v.receipts_hidden);
	if (err == ERR_OK)
		err = find_blocked(m, of->user, &u, other, &v, &of->own);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err tell(struct marks *m, struct bytes chat, struct bytes user, bool again)
{
	struct key k = key_mark(chat, user);
	struct mark_of of = {.chat = chat, .user = user};
	struct mark mark;
	struct told told;
	enum err err = load_mark(m, &k, &mark);

	if (err == ERR_OK)
		err = find_audience(m, &of);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err; /* no member any more, or no account */
	told = again ? (struct told){0} : mark_told(&mark);
	told = mark_tell(&m->scratch, &of, &mark, &told, (uint64_t)clock_wall_ms(), emit, m);
	later_mark(m->teller.later, chat, user, &told);
	return m->scratch.failed ? ERR_NOMEM : ERR_OK;
}

static void tell_first(struct marks *m)
{
	struct waiting *w = pop(m);
	struct bytes chat = {w->names, w->chat_len}, user = {w->names + w->chat_len, w->user_len};
	enum err err = tell(m, chat, user, w->again);

	if (err != ERR_OK)
		log_line("a mark cannot be told: %s", err_text(err));
	free(w);
}

/* ms until it is. Who waits for longer than now is allowed began when the interval was longer. */
static int64_t due_in(const struct marks *m, const struct waiting *w, int64_t now_ms)
{
	int64_t wait = w->due_ms - now_ms;

	return wait <= 0 || wait > STRETCH_MAX * m->teller.conf->mark_interval_ms ? 0 : wait;
}

int marks_service(struct marks *m, int64_t now_ms)
{
	int64_t wait;

	for (int i = 0; i < IN_ONE_TURN && m->first && due_in(m, m->first, now_ms) == 0; i++)
		tell_first(m);
	teller_flush(&m->teller, &m->gathered);
	directory_rest(m->reader);
	if (!m->first)
		return -1;
	wait = due_in(m, m->first, now_ms);
	return wait > 0 ? (int)wait : 1;
}

enum err marks_create(struct marks **out, const struct teller *teller)
{
	struct marks *m = calloc(1, sizeof(*m));
	enum err err;

	*out = NULL;
	if (!m)
		return ERR_NOMEM;
	m->teller = *teller;
	m->last = &m->first;
	err = directory_reader_create(&m->reader, teller->directory);
	if (err != ERR_OK) {
		marks_destroy(m);
		return err;
	}
	*out = m;
	return ERR_OK;
}

void marks_destroy(struct marks *m)
{
	if (!m)
		return;
	drop_all(m);
	directory_reader_destroy(m->reader);
	buf_free(&m->gathered.effects);
	buf_free(&m->scratch);
	free(m);
}
