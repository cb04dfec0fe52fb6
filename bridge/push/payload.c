/* payload.c
 *
 * The limits of providers count bytes of JSON, where a character may take from one to twelve, and
 * the text may stand twice. So the length is not computed but tried: halving finds the longest text
 * that fits in ten writings of some kilobytes. Nearly every note fits the first time.
 */
#include "payload.h"

#include <string.h>

#include "wire/json.h"
#include "wire/name.h"
#include "wire/utf8.h"

#define TTL_MAX_S (28 * 86400)

#define TEXT(s) ((struct bytes){s, sizeof(s) - 1})

static struct bytes valid_or_none(struct bytes s)
{
	return s.len && utf8_ok(s.data, s.len, NULL) ? s : TEXT("");
}

struct push_note payload_view(const struct push_note *n, bool preview)
{
	struct push_note view = *n;

	view.preview = preview;
	if (!preview) {
		view.chat = view.from = view.title = view.text = view.type = TEXT("");
		view.mention = false;
	}
	view.chat = valid_or_none(view.chat);
	view.from = valid_or_none(view.from);
	view.title = valid_or_none(view.title);
	view.text = valid_or_none(view.text);
	view.type = valid_or_none(view.type);
	if (view.badge > PAYLOAD_BADGE_MAX)
		view.badge = PAYLOAD_BADGE_MAX;
	return view;
}

static void put_name(struct buf *out, const char *name, size_t start)
{
	if (out->len > start)
		buf_u8(out, ',');
	buf_printf(out, "\"%s\":", name);
}

static void put_string(struct buf *out, const char *name, struct bytes value, size_t start)
{
	put_name(out, name, start);
	json_put_string(out, value.data, value.len);
}

static void put_number(
	struct buf *out, const char *name, uint64_t v, size_t start, enum payload_style style)
{
	const char *quote = style == PAYLOAD_STRINGS ? "\"" : "";

	put_name(out, name, start);
	buf_str(out, quote);
	buf_decimal(out, v);
	buf_str(out, quote);
}

void payload_put_members(struct buf *out, const struct push_note *view, enum payload_style style)
{
	const size_t start = out->len;

	if (!view->preview) {
		put_number(out, "badge", view->badge, start, style);
		return;
	}
	put_string(out, "chat", view->chat, start);
	if (view->from.len)
		put_string(out, style == PAYLOAD_STRINGS ? "sender" : "from", view->from, start);
	if (view->title.len && style != PAYLOAD_BRIEF)
		put_string(out, "title", view->title, start);
	if (view->text.len && style != PAYLOAD_BRIEF)
		put_string(out, "text", view->text, start);
	if (view->type.len)
		put_string(out, "type", view->type, start);
	put_number(out, "seq", view->seq, start, style);
	put_number(out, "n", view->n, start, style);
	put_number(out, "ts", view->ts_ms, start, style);
	put_number(out, "count", view->count, start, style);
	put_number(out, "unread", view->unread, start, style);
	put_number(out, "badge", view->badge, start, style);
	if (view->mention) {
		put_name(out, "mention", start);
		buf_str(out, style == PAYLOAD_STRINGS ? "\"true\"" : "true");
	}
}

/* What a message without text is, in a word. */
static struct bytes word_of(struct bytes type)
{
	static const struct {
		const char *type, *word;
	} words[] = {
		{"image", "Photo"},
		{"file", "File"},
		{"location", "Location"},
		{"contact", "Contact"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (bytes_equal(type, words[i].type, strlen(words[i].type)))
			return (struct bytes){words[i].word, strlen(words[i].word)};
	}
	return TEXT("New message");
}

struct payload_alert payload_alert_of(const struct push_note *view)
{
	struct payload_alert a = {TEXT(""), TEXT(""), TEXT("New message")};

	if (!view->preview)
		return a;
	a.title = view->title.len ? view->title : view->from;
	/* a chat of two has the name of who wrote for its title */
	if (view->title.len && name_pair_other(view->chat, view->user).len == 0)
		a.subtitle = view->from;
	a.body = view->text.len ? view->text : word_of(view->type);
	return a;
}

int64_t payload_ttl_s(const struct push_note *n, int64_t now_ms)
{
	int64_t ttl = (n->expires_ms - now_ms) / 1000;

	return ttl < 1 ? 1 : ttl > TTL_MAX_S ? TTL_MAX_S : ttl;
}

/* The longest whole characters of s in at most max bytes. */
static struct bytes cut(struct bytes s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max && ((unsigned char)s.data[max] & 0xc0) == 0x80)
		max--;
	return (struct bytes){s.data, max};
}

static bool fits(struct buf *out, size_t start, const struct push_note *view, size_t max,
	payload_write_fn *write, const void *ctx)
{
	out->len = start;
	write(out, view, ctx);
	return out->failed || out->len - start <= max;
}

/* Write with as much of *part, which lies in view, as fits. */
static bool fit_part(struct buf *out, struct push_note *view, struct bytes *part, size_t max,
	payload_write_fn *write, const void *ctx)
{
	const size_t start = out->len;
	const struct bytes whole = *part;
	size_t low = 0, high = whole.len; /* low fits, high does not */

	*part = cut(whole, 0);
	if (!fits(out, start, view, max, write, ctx))
		return false;
	while (high - low > 1 && !out->failed) {
		size_t middle = low + (high - low) / 2;

		*part = cut(whole, middle);
		if (fits(out, start, view, max, write, ctx))
			low = middle;
		else
			high = middle;
	}
	*part = cut(whole, low);
	return fits(out, start, view, max, write, ctx);
}

bool payload_fit(struct buf *out, const struct push_note *view, size_t max, payload_write_fn *write,
	const void *ctx)
{
	const size_t start = out->len;
	struct push_note v = *view;

	if (fits(out, start, &v, max, write, ctx))
		return true;
	out->len = start;
	if (fit_part(out, &v, &v.text, max, write, ctx))
		return true;
	out->len = start;
	return fit_part(out, &v, &v.title, max, write, ctx);
}
