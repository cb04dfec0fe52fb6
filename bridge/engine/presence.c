/* presence.c — who is connected, and what devices say of themselves.
 *
 * The engine only writes down what happened: which connections there are, when a user was seen
 * last. When and what others are told of it takes a clock, and is bridge/presence.h: a hint goes
 * there with each change. A crash loses hints, so what may have to be told stands in the store:
 * key_shown() of every user whose presence/<user> may say something else than offline, and
 * device.shown likewise.
 */
#include "bridge/engine/internal.h"

#include "bridge/engine/answer.h"

#include <stdio.h>
#include <string.h>

#define NOTHING ((struct bytes){NULL, 0})

static bool is_named(struct bytes client)
{
	return client.len > 0 && memchr(client.data, ':', client.len) != NULL;
}

static void put_value(struct engine *e, const struct key *k, const struct buf *v)
{
	if (v->failed)
		e->out->failed = true;
	else
		batch_put(e->batch, TABLE_STORE, key_bytes(k), (struct bytes){v->data, v->len});
}

static void put_seen(struct engine *e, struct bytes user, uint64_t ts)
{
	struct key k = key_seen(user);

	buf_reset(&e->scratch);
	seen_encode(&e->scratch, &(struct seen){.last_seen = ts});
	put_value(e, &k, &e->scratch);
}

static enum err put_shown(struct engine *e, struct bytes user)
{
	struct key k = key_shown(user);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v);

	if (err == ERR_NOT_FOUND) {
		batch_put(e->batch, TABLE_STORE, key_bytes(&k), (struct bytes){"", 0});
		err = ERR_OK;
	}
	return err;
}

static enum err find_session(struct engine *e, struct bytes user, struct bytes client, bool *found)
{
	struct key k = key_session(user, client);
	struct bytes v;
	enum err err =
		k.len > 0 ? batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v) : ERR_NOT_FOUND;

	*found = err == ERR_OK;
	return absent_is(err, ERR_OK);
}

/* A device record whose strings stay when the batch is read on. */
struct kept_device {
	struct device d;
	char text[STATE_TEXT_MAX], name[DEVICE_NAME_MAX], kind[DEVICE_KIND_MAX];
};

static struct bytes keep(char *to, struct bytes from)
{
	memcpy(to, from.data, from.len);
	return (struct bytes){to, from.len};
}

static enum err load_device(
	struct engine *e, struct bytes user, struct bytes device, struct kept_device *k)
{
	enum err err = state_device(e, user, device, &k->d);

	if (err != ERR_OK)
		return err;
	k->d.text = keep(k->text, k->d.text);
	k->d.name = keep(k->name, k->d.name);
	k->d.kind = keep(k->kind, k->d.kind);
	return ERR_OK;
}

/* --- come and go
 * ------------------------------------------------------------------------------------ */

static enum err came(struct engine *e, const struct record *r)
{
	struct key k = key_session(r->user, r->client);
	struct key end = key_sessions_end(r->user);
	struct user u;
	enum err err = k.len > 0 ? state_user(e, r->user, &u) : ERR_NOT_FOUND;

	if (err != ERR_OK)
		return absent_is(err, ERR_OK); /* the account went meanwhile, or is none */
	buf_reset(&e->scratch);
	session_encode(&e->scratch,
		&(struct session){
			.since = r->ts, .device = r->device, .ephemeral = !is_named(r->client)});
	put_value(e, &k, &e->scratch);
	batch_put(e->batch, TABLE_STORE, key_bytes(&end), (struct bytes){"", 0});
	err = put_shown(e, r->user);
	if (err == ERR_OK && is_named(r->client))
		err = device_came(e, r);
	outbox_hint(e->out, HINT_CAME, r->user, NOTHING, r->ts);
	return err;
}

/* A script's client id may look like the name of a device. */
static enum err device_went(
	struct engine *e, struct bytes user, struct bytes device, bool ephemeral, uint64_t ts)
{
	struct kept_device k;
	enum err err = load_device(e, user, device, &k);

	if (err != ERR_OK || k.d.ephemeral != ephemeral)
		return absent_is(err, ERR_OK);
	k.d.last_seen = ts;
	k.d.state = STATE_OFFLINE;
	k.d.text = NOTHING;
	put_device(e, user, device, &k.d);
	return ERR_OK;
}

static enum err end_session(
	struct engine *e, struct bytes user, struct bytes client, struct bytes device, uint64_t ts)
{
	struct key k = key_session(user, client);
	bool found;
	enum err err = find_session(e, user, client, &found);

	if (err != ERR_OK || !found)
		return err;
	batch_delete(e->batch, TABLE_STORE, key_bytes(&k));
	put_seen(e, user, ts);
	return device_went(e, user, device, !is_named(client), ts);
}

static enum err went(struct engine *e, const struct record *r)
{
	enum err err = end_session(e, r->user, r->client, r->device, r->ts);

	outbox_hint(e->out, HINT_WENT, r->user, NOTHING, r->ts);
	return err;
}

/* Keys and values of a range, kept so that the batch may be written while they are walked. */
struct rows {
	struct buf text; /* bytes16 key, bytes16 value, each */
};

static bool keep_row(void *ctx, struct bytes key, struct bytes value)
{
	struct rows *rows = ctx;

	buf_bytes16(&rows->text, key.data, key.len);
	buf_bytes16(&rows->text, value.data, value.len);
	return !rows->text.failed;
}

static enum err load_rows(struct engine *e, struct key prefix, struct rows *out)
{
	enum err err;

	*out = (struct rows){0};
	err = batch_each(e->batch, TABLE_STORE, key_bytes(&prefix), NOTHING, keep_row, out);
	if (err == ERR_OK && out->text.failed)
		err = ERR_NOMEM;
	if (err != ERR_OK)
		buf_free(&out->text);
	return err;
}

/* The next row; false at the end. */
static bool next_row(struct reader *rd, struct bytes *key, struct bytes *value)
{
	if (rd->at == rd->end)
		return false;
	*key = read_bytes16(rd);
	*value = read_bytes16(rd);
	return !rd->failed;
}

/* When the broker before this one was alive last. If that is not known, now is close enough. */
static uint64_t ended_at(const struct record *r)
{
	struct reader rd = reader_of(r->payload.data, r->payload.len);
	uint64_t ended = read_u64(&rd);

	return rd.failed || ended == 0 || ended > r->ts ? r->ts : ended;
}

/* Nobody is connected: the broker is new. */
static enum err all_went(struct engine *e, const struct record *r)
{
	uint64_t ended = ended_at(r);
	struct key sweep = key_meta("sweep"); /* until everybody was told: bridge/presence.h */
	struct key started = key_meta("started");
	struct rows rows;
	struct bytes key, value;
	struct reader rd;
	enum err err = load_rows(e, key_sessions_all(), &rows);

	if (err != ERR_OK)
		return err;
	rd = reader_of(rows.text.data, rows.text.len);
	while (err == ERR_OK && next_row(&rd, &key, &value)) {
		struct bytes user, client;
		struct session s;

		if (value.len == 0)
			continue; /* the end of one user's */
		key_names(key, &user, &client);
		err = session_decode(&s, value);
		if (err == ERR_OK)
			err = end_session(
				e, user, client, s.device, s.since > ended ? s.since : ended);
	}
	buf_free(&rows.text);
	put_number(e, &sweep, r->ts);
	put_number(e, &started, r->ts);
	outbox_hint(e->out, HINT_ALL, NOTHING, NOTHING, r->ts);
	return err;
}

/* --- what a device says
 * ----------------------------------------------------------------------------- */

struct saying {
	enum presence_state state;
	char text[STATE_TEXT_MAX];
	size_t text_len;
	bool clears; /* an empty payload: the broker forgets what it retained */
};

static bool is(struct bytes b, const char *word)
{
	return bytes_equal(b, word, strlen(word));
}

static const char *const words[STATE_COUNT] = {
	[STATE_OFFLINE] = "offline",
	[STATE_ONLINE] = "online",
	[STATE_AWAY] = "away",
	[STATE_BUSY] = "busy",
};

static enum presence_state state_of(struct bytes word)
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (is(word, words[i]))
			return (enum presence_state)i;
	return STATE_COUNT;
}

/* A bare word, or {"state":…,"text":…}. */
static enum err read_saying(struct saying *s, struct bytes payload, const char **why)
{
	struct bytes state = BYTES("online"), text = {0};
	struct json_object o;
	enum err err;

	*s = (struct saying){.state = STATE_ONLINE, .clears = payload.len == 0};
	if (payload.len == 0)
		return ERR_OK;
	*why = "say online, offline, away, busy, or {\"state\":…,\"text\":…} with one of them and "
	       "at most "
	       "128 bytes of text";
	if (payload.data[0] != '{') {
		s->state = state_of(payload);
		return s->state == STATE_COUNT ? ERR_BAD_REQUEST : ERR_OK;
	}
	err = json_parse(&o, payload.data, payload.len);
	if (err != ERR_OK) {
		*why = NULL;
		return err;
	}
	err = json_string(&o, "state", 1, 16, &state);
	if (err == ERR_OK)
		err = json_string(&o, "text", 0, STATE_TEXT_MAX, &text);
	s->state = state_of(state);
	if (err == ERR_OK && s->state == STATE_COUNT)
		err = ERR_BAD_REQUEST;
	if (err == ERR_OK && text.len > 0) {
		memcpy(s->text, text.data, text.len);
		s->text_len = text.len;
	}
	json_finish(&o);
	return err;
}

/* What the device said last, in its own form. */
static void publish_word(struct engine *e, const struct record *r, const struct device *d)
{
	struct bytes word = {words[d->state], strlen(words[d->state])};
	char topic[sizeof("presence//") + NAME_USER_MAX + NAME_DEVICE_MAX];
	struct buf *b = &e->answer;

	buf_reset(b);
	if (d->text.len > 0) {
		answer_string(b, "state", word);
		answer_string(b, "text", d->text);
		buf_str(b, "}");
		if (!b->failed)
			b->data[0] = '{'; /* in the place of the first comma */
		word = (struct bytes){b->data, b->len};
	}
	snprintf(topic, sizeof(topic), "presence/%.*s/%.*s", (int)r->user.len, r->user.data,
		(int)r->device.len, r->device.data);
	outbox_publish(e->out, topic, 1, true, word);
	if (b->failed)
		e->out->failed = true;
}

/* What was refused is what the broker retains now: put what counts back in its place. */
static enum err say_again(struct engine *e, const struct record *r)
{
	struct kept_device k;
	enum err err = load_device(e, r->user, r->device, &k);

	if (err == ERR_OK && k.d.speaks)
		publish_word(e, r, &k.d);
	else if (err == ERR_OK)
		device_unsay(e, r->user, r->device);
	return absent_is(err, ERR_OK);
}

static enum err says(struct engine *e, const struct record *r)
{
	struct kept_device k = {.d = {.first = r->ts, .last_seen = r->ts}};
	struct saying s;
	const char *why = NULL;
	bool connected;
	enum err err = find_session(e, r->user, r->client, &connected);

	if (err != ERR_OK || !connected)
		return err; /* its end is told already, with all that comes with it */
	err = read_saying(&s, r->payload, &why);
	if (err != ERR_OK && refusal_is_fatal(err))
		return err;
	if (err != ERR_OK) {
		refuse(e, r, err, why, NOTHING);
		return say_again(e, r);
	}
	err = load_device(e, r->user, r->device, &k);
	if (err == ERR_OK && k.d.ephemeral == is_named(r->client))
		return ERR_OK; /* a script that is called like a device, or the other way round */
	if (err == ERR_NOT_FOUND && is_named(r->client)) {
		if (!s.clears) /* removed, and about to be closed */
			device_unsay(e, r->user, r->device);
		return ERR_OK;
	}
	err = absent_is(err, ERR_OK);
	k.d.shown = s.state != STATE_OFFLINE && !s.clears;
	k.d.speaks = !s.clears;
	k.d.ephemeral = !is_named(r->client);
	k.d.state = s.state;
	k.d.state_ts = r->ts;
	k.d.text = (struct bytes){s.text, s.text_len};
	put_device(e, r->user, r->device, &k.d);
	outbox_hint(e->out, HINT_SAID, r->user, NOTHING, r->ts);
	return err;
}

enum err presence_apply(struct engine *e, const struct record *r)
{
	switch (r->type) {
	case RECORD_CONNECT:
		return came(e, r);
	case RECORD_DISCONNECT:
		return went(e, r);
	case RECORD_PRESENCE:
		return says(e, r);
	default:
		return all_went(e, r);
	}
}

enum err presence_tell(struct engine *e, const struct record *r, struct bytes user, enum hint hint)
{
	outbox_hint(e->out, hint, user, NOTHING, r->ts);
	return put_shown(e, user);
}

/* --- an account that goes
 * --------------------------------------------------------------------------- */

static void publish(struct engine *e, const char *space, struct bytes user, const char *below,
	struct bytes payload)
{
	char topic[sizeof("presence//") + NAME_USER_MAX + NAME_DEVICE_MAX];

	snprintf(topic, sizeof(topic), "%s/%.*s%s", space, (int)user.len, user.data, below);
	outbox_publish(e->out, topic, 1, true, payload);
}

/* Delete the rows; of devices, what the broker retains, too. */
static enum err forget_rows(struct engine *e, struct key prefix, struct bytes user)
{
	struct rows rows;
	struct bytes key, value;
	struct reader rd;
	enum err err = load_rows(e, prefix, &rows);

	if (err != ERR_OK)
		return err;
	rd = reader_of(rows.text.data, rows.text.len);
	while (err == ERR_OK && next_row(&rd, &key, &value)) {
		struct bytes owner, name;
		struct device d;
		char below[NAME_DEVICE_MAX + 2];

		key_names(key, &owner, &name);
		if (prefix.data[0] == 'v') {
			err = device_decode(&d, value);
			snprintf(below, sizeof(below), "/%.*s", (int)name.len, name.data);
			if (err == ERR_OK && d.speaks)
				publish(e, "presence", user, below, NOTHING);
		}
		batch_delete(e->batch, TABLE_STORE, key);
	}
	buf_free(&rows.text);
	return err;
}

enum err presence_forget(
	struct engine *e, const struct record *r, struct bytes user, const struct user *u)
{
	struct key seen = key_seen(user), shown = key_shown(user);
	enum err err = u->disabled ? ERR_OK : hide_all(e, r, user, u);

	if (err == ERR_OK)
		err = forget_rows(e, key_sessions(user), user);
	if (err == ERR_OK)
		err = forget_rows(e, key_devices(user), user);
	batch_delete(e->batch, TABLE_STORE, key_bytes(&seen));
	batch_delete(e->batch, TABLE_STORE, key_bytes(&shown));
	if (err == ERR_OK)
		err = story_forget(e, user);
	publish(e, "presence", user, "", NOTHING);
	publish(e, "user", user, "/status", NOTHING);
	outbox_hint(e->out, HINT_AGAIN, user, NOTHING, r->ts);
	return err;
}
