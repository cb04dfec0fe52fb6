/* history.c — see history.h. */
#include "tests/support/history.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persist/keys.h"
#include "persist/store.h"
#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"

/* Append the messages of one page; returns the last seq in it. */
static int64_t add_page(struct history *h, const struct cJSON *page, size_t *cap)
{
	const cJSON *m;
	int64_t last = -1;

	cJSON_ArrayForEach(m, json_at(page, "messages"))
	{
		if (h->count == *cap) {
			cJSON **more = case_alloc(2 * *cap * sizeof(*more));

			memcpy(more, h->messages, h->count * sizeof(*more));
			h->messages = more;
			*cap *= 2;
		}
		h->messages[h->count++] = (cJSON *)(uintptr_t)m;
		last = json_num(m, "seq");
	}
	return last;
}

static void check_order(const struct history *h, const char *chat)
{
	int64_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		int64_t seq = json_num(h->messages[i], "seq"), now = json_num(h->messages[i], "n");

		if (seq != (int64_t)i + 1)
			case_fail("%s: seq %lld stands at place %zu", chat, (long long)seq, i + 1);
		if (now < n || now > n + 1)
			case_fail(
				"%s: n goes from %lld to %lld", chat, (long long)n, (long long)now);
		n = now;
	}
}

struct history history_all(struct client *c, const char *chat)
{
	size_t cap = 256;
	struct history h = {.messages = case_alloc(cap * sizeof(*h.messages))};
	int64_t after = 0;
	bool more = true;

	while (more) {
		struct cJSON *page = client_requestf(c, "history",
			"{\"chat\":\"%s\",\"after\":%lld,\"limit\":500}", chat, (long long)after);

		more = cJSON_IsTrue(json_at(page, "more"));
		if (json_len(page, "messages") == 0) {
			assert_false(more);
			break;
		}
		after = add_page(&h, page, &cap);
	}
	check_order(&h, chat);
	return h;
}

size_t history_ids(const struct history *h, const char *from, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		const char *a = json_str(h->messages[i], "id"),
			   *b = json_str(h->messages[i], "from");

		n += a && b && strcmp(a, id) == 0 && strcmp(b, from) == 0;
	}
	return n;
}

void history_expect_once(
	const struct history *h, const char *from, const char *prefix, uint64_t count)
{
	size_t len = strlen(prefix);
	unsigned char *seen = case_alloc(count);

	for (size_t i = 0; i < h->count; i++) {
		const char *id = json_str(h->messages[i], "id"),
			   *by = json_str(h->messages[i], "from");
		unsigned long long k;

		if (!id || !by || strcmp(by, from) != 0 || strncmp(id, prefix, len) != 0)
			continue;
		k = strtoull(id + len, NULL, 10);
		if (k < count && seen[k]++)
			case_fail("%s of %s is stored twice", id, from);
	}
	for (uint64_t k = 0; k < count; k++) {
		if (!seen[k])
			case_fail("%s%llu of %s was acknowledged and is not stored", prefix,
				(unsigned long long)k, from);
	}
}

struct seq_goal {
	struct client *c;
	const char *chat;
	int64_t seq;
};

static bool seq_reached(void *arg)
{
	struct seq_goal *g = arg;
	struct cJSON *a =
		client_requestf(g->c, "history", "{\"chat\":\"%s\",\"limit\":1}", g->chat);

	return json_num(a, "seq") >= g->seq;
}

void history_wait_seq(struct client *c, const char *chat, uint64_t seq)
{
	struct seq_goal g = {c, chat, (int64_t)seq};

	if (!case_wait(seq_reached, &g))
		case_fail("%s does not get to seq %llu", chat, (unsigned long long)seq);
}

/* The answer is {"ok":true,…,"messages":[<bytes>],"more":…}: cut out what lies between, so that not
 * a space is lost in parsing. */
char *history_bytes(struct client *c, const char *chat, uint64_t seq)
{
	static const char open[] = "\"messages\":[", close[] = "],\"more\":";
	char *topic = case_printf("bytes/%llu", (unsigned long long)seq);
	struct publish p = {.topic = "api/history",
		.payload = case_printf("{\"chat\":\"%s\",\"after\":%llu,\"limit\":1}", chat,
			(unsigned long long)(seq - 1)),
		.qos = 1,
		.response = topic};
	struct message *m;
	char *from, *to = NULL;

	client_publish(c, &p);
	m = client_take(c, topic, NULL);
	from = strstr(m->payload, open);
	for (char *at = from; at && (at = strstr(at + 1, close));)
		to = at; /* the last one: a text may hold anything */
	if (!from || !to || to == from + sizeof(open) - 1)
		return NULL;
	return case_printf(
		"%.*s", (int)(to - from - (long)sizeof(open) + 1), from + sizeof(open) - 1);
}

char *stored_bytes(struct instance *i, const char *chat, uint64_t seq)
{
	char *copy = case_printf("%s/store-%lld", i->root, (long long)case_now_ms()), *found = NULL;
	struct key k = key_message((struct bytes){chat, strlen(chat)}, seq);
	char why[512];
	struct conf conf;
	struct store *s;
	struct bytes value;
	enum err e;

	if (run((const char *const[]){"cp", "-r", instance_path(i, "data/store"), copy, NULL})
			.code != 0)
		case_fail("cannot copy the store");
	conf_defaults(&conf, i->dir);
	e = store_open(&s, copy, &conf, STORE_OPEN, why, sizeof(why));
	if (e != ERR_OK)
		case_fail("cannot open the copy of the store: %s", why);
	e = store_get(s, NULL, key_bytes(&k), &value);
	if (e == ERR_OK) {
		found = case_printf("%.*s", (int)value.len, value.data);
		free((void *)(uintptr_t)value.data);
	}
	store_close(s);
	return found;
}
