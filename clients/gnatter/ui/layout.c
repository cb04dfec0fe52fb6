/* layout.c — see layout.h.
 *
 *    12:04 bob: a text that goes on
 *          in the next row (edited) ✓✓
 *          │ alice: what it replies to        (above the text)
 *          [👍 2] [❤ 1]                       (below it)
 */
#include "layout.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/gnatter/ui/text.h"

#define INDENT 6

static struct tm clock_of(int64_t ts_ms)
{
	time_t t = (time_t)(ts_ms / 1000);
	struct tm tm = {0};

	localtime_r(&t, &tm);
	return tm;
}

static bool same_day(struct tm a, struct tm b)
{
	return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
}

void layout_when(char out[32], int64_t ts_ms, int64_t now_ms)
{
	struct tm then = clock_of(ts_ms), now = clock_of(now_ms);
	int64_t week = 6 * 24 * 3600 * INT64_C(1000);
	size_t n;

	if (same_day(then, now))
		n = strftime(out, 32, "%H:%M", &then);
	else if (ts_ms < now_ms && now_ms - ts_ms < week)
		n = strftime(out, 32, "%a %H:%M", &then);
	else
		n = strftime(out, 32, "%Y-%m-%d", &then);
	if (n == 0)
		*out = '\0';
}

const char *layout_tick(enum gnatter_tick t)
{
	static const char *const marks[] = {
		[GNATTER_TICK_NONE] = "",
		[GNATTER_TICK_REFUSED] = "\xe2\x9c\x97",
		[GNATTER_TICK_QUEUED] = "\xe2\x80\xa6",
		[GNATTER_TICK_SENT] = "\xc2\xb7",
		[GNATTER_TICK_STORED] = "\xe2\x9c\x93",
		[GNATTER_TICK_DELIVERED] = "\xe2\x9c\x93\xe2\x9c\x93",
		[GNATTER_TICK_READ] = "\xe2\x9c\x93\xe2\x9c\x93\xe2\x9c\x93",
	};

	return (size_t)t < sizeof marks / sizeof *marks ? marks[t] : "";
}

void layout_summary(struct buf *out, const char *type, const char *text)
{
	if (strcmp(type, "deleted") == 0) {
		buf_str(out, "(deleted)");
		return;
	}
	if (strcmp(type, "text") != 0)
		buf_printf(out, "[%s]%s", type, text && *text ? " " : "");
	if (text)
		buf_str(out, text);
}

/* --- what the system says -------------------------------------------------------------------- */

struct event_row {
	const char *event, *format; /* %1: who did it, %2: to whom */
};

static const struct event_row events[] = {
	{"chat.created", "%1 made this chat"},
	{"chat.updated", "%1 changed the title"},
	{"member.added", "%1 added %2"},
	{"member.removed", "%1 removed %2"},
	{"member.left", "%2 left"},
	{"member.role", "%1 changed the role of %2"},
};

static const char *member_of(const cJSON *body, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(body, name);

	return cJSON_IsString(v) ? v->valuestring : "";
}

static void fill_event(struct buf *out, const char *format, const char *by, const char *whom)
{
	for (; *format; format++) {
		if (*format != '%')
			buf_put(out, format, 1);
		else
			buf_str(out, *++format == '1' ? by : whom);
	}
}

static void system_text(struct buf *out, const struct item *i)
{
	cJSON *body = i->body ? cJSON_Parse(i->body) : NULL;
	const char *event = member_of(body, "event"), *user = member_of(body, "user");
	const char *format = NULL;

	for (size_t k = 0; k < sizeof events / sizeof *events; k++) {
		if (strcmp(events[k].event, event) == 0)
			format = events[k].format;
	}
	if (format)
		fill_event(out, format, i->from, *user ? user : i->from);
	else
		buf_printf(out, "%s: %s", i->from, *event ? event : "something changed");
	if (*member_of(body, "title"))
		buf_printf(out, ": %s", member_of(body, "title"));
	if (*member_of(body, "role"))
		buf_printf(out, " (%s)", member_of(body, "role"));
	cJSON_Delete(body);
}

/* --- a message ------------------------------------------------------------------------------- */

static void put_time(struct rows *r, int64_t ts_ms)
{
	struct tm tm = clock_of(ts_ms);
	char s[16];

	if (strftime(s, sizeof s, "%H:%M ", &tm) == 0)
		*s = '\0';
	rows_put(r, STYLE_DIM, s);
}

/* A word behind the text, in this row if it fits. */
static void put_after(struct rows *r, enum style style, const char *s, unsigned width)
{
	struct buf word = {0};
	unsigned columns = text_show_all(&word, s, strlen(s));

	if (rows_column(r) + 1 + columns > width) {
		rows_begin(r);
		rows_pad(r, STYLE_TEXT, INDENT);
	} else {
		rows_put(r, STYLE_TEXT, " ");
	}
	buf_free(&word);
	rows_wrap(r, style, s, INDENT, width);
}

static void lay_system(struct item *i, unsigned width)
{
	struct buf text = {0};

	rows_begin(&i->rows);
	put_time(&i->rows, i->ts_ms);
	system_text(&text, i);
	buf_put(&text, "", 1);
	if (!text.failed)
		rows_wrap(&i->rows, STYLE_DIM, text.data, INDENT, width);
	buf_free(&text);
}

/* The row of what it replies to, under the name: the text then begins in a row of its own. */
static void lay_quote(struct item *i, unsigned width)
{
	rows_begin(&i->rows);
	rows_pad(&i->rows, STYLE_TEXT, INDENT);
	rows_put(&i->rows, STYLE_QUOTE, "\xe2\x94\x82 ");
	rows_put_cut(&i->rows, STYLE_QUOTE, i->quote, width - INDENT - 2);
	rows_begin(&i->rows);
	rows_pad(&i->rows, STYLE_TEXT, INDENT);
}

static void lay_text(struct item *i, unsigned width)
{
	struct buf text = {0};

	if (i->deleted || strcmp(i->type, "deleted") == 0) {
		rows_wrap(&i->rows, STYLE_DIM, "(deleted)", INDENT, width);
		return;
	}
	layout_summary(&text, i->type, i->text);
	buf_put(&text, "", 1);
	if (!text.failed)
		rows_wrap(&i->rows, STYLE_TEXT, text.data, INDENT, width);
	buf_free(&text);
	if (i->edited)
		put_after(&i->rows, STYLE_DIM, "(edited)", width);
}

static void lay_tick(struct item *i, unsigned width)
{
	char s[160];

	if (i->tick == GNATTER_TICK_REFUSED) {
		snprintf(s, sizeof s, "%s not sent: %s", layout_tick(i->tick), i->code);
		put_after(&i->rows, STYLE_ALERT, s, width);
	} else if (i->tick != GNATTER_TICK_NONE && i->mine) {
		put_after(&i->rows, i->tick == GNATTER_TICK_READ ? STYLE_READ : STYLE_TICK,
			layout_tick(i->tick), width);
	}
}

static void lay_message(struct item *i, unsigned width)
{
	rows_begin(&i->rows);
	put_time(&i->rows, i->ts_ms);
	if (i->mine)
		rows_put_cut(&i->rows, STYLE_ME, i->from, width / 2);
	else
		rows_put_name(&i->rows, i->from, i->from, width / 2);
	rows_put(&i->rows, STYLE_TEXT, ": ");
	if (i->quote && !i->deleted)
		lay_quote(i, width);
	lay_text(i, width);
	if (strcmp(i->type, "deleted") == 0 || i->deleted)
		return;
	lay_tick(i, width);
	if (!i->reactions)
		return;
	rows_begin(&i->rows);
	rows_pad(&i->rows, STYLE_TEXT, INDENT);
	rows_wrap(&i->rows, STYLE_DIM, i->reactions, INDENT, width);
}

void layout_item(struct item *i, unsigned width)
{
	if (width < LAYOUT_WIDTH_MIN)
		width = LAYOUT_WIDTH_MIN;
	if (i->width == width)
		return;
	rows_reset(&i->rows);
	i->width = width;
	if (strcmp(i->type, "system") == 0)
		lay_system(i, width);
	else
		lay_message(i, width);
}

/* --- lines between --------------------------------------------------------------------------- */

static void put_line(struct rows *r, enum style style, const char *s, unsigned width)
{
	unsigned taken = text_show_all(NULL, s, strlen(s)) + 2;
	unsigned left = taken < width ? (width - taken) / 2 : 0;

	rows_begin(r);
	rows_repeat(r, style, "\xe2\x94\x80", left);
	rows_put(r, style, " ");
	rows_put_cut(r, style, s, width > 2 ? width - 2 : width);
	rows_put(r, style, " ");
	rows_repeat(r, style, "\xe2\x94\x80", taken < width ? width - taken - left : 0);
}

static bool day_begins(const struct item *i, const struct item *before, bool first)
{
	return before ? !same_day(clock_of(i->ts_ms), clock_of(before->ts_ms)) : first;
}

void layout_head(
	struct item *i, const struct item *before, bool first, bool unread_begins, unsigned width)
{
	struct tm tm = clock_of(i->ts_ms);
	char day[64];

	rows_reset(&i->head);
	if (day_begins(i, before, first) && strftime(day, sizeof day, "%A, %e %B %Y", &tm) > 0)
		put_line(&i->head, STYLE_DAY, day, width);
	if (unread_begins)
		put_line(&i->head, STYLE_UNREAD, "not read yet", width);
}
