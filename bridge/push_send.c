/* push_send.c — one push that is due: what it says, whether it is needed, and when and where it
 * goes. See push_sender.h.
 */
#include "bridge/push_sender_internal.h"

#define AWAY_MS 1000u /* until it is looked again whether the broker is back, at least */

/* Another time. */
static void put_off(struct push_sender *s, const struct push_whose *whose,
	const struct push_waiting *was, enum push_state state, uint64_t due)
{
	struct push_waiting p = *was;

	p.state = state;
	p.due = due;
	push_waiting_put(s->list, whose, was, &p);
	sender_expect(s, p.lane, due);
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
	sender_expect(s, p.lane, until);
}

static enum sent pause_lane(struct push_sender *s, uint8_t lane, uint64_t until)
{
	s->lanes[lane].paused = until;
	return SENT_STOP;
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

	sender_count(s, kind, r->verdict);
	if (r->verdict == PUSH_ALERT)
		sender_alert(s, kind, r->reason);
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
	*err = sender_settle(s, whose, &s->job.attempt, &r, &said);
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
	sender_expect(s, p.lane, p.due);
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
enum sent sender_send_one(struct push_sender *s, const struct push_whose *whose,
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
