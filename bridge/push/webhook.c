/* webhook.c — a signed POST of JSON to a gateway of the operator's own, or to one that a
 * registration names.
 *
 *   {"kind":"push","id":…,"user":…,"device":…,"push":{…}}     push: as payload.h tells
 *   Gnatter-Id: the same id, the same for each try of one push
 *   Gnatter-Signature: t=<seconds since 1970>,v1=<hex of HMAC-SHA256 over "<t>.<body>">
 *
 * The operator's URL is signed for with push_webhook_key, a registration's own with its secret, if
 * it has one: a signature of the operator's key never goes to a user's server, who could pass it on
 * as his own.
 *
 * Answers: any 2xx is delivered, 410 removes the registration, 408, 425, 429 and 5xx are tried
 * again. 401 and 403 of the operator's gateway mean that it does not take our signature. All else
 * would be the same the next time.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/push/kind_ops.h"
#include "bridge/push/payload.h"
#include "bridge/push/sign.h"
#include "wire/json.h"
#include "wire/jwt.h"

#define BODY_MAX 16384
#define ID_BYTES 18

struct webhook {
	char url[CONF_PATH_MAX]; /* empty: there is none of the operator's */
	struct jwt_keys key;     /* hs256 */
	bool own, allow_http;
};

static void destroy(void *self)
{
	struct webhook *w = self;

	sodium_memzero(&w->key, sizeof(w->key));
	free(w);
}

static enum err read_conf(struct webhook *w, const struct conf *conf, char *why, size_t why_size)
{
	const char *wrong = "";
	enum err e;

	w->own = conf->push_webhook_own;
	w->allow_http = conf->push_allow_http;
	if (!*conf->push_webhook_url)
		return ERR_OK;
	e = push_conf_url("push_webhook_url", conf->push_webhook_url, why, why_size);
	if (e != ERR_OK)
		return e;
	if (!*conf->push_webhook_key)
		return push_conf_wrong(why, why_size, ERR_BAD_REQUEST,
			"push_webhook_url needs push_webhook_key, to be signed with");
	memcpy(w->url, conf->push_webhook_url, sizeof(w->url));
	e = jwt_load_hs256(&w->key, conf->push_webhook_key, &wrong);
	if (e != ERR_OK)
		push_conf_wrong(
			why, why_size, e, "push_webhook_key %s: %s", conf->push_webhook_key, wrong);
	return e;
}

static enum err create(void **out, const struct conf *conf, char *why, size_t why_size)
{
	struct webhook *w;
	enum err e;

	if (!*conf->push_webhook_url && !conf->push_webhook_own)
		return ERR_OK;
	w = calloc(1, sizeof(*w));
	if (!w)
		return ERR_NOMEM;
	e = read_conf(w, conf, why, why_size);
	if (e != ERR_OK) {
		destroy(w);
		return e;
	}
	*out = w;
	return ERR_OK;
}

/* What is the same for each try of a push, and for no other. */
static void make_id(char out[2 * ID_BYTES], const struct push_note *n)
{
	const struct bytes parts[] = {n->user, n->device, n->collapse};
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	char seq[24];

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		crypto_hash_sha256_update(
			&state, (const unsigned char *)parts[i].data, parts[i].len);
		crypto_hash_sha256_update(&state, (const unsigned char *)"", 1);
	}
	snprintf(seq, sizeof(seq), "%llu", (unsigned long long)n->seq);
	crypto_hash_sha256_update(&state, (const unsigned char *)seq, strlen(seq));
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2base64(
		out, 2 * ID_BYTES, hash, ID_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void put_member(struct buf *out, const char *name, struct bytes value)
{
	buf_printf(out, "\"%s\":", name);
	json_put_string(out, value.data, value.len);
	buf_u8(out, ',');
}

static void write_body(struct buf *out, const struct push_note *view, const void *ctx)
{
	const char *id = ctx;

	buf_printf(out, "{\"kind\":\"push\",\"id\":\"%s\",", id);
	put_member(out, "user", view->user);
	put_member(out, "device", view->device);
	buf_str(out, "\"push\":{");
	payload_put_members(out, view, PAYLOAD_JSON);
	buf_str(out, "}}");
}

static void put_signature(struct buf *out, struct bytes key, const struct buf *body, int64_t now_ms)
{
	unsigned char mac[SIGN_MAC_BYTES];
	char hex[2 * SIGN_MAC_BYTES + 1];
	struct buf text = {0};

	buf_printf(&text, "%lld.", (long long)(now_ms / 1000));
	buf_put(&text, body->data, body->len);
	if (!text.failed) {
		sign_hmac(mac, key, (struct bytes){text.data, text.len});
		sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
		buf_printf(
			out, "Gnatter-Signature: t=%lld,v1=%s\n", (long long)(now_ms / 1000), hex);
	}
	out->failed = out->failed || text.failed;
	buf_free(&text);
}

/* Why there is nothing to be posted to; NULL if there is. */
static const char *refusal(const struct webhook *w, const struct push_target *t)
{
	if (t->url.len == 0)
		return *w->url ? NULL : "this server has no push_webhook_url";
	if (!w->own)
		return "this server does not allow URLs of a registration's own";
	return t->endpoint.https || w->allow_http ? NULL : "http is not allowed here";
}

static enum push_step prepare(
	void *self, const struct push_order *o, struct push_job *job, struct push_result *result)
{
	const struct webhook *w = self;
	const struct push_target *t = o->target;
	const char *why = refusal(w, t);
	struct bytes key = t->secret;
	char id[2 * ID_BYTES];

	if (why)
		return push_end(result, PUSH_DROP, "%s", why);
	make_id(id, o->view);
	if (!payload_fit(&job->http.body, o->view, BODY_MAX, write_body, id))
		return push_end(result, PUSH_DROP, "too large");
	job->http.stranger = job->attempt.stranger = t->url.len > 0;
	if (t->url.len) {
		buf_put(&job->http.url, t->url.data, t->url.len);
	} else {
		buf_str(&job->http.url, w->url);
		key = (struct bytes){(const char *)w->key.hs256, w->key.hs256_len};
	}
	buf_printf(&job->http.headers, "Content-Type: application/json\nGnatter-Id: %s\n", id);
	if (key.len && !job->http.body.failed)
		put_signature(&job->http.headers, key, &job->http.body, o->now_ms);
	return PUSH_SEND;
}

static void endpoint(const struct push_target *t, struct buf *out)
{
	buf_str(out, "webhook");
	if (!t->url.len)
		return;
	buf_u8(out, ' '); /* what a hook finds at an origin says nothing about its push service */
	endpoint_origin(out, &t->endpoint);
}

static void classify(void *self, const struct push_attempt *a, const struct http_response *r,
	int64_t now_ms, struct push_result *result)
{
	(void)self;
	(void)now_ms;
	if (push_result_common(result, r)) {
		if (result->verdict == PUSH_DROP && !a->stranger)
			push_result_fault(
				result, PUSH_ALERT, "push_webhook_url is refused by the guard");
	} else if (r->status == 410) {
		push_result_set(
			result, PUSH_UNREGISTER, "the gateway does not want it (status 410)");
	} else if (r->status == 408 || r->status == 425) {
		push_result_set(result, PUSH_RETRY, "status %d", r->status);
		result->retry_after_ms = r->retry_after_ms;
	} else if (!a->stranger && (r->status == 401 || r->status == 403)) {
		push_result_fault(result, PUSH_ALERT,
			"the gateway refuses the signature (status %d)", r->status);
	}
}

const struct push_ops push_webhook = {
	.create = create,
	.destroy = destroy,
	.prepare = prepare,
	.endpoint = endpoint,
	.classify = classify,
};
