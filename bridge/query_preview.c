/* query_preview.c — what a list of chats shows of the last message.
 *
 * A list has a thousand of them: the stored message is looked into, not parsed, and what is shown
 * goes on in the bytes it has there. That takes a third off the time of such a list.
 */
#include "bridge/query.h"

#include "bridge/engine/message.h"
#include "persist/keys.h"

#include <stdlib.h>
#include <string.h>

#define PREVIEW_CHARS 120

/* Members of a message as written, strings with their quotes; empty: not there. */
struct glance {
	struct bytes from, type, ts, text;
	uint64_t edited;
};

static enum err glance_at(struct glance *g, struct bytes message)
{
	const char *at = message.data;
	struct bytes name;
	struct bytes value;

	*g = (struct glance){.edited = message_edited(message)};
	while (json_peek_next(&at, message.data + message.len, &name, &value)) {
		if (bytes_equal(name, "from", 4))
			g->from = value;
		else if (bytes_equal(name, "type", 4))
			g->type = value;
		else if (bytes_equal(name, "ts", 2))
			g->ts = value;
		else if (bytes_equal(name, "text", 4))
			g->text = value;
	}
	return g->from.len > 0 && g->type.len > 0 && g->ts.len > 0 ? ERR_OK : ERR_CORRUPT;
}

/* How many bytes the escape at s takes: two, \uXXXX, or a pair of those. */
static size_t escape_size(const char *s, size_t len)
{
	if (len < 2 || s[1] != 'u')
		return 2;
	if (len >= 4 && (s[2] == 'd' || s[2] == 'D') && s[3] != '\0' && strchr("89abAB", s[3]))
		return 12;
	return 6;
}

/* The longest prefix of the inside of a JSON string that has at most PREVIEW_CHARS characters: its
 * bytes. */
static size_t prefix(const char *s, size_t len)
{
	size_t at = 0;

	if (len <= PREVIEW_CHARS)
		return len; /* a character has a byte at least */
	for (size_t chars = 0; at < len && chars < PREVIEW_CHARS; chars++) {
		size_t size = 1;

		if (s[at] == '\\')
			size = escape_size(s + at, len - at);
		while (at + size < len && ((unsigned char)s[at + size] & 0xc0) == 0x80)
			size++;
		if (size > len - at)
			break;
		at += size;
	}
	return at;
}

static void put_raw(struct query *q, const char *name, struct bytes raw)
{
	buf_str(q->out, name);
	buf_put(q->out, raw.data, raw.len);
}

static void put_text(struct query *q, struct bytes text)
{
	if (text.len <= 2 || text.data[0] != '"')
		return;
	buf_str(q->out, ",\"text\":\"");
	buf_put(q->out, text.data + 1, prefix(text.data + 1, text.len - 2));
	buf_str(q->out, "\"");
}

/* The text as it stands now: of the newest edit. */
static void put_edited_text(
	struct query *q, struct bytes chat, const struct glance *original, uint64_t edit)
{
	struct key k = key_message(chat, edit);
	struct glance g;
	struct bytes v;

	if (store_get(q->src->store, q->snap, key_bytes(&k), &v) != ERR_OK) {
		put_text(q, original->text);
		return;
	}
	put_text(q, glance_at(&g, v) == ERR_OK ? g.text : original->text);
	free((void *)(uintptr_t)v.data);
}

static void put_glance(struct query *q, struct bytes chat, uint64_t seq, const struct glance *g)
{
	buf_str(q->out, ",\"preview\":{\"seq\":");
	buf_decimal(q->out, seq);
	put_raw(q, ",\"from\":", g->from);
	put_raw(q, ",\"type\":", g->type);
	put_raw(q, ",\"ts\":", g->ts);
	if (g->edited != 0)
		put_edited_text(q, chat, g, g->edited);
	else
		put_text(q, g->text);
	buf_str(q->out, "}");
}

enum err query_put_preview(struct query *q, struct bytes chat, uint64_t seq)
{
	struct key k = key_message(chat, seq);
	struct glance g;
	struct bytes v;
	enum err err = store_get(q->src->store, q->snap, key_bytes(&k), &v);

	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	err = glance_at(&g, v);
	if (err == ERR_OK)
		put_glance(q, chat, seq, &g);
	free((void *)(uintptr_t)v.data);
	return err;
}
