/* push_flight.c — pushes under way: from a request or a publish to its answer. See push_sender.h.
 *
 * A flight stands in the map and in its lane's count from take_off() to land(); trials are counted
 * apart.
 */
#include "bridge/push_sender_internal.h"

#include <stdlib.h>

#define SOME      8     /* one part in so many of a lane's share */
#define NOBODY_MS 5000u /* until a publish that nobody got is tried again */

static void free_flight(struct flight *f)
{
	buf_free(&f->endpoint);
	free(f);
}

void sender_forget_flights(struct push_sender *s)
{
	for (size_t i = 0; s->flights.buckets && i <= s->flights.mask; i++) {
		for (struct node *n = s->flights.buckets[i], *next; n; n = next) {
			next = n->next;
			free_flight(OF_NODE(n, struct flight, node));
		}
	}
	hashmap_finish(&s->flights);
}

static uint64_t hash_key(const struct key *k)
{
	return hash_bytes(k->data, k->len);
}

bool sender_has_flight(const struct push_sender *s, const struct push_whose *whose)
{
	struct key k = key_push_waiting(whose);
	uint64_t hash = hash_key(&k);
	struct node *n = hashmap_first(&s->flights, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		const struct flight *f = OF_NODE(n, struct flight, node);

		if (!f->trial && bytes_equal(key_bytes(&k), f->key.data, f->key.len))
			return true;
	}
	return false;
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

size_t sender_share_left(const struct push_sender *s, const struct lane *lane)
{
	size_t share = (size_t)s->look.src.conf->push_in_flight;

	return lane->in_flight < share ? share - lane->in_flight : 0;
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
		sender_share_left(s, lane) >= (size_t)s->look.src.conf->push_in_flight / SOME + 1)
		lane->next = 0;
	free_flight(f);
}

static struct bytes endpoint_of(const struct flight *f)
{
	return (struct bytes){f->endpoint.data, f->endpoint.len};
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
		sender_expect(s, lane, now);
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
		err = sender_settle(s, &f->whose, &f->attempt, r, &f->said);
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
