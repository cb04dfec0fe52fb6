/* strict_fcm.c — Google's token endpoint (RFC 7523; developers.google.com, "Using OAuth 2.0 for
 * Server to Server Applications") and FCM HTTP v1 (firebase.google.com, REST reference of
 * projects.messages), as far as they refuse.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "tests/support/case.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/strict_internal.h"

#define SCOPE       "https://www.googleapis.com/auth/firebase.messaging"
#define GRANT       "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define TOKEN       "ya29.strict-"
#define TOKENS_MAX  64
#define MESSAGE_MAX 4096
#define TTL_MAX_S   2419200

struct strict_fcm {
	struct strict s;
	struct jose_key *key;
	const char *token_uri;
	int life_s;
	unsigned given, revoked; /* tokens 1 to given; 1 to revoked are refused */
	int64_t end_ms[TOKENS_MAX];
};

/* --- the token endpoint -------------------------------------------------------------------- */

/* A member of a form, decoded, into out. Its length, or -1 if it is not there. */
static ssize_t form_member(char *out, size_t size, struct bytes form, const char *name)
{
	const char *at = form.data, *end = at + form.len;
	size_t n = 0, name_len = strlen(name);
	unsigned byte;

	while (at < end && !(strncmp(at, name, name_len) == 0 && at[name_len] == '=')) {
		at += strcspn(at, "&");
		at += *at == '&';
	}
	if (at >= end)
		return -1;
	for (at += name_len + 1; *at && *at != '&' && n + 1 < size; at++) {
		if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1)
			at += 2;
		else
			byte = *at == '+' ? ' ' : (unsigned char)*at;
		out[n++] = (char)byte;
	}
	out[n] = '\0';
	return (ssize_t)n;
}

static bool is_text(const cJSON *j, const char *path, const char *want)
{
	const char *is = json_str(j, path);

	return is && strcmp(is, want) == 0;
}

/* What is wrong with the claims; NULL: nothing. */
static const char *judge_claims(const struct strict_fcm *f, const struct jose *j)
{
	int64_t now = case_wall_ms() / 1000, iat = json_num(j->claims, "iat"),
		exp = json_num(j->claims, "exp");

	if (!is_text(j->header, "kid", "0123456789abcdef"))
		return "kid is not the key's id";
	if (!is_text(j->claims, "iss", "push@gnatter-test.example"))
		return "iss is not the service account";
	if (!is_text(j->claims, "scope", SCOPE))
		return "the scope is another";
	if (!is_text(j->claims, "aud", f->token_uri))
		return "aud is not token_uri";
	if (iat < now - 60 || iat > now + 60)
		return "iat is not now";
	if (exp <= now || exp - iat > 3600)
		return "exp is over, or more than an hour after iat";
	return NULL;
}

static const char *judge_assertion(const struct strict_fcm *f, const struct recorded *q)
{
	char text[4096];
	ssize_t len = form_member(text, sizeof(text), q->body, "grant_type");
	struct jose j;
	const char *wrong;

	if (strcmp(q->method, "POST") != 0 ||
		!is_one_of(recorded_value(q, "Content-Type"), "application/x-www-form-urlencoded"))
		return "the request for a token is no posted form";
	if (len < 0 || strcmp(text, GRANT) != 0)
		return "grant_type is another";
	len = form_member(text, sizeof(text), q->body, "assertion");
	if (len < 0)
		return "there is no assertion";
	if (!jose_open(&j, (struct bytes){text, (size_t)len}, f->key, &wrong))
		return wrong;
	wrong = judge_claims(f, &j);
	jose_free(&j);
	return wrong;
}

static void on_token(void *ctx, const struct recorded *q, struct answer *a)
{
	struct strict_fcm *f = ctx;
	const char *wrong = judge_assertion(f, q);

	pthread_mutex_lock(&f->s.lock);
	if (!wrong && f->given == TOKENS_MAX)
		wrong = "tokens are asked for without end";
	if (wrong) {
		strict_refuse(&f->s, a, 400, wrong,
			"{\"error\":\"invalid_grant\",\"error_description\":\"%s\"}", wrong);
	} else {
		f->end_ms[f->given++] = case_now_ms() + f->life_s * INT64_C(1000);
		strict_answer(a, 200,
			"{\"access_token\":\"" TOKEN
			"%u\",\"expires_in\":%d,\"token_type\":\"Bearer\"}",
			f->given, f->life_s);
	}
	pthread_mutex_unlock(&f->s.lock);
}

/* --- messages ------------------------------------------------------------------------------ */

/* Under the lock. */
static bool is_authorized(struct strict_fcm *f, const struct recorded *q)
{
	struct bytes token = strict_after(recorded_value(q, "Authorization"), "Bearer " TOKEN);
	unsigned number = 0;

	for (size_t i = 0; is_digits(token) && i < token.len && number <= f->given; i++)
		number = number * 10 + (unsigned)(token.data[i] - '0');
	return number > f->revoked && number <= f->given && case_now_ms() < f->end_ms[number - 1];
}

static bool has_members_of(const cJSON *object, const char *list)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		if (!is_one_of((struct bytes){member->string, strlen(member->string)}, list))
			return false;
	}
	return true;
}

static bool are_strings(const cJSON *object)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		if (!cJSON_IsString(member))
			return false;
	}
	return true;
}

static bool is_reserved(const char *name)
{
	return strcmp(name, "from") == 0 || strcmp(name, "message_type") == 0 ||
	       strncmp(name, "google", 6) == 0 || strncmp(name, "gcm", 3) == 0;
}

/* The field that is wrong; NULL: none. */
static const char *judge_data(const cJSON *data)
{
	const cJSON *member;

	if (data && (!cJSON_IsObject(data) || !are_strings(data)))
		return "message.data";
	cJSON_ArrayForEach(member, data)
	{
		if (is_reserved(member->string))
			return "message.data (a reserved name)";
	}
	return NULL;
}

/* Seconds with an s behind, as a google.protobuf.Duration is written. */
static bool is_ttl(const char *s)
{
	unsigned seconds;
	int end = 0;

	return s && s[strspn(s, "0123456789")] == 's' && sscanf(s, "%us%n", &seconds, &end) == 1 &&
	       s[end] == '\0' && seconds <= TTL_MAX_S;
}

static const char *judge_android(const cJSON *android)
{
	const char *priority = json_str(android, "priority"), *ttl = json_str(android, "ttl");

	if (!has_members_of(android, "collapse_key priority ttl restricted_package_name data "
				     "notification fcm_options direct_boot_ok"))
		return "message.android";
	if (!priority || (strcmp(priority, "NORMAL") != 0 && strcmp(priority, "HIGH") != 0))
		return "message.android.priority";
	if (!is_ttl(ttl))
		return "message.android.ttl";
	if (!json_str(android, "collapse_key"))
		return "message.android.collapse_key";
	return NULL;
}

static const char *judge_others(const cJSON *message)
{
	const cJSON *apns = json_at(message, "apns.headers"),
		    *webpush = json_at(message, "webpush.headers");
	const char *topic = json_str(webpush, "Topic");

	if (apns && !are_strings(apns))
		return "message.apns.headers";
	if (webpush && (!are_strings(webpush) || (topic && strlen(topic) > 32)))
		return "message.webpush.headers";
	return NULL;
}

static const char *judge_message(const struct recorded *q, const cJSON *body)
{
	static const char *const targets[] = {"token", "fid", "topic", "condition"};
	const cJSON *message = json_at(body, "message");
	size_t count = 0, target_len = 0;
	const char *wrong;

	if (!has_members_of(body, "message validate_only") || !cJSON_IsObject(message))
		return "message";
	for (size_t i = 0; i < COUNT(targets); i++) {
		const char *target = json_str(message, targets[i]);

		count += json_has(message, targets[i]);
		target_len += target ? strlen(target) : 0;
	}
	if (count != 1 || target_len == 0)
		return "message.target (exactly one)";
	if (!has_members_of(message, "token fid data notification android webpush apns "
				     "fcm_options"))
		return "message.something";
	if (q->body.len - target_len > MESSAGE_MAX)
		return "message (too big)";
	if (!has_members_of(json_at(message, "notification"), "title body image"))
		return "message.notification";
	wrong = judge_data(json_at(message, "data"));
	if (!wrong)
		wrong = judge_android(json_at(message, "android"));
	return wrong ? wrong : judge_others(message);
}

static void on_message(void *ctx, const struct recorded *q, struct answer *a)
{
	struct strict_fcm *f = ctx;
	cJSON *body = cJSON_ParseWithLength(q->body.data, q->body.len);
	const char *wrong = judge_message(q, body);

	if (strcmp(q->method, "POST") != 0 ||
		!is_one_of(recorded_value(q, "Content-Type"), "application/json"))
		wrong = "the request";
	pthread_mutex_lock(&f->s.lock);
	if (!is_authorized(f, q)) /* no complaint: tokens end */
		strict_answer(a, 401,
			"{\"error\":{\"code\":401,\"message\":\"Request had invalid authentication "
			"credentials.\",\"status\":\"UNAUTHENTICATED\"}}");
	else if (wrong)
		strict_refuse(&f->s, a, 400, wrong,
			"{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"details\":[{"
			"\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
			"\"fieldViolations\":[{\"field\":\"%s\"}]}]}}",
			wrong);
	else
		strict_answer(
			a, 200, "{\"name\":\"projects/gnatter-test/messages/0:%u\"}", q->number);
	pthread_mutex_unlock(&f->s.lock);
	cJSON_Delete(body);
}

/* --- the test's side ----------------------------------------------------------------------- */

struct strict_fcm *strict_fcm_start(struct recorder *r, int life_s)
{
	struct jose_key *key = strict_key(pushing_rsa_pem());
	const char *token_uri = recorder_url(r, PUSHING_TOKEN_PATH);
	struct strict_fcm *f = strict_create(sizeof(*f), r);

	f->key = key;
	f->token_uri = token_uri;
	f->life_s = life_s;
	recorder_answer_by(r, PUSHING_TOKEN_PATH, on_token, f);
	recorder_answer_by(r, STRICT_FCM_PATH, on_message, f);
	return f;
}

void strict_fcm_revoke(struct strict_fcm *f, int life_s)
{
	pthread_mutex_lock(&f->s.lock);
	f->life_s = life_s;
	f->revoked = f->given;
	pthread_mutex_unlock(&f->s.lock);
}

unsigned strict_fcm_tokens(struct strict_fcm *f)
{
	unsigned given;

	pthread_mutex_lock(&f->s.lock);
	given = f->given;
	pthread_mutex_unlock(&f->s.lock);
	return given;
}
