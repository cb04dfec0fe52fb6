/* webpush.c — Web Push: browsers, and UnifiedPush, whose push servers speak the same.
 *
 *   POST <endpoint>       RFC 8030, with the body of RFC 8291 and the authorization of RFC 8292
 *   plaintext: {…} as payload.h tells
 *
 * Answers. 404 (the RFC) and 410 (what browsers' services send) end a subscription. 401 and 403
 * have two meanings: the subscription was made with another VAPID key, and will never be good
 * again; or our JWT is refused, because of our clock or of push_webpush_subject, and all will be
 * good once that is mended. Only what is known to mean the first removes a registration:
 *
 *   Google   403 "the VAPID credentials in the authorization header do not correspond to the
 *            credentials used to create the subscriptions."
 *   Mozilla  401 {"errno":109,"message":"VAPID public key mismatch",…}
 *   Apple    400 or 403 {"reason":"VapidPkHashMismatch"}
 *
 * A user chose the endpoint, and users share push services: no 4xx is a fault of the endpoint.
 */
#include <stdlib.h>
#include <string.h>

#include "bridge/push/kind_ops.h"
#include "bridge/push/payload.h"
#include "bridge/push/vapid.h"

struct webpush {
	struct vapid *vapid;
	bool allow_http;
};

static void destroy(void *self)
{
	struct webpush *w = self;

	vapid_destroy(w->vapid);
	free(w);
}

/* RFC 8292, 2.1: a contact URI. */
static bool is_subject(const char *s)
{
	struct endpoint e;
	const char *why, *at;

	if (strncmp(s, "mailto:", 7) != 0)
		return endpoint_parse(&e, s, strlen(s), &why) && e.https;
	at = strchr(s + 7, '@');
	for (const char *c = s; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return false;
	}
	return at && at > s + 7 && at[1];
}

static enum err create(void **out, const struct conf *conf, char *why, size_t why_size)
{
	const char *wrong = "";
	struct sign_key *key;
	struct webpush *w;
	enum err e;

	if (!*conf->push_webpush_key)
		return ERR_OK;
	if (!is_subject(conf->push_webpush_subject))
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST,
			"push_webpush_subject must be mailto:NAME@HOST or an https URL");
	e = sign_key_load(&key, SIGN_ES256, conf->push_webpush_key, &wrong);
	if (e != ERR_OK)
		return push_conf_wrong(
			why, why_size, e, "push_webpush_key %s: %s", conf->push_webpush_key, wrong);
	w = calloc(1, sizeof(*w));
	if (!w) {
		sign_key_destroy(key);
		return ERR_NOMEM;
	}
	w->allow_http = conf->push_allow_http;
	e = vapid_create(&w->vapid, key, conf->push_webpush_subject);
	if (e != ERR_OK) {
		destroy(w);
		return e;
	}
	*out = w;
	return ERR_OK;
}

struct bytes push_webpush_key_of(const void *self)
{
	const struct webpush *w = self;

	return vapid_public_key(w->vapid);
}

static void write_plaintext(struct buf *out, const struct push_note *view, const void *ctx)
{
	(void)ctx;
	buf_u8(out, '{');
	payload_put_members(out, view, PAYLOAD_JSON);
	buf_u8(out, '}');
}

/* The encrypted body. */
static enum err write_body(struct buf *out, const struct push_order *o)
{
	struct buf plaintext = {0};
	enum err e = ERR_TOO_LARGE;

	if (payload_fit(&plaintext, o->view, WEBPUSH_PLAINTEXT_MAX, write_plaintext, NULL))
		e = plaintext.failed ? ERR_NOMEM
				     : webpush_encrypt(out, &o->target->receiver,
					       (struct bytes){plaintext.data, plaintext.len}, NULL);
	buf_free(&plaintext);
	return e;
}

static enum err write_headers(struct webpush *w, const struct push_order *o, struct buf *out)
{
	struct buf origin = {0};
	enum err e = ERR_NOMEM;

	buf_printf(out, "TTL: %lld\nUrgency: %s\nTopic: %.*s\n",
		(long long)payload_ttl_s(o->view, o->now_ms), o->view->urgent ? "high" : "normal",
		(int)o->view->collapse.len, o->view->collapse.data);
	buf_str(out, "Content-Type: application/octet-stream\nContent-Encoding: aes128gcm\n");
	buf_str(out, "Authorization: ");
	endpoint_origin(&origin, &o->target->endpoint);
	if (!origin.failed)
		e = vapid_put(w->vapid, out, (struct bytes){origin.data, origin.len}, o->now_ms);
	buf_u8(out, '\n');
	buf_free(&origin);
	return e;
}

static enum push_step prepare(
	void *self, const struct push_order *o, struct push_job *job, struct push_result *result)
{
	struct webpush *w = self;
	enum err e;

	if (!o->target->endpoint.https && !w->allow_http)
		return push_end(result, PUSH_DROP, "http is not allowed here");
	e = write_body(&job->http.body, o);
	if (e == ERR_BAD_REQUEST)
		return push_end(result, PUSH_UNREGISTER, "p256dh is no point of the curve P-256");
	if (e == ERR_TOO_LARGE)
		return push_end(result, PUSH_DROP, "too large for Web Push");
	if (e == ERR_OK)
		e = write_headers(w, o, &job->http.headers);
	if (e != ERR_OK)
		return push_end(result, PUSH_RETRY, "the message cannot be encrypted or signed");
	buf_put(&job->http.url, o->target->url.data, o->target->url.len);
	job->http.stranger = job->attempt.stranger = true;
	return PUSH_SEND;
}

static void endpoint(const struct push_target *t, struct buf *out)
{
	endpoint_origin(out, &t->endpoint);
}

/* Does the body hold the words? */
static bool says(struct bytes body, const char *words)
{
	return memmem(body.data, body.len, words, strlen(words)) != NULL;
}

static bool is_other_key(const struct http_response *r)
{
	static const char *const signs[] = {
		"do not correspond to the credentials used to create the subscription",
		"VAPID public key mismatch",
		"VapidPkHashMismatch",
	};

	if (r->body.len == 0 || (r->status != 400 && r->status != 401 && r->status != 403))
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		if (says(r->body, signs[i]))
			return true;
	}
	return false;
}

static void later(const struct http_response *r, struct push_result *result)
{
	push_result_set(result, PUSH_RETRY, "too many requests (status %d)", r->status);
	result->retry_after_ms = r->retry_after_ms;
}

static void classify(void *self, const struct push_attempt *a, const struct http_response *r,
	int64_t now_ms, struct push_result *result)
{
	(void)self;
	(void)a;
	(void)now_ms;
	if (r->status == 507) /* ntfy: nobody listens yet, to this topic */
		later(r, result);
	else if (push_result_common(result, r))
		return;
	else if (r->status == 404 || r->status == 410)
		push_result_set(result, PUSH_UNREGISTER, "the subscription has ended (status %d)",
			r->status);
	else if (is_other_key(r))
		push_result_set(result, PUSH_UNREGISTER,
			"the subscription was made with another VAPID key (status %d)", r->status);
	else if (r->status == 401 || r->status == 403)
		push_result_set(result, PUSH_ALERT,
			"our authorization is refused (status %d): is the clock right, and "
			"push_webpush_subject real?",
			r->status);
	else if (r->status == 406 || r->status == 408 || r->status == 425) /* 406: Microsoft */
		later(r, result);
}

const struct push_ops push_webpush = {
	.create = create,
	.destroy = destroy,
	.prepare = prepare,
	.endpoint = endpoint,
	.classify = classify,
};
