/* world.c — see world.h. */
#include "world.h"
#include "persist/values.h"
#include "persist/visible.h"
#include "wire/le.h"

#include "persist/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char *key, *value; /* owned */
	size_t key_len, value_len;
};

struct map {
	struct entry *list; /* in order of key */
	size_t count, cap;
};

struct world {
	struct map maps[TABLE_COUNT];
	struct base base;
	struct conf conf;
	struct batch *batch;
	struct outbox out;
	struct engine engine;
	uint64_t number;
	size_t reads; /* requests handed on to be answered elsewhere */
	struct buf text;
	struct buf hints, pushed; /* as text */
};

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

static int compare(const struct entry *e, struct bytes key)
{
	size_t n = e->key_len < key.len ? e->key_len : key.len;
	int c = n ? memcmp(e->key, key.data, n) : 0;

	return c ? c : (e->key_len > key.len) - (e->key_len < key.len);
}

/* Where key is, or would go. */
static size_t place(const struct map *m, struct bytes key)
{
	size_t lo = 0;
	size_t hi = m->count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (compare(&m->list[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static enum err map_get(void *ctx, enum table t, struct bytes key, struct bytes *value)
{
	struct map *m = &((struct world *)ctx)->maps[t];
	size_t at = place(m, key);

	if (at == m->count || compare(&m->list[at], key) != 0)
		return ERR_NOT_FOUND;
	*value = (struct bytes){m->list[at].value, m->list[at].value_len};
	return ERR_OK;
}

static enum err map_each(void *ctx, enum table t, struct bytes prefix, struct bytes from,
	base_each_fn *fn, void *fn_ctx)
{
	struct map *m = &((struct world *)ctx)->maps[t];

	for (size_t i = place(m, from.len > 0 ? from : prefix); i < m->count; i++) {
		struct entry *e = &m->list[i];

		if (e->key_len < prefix.len || memcmp(e->key, prefix.data, prefix.len) != 0)
			break;
		if (!fn(fn_ctx, (struct bytes){e->key, e->key_len},
			    (struct bytes){e->value, e->value_len}))
			break;
	}
	return ERR_OK;
}

static char *copy(struct bytes b)
{
	char *p = need(malloc(b.len + 1));

	if (b.len > 0)
		memcpy(p, b.data, b.len);
	return p;
}

static void map_write(void *ctx, struct bytes key, struct bytes value)
{
	struct map *m = ctx;
	size_t at = place(m, key);
	bool there = at < m->count && compare(&m->list[at], key) == 0;

	if (there) {
		free(m->list[at].value);
		if (!value.data) {
			free(m->list[at].key);
			m->count--;
			memmove(m->list + at, m->list + at + 1, (m->count - at) * sizeof(*m->list));
			return;
		}
	} else {
		if (!value.data)
			return;
		if (m->count == m->cap) {
			m->cap = m->cap ? 2 * m->cap : 64;
			m->list = need(realloc(m->list, m->cap * sizeof(*m->list)));
		}
		memmove(m->list + at + 1, m->list + at, (m->count - at) * sizeof(*m->list));
		m->count++;
		m->list[at] = (struct entry){.key = copy(key), .key_len = key.len};
	}
	m->list[at].value = copy(value);
	m->list[at].value_len = value.len;
}

struct world *world_create(void)
{
	struct world *w = need(calloc(1, sizeof(*w)));

	w->base = (struct base){.get = map_get, .each = map_each, .ctx = w};
	conf_defaults(&w->conf, "/nowhere");
	w->batch = need(batch_create(&w->base));
	engine_init(&w->engine, &w->conf, w->batch, &w->out);
	return w;
}

void world_destroy(struct world *w)
{
	for (int t = 0; t < TABLE_COUNT; t++) {
		for (size_t i = 0; i < w->maps[t].count; i++) {
			free(w->maps[t].list[i].key);
			free(w->maps[t].list[i].value);
		}
		free(w->maps[t].list);
	}
	engine_finish(&w->engine);
	outbox_finish(&w->out);
	batch_destroy(w->batch);
	buf_free(&w->text);
	buf_free(&w->hints);
	buf_free(&w->pushed);
	free(w);
}

struct conf *world_conf(struct world *w)
{
	return &w->conf;
}

void world_offer(struct world *w, const struct push_offer *offer)
{
	w->engine.offer = offer;
}

static void put_text(struct buf *b, struct bytes s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c < 0x20 || c >= 0x7f)
			buf_printf(b, "\\%02x", c);
		else
			buf_put(b, &s.data[i], 1);
	}
}

static void print_effect(struct buf *b, const struct effect *e)
{
	static const char *const names[] = {
		"", "MESSAGE", "PUBLISH", "ANSWER", "KICK", "EXPEL", "HIDE"};
	struct bytes parts[] = {e->chat, e->topic, e->user, e->client, e->correlation, e->payload};

	buf_str(b, names[e->type]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (parts[i].len == 0)
			continue;
		buf_str(b, " ");
		put_text(b, parts[i]);
	}
	if (e->type == EFFECT_PUBLISH && e->retain)
		buf_str(b, " (retained)");
	if (e->type == EFFECT_HIDE && e->user.len == 0)
		buf_printf(b, " (%s)", visibility_name((enum visibility)e->level));
	if (e->type == EFFECT_PUBLISH && e->expiry > 0)
		buf_printf(b, " (for %u s)", (unsigned)e->expiry);
	buf_str(b, "\n");
}

static void print_hints(struct world *w)
{
	static const char *const names[] = {
		"", "CAME", "WENT", "AGAIN", "SAID", "ALL", "PREFS", "MARK", "MARK_AGAIN"};
	struct reader r = reader_of(w->out.hints.data, w->out.hints.len);

	while (r.at != r.end) {
		uint8_t hint = read_u8(&r);
		struct bytes user = read_bytes16(&r);
		struct bytes chat = read_bytes16(&r);
		uint64_t ts = read_u64(&r);

		if (r.failed || hint == 0 || hint >= sizeof(names) / sizeof(*names))
			abort();
		buf_printf(&w->hints, "%s %.*s %.*s %llu\n", names[hint], (int)user.len, user.data,
			(int)chat.len, chat.data, (unsigned long long)ts);
	}
}

static void print_pushed(struct world *w)
{
	struct reader r = reader_of(w->out.pushed.data, w->out.pushed.len);
	struct push_entry e;
	size_t count = 0;

	for (; push_entry_next(&e, &r); count++)
		buf_printf(&w->pushed, "PUSH %.*s %llu %llu %llu\n", (int)e.chat.len, e.chat.data,
			(unsigned long long)e.first, (unsigned long long)e.n,
			(unsigned long long)e.ts);
	if (r.failed || count != w->out.pushed_count)
		abort();
}

static void print_effects(struct world *w)
{
	struct reader r = reader_of(w->out.wire.data, w->out.wire.len);

	for (size_t i = 0; i < w->out.count; i++) {
		struct effect e;

		if (effect_decode(&e, &r) != ERR_OK)
			abort();
		print_effect(&w->text, &e);
	}
	print_hints(w);
	print_pushed(w);
	w->reads += w->out.reads_count;
}

static struct bytes word(const char **at, const char *end)
{
	const char *start = *at;
	const char *stop = memchr(start, ' ', (size_t)(end - start));

	if (!stop)
		stop = end;
	*at = stop < end ? stop + 1 : end;
	return (struct bytes){start, (size_t)(stop - start)};
}

static enum record_type type_of(struct bytes name)
{
	static const char *const names[RECORD_TYPE_END] = {
		[RECORD_SEND] = "SEND",
		[RECORD_ACK] = "ACK",
		[RECORD_API] = "API",
		[RECORD_CONNECT] = "CONNECT",
		[RECORD_DISCONNECT] = "DISCONNECT",
		[RECORD_BROKER_START] = "BROKER_START",
		[RECORD_PRESENCE] = "PRESENCE",
	};

	for (int i = 1; i < RECORD_TYPE_END; i++)
		if (bytes_equal(name, names[i], strlen(names[i])))
			return (enum record_type)i;
	abort();
}

static void apply_line(struct world *w, const char *line, size_t len)
{
	const char *end = line + len;
	struct record r = {.number = ++w->number, .ts = 1700000000000 + 10 * w->number};
	struct bytes type = word(&line, end);
	const char *colon;
	char number[8];

	if (type.data[type.len - 1] == '?') {
		type.len--;
		r.response = (struct bytes){"r", 1};
		r.correlation = (struct bytes){"c", 1};
	}
	r.type = type_of(type);
	r.user = word(&line, end);
	r.client = word(&line, end);
	colon = r.client.len > 0 ? memchr(r.client.data, ':', r.client.len) : NULL;
	r.device = colon ? (struct bytes){colon + 1,
				   (size_t)(r.client.data + r.client.len - colon - 1)}
			 : r.client;
	r.role = r.user.len > 0 && r.user.data[0] == '$' ? ROLE_ADMIN : ROLE_USER;
	if (r.type <= RECORD_API)
		r.target = word(&line, end);
	if (r.type == RECORD_API)
		r.response = (struct bytes){"r", 1};
	r.payload = (struct bytes){line, (size_t)(end - line)};
	if ((r.type == RECORD_CONNECT || r.type == RECORD_BROKER_START) && r.payload.len > 0) {
		le_put64(number, r.ts - 10 * strtoull(r.payload.data, NULL, 10));
		r.payload = (struct bytes){number, sizeof(number)};
	}
	if (engine_apply(&w->engine, &r, ERR_OK) != ERR_OK)
		abort();
}

static void start(struct world *w)
{
	batch_clear(w->batch);
	outbox_reset(&w->out);
}

static void commit(struct world *w)
{
	print_effects(w);
	for (int t = 0; t < TABLE_COUNT; t++)
		batch_writes(w->batch, (enum table)t, map_write, &w->maps[t]);
	start(w);
}

const char *world_apply(struct world *w, const char *line)
{
	buf_reset(&w->text);
	start(w);
	apply_line(w, line, strlen(line));
	commit(w);
	buf_put(&w->text, "", 1);
	return w->text.data;
}

char *world_run(struct world *w, const char *lines, unsigned group, unsigned seed)
{
	unsigned pending = 0;
	unsigned size = group;
	char *out;

	buf_reset(&w->text);
	start(w);
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		if (len > 0 && *lines != '#') {
			if (group == 0 && pending == 0) {
				seed = seed * 1103515245u + 12345u;
				size = 1 + (seed >> 16) % 9;
			}
			apply_line(w, lines, len);
			if (++pending == size) {
				commit(w);
				pending = 0;
			}
		}
		lines += len + (lines[len] == '\n');
	}
	commit(w);
	buf_put(&w->text, "", 1);
	out = need(strdup(w->text.data));
	return out;
}

char *world_dump(struct world *w)
{
	static const char *const names[] = {
		"store", "users", "chats", "members", "lists", "contacts", "blocks", "revoked"};
	struct buf b = {0};

	for (int t = 0; t < TABLE_COUNT; t++) {
		for (size_t i = 0; i < w->maps[t].count; i++) {
			struct entry *e = &w->maps[t].list[i];

			buf_printf(&b, "%s ", names[t]);
			put_text(&b, (struct bytes){e->key, e->key_len});
			buf_str(&b, " = ");
			put_text(&b, (struct bytes){e->value, e->value_len});
			buf_str(&b, "\n");
		}
	}
	buf_printf(&b, "reads %zu\n# hints\n", w->reads);
	buf_put(&b, w->hints.data, w->hints.len);
	buf_put(&b, w->pushed.data, w->pushed.len);
	buf_put(&b, "", 1);
	return need(b.data);
}
