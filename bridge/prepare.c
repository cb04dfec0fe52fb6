/* prepare.c — see prepare.h. */
#include "bridge/prepare.h"

#include "wire/json.h"

#include <cjson/cJSON.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#define BUDGET_MAX_US 1000000
#define SECOND_US     1000000
#define PASSWORD_MAX  128

void prepare_finish(struct prepare *p)
{
	buf_free(&p->payload);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* FNV-1a: users that share a place only share its allowance. */
static size_t place_of(struct bytes user)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < user.len; i++)
		h = (h ^ (unsigned char)user.data[i]) * 0x100000001b3u;
	return h % PREPARE_USERS;
}

/* PREPARE_BURST hashes a user at once and then one a second; a fifth of the time for all users
 * together. */
static bool may_hash(struct prepare *p, struct bytes user, int64_t now)
{
	int64_t *free_at = &p->free_at_us[place_of(user)];
	int64_t earned = p->refilled_us ? (now - p->refilled_us) / 5 : BUDGET_MAX_US;

	p->refilled_us = now;
	p->budget_us += earned;
	if (p->budget_us > BUDGET_MAX_US)
		p->budget_us = BUDGET_MAX_US;
	if (p->budget_us <= 0 || *free_at > now + (PREPARE_BURST - 1) * SECOND_US)
		return false;
	*free_at = (*free_at > now ? *free_at : now) + SECOND_US;
	return true;
}

/* What only an admin may ask is not worth a hash from others: the engine refuses it. */
static bool carries_password(const struct record *r)
{
	return r->type == RECORD_API &&
	       (bytes_equal(r->target, "password.set", 12) ||
		       (bytes_equal(r->target, "user.add", 8) && r->role == ROLE_ADMIN));
}

/* Copy the object, leaving out the two members that are made anew. */
static void copy_without(struct buf *b, const struct json_object *o, bool keep_hash)
{
	const struct json_member *password = json_get(o, "password");
	const struct json_member *hash = json_get(o, "hash");
	bool first = true;

	buf_str(b, "{");
	for (size_t i = 0; i < o->count; i++) {
		const struct json_member *m = &o->members[i];

		if (m == password || (m == hash && !keep_hash))
			continue;
		if (!first)
			buf_str(b, ",");
		first = false;
		json_put_string(b, m->value->string, strlen(m->value->string));
		buf_str(b, ":");
		buf_put(b, m->raw.data, m->raw.len);
	}
}

static enum err hash_into(struct buf *b, struct bytes password, const struct conf *conf)
{
	char hash[crypto_pwhash_STRBYTES];

	if (crypto_pwhash_str_alg(hash, password.data, password.len,
		    (unsigned long long)conf->password_passes, (size_t)conf->password_memory,
		    crypto_pwhash_ALG_ARGON2ID13) != 0)
		return ERR_BUSY; /* it asks for much memory at once */
	buf_str(b, b->data[b->len - 1] == '{' ? "\"hash\":\"" : ",\"hash\":\"");
	buf_str(b, hash);
	buf_str(b, "\"");
	return ERR_OK;
}

static enum err rewrite(
	struct prepare *p, struct record *r, const struct json_object *o, const struct conf *conf)
{
	bool admin = r->role == ROLE_ADMIN;
	struct bytes password = {NULL, 0};
	int64_t start = now_us();
	enum err err = json_string(o, "password", 1, PASSWORD_MAX, &password);

	if (err != ERR_OK)
		return err;
	if (password.len > 0 && !admin && !may_hash(p, r->user, start))
		return ERR_RATE_LIMITED;
	buf_reset(&p->payload);
	copy_without(&p->payload, o, admin && password.len == 0);
	if (password.len > 0 && !p->payload.failed)
		err = hash_into(&p->payload, password, conf);
	buf_str(&p->payload, "}");
	if (password.len > 0 && !admin)
		p->budget_us -= now_us() - start;
	if (p->payload.failed)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		r->payload = (struct bytes){p->payload.data, p->payload.len};
	return err;
}

enum err prepare_record(struct prepare *p, struct record *r, const struct conf *conf)
{
	struct json_object o;
	enum err err;

	if (!carries_password(r) || r->payload.len == 0)
		return ERR_OK;
	if (json_parse(&o, r->payload.data, r->payload.len) != ERR_OK)
		return ERR_OK; /* the engine says what is wrong with it */
	err = rewrite(p, r, &o, conf);
	json_finish(&o);
	return err;
}
