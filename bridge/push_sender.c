/* push_sender.c — see push_sender.h. Here: create and destroy, the lanes, and how it is. What is
 * due is sent by push_send.c, is under way in push_flight.c and ends in push_settle.c; push_token.c
 * and push_trial.c stand beside them.
 *
 * A lane is read from where the last reading ended: everything that is due before that is on its
 * way, and everything that is put down anew is due later, as the pusher's clock never goes back.
 */
#include "bridge/push_sender_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many endpoints of the operator's, and of users', can have all of push_in_flight under way. */
#define SHARES 4

#define NOTHING ((struct bytes){NULL, 0})
#define PAGE    64  /* read from a lane at a time */
#define PAGES   8   /* then answers are looked at */
#define BUSY_MS 100 /* until a lane that found no room, though it has its share, looks again */

/* --- create, destroy
 * --------------------------------------------------------------------------------------------- */

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

void push_sender_destroy(struct push_sender *s)
{
	if (!s)
		return;
	http_destroy(s->http);
	sender_forget_flights(s);
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

/* --- lanes
 * --------------------------------------------------------------------------------------------- */

/* Endpoints of users that hang cannot take what the operator's need, however many they are. */
static bool has_room(const struct push_sender *s, const struct lane *lane)
{
	size_t most = SHARES * (size_t)s->look.src.conf->push_in_flight;

	if (push_lane_is_shared((uint8_t)(lane - s->lanes)) && s->strangers >= most)
		return false;
	return sender_share_left(s, lane) > 0;
}

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
	if (sender_has_flight(p->s, w))
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
	sent = sender_send_one(s, &whose, &p, err);
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
	return sender_share_left(s, lane) == 0 ? UINT64_MAX : now + BUSY_MS;
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
		lane->full = sender_share_left(s, lane) == 0;
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
	for (size_t i = 0; i < PUSH_LANES; i++)
		s->lanes[i].next = 0;
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
 * --------------------------------------------------------------------------------------------- */

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
