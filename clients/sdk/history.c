/* history.c — paging back: what the cache lacks below its range is asked for, and the cache read.
 *
 * Since the range has no gap, all between it and what is wanted is asked for, which may be more
 * than the cache's limit allows: nothing is dropped before whoever asked has seen it.
 */
#include "clients/sdk/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 200 /* pages: further back than that nobody jumps at once */

/* One call of gnatter_history(), until it is done. */
struct paging {
	struct paging *next;
	gnatter_answer_fn *done;
	void *ctx;
	char chat[GNATTER_CHAT_SIZE];
	uint64_t before; /* 0 until it is known: behind the newest */
	uint32_t limit, rounds;
	bool counted; /* in g->pagings */
};

/* --- what is there
 * -------------------------------------------------------------------------------- */

struct range {
	uint64_t lo, hi;
	bool known;
};

static bool on_range(void *ctx, const struct store_chat *c)
{
	*(struct range *)ctx = (struct range){c->lo, c->hi, c->known};
	return false;
}

/* How many of those that are wanted are in the cache. */
static uint64_t there(const struct paging *p, const struct range *r)
{
	uint64_t last = p->before == 0 || p->before > r->hi + 1 ? r->hi : p->before - 1;
	uint64_t count = last > r->lo ? last - r->lo : 0;

	return count < p->limit ? count : p->limit;
}

/* The first seq that is wanted. */
static uint64_t first_wanted(const struct paging *p, const struct range *r)
{
	uint64_t behind = p->before == 0 || p->before > r->hi + 1 ? r->hi + 1 : p->before;

	return behind > p->limit ? behind - p->limit : 1;
}

static void finish(struct gnatter *g, struct paging *p, const struct range *r, const char *code,
	const char *message)
{
	uint64_t behind = p->before == 0 || p->before > r->hi + 1 ? r->hi + 1 : p->before;
	uint64_t count = there(p, r);
	char json[80];

	snprintf(json, sizeof(json), "{\"count\":%" PRIu64 ",\"more\":%s}", count,
		behind > count + 1 ? "true" : "false");
	if (p->done)
		p->done(p->ctx, g, &(struct gnatter_answer){code, message, json});
	g->pagings -= p->counted;
	free(p);
}

/* --- what is not
 * ---------------------------------------------------------------------------------- */

/* Put a page below the range: from its end, as far as it fits. */
static enum gnatter_error keep(struct gnatter *g, const struct message *messages, size_t count)
{
	enum gnatter_error e = store_begin(g->store, false), end;

	if (e != GNATTER_OK)
		return e;
	for (size_t i = count; e == GNATTER_OK && i-- > 0;)
		e = store_prepend(g->store, &messages[i]);
	end = store_commit(g->store);
	g->untrimmed += count * 256;
	return e == GNATTER_OK ? end : e;
}

static size_t parse(struct message *messages, struct bytes list)
{
	const char *at = list.data;
	struct bytes item;
	size_t count = 0;

	while (count < HISTORY_PAGE && list_next(&at, list.data + list.len, &item) &&
		message_parse(&messages[count], item.data, item.len) == GNATTER_OK)
		count++;
	return count;
}

static enum gnatter_error take_page(struct gnatter *g, const char *json)
{
	struct message *messages = calloc(HISTORY_PAGE, sizeof(*messages));
	struct bytes list;
	enum gnatter_error e = GNATTER_ENOMEM;
	size_t count = 0;

	if (messages && list_member((struct bytes){json, strlen(json)}, "messages", &list))
		count = parse(messages, list);
	if (messages)
		e = count > 0 ? keep(g, messages, count) : GNATTER_ENOTFOUND;
	for (size_t i = 0; i < count; i++)
		message_finish(&messages[i]);
	free(messages);
	return e;
}

static void go_on(struct gnatter *g, struct paging *p);

static void on_page(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	struct paging *p = ctx;
	struct range r = {0};
	enum gnatter_error e;

	if (strcmp(a->code, "bad_request") == 0 && sync_smaller_pages(g)) {
		go_on(g, p);
		return;
	}
	if (*a->code) {
		store_chat(g->store, p->chat, on_range, &r);
		finish(g, p, &r, a->code, a->message);
		return;
	}
	e = take_page(g, a->json);
	/* EINVAL: the range has changed meanwhile, by another page or by the cache's limit: look
	 * again.
	 */
	if ((e == GNATTER_OK || e == GNATTER_EINVAL) && p->rounds++ < ROUNDS_MAX) {
		go_on(g, p);
		return;
	}
	store_chat(g->store, p->chat, on_range, &r);
	if (p->rounds >= ROUNDS_MAX) {
		finish(g, p, &r, "limit", "that is too far back");
		return;
	}
	client_store_failed(g, "a page is not kept", e);
	finish(g, p, &r, "no_memory", gnatter_error_text(e));
}

/* Ask for what lies below the range, so that it stays without a gap. */
static enum gnatter_error ask(struct gnatter *g, struct paging *p, const struct range *r)
{
	uint64_t first = first_wanted(p, r), count = r->lo + 1 - first;
	struct buf b = {0};

	buf_str(&b, "{\"chat\":");
	json_put_string(&b, p->chat, strlen(p->chat));
	buf_printf(&b, ",\"before\":%" PRIu64 ",\"limit\":%" PRIu64 "}", r->lo + 1,
		count < g->page ? count : (uint64_t)g->page);
	return request_app(g, "history", &b, on_page, p);
}

static void go_on(struct gnatter *g, struct paging *p)
{
	struct range r = {0};
	enum gnatter_error e = store_chat(g->store, p->chat, on_range, &r);

	if (e != GNATTER_OK || !r.known) {
		finish(g, p, &r, "not_found", "the chat is not known");
		return;
	}
	if (p->before == 0)
		p->before = r.hi + 1;
	if (first_wanted(p, &r) > r.lo) {
		finish(g, p, &r, "", "");
		return;
	}
	e = ask(g, p, &r);
	if (e != GNATTER_OK)
		finish(g, p, &r, "no_memory", gnatter_error_text(e));
}

static struct paging *take_all(struct gnatter *g)
{
	struct paging *all;

	pthread_mutex_lock(&g->lock);
	all = g->paging;
	g->paging = NULL;
	pthread_mutex_unlock(&g->lock);
	return all;
}

void history_run(struct gnatter *g)
{
	struct paging *all = take_all(g);

	while (all) {
		struct paging *p = all;

		all = p->next;
		p->counted = true;
		g->pagings++;
		go_on(g, p);
	}
}

/* The client does not run: only what is there can be told. */
static void tell_at_once(struct gnatter *g, struct paging *p)
{
	struct range r = {0};

	store_chat(g->store, p->chat, on_range, &r);
	if (r.known && first_wanted(p, &r) > r.lo)
		finish(g, p, &r, "", "");
	else
		finish(g, p, &r, "closed", "the client is not connected");
}

void history_close(struct gnatter *g)
{
	struct paging *all = take_all(g);

	while (all) {
		struct paging *p = all;

		all = p->next;
		tell_at_once(g, p);
	}
}

enum gnatter_error gnatter_history(struct gnatter *g, const char *chat, uint64_t before,
	uint32_t limit, gnatter_answer_fn *done, void *ctx)
{
	struct paging *p;
	bool running;

	if (!chat || name_chat_kind(chat, strlen(chat), NULL) == CHAT_NONE || limit == 0 ||
		limit > HISTORY_PAGE)
		return GNATTER_EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return GNATTER_ENOMEM;
	*p = (struct paging){.done = done, .ctx = ctx, .before = before, .limit = limit};
	snprintf(p->chat, sizeof(p->chat), "%s", chat);
	pthread_mutex_lock(&g->lock);
	running = g->running;
	if (running) {
		p->next = g->paging;
		g->paging = p;
		g->wishes |= WISH_LOOK;
		pthread_cond_broadcast(&g->woken);
	}
	pthread_mutex_unlock(&g->lock);
	if (!running)
		tell_at_once(g, p);
	return GNATTER_OK;
}
