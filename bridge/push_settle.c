/* push_settle.c — what becomes of a waiting push: written down, and counted. See push_sender.h.
 */
#include "bridge/push_sender_internal.h"
#include "wire/logline.h"

#define ALERT_MS 300000u /* between two words to the operator about a kind */

void sender_expect(struct push_sender *s, uint8_t lane, uint64_t due)
{
	if (due < s->lanes[lane].next)
		s->lanes[lane].next = due;
}

void sender_count(struct push_sender *s, enum push_kind_id kind, enum push_verdict verdict)
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
void sender_alert(struct push_sender *s, enum push_kind_id kind, const char *reason)
{
	uint64_t now = push_clock_now(s->clock);

	if (s->alerted[kind] != 0 && now - s->alerted[kind] < ALERT_MS)
		return;
	s->alerted[kind] = now;
	log_line("push of the kind %s is refused: %s", push_kind_name(kind), reason);
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
		sender_expect(s, p.lane, p.due);
	} else {
		push_waiting_delete(s->list, whose, was);
	}
	return ERR_OK;
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
	sender_expect(s, p.lane, p.due);
}

/* What was found out about one that waits. */
enum err sender_settle(struct push_sender *s, const struct push_whose *whose,
	const struct push_attempt *a, const struct push_result *r, const struct said *said)
{
	struct push_waiting was;
	enum err err = push_waiting_get(s->list, whose, &was);

	sender_count(s, a->kind, r->verdict);
	if (r->verdict == PUSH_UNREGISTER)
		s->handler.unregister(
			s->handler.ctx, whose->user, whose->device, (uint64_t)a->set_ms);
	if (r->verdict == PUSH_ALERT)
		sender_alert(s, a->kind, r->reason);
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
