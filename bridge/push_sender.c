/* push_sender.c — see push_sender.h.
 *
 * A lane is read from where the last reading ended: everything that is due before that is on its
 * way, and everything that is put down anew is due later, as the pusher's clock never goes back.
 */
#include "bridge/push_sender_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many endpoints of the operator's, and of users', can have all of push_in_flight under way. */
#define SHARES 4

#define NOTHING   ((struct bytes){NULL, 0})
#define PAGE      64  /* read from a lane at a time */
#define PAGES     8   /* then answers are looked at */
#define BUSY_MS   100 /* until a lane that found no room, though it has its share, looks again */
#define SOME      8   /* one part in so many of a lane's share */
#define ALERT_MS  300000u
#define AWAY_MS   1000u /* until it is looked again whether the broker is back, at least */
#define NOBODY_MS 5000u /* until a publish that nobody got is tried again */

/* --- create, destroy
 * ------------------------------------------------------------------------------ */

/* Is anything set up that is sent over HTTP? */
static bool needs_http(const struct push_kinds *kinds)
{
	bool needed = false;

	for (unsigned kind = PUSH_FCM; kind < PUSH_KIND_COUNT; kind++)
		needed = needed || (kind != PUSH_MQTT &&
					   push_kinds_configured(kinds, (enum push_kind_id)kind));
	return needed;
}

static enum err open_http(struct push_sender *s, char *why, size_t why_size)
{
	const struct conf *c = s->look.src.conf;
	struct http_conf h = {.timeout_ms = c->push_timeout_ms,
		.in_flight_max = (size_t)c->push_in_flight * 2 * SHARES + TRIES,
		.allow_loopback_http = c->push_allow_http != 0,
		.allow_private = c->push_allow_private != 0,
		.ca_file = c->push_ca_file[0] != '\0' ? c->push_ca_file : NULL};
	char wrong[512];
	enum err err = http_create(&s->http, &h, wrong, sizeof(wrong));

	if (err == ERR_OK && needs_http(s->kinds))
		err = http_start(s->http, wrong, sizeof(wrong));
	snprintf(why, why_size, "%s%s", err == ERR_BAD_REQUEST ? "push_ca_file: " : "", wrong);
	return err;
}

enum err push_sender_create(struct push_sender **out, const struct push_look *look,
	struct push_waiting_list *list, struct push_kinds *kinds, const struct push_clock *clock,
	const struct push_sender_handler *handler, char *why, size_t why_size)
{
	struct push_sender *s = calloc(1, sizeof(*s));
	enum err err = ERR_NOMEM;

	*out = NULL;
	snprintf(why, why_size, "out of memory");
	if (s) {
		push_look_init(&s->look, &look->src, look->key);
		s->list = list;
		s->kinds = kinds;
		s->clock = clock;
		s->handler = *handler;
		s->breakers = push_breakers_create();
	}
	if (s && s->breakers && hashmap_init(&s->flights))
		err = open_http(s, why, why_size);
	if (err != ERR_OK) {
		push_sender_destroy(s);
		return err;
	}
	*out = s;
	return ERR_OK;
}

static void free_flight(struct flight *f)
{
	buf_free(&f->endpoint);
	free(f);
}

static void forget_flights(struct push_sender *s)
{
	for (size_t i = 0; s->flights.buckets && i <= s->flights.mask; i++) {
		for (struct node *n = s->flights.buckets[i], *next; n; n = next) {
			next = n->next;
			free_flight(OF_NODE(n, struct flight, node));
		}
	}
	hashmap_finish(&s->flights);
}

void push_sender_destroy(struct push_sender *s)
{
	if (!s)
		return;
	http_destroy(s->http);
	forget_flights(s);
	for (struct pending *p = s->pending, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	push_breakers_destroy(s->breakers);
	push_view_free(&s->view);
	push_job_free(&s->job);
	http_request_free(&s->token);
	buf_free(&s->endpoint);
	free(s);
}

/* --- flights
 * -------------------------------------------------------------------------------------- */

static uint64_t hash_key(const struct key *k)
{
	return hash_bytes(k->data, k->len);
}

static struct flight *find_flight(const struct push_sender *s, const struct push_whose *whose)
{
	struct key k = key_push_waiting(whose);
	uint64_t hash = hash_key(&k);
	struct node *n = hashmap_first(&s->flights, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct flight *f = OF_NODE(n, struct flight, node);

		if (!f->trial && bytes_equal(key_bytes(&k), f->key.data, f->key.len))
			return f;
	}
	return NULL;
}

static void count_flight(struct push_sender *s, uint8_t lane, int by)
{
	s->lanes[lane].in_flight += (size_t)by;
	if (push_lane_is_shared(lane))
		s->strangers += (size_t)by;
}

/* Takes off: stands in the map, and in its lane's count. NULL when out of memory. */
static struct flight *take_off(
	struct push_sender *s, const struct push_whose *whose, uint8_t lane, void *trial)
{
	struct flight *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->sender = s;
	f->key = key_push_waiting(whose);
	key_push_waiting_parts(key_bytes(&f->key), &f->whose);
	f->lane = lane;
	f->trial = trial;
	f->attempt = s->job.attempt;
	buf_put(&f->endpoint, s->endpoint.data, s->endpoint.len);
	if (f->endpoint.failed) {
		free_flight(f);
		return NULL;
	}
	hashmap_add(&s->flights, &f->node, hash_key(&f->key));
	if (trial)
		s->trials++;
	else
		count_flight(s, lane, 1);
	return f;
}

static size_t share_left(const struct push_sender *s, const struct lane *lane)
{
	size_t share = (size_t)s->look.src.conf->push_in_flight;

	return lane->in_flight < share ? share - lane->in_flight : 0;
}

/* Endpoints of users that hang cannot take what the operator's need, however many they are. */
static bool has_room(const struct push_sender *s, const struct lane *lane)
{
	size_t most = SHARES * (size_t)s->look.src.conf->push_in_flight;

	if (push_lane_is_shared((uint8_t)(lane - s->lanes)) && s->strangers >= most)
		return false;
	return share_left(s, lane) > 0;
}

/* A lane that was full goes on once there is room for some: each reading of it costs the same. */
static void land(struct flight *f)
{
	struct push_sender *s = f->sender;
	struct lane *lane = &s->lanes[f->lane];

	hashmap_remove(&s->flights, &f->node);
	if (f->trial)
		s->trials--;
	else
		count_flight(s, f->lane, -1);
	if (lane->full &&
		share_left(s, lane) >= (size_t)s->look.src.conf->push_in_flight / SOME + 1)
		lane->next = 0;
	free_flight(f);
}

/* Something in the lane is due then. */
static void expect(struct push_sender *s, uint8_t lane, uint64_t due)
{
	if (due < s->lanes[lane].next)
		s->lanes[lane].next = due;
}

static struct bytes endpoint_of(const struct flight *f)
{
	return (struct bytes){f->endpoint.data, f->endpoint.len};
}

/* --- what becomes of a push
 * ----------------------------------------------------------------------- */

static void count(struct push_sender *s, enum push_kind_id kind, enum push_verdict verdict)
{
	struct stats *st = s->look.src.stats;
	_Atomic uint64_t *counters[PUSH_KIND_COUNT][PUSH_VERDICTS] = {
#define ROW(kind)                                                                              \
	{&st->push_##kind##_delivered, &st->push_##kind##_retried, &st->push_##kind##_dropped, \
		&st->push_##kind##_unregistered, &st->push_##kind##_alerts}
		[PUSH_FCM] = ROW(fcm),
		[PUSH_APNS] = ROW(apns),
		[PUSH_WEBPUSH] = ROW(webpush),
		[PUSH_WEBHOOK] = ROW(webhook),
		[PUSH_MQTT] = ROW(mqtt),
#undef ROW
	};

	if (counters[kind][verdict])
		stats_add(counters[kind][verdict], 1);
}

/* The operator hears of it once in a while, not once for each push. */
static void alert(struct push_sender *s, enum push_kind_id kind, const char *reason)
{
	uint64_t now = push_clock_now(s->clock);

	if (s->alerted[kind] != 0 && now - s->alerted[kind] < ALERT_MS)
		return;
	s->alerted[kind] = now;
	fprintf(stderr, "gnatterd: push of the kind %s is refused: %s\n", push_kind_name(kind),
		reason);
}

/* It was delivered. What came meanwhile waits on, until the next one may be sent. */
static enum err rest(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *was, const struct said *said)
{
	uint64_t now = push_clock_now(s->clock);
	struct push_waiting p = {.state = PUSH_RESTING,
		.lane = was->lane,
		.due = now + (uint64_t)s->look.src.conf->push_coalesce_ms,
		.since = now,
		.before = said->n,
		.mention = was->mention != said->mention ? was->mention : 0};
	struct chat_state state;
	enum err err = query_state(&s->look.q, whose->chat, &state);

	if (err != ERR_OK)
		return err;
	if (state.n > said->n || p.mention > 0)
		p.state = PUSH_WAITING;
	if (p.state == PUSH_WAITING || p.due > now) {
		push_waiting_put(s->list, whose, was, &p);
		expect(s, p.lane, p.due);
	} else {
		push_waiting_delete(s->list, whose, was);
	}
	return ERR_OK;
}

/* Another time. */
static void put_off(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *was, enum push_state state, uint64_t due)
{
	struct push_waiting p = *was;

	p.state = state;
	p.due = due;
	push_waiting_put(s->list, whose, was, &p);
	expect(s, p.lane, due);
}

/* For hours: then it is tried as if for the first time, and until then it can be brought forward.
 */
static void keep_quiet(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *was, uint64_t until)
{
	struct push_waiting p = *was;

	p.state = PUSH_WAITING;
	p.due = until;
	p.attempts = 0;
	push_waiting_put(s->list, whose, was, &p);
	expect(s, p.lane, until);
}

static void try_again(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *was, const struct push_result *r)
{
	uint64_t now = push_clock_now(s->clock);
	struct push_waiting p = *was;
	uint64_t wait = r->renew ? 1 : push_backoff_ms(++p.attempts);

	if (r->verdict == PUSH_ALERT && wait < ALERT_MS)
		wait = ALERT_MS;
	if (r->retry_after_ms > 0 && (uint64_t)r->retry_after_ms > wait)
		wait = (uint64_t)r->retry_after_ms;
	p.state = PUSH_WAITING;
	p.due = now + wait;
	push_waiting_put(s->list, whose, was, &p);
	expect(s, p.lane, p.due);
}

/* What was found out about one that waits. */
static enum err settle(struct push_sender *s, const struct push_whose *whose,
	const struct push_attempt *a, const struct push_result *r, const struct said *said)
{
	struct push_waiting was;
	enum err err = push_waiting_get(s->list, whose, &was);

	count(s, a->kind, r->verdict);
	if (r->verdict == PUSH_UNREGISTER)
		s->handler.unregister(
			s->handler.ctx, whose->user, whose->device, (uint64_t)a->set_ms);
	if (r->verdict == PUSH_ALERT)
		alert(s, a->kind, r->reason);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	if (r->verdict == PUSH_DELIVERED)
		return rest(s, whose, &was, said);
	if (r->verdict == PUSH_DROP || r->verdict == PUSH_UNREGISTER)
		push_waiting_delete(s->list, whose, &was);
	else
		try_again(s, whose, &was, r);
	return ERR_OK;
}

static void fail(struct push_sender *s, enum err err)
{
	if (s->err == ERR_OK)
		s->err = err;
}

/* The endpoint answers. Who was put off because it did not goes now, not when that would be over:
 * where a lane has one endpoint, it has paused as a whole. */
static void good_endpoint(struct push_sender *s, struct bytes endpoint, uint8_t lane, uint64_t now)
{
	uint64_t told[PUSH_BREAKER_TOLD];
	size_t count = push_breaker_good(s->breakers, endpoint, told);

	for (size_t i = 0; push_lane_is_shared(lane) && i < count; i++) {
		if (told[i] <= now)
			continue;
		fail(s, push_waiting_hasten(s->list, lane, told[i], now, s->why, sizeof(s->why)));
		expect(s, lane, now);
	}
}

/* What it was asked for, the others that wait for it need not wait for any more. */
static void judge_endpoint(struct flight *f, const struct push_result *r)
{
	struct push_sender *s = f->sender;
	struct bytes endpoint = endpoint_of(f);
	uint64_t now = push_clock_now(s->clock);
	uint64_t until = r->retry_after_ms > 0 ? now + (uint64_t)r->retry_after_ms : 0;

	if (r->endpoint_fault)
		push_breaker_failed(s->breakers, endpoint, now, until);
	else
		good_endpoint(s, endpoint, f->lane, now);
	if (s->lanes[f->lane].paused != 0)
		s->lanes[f->lane].next = 0; /* others waited for what this one found */
	s->lanes[f->lane].paused = 0;
}

/* A flight is over. */
static void arrive(struct flight *f, const struct push_result *r)
{
	struct push_sender *s = f->sender;
	struct registration tried = {.kind = f->attempt.kind, .set_ms = f->attempt.set_ms};
	enum err err = ERR_OK;

	judge_endpoint(f, r);
	if (f->trial)
		s->handler.tried(s->handler.ctx, f->trial, &tried, r);
	else
		err = settle(s, &f->whose, &f->attempt, r, &f->said);
	fail(s, err);
	land(f);
}

static void on_answer(void *ctx, const struct http_response *response)
{
	struct flight *f = ctx;
	struct push_result r;

	push_classify(f->sender->kinds, &f->attempt, response, clock_wall_ms(), &r);
	arrive(f, &r);
}

void push_sender_published(struct push_sender *s, uint64_t number, enum push_published result)
{
	struct push_result r = {0};

	for (struct flight **at = &s->published; *at;) {
		struct flight *f = *at;

		if (number != 0 && f->number != number) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		push_result_set(&r, result == PUSH_PUBLISHED ? PUSH_DELIVERED : PUSH_RETRY, "%s",
			result == PUSH_PUBLISHED ? "the broker has it"
			: result == PUSH_NOBODY  ? "nobody is subscribed to push/<user>"
						 : "the connection to the broker was lost");
		if (result == PUSH_NOBODY)
			r.retry_after_ms = NOBODY_MS;
		arrive(f, &r);
	}
}

/* --- tokens
 * --------------------------------------------------------------------------------------- */

static void wake_all(struct push_sender *s)
{
	for (size_t i = 0; i < PUSH_LANES; i++)
		s->lanes[i].next = 0;
}

static void on_token(void *ctx, const struct http_response *response)
{
	struct token_wait *t = ctx;
	struct push_sender *s = t->sender;
	struct push_result r;

	t->asking = false;
	t->answered = true;
	push_token_response(s->kinds, t->kind, response, clock_wall_ms(), &r);
	if (r.verdict == PUSH_ALERT)
		alert(s, t->kind, r.reason);
	for (size_t i = 0; i < PUSH_LANES; i++)
		s->lanes[i].paused = 0; /* for the token, or the breaker says so again */
	wake_all(s);
}

void sender_fetch_token(struct push_sender *s, enum push_kind_id kind)
{
	static const struct http_response unsent = {.error = "it could not be sent"};
	struct token_wait *t = &s->tokens[kind];

	if (t->asking || !push_token_due(s->kinds, kind, clock_wall_ms()))
		return;
	http_request_reset(&s->token);
	if (push_token_request(s->kinds, kind, clock_wall_ms(), &s->token) != ERR_OK)
		return;
	*t = (struct token_wait){.sender = s, .kind = kind, .asking = true};
	if (http_submit(s->http, &s->token, on_token, t) != ERR_OK)
		on_token(t, &unsent);
}

/* --- sending one
 * ---------------------------------------------------------------------------------- */

enum sent {
	SENT_ON,   /* go on with the next */
	SENT_STOP, /* this lane is full, or must wait */
};

static enum sent pause_lane(struct push_sender *s, uint8_t lane, uint64_t until)
{
	s->lanes[lane].paused = until;
	return SENT_STOP;
}

enum err sender_launch(struct push_sender *s, const struct push_whose *whose, uint8_t lane,
	const struct said *said, enum push_step step, void *trial)
{
	struct flight *f = take_off(s, whose, lane, trial);
	enum err err = ERR_BUSY;

	if (!f)
		return ERR_NOMEM;
	f->said = *said;
	if (step == PUSH_SEND) {
		err = http_submit(s->http, &s->job.http, on_answer, f);
		if (err != ERR_OK)
			land(f);
		return err;
	}
	f->number = ++s->last_number;
	if (!s->handler.publish(s->handler.ctx, f->number,
		    (struct bytes){s->job.topic.data, s->job.topic.len},
		    (struct bytes){s->job.payload.data, s->job.payload.len})) {
		land(f);
		return err;
	}
	f->next = s->published;
	s->published = f;
	return ERR_OK;
}

void sender_judge_launch(struct push_result *r, enum err err)
{
	if (err == ERR_NOMEM || err == ERR_IO) /* ERR_IO: libcurl cannot be loaded */
		push_result_set(r, PUSH_RETRY, "%s", err_text(err));
	else
		push_result_set(r, PUSH_DROP, "no request can be made of it");
}

/* Is it not for this push that there is no request, but for all to the endpoint: for want of an
 * access token, say? */
static bool is_shut(const struct push_result *r)
{
	return r->endpoint_fault && (r->verdict == PUSH_RETRY || r->verdict == PUSH_ALERT);
}

/* Then each waits as it is, and not the longer the longer that takes. */
static enum sent shut_lane(
	struct push_sender *s, uint8_t lane, const struct push_result *r, uint64_t now)
{
	enum push_kind_id kind = s->view.registration.kind;
	uint64_t wait = r->retry_after_ms > 1000 ? (uint64_t)r->retry_after_ms : 1000;

	count(s, kind, r->verdict);
	if (r->verdict == PUSH_ALERT)
		alert(s, kind, r->reason);
	return pause_lane(s, lane, now + wait);
}

/* The endpoint may be asked: do so. */
static enum sent send_now(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *p, enum err *err)
{
	struct bytes endpoint = {s->endpoint.data, s->endpoint.len};
	struct said said = {s->view.chat_n, p->mention};
	uint64_t now = push_clock_now(s->clock);
	struct push_result r;
	enum err launched = ERR_OK;
	enum push_step step = push_prepare(
		s->kinds, &s->view.note, &s->view.registration, clock_wall_ms(), &s->job, &r);

	if (step == PUSH_SEND || step == PUSH_PUBLISH) {
		launched = sender_launch(s, whose, p->lane, &said, step, NULL);
		if (launched == ERR_OK)
			return SENT_ON;
	}
	push_breaker_not_asked(s->breakers, endpoint, now);
	if (launched == ERR_BUSY)
		return SENT_STOP;
	if (step == PUSH_TOKEN) {
		sender_fetch_token(s, s->view.registration.kind);
		return pause_lane(s, p->lane, now + 1000);
	}
	if (step != PUSH_END)
		sender_judge_launch(&r, launched);
	else if (is_shut(&r) && !push_lane_is_shared(p->lane))
		return shut_lane(s, p->lane, &r, now);
	s->job.attempt.kind = s->view.registration.kind;
	s->job.attempt.set_ms = s->view.registration.set_ms;
	*err = settle(s, whose, &s->job.attempt, &r, &said);
	return SENT_ON;
}

static enum sent send_view(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *p, enum err *err)
{
	struct bytes endpoint = {s->endpoint.data, s->endpoint.len};
	uint64_t until = push_breaker_until(s->breakers, endpoint, push_clock_now(s->clock),
		(uint64_t)s->look.src.conf->push_timeout_ms);

	if (until == 0)
		return send_now(s, whose, p, err);
	if (!push_lane_is_shared(p->lane))
		return pause_lane(s, p->lane, until);
	put_off(s, whose, p, PUSH_WAITING, until);
	return SENT_ON;
}

/* The device has another registration since, or its endpoint another lane in this process. Put down
 * for now: what was due before has been read there. */
static void change_lane(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *was, uint8_t lane)
{
	struct push_waiting p = *was;

	p.lane = lane;
	p.due = push_clock_now(s->clock);
	push_waiting_put(s->list, whose, was, &p);
	s->lanes[lane].next = 0;
}

/* A little later, so that what others have to be sent goes between. */
static void look_on(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *was, uint64_t now)
{
	struct push_waiting p = *was;

	p.mention = s->view.mention;
	p.due = now + 1;
	push_waiting_put(s->list, whose, was, &p);
	expect(s, p.lane, p.due);
}

/* Was the broker away while it was held? Until it is back, and has said what became of its
 * connections, they seem to last: so it is held once more. */
static enum err hold_on(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *p, uint64_t now, bool *yes)
{
	uint64_t hold = (uint64_t)s->look.src.conf->push_hold_ms, since;
	enum err err;

	*yes = false;
	if (p->state != PUSH_HELD || (s->linked_since > 0 && now >= s->linked_since + hold))
		return ERR_OK;
	err = push_look_connected(&s->look, whose->user, whose->device, &since);
	*yes = err == ERR_OK && since > 0;
	if (*yes)
		put_off(s, whose, p, PUSH_HELD, now + (hold > AWAY_MS ? hold : AWAY_MS));
	return err;
}

/* One that is due. */
static enum sent send_one(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *p, enum err *err)
{
	uint64_t now = push_clock_now(s->clock), wall = (uint64_t)clock_wall_ms();
	enum push_need need;
	uint8_t lane;
	bool held;

	if (p->state == PUSH_RESTING) {
		push_waiting_delete(s->list, whose, p);
		return SENT_ON;
	}
	*err = hold_on(s, whose, p, now, &held);
	if (*err != ERR_OK || held)
		return SENT_ON;
	*err = push_view_make(&s->view, &s->look, whose, p, now, wall, &need);
	if (*err != ERR_OK)
		return SENT_STOP;
	if (need == PUSH_NOT_NEEDED) {
		stats_add(&s->look.src.stats->push_not_needed, 1);
		push_waiting_delete(s->list, whose, p);
		return SENT_ON;
	}
	if (need == PUSH_LOOK_ON) {
		look_on(s, whose, p, now);
		return SENT_ON;
	}
	if (need == PUSH_HOLD) {
		put_off(s, whose, p, PUSH_HELD, s->view.later > now ? s->view.later : now + 1000);
		return SENT_ON;
	}
	if (s->view.note.expires_ms <= (int64_t)wall) {
		stats_add(&s->look.src.stats->push_expired, 1);
		push_waiting_delete(s->list, whose, p);
		return SENT_ON;
	}
	if (need == PUSH_NOT_NOW) {
		keep_quiet(s, whose, p, s->view.later > now ? s->view.later : now + 1000);
		return SENT_ON;
	}
	buf_reset(&s->endpoint);
	push_endpoint(&s->view.registration, &s->endpoint);
	lane = push_lane((struct bytes){s->endpoint.data, s->endpoint.len});
	if (lane == p->lane)
		return send_view(s, whose, p, err);
	change_lane(s, whose, p, lane);
	return SENT_ON;
}

/* --- lanes
 * ---------------------------------------------------------------------------------------- */

/* What was read of a lane: keys, bytes16 each, but of what is on its way. */
struct page {
	const struct push_sender *s;
	struct buf keys;
	uint64_t now, next; /* when the first that is not due will be; UINT64_MAX: none is there */
	size_t count;
	bool full;
};

static bool on_due(void *ctx, struct bytes key, uint64_t due, const struct push_whose *w)
{
	struct page *p = ctx;

	if (due > p->now) {
		p->next = due;
		return false;
	}
	if (find_flight(p->s, w))
		return true;
	if (p->count == PAGE) {
		p->full = true;
		return false;
	}
	buf_bytes16(&p->keys, key.data, key.len);
	p->count++;
	return true;
}

/* One key of the order. The index may be ahead of what it points to, or behind: the entry counts.
 */
static enum sent send_key(struct push_sender *s, struct bytes key, enum err *err)
{
	struct push_whose whose;
	struct push_waiting p;
	enum sent sent;
	uint64_t due;
	uint8_t lane;

	*err = key_push_due_parts(key, &lane, &due, &whose);
	if (*err != ERR_OK)
		return SENT_STOP;
	*err = push_waiting_get(s->list, &whose, &p);
	if (*err == ERR_NOT_FOUND || (*err == ERR_OK && (p.due != due || p.lane != lane))) {
		*err = ERR_OK;
		push_waiting_forget(s->list, key);
		return SENT_ON;
	}
	if (*err != ERR_OK)
		return SENT_STOP;
	sent = send_one(s, &whose, &p, err);
	return *err == ERR_OK ? sent : SENT_STOP;
}

/* From here on the lane is read the next time. For a millisecond that is not over names that come
 * earlier may still be put down, so it is read from its beginning; of one that is, not everything
 * that has left since, which LevelDB would have to walk past each time. */
static void read_up_to(struct lane *lane, struct bytes key, uint64_t now)
{
	struct push_whose whose;
	uint64_t due;
	uint8_t number;

	lane->from.len = key.len;
	if (key_push_due_parts(key, &number, &due, &whose) != ERR_OK || due >= now)
		lane->from.len = key.len < 2 + 8 ? key.len : 2 + 8;
	memcpy(lane->from.data, key.data, lane->from.len);
}

/* When a lane that stopped goes on, if nothing comes back before. */
static uint64_t stopped_until(const struct push_sender *s, const struct lane *lane, uint64_t now)
{
	if (lane->paused > now)
		return lane->paused;
	return share_left(s, lane) == 0 ? UINT64_MAX : now + BUSY_MS;
}

/* A page of a lane. Sets when it goes on: at once (0) if there may be more. */
static enum err run_page(struct push_sender *s, uint8_t number)
{
	struct lane *lane = &s->lanes[number];
	struct page page = {.s = s, .now = push_clock_now(s->clock), .next = UINT64_MAX};
	enum err err = push_waiting_due(s->list, number, key_bytes(&lane->from), on_due, &page);
	enum sent sent = SENT_ON;
	struct bytes key = NOTHING;
	struct reader r = reader_of(page.keys.data, page.keys.len);

	if (err == ERR_OK && page.keys.failed)
		err = ERR_NOMEM;
	lane->next = page.full ? 0 : page.next;
	lane->full = false;
	while (err == ERR_OK && sent == SENT_ON && (key = read_bytes16(&r)).len > 0) {
		read_up_to(lane, key, page.now);
		sent = has_room(s, lane) ? send_key(s, key, &err) : SENT_STOP;
	}
	if (sent == SENT_STOP) {
		lane->full = share_left(s, lane) == 0;
		lane->next = stopped_until(s, lane, page.now);
	}
	buf_free(&page.keys);
	return err;
}

static enum err run_lane(struct push_sender *s, uint8_t number, char *why, size_t why_size)
{
	struct lane *lane = &s->lanes[number];
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < PAGES && lane->next == 0; i++) {
		err = run_page(s, number);
		if (err == ERR_OK)
			err = push_waiting_commit(s->list, why, why_size);
	}
	return err;
}

static uint64_t when_next(const struct push_sender *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < PUSH_LANES; i++) {
		const struct lane *lane = &s->lanes[i];
		uint64_t at = lane->paused > now ? lane->paused : lane->next;

		if (at < next)
			next = at;
	}
	return next;
}

enum err push_sender_run(struct push_sender *s, uint64_t *next, char *why, size_t why_size)
{
	uint64_t now = push_clock_now(s->clock);
	enum err err = directory_refresh(s->look.src.reader);

	if (err == ERR_OK)
		sender_try_pending(s);
	for (size_t i = 0; err == ERR_OK && i < PUSH_LANES; i++) {
		struct lane *lane = &s->lanes[i];

		if (lane->next != 0 && lane->next <= now)
			lane->next = 0;
		if (lane->paused <= now && lane->next == 0)
			err = run_lane(s, (uint8_t)i, why, why_size);
	}
	*next = when_next(s, now);
	directory_rest(s->look.src.reader);
	for (unsigned kind = 1; kind < PUSH_KIND_COUNT; kind++)
		sender_fetch_token(s, (enum push_kind_id)kind);
	return err;
}

void push_sender_linked(struct push_sender *s, uint64_t since_ms)
{
	s->linked_since = since_ms;
}

void push_sender_wake(struct push_sender *s)
{
	wake_all(s);
}

enum err push_sender_wait(struct push_sender *s, int timeout_ms, char *why, size_t why_size)
{
	enum err err = http_run(s->http, timeout_ms);

	if (err != ERR_OK)
		snprintf(why, why_size, "pushes cannot wait for answers");
	if (err == ERR_OK && s->err != ERR_OK) {
		err = s->err;
		snprintf(why, why_size, "%s", s->why);
	}
	return err == ERR_OK ? push_waiting_commit(s->list, why, why_size) : err;
}

void push_sender_interrupt(struct push_sender *s)
{
	http_wake(s->http);
}

/* --- how it is
 * ------------------------------------------------------------------------------------ */

static void name_endpoint(struct push_sender *s, const struct push_registration *r)
{
	struct registration registration = {
		.kind = (enum push_kind_id)r->kind, .set_ms = (int64_t)r->set_ms, .data = r->data};

	buf_reset(&s->endpoint);
	push_endpoint(&registration, &s->endpoint);
}

uint8_t push_sender_lane(void *ctx, const struct push_registration *r)
{
	struct push_sender *s = ctx;

	name_endpoint(s, r);
	return push_lane((struct bytes){s->endpoint.data, s->endpoint.len});
}

const char *push_sender_trouble(
	struct push_sender *s, const struct push_registration *r, uint64_t *until)
{
	struct bytes endpoint;

	if (!push_kinds_configured(s->kinds, (enum push_kind_id)r->kind)) {
		*until = 0;
		return "its kind is not set up";
	}
	name_endpoint(s, r);
	endpoint = (struct bytes){s->endpoint.data, s->endpoint.len};
	*until = push_breaker_open(s->breakers, endpoint);
	if (*until > push_clock_now(s->clock))
		return "its endpoint does not answer";
	*until = s->lanes[push_lane(endpoint)].paused;
	return *until > push_clock_now(s->clock) ? "its endpoint is given a pause" : NULL;
}
