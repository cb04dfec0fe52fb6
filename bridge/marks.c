/* marks.c — see marks.h.
 *
 * A list in the order of the hints is enough: nearly all wait equally long. Where many wait they
 * wait longer, so that more of what each user says goes into one message: to tell the marks of
 * 10,000 acknowledgements a second took a tenth of the broker's rate (bench/README.md).
 */
#include "bridge/marks.h"

#include "bridge/clock.h"
#include "bridge/engine/mark.h"
#include "wire/logline.h"

#include <stdlib.h>
#include <string.h>

#define IN_ONE_TURN 512 /* marks */
#define CALM        256 /* marks that may wait before an interval becomes longer */
#define STRETCH_MAX 4   /* times as long, at most */

struct waiting {
	struct waiting *next;
	int64_t due_ms;
	unsigned char chat_len, user_len;
	char names[];
};

struct marks {
	struct teller teller;
	struct directory_reader *reader;
	struct waiting *first, **last;
	size_t count;
	struct gathered gathered;
	struct buf scratch;
};

static bool add(struct marks *m, struct bytes chat, struct bytes user, int64_t due_ms)
{
	struct waiting *w = malloc(sizeof(*w) + chat.len + user.len);

	if (!w)
		return false;
	*w = (struct waiting){.due_ms = due_ms,
		.chat_len = (unsigned char)chat.len,
		.user_len = (unsigned char)user.len};
	memcpy(w->names, chat.data, chat.len);
	memcpy(w->names + chat.len, user.data, user.len);
	*m->last = w;
	m->last = &w->next;
	m->count++;
	return true;
}

static struct waiting *pop(struct marks *m)
{
	struct waiting *w = m->first;

	m->first = w->next;
	if (!m->first)
		m->last = &m->first;
	m->count--;
	return w;
}

void marks_hint(struct marks *m, struct bytes chat, struct bytes user, int64_t now_ms)
{
	int64_t stretch = 1 + (int64_t)(m->count / CALM);

	if (stretch > STRETCH_MAX)
		stretch = STRETCH_MAX;
	if (!add(m, chat, user, now_ms + stretch * m->teller.conf->mark_interval_ms))
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
	a->failed = !add(a->m, chat, user, a->due_ms);
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
	err = store_each(m->teller.store, NULL, key_bytes(&prefix), (struct bytes){NULL, 0}, false,
		add_pending, &a);
	return err == ERR_OK && a.failed ? ERR_NOMEM : err;
}

/* --- telling
 * ---------------------------------------------------------------------------------------- */

static void emit(void *ctx, const char *topic, struct bytes payload)
{
	struct marks *m = ctx;

	teller_publish(&m->teller, &m->gathered, topic, false, 0, payload);
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

static enum err tell(struct marks *m, struct bytes chat, struct bytes user)
{
	struct key k = key_mark(chat, user);
	struct bytes other = name_pair_other(chat, user);
	struct mark_of of = {.chat = chat, .user = user};
	struct mark mark;
	struct told told;
	struct user u;
	enum err err = load_mark(m, &k, &mark);

	if (err == ERR_OK)
		err = teller_account(m->reader, user, &u);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err; /* no member any more, or no account */
	of.hidden = u.receipts_hidden;
	if (other.len > 0 && teller_account(m->reader, other, &u) == ERR_OK)
		of.hidden = of.hidden || u.receipts_hidden;
	told = mark_told(&mark);
	told = mark_tell(&m->scratch, &of, &mark, &told, (uint64_t)clock_wall_ms(), emit, m);
	later_mark(m->teller.later, chat, user, &told);
	return m->scratch.failed ? ERR_NOMEM : ERR_OK;
}

static void tell_first(struct marks *m)
{
	struct waiting *w = pop(m);
	struct bytes chat = {w->names, w->chat_len}, user = {w->names + w->chat_len, w->user_len};
	enum err err = tell(m, chat, user);

	if (err != ERR_OK)
		log_line("a mark cannot be told: %s", err_text(err));
	free(w);
}

int marks_service(struct marks *m, int64_t now_ms)
{
	for (int i = 0; i < IN_ONE_TURN && m->first && m->first->due_ms <= now_ms; i++)
		tell_first(m);
	teller_flush(&m->teller, &m->gathered);
	directory_rest(m->reader);
	if (!m->first)
		return -1;
	return m->first->due_ms <= now_ms ? 0 : (int)(m->first->due_ms - now_ms);
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
