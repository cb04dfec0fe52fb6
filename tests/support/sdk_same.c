/* sdk_same.c — is what a client has cached what the server has? */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/json.h"
#include "tests/support/sdk.h"
#include "wire/json.h"

/* --- messages -------------------------------------------------------------------------------- */

static void expect_text(
	const char *chat, uint64_t seq, const char *what, const char *got, const char *want)
{
	if ((got == NULL) != (want == NULL) || (got && strcmp(got, want) != 0))
		case_fail("%s %" PRIu64 ": %s is %.200s, not %.200s", chat, seq, what,
			got ? got : "(none)", want ? want : "(none)");
}

static void expect_number(
	const char *chat, uint64_t seq, const char *what, uint64_t got, int64_t want)
{
	if (got != (uint64_t)(want < 0 ? 0 : want))
		case_fail("%s %" PRIu64 ": %s is %" PRIu64 ", not %" PRId64, chat, seq, what, got,
			want);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* What an edited message says is what its newest edit says. */
static const char *text_of(const struct history *h, const struct cJSON *m)
{
	int64_t edited = json_num(m, "edited");

	return json_str(edited > 0 ? h->messages[edited - 1] : m, "text");
}

/* A member's bytes as the server keeps them. */
static const char *raw_of(const char *bytes, const char *name)
{
	const struct json_member *m;
	struct json_object o;
	char *raw = NULL;

	if (json_parse(&o, bytes, strlen(bytes)) != ERR_OK)
		case_fail("this is no message: %.200s", bytes);
	m = json_get(&o, name);
	if (m)
		raw = case_printf("%.*s", (int)m->raw.len, (const char *)m->raw.data);
	json_finish(&o);
	return raw;
}

static void expect_raw(const struct gnatter_message *m, const struct cJSON *want, struct client *c)
{
	bool any = json_has(want, "media") || json_has(want, "body");
	const char *bytes = any ? history_bytes(c, m->chat, m->seq) : NULL;

	expect_text(m->chat, m->seq, "media", m->media, bytes ? raw_of(bytes, "media") : NULL);
	expect_text(m->chat, m->seq, "body", m->body, bytes ? raw_of(bytes, "body") : NULL);
}

static void expect_message(
	const struct gnatter_message *m, const struct history *h, struct client *c)
{
	const struct cJSON *want = h->messages[m->seq - 1];

	expect_number(m->chat, m->seq, "seq", m->seq, json_num(want, "seq"));
	expect_number(m->chat, m->seq, "n", m->n, json_num(want, "n"));
	expect_number(m->chat, m->seq, "ts", (uint64_t)m->ts_ms, json_num(want, "ts"));
	expect_number(m->chat, m->seq, "ref", m->ref, json_num(want, "ref"));
	expect_number(m->chat, m->seq, "edited", m->edited, json_num(want, "edited"));
	expect_number(m->chat, m->seq, "deleted", m->deleted, json_num(want, "deleted"));
	expect_text(m->chat, m->seq, "chat", m->chat, json_str(want, "chat"));
	expect_text(m->chat, m->seq, "from", m->from, json_str(want, "from"));
	expect_text(m->chat, m->seq, "device", m->device, or_empty(json_str(want, "device")));
	expect_text(m->chat, m->seq, "id", m->id, or_empty(json_str(want, "id")));
	expect_text(m->chat, m->seq, "type", m->type, json_str(want, "type"));
	expect_text(m->chat, m->seq, "text", m->text, text_of(h, want));
	expect_raw(m, want, c);
}

/* Copied: to ask the server one must not stand in a callback of the store. */
struct page {
	struct gnatter_message each[200];
	size_t count;
};

static const char *keep_text(const char *s)
{
	return s ? case_printf("%s", s) : NULL;
}

static bool on_cached(void *ctx, const struct gnatter_message *m)
{
	struct page *p = ctx;
	struct gnatter_message *out = &p->each[p->count++];

	*out = *m;
	out->chat = keep_text(m->chat);
	out->from = keep_text(m->from);
	out->device = keep_text(m->device);
	out->id = keep_text(m->id);
	out->type = keep_text(m->type);
	out->text = keep_text(m->text);
	out->media = keep_text(m->media);
	out->body = keep_text(m->body);
	return p->count < COUNT(p->each);
}

struct paging {
	struct sdk *s;
	const char *chat;
	uint64_t before;
	struct page page;
};

/* In the client's thread, while the test waits for it: later a small cache may have dropped them.
 */
static void on_paged(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	struct paging *p = ctx;

	p->page.count = 0;
	gnatter_cached(g, p->chat, p->before, COUNT(p->page.each), on_cached, &p->page);
	sdk_answer(p->s, g, a);
}

static void page_back(struct paging *p)
{
	size_t from = sdk_mark(p->s);
	uint32_t limit = COUNT(p->page.each);
	const struct sdk_seen *a;

	assert_int_equal(
		gnatter_history(sdk_g(p->s), p->chat, p->before, limit, on_paged, p), GNATTER_OK);
	a = sdk_wait(p->s, from, (struct sdk_seen){.kind = SDK_ANSWER});
	if (*a->code)
		case_fail("%s: paging back from %" PRIu64 " is answered %s: %s", p->chat, p->before,
			a->code, a->text);
	if (p->page.count != (p->before - 1 < limit ? p->before - 1 : limit))
		case_fail("%s: before %" PRIu64 " %zu messages are cached", p->chat, p->before,
			p->page.count);
}

/* From the newest to the first, page by page as an app would. */
static void expect_messages(
	struct sdk *s, struct client *c, const char *chat, const struct history *h)
{
	struct paging *p = case_alloc(sizeof(*p));

	*p = (struct paging){.s = s, .chat = chat, .before = h->count + 1};
	while (p->before > 1) {
		page_back(p);
		for (size_t i = 0; i < p->page.count; i++) {
			assert_int_equal(p->page.each[i].seq, p->before - p->page.count + i);
			expect_message(&p->page.each[i], h, c);
		}
		p->before -= p->page.count;
	}
}

/* --- reactions ------------------------------------------------------------------------------- */

/* Does the reaction at that place hold: not withdrawn, not deleted, none of the same user later? */
static bool holds(const struct history *h, size_t at)
{
	const struct cJSON *r = h->messages[at];

	if (strcmp(or_empty(json_str(r, "text")), "") == 0)
		return false;
	for (size_t i = at + 1; i < h->count; i++) {
		const struct cJSON *m = h->messages[i];

		if (strcmp(json_str(m, "type"), "reaction") == 0 &&
			json_num(m, "ref") == json_num(r, "ref") &&
			strcmp(json_str(m, "from"), json_str(r, "from")) == 0)
			return false;
	}
	return true;
}

static void expect_reactions(struct sdk *s, const char *chat, const struct history *h, uint64_t ref)
{
	struct page *p = case_alloc(sizeof(*p));
	size_t k = 0;

	assert_int_equal(gnatter_reactions(sdk_g(s), chat, ref, on_cached, p), GNATTER_OK);
	for (size_t i = 0; i < h->count; i++) {
		const struct cJSON *m = h->messages[i];

		if (strcmp(json_str(m, "type"), "reaction") != 0 ||
			json_num(m, "ref") != (int64_t)ref || !holds(h, i))
			continue;
		if (k >= p->count || p->each[k].seq != i + 1)
			case_fail("%s: of the reactions to %" PRIu64 " number %zu is not %zu", chat,
				ref, k, i + 1);
		k++;
	}
	assert_int_equal(p->count, k);
}

/* --- the chat -------------------------------------------------------------------------------- */

static struct cJSON *row_of(struct client *c, const char *chat)
{
	struct cJSON *row =
		json_find(json_at(client_request(c, "chats", "{}"), "chats"), "chat", chat);

	if (!row)
		case_fail("%s is not in the list of chats", chat);
	return row;
}

static void expect_preview(const struct gnatter_chat *c, const struct cJSON *row)
{
	expect_number(
		c->chat, 0, "the preview's seq", c->preview_seq, json_num(row, "preview.seq"));
	expect_text(c->chat, 0, "the preview's from", c->preview_from,
		or_empty(json_str(row, "preview.from")));
	expect_text(c->chat, 0, "the preview's type", c->preview_type,
		or_empty(json_str(row, "preview.type")));
	expect_text(c->chat, 0, "the preview's text", c->preview_text,
		or_empty(json_str(row, "preview.text")));
}

static void expect_row(struct sdk *s, struct client *c, const char *chat)
{
	struct cJSON *row = row_of(c, chat);
	struct gnatter_chat got = sdk_chat(s, chat);

	assert_non_null(got.chat);
	assert_false(got.gone);
	expect_text(chat, 0, "title", got.title, or_empty(json_str(row, "title")));
	expect_text(chat, 0, "role", got.role, or_empty(json_str(row, "role")));
	expect_text(chat, 0, "peer", got.peer, or_empty(json_str(row, "user")));
	expect_number(chat, 0, "the chat's seq", got.seq, json_num(row, "seq"));
	expect_number(chat, 0, "the chat's n", got.n, json_num(row, "n"));
	expect_number(chat, 0, "the chat's ts", (uint64_t)got.ts_ms, json_num(row, "ts"));
	assert_int_equal(got.muted, json_has(row, "muted"));
	assert_int_equal(got.mentions, json_has(row, "mentions"));
	expect_preview(&got, row);
}

struct row_goal {
	struct sdk *s;
	struct client *c;
	const char *chat, *last;
};

static bool same_row(void *arg)
{
	struct row_goal *goal = arg;
	struct cJSON *row = row_of(goal->c, goal->chat);
	struct gnatter_chat got = sdk_chat(goal->s, goal->chat);

	goal->last = case_printf("delivered %" PRIu64 ", read %" PRIu64 ", unread %" PRIu64
				 ", role %s, title %s; the server has %s",
		got.delivered, got.read, got.unread, or_empty(got.role), or_empty(got.title),
		json_text(row));
	return strcmp(or_empty(got.role), or_empty(json_str(row, "role"))) == 0 &&
	       strcmp(or_empty(got.title), or_empty(json_str(row, "title"))) == 0 &&
	       (int64_t)got.delivered == json_num(row, "delivered") &&
	       (int64_t)got.read == json_num(row, "read") &&
	       (int64_t)got.unread == json_num(row, "unread");
}

void sdk_wait_row(struct sdk *s, struct client *c, const char *chat)
{
	struct row_goal goal = {s, c, chat, ""};

	if (!case_wait(same_row, &goal))
		case_fail("%s: the row differs: %s", chat, goal.last);
	expect_row(s, c, chat);
}

/* Of a chat that is new to this device nothing is cached before somebody looks. */
static void look(struct sdk *s, const char *chat)
{
	size_t from = sdk_mark(s);

	assert_int_equal(gnatter_history(sdk_g(s), chat, 0, 1, sdk_answer, s), GNATTER_OK);
	sdk_wait(s, from, (struct sdk_seen){.kind = SDK_ANSWER});
}

static bool has_all(void *arg)
{
	struct row_goal *goal = arg;
	uint64_t seq = (uint64_t)json_num(row_of(goal->c, goal->chat), "seq");

	look(goal->s, goal->chat);
	return sdk_message(goal->s, goal->chat, seq).chat != NULL;
}

void sdk_expect_same(struct sdk *s, struct client *c, const char *chat)
{
	struct row_goal goal = {s, c, chat, ""};
	struct history h;

	if (json_num(row_of(c, chat), "seq") > 0 && !case_wait(has_all, &goal))
		case_fail("%s: the cache does not reach the last message: %s", chat,
			json_text(row_of(c, chat)));
	h = history_all(c, chat);
	expect_messages(s, c, chat, &h);
	for (uint64_t seq = 1; seq <= h.count; seq++)
		expect_reactions(s, chat, &h, seq);
	expect_row(s, c, chat);
}
