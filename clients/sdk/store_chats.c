/* store_chats.c — rows of chats.
 *
 * A list of chats reads these rows alone: what it shows of messages (preview, unread) is kept here
 * when messages come.
 */
#include "clients/sdk/store_internal.h"

#include <string.h>

#include "wire/utf8.h"

void store_cut(char out[PREVIEW_SIZE], const char *text)
{
	size_t len = text ? utf8_prefix(text, strnlen(text, PREVIEW_SIZE), PREVIEW_CHARS) : 0;

	if (len >= PREVIEW_SIZE)
		len = PREVIEW_SIZE - 1; /* not UTF-8 */
	if (len > 0)
		memcpy(out, text, len);
	out[len] = '\0';
}

/* --- reading rows
 * -------------------------------------------------------------------------------- */

static enum gnatter_kind kind_of(uint64_t v)
{
	return v <= GNATTER_CHANNEL ? (enum gnatter_kind)v : GNATTER_GROUP;
}

/* The columns in their order in store_sql.c; the strings are lent from the row. */
static void read_chat(struct sql *q, struct store_chat *c)
{
	struct gnatter_chat *p = &c->pub;
	int i = 0;

	*c = (struct store_chat){.pub = {.chat = sql_string(q, i++)}};
	p->kind = kind_of(sql_number(q, i++));
	p->title = sql_string(q, i++);
	p->peer = sql_string(q, i++);
	p->role = sql_string(q, i++);
	p->seq = sql_number(q, i++);
	p->n = sql_number(q, i++);
	p->ts_ms = sql_column(q, i++);
	p->delivered = sql_number(q, i++);
	p->read = sql_number(q, i++);
	p->muted = sql_number(q, i++) != 0;
	p->muted_until_ms = sql_column(q, i++);
	p->mentions = sql_number(q, i++) != 0;
	p->gone = sql_number(q, i++) != 0;
	p->preview_seq = sql_number(q, i++);
	p->preview_from = sql_string(q, i++);
	p->preview_type = sql_string(q, i++);
	p->preview_text = sql_string(q, i++);
	c->lo = sql_number(q, i++);
	c->hi = sql_number(q, i++);
	c->known = sql_number(q, i++) != 0;
	c->read_n = sql_number(q, i++);
	c->told_delivered = sql_number(q, i++);
	c->told_read = sql_number(q, i++);
	c->want_delivered = sql_number(q, i++);
	c->want_read = sql_number(q, i++);
	c->own_seq = sql_number(q, i++);
	c->floor_delivered = sql_number(q, i++);
	c->floor_read = sql_number(q, i++);
	c->members = sql_number(q, i++) != 0;
	p->unread = p->n > c->read_n ? p->n - c->read_n : 0;
}

/* Call fn for each row that q gives. *any: there was one. */
static enum gnatter_error each(struct sql *q, store_chat_fn *fn, void *ctx, bool *any)
{
	struct store_chat c;

	*any = false;
	while (sql_row(q)) {
		read_chat(q, &c);
		*any = true;
		if (q->err != GNATTER_OK || !fn(ctx, &c))
			break;
	}
	return sql_end(q);
}

enum gnatter_error store_chat(struct store *s, const char *chat, store_chat_fn *fn, void *ctx)
{
	struct sql q;
	bool any;
	enum gnatter_error e;

	store_enter(s);
	sql_start(&q, s, SQL_CHAT);
	sql_text(&q, chat);
	e = each(&q, fn, ctx, &any);
	return store_leave(s, e == GNATTER_OK && !any ? GNATTER_ENOTFOUND : e);
}

enum gnatter_error store_chats(struct store *s, store_chat_fn *fn, void *ctx)
{
	struct sql q;
	bool any;

	store_enter(s);
	sql_start(&q, s, SQL_CHATS);
	return store_leave(s, each(&q, fn, ctx, &any));
}

enum gnatter_error store_untold(struct store *s, store_chat_fn *fn, void *ctx)
{
	struct sql q;
	bool any;

	store_enter(s);
	sql_start(&q, s, SQL_UNTOLD);
	return store_leave(s, each(&q, fn, ctx, &any));
}

/* --- the numbers of a chat
 * ----------------------------------------------------------------------- */

enum gnatter_error place_load(struct place *p, struct store *s, const char *chat)
{
	struct sql q;
	bool found;
	enum gnatter_error e;
	int i = 0;

	*p = (struct place){0};
	sql_start(&q, s, SQL_PLACE);
	sql_text(&q, chat);
	found = sql_row(&q);
	if (found) {
		p->id = sql_column(&q, i++);
		p->kind = kind_of(sql_number(&q, i++));
		p->known = sql_number(&q, i++) != 0;
		p->ts = sql_column(&q, i++);
		p->seq = sql_number(&q, i++);
		p->n = sql_number(&q, i++);
		p->delivered = sql_number(&q, i++);
		p->read = sql_number(&q, i++);
		p->read_n = sql_number(&q, i++);
		p->told_delivered = sql_number(&q, i++);
		p->told_read = sql_number(&q, i++);
		p->want_delivered = sql_number(&q, i++);
		p->want_read = sql_number(&q, i++);
		p->own_seq = sql_number(&q, i++);
		p->lo = sql_number(&q, i++);
		p->hi = sql_number(&q, i++);
		p->written = sql_number(&q, i++);
		p->floor_delivered = sql_number(&q, i++);
		p->floor_read = sql_number(&q, i++);
		p->preview_seq = sql_number(&q, i++);
	}
	e = sql_end(&q);
	return e == GNATTER_OK && !found ? GNATTER_ENOTFOUND : e;
}

enum gnatter_error place_save(const struct place *p, struct store *s)
{
	const uint64_t numbers[] = {p->seq, p->n, p->delivered, p->read, p->read_n,
		p->told_delivered, p->told_read, p->want_delivered, p->want_read, p->own_seq, p->lo,
		p->hi, p->written};
	struct sql q;

	sql_start(&q, s, SQL_PLACE_PUT);
	sql_int(&q, p->ts);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sql_u64(&q, numbers[i]);
	sql_int(&q, p->id);
	return sql_run(&q);
}

/* --- what the server says of a chat
 * -------------------------------------------------------------- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static bool same(const struct gnatter_chat *a, const struct gnatter_chat *b)
{
	return a->kind == b->kind && strcmp(a->title, b->title) == 0 &&
	       strcmp(a->peer, b->peer) == 0 && strcmp(a->role, b->role) == 0 && a->seq == b->seq &&
	       a->n == b->n && a->ts_ms == b->ts_ms && a->unread == b->unread &&
	       a->delivered == b->delivered && a->read == b->read && a->muted == b->muted &&
	       a->muted_until_ms == b->muted_until_ms && a->mentions == b->mentions &&
	       a->gone == b->gone && a->preview_seq == b->preview_seq &&
	       strcmp(a->preview_from, b->preview_from) == 0 &&
	       strcmp(a->preview_type, b->preview_type) == 0 &&
	       strcmp(a->preview_text, b->preview_text) == 0;
}

/* Marks and what follows from them. Which n stands at the read mark the server knows best. */
static void merge_marks(struct store_chat *to, const struct gnatter_chat *c)
{
	grow(&to->told_delivered, c->delivered);
	grow(&to->told_read, c->read);
	grow(&to->pub.delivered, c->delivered);
	if (c->read >= to->pub.read) {
		to->pub.read = c->read;
		to->read_n = c->n > c->unread ? c->n - c->unread : 0;
	}
	to->pub.unread = to->pub.n > to->read_n ? to->pub.n - to->read_n : 0;
}

static void merge(struct store_chat *to, const struct gnatter_chat *c, char cut[PREVIEW_SIZE])
{
	struct gnatter_chat *p = &to->pub;

	p->kind = c->kind;
	p->title = or_empty(c->title);
	p->peer = or_empty(c->peer);
	p->role = or_empty(c->role);
	if (c->seq >= p->seq)
		p->ts_ms = c->ts_ms;
	grow(&p->seq, c->seq);
	grow(&p->n, c->n);
	p->muted = c->muted;
	p->muted_until_ms = c->muted_until_ms;
	p->mentions = c->mentions;
	p->gone = false;
	if (c->preview_seq >= p->preview_seq) {
		p->preview_seq = c->preview_seq;
		p->preview_from = or_empty(c->preview_from);
		p->preview_type = or_empty(c->preview_type);
		store_cut(cut, c->preview_text);
		p->preview_text = cut;
	}
	merge_marks(to, c);
}

static enum gnatter_error update(struct store *s, const struct store_chat *c)
{
	const struct gnatter_chat *p = &c->pub;
	struct sql q;

	sql_start(&q, s, SQL_CHAT_UPDATE);
	sql_int(&q, p->kind);
	sql_text(&q, p->title);
	sql_text(&q, p->peer);
	sql_text(&q, p->role);
	sql_u64(&q, p->seq);
	sql_u64(&q, p->n);
	sql_int(&q, p->ts_ms);
	sql_u64(&q, p->delivered);
	sql_u64(&q, p->read);
	sql_int(&q, p->muted);
	sql_int(&q, p->muted_until_ms);
	sql_int(&q, p->mentions);
	sql_u64(&q, p->preview_seq);
	sql_text(&q, p->preview_from);
	sql_text(&q, p->preview_type);
	sql_text(&q, p->preview_text);
	sql_u64(&q, c->read_n);
	sql_u64(&q, c->told_delivered);
	sql_u64(&q, c->told_read);
	sql_text(&q, p->chat);
	return sql_run_one(&q);
}

static enum gnatter_error insert(struct store *s, const char *chat)
{
	struct sql q;

	sql_start(&q, s, SQL_CHAT_INSERT);
	sql_text(&q, chat);
	return sql_run(&q);
}

/* Is the row as it would be written? */
static bool nothing_new(const struct store_chat *a, const struct store_chat *b)
{
	return a->told_delivered == b->told_delivered && a->told_read == b->told_read &&
	       a->read_n == b->read_n;
}

static enum gnatter_error put_chat(struct store *s, const struct gnatter_chat *c, bool *changed)
{
	char cut[PREVIEW_SIZE];
	struct store_chat was = {
		.pub = {.preview_from = "", .preview_type = "", .preview_text = ""}};
	struct store_chat is;
	struct sql q;
	bool found;
	enum gnatter_error e = GNATTER_OK;
	enum gnatter_error ended;

	sql_start(&q, s, SQL_CHAT);
	sql_text(&q, c->chat);
	found = sql_row(&q);
	if (found)
		read_chat(&q, &was);
	if (q.err != GNATTER_OK)
		return sql_end(&q);
	is = was;
	is.pub.chat = c->chat;
	merge(&is, c, cut);
	*changed = !found || !same(&was.pub, &is.pub);
	if (!found)
		e = insert(s, c->chat);
	if (e == GNATTER_OK && (*changed || !nothing_new(&was, &is)))
		e = update(s, &is); /* its strings are lent from the row */
	ended = sql_end(&q);
	return e == GNATTER_OK ? ended : e;
}

enum gnatter_error store_put_chat(struct store *s, const struct gnatter_chat *c, bool *changed)
{
	bool ignored;
	enum gnatter_error e;

	if (!c->chat || name_chat_kind(c->chat, strlen(c->chat), NULL) == CHAT_NONE)
		return GNATTER_EINVAL;
	e = store_write(s);
	return e == GNATTER_OK ? store_written(s, put_chat(s, c, changed ? changed : &ignored)) : e;
}

enum gnatter_error store_begin_chat(struct store *s, const char *chat, uint64_t hi)
{
	struct place p;
	struct sql q;
	enum gnatter_error e = store_write(s);

	if (e != GNATTER_OK)
		return e;
	e = place_load(&p, s, chat);
	if (e == GNATTER_OK && !p.known) {
		sql_start(&q, s, SQL_CHAT_BEGIN);
		sql_int(&q, p.id);
		sql_u64(&q, hi);
		e = sql_run(&q);
	}
	return store_written(s, e);
}

enum gnatter_error store_set_gone(struct store *s, const char *chat)
{
	struct sql q;

	store_enter(s);
	sql_start(&q, s, SQL_SET_GONE);
	sql_text(&q, chat);
	return store_leave(s, sql_run_one(&q));
}

enum gnatter_error store_set_title(struct store *s, const char *chat, const char *title)
{
	struct sql q;

	store_enter(s);
	sql_start(&q, s, SQL_SET_TITLE);
	sql_text(&q, or_empty(title));
	sql_text(&q, chat);
	return store_leave(s, sql_run_one(&q));
}

enum gnatter_error store_set_mute(
	struct store *s, const char *chat, int64_t until_ms, bool mentions)
{
	struct sql q;

	store_enter(s);
	sql_start(&q, s, SQL_SET_MUTE);
	sql_int(&q, until_ms != 0);
	sql_int(&q, until_ms > 0 ? until_ms : 0);
	sql_int(&q, until_ms != 0 && mentions);
	sql_text(&q, chat);
	return store_leave(s, sql_run_one(&q));
}

/* --- this user's own marks
 * ----------------------------------------------------------------------- */

/* Move read_n to the n of the message at seq, if it is known. */
static enum gnatter_error read_to(struct store *s, struct place *p, uint64_t seq)
{
	struct sql q;

	if (seq >= p->seq) {
		grow(&p->read_n, p->n);
		return GNATTER_OK;
	}
	if (!p->known || seq <= p->lo || seq > p->hi)
		return GNATTER_OK;
	sql_start(&q, s, SQL_N_AT);
	sql_int(&q, p->id);
	sql_u64(&q, seq);
	if (sql_row(&q))
		grow(&p->read_n, sql_number(&q, 0));
	return sql_end(&q);
}

/* Raise what is public of the marks, and write all of p. */
static enum gnatter_error raise_marks(
	struct store *s, struct place *p, uint64_t delivered, uint64_t read, bool *changed)
{
	struct place was = *p;
	enum gnatter_error e = GNATTER_OK;

	if (read > p->read)
		e = read_to(s, p, read);
	grow(&p->delivered, delivered);
	grow(&p->read, read);
	*changed = p->delivered != was.delivered || p->read != was.read || p->read_n != was.read_n;
	return e == GNATTER_OK ? place_save(p, s) : e;
}

static enum gnatter_error own_marks(
	struct store *s, const char *chat, uint64_t delivered, uint64_t read, bool *changed)
{
	struct place p;
	enum gnatter_error e = place_load(&p, s, chat);

	if (e != GNATTER_OK)
		return e;
	grow(&p.told_delivered, delivered);
	grow(&p.told_read, read);
	return raise_marks(s, &p, delivered, read, changed);
}

static enum gnatter_error want_marks(
	struct store *s, const char *chat, uint64_t delivered, uint64_t read, bool *changed)
{
	struct place p;
	enum gnatter_error e = place_load(&p, s, chat);

	if (e != GNATTER_OK)
		return e;
	grow(&p.want_read, read < p.seq ? read : p.seq);
	grow(&p.want_delivered, delivered < p.seq ? delivered : p.seq);
	grow(&p.want_delivered, p.want_read);
	return raise_marks(s, &p, p.want_delivered, p.want_read, changed);
}

enum gnatter_error store_own_marks(
	struct store *s, const char *chat, uint64_t delivered, uint64_t read, bool *changed)
{
	bool ignored;
	enum gnatter_error e = store_write(s);

	if (e != GNATTER_OK)
		return e;
	return store_written(s, own_marks(s, chat, delivered, read, changed ? changed : &ignored));
}

enum gnatter_error store_want_marks(
	struct store *s, const char *chat, uint64_t delivered, uint64_t read, bool *changed)
{
	bool ignored;
	enum gnatter_error e = store_write(s);

	if (e != GNATTER_OK)
		return e;
	return store_written(s, want_marks(s, chat, delivered, read, changed ? changed : &ignored));
}
