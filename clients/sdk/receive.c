/* receive.c — messages go into the cache and are told, in the order of seq and once each.
 *
 * A message is taken if it is the next (hi + 1). What is below is a repeat. What is above is held,
 * since something between is missing, and the history is asked for: its pages are taken in the same
 * way, and then what was held. All messages of a page are one transaction, and so are those that
 * have come live at once (after an absence the broker sends what it has queued: 10,000 transactions
 * would take seconds). They are told only when they are in the cache; if they cannot be kept they
 * are not told either, but asked for again.
 */
#include "clients/sdk/client.h"

#include <stdlib.h>
#include <string.h>

#define HELD_MAX 64
#define PAGE_MAX 1000
#define LIVE_MAX 64 /* that have come and were not taken yet */

/* Messages of a chat in order, of which the first `taken` are in the cache now. */
struct batch {
	struct room *room;
	struct message *messages;
	bool *echoes; /* it was in the outbox */
	size_t count, taken;
	uint64_t hi; /* of the room, with them */
	bool mine, others;
};

/* What has come live and is the next in its chat, in the order it came. */
struct live {
	struct message messages[LIVE_MAX];
	struct room *rooms[LIVE_MAX];
	size_t count;
};

static bool is_mine(const struct gnatter *g, const struct message *m)
{
	return strcmp(m->from, g->user) == 0;
}

/* --- into the store
 * ------------------------------------------------------------------------------- */

/* Of one's own: does the outbox wait for it? */
static enum gnatter_error take_echo(struct gnatter *g, const struct message *m, bool *echo)
{
	enum gnatter_tick was;
	enum gnatter_error e = GNATTER_ENOTFOUND;

	*echo = false;
	if (*m->id)
		e = store_unqueue(g->store, m->chat, m->id, &was);
	*echo = e == GNATTER_OK;
	return e == GNATTER_ENOTFOUND ? GNATTER_OK : e;
}

static enum gnatter_error keep_one(struct gnatter *g, struct batch *b, size_t i)
{
	const struct message *m = &b->messages[i];
	enum gnatter_error e = store_append(g->store, m);

	g->untrimmed += 200 + (m->text ? strlen(m->text) : 0) + (m->body ? strlen(m->body) : 0);
	if (!is_mine(g, m)) {
		b->others = true;
		return e;
	}
	b->mine = true;
	return e == GNATTER_OK ? take_echo(g, m, &b->echoes[i]) : e;
}

/* All that follow on hi without a gap. */
static enum gnatter_error keep(struct gnatter *g, struct batch *b)
{
	enum gnatter_error e = GNATTER_OK;
	bool changed;

	b->hi = b->room->hi;
	while (e == GNATTER_OK && b->taken < b->count && b->messages[b->taken].seq == b->hi + 1) {
		e = keep_one(g, b, b->taken);
		b->hi++;
		b->taken++;
	}
	if (e == GNATTER_OK && b->others && g->o.acknowledge)
		e = store_want_marks(g->store, b->room->chat, b->hi, 0, &changed);
	return e;
}

static enum gnatter_error keep_all(struct gnatter *g, struct batch *batches, size_t count)
{
	enum gnatter_error e = store_begin(g->store, false);

	if (e != GNATTER_OK)
		return e;
	for (size_t i = 0; e == GNATTER_OK && i < count; i++)
		e = keep(g, &batches[i]);
	if (e != GNATTER_OK) {
		store_rollback(g->store);
		return e;
	}
	e = store_commit(g->store);
	for (size_t i = 0; e == GNATTER_OK && i < count; i++)
		batches[i].room->hi = batches[i].hi;
	return e;
}

/* --- told
 * ----------------------------------------------------------------------------------------- */

static void tell_message(struct gnatter *g, const struct message *m)
{
	bool mine = is_mine(g, m);

	if (!g->o.callbacks.on_message)
		return;
	g->o.callbacks.on_message(g->o.ctx, g,
		&(struct gnatter_message){.chat = m->chat,
			.seq = m->seq,
			.n = m->n,
			.from = m->from,
			.device = m->device,
			.ts_ms = m->ts_ms,
			.id = m->id,
			.type = m->type,
			.ref = m->ref,
			.text = m->text,
			.media = m->media,
			.body = m->body,
			.edited = m->edited,
			.deleted = m->deleted,
			.mine = mine,
			.tick = mine ? GNATTER_TICK_STORED : GNATTER_TICK_NONE,
			.code = ""});
}

static void tell(struct gnatter *g, const struct batch *b)
{
	struct room *r = b->room;

	for (size_t i = 0; i < b->taken; i++) {
		const struct message *m = &b->messages[i];

		tell_message(g, m);
		if (b->echoes[i]) {
			outbox_stored(g, m->chat, m->id);
			outbox_tell(g, m->chat, m->id, m->seq, GNATTER_TICK_STORED, "", "");
		}
		if (is_mine(g, m))
			r->own_seq = m->seq;
	}
	if (b->others)
		ticks_soon(g);
	if (b->mine)
		people_needed(g, r);
	if (r->own_seq >
		r->ticked_read) /* who sends has read what was before: there is no mark for it */
		ticks_tell(g, r);
	if (g->o.callbacks.on_chat)
		g->o.callbacks.on_chat(g->o.ctx, g, r->chat);
}

/* Take what follows on hi; skip repeats at the front. False if the store failed. */
static bool take(struct gnatter *g, struct room *r, struct message *messages, size_t count)
{
	struct batch b = {.room = r, .messages = messages, .count = count};
	enum gnatter_error e = GNATTER_ENOMEM;

	while (b.count > 0 && b.messages->seq <= r->hi) {
		b.messages++;
		b.count--;
	}
	if (b.count == 0 || b.messages->seq != r->hi + 1)
		return true;
	b.echoes = calloc(b.count, sizeof(*b.echoes));
	if (b.echoes)
		e = keep_all(g, &b, 1);
	if (e == GNATTER_OK)
		tell(g, &b);
	else
		client_store_failed(g, "messages are not kept", e);
	free(b.echoes);
	return e == GNATTER_OK;
}

/* --- live
 * ----------------------------------------------------------------------------------------- */

/* Keep it until what is missing before it has come. If there are too many the history has it. */
static void hold(struct room *r, struct message *m)
{
	if (!r->held)
		r->held = calloc(HELD_MAX, sizeof(*r->held));
	if (!r->held || r->held_count == HELD_MAX ||
		(r->held_count > 0 && r->held[r->held_count - 1].seq >= m->seq)) {
		message_finish(m);
		return;
	}
	r->held[r->held_count++] = *m;
}

void receive_held(struct gnatter *g, struct room *r)
{
	if (r->held_count == 0)
		return;
	take(g, r, r->held, r->held_count);
	room_drop_held(r);
}

/* Those of one chat together, in order: as they came. */
static size_t sort_live(struct live *l, struct message *messages, struct batch *batches)
{
	size_t placed = 0, count = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct batch *b = &batches[count];

		if (!l->rooms[i]->live)
			continue; /* it stands with an earlier one */
		*b = (struct batch){.room = l->rooms[i], .messages = &messages[placed]};
		for (size_t j = i; j < l->count; j++)
			if (l->rooms[j] == b->room)
				b->messages[b->count++] = l->messages[j];
		placed += b->count;
		b->room->live = 0;
		count++;
	}
	return count;
}

static void take_batches(struct gnatter *g, struct batch *batches, size_t count, bool *echoes)
{
	enum gnatter_error e;

	for (size_t i = 0; i < count; i++) {
		batches[i].echoes = echoes;
		echoes += batches[i].count;
	}
	e = keep_all(g, batches, count);
	if (e != GNATTER_OK)
		client_store_failed(g, "messages are not kept", e);
	for (size_t i = 0; i < count; i++)
		if (e == GNATTER_OK)
			tell(g, &batches[i]);
		else
			sync_expect(g, batches[i].room, batches[i].room->server_seq);
}

void receive_flush(struct gnatter *g)
{
	struct live *l = g->live;
	struct message messages[LIVE_MAX];
	struct batch batches[LIVE_MAX];
	bool echoes[LIVE_MAX] = {false};
	size_t count;

	if (!l || l->count == 0)
		return;
	count = sort_live(l, messages, batches);
	take_batches(g, batches, count, echoes);
	for (size_t i = 0; i < l->count; i++)
		message_finish(&l->messages[i]);
	l->count = 0;
	sync_told(g);
}

/* It is the next in its chat. Takes m. */
static void gather(struct gnatter *g, struct room *r, struct message *m)
{
	if (!g->live)
		g->live = calloc(1, sizeof(*g->live));
	if (!g->live) {
		take(g, r, m, 1);
		message_finish(m);
		return;
	}
	g->live->rooms[g->live->count] = r;
	g->live->messages[g->live->count++] = *m;
	r->live++;
	if (g->live->count == LIVE_MAX)
		receive_flush(g);
}

/* The server repeats the stored original to a device that sends it again. */
static void on_repeat(struct gnatter *g, const struct message *m)
{
	enum gnatter_tick was;

	if (!is_mine(g, m) || !*m->id ||
		store_unqueue(g->store, m->chat, m->id, &was) != GNATTER_OK)
		return;
	outbox_stored(g, m->chat, m->id);
	outbox_tell(g, m->chat, m->id, m->seq, GNATTER_TICK_STORED, "", "");
}

void receive_live(struct gnatter *g, const char *chat, struct bytes payload)
{
	struct room *r = room_find(g, chat);
	struct message m;

	sync_came(g);
	if (!r || !r->known || r->gone) {
		sync_list(g); /* what is in it comes as its history */
		return;
	}
	if (message_parse(&m, payload.data, payload.len) != GNATTER_OK ||
		strcmp(m.chat, chat) != 0) {
		client_log(g, "what came in %s was no message", chat);
		sync_list(g);
		return;
	}
	if (m.seq > r->server_seq)
		r->server_seq = m.seq;
	if (m.seq <= r->hi + r->live) {
		receive_flush(g);
		on_repeat(g, &m);
		message_finish(&m);
	} else if (m.seq == r->hi + r->live + 1) {
		gather(g, r, &m);
	} else {
		hold(r, &m);
		sync_fetch(g, r);
	}
}

/* --- pages
 * ---------------------------------------------------------------------------------------- */

bool receive_page(struct gnatter *g, struct room *r, struct bytes list)
{
	struct message *messages = calloc(PAGE_MAX, sizeof(*messages));
	const char *at = list.data;
	struct bytes item;
	uint64_t hi = r->hi;
	size_t count = 0;

	while (messages && count < PAGE_MAX && list_next(&at, list.data + list.len, &item)) {
		if (message_parse(&messages[count], item.data, item.len) != GNATTER_OK)
			break;
		if (strcmp(messages[count].chat, r->chat) != 0) {
			message_finish(&messages[count]);
			break;
		}
		count++;
	}
	if (messages)
		take(g, r, messages, count);
	for (size_t i = 0; i < count; i++)
		message_finish(&messages[i]);
	free(messages);
	return r->hi > hi;
}

void receive_trim(struct gnatter *g)
{
	if (g->pagings > 0 || g->untrimmed < g->o.cache_bytes_max / 64)
		return;
	g->untrimmed = 0;
	store_trim(g->store);
}
