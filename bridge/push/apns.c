/* apns.c — Apple's push service.
 *
 *   POST <push_apns_url>/3/device/<token>     over HTTP/2
 *   {"aps":{"alert":{…},"badge":…,"sound":"default","thread-id":…,"mutable-content":1},"gnatter":{…}}
 *
 * "gnatter" holds what payload.h tells but title and text, which stand in the alert. Without
 * preview the alert says "New message" and no more: a badge alone would go unseen. With
 * mutable-content an app's extension may say it better.
 *
 * Answers (developer.apple.com, "Handling notification responses from APNs"): the reason in the
 * body decides where it is known, else the status.
 */
#include <stdlib.h>
#include <string.h>

#include "bridge/push/apns_token.h"
#include "bridge/push/kind_ops.h"
#include "bridge/push/payload.h"
#include "wire/json.h"

#define PAYLOAD_MAX     4096
#define UPDATES_WAIT_MS (5 * 60000)

struct apns {
	char url[CONF_PATH_MAX], sandbox_url[CONF_PATH_MAX];
	char topics[CONF_PATH_MAX]; /* with a space between two */
	struct apns_token token;
};

static void destroy(void *self)
{
	struct apns *a = self;

	apns_token_finish(&a->token);
	free(a);
}

/* Ten capital letters and digits, as Apple names keys and teams. */
static bool is_apple_id(const char *s)
{
	size_t len = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

	return len == 10 && s[len] == '\0';
}

static bool is_topic(struct bytes s)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

	return s.len && s.len <= PUSH_TOPIC_MAX && strspn(s.data, letters) >= s.len;
}

/* The first of the list, which ends with a NUL; empty at its end. */
static struct bytes first_topic(const char *list)
{
	list += strspn(list, " \t");
	return (struct bytes){list, strcspn(list, " \t")};
}

/* Copy the list with one space between two. False if one is no bundle id, or there is none. */
static bool read_topics(char out[CONF_PATH_MAX], const char *list)
{
	struct bytes t;
	char *at = out;

	for (t = first_topic(list); t.len; t = first_topic(t.data + t.len)) {
		if (!is_topic(t))
			return false;
		if (at > out)
			*at++ = ' ';
		memcpy(at, t.data, t.len);
		at += t.len;
	}
	*at = '\0';
	return at > out;
}

static enum err read_conf(struct apns *a, const struct conf *conf, char *why, size_t why_size)
{
	enum err e = push_conf_base("push_apns_url", conf->push_apns_url, why, why_size);

	if (e == ERR_OK)
		e = push_conf_base(
			"push_apns_sandbox_url", conf->push_apns_sandbox_url, why, why_size);
	if (e != ERR_OK)
		return e;
	if (!is_apple_id(conf->push_apns_key_id))
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST,
			"push_apns_key_id must be the ten characters of the key's id");
	if (!is_apple_id(conf->push_apns_team))
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST,
			"push_apns_team must be the ten characters of the team's id");
	if (!read_topics(a->topics, conf->push_apns_topic))
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST,
			"push_apns_topic must be the app's bundle id, or several between spaces");
	memcpy(a->url, conf->push_apns_url, sizeof(a->url));
	memcpy(a->sandbox_url, conf->push_apns_sandbox_url, sizeof(a->sandbox_url));
	strcpy(a->token.key_id, conf->push_apns_key_id);
	strcpy(a->token.team, conf->push_apns_team);
	return ERR_OK;
}

static enum err create(void **out, const struct conf *conf, char *why, size_t why_size)
{
	const char *wrong = "";
	struct apns *a;
	enum err e;

	if (!*conf->push_apns_key)
		return ERR_OK;
	a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	e = read_conf(a, conf, why, why_size);
	if (e == ERR_OK) {
		e = sign_key_load(&a->token.key, SIGN_ES256, conf->push_apns_key, &wrong);
		if (e != ERR_OK)
			push_conf_wrong(why, why_size, e, "push_apns_key %s: %s",
				conf->push_apns_key, wrong);
	}
	if (e != ERR_OK) {
		destroy(a);
		return e;
	}
	*out = a;
	return ERR_OK;
}

struct bytes push_apns_topics_of(const void *self)
{
	const struct apns *a = self;

	return (struct bytes){a->topics, strlen(a->topics)};
}

/* The registration's topic if it is one of ours, ours if it names none; else empty. */
static struct bytes topic_of(const struct apns *a, const struct push_target *target)
{
	struct bytes t = first_topic(a->topics);

	while (target->topic.len && t.len && !bytes_equal(t, target->topic.data, target->topic.len))
		t = first_topic(t.data + t.len);
	return t;
}

static void put_member(struct buf *out, const char *name, struct bytes value, char end)
{
	buf_printf(out, "\"%s\":", name);
	json_put_string(out, value.data, value.len);
	buf_u8(out, (uint8_t)end);
}

static void write_payload(struct buf *out, const struct push_note *view, const void *ctx)
{
	const struct payload_alert alert = payload_alert_of(view);

	(void)ctx;
	buf_str(out, "{\"aps\":{\"alert\":{");
	if (alert.title.len)
		put_member(out, "title", alert.title, ',');
	if (alert.subtitle.len)
		put_member(out, "subtitle", alert.subtitle, ',');
	put_member(out, "body", alert.body, '}');
	buf_printf(out, ",\"badge\":%u,\"sound\":\"default\",", (unsigned)view->badge);
	put_member(out, "thread-id", view->collapse, ',');
	buf_str(out, "\"mutable-content\":1},\"gnatter\":{");
	payload_put_members(out, view, PAYLOAD_BRIEF);
	buf_str(out, "}}");
}

static void write_head(const struct apns *a, const struct push_order *o, struct bytes topic,
	struct http_request *http)
{
	const struct push_note *view = o->view;
	const long long expiration = o->now_ms / 1000 + payload_ttl_s(view, o->now_ms);

	http->http2 = true;
	buf_printf(&http->url, "%s/3/device/%.*s", o->target->sandbox ? a->sandbox_url : a->url,
		(int)o->target->token.len, o->target->token.data);
	buf_printf(&http->headers, "authorization: bearer %.*s\n", (int)a->token.jwt.len,
		a->token.jwt.data);
	buf_printf(&http->headers, "apns-topic: %.*s\napns-push-type: alert\n", (int)topic.len,
		topic.data);
	buf_printf(&http->headers, "apns-priority: %d\napns-expiration: %lld\n",
		view->urgent ? 10 : 5, expiration);
	buf_printf(&http->headers, "apns-collapse-id: %.*s\ncontent-type: application/json\n",
		(int)view->collapse.len, view->collapse.data);
}

static enum push_step prepare(
	void *self, const struct push_order *o, struct push_job *job, struct push_result *result)
{
	struct apns *a = self;
	struct bytes topic = topic_of(a, o->target);

	if (!topic.len)
		return push_end(result, PUSH_DROP, "the app is not one of push_apns_topic");
	if (apns_token_make(&a->token, o->now_ms) != ERR_OK)
		return push_end(result, PUSH_RETRY, "the provider token cannot be signed");
	if (!payload_fit(&job->http.body, o->view, PAYLOAD_MAX, write_payload, NULL))
		return push_end(result, PUSH_DROP, "too large for APNs");
	write_head(a, o, topic, &job->http);
	job->attempt.token = a->token.number;
	return PUSH_SEND;
}

static void endpoint(const struct push_target *t, struct buf *out)
{
	buf_str(out, t->sandbox ? "apns-sandbox" : "apns");
}

/* --- answers --- */

enum meaning {
	THE_STATUS,  /* says it all */
	DEVICE_GONE, /* the registration is dead */
	DEVICE_OLD,  /* it is, if it was made before the time that is given */
	KEY_OLD,     /* the provider token is too old */
	KEY_BAD,     /* it is refused */
	SETUP,       /* what the operator set up is refused, and no token helps */
	SETUP_APP,   /* the same, for this app alone */
	LATER,       /* nobody's fault */
	LATER_ALL,   /* too many tokens: for everybody, later */
	OUR_FAULT,   /* this note is refused */
};

static const struct reason {
	const char *name;
	enum meaning meaning;
} reasons[] = {
	{"BadDeviceToken", DEVICE_GONE},
	{"DeviceTokenNotForTopic", DEVICE_GONE},
	{"Unregistered", DEVICE_OLD},
	{"ExpiredToken", DEVICE_OLD},
	{"ExpiredProviderToken", KEY_OLD},
	{"InvalidProviderToken", KEY_BAD},
	{"MissingProviderToken", KEY_BAD},
	{"BadCertificate", SETUP},
	{"BadCertificateEnvironment", SETUP},
	{"BadEnvironmentKeyIdInToken", SETUP},
	{"UnrelatedKeyIdInToken", SETUP},
	{"Forbidden", SETUP},
	{"BadTopic", SETUP_APP},
	{"MissingTopic", SETUP_APP},
	{"TopicDisallowed", SETUP_APP},
	{"BadPath", SETUP},
	{"MethodNotAllowed", SETUP},
	{"IdleTimeout", LATER},
	{"TooManyRequests", LATER},
	{"TooManyProviderTokenUpdates", LATER_ALL},
	{"PayloadTooLarge", OUR_FAULT},
};

/* The same, where there is no reason that is known. */
static enum meaning meaning_of_status(int status)
{
	switch (status) {
	case 403:
		return KEY_BAD;
	case 404:
	case 405:
		return SETUP;
	case 410:
		return DEVICE_OLD;
	case 429:
		return LATER;
	default:
		return THE_STATUS;
	}
}

/* What the body says. */
struct answer {
	char reason[48];      /* a word; empty if there is none */
	int64_t timestamp_ms; /* of a 410; -1: none */
	enum meaning meaning;
};

static struct answer read_answer(const struct http_response *r)
{
	struct answer out = {
		.reason = "", .timestamp_ms = -1, .meaning = meaning_of_status(r->status)};
	struct bytes reason = {"", 0};
	struct json_object o;

	if (r->status < 400 || json_parse(&o, r->body.data, r->body.len) != ERR_OK)
		return out;
	json_string(&o, "reason", 1, sizeof(out.reason) - 1, &reason);
	json_int(&o, "timestamp", 0, INT64_MAX, &out.timestamp_ms);
	if (push_result_word_ok(reason.data))
		memcpy(out.reason, reason.data, reason.len);
	json_finish(&o);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (strcmp(out.reason, reasons[i].name) == 0)
			out.meaning = reasons[i].meaning;
	}
	return out;
}

/* A provider token that is refused. */
static void classify_key(struct apns *a, const struct push_attempt *attempt, bool expired,
	int64_t now_ms, const char *said, struct push_result *result)
{
	if (!apns_token_refused(&a->token, attempt->token, expired, now_ms)) {
		push_result_fault(result, PUSH_ALERT, "the provider token is refused: %s", said);
		return;
	}
	push_result_set(result, PUSH_RETRY, "the provider token was renewed: %s", said);
	result->renew = true;
}

/* A token that was valid when the device registered again later may be valid again. */
static void classify_old(const struct answer *answer, const struct push_attempt *attempt,
	const char *said, struct push_result *result)
{
	if (answer->timestamp_ms >= 0 && attempt->set_ms > answer->timestamp_ms)
		push_result_set(result, PUSH_RETRY, "gone before it registered again: %s", said);
	else
		push_result_set(result, PUSH_UNREGISTER, "the device is gone: %s", said);
}

static void classify_answer(struct apns *a, const struct push_attempt *attempt,
	const struct http_response *r, int64_t now_ms, struct push_result *result)
{
	const struct answer answer = read_answer(r);
	char said[80];

	snprintf(said, sizeof(said), "%s%sstatus %d", answer.reason, *answer.reason ? ", " : "",
		r->status);
	switch (answer.meaning) {
	case DEVICE_GONE:
		push_result_set(result, PUSH_UNREGISTER, "the device token is bad: %s", said);
		break;
	case DEVICE_OLD:
		classify_old(&answer, attempt, said, result);
		break;
	case KEY_OLD:
	case KEY_BAD:
		classify_key(a, attempt, answer.meaning == KEY_OLD, now_ms, said, result);
		break;
	case SETUP:
		push_result_fault(result, PUSH_ALERT, "the set-up is refused: %s", said);
		break;
	case SETUP_APP:
		push_result_set(result, PUSH_ALERT, "the app is refused: %s", said);
		break;
	case LATER:
		push_result_set(result, PUSH_RETRY, "%s", said);
		result->retry_after_ms = r->retry_after_ms;
		break;
	case LATER_ALL:
		push_result_fault(result, PUSH_RETRY, "%s", said);
		result->retry_after_ms =
			r->retry_after_ms < 0 ? UPDATES_WAIT_MS : r->retry_after_ms;
		break;
	case OUR_FAULT:
	case THE_STATUS:
		push_result_set(result, PUSH_DROP, "%s", said);
		break;
	}
}

static void classify(void *self, const struct push_attempt *attempt, const struct http_response *r,
	int64_t now_ms, struct push_result *result)
{
	struct apns *a = self;

	if (r->status >= 200 && r->status < 500 && r->status != 403 && r->status != 429)
		apns_token_accepted(&a->token, attempt->token);
	if (push_result_common(result, r) && r->status != 429) {
		if (result->verdict == PUSH_DROP)
			push_result_fault(
				result, PUSH_ALERT, "push_apns_url is refused by the guard");
		return;
	}
	classify_answer(a, attempt, r, now_ms, result);
}

const struct push_ops push_apns = {
	.create = create,
	.destroy = destroy,
	.prepare = prepare,
	.endpoint = endpoint,
	.classify = classify,
};
