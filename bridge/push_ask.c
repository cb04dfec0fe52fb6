/* push_ask.c — see push_ask.h.
 *
 *   push.test   {"user"}            "tried": kind, result, reason of each registered device
 *   push.queue  {"limit","after"}   "waiting" how many, "pushes": what waits, and why; "after" is
 *                                   the "key" of one of them
 */
#include "bridge/push_ask.h"

#include "bridge/engine/answer.h"
#include "bridge/engine/api.h"
#include "wire/effect.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING    ((struct bytes){NULL, 0})
#define PAGE       100
#define PAGE_MAX   1000
#define ANSWER_MAX (384u << 10) /* bytes, about: where the list is cut and "more" says so */
#define TRIALS_MAX 16
#define AFTER_MAX  (2 * KEY_MAX)

/* A push.test whose devices have not all been heard of. */
struct trial {
	struct trial *next;
	struct buf results; /* JSON, with commas between */
	size_t expected, done;
	bool started;  /* expected is known */
	bool answered; /* with an error */
	size_t len;
	char record[];
};

struct push_asking {
	struct push_look look;
	struct push_waiting_list *list;
	const struct push_clock *clock;
	push_answer_fn *fn;
	void *ctx;
	struct trial *trials;
	size_t count;
};

struct push_asking *push_asking_create(const struct push_look *look, struct push_waiting_list *list,
	const struct push_clock *clock, push_answer_fn *fn, void *ctx)
{
	struct push_asking *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	push_look_init(&a->look, &look->src, look->key);
	a->list = list;
	a->clock = clock;
	a->fn = fn;
	a->ctx = ctx;
	return a;
}

static void free_trial(struct push_asking *a, struct trial *t)
{
	struct trial **at = &a->trials;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	a->count--;
	buf_free(&t->results);
	free(t);
}

void push_asking_destroy(struct push_asking *a)
{
	while (a && a->trials)
		free_trial(a, a->trials);
	free(a);
}

bool push_asking_knows(struct bytes method)
{
	return bytes_equal(method, "push.test", 9) || bytes_equal(method, "push.queue", 10);
}

static void send(struct push_asking *a, const struct record *r, const struct buf *answer)
{
	struct buf effect = {0};

	effect_encode_answer(&effect, r, (struct bytes){answer->data, answer->len});
	if (!answer->failed && !effect.failed)
		a->fn(a->ctx, (struct bytes){effect.data, effect.len});
	buf_free(&effect);
}

static void refuse(struct push_asking *a, const struct record *r, enum err err, const char *why,
	struct bytes re)
{
	struct buf answer = {0};

	answer_error(&answer, err, why, re);
	send(a, r, &answer);
	buf_free(&answer);
}

/* --- push.test
 * ------------------------------------------------------------------------------------ */

/* Once everybody was heard of. */
static void finish_trial(struct push_asking *a, struct trial *t)
{
	struct buf answer = {0};
	struct json_object o;
	struct record r;
	struct bytes re;
	uint32_t size;

	if (!t->started || t->done < t->expected)
		return;
	if (!t->answered && record_decode(&r, t->record, t->len, &size) == ERR_OK &&
		api_request_parse(&o, &r, &re) == ERR_OK) {
		answer_begin(&answer, re);
		buf_str(&answer, ",\"tried\":[");
		buf_put(&answer, t->results.data, t->results.len);
		buf_str(&answer, "]}");
		if (!t->results.failed)
			send(a, &r, &answer);
		json_finish(&o);
	}
	buf_free(&answer);
	free_trial(a, t);
}

void push_asking_tried(struct push_asking *a, void *trial, const struct registration *r,
	const struct push_result *result)
{
	struct trial *t = trial;
	const char *kind = push_kind_name(r->kind);
	const char *verdict = push_verdict_name(result->verdict);

	buf_str(&t->results, t->results.len > 0 ? ",{\"kind\":" : "{\"kind\":");
	json_put_string(&t->results, kind ? kind : "", kind ? strlen(kind) : 0);
	answer_string(&t->results, "result", (struct bytes){verdict, strlen(verdict)});
	answer_string(
		&t->results, "reason", (struct bytes){result->reason, strlen(result->reason)});
	buf_str(&t->results, "}");
	t->done++;
	finish_trial(a, t);
}

static void test(struct push_asking *a, struct push_sender *s, const struct record *r,
	struct bytes record, const struct json_object *o, struct bytes re)
{
	struct bytes user = NOTHING;
	struct trial *t = NULL;
	enum err err = json_string(o, "user", 1, NAME_USER_MAX, &user);

	if (err != ERR_OK || user.len == 0) {
		refuse(a, r, ERR_BAD_REQUEST, "\"user\" is missing", re);
		return;
	}
	if (a->count < TRIALS_MAX)
		t = calloc(1, sizeof(*t) + record.len);
	if (!t) {
		refuse(a, r, ERR_BUSY, "too many pushes are being tried", re);
		return;
	}
	memcpy(t->record, record.data, record.len);
	t->len = record.len;
	t->next = a->trials;
	a->trials = t;
	a->count++;
	err = push_sender_try(s, user, t, &t->expected);
	if (err != ERR_OK || t->expected == 0) {
		refuse(a, r, err == ERR_OK ? ERR_NOT_FOUND : err,
			err == ERR_OK ? "the user has no registered device" : NULL, re);
		t->answered = true;
	}
	t->expected -= err != ERR_OK && t->expected > 0; /* of the last one nothing will be heard */
	t->started = true;
	finish_trial(a, t);
}

/* --- push.queue
 * ----------------------------------------------------------------------------------- */

struct listing {
	struct push_asking *a;
	struct push_sender *s;
	struct buf *out;
	struct buf data; /* of a registration */
	int64_t left;
	bool any, more;
	enum err err;
};

static const char *const states[PUSH_STATES] = {
	[PUSH_RESTING] = "resting", [PUSH_HELD] = "held", [PUSH_WAITING] = "waiting"};

/* By which a page goes on after it. */
static void put_key(struct buf *out, struct bytes key)
{
	char text[AFTER_MAX + 1];

	sodium_bin2base64(text, sizeof(text), (const unsigned char *)key.data, key.len,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	answer_string(out, "key", (struct bytes){text, strlen(text)});
}

/* Why it has not left. */
static enum err put_why(struct listing *l, const struct push_whose *w, const struct push_waiting *p)
{
	uint64_t now = push_clock_now(l->a->clock), until = 0;
	struct push_registration r;
	const char *why = NULL;
	enum err err = push_look_registration(&l->a->look, w->user, w->device, &r, &l->data);

	if (err == ERR_NOT_FOUND)
		why = "the device is not registered any more";
	else if (err != ERR_OK)
		return err;
	else
		why = push_sender_trouble(l->s, &r, &until);
	if (err == ERR_OK && push_kind_name(r.kind))
		answer_string(l->out, "kind",
			(struct bytes){push_kind_name(r.kind), strlen(push_kind_name(r.kind))});
	if (!why && p->state == PUSH_HELD)
		why = "the device is connected";
	if (!why && p->attempts > 0)
		why = "its last try failed";
	if (!why)
		why = p->due > now ? "it waits for its time" : "it is on its way";
	answer_string(l->out, "why", (struct bytes){why, strlen(why)});
	if (until > p->due)
		answer_u64(l->out, "until", until);
	return ERR_OK;
}

static bool on_waiting(
	void *ctx, struct bytes key, const struct push_whose *w, const struct push_waiting *p)
{
	struct listing *l = ctx;

	if (p->state == PUSH_RESTING)
		return true;
	if (l->left == 0 || l->out->len > ANSWER_MAX) {
		l->more = true;
		return false;
	}
	buf_str(l->out, l->any ? ",{\"user\":" : "{\"user\":");
	json_put_string(l->out, w->user.data, w->user.len);
	answer_string(l->out, "device", w->device);
	answer_string(l->out, "chat", w->chat);
	answer_string(l->out, "state", (struct bytes){states[p->state], strlen(states[p->state])});
	answer_u64(l->out, "since", p->since);
	answer_u64(l->out, "due", p->due);
	answer_u64(l->out, "attempts", p->attempts);
	put_key(l->out, key);
	l->err = put_why(l, w, p);
	buf_str(l->out, "}");
	l->any = true;
	l->left--;
	return l->err == ERR_OK;
}

static bool take_after(const struct json_object *o, struct key *from)
{
	struct bytes after = NOTHING;
	size_t len;

	from->len = 0;
	if (json_string(o, "after", 1, AFTER_MAX, &after) != ERR_OK)
		return false;
	if (after.len == 0)
		return true;
	if (sodium_base642bin((unsigned char *)from->data, sizeof(from->data) - 1, after.data,
		    after.len, NULL, &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return false;
	from->len = len;
	from->data[from->len++] = '\0';
	return from->data[0] == 'i';
}

static void queue(struct push_asking *a, struct push_sender *s, const struct record *r,
	const struct json_object *o, struct bytes re)
{
	struct buf answer = {0};
	struct listing l = {.a = a, .s = s, .out = &answer, .left = PAGE};
	struct key from;
	enum err err;

	if (json_int(o, "limit", 1, PAGE_MAX, &l.left) != ERR_OK || !take_after(o, &from)) {
		refuse(a, r, ERR_BAD_REQUEST,
			"\"limit\" must be from 1 to 1000, \"after\" the \"key\" of a push", re);
		return;
	}
	answer_begin(&answer, re);
	answer_u64(&answer, "waiting", push_waiting_count(a->list));
	buf_str(&answer, ",\"pushes\":[");
	err = push_waiting_each(a->list, NOTHING, key_bytes(&from), on_waiting, &l);
	if (err == ERR_OK)
		err = l.err;
	buf_str(&answer, "]");
	answer_bool(&answer, "more", l.more);
	buf_str(&answer, "}");
	if (err == ERR_OK)
		send(a, r, &answer);
	else
		refuse(a, r, err, NULL, re);
	buf_free(&answer);
	buf_free(&l.data);
}

void push_asking_record(struct push_asking *a, struct push_sender *s, struct bytes record)
{
	struct json_object o;
	struct bytes re = NOTHING;
	struct record r;
	uint32_t size;
	enum err err;

	if (record_decode(&r, record.data, record.len, &size) != ERR_OK)
		return;
	err = api_request_parse(&o, &r, &re);
	if (err != ERR_OK) {
		refuse(a, &r, err, NULL, re);
		return;
	}
	if (bytes_equal(r.target, "push.test", 9))
		test(a, s, &r, record, &o, re);
	else
		queue(a, s, &r, &o, re);
	json_finish(&o);
}
