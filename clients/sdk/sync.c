/* sync.c — what is missed is asked for.
 *
 * After each connect: subscribe, then ask for the list of chats, then for the history of each chat
 * whose last seq is beyond ours, several at once: two round trips and pages. The broker handles
 * what one connection sends in order, so the subscriptions hold before the list is read. A chat
 * that is new in the list is subscribed then, and its history asked for even if nothing seems to be
 * missing: something may have been said between the list and the subscription.
 *
 * A gap in what comes live (a message was dropped on the way) is filled in the same way. But a
 * broker whose queue for us overflows drops the newest, and says nothing: a gap shows only with the
 * next message, which may not come for long, and an answer may be among them. It takes many
 * messages at once for that, so when many have come the front of the list, where those chats stand,
 * is looked at once more.
 */
#include "clients/sdk/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCHING_MAX 8
#define LIST_PAGE    500
#define RETRY_MS     500
#define RETRY_MAX_MS 60000
#define AGAIN_MS     5000 /* after a list was refused */

/* So many messages, with no more than that between two of them, may be all that is left of more;
 * looked at when they have ended, or have gone on for that long. */
#define BURST        20
#define BURST_GAP_MS 1000
#define BURST_MAX_MS 30000
#define FRONT        20 /* chats looked at then */

/* --- the list of chats
 * ---------------------------------------------------------------------------- */

static enum gnatter_kind kind_of(const char *kind)
{
	if (strcmp(kind, "channel") == 0)
		return GNATTER_CHANNEL;
	return strcmp(kind, "pair") == 0 ? GNATTER_PAIR : GNATTER_GROUP;
}

static void read_row(struct gnatter_chat *c, const cJSON *row)
{
	const cJSON *muted = cJSON_GetObjectItemCaseSensitive(row, "muted");
	const cJSON *preview = cJSON_GetObjectItemCaseSensitive(row, "preview");

	*c = (struct gnatter_chat){.chat = member_string(row, "chat"),
		.kind = kind_of(member_string(row, "kind")),
		.title = member_string(row, "title"),
		.peer = member_string(row, "user"),
		.role = member_string(row, "role"),
		.seq = member_number(row, "seq"),
		.n = member_number(row, "n"),
		.ts_ms = (int64_t)member_number(row, "ts"),
		.unread = member_number(row, "unread"),
		.delivered = member_number(row, "delivered"),
		.read = member_number(row, "read"),
		.muted = cJSON_IsTrue(muted) || cJSON_IsNumber(muted),
		.muted_until_ms = (int64_t)member_number(row, "muted"),
		.mentions = member_true(row, "mentions"),
		.preview_seq = member_number(preview, "seq"),
		.preview_from = member_string(preview, "from"),
		.preview_type = member_string(preview, "type"),
		.preview_text = member_string(preview, "text")};
}

/* What a page of the list brought, to be told once it is in the store. */
struct listed {
	struct room **changed;
	size_t count;
	struct room **begun; /* known from this page on */
	size_t begun_count;
	char **filters; /* of new subscriptions; owned */
	size_t filter_count;
};

static void want_subscription(struct listed *l, struct room *r)
{
	size_t size = sizeof("chat//#") + strlen(r->chat);
	char *filter = malloc(size);

	if (!filter)
		return;
	snprintf(filter, size, "chat/%s/#", r->chat);
	l->filters[l->filter_count++] = filter;
	r->subscribed = true;
	r->check = true;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Where to begin with a chat that is seen for the first time: in a new store as the options say;
 * later it is a new chat. In a new group what was said before one was added counts as read, but
 * what one has sent oneself may, too. */
static uint64_t beginning(
	const struct gnatter *g, const struct room *r, const struct gnatter_chat *c)
{
	if (g->first_sync)
		return g->o.from_unread ? c->read : c->seq;
	if (c->kind == GNATTER_PAIR)
		return 0;
	return r->first_own > 0 ? least(c->read, r->first_own - 1) : c->read;
}

static enum gnatter_error take_row(
	struct gnatter *g, struct listed *l, const struct gnatter_chat *c)
{
	struct room *r = name_chat_kind(c->chat, strlen(c->chat), NULL) == CHAT_NONE
				 ? NULL
				 : room_add(g, c->chat);
	bool changed = false;
	enum gnatter_error e;

	if (!r)
		return GNATTER_OK;
	e = store_put_chat(g->store, c, &changed);
	if (e == GNATTER_OK && !r->known) {
		e = store_begin_chat(g->store, c->chat, beginning(g, r, c));
		r->hi = e == GNATTER_OK ? beginning(g, r, c) : 0;
		r->known = e == GNATTER_OK;
		if (r->known)
			l->begun[l->begun_count++] = r;
	}
	if (c->seq > r->server_seq)
		r->server_seq = c->seq;
	r->gone = false;
	r->listed = true;
	r->channel = c->kind == GNATTER_CHANNEL;
	if (!r->subscribed)
		want_subscription(l, r);
	if (changed)
		l->changed[l->count++] = r;
	if (r->check || r->hi < r->server_seq)
		sync_fetch(g, r);
	if (r->own_seq > r->ticked_read)
		people_needed(g, r);
	return e;
}

static void tell_changed(struct gnatter *g, const struct listed *l)
{
	for (size_t i = 0; i < l->count && g->o.callbacks.on_chat; i++)
		g->o.callbacks.on_chat(g->o.ctx, g, l->changed[i]->chat);
}

static enum gnatter_error take_rows(struct gnatter *g, struct listed *l, const cJSON *rows)
{
	enum gnatter_error e = store_begin(g->store, false), end;
	const cJSON *row;

	if (e != GNATTER_OK)
		return e;
	cJSON_ArrayForEach(row, rows)
	{
		struct gnatter_chat c;

		read_row(&c, row);
		if (e == GNATTER_OK)
			e = take_row(g, l, &c);
	}
	end = store_commit(g->store);
	return e == GNATTER_OK ? end : e;
}

/* The store does not know what this page has begun. */
static void take_back(struct listed *l)
{
	for (size_t i = 0; i < l->begun_count; i++) {
		l->begun[i]->known = false;
		l->begun[i]->hi = 0;
	}
	l->count = 0;
}

/* False if it could not be kept. */
static bool take_list(struct gnatter *g, const cJSON *rows)
{
	size_t max = (size_t)cJSON_GetArraySize(rows) + 1;
	struct listed l = {.changed = calloc(max, sizeof(struct room *)),
		.begun = calloc(max, sizeof(struct room *)),
		.filters = calloc(max, sizeof(char *))};
	enum gnatter_error e = GNATTER_ENOMEM;

	if (l.changed && l.begun && l.filters)
		e = take_rows(g, &l, rows);
	if (e != GNATTER_OK) {
		client_store_failed(g, "the list of chats is not kept", e);
		take_back(&l);
	}
	if (l.filter_count > 0)
		net_subscribe(g->net, l.filters, l.filter_count);
	tell_changed(g, &l);
	for (size_t i = 0; i < l.filter_count; i++)
		free(l.filters[i]);
	free(l.filters);
	free(l.begun);
	free(l.changed);
	return e == GNATTER_OK;
}

static void leave_room(struct gnatter *g, struct room *r)
{
	char filter[sizeof("chat//#") + NAME_CHAT_MAX], *filters = filter;

	if (r->gone)
		return;
	r->gone = true;
	store_set_gone(g->store, r->chat);
	if (r->subscribed && g->online) {
		snprintf(filter, sizeof(filter), "chat/%s/#", r->chat);
		net_unsubscribe(g->net, &filters, 1);
	}
	r->subscribed = false;
	room_drop_held(r);
	if (g->o.callbacks.on_chat)
		g->o.callbacks.on_chat(g->o.ctx, g, r->chat);
}

/* The whole list was read. What does not stand in it is no more, or has only moved from one page to
 * another meanwhile: its history says which. */
static void end_list(struct gnatter *g)
{
	g->listing = false;
	for (size_t i = 0; i < g->room_count; i++) {
		struct room *r = g->rooms[i];

		if (r->listed || r->gone)
			continue;
		r->check = true;
		sync_fetch(g, r);
	}
	if (g->first_sync && store_set_synced(g->store) == GNATTER_OK)
		g->first_sync = false;
	g->outbox_ms = 0; /* it may have waited for this */
}

static void ask_list(struct gnatter *g, const cJSON *from);

static void list_later(struct gnatter *g)
{
	g->listing = false;
	g->list_again = true;
	g->list_ms = now_ms() + AGAIN_MS;
}

static void on_list(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	cJSON *root = *a->code ? NULL : cJSON_Parse(a->json);

	(void)ctx;
	if (strcmp(a->code, "lost") == 0 || strcmp(a->code, "closed") == 0)
		return;
	if (!root)
		client_log(g, "the list of chats was refused: %s", a->message);
	if (!root || !take_list(g, cJSON_GetObjectItemCaseSensitive(root, "chats")))
		list_later(g);
	else if (member_true(root, "more") && g->online)
		ask_list(g, cJSON_GetObjectItemCaseSensitive(root, "next"));
	else
		end_list(g);
	cJSON_Delete(root);
}

static void ask_list(struct gnatter *g, const cJSON *from)
{
	cJSON *o = cJSON_CreateObject();
	char *json;

	cJSON_AddNumberToObject(o, "limit", LIST_PAGE);
	if (from)
		cJSON_AddItemToObject(o, "from", cJSON_Duplicate(from, true));
	json = cJSON_PrintUnformatted(o);
	g->listing = json && request_own(g, "chats", json, on_list, NULL);
	if (!g->listing)
		list_later(g);
	cJSON_free(json);
	cJSON_Delete(o);
}

void sync_list(struct gnatter *g)
{
	g->list_again = true;
	g->list_ms = 0;
}

void sync_start(struct gnatter *g)
{
	g->synced = false;
	g->listing = false;
	g->contacts_asked = false;
	sync_contacts(g);
	g->first_sync = store_is_new(g->store);
	g->burst = 0;
	sync_list(g);
}

void sync_lost(struct gnatter *g)
{
	client_log(g, "more came than could be taken; what is missing is asked for");
	g->synced = false;
	for (size_t i = 0; i < g->room_count; i++)
		g->rooms[i]->members = false; /* marks were among it, perhaps */
	sync_contacts(g);
	sync_list(g);
}

/* --- what may have been dropped
 * ----------------------------------------------------------------------- */

void sync_came(struct gnatter *g)
{
	int64_t now = now_ms();

	if (g->burst < BURST && now > g->burst_ms + BURST_GAP_MS)
		g->burst = 0;
	if (g->burst++ == 0)
		g->burst_began_ms = now;
	g->burst_ms = now;
}

/* It may have taken the app long: that is no pause. */
void sync_told(struct gnatter *g)
{
	g->burst_ms = now_ms();
}

/* When to look; NEVER: there were too few. */
static int64_t burst_due(const struct gnatter *g)
{
	int64_t end = g->burst_ms + BURST_GAP_MS, most = g->burst_began_ms + BURST_MAX_MS;

	if (g->burst < BURST)
		return NEVER;
	return end < most ? end : most;
}

/* Is the last of these, in which nothing was said for longest, behind? Then there may be more. */
static bool ends_behind(struct gnatter *g, const cJSON *rows)
{
	const cJSON *row = cJSON_GetArrayItem(rows, cJSON_GetArraySize(rows) - 1);
	const struct room *r = row ? room_find(g, member_string(row, "chat")) : NULL;

	return row && (!r || !r->known || r->hi < member_number(row, "seq"));
}

static void on_front(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	cJSON *root = *a->code ? NULL : cJSON_Parse(a->json);
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(root, "chats");
	bool rest;

	(void)ctx;
	if (strcmp(a->code, "lost") == 0 || strcmp(a->code, "closed") == 0)
		return;
	request_again(g, g->front);
	rest = member_true(root, "more") && ends_behind(g, rows);
	if (!root || !take_list(g, rows)) {
		g->list_again = true;
		g->list_ms = now_ms() + AGAIN_MS;
	} else if (rest) {
		sync_list(g);
	}
	cJSON_Delete(root);
}

static void ask_front(struct gnatter *g)
{
	char params[32];

	g->burst = 0;
	snprintf(params, sizeof(params), "{\"limit\":%d}", FRONT);
	g->front = request_own(g, "chats", params, on_front, NULL);
}

/* --- contacts
 * ------------------------------------------------------------------------------------- */

static void ask_contacts(struct gnatter *g, const char *after);

static void on_contacts(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	cJSON *root = *a->code ? NULL : cJSON_Parse(a->json);
	const cJSON *contact;
	bool first = ctx == NULL;

	g->contacts_asked = false;
	if (!root) {
		g->contacts_again = strcmp(a->code, "lost") != 0 && strcmp(a->code, "closed") != 0;
		g->contacts_ms = now_ms() + AGAIN_MS;
		return;
	}
	if (store_begin(g->store, false) == GNATTER_OK) {
		if (first)
			store_clear_contacts(g->store);
		cJSON_ArrayForEach(contact, cJSON_GetObjectItemCaseSensitive(root, "contacts"))
			people_put_contact(g, contact, true);
		store_commit(g->store);
	}
	if (member_true(root, "more") && g->online)
		ask_contacts(g, member_string(root, "after"));
	cJSON_Delete(root);
}

static void ask_contacts(struct gnatter *g, const char *after)
{
	struct buf b = {0};

	buf_str(&b, "{");
	if (after) {
		buf_str(&b, "\"after\":");
		json_put_string(&b, after, strlen(after));
	}
	buf_put(&b, "}", 2);
	g->contacts_asked =
		!b.failed && request_own(g, "contacts", b.data, on_contacts, after ? g : NULL);
	buf_free(&b);
}

void sync_contacts(struct gnatter *g)
{
	g->contacts_again = true;
	g->contacts_ms = 0;
}

/* --- histories
 * ------------------------------------------------------------------------------------ */

void sync_fetch(struct gnatter *g, struct room *r)
{
	if (r->wants && r->failures == 0)
		r->fetch_ms = 0; /* it was only expected: now it is missing */
	if (r->wants || r->gone || !r->known || !g->online)
		return;
	r->wants = true;
	r->next_wanting = NULL;
	if (g->wanting_last)
		g->wanting_last->next_wanting = r;
	else
		g->wanting_first = r;
	g->wanting_last = r;
}

void sync_expect(struct gnatter *g, struct room *r, uint64_t seq)
{
	if (seq > r->server_seq)
		r->server_seq = seq;
	if (r->wants || r->hi >= seq)
		return;
	r->fetch_ms = now_ms() + RETRY_MS;
	sync_fetch(g, r);
}

static void try_again(struct gnatter *g, struct room *r)
{
	int64_t wait = RETRY_MS;

	for (uint32_t i = 0; i < r->failures && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	r->failures++;
	r->fetch_ms = now_ms() + wait;
	sync_fetch(g, r);
}

static uint64_t seq_in(struct bytes answer)
{
	struct bytes seq;

	return list_member(answer, "seq", &seq) ? strtoull(seq.data, NULL, 10) : 0;
}

static void take_page(struct gnatter *g, struct room *r, const char *json)
{
	struct bytes answer = {json, strlen(json)}, messages;
	uint64_t seq = seq_in(answer);
	bool progress = false;

	if (list_member(answer, "messages", &messages))
		progress = receive_page(g, r, messages);
	if (seq > r->server_seq)
		r->server_seq = seq;
	receive_held(g, r);
	r->check = false;
	if (r->hi >= r->server_seq)
		r->failures = 0;
	else if (progress)
		sync_fetch(g, r);
	else
		try_again(g, r);
}

/* The server refuses pages larger than its operator wants: ask for smaller ones. False if they are
 * as small as can be. */
bool sync_smaller_pages(struct gnatter *g)
{
	if (g->page == 1)
		return false;
	g->page /= 2;
	return true;
}

static void on_history(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	struct room *r = ctx;

	if (strcmp(a->code, "lost") == 0 || strcmp(a->code, "closed") == 0)
		return; /* rooms_offline() has put everything right */
	r->fetching = false;
	g->fetching--;
	if (!*a->code)
		take_page(g, r, a->json);
	else if (strcmp(a->code, "forbidden") == 0 || strcmp(a->code, "not_found") == 0)
		leave_room(g, r);
	else if (strcmp(a->code, "bad_request") == 0 && sync_smaller_pages(g))
		sync_fetch(g, r);
	else
		try_again(g, r);
}

static void fetch(struct gnatter *g, struct room *r)
{
	struct buf b = {0};

	buf_str(&b, "{\"chat\":");
	json_put_string(&b, r->chat, strlen(r->chat));
	buf_printf(&b, ",\"after\":%" PRIu64 ",\"limit\":%" PRIu32 "}", r->hi, g->page);
	buf_u8(&b, 0);
	r->fetching = !b.failed && request_own(g, "history", b.data, on_history, r);
	g->fetching += r->fetching;
	buf_free(&b);
	if (!r->fetching)
		try_again(g, r);
}

/* The first that wants and may. */
static struct room *next_wanting(struct gnatter *g, int64_t now)
{
	struct room **at = &g->wanting_first, *before = NULL;

	while (*at && ((*at)->fetch_ms > now || (*at)->fetching)) {
		before = *at;
		at = &(*at)->next_wanting;
	}
	if (!*at)
		return NULL;

	struct room *r = *at;

	*at = r->next_wanting;
	if (g->wanting_last == r)
		g->wanting_last = before;
	r->next_wanting = NULL;
	r->wants = false;
	return r;
}

static bool quiet(const struct gnatter *g)
{
	return !g->listing && !g->list_again && !g->contacts_asked && !g->contacts_again &&
	       g->fetching == 0 && !g->wanting_first;
}

void sync_run(struct gnatter *g, int64_t now)
{
	struct room *r;

	if (!g->online)
		return;
	if (g->list_again && !g->listing && now >= g->list_ms) {
		g->list_again = false;
		for (size_t i = 0; i < g->room_count; i++)
			g->rooms[i]->listed = false;
		ask_list(g, NULL);
	}
	if (g->contacts_again && !g->contacts_asked && now >= g->contacts_ms) {
		g->contacts_again = false;
		ask_contacts(g, NULL);
	}
	if (now >= burst_due(g))
		ask_front(g);
	while (g->fetching < FETCHING_MAX && (r = next_wanting(g, now)))
		if (r->known && !r->gone && (r->check || r->hi < r->server_seq))
			fetch(g, r);
	if (!g->synced && quiet(g)) {
		g->synced = true;
		if (g->synced_ms == 0)
			g->synced_ms = now;
		link_status(g, GNATTER_SYNCED, "", 0);
	}
}

int64_t sync_due(const struct gnatter *g)
{
	int64_t due = NEVER;

	if (!g->online)
		return NEVER;
	if (g->list_again && !g->listing)
		due = g->list_ms;
	if (burst_due(g) < due)
		due = burst_due(g);
	if (g->contacts_again && !g->contacts_asked && g->contacts_ms < due)
		due = g->contacts_ms;
	for (const struct room *r = g->wanting_first; r && g->fetching < FETCHING_MAX;
		r = r->next_wanting)
		if (!r->fetching && r->fetch_ms < due)
			due = r->fetch_ms;
	return due;
}

/* --- what is said of chats
 * ------------------------------------------------------------------------ */

static void on_muted(struct gnatter *g, const char *chat, const struct json_object *o)
{
	int64_t until = GNATTER_FOR_EVER;
	bool mentions = false;

	json_int(o, "until", 0, INT64_MAX, &until);
	json_bool(o, "mentions", &mentions);
	if (store_set_mute(g->store, chat, until, mentions) == GNATTER_OK && g->o.callbacks.on_chat)
		g->o.callbacks.on_chat(g->o.ctx, g, chat);
}

static void tell_event(struct gnatter *g, const char *topic, struct bytes payload)
{
	char *json = g->o.callbacks.on_event ? malloc(payload.len + 1) : NULL;

	if (!json)
		return;
	memcpy(json, payload.data, payload.len);
	json[payload.len] = 0;
	g->o.callbacks.on_event(g->o.ctx, g, topic, json);
	free(json);
}

static void on_event(struct gnatter *g, const struct json_object *o)
{
	const char *event = member_string(o->root, "event"), *chat = member_string(o->root, "chat");
	struct room *r = *chat ? room_find(g, chat) : NULL;
	int64_t delivered = 0, read = 0;

	if (strcmp(event, "chat.added") == 0) {
		sync_list(g);
	} else if (strcmp(event, "chat.removed") == 0 && r) {
		leave_room(g, r);
	} else if (strcmp(event, "chat.muted") == 0 && r) {
		on_muted(g, chat, o);
	} else if (strcmp(event, "mark") == 0 && r) {
		json_int(o, "delivered", 0, INT64_MAX, &delivered);
		json_int(o, "read", 0, INT64_MAX, &read);
		ticks_own(g, chat, (uint64_t)delivered, (uint64_t)read);
	} else if (strncmp(event, "contact.", 8) == 0 || strncmp(event, "block.", 6) == 0) {
		sync_contacts(g);
	}
}

/* With an id it is answered, too. */
static void on_error(struct gnatter *g, const struct json_object *o)
{
	const char *topic = member_string(o->root, "topic");
	size_t len = strlen(topic);

	if (len > 5 && strcmp(topic + len - 5, "/send") == 0 && !json_get(o, "id"))
		outbox_error(g, member_string(o->root, "chat"), member_string(o->root, "code"),
			member_string(o->root, "message"));
}

void sync_event(struct gnatter *g, const char *topic, struct bytes payload)
{
	struct json_object o;

	if (json_parse(&o, payload.data, payload.len) != ERR_OK)
		return;
	if (strcmp(topic, "events") == 0)
		on_event(g, &o);
	else
		on_error(g, &o);
	json_finish(&o);
	tell_event(g, topic, payload);
}

void sync_info(struct gnatter *g, const char *chat, struct bytes payload)
{
	struct room *r = room_find(g, chat);
	struct json_object o;

	if (!r || !r->known || json_parse(&o, payload.data, payload.len) != ERR_OK)
		return;
	if (json_get(&o, "title"))
		store_set_title(g->store, chat, member_string(o.root, "title"));
	if (strcmp(member_string(o.root, "user"), g->user) == 0)
		sync_list(g); /* one's own role, or one was added */
	json_finish(&o);
	if (r->members)
		people_members(g, r);
	if (g->o.callbacks.on_chat)
		g->o.callbacks.on_chat(g->o.ctx, g, chat);
}
