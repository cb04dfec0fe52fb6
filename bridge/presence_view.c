/* presence_view.c — see presence_view.h. One iterator over the user's connections, and a get for
 * the device of each.
 */
#include "bridge/presence_view.h"

#include "bridge/engine/answer.h"
#include "persist/keys.h"

#include <stdlib.h>
#include <string.h>

struct merge {
	struct store *store;
	const struct store_snapshot *snap;
	struct bytes user;
	struct presence_view *out;
	uint64_t state_ts; /* of what is in *out */
	enum err err;
};

static void give_back(struct bytes v)
{
	free((void *)(uintptr_t)v.data);
}

/* online before busy before away. */
static int rank(enum presence_state s)
{
	static const int ranks[STATE_COUNT] = {
		[STATE_OFFLINE] = 0, [STATE_AWAY] = 1, [STATE_BUSY] = 2, [STATE_ONLINE] = 3};

	return ranks[s];
}

/* A connection that counts, in that state since then. */
static void count(struct merge *m, enum presence_state state, uint64_t ts, struct bytes text)
{
	struct presence_view *v = m->out;

	v->devices++;
	if (rank(state) < rank(v->state) || (state == v->state && ts <= m->state_ts))
		return;
	v->state = state;
	m->state_ts = ts;
	memcpy(v->text, text.data, text.len);
	v->text[text.len] = '\0';
}

/* A connection of a device with a name: it is as it says of itself. */
static enum err count_device(struct merge *m, struct bytes device)
{
	struct key k = key_device(m->user, device);
	struct bytes value;
	struct device d;
	enum err err = store_get(m->store, m->snap, key_bytes(&k), &value);

	if (err == ERR_NOT_FOUND)
		count(m, STATE_ONLINE, 0, (struct bytes){"", 0});
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = device_decode(&d, value);
	if (err == ERR_OK && d.state != STATE_OFFLINE)
		count(m, d.state, d.state_ts, d.text);
	give_back(value);
	return err;
}

static bool merge_session(void *ctx, struct bytes key, struct bytes value)
{
	struct merge *m = ctx;
	struct session s;

	(void)key;
	if (value.len == 0)
		return true; /* their end */
	m->err = session_decode(&s, value);
	if (m->err != ERR_OK)
		return false;
	m->out->connections++;
	if (s.since > m->out->last_seen)
		m->out->last_seen = s.since;
	if (s.ephemeral)
		count(m, STATE_ONLINE, 0, (struct bytes){"", 0});
	else
		m->err = count_device(m, s.device);
	return m->err == ERR_OK;
}

static enum err read_last_seen(const struct merge *m, uint64_t *out)
{
	struct key k = key_seen(m->user);
	struct bytes value;
	struct seen s;
	enum err err = store_get(m->store, m->snap, key_bytes(&k), &value);

	*out = 0;
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = seen_decode(&s, value);
	give_back(value);
	if (err == ERR_OK)
		*out = s.last_seen;
	return err;
}

enum err presence_view(struct store *s, const struct store_snapshot *snap, struct bytes user,
	struct presence_view *out)
{
	struct merge m = {.store = s, .snap = snap, .user = user, .out = out};
	struct key prefix = key_sessions(user);
	enum err err;

	*out = (struct presence_view){0};
	err = read_last_seen(&m, &out->last_seen);
	if (err == ERR_OK)
		err = store_each(s, snap, key_bytes(&prefix), (struct bytes){NULL, 0}, false,
			merge_session, &m);
	if (err == ERR_OK)
		err = m.err;
	if (err != ERR_OK)
		*out = (struct presence_view){0};
	return err;
}

const char *presence_state_name(enum presence_state state)
{
	static const char *const names[STATE_COUNT] = {[STATE_OFFLINE] = "offline",
		[STATE_ONLINE] = "online",
		[STATE_AWAY] = "away",
		[STATE_BUSY] = "busy"};

	return names[state];
}

void presence_write_members(struct buf *b, const struct presence_view *v)
{
	const char *state = presence_state_name(v->state);

	answer_bool(b, "online", v->devices > 0);
	answer_u64(b, "devices", v->devices);
	if (v->devices > 0 && v->state != STATE_ONLINE)
		answer_string(b, "state", (struct bytes){state, strlen(state)});
	if (v->text[0] != '\0')
		answer_string(b, "text", (struct bytes){v->text, strlen(v->text)});
}

void presence_write(struct buf *b, const struct presence_view *v, bool last_seen, uint64_t ts)
{
	size_t start = b->len;

	presence_write_members(b, v);
	if (last_seen && v->last_seen > 0)
		answer_u64(b, "last_seen", v->last_seen);
	answer_u64(b, "ts", ts);
	buf_str(b, "}");
	if (!b->failed)
		b->data[start] = '{'; /* in the place of the first comma */
}
