/* store_messages.c — the cached messages.
 *
 * An edit and a delete are rows of their own, as on the server, and change what they are about:
 * the original's `edited` is the seq of its newest edit, from whose row the text is taken when it
 * is read; what is deleted becomes a tombstone.
 */
#include "clients/sdk/store_internal.h"

#include <string.h>

static bool is(const char *type, const char *name)
{
	return strcmp(type, name) == 0;
}

/* --- adding
 * -------------------------------------------------------------------------------------- */

static enum gnatter_error put_message(
	struct store *s, const struct place *p, const struct message *m)
{
	struct sql q;

	sql_start(&q, s, SQL_MESSAGE_PUT);
	sql_int(&q, p->id);
	sql_u64(&q, m->seq);
	sql_u64(&q, m->n);
	sql_int(&q, m->ts_ms);
	sql_text(&q, m->from);
	sql_text(&q, m->device);
	sql_text(&q, m->id);
	sql_text(&q, m->type);
	sql_u64(&q, m->ref);
	sql_text(&q, m->text);
	sql_text(&q, m->media);
	sql_text(&q, m->body);
	sql_u64(&q, m->edited);
	sql_u64(&q, m->deleted);
	return sql_run(&q);
}

/* A statement whose parameters are a chat, what is referred to, and by whom. */
static enum gnatter_error apply(
	struct store *s, enum sql_id id, const struct place *p, const struct message *m)
{
	struct sql q;

	sql_start(&q, s, id);
	sql_int(&q, p->id);
	sql_u64(&q, m->ref);
	sql_u64(&q, m->seq);
	return sql_run(&q);
}

static enum gnatter_error put_preview(struct store *s, const struct place *p, uint64_t seq,
	const char *from, const char *type, const char *text)
{
	char cut[PREVIEW_SIZE];
	struct sql q;

	store_cut(cut, text);
	sql_start(&q, s, SQL_SET_PREVIEW);
	sql_u64(&q, seq);
	sql_text(&q, from);
	sql_text(&q, type);
	sql_text(&q, cut);
	sql_int(&q, p->id);
	return sql_run(&q);
}

static enum gnatter_error put_preview_text(struct store *s, const struct place *p, const char *text)
{
	char cut[PREVIEW_SIZE];
	struct sql q;

	store_cut(cut, text);
	sql_start(&q, s, SQL_SET_PREVIEW_TEXT);
	sql_text(&q, cut);
	sql_int(&q, p->id);
	return sql_run(&q);
}

/* The previewed message was changed by m: read it again. If it is not here, m says enough. */
static enum gnatter_error renew_preview(
	struct store *s, const struct place *p, const struct message *m)
{
	struct sql q;
	bool found;
	enum gnatter_error e = GNATTER_OK;
	enum gnatter_error ended;

	sql_start(&q, s, SQL_TEXT);
	sql_int(&q, p->id);
	sql_u64(&q, m->ref);
	found = sql_row(&q);
	if (found)
		e = put_preview(s, p, m->ref, sql_string(&q, 1), sql_string(&q, 2),
			sql_string_or_null(&q, 0));
	ended = sql_end(&q);
	if (e == GNATTER_OK)
		e = ended;
	if (e != GNATTER_OK || found)
		return e;
	if (is(m->type, "edit"))
		return put_preview_text(s, p, m->text);
	return put_preview(s, p, m->ref, "", "deleted", NULL);
}

/* Do to what m refers to what m says. */
static enum gnatter_error apply_ref(struct store *s, const struct place *p, const struct message *m)
{
	bool edit = is(m->type, "edit");
	enum gnatter_error e = GNATTER_OK;

	if (m->ref == 0 || (!edit && !is(m->type, "delete")))
		return GNATTER_OK;
	e = apply(s, edit ? SQL_EDIT : SQL_BURY, p, m);
	if (e == GNATTER_OK && !edit)
		e = apply(s, SQL_BURY_EDITS, p, m);
	if (e == GNATTER_OK && m->ref == p->preview_seq)
		e = renew_preview(s, p, m);
	return e;
}

/* Whoever sends has read what was there: his marks move without a word. */
static enum gnatter_error move_marks(struct store *s, struct place *p, const struct message *m)
{
	bool ignored;

	if (is(m->type, "system") || !name_user_ok(m->from, strlen(m->from)))
		return GNATTER_OK;
	if (strcmp(m->from, s->user) != 0)
		return member_mark(s, p, m->from, m->seq, m->seq, &ignored);
	p->own_seq = m->seq;
	grow(&p->told_delivered, m->seq);
	grow(&p->told_read, m->seq);
	grow(&p->delivered, m->seq);
	grow(&p->read, m->seq);
	return GNATTER_OK;
}

/* The chat after its newest message m. A deleted one counts if the number went up with it. */
static enum gnatter_error advance(struct store *s, struct place *p, const struct message *m)
{
	bool counts = message_counts(m->type) || (is(m->type, "deleted") && m->n > p->n);
	bool previewed = counts && m->seq > p->preview_seq;
	enum gnatter_error e = move_marks(s, p, m);

	p->hi = m->seq;
	p->written = ++s->written;
	if (m->seq >= p->seq)
		p->ts = m->ts_ms;
	grow(&p->seq, m->seq);
	grow(&p->n, m->n);
	if (m->seq <= p->read)
		grow(&p->read_n, m->n);
	if (e == GNATTER_OK)
		e = place_save(p, s);
	return e == GNATTER_OK && previewed ? put_preview(s, p, m->seq, m->from, m->type, m->text)
					    : e;
}

static enum gnatter_error append(struct store *s, const struct message *m)
{
	struct place p;
	enum gnatter_error e = place_load(&p, s, m->chat);

	if (e == GNATTER_ENOTFOUND || (e == GNATTER_OK && (!p.known || m->seq != p.hi + 1)))
		return GNATTER_EINVAL;
	if (e == GNATTER_OK)
		e = put_message(s, &p, m);
	if (e == GNATTER_OK)
		e = apply_ref(s, &p, m);
	return e == GNATTER_OK ? advance(s, &p, m) : e;
}

enum gnatter_error store_append(struct store *s, const struct message *m)
{
	enum gnatter_error e = store_write(s);

	return e == GNATTER_OK ? store_written(s, append(s, m)) : e;
}

static enum gnatter_error prepend(struct store *s, const struct message *m)
{
	struct place p;
	bool mine = strcmp(m->from, s->user) == 0 && !is(m->type, "system");
	enum gnatter_error e = place_load(&p, s, m->chat);

	if (e == GNATTER_ENOTFOUND ||
		(e == GNATTER_OK && (!p.known || m->seq == 0 || m->seq != p.lo)))
		return GNATTER_EINVAL;
	if (e == GNATTER_OK)
		e = put_message(s, &p, m);
	p.lo = m->seq - 1;
	p.written = ++s->written;
	if (m->seq == p.read)
		grow(&p.read_n, m->n);
	if (mine)
		grow(&p.own_seq, m->seq);
	if (e == GNATTER_OK)
		e = place_save(&p, s);
	if (e == GNATTER_OK && message_counts(m->type) && m->seq > p.preview_seq)
		e = put_preview(s, &p, m->seq, m->from, m->type, m->text);
	return e;
}

enum gnatter_error store_prepend(struct store *s, const struct message *m)
{
	enum gnatter_error e = store_write(s);

	return e == GNATTER_OK ? store_written(s, prepend(s, m)) : e;
}

/* --- reading
 * ------------------------------------------------------------------------------------- */

static enum gnatter_tick tick_of(const struct gnatter_message *m, uint64_t delivered, uint64_t read)
{
	if (!m->mine)
		return GNATTER_TICK_NONE;
	if (read >= m->seq)
		return GNATTER_TICK_READ;
	return delivered >= m->seq ? GNATTER_TICK_DELIVERED : GNATTER_TICK_STORED;
}

/* The columns in their order in store_sql.c; the strings are lent from the row. */
static void read_message(struct sql *q, struct gnatter_message *m)
{
	*m = (struct gnatter_message){.chat = sql_string(q, 0), .code = ""};
	m->seq = sql_number(q, 1);
	m->n = sql_number(q, 2);
	m->from = sql_string(q, 3);
	m->device = sql_string(q, 4);
	m->ts_ms = sql_column(q, 5);
	m->id = sql_string(q, 6);
	m->type = sql_string(q, 7);
	m->ref = sql_number(q, 8);
	m->text = sql_string_or_null(q, 9);
	m->media = sql_string_or_null(q, 10);
	m->body = sql_string_or_null(q, 11);
	m->edited = sql_number(q, 12);
	m->deleted = sql_number(q, 13);
	m->mine = strcmp(m->from, q->s->user) == 0;
	m->tick = tick_of(m, sql_number(q, 14), sql_number(q, 15));
}

enum gnatter_error messages_each(struct sql *q, gnatter_message_fn *fn, void *ctx)
{
	struct gnatter_message m;

	while (sql_row(q)) {
		read_message(q, &m);
		if (q->err != GNATTER_OK || !fn(ctx, &m))
			break;
	}
	return sql_end(q);
}

/* Those with after < seq < before. */
static enum gnatter_error range(struct store *s, const char *chat, uint64_t after, uint64_t before,
	gnatter_message_fn *fn, void *ctx)
{
	struct sql q;

	sql_start(&q, s, SQL_MESSAGES);
	sql_text(&q, chat);
	sql_u64(&q, after);
	sql_u64(&q, before);
	return messages_each(&q, fn, ctx);
}

/* There are no gaps: where a page begins and ends need not be searched. */
enum gnatter_error store_messages(struct store *s, const char *chat, uint64_t before,
	uint32_t limit, gnatter_message_fn *fn, void *ctx)
{
	struct place p;
	uint64_t end;
	enum gnatter_error e;

	store_enter(s);
	e = place_load(&p, s, chat);
	if (e == GNATTER_OK && limit > 0) {
		end = before == 0 || before > p.hi ? p.hi + 1 : before;
		e = range(s, chat, end > limit ? end - limit - 1 : 0, end, fn, ctx);
	}
	return store_leave(s, e);
}

enum gnatter_error store_messages_after(struct store *s, const char *chat, uint64_t after,
	uint32_t limit, gnatter_message_fn *fn, void *ctx)
{
	struct place p;
	enum gnatter_error e;

	store_enter(s);
	e = place_load(&p, s, chat);
	if (e == GNATTER_OK && limit > 0 && after < p.hi) {
		grow(&after, p.lo);
		e = range(s, chat, after, after + limit + 1, fn, ctx);
	}
	return store_leave(s, e);
}

enum gnatter_error store_reactions(
	struct store *s, const char *chat, uint64_t ref, gnatter_message_fn *fn, void *ctx)
{
	struct sql q;

	store_enter(s);
	sql_start(&q, s, SQL_REACTIONS);
	sql_text(&q, chat);
	sql_u64(&q, ref);
	return store_leave(s, messages_each(&q, fn, ctx));
}

enum gnatter_error store_own(struct store *s, const char *chat, uint64_t after, uint64_t upto,
	gnatter_message_fn *fn, void *ctx)
{
	struct sql q;

	store_enter(s);
	sql_start(&q, s, SQL_OWN);
	sql_text(&q, chat);
	sql_u64(&q, after);
	sql_u64(&q, upto);
	sql_text(&q, s->user);
	sql_text(&q, s->device);
	return store_leave(s, messages_each(&q, fn, ctx));
}
