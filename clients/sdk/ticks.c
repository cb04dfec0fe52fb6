/* ticks.c — marks: what others have got and read of one's own messages, and what one has got and
 * read.
 *
 * Others: the least marks of all other members are kept in the store, and each of one's own
 * messages up to them is told once. One's own: what is to be told (want) and what the server has
 * (told) are both in the store, so nothing is forgotten while there is no connection. Several reads
 * in one moment are one publish.
 */
#include "clients/sdk/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MS 100
#define RETRY_MS  5000
#define ACKS_MAX  64  /* on their way */
#define TELL_MAX  128 /* ticks read from the store at a time */

struct ack {
	char chat[GNATTER_CHAT_SIZE];
	uint64_t number, delivered, read;
};

/* --- others' marks
 * -------------------------------------------------------------------------------- */

struct own {
	char ids[TELL_MAX][GNATTER_ID_SIZE];
	uint64_t seqs[TELL_MAX];
	size_t count;
};

static bool on_own(void *ctx, const struct gnatter_message *m)
{
	struct own *own = ctx;

	snprintf(own->ids[own->count], GNATTER_ID_SIZE, "%s", m->id);
	own->seqs[own->count++] = m->seq;
	return own->count < TELL_MAX;
}

/* Tell the tick of all own messages in (*from, upto]. */
static void tell_range(
	struct gnatter *g, struct room *r, uint64_t *from, uint64_t upto, enum gnatter_tick tick)
{
	struct own *own = malloc(sizeof(*own));

	while (own && *from < upto) {
		own->count = 0;
		if (store_own(g->store, r->chat, *from, upto, on_own, own) != GNATTER_OK)
			break;
		for (size_t i = 0; i < own->count; i++)
			outbox_tell(g, r->chat, own->ids[i], own->seqs[i], tick, "", "");
		*from = own->count == TELL_MAX ? own->seqs[TELL_MAX - 1] : upto;
	}
	free(own);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void ticks_tell(struct gnatter *g, struct room *r)
{
	struct store_floor f;

	if (r->channel || store_floor(g->store, r->chat, &f) != GNATTER_OK)
		return;
	tell_range(g, r, &r->ticked_read, least(f.read, r->hi), GNATTER_TICK_READ);
	if (r->ticked_delivered < r->ticked_read)
		r->ticked_delivered = r->ticked_read;
	tell_range(g, r, &r->ticked_delivered, least(f.delivered, r->hi), GNATTER_TICK_DELIVERED);
}

static void tell_mark(struct gnatter *g, const struct gnatter_mark *m)
{
	if (g->o.callbacks.on_mark)
		g->o.callbacks.on_mark(g->o.ctx, g, m);
}

void ticks_own(struct gnatter *g, const char *chat, uint64_t delivered, uint64_t read)
{
	bool changed = false;

	if (store_own_marks(g->store, chat, delivered, read, &changed) != GNATTER_OK || !changed)
		return;
	tell_mark(g, &(struct gnatter_mark){chat, g->user, delivered, read});
	if (g->o.callbacks.on_chat)
		g->o.callbacks.on_chat(g->o.ctx, g, chat);
}

void ticks_mark(struct gnatter *g, const char *chat, struct bytes payload)
{
	struct room *r = room_find(g, chat);
	struct gnatter_mark m = {.chat = chat};
	const struct json_member *user;
	int64_t delivered = 0, read = 0;
	struct json_object o;
	bool changed = false;

	if (!r || !r->known || json_parse(&o, payload.data, payload.len) != ERR_OK)
		return;
	user = json_get(&o, "user");
	json_int(&o, "delivered", 0, INT64_MAX, &delivered);
	json_int(&o, "read", 0, INT64_MAX, &read);
	m.user = user && cJSON_IsString(user->value) ? user->value->valuestring : "";
	m.delivered = (uint64_t)delivered;
	m.read = (uint64_t)read;
	if (strcmp(m.user, g->user) == 0)
		ticks_own(g, chat, m.delivered, m.read);
	else if (name_user_ok(m.user, strlen(m.user)) &&
		 store_mark(g->store, &m, &changed) == GNATTER_OK && !changed)
		changed = !r->members && name_chat_kind(chat, strlen(chat), NULL) == CHAT_GROUP;
	if (changed) { /* or it is of a member that the store does not know */
		tell_mark(g, &m);
		ticks_tell(g, r);
	}
	json_finish(&o);
}

/* --- one's own
 * ------------------------------------------------------------------------------------ */

void ticks_soon(struct gnatter *g)
{
	int64_t soon = now_ms() + GATHER_MS;

	if (g->marks_ms > soon)
		g->marks_ms = soon;
}

static struct ack *find_ack(struct gnatter *g, const char *chat)
{
	for (size_t i = 0; i < g->ack_count; i++)
		if (strcmp(g->acks[i].chat, chat) == 0)
			return &g->acks[i];
	return NULL;
}

static uint64_t later(uint64_t want, uint64_t told)
{
	return want > told ? want : 0;
}

/* Called with the store locked: only gathers. */
static bool on_untold(void *ctx, const struct store_chat *c)
{
	struct gnatter *g = ctx;
	struct ack *a;

	if (g->ack_count == ACKS_MAX)
		return false;
	if (find_ack(g, c->pub.chat))
		return true;
	a = &g->acks[g->ack_count++];
	snprintf(a->chat, sizeof(a->chat), "%s", c->pub.chat);
	a->number = 0;
	a->delivered = later(c->want_delivered, c->told_delivered);
	a->read = later(c->want_read, c->told_read);
	return true;
}

static bool publish(struct gnatter *g, struct ack *a)
{
	char topic[sizeof("chat//ack") + NAME_CHAT_MAX], payload[80];
	int len;

	snprintf(topic, sizeof(topic), "chat/%s/ack", a->chat);
	if (a->read > 0 && a->delivered > a->read)
		len = snprintf(payload, sizeof(payload),
			"{\"delivered\":%" PRIu64 ",\"read\":%" PRIu64 "}", a->delivered, a->read);
	else if (a->read > 0)
		len = snprintf(payload, sizeof(payload), "{\"read\":%" PRIu64 "}", a->read);
	else
		len = snprintf(
			payload, sizeof(payload), "{\"delivered\":%" PRIu64 "}", a->delivered);
	a->number = link_number(g);
	return link_publish(g, &(struct net_publish){.topic = topic,
				       .payload = {payload, (size_t)len},
				       .qos = 1,
				       .number = a->number});
}

static void drop(struct gnatter *g, size_t i)
{
	g->acks[i] = g->acks[--g->ack_count];
}

void ticks_run(struct gnatter *g, int64_t now)
{
	size_t i = g->ack_count;

	if (!g->online || now < g->marks_ms)
		return;
	g->marks_ms = NEVER;
	if (!g->acks)
		g->acks = calloc(ACKS_MAX, sizeof(*g->acks));
	if (!g->acks || store_untold(g->store, on_untold, g) != GNATTER_OK) {
		g->marks_ms = now + RETRY_MS;
		return;
	}
	while (i < g->ack_count) {
		if (publish(g, &g->acks[i])) {
			i++;
			continue;
		}
		drop(g, i);
		g->marks_ms = now + RETRY_MS;
	}
}

bool ticks_taken(struct gnatter *g, const struct net_event *e)
{
	size_t i = 0;

	while (i < g->ack_count && g->acks[i].number != e->number)
		i++;
	if (i == g->ack_count)
		return false;

	struct ack a = g->acks[i];

	drop(g, i);
	if (e->kind == NET_TAKEN) {
		bool changed;

		store_own_marks(g->store, a.chat, a.delivered, a.read, &changed);
		ticks_soon(g); /* it may have grown meanwhile */
	} else {
		g->marks_ms = now_ms() + RETRY_MS;
	}
	return true;
}

void ticks_offline(struct gnatter *g)
{
	g->ack_count = 0;
}

struct last {
	uint64_t seq;
};

static bool on_last(void *ctx, const struct store_chat *c)
{
	((struct last *)ctx)->seq = c->pub.seq;
	return false;
}

static enum gnatter_error want(
	struct gnatter *g, const char *chat, uint64_t delivered, uint64_t read)
{
	bool changed = false;
	struct last last = {0};
	enum gnatter_error e = chat ? store_chat(g->store, chat, on_last, &last) : GNATTER_EINVAL;

	if (e == GNATTER_OK && delivered <= last.seq && read <= last.seq)
		e = store_want_marks(g->store, chat, delivered, read, &changed);
	if (changed)
		client_wish(g, WISH_MARKS);
	return e;
}

enum gnatter_error gnatter_mark_read(struct gnatter *g, const char *chat, uint64_t seq)
{
	return want(g, chat, 0, seq);
}

enum gnatter_error gnatter_mark_delivered(struct gnatter *g, const char *chat, uint64_t seq)
{
	return want(g, chat, seq, 0);
}
