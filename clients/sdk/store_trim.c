/* store_trim.c — the limit: what is dropped when the store is larger than it may be.
 *
 * The oldest messages go, of the chat that was written to longest ago first; then what is known of
 * strangers. Chats, marks and the outbox stay.
 */
#include "clients/sdk/store_internal.h"

static enum gnatter_error number(struct store *s, enum sql_id id, uint64_t *out)
{
	struct sql q;

	sql_start(&q, s, id);
	*out = sql_row(&q) ? sql_number(&q, 0) : 0;
	return sql_end(&q);
}

/* Pages of the file, and those of them that are free. */
static enum gnatter_error pages(struct store *s, uint64_t *all, uint64_t *unused)
{
	enum gnatter_error e = number(s, SQL_PAGE_COUNT, all);

	return e == GNATTER_OK ? number(s, SQL_FREE_COUNT, unused) : e;
}

static enum gnatter_error drop(struct store *s, int64_t chat, uint64_t to)
{
	struct sql q;

	sql_start(&q, s, SQL_TRIM_MESSAGES);
	sql_int(&q, chat);
	sql_u64(&q, to);
	return sql_run_one(&q);
}

/* Drop the oldest messages of the chat that was written to longest ago: so many that it is worth
 * while, and no more than a small part of the whole. *any: there was something. */
static enum gnatter_error drop_some(struct store *s, bool *any)
{
	uint64_t most = s->bytes_max / 65536;
	uint64_t lo = 0;
	uint64_t hi = 0;
	uint64_t to;
	int64_t chat = 0;
	struct sql q;
	enum gnatter_error e;

	sql_start(&q, s, SQL_TRIM_CHAT);
	*any = sql_row(&q);
	if (*any) {
		chat = sql_column(&q, 0);
		lo = sql_number(&q, 1);
		hi = sql_number(&q, 2);
	}
	e = sql_end(&q);
	if (e != GNATTER_OK || !*any)
		return e;
	most = most < 16 ? 16 : most > 1024 ? 1024 : most;
	to = hi - lo > most ? lo + most : hi;
	e = drop(s, chat, to);
	if (e == GNATTER_ENOTFOUND)
		to = hi; /* a damaged file says that there are some */
	else if (e != GNATTER_OK)
		return e;
	sql_start(&q, s, SQL_SET_LO);
	sql_int(&q, chat);
	sql_u64(&q, to);
	return sql_run(&q);
}

/* One step of trimming. When no message is left, what is known of strangers goes, too. */
static enum gnatter_error step(struct store *s, bool *more)
{
	enum gnatter_error e = store_write(s);

	if (e != GNATTER_OK)
		return e;
	e = drop_some(s, more);
	if (e == GNATTER_OK && !*more)
		e = sql_simple(s, SQL_TRIM_PROFILES);
	return store_written(s, e);
}

/* Down to 15/16 of the limit, so that it is not the next message that goes beyond it again. The
 * pages become free and are used again; they are given back if they are many, which they are only
 * after the limit was lowered. */
static enum gnatter_error trim(struct store *s)
{
	uint64_t target = s->bytes_max;
	uint64_t all;
	uint64_t unused;
	bool more = true;
	bool dropped = false;
	enum gnatter_error e = pages(s, &all, &unused);

	while (e == GNATTER_OK && more && (all - unused) * s->page_size > target) {
		target = s->bytes_max - s->bytes_max / 16;
		dropped = true;
		e = step(s, &more);
		if (e == GNATTER_OK)
			e = pages(s, &all, &unused);
	}
	if (e == GNATTER_OK && dropped && unused > all / 4)
		e = sql_simple(s, SQL_VACUUM);
	return e;
}

enum gnatter_error store_trim(struct store *s)
{
	store_enter(s);
	if (s->in_transaction)
		return store_leave(s, GNATTER_EINVAL);
	return store_leave(s, trim(s));
}
