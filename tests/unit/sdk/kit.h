/* kit.h — a store for a test, filled with little ado, and what it gives, collected. */
#ifndef GNATTER_TESTS_SDK_KIT_H
#define GNATTER_TESTS_SDK_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clients/sdk/store.h"

#define UNUSED       __attribute__((unused))
#define COUNT_OF(a)  (sizeof(a) / sizeof(*(a)))
#define assert_ok(e) assert_int_equal(e, GNATTER_OK)
#define T0           INT64_C(1795314821000)

/* alice:phone's store in memory, or in the file `path`. */
UNUSED static struct store *kit_open(const char *path)
{
	struct store_options o = {.path = path,
		.user = "alice",
		.device = "phone",
		.bytes_max = 64 << 20,
		.outbox_max = 100};
	struct store *s;
	enum gnatter_error e = store_open(&s, &o);

	if (e != GNATTER_OK)
		fail_msg("%d: %s", e, store_why(NULL));
	return s;
}

UNUSED static int kit_setup(void **state)
{
	*state = kit_open(NULL);
	return 0;
}

UNUSED static int kit_teardown(void **state)
{
	store_close(*state);
	return 0;
}

/* A chat that is there and begun at hi. "a:b" is a pair with the other user; others are groups. */
UNUSED static void kit_chat(struct store *s, const char *chat, uint64_t hi)
{
	struct gnatter_chat c = {.chat = chat,
		.kind = strchr(chat, ':') ? GNATTER_PAIR : GNATTER_GROUP,
		.seq = hi,
		.n = hi,
		.unread = 0,
		.delivered = hi,
		.read = hi,
		.ts_ms = T0};

	assert_ok(store_put_chat(s, &c, NULL));
	assert_ok(store_begin_chat(s, chat, hi));
}

/* A text by `from`; change what should be otherwise. */
UNUSED static struct message kit_message(
	const char *chat, uint64_t seq, const char *from, const char *text)
{
	static char ids[8][32];
	static unsigned turn;
	char *id = ids[turn++ % 8];

	snprintf(id, 32, "i%llu", (unsigned long long)seq);
	return (struct message){.chat = chat,
		.from = from,
		.device = "phone",
		.id = id,
		.type = "text",
		.text = text,
		.seq = seq,
		.n = seq,
		.ts_ms = T0 + (int64_t)seq};
}

UNUSED static void kit_append(
	struct store *s, const char *chat, uint64_t seq, const char *from, const char *text)
{
	struct message m = kit_message(chat, seq, from, text);

	assert_ok(store_append(s, &m));
}

/* One of a type that refers to another, and is not counted. */
UNUSED static void kit_about(struct store *s, const char *chat, uint64_t seq, const char *from,
	const char *type, uint64_t ref, const char *text)
{
	struct message m = kit_message(chat, seq, from, text);

	m.type = type;
	m.ref = ref;
	assert_ok(store_append(s, &m));
}

/* Collects messages as "seq:text " each, with "-" for no text. */
struct kit_lines {
	char text[4096];
	unsigned count, most;        /* most: ends after so many; 0: never */
	struct gnatter_message last; /* its numbers; its strings are gone */
};

UNUSED static bool kit_line(void *ctx, const struct gnatter_message *m)
{
	struct kit_lines *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "%s%llu:%s", len ? " " : "",
		(unsigned long long)m->seq, m->text ? m->text : "-");
	l->last = *m;
	return ++l->count != l->most;
}

/* A copy of a row, with the strings that tests look at. */
struct kit_row {
	struct store_chat c;
	char title[64], from[128], type[64], text[512];
};

UNUSED static bool kit_take_row(void *ctx, const struct store_chat *c)
{
	struct kit_row *r = ctx;

	r->c = *c;
	snprintf(r->title, sizeof(r->title), "%s", c->pub.title);
	snprintf(r->from, sizeof(r->from), "%s", c->pub.preview_from);
	snprintf(r->type, sizeof(r->type), "%s", c->pub.preview_type);
	snprintf(r->text, sizeof(r->text), "%s", c->pub.preview_text);
	return true;
}

UNUSED static struct kit_row kit_row(struct store *s, const char *chat)
{
	struct kit_row r;

	assert_ok(store_chat(s, chat, kit_take_row, &r));
	return r;
}

#endif
