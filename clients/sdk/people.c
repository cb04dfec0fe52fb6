/* people.c — presence, typing, members, contacts. */
#include "clients/sdk/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCHES_MAX 1000
#define TYPING_MS   3000

/* --- presence
 * ------------------------------------------------------------------------------------- */

static struct watch *find_watch(struct gnatter *g, const char *user)
{
	for (size_t i = 0; i < g->watch_count; i++)
		if (strcmp(g->watches[i].user, user) == 0)
			return &g->watches[i];
	return NULL;
}

/* An unused one, with no user in it; NULL: there is none. */
static struct watch *free_watch(struct gnatter *g)
{
	struct watch *w = NULL;

	for (size_t i = 0; !w && i < g->watch_count; i++)
		if (!g->watches[i].wanted && !g->watches[i].subscribed)
			w = &g->watches[i];
	if (!w && g->watch_count < WATCHES_MAX)
		w = &g->watches[g->watch_count++];
	if (w)
		*w = (struct watch){0};
	return w;
}

static enum gnatter_error add_watch(struct gnatter *g, const char *user)
{
	struct watch *w = find_watch(g, user);

	if (!g->watches)
		g->watches = calloc(WATCHES_MAX, sizeof(*g->watches));
	if (!g->watches)
		return GNATTER_ENOMEM;
	if (!w)
		w = free_watch(g);
	if (!w)
		return GNATTER_ELIMIT;
	if (!*w->user) {
		snprintf(w->user, sizeof(w->user), "%s", user);
	}
	w->wanted = true;
	return GNATTER_OK;
}

static bool user_ok(const char *user)
{
	return user && name_user_ok(user, strlen(user));
}

enum gnatter_error gnatter_watch(struct gnatter *g, const char *user)
{
	enum gnatter_error e;

	if (!user_ok(user))
		return GNATTER_EINVAL;
	pthread_mutex_lock(&g->lock);
	e = add_watch(g, user);
	pthread_mutex_unlock(&g->lock);
	client_wish(g, WISH_WATCH);
	return e;
}

enum gnatter_error gnatter_unwatch(struct gnatter *g, const char *user)
{
	struct watch *w;

	if (!user_ok(user))
		return GNATTER_EINVAL;
	pthread_mutex_lock(&g->lock);
	w = find_watch(g, user);
	if (w)
		w->wanted = false;
	pthread_mutex_unlock(&g->lock);
	client_wish(g, WISH_WATCH);
	return w ? GNATTER_OK : GNATTER_ENOTFOUND;
}

/* Filters to subscribe or unsubscribe. */
struct filters {
	char **each;
	size_t count, cap;
};

static void add_filter(struct filters *f, const char *before, const char *name, const char *behind)
{
	size_t size = strlen(before) + strlen(name) + strlen(behind) + 1;

	if (f->count == f->cap) {
		size_t cap = f->cap == 0 ? 32 : f->cap * 2;
		char **each = realloc(f->each, cap * sizeof(*each));

		if (!each)
			return;
		f->each = each;
		f->cap = cap;
	}
	f->each[f->count] = malloc(size);
	if (!f->each[f->count])
		return;
	snprintf(f->each[f->count++], size, "%s%s%s", before, name, behind);
}

static void free_filters(struct filters *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->each[i]);
	free(f->each);
}

/* What of the watches is to change; `all`: of a new connection, which knows nothing. */
static void gather_watches(struct gnatter *g, bool all, struct filters *on, struct filters *off)
{
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->watch_count;) {
		struct watch *w = &g->watches[i];

		if (w->wanted && (all || !w->subscribed))
			add_filter(on, "presence/", w->user, "");
		else if (!w->wanted && w->subscribed)
			add_filter(off, "presence/", w->user, "");
		w->subscribed = w->wanted;
		if (w->wanted)
			i++;
		else
			*w = g->watches[--g->watch_count];
	}
	pthread_mutex_unlock(&g->lock);
}

void people_subscribe(struct gnatter *g, bool all)
{
	struct filters on = {0}, off = {0};

	if (all)
		add_filter(&on, "user/", g->user, "/#");
	for (size_t i = 0; all && i < g->room_count; i++) {
		struct room *r = g->rooms[i];

		if (r->gone || !r->known)
			continue;
		add_filter(&on, "chat/", r->chat, "/#");
		r->subscribed = true;
	}
	gather_watches(g, all, &on, &off);
	if (on.count > 0)
		net_subscribe(g->net, on.each, on.count);
	if (off.count > 0)
		net_unsubscribe(g->net, off.each, off.count);
	free_filters(&on);
	free_filters(&off);
}

static void read_presence(struct gnatter_presence *p, const char *user, const cJSON *o)
{
	*p = (struct gnatter_presence){.user = user,
		.online = member_true(o, "online"),
		.state = member_string(o, "state"),
		.text = member_string(o, "text"),
		.last_seen_ms = (int64_t)member_number(o, "last_seen")};
}

void people_presence(struct gnatter *g, const char *user, struct bytes payload)
{
	cJSON *root = user_ok(user) ? cJSON_ParseWithLength(payload.data, payload.len) : NULL;
	struct gnatter_profile p = {.user = user};

	if (cJSON_IsObject(root)) {
		read_presence(&p.presence, user, root);
		store_put_profile(g->store, &p, true);
		if (g->o.callbacks.on_presence)
			g->o.callbacks.on_presence(g->o.ctx, g, &p.presence);
	}
	cJSON_Delete(root);
}

enum gnatter_error gnatter_presence_set(struct gnatter *g, const char *state, const char *text)
{
	static const char *const states[] = {"online", "away", "busy", "offline"};
	bool known = false;

	for (size_t i = 0; state && i < sizeof(states) / sizeof(*states); i++)
		known = known || strcmp(state, states[i]) == 0;
	if (!known || (text && strlen(text) >= sizeof(g->text)))
		return GNATTER_EINVAL;
	pthread_mutex_lock(&g->lock);
	snprintf(g->state, sizeof(g->state), "%s", state);
	snprintf(g->text, sizeof(g->text), "%s", text ? text : "");
	pthread_mutex_unlock(&g->lock);
	client_wish(g, WISH_PRESENCE);
	return GNATTER_OK;
}

/* --- typing
 * --------------------------------------------------------------------------------------- */

enum gnatter_error gnatter_typing(struct gnatter *g, const char *chat)
{
	bool there = false;
	char *copy;

	if (!chat || name_chat_kind(chat, strlen(chat), NULL) == CHAT_NONE)
		return GNATTER_EINVAL;
	copy = strdup(chat);
	if (!copy)
		return GNATTER_ENOMEM;
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->typing_count; i++)
		there = there || strcmp(g->typing[i], chat) == 0;
	if (!there && g->typing_count < sizeof(g->typing) / sizeof(*g->typing)) {
		g->typing[g->typing_count++] = copy;
		copy = NULL;
		g->wishes |= WISH_LOOK;
		pthread_cond_broadcast(&g->woken);
	}
	pthread_mutex_unlock(&g->lock);
	free(copy);
	return GNATTER_OK;
}

static char *next_typing(struct gnatter *g)
{
	char *chat = NULL;

	pthread_mutex_lock(&g->lock);
	if (g->typing_count > 0)
		chat = g->typing[--g->typing_count];
	pthread_mutex_unlock(&g->lock);
	return chat;
}

static bool on_role(void *ctx, const struct store_chat *c)
{
	*(bool *)ctx = strcmp(c->pub.role, "admin") == 0;
	return false;
}

/* In a channel only its admins write, and so type. */
static bool may_type(struct gnatter *g, const struct room *r)
{
	bool admin = false;

	if (r->channel)
		store_chat(g->store, r->chat, on_role, &admin);
	return !r->channel || admin;
}

static void send_typing(struct gnatter *g, const char *chat)
{
	char topic[sizeof("chat//typing/") + NAME_CHAT_MAX + NAME_USER_MAX];
	struct room *r = room_find(g, chat);
	int64_t now = now_ms();

	if (!r || r->gone || !g->online || (r->typing_ms > 0 && now - r->typing_ms < TYPING_MS))
		return;
	r->typing_ms = now;
	if (!may_type(g, r))
		return;
	snprintf(topic, sizeof(topic), "chat/%s/typing/%s", chat, g->user);
	link_publish(g, &(struct net_publish){.topic = topic, .payload = {"1", 1}, .qos = 0});
}

void people_send_typing(struct gnatter *g)
{
	char *chat;

	while ((chat = next_typing(g))) {
		send_typing(g, chat);
		free(chat);
	}
}

void people_typing(struct gnatter *g, const char *chat, const char *user)
{
	if (strcmp(user, g->user) != 0 && user_ok(user) && g->o.callbacks.on_typing)
		g->o.callbacks.on_typing(g->o.ctx, g, chat, user);
}

/* --- members
 * -------------------------------------------------------------------------------------- */

static enum gnatter_error put_members(struct gnatter *g, const char *chat, const cJSON *list)
{
	size_t count = 0, max = (size_t)cJSON_GetArraySize(list);
	struct gnatter_member *members = calloc(max + 1, sizeof(*members));
	enum gnatter_error e = GNATTER_ENOMEM;
	const cJSON *m;

	if (!members)
		return e;
	cJSON_ArrayForEach(m, list)
	{
		const char *user = member_string(m, "user");

		if (user_ok(user) && count < max)
			members[count++] = (struct gnatter_member){user, member_string(m, "role"),
				member_number(m, "delivered"), member_number(m, "read")};
	}
	e = store_put_members(g->store, chat, members, count);
	free(members);
	return e;
}

/* An answer of chat.get. Of more members than a page holds nobody can say what all have read. */
static void take_members(struct gnatter *g, struct room *r, const char *json)
{
	cJSON *root = cJSON_Parse(json);
	bool more = member_true(root, "more");

	if (root && put_members(g, r->chat, cJSON_GetObjectItemCaseSensitive(root, "members")) ==
			    GNATTER_OK) {
		r->members = true;
		r->channel = r->channel || more;
		ticks_tell(g, r);
		if (g->o.callbacks.on_chat)
			g->o.callbacks.on_chat(g->o.ctx, g, r->chat);
	}
	cJSON_Delete(root);
}

static void on_members(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	struct room *r = ctx;
	bool again = r->members_again;

	r->members_asked = r->members_again = false;
	if (!*a->code)
		take_members(g, r, a->json);
	if (again && g->online)
		people_members(g, r);
}

static void compose_chat(struct buf *b, const char *chat)
{
	buf_str(b, "{\"chat\":");
	json_put_string(b, chat, strlen(chat));
	buf_str(b, "}");
}

void people_members(struct gnatter *g, struct room *r)
{
	struct buf b = {0};

	r->members_again = r->members_asked;
	if (r->members_asked || r->gone)
		return;
	compose_chat(&b, r->chat);
	buf_u8(&b, 0);
	r->members_asked = !b.failed && request_own(g, "chat.get", b.data, on_members, r);
	buf_free(&b);
}

void people_needed(struct gnatter *g, struct room *r)
{
	if (!r->channel && !r->members && g->online)
		people_members(g, r);
}

/* What an app asked for, of which we keep something before it is told. */
struct asked {
	gnatter_answer_fn *fn;
	void *ctx;
	char name[GNATTER_CHAT_SIZE];
};

static enum gnatter_error ask(struct gnatter *g, const char *method, struct buf *payload,
	gnatter_answer_fn *first, const struct asked *asked)
{
	struct asked *copy = malloc(sizeof(*copy));
	enum gnatter_error e;

	if (!copy) {
		buf_free(payload);
		return GNATTER_ENOMEM;
	}
	*copy = *asked;
	e = request_app(g, method, payload, first, copy);
	if (e != GNATTER_OK)
		free(copy);
	return e;
}

static void pass_on(struct gnatter *g, struct asked *asked, const struct gnatter_answer *a)
{
	if (asked->fn)
		asked->fn(asked->ctx, g, a);
	free(asked);
}

static void on_members_loaded(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	struct asked *asked = ctx;
	struct room *r = room_find(g, asked->name);

	if (!*a->code && r)
		take_members(g, r, a->json);
	pass_on(g, asked, a);
}

enum gnatter_error gnatter_members_load(
	struct gnatter *g, const char *chat, gnatter_answer_fn *done, void *ctx)
{
	struct asked asked = {.fn = done, .ctx = ctx};
	struct buf b = {0};

	if (!chat || name_chat_kind(chat, strlen(chat), NULL) == CHAT_NONE)
		return GNATTER_EINVAL;
	snprintf(asked.name, sizeof(asked.name), "%s", chat);
	compose_chat(&b, chat);
	return ask(g, "chat.get", &b, on_members_loaded, &asked);
}

/* --- contacts
 * ------------------------------------------------------------------------------------- */

/* What a user calls himself; "" if he does not show it. Where there is no word of presence, it
 * stays. */
void people_put_contact(struct gnatter *g, const cJSON *contact, bool is_contact)
{
	const char *user = member_string(contact, "user");
	struct gnatter_profile p = {.user = user,
		.alias = is_contact ? member_string(contact, "alias") : NULL,
		.name = member_string(contact, "name"),
		.about = member_string(contact, "about"),
		.avatar = member_string(contact, "avatar"),
		.contact = is_contact};

	if (!user_ok(user))
		return;
	read_presence(&p.presence, user, contact);
	store_put_profile(
		g->store, &p, cJSON_GetObjectItemCaseSensitive(contact, "online") != NULL);
}

static void on_user(void *ctx, struct gnatter *g, const struct gnatter_answer *a)
{
	cJSON *root = *a->code ? NULL : cJSON_Parse(a->json);

	if (root)
		people_put_contact(g, root, false);
	cJSON_Delete(root);
	pass_on(g, ctx, a);
}

enum gnatter_error gnatter_user_get(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	if (!user_ok(user))
		return GNATTER_EINVAL;
	buf_str(&b, "{\"user\":");
	json_put_string(&b, user, strlen(user));
	buf_str(&b, "}");
	return ask(g, "user.get", &b, on_user, &(struct asked){.fn = answer, .ctx = ctx});
}
