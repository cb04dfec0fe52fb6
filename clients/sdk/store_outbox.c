/* store_outbox.c — what is to be sent.
 *
 * A row stays from store_queue() to store_unqueue(). Those that were refused stay, too, until they
 * are discarded, and are as many as may wait at most: then the oldest of them goes.
 */
#include "clients/sdk/store_internal.h"

#include <string.h>

_Static_assert(GNATTER_TICK_REFUSED == 1, "as the statements in store_sql.c have it");

enum gnatter_error outbox_load(struct store *s)
{
	struct sql q;
	uint64_t all = 0;
	uint64_t refused = 0;
	enum gnatter_error e;

	sql_start(&q, s, SQL_OUTBOX_COUNT);
	if (sql_row(&q)) {
		all = sql_number(&q, 0);
		refused = sql_number(&q, 1);
	}
	e = sql_end(&q);
	s->waiting = (uint32_t)(all - refused);
	s->refused = (uint32_t)refused;
	if (e != GNATTER_OK)
		return e;
	sql_start(&q, s, SQL_OUTBOX_LAST);
	if (sql_row(&q) && sql_column(&q, 0) > s->outbox_pos)
		s->outbox_pos = sql_column(&q, 0);
	return sql_end(&q);
}

/* --- reading
 * ------------------------------------------------------------------------------------- */

static enum gnatter_tick tick_at(struct sql *q, int column)
{
	switch (sql_number(q, column)) {
	case GNATTER_TICK_REFUSED:
		return GNATTER_TICK_REFUSED;
	case GNATTER_TICK_SENT:
		return GNATTER_TICK_SENT;
	default:
		return GNATTER_TICK_QUEUED;
	}
}

static enum gnatter_error each(struct sql *q, store_outgoing_fn *fn, void *ctx, bool *any)
{
	struct store_outgoing o;

	*any = false;
	while (sql_row(q)) {
		*any = true;
		o.pos = sql_column(q, 0);
		o.id = sql_string(q, 1);
		o.chat = sql_string(q, 2);
		o.payload = sql_string(q, 3);
		o.tick = tick_at(q, 4);
		o.tries = (uint32_t)sql_number(q, 5);
		if (q->err != GNATTER_OK || !fn(ctx, &o))
			break;
	}
	return sql_end(q);
}

enum gnatter_error store_waiting(
	struct store *s, int64_t after, uint32_t limit, store_outgoing_fn *fn, void *ctx)
{
	struct sql q;
	bool any;

	store_enter(s);
	sql_start(&q, s, SQL_WAITING);
	sql_int(&q, after);
	sql_int(&q, limit);
	return store_leave(s, each(&q, fn, ctx, &any));
}

enum gnatter_error store_outgoing(
	struct store *s, const char *chat, const char *id, store_outgoing_fn *fn, void *ctx)
{
	struct sql q;
	bool any;
	enum gnatter_error e;

	store_enter(s);
	sql_start(&q, s, SQL_OUTGOING);
	sql_text(&q, chat);
	sql_text(&q, id);
	e = each(&q, fn, ctx, &any);
	return store_leave(s, e == GNATTER_OK && !any ? GNATTER_ENOTFOUND : e);
}

static void read_message(struct sql *q, struct gnatter_message *m)
{
	*m = (struct gnatter_message){.from = q->s->user, .device = q->s->device, .mine = true};
	m->id = sql_string(q, 0);
	m->chat = sql_string(q, 1);
	m->type = sql_string(q, 2);
	m->ref = sql_number(q, 3);
	m->text = sql_string_or_null(q, 4);
	m->media = sql_string_or_null(q, 5);
	m->body = sql_string_or_null(q, 6);
	m->ts_ms = sql_column(q, 7);
	m->tick = tick_at(q, 8);
	m->code = sql_string(q, 9);
}

enum gnatter_error store_outbox(
	struct store *s, const char *chat, gnatter_message_fn *fn, void *ctx)
{
	struct gnatter_message m;
	struct sql q;

	store_enter(s);
	sql_start(&q, s, chat ? SQL_OUTBOX_CHAT : SQL_OUTBOX);
	if (chat)
		sql_text(&q, chat);
	while (sql_row(&q)) {
		read_message(&q, &m);
		if (q.err != GNATTER_OK || !fn(ctx, &m))
			break;
	}
	return store_leave(s, sql_end(&q));
}

enum gnatter_error store_outbox_count(struct store *s, uint32_t *out)
{
	store_enter(s);
	*out = s->waiting;
	return store_leave(s, s->failed);
}

/* --- writing
 * ------------------------------------------------------------------------------------- */

/* *tick: of the message of that chat with that id; GNATTER_TICK_NONE if there is none. */
static enum gnatter_error find(
	struct store *s, const char *chat, const char *id, enum gnatter_tick *tick)
{
	struct sql q;

	*tick = GNATTER_TICK_NONE;
	sql_start(&q, s, SQL_OUTGOING);
	sql_text(&q, chat);
	sql_text(&q, id);
	if (sql_row(&q))
		*tick = tick_at(&q, 4);
	return sql_end(&q);
}

static enum gnatter_error insert(struct store *s, const char *chat, const struct gnatter_draft *d,
	const char *payload, int64_t now_ms)
{
	struct sql q;

	sql_start(&q, s, SQL_QUEUE);
	sql_int(&q, s->outbox_pos + 1);
	sql_text(&q, d->id);
	sql_text(&q, chat);
	sql_text(&q, d->type ? d->type : "text");
	sql_u64(&q, d->ref);
	sql_text(&q, d->text);
	sql_text(&q, d->media);
	sql_text(&q, d->body);
	sql_text(&q, payload);
	sql_int(&q, now_ms);
	sql_int(&q, GNATTER_TICK_QUEUED);
	return sql_run(&q);
}

static enum gnatter_error queue(struct store *s, const char *chat, const struct gnatter_draft *d,
	const char *payload, int64_t now_ms)
{
	enum gnatter_tick tick;
	enum gnatter_error e = find(s, chat, d->id, &tick);

	if (e == GNATTER_OK && tick != GNATTER_TICK_NONE)
		return GNATTER_EINVAL;
	if (e == GNATTER_OK && s->waiting >= s->outbox_max)
		return GNATTER_ELIMIT;
	if (e == GNATTER_OK && s->outbox_pos == INT64_MAX)
		e = store_fail(s, SQLITE_FULL); /* a damaged file has one at the very end */
	if (e == GNATTER_OK)
		e = insert(s, chat, d, payload, now_ms);
	if (e == GNATTER_OK) {
		s->outbox_pos++;
		s->waiting++;
	}
	return e;
}

enum gnatter_error store_queue(struct store *s, const char *chat, const struct gnatter_draft *d,
	const char *payload, int64_t now_ms)
{
	enum gnatter_error e;

	if (!d->id || !*d->id)
		return GNATTER_EINVAL;
	e = store_begin(s, true);
	if (e != GNATTER_OK)
		return e;
	e = queue(s, chat, d, payload, now_ms);
	if (e == GNATTER_OK)
		return store_commit(s);
	store_rollback(s);
	return e;
}

enum gnatter_error store_set_sent(
	struct store *s, const char *chat, const char *id, enum gnatter_tick tick)
{
	struct sql q;

	if (tick != GNATTER_TICK_QUEUED && tick != GNATTER_TICK_SENT)
		return GNATTER_EINVAL;
	store_enter(s);
	sql_start(&q, s, SQL_SET_SENT);
	sql_int(&q, tick);
	sql_text(&q, chat);
	sql_text(&q, id);
	return store_leave(s, sql_run_one(&q));
}

enum gnatter_error store_count_try(struct store *s, const char *chat, const char *id)
{
	struct sql q;

	store_enter(s);
	sql_start(&q, s, SQL_COUNT_TRY);
	sql_text(&q, chat);
	sql_text(&q, id);
	return store_leave(s, sql_run_one(&q));
}

static enum gnatter_error set_refused(
	struct store *s, const char *chat, const char *id, const char *code, const char *message)
{
	struct sql q;

	sql_start(&q, s, SQL_REFUSE);
	sql_text(&q, code ? code : "");
	sql_text(&q, message ? message : "");
	sql_text(&q, chat);
	sql_text(&q, id);
	return sql_run(&q);
}

static enum gnatter_error refuse(
	struct store *s, const char *chat, const char *id, const char *code, const char *message)
{
	enum gnatter_tick tick;
	enum gnatter_error e = find(s, chat, id, &tick);

	if (e == GNATTER_OK && tick == GNATTER_TICK_NONE)
		return GNATTER_ENOTFOUND;
	if (e == GNATTER_OK && tick != GNATTER_TICK_REFUSED && s->refused >= s->outbox_max) {
		e = sql_simple(s, SQL_REFUSED_DROP);
		s->refused -= e == GNATTER_OK;
	}
	if (e == GNATTER_OK)
		e = set_refused(s, chat, id, code, message);
	if (e == GNATTER_OK && tick != GNATTER_TICK_REFUSED) {
		s->waiting--;
		s->refused++;
	}
	return e;
}

enum gnatter_error store_refuse(
	struct store *s, const char *chat, const char *id, const char *code, const char *message)
{
	enum gnatter_error e = store_write(s);

	return e == GNATTER_OK ? store_written(s, refuse(s, chat, id, code, message)) : e;
}

static enum gnatter_error unqueue(
	struct store *s, const char *chat, const char *id, enum gnatter_tick *was)
{
	struct sql q;
	enum gnatter_error e = find(s, chat, id, was);

	if (e == GNATTER_OK && *was == GNATTER_TICK_NONE)
		return GNATTER_ENOTFOUND;
	if (e != GNATTER_OK)
		return e;
	sql_start(&q, s, SQL_UNQUEUE);
	sql_text(&q, chat);
	sql_text(&q, id);
	e = sql_run(&q);
	if (e == GNATTER_OK && *was == GNATTER_TICK_REFUSED)
		s->refused--;
	else if (e == GNATTER_OK)
		s->waiting--;
	return e;
}

enum gnatter_error store_unqueue(
	struct store *s, const char *chat, const char *id, enum gnatter_tick *was)
{
	enum gnatter_tick ignored;
	enum gnatter_error e = store_write(s);

	return e == GNATTER_OK ? store_written(s, unqueue(s, chat, id, was ? was : &ignored)) : e;
}
