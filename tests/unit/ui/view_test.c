/* view_test.c — the messages of a chat as they are looked at, and how they are laid out. */
#include "clients/gnatter/ui/item.c"
#include "clients/gnatter/ui/layout.c"
#include "clients/gnatter/ui/rows.c"
#include "clients/gnatter/ui/text.c"
#define put_line view_put_line
#include "clients/gnatter/ui/view.c"
#undef put_line
#include "clients/gnatter/ui/view_load.c"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEIGHT 10
#define WIDTH  40
#define DAY_MS 86400000

/* A chat of which the cache holds the messages from first to last, but for those from gap to
 * gap_end. Messages 7, 17, 27, … are reactions; 5, 15, 25, … have three rows. */
struct chat {
	uint64_t first, last, gap, gap_end;
	uint64_t edited;  /* this one has another text */
	bool all_deleted; /* all messages were, and all reactions */
	unsigned waiting; /* in the outbox */
	unsigned reads;   /* how many messages were read */
};

static bool tell(struct chat *c, uint64_t seq, gnatter_message_fn *fn, void *f)
{
	char text[64], id[32];
	struct gnatter_message m = {.chat = "c",
		.seq = seq,
		.from = "bob",
		.device = "d",
		.type = seq % 10 == 7 ? "reaction" : "text",
		.text = text,
		.code = "",
		.id = id};

	snprintf(id, sizeof id, "id%llu", (unsigned long long)seq);
	snprintf(text, sizeof text, seq % 10 == 5 ? "m%llu\nsecond\nthird" : "m%llu",
		(unsigned long long)seq);
	if (seq == c->edited)
		strcpy(text, "edited\nand\nlonger\nthan\nit\nwas");
	m.n = seq - (seq + 3) / 10;
	m.ref = seq % 10 == 7 ? seq - 1 : 0;
	m.ts_ms = 1795314821079 + (int64_t)(seq / 40) * DAY_MS;
	if (c->all_deleted) {
		m.type = "deleted";
		m.deleted = 1000000;
		m.text = NULL;
		m.ref = 0;
	}
	c->reads++;
	return fn(f, &m);
}

static bool there(const struct chat *c, uint64_t seq)
{
	return seq >= c->first && seq <= c->last && (seq < c->gap || seq > c->gap_end || !c->gap);
}

static void cached(void *ctx, uint64_t before, uint32_t limit, gnatter_message_fn *fn, void *f)
{
	struct chat *c = ctx;
	uint64_t from = before && before <= c->last ? before : c->last + 1, n = 0;

	while (from > c->first && n < limit)
		n += there(c, --from);
	for (uint64_t seq = from; n > 0 && seq <= c->last; seq++) {
		if (!there(c, seq))
			continue;
		n--;
		if (!tell(c, seq, fn, f))
			return;
	}
}

static void cached_after(void *ctx, uint64_t after, uint32_t limit, gnatter_message_fn *fn, void *f)
{
	struct chat *c = ctx;

	for (uint64_t seq = after + 1 > c->first ? after + 1 : c->first; limit && seq <= c->last;
		seq++) {
		if (!there(c, seq))
			continue;
		limit--;
		if (!tell(c, seq, fn, f))
			return;
	}
}

static void outbox(void *ctx, gnatter_message_fn *fn, void *f)
{
	struct chat *c = ctx;
	char text[32];

	for (unsigned i = 0; i < c->waiting; i++) {
		struct gnatter_message m = {.chat = "c",
			.from = "me",
			.type = "text",
			.mine = true,
			.tick = GNATTER_TICK_QUEUED,
			.ts_ms = 1795314821079 + DAY_MS,
			.code = "",
			.id = text,
			.text = text};

		snprintf(text, sizeof text, "waits%u", i);
		if (!fn(f, &m))
			return;
	}
}

static void fill_nothing(void *ctx, struct item *i)
{
	(void)ctx;
	(void)i;
}

static void open_view(struct view *v, struct chat *c, uint64_t read, uint64_t unread)
{
	struct view_source s = {c, cached, cached_after, outbox, fill_nothing};

	view_init(v, &s);
	view_size(v, WIDTH, HEIGHT);
	view_open(v, read, unread);
	view_lay(v);
}

/* A row of the screen, without time and name. */
static const char *row_text(const struct view *v, size_t line)
{
	static char text[2][256];
	static int which;
	const struct view_line *l = &v->lines[line];
	const struct row *r = &l->rows->row[l->row];
	size_t n = 0;

	which = !which;
	for (size_t k = 0; k < r->count; k++) {
		const struct span *s = &l->rows->spans[r->first + k];

		memcpy(text[which] + n, l->rows->text.data + s->at, s->len);
		n += s->len;
	}
	text[which][n] = '\0';
	return text[which];
}

static void line_is(const struct view *v, size_t line, const char *part)
{
	assert_true(line < v->lines_n);
	if (!strstr(row_text(v, line), part))
		fail_msg("row %zu is '%s', not '%s'", line, row_text(v, line), part);
}

static void test_view_open_at_the_end(void **state)
{
	struct chat c = {.first = 1, .last = 100000};
	struct view v;

	(void)state;
	open_view(&v, &c, 0, 0);
	assert_int_equal(v.lines_n, HEIGHT);
	line_is(&v, HEIGHT - 1, "m100000");
	assert_int_equal(view_seen(&v), 100000);
	/* To the first picture only a page is read. */
	assert_true(c.reads <= 2 * VIEW_PAGE);
	view_finish(&v);
}

static void test_view_empty_and_short(void **state)
{
	struct chat none = {.first = 1, .last = 0}, few = {.first = 1, .last = 3};
	struct view v;
	uint64_t before;

	(void)state;
	open_view(&v, &none, 0, 0);
	assert_int_equal(v.lines_n, 0);
	assert_int_equal(view_seen(&v), 0);
	assert_true(view_wants(&v, &before));
	assert_int_equal(before, 0);
	view_came(&v);
	assert_false(view_wants(&v, &before));
	none.last = 2;
	view_touch(&v);
	view_lay(&v);
	line_is(&v, v.lines_n - 1, "m2");
	view_finish(&v);
	open_view(&v, &few, 0, 0);
	assert_int_equal(v.lines_n, 4);
	line_is(&v, 0, "2026");
	line_is(&v, 1, "m1");
	assert_false(view_wants(&v, &before));
	view_scroll(&v, -5);
	view_lay(&v);
	assert_int_equal(v.lines_n, 4);
	view_finish(&v);
}

/* Up through all of it, row by row: each row stands one lower than before, across every page. */
static void test_view_scroll_up_without_jump(void **state)
{
	struct chat c = {.first = 1, .last = 10000};
	struct view v;
	char before[256];
	unsigned rows = 0;

	(void)state;
	open_view(&v, &c, 0, 0);
	for (;;) {
		snprintf(before, sizeof before, "%s", row_text(&v, 0));
		view_scroll(&v, -1);
		view_lay(&v);
		assert_int_equal(v.lines_n, HEIGHT);
		if (strcmp(row_text(&v, 1), before) != 0)
			break;
		rows++;
		assert_true(v.n <= VIEW_ITEMS_MAX + 2 * VIEW_PAGE);
	}
	/* The top: it does not move any more. 9,000 messages, 1,000 of them with three rows. */
	line_is(&v, 0, "2026");
	line_is(&v, 1, "m1");
	assert_true(rows > 9000 + 2000 - HEIGHT);
	/* And down again. */
	for (unsigned i = 0; i < rows; i++) {
		snprintf(before, sizeof before, "%s", row_text(&v, 1));
		view_scroll(&v, 1);
		view_lay(&v);
		assert_string_equal(row_text(&v, 0), before);
	}
	line_is(&v, HEIGHT - 1, "m10000");
	view_finish(&v);
}

/* What comes in behind does not move what is read; at the end it does. */
static void test_view_new_messages(void **state)
{
	struct chat c = {.first = 1, .last = 500};
	struct view v;
	char top[256];

	(void)state;
	open_view(&v, &c, 0, 0);
	view_scroll(&v, -25);
	view_lay(&v);
	snprintf(top, sizeof top, "%s", row_text(&v, 0));
	assert_false(v.follow);
	c.last = 800;
	view_touch(&v);
	view_lay(&v);
	assert_string_equal(row_text(&v, 0), top);
	assert_true(view_seen(&v) < 500);
	view_end(&v);
	view_lay(&v);
	line_is(&v, HEIGHT - 1, "m800");
	c.last = 801;
	view_touch(&v);
	view_lay(&v);
	line_is(&v, HEIGHT - 1, "m801");
	view_finish(&v);
}

/* A message above the top grows: the top stays. One on the screen is seen as it is now. */
static void test_view_edited(void **state)
{
	struct chat c = {.first = 1, .last = 500};
	struct view v;
	char top[256];

	(void)state;
	open_view(&v, &c, 0, 0);
	view_scroll(&v, -25);
	view_lay(&v);
	snprintf(top, sizeof top, "%s", row_text(&v, 0));
	c.edited = v.lines[0].item->seq - 3;
	view_touch(&v);
	view_lay(&v);
	assert_string_equal(row_text(&v, 0), top);
	c.edited = v.lines[3].item->seq;
	view_touch(&v);
	view_lay(&v);
	assert_string_equal(row_text(&v, 0), top);
	line_is(&v, 3, "edited");
	view_finish(&v);
}

static void test_view_resize(void **state)
{
	struct chat c = {.first = 1, .last = 500};
	struct view v;
	uint64_t top;

	(void)state;
	open_view(&v, &c, 0, 0);
	view_scroll(&v, -25);
	view_lay(&v);
	top = v.lines[0].item->seq;
	for (unsigned width = 10; width < 100; width += 7) {
		for (unsigned height = 1; height < 50; height += 9) {
			view_size(&v, width, height);
			view_lay(&v);
			if (!v.follow)
				assert_int_equal(v.lines[0].item->seq, top);
			assert_int_equal(v.lines_n, height);
			if (v.follow)
				view_scroll(&v, -1);
			if (v.follow || v.lines[0].item->seq != top)
				view_goto(&v, top), v.top = top, v.top_row = 0;
		}
	}
	view_size(&v, 20, 0);
	view_lay(&v);
	assert_int_equal(v.lines_n, 0);
	view_finish(&v);
}

/* Much is unread: it begins with the first of that. */
static void test_view_open_unread(void **state)
{
	struct chat c = {.first = 1, .last = 900};
	struct view v;

	(void)state;
	open_view(&v, &c, 500, 400);
	line_is(&v, 0, "not read yet");
	line_is(&v, 1, "m501");
	assert_true(view_seen(&v) < 520);
	view_finish(&v);
	/* Little is: all of it is on the screen, with what was before. */
	open_view(&v, &c, 897, 3);
	line_is(&v, HEIGHT - 1, "m900");
	line_is(&v, HEIGHT - 4, "not read yet");
	line_is(&v, HEIGHT - 5, "m896");
	view_finish(&v);
}

/* What is not in the cache is wanted when the top is near it, and stands there when it came. */
static void test_view_wants_older(void **state)
{
	struct chat c = {.first = 401, .last = 500};
	struct view v;
	uint64_t before;
	char top[256];

	(void)state;
	open_view(&v, &c, 0, 0);
	assert_false(view_wants(&v, &before));
	view_scroll(&v, -90);
	view_lay(&v);
	assert_true(view_wants(&v, &before));
	assert_int_equal(before, 401);
	snprintf(top, sizeof top, "%s", row_text(&v, 0));
	c.first = 301;
	view_came(&v);
	view_lay(&v);
	assert_string_equal(row_text(&v, 0), top);
	view_scroll(&v, -1);
	view_lay(&v);
	assert_string_equal(row_text(&v, 1), top);
	/* What a key asked for goes on when it came, that far and no further. */
	view_scroll(&v, -500);
	view_lay(&v);
	line_is(&v, 0, "m301");
	view_scroll(&v, -2);
	view_lay(&v);
	line_is(&v, 0, "m301");
	c.first = 201;
	view_came(&v);
	view_lay(&v);
	line_is(&v, 0, "m299");
	view_end(&v);
	view_lay(&v);
	/* It came to nothing: nobody asks without end. */
	view_scroll(&v, -800);
	view_lay(&v);
	assert_true(view_wants(&v, &before));
	view_came(&v);
	assert_false(view_wants(&v, &before));
	view_finish(&v);
}

/* A gap in the cache is the end of what is read, from above and from below. */
static void test_view_gap(void **state)
{
	struct chat c = {.first = 1, .last = 500, .gap = 300, .gap_end = 400};
	struct view v;
	uint64_t before;

	(void)state;
	open_view(&v, &c, 0, 0);
	view_scroll(&v, -500);
	view_lay(&v);
	line_is(&v, 0, "m401");
	assert_true(view_wants(&v, &before));
	assert_int_equal(before, 401);
	view_goto(&v, 290);
	view_scroll(&v, 100);
	view_lay(&v);
	line_is(&v, HEIGHT - 1, "m299");
	assert_true(view_wants(&v, &before));
	assert_int_equal(before, 299 + VIEW_PAGE + 1);
	c.gap_end = 0;
	c.gap = 0;
	view_came(&v);
	view_scroll(&v, 1);
	view_lay(&v);
	line_is(&v, HEIGHT - 1, "m300");
	view_finish(&v);
}

/* A reaction that was deleted looks like a message that was; but nobody had counted it. */
static void test_view_deleted(void **state)
{
	struct chat c = {.first = 1, .last = 1000, .all_deleted = true};
	struct view v;

	(void)state;
	open_view(&v, &c, 0, 0);
	for (int i = 0; i < 1000; i++) {
		view_scroll(&v, -1);
		view_lay(&v);
	}
	assert_int_equal(v.first, 1);
	assert_int_equal(v.n, 900);
	for (size_t i = 0; i < v.n; i++)
		assert_int_not_equal(v.items[i]->seq % 10, 7);
	view_finish(&v);
}

static void test_view_outbox(void **state)
{
	struct chat c = {.first = 1, .last = 50, .waiting = 2};
	struct view v;

	(void)state;
	open_view(&v, &c, 0, 0);
	line_is(&v, HEIGHT - 1, "waits1 \xe2\x80\xa6");
	line_is(&v, HEIGHT - 3, "m50");
	assert_int_equal(view_seen(&v), 50);
	c.waiting = 100000;
	view_touch(&v);
	view_lay(&v);
	line_is(&v, HEIGHT - 1, "waits199");
	for (int i = 0; i < 30; i++) {
		view_scroll(&v, -10);
		view_lay(&v);
	}
	c.waiting = 0;
	view_touch(&v);
	view_end(&v);
	view_lay(&v);
	line_is(&v, HEIGHT - 1, "m50");
	view_finish(&v);
}

static void test_view_select(void **state)
{
	struct chat c = {.first = 1, .last = 300};
	struct view v;

	(void)state;
	open_view(&v, &c, 0, 0);
	view_select(&v, true);
	assert_int_equal(v.selected, 300);
	for (int i = 0; i < 150; i++) {
		view_select(&v, true);
		view_lay(&v);
		assert_true(on_screen(&v, view_find(&v, v.selected)));
		assert_int_not_equal(v.selected % 10, 7);
	}
	for (int i = 0; i < 149; i++) {
		view_select(&v, false);
		view_lay(&v);
		assert_true(on_screen(&v, view_find(&v, v.selected)));
	}
	view_select(&v, false);
	assert_int_equal(v.selected, 300);
	view_select(&v, false);
	assert_int_equal(v.selected, 0);
	assert_true(v.follow);
	assert_null(view_newest(&v, true));
	assert_int_equal(view_newest(&v, false)->seq, 300);
	view_finish(&v);
}

static void test_view_goto(void **state)
{
	struct chat c = {.first = 1, .last = 10000};
	struct view v;

	(void)state;
	open_view(&v, &c, 0, 0);
	view_goto(&v, 1234);
	view_lay(&v);
	assert_int_equal(v.selected, 1234);
	assert_true(on_screen(&v, view_find(&v, 1234)));
	view_goto(&v, 9999);
	view_lay(&v);
	assert_true(on_screen(&v, view_find(&v, 9999)));
	view_goto(&v, 1);
	view_lay(&v);
	line_is(&v, 1, "m1");
	view_finish(&v);
}

/* --- layout ---------------------------------------------------------------------------------- */

static char *laid(
	struct gnatter_message m, const char *quote, const char *reactions, unsigned width)
{
	struct item *i;
	struct buf b = {0};

	m.from = m.from ? m.from : "bob";
	m.code = m.code ? m.code : "";
	m.id = "i";
	m.ts_ms = 1795314821079;
	i = item_create(&m);
	i->quote = quote ? strdup(quote) : NULL;
	i->reactions = reactions ? strdup(reactions) : NULL;
	layout_item(i, width);
	for (size_t r = 0; r < i->rows.n; r++) {
		assert_true(i->rows.row[r].width <= width);
		for (size_t k = 0; k < i->rows.row[r].count; k++) {
			const struct span *s = &i->rows.spans[i->rows.row[r].first + k];

			buf_put(&b, i->rows.text.data + s->at, s->len);
		}
		buf_str(&b, "|");
	}
	buf_put(&b, "", 1);
	item_destroy(i);
	return b.data;
}

#define LAID(expected, quote, reactions, ...)                                                 \
	do {                                                                                  \
		char *s_ = laid((struct gnatter_message){__VA_ARGS__}, quote, reactions, 40); \
		assert_string_equal(s_, expected);                                            \
		free(s_);                                                                     \
	} while (0)

static void test_layout_item(void **state)
{
	(void)state;
	LAID("02:33 bob: hello|", NULL, NULL, .seq = 1, .type = "text", .text = "hello");
	LAID("02:33 bob: hello (edited)|", NULL, NULL, .seq = 1, .type = "text", .text = "hello",
		.edited = 4);
	LAID("02:33 bob: (deleted)|", "x", "y", .seq = 1, .type = "deleted", .deleted = 3);
	LAID("02:33 bob: [image] at the lake|", NULL, NULL, .seq = 1, .type = "image",
		.text = "at the lake");
	LAID("02:33 bob: [file]|", NULL, NULL, .seq = 1, .type = "file");
	LAID("02:33 bob: |      \xe2\x94\x82 alice: what?|      that|", "alice: what?", NULL,
		.seq = 2, .type = "text", .text = "that");
	LAID("02:33 bob: hello|      [+1 2] |", NULL, "[+1 2] ", .seq = 1, .type = "text",
		.text = "hello");
	LAID("02:33 bob: \xef\xbf\xbd[2Jhi|", NULL, NULL, .seq = 1, .type = "text",
		.text = "\033[2Jhi");
	LAID("02:33 alice added carol (admin)|", NULL, NULL, .seq = 1, .type = "system",
		.from = "alice",
		.body = "{\"event\":\"member.added\",\"user\":\"carol\",\"role\":\"admin\"}");
	LAID("02:33 alice left|", NULL, NULL, .seq = 1, .type = "system", .from = "alice",
		.body = "{\"event\":\"member.left\",\"user\":\"alice\"}");
	LAID("02:33 alice: something changed|", NULL, NULL, .seq = 1, .type = "system",
		.from = "alice", .body = "no json");
	LAID("02:33 alice: later.event|", NULL, NULL, .seq = 1, .type = "system", .from = "alice",
		.body = "{\"event\":\"later.event\"}");
}

static void test_layout_ticks(void **state)
{
	(void)state;
#define TICK(t, mark)                                                                       \
	LAID("02:33 me: x" mark "|", NULL, NULL, .type = "text", .text = "x", .from = "me", \
		.mine = true, .tick = t, .code = "forbidden")
	TICK(GNATTER_TICK_QUEUED, " \xe2\x80\xa6");
	TICK(GNATTER_TICK_SENT, " \xc2\xb7");
	TICK(GNATTER_TICK_STORED, " \xe2\x9c\x93");
	TICK(GNATTER_TICK_DELIVERED, " \xe2\x9c\x93\xe2\x9c\x93");
	TICK(GNATTER_TICK_READ, " \xe2\x9c\x93\xe2\x9c\x93\xe2\x9c\x93");
	TICK(GNATTER_TICK_REFUSED, " \xe2\x9c\x97 not sent: forbidden");
	TICK(GNATTER_TICK_NONE, "");
}

/* Names, texts and codes of any length: no row is wider than it may be. */
static void test_layout_narrow(void **state)
{
	char name[65], *s;

	(void)state;
	memset(name, 'n', 64);
	name[64] = '\0';
	for (unsigned width = LAYOUT_WIDTH_MIN; width < 90; width++) {
		s = laid((struct gnatter_message){.seq = 1,
				 .type = "text",
				 .text = "a long text here",
				 .from = name,
				 .mine = true,
				 .tick = GNATTER_TICK_REFUSED,
				 .code = name,
				 .edited = 2},
			name, name, width);
		free(s);
	}
}

static void test_layout_when(void **state)
{
	char when[32];
	int64_t now = 1795314821079;

	(void)state;
	layout_when(when, now, now);
	assert_string_equal(when, "02:33");
	layout_when(when, now - DAY_MS, now);
	assert_string_equal(when, "Sat 02:33");
	layout_when(when, now - 30LL * DAY_MS, now);
	assert_string_equal(when, "2026-10-23");
	layout_when(when, now + 3LL * DAY_MS, now);
	assert_string_equal(when, "2026-11-25");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_view_open_at_the_end),
		cmocka_unit_test(test_view_empty_and_short),
		cmocka_unit_test(test_view_scroll_up_without_jump),
		cmocka_unit_test(test_view_new_messages),
		cmocka_unit_test(test_view_edited),
		cmocka_unit_test(test_view_resize),
		cmocka_unit_test(test_view_open_unread),
		cmocka_unit_test(test_view_wants_older),
		cmocka_unit_test(test_view_gap),
		cmocka_unit_test(test_view_deleted),
		cmocka_unit_test(test_view_outbox),
		cmocka_unit_test(test_view_select),
		cmocka_unit_test(test_view_goto),
		cmocka_unit_test(test_layout_item),
		cmocka_unit_test(test_layout_ticks),
		cmocka_unit_test(test_layout_narrow),
		cmocka_unit_test(test_layout_when),
	};

	setenv("TZ", "UTC", 1);
	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
