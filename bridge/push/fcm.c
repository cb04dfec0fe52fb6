/* fcm.c — Firebase Cloud Messaging, HTTP v1.
 *
 *   POST <push_fcm_url>/v1/projects/<project>/messages:send
 *   {"message":{"token"|"fid":…,"data":{…},"notification":{…},"android":{…},"apns":{…},"webpush":{…}}}
 *
 * The message carries a notification, so that it is seen without the app's help, and data, for apps
 * that do better. Data are strings, and "from" is a name that FCM keeps for itself
 * (firebase.google.com/docs/reference/fcm/rest/v1/projects.messages).
 *
 * Answers (…/rest/v1/ErrorCode): what counts is the errorCode of the FcmError among the details of
 * the error, since 404 alone may also be a wrong project. An invalid token comes in two forms: a
 * BadRequest that names the field, or an FcmError with a message of its own.
 *
 * FCM takes 4096 bytes of notification and data; here all of the message but the token is counted,
 * which is a little more.
 */
#include <cjson/cJSON.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/push/kind_ops.h"
#include "bridge/push/oauth.h"
#include "bridge/push/payload.h"
#include "wire/json.h"

#define SCOPE         "https://www.googleapis.com/auth/firebase.messaging"
#define MESSAGE_MAX   4000
#define QUOTA_WAIT_MS 60000 /* quotas are filled again each minute */

struct fcm {
	char url[CONF_PATH_MAX];
	struct oauth *oauth;
};

static void destroy(void *self)
{
	struct fcm *f = self;

	oauth_destroy(f->oauth);
	free(f);
}

static enum err create(void **out, const struct conf *conf, char *why, size_t why_size)
{
	const char *wrong = "";
	struct fcm *f;
	enum err e;

	if (!*conf->push_fcm_account)
		return ERR_OK;
	e = push_conf_base("push_fcm_url", conf->push_fcm_url, why, why_size);
	if (e != ERR_OK)
		return e;
	f = calloc(1, sizeof(*f));
	if (!f)
		return ERR_NOMEM;
	memcpy(f->url, conf->push_fcm_url, sizeof(f->url));
	e = oauth_create(&f->oauth, conf->push_fcm_account, SCOPE, &wrong);
	if (e != ERR_OK) {
		destroy(f);
		return push_conf_wrong(
			why, why_size, e, "push_fcm_account %s: %s", conf->push_fcm_account, wrong);
	}
	*out = f;
	return ERR_OK;
}

static void put_string(struct buf *out, struct bytes s)
{
	json_put_string(out, s.data, s.len);
}

/* FCM knows no subtitle: who wrote goes before what. */
static void put_notification(struct buf *out, const struct push_note *view)
{
	const struct payload_alert a = payload_alert_of(view);
	struct buf body = {0};

	buf_str(out, "\"notification\":{");
	if (a.title.len) {
		buf_str(out, "\"title\":");
		put_string(out, a.title);
		buf_u8(out, ',');
	}
	buf_put(&body, a.subtitle.data, a.subtitle.len);
	if (a.subtitle.len)
		buf_str(&body, ": ");
	buf_put(&body, a.body.data, a.body.len);
	buf_str(out, "\"body\":");
	json_put_string(out, body.data, body.len);
	buf_u8(out, '}');
	out->failed = out->failed || body.failed;
	buf_free(&body);
}

/* For each platform: how urgent, how long it is kept, and what replaces what. */
static void put_platforms(struct buf *out, const struct push_note *view, int64_t now_ms)
{
	const long long ttl = payload_ttl_s(view, now_ms);
	const int key_len = (int)view->collapse.len;
	const char *key = view->collapse.data;
	const unsigned badge = (unsigned)view->badge;

	buf_printf(out,
		"\"android\":{\"priority\":\"%s\",\"ttl\":\"%llds\",\"collapse_key\":\"%.*s\","
		"\"notification\":{\"tag\":\"%.*s\",\"notification_count\":%u,"
		"\"default_sound\":true}}",
		view->urgent ? "HIGH" : "NORMAL", ttl, key_len, key, key_len, key, badge);
	buf_printf(out,
		",\"apns\":{\"headers\":{\"apns-priority\":\"%d\",\"apns-expiration\":\"%lld\","
		"\"apns-collapse-id\":\"%.*s\"},\"payload\":{\"aps\":{\"badge\":%u,"
		"\"sound\":\"default\",\"thread-id\":\"%.*s\",\"mutable-content\":1}}}",
		view->urgent ? 10 : 5, now_ms / 1000 + ttl, key_len, key, badge, key_len, key);
	buf_printf(out,
		",\"webpush\":{\"headers\":{\"TTL\":\"%lld\",\"Urgency\":\"%s\",\"Topic\":\"%.*s\"}"
		"}",
		ttl, view->urgent ? "high" : "normal", key_len, key);
}

static void write_message(struct buf *out, const struct push_note *view, const void *ctx)
{
	const struct push_order *o = ctx;
	const bool fid = o->target->fid.len > 0;

	buf_str(out, fid ? "{\"message\":{\"fid\":" : "{\"message\":{\"token\":");
	put_string(out, fid ? o->target->fid : o->target->token);
	buf_str(out, ",\"data\":{");
	payload_put_members(out, view, PAYLOAD_STRINGS);
	buf_str(out, "},");
	put_notification(out, view);
	buf_u8(out, ',');
	put_platforms(out, view, o->now_ms);
	buf_str(out, "}}");
}

static enum push_step prepare(
	void *self, const struct push_order *o, struct push_job *job, struct push_result *result)
{
	const size_t max = MESSAGE_MAX + o->target->token.len + o->target->fid.len;
	struct fcm *f = self;
	struct bytes token = oauth_token(f->oauth, o->now_ms, &job->attempt.token);

	if (!token.len && oauth_waiting(f->oauth, o->now_ms, result))
		return PUSH_END;
	if (!token.len)
		return PUSH_TOKEN;
	if (!payload_fit(&job->http.body, o->view, max, write_message, o))
		return push_end(result, PUSH_DROP, "too large for FCM");
	buf_printf(
		&job->http.url, "%s/v1/projects/%s/messages:send", f->url, oauth_project(f->oauth));
	buf_printf(&job->http.headers,
		"Content-Type: application/json\nAuthorization: Bearer %.*s\n", (int)token.len,
		token.data);
	return PUSH_SEND;
}

static void endpoint(const struct push_target *t, struct buf *out)
{
	(void)t;
	buf_str(out, "fcm");
}

/* --- answers --- */

/* What an error of the Google APIs says, as far as it matters. All "" if it does not. */
struct fault {
	const char *code;    /* of the FcmError */
	const char *status;  /* of the error itself */
	const char *message; /* for people */
	bool fields;         /* there is a BadRequest */
	bool token_field;    /* and it names the token */
};

static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(v) ? v->valuestring : "";
}

static bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), end_len = strlen(end);

	return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

static void read_fields(struct fault *out, const cJSON *detail)
{
	const cJSON *violation;

	out->fields = true;
	cJSON_ArrayForEach(violation, cJSON_GetObjectItemCaseSensitive(detail, "fieldViolations"))
	{
		const char *field = text_of(violation, "field");

		out->token_field = out->token_field || strcmp(field, "message.token") == 0 ||
				   strcmp(field, "message.fid") == 0;
	}
}

static struct fault fault_of(const struct json_object *answer)
{
	const struct json_member *m = json_get(answer, "error");
	struct fault out = {.code = "", .status = "", .message = ""};
	const cJSON *detail;

	if (!m)
		return out;
	out.status = text_of(m->value, "status");
	out.message = text_of(m->value, "message");
	cJSON_ArrayForEach(detail, cJSON_GetObjectItemCaseSensitive(m->value, "details"))
	{
		const char *type = text_of(detail, "@type");

		if (ends_with(type, "google.firebase.fcm.v1.FcmError"))
			out.code = text_of(detail, "errorCode");
		else if (ends_with(type, "google.rpc.BadRequest"))
			read_fields(&out, detail);
	}
	return out;
}

/* Does an INVALID_ARGUMENT mean the token, rather than something that we made? */
static bool is_token_fault(const struct fault *f)
{
	static const char sentence[] = "The registration token is not a valid FCM";

	return f->token_field ||
	       (!f->fields && strncmp(f->message, sentence, sizeof(sentence) - 1) == 0);
}

static const struct code {
	const char *name;
	enum push_verdict verdict;
	const char *reason;
} codes[] = {
	{"UNREGISTERED", PUSH_UNREGISTER, "FCM no longer knows the token"},
	{"SENDER_ID_MISMATCH", PUSH_UNREGISTER, "the token is one of another project"},
	{"THIRD_PARTY_AUTH_ERROR", PUSH_ALERT, "the project lacks a key for APNs or Web Push"},
};

/* What the error says by itself, whatever the status. */
static bool classify_fault(const struct fault *f, struct push_result *result)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (strcmp(f->code, codes[i].name) != 0)
			continue;
		push_result_set(result, codes[i].verdict, "%s (%s)", codes[i].reason, f->code);
		return true;
	}
	if (strcmp(f->code, "INVALID_ARGUMENT") != 0 && strcmp(f->status, "INVALID_ARGUMENT") != 0)
		return false;
	if (is_token_fault(f))
		push_result_set(result, PUSH_UNREGISTER, "the token is none (INVALID_ARGUMENT)");
	else
		push_result_set(result, PUSH_DROP, "FCM does not take it (INVALID_ARGUMENT)");
	return true;
}

static void classify_unauthorized(
	struct fcm *f, const struct push_attempt *a, int64_t now_ms, struct push_result *result)
{
	if (!oauth_refused(f->oauth, a->token, now_ms)) {
		push_result_fault(result, PUSH_ALERT, "the access token is refused (status 401)");
		return;
	}
	push_result_set(result, PUSH_RETRY, "the access token was renewed (status 401)");
	result->renew = true;
}

/* A status that tells nothing by itself, and no error that does: it is not the note's, and not the
 * token's, so it is the operator's. */
static void classify_rest(
	const struct http_response *r, const struct fault *f, struct push_result *result)
{
	if (r->status == 403 || r->status == 404)
		push_result_fault(result, PUSH_ALERT, "the project or its rights: %s (status %d)",
			push_result_word_ok(f->status) ? f->status : "refused", r->status);
	else
		push_result_set(result, PUSH_DROP, "%s (status %d)",
			push_result_word_ok(f->status) ? f->status : "refused", r->status);
}

static void classify_error(struct fcm *f, const struct push_attempt *a,
	const struct http_response *r, int64_t now_ms, struct push_result *result)
{
	struct fault fault = {.code = "", .status = "", .message = ""};
	struct json_object answer;
	bool parsed = r->status >= 400 && json_parse(&answer, r->body.data, r->body.len) == ERR_OK;

	if (parsed)
		fault = fault_of(&answer);
	if (!classify_fault(&fault, result)) {
		if (r->status == 401)
			classify_unauthorized(f, a, now_ms, result);
		else
			classify_rest(r, &fault, result);
	}
	if (parsed)
		json_finish(&answer);
}

static void classify(void *self, const struct push_attempt *a, const struct http_response *r,
	int64_t now_ms, struct push_result *result)
{
	struct fcm *f = self;

	if (r->status >= 200 && r->status < 500 && r->status != 401 && r->status != 429)
		oauth_accepted(f->oauth, a->token);
	if (!push_result_common(result, r))
		classify_error(f, a, r, now_ms, result);
	else if (result->verdict == PUSH_DROP)
		push_result_fault(result, PUSH_ALERT, "push_fcm_url is refused by the guard");
	else if (r->status == 429 && result->retry_after_ms < 0)
		result->retry_after_ms = QUOTA_WAIT_MS;
}

static bool token_due(const void *self, int64_t now_ms)
{
	return oauth_due(((const struct fcm *)self)->oauth, now_ms);
}

static enum err token_request(void *self, int64_t now_ms, struct http_request *out)
{
	return oauth_request(((struct fcm *)self)->oauth, now_ms, out);
}

static void token_response(
	void *self, const struct http_response *r, int64_t now_ms, struct push_result *result)
{
	oauth_response(((struct fcm *)self)->oauth, r, now_ms, result);
}

const struct push_ops push_fcm = {
	.create = create,
	.destroy = destroy,
	.prepare = prepare,
	.endpoint = endpoint,
	.classify = classify,
	.token_due = token_due,
	.token_request = token_request,
	.token_response = token_response,
};
