/* outbox.c — what is sent, until it is stored.
 *
 * A message is in the store's outbox from gnatter_send() on, and leaves it when its echo is in the
 * cache (receive.c), in one transaction: at every moment it is in one of the two. Whatever happens
 * to connection, app or server meanwhile, it is sent again with the same id, which the server
 * stores once. Up to WINDOW messages are on their way at a time, and not many bytes: Paho copies
 * them, and up to 1.3.12 loses the memory of those that a connection had not begun to take when it
 * broke. After a refusal for the moment nothing new goes out until that one was sent again.
 */
#include "clients/sdk/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW        32
#define WINDOW_BYTES  ((size_t)256 * 1024) /* or one message */
#define UNANSWERED_MS 15000
#define REFUSED_MS    1000 /* for the answer that says why */
#define STORE_MS      5000 /* after the store failed */

/* A message that was published on this connection and not answered. */
struct outgoing {
	char id[GNATTER_ID_SIZE], chat[GNATTER_CHAT_SIZE];
	uint64_t number;
	size_t size;      /* of the payload */
	int64_t again_ms; /* when it is published again */
	bool refused;     /* for the moment: nothing new until it is published again */
	bool no_access;   /* the broker did not take it: the errors topic says why */
};

void outbox_tell(struct gnatter *g, const char *chat, const char *id, uint64_t seq,
	enum gnatter_tick tick, const char *code, const char *message)
{
	if (g->o.callbacks.on_sent)
		g->o.callbacks.on_sent(
			g->o.ctx, g, &(struct gnatter_sent){chat, id, seq, tick, code, message});
}

/* chat "": whichever. */
static struct outgoing *find(struct gnatter *g, const char *chat, const char *id)
{
	for (size_t i = 0; i < g->outgoing_count; i++)
		if (strcmp(g->outgoing[i].id, id) == 0 &&
			(!*chat || strcmp(g->outgoing[i].chat, chat) == 0))
			return &g->outgoing[i];
	return NULL;
}

static void forget(struct gnatter *g, const char *chat, const char *id)
{
	struct outgoing *o = find(g, chat, id);

	if (!o)
		return;
	*o = g->outgoing[--g->outgoing_count];
	g->outbox_ms = 0; /* there is room */
}

/* --- "queued"
 *
 * Told by the client's thread as everything else, so it looks for what is new in the outbox.
 * -------------------------------------------------------------------------------------------- */

struct queued {
	char ids[WINDOW][GNATTER_ID_SIZE], chats[WINDOW][GNATTER_CHAT_SIZE];
	size_t count;
	int64_t pos;
};

static bool on_queued(void *ctx, const struct store_outgoing *o)
{
	struct queued *q = ctx;

	snprintf(q->ids[q->count], GNATTER_ID_SIZE, "%s", o->id);
	snprintf(q->chats[q->count++], GNATTER_CHAT_SIZE, "%s", o->chat);
	q->pos = o->pos;
	return true;
}

/* The next few; how many. */
static size_t take_queued(struct gnatter *g, struct queued *q)
{
	*q = (struct queued){.pos = g->queued_pos};
	store_waiting(g->store, g->queued_pos, WINDOW, on_queued, q);
	g->queued_pos = q->pos;
	return q->count;
}

void outbox_tell_queued(struct gnatter *g)
{
	struct queued *q = g->o.callbacks.on_sent ? malloc(sizeof(*q)) : NULL;

	while (q && take_queued(g, q) > 0)
		for (size_t i = 0; i < q->count; i++)
			outbox_tell(g, q->chats[i], q->ids[i], 0, GNATTER_TICK_QUEUED, "", "");
	free(q);
}

static bool on_last(void *ctx, const struct store_outgoing *o)
{
	*(int64_t *)ctx = o->pos;
	return true;
}

enum gnatter_error outbox_begin(struct gnatter *g)
{
	return store_waiting(g->store, 0, UINT32_MAX, on_last, &g->queued_pos);
}

/* --- publishing
 * ----------------------------------------------------------------------------------- */

/* What is to be published now, read from the store: copies. */
struct due {
	struct gnatter *g;
	struct {
		char *payload;
		struct outgoing o;
		bool discarded;
	} each[WINDOW];
	size_t count, bytes; /* with what is on its way already */
};

static bool on_waiting(void *ctx, const struct store_outgoing *o)
{
	struct due *d = ctx;
	struct outgoing *out = &d->each[d->count].o;

	if (!find(d->g, o->chat, o->id)) {
		out->size = strlen(o->payload);
		if (d->bytes > 0 && d->bytes + out->size > WINDOW_BYTES)
			return false; /* when one of them is stored */
		d->bytes += out->size;
		d->each[d->count].payload = strdup(o->payload);
		if (!d->each[d->count].payload)
			return false;
		snprintf(out->id, sizeof(out->id), "%s", o->id);
		snprintf(out->chat, sizeof(out->chat), "%s", o->chat);
		d->count++;
	}
	d->g->outbox_pos = o->pos;
	return d->count < WINDOW;
}

static bool publish(struct gnatter *g, struct outgoing *o, const char *payload, int64_t now)
{
	char topic[sizeof("chat//send") + NAME_CHAT_MAX], correlation[GNATTER_ID_SIZE + 1];

	snprintf(topic, sizeof(topic), "chat/%s/send", o->chat);
	snprintf(correlation, sizeof(correlation), "s%s", o->id);
	o->number = link_number(g);
	o->again_ms = now + UNANSWERED_MS;
	o->refused = o->no_access = false;
	return link_publish(g, &(struct net_publish){.topic = topic,
				       .payload = {payload, strlen(payload)},
				       .qos = 1,
				       .correlation = correlation,
				       .number = o->number});
}

/* From here on they may be on their way: written down before, since an app may end at any time.
 * What it has discarded since they were read does not go out. */
static enum gnatter_error count_tries(struct gnatter *g, struct due *d)
{
	enum gnatter_error e = store_begin(g->store, false);

	if (e != GNATTER_OK)
		return e;
	for (size_t i = 0; i < d->count; i++) {
		const struct outgoing *o = &d->each[i].o;

		if (store_count_try(g->store, o->chat, o->id) == GNATTER_ENOTFOUND) {
			d->each[i].discarded = true;
			g->outbox_ms = 0; /* there is room for another */
		}
	}
	return store_commit(g->store);
}

static size_t bytes_out(const struct gnatter *g)
{
	size_t bytes = 0;

	for (size_t i = 0; i < g->outgoing_count; i++)
		bytes += g->outgoing[i].size;
	return bytes;
}

/* New ones, as many as there is room for. */
static void publish_new(struct gnatter *g, int64_t now)
{
	struct due d = {.g = g, .bytes = bytes_out(g)};
	int64_t before = g->outbox_pos;
	enum gnatter_error e = store_waiting(
		g->store, g->outbox_pos, (uint32_t)(WINDOW - g->outgoing_count), on_waiting, &d);

	outbox_tell_queued(g); /* before anything else is told of them */
	if (e == GNATTER_OK && d.count > 0)
		e = count_tries(g, &d);
	for (size_t i = 0; i < d.count; i++) {
		struct outgoing *o = &g->outgoing[g->outgoing_count];

		if (e == GNATTER_OK && !d.each[i].discarded) {
			*o = d.each[i].o;
			if (!publish(g, o, d.each[i].payload, now))
				o->again_ms = now + REFUSED_MS;
			g->outgoing_count++;
		}
		free(d.each[i].payload);
	}
	if (e != GNATTER_OK) {
		client_store_failed(g, "the outbox cannot be read", e);
		g->outbox_pos = before;
		g->outbox_ms = now + STORE_MS;
	}
}

struct again {
	char *payload;
};

static bool on_again(void *ctx, const struct store_outgoing *o)
{
	struct again *a = ctx;

	a->payload = strdup(o->payload);
	return false;
}

static void publish_again(struct gnatter *g, struct outgoing *o, int64_t now)
{
	struct again a = {0};
	enum gnatter_error e = store_outgoing(g->store, o->chat, o->id, on_again, &a);

	if (e == GNATTER_ENOTFOUND) { /* stored meanwhile, or discarded */
		forget(g, o->chat, o->id);
		return;
	}
	if (!a.payload || !publish(g, o, a.payload, now))
		o->again_ms = now + REFUSED_MS;
	free(a.payload);
}

static bool any_refused(const struct gnatter *g)
{
	for (size_t i = 0; i < g->outgoing_count; i++)
		if (g->outgoing[i].refused)
			return true;
	return false;
}

void outbox_run(struct gnatter *g, int64_t now)
{
	/* In a new store nothing goes out before it is known what there was: or the first list
	 * would count it as that. */
	if (!g->online || g->first_sync)
		return;
	if (!g->outgoing && now >= g->outbox_ms)
		g->outgoing = calloc(WINDOW, sizeof(*g->outgoing));
	if (!g->outgoing) {
		g->outbox_ms = now + STORE_MS; /* no memory */
		return;
	}
	for (size_t i = g->outgoing_count; i-- > 0;)
		if (i < g->outgoing_count && g->outgoing[i].again_ms <= now)
			publish_again(g, &g->outgoing[i], now);
	if (now < g->outbox_ms || g->outgoing_count == WINDOW || any_refused(g))
		return;
	g->outbox_ms = NEVER;
	publish_new(g, now);
}

int64_t outbox_due(const struct gnatter *g)
{
	int64_t due = g->outgoing_count < WINDOW && !any_refused(g) ? g->outbox_ms : NEVER;

	if (!g->online || g->first_sync)
		return NEVER;
	for (size_t i = 0; i < g->outgoing_count; i++)
		if (g->outgoing[i].again_ms < due)
			due = g->outgoing[i].again_ms;
	return due;
}

/* --- what becomes of them
 * ------------------------------------------------------------------------- */

/* Refused, but not for ever? Every other code says that this message will never be taken. */
static bool for_now(const char *code)
{
	static const char *const codes[] = {"busy", "rate_limited", "full", "internal", "io",
		"no_memory", "corrupt", "unauthorized"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}

static void refuse_for_now(struct gnatter *g, struct outgoing *o)
{
	o->refused = true;
	o->again_ms = now_ms() + backoff_next(&g->outbox_backoff, random_bits());
}

static void refuse(
	struct gnatter *g, const char *id, const char *chat, const char *code, const char *message)
{
	enum gnatter_error e = store_refuse(g->store, chat, id, code, message);

	if (e == GNATTER_OK)
		outbox_tell(g, chat, id, 0, GNATTER_TICK_REFUSED, code, message);
	else if (e != GNATTER_ENOTFOUND)
		client_store_failed(g, "a refusal is not kept", e);
	forget(g, chat, id);
}

static void on_error(struct gnatter *g, struct outgoing *o, const cJSON *error)
{
	const char *code = member_string(error, "code");
	char id[GNATTER_ID_SIZE], chat[GNATTER_CHAT_SIZE];

	if (for_now(code)) {
		client_log(g, "a message to %s was refused for now: %s", o->chat, code);
		refuse_for_now(g, o);
		return;
	}
	memcpy(id, o->id, sizeof(id));
	memcpy(chat, o->chat, sizeof(chat));
	refuse(g, id, chat, code, member_string(error, "message"));
}

/* Of a chat that was not there before: the list tells of it. */
static void expect_chat(struct gnatter *g, const char *chat, uint64_t seq)
{
	struct room *r = room_add(g, chat);

	if (r && (r->first_own == 0 || seq < r->first_own))
		r->first_own = seq;
	sync_list(g);
}

/* Stored: its echo is here, or on its way. */
static void on_stored(struct gnatter *g, const char *id, const char *chat, uint64_t seq)
{
	struct room *r = room_find(g, chat);
	enum gnatter_tick was;

	backoff_reset(&g->outbox_backoff);
	if (!r || !r->known)
		expect_chat(g, chat, seq);
	else if (r->hi < seq)
		sync_expect(g, r, seq);
	else if (store_unqueue(g->store, chat, id, &was) == GNATTER_OK)
		outbox_tell(g, chat, id, seq, GNATTER_TICK_STORED, "", "");
	forget(g, chat, id);
}

void outbox_answer(struct gnatter *g, const char *id, struct bytes payload)
{
	cJSON *root = cJSON_ParseWithLength(payload.data, payload.len);
	struct outgoing *o = find(g, member_string(root, "chat"), id);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	const cJSON *seq = cJSON_GetObjectItemCaseSensitive(root, "seq");

	if (o && error)
		on_error(g, o, error);
	else if (o && cJSON_IsNumber(seq) && seq->valuedouble > 0) {
		struct outgoing copy = *o;

		on_stored(g, copy.id, copy.chat, (uint64_t)seq->valuedouble);
	}
	cJSON_Delete(root);
}

/* Once, however often it had to be sent. */
static void on_sent(struct gnatter *g, const struct outgoing *o)
{
	if (store_set_sent(g->store, o->chat, o->id, GNATTER_TICK_SENT) == GNATTER_OK)
		outbox_tell(g, o->chat, o->id, 0, GNATTER_TICK_SENT, "", "");
}

/* --- what the broker itself refused
 *
 * The PUBACK has no code. Of what it refuses for its content or its rate the answer has one, but
 * access is decided before anything else of the message is seen: that is told on the errors topic
 * only, by chat, and in no certain order with the PUBACK. What is refused there holds for all
 * messages to that chat.
 * -------------------------------------------------------------------------------- */

static bool of_access(const char *code)
{
	return strcmp(code, "forbidden") == 0 || strcmp(code, "not_found") == 0 ||
	       strcmp(code, "bad_name") == 0;
}

static struct outgoing *find_no_access(struct gnatter *g, const char *chat)
{
	for (size_t i = 0; i < g->outgoing_count; i++)
		if (g->outgoing[i].no_access && strcmp(g->outgoing[i].chat, chat) == 0)
			return &g->outgoing[i];
	return NULL;
}

/* Refuse all of a chat that the broker did not take. */
static void refuse_chat(struct gnatter *g, const char *chat, const char *code, const char *message)
{
	struct outgoing *o;

	while ((o = find_no_access(g, chat))) {
		struct outgoing copy = *o;

		refuse(g, copy.id, copy.chat, code, message);
	}
}

void outbox_error(struct gnatter *g, const char *chat, const char *code, const char *message)
{
	struct no_access *n = &g->no_access;

	if (!of_access(code) || strlen(chat) >= sizeof(n->chat))
		return;
	snprintf(n->chat, sizeof(n->chat), "%s", chat);
	snprintf(n->code, sizeof(n->code), "%s", code);
	snprintf(n->message, sizeof(n->message), "%s", message);
	n->until_ms = now_ms() + REFUSED_MS;
	refuse_chat(g, chat, code, message);
}

static void on_refused(struct gnatter *g, struct outgoing *o)
{
	const struct no_access *n = &g->no_access;
	int64_t now = now_ms();

	o->again_ms = now + REFUSED_MS;
	o->no_access = true;
	if (now < n->until_ms && strcmp(n->chat, o->chat) == 0)
		refuse_chat(g, n->chat, n->code, n->message);
}

bool outbox_taken(struct gnatter *g, const struct net_event *e)
{
	size_t i = 0;

	while (i < g->outgoing_count && g->outgoing[i].number != e->number)
		i++;
	if (i == g->outgoing_count)
		return false;
	if (e->kind == NET_TAKEN)
		on_sent(g, &g->outgoing[i]);
	else if (e->kind == NET_REFUSED)
		on_refused(g, &g->outgoing[i]);
	return true;
}

void outbox_stored(struct gnatter *g, const char *chat, const char *id)
{
	backoff_reset(&g->outbox_backoff);
	forget(g, chat, id);
}

void outbox_offline(struct gnatter *g)
{
	g->outgoing_count = 0;
	g->outbox_pos = 0;
	g->outbox_ms = 0;
}

/* --- the app's side
 * ------------------------------------------------------------------------------- */

static void make_id(char id[GNATTER_ID_SIZE])
{
	snprintf(id, GNATTER_ID_SIZE, "%08x%08x%08x%08x", random_bits(), random_bits(),
		random_bits(), random_bits());
}

static bool on_there(void *ctx, const struct store_outgoing *o)
{
	*(bool *)ctx = o->tick != GNATTER_TICK_REFUSED;
	return false;
}

static bool waits(struct gnatter *g, const char *chat, const char *id)
{
	bool there = false;

	return store_outgoing(g->store, chat, id, on_there, &there) == GNATTER_OK && there;
}

enum gnatter_error gnatter_send(struct gnatter *g, const char *chat, const struct gnatter_draft *d,
	char id[GNATTER_ID_SIZE])
{
	char made[GNATTER_ID_SIZE];
	struct gnatter_draft draft = *d;
	struct buf payload = {0};
	enum gnatter_error e;

	if (!chat || name_chat_kind(chat, strlen(chat), NULL) == CHAT_NONE)
		return GNATTER_EINVAL;
	if (!draft.id) {
		make_id(made);
		draft.id = made;
	}
	e = message_compose(&payload, &draft);
	buf_u8(&payload, 0);
	if (e == GNATTER_OK && payload.failed)
		e = GNATTER_ENOMEM;
	if (e == GNATTER_OK)
		e = store_queue(g->store, chat, &draft, payload.data, wall_ms());
	if (e == GNATTER_EINVAL && waits(g, chat, draft.id))
		e = GNATTER_OK; /* sent twice with the same id is stored once */
	buf_free(&payload);
	if (e != GNATTER_OK)
		return e;
	if (id)
		snprintf(id, GNATTER_ID_SIZE, "%s", draft.id);
	client_wish(g, WISH_OUTBOX);
	return GNATTER_OK;
}

enum gnatter_error gnatter_send_text(
	struct gnatter *g, const char *chat, const char *text, char id[GNATTER_ID_SIZE])
{
	return gnatter_send(g, chat, &(struct gnatter_draft){.text = text}, id);
}

enum gnatter_error gnatter_reply(struct gnatter *g, const char *chat, uint64_t ref,
	const char *text, char id[GNATTER_ID_SIZE])
{
	return gnatter_send(g, chat, &(struct gnatter_draft){.text = text, .ref = ref}, id);
}

enum gnatter_error gnatter_edit(struct gnatter *g, const char *chat, uint64_t ref, const char *text,
	char id[GNATTER_ID_SIZE])
{
	return gnatter_send(
		g, chat, &(struct gnatter_draft){.type = "edit", .text = text, .ref = ref}, id);
}

enum gnatter_error gnatter_delete(
	struct gnatter *g, const char *chat, uint64_t ref, char id[GNATTER_ID_SIZE])
{
	return gnatter_send(g, chat, &(struct gnatter_draft){.type = "delete", .ref = ref}, id);
}

enum gnatter_error gnatter_react(struct gnatter *g, const char *chat, uint64_t ref,
	const char *text, char id[GNATTER_ID_SIZE])
{
	return gnatter_send(
		g, chat, &(struct gnatter_draft){.type = "reaction", .text = text, .ref = ref}, id);
}

static bool on_discard(void *ctx, const struct store_outgoing *o)
{
	*(bool *)ctx = o->tick == GNATTER_TICK_REFUSED || o->tries == 0;
	return false;
}

enum gnatter_error gnatter_discard(struct gnatter *g, const char *chat, const char *id)
{
	enum gnatter_error e = store_begin(g->store, false), end;
	enum gnatter_tick was;
	bool may = false;

	if (e != GNATTER_OK)
		return e;
	e = store_outgoing(g->store, chat, id, on_discard, &may);
	if (e == GNATTER_OK)
		e = may ? store_unqueue(g->store, chat, id, &was) : GNATTER_EINVAL;
	end = store_commit(g->store);
	return e == GNATTER_OK ? end : e;
}

enum gnatter_error gnatter_outbox(
	struct gnatter *g, const char *chat, gnatter_message_fn *fn, void *ctx)
{
	return store_outbox(g->store, chat, fn, ctx);
}

bool gnatter_pair(char out[GNATTER_CHAT_SIZE], const char *a, const char *b)
{
	return name_pair(out, a, b) > 0;
}
