/* oauth.c
 *
 * Refusals: when the provider of the service refuses a token that should be good (401), it is
 * forgotten and asked for once. If the next one is refused too, tokens are not the trouble, and no
 * other is asked for until REFUSED_MS have gone by. `trouble` remembers that; any other answer ends
 * it. Answers to requests with an older token say nothing about the present one.
 */
#include "bridge/push/oauth.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bridge/push/endpoint.h"
#include "bridge/push/sign.h"
#include "wire/json.h"
#include "wire/keyfile.h"

#define FILE_MAX      16384
#define FIELD_MAX     512
#define TOKEN_MAX     4096
#define SECOND        ((int64_t)1000)
#define MINUTE        (60 * SECOND)
#define ASSERTION_S   3600 /* how long a JWT is good for: the most that Google takes */
#define LIFE_MAX_S    86400
#define MARGIN_MS     MINUTE       /* a token with less to live is not used, */
#define EARLY_MS      (5 * MINUTE) /* one with less is asked for anew; or with half of its life */
#define REFUSED_MS    (5 * MINUTE)
#define SKEW_MS       (5 * MINUTE) /* how far the clock may be set back under a token */
#define WAIT_FIRST_MS SECOND
#define WAIT_MAX_MS   (5 * MINUTE)

struct oauth {
	struct sign_key *key;
	char project[FIELD_MAX], key_id[FIELD_MAX], email[FIELD_MAX], uri[FIELD_MAX];
	const char *scope; /* static */

	struct buf token;
	uint32_t number; /* of the token; 0: there never was one */
	int64_t made_ms, ends_ms;
	bool used;    /* since it was made */
	bool trouble; /* it, or one before it, was refused and none accepted since */

	bool wanted, asking;
	unsigned failures; /* in a row */
	int64_t wait_until_ms;
	struct push_result last; /* of a failure */
};

static enum err refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_BAD_REQUEST;
}

/* A member that is there, of printable ASCII, into out. */
static bool read_field(char out[FIELD_MAX], const struct json_object *o, const char *name)
{
	struct bytes s = {"", 0};

	if (json_string(o, name, 1, FIELD_MAX - 1, &s) != ERR_OK || s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] > '~')
			return false;
	}
	memcpy(out, s.data, s.len);
	out[s.len] = '\0';
	return true;
}

/* What goes into a path must not end it. */
static bool is_project(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.:")] == '\0';
}

static enum err read_account(struct oauth *o, const struct json_object *file, const char **why)
{
	struct bytes pem = {"", 0}, type = {"", 0};
	struct endpoint e;

	json_string(file, "type", 1, 64, &type);
	if (!bytes_equal(type, "service_account", 15))
		return refuse(why, "this is no key file of a service account");
	if (!read_field(o->project, file, "project_id") || !is_project(o->project))
		return refuse(why, "the key file has no good project_id");
	if (!read_field(o->key_id, file, "private_key_id") ||
		!read_field(o->email, file, "client_email"))
		return refuse(why, "the key file lacks private_key_id or client_email");
	if (!read_field(o->uri, file, "token_uri") ||
		!endpoint_parse(&e, o->uri, strlen(o->uri), why) ||
		(!e.https && !endpoint_is_loopback(&e)))
		return refuse(why, "the key file has no good token_uri");
	if (json_string(file, "private_key", 1, FILE_MAX, &pem) != ERR_OK || pem.len == 0)
		return refuse(why, "the key file has no private_key");
	return sign_key_read(&o->key, SIGN_RS256, pem.data, pem.len, why);
}

static enum err load(struct oauth *o, const char *path, const char **why)
{
	char text[FILE_MAX + 1];
	struct json_object file;
	size_t len;
	enum err e = keyfile_read(text, sizeof(text), &len, path, S_IRWXO, why);

	if (e == ERR_OK) {
		e = json_parse(&file, text, len);
		if (e == ERR_OK) {
			e = read_account(o, &file, why);
			json_finish(&file);
		} else if (e != ERR_NOMEM) {
			e = refuse(why, "the key file is not JSON");
		}
	}
	sodium_memzero(text, sizeof(text));
	return e;
}

enum err oauth_create(struct oauth **out, const char *path, const char *scope, const char **why)
{
	struct oauth *o = calloc(1, sizeof(*o));
	enum err e;

	*out = NULL;
	*why = "";
	if (!o)
		return ERR_NOMEM;
	o->scope = scope;
	e = load(o, path, why);
	if (e != ERR_OK) {
		oauth_destroy(o);
		return e;
	}
	*out = o;
	return ERR_OK;
}

static void wipe(struct buf *b)
{
	if (b->data)
		sodium_memzero(b->data, b->cap);
	buf_free(b);
}

void oauth_destroy(struct oauth *o)
{
	if (!o)
		return;
	sign_key_destroy(o->key);
	wipe(&o->token);
	free(o);
}

const char *oauth_project(const struct oauth *o)
{
	return o->project;
}

/* Has it so much to live, or, if it never had twice as much, half of its life? */
static bool has_left(const struct oauth *o, int64_t now_ms, int64_t margin_ms)
{
	int64_t half = (o->ends_ms - o->made_ms) / 2;

	return now_ms < o->ends_ms - (half < margin_ms ? half : margin_ms);
}

static bool is_good(const struct oauth *o, int64_t now_ms)
{
	return o->token.len && now_ms >= o->made_ms - SKEW_MS && has_left(o, now_ms, MARGIN_MS);
}

struct bytes oauth_token(struct oauth *o, int64_t now_ms, uint32_t *number)
{
	if (!is_good(o, now_ms)) {
		o->wanted = true;
		*number = 0;
		return (struct bytes){"", 0};
	}
	o->used = true;
	*number = o->number;
	return (struct bytes){o->token.data, o->token.len};
}

/* What is left of a wait; nothing of one that a clock set back makes longer than it was. */
static int64_t wait_of(const struct oauth *o, int64_t now_ms)
{
	int64_t wait = o->wait_until_ms - now_ms;

	return wait > o->last.retry_after_ms ? 0 : wait;
}

bool oauth_due(const struct oauth *o, int64_t now_ms)
{
	if (o->asking || (o->failures && wait_of(o, now_ms) > 0))
		return false;
	if (!is_good(o, now_ms))
		return o->wanted;
	return o->used && !has_left(o, now_ms, EARLY_MS);
}

bool oauth_waiting(const struct oauth *o, int64_t now_ms, struct push_result *result)
{
	if (o->asking || !o->failures || wait_of(o, now_ms) <= 0)
		return false;
	*result = o->last;
	result->retry_after_ms = wait_of(o, now_ms);
	return true;
}

/* After a failure: wait twice as long as before, or as long as the provider says. */
static void fail(struct oauth *o, int64_t now_ms, const struct push_result *result)
{
	int64_t wait = WAIT_FIRST_MS;

	for (unsigned i = 0; i < o->failures && wait < WAIT_MAX_MS; i++)
		wait *= 2;
	if (result->verdict == PUSH_ALERT || wait > WAIT_MAX_MS)
		wait = WAIT_MAX_MS;
	if (wait < result->retry_after_ms)
		wait = result->retry_after_ms;
	o->failures += o->failures < 16;
	o->last = *result;
	o->last.retry_after_ms = wait;
	o->wait_until_ms = now_ms + wait;
}

/* RFC 7523, 3: who asks, for what, of whom, and until when. */
static enum err put_assertion(struct buf *out, const struct oauth *o, int64_t now_ms)
{
	const long long now = now_ms / 1000;
	struct buf header = {0}, claims = {0};
	enum err e = ERR_NOMEM;

	buf_str(&header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":");
	json_put_string(&header, o->key_id, strlen(o->key_id));
	buf_u8(&header, '}');
	buf_str(&claims, "{\"iss\":");
	json_put_string(&claims, o->email, strlen(o->email));
	buf_printf(&claims, ",\"scope\":\"%s\",\"aud\":", o->scope);
	json_put_string(&claims, o->uri, strlen(o->uri));
	buf_printf(&claims, ",\"iat\":%lld,\"exp\":%lld}", now, now + ASSERTION_S);
	if (!header.failed && !claims.failed)
		e = sign_jwt(out, o->key, (struct bytes){header.data, header.len},
			(struct bytes){claims.data, claims.len});
	buf_free(&header);
	buf_free(&claims);
	return e;
}

enum err oauth_request(struct oauth *o, int64_t now_ms, struct http_request *out)
{
	enum err e;

	buf_str(&out->url, o->uri);
	buf_str(&out->headers, "Content-Type: application/x-www-form-urlencoded\n");
	buf_str(&out->body,
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
	e = put_assertion(&out->body, o, now_ms);
	if (e == ERR_OK && (out->url.failed || out->headers.failed || out->body.failed))
		e = ERR_NOMEM;
	if (e == ERR_OK) {
		o->asking = true;
	} else {
		struct push_result result;

		push_result_set(&result, PUSH_RETRY, "the request for a token cannot be signed");
		fail(o, now_ms, &result);
	}
	return e;
}

/* May it stand in a header? */
static bool is_token(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] > '~')
			return false;
	}
	return s.len > 0;
}

/* Take the token out of the answer (RFC 6749, 5.1). */
static bool take(struct oauth *o, const struct json_object *answer, int64_t now_ms)
{
	struct bytes token = {"", 0};
	int64_t life_s = 3600;

	if (json_string(answer, "access_token", 1, TOKEN_MAX, &token) != ERR_OK ||
		!is_token(token) || json_int(answer, "expires_in", 1, INT64_MAX, &life_s) != ERR_OK)
		return false;
	buf_reset(&o->token);
	buf_put(&o->token, token.data, token.len);
	if (o->token.failed) {
		buf_reset(&o->token);
		return false;
	}
	o->number = o->number == UINT32_MAX ? 1 : o->number + 1;
	o->made_ms = now_ms;
	o->ends_ms = now_ms + (life_s > LIFE_MAX_S ? LIFE_MAX_S : life_s) * 1000;
	o->used = o->wanted = false;
	o->failures = 0;
	return true;
}

/* The error of RFC 6749, 5.2, if it is a word. */
static void describe(
	struct push_result *result, const struct http_response *r, const struct json_object *answer)
{
	struct bytes word = {"", 0};

	json_string(answer, "error", 1, 64, &word);
	if (push_result_word_ok(word.data))
		push_result_fault(result, PUSH_ALERT,
			"the service account is refused: %s (status %d)", word.data, r->status);
}

void oauth_response(
	struct oauth *o, const struct http_response *r, int64_t now_ms, struct push_result *result)
{
	struct json_object answer;
	bool parsed = r->status && json_parse(&answer, r->body.data, r->body.len) == ERR_OK;

	o->asking = false;
	if (!push_result_common(result, r)) {
		push_result_fault(result, PUSH_ALERT, "the service account is refused (status %d)",
			r->status);
		if (parsed)
			describe(result, r, &answer);
	} else if (result->verdict == PUSH_DELIVERED && !(parsed && take(o, &answer, now_ms))) {
		push_result_fault(result, PUSH_RETRY, "the answer holds no access token");
	} else if (result->verdict == PUSH_DROP) {
		push_result_fault(result, PUSH_ALERT, "token_uri is refused by the guard");
	}
	if (parsed)
		json_finish(&answer);
	if (result->verdict != PUSH_DELIVERED)
		fail(o, now_ms, result);
}

bool oauth_refused(struct oauth *o, uint32_t number, int64_t now_ms)
{
	const int64_t age = now_ms - o->made_ms;

	if (number != o->number || !o->token.len)
		return true;
	if (o->trouble && age >= 0 && age < REFUSED_MS)
		return false;
	o->trouble = true;
	buf_reset(&o->token);
	return true;
}

void oauth_accepted(struct oauth *o, uint32_t number)
{
	if (number == o->number)
		o->trouble = false;
}
