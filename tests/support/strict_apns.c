/* strict_apns.c — Apple's push service (developer.apple.com, "Sending notification requests to
 * APNs", "Establishing a token-based connection to APNs"), as far as it refuses.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/json.h"
#include "tests/support/pushing.h"
#include "tests/support/strict_internal.h"

#define PAYLOAD_MAX  4096
#define COLLAPSE_MAX 64
#define TOKEN_MAX    1024

struct strict_apns {
	struct strict s;
	struct jose_key *key;
	const char *path; /* with what is below */
	char token[TOKEN_MAX];
	bool ended; /* that token */
	unsigned tokens;
};

static const char *judge_claims(const struct jose *j)
{
	const char *kid = json_str(j->header, "kid"), *iss = json_str(j->claims, "iss");
	int64_t now = case_wall_ms() / 1000, iat = json_num(j->claims, "iat");

	if (!kid || strcmp(kid, "ABCDE12345") != 0 || !iss || strcmp(iss, "TEAM123456") != 0)
		return "InvalidProviderToken";
	if (iat <= now - 3600)
		return "ExpiredProviderToken";
	return iat > now + 60 ? "InvalidProviderToken" : NULL;
}

/* Under the lock. The first token, or one for another that had ended, is taken as the one that is
 * used from now on. */
static const char *judge_change(struct strict_apns *s, struct bytes token)
{
	if (bytes_equal(token, s->token, strlen(s->token)))
		return s->ended ? "ExpiredProviderToken" : NULL;
	if (token.len >= TOKEN_MAX)
		return "InvalidProviderToken";
	if (s->tokens > 0 && !s->ended)
		return "TooManyProviderTokenUpdates";
	memcpy(s->token, token.data, token.len);
	s->token[token.len] = '\0';
	s->tokens++;
	s->ended = false;
	return NULL;
}

static const char *judge_token(struct strict_apns *s, const struct recorded *q)
{
	struct bytes token = strict_after(recorded_value(q, "authorization"), "bearer ");
	const char *wrong;
	struct jose j;

	if (!token.data)
		return "MissingProviderToken";
	if (!jose_open(&j, token, s->key, &wrong))
		return "InvalidProviderToken";
	wrong = judge_claims(&j);
	jose_free(&j);
	return wrong ? wrong : judge_change(s, token);
}

/* 32 bytes in hexadecimal digits. */
static bool is_device(const char *target, const char *path)
{
	const char *device = target + strlen(path);

	return strlen(device) == 64 && strspn(device, "0123456789abcdefABCDEF") == 64;
}

static const char *judge_headers(const struct recorded *q)
{
	struct bytes topic = recorded_value(q, "apns-topic"),
		     type = recorded_value(q, "apns-push-type"),
		     collapse = recorded_value(q, "apns-collapse-id");

	if (topic.len == 0)
		return "MissingTopic";
	if (!is_one_of(topic, PUSHING_APNS_TOPIC))
		return "TopicDisallowed";
	if (!is_one_of(type, "alert background voip complication fileprovider mdm location"))
		return "InvalidPushType";
	if (!is_one_of(recorded_value(q, "apns-priority"),
		    is_one_of(type, "background") ? "5" : "10 5 1"))
		return "BadPriority";
	if (!is_digits(recorded_value(q, "apns-expiration")))
		return "BadExpirationDate";
	if (collapse.len == 0 || collapse.len > COLLAPSE_MAX)
		return "BadCollapseId";
	return NULL;
}

static const char *judge_payload(const struct recorded *q)
{
	cJSON *payload = cJSON_ParseWithLength(q->body.data, q->body.len);
	const char *wrong = NULL;

	if (q->body.len == 0)
		wrong = "PayloadEmpty";
	else if (q->body.len > PAYLOAD_MAX)
		wrong = "PayloadTooLarge";
	else if (!cJSON_IsObject(json_at(payload, "aps")))
		wrong = "BadPayload"; /* Apple has no word for it */
	cJSON_Delete(payload);
	return wrong;
}

static const char *judge(struct strict_apns *s, const struct recorded *q)
{
	const char *wrong;

	if (!is_one_of(recorded_value(q, "X-Protocol"), "HTTP/2.0"))
		return "BadProtocol"; /* it would not even be answered */
	if (strcmp(q->method, "POST") != 0)
		return "MethodNotAllowed";
	if (!is_device(q->target, s->path))
		return "BadDeviceToken";
	wrong = judge_token(s, q);
	if (!wrong)
		wrong = judge_headers(q);
	return wrong ? wrong : judge_payload(q);
}

static int status_of(const char *reason)
{
	static const struct {
		const char *reasons;
		int status;
	} rows[] = {
		{"MissingProviderToken InvalidProviderToken ExpiredProviderToken", 403},
		{"MethodNotAllowed", 405},
		{"PayloadTooLarge", 413},
		{"TooManyProviderTokenUpdates", 429},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (is_one_of((struct bytes){reason, strlen(reason)}, rows[i].reasons))
			return rows[i].status;
	}
	return 400;
}

static void on_request(void *ctx, const struct recorded *q, struct answer *a)
{
	struct strict_apns *s = ctx;
	const char *wrong;

	pthread_mutex_lock(&s->s.lock);
	wrong = judge(s, q);
	if (wrong && s->ended && strcmp(wrong, "ExpiredProviderToken") == 0)
		strict_answer(a, 403, "{\"reason\":\"%s\"}", wrong); /* no complaint: tokens end */
	else if (wrong)
		strict_refuse(&s->s, a, status_of(wrong), wrong, "{\"reason\":\"%s\"}", wrong);
	pthread_mutex_unlock(&s->s.lock);
}

struct strict_apns *strict_apns_start(struct recorder *r, const char *below)
{
	struct jose_key *key = strict_key(pushing_p256_pem());
	const char *path = case_printf("%s%s", below, STRICT_APNS_PATH);
	struct strict_apns *s = strict_create(sizeof(*s), r);

	s->key = key;
	s->path = path;
	recorder_answer_by(r, path, on_request, s);
	return s;
}

void strict_apns_expire(struct strict_apns *s)
{
	pthread_mutex_lock(&s->s.lock);
	s->ended = true;
	pthread_mutex_unlock(&s->s.lock);
}

unsigned strict_apns_tokens(struct strict_apns *s)
{
	unsigned tokens;

	pthread_mutex_lock(&s->s.lock);
	tokens = s->tokens;
	pthread_mutex_unlock(&s->s.lock);
	return tokens;
}
