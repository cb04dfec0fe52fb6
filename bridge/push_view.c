/* push_view.c — see push_view.h. */
#include "bridge/push_view.h"

#include "bridge/engine/message.h"
#include "bridge/push/prefs.h"
#include "bridge/push_clock.h"
#include "persist/visible.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING      ((struct bytes){NULL, 0})
#define LOOK_MAX     1024 /* messages looked past at a time for one that counts */
#define COLLAPSE_RAW 15   /* bytes; 20 characters of base64url */

void push_view_free(struct push_view *v)
{
	buf_free(&v->data);
	buf_free(&v->title);
	buf_free(&v->text);
	buf_free(&v->from);
	buf_free(&v->type);
}

static struct bytes bytes_of(const struct buf *b)
{
	return (struct bytes){b->data, b->len};
}

static void set(struct buf *b, struct bytes s)
{
	buf_reset(b);
	buf_put(b, s.data, s.len);
}

/* --- the message
 * ---------------------------------------------------------------------------------- */

struct newest {
	struct push_view *out;
	struct push_look *look;
	const struct push_whose *whose;
	uint64_t after;  /* seq: what is not above it was read */
	uint64_t before; /* n: what is not above it was told, or read */
	uint64_t edit;   /* seq of the newest edit of what was found; 0: none */
	size_t left;
	bool mentions; /* nothing but what mentions him */
	bool found;
	uint64_t reached; /* seq: what is above it was looked past, and there is more; 0: is not */
	enum err err;
};

/* The text as a person reads it, cut to what a note may have. */
static void take_text(struct push_view *out, const struct json_object *o)
{
	struct bytes text = NOTHING;

	buf_reset(&out->text);
	if (json_string(o, "text", 0, SIZE_MAX, &text) != ERR_OK || text.len == 0)
		return;
	if (text.len > PUSH_TEXT_MAX) {
		text.len = PUSH_TEXT_MAX;
		while (text.len > 0 && ((unsigned char)text.data[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	buf_put(&out->text, text.data, text.len);
}

static void take_number(const struct json_object *o, const char *name, uint64_t *out)
{
	int64_t v = 0;

	json_int(o, name, 0, INT64_MAX, &v);
	*out = (uint64_t)v;
}

static enum err take_message(struct newest *s, const struct json_object *o)
{
	struct push_view *out = s->out;
	struct bytes from = NOTHING, type = NOTHING;

	if (json_string(o, "from", 1, NAME_USER_MAX, &from) != ERR_OK ||
		json_string(o, "type", 1, 64, &type) != ERR_OK || from.len == 0)
		return ERR_CORRUPT;
	set(&out->from, from);
	set(&out->type, type);
	take_text(out, o);
	take_number(o, "seq", &out->note.seq);
	take_number(o, "n", &out->note.n);
	take_number(o, "ts", &out->note.ts_ms);
	return ERR_OK;
}

/* Does a person count messages of that type? Those that the chat's n counts. */
static bool counts(struct bytes type)
{
	static const char *const others[] = {"deleted", "edit", "delete", "reaction", "system"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (bytes_equal(type, others[i], strlen(others[i])))
			return false;
	return type.len > 0;
}

/* What is stored was JSON when it was stored. */
static enum err parse(struct json_object *o, struct bytes message)
{
	enum err err = json_parse(o, message.data, message.len);

	return err == ERR_OK || err == ERR_NOMEM ? err : ERR_CORRUPT;
}

/* Can it be told at once that it is none of those looked for? Its type stands before all that may
 * be long (message.c). What is damaged cannot be passed over. */
static bool is_passed_over(const struct newest *s, struct bytes message)
{
	const char *at = message.data, *end = at + message.len;
	struct bytes name, value;

	if (s->mentions && !memchr(message.data, '@', message.len))
		return true;
	while (json_peek_next(&at, end, &name, &value))
		if (bytes_equal(name, "type", 4) && value.len > 2)
			return !counts((struct bytes){value.data + 1, value.len - 2});
	return false;
}

static enum err judge_message(struct newest *s, struct bytes message)
{
	struct bytes type = NOTHING;
	struct json_object o;
	enum err err = parse(&o, message);

	if (err != ERR_OK)
		return err;
	json_string(&o, "type", 1, 64, &type);
	if (counts(type)) {
		err = take_message(s, &o);
		s->edit = message_edited(message);
		if (err == ERR_OK)
			err = push_look_mentions(s->look, s->whose->chat, s->whose->user, message,
				&s->out->note.mention);
		s->found = err == ERR_OK && (!s->mentions || s->out->note.mention);
	}
	json_finish(&o);
	return err;
}

static bool on_message(void *ctx, struct bytes key, struct bytes value)
{
	struct newest *s = ctx;
	uint64_t seq = key_message_seq(key);

	if (seq <= s->after || json_peek_u64(value.data, value.len, "n") <= s->before)
		return false;
	if (s->left-- == 0) {
		s->reached = seq;
		return false;
	}
	if (!is_passed_over(s, value))
		s->err = judge_message(s, value);
	return s->err == ERR_OK && !s->found;
}

static enum err take_edit(struct newest *s)
{
	struct key k = key_message(s->whose->chat, s->edit);
	struct json_object o;
	struct bytes v;
	enum err err = store_get(s->look->src.store, NULL, key_bytes(&k), &v);

	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = parse(&o, v);
	if (err == ERR_OK) {
		take_text(s->out, &o);
		json_finish(&o);
	}
	free((void *)(uintptr_t)v.data);
	return err;
}

/* The newest message up to `from` that is not read and not deleted. */
static enum err find_message(struct newest *s, uint64_t from)
{
	struct key prefix = key_messages(s->whose->chat);
	struct key start = key_message(s->whose->chat, from);
	enum err err = store_each(s->look->src.store, NULL, key_bytes(&prefix), key_bytes(&start),
		true, on_message, s);

	if (err == ERR_OK)
		err = s->err;
	if (err == ERR_OK && s->found && s->edit > 0)
		err = take_edit(s);
	return err;
}

/* --- numbers and names
 * ---------------------------------------------------------------------------- */

struct badge {
	struct push_look *look;
	struct bytes user;
	uint64_t sum;
	enum err err;
};

static uint64_t unread_of(const struct chat_state *s, const struct mark *m)
{
	return s->n > m->read_n ? s->n - m->read_n : 0;
}

static bool on_chat(void *ctx, struct bytes key, struct bytes value)
{
	struct badge *b = ctx;
	struct bytes chat = key_last_name(key);
	struct chat_state s;
	struct mark m;

	(void)value;
	b->err = query_state(&b->look->q, chat, &s);
	if (b->err == ERR_OK)
		b->err = query_mark(&b->look->q, chat, b->user, &m);
	if (b->err == ERR_OK)
		b->sum += unread_of(&s, &m);
	return b->err == ERR_OK;
}

static enum err count_badge(struct push_look *look, struct bytes user, struct push_badge *out)
{
	struct badge b = {.look = look, .user = user};
	struct key prefix = key_lists(user);
	enum err err;

	out->len = 0;
	out->version = store_version(look->src.store);
	err = directory_each(
		look->src.reader, TABLE_LISTS, key_bytes(&prefix), NOTHING, on_chat, &b);
	if (err == ERR_OK)
		err = b.err;
	if (err != ERR_OK || user.len > sizeof(out->user))
		return err == ERR_OK ? ERR_CORRUPT : err;
	memcpy(out->user, user.data, user.len);
	out->len = user.len;
	out->sum = b.sum;
	return ERR_OK;
}

/* Counted anew unless it was for the same user, and nothing has happened since. */
static enum err take_badge(struct push_view *out, struct push_look *look, struct bytes user)
{
	struct push_badge *b = &out->badge;
	bool known = b->len > 0 && bytes_equal(user, b->user, b->len) &&
		     b->version == store_version(look->src.store);
	enum err err = known ? ERR_OK : count_badge(look, user, b);

	out->note.badge = b->sum;
	return err;
}

/* What the other one calls himself, if the user may see it. */
static enum err name_by_profile(struct push_look *look, struct bytes user, struct bytes other,
	const struct user *account, struct buf *out)
{
	struct viewer viewer = {.user = user};
	bool may = false;
	struct user u;
	enum err err = query_user(&look->q, user, &u);

	viewer.created = err == ERR_OK ? u.created : 0;
	if (err == ERR_OK)
		err = visible(look->src.reader, other, account, PRIVACY_PROFILE, &viewer, &may);
	if (may && account->name.len > 0)
		set(out, account->name);
	return err;
}

/* Of a one-to-one chat: what the user calls the other one, else what that one calls himself. */
static enum err name_other(
	struct push_look *look, struct bytes user, struct bytes other, struct buf *out)
{
	struct key k = key_contact(user, other);
	struct contact contact = {0};
	struct bytes v;
	struct user u;
	enum err err = query_user(&look->q, other, &u);

	set(out, other);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = directory_get(look->src.reader, TABLE_CONTACTS, key_bytes(&k), &v);
	if (err == ERR_OK)
		err = contact_decode(&contact, v);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (contact.name.len == 0 || contact.since < u.created) /* of who had this name before */
		return name_by_profile(look, user, other, &u, out);
	set(out, contact.name);
	return ERR_OK;
}

static enum err take_title(
	struct push_view *out, struct push_look *look, const struct push_whose *whose)
{
	struct bytes other = name_pair_other(whose->chat, whose->user);
	struct chat c;
	enum err err;

	buf_reset(&out->title);
	if (other.len > 0)
		return name_other(look, whose->user, other, &out->title);
	err = query_chat(&look->q, whose->chat, &c);
	if (err == ERR_OK)
		set(&out->title, c.title.len > 0 ? c.title : whose->chat);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The same for the same user and chat, for ever, and telling neither: names can be guessed, so that
 * a hash without a key would tell them to whoever tries some. */
static void take_collapse(
	struct push_view *out, const struct push_look *look, const struct push_whose *whose)
{
	unsigned char raw[crypto_generichash_BYTES_MIN];
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, look->key, sizeof(look->key), sizeof(raw));
	crypto_generichash_update(&hash, (const unsigned char *)whose->user.data, whose->user.len);
	crypto_generichash_update(&hash, (const unsigned char *)"", 1);
	crypto_generichash_update(&hash, (const unsigned char *)whose->chat.data, whose->chat.len);
	crypto_generichash_final(&hash, raw, sizeof(raw));
	sodium_bin2base64(out->collapse, sizeof(out->collapse), raw, COLLAPSE_RAW,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	out->note.collapse = (struct bytes){out->collapse, strlen(out->collapse)};
}

/* --- is it needed?
 * -------------------------------------------------------------------------------- */

struct judged {
	struct push_prefs prefs;
	struct chat_state state;
	struct mark mark;
	struct mute mute;
	uint64_t quiet; /* until when, by the wall clock; 0: no quiet hours now */
	bool mentions;  /* nothing but what mentions him, and something does */
};

static enum err not_needed(struct push_view *out, enum push_need *need, const char *why)
{
	*need = PUSH_NOT_NEEDED;
	out->why = why;
	return ERR_OK;
}

static enum err take_registration(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, enum push_need *need)
{
	struct push_registration r;
	struct push_prefs prefs;
	struct user u;
	enum err err = push_look_registration(look, whose->user, whose->device, &r, &out->data);

	if (err == ERR_NOT_FOUND)
		return not_needed(out, need, "the device is not registered any more");
	if (err == ERR_OK)
		err = push_look_prefs(look, whose->user, &prefs);
	if (err == ERR_OK) {
		err = query_user(&look->q, whose->user, &u);
		if (err == ERR_NOT_FOUND || (err == ERR_OK && u.disabled))
			return not_needed(out, need, "the account is gone or disabled");
	}
	if (err != ERR_OK)
		return err;
	out->registration = (struct registration){.kind = (enum push_kind_id)r.kind,
		.set_ms = (int64_t)r.set_ms,
		.preview =
			r.preview == PREVIEW_ON || (r.preview == PREVIEW_AS_USER && !prefs.hidden),
		.data = r.data};
	return ERR_OK;
}

/* What is older than the connection was there to be fetched with it. What is newer was sent over
 * it, and has arrived if it has not ended for so long that a dead one would have been found out. */
static enum err judge_connection(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, uint64_t now_ms, const struct judged *j,
	enum push_need *need)
{
	uint64_t hold = (uint64_t)look->src.conf->push_hold_ms, since;
	enum err err = push_look_connected(look, whose->user, whose->device, &since);

	if (err != ERR_OK || since == 0)
		return err;
	if (since > j->state.ts || j->state.ts + hold <= now_ms)
		return not_needed(out, need, "the device is connected");
	*need = PUSH_HOLD;
	out->later = (j->state.ts < now_ms ? j->state.ts : now_ms) + hold;
	return ERR_OK;
}

/* What can make it needless without a look at any message. */
static enum err judge_chat(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, const struct push_waiting *waiting, uint64_t now_ms,
	struct judged *j, enum push_need *need)
{
	struct member m;
	enum err err = query_member(&look->q, whose->chat, whose->user, &m);

	if (err == ERR_NOT_FOUND)
		return not_needed(out, need, "the user is no member any more");
	if (err == ERR_OK)
		err = query_state(&look->q, whose->chat, &j->state);
	if (err == ERR_OK)
		err = query_mark(&look->q, whose->chat, whose->user, &j->mark);
	if (err == ERR_OK && unread_of(&j->state, &j->mark) == 0)
		return not_needed(out, need, "it was read");
	if (err == ERR_OK)
		err = push_look_mute(look, whose->user, whose->chat, now_ms, &j->mute);
	if (err == ERR_OK && j->mute.until > 0 &&
		(!j->mute.mentions || waiting->mention <= j->mark.read))
		return not_needed(out, need, "the chat is muted");
	return err == ERR_OK ? judge_connection(out, look, whose, now_ms, j, need) : err;
}

/* In quiet hours a mention goes before what waits until they are over. */
static enum err judge_hours(struct push_look *look, const struct push_whose *whose,
	const struct push_waiting *waiting, uint64_t wall_ms, struct judged *j)
{
	enum err err = push_look_prefs(look, whose->user, &j->prefs);

	j->quiet = push_prefs_quiet_until(&j->prefs, wall_ms);
	j->mentions = j->mute.until > 0 ||
		      (j->quiet > 0 && j->prefs.mentions && waiting->mention > j->mark.read);
	return err;
}

/* n up to which nothing is to be told any more. */
static uint64_t told_n(const struct push_waiting *waiting, const struct mark *mark)
{
	return mark->read_n > waiting->before ? mark->read_n : waiting->before;
}

static enum err search(struct newest *s, const struct push_waiting *waiting, const struct judged *j)
{
	s->after = j->mark.read;
	s->before = told_n(waiting, &j->mark);
	s->left = LOOK_MAX;
	s->mentions = j->mentions;
	return find_message(s, j->mentions ? waiting->mention : j->state.visible);
}

/* There is so much that was deleted, or is none that counts, that it is not looked past all of it:
 * that something is there can be told all the same. */
static void take_unnamed(struct push_view *out, const struct judged *j)
{
	buf_reset(&out->from);
	buf_reset(&out->type);
	buf_reset(&out->text);
	out->note.seq = j->state.visible;
	out->note.n = j->state.n;
	out->note.ts_ms = j->state.ts;
	out->note.mention = false;
}

static enum err take_newest(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, const struct push_waiting *waiting, struct judged *j,
	enum push_need *need)
{
	struct newest s = {.out = out, .look = look, .whose = whose};
	enum err err = search(&s, waiting, j);

	if (err == ERR_OK && s.reached > 0 && j->mentions) {
		*need = PUSH_LOOK_ON;
		out->mention = s.reached;
		return ERR_OK;
	}
	if (err == ERR_OK && !s.found && j->mentions && j->mute.until == 0) {
		j->mentions = false; /* it is deleted; the others wait, as it is quiet */
		err = search(&s, waiting, j);
	}
	if (err != ERR_OK)
		return err;
	if (s.reached > 0)
		take_unnamed(out, j);
	else if (!s.found)
		return not_needed(out, need, "what it was about is deleted");
	else if (bytes_equal(bytes_of(&out->from), whose->user.data, whose->user.len))
		return not_needed(out, need, "it is the user's own");
	return ERR_OK;
}

static void judge_quiet(struct push_view *out, const struct judged *j, uint64_t wall_ms,
	uint64_t now_ms, enum push_need *need)
{
	if (j->quiet == 0 || (j->prefs.mentions && out->note.mention))
		return;
	*need = PUSH_NOT_NOW;
	out->later = now_ms + (j->quiet - wall_ms);
}

static enum err fill(struct push_view *out, struct push_look *look, const struct push_whose *whose,
	const struct push_waiting *waiting, const struct judged *j)
{
	struct push_note *n = &out->note;
	uint64_t told = told_n(waiting, &j->mark);
	enum err err = take_title(out, look, whose);

	if (err == ERR_OK)
		err = take_badge(out, look, whose->user);
	take_collapse(out, look, whose);
	n->user = whose->user;
	n->device = whose->device;
	n->chat = whose->chat;
	n->preview = out->registration.preview;
	n->from = bytes_of(&out->from);
	n->type = bytes_of(&out->type);
	n->title = bytes_of(&out->title);
	n->text = bytes_of(&out->text);
	out->chat_n = j->mentions ? n->n : j->state.n;
	n->unread = unread_of(&j->state, &j->mark);
	n->count = out->chat_n > told ? out->chat_n - told : 1;
	n->urgent = true;
	if (err == ERR_OK &&
		(out->text.failed || out->title.failed || out->from.failed || out->type.failed))
		err = ERR_NOMEM;
	return err;
}

enum err push_view_make(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, const struct push_waiting *waiting, uint64_t now_ms,
	uint64_t wall_ms, enum push_need *need)
{
	struct judged j = {0};
	enum err err;

	*need = PUSH_NEEDED;
	out->note = (struct push_note){0};
	err = take_registration(out, look, whose, need);
	if (err == ERR_OK && *need == PUSH_NEEDED)
		err = judge_chat(out, look, whose, waiting, now_ms, &j, need);
	if (err == ERR_OK && *need == PUSH_NEEDED)
		err = judge_hours(look, whose, waiting, wall_ms, &j);
	if (err == ERR_OK && *need == PUSH_NEEDED)
		err = take_newest(out, look, whose, waiting, &j, need);
	if (err == ERR_OK && *need == PUSH_NEEDED)
		judge_quiet(out, &j, wall_ms, now_ms, need);
	if (err == ERR_OK && *need == PUSH_NEEDED)
		err = fill(out, look, whose, waiting, &j);
	out->note.expires_ms = (int64_t)wall_ms + look->src.conf->push_ttl_ms -
			       (int64_t)push_clock_age(now_ms, wall_ms, out->note.ts_ms);
	return err;
}

enum err push_view_trial(struct push_view *out, struct push_look *look,
	const struct push_whose *whose, uint64_t wall_ms, enum push_need *need)
{
	struct push_note *n = &out->note;
	enum err err;

	*need = PUSH_NEEDED;
	*n = (struct push_note){0};
	err = take_registration(out, look, whose, need);
	if (err != ERR_OK || *need != PUSH_NEEDED)
		return err;
	err = take_badge(out, look, whose->user);
	set(&out->from, (struct bytes){"gnatter", 7});
	set(&out->type, (struct bytes){"test", 4});
	set(&out->title, (struct bytes){"Gnatter", 7});
	set(&out->text, (struct bytes){"A push to try this device", 25});
	take_collapse(out, look, whose);
	n->user = whose->user;
	n->device = whose->device;
	n->preview = out->registration.preview;
	n->from = bytes_of(&out->from);
	n->type = bytes_of(&out->type);
	n->title = bytes_of(&out->title);
	n->text = bytes_of(&out->text);
	n->ts_ms = wall_ms;
	n->urgent = true;
	n->expires_ms = (int64_t)wall_ms + 3600000;
	return err;
}
