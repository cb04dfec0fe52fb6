/* profile.c — what a user says of himself, and to whom: profile.set, privacy.set, status.post.
 *
 * What is narrowed must also go from the screens of those who may see it no longer: hide.c. What is
 * widened is published once more.
 */
#include "bridge/engine/internal.h"
#include "persist/visible.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define NOTHING ((struct bytes){NULL, 0})

/* --- profile
 * ----------------------------------------------------------------------------------------- */

static enum err read_profile(struct request *q, struct user *u)
{
	const struct {
		const char *name, *why;
		size_t max;
		struct bytes *to;
	} rows[] = {
		{"name", "\"name\" must be a string of at most 128 bytes", DISPLAY_NAME_MAX,
			&u->name},
		{"about", "\"about\" must be a string of at most 512 bytes", ABOUT_BYTES_MAX,
			&u->about},
		{"avatar", "\"avatar\" must be a string of at most 256 bytes", AVATAR_BYTES_MAX,
			&u->avatar},
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (json_string(&q->json, rows[i].name, 0, rows[i].max, rows[i].to) != ERR_OK) {
			q->why = rows[i].why;
			return ERR_BAD_REQUEST;
		}
		any = any || request_has(q, rows[i].name);
	}
	if (any)
		return ERR_OK;
	q->why = "\"name\", \"about\" or \"avatar\" is missing";
	return ERR_BAD_REQUEST;
}

enum err method_profile_set(struct request *q)
{
	struct user u;
	enum err err = request_account(q, &u);

	if (err == ERR_OK)
		err = read_profile(q, &u);
	if (err != ERR_OK)
		return err;
	put_user(q->e, q->r->user, &u);
	event_own(q->e, q->r, "profile.set", NULL, NOTHING);
	return ERR_OK;
}

/* --- privacy
 * ----------------------------------------------------------------------------------------- */

static bool read_visibility(const struct request *q, const char *name, uint8_t *to)
{
	struct bytes s = {0};

	if (json_string(&q->json, name, 1, 16, &s) != ERR_OK)
		return false;
	for (uint8_t i = 0; s.data && i < VISIBLE_COUNT; i++) {
		if (bytes_equal(s, visibility_name(i), strlen(visibility_name(i)))) {
			*to = i;
			return true;
		}
	}
	return !s.data;
}

static enum err read_privacy(struct request *q, struct user *u)
{
	bool receipts = !u->receipts_hidden;

	for (int i = 0; i < PRIVACY_COUNT; i++) {
		if (!read_visibility(q, privacy_name((enum privacy)i), &u->privacy[i])) {
			q->why = "\"presence\", \"last_seen\", \"profile\" and \"status\" must be "
				 "\"everyone\", \"contacts\" or \"nobody\"";
			return ERR_BAD_REQUEST;
		}
	}
	if (json_bool(&q->json, "receipts", &receipts) != ERR_OK) {
		q->why = "\"receipts\" must be true or false";
		return ERR_BAD_REQUEST;
	}
	u->receipts_hidden = !receipts;
	return ERR_OK;
}

static void answer_privacy(struct request *q, const struct user *u)
{
	for (int i = 0; i < PRIVACY_COUNT; i++) {
		const char *v = visibility_name(u->privacy[i]);

		answer_string(
			q->answer, privacy_name((enum privacy)i), (struct bytes){v, strlen(v)});
	}
	answer_bool(q->answer, "receipts", !u->receipts_hidden);
}

/* 1: fewer may see it than before; -1: more. */
static int narrowed(const uint8_t *was, const uint8_t *now, enum privacy what)
{
	return (now[what] > was[what]) - (now[what] < was[what]);
}

static enum err show_privacy(struct request *q, const uint8_t *was, const uint8_t *now)
{
	struct bytes user = q->r->user;
	int presence = narrowed(was, now, PRIVACY_PRESENCE);
	int last_seen = narrowed(was, now, PRIVACY_LAST_SEEN);
	int status = narrowed(was, now, PRIVACY_STATUS);
	enum err err = ERR_OK;

	if (presence < 0 || last_seen < 0)
		err = presence_tell(q->e, q->r, user, HINT_AGAIN);
	else if (presence > 0 || last_seen > 0) /* with last_seen, or without, from now on */
		err = presence_tell(q->e, q->r, user, HINT_CAME);
	if (err == ERR_OK && presence > 0)
		err = hide(q->e, q->r, user, PRIVACY_PRESENCE, NOTHING,
			(enum visibility)was[PRIVACY_PRESENCE]);
	if (err == ERR_OK && status > 0)
		err = hide(q->e, q->r, user, PRIVACY_STATUS, NOTHING,
			(enum visibility)was[PRIVACY_STATUS]);
	return err == ERR_OK && status < 0 ? story_again(q->e, q->r, user) : err;
}

enum err method_privacy_set(struct request *q)
{
	uint8_t was[PRIVACY_COUNT];
	bool receipts_hidden;
	struct user u;
	enum err err = request_account(q, &u);

	if (err != ERR_OK)
		return err;
	memcpy(was, u.privacy, sizeof(was));
	receipts_hidden = u.receipts_hidden;
	err = read_privacy(q, &u);
	if (err != ERR_OK)
		return err;
	answer_privacy(q, &u);
	if (memcmp(was, u.privacy, sizeof(was)) == 0 && receipts_hidden == u.receipts_hidden)
		return ERR_OK;
	put_user(q->e, q->r->user, &u);
	event_own(q->e, q->r, "privacy.set", NULL, NOTHING);
	return show_privacy(q, was, u.privacy);
}

/* --- story
 * ------------------------------------------------------------------------------------------- */

static void publish_story(
	struct engine *e, struct bytes user, struct bytes payload, uint64_t rest_ms)
{
	char topic[sizeof("user//status") + NAME_USER_MAX];

	snprintf(topic, sizeof(topic), "user/%.*s/status", (int)user.len, user.data);
	if (payload.len == 0)
		outbox_publish(e->out, topic, 1, true, payload);
	else
		outbox_publish_for(e->out, topic, (uint32_t)((rest_ms + 999) / 1000), payload);
}

static enum err state_story(struct engine *e, struct bytes user, struct story *out)
{
	struct key k = key_story(user);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_STORE, key_bytes(&k), &v);

	return err == ERR_OK ? story_decode(out, v) : err;
}

enum err story_was_told(struct engine *e, struct bytes user, bool *yes)
{
	struct story s;
	enum err err = state_story(e, user, &s);

	*yes = err == ERR_OK;
	return absent_is(err, ERR_OK);
}

enum err story_again(struct engine *e, const struct record *r, struct bytes user)
{
	struct story s;
	enum err err = state_story(e, user, &s);

	if (err == ERR_OK && s.expires > r->ts)
		publish_story(e, user, s.payload, s.expires - r->ts);
	return absent_is(err, ERR_OK);
}

/* An empty story stays behind: a broker that starts anew may have kept the other one. */
enum err story_forget(struct engine *e, struct bytes user)
{
	struct key k = key_story(user);
	struct story s;
	enum err err = state_story(e, user, &s);

	if (err != ERR_OK)
		return absent_is(err, ERR_OK);
	buf_reset(&e->scratch);
	story_encode(&e->scratch, &(struct story){0});
	if (e->scratch.failed)
		return ERR_NOMEM;
	batch_put(e->batch, TABLE_STORE, key_bytes(&k),
		(struct bytes){e->scratch.data, e->scratch.len});
	return ERR_OK;
}

static enum err take_back(struct request *q)
{
	enum err err = story_forget(q->e, q->r->user);

	if (err == ERR_OK)
		publish_story(q->e, q->r->user, NOTHING, 0);
	return err;
}

/* What is told, as it was written. */
struct tale {
	struct bytes text, media, body;
};

static enum err read_text(struct request *q, struct bytes *text)
{
	const struct json_member *m = json_get(&q->json, "text");

	if (!request_has(q, "text"))
		return ERR_OK;
	if (cJSON_IsString(m->value) && m->value->valuestring[0]) {
		*text = m->raw;
		return ERR_OK;
	}
	q->why = "\"text\" must be a string that is not empty";
	return ERR_BAD_REQUEST;
}

static void put_raw(struct buf *b, const char *name, struct bytes raw)
{
	if (raw.len == 0)
		return;
	buf_str(b, name);
	buf_put(b, raw.data, raw.len);
}

static enum err post(struct request *q, const struct tale *t)
{
	struct engine *e = q->e;
	struct story s = {.expires = q->r->ts + (uint64_t)e->conf->status_ttl_ms};
	struct key k = key_story(q->r->user);
	struct buf *b = &e->message;

	buf_reset(b);
	buf_str(b, "{\"user\":");
	json_put_string(b, q->r->user.data, q->r->user.len);
	answer_u64(b, "ts", q->r->ts);
	answer_u64(b, "expires", s.expires);
	put_raw(b, ",\"text\":", t->text);
	put_raw(b, ",\"media\":", t->media);
	put_raw(b, ",\"body\":", t->body);
	buf_str(b, "}");
	if (b->len > STORY_BYTES_MAX) {
		q->why = "a story has at most 4096 bytes in all";
		return ERR_TOO_LARGE;
	}
	s.payload = (struct bytes){b->data, b->len};
	buf_reset(&e->scratch);
	story_encode(&e->scratch, &s);
	if (b->failed || e->scratch.failed)
		return ERR_NOMEM;
	batch_put(e->batch, TABLE_STORE, key_bytes(&k),
		(struct bytes){e->scratch.data, e->scratch.len});
	publish_story(e, q->r->user, s.payload, (uint64_t)e->conf->status_ttl_ms);
	answer_u64(q->answer, "expires", s.expires);
	return ERR_OK;
}

/* An empty list or object is nothing to be shown. */
static bool shows_something(const struct tale *t)
{
	return t->text.len > 0 || t->media.len > 2 || t->body.len > 2;
}

/* Nothing but what every request may have. */
static bool asks_for_nothing(const struct json_object *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->members[i].value->string, "re") != 0 &&
			strcmp(o->members[i].value->string, "method") != 0)
			return false;
	return true;
}

enum err method_status_post(struct request *q)
{
	struct tale t = {0};
	struct user self;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = read_text(q, &t.text);
	if (err == ERR_OK)
		err = message_media(&q->json, &t.media, &q->why);
	if (err == ERR_OK)
		err = message_body(&q->json, &t.body, &q->why);
	if (err != ERR_OK)
		return err;
	if (shows_something(&t))
		return post(q, &t);
	if (asks_for_nothing(&q->json))
		return take_back(q);
	q->why = "give \"text\", \"media\" or \"body\" with something in it, or nothing at all to "
		 "take "
		 "the story back";
	return ERR_BAD_REQUEST;
}
