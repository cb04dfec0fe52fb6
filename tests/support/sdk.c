/* sdk.c — see sdk.h. */
#include "tests/support/sdk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/sanitize.h"
#include "tests/support/token.h"

/* As in sanitize_env(), for the program that holds the client. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return SANITIZE_PAHO_LEAKS;
}

struct sdk {
	struct gnatter *g;
	struct gnatter_options o;
	char name[100];

	pthread_mutex_t lock;
	struct sdk_seen **seen; /* each owned, with its strings */
	size_t count, cap;
	sdk_hook_fn *hook;
	void *hook_ctx;
	FILE *log; /* what on_log said */
	char *logged;
	size_t logged_len;
};

/* --- what callbacks say ---------------------------------------------------------------------- */

static const char *copy(const char *s)
{
	char *c = s ? strdup(s) : NULL;

	if (s && !c)
		abort();
	return c;
}

static void keep(struct sdk *s, struct sdk_seen seen)
{
	struct sdk_seen *e = malloc(sizeof(*e));
	sdk_hook_fn *hook;
	void *ctx;

	if (!e)
		abort();
	*e = seen;
	e->chat = copy(seen.chat);
	e->user = copy(seen.user);
	e->id = copy(seen.id);
	e->type = copy(seen.type);
	e->code = copy(seen.code);
	e->text = copy(seen.text);
	e->json = copy(seen.json);
	e->at_ms = case_now_ms();
	pthread_mutex_lock(&s->lock);
	if (s->count == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->seen = realloc(s->seen, s->cap * sizeof(struct sdk_seen *));
		if (!s->seen)
			abort();
	}
	s->seen[s->count++] = e;
	hook = s->hook;
	ctx = s->hook_ctx;
	pthread_mutex_unlock(&s->lock);
	if (hook)
		hook(ctx, s, e);
}

static void on_status(void *ctx, struct gnatter *g, const struct gnatter_status *st)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_STATUS,
			  .state = st->state,
			  .text = st->reason,
			  .json = st->address,
			  .seq = (uint64_t)st->retry_in_ms,
			  .offline = st->state == GNATTER_OFFLINE,
			  .unauthorized = st->unauthorized});
}

static void on_message(void *ctx, struct gnatter *g, const struct gnatter_message *m)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_MESSAGE,
			  .chat = m->chat,
			  .user = m->from,
			  .id = m->id,
			  .type = m->type,
			  .text = m->text,
			  .seq = m->seq,
			  .ref = m->ref,
			  .tick = m->tick});
}

static void on_chat(void *ctx, struct gnatter *g, const char *chat)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_CHAT, .chat = chat});
}

static void on_sent(void *ctx, struct gnatter *g, const struct gnatter_sent *st)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_SENT,
			  .chat = st->chat,
			  .id = st->id,
			  .seq = st->seq,
			  .tick = st->tick,
			  .code = st->code,
			  .text = st->message});
}

static void on_mark(void *ctx, struct gnatter *g, const struct gnatter_mark *m)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_MARK,
			  .chat = m->chat,
			  .user = m->user,
			  .delivered = m->delivered,
			  .read = m->read});
}

static void on_typing(void *ctx, struct gnatter *g, const char *chat, const char *user)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_TYPING, .chat = chat, .user = user});
}

static void on_presence(void *ctx, struct gnatter *g, const struct gnatter_presence *p)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_PRESENCE,
			  .user = p->user,
			  .online = p->online,
			  .offline = !p->online,
			  .type = p->state,
			  .text = p->text});
}

static void on_event(void *ctx, struct gnatter *g, const char *topic, const char *json)
{
	(void)g;
	keep(ctx, (struct sdk_seen){.kind = SDK_EVENT, .text = topic, .json = json});
}

static void on_log(void *ctx, struct gnatter *g, const char *sentence)
{
	struct sdk *s = ctx;

	(void)g;
	pthread_mutex_lock(&s->lock);
	fprintf(s->log, "%lld %s\n", (long long)case_now_ms() % 1000000, sentence);
	pthread_mutex_unlock(&s->lock);
}

void sdk_answer(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	(void)g;
	keep(ctx,
		(struct sdk_seen){
			.kind = SDK_ANSWER, .code = a->code, .text = a->message, .json = a->json});
}

void sdk_hook(struct sdk *s, sdk_hook_fn *hook, void *ctx)
{
	pthread_mutex_lock(&s->lock);
	s->hook = hook;
	s->hook_ctx = ctx;
	pthread_mutex_unlock(&s->lock);
}

/* --- judged when the test has passed --------------------------------------------------------- */

struct told {
	struct sdk_seen *e;
	size_t at;
};

static int text_order(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int told_order(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	int order = (int)x->e->kind - (int)y->e->kind;

	if (order == 0)
		order = text_order(x->e->chat, y->e->chat);
	if (order == 0 && x->e->kind == SDK_SENT)
		order = text_order(x->e->id, y->e->id);
	if (order == 0)
		order = x->at < y->at ? -1 : x->at > y->at;
	return order;
}

/* May b be told after a? A refusal is the last word. */
static bool further(enum gnatter_tick a, enum gnatter_tick b)
{
	return a != GNATTER_TICK_REFUSED &&
	       (b > a || (b == GNATTER_TICK_REFUSED && a <= GNATTER_TICK_SENT));
}

/* Two that follow each other, of one chat, or of one sent message. */
static void judge_pair(const struct sdk *s, const struct sdk_seen *a, const struct sdk_seen *b)
{
	if (a->kind != b->kind || text_order(a->chat, b->chat) != 0)
		return;
	if (a->kind == SDK_MESSAGE && b->seq != a->seq + 1)
		case_fail("%s: in %s message %llu was told after %llu", s->name, a->chat,
			(unsigned long long)b->seq, (unsigned long long)a->seq);
	if (a->kind == SDK_SENT && text_order(a->id, b->id) == 0 && !further(a->tick, b->tick))
		case_fail("%s: of %s in %s tick %d was told after %d", s->name, a->id, a->chat,
			(int)b->tick, (int)a->tick);
}

static void judge(void *arg)
{
	struct sdk *s = arg;
	struct told *told;
	size_t count = 0;

	sdk_close(s);
	told = case_alloc((s->count + 1) * sizeof(*told));
	for (size_t i = 0; i < s->count; i++) {
		if (s->seen[i]->kind == SDK_MESSAGE || s->seen[i]->kind == SDK_SENT)
			told[count++] = (struct told){s->seen[i], i};
	}
	qsort(told, count, sizeof(*told), told_order);
	for (size_t i = 1; i < count; i++)
		judge_pair(s, told[i - 1].e, told[i].e);
}

static void report(void *arg)
{
	struct sdk *s = arg;
	static const char *const kinds[] = {"", "status", "message", "chat", "sent", "mark",
		"typing", "presence", "event", "answer"};

	pthread_mutex_lock(&s->lock);
	fprintf(stderr, "=== the last that was told to %s\n", s->name);
	for (size_t i = s->count > 25 ? s->count - 25 : 0; i < s->count; i++) {
		const struct sdk_seen *e = s->seen[i];

		fprintf(stderr,
			"%lld %s %s %s id %s type %s seq %llu tick %d state %d%s %.80s %.80s\n",
			(long long)e->at_ms % 1000000, kinds[e->kind], e->chat ? e->chat : "-",
			e->user ? e->user : "-", e->id ? e->id : "-", e->type ? e->type : "-",
			(unsigned long long)e->seq, (int)e->tick, (int)e->state,
			e->online ? " online" : "", e->text ? e->text : "", e->json ? e->json : "");
	}
	fflush(s->log);
	fprintf(stderr, "--- its log\n%s",
		s->logged_len > 3000 ? s->logged + s->logged_len - 3000 : s->logged);
	pthread_mutex_unlock(&s->lock);
}

static void undo_sdk(void *arg, bool failed)
{
	struct sdk *s = arg;

	(void)failed;
	sdk_close(s);
	for (size_t i = 0; i < s->count; i++) {
		struct sdk_seen *e = s->seen[i];
		const char *strings[] = {
			e->chat, e->user, e->id, e->type, e->code, e->text, e->json};

		for (size_t k = 0; k < COUNT(strings); k++)
			free((void *)(uintptr_t)strings[k]);
		free(e);
	}
	free(s->seen);
	fclose(s->log);
	free(s->logged);
	pthread_mutex_destroy(&s->lock);
	case_forget_report(s);
}

/* --- opening and closing --------------------------------------------------------------------- */

struct gnatter_options sdk_options(struct instance *i, const char *user, const char *device)
{
	struct gnatter_options o;

	gnatter_options_init(&o);
	o.address = case_printf("tcp://127.0.0.1:%d", i->port);
	o.user = user;
	o.device = device;
	o.secret = token_mint(&i->keys, &(struct token){.sub = user});
	o.retry_min_ms = 50;
	o.retry_max_ms = 1000;
	return o;
}

struct gnatter_options sdk_options_file(struct instance *i, const char *user, const char *device)
{
	struct gnatter_options o = sdk_options(i, user, device);

	o.store = case_printf("%s/%s-%s.db", i->root, user, device);
	return o;
}

static enum gnatter_error create(struct sdk *s, const struct gnatter_options *o)
{
	s->o = *o;
	s->o.ctx = s;
	s->o.callbacks = (struct gnatter_callbacks){.on_status = on_status,
		.on_message = on_message,
		.on_chat = on_chat,
		.on_sent = on_sent,
		.on_mark = on_mark,
		.on_typing = on_typing,
		.on_presence = on_presence,
		.on_event = on_event,
		.on_log = on_log,
		.on_token = o->callbacks.on_token};
	return gnatter_create(&s->g, &s->o);
}

enum gnatter_error sdk_try(struct sdk **out, const struct gnatter_options *o)
{
	struct sdk *s = case_alloc(sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	s->log = open_memstream(&s->logged, &s->logged_len);
	if (!s->log)
		abort();
	fflush(s->log);
	snprintf(s->name, sizeof(s->name), "%s:%s", o->user, o->device);
	case_defer(undo_sdk, s);
	case_on_failure(report, s);
	case_verify(judge, s);
	*out = s;
	return create(s, o);
}

struct sdk *sdk_open(const struct gnatter_options *o)
{
	struct sdk *s;
	enum gnatter_error e = sdk_try(&s, o);

	if (e != GNATTER_OK)
		case_fail("%s: cannot be made: %s", s->name, gnatter_error_text(e));
	return s;
}

struct sdk *sdk_connect(const struct gnatter_options *o)
{
	struct sdk *s = sdk_open(o);

	assert_int_equal(gnatter_connect(s->g), GNATTER_OK);
	return s;
}

struct sdk *sdk_online(struct instance *i, const char *user, const char *device)
{
	struct gnatter_options o = sdk_options(i, user, device);
	struct sdk *s = sdk_connect(&o);

	sdk_wait_synced(s);
	return s;
}

void sdk_close(struct sdk *s)
{
	gnatter_destroy(s->g);
	s->g = NULL;
}

void sdk_reopen(struct sdk *s, const struct gnatter_options *o)
{
	struct gnatter_options again = o ? *o : s->o;
	enum gnatter_error e;

	sdk_close(s);
	e = create(s, &again);
	if (e != GNATTER_OK)
		case_fail("%s: cannot be made again: %s", s->name, gnatter_error_text(e));
}

struct gnatter *sdk_g(struct sdk *s)
{
	return s->g;
}

/* --- waiting --------------------------------------------------------------------------------- */

static bool same_text(const char *want, const char *got)
{
	return !want || (got && strcmp(want, got) == 0);
}

static bool holds(const char *want, const char *got)
{
	return !want || (got && strstr(got, want));
}

static bool matches(const struct sdk_seen *e, const struct sdk_seen *w)
{
	return (w->kind == SDK_ANY || e->kind == w->kind) && same_text(w->chat, e->chat) &&
	       same_text(w->user, e->user) && same_text(w->id, e->id) &&
	       same_text(w->type, e->type) && same_text(w->code, e->code) &&
	       same_text(w->text, e->text) && holds(w->json, e->json) && e->seq >= w->seq &&
	       (w->ref == 0 || e->ref == w->ref) && e->delivered >= w->delivered &&
	       e->read >= w->read && (w->tick == GNATTER_TICK_NONE || e->tick == w->tick) &&
	       (w->state == GNATTER_OFFLINE || e->state == w->state) && (!w->online || e->online) &&
	       (!w->offline || e->offline) && (!w->unauthorized || e->unauthorized);
}

const struct sdk_seen *sdk_find(struct sdk *s, size_t from, struct sdk_seen want)
{
	const struct sdk_seen *found = NULL;

	pthread_mutex_lock(&s->lock);
	for (size_t i = from; i < s->count && !found; i++)
		found = matches(s->seen[i], &want) ? s->seen[i] : NULL;
	pthread_mutex_unlock(&s->lock);
	return found;
}

size_t sdk_count(struct sdk *s, size_t from, struct sdk_seen want)
{
	size_t count = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = from; i < s->count; i++)
		count += matches(s->seen[i], &want);
	pthread_mutex_unlock(&s->lock);
	return count;
}

struct goal {
	struct sdk *s;
	size_t from, n;
	struct sdk_seen want;
};

static bool reached(void *arg)
{
	struct goal *goal = arg;

	return sdk_count(goal->s, goal->from, goal->want) >= goal->n;
}

void sdk_wait_count(struct sdk *s, size_t from, struct sdk_seen want, size_t n)
{
	struct goal goal = {s, from, n, want};

	if (!case_wait(reached, &goal))
		case_fail("%s: %zu of %zu came: kind %d chat %s user %s id %s type %s code %s text "
			  "%s tick %d seq %llu state %d",
			s->name, sdk_count(s, from, want), n, (int)want.kind,
			want.chat ? want.chat : "-", want.user ? want.user : "-",
			want.id ? want.id : "-", want.type ? want.type : "-",
			want.code ? want.code : "-", want.text ? want.text : "-", (int)want.tick,
			(unsigned long long)want.seq, (int)want.state);
}

const struct sdk_seen *sdk_wait(struct sdk *s, size_t from, struct sdk_seen want)
{
	sdk_wait_count(s, from, want, 1);
	return sdk_find(s, from, want);
}

size_t sdk_mark(struct sdk *s)
{
	size_t count;

	pthread_mutex_lock(&s->lock);
	count = s->count;
	pthread_mutex_unlock(&s->lock);
	return count;
}

struct state_goal {
	struct sdk *s;
	enum gnatter_state state;
};

static bool in_state(void *arg)
{
	struct state_goal *goal = arg;
	struct gnatter_status st;

	gnatter_status(goal->s->g, &st);
	return st.state == goal->state;
}

void sdk_wait_state(struct sdk *s, enum gnatter_state state)
{
	struct state_goal goal = {s, state};
	struct gnatter_status st;

	if (case_wait(in_state, &goal))
		return;
	gnatter_status(s->g, &st);
	case_fail("%s: does not come to state %d, is in %d: %s", s->name, (int)state, (int)st.state,
		st.reason);
}

void sdk_wait_synced(struct sdk *s)
{
	sdk_wait_state(s, GNATTER_SYNCED);
}

static bool count_waiting(void *ctx, const struct gnatter_message *m)
{
	*(size_t *)ctx += m->tick != GNATTER_TICK_REFUSED;
	return true;
}

size_t sdk_waiting(struct sdk *s)
{
	size_t count = 0;

	assert_int_equal(gnatter_outbox(s->g, NULL, count_waiting, &count), GNATTER_OK);
	return count;
}

static bool all_sent(void *arg)
{
	return sdk_waiting(arg) == 0;
}

void sdk_wait_sent(struct sdk *s)
{
	if (!case_wait(all_sent, s))
		case_fail("%s: %zu messages still wait in the outbox", s->name, sdk_waiting(s));
}

/* --- short forms ----------------------------------------------------------------------------- */

const char *sdk_send(struct sdk *s, const char *chat, const char *text)
{
	char id[GNATTER_ID_SIZE];
	enum gnatter_error e = gnatter_send_text(s->g, chat, text, id);

	if (e != GNATTER_OK)
		case_fail("%s: cannot send to %s: %s", s->name, chat, gnatter_error_text(e));
	return case_printf("%s", id);
}

const struct sdk_seen *sdk_ask(struct sdk *s, const char *method, const char *json)
{
	size_t from = sdk_mark(s);

	assert_int_equal(gnatter_request(s->g, method, json, sdk_answer, s), GNATTER_OK);
	return sdk_wait(s, from, (struct sdk_seen){.kind = SDK_ANSWER});
}

static const char *keep_text(const char *s)
{
	return s ? case_printf("%s", s) : NULL;
}

static bool take_chat(void *ctx, const struct gnatter_chat *c)
{
	struct gnatter_chat *out = ctx;

	*out = *c;
	out->chat = keep_text(c->chat);
	out->title = keep_text(c->title);
	out->peer = keep_text(c->peer);
	out->role = keep_text(c->role);
	out->preview_from = keep_text(c->preview_from);
	out->preview_type = keep_text(c->preview_type);
	out->preview_text = keep_text(c->preview_text);
	return false;
}

struct gnatter_chat sdk_chat(struct sdk *s, const char *chat)
{
	struct gnatter_chat c = {0};

	gnatter_chat(s->g, chat, take_chat, &c);
	return c;
}

static bool take_message(void *ctx, const struct gnatter_message *m)
{
	struct gnatter_message *out = ctx;

	*out = *m;
	out->chat = keep_text(m->chat);
	out->from = keep_text(m->from);
	out->device = keep_text(m->device);
	out->id = keep_text(m->id);
	out->type = keep_text(m->type);
	out->text = keep_text(m->text);
	out->media = keep_text(m->media);
	out->body = keep_text(m->body);
	out->code = keep_text(m->code);
	return false;
}

struct gnatter_message sdk_message(struct sdk *s, const char *chat, uint64_t seq)
{
	struct gnatter_message m = {0};

	gnatter_cached_after(s->g, chat, seq - 1, 1, take_message, &m);
	if (m.seq != seq)
		m.chat = NULL;
	return m;
}
