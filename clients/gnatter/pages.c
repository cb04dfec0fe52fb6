/* pages.c — see pages.h.
 *
 * The SDK fetches backwards and keeps what it fetched in its cache, here in memory. Each page is
 * read to see whether it reaches far enough back; when one does, all is read once, forwards.
 */
#include "clients/gnatter/pages.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>

#include "clients/gnatter/say.h"

#define PAGE 500

/* What a page holds. */
struct page {
	const struct wanted *wanted;
	uint64_t oldest, newest; /* seq; 0: there is none */
	uint64_t count;          /* of those that are wanted */
	bool reached;            /* one is before `since` */
};

static bool is_wanted(const struct wanted *w, const struct gnatter_message *m)
{
	return !(w->since && when_is_before(w->since, m->seq, m->ts_ms)) &&
	       !(w->before && !when_is_before(w->before, m->seq, m->ts_ms));
}

static bool look(void *ctx, const struct gnatter_message *m)
{
	struct page *p = ctx;

	if (p->oldest == 0)
		p->oldest = m->seq;
	p->newest = m->seq;
	p->count += is_wanted(p->wanted, m);
	p->reached |= p->wanted->since && when_is_before(p->wanted->since, m->seq, m->ts_ms);
	return true;
}

/* The library knows the chats that the server lists. One that is not there has no messages yet, or
 * is none of ours: the server says which. */
static int ask_of_unknown(struct session *s, const char *chat)
{
	struct answer a = {.session = s};
	char *params = need_printf("{\"chat\":\"%s\",\"limit\":1}", chat);
	int code =
		session_answered(&a, gnatter_request(s->g, "history", params, session_answer, &a));

	free(params);
	answer_finish(&a);
	return code;
}

int pages_fetch(struct session *s, const char *chat, uint64_t before, uint32_t limit, bool *more)
{
	struct answer a = {.session = s, .bear = "not_found"};
	int code = session_answered(
		&a, gnatter_history(s->g, chat, before, limit, session_answer, &a));
	cJSON *json = code == GN_OK ? cJSON_Parse(a.json) : NULL;

	*more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "more"));
	if (code == GN_OK && *a.code)
		code = ask_of_unknown(s, chat);
	cJSON_Delete(json);
	answer_finish(&a);
	return code;
}

struct printing {
	const struct wanted *wanted;
	uint64_t skip; /* so many of the oldest */
	gnatter_message_fn *fn;
	void *ctx;
	uint64_t last;
	bool go_on;
};

static bool print(void *ctx, const struct gnatter_message *m)
{
	struct printing *p = ctx;

	p->last = m->seq;
	if (!is_wanted(p->wanted, m))
		return true;
	if (p->skip > 0)
		p->skip--;
	else
		p->go_on = p->fn(p->ctx, m);
	return p->go_on;
}

/* All from `oldest` on, forwards. */
static int read_all(struct session *s, struct printing *p, uint64_t oldest)
{
	uint64_t before;

	p->last = oldest - 1;
	p->go_on = true;
	do {
		int code;

		before = p->last;
		code = session_error(
			s, gnatter_cached_after(s->g, p->wanted->chat, before, PAGE, print, p));
		if (code != GN_OK)
			return code;
	} while (p->go_on && p->last > before);
	return GN_OK;
}

static uint32_t page_size(const struct wanted *w)
{
	return w->since || w->before || w->limit > PAGE ? PAGE : (uint32_t)w->limit;
}

int pages_read(struct session *s, const struct wanted *w, gnatter_message_fn *fn, void *ctx)
{
	uint64_t before = w->before && w->before->seq ? w->before->seq : 0, oldest = 0, count = 0;
	struct printing p = {.wanted = w, .fn = fn, .ctx = ctx};
	bool more = true;

	while (more && count < w->limit) {
		struct page page = {.wanted = w};
		int code = pages_fetch(s, w->chat, before, page_size(w), &more);

		if (code == GN_OK)
			code = session_error(s,
				gnatter_cached(s->g, w->chat, before, page_size(w), look, &page));
		if (code != GN_OK)
			return code;
		if (page.oldest == 0 || page.reached)
			more = false;
		if (page.oldest == 0)
			break;
		count += page.count;
		before = oldest = page.oldest;
	}
	p.skip = count > w->limit ? count - w->limit : 0;
	return oldest ? read_all(s, &p, oldest) : GN_OK;
}
